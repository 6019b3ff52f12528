// SPDX-License-Identifier: GPL-2.0-only
/*
 * The window in which buffers are mapped
 *
 * The host's buffers are mapped straight into the VMM's address space, where the
 * guest finds them as device memory. The VMM handed out the addresses for that: what
 * is not in use there is mapped without access, and never left unmapped, so that
 * nothing else of the VMM's can get in the way.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/slab.h>

#include "trace.h"
#include "video.h"

/**
 * vha_video_window_init() - a device without window
 * @video: the device
 */
void vha_video_window_init(struct vha_video *video)
{
	mt_init_flags(&video->window.ranges, MT_FLAGS_ALLOC_RANGE);
}

/**
 * vha_video_window_destroy() - undo vha_video_window_init()
 * @video: the device, with nothing mapped
 */
void vha_video_window_destroy(struct vha_video *video)
{
	mtree_destroy(&video->window.ranges);
}

static void set(struct vha_video_window_state *window, u64 addr, u64 size,
		struct eventfd_ctx *event)
{
	struct eventfd_ctx *old = window->remote.event;

	window->addr = addr;
	window->pages = size >> PAGE_SHIFT;
	window->remote.event = event;
	if (old)
		eventfd_ctx_put(old);
}

/**
 * vha_video_window_set() - set or take away the window
 * @video: the device
 * @addr: address in the VMM
 * @size: bytes, 0 for no window
 * @event: says that there is a request for the process that has the window; NULL for
 *	the VMM's own. One reference, taken over on success.
 *
 * Return: 0, or -EBUSY while something is mapped.
 */
int vha_video_window_set(struct vha_video *video, u64 addr, u64 size, struct eventfd_ctx *event)
{
	struct vha_queue *vq = video_queue(video, VHA_VIDEO_COMMAND);
	int ret = -EBUSY;

	mutex_lock(&vq->mutex);
	if (!video->window.nr) {
		set(&video->window, addr, size, event);
		ret = 0;
	}
	mutex_unlock(&vq->mutex);
	return ret;
}

static unsigned long mapping_addr(const struct vha_video_window_state *window,
				  const struct vha_video_mapping *mapping)
{
	return window->addr + (mapping->page << PAGE_SHIFT);
}

static unsigned long mapping_pages(const struct vha_video_mapping *mapping)
{
	return PAGE_ALIGN((u64)mapping->buffer.len) >> PAGE_SHIFT;
}

static unsigned long mapping_bytes(const struct vha_video_mapping *mapping)
{
	return mapping_pages(mapping) << PAGE_SHIFT;
}

/* What maps returns an address or an errno. */
static int map_result(unsigned long addr)
{
	return IS_ERR_VALUE(addr) ? (int)addr : 0;
}

/* With MAP_FIXED, or MAP_FIXED_NOREPLACE where nothing is. */
static int map_nothing(const struct vha_video *video, const struct vha_video_mapping *mapping,
		       unsigned long fixed)
{
	return map_result(vm_mmap(NULL, mapping_addr(&video->window, mapping),
				  mapping_bytes(mapping), PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | fixed, 0));
}

static unsigned long map_at(const struct vha_video_mapping *mapping, unsigned long addr,
			    unsigned long fixed)
{
	unsigned long prot = mapping->write ? PROT_READ | PROT_WRITE : PROT_READ;

	return vm_mmap(mapping->file, addr, mapping_bytes(mapping), prot, MAP_SHARED | fixed,
		       mapping->buffer.offset);
}

/* Whether the node lets it be mapped, wherever. */
static int map_trial(const struct vha_video_mapping *mapping)
{
	unsigned long addr = map_at(mapping, 0, 0);

	if (!IS_ERR_VALUE(addr))
		vm_munmap(addr, mapping_bytes(mapping));
	return map_result(addr);
}

static int map_file(const struct vha_video *video, const struct vha_video_mapping *mapping)
{
	return map_result(map_at(mapping, mapping_addr(&video->window, mapping), MAP_FIXED));
}

static bool mapping_matches(const struct vha_video_mapping *mapping,
			    const struct vha_video_session *session,
			    const struct vha_video_buffer *buffer, bool write)
{
	return mapping->session == session && mapping->write == write &&
	       mapping->buffer.offset == buffer->offset &&
	       mapping->buffer.len == buffer->len && mapping->buffer.type == buffer->type &&
	       mapping->generation == session->streams[buffer->type].generation;
}

