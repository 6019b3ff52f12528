// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device class blk: a disk
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "class.h"
#include "device.h"
#include "image_lock.h"
#include "log.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/** define CONFIG_NUM_QUEUES - offset of num_queues in configuration space */
#define CONFIG_NUM_QUEUES	34

/**
 * enum blk_kind - which kind of backing object was asked for
 * @BLK_NONE: none yet
 * @BLK_IMAGE: a regular file
 * @BLK_DEVICE: a block device
 * @BLK_EITHER: one of the two
 * @BLK_FD: an inherited descriptor of either
 */
enum blk_kind {
	BLK_NONE,
	BLK_IMAGE,
	BLK_DEVICE,
	BLK_EITHER,
	BLK_FD,
};

/**
 * struct blk_options - options of the class
 * @kind: kind of backing object
 * @path: its path
 * @fd: its descriptor
 * @read_only: the guest can not write
 * @shared: others may use the disk at the same time
 * @write_through: the write cache starts disabled
 * @poll: the block device is polled for completions
 * @worker_completion: requests complete in a worker only
 * @block_size: logical block size, 0 for that of the backing object
 * @num_queues: queues, 0 for the node's maximum
 * @seg_max: segments announced per request, 0 for the node's choice
 * @serial: answer to the guest's question for a serial number
 */
struct blk_options {
	enum blk_kind kind;
	const char *path;
	int fd;
	bool read_only;
	bool shared;
	bool write_through;
	bool poll;
	bool worker_completion;
	unsigned int block_size;
	unsigned int num_queues;
	unsigned int seg_max;
	const char *serial;
};

static int set_backing(struct blk_options *blk, enum blk_kind kind, const char *path)
{
	if (blk->kind != BLK_NONE) {
		log_error("--image, --device and --backing-fd exclude each other");
		return -1;
	}
	blk->kind = kind;
	blk->path = path;
	return 0;
}

static int set_image(void *options, const char *value)
{
	return set_backing(options, BLK_IMAGE, value);
}

static int set_device(void *options, const char *value)
{
	return set_backing(options, BLK_DEVICE, value);
}

static int set_either(void *options, const char *value)
{
	return set_backing(options, BLK_EITHER, value);
}

static int set_fd(void *options, const char *value)
{
	struct blk_options *blk = options;
	unsigned long number;

	if (options_number("backing-fd", value, 1 << 20, &number))
		return -1;
	blk->fd = number;
	return set_backing(blk, BLK_FD, "backing descriptor");
}

static int set_read_only(void *options, const char *value)
{
	(void)value;
	((struct blk_options *)options)->read_only = true;
	return 0;
}

static int set_shared(void *options, const char *value)
{
	(void)value;
	((struct blk_options *)options)->shared = true;
	return 0;
}

static int set_poll(void *options, const char *value)
{
	(void)value;
	((struct blk_options *)options)->poll = true;
	return 0;
}

static int set_worker_completion(void *options, const char *value)
{
	(void)value;
	((struct blk_options *)options)->worker_completion = true;
	return 0;
}

static int set_write_cache(void *options, const char *value)
{
	struct blk_options *blk = options;

	if (strcmp(value, "on") && strcmp(value, "off")) {
		log_error("--write-cache: '%s' is neither on nor off", value);
		return -1;
	}
	blk->write_through = !strcmp(value, "off");
	return 0;
}

static int set_serial(void *options, const char *value)
{
	struct blk_options *blk = options;

	if (strlen(value) > VHA_BLK_ID_BYTES) {
		log_error("--serial: '%s' has more than %d characters", value,
			  VHA_BLK_ID_BYTES);
		return -1;
	}
	blk->serial = value;
	return 0;
}

static int set_block_size(void *options, const char *value)
{
	struct blk_options *blk = options;
	unsigned long number;

	if (options_number("block-size", value, 65536, &number))
		return -1;
	if (number < 512 || number & (number - 1)) {
		log_error("--block-size: %lu is not a power of two from 512 on", number);
		return -1;
	}
	blk->block_size = number;
	return 0;
}

static int set_num_queues(void *options, const char *value)
{
	struct blk_options *blk = options;
	unsigned long number;

	if (options_number("num-queues", value, 256, &number))
		return -1;
	if (!number) {
		log_error("--num-queues: at least one queue is needed");
		return -1;
	}
	blk->num_queues = number;
	return 0;
}

static int set_seg_max(void *options, const char *value)
{
	struct blk_options *blk = options;
	unsigned long number;

	if (options_number("seg-max", value, 8192, &number))
		return -1;
	if (!number) {
		log_error("--seg-max: at least one segment is needed");
		return -1;
	}
	blk->seg_max = number;
	return 0;
}

static const struct option_rule blk_rules[] = {
	{ "image", "FILE", "disk is a raw image file", set_image },
	{ "device", "PATH", "disk is a block device", set_device },
	{ "blk-file", "PATH", NULL, set_either },
	{ "backing-fd", "N", "disk is the open file or block device N", set_fd },
	{ "read-only", NULL, "the guest can not write", set_read_only },
	{ "shared", NULL, "do not lock the image or claim the block device", set_shared },
	{ "serial", "S", "serial number the guest sees, up to 20 characters", set_serial },
	{ "block-size", "N", "logical block size in bytes", set_block_size },
	{ "num-queues", "N", "queues offered (default: as many as there can be)",
	  set_num_queues },
	{ "seg-max", "N", "segments per request (default: 126)", set_seg_max },
	{ "write-cache", "on|off", "write cache at the start (default: on)",
	  set_write_cache },
	{ "poll-device", NULL, "poll the block device for completions", set_poll },
	{ "worker-completion", NULL, "complete requests in workers only; for measuring",
	  set_worker_completion },
};

