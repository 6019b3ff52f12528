// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk: kinds of backing objects, and backing objects that fail or go away
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include <linux/fs.h>

#include "tvm_fs.h"
#include "tvm_rig.h"

#define SEED		81
#define IN_FLIGHT	16
#define WAIT_MS		20000
#define MIB		(1U << 20)

FIXTURE(backing) {
	struct tvm_rig rig;
	struct tvm_queue *vq;
	uint64_t gpa;
	char mapper[32];
};

FIXTURE_VARIANT(backing) {
	struct tvm_config cfg;
};

TVM_RIG_TWO_FORMATS(backing);

FIXTURE_SETUP(backing)
{
	struct tvm_rig_options options = {
		.cfg = variant->cfg, .features = TVM_BIT(VIRTIO_BLK_F_FLUSH),
	};

	tvm_rig_create(&self->rig, &options);
	self->vq = &self->rig.vqs[0];
	self->gpa = tvm_mem_alloc(&self->rig.mem, 4 * MIB, TVM_PAGE);
	snprintf(self->mapper, sizeof(self->mapper), "vhatest%d", getpid());
}

static int command(const char *fmt, const char *a, const char *b)
{
	char line[256];

	snprintf(line, sizeof(line), fmt, a, b);
	return system(line);
}

FIXTURE_TEARDOWN(backing)
{
	tvm_dev_close(&self->rig.dev);
	command("dmsetup remove -f %s%s >/dev/null 2>&1", self->mapper, "");
	tvm_rig_destroy(&self->rig);
}

static void replace(struct backing_fixture *self, int fd)
{
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, fd, 0), 0);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
}

static void check_data(struct backing_fixture *self, int fd)
{
	char *mem = tvm_mem_ptr(&self->rig.mem, self->gpa, MIB);
	char *buf = aligned_alloc(TVM_PAGE, MIB);
	unsigned int shift;

	for (shift = 0; shift < 3; shift++) {
		tvm_pattern_fill(mem + shift, MIB / 2, SEED + shift);
		EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, 8, self->gpa + shift, MIB / 2),
			  VIRTIO_BLK_S_OK);
		EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
		ASSERT_EQ(pread(fd, buf, MIB / 2, 4096), (ssize_t)MIB / 2);
		EXPECT_TRUE(tvm_pattern_check(buf, MIB / 2, SEED + shift));
		memset(mem, 0, MIB);
		EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 8, self->gpa + shift, MIB / 2),
			  VIRTIO_BLK_S_OK);
		EXPECT_TRUE(tvm_pattern_check(mem + shift, MIB / 2, SEED + shift));
	}
	free(buf);
}

/* Modes of null_blk: by bio, by request; one that completes in each context. */
TEST_F(backing, null_blk)
{
	static const char *const kinds[][6] = {
		{ "memory_backed=1", "size=8", "queue_mode=0", NULL },
		{ "memory_backed=1", "size=8", "queue_mode=2", "irqmode=0", NULL },
		{ "memory_backed=1", "size=8", "queue_mode=2", "irqmode=1", NULL },
		{ "memory_backed=1", "size=8", "queue_mode=2", "irqmode=2", NULL },
		{ "memory_backed=1", "size=8", "blocking=1", "cache_size=2", NULL },
		{ "memory_backed=1", "size=8", "max_sectors=8", NULL },
	};
	struct tvm_disk disk;
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		ASSERT_EQ(tvm_disk_create(&disk, kinds[i]), 0);
		replace(self, disk.fd);
		check_data(self, disk.fd);
		replace(self, self->rig.disk.fd);
		tvm_disk_destroy(&disk);
	}
}

TEST_F(backing, file)
{
	static const char *const attrs[] = { "memory_backed=1", "size=64", NULL };
	struct tvm_disk disk;
	struct tvm_fs fs;
	int fd;

	ASSERT_EQ(tvm_disk_create(&disk, attrs), 0);
	ASSERT_EQ(tvm_fs_create(&fs, &disk), 0);
	fd = tvm_fs_open(&fs, "disk", 4 * MIB);
	ASSERT_GE(fd, 0);
	replace(self, fd);
	check_data(self, fd);
	replace(self, self->rig.disk.fd);
	close(fd);
	/* Detaching let go of the file. */
	EXPECT_EQ(tvm_fs_destroy(&fs), 0);
	tvm_disk_destroy(&disk);
}

