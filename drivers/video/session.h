/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sessions: what the driver has for an open file
 */
#ifndef VHOST_ACCEL_VIDEO_SESSION_H
#define VHOST_ACCEL_VIDEO_SESSION_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "media.h"
#include "stream.h"

struct file;
struct vha_codec_stream;
struct vha_video;
struct vha_video_session;

/** define VHA_VIDEO_WAITS - wait queues a node may have; those of the kernel have 3 */
#define VHA_VIDEO_WAITS		8

/**
 * struct vha_video_wait - place in a wait queue of the host's file
 * @entry: entry in the wait queue
 * @wqh: the wait queue
 * @session: who waits
 */
struct vha_video_wait {
	wait_queue_entry_t entry;
	wait_queue_head_t *wqh;
	struct vha_video_session *session;
};

/**
 * union vha_video_event - an event on its way to the driver
 * @header: what all have in common
 * @error: a session is of no use any more
 * @dqbuf: a buffer was dequeued
 * @v4l2: an event of V4L2
 */
union vha_video_event {
	struct vha_media_event header;
	struct vha_media_error error;
	struct vha_media_dqbuf dqbuf;
	struct vha_media_v4l2_event v4l2;
};

/**
 * struct vha_video_session - a session
 *
 * @video: the device
 * @ref: one for the table of sessions, one for who looks for events
 * @id: the driver's name for it
 * @mutex: comes after the queues'; protects what follows. Calls of the host that
 *	change its buffers or events are made with it held.
 * @file: the host's file, NULL once it was closed
 * @error: errno of whatever ended its use, a negative number, or 0
 * @error_pending: the driver has not been told of it
 * @subscribed: the driver subscribed to an event
 * @streams: the buffer queues
 * @buffer_bytes: bytes of their buffers
 * @user_bytes: of those, not memory of the host's own
 * @users: buffers in the driver's memory, by queue and number
 * @areas: memory of the VMM with copies of such
 * @chunk: for copying, or NULL
 * @source: where to look for the next event: a buffer type, or 0 for V4L2's events
 * @event: an event taken from the host
 * @event_len: its length, 0 for none
 * @event_type: buffer type it is about, 0 for none
 * @change_pending: the driver of a decoder has not been told of another format
 * @codec: what else there is of a stream of an encoder or decoder, else NULL; mutex of
 *	the command queue
 * @ready: entry in the list of those who may have events; &vha_video.lock
 * @woken: entry in the list of streams the host has woken; &vha_video.lock
 * @closed: enters those lists no more; &vha_video.lock
 * @table: how vfs_poll() gives us wait queues
 * @waits: places in wait queues of @file
 * @nr_waits: how many
 */
struct vha_video_session {
	struct vha_video *video;
	struct kref ref;
	u32 id;

	struct mutex mutex; /* see above */
	struct file *file;
	int error;
	bool error_pending;
	bool subscribed;
	struct vha_video_stream streams[VHA_VIDEO_STREAMS];
	u64 buffer_bytes;
	u64 user_bytes;
	struct xarray users;
	struct list_head areas;
	void *chunk;
	u32 source;
	union vha_video_event event;
	u32 event_len;
	u32 event_type;
	bool change_pending;

	struct vha_codec_stream *codec;

	struct list_head ready;
	struct list_head woken;
	bool closed;

	poll_table table;
	struct vha_video_wait waits[VHA_VIDEO_WAITS];
	unsigned int nr_waits;
};

int vha_video_session_open(struct vha_video *video, u32 *id);
int vha_video_session_open_as(struct vha_video *video, u32 id,
			      struct vha_video_session **session);
void vha_video_session_close(struct vha_video_session *session);
void vha_video_session_close_all(struct vha_video *video);
struct vha_video_session *vha_video_session_find(struct vha_video *video, u32 id);
void vha_video_session_put(struct vha_video_session *session);
void vha_video_session_fail(struct vha_video_session *session, int error);
void vha_video_session_requeue(struct vha_video_session *session);
void vha_video_session_ready(struct vha_video_session *session);
struct vha_video_session *vha_video_session_next(struct vha_video *video);

#endif /* VHOST_ACCEL_VIDEO_SESSION_H */
