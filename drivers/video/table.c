// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of V4L2 that the driver may use
 */
#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/nospec.h>

#include "call.h"

/*
 * What success means for the session's queues. The types are those the driver
 * sent, which were checked or are here, and not what stands in the VMM's memory
 * afterwards.
 */

static void requested(const struct vha_video_call *call, struct vha_video_stream *streams)
{
	const struct v4l2_requestbuffers *saved = call->saved, *request = call->image;
	struct vha_video_stream *stream = &streams[saved->type];

	vha_video_stream_allocated(stream, request->count, call->memory ?: saved->memory);
	stream->user = saved->memory == V4L2_MEMORY_USERPTR;
}

static void created(const struct vha_video_call *call, struct vha_video_stream *streams)
{
	const struct v4l2_create_buffers *saved = call->saved, *create = call->image;
	struct vha_video_stream *stream = &streams[saved->format.type];

	/* None at all says nothing about those there are. */
	if (!create->count)
		return;
	vha_video_stream_grown(stream, create->index, create->count,
			       call->memory ?: saved->memory);
	stream->user = saved->memory == V4L2_MEMORY_USERPTR;
}

static void removed(const struct vha_video_call *call, struct vha_video_stream *streams)
{
	const struct v4l2_remove_buffers *saved = call->saved;

	/* Many nodes do not know this ioctl, which comes before what they think of a type. */
	if (vha_video_stream_valid(saved->type))
		vha_video_stream_removed(&streams[saved->type]);
}

static void queued(const struct vha_video_call *call, struct vha_video_stream *streams)
{
	const struct v4l2_buffer *saved = call->saved;

	vha_video_stream_queued(&streams[saved->type]);
	/* What restarts a codec differs; looking once more costs little. */
	vha_video_stream_restarted(streams);
}

static void stream_on(const struct vha_video_call *call, struct vha_video_stream *streams)
{
	__u32 type = *(const __u32 *)call->saved;

	if (vha_video_stream_valid(type))
		vha_video_stream_on(&streams[type]);
	vha_video_stream_restarted(streams);
}

static void stream_off(const struct vha_video_call *call, struct vha_video_stream *streams)
{
	__u32 type = *(const __u32 *)call->saved;

	if (vha_video_stream_valid(type))
		vha_video_stream_off(&streams[type]);
}

static void decoder_told(const struct vha_video_call *call, struct vha_video_stream *streams)
{
	const struct v4l2_decoder_cmd *saved = call->saved;

	if (saved->cmd == V4L2_DEC_CMD_START)
		vha_video_stream_restarted(streams);
}

static void encoder_told(const struct vha_video_call *call, struct vha_video_stream *streams)
{
	const struct v4l2_encoder_cmd *saved = call->saved;

	if (saved->cmd == V4L2_ENC_CMD_START)
		vha_video_stream_restarted(streams);
}

/*
 * Not there are those that virtio-media has other means for, that are about
 * descriptors, memory or registers of the host, and that are obsolete.
 */
