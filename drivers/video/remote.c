// SPDX-License-Identifier: GPL-2.0-only
/*
 * A window that another process has
 *
 * The VMM asks that process to map and unmap, and that takes its time. Meanwhile the
 * driver's command stays in the ring, so that there is nothing in flight to wait for,
 * and is read anew when the request is done. If there is another command then, or
 * none of the kind, nobody wants the result: what was mapped is unmapped again.
 *
 * All of it with the mutex of the command queue held.
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/uaccess.h>

#include "video.h"

/**
 * vha_video_remote_ask() - have something mapped or unmapped
 * @video: the device, with no request
 * @type: VHA_VIDEO_REQUEST_*
 * @mapping: what
 */
void vha_video_remote_ask(struct vha_video *video, u32 type, struct vha_video_mapping *mapping)
{
	struct vha_video_remote *remote = &video->window.remote;

	remote->mapping = mapping;
	remote->type = type;
	remote->id++;
	remote->taken = false;
	remote->done = false;
	eventfd_signal(remote->event);
}

/* Nobody wants the result. */
static void abandon(struct vha_video *video)
{
	struct vha_video_remote *remote = &video->window.remote;
	struct vha_video_mapping *mapping = remote->mapping;

	remote->mapping = NULL;
	mapping->session = NULL;
	mapping->refs = 0;
	if (remote->type == VHA_VIDEO_REQUEST_MAP && !remote->error)
		vha_video_remote_ask(video, VHA_VIDEO_REQUEST_UNMAP, mapping);
	else if (remote->type == VHA_VIDEO_REQUEST_MAP || !remote->error)
		vha_video_window_drop(video, mapping);
	/* What could not be unmapped keeps its place until a reset. */
}

/**
 * vha_video_remote_claim() - see to a request before there can be another
 * @video: the device, whose window is remote
 * @type: VHA_VIDEO_REQUEST_*
 * @mapping: what the caller wants to be mapped or unmapped, or NULL
 * @error: set to what became of the request, if it was the caller's
 *
 * Return: 1 if it was, 0 when there is no request, -EINPROGRESS when there is one that
 * is not done.
 */
int vha_video_remote_claim(struct vha_video *video, u32 type,
			   const struct vha_video_mapping *mapping, int *error)
{
	struct vha_video_remote *remote = &video->window.remote;

	if (!remote->mapping)
		return 0;
	if (!remote->done)
		return -EINPROGRESS;
	if (remote->mapping == mapping && remote->type == type) {
		remote->mapping = NULL;
		*error = remote->error;
		return 1;
	}
	abandon(video);
	return remote->mapping ? -EINPROGRESS : 0;
}

/**
 * vha_video_remote_settle() - the driver's next command needs no request
 * @video: the device
 */
void vha_video_remote_settle(struct vha_video *video)
{
	struct vha_video_remote *remote = &video->window.remote;

	if (remote->mapping && remote->done)
		abandon(video);
}

/**
 * vha_video_remote_forget() - the device is reset
 * @video: the device
 */
void vha_video_remote_forget(struct vha_video *video)
{
	video->window.remote.mapping = NULL;
}

static void describe(const struct vha_video_remote *remote, struct vha_video_request *request)
{
	const struct vha_video_mapping *mapping = remote->mapping;

	*request = (struct vha_video_request) {
		.type = remote->type,
		.id = remote->id,
		.fd = VHOST_FILE_UNBIND,
		.offset = mapping->buffer.offset,
		.window_offset = (u64)mapping->page << PAGE_SHIFT,
		.size = PAGE_ALIGN((u64)mapping->buffer.len),
	};
	if (mapping->write)
		request->flags |= VHA_VIDEO_REQUEST_F_WRITE;
}

static long take(struct vha_video_remote *remote, struct vha_video_request __user *argp)
{
	struct vha_video_request request;
	int fd;

	if (!remote->event)
		return -EINVAL;
	if (!remote->mapping || remote->taken)
		return -EAGAIN;
	describe(remote, &request);
	if (remote->type == VHA_VIDEO_REQUEST_MAP) {
		fd = get_unused_fd_flags(O_CLOEXEC);
		if (fd < 0)
			return fd;
		request.fd = fd;
	}
	if (copy_to_user(argp, &request, sizeof(request))) {
		if (request.fd >= 0)
			put_unused_fd(request.fd);
		return -EFAULT;
	}
	if (request.fd >= 0)
		fd_install(request.fd, get_file(remote->mapping->file));
	remote->taken = true;
	return 0;
}

/**
 * vha_video_remote_take() - tell the VMM of a request
 * @video: the device
 * @argp: argument of VHA_VIDEO_GET_REQUEST
 *
 * Context: the VMM.
 * Return: as the ioctl says.
 */
long vha_video_remote_take(struct vha_video *video, struct vha_video_request __user *argp)
{
	struct vha_queue *vq = video_queue(video, VHA_VIDEO_COMMAND);
	long ret;

	mutex_lock(&vq->mutex);
	ret = take(&video->window.remote, argp);
	mutex_unlock(&vq->mutex);
	return ret;
}

/**
 * vha_video_remote_done() - the VMM dealt with a request
 * @video: the device
 * @done: argument of VHA_VIDEO_REQUEST_DONE
 *
 * Context: the VMM.
 * Return: 0, -EINVAL for what is no errno, -ENOENT for another request.
 */
long vha_video_remote_done(struct vha_video *video, const struct vha_video_done *done)
{
	struct vha_video_remote *remote = &video->window.remote;
	struct vha_queue *vq = video_queue(video, VHA_VIDEO_COMMAND);
	long ret = -ENOENT;

	if (done->error > MAX_ERRNO)
		return -EINVAL;
	mutex_lock(&vq->mutex);
	if (remote->mapping && remote->taken && !remote->done && remote->id == done->id) {
		remote->done = true;
		/* What means that it is not done, see above, it can not have failed with. */
		remote->error = done->error == EINPROGRESS ? -EIO : -(int)done->error;
		ret = 0;
	}
	mutex_unlock(&vq->mutex);
	if (!ret)
		vha_queue_kick(vq);
	return ret;
}
