// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video: buffers in the driver's own memory
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_video.h"

FIXTURE(user) {
	char path[TVM_VIDEO_PATH];
	struct tvm_media media;
	struct tvm_video video;
};

FIXTURE_VARIANT(user) {
	struct tvm_config cfg;
	bool mplane;
	bool kernel_thread;
};

FIXTURE_VARIANT_ADD(user, split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(user, packed_mplane)
	{ .cfg = { .packed = true, .event_idx = true }, .mplane = true };
FIXTURE_VARIANT_ADD(user, kernel_thread)
	{ .cfg = { .event_idx = true }, .kernel_thread = true };

FIXTURE_SETUP(user)
{
	tvm_video_driver("vicodec", variant->mplane ? "multiplanar=1" : "multiplanar=0");
	tvm_video_find("stateful-encoder", self->path);
	self->media.dev.fd = -1;
	self->media.node = -1;
}

FIXTURE_TEARDOWN(user)
{
	tvm_media_destroy(&self->media);
}

static void create(struct user_fixture *self, const struct user_variant *variant,
		   const char *path)
{
	const struct tvm_media_options options = {
		.cfg = variant->cfg, .kernel_thread = variant->kernel_thread,
	};

	tvm_media_create(&self->media, path, &options);
	ASSERT_EQ(tvm_video_open_guest(&self->video, &self->media), 0);
}

static int64_t stat(struct user_fixture *self, const char *name)
{
	return tvm_media_stat(&self->media, TVM_MEDIA_COMMANDS, name) +
	       tvm_media_stat(&self->media, TVM_MEDIA_EVENTS, name);
}

static int64_t count(const char *name)
{
	FILE *file = fopen("/proc/vmstat", "r");
	int64_t value, found = 0;
	char word[64];

	ASSERT_TRUE(file);
	while (fscanf(file, "%63s %ld", word, &value) == 2)
		if (!strcmp(word, name))
			found = value;
	fclose(file);
	return found;
}

/* Pages anybody has pinned; each CPU keeps some counts to itself unless asked for them. */
static int64_t pins(void)
{
	FILE *file = fopen("/proc/sys/vm/stat_refresh", "w");

	ASSERT_TRUE(file);
	fputs("1\n", file);
	fclose(file);
	return count("nr_foll_pin_acquired") - count("nr_foll_pin_released");
}

/* Those that stay: of what others hold for a moment, none may be left in the count. */
static int64_t settled_pins(void)
{
	int64_t last, now = pins();
	unsigned int same = 0, tries = harness_scaled(500);

	while (same < 20 && --tries) {
		usleep(10000);
		last = now;
		now = pins();
		same = now == last ? same + 1 : 0;
	}
	return now;
}

/* Others may hold some for a moment. */
static void expect_pins(int64_t expected)
{
	unsigned int tries = harness_scaled(500);

	while (pins() > expected && --tries)
		usleep(10000);
	EXPECT_EQ(pins(), expected);
}

static unsigned int pages_at_most(const struct tvm_video_queue *queue)
{
	return queue->queued * (queue->buffers[0][0].len / TVM_PAGE + 2);
}

static void run(struct user_fixture *self, const struct user_variant *variant,
		const char *path, enum tvm_video_memory memory, struct tvm_codec *codec)
{
	create(self, variant, path);
	self->video.memory = memory;
	tvm_codec_run(codec, &self->video);
	EXPECT_EQ(!stat(self, "bytes_shared"), memory != TVM_VIDEO_WHOLE);
	EXPECT_EQ(!stat(self, "bytes_copied"), memory != TVM_VIDEO_SCATTERED);
	EXPECT_EQ(!stat(self, "bytes_mapped"), memory != TVM_VIDEO_MMAP);
	EXPECT_EQ(stat(self, "malformed"), 0);
	EXPECT_EQ(stat(self, "errors"), 0);
	tvm_video_close(&self->video);
	tvm_media_destroy(&self->media);
}

/* Wherever the frames are, they are those of the host. */
TEST_F_TIMEOUT(user, same_frames, 300)
{
	const struct tvm_codec what = {
		.pixels = V4L2_PIX_FMT_NV12, .width = 640, .height = 360,
		.frames = harness_rounds(60, 8),
	};
	struct tvm_codec host[2] = { what, what };
	enum tvm_video_memory memory;
	char decoder[TVM_VIDEO_PATH];
	struct tvm_video video;

	tvm_video_find("stateful-decoder", decoder);
	ASSERT_EQ(tvm_video_open_host(&video, self->path), 0);
	tvm_codec_run(&host[0], &video);
	tvm_video_close(&video);
	host[1].input = &host[0].output;
	ASSERT_EQ(tvm_video_open_host(&video, decoder), 0);
	tvm_codec_run(&host[1], &video);
	tvm_video_close(&video);
	for (memory = TVM_VIDEO_MMAP; memory <= TVM_VIDEO_SCATTERED; memory++) {
		struct tvm_codec guest[2] = { what, what };

		run(self, variant, self->path, memory, &guest[0]);
		EXPECT_TRUE(tvm_codec_equal(&host[0], &guest[0]));
		guest[1].input = &guest[0].output;
		run(self, variant, decoder, memory, &guest[1]);
		EXPECT_TRUE(tvm_codec_equal(&host[1], &guest[1]));
		tvm_codec_free(&guest[0]);
		tvm_codec_free(&guest[1]);
	}
	tvm_codec_free(&host[0]);
	tvm_codec_free(&host[1]);
}

/* Both kinds in one queue, and each buffer now of the one, now of the other. */
TEST_F(user, changing_memory)
{
	struct tvm_video_queue queue;
	struct tvm_video_frame frame;
	struct v4l2_format format;
	struct tvm_video_plane planes[2][3];
	unsigned int round, i;
	uint32_t len;
	int ret;

	create(self, variant, self->path);
	self->video.memory = TVM_VIDEO_WHOLE;
	ASSERT_EQ(tvm_video_format(&self->video, true, V4L2_PIX_FMT_GREY, 640, 360, &format), 0);
	tvm_video_buffers(&self->video, &queue, true, 3);
	for (i = 0; i < 3; i++) {
		len = queue.buffers[i][0].len;
		planes[0][i] = queue.buffers[i][0];
		planes[1][i].len = len;
		planes[1][i].addr = tvm_media_user_alloc(&self->media, len, true);
	}
	ASSERT_EQ(tvm_video_stream(&queue, true), 0);
	for (round = 0; round < 6; round++) {
		for (i = 0; i < 3; i++) {
			queue.buffers[i][0] = planes[(round + i) % 2][i];
			ASSERT_EQ(tvm_video_put(&queue, i, queue.buffers[i][0].len, i), 0);
			/* It is the device's. */
			EXPECT_EQ(tvm_video_put(&queue, i, queue.buffers[i][0].len, i), -EINVAL);
		}
		ASSERT_EQ(tvm_video_stream(&queue, false), 0);
		while (!(ret = tvm_video_get(&queue, &frame)))
			;
		EXPECT_EQ(ret, -EAGAIN);
		ASSERT_EQ(tvm_video_stream(&queue, true), 0);
	}
	EXPECT_EQ(stat(self, "bytes_shared"), 9 * (int64_t)len);
	EXPECT_EQ(stat(self, "bytes_copied"), 9 * (int64_t)len);
}

/* The host has pages of the guest for as long as it has the buffer. */
TEST_F(user, pinned_pages)
{
	enum tvm_video_memory memory;
	struct tvm_video_queue queue;
	struct v4l2_format format;
	unsigned int i;
	int64_t before;

	create(self, variant, self->path);
	before = settled_pins();
	for (memory = TVM_VIDEO_WHOLE; memory <= TVM_VIDEO_SCATTERED; memory++) {
		struct tvm_codec codec = {
			.pixels = V4L2_PIX_FMT_GREY, .width = 640, .height = 360, .frames = 5,
		};

		self->video.memory = memory;
		ASSERT_EQ(tvm_video_format(&self->video, true, V4L2_PIX_FMT_GREY, 640, 360,
					   &format), 0);
		tvm_video_buffers(&self->video, &queue, true, 3);
		ASSERT_EQ(tvm_video_stream(&queue, true), 0);
		for (i = 0; i < 3; i++)
			ASSERT_EQ(tvm_video_put(&queue, i, queue.buffers[i][0].len, i), 0);
		EXPECT_GE(pins(), before + 3 * (int64_t)(queue.buffers[0][0].len / TVM_PAGE));
		ASSERT_EQ(tvm_video_stream(&queue, false), 0);
		if (memory == TVM_VIDEO_WHOLE)
			expect_pins(before);
		tvm_video_free(&queue);
		expect_pins(before);
		/* With all it dequeues. */
		tvm_codec_begin(&codec, &self->video);
		while (!codec.done)
			if (!tvm_codec_step(&codec))
				ASSERT_TRUE(tvm_video_wait(&self->video));
		if (memory == TVM_VIDEO_WHOLE)
			EXPECT_LE(pins(), before + pages_at_most(&codec.cap) +
				  pages_at_most(&codec.out));
		tvm_codec_end(&codec);
		tvm_codec_free(&codec);
		expect_pins(before);
	}
}

static void queue_frames(struct user_fixture *self, struct tvm_video_queue *queue,
			 enum tvm_video_memory memory)
{
	struct v4l2_format format;
	unsigned int i;

	self->video.memory = memory;
	ASSERT_EQ(tvm_video_format(&self->video, true, V4L2_PIX_FMT_GREY, 640, 360, &format), 0);
	tvm_video_buffers(&self->video, queue, true, 3);
	for (i = 0; i < queue->count; i++)
		ASSERT_EQ(tvm_video_put(queue, i, queue->buffers[i][0].len, i), 0);
	ASSERT_EQ(tvm_video_stream(queue, true), 0);
}

/* A device that is stopped has no page of the guest; one that copies loses nothing. */
TEST_F(user, stopped)
{
	enum tvm_video_memory memory;
	struct tvm_video_queue queue;
	struct tvm_media_event event;
	int64_t before;
	unsigned int i;
	uint32_t base;

	create(self, variant, self->path);
	for (memory = TVM_VIDEO_WHOLE; memory <= TVM_VIDEO_SCATTERED; memory++) {
		before = settled_pins();
		queue_frames(self, &queue, memory);
		EXPECT_GT(pins(), before);
		for (i = 0; i < TVM_MEDIA_QUEUES; i++)
			ASSERT_EQ(tvm_queue_stop(&self->media.vqs[i], &base), 0);
		if (memory == TVM_VIDEO_WHOLE)
			EXPECT_LT(pins(), before);	/* Nor rings. */
		for (i = 0; i < TVM_MEDIA_QUEUES; i++)
			ASSERT_EQ(tvm_queue_enable(&self->media.vqs[i], true), 0);
		if (memory == TVM_VIDEO_SCATTERED) {
			EXPECT_EQ(tvm_video_stream(&queue, false), 0);
			tvm_video_free(&queue);
			continue;
		}
		ASSERT_TRUE(tvm_media_expect(&self->media, self->video.session,
					     TVM_MEDIA_EVT_ERROR, 0, &event));
		EXPECT_EQ(event.error, (uint32_t)EIO);
		EXPECT_EQ(tvm_video_stream(&queue, false), -EIO);
		tvm_video_close(&self->video);
		expect_pins(before);
		ASSERT_EQ(tvm_video_open_guest(&self->video, &self->media), 0);
	}
}

TEST_F(user, killed)
{
	struct tvm_video_queue queue;
	int64_t before = settled_pins();
	unsigned int round;
	int status, pair[2];
	char byte;
	pid_t pid;

	for (round = 0; round < 4; round++) {
		ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		fflush(stdout);
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			create(self, variant, self->path);
			queue_frames(self, &queue, round % 2 ? TVM_VIDEO_SCATTERED :
				     TVM_VIDEO_WHOLE);
			if (write(pair[1], "x", 1) != 1 || read(pair[1], &byte, 1) != 1)
				_exit(1);
			for (;;) {
				tvm_video_stream(&queue, false);
				tvm_video_put(&queue, 0, queue.buffers[0][0].len, 0);
				tvm_video_stream(&queue, true);
			}
		}
		close(pair[1]);
		ASSERT_EQ(read(pair[0], &byte, 1), 1);
		/* Pages come and go as soon as it goes on. */
		EXPECT_GT(pins(), before);
		ASSERT_EQ(write(pair[0], "x", 1), 1);
		usleep(1000 * round);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		close(pair[0]);
		expect_pins(before);
	}
}

