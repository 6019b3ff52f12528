// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: streams of a video encoder or decoder
 */
#include <stdlib.h>
#include <string.h>

#include "tvm_coder.h"

/**
 * tvm_stream_open() - open a stream
 * @stream: filled in
 * @coder: the device
 * @id: its name
 */
uint32_t tvm_stream_open(struct tvm_stream *stream, struct tvm_coder *coder, uint32_t id)
{
	const uint32_t create[20] = { 0, 0, TVM_CODER_FWHT };

	memset(stream, 0, sizeof(*stream));
	stream->coder = coder;
	stream->id = id;
	stream->in.type = TVM_CODER_INPUT;
	stream->out.type = TVM_CODER_OUTPUT;
	return tvm_coder_command(coder, TVM_CODER_STREAM_CREATE, id, create, sizeof(create),
				 NULL, 0);
}

static void forget(struct tvm_stream_queue *queue)
{
	unsigned int i;

	for (i = 0; i < queue->count; i++) {
		if (queue->buffers[i].slot)
			queue->buffers[i].slot->busy = false;
		free(queue->buffers[i].pages);
	}
	queue->count = 0;
	queue->queued = 0;
}

/**
 * tvm_stream_close() - close a stream
 * @stream: the stream
 */
uint32_t tvm_stream_close(struct tvm_stream *stream)
{
	uint32_t type = tvm_coder_command(stream->coder, TVM_CODER_STREAM_DESTROY, stream->id,
					  NULL, 0, NULL, 0);

	forget(&stream->in);
	forget(&stream->out);
	return type;
}

/**
 * tvm_stream_params_get() - get the format of a queue
 * @stream: the stream
 * @queue: TVM_CODER_INPUT or TVM_CODER_OUTPUT
 * @params: filled in
 */
uint32_t tvm_stream_params_get(struct tvm_stream *stream, uint32_t queue,
			       struct tvm_coder_params *params)
{
	const uint32_t get[2] = { queue };

	memset(params, 0, sizeof(*params));
	return tvm_coder_command(stream->coder, TVM_CODER_GET_PARAMS_EXT, stream->id, get,
				 sizeof(get), params, sizeof(*params));
}

/**
 * tvm_stream_params_set() - set the format of a queue
 * @stream: the stream
 * @params: the format
 */
uint32_t tvm_stream_params_set(struct tvm_stream *stream, const struct tvm_coder_params *params)
{
	return tvm_coder_command(stream->coder, TVM_CODER_SET_PARAMS_EXT, stream->id, params,
				 sizeof(*params), NULL, 0);
}

/**
 * tvm_stream_format() - set the format of a queue, and see what became of it
 * @stream: the stream
 * @queue: TVM_CODER_INPUT or TVM_CODER_OUTPUT
 * @format: the format
 * @width: width
 * @height: height
 * @params: filled in
 */
uint32_t tvm_stream_format(struct tvm_stream *stream, uint32_t queue, uint32_t format,
			   uint32_t width, uint32_t height, struct tvm_coder_params *params)
{
	const struct tvm_coder_params set = {
		.queue_type = queue, .format = format, .width = width, .height = height,
		.num_planes = 1,
	};
	uint32_t type = tvm_stream_params_set(stream, &set);

	if (type != TVM_CODER_OK)
		return type;
	type = tvm_stream_params_get(stream, queue, params);
	return type == TVM_CODER_OK_PARAMS ? TVM_CODER_OK : type;
}

static void alloc_pages(struct tvm_stream *stream, struct tvm_stream_buffer *buffer,
			unsigned int nr)
{
	uint64_t gpa = tvm_mem_alloc(&stream->coder->mem, nr * TVM_PAGE, TVM_PAGE);
	unsigned int i;

	buffer->pages = calloc(nr, sizeof(*buffer->pages));
	ASSERT_TRUE(buffer->pages);
	for (i = 0; i < nr; i++)
		buffer->pages[i] = gpa + TVM_PAGE * (stream->scattered ? nr - 1 - i : i);
}

