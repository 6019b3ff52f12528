// SPDX-License-Identifier: GPL-2.0-only
/*
 * Video class: formats, controls and timestamps of encoders and decoders
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/v4l2-controls.h>

#include "../drivers/video/codec_format.h"
#include "../drivers/video/codec_stamp.h"
#include "../drivers/video/codec_value.h"

/* Numbers of the draft, not those of the header under test. */
static const struct {
	u32 format;
	u32 pixels;
} format_cases[] = {
	{ 1, v4l2_fourcc('B', 'A', '2', '4') }, { 2, v4l2_fourcc('A', 'R', '2', '4') },
	{ 3, v4l2_fourcc('N', 'V', '1', '2') }, { 4, v4l2_fourcc('Y', 'U', '1', '2') },
	{ 5, v4l2_fourcc('Y', 'V', '1', '2') }, { 0x1000, v4l2_fourcc('M', 'P', 'G', '2') },
	{ 0x1001, v4l2_fourcc('M', 'P', 'G', '4') }, { 0x1002, v4l2_fourcc('H', '2', '6', '4') },
	{ 0x1003, v4l2_fourcc('H', 'E', 'V', 'C') }, { 0x1004, v4l2_fourcc('V', 'P', '8', '0') },
	{ 0x1005, v4l2_fourcc('V', 'P', '9', '0') }, { 0x1006, v4l2_fourcc('F', 'W', 'H', 'T') },
};

static void format_test(struct kunit *test)
{
	u32 format, known = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(format_cases); i++) {
		KUNIT_EXPECT_EQ(test, vha_codec_format_pixels(format_cases[i].format),
				format_cases[i].pixels);
		KUNIT_EXPECT_EQ(test, vha_codec_format_from(format_cases[i].pixels),
				format_cases[i].format);
		KUNIT_EXPECT_EQ(test, vha_codec_format_coded(format_cases[i].format),
				format_cases[i].format >= 0x1000);
	}
	for (format = 0; format < 0x2000; format++)
		known += !!vha_codec_format_pixels(format);
	KUNIT_EXPECT_EQ(test, known, ARRAY_SIZE(format_cases));
	KUNIT_EXPECT_EQ(test, vha_codec_format_pixels(U32_MAX), 0);
	KUNIT_EXPECT_EQ(test, vha_codec_format_from(0), 0);
	KUNIT_EXPECT_EQ(test, vha_codec_format_from(V4L2_PIX_FMT_GREY), 0);
}

static const struct {
	u32 type;
	struct v4l2_fract min;
	struct v4l2_fract max;
	bool valid;
	u32 lowest;
	u32 highest;
} rate_cases[] = {
	{ V4L2_FRMIVAL_TYPE_DISCRETE, { 1, 30 }, { 0, 0 }, true, 30, 30 },
	{ V4L2_FRMIVAL_TYPE_DISCRETE, { 1001, 30000 }, { 0, 0 }, true, 29, 29 },
	/* Slower than a frame per second is still a frame per second. */
	{ V4L2_FRMIVAL_TYPE_DISCRETE, { 5, 1 }, { 0, 0 }, true, 1, 1 },
	{ V4L2_FRMIVAL_TYPE_DISCRETE, { 0, 30 }, { 0, 0 }, false, 0, 0 },
	{ V4L2_FRMIVAL_TYPE_CONTINUOUS, { 1, 60 }, { 1, 5 }, true, 5, 60 },
	{ V4L2_FRMIVAL_TYPE_STEPWISE, { 1, 60 }, { 1, 60 }, true, 60, 60 },
	/* The wrong way round. */
	{ V4L2_FRMIVAL_TYPE_STEPWISE, { 1, 5 }, { 1, 60 }, false, 0, 0 },
	{ V4L2_FRMIVAL_TYPE_STEPWISE, { 0, 0 }, { 0, 0 }, false, 0, 0 },
};

