// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host has done with buffers, and taking them back
 *
 * The last buffer before an end, or before another format, the host marks in the same
 * way. Which of them it is an event tells, that comes first.
 */
#include "codec.h"
#include "trace.h"

/* Buffers of a stream that are returned at a time. */
#define COLLECT_MAX	(2 * VHA_CODEC_RESOURCES_MAX)

static bool is_out(const struct vha_codec_stream *stream, const struct vha_codec_queue *queue)
{
	return queue == &stream->queues[VHA_CODEC_OUT];
}

static void take_events(struct vha_codec_stream *stream)
{
	struct v4l2_event event;

	if (!stream->session->subscribed)
		return;
	for (;;) {
		memset(&event, 0, sizeof(event));
		if (vha_codec_ioctl(stream, VIDIOC_DQEVENT, &event, sizeof(event)))
			return;
		if (event.type == V4L2_EVENT_SOURCE_CHANGE &&
		    event.u.src_change.changes & V4L2_EVENT_SRC_CH_RESOLUTION)
			stream->change = VHA_CODEC_CHANGING;
	}
}

/*
 * The driver is told when it has all frames of the old format. Without a buffer there
 * the host can not say that it does.
 */
static void tell_change(struct vha_codec_stream *stream)
{
	const struct vha_codec_queue *out = &stream->queues[VHA_CODEC_OUT];
	struct vha_video_session *session = stream->session;

	if (stream->change != VHA_CODEC_CHANGING)
		return;
	if (out->streaming && !out->ended && out->hosted)
		return;
	stream->change = VHA_CODEC_CHANGED;
	mutex_lock(&session->mutex);
	session->change_pending = true;
	mutex_unlock(&session->mutex);
	vha_video_session_ready(session);
}

/**
 * struct dequeued - a buffer and its planes, as they are in the scratch memory
 * @buffer: the buffer
 * @planes: its planes
 */
struct dequeued {
	struct v4l2_buffer buffer;
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
};

static bool harmless(int error)
{
	switch (error) {
	case -EAGAIN:
	case -EINTR:
	case -EBUSY:
	case -EPIPE:
	case -EINVAL:
		return true;
	default:
		return false;
	}
}

/* Returns the buffer, or NULL when there is none. */
static struct vha_codec_resource *dequeue(struct vha_queue *vq, struct vha_codec_stream *stream,
					  struct vha_codec_queue *queue,
					  struct dequeued *dequeued)
{
	u64 scratch = codec_video(stream)->params.scratch + VHA_VIDEO_SCRATCH_COMMAND;
	struct vha_codec_resource *resource = NULL;
	int ret;

	memset(dequeued, 0, sizeof(*dequeued));
	dequeued->buffer.type = queue->type;
	dequeued->buffer.memory = queue->memory;
	if (V4L2_TYPE_IS_MULTIPLANAR(queue->type)) {
		dequeued->buffer.length = VIDEO_MAX_PLANES;
		dequeued->buffer.m.planes =
			(void *)(uintptr_t)(scratch + offsetof(struct dequeued, planes));
	}
	ret = vha_codec_ioctl(stream, VIDIOC_DQBUF, dequeued, sizeof(*dequeued));
	if (!ret && dequeued->buffer.index < VIDEO_MAX_FRAME)
		resource = queue->hosts[dequeued->buffer.index];
	/* The VMM can write there what it likes. */
	if (!ret && (!resource || !resource->hosted))
		ret = -EIO;
	if (ret) {
		if (!harmless(ret))
			vha_codec_stream_fail(vq, stream, ret);
		return NULL;
	}
	resource->hosted = false;
	queue->hosted--;
	return resource;
}

static u32 sum_used(const struct vha_codec_queue *queue, const struct dequeued *dequeued,
		    u32 *used)
{
	u32 i, sum = 0;

	if (!V4L2_TYPE_IS_MULTIPLANAR(queue->type)) {
		used[0] = dequeued->buffer.bytesused;
		return used[0];
	}
	for (i = 0; i < queue->nr_sizes; i++) {
		used[i] = dequeued->planes[i].bytesused;
		sum += used[i];
	}
	return sum;
}

