// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video: encoders and decoders with buffers queued when something ends
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tvm_coder.h"
#include "tvm_rig.h"

FIXTURE(stream_life) {
	char path[TVM_VIDEO_PATH];
	struct tvm_coder coder;
	struct tvm_stream stream;
	struct tvm_coder_slot *drain;
};

FIXTURE_VARIANT(stream_life) {
	struct tvm_config cfg;
	bool scattered;
};

FIXTURE_VARIANT_ADD(stream_life, split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(stream_life, packed_scattered)
	{ .cfg = { .packed = true }, .scattered = true };

FIXTURE_SETUP(stream_life)
{
	tvm_video_driver("vicodec", "multiplanar=0");
	tvm_video_find("stateful-encoder", self->path);
	self->coder.dev.fd = -1;
	self->coder.node = -1;
}

FIXTURE_TEARDOWN(stream_life)
{
	tvm_coder_destroy(&self->coder);
}

static void create(struct stream_life_fixture *self, const struct stream_life_variant *variant)
{
	const struct tvm_coder_options options = { .cfg = variant->cfg };

	tvm_coder_create(&self->coder, self->path, &options);
}

/* Frames that wait for what comes out of them to have a place, and a drain for that. */
static void queue_frames(struct stream_life_fixture *self,
			 const struct stream_life_variant *variant)
{
	static const uint32_t drain[2] = { TVM_CODER_STREAM_DRAIN, 2 };
	struct tvm_coder_params params;
	unsigned int i;

	ASSERT_EQ(tvm_stream_open(&self->stream, &self->coder, 2), TVM_CODER_OK);
	self->stream.scattered = variant->scattered;
	ASSERT_EQ(tvm_stream_format(&self->stream, TVM_CODER_INPUT, TVM_CODER_NV12, 640, 360,
				    &params), TVM_CODER_OK);
	tvm_stream_buffers(&self->stream, &self->stream.in, 3);
	for (i = 0; i < 3; i++)
		tvm_stream_put(&self->stream, &self->stream.in, i, params.planes[0].size, i);
	self->drain = tvm_coder_send(&self->coder, drain, sizeof(drain), 8);
	EXPECT_FALSE(tvm_coder_wait(&self->coder, self->drain, 20));
}

/* All that was held has come back, and nothing of it is the host's. */
static void expect_cancelled(struct stream_life_fixture *self)
{
	struct tvm_coder_done done;
	unsigned int i, index;

	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(tvm_stream_get(&self->stream, &self->stream.in, &index, &done));
		EXPECT_EQ(done.type, TVM_CODER_OK_QUEUE);
		EXPECT_EQ(done.flags, TVM_CODER_ERR);
	}
	EXPECT_TRUE(self->drain->done);
	self->drain->busy = false;
	EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
}

