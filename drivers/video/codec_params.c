// SPDX-License-Identifier: GPL-2.0-only
/*
 * Formats of a stream's queues
 */
#include "codec.h"

static struct v4l2_selection selection(const struct vha_video *video)
{
	bool encodes = codec_encodes(video);

	/* Never a multi-planar type, whatever the queue's is. */
	return (struct v4l2_selection) {
		.type = encodes ? V4L2_BUF_TYPE_VIDEO_OUTPUT : V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.target = encodes ? V4L2_SEL_TGT_CROP : V4L2_SEL_TGT_COMPOSE,
	};
}

/* Of frames that are not coded a part may be all that counts. */
static bool has_crop(const struct vha_codec_stream *stream, const struct vha_codec_queue *queue)
{
	return queue != &stream->queues[codec_coded_side(codec_video(stream))];
}

static void get_crop(struct vha_codec_stream *stream, struct vha_codec_params *params)
{
	struct v4l2_selection select = selection(codec_video(stream));

	if (vha_codec_ioctl(stream, VIDIOC_G_SELECTION, &select, sizeof(select)))
		return;
	params->crop = (struct vha_codec_rect) {
		.left = cpu_to_le32(select.r.left),
		.top = cpu_to_le32(select.r.top),
		.width = cpu_to_le32(select.r.width),
		.height = cpu_to_le32(select.r.height),
	};
}

/* What the host makes of it the driver asks for afterwards. */
static void set_crop(struct vha_codec_stream *stream, const struct vha_codec_params *params)
{
	struct v4l2_selection select = selection(codec_video(stream));

	select.r.left = le32_to_cpu(params->crop.left);
	select.r.top = le32_to_cpu(params->crop.top);
	select.r.width = le32_to_cpu(params->crop.width);
	select.r.height = le32_to_cpu(params->crop.height);
	if (select.r.width && select.r.height)
		vha_codec_ioctl(stream, VIDIOC_S_SELECTION, &select, sizeof(select));
}

static struct v4l2_streamparm rate_of(const struct vha_codec_stream *stream)
{
	return (struct v4l2_streamparm) { .type = stream->queues[VHA_CODEC_IN].type };
}

static u32 get_rate(struct vha_codec_stream *stream)
{
	struct v4l2_streamparm parm = rate_of(stream);
	const struct v4l2_fract *frame = &parm.parm.output.timeperframe;

	if (vha_codec_ioctl(stream, VIDIOC_G_PARM, &parm, sizeof(parm)) || !frame->numerator)
		return 0;
	return frame->denominator / frame->numerator;
}

/* As with set_crop(). */
static void set_rate(struct vha_codec_stream *stream, u32 rate)
{
	struct v4l2_streamparm parm = rate_of(stream);

	if (!rate)
		return;
	parm.parm.output.timeperframe.numerator = 1;
	parm.parm.output.timeperframe.denominator = rate;
	vha_codec_ioctl(stream, VIDIOC_S_PARM, &parm, sizeof(parm));
}

static u32 min_buffers(struct vha_codec_stream *stream, const struct vha_codec_queue *queue)
{
	struct v4l2_control control = {
		.id = queue == &stream->queues[VHA_CODEC_IN] ?
		      V4L2_CID_MIN_BUFFERS_FOR_OUTPUT : V4L2_CID_MIN_BUFFERS_FOR_CAPTURE,
	};

	if (vha_codec_ioctl(stream, VIDIOC_G_CTRL, &control, sizeof(control)))
		return 1;
	return clamp(control.value, 1, VHA_CODEC_RESOURCES_MAX);
}

static int get(struct vha_codec_stream *stream, const struct vha_codec_queue *queue,
	       struct vha_codec_params *params)
{
	struct v4l2_format format = { .type = queue->type };
	int ret;

	ret = vha_codec_ioctl(stream, VIDIOC_G_FMT, &format, sizeof(format));
	if (ret)
		return ret;
	vha_codec_format_get(&format, params);
	params->min_buffers = cpu_to_le32(min_buffers(stream, queue));
	params->max_buffers = cpu_to_le32(VHA_CODEC_RESOURCES_MAX);
	params->resource_type = cpu_to_le32(VHA_CODEC_MEMORY_GUEST_PAGES);
	if (has_crop(stream, queue))
		get_crop(stream, params);
	if (codec_encodes(codec_video(stream)))
		params->frame_rate = cpu_to_le32(get_rate(stream));
	return 0;
}

