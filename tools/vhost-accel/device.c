// SPDX-License-Identifier: GPL-2.0-only
/*
 * An open node and its ioctls
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "device.h"
#include "log.h"

static void explain_open(const char *node, int error)
{
	const char *why = "";

	if (error == ENOENT || error == ENXIO || error == ENODEV)
		why = " (is the module loaded?)";
	else if (error == EACCES || error == EPERM)
		why = " (is the user in group kvm?)";
	log_error("%s: %s%s", node, strerror(error), why);
}

/**
 * device_open() - open a node and learn what it offers
 * @device: receives the result
 * @node: path of the node
 *
 * Return: 0, or a negative errno after a message.
 */
int device_open(struct device *device, const char *node)
{
	int result;

	memset(device, 0, sizeof(*device));
	device->node = node;
	device->window_event = -1;
	/* Non-blocking for the sake of reading IOTLB messages; nothing else blocks. */
	device->fd = open(node, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (device->fd < 0) {
		result = -errno;
		explain_open(node, errno);
		return result;
	}
	if (ioctl(device->fd, VHA_GET_INFO, &device->info)) {
		result = -errno;
		log_error("%s: %s", node, errno == ENOTTY ? "not a node of vhost-accel" :
			  strerror(errno));
		goto close_node;
	}
	return 0;

close_node:
	device_close(device);
	return result;
}

/**
 * device_close() - close the node, which stops the device
 * @device: the node; may be closed already
 */
void device_close(struct device *device)
{
	if (device->fd >= 0)
		close(device->fd);
	device->fd = -1;
	if (device->window_event >= 0)
		close(device->window_event);
	device->window_event = -1;
}

/**
 * device_expect() - check that a node is what it is taken for
 * @device: the node
 * @virtio_id: the expected class
 *
 * Return: 0, or a negative errno after a message.
 */
int device_expect(const struct device *device, uint32_t virtio_id)
{
	if (device->info.abi_version != VHA_ABI_VERSION) {
		log_error("%s: ABI version %u, this program needs %u", device->node,
			  device->info.abi_version, VHA_ABI_VERSION);
		return -EPROTONOSUPPORT;
	}
	if (device->info.virtio_id != virtio_id) {
		log_error("%s: virtio device id %u, expected %u", device->node,
			  device->info.virtio_id, virtio_id);
		return -ENODEV;
	}
	return 0;
}

/* What the errno alone does not tell: rings and pinned memory are locked memory. */
static void explain_call(const char *name, int error)
{
	struct rlimit limit;

	log_error("%s: %s", name, strerror(error));
	if (error != ENOMEM || getrlimit(RLIMIT_MEMLOCK, &limit) ||
	    limit.rlim_cur == RLIM_INFINITY)
		return;
	log_error("locked memory, which rings and pinned memory are, is limited to %llu KiB",
		  (unsigned long long)limit.rlim_cur / 1024);
	log_error("see ulimit -l, or LimitMEMLOCK= of the systemd unit");
}

/**
 * device_call() - issue an ioctl
 * @device: the node
 * @request: number of the ioctl
 * @name: its name, for the message
 * @argument: its argument
 *
 * Return: what the ioctl returned, or a negative errno after a message.
 */
int device_call(const struct device *device, unsigned long request, const char *name,
		void *argument)
{
	int result;

	do {
		result = ioctl(device->fd, request, argument);
	} while (result < 0 && errno == EINTR);
	if (result >= 0)
		return result;
	result = -errno;
	explain_call(name, errno);
	return result;
}

/**
 * device_call_ring() - issue an ioctl that takes a number for a ring
 * @device: the node
 * @request: number of the ioctl
 * @name: its name, for the message
 * @index: the ring
 * @number: the number
 *
 * Return: 0, or a negative errno after a message.
 */
int device_call_ring(const struct device *device, unsigned long request, const char *name,
		     unsigned int index, unsigned int number)
{
	struct vhost_vring_state state = { .index = index, .num = number };

	return device_call(device, request, name, &state);
}

/**
 * device_call_ring_fd() - issue an ioctl that takes a descriptor for a ring
 * @device: the node
 * @request: number of the ioctl
 * @name: its name, for the message
 * @index: the ring
 * @fd: the descriptor, -1 for none
 *
 * Return: 0, or a negative errno after a message.
 */
int device_call_ring_fd(const struct device *device, unsigned long request,
			const char *name, unsigned int index, int fd)
{
	struct vhost_vring_file file = { .index = index, .fd = fd };

	return device_call(device, request, name, &file);
}

/**
 * device_read_config() - read configuration space
 * @device: the node
 * @offset: first byte
 * @size: bytes, at most %VHA_CONFIG_MAX
 * @data: receives them; bytes behind the configuration space are zero, for
 *	front ends that know of more fields than the device
 *
 * Return: 0, or a negative errno after a message.
 */
int device_read_config(const struct device *device, uint32_t offset, uint32_t size,
		       void *data)
{
	struct vha_config config = { .offset = offset };
	int result;

	memset(data, 0, size);
	if (offset >= device->info.config_size)
		return 0;
	config.size = device->info.config_size - offset;
	if (config.size > size)
		config.size = size;
	result = DEVICE_CALL(device, VHA_GET_CONFIG, &config);
	if (result >= 0)
		memcpy(data, config.data, config.size);
	return result;
}

/**
 * device_write_config() - write configuration space
 * @device: the node
 * @offset: first byte
 * @size: bytes, at most %VHA_CONFIG_MAX
 * @data: the bytes
 *
 * Return: 0, or a negative errno after a message.
 */
int device_write_config(const struct device *device, uint32_t offset, uint32_t size,
			const void *data)
{
	struct vha_config config = { .offset = offset, .size = size };

	memcpy(config.data, data, size);
	return DEVICE_CALL(device, VHA_SET_CONFIG, &config);
}

/**
 * device_spread_workers() - spread the queues over workers, round robin
 * @device: the node
 * @num_workers: workers, the one every device starts with included
 *
 * Return: 0, or a negative errno after a message.
 */
int device_spread_workers(const struct device *device, unsigned int num_workers)
{
	struct vhost_worker_state worker;
	struct vhost_vring_worker place;
	unsigned int i;
	int result;

	for (i = 1; i < num_workers; i++) {
		result = DEVICE_CALL(device, VHOST_NEW_WORKER, &worker);
		if (result < 0)
			return result;
		place.worker_id = worker.worker_id;
		for (place.index = i; place.index < device->num_queues;
		     place.index += num_workers) {
			result = DEVICE_CALL(device, VHOST_ATTACH_VRING_WORKER, &place);
			if (result < 0)
				return result;
		}
	}
	return 0;
}

/**
 * device_set_poll() - set how long workers poll before they sleep
 * @device: the node
 * @microseconds: the time, 0 for not at all
 *
 * Return: 0, or a negative errno after a message.
 */
int device_set_poll(const struct device *device, unsigned int microseconds)
{
	unsigned int i;
	int result;

	for (i = 0; i < device->num_queues; i++) {
		result = DEVICE_CALL_RING(device, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, i,
					  microseconds);
		if (result < 0)
			return result;
	}
	return 0;
}
