/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tiny VMM: a video encoder or decoder of the third draft of virtio-video, and the
 * driver of that
 */
#ifndef TVM_CODER_H
#define TVM_CODER_H

#include "tvm_media.h"
#include "tvm_video.h"

/* Numbers of the draft, not of a header. */
#define TVM_CODER_QUERY_CAPABILITY	0x100U
#define TVM_CODER_STREAM_CREATE		0x101U
#define TVM_CODER_STREAM_DESTROY	0x102U
#define TVM_CODER_STREAM_DRAIN		0x103U
#define TVM_CODER_RESOURCE_CREATE	0x104U
#define TVM_CODER_RESOURCE_QUEUE	0x105U
#define TVM_CODER_DESTROY_ALL		0x106U
#define TVM_CODER_QUEUE_CLEAR		0x107U
#define TVM_CODER_GET_PARAMS		0x108U
#define TVM_CODER_SET_PARAMS		0x109U
#define TVM_CODER_QUERY_CONTROL		0x10aU
#define TVM_CODER_GET_CONTROL		0x10bU
#define TVM_CODER_SET_CONTROL		0x10cU
#define TVM_CODER_GET_PARAMS_EXT	0x10dU
#define TVM_CODER_SET_PARAMS_EXT	0x10eU

#define TVM_CODER_OK			0x200U
#define TVM_CODER_OK_CAPABILITY		0x201U
#define TVM_CODER_OK_QUEUE		0x202U
#define TVM_CODER_OK_PARAMS		0x203U
#define TVM_CODER_OK_QUERY_CONTROL	0x204U
#define TVM_CODER_OK_CONTROL		0x205U
#define TVM_CODER_BAD_OPERATION		0x300U
#define TVM_CODER_BAD_MEMORY		0x301U
#define TVM_CODER_BAD_STREAM		0x302U
#define TVM_CODER_BAD_RESOURCE		0x303U
#define TVM_CODER_BAD_PARAMETER		0x304U
#define TVM_CODER_BAD_CONTROL		0x305U

#define TVM_CODER_INPUT			0x100U
#define TVM_CODER_OUTPUT		0x101U
#define TVM_CODER_TOGETHER		1U

#define TVM_CODER_ERR			1U
#define TVM_CODER_EOS			2U
#define TVM_CODER_I			4U
#define TVM_CODER_P			8U

#define TVM_CODER_EVT_ERROR		0x100U
#define TVM_CODER_EVT_RESOLUTION	0x200U

#define TVM_CODER_ARGB			1U
#define TVM_CODER_BGRA			2U
#define TVM_CODER_NV12			3U
#define TVM_CODER_YUV420		4U
#define TVM_CODER_YVU420		5U
#define TVM_CODER_H264			0x1002U
#define TVM_CODER_FWHT			0x1006U

#define TVM_CODER_F_GUEST_PAGES		0
#define TVM_CODER_F_NON_CONTIG		1

#define TVM_CODER_ID_ENCODER		30U
#define TVM_CODER_ID_DECODER		31U
#define TVM_CODER_CONFIG_BYTES		44U

#define TVM_CODER_SLOTS			128
#define TVM_CODER_EVENTS		16
#define TVM_CODER_PENDING		64
/* Room of a command that is waited for, and of its response. */
#define TVM_CODER_AREA			(256U << 10)
#define TVM_CODER_ROOM			(32U << 10)

/** struct tvm_coder_config - configuration space */
struct tvm_coder_config {
	uint32_t version;
	uint32_t max_caps_length;
	uint32_t max_resp_length;
	char name[32];
};

/** struct tvm_coder_params - format of a queue */
struct tvm_coder_params {
	uint32_t queue_type;
	uint32_t format;
	uint32_t width;
	uint32_t height;
	uint32_t min_buffers;
	uint32_t max_buffers;
	uint32_t crop[4];
	uint32_t rate;
	uint32_t num_planes;
	struct {
		uint32_t size;
		uint32_t stride;
	} planes[8];
	uint32_t resource_type;
	uint32_t padding;
};

