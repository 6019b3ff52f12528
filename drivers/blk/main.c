// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio block devices
 */
#include <linux/module.h>

#include "blk.h"

static const struct vha_class blk_class = {
	.name = "blk",
	.owner = THIS_MODULE,
	.virtio_id = VIRTIO_ID_BLOCK,
	.max_queues = VHA_BLK_QUEUES,
	.max_workers = VHA_BLK_QUEUES,
	.config_size = sizeof(struct virtio_blk_config),
	.device_size = sizeof(struct vha_blk),
	.queue_size = sizeof(struct vha_blk_queue),
	.ioctls = vha_blk_ioctls,
	.num_ioctls = VHA_BLK_IOCTLS,
	.stats = vha_blk_stat_descs,
	.num_stats = VHA_BLK_STATS,
	.open = vha_blk_open,
	.release = vha_blk_release,
	.features = vha_blk_features,
	.acked = vha_blk_acked,
	.set_backend = vha_blk_set_backend,
	.start = vha_blk_start,
	.stop = vha_blk_stop,
	.run = vha_blk_run,
	.batch_begin = vha_blk_batch_begin,
	.batch_end = vha_blk_batch_end,
	.poll = vha_blk_poll,
	.get_config = vha_blk_get_config,
	.set_config = vha_blk_set_config,
	.show = vha_blk_show,
	.queue_stats = vha_blk_queue_stats,
};

static int __init blk_init(void)
{
	return vha_class_register(&blk_class);
}
module_init(blk_init);

static void __exit blk_exit(void)
{
	vha_class_unregister(&blk_class);
}
module_exit(blk_exit);

MODULE_DESCRIPTION("virtio block devices in the host kernel");
MODULE_LICENSE("GPL");