static struct vha_video_mapping *mapping_find(struct vha_video_session *session,
					      const struct vha_video_buffer *buffer, bool write)
{
	struct vha_video_mapping *mapping;
	unsigned long page = 0;

	mt_for_each(&session->video->window.ranges, mapping, page, ULONG_MAX)
		if (mapping_matches(mapping, session, buffer, write))
			return mapping;
	return NULL;
}

static int mapping_get(struct vha_video_mapping *mapping)
{
	if (mapping->refs == U32_MAX)
		return -ENOMEM;
	mapping->refs++;
	return 0;
}

static struct vha_video_mapping *mapping_create(struct vha_video_session *session,
						const struct vha_video_buffer *buffer, bool write)
{
	struct vha_video_window_state *window = &session->video->window;
	struct vha_video_mapping *mapping;
	unsigned long pages;
	int ret;

	if (window->nr == VHA_VIDEO_MAPPINGS_MAX)
		return ERR_PTR(-ENOMEM);
	mapping = kzalloc(sizeof(*mapping), VHA_GFP_SETUP);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	mapping->session = session;
	mapping->buffer = *buffer;
	mapping->generation = session->streams[buffer->type].generation;
	mapping->write = write;
	pages = mapping_pages(mapping);
	ret = -ENOMEM;
	if (pages <= window->pages)
		ret = mtree_alloc_range(&window->ranges, &mapping->page, mapping, pages, 0,
					window->pages - 1, VHA_GFP_SETUP);
	if (ret) {
		kfree(mapping);
		return ERR_PTR(-ENOMEM);
	}
	mapping->file = get_file(session->file);
	window->nr++;
	window->mapped_pages += pages;
	return mapping;
}

/**
 * vha_video_window_drop() - forget a mapping
 * @video: the device
 * @mapping: the mapping, undone
 */
void vha_video_window_drop(struct vha_video *video, struct vha_video_mapping *mapping)
{
	struct vha_video_window_state *window = &video->window;

	mtree_erase(&window->ranges, mapping->page);
	window->nr--;
	window->mapped_pages -= mapping_pages(mapping);
	/* What held it for the address space let go before. */
	vha_video_host_close(mapping->file);
	kfree(mapping);
}

/*
 * Mapping failed, and may have left its place unmapped, where the VMM may have mapped
 * something else since. A place that may be taken is not used until a reset.
 */
static void give_up(struct vha_video *video, struct vha_video_mapping *mapping)
{
	if (map_nothing(video, mapping, MAP_FIXED_NOREPLACE))
		mapping->session = NULL;
	else
		vha_video_window_drop(video, mapping);
}

/* The two ways to map; each sets the mapping, which has a reference more. */

static int map_local(struct vha_video_session *session, const struct vha_video_buffer *buffer,
		     bool write, struct vha_video_mapping **mapping)
{
	struct vha_video *video = session->video;
	int ret;

	*mapping = mapping_find(session, buffer, write);
	if (*mapping)
		return mapping_get(*mapping);
	*mapping = mapping_create(session, buffer, write);
	if (IS_ERR(*mapping))
		return PTR_ERR(*mapping);
	ret = map_trial(*mapping);
	if (ret) {
		vha_video_window_drop(video, *mapping);
		return ret;
	}
	ret = map_file(video, *mapping);
	if (ret)
		give_up(video, *mapping);
	else
		(*mapping)->refs = 1;
	return ret;
}

static int map_remote(struct vha_video_session *session, const struct vha_video_buffer *buffer,
		      bool write, struct vha_video_mapping **mapping)
{
	struct vha_video *video = session->video;
	int error, ret;

	*mapping = mapping_find(session, buffer, write);
	ret = vha_video_remote_claim(video, VHA_VIDEO_REQUEST_MAP, *mapping, &error);
	if (ret < 0)
		return ret;
	if (ret) {
		if (error)
			vha_video_window_drop(video, *mapping);
		else
			(*mapping)->refs = 1;
		return error;
	}
	/* It may have been dropped. */
	*mapping = mapping_find(session, buffer, write);
	if (*mapping)
		return mapping_get(*mapping);
	*mapping = mapping_create(session, buffer, write);
	if (IS_ERR(*mapping))
		return PTR_ERR(*mapping);
	vha_video_remote_ask(video, VHA_VIDEO_REQUEST_MAP, *mapping);
	return -EINPROGRESS;
}

