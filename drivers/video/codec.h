/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Video encoders and decoders: streams, their queues and the buffers of those
 *
 * All of it is done with the command queue's mutex held, by that queue's worker, or by
 * whoever stops the queue; but for events, which &struct vha_video_session has.
 */
#ifndef VHOST_ACCEL_VIDEO_CODEC_H
#define VHOST_ACCEL_VIDEO_CODEC_H

#include <linux/list.h>
#include <linux/sizes.h>

#include "codec_format.h"
#include "codec_stamp.h"
#include "video.h"

/** define VHA_CODEC_RESOURCES_MAX - buffers of a queue; V4L2 has no more by default */
#define VHA_CODEC_RESOURCES_MAX	VIDEO_MAX_FRAME
/** define VHA_CODEC_PIECES_MAX - pieces of a buffer */
#define VHA_CODEC_PIECES_MAX	16384
/** define VHA_CODEC_ALL_PIECES_MAX - of all buffers of a device */
#define VHA_CODEC_ALL_PIECES_MAX	(1024U * 1024)
/** define VHA_CODEC_SHADOW_BYTES - memory to copy from and to, if the VMM does not say */
#define VHA_CODEC_SHADOW_BYTES	SZ_1G
/** define VHA_CODEC_CAPS_MAX - bytes of a response to VHA_CODEC_QUERY_CAPABILITY */
#define VHA_CODEC_CAPS_MAX	(32U << 10)
/** define VHA_CODEC_RESPONSE_MAX - of a response to anything else */
#define VHA_CODEC_RESPONSE_MAX	512U
/** define VHA_CODEC_BOUNCE - bytes copied at a time */
#define VHA_CODEC_BOUNCE	(64U << 10)

/**
 * enum vha_codec_side - the queues of a stream
 * @VHA_CODEC_IN: V4L2 says OUTPUT
 * @VHA_CODEC_OUT: V4L2 says CAPTURE
 * @VHA_CODEC_SIDES: number of values
 */
enum vha_codec_side {
	VHA_CODEC_IN,
	VHA_CODEC_OUT,
	VHA_CODEC_SIDES,
};

/** define VHA_CODEC_REPLY_SEGS - pieces a response can be in, each at least a byte */
#define VHA_CODEC_REPLY_SEGS	sizeof(struct vha_codec_done)

/**
 * struct vha_codec_reply - a command that is answered later
 * @held: there is one
 * @token: for returning it
 * @nr: pieces of its response
 * @segs: the pieces
 */
struct vha_codec_reply {
	bool held;
	struct vha_token token;
	u32 nr;
	struct vha_seg segs[VHA_CODEC_REPLY_SEGS];
};

/**
 * struct vha_codec_plane - a part of a buffer that the host sees as one
 * @first: index of its first piece
 * @nr: how many pieces
 * @len: bytes
 * @shadow: address of the VMM's that the host has instead, 0 for none
 * @shadow_len: bytes there
 */
struct vha_codec_plane {
	u32 first;
	u32 nr;
	u32 len;
	unsigned long shadow;
	u32 shadow_len;
};

/**
 * struct vha_codec_resource - a buffer
 * @node: entry in &vha_codec_queue.held
 * @id: the driver's name for it
 * @index: the host's, -1 for none
 * @hosted: the host has it now
 * @copied: the host has shadows of it
 * @timestamp: of VHA_CODEC_RESOURCE_QUEUE
 * @used: bytes in each plane, likewise
 * @reply: the command that queued it
 * @nr_planes: how many
 * @planes: its planes
 * @nr: pieces
 * @segs: the pieces
 */
struct vha_codec_resource {
	struct list_head node;
	u32 id;
	int index;
	bool hosted;
	bool copied;
	u64 timestamp;
	u32 used[VHA_CODEC_PLANES_MAX];
	struct vha_codec_reply reply;
	u32 nr_planes;
	struct vha_codec_plane planes[VHA_CODEC_PLANES_MAX];
	u32 nr;
	struct vha_seg segs[] __counted_by(nr);
};

/**
 * struct vha_codec_queue - a queue of a stream
 * @type: V4L2_BUF_TYPE_*
 * @memory: V4L2_MEMORY_* of the host's buffers, 0 while there are none
 * @streaming: the host streams
 * @ended: what comes next from the host has another format
 * @count: buffers of the host
 * @nr_sizes: planes of each
 * @sizes: bytes in each that the host needs
 * @resources: the driver's buffers, in no order
 * @nr: how many
 * @held: those that are queued, in order; some the host may not have yet
 * @hosted: how many of them it has
 * @hosts: those that have an index of the host's
 */
