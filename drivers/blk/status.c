// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of status bytes
 *
 * Drivers keep the status bytes, and the headers, of many requests in one
 * page. During a batch such a page is pinned once for all of them: the batch
 * holds a reference to each page in a small table, and so does each request;
 * the last one unpins, in any context.
 */
#include <linux/highmem.h>
#include <linux/slab.h>

#include "blk.h"

/**
 * vha_blk_pages_alloc() - allocate the pages a queue may hold
 * @q: the queue, about to start
 * @num: its requests
 *
 * One for each request and for each place in the table: there always is one.
 *
 * Return: 0 or -ENOMEM.
 */
int vha_blk_pages_alloc(struct vha_blk_queue *q, u32 num)
{
	u32 i;

	num += VHA_BLK_PAGES;
	q->page_pool = kvcalloc(num, sizeof(*q->page_pool), VHA_GFP_SETUP);
	if (!q->page_pool)
		return -ENOMEM;
	q->pages_free = NULL;
	init_llist_head(&q->pages_freed);
	for (i = 0; i < num; i++) {
		q->page_pool[i].q = q;
		llist_add(&q->page_pool[i].node, &q->pages_freed);
	}
	return 0;
}

/**
 * vha_blk_pages_free() - undo vha_blk_pages_alloc()
 * @q: the queue, stopped and idle
 */
void vha_blk_pages_free(struct vha_blk_queue *q)
{
	kvfree(q->page_pool);
	q->page_pool = NULL;
}

static struct vha_blk_page *page_get(struct vha_blk_queue *q)
{
	struct vha_blk_page *page;

	if (!q->pages_free)
		q->pages_free = llist_del_all(&q->pages_freed);
	page = llist_entry(q->pages_free, struct vha_blk_page, node);
	q->pages_free = q->pages_free->next;
	return page;
}

/**
 * vha_blk_page_put() - drop a reference
 * @page: the page
 *
 * Context: any.
 */
void vha_blk_page_put(struct vha_blk_page *page)
{
	if (!atomic_dec_and_test(&page->refs))
		return;
	if (page->pinned)
		vha_unpin(&page->bv, 1);
	llist_add(&page->node, &page->q->pages_freed);
}

/*
 * Pins all of the page of @addr, if all of it is memory of the guest and one
 * page of the host's, else that byte alone. The latter is used once.
 */
static int page_pin(struct vha_blk_queue *q, struct vha_blk_page *page, u64 addr)
{
	struct vha_seg seg = { .addr = addr & PAGE_MASK, .len = PAGE_SIZE };
	struct vha_cursor cursor = { .seg = &seg, .nr = 1 };
	int ret;

	page->gpa = seg.addr;
	page->whole = true;
	page->pinned = !vha_mem_pinned(&q->vq);
	ret = vha_pin(&q->vq, &cursor, PAGE_SIZE, true, &page->bv, 1);
	if (ret == 1)
		return 0;
	seg = (struct vha_seg) { .addr = addr, .len = 1 };
	cursor = (struct vha_cursor) { .seg = &seg, .nr = 1 };
	page->whole = false;
	ret = vha_pin(&q->vq, &cursor, 1, true, &page->bv, 1);
	return ret < 0 ? ret : 0;
}

static struct vha_blk_page **page_slot(struct vha_blk_queue *q, u64 addr)
{
	return &q->pages[(addr >> PAGE_SHIFT) % VHA_BLK_PAGES];
}

/**
 * vha_blk_page_find() - the page of a status byte
 * @q: the queue, inside a batch
 * @addr: guest address of the byte
 *
 * Return: the page, with a reference, or an ERR_PTR() of what vha_pin() returns.
 */
struct vha_blk_page *vha_blk_page_find(struct vha_blk_queue *q, u64 addr)
{
	struct vha_blk_page **slot = page_slot(q, addr), *page = *slot;
	int ret;

	lockdep_assert_held(&q->vq.mutex);
	if (page && page->gpa == (addr & PAGE_MASK)) {
		atomic_inc(&page->refs);
		return page;
	}
	page = page_get(q);
	ret = page_pin(q, page, addr);
	if (ret) {
		page->node.next = q->pages_free;
		q->pages_free = &page->node;
		return ERR_PTR(ret);
	}
	if (!page->whole) {
		atomic_set(&page->refs, 1);
		return page;
	}
	/* One for the table. */
	atomic_set(&page->refs, 2);
	if (*slot)
		vha_blk_page_put(*slot);
	*slot = page;
	return page;
}

/**
 * vha_blk_pages_put() - a batch is over: forget its pages
 * @q: the queue
 */
void vha_blk_pages_put(struct vha_blk_queue *q)
{
	unsigned int i;

	for (i = 0; i < VHA_BLK_PAGES; i++) {
		if (q->pages[i])
			vha_blk_page_put(q->pages[i]);
		q->pages[i] = NULL;
	}
}

static struct page *page_of(const struct vha_blk_page *page)
{
	return page->bv.bv_page + (page->bv.bv_offset >> PAGE_SHIFT);
}

/**
 * vha_blk_page_read() - read from a page that may happen to be at hand
 * @page: the page
 * @seg: where
 * @dst: where to
 * @len: bytes
 *
 * Return: whether all of it is in that page, and was read.
 */
bool vha_blk_page_read(const struct vha_blk_page *page, const struct vha_seg *seg,
		       void *dst, u32 len)
{
	if (!page->whole || seg->len < len || seg->addr - page->gpa > PAGE_SIZE - len)
		return false;
	memcpy_from_page(dst, page_of(page), seg->addr - page->gpa, len);
	return true;
}

/**
 * vha_blk_page_write() - write a status byte
 * @page: its page
 * @addr: its guest address
 * @status: the byte
 *
 * Context: any.
 */
void vha_blk_page_write(const struct vha_blk_page *page, u64 addr, u8 status)
{
	u32 offset = page->whole ? offset_in_page(addr) : offset_in_page(page->bv.bv_offset);

	memcpy_to_page(page_of(page), offset, &status, 1);
}
