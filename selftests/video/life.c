// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video: the node's life, with buffers queued and mapped when something ends
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_video.h"

FIXTURE(life) {
	char path[TVM_VIDEO_PATH];
	struct tvm_media media;
	struct tvm_video video;
};

FIXTURE_VARIANT(life) {
	struct tvm_config cfg;
	bool kernel_thread;
};

FIXTURE_VARIANT_ADD(life, split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(life, packed) { .cfg = { .packed = true, .event_idx = true } };
FIXTURE_VARIANT_ADD(life, kernel_thread)
	{ .cfg = { .event_idx = true }, .kernel_thread = true };

FIXTURE_SETUP(life)
{
	tvm_video_driver("vicodec", "multiplanar=0");
	tvm_video_find("stateful-encoder", self->path);
	self->media.dev.fd = -1;
	self->media.node = -1;
}

FIXTURE_TEARDOWN(life)
{
	tvm_media_destroy(&self->media);
}

static void create(struct life_fixture *self, const struct life_variant *variant)
{
	const struct tvm_media_options options = {
		.cfg = variant->cfg, .kernel_thread = variant->kernel_thread,
	};

	tvm_media_create(&self->media, self->path, &options);
	ASSERT_EQ(tvm_video_open_guest(&self->video, &self->media), 0);
}

/* Frames that wait for a capture buffer, which there is none of. */
static void queue_frames(struct tvm_video *video, struct tvm_video_queue *queue)
{
	struct v4l2_format format;
	unsigned int i;

	ASSERT_EQ(tvm_video_format(video, true, V4L2_PIX_FMT_GREY, 640, 360, &format), 0);
	tvm_video_buffers(video, queue, true, 3);
	for (i = 0; i < queue->count; i++)
		ASSERT_EQ(tvm_video_put(queue, i, queue->buffers[i][0].len, i), 0);
	ASSERT_EQ(tvm_video_stream(queue, true), 0);
}

static void expect_works(struct life_fixture *self)
{
	struct tvm_codec codec = {
		.pixels = V4L2_PIX_FMT_GREY, .width = 640, .height = 360, .frames = 3,
	};
	struct tvm_video video;

	ASSERT_EQ(tvm_video_open_guest(&video, &self->media), 0);
	tvm_codec_run(&codec, &video);
	EXPECT_EQ(codec.output.frames, 3U);
	tvm_codec_free(&codec);
	tvm_video_close(&video);
}

/* Nobody has the driver open any more. */
static void expect_unused(const char *driver)
{
	char path[64], text[32] = "";
	unsigned int tries;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", driver);
	for (tries = harness_scaled(1000); tries; tries--) {
		file = fopen(path, "r");
		ASSERT_TRUE(file && fgets(text, sizeof(text), file));
		fclose(file);
		if (!strcmp(text, "0\n"))
			return;
		usleep(10000);
	}
	EXPECT_MSG(false, "%s is used %s", driver, text);
}

TEST_F(life, session_closed_with_buffers)
{
	struct tvm_video_queue queue;
	unsigned int round;

	create(self, variant);
	for (round = 0; round < 10; round++) {
		queue_frames(&self->video, &queue);
		ASSERT_EQ(tvm_media_close(&self->media, self->video.session), 0);
		tvm_video_unmap(&queue);
		ASSERT_EQ(tvm_video_open_guest(&self->video, &self->media), 0);
	}
	EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
	expect_works(self);
}

/* A buffer that comes out of STREAMOFF again has not come out of the device. */
TEST_F(life, streamoff)
{
	struct tvm_video_queue queue;
	struct tvm_codec codec;
	unsigned int round, i;

	create(self, variant);
	queue_frames(&self->video, &queue);
	for (round = 0; round < 20; round++) {
		ASSERT_EQ(tvm_video_stream(&queue, false), 0);
		EXPECT_FALSE(tvm_media_take(&self->media, self->video.session,
					    TVM_MEDIA_EVT_DQBUF, queue.type, NULL));
		for (i = 0; i < queue.count; i++)
			ASSERT_EQ(tvm_video_put(&queue, i, queue.buffers[i][0].len, i), 0);
		ASSERT_EQ(tvm_video_stream(&queue, true), 0);
	}
	EXPECT_FALSE(tvm_media_wait(&self->media, 100));
	EXPECT_EQ(tvm_media_stat(&self->media, TVM_MEDIA_EVENTS, "dequeued"), 0);
	ASSERT_EQ(tvm_video_stream(&queue, false), 0);
	tvm_video_free(&queue);
	/* Now while the encoder is at work. */
	for (round = 0; round < 10; round++) {
		codec = (struct tvm_codec){
			.pixels = V4L2_PIX_FMT_GREY, .width = 640, .height = 360, .frames = 99,
		};
		tvm_codec_begin(&codec, &self->video);
		for (i = 0; i < round; i++)
			tvm_codec_step(&codec);
		tvm_codec_end(&codec);
		tvm_media_collect(&self->media);
		self->media.num_pending = 0;
		EXPECT_FALSE(tvm_media_wait(&self->media, 20));
		tvm_codec_free(&codec);
	}
	expect_works(self);
}

TEST_F(life, reset)
{
	const struct tvm_media_options options = {
		.cfg = variant->cfg, .kernel_thread = variant->kernel_thread,
	};
	struct v4l2_format format = { .type = V4L2_BUF_TYPE_VIDEO_OUTPUT };
	struct tvm_video_queue queue;
	unsigned int round, i;
	uint32_t session;

	create(self, variant);
	for (round = 0; round < 10; round++) {
		queue_frames(&self->video, &queue);
		EXPECT_EQ(tvm_video_mappings(getpid()), queue.count);
		session = self->video.session;
		ASSERT_EQ(tvm_dev_ioctl(&self->media.dev, VHA_RESET, NULL), 0);
		EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
		for (i = 0; i < TVM_MEDIA_QUEUES; i++)
			tvm_queue_destroy(&self->media.vqs[i]);
		for (i = 0; i < TVM_MEDIA_BUFFERS; i++)
			self->media.free[i] = true;
		self->media.num_pending = 0;
		ASSERT_EQ(tvm_media_start(&self->media, &options), 0);
		EXPECT_EQ(tvm_media_ioctl(&self->media, session, VIDIOC_G_FMT, &format),
			  -EBADF);
		EXPECT_EQ(tvm_media_unmap(&self->media, queue.buffers[0][0].at), -EINVAL);
		ASSERT_EQ(tvm_video_open_guest(&self->video, &self->media), 0);
	}
	expect_works(self);
}

/* Stopped and started where it was, as for a pause, the device has all it had. */
TEST_F(life, stopped_and_started)
{
	struct tvm_codec codec = {
		.pixels = V4L2_PIX_FMT_GREY, .width = 640, .height = 360, .frames = 12,
	};
	unsigned int i, round = 0;
	uint32_t base[2];

	create(self, variant);
	tvm_codec_begin(&codec, &self->video);
	while (!codec.done) {
		if (!tvm_codec_step(&codec))
			ASSERT_TRUE(tvm_video_wait(&self->video));
		if (round++ > 20)
			continue;
		for (i = 0; i < 2; i++)
			ASSERT_EQ(tvm_queue_stop(&self->media.vqs[i], &base[i]), 0);
		usleep(2000);
		for (i = 0; i < 2; i++)
			ASSERT_EQ(tvm_queue_enable(&self->media.vqs[i], true), 0);
	}
	EXPECT_EQ(codec.output.frames, codec.frames);
	tvm_codec_end(&codec);
	tvm_codec_free(&codec);
}

TEST_F(life, node_closed)
{
	struct tvm_video_queue queue;
	unsigned int round;

	for (round = 0; round < 5; round++) {
		create(self, variant);
		queue_frames(&self->video, &queue);
		tvm_dev_close(&self->media.dev);
		EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
		tvm_media_destroy(&self->media);
		expect_unused("vicodec");
	}
}

TEST_F(life, killed)
{
	struct tvm_video_queue queue;
	int status, pipes[2];
	unsigned int round;
	char byte;
	pid_t pid;

	for (round = 0; round < 5; round++) {
		ASSERT_EQ(pipe(pipes), 0);
		fflush(stdout);
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			create(self, variant);
			queue_frames(&self->video, &queue);
			if (write(pipes[1], "x", 1) != 1)
				_exit(1);
			/* Buffers to and fro as fast as they can. */
			for (;;) {
				tvm_video_stream(&queue, false);
				tvm_video_put(&queue, 0, queue.buffers[0][0].len, 0);
				tvm_video_stream(&queue, true);
			}
		}
		close(pipes[1]);
		ASSERT_EQ(read(pipes[0], &byte, 1), 1);
		close(pipes[0]);
		usleep(1000 * round);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT_TRUE(WIFSIGNALED(status));
		expect_unused("vicodec");
	}
	create(self, variant);
	expect_works(self);
}

TEST_F(life, backing_object_exchanged)
{
	struct tvm_video_queue queue;
	unsigned int i;

	create(self, variant);
	queue_frames(&self->video, &queue);
	EXPECT_EQ(tvm_dev_backend_set(&self->media.dev, -1, 0), -EBUSY);
	EXPECT_EQ(tvm_dev_backend_set(&self->media.dev, self->media.node, 0), -EBUSY);
	for (i = 0; i < TVM_MEDIA_QUEUES; i++)
		ASSERT_EQ(tvm_queue_stop(&self->media.vqs[i], NULL), 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->media.dev, -1, 0), 0);
	EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
	close(self->media.node);
	self->media.node = -1;
	expect_unused("vicodec");
}

HARNESS_MAIN
