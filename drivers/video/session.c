// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions: what the driver has for an open file
 *
 * The command queue's worker opens and closes them. The event queue's worker finds
 * them through a list of those whose file woke us, and holds a reference meanwhile.
 */
#include <linux/err.h>
#include <linux/slab.h>

#include "trace.h"
#include "video.h"

#define DEFAULT_SESSIONS	32

static u32 sessions_max(const struct vha_video *video)
{
	return video->params.max_sessions ?: DEFAULT_SESSIONS;
}

static void session_free(struct kref *ref)
{
	struct vha_video_session *session = container_of(ref, struct vha_video_session, ref);

	xa_destroy(&session->users);
	kfree(session->chunk);
	mutex_destroy(&session->mutex);
	kfree(session);
}

/**
 * vha_video_session_put() - let go of a session
 * @session: the session
 */
void vha_video_session_put(struct vha_video_session *session)
{
	kref_put(&session->ref, session_free);
}

static struct vha_video_session *session_create(struct vha_video *video)
{
	struct vha_video_session *session;
	struct file *file;

	session = kzalloc(sizeof(*session), VHA_GFP_SETUP);
	if (!session)
		return ERR_PTR(-ENOMEM);
	file = vha_video_node_open(video);
	if (IS_ERR(file)) {
		kfree(session);
		return ERR_CAST(file);
	}
	session->video = video;
	session->file = file;
	kref_init(&session->ref);
	mutex_init(&session->mutex);
	INIT_LIST_HEAD(&session->ready);
	INIT_LIST_HEAD(&session->areas);
	xa_init(&session->users);
	INIT_LIST_HEAD(&session->woken);
	return session;
}

static void session_drop(struct vha_video_session *session)
{
	vha_video_host_close(session->file);
	vha_video_session_put(session);
}

static void session_opened(struct vha_video_session *session)
{
	session->video->nr_sessions++;
	vha_video_host_wait(session);
	trace_vha_video_session(&session->video->dev, session->id, true);
}

/**
 * vha_video_session_open() - open a session
 * @video: the device
 * @id: set to the driver's name for it
 *
 * Context: the command queue's worker, queue mutex held.
 * Return: 0; -EMFILE when there are as many as there may be, -ENOMEM, or what
 * opening the node returns.
 */
int vha_video_session_open(struct vha_video *video, u32 *id)
{
	struct vha_video_session *session;
	int ret;

	if (video->nr_sessions >= sessions_max(video))
		return -EMFILE;
	session = session_create(video);
	if (IS_ERR(session))
		return PTR_ERR(session);
	/* Names are not given again soon. */
	ret = xa_alloc_cyclic(&video->sessions, &session->id, session,
			      XA_LIMIT(1, S32_MAX), &video->next_id, VHA_GFP_SETUP);
	if (ret < 0) {
		session_drop(session);
		return ret;
	}
	session_opened(session);
	*id = session->id;
	return 0;
}

/**
 * vha_video_session_open_as() - open a session the driver has a name for
 * @video: the device
 * @id: the name, which no session has
 * @opened: set to the session
 *
 * Context: as vha_video_session_open().
 * Return: as that.
 */
int vha_video_session_open_as(struct vha_video *video, u32 id,
			      struct vha_video_session **opened)
{
	struct vha_video_session *session;
	int ret;

	if (video->nr_sessions >= sessions_max(video))
		return -EMFILE;
	session = session_create(video);
	if (IS_ERR(session))
		return PTR_ERR(session);
	session->id = id;
	ret = xa_insert(&video->sessions, id, session, VHA_GFP_SETUP);
	if (ret) {
		session_drop(session);
		return ret;
	}
	session_opened(session);
	*opened = session;
	return 0;
}

/* Frees the queues for others, and stops them before. */
static void free_buffers(struct vha_video_session *session)
{
	u32 type;

	for (type = 1; type < VHA_VIDEO_STREAMS; type++) {
		if (session->streams[type].buffers)
			vha_video_buffer_free(session, type);
		else
			vha_video_user_freed(session, type);
	}
}

