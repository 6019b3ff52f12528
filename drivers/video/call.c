// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioctls of V4L2 between the driver's layout and the host's
 *
 * Numbers and structures are the same on both sides. What differs are pointers: the
 * driver's mean nothing here, so each is replaced by one into the image, or by
 * NULL, and put back before the driver sees the argument again.
 */
#include <kunit/visibility.h>
#include <linux/align.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/string.h>

#include "call.h"

/* What buffers can not have: the driver knows neither of these objects. */
#define CAPABILITIES_HIDDEN \
	(V4L2_BUF_CAP_SUPPORTS_USERPTR | V4L2_BUF_CAP_SUPPORTS_DMABUF | \
	 V4L2_BUF_CAP_SUPPORTS_REQUESTS)

static bool multiplanar(const struct v4l2_buffer *buffer)
{
	return V4L2_TYPE_IS_MULTIPLANAR(buffer->type);
}

/* struct v4l2_buffer */

static int buffer_nested(const struct vha_video_call *call)
{
	const struct v4l2_buffer *buffer = call->image;

	if (!vha_video_stream_valid(buffer->type))
		return -EINVAL;
	if (!multiplanar(buffer))
		return 0;
	if (buffer->length > VIDEO_MAX_PLANES)
		return -EINVAL;
	return buffer->length * sizeof(struct v4l2_plane);
}

static void planes_prepare(struct vha_video_call *call)
{
	struct v4l2_plane *planes = call->image + call->nested_at;
	struct v4l2_buffer *buffer = call->image;
	unsigned int i;

	memset(&buffer->m, 0, sizeof(buffer->m));
	if (!call->nested)
		return;
	buffer->m.planes = (void *)(uintptr_t)(call->addr + call->nested_at);
	for (i = 0; i < buffer->length; i++)
		memset(&planes[i].m, 0, sizeof(planes[i].m));
}

static int query_prepare(struct vha_video_call *call)
{
	planes_prepare(call);
	return 0;
}

static int buffer_prepare(struct vha_video_call *call)
{
	struct v4l2_buffer *buffer = call->image;

	if (buffer->memory != V4L2_MEMORY_MMAP)
		return -EINVAL;
	if (buffer->flags & V4L2_BUF_FLAG_REQUEST_FD)
		return -EBADR;
	planes_prepare(call);
	return 0;
}

static void buffer_finish(struct vha_video_call *call)
{
	const struct v4l2_buffer *saved = call->saved;
	struct v4l2_buffer *buffer = call->image;

	if (multiplanar(saved))
		buffer->m = saved->m;
}

static const struct vha_video_kind query_kind = {
	.nested = buffer_nested,
	.prepare = query_prepare,
	.finish = buffer_finish,
};

static const struct vha_video_kind buffer_kind = {
	.nested = buffer_nested,
	.prepare = buffer_prepare,
	.finish = buffer_finish,
};

/* struct v4l2_requestbuffers */

static int request_prepare(struct vha_video_call *call)
{
	const struct v4l2_requestbuffers *request = call->image;

	if (!vha_video_stream_valid(request->type) || request->memory != V4L2_MEMORY_MMAP)
		return -EINVAL;
	return 0;
}

static void request_finish(struct vha_video_call *call)
{
	struct v4l2_requestbuffers *request = call->image;

	request->capabilities &= ~CAPABILITIES_HIDDEN;
}

static const struct vha_video_kind request_kind = {
	.prepare = request_prepare,
	.finish = request_finish,
};

/* struct v4l2_format, also inside of struct v4l2_create_buffers */

static bool overlay(const struct v4l2_format *format)
{
	return format->type == V4L2_BUF_TYPE_VIDEO_OVERLAY ||
	       format->type == V4L2_BUF_TYPE_VIDEO_OUTPUT_OVERLAY;
}

static void window_prepare(struct v4l2_format *format)
{
	if (!overlay(format))
		return;
	format->fmt.win.clips = NULL;
	format->fmt.win.clipcount = 0;
	format->fmt.win.bitmap = NULL;
}

