// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of a queue
 */
#include "blk.h"

#define EVENTS(_name)	{ .name = _name, .unit = VHA_STATS_UNIT_NONE }
#define BYTES(_name)	{ .name = _name, .unit = VHA_STATS_UNIT_BYTES }

const struct vha_stat_desc vha_blk_stat_descs[VHA_BLK_STATS] = {
	[VHA_BLK_READS] = EVENTS("reads"),
	[VHA_BLK_WRITES] = EVENTS("writes"),
	[VHA_BLK_FLUSHES] = EVENTS("flushes"),
	[VHA_BLK_DISCARDS] = EVENTS("discards"),
	[VHA_BLK_WRITE_ZEROES] = EVENTS("write_zeroes"),
	[VHA_BLK_SECURE_ERASES] = EVENTS("secure_erases"),
	[VHA_BLK_ZONE_REQUESTS] = EVENTS("zone_requests"),
	[VHA_BLK_IDS] = EVENTS("ids"),
	[VHA_BLK_BYTES_READ] = BYTES("bytes_read"),
	[VHA_BLK_BYTES_WRITTEN] = BYTES("bytes_written"),
	[VHA_BLK_BOUNCED] = EVENTS("bounced"),
	[VHA_BLK_MALFORMED] = EVENTS("malformed"),
	[VHA_BLK_ERRORS] = EVENTS("errors"),
	[VHA_BLK_UNSUPPORTED] = EVENTS("unsupported"),
	[VHA_BLK_INLINE] = EVENTS("inline_completions"),
	[VHA_BLK_IRQ] = EVENTS("irq_completions"),
	[VHA_BLK_TASK] = EVENTS("task_completions"),
	[VHA_BLK_WORKER] = EVENTS("worker_completions"),
};

/**
 * vha_blk_queue_stats() - as &vha_class.queue_stats
 * @vq: the queue
 * @values: VHA_BLK_STATS of them
 */
void vha_blk_queue_stats(struct vha_queue *vq, u64 *values)
{
	struct vha_blk_queue *q = to_blk_queue(vq);
	unsigned int i;

	for (i = 0; i < VHA_BLK_ERRORS; i++)
		values[i] = READ_ONCE(q->count[i]);
	for (; i < VHA_BLK_STATS; i++)
		values[i] = atomic64_read(&q->shared[i - VHA_BLK_ERRORS]);
}
