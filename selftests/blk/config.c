// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk: features, configuration space, parameters, resize, historic calls
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tvm_fs.h"
#include "tvm_rig.h"

#define SEED		61
#define WAIT_MS		20000

FIXTURE(config) {
	struct tvm_rig rig;
	struct tvm_dev *dev;
	struct virtio_blk_config config;
};

FIXTURE_SETUP(config)
{
	struct tvm_rig_options options = { .stopped = true };

	tvm_rig_create(&self->rig, &options);
	self->dev = &self->rig.dev;
}

FIXTURE_TEARDOWN(config)
{
	tvm_rig_destroy(&self->rig);
}

static void config_read(struct config_fixture *self)
{
	ASSERT_EQ(tvm_dev_config_get(self->dev, 0, &self->config, sizeof(self->config)), 0);
}

TEST_F(config, contents)
{
	const struct virtio_blk_config *c = &self->config;
	uint64_t offered[2];
	int64_t limit;

	ASSERT_EQ(self->dev->info.config_size, (uint32_t)sizeof(*c));
	config_read(self);
	ASSERT_EQ(tvm_dev_features_get(self->dev, offered), 0);
	EXPECT_EQ(c->capacity, self->rig.disk.size / TVM_BLK_SECTOR);
	EXPECT_EQ(c->blk_size, 512U);
	EXPECT_GE(c->seg_max, 126U);
	EXPECT_GE(c->size_max, 4096U);
	EXPECT_EQ(c->num_queues, self->dev->info.max_queues);
	EXPECT_EQ(c->wce, 1);
	EXPECT_EQ(c->geometry.cylinders | c->geometry.heads | c->geometry.sectors, 0);
	EXPECT_EQ(c->unused | c->unused1[0] | c->unused1[1] | c->unused1[2], 0);
	limit = tvm_disk_limit(&self->rig.disk, "physical_block_size");
	EXPECT_EQ((int64_t)c->blk_size << c->physical_block_exp, limit);
	limit = tvm_disk_limit(&self->rig.disk, "minimum_io_size");
	EXPECT_EQ((int64_t)c->min_io_size * c->blk_size, limit);

	/* Offered, so all its limits have values: some drivers divide by them. */
	ASSERT_TRUE(offered[0] & TVM_BIT(VIRTIO_BLK_F_DISCARD));
	EXPECT_NE(c->max_discard_sectors, 0U);
	EXPECT_NE(c->max_discard_seg, 0U);
	EXPECT_NE(c->discard_sector_alignment, 0U);
	ASSERT_TRUE(offered[0] & TVM_BIT(VIRTIO_BLK_F_WRITE_ZEROES));
	EXPECT_NE(c->max_write_zeroes_sectors, 0U);
	EXPECT_NE(c->max_write_zeroes_seg, 0U);
	/* Not offered, so zero. */
	EXPECT_FALSE(offered[0] & TVM_BIT(VIRTIO_BLK_F_ZONED));
	EXPECT_EQ(c->zoned.zone_sectors | c->zoned.max_open_zones | c->zoned.model, 0U);
	EXPECT_FALSE(offered[0] & TVM_BIT(VIRTIO_BLK_F_SECURE_ERASE));
	EXPECT_EQ(c->max_secure_erase_sectors | c->max_secure_erase_seg, 0U);
}

