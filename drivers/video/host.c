// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calling the host's node
 *
 * By the operations of its file, as a program would: whatever checks and locks the
 * node has are in there. Their arguments are in user space, so they are made in the
 * VMM's scratch memory. It may change them at any time, which gets it no further
 * than calling the node itself: what comes back is looked at as if it had come from
 * anybody.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/uaccess.h>

#include "trace.h"
#include "video.h"

/* What the driver can make sense of. */
static int host_error(long error)
{
	switch (error) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		return -EINTR;
	case -ENOIOCTLCMD:
		return -ENOTTY;
	default:
		return error < -511 ? -EIO : error;
	}
}

/**
 * vha_video_host_ioctl() - ask the host for an ioctl
 * @video: the device
 * @file: of the host's node
 * @cmd: number of the ioctl
 * @at: where in the scratch memory; VHA_VIDEO_SCRATCH_*
 * @arg: the argument, or what begins with it; updated whatever the ioctl returns
 * @len: its length
 *
 * Context: the VMM or a worker, in the VMM's address space; may sleep as long as
 * the node has it sleep. Who else uses that part of the scratch memory is kept out
 * by the caller.
 * Return: 0, an errno of the ioctl, or -EFAULT when the VMM took the scratch memory
 * away or is no more.
 */
int vha_video_host_ioctl(struct vha_video *video, struct file *file, unsigned int cmd,
			 u32 at, void *arg, u32 len)
{
	unsigned long addr = video->params.scratch + at;
	long ret;

	if (current->mm != video->dev.mm || copy_to_user((void __user *)addr, arg, len))
		return -EFAULT;
	if (!file->f_op->unlocked_ioctl)
		return -ENOTTY;
	ret = file->f_op->unlocked_ioctl(file, cmd, addr);
	if (copy_from_user(arg, (void __user *)addr, len))
		return -EFAULT;
	trace_vha_video_host(&video->dev, cmd, ret);
	return ret < 0 ? host_error(ret) : 0;
}

static int host_wake(wait_queue_entry_t *entry, unsigned int mode, int sync, void *key)
{
	struct vha_video_wait *wait = container_of(entry, struct vha_video_wait, entry);

	vha_video_front(wait->session->video)->wake(wait->session);
	return 0;
}

static void host_attach(struct file *file, wait_queue_head_t *wqh, poll_table *table)
{
	struct vha_video_session *session =
		container_of(table, struct vha_video_session, table);
	struct vha_video_wait *wait;

	if (session->nr_waits == VHA_VIDEO_WAITS)
		return;
	wait = &session->waits[session->nr_waits++];
	wait->wqh = wqh;
	wait->session = session;
	init_waitqueue_func_entry(&wait->entry, host_wake);
	add_wait_queue(wqh, &wait->entry);
}

/**
 * vha_video_host_wait() - be told when the host has something
 * @session: the session, with a file
 */
void vha_video_host_wait(struct vha_video_session *session)
{
	init_poll_funcptr(&session->table, host_attach);
	/* Who asks for data has drivers start reading for those who call read(). */
	session->table._key = EPOLLPRI;
	vfs_poll(session->file, &session->table);
}

/**
 * vha_video_host_unwait() - undo vha_video_host_wait()
 * @session: the session
 */
void vha_video_host_unwait(struct vha_video_session *session)
{
	while (session->nr_waits) {
		struct vha_video_wait *wait = &session->waits[--session->nr_waits];

		remove_wait_queue(wait->wqh, &wait->entry);
	}
}

/**
 * vha_video_host_close() - let go of a file of the host's
 * @file: the file
 *
 * A thread that never returns to user space would put the work off for ever.
 */
void vha_video_host_close(struct file *file)
{
	__fput_sync(file);
}
