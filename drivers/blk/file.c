// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regular files as backing object
 *
 * Direct I/O from and to the pinned pages. A request is first tried without
 * sleeping in the worker; what would have to wait goes to a workqueue.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/highmem.h>
#include <linux/stat.h>
#include <linux/uio.h>

#include "blk.h"

/* How much is zeroed in one write where the file system has no better way. */
#define ZERO_PAGES	64

static int file_align(struct vha_blk *blk)
{
	struct vha_blk_limits *limits = &blk->object.limits;
	struct inode *inode = file_inode(blk->object.file);
	struct kstat stat;
	int ret;

	ret = vfs_getattr(&blk->object.file->f_path, &stat, STATX_DIOALIGN, 0);
	if (ret)
		return ret;
	limits->block_size = SECTOR_SIZE;
	blk->object.dma_mask = SECTOR_SIZE - 1;
	if (stat.result_mask & STATX_DIOALIGN && stat.dio_offset_align) {
		limits->block_size = max_t(u32, stat.dio_offset_align, SECTOR_SIZE);
		blk->object.dma_mask = max_t(u32, stat.dio_mem_align, 1) - 1;
	}
	limits->physical_size = max_t(u32, limits->block_size, i_blocksize(inode));
	limits->io_min = limits->physical_size;
	if (limits->block_size > PAGE_SIZE || !is_power_of_2(limits->block_size) ||
	    !is_power_of_2(limits->physical_size))
		return -EINVAL;
	return 0;
}

static int file_attach(struct vha_blk *blk)
{
	struct vha_blk_limits *limits = &blk->object.limits;
	int ret = file_align(blk);

	if (ret)
		return ret;
	if (IS_IMMUTABLE(file_inode(blk->object.file)))
		blk->object.read_only = true;
	limits->zeroes_sectors = VHA_BLK_RANGE_SECTORS;
	limits->zeroes_unmap = true;
	if (blk->object.file->f_op->fallocate) {
		limits->discard_sectors = VHA_BLK_RANGE_SECTORS;
		limits->discard_alignment = limits->physical_size >> SECTOR_SHIFT;
	}
	return 0;
}

static u64 file_sectors(const struct vha_blk *blk)
{
	return i_size_read(file_inode(blk->object.file)) >> SECTOR_SHIFT;
}

static void file_slow_rw(struct vha_blk_request *rq);

/*
 * Whether an attempt that must not wait failed for no other reason. A file
 * system that goes through its cache where direct I/O is not possible may
 * refuse to do so, or stop where the cached part ends.
 */
static bool would_wait(const struct vha_blk_request *rq, long ret)
{
	if (!(rq->iocb.ki_flags & IOCB_NOWAIT))
		return false;
	return ret == -EAGAIN || ret == -EOPNOTSUPP || (ret >= 0 && ret != rq->len);
}

static void file_rw_done(struct vha_blk_request *rq, long ret)
{
	if (ret != rq->len)
		vha_blk_request_done(rq, ret < 0 ? vha_blk_errno_status(ret) :
						   VIRTIO_BLK_S_IOERR);
	else
		vha_blk_request_done(rq, VIRTIO_BLK_S_OK);
}

/* Any context. */
static void file_complete(struct kiocb *iocb, long ret)
{
	struct vha_blk_request *rq = container_of(iocb, struct vha_blk_request, iocb);

	if (!rq->to_guest)
		kiocb_end_write(iocb);
	if (would_wait(rq, ret))
		vha_blk_slow(rq, file_slow_rw);
	else
		file_rw_done(rq, ret);
}

/* As kiocb_start_write(), but does not wait for the file system to thaw. */
static bool start_write(struct kiocb *iocb)
{
	struct super_block *sb = file_inode(iocb->ki_filp)->i_sb;

	if (!(iocb->ki_flags & IOCB_NOWAIT)) {
		kiocb_start_write(iocb);
		return true;
	}
	if (!sb_start_write_trylock(sb))
		return false;
	/* It ends in another task, so lockdep is told that it ends here. */
	__sb_writers_release(sb, SB_FREEZE_WRITE);
	return true;
}

static void iocb_init(struct vha_blk_request *rq, int flags)
{
	struct file *file = rq_blk(rq)->object.file;

	/* Appending can be switched on after the file was attached. */
	rq->iocb = (struct kiocb) {
		.ki_filp = file,
		.ki_pos = rq->sector << SECTOR_SHIFT,
		.ki_flags = (file->f_iocb_flags & ~IOCB_APPEND) | IOCB_DIRECT | flags,
		.ki_complete = file_complete,
	};
	if (!rq->to_guest && rq->stable)
		rq->iocb.ki_flags |= IOCB_DSYNC;
}