static int put(struct user_fixture *self, uint32_t index, const void *addr, uint32_t len)
{
	struct v4l2_plane plane = {
		.bytesused = len, .length = len, .m.userptr = (uintptr_t)addr,
	};
	struct v4l2_buffer buffer = {
		.index = index, .type = tvm_video_type(&self->video, true),
		.memory = V4L2_MEMORY_USERPTR, .bytesused = len, .length = len,
		.m.userptr = (uintptr_t)addr,
	};
	int ret;

	if (self->video.mplane) {
		buffer.length = 1;
		buffer.m.planes = &plane;
	}
	ret = tvm_video_ioctl(&self->video, VIDIOC_QBUF, &buffer);
	/* The driver's own addresses come back to it. */
	EXPECT_EQ(self->video.mplane ? plane.m.userptr : buffer.m.userptr, (uintptr_t)addr);
	EXPECT_EQ(self->video.mplane ? plane.length : buffer.length, len);
	return ret;
}

/* A list of entries, and what comes of it; nobody looks at where a program has it. */
static int put_list(struct user_fixture *self, const uint64_t sg[][2], unsigned int num,
		    uint32_t len)
{
	const void *addr = (void *)0xdead000000000000UL;

	tvm_media_user_add(&self->media, addr, sg, num);
	return put(self, 0, addr, len);
}

