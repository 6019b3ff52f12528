// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities of an encoder or decoder: what the host's node says, once, when it
 * becomes the backing object
 */
#include <linux/slab.h>

#include "codec.h"
#include "trace.h"

/* More than any node has; what is above is left out. */
#define FORMATS_MAX	128
#define SIZES_MAX	32
#define RATES_MAX	16
/* What no frame is larger than, where the node does not say. */
#define SIDE_MAX	16384

/**
 * struct caps_build - a response being made
 * @video: the device
 * @node: its node
 * @caps: formats of the side
 * @type: V4L2_BUF_TYPE_* of the side
 * @mask: formats of the other side
 */
struct caps_build {
	struct vha_video *video;
	const struct vha_video_node *node;
	struct vha_codec_caps *caps;
	u32 type;
	u64 mask;
};

static int ask(const struct caps_build *build, unsigned int cmd, void *arg, u32 len)
{
	return vha_video_host_ioctl(build->video, build->node->file, cmd,
				    VHA_VIDEO_SCRATCH_LOOK, arg, len);
}

/**
 * vha_codec_caps_has() - whether a side has a format
 * @caps: formats of the side
 * @format: &enum vha_codec_format
 */
bool vha_codec_caps_has(const struct vha_codec_caps *caps, u32 format)
{
	unsigned int i;

	for (i = 0; i < caps->nr; i++)
		if (caps->formats[i] == format)
			return true;
	return false;
}

static void find_formats(const struct caps_build *build, bool coded)
{
	struct vha_codec_caps *caps = build->caps;
	u32 format, index;

	for (index = 0; index < FORMATS_MAX; index++) {
		struct v4l2_fmtdesc desc = { .index = index, .type = build->type };

		if (ask(build, VIDIOC_ENUM_FMT, &desc, sizeof(desc)))
			return;
		format = vha_codec_format_from(desc.pixelformat);
		if (!format || vha_codec_format_coded(format) != coded ||
		    vha_codec_caps_has(caps, format))
			continue;
		if (caps->nr == ARRAY_SIZE(caps->formats))
			return;
		caps->formats[caps->nr++] = format;
	}
}

/* Returns where to fill them in, or NULL when there is no room. */
static void *reserve(struct vha_codec_caps *caps, u32 len)
{
	void *at = caps->data + caps->len;

	if (caps->len + len > VHA_CODEC_CAPS_MAX - sizeof(struct vha_codec_header))
		return NULL;
	caps->len += len;
	return at;
}

static u32 put_rates(const struct caps_build *build, u32 pixels, u32 width, u32 height)
{
	struct vha_codec_span rate;
	struct vha_codec_range *range;
	u32 count = 0, index;

	for (index = 0; index < RATES_MAX; index++) {
		struct v4l2_frmivalenum interval = {
			.index = index, .pixel_format = pixels,
			.width = width, .height = height,
		};

		if (ask(build, VIDIOC_ENUM_FRAMEINTERVALS, &interval, sizeof(interval)))
			break;
		if (!vha_codec_format_rate(&interval, &rate))
			continue;
		range = reserve(build->caps, sizeof(*range));
		if (!range)
			break;
		vha_codec_format_put_range(range, &rate);
		count++;
	}
	return count;
}

static bool put_frame(const struct caps_build *build, u32 pixels,
		      const struct vha_codec_span *width, const struct vha_codec_span *height)
{
	struct vha_codec_frame *frame = reserve(build->caps, sizeof(*frame));

	if (!frame)
		return false;
	vha_codec_format_put_range(&frame->width, width);
	vha_codec_format_put_range(&frame->height, height);
	frame->num_rates = cpu_to_le32(put_rates(build, pixels, width->max, height->max));
	return true;
}

static int try_size(const struct caps_build *build, u32 pixels, u32 side,
		    u32 *width, u32 *height)
{
	const struct vha_codec_params params = {
		.format = cpu_to_le32(vha_codec_format_from(pixels)),
		.frame_width = cpu_to_le32(side),
		.frame_height = cpu_to_le32(side),
	};
	struct v4l2_format format = { .type = build->type };
	struct vha_codec_params got = {};
	int ret;

	vha_codec_format_set(&format, &params);
	ret = ask(build, VIDIOC_TRY_FMT, &format, sizeof(format));
	vha_codec_format_get(&format, &got);
	*width = le32_to_cpu(got.frame_width);
	*height = le32_to_cpu(got.frame_height);
	return ret;
}