static int check_options(const void *options)
{
	const struct blk_options *blk = options;

	if (blk->kind == BLK_NONE) {
		log_error("serve blk: one of --image, --device and --backing-fd is needed");
		return -1;
	}
	return 0;
}

static int check_kind(const struct blk_options *blk, int fd)
{
	struct stat status;
	bool file, device;

	if (fstat(fd, &status)) {
		log_error("%s: %s", blk->path, strerror(errno));
		return -errno;
	}
	file = S_ISREG(status.st_mode);
	device = S_ISBLK(status.st_mode);
	if (blk->kind == BLK_IMAGE && !file) {
		log_error("%s: not a regular file%s", blk->path,
			  device ? "; see --device" : "");
		return -EINVAL;
	}
	if (blk->kind == BLK_DEVICE && !device) {
		log_error("%s: not a block device%s", blk->path,
			  file ? "; see --image" : "");
		return -ENOTBLK;
	}
	if (!file && !device) {
		log_error("%s: neither a regular file nor a block device", blk->path);
		return -EINVAL;
	}
	return 0;
}

static void explain_open(const char *path, int error)
{
	const char *why = "";

	if (error == EINVAL)
		why = " (its file system may lack direct I/O)";
	else if (error == EBUSY)
		why = " (mounted or otherwise in use; see --shared)";
	else if (error == EROFS || error == EACCES)
		why = " (see --read-only if it can only be read)";
	log_error("%s: %s%s", path, strerror(error), why);
}

/*
 * A block device is claimed, so that it is not a mounted one whose file system
 * the guest would destroy. For anything but a block device O_EXCL without
 * O_CREAT has no defined meaning and is left out.
 */
static int open_flags(const struct blk_options *blk)
{
	int flags = O_CLOEXEC | O_DIRECT;
	struct stat status;

	flags |= blk->read_only ? O_RDONLY : O_RDWR;
	if (!blk->shared && !blk->read_only && !stat(blk->path, &status) &&
	    S_ISBLK(status.st_mode))
		flags |= O_EXCL;
	return flags;
}

/* A block device has been claimed instead, and has no locks. */
static int lock_backing(const struct blk_options *blk, int fd)
{
	int result = image_lock(fd, blk->read_only);

	if (result)
		log_error("%s: in use by somebody who does not share it (see --shared)",
			  blk->path);
	return result;
}

static int open_backing(const struct blk_options *blk)
{
	int fd, result;

	if (blk->kind == BLK_FD) {
		fd = blk->fd;
	} else {
		fd = open(blk->path, open_flags(blk));
		if (fd < 0) {
			result = -errno;
			explain_open(blk->path, errno);
			return result;
		}
	}
	result = check_kind(blk, fd);
	if (!result && blk->kind != BLK_FD && !blk->shared)
		result = lock_backing(blk, fd);
	if (result) {
		close(fd);
		return result;
	}
	return fd;
}

static void fill_params(const struct blk_options *blk, struct vha_blk_params *params)
{
	memset(params, 0, sizeof(*params));
	if (blk->read_only)
		params->flags |= VHA_BLK_F_READ_ONLY;
	if (blk->write_through)
		params->flags |= VHA_BLK_F_WRITE_THROUGH;
	if (blk->poll)
		params->flags |= VHA_BLK_F_POLL;
	params->block_size = blk->block_size;
	params->num_queues = blk->num_queues;
	params->seg_max = blk->seg_max;
	if (blk->serial)
		memcpy(params->serial, blk->serial, strlen(blk->serial));
}

static int attach(struct device *device, const void *options)
{
	const struct blk_options *blk = options;
	struct vha_backend backend = { 0 };
	struct vha_blk_params params;
	int result;

	backend.fd = open_backing(blk);
	if (backend.fd < 0)
		return backend.fd;
	if (blk->worker_completion)
		backend.flags |= VHA_BACKEND_F_WORKER_COMPLETION;
	fill_params(blk, &params);
	result = DEVICE_CALL(device, VHA_BLK_SET_PARAMS, &params);
	if (!result)
		result = DEVICE_CALL(device, VHA_SET_BACKEND, &backend);
	if (result)
		log_error("%s: the kernel refuses it with these options", blk->path);
	/* The kernel holds its own reference; the claim of O_EXCL goes with it. */
	close(backend.fd);
	return result;
}

static int num_queues(struct device *device, const void *options)
{
	__u64 features;
	uint8_t number[2];
	int result;

	(void)options;
	result = DEVICE_CALL(device, VHOST_GET_FEATURES, &features);
	if (result)
		return result;
	if (!(features & (1ULL << VIRTIO_BLK_F_MQ)))
		return 1;
	result = device_read_config(device, CONFIG_NUM_QUEUES, sizeof(number), number);
	if (result)
		return result;
	return number[0] | number[1] << 8;
}

/* The driver chooses between write back and write through. */
static const struct config_span blk_writable[] = {
	{ .offset = 32, .size = 1 },
};

const struct device_class blk_class = {
	.name = "blk",
	.summary = "a disk: raw image file or block device",
	.virtio_id = 2,
	.node = "/dev/vhost-accel/blk",
	.capabilities = "{\n  \"type\": \"block\",\n"
			"  \"features\": [ \"read-only\", \"blk-file\" ]\n}\n",
	.options = blk_rules,
	.num_options = ARRAY_SIZE(blk_rules),
	.options_size = sizeof(struct blk_options),
	.writable = blk_writable,
	.num_writable = ARRAY_SIZE(blk_writable),
	.check = check_options,
	.attach = attach,
	.num_queues = num_queues,
};