/* A file system that runs full while the guest writes. */
TEST_F(backing, file_full)
{
	static const char *const attrs[] = { "memory_backed=1", "size=8", NULL };
	struct tvm_disk disk;
	struct tvm_fs fs;
	unsigned int i, failed = 0;
	int fd, status;

	ASSERT_EQ(tvm_disk_create(&disk, attrs), 0);
	ASSERT_EQ(tvm_fs_create(&fs, &disk), 0);
	fd = tvm_fs_open(&fs, "disk", 32 * MIB);
	ASSERT_GE(fd, 0);
	replace(self, fd);
	for (i = 0; i < 32; i++) {
		status = tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, i * 2048ULL, self->gpa, MIB);
		EXPECT_TRUE(status == VIRTIO_BLK_S_OK || status == VIRTIO_BLK_S_IOERR);
		failed += status == VIRTIO_BLK_S_IOERR;
	}
	EXPECT_GE(failed, 16U);
	/* Truncated under the device: errors at once. */
	ASSERT_EQ(ftruncate(fd, 4096), 0);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 8, self->gpa, 4096), VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, self->gpa, 4096), VIRTIO_BLK_S_OK);
	replace(self, self->rig.disk.fd);
	close(fd);
	EXPECT_EQ(tvm_fs_destroy(&fs), 0);
	tvm_disk_destroy(&disk);
}

TEST_F(backing, bad_blocks)
{
	struct tvm_seg data = { self->gpa, 4096 };
	struct tvm_blk_req req;

	ASSERT_EQ(tvm_disk_attr(&self->rig.disk, "badblocks", "+100-101"), 0);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 100, self->gpa, 512),
		  VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, 96, self->gpa, 4096),
		  VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 92, self->gpa + 1, 8192),
		  VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 102, self->gpa, 512), VIRTIO_BLK_S_OK);
	EXPECT_EQ(tvm_dev_stat(&self->rig.dev, 0, "errors"), 3);
	/* Of a read that failed nothing but the status counts as written. */
	tvm_blk_req_init(&req, &self->rig.mem);
	req.type = VIRTIO_BLK_T_IN;
	req.data_in = true;
	req.sector = 96;
	req.data = &data;
	req.nr = 1;
	EXPECT_EQ(tvm_blk_run(self->vq, &req, NULL, 0), VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(req.used.len, 1U);
	EXPECT_EQ(tvm_event_read(self->vq->err_fd), 0ULL);
}

static int mapper_open(struct backing_fixture *self)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/mapper/%s", self->mapper);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	return fd;
}

static void mapper_table(struct backing_fixture *self, const char *verb, const char *table)
{
	char line[256];

	snprintf(line, sizeof(line), "dmsetup %s %s --table '%s'", verb, self->mapper, table);
	ASSERT_EQ(system(line), 0);
}

/* All requests in flight end, with whatever status. */
static unsigned int run_many(struct backing_fixture *self, void (*meanwhile)(void *), void *arg)
{
	static struct tvm_blk_req reqs[IN_FLIGHT];
	static struct tvm_seg data[IN_FLIGHT];
	struct tvm_used used;
	unsigned int i, bad = 0;

	for (i = 0; i < IN_FLIGHT; i++) {
		tvm_blk_req_init(&reqs[i], &self->rig.mem);
		data[i] = (struct tvm_seg){ self->gpa + i * TVM_PAGE, TVM_PAGE };
		reqs[i].type = i % 2 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
		reqs[i].data_in = !(i % 2);
		reqs[i].data = &data[i];
		reqs[i].nr = 1;
		reqs[i].sector = i * 8;
		ASSERT_GE(tvm_blk_submit(self->vq, &reqs[i], NULL, 0), 0);
	}
	tvm_queue_kick(self->vq);
	if (meanwhile)
		meanwhile(arg);
	for (i = 0; i < IN_FLIGHT; i++) {
		ASSERT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
		tvm_blk_finish(self->vq, used.cookie, &used);
	}
	for (i = 0; i < IN_FLIGHT; i++) {
		EXPECT_TRUE(reqs[i].result == VIRTIO_BLK_S_OK ||
			    reqs[i].result == VIRTIO_BLK_S_IOERR);
		bad += reqs[i].result != VIRTIO_BLK_S_OK;
	}
	return bad;
}

/* The table of a mapped device is replaced by one that fails, and back. */
TEST_F(backing, mapper_error)
{
	char good[64];
	int fd;

	snprintf(good, sizeof(good), "0 65536 linear %s 0", self->rig.disk.path);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, -1, 0), 0);
	mapper_table(self, "create", good);
	fd = mapper_open(self);
	replace(self, fd);
	check_data(self, fd);
	mapper_table(self, "reload", "0 65536 error");
	ASSERT_EQ(command("dmsetup resume %s%s", self->mapper, ""), 0);
	EXPECT_EQ(run_many(self, NULL, NULL), (unsigned int)IN_FLIGHT);
	mapper_table(self, "reload", good);
	ASSERT_EQ(command("dmsetup resume %s%s", self->mapper, ""), 0);
	EXPECT_EQ(run_many(self, NULL, NULL), 0U);
	tvm_dev_close(&self->rig.dev);
	close(fd);
}