TEST_F(user, wrong_lists)
{
	struct v4l2_requestbuffers request = { .count = 2, .memory = V4L2_MEMORY_USERPTR };
	struct v4l2_format format;
	uint64_t page, sg[3][2];
	int64_t ioctls;
	uint32_t len;

	create(self, variant, self->path);
	request.type = tvm_video_type(&self->video, true);
	ASSERT_EQ(tvm_video_format(&self->video, true, V4L2_PIX_FMT_GREY, 640, 360, &format), 0);
	len = variant->mplane ? format.fmt.pix_mp.plane_fmt[0].sizeimage :
	      format.fmt.pix.sizeimage;
	EXPECT_EQ(put_list(self, sg, 0, len), -EINVAL);
	ASSERT_EQ(tvm_video_ioctl(&self->video, VIDIOC_REQBUFS, &request), 0);
	page = tvm_mem_alloc(&self->media.mem, len, TVM_PAGE);
	ioctls = stat(self, "ioctls");
	/* None, too short, and an entry of nothing. */
	EXPECT_EQ(put_list(self, sg, 0, len), -EINVAL);
	sg[0][0] = page;
	sg[0][1] = len - 1;
	EXPECT_EQ(put_list(self, sg, 1, len), -EINVAL);
	sg[1][0] = page;
	sg[1][1] = 0;
	sg[2][0] = page;
	sg[2][1] = 1;
	EXPECT_EQ(put_list(self, sg, 3, len), -EINVAL);
	/* Addresses that wrap, that are nowhere, and that begin in memory and end nowhere. */
	sg[0][1] = len;
	sg[0][0] = ~0ULL - 100;
	EXPECT_EQ(put_list(self, sg, 1, len), -EINVAL);
	sg[0][0] = 1ULL << 50;
	EXPECT_EQ(put_list(self, sg, 1, len), -EFAULT);
	sg[0][0] = tvm_mem_end(&self->media.mem) - TVM_PAGE;
	EXPECT_EQ(put_list(self, sg, 1, len), -EFAULT);
	/* An address of the VMM is none of the guest. */
	sg[0][0] = (uintptr_t)self->media.window;
	EXPECT_EQ(put_list(self, sg, 1, len), -EFAULT);
	EXPECT_EQ(stat(self, "ioctls"), ioctls);
	EXPECT_EQ(stat(self, "bytes_shared"), 0);
	/* Another index, less than the host needs, and twice the same memory. */
	sg[0][0] = page;
	EXPECT_EQ(put(self, 9, (void *)0xdead000000000000UL, len), -EINVAL);
	EXPECT_EQ(put_list(self, sg, 1, len / 2), -EINVAL);
	sg[0][1] = len / 2;
	sg[1][0] = page + 8;
	sg[1][1] = len - len / 2;
	EXPECT_EQ(put_list(self, sg, 2, len), 0);
	EXPECT_EQ(put_list(self, sg, 2, len), -EINVAL);
	request.count = 0;
	EXPECT_EQ(tvm_video_ioctl(&self->video, VIDIOC_REQBUFS, &request), 0);
	EXPECT_EQ(put_list(self, sg, 2, len), -EINVAL);
}

