// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk: discard, write zeroes and secure erase
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tvm_fs.h"
#include "tvm_rig.h"

#define SEED		71
#define MIB		(1U << 20)

FIXTURE(range) {
	struct tvm_rig rig;
	struct tvm_fs fs;
	struct tvm_queue *vq;
	struct virtio_blk_config config;
	int fd;
	bool mounted;
	char *buf;
};

FIXTURE_VARIANT(range) {
	struct tvm_config cfg;
	bool file;
	bool write_through;
};

FIXTURE_VARIANT_ADD(range, bdev_split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(range, bdev_packed) { .cfg = { .packed = true, .event_idx = true } };
FIXTURE_VARIANT_ADD(range, bdev_stable)
	{ .cfg = { .event_idx = true }, .write_through = true };
FIXTURE_VARIANT_ADD(range, file_split) { .cfg = { .event_idx = true }, .file = true };
FIXTURE_VARIANT_ADD(range, file_packed)
	{ .cfg = { .packed = true, .event_idx = true }, .file = true };

static void fill(struct range_fixture *self)
{
	uint64_t at;

	for (at = 0; at < 8 * MIB; at += MIB) {
		tvm_pattern_fill(self->buf, MIB, SEED + at / MIB);
		ASSERT_EQ(pwrite(self->fd, self->buf, MIB, at), (ssize_t)MIB);
	}
}

FIXTURE_SETUP(range)
{
	static const char *const attrs[] = {
		"memory_backed=1", "size=32", "discard=1", "irqmode=1", NULL,
	};
	struct vha_blk_params params = {
		.flags = variant->write_through ? VHA_BLK_F_WRITE_THROUGH : 0,
	};
	struct tvm_rig_options options = {
		.cfg = variant->cfg, .disk = attrs, .params = &params,
		.features = TVM_BIT(VIRTIO_BLK_F_FLUSH),
	};

	options.stopped = true;
	tvm_rig_create(&self->rig, &options);
	self->vq = &self->rig.vqs[0];
	self->fd = self->rig.disk.fd;
	self->buf = aligned_alloc(TVM_PAGE, MIB);
	ASSERT_TRUE(self->buf);
	if (variant->file) {
		ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, -1, 0), 0);
		ASSERT_EQ(tvm_fs_create(&self->fs, &self->rig.disk), 0);
		self->mounted = true;
		self->fd = tvm_fs_open(&self->fs, "disk", 8 * MIB);
		ASSERT_GE(self->fd, 0);
		ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, self->fd, 0), 0);
	}
	options.features |= TVM_BIT(VIRTIO_BLK_F_DISCARD) | TVM_BIT(VIRTIO_BLK_F_WRITE_ZEROES);
	ASSERT_EQ(tvm_dev_features_set(&self->rig.dev, options.features |
				       tvm_config_features(&variant->cfg), 0), 0);
	ASSERT_EQ(tvm_dev_config_get(&self->rig.dev, 0, &self->config, sizeof(self->config)),
		  0);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	fill(self);
}

FIXTURE_TEARDOWN(range)
{
	tvm_dev_close(&self->rig.dev);
	if (self->mounted) {
		close(self->fd);
		EXPECT_EQ(tvm_fs_destroy(&self->fs), 0);
	}
	free(self->buf);
	tvm_rig_destroy(&self->rig);
}

static void range_set(struct virtio_blk_discard_write_zeroes *range, uint64_t sector,
		      uint32_t sectors)
{
	range->sector = sector;
	range->num_sectors = sectors;
	range->flags = 0;
}

static int run(struct range_fixture *self, uint32_t type,
	       const struct virtio_blk_discard_write_zeroes *ranges, unsigned int nr)
{
	uint64_t gpa = tvm_mem_alloc(&self->rig.mem, nr * sizeof(*ranges) + 1, 1);

	tvm_mem_write(&self->rig.mem, gpa, ranges, nr * sizeof(*ranges));
	return tvm_blk_io(self->vq, type, 0, gpa, nr * sizeof(*ranges));
}

/* Whether the MiB numbered @mib holds the pattern outside of [start, end). */
static bool kept(struct range_fixture *self, unsigned int mib, uint32_t start, uint32_t end)
{
	char *expect = malloc(MIB);
	bool same;

	tvm_pattern_fill(expect, MIB, SEED + mib);
	EXPECT_EQ(pread(self->fd, self->buf, MIB, (off_t)mib * MIB), (ssize_t)MIB);
	same = !memcmp(self->buf, expect, start) &&
	       !memcmp(self->buf + end, expect + end, MIB - end);
	free(expect);
	return same;
}

