// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio socket devices: the host side of AF_VSOCK
 */
#include <linux/module.h>
#include <linux/sizes.h>

#include "vsock.h"

static const struct vha_class vsock_class = {
	.name = "vsock",
	.owner = THIS_MODULE,
	.virtio_id = VIRTIO_ID_VSOCK,
	.max_queues = VSOCK_VQ_MAX,
	.max_workers = VSOCK_VQ_MAX,
	.config_size = sizeof(struct virtio_vsock_config),
	.device_size = sizeof(struct vha_vsock),
	.queue_size = sizeof(struct vha_vsock_queue),
	.ioctls = vha_vsock_ioctls,
	.num_ioctls = VHA_VSOCK_IOCTLS,
	.stats = vha_vsock_stat_descs,
	.num_stats = VHA_VSOCK_STATS,
	.turn_bytes = SZ_512K,
	.open = vha_vsock_open,
	.release = vha_vsock_release,
	.features = vha_vsock_features,
	.acked = vha_vsock_acked,
	.set_backend = vha_vsock_set_backend,
	.start = vha_vsock_start,
	.stop = vha_vsock_stop,
	.run = vha_vsock_run,
	.batch_end = vha_vsock_batch_end,
	.get_config = vha_vsock_get_config,
	.show = vha_vsock_show,
	.queue_stats = vha_vsock_queue_stats,
};

static int __init vsock_init(void)
{
	int ret = vha_vsock_transport_register();

	if (ret == -EBUSY)
		pr_err("vhost_accel_vsock: another module serves AF_VSOCK to guests: unload vhost_vsock (or vmw_vsock_vmci_transport) first and keep it from loading, see vsock.rst\n");
	if (ret)
		return ret;
	ret = vha_class_register(&vsock_class);
	if (ret)
		vha_vsock_transport_unregister();
	return ret;
}
module_init(vsock_init);

static void __exit vsock_exit(void)
{
	vha_class_unregister(&vsock_class);
	vha_vsock_transport_unregister();
}
module_exit(vsock_exit);

MODULE_DESCRIPTION("virtio socket devices in the host kernel");
MODULE_LICENSE("GPL");
