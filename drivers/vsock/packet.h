/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What to do with a packet from the guest, decided without side effects
 */
#ifndef VHOST_ACCEL_VSOCK_PACKET_H
#define VHOST_ACCEL_VSOCK_PACKET_H

#include <linux/types.h>
#include <linux/virtio_vsock.h>

/**
 * enum vha_vsock_verdict - what to do with a packet
 * @VHA_VSOCK_DELIVER: it is for a socket of the host
 * @VHA_VSOCK_FORWARD: it is for a sibling, if there is one by that name
 * @VHA_VSOCK_RESET: it lies about its length; its connection can not go on
 * @VHA_VSOCK_IGNORE: it says nothing
 * @VHA_VSOCK_SPOOFED: it comes from somebody else
 * @VHA_VSOCK_NOWHERE: nobody can have the address it is for
 */
enum vha_vsock_verdict {
	VHA_VSOCK_DELIVER,
	VHA_VSOCK_FORWARD,
	VHA_VSOCK_RESET,
	VHA_VSOCK_IGNORE,
	VHA_VSOCK_SPOOFED,
	VHA_VSOCK_NOWHERE,
};

enum vha_vsock_verdict vha_vsock_check(const struct virtio_vsock_hdr *hdr, u32 guest_cid,
				       u32 room);
u32 vha_vsock_payload(const struct virtio_vsock_hdr *hdr);
bool vha_vsock_cid_valid(u64 cid);
s64 vha_vsock_space(s64 credit, u64 queued, u64 buffer);
u32 vha_vsock_piece(struct virtio_vsock_hdr *hdr, u32 left, u32 room);
void vha_vsock_make_reset(struct virtio_vsock_hdr *reset, const struct virtio_vsock_hdr *hdr);

#endif /* VHOST_ACCEL_VSOCK_PACKET_H */