static void rate_test(struct kunit *test)
{
	struct v4l2_frmivalenum interval;
	struct vha_codec_span rate;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rate_cases); i++) {
		memset(&interval, 0, sizeof(interval));
		interval.type = rate_cases[i].type;
		/* The first of a range is where a single one is. */
		interval.stepwise.min = rate_cases[i].min;
		interval.stepwise.max = rate_cases[i].max;
		KUNIT_ASSERT_EQ_MSG(test, vha_codec_format_rate(&interval, &rate),
				    rate_cases[i].valid, "case %u", i);
		if (!rate_cases[i].valid)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, rate.min, rate_cases[i].lowest, "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, rate.max, rate_cases[i].highest, "case %u", i);
		KUNIT_EXPECT_EQ(test, rate.step, 1);
	}
}

static void size_test(struct kunit *test)
{
	struct v4l2_frmsizeenum size = {
		.type = V4L2_FRMSIZE_TYPE_DISCRETE, .discrete = { 640, 360 },
	};
	struct vha_codec_span width, height;
	struct vha_codec_range range;

	KUNIT_ASSERT_TRUE(test, vha_codec_format_size(&size, &width, &height));
	KUNIT_EXPECT_EQ(test, width.min, 640);
	KUNIT_EXPECT_EQ(test, width.max, 640);
	KUNIT_EXPECT_EQ(test, height.min, 360);
	KUNIT_EXPECT_EQ(test, height.max, 360);
	size.type = V4L2_FRMSIZE_TYPE_STEPWISE;
	size.stepwise = (struct v4l2_frmsize_stepwise) { 16, 1920, 8, 32, 1080, 4 };
	KUNIT_ASSERT_TRUE(test, vha_codec_format_size(&size, &width, &height));
	vha_codec_format_put_range(&range, &width);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(range.min), 16);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(range.max), 1920);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(range.step), 8);
	vha_codec_format_put_range(&range, &height);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(range.min), 32);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(range.max), 1080);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(range.step), 4);
	/* What a driver would divide by, and what is empty. */
	size.stepwise.step_width = 0;
	KUNIT_EXPECT_FALSE(test, vha_codec_format_size(&size, &width, &height));
	size.stepwise = (struct v4l2_frmsize_stepwise) { 16, 8, 8, 32, 1080, 4 };
	KUNIT_EXPECT_FALSE(test, vha_codec_format_size(&size, &width, &height));
	size.stepwise = (struct v4l2_frmsize_stepwise) { 0, 8, 8, 32, 1080, 4 };
	KUNIT_EXPECT_FALSE(test, vha_codec_format_size(&size, &width, &height));
}

static struct vha_codec_params some_params(u32 format)
{
	struct vha_codec_params params = {
		.format = cpu_to_le32(format),
		.frame_width = cpu_to_le32(1280), .frame_height = cpu_to_le32(720),
	};
	unsigned int i;

	for (i = 0; i < VHA_CODEC_PLANES_MAX; i++) {
		params.plane_formats[i].plane_size = cpu_to_le32(1000 + i);
		params.plane_formats[i].stride = cpu_to_le32(100 + i);
	}
	return params;
}

