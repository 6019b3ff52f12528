/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels before 6.17 know no UDP tunnel offloads. */
#ifndef VHOST_ACCEL_COMPAT_UAPI_LINUX_VIRTIO_NET_H
#define VHOST_ACCEL_COMPAT_UAPI_LINUX_VIRTIO_NET_H

#include_next <uapi/linux/virtio_net.h>

#ifndef VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO
#define VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO	65
#define VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO	67

#define VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM	8
#define VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4	0x20
#define VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6	0x40
#define VIRTIO_NET_HDR_GSO_UDP_TUNNEL	(VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4 | \
					 VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6)

struct virtio_net_hdr_v1_hash_tunnel {
	struct virtio_net_hdr_v1_hash hash_hdr;
	__le16 outer_th_offset;
	__le16 inner_nh_offset;
};
#endif

#endif /* VHOST_ACCEL_COMPAT_UAPI_LINUX_VIRTIO_NET_H */
