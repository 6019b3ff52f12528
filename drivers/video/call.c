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
#include <linux/overflow.h>
#include <linux/string.h>

#include "call.h"

/* What buffers can not have: the driver knows neither of these objects. */
#define CAPABILITIES_HIDDEN \
	(V4L2_BUF_CAP_SUPPORTS_DMABUF | V4L2_BUF_CAP_SUPPORTS_REQUESTS)

/* What no host takes, and looks for nothing in. */
#define MEMORY_NONE	U32_MAX

static bool memory_valid(u32 memory)
{
	return memory == V4L2_MEMORY_MMAP || memory == V4L2_MEMORY_USERPTR;
}

/* Where the host does not take the driver's memory, it is copied. */
static u32 capabilities(u32 host)
{
	u32 caps = host & ~CAPABILITIES_HIDDEN;

	return caps & V4L2_BUF_CAP_SUPPORTS_MMAP ? caps | V4L2_BUF_CAP_SUPPORTS_USERPTR : caps;
}

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

	/* The host may have another reason to refuse it, which comes first. */
	if (!memory_valid(buffer->memory))
		buffer->memory = MEMORY_NONE;
	if (buffer->flags & V4L2_BUF_FLAG_REQUEST_FD)
		return -EBADR;
	planes_prepare(call);
	return 0;
}

/* Where the host has the driver's memory is nothing the driver should know. */
static void hide_addresses(struct vha_video_call *call)
{
	const struct v4l2_plane *old = call->saved + call->nested_at;
	struct v4l2_plane *new = call->image + call->nested_at;
	const struct v4l2_buffer *saved = call->saved;
	struct v4l2_buffer *buffer = call->image;
	unsigned int i;

	buffer->memory = V4L2_MEMORY_USERPTR;
	buffer->m = saved->m;
	for (i = 0; i < call->nested / sizeof(*new); i++)
		new[i].m = old[i].m;
}

static void query_finish(struct vha_video_call *call)
{
	const struct v4l2_buffer *saved = call->saved;
	struct v4l2_buffer *buffer = call->image;

	if (call->own)
		hide_addresses(call);
	else if (multiplanar(saved))
		buffer->m = saved->m;
}

static void buffer_finish(struct vha_video_call *call)
{
	const struct v4l2_plane *old = call->saved + call->nested_at;
	struct v4l2_plane *new = call->image + call->nested_at;
	const struct v4l2_buffer *saved = call->saved;
	struct v4l2_buffer *buffer = call->image;
	unsigned int i;

	query_finish(call);
	if (!call->own)
		return;
	/* What the host has instead may be longer. */
	if (!multiplanar(saved))
		buffer->length = saved->length;
	for (i = 0; i < call->nested / sizeof(*new); i++)
		new[i].length = old[i].length;
}

const struct vha_video_kind vha_video_query_kind = {
	.nested = buffer_nested,
	.prepare = query_prepare,
	.finish = query_finish,
};

const struct vha_video_kind vha_video_buffer_kind = {
	.nested = buffer_nested,
	.prepare = buffer_prepare,
	.finish = buffer_finish,
};

/* struct v4l2_requestbuffers */

static int request_prepare(struct vha_video_call *call)
{
	const struct v4l2_requestbuffers *request = call->image;

	if (!vha_video_stream_valid(request->type) || !memory_valid(request->memory))
		return -EINVAL;
	return 0;
}

static void request_finish(struct vha_video_call *call)
{
	const struct v4l2_requestbuffers *saved = call->saved;
	struct v4l2_requestbuffers *request = call->image;

	request->memory = saved->memory;
	request->capabilities = capabilities(request->capabilities);
}

const struct vha_video_kind vha_video_request_kind = {
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

const struct vha_video_kind vha_video_format_kind = {
	.prepare = format_prepare,
	.finish = format_finish,
};

/* struct v4l2_create_buffers */

static int create_prepare(struct vha_video_call *call)
{
	struct v4l2_create_buffers *create = call->image;

	if (!vha_video_stream_valid(create->format.type) || !memory_valid(create->memory))
		return -EINVAL;
	window_prepare(&create->format);
	return 0;
}

static void create_finish(struct vha_video_call *call)
{
	const struct v4l2_create_buffers *saved = call->saved;
	struct v4l2_create_buffers *create = call->image;

	create->memory = saved->memory;
	create->capabilities = capabilities(create->capabilities);
	window_finish(&create->format, &saved->format);
}

const struct vha_video_kind vha_video_create_kind = {
	.prepare = create_prepare,
	.finish = create_finish,
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

const struct vha_video_kind vha_video_controls_kind = {
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

const struct vha_video_kind vha_video_edid_kind = {
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

const struct vha_video_kind vha_video_subscribe_kind = {
	.prepare = subscribe_prepare,
};

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
	call->memory = 0;
	call->own = false;
	call->user = NULL;
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

static size_t planes_bytes(const struct v4l2_pix_format_mplane *pix)
{
	size_t bytes = 0;
	unsigned int i;

	for (i = 0; i < min_t(u32, pix->num_planes, VIDEO_MAX_PLANES); i++)
		bytes += pix->plane_fmt[i].sizeimage;
	return bytes;
}

/* Bytes of a buffer, as the driver wants it. */
static size_t format_bytes(const struct v4l2_format *format)
{
	const struct v4l2_vbi_format *vbi = &format->fmt.vbi;

	switch (format->type) {
	case V4L2_BUF_TYPE_VIDEO_CAPTURE:
	case V4L2_BUF_TYPE_VIDEO_OUTPUT:
		return format->fmt.pix.sizeimage;
	case V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE:
	case V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE:
		return planes_bytes(&format->fmt.pix_mp);
	case V4L2_BUF_TYPE_VBI_CAPTURE:
	case V4L2_BUF_TYPE_VBI_OUTPUT:
		return size_mul(size_add(vbi->count[0], vbi->count[1]), vbi->samples_per_line);
	case V4L2_BUF_TYPE_SLICED_VBI_CAPTURE:
	case V4L2_BUF_TYPE_SLICED_VBI_OUTPUT:
		return format->fmt.sliced.io_size;
	case V4L2_BUF_TYPE_SDR_CAPTURE:
	case V4L2_BUF_TYPE_SDR_OUTPUT:
		return format->fmt.sdr.buffersize;
	case V4L2_BUF_TYPE_META_CAPTURE:
	case V4L2_BUF_TYPE_META_OUTPUT:
		return format->fmt.meta.buffersize;
	default:
		return 0;
	}
}

/**
 * vha_video_call_bytes() - bytes the ioctl asks for, where it says so
 * @call: the call, prepared
 *
 * Return: the bytes of VIDIOC_CREATE_BUFS, U64_MAX for more than there are, 0 for
 * another ioctl.
 */
u64 vha_video_call_bytes(const struct vha_video_call *call)
{
	const struct v4l2_create_buffers *saved = call->saved;

	if (call->ioctl->kind != &vha_video_create_kind)
		return 0;
	return size_mul(saved->count, format_bytes(&saved->format));
}
EXPORT_SYMBOL_IF_KUNIT(vha_video_call_bytes);

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