TEST_F(config, features)
{
	const unsigned int want[] = {
		VIRTIO_BLK_F_SEG_MAX, VIRTIO_BLK_F_SIZE_MAX, VIRTIO_BLK_F_BLK_SIZE,
		VIRTIO_BLK_F_FLUSH, VIRTIO_BLK_F_TOPOLOGY, VIRTIO_BLK_F_CONFIG_WCE,
		VIRTIO_BLK_F_MQ, VIRTIO_RING_F_INDIRECT_DESC, VIRTIO_RING_F_EVENT_IDX,
		VIRTIO_F_VERSION_1, VIRTIO_F_ACCESS_PLATFORM, VIRTIO_F_RING_PACKED,
		VIRTIO_F_IN_ORDER, VIRTIO_F_RING_RESET, VHOST_F_LOG_ALL,
	};
	const unsigned int refuse[] = {
		VIRTIO_BLK_F_GEOMETRY, VIRTIO_BLK_F_RO, 15, 0, 7,
	};
	uint64_t offered[2];
	unsigned int i;

	ASSERT_EQ(tvm_dev_features_get(self->dev, offered), 0);
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		EXPECT_MSG(offered[0] & TVM_BIT(want[i]), "feature %u is missing", want[i]);
	for (i = 0; i < sizeof(refuse) / sizeof(refuse[0]); i++)
		EXPECT_MSG(!(offered[0] & TVM_BIT(refuse[i])), "feature %u is there", refuse[i]);
	EXPECT_EQ(offered[1], 0ULL);
}

/* Every byte alone and all splits in two give the same as the whole. */
TEST_F(config, partial)
{
	uint8_t whole[sizeof(struct virtio_blk_config)], part[sizeof(whole)];
	unsigned int i;

	ASSERT_EQ(tvm_dev_config_get(self->dev, 0, whole, sizeof(whole)), 0);
	for (i = 0; i < sizeof(whole); i++)
		ASSERT_EQ(tvm_dev_config_get(self->dev, i, &part[i], 1), 0);
	EXPECT_EQ(memcmp(whole, part, sizeof(whole)), 0);
	for (i = 1; i < sizeof(whole); i++) {
		memset(part, 0, sizeof(part));
		ASSERT_EQ(tvm_dev_config_get(self->dev, 0, part, i), 0);
		ASSERT_EQ(tvm_dev_config_get(self->dev, i, part + i, sizeof(part) - i), 0);
		EXPECT_EQ(memcmp(whole, part, sizeof(whole)), 0);
	}
}

TEST_F(config, wce)
{
	const uint32_t offset = offsetof(struct virtio_blk_config, wce);
	uint64_t features = tvm_config_features(&self->rig.vqs[0].cfg);
	uint8_t wce = 0;

	/* Not negotiated: not writable. */
	EXPECT_EQ(tvm_dev_config_set(self->dev, offset, &wce, 1), -EINVAL);
	features |= TVM_BIT(VIRTIO_BLK_F_CONFIG_WCE);
	ASSERT_EQ(tvm_dev_features_set(self->dev, features, 0), 0);
	/* Without FLUSH a driver could not empty a cache: there is none. */
	config_read(self);
	EXPECT_EQ(self->config.wce, 0);
	features |= TVM_BIT(VIRTIO_BLK_F_FLUSH);
	ASSERT_EQ(tvm_dev_features_set(self->dev, features, 0), 0);
	config_read(self);
	EXPECT_EQ(self->config.wce, 1);
	EXPECT_EQ(tvm_dev_config_set(self->dev, offset, &wce, 1), 0);
	config_read(self);
	EXPECT_EQ(self->config.wce, 0);
	wce = 2;
	EXPECT_EQ(tvm_dev_config_set(self->dev, offset, &wce, 1), -EINVAL);
	wce = 1;
	EXPECT_EQ(tvm_dev_config_set(self->dev, offset, &wce, 1), 0);
	config_read(self);
	EXPECT_EQ(self->config.wce, 1);
}

TEST_F(config, no_backend)
{
	uint8_t byte;

	ASSERT_EQ(tvm_dev_backend_set(self->dev, -1, 0), 0);
	EXPECT_EQ(tvm_dev_config_get(self->dev, 0, &byte, 1), -ENODEV);
	EXPECT_LT(tvm_queue_start(&self->rig.vqs[0]), 0);
	ASSERT_EQ(tvm_dev_backend_set(self->dev, self->rig.disk.fd, 0), 0);
	EXPECT_EQ(tvm_queue_start(&self->rig.vqs[0]), 0);
}

