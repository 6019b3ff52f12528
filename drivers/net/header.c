// SPDX-License-Identifier: GPL-2.0-only
/*
 * The header of virtio before each packet
 *
 * Its length depends on the features. Multi-byte members are little-endian:
 * drivers that know no VERSION_1 are served on little-endian hosts only.
 */
#include <kunit/visibility.h>
#include <linux/unaligned.h>

#include "net.h"

/**
 * vha_net_header_size() - how long the header is
 * @dev: the device
 *
 * Return: bytes, with the acknowledged features.
 */
u32 vha_net_header_size(const struct vha_device *dev)
{
	if (vha_device_feature(dev, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO) ||
	    vha_device_feature(dev, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO))
		return sizeof(struct virtio_net_hdr_v1_hash_tunnel);
	if (vha_device_feature(dev, VIRTIO_NET_F_HASH_REPORT))
		return sizeof(struct virtio_net_hdr_v1_hash);
	if (vha_device_feature(dev, VIRTIO_NET_F_MRG_RXBUF) ||
	    vha_device_feature(dev, VIRTIO_F_VERSION_1))
		return sizeof(struct virtio_net_hdr_v1);
	return sizeof(struct virtio_net_hdr);
}
EXPORT_SYMBOL_IF_KUNIT(vha_net_header_size);

static bool gso_type_known(u8 type)
{
	switch (type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
	case VIRTIO_NET_HDR_GSO_UDP:
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return true;
	default:
		return false;
	}
}

static bool gso_valid(const struct virtio_net_hdr *header, bool tunnels)
{
	u8 tunnel = header->gso_type & VIRTIO_NET_HDR_GSO_UDP_TUNNEL;
	u8 type = header->gso_type & ~(VIRTIO_NET_HDR_GSO_ECN | VIRTIO_NET_HDR_GSO_UDP_TUNNEL);

	if (tunnel && (!tunnels || tunnel == VIRTIO_NET_HDR_GSO_UDP_TUNNEL))
		return false;
	if (header->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	return gso_type_known(type) && header->gso_size;
}

/**
 * vha_net_header_check() - look at the header of a packet to transmit
 * @header: a copy of it; its length of headers is made to reach up to the end
 *	of the checksum
 * @len: bytes of the packet, without the header
 * @tunnels: the driver may use the offloads of UDP tunnels
 *
 * Return: 0, or -EINVAL when it makes no sense.
 */
int vha_net_header_check(struct virtio_net_hdr *header, u32 len, bool tunnels)
{
	u32 end;

	if (!gso_valid(header, tunnels))
		return -EINVAL;
	if (!(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return 0;
	end = le16_to_cpu((__force __le16)header->csum_start) +
	      le16_to_cpu((__force __le16)header->csum_offset) + sizeof(__sum16);
	if (end > len)
		return -EINVAL;
	if (end > le16_to_cpu((__force __le16)header->hdr_len))
		header->hdr_len = (__force __virtio16)cpu_to_le16(min_t(u32, end, U16_MAX));
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_net_header_check);

/**
 * vha_net_header_tail() - the part of a received packet's header that only we
 * know
 * @tail: filled in, VHA_NET_TAIL_BYTES
 * @num_buffers: buffers the packet is in
 * @hash: its hash
 */
void vha_net_header_tail(u8 *tail, u16 num_buffers, const struct vha_net_hash_value *hash)
{
	put_unaligned_le16(num_buffers, tail);
	put_unaligned_le32(hash->value, tail + 2);
	put_unaligned_le16(hash->report, tail + 6);
	put_unaligned_le16(0, tail + 8);
}
EXPORT_SYMBOL_IF_KUNIT(vha_net_header_tail);
