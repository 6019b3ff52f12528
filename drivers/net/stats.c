// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of a queue
 */
#include "net.h"

#define EVENTS(_name)	{ .name = _name, .unit = VHA_STATS_UNIT_NONE }
#define BYTES(_name)	{ .name = _name, .unit = VHA_STATS_UNIT_BYTES }

const struct vha_stat_desc vha_net_stat_descs[VHA_NET_STATS] = {
	[VHA_NET_PACKETS] = EVENTS("packets"),
	[VHA_NET_BYTES] = BYTES("bytes"),
	[VHA_NET_BATCHES] = EVENTS("batches"),
	[VHA_NET_SINGLE] = EVENTS("single"),
	[VHA_NET_DROPPED] = EVENTS("dropped"),
	[VHA_NET_MALFORMED] = EVENTS("malformed"),
	[VHA_NET_NO_BUFFERS] = EVENTS("no_buffers"),
	[VHA_NET_AGAIN] = EVENTS("again"),
	[VHA_NET_MERGED] = EVENTS("merged"),
	[VHA_NET_ZEROCOPY] = EVENTS("zerocopy"),
	[VHA_NET_ZEROCOPY_COPIED] = EVENTS("zerocopy_copied"),
};

/**
 * vha_net_queue_stats() - as &vha_class.queue_stats
 * @vq: the queue
 * @values: VHA_NET_STATS of them
 */
void vha_net_queue_stats(struct vha_queue *vq, u64 *values)
{
	struct vha_net_queue *q = to_net_queue(vq);
	unsigned int i;

	for (i = 0; i < VHA_NET_ZEROCOPY_COPIED; i++)
		values[i] = READ_ONCE(q->count[i]);
	values[VHA_NET_ZEROCOPY_COPIED] = atomic64_read(&q->copied);
}
