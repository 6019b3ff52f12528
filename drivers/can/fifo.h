/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames on their way to the driver
 */
#ifndef VHOST_ACCEL_CAN_FIFO_H
#define VHOST_ACCEL_CAN_FIFO_H

#include "frame.h"

/** define VHA_CAN_FIFO - frames that wait for buffers of the driver */
#define VHA_CAN_FIFO	1024

/**
 * struct vha_can_fifo - frames, first in first out
 *
 * Calls are serialised by the caller.
 *
 * @frames: room for VHA_CAN_FIFO of them
 * @put: frames put in, free running
 * @taken: frames taken out, free running
 */
struct vha_can_fifo {
	struct vha_can_frame *frames;
	u32 put;
	u32 taken;
};

int vha_can_fifo_alloc(struct vha_can_fifo *fifo);
void vha_can_fifo_free(struct vha_can_fifo *fifo);
bool vha_can_fifo_put(struct vha_can_fifo *fifo, const struct vha_can_frame *frame);
bool vha_can_fifo_peek(const struct vha_can_fifo *fifo, struct vha_can_frame *frame, u32 *at);
void vha_can_fifo_drop(struct vha_can_fifo *fifo, u32 at);
u32 vha_can_fifo_clear(struct vha_can_fifo *fifo);

#endif /* VHOST_ACCEL_CAN_FIFO_H */