struct vha_codec_queue {
	u32 type;
	u32 memory;
	bool streaming;
	bool ended;
	u32 count;
	u32 nr_sizes;
	u32 sizes[VHA_CODEC_PLANES_MAX];
	struct vha_codec_resource *resources[VHA_CODEC_RESOURCES_MAX];
	u32 nr;
	struct list_head held;
	u32 hosted;
	struct vha_codec_resource *hosts[VIDEO_MAX_FRAME];
};

/**
 * enum vha_codec_change - another format comes out of a decoder
 * @VHA_CODEC_SAME: it does not
 * @VHA_CODEC_CHANGING: it does when what came before is out
 * @VHA_CODEC_CHANGED: the driver was told
 */
enum vha_codec_change {
	VHA_CODEC_SAME,
	VHA_CODEC_CHANGING,
	VHA_CODEC_CHANGED,
};

/**
 * struct vha_codec_stream - a stream
 * @session: its session
 * @format: &enum vha_codec_format of what is coded
 * @queues: its queues
 * @drain: VHA_CODEC_STREAM_DRAIN that is not answered
 * @stopped: the host knows of it
 * @eos: the next buffer that could come out is the empty one that ends it
 * @change: of what comes out
 * @stamps: timestamps
 */
struct vha_codec_stream {
	struct vha_video_session *session;
	u32 format;
	struct vha_codec_queue queues[VHA_CODEC_SIDES];
	struct vha_codec_reply drain;
	bool stopped;
	bool eos;
	enum vha_codec_change change;
	struct vha_codec_stamps stamps;
};

/**
 * struct vha_codec_caps - formats of a side
 * @formats: &enum vha_codec_format
 * @nr: how many
 * @len: bytes of @data
 * @data: what follows the header of VHA_CODEC_OK_CAPABILITY
 */
struct vha_codec_caps {
	u32 formats[64];
	unsigned int nr;
	u32 len;
	u8 *data;
};

/**
 * struct vha_codec - what a device has that is an encoder or decoder
 * @types: V4L2_BUF_TYPE_* of the sides
 * @caps: their formats
 * @bounce: for copying, VHA_CODEC_BOUNCE bytes
 * @pieces: of all buffers
 * @shadow_bytes: memory that is copied from and to
 */
struct vha_codec {
	u32 types[VHA_CODEC_SIDES];
	struct vha_codec_caps caps[VHA_CODEC_SIDES];
	void *bounce;
	u32 pieces;
	u64 shadow_bytes;
};

/**
 * union vha_codec_request - what follows the header of a command, but for lists
 * @queue: a queue
 * @create: a stream
 * @resource_create: a buffer
 * @resource_queue: likewise
 * @params: a format
 * @control: a control
 */
union vha_codec_request {
	struct vha_codec_queue_command queue;
	struct vha_codec_create create;
	struct vha_codec_resource_create resource_create;
	struct vha_codec_resource_queue resource_queue;
	struct vha_codec_params params;
	struct vha_codec_control control;
};

/**
 * struct vha_codec_command - a command being served
 * @chain: its buffer
 * @out: what is left to read of it
 * @stream_id: of its header
 * @request: what follows
 */
struct vha_codec_command {
	struct vha_chain *chain;
	struct vha_cursor out;
	u32 stream_id;
	union vha_codec_request request;
};

static inline struct vha_video *codec_video(const struct vha_codec_stream *stream)
{
	return stream->session->video;
}

/* Whether it is no decoder. */
static inline bool codec_encodes(const struct vha_video *video)
{
	return video->params.protocol == VHA_VIDEO_PROTOCOL_ENCODER;
}

/* The side where frames are coded. */
static inline enum vha_codec_side codec_coded_side(const struct vha_video *video)
{
	return codec_encodes(video) ? VHA_CODEC_OUT : VHA_CODEC_IN;
}

/*
 * Those that serve a command return &enum vha_codec_response for an answer without
 * data, or 0 when it was answered or will be.
 */

/* codec_command.c */

void vha_codec_command_run(struct vha_queue *vq);
void vha_codec_answer(struct vha_queue *vq, struct vha_codec_command *command, u32 type,
		      const void *data, u32 len);
u32 vha_codec_error(int error);
void vha_codec_hold(struct vha_codec_reply *reply, const struct vha_chain *chain);
void vha_codec_reply(struct vha_queue *vq, struct vha_codec_reply *reply, const void *data,
		     u32 len);
int vha_codec_ask(struct vha_video *video, struct file *file, unsigned int cmd, void *arg,
		  u32 len);
int vha_codec_ioctl(struct vha_codec_stream *stream, unsigned int cmd, void *arg, u32 len);
struct vha_codec_stream *vha_codec_find(struct vha_video *video, u32 id);
struct vha_codec_queue *vha_codec_side(struct vha_codec_stream *stream, __le32 queue_type);

