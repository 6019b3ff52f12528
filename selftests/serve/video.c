// SPDX-License-Identifier: GPL-2.0-only
/*
 * serve video: a video device through a vhost-user socket, the window being ours
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "tvm_front.h"
#include "tvm_video.h"

#define STATUS_USAGE		1
#define STATUS_ENVIRONMENT	2
#define WINDOW			(64ULL << 20)

static const struct tvm_config split = { .event_idx = true };

FIXTURE(serve_video) {
	char path[TVM_VIDEO_PATH];
	struct tvm_server server;
	struct tvm_front front;
	struct tvm_window window;
	struct tvm_media media;
};

FIXTURE_SETUP(serve_video)
{
	self->front.fd = -1;
	tvm_video_driver("vicodec", "multiplanar=0");
	tvm_video_find("stateful-encoder", self->path);
	tvm_media_prepare(&self->media);
	ASSERT_EQ(tvm_server_prepare(&self->server), 0);
	self->server.class = "video";
}

static void disconnect(struct serve_video_fixture *self)
{
	unsigned int i;

	tvm_front_close(&self->front);
	for (i = 0; i < TVM_MEDIA_QUEUES; i++)
		tvm_queue_destroy(&self->media.vqs[i]);
	tvm_window_close(&self->window);
	self->media.window = NULL;
}

FIXTURE_TEARDOWN(serve_video)
{
	disconnect(self);
	tvm_server_remove(&self->server);
	tvm_mem_destroy(&self->media.mem);
}

#define ARGS(...)	((const char *const []){ __VA_ARGS__, NULL })

static int run(struct serve_video_fixture *self, const char *const *args)
{
	ASSERT_EQ(tvm_server_launch(&self->server, args, 0), 0);
	return tvm_server_stop(&self->server, 0);
}

static void await_socket(struct serve_video_fixture *self)
{
	unsigned int tries;

	for (tries = harness_scaled(1000); access(self->server.socket, F_OK); tries--) {
		ASSERT_GT(tries, 0U);
		usleep(10000);
	}
}

static void launch(struct serve_video_fixture *self)
{
	ASSERT_EQ(tvm_server_launch(&self->server,
				    ARGS("--device", self->path, "--socket",
					 self->server.socket, "--window-mib", "64",
					 "--protocol=media"), 0), 0);
	await_socket(self);
}

static void start_queues(struct serve_video_fixture *self)
{
	unsigned int i;

	for (i = 0; i < TVM_MEDIA_BUFFERS; i++)
		self->media.free[i] = true;
	self->media.num_pending = 0;
	for (i = 0; i < TVM_MEDIA_QUEUES; i++) {
		ASSERT_EQ(tvm_queue_init(&self->media.vqs[i], &self->front.dev, i, 64, &split),
			  0);
		ASSERT_EQ(tvm_front_queue_start(&self->front, &self->media.vqs[i]), 0);
	}
	tvm_media_post(&self->media, TVM_MEDIA_BUFFERS);
}

static void read_config(struct serve_video_fixture *self)
{
	struct tvm_user_config config = { .size = TVM_MEDIA_CONFIG_BYTES };
	struct tvm_user_header header;

	ASSERT_EQ(tvm_front_send(&self->front, TVM_USER_GET_CONFIG, 0, &config,
				 12 + TVM_MEDIA_CONFIG_BYTES, NULL, 0), 0);
	ASSERT_EQ(tvm_front_receive(self->front.fd, &header, &config, sizeof(config)), 0);
	memcpy(&self->media.config, config.data, sizeof(self->media.config));
}

static void start(struct serve_video_fixture *self, bool with_window)
{
	ASSERT_EQ(tvm_front_connect(&self->front, self->server.socket), 0);
	ASSERT_EQ(tvm_front_handshake(&self->front, tvm_config_features(&split)), 0);
	if (with_window) {
		tvm_window_open(&self->window, WINDOW);
		ASSERT_EQ(tvm_window_offer(&self->window, &self->front), 0);
		self->media.window = self->window.base;
		self->media.window_size = WINDOW;
	}
	ASSERT_EQ(tvm_front_mem_set(&self->front, &self->media.mem), 0);
	read_config(self);
	start_queues(self);
}

static void run_codec(struct tvm_video *video, struct tvm_codec *codec)
{
	*codec = (struct tvm_codec){
		.pixels = V4L2_PIX_FMT_NV12, .width = 640, .height = 360, .frames = 5,
	};
	tvm_codec_run(codec, video);
}

static void expect_works(struct serve_video_fixture *self)
{
	struct tvm_codec host, guest;
	struct tvm_video video;

	ASSERT_EQ(tvm_video_open_host(&video, self->path), 0);
	run_codec(&video, &host);
	tvm_video_close(&video);
	ASSERT_EQ(tvm_video_open_guest(&video, &self->media), 0);
	run_codec(&video, &guest);
	tvm_video_close(&video);
	EXPECT_TRUE(tvm_codec_equal(&host, &guest));
	EXPECT_EQ(self->window.wrong, 0U);
	tvm_codec_free(&host);
	tvm_codec_free(&guest);
}

static uint32_t buffers(struct tvm_video *video, unsigned int count)
{
	struct v4l2_requestbuffers request = {
		.count = count, .type = V4L2_BUF_TYPE_VIDEO_OUTPUT,
		.memory = V4L2_MEMORY_MMAP,
	};
	struct v4l2_buffer buffer = { .type = V4L2_BUF_TYPE_VIDEO_OUTPUT };

	ASSERT_EQ(tvm_video_ioctl(video, VIDIOC_REQBUFS, &request), 0);
	ASSERT_EQ(tvm_video_ioctl(video, VIDIOC_QUERYBUF, &buffer), 0);
	return buffer.m.offset;
}

TEST_F(serve_video, wrong_usage)
{
	const char *path = self->server.socket, *device = self->path;

	EXPECT_EQ(run(self, ARGS("--socket", path)), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--device", device)), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--device", device, "--backing-fd", "3", "--socket", path)),
		  STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--device", device, "--protocol", "gpu", "--socket", path)),
		  STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--sessions", "0")), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--sessions", "257")), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--window-mib", "0")), STATUS_USAGE);
	EXPECT_EQ(tvm_server_logged(&self->server, "vhost-accel: error: "), 7U);
}

TEST_F(serve_video, wrong_environment)
{
	const char *path = self->server.socket;

	EXPECT_EQ(run(self, ARGS("--device", "/dev/nowhere", "--socket", path)),
		  STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--device", "/dev/null", "--socket", path)),
		  STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--backing-fd", "0", "--socket", path)), STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--device", self->path, "--socket", path, "--node",
				 "/dev/vhost-accel/blk")), STATUS_ENVIRONMENT);
	EXPECT_NE(access(path, F_OK), 0);
}

TEST_F(serve_video, shared_memory)
{
	struct tvm_user_header header;
	struct tvm_user_shmem shmem;
	uint64_t value, protocol;

	launch(self);
	ASSERT_EQ(tvm_front_connect(&self->front, self->server.socket), 0);
	ASSERT_EQ(tvm_front_get(&self->front, TVM_USER_GET_PROTOCOL_FEATURES, &protocol), 0);
	EXPECT_EQ(protocol, TVM_USER_PROTOCOL_ALL | TVM_USER_PROTOCOL_SHMEM);
	ASSERT_EQ(tvm_front_handshake(&self->front, tvm_config_features(&split)), 0);
	ASSERT_EQ(tvm_front_send(&self->front, TVM_USER_GET_SHMEM_CONFIG, 0, NULL, 0, NULL, 0),
		  0);
	ASSERT_EQ(tvm_front_receive(self->front.fd, &header, &shmem, sizeof(shmem)), 0);
	EXPECT_EQ(header.request, (uint32_t)TVM_USER_GET_SHMEM_CONFIG);
	EXPECT_EQ(header.size, (uint32_t)sizeof(shmem));
	EXPECT_EQ(shmem.nr, 1U);
	EXPECT_EQ(shmem.sizes[0], WINDOW);
	EXPECT_EQ(shmem.sizes[1] | shmem.sizes[255], 0U);
	ASSERT_EQ(tvm_front_get(&self->front, TVM_USER_GET_QUEUE_NUM, &value), 0);
	EXPECT_EQ(value, (uint64_t)TVM_MEDIA_QUEUES);
}

TEST_F(serve_video, encodes)
{
	struct tvm_video video;

	launch(self);
	start(self, true);
	ASSERT_EQ(tvm_video_open_host(&video, self->path), 0);
	tvm_video_close(&video);
	EXPECT_EQ(strcmp(self->media.config.card, "vicodec"), 0);
	expect_works(self);
	EXPECT_EQ(self->window.maps, 6U);
	EXPECT_EQ(self->window.unmaps, 6U);
	EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
	/* Frames are none of the server's business. */
	EXPECT_EQ(tvm_video_mappings(self->server.pid), 0U);
	EXPECT_EQ(tvm_server_stop(&self->server, SIGTERM), 0);
	EXPECT_NE(access(self->server.socket, F_OK), 0);
}

