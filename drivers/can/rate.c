// SPDX-License-Identifier: GPL-2.0-only
/*
 * A limit of events per second: the generic cell rate algorithm. Each event
 * makes the next one due an interval later; an event may come early by as much
 * as the other events of a burst take.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/math.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/time64.h>

#include "rate.h"

/**
 * vha_can_rate_set() - set the limit
 * @rate: the limit
 * @per_second: events per second, 0 without limit
 * @burst: events that may come at once after a pause, 0 for 1
 *
 * What was used up of the last limit is forgotten.
 */
void vha_can_rate_set(struct vha_can_rate *rate, u32 per_second, u32 burst)
{
	/* Rather a little less often. */
	rate->interval = per_second ? DIV_ROUND_UP_ULL(NSEC_PER_SEC, per_second) : 0;
	rate->slack = burst ? (burst - 1) * rate->interval : 0;
	rate->due = 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_rate_set);

/**
 * vha_can_rate_delay() - how long to wait for the next event
 * @rate: the limit
 * @now: nanoseconds of any clock that does not go back
 *
 * Return: nanoseconds, 0 when it may happen now.
 */
u64 vha_can_rate_delay(const struct vha_can_rate *rate, u64 now)
{
	u64 earliest = rate->due - min(rate->due, rate->slack);

	return rate->interval && earliest > now ? earliest - now : 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_rate_delay);

/**
 * vha_can_rate_charge() - an event happened
 * @rate: the limit
 * @now: as of vha_can_rate_delay()
 */
void vha_can_rate_charge(struct vha_can_rate *rate, u64 now)
{
	rate->due = max(rate->due, now) + rate->interval;
}
EXPORT_SYMBOL_IF_KUNIT(vha_can_rate_charge);
