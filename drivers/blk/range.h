/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VHOST_ACCEL_BLK_RANGE_H
#define VHOST_ACCEL_BLK_RANGE_H

#include "blk.h"

/**
 * struct vha_blk_range_rule - what a range may be
 * @max_sectors: longest range
 * @flags: flags it may have
 * @block_size: logical block size in bytes
 */
struct vha_blk_range_rule {
	u32 max_sectors;
	u32 flags;
	u32 block_size;
};

#if IS_ENABLED(CONFIG_KUNIT)
u32 vha_blk_ranges_count(u32 len);
u8 vha_blk_range_status(const struct virtio_blk_discard_write_zeroes *range,
			const struct vha_blk_range_rule *rule, u64 capacity);
#endif

#endif /* VHOST_ACCEL_BLK_RANGE_H */
