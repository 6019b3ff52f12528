// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: a walk through V4L2, inputs and outputs
 */
#include <stddef.h>

#include "tvm_walk.h"

static void walk_selections(struct tvm_walk *walk)
{
	static const int32_t numbers[][4] = {
		{ 0, 0, 640, 360 }, { -1, -1, 1, 1 }, { 16, 16, 320, 240 },
		{ 0x7fffffff, 0, 0x7fffffff, 0x7fffffff }, { 0, 0, 4096, 2160 },
	};
	struct v4l2_selection selection;
	struct v4l2_cropcap cap;
	struct v4l2_crop crop;
	uint32_t type, target;
	unsigned int i;

	for (type = 0; type < TVM_WALK_TYPES; type++) {
		memset(&cap, 0, sizeof(cap));
		memset(&crop, 0, sizeof(crop));
		cap.type = type;
		crop.type = type;
		ASK(walk, type, VIDIOC_CROPCAP, cap);
		ASK(walk, type, VIDIOC_G_CROP, crop);
		crop.c.width += 8;
		ASK(walk, type, VIDIOC_S_CROP, crop);
		if (type > 10)
			continue;
		for (target = 0; target < 0x104; target = target == 3 ? 0x100 : target + 1) {
			memset(&selection, 0, sizeof(selection));
			selection.type = type;
			selection.target = target;
			ASK(walk, target, VIDIOC_G_SELECTION, selection);
			for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
				tvm_walk_pollute(&selection, sizeof(selection));
				selection.type = type;
				selection.target = target;
				selection.flags = i;
				memcpy(&selection.r, numbers[i], sizeof(selection.r));
				ASK(walk, target, VIDIOC_S_SELECTION, selection);
			}
		}
	}
}

static void walk_edid(struct tvm_walk *walk, uint32_t pad, uint32_t first, uint32_t blocks)
{
	struct v4l2_edid edid = { .pad = pad, .start_block = first, .blocks = blocks };
	uint8_t bytes[4 * 128];
	int ret;

	memset(bytes, 0x5a, sizeof(bytes));
	edid.edid = bytes;
	ret = tvm_video_ioctl(walk->video, VIDIOC_G_EDID, &edid);
	EXPECT_TRUE(edid.edid == bytes);
	tvm_walk_note(walk, "VIDIOC_G_EDID", blocks, ret, &edid,
		      offsetof(struct v4l2_edid, edid));
	tvm_walk_note(walk, "EDID", blocks, 0, bytes, ret ? 0 : edid.blocks * 128);
}

static void walk_timings(struct tvm_walk *walk)
{
	struct v4l2_enum_dv_timings list;
	struct v4l2_dv_timings timings;
	struct v4l2_dv_timings_cap cap = { 0 };
	unsigned int i;
	int ret = 0;

	ASK(walk, 0, VIDIOC_DV_TIMINGS_CAP, cap);
	cap.pad = 7;
	ASK(walk, 7, VIDIOC_DV_TIMINGS_CAP, cap);
	memset(&timings, 0, sizeof(timings));
	ASK(walk, 0, VIDIOC_QUERY_DV_TIMINGS, timings);
	for (i = 0; !ret && i < 20; i++) {
		memset(&list, 0, sizeof(list));
		list.index = i * i;
		ret = ASK(walk, i, VIDIOC_ENUM_DV_TIMINGS, list);
		if (!ret && i % 4 == 0) {
			ASK(walk, i, VIDIOC_S_DV_TIMINGS, list.timings);
			ASK(walk, i, VIDIOC_G_DV_TIMINGS, timings);
		}
	}
	tvm_walk_pollute(&timings, sizeof(timings));
	ASK(walk, i, VIDIOC_S_DV_TIMINGS, timings);
	for (i = 0; i < 4; i++)
		walk_edid(walk, 0, 0, i);
	walk_edid(walk, 0, 1, 2);
	walk_edid(walk, 9, 0, 1);
}

static void walk_standards(struct tvm_walk *walk)
{
	static const v4l2_std_id some[] = { V4L2_STD_PAL, V4L2_STD_NTSC_M, 0, ~0ULL };
	struct v4l2_standard standard;
	v4l2_std_id id = 0;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < TVM_WALK_MANY; i++) {
		memset(&standard, 0, sizeof(standard));
		standard.index = i;
		ret = ASK(walk, i, VIDIOC_ENUMSTD, standard);
	}
	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		id = some[i];
		ASK(walk, i, VIDIOC_S_STD, id);
		ASK(walk, i, VIDIOC_G_STD, id);
	}
	id = V4L2_STD_PAL;
	ASK(walk, i, VIDIOC_S_STD, id);
	ASK(walk, i, VIDIOC_QUERYSTD, id);
}

