// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device's life
 */
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "codec.h"

/* Where a packed ring starts: wrap counters set. */
#define PACKED_BASE	0x80008000U

static void call_free(struct vha_video_call *call)
{
	kvfree(call->image);
	kvfree(call->saved);
	kvfree(call->segs);
	call->image = NULL;
	call->saved = NULL;
	call->segs = NULL;
}

static int call_alloc(struct vha_video *video)
{
	struct vha_video_call *call = &video->call;

	call->addr = video->params.scratch + VHA_VIDEO_SCRATCH_COMMAND;
	call->room = VHA_VIDEO_SCRATCH_BYTES - VHA_VIDEO_SCRATCH_COMMAND;
	if (call->image)
		return 0;
	call->image = kvzalloc(call->room, VHA_GFP_SETUP);
	call->saved = kvzalloc(VHA_VIDEO_SAVED_BYTES, VHA_GFP_SETUP);
	call->segs = kvcalloc(VHA_VIDEO_SEGS_MAX, sizeof(*call->segs), VHA_GFP_SETUP);
	if (call->image && call->saved && call->segs)
		return 0;
	call_free(call);
	return -ENOMEM;
}

/**
 * vha_video_open() - as &vha_class.open
 * @dev: the device
 */
int vha_video_open(struct vha_device *dev)
{
	struct vha_video *video = to_video(dev);

	spin_lock_init(&video->lock);
	INIT_LIST_HEAD(&video->ready);
	xa_init_flags(&video->sessions, XA_FLAGS_ALLOC);
	vha_work_init(&video->release_work, vha_video_release_work);
	vha_codec_init(video);
	vha_video_window_init(video);
	return 0;
}

/**
 * vha_video_release() - as &vha_class.release
 * @dev: the device
 */
void vha_video_release(struct vha_device *dev)
{
	struct vha_video *video = to_video(dev);

	vha_video_disclaim(video);
	vha_video_window_destroy(video);
	xa_destroy(&video->sessions);
	call_free(&video->call);
}

/**
 * vha_video_features() - as &vha_class.features
 * @dev: the device
 * @features: corrected by the front
 */
void vha_video_features(struct vha_device *dev, u64 *features)
{
	vha_video_front(to_video(dev))->features(features);
}

/**
 * vha_video_info() - as &vha_class.info
 * @dev: the device
 * @info: corrected
 */
void vha_video_info(struct vha_device *dev, struct vha_info *info)
{
	const struct vha_video_front *front = vha_video_front(to_video(dev));

	info->virtio_id = front->virtio_id;
	info->config_size = front->config_size;
}

/**
 * vha_video_cancel() - as &vha_class.cancel
 * @vq: the queue
 */
void vha_video_cancel(struct vha_queue *vq)
{
	const struct vha_video_front *front = vha_video_front(to_video(vq->dev));

	if (front->cancel)
		front->cancel(vq);
}

static void close_all(struct vha_video *video)
{
	struct vha_queue *vq = video_queue(video, VHA_VIDEO_COMMAND);

	mutex_lock(&vq->mutex);
	vha_video_session_close_all(video);
	mutex_unlock(&vq->mutex);
}

/**
 * vha_video_acked() - as &vha_class.acked
 * @dev: the device
 *
 * A reset ends all sessions. A VMM that goes on after a pause negotiates anew, but
 * never nothing.
 */
int vha_video_acked(struct vha_device *dev)
{
	if (!dev->acked[0])
		close_all(to_video(dev));
	return 0;
}

static void detach(struct vha_video *video)
{
	close_all(video);
	vha_codec_free(video->codec);
	video->codec = NULL;
	vha_video_node_detach(&video->node);
}

static int attach_front(struct vha_video *video, struct vha_video_node *node,
			struct vha_codec **codec)
{
	const struct vha_video_front *front = vha_video_front(video);
	int ret = front->attach ? front->attach(video, node, codec) : 0;

	if (ret)
		vha_video_node_detach(node);
	return ret;
}

