// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory table and copies to and from guest memory
 */
#include <kunit/visibility.h>
#include <linux/highmem.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>

#include "core.h"

/*
 * A table of up to so many regions is looked through from the start: that costs
 * less than processors that turn the hint to and fro.
 */
#define HINT_REGIONS	8

static int region_cmp(const void *a, const void *b)
{
	const struct vha_region *first = a, *second = b;

	if (first->gpa == second->gpa)
		return 0;
	return first->gpa < second->gpa ? -1 : 1;
}

static int region_parse(struct vha_region *region, const struct vhost_memory_region *from)
{
	u64 hva = from->userspace_addr, size = from->memory_size, last;

	if (from->flags_padding || !size || !hva)
		return -EINVAL;
	if (check_add_overflow(from->guest_phys_addr, size - 1, &last) ||
	    check_add_overflow(hva, size - 1, &last))
		return -EINVAL;
	if (last > ULONG_MAX || !access_ok(u64_to_user_ptr(hva), size))
		return -EFAULT;
	region->gpa = from->guest_phys_addr;
	region->size = size;
	region->hva = hva;
	return 0;
}

static bool hva_overlap(const struct vha_region *a, const struct vha_region *b)
{
	return a->hva <= b->hva + (b->size - 1) && b->hva <= a->hva + (a->size - 1);
}

/* Regions are few and tables rare: every pair is looked at. */
static bool mem_aliased(const struct vha_mem *mem)
{
	u32 i, j;

	for (i = 0; i < mem->nr; i++)
		for (j = i + 1; j < mem->nr; j++)
			if (hva_overlap(&mem->regions[i], &mem->regions[j]))
				return true;
	return false;
}

static int mem_check_overlap(const struct vha_mem *mem)
{
	u32 i;

	for (i = 1; i < mem->nr; i++) {
		const struct vha_region *low = &mem->regions[i - 1];

		if (mem->regions[i].gpa - low->gpa < low->size)
			return -EINVAL;
	}
	return 0;
}

/**
 * vha_mem_parse() - make a memory table
 * @regions: the regions as the VMM describes them, in any order
 * @nr: how many
 *
 * Return: the table or an ERR_PTR(): -E2BIG for too many regions, -EINVAL for
 * a region that is empty, at address 0 of the owner, that wraps, overlaps
 * another one in guest addresses or has padding that is not zero, -EFAULT for
 * one outside user space, -ENOMEM.
 */
struct vha_mem *vha_mem_parse(const struct vhost_memory_region *regions, u32 nr)
{
	struct vha_mem *mem;
	int ret = 0;
	u32 i;

	if (nr > VHA_MEM_REGIONS_MAX)
		return ERR_PTR(-E2BIG);
	mem = kvzalloc(struct_size(mem, regions, nr), VHA_GFP_SETUP);
	if (!mem)
		return ERR_PTR(-ENOMEM);
	mem->nr = nr;
	for (i = 0; i < nr && !ret; i++)
		ret = region_parse(&mem->regions[i], &regions[i]);
	if (ret)
		goto err;
	sort(mem->regions, nr, sizeof(mem->regions[0]), region_cmp, NULL);
	ret = mem_check_overlap(mem);
	if (ret)
		goto err;
	mem->aliased = mem_aliased(mem);
	return mem;
err:
	kvfree(mem);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_IF_KUNIT(vha_mem_parse);

/**
 * vha_mem_create() - make a memory table from the argument of an ioctl
 * @argp: the VMM's description
 *
 * Return: the table or an ERR_PTR(): as vha_mem_parse(), and -EOPNOTSUPP when
 * the padding of the header is not zero, -EFAULT when @argp can not be read.
 */
struct vha_mem *vha_mem_create(const struct vhost_memory __user *argp)
{
	struct vhost_memory_region *regions;
	struct vhost_memory head;
	struct vha_mem *mem;

