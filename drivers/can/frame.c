// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the driver's messages to frames and back, without side effects
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "frame.h"

#define KNOWN_FLAGS	(VIRTIO_CAN_FLAGS_EXTENDED | VIRTIO_CAN_FLAGS_FD | VIRTIO_CAN_FLAGS_RTR)

static_assert(sizeof(struct virtio_can_tx_out) == 16);
static_assert(sizeof(struct virtio_can_rx) == 16);
static_assert(offsetof(struct can_frame, len) == offsetof(struct canfd_frame, len));
static_assert(offsetof(struct can_frame, data) == offsetof(struct canfd_frame, data));

static bool is_rtr(const struct vha_can_frame *frame)
{
	return frame->cf.can_id & CAN_RTR_FLAG;
}

static u64 type_feature(bool fd)
{
	return BIT_ULL(fd ? VIRTIO_CAN_F_CAN_FD : VIRTIO_CAN_F_CAN_CLASSIC);
}

/* A remote frame is a classic one; that needs no bit of its own. */
static bool type_valid(u32 flags, u64 features)
{
	bool fd = flags & VIRTIO_CAN_FLAGS_FD;

	if (flags & ~KNOWN_FLAGS || !(features & type_feature(fd)))
		return false;
	if (!(flags & VIRTIO_CAN_FLAGS_RTR))
		return true;
	return !fd && features & BIT_ULL(VIRTIO_CAN_F_RTR_FRAMES);
}

/* On a bus a frame of CAN FD has one of 16 lengths. */
static bool length_valid(u32 len, bool fd)
{
	if (len <= CAN_MAX_DLEN)
		return true;
	if (!fd || len > CANFD_MAX_DLEN)
		return false;
	return len <= 24 ? !(len % 4) : len == 32 || len == 48 || len == 64;
}

/**
 * vha_can_frame_parse() - understand the header of a message to transmit
 * @frame: filled in, but for the data
 * @header: as the driver wrote it
 * @features: acknowledged features, the first 64
 *
 * Return: false when the specification has the message rejected.
 */
bool vha_can_frame_parse(struct vha_can_frame *frame, const struct virtio_can_tx_out *header,
			 u64 features)
{
	u32 flags = le32_to_cpu(header->flags);
	u32 id = le32_to_cpu(header->can_id);
	u32 len = le16_to_cpu(header->length);
	bool extended = flags & VIRTIO_CAN_FLAGS_EXTENDED;

	memset(frame, 0, sizeof(*frame));
	frame->fd = flags & VIRTIO_CAN_FLAGS_FD;
	if (le16_to_cpu(header->msg_type) != VIRTIO_CAN_TX || !type_valid(flags, features))
		return false;
	if (id > (extended ? CAN_EFF_MASK : CAN_SFF_MASK) || !length_valid(len, frame->fd))
		return false;
	frame->cf.can_id = id;
	if (extended)
		frame->cf.can_id |= CAN_EFF_FLAG;
	if (flags & VIRTIO_CAN_FLAGS_RTR)
		frame->cf.can_id |= CAN_RTR_FLAG;
	frame->cf.len = len;
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_frame_parse);

/**
 * vha_can_frame_payload() - bytes of data a frame carries
 * @frame: the frame
 *
 * Return: its length; 0 for a remote frame, whose length says what it asks for.
 */
u32 vha_can_frame_payload(const struct vha_can_frame *frame)
{
	return is_rtr(frame) ? 0 : frame->cf.len;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_frame_payload);

/**
 * vha_can_frame_from_socket() - see what was received from a socket
 * @frame: holds what was received in @frame->cf; completed
 * @size: bytes that were received
 *
 * Return: false when it is neither a classic frame nor one of CAN FD.
 */
bool vha_can_frame_from_socket(struct vha_can_frame *frame, int size)
{
	frame->fd = size == CANFD_MTU;
	if (size != CAN_MTU && !frame->fd)
		return false;
	return frame->cf.len <= (frame->fd ? CANFD_MAX_DLEN : CAN_MAX_DLEN);
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_frame_from_socket);

/**
 * vha_can_frame_size() - bytes to give to a socket
 * @frame: the frame
 *
 * Return: CAN_MTU or CANFD_MTU.
 */
u32 vha_can_frame_size(const struct vha_can_frame *frame)
{
	return frame->fd ? CANFD_MTU : CAN_MTU;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_frame_size);

/**
 * vha_can_frame_wanted() - whether the driver negotiated a received frame's type
 * @frame: the frame
 * @features: acknowledged features, the first 64
 *
 * A socket can hold remote frames of CAN FD, which no bus and no driver knows.
 */
bool vha_can_frame_wanted(const struct vha_can_frame *frame, u64 features)
{
	if (!(features & type_feature(frame->fd)))
		return false;
	if (!is_rtr(frame))
		return true;
	return !frame->fd && features & BIT_ULL(VIRTIO_CAN_F_RTR_FRAMES);
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_frame_wanted);

/**
 * vha_can_frame_build() - make the message that a driver receives
 * @frame: the frame
 * @message: filled in, VHA_CAN_MESSAGE_MAX bytes
 *
 * Drivers take a remote frame's length for bytes that follow: they follow, and
 * are zero.
 *
 * Return: bytes of the message.
 */
u32 vha_can_frame_build(const struct vha_can_frame *frame, u8 *message)
{
	const struct canfd_frame *cf = &frame->cf;
	struct virtio_can_rx header = {
		.msg_type = cpu_to_le16(VIRTIO_CAN_RX),
		.length = cpu_to_le16(cf->len),
	};
	u32 flags = frame->fd ? VIRTIO_CAN_FLAGS_FD : 0;

	if (is_rtr(frame))
		flags |= VIRTIO_CAN_FLAGS_RTR;
	if (cf->can_id & CAN_EFF_FLAG) {
		flags |= VIRTIO_CAN_FLAGS_EXTENDED;
		header.can_id = cpu_to_le32(cf->can_id & CAN_EFF_MASK);
	} else {
		header.can_id = cpu_to_le32(cf->can_id & CAN_SFF_MASK);
	}
	header.flags = cpu_to_le32(flags);
	memcpy(message, &header, sizeof(header));
	memset(message + sizeof(header), 0, CANFD_MAX_DLEN);
	memcpy(message + sizeof(header), cf->data, vha_can_frame_payload(frame));
	return sizeof(header) + cf->len;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_frame_build);

/**
 * vha_can_frame_equal() - whether two frames look the same on a bus
 * @a: a frame
 * @b: another one
 *
 * What a frame of CAN FD says about bit rate and error state does not count:
 * the stack and the controller change it.
 */
bool vha_can_frame_equal(const struct vha_can_frame *a, const struct vha_can_frame *b)
{
	return a->fd == b->fd && a->cf.can_id == b->cf.can_id && a->cf.len == b->cf.len &&
	       !memcmp(a->cf.data, b->cf.data, vha_can_frame_payload(a));
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_frame_equal);
