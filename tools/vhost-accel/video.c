// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device class video: a video device of the host
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "class.h"
#include "device.h"
#include "log.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/** define VIDEO_QUEUES - commands, events */
#define VIDEO_QUEUES		2
/** define VIDEO_WINDOW_MIB - size of the window by default */
#define VIDEO_WINDOW_MIB	1024
/** define VIDEO_WINDOW_MAX - largest one, in MiB */
#define VIDEO_WINDOW_MAX	(1U << 20)

/**
 * struct video_options - options of the class
 * @path: path of the V4L2 node
 * @fd: an open one, if @has_fd
 * @has_fd: a node was inherited
 * @protocol: VHA_VIDEO_PROTOCOL_*
 * @sessions: how often the guest may open the device, 0 for the node's choice
 * @window_mib: size of the window, 0 for the default
 */
struct video_options {
	const char *path;
	int fd;
	bool has_fd;
	uint32_t protocol;
	unsigned int sessions;
	unsigned int window_mib;
};

static int set_device(void *options, const char *value)
{
	((struct video_options *)options)->path = value;
	return 0;
}

static int set_fd(void *options, const char *value)
{
	struct video_options *video = options;
	unsigned long number;

	if (options_number("backing-fd", value, 1 << 20, &number))
		return -1;
	video->fd = number;
	video->has_fd = true;
	return 0;
}

static const char *const protocols[] = {
	[VHA_VIDEO_PROTOCOL_MEDIA] = "media",
	[VHA_VIDEO_PROTOCOL_ENCODER] = "video-encoder",
	[VHA_VIDEO_PROTOCOL_DECODER] = "video-decoder",
};

static int set_protocol(void *options, const char *value)
{
	struct video_options *video = options;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (strcmp(value, protocols[i]))
			continue;
		video->protocol = i;
		return 0;
	}
	log_error("--protocol: '%s' is not media, video-encoder or video-decoder", value);
	return -1;
}

/* A number of which zero has no meaning of its own. */
static int set_positive(const char *name, const char *value, unsigned long max,
			unsigned int *result)
{
	unsigned long number;

	if (options_number(name, value, max, &number))
		return -1;
	if (!number) {
		log_error("--%s: zero is not possible", name);
		return -1;
	}
	*result = number;
	return 0;
}

static int set_sessions(void *options, const char *value)
{
	struct video_options *video = options;

	return set_positive("sessions", value, VHA_VIDEO_SESSIONS_MAX, &video->sessions);
}

static int set_window(void *options, const char *value)
{
	struct video_options *video = options;

	return set_positive("window-mib", value, VIDEO_WINDOW_MAX, &video->window_mib);
}

static const struct option_rule video_rules[] = {
	{ "device", "PATH", "device is this V4L2 node", set_device },
	{ "backing-fd", "N", "device is what descriptor N is open for", set_fd },
	{ "protocol", "WHICH", "media (the default), video-encoder or video-decoder",
	  set_protocol },
	{ "sessions", "N", "times the guest can have it open (default: 32)", set_sessions },
	{ "window-mib", "N", "MiB for buffers to be mapped in (default: 1024)", set_window },
};

static int check_options(const void *options)
{
	const struct video_options *video = options;

	if (!video->path && !video->has_fd) {
		log_error("serve video: one of --device and --backing-fd is needed");
		return -1;
	}
	if (video->path && video->has_fd) {
		log_error("--device and --backing-fd exclude each other");
		return -1;
	}
	if (video->window_mib && video->protocol != VHA_VIDEO_PROTOCOL_MEDIA) {
		log_error("--window-mib: only media devices have a window");
		return -1;
	}
	return 0;
}

/* Where the kernel makes its calls; it stays for as long as this process. */
static int set_params(struct device *device, const struct video_options *video)
{
	struct vha_video_params params = {
		.max_sessions = video->sessions, .protocol = video->protocol,
	};
	void *scratch = mmap(NULL, VHA_VIDEO_SCRATCH_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int result;

	if (scratch == MAP_FAILED) {
		log_error("memory: %s", strerror(errno));
		return -errno;
	}
	params.scratch = (uintptr_t)scratch;
	result = DEVICE_CALL(device, VHA_VIDEO_SET_PARAMS, &params);
	/* Of the protocol depends how much configuration space there is. */
	return result ? result : DEVICE_CALL(device, VHA_GET_INFO, &device->info);
}

static int set_remote_window(struct device *device, const struct video_options *video)
{
	struct vha_video_window window = { .flags = VHA_VIDEO_WINDOW_F_REMOTE };

	device->window_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (device->window_event < 0) {
		log_error("eventfd: %s", strerror(errno));
		return -errno;
	}
	device->window_size = (uint64_t)(video->window_mib ? video->window_mib :
					 VIDEO_WINDOW_MIB) << 20;
	window.event = device->window_event;
	window.size = device->window_size;
	return DEVICE_CALL(device, VHA_VIDEO_SET_WINDOW, &window);
}

static int open_node(const struct video_options *video)
{
	int fd;

	if (video->has_fd)
		return video->fd;
	fd = open(video->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	log_error("%s: %s", video->path, strerror(errno));
	return -errno;
}

static int attach(struct device *device, const void *options)
{
	const struct video_options *video = options;
	struct vha_backend backend = { 0 };
	int result;

	backend.fd = open_node(video);
	if (backend.fd < 0)
		return backend.fd;
	result = set_params(device, video);
	if (!result && video->protocol == VHA_VIDEO_PROTOCOL_MEDIA)
		result = set_remote_window(device, video);
	if (!result)
		result = DEVICE_CALL(device, VHA_SET_BACKEND, &backend);
	if (result)
		log_error("%s: the kernel refuses it",
			  video->path ? video->path : "backing descriptor");
	/* The kernel holds its own reference. */
	close(backend.fd);
	return result;
}

static int num_queues(struct device *device, const void *options)
{
	(void)device;
	(void)options;
	return VIDEO_QUEUES;
}

const struct device_class video_class = {
	.name = "video",
	.summary = "a video device of the host: a codec, a camera, ...",
	.virtio_id = 48,
	.node = "/dev/vhost-accel/video",
	.capabilities = "{\n  \"type\": \"video\",\n  \"features\": [ ]\n}\n",
	.options = video_rules,
	.num_options = ARRAY_SIZE(video_rules),
	.options_size = sizeof(struct video_options),
	.check = check_options,
	.attach = attach,
	.num_queues = num_queues,
};
