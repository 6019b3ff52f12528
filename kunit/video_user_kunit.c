// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video class: buffers in the driver's memory
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "../drivers/video/call.h"
#include "../drivers/video/user.h"

/* Neither address is one the driver may see, or one of ours. */
#define DRIVERS	0xdead00000000beefULL
#define HOSTS	0x00007f1234567000ULL

#define ROOM	4

struct pieces {
	struct vha_seg segs[ROOM];
	struct vha_video_pieces pieces;
	u32 left;
};

static void pieces_init(struct pieces *p, u32 left)
{
	memset(p, 0, sizeof(*p));
	p->pieces.segs = p->segs;
	p->pieces.max = ROOM;
	p->left = left;
}

static int add(struct pieces *p, u32 first, u64 start, u32 len)
{
	const struct vha_media_sg sg = {
		.start = cpu_to_le64(start), .len = cpu_to_le32(len), .reserved = ~0,
	};

	return vha_video_pieces_add(&p->pieces, first, &sg, &p->left);
}

static void cover_test(struct kunit *test)
{
	struct pieces p;

	pieces_init(&p, 100);
	KUNIT_EXPECT_EQ(test, add(&p, 0, 0x1000, 60), 0);
	KUNIT_EXPECT_EQ(test, p.left, 40);
	/* The last is cut where the plane ends. */
	KUNIT_EXPECT_EQ(test, add(&p, 0, 0x5000, U32_MAX), 0);
	KUNIT_EXPECT_EQ(test, p.left, 0);
	KUNIT_ASSERT_EQ(test, p.pieces.nr, 2);
	KUNIT_EXPECT_EQ(test, p.segs[0].addr, 0x1000);
	KUNIT_EXPECT_EQ(test, p.segs[0].len, 60);
	KUNIT_EXPECT_EQ(test, p.segs[1].addr, 0x5000);
	KUNIT_EXPECT_EQ(test, p.segs[1].len, 40);
}

static void merge_test(struct kunit *test)
{
	struct pieces p;

	pieces_init(&p, U32_MAX);
	KUNIT_EXPECT_EQ(test, add(&p, 0, 0x1000, 0x1000), 0);
	KUNIT_EXPECT_EQ(test, add(&p, 0, 0x2000, 0x1000), 0);
	KUNIT_EXPECT_EQ(test, p.pieces.nr, 1);
	KUNIT_EXPECT_EQ(test, p.segs[0].len, 0x2000);
	/* The same once more, and one before. */
	KUNIT_EXPECT_EQ(test, add(&p, 0, 0x2000, 0x1000), 0);
	KUNIT_EXPECT_EQ(test, add(&p, 0, 0x1000, 0x1000), 0);
	KUNIT_EXPECT_EQ(test, p.pieces.nr, 3);
	/* Another plane begins with a piece of its own. */
	KUNIT_EXPECT_EQ(test, add(&p, 3, 0x2000, 0x1000), 0);
	KUNIT_EXPECT_EQ(test, p.pieces.nr, 4);
	KUNIT_EXPECT_EQ(test, p.segs[3].len, 0x1000);
	/* All that there can be of a plane. */
	pieces_init(&p, U32_MAX);
	KUNIT_EXPECT_EQ(test, add(&p, 0, 0, U32_MAX - 1), 0);
	KUNIT_EXPECT_EQ(test, add(&p, 0, U32_MAX - 1, U32_MAX), 0);
	KUNIT_EXPECT_EQ(test, p.pieces.nr, 1);
	KUNIT_EXPECT_EQ(test, p.segs[0].len, U32_MAX);
	KUNIT_EXPECT_EQ(test, p.left, 0);
}

static void wrong_test(struct kunit *test)
{
	struct pieces p;

	pieces_init(&p, 0x1000);
	KUNIT_EXPECT_EQ(test, add(&p, 0, 0x1000, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, add(&p, 0, U64_MAX - 10, 12), -EINVAL);
	KUNIT_EXPECT_EQ(test, add(&p, 0, U64_MAX, U32_MAX), -EINVAL);
	KUNIT_EXPECT_EQ(test, p.left, 0x1000);
	KUNIT_EXPECT_EQ(test, p.pieces.nr, 0);
	/* Cut, it does not wrap. */
	KUNIT_EXPECT_EQ(test, add(&p, 0, U64_MAX - 0x2000, U32_MAX), 0);
}

static void room_test(struct kunit *test)
{
	struct pieces p;
	u32 i;

	pieces_init(&p, 100);
	for (i = 0; i < ROOM; i++)
		KUNIT_EXPECT_EQ(test, add(&p, 0, 0x1000 * (i + 1), 1), 0);
	KUNIT_EXPECT_EQ(test, add(&p, 0, 0x9000, 1), -ENOMEM);
	KUNIT_EXPECT_EQ(test, p.pieces.nr, ROOM);
	KUNIT_EXPECT_EQ(test, p.left, 100 - ROOM);
	/* Nor is there an end of those that make one piece. */
	pieces_init(&p, U32_MAX);
	for (i = 0; i < VHA_VIDEO_PIECES_MAX; i++)
		KUNIT_ASSERT_EQ(test, add(&p, 0, 0x1000 + i, 1), 0);
	KUNIT_EXPECT_EQ(test, add(&p, 0, 0x1000 + i, 1), -ENOMEM);
	KUNIT_EXPECT_EQ(test, p.pieces.nr, 1);
}

static struct vha_video_call *own_call(struct kunit *test, u32 code, u32 type, u32 length)
{
	struct vha_video_call *call = kunit_kzalloc(test, sizeof(*call), GFP_KERNEL);
	struct v4l2_buffer *buffer;
	struct v4l2_plane *planes;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, call);
	call->addr = HOSTS;
	call->room = 8192;
	call->image = kunit_kzalloc(test, call->room, GFP_KERNEL);
	call->saved = kunit_kzalloc(test, VHA_VIDEO_SAVED_BYTES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, call->image);
	KUNIT_ASSERT_NOT_NULL(test, call->saved);
	vha_video_call_begin(call, vha_video_ioctl_find(code));
	call->own = true;
	buffer = call->image;
	buffer->type = type;
	buffer->memory = V4L2_MEMORY_USERPTR;
	buffer->length = length;
	buffer->m.userptr = DRIVERS;
	KUNIT_ASSERT_EQ(test, vha_video_call_nest(call), 0);
	planes = call->image + call->nested_at;
	for (i = 0; i < call->nested / sizeof(*planes); i++) {
		planes[i].m.userptr = DRIVERS + i;
		planes[i].length = 100 + i;
	}
	KUNIT_ASSERT_EQ(test, vha_video_call_prepare(call), 0);
	return call;
}