static int attach(struct vha_video *video, struct file *file)
{
	struct vha_codec *codec = NULL;
	struct vha_video_node *node;
	int ret;

	if (!video->params.scratch || video->mm != video->dev.mm)
		return -EINVAL;
	ret = call_alloc(video);
	if (ret)
		return ret;
	node = kzalloc(sizeof(*node), VHA_GFP_SETUP);
	if (!node)
		return -ENOMEM;
	ret = vha_video_node_attach(video, node, file);
	if (!ret)
		ret = attach_front(video, node, &codec);
	if (!ret) {
		detach(video);
		video->codec = codec;
		video->node = *node;
	}
	kfree(node);
	return ret;
}

/**
 * vha_video_set_backend() - as &vha_class.set_backend
 * @dev: the device
 * @backend: what the VMM asked for
 * @file: the node's file, NULL to detach
 *
 * When a new node is refused the device keeps what it has.
 *
 * Return: 0; -EINVAL for an index, a flag, or without parameters, -ENOMEM, or what
 * vha_video_node_attach() returns.
 */
int vha_video_set_backend(struct vha_device *dev, const struct vha_backend *backend,
			  struct file *file)
{
	struct vha_video *video = to_video(dev);

	if (backend->index || backend->flags)
		return -EINVAL;
	if (file)
		return attach(video, file);
	detach(video);
	return 0;
}

static bool ring_fresh(const struct vha_queue *vq)
{
	return !vq->base_set || !vq->base || vq->base == PACKED_BASE;
}

static bool rings_fresh(const struct vha_device *dev)
{
	return ring_fresh(dev->vqs[VHA_VIDEO_COMMAND]) && ring_fresh(dev->vqs[VHA_VIDEO_EVENT]);
}

/**
 * vha_video_start() - as &vha_class.start
 * @vq: the queue
 *
 * A driver whose rings begin anew knows nothing of earlier sessions.
 *
 * Return: 0, or -ENOTCONN without a backing object.
 */
int vha_video_start(struct vha_queue *vq)
{
	struct vha_video *video = to_video(vq->dev);

	if (!video->node.file)
		return -ENOTCONN;
	if (vq->index == VHA_VIDEO_COMMAND && rings_fresh(vq->dev))
		close_all(video);
	return 0;
}

/**
 * vha_video_stop() - as &vha_class.stop
 * @vq: the queue
 *
 * The host may write into the driver's memory for as long as it has a buffer there.
 */
void vha_video_stop(struct vha_queue *vq)
{
	struct vha_video *video = to_video(vq->dev);
	struct vha_video_session *session;
	unsigned long id;

	if (vq->index != VHA_VIDEO_COMMAND)
		return;
	mutex_lock(&vq->mutex);
	xa_for_each(&video->sessions, id, session)
		vha_video_user_quiesce(session);
	mutex_unlock(&vq->mutex);
}

/**
 * vha_video_run() - as &vha_class.run
 * @vq: the queue
 */
void vha_video_run(struct vha_queue *vq)
{
	vha_video_front(to_video(vq->dev))->run[vq->index](vq);
}

/**
 * vha_video_batch_begin() - as &vha_class.batch_begin
 * @vq: the queue
 *
 * Commands are answered one by one, see command.c.
 */
void vha_video_batch_begin(struct vha_queue *vq)
{
	if (vq->index == VHA_VIDEO_COMMAND)
		vha_queue_batch_end(vq);
}

/**
 * vha_video_get_config() - as &vha_class.get_config
 * @dev: the device
 * @config: filled in
 */
void vha_video_get_config(struct vha_device *dev, void *config)
{
	vha_video_front(to_video(dev))->get_config(to_video(dev), config);
}

/**
 * vha_video_show() - as &vha_class.show
 * @dev: the device
 * @m: the fdinfo file
 */
void vha_video_show(struct vha_device *dev, struct seq_file *m)
{
	struct vha_video *video = to_video(dev);

	if (!video->node.file)
		return;
	seq_printf(m, "sessions:\t%u\n", READ_ONCE(video->nr_sessions));
	seq_printf(m, "mapped:\t%u\n", READ_ONCE(video->window.nr));
	seq_printf(m, "mapped_bytes:\t%llu\n",
		   (u64)READ_ONCE(video->window.mapped_pages) << PAGE_SHIFT);
}
