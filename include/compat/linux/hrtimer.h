/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels before 6.13 set a timer's function separately. */
#ifndef VHOST_ACCEL_COMPAT_LINUX_HRTIMER_H
#define VHOST_ACCEL_COMPAT_LINUX_HRTIMER_H

#include_next <linux/hrtimer.h>

#ifndef VHA_COMPAT_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock_id, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock_id, mode);
	timer->function = function;
}
#endif

#endif /* VHOST_ACCEL_COMPAT_LINUX_HRTIMER_H */
