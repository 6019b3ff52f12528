// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the driver takes a device for
 */
#include <linux/nospec.h>
#include <linux/virtio_ids.h>

#include "codec.h"

/* There are none of a media device's own. */
static void media_features(u64 *features)
{
}

static void media_get_config(const struct vha_video *video, void *config)
{
	const struct vha_video_node *node = &video->node;
	struct vha_media_config *media = config;

	media->device_caps = cpu_to_le32(node->caps);
	media->device_type = cpu_to_le32(node->type);
	memcpy(media->card, node->card, sizeof(media->card));
}

static void media_close(struct vha_video_session *session)
{
}

static const struct vha_video_front media = {
	.virtio_id = VIRTIO_ID_MEDIA,
	.config_size = sizeof(struct vha_media_config),
	.features = media_features,
	.get_config = media_get_config,
	.wake = vha_video_session_ready,
	.close = media_close,
	.run = {
		[VHA_VIDEO_COMMAND] = vha_video_command_run,
		[VHA_VIDEO_EVENT] = vha_video_event_run,
	},
};

static const struct vha_video_front *const fronts[] = {
	[VHA_VIDEO_PROTOCOL_MEDIA] = &media,
	[VHA_VIDEO_PROTOCOL_ENCODER] = &vha_codec_encoder,
	[VHA_VIDEO_PROTOCOL_DECODER] = &vha_codec_decoder,
};

/**
 * vha_video_front() - what the VMM chose
 * @video: the device
 *
 * It does not change while there is a backing object.
 */
const struct vha_video_front *vha_video_front(const struct vha_video *video)
{
	return fronts[array_index_nospec(video->params.protocol, ARRAY_SIZE(fronts))];
}