/* The window can not take it. */
TEST_F(serve_video, refused)
{
	struct tvm_video video;
	uint64_t addr, len;
	uint32_t offset;

	launch(self);
	start(self, true);
	ASSERT_EQ(tvm_video_open_guest(&video, &self->media), 0);
	offset = buffers(&video, 2);
	self->window.refuse = true;
	EXPECT_EQ(tvm_media_map(&self->media, video.session, TVM_MEDIA_RW, offset, &addr, &len),
		  -EIO);
	self->window.refuse = false;
	EXPECT_EQ(tvm_media_map(&self->media, video.session, TVM_MEDIA_RW, offset, &addr, &len),
		  0);
	EXPECT_EQ(tvm_media_unmap(&self->media, addr), 0);
	EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
	tvm_video_close(&video);
	expect_works(self);
}

TEST_F(serve_video, without_window)
{
	struct tvm_video video;
	uint64_t addr, len;
	uint32_t offset;

	launch(self);
	start(self, false);
	self->media.window_size = WINDOW;
	ASSERT_EQ(tvm_video_open_guest(&video, &self->media), 0);
	offset = buffers(&video, 2);
	EXPECT_EQ(tvm_media_map(&self->media, video.session, 0, offset, &addr, &len), -ENODEV);
	tvm_video_close(&video);
	disconnect(self);
	start(self, true);
	expect_works(self);
}

