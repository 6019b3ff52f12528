// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk: files whose file system is in a state of its own
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/fs.h>

#include "tvm_fs.h"
#include "tvm_rig.h"

#define SEED		41
#define MIB		(1U << 20)
#define SIZE		(4 * MIB)
#define LEN		65536U
#define BIG		6U		/* requests of as many pieces as there can be */
#define BIG_SEGS	126U
#define WAIT_MS		20000

FIXTURE(file) {
	struct tvm_rig rig;
	struct tvm_fs fs;
	struct tvm_queue *vq;
	uint64_t gpa;
	char *mem;
	char *buf;
	int fd;
};

FIXTURE_VARIANT(file) {
	const char *make;
	const char *data;
};

FIXTURE_VARIANT_ADD(file, plain) { .make = "-O ^has_journal" };
/* No direct I/O: what is said to be that goes through the page cache. */
FIXTURE_VARIANT_ADD(file, journaled) { .make = "-O has_journal", .data = "data=journal" };

FIXTURE_SETUP(file)
{
	static const char *const attrs[] = { "memory_backed=1", "size=192", NULL };
	struct tvm_rig_options options = {
		.disk = attrs, .num = 256, .features = TVM_BIT(VIRTIO_BLK_F_FLUSH),
		.stopped = true,
	};

	tvm_rig_create(&self->rig, &options);
	self->vq = &self->rig.vqs[0];
	self->gpa = tvm_mem_alloc(&self->rig.mem, MIB, TVM_PAGE);
	self->mem = tvm_mem_ptr(&self->rig.mem, self->gpa, MIB);
	self->buf = aligned_alloc(TVM_PAGE, MIB);
	ASSERT_TRUE(self->buf);
	ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, -1, 0), 0);
	ASSERT_EQ(tvm_fs_create_with(&self->fs, &self->rig.disk, variant->make, variant->data),
		  0);
	self->fd = tvm_fs_open(&self->fs, "disk", SIZE);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, self->fd, 0), 0);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
}

FIXTURE_TEARDOWN(file)
{
	tvm_dev_close(&self->rig.dev);
	close(self->fd);
	EXPECT_EQ(tvm_fs_destroy(&self->fs), 0);
	free(self->buf);
	tvm_rig_destroy(&self->rig);
}

static void check_write(struct file_fixture *self, uint64_t sector, uint64_t seed)
{
	tvm_pattern_fill(self->mem, LEN, seed);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, sector, self->gpa, LEN),
		  VIRTIO_BLK_S_OK);
	ASSERT_EQ(pread(self->fd, self->buf, LEN, sector * 512), (ssize_t)LEN);
	EXPECT_TRUE(tvm_pattern_check(self->buf, LEN, seed));
}

static void check_read(struct file_fixture *self, uint64_t sector, uint64_t seed)
{
	memset(self->mem, 0, LEN);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, sector, self->gpa, LEN),
		  VIRTIO_BLK_S_OK);
	EXPECT_TRUE(tvm_pattern_check(self->mem, LEN, seed));
}

TEST_F(file, data)
{
	unsigned int round;

	/* Into a hole, then over what is there. */
	for (round = 0; round < 2; round++) {
		check_write(self, 256, SEED + round);
		check_read(self, 256, SEED + round);
	}
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_FLUSH, 0, 0, 0), VIRTIO_BLK_S_OK);
}

/* The page cache has the beginning of what the guest reads, and no more. */
TEST_F(file, partly_cached)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/disk", self->fs.dir);
	check_write(self, 0, SEED);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(fsync(self->fd), 0);
	ASSERT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	ASSERT_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM), 0);
	ASSERT_EQ(pread(fd, self->buf, 4096, 0), 4096);
	check_read(self, 0, SEED);
	close(fd);
}

