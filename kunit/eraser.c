// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk in memory that takes secure erase, which no disk of the test bed does
 *
 * What it erases it fills with 0xa5, so that a test can tell an erase from
 * zeroes, from a discard and from nothing at all.  With "fail=SECTOR" an erase
 * that covers this sector fails.
 */
#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

#define SECTORS		(8 << 20 >> SECTOR_SHIFT)
#define ERASE_SECTORS	1024
#define ERASED		0xa5

static ulong fail = ULONG_MAX;
module_param(fail, ulong, 0644);
MODULE_PARM_DESC(fail, "sector that can not be erased");

static ulong erases;
module_param(erases, ulong, 0444);
MODULE_PARM_DESC(erases, "how many bios asked for an erase");

static struct gendisk *disk;
static char *bytes;

static void copy(struct bio *bio)
{
	char *at = bytes + (bio->bi_iter.bi_sector << SECTOR_SHIFT);
	struct bvec_iter iter;
	struct bio_vec vec;

	bio_for_each_segment(vec, bio, iter) {
		if (op_is_write(bio_op(bio)))
			memcpy_from_bvec(at, &vec);
		else
			memcpy_to_bvec(&vec, at);
		at += vec.bv_len;
	}
}

static void erase(struct bio *bio)
{
	sector_t sector = bio->bi_iter.bi_sector;

	erases++;
	if (fail >= sector && fail < bio_end_sector(bio))
		bio->bi_status = BLK_STS_MEDIUM;
	else
		memset(bytes + (sector << SECTOR_SHIFT), ERASED, bio->bi_iter.bi_size);
}

static void eraser_submit_bio(struct bio *bio)
{
	switch (bio_op(bio)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		copy(bio);
		break;
	case REQ_OP_SECURE_ERASE:
		erase(bio);
		break;
	case REQ_OP_DISCARD:
		/* Which may leave everything as it is. */
		break;
	default:
		bio->bi_status = BLK_STS_NOTSUPP;
		break;
	}
	bio_endio(bio);
}

static const struct block_device_operations eraser_ops = {
	.owner = THIS_MODULE,
	.submit_bio = eraser_submit_bio,
};

static int __init eraser_init(void)
{
	struct queue_limits limits = {
		.logical_block_size = SECTOR_SIZE,
		.physical_block_size = PAGE_SIZE,
		.max_hw_discard_sectors = ERASE_SECTORS,
		.discard_granularity = PAGE_SIZE,
		.max_secure_erase_sectors = ERASE_SECTORS,
	};
	int ret;

	bytes = vzalloc(SECTORS << SECTOR_SHIFT);
	if (!bytes)
		return -ENOMEM;
	disk = blk_alloc_disk(&limits, NUMA_NO_NODE);
	if (IS_ERR(disk)) {
		ret = PTR_ERR(disk);
		goto err_free;
	}
	disk->fops = &eraser_ops;
	strscpy(disk->disk_name, "eraser");
	set_capacity(disk, SECTORS);
	ret = add_disk(disk);
	if (ret)
		goto err_put;
	return 0;

err_put:
	put_disk(disk);
err_free:
	vfree(bytes);
	return ret;
}

static void __exit eraser_exit(void)
{
	del_gendisk(disk);
	put_disk(disk);
	vfree(bytes);
}

module_init(eraser_init);
module_exit(eraser_exit);
MODULE_DESCRIPTION("Disk in memory that takes secure erase");
MODULE_LICENSE("GPL");