static void window_finish(struct v4l2_format *format, const struct v4l2_format *saved)
{
	if (!overlay(saved))
		return;
	format->fmt.win.clips = saved->fmt.win.clips;
	format->fmt.win.bitmap = saved->fmt.win.bitmap;
}

static int format_prepare(struct vha_video_call *call)
{
	window_prepare(call->image);
	return 0;
}

static void format_finish(struct vha_video_call *call)
{
	window_finish(call->image, call->saved);
}

static const struct vha_video_kind format_kind = {
	.prepare = format_prepare,
	.finish = format_finish,
};

/* struct v4l2_create_buffers */

static int create_prepare(struct vha_video_call *call)
{
	struct v4l2_create_buffers *create = call->image;

	if (!vha_video_stream_valid(create->format.type) || create->memory != V4L2_MEMORY_MMAP)
		return -EINVAL;
	window_prepare(&create->format);
	return 0;
}

static void create_finish(struct vha_video_call *call)
{
	const struct v4l2_create_buffers *saved = call->saved;
	struct v4l2_create_buffers *create = call->image;

	create->capabilities &= ~CAPABILITIES_HIDDEN;
	window_finish(&create->format, &saved->format);
}

static const struct vha_video_kind create_kind = {
	.prepare = create_prepare,
	.finish = create_finish,
};

/* A buffer type */

static int type_prepare(struct vha_video_call *call)
{
	const __u32 *type = call->image;

	return vha_video_stream_valid(*type) ? 0 : -EINVAL;
}

static const struct vha_video_kind type_kind = {
	.prepare = type_prepare,
};

/* struct v4l2_ext_controls */

static int controls_nested(const struct vha_video_call *call)
{
	const struct v4l2_ext_controls *controls = call->image;

	if (controls->count > V4L2_CID_MAX_CTRLS)
		return -EINVAL;
	return controls->count * sizeof(struct v4l2_ext_control);
}

/* The values are dealt with by vha_video_call_data(). */
static int controls_prepare(struct vha_video_call *call)
{
	struct v4l2_ext_controls *controls = call->image;

	if (controls->which == V4L2_CTRL_WHICH_REQUEST_VAL)
		return -EINVAL;
	controls->controls = NULL;
	if (call->nested)
		controls->controls = (void *)(uintptr_t)(call->addr + call->nested_at);
	return 0;
}

static void controls_finish(struct vha_video_call *call)
{
	const struct v4l2_ext_control *old = call->saved + call->nested_at;
	struct v4l2_ext_control *new = vha_video_call_controls(call);
	const struct v4l2_ext_controls *saved = call->saved;
	struct v4l2_ext_controls *controls = call->image;
	unsigned int i;

	controls->controls = saved->controls;
	/* As many as the driver has room for, whatever became of the number. */
	controls->count = saved->count;
	for_each_set_bit(i, call->payloads, saved->count)
		new[i].ptr = old[i].ptr;
}

static const struct vha_video_kind controls_kind = {
	.nested = controls_nested,
	.prepare = controls_prepare,
	.finish = controls_finish,
};

/* struct v4l2_edid */

#define EDID_BLOCKS_MAX		256
#define EDID_BLOCK_BYTES	128

static int edid_nested(const struct vha_video_call *call)
{
	const struct v4l2_edid *edid = call->image;

	if (edid->blocks > EDID_BLOCKS_MAX)
		return -EINVAL;
	return edid->blocks * EDID_BLOCK_BYTES;
}

static int edid_prepare(struct vha_video_call *call)
{
	struct v4l2_edid *edid = call->image;

	edid->edid = NULL;
	if (call->nested)
		edid->edid = (void *)(uintptr_t)(call->addr + call->nested_at);
	return 0;
}

static void edid_finish(struct vha_video_call *call)
{
	const struct v4l2_edid *saved = call->saved;
	struct v4l2_edid *edid = call->image;

	edid->edid = saved->edid;
}

static const struct vha_video_kind edid_kind = {
	.nested = edid_nested,
	.prepare = edid_prepare,
	.finish = edid_finish,
};

/* struct v4l2_event_subscription */