/* A disk that grows: the next look, and the VMM, know. */
TEST_F(backing, mapper_grow)
{
	char small[64], large[64];
	int fd, event = tvm_event_create();
	uint64_t capacity;

	snprintf(small, sizeof(small), "0 32768 linear %s 0", self->rig.disk.path);
	snprintf(large, sizeof(large), "0 65536 linear %s 0", self->rig.disk.path);
	mapper_table(self, "create", small);
	fd = mapper_open(self);
	replace(self, fd);
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_SET_CONFIG_CALL, &event), 0);
	ASSERT_EQ(tvm_dev_config_get(&self->rig.dev, 0, &capacity, 8), 0);
	EXPECT_EQ(capacity, 32768ULL);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 32768, self->gpa, 512),
		  VIRTIO_BLK_S_IOERR);
	mapper_table(self, "reload", large);
	ASSERT_EQ(command("dmsetup resume %s%s", self->mapper, ""), 0);
	EXPECT_TRUE(tvm_event_wait(event, harness_scaled(WAIT_MS)));
	ASSERT_EQ(tvm_dev_config_get(&self->rig.dev, 0, &capacity, 8), 0);
	EXPECT_EQ(capacity, 65536ULL);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 32768, self->gpa, 512),
		  VIRTIO_BLK_S_OK);
	tvm_dev_close(&self->rig.dev);
	close(fd);
	close(event);
}

static void power_off(void *arg)
{
	tvm_disk_attr(arg, "power", "0");
}

/* The device goes away with requests in flight: errors, no hang. */
TEST_F(backing, removed)
{
	static const char *const slow[] = {
		"memory_backed=1", "size=8", "irqmode=2", "completion_nsec=50000000",
		"cache_size=2", NULL,
	};
	struct tvm_disk disk;
	uint64_t gpa = self->gpa;

	ASSERT_EQ(tvm_disk_create(&disk, slow), 0);
	replace(self, disk.fd);
	run_many(self, power_off, &disk);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, gpa, 4096), VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, 0, gpa, 4096), VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_IOERR);
	replace(self, self->rig.disk.fd);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, gpa, 4096), VIRTIO_BLK_S_OK);
	tvm_disk_destroy(&disk);
}

/* Whether the disk takes writes is looked at for each of them. */
static void check_writable(struct backing_fixture *self, int expect)
{
	char *mem = tvm_mem_ptr(&self->rig.mem, self->gpa, 4096);
	static unsigned int seed = SEED;
	char *buf = aligned_alloc(TVM_PAGE, 4096);

	tvm_pattern_fill(mem, 4096, ++seed);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, 64, self->gpa, 4096), expect);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
	ASSERT_EQ(pread(self->rig.disk.fd, buf, 4096, 64 * 512), 4096);
	EXPECT_EQ(tvm_pattern_check(buf, 4096, seed), expect == VIRTIO_BLK_S_OK);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 64, self->gpa, 4096), VIRTIO_BLK_S_OK);
	free(buf);
}

TEST_F(backing, set_read_only)
{
	int on = 1, off = 0;

	check_writable(self, VIRTIO_BLK_S_OK);
	ASSERT_EQ(ioctl(self->rig.disk.fd, BLKROSET, &on), 0);
	check_writable(self, VIRTIO_BLK_S_IOERR);
	ASSERT_EQ(ioctl(self->rig.disk.fd, BLKROSET, &off), 0);
	check_writable(self, VIRTIO_BLK_S_OK);
}

/* A disk the host swaps to is not the guest's to write. */
TEST_F(backing, swap)
{
	if (access("/proc/swaps", F_OK))
		SKIP("the kernel has no swap");
	ASSERT_EQ(command("mkswap %s%s >/dev/null", self->rig.disk.path, ""), 0);
	ASSERT_EQ(swapon(self->rig.disk.path, 0), 0);
	check_writable(self, VIRTIO_BLK_S_IOERR);
	ASSERT_EQ(swapoff(self->rig.disk.path), 0);
	check_writable(self, VIRTIO_BLK_S_OK);
}