/* A disk that is refused leaves the one there was in its place. */
static void check_refused(struct config_fixture *self, int fd, int error)
{
	ASSERT_GE(fd, 0);
	EXPECT_EQ(tvm_dev_backend_set(self->dev, fd, 0), error);
	close(fd);
	config_read(self);
	EXPECT_EQ(self->config.capacity, self->rig.disk.size / TVM_BLK_SECTOR);
}

TEST_F(config, refused_disks)
{
	static const char *const large[] = { "memory_backed=1", "size=8", "blocksize=4096", NULL };
	struct vha_blk_params params = { .block_size = 512 };
	uint64_t gpa = tvm_mem_alloc(&self->rig.mem, 4096, 4096);
	struct tvm_disk disk;

	check_refused(self, open(self->rig.disk.path, O_WRONLY | O_DIRECT), -EBADF);
	check_refused(self, open(self->rig.disk.path, O_PATH), -EBADF);
	check_refused(self, open("/proc/self/status", O_RDONLY), -EINVAL);
	check_refused(self, open("/dev/zero", O_RDWR), -ENOTBLK);
	check_refused(self, tvm_event_create(), -ENOTBLK);
	/* Blocks larger than announced. */
	ASSERT_EQ(tvm_disk_create(&disk, large), 0);
	ASSERT_EQ(tvm_dev_backend_set(self->dev, -1, 0), 0);
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHA_BLK_SET_PARAMS, &params), 0);
	ASSERT_EQ(tvm_dev_backend_set(self->dev, self->rig.disk.fd, 0), 0);
	check_refused(self, dup(disk.fd), -EINVAL);
	tvm_disk_destroy(&disk);
	ASSERT_EQ(tvm_queue_start(&self->rig.vqs[0]), 0);
	EXPECT_EQ(tvm_blk_io(&self->rig.vqs[0], VIRTIO_BLK_T_IN, 0, gpa, 4096), VIRTIO_BLK_S_OK);
}

/* The capacity is in whole blocks as announced. */
TEST_F(config, whole_blocks)
{
	static const char *const attrs[] = { "memory_backed=1", "size=32", NULL };
	struct vha_blk_params params = { .block_size = 4096 };
	struct tvm_disk disk;
	struct tvm_fs fs;
	int fd;

	ASSERT_EQ(tvm_disk_create(&disk, attrs), 0);
	ASSERT_EQ(tvm_fs_create(&fs, &disk), 0);
	fd = tvm_fs_open(&fs, "disk", (1 << 20) + 2560);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(tvm_dev_backend_set(self->dev, fd, 0), 0);
	config_read(self);
	EXPECT_EQ(self->config.capacity, 2053ULL);
	ASSERT_EQ(tvm_dev_backend_set(self->dev, -1, 0), 0);
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHA_BLK_SET_PARAMS, &params), 0);
	ASSERT_EQ(tvm_dev_backend_set(self->dev, fd, 0), 0);
	config_read(self);
	EXPECT_EQ(self->config.capacity, 2048ULL);
	tvm_dev_close(self->dev);
	close(fd);
	EXPECT_EQ(tvm_fs_destroy(&fs), 0);
	tvm_disk_destroy(&disk);
}

