// SPDX-License-Identifier: GPL-2.0-only
/*
 * Controls of encoders and decoders: the driver's and V4L2's
 *
 * For V4L2 profiles and levels of different formats are different controls.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/v4l2-controls.h>

#include "codec_format.h"
#include "codec_value.h"

/**
 * struct value_map - a control whose values have different numbers
 * @control: the driver's
 * @format: for which format, 0 for any
 * @id: V4L2_CID_*
 * @first: the driver's number of the first value; the others follow
 * @hosts: V4L2's numbers
 * @nr: how many there are
 */
struct value_map {
	u32 control;
	u32 format;
	u32 id;
	u32 first;
	const u8 *hosts;
	unsigned int nr;
};

static const u8 h264_profiles[] = {
	V4L2_MPEG_VIDEO_H264_PROFILE_BASELINE,
	V4L2_MPEG_VIDEO_H264_PROFILE_MAIN,
	V4L2_MPEG_VIDEO_H264_PROFILE_EXTENDED,
	V4L2_MPEG_VIDEO_H264_PROFILE_HIGH,
	V4L2_MPEG_VIDEO_H264_PROFILE_HIGH_10,
	V4L2_MPEG_VIDEO_H264_PROFILE_HIGH_422,
	V4L2_MPEG_VIDEO_H264_PROFILE_HIGH_444_PREDICTIVE,
	V4L2_MPEG_VIDEO_H264_PROFILE_SCALABLE_BASELINE,
	V4L2_MPEG_VIDEO_H264_PROFILE_SCALABLE_HIGH,
	V4L2_MPEG_VIDEO_H264_PROFILE_STEREO_HIGH,
	V4L2_MPEG_VIDEO_H264_PROFILE_MULTIVIEW_HIGH,
};

static const u8 hevc_profiles[] = {
	V4L2_MPEG_VIDEO_HEVC_PROFILE_MAIN,
	V4L2_MPEG_VIDEO_HEVC_PROFILE_MAIN_10,
	V4L2_MPEG_VIDEO_HEVC_PROFILE_MAIN_STILL_PICTURE,
};

static const u8 vp8_profiles[] = {
	V4L2_MPEG_VIDEO_VP8_PROFILE_0, V4L2_MPEG_VIDEO_VP8_PROFILE_1,
	V4L2_MPEG_VIDEO_VP8_PROFILE_2, V4L2_MPEG_VIDEO_VP8_PROFILE_3,
};

static const u8 vp9_profiles[] = {
	V4L2_MPEG_VIDEO_VP9_PROFILE_0, V4L2_MPEG_VIDEO_VP9_PROFILE_1,
	V4L2_MPEG_VIDEO_VP9_PROFILE_2, V4L2_MPEG_VIDEO_VP9_PROFILE_3,
};

static const u8 h264_levels[] = {
	V4L2_MPEG_VIDEO_H264_LEVEL_1_0, V4L2_MPEG_VIDEO_H264_LEVEL_1_1,
	V4L2_MPEG_VIDEO_H264_LEVEL_1_2, V4L2_MPEG_VIDEO_H264_LEVEL_1_3,
	V4L2_MPEG_VIDEO_H264_LEVEL_2_0, V4L2_MPEG_VIDEO_H264_LEVEL_2_1,
	V4L2_MPEG_VIDEO_H264_LEVEL_2_2, V4L2_MPEG_VIDEO_H264_LEVEL_3_0,
	V4L2_MPEG_VIDEO_H264_LEVEL_3_1, V4L2_MPEG_VIDEO_H264_LEVEL_3_2,
	V4L2_MPEG_VIDEO_H264_LEVEL_4_0, V4L2_MPEG_VIDEO_H264_LEVEL_4_1,
	V4L2_MPEG_VIDEO_H264_LEVEL_4_2, V4L2_MPEG_VIDEO_H264_LEVEL_5_0,
	V4L2_MPEG_VIDEO_H264_LEVEL_5_1,
};

static const u8 bitrate_modes[] = {
	V4L2_MPEG_VIDEO_BITRATE_MODE_VBR, V4L2_MPEG_VIDEO_BITRATE_MODE_CBR,
};