/* Many segments and MiB: more than one bio, and all in the right place. */
TEST_F(backing, big_requests)
{
	static const uint32_t lens[] = { 256 * 1024, MIB, 2 * MIB, 4 * MIB };
	static const uint32_t pieces[] = { 512, 4096, 12288, 65536 };
	static struct tvm_seg segs[1024];
	char *mem = tvm_mem_ptr(&self->rig.mem, self->gpa, 4 * MIB);
	char *buf = aligned_alloc(TVM_PAGE, 4 * MIB);
	struct tvm_blk_req req;
	unsigned int i, j, k;
	struct virtio_blk_config config;

	ASSERT_EQ(tvm_dev_config_get(&self->rig.dev, 0, &config, 60), 0);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	tvm_queue_destroy(self->vq);
	ASSERT_EQ(tvm_queue_init(self->vq, &self->rig.dev, 0, 1024, &variant->cfg), 0);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	for (i = 0; i < 4; i++) {
		for (j = 0; j < 4; j++) {
			unsigned int nr = lens[i] / pieces[j];
			uint32_t len;

			if (pieces[j] > config.size_max)
				continue;
			if (nr > config.seg_max)
				nr = config.seg_max;
			len = nr * pieces[j];
			for (k = 0; k < nr; k++)
				segs[k] = (struct tvm_seg){
					self->gpa + (nr - 1 - k) * pieces[j], pieces[j],
				};
			tvm_blk_req_init(&req, &self->rig.mem);
			req.type = VIRTIO_BLK_T_OUT;
			req.data = segs;
			req.nr = nr;
			tvm_pattern_fill(mem, len, SEED + i * 4 + j);
			EXPECT_EQ(tvm_blk_run(self->vq, &req, NULL, TVM_ADD_INDIRECT),
				  VIRTIO_BLK_S_OK);
			ASSERT_EQ(pread(self->rig.disk.fd, buf, len, 0), (ssize_t)len);
			for (k = 0; k < nr; k++)
				EXPECT_EQ(memcmp(buf + k * pieces[j],
						 mem + (nr - 1 - k) * pieces[j], pieces[j]), 0);
			memset(mem, 0, len);
			req.type = VIRTIO_BLK_T_IN;
			req.data_in = true;
			EXPECT_EQ(tvm_blk_run(self->vq, &req, NULL, TVM_ADD_INDIRECT),
				  VIRTIO_BLK_S_OK);
			EXPECT_EQ(req.used.len, len + 1);
			EXPECT_TRUE(tvm_pattern_check(mem, len, SEED + i * 4 + j));
		}
	}
	free(buf);
}

/* Where a segment can not go to the disk as it is, that is counted. */
TEST_F(backing, bounced)
{
	int64_t before = tvm_dev_stat(&self->rig.dev, 0, "bounced");

	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, self->gpa, 4096), VIRTIO_BLK_S_OK);
	EXPECT_EQ(tvm_dev_stat(&self->rig.dev, 0, "bounced"), before);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, self->gpa + 1, 4096),
		  VIRTIO_BLK_S_OK);
	EXPECT_EQ(tvm_dev_stat(&self->rig.dev, 0, "bounced"), before + 1);
}

/* Submits @nr reads of @len bytes at an odd address and waits for all. */
static void run_bounced(struct backing_fixture *self, unsigned int nr, uint32_t len)
{
	struct tvm_seg data = { self->gpa + 1, len };
	static struct tvm_blk_req reqs[IN_FLIGHT];
	struct tvm_used used;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		tvm_blk_req_init(&reqs[i], &self->rig.mem);
		reqs[i].type = VIRTIO_BLK_T_IN;
		reqs[i].data_in = true;
		reqs[i].data = &data;
		reqs[i].nr = 1;
		ASSERT_GE(tvm_blk_submit(self->vq, &reqs[i], NULL, 0), 0);
	}
	tvm_queue_kick(self->vq);
	for (i = 0; i < nr; i++) {
		ASSERT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
		tvm_blk_finish(self->vq, used.cookie, &used);
	}
	for (i = 0; i < nr; i++)
		EXPECT_EQ(reqs[i].result, VIRTIO_BLK_S_OK);
}

