// SPDX-License-Identifier: GPL-2.0-only
/*
 * Formats of encoders and decoders: the driver's and V4L2's
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "codec_format.h"

static const struct {
	u32 format;
	u32 pixels;
} formats[] = {
	{ VHA_CODEC_ARGB8888, V4L2_PIX_FMT_ARGB32 },
	{ VHA_CODEC_BGRA8888, V4L2_PIX_FMT_ABGR32 },
	{ VHA_CODEC_NV12, V4L2_PIX_FMT_NV12 },
	{ VHA_CODEC_YUV420, V4L2_PIX_FMT_YUV420 },
	{ VHA_CODEC_YVU420, V4L2_PIX_FMT_YVU420 },
	{ VHA_CODEC_MPEG2, V4L2_PIX_FMT_MPEG2 },
	{ VHA_CODEC_MPEG4, V4L2_PIX_FMT_MPEG4 },
	{ VHA_CODEC_H264, V4L2_PIX_FMT_H264 },
	{ VHA_CODEC_HEVC, V4L2_PIX_FMT_HEVC },
	{ VHA_CODEC_VP8, V4L2_PIX_FMT_VP8 },
	{ VHA_CODEC_VP9, V4L2_PIX_FMT_VP9 },
	{ VHA_CODEC_FWHT, V4L2_PIX_FMT_FWHT },
};

/**
 * vha_codec_format_pixels() - V4L2's name of a format
 * @format: &enum vha_codec_format
 *
 * Return: V4L2_PIX_FMT_*, or 0 for what is none.
 */
u32 vha_codec_format_pixels(u32 format)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (formats[i].format == format)
			return formats[i].pixels;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_format_pixels);

/**
 * vha_codec_format_from() - the driver's name of a format
 * @pixels: V4L2_PIX_FMT_*
 *
 * Return: &enum vha_codec_format, or 0 for one it does not know.
 */
u32 vha_codec_format_from(u32 pixels)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (formats[i].pixels == pixels)
			return formats[i].format;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_format_from);

/**
 * vha_codec_format_coded() - whether frames of a format are coded
 * @format: &enum vha_codec_format
 */
bool vha_codec_format_coded(u32 format)
{
	return format >= VHA_CODEC_CODED;
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_format_coded);

static u32 per_second(const struct v4l2_fract *interval)
{
	return interval->numerator ? max(interval->denominator / interval->numerator, 1U) : 0;
}

/**
 * vha_codec_format_rate() - frames per second from time between frames
 * @interval: as of VIDIOC_ENUM_FRAMEINTERVALS
 * @rate: filled in
 *
 * Return: whether it makes sense.
 */
bool vha_codec_format_rate(const struct v4l2_frmivalenum *interval, struct vha_codec_span *rate)
{
	if (interval->type == V4L2_FRMIVAL_TYPE_DISCRETE) {
		rate->min = per_second(&interval->discrete);
		rate->max = rate->min;
	} else {
		rate->min = per_second(&interval->stepwise.max);
		rate->max = per_second(&interval->stepwise.min);
	}
	rate->step = 1;
	return rate->min && rate->min <= rate->max;
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_format_rate);

static bool sensible(const struct vha_codec_span *span)
{
	return span->min && span->min <= span->max && span->step;
}

/**
 * vha_codec_format_size() - ranges of width and height
 * @size: as of VIDIOC_ENUM_FRAMESIZES
 * @width: filled in
 * @height: filled in
 *
 * Return: whether they make sense.
 */
bool vha_codec_format_size(const struct v4l2_frmsizeenum *size, struct vha_codec_span *width,
			   struct vha_codec_span *height)
{
	if (size->type == V4L2_FRMSIZE_TYPE_DISCRETE) {
		*width = (struct vha_codec_span) {
			size->discrete.width, size->discrete.width, 1
		};
		*height = (struct vha_codec_span) {
			size->discrete.height, size->discrete.height, 1
		};
	} else {
		*width = (struct vha_codec_span) {
			size->stepwise.min_width, size->stepwise.max_width,
			size->stepwise.step_width
		};
		*height = (struct vha_codec_span) {
			size->stepwise.min_height, size->stepwise.max_height,
			size->stepwise.step_height
		};
	}
	return sensible(width) && sensible(height);
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_format_size);

/**
 * vha_codec_format_put_range() - a range as the driver sees it
 * @range: filled in
 * @span: the range
 */
void vha_codec_format_put_range(struct vha_codec_range *range, const struct vha_codec_span *span)
{
	*range = (struct vha_codec_range) {
		.min = cpu_to_le32(span->min),
		.max = cpu_to_le32(span->max),
		.step = cpu_to_le32(span->step),
	};
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_format_put_range);