/* The host says how large a frame is, the driver how large one that is coded. */
static void set_test(struct kunit *test)
{
	struct vha_codec_params params = some_params(3);
	struct v4l2_format format;

	memset(&format, 0xff, sizeof(format));
	format.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
	format.fmt.pix.colorspace = 7;
	vha_codec_format_set(&format, &params);
	KUNIT_EXPECT_EQ(test, format.fmt.pix.pixelformat, V4L2_PIX_FMT_NV12);
	KUNIT_EXPECT_EQ(test, format.fmt.pix.width, 1280);
	KUNIT_EXPECT_EQ(test, format.fmt.pix.height, 720);
	KUNIT_EXPECT_EQ(test, format.fmt.pix.field, V4L2_FIELD_NONE);
	KUNIT_EXPECT_EQ(test, format.fmt.pix.bytesperline, 100);
	KUNIT_EXPECT_EQ(test, format.fmt.pix.sizeimage, 0);
	KUNIT_EXPECT_EQ(test, format.fmt.pix.colorspace, 7);
	/* None, and none that is known, leave what is. */
	params = some_params(0);
	vha_codec_format_set(&format, &params);
	KUNIT_EXPECT_EQ(test, format.fmt.pix.pixelformat, V4L2_PIX_FMT_NV12);
	params = some_params(0xffffffff);
	vha_codec_format_set(&format, &params);
	KUNIT_EXPECT_EQ(test, format.fmt.pix.pixelformat, V4L2_PIX_FMT_NV12);
	params = some_params(0x1002);
	vha_codec_format_set(&format, &params);
	KUNIT_EXPECT_EQ(test, format.fmt.pix.pixelformat, V4L2_PIX_FMT_H264);
	KUNIT_EXPECT_EQ(test, format.fmt.pix.sizeimage, 1000);
	KUNIT_EXPECT_EQ(test, format.fmt.pix.bytesperline, 0);
	memset(&format, 0xff, sizeof(format));
	format.type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
	vha_codec_format_set(&format, &params);
	KUNIT_EXPECT_EQ(test, format.fmt.pix_mp.pixelformat, V4L2_PIX_FMT_H264);
	KUNIT_EXPECT_EQ(test, format.fmt.pix_mp.num_planes, 1);
	KUNIT_EXPECT_EQ(test, format.fmt.pix_mp.plane_fmt[0].sizeimage, 1000);
	KUNIT_EXPECT_EQ(test, format.fmt.pix_mp.plane_fmt[1].sizeimage, 0);
}

static void get_test(struct kunit *test)
{
	struct vha_codec_params params = {};
	struct v4l2_format format = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
	u32 sizes[VHA_CODEC_PLANES_MAX];

	format.fmt.pix.pixelformat = V4L2_PIX_FMT_YUV420;
	format.fmt.pix.width = 640;
	format.fmt.pix.height = 360;
	format.fmt.pix.sizeimage = 345600;
	format.fmt.pix.bytesperline = 640;
	vha_codec_format_get(&format, &params);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(params.format), 4);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(params.frame_width), 640);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(params.frame_height), 360);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(params.crop.width), 640);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(params.crop.height), 360);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(params.num_planes), 1);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(params.plane_formats[0].plane_size), 345600);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(params.plane_formats[0].stride), 640);
	/* One the driver has no name for. */
	format.fmt.pix.pixelformat = V4L2_PIX_FMT_GREY;
	vha_codec_format_get(&format, &params);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(params.format), 0);
	/* However many planes there are said to be, there are as many as there may. */
	memset(&format, 0, sizeof(format));
	format.type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
	format.fmt.pix_mp.num_planes = 2;
	format.fmt.pix_mp.plane_fmt[1].sizeimage = 77;
	KUNIT_EXPECT_EQ(test, vha_codec_format_planes(&format, sizes), 2);
	KUNIT_EXPECT_EQ(test, sizes[1], 77);
	format.fmt.pix_mp.num_planes = 255;
	KUNIT_EXPECT_EQ(test, vha_codec_format_planes(&format, sizes), VHA_CODEC_PLANES_MAX);
	format.fmt.pix_mp.num_planes = 0;
	KUNIT_EXPECT_EQ(test, vha_codec_format_planes(&format, sizes), 1);
}

static const struct {
	u32 control;
	u32 format;
	u32 id;
} control_cases[] = {
	{ 1, 0x1002, V4L2_CID_MPEG_VIDEO_BITRATE },
	{ 2, 0x1002, V4L2_CID_MPEG_VIDEO_H264_PROFILE },
	{ 2, 0x1003, V4L2_CID_MPEG_VIDEO_HEVC_PROFILE },
	{ 2, 0x1004, V4L2_CID_MPEG_VIDEO_VP8_PROFILE },
	{ 2, 0x1005, V4L2_CID_MPEG_VIDEO_VP9_PROFILE },
	{ 2, 0x1006, 0 }, { 2, 0, 0 },
	{ 3, 0x1002, V4L2_CID_MPEG_VIDEO_H264_LEVEL }, { 3, 0x1003, 0 },
	{ 4, 0x1004, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME },
	{ 5, 0x1002, V4L2_CID_MPEG_VIDEO_BITRATE_MODE },
	{ 6, 0x1002, V4L2_CID_MPEG_VIDEO_BITRATE_PEAK },
	{ 7, 0x1002, V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR },
	{ 0, 0x1002, 0 }, { 8, 0x1002, 0 }, { U32_MAX, 0x1002, 0 },
};

