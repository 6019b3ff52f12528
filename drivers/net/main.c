// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio network devices
 */
#include <linux/module.h>
#include <uapi/linux/virtio_ids.h>

#include "net.h"

static const struct vha_ioctl net_ioctls[] = {
	{ VHOST_NET_SET_BACKEND, vha_net_ioctl_backend },
	{ VHA_NET_SET_HASH, vha_net_ioctl_hash },
};

static const struct vha_class net_class = {
	.name = "net",
	.owner = THIS_MODULE,
	.virtio_id = VIRTIO_ID_NET,
	.max_queues = VHA_NET_QUEUES,
	.max_workers = VHA_NET_QUEUES,
	.device_size = sizeof(struct vha_net),
	.queue_size = sizeof(struct vha_net_queue),
	.ioctls = net_ioctls,
	.num_ioctls = ARRAY_SIZE(net_ioctls),
	.stats = vha_net_stat_descs,
	.num_stats = VHA_NET_STATS,
	.turn_bytes = VHA_NET_TURN_BYTES,
	.open = vha_net_open,
	.release = vha_net_release,
	.features = vha_net_features,
	.acked = vha_net_acked,
	.set_backend = vha_net_set_backend,
	.detach = vha_net_detach,
	.start = vha_net_start,
	.stop = vha_net_stop,
	.run = vha_net_run,
	.batch_end = vha_net_batch_end,
	.get_config = vha_net_get_config,
	.show = vha_net_show,
	.queue_stats = vha_net_queue_stats,
};

static int __init net_init(void)
{
	return vha_class_register(&net_class);
}
module_init(net_init);

static void __exit net_exit(void)
{
	vha_class_unregister(&net_class);
	/* The last completion of a packet may still be on its way out. */
	synchronize_rcu();
}
module_exit(net_exit);

MODULE_DESCRIPTION("virtio network devices in the host kernel");
MODULE_LICENSE("GPL");