/* What bounced requests hold is bounded: the ring waits, and goes on. */
TEST_F(backing, bounce_limit)
{
	static const char *const slow[] = {
		"memory_backed=1", "size=32", "irqmode=2", "completion_nsec=50000000", NULL,
	};
	struct tvm_seg data[9];
	struct tvm_blk_req req;
	struct tvm_disk disk;
	unsigned int i;
	int64_t before;

	ASSERT_EQ(tvm_disk_create(&disk, slow), 0);
	replace(self, disk.fd);
	/* Not more than 8 MiB at once. */
	before = tvm_dev_stat(&self->rig.dev, 0, "retries");
	run_bounced(self, 3, 2 * MIB);
	EXPECT_EQ(tvm_dev_stat(&self->rig.dev, 0, "retries"), before);
	for (i = 0; i < 3; i++)
		run_bounced(self, 6, 2 * MIB);
	EXPECT_GT(tvm_dev_stat(&self->rig.dev, 0, "retries"), before);
	/* One that will never fit fails. */
	for (i = 0; i < 9; i++)
		data[i] = (struct tvm_seg){ self->gpa + 1, MIB };
	tvm_blk_req_init(&req, &self->rig.mem);
	req.type = VIRTIO_BLK_T_IN;
	req.data_in = true;
	req.data = data;
	req.nr = 9;
	EXPECT_EQ(tvm_blk_run(self->vq, &req, NULL, 0), VIRTIO_BLK_S_IOERR);
	req.nr = 8;
	EXPECT_EQ(tvm_blk_run(self->vq, &req, NULL, 0), VIRTIO_BLK_S_OK);
	replace(self, self->rig.disk.fd);
	tvm_disk_destroy(&disk);
}

/*
 * Guest memory that is a file of a disk: a page that is written back between the
 * start of a read and its data is dirty once more afterwards.
 */
TEST_F(backing, file_memory)
{
	static const char *const attrs[] = { "memory_backed=1", "size=8", NULL };
	const uint64_t gpa = 1ULL << 40;
	struct tvm_mem *mem = &self->rig.mem;
	struct tvm_disk disk;
	struct tvm_seg data = { gpa, 4096 };
	struct tvm_blk_req req;
	struct tvm_used used;
	char buf[4096], path[128];
	int fd, backend;
	struct tvm_fs fs;
	void *map;

	/* The rig's disk holds the file, another one, that can be held up, the data. */
	ASSERT_EQ(tvm_disk_create(&disk, attrs), 0);
	tvm_pattern_fill(tvm_mem_ptr(mem, self->gpa, 4096), 4096, SEED);
	ASSERT_EQ(pwrite(disk.fd, tvm_mem_ptr(mem, self->gpa, 4096), 4096, 0), 4096);
	snprintf(path, sizeof(path), "0 16384 linear %s 0", disk.path);
	mapper_table(self, "create", path);
	backend = mapper_open(self);
	replace(self, backend);
	ASSERT_EQ(tvm_fs_create(&fs, &self->rig.disk), 0);
	snprintf(path, sizeof(path), "%s/memory", fs.dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_GE(fd, 0);
	memset(buf, 0, sizeof(buf));
	ASSERT_EQ(write(fd, buf, sizeof(buf)), (ssize_t)sizeof(buf));
	map = mmap(NULL, sizeof(buf), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(map, MAP_FAILED);
	mem->regions[mem->nr++] = (struct tvm_region){
		.gpa = gpa, .size = sizeof(buf), .hva = map,
	};
	ASSERT_EQ(tvm_dev_mem_set(&self->rig.dev, mem), 0);

	ASSERT_EQ(command("dmsetup suspend %s%s", self->mapper, ""), 0);
	tvm_blk_req_init(&req, mem);
	req.type = VIRTIO_BLK_T_IN;
	req.data_in = true;
	req.data = &data;
	req.nr = 1;
	ASSERT_GE(tvm_blk_submit(self->vq, &req, NULL, 0), 0);
	tvm_queue_kick(self->vq);
	while (!tvm_dev_stat(&self->rig.dev, 0, "bytes_read"))
		usleep(1000);
	ASSERT_EQ(fsync(fd), 0);
	EXPECT_FALSE(tvm_queue_poll(self->vq, &used));
	ASSERT_EQ(command("dmsetup resume %s%s", self->mapper, ""), 0);
	ASSERT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
	tvm_blk_finish(self->vq, &req, &used);
	EXPECT_EQ(req.result, VIRTIO_BLK_S_OK);
	tvm_dev_close(&self->rig.dev);
	mem->nr--;
	ASSERT_EQ(munmap(map, sizeof(buf)), 0);

	/* Whatever the cache had, the file has. */
	ASSERT_EQ(fsync(fd), 0);
	ASSERT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	ASSERT_EQ(pread(fd, buf, sizeof(buf), 0), (ssize_t)sizeof(buf));
	EXPECT_TRUE(tvm_pattern_check(buf, sizeof(buf), SEED));
	close(fd);
	EXPECT_EQ(tvm_fs_destroy(&fs), 0);
	close(backend);
	EXPECT_EQ(command("dmsetup remove %s%s", self->mapper, ""), 0);
	tvm_disk_destroy(&disk);
}

HARNESS_MAIN