/** struct tvm_coder_create - RESOURCE_CREATE, without header */
struct tvm_coder_create {
	uint32_t queue_type;
	uint32_t resource_id;
	uint32_t layout;
	uint32_t num_planes;
	uint32_t offsets[8];
	uint32_t entries[8];
};

/** struct tvm_coder_entry - a piece of a buffer */
struct tvm_coder_entry {
	uint64_t addr;
	uint32_t len;
	uint32_t padding;
};

/** struct tvm_coder_queue - RESOURCE_QUEUE, without header */
struct tvm_coder_queue {
	uint32_t queue_type;
	uint32_t resource_id;
	uint64_t timestamp;
	uint32_t num_sizes;
	uint32_t sizes[8];
	uint32_t padding;
};

/** struct tvm_coder_done - response to RESOURCE_QUEUE */
struct tvm_coder_done {
	uint32_t type;
	uint32_t stream;
	uint64_t timestamp;
	uint32_t flags;
	uint32_t size;
};

/** struct tvm_coder_event - an event */
struct tvm_coder_event {
	uint32_t type;
	uint32_t stream;
};

/**
 * struct tvm_coder_slot - a command that is answered some time
 * @command: guest physical address
 * @response: likewise
 * @busy: it was sent
 * @done: it came back
 * @order: as how many-th
 * @len: bytes written
 */
struct tvm_coder_slot {
	uint64_t command;
	uint64_t response;
	bool busy;
	bool done;
	uint64_t order;
	uint32_t len;
};

/**
 * struct tvm_coder_options - what a device shall be like; zero is the usual
 * @cfg: layout of the queues
 * @decoder: it is none that encodes
 * @max_sessions: for VHA_VIDEO_SET_PARAMS
 * @features: of the device, 0 for both
 * @no_buffers: post no event buffers
 * @flags: VHA_VIDEO_F_*
 */
struct tvm_coder_options {
	struct tvm_config cfg;
	bool decoder;
	uint32_t max_sessions;
	uint64_t features;
	bool no_buffers;
	uint32_t flags;
};

/** struct tvm_coder - all of it; @sync is the command waited for, @came how many came */
struct tvm_coder {
	struct tvm_mem mem;
	struct tvm_dev dev;
	struct tvm_queue vqs[TVM_MEDIA_QUEUES];
	struct tvm_coder_config config;
	struct tvm_coder_options options;
	int node;
	void *scratch;
	struct tvm_coder_slot slots[TVM_CODER_SLOTS];
	struct tvm_coder_slot sync;
	uint64_t came;
	uint64_t events[TVM_CODER_EVENTS];
	bool posted[TVM_CODER_EVENTS];
	struct tvm_coder_event pending[TVM_CODER_PENDING];
	unsigned int num_pending;
	bool keep;
};

/* tvm_coder.c */

void tvm_coder_prepare(struct tvm_coder *coder, uint64_t bytes);
int tvm_coder_setup(struct tvm_coder *coder, const struct tvm_coder_options *options);
int tvm_coder_start(struct tvm_coder *coder);
void tvm_coder_create(struct tvm_coder *coder, const char *path,
		      const struct tvm_coder_options *options);
void tvm_coder_restarted(struct tvm_coder *coder);
void tvm_coder_destroy(struct tvm_coder *coder);
int64_t tvm_coder_stat(struct tvm_coder *coder, const char *name);

struct tvm_coder_slot *tvm_coder_send(struct tvm_coder *coder, const void *command,
				      uint32_t size, uint32_t room);
bool tvm_coder_collect(struct tvm_coder *coder);
bool tvm_coder_wait(struct tvm_coder *coder, const struct tvm_coder_slot *slot,
		    unsigned int timeout_ms);
uint32_t tvm_coder_command(struct tvm_coder *coder, uint32_t type, uint32_t stream,
			   const void *data, uint32_t size, void *response, uint32_t room);
uint32_t tvm_coder_written(const struct tvm_coder *coder);
unsigned int tvm_coder_post(struct tvm_coder *coder, unsigned int max);
bool tvm_coder_event(struct tvm_coder *coder, uint32_t stream, uint32_t type,
		     unsigned int timeout_ms);

/* tvm_stream.c */

#define TVM_STREAM_BUFFERS	32

