// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video: of what a driver can get only so much
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_video.h"

/* Of what one queue has. */
#define FRAMES		32
#define MAX_BYTES	(8U << 20)

FIXTURE(limit) {
	char path[TVM_VIDEO_PATH];
	struct tvm_media media;
	struct tvm_video video;
};

FIXTURE_VARIANT(limit) {
	struct tvm_config cfg;
	bool mplane;
};

FIXTURE_VARIANT_ADD(limit, split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(limit, packed_mplane)
	{ .cfg = { .packed = true, .event_idx = true }, .mplane = true };

FIXTURE_SETUP(limit)
{
	tvm_video_driver("vicodec", variant->mplane ? "multiplanar=1" : "multiplanar=0");
	tvm_video_find("stateful-encoder", self->path);
	self->media.dev.fd = -1;
	self->media.node = -1;
	self->video.mplane = variant->mplane;
}

FIXTURE_TEARDOWN(limit)
{
	tvm_media_destroy(&self->media);
}

static int64_t stat(struct limit_fixture *self, const char *name)
{
	return tvm_media_stat(&self->media, TVM_MEDIA_COMMANDS, name);
}

static uint32_t offset_of(struct limit_fixture *self, unsigned int index)
{
	struct v4l2_plane plane = { 0 };
	struct v4l2_buffer buffer = {
		.index = index, .type = tvm_video_type(&self->video, true),
	};

	if (self->video.mplane) {
		buffer.length = 1;
		buffer.m.planes = &plane;
	}
	ASSERT_EQ(tvm_video_ioctl(&self->video, VIDIOC_QUERYBUF, &buffer), 0);
	return self->video.mplane ? plane.m.mem_offset : buffer.m.offset;
}

static int map(struct limit_fixture *self, unsigned int index, uint64_t *addr)
{
	uint64_t len;

	return tvm_media_map(&self->media, self->video.session, TVM_MEDIA_RW,
			     offset_of(self, index), addr, &len);
}

/* More than fits, and room again when something is gone. */
TEST_F(limit, full_window)
{
	struct tvm_media_options options = { .cfg = variant->cfg, .window = 1100 << 10 };
	struct v4l2_requestbuffers request = {
		.count = 4, .type = tvm_video_type(&self->video, true),
		.memory = V4L2_MEMORY_MMAP,
	};
	struct v4l2_format format;
	uint64_t addr[4];
	unsigned int i;

	tvm_media_create(&self->media, self->path, &options);
	ASSERT_EQ(tvm_video_open_guest(&self->video, &self->media), 0);
	/* 340 KiB each. */
	ASSERT_EQ(tvm_video_format(&self->video, true, V4L2_PIX_FMT_YUV420, 640, 360, &format),
		  0);
	ASSERT_EQ(tvm_video_ioctl(&self->video, VIDIOC_REQBUFS, &request), 0);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(map(self, i, &addr[i]), 0);
	EXPECT_EQ(map(self, 3, &addr[3]), -ENOMEM);
	EXPECT_EQ(tvm_media_unmap(&self->media, addr[1]), 0);
	EXPECT_EQ(map(self, 3, &addr[3]), 0);
	EXPECT_EQ(addr[3], addr[1]);
	addr[1] = addr[3];
	for (i = 0; i < 3; i++)
		EXPECT_EQ(tvm_media_unmap(&self->media, addr[i]), 0);
	EXPECT_EQ(stat(self, "maps"), 4);
	EXPECT_EQ(stat(self, "unmaps"), 4);
	EXPECT_EQ(tvm_video_mappings(getpid()), 0U);
}

static int request(struct tvm_video *video, uint32_t count)
{
	struct v4l2_requestbuffers request = {
		.count = count, .type = tvm_video_type(video, true), .memory = V4L2_MEMORY_MMAP,
	};

	return tvm_video_ioctl(video, VIDIOC_REQBUFS, &request);
}

/* Whether a session has buffers. */
static bool has_buffers(struct tvm_video *video)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
	struct v4l2_buffer buffer = {
		.type = tvm_video_type(video, true), .length = VIDEO_MAX_PLANES,
		.m.planes = planes,
	};

	return !tvm_video_ioctl(video, VIDIOC_QUERYBUF, &buffer);
}

