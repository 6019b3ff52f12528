/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VHOST_ACCEL_BLK_ZONED_H
#define VHOST_ACCEL_BLK_ZONED_H

#include "blk.h"

#if IS_ENABLED(CONFIG_KUNIT)
u8 vha_blk_zone_write_status(const struct blk_zone *zone, u64 sector, u32 sectors,
			     bool append);
void vha_blk_zone_descriptor_fill(struct virtio_blk_zone_descriptor *to,
				  const struct blk_zone *zone);
#endif

#endif /* VHOST_ACCEL_BLK_ZONED_H */
