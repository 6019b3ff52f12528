/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The buffer queues of a session, as far as the device keeps track of them
 */
#ifndef VHOST_ACCEL_VIDEO_STREAM_H
#define VHOST_ACCEL_VIDEO_STREAM_H

#include <linux/types.h>
#include <linux/videodev2.h>

/** define VHA_VIDEO_STREAMS - buffer types there may be; 0 is none */
#define VHA_VIDEO_STREAMS	(V4L2_BUF_TYPE_META_OUTPUT + 1)

/**
 * struct vha_video_stream - a buffer queue
 * @streaming: VIDIOC_STREAMON was the last to succeed
 * @ended: the last buffer was dequeued, and no other comes before a restart
 * @queued: buffers with the host, at most
 * @buffers: buffers have indices below it
 * @memory: V4L2_MEMORY_* of the buffers, as the host has them
 * @user: for the driver they are V4L2_MEMORY_USERPTR
 * @generation: changes whenever buffers are freed
 */
struct vha_video_stream {
	bool streaming;
	bool ended;
	u32 queued;
	u32 buffers;
	u32 memory;
	bool user;
	u32 generation;
};

bool vha_video_stream_valid(u32 type);
bool vha_video_stream_ready(const struct vha_video_stream *stream);
void vha_video_stream_allocated(struct vha_video_stream *stream, u32 count, u32 memory);
void vha_video_stream_grown(struct vha_video_stream *stream, u32 index, u32 count, u32 memory);
void vha_video_stream_removed(struct vha_video_stream *stream);
void vha_video_stream_on(struct vha_video_stream *stream);
void vha_video_stream_off(struct vha_video_stream *stream);
void vha_video_stream_queued(struct vha_video_stream *stream);
void vha_video_stream_dequeued(struct vha_video_stream *stream);
void vha_video_stream_restarted(struct vha_video_stream *streams);

#endif /* VHOST_ACCEL_VIDEO_STREAM_H */
