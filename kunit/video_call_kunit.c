// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video class: ioctls of V4L2 between the driver's layout and the host's
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "../drivers/video/call.h"

/* An address that is neither the driver's nor near anything of it. */
#define ADDR	0x7f0000001000ULL
#define ROOM	(96 << 10)
/* Where nothing of the VMM's should ever be looked for. */
#define WILD	0xdead00000000beefULL

struct size_case {
	u32 code;
	u32 in;
	u32 out;
};

/* Numbers and sizes on a machine of 64 bits, not those of the header under test. */
static const struct size_case size_cases[] = {
	{ 2, 64, 64 }, { 4, 208, 208 }, { 5, 208, 208 }, { 8, 20, 20 }, { 9, 88, 88 },
	{ 15, 88, 88 }, { 18, 4, 0 }, { 19, 4, 0 }, { 21, 204, 204 }, { 22, 204, 204 },
	{ 23, 0, 8 }, { 24, 8, 0 }, { 25, 72, 72 }, { 26, 80, 80 }, { 27, 8, 8 },
	{ 28, 8, 8 }, { 29, 84, 84 }, { 30, 84, 0 }, { 33, 0, 52 }, { 34, 52, 0 },
	{ 36, 68, 68 }, { 37, 44, 44 }, { 38, 0, 4 }, { 39, 4, 4 }, { 40, 40, 40 },
	{ 41, 40, 40 }, { 46, 0, 4 }, { 47, 4, 4 }, { 48, 72, 72 }, { 49, 0, 52 },
	{ 50, 52, 0 }, { 54, 68, 68 }, { 55, 68, 0 }, { 56, 44, 44 }, { 57, 44, 0 },
	{ 58, 44, 44 }, { 59, 20, 20 }, { 60, 20, 0 }, { 63, 0, 8 }, { 64, 208, 208 },
	{ 65, 52, 52 }, { 66, 52, 52 }, { 67, 0, 4 }, { 68, 4, 0 }, { 69, 116, 116 },
	{ 71, 32, 32 }, { 72, 32, 32 }, { 73, 32, 32 }, { 74, 44, 44 }, { 75, 52, 52 },
	{ 76, 0, 2072 }, { 77, 40, 40 }, { 78, 40, 40 }, { 82, 48, 0 }, { 87, 132, 132 },
	{ 88, 132, 132 }, { 90, 32, 0 }, { 91, 32, 0 }, { 92, 256, 256 }, { 93, 88, 88 },
	{ 94, 64, 64 }, { 95, 64, 64 }, { 96, 72, 72 }, { 97, 72, 72 }, { 98, 148, 148 },
	{ 99, 0, 132 }, { 100, 144, 144 }, { 101, 64, 64 }, { 103, 232, 232 }, { 104, 64, 64 },
};

/* Gets memory of its own, and a prepared argument is left for the test to fill in. */
static struct vha_video_call *call_create(struct kunit *test, u32 code)
{
	const struct vha_video_ioctl *ioctl = vha_video_ioctl_find(code);
	struct vha_video_call *call = kunit_kzalloc(test, sizeof(*call), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, call);
	KUNIT_ASSERT_NOT_NULL_MSG(test, ioctl, "code %u", code);
	call->addr = ADDR;
	call->room = ROOM;
	call->image = kunit_kzalloc(test, ROOM, GFP_KERNEL);
	call->saved = kunit_kzalloc(test, VHA_VIDEO_SAVED_BYTES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, call->image);
	KUNIT_ASSERT_NOT_NULL(test, call->saved);
	vha_video_call_begin(call, ioctl);
	return call;
}

/* What a driver's command goes through; nested bytes are those in the image already. */
static int call_prepare(struct vha_video_call *call)
{
	return vha_video_call_nest(call) ?: vha_video_call_prepare(call);
}

static void size_test(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size_cases); i++) {
		const struct size_case *c = &size_cases[i];
		struct vha_video_call *call = call_create(test, c->code);

		KUNIT_EXPECT_EQ_MSG(test, vha_video_call_in(call), c->in, "code %u", c->code);
		KUNIT_EXPECT_EQ_MSG(test, vha_video_call_out(call), c->out, "code %u", c->code);
	}
}