TEST_F(config, params)
{
	struct vha_blk_params params = { .flags = 0 };
	struct vha_blk_params bad[6] = {
		{ .flags = 8 },
		{ .block_size = 513 },
		{ .block_size = 256 },
		{ .block_size = 8192 },
		{ .num_queues = self->dev->info.max_queues + 1 },
		{ .seg_max = 1U << 30 },
	};
	unsigned int i;

	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHA_BLK_SET_PARAMS, &params), -EBUSY);
	ASSERT_EQ(tvm_dev_backend_set(self->dev, -1, 0), 0);
	for (i = 0; i < 6; i++)
		EXPECT_MSG(tvm_dev_ioctl(self->dev, VHA_BLK_SET_PARAMS, &bad[i]) == -EINVAL,
			   "parameters %u were taken", i);
	params.reserved[3] = 1;
	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHA_BLK_SET_PARAMS, &params), -EINVAL);
	params.reserved[3] = 0;
	params.block_size = 4096;
	params.num_queues = 3;
	params.seg_max = 20;
	params.flags = VHA_BLK_F_WRITE_THROUGH;
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHA_BLK_SET_PARAMS, &params), 0);
	ASSERT_EQ(tvm_dev_backend_set(self->dev, self->rig.disk.fd, 0), 0);
	config_read(self);
	EXPECT_EQ(self->config.blk_size, 4096U);
	EXPECT_EQ(self->config.num_queues, 3);
	EXPECT_EQ(self->config.seg_max, 20U);
	EXPECT_EQ(self->config.wce, 0);
}

/* A read of @nr segments through an indirect table, into a ring of 16. */
static void small_ring_read(struct config_fixture *self, unsigned int nr)
{
	struct tvm_queue *vq = &self->rig.vqs[1];
	uint64_t gpa = tvm_mem_alloc(&self->rig.mem, nr * 512, 512);
	struct tvm_seg *data = calloc(nr, sizeof(*data));
	struct tvm_blk_req req;
	unsigned int i;

	for (i = 0; i < nr; i++)
		data[i] = (struct tvm_seg){ gpa + i * 512, 512 };
	tvm_blk_req_init(&req, &self->rig.mem);
	req.type = VIRTIO_BLK_T_IN;
	req.data = data;
	req.nr = nr;
	req.data_in = true;
	EXPECT_EQ(tvm_blk_run(vq, &req, NULL, TVM_ADD_INDIRECT), VIRTIO_BLK_S_OK);
	EXPECT_EQ(req.used.len, nr * 512 + 1);
	EXPECT_EQ(tvm_event_read(vq->err_fd), 0ULL);
	free(data);
}

/* Drivers build requests of as many segments as announced in rings of any size. */
TEST_F(config, seg_max_small_ring)
{
	struct vha_blk_params params = { .seg_max = 3000 };
	const struct tvm_config cfg = self->rig.vqs[0].cfg;

	ASSERT_EQ(tvm_queue_init(&self->rig.vqs[1], self->dev, 1, 16, &cfg), 0);
	self->rig.queues = 2;
	ASSERT_EQ(tvm_queue_start(&self->rig.vqs[1]), 0);
	config_read(self);
	small_ring_read(self, self->config.seg_max);
	/* With header and status what every device takes. */
	small_ring_read(self, 1022);
	ASSERT_EQ(tvm_queue_stop(&self->rig.vqs[1], NULL), 0);

	ASSERT_EQ(tvm_dev_backend_set(self->dev, -1, 0), 0);
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHA_BLK_SET_PARAMS, &params), 0);
	ASSERT_EQ(tvm_dev_backend_set(self->dev, self->rig.disk.fd, 0), 0);
	ASSERT_EQ(tvm_queue_start(&self->rig.vqs[1]), 0);
	small_ring_read(self, 3000);
}

/* One queue is no multiqueue. */
TEST_F(config, one_queue)
{
	struct vha_blk_params params = { .num_queues = 1 };
	uint64_t offered[2];

	ASSERT_EQ(tvm_dev_backend_set(self->dev, -1, 0), 0);
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHA_BLK_SET_PARAMS, &params), 0);
	ASSERT_EQ(tvm_dev_backend_set(self->dev, self->rig.disk.fd, 0), 0);
	ASSERT_EQ(tvm_dev_features_get(self->dev, offered), 0);
	EXPECT_FALSE(offered[0] & TVM_BIT(VIRTIO_BLK_F_MQ));
	config_read(self);
	EXPECT_EQ(self->config.num_queues, 0);
}

