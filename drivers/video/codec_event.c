// SPDX-License-Identifier: GPL-2.0-only
/*
 * The event queue of an encoder or decoder
 *
 * What a stream has to say is two things at most, and each of them means the same
 * when it is said once or several times. So they are kept for as long as the driver
 * makes no buffer available for them.
 */
#include "codec.h"
#include "trace.h"

static void malformed(struct vha_queue *vq, const struct vha_chain *chain)
{
	vha_video_count(vq, VHA_VIDEO_MALFORMED, 1);
	trace_vha_video_malformed(vq, chain);
	vha_queue_used(vq, &chain->token, 0);
}

static void deliver(struct vha_queue *vq, const struct vha_chain *chain,
		    struct vha_video_session *session, u32 type, bool *pending)
{
	const struct vha_codec_event event = {
		.event_type = cpu_to_le32(type), .stream_id = cpu_to_le32(session->id),
	};
	struct vha_cursor cursor = vha_chain_in(chain);
	bool error = type == VHA_CODEC_EVENT_ERROR;

	if (vha_copy_to(vq, &cursor, &event, sizeof(event))) {
		malformed(vq, chain);
		return;
	}
	*pending = false;
	vha_video_count(vq, error ? VHA_VIDEO_ERRORS : VHA_VIDEO_EVENTS, 1);
	trace_vha_video_event(vq->dev, session->id, type, 0);
	vha_queue_used(vq, &chain->token, sizeof(event));
}

/* Returns whether there was one. */
static bool serve_session(struct vha_queue *vq, const struct vha_chain *chain,
			  struct vha_video_session *session)
{
	bool found;

	mutex_lock(&session->mutex);
	found = session->file && (session->change_pending || session->error_pending);
	if (found && session->change_pending)
		deliver(vq, chain, session, VHA_CODEC_EVENT_RESOLUTION,
			&session->change_pending);
	else if (found)
		deliver(vq, chain, session, VHA_CODEC_EVENT_ERROR, &session->error_pending);
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

	if (chain->in_len < sizeof(struct vha_codec_event)) {
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
 * vha_codec_event_run() - serve the event queue
 * @vq: the queue
 */
void vha_codec_event_run(struct vha_queue *vq)
{
	vha_queue_drain(vq, serve);
}