static void control_test(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(control_cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, vha_codec_value_control(control_cases[i].control,
								  control_cases[i].format),
				    control_cases[i].id, "case %u", i);
	for (i = 0; i < 9; i++) {
		KUNIT_EXPECT_EQ(test, vha_codec_value_exists(i), i != 4);
		KUNIT_EXPECT_EQ(test, vha_codec_value_listed(i), i == 2 || i == 3);
	}
}

static const struct {
	u32 control;
	u32 format;
	u32 value;
	s32 host;
} value_cases[] = {
	{ 1, 0x1002, 4000000, 4000000 }, { 6, 0x1002, 0, 0 }, { 7, 0x1002, 1, 1 },
	{ 2, 0x1002, 0x100, V4L2_MPEG_VIDEO_H264_PROFILE_BASELINE },
	{ 2, 0x1002, 0x101, V4L2_MPEG_VIDEO_H264_PROFILE_MAIN },
	{ 2, 0x1002, 0x103, V4L2_MPEG_VIDEO_H264_PROFILE_HIGH },
	{ 2, 0x1002, 0x10a, V4L2_MPEG_VIDEO_H264_PROFILE_MULTIVIEW_HIGH },
	{ 2, 0x1003, 0x201, V4L2_MPEG_VIDEO_HEVC_PROFILE_MAIN_10 },
	{ 2, 0x1004, 0x303, V4L2_MPEG_VIDEO_VP8_PROFILE_3 },
	{ 2, 0x1005, 0x402, V4L2_MPEG_VIDEO_VP9_PROFILE_2 },
	{ 3, 0x1002, 0x100, V4L2_MPEG_VIDEO_H264_LEVEL_1_0 },
	{ 3, 0x1002, 0x101, V4L2_MPEG_VIDEO_H264_LEVEL_1_1 },
	{ 3, 0x1002, 0x10a, V4L2_MPEG_VIDEO_H264_LEVEL_4_0 },
	{ 3, 0x1002, 0x10e, V4L2_MPEG_VIDEO_H264_LEVEL_5_1 },
	{ 5, 0x1002, 0, V4L2_MPEG_VIDEO_BITRATE_MODE_VBR },
	{ 5, 0x1002, 1, V4L2_MPEG_VIDEO_BITRATE_MODE_CBR },
};

static void value_test(struct kunit *test)
{
	unsigned int i;
	s32 host = -1;
	u32 value = 0;

	for (i = 0; i < ARRAY_SIZE(value_cases); i++) {
		KUNIT_EXPECT_TRUE(test, vha_codec_value_to_host(value_cases[i].control,
								value_cases[i].format,
								value_cases[i].value, &host));
		KUNIT_EXPECT_EQ_MSG(test, host, value_cases[i].host, "case %u", i);
		KUNIT_EXPECT_TRUE(test, vha_codec_value_from_host(value_cases[i].control,
								  value_cases[i].format,
								  value_cases[i].host, &value));
		KUNIT_EXPECT_EQ_MSG(test, value, value_cases[i].value, "case %u", i);
	}
}

static const struct {
	u32 control;
	u32 format;
	u32 value;
} wrong_values[] = {
	{ 1, 0x1002, 0x80000000 }, { 1, 0x1002, U32_MAX }, { 2, 0x1002, 0 },
	{ 2, 0x1002, 0xff }, { 2, 0x1002, 0x10b }, { 2, 0x1002, U32_MAX }, { 2, 0x1003, 0x100 },
	{ 2, 0x1006, 0x100 }, { 3, 0x1002, 0x10f }, { 5, 0x1002, 2 }, { 8, 0x1002, 0 },
};

