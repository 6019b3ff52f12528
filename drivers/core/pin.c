// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinning data buffers for the life of a request
 */
#include <linux/mm.h>
#include <linux/sched.h>

#include "core.h"

/* Pages pinned by one call for a data buffer; their pointers are on the stack. */
#define PIN_BATCH	32

/*
 * The pages of a data buffer, collected
 * @bv: the extents
 * @nr: how many there are
 * @max: how many there is room for
 * @pinned: the table is pinned, so that an extent is not a count of pins
 */
struct extents {
	struct bio_vec *bv;
	unsigned int nr;
	unsigned int max;
	bool pinned;
};

/*
 * Extents that hold pins grow by whole pages only: vha_unpin() takes one pin
 * off every page an extent touches.
 */
static bool extents_add(struct extents *list, struct page *page, u32 offset, u32 len)
{
	struct bio_vec *last = list->bv + list->nr - 1;

	if (list->nr && (!offset || list->pinned) &&
	    bvec_phys(last) + last->bv_len == page_to_phys(page) + offset) {
		last->bv_len += len;
		return true;
	}
	if (list->nr == list->max)
		return false;
	bvec_set_page(&list->bv[list->nr++], page, len, offset);
	return true;
}

static int extents_lookup(struct extents *list, const struct vha_region *region,
			  unsigned long hva, u32 len)
{
	while (len) {
		unsigned long run;
		struct page *page = vha_mem_page(region, hva, &run);
		u32 piece = min_t(unsigned long, run, len);

		if (!extents_add(list, page, offset_in_page(hva), piece))
			return -ENOSPC;
		hva += piece;
		len -= piece;
	}
	return 0;
}

/*
 * A page that a device will write becomes dirty now: this may sleep, and the
 * completion can not. A dirty page that is pinned is not cleaned by reclaim.
 */
static void page_dirty(struct page *page)
{
	if (!folio_test_dirty(page_folio(page)))
		set_page_dirty_lock(page);
}

static int extents_add_pins(struct extents *list, struct page **pages, int nr,
			    unsigned long hva, u32 len, bool write)
{
	int i;

	for (i = 0; i < nr; i++) {
		u32 offset = offset_in_page(hva);
		u32 piece = min_t(u32, len, PAGE_SIZE - offset);

		if (!extents_add(list, pages[i], offset, piece)) {
			unpin_user_pages(pages + i, nr - i);
			return -ENOSPC;
		}
		if (write)
			page_dirty(pages[i]);
		hva += piece;
		len -= piece;
	}
	return 0;
}

static int pin_error(int got)
{
	return got == -ENOMEM ? -ENOMEM : -EFAULT;
}

/* Not inlined for the sake of the stack, which compilers like to clear. */
static noinline int extents_pin_pages(struct extents *list, unsigned long hva, u32 len,
				      unsigned int flags)
{
	struct page *pages[PIN_BATCH];

	while (len) {
		u32 offset = offset_in_page(hva);
		u32 want = min_t(u64, PIN_BATCH, PFN_UP((u64)offset + len));
		int ret, got;
		u32 piece;

		got = pin_user_pages_fast(hva - offset, want, flags, pages);
		if (got <= 0)
			return pin_error(got);
		piece = min_t(u32, len, got * PAGE_SIZE - offset);
		ret = extents_add_pins(list, pages, got, hva, piece, flags & FOLL_WRITE);
		if (ret)
			return ret;
		hva += piece;
		len -= piece;
	}
	return 0;
}

/* Most pieces are in one page: a sector, a page, a status byte. */
static int extents_pin(struct extents *list, unsigned long hva, u32 len, bool write)
{
	unsigned int flags = write ? FOLL_WRITE : 0;
	u32 offset = offset_in_page(hva);
	struct page *page;
	int got;

	if (len > PAGE_SIZE - offset)
		return extents_pin_pages(list, hva, len, flags);
	got = pin_user_pages_fast(hva - offset, 1, flags, &page);
	if (got != 1)
		return pin_error(got);
	return extents_add_pins(list, &page, 1, hva, len, write);
}

