// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: frames on their way through a stateful encoder or decoder
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tvm_video.h"

#define BUFFERS		3
/*
 * What a frame that came out tells besides its bytes. Whether it is the last one, or
 * an empty one after it is, depends on when the device was told to stop.
 */
#define FLAGS		(V4L2_BUF_FLAG_KEYFRAME | V4L2_BUF_FLAG_PFRAME | V4L2_BUF_FLAG_ERROR)

/**
 * tvm_video_hash() - a hash of bytes
 * @hash: of what came before
 * @data: the bytes
 * @len: how many
 */
uint64_t tvm_video_hash(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t word;

	for (; len; len -= word, p += word) {
		uint64_t bytes = 0;

		word = len < sizeof(bytes) ? len : sizeof(bytes);
		memcpy(&bytes, p, word);
		hash = (hash ^ bytes) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 29;
	}
	return hash;
}

/**
 * tvm_codec_draw() - a picture that changes a little from frame to frame
 * @data: where to
 * @len: bytes
 * @frame: which frame
 */
void tvm_codec_draw(void *data, size_t len, unsigned int frame)
{
	uint64_t *words = data;
	size_t i;

	for (i = 0; i < len / sizeof(*words); i++) {
		uint64_t at = (i + 3 * frame) / 5;

		words[i] = (at * at >> 3) * 0x0101010101010101ULL + 0x0102030401020304ULL * frame;
	}
}

/**
 * tvm_codec_append() - add a frame to a stream
 * @stream: the stream
 * @data: the frame
 * @len: its length
 */
void tvm_codec_append(struct tvm_codec_stream *stream, const void *data, size_t len)
{
	stream->data = realloc(stream->data, stream->len + len + 1);
	stream->ends = realloc(stream->ends, (stream->frames + 1) * sizeof(size_t));
	ASSERT_TRUE(stream->data && stream->ends);
	memcpy(stream->data + stream->len, data, len);
	stream->len += len;
	stream->ends[stream->frames++] = stream->len;
}

static void append_hash(struct tvm_codec *codec, uint64_t hash)
{
	codec->hashes = realloc(codec->hashes, (codec->num_hashes + 1) * sizeof(hash));
	ASSERT_TRUE(codec->hashes);
	codec->hashes[codec->num_hashes++] = hash;
}

static unsigned int total(const struct tvm_codec *codec)
{
	return codec->input ? codec->input->frames : codec->frames;
}

static void feed(struct tvm_codec *codec, unsigned int index)
{
	struct tvm_video_plane *plane = &codec->out.buffers[index][0];
	uint32_t len = plane->len;
	size_t start;

	if (codec->input) {
		start = codec->fed ? codec->input->ends[codec->fed - 1] : 0;
		len = codec->input->ends[codec->fed] - start;
		ASSERT_LE(len, plane->len);
		memcpy(plane->addr, codec->input->data + start, len);
	} else {
		tvm_codec_draw(plane->addr, len, codec->fed);
	}
	ASSERT_EQ(tvm_video_put(&codec->out, index, len, codec->fed), 0);
	codec->fed++;
}

static void stop(struct tvm_codec *codec)
{
	struct v4l2_encoder_cmd encoder = { .cmd = V4L2_ENC_CMD_STOP };
	struct v4l2_decoder_cmd decoder = { .cmd = V4L2_DEC_CMD_STOP };

	if (codec->input)
		ASSERT_EQ(tvm_video_ioctl(codec->video, VIDIOC_DECODER_CMD, &decoder), 0);
	else
		ASSERT_EQ(tvm_video_ioctl(codec->video, VIDIOC_ENCODER_CMD, &encoder), 0);
	codec->stopped = true;
}

static void start_capture(struct tvm_codec *codec)
{
	unsigned int i;

	tvm_video_buffers(codec->video, &codec->cap, false, BUFFERS);
	for (i = 0; i < codec->cap.count; i++)
		ASSERT_EQ(tvm_video_put(&codec->cap, i, 0, 0), 0);
	ASSERT_EQ(tvm_video_stream(&codec->cap, true), 0);
}

/* The decoder knows the size when it has seen the stream, and all about it again. */
static void size_changed(struct tvm_codec *codec)
{
	struct v4l2_format format = { .type = tvm_video_type(codec->video, false) };

	if (codec->cap.video) {
		ASSERT_EQ(tvm_video_stream(&codec->cap, false), 0);
		tvm_video_free(&codec->cap);
	}
	ASSERT_EQ(tvm_video_ioctl(codec->video, VIDIOC_G_FMT, &format), 0);
	if (codec->video->mplane)
		format.fmt.pix_mp.pixelformat = codec->pixels;
	else
		format.fmt.pix.pixelformat = codec->pixels;
	ASSERT_EQ(tvm_video_ioctl(codec->video, VIDIOC_S_FMT, &format), 0);
	if (!codec->frames_only)
		append_hash(codec, tvm_video_hash(0, &format, sizeof(format)));
	codec->sizes++;
	start_capture(codec);
}

/**
 * tvm_codec_begin() - set up; a failure fails the test
 * @codec: with what to do; the rest is zero
 * @video: the encoder or decoder
 */
void tvm_codec_begin(struct tvm_codec *codec, struct tvm_video *video)
{
	struct v4l2_format format;
	unsigned int i;

	codec->video = video;
	ASSERT_EQ(tvm_video_subscribe(video, V4L2_EVENT_EOS), 0);
	if (codec->input)
		ASSERT_EQ(tvm_video_subscribe(video, V4L2_EVENT_SOURCE_CHANGE), 0);
	ASSERT_EQ(tvm_video_format(video, true, codec->input ? V4L2_PIX_FMT_FWHT :
				   codec->pixels, codec->width, codec->height, &format), 0);
	if (!codec->input)
		ASSERT_EQ(tvm_video_format(video, false, V4L2_PIX_FMT_FWHT, codec->width,
					   codec->height, &format), 0);
	tvm_video_buffers(video, &codec->out, true, BUFFERS);
	ASSERT_EQ(tvm_video_stream(&codec->out, true), 0);
	if (!codec->input)
		start_capture(codec);
	for (i = 0; i < codec->out.count && codec->fed < total(codec); i++)
		feed(codec, i);
}

