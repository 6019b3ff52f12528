// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video: encoders and decoders give the guest what they give the host
 */
#include <stdlib.h>
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_video.h"

#define SESSIONS	8

FIXTURE(codec) {
	char encoder[TVM_VIDEO_PATH];
	char decoder[TVM_VIDEO_PATH];
	struct tvm_media media;
	struct tvm_video video;
};

FIXTURE_VARIANT(codec) {
	struct tvm_config cfg;
	bool mplane;
};

FIXTURE_VARIANT_ADD(codec, split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(codec, packed_mplane)
	{ .cfg = { .packed = true, .event_idx = true }, .mplane = true };
FIXTURE_VARIANT_ADD_FULL(codec, split_mplane)
	{ .cfg = { .in_order = true }, .mplane = true };
FIXTURE_VARIANT_ADD_FULL(codec, packed)
	{ .cfg = { .packed = true, .in_order = true } };

FIXTURE_SETUP(codec)
{
	tvm_video_driver("vicodec", variant->mplane ? "multiplanar=1" : "multiplanar=0");
	tvm_video_find("stateful-encoder", self->encoder);
	tvm_video_find("stateful-decoder", self->decoder);
	self->media.dev.fd = -1;
	self->media.node = -1;
}

FIXTURE_TEARDOWN(codec)
{
	tvm_media_destroy(&self->media);
}

static void create(struct codec_fixture *self, const struct codec_variant *variant,
		   const char *path)
{
	const struct tvm_media_options options = { .cfg = variant->cfg };

	tvm_media_create(&self->media, path, &options);
}

static void on_host(struct tvm_codec *codec, const char *path)
{
	struct tvm_video video;

	ASSERT_EQ(tvm_video_open_host(&video, path), 0);
	tvm_codec_run(codec, &video);
	tvm_video_close(&video);
}

/* All frames were in mappings, of which the device holds none any more. */
static void expect_mapped(struct codec_fixture *self)
{
	unsigned int i;

	for (i = 0; i < TVM_MEDIA_QUEUES; i++)
		EXPECT_EQ(tvm_media_stat(&self->media, i, "bytes_copied"), 0);
	EXPECT_GT(tvm_media_stat(&self->media, TVM_MEDIA_COMMANDS, "bytes_mapped"), 0);
	EXPECT_EQ(tvm_media_stat(&self->media, TVM_MEDIA_COMMANDS, "refused"), 0);
	EXPECT_EQ(tvm_media_stat(&self->media, TVM_MEDIA_COMMANDS, "malformed"), 0);
	EXPECT_EQ(tvm_media_stat(&self->media, TVM_MEDIA_EVENTS, "malformed"), 0);
	EXPECT_EQ(tvm_media_stat(&self->media, TVM_MEDIA_EVENTS, "errors"), 0);
	EXPECT_EQ(tvm_media_stat(&self->media, TVM_MEDIA_COMMANDS, "maps"),
		  tvm_media_stat(&self->media, TVM_MEDIA_COMMANDS, "unmaps"));
	EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
}

static void in_guest(struct codec_fixture *self, const struct codec_variant *variant,
		     struct tvm_codec *codec, const char *path)
{
	struct tvm_video video;

	create(self, variant, path);
	ASSERT_EQ(tvm_video_open_guest(&video, &self->media), 0);
	tvm_codec_run(codec, &video);
	tvm_video_close(&video);
	expect_mapped(self);
	tvm_media_destroy(&self->media);
}

static void compare(struct codec_fixture *self, const struct codec_variant *variant,
		    uint32_t pixels, uint32_t width, uint32_t height, unsigned int frames)
{
	const struct tvm_codec what = {
		.pixels = pixels, .width = width, .height = height, .frames = frames,
	};
	struct tvm_codec encoded[2] = { what, what }, decoded[2] = { what, what };
	unsigned int i;

	on_host(&encoded[0], self->encoder);
	ASSERT_EQ(encoded[0].output.frames, frames);
	in_guest(self, variant, &encoded[1], self->encoder);
	EXPECT_TRUE(tvm_codec_equal(&encoded[0], &encoded[1]));
	decoded[0].input = &encoded[0].output;
	decoded[1].input = &encoded[1].output;
	on_host(&decoded[0], self->decoder);
	/* One more is that of the format. */
	ASSERT_EQ(decoded[0].num_hashes, frames + 1);
	in_guest(self, variant, &decoded[1], self->decoder);
	EXPECT_TRUE(tvm_codec_equal(&decoded[0], &decoded[1]));
	for (i = 2; i < decoded[0].num_hashes; i++)
		EXPECT_NE(decoded[0].hashes[i], decoded[0].hashes[i - 1]);
	for (i = 0; i < 2; i++) {
		tvm_codec_free(&encoded[i]);
		tvm_codec_free(&decoded[i]);
	}
}

TEST_F_TIMEOUT(codec, long_stream, 300)
{
	compare(self, variant, V4L2_PIX_FMT_GREY, 640, 360,
		variant->mplane ? harness_rounds(300, 30) : 300);
}

TEST_F_TIMEOUT(codec, sizes_and_formats, 300)
{
	static const struct {
		uint32_t pixels;
		uint32_t width;
		uint32_t height;
	} what[] = {
		{ V4L2_PIX_FMT_NV12, 640, 360 },
		{ V4L2_PIX_FMT_YUV420, 1280, 720 },
		{ V4L2_PIX_FMT_RGB24, 648, 368 },
		{ V4L2_PIX_FMT_YUYV, 720, 576 },
		{ V4L2_PIX_FMT_YUV422P, 640, 480 },
		{ V4L2_PIX_FMT_ARGB32, 800, 600 },
		{ V4L2_PIX_FMT_NV24, 1920, 1080 },
	};
	unsigned int i, nr = harness_rounds(7, 3);

	for (i = 0; i < nr; i++)
		compare(self, variant, what[i].pixels, what[i].width, what[i].height,
			harness_rounds(300, 8));
}

/* Streams with a frame of another size, and with bytes that are none. */
static void join(struct codec_fixture *self, struct tvm_codec_stream *stream)
{
	struct tvm_codec parts[2] = {
		{ .pixels = V4L2_PIX_FMT_NV12, .width = 640, .height = 360, .frames = 6 },
		{ .pixels = V4L2_PIX_FMT_NV12, .width = 800, .height = 600, .frames = 9 },
	};
	unsigned int i, j;

	for (i = 0; i < 2; i++) {
		on_host(&parts[i], self->encoder);
		for (j = 0; j < parts[i].output.frames; j++) {
			size_t start = j ? parts[i].output.ends[j - 1] : 0;

			tvm_codec_append(stream, parts[i].output.data + start,
					 parts[i].output.ends[j] - start);
		}
		tvm_codec_free(&parts[i]);
	}
}

static void compare_decoded(struct codec_fixture *self, const struct codec_variant *variant,
			    struct tvm_codec_stream *stream, unsigned int sizes)
{
	struct tvm_codec decoded[2] = { {
		.pixels = V4L2_PIX_FMT_NV12, .width = 800, .height = 600, .input = stream,
	} };

	decoded[1] = decoded[0];
	on_host(&decoded[0], self->decoder);
	EXPECT_EQ(decoded[0].sizes, sizes);
	in_guest(self, variant, &decoded[1], self->decoder);
	EXPECT_EQ(decoded[1].sizes, sizes);
	EXPECT_EQ(decoded[0].num_hashes, decoded[1].num_hashes);
	EXPECT_TRUE(tvm_codec_equal(&decoded[0], &decoded[1]));
	tvm_codec_free(&decoded[0]);
	tvm_codec_free(&decoded[1]);
}

TEST_F_TIMEOUT(codec, size_changes, 180)
{
	struct tvm_codec_stream stream = { 0 };

	join(self, &stream);
	compare_decoded(self, variant, &stream, 2);
	free(stream.data);
	free(stream.ends);
}

TEST_F_TIMEOUT(codec, broken_stream, 180)
{
	struct tvm_codec_stream stream = { 0 };
	unsigned int i;

	join(self, &stream);
	/* Not the first frame, which a decoder needs, and no header. */
	for (i = 1; i < stream.frames; i += 3)
		memset(stream.data + stream.ends[i - 1] + 60, 0x5a ^ i, 200);
	compare_decoded(self, variant, &stream, 2);
	free(stream.data);
	free(stream.ends);
}

/* All of them at work at the same time, each with pictures of its own. */
TEST_F_TIMEOUT(codec, many_sessions, 300)
{
	static const uint32_t pixels[SESSIONS] = {
		V4L2_PIX_FMT_GREY, V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_GREY,
		V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_GREY, V4L2_PIX_FMT_NV21, V4L2_PIX_FMT_GREY,
	};
	struct tvm_codec host[SESSIONS] = { 0 }, guest[SESSIONS] = { 0 };
	struct tvm_video videos[SESSIONS];
	unsigned int i, left;
	bool worked;

	for (i = 0; i < SESSIONS; i++) {
		guest[i].pixels = pixels[i];
		guest[i].width = 640 + 8 * i;
		guest[i].height = 360 + 8 * i;
		guest[i].frames = harness_rounds(100, 5) + i;
		host[i] = guest[i];
		on_host(&host[i], self->encoder);
	}
	create(self, variant, self->encoder);
	for (i = 0; i < SESSIONS; i++)
		ASSERT_EQ(tvm_video_open_guest(&videos[i], &self->media), 0);
	for (i = 0; i < SESSIONS; i++)
		tvm_codec_begin(&guest[i], &videos[i]);
	for (left = SESSIONS; left; ) {
		worked = false;
		for (i = 0, left = 0; i < SESSIONS; i++) {
			worked |= tvm_codec_step(&guest[i]);
			left += !guest[i].done;
		}
		if (left && !worked)
			ASSERT_TRUE(tvm_video_wait(&videos[0]));
	}
	for (i = 0; i < SESSIONS; i++) {
		tvm_codec_end(&guest[i]);
		tvm_video_close(&videos[i]);
		EXPECT_MSG(tvm_codec_equal(&host[i], &guest[i]), "session %u", i);
		tvm_codec_free(&host[i]);
		tvm_codec_free(&guest[i]);
	}
	expect_mapped(self);
}

HARNESS_MAIN
