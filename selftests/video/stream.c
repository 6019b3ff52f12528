// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video: encoders and decoders of virtio-video give the guest what they give the host
 */
#include <stdlib.h>
#include <unistd.h>

#include "tvm_coder.h"
#include "tvm_rig.h"

#define STREAMS	8

FIXTURE(stream) {
	char encoder[TVM_VIDEO_PATH];
	char decoder[TVM_VIDEO_PATH];
	struct tvm_coder coder;
};

FIXTURE_VARIANT(stream) {
	struct tvm_config cfg;
	bool mplane;
	bool scattered;
};

FIXTURE_VARIANT_ADD(stream, split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(stream, packed_mplane_scattered)
	{ .cfg = { .packed = true, .event_idx = true }, .mplane = true, .scattered = true };
FIXTURE_VARIANT_ADD_FULL(stream, split_mplane)
	{ .cfg = { 0 }, .mplane = true };
FIXTURE_VARIANT_ADD_FULL(stream, packed_scattered)
	{ .cfg = { .packed = true }, .scattered = true };

FIXTURE_SETUP(stream)
{
	tvm_video_driver("vicodec", variant->mplane ? "multiplanar=1" : "multiplanar=0");
	tvm_video_find("stateful-encoder", self->encoder);
	tvm_video_find("stateful-decoder", self->decoder);
	self->coder.dev.fd = -1;
	self->coder.node = -1;
}

FIXTURE_TEARDOWN(stream)
{
	tvm_coder_destroy(&self->coder);
}

static void create(struct stream_fixture *self, const struct stream_variant *variant,
		   bool decoder)
{
	const struct tvm_coder_options options = { .cfg = variant->cfg, .decoder = decoder };

	tvm_coder_create(&self->coder, decoder ? self->decoder : self->encoder, &options);
}

static void on_host(struct tvm_codec *codec, const char *path)
{
	struct tvm_video video;

	codec->frames_only = true;
	ASSERT_EQ(tvm_video_open_host(&video, path), 0);
	tvm_codec_run(codec, &video);
	tvm_video_close(&video);
}

/* What is in one piece is never copied, what is not always is; nothing stays mapped. */
static void expect_clean(struct stream_fixture *self, const struct stream_variant *variant)
{
	if (variant->scattered)
		EXPECT_GT(tvm_coder_stat(&self->coder, "bytes_copied"), 0);
	else
		EXPECT_EQ(tvm_coder_stat(&self->coder, "bytes_copied"), 0);
	EXPECT_EQ(tvm_coder_stat(&self->coder, "refused"), 0);
	EXPECT_EQ(tvm_coder_stat(&self->coder, "malformed"), 0);
	EXPECT_EQ(tvm_coder_stat(&self->coder, "opens"),
		  tvm_coder_stat(&self->coder, "closes"));
	EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
}

static void in_guest(struct stream_fixture *self, const struct stream_variant *variant,
		     struct tvm_codec *codec)
{
	create(self, variant, codec->input);
	tvm_stream_run(&self->coder, 7, variant->scattered, codec);
	expect_clean(self, variant);
	tvm_coder_destroy(&self->coder);
}

static void compare(struct stream_fixture *self, const struct stream_variant *variant,
		    uint32_t pixels, uint32_t width, uint32_t height, unsigned int frames)
{
	const struct tvm_codec what = {
		.pixels = pixels, .width = width, .height = height, .frames = frames,
	};
	struct tvm_codec encoded[2] = { what, what }, decoded[2] = { what, what };
	unsigned int i;

	on_host(&encoded[0], self->encoder);
	ASSERT_EQ(encoded[0].output.frames, frames);
	in_guest(self, variant, &encoded[1]);
	EXPECT_TRUE(tvm_codec_equal(&encoded[0], &encoded[1]));
	decoded[0].input = &encoded[0].output;
	decoded[1].input = &encoded[1].output;
	on_host(&decoded[0], self->decoder);
	ASSERT_EQ(decoded[0].num_hashes, frames);
	in_guest(self, variant, &decoded[1]);
	EXPECT_EQ(decoded[1].num_hashes, frames);
	EXPECT_TRUE(tvm_codec_equal(&decoded[0], &decoded[1]));
	for (i = 1; i < decoded[0].num_hashes; i++)
		EXPECT_NE(decoded[0].hashes[i], decoded[0].hashes[i - 1]);
	for (i = 0; i < 2; i++) {
		tvm_codec_free(&encoded[i]);
		tvm_codec_free(&decoded[i]);
	}
}

TEST_F_TIMEOUT(stream, long_stream, 300)
{
	compare(self, variant, V4L2_PIX_FMT_NV12, 640, 360,
		variant->mplane ? harness_rounds(300, 20) : 300);
}

TEST_F_TIMEOUT(stream, sizes_and_formats, 300)
{
	static const struct {
		uint32_t pixels;
		uint32_t width;
		uint32_t height;
	} what[] = {
		{ V4L2_PIX_FMT_YUV420, 1280, 720 },
		{ V4L2_PIX_FMT_ARGB32, 648, 368 },
		{ V4L2_PIX_FMT_YVU420, 720, 576 },
		{ V4L2_PIX_FMT_ABGR32, 640, 480 },
		{ V4L2_PIX_FMT_NV12, 1920, 1080 },
	};
	unsigned int i, nr = harness_rounds(5, 2);

	for (i = 0; i < nr; i++)
		compare(self, variant, what[i].pixels, what[i].width, what[i].height,
			harness_rounds(300, 6));
}

/* A stream with frames of another size in the middle. */
TEST_F_TIMEOUT(stream, size_changes, 180)
{
	struct tvm_codec parts[2] = {
		{ .pixels = V4L2_PIX_FMT_NV12, .width = 640, .height = 360, .frames = 6 },
		{ .pixels = V4L2_PIX_FMT_NV12, .width = 800, .height = 600, .frames = 9 },
	};
	struct tvm_codec_stream stream = { 0 };
	struct tvm_codec decoded[2] = { {
		.pixels = V4L2_PIX_FMT_NV12, .width = 800, .height = 600, .input = &stream,
	} };
	unsigned int i, j;

	for (i = 0; i < 2; i++) {
		on_host(&parts[i], self->encoder);
		for (j = 0; j < parts[i].output.frames; j++) {
			size_t start = j ? parts[i].output.ends[j - 1] : 0;

			tvm_codec_append(&stream, parts[i].output.data + start,
					 parts[i].output.ends[j] - start);
		}
		tvm_codec_free(&parts[i]);
	}
	decoded[1] = decoded[0];
	on_host(&decoded[0], self->decoder);
	EXPECT_EQ(decoded[0].sizes, 2U);
	create(self, variant, true);
	tvm_stream_run(&self->coder, 1, variant->scattered, &decoded[1]);
	EXPECT_EQ(decoded[1].sizes, 2U);
	EXPECT_EQ(decoded[1].num_hashes, 15U);
	EXPECT_TRUE(tvm_codec_equal(&decoded[0], &decoded[1]));
	EXPECT_EQ(tvm_dev_stat(&self->coder.dev, TVM_MEDIA_EVENTS, "events"), 2);
	tvm_codec_free(&decoded[0]);
	tvm_codec_free(&decoded[1]);
	free(stream.data);
	free(stream.ends);
}

/* All of them at work at the same time, each with pictures of its own. */
TEST_F_TIMEOUT(stream, many_streams, 300)
{
	static const uint32_t pixels[] = {
		V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_YVU420,
	};
	struct tvm_codec host[STREAMS] = { 0 }, guest[STREAMS] = { 0 };
	struct tvm_stream_run runs[STREAMS] = { 0 };
	unsigned int i, left, idle = 0;
	bool worked;

	for (i = 0; i < STREAMS; i++) {
		guest[i].pixels = pixels[i % 3];
		guest[i].width = 640 + 8 * i;
		guest[i].height = 360 + 8 * i;
		guest[i].frames = harness_rounds(60, 5) + i;
		host[i] = guest[i];
		on_host(&host[i], self->encoder);
	}
	create(self, variant, false);
	for (i = 0; i < STREAMS; i++) {
		runs[i].stream.scattered = variant->scattered;
		tvm_stream_begin(&runs[i], &self->coder, 0xfffffff0 + i, &guest[i]);
	}
	for (left = STREAMS; left; ) {
		worked = false;
		for (i = 0, left = 0; i < STREAMS; i++) {
			worked |= tvm_stream_step(&runs[i]);
			left += !guest[i].done;
		}
		idle = worked ? 0 : idle + 1;
		if (!worked)
			tvm_coder_wait(&self->coder, NULL, 20);
		ASSERT_LT(idle, harness_scaled(TVM_MEDIA_WAIT_MS) / 20);
	}
	for (i = 0; i < STREAMS; i++) {
		tvm_stream_end(&runs[i]);
		EXPECT_MSG(tvm_codec_equal(&host[i], &guest[i]), "stream %u", i);
		tvm_codec_free(&host[i]);
		tvm_codec_free(&guest[i]);
	}
	expect_clean(self, variant);
}

/* After a drain the stream goes on, with a frame that needs no other. */
TEST_F_TIMEOUT(stream, drained_and_resumed, 180)
{
	struct tvm_codec codec = {
		.pixels = V4L2_PIX_FMT_NV12, .width = 640, .height = 360, .frames = 5,
	};
	struct tvm_stream_run run = { .stream.scattered = variant->scattered };
	struct tvm_coder_done done;
	unsigned int round, i;

	create(self, variant, false);
	tvm_stream_begin(&run, &self->coder, 3, &codec);
	for (round = 1; round <= 4; round++) {
		while (!codec.done)
			if (!tvm_stream_step(&run))
				tvm_coder_wait(&self->coder, NULL, 20);
		EXPECT_EQ(codec.output.frames, 5 * round);
		while (tvm_stream_get(&run.stream, &run.stream.in, &i, &done))
			EXPECT_EQ(done.flags, 0U);
		EXPECT_EQ(run.stream.in.queued, 0U);
		/* The empty buffer that ended it is the driver's, the others are not. */
		EXPECT_EQ(run.stream.out.queued, run.stream.out.count - 1);
		codec.done = false;
		codec.stopped = false;
		run.ended = false;
		codec.frames += 5;
		for (i = 0; i < run.stream.out.count; i++)
			if (!run.stream.out.buffers[i].slot)
				tvm_stream_put(&run.stream, &run.stream.out, i, 0, 0);
		for (i = 0; i < run.stream.in.count; i++)
			tvm_stream_feed(&run, i);
	}
	tvm_stream_end(&run);
	expect_clean(self, variant);
	tvm_codec_free(&codec);
}

/* The buffer that ends a stream may also be one that comes later. */
TEST_F(stream, drained_without_buffers)
{
	static const uint32_t drain[2] = { TVM_CODER_STREAM_DRAIN, 4 };
	struct tvm_coder_params params;
	struct tvm_coder_slot *slot;
	struct tvm_coder_done done;
	struct tvm_stream stream;
	unsigned int index;
	uint32_t type;

	create(self, variant, false);
	ASSERT_EQ(tvm_stream_open(&stream, &self->coder, 4), TVM_CODER_OK);
	stream.scattered = variant->scattered;
	/* Nothing was ever there. */
	EXPECT_EQ(tvm_coder_command(&self->coder, TVM_CODER_STREAM_DRAIN, 4, NULL, 0, NULL, 0),
		  TVM_CODER_BAD_OPERATION);
	ASSERT_EQ(tvm_stream_format(&stream, TVM_CODER_INPUT, TVM_CODER_NV12, 640, 360,
				    &params), TVM_CODER_OK);
	tvm_stream_buffers(&stream, &stream.in, 2);
	tvm_stream_buffers(&stream, &stream.out, 2);
	tvm_stream_put(&stream, &stream.in, 0, params.planes[0].size, 11);
	slot = tvm_coder_send(&self->coder, drain, sizeof(drain), 8);
	EXPECT_FALSE(tvm_coder_wait(&self->coder, slot, 100));
	EXPECT_EQ(tvm_coder_command(&self->coder, TVM_CODER_STREAM_DRAIN, 4, NULL, 0, NULL, 0),
		  TVM_CODER_BAD_OPERATION);
	/* Nothing more goes in. */
	tvm_stream_put(&stream, &stream.in, 1, params.planes[0].size, 12);
	ASSERT_TRUE(tvm_stream_await(&stream, &stream.in, &index, &done));
	EXPECT_EQ(index, 1U);
	EXPECT_EQ(done.type, TVM_CODER_BAD_OPERATION);
	EXPECT_EQ(done.flags, TVM_CODER_ERR);
	/* One buffer for the frame, and then one for the end. */
	tvm_stream_put(&stream, &stream.out, 0, 0, 0);
	ASSERT_TRUE(tvm_stream_await(&stream, &stream.out, &index, &done));
	EXPECT_EQ(done.timestamp, 11U);
	EXPECT_GT(done.size, 0U);
	EXPECT_FALSE(done.flags & (TVM_CODER_EOS | TVM_CODER_ERR));
	ASSERT_TRUE(tvm_coder_wait(&self->coder, slot, harness_scaled(TVM_MEDIA_WAIT_MS)));
	tvm_mem_read(&self->coder.mem, slot->response, &type, sizeof(type));
	EXPECT_EQ(type, TVM_CODER_OK);
	tvm_stream_put(&stream, &stream.out, 1, 0, 0);
	ASSERT_TRUE(tvm_stream_await(&stream, &stream.out, &index, &done));
	EXPECT_EQ(index, 1U);
	EXPECT_EQ(done.flags, TVM_CODER_EOS);
	EXPECT_EQ(done.size, 0U);
	EXPECT_EQ(tvm_stream_close(&stream), TVM_CODER_OK);
}

/* All that is queued comes back before the answer, and the stream can be used again. */
TEST_F_TIMEOUT(stream, cleared, 180)
{
	static const uint32_t drain[2] = { TVM_CODER_STREAM_DRAIN, 5 };
	struct tvm_coder_params params;
	struct tvm_coder_slot *slot;
	struct tvm_coder_done done;
	struct tvm_stream stream;
	unsigned int round, i, index;
	uint32_t type;

	create(self, variant, false);
	ASSERT_EQ(tvm_stream_open(&stream, &self->coder, 5), TVM_CODER_OK);
	stream.scattered = variant->scattered;
	ASSERT_EQ(tvm_stream_format(&stream, TVM_CODER_INPUT, TVM_CODER_NV12, 640, 360,
				    &params), TVM_CODER_OK);
	tvm_stream_buffers(&stream, &stream.in, 3);
	tvm_stream_buffers(&stream, &stream.out, 3);
	for (round = 0; round < 10; round++) {
		struct tvm_stream_queue *queue = round & 1 ? &stream.in : &stream.out;

		for (i = 0; i < 3; i++)
			tvm_stream_put(&stream, queue, i, params.planes[0].size, i);
		slot = tvm_coder_send(&self->coder, drain, sizeof(drain), 8);
		ASSERT_EQ(tvm_stream_clear(&stream, queue), TVM_CODER_OK);
		for (i = 0; i < 3; i++) {
			ASSERT_TRUE(tvm_stream_get(&stream, queue, &index, &done));
			EXPECT_EQ(done.type, TVM_CODER_OK_QUEUE);
			/* Without input a drain ends at once, with an empty buffer. */
			if (done.flags != TVM_CODER_EOS)
				EXPECT_EQ(done.flags, TVM_CODER_ERR);
			EXPECT_EQ(done.size, 0U);
		}
		ASSERT_TRUE(tvm_coder_wait(&self->coder, slot,
					   harness_scaled(TVM_MEDIA_WAIT_MS)));
		tvm_mem_read(&self->coder.mem, slot->response, &type, sizeof(type));
		EXPECT_TRUE(type == TVM_CODER_BAD_OPERATION || type == TVM_CODER_OK);
		slot->busy = false;
	}
	EXPECT_GT(tvm_coder_stat(&self->coder, "cancelled"), 10);
	EXPECT_EQ(tvm_stream_close(&stream), TVM_CODER_OK);
}

/* A buffer that is the driver's again is written by nobody. */
TEST_F_TIMEOUT(stream, buffers_let_go, 180)
{
	static uint8_t before[4096], after[4096];
	struct tvm_coder_params params;
	struct tvm_coder_done done;
	struct tvm_stream stream;
	unsigned int round, i, index;

	create(self, variant, false);
	ASSERT_EQ(tvm_stream_open(&stream, &self->coder, 6), TVM_CODER_OK);
	stream.scattered = variant->scattered;
	ASSERT_EQ(tvm_stream_format(&stream, TVM_CODER_INPUT, TVM_CODER_NV12, 640, 360,
				    &params), TVM_CODER_OK);
	memset(before, 0x5a, sizeof(before));
	for (round = 0; round < 5; round++) {
		tvm_stream_buffers(&stream, &stream.in, 3);
		tvm_stream_buffers(&stream, &stream.out, 2);
		for (i = 0; i < 3; i++)
			tvm_stream_put(&stream, &stream.in, i, params.planes[0].size, i);
		for (i = 0; i < 2; i++)
			tvm_stream_put(&stream, &stream.out, i, 0, 0);
		usleep(1000 * round);
		ASSERT_EQ(tvm_stream_clear(&stream, &stream.out), TVM_CODER_OK);
		while (tvm_stream_get(&stream, &stream.out, &index, &done))
			tvm_stream_write(&stream, &stream.out, index, before, sizeof(before));
		ASSERT_EQ(stream.out.queued, 0U);
		usleep(20000);
		for (i = 0; i < 2; i++) {
			tvm_stream_read(&stream, &stream.out, i, after, sizeof(after));
			EXPECT_FALSE(memcmp(before, after, sizeof(after)));
		}
		ASSERT_EQ(tvm_stream_free(&stream, &stream.out), TVM_CODER_OK);
		ASSERT_EQ(tvm_stream_free(&stream, &stream.in), TVM_CODER_OK);
		EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
	}
	EXPECT_EQ(tvm_stream_close(&stream), TVM_CODER_OK);
}

/* An event waits until there is a buffer for it, and several of a kind are one. */
TEST_F(stream, events_wait)
{
	const struct tvm_coder_options options = {
		.cfg = variant->cfg, .decoder = true, .no_buffers = true,
	};
	struct tvm_codec encoded = {
		.pixels = V4L2_PIX_FMT_NV12, .width = 640, .height = 360, .frames = 1,
	};
	struct tvm_stream streams[2];
	unsigned int i;

	on_host(&encoded, self->encoder);
	tvm_coder_create(&self->coder, self->decoder, &options);
	self->coder.keep = true;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(tvm_stream_open(&streams[i], &self->coder, i), TVM_CODER_OK);
		streams[i].scattered = variant->scattered;
		tvm_stream_buffers(&streams[i], &streams[i].in, 1);
		tvm_stream_write(&streams[i], &streams[i].in, 0, encoded.output.data,
				 encoded.output.len);
		tvm_stream_put(&streams[i], &streams[i].in, 0, encoded.output.len, 1);
	}
	EXPECT_FALSE(tvm_coder_event(&self->coder, 0, TVM_CODER_EVT_RESOLUTION, 100));
	tvm_coder_post(&self->coder, 1);
	EXPECT_NE(tvm_coder_event(&self->coder, 0, TVM_CODER_EVT_RESOLUTION, 1000),
		  tvm_coder_event(&self->coder, 1, TVM_CODER_EVT_RESOLUTION, 100));
	/* That of a stream that is no more is none. */
	EXPECT_EQ(tvm_stream_close(&streams[0]), TVM_CODER_OK);
	EXPECT_EQ(tvm_stream_close(&streams[1]), TVM_CODER_OK);
	tvm_coder_post(&self->coder, 4);
	EXPECT_FALSE(tvm_coder_event(&self->coder, 0, TVM_CODER_EVT_RESOLUTION, 50));
	EXPECT_FALSE(tvm_coder_event(&self->coder, 1, TVM_CODER_EVT_RESOLUTION, 50));
	tvm_codec_free(&encoded);
}

HARNESS_MAIN
