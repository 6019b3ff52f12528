// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio media devices, video encoders and decoders
 */
#include <linux/module.h>
#include <linux/virtio_ids.h>

#include "codec_protocol.h"
#include "video.h"

static const struct vha_class video_class = {
	.name = "video",
	.owner = THIS_MODULE,
	.virtio_id = VIRTIO_ID_MEDIA,
	.max_queues = VHA_VIDEO_QUEUES,
	.max_workers = VHA_VIDEO_QUEUES,
	/* The largest of those there are, see vha_video_info(). */
	.config_size = sizeof(struct vha_codec_config),
	.device_size = sizeof(struct vha_video),
	.queue_size = sizeof(struct vha_video_queue),
	.ioctls = vha_video_ioctls,
	.num_ioctls = VHA_VIDEO_CALLS,
	.stats = vha_video_stat_descs,
	.num_stats = VHA_VIDEO_STATS,
	.open = vha_video_open,
	.release = vha_video_release,
	.features = vha_video_features,
	.acked = vha_video_acked,
	.info = vha_video_info,
	.set_backend = vha_video_set_backend,
	.start = vha_video_start,
	.stop = vha_video_stop,
	.cancel = vha_video_cancel,
	.run = vha_video_run,
	.batch_begin = vha_video_batch_begin,
	.get_config = vha_video_get_config,
	.show = vha_video_show,
	.queue_stats = vha_video_queue_stats,
};

static int __init video_init(void)
{
	return vha_class_register(&video_class);
}
module_init(video_init);

static void __exit video_exit(void)
{
	vha_class_unregister(&video_class);
}
module_exit(video_exit);

MODULE_DESCRIPTION("virtio media and video devices in the host kernel");
MODULE_LICENSE("GPL");