/* Nodes have few sources of an event; what some take for one is not checked. */
#define EVENT_SOURCES_MAX	64

static int subscribe_prepare(struct vha_video_call *call)
{
	const struct v4l2_event_subscription *subscription = call->image;

	/* Each is remembered by the host. Of controls there are only so many. */
	if (subscription->type != V4L2_EVENT_CTRL && subscription->id >= EVENT_SOURCES_MAX)
		return -EINVAL;
	return 0;
}

static const struct vha_video_kind subscribe_kind = {
	.prepare = subscribe_prepare,
};

/*
 * What success means for the session's queues. The types are those the driver
 * sent, which were checked, and not what stands in the VMM's memory afterwards.
 */

static void requested(const struct vha_video_call *call, struct vha_video_stream *streams)
{
	const struct v4l2_requestbuffers *saved = call->saved, *request = call->image;

	vha_video_stream_allocated(&streams[saved->type], request->count, saved->memory);
}

static void created(const struct vha_video_call *call, struct vha_video_stream *streams)
{
	const struct v4l2_create_buffers *saved = call->saved, *create = call->image;

	vha_video_stream_grown(&streams[saved->format.type], create->index, create->count,
			       saved->memory);
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
	vha_video_stream_on(&streams[*(const __u32 *)call->saved]);
	vha_video_stream_restarted(streams);
}

