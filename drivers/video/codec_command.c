// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command queue of an encoder or decoder
 */
#include <linux/nospec.h>

#include "codec.h"
#include "trace.h"

/**
 * vha_codec_error() - what the driver is told of an errno
 * @error: a negative errno
 *
 * Return: &enum vha_codec_response.
 */
u32 vha_codec_error(int error)
{
	switch (error) {
	case -ENOMEM:
	case -ENOSPC:
	case -EMFILE:
	case -ENFILE:
	case -EDQUOT:
		return VHA_CODEC_OUT_OF_MEMORY;
	case -EINVAL:
	case -ERANGE:
	case -EFAULT:
	case -E2BIG:
		return VHA_CODEC_INVALID_PARAMETER;
	default:
		return VHA_CODEC_INVALID_OPERATION;
	}
}

static void malformed(struct vha_queue *vq, const struct vha_chain *chain)
{
	vha_video_count(vq, VHA_VIDEO_MALFORMED, 1);
	trace_vha_video_malformed(vq, chain);
}

/**
 * vha_codec_answer() - return a command
 * @vq: the queue
 * @command: the command
 * @type: &enum vha_codec_response
 * @data: what follows the header of the response
 * @len: bytes of it
 *
 * Where there is no room for all of it the driver is told that, where there is room.
 */
void vha_codec_answer(struct vha_queue *vq, struct vha_codec_command *command, u32 type,
		      const void *data, u32 len)
{
	struct vha_codec_header header = { .stream_id = cpu_to_le32(command->stream_id) };
	struct vha_cursor cursor = vha_chain_in(command->chain);
	struct vha_chain *chain = command->chain;

	if (chain->in_len < sizeof(header) + (u64)len) {
		malformed(vq, chain);
		type = VHA_CODEC_INVALID_PARAMETER;
		len = 0;
	}
	header.type = cpu_to_le32(type);
	len += sizeof(header);
	if (chain->in_len < sizeof(header)) {
		len = 0;
	} else if (vha_copy_to(vq, &cursor, &header, sizeof(header)) ||
		   vha_copy_to(vq, &cursor, data, len - sizeof(header))) {
		malformed(vq, chain);
		len = 0;
	}
	vha_queue_used(vq, &chain->token, len);
}

/**
 * vha_codec_hold() - answer a command later
 * @reply: filled in
 * @chain: the command, whose response can have VHA_CODEC_REPLY_SEGS bytes
 */
void vha_codec_hold(struct vha_codec_reply *reply, const struct vha_chain *chain)
{
	const struct vha_seg *seg = chain->segs + chain->out_num;
	u32 left = min_t(u32, chain->in_len, sizeof(struct vha_codec_done));

	reply->held = true;
	reply->token = chain->token;
	for (reply->nr = 0; left; seg++) {
		if (!seg->len)
			continue;
		reply->segs[reply->nr] = *seg;
		reply->segs[reply->nr].len = min(seg->len, left);
		left -= reply->segs[reply->nr++].len;
	}
}

/**
 * vha_codec_reply() - answer a command that was held
 * @vq: the queue
 * @reply: the command
 * @data: the response
 * @len: bytes of it
 *
 * Context: the queue's worker, queue mutex held. When the owner was killed nothing is
 * written.
 */
void vha_codec_reply(struct vha_queue *vq, struct vha_codec_reply *reply, const void *data,
		     u32 len)
{
	struct vha_cursor cursor = { .seg = reply->segs, .nr = reply->nr };

	if (vha_copy_to(vq, &cursor, data, len)) {
		vha_video_count(vq, VHA_VIDEO_MALFORMED, 1);
		len = 0;
	}
	reply->held = false;
	vha_queue_used(vq, &reply->token, len);
}

/**
 * vha_codec_ask() - ask the host
 * @video: the device
 * @file: an open file of its node
 * @cmd: number of the ioctl
 * @arg: the argument, and what is nested in it; updated
 * @len: bytes of it
 *
 * Context: the command queue's worker, queue mutex held.
 * Return: as vha_video_host_ioctl().
 */
int vha_codec_ask(struct vha_video *video, struct file *file, unsigned int cmd, void *arg,
		  u32 len)
{
	struct vha_queue *vq = video_queue(video, VHA_VIDEO_COMMAND);
	int ret;

	lockdep_assert_held(&vq->mutex);
	ret = vha_video_host_ioctl(video, file, cmd, VHA_VIDEO_SCRATCH_COMMAND, arg, len);
	vha_video_count(vq, VHA_VIDEO_IOCTLS, 1);
	if (ret && ret != -EAGAIN && ret != -ENOENT)
		vha_video_count(vq, VHA_VIDEO_IOCTL_ERRORS, 1);
	return ret;
}

/**
 * vha_codec_ioctl() - ask the host for a stream
 * @stream: the stream
 * @cmd: number of the ioctl
 * @arg: the argument, and what is nested in it; updated
 * @len: bytes of it
 *
 * Return: as vha_video_host_ioctl().
 */
int vha_codec_ioctl(struct vha_codec_stream *stream, unsigned int cmd, void *arg, u32 len)
{
	return vha_codec_ask(codec_video(stream), stream->session->file, cmd, arg, len);
}

