/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A limit of events per second
 */
#ifndef VHOST_ACCEL_CAN_RATE_H
#define VHOST_ACCEL_CAN_RATE_H

#include <linux/types.h>

/**
 * struct vha_can_rate - a limit and how far it is used up
 * @interval: nanoseconds between events, 0 without limit
 * @slack: nanoseconds that events may come early, which makes a burst
 * @due: when the next event is due, were they spaced evenly
 */
struct vha_can_rate {
	u64 interval;
	u64 slack;
	u64 due;
};

void vha_can_rate_set(struct vha_can_rate *rate, u32 per_second, u32 burst);
u64 vha_can_rate_delay(const struct vha_can_rate *rate, u64 now);
void vha_can_rate_charge(struct vha_can_rate *rate, u64 now);

#endif /* VHOST_ACCEL_CAN_RATE_H */
