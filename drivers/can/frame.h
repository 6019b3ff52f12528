/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CAN frames, as the socket and as the driver have them
 */
#ifndef VHOST_ACCEL_CAN_FRAME_H
#define VHOST_ACCEL_CAN_FRAME_H

#include <linux/can.h>
#include <linux/types.h>
#include <linux/virtio_can.h>

/**
 * struct vha_can_frame - a frame
 * @cf: the frame as a socket has it; of a classic frame the first CAN_MTU bytes,
 *	which are laid out as those of &struct can_frame
 * @fd: CAN FD
 */
struct vha_can_frame {
	struct canfd_frame cf;
	bool fd;
};

/** define VHA_CAN_MESSAGE_MAX - bytes of the longest message to a driver */
#define VHA_CAN_MESSAGE_MAX	(sizeof(struct virtio_can_rx) + CANFD_MAX_DLEN)

bool vha_can_frame_parse(struct vha_can_frame *frame, const struct virtio_can_tx_out *header,
			 u64 features);
u32 vha_can_frame_payload(const struct vha_can_frame *frame);
bool vha_can_frame_from_socket(struct vha_can_frame *frame, int size);
u32 vha_can_frame_size(const struct vha_can_frame *frame);
bool vha_can_frame_wanted(const struct vha_can_frame *frame, u64 features);
u32 vha_can_frame_build(const struct vha_can_frame *frame, u8 *message);
bool vha_can_frame_equal(const struct vha_can_frame *a, const struct vha_can_frame *b);

#endif /* VHOST_ACCEL_CAN_FRAME_H */