/**
 * vha_video_window_map() - map a buffer, or count one that is mapped
 * @session: the session, its mutex held
 * @buffer: the buffer
 * @write: for writing as well
 * @offset: set to where it is in the window
 *
 * Context: the command queue's worker, queue mutex held, in the VMM's address space.
 * Return: 0, -ENODEV without a window, -ENOMEM when there is no room in it or for as
 * many mappings, -EINPROGRESS when another process has to do it first, or what mapping the
 * buffer returns.
 */
int vha_video_window_map(struct vha_video_session *session,
			 const struct vha_video_buffer *buffer, bool write, u64 *offset)
{
	struct vha_video *video = session->video;
	struct vha_video_mapping *mapping;
	int ret;

	if (!video->window.pages)
		return -ENODEV;
	if (video->window.remote.event)
		ret = map_remote(session, buffer, write, &mapping);
	else
		ret = map_local(session, buffer, write, &mapping);
	if (ret)
		return ret;
	*offset = (u64)mapping->page << PAGE_SHIFT;
	trace_vha_video_map(&video->dev, session->id, buffer, *offset);
	return 0;
}

/* What the driver has mapped there, or NULL. */
static struct vha_video_mapping *mapping_at(struct vha_video *video, u64 offset)
{
	struct vha_video_mapping *mapping;

	if (offset_in_page(offset))
		return NULL;
	mapping = mtree_load(&video->window.ranges, offset >> PAGE_SHIFT);
	if (!mapping || mapping->page != offset >> PAGE_SHIFT || !mapping->refs)
		return NULL;
	return mapping;
}

static int undo_remote(struct vha_video *video, u64 offset)
{
	struct vha_video_mapping *mapping = mapping_at(video, offset);
	int error, ret;

	ret = vha_video_remote_claim(video, VHA_VIDEO_REQUEST_UNMAP, mapping, &error);
	if (ret < 0)
		return ret;
	if (ret)
		return error;
	/* It may have been dropped. */
	mapping = mapping_at(video, offset);
	if (!mapping)
		return -EINVAL;
	vha_video_remote_ask(video, VHA_VIDEO_REQUEST_UNMAP, mapping);
	return -EINPROGRESS;
}

/**
 * vha_video_window_unmap() - undo one vha_video_window_map()
 * @video: the device
 * @offset: where in the window
 *
 * Context: as vha_video_window_map().
 * Return: 0, -EINVAL when nothing was mapped there, -EINPROGRESS as there, or what mapping
 * nothing there returns; then the buffer stays.
 */
int vha_video_window_unmap(struct vha_video *video, u64 offset)
{
	struct vha_video_mapping *mapping = mapping_at(video, offset);
	int ret;

	if (!mapping)
		return -EINVAL;
	if (mapping->refs > 1) {
		mapping->refs--;
		return 0;
	}
	if (video->window.remote.event)
		ret = undo_remote(video, offset);
	else
		ret = map_nothing(video, mapping, MAP_FIXED);
	if (ret)
		return ret;
	trace_vha_video_unmap(&video->dev, offset);
	vha_video_window_drop(video, mapping);
	return 0;
}

/**
 * vha_video_window_orphan() - a session is closed
 * @session: the session
 *
 * Return: whether something of it stays mapped.
 */
bool vha_video_window_orphan(struct vha_video_session *session)
{
	struct vha_video_mapping *mapping;
	unsigned long page = 0;
	bool any = false;

	mt_for_each(&session->video->window.ranges, mapping, page, ULONG_MAX) {
		if (mapping->session != session)
			continue;
		mapping->session = NULL;
		any = true;
	}
	return any;
}

/**
 * vha_video_window_clear() - unmap everything
 * @video: the device, without sessions
 *
 * Outside of the VMM's address space nothing can be unmapped there: then that is left
 * to whoever ends it. The process that has a remote window learns of a reset as we do.
 */
void vha_video_window_clear(struct vha_video *video)
{
	bool local = !video->window.remote.event && current->mm == video->dev.mm;
	struct vha_video_mapping *mapping;
	unsigned long page = 0;

	vha_video_remote_forget(video);
	mt_for_each(&video->window.ranges, mapping, page, ULONG_MAX) {
		if (local && mapping->refs)
			map_nothing(video, mapping, MAP_FIXED);
		vha_video_window_drop(video, mapping);
	}
}