static bool size_case_exists(u32 code)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size_cases); i++)
		if (size_cases[i].code == code)
			return true;
	return false;
}

static void unknown_test(struct kunit *test)
{
	u32 code;

	for (code = 0; code < 512; code++)
		if (!size_case_exists(code))
			KUNIT_EXPECT_NULL_MSG(test, vha_video_ioctl_find(code), "code %u", code);
	KUNIT_EXPECT_NULL(test, vha_video_ioctl_find(U32_MAX));
	KUNIT_EXPECT_NULL(test, vha_video_ioctl_find(0x80000002));
}

/* Bytes of what was in the memory before must not get to the host. */
static void clean_test(struct kunit *test)
{
	struct vha_video_call *call = call_create(test, 5);

	memset(call->image, 0xff, ROOM);
	vha_video_call_begin(call, vha_video_ioctl_find(76));
	KUNIT_EXPECT_NULL(test, memchr_inv(call->image, 0, 2072));
	KUNIT_EXPECT_EQ(test, call->len, 2072);
}

/* Those without a structure of their own reach the host, and the driver, untouched. */
static void through_test(struct kunit *test)
{
	static const u32 codes[] = { 2, 21, 22, 27, 37, 58, 74, 94, 100, 103 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		struct vha_video_call *call = call_create(test, codes[i]);
		u32 size = call->size;

		memset(call->image, 0xa5, size);
		KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
		KUNIT_EXPECT_EQ(test, call->len, size);
		KUNIT_EXPECT_EQ(test, call->nested, 0);
		vha_video_call_finish(call);
		KUNIT_EXPECT_EQ(test, ((u8 *)call->image)[0], 0xa5);
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(call->image, 0xa5, size), NULL);
	}
}

/* Buffers */

static struct v4l2_buffer *buffer_call(struct kunit *test, u32 code, u32 type, u32 length,
				       struct vha_video_call **call)
{
	struct v4l2_buffer *buffer;

	*call = call_create(test, code);
	buffer = (*call)->image;
	buffer->type = type;
	buffer->memory = V4L2_MEMORY_MMAP;
	buffer->length = length;
	buffer->m.userptr = WILD;
	return buffer;
}

static void buffer_type_test(struct kunit *test)
{
	static const u32 codes[] = { 9, 15, 93 };
	struct vha_video_call *call;
	unsigned int i;
	u32 type;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		for (type = 1; type <= 14; type++) {
			buffer_call(test, codes[i], type, 1, &call);
			KUNIT_EXPECT_EQ_MSG(test, call_prepare(call), 0, "type %u", type);
			KUNIT_EXPECT_EQ(test, call->nested, type == 9 || type == 10 ? 64 : 0);
		}
		buffer_call(test, codes[i], 0, 1, &call);
		KUNIT_EXPECT_EQ(test, call_prepare(call), -EINVAL);
		buffer_call(test, codes[i], 15, 1, &call);
		KUNIT_EXPECT_EQ(test, call_prepare(call), -EINVAL);
		buffer_call(test, codes[i], U32_MAX, 1, &call);
		KUNIT_EXPECT_EQ(test, call_prepare(call), -EINVAL);
	}
}

static void buffer_single_test(struct kunit *test)
{
	struct vha_video_call *call;
	struct v4l2_buffer *buffer = buffer_call(test, 15, 1, 4096, &call);

	KUNIT_ASSERT_EQ(test, call_prepare(call), 0);
	KUNIT_EXPECT_EQ(test, call->nested, 0);
	KUNIT_EXPECT_EQ(test, buffer->m.userptr, 0);
	KUNIT_EXPECT_EQ(test, buffer->length, 4096);
	buffer->m.offset = 0x3000;
	vha_video_call_finish(call);
	KUNIT_EXPECT_EQ(test, buffer->m.userptr, 0x3000);
}

