// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: frames on their way through a video encoder or decoder of the guest's, as
 * tvm_codec.c does it with V4L2
 */
#include <stdlib.h>
#include <string.h>

#include "tvm_coder.h"

#define BUFFERS	3

static const struct {
	uint32_t format;
	uint32_t pixels;
} formats[] = {
	{ TVM_CODER_ARGB, V4L2_PIX_FMT_ARGB32 },
	{ TVM_CODER_BGRA, V4L2_PIX_FMT_ABGR32 },
	{ TVM_CODER_NV12, V4L2_PIX_FMT_NV12 },
	{ TVM_CODER_YUV420, V4L2_PIX_FMT_YUV420 },
	{ TVM_CODER_YVU420, V4L2_PIX_FMT_YVU420 },
};

static uint32_t format_of(uint32_t pixels)
{
	unsigned int i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i].pixels == pixels)
			return formats[i].format;
	return 0;
}

static unsigned int total(const struct tvm_codec *codec)
{
	return codec->input ? codec->input->frames : codec->frames;
}

/**
 * tvm_stream_feed() - put the next frame in
 * @run: begun
 * @index: of the buffer for it
 */
void tvm_stream_feed(struct tvm_stream_run *run, unsigned int index)
{
	struct tvm_codec *codec = run->codec;
	uint32_t len = run->size;
	const void *data = run->bytes;
	size_t start;

	if (codec->input) {
		start = codec->fed ? codec->input->ends[codec->fed - 1] : 0;
		len = codec->input->ends[codec->fed] - start;
		data = codec->input->data + start;
	} else {
		tvm_codec_draw(run->bytes, run->size, codec->fed);
	}
	tvm_stream_write(&run->stream, &run->stream.in, index, data, len);
	tvm_stream_put(&run->stream, &run->stream.in, index, len, TVM_STREAM_STAMP(codec->fed));
	codec->fed++;
}

static void start_out(struct tvm_stream_run *run)
{
	unsigned int i;

	tvm_stream_buffers(&run->stream, &run->stream.out, BUFFERS);
	for (i = 0; i < BUFFERS; i++)
		tvm_stream_put(&run->stream, &run->stream.out, i, 0, 0);
}

/* The decoder knows the size when it has seen the stream. */
static void size_changed(struct tvm_stream_run *run)
{
	struct tvm_stream *stream = &run->stream;
	struct tvm_coder_params params;
	struct tvm_coder_done done;
	unsigned int index;

	if (stream->out.count) {
		ASSERT_EQ(tvm_stream_clear(stream, &stream->out), TVM_CODER_OK);
		while (tvm_stream_get(stream, &stream->out, &index, &done))
			EXPECT_EQ(done.flags, TVM_CODER_ERR);
		ASSERT_EQ(stream->out.queued, 0U);
		ASSERT_EQ(tvm_stream_free(stream, &stream->out), TVM_CODER_OK);
	}
	ASSERT_EQ(tvm_stream_params_get(stream, TVM_CODER_OUTPUT, &params), TVM_CODER_OK_PARAMS);
	ASSERT_EQ(tvm_stream_format(stream, TVM_CODER_OUTPUT, format_of(run->codec->pixels),
				    params.width, params.height, &params), TVM_CODER_OK);
	run->codec->sizes++;
	start_out(run);
}

/**
 * tvm_stream_begin() - set up; a failure fails the test
 * @run: zeroed, but for &tvm_stream.scattered
 * @coder: the device
 * @id: name of the stream
 * @codec: what to do; the rest is zero
 */
void tvm_stream_begin(struct tvm_stream_run *run, struct tvm_coder *coder, uint32_t id,
		      struct tvm_codec *codec)
{
	struct tvm_stream *stream = &run->stream;
	bool scattered = stream->scattered;
	struct tvm_coder_params params;
	unsigned int i;

	run->codec = codec;
	ASSERT_EQ(tvm_stream_open(stream, coder, id), TVM_CODER_OK);
	stream->scattered = scattered;
	ASSERT_EQ(tvm_stream_format(stream, TVM_CODER_INPUT, codec->input ? TVM_CODER_FWHT :
				    format_of(codec->pixels), codec->width, codec->height,
				    &params), TVM_CODER_OK);
	run->size = params.planes[0].size;
	run->bytes = malloc(run->size + 8);
	ASSERT_TRUE(run->bytes);
	if (!codec->input)
		ASSERT_EQ(tvm_stream_format(stream, TVM_CODER_OUTPUT, TVM_CODER_FWHT,
					    codec->width, codec->height, &params), TVM_CODER_OK);
	tvm_stream_buffers(stream, &stream->in, BUFFERS);
	if (!codec->input)
		start_out(run);
	for (i = 0; i < BUFFERS && codec->fed < total(codec); i++)
		tvm_stream_feed(run, i);
}

