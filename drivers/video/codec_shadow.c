// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory the host has in place of a buffer that it can not have itself
 *
 * The driver's buffer is the host's wherever its pieces follow each other in the VMM's
 * address space and the node takes it. Else the host has a buffer of its own, or memory
 * of the VMM's, and frames are copied.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/uaccess.h>

#include "codec.h"

/* Where in the VMM a plane is if it is in one place, else 0. */
static u64 place_of(struct vha_queue *vq, const struct vha_codec_resource *resource,
		    const struct vha_codec_plane *plane)
{
	const struct vha_seg *seg = &resource->segs[plane->first];
	u64 start = 0, end = 0;
	struct iovec iov;
	u32 i;

	for (i = 0; i < plane->nr; i++, seg++) {
		if (!vha_seg_iov(vq, seg, seg->len, &iov))
			return 0;
		if (!i)
			start = (uintptr_t)iov.iov_base;
		else if ((uintptr_t)iov.iov_base != end)
			return 0;
		end = (uintptr_t)iov.iov_base + iov.iov_len;
	}
	return start;
}

/**
 * vha_codec_shadow_needless() - whether the host can have a buffer as it is
 * @vq: the command queue
 * @queue: the buffer's queue, which takes addresses of the VMM
 * @resource: the buffer
 * @addrs: set to where its planes are
 */
bool vha_codec_shadow_needless(struct vha_queue *vq, const struct vha_codec_queue *queue,
			       const struct vha_codec_resource *resource, u64 *addrs)
{
	u32 i;

	for (i = 0; i < resource->nr_planes; i++) {
		addrs[i] = place_of(vq, resource, &resource->planes[i]);
		if (!addrs[i] || resource->planes[i].len < queue->sizes[i])
			return false;
	}
	return true;
}

/**
 * struct queried - a buffer and its planes, as they are in the scratch memory
 * @buffer: the buffer
 * @planes: its planes
 */
struct queried {
	struct v4l2_buffer buffer;
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
};

static int query_offset(struct vha_codec_stream *stream, const struct vha_codec_queue *queue,
			const struct vha_codec_resource *resource, u32 plane, u32 *offset,
			u32 *len)
{
	u64 scratch = codec_video(stream)->params.scratch + VHA_VIDEO_SCRATCH_COMMAND;
	struct queried queried = {
		.buffer.type = queue->type, .buffer.index = resource->index,
	};
	bool mplane = V4L2_TYPE_IS_MULTIPLANAR(queue->type);
	int ret;

	if (mplane) {
		queried.buffer.length = VIDEO_MAX_PLANES;
		queried.buffer.m.planes =
			(void *)(uintptr_t)(scratch + offsetof(struct queried, planes));
	}
	ret = vha_codec_ioctl(stream, VIDIOC_QUERYBUF, &queried, sizeof(queried));
	if (ret)
		return ret;
	*offset = mplane ? queried.planes[plane].m.mem_offset : queried.buffer.m.offset;
	*len = mplane ? queried.planes[plane].length : queried.buffer.length;
	return *len ? 0 : -EINVAL;
}

static int map_host(struct vha_codec_stream *stream, const struct vha_codec_queue *queue,
		    const struct vha_codec_resource *resource, u32 plane, unsigned long *addr,
		    u32 *len)
{
	u32 offset;
	int ret;

	ret = query_offset(stream, queue, resource, plane, &offset, len);
	if (ret)
		return ret;
	*addr = vm_mmap(stream->session->file, 0, PAGE_ALIGN((unsigned long)*len),
			PROT_READ | PROT_WRITE, MAP_SHARED, offset);
	return IS_ERR_VALUE(*addr) ? (int)*addr : 0;
}

