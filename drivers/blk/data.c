// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of a request: pinned data, reply and status byte
 *
 * Everything a completion touches is pinned when the request is submitted, so
 * that it can run in any context and after the VMM is gone.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "blk.h"

static bool pieces_fit(struct vha_blk_queue *q, u32 nr)
{
	if (likely(q->pieces + nr <= VHA_BLK_QUEUE_PIECES))
		return true;
	vha_blk_requests_trim(q);
	return q->pieces + nr <= VHA_BLK_QUEUE_PIECES;
}

/* What is in flight has an end, and what it gives up then is looked for above. */
static int pieces_take(struct vha_blk_queue *q, u32 nr)
{
	lockdep_assert_held(&q->vq.mutex);
	if (!pieces_fit(q, nr)) {
		vha_blk_starve(q);
		if (!pieces_fit(q, nr))
			return -EAGAIN;
	}
	q->pieces += nr;
	return 0;
}

static void free_bvecs(struct vha_blk_request *rq)
{
	if (rq->bv == rq->inline_bv)
		return;
	kvfree(rq->bv);
	rq->q->pieces -= rq->max_bv;
	rq->bv = rq->inline_bv;
	rq->max_bv = VHA_BLK_BVECS_INLINE;
}

static void free_segs(struct vha_blk_request *rq)
{
	if (rq->segs == rq->inline_segs)
		return;
	kvfree(rq->segs);
	rq->q->pieces -= rq->max_segs;
	rq->segs = rq->inline_segs;
	rq->max_segs = VHA_BLK_SEGS_INLINE;
}

/* Grows @rq->bv, whose first @rq->nr_bv entries are kept. */
static int reserve_bvecs(struct vha_blk_request *rq, u32 nr)
{
	struct bio_vec *bv;
	int ret;

	if (nr <= rq->max_bv)
		return 0;
	if (nr > VHA_BLK_BVECS)
		return -E2BIG;
	ret = pieces_take(rq->q, nr);
	if (ret)
		return ret;
	bv = kvmalloc_array(nr, sizeof(*bv), GFP_KERNEL_ACCOUNT);
	if (!bv) {
		rq->q->pieces -= nr;
		return -ENOMEM;
	}
	memcpy(bv, rq->bv, rq->nr_bv * sizeof(*bv));
	free_bvecs(rq);
	rq->bv = bv;
	rq->max_bv = nr;
	return 0;
}

static int reserve_segs(struct vha_blk_request *rq, u32 nr)
{
	struct vha_seg *segs;
	int ret;

	if (nr <= rq->max_segs)
		return 0;
	ret = pieces_take(rq->q, nr);
	if (ret)
		return ret;
	segs = kvmalloc_array(nr, sizeof(*segs), GFP_KERNEL_ACCOUNT);
	if (!segs) {
		rq->q->pieces -= nr;
		return -ENOMEM;
	}
	free_segs(rq);
	rq->segs = segs;
	rq->max_segs = nr;
	return 0;
}

/* Logging may begin while the request is in flight, so this is always kept. */
static int copy_segs(struct vha_blk_request *rq, struct vha_cursor cursor, u32 len)
{
	int ret = reserve_segs(rq, cursor.nr);

	if (ret)
		return ret;
	while (len && cursor.nr) {
		u32 piece = min(len, cursor.seg->len - cursor.offset);

		rq->segs[rq->nr_segs++] = (struct vha_seg) {
			.addr = cursor.seg->addr + cursor.offset,
			.len = piece,
		};
		vha_cursor_skip(&cursor, piece);
		len -= piece;
	}
	return 0;
}

/**
 * vha_blk_data_trim() - let go of large arrays of a request that is over
 * @rq: the request
 * @keep: entries of an array that may be kept for the next request
 *
 * Context: process; the holder of the queue mutex.
 */
void vha_blk_data_trim(struct vha_blk_request *rq, u32 keep)
{
	if (rq->max_bv > keep)
		free_bvecs(rq);
	if (rq->max_segs > keep)
		free_segs(rq);
}

/**
 * vha_blk_pin_status() - pin the page of the status byte
 * @rq: the request
 * @chain: its buffer
 *
 * Return: 0 or what vha_pin() returns.
 */
