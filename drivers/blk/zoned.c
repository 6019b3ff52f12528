// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zones
 *
 * The host's block layer tells little about why a zoned request failed, and
 * kernels differ in what they tell a module about a zone. So requests go to
 * the device, and when one fails a zone report says which of the
 * specification's errors it was.
 */
#include <kunit/visibility.h>
#include <linux/blkdev.h>
#include <linux/slab.h>

#include "blk.h"
#include "zoned.h"

/* Longest report; a driver that wants more asks again from where it ended. */
#define REPORT_ZONES	4096

static_assert(sizeof(struct virtio_blk_zone_report) == 64);
static_assert(sizeof(struct virtio_blk_zone_descriptor) == 64);

/**
 * vha_blk_zone_write_status() - why a write into a zone failed
 * @zone: the zone of its first sector, as it is now
 * @sector: its first sector
 * @sectors: its length
 * @append: it was an append
 *
 * Return: one of VIRTIO_BLK_S_ZONE_*, or VIRTIO_BLK_S_IOERR when the zone does
 * not explain it.
 */
VISIBLE_IF_KUNIT
u8 vha_blk_zone_write_status(const struct blk_zone *zone, u64 sector, u32 sectors,
			     bool append)
{
	u64 end = zone->start + zone->capacity;
	u64 first = append ? zone->wp : sector;

	if (zone->type == BLK_ZONE_TYPE_CONVENTIONAL)
		return append ? VIRTIO_BLK_S_ZONE_INVALID_CMD : VIRTIO_BLK_S_IOERR;
	if (zone->cond == BLK_ZONE_COND_OFFLINE || zone->cond == BLK_ZONE_COND_READONLY)
		return VIRTIO_BLK_S_IOERR;
	if (zone->cond == BLK_ZONE_COND_FULL || first + sectors > end)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	if (!append && sector != zone->wp)
		return VIRTIO_BLK_S_ZONE_UNALIGNED_WP;
	return VIRTIO_BLK_S_IOERR;
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_zone_write_status);

/**
 * vha_blk_zone_descriptor_fill() - describe a zone to the driver
 * @to: the descriptor, zeroed
 * @zone: the zone
 *
 * The numbers of types and conditions are those of the standards on both sides.
 */
VISIBLE_IF_KUNIT
void vha_blk_zone_descriptor_fill(struct virtio_blk_zone_descriptor *to,
				  const struct blk_zone *zone)
{
	to->z_cap = (__force __virtio64)cpu_to_le64(zone->capacity);
	to->z_start = (__force __virtio64)cpu_to_le64(zone->start);
	to->z_wp = (__force __virtio64)cpu_to_le64(zone->wp);
	to->z_type = zone->type;
	to->z_state = zone->cond;
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_zone_descriptor_fill);

static int copy_zone(struct blk_zone *zone, unsigned int index, void *data)
{
	*(struct blk_zone *)data = *zone;
	return 0;
}

static int get_zone(struct vha_blk *blk, u64 sector, struct blk_zone *zone)
{
	int ret = blkdev_report_zones(blk->object.bdev, sector, 1, copy_zone, zone);

	if (ret < 0)
		return ret;
	return ret ? 0 : -EIO;
}

static void explain(struct vha_blk_request *rq)
{
	struct blk_zone zone;

	if (get_zone(rq_blk(rq), rq->sector, &zone))
		vha_blk_request_done(rq, VIRTIO_BLK_S_IOERR);
	else
		vha_blk_request_done(rq, vha_blk_zone_write_status(&zone, rq->sector,
								   rq->len >> SECTOR_SHIFT,
								   rq->whole));
}

/**
 * vha_blk_zoned_write_failed() - end a write to a zoned device that failed
 * @rq: the request
 *
 * Context: any.
 */
void vha_blk_zoned_write_failed(struct vha_blk_request *rq)
{
	vha_blk_slow(rq, explain);
}

