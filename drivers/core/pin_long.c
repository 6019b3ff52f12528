// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinning guest memory for long: ring parts, the dirty bitmap, all of it
 */
#include <kunit/visibility.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "core.h"

/* Pages pinned by one call for long; between two calls a signal is noticed. */
#define LONG_BATCH	512

/* Pages of one mapping: much more than any ring, enough for any dirty log. */
#define MAP_PAGES_MAX	(SZ_4G / PAGE_SIZE)

/* What one entry of a region's page map covers, aligned in the owner's space. */
#define CHUNK_SIZE	SZ_2M

/*
 * An entry of the page map is the address of the struct page of the chunk's
 * first page, with this bit set, when the chunk is physically contiguous, and
 * else the address of an array of pages.
 */
#define CHUNK_FLAT	1UL

static int pin_long(unsigned long hva, unsigned int nr, struct page **pages, bool write)
{
	unsigned int flags = FOLL_LONGTERM | (write ? FOLL_WRITE : 0);
	unsigned int done = 0;
	int ret = 0;

	while (done < nr) {
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		ret = pin_user_pages_fast(hva + done * PAGE_SIZE,
					  min(nr - done, LONG_BATCH), flags, pages + done);
		if (ret <= 0)
			break;
		done += ret;
		cond_resched();
	}
	if (done == nr)
		return 0;
	unpin_user_pages(pages, done);
	return ret < 0 ? ret : -EFAULT;
}

static bool pages_contiguous(struct page **pages, unsigned int nr)
{
	unsigned long pfn = page_to_pfn(pages[0]);
	unsigned int i;

	for (i = 1; i < nr; i++)
		if (page_to_pfn(pages[i]) != pfn + i)
			return false;
	return true;
}

static int ring_map_finish(struct vha_ring_map *map, unsigned long offset)
{
	/* High memory, which is above the other, has no address of its own. */
	if (pages_contiguous(map->pages, map->nr) &&
	    !PageHighMem(map->pages[map->nr - 1])) {
		map->addr = page_address(map->pages[0]);
	} else {
		map->addr = vmap(map->pages, map->nr, VM_MAP, PAGE_KERNEL);
		if (!map->addr)
			return -ENOMEM;
		map->vmapped = true;
	}
	map->addr += offset;
	return 0;
}

static int ring_map_begin(struct vha_ring_map *map, struct mm_struct *mm, unsigned int nr,
			  bool write)
{
	int ret;

	if (current->mm != mm)
		return -EFAULT;
	map->pages = kvmalloc_array(nr, sizeof(*map->pages), VHA_GFP_SETUP);
	if (!map->pages)
		return -ENOMEM;
	ret = account_locked_vm(mm, nr, true);
	if (ret) {
		kvfree(map->pages);
		map->pages = NULL;
		return ret;
	}
	map->nr = nr;
	map->write = write;
	return 0;
}

static void ring_map_abort(struct vha_ring_map *map, struct mm_struct *mm)
{
	account_locked_vm(mm, map->nr, false);
	kvfree(map->pages);
	*map = (struct vha_ring_map) {};
}

/**
 * vha_ring_map() - pin memory of the owner and map it for any context
 * @map: filled in; all zero before
 * @mm: the owner's address space, which must be the current one
 * @hva: first byte
 * @size: bytes, not zero
 * @write: the memory will be written; else memory the owner can not write will do
 *
 * The pages are charged to the owner's locked memory.
 *
 * Context: process, may sleep; a fatal signal ends it.
 * Return: 0, -EFAULT, -ENOMEM (over the limit of locked memory as well),
 * -EINVAL for a size that is zero or can not be mapped, -EINTR. On error @map
 * is all zero again.
 */
int vha_ring_map(struct vha_ring_map *map, struct mm_struct *mm, unsigned long hva,
		 size_t size, bool write)
{
	unsigned long offset = offset_in_page(hva), last, nr;
	int ret;

	if (!size || check_add_overflow(hva, size - 1, &last))
		return -EINVAL;
	nr = (last >> PAGE_SHIFT) - (hva >> PAGE_SHIFT) + 1;
	if (nr > MAP_PAGES_MAX)
		return -EINVAL;
	ret = ring_map_begin(map, mm, nr, write);
	if (ret)
		return ret;
	ret = pin_long(hva - offset, nr, map->pages, write);
	if (ret)
		goto err_abort;
	ret = ring_map_finish(map, offset);
	if (ret)
		goto err_unpin;
	map->hva = hva;
	return 0;
err_unpin:
	unpin_user_pages(map->pages, nr);
err_abort:
	ring_map_abort(map, mm);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vha_ring_map);