int vha_blk_pin_status(struct vha_blk_request *rq, const struct vha_chain *chain)
{
	struct vha_cursor cursor;

	vha_blk_chain_tail(chain, 1, &cursor);
	rq->status_seg.addr = cursor.seg->addr + cursor.offset;
	rq->status_seg.len = 1;
	rq->page = vha_blk_page_find(rq->q, rq->status_seg.addr);
	return PTR_ERR_OR_ZERO(rq->page);
}

/**
 * vha_blk_pin_data() - pin the data of a request
 * @rq: the request; @rq->to_guest is set
 * @cursor: where the data starts
 * @len: bytes
 *
 * Return: 0, -E2BIG for more pieces than a request may have, -EAGAIN when those of
 * others have to end first, -ENOMEM, or -EFAULT when a byte is not in the guest's memory.
 */
int vha_blk_pin_data(struct vha_blk_request *rq, struct vha_cursor cursor, u32 len)
{
	struct vha_queue *vq = &rq->q->vq;
	int ret;

	if (rq->to_guest) {
		ret = copy_segs(rq, cursor, len);
		if (ret)
			return ret;
	}
	/* Not worth counting where the most it can be fits. */
	if ((len >> PAGE_SHIFT) + 2 * cursor.nr > rq->max_bv) {
		ret = reserve_bvecs(rq, min(vha_blk_count_bvecs(cursor, len, 0),
					    VHA_BLK_BVECS));
		if (ret)
			return ret;
	}
	ret = vha_pin(vq, &cursor, len, rq->to_guest, rq->bv, rq->max_bv);
	if (ret == -ENOSPC) {
		/* Guest pages that are not host pages take more. */
		ret = reserve_bvecs(rq, vha_blk_count_bvecs(cursor, len, 1));
		if (!ret)
			ret = vha_pin(vq, &cursor, len, rq->to_guest, rq->bv, rq->max_bv);
	}
	if (ret < 0)
		return ret;
	rq->nr_bv = ret;
	return 0;
}

/**
 * vha_blk_pin_reply() - pin the reply of a request, behind its data
 * @rq: the request
 * @chain: its buffer
 *
 * Return: 0, -EINVAL when the buffer has no room for it, else as
 * vha_blk_pin_data().
 */
int vha_blk_pin_reply(struct vha_blk_request *rq, const struct vha_chain *chain)
{
	u32 len = sizeof(rq->reply);
	struct vha_cursor cursor;
	int ret;

	if (chain->in_len < len + 1)
		return -EINVAL;
	vha_blk_chain_tail(chain, len + 1, &cursor);
	ret = copy_segs(rq, cursor, len);
	if (ret)
		return ret;
	ret = reserve_bvecs(rq, rq->nr_bv + len);
	if (ret)
		return ret;
	ret = vha_pin(&rq->q->vq, &cursor, len, true, rq->bv + rq->nr_bv, len);
	if (ret < 0)
		return ret;
	rq->nr_reply = ret;
	return 0;
}

/* The page after those of @page's folio; pages are contiguous in a bio_vec. */
static struct page *next_folio(struct page *page)
{
	struct folio *folio = page_folio(page);

	return page + folio_nr_pages(folio) - folio_page_idx(folio, page);
}

static bool pages_dirty(const struct bio_vec *bv)
{
	struct page *end = bv->bv_page + PFN_UP((u64)bv->bv_offset + bv->bv_len);
	struct page *page;

	for (page = bv->bv_page; page < end; page = next_folio(page))
		if (!folio_test_dirty(page_folio(page)))
			return false;
	return true;
}

static bool bvec_dirty(const struct bio_vec *bv)
{
	if (likely((u64)bv->bv_offset + bv->bv_len <= PAGE_SIZE))
		return folio_test_dirty(page_folio(bv->bv_page));
	return pages_dirty(bv);
}

/**
 * vha_blk_data_dirty() - whether what was written is known to be dirty
 * @rq: the request
 *
 * Pages were made dirty when they were pinned, but those of a file may have
 * been written back since, before the data arrived.
 *
 * Context: any.
 */
