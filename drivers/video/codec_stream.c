// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams of an encoder or decoder
 */
#include <linux/slab.h>

#include "codec.h"

static struct vha_codec_stream *stream_alloc(const struct vha_codec *codec)
{
	struct vha_codec_stream *stream = kvzalloc(sizeof(*stream), VHA_GFP_SETUP);
	enum vha_codec_side side;

	if (!stream)
		return NULL;
	for (side = 0; side < VHA_CODEC_SIDES; side++) {
		INIT_LIST_HEAD(&stream->queues[side].held);
		stream->queues[side].type = codec->types[side];
	}
	return stream;
}

/* What is not coded has a format as well, of those the driver knows. */
static int pick_formats(struct vha_codec_stream *stream)
{
	struct vha_video *video = codec_video(stream);
	enum vha_codec_side coded = codec_coded_side(video);
	int ret;

	ret = vha_codec_params_pick(stream, coded, stream->format);
	if (ret)
		return ret;
	return vha_codec_params_pick(stream, !coded, video->codec->caps[!coded].formats[0]);
}

/* A decoder that has no such event has nothing to tell either. */
static void subscribe(struct vha_codec_stream *stream)
{
	struct v4l2_event_subscription subscription = { .type = V4L2_EVENT_SOURCE_CHANGE };

	if (codec_encodes(codec_video(stream)))
		return;
	stream->session->subscribed = !vha_codec_ioctl(stream, VIDIOC_SUBSCRIBE_EVENT,
						       &subscription, sizeof(subscription));
}

static int create(struct vha_video *video, u32 id, u32 format)
{
	struct vha_video_session *session;
	struct vha_codec_stream *stream;
	int ret;

	stream = stream_alloc(video->codec);
	if (!stream)
		return -ENOMEM;
	ret = vha_video_session_open_as(video, id, &session);
	if (ret) {
		kvfree(stream);
		return ret;
	}
	stream->session = session;
	stream->format = format;
	session->codec = stream;
	ret = pick_formats(stream);
	if (ret)
		vha_video_session_close(session);
	else
		subscribe(stream);
	return ret;
}

/**
 * vha_codec_stream_create() - a new stream
 * @vq: the command queue
 * @command: the command
 */
u32 vha_codec_stream_create(struct vha_queue *vq, struct vha_codec_command *command)
{
	const struct vha_codec_create *request = &command->request.create;
	struct vha_video *video = to_video(vq->dev);
	u32 format = le32_to_cpu(request->coded_format);
	int ret;

	if (vha_video_session_find(video, command->stream_id))
		return VHA_CODEC_INVALID_STREAM_ID;
	if (le32_to_cpu(request->in_mem_type) != VHA_CODEC_MEMORY_GUEST_PAGES ||
	    le32_to_cpu(request->out_mem_type) != VHA_CODEC_MEMORY_GUEST_PAGES ||
	    !vha_codec_caps_has(&video->codec->caps[codec_coded_side(video)], format))
		return VHA_CODEC_INVALID_PARAMETER;
	ret = create(video, command->stream_id, format);
	if (ret)
		return vha_codec_error(ret);
	vha_video_count(vq, VHA_VIDEO_OPENS, 1);
	return VHA_CODEC_OK;
}

/**
 * vha_codec_stream_destroy() - the end of a stream
 * @vq: the command queue
 * @command: the command
 */
u32 vha_codec_stream_destroy(struct vha_queue *vq, struct vha_codec_command *command)
{
	struct vha_codec_stream *stream = vha_codec_find(to_video(vq->dev), command->stream_id);

	if (!stream)
		return VHA_CODEC_INVALID_STREAM_ID;
	vha_codec_stream_cancel(vq, stream);
	vha_video_session_close(stream->session);
	vha_video_count(vq, VHA_VIDEO_CLOSES, 1);
	return VHA_CODEC_OK;
}