static void came_out(struct tvm_stream_run *run, unsigned int index,
		     const struct tvm_coder_done *done)
{
	uint64_t frame = (TVM_STREAM_STAMP(0) - done->timestamp) / 1001;
	uint32_t flags = 0;

	ASSERT_EQ(done->timestamp, TVM_STREAM_STAMP(frame));
	ASSERT_LE(done->size, run->stream.out.buffers[index].len);
	run->bytes = realloc(run->bytes, done->size + run->size + 8);
	ASSERT_TRUE(run->bytes);
	tvm_stream_read(&run->stream, &run->stream.out, index, run->bytes, done->size);
	if (done->flags & TVM_CODER_ERR)
		flags |= V4L2_BUF_FLAG_ERROR;
	if (done->flags & TVM_CODER_I)
		flags |= V4L2_BUF_FLAG_KEYFRAME;
	if (done->flags & TVM_CODER_P)
		flags |= V4L2_BUF_FLAG_PFRAME;
	tvm_codec_result(run->codec, run->bytes, done->size, flags, frame);
}

static bool step_in(struct tvm_stream_run *run)
{
	struct tvm_coder_done done;
	unsigned int index;

	if (!tvm_stream_get(&run->stream, &run->stream.in, &index, &done))
		return false;
	ASSERT_EQ(done.type, TVM_CODER_OK_QUEUE);
	if (run->codec->fed < total(run->codec))
		tvm_stream_feed(run, index);
	return true;
}

static bool step_out(struct tvm_stream_run *run)
{
	struct tvm_stream *stream = &run->stream;
	struct tvm_coder_done done;
	unsigned int index;

	if (!tvm_stream_get(stream, &stream->out, &index, &done))
		return false;
	ASSERT_EQ(done.type, TVM_CODER_OK_QUEUE);
	if (done.flags & TVM_CODER_EOS) {
		EXPECT_EQ(done.size, 0U);
		run->ended = true;
		return true;
	}
	came_out(run, index, &done);
	tvm_stream_put(stream, &stream->out, index, 0, 0);
	return true;
}

static void drain(struct tvm_stream_run *run)
{
	const uint32_t command[2] = { TVM_CODER_STREAM_DRAIN, run->stream.id };

	run->drain = tvm_coder_send(run->stream.coder, command, sizeof(command), 8);
	run->codec->stopped = true;
}

static void check_done(struct tvm_stream_run *run)
{
	uint32_t type;

	if (!run->ended || !run->drain->done)
		return;
	tvm_mem_read(&run->stream.coder->mem, run->drain->response, &type, sizeof(type));
	EXPECT_EQ(type, TVM_CODER_OK);
	EXPECT_EQ(run->drain->len, 8U);
	run->drain->busy = false;
	run->codec->done = true;
}

/**
 * tvm_stream_step() - do what can be done without waiting
 * @run: begun
 *
 * Return: whether there was anything.
 */
bool tvm_stream_step(struct tvm_stream_run *run)
{
	struct tvm_codec *codec = run->codec;
	bool worked = false;

	if (codec->done)
		return false;
	worked |= step_in(run);
	worked |= step_out(run);
	/* What came out before the event has come before it. */
	if (!worked && codec->input &&
	    tvm_coder_event(run->stream.coder, run->stream.id, TVM_CODER_EVT_RESOLUTION, 0)) {
		while (step_out(run))
			;
		size_changed(run);
		worked = true;
	}
	if (!codec->stopped && run->stream.out.count && codec->fed == total(codec)) {
		drain(run);
		worked = true;
	}
	if (codec->stopped)
		check_done(run);
	return worked || codec->done;
}

/**
 * tvm_stream_end() - close the stream
 * @run: begun
 */
void tvm_stream_end(struct tvm_stream_run *run)
{
	EXPECT_EQ(tvm_stream_close(&run->stream), TVM_CODER_OK);
	free(run->bytes);
}

/**
 * tvm_stream_run() - do all of it
 * @coder: the device
 * @id: name of the stream
 * @scattered: buffers are in many pieces
 * @codec: as for tvm_stream_begin()
 */
void tvm_stream_run(struct tvm_coder *coder, uint32_t id, bool scattered,
		    struct tvm_codec *codec)
{
	struct tvm_stream_run run = { .stream.scattered = scattered };
	unsigned int idle = 0;

	tvm_stream_begin(&run, coder, id, codec);
	while (!codec->done) {
		if (tvm_stream_step(&run)) {
			idle = 0;
			continue;
		}
		/* Either queue may be the one that has something. */
		tvm_coder_wait(coder, NULL, 20);
		ASSERT_LT(idle++, harness_scaled(TVM_MEDIA_WAIT_MS) / 20);
	}
	tvm_stream_end(&run);
}
