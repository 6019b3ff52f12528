// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of a queue
 */
#include "vsock.h"

#define EVENTS(_name)	{ .name = _name, .unit = VHA_STATS_UNIT_NONE }
#define BYTES(_name)	{ .name = _name, .unit = VHA_STATS_UNIT_BYTES }
#define LEVEL(_name)	{ .name = _name, .unit = VHA_STATS_UNIT_NONE, .type = VHA_STATS_INSTANT }

const struct vha_stat_desc vha_vsock_stat_descs[VHA_VSOCK_STATS] = {
	[VHA_VSOCK_PACKETS] = EVENTS("packets"),
	[VHA_VSOCK_BYTES] = BYTES("bytes"),
	[VHA_VSOCK_SPLIT] = EVENTS("split"),
	[VHA_VSOCK_MALFORMED] = EVENTS("malformed"),
	[VHA_VSOCK_SPOOFED_PACKETS] = EVENTS("spoofed"),
	[VHA_VSOCK_UNROUTABLE] = EVENTS("unroutable"),
	[VHA_VSOCK_RESETS] = EVENTS("resets"),
	[VHA_VSOCK_IGNORED] = EVENTS("ignored"),
	[VHA_VSOCK_FORWARDED] = EVENTS("forwarded"),
	[VHA_VSOCK_OVERFLOWS] = EVENTS("overflows"),
	[VHA_VSOCK_NO_MEMORY] = EVENTS("no_memory"),
	[VHA_VSOCK_THROTTLED] = EVENTS("throttled"),
	[VHA_VSOCK_REFUSED] = EVENTS("refused"),
	[VHA_VSOCK_JOINED] = EVENTS("joined"),
	[VHA_VSOCK_MERGED] = EVENTS("merged"),
	[VHA_VSOCK_QUEUED] = LEVEL("queued"),
};

/**
 * vha_vsock_queue_stats() - as &vha_class.queue_stats
 * @vq: the queue
 * @values: VHA_VSOCK_STATS of them
 */
void vha_vsock_queue_stats(struct vha_queue *vq, u64 *values)
{
	const struct vha_vsock_sched *sched = &to_vsock(vq->dev)->sched;
	bool receive = vq->index == VSOCK_VQ_RX;
	unsigned int i;

	for (i = 0; i < VHA_VSOCK_COUNTS; i++)
		values[i] = READ_ONCE(to_vsock_queue(vq)->count[i]);
	values[VHA_VSOCK_MERGED] = receive ? READ_ONCE(sched->merged) : 0;
	values[VHA_VSOCK_QUEUED] = receive ? READ_ONCE(sched->packets) : 0;
}
