// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk: kinds of block devices that people have
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/fs.h>

#include "tvm_host.h"
#include "tvm_rig.h"

#define MIB		(1U << 20)
#define SEED		91
#define REQUESTS	32
#define WAIT_MS		20000

FIXTURE(kinds) {
	const struct tvm_host_kind *kind;
	struct tvm_mem mem;
	struct tvm_dev dev;
	struct tvm_queue vq;
	char path[64];
	uint64_t size;
	int fd;
};

FIXTURE_VARIANT(kinds) {
	const char *name;
	struct tvm_config cfg;
};

#define KIND(id, text)								\
	FIXTURE_VARIANT_ADD(kinds, id##_split)					\
		{ .name = text, .cfg = { .event_idx = true } };			\
	FIXTURE_VARIANT_ADD(kinds, id##_packed)					\
		{ .name = text, .cfg = { .packed = true, .event_idx = true } }

KIND(loop, "loop");
KIND(brd, "brd");
KIND(zram, "zram");
KIND(nbd, "nbd");
KIND(nvme_tcp, "nvme-tcp");

static void backing_make(struct kinds_fixture *self, const char *name)
{
	unsigned int i;
	int ret;

	for (i = 0; i < tvm_host_kinds_nr; i++) {
		if (!strcmp(tvm_host_kinds[i].name, name))
			self->kind = &tvm_host_kinds[i];
	}
	ASSERT_TRUE(self->kind);
	ret = tvm_host_make(self->kind, self->path, sizeof(self->path));
	if (ret == -ENODEV) {
		self->kind = NULL;
		SKIP("the kernel has no %s", name);
	}
	ASSERT_EQ(ret, 0);
	self->fd = open(self->path, O_RDWR | O_DIRECT | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(ioctl(self->fd, BLKGETSIZE64, &self->size), 0);
}

FIXTURE_SETUP(kinds)
{
	uint64_t features = tvm_config_features(&variant->cfg), offered[2];

	self->fd = -1;
	self->dev.fd = -1;
	backing_make(self, variant->name);
	tvm_mem_create_default(&self->mem);
	ASSERT_EQ(tvm_dev_setup(&self->dev, tvm_rig_node(), &self->mem, self->fd, 0), 0);
	ASSERT_EQ(tvm_dev_features_get(&self->dev, offered), 0);
	features |= offered[0] & (TVM_BIT(VIRTIO_BLK_F_FLUSH) | TVM_BIT(VIRTIO_BLK_F_DISCARD) |
				  TVM_BIT(VIRTIO_BLK_F_WRITE_ZEROES));
	ASSERT_EQ(tvm_dev_features_set(&self->dev, features, 0), 0);
	ASSERT_EQ(tvm_queue_init(&self->vq, &self->dev, 0, 128, &variant->cfg), 0);
	ASSERT_EQ(tvm_queue_start(&self->vq), 0);
}

FIXTURE_TEARDOWN(kinds)
{
	tvm_dev_close(&self->dev);
	tvm_queue_destroy(&self->vq);
	if (self->fd >= 0)
		close(self->fd);
	/* Nothing of ours keeps the device in use. */
	if (self->kind)
		EXPECT_EQ(tvm_host_undo(self->kind, self->path), 0);
	tvm_mem_destroy(&self->mem);
}

/* Many requests at once, of random sizes at random, disjoint places. */
static void run_many(struct kinds_fixture *self, uint32_t type, const struct tvm_seg *data)
{
	static struct tvm_blk_req reqs[REQUESTS];
	struct tvm_used used;
	unsigned int i;

	for (i = 0; i < REQUESTS; i++) {
		tvm_blk_req_init(&reqs[i], &self->mem);
		reqs[i].type = type;
		reqs[i].data_in = type == VIRTIO_BLK_T_IN;
		reqs[i].data = &data[i];
		reqs[i].nr = 1;
		reqs[i].sector = (self->size / REQUESTS * i) / 4096 * 8;
		ASSERT_GE(tvm_blk_submit(&self->vq, &reqs[i], NULL, 0), 0);
	}
	tvm_queue_kick(&self->vq);
	for (i = 0; i < REQUESTS; i++) {
		ASSERT_EQ(tvm_queue_wait(&self->vq, &used, harness_scaled(WAIT_MS)), 0);
		tvm_blk_finish(&self->vq, used.cookie, &used);
	}
	for (i = 0; i < REQUESTS; i++) {
		EXPECT_EQ(reqs[i].result, VIRTIO_BLK_S_OK);
		if (reqs[i].used.len_known)
			EXPECT_EQ(reqs[i].used.len, reqs[i].data_in ? data[i].len + 1 : 1U);
	}
}

TEST_F(kinds, data)
{
	struct tvm_seg data[REQUESTS];
	char *buf = aligned_alloc(TVM_PAGE, MIB);
	unsigned int i, shift;

	srand(SEED);
	for (shift = 0; shift < 2; shift++) {
		for (i = 0; i < REQUESTS; i++) {
			data[i].gpa = tvm_mem_alloc(&self->mem, 512 * 1024, 4096) + shift;
			data[i].len = 4096 * (1 + rand() % 64);
			tvm_pattern_fill(tvm_mem_ptr(&self->mem, data[i].gpa, data[i].len),
					 data[i].len, SEED + i + shift);
		}
		run_many(self, VIRTIO_BLK_T_OUT, data);
		EXPECT_EQ(tvm_blk_io(&self->vq, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
		for (i = 0; i < REQUESTS; i++) {
			off_t at = (self->size / REQUESTS * i) / 4096 * 4096;

			ASSERT_EQ(pread(self->fd, buf, data[i].len, at), (ssize_t)data[i].len);
			EXPECT_TRUE(tvm_pattern_check(buf, data[i].len, SEED + i + shift));
			tvm_mem_fill(&self->mem, data[i].gpa, 0, data[i].len);
		}
		run_many(self, VIRTIO_BLK_T_IN, data);
		for (i = 0; i < REQUESTS; i++)
			EXPECT_TRUE(tvm_pattern_check(tvm_mem_ptr(&self->mem, data[i].gpa,
								  data[i].len),
						      data[i].len, SEED + i + shift));
	}
	free(buf);
}

TEST_F(kinds, write_zeroes)
{
	struct virtio_blk_discard_write_zeroes range = { .sector = 8, .num_sectors = 16 };
	uint64_t gpa = tvm_mem_alloc(&self->mem, 65536, 4096);
	char *mem = tvm_mem_ptr(&self->mem, gpa, 65536);
	unsigned int i;

	if (!(self->dev.features[0] & TVM_BIT(VIRTIO_BLK_F_WRITE_ZEROES)))
		SKIP("%s can not write zeroes", self->kind->name);
	tvm_pattern_fill(mem, 65536, SEED);
	ASSERT_EQ(tvm_blk_io(&self->vq, VIRTIO_BLK_T_OUT, 0, gpa, 65536), VIRTIO_BLK_S_OK);
	tvm_mem_write(&self->mem, gpa, &range, sizeof(range));
	ASSERT_EQ(tvm_blk_io(&self->vq, VIRTIO_BLK_T_WRITE_ZEROES, 0, gpa, sizeof(range)),
		  VIRTIO_BLK_S_OK);
	ASSERT_EQ(tvm_blk_io(&self->vq, VIRTIO_BLK_T_IN, 8, gpa, 8192), VIRTIO_BLK_S_OK);
	for (i = 0; i < 8192; i++)
		EXPECT_EQ(mem[i], 0);
}

HARNESS_MAIN