/**
 * tvm_stream_add() - tell the device of a new buffer
 * @stream: the stream
 * @queue: the queue
 * @len: bytes
 */
uint32_t tvm_stream_add(struct tvm_stream *stream, struct tvm_stream_queue *queue, uint32_t len)
{
	static uint8_t command[TVM_CODER_AREA - 64];
	struct tvm_stream_buffer *buffer = &queue->buffers[queue->count];
	struct tvm_coder_entry *entries = (void *)(command + sizeof(struct tvm_coder_create));
	unsigned int i, nr = (len + TVM_PAGE - 1) / TVM_PAGE;
	struct tvm_coder_create create = {
		.queue_type = queue->type, .layout = TVM_CODER_TOGETHER, .num_planes = 1,
	};
	uint32_t type;

	ASSERT_LT(queue->count, (unsigned int)TVM_STREAM_BUFFERS);
	buffer->id = stream->id * 1000 + (queue->type & 1) * 100 + queue->count + 1;
	buffer->len = len;
	buffer->slot = NULL;
	alloc_pages(stream, buffer, nr);
	create.resource_id = buffer->id;
	create.entries[0] = stream->scattered ? nr : 1;
	memcpy(command, &create, sizeof(create));
	for (i = 0; i < create.entries[0]; i++)
		entries[i] = (struct tvm_coder_entry){ buffer->pages[i], TVM_PAGE, 0 };
	if (!stream->scattered)
		entries[0].len = nr * TVM_PAGE;
	type = tvm_coder_command(stream->coder, TVM_CODER_RESOURCE_CREATE, stream->id, command,
				 sizeof(create) + create.entries[0] * sizeof(entries[0]), NULL,
				 0);
	if (type == TVM_CODER_OK)
		queue->count++;
	else
		free(buffer->pages);
	return type;
}

/**
 * tvm_stream_buffers() - make buffers of the queue's format; a failure fails the test
 * @stream: the stream
 * @queue: the queue
 * @count: how many
 */
void tvm_stream_buffers(struct tvm_stream *stream, struct tvm_stream_queue *queue,
			unsigned int count)
{
	struct tvm_coder_params params;

	ASSERT_EQ(tvm_stream_params_get(stream, queue->type, &params), TVM_CODER_OK_PARAMS);
	ASSERT_EQ(params.num_planes, 1U);
	while (count--)
		ASSERT_EQ(tvm_stream_add(stream, queue, params.planes[0].size), TVM_CODER_OK);
}

/**
 * tvm_stream_put() - queue a buffer
 * @stream: the stream
 * @queue: the queue
 * @index: the buffer
 * @used: bytes in it
 * @stamp: timestamp
 */
void tvm_stream_put(struct tvm_stream *stream, struct tvm_stream_queue *queue,
		    unsigned int index, uint32_t used, uint64_t stamp)
{
	struct tvm_stream_buffer *buffer = &queue->buffers[index];
	struct {
		uint32_t type;
		uint32_t stream;
		struct tvm_coder_queue queue;
	} command = {
		.type = TVM_CODER_RESOURCE_QUEUE, .stream = stream->id,
		.queue = {
			.queue_type = queue->type, .resource_id = buffer->id,
			.timestamp = stamp, .num_sizes = 1, .sizes = { used },
		},
	};

	ASSERT_FALSE(buffer->slot);
	buffer->slot = tvm_coder_send(stream->coder, &command, sizeof(command),
				      sizeof(struct tvm_coder_done));
	queue->queued++;
}

/* The one that came back first, or NULL. */
static struct tvm_stream_buffer *first_done(struct tvm_stream_queue *queue)
{
	struct tvm_stream_buffer *buffer, *first = NULL;

	for (buffer = queue->buffers; buffer < queue->buffers + queue->count; buffer++)
		if (buffer->slot && buffer->slot->done &&
		    (!first || buffer->slot->order < first->slot->order))
			first = buffer;
	return first;
}

