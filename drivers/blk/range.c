// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests about ranges of sectors without data: discard, write zeroes, secure
 * erase
 */
#include <kunit/visibility.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "blk.h"
#include "range.h"

/* How much is zeroed between two looks at whether anybody still waits. */
#define ZERO_STEP_SECTORS	((u32)SZ_16M >> SECTOR_SHIFT)

static_assert(sizeof(struct virtio_blk_discard_write_zeroes) == 16);

/**
 * vha_blk_range_status() - check one range
 * @range: as the driver wrote it
 * @rule: what applies to the request type
 * @capacity: of the disk, in sectors
 *
 * Return: VIRTIO_BLK_S_OK, VIRTIO_BLK_S_UNSUPP for a flag that the request
 * type does not have, VIRTIO_BLK_S_IOERR for a range that is too long, cuts a
 * logical block or is not on the disk.
 */
VISIBLE_IF_KUNIT
u8 vha_blk_range_status(const struct virtio_blk_discard_write_zeroes *range,
			const struct vha_blk_range_rule *rule, u64 capacity)
{
	u64 sector = le64_to_cpu(range->sector);
	u32 sectors = le32_to_cpu(range->num_sectors);
	u32 mask = (rule->block_size >> SECTOR_SHIFT) - 1;

	if (le32_to_cpu(range->flags) & ~rule->flags)
		return VIRTIO_BLK_S_UNSUPP;
	if (sectors > rule->max_sectors || (sector | sectors) & mask)
		return VIRTIO_BLK_S_IOERR;
	if (!vha_blk_range_valid(sector, sectors, capacity))
		return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_range_status);

/**
 * vha_blk_ranges_count() - how many ranges a request has
 * @len: bytes of its data
 *
 * Return: the number, 0 when the length is not one a driver may send.
 */
VISIBLE_IF_KUNIT
u32 vha_blk_ranges_count(u32 len)
{
	u32 nr = len / sizeof(struct virtio_blk_discard_write_zeroes);

	if (len % sizeof(struct virtio_blk_discard_write_zeroes) || nr > VHA_BLK_RANGES)
		return 0;
	return nr;
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_ranges_count);

static void get_rule(const struct vha_blk_request *rq, struct vha_blk_range_rule *rule)
{
	const struct vha_blk_limits *limits = &rq_blk(rq)->object.limits;

	rule->block_size = limits->block_size;
	rule->flags = 0;
	switch (rq->type) {
	case VIRTIO_BLK_T_DISCARD:
		rule->max_sectors = limits->discard_sectors;
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		rule->max_sectors = limits->zeroes_sectors;
		rule->flags = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
		break;
	default:
		rule->max_sectors = limits->erase_sectors;
		break;
	}
}

static enum vha_blk_range_type range_type(u32 type, u32 flags)
{
	if (type == VIRTIO_BLK_T_DISCARD)
		return VHA_BLK_DISCARD;
	if (type == VIRTIO_BLK_T_SECURE_ERASE)
		return VHA_BLK_ERASE;
	return flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP ? VHA_BLK_ZERO_UNMAP :
							     VHA_BLK_ZERO;
}

/* Zeroes may have to be written, and what is long is then done in steps. */
static u32 range_step(enum vha_blk_range_type type)
{
	switch (type) {
	case VHA_BLK_ZERO:
	case VHA_BLK_ZERO_UNMAP:
		return ZERO_STEP_SECTORS;
	default:
		return VHA_BLK_RANGE_SECTORS;
	}
}

static int range_run(struct vha_blk_request *rq,
		     const struct virtio_blk_discard_write_zeroes *range)
{
	enum vha_blk_range_type type = range_type(rq->type, le32_to_cpu(range->flags));
	u32 left = le32_to_cpu(range->num_sectors);
	u64 sector = le64_to_cpu(range->sector);
	struct vha_blk *blk = rq_blk(rq);
	int ret = 0;

	while (left && !ret) {
		u32 step = min(left, range_step(type));

		/* Who closes the device waits for us, and for no result. */
		if (READ_ONCE(blk->dev.closing))
			return -ESHUTDOWN;
		ret = blk->object.backing->range(blk, type, sector, step);
		sector += step;
		left -= step;
	}
	return ret;
}

static void ranges_run(struct vha_blk_request *rq)
{
	struct vha_blk *blk = rq_blk(rq);
	int ret = 0;
	u32 i;

	for (i = 0; i < rq->nr_ranges && !ret; i++)
		ret = range_run(rq, &rq->ranges[i]);
	/* Zeroes are a write, and a write may have to be stable. */
	if (!ret && rq->stable && rq->type == VIRTIO_BLK_T_WRITE_ZEROES)
		ret = blk->object.backing->sync(blk);
	vha_blk_request_done(rq, vha_blk_errno_status(ret));
}

static int ranges_check(const struct vha_blk_request *rq)
{
	u64 capacity = vha_blk_capacity(rq_blk(rq));
	struct vha_blk_range_rule rule;
	u8 status = VIRTIO_BLK_S_OK;
	u32 i;

	get_rule(rq, &rule);
	for (i = 0; i < rq->nr_ranges && status == VIRTIO_BLK_S_OK; i++)
		status = vha_blk_range_status(&rq->ranges[i], &rule, capacity);
	return status;
}

/**
 * vha_blk_serve_ranges() - as &vha_blk_op.fn
 * @rq: the request
 * @chain: its buffer
 *
 * Nothing is done to any range unless all are valid.
 */
int vha_blk_serve_ranges(struct vha_blk_request *rq, const struct vha_chain *chain)
{
	struct vha_cursor data;
	int ret;

	rq->nr_ranges = vha_blk_ranges_count(rq->len);
	if (!rq->nr_ranges)
		return VIRTIO_BLK_S_IOERR;
	rq->ranges = kmalloc(rq->len, GFP_KERNEL_ACCOUNT);
	if (!rq->ranges)
		return -ENOMEM;
	vha_blk_chain_data(chain, &data);
	ret = vha_copy_from(&rq->q->vq, &data, rq->ranges, rq->len);
	if (!ret)
		ret = ranges_check(rq);
	if (ret)
		return ret;
	vha_blk_css_get(rq);
	vha_blk_slow(rq, ranges_run);
	return -EINPROGRESS;
}