/* Of the host's memory a driver gets so much, whatever the host would give it. */
TEST_F(limit, too_many_bytes)
{
	const struct tvm_media_options options = { .cfg = variant->cfg, .max_bytes = MAX_BYTES };
	struct v4l2_create_buffers create = { .count = 1, .memory = V4L2_MEMORY_MMAP };
	struct tvm_video video[3];
	struct v4l2_format format;
	unsigned int i;
	int64_t asked;

	tvm_media_create(&self->media, self->path, &options);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(tvm_video_open_guest(&video[i], &self->media), 0);
		ASSERT_EQ(tvm_video_format(&video[i], true, V4L2_PIX_FMT_GREY, 640, 360,
					   &format), 0);
	}
	ASSERT_EQ(request(&video[0], FRAMES), 0);
	EXPECT_EQ(request(&video[1], FRAMES), -ENOMEM);
	EXPECT_FALSE(has_buffers(&video[1]));
	EXPECT_TRUE(has_buffers(&video[0]));
	ASSERT_EQ(request(&video[0], 0), 0);
	ASSERT_EQ(request(&video[1], FRAMES), 0);
	create.format = format;
	if (variant->mplane)
		create.format.fmt.pix_mp.plane_fmt[0].sizeimage = 64 << 20;
	else
		create.format.fmt.pix.sizeimage = 64 << 20;
	asked = stat(self, "ioctls");
	EXPECT_EQ(tvm_video_ioctl(&video[2], VIDIOC_CREATE_BUFS, &create), -ENOMEM);
	EXPECT_EQ(stat(self, "ioctls"), asked);
	tvm_video_close(&video[1]);
	EXPECT_EQ(request(&video[2], FRAMES), 0);
	EXPECT_EQ(request(&video[0], FRAMES), -ENOMEM);
	tvm_video_close(&video[2]);
	EXPECT_EQ(request(&video[0], FRAMES), 0);
	tvm_video_close(&video[0]);
}

TEST_F(limit, no_window)
{
	struct tvm_media_options options = { .cfg = variant->cfg, .window = 1 };
	struct v4l2_requestbuffers request = {
		.count = 1, .type = tvm_video_type(&self->video, true),
		.memory = V4L2_MEMORY_MMAP,
	};
	uint64_t addr;

	tvm_media_create(&self->media, self->path, &options);
	ASSERT_EQ(tvm_video_open_guest(&self->video, &self->media), 0);
	ASSERT_EQ(tvm_video_ioctl(&self->video, VIDIOC_REQBUFS, &request), 0);
	EXPECT_EQ(map(self, 0, &addr), -ENODEV);
}

/* Bytes of memory that the host's drivers have for buffers. */
static uint64_t host_bytes(void)
{
	FILE *file = fopen("/proc/vmallocinfo", "r");
	uint64_t bytes = 0, size;
	char line[256];

	ASSERT_TRUE(file);
	while (fgets(line, sizeof(line), file))
		if (strstr(line, "vb2_vmalloc_alloc") && sscanf(line, "%*s %lu", &size) == 1)
			bytes += size;
	fclose(file);
	return bytes;
}

/* A buffer that is mapped outlives its session, and those beside it do not. */
TEST_F(limit, bytes_of_closed_sessions)
{
	const struct tvm_media_options options = { .cfg = variant->cfg, .max_bytes = MAX_BYTES };
	struct v4l2_format format;
	uint64_t addr[8], before = host_bytes();
	int type = tvm_video_type(&self->video, true);
	unsigned int i;

	tvm_media_create(&self->media, self->path, &options);
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(tvm_video_open_guest(&self->video, &self->media), 0);
		ASSERT_EQ(tvm_video_format(&self->video, true, V4L2_PIX_FMT_GREY, 640, 360,
					   &format), 0);
		ASSERT_EQ(request(&self->video, FRAMES), 0);
		ASSERT_EQ(tvm_video_ioctl(&self->video, VIDIOC_STREAMON, &type), 0);
		EXPECT_GT(host_bytes(), before + MAX_BYTES / 2);
		ASSERT_EQ(map(self, i, &addr[i]), 0);
		memset(self->media.window + addr[i], i + 1, 640 * 360);
		ASSERT_EQ(tvm_media_close(&self->media, self->video.session), 0);
		EXPECT_LT(host_bytes(), before + MAX_BYTES / 2);
	}
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(self->media.window[addr[i] + 640 * 360 - 1], (char)(i + 1));
		EXPECT_EQ(tvm_media_unmap(&self->media, addr[i]), 0);
	}
	EXPECT_EQ(host_bytes(), before);
}

HARNESS_MAIN
