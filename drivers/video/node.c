// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backing object: a V4L2 device node, and its files for sessions
 */
#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>

#include "video.h"

/* Of all of its nodes; the kernel has it in a header of its own modules. */
#define V4L2_MAJOR	81

/*
 * What needs more than commands and events: reading and writing files, and
 * pictures from and to the memory of a graphics adapter.
 */
#define CAPS_HIDDEN \
	(V4L2_CAP_READWRITE | V4L2_CAP_VIDEO_OVERLAY | V4L2_CAP_VIDEO_OUTPUT_OVERLAY | \
	 V4L2_CAP_DEVICE_CAPS)

/**
 * struct caps_type - a kind of node and how to recognise it
 * @caps: V4L2_CAP_* bits it has one of
 * @type: the kind
 */
struct caps_type {
	u32 caps;
	enum vha_media_type type;
};

/* The first that fits counts. */
static const struct caps_type caps_types[] = {
	{ V4L2_CAP_TOUCH, VHA_MEDIA_TOUCH },
	{ V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_OUTPUT | V4L2_CAP_VIDEO_M2M |
	  V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_VIDEO_OUTPUT_MPLANE |
	  V4L2_CAP_VIDEO_M2M_MPLANE | V4L2_CAP_META_CAPTURE | V4L2_CAP_META_OUTPUT,
	  VHA_MEDIA_VIDEO },
	{ V4L2_CAP_VBI_CAPTURE | V4L2_CAP_VBI_OUTPUT | V4L2_CAP_SLICED_VBI_CAPTURE |
	  V4L2_CAP_SLICED_VBI_OUTPUT, VHA_MEDIA_VBI },
	{ V4L2_CAP_SDR_CAPTURE | V4L2_CAP_SDR_OUTPUT, VHA_MEDIA_SDR },
	{ V4L2_CAP_RADIO | V4L2_CAP_TUNER | V4L2_CAP_MODULATOR | V4L2_CAP_RDS_CAPTURE |
	  V4L2_CAP_RDS_OUTPUT, VHA_MEDIA_RADIO },
};

static enum vha_media_type type_of(u32 caps)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caps_types); i++)
		if (caps & caps_types[i].caps)
			return caps_types[i].type;
	return VHA_MEDIA_VIDEO;
}

static bool is_v4l2(const struct file *file)
{
	const struct inode *inode = file_inode(file);

	return S_ISCHR(inode->i_mode) && imajor(inode) == V4L2_MAJOR;
}

static int check_file(const struct file *file)
{
	if (!is_v4l2(file))
		return -ENODEV;
	if ((file->f_mode & (FMODE_READ | FMODE_WRITE)) != (FMODE_READ | FMODE_WRITE))
		return -EBADF;
	return 0;
}

/* Threads of a process of 32 bits call the node as that process would. */
static bool layout_differs(void)
{
	return in_compat_syscall() || IS_ENABLED(CONFIG_CPU_BIG_ENDIAN);
}

static int query(struct vha_video *video, struct vha_video_node *node)
{
	struct v4l2_capability capability = {};
	int ret;

	ret = vha_video_host_ioctl(video, node->file, VIDIOC_QUERYCAP, VHA_VIDEO_SCRATCH_LOOK,
				   &capability, sizeof(capability));
	if (ret)
		return ret;
	if (!(capability.capabilities & V4L2_CAP_DEVICE_CAPS))
		capability.device_caps = capability.capabilities;
	node->caps = capability.device_caps & ~CAPS_HIDDEN;
	node->type = type_of(node->caps);
	memcpy(node->card, capability.card, sizeof(node->card));
	return 0;
}

/**
 * vha_video_node_attach() - use a node
 * @video: the device, its parameters set
 * @node: filled in; zeroed
 * @file: an open file of it
 *
 * Context: the VMM.
 * Return: 0; -EOPNOTSUPP when the layout of structures is not the kernel's own,
 * -ENODEV for what is no node of V4L2, -EBADF for a file that is not open for
 * reading and writing, or what VIDIOC_QUERYCAP returns.
 */
int vha_video_node_attach(struct vha_video *video, struct vha_video_node *node, struct file *file)
{
	int ret;

	if (layout_differs())
		return -EOPNOTSUPP;
	ret = check_file(file);
	if (ret)
		return ret;
	node->file = file;
	ret = query(video, node);
	if (ret) {
		node->file = NULL;
		return ret;
	}
	get_file(file);
	node->cred = get_current_cred();
	return 0;
}

/**
 * vha_video_node_detach() - undo vha_video_node_attach()
 * @node: the node, which no session uses; zeroed if there is none
 */
void vha_video_node_detach(struct vha_video_node *node)
{
	while (node->nr_files)
		vha_video_host_close(node->files[--node->nr_files]);
	if (!node->file)
		return;
	vha_video_host_close(node->file);
	put_cred(node->cred);
	node->file = NULL;
}

static int add_file(struct vha_video *video, struct file *file)
{
	struct vha_video_node *node = &video->node;
	int ret = check_file(file);

	if (ret)
		return ret;
	if (file_inode(file)->i_rdev != file_inode(node->file)->i_rdev || file == node->file)
		return -EINVAL;
	if (node->nr_files == VHA_VIDEO_FILES_MAX)
		return -ENOSPC;
	node->files[node->nr_files++] = get_file(file);
	return 0;
}

/**
 * vha_video_node_add() - add an open file for a session to come
 * @video: the device
 * @fd: its descriptor
 *
 * Context: the VMM.
 * Return: as VHA_VIDEO_ADD_FILE says.
 */
int vha_video_node_add(struct vha_video *video, int fd)
{
	struct vha_queue *vq = video_queue(video, VHA_VIDEO_COMMAND);
	struct file *file;
	int ret;

	if (!video->node.file)
		return -ENODEV;
	if (!(video->params.flags & VHA_VIDEO_F_POOL))
		return -EINVAL;
	file = fget(fd);
	if (!file)
		return -EBADF;
	mutex_lock(&vq->mutex);
	ret = add_file(video, file);
	mutex_unlock(&vq->mutex);
	fput(file);
	return ret;
}

static struct file *take_file(struct vha_video_node *node)
{
	struct file *file;

	if (!node->nr_files)
		return ERR_PTR(-EMFILE);
	file = node->files[0];
	node->nr_files--;
	memmove(node->files, node->files + 1, node->nr_files * sizeof(node->files[0]));
	spin_lock(&file->f_lock);
	file->f_flags |= O_NONBLOCK;
	spin_unlock(&file->f_lock);
	return file;
}

/**
 * vha_video_node_open() - an open file for a session
 * @video: the device, with a backing object
 *
 * Nothing the driver asks for may wait for pictures, so the file never does.
 *
 * Context: the command queue's worker, queue mutex held.
 * Return: the file, or an ERR_PTR(): -EMFILE when there is none left of those the
 * VMM gave us, or what opening the node returns.
 */
struct file *vha_video_node_open(struct vha_video *video)
{
	struct vha_video_node *node = &video->node;

	if (video->params.flags & VHA_VIDEO_F_POOL)
		return take_file(node);
	return dentry_open(&node->file->f_path, O_RDWR | O_NONBLOCK | O_LARGEFILE, node->cred);
}