static void walk_tuners(struct tvm_walk *walk)
{
	struct v4l2_frequency frequency;
	struct v4l2_modulator modulator;
	struct v4l2_frequency_band band;
	struct v4l2_tuner tuner;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		memset(&tuner, 0, sizeof(tuner));
		tuner.index = i;
		ASK(walk, i, VIDIOC_G_TUNER, tuner);
		ASK(walk, i, VIDIOC_S_TUNER, tuner);
		memset(&modulator, 0, sizeof(modulator));
		modulator.index = i;
		ASK(walk, i, VIDIOC_G_MODULATOR, modulator);
		ASK(walk, i, VIDIOC_S_MODULATOR, modulator);
		memset(&frequency, 0, sizeof(frequency));
		frequency.tuner = i;
		frequency.type = V4L2_TUNER_ANALOG_TV;
		ASK(walk, i, VIDIOC_G_FREQUENCY, frequency);
		frequency.frequency += 16;
		ASK(walk, i, VIDIOC_S_FREQUENCY, frequency);
		frequency.frequency -= 16;
		ASK(walk, i, VIDIOC_S_FREQUENCY, frequency);
		memset(&band, 0, sizeof(band));
		band.type = V4L2_TUNER_ANALOG_TV;
		band.index = i;
		ASK(walk, i, VIDIOC_ENUM_FREQ_BANDS, band);
	}
}

static void walk_audio(struct tvm_walk *walk)
{
	struct v4l2_audioout out;
	struct v4l2_audio audio;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		memset(&audio, 0, sizeof(audio));
		memset(&out, 0, sizeof(out));
		audio.index = i;
		out.index = i;
		ASK(walk, i, VIDIOC_ENUMAUDIO, audio);
		ASK(walk, i, VIDIOC_G_AUDIO, audio);
		audio.index = i;
		ASK(walk, i, VIDIOC_S_AUDIO, audio);
		ASK(walk, i, VIDIOC_ENUMAUDOUT, out);
		ASK(walk, i, VIDIOC_G_AUDOUT, out);
		out.index = i;
		ASK(walk, i, VIDIOC_S_AUDOUT, out);
	}
}

static void walk_streaming(struct tvm_walk *walk)
{
	struct v4l2_streamparm streaming;
	const struct v4l2_captureparm wanted = { .timeperframe = { 1, 25 } };
	uint32_t type;

	for (type = 0; type < TVM_WALK_TYPES; type++) {
		memset(&streaming, 0, sizeof(streaming));
		streaming.type = type;
		ASK(walk, type, VIDIOC_G_PARM, streaming);
		tvm_walk_pollute(&streaming, sizeof(streaming));
		streaming.type = type;
		memcpy(&streaming.parm, &wanted, sizeof(wanted));
		ASK(walk, type, VIDIOC_S_PARM, streaming);
	}
}

/**
 * tvm_walk_inputs() - inputs and outputs, and what belongs to them
 * @walk: the walk
 */
void tvm_walk_inputs(struct tvm_walk *walk)
{
	struct v4l2_output output;
	struct v4l2_input input;
	int number, current, ret = 0;

	for (number = 0; !ret && number < 16; number++) {
		memset(&input, 0, sizeof(input));
		input.index = number;
		ret = ASK(walk, number, VIDIOC_ENUMINPUT, input);
		current = number;
		ASK(walk, number, VIDIOC_S_INPUT, current);
		ASK(walk, number, VIDIOC_G_INPUT, current);
		walk_timings(walk);
		walk_standards(walk);
		walk_tuners(walk);
		walk_audio(walk);
		walk_streaming(walk);
	}
	for (number = 0, ret = 0; !ret && number < 16; number++) {
		memset(&output, 0, sizeof(output));
		output.index = number;
		ret = ASK(walk, number, VIDIOC_ENUMOUTPUT, output);
		current = number;
		ASK(walk, number, VIDIOC_S_OUTPUT, current);
		ASK(walk, number, VIDIOC_G_OUTPUT, current);
		walk_selections(walk);
	}
	current = -1;
	ASK(walk, -1, VIDIOC_S_INPUT, current);
	current = 0;
	ASK(walk, 0, VIDIOC_S_INPUT, current);
	current = 0;
	ASK(walk, 0, VIDIOC_S_OUTPUT, current);
	walk_selections(walk);
	walk_streaming(walk);
}
