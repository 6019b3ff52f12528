// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command queue
 *
 * A command is answered before the next is looked at, and its answer is visible
 * before the session's mutex is released: so the driver never hears of a buffer
 * whose queueing it still waits for.
 */
#include <linux/nospec.h>

#include "trace.h"
#include "video.h"

/**
 * vha_video_answer() - return a command
 * @vq: the queue
 * @command: the command
 * @status: 0 or a negative errno
 * @data: what follows the status in the response
 * @len: bytes of it
 *
 * The data may be written already, then it is NULL and @len zero, and
 * &vha_video_command.len counts it.
 */
void vha_video_answer(struct vha_queue *vq, struct vha_video_command *command, int status,
		      const void *data, u32 len)
{
	struct vha_media_response response = { .status = cpu_to_le32(-status) };
	struct vha_cursor cursor = vha_chain_in(command->chain);

	if (vha_copy_to(vq, &cursor, &response, sizeof(response)) ||
	    vha_copy_to(vq, &cursor, data, len)) {
		vha_video_count(vq, VHA_VIDEO_MALFORMED, 1);
		trace_vha_video_malformed(vq, command->chain);
		vha_queue_used(vq, &command->chain->token, 0);
		return;
	}
	command->len += sizeof(response) + len;
	vha_queue_used(vq, &command->chain->token, command->len);
}

/**
 * vha_video_refuse() - return a command that the host is not asked for
 * @vq: the queue
 * @command: the command
 * @error: why, a negative errno
 */
void vha_video_refuse(struct vha_queue *vq, struct vha_video_command *command, int error)
{
	vha_video_count(vq, VHA_VIDEO_REFUSED, 1);
	trace_vha_video_refused(vq, command->chain, error);
	vha_video_answer(vq, command, error, NULL, 0);
}

/* Both functions return 0, or -EAGAIN for a command that has to wait. */

static int serve_open(struct vha_queue *vq, struct vha_video_command *command)
{
	struct vha_media_opened opened = {};
	u32 id;
	int ret;

	if (command->chain->in_len < sizeof(opened)) {
		vha_video_refuse(vq, command, -EINVAL);
		return 0;
	}
	ret = vha_video_session_open(to_video(vq->dev), &id);
	if (ret) {
		vha_video_refuse(vq, command, ret);
		return 0;
	}
	opened.session_id = cpu_to_le32(id);
	vha_video_count(vq, VHA_VIDEO_OPENS, 1);
	vha_video_answer(vq, command, 0, &opened.session_id,
			 sizeof(opened) - sizeof(opened.header));
	return 0;
}

/* There is no response to it. */
static int serve_close(struct vha_queue *vq, struct vha_video_command *command)
{
	struct vha_video_session *session = NULL;
	struct vha_media_close close;

	if (!vha_copy_from(vq, &command->out, &close, sizeof(close)))
		session = vha_video_session_find(to_video(vq->dev),
						 le32_to_cpu(close.session_id));
	if (session) {
		vha_video_session_close(session);
		vha_video_count(vq, VHA_VIDEO_CLOSES, 1);
	} else {
		vha_video_count(vq, VHA_VIDEO_REFUSED, 1);
		trace_vha_video_refused(vq, command->chain, -EBADF);
	}
	vha_queue_used(vq, &command->chain->token, 0);
	return 0;
}

static void count_mapping(struct vha_queue *vq, enum vha_video_stat stat, int error)
{
	vha_video_count(vq, error ? VHA_VIDEO_MAP_ERRORS : stat, 1);
}

static int map(struct vha_queue *vq, struct vha_media_mmap *mmap, struct vha_media_mapped *mapped)
{
	struct vha_video_session *session;
	struct vha_video_buffer buffer;
	u64 offset;
	int ret;

	session = vha_video_session_find(to_video(vq->dev), le32_to_cpu(mmap->session_id));
	if (!session)
		return -EBADF;
	if (le32_to_cpu(mmap->flags) & ~VHA_MEDIA_MMAP_RW)
		return -EINVAL;
	mutex_lock(&session->mutex);
	ret = session->error ?: vha_video_buffer_find(session, le32_to_cpu(mmap->offset), &buffer);
	if (!ret)
		ret = vha_video_window_map(session, &buffer,
					   le32_to_cpu(mmap->flags) & VHA_MEDIA_MMAP_RW, &offset);
	mutex_unlock(&session->mutex);
	if (ret)
		return ret;
	mapped->driver_addr = cpu_to_le64(offset);
	mapped->len = cpu_to_le64(buffer.len);
	vha_video_count(vq, VHA_VIDEO_BYTES_MAPPED, buffer.len);
	return 0;
}

