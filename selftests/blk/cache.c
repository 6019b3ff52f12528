// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk: what the host's page cache holds of the disk is neither lost nor stale
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tvm_rig.h"

#define SEED		85
#define LEN		4096
#define SECTOR		8
#define AT		(SECTOR * 512)
#define WAIT_MS		20000

FIXTURE(cache) {
	struct tvm_rig rig;
	struct tvm_queue *vq;
	uint64_t gpa;
	char *mem;
	char mapper[32];
	char gate[32];
};

FIXTURE_VARIANT(cache) {
	struct tvm_config cfg;
};

TVM_RIG_TWO_FORMATS(cache);

FIXTURE_SETUP(cache)
{
	struct tvm_rig_options options = {
		.cfg = variant->cfg, .features = TVM_BIT(VIRTIO_BLK_F_FLUSH),
	};

	tvm_rig_create(&self->rig, &options);
	self->vq = &self->rig.vqs[0];
	self->gpa = tvm_mem_alloc(&self->rig.mem, LEN, TVM_PAGE);
	self->mem = tvm_mem_ptr(&self->rig.mem, self->gpa, LEN);
	snprintf(self->mapper, sizeof(self->mapper), "vhatest%d", getpid());
	snprintf(self->gate, sizeof(self->gate), "vhatest%d-gate", getpid());
}

static int mapper(const char *verb, const char *name, const char *table)
{
	char line[256];

	snprintf(line, sizeof(line), "dmsetup %s %s%s%s%s", verb, name,
		 table ? " --table '" : "", table ? table : "", table ? "'" : "");
	return system(line);
}

FIXTURE_TEARDOWN(cache)
{
	char line[256];

	/* Whatever waits there has to end before the device can be closed. */
	snprintf(line, sizeof(line), "dmsetup resume %s >/dev/null 2>&1", self->gate);
	EXPECT_NE(system(line), -1);
	tvm_dev_close(&self->rig.dev);
	snprintf(line, sizeof(line), "dmsetup remove -f %s %s >/dev/null 2>&1", self->mapper,
		 self->gate);
	EXPECT_NE(system(line), -1);
	tvm_rig_destroy(&self->rig);
}

static void replace(struct cache_fixture *self, int fd)
{
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, fd, 0), 0);
	if (fd >= 0)
		ASSERT_EQ(tvm_queue_start(self->vq), 0);
}

/* Through the host's cache. */
static void host_write(int fd, uint64_t seed)
{
	char buf[LEN];

	tvm_pattern_fill(buf, LEN, seed);
	ASSERT_EQ(pwrite(fd, buf, LEN, AT), (ssize_t)LEN);
}

static bool host_reads(int fd, uint64_t seed)
{
	char buf[LEN];

	ASSERT_EQ(pread(fd, buf, LEN, AT), (ssize_t)LEN);
	return tvm_pattern_check(buf, LEN, seed);
}

static int guest(struct cache_fixture *self, uint32_t type)
{
	return tvm_blk_io(self->vq, type, SECTOR, self->gpa, LEN);
}

TEST_F(cache, in_turn)
{
	int cached = open(self->rig.disk.path, O_RDWR | O_CLOEXEC);

	ASSERT_GE(cached, 0);
	host_write(cached, SEED);
	replace(self, self->rig.disk.fd);
	EXPECT_EQ(guest(self, VIRTIO_BLK_T_IN), VIRTIO_BLK_S_OK);
	EXPECT_TRUE(tvm_pattern_check(self->mem, LEN, SEED));
	/* While the disk is in use, too. */
	host_write(cached, SEED + 1);
	EXPECT_EQ(guest(self, VIRTIO_BLK_T_IN), VIRTIO_BLK_S_OK);
	EXPECT_TRUE(tvm_pattern_check(self->mem, LEN, SEED + 1));
	tvm_pattern_fill(self->mem, LEN, SEED + 2);
	EXPECT_EQ(guest(self, VIRTIO_BLK_T_OUT), VIRTIO_BLK_S_OK);
	EXPECT_TRUE(host_reads(cached, SEED + 2));
	close(cached);
}

/* A disk whose writes wait while the gate is closed, and whose reads do not. */
static int gated_open(struct cache_fixture *self)
{
	const char *path = self->rig.disk.path;
	char table[128];
	int fd;

	snprintf(table, sizeof(table), "0 65536 linear %s 0", path);
	ASSERT_EQ(mapper("create", self->gate, table), 0);
	snprintf(table, sizeof(table), "0 65536 delay %s 0 0 /dev/mapper/%s 0 0", path,
		 self->gate);
	ASSERT_EQ(mapper("create", self->mapper, table), 0);
	snprintf(table, sizeof(table), "/dev/mapper/%s", self->mapper);
	fd = open(table, O_RDWR | O_DIRECT | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	return fd;
}

/* How many requests the block device has not answered. */
static unsigned int in_flight(int fd)
{
	unsigned int reads = 0, writes = 0;
	struct stat stat;
	char path[64];
	FILE *file;

	ASSERT_EQ(fstat(fd, &stat), 0);
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/inflight", major(stat.st_rdev),
		 minor(stat.st_rdev));
	file = fopen(path, "re");
	ASSERT_TRUE(file);
	ASSERT_EQ(fscanf(file, "%u %u", &reads, &writes), 2);
	fclose(file);
	return reads + writes;
}

/* Somebody has the page in use, who got it from the host's cache. */
static void hold_page(int fd)
{
	loff_t at = AT;
	int ends[2];

	ASSERT_EQ(pipe(ends), 0);
	ASSERT_EQ(splice(fd, &at, ends[1], NULL, LEN, 0), (ssize_t)LEN);
}

/* What the host reads while a write is on its way it does not go on to believe. */
TEST_F(cache, detach)
{
	struct tvm_seg data = { self->gpa, LEN };
	struct tvm_blk_req req;
	struct tvm_used used;
	int fd, cached;
	char path[64];

	replace(self, -1);
	fd = gated_open(self);
	snprintf(path, sizeof(path), "/dev/mapper/%s", self->mapper);
	cached = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_GE(cached, 0);
	host_write(cached, SEED);
	ASSERT_EQ(fsync(cached), 0);
	replace(self, fd);

	tvm_pattern_fill(self->mem, LEN, SEED + 1);
	ASSERT_EQ(mapper("suspend", self->gate, NULL), 0);
	tvm_blk_req_init(&req, &self->rig.mem);
	req.type = VIRTIO_BLK_T_OUT;
	req.sector = SECTOR;
	req.data = &data;
	req.nr = 1;
	ASSERT_GE(tvm_blk_submit(self->vq, &req, NULL, 0), 0);
	tvm_queue_kick(self->vq);
	while (!in_flight(fd))
		usleep(1000);
	EXPECT_TRUE(host_reads(cached, SEED));
	hold_page(cached);
	ASSERT_EQ(mapper("resume", self->gate, NULL), 0);
	ASSERT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
	tvm_blk_finish(self->vq, &req, &used);
	EXPECT_EQ(req.result, VIRTIO_BLK_S_OK);

	replace(self, -1);
	EXPECT_TRUE(host_reads(cached, SEED + 1));
	close(cached);
	close(fd);
}

HARNESS_MAIN