static u32 flags_of(const struct vha_codec_stream *stream, const struct v4l2_buffer *buffer)
{
	u32 flags = buffer->flags & V4L2_BUF_FLAG_ERROR ? VHA_CODEC_FLAG_ERR : 0;

	if (!codec_encodes(codec_video(stream)))
		return flags;
	if (buffer->flags & V4L2_BUF_FLAG_KEYFRAME)
		flags |= VHA_CODEC_FLAG_I;
	if (buffer->flags & V4L2_BUF_FLAG_PFRAME)
		flags |= VHA_CODEC_FLAG_P;
	if (buffer->flags & V4L2_BUF_FLAG_BFRAME)
		flags |= VHA_CODEC_FLAG_B;
	return flags;
}

static void return_frame(struct vha_queue *vq, struct vha_codec_stream *stream,
			 struct vha_codec_resource *resource, const struct v4l2_buffer *buffer,
			 const u32 *used, u32 size)
{
	u64 stamp = vha_codec_stamp_get(&stream->stamps, buffer);
	u32 flags = flags_of(stream, buffer);

	if (!resource->copied)
		vha_codec_shadow_log(vq, resource);
	else if (vha_codec_shadow_out(vq, resource, used))
		flags |= VHA_CODEC_FLAG_ERR;
	vha_video_count(vq, VHA_VIDEO_DEQUEUED, 1);
	vha_codec_resource_done(vq, stream, resource, stamp, flags, size);
}

static struct vha_codec_resource *first_held(struct vha_codec_queue *queue)
{
	return list_first_entry_or_null(&queue->held, struct vha_codec_resource, node);
}

/* The host goes on with what the driver has queued since. */
static void restart(struct vha_queue *vq, struct vha_codec_stream *stream)
{
	struct vha_codec_queue *out = &stream->queues[VHA_CODEC_OUT];
	struct vha_codec_resource *resource, *next;

	list_for_each_entry_safe(resource, next, &out->held, node)
		if (!resource->hosted && vha_codec_host_put(vq, stream, out, resource))
			vha_codec_resource_done(vq, stream, resource, 0, VHA_CODEC_FLAG_ERR, 0);
}

/*
 * All is out. Drivers take the buffer that says so for empty, so the last frame is not
 * that buffer: it is the next that the host gives back when it is stopped, which it has
 * to be before it goes on, or one that is still to come.
 */
static void drained(struct vha_queue *vq, struct vha_codec_stream *stream)
{
	struct vha_codec_queue *out = &stream->queues[VHA_CODEC_OUT];
	struct vha_codec_resource *resource;

	vha_codec_host_stop(stream, out);
	resource = first_held(out);
	stream->eos = !resource;
	if (resource)
		vha_codec_resource_done(vq, stream, resource, 0, VHA_CODEC_FLAG_EOS, 0);
	vha_codec_stream_undrain(vq, stream, VHA_CODEC_OK);
	restart(vq, stream);
}

static void last_came(struct vha_queue *vq, struct vha_codec_stream *stream)
{
	struct vha_codec_queue *out = &stream->queues[VHA_CODEC_OUT];

	if (stream->change != VHA_CODEC_SAME) {
		out->ended = true;
	} else if (stream->drain.held && stream->stopped) {
		drained(vq, stream);
	} else {
		/* Of a drain that was given up. */
		vha_codec_host_stop(stream, out);
		restart(vq, stream);
	}
}

/* Returns whether there was a buffer. */
static bool collect_out(struct vha_queue *vq, struct vha_codec_stream *stream)
{
	struct vha_codec_queue *out = &stream->queues[VHA_CODEC_OUT];
	u32 used[VHA_CODEC_PLANES_MAX] = {}, size;
	struct vha_codec_resource *resource;
	struct dequeued dequeued;
	bool last;

	resource = dequeue(vq, stream, out, &dequeued);
	if (!resource)
		return false;
	last = dequeued.buffer.flags & V4L2_BUF_FLAG_LAST;
	size = sum_used(out, &dequeued, used);
	if (last)
		take_events(stream);
	/* An empty one stays, to be the first to go back when all of them do. */
	if (last && !size)
		list_move(&resource->node, &out->held);
	else
		return_frame(vq, stream, resource, &dequeued.buffer, used, size);
	if (last)
		last_came(vq, stream);
	return true;
}