static void append_end_io(struct bio *bio)
{
	struct vha_blk_request *rq = container_of(bio, struct vha_blk_request, bio);

	/* Where the device put it. */
	rq->reply = cpu_to_le64(bio->bi_iter.bi_sector);
	vha_blk_bdev_end_io(bio);
}

static int append_check(const struct vha_blk_request *rq)
{
	const struct vha_blk *blk = rq_blk(rq);
	const struct vha_blk_limits *limits = &blk->object.limits;

	if (!limits->append_sectors)
		return VIRTIO_BLK_S_UNSUPP;
	if (rq->sector & (limits->zone_sectors - 1) || rq->sector >= vha_blk_capacity(blk))
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	if (!rq->len || rq->len >> SECTOR_SHIFT > limits->append_sectors)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	if (rq->len & (limits->write_granularity - 1))
		return VIRTIO_BLK_S_ZONE_UNALIGNED_WP;
	return VIRTIO_BLK_S_OK;
}

/**
 * vha_blk_serve_append() - as &vha_blk_op.fn
 * @rq: the request
 * @chain: its buffer
 */
int vha_blk_serve_append(struct vha_blk_request *rq, const struct vha_chain *chain)
{
	struct vha_cursor data;
	int ret = append_check(rq);

	if (ret != VIRTIO_BLK_S_OK)
		return ret;
	rq->whole = true;
	vha_blk_chain_data(chain, &data);
	ret = vha_blk_pin_data(rq, data, rq->len);
	if (!ret)
		ret = vha_blk_pin_reply(rq, chain);
	if (!ret)
		ret = vha_blk_bounce(rq, data);
	if (ret)
		return ret;
	vha_blk_count(rq->q, VHA_BLK_BYTES_WRITTEN, rq->len);
	rq->written = sizeof(rq->reply);
	vha_blk_bdev_submit(rq, REQ_OP_ZONE_APPEND | REQ_SYNC | REQ_IDLE |
				(rq->stable ? REQ_FUA : 0), append_end_io);
	return -EINPROGRESS;
}

/**
 * vha_blk_zoned_fits() - whether an append reaches the device in one piece
 * @rq: the request
 *
 * The block layer does not split appends. One whose memory has gaps, or too
 * many pieces, is bounced into whole pages, of which the announced maximum
 * fits.
 */
bool vha_blk_zoned_fits(const struct vha_blk_request *rq)
{
	struct request_queue *queue = bdev_get_queue(rq_blk(rq)->object.bdev);
	unsigned long gap = queue_virt_boundary(queue);
	u32 i, pieces = 0;

	for (i = 0; i < rq->nr_bv; i++) {
		const struct bio_vec *bv = &rq->bv[i];

		if (i && bv->bv_offset & gap)
			return false;
		if (i + 1 < rq->nr_bv && (bv->bv_offset + bv->bv_len) & gap)
			return false;
		pieces += PFN_UP((u64)bv->bv_offset + bv->bv_len);
	}
	return pieces <= queue_max_segments(queue);
}

static enum req_op zone_op(u32 type)
{
	switch (type) {
	case VIRTIO_BLK_T_ZONE_OPEN:
		return REQ_OP_ZONE_OPEN;
	case VIRTIO_BLK_T_ZONE_CLOSE:
		return REQ_OP_ZONE_CLOSE;
	case VIRTIO_BLK_T_ZONE_FINISH:
		return REQ_OP_ZONE_FINISH;
	default:
		return REQ_OP_ZONE_RESET;
	}
}

static int zone_manage(struct vha_blk *blk, u32 type, u64 sector)
{
	struct block_device *bdev = blk->object.bdev;
	u64 capacity = bdev_nr_sectors(bdev), sectors = blk->object.limits.zone_sectors;
	struct blk_zone zone;
	int ret;

	if (type == VIRTIO_BLK_T_ZONE_RESET_ALL)
		return blkdev_zone_mgmt(bdev, REQ_OP_ZONE_RESET, 0, capacity);
	ret = get_zone(blk, sector, &zone);
	if (ret)
		return ret;
	if (zone.type == BLK_ZONE_TYPE_CONVENTIONAL)
		return -EINVAL;
	return blkdev_zone_mgmt(bdev, zone_op(type), sector,
				min(sectors, capacity - sector));
}

