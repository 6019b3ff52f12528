// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioctls of V4L2 for the driver
 */
#include "trace.h"
#include "video.h"

/* Returns whether the response has room for all that may be returned. */
static bool has_room(const struct vha_video_call *call, const struct vha_chain *chain)
{
	u64 len = sizeof(struct vha_media_response);

	if (vha_video_call_out(call))
		len += vha_video_call_out(call) + call->nested;
	return chain->in_len >= len;
}

static int read_argument(struct vha_queue *vq, struct vha_video_command *command)
{
	struct vha_video_call *call = &to_video(vq->dev)->call;
	u64 bytes;
	int ret;

	if (vha_copy_from(vq, &command->out, call->image, vha_video_call_in(call)))
		return -EINVAL;
	ret = vha_video_call_nest(call);
	if (ret)
		return ret;
	if (vha_copy_from(vq, &command->out, call->image + call->nested_at, call->nested))
		return -EINVAL;
	if (!has_room(call, command->chain))
		return -EINVAL;
	ret = vha_video_call_prepare(call);
	if (ret)
		return ret;
	bytes = vha_video_call_bytes(call);
	return bytes && vha_video_buffer_excess(to_video(vq->dev), bytes) ? -ENOMEM : 0;
}

/* Returns whether all of it got into the driver's buffer, which has room. */
static bool write_argument(struct vha_queue *vq, struct vha_video_command *command)
{
	struct vha_video_call *call = &to_video(vq->dev)->call;
	struct vha_cursor cursor = vha_chain_in(command->chain);

	vha_cursor_skip(&cursor, sizeof(struct vha_media_response));
	if (vha_copy_to(vq, &cursor, call->image, vha_video_call_out(call)) ||
	    vha_copy_to(vq, &cursor, call->image + call->nested_at, call->nested))
		return false;
	command->len = vha_video_call_out(call) + call->nested;
	return true;
}

/* A buffer taken from the host for the driver is the driver's again. */
static void forget_event(struct vha_video_session *session)
{
	u32 type = session->event_type;

	if (session->event_len && type && !session->streams[type].streaming)
		session->event_len = 0;
}

/* Whether a node is gone is for the node to say: drivers use the errno as well. */
static bool node_gone(struct vha_video_session *session)
{
	struct v4l2_capability capability = {};

	return vha_video_host_ioctl(session->video, session->file, VIDIOC_QUERYCAP,
				    VHA_VIDEO_SCRATCH_LOOK, &capability,
				    sizeof(capability)) == -ENODEV;
}

/*
 * Only the host knows how large buffers are, when it has them. What VIDIOC_CREATE_BUFS
 * asked for was looked at before.
 */
static int account(struct vha_video_session *session)
{
	struct vha_video *video = session->video;
	const struct v4l2_requestbuffers *request = video->call.saved;

	vha_video_buffer_account(session);
	if (video->call.ioctl->cmd != VIDIOC_REQBUFS || !vha_video_buffer_excess(video, 0))
		return 0;
	vha_video_buffer_free(session, request->type);
	return -ENOMEM;
}

/* The driver has its memory back. */
static void return_memory(struct vha_video_session *session)
{
	const struct vha_video_call *call = &session->video->call;
	const struct v4l2_requestbuffers *request = call->saved;
	const struct v4l2_remove_buffers *remove = call->saved;
	const __u32 *type = call->saved;

	if (call->ioctl->cmd == VIDIOC_STREAMOFF && vha_video_stream_valid(*type))
		vha_video_user_stopped(session, *type);
	else if (call->ioctl->cmd == VIDIOC_REQBUFS)
		vha_video_user_freed(session, request->type);
	else if (call->ioctl->cmd == VIDIOC_REMOVE_BUFS && vha_video_stream_valid(remove->type))
		vha_video_user_removed(session, remove->type, remove->index, remove->count);
}

static int after_ioctl(struct vha_video_session *session, int error)
{
	struct vha_video_call *call = &session->video->call;

	if (error == -ENODEV && node_gone(session))
		vha_video_session_fail(session, error);
	if (error)
		return error;
	return_memory(session);
	vha_video_call_done(call, session->streams);
	if (call->ioctl->flags & VHA_VIDEO_AFTER_EVENTS)
		session->subscribed = true;
	forget_event(session);
	return call->ioctl->flags & VHA_VIDEO_ALLOCATES ? account(session) : 0;
}

