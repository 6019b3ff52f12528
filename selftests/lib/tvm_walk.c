// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: a walk through all of V4L2
 *
 * As v4l2-compliance does it, with arguments that make sense and such that do not.
 * Calls that touch the state of the device come in an order that leaves the same state
 * behind.
 */
#include <stdlib.h>

#include "tvm_walk.h"

/* What the guest can not have. */
#define HIDDEN_DEVICE_CAPS (V4L2_CAP_READWRITE | V4L2_CAP_ASYNCIO | V4L2_CAP_VIDEO_OVERLAY | \
			    V4L2_CAP_VIDEO_OUTPUT_OVERLAY | V4L2_CAP_DEVICE_CAPS)
#define MORE		1024

/**
 * tvm_walk_note() - note an answer
 * @walk: the walk
 * @name: of the question
 * @number: what it was about
 * @result: 0 or an errno
 * @bytes: what was answered
 * @len: bytes of it
 */
void tvm_walk_note(struct tvm_walk *walk, const char *name, unsigned int number,
		   int result, const void *bytes, size_t len)
{
	struct tvm_answer *answer;

	if (walk->count % MORE == 0)
		walk->answers = realloc(walk->answers,
					(walk->count + MORE) * sizeof(*walk->answers));
	ASSERT_TRUE(walk->answers);
	answer = &walk->answers[walk->count++];
	answer->name = name;
	answer->number = number;
	answer->result = result;
	answer->len = len;
	answer->bytes = malloc(len + 1);
	ASSERT_TRUE(answer->bytes);
	memcpy(answer->bytes, bytes, len);
}

/**
 * tvm_walk_ask() - an ioctl, and note what was answered
 * @walk: the walk
 * @name: of the ioctl
 * @number: what it is about
 * @cmd: VIDIOC_*
 * @arg: argument
 * @len: bytes of it
 */
int tvm_walk_ask(struct tvm_walk *walk, const char *name, unsigned int number,
		 unsigned long cmd, void *arg, size_t len)
{
	int ret = tvm_video_ioctl(walk->video, cmd, arg);

	tvm_walk_note(walk, name, number, ret, arg, len);
	return ret;
}

/**
 * tvm_walk_pollute() - fill an argument with bytes that mean nothing
 * @arg: the argument
 * @len: bytes of it
 *
 * Reserved members are cleared by the host, whatever is there.
 */
void tvm_walk_pollute(void *arg, size_t len)
{
	memset(arg, 0xa5, len);
}

/**
 * tvm_walk_overlay() - whether the guest can not have buffers of a type
 * @type: the type
 *
 * Overlays need a frame buffer of the host's, which the guest does not get.
 */
bool tvm_walk_overlay(uint32_t type)
{
	return type == V4L2_BUF_TYPE_VIDEO_OVERLAY ||
	       type == V4L2_BUF_TYPE_VIDEO_OUTPUT_OVERLAY;
}

static void walk_capabilities(struct tvm_walk *walk)
{
	struct v4l2_capability cap = { 0 };

	ASSERT_EQ(tvm_video_ioctl(walk->video, VIDIOC_QUERYCAP, &cap), 0);
	cap.device_caps &= ~HIDDEN_DEVICE_CAPS;
	tvm_walk_note(walk, "card", 0, 0, cap.card, sizeof(cap.card));
	tvm_walk_note(walk, "device_caps", 0, 0, &cap.device_caps, sizeof(cap.device_caps));
}

static void walk_commands(struct tvm_walk *walk)
{
	struct v4l2_encoder_cmd encoder;
	struct v4l2_decoder_cmd decoder;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		memset(&encoder, 0, sizeof(encoder));
		memset(&decoder, 0, sizeof(decoder));
		encoder.cmd = i;
		decoder.cmd = i;
		ASK(walk, i, VIDIOC_TRY_ENCODER_CMD, encoder);
		ASK(walk, i, VIDIOC_TRY_DECODER_CMD, decoder);
		ASK(walk, i, VIDIOC_ENCODER_CMD, encoder);
		ASK(walk, i, VIDIOC_DECODER_CMD, decoder);
	}
	tvm_walk_pollute(&encoder, sizeof(encoder));
	ASK(walk, i, VIDIOC_TRY_ENCODER_CMD, encoder);
}

/* The end of it: who has let go of his priority can do little while others have one. */
static void walk_priorities(struct tvm_walk *walk)
{
	enum v4l2_priority priority;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		priority = i;
		ASK(walk, i, VIDIOC_S_PRIORITY, priority);
		ASK(walk, i, VIDIOC_G_PRIORITY, priority);
	}
	priority = V4L2_PRIORITY_DEFAULT;
	ASK(walk, i, VIDIOC_S_PRIORITY, priority);
}

/**
 * tvm_walk_everything() - take the walk
 * @walk: zero
 * @video: where
 */
void tvm_walk_everything(struct tvm_walk *walk, struct tvm_video *video)
{
	walk->video = video;
	walk_capabilities(walk);
	tvm_walk_inputs(walk);
	tvm_walk_formats(walk);
	tvm_walk_controls(walk);
	tvm_walk_events(walk);
	walk_commands(walk);
	tvm_walk_buffers(walk);
	walk_priorities(walk);
}

/**
 * tvm_walk_forget() - forget all answers
 * @walk: the walk
 */
void tvm_walk_forget(struct tvm_walk *walk)
{
	unsigned int i;

	for (i = 0; i < walk->count; i++)
		free(walk->answers[i].bytes);
	free(walk->answers);
	memset(walk, 0, sizeof(*walk));
}
