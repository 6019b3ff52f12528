/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vhost_accel_net

#if !defined(VHOST_ACCEL_NET_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VHOST_ACCEL_NET_TRACE_H

#include <linux/tracepoint.h>

#include "net.h"

/* Packets were handed to the back end. */
TRACE_EVENT(vha_net_transmit,
	TP_PROTO(const struct vha_queue *vq, unsigned int packets, u64 bytes),
	TP_ARGS(vq, packets, bytes),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u16, queue)
		__field(unsigned int, packets)
		__field(u64, bytes)
	),
	TP_fast_assign(
		__entry->dev = vq->dev;
		__entry->queue = vq->index;
		__entry->packets = packets;
		__entry->bytes = bytes;
	),
	TP_printk("dev=%p queue=%u packets=%u bytes=%llu", __entry->dev, __entry->queue,
		  __entry->packets, __entry->bytes)
);

/* A packet was written to buffers of the driver; bytes with the header. */
TRACE_EVENT(vha_net_receive,
	TP_PROTO(const struct vha_queue *vq, u32 bytes, unsigned int buffers),
	TP_ARGS(vq, bytes, buffers),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u16, queue)
		__field(u32, bytes)
		__field(unsigned int, buffers)
	),
	TP_fast_assign(
		__entry->dev = vq->dev;
		__entry->queue = vq->index;
		__entry->bytes = bytes;
		__entry->buffers = buffers;
	),
	TP_printk("dev=%p queue=%u bytes=%u buffers=%u", __entry->dev, __entry->queue,
		  __entry->bytes, __entry->buffers)
);

/* Packets or a buffer were dropped; reason is enum vha_net_drop, error an errno. */
TRACE_EVENT(vha_net_drop,
	TP_PROTO(const struct vha_queue *vq, int reason, unsigned int packets, int error),
	TP_ARGS(vq, reason, packets, error),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u16, queue)
		__field(int, reason)
		__field(unsigned int, packets)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->dev = vq->dev;
		__entry->queue = vq->index;
		__entry->reason = reason;
		__entry->packets = packets;
		__entry->error = error;
	),
	TP_printk("dev=%p queue=%u reason=%d packets=%u error=%d", __entry->dev,
		  __entry->queue, __entry->reason, __entry->packets, __entry->error)
);

#endif /* VHOST_ACCEL_NET_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
