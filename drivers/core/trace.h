/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vhost_accel

#if !defined(VHOST_ACCEL_CORE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VHOST_ACCEL_CORE_TRACE_H

#include <linux/preempt.h>
#include <linux/tracepoint.h>

#include <vhost_accel/class.h>

DECLARE_EVENT_CLASS(vha_queue_class,
	TP_PROTO(const struct vha_queue *vq),
	TP_ARGS(vq),
	TP_STRUCT__entry(
		__string(name, vq->dev->class->name)
		__field(const void *, dev)
		__field(u16, index)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->dev = vq->dev;
		__entry->index = vq->index;
	),
	TP_printk("%s dev=%p queue=%u", __get_str(name), __entry->dev, __entry->index)
);

/* The driver notified the device. */
DEFINE_EVENT(vha_queue_class, vha_kick,
	TP_PROTO(const struct vha_queue *vq), TP_ARGS(vq));

/* The device notified the driver. */
DEFINE_EVENT(vha_queue_class, vha_signal,
	TP_PROTO(const struct vha_queue *vq), TP_ARGS(vq));

/* A worker polled before it enabled notifications. */
TRACE_EVENT(vha_poll,
	TP_PROTO(const struct vha_queue *vq, bool hit, u64 ns),
	TP_ARGS(vq, hit, ns),
	TP_STRUCT__entry(
		__string(name, vq->dev->class->name)
		__field(const void *, dev)
		__field(u16, index)
		__field(bool, hit)
		__field(u64, ns)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->dev = vq->dev;
		__entry->index = vq->index;
		__entry->hit = hit;
		__entry->ns = ns;
	),
	TP_printk("%s dev=%p queue=%u hit=%d ns=%llu", __get_str(name), __entry->dev,
		  __entry->index, __entry->hit, __entry->ns)
);

/* A buffer was fetched. */
TRACE_EVENT(vha_request_begin,
	TP_PROTO(const struct vha_queue *vq, const struct vha_chain *chain),
	TP_ARGS(vq, chain),
	TP_STRUCT__entry(
		__string(name, vq->dev->class->name)
		__field(const void *, dev)
		__field(u16, index)
		__field(u16, head)
		__field(u32, out_len)
		__field(u32, in_len)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->dev = vq->dev;
		__entry->index = vq->index;
		__entry->head = chain->token.id;
		__entry->out_len = chain->out_len;
		__entry->in_len = chain->in_len;
	),
	TP_printk("%s dev=%p queue=%u head=%u out=%u in=%u", __get_str(name), __entry->dev,
		  __entry->index, __entry->head, __entry->out_len, __entry->in_len)
);

/* A buffer was returned; worker: by the task that fetches. */
TRACE_EVENT(vha_request_end,
	TP_PROTO(const struct vha_queue *vq, const struct vha_token *token, u32 len,
		 bool batched),
	TP_ARGS(vq, token, len, batched),
	TP_STRUCT__entry(
		__string(name, vq->dev->class->name)
		__field(const void *, dev)
		__field(u16, index)
		__field(u16, head)
		__field(u32, len)
		__field(bool, batched)
		__field(bool, irq)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->dev = vq->dev;
		__entry->index = vq->index;
		__entry->head = token->id;
		__entry->len = len;
		__entry->batched = batched;
		__entry->irq = !in_task();
	),
	TP_printk("%s dev=%p queue=%u head=%u len=%u batched=%d irq=%d", __get_str(name),
		  __entry->dev, __entry->index, __entry->head, __entry->len,
		  __entry->batched, __entry->irq)
);

/* A queue was stopped for good; error is enum vha_ring_error. */
TRACE_EVENT(vha_error,
	TP_PROTO(const struct vha_queue *vq, int error),
	TP_ARGS(vq, error),
	TP_STRUCT__entry(
		__string(name, vq->dev->class->name)
		__field(const void *, dev)
		__field(u16, index)
		__field(int, error)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->dev = vq->dev;
		__entry->index = vq->index;
		__entry->error = error;
	),
	TP_printk("%s dev=%p queue=%u error=%d", __get_str(name), __entry->dev,
		  __entry->index, __entry->error)
);

#endif /* VHOST_ACCEL_CORE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
