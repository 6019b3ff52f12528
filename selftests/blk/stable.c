// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk: which writes are stable when they complete, and what a flush flushes
 *
 * The disk has a volatile cache. What reaches it is seen in the tracepoint of
 * the block layer: 'F' after the W of a request is FUA, before it a flush.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tvm_fs.h"
#include "tvm_rig.h"
#include "tvm_trace.h"

FIXTURE(stable) {
	struct tvm_rig rig;
	struct tvm_trace trace;
	struct tvm_queue *vq;
	uint64_t gpa;
};

FIXTURE_VARIANT(stable) {
	struct tvm_config cfg;
	bool fua;
};

FIXTURE_VARIANT_ADD(stable, split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(stable, packed) { .cfg = { .packed = true, .event_idx = true } };
FIXTURE_VARIANT_ADD(stable, split_fua) { .cfg = { .event_idx = true }, .fua = true };

FIXTURE_SETUP(stable)
{
	static const char *const cache[] = {
		"memory_backed=1", "size=32", "irqmode=0", "cache_size=8", "fua=0", NULL,
	};
	static const char *const fua[] = {
		"memory_backed=1", "size=32", "irqmode=0", "cache_size=8", "fua=1", NULL,
	};
	struct tvm_rig_options options = {
		.cfg = variant->cfg, .disk = variant->fua ? fua : cache, .stopped = true,
	};

	tvm_rig_create(&self->rig, &options);
	self->vq = &self->rig.vqs[0];
	self->gpa = tvm_mem_alloc(&self->rig.mem, TVM_PAGE, TVM_PAGE);
	ASSERT_EQ(tvm_trace_open(&self->trace, "block", "block_rq_issue"), 0);
}

FIXTURE_TEARDOWN(stable)
{
	tvm_trace_close(&self->trace);
	tvm_rig_destroy(&self->rig);
}

static void start(struct stable_fixture *self, uint64_t features)
{
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	ASSERT_EQ(tvm_dev_features_set(&self->rig.dev, features |
				       tvm_config_features(&self->vq->cfg), 0), 0);
	tvm_queue_reset(self->vq);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
}

/* What the disk got for one request of the guest. */
struct seen {
	int64_t flushes;
	unsigned int fua;
};

static struct seen run(struct stable_fixture *self, uint32_t type)
{
	uint32_t len = type == VIRTIO_BLK_T_FLUSH ? 0 : 4096;
	struct seen seen = { 0 };

	tvm_trace_clear(&self->trace);
	seen.flushes = -tvm_disk_stat(&self->rig.disk, TVM_DISK_FLUSHES);
	EXPECT_EQ(tvm_blk_io(self->vq, type, 0, self->gpa, len), VIRTIO_BLK_S_OK);
	seen.flushes += tvm_disk_stat(&self->rig.disk, TVM_DISK_FLUSHES);
	/* A write with FUA: "WF" and more. */
	seen.fua = tvm_trace_count(&self->trace, " WF") + tvm_trace_count(&self->trace, " WSF");
	seen.fua += tvm_trace_count(&self->trace, " FWF");
	return seen;
}

static void check_unstable(struct stable_fixture *self)
{
	struct seen seen = run(self, VIRTIO_BLK_T_OUT);

	EXPECT_EQ(seen.flushes, 0);
	EXPECT_EQ(seen.fua, 0U);
}

/* By FUA where the disk has it, by a flush after the write elsewhere. */
static void check_stable(struct stable_fixture *self, bool fua)
{
	struct seen seen = run(self, VIRTIO_BLK_T_OUT);

	if (fua)
		EXPECT_EQ(seen.fua, 1U);
	else
		EXPECT_GE(seen.flushes, 1);
}

static void check_flush(struct stable_fixture *self)
{
	struct seen seen = run(self, VIRTIO_BLK_T_FLUSH);

	EXPECT_EQ(seen.flushes, 1);
}

TEST_F(stable, flush)
{
	start(self, TVM_BIT(VIRTIO_BLK_F_FLUSH));
	check_unstable(self);
	check_flush(self);
}

/* Case (a): a driver that can do neither never loses a write. */
TEST_F(stable, neither)
{
	start(self, 0);
	check_stable(self, variant->fua);
}

/* Case (b): the mode in the configuration space decides. */
TEST_F(stable, mode)
{
	const uint32_t offset = offsetof(struct virtio_blk_config, wce);
	struct seen seen = { 0 };
	uint8_t wce = 0;

	start(self, TVM_BIT(VIRTIO_BLK_F_FLUSH) | TVM_BIT(VIRTIO_BLK_F_CONFIG_WCE));
	check_unstable(self);
	/* What the cache holds becomes stable when it is switched off. */
	seen.flushes = -tvm_disk_stat(&self->rig.disk, TVM_DISK_FLUSHES);
	ASSERT_EQ(tvm_dev_config_set(&self->rig.dev, offset, &wce, 1), 0);
	seen.flushes += tvm_disk_stat(&self->rig.disk, TVM_DISK_FLUSHES);
	EXPECT_GE(seen.flushes, 1);
	check_stable(self, variant->fua);
	wce = 1;
	ASSERT_EQ(tvm_dev_config_set(&self->rig.dev, offset, &wce, 1), 0);
	check_unstable(self);
	check_flush(self);
}

/* Without FLUSH the mode starts with the cache off. */
TEST_F(stable, mode_without_flush)
{
	start(self, TVM_BIT(VIRTIO_BLK_F_CONFIG_WCE));
	check_stable(self, variant->fua);
}

/* The VMM may want no cache whatever the driver can do. */
TEST_F(stable, write_through)
{
	struct vha_blk_params params = { .flags = VHA_BLK_F_WRITE_THROUGH };

	ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, -1, 0), 0);
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_BLK_SET_PARAMS, &params), 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, self->rig.disk.fd, 0), 0);
	start(self, TVM_BIT(VIRTIO_BLK_F_FLUSH));
	check_stable(self, variant->fua);
	start(self, 0);
	check_stable(self, variant->fua);
}

