/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Timestamps of frames on their way through a codec
 */
#ifndef VHOST_ACCEL_VIDEO_CODEC_STAMP_H
#define VHOST_ACCEL_VIDEO_CODEC_STAMP_H

#include <linux/types.h>
#include <linux/videodev2.h>

/** define VHA_CODEC_STAMPS - frames a codec may keep at the same time */
#define VHA_CODEC_STAMPS	256

/**
 * struct vha_codec_stamps - timestamps of the frames that went in last
 * @next: number of the next frame
 * @values: their timestamps, by number
 */
struct vha_codec_stamps {
	u64 next;
	u64 values[VHA_CODEC_STAMPS];
};

void vha_codec_stamp_put(struct vha_codec_stamps *stamps, u64 value, struct v4l2_buffer *buffer);
u64 vha_codec_stamp_get(const struct vha_codec_stamps *stamps, const struct v4l2_buffer *buffer);

#endif /* VHOST_ACCEL_VIDEO_CODEC_STAMP_H */
