// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk: whose control group pays
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tvm_fs.h"
#include "tvm_rig.h"

#define ROOT	"/sys/fs/cgroup"
#define LEN	65536U

FIXTURE(cgroup) {
	struct tvm_rig rig;
	struct tvm_fs fs;
	struct tvm_queue *vq;
	char dir[64];
	char device[24];
	uint64_t gpa;
	bool mounted;
	int fd;
};

FIXTURE_VARIANT(cgroup) {
	bool file;
	const char *kind[2];
	uint32_t params;
};

FIXTURE_VARIANT_ADD(cgroup, bdev) { .file = false };
FIXTURE_VARIANT_ADD(cgroup, polled)
	{ .kind = { "poll_queues=1", "max_sectors=64" }, .params = VHA_BLK_F_POLL };
FIXTURE_VARIANT_ADD(cgroup, file) { .file = true };

static bool put(const char *dir, const char *name, const char *text)
{
	char path[128];
	bool done;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return done;
}

/* A group of our own, with us in it, so that the device is born there. */
static void group_make(struct cgroup_fixture *self)
{
	char dir[64];

	if (!put(ROOT, "cgroup.subtree_control", "+io"))
		SKIP("the kernel or its second cgroup hierarchy has no I/O controller");
	snprintf(dir, sizeof(dir), ROOT "/vhatest%d", getpid());
	ASSERT_EQ(mkdir(dir, 0700), 0);
	memcpy(self->dir, dir, sizeof(dir));
	ASSERT_TRUE(put(dir, "cgroup.procs", "0"));
}

FIXTURE_SETUP(cgroup)
{
	const char *const attrs[] = {
		"memory_backed=1", "size=32", variant->kind[0], variant->kind[1], NULL,
	};
	struct vha_blk_params params = { .flags = variant->params };
	struct tvm_rig_options options = {
		.disk = attrs, .params = &params,
		.features = TVM_BIT(VIRTIO_BLK_F_FLUSH) | TVM_BIT(VIRTIO_BLK_F_WRITE_ZEROES),
	};
	struct stat status;

	self->rig.dev.fd = -1;
	self->fd = -1;
	group_make(self);
	tvm_rig_create(&self->rig, &options);
	self->vq = &self->rig.vqs[0];
	self->gpa = tvm_mem_alloc(&self->rig.mem, LEN, TVM_PAGE);
	ASSERT_EQ(stat(self->rig.disk.path, &status), 0);
	snprintf(self->device, sizeof(self->device), "%u:%u ", major(status.st_rdev),
		 minor(status.st_rdev));
	if (!variant->file)
		return;
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, -1, 0), 0);
	ASSERT_EQ(tvm_fs_create(&self->fs, &self->rig.disk), 0);
	self->mounted = true;
	self->fd = tvm_fs_open(&self->fs, "disk", 4 << 20);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, self->fd, 0), 0);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
}

FIXTURE_TEARDOWN(cgroup)
{
	tvm_dev_close(&self->rig.dev);
	if (self->mounted) {
		close(self->fd);
		EXPECT_EQ(tvm_fs_destroy(&self->fs), 0);
	}
	tvm_rig_destroy(&self->rig);
	if (self->dir[0]) {
		EXPECT_TRUE(put(ROOT, "cgroup.procs", "0"));
		EXPECT_EQ(rmdir(self->dir), 0);
	}
}

/* A value of the disk in the group's io.stat; 0 when there is none. */
static uint64_t charged(const struct cgroup_fixture *self, const char *name)
{
	char path[96], line[256], *at;
	uint64_t value = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/io.stat", self->dir);
	file = fopen(path, "re");
	ASSERT_TRUE(!!file);
	while (fgets(line, sizeof(line), file)) {
		at = strstr(line, name);
		if (!strncmp(line, self->device, strlen(self->device)) && at)
			value = strtoull(at + strlen(name), NULL, 10);
	}
	fclose(file);
	return value;
}

TEST_F(cgroup, charged)
{
	struct virtio_blk_discard_write_zeroes range = { .sector = 1024, .num_sectors = 512 };
	uint64_t before;

	/* Into a hole, if it is a file: what has to wait counts as well. */
	before = charged(self, "wbytes=");
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, 256, self->gpa, LEN), VIRTIO_BLK_S_OK);
	EXPECT_GE(charged(self, "wbytes=") - before, (uint64_t)LEN);
	before = charged(self, "rbytes=");
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 256, self->gpa, LEN), VIRTIO_BLK_S_OK);
	before = charged(self, "rbytes=") - before;
	EXPECT_GE(before, (uint64_t)LEN);
	/* What can not be polled for, as it must be split, is submitted twice. */
	EXPECT_LE(before, variant->params ? 2 * LEN : (uint64_t)LEN);
	/* Zeroes in a file may be no more than a note about it. */
	if (variant->file)
		return;
	before = charged(self, "wbytes=");
	tvm_mem_write(&self->rig.mem, self->gpa, &range, sizeof(range));
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_WRITE_ZEROES, 0, self->gpa, sizeof(range)),
		  VIRTIO_BLK_S_OK);
	EXPECT_EQ(charged(self, "wbytes=") - before, 512 * 512ULL);
}

HARNESS_MAIN
