// SPDX-License-Identifier: GPL-2.0-only
/*
 * Encoders and decoders as devices
 */
#include <linux/slab.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "codec.h"

/*
 * A command that is answered when a buffer is done may be overtaken by any other, and
 * buffers are known by address for longer than a translation is.
 */
static void codec_features(u64 *features)
{
	features[0] |= BIT_ULL(VHA_CODEC_F_GUEST_PAGES) | BIT_ULL(VHA_CODEC_F_NON_CONTIG);
	features[0] &= ~(BIT_ULL(VIRTIO_F_IN_ORDER) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM));
}

static void set_types(struct vha_codec *codec, u32 caps)
{
	bool mplane = caps & V4L2_CAP_VIDEO_M2M_MPLANE;

	codec->types[VHA_CODEC_IN] = mplane ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE :
					      V4L2_BUF_TYPE_VIDEO_OUTPUT;
	codec->types[VHA_CODEC_OUT] = mplane ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE :
					       V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

static int codec_attach(struct vha_video *video, const struct vha_video_node *node,
			struct vha_codec **result)
{
	struct vha_codec *codec;
	int ret = -ENOMEM;

	if (!(node->caps & (V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE)))
		return -EOPNOTSUPP;
	codec = kzalloc(sizeof(*codec), VHA_GFP_SETUP);
	if (!codec)
		return -ENOMEM;
	set_types(codec, node->caps);
	codec->bounce = kvmalloc(VHA_CODEC_BOUNCE, VHA_GFP_SETUP);
	if (codec->bounce)
		ret = vha_codec_caps_make(video, node, codec);
	if (ret)
		vha_codec_free(codec);
	else
		*result = codec;
	return ret;
}

/**
 * vha_codec_free() - forget what belongs to a node
 * @codec: what a device has, or NULL; there is no stream
 */
void vha_codec_free(struct vha_codec *codec)
{
	if (!codec)
		return;
	vha_codec_caps_free(codec);
	kvfree(codec->bounce);
	kfree(codec);
}

static u32 caps_length(const struct vha_codec *codec)
{
	return sizeof(struct vha_codec_header) +
	       max(codec->caps[VHA_CODEC_IN].len, codec->caps[VHA_CODEC_OUT].len);
}

static void codec_get_config(const struct vha_video *video, void *config)
{
	struct vha_codec_config *codec = config;

	codec->max_caps_length = cpu_to_le32(caps_length(video->codec));
	codec->max_resp_length = cpu_to_le32(VHA_CODEC_RESPONSE_MAX);
	static_assert(sizeof(codec->device_name) == sizeof(video->node.card));
	memcpy(codec->device_name, video->node.card, sizeof(codec->device_name));
}

/**
 * vha_codec_wake() - the host may have something for a stream
 * @session: its session
 *
 * Context: any.
 */
void vha_codec_wake(struct vha_video_session *session)
{
	struct vha_video *video = session->video;
	unsigned long flags;

	spin_lock_irqsave(&video->lock, flags);
	if (!session->closed && list_empty(&session->woken))
		list_add_tail(&session->woken, &video->woken);
	spin_unlock_irqrestore(&video->lock, flags);
	vha_queue_work(video_queue(video, VHA_VIDEO_COMMAND), &video->wake_work);
}

/* Nobody closes it meanwhile: for that the queue's mutex is needed. */
static struct vha_video_session *next_woken(struct vha_video *video)
{
	struct vha_video_session *session;

	spin_lock_irq(&video->lock);
	session = list_first_entry_or_null(&video->woken, struct vha_video_session, woken);
	if (session)
		list_del_init(&session->woken);
	spin_unlock_irq(&video->lock);
	return session;
}

static void collect_work(struct vha_work *work)
{
	struct vha_video *video = container_of(work, struct vha_video, wake_work);
	struct vha_queue *vq = video_queue(video, VHA_VIDEO_COMMAND);
	struct vha_video_session *session;
	unsigned int n;

	if (current->mm != video->dev.mm)
		return;
	mutex_lock(&vq->mutex);
	for (n = 0; n < VHA_VIDEO_SESSIONS_MAX; n++) {
		session = next_woken(video);
		if (!session)
			break;
		if (session->codec)
			vha_codec_collect(vq, session->codec);
		cond_resched();
	}
	mutex_unlock(&vq->mutex);
	if (n == VHA_VIDEO_SESSIONS_MAX)
		vha_queue_work(vq, &video->wake_work);
}

/*
 * The host may keep a buffer for as long as it likes, and while it has one it also
 * references the guest's memory. When the owner is no more the host can not be asked;
 * then its files are about to be closed.
 */
static void codec_cancel(struct vha_queue *vq)
{
	struct vha_video *video = to_video(vq->dev);
	struct vha_video_session *session;
	unsigned long id;

	if (vq->index != VHA_VIDEO_COMMAND)
		return;
	mutex_lock(&vq->mutex);
	xa_for_each(&video->sessions, id, session)
		if (session->codec)
			vha_codec_stream_cancel(vq, session->codec);
	mutex_unlock(&vq->mutex);
}

/**
 * vha_codec_init() - a device that may become an encoder or decoder
 * @video: the device
 */
void vha_codec_init(struct vha_video *video)
{
	INIT_LIST_HEAD(&video->woken);
	vha_work_init(&video->wake_work, collect_work);
}

#define CODEC_FRONT(_id)					\
	.virtio_id = _id,					\
	.config_size = sizeof(struct vha_codec_config),		\
	.features = codec_features,				\
	.attach = codec_attach,					\
	.get_config = codec_get_config,				\
	.wake = vha_codec_wake,					\
	.close = vha_codec_stream_close,			\
	.cancel = codec_cancel,					\
	.run = {						\
		[VHA_VIDEO_COMMAND] = vha_codec_command_run,	\
		[VHA_VIDEO_EVENT] = vha_codec_event_run,	\
	}

const struct vha_video_front vha_codec_encoder = {
	CODEC_FRONT(VHA_CODEC_ID_ENCODER),
};

const struct vha_video_front vha_codec_decoder = {
	CODEC_FRONT(VHA_CODEC_ID_DECODER),
};