/* Front ends that come and go, without a word, and with buffers mapped. */
TEST_F(serve_video, reconnected)
{
	struct tvm_video_queue queue;
	struct tvm_video video;
	unsigned int round;

	launch(self);
	for (round = 0; round < 10; round++) {
		start(self, true);
		expect_works(self);
		ASSERT_EQ(tvm_video_open_guest(&video, &self->media), 0);
		tvm_video_buffers(&video, &queue, true, 2);
		memset(queue.buffers[1][0].addr, 1, queue.buffers[1][0].len);
		disconnect(self);
	}
	EXPECT_EQ(tvm_video_mappings(self->server.pid), 0U);
}

/* A command that waits for a front end which does not answer. */
static void submit_map(struct serve_video_fixture *self, uint32_t session, uint32_t offset)
{
	const uint32_t command[5] = { TVM_MEDIA_MMAP, 0, session, TVM_MEDIA_RW, offset };
	struct tvm_seg segs[2] = { { self->media.area, 20 }, { self->media.area + 64, 24 } };
	unsigned int before = self->window.requests;

	tvm_mem_write(&self->media.mem, segs[0].gpa, command, sizeof(command));
	ASSERT_GE(tvm_queue_add(&self->media.vqs[0], segs, 1, 1, NULL, 0), 0);
	tvm_queue_kick(&self->media.vqs[0]);
	while (__atomic_load_n(&self->window.requests, __ATOMIC_ACQUIRE) == before)
		usleep(1000);
}

TEST_F(serve_video, unanswered)
{
	struct tvm_video video;
	unsigned int round, i;
	uint32_t base, offset;

	launch(self);
	for (round = 0; round < 4; round++) {
		start(self, true);
		ASSERT_EQ(tvm_video_open_guest(&video, &self->media), 0);
		offset = buffers(&video, 2);
		self->window.silent = true;
		submit_map(self, video.session, offset);
		/* It can be stopped and reset, or is gone, all the same. */
		if (round & 1)
			for (i = 0; i < TVM_MEDIA_QUEUES; i++)
				ASSERT_EQ(tvm_front_queue_stop(&self->front,
							       &self->media.vqs[i], &base), 0);
		if (round & 2)
			ASSERT_EQ(tvm_front_do(&self->front, TVM_USER_RESET_DEVICE, NULL, 0,
					       NULL, 0), 0);
		disconnect(self);
	}
	start(self, true);
	expect_works(self);
}

