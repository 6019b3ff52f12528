// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the VMM says about a media device
 */
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "video.h"

/* Addresses mean something to the owner who named them, and to no other. */
static void claim(struct vha_video *video)
{
	if (video->mm == video->dev.mm)
		return;
	vha_video_disclaim(video);
	mmgrab(video->dev.mm);
	video->mm = video->dev.mm;
}

/**
 * vha_video_disclaim() - forget all addresses
 * @video: the device, with nothing mapped
 */
void vha_video_disclaim(struct vha_video *video)
{
	if (!video->mm)
		return;
	memset(&video->params, 0, sizeof(video->params));
	vha_video_window_set(video, 0, 0, NULL);
	mmdrop(video->mm);
	video->mm = NULL;
}

static int check_params(const struct vha_video_params *params)
{
	if (params->flags & ~VHA_VIDEO_F_POOL || params->max_sessions > VHA_VIDEO_SESSIONS_MAX ||
	    params->protocol > VHA_VIDEO_PROTOCOL_DECODER || params->padding ||
	    memchr_inv(params->reserved, 0, sizeof(params->reserved)))
		return -EINVAL;
	if (!params->scratch || !PAGE_ALIGNED(params->scratch))
		return -EINVAL;
	if (params->scratch > ULONG_MAX ||
	    !access_ok(u64_to_user_ptr(params->scratch), VHA_VIDEO_SCRATCH_BYTES))
		return -EFAULT;
	return 0;
}

static long set_params(struct vha_device *dev, void __user *argp)
{
	struct vha_video *video = to_video(dev);
	struct vha_video_params params;
	int ret;

	if (copy_from_user(&params, argp, sizeof(params)))
		return -EFAULT;
	ret = check_params(&params);
	if (ret)
		return ret;
	if (video->node.file)
		return -EBUSY;
	claim(video);
	video->params = params;
	return 0;
}

static int check_window(const struct vha_video_window *window)
{
	bool remote = window->flags & VHA_VIDEO_WINDOW_F_REMOTE;

	if (window->flags & ~VHA_VIDEO_WINDOW_F_REMOTE ||
	    memchr_inv(window->reserved, 0, sizeof(window->reserved)))
		return -EINVAL;
	if (!PAGE_ALIGNED(window->addr) || !PAGE_ALIGNED(window->size) ||
	    window->size > ULONG_MAX)
		return -EINVAL;
	if (remote)
		return window->addr || !window->size ? -EINVAL : 0;
	if (window->event != VHOST_FILE_UNBIND || !window->addr != !window->size)
		return -EINVAL;
	if (window->addr > ULONG_MAX ||
	    !access_ok(u64_to_user_ptr(window->addr), window->size))
		return -EFAULT;
	return 0;
}

static long set_window(struct vha_device *dev, void __user *argp)
{
	struct vha_video *video = to_video(dev);
	struct vha_video_window window;
	struct eventfd_ctx *event = NULL;
	int ret;

	if (copy_from_user(&window, argp, sizeof(window)))
		return -EFAULT;
	ret = check_window(&window);
	if (ret)
		return ret;
	if (window.flags & VHA_VIDEO_WINDOW_F_REMOTE) {
		event = eventfd_ctx_fdget(window.event);
		if (IS_ERR(event))
			return PTR_ERR(event);
	}
	claim(video);
	ret = vha_video_window_set(video, window.addr, window.size, event);
	if (ret && event)
		eventfd_ctx_put(event);
	return ret;
}

static long add_file(struct vha_device *dev, void __user *argp)
{
	int fd;

	if (get_user(fd, (int __user *)argp))
		return -EFAULT;
	return vha_video_node_add(to_video(dev), fd);
}

static long get_request(struct vha_device *dev, void __user *argp)
{
	return vha_video_remote_take(to_video(dev), argp);
}

static long request_done(struct vha_device *dev, void __user *argp)
{
	struct vha_video_done done;

	if (copy_from_user(&done, argp, sizeof(done)))
		return -EFAULT;
	return vha_video_remote_done(to_video(dev), &done);
}

const struct vha_ioctl vha_video_ioctls[VHA_VIDEO_CALLS] = {
	{ VHA_VIDEO_SET_PARAMS, set_params },
	{ VHA_VIDEO_SET_WINDOW, set_window },
	{ VHA_VIDEO_ADD_FILE, add_file },
	{ VHA_VIDEO_GET_REQUEST, get_request },
	{ VHA_VIDEO_REQUEST_DONE, request_done },
};