static ssize_t file_transfer(struct vha_blk_request *rq)
{
	struct kiocb *iocb = &rq->iocb;
	struct iov_iter iter;

	iov_iter_bvec(&iter, rq->to_guest ? ITER_DEST : ITER_SOURCE, rq_bvecs(rq),
		      rq_nr_bvecs(rq), rq->len);
	if (rq->to_guest)
		return vfs_iocb_iter_read(iocb->ki_filp, iocb, &iter);
	return vfs_iocb_iter_write(iocb->ki_filp, iocb, &iter);
}

static void file_submit(struct vha_blk_request *rq, int flags)
{
	ssize_t ret;

	iocb_init(rq, flags);
	if (!rq->to_guest && !start_write(&rq->iocb)) {
		vha_blk_slow(rq, file_slow_rw);
		return;
	}
	ret = file_transfer(rq);
	if (ret != -EIOCBQUEUED)
		file_complete(&rq->iocb, ret);
}

static void file_slow_rw(struct vha_blk_request *rq)
{
	file_submit(rq, 0);
}

static void file_rw(struct vha_blk_request *rq)
{
	vha_blk_css_get(rq);
	if (rq_blk(rq)->object.file->f_mode & FMODE_NOWAIT)
		file_submit(rq, IOCB_NOWAIT);
	else
		vha_blk_slow(rq, file_slow_rw);
}

static int file_sync(struct vha_blk *blk)
{
	return vfs_fsync(blk->object.file, 1);
}

static void file_slow_flush(struct vha_blk_request *rq)
{
	vha_blk_request_done(rq, vha_blk_errno_status(file_sync(rq_blk(rq))));
}

static void file_flush(struct vha_blk_request *rq)
{
	vha_blk_css_get(rq);
	vha_blk_slow(rq, file_slow_flush);
}

static ssize_t write_zero_pages(struct file *file, loff_t pos, size_t len)
{
	struct bio_vec bv[ZERO_PAGES];
	struct kiocb iocb;
	struct iov_iter iter;
	unsigned int i, nr = DIV_ROUND_UP(len, PAGE_SIZE);
	ssize_t ret;

	for (i = 0; i < nr; i++)
		bvec_set_page(&bv[i], ZERO_PAGE(0), min(len - i * PAGE_SIZE, PAGE_SIZE), 0);
	init_sync_kiocb(&iocb, file);
	iocb.ki_pos = pos;
	iocb.ki_flags |= IOCB_DIRECT;
	iov_iter_bvec(&iter, ITER_SOURCE, bv, nr, len);
	kiocb_start_write(&iocb);
	ret = vfs_iocb_iter_write(file, &iocb, &iter);
	kiocb_end_write(&iocb);
	return ret;
}

static int write_zeroes(struct file *file, loff_t pos, loff_t len)
{
	while (len) {
		size_t piece = min_t(loff_t, len, ZERO_PAGES * PAGE_SIZE);
		ssize_t ret = write_zero_pages(file, pos, piece);

		if (ret < 0)
			return ret;
		if (ret != piece)
			return -EIO;
		pos += piece;
		len -= piece;
		cond_resched();
	}
	return 0;
}

static int zero(struct file *file, bool unmap, loff_t pos, loff_t len)
{
	int ret = -EOPNOTSUPP;

	if (unmap)
		ret = vfs_fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pos, len);
	if (ret == -EOPNOTSUPP)
		ret = vfs_fallocate(file, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, pos, len);
	if (ret == -EOPNOTSUPP)
		ret = write_zeroes(file, pos, len);
	return ret;
}

static int file_range(struct vha_blk *blk, enum vha_blk_range_type type, u64 sector,
		      u64 sectors)
{
	loff_t pos = sector << SECTOR_SHIFT, len = sectors << SECTOR_SHIFT;

	switch (type) {
	case VHA_BLK_DISCARD:
		return vfs_fallocate(blk->object.file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     pos, len);
	case VHA_BLK_ZERO:
		return zero(blk->object.file, false, pos, len);
	case VHA_BLK_ZERO_UNMAP:
		return zero(blk->object.file, true, pos, len);
	case VHA_BLK_ERASE:
		break;
	}
	return -EOPNOTSUPP;
}

const struct vha_blk_backing vha_blk_file = {
	.name = "file",
	.attach = file_attach,
	.sectors = file_sectors,
	.rw = file_rw,
	.flush = file_flush,
	.sync = file_sync,
	.range = file_range,
};