/* More entries than are read, of a byte each. */
TEST_F(user, long_list)
{
	struct v4l2_requestbuffers request = { .count = 1, .memory = V4L2_MEMORY_USERPTR };
	uint32_t status, entries = 300000, type = tvm_video_type(&self->video, true);
	uint64_t command, list, argument, response, page, i;
	uint64_t entry[2] = { 0, 1 };
	uint32_t header[4] = { TVM_MEDIA_IOCTL, 0, 0, _IOC_NR(VIDIOC_QBUF) };
	struct v4l2_buffer buffer = { .memory = V4L2_MEMORY_USERPTR, .length = entries };
	struct tvm_mem *mem = &self->media.mem;
	struct v4l2_format format;
	struct tvm_seg segs[5];

	create(self, variant, self->path);
	if (variant->mplane)
		return;
	type = tvm_video_type(&self->video, true);
	request.type = type;
	buffer.type = type;
	header[2] = self->video.session;
	ASSERT_EQ(tvm_video_format(&self->video, true, V4L2_PIX_FMT_GREY, 640, 360, &format), 0);
	ASSERT_EQ(tvm_video_ioctl(&self->video, VIDIOC_REQBUFS, &request), 0);
	page = tvm_mem_alloc(mem, 2 * entries, TVM_PAGE);
	command = tvm_mem_alloc(mem, 64, 64);
	response = tvm_mem_alloc(mem, 64, 64);
	argument = tvm_mem_alloc(mem, 256, 64);
	list = tvm_mem_alloc(mem, entries * sizeof(entry), TVM_PAGE);
	segs[0] = (struct tvm_seg){ command, sizeof(header) };
	segs[1] = (struct tvm_seg){ argument, sizeof(buffer) };
	segs[2] = (struct tvm_seg){ list, entries * sizeof(entry) };
	segs[3] = (struct tvm_seg){ response, TVM_MEDIA_HEADER };
	segs[4] = (struct tvm_seg){ argument, sizeof(buffer) };
	tvm_mem_write(mem, command, header, sizeof(header));
	/* Entries that follow each other, and those that do not. */
	for (i = 0; i < 2; i++) {
		uint64_t at;

		for (at = 0; at < entries; at++) {
			entry[0] = page + at * (i + 1);
			tvm_mem_write(mem, list + at * sizeof(entry), entry, sizeof(entry));
		}
		tvm_mem_write(mem, argument, &buffer, sizeof(buffer));
		ASSERT_EQ(tvm_media_raw(&self->media, segs, 3, 2, NULL), 0);
		tvm_mem_read(mem, response, &status, sizeof(status));
		EXPECT_EQ(status, (uint32_t)ENOMEM);
	}
}