static bool zeroed(struct range_fixture *self, unsigned int mib, uint32_t start, uint32_t end)
{
	uint32_t i;

	EXPECT_EQ(pread(self->fd, self->buf, MIB, (off_t)mib * MIB), (ssize_t)MIB);
	for (i = start; i < end; i++) {
		if (self->buf[i])
			return false;
	}
	return true;
}

TEST_F(range, write_zeroes)
{
	struct virtio_blk_discard_write_zeroes range = { .sector = 8, .num_sectors = 24 };
	unsigned int unmap;

	for (unmap = 0; unmap < 2; unmap++) {
		fill(self);
		range.flags = unmap;
		EXPECT_EQ(run(self, VIRTIO_BLK_T_WRITE_ZEROES, &range, 1), VIRTIO_BLK_S_OK);
		EXPECT_TRUE(zeroed(self, 0, 8 * 512, 32 * 512));
		EXPECT_TRUE(kept(self, 0, 8 * 512, 32 * 512));
	}
	/* Not a multiple of a page. */
	range_set(&range, 2049, 5);
	EXPECT_EQ(run(self, VIRTIO_BLK_T_WRITE_ZEROES, &range, 1), VIRTIO_BLK_S_OK);
	EXPECT_TRUE(zeroed(self, 1, 512, 6 * 512));
	EXPECT_TRUE(kept(self, 1, 512, 6 * 512));
}

/* Longer than what is done at once, and longer than what is announced. */
TEST_F(range, long_zeroes)
{
	struct virtio_blk_discard_write_zeroes range = { .num_sectors = 24 * MIB / 512 };
	unsigned int mib;

	if (variant->file)
		ASSERT_EQ(ftruncate(self->fd, 32 * MIB), 0);
	for (mib = 15; mib < 26; mib++) {
		tvm_pattern_fill(self->buf, MIB, SEED + mib);
		ASSERT_EQ(pwrite(self->fd, self->buf, MIB, (off_t)mib * MIB), (ssize_t)MIB);
	}
	ASSERT_GE(self->config.max_write_zeroes_sectors, range.num_sectors);
	EXPECT_EQ(run(self, VIRTIO_BLK_T_WRITE_ZEROES, &range, 1), VIRTIO_BLK_S_OK);
	for (mib = 0; mib < 24; mib++)
		EXPECT_TRUE(zeroed(self, mib, 0, MIB));
	EXPECT_TRUE(kept(self, 24, MIB, MIB));
	EXPECT_TRUE(kept(self, 25, MIB, MIB));
}

TEST_F(range, too_long)
{
	struct virtio_blk_discard_write_zeroes range = { .flags = 1 };
	const uint64_t size = 3ULL << 30;

	/* Of the disks only a file is larger than the limit. */
	if (!variant->file)
		return;
	ASSERT_EQ(ftruncate(self->fd, size), 0);
	ASSERT_LT(self->config.max_write_zeroes_sectors, size / 512);
	range.num_sectors = self->config.max_write_zeroes_sectors + 8;
	EXPECT_EQ(run(self, VIRTIO_BLK_T_WRITE_ZEROES, &range, 1), VIRTIO_BLK_S_IOERR);
	EXPECT_TRUE(kept(self, 0, MIB, MIB));
	range.num_sectors -= 8;
	EXPECT_EQ(run(self, VIRTIO_BLK_T_WRITE_ZEROES, &range, 1), VIRTIO_BLK_S_OK);
	EXPECT_TRUE(zeroed(self, 0, 0, MIB));
}

TEST_F(range, discard)
{
	struct virtio_blk_discard_write_zeroes range = { .sector = 4096, .num_sectors = 2048 };

	EXPECT_EQ(run(self, VIRTIO_BLK_T_DISCARD, &range, 1), VIRTIO_BLK_S_OK);
	/* What was discarded may be anything; its neighbours may not. */
	EXPECT_TRUE(kept(self, 1, MIB, MIB));
	EXPECT_TRUE(kept(self, 3, MIB, MIB));
	if (!variant->file)
		EXPECT_GT(tvm_disk_stat(&self->rig.disk, TVM_DISK_DISCARDS), 0);
}

