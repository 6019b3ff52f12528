// SPDX-License-Identifier: GPL-2.0-only
/*
 * Features, configuration space, write cache mode and capacity
 */
#include <kunit/visibility.h>

#include "blk.h"
#include "config.h"

#define RESIZE_INTERVAL	HZ

static_assert(sizeof(struct virtio_blk_config) == 96);
static_assert(offsetof(struct virtio_blk_config, wce) == 32);

/**
 * vha_blk_seg_max() - segments announced per request
 * @blk: the disk
 */
u32 vha_blk_seg_max(const struct vha_blk *blk)
{
	return blk->params.seg_max ?: VHA_BLK_SEG_MAX;
}

/**
 * vha_blk_size_max() - segment size at which every request fits into the limit
 * @seg_max: segments announced per request
 *
 * A segment that starts in the middle of a page takes one piece of memory more
 * than it has pages.
 */
VISIBLE_IF_KUNIT
u32 vha_blk_size_max(u32 seg_max)
{
	return (VHA_BLK_BVECS / seg_max - 1) * PAGE_SIZE;
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_size_max);

static u64 backing_features(const struct vha_blk *blk)
{
	const struct vha_blk_limits *limits = &blk->object.limits;
	u64 features = 0;

	if (!blk->object.backing)
		return 0;
	if (blk->object.read_only)
		return BIT_ULL(VIRTIO_BLK_F_RO) |
		       (limits->zone_sectors ? BIT_ULL(VIRTIO_BLK_F_ZONED) : 0);
	if (limits->discard_sectors)
		features |= BIT_ULL(VIRTIO_BLK_F_DISCARD);
	if (limits->zeroes_sectors)
		features |= BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES);
	if (limits->erase_sectors)
		features |= BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE);
	if (limits->zone_sectors)
		features |= BIT_ULL(VIRTIO_BLK_F_ZONED);
	return features;
}

static u64 blk_features(const struct vha_blk *blk)
{
	u64 features = BIT_ULL(VIRTIO_BLK_F_SIZE_MAX) | BIT_ULL(VIRTIO_BLK_F_SEG_MAX) |
		       BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) | BIT_ULL(VIRTIO_BLK_F_FLUSH) |
		       BIT_ULL(VIRTIO_BLK_F_TOPOLOGY) | BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE);

	if (blk->params.num_queues != 1)
		features |= BIT_ULL(VIRTIO_BLK_F_MQ);
	return features | backing_features(blk);
}

/**
 * vha_blk_features() - offer the features that make sense with the backing object
 * @dev: the disk
 * @features: bits are added
 *
 * Without a backing object only what every disk has is offered.
 */
void vha_blk_features(struct vha_device *dev, u64 *features)
{
	features[0] |= blk_features(to_blk(dev));
}

/**
 * vha_blk_check_acked() - whether the acknowledged features fit the backing object
 * @blk: the disk
 *
 * Return: 0, or -EINVAL for a driver that takes a disk of sequential zones for
 * an ordinary one.
 */
int vha_blk_check_acked(struct vha_blk *blk)
{
	if (blk->object.backing && blk->object.limits.zone_sectors &&
	    !vha_device_feature(&blk->dev, VIRTIO_BLK_F_ZONED))
		return -EINVAL;
	return 0;
}

/**
 * vha_blk_update_stable() - find out anew which writes must be stable
 * @blk: the disk
 *
 * A descriptor of the VMM's for synchronous writes means what it says whatever
 * the driver wants.
 */
void vha_blk_update_stable(struct vha_blk *blk)
{
	struct vha_device *dev = &blk->dev;

	WRITE_ONCE(blk->stable, blk->object.sync ||
		   vha_blk_is_stable(vha_device_feature(dev, VIRTIO_BLK_F_FLUSH),
				     vha_device_feature(dev, VIRTIO_BLK_F_CONFIG_WCE),
				     blk->writeback,
				     blk->params.flags & VHA_BLK_F_WRITE_THROUGH));
}