static void buffer_planes_test(struct kunit *test)
{
	struct vha_video_call *call;
	struct v4l2_buffer *buffer = buffer_call(test, 15, 9, 8, &call);
	struct v4l2_plane *planes = call->image + call->nested_at;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		planes[i].m.userptr = WILD;
		planes[i].bytesused = 100 + i;
	}
	KUNIT_ASSERT_EQ(test, call_prepare(call), 0);
	KUNIT_EXPECT_EQ(test, call->nested, 8 * 64);
	KUNIT_EXPECT_EQ(test, call->len, 88 + 8 * 64);
	KUNIT_EXPECT_EQ(test, buffer->m.userptr, ADDR + 88);
	for (i = 0; i < 8; i++) {
		KUNIT_EXPECT_EQ(test, planes[i].m.userptr, 0);
		KUNIT_EXPECT_EQ(test, planes[i].bytesused, 100 + i);
		planes[i].m.mem_offset = 0x1000 * i;
	}
	buffer->length = 2;
	vha_video_call_finish(call);
	KUNIT_EXPECT_EQ(test, buffer->m.userptr, WILD);
	KUNIT_EXPECT_EQ(test, buffer->length, 2);
	KUNIT_EXPECT_EQ(test, planes[7].m.userptr, 0x7000);
}

static void buffer_length_test(struct kunit *test)
{
	struct vha_video_call *call;
	struct v4l2_buffer *buffer = buffer_call(test, 9, 10, 0, &call);

	KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
	KUNIT_EXPECT_EQ(test, call->nested, 0);
	KUNIT_EXPECT_EQ(test, buffer->m.userptr, 0);
	vha_video_call_finish(call);
	KUNIT_EXPECT_EQ(test, buffer->m.userptr, WILD);
	buffer_call(test, 9, 10, 9, &call);
	KUNIT_EXPECT_EQ(test, call_prepare(call), -EINVAL);
	buffer_call(test, 9, 10, 0x04000001, &call);
	KUNIT_EXPECT_EQ(test, call_prepare(call), -EINVAL);
}

static void buffer_memory_test(struct kunit *test)
{
	static const u32 codes[] = { 15, 93 };
	static const u32 memories[] = { 0, V4L2_MEMORY_OVERLAY, V4L2_MEMORY_DMABUF, 5, U32_MAX };
	struct vha_video_call *call;
	struct v4l2_buffer *buffer;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		for (j = 0; j < ARRAY_SIZE(memories); j++) {
			buffer = buffer_call(test, codes[i], 1, 1, &call);
			buffer->memory = memories[j];
			KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
			KUNIT_EXPECT_EQ(test, buffer->memory, U32_MAX);
			KUNIT_EXPECT_EQ(test, buffer->m.userptr, 0);
		}
		/* An address of the driver's is never one of ours. */
		buffer = buffer_call(test, codes[i], 1, 1, &call);
		buffer->memory = V4L2_MEMORY_USERPTR;
		KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
		KUNIT_EXPECT_EQ(test, buffer->m.userptr, 0);
		buffer = buffer_call(test, codes[i], 1, 1, &call);
		buffer->flags = V4L2_BUF_FLAG_REQUEST_FD;
		KUNIT_EXPECT_EQ(test, call_prepare(call), -EBADR);
	}
	/* What a buffer is asked for says nothing about its memory. */
	buffer = buffer_call(test, 9, 1, 1, &call);
	buffer->memory = V4L2_MEMORY_USERPTR;
	KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
	KUNIT_EXPECT_EQ(test, buffer->m.userptr, 0);
}

/* Requests for buffers */

static void request_test(struct kunit *test)
{
	struct vha_video_call *call = call_create(test, 8);
	struct v4l2_requestbuffers *request = call->image;

	request->type = 2;
	request->memory = V4L2_MEMORY_MMAP;
	KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
	request->capabilities = U32_MAX;
	vha_video_call_finish(call);
	KUNIT_EXPECT_EQ(test, request->capabilities, U32_MAX & ~(BIT(2) | BIT(3)));
	/* What the host does not take is copied, if it has memory of its own. */
	request->capabilities = BIT(0) | BIT(4);
	vha_video_call_finish(call);
	KUNIT_EXPECT_EQ(test, request->capabilities, BIT(0) | BIT(1) | BIT(4));
	request->capabilities = 0;
	vha_video_call_finish(call);
	KUNIT_EXPECT_EQ(test, request->capabilities, 0);
	request->memory = V4L2_MEMORY_USERPTR;
	KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
	request->memory = V4L2_MEMORY_MMAP;
	vha_video_call_finish(call);
	KUNIT_EXPECT_EQ(test, request->memory, V4L2_MEMORY_USERPTR);
	request->memory = V4L2_MEMORY_DMABUF;
	KUNIT_EXPECT_EQ(test, call_prepare(call), -EINVAL);
	request->memory = V4L2_MEMORY_MMAP;
	request->type = 15;
	KUNIT_EXPECT_EQ(test, call_prepare(call), -EINVAL);
	request->type = 0;
	KUNIT_EXPECT_EQ(test, call_prepare(call), -EINVAL);
}