/* What is copied is memory of the host's, of which there is only so much. */
TEST_F(user, too_many_bytes)
{
	const struct tvm_media_options options = { .cfg = variant->cfg, .max_bytes = 1 << 20 };
	enum tvm_video_memory memory;
	struct tvm_video_queue queue;
	struct v4l2_format format;
	unsigned int i;

	tvm_media_create(&self->media, self->path, &options);
	for (memory = TVM_VIDEO_WHOLE; memory <= TVM_VIDEO_SCATTERED; memory++) {
		ASSERT_EQ(tvm_video_open_guest(&self->video, &self->media), 0);
		self->video.memory = memory;
		ASSERT_EQ(tvm_video_format(&self->video, true, V4L2_PIX_FMT_YUV420, 640, 360,
					   &format), 0);
		tvm_video_buffers(&self->video, &queue, true, 4);
		/* 340 KiB each. */
		for (i = 0; i < 3; i++)
			EXPECT_EQ(tvm_video_put(&queue, i, queue.buffers[i][0].len, i),
				  i < 2 ? 0 : -ENOMEM);
		tvm_video_close(&self->video);
	}
}

/* Memory that is taken away while the host has it. */
TEST_F(user, memory_replaced)
{
	struct tvm_codec codec = {
		.pixels = V4L2_PIX_FMT_GREY, .width = 640, .height = 360, .frames = 99,
	};
	struct tvm_region *region;
	enum tvm_video_memory memory;
	struct tvm_video_frame frame;
	struct tvm_video_queue queue;
	struct v4l2_format format;
	char *old, *view;
	int ret;

	create(self, variant, self->path);
	region = &self->media.mem.regions[self->media.mem.nr - 1];
	for (memory = TVM_VIDEO_WHOLE; memory <= TVM_VIDEO_SCATTERED; memory++) {
		self->video.memory = memory;
		ASSERT_EQ(tvm_video_format(&self->video, true, codec.pixels, 640, 360, &format),
			  0);
		ASSERT_EQ(tvm_video_format(&self->video, false, V4L2_PIX_FMT_FWHT, 640, 360,
					   &format), 0);
		tvm_video_buffers(&self->video, &queue, false, 2);
		ASSERT_EQ(tvm_video_put(&queue, 0, 0, 0), 0);
		ASSERT_EQ(tvm_video_stream(&queue, true), 0);
		/* The same memory at another place. */
		view = mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    self->media.mem.fd, region->file_offset);
		ASSERT_TRUE(view != MAP_FAILED);
		old = region->hva;
		region->hva = view;
		ASSERT_EQ(tvm_dev_mem_set(&self->media.dev, &self->media.mem), 0);
		self->video.memory = TVM_VIDEO_MMAP;
		tvm_video_buffers(&self->video, &codec.out, true, 1);
		memset(codec.out.buffers[0][0].addr, 7, codec.out.buffers[0][0].len);
		ASSERT_EQ(tvm_video_put(&codec.out, 0, codec.out.buffers[0][0].len, 0), 0);
		ASSERT_EQ(tvm_video_stream(&codec.out, true), 0);
		while ((ret = tvm_video_get(&queue, &frame)) == -EAGAIN)
			ASSERT_TRUE(tvm_video_wait(&self->video));
		ASSERT_EQ(ret, 0);
		EXPECT_EQ(!(frame.buffer.flags & V4L2_BUF_FLAG_ERROR),
			  memory == TVM_VIDEO_SCATTERED);
		ASSERT_EQ(tvm_video_stream(&queue, false), 0);
		ASSERT_EQ(tvm_video_stream(&codec.out, false), 0);
		tvm_video_free(&queue);
		tvm_video_free(&codec.out);
		region->hva = old;
		ASSERT_EQ(tvm_dev_mem_set(&self->media.dev, &self->media.mem), 0);
		munmap(view, region->size);
	}
}