/**
 * vha_blk_init_writeback() - set the write cache mode a driver begins with
 * @blk: the disk, whose parameters or acknowledged features changed
 */
void vha_blk_init_writeback(struct vha_blk *blk)
{
	struct vha_device *dev = &blk->dev;

	/* A driver that can set the mode but not flush starts without a cache. */
	blk->writeback = !(blk->params.flags & VHA_BLK_F_WRITE_THROUGH) &&
			 (vha_device_feature(dev, VIRTIO_BLK_F_FLUSH) ||
			  !vha_device_feature(dev, VIRTIO_BLK_F_CONFIG_WCE));
	vha_blk_update_stable(blk);
}

/**
 * vha_blk_acked() - the driver acknowledged features
 * @dev: the disk
 *
 * Return: 0, or -EINVAL when they do not fit the disk; a reset, which takes
 * all features back, is not refused.
 */
int vha_blk_acked(struct vha_device *dev)
{
	struct vha_blk *blk = to_blk(dev);
	int ret = 0;

	if (vha_device_feature(dev, VIRTIO_F_VERSION_1))
		ret = vha_blk_check_acked(blk);
	if (!ret)
		vha_blk_init_writeback(blk);
	return ret;
}

static void put_topology(struct virtio_blk_config *config, const struct vha_blk_config *from)
{
	const struct vha_blk_limits *limits = from->limits;
	u32 block_size = from->block_size;

	if (limits->physical_size > block_size) {
		config->physical_block_exp = ilog2(limits->physical_size / block_size);
		config->alignment_offset = limits->alignment_offset / block_size;
	}
	config->min_io_size = (__force __virtio16)
		cpu_to_le16(min_t(u32, limits->io_min / block_size, U16_MAX));
	config->opt_io_size = (__force __virtio32)cpu_to_le32(limits->io_opt / block_size);
}

static __virtio32 le32(u32 value)
{
	return (__force __virtio32)cpu_to_le32(value);
}

static void put_ranges(struct virtio_blk_config *config, const struct vha_blk_config *from)
{
	const struct vha_blk_limits *limits = from->limits;

	if (from->features & BIT_ULL(VIRTIO_BLK_F_DISCARD)) {
		config->max_discard_sectors = le32(limits->discard_sectors);
		config->max_discard_seg = le32(VHA_BLK_RANGES);
		config->discard_sector_alignment = le32(limits->discard_alignment);
	}
	if (from->features & BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES)) {
		config->max_write_zeroes_sectors = le32(limits->zeroes_sectors);
		config->max_write_zeroes_seg = le32(VHA_BLK_RANGES);
		config->write_zeroes_may_unmap = limits->zeroes_unmap;
	}
	if (from->features & BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE)) {
		config->max_secure_erase_sectors = le32(limits->erase_sectors);
		config->max_secure_erase_seg = le32(VHA_BLK_RANGES);
		config->secure_erase_sector_alignment = le32(limits->erase_alignment);
	}
}

static void put_zoned(struct virtio_blk_config *config, const struct vha_blk_limits *limits)
{
	config->zoned.zone_sectors = le32(limits->zone_sectors);
	config->zoned.max_open_zones = le32(limits->max_open_zones);
	config->zoned.max_active_zones = le32(limits->max_active_zones);
	config->zoned.max_append_sectors = le32(limits->append_sectors);
	config->zoned.write_granularity = le32(limits->write_granularity);
	config->zoned.model = VIRTIO_BLK_Z_HM;
}

/**
 * vha_blk_config_fill() - write the configuration space
 * @config: zeroed; members of features not offered stay so
 * @from: what goes into it
 */
VISIBLE_IF_KUNIT
void vha_blk_config_fill(struct virtio_blk_config *config, const struct vha_blk_config *from)
{
	config->capacity = (__force __virtio64)cpu_to_le64(from->capacity);
	config->size_max = le32(vha_blk_size_max(from->seg_max));
	config->seg_max = le32(from->seg_max);
	config->blk_size = le32(from->block_size);
	put_topology(config, from);
	config->wce = from->writeback;
	if (from->features & BIT_ULL(VIRTIO_BLK_F_MQ))
		config->num_queues = (__force __virtio16)cpu_to_le16(from->num_queues);
	put_ranges(config, from);
	if (from->features & BIT_ULL(VIRTIO_BLK_F_ZONED))
		put_zoned(config, from->limits);
}
EXPORT_SYMBOL_IF_KUNIT(vha_blk_config_fill);

