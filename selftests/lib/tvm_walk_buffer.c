// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: a walk through V4L2, buffers
 */
#include "tvm_walk.h"

/* What the guest can not have. */
#define HIDDEN_CAPABILITIES (V4L2_BUF_CAP_SUPPORTS_DMABUF | V4L2_BUF_CAP_SUPPORTS_REQUESTS)

static int walk_buffer(struct tvm_walk *walk, const char *name, unsigned long cmd,
		       uint32_t type, uint32_t index, uint32_t memory, uint32_t length)
{
	struct v4l2_plane planes[VIDEO_MAX_PLANES] = { 0 };
	struct v4l2_buffer buffer = {
		.type = type, .index = index, .memory = memory, .field = V4L2_FIELD_NONE,
	};
	int ret;

	if (V4L2_TYPE_IS_MULTIPLANAR(type)) {
		buffer.length = length;
		buffer.m.planes = planes;
	}
	ret = tvm_video_ioctl(walk->video, cmd, &buffer);
	if (V4L2_TYPE_IS_MULTIPLANAR(type)) {
		EXPECT_TRUE(buffer.m.planes == planes);
		buffer.m.planes = NULL;
	}
	tvm_walk_note(walk, name, index, ret, &buffer, sizeof(buffer));
	tvm_walk_note(walk, "planes", index, ret, planes, sizeof(planes));
	return ret;
}

#define BUFFER(walk, cmd, type, index, memory, length) \
	walk_buffer(walk, #cmd, cmd, type, index, memory, length)

static void walk_request(struct tvm_walk *walk, uint32_t type, uint32_t count, uint32_t memory)
{
	struct v4l2_requestbuffers request = { .type = type, .count = count, .memory = memory };
	int ret = tvm_video_ioctl(walk->video, VIDIOC_REQBUFS, &request);

	request.capabilities &= ~HIDDEN_CAPABILITIES;
	tvm_walk_note(walk, "VIDIOC_REQBUFS", count, ret, &request, sizeof(request));
}

static void walk_create(struct tvm_walk *walk, uint32_t type, uint32_t count)
{
	struct v4l2_create_buffers create = { .count = count, .memory = V4L2_MEMORY_MMAP };
	int ret;

	create.format.type = type;
	tvm_video_ioctl(walk->video, VIDIOC_G_FMT, &create.format);
	ret = tvm_video_ioctl(walk->video, VIDIOC_CREATE_BUFS, &create);
	create.capabilities &= ~HIDDEN_CAPABILITIES;
	tvm_walk_note(walk, "VIDIOC_CREATE_BUFS", count, ret, &create, sizeof(create));
}

static void walk_remove(struct tvm_walk *walk, uint32_t type, uint32_t index, uint32_t count)
{
	struct v4l2_remove_buffers remove = { .index = index, .count = count, .type = type };

	ASK(walk, index, VIDIOC_REMOVE_BUFS, remove);
}

static void walk_type(struct tvm_walk *walk, uint32_t type)
{
	struct v4l2_format format = { .type = type };
	int value = type;
	uint32_t i;

	/* Small ones do. */
	format.fmt.pix.width = 640;
	format.fmt.pix.height = 360;
	ASK(walk, type, VIDIOC_S_FMT, format);
	walk_request(walk, type, 2, 0x77);
	walk_request(walk, type, 2, V4L2_MEMORY_USERPTR);
	BUFFER(walk, VIDIOC_QUERYBUF, type, 1, V4L2_MEMORY_USERPTR, 8);
	BUFFER(walk, VIDIOC_QBUF, type, 0, V4L2_MEMORY_MMAP, 8);
	walk_request(walk, type, 0, V4L2_MEMORY_USERPTR);
	BUFFER(walk, VIDIOC_QUERYBUF, type, 0, V4L2_MEMORY_MMAP, 8);
	BUFFER(walk, VIDIOC_QBUF, type, 0, V4L2_MEMORY_MMAP, 8);
	ASK(walk, type, VIDIOC_STREAMON, value);
	ASK(walk, type, VIDIOC_STREAMOFF, value);
	walk_request(walk, type, 3, V4L2_MEMORY_MMAP);
	for (i = 0; i < 5; i++)
		BUFFER(walk, VIDIOC_QUERYBUF, type, i, V4L2_MEMORY_MMAP, 8);
	BUFFER(walk, VIDIOC_QUERYBUF, type, 0, 0x77, 8);
	BUFFER(walk, VIDIOC_QUERYBUF, type, 0, V4L2_MEMORY_MMAP, 0);
	BUFFER(walk, VIDIOC_QUERYBUF, type, 0, V4L2_MEMORY_MMAP, 1);
	BUFFER(walk, VIDIOC_QUERYBUF, type, 0xffffffff, V4L2_MEMORY_MMAP, 8);
	BUFFER(walk, VIDIOC_PREPARE_BUF, type, 0, V4L2_MEMORY_MMAP, 8);
	BUFFER(walk, VIDIOC_PREPARE_BUF, type, 0, V4L2_MEMORY_MMAP, 8);
	BUFFER(walk, VIDIOC_QBUF, type, 1, V4L2_MEMORY_MMAP, 8);
	BUFFER(walk, VIDIOC_QBUF, type, 1, V4L2_MEMORY_MMAP, 8);
	BUFFER(walk, VIDIOC_QBUF, type, 9, V4L2_MEMORY_MMAP, 8);
	BUFFER(walk, VIDIOC_QBUF, type, 2, V4L2_MEMORY_MMAP, 0);
	walk_create(walk, type, 2);
	walk_create(walk, type, 0);
	BUFFER(walk, VIDIOC_QUERYBUF, type, 4, V4L2_MEMORY_MMAP, 8);
	walk_remove(walk, type, 3, 1);
	walk_remove(walk, type, 3, 1);
	walk_remove(walk, type, 1, 1);
	walk_remove(walk, type, 0, 0);
	walk_remove(walk, type, 0xffffffff, 0xffffffff);
	BUFFER(walk, VIDIOC_QUERYBUF, type, 3, V4L2_MEMORY_MMAP, 8);
	ASK(walk, type, VIDIOC_STREAMOFF, value);
	walk_request(walk, type, 1, V4L2_MEMORY_MMAP);
	walk_request(walk, type, 0, V4L2_MEMORY_MMAP);
}

/**
 * tvm_walk_buffers() - buffers of every type
 * @walk: the walk
 */
void tvm_walk_buffers(struct tvm_walk *walk)
{
	uint32_t type;

	for (type = 0; type < TVM_WALK_TYPES; type++)
		if (!tvm_walk_overlay(type))
			walk_type(walk, type);
}