/**
 * vha_ring_map_pages() - pin scattered pages of the owner and map them in a row
 * @map: filled in; all zero before
 * @mm: the owner's address space, which must be the current one
 * @hvas: an address in each page; the first one's offset in its page is where
 *	the mapping starts. From kvmalloc(); belongs to @map on success.
 * @nr: number of pages, not zero
 * @write: as of vha_ring_map()
 *
 * Context: as vha_ring_map().
 * Return: as vha_ring_map().
 */
int vha_ring_map_pages(struct vha_ring_map *map, struct mm_struct *mm,
		       unsigned long *hvas, unsigned int nr, bool write)
{
	unsigned int done;
	int ret;

	ret = ring_map_begin(map, mm, nr, write);
	if (ret)
		return ret;
	for (done = 0; done < nr; done++) {
		ret = pin_long(hvas[done] & PAGE_MASK, 1, map->pages + done, write);
		if (ret)
			goto err_unpin;
	}
	ret = ring_map_finish(map, offset_in_page(hvas[0]));
	if (ret)
		goto err_unpin;
	map->hva = hvas[0];
	map->hvas = hvas;
	return 0;
err_unpin:
	unpin_user_pages(map->pages, done);
	ring_map_abort(map, mm);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vha_ring_map_pages);

/**
 * vha_ring_unmap() - undo vha_ring_map() and vha_ring_map_pages()
 * @map: the mapping, which nobody uses any more; may be all zero
 * @mm: the owner's address space, which need not be the current one
 *
 * Pages that were pinned to be written become dirty.
 *
 * Context: process, may sleep.
 */
void vha_ring_unmap(struct vha_ring_map *map, struct mm_struct *mm)
{
	if (!map->addr)
		return;
	if (map->vmapped)
		vunmap((void *)((unsigned long)map->addr & PAGE_MASK));
	unpin_user_pages_dirty_lock(map->pages, map->nr, map->write);
	kvfree(map->hvas);
	ring_map_abort(map, mm);
}
EXPORT_SYMBOL_IF_KUNIT(vha_ring_unmap);

/* Number of chunks and of pages a region touches. */

static unsigned long region_chunks(const struct vha_region *region)
{
	unsigned long last = region->hva + (region->size - 1);

	return last / CHUNK_SIZE - region->hva / CHUNK_SIZE + 1;
}

static unsigned long region_pages(const struct vha_region *region)
{
	unsigned long last = region->hva + (region->size - 1);

	return last / PAGE_SIZE - region->hva / PAGE_SIZE + 1;
}

/* First page of a chunk that belongs to the region, and how many do. */
static unsigned int chunk_span(const struct vha_region *region, unsigned long index,
			       unsigned long *hva)
{
	unsigned long start = (region->hva / CHUNK_SIZE + index) * CHUNK_SIZE;
	unsigned long last = min(start + (CHUNK_SIZE - 1), region->hva + (region->size - 1));

	*hva = max(start, region->hva & PAGE_MASK);
	return last / PAGE_SIZE - *hva / PAGE_SIZE + 1;
}

static void chunk_unpin(const struct vha_region *region, unsigned long index)
{
	unsigned long entry = region->chunks[index], hva;
	unsigned int nr = chunk_span(region, index, &hva);

	if (!entry)
		return;
	if (entry & CHUNK_FLAT) {
		unpin_user_page_range_dirty_lock((struct page *)(entry & ~CHUNK_FLAT), nr,
						 true);
	} else {
		unpin_user_pages_dirty_lock((struct page **)entry, nr, true);
		kfree((struct page **)entry);
	}
	cond_resched();
}

static void region_unpin(struct vha_region *region)
{
	unsigned long i;

	if (!region->chunks)
		return;
	for (i = 0; i < region_chunks(region); i++)
		chunk_unpin(region, i);
	kvfree(region->chunks);
	region->chunks = NULL;
}

static int chunk_pin(struct vha_region *region, unsigned long index)
{
	unsigned long hva;
	unsigned int nr = chunk_span(region, index, &hva);
	struct page **pages;
	int ret;

	pages = kmalloc_array(nr, sizeof(*pages), VHA_GFP_SETUP);
	if (!pages)
		return -ENOMEM;
	ret = pin_long(hva, nr, pages, true);
	if (ret) {
		kfree(pages);
		return ret;
	}
	if (pages_contiguous(pages, nr)) {
		region->chunks[index] = (unsigned long)pages[0] | CHUNK_FLAT;
		kfree(pages);
	} else {
		region->chunks[index] = (unsigned long)pages;
	}
	return 0;
}

static int region_pin(struct vha_region *region)
{
	unsigned long i, chunks = region_chunks(region);
	int ret;

	region->chunks = kvcalloc(chunks, sizeof(*region->chunks), VHA_GFP_SETUP);
	if (!region->chunks)
		return -ENOMEM;
	for (i = 0; i < chunks; i++) {
		ret = chunk_pin(region, i);
		if (ret)
			return ret;
	}
	return 0;
}