static u32 serve_get(struct vha_queue *vq, struct vha_codec_command *command, u32 len)
{
	struct vha_codec_params params = { .queue_type = command->request.queue.queue_type };
	struct vha_codec_stream *stream;
	struct vha_codec_queue *queue;
	int ret;

	stream = vha_codec_find(to_video(vq->dev), command->stream_id);
	if (!stream)
		return VHA_CODEC_INVALID_STREAM_ID;
	queue = vha_codec_side(stream, params.queue_type);
	if (!queue)
		return VHA_CODEC_INVALID_PARAMETER;
	ret = get(stream, queue, &params);
	if (ret)
		return vha_codec_error(ret);
	vha_codec_answer(vq, command, VHA_CODEC_OK_PARAMS, &params, len);
	return 0;
}

/**
 * vha_codec_get_params() - format of a queue
 * @vq: the command queue
 * @command: the command
 */
u32 vha_codec_get_params(struct vha_queue *vq, struct vha_codec_command *command)
{
	return serve_get(vq, command, VHA_CODEC_PARAMS_OLD);
}

/**
 * vha_codec_get_params_ext() - format of a queue, and where its buffers are
 * @vq: the command queue
 * @command: the command
 */
u32 vha_codec_get_params_ext(struct vha_queue *vq, struct vha_codec_command *command)
{
	return serve_get(vq, command, sizeof(struct vha_codec_params));
}

/* Frames of the host's choice may be of a format the driver has no name for. */
static bool params_valid(const struct vha_codec_stream *stream,
			 const struct vha_codec_queue *queue,
			 const struct vha_codec_params *params)
{
	const struct vha_codec *codec = codec_video(stream)->codec;
	u32 format = le32_to_cpu(params->format);

	if (le32_to_cpu(params->num_planes) > VHA_CODEC_PLANES_MAX ||
	    le32_to_cpu(params->resource_type) != VHA_CODEC_MEMORY_GUEST_PAGES)
		return false;
	return !format ||
	       vha_codec_caps_has(&codec->caps[queue - stream->queues], format);
}

static int set(struct vha_codec_stream *stream, struct vha_codec_queue *queue,
	       const struct vha_codec_params *params)
{
	struct v4l2_format format = { .type = queue->type };
	int ret;

	ret = vha_codec_ioctl(stream, VIDIOC_G_FMT, &format, sizeof(format));
	if (ret)
		return ret;
	vha_codec_format_set(&format, params);
	ret = vha_codec_ioctl(stream, VIDIOC_S_FMT, &format, sizeof(format));
	if (ret)
		return ret;
	if (has_crop(stream, queue))
		set_crop(stream, params);
	if (codec_encodes(codec_video(stream)))
		set_rate(stream, le32_to_cpu(params->frame_rate));
	return 0;
}

/**
 * vha_codec_set_params() - set the format of a queue
 * @vq: the command queue
 * @command: the command
 */
u32 vha_codec_set_params(struct vha_queue *vq, struct vha_codec_command *command)
{
	const struct vha_codec_params *params = &command->request.params;
	struct vha_codec_stream *stream;
	struct vha_codec_queue *queue;
	int ret;

	stream = vha_codec_find(to_video(vq->dev), command->stream_id);
	if (!stream)
		return VHA_CODEC_INVALID_STREAM_ID;
	queue = vha_codec_side(stream, params->queue_type);
	if (!queue || !params_valid(stream, queue, params))
		return VHA_CODEC_INVALID_PARAMETER;
	/* Buffers the host knows are of the format it has. */
	if (queue->memory && list_empty(&queue->held))
		vha_codec_host_release(stream, queue);
	ret = set(stream, queue, params);
	if (!ret && queue == &stream->queues[codec_coded_side(codec_video(stream))] &&
	    params->format)
		stream->format = le32_to_cpu(params->format);
	return ret ? vha_codec_error(ret) : VHA_CODEC_OK;
}

/**
 * vha_codec_params_pick() - give a queue of a new stream a format
 * @stream: the stream
 * @side: which queue
 * @format: &enum vha_codec_format
 *
 * Return: 0, or what the host returns.
 */
int vha_codec_params_pick(struct vha_codec_stream *stream, enum vha_codec_side side, u32 format)
{
	struct vha_codec_queue *queue = &stream->queues[side];
	struct vha_codec_params params = {};
	int ret;

	ret = get(stream, queue, &params);
	if (ret)
		return ret;
	params.format = cpu_to_le32(format);
	memset(params.plane_formats, 0, sizeof(params.plane_formats));
	memset(&params.crop, 0, sizeof(params.crop));
	params.frame_rate = 0;
	return set(stream, queue, &params);
}