static int stop_host(struct vha_codec_stream *stream)
{
	struct v4l2_encoder_cmd encoder = { .cmd = V4L2_ENC_CMD_STOP };
	struct v4l2_decoder_cmd decoder = { .cmd = V4L2_DEC_CMD_STOP };

	if (codec_encodes(codec_video(stream)))
		return vha_codec_ioctl(stream, VIDIOC_ENCODER_CMD, &encoder, sizeof(encoder));
	return vha_codec_ioctl(stream, VIDIOC_DECODER_CMD, &decoder, sizeof(decoder));
}

/**
 * vha_codec_stream_advance() - tell the host that the stream is to be drained, when it
 * can be told
 * @vq: the command queue
 * @stream: the stream
 */
void vha_codec_stream_advance(struct vha_queue *vq, struct vha_codec_stream *stream)
{
	if (!stream->drain.held || stream->stopped ||
	    !stream->queues[VHA_CODEC_IN].streaming || !stream->queues[VHA_CODEC_OUT].streaming)
		return;
	if (stop_host(stream))
		vha_codec_stream_undrain(vq, stream, VHA_CODEC_INVALID_OPERATION);
	else
		stream->stopped = true;
}

/**
 * vha_codec_stream_undrain() - answer who waits for the stream to be drained, if anyone
 * @vq: the command queue
 * @stream: the stream
 * @type: &enum vha_codec_response
 */
void vha_codec_stream_undrain(struct vha_queue *vq, struct vha_codec_stream *stream, u32 type)
{
	const struct vha_codec_header header = {
		.type = cpu_to_le32(type), .stream_id = cpu_to_le32(stream->session->id),
	};

	if (stream->drain.held)
		vha_codec_reply(vq, &stream->drain, &header, sizeof(header));
}

/**
 * vha_codec_stream_drain() - process all there is
 * @vq: the command queue
 * @command: the command
 */
u32 vha_codec_stream_drain(struct vha_queue *vq, struct vha_codec_command *command)
{
	struct vha_codec_stream *stream = vha_codec_find(to_video(vq->dev), command->stream_id);
	struct vha_codec_queue *in;

	if (!stream)
		return VHA_CODEC_INVALID_STREAM_ID;
	if (command->chain->in_len < sizeof(struct vha_codec_header))
		return VHA_CODEC_INVALID_PARAMETER;
	in = &stream->queues[VHA_CODEC_IN];
	/* Where nothing can come from nothing comes out. */
	if (stream->drain.held || stream->session->error || !in->nr ||
	    vha_codec_host_begin(stream, in))
		return VHA_CODEC_INVALID_OPERATION;
	vha_codec_hold(&stream->drain, command->chain);
	vha_codec_stream_advance(vq, stream);
	return 0;
}

/**
 * vha_codec_stream_fail() - a stream is of no use any more
 * @vq: the command queue
 * @stream: the stream
 * @error: why, a negative errno
 */
void vha_codec_stream_fail(struct vha_queue *vq, struct vha_codec_stream *stream, int error)
{
	mutex_lock(&stream->session->mutex);
	vha_video_session_fail(stream->session, error);
	mutex_unlock(&stream->session->mutex);
	vha_codec_stream_cancel(vq, stream);
}

/**
 * vha_codec_stream_cancel() - give back all that is the driver's
 * @vq: the command queue
 * @stream: the stream
 *
 * Afterwards no command of the stream's is held, and the host references nothing of the
 * guest's memory.
 */
void vha_codec_stream_cancel(struct vha_queue *vq, struct vha_codec_stream *stream)
{
	enum vha_codec_side side;

	for (side = 0; side < VHA_CODEC_SIDES; side++) {
		vha_codec_clear(vq, stream, &stream->queues[side]);
		vha_codec_host_release(stream, &stream->queues[side]);
	}
	vha_codec_stream_undrain(vq, stream, VHA_CODEC_INVALID_OPERATION);
}

/**
 * vha_codec_stream_close() - as &vha_video_front.close
 * @session: the stream's session
 */
void vha_codec_stream_close(struct vha_video_session *session)
{
	struct vha_codec_stream *stream = session->codec;
	enum vha_codec_side side;

	if (!stream)
		return;
	for (side = 0; side < VHA_CODEC_SIDES; side++)
		vha_codec_resources_free(stream, &stream->queues[side]);
	session->codec = NULL;
	kvfree(stream);
}
