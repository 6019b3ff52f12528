// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block devices as backing object
 *
 * Each request carries its own bio, whose pieces of memory are the pinned
 * pages themselves. The block layer splits it as the device needs.
 */
#include <linux/blkdev.h>
#include <linux/pagemap.h>

#include "blk.h"

/* Without an operation of the device zeroes are written, so that takes time. */
#define ZEROES_FALLBACK_SECTORS	(SZ_32M >> SECTOR_SHIFT)
/* Requests a plug holds before the block layer submits them. */
#define PLUG_REQUESTS		32

/*
 * What can be merged the guest's own block layer has merged; a disk that has to
 * seek gains from putting requests of several queues together nevertheless.
 */
static bool bdev_merge(struct block_device *bdev)
{
	return bdev_get_queue(bdev)->limits.features & BLK_FEAT_ROTATIONAL;
}

static void bdev_limits_fill(struct vha_blk *blk)
{
	struct vha_blk_limits *limits = &blk->object.limits;
	struct block_device *bdev = blk->object.bdev;

	limits->block_size = bdev_logical_block_size(bdev);
	limits->physical_size = bdev_physical_block_size(bdev);
	limits->alignment_offset = max(bdev_alignment_offset(bdev), 0);
	limits->io_min = bdev_io_min(bdev);
	limits->io_opt = bdev_io_opt(bdev);
}

static void bdev_limits_ranges(struct vha_blk *blk)
{
	struct vha_blk_limits *limits = &blk->object.limits;
	struct block_device *bdev = blk->object.bdev;
	u32 block = limits->block_size >> SECTOR_SHIFT;

	limits->discard_sectors = min(bdev_max_discard_sectors(bdev), VHA_BLK_RANGE_SECTORS);
	limits->discard_alignment =
		max(bdev_discard_granularity(bdev) >> SECTOR_SHIFT, block);
	limits->zeroes_sectors = min(bdev_write_zeroes_sectors(bdev) ?:
				     ZEROES_FALLBACK_SECTORS, VHA_BLK_RANGE_SECTORS);
	limits->zeroes_unmap = limits->discard_sectors;
	limits->erase_sectors = min(bdev_max_secure_erase_sectors(bdev),
				    VHA_BLK_RANGE_SECTORS);
	limits->erase_alignment = limits->discard_alignment;
}

static int bdev_attach(struct vha_blk *blk)
{
	struct block_device *bdev = file_bdev(blk->object.file);

	blk->object.bdev = bdev;
	if (bdev_read_only(bdev))
		blk->object.read_only = true;
	blk->object.poll = blk->params.flags & VHA_BLK_F_POLL &&
		    bdev_get_queue(bdev)->limits.features & BLK_FEAT_POLL;
	blk->object.merge = bdev_merge(bdev);
	bdev_limits_fill(blk);
	bdev_limits_ranges(blk);
	if (bdev_is_zoned(bdev))
		vha_blk_zoned_attach(blk);
	/* What the host has cached must not hide, or later undo, what we do. */
	return filemap_write_and_wait(blk->object.file->f_mapping);
}

static void bdev_detach(struct file *file)
{
	/*
	 * What the host has read meanwhile may be out of date, in pages as well that
	 * somebody just now uses.
	 */
	invalidate_inode_pages2(file->f_mapping);
}

/**
 * vha_blk_bdev_writable() - whether the block device can be written at present
 * @blk: the disk, with a block device
 *
 * The host may make a device read-only, or swap to it, at any time. The block
 * layer leaves it to those who submit writes to look.
 *
 * Context: any.
 */
bool vha_blk_bdev_writable(const struct vha_blk *blk)
{
	return !bdev_read_only(blk->object.bdev) &&
	       !IS_SWAPFILE(blk->object.file->f_mapping->host);
}

static u64 bdev_sectors(const struct vha_blk *blk)
{
	return bdev_nr_sectors(blk->object.bdev);
}

/*
 * What direct I/O does about pages of the device that the host has cached:
 * dirty ones are written back first, and none stays that a write makes stale.
 */
static int sync_cache(const struct vha_blk *blk, u64 sector, u64 sectors, bool write)
{
	struct address_space *mapping = blk->object.file->f_mapping;
	loff_t first = sector << SECTOR_SHIFT, last = ((sector + sectors) << SECTOR_SHIFT) - 1;
	int ret;

	if (likely(!READ_ONCE(mapping->nrpages)))
		return 0;
	ret = filemap_write_and_wait_range(mapping, first, last);
	/* A page that is in use stays: it is the host that reads old data then. */
	if (!ret && write)
		invalidate_inode_pages2_range(mapping, first >> PAGE_SHIFT,
					      last >> PAGE_SHIFT);
	return ret;
}

static void submit_waiting(struct vha_blk_request *rq);

/**
 * vha_blk_bdev_end_io() - the transfer of a request is over
 * @bio: its bio
 *
 * Context: any.
 */
void vha_blk_bdev_end_io(struct bio *bio)
{
	struct vha_blk_request *rq = container_of(bio, struct vha_blk_request, bio);
	u8 status = vha_blk_errno_status(blk_status_to_errno(bio->bi_status));
	bool again = bio->bi_status == BLK_STS_AGAIN && bio->bi_opf & REQ_NOWAIT;
	bool write = !rq->to_guest && rq->len;

	if (!list_empty(&rq->poll_entry))
		vha_blk_poll_del(rq);
	bio_uninit(bio);
	if (unlikely(again))
		vha_blk_slow(rq, submit_waiting);
	else if (unlikely(status == VIRTIO_BLK_S_IOERR && write &&
			  rq_blk(rq)->object.limits.zone_sectors))
		vha_blk_zoned_write_failed(rq);
	else
		vha_blk_request_done(rq, status);
}

