/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames in flight: handed to the host, and not yet seen on the bus
 */
#ifndef VHOST_ACCEL_CAN_FLIGHT_H
#define VHOST_ACCEL_CAN_FLIGHT_H

#include <linux/list.h>

#include <vhost_accel/ring.h>

#include "frame.h"

/**
 * enum vha_can_outcome - how a frame's flight ends
 * @VHA_CAN_CONFIRMED: it was seen on the bus
 * @VHA_CAN_EXPIRED: it was not, for too long
 * @VHA_CAN_CANCELLED: the controller stopped
 * @VHA_CAN_OUTCOMES: number of values
 */
enum vha_can_outcome {
	VHA_CAN_CONFIRMED,
	VHA_CAN_EXPIRED,
	VHA_CAN_CANCELLED,
	VHA_CAN_OUTCOMES,
};

/**
 * struct vha_can_entry - a frame in flight
 * @node: in one of the lists of &struct vha_can_flight
 * @token: for returning the buffer
 * @result_seg: where in guest memory the result goes, one byte
 * @frame: the frame
 * @deadline: nanoseconds of the monotonic clock after which it counts as lost
 * @sending: the socket has not said yet whether it takes the frame
 * @settled: @outcome is known
 * @outcome: how it ended
 */
struct vha_can_entry {
	struct list_head node;
	struct vha_token token;
	struct vha_seg result_seg;
	struct vha_can_frame frame;
	u64 deadline;
	bool sending;
	bool settled;
	enum vha_can_outcome outcome;
};

/**
 * struct vha_can_flight - all of them
 *
 * Calls are serialised by the caller.
 *
 * @entries: memory of all entries
 * @free: unused entries
 * @waiting: those that wait for confirmation, in the order they were sent
 * @done: those whose outcome is known, in the order it became known
 * @nr: entries that are not free
 */
struct vha_can_flight {
	struct vha_can_entry *entries;
	struct list_head free;
	struct list_head waiting;
	struct list_head done;
	u32 nr;
};

void vha_can_flight_init(struct vha_can_flight *flight);
int vha_can_flight_alloc(struct vha_can_flight *flight, u32 nr);
void vha_can_flight_free(struct vha_can_flight *flight);
struct vha_can_entry *vha_can_flight_begin(struct vha_can_flight *flight, u32 limit,
					   const struct vha_can_frame *frame);
bool vha_can_flight_abort(struct vha_can_flight *flight, struct vha_can_entry *entry);
bool vha_can_flight_sent(struct vha_can_flight *flight, struct vha_can_entry *entry,
			 u64 deadline);
bool vha_can_flight_confirm(struct vha_can_flight *flight, const struct vha_can_frame *frame);
void vha_can_flight_expire(struct vha_can_flight *flight, u64 now);
void vha_can_flight_cancel(struct vha_can_flight *flight);
u64 vha_can_flight_deadline(struct vha_can_flight *flight);
struct vha_can_entry *vha_can_flight_take(struct vha_can_flight *flight);
void vha_can_flight_put(struct vha_can_flight *flight, struct vha_can_entry *entry);

#endif /* VHOST_ACCEL_CAN_FLIGHT_H */
