/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vhost_accel_vsock

#if !defined(VHOST_ACCEL_VSOCK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VHOST_ACCEL_VSOCK_TRACE_H

#include <linux/tracepoint.h>

#include "vsock.h"

/* A packet from or to the guest; to it also a piece of one. */
TRACE_EVENT(vha_vsock_packet,
	TP_PROTO(const struct vha_queue *vq, const struct virtio_vsock_hdr *hdr, u32 len),
	TP_ARGS(vq, hdr, len),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u16, queue)
		__field(u16, type)
		__field(u16, op)
		__field(u64, src_cid)
		__field(u64, dst_cid)
		__field(u32, src_port)
		__field(u32, dst_port)
		__field(u32, len)
	),
	TP_fast_assign(
		__entry->dev = vq->dev;
		__entry->queue = vq->index;
		__entry->type = le16_to_cpu(hdr->type);
		__entry->op = le16_to_cpu(hdr->op);
		__entry->src_cid = le64_to_cpu(hdr->src_cid);
		__entry->dst_cid = le64_to_cpu(hdr->dst_cid);
		__entry->src_port = le32_to_cpu(hdr->src_port);
		__entry->dst_port = le32_to_cpu(hdr->dst_port);
		__entry->len = len;
	),
	TP_printk("dev=%p queue=%u %llu:%u -> %llu:%u type=%u op=%u len=%u", __entry->dev,
		  __entry->queue, __entry->src_cid, __entry->src_port, __entry->dst_cid,
		  __entry->dst_port, __entry->type, __entry->op, __entry->len)
);

/* A buffer was returned unused; why is the counter's number in a queue. */
TRACE_EVENT(vha_vsock_discard,
	TP_PROTO(const struct vha_queue *vq, const struct vha_token *token, int why),
	TP_ARGS(vq, token, why),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u16, queue)
		__field(u16, head)
		__field(int, why)
	),
	TP_fast_assign(
		__entry->dev = vq->dev;
		__entry->queue = vq->index;
		__entry->head = token->id;
		__entry->why = why;
	),
	TP_printk("dev=%p queue=%u head=%u why=%d", __entry->dev, __entry->queue,
		  __entry->head, __entry->why)
);

#endif /* VHOST_ACCEL_VSOCK_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