/* codec_caps.c */

int vha_codec_caps_make(struct vha_video *video, const struct vha_video_node *node,
			struct vha_codec *codec);
void vha_codec_caps_free(struct vha_codec *codec);
bool vha_codec_caps_has(const struct vha_codec_caps *caps, u32 format);
u32 vha_codec_query_capability(struct vha_queue *vq, struct vha_codec_command *command);

/* codec_stream.c */

u32 vha_codec_stream_create(struct vha_queue *vq, struct vha_codec_command *command);
u32 vha_codec_stream_destroy(struct vha_queue *vq, struct vha_codec_command *command);
u32 vha_codec_stream_drain(struct vha_queue *vq, struct vha_codec_command *command);
void vha_codec_stream_advance(struct vha_queue *vq, struct vha_codec_stream *stream);
void vha_codec_stream_undrain(struct vha_queue *vq, struct vha_codec_stream *stream, u32 type);
void vha_codec_stream_fail(struct vha_queue *vq, struct vha_codec_stream *stream, int error);
void vha_codec_stream_cancel(struct vha_queue *vq, struct vha_codec_stream *stream);
void vha_codec_stream_close(struct vha_video_session *session);

/* codec_params.c */

u32 vha_codec_get_params(struct vha_queue *vq, struct vha_codec_command *command);
u32 vha_codec_get_params_ext(struct vha_queue *vq, struct vha_codec_command *command);
u32 vha_codec_set_params(struct vha_queue *vq, struct vha_codec_command *command);
int vha_codec_params_pick(struct vha_codec_stream *stream, enum vha_codec_side side,
			  u32 format);

/* codec_control.c */

u32 vha_codec_query_control(struct vha_queue *vq, struct vha_codec_command *command);
u32 vha_codec_get_control(struct vha_queue *vq, struct vha_codec_command *command);
u32 vha_codec_set_control(struct vha_queue *vq, struct vha_codec_command *command);

/* codec_resource.c */

u32 vha_codec_resource_create(struct vha_queue *vq, struct vha_codec_command *command);
u32 vha_codec_resource_queue(struct vha_queue *vq, struct vha_codec_command *command);
u32 vha_codec_resource_destroy_all(struct vha_queue *vq, struct vha_codec_command *command);
void vha_codec_resource_done(struct vha_queue *vq, struct vha_codec_stream *stream,
			     struct vha_codec_resource *resource, u64 timestamp, u32 flags,
			     u32 size);
void vha_codec_resources_free(struct vha_codec_stream *stream, struct vha_codec_queue *queue);

/* codec_host.c */

int vha_codec_host_begin(struct vha_codec_stream *stream, struct vha_codec_queue *queue);
int vha_codec_host_put(struct vha_queue *vq, struct vha_codec_stream *stream,
		       struct vha_codec_queue *queue, struct vha_codec_resource *resource);
void vha_codec_host_stop(struct vha_codec_stream *stream, struct vha_codec_queue *queue);
void vha_codec_host_release(struct vha_codec_stream *stream, struct vha_codec_queue *queue);

/* codec_shadow.c */

bool vha_codec_shadow_needless(struct vha_queue *vq, const struct vha_codec_queue *queue,
			       const struct vha_codec_resource *resource, u64 *addrs);
int vha_codec_shadow_make(struct vha_codec_stream *stream, const struct vha_codec_queue *queue,
			  struct vha_codec_resource *resource);
void vha_codec_shadow_drop(struct vha_video *video, struct vha_codec_resource *resource);
int vha_codec_shadow_in(struct vha_queue *vq, const struct vha_codec_resource *resource);
int vha_codec_shadow_out(struct vha_queue *vq, const struct vha_codec_resource *resource,
			 const u32 *used);
void vha_codec_shadow_log(struct vha_queue *vq, const struct vha_codec_resource *resource);

/* codec_collect.c */

void vha_codec_collect(struct vha_queue *vq, struct vha_codec_stream *stream);
void vha_codec_clear(struct vha_queue *vq, struct vha_codec_stream *stream,
		     struct vha_codec_queue *queue);
u32 vha_codec_queue_clear(struct vha_queue *vq, struct vha_codec_command *command);

/* codec_front.c */

void vha_codec_init(struct vha_video *video);
void vha_codec_free(struct vha_codec *codec);
void vha_codec_wake(struct vha_video_session *session);
extern const struct vha_video_front vha_codec_encoder, vha_codec_decoder;

/* codec_event.c */

void vha_codec_event_run(struct vha_queue *vq);

#endif /* VHOST_ACCEL_VIDEO_CODEC_H */
