// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timestamps of frames on their way through a codec
 *
 * A codec hands timestamps through as they are, but the host's have less digits than
 * the driver's. So what goes through the codec is the number of the frame.
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/math64.h>
#include <linux/time64.h>

#include "codec_stamp.h"

/**
 * vha_codec_stamp_put() - a frame goes in
 * @stamps: the timestamps
 * @value: the driver's
 * @buffer: its timestamp is set
 */
void vha_codec_stamp_put(struct vha_codec_stamps *stamps, u64 value, struct v4l2_buffer *buffer)
{
	u32 rest;

	stamps->values[stamps->next % VHA_CODEC_STAMPS] = value;
	buffer->timestamp.tv_sec = div_u64_rem(stamps->next, USEC_PER_SEC, &rest);
	buffer->timestamp.tv_usec = rest;
	stamps->next++;
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_stamp_put);

/**
 * vha_codec_stamp_get() - a frame came out
 * @stamps: the timestamps
 * @buffer: the frame, with the timestamp the codec handed through
 *
 * Return: the driver's timestamp; 0 for one that is too old, or that nobody set.
 */
u64 vha_codec_stamp_get(const struct vha_codec_stamps *stamps, const struct v4l2_buffer *buffer)
{
	u64 number = (u64)buffer->timestamp.tv_sec * USEC_PER_SEC + buffer->timestamp.tv_usec;

	/* Wraps for numbers that are still to come. */
	if (stamps->next - number - 1 >= VHA_CODEC_STAMPS)
		return 0;
	return stamps->values[number % VHA_CODEC_STAMPS];
}
EXPORT_SYMBOL_IF_KUNIT(vha_codec_stamp_get);