static const struct value_map maps[] = {
	{ VHA_CODEC_PROFILE, VHA_CODEC_H264, V4L2_CID_MPEG_VIDEO_H264_PROFILE, 0x100,
	  h264_profiles, ARRAY_SIZE(h264_profiles) },
	{ VHA_CODEC_PROFILE, VHA_CODEC_HEVC, V4L2_CID_MPEG_VIDEO_HEVC_PROFILE, 0x200,
	  hevc_profiles, ARRAY_SIZE(hevc_profiles) },
	{ VHA_CODEC_PROFILE, VHA_CODEC_VP8, V4L2_CID_MPEG_VIDEO_VP8_PROFILE, 0x300,
	  vp8_profiles, ARRAY_SIZE(vp8_profiles) },
	{ VHA_CODEC_PROFILE, VHA_CODEC_VP9, V4L2_CID_MPEG_VIDEO_VP9_PROFILE, 0x400,
	  vp9_profiles, ARRAY_SIZE(vp9_profiles) },
	{ VHA_CODEC_LEVEL, VHA_CODEC_H264, V4L2_CID_MPEG_VIDEO_H264_LEVEL, 0x100,
	  h264_levels, ARRAY_SIZE(h264_levels) },
	{ VHA_CODEC_BITRATE_MODE, 0, V4L2_CID_MPEG_VIDEO_BITRATE_MODE, 0,
	  bitrate_modes, ARRAY_SIZE(bitrate_modes) },
	/* Of these the value is the same, or there is none. */
	{ VHA_CODEC_BITRATE, 0, V4L2_CID_MPEG_VIDEO_BITRATE },
	{ VHA_CODEC_BITRATE_PEAK, 0, V4L2_CID_MPEG_VIDEO_BITRATE_PEAK },
	{ VHA_CODEC_FORCE_KEYFRAME, 0, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME },
	{ VHA_CODEC_PREPEND_HEADERS, 0, V4L2_CID_MPEG_VIDEO_PREPEND_SPSPPS_TO_IDR },
};

static const struct value_map *map_find(u32 control, u32 format)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(maps); i++)
		if (maps[i].control == control && (!maps[i].format || maps[i].format == format))
			return &maps[i];
	return NULL;
}

/**
 * vha_codec_value_control() - V4L2's name of a control
 * @control: &enum vha_codec_control_id
 * @format: the coded format
 *
 * Return: V4L2_CID_*, or 0 for one the format does not have.
 */
u32 vha_codec_value_control(u32 control, u32 format)
{
	const struct value_map *map = map_find(control, format);

	return map ? map->id : 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_value_control);

/**
 * vha_codec_value_exists() - whether a control has a value
 * @control: &enum vha_codec_control_id
 */
bool vha_codec_value_exists(u32 control)
{
	return control != VHA_CODEC_FORCE_KEYFRAME;
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_value_exists);

/**
 * vha_codec_value_listed() - whether VHA_CODEC_QUERY_CONTROL lists its values
 * @control: &enum vha_codec_control_id
 */
bool vha_codec_value_listed(u32 control)
{
	return control == VHA_CODEC_PROFILE || control == VHA_CODEC_LEVEL;
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_value_listed);

/**
 * vha_codec_value_to_host() - V4L2's number of a value
 * @control: &enum vha_codec_control_id
 * @format: the coded format
 * @value: the driver's number
 * @host: set to V4L2's
 *
 * Return: whether there is such a value.
 */
bool vha_codec_value_to_host(u32 control, u32 format, u32 value, s32 *host)
{
	const struct value_map *map = map_find(control, format);

	if (!map)
		return false;
	if (!map->nr) {
		*host = value;
		return value <= S32_MAX;
	}
	if (value < map->first || value - map->first >= map->nr)
		return false;
	*host = map->hosts[value - map->first];
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_value_to_host);

/**
 * vha_codec_value_from_host() - the driver's number of a value
 * @control: &enum vha_codec_control_id
 * @format: the coded format
 * @host: V4L2's number
 * @value: set to the driver's
 *
 * Return: whether the driver knows such a value.
 */
bool vha_codec_value_from_host(u32 control, u32 format, s32 host, u32 *value)
{
	const struct value_map *map = map_find(control, format);
	unsigned int i;

	if (!map)
		return false;
	if (!map->nr) {
		*value = host;
		return host >= 0;
	}
	for (i = 0; i < map->nr; i++) {
		if (map->hosts[i] != host)
			continue;
		*value = map->first + i;
		return true;
	}
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_value_from_host);