TEST_F(range, several)
{
	struct virtio_blk_discard_write_zeroes ranges[64];
	unsigned int i, nr = self->config.max_write_zeroes_seg;

	ASSERT_GE(nr, 1U);
	if (nr > 64)
		nr = 64;
	for (i = 0; i < nr; i++)
		range_set(&ranges[i], 2048 * (i % 8) + 64 * (i / 8), 8);
	EXPECT_EQ(run(self, VIRTIO_BLK_T_WRITE_ZEROES, ranges, nr), VIRTIO_BLK_S_OK);
	for (i = 0; i < nr; i++)
		EXPECT_TRUE(zeroed(self, i % 8, 64 * (i / 8) * 512, (64 * (i / 8) + 8) * 512));
	for (i = 0; i < 8; i++)
		EXPECT_TRUE(kept(self, i, 0, (nr + 7) / 8 * 64 * 512));
	/* The last one is bad: then none is done. */
	fill(self);
	ranges[nr - 1].sector = self->config.capacity;
	EXPECT_EQ(run(self, VIRTIO_BLK_T_WRITE_ZEROES, ranges, nr), VIRTIO_BLK_S_IOERR);
	EXPECT_TRUE(kept(self, 0, nr == 1 ? 0 : MIB, MIB));
}

TEST_F(range, bad)
{
	const uint64_t cap = self->config.capacity;
	const struct virtio_blk_discard_write_zeroes bad[] = {
		{ .sector = cap, .num_sectors = 8 },
		{ .sector = cap - 4, .num_sectors = 8 },
		{ .sector = ~0ULL, .num_sectors = 8 },
		{ .sector = ~0ULL - 3, .num_sectors = 8 },
		{ .sector = 1ULL << 55, .num_sectors = 8 },
		{ .sector = 0, .num_sectors = ~0U },
	};
	struct virtio_blk_discard_write_zeroes flags = { .sector = 0, .num_sectors = 8 };
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(run(self, VIRTIO_BLK_T_WRITE_ZEROES, &bad[i], 1), VIRTIO_BLK_S_IOERR);
		EXPECT_EQ(run(self, VIRTIO_BLK_T_DISCARD, &bad[i], 1), VIRTIO_BLK_S_IOERR);
	}
	flags.flags = 1;
	EXPECT_EQ(run(self, VIRTIO_BLK_T_DISCARD, &flags, 1), VIRTIO_BLK_S_UNSUPP);
	for (i = 1; i < 32; i++) {
		flags.flags = 1U << i;
		EXPECT_EQ(run(self, VIRTIO_BLK_T_DISCARD, &flags, 1), VIRTIO_BLK_S_UNSUPP);
		EXPECT_EQ(run(self, VIRTIO_BLK_T_WRITE_ZEROES, &flags, 1), VIRTIO_BLK_S_UNSUPP);
	}
	for (i = 0; i < 8; i++)
		EXPECT_TRUE(kept(self, i, MIB, MIB));
}

TEST_F(range, length)
{
	static const uint32_t bad[] = { 0, 1, 8, 15, 17, 24, 31 };
	uint64_t gpa = tvm_mem_alloc(&self->rig.mem, TVM_PAGE, 8);
	unsigned int i, nr = self->config.max_discard_seg + 1;
	struct virtio_blk_discard_write_zeroes *ranges = calloc(nr, sizeof(*ranges));

	tvm_mem_fill(&self->rig.mem, gpa, 0, TVM_PAGE);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_DISCARD, 0, gpa, bad[i]),
			  VIRTIO_BLK_S_IOERR);
		EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_WRITE_ZEROES, 0, gpa, bad[i]),
			  VIRTIO_BLK_S_IOERR);
	}
	for (i = 0; i < nr; i++)
		ranges[i].num_sectors = 8;
	EXPECT_EQ(run(self, VIRTIO_BLK_T_DISCARD, ranges, nr), VIRTIO_BLK_S_IOERR);
	for (i = 0; i < 8; i++)
		EXPECT_TRUE(kept(self, i, MIB, MIB));
	free(ranges);
}

/* Not negotiated, they do not exist. */
TEST_F(range, not_negotiated)
{
	static const uint32_t types[] = {
		VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_T_SECURE_ERASE,
	};
	struct virtio_blk_discard_write_zeroes range = { .sector = 0, .num_sectors = 8 };
	unsigned int i;

	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	ASSERT_EQ(tvm_dev_features_set(&self->rig.dev, tvm_config_features(&variant->cfg), 0),
		  0);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(run(self, types[i], &range, 1), VIRTIO_BLK_S_UNSUPP);
	EXPECT_TRUE(kept(self, 0, MIB, MIB));
}

