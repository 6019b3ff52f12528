/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vhost_accel_blk

#if !defined(VHOST_ACCEL_BLK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VHOST_ACCEL_BLK_TRACE_H

#include <linux/preempt.h>
#include <linux/tracepoint.h>

#include "blk.h"

/* A request was taken from the ring and understood. */
TRACE_EVENT(vha_blk_request_begin,
	TP_PROTO(const struct vha_blk_request *rq),
	TP_ARGS(rq),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u16, queue)
		__field(u16, head)
		__field(u32, type)
		__field(u64, sector)
		__field(u32, bytes)
	),
	TP_fast_assign(
		__entry->dev = rq->q->vq.dev;
		__entry->queue = rq->q->vq.index;
		__entry->head = rq->token.id;
		__entry->type = rq->type;
		__entry->sector = rq->sector;
		__entry->bytes = rq->len;
	),
	TP_printk("dev=%p queue=%u head=%u type=%u sector=%llu bytes=%u",
		  __entry->dev, __entry->queue, __entry->head, __entry->type,
		  __entry->sector, __entry->bytes)
);

/* A request is about to be returned; irq says in which context. */
TRACE_EVENT(vha_blk_request_end,
	TP_PROTO(const struct vha_blk_request *rq),
	TP_ARGS(rq),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u16, queue)
		__field(u16, head)
		__field(u32, type)
		__field(u64, sector)
		__field(u32, bytes)
		__field(u8, status)
		__field(bool, irq)
		__field(bool, submitter)
	),
	TP_fast_assign(
		__entry->dev = rq->q->vq.dev;
		__entry->queue = rq->q->vq.index;
		__entry->head = rq->token.id;
		__entry->type = rq->type;
		__entry->sector = rq->sector;
		__entry->bytes = rq->len;
		__entry->status = rq->status;
		__entry->irq = !in_task();
		__entry->submitter = in_task() &&
				     READ_ONCE(rq->q->submitter) == current;
	),
	TP_printk("dev=%p queue=%u head=%u type=%u sector=%llu bytes=%u status=%u irq=%d submitter=%d",
		  __entry->dev, __entry->queue, __entry->head, __entry->type,
		  __entry->sector, __entry->bytes, __entry->status, __entry->irq,
		  __entry->submitter)
);

/* A buffer without header or status byte was returned unserved. */
TRACE_EVENT(vha_blk_malformed,
	TP_PROTO(const struct vha_queue *vq, const struct vha_chain *chain),
	TP_ARGS(vq, chain),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u16, queue)
		__field(u16, head)
		__field(u32, out_len)
		__field(u32, in_len)
	),
	TP_fast_assign(
		__entry->dev = vq->dev;
		__entry->queue = vq->index;
		__entry->head = chain->token.id;
		__entry->out_len = chain->out_len;
		__entry->in_len = chain->in_len;
	),
	TP_printk("dev=%p queue=%u head=%u out_len=%u in_len=%u", __entry->dev,
		  __entry->queue, __entry->head, __entry->out_len, __entry->in_len)
);

#endif /* VHOST_ACCEL_BLK_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
