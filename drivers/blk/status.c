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

static int pin(struct vha_blk_queue *q, u64 addr, u32 len, struct bio_vec *bv)
{
	struct vha_seg seg = { .addr = addr, .len = len };
	struct vha_cursor cursor = { .seg = &seg, .nr = 1 };

	return vha_pin(&q->vq, &cursor, len, true, bv, 1);
}

/* Whether all of a guest's page is memory, and one page of the host's: it is pinned then. */
static bool pin_whole(struct vha_blk_queue *q, struct vha_blk_page *page)
{
	if (pin(q, page->gpa, PAGE_SIZE, &page->bv) != 1)
		return false;
	if (!page->bv.bv_offset)
		return true;
	/* Parts of two pages that happen to adjoin. */
	if (page->pinned)
		vha_unpin(&page->bv, 1);
	return false;
}

/* Pins the page of @addr, or else that byte alone, which is used once. */
static int page_pin(struct vha_blk_queue *q, struct vha_blk_page *page, u64 addr)
{
	int ret;

	page->gpa = addr & PAGE_MASK;
	page->pinned = !vha_mem_pinned(&q->vq);
	page->whole = pin_whole(q, page);
	if (page->whole)
		return 0;
	ret = pin(q, addr, 1, &page->bv);
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
