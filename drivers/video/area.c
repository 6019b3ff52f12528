// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the VMM that the host has in place of the driver's
 *
 * Either the host's own buffer, mapped, or memory of no file, which the host takes as
 * it would the driver's. Nodes know memory by its address, and may hold on to what was
 * there once: so an area stays where it is until the host has freed its buffer.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "video.h"

#define CHUNK_BYTES	(16 << 10)

/**
 * struct area - memory for a plane
 * @entry: in the session's list
 * @type: queue of the buffer
 * @index: its number there
 * @plane: the plane
 * @addr: address in the VMM
 * @len: bytes
 * @host: the host's own buffer
 * @charged: bytes it counts for in &vha_video.buffer_bytes
 */
struct area {
	struct list_head entry;
	u32 type;
	u32 index;
	u32 plane;
	unsigned long addr;
	u32 len;
	bool host;
	u64 charged;
};

static struct area *find(struct vha_video_session *session, const struct area *like)
{
	struct area *area;

	list_for_each_entry(area, &session->areas, entry)
		if (area->type == like->type && area->index == like->index &&
		    area->plane == like->plane && (area->host || area->len >= like->len))
			return area;
	return NULL;
}

/* Each sets the address, and may change the length. */

static int map_host(struct vha_video_session *session, struct area *area)
{
	struct vha_video_planar queried;
	u32 len, offset;
	int ret;

	ret = vha_video_buffer_query(session, area->type, area->index, &queried);
	if (ret)
		return ret;
	len = queried.buffer.length;
	offset = queried.buffer.m.offset;
	if (V4L2_TYPE_IS_MULTIPLANAR(area->type)) {
		if (area->plane >= len)
			return -EINVAL;
		len = queried.planes[area->plane].length;
		offset = queried.planes[area->plane].m.mem_offset;
	}
	if (!len)
		return -EINVAL;
	area->host = true;
	area->len = len;
	area->addr = vm_mmap(session->file, 0, PAGE_ALIGN((u64)len), PROT_READ | PROT_WRITE,
			     MAP_SHARED, offset);
	return IS_ERR_VALUE(area->addr) ? (int)area->addr : 0;
}

static int map_memory(struct vha_video_session *session, struct area *area)
{
	u64 bytes = PAGE_ALIGN((u64)area->len);
	int ret = vha_video_buffer_charge(session, bytes);

	if (ret)
		return ret;
	area->addr = vm_mmap(NULL, 0, bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(area->addr)) {
		vha_video_buffer_uncharge(session, bytes);
		return (int)area->addr;
	}
	area->charged = bytes;
	return 0;
}

static struct area *create(struct vha_video_session *session, const struct area *like)
{
	bool host = session->streams[like->type].memory == V4L2_MEMORY_MMAP;
	struct area *area = kmemdup(like, sizeof(*like), VHA_GFP_SETUP);
	int ret;

	if (!area)
		return ERR_PTR(-ENOMEM);
	ret = host ? map_host(session, area) : map_memory(session, area);
	if (ret) {
		kfree(area);
		return ERR_PTR(ret);
	}
	list_add(&area->entry, &session->areas);
	return area;
}

/**
 * vha_video_area_get() - have memory for a plane
 * @session: the session, its mutex held
 * @type: queue of the buffer
 * @index: its number there
 * @plane: the plane
 * @len: bytes, not zero
 * @place: set to where it is
 *
 * Context: the command queue's worker, in the VMM's address space.
 * Return: 0, -EINVAL when the host needs more, -ENOMEM, or what mapping returns.
 */
int vha_video_area_get(struct vha_video_session *session, u32 type, u32 index, u32 plane,
		       u32 len, struct vha_video_user_plane *place)
{
	const struct area like = { .type = type, .index = index, .plane = plane, .len = len };
	struct area *area;

	lockdep_assert_held(&session->mutex);
	if (current->mm != session->video->dev.mm)
		return -EFAULT;
	if (!session->chunk)
		session->chunk = kmalloc(CHUNK_BYTES, VHA_GFP_SETUP);
	if (!session->chunk)
		return -ENOMEM;
	area = find(session, &like);
	if (!area)
		area = create(session, &like);
	if (IS_ERR(area))
		return PTR_ERR(area);
	/* A host takes no memory of the driver that is shorter than its own would be. */
	if (area->host && len < area->len)
		return -EINVAL;
	place->addr = area->addr;
	place->room = area->len;
	place->copied = true;
	return 0;
}

/**
 * vha_video_area_free() - free the memory of buffers
 * @session: the session, its mutex held
 * @type: their queue
 * @first: the number of the first, which the host has not any more
 * @last: that of the last
 *
 * Outside of the VMM's address space it is left to whoever ends that.
 */
void vha_video_area_free(struct vha_video_session *session, u32 type, u32 first, u32 last)
{
	struct area *area, *next;

	lockdep_assert_held(&session->mutex);
	list_for_each_entry_safe(area, next, &session->areas, entry) {
		if (area->type != type || area->index < first || area->index > last)
			continue;
		if (current->mm == session->video->dev.mm)
			vm_munmap(area->addr, PAGE_ALIGN((u64)area->len));
		vha_video_buffer_uncharge(session, area->charged);
		list_del(&area->entry);
		kfree(area);
	}
}

/**
 * vha_video_area_copy() - copy between the driver's memory and what the host has
 * @vq: a queue of the device, whose worker this is
 * @session: the session, its mutex held
 * @user: the buffer
 * @plane: its plane, which is copied
 * @len: bytes
 * @to_guest: to the driver's memory
 *
 * Return: 0, or -EFAULT.
 */
int vha_video_area_copy(struct vha_queue *vq, struct vha_video_session *session,
			const struct vha_video_user *user, u32 plane, u32 len, bool to_guest)
{
	const struct vha_video_user_plane *from = &user->planes[plane];
	struct vha_cursor cursor = { .seg = user->pieces.segs + from->first, .nr = from->nr };
	unsigned long addr = from->addr;
	u32 piece, left;

	lockdep_assert_held(&session->mutex);
	if (current->mm != session->video->dev.mm)
		return -EFAULT;
	for (left = min3(len, from->room, from->length); left; left -= piece, addr += piece) {
		piece = min_t(u32, left, CHUNK_BYTES);
		if (to_guest) {
			if (copy_from_user(session->chunk, (void __user *)addr, piece) ||
			    vha_copy_to(vq, &cursor, session->chunk, piece))
				return -EFAULT;
		} else {
			if (vha_copy_from(vq, &cursor, session->chunk, piece) ||
			    copy_to_user((void __user *)addr, session->chunk, piece))
				return -EFAULT;
		}
		vha_video_count(vq, VHA_VIDEO_BYTES_COPIED, piece);
	}
	return 0;
}