/* Zeroes that take an hour, by the timer of the disk, under way when this returns. */
static void begin_for_an_hour(struct tvm_rig *rig)
{
	static const char *const slow[] = {
		"memory_backed=1", "size=64", "irqmode=2", "completion_nsec=50000000",
		"hw_queue_depth=1", "max_sectors=256", NULL,
	};
	struct tvm_rig_options options = {
		.disk = slow, .features = TVM_BIT(VIRTIO_BLK_F_WRITE_ZEROES),
	};
	struct virtio_blk_discard_write_zeroes ranges[256];
	struct tvm_seg data = { .len = sizeof(ranges) };
	struct virtio_blk_config config;
	struct tvm_blk_req req;
	unsigned int i;

	tvm_rig_create(rig, &options);
	ASSERT_EQ(tvm_dev_config_get(&rig->dev, 0, &config, 60), 0);
	ASSERT_EQ(config.max_write_zeroes_seg, 256U);
	for (i = 0; i < 256; i++)
		range_set(&ranges[i], 0, config.max_write_zeroes_sectors);
	data.gpa = tvm_mem_alloc(&rig->mem, sizeof(ranges), 16);
	tvm_mem_write(&rig->mem, data.gpa, ranges, sizeof(ranges));
	tvm_blk_req_init(&req, &rig->mem);
	req.type = VIRTIO_BLK_T_WRITE_ZEROES;
	req.data = &data;
	req.nr = 1;
	ASSERT_GE(tvm_blk_submit(&rig->vqs[0], &req, NULL, 0), 0);
	tvm_queue_kick(&rig->vqs[0]);
	while (!tvm_disk_stat(&rig->disk, TVM_DISK_WRITES))
		usleep(1000);
}

/* Who closes the device does not wait for them. */
TEST(close_meanwhile)
{
	struct tvm_rig rig;

	begin_for_an_hour(&rig);
	tvm_dev_close(&rig.dev);
	tvm_rig_destroy(&rig);
}

/* One letter, as ps has it. */
static char state_of(pid_t pid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (file)
		fclose(file);
	return state;
}

/* Nor does who is killed while it waits for them to end. */
TEST(kill_meanwhile)
{
	struct tvm_disk *disk = mmap(NULL, sizeof(*disk), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;
	char c;
	int ready[2];

	ASSERT_NE(disk, MAP_FAILED);
	ASSERT_EQ(pipe(ready), 0);
	fflush(stdout);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		static struct tvm_rig rig;

		begin_for_an_hour(&rig);
		*disk = rig.disk;
		ASSERT_EQ(write(ready[1], "x", 1), 1);
		tvm_queue_stop(&rig.vqs[0], NULL);
		_exit(0);
	}
	close(ready[1]);
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	while (state_of(pid) != 'D')
		usleep(1000);
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFSIGNALED(status));
	disk->fd = -1;
	tvm_disk_destroy(disk);
}

/* Cut like any other request: the ranges are data. */
TEST_F(range, framing)
{
	struct tvm_blk_req req;
	struct tvm_seg data;
	struct virtio_blk_discard_write_zeroes range;
	unsigned int i;

	for (i = 0; i < tvm_cuts_nr; i++) {
		fill(self);
		range_set(&range, 16, 8);
		tvm_blk_req_init(&req, &self->rig.mem);
		req.header = tvm_mem_alloc(&self->rig.mem, 64, 1);
		data = (struct tvm_seg){ req.header + TVM_BLK_HEADER, sizeof(range) };
		tvm_mem_write(&self->rig.mem, data.gpa, &range, sizeof(range));
		req.type = VIRTIO_BLK_T_WRITE_ZEROES;
		req.data = &data;
		req.nr = 1;
		EXPECT_EQ(tvm_blk_run(self->vq, &req, &tvm_cuts[i], TVM_ADD_INDIRECT),
			  VIRTIO_BLK_S_OK);
		EXPECT_EQ(req.used.len, 1U);
		EXPECT_TRUE(zeroed(self, 0, 16 * 512, 24 * 512));
		EXPECT_TRUE(kept(self, 0, 16 * 512, 24 * 512));
	}
}

HARNESS_MAIN
