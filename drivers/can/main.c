// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio CAN controllers
 */
#include <linux/module.h>

#include "can.h"

static const struct vha_class can_class = {
	.name = "can",
	.owner = THIS_MODULE,
	.virtio_id = VIRTIO_ID_CAN,
	.max_queues = VHA_CAN_QUEUES,
	.max_workers = VHA_CAN_QUEUES,
	.config_size = sizeof(struct virtio_can_config),
	.device_size = sizeof(struct vha_can),
	.queue_size = sizeof(struct vha_can_queue),
	.ioctls = vha_can_ioctls,
	.num_ioctls = VHA_CAN_IOCTLS,
	.stats = vha_can_stat_descs,
	.num_stats = VHA_CAN_STATS,
	.open = vha_can_open,
	.release = vha_can_release,
	.features = vha_can_features,
	.acked = vha_can_acked,
	.set_backend = vha_can_set_backend,
	.start = vha_can_start,
	.stop = vha_can_stop,
	.run = vha_can_run,
	.poll = vha_can_poll,
	.get_config = vha_can_get_config,
	.show = vha_can_show,
	.queue_stats = vha_can_queue_stats,
};

static int __init can_init(void)
{
	return vha_class_register(&can_class);
}
module_init(can_init);

static void __exit can_exit(void)
{
	vha_class_unregister(&can_class);
}
module_exit(can_exit);

MODULE_DESCRIPTION("virtio CAN controllers in the host kernel");
MODULE_LICENSE("GPL");