static void create_test(struct kunit *test)
{
	struct vha_video_call *call = call_create(test, 92);
	struct v4l2_create_buffers *create = call->image;

	create->format.type = 9;
	create->memory = V4L2_MEMORY_MMAP;
	KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
	create->capabilities = U32_MAX;
	vha_video_call_finish(call);
	KUNIT_EXPECT_EQ(test, create->capabilities, U32_MAX & ~(BIT(2) | BIT(3)));
	create->memory = V4L2_MEMORY_USERPTR;
	KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
	create->memory = V4L2_MEMORY_MMAP;
	vha_video_call_finish(call);
	KUNIT_EXPECT_EQ(test, create->memory, V4L2_MEMORY_USERPTR);
	create->memory = V4L2_MEMORY_DMABUF;
	KUNIT_EXPECT_EQ(test, call_prepare(call), -EINVAL);
	create->memory = V4L2_MEMORY_MMAP;
	create->format.type = 0;
	KUNIT_EXPECT_EQ(test, call_prepare(call), -EINVAL);
}

static void create_bytes_test(struct kunit *test)
{
	struct vha_video_call *call = call_create(test, 92);
	struct v4l2_create_buffers *create = call->image;
	struct v4l2_format *format = &create->format;

	create->memory = V4L2_MEMORY_MMAP;
	create->count = 3;
	format->type = 1;
	format->fmt.pix.sizeimage = U32_MAX;
	KUNIT_ASSERT_EQ(test, call_prepare(call), 0);
	KUNIT_EXPECT_EQ(test, vha_video_call_bytes(call), 3ULL * U32_MAX);
	format->type = 10;
	memset(&format->fmt, 0, sizeof(format->fmt));
	format->fmt.pix_mp.num_planes = 2;
	format->fmt.pix_mp.plane_fmt[0].sizeimage = 100;
	format->fmt.pix_mp.plane_fmt[1].sizeimage = 50;
	format->fmt.pix_mp.plane_fmt[2].sizeimage = 25;
	KUNIT_ASSERT_EQ(test, call_prepare(call), 0);
	KUNIT_EXPECT_EQ(test, vha_video_call_bytes(call), 450);
	format->fmt.pix_mp.num_planes = 255;
	KUNIT_ASSERT_EQ(test, call_prepare(call), 0);
	KUNIT_EXPECT_EQ(test, vha_video_call_bytes(call), 525);
	format->type = 4;
	format->fmt.vbi.count[0] = U32_MAX;
	format->fmt.vbi.count[1] = U32_MAX;
	format->fmt.vbi.samples_per_line = U32_MAX;
	create->count = U32_MAX;
	KUNIT_ASSERT_EQ(test, call_prepare(call), 0);
	KUNIT_EXPECT_EQ(test, vha_video_call_bytes(call), U64_MAX);
	format->type = 13;
	format->fmt.meta.buffersize = 1000;
	create->count = 2;
	KUNIT_ASSERT_EQ(test, call_prepare(call), 0);
	KUNIT_EXPECT_EQ(test, vha_video_call_bytes(call), 2000);
	format->type = 3;
	KUNIT_ASSERT_EQ(test, call_prepare(call), 0);
	KUNIT_EXPECT_EQ(test, vha_video_call_bytes(call), 0);
	call = call_create(test, 8);
	KUNIT_EXPECT_EQ(test, vha_video_call_bytes(call), 0);
}

