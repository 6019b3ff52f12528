/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Controls of encoders and decoders: the driver's and V4L2's
 */
#ifndef VHOST_ACCEL_VIDEO_CODEC_VALUE_H
#define VHOST_ACCEL_VIDEO_CODEC_VALUE_H

#include <linux/types.h>

#include "codec_protocol.h"

u32 vha_codec_value_control(u32 control, u32 format);
bool vha_codec_value_exists(u32 control);
bool vha_codec_value_listed(u32 control);
bool vha_codec_value_to_host(u32 control, u32 format, u32 value, s32 *host);
bool vha_codec_value_from_host(u32 control, u32 format, s32 host, u32 *value);

#endif /* VHOST_ACCEL_VIDEO_CODEC_VALUE_H */