/**
 * struct tvm_stream_buffer - a buffer
 * @id: its name
 * @pages: guest physical addresses of its pages
 * @len: bytes
 * @slot: the command that queued it, NULL when it is not queued
 */
struct tvm_stream_buffer {
	uint32_t id;
	uint64_t *pages;
	uint32_t len;
	struct tvm_coder_slot *slot;
};

/**
 * struct tvm_stream_queue - one of a stream's queues
 * @type: TVM_CODER_INPUT or TVM_CODER_OUTPUT
 * @count: buffers
 * @queued: how many are
 * @buffers: the buffers
 */
struct tvm_stream_queue {
	uint32_t type;
	unsigned int count;
	unsigned int queued;
	struct tvm_stream_buffer buffers[TVM_STREAM_BUFFERS];
};

/**
 * struct tvm_stream - a stream
 * @scattered: buffers are in single pages, the last one first
 */
struct tvm_stream {
	struct tvm_coder *coder;
	uint32_t id;
	bool scattered;
	struct tvm_stream_queue in;
	struct tvm_stream_queue out;
};

uint32_t tvm_stream_open(struct tvm_stream *stream, struct tvm_coder *coder, uint32_t id);
uint32_t tvm_stream_close(struct tvm_stream *stream);
uint32_t tvm_stream_params_get(struct tvm_stream *stream, uint32_t queue,
			       struct tvm_coder_params *params);
uint32_t tvm_stream_params_set(struct tvm_stream *stream, const struct tvm_coder_params *params);
uint32_t tvm_stream_format(struct tvm_stream *stream, uint32_t queue, uint32_t format,
			   uint32_t width, uint32_t height, struct tvm_coder_params *params);
uint32_t tvm_stream_add(struct tvm_stream *stream, struct tvm_stream_queue *queue, uint32_t len);
void tvm_stream_buffers(struct tvm_stream *stream, struct tvm_stream_queue *queue,
			unsigned int count);
void tvm_stream_put(struct tvm_stream *stream, struct tvm_stream_queue *queue,
		    unsigned int index, uint32_t used, uint64_t stamp);
bool tvm_stream_get(struct tvm_stream *stream, struct tvm_stream_queue *queue,
		    unsigned int *index, struct tvm_coder_done *done);
bool tvm_stream_await(struct tvm_stream *stream, struct tvm_stream_queue *queue,
		      unsigned int *index, struct tvm_coder_done *done);
uint32_t tvm_stream_clear(struct tvm_stream *stream, struct tvm_stream_queue *queue);
uint32_t tvm_stream_free(struct tvm_stream *stream, struct tvm_stream_queue *queue);
void tvm_stream_write(struct tvm_stream *stream, struct tvm_stream_queue *queue,
		      unsigned int index, const void *data, uint32_t len);
void tvm_stream_read(struct tvm_stream *stream, struct tvm_stream_queue *queue,
		     unsigned int index, void *data, uint32_t len);

/* tvm_stream_run.c */

/** define TVM_STREAM_STAMP - timestamp of a frame; the host's have fewer digits */
#define TVM_STREAM_STAMP(frame)	(0xfedcba9876543217ULL - 1001 * (uint64_t)(frame))

/**
 * struct tvm_stream_run - a codec at work
 * @stream: the stream
 * @codec: what it does, and what came out
 * @drain: the command, once sent
 * @ended: the empty buffer came
 * @bytes: for a frame
 */
struct tvm_stream_run {
	struct tvm_stream stream;
	struct tvm_codec *codec;
	struct tvm_coder_slot *drain;
	bool ended;
	uint8_t *bytes;
	uint32_t size;
};

void tvm_stream_begin(struct tvm_stream_run *run, struct tvm_coder *coder, uint32_t id,
		      struct tvm_codec *codec);
void tvm_stream_feed(struct tvm_stream_run *run, unsigned int index);
bool tvm_stream_step(struct tvm_stream_run *run);
void tvm_stream_end(struct tvm_stream_run *run);
void tvm_stream_run(struct tvm_coder *coder, uint32_t id, bool scattered,
		    struct tvm_codec *codec);

#endif /* TVM_CODER_H */
