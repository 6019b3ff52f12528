// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's buffers: which there are, and how much memory they take
 */
#include <linux/sizes.h>

#include "video.h"

/* Of buffers, if the VMM does not say. */
#define DEFAULT_BYTES	((u64)SZ_1G)

/**
 * vha_video_buffer_query() - ask the host about a buffer
 * @session: the session, its mutex held
 * @type: its queue
 * @index: its number there
 * @queried: filled in
 *
 * Context: the command queue's worker.
 * Return: as vha_video_host_ioctl().
 */
int vha_video_buffer_query(struct vha_video_session *session, u32 type, u32 index,
			   struct vha_video_planar *queried)
{
	struct vha_video *video = session->video;

	memset(queried, 0, sizeof(*queried));
	queried->buffer.type = type;
	queried->buffer.index = index;
	if (V4L2_TYPE_IS_MULTIPLANAR(type)) {
		queried->buffer.length = VIDEO_MAX_PLANES;
		queried->buffer.m.planes =
			(void *)(uintptr_t)(video->params.scratch + VHA_VIDEO_SCRATCH_LOOK +
					    offsetof(struct vha_video_planar, planes));
	}
	return vha_video_host_ioctl(video, session->file, VIDIOC_QUERYBUF,
				    VHA_VIDEO_SCRATCH_LOOK, queried, sizeof(*queried));
}

/* Returns the length of what is mapped at @offset, 0 when it is not of this buffer. */
static u32 length_at(const struct vha_video_planar *queried, u32 type, u32 offset)
{
	const struct v4l2_buffer *buffer = &queried->buffer;
	u32 i, planes = min_t(u32, buffer->length, VIDEO_MAX_PLANES);

	if (buffer->memory != V4L2_MEMORY_MMAP)
		return 0;
	if (!V4L2_TYPE_IS_MULTIPLANAR(type))
		return buffer->m.offset == offset ? buffer->length : 0;
	for (i = 0; i < planes; i++)
		if (queried->planes[i].m.mem_offset == offset)
			return queried->planes[i].length;
	return 0;
}

static u32 find_in_queue(struct vha_video_session *session, u32 type, u32 offset)
{
	struct vha_video_planar queried;
	u32 index, len;

	/* After VIDIOC_REMOVE_BUFS there can be gaps. */
	for (index = 0; index < session->streams[type].buffers; index++) {
		if (vha_video_buffer_query(session, type, index, &queried))
			continue;
		len = length_at(&queried, type, offset);
		if (len)
			return len;
	}
	return 0;
}

/**
 * vha_video_buffer_find() - find a buffer of a session
 * @session: the session, its mutex held
 * @offset: the buffer's name in the file
 * @buffer: filled in
 *
 * Context: the command queue's worker.
 * Return: 0, or -EINVAL when the session has no such buffer.
 */
int vha_video_buffer_find(struct vha_video_session *session, u32 offset,
			  struct vha_video_buffer *buffer)
{
	u32 type, len;

	lockdep_assert_held(&session->mutex);
	for (type = 1; type < VHA_VIDEO_STREAMS; type++) {
		/* What the host has in place of the driver's memory is not the driver's. */
		if (session->streams[type].user)
			continue;
		len = find_in_queue(session, type, offset);
		if (!len)
			continue;
		buffer->type = type;
		buffer->offset = offset;
		buffer->len = len;
		return 0;
	}
	return -EINVAL;
}

static u64 bytes_of(const struct vha_video_planar *queried, u32 type)
{
	const struct v4l2_buffer *buffer = &queried->buffer;
	u32 i, planes = min_t(u32, buffer->length, VIDEO_MAX_PLANES);
	u64 bytes = 0;

	if (buffer->memory != V4L2_MEMORY_MMAP)
		return 0;
	if (!V4L2_TYPE_IS_MULTIPLANAR(type))
		return PAGE_ALIGN((u64)buffer->length);
	for (i = 0; i < planes; i++)
		bytes += PAGE_ALIGN((u64)queried->planes[i].length);
	return bytes;
}

static u64 queue_bytes(struct vha_video_session *session, u32 type)
{
	struct vha_video_planar queried;
	u64 bytes = 0;
	u32 index;

	for (index = 0; index < session->streams[type].buffers; index++)
		if (!vha_video_buffer_query(session, type, index, &queried))
			bytes += bytes_of(&queried, type);
	return bytes;
}

/**
 * vha_video_buffer_account() - buffers of a session were allocated or freed
 * @session: the session, its mutex held
 *
 * Context: the command queue's worker.
 */
void vha_video_buffer_account(struct vha_video_session *session)
{
	struct vha_video *video = session->video;
	u64 bytes = session->user_bytes;
	u32 type;

	lockdep_assert_held(&session->mutex);
	for (type = 1; type < VHA_VIDEO_STREAMS; type++)
		bytes += queue_bytes(session, type);
	video->buffer_bytes += bytes - session->buffer_bytes;
	session->buffer_bytes = bytes;
}

/**
 * vha_video_buffer_excess() - whether there would be too many bytes of buffers
 * @video: the device
 * @more: with so many more
 *
 * Context: the command queue's worker.
 */
bool vha_video_buffer_excess(const struct vha_video *video, u64 more)
{
	u64 max = video->params.max_bytes ?: DEFAULT_BYTES;

	return video->buffer_bytes > max || more > max - video->buffer_bytes;
}

/**
 * vha_video_buffer_charge() - memory is used for buffers beside the host's own
 * @session: the session, its mutex held
 * @bytes: how much
 *
 * Context: the command queue's worker.
 * Return: 0, or -ENOMEM when there would be too much.
 */
int vha_video_buffer_charge(struct vha_video_session *session, u64 bytes)
{
	if (vha_video_buffer_excess(session->video, bytes))
		return -ENOMEM;
	session->user_bytes += bytes;
	session->buffer_bytes += bytes;
	session->video->buffer_bytes += bytes;
	return 0;
}

/**
 * vha_video_buffer_uncharge() - undo vha_video_buffer_charge()
 * @session: the session, its mutex held
 * @bytes: how much
 */
void vha_video_buffer_uncharge(struct vha_video_session *session, u64 bytes)
{
	session->user_bytes -= bytes;
	session->buffer_bytes -= bytes;
	session->video->buffer_bytes -= bytes;
}

/**
 * vha_video_buffer_free() - free the buffers of a queue
 * @session: the session, its mutex held
 * @type: the queue
 *
 * Nodes free none while they stream. What is mapped lives on by itself; a node that
 * does not let go of the others then leaves the queue as it is.
 *
 * Context: the command queue's worker.
 */
void vha_video_buffer_free(struct vha_video_session *session, u32 type)
{
	struct vha_video_stream *stream = &session->streams[type];
	struct v4l2_requestbuffers request = { .type = type, .memory = stream->memory };
	int streamed = type;

	lockdep_assert_held(&session->mutex);
	if (stream->streaming)
		vha_video_host_ioctl(session->video, session->file, VIDIOC_STREAMOFF,
				     VHA_VIDEO_SCRATCH_LOOK, &streamed, sizeof(streamed));
	if (!vha_video_host_ioctl(session->video, session->file, VIDIOC_REQBUFS,
				  VHA_VIDEO_SCRATCH_LOOK, &request, sizeof(request)))
		vha_video_stream_allocated(stream, 0, stream->memory);
	vha_video_user_freed(session, type);
	vha_video_buffer_account(session);
}
