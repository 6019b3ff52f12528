// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of a queue
 */
#include "can.h"

#define EVENTS(_name)	{ .name = _name, .unit = VHA_STATS_UNIT_NONE }

const struct vha_stat_desc vha_can_stat_descs[VHA_CAN_STATS] = {
	[VHA_CAN_MALFORMED] = EVENTS("malformed"),
	[VHA_CAN_TX_FRAMES] = EVENTS("tx_frames"),
	[VHA_CAN_TX_CONFIRMED] = EVENTS("tx_confirmed"),
	[VHA_CAN_TX_UNCONFIRMED] = EVENTS("tx_unconfirmed"),
	[VHA_CAN_TX_CANCELLED] = EVENTS("tx_cancelled"),
	[VHA_CAN_TX_REJECTED] = EVENTS("tx_rejected"),
	[VHA_CAN_TX_STOPPED] = EVENTS("tx_stopped"),
	[VHA_CAN_TX_ERRORS] = EVENTS("tx_errors"),
	[VHA_CAN_TX_HELD] = EVENTS("tx_held"),
	[VHA_CAN_TX_STRAYS] = EVENTS("tx_strays"),
	[VHA_CAN_RX_FRAMES] = EVENTS("rx_frames"),
	[VHA_CAN_RX_FILTERED] = EVENTS("rx_filtered"),
	[VHA_CAN_RX_SHORT] = EVENTS("rx_short"),
	[VHA_CAN_RX_DROPPED] = EVENTS("rx_dropped"),
	[VHA_CAN_RX_STALE] = EVENTS("rx_stale"),
	[VHA_CAN_RX_OVERRUNS] = EVENTS("rx_overruns"),
	[VHA_CAN_ERROR_FRAMES] = EVENTS("error_frames"),
	[VHA_CAN_STARTS] = EVENTS("starts"),
	[VHA_CAN_STOPS] = EVENTS("stops"),
	[VHA_CAN_BUS_OFFS] = EVENTS("bus_offs"),
	[VHA_CAN_REFUSED] = EVENTS("refused"),
};

/**
 * vha_can_queue_stats() - as &vha_class.queue_stats
 * @vq: the queue
 * @values: VHA_CAN_STATS of them
 */
void vha_can_queue_stats(struct vha_queue *vq, u64 *values)
{
	struct vha_can_queue *q = container_of(vq, struct vha_can_queue, vq);
	unsigned int i;

	for (i = 0; i < VHA_CAN_STATS; i++)
		values[i] = atomic64_read(&q->count[i]);
}
