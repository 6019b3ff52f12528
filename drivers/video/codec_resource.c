// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers of the driver's
 *
 * A buffer is known by where it is in the guest's memory. What the host has of it is
 * found when it is queued, and nothing of it is kept when the queue is stopped.
 */
#include <linux/slab.h>

#include "codec.h"
#include "trace.h"

/* Regions of the memory table that a piece can reach over. */
#define REGIONS_MAX	16

static struct vha_codec_resource *resource_find(const struct vha_codec_queue *queue, u32 id)
{
	u32 i;

	for (i = 0; i < queue->nr; i++)
		if (queue->resources[i]->id == id)
			return queue->resources[i];
	return NULL;
}

/* Names are unique in a stream, whatever the queue. */
static bool resource_exists(const struct vha_codec_stream *stream, u32 id)
{
	return resource_find(&stream->queues[VHA_CODEC_IN], id) ||
	       resource_find(&stream->queues[VHA_CODEC_OUT], id);
}

/* Returns the number of pieces, or 0 when the command can not be right. */
static u32 count_pieces(struct vha_queue *vq, const struct vha_codec_resource_create *create)
{
	u32 planes = le32_to_cpu(create->num_planes), layout = le32_to_cpu(create->planes_layout);
	u64 total = 0;
	u32 i, nr;

	if (!planes || planes > VHA_CODEC_PLANES_MAX)
		return 0;
	if (layout != VHA_CODEC_PLANES_TOGETHER && layout != VHA_CODEC_PLANES_APART)
		return 0;
	for (i = 0; i < planes; i++) {
		nr = le32_to_cpu(create->num_entries[i]);
		if (!nr || (nr > 1 && !vha_queue_feature(vq, VHA_CODEC_F_NON_CONTIG)))
			return 0;
		total += nr;
	}
	return total > VHA_CODEC_PIECES_MAX ? 0 : total;
}

/* The device's memory is looked at again each time, but what never was in it is refused. */
static int check_piece(struct vha_queue *vq, const struct vha_seg *seg)
{
	struct vha_cursor cursor = { .seg = seg, .nr = 1 };
	struct iovec iov[REGIONS_MAX];
	int ret;

	if (!seg->len || seg->addr + seg->len < seg->addr)
		return -EINVAL;
	ret = vha_cursor_iov(vq, &cursor, seg->len, iov, ARRAY_SIZE(iov));
	return ret < 0 ? -EFAULT : 0;
}

/* Pieces that touch are one, so that fewer are looked up each time. */
static int add_piece(struct vha_queue *vq, struct vha_codec_resource *resource,
		     struct vha_codec_plane *plane, const struct vha_codec_entry *entry)
{
	const struct vha_seg seg = {
		.addr = le64_to_cpu(entry->addr), .len = le32_to_cpu(entry->length),
	};
	struct vha_seg *last;
	int ret;

	ret = check_piece(vq, &seg);
	if (ret)
		return ret;
	if (seg.len > U32_MAX - plane->len)
		return -EINVAL;
	plane->len += seg.len;
	if (plane->nr) {
		last = &resource->segs[plane->first + plane->nr - 1];
		if (last->addr + last->len == seg.addr) {
			last->len += seg.len;
			return 0;
		}
	}
	resource->segs[plane->first + plane->nr++] = seg;
	return 0;
}

/* The list is read piece by piece, each once. */
static int read_plane(struct vha_queue *vq, struct vha_codec_command *command,
		      struct vha_codec_resource *resource, u32 index, u32 first)
{
	u32 nr = le32_to_cpu(command->request.resource_create.num_entries[index]);
	struct vha_codec_plane *plane = &resource->planes[index];
	struct vha_codec_entry *entries = to_video(vq->dev)->codec->bounce;
	u32 i, n;
	int ret;

	plane->first = first;
	while (nr) {
		n = min_t(u32, nr, VHA_CODEC_BOUNCE / sizeof(*entries));
		if (vha_copy_from(vq, &command->out, entries, n * sizeof(*entries)))
			return -EINVAL;
		for (i = 0; i < n; i++) {
			ret = add_piece(vq, resource, plane, &entries[i]);
			if (ret)
				return ret;
		}
		nr -= n;
	}
	return 0;
}

static int read_planes(struct vha_queue *vq, struct vha_codec_command *command,
		       struct vha_codec_resource *resource)
{
	const struct vha_codec_resource_create *create = &command->request.resource_create;
	u32 i, first = 0;
	int ret;

	resource->nr_planes = le32_to_cpu(create->num_planes);
	for (i = 0; i < resource->nr_planes; i++) {
		ret = read_plane(vq, command, resource, i, first);
		if (ret)
			return ret;
		first += le32_to_cpu(create->num_entries[i]);
	}
	return 0;
}

