// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: a virtio media device
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tvm_media.h"

/** tvm_media_node() - path of the node to test */
const char *tvm_media_node(void)
{
	const char *path = getenv("VHA_VIDEO_NODE");

	return path ? path : "/dev/vhost-accel/video";
}

/**
 * tvm_media_prepare() - guest memory, and what the driver keeps there
 * @media: filled in
 */
void tvm_media_prepare(struct tvm_media *media)
{
	unsigned int i;

	memset(media, 0, sizeof(*media));
	media->dev.fd = -1;
	media->node = -1;
	tvm_mem_create_default(&media->mem);
	media->area = tvm_mem_alloc(&media->mem, TVM_MEDIA_AREA, TVM_PAGE);
	media->data = tvm_mem_alloc(&media->mem, TVM_MEDIA_AREA, TVM_PAGE);
	for (i = 0; i < TVM_MEDIA_BUFFERS; i++) {
		media->buffers[i] = tvm_mem_alloc(&media->mem, TVM_MEDIA_EVENT_BYTES, 8);
		media->free[i] = true;
	}
}

static int set_window(struct tvm_media *media, uint64_t size)
{
	struct vha_video_window window = { .event = -1, .size = size };

	media->window = mmap(NULL, size, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_TRUE(media->window != MAP_FAILED);
	media->window_size = size;
	window.addr = (uintptr_t)media->window;
	return tvm_dev_ioctl(&media->dev, VHA_VIDEO_SET_WINDOW, &window);
}

static int set_params(struct tvm_media *media, const struct tvm_media_options *options)
{
	struct vha_video_params params = {
		.flags = options->flags,
		.max_sessions = options->max_sessions,
		.max_bytes = options->max_bytes,
	};

	media->scratch = mmap(NULL, VHA_VIDEO_SCRATCH_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(media->scratch != MAP_FAILED);
	params.scratch = (uintptr_t)media->scratch;
	return tvm_dev_ioctl(&media->dev, VHA_VIDEO_SET_PARAMS, &params);
}

/**
 * tvm_media_start() - acknowledge features, start the queues
 * @media: a device whose backing object is set
 * @options: how
 */
int tvm_media_start(struct tvm_media *media, const struct tvm_media_options *options)
{
	unsigned int i, num = options->num ? options->num : 64;
	int ret = tvm_dev_features_set(&media->dev, tvm_config_features(&options->cfg), 0);

	for (i = 0; !ret && i < TVM_MEDIA_QUEUES; i++) {
		ret = tvm_queue_init(&media->vqs[i], &media->dev, i, num, &options->cfg);
		if (!ret)
			ret = tvm_queue_start(&media->vqs[i]);
	}
	if (!ret && !options->no_buffers)
		tvm_media_post(media, TVM_MEDIA_BUFFERS);
	return ret;
}

/**
 * tvm_media_setup() - all from opening the node to queues that run
 * @media: with memory and a node
 * @options: how
 *
 * Return: 0, or a negative errno.
 */
int tvm_media_setup(struct tvm_media *media, const struct tvm_media_options *options)
{
	uint8_t mode = VHOST_FORK_OWNER_KTHREAD;
	int ret = tvm_dev_open(&media->dev, tvm_media_node());

	if (!ret && options->kernel_thread)
		ret = tvm_dev_ioctl(&media->dev, VHOST_SET_FORK_FROM_OWNER, &mode);
	if (!ret)
		ret = tvm_dev_ioctl(&media->dev, VHOST_SET_OWNER, NULL);
	if (!ret)
		ret = tvm_dev_mem_set(&media->dev, &media->mem);
	if (!ret)
		ret = set_params(media, options);
	if (!ret && options->window != 1)
		ret = set_window(media, options->window ? options->window :
				 TVM_MEDIA_WINDOW);
	if (!ret)
		ret = tvm_dev_backend_set(&media->dev, media->node, 0);
	if (!ret)
		ret = tvm_dev_config_get(&media->dev, 0, &media->config,
					 TVM_MEDIA_CONFIG_BYTES);
	return ret ? ret : tvm_media_start(media, options);
}

/**
 * tvm_media_create() - make a device; a failure fails the test
 * @media: filled in
 * @path: of the host's V4L2 node
 * @options: how
 */
void tvm_media_create(struct tvm_media *media, const char *path,
		      const struct tvm_media_options *options)
{
	tvm_media_prepare(media);
	media->node = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ASSERT_GE(media->node, 0);
	ASSERT_EQ(tvm_media_setup(media, options), 0);
}

/**
 * tvm_media_destroy() - undo tvm_media_create(), as far as it got
 * @media: the device
 */
void tvm_media_destroy(struct tvm_media *media)
{
	unsigned int i;

	tvm_dev_close(&media->dev);
	for (i = 0; i < TVM_MEDIA_QUEUES; i++)
		tvm_queue_destroy(&media->vqs[i]);
	if (media->node > 0)
		close(media->node);
	media->node = -1;
	if (media->window)
		munmap(media->window, media->window_size);
	media->window = NULL;
	if (media->scratch)
		munmap(media->scratch, VHA_VIDEO_SCRATCH_BYTES);
	media->scratch = NULL;
	tvm_media_user_forget(media);
	tvm_mem_destroy(&media->mem);
}

/**
 * tvm_media_stat() - a statistic
 * @media: the device
 * @queue: TVM_MEDIA_COMMANDS or TVM_MEDIA_EVENTS
 * @name: its name
 */
int64_t tvm_media_stat(struct tvm_media *media, unsigned int queue, const char *name)
{
	return tvm_dev_stat(&media->dev, queue, name);
}
