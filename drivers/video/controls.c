// SPDX-License-Identifier: GPL-2.0-only
/*
 * Controls whose value is data in the guest's memory
 *
 * Whether a control's value is a number or an address is for the control to say,
 * not for the driver: else a number could be made an address of the VMM, or an
 * address be read as a number.
 */
#include "video.h"

static bool is_payload(struct vha_video_session *session, u32 id)
{
	struct v4l2_query_ext_ctrl query = { .id = id & V4L2_CTRL_ID_MASK };

	if (vha_video_host_ioctl(session->video, session->file, VIDIOC_QUERY_EXT_CTRL,
				 VHA_VIDEO_SCRATCH_LOOK, &query, sizeof(query)))
		return false;
	return query.flags & V4L2_CTRL_FLAG_HAS_PAYLOAD;
}

/* The list in the command is read once: what it says is needed again for writing. */
static int read_list(struct vha_queue *vq, struct vha_cursor *list, u32 size)
{
	struct vha_video_call *call = &to_video(vq->dev)->call;
	struct vha_media_sg sg;
	u32 len;

	while (size) {
		if (vha_copy_from(vq, list, &sg, sizeof(sg)) || !sg.len)
			return -EINVAL;
		if (call->nr_segs == VHA_VIDEO_SEGS_MAX)
			return -ENOMEM;
		len = min(size, le32_to_cpu(sg.len));
		call->segs[call->nr_segs++] = (struct vha_seg) {
			.addr = le64_to_cpu(sg.start), .len = len,
		};
		size -= len;
	}
	return 0;
}

static int read_control(struct vha_queue *vq, struct vha_video_session *session,
			struct vha_video_command *command, unsigned int index)
{
	struct vha_video_call *call = &session->video->call;
	const struct v4l2_ext_control *control = &vha_video_call_controls(call)[index];
	u32 first = call->nr_segs, size = control->size;
	struct vha_cursor cursor;
	void *data;
	int ret;

	ret = read_list(vq, &command->out, size);
	if (ret)
		return ret;
	if (!is_payload(session, control->id)) {
		call->nr_segs = first;
		return 0;
	}
	data = vha_video_call_data(call, index, size);
	if (!data)
		return -ENOMEM;
	cursor = (struct vha_cursor) { .seg = call->segs + first, .nr = call->nr_segs - first };
	return vha_copy_from(vq, &cursor, data, size);
}

/**
 * vha_video_controls_read() - get the values of controls that are data
 * @vq: the command queue
 * @session: the session, its mutex held
 * @command: the command; what is left to read of it are the lists
 *
 * Return: 0, -EINVAL for a list that is too short, -EFAULT for one of what is not
 * the guest's memory, -ENOMEM for more data than there may be.
 */
int vha_video_controls_read(struct vha_queue *vq, struct vha_video_session *session,
			    struct vha_video_command *command)
{
	const struct v4l2_ext_controls *controls = session->video->call.saved;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < controls->count && !ret; i++)
		ret = read_control(vq, session, command, i);
	return ret;
}

/**
 * vha_video_controls_write() - give the driver the values of controls that are data
 * @vq: the command queue
 *
 * The places and sizes are those of vha_video_controls_read().
 *
 * Return: 0, or -EFAULT.
 */
int vha_video_controls_write(struct vha_queue *vq)
{
	const struct vha_video_call *call = &to_video(vq->dev)->call;
	const struct v4l2_ext_control *saved = call->saved + call->nested_at;
	struct vha_cursor cursor = { .seg = call->segs, .nr = call->nr_segs };
	u32 at = call->nested_at + call->nested;
	unsigned int i;

	for_each_set_bit(i, call->payloads, V4L2_CID_MAX_CTRLS) {
		at = ALIGN(at, sizeof(u64));
		if (vha_copy_to(vq, &cursor, call->image + at, saved[i].size))
			return -EFAULT;
		at += saved[i].size;
	}
	return 0;
}