/**
 * tvm_codec_result() - a frame came out
 * @codec: the codec
 * @data: its bytes
 * @used: how many; none is no frame
 * @flags: V4L2_BUF_FLAG_* bits that count
 * @stamp: its time in microseconds
 */
void tvm_codec_result(struct tvm_codec *codec, const void *data, uint32_t used,
		      uint32_t flags, uint64_t stamp)
{
	uint64_t hash;

	if (!used)
		return;
	if (!codec->input)
		tvm_codec_append(&codec->output, data, used);
	hash = tvm_video_hash(used, data, used);
	hash = tvm_video_hash(hash, &flags, sizeof(flags));
	append_hash(codec, tvm_video_hash(hash, &stamp, sizeof(stamp)));
}

static void came_out(struct tvm_codec *codec, const struct tvm_video_frame *frame)
{
	const struct timeval *stamp = &frame->buffer.timestamp;
	struct tvm_video_plane *plane = &codec->cap.buffers[frame->buffer.index][0];
	uint32_t used = tvm_video_used(frame), flags = frame->buffer.flags & FLAGS;

	ASSERT_LE(used, plane->len);
	if (codec->frames_only && codec->input)
		flags &= V4L2_BUF_FLAG_ERROR;
	tvm_codec_result(codec, plane->addr, used, flags,
			 stamp->tv_sec * 1000000ULL + stamp->tv_usec);
}

/* After the last buffer an event tells whether it is the end, or another size. */
static void last_came(struct tvm_codec *codec)
{
	struct v4l2_event event;

	do {
		ASSERT_EQ(tvm_video_event(codec->video, &event), 0);
	} while (event.type != V4L2_EVENT_EOS && event.type != V4L2_EVENT_SOURCE_CHANGE);
	if (event.type == V4L2_EVENT_EOS)
		codec->done = true;
	else
		size_changed(codec);
}

static bool step_output(struct tvm_codec *codec)
{
	struct tvm_video_frame frame;
	int ret = tvm_video_get(&codec->out, &frame);

	if (ret) {
		ASSERT_EQ(ret, -EAGAIN);
		return false;
	}
	if (codec->fed < total(codec))
		feed(codec, frame.buffer.index);
	return true;
}

static bool step_capture(struct tvm_codec *codec)
{
	struct tvm_video_frame frame;
	struct v4l2_event event = { 0 };
	int ret;

	if (!codec->cap.video) {
		if (tvm_video_ioctl(codec->video, VIDIOC_DQEVENT, &event))
			return false;
		ASSERT_EQ(event.type, (uint32_t)V4L2_EVENT_SOURCE_CHANGE);
		size_changed(codec);
		return true;
	}
	ret = tvm_video_get(&codec->cap, &frame);
	if (ret) {
		ASSERT_EQ(ret, -EAGAIN);
		return false;
	}
	came_out(codec, &frame);
	if (frame.buffer.flags & V4L2_BUF_FLAG_LAST)
		last_came(codec);
	else
		ASSERT_EQ(tvm_video_put(&codec->cap, frame.buffer.index, 0, 0), 0);
	return true;
}

/**
 * tvm_codec_step() - do what can be done without waiting
 * @codec: begun with tvm_codec_begin()
 *
 * Return: whether there was anything.
 */
bool tvm_codec_step(struct tvm_codec *codec)
{
	bool worked = false;

	if (codec->done)
		return false;
	worked |= step_output(codec);
	worked |= step_capture(codec);
	if (!codec->done && !codec->stopped && codec->cap.video &&
	    codec->fed == total(codec)) {
		stop(codec);
		worked = true;
	}
	return worked;
}

/**
 * tvm_codec_end() - stop and free all buffers
 * @codec: the codec
 */
void tvm_codec_end(struct tvm_codec *codec)
{
	ASSERT_EQ(tvm_video_stream(&codec->out, false), 0);
	ASSERT_EQ(tvm_video_stream(&codec->cap, false), 0);
	tvm_video_free(&codec->out);
	tvm_video_free(&codec->cap);
}

/**
 * tvm_codec_run() - do all of it
 * @codec: as for tvm_codec_begin()
 * @video: likewise
 */
void tvm_codec_run(struct tvm_codec *codec, struct tvm_video *video)
{
	tvm_codec_begin(codec, video);
	while (!codec->done)
		if (!tvm_codec_step(codec))
			ASSERT_TRUE(tvm_video_wait(video));
	tvm_codec_end(codec);
}

/**
 * tvm_codec_free() - forget the results
 * @codec: the codec
 */
void tvm_codec_free(struct tvm_codec *codec)
{
	free(codec->output.data);
	free(codec->output.ends);
	free(codec->hashes);
}

/**
 * tvm_codec_equal() - whether the same came out of two
 * @a: a codec
 * @b: another one
 */
bool tvm_codec_equal(const struct tvm_codec *a, const struct tvm_codec *b)
{
	if (a->num_hashes != b->num_hashes || a->output.len != b->output.len)
		return false;
	if (a->output.len && memcmp(a->output.data, b->output.data, a->output.len))
		return false;
	return !memcmp(a->hashes, b->hashes, a->num_hashes * sizeof(a->hashes[0]));
}
