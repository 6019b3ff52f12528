// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's side of a stream's queue: its buffers, and what it has to process
 *
 * A queue of the host is set up when the driver queues the first buffer, because only
 * then the format is final.
 */
#include "codec.h"

static int request(struct vha_codec_stream *stream, struct vha_codec_queue *queue, u32 memory,
		   u32 count)
{
	struct v4l2_requestbuffers buffers = {
		.type = queue->type, .memory = memory, .count = count,
	};
	int ret;

	ret = vha_codec_ioctl(stream, VIDIOC_REQBUFS, &buffers, sizeof(buffers));
	if (ret)
		return ret;
	queue->memory = memory;
	queue->count = min_t(u32, buffers.count, VIDEO_MAX_FRAME);
	return 0;
}

/* Nodes that take no memory of others have some of their own. */
static int set_up(struct vha_codec_stream *stream, struct vha_codec_queue *queue)
{
	struct v4l2_format format = { .type = queue->type };
	int ret;

	if (queue->memory)
		return 0;
	ret = vha_codec_ioctl(stream, VIDIOC_G_FMT, &format, sizeof(format));
	if (ret)
		return ret;
	queue->nr_sizes = vha_codec_format_planes(&format, queue->sizes);
	if (!request(stream, queue, V4L2_MEMORY_USERPTR, VHA_CODEC_RESOURCES_MAX))
		return 0;
	return request(stream, queue, V4L2_MEMORY_MMAP, max(queue->nr, 1U));
}

/* With a start begins whatever the driver was told of before. */
static int stream_on(struct vha_codec_stream *stream, struct vha_codec_queue *queue)
{
	u32 type = queue->type;
	int ret;

	if (queue->streaming)
		return 0;
	ret = vha_codec_ioctl(stream, VIDIOC_STREAMON, &type, sizeof(type));
	if (ret)
		return ret;
	queue->streaming = true;
	queue->ended = false;
	if (queue == &stream->queues[VHA_CODEC_OUT])
		stream->change = VHA_CODEC_SAME;
	return 0;
}

/**
 * vha_codec_host_begin() - have the host start
 * @stream: the stream
 * @queue: the queue
 *
 * Return: 0, or what the host returns.
 */
int vha_codec_host_begin(struct vha_codec_stream *stream, struct vha_codec_queue *queue)
{
	return set_up(stream, queue) ?: stream_on(stream, queue);
}

/* One more buffer of the host's own. */
static int grow(struct vha_codec_stream *stream, struct vha_codec_queue *queue)
{
	struct v4l2_create_buffers create = {
		.count = 1, .memory = queue->memory, .format.type = queue->type,
	};
	int ret;

	if (queue->count == VIDEO_MAX_FRAME)
		return -ENOSPC;
	ret = vha_codec_ioctl(stream, VIDIOC_G_FMT, &create.format, sizeof(create.format));
	if (ret)
		return ret;
	ret = vha_codec_ioctl(stream, VIDIOC_CREATE_BUFS, &create, sizeof(create));
	if (ret)
		return ret;
	if (create.index != queue->count || create.count != 1)
		return -ENOSPC;
	queue->count++;
	return 0;
}

static int take_index(struct vha_codec_stream *stream, struct vha_codec_queue *queue,
		      struct vha_codec_resource *resource)
{
	u32 i;
	int ret;

	if (resource->index >= 0)
		return 0;
	for (i = 0; i < queue->count && queue->hosts[i]; i++)
		;
	if (i == queue->count) {
		ret = grow(stream, queue);
		if (ret)
			return ret;
	}
	queue->hosts[i] = resource;
	resource->index = i;
	return 0;
}

static int check_planes(const struct vha_codec_stream *stream,
			const struct vha_codec_queue *queue,
			const struct vha_codec_resource *resource)
{
	u32 i;

	if (resource->nr_planes != queue->nr_sizes)
		return -EINVAL;
	if (queue == &stream->queues[VHA_CODEC_IN])
		return 0;
	for (i = 0; i < queue->nr_sizes; i++)
		if (resource->planes[i].len < queue->sizes[i])
			return -EINVAL;
	return 0;
}

/**
 * struct queued - a buffer and its planes, as they are in the scratch memory
 * @buffer: the buffer
 * @planes: its planes
 */
struct queued {
	struct v4l2_buffer buffer;
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
};

static void fill_plane(const struct vha_codec_queue *queue,
		       const struct vha_codec_resource *resource, struct queued *queued,
		       u32 index, u64 addr)
{
	const struct vha_codec_plane *plane = &resource->planes[index];
	u32 len = resource->copied ? plane->shadow_len : plane->len;
	struct v4l2_plane *host = &queued->planes[index];

	if (resource->copied)
		addr = plane->shadow;
	if (V4L2_TYPE_IS_MULTIPLANAR(queue->type)) {
		host->bytesused = resource->used[index];
		host->length = len;
		if (queue->memory == V4L2_MEMORY_USERPTR)
			host->m.userptr = addr;
		return;
	}
	queued->buffer.bytesused = resource->used[index];
	queued->buffer.length = len;
	if (queue->memory == V4L2_MEMORY_USERPTR)
		queued->buffer.m.userptr = addr;
}