/* How often the disk was flushed for zeroes that the guest asks for. */
static int64_t zero(struct stable_fixture *self)
{
	struct virtio_blk_discard_write_zeroes range = { .num_sectors = 8 };
	int64_t before = tvm_disk_stat(&self->rig.disk, TVM_DISK_FLUSHES);

	tvm_mem_write(&self->rig.mem, self->gpa, &range, sizeof(range));
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_WRITE_ZEROES, 0, self->gpa, sizeof(range)),
		  VIRTIO_BLK_S_OK);
	return tvm_disk_stat(&self->rig.disk, TVM_DISK_FLUSHES) - before;
}

/* Zeroes are a write like any other. */
TEST_F(stable, zeroes)
{
	start(self, TVM_BIT(VIRTIO_BLK_F_WRITE_ZEROES) | TVM_BIT(VIRTIO_BLK_F_FLUSH));
	EXPECT_EQ(zero(self), 0);
	start(self, TVM_BIT(VIRTIO_BLK_F_WRITE_ZEROES));
	EXPECT_GE(zero(self), 1);
}

/* Drivers before version 1 know a flush by another number as well. */
TEST_F(stable, legacy)
{
	const uint32_t flush_out = 5;

	start(self, TVM_BIT(VIRTIO_BLK_F_FLUSH));
	EXPECT_EQ(tvm_blk_io(self->vq, flush_out, 0, 0, 0), VIRTIO_BLK_S_UNSUPP);
	/* Packed rings came with version 1. */
	if (variant->cfg.packed)
		return;
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	ASSERT_EQ(tvm_dev_features_set(&self->rig.dev, TVM_BIT(VIRTIO_BLK_F_FLUSH) |
				       (tvm_config_features(&self->vq->cfg) &
					~TVM_BIT(VIRTIO_F_VERSION_1)), 0), 0);
	tvm_queue_reset(self->vq);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	check_unstable(self);
	check_flush(self);
	EXPECT_EQ(tvm_blk_io(self->vq, flush_out, 0, 0, 0), VIRTIO_BLK_S_OK);
	EXPECT_EQ(tvm_disk_stat(&self->rig.disk, TVM_DISK_FLUSHES), 2);
}

/* A descriptor for synchronous writes makes each write stable, whatever the driver says. */
TEST_F(stable, descriptor)
{
	int fd = open(self->rig.disk.path, O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, fd, 0), 0);
	close(fd);
	start(self, TVM_BIT(VIRTIO_BLK_F_FLUSH) | TVM_BIT(VIRTIO_BLK_F_CONFIG_WCE));
	check_stable(self, variant->fua);
	/* The next one is not. */
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, self->rig.disk.fd, 0), 0);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	check_unstable(self);
}

/* A file's flush goes through the file system to the disk. */
TEST_F(stable, file)
{
	struct seen seen;
	struct tvm_fs fs;
	int fd;

	ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, -1, 0), 0);
	ASSERT_EQ(tvm_fs_create(&fs, &self->rig.disk), 0);
	fd = tvm_fs_open(&fs, "disk", 1 << 20);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, fd, 0), 0);
	start(self, TVM_BIT(VIRTIO_BLK_F_FLUSH));
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, 0, self->gpa, 4096), VIRTIO_BLK_S_OK);
	EXPECT_GE(run(self, VIRTIO_BLK_T_FLUSH).flushes, 1);
	start(self, 0);
	/* The file system chooses how. */
	seen = run(self, VIRTIO_BLK_T_OUT);
	EXPECT_TRUE(seen.flushes || seen.fua);
	tvm_dev_close(&self->rig.dev);
	close(fd);
	EXPECT_EQ(tvm_fs_destroy(&fs), 0);
}

HARNESS_MAIN