/**
 * vha_video_session_close() - close a session
 * @session: the session
 *
 * What is mapped stays so: then the host's file lives on until the last is unmapped.
 *
 * Context: the command queue's worker with the queue mutex held, or the holder of
 * the device mutex while that queue does not run.
 */
void vha_video_session_close(struct vha_video_session *session)
{
	struct vha_video *video = session->video;
	struct file *file = session->file;

	xa_erase(&video->sessions, session->id);
	video->nr_sessions--;
	vha_video_host_unwait(session);
	spin_lock_irq(&video->lock);
	session->closed = true;
	list_del_init(&session->ready);
	list_del_init(&session->woken);
	spin_unlock_irq(&video->lock);
	/* Waits for who looks for an event of it just now. */
	mutex_lock(&session->mutex);
	free_buffers(session);
	/* What the node did not free lasts as long as its file: count it until a reset. */
	if (!vha_video_window_orphan(session))
		video->buffer_bytes -= session->buffer_bytes;
	session->file = NULL;
	mutex_unlock(&session->mutex);
	vha_video_front(video)->close(session);
	vha_video_host_close(file);
	trace_vha_video_session(&video->dev, session->id, false);
	vha_video_session_put(session);
}

/**
 * vha_video_session_close_all() - close all sessions and unmap what they left
 * @video: the device
 *
 * Context: as vha_video_session_close().
 */
void vha_video_session_close_all(struct vha_video *video)
{
	struct vha_video_session *session;
	unsigned long id;

	xa_for_each(&video->sessions, id, session)
		vha_video_session_close(session);
	vha_video_window_clear(video);
	video->buffer_bytes = 0;
}

/**
 * vha_video_session_find() - find a session
 * @video: the device
 * @id: the driver's name for it
 *
 * Context: as vha_video_session_close().
 * Return: the session, or NULL.
 */
struct vha_video_session *vha_video_session_find(struct vha_video *video, u32 id)
{
	return xa_load(&video->sessions, id);
}

/**
 * vha_video_session_fail() - a session is of no use any more
 * @session: the session, its mutex held
 * @error: why, a negative errno
 */
void vha_video_session_fail(struct vha_video_session *session, int error)
{
	lockdep_assert_held(&session->mutex);
	if (session->error)
		return;
	session->error = error;
	session->error_pending = true;
	vha_video_session_ready(session);
}

/**
 * vha_video_session_requeue() - a session may have another event
 * @session: the session
 *
 * Context: any. The event queue's worker is looking for one, or is asked to later.
 */
void vha_video_session_requeue(struct vha_video_session *session)
{
	struct vha_video *video = session->video;
	unsigned long flags;

	spin_lock_irqsave(&video->lock, flags);
	if (!session->closed && list_empty(&session->ready))
		list_add_tail(&session->ready, &video->ready);
	spin_unlock_irqrestore(&video->lock, flags);
}

/**
 * vha_video_session_ready() - a session may have an event
 * @session: the session
 *
 * Context: any.
 */
void vha_video_session_ready(struct vha_video_session *session)
{
	vha_video_session_requeue(session);
	vha_queue_kick(video_queue(session->video, VHA_VIDEO_EVENT));
}

/**
 * vha_video_session_next() - take the first session that may have an event
 * @video: the device
 *
 * Context: the event queue's worker.
 * Return: the session, with a reference, or NULL.
 */
struct vha_video_session *vha_video_session_next(struct vha_video *video)
{
	struct vha_video_session *session;

	spin_lock_irq(&video->lock);
	session = list_first_entry_or_null(&video->ready, struct vha_video_session, ready);
	if (session) {
		list_del_init(&session->ready);
		kref_get(&session->ref);
	}
	spin_unlock_irq(&video->lock);
	return session;
}