/**
 * tvm_stream_get() - take a buffer that came back, without waiting
 * @stream: the stream
 * @queue: the queue
 * @index: set to the buffer
 * @done: filled in with the response
 *
 * Return: whether there is one.
 */
bool tvm_stream_get(struct tvm_stream *stream, struct tvm_stream_queue *queue,
		    unsigned int *index, struct tvm_coder_done *done)
{
	struct tvm_stream_buffer *buffer;

	tvm_coder_collect(stream->coder);
	buffer = first_done(queue);
	if (!buffer)
		return false;
	EXPECT_EQ(buffer->slot->len, (uint32_t)sizeof(*done));
	tvm_mem_read(&stream->coder->mem, buffer->slot->response, done, sizeof(*done));
	EXPECT_EQ(done->stream, stream->id);
	buffer->slot->busy = false;
	buffer->slot = NULL;
	queue->queued--;
	*index = buffer - queue->buffers;
	return true;
}

/**
 * tvm_stream_await() - wait for a buffer to come back
 * @stream: the stream
 * @queue: the queue
 * @index: as of tvm_stream_get()
 * @done: likewise
 */
bool tvm_stream_await(struct tvm_stream *stream, struct tvm_stream_queue *queue,
		      unsigned int *index, struct tvm_coder_done *done)
{
	while (!tvm_stream_get(stream, queue, index, done))
		if (!tvm_coder_wait(stream->coder, NULL, harness_scaled(TVM_MEDIA_WAIT_MS)))
			return false;
	return true;
}

/**
 * tvm_stream_clear() - have all buffers of a queue given back
 * @stream: the stream
 * @queue: the queue
 *
 * Those that come back are left to be taken with tvm_stream_get().
 */
uint32_t tvm_stream_clear(struct tvm_stream *stream, struct tvm_stream_queue *queue)
{
	const uint32_t clear[2] = { queue->type };

	return tvm_coder_command(stream->coder, TVM_CODER_QUEUE_CLEAR, stream->id, clear,
				 sizeof(clear), NULL, 0);
}

/**
 * tvm_stream_free() - forget all buffers of a queue
 * @stream: the stream
 * @queue: the queue
 */
uint32_t tvm_stream_free(struct tvm_stream *stream, struct tvm_stream_queue *queue)
{
	const uint32_t destroy[2] = { queue->type };
	uint32_t type = tvm_coder_command(stream->coder, TVM_CODER_DESTROY_ALL, stream->id,
					  destroy, sizeof(destroy), NULL, 0);

	forget(queue);
	return type;
}

static uint32_t piece(uint32_t at, uint32_t len)
{
	uint32_t left = TVM_PAGE - at % TVM_PAGE;

	return len < left ? len : left;
}

/**
 * tvm_stream_write() - write into a buffer
 * @stream: the stream
 * @queue: the queue
 * @index: the buffer
 * @data: what
 * @len: bytes
 */
void tvm_stream_write(struct tvm_stream *stream, struct tvm_stream_queue *queue,
		      unsigned int index, const void *data, uint32_t len)
{
	struct tvm_stream_buffer *buffer = &queue->buffers[index];
	uint32_t at, n;

	ASSERT_LE(len, (buffer->len + TVM_PAGE - 1) / TVM_PAGE * TVM_PAGE);
	for (at = 0; at < len; at += n) {
		n = piece(at, len - at);
		tvm_mem_write(&stream->coder->mem, buffer->pages[at / TVM_PAGE], data + at, n);
	}
}

/**
 * tvm_stream_read() - read from a buffer
 * @stream: the stream
 * @queue: the queue
 * @index: the buffer
 * @data: where to
 * @len: bytes
 */
void tvm_stream_read(struct tvm_stream *stream, struct tvm_stream_queue *queue,
		     unsigned int index, void *data, uint32_t len)
{
	struct tvm_stream_buffer *buffer = &queue->buffers[index];
	uint32_t at, n;

	for (at = 0; at < len; at += n) {
		n = piece(at, len - at);
		tvm_mem_read(&stream->coder->mem, buffer->pages[at / TVM_PAGE], data + at, n);
	}
}
