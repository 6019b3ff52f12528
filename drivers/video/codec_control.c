// SPDX-License-Identifier: GPL-2.0-only
/*
 * Controls of a stream
 */
#include "codec.h"
#include "codec_value.h"

/* Of a format more values than the draft has are not looked for. */
#define VALUES_MAX	64

/* The host: an open file of its node, and the device it is for. */
struct control_host {
	struct vha_video *video;
	struct file *file;
};

static struct control_host host_of(const struct vha_codec_stream *stream)
{
	return (struct control_host) { codec_video(stream), stream->session->file };
}

static int ask(const struct control_host *host, unsigned int cmd, void *arg, u32 len)
{
	return vha_codec_ask(host->video, host->file, cmd, arg, len);
}

/* Returns &enum vha_codec_response, or 0 if there is such a control. */
static u32 query(const struct control_host *host, u32 control, u32 format,
		 struct v4l2_queryctrl *query)
{
	query->id = vha_codec_value_control(control, format);
	if (!query->id || ask(host, VIDIOC_QUERYCTRL, query, sizeof(*query)))
		return VHA_CODEC_UNSUPPORTED_CONTROL;
	return 0;
}

static bool menu_item(const struct control_host *host, u32 id, s32 index)
{
	struct v4l2_querymenu menu = { .id = id, .index = index };

	return !ask(host, VIDIOC_QUERYMENU, &menu, sizeof(menu));
}

static u32 list_values(const struct control_host *host, const struct v4l2_queryctrl *query,
		       u32 control, u32 format, __le32 *values)
{
	u32 value, count = 0;
	s32 i;

	for (i = max(query->minimum, 0); i <= query->maximum && i < VALUES_MAX; i++)
		if (vha_codec_value_from_host(control, format, i, &value) &&
		    menu_item(host, query->id, i))
			values[count++] = cpu_to_le32(value);
	return count;
}

/**
 * struct listed - response to a query of a control
 * @header: how many values
 * @values: the values
 */
struct listed {
	struct vha_codec_values header;
	__le32 values[VALUES_MAX];
};

/* The driver may ask before there is a stream: then the node is asked. */
static struct control_host query_host(struct vha_video *video, u32 stream_id, u32 *format)
{
	const struct vha_codec_stream *stream = vha_codec_find(video, stream_id);

	if (!stream)
		return (struct control_host) { video, video->node.file };
	*format = stream->format;
	return host_of(stream);
}

/**
 * vha_codec_query_control() - whether there is a control, and which values it has
 * @vq: the command queue
 * @command: the command
 */
u32 vha_codec_query_control(struct vha_queue *vq, struct vha_codec_command *command)
{
	u32 control = le32_to_cpu(command->request.control.control), format = 0, len = 0, ret;
	struct v4l2_queryctrl found = {};
	struct vha_codec_value value;
	struct control_host host;
	struct listed listed = {};

	host = query_host(to_video(vq->dev), command->stream_id, &format);
	if (vha_codec_value_listed(control)) {
		if (vha_copy_from(vq, &command->out, &value, sizeof(value)))
			return VHA_CODEC_INVALID_PARAMETER;
		format = le32_to_cpu(value.value);
	}
	ret = query(&host, control, format, &found);
	if (ret)
		return ret;
	if (vha_codec_value_listed(control)) {
		u32 count = list_values(&host, &found, control, format, listed.values);

		listed.header.num = cpu_to_le32(count);
		len = sizeof(listed.header) + count * sizeof(listed.values[0]);
	}
	vha_codec_answer(vq, command, VHA_CODEC_OK_QUERY_CONTROL, &listed, len);
	return 0;
}

/**
 * vha_codec_get_control() - the value of a control
 * @vq: the command queue
 * @command: the command
 */
u32 vha_codec_get_control(struct vha_queue *vq, struct vha_codec_command *command)
{
	u32 control = le32_to_cpu(command->request.control.control), value;
	struct vha_codec_value answer = {};
	struct v4l2_control found = {};
	struct vha_codec_stream *stream;

	stream = vha_codec_find(to_video(vq->dev), command->stream_id);
	if (!stream)
		return VHA_CODEC_INVALID_STREAM_ID;
	found.id = vha_codec_value_control(control, stream->format);
	if (!found.id || !vha_codec_value_exists(control) ||
	    vha_codec_ioctl(stream, VIDIOC_G_CTRL, &found, sizeof(found)) ||
	    !vha_codec_value_from_host(control, stream->format, found.value, &value))
		return VHA_CODEC_UNSUPPORTED_CONTROL;
	answer.value = cpu_to_le32(value);
	vha_codec_answer(vq, command, VHA_CODEC_OK_CONTROL, &answer, sizeof(answer));
	return 0;
}

/**
 * vha_codec_set_control() - set the value of a control
 * @vq: the command queue
 * @command: the command
 */
u32 vha_codec_set_control(struct vha_queue *vq, struct vha_codec_command *command)
{
	u32 control = le32_to_cpu(command->request.control.control), ret;
	struct vha_codec_value value = {};
	struct v4l2_queryctrl found = {};
	struct v4l2_control set = {};
	struct vha_codec_stream *stream;
	struct control_host host;
	int error;

	stream = vha_codec_find(to_video(vq->dev), command->stream_id);
	if (!stream)
		return VHA_CODEC_INVALID_STREAM_ID;
	host = host_of(stream);
	ret = query(&host, control, stream->format, &found);
	if (ret)
		return ret;
	if (vha_codec_value_exists(control) &&
	    vha_copy_from(vq, &command->out, &value, sizeof(value)))
		return VHA_CODEC_INVALID_PARAMETER;
	if (!vha_codec_value_to_host(control, stream->format, le32_to_cpu(value.value),
				     &set.value))
		return VHA_CODEC_INVALID_PARAMETER;
	set.id = found.id;
	error = vha_codec_ioctl(stream, VIDIOC_S_CTRL, &set, sizeof(set));
	return error ? vha_codec_error(error) : VHA_CODEC_OK;
}
