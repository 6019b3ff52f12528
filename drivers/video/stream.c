// SPDX-License-Identifier: GPL-2.0-only
/*
 * The buffer queues of a session, as far as the device keeps track of them
 *
 * Only to know when asking the host for a buffer can bring one, and which buffers
 * it may have. The host checks everything itself.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/overflow.h>

#include "stream.h"

/* More than any kernel allocates; what is above is not looked for. */
#define BUFFERS_MAX	1024U

/**
 * vha_video_stream_valid() - whether there is such a buffer type
 * @type: V4L2_BUF_TYPE_*
 */
bool vha_video_stream_valid(u32 type)
{
	return type && type < VHA_VIDEO_STREAMS;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_stream_valid);

/**
 * vha_video_stream_ready() - whether a buffer may be dequeued
 * @stream: the queue
 */
bool vha_video_stream_ready(const struct vha_video_stream *stream)
{
	return stream->streaming && stream->queued && !stream->ended;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_stream_ready);

/**
 * vha_video_stream_allocated() - VIDIOC_REQBUFS succeeded
 * @stream: the queue
 * @count: buffers
 * @memory: V4L2_MEMORY_*
 */
void vha_video_stream_allocated(struct vha_video_stream *stream, u32 count, u32 memory)
{
	vha_video_stream_off(stream);
	stream->buffers = min(count, BUFFERS_MAX);
	stream->memory = memory;
	stream->generation++;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_stream_allocated);

/**
 * vha_video_stream_grown() - VIDIOC_CREATE_BUFS succeeded
 * @stream: the queue
 * @index: of the first new buffer
 * @count: how many
 * @memory: V4L2_MEMORY_*
 */
void vha_video_stream_grown(struct vha_video_stream *stream, u32 index, u32 count, u32 memory)
{
	if (!count)
		return;
	stream->buffers = max(stream->buffers, min(size_add(index, count), BUFFERS_MAX));
	stream->memory = memory;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_stream_grown);

/**
 * vha_video_stream_removed() - VIDIOC_REMOVE_BUFS succeeded
 * @stream: the queue
 */
void vha_video_stream_removed(struct vha_video_stream *stream)
{
	stream->generation++;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_stream_removed);

/**
 * vha_video_stream_on() - VIDIOC_STREAMON succeeded
 * @stream: the queue
 */
void vha_video_stream_on(struct vha_video_stream *stream)
{
	stream->streaming = true;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_stream_on);

/**
 * vha_video_stream_off() - VIDIOC_STREAMOFF succeeded
 * @stream: the queue
 *
 * All its buffers belong to the driver.
 */
void vha_video_stream_off(struct vha_video_stream *stream)
{
	stream->streaming = false;
	stream->ended = false;
	stream->queued = 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_stream_off);

/**
 * vha_video_stream_queued() - VIDIOC_QBUF succeeded
 * @stream: the queue
 */
void vha_video_stream_queued(struct vha_video_stream *stream)
{
	stream->queued++;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_stream_queued);

/**
 * vha_video_stream_dequeued() - VIDIOC_DQBUF succeeded
 * @stream: the queue
 */
void vha_video_stream_dequeued(struct vha_video_stream *stream)
{
	if (stream->queued)
		stream->queued--;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_stream_dequeued);

/**
 * vha_video_stream_restarted() - a codec may go on after its last buffer
 * @streams: all queues of the session
 */
void vha_video_stream_restarted(struct vha_video_stream *streams)
{
	unsigned int i;

	for (i = 0; i < VHA_VIDEO_STREAMS; i++)
		streams[i].ended = false;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_stream_restarted);