static const struct vha_video_ioctl ioctls[] = {
	[_IOC_NR(VIDIOC_ENUM_FMT)] = { VIDIOC_ENUM_FMT },
	[_IOC_NR(VIDIOC_G_FMT)] = { VIDIOC_G_FMT, 0, &vha_video_format_kind },
	[_IOC_NR(VIDIOC_S_FMT)] = { VIDIOC_S_FMT, 0, &vha_video_format_kind },
	[_IOC_NR(VIDIOC_TRY_FMT)] = { VIDIOC_TRY_FMT, 0, &vha_video_format_kind },
	[_IOC_NR(VIDIOC_REQBUFS)] = {
		VIDIOC_REQBUFS, VHA_VIDEO_ALLOCATES, &vha_video_request_kind, requested
	},
	[_IOC_NR(VIDIOC_QUERYBUF)] = { VIDIOC_QUERYBUF, 0, &vha_video_query_kind },
	[_IOC_NR(VIDIOC_QBUF)] = { VIDIOC_QBUF, 0, &vha_video_buffer_kind, queued },
	[_IOC_NR(VIDIOC_PREPARE_BUF)] = { VIDIOC_PREPARE_BUF, 0, &vha_video_buffer_kind },
	[_IOC_NR(VIDIOC_CREATE_BUFS)] = {
		VIDIOC_CREATE_BUFS, VHA_VIDEO_ALLOCATES, &vha_video_create_kind, created
	},
	[_IOC_NR(VIDIOC_REMOVE_BUFS)] = { VIDIOC_REMOVE_BUFS, VHA_VIDEO_ALLOCATES, NULL, removed },
	[_IOC_NR(VIDIOC_STREAMON)] = { VIDIOC_STREAMON, 0, NULL, stream_on },
	[_IOC_NR(VIDIOC_STREAMOFF)] = { VIDIOC_STREAMOFF, 0, NULL, stream_off },
	[_IOC_NR(VIDIOC_G_PARM)] = { VIDIOC_G_PARM },
	[_IOC_NR(VIDIOC_S_PARM)] = { VIDIOC_S_PARM },
	[_IOC_NR(VIDIOC_G_STD)] = { VIDIOC_G_STD },
	[_IOC_NR(VIDIOC_S_STD)] = { VIDIOC_S_STD },
	[_IOC_NR(VIDIOC_ENUMSTD)] = { VIDIOC_ENUMSTD },
	[_IOC_NR(VIDIOC_QUERYSTD)] = { VIDIOC_QUERYSTD },
	[_IOC_NR(VIDIOC_ENUMINPUT)] = { VIDIOC_ENUMINPUT },
	[_IOC_NR(VIDIOC_G_INPUT)] = { VIDIOC_G_INPUT },
	[_IOC_NR(VIDIOC_S_INPUT)] = { VIDIOC_S_INPUT },
	[_IOC_NR(VIDIOC_ENUMOUTPUT)] = { VIDIOC_ENUMOUTPUT },
	[_IOC_NR(VIDIOC_G_OUTPUT)] = { VIDIOC_G_OUTPUT },
	[_IOC_NR(VIDIOC_S_OUTPUT)] = { VIDIOC_S_OUTPUT },
	[_IOC_NR(VIDIOC_G_CTRL)] = { VIDIOC_G_CTRL },
	[_IOC_NR(VIDIOC_S_CTRL)] = { VIDIOC_S_CTRL },
	[_IOC_NR(VIDIOC_QUERYCTRL)] = { VIDIOC_QUERYCTRL },
	[_IOC_NR(VIDIOC_QUERYMENU)] = { VIDIOC_QUERYMENU },
	[_IOC_NR(VIDIOC_QUERY_EXT_CTRL)] = { VIDIOC_QUERY_EXT_CTRL },
	[_IOC_NR(VIDIOC_G_EXT_CTRLS)] = {
		VIDIOC_G_EXT_CTRLS, VHA_VIDEO_RESULT_ON_ERROR, &vha_video_controls_kind
	},
	[_IOC_NR(VIDIOC_S_EXT_CTRLS)] = {
		VIDIOC_S_EXT_CTRLS, VHA_VIDEO_RESULT_ON_ERROR, &vha_video_controls_kind
	},
	[_IOC_NR(VIDIOC_TRY_EXT_CTRLS)] = {
		VIDIOC_TRY_EXT_CTRLS, VHA_VIDEO_RESULT_ON_ERROR, &vha_video_controls_kind
	},
	[_IOC_NR(VIDIOC_G_TUNER)] = { VIDIOC_G_TUNER },
	[_IOC_NR(VIDIOC_S_TUNER)] = { VIDIOC_S_TUNER },
	[_IOC_NR(VIDIOC_G_MODULATOR)] = { VIDIOC_G_MODULATOR },
	[_IOC_NR(VIDIOC_S_MODULATOR)] = { VIDIOC_S_MODULATOR },
	[_IOC_NR(VIDIOC_G_FREQUENCY)] = { VIDIOC_G_FREQUENCY },
	[_IOC_NR(VIDIOC_S_FREQUENCY)] = { VIDIOC_S_FREQUENCY },
	[_IOC_NR(VIDIOC_ENUM_FREQ_BANDS)] = { VIDIOC_ENUM_FREQ_BANDS },
	[_IOC_NR(VIDIOC_S_HW_FREQ_SEEK)] = { VIDIOC_S_HW_FREQ_SEEK },
	[_IOC_NR(VIDIOC_ENUMAUDIO)] = { VIDIOC_ENUMAUDIO },
	[_IOC_NR(VIDIOC_G_AUDIO)] = { VIDIOC_G_AUDIO },
	[_IOC_NR(VIDIOC_S_AUDIO)] = { VIDIOC_S_AUDIO },
	[_IOC_NR(VIDIOC_ENUMAUDOUT)] = { VIDIOC_ENUMAUDOUT },
	[_IOC_NR(VIDIOC_G_AUDOUT)] = { VIDIOC_G_AUDOUT },
	[_IOC_NR(VIDIOC_S_AUDOUT)] = { VIDIOC_S_AUDOUT },
	[_IOC_NR(VIDIOC_CROPCAP)] = { VIDIOC_CROPCAP },
	[_IOC_NR(VIDIOC_G_CROP)] = { VIDIOC_G_CROP },
	[_IOC_NR(VIDIOC_S_CROP)] = { VIDIOC_S_CROP },
	[_IOC_NR(VIDIOC_G_SELECTION)] = { VIDIOC_G_SELECTION },
	[_IOC_NR(VIDIOC_S_SELECTION)] = { VIDIOC_S_SELECTION },
	[_IOC_NR(VIDIOC_G_PRIORITY)] = { VIDIOC_G_PRIORITY },
	[_IOC_NR(VIDIOC_S_PRIORITY)] = { VIDIOC_S_PRIORITY },
	[_IOC_NR(VIDIOC_G_SLICED_VBI_CAP)] = { VIDIOC_G_SLICED_VBI_CAP },
	[_IOC_NR(VIDIOC_ENUM_FRAMESIZES)] = { VIDIOC_ENUM_FRAMESIZES },
	[_IOC_NR(VIDIOC_ENUM_FRAMEINTERVALS)] = { VIDIOC_ENUM_FRAMEINTERVALS },
	[_IOC_NR(VIDIOC_G_ENC_INDEX)] = { VIDIOC_G_ENC_INDEX },
	[_IOC_NR(VIDIOC_ENCODER_CMD)] = { VIDIOC_ENCODER_CMD, 0, NULL, encoder_told },
	[_IOC_NR(VIDIOC_TRY_ENCODER_CMD)] = { VIDIOC_TRY_ENCODER_CMD },
	[_IOC_NR(VIDIOC_DECODER_CMD)] = { VIDIOC_DECODER_CMD, 0, NULL, decoder_told },
	[_IOC_NR(VIDIOC_TRY_DECODER_CMD)] = { VIDIOC_TRY_DECODER_CMD },
	[_IOC_NR(VIDIOC_G_EDID)] = {
		VIDIOC_G_EDID, VHA_VIDEO_RESULT_ON_ERROR, &vha_video_edid_kind
	},
	[_IOC_NR(VIDIOC_S_EDID)] = {
		VIDIOC_S_EDID, VHA_VIDEO_RESULT_ON_ERROR, &vha_video_edid_kind
	},
	[_IOC_NR(VIDIOC_S_DV_TIMINGS)] = { VIDIOC_S_DV_TIMINGS },
	[_IOC_NR(VIDIOC_G_DV_TIMINGS)] = { VIDIOC_G_DV_TIMINGS },
	[_IOC_NR(VIDIOC_ENUM_DV_TIMINGS)] = { VIDIOC_ENUM_DV_TIMINGS },
	[_IOC_NR(VIDIOC_QUERY_DV_TIMINGS)] = { VIDIOC_QUERY_DV_TIMINGS, VHA_VIDEO_RESULT_ON_ERROR },
	[_IOC_NR(VIDIOC_DV_TIMINGS_CAP)] = { VIDIOC_DV_TIMINGS_CAP },
	[_IOC_NR(VIDIOC_SUBSCRIBE_EVENT)] = {
		VIDIOC_SUBSCRIBE_EVENT, VHA_VIDEO_AFTER_EVENTS, &vha_video_subscribe_kind
	},
	[_IOC_NR(VIDIOC_UNSUBSCRIBE_EVENT)] = { VIDIOC_UNSUBSCRIBE_EVENT },
};

/**
 * vha_video_ioctl_find() - look an ioctl up
 * @code: its number, without direction and size
 *
 * Return: the ioctl, or NULL for one that the driver may not use.
 */
const struct vha_video_ioctl *vha_video_ioctl_find(u32 code)
{
	if (code >= ARRAY_SIZE(ioctls) || !ioctls[code].cmd)
		return NULL;
	return &ioctls[array_index_nospec(code, ARRAY_SIZE(ioctls))];
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_ioctl_find);

/**
 * vha_video_ioctl_has_controls() - whether lists of controls are its argument
 * @ioctl: the ioctl
 */
bool vha_video_ioctl_has_controls(const struct vha_video_ioctl *ioctl)
{
	return ioctl->kind == &vha_video_controls_kind;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_ioctl_has_controls);

/**
 * vha_video_ioctl_has_buffer() - whether it is about a single buffer
 * @ioctl: the ioctl
 */
bool vha_video_ioctl_has_buffer(const struct vha_video_ioctl *ioctl)
{
	return ioctl->kind == &vha_video_buffer_kind || ioctl->kind == &vha_video_query_kind;
}
