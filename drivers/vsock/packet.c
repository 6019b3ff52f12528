// SPDX-License-Identifier: GPL-2.0-only
/*
 * What to do with packets, decided without side effects
 */
#include <kunit/visibility.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "packet.h"

/**
 * vha_vsock_cid_valid() - whether a CID can be a guest's
 * @cid: the CID; 0, 1, 2 and what is not below 2^32 - 1 are reserved (5.10.4)
 *
 * Return: whether it can.
 */
bool vha_vsock_cid_valid(u64 cid)
{
	return cid > VMADDR_CID_HOST && cid < VMADDR_CID_ANY;
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_cid_valid);

static bool is_data(const struct virtio_vsock_hdr *hdr)
{
	return hdr->op == cpu_to_le16(VIRTIO_VSOCK_OP_RW);
}

/**
 * vha_vsock_payload() - bytes of data that follow a header
 * @hdr: the header
 *
 * Return: as many as it says; only data packets have any.
 */
u32 vha_vsock_payload(const struct virtio_vsock_hdr *hdr)
{
	return is_data(hdr) ? le32_to_cpu(hdr->len) : 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_payload);

/* A message may be empty, but no part of one. */
static bool is_empty(const struct virtio_vsock_hdr *hdr)
{
	if (!is_data(hdr) || hdr->len)
		return false;
	return hdr->type == cpu_to_le16(VIRTIO_VSOCK_TYPE_STREAM) ||
	       !(hdr->flags & cpu_to_le32(VIRTIO_VSOCK_SEQ_EOM));
}

/**
 * vha_vsock_check() - what to do with a packet from the guest
 * @hdr: our copy of its header
 * @guest_cid: the guest's CID, 0 when it has none
 * @room: bytes that follow the header
 *
 * Return: what to do.
 */
enum vha_vsock_verdict vha_vsock_check(const struct virtio_vsock_hdr *hdr, u32 guest_cid,
				       u32 room)
{
	u64 dst = le64_to_cpu(hdr->dst_cid);
	u32 payload = vha_vsock_payload(hdr);

	if (!guest_cid || le64_to_cpu(hdr->src_cid) != guest_cid)
		return VHA_VSOCK_SPOOFED;
	if (dst != VMADDR_CID_HOST && !vha_vsock_cid_valid(dst))
		return VHA_VSOCK_NOWHERE;
	if (payload > room || payload > VIRTIO_VSOCK_MAX_PKT_BUF_SIZE)
		return VHA_VSOCK_RESET;
	if (is_empty(hdr))
		return VHA_VSOCK_IGNORE;
	return dst == VMADDR_CID_HOST ? VHA_VSOCK_DELIVER : VHA_VSOCK_FORWARD;
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_check);

/**
 * vha_vsock_space() - what a socket may send
 * @credit: bytes the peer takes
 * @queued: memory of what was sent and is still here
 * @buffer: the socket's buffer size
 *
 * The peer's credit counts data and not what a packet of it costs. So a socket
 * gets twice its buffer, and a packet, of memory; with packets of a page that is
 * never reached.
 *
 * Return: bytes.
 */
s64 vha_vsock_space(s64 credit, u64 queued, u64 buffer)
{
	return queued < 2 * buffer + VIRTIO_VSOCK_MAX_PKT_BUF_SIZE ? credit : 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_space);

/**
 * vha_vsock_piece() - cut a packet to what a buffer takes
 * @hdr: header of the packet; becomes that of the piece
 * @left: bytes of payload to send
 * @room: bytes of payload the buffer takes, not 0 if @left is not
 *
 * Only the last piece ends a message.
 *
 * Return: bytes of the piece.
 */
u32 vha_vsock_piece(struct virtio_vsock_hdr *hdr, u32 left, u32 room)
{
	u32 len = min(left, room);

	hdr->len = cpu_to_le32(len);
	if (len < left)
		hdr->flags &= ~cpu_to_le32(VIRTIO_VSOCK_SEQ_EOM | VIRTIO_VSOCK_SEQ_EOR);
	return len;
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_piece);

/**
 * vha_vsock_make_reset() - answer a packet by closing its connection
 * @reset: header to fill in
 * @hdr: header of the packet
 */
void vha_vsock_make_reset(struct virtio_vsock_hdr *reset, const struct virtio_vsock_hdr *hdr)
{
	memset(reset, 0, sizeof(*reset));
	reset->src_cid = hdr->dst_cid;
	reset->dst_cid = hdr->src_cid;
	reset->src_port = hdr->dst_port;
	reset->dst_port = hdr->src_port;
	reset->type = hdr->type;
	reset->op = cpu_to_le16(VIRTIO_VSOCK_OP_RST);
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_make_reset);