static void check_serial(struct config_fixture *self, const char *serial, uint32_t room)
{
	struct vha_blk_params params = { .flags = 0 };
	uint64_t gpa = tvm_mem_alloc(&self->rig.mem, 64, 1);
	struct tvm_seg data = { gpa, room };
	char expect[VIRTIO_BLK_ID_BYTES] = { 0 };
	struct tvm_queue *vq = &self->rig.vqs[0];
	struct tvm_blk_req req;

	memcpy(expect, serial, strlen(serial));
	memcpy(params.serial, expect, sizeof(expect));
	ASSERT_EQ(tvm_queue_stop(vq, NULL), 0);
	ASSERT_EQ(tvm_dev_backend_set(self->dev, -1, 0), 0);
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHA_BLK_SET_PARAMS, &params), 0);
	ASSERT_EQ(tvm_dev_backend_set(self->dev, self->rig.disk.fd, 0), 0);
	ASSERT_EQ(tvm_queue_start(vq), 0);
	tvm_blk_req_init(&req, &self->rig.mem);
	req.type = VIRTIO_BLK_T_GET_ID;
	req.data = &data;
	req.nr = room ? 1 : 0;
	req.data_in = true;
	tvm_mem_fill(&self->rig.mem, gpa, 0xaa, 64);
	EXPECT_EQ(tvm_blk_run(vq, &req, NULL, 0), VIRTIO_BLK_S_OK);
	if (room > VIRTIO_BLK_ID_BYTES)
		room = VIRTIO_BLK_ID_BYTES;
	EXPECT_EQ(req.used.len, room + 1);
	EXPECT_EQ(memcmp(tvm_mem_ptr(&self->rig.mem, gpa, 64), expect, room), 0);
}

TEST_F(config, serial)
{
	check_serial(self, "", 20);
	check_serial(self, "short", 20);
	check_serial(self, "exactly-20-character", 20);
	check_serial(self, "exactly-20-character", 64);
	check_serial(self, "exactly-20-character", 7);
	check_serial(self, "exactly-20-character", 0);
}

/** struct growing - a disk that is a regular file of a file system on a disk */
struct growing {
	struct tvm_disk disk;
	struct tvm_fs fs;
	int fd;
	int event;
};

static void growing_create(struct config_fixture *self, struct growing *file)
{
	static const char *const attrs[] = { "memory_backed=1", "size=64", NULL };

	ASSERT_EQ(tvm_disk_create(&file->disk, attrs), 0);
	ASSERT_EQ(tvm_fs_create(&file->fs, &file->disk), 0);
	file->fd = tvm_fs_open(&file->fs, "disk", 1 << 20);
	file->event = tvm_event_create();
	ASSERT_GE(file->fd, 0);
	ASSERT_EQ(tvm_dev_backend_set(self->dev, file->fd, 0), 0);
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHA_SET_CONFIG_CALL, &file->event), 0);
	ASSERT_EQ(tvm_queue_start(&self->rig.vqs[0]), 0);
}

static void growing_destroy(struct config_fixture *self, struct growing *file)
{
	tvm_dev_close(self->dev);
	close(file->fd);
	close(file->event);
	EXPECT_EQ(tvm_fs_destroy(&file->fs), 0);
	tvm_disk_destroy(&file->disk);
}

/* The driver is told, once, and reads the new size. */
static void check_resize(struct config_fixture *self, struct growing *file, uint64_t sectors)
{
	EXPECT_TRUE(tvm_event_wait(file->event, harness_scaled(WAIT_MS)));
	EXPECT_EQ(tvm_event_read(file->event), 1ULL);
	config_read(self);
	EXPECT_EQ(self->config.capacity, sectors);
}

