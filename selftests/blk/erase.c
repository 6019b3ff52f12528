// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk: secure erase, on the disk of kunit/eraser.c
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tvm_host.h"
#include "tvm_rig.h"

#define SEED		131
#define MIB		(1U << 20)
#define ERASED		0xa5
#define PARAMETERS	"/sys/module/eraser/parameters/"

static const struct tvm_host_kind eraser = {
	.name = "eraser",
	.module = "eraser",
	.make = "echo /dev/eraser",
	.undo = "for i in $(seq 50); do modprobe -r eraser && exit 0; sleep .1; done; exit 1",
};

FIXTURE(erase) {
	struct tvm_mem mem;
	struct tvm_dev dev;
	struct tvm_queue vq;
	struct virtio_blk_config config;
	bool made;
	char *buf;
	int fd;
};

FIXTURE_VARIANT(erase) {
	struct tvm_config cfg;
};

TVM_RIG_TWO_FORMATS(erase);

static void fill(struct erase_fixture *self)
{
	unsigned int mib;

	for (mib = 0; mib < 8; mib++) {
		tvm_pattern_fill(self->buf, MIB, SEED + mib);
		ASSERT_EQ(pwrite(self->fd, self->buf, MIB, (off_t)mib * MIB), (ssize_t)MIB);
	}
}

FIXTURE_SETUP(erase)
{
	uint64_t offered[2];
	char path[64];
	int ret;

	self->fd = -1;
	self->dev.fd = -1;
	ret = tvm_host_make(&eraser, path, sizeof(path));
	if (ret == -ENODEV)
		SKIP("no disk that takes secure erase: the eraser module comes with KUnit");
	ASSERT_EQ(ret, 0);
	self->made = true;
	self->fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	self->buf = aligned_alloc(TVM_PAGE, MIB);
	ASSERT_TRUE(self->buf);
	tvm_mem_create_default(&self->mem);
	ASSERT_EQ(tvm_dev_setup(&self->dev, tvm_rig_node(), &self->mem, self->fd, 0), 0);
	ASSERT_EQ(tvm_dev_features_get(&self->dev, offered), 0);
	ASSERT_TRUE(offered[0] & TVM_BIT(VIRTIO_BLK_F_SECURE_ERASE));
	ASSERT_EQ(tvm_dev_features_set(&self->dev, tvm_config_features(&variant->cfg) |
				       TVM_BIT(VIRTIO_BLK_F_SECURE_ERASE), 0), 0);
	ASSERT_EQ(tvm_dev_config_get(&self->dev, 0, &self->config, sizeof(self->config)), 0);
	ASSERT_EQ(tvm_queue_init(&self->vq, &self->dev, 0, 128, &variant->cfg), 0);
	ASSERT_EQ(tvm_queue_start(&self->vq), 0);
	fill(self);
}

FIXTURE_TEARDOWN(erase)
{
	tvm_dev_close(&self->dev);
	tvm_queue_destroy(&self->vq);
	if (self->fd >= 0)
		close(self->fd);
	/* Nothing of ours keeps the disk in use. */
	if (self->made)
		EXPECT_EQ(tvm_host_undo(&eraser, "/dev/eraser"), 0);
	free(self->buf);
	tvm_mem_destroy(&self->mem);
}

static unsigned long bios(void)
{
	FILE *file = fopen(PARAMETERS "erases", "r");
	unsigned long nr = 0;

	EXPECT_TRUE(file && fscanf(file, "%lu", &nr) == 1);
	if (file)
		fclose(file);
	return nr;
}

static void fail_at(unsigned long sector)
{
	FILE *file = fopen(PARAMETERS "fail", "w");

	ASSERT_TRUE(file);
	fprintf(file, "%lu", sector);
	ASSERT_EQ(fclose(file), 0);
}

static int run(struct erase_fixture *self,
	       const struct virtio_blk_discard_write_zeroes *ranges, unsigned int nr)
{
	uint64_t gpa = tvm_mem_alloc(&self->mem, nr * sizeof(*ranges) + 1, 1);

	tvm_mem_write(&self->mem, gpa, ranges, nr * sizeof(*ranges));
	return tvm_blk_io(&self->vq, VIRTIO_BLK_T_SECURE_ERASE, 0, gpa, nr * sizeof(*ranges));
}