/* A buffer without the memory it had when it was prepared: that may be too short now. */
TEST_F(user, prepared_and_removed)
{
	struct v4l2_create_buffers create_buffers = {
		.count = 1, .memory = V4L2_MEMORY_USERPTR,
	};
	struct v4l2_remove_buffers remove = { .count = 1 };
	struct v4l2_plane plane = { 0 };
	struct v4l2_buffer buffer = { .memory = V4L2_MEMORY_USERPTR };
	struct tvm_video_queue queue;
	struct v4l2_format format;
	enum tvm_video_memory memory;
	int64_t before;

	create(self, variant, self->path);
	before = settled_pins();
	for (memory = TVM_VIDEO_WHOLE; memory <= TVM_VIDEO_SCATTERED; memory++) {
		self->video.memory = memory;
		ASSERT_EQ(tvm_video_format(&self->video, true, V4L2_PIX_FMT_GREY, 640, 360,
					   &format), 0);
		tvm_video_buffers(&self->video, &queue, true, 1);
		buffer.type = queue.type;
		remove.type = queue.type;
		plane.length = queue.buffers[0][0].len;
		plane.m.userptr = (uintptr_t)queue.buffers[0][0].addr;
		buffer.length = variant->mplane ? 1 : plane.length;
		if (variant->mplane)
			buffer.m.planes = &plane;
		else
			buffer.m.userptr = plane.m.userptr;
		ASSERT_EQ(tvm_video_ioctl(&self->video, VIDIOC_PREPARE_BUF, &buffer), 0);
		ASSERT_EQ(tvm_video_ioctl(&self->video, VIDIOC_REMOVE_BUFS, &remove), 0);
		if (memory == TVM_VIDEO_WHOLE)
			expect_pins(before);
		create_buffers.format = format;
		ASSERT_EQ(tvm_video_ioctl(&self->video, VIDIOC_CREATE_BUFS, &create_buffers), 0);
		ASSERT_EQ(create_buffers.index, 0U);
		/* Of no memory of the guest's. */
		plane.length = 4 * queue.buffers[0][0].len;
		plane.m.userptr = 1;
		if (variant->mplane) {
			buffer.length = 1;
			buffer.m.planes = &plane;
		} else {
			buffer.length = plane.length;
			buffer.m.userptr = plane.m.userptr;
		}
		EXPECT_EQ(tvm_video_ioctl(&self->video, VIDIOC_QBUF, &buffer), -EINVAL);
		tvm_video_free(&queue);
		expect_pins(before);
	}
}

