/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What most tests start from: memory, a disk, a blk device, running queues
 */
#ifndef TVM_RIG_H
#define TVM_RIG_H

#include "harness.h"
#include "tvm_blk.h"
#include "tvm_disk.h"

#define TVM_RIG_QUEUES	64

/**
 * struct tvm_rig_options - what a rig shall be like; zero is the usual
 * @cfg: layout of the queues
 * @disk: attributes of the disk, NULL for a small one in memory
 * @queues: how many, 0 for one
 * @num: ring size, 0 for 64
 * @features: features beyond those of @cfg
 * @params: for VHA_BLK_SET_PARAMS, NULL to leave it out
 * @backend_flags: VHA_BACKEND_F_*
 * @stopped: do not start the queues
 * @small: with less memory, for tests that touch all of it
 */
struct tvm_rig_options {
	struct tvm_config cfg;
	const char *const *disk;
	unsigned int queues;
	unsigned int num;
	uint64_t features;
	const struct vha_blk_params *params;
	uint64_t backend_flags;
	bool stopped;
	bool small;
};

/** struct tvm_rig - all of it; the first queue is vqs[0] */
struct tvm_rig {
	struct tvm_mem mem;
	struct tvm_disk disk;
	struct tvm_dev dev;
	unsigned int queues;
	struct tvm_queue vqs[TVM_RIG_QUEUES];
};

const char *tvm_rig_node(void);
void tvm_rig_create(struct tvm_rig *rig, const struct tvm_rig_options *options);
void tvm_rig_destroy(struct tvm_rig *rig);
int tvm_rig_start(struct tvm_rig *rig, const struct tvm_rig_options *options);
void tvm_rig_disk_fill(struct tvm_rig *rig, uint64_t seed);

extern const char *const tvm_rig_disk_default[];

/*
 * Ring formats by name, for fixtures whose variant begins with a tvm_config.
 * Half of them, which have each feature on and off in each format, will do
 * when there is no time.
 */
#define TVM_RIG_FORMATS(fixture)						\
	FIXTURE_VARIANT_ADD(fixture, split) { .cfg = { .packed = false } };	\
	FIXTURE_VARIANT_ADD_FULL(fixture, split_event)				\
		{ .cfg = { .event_idx = true } };				\
	FIXTURE_VARIANT_ADD_FULL(fixture, split_order)				\
		{ .cfg = { .in_order = true } };				\
	FIXTURE_VARIANT_ADD(fixture, split_event_order)				\
		{ .cfg = { .event_idx = true, .in_order = true } };		\
	FIXTURE_VARIANT_ADD_FULL(fixture, packed)				\
		{ .cfg = { .packed = true } };					\
	FIXTURE_VARIANT_ADD(fixture, packed_event)				\
		{ .cfg = { .packed = true, .event_idx = true } };		\
	FIXTURE_VARIANT_ADD(fixture, packed_order)				\
		{ .cfg = { .packed = true, .in_order = true } };		\
	FIXTURE_VARIANT_ADD_FULL(fixture, packed_event_order)			\
		{ .cfg = { .packed = true, .event_idx = true, .in_order = true } }

#define TVM_RIG_TWO_FORMATS(fixture)						\
	FIXTURE_VARIANT_ADD(fixture, split) { .cfg = { .event_idx = true } };	\
	FIXTURE_VARIANT_ADD(fixture, packed)					\
		{ .cfg = { .packed = true, .event_idx = true } }

#endif /* TVM_RIG_H */
