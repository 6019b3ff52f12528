// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data the backing object can not take where it lies
 *
 * Pages of ours stand in for the guest's. A queue holds a bounded number of
 * them; beyond that its ring waits until a bounced request is over.
 */
#include <linux/highmem.h>
#include <linux/slab.h>

#include "blk.h"

static bool bvecs_aligned(const struct vha_blk_request *rq, u32 mask)
{
	u32 i;

	for (i = 0; i < rq->nr_bv; i++)
		if ((rq->bv[i].bv_offset | rq->bv[i].bv_len) & mask)
			return false;
	return true;
}

/* All of the data is whole blocks: so is each segment when there is but one. */
static bool segs_aligned(struct vha_cursor cursor, u32 len, u32 mask)
{
	return len <= cursor.seg->len - cursor.offset || vha_blk_segs_aligned(cursor, len, mask);
}

static bool needs_bounce(const struct vha_blk_request *rq, struct vha_cursor cursor)
{
	const struct vha_blk *blk = rq_blk(rq);
	u32 mask = blk->object.bdev ? bdev_dma_alignment(blk->object.bdev) : blk->object.dma_mask;

	return !bvecs_aligned(rq, mask) ||
	       (rq->whole && !vha_blk_zoned_fits(rq)) ||
	       !segs_aligned(cursor, rq->len, blk->object.limits.block_size - 1);
}

/* Only the consumer takes, so what it finds free stays free. */
static bool budget_take(struct vha_blk_queue *q, u32 pages)
{
	lockdep_assert_held(&q->vq.mutex);
	if (atomic_read(&q->bounce_pages) + pages > VHA_BLK_BOUNCE_PAGES) {
		vha_blk_starve(q);
		if (atomic_read(&q->bounce_pages) + pages > VHA_BLK_BOUNCE_PAGES)
			return false;
	}
	atomic_add(pages, &q->bounce_pages);
	return true;
}

static void budget_give(struct vha_blk_queue *q, u32 pages)
{
	atomic_sub(pages, &q->bounce_pages);
}

static void free_pages_of(struct vha_blk_request *rq, u32 nr)
{
	while (nr--)
		__free_page(rq->bounce[nr].bv_page);
	kfree(rq->bounce);
	rq->bounce = NULL;
}

static int alloc_pages_for(struct vha_blk_request *rq, u32 nr)
{
	u32 i, left = rq->len;

	rq->bounce = kmalloc_array(nr, sizeof(*rq->bounce), GFP_KERNEL_ACCOUNT);
	if (!rq->bounce)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);
		u32 piece = min_t(u32, left, PAGE_SIZE);

		if (!page)
			goto err;
		bvec_set_page(&rq->bounce[i], page, piece, 0);
		left -= piece;
	}
	return 0;
err:
	free_pages_of(rq, i);
	return -ENOMEM;
}

static int copy_in(struct vha_blk_request *rq, struct vha_cursor cursor)
{
	u32 i;
	int ret = 0;

	for (i = 0; i < rq->nr_bounce && !ret; i++) {
		struct bio_vec *bv = &rq->bounce[i];

		ret = vha_copy_from(&rq->q->vq, &cursor, page_address(bv->bv_page),
				    bv->bv_len);
	}
	return ret;
}

/* The two sides are cut differently. */
static void copy_out(struct vha_blk_request *rq)
{
	struct vha_blk_place to = {};
	u32 i;

	for (i = 0; i < rq->nr_bounce; i++)
		vha_blk_data_write(rq, &to, page_address(rq->bounce[i].bv_page),
				   rq->bounce[i].bv_len);
}

/**
 * vha_blk_bounce() - put pages of ours in the place of data, if it has to be
 * @rq: the request, its data pinned
 * @cursor: where the data starts
 *
 * Return: 0, -EAGAIN when too many pages are in use, -ENOMEM, also for more
 * pages than a queue may use, or -EFAULT.
 */
int vha_blk_bounce(struct vha_blk_request *rq, struct vha_cursor cursor)
{
	u32 nr = DIV_ROUND_UP(rq->len, PAGE_SIZE);
	struct vha_blk_queue *q = rq->q;
	int ret;

	if (likely(!needs_bounce(rq, cursor)))
		return 0;
	if (nr > VHA_BLK_BOUNCE_PAGES)
		return -ENOMEM;
	if (!budget_take(q, nr))
		return -EAGAIN;
	ret = alloc_pages_for(rq, nr);
	if (ret)
		goto err_budget;
	rq->nr_bounce = nr;
	ret = rq->to_guest ? 0 : copy_in(rq, cursor);
	if (ret)
		goto err_pages;
	vha_blk_count(q, VHA_BLK_BOUNCED, 1);
	return 0;

err_pages:
	free_pages_of(rq, nr);
err_budget:
	budget_give(q, nr);
	return ret;
}

/**
 * vha_blk_bounce_done() - copy what was read to the guest, and let go of our pages
 * @rq: the request, bounced and over
 *
 * Context: any.
 */
void vha_blk_bounce_done(struct vha_blk_request *rq)
{
	if (rq->to_guest && rq->status == VIRTIO_BLK_S_OK)
		copy_out(rq);
	free_pages_of(rq, rq->nr_bounce);
	budget_give(rq->q, rq->nr_bounce);
}