/**
 * vha_codec_find() - find a stream
 * @video: the device
 * @id: the driver's name for it
 *
 * Return: the stream, or NULL.
 */
struct vha_codec_stream *vha_codec_find(struct vha_video *video, u32 id)
{
	struct vha_video_session *session = vha_video_session_find(video, id);

	return session ? session->codec : NULL;
}

/**
 * vha_codec_side() - a queue of a stream
 * @stream: the stream
 * @queue_type: VHA_CODEC_QUEUE_*
 *
 * Return: the queue, or NULL for what is none.
 */
struct vha_codec_queue *vha_codec_side(struct vha_codec_stream *stream, __le32 queue_type)
{
	switch (le32_to_cpu(queue_type)) {
	case VHA_CODEC_QUEUE_INPUT:
		return &stream->queues[VHA_CODEC_IN];
	case VHA_CODEC_QUEUE_OUTPUT:
		return &stream->queues[VHA_CODEC_OUT];
	default:
		return NULL;
	}
}

/**
 * struct command_rule - a command
 * @len: bytes that follow its header, but for lists
 * @fn: serves it
 */
struct command_rule {
	u32 len;
	u32 (*fn)(struct vha_queue *vq, struct vha_codec_command *command);
};

#define FIRST		VHA_CODEC_QUERY_CAPABILITY
#define REQUEST(_name)	sizeof_field(union vha_codec_request, _name)

static const struct command_rule rules[] = {
	[VHA_CODEC_QUERY_CAPABILITY - FIRST] = { REQUEST(queue), vha_codec_query_capability },
	[VHA_CODEC_STREAM_CREATE - FIRST] = { REQUEST(create), vha_codec_stream_create },
	[VHA_CODEC_STREAM_DESTROY - FIRST] = { 0, vha_codec_stream_destroy },
	[VHA_CODEC_STREAM_DRAIN - FIRST] = { 0, vha_codec_stream_drain },
	[VHA_CODEC_RESOURCE_CREATE - FIRST] = { REQUEST(resource_create),
						vha_codec_resource_create },
	[VHA_CODEC_RESOURCE_QUEUE - FIRST] = { REQUEST(resource_queue),
					       vha_codec_resource_queue },
	[VHA_CODEC_RESOURCE_DESTROY_ALL - FIRST] = { REQUEST(queue),
						     vha_codec_resource_destroy_all },
	[VHA_CODEC_QUEUE_CLEAR - FIRST] = { REQUEST(queue), vha_codec_queue_clear },
	[VHA_CODEC_GET_PARAMS - FIRST] = { REQUEST(queue), vha_codec_get_params },
	[VHA_CODEC_SET_PARAMS - FIRST] = { VHA_CODEC_PARAMS_OLD, vha_codec_set_params },
	[VHA_CODEC_QUERY_CONTROL - FIRST] = { REQUEST(control), vha_codec_query_control },
	[VHA_CODEC_GET_CONTROL - FIRST] = { REQUEST(control), vha_codec_get_control },
	[VHA_CODEC_SET_CONTROL - FIRST] = { REQUEST(control), vha_codec_set_control },
	[VHA_CODEC_GET_PARAMS_EXT - FIRST] = { REQUEST(queue), vha_codec_get_params_ext },
	[VHA_CODEC_SET_PARAMS_EXT - FIRST] = { REQUEST(params), vha_codec_set_params },
};

static const struct command_rule *rule_find(u32 type)
{
	if (type < FIRST || type >= VHA_CODEC_COMMANDS_END)
		return NULL;
	type -= FIRST;
	return &rules[array_index_nospec(type, ARRAY_SIZE(rules))];
}

static u32 call_rule(struct vha_queue *vq, struct vha_codec_command *command, u32 type)
{
	const struct command_rule *rule = rule_find(type);

	if (!rule)
		return VHA_CODEC_INVALID_OPERATION;
	if (vha_copy_from(vq, &command->out, &command->request, rule->len))
		return VHA_CODEC_INVALID_PARAMETER;
	return rule->fn(vq, command);
}

static int serve(struct vha_queue *vq, struct vha_chain *chain)
{
	struct vha_codec_command command = { .chain = chain, .out = vha_chain_out(chain) };
	struct vha_codec_header header = {};
	u32 type = VHA_CODEC_INVALID_PARAMETER;

	if (vha_copy_from(vq, &command.out, &header, sizeof(header))) {
		malformed(vq, chain);
	} else {
		command.stream_id = le32_to_cpu(header.stream_id);
		type = call_rule(vq, &command, le32_to_cpu(header.type));
	}
	if (!type)
		return 0;
	if (type >= VHA_CODEC_INVALID_OPERATION) {
		vha_video_count(vq, VHA_VIDEO_REFUSED, 1);
		trace_vha_video_refused(vq, chain, -(int)type);
	}
	vha_codec_answer(vq, &command, type, NULL, 0);
	return 0;
}

/**
 * vha_codec_command_run() - serve the command queue
 * @vq: the queue
 */
void vha_codec_command_run(struct vha_queue *vq)
{
	vha_queue_drain(vq, serve);
}