/**
 * vha_codec_format_planes() - sizes of the buffers a frame needs
 * @format: format of a V4L2 queue
 * @sizes: filled in, VHA_CODEC_PLANES_MAX of them
 *
 * Return: how many.
 */
unsigned int vha_codec_format_planes(const struct v4l2_format *format, u32 *sizes)
{
	const struct v4l2_pix_format_mplane *mp = &format->fmt.pix_mp;
	unsigned int i, nr;

	if (!V4L2_TYPE_IS_MULTIPLANAR(format->type)) {
		sizes[0] = format->fmt.pix.sizeimage;
		return 1;
	}
	nr = clamp_t(unsigned int, mp->num_planes, 1, VHA_CODEC_PLANES_MAX);
	for (i = 0; i < nr; i++)
		sizes[i] = mp->plane_fmt[i].sizeimage;
	return nr;
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_format_planes);

/*
 * The size of coded frames is for the driver to say, that of others for the host. Of
 * others the first stride tells all.
 */
static void set_planes(struct v4l2_format *format, const struct vha_codec_params *params,
		       bool coded)
{
	struct v4l2_pix_format_mplane *mp = &format->fmt.pix_mp;
	struct v4l2_pix_format *pix = &format->fmt.pix;
	u32 stride = coded ? 0 : le32_to_cpu(params->plane_formats[0].stride);
	u32 size = coded ? le32_to_cpu(params->plane_formats[0].plane_size) : 0;

	if (!V4L2_TYPE_IS_MULTIPLANAR(format->type)) {
		pix->bytesperline = stride;
		pix->sizeimage = size;
		return;
	}
	memset(mp->plane_fmt, 0, sizeof(mp->plane_fmt));
	mp->plane_fmt[0].bytesperline = stride;
	mp->plane_fmt[0].sizeimage = size;
	if (coded)
		mp->num_planes = 1;
}

/**
 * vha_codec_format_set() - what the driver wants, for VIDIOC_S_FMT
 * @format: the format the queue has; updated
 * @params: what the driver wants; a format of 0, or one that is none, leaves it
 */
void vha_codec_format_set(struct v4l2_format *format, const struct vha_codec_params *params)
{
	struct v4l2_pix_format_mplane *mp = &format->fmt.pix_mp;
	struct v4l2_pix_format *pix = &format->fmt.pix;
	u32 pixels = vha_codec_format_pixels(le32_to_cpu(params->format));

	if (V4L2_TYPE_IS_MULTIPLANAR(format->type)) {
		mp->pixelformat = pixels ?: mp->pixelformat;
		mp->width = le32_to_cpu(params->frame_width);
		mp->height = le32_to_cpu(params->frame_height);
		mp->field = V4L2_FIELD_NONE;
		pixels = mp->pixelformat;
	} else {
		pix->pixelformat = pixels ?: pix->pixelformat;
		pix->width = le32_to_cpu(params->frame_width);
		pix->height = le32_to_cpu(params->frame_height);
		pix->field = V4L2_FIELD_NONE;
		pixels = pix->pixelformat;
	}
	set_planes(format, params, vha_codec_format_coded(vha_codec_format_from(pixels)));
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_format_set);

static void get_planes(const struct v4l2_format *format, struct vha_codec_params *params)
{
	const struct v4l2_pix_format_mplane *mp = &format->fmt.pix_mp;
	u32 sizes[VHA_CODEC_PLANES_MAX];
	unsigned int i, nr = vha_codec_format_planes(format, sizes);

	params->num_planes = cpu_to_le32(nr);
	for (i = 0; i < nr; i++) {
		u32 stride = V4L2_TYPE_IS_MULTIPLANAR(format->type) ?
			     mp->plane_fmt[i].bytesperline : format->fmt.pix.bytesperline;

		params->plane_formats[i].plane_size = cpu_to_le32(sizes[i]);
		params->plane_formats[i].stride = cpu_to_le32(stride);
	}
}

/**
 * vha_codec_format_get() - the format of a queue, for the driver
 * @format: as of VIDIOC_G_FMT
 * @params: format, size and planes are filled in; the whole frame counts
 */
void vha_codec_format_get(const struct v4l2_format *format, struct vha_codec_params *params)
{
	const struct v4l2_pix_format_mplane *mp = &format->fmt.pix_mp;
	const struct v4l2_pix_format *pix = &format->fmt.pix;
	bool mplane = V4L2_TYPE_IS_MULTIPLANAR(format->type);

	params->format = cpu_to_le32(vha_codec_format_from(mplane ? mp->pixelformat :
							   pix->pixelformat));
	params->frame_width = cpu_to_le32(mplane ? mp->width : pix->width);
	params->frame_height = cpu_to_le32(mplane ? mp->height : pix->height);
	params->crop = (struct vha_codec_rect) {
		.width = params->frame_width, .height = params->frame_height,
	};
	get_planes(format, params);
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_format_get);
