/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vhost_accel_video

#if !defined(VHOST_ACCEL_VIDEO_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VHOST_ACCEL_VIDEO_TRACE_H

#include <linux/tracepoint.h>

#include "video.h"

/* The host's node was asked for an ioctl; error is 0 or an errno. */
TRACE_EVENT(vha_video_host,
	TP_PROTO(const struct vha_device *dev, unsigned int cmd, long error),
	TP_ARGS(dev, cmd, error),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u32, nr)
		__field(long, error)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->nr = _IOC_NR(cmd);
		__entry->error = error;
	),
	TP_printk("dev=%p nr=%u error=%ld", __entry->dev, __entry->nr, __entry->error)
);

/* A session was opened or closed. */
TRACE_EVENT(vha_video_session,
	TP_PROTO(const struct vha_device *dev, u32 session, bool open),
	TP_ARGS(dev, session, open),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u32, session)
		__field(bool, open)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->session = session;
		__entry->open = open;
	),
	TP_printk("dev=%p session=%u open=%d", __entry->dev, __entry->session, __entry->open)
);

/* A command is returned without asking the host. */
TRACE_EVENT(vha_video_refused,
	TP_PROTO(const struct vha_queue *vq, const struct vha_chain *chain, int error),
	TP_ARGS(vq, chain, error),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u16, head)
		__field(u32, out_len)
		__field(u32, in_len)
		__field(int, error)
	),
	TP_fast_assign(
		__entry->dev = vq->dev;
		__entry->head = chain->token.id;
		__entry->out_len = chain->out_len;
		__entry->in_len = chain->in_len;
		__entry->error = error;
	),
	TP_printk("dev=%p head=%u out_len=%u in_len=%u error=%d", __entry->dev, __entry->head,
		  __entry->out_len, __entry->in_len, __entry->error)
);

/* A buffer has no room for what belongs there. */
TRACE_EVENT(vha_video_malformed,
	TP_PROTO(const struct vha_queue *vq, const struct vha_chain *chain),
	TP_ARGS(vq, chain),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u16, queue)
		__field(u16, head)
		__field(u32, in_len)
	),
	TP_fast_assign(
		__entry->dev = vq->dev;
		__entry->queue = vq->index;
		__entry->head = chain->token.id;
		__entry->in_len = chain->in_len;
	),
	TP_printk("dev=%p queue=%u head=%u in_len=%u", __entry->dev, __entry->queue,
		  __entry->head, __entry->in_len)
);

/* The driver is told of something: enum vha_media_event_type, of a buffer type. */
TRACE_EVENT(vha_video_event,
	TP_PROTO(const struct vha_device *dev, u32 session, u32 event, u32 type),
	TP_ARGS(dev, session, event, type),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u32, session)
		__field(u32, event)
		__field(u32, type)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->session = session;
		__entry->event = event;
		__entry->type = type;
	),
	TP_printk("dev=%p session=%u event=%u type=%u", __entry->dev, __entry->session,
		  __entry->event, __entry->type)
);

/* A buffer was mapped, again perhaps, at an offset in the window. */
TRACE_EVENT(vha_video_map,
	TP_PROTO(const struct vha_device *dev, u32 session, const struct vha_video_buffer *buffer,
		 u64 offset),
	TP_ARGS(dev, session, buffer, offset),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u32, session)
		__field(u32, buffer)
		__field(u32, len)
		__field(u64, offset)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->session = session;
		__entry->buffer = buffer->offset;
		__entry->len = buffer->len;
		__entry->offset = offset;
	),
	TP_printk("dev=%p session=%u buffer=%#x len=%u offset=%#llx", __entry->dev,
		  __entry->session, __entry->buffer, __entry->len, __entry->offset)
);

/* A buffer was unmapped. */
TRACE_EVENT(vha_video_unmap,
	TP_PROTO(const struct vha_device *dev, u64 offset),
	TP_ARGS(dev, offset),
	TP_STRUCT__entry(
		__field(const void *, dev)
		__field(u64, offset)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->offset = offset;
	),
	TP_printk("dev=%p offset=%#llx", __entry->dev, __entry->offset)
);

#endif /* VHOST_ACCEL_VIDEO_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