static struct vha_codec_resource *resource_alloc(struct vha_codec *codec, u32 id, u32 nr)
{
	struct vha_codec_resource *resource;

	if (nr > VHA_CODEC_ALL_PIECES_MAX - codec->pieces)
		return NULL;
	resource = kvzalloc(struct_size(resource, segs, nr), VHA_GFP_SETUP);
	if (!resource)
		return NULL;
	resource->nr = nr;
	resource->id = id;
	resource->index = -1;
	INIT_LIST_HEAD(&resource->node);
	codec->pieces += nr;
	return resource;
}

static void resource_free(struct vha_codec *codec, struct vha_codec_resource *resource)
{
	codec->pieces -= resource->nr;
	kvfree(resource);
}

static u32 create(struct vha_queue *vq, struct vha_codec_command *command,
		  struct vha_codec_queue *queue, u32 nr)
{
	struct vha_codec *codec = to_video(vq->dev)->codec;
	struct vha_codec_resource *resource;
	int ret;

	resource = resource_alloc(codec,
				  le32_to_cpu(command->request.resource_create.resource_id), nr);
	if (!resource)
		return VHA_CODEC_OUT_OF_MEMORY;
	ret = read_planes(vq, command, resource);
	if (ret) {
		resource_free(codec, resource);
		return vha_codec_error(ret);
	}
	queue->resources[queue->nr++] = resource;
	return VHA_CODEC_OK;
}

/**
 * vha_codec_resource_create() - the driver has a new buffer
 * @vq: the command queue
 * @command: the command
 */
u32 vha_codec_resource_create(struct vha_queue *vq, struct vha_codec_command *command)
{
	const struct vha_codec_resource_create *request = &command->request.resource_create;
	struct vha_codec_stream *stream;
	struct vha_codec_queue *queue;
	u32 nr;

	stream = vha_codec_find(to_video(vq->dev), command->stream_id);
	if (!stream)
		return VHA_CODEC_INVALID_STREAM_ID;
	queue = vha_codec_side(stream, request->queue_type);
	nr = count_pieces(vq, request);
	if (!queue || !nr)
		return VHA_CODEC_INVALID_PARAMETER;
	if (!vha_queue_feature(vq, VHA_CODEC_F_GUEST_PAGES))
		return VHA_CODEC_INVALID_OPERATION;
	if (resource_exists(stream, le32_to_cpu(request->resource_id)))
		return VHA_CODEC_INVALID_RESOURCE_ID;
	if (queue->nr == VHA_CODEC_RESOURCES_MAX)
		return VHA_CODEC_OUT_OF_MEMORY;
	return create(vq, command, queue, nr);
}

/**
 * vha_codec_resource_done() - return the command that queued a buffer
 * @vq: the command queue
 * @stream: the stream
 * @resource: the buffer, which the host does not have
 * @timestamp: of what is in it
 * @flags: VHA_CODEC_FLAG_* bits
 * @size: bytes in it
 */
void vha_codec_resource_done(struct vha_queue *vq, struct vha_codec_stream *stream,
			     struct vha_codec_resource *resource, u64 timestamp, u32 flags,
			     u32 size)
{
	const struct vha_codec_done done = {
		.header.type = cpu_to_le32(VHA_CODEC_OK_QUEUE),
		.header.stream_id = cpu_to_le32(stream->session->id),
		.timestamp = cpu_to_le64(timestamp),
		.flags = cpu_to_le32(flags),
		.size = cpu_to_le32(size),
	};

	list_del_init(&resource->node);
	vha_codec_reply(vq, &resource->reply, &done, sizeof(done));
}

/* An answer that also those understand who only look at the flags. */
static u32 refuse(struct vha_queue *vq, struct vha_codec_command *command, u32 type)
{
	const struct vha_codec_done done = { .flags = cpu_to_le32(VHA_CODEC_FLAG_ERR) };

	vha_video_count(vq, VHA_VIDEO_REFUSED, 1);
	trace_vha_video_refused(vq, command->chain, -(int)type);
	vha_codec_answer(vq, command, type, &done.timestamp,
			 sizeof(done) - sizeof(done.header));
	return 0;
}

/* What the host would take for the whole buffer, and say so in its log, is not sent. */
static bool sizes_valid(const struct vha_codec_queue *queue,
			const struct vha_codec_stream *stream,
			const struct vha_codec_resource *resource,
			const struct vha_codec_resource_queue *request)
{
	u32 i, nr = le32_to_cpu(request->num_data_sizes);

	if (nr > VHA_CODEC_PLANES_MAX)
		return false;
	if (queue == &stream->queues[VHA_CODEC_OUT])
		return true;
	if (nr != resource->nr_planes)
		return false;
	for (i = 0; i < nr; i++) {
		u32 size = le32_to_cpu(request->data_sizes[i]);

		if (!size || size > resource->planes[i].len)
			return false;
	}
	return true;
}