static void wrong_value_test(struct kunit *test)
{
	unsigned int i;
	u32 value;
	s32 host;

	for (i = 0; i < ARRAY_SIZE(wrong_values); i++)
		KUNIT_EXPECT_FALSE_MSG(test, vha_codec_value_to_host(wrong_values[i].control,
								     wrong_values[i].format,
								     wrong_values[i].value,
								     &host), "case %u", i);
	/* Those of the host that the draft has no number for. */
	KUNIT_EXPECT_FALSE(test, vha_codec_value_from_host(3, 0x1002,
							   V4L2_MPEG_VIDEO_H264_LEVEL_1B,
							   &value));
	KUNIT_EXPECT_FALSE(test, vha_codec_value_from_host(5, 0x1002, 2, &value));
	KUNIT_EXPECT_FALSE(test, vha_codec_value_from_host(1, 0x1002, -1, &value));
	KUNIT_EXPECT_FALSE(test, vha_codec_value_from_host(2, 0x1002, -1, &value));
}

static struct vha_codec_stamps *stamps_create(struct kunit *test)
{
	struct vha_codec_stamps *stamps = kunit_kzalloc(test, sizeof(*stamps), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, stamps);
	return stamps;
}

/* Whatever the driver's timestamp is, it comes back. */
static void stamp_test(struct kunit *test)
{
	static const u64 values[] = { 0, 1, 999, S64_MAX, U64_MAX, 1234567890123456789ULL };
	struct vha_codec_stamps *stamps = stamps_create(test);
	struct v4l2_buffer buffers[ARRAY_SIZE(values)] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(values); i++)
		vha_codec_stamp_put(stamps, values[i], &buffers[i]);
	for (i = ARRAY_SIZE(values); i--; )
		KUNIT_EXPECT_EQ(test, vha_codec_stamp_get(stamps, &buffers[i]), values[i]);
}

static void old_stamp_test(struct kunit *test)
{
	struct vha_codec_stamps *stamps = stamps_create(test);
	struct v4l2_buffer first = {}, second = {}, buffer = {};
	unsigned int i;

	/* None there is yet. */
	KUNIT_EXPECT_EQ(test, vha_codec_stamp_get(stamps, &buffer), 0);
	stamps->next = 1999990;
	vha_codec_stamp_put(stamps, 5, &first);
	vha_codec_stamp_put(stamps, 6, &second);
	KUNIT_EXPECT_EQ(test, first.timestamp.tv_sec, 1);
	KUNIT_EXPECT_EQ(test, first.timestamp.tv_usec, 999990);
	for (i = 2; i < VHA_CODEC_STAMPS; i++)
		vha_codec_stamp_put(stamps, 7, &buffer);
	KUNIT_EXPECT_EQ(test, vha_codec_stamp_get(stamps, &first), 5);
	vha_codec_stamp_put(stamps, 8, &buffer);
	KUNIT_EXPECT_EQ(test, vha_codec_stamp_get(stamps, &first), 0);
	KUNIT_EXPECT_EQ(test, vha_codec_stamp_get(stamps, &second), 6);
	KUNIT_EXPECT_EQ(test, vha_codec_stamp_get(stamps, &buffer), 8);
	/* What no codec was given. */
	buffer.timestamp.tv_sec = 1000000;
	KUNIT_EXPECT_EQ(test, vha_codec_stamp_get(stamps, &buffer), 0);
	buffer.timestamp.tv_sec = -1;
	KUNIT_EXPECT_EQ(test, vha_codec_stamp_get(stamps, &buffer), 0);
}

static struct kunit_case video_codec_cases[] = {
	KUNIT_CASE(format_test),
	KUNIT_CASE(rate_test),
	KUNIT_CASE(size_test),
	KUNIT_CASE(set_test),
	KUNIT_CASE(get_test),
	KUNIT_CASE(control_test),
	KUNIT_CASE(value_test),
	KUNIT_CASE(wrong_value_test),
	KUNIT_CASE(stamp_test),
	KUNIT_CASE(old_stamp_test),
	{}
};

static struct kunit_suite video_codec_suite = {
	.name = "vha_video_codec",
	.test_cases = video_codec_cases,
};

kunit_test_suite(video_codec_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the video class's encoders and decoders");
MODULE_LICENSE("GPL");