/* Of a node that does not list sizes: what it makes of the smallest and largest. */
static u32 put_tried(const struct caps_build *build, u32 pixels)
{
	struct vha_codec_span width = { .step = 1 }, height = { .step = 1 };

	if (try_size(build, pixels, 1, &width.min, &height.min) ||
	    try_size(build, pixels, SIDE_MAX, &width.max, &height.max))
		return 0;
	return put_frame(build, pixels, &width, &height);
}

static u32 put_frames(const struct caps_build *build, u32 pixels)
{
	struct vha_codec_span width, height;
	u32 count = 0, index;

	for (index = 0; index < SIZES_MAX; index++) {
		struct v4l2_frmsizeenum size = { .index = index, .pixel_format = pixels };

		if (ask(build, VIDIOC_ENUM_FRAMESIZES, &size, sizeof(size)))
			break;
		if (!vha_codec_format_size(&size, &width, &height))
			continue;
		if (!put_frame(build, pixels, &width, &height))
			break;
		count++;
	}
	return index ? count : put_tried(build, pixels);
}

static bool put_desc(const struct caps_build *build, u32 format)
{
	struct vha_codec_desc *desc = reserve(build->caps, sizeof(*desc));

	if (!desc)
		return false;
	desc->mask = cpu_to_le64(build->mask);
	desc->format = cpu_to_le32(format);
	desc->planes_layout = cpu_to_le32(VHA_CODEC_PLANES_TOGETHER);
	desc->plane_align = cpu_to_le32(1);
	desc->num_frames = cpu_to_le32(put_frames(build, vha_codec_format_pixels(format)));
	return true;
}

static void put_all(const struct caps_build *build)
{
	struct vha_codec_capability *capability = reserve(build->caps, sizeof(*capability));
	unsigned int i;

	for (i = 0; i < build->caps->nr; i++)
		if (!put_desc(build, build->caps->formats[i]))
			break;
	capability->num_descs = cpu_to_le32(i);
}

static struct caps_build begin(struct vha_video *video, const struct vha_video_node *node,
			       struct vha_codec *codec, enum vha_codec_side side)
{
	return (struct caps_build) {
		.video = video, .node = node, .caps = &codec->caps[side],
		.type = codec->types[side],
	};
}

/**
 * vha_codec_caps_make() - ask a node for its formats
 * @video: the device
 * @node: the node
 * @codec: with the types of the sides; formats and capabilities are filled in
 *
 * Context: the VMM.
 * Return: 0, -ENOMEM, or -EOPNOTSUPP when it is no codec of the kind, or its formats
 * are not among those the driver knows.
 */
int vha_codec_caps_make(struct vha_video *video, const struct vha_video_node *node,
			struct vha_codec *codec)
{
	enum vha_codec_side side;

	for (side = 0; side < VHA_CODEC_SIDES; side++) {
		struct caps_build build = begin(video, node, codec, side);

		find_formats(&build, side == codec_coded_side(video));
		if (!build.caps->nr)
			return -EOPNOTSUPP;
		build.caps->data = kvzalloc(VHA_CODEC_CAPS_MAX, VHA_GFP_SETUP);
		if (!build.caps->data)
			return -ENOMEM;
	}
	for (side = 0; side < VHA_CODEC_SIDES; side++) {
		struct caps_build build = begin(video, node, codec, side);

		build.mask = GENMASK_ULL(codec->caps[!side].nr - 1, 0);
		put_all(&build);
	}
	return 0;
}

/**
 * vha_codec_caps_free() - undo vha_codec_caps_make(), as far as it got
 * @codec: what the device has
 */
void vha_codec_caps_free(struct vha_codec *codec)
{
	enum vha_codec_side side;

	for (side = 0; side < VHA_CODEC_SIDES; side++)
		kvfree(codec->caps[side].data);
}

/**
 * vha_codec_query_capability() - formats of a queue
 * @vq: the command queue
 * @command: the command
 */
u32 vha_codec_query_capability(struct vha_queue *vq, struct vha_codec_command *command)
{
	const struct vha_codec *codec = to_video(vq->dev)->codec;
	const struct vha_codec_caps *caps;

	switch (le32_to_cpu(command->request.queue.queue_type)) {
	case VHA_CODEC_QUEUE_INPUT:
		caps = &codec->caps[VHA_CODEC_IN];
		break;
	case VHA_CODEC_QUEUE_OUTPUT:
		caps = &codec->caps[VHA_CODEC_OUT];
		break;
	default:
		return VHA_CODEC_INVALID_PARAMETER;
	}
	vha_codec_answer(vq, command, VHA_CODEC_OK_CAPABILITY, caps->data, caps->len);
	return 0;
}