static unsigned long mem_pages(const struct vha_mem *mem)
{
	unsigned long pages = 0;
	u32 i;

	for (i = 0; i < mem->nr; i++)
		pages += region_pages(&mem->regions[i]);
	return pages;
}

/**
 * vha_mem_pin() - pin all memory of a table
 * @mem: the table, with every queue that uses it quiesced
 * @mm: the owner's address space, which must be the current one
 * @old: the pinned table it is to replace, or NULL
 *
 * The pages are charged to the owner's locked memory, one that appears in
 * several regions as often. What @old was charged counts for @mem, so that a
 * table can be replaced within a limit that has room for one.
 *
 * Context: process, may sleep, for long; a fatal signal ends it.
 * Return: 0, also when the table is pinned already, -ENOMEM (over the limit of
 * locked memory as well), -EFAULT, -EINTR. On error nothing is pinned.
 */
int vha_mem_pin(struct vha_mem *mem, struct mm_struct *mm, const struct vha_mem *old)
{
	unsigned long pages = mem_pages(mem);
	unsigned long charge = old ? pages - min(pages, old->charged) : pages;
	int ret;
	u32 i;

	if (mem->pinned)
		return 0;
	if (current->mm != mm)
		return -EFAULT;
	ret = account_locked_vm(mm, charge, true);
	if (ret)
		return ret;
	for (i = 0; i < mem->nr; i++) {
		ret = region_pin(&mem->regions[i]);
		if (ret)
			goto err;
	}
	mem->charged = charge;
	mem->pinned = true;
	return 0;
err:
	for (i = 0; i < mem->nr; i++)
		region_unpin(&mem->regions[i]);
	account_locked_vm(mm, charge, false);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vha_mem_pin);

/**
 * vha_mem_take_charge() - have a table charged in place of the one it replaces
 * @mem: the table, pinned with @old in view
 * @old: the table it replaces, which is about to be unpinned
 */
void vha_mem_take_charge(struct vha_mem *mem, struct vha_mem *old)
{
	unsigned long missing = mem_pages(mem) - mem->charged;

	mem->charged += missing;
	old->charged -= missing;
}
EXPORT_SYMBOL_IF_KUNIT(vha_mem_take_charge);

/**
 * vha_mem_unpin() - undo vha_mem_pin()
 * @mem: the table, with every queue that uses it quiesced; NULL and a table
 *	that is not pinned are left alone
 * @mm: the owner's address space, which need not be the current one
 *
 * Context: process, may sleep, for long.
 */
void vha_mem_unpin(struct vha_mem *mem, struct mm_struct *mm)
{
	u32 i;

	if (!mem || !mem->pinned)
		return;
	for (i = 0; i < mem->nr; i++)
		region_unpin(&mem->regions[i]);
	account_locked_vm(mm, mem->charged, false);
	mem->charged = 0;
	mem->pinned = false;
}
EXPORT_SYMBOL_IF_KUNIT(vha_mem_unpin);

/**
 * vha_mem_page() - the page of an address in a pinned table
 * @region: region of a pinned table
 * @hva: address in it
 * @len: set to the number of bytes from @hva on that are known to be
 *	physically contiguous; may reach beyond the end of the region
 *
 * Context: as vha_mem_find().
 * Return: the page; @hva is at the same offset in it as in its own page.
 */
struct page *vha_mem_page(const struct vha_region *region, unsigned long hva,
			  unsigned long *len)
{
	unsigned long index = hva / CHUNK_SIZE - region->hva / CHUNK_SIZE;
	unsigned long page = hva % CHUNK_SIZE / PAGE_SIZE;
	unsigned long entry = region->chunks[index];

	/* The first chunk's pages start where the region does. */
	if (!index)
		page -= region->hva % CHUNK_SIZE / PAGE_SIZE;
	if (entry & CHUNK_FLAT) {
		*len = CHUNK_SIZE - hva % CHUNK_SIZE;
		return (struct page *)(entry & ~CHUNK_FLAT) + page;
	}
	*len = PAGE_SIZE - offset_in_page(hva);
	return ((struct page **)entry)[page];
}
EXPORT_SYMBOL_IF_KUNIT(vha_mem_page);

/**
 * vha_mem_pinned() - whether buffers of a queue need no pins of their own
 * @vq: the queue
 *
 * What vha_pin() returned must not go to vha_unpin() then. Changes only while
 * no buffer is in flight.
 *
 * Return: whether the memory table is pinned.
 */
bool vha_mem_pinned(const struct vha_queue *vq)
{
	const struct vha_mem *mem = vq->dev->mem;

	return mem && mem->pinned;
}
EXPORT_SYMBOL_GPL(vha_mem_pinned);