/* Of what the host thinks of a type, nothing is kept that there is no queue for. */
static void type_test(struct kunit *test)
{
	static const u32 codes[] = { 18, 19 };
	struct vha_video_stream *streams;
	unsigned int i;

	streams = kunit_kcalloc(test, VHA_VIDEO_STREAMS, sizeof(*streams), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, streams);
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		struct vha_video_call *call = call_create(test, codes[i]);
		u32 *type = call->image;

		*type = 14;
		KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
		vha_video_call_done(call, streams);
		KUNIT_EXPECT_EQ(test, streams[14].streaming, codes[i] == 18);
		*type = 15;
		KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
		vha_video_call_done(call, streams);
		*type = U32_MAX;
		KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
		vha_video_call_done(call, streams);
		*type = 0;
		KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
		vha_video_call_done(call, streams);
		KUNIT_EXPECT_FALSE(test, streams[0].streaming);
	}
}

/* Formats */

static void clips_test(struct kunit *test)
{
	static const u32 codes[] = { 4, 5, 64, 92 };
	static const u32 types[] = { 3, 8 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		for (j = 0; j < ARRAY_SIZE(types); j++) {
			struct vha_video_call *call = call_create(test, codes[i]);
			struct v4l2_create_buffers *create = call->image;
			struct v4l2_format *format = call->image;

			if (codes[i] == 92) {
				create->memory = V4L2_MEMORY_MMAP;
				format = &create->format;
			}
			format->type = types[j];
			format->fmt.win.clips = (void *)(uintptr_t)WILD;
			format->fmt.win.clipcount = 3;
			format->fmt.win.bitmap = (void __user *)(uintptr_t)WILD;
			format->fmt.win.chromakey = 77;
			KUNIT_ASSERT_EQ(test, call_prepare(call), 0);
			KUNIT_EXPECT_NULL(test, format->fmt.win.clips);
			KUNIT_EXPECT_EQ(test, format->fmt.win.clipcount, 0);
			KUNIT_EXPECT_EQ(test, (uintptr_t)format->fmt.win.bitmap, 0);
			KUNIT_EXPECT_EQ(test, format->fmt.win.chromakey, 77);
			vha_video_call_finish(call);
			KUNIT_EXPECT_EQ(test, (uintptr_t)format->fmt.win.clips, WILD);
			KUNIT_EXPECT_EQ(test, (uintptr_t)format->fmt.win.bitmap, WILD);
		}
	}
}

static void format_test(struct kunit *test)
{
	struct vha_video_call *call = call_create(test, 5);
	struct v4l2_format *format = call->image;

	format->type = 1;
	memset(&format->fmt, 0x5a, sizeof(format->fmt));
	KUNIT_ASSERT_EQ(test, call_prepare(call), 0);
	vha_video_call_finish(call);
	KUNIT_EXPECT_NULL(test, memchr_inv(&format->fmt, 0x5a, sizeof(format->fmt)));
}

/* Controls */

static struct v4l2_ext_control *controls_call(struct kunit *test, u32 code, u32 count,
					      struct vha_video_call **call)
{
	struct v4l2_ext_controls *controls;
	struct v4l2_ext_control *list;
	u32 i;

	*call = call_create(test, code);
	controls = (*call)->image;
	controls->count = count;
	controls->controls = (void *)(uintptr_t)WILD;
	list = vha_video_call_controls(*call);
	for (i = 0; i < min(count, 1024U); i++) {
		list[i].id = 0x980900 + i;
		list[i].value64 = WILD;
	}
	return list;
}