static void stream_off(const struct vha_video_call *call, struct vha_video_stream *streams)
{
	vha_video_stream_off(&streams[*(const __u32 *)call->saved]);
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
	[_IOC_NR(VIDIOC_G_FMT)] = { VIDIOC_G_FMT, 0, &format_kind },
	[_IOC_NR(VIDIOC_S_FMT)] = { VIDIOC_S_FMT, 0, &format_kind },
	[_IOC_NR(VIDIOC_TRY_FMT)] = { VIDIOC_TRY_FMT, 0, &format_kind },
	[_IOC_NR(VIDIOC_REQBUFS)] = { VIDIOC_REQBUFS, 0, &request_kind, requested },
	[_IOC_NR(VIDIOC_QUERYBUF)] = { VIDIOC_QUERYBUF, 0, &query_kind },
	[_IOC_NR(VIDIOC_QBUF)] = { VIDIOC_QBUF, 0, &buffer_kind, queued },
	[_IOC_NR(VIDIOC_PREPARE_BUF)] = { VIDIOC_PREPARE_BUF, 0, &buffer_kind },
	[_IOC_NR(VIDIOC_CREATE_BUFS)] = { VIDIOC_CREATE_BUFS, 0, &create_kind, created },
	[_IOC_NR(VIDIOC_REMOVE_BUFS)] = { VIDIOC_REMOVE_BUFS, 0, NULL, removed },
	[_IOC_NR(VIDIOC_STREAMON)] = { VIDIOC_STREAMON, 0, &type_kind, stream_on },
	[_IOC_NR(VIDIOC_STREAMOFF)] = { VIDIOC_STREAMOFF, 0, &type_kind, stream_off },
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
		VIDIOC_G_EXT_CTRLS, VHA_VIDEO_RESULT_ON_ERROR, &controls_kind
	},
	[_IOC_NR(VIDIOC_S_EXT_CTRLS)] = {
		VIDIOC_S_EXT_CTRLS, VHA_VIDEO_RESULT_ON_ERROR, &controls_kind
	},
	[_IOC_NR(VIDIOC_TRY_EXT_CTRLS)] = {
		VIDIOC_TRY_EXT_CTRLS, VHA_VIDEO_RESULT_ON_ERROR, &controls_kind
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
	[_IOC_NR(VIDIOC_G_EDID)] = { VIDIOC_G_EDID, VHA_VIDEO_RESULT_ON_ERROR, &edid_kind },
	[_IOC_NR(VIDIOC_S_EDID)] = { VIDIOC_S_EDID, VHA_VIDEO_RESULT_ON_ERROR, &edid_kind },
	[_IOC_NR(VIDIOC_S_DV_TIMINGS)] = { VIDIOC_S_DV_TIMINGS },
	[_IOC_NR(VIDIOC_G_DV_TIMINGS)] = { VIDIOC_G_DV_TIMINGS },
	[_IOC_NR(VIDIOC_ENUM_DV_TIMINGS)] = { VIDIOC_ENUM_DV_TIMINGS },
	[_IOC_NR(VIDIOC_QUERY_DV_TIMINGS)] = { VIDIOC_QUERY_DV_TIMINGS, VHA_VIDEO_RESULT_ON_ERROR },
	[_IOC_NR(VIDIOC_DV_TIMINGS_CAP)] = { VIDIOC_DV_TIMINGS_CAP },
	[_IOC_NR(VIDIOC_SUBSCRIBE_EVENT)] = {
		VIDIOC_SUBSCRIBE_EVENT, VHA_VIDEO_AFTER_EVENTS, &subscribe_kind
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
	return ioctl->kind == &controls_kind;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_ioctl_has_controls);

/**
 * vha_video_call_begin() - begin to make an ioctl
 * @call: the call; its memory and address are set
 * @ioctl: which
 *
 * The image has a zeroed argument afterwards, to be filled in.
 */
void vha_video_call_begin(struct vha_video_call *call, const struct vha_video_ioctl *ioctl)
{
	call->ioctl = ioctl;
	call->size = _IOC_SIZE(ioctl->cmd);
	call->nested_at = ALIGN(call->size, sizeof(u64));
	call->nested = 0;
	call->len = call->size;
	call->nr_segs = 0;
	bitmap_zero(call->payloads, V4L2_CID_MAX_CTRLS);
	memset(call->image, 0, call->nested_at);
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_call_begin);

/**
 * vha_video_call_nest() - find out what follows the argument
 * @call: the call, its argument as the driver sent it
 *
 * Afterwards &vha_video_call.nested bytes at &vha_video_call.nested_at are to be
 * filled in.
 *
 * Return: 0, or -EINVAL for an argument that is not valid.
 */
int vha_video_call_nest(struct vha_video_call *call)
{
	const struct vha_video_kind *kind = call->ioctl->kind;
	int nested = kind && kind->nested ? kind->nested(call) : 0;

	if (nested < 0)
		return nested;
	call->nested = nested;
	if (nested)
		call->len = call->nested_at + nested;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_call_nest);

/**
 * vha_video_call_prepare() - check what the driver sent and make it the host's
 * @call: the call, argument and nested bytes as the driver sent them
 *
 * Return: 0, -EINVAL, or -EBADR for a buffer of a request.
 */
int vha_video_call_prepare(struct vha_video_call *call)
{
	const struct vha_video_kind *kind = call->ioctl->kind;

	memcpy(call->saved, call->image, call->len);
	return kind && kind->prepare ? kind->prepare(call) : 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_call_prepare);

/**
 * vha_video_call_data() - have the value of a control be data
 * @call: the call, prepared
 * @control: which
 * @size: bytes, 0 for none
 *
 * Return: where the data is in the image, NULL when there is no room.
 */
void *vha_video_call_data(struct vha_video_call *call, unsigned int control, u32 size)
{
	u32 at = ALIGN(call->len, sizeof(u64));

	if (at > call->room || size > call->room - at)
		return NULL;
	__set_bit(control, call->payloads);
	vha_video_call_controls(call)[control].ptr =
		size ? u64_to_user_ptr(call->addr + at) : NULL;
	memset(call->image + call->len, 0, at - call->len);
	call->len = at + size;
	return call->image + at;
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_call_data);

/**
 * vha_video_call_finish() - make what the host returned the driver's
 * @call: the call
 */
void vha_video_call_finish(struct vha_video_call *call)
{
	const struct vha_video_kind *kind = call->ioctl->kind;

	if (kind && kind->finish)
		kind->finish(call);
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_call_finish);

/**
 * vha_video_call_done() - keep track of what the ioctl did
 * @call: the call, which succeeded
 * @streams: the session's queues
 */
void vha_video_call_done(const struct vha_video_call *call, struct vha_video_stream *streams)
{
	if (call->ioctl->done)
		call->ioctl->done(call, streams);
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_call_done);
