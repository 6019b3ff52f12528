/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device IOTLB, as its two files share it
 */
#ifndef VHOST_ACCEL_CORE_IOTLB_H
#define VHOST_ACCEL_CORE_IOTLB_H

#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "mem.h"

/**
 * struct vha_miss - an address a queue waits for
 * @iova: the address
 * @perm: VHOST_ACCESS_* it is needed with
 */
struct vha_miss {
	u64 iova;
	u8 perm;
};

/**
 * struct vha_iotlb - device IOTLB
 *
 * Lives as long as the device, so that readers blocked in it need no lock;
 * @enabled says whether it is in use.
 *
 * @lock: protects all members but @wait; process context
 * @enabled: written with @lock held
 * @entries: translations by address, disjoint
 * @oldest: the same in the order they came
 * @nr: how many
 * @recent: the translation found last, or NULL
 * @misses: ring buffer of those the VMM has not read
 * @first_miss: index of the oldest
 * @nr_misses: how many
 * @wait: readers and pollers
 */
struct vha_iotlb {
	spinlock_t lock;
	bool enabled;
	struct rb_root entries;
	struct list_head oldest;
	u32 nr;
	struct vha_iotlb_entry *recent;
	struct vha_miss misses[VHA_IOTLB_MISSES_MAX];
	u32 first_miss;
	u32 nr_misses;
	wait_queue_head_t wait;
};

bool vha_iotlb_next_miss(struct vha_iotlb *iotlb, struct vha_miss *miss);

#endif /* VHOST_ACCEL_CORE_IOTLB_H */