static void controls_test(struct kunit *test)
{
	static const u32 codes[] = { 71, 72, 73 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		struct vha_video_call *call;
		struct v4l2_ext_control *list = controls_call(test, codes[i], 3, &call);
		struct v4l2_ext_controls *controls = call->image;
		u8 *data;

		list[1].size = 10;
		KUNIT_ASSERT_EQ(test, call_prepare(call), 0);
		KUNIT_EXPECT_TRUE(test, vha_video_ioctl_has_controls(call->ioctl));
		KUNIT_EXPECT_EQ(test, call->nested, 60);
		KUNIT_EXPECT_EQ(test, (uintptr_t)controls->controls, ADDR + 32);
		data = vha_video_call_data(call, 1, 10);
		KUNIT_ASSERT_PTR_EQ(test, data, (u8 *)call->image + 96);
		KUNIT_EXPECT_EQ(test, (uintptr_t)list[1].ptr, ADDR + 96);
		KUNIT_EXPECT_EQ(test, call->len, 106);
		KUNIT_EXPECT_EQ(test, list[0].value64, WILD);
		list[0].value64 = 7;
		list[1].size = 20;
		controls->count = 1000;
		controls->error_idx = 2;
		vha_video_call_finish(call);
		KUNIT_EXPECT_EQ(test, (uintptr_t)controls->controls, WILD);
		KUNIT_EXPECT_EQ(test, controls->count, 3);
		KUNIT_EXPECT_EQ(test, controls->error_idx, 2);
		KUNIT_EXPECT_EQ(test, list[0].value64, 7);
		KUNIT_EXPECT_EQ(test, list[1].value64, WILD);
		KUNIT_EXPECT_EQ(test, list[1].size, 20);
	}
}

/* A control that wants data and is given none must not find the driver's address. */
static void controls_empty_test(struct kunit *test)
{
	struct vha_video_call *call;
	struct v4l2_ext_control *list = controls_call(test, 72, 1, &call);

	KUNIT_ASSERT_EQ(test, call_prepare(call), 0);
	KUNIT_ASSERT_NOT_NULL(test, vha_video_call_data(call, 0, 0));
	KUNIT_EXPECT_EQ(test, (uintptr_t)list[0].ptr, 0);
	vha_video_call_finish(call);
	KUNIT_EXPECT_EQ(test, list[0].value64, WILD);
}

static void controls_limit_test(struct kunit *test)
{
	struct vha_video_call *call;
	struct v4l2_ext_controls *controls;

	controls_call(test, 71, 1024, &call);
	KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
	KUNIT_EXPECT_EQ(test, call->nested, 1024 * 20);
	KUNIT_EXPECT_NULL(test, vha_video_call_data(call, 0, ROOM - call->len + 1));
	KUNIT_EXPECT_NULL(test, vha_video_call_data(call, 0, U32_MAX));
	KUNIT_EXPECT_NOT_NULL(test, vha_video_call_data(call, 0, ROOM - call->len));
	KUNIT_EXPECT_EQ(test, call->len, ROOM);
	KUNIT_EXPECT_NULL(test, vha_video_call_data(call, 1, 1));
	controls_call(test, 71, 1025, &call);
	KUNIT_EXPECT_EQ(test, call_prepare(call), -EINVAL);
	controls_call(test, 71, U32_MAX, &call);
	KUNIT_EXPECT_EQ(test, call_prepare(call), -EINVAL);
	controls_call(test, 71, 0, &call);
	controls = call->image;
	KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
	KUNIT_EXPECT_NULL(test, controls->controls);
	controls_call(test, 71, 1, &call);
	controls = call->image;
	controls->which = 0x0f010000;
	KUNIT_EXPECT_EQ(test, call_prepare(call), -EINVAL);
}

static void subscribe_test(struct kunit *test)
{
	struct vha_video_call *call = call_create(test, 90);
	struct v4l2_event_subscription *subscription = call->image;

	subscription->type = V4L2_EVENT_SOURCE_CHANGE;
	subscription->id = 63;
	KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
	subscription->id = 64;
	KUNIT_EXPECT_EQ(test, call_prepare(call), -EINVAL);
	subscription->type = V4L2_EVENT_CTRL;
	subscription->id = 0x00980900;
	KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
}

static void edid_test(struct kunit *test)
{
	static const u32 codes[] = { 40, 41 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		struct vha_video_call *call = call_create(test, codes[i]);
		struct v4l2_edid *edid = call->image;

		edid->blocks = 256;
		edid->edid = (void *)(uintptr_t)WILD;
		KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
		KUNIT_EXPECT_EQ(test, call->nested, 256 * 128);
		KUNIT_EXPECT_EQ(test, (uintptr_t)edid->edid, ADDR + 40);
		vha_video_call_finish(call);
		KUNIT_EXPECT_EQ(test, (uintptr_t)edid->edid, WILD);
		edid->blocks = 257;
		KUNIT_EXPECT_EQ(test, call_prepare(call), -EINVAL);
		edid->blocks = 0;
		KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
		KUNIT_EXPECT_NULL(test, edid->edid);
	}
}

