// SPDX-License-Identifier: GPL-2.0-only
/*
 * serve video: encoders and decoders of virtio-video through a vhost-user socket
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "tvm_coder.h"
#include "tvm_front.h"

#define STATUS_USAGE		1
#define STATUS_ENVIRONMENT	2

static const struct tvm_config split = { .event_idx = true };

FIXTURE(serve_coder) {
	char encoder[TVM_VIDEO_PATH];
	char decoder[TVM_VIDEO_PATH];
	struct tvm_server server;
	struct tvm_front front;
	struct tvm_coder coder;
};

FIXTURE_SETUP(serve_coder)
{
	self->front.fd = -1;
	tvm_video_driver("vicodec", "multiplanar=0");
	tvm_video_find("stateful-encoder", self->encoder);
	tvm_video_find("stateful-decoder", self->decoder);
	tvm_coder_prepare(&self->coder, 96U << 20);
	ASSERT_EQ(tvm_server_prepare(&self->server), 0);
	self->server.class = "video";
}

static void disconnect(struct serve_coder_fixture *self)
{
	unsigned int i;

	tvm_front_close(&self->front);
	for (i = 0; i < TVM_MEDIA_QUEUES; i++)
		tvm_queue_destroy(&self->coder.vqs[i]);
}

FIXTURE_TEARDOWN(serve_coder)
{
	disconnect(self);
	tvm_server_remove(&self->server);
	tvm_mem_destroy(&self->coder.mem);
}

#define ARGS(...)	((const char *const []){ __VA_ARGS__, NULL })

static int run(struct serve_coder_fixture *self, const char *const *args)
{
	ASSERT_EQ(tvm_server_launch(&self->server, args, 0), 0);
	return tvm_server_stop(&self->server, 0);
}

static void launch(struct serve_coder_fixture *self, const char *device, const char *protocol)
{
	unsigned int tries;

	ASSERT_EQ(tvm_server_launch(&self->server,
				    ARGS("--device", device, "--socket", self->server.socket,
					 "--protocol", protocol), 0), 0);
	for (tries = harness_scaled(1000); access(self->server.socket, F_OK); tries--) {
		ASSERT_GT(tries, 0U);
		usleep(10000);
	}
}

static void read_config(struct serve_coder_fixture *self)
{
	struct tvm_user_config config = { .size = TVM_CODER_CONFIG_BYTES };
	struct tvm_user_header header;

	ASSERT_EQ(tvm_front_send(&self->front, TVM_USER_GET_CONFIG, 0, &config,
				 12 + TVM_CODER_CONFIG_BYTES, NULL, 0), 0);
	ASSERT_EQ(tvm_front_receive(self->front.fd, &header, &config, sizeof(config)), 0);
	EXPECT_EQ(header.size, 12 + TVM_CODER_CONFIG_BYTES);
	memcpy(&self->coder.config, config.data, sizeof(self->coder.config));
	EXPECT_GT(self->coder.config.max_caps_length, 0U);
	EXPECT_EQ(strcmp(self->coder.config.name, "vicodec"), 0);
}

static void start(struct serve_coder_fixture *self)
{
	const uint64_t features = tvm_config_features(&split) |
				  TVM_BIT(TVM_CODER_F_GUEST_PAGES) |
				  TVM_BIT(TVM_CODER_F_NON_CONTIG);
	unsigned int i;

	ASSERT_EQ(tvm_front_connect(&self->front, self->server.socket), 0);
	ASSERT_EQ(tvm_front_handshake(&self->front, features), 0);
	ASSERT_EQ(tvm_front_mem_set(&self->front, &self->coder.mem), 0);
	read_config(self);
	memset(self->coder.posted, 0, sizeof(self->coder.posted));
	self->coder.num_pending = 0;
	for (i = 0; i < TVM_CODER_SLOTS; i++)
		self->coder.slots[i].busy = false;
	for (i = 0; i < TVM_MEDIA_QUEUES; i++) {
		ASSERT_EQ(tvm_queue_init(&self->coder.vqs[i], &self->front.dev, i, 256, &split),
			  0);
		ASSERT_EQ(tvm_front_queue_start(&self->front, &self->coder.vqs[i]), 0);
	}
	tvm_coder_post(&self->coder, TVM_CODER_EVENTS);
}

static const struct tvm_codec what = {
	.pixels = V4L2_PIX_FMT_NV12, .width = 640, .height = 360, .frames = 6,
	.frames_only = true,
};

static void on_host(const char *path, struct tvm_codec *codec)
{
	struct tvm_video video;

	ASSERT_EQ(tvm_video_open_host(&video, path), 0);
	tvm_codec_run(codec, &video);
	tvm_video_close(&video);
}

static void expect_works(struct serve_coder_fixture *self, const char *path,
			 const struct tvm_codec_stream *input, bool scattered)
{
	struct tvm_codec host = what, guest = what;

	host.input = input;
	guest.input = input;
	on_host(path, &host);
	tvm_stream_run(&self->coder, 1, scattered, &guest);
	EXPECT_EQ(guest.num_hashes, what.frames);
	EXPECT_TRUE(tvm_codec_equal(&host, &guest));
	/* Nothing of it stays in the server. */
	EXPECT_EQ(tvm_video_mappings(self->server.pid), 0U);
	tvm_codec_free(&host);
	tvm_codec_free(&guest);
}