/* An answer that comes when the device was reset, and knows of no question. */
TEST_F(serve_video, late_answer)
{
	struct {
		struct tvm_user_header header;
		uint64_t failed;
	} __attribute__((packed)) reply = {
		{ TVM_USER_SHMEM_MAP, TVM_USER_VERSION | TVM_USER_REPLY, 8 }, 0,
	};
	struct tvm_video video;
	unsigned int i;

	launch(self);
	start(self, true);
	ASSERT_EQ(tvm_video_open_guest(&video, &self->media), 0);
	self->window.silent = true;
	submit_map(self, video.session, buffers(&video, 2));
	ASSERT_EQ(tvm_front_do(&self->front, TVM_USER_RESET_DEVICE, NULL, 0, NULL, 0), 0);
	tvm_window_clear(&self->window);
	self->window.silent = false;
	ASSERT_EQ(tvm_front_raw(self->window.fd, &reply, sizeof(reply), NULL, 0), 0);
	for (i = 0; i < TVM_MEDIA_QUEUES; i++)
		tvm_queue_destroy(&self->media.vqs[i]);
	ASSERT_EQ(tvm_front_do_u64(&self->front, TVM_USER_SET_FEATURES,
				   tvm_config_features(&split) | TVM_USER_F_PROTOCOL), 0);
	start_queues(self);
	expect_works(self);
}

/* What is no answer ends the connection. */
TEST_F(serve_video, wrong_answers)
{
	static const struct tvm_user_header wrong[] = {
		{ TVM_USER_SHMEM_UNMAP, TVM_USER_VERSION | TVM_USER_REPLY, 8 },
		{ TVM_USER_SHMEM_MAP, TVM_USER_VERSION, 8 },
		{ TVM_USER_SHMEM_MAP, TVM_USER_VERSION | TVM_USER_REPLY, 4 },
		{ 0xffffffff, 0xffffffff, 0xffffffff },
	};
	struct tvm_video video;
	uint64_t zero = 0;
	unsigned int i;

	launch(self);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		start(self, true);
		ASSERT_EQ(tvm_video_open_guest(&video, &self->media), 0);
		self->window.silent = true;
		submit_map(self, video.session, buffers(&video, 2));
		tvm_front_raw(self->window.fd, &wrong[i], sizeof(wrong[i]), NULL, 0);
		tvm_front_raw(self->window.fd, &zero, sizeof(zero), NULL, 0);
		EXPECT_TRUE(tvm_front_closed(&self->front, 10000));
		disconnect(self);
	}
	start(self, true);
	expect_works(self);
}

TEST_F(serve_video, killed)
{
	struct tvm_video_queue queue;
	struct tvm_video video;

	launch(self);
	start(self, true);
	ASSERT_EQ(tvm_video_open_guest(&video, &self->media), 0);
	tvm_video_buffers(&video, &queue, true, 2);
	EXPECT_EQ(tvm_server_stop(&self->server, SIGKILL), 128 + SIGKILL);
	EXPECT_TRUE(tvm_front_closed(&self->front, 10000));
	/* The window is the front end's. */
	memset(queue.buffers[0][0].addr, 7, queue.buffers[0][0].len);
	disconnect(self);
	unlink(self->server.socket);
	launch(self);
	start(self, true);
	expect_works(self);
}

TEST_F(serve_video, inherited_node)
{
	char number[16];
	int fd = dup(open(self->path, O_RDWR | O_NONBLOCK | O_CLOEXEC));

	snprintf(number, sizeof(number), "%d", fd);
	ASSERT_EQ(tvm_server_launch(&self->server, ARGS("--backing-fd", number, "--socket",
							self->server.socket, "--window-mib=64",
							"--sessions=2"), 0), 0);
	await_socket(self);
	start(self, true);
	expect_works(self);
	close(fd);
}

HARNESS_MAIN
