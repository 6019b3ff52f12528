// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log: a bitmap in the owner's memory of the guest pages we wrote
 */
#include <kunit/visibility.h>
#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vhost.h>

#include "core.h"

/*
 * Guest addresses a log can cover: its bitmap, 2 GiB then, is pinned as a
 * whole.
 */
#define LOG_END_MAX	SZ_64T

/**
 * struct vha_log - the dirty log
 * @map: the bitmap, pinned
 * @words: the first page of the mapping, where bit @shift is page 0
 * @shift: bits before the bitmap in its first page; the bitmap may start at
 *	any byte
 * @nr: pages of the guest, of VHOST_PAGE_SIZE bytes, that the bitmap covers
 */
struct vha_log {
	struct vha_ring_map map;
	atomic64_t *words;
	u32 shift;
	u64 nr;
};

/**
 * vha_log_create() - make a dirty log for the device's memory table
 * @dev: the device
 * @base: address of the bitmap in the owner's address space
 *
 * The bitmap has a bit for each page up to the end of the table, is pinned,
 * and charged to the owner's locked memory.
 *
 * Context: process, in the owner's address space, device mutex held.
 * Return: the log or an ERR_PTR(): -EINVAL without a memory table, -E2BIG when
 * the table ends too high, -EFAULT, -ENOMEM, -EINTR.
 */
struct vha_log *vha_log_create(struct vha_device *dev, u64 base)
{
	u64 end = vha_mem_end(dev->mem);
	struct vha_log *log;
	int ret;

	if (!end)
		return ERR_PTR(-EINVAL);
	if (end > LOG_END_MAX)
		return ERR_PTR(-E2BIG);
	if (base > ULONG_MAX)
		return ERR_PTR(-EFAULT);
	log = kzalloc(sizeof(*log), VHA_GFP_SETUP);
	if (!log)
		return ERR_PTR(-ENOMEM);
	log->nr = DIV_ROUND_UP(end, VHOST_PAGE_SIZE);
	ret = vha_ring_map(&log->map, dev->mm, base, vha_log_size(log), true);
	if (ret) {
		kfree(log);
		return ERR_PTR(ret);
	}
	log->shift = offset_in_page(base) * BITS_PER_BYTE;
	log->words = log->map.addr - offset_in_page(base);
	return log;
}
EXPORT_SYMBOL_IF_KUNIT(vha_log_create);

/**
 * vha_log_destroy() - free a dirty log
 * @dev: the device
 * @log: the log, which a grace period ago was taken off the device; or NULL
 *
 * Context: process, may sleep.
 */
void vha_log_destroy(struct vha_device *dev, struct vha_log *log)
{
	if (!log)
		return;
	vha_ring_unmap(&log->map, dev->mm);
	kfree(log);
}
EXPORT_SYMBOL_IF_KUNIT(vha_log_destroy);

/**
 * vha_log_size() - size of the bitmap
 * @log: the log
 *
 * Return: bytes. A memory table that ends at or below this times
 * 8 * VHOST_PAGE_SIZE is covered.
 */
u64 vha_log_size(const struct vha_log *log)
{
	return DIV_ROUND_UP(log->nr, BITS_PER_BYTE);
}
EXPORT_SYMBOL_IF_KUNIT(vha_log_size);

/*
 * Set bits of a bitmap of bytes, 64 at a time. Bits that are set already cost
 * no write, so that the cache lines of a hot page stay shared.
 */
static bool log_set(struct vha_log *log, u64 first, u64 last)
{
	bool fresh = false;
	u64 bit;

	first += log->shift;
	last += log->shift;
	for (bit = first; bit <= last; bit = (bit | 63) + 1) {
		u64 end = min(last, bit | 63);
		s64 mask = (__force s64)cpu_to_le64(GENMASK_ULL(end & 63, bit & 63));
		atomic64_t *word = &log->words[bit / 64];

		if ((atomic64_read(word) & mask) == mask)
			continue;
		atomic64_or(mask, word);
		fresh = true;
	}
	return fresh;
}

/* Bytes beyond the bitmap are no memory of the guest. */
static bool log_range(struct vha_log *log, u64 gpa, u64 len)
{
	u64 first = gpa / VHOST_PAGE_SIZE, last;

	if (check_add_overflow(gpa, len - 1, &last))
		last = U64_MAX;
	last = min(last / VHOST_PAGE_SIZE, log->nr - 1);
	return first <= last && log_set(log, first, last);
}