/* A node that takes no memory but its own. */
TEST_F(user, host_without)
{
	struct v4l2_requestbuffers request = {
		.count = 1, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_USERPTR,
	};
	struct tvm_video_queue queues[2];
	struct tvm_video_frame frame;
	struct tvm_video host;
	unsigned int i, j;
	int ret;

	tvm_video_driver("vivid", "n_devs=1 multiplanar=1 node_types=0x101 allocators=1");
	tvm_video_find("vivid-000-vid-cap", self->path);
	ASSERT_EQ(tvm_video_open_host(&host, self->path), 0);
	ASSERT_EQ(tvm_video_ioctl(&host, VIDIOC_REQBUFS, &request), -EINVAL);
	create(self, variant, self->path);
	/* No text in the picture. */
	ASSERT_EQ(tvm_video_control(&host, 0x00f0f001, 2), 0);
	self->video.memory = TVM_VIDEO_WHOLE;
	for (i = 0; i < 2; i++) {
		struct tvm_video *video = i ? &self->video : &host;
		struct v4l2_format format;

		ASSERT_EQ(tvm_video_format(video, false, V4L2_PIX_FMT_YUYV, 320, 180, &format), 0);
		tvm_video_buffers(video, &queues[i], false, 3);
		for (j = 0; j < queues[i].count; j++)
			ASSERT_EQ(tvm_video_put(&queues[i], j, 0, 0), 0);
		ASSERT_EQ(tvm_video_stream(&queues[i], true), 0);
		for (j = 0; j < 5; j++) {
			while ((ret = tvm_video_get(&queues[i], &frame)) == -EAGAIN)
				ASSERT_TRUE(tvm_video_wait(video));
			ASSERT_EQ(ret, 0);
			EXPECT_EQ(tvm_video_used(&frame), queues[i].buffers[0][0].len);
			EXPECT_FALSE(memcmp(queues[i].buffers[frame.buffer.index][0].addr,
					    queues[0].buffers[0][0].addr,
					    tvm_video_used(&frame)));
			ASSERT_EQ(tvm_video_put(&queues[i], frame.buffer.index, 0, 0), 0);
		}
		ASSERT_EQ(tvm_video_stream(&queues[i], false), 0);
		if (i)
			break;
		/* Frames to compare with stay mapped. */
		request.memory = V4L2_MEMORY_MMAP;
		request.count = 0;
		ASSERT_EQ(tvm_video_ioctl(&host, VIDIOC_REQBUFS, &request), 0);
	}
	EXPECT_EQ(stat(self, "bytes_copied"), 5 * (int64_t)queues[1].buffers[0][0].len);
	EXPECT_EQ(stat(self, "bytes_shared"), 0);
	tvm_video_free(&queues[1]);
	EXPECT_EQ(tvm_video_mappings(getpid()), queues[0].count);
	tvm_video_unmap(&queues[0]);
	tvm_video_close(&host);
}

HARNESS_MAIN