/* Which answers come with the argument although the ioctl failed. */
static void flags_test(struct kunit *test)
{
	u32 code;

	for (code = 0; code < 128; code++) {
		const struct vha_video_ioctl *ioctl = vha_video_ioctl_find(code);
		bool returned = code == 40 || code == 41 || code == 99 ||
				(code >= 71 && code <= 73);

		if (!ioctl)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, !!(ioctl->flags & VHA_VIDEO_RESULT_ON_ERROR), returned,
				    "code %u", code);
		KUNIT_EXPECT_EQ_MSG(test, !!(ioctl->flags & VHA_VIDEO_AFTER_EVENTS), code == 90,
				    "code %u", code);
		KUNIT_EXPECT_EQ_MSG(test, !!(ioctl->flags & VHA_VIDEO_ALLOCATES),
				    code == 8 || code == 92 || code == 104, "code %u", code);
	}
}

/* What is kept track of. */

static void done(struct vha_video_call *call, struct vha_video_stream *streams)
{
	vha_video_call_prepare(call);
	vha_video_call_done(call, streams);
}

static void told(struct kunit *test, u32 code, u32 type, struct vha_video_stream *streams)
{
	struct vha_video_call *call = call_create(test, code);

	*(u32 *)call->image = type;
	done(call, streams);
}

static void queue_one(struct kunit *test, u32 type, struct vha_video_stream *streams)
{
	struct vha_video_call *call;

	buffer_call(test, 15, type, 1, &call);
	done(call, streams);
}

static void allocate(struct kunit *test, u32 type, u32 count, struct vha_video_stream *streams)
{
	struct vha_video_call *call = call_create(test, 8);
	struct v4l2_requestbuffers *request = call->image;

	request->type = type;
	request->count = count;
	request->memory = V4L2_MEMORY_MMAP;
	done(call, streams);
}

static void stream_test(struct kunit *test)
{
	struct vha_video_stream streams[VHA_VIDEO_STREAMS] = {};
	struct vha_video_stream *stream = &streams[2];

	allocate(test, 2, 4, streams);
	KUNIT_EXPECT_EQ(test, stream->buffers, 4);
	KUNIT_EXPECT_EQ(test, stream->memory, V4L2_MEMORY_MMAP);
	KUNIT_EXPECT_EQ(test, streams[1].buffers, 0);
	queue_one(test, 2, streams);
	KUNIT_EXPECT_FALSE(test, vha_video_stream_ready(stream));
	told(test, 18, 2, streams);
	KUNIT_EXPECT_TRUE(test, vha_video_stream_ready(stream));
	KUNIT_EXPECT_FALSE(test, vha_video_stream_ready(&streams[1]));
	vha_video_stream_dequeued(stream);
	KUNIT_EXPECT_FALSE(test, vha_video_stream_ready(stream));
	vha_video_stream_dequeued(stream);
	KUNIT_EXPECT_EQ(test, stream->queued, 0);
	queue_one(test, 2, streams);
	told(test, 19, 2, streams);
	KUNIT_EXPECT_FALSE(test, vha_video_stream_ready(stream));
	KUNIT_EXPECT_EQ(test, stream->queued, 0);
	told(test, 18, 2, streams);
	KUNIT_EXPECT_FALSE(test, vha_video_stream_ready(stream));
}