/* Appending is refused when the file is attached; it can be switched on later. */
TEST_F(file, append)
{
	struct stat status;

	ASSERT_EQ(fcntl(self->fd, F_SETFL, O_DIRECT | O_APPEND), 0);
	check_write(self, 512, SEED);
	check_read(self, 512, SEED);
	ASSERT_EQ(fstat(self->fd, &status), 0);
	EXPECT_EQ(status.st_size, (off_t)SIZE);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	EXPECT_EQ(tvm_dev_backend_set(&self->rig.dev, self->fd, 0), -EINVAL);
}

/* In a process of its own: it would not come back if somebody still writes. */
static bool freeze(struct file_fixture *self)
{
	unsigned int i, tries = harness_scaled(WAIT_MS) / 10;
	int dir = open(self->fs.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int status = -1;
	pid_t child;

	ASSERT_GE(dir, 0);
	child = fork();
	if (!child)
		_exit(!!ioctl(dir, FIFREEZE, 0));
	for (i = 0; i < tries && waitpid(child, &status, WNOHANG) == 0; i++)
		usleep(10000);
	close(dir);
	return i < tries && WIFEXITED(status) && !WEXITSTATUS(status);
}

static void thaw(struct file_fixture *self)
{
	int dir = open(self->fs.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ASSERT_GE(dir, 0);
	EXPECT_EQ(ioctl(dir, FITHAW, 0), 0);
	close(dir);
}

/* Writes to a frozen file system wait for it to thaw, and can be counted on. */
TEST_F(file, frozen)
{
	struct tvm_seg data = { self->gpa, LEN };
	struct tvm_blk_req req;
	struct tvm_used used;
	unsigned int round;

	check_write(self, 0, SEED);
	for (round = 1; round <= 3; round++) {
		ASSERT_TRUE(freeze(self));
		tvm_pattern_fill(self->mem, LEN, SEED + round);
		tvm_blk_req_init(&req, &self->rig.mem);
		req.type = VIRTIO_BLK_T_OUT;
		req.data = &data;
		req.nr = 1;
		ASSERT_GE(tvm_blk_submit(self->vq, &req, NULL, 0), 0);
		tvm_queue_kick(self->vq);
		EXPECT_NE(tvm_queue_wait(self->vq, &used, 300), 0);
		thaw(self);
		ASSERT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
		tvm_blk_finish(self->vq, used.cookie, &used);
		EXPECT_EQ(req.result, VIRTIO_BLK_S_OK);
		check_read(self, 0, SEED + round);
	}
}

/*
 * Requests that hold as much of the kernel's memory as they can, all of which wait:
 * beyond a limit the ring waits as well, and all are served in the end.
 */
TEST_F(file, many_pieces)
{
	static struct tvm_seg segs[BIG_SEGS];
	struct tvm_blk_req reqs[BIG];
	struct tvm_used used;
	unsigned int i;

	/* It is all the same to the requests why they wait. */
	if (variant->data)
		return;
	ASSERT_EQ(ftruncate(self->fd, (off_t)BIG_SEGS * MIB), 0);
	for (i = 0; i < BIG_SEGS; i++)
		segs[i] = (struct tvm_seg){ self->gpa, MIB };
	ASSERT_TRUE(freeze(self));
	for (i = 0; i < BIG; i++) {
		tvm_blk_req_init(&reqs[i], &self->rig.mem);
		reqs[i].type = VIRTIO_BLK_T_OUT;
		reqs[i].data = segs;
		reqs[i].nr = BIG_SEGS;
		ASSERT_GE(tvm_blk_submit(self->vq, &reqs[i], NULL, TVM_ADD_INDIRECT), 0);
	}
	tvm_queue_kick(self->vq);
	for (i = 0; i < 500 && !tvm_dev_stat(&self->rig.dev, 0, "retries"); i++)
		usleep(10000);
	EXPECT_GE(tvm_dev_stat(&self->rig.dev, 0, "retries"), 1);
	thaw(self);
	for (i = 0; i < BIG; i++) {
		ASSERT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
		tvm_blk_finish(self->vq, used.cookie, &used);
	}
	for (i = 0; i < BIG; i++)
		EXPECT_EQ(reqs[i].result, VIRTIO_BLK_S_OK);
}

HARNESS_MAIN