/* A regular file grows and shrinks under a running device. */
TEST_F(config, resize)
{
	uint64_t gpa = tvm_mem_alloc(&self->rig.mem, 4096, 4096);
	struct tvm_queue *vq = &self->rig.vqs[0];
	struct growing file;

	growing_create(self, &file);
	config_read(self);
	EXPECT_EQ(self->config.capacity, 2048ULL);
	EXPECT_EQ(tvm_blk_io(vq, VIRTIO_BLK_T_IN, 2048, gpa, 512), VIRTIO_BLK_S_IOERR);

	ASSERT_EQ(ftruncate(file.fd, 2 << 20), 0);
	check_resize(self, &file, 4096);
	EXPECT_EQ(tvm_blk_io(vq, VIRTIO_BLK_T_IN, 2048, gpa, 512), VIRTIO_BLK_S_OK);
	EXPECT_EQ(tvm_blk_io(vq, VIRTIO_BLK_T_OUT, 4095, gpa, 512), VIRTIO_BLK_S_OK);

	ASSERT_EQ(ftruncate(file.fd, 1 << 20), 0);
	EXPECT_EQ(tvm_blk_io(vq, VIRTIO_BLK_T_IN, 2048, gpa, 512), VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(tvm_blk_io(vq, VIRTIO_BLK_T_OUT, 4095, gpa, 512), VIRTIO_BLK_S_IOERR);
	check_resize(self, &file, 2048);
	EXPECT_EQ(tvm_event_read(vq->err_fd), 0ULL);
	growing_destroy(self, &file);
}

/* What changes while nobody may be told is told after resuming. */
TEST_F(config, resize_suspended)
{
	struct growing file;

	growing_create(self, &file);
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHA_SUSPEND, NULL), 0);
	ASSERT_EQ(ftruncate(file.fd, 2 << 20), 0);
	/* The device looks at the size every second. */
	EXPECT_FALSE(tvm_event_wait(file.event, 4000));
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHA_RESUME, NULL), 0);
	check_resize(self, &file, 4096);
	growing_destroy(self, &file);
}

static int historic(struct config_fixture *self, unsigned long cmd, int fd)
{
	struct vhost_vring_file file = { .index = 77, .fd = fd };

	return tvm_dev_ioctl(self->dev, cmd, cmd == VHOST_BLK_SET_BACKEND_2018 ?
			     (void *)&fd : (void *)&file);
}

/* The order of calls of the QEMU patches: the backing object comes last. */
TEST_F(config, historic_numbers)
{
	static const unsigned long cmds[] = {
		VHOST_BLK_SET_BACKEND_2012, VHOST_BLK_SET_BACKEND_2018,
		VHOST_BLK_SET_BACKEND_2022_V1, VHOST_BLK_SET_BACKEND,
	};
	uint64_t gpa = tvm_mem_alloc(&self->rig.mem, 4096, 4096);
	struct tvm_queue *vq = &self->rig.vqs[0];
	unsigned int i;

	ASSERT_EQ(tvm_dev_backend_set(self->dev, -1, 0), 0);
	for (i = 0; i < 4; i++) {
		tvm_queue_reset(vq);
		ASSERT_EQ(tvm_queue_configure(vq), 0);
		EXPECT_EQ(historic(self, cmds[i], self->rig.disk.fd), 0);
		EXPECT_EQ(historic(self, cmds[i], self->rig.disk.fd), -EBUSY);
		EXPECT_EQ(tvm_blk_io(vq, VIRTIO_BLK_T_IN, 0, gpa, 4096), VIRTIO_BLK_S_OK);
		/* Queues that were not set up did not start. */
		EXPECT_EQ(historic(self, cmds[i], -1), 0);
		EXPECT_EQ(tvm_queue_stop(vq, NULL), 0);
	}
	/* Reset as those patches do it. */
	tvm_queue_reset(vq);
	ASSERT_EQ(tvm_queue_configure(vq), 0);
	EXPECT_EQ(historic(self, VHOST_BLK_SET_BACKEND, self->rig.disk.fd), 0);
	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_RESET_OWNER, NULL), 0);
	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_SET_OWNER, NULL), 0);
}

HARNESS_MAIN
