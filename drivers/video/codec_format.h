/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Formats of encoders and decoders: the driver's and V4L2's
 */
#ifndef VHOST_ACCEL_VIDEO_CODEC_FORMAT_H
#define VHOST_ACCEL_VIDEO_CODEC_FORMAT_H

#include <linux/types.h>
#include <linux/videodev2.h>

#include "codec_protocol.h"

/** struct vha_codec_span - values that are possible, see &struct vha_codec_range */
struct vha_codec_span {
	u32 min;
	u32 max;
	u32 step;
};

u32 vha_codec_format_pixels(u32 format);
u32 vha_codec_format_from(u32 pixels);
bool vha_codec_format_coded(u32 format);
bool vha_codec_format_rate(const struct v4l2_frmivalenum *interval, struct vha_codec_span *rate);
bool vha_codec_format_size(const struct v4l2_frmsizeenum *size, struct vha_codec_span *width,
			   struct vha_codec_span *height);
void vha_codec_format_put_range(struct vha_codec_range *range, const struct vha_codec_span *span);
unsigned int vha_codec_format_planes(const struct v4l2_format *format, u32 *sizes);
void vha_codec_format_set(struct v4l2_format *format, const struct vha_codec_params *params);
void vha_codec_format_get(const struct v4l2_format *format, struct vha_codec_params *params);

#endif /* VHOST_ACCEL_VIDEO_CODEC_FORMAT_H */