static int queue_buffer(struct vha_codec_stream *stream, struct vha_codec_queue *queue,
			struct vha_codec_resource *resource, const u64 *addrs)
{
	u64 scratch = codec_video(stream)->params.scratch + VHA_VIDEO_SCRATCH_COMMAND;
	struct queued queued = {
		.buffer.index = resource->index, .buffer.type = queue->type,
		.buffer.memory = queue->memory, .buffer.field = V4L2_FIELD_NONE,
	};
	u32 i;

	if (queue == &stream->queues[VHA_CODEC_IN])
		vha_codec_stamp_put(&stream->stamps, resource->timestamp, &queued.buffer);
	for (i = 0; i < resource->nr_planes; i++)
		fill_plane(queue, resource, &queued, i, addrs[i]);
	if (V4L2_TYPE_IS_MULTIPLANAR(queue->type)) {
		queued.buffer.length = resource->nr_planes;
		queued.buffer.m.planes =
			(void *)(uintptr_t)(scratch + offsetof(struct queued, planes));
	}
	return vha_codec_ioctl(stream, VIDIOC_QBUF, &queued, sizeof(queued));
}

static int queue_copy(struct vha_queue *vq, struct vha_codec_stream *stream,
		      struct vha_codec_queue *queue, struct vha_codec_resource *resource)
{
	const u64 none[VHA_CODEC_PLANES_MAX] = {};
	int ret;

	ret = vha_codec_shadow_make(stream, queue, resource);
	if (ret)
		return ret;
	if (queue == &stream->queues[VHA_CODEC_IN]) {
		ret = vha_codec_shadow_in(vq, resource);
		if (ret)
			return ret;
	}
	return queue_buffer(stream, queue, resource, none);
}

static int put(struct vha_queue *vq, struct vha_codec_stream *stream,
	       struct vha_codec_queue *queue, struct vha_codec_resource *resource)
{
	u64 addrs[VHA_CODEC_PLANES_MAX];

	/* Memory the node does not take after all is copied from then on. */
	if (queue->memory == V4L2_MEMORY_USERPTR && !resource->copied &&
	    vha_codec_shadow_needless(vq, queue, resource, addrs) &&
	    !queue_buffer(stream, queue, resource, addrs))
		return 0;
	return queue_copy(vq, stream, queue, resource);
}

/**
 * vha_codec_host_put() - give a buffer to the host
 * @vq: the command queue
 * @stream: the stream
 * @queue: the buffer's queue
 * @resource: the buffer, which the host does not have
 *
 * Return: 0, -EINVAL for a buffer that is not what the format needs, or what the host
 * returns.
 */
int vha_codec_host_put(struct vha_queue *vq, struct vha_codec_stream *stream,
		       struct vha_codec_queue *queue, struct vha_codec_resource *resource)
{
	int ret;

	ret = set_up(stream, queue);
	if (!ret)
		ret = check_planes(stream, queue, resource);
	if (!ret)
		ret = stream_on(stream, queue);
	if (ret)
		return ret;
	/* Before there is a buffer, so that the last frame is known to be the last. */
	vha_codec_stream_advance(vq, stream);
	ret = take_index(stream, queue, resource);
	if (!ret)
		ret = put(vq, stream, queue, resource);
	if (ret)
		return ret;
	resource->hosted = true;
	queue->hosted++;
	return 0;
}

/**
 * vha_codec_host_stop() - take all buffers from the host
 * @stream: the stream
 * @queue: the queue
 *
 * Also when the host can not be asked any more: then it ends with its file.
 */
void vha_codec_host_stop(struct vha_codec_stream *stream, struct vha_codec_queue *queue)
{
	struct vha_codec_resource *resource;
	u32 type = queue->type;

	if (queue->streaming)
		vha_codec_ioctl(stream, VIDIOC_STREAMOFF, &type, sizeof(type));
	queue->streaming = false;
	queue->ended = false;
	queue->hosted = 0;
	list_for_each_entry(resource, &queue->held, node)
		resource->hosted = false;
	/* A host that forgets that it is to stop is told again. */
	if (queue == &stream->queues[VHA_CODEC_OUT])
		stream->stopped = false;
}

/**
 * vha_codec_host_release() - have the host forget its buffers
 * @stream: the stream
 * @queue: the queue
 *
 * Afterwards it references nothing of the guest's memory.
 */
void vha_codec_host_release(struct vha_codec_stream *stream, struct vha_codec_queue *queue)
{
	u32 i;

	vha_codec_host_stop(stream, queue);
	for (i = 0; i < queue->nr; i++) {
		vha_codec_shadow_drop(codec_video(stream), queue->resources[i]);
		queue->resources[i]->index = -1;
	}
	memset(queue->hosts, 0, sizeof(queue->hosts));
	if (queue->memory)
		request(stream, queue, queue->memory, 0);
	queue->memory = 0;
	queue->count = 0;
}