	if (copy_from_user(&head, argp, sizeof(head)))
		return ERR_PTR(-EFAULT);
	if (head.padding)
		return ERR_PTR(-EOPNOTSUPP);
	if (head.nregions > VHA_MEM_REGIONS_MAX)
		return ERR_PTR(-E2BIG);
	regions = vmemdup_array_user(argp->regions, head.nregions, sizeof(*regions));
	if (IS_ERR(regions))
		return ERR_CAST(regions);
	mem = vha_mem_parse(regions, head.nregions);
	kvfree(regions);
	return mem;
}
EXPORT_SYMBOL_IF_KUNIT(vha_mem_create);

/**
 * vha_mem_destroy() - free a memory table
 * @mem: the table, not pinned, no longer in use; or NULL
 */
void vha_mem_destroy(struct vha_mem *mem)
{
	kvfree(mem);
}
EXPORT_SYMBOL_IF_KUNIT(vha_mem_destroy);

static bool region_contains(const struct vha_region *region, u64 gpa)
{
	return gpa - region->gpa < region->size;
}

/* The last region that does not start after @gpa, or NULL. */
static const struct vha_region *mem_search(const struct vha_mem *mem, u64 gpa)
{
	u32 low = 0, high = mem->nr;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (mem->regions[mid].gpa <= gpa)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &mem->regions[low - 1] : NULL;
}

/**
 * vha_mem_find() - find the region of a guest address
 * @mem: the table
 * @gpa: guest physical address
 *
 * Context: any in which the table can not go away: whoever serves a queue or
 * has a buffer in flight.
 * Return: the region or NULL.
 */
const struct vha_region *vha_mem_find(const struct vha_mem *mem, u64 gpa)
{
	const struct vha_region *region;
	u32 hint;

	if (mem->nr <= HINT_REGIONS) {
		for (region = mem->regions; region < mem->regions + mem->nr; region++)
			if (region_contains(region, gpa))
				return region;
		return NULL;
	}
	hint = READ_ONCE(mem->hint);
	if (hint < mem->nr && region_contains(&mem->regions[hint], gpa))
		return &mem->regions[hint];
	region = mem_search(mem, gpa);
	if (!region || !region_contains(region, gpa))
		return NULL;
	WRITE_ONCE(((struct vha_mem *)mem)->hint, region - mem->regions);
	return region;
}
EXPORT_SYMBOL_IF_KUNIT(vha_mem_find);

/**
 * vha_mem_lookup() - translate a guest address
 * @mem: the table
 * @gpa: guest physical address
 * @len: set to the number of bytes from there to the end of the region
 *
 * Context: as vha_mem_find().
 * Return: the address in the owner's address space, 0 when there is none.
 */
unsigned long vha_mem_lookup(const struct vha_mem *mem, u64 gpa, u64 *len)
{
	const struct vha_region *region = vha_mem_find(mem, gpa);
	u64 offset;

	if (!region)
		return 0;
	offset = gpa - region->gpa;
	*len = region->size - offset;
	return region->hva + offset;
}
EXPORT_SYMBOL_IF_KUNIT(vha_mem_lookup);

/**
 * vha_mem_reverse() - translate an address of the owner
 * @mem: the table
 * @hva: the address
 * @gpa: set to the guest physical address, the lowest if there are several
 * @len: set to the number of bytes from there to the end of the region
 *
 * Context: as vha_mem_find(). Looks at every region: meant for tables of a
 * device with an IOTLB, whose entries are what is expensive.
 * Return: false when @hva is not memory of the guest.
 */
bool vha_mem_reverse(const struct vha_mem *mem, unsigned long hva, u64 *gpa, u64 *len)
{
	u32 i;

	for (i = 0; i < mem->nr; i++) {
		const struct vha_region *region = &mem->regions[i];
		u64 offset = hva - region->hva;

		if (hva < region->hva || offset >= region->size)
			continue;
		*gpa = region->gpa + offset;
		*len = region->size - offset;
		return true;
	}
	return false;
}
EXPORT_SYMBOL_IF_KUNIT(vha_mem_reverse);

/**
 * vha_mem_contains() - whether a range is all memory of the guest
 * @mem: the table, or NULL
 * @gpa: guest physical address
 * @len: bytes, not zero
 *
 * Context: as vha_mem_find().
 * Return: whether it is; the range may span regions, but not wrap.
 */
bool vha_mem_contains(const struct vha_mem *mem, u64 gpa, u64 len)
{
	u64 last, left;

	if (!mem || check_add_overflow(gpa, len - 1, &last))
		return false;
	for (;;) {
		if (!vha_mem_lookup(mem, gpa, &left))
			return false;
		if (left > last - gpa)
			return true;
		gpa += left;
	}
}
EXPORT_SYMBOL_IF_KUNIT(vha_mem_contains);

/**
 * vha_mem_end() - where guest memory ends
 * @mem: the table, or NULL
 *
 * Return: the first address after the highest region, at most U64_MAX.
 */
u64 vha_mem_end(const struct vha_mem *mem)
{
	const struct vha_region *region;
	u64 end;

	if (!mem || !mem->nr)
		return 0;
	region = &mem->regions[mem->nr - 1];
	return check_add_overflow(region->gpa, region->size, &end) ? U64_MAX : end;
}
EXPORT_SYMBOL_IF_KUNIT(vha_mem_end);

/* One contiguous piece of the owner's memory; @buf is read when @write. */
static int copy_user(unsigned long hva, void *buf, u64 len, bool write)
{
	unsigned long left;

	if (write)
		left = copy_to_user((void __user *)hva, buf, len);
	else
		left = copy_from_user(buf, (void __user *)hva, len);
	return left ? -EFAULT : 0;
}

/* The same by the pinned pages, whose mapping nobody has to be in. */
static void copy_pinned(const struct vha_region *region, unsigned long hva, void *buf,
			u64 len, bool write)
{
	while (len) {
		unsigned long piece;
		struct page *page = vha_mem_page(region, hva, &piece);
		size_t offset = offset_in_page(hva);

		piece = min_t(u64, len, PAGE_SIZE - offset);
		if (write)
			memcpy_to_page(page, offset, buf, piece);
		else
			memcpy_from_page(buf, page, offset, piece);
		hva += piece;
		buf += piece;
		len -= piece;
	}
}

static int mem_copy(struct vha_device *dev, u64 gpa, void *buf, u64 len, bool write)
{
	const struct vha_mem *mem = dev->mem;
	int ret;

	/* A worker whose owner was killed has another mm, or none. */
	if (!mem || (!mem->pinned && current->mm != dev->mm))
		return -EFAULT;
	while (len) {
		const struct vha_region *region = vha_mem_find(mem, gpa);
		u64 offset, piece;

		if (!region)
			return -EFAULT;
		offset = gpa - region->gpa;
		piece = min(len, region->size - offset);
		if (mem->pinned) {
			copy_pinned(region, region->hva + offset, buf, piece, write);
		} else {
			ret = copy_user(region->hva + offset, buf, piece, write);
			if (ret)
				return ret;
		}
		gpa += piece;
		buf += piece;
		len -= piece;
	}
	return 0;
}

/**
 * vha_mem_read() - copy from guest memory
 * @dev: the device
 * @gpa: guest physical address
 * @dst: where to
 * @len: bytes
 *
 * Context: process, in the owner's address space; the holder of a queue mutex.
 * Return: 0, or -EFAULT when a byte is not in the guest's memory.
 */
int vha_mem_read(struct vha_device *dev, u64 gpa, void *dst, u32 len)
{
	return mem_copy(dev, gpa, dst, len, false);
}
EXPORT_SYMBOL_IF_KUNIT(vha_mem_read);

static int cursor_copy(struct vha_queue *vq, struct vha_cursor *cursor, void *buf,
		       u32 len, bool write)
{
	int ret;

	lockdep_assert_held(&vq->mutex);
	while (len) {
		u32 piece;
		u64 gpa;

		if (!cursor->nr)
			return -EFAULT;
		gpa = cursor->seg->addr + cursor->offset;
		piece = min(len, cursor->seg->len - cursor->offset);
		ret = mem_copy(vq->dev, gpa, buf, piece, write);
		/* Of a copy that failed a part may have been written. */
		if (write)
			vha_log_write(vq->dev, gpa, piece);
		if (ret)
			return ret;
		vha_cursor_skip(cursor, piece);
		buf += piece;
		len -= piece;
	}
	return 0;
}

/* Where a range is in the owner's address space, if it is in one place there; else 0. */
static unsigned long one_place(const struct vha_device *dev, u64 gpa, u32 len)
{
	unsigned long hva;
	u64 left;

	if (!dev->mem || current->mm != dev->mm)
		return 0;
	hva = vha_mem_lookup(dev->mem, gpa, &left);
	return hva && left >= len ? hva : 0;
}

/**
 * vha_copy_from() - copy from a buffer, and advance the cursor
 * @vq: the queue
 * @cursor: where in the buffer
 * @dst: where to
 * @len: bytes
 *
 * Context: the queue's worker, queue mutex held, may sleep.
 * Return: 0, or -EFAULT when the buffer is shorter or a byte of it is not in
 * the guest's memory; the cursor is then somewhere in between.
 */
int vha_copy_from(struct vha_queue *vq, struct vha_cursor *cursor, void *dst, u32 len)
{
	const struct vha_mem *mem = vq->dev->mem;
	unsigned long hva = 0;

	lockdep_assert_held(&vq->mutex);
	/* Most of what is copied needs no more than this. */
	if (mem && !mem->pinned && cursor->nr && cursor->seg->len - cursor->offset >= len)
		hva = one_place(vq->dev, cursor->seg->addr + cursor->offset, len);
	if (!hva)
		return cursor_copy(vq, cursor, dst, len, false);
	if (copy_from_user(dst, (void __user *)hva, len))
		return -EFAULT;
	vha_cursor_skip(cursor, len);
	return 0;
}
EXPORT_SYMBOL_GPL(vha_copy_from);

/**
 * vha_copy_to() - copy to a buffer, note it in the dirty log, and advance the
 * cursor
 * @vq: the queue
 * @cursor: where in the buffer
 * @src: from where
 * @len: bytes
 *
 * Context: the queue's worker, queue mutex held, may sleep.
 * Return: as vha_copy_from().
 */
int vha_copy_to(struct vha_queue *vq, struct vha_cursor *cursor, const void *src, u32 len)
{
	return cursor_copy(vq, cursor, (void *)src, len, true);
}
EXPORT_SYMBOL_GPL(vha_copy_to);

/* The piece of the owner's memory at the cursor, of at most @len bytes. */
static int cursor_piece(const struct vha_device *dev, const struct vha_cursor *cursor,
			u32 len, struct iovec *iov)
{
	unsigned long hva;
	u64 left;

	hva = vha_mem_lookup(dev->mem, cursor->seg->addr + cursor->offset, &left);
	if (!hva)
		return -EFAULT;
	iov->iov_base = (void __user *)hva;
	iov->iov_len = min_t(u64, left, min(len, cursor->seg->len - cursor->offset));
	return 0;
}

/**
 * vha_seg_iov() - where the start of a piece of a buffer is in the owner's address
 * space
 * @vq: the queue
 * @seg: the piece
 * @len: bytes, not more than it has
 * @iov: filled in
 *
 * For what most buffers are, at less cost than vha_cursor_iov(), which knows all
 * others.
 *
 * Context: the queue's worker, queue mutex held.
 * Return: whether all of them are in the guest's memory and in one place.
 */
bool vha_seg_iov(struct vha_queue *vq, const struct vha_seg *seg, u32 len,
		 struct iovec *iov)
{
	unsigned long hva;