/* Pages of [gpa, gpa + len), which may span regions. */
static int extents_add_guest(struct extents *list, const struct vha_mem *mem, u64 gpa,
			     u32 len, bool write)
{
	while (len) {
		const struct vha_region *region = vha_mem_find(mem, gpa);
		unsigned long hva;
		u32 piece;
		int ret;

		if (!region)
			return -EFAULT;
		hva = region->hva + (gpa - region->gpa);
		piece = min_t(u64, len, region->size - (gpa - region->gpa));
		if (list->pinned)
			ret = extents_lookup(list, region, hva, piece);
		else
			ret = extents_pin(list, hva, piece, write);
		if (ret)
			return ret;
		gpa += piece;
		len -= piece;
	}
	return 0;
}

/*
 * The most frequent buffer is one segment inside one page. Returns 1, -ENOENT
 * when it is anything else, or what vha_pin() returns.
 */
static int pin_page(const struct vha_mem *mem, struct vha_cursor *cursor, u32 len,
		    bool write, struct bio_vec *bv)
{
	u64 gpa = cursor->seg->addr + cursor->offset;
	const struct vha_region *region;
	struct page *page;
	unsigned long hva;
	int got;

	if (mem->pinned || len > cursor->seg->len - cursor->offset)
		return -ENOENT;
	region = vha_mem_find(mem, gpa);
	if (!region)
		return -EFAULT;
	hva = region->hva + (gpa - region->gpa);
	if (len > PAGE_SIZE - offset_in_page(hva) || len > region->size - (gpa - region->gpa))
		return -ENOENT;
	got = pin_user_pages_fast(hva & PAGE_MASK, 1, write ? FOLL_WRITE : 0, &page);
	if (got != 1)
		return pin_error(got);
	if (write)
		page_dirty(page);
	bvec_set_page(bv, page, len, offset_in_page(hva));
	vha_cursor_skip(cursor, len);
	return 1;
}

/**
 * vha_pin() - get at the pages of a buffer, and advance the cursor
 * @vq: the queue
 * @cursor: where in the buffer
 * @len: bytes
 * @write: the pages will be written
 * @bv: filled with physically contiguous extents
 * @max: how many extents @bv has room for
 *
 * Each page is pinned until vha_unpin(), unless vha_mem_pinned(). Pages that
 * will be written become dirty here, because that may sleep.
 *
 * Context: the queue's worker, queue mutex held, may sleep.
 * Return: the number of extents, or, with nothing pinned and @cursor where it
 * was: -ENOSPC when @max is too small, -EFAULT when the buffer is shorter or a
 * byte of it is not in the guest's memory, -ENOMEM.
 */
int vha_pin(struct vha_queue *vq, struct vha_cursor *cursor, u32 len, bool write,
	    struct bio_vec *bv, unsigned int max)
{
	const struct vha_device *dev = vq->dev;
	const struct vha_mem *mem = dev->mem;
	struct vha_cursor at = *cursor;
	struct extents list = { .bv = bv, .max = max };
	int ret;

	lockdep_assert_held(&vq->mutex);
	/* A worker whose owner was killed has another mm, or none. */
	if (!mem || (!mem->pinned && current->mm != dev->mm))
		return -EFAULT;
	if (likely(len && max && at.nr)) {
		ret = pin_page(mem, cursor, len, write, bv);
		if (ret != -ENOENT)
			return ret;
	}
	list.pinned = mem->pinned;
	while (len) {
		u32 piece;

		if (!at.nr) {
			ret = -EFAULT;
			goto err;
		}
		piece = min(len, at.seg->len - at.offset);
		ret = extents_add_guest(&list, mem, at.seg->addr + at.offset, piece, write);
		if (ret)
			goto err;
		vha_cursor_skip(&at, piece);
		len -= piece;
	}
	*cursor = at;
	return list.nr;
err:
	if (!list.pinned)
		vha_unpin(bv, list.nr);
	return ret;
}
EXPORT_SYMBOL_GPL(vha_pin);

/**
 * vha_unpin() - release what vha_pin() pinned
 * @bv: the extents
 * @nr: how many
 *
 * Context: any.
 */
void vha_unpin(const struct bio_vec *bv, unsigned int nr)
{
	for (; nr; nr--, bv++) {
		unsigned long pages = PFN_UP((u64)bv->bv_offset + bv->bv_len);

		if (pages == 1)
			unpin_user_page(bv->bv_page);
		else
			unpin_user_page_range_dirty_lock(bv->bv_page, pages, false);
	}
}
EXPORT_SYMBOL_GPL(vha_unpin);