/* Log [hva, hva + len) at every guest address that has it. */
static bool log_aliases(struct vha_log *log, const struct vha_mem *mem, unsigned long hva,
			u64 len)
{
	bool fresh = false;
	u32 i;

	for (i = 0; i < mem->nr; i++) {
		const struct vha_region *region = &mem->regions[i];
		u64 start = max(hva, region->hva);
		u64 last = min(hva + (len - 1), region->hva + (region->size - 1));

		if (start <= last)
			fresh |= log_range(log, region->gpa + (start - region->hva),
					   last - start + 1);
	}
	return fresh;
}

static bool log_aliased(struct vha_log *log, const struct vha_mem *mem, u64 gpa, u64 len)
{
	bool fresh = false;

	while (len) {
		u64 piece;
		unsigned long hva = vha_mem_lookup(mem, gpa, &piece);

		if (!hva)
			break;
		piece = min(piece, len);
		fresh |= log_aliases(log, mem, hva, piece);
		gpa += piece;
		len -= piece;
	}
	return fresh;
}

/**
 * vha_log_write() - note that guest memory was written
 * @dev: the device
 * @gpa: guest physical address
 * @len: bytes
 *
 * Where memory appears at several guest addresses, all are noted. Signals the
 * VMM's eventfd if a page was clean before. Does nothing without a log.
 *
 * Comes after the write: the VMM may clear the bit and copy the page at any
 * moment, and a write after that would be lost. It looks for the last time
 * after it stopped the queue, which waits for the caller's buffer.
 *
 * Context: any; the holder of a queue mutex or of a buffer in flight, so that
 * the memory table stays.
 */
void vha_log_write(struct vha_device *dev, u64 gpa, u64 len)
{
	const struct vha_mem *mem = dev->mem;
	struct vha_log *log;
	bool fresh = false;

	if (!len)
		return;
	rcu_read_lock();
	log = rcu_dereference(dev->log);
	if (log) {
		/*
		 * A bit found set is left alone, so the data has to be visible
		 * before the bit is looked at. Pairs with the VMM's atomic
		 * exchange, after which it copies the page.
		 */
		smp_mb();
		fresh = log_range(log, gpa, len);
		if (mem && mem->aliased)
			fresh |= log_aliased(log, mem, gpa, len);
	}
	rcu_read_unlock();
	if (fresh)
		vha_event_signal(&dev->log_event);
}
EXPORT_SYMBOL_IF_KUNIT(vha_log_write);

/* The owner's address of a byte of a mapping, and how many follow it there. */
static unsigned long map_hva(const struct vha_ring_map *map, u32 offset, u32 *len)
{
	u32 at = offset_in_page(map->hva) + offset;

	if (!map->hvas)
		return map->hva + offset;
	*len = min_t(u32, *len, PAGE_SIZE - at % PAGE_SIZE);
	return (map->hvas[at / PAGE_SIZE] & PAGE_MASK) + at % PAGE_SIZE;
}

/**
 * vha_log_ring() - note that a part of a ring was written
 * @dev: the device
 * @map: the part
 * @offset: first byte, from its start
 * @len: bytes, inside the part
 *
 * What is not memory of the guest is not logged.
 *
 * Context: any; the part is mapped, and the memory table stays.
 */
void vha_log_ring(struct vha_device *dev, const struct vha_ring_map *map, u32 offset,
		  u32 len)
{
	while (len) {
		u32 piece = len;
		unsigned long hva = map_hva(map, offset, &piece);
		u64 gpa, left;

		if (!dev->mem)
			return;
		/* Page by page: what follows may be memory of the guest again. */
		piece = min_t(u32, piece, PAGE_SIZE - offset_in_page(hva));
		if (vha_mem_reverse(dev->mem, hva, &gpa, &left)) {
			piece = min_t(u64, piece, left);
			vha_log_write(dev, gpa, piece);
		}
		offset += piece;
		len -= piece;
	}
}
EXPORT_SYMBOL_IF_KUNIT(vha_log_ring);

/**
 * vha_log_cursor() - note that a part of a buffer was written, and advance the
 * cursor
 * @vq: the queue
 * @cursor: where in the buffer
 * @len: bytes; what is beyond the end of the buffer is ignored
 *
 * Context: any, the buffer being in flight.
 */
void vha_log_cursor(struct vha_queue *vq, struct vha_cursor *cursor, u32 len)
{
	while (len && cursor->nr) {
		u32 piece = min(len, cursor->seg->len - cursor->offset);

		vha_log_write(vq->dev, cursor->seg->addr + cursor->offset, piece);
		vha_cursor_skip(cursor, piece);
		len -= piece;
	}
}
EXPORT_SYMBOL_GPL(vha_log_cursor);