static bool collect_in(struct vha_queue *vq, struct vha_codec_stream *stream)
{
	struct vha_codec_resource *resource;
	struct dequeued dequeued;
	u32 flags;

	resource = dequeue(vq, stream, &stream->queues[VHA_CODEC_IN], &dequeued);
	if (!resource)
		return false;
	flags = dequeued.buffer.flags & V4L2_BUF_FLAG_ERROR ? VHA_CODEC_FLAG_ERR : 0;
	vha_codec_resource_done(vq, stream, resource, resource->timestamp, flags, 0);
	return true;
}

static bool may_have(const struct vha_codec_stream *stream, enum vha_codec_side side)
{
	const struct vha_codec_queue *queue = &stream->queues[side];

	return queue->streaming && queue->hosted && !queue->ended && !stream->session->error;
}

/**
 * vha_codec_collect() - see what the host has done
 * @vq: the command queue
 * @stream: the stream
 *
 * Context: the queue's worker, queue mutex held, in the VMM's address space.
 */
void vha_codec_collect(struct vha_queue *vq, struct vha_codec_stream *stream)
{
	unsigned int budget = COLLECT_MAX;

	if (stream->session->error)
		return;
	take_events(stream);
	while (budget && may_have(stream, VHA_CODEC_IN) && collect_in(vq, stream))
		budget--;
	while (budget && may_have(stream, VHA_CODEC_OUT) && collect_out(vq, stream))
		budget--;
	tell_change(stream);
	/* Others have their turn. */
	if (!budget)
		vha_codec_wake(stream->session);
}

static void after_clear(struct vha_codec_stream *stream, struct vha_codec_queue *out)
{
	stream->eos = false;
	/* The host's buffers may be too small from now on. */
	if (stream->change != VHA_CODEC_SAME)
		vha_codec_host_release(stream, out);
	if (stream->change == VHA_CODEC_CHANGED)
		stream->change = VHA_CODEC_SAME;
	tell_change(stream);
}

/**
 * vha_codec_clear() - give all buffers of a queue back
 * @vq: the command queue
 * @stream: the stream
 * @queue: the queue
 *
 * Whoever waits for the stream to be drained does so in vain.
 */
void vha_codec_clear(struct vha_queue *vq, struct vha_codec_stream *stream,
		     struct vha_codec_queue *queue)
{
	struct vha_codec_resource *resource;

	vha_codec_host_stop(stream, queue);
	while ((resource = first_held(queue))) {
		if (is_out(stream, queue) && !resource->copied)
			vha_codec_shadow_log(vq, resource);
		vha_video_count(vq, VHA_VIDEO_CANCELLED, 1);
		vha_codec_resource_done(vq, stream, resource, 0, VHA_CODEC_FLAG_ERR, 0);
	}
	/* For another format the queue has to be cleared: then the drain goes on after it. */
	if (!is_out(stream, queue) || stream->change == VHA_CODEC_SAME)
		vha_codec_stream_undrain(vq, stream, VHA_CODEC_INVALID_OPERATION);
	if (is_out(stream, queue))
		after_clear(stream, queue);
}

/**
 * vha_codec_queue_clear() - give all buffers of a queue back
 * @vq: the command queue
 * @command: the command
 */
u32 vha_codec_queue_clear(struct vha_queue *vq, struct vha_codec_command *command)
{
	struct vha_codec_stream *stream;
	struct vha_codec_queue *queue;

	stream = vha_codec_find(to_video(vq->dev), command->stream_id);
	if (!stream)
		return VHA_CODEC_INVALID_STREAM_ID;
	queue = vha_codec_side(stream, command->request.queue.queue_type);
	if (!queue)
		return VHA_CODEC_INVALID_PARAMETER;
	vha_codec_clear(vq, stream, queue);
	return VHA_CODEC_OK;
}