static void manage(struct vha_blk_request *rq)
{
	int ret = zone_manage(rq_blk(rq), rq->type, rq->sector);

	vha_blk_request_done(rq, ret == -EINVAL ? VIRTIO_BLK_S_ZONE_INVALID_CMD :
						  vha_blk_errno_status(ret));
}

/**
 * vha_blk_serve_zone() - as &vha_blk_op.fn, for open, close, finish and resets
 * @rq: the request
 * @chain: its buffer
 */
int vha_blk_serve_zone(struct vha_blk_request *rq, const struct vha_chain *chain)
{
	const struct vha_blk *blk = rq_blk(rq);

	if (rq->type != VIRTIO_BLK_T_ZONE_RESET_ALL &&
	    (rq->sector & (blk->object.limits.zone_sectors - 1) ||
	     rq->sector >= vha_blk_capacity(blk)))
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	vha_blk_css_get(rq);
	vha_blk_slow(rq, manage);
	return -EINPROGRESS;
}

static int report_zone(struct blk_zone *zone, unsigned int index, void *data)
{
	struct virtio_blk_zone_report *report = data;

	vha_blk_zone_descriptor_fill(&report->zones[index], zone);
	return 0;
}

static void report(struct vha_blk_request *rq)
{
	struct virtio_blk_zone_report *report = rq->report;
	struct vha_blk_place place = {};
	int nr;

	nr = blkdev_report_zones(rq_blk(rq)->object.bdev, rq->sector, rq->nr_zones, report_zone,
				 report);
	if (nr >= 0) {
		report->nr_zones = (__force __virtio64)cpu_to_le64(nr);
		rq->written = struct_size(report, zones, nr);
		vha_blk_data_write(rq, &place, report, rq->written);
	}
	kvfree(report);
	vha_blk_request_done(rq, vha_blk_errno_status(min(nr, 0)));
}

/**
 * vha_blk_serve_report() - as &vha_blk_op.fn
 * @rq: the request
 * @chain: its buffer
 */
int vha_blk_serve_report(struct vha_blk_request *rq, const struct vha_chain *chain)
{
	u32 nr;
	int ret;

	if (rq->len < sizeof(*rq->report) || rq->sector >= vha_blk_capacity(rq_blk(rq)))
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	nr = (rq->len - sizeof(*rq->report)) / sizeof(rq->report->zones[0]);
	nr = min(nr, REPORT_ZONES);
	ret = vha_blk_pin_data(rq, vha_chain_in(chain), struct_size(rq->report, zones, nr));
	if (ret)
		return ret;
	rq->report = kvzalloc(struct_size(rq->report, zones, nr), GFP_KERNEL_ACCOUNT);
	if (!rq->report)
		return -ENOMEM;
	rq->nr_zones = nr;
	vha_blk_css_get(rq);
	vha_blk_slow(rq, report);
	return -EINPROGRESS;
}

/**
 * vha_blk_zoned_attach() - find the limits of a zoned block device
 * @blk: the disk
 */
void vha_blk_zoned_attach(struct vha_blk *blk)
{
	struct vha_blk_limits *limits = &blk->object.limits;
	struct block_device *bdev = blk->object.bdev;

	limits->zone_sectors = bdev_zone_sectors(bdev);
	limits->max_open_zones = bdev_max_open_zones(bdev);
	limits->max_active_zones = bdev_max_active_zones(bdev);
	limits->append_sectors = min3(bdev_max_zone_append_sectors(bdev),
				      (u32)bdev_max_segments(bdev) * (u32)PAGE_SECTORS,
				      (u32)(VHA_BLK_BOUNCE_PAGES * PAGE_SECTORS));
	limits->write_granularity = bdev_zone_write_granularity(bdev);
	/* What would write or forget anywhere makes no sense in zones. */
	limits->discard_sectors = 0;
	limits->zeroes_sectors = 0;
	limits->erase_sectors = 0;
}