/* Whether of the MiB numbered @mib exactly [start, end) is erased. */
static bool erased(struct erase_fixture *self, unsigned int mib, uint32_t start, uint32_t end)
{
	char *expect = malloc(MIB);
	bool same;

	tvm_pattern_fill(expect, MIB, SEED + mib);
	memset(expect + start, ERASED, end - start);
	EXPECT_EQ(pread(self->fd, self->buf, MIB, (off_t)mib * MIB), (ssize_t)MIB);
	same = !memcmp(self->buf, expect, MIB);
	free(expect);
	return same;
}

TEST_F(erase, config)
{
	/* The disk takes 1024 sectors at a time, of which a driver is to make one request. */
	EXPECT_EQ(self->config.max_secure_erase_sectors, 1024U);
	EXPECT_GE(self->config.max_secure_erase_seg, 1U);
	/* That of its granularity, 4096 bytes, in sectors. */
	EXPECT_EQ(self->config.secure_erase_sector_alignment, 8U);
}

TEST_F(erase, erases)
{
	struct virtio_blk_discard_write_zeroes ranges[] = {
		{ .sector = 8, .num_sectors = 16 },
		{ .sector = 2048, .num_sectors = 1024 },
		{ .sector = 2048 * 8 - 8, .num_sectors = 8 },
	};
	unsigned long before = bios();

	EXPECT_EQ(run(self, ranges, 3), VIRTIO_BLK_S_OK);
	EXPECT_EQ(bios() - before, 3UL);
	EXPECT_TRUE(erased(self, 0, 8 * 512, 24 * 512));
	EXPECT_TRUE(erased(self, 1, 0, MIB / 2));
	EXPECT_TRUE(erased(self, 2, 0, 0));
	EXPECT_TRUE(erased(self, 7, MIB - 4096, MIB));
}

/* What a range may not be; then of its neighbours nothing is erased either. */
TEST_F(erase, bad)
{
	const struct virtio_blk_discard_write_zeroes bad[] = {
		{ .sector = 2048 * 8, .num_sectors = 8 },
		{ .sector = 2048 * 8 - 4, .num_sectors = 8 },
		{ .sector = ~0ULL - 3, .num_sectors = 8 },
		{ .sector = 0, .num_sectors = 1025 },
	};
	struct virtio_blk_discard_write_zeroes ranges[2] = { { .num_sectors = 8 } };
	unsigned long before = bios();
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ranges[1] = bad[i];
		EXPECT_EQ(run(self, ranges, 2), VIRTIO_BLK_S_IOERR);
	}
	/* Neither of the flags is one of secure erase. */
	for (i = 0; i < 32; i++) {
		ranges[1] = ranges[0];
		ranges[1].flags = 1U << i;
		EXPECT_EQ(run(self, ranges, 2), VIRTIO_BLK_S_UNSUPP);
	}
	EXPECT_EQ(bios(), before);
	EXPECT_TRUE(erased(self, 0, 0, 0));
}

TEST_F(erase, fails)
{
	struct virtio_blk_discard_write_zeroes range = { .sector = 16, .num_sectors = 64 };

	fail_at(40);
	EXPECT_EQ(run(self, &range, 1), VIRTIO_BLK_S_IOERR);
	EXPECT_TRUE(erased(self, 0, 0, 0));
	fail_at(80);
	EXPECT_EQ(run(self, &range, 1), VIRTIO_BLK_S_OK);
	EXPECT_TRUE(erased(self, 0, 16 * 512, 80 * 512));
	fail_at(~0UL);
}

TEST_F(erase, read_only)
{
	struct virtio_blk_discard_write_zeroes range = { .num_sectors = 8 };
	int fd = open("/dev/eraser", O_RDONLY | O_DIRECT | O_CLOEXEC);
	uint64_t offered[2];

	ASSERT_GE(fd, 0);
	ASSERT_EQ(tvm_queue_stop(&self->vq, NULL), 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->dev, -1, 0), 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->dev, fd, 0), 0);
	close(fd);
	ASSERT_EQ(tvm_dev_features_get(&self->dev, offered), 0);
	EXPECT_FALSE(offered[0] & TVM_BIT(VIRTIO_BLK_F_SECURE_ERASE));
	ASSERT_EQ(tvm_queue_start(&self->vq), 0);
	EXPECT_NE(run(self, &range, 1), VIRTIO_BLK_S_OK);
	EXPECT_TRUE(erased(self, 0, 0, 0));
}

HARNESS_MAIN
