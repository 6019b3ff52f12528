/* SPDX-License-Identifier: GPL-2.0-only */
/* Before 7.0 packets came and went without a network namespace. */
#ifndef VHOST_ACCEL_COMPAT_LINUX_VIRTIO_VSOCK_H
#define VHOST_ACCEL_COMPAT_LINUX_VIRTIO_VSOCK_H

#include_next <linux/virtio_vsock.h>

#ifdef __NET_NET_NAMESPACE_VSOCK_H

#define VIRTIO_VSOCK_COMPAT_SEND(send)

#else

#define virtio_transport_recv_pkt(t, skb, net)				\
	((void)(net), virtio_transport_recv_pkt(t, skb))

#define VIRTIO_VSOCK_COMPAT_SEND(send)					\
static int compat_##send(struct sk_buff *skb)				\
{									\
	return send(skb, NULL);						\
}

#endif

#endif /* VHOST_ACCEL_COMPAT_LINUX_VIRTIO_VSOCK_H */