static int map_memory(u32 size, unsigned long *addr, u32 *len)
{
	if (!size || size > S32_MAX)
		return -EINVAL;
	*len = PAGE_ALIGN(size);
	*addr = vm_mmap(NULL, 0, *len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	return IS_ERR_VALUE(*addr) ? (int)*addr : 0;
}

static int make_plane(struct vha_codec_stream *stream, const struct vha_codec_queue *queue,
		      struct vha_codec_resource *resource, u32 index)
{
	struct vha_codec_plane *plane = &resource->planes[index];
	struct vha_video *video = codec_video(stream);
	u64 max = video->params.max_bytes ?: VHA_CODEC_SHADOW_BYTES;
	struct vha_codec *codec = video->codec;
	unsigned long addr = 0;
	u32 len = 0;
	int ret;

	/* Of the host's own buffers only the host knows how large they become. */
	if (codec->shadow_bytes > max || queue->sizes[index] > max - codec->shadow_bytes)
		return -ENOMEM;
	if (queue->memory == V4L2_MEMORY_MMAP)
		ret = map_host(stream, queue, resource, index, &addr, &len);
	else
		ret = map_memory(queue->sizes[index], &addr, &len);
	if (ret)
		return ret;
	plane->shadow = addr;
	plane->shadow_len = len;
	codec->shadow_bytes += len;
	return 0;
}

/**
 * vha_codec_shadow_make() - have the host use other memory
 * @stream: the stream
 * @queue: the buffer's queue
 * @resource: the buffer, which has an index; nothing happens if it has a shadow
 *
 * Return: 0, -ENOMEM for more memory than there may be, or what mapping it returns.
 */
int vha_codec_shadow_make(struct vha_codec_stream *stream, const struct vha_codec_queue *queue,
			  struct vha_codec_resource *resource)
{
	u32 i;
	int ret;

	for (i = 0; !resource->copied && i < resource->nr_planes; i++) {
		ret = make_plane(stream, queue, resource, i);
		if (ret) {
			vha_codec_shadow_drop(codec_video(stream), resource);
			return ret;
		}
	}
	resource->copied = true;
	return 0;
}

/**
 * vha_codec_shadow_drop() - undo vha_codec_shadow_make()
 * @video: the device
 * @resource: the buffer, with or without a shadow, which the host does not have
 *
 * Outside of the VMM's address space nothing can be unmapped: then that is left to
 * whoever ends it.
 */
void vha_codec_shadow_drop(struct vha_video *video, struct vha_codec_resource *resource)
{
	u32 i;

	for (i = 0; i < resource->nr_planes; i++) {
		struct vha_codec_plane *plane = &resource->planes[i];

		if (!plane->shadow)
			continue;
		if (current->mm == video->dev.mm)
			vm_munmap(plane->shadow, PAGE_ALIGN((unsigned long)plane->shadow_len));
		video->codec->shadow_bytes -= plane->shadow_len;
		plane->shadow = 0;
		plane->shadow_len = 0;
	}
	resource->copied = false;
}

static int copy(struct vha_queue *vq, const struct vha_codec_resource *resource,
		const struct vha_codec_plane *plane, u32 len, bool in)
{
	struct vha_cursor cursor = { .seg = &resource->segs[plane->first], .nr = plane->nr };
	void __user *shadow = (void __user *)plane->shadow;
	void *bounce = to_video(vq->dev)->codec->bounce;
	u32 n;

	vha_video_count(vq, VHA_VIDEO_BYTES_COPIED, len);
	for (; len; len -= n, shadow += n) {
		n = min(len, VHA_CODEC_BOUNCE);
		if (in ? vha_copy_from(vq, &cursor, bounce, n) : copy_from_user(bounce, shadow, n))
			return -EFAULT;
		if (in ? copy_to_user(shadow, bounce, n) : vha_copy_to(vq, &cursor, bounce, n))
			return -EFAULT;
		cond_resched();
	}
	return 0;
}

/**
 * vha_codec_shadow_in() - copy what the host is to process
 * @vq: the command queue
 * @resource: the buffer, with a shadow
 *
 * Return: 0, -EINVAL for more than the host takes, -EFAULT.
 */
int vha_codec_shadow_in(struct vha_queue *vq, const struct vha_codec_resource *resource)
{
	int ret = 0;
	u32 i;

	for (i = 0; i < resource->nr_planes && !ret; i++) {
		if (resource->used[i] > resource->planes[i].shadow_len)
			return -EINVAL;
		ret = copy(vq, resource, &resource->planes[i], resource->used[i], true);
	}
	return ret;
}

/**
 * vha_codec_shadow_out() - copy what came out
 * @vq: the command queue
 * @resource: the buffer, with a shadow
 * @used: bytes in each plane, as the host says
 *
 * Return: 0, -EINVAL for more than there is room for, -EFAULT.
 */
int vha_codec_shadow_out(struct vha_queue *vq, const struct vha_codec_resource *resource,
			 const u32 *used)
{
	int ret = 0;
	u32 i;

	for (i = 0; i < resource->nr_planes && !ret; i++) {
		const struct vha_codec_plane *plane = &resource->planes[i];

		if (used[i] > plane->len || used[i] > plane->shadow_len)
			return -EINVAL;
		ret = copy(vq, resource, plane, used[i], false);
	}
	return ret;
}

/**
 * vha_codec_shadow_log() - note that the host wrote into a buffer
 * @vq: the command queue
 * @resource: the buffer, without a shadow
 *
 * Of what a codec does outside of the bytes it says it wrote nothing is known.
 */
void vha_codec_shadow_log(struct vha_queue *vq, const struct vha_codec_resource *resource)
{
	u32 i;

	if (!vha_log_enabled(vq))
		return;
	for (i = 0; i < resource->nr_planes; i++) {
		const struct vha_codec_plane *plane = &resource->planes[i];
		struct vha_cursor cursor = {
			.seg = &resource->segs[plane->first], .nr = plane->nr,
		};

		vha_log_cursor(vq, &cursor, plane->len);
	}
}