TEST_F(serve_coder, wrong_usage)
{
	const char *path = self->server.socket;

	EXPECT_EQ(run(self, ARGS("--device", self->encoder, "--protocol", "video", "--socket",
				 path)), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--device", self->encoder, "--protocol", "video-encoder",
				 "--window-mib", "64", "--socket", path)), STATUS_USAGE);
	/* Codecs of the other kind, and what is none. */
	EXPECT_EQ(run(self, ARGS("--device", self->encoder, "--protocol", "video-decoder",
				 "--socket", path)), STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--device", self->decoder, "--protocol", "video-encoder",
				 "--socket", path)), STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--device", "/dev/null", "--protocol", "video-encoder",
				 "--socket", path)), STATUS_ENVIRONMENT);
	EXPECT_NE(access(path, F_OK), 0);
}

TEST_F_TIMEOUT(serve_coder, encodes, 120)
{
	launch(self, self->encoder, "video-encoder");
	start(self);
	expect_works(self, self->encoder, NULL, false);
	expect_works(self, self->encoder, NULL, true);
	EXPECT_EQ(tvm_server_stop(&self->server, SIGTERM), 0);
}

TEST_F_TIMEOUT(serve_coder, decodes, 120)
{
	struct tvm_codec encoded = what;

	on_host(self->encoder, &encoded);
	launch(self, self->decoder, "video-decoder");
	start(self);
	expect_works(self, self->decoder, &encoded.output, false);
	expect_works(self, self->decoder, &encoded.output, true);
	EXPECT_EQ(tvm_server_stop(&self->server, SIGTERM), 0);
	tvm_codec_free(&encoded);
}

/* Front ends that come and go, without a word, and with buffers queued. */
TEST_F_TIMEOUT(serve_coder, reconnected, 120)
{
	struct tvm_coder_params params;
	struct tvm_stream stream;
	unsigned int round, i;

	launch(self, self->encoder, "video-encoder");
	for (round = 0; round < 5; round++) {
		start(self);
		ASSERT_EQ(tvm_stream_open(&stream, &self->coder, 2), TVM_CODER_OK);
		stream.scattered = round & 1;
		ASSERT_EQ(tvm_stream_format(&stream, TVM_CODER_INPUT, TVM_CODER_NV12, 640, 360,
					    &params), TVM_CODER_OK);
		tvm_stream_buffers(&stream, &stream.in, 2);
		for (i = 0; i < 2; i++)
			tvm_stream_put(&stream, &stream.in, i, params.planes[0].size, i);
		disconnect(self);
	}
	start(self);
	expect_works(self, self->encoder, NULL, false);
}

TEST_F_TIMEOUT(serve_coder, killed, 120)
{
	struct tvm_stream stream;

	launch(self, self->encoder, "video-encoder");
	start(self);
	ASSERT_EQ(tvm_stream_open(&stream, &self->coder, 2), TVM_CODER_OK);
	tvm_stream_buffers(&stream, &stream.out, 2);
	tvm_stream_put(&stream, &stream.out, 0, 0, 0);
	EXPECT_EQ(tvm_server_stop(&self->server, SIGKILL), 128 + SIGKILL);
	EXPECT_TRUE(tvm_front_closed(&self->front, 10000));
	disconnect(self);
	unlink(self->server.socket);
	launch(self, self->encoder, "video-encoder");
	start(self);
	expect_works(self, self->encoder, NULL, false);
}

HARNESS_MAIN
