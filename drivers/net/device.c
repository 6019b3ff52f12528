// SPDX-License-Identifier: GPL-2.0-only
/*
 * The network device: features, start and stop of queues
 */
#include <linux/if_tun.h>
#include <linux/slab.h>

#include "net.h"

/**
 * vha_net_open() - as &vha_class.open
 * @dev: the device
 */
int vha_net_open(struct vha_device *dev)
{
	unsigned int i;

	for (i = 0; i < VHA_NET_QUEUES; i++)
		vha_net_wait_init(to_net_queue(dev->vqs[i]));
	return vha_net_acked(dev);
}

/**
 * vha_net_release() - as &vha_class.release
 * @dev: the device
 */
void vha_net_release(struct vha_device *dev)
{
	vha_net_detach(dev);
	vha_net_hash_forget(to_net(dev));
}

/* The specification counts features in one sequence of bits. */
static void offer(u64 *features, unsigned int bit)
{
	features[bit / 64] |= BIT_ULL(bit % 64);
}

/**
 * vha_net_features() - as &vha_class.features
 * @dev: the device
 * @features: features
 *
 * What is between the driver and the back end alone, as most offloads are, the
 * VMM offers and sets up with the back end. VHOST_NET_F_VIRTIO_NET_HDR is the
 * bit of VIRTIO_F_ANY_LAYOUT, which every ring offers.
 */
void vha_net_features(struct vha_device *dev, u64 *features)
{
	offer(features, VIRTIO_F_NOTIFY_ON_EMPTY);
	offer(features, VIRTIO_NET_F_MRG_RXBUF);
	offer(features, VIRTIO_NET_F_HASH_REPORT);
	/* A notification brings no data here, and none is needed. */
	offer(features, VIRTIO_F_NOTIFICATION_DATA);
	if (TUN_HAS_UDP_TUNNEL) {
		offer(features, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO);
		offer(features, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO);
	}
}

/* Which part of a received packet's header is ours to write. */
static void set_own_part(struct vha_net *net)
{
	net->own_at = net->vnet ? VHA_NET_TAIL_OFFSET : 0;
	if (!net->vnet)
		net->own_len = net->header;
	else if (!net->num_buffers)
		net->own_len = 0;
	else if (vha_device_feature(&net->dev, VIRTIO_NET_F_HASH_REPORT))
		net->own_len = VHA_NET_TAIL_BYTES;
	else
		net->own_len = sizeof(__le16);
}

/**
 * vha_net_acked() - as &vha_class.acked
 * @dev: the device
 */
int vha_net_acked(struct vha_device *dev)
{
	struct vha_net *net = to_net(dev);

	net->header = vha_net_header_size(dev);
	net->vnet = vha_device_feature(dev, VHOST_NET_F_VIRTIO_NET_HDR) ? 0 : net->header;
	net->mergeable = vha_device_feature(dev, VIRTIO_NET_F_MRG_RXBUF);
	net->num_buffers = net->mergeable || vha_device_feature(dev, VIRTIO_F_VERSION_1);
	set_own_part(net);
	if (!vha_device_feature(dev, VIRTIO_NET_F_HASH_REPORT) &&
	    rcu_access_pointer(net->hash))
		vha_net_hash_forget(net);
	return 0;
}

/**
 * vha_net_start() - as &vha_class.start
 * @vq: the queue
 *
 * Return: 0, -ENOTCONN without a back end, -ENOMEM.
 */
int vha_net_start(struct vha_queue *vq)
{
	struct vha_net_queue *q = to_net_queue(vq);

	if (!q->backend.file)
		return -ENOTCONN;
	if (vha_net_transmits(vq))
		q->tx = vha_net_tx_create();
	else
		q->rx = kvzalloc(sizeof(*q->rx), GFP_KERNEL_ACCOUNT);
	return q->tx || q->rx ? 0 : -ENOMEM;
}

/**
 * vha_net_stop() - as &vha_class.stop
 * @vq: the queue
 */
void vha_net_stop(struct vha_queue *vq)
{
	struct vha_net_queue *q = to_net_queue(vq);

	mutex_lock(&vq->mutex);
	vha_net_wait_end(q);
	if (q->rx)
		vha_net_source_restore(q);
	mutex_unlock(&vq->mutex);
	vha_net_tx_destroy(q->tx);
	kvfree(q->rx);
	q->tx = NULL;
	q->rx = NULL;
}

/**
 * vha_net_run() - as &vha_class.run
 * @vq: the queue
 */
void vha_net_run(struct vha_queue *vq)
{
	if (vha_net_transmits(vq))
		vha_net_transmit(to_net_queue(vq));
	else
		vha_net_receive(to_net_queue(vq));
}

/**
 * vha_net_batch_end() - as &vha_class.batch_end
 * @vq: the queue, which transmits
 */
void vha_net_batch_end(struct vha_queue *vq)
{
	vha_net_transmitted(to_net_queue(vq));
}

/**
 * vha_net_get_config() - as &vha_class.get_config
 * @dev: the device
 * @config: of no bytes: the VMM has the configuration space
 */
void vha_net_get_config(struct vha_device *dev, void *config)
{
}