static void stream_buffers_test(struct kunit *test)
{
	struct vha_video_stream streams[VHA_VIDEO_STREAMS] = {};
	struct vha_video_call *call = call_create(test, 92);
	struct v4l2_create_buffers *create = call->image;
	struct vha_video_stream *stream = &streams[9];
	u32 generation;

	allocate(test, 9, U32_MAX, streams);
	KUNIT_EXPECT_EQ(test, stream->buffers, 1024);
	generation = stream->generation;
	allocate(test, 9, 3, streams);
	KUNIT_EXPECT_NE(test, stream->generation, generation);
	KUNIT_EXPECT_EQ(test, stream->buffers, 3);
	create->format.type = 9;
	create->memory = V4L2_MEMORY_MMAP;
	create->index = 3;
	create->count = 2;
	done(call, streams);
	KUNIT_EXPECT_EQ(test, stream->buffers, 5);
	create->index = U32_MAX;
	create->count = U32_MAX;
	done(call, streams);
	KUNIT_EXPECT_EQ(test, stream->buffers, 1024);
	create->count = 0;
	stream->buffers = 5;
	done(call, streams);
	KUNIT_EXPECT_EQ(test, stream->buffers, 5);
	queue_one(test, 9, streams);
	told(test, 18, 9, streams);
	allocate(test, 9, 0, streams);
	KUNIT_EXPECT_FALSE(test, stream->streaming);
	KUNIT_EXPECT_EQ(test, stream->queued, 0);
}

static void stream_removed_test(struct kunit *test)
{
	struct vha_video_stream streams[VHA_VIDEO_STREAMS] = {};
	struct vha_video_call *call = call_create(test, 104);
	struct v4l2_remove_buffers *remove = call->image;

	remove->type = 14;
	KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
	vha_video_call_done(call, streams);
	KUNIT_EXPECT_EQ(test, streams[14].generation, 1);
	/* Nobody has buffers of such types, but whether the ioctl is known is the node's to say. */
	remove->type = 15;
	KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
	vha_video_call_done(call, streams);
	remove->type = U32_MAX;
	KUNIT_EXPECT_EQ(test, call_prepare(call), 0);
	vha_video_call_done(call, streams);
	KUNIT_EXPECT_EQ(test, streams[14].generation, 1);
}

static void stream_ended_test(struct kunit *test)
{
	static const u32 codes[] = { 77, 96 };
	struct vha_video_stream streams[VHA_VIDEO_STREAMS] = {};
	struct vha_video_stream *stream = &streams[1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		memset(streams, 0, sizeof(streams));
		queue_one(test, 1, streams);
		told(test, 18, 1, streams);
		stream->ended = true;
		KUNIT_EXPECT_FALSE(test, vha_video_stream_ready(stream));
		/* Stop, which is 1, then start. */
		told(test, codes[i], 1, streams);
		KUNIT_EXPECT_FALSE(test, vha_video_stream_ready(stream));
		told(test, codes[i], 0, streams);
		KUNIT_EXPECT_TRUE(test, vha_video_stream_ready(stream));
		stream->ended = true;
		told(test, 18, 2, streams);
		KUNIT_EXPECT_TRUE(test, vha_video_stream_ready(stream));
		stream->ended = true;
		queue_one(test, 2, streams);
		KUNIT_EXPECT_TRUE(test, vha_video_stream_ready(stream));
	}
}

static struct kunit_case video_call_cases[] = {
	KUNIT_CASE(size_test),
	KUNIT_CASE(unknown_test),
	KUNIT_CASE(clean_test),
	KUNIT_CASE(through_test),
	KUNIT_CASE(buffer_type_test),
	KUNIT_CASE(buffer_single_test),
	KUNIT_CASE(buffer_planes_test),
	KUNIT_CASE(buffer_length_test),
	KUNIT_CASE(buffer_memory_test),
	KUNIT_CASE(request_test),
	KUNIT_CASE(create_test),
	KUNIT_CASE(create_bytes_test),
	KUNIT_CASE(type_test),
	KUNIT_CASE(clips_test),
	KUNIT_CASE(format_test),
	KUNIT_CASE(controls_test),
	KUNIT_CASE(controls_empty_test),
	KUNIT_CASE(controls_limit_test),
	KUNIT_CASE(subscribe_test),
	KUNIT_CASE(edid_test),
	KUNIT_CASE(flags_test),
	KUNIT_CASE(stream_test),
	KUNIT_CASE(stream_buffers_test),
	KUNIT_CASE(stream_removed_test),
	KUNIT_CASE(stream_ended_test),
	{}
};

static struct kunit_suite video_call_suite = {
	.name = "vha_video_call",
	.test_cases = video_call_cases,
};

kunit_test_suite(video_call_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the video class's ioctls");
MODULE_LICENSE("GPL");