/**
 * vha_blk_get_config() - as &vha_class.get_config
 * @dev: the disk
 * @config: zeroed bytes
 */
void vha_blk_get_config(struct vha_device *dev, void *config)
{
	struct vha_blk *blk = to_blk(dev);
	struct vha_blk_config from = {
		.limits = &blk->object.limits,
		.features = blk_features(blk),
		.block_size = vha_blk_block_size(blk),
		.seg_max = vha_blk_seg_max(blk),
		.num_queues = blk->params.num_queues ?: VHA_BLK_QUEUES,
		.writeback = blk->writeback,
	};

	vha_blk_check_capacity(blk);
	from.capacity = READ_ONCE(blk->capacity);
	vha_blk_config_fill(config, &from);
}

/**
 * vha_blk_set_config() - as &vha_class.set_config
 * @dev: the disk
 * @offset: first byte
 * @data: the bytes
 * @len: how many
 *
 * Only the write cache mode can be written. What the cache holds when it is
 * switched off becomes stable before the mode changes.
 *
 * Return: 0, -EINVAL when it is anything else or VIRTIO_BLK_F_CONFIG_WCE was
 * not acknowledged, or the errno of the flush.
 */
int vha_blk_set_config(struct vha_device *dev, u32 offset, const void *data, u32 len)
{
	struct vha_blk *blk = to_blk(dev);
	u8 value = *(const u8 *)data;
	int ret;

	if (offset != offsetof(struct virtio_blk_config, wce) || len != 1 || value > 1 ||
	    !vha_device_feature(dev, VIRTIO_BLK_F_CONFIG_WCE))
		return -EINVAL;
	if (blk->writeback == value)
		return 0;
	blk->writeback = value;
	vha_blk_update_stable(blk);
	if (value || !blk->object.backing)
		return 0;
	ret = blk->object.backing->sync(blk);
	if (ret) {
		blk->writeback = true;
		vha_blk_update_stable(blk);
	}
	return ret;
}

/**
 * vha_blk_capacity() - present capacity in sectors
 * @blk: the disk, with a backing object
 *
 * Context: any.
 * Return: the capacity in whole logical blocks.
 */
u64 vha_blk_capacity(const struct vha_blk *blk)
{
	u32 block_size = vha_blk_block_size(blk);
	/* Called for every request: saves an indirect call. */
	u64 sectors = blk->object.bdev ? bdev_nr_sectors(blk->object.bdev) :
					 blk->object.backing->sectors(blk);

	return sectors & ~(u64)((block_size >> SECTOR_SHIFT) - 1);
}

/**
 * vha_blk_check_capacity() - tell the VMM if the capacity changed
 * @blk: the disk
 *
 * Context: any in which the backing object can not go away: the holder of the
 * device mutex or of the mutex of a started queue, or @blk->resize.
 */
void vha_blk_check_capacity(struct vha_blk *blk)
{
	u64 old, now;

	if (!blk->object.backing)
		return;
	old = READ_ONCE(blk->capacity);
	now = vha_blk_capacity(blk);
	/* Several may notice; one tells. */
	if (old != now && cmpxchg64(&blk->capacity, old, now) == old)
		vha_device_config_changed(&blk->dev);
}

/**
 * vha_blk_resize_work() - look at the capacity now and then
 * @work: &vha_blk.resize
 */
void vha_blk_resize_work(struct work_struct *work)
{
	struct vha_blk *blk = container_of(to_delayed_work(work), struct vha_blk, resize);

	vha_blk_check_capacity(blk);
	schedule_delayed_work(&blk->resize, RESIZE_INTERVAL);
}
