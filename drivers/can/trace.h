/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vhost_accel_can

#if !defined(VHOST_ACCEL_CAN_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VHOST_ACCEL_CAN_TRACE_H

#include <linux/tracepoint.h>

#include "can.h"

/* A frame and a number that says what became of it. */
DECLARE_EVENT_CLASS(vha_can_frame_class,
	TP_PROTO(const struct vha_device *dev, const struct vha_can_frame *frame, int outcome),
	TP_ARGS(dev, frame, outcome),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u32, id)
		__field(u8, len)
		__field(bool, fd)
		__field(int, outcome)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->id = frame->cf.can_id;
		__entry->len = frame->cf.len;
		__entry->fd = frame->fd;
		__entry->outcome = outcome;
	),
	TP_printk("dev=%p id=%#x len=%u fd=%d outcome=%d", __entry->dev, __entry->id,
		  __entry->len, __entry->fd, __entry->outcome)
);

/* A frame was given to the socket; outcome is 0 or its errno. */
DEFINE_EVENT(vha_can_frame_class, vha_can_transmit,
	TP_PROTO(const struct vha_device *dev, const struct vha_can_frame *frame, int outcome),
	TP_ARGS(dev, frame, outcome));

/* A frame waits for confirmation no longer; outcome is enum vha_can_outcome. */
DEFINE_EVENT(vha_can_frame_class, vha_can_settled,
	TP_PROTO(const struct vha_device *dev, const struct vha_can_frame *frame, int outcome),
	TP_ARGS(dev, frame, outcome));

/* A frame from the bus is not delivered; outcome is enum vha_can_stat. */
DEFINE_EVENT(vha_can_frame_class, vha_can_drop,
	TP_PROTO(const struct vha_device *dev, const struct vha_can_frame *frame, int outcome),
	TP_ARGS(dev, frame, outcome));

/* A frame from the bus is delivered; outcome is 0. */
DEFINE_EVENT(vha_can_frame_class, vha_can_receive,
	TP_PROTO(const struct vha_device *dev, const struct vha_can_frame *frame, int outcome),
	TP_ARGS(dev, frame, outcome));

/* A message to transmit is returned as not transmitted; why is enum vha_can_stat. */
TRACE_EVENT(vha_can_reject,
	TP_PROTO(const struct vha_queue *vq, const struct vha_chain *chain, int why),
	TP_ARGS(vq, chain, why),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u16, head)
		__field(u32, out_len)
		__field(u32, in_len)
		__field(int, why)
	),
	TP_fast_assign(
		__entry->dev = vq->dev;
		__entry->head = chain->token.id;
		__entry->out_len = chain->out_len;
		__entry->in_len = chain->in_len;
		__entry->why = why;
	),
	TP_printk("dev=%p head=%u out_len=%u in_len=%u why=%d", __entry->dev, __entry->head,
		  __entry->out_len, __entry->in_len, __entry->why)
);

/* A control message is unknown, or failed with an errno. */
TRACE_EVENT(vha_can_refused,
	TP_PROTO(const struct vha_queue *vq, u16 type, int error),
	TP_ARGS(vq, type, error),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u16, type)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->dev = vq->dev;
		__entry->type = type;
		__entry->error = error;
	),
	TP_printk("dev=%p type=%#x error=%d", __entry->dev, __entry->type, __entry->error)
);

/* A buffer has no room for what belongs there. */
TRACE_EVENT(vha_can_malformed,
	TP_PROTO(const struct vha_queue *vq),
	TP_ARGS(vq),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u16, queue)
	),
	TP_fast_assign(
		__entry->dev = vq->dev;
		__entry->queue = vq->index;
	),
	TP_printk("dev=%p queue=%u", __entry->dev, __entry->queue)
);

/* The controller changed its state; enum vha_can_state. */
TRACE_EVENT(vha_can_state,
	TP_PROTO(const struct vha_device *dev, int state),
	TP_ARGS(dev, state),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(int, state)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->state = state;
	),
	TP_printk("dev=%p state=%d", __entry->dev, __entry->state)
);

#endif /* VHOST_ACCEL_CAN_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
