// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: a walk through V4L2, formats, sizes and rates
 */
#include "tvm_walk.h"

static void walk_intervals(struct tvm_walk *walk, uint32_t pixels, uint32_t width,
			   uint32_t height)
{
	struct v4l2_frmivalenum interval;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < TVM_WALK_MANY; i++) {
		memset(&interval, 0, sizeof(interval));
		interval.index = i;
		interval.pixel_format = pixels;
		interval.width = width;
		interval.height = height;
		ret = ASK(walk, i, VIDIOC_ENUM_FRAMEINTERVALS, interval);
	}
}

static void walk_sizes(struct tvm_walk *walk, uint32_t pixels)
{
	struct v4l2_frmsizeenum size;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < TVM_WALK_MANY; i++) {
		memset(&size, 0, sizeof(size));
		size.index = i;
		size.pixel_format = pixels;
		ret = ASK(walk, i, VIDIOC_ENUM_FRAMESIZES, size);
		if (!ret && size.type == V4L2_FRMSIZE_TYPE_DISCRETE)
			walk_intervals(walk, pixels, size.discrete.width,
				       size.discrete.height);
	}
	walk_intervals(walk, pixels, 640, 360);
	walk_intervals(walk, pixels, 641, 0);
}

static void walk_format(struct tvm_walk *walk, uint32_t type, uint32_t pixels)
{
	static const uint32_t widths[] = { 0, 1, 641, 1280, 0xffffffff };
	struct v4l2_format format;
	unsigned int i;

	for (i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		memset(&format, 0, sizeof(format));
		format.type = type;
		/* Width, height, format and field stand at the same place everywhere. */
		format.fmt.pix.width = widths[i];
		format.fmt.pix.height = widths[i] / 2;
		format.fmt.pix.pixelformat = pixels;
		format.fmt.pix.field = i;
		ASK(walk, i, VIDIOC_TRY_FMT, format);
	}
	tvm_walk_pollute(&format, sizeof(format));
	format.type = type;
	format.fmt.pix.pixelformat = pixels;
	ASK(walk, i, VIDIOC_TRY_FMT, format);
	ASK(walk, i, VIDIOC_S_FMT, format);
	ASK(walk, i, VIDIOC_G_FMT, format);
}

/**
 * tvm_walk_formats() - formats, sizes and rates
 * @walk: the walk
 */
void tvm_walk_formats(struct tvm_walk *walk)
{
	struct v4l2_fmtdesc desc;
	uint32_t type;
	unsigned int i;
	int ret;

	for (type = 0; type < TVM_WALK_TYPES; type++) {
		for (i = 0, ret = 0; !ret && i < TVM_WALK_MANY; i++) {
			memset(&desc, 0, sizeof(desc));
			desc.type = type;
			desc.index = i;
			ret = ASK(walk, i, VIDIOC_ENUM_FMT, desc);
			if (!ret && i % 8 == 0)
				walk_sizes(walk, desc.pixelformat);
			if (!ret && i % 4 == 1 && !tvm_walk_overlay(type))
				walk_format(walk, type, desc.pixelformat);
		}
		tvm_walk_pollute(&desc, sizeof(desc));
		desc.type = type;
		ASK(walk, i, VIDIOC_ENUM_FMT, desc);
		if (!tvm_walk_overlay(type))
			walk_format(walk, type, 0x20202020);
	}
	walk_sizes(walk, 0x20202020);
}