	lockdep_assert_held(&vq->mutex);
	hva = one_place(vq->dev, seg->addr, len);
	if (!hva)
		return false;
	iov->iov_base = (void __user *)hva;
	iov->iov_len = len;
	return true;
}
EXPORT_SYMBOL_GPL(vha_seg_iov);

/**
 * vha_cursor_iov() - where a part of a buffer is in the owner's address space
 * @vq: the queue
 * @cursor: where in the buffer; advanced
 * @len: bytes
 * @iov: filled in
 * @max: room in @iov
 *
 * For giving guest memory to something that copies from or to user space. What
 * is written there the caller notes in the dirty log.
 *
 * Context: the queue's worker, queue mutex held.
 * Return: entries used; -EFAULT when the buffer is shorter, a byte of it is not
 * in the guest's memory, or the owner's address space is gone; -EMSGSIZE when
 * @max is not enough. After an error the cursor is somewhere in between.
 */
int vha_cursor_iov(struct vha_queue *vq, struct vha_cursor *cursor, u32 len,
		   struct iovec *iov, unsigned int max)
{
	const struct vha_device *dev = vq->dev;
	unsigned int nr = 0;
	int ret;

	lockdep_assert_held(&vq->mutex);
	if (!dev->mem || current->mm != dev->mm)
		return -EFAULT;
	vha_cursor_skip(cursor, 0);
	while (len) {
		if (!cursor->nr)
			return -EFAULT;
		if (nr == max)
			return -EMSGSIZE;
		ret = cursor_piece(dev, cursor, len, &iov[nr]);
		if (ret)
			return ret;
		len -= iov[nr].iov_len;
		vha_cursor_skip(cursor, iov[nr].iov_len);
		nr++;
	}
	return nr;
}
EXPORT_SYMBOL_GPL(vha_cursor_iov);