static void take_request(struct vha_codec_resource *resource,
			 const struct vha_codec_resource_queue *request)
{
	unsigned int i;

	resource->timestamp = le64_to_cpu(request->timestamp);
	for (i = 0; i < resource->nr_planes; i++)
		resource->used[i] = le32_to_cpu(request->data_sizes[i]);
}

/*
 * An empty buffer that ends a drained stream is answered at once, and what comes out
 * of a decoder with another format waits for the driver to clear the queue.
 */
static int queue_resource(struct vha_queue *vq, struct vha_codec_stream *stream,
			  struct vha_codec_queue *queue, struct vha_codec_resource *resource)
{
	bool out = queue == &stream->queues[VHA_CODEC_OUT];

	if (out && stream->eos) {
		stream->eos = false;
		vha_codec_resource_done(vq, stream, resource, 0, VHA_CODEC_FLAG_EOS, 0);
		return 0;
	}
	if (queue->ended)
		return 0;
	return vha_codec_host_put(vq, stream, queue, resource);
}

static u32 serve_queue(struct vha_queue *vq, struct vha_codec_command *command,
		       struct vha_codec_stream *stream, struct vha_codec_queue *queue)
{
	const struct vha_codec_resource_queue *request = &command->request.resource_queue;
	struct vha_codec_resource *resource;
	int ret;

	resource = resource_find(queue, le32_to_cpu(request->resource_id));
	if (!resource)
		return VHA_CODEC_INVALID_RESOURCE_ID;
	if (!sizes_valid(queue, stream, resource, request))
		return VHA_CODEC_INVALID_PARAMETER;
	if (resource->reply.held || stream->session->error)
		return VHA_CODEC_INVALID_OPERATION;
	/* Until it is drained nothing more goes in. */
	if (queue == &stream->queues[VHA_CODEC_IN] && stream->drain.held)
		return VHA_CODEC_INVALID_OPERATION;
	take_request(resource, request);
	vha_codec_hold(&resource->reply, command->chain);
	list_add_tail(&resource->node, &queue->held);
	ret = queue_resource(vq, stream, queue, resource);
	if (ret) {
		list_del_init(&resource->node);
		resource->reply.held = false;
		return vha_codec_error(ret);
	}
	vha_video_count(vq, VHA_VIDEO_QUEUED, 1);
	return 0;
}

/**
 * vha_codec_resource_queue() - have a buffer processed
 * @vq: the command queue
 * @command: the command
 */
u32 vha_codec_resource_queue(struct vha_queue *vq, struct vha_codec_command *command)
{
	struct vha_codec_stream *stream;
	struct vha_codec_queue *queue;
	u32 type = VHA_CODEC_INVALID_STREAM_ID;

	if (command->chain->in_len < sizeof(struct vha_codec_done))
		return VHA_CODEC_INVALID_PARAMETER;
	stream = vha_codec_find(to_video(vq->dev), command->stream_id);
	if (stream) {
		queue = vha_codec_side(stream, command->request.resource_queue.queue_type);
		type = queue ? serve_queue(vq, command, stream, queue) :
		       VHA_CODEC_INVALID_PARAMETER;
	}
	return type ? refuse(vq, command, type) : 0;
}

/**
 * vha_codec_resources_free() - forget the buffers of a queue
 * @stream: the stream
 * @queue: the queue; none of them is held, and the host has none
 */
void vha_codec_resources_free(struct vha_codec_stream *stream, struct vha_codec_queue *queue)
{
	struct vha_video *video = codec_video(stream);

	while (queue->nr) {
		struct vha_codec_resource *resource = queue->resources[--queue->nr];

		vha_codec_shadow_drop(video, resource);
		resource_free(video->codec, resource);
	}
}

/**
 * vha_codec_resource_destroy_all() - the driver forgets the buffers of a queue
 * @vq: the command queue
 * @command: the command
 */
u32 vha_codec_resource_destroy_all(struct vha_queue *vq, struct vha_codec_command *command)
{
	struct vha_codec_stream *stream;
	struct vha_codec_queue *queue;

	stream = vha_codec_find(to_video(vq->dev), command->stream_id);
	if (!stream)
		return VHA_CODEC_INVALID_STREAM_ID;
	queue = vha_codec_side(stream, command->request.queue.queue_type);
	if (!queue)
		return VHA_CODEC_INVALID_PARAMETER;
	vha_codec_clear(vq, stream, queue);
	vha_codec_host_release(stream, queue);
	vha_codec_resources_free(stream, queue);
	return VHA_CODEC_OK;
}