bool vha_blk_data_dirty(const struct vha_blk_request *rq)
{
	u32 i;

	if (!rq->pinned)
		return true;
	if (!bvec_dirty(&rq->page->bv))
		return false;
	for (i = rq->to_guest ? 0 : rq->nr_bv; i < rq->nr_bv + rq->nr_reply; i++)
		if (!bvec_dirty(&rq->bv[i]))
			return false;
	return true;
}

static void bvec_set_dirty(const struct bio_vec *bv)
{
	struct page *end = bv->bv_page + PFN_UP((u64)bv->bv_offset + bv->bv_len);
	struct page *page;

	for (page = bv->bv_page; page < end; page = next_folio(page))
		set_page_dirty_lock(page);
}

/**
 * vha_blk_data_set_dirty() - make what was written dirty
 * @rq: the request
 *
 * Context: may sleep.
 */
void vha_blk_data_set_dirty(struct vha_blk_request *rq)
{
	u32 i;

	bvec_set_dirty(&rq->page->bv);
	for (i = rq->to_guest ? 0 : rq->nr_bv; i < rq->nr_bv + rq->nr_reply; i++)
		bvec_set_dirty(&rq->bv[i]);
}

/* Copies to pinned pages, which may lie anywhere in physical memory. */
static u32 bvec_write(const struct bio_vec *bv, u32 skip, const void *src, u32 len)
{
	u32 offset = bv->bv_offset + skip, done = 0;
	struct page *page = bv->bv_page + (offset >> PAGE_SHIFT);

	offset = offset_in_page(offset);
	len = min(len, bv->bv_len - skip);
	while (done < len) {
		u32 piece = min_t(u32, len - done, PAGE_SIZE - offset);

		memcpy_to_page(page++, offset, src + done, piece);
		done += piece;
		offset = 0;
	}
	return len;
}

/**
 * vha_blk_data_write() - copy into the data of a request
 * @rq: the request, whose data goes to the guest
 * @place: where in the data; advanced
 * @src: from where
 * @len: bytes, at most those left of the data
 *
 * Context: any.
 */
void vha_blk_data_write(struct vha_blk_request *rq, struct vha_blk_place *place,
			const void *src, u32 len)
{
	while (len && place->index < rq->nr_bv) {
		const struct bio_vec *bv = &rq->bv[place->index];
		u32 piece = bvec_write(bv, place->offset, src, len);

		src += piece;
		len -= piece;
		place->offset += piece;
		if (place->offset == bv->bv_len) {
			place->index++;
			place->offset = 0;
		}
	}
}

/**
 * vha_blk_put_reply() - write the reply
 * @rq: the request
 *
 * Context: any.
 */
void vha_blk_put_reply(struct vha_blk_request *rq)
{
	u32 i, done = 0;

	for (i = 0; i < rq->nr_reply; i++)
		done += bvec_write(&rq->bv[rq->nr_bv + i], 0, (u8 *)&rq->reply + done,
				   sizeof(rq->reply) - done);
}

/**
 * vha_blk_put_status() - write the status byte
 * @rq: the request
 *
 * Context: any.
 */
void vha_blk_put_status(struct vha_blk_request *rq)
{
	vha_blk_page_write(rq->page, rq->status_seg.addr, rq->status);
}

/**
 * vha_blk_log() - note in the dirty log what was written into the buffer
 * @rq: the request
 *
 * A transfer that failed may have written any part of its data.
 *
 * Context: any.
 */
void vha_blk_log(struct vha_blk_request *rq)
{
	struct vha_queue *vq = &rq->q->vq;
	struct vha_cursor status = { .seg = &rq->status_seg, .nr = 1 };
	struct vha_cursor data = { .seg = rq->segs, .nr = rq->nr_segs };
	u32 len = rq->nr_reply ? sizeof(rq->reply) : rq->len;

	vha_log_cursor(vq, &status, 1);
	if (rq->nr_segs)
		vha_log_cursor(vq, &data, len);
}

/**
 * vha_blk_unpin() - release the memory of a request
 * @rq: the request
 *
 * Context: any.
 */
void vha_blk_unpin(struct vha_blk_request *rq)
{
	if (rq->pinned)
		vha_unpin(rq->bv, rq->nr_bv + rq->nr_reply);
	vha_blk_page_put(rq->page);
}