/**
 * vha_blk_bdev_submit() - submit a request's memory to the block device
 * @rq: the request
 * @opf: operation and flags
 * @end_io: ends in vha_blk_bdev_end_io()
 *
 * Context: the queue's worker, so that the I/O is charged to the VMM's cgroup.
 */
void vha_blk_bdev_submit(struct vha_blk_request *rq, blk_opf_t opf, bio_end_io_t *end_io)
{
	u32 nr = rq_nr_bvecs(rq);
	struct bio *bio = &rq->bio;

	bio_init(bio, rq_blk(rq)->object.bdev, rq_bvecs(rq), nr, opf);
	bio->bi_vcnt = nr;
	bio->bi_iter.bi_sector = rq->sector;
	bio->bi_iter.bi_size = rq->len;
	bio->bi_end_io = end_io;
	submit_bio(bio);
}

/*
 * The block layer takes tags for as many requests at once as the plug says are
 * to come. A batch is expected to be as large as the one before; tags that are
 * left over go back when it ends. blk_start_plug_nr_ios() is not exported.
 */
static void plug_expect(struct vha_blk_queue *q)
{
	u32 left = q->expected_rw - min(q->batch_rw, q->expected_rw);

	if (q->batch_rw++ % PLUG_REQUESTS == 0)
		q->plug.nr_ios = clamp(left, 1, PLUG_REQUESTS);
}

/**
 * vha_blk_bdev_plug() - hold back what will be submitted
 * @q: the queue, at the start of a batch
 */
void vha_blk_bdev_plug(struct vha_blk_queue *q)
{
	lockdep_assert_held(&q->vq.mutex);
	blk_start_plug(&q->plug);
	if (q->batch_rw)
		q->expected_rw = q->batch_rw;
	q->batch_rw = 0;
}

/**
 * vha_blk_bdev_unplug() - submit what was held back
 * @q: the queue, at the end of the batch
 */
void vha_blk_bdev_unplug(struct vha_blk_queue *q)
{
	lockdep_assert_held(&q->vq.mutex);
	blk_finish_plug(&q->plug);
}

static void submit(struct vha_blk_request *rq, blk_opf_t opf)
{
	vha_blk_bdev_submit(rq, opf, vha_blk_bdev_end_io);
}

static blk_opf_t rw_opf(const struct vha_blk_request *rq)
{
	blk_opf_t flags = rq_blk(rq)->object.merge ? 0 : REQ_NOMERGE;

	if (rq->to_guest)
		return REQ_OP_READ | flags;
	return REQ_OP_WRITE | REQ_SYNC | REQ_IDLE | (rq->stable ? REQ_FUA : 0) | flags;
}

static void bdev_rw(struct vha_blk_request *rq)
{
	blk_opf_t opf = rw_opf(rq);
	int ret = sync_cache(rq_blk(rq), rq->sector, rq->len >> SECTOR_SHIFT, !rq->to_guest);

	if (unlikely(ret)) {
		vha_blk_request_done(rq, vha_blk_errno_status(ret));
		return;
	}
	if (rq_blk(rq)->object.poll) {
		/*
		 * Waiting for a free tag would be for ever if all tags belong
		 * to requests that nobody polls for meanwhile.
		 */
		opf |= REQ_POLLED | REQ_NOWAIT;
		vha_blk_css_get(rq);
		vha_blk_poll_add(rq);
	}
	plug_expect(rq->q);
	submit(rq, opf);
}

/* What a polled request was refused for lack of resources gets by an interrupt. */
static void submit_waiting(struct vha_blk_request *rq)
{
	submit(rq, rw_opf(rq));
}

/* The block layer refuses bios of REQ_OP_FLUSH; this is what it wants instead. */
static void bdev_flush(struct vha_blk_request *rq)
{
	rq->sector = 0;
	submit(rq, REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC);
}

static int bdev_sync(struct vha_blk *blk)
{
	return blkdev_issue_flush(blk->object.bdev);
}

static int bdev_range(struct vha_blk *blk, enum vha_blk_range_type type, u64 sector,
		      u64 sectors)
{
	struct block_device *bdev = blk->object.bdev;
	int ret = sync_cache(blk, sector, sectors, true);

	if (ret)
		return ret;
	switch (type) {
	case VHA_BLK_DISCARD:
		return blkdev_issue_discard(bdev, sector, sectors, GFP_KERNEL);
	case VHA_BLK_ZERO:
		return blkdev_issue_zeroout(bdev, sector, sectors, GFP_KERNEL,
					    BLKDEV_ZERO_NOUNMAP);
	case VHA_BLK_ZERO_UNMAP:
		return blkdev_issue_zeroout(bdev, sector, sectors, GFP_KERNEL, 0);
	case VHA_BLK_ERASE:
		return blkdev_issue_secure_erase(bdev, sector, sectors, GFP_KERNEL);
	}
	return -EOPNOTSUPP;
}

const struct vha_blk_backing vha_blk_bdev = {
	.name = "block device",
	.attach = bdev_attach,
	.detach = bdev_detach,
	.sectors = bdev_sectors,
	.rw = bdev_rw,
	.flush = bdev_flush,
	.sync = bdev_sync,
	.range = bdev_range,
};
