/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VHOST_ACCEL_BLK_CONFIG_H
#define VHOST_ACCEL_BLK_CONFIG_H

#include "blk.h"

/**
 * struct vha_blk_config - what the configuration space is made of
 * @limits: of the backing object
 * @features: offered
 * @capacity: in sectors
 * @block_size: logical block size announced
 * @seg_max: segments announced per request
 * @num_queues: queues announced
 * @writeback: write cache mode
 */
struct vha_blk_config {
	const struct vha_blk_limits *limits;
	u64 features;
	u64 capacity;
	u32 block_size;
	u32 seg_max;
	u16 num_queues;
	bool writeback;
};

#if IS_ENABLED(CONFIG_KUNIT)
u32 vha_blk_size_max(u32 seg_max);
void vha_blk_config_fill(struct virtio_blk_config *config, const struct vha_blk_config *from);
#endif

#endif /* VHOST_ACCEL_BLK_CONFIG_H */