static int ask_host(struct vha_video_session *session)
{
	struct vha_video_call *call = &session->video->call;

	return vha_video_host_ioctl(session->video, session->file, call->ioctl->cmd,
				    VHA_VIDEO_SCRATCH_COMMAND, call->image, call->len);
}

static int call_host(struct vha_queue *vq, struct vha_video_session *session)
{
	struct vha_video *video = session->video;
	struct vha_video_call *call = &video->call;
	int ret;

	ret = ask_host(session);
	if (ret && vha_video_user_again(vq, session, ret))
		ret = ask_host(session);
	vha_video_count(vq, VHA_VIDEO_IOCTLS, 1);
	if (ret)
		vha_video_count(vq, VHA_VIDEO_IOCTL_ERRORS, 1);
	vha_video_user_end(vq, session, ret);
	ret = after_ioctl(session, ret);
	if (vha_video_ioctl_has_controls(call->ioctl) && vha_video_controls_write(vq) && !ret)
		ret = -EFAULT;
	vha_video_call_finish(call);
	return ret;
}

/*
 * The driver looks for events as soon as it has the answer. So that belongs to the
 * event queue's worker, behind what the session has to say now.
 */
static void hold(struct vha_queue *vq, struct vha_video_command *command,
		 struct vha_video_session *session)
{
	struct vha_media_response response = {};
	struct vha_cursor cursor = vha_chain_in(command->chain);
	struct vha_video *video = session->video;

	if (vha_copy_to(vq, &cursor, &response, sizeof(response))) {
		vha_video_answer(vq, command, 0, NULL, 0);
		return;
	}
	spin_lock_irq(&video->lock);
	video->held = true;
	video->held_token = command->chain->token;
	video->held_len = sizeof(response);
	spin_unlock_irq(&video->lock);
	vha_video_session_ready(session);
	vha_queue_work(video_queue(video, VHA_VIDEO_EVENT), &video->release_work);
}

static void finish(struct vha_queue *vq, struct vha_video_command *command,
		   struct vha_video_session *session, int error)
{
	const struct vha_video_call *call = &session->video->call;

	if (!error && call->ioctl->flags & VHA_VIDEO_AFTER_EVENTS) {
		hold(vq, command, session);
		return;
	}
	if ((!error || call->ioctl->flags & VHA_VIDEO_RESULT_ON_ERROR) &&
	    vha_video_call_out(call) && !write_argument(vq, command))
		error = -EFAULT;
	vha_video_answer(vq, command, error, NULL, 0);
}

static int serve(struct vha_queue *vq, struct vha_video_command *command,
		 struct vha_video_session *session)
{
	const struct vha_video_call *call = &session->video->call;
	int ret;

	lockdep_assert_held(&session->mutex);
	ret = session->error ?: read_argument(vq, command);
	if (!ret && vha_video_ioctl_has_controls(call->ioctl))
		ret = vha_video_controls_read(vq, session, command);
	if (!ret)
		ret = vha_video_user_begin(vq, session, command);
	if (ret) {
		vha_video_refuse(vq, command, ret);
		return 0;
	}
	finish(vq, command, session, call_host(vq, session));
	return 0;
}

static bool must_wait(struct vha_video *video, const struct vha_video_ioctl *ioctl)
{
	return ioctl->flags & VHA_VIDEO_AFTER_EVENTS && READ_ONCE(video->held);
}

/**
 * vha_video_serve_ioctl() - serve a command that is an ioctl of V4L2
 * @vq: the command queue
 * @command: the command, its header read
 *
 * Return: 0, or -EAGAIN when it has to wait for another.
 */
int vha_video_serve_ioctl(struct vha_queue *vq, struct vha_video_command *command)
{
	struct vha_video *video = to_video(vq->dev);
	const struct vha_video_ioctl *ioctl;
	struct vha_video_session *session;
	struct vha_media_ioctl header;
	int ret = -EINVAL;

	if (vha_copy_from(vq, &command->out, &header, sizeof(header)))
		goto refuse;
	ret = -EBADF;
	session = vha_video_session_find(video, le32_to_cpu(header.session_id));
	if (!session)
		goto refuse;
	ret = -ENOTTY;
	ioctl = vha_video_ioctl_find(le32_to_cpu(header.code));
	if (!ioctl)
		goto refuse;
	if (must_wait(video, ioctl))
		return -EAGAIN;
	vha_video_call_begin(&video->call, ioctl);
	mutex_lock(&session->mutex);
	ret = serve(vq, command, session);
	mutex_unlock(&session->mutex);
	return ret;

refuse:
	vha_video_refuse(vq, command, ret);
	return 0;
}