static void expect_works(struct stream_life_fixture *self,
			 const struct stream_life_variant *variant)
{
	struct tvm_codec codec = {
		.pixels = V4L2_PIX_FMT_NV12, .width = 640, .height = 360, .frames = 4,
	};

	tvm_stream_run(&self->coder, 50, variant->scattered, &codec);
	EXPECT_EQ(codec.output.frames, 4U);
	tvm_codec_free(&codec);
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

TEST_F(stream_life, identity)
{
	const struct tvm_coder_options options = { .cfg = variant->cfg };
	uint64_t features[2];

	create(self, variant);
	ASSERT_EQ(tvm_dev_ioctl(&self->coder.dev, VHA_GET_INFO, &self->coder.dev.info), 0);
	EXPECT_EQ(self->coder.dev.info.virtio_id, TVM_CODER_ID_ENCODER);
	EXPECT_EQ(self->coder.dev.info.config_size, TVM_CODER_CONFIG_BYTES);
	EXPECT_EQ(strcmp(self->coder.config.name, "vicodec"), 0);
	EXPECT_EQ(self->coder.config.version, 0U);
	EXPECT_GT(self->coder.config.max_caps_length, 8U);
	EXPECT_GT(self->coder.config.max_resp_length, 128U);
	ASSERT_EQ(tvm_dev_features_get(&self->coder.dev, features), 0);
	EXPECT_EQ(features[0] & 7, 3U);
	EXPECT_FALSE(features[0] & (TVM_BIT(VIRTIO_F_IN_ORDER) |
				    TVM_BIT(VIRTIO_F_ACCESS_PLATFORM)));
	tvm_coder_destroy(&self->coder);
	/* It is no decoder, whatever the VMM says. */
	tvm_coder_prepare(&self->coder, 64U << 20);
	self->coder.node = open(self->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	self->coder.options = options;
	self->coder.options.decoder = true;
	EXPECT_EQ(tvm_coder_setup(&self->coder, &self->coder.options), -EOPNOTSUPP);
	EXPECT_EQ(self->coder.dev.info.virtio_id, 48U);
	ASSERT_EQ(tvm_dev_ioctl(&self->coder.dev, VHA_GET_INFO, &self->coder.dev.info), 0);
	EXPECT_EQ(self->coder.dev.info.virtio_id, TVM_CODER_ID_DECODER);
}

/* What the device says it can do is what the node says. */
TEST_F(stream_life, capabilities)
{
	struct {
		uint32_t num;
		uint32_t padding;
		uint8_t data[TVM_CODER_ROOM - 16];
	} caps;
	struct {
		uint64_t mask;
		uint32_t format, layout, align, frames;
		struct {
			uint32_t min, max, step, padding;
		} width, height;
		uint32_t rates, padding;
	} desc;
	struct v4l2_frmsizeenum size = { .pixel_format = V4L2_PIX_FMT_NV12 };
	uint32_t queue[2] = { TVM_CODER_INPUT }, longest = 0, i;
	struct tvm_video video;
	bool found = false;

	ASSERT_EQ(tvm_video_open_host(&video, self->path), 0);
	ASSERT_EQ(tvm_video_ioctl(&video, VIDIOC_ENUM_FRAMESIZES, &size), 0);
	tvm_video_close(&video);
	create(self, variant);
	ASSERT_EQ(tvm_coder_command(&self->coder, TVM_CODER_QUERY_CAPABILITY, 0, queue, 8, &caps,
				    sizeof(caps)), TVM_CODER_OK_CAPABILITY);
	longest = tvm_coder_written(&self->coder) + 8;
	ASSERT_EQ(caps.num, 5U);
	for (i = 0; i < caps.num; i++) {
		memcpy(&desc, caps.data + i * sizeof(desc), sizeof(desc));
		EXPECT_EQ(desc.mask, 1U);
		EXPECT_EQ(desc.layout, 1U);
		EXPECT_EQ(desc.frames, 1U);
		EXPECT_EQ(desc.rates, 0U);
		EXPECT_EQ(desc.width.min, size.stepwise.min_width);
		EXPECT_EQ(desc.width.max, size.stepwise.max_width);
		EXPECT_EQ(desc.width.step, size.stepwise.step_width);
		EXPECT_EQ(desc.height.min, size.stepwise.min_height);
		EXPECT_EQ(desc.height.max, size.stepwise.max_height);
		found |= desc.format == TVM_CODER_NV12;
	}
	EXPECT_TRUE(found);
	queue[0] = TVM_CODER_OUTPUT;
	ASSERT_EQ(tvm_coder_command(&self->coder, TVM_CODER_QUERY_CAPABILITY, 0, queue, 8, &caps,
				    sizeof(caps)), TVM_CODER_OK_CAPABILITY);
	ASSERT_EQ(caps.num, 1U);
	memcpy(&desc, caps.data, sizeof(desc));
	EXPECT_EQ(desc.format, TVM_CODER_FWHT);
	EXPECT_EQ(desc.mask, 0x1fU);
	EXPECT_EQ(self->coder.config.max_caps_length, longest);
}

/* The older commands are shorter and say the same. */
TEST_F(stream_life, older_params)
{
	struct tvm_coder_params params, old = { 0 };
	const uint32_t get[2] = { TVM_CODER_INPUT };
	struct tvm_stream stream;

	create(self, variant);
	ASSERT_EQ(tvm_stream_open(&stream, &self->coder, 1), TVM_CODER_OK);
	old = (struct tvm_coder_params){
		.queue_type = TVM_CODER_INPUT, .format = TVM_CODER_YUV420,
		.width = 720, .height = 480, .num_planes = 1, .crop = { 0, 0, 704, 464 },
	};
	ASSERT_EQ(tvm_coder_command(&self->coder, TVM_CODER_SET_PARAMS, 1, &old, 112, NULL, 0),
		  TVM_CODER_OK);
	ASSERT_EQ(tvm_stream_params_get(&stream, TVM_CODER_INPUT, &params), TVM_CODER_OK_PARAMS);
	EXPECT_EQ(params.format, TVM_CODER_YUV420);
	EXPECT_EQ(params.width, 720U);
	EXPECT_EQ(params.height, 480U);
	EXPECT_EQ(params.crop[2], 704U);
	EXPECT_EQ(params.crop[3], 464U);
	EXPECT_EQ(params.max_buffers, 32U);
	EXPECT_EQ(params.num_planes, 1U);
	EXPECT_EQ(params.planes[0].size, 720U * 480 * 3 / 2);
	EXPECT_EQ(params.planes[0].stride, 720U);
	EXPECT_EQ(params.planes[1].size, 0U);
	memset(&old, 0xee, sizeof(old));
	ASSERT_EQ(tvm_coder_command(&self->coder, TVM_CODER_GET_PARAMS, 1, get, 8, &old, 112),
		  TVM_CODER_OK_PARAMS);
	EXPECT_EQ(tvm_coder_written(&self->coder), 112U);
	EXPECT_FALSE(memcmp(&old, &params, 112));
	EXPECT_EQ(tvm_stream_close(&stream), TVM_CODER_OK);
}

/* Bytes of addresses this process has. */
static unsigned long address_space(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long pages;

	ASSERT_TRUE(file);
	ASSERT_EQ(fscanf(file, "%lu", &pages), 1);
	fclose(file);
	return pages * TVM_PAGE;
}

/* What is copied goes through memory that the device makes here, and takes away. */
TEST_F(stream_life, stream_closed_with_buffers)
{
	unsigned long before = 0;
	unsigned int round;

	create(self, variant);
	for (round = 0; round < 10; round++) {
		if (round == 1)
			before = address_space();
		queue_frames(self, variant);
		EXPECT_EQ(tvm_coder_stat(&self->coder, "bytes_copied") > 0, variant->scattered);
		ASSERT_EQ(tvm_coder_command(&self->coder, TVM_CODER_STREAM_DESTROY, 2, NULL, 0,
					    NULL, 0), TVM_CODER_OK);
		expect_cancelled(self);
		self->stream.in.count = 0;
	}
	/* One frame of the 27 would be more. */
	EXPECT_LT(address_space() - before, 640UL * 360 * 3 / 2);
	expect_works(self, variant);
}

/* A queue that is stopped has nothing, and the stream goes on when it is started. */
TEST_F(stream_life, stopped_and_started)
{
	struct tvm_coder_params params;
	unsigned int round, i;
	uint32_t base;

	create(self, variant);
	for (round = 0; round < 5; round++) {
		queue_frames(self, variant);
		ASSERT_EQ(tvm_queue_stop(&self->coder.vqs[0], &base), 0);
		tvm_coder_collect(&self->coder);
		expect_cancelled(self);
		ASSERT_EQ(tvm_queue_enable(&self->coder.vqs[0], true), 0);
		ASSERT_EQ(tvm_stream_params_get(&self->stream, TVM_CODER_INPUT, &params),
			  TVM_CODER_OK_PARAMS);
		EXPECT_EQ(params.width, 640U);
		for (i = 0; i < 3; i++)
			tvm_stream_put(&self->stream, &self->stream.in, i,
				       params.planes[0].size, i);
		EXPECT_EQ(tvm_stream_close(&self->stream), TVM_CODER_OK);
	}
	expect_works(self, variant);
}

TEST_F(stream_life, suspended)
{
	unsigned int round;

	create(self, variant);
	for (round = 0; round < 5; round++) {
		queue_frames(self, variant);
		ASSERT_EQ(tvm_dev_ioctl(&self->coder.dev, VHA_SUSPEND, NULL), 0);
		tvm_coder_collect(&self->coder);
		expect_cancelled(self);
		ASSERT_EQ(tvm_dev_ioctl(&self->coder.dev, VHA_RESUME, NULL), 0);
		EXPECT_EQ(tvm_stream_close(&self->stream), TVM_CODER_OK);
	}
	expect_works(self, variant);
}

/* Buffers are where they were in the guest, which is somewhere else from now on. */
TEST_F(stream_life, memory_moved)
{
	struct tvm_coder_params params;
	struct tvm_coder_done done;
	struct tvm_mem *mem = &self->coder.mem;
	struct tvm_region *region = &mem->regions[0];
	unsigned int index;
	void *old, *new;

	create(self, variant);
	queue_frames(self, variant);
	old = region->hva;
	new = mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_SHARED, mem->fd,
		   region->file_offset);
	ASSERT_TRUE(new != MAP_FAILED);
	/* The rings are still where they were. */
	region->hva = new;
	ASSERT_EQ(tvm_dev_mem_set(&self->coder.dev, mem), 0);
	region->hva = old;
	tvm_coder_collect(&self->coder);
	expect_cancelled(self);
	ASSERT_EQ(tvm_stream_params_get(&self->stream, TVM_CODER_INPUT, &params),
		  TVM_CODER_OK_PARAMS);
	tvm_stream_buffers(&self->stream, &self->stream.out, 2);
	tvm_stream_put(&self->stream, &self->stream.out, 0, 0, 0);
	tvm_stream_put(&self->stream, &self->stream.in, 0, params.planes[0].size, 99);
	ASSERT_TRUE(tvm_stream_await(&self->stream, &self->stream.out, &index, &done));
	EXPECT_EQ(done.timestamp, 99U);
	EXPECT_GT(done.size, 0U);
	EXPECT_EQ(tvm_stream_close(&self->stream), TVM_CODER_OK);
	expect_works(self, variant);
	munmap(new, region->size);
}

TEST_F(stream_life, reset)
{
	struct tvm_coder_params params;
	unsigned int round;

	create(self, variant);
	for (round = 0; round < 10; round++) {
		queue_frames(self, variant);
		ASSERT_EQ(tvm_dev_ioctl(&self->coder.dev, VHA_RESET, NULL), 0);
		EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
		self->stream.in.count = 0;
		tvm_coder_restarted(&self->coder);
		EXPECT_EQ(tvm_stream_params_get(&self->stream, TVM_CODER_INPUT, &params),
			  TVM_CODER_BAD_STREAM);
	}
	expect_works(self, variant);
}

TEST_F(stream_life, node_closed)
{
	unsigned int round;

	for (round = 0; round < 5; round++) {
		create(self, variant);
		queue_frames(self, variant);
		tvm_coder_destroy(&self->coder);
		EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
		expect_unused("vicodec");
	}
}

TEST_F_TIMEOUT(stream_life, killed, 120)
{
	int status, pipes[2];
	unsigned int round;
	char byte;
	pid_t pid;

	for (round = 0; round < 6; round++) {
		ASSERT_EQ(pipe(pipes), 0);
		fflush(stdout);
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			create(self, variant);
			queue_frames(self, variant);
			if (write(pipes[1], "x", 1) != 1)
				_exit(1);
			/* Half of the time at work, and half with buffers that wait. */
			while (round & 1)
				expect_works(self, variant);
			for (;;)
				pause();
		}
		close(pipes[1]);
		ASSERT_EQ(read(pipes[0], &byte, 1), 1);
		close(pipes[0]);
		usleep(3000 * round);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT_TRUE(WIFSIGNALED(status));
		expect_unused("vicodec");
	}
	create(self, variant);
	expect_works(self, variant);
}

TEST_F(stream_life, backing_object_exchanged)
{
	unsigned int i;

	create(self, variant);
	queue_frames(self, variant);
	EXPECT_EQ(tvm_dev_backend_set(&self->coder.dev, -1, 0), -EBUSY);
	for (i = 0; i < TVM_MEDIA_QUEUES; i++)
		ASSERT_EQ(tvm_queue_stop(&self->coder.vqs[i], NULL), 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->coder.dev, -1, 0), 0);
	close(self->coder.node);
	self->coder.node = -1;
	expect_unused("vicodec");
}

HARNESS_MAIN