/* Neither where the host has it, nor what it has instead, is for the driver to see. */
static void addresses_test(struct kunit *test)
{
	static const u32 codes[] = { 9, 15, 93 };
	struct v4l2_buffer *buffer;
	struct v4l2_plane *planes;
	struct vha_video_call *call;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		call = own_call(test, codes[i], 1, 500);
		buffer = call->image;
		KUNIT_EXPECT_EQ(test, buffer->m.userptr, 0);
		buffer->m.userptr = HOSTS;
		buffer->memory = V4L2_MEMORY_MMAP;
		buffer->length = 600;
		vha_video_call_finish(call);
		KUNIT_EXPECT_EQ(test, buffer->m.userptr, DRIVERS);
		KUNIT_EXPECT_EQ(test, buffer->memory, V4L2_MEMORY_USERPTR);
		KUNIT_EXPECT_EQ(test, buffer->length, codes[i] == 9 ? 600 : 500);

		call = own_call(test, codes[i], 9, 3);
		buffer = call->image;
		planes = call->image + call->nested_at;
		KUNIT_EXPECT_EQ(test, buffer->m.userptr, HOSTS + call->nested_at);
		for (j = 0; j < 3; j++) {
			KUNIT_EXPECT_EQ(test, planes[j].m.userptr, 0);
			planes[j].m.userptr = HOSTS;
			planes[j].length = 600;
		}
		buffer->memory = V4L2_MEMORY_MMAP;
		/* Nor does the number of planes it returns say how many there are. */
		buffer->length = 8;
		vha_video_call_finish(call);
		KUNIT_EXPECT_EQ(test, buffer->m.userptr, DRIVERS);
		for (j = 0; j < 3; j++) {
			KUNIT_EXPECT_EQ(test, planes[j].m.userptr, DRIVERS + j);
			KUNIT_EXPECT_EQ(test, planes[j].length, codes[i] == 9 ? 600 : 100 + j);
		}
		KUNIT_EXPECT_EQ(test, planes[3].m.userptr, 0);
	}
}

static void done_test(struct kunit *test)
{
	struct vha_video_stream *streams;
	struct v4l2_requestbuffers *request;
	struct v4l2_create_buffers *create;
	struct vha_video_call *call = own_call(test, 9, 1, 0);

	streams = kunit_kcalloc(test, VHA_VIDEO_STREAMS, sizeof(*streams), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, streams);
	vha_video_call_begin(call, vha_video_ioctl_find(8));
	request = call->image;
	request->type = 2;
	request->memory = V4L2_MEMORY_USERPTR;
	KUNIT_ASSERT_EQ(test, vha_video_call_prepare(call), 0);
	request->count = 3;
	vha_video_call_done(call, streams);
	KUNIT_EXPECT_TRUE(test, streams[2].user);
	KUNIT_EXPECT_EQ(test, streams[2].memory, V4L2_MEMORY_USERPTR);
	call->memory = V4L2_MEMORY_MMAP;
	vha_video_call_done(call, streams);
	KUNIT_EXPECT_TRUE(test, streams[2].user);
	KUNIT_EXPECT_EQ(test, streams[2].memory, V4L2_MEMORY_MMAP);
	/* Asking for none says nothing about those there are. */
	vha_video_call_begin(call, vha_video_ioctl_find(92));
	create = call->image;
	create->format.type = 2;
	create->memory = V4L2_MEMORY_MMAP;
	KUNIT_ASSERT_EQ(test, vha_video_call_prepare(call), 0);
	vha_video_call_done(call, streams);
	KUNIT_EXPECT_TRUE(test, streams[2].user);
	create->count = 1;
	vha_video_call_done(call, streams);
	KUNIT_EXPECT_FALSE(test, streams[2].user);
}

static struct kunit_case video_user_cases[] = {
	KUNIT_CASE(cover_test),
	KUNIT_CASE(merge_test),
	KUNIT_CASE(wrong_test),
	KUNIT_CASE(room_test),
	KUNIT_CASE(addresses_test),
	KUNIT_CASE(done_test),
	{}
};

static struct kunit_suite video_user_suite = {
	.name = "vha_video_user",
	.test_cases = video_user_cases,
};

kunit_test_suite(video_user_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of buffers in the driver's memory");
MODULE_LICENSE("GPL");