static int serve_mmap(struct vha_queue *vq, struct vha_video_command *command)
{
	struct vha_media_mapped mapped = {};
	struct vha_media_mmap mmap;
	int ret;

	if (command->chain->in_len < sizeof(mapped) ||
	    vha_copy_from(vq, &command->out, &mmap, sizeof(mmap))) {
		vha_video_refuse(vq, command, -EINVAL);
		return 0;
	}
	ret = map(vq, &mmap, &mapped);
	/* Whoever has the window has us called again. */
	if (ret == -EINPROGRESS)
		return -EAGAIN;
	count_mapping(vq, VHA_VIDEO_MAPS, ret);
	vha_video_answer(vq, command, ret, &mapped.driver_addr,
			 ret ? 0 : sizeof(mapped) - sizeof(mapped.header));
	return 0;
}

static int serve_munmap(struct vha_queue *vq, struct vha_video_command *command)
{
	struct vha_media_munmap munmap;
	int ret;

	if (vha_copy_from(vq, &command->out, &munmap, sizeof(munmap))) {
		vha_video_refuse(vq, command, -EINVAL);
		return 0;
	}
	ret = vha_video_window_unmap(to_video(vq->dev), le64_to_cpu(munmap.driver_addr));
	if (ret == -EINPROGRESS)
		return -EAGAIN;
	count_mapping(vq, VHA_VIDEO_UNMAPS, ret);
	vha_video_answer(vq, command, ret, NULL, 0);
	return 0;
}

static int (*const commands[VHA_MEDIA_COMMANDS])(struct vha_queue *vq,
						 struct vha_video_command *command) = {
	[VHA_MEDIA_OPEN] = serve_open,
	[VHA_MEDIA_CLOSE] = serve_close,
	[VHA_MEDIA_IOCTL] = vha_video_serve_ioctl,
	[VHA_MEDIA_MMAP] = serve_mmap,
	[VHA_MEDIA_MUNMAP] = serve_munmap,
};

static int serve(struct vha_queue *vq, struct vha_chain *chain)
{
	struct vha_video_command command = { .chain = chain, .out = vha_chain_out(chain) };
	struct vha_media_command header;
	u32 cmd;

	if (vha_copy_from(vq, &command.out, &header, sizeof(header))) {
		vha_video_count(vq, VHA_VIDEO_MALFORMED, 1);
		vha_video_refuse(vq, &command, -EINVAL);
		return 0;
	}
	cmd = le32_to_cpu(header.cmd);
	if (cmd != VHA_MEDIA_MMAP && cmd != VHA_MEDIA_MUNMAP)
		vha_video_remote_settle(to_video(vq->dev));
	if (cmd >= VHA_MEDIA_COMMANDS || !commands[cmd]) {
		vha_video_refuse(vq, &command, -ENOTTY);
		return 0;
	}
	return commands[array_index_nospec(cmd, VHA_MEDIA_COMMANDS)](vq, &command);
}

/**
 * vha_video_command_run() - serve the command queue
 * @vq: the queue
 */
void vha_video_command_run(struct vha_queue *vq)
{
	vha_queue_drain(vq, serve);
}

/**
 * vha_video_release_work() - return the command that waited for events
 * @work: &vha_video.release_work
 *
 * Runs after the event queue has been served for the last time it was asked to,
 * also when that queue or the VMM has ended.
 */
void vha_video_release_work(struct vha_work *work)
{
	struct vha_video *video = container_of(work, struct vha_video, release_work);
	struct vha_queue *vq = video_queue(video, VHA_VIDEO_COMMAND);
	struct vha_token token;
	bool held;
	u32 len;

	spin_lock_irq(&video->lock);
	held = video->held;
	token = video->held_token;
	len = video->held_len;
	video->held = false;
	spin_unlock_irq(&video->lock);
	if (!held)
		return;
	vha_queue_used(vq, &token, len);
	/* Another may wait behind it. */
	vha_queue_kick(vq);
}
