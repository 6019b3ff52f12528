// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event queue: buffers and events of V4L2 for the driver
 *
 * Nothing is taken from the host before the driver has made a buffer for it
 * available: until then the host keeps it, in the order it came, and what
 * VIDIOC_STREAMOFF takes back is never on its way.
 */
#include "trace.h"
#include "video.h"

static void begin_event(struct vha_video_session *session, enum vha_media_event_type type)
{
	memset(&session->event, 0, sizeof(session->event));
	session->event.header.event = cpu_to_le32(type);
	session->event.header.session_id = cpu_to_le32(session->id);
}

static bool take_error(struct vha_video_session *session)
{
	if (!session->error_pending)
		return false;
	session->error_pending = false;
	begin_event(session, VHA_MEDIA_ERROR);
	session->event.error.error = cpu_to_le32(-session->error);
	session->event_len = sizeof(session->event.error);
	session->event_type = 0;
	return true;
}

/* Returns whether there was one. */
static bool take_v4l2_event(struct vha_video_session *session)
{
	struct vha_video *video = session->video;
	struct v4l2_event event = {};
	int ret;

	if (!session->subscribed)
		return false;
	ret = vha_video_host_ioctl(video, session->file, VIDIOC_DQEVENT,
				   VHA_VIDEO_SCRATCH_EVENT, &event, sizeof(event));
	if (ret == -ENODEV)
		vha_video_session_fail(session, ret);
	if (ret)
		return false;
	begin_event(session, VHA_MEDIA_EVENT);
	session->event.v4l2.event = event;
	session->event_len = sizeof(session->event.v4l2);
	session->event_type = 0;
	return true;
}

static void dequeue_failed(struct vha_video_session *session, u32 type, int error)
{
	switch (error) {
	case -EAGAIN:
	case -EINTR:
	case -EBUSY:
		return;
	case -EPIPE:
		session->streams[type].ended = true;
		return;
	case -EINVAL:
		/* It streams no more, whoever stopped it. */
		session->streams[type].queued = 0;
		return;
	default:
		vha_video_session_fail(session, error);
	}
}

/* Where the host keeps its planes is nothing the driver should know. */
static void put_buffer(struct vha_video_session *session, const struct vha_video_planar *dequeued,
		       bool planes)
{
	struct vha_media_dqbuf *dqbuf = &session->event.dqbuf;

	dqbuf->buffer = dequeued->buffer;
	if (planes || dqbuf->buffer.memory != V4L2_MEMORY_MMAP)
		memset(&dqbuf->buffer.m, 0, sizeof(dqbuf->buffer.m));
	if (planes)
		memcpy(dqbuf->planes, dequeued->planes, sizeof(dqbuf->planes));
}

static bool take_buffer(struct vha_video_session *session, u32 type)
{
	struct vha_video_stream *stream = &session->streams[type];
	struct vha_video *video = session->video;
	bool planes = V4L2_TYPE_IS_MULTIPLANAR(type);
	struct vha_video_planar dequeued = {};
	int ret;

	if (!vha_video_stream_ready(stream))
		return false;
	dequeued.buffer.type = type;
	dequeued.buffer.memory = stream->memory;
	if (planes) {
		dequeued.buffer.length = VIDEO_MAX_PLANES;
		dequeued.buffer.m.planes =
			(void *)(uintptr_t)(video->params.scratch + VHA_VIDEO_SCRATCH_EVENT +
					    offsetof(struct vha_video_planar, planes));
	}
	ret = vha_video_host_ioctl(video, session->file, VIDIOC_DQBUF, VHA_VIDEO_SCRATCH_EVENT,
				   &dequeued, sizeof(dequeued));
	if (ret) {
		dequeue_failed(session, type, ret);
		return false;
	}
	vha_video_stream_dequeued(stream);
	if (stream->user)
		vha_video_user_dequeued(session, type, &dequeued);
	begin_event(session, VHA_MEDIA_DQBUF);
	put_buffer(session, &dequeued, planes);
	session->event_len = sizeof(session->event.dqbuf);
	session->event_type = type;
	return true;
}

/* Each source of events has its turn. */
static bool take_event(struct vha_video_session *session)
{
	unsigned int i;

	lockdep_assert_held(&session->mutex);
	if (session->event_len)
		return true;
	for (i = 0; i < VHA_VIDEO_STREAMS && !session->error; i++) {
		u32 source = session->source;

		session->source = (source + 1) % VHA_VIDEO_STREAMS;
		if (source ? take_buffer(session, source) : take_v4l2_event(session))
			return true;
	}
	return take_error(session);
}

static void count_event(struct vha_queue *vq, const struct vha_video_session *session)
{
	static const enum vha_video_stat stats[] = {
		[VHA_MEDIA_ERROR] = VHA_VIDEO_ERRORS,
		[VHA_MEDIA_DQBUF] = VHA_VIDEO_DEQUEUED,
		[VHA_MEDIA_EVENT] = VHA_VIDEO_EVENTS,
	};
	u32 type = le32_to_cpu(session->event.header.event);

	vha_video_count(vq, stats[type], 1);
	trace_vha_video_event(vq->dev, session->id, type, session->event_type);
}

static void malformed(struct vha_queue *vq, const struct vha_chain *chain)
{
	vha_video_count(vq, VHA_VIDEO_MALFORMED, 1);
	trace_vha_video_malformed(vq, chain);
	vha_queue_used(vq, &chain->token, 0);
}

/* An event that does not get through stays for the next buffer. */
static void deliver(struct vha_queue *vq, const struct vha_chain *chain,
		    struct vha_video_session *session)
{
	struct vha_cursor cursor = vha_chain_in(chain);
	u32 len = session->event_len;

	if (vha_copy_to(vq, &cursor, &session->event, len)) {
		malformed(vq, chain);
		return;
	}
	count_event(vq, session);
	session->event_len = 0;
	vha_queue_used(vq, &chain->token, len);
}

/* Returns whether the session had an event. */
static bool serve_session(struct vha_queue *vq, const struct vha_chain *chain,
			  struct vha_video_session *session)
{
	bool found;

	mutex_lock(&session->mutex);
	found = session->file && take_event(session);
	if (found)
		deliver(vq, chain, session);
	mutex_unlock(&session->mutex);
	/* Where one was may be another. */
	if (found)
		vha_video_session_requeue(session);
	return found;
}

static int serve(struct vha_queue *vq, struct vha_chain *chain)
{
	struct vha_video *video = to_video(vq->dev);
	struct vha_video_session *session;
	bool found = false;

	if (chain->in_len < sizeof(union vha_video_event)) {
		malformed(vq, chain);
		return 0;
	}
	while (!found) {
		session = vha_video_session_next(video);
		/* Whoever is ready next has us called again. */
		if (!session)
			return -EAGAIN;
		found = serve_session(vq, chain, session);
		vha_video_session_put(session);
	}
	return 0;
}

/**
 * vha_video_event_run() - serve the event queue
 * @vq: the queue
 */
void vha_video_event_run(struct vha_queue *vq)
{
	vha_queue_drain(vq, serve);
}
