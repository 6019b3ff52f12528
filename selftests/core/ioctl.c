// SPDX-License-Identifier: GPL-2.0-only
/*
 * core: every ioctl with every kind of wrong argument, in every state
 *
 * A call that fails must change nothing: what the getters and fdinfo tell is
 * compared before and after.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tvm_rig.h"

#define STATE_MAX	16384

/** struct known - an ioctl of the ABI */
struct known {
	const char *name;
	unsigned long cmd;
	bool needs_owner;
	bool vring;
};

#define KNOWN(cmd, needs_owner, vring)	{ #cmd, cmd, needs_owner, vring }

static const struct known knowns[] = {
	KNOWN(VHOST_GET_FEATURES, false, false),
	KNOWN(VHOST_SET_FEATURES, false, false),
	KNOWN(VHOST_GET_FEATURES_ARRAY, false, false),
	KNOWN(VHOST_SET_FEATURES_ARRAY, false, false),
	KNOWN(VHOST_GET_BACKEND_FEATURES, false, false),
	KNOWN(VHOST_SET_BACKEND_FEATURES, false, false),
	KNOWN(VHOST_SET_FORK_FROM_OWNER, false, false),
	KNOWN(VHOST_GET_FORK_FROM_OWNER, false, false),
	KNOWN(VHOST_SET_OWNER, false, false),
	KNOWN(VHOST_RESET_OWNER, true, false),
	KNOWN(VHOST_SET_MEM_TABLE, true, false),
	KNOWN(VHOST_SET_LOG_BASE, true, false),
	KNOWN(VHOST_SET_LOG_FD, true, false),
	KNOWN(VHOST_NEW_WORKER, true, false),
	KNOWN(VHOST_FREE_WORKER, true, false),
	KNOWN(VHOST_ATTACH_VRING_WORKER, true, true),
	KNOWN(VHOST_GET_VRING_WORKER, true, true),
	KNOWN(VHOST_SET_VRING_NUM, true, true),
	KNOWN(VHOST_SET_VRING_ADDR, true, true),
	KNOWN(VHOST_SET_VRING_BASE, true, true),
	KNOWN(VHOST_GET_VRING_BASE, true, true),
	KNOWN(VHOST_SET_VRING_KICK, true, true),
	KNOWN(VHOST_SET_VRING_CALL, true, true),
	KNOWN(VHOST_SET_VRING_ERR, true, true),
	KNOWN(VHOST_SET_VRING_BUSYLOOP_TIMEOUT, true, true),
	KNOWN(VHOST_GET_VRING_BUSYLOOP_TIMEOUT, true, true),
	KNOWN(VHA_GET_INFO, false, false),
	KNOWN(VHA_GET_CONFIG, true, false),
	KNOWN(VHA_SET_CONFIG, true, false),
	KNOWN(VHA_SET_CONFIG_CALL, true, false),
	KNOWN(VHA_RESET, true, false),
	KNOWN(VHA_SUSPEND, true, false),
	KNOWN(VHA_RESUME, true, false),
	KNOWN(VHA_PIN_MEMORY, true, false),
	KNOWN(VHA_GET_STATS_FD, true, false),
	KNOWN(VHA_SET_BACKEND, true, false),
	KNOWN(VHA_SET_VRING_ENABLE, true, true),
	KNOWN(VHA_BLK_SET_PARAMS, true, false),
	KNOWN(VHOST_BLK_SET_BACKEND_2012, true, false),
	KNOWN(VHOST_BLK_SET_BACKEND_2018, true, false),
	KNOWN(VHOST_BLK_SET_BACKEND_2022_V1, true, false),
	KNOWN(VHOST_BLK_SET_BACKEND, true, false),
};

#define NR_KNOWN	(sizeof(knowns) / sizeof(knowns[0]))

FIXTURE(ioctl) {
	struct tvm_rig rig;
	struct tvm_dev *dev;
	struct tvm_queue *vq;
	char before[STATE_MAX];
	char after[STATE_MAX];
};

FIXTURE_VARIANT(ioctl) {
	bool running;
};

FIXTURE_VARIANT_ADD(ioctl, stopped) { .running = false };
FIXTURE_VARIANT_ADD(ioctl, running) { .running = true };

FIXTURE_SETUP(ioctl)
{
	struct tvm_rig_options options = {
		.cfg = { .event_idx = true }, .queues = 2, .stopped = !variant->running,
		.features = TVM_BIT(VIRTIO_BLK_F_FLUSH) | TVM_BIT(VIRTIO_BLK_F_CONFIG_WCE),
	};

	tvm_rig_create(&self->rig, &options);
	self->dev = &self->rig.dev;
	self->vq = &self->rig.vqs[0];
}

FIXTURE_TEARDOWN(ioctl)
{
	tvm_rig_destroy(&self->rig);
}

/* Everything that can be read about a device without changing it. */
static void state_read(const struct tvm_dev *dev, char *state)
{
	char *at = state, *end = state + STATE_MAX;
	uint64_t features[2] = { 0 }, backend = 0;
	uint8_t config[VHA_CONFIG_MAX] = { 0 };
	struct vhost_vring_worker worker;
	struct vhost_vring_state loop;
	char path[64];
	unsigned int i;
	uint8_t fork;
	ssize_t len;
	int fd;

	memset(state, 0, STATE_MAX);
	tvm_dev_features_get((struct tvm_dev *)dev, features);
	tvm_dev_ioctl(dev, VHOST_GET_BACKEND_FEATURES, &backend);
	tvm_dev_ioctl(dev, VHOST_GET_FORK_FROM_OWNER, &fork);
	tvm_dev_config_get(dev, 0, config, dev->info.config_size);
	at += snprintf(at, end - at, "%lx %lx %lx %u\n", features[0], features[1], backend,
		       fork);
	for (i = 0; i < dev->info.config_size; i++)
		at += snprintf(at, end - at, "%02x", config[i]);
	for (i = 0; i < 2; i++) {
		worker = (struct vhost_vring_worker){ .index = i };
		loop = (struct vhost_vring_state){ .index = i };
		tvm_dev_ioctl(dev, VHOST_GET_VRING_WORKER, &worker);
		tvm_dev_ioctl(dev, VHOST_GET_VRING_BUSYLOOP_TIMEOUT, &loop);
		at += snprintf(at, end - at, "\nqueue %u worker %u loop %u\n", i,
			       worker.worker_id, loop.num);
	}
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", dev->fd);
	fd = open(path, O_RDONLY);
	ASSERT_GE(fd, 0);
	len = read(fd, at, end - at - 1);
	close(fd);
	ASSERT_GT(len, 0);
}

/* A request must still work if the queue ran before. */
static void check_alive(struct ioctl_fixture *self, bool running)
{
	uint64_t gpa;

	if (!running)
		return;
	gpa = tvm_mem_alloc(&self->rig.mem, 512, 512);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, gpa, 512), VIRTIO_BLK_S_OK);
}

static void check_fails(struct ioctl_fixture *self, const char *name, unsigned long cmd,
			void *arg, int expected)
{
	int ret;

	state_read(self->dev, self->before);
	ret = tvm_dev_ioctl(self->dev, cmd, arg);
	EXPECT_MSG(ret == expected, "%s returned %d, not %d", name, ret, expected);
	state_read(self->dev, self->after);
	EXPECT_MSG(!strcmp(self->before, self->after), "%s changed something:\n%s\n%s", name,
		   self->before, self->after);
}

#define CHECK_FAILS(self, cmd, arg, expected)	check_fails(self, #cmd, cmd, arg, expected)

static bool cmd_known(unsigned long cmd)
{
	unsigned int i;

	for (i = 0; i < NR_KNOWN; i++) {
		if (knowns[i].cmd == cmd)
			return true;
	}
	return false;
}

TEST_F(ioctl, unknown_number)
{
	static const unsigned int sizes[] = { 0, 1, 4, 8, 40, 264, 16383 };
	unsigned int nr, dir, i;
	unsigned long cmd;

	for (nr = 0; nr < 256; nr++) {
		for (dir = 0; dir < 4; dir++) {
			for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
				cmd = _IOC(dir, VHOST_VIRTIO, nr, sizes[i]);
				if (cmd_known(cmd))
					continue;
				EXPECT_MSG(tvm_dev_ioctl(self->dev, cmd, (void *)1) == -ENOTTY,
					   "ioctl %lx is not unknown", cmd);
			}
		}
	}
	EXPECT_EQ(tvm_dev_ioctl(self->dev, FIONBIO + 1, NULL), -ENOTTY);
	check_alive(self, variant->running);
}

/* What can not be done at all is refused before the argument is read. */
static int pointer_errno(unsigned long cmd)
{
	return cmd == VHOST_SET_FORK_FROM_OWNER ? -EBUSY : -EFAULT;
}

TEST_F(ioctl, bad_pointer)
{
	char *hole = mmap(NULL, 2 * TVM_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *bad[] = { NULL, (void *)8, hole, (void *)(~0UL << 12), (void *)-8L };
	unsigned int i, j;

	for (i = 0; i < NR_KNOWN; i++) {
		if (!_IOC_SIZE(knowns[i].cmd))
			continue;
		for (j = 0; j < sizeof(bad) / sizeof(bad[0]); j++)
			check_fails(self, knowns[i].name, knowns[i].cmd, bad[j],
				    pointer_errno(knowns[i].cmd));
	}
	check_alive(self, variant->running);
}

/* The argument ends where memory ends: one byte less than it needs. */
TEST_F(ioctl, short_pointer)
{
	char *area = mmap(NULL, 2 * TVM_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i, size;

	ASSERT_EQ(mprotect(area + TVM_PAGE, TVM_PAGE, PROT_NONE), 0);
	for (i = 0; i < NR_KNOWN; i++) {
		size = _IOC_SIZE(knowns[i].cmd);
		/* Only as much of a configuration access is read as it says. */
		if (size < 2 || knowns[i].cmd == VHA_GET_CONFIG)
			continue;
		check_fails(self, knowns[i].name, knowns[i].cmd,
			    area + TVM_PAGE - (size - 1), -EFAULT);
	}
	check_alive(self, variant->running);
}

/* Results can not be stored: what was done for them is undone or not done. */
TEST_F(ioctl, readonly_pointer)
{
	void *area = mmap(NULL, TVM_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vhost_worker_state worker;
	unsigned int i;

	for (i = 0; i < NR_KNOWN; i++) {
		if (!(_IOC_DIR(knowns[i].cmd) & _IOC_READ) || knowns[i].cmd == VHA_GET_CONFIG)
			continue;
		check_fails(self, knowns[i].name, knowns[i].cmd, area,
			    knowns[i].cmd == VHOST_GET_FEATURES_ARRAY ? 0 : -EFAULT);
	}
	for (i = 1; i < self->dev->info.max_workers; i++)
		EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_NEW_WORKER, &worker), 0);
	check_alive(self, variant->running);
}

TEST_F(ioctl, index_range)
{
	const uint32_t max = self->dev->info.max_queues;
	const uint32_t indices[] = { max, max + 1, 0x10000, 0x80000000, ~0U };
	uint32_t arg[16] = { 0 };
	unsigned int i, j;

	for (i = 0; i < NR_KNOWN; i++) {
		if (!knowns[i].vring)
			continue;
		for (j = 0; j < sizeof(indices) / sizeof(indices[0]); j++) {
			arg[0] = indices[j];
			check_fails(self, knowns[i].name, knowns[i].cmd, arg, -ENOBUFS);
		}
	}
	check_alive(self, variant->running);
}

TEST_F(ioctl, vring_num)
{
	static const uint32_t bad[] = { 0, 3, 63, 65, 32769, 65536, 1U << 31, ~0U };
	struct vhost_vring_state state = { .index = 1 };
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		state.num = bad[i];
		CHECK_FAILS(self, VHOST_SET_VRING_NUM, &state,
			    variant->running ? -EBUSY : -EINVAL);
	}
	state.num = self->dev->info.max_ring_size;
	if (variant->running)
		CHECK_FAILS(self, VHOST_SET_VRING_NUM, &state, -EBUSY);
	else
		EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_SET_VRING_NUM, &state), 0);
	check_alive(self, variant->running);
}

TEST_F(ioctl, vring_base)
{
	struct vhost_vring_state state = { .index = 1, .num = 0x10000 };

	CHECK_FAILS(self, VHOST_SET_VRING_BASE, &state, variant->running ? -EBUSY : -EINVAL);
	state.num = 0xfffe;
	if (variant->running) {
		CHECK_FAILS(self, VHOST_SET_VRING_BASE, &state, -EBUSY);
		return;
	}
	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_SET_VRING_BASE, &state), 0);
	state.num = 0;
	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_GET_VRING_BASE, &state), 0);
	EXPECT_EQ(state.num, 0xfffeU);
}

TEST_F(ioctl, vring_addr)
{
	struct vhost_vring_addr addr = {
		.index = 0, .flags = 2,
		.desc_user_addr = (uintptr_t)self->vq->desc,
		.avail_user_addr = (uintptr_t)self->vq->avail,
		.used_user_addr = (uintptr_t)self->vq->used,
	};

	CHECK_FAILS(self, VHOST_SET_VRING_ADDR, &addr, -EOPNOTSUPP);
	addr.flags = 0;
	/* The same addresses again only switch logging, at any time. */
	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_SET_VRING_ADDR, &addr), 0);
	if (variant->running) {
		addr.desc_user_addr += 4096;
		CHECK_FAILS(self, VHOST_SET_VRING_ADDR, &addr, -EBUSY);
	}
	check_alive(self, variant->running);
}

/* Starting with addresses that can not be, one part at a time. */
TEST_F(ioctl, start_bad_addr)
{
	char *hole = mmap(NULL, 2 * TVM_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uint64_t bad[] = {
		(uintptr_t)hole, 0, ~0ULL & ~15, 1ULL << 63, 0xffff888000000000ULL,
	};
	struct vhost_vring_state num = { .index = 0, .num = 64 };
	struct vhost_vring_state on = { .index = 0, .num = 1 };
	unsigned int i, part;
	int ret;

	if (variant->running)
		ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHOST_SET_VRING_NUM, &num), 0);
	for (part = 0; part < 3; part++) {
		for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			struct vhost_vring_addr addr = {
				.desc_user_addr = part == 0 ? bad[i] : (uintptr_t)self->vq->desc,
				.avail_user_addr = part == 1 ? bad[i] : (uintptr_t)self->vq->avail,
				.used_user_addr = part == 2 ? bad[i] : (uintptr_t)self->vq->used,
			};

			ret = tvm_dev_ioctl(self->dev, VHOST_SET_VRING_ADDR, &addr);
			if (!ret)
				ret = tvm_dev_ioctl(self->dev, VHA_SET_VRING_ENABLE, &on);
			EXPECT_MSG(ret == -EFAULT || ret == -EINVAL,
				   "part %u at %lx: %d", part, bad[i], ret);
		}
	}
	tvm_queue_reset(self->vq);
	EXPECT_EQ(tvm_queue_start(self->vq), 0);
	check_alive(self, true);
}

TEST_F(ioctl, start_misaligned)
{
	struct vhost_vring_state on = { .index = 0, .num = 1 };
	unsigned int part;

	if (variant->running)
		ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	for (part = 0; part < 3; part++) {
		struct vhost_vring_addr addr = {
			.desc_user_addr = (uintptr_t)self->vq->desc + (part == 0 ? 8 : 0),
			.avail_user_addr = (uintptr_t)self->vq->avail + (part == 1 ? 1 : 0),
			.used_user_addr = (uintptr_t)self->vq->used + (part == 2 ? 2 : 0),
		};
		int ret = tvm_queue_configure(self->vq);

		ASSERT_EQ(ret, 0);
		ret = tvm_dev_ioctl(self->dev, VHOST_SET_VRING_ADDR, &addr);
		if (!ret)
			ret = tvm_dev_ioctl(self->dev, VHA_SET_VRING_ENABLE, &on);
		EXPECT_EQ(ret, -EINVAL);
	}
}

TEST_F(ioctl, enable)
{
	struct vhost_vring_state state = { .index = 0, .num = 2 };

	CHECK_FAILS(self, VHA_SET_VRING_ENABLE, &state, -EINVAL);
	state.num = ~0U;
	CHECK_FAILS(self, VHA_SET_VRING_ENABLE, &state, -EINVAL);
	if (!variant->running) {
		/* Neither size nor addresses were set. */
		state.num = 1;
		EXPECT_LT(tvm_dev_ioctl(self->dev, VHA_SET_VRING_ENABLE, &state), 0);
		ASSERT_EQ(tvm_queue_start(self->vq), 0);
	}
	/* Twice is no error, neither way. */
	EXPECT_EQ(tvm_queue_enable(self->vq, true), 0);
	check_alive(self, true);
	EXPECT_EQ(tvm_queue_enable(self->vq, false), 0);
	EXPECT_EQ(tvm_queue_enable(self->vq, false), 0);
	EXPECT_EQ(tvm_queue_enable(self->vq, true), 0);
	check_alive(self, true);
}

TEST_F(ioctl, owner)
{
	/* In-tree vhost says so as well. */
	CHECK_FAILS(self, VHOST_SET_OWNER, NULL, -EBUSY);
	check_alive(self, variant->running);
}

TEST_F(ioctl, features)
{
	uint64_t offered[2], bits;
	unsigned int i;

	ASSERT_EQ(tvm_dev_features_get(self->dev, offered), 0);
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHOST_GET_FEATURES, &bits), 0);
	EXPECT_EQ(bits, offered[0]);
	for (i = 0; i < 64; i++) {
		bits = self->dev->features[0] | TVM_BIT(i);
		if (!(offered[0] & TVM_BIT(i)))
			CHECK_FAILS(self, VHOST_SET_FEATURES, &bits, -EOPNOTSUPP);
	}
	bits = self->dev->features[0] ^ TVM_BIT(VIRTIO_RING_F_EVENT_IDX);
	if (variant->running)
		CHECK_FAILS(self, VHOST_SET_FEATURES, &bits, -EBUSY);
	else
		EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_SET_FEATURES, &bits), 0);
	/* There is no log: neither that feature nor the others change. */
	bits = (offered[0] & (TVM_BIT(VHOST_F_LOG_ALL) | TVM_BIT(VIRTIO_F_VERSION_1) |
			      TVM_BIT(VIRTIO_F_ACCESS_PLATFORM)));
	CHECK_FAILS(self, VHOST_SET_FEATURES, &bits, variant->running ? -EBUSY : -EFAULT);
	/* A packed ring is for drivers of version 1 only. */
	bits = TVM_BIT(VIRTIO_F_RING_PACKED);
	CHECK_FAILS(self, VHOST_SET_FEATURES, &bits, -EINVAL);
}

TEST_F(ioctl, features_array)
{
	uint64_t array[] = { 4, self->dev->features[0], 0, 0, 0 };

	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_SET_FEATURES_ARRAY, array), 0);
	array[4] = 1;
	CHECK_FAILS(self, VHOST_SET_FEATURES_ARRAY, array, -EOPNOTSUPP);
	array[4] = 0;
	array[2] = 1ULL << 63;
	CHECK_FAILS(self, VHOST_SET_FEATURES_ARRAY, array, -EOPNOTSUPP);

	/* Words that the device does not know read as zero. */
	memset(array, 0xff, sizeof(array));
	array[0] = 4;
	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_GET_FEATURES_ARRAY, array), 0);
	EXPECT_EQ(array[3] | array[4], 0ULL);
	array[1] = 0;
	array[2] = 77;
	array[0] = 1;
	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_GET_FEATURES_ARRAY, array), 0);
	EXPECT_NE(array[1], 0ULL);
	EXPECT_EQ(array[2], 77ULL);
	array[0] = ~0ULL;
	CHECK_FAILS(self, VHOST_SET_FEATURES_ARRAY, array, -EOPNOTSUPP);
}

TEST_F(ioctl, backend_features)
{
	uint64_t bits;

	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHOST_GET_BACKEND_FEATURES, &bits), 0);
	EXPECT_TRUE(bits & TVM_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2));
	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_SET_BACKEND_FEATURES, &bits), 0);
	bits = ~bits;
	CHECK_FAILS(self, VHOST_SET_BACKEND_FEATURES, &bits, -EOPNOTSUPP);
}

static void check_mem(struct ioctl_fixture *self, uint32_t nr, uint64_t gpa, uint64_t size,
		      uint64_t hva, int expected)
{
	struct vhost_memory *table = calloc(1, sizeof(*table) + 2 * sizeof(table->regions[0]));

	table->nregions = nr;
	table->regions[0].guest_phys_addr = gpa;
	table->regions[0].memory_size = size;
	table->regions[0].userspace_addr = hva;
	CHECK_FAILS(self, VHOST_SET_MEM_TABLE, table, expected);
	free(table);
}

TEST_F(ioctl, mem_table)
{
	const struct tvm_region *region = &self->rig.mem.regions[0];
	const uint64_t hva = (uintptr_t)region->hva;
	struct {
		struct vhost_memory table;
		struct vhost_memory_region regions[2];
	} two = { .table.nregions = 2 };

	check_mem(self, self->dev->info.max_mem_regions + 1, 0, 0x1000, hva, -E2BIG);
	check_mem(self, ~0U, 0, 0x1000, hva, -E2BIG);
	check_mem(self, 1, 1ULL << 63, 1ULL << 63 | 0x1000, hva, -EINVAL);
	check_mem(self, 1, -0x1000ULL, 0x2000, hva, -EINVAL);
	check_mem(self, 1, 0, 0x1000, -0x1000ULL, -EFAULT);
	check_mem(self, 1, 0, 1ULL << 63, hva, -EFAULT);

	two.table.padding = 1;
	CHECK_FAILS(self, VHOST_SET_MEM_TABLE, &two, -EOPNOTSUPP);
	two.table.padding = 0;
	two.regions[0] = (struct vhost_memory_region){ 0, 0x2000, hva, 0 };
	two.regions[1] = (struct vhost_memory_region){ 0x1000, 0x2000, hva, 0 };
	CHECK_FAILS(self, VHOST_SET_MEM_TABLE, &two, -EINVAL);
	EXPECT_EQ(tvm_dev_mem_set(self->dev, &self->rig.mem), 0);
	check_alive(self, variant->running);
}

TEST_F(ioctl, mem_regions_max)
{
	const uint32_t nr = self->dev->info.max_mem_regions;
	const struct tvm_region *region = &self->rig.mem.regions[2];
	struct vhost_memory *table;
	unsigned int i;

	EXPECT_GE(nr, 64U);
	table = calloc(1, sizeof(*table) + nr * sizeof(table->regions[0]));
	table->nregions = nr;
	for (i = 0; i < nr; i++) {
		table->regions[i].guest_phys_addr = region->gpa + i * TVM_PAGE;
		table->regions[i].memory_size = TVM_PAGE;
		table->regions[i].userspace_addr = (uintptr_t)region->hva + i * TVM_PAGE;
	}
	/* The last region takes all the rest. */
	table->regions[nr - 1].memory_size = region->size - (nr - 1) * TVM_PAGE;
	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_SET_MEM_TABLE, table), 0);
	free(table);
	check_alive(self, variant->running);
}

TEST_F(ioctl, busyloop)
{
	struct vhost_vring_state state = { .index = 1, .num = 50 };

	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &state), 0);
	state.num = 0;
	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_GET_VRING_BUSYLOOP_TIMEOUT, &state), 0);
	EXPECT_EQ(state.num, 50U);
	state.num = ~0U;
	CHECK_FAILS(self, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &state, -EINVAL);
	check_alive(self, variant->running);
}

TEST_F(ioctl, workers)
{
	const uint32_t max = self->dev->info.max_workers;
	struct vhost_worker_state worker, first = { 0 };
	struct vhost_vring_worker vring = { .index = 1 };
	unsigned int i;

	for (i = 1; i < max; i++) {
		ASSERT_EQ(tvm_dev_ioctl(self->dev, VHOST_NEW_WORKER, &worker), 0);
		if (i == 1)
			first = worker;
	}
	EXPECT_LT(tvm_dev_ioctl(self->dev, VHOST_NEW_WORKER, &worker), 0);

	vring.worker_id = ~0U;
	CHECK_FAILS(self, VHOST_ATTACH_VRING_WORKER, &vring, -ENODEV);
	vring.worker_id = first.worker_id;
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHOST_ATTACH_VRING_WORKER, &vring), 0);
	vring.worker_id = 0;
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHOST_GET_VRING_WORKER, &vring), 0);
	EXPECT_EQ(vring.worker_id, first.worker_id);
	CHECK_FAILS(self, VHOST_FREE_WORKER, &first, -EBUSY);
	check_alive(self, variant->running);

	vring.index = 0;
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHOST_GET_VRING_WORKER, &vring), 0);
	vring.index = 1;
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHOST_ATTACH_VRING_WORKER, &vring), 0);
	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_FREE_WORKER, &first), 0);
	CHECK_FAILS(self, VHOST_FREE_WORKER, &first, -ENODEV);
	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_NEW_WORKER, &worker), 0);
	check_alive(self, variant->running);
}

TEST_F(ioctl, config)
{
	const uint32_t size = self->dev->info.config_size;
	const struct { uint32_t offset, size; } bad[] = {
		{ 0, 0 }, { 0, size + 1 }, { size, 1 }, { size - 1, 2 }, { 0, VHA_CONFIG_MAX + 1 },
		{ ~0U, 1 }, { ~0U, 2 }, { 1, ~0U }, { ~0U, ~0U }, { 0x80000000, 0x80000000 },
	};
	struct vha_config config;
	unsigned int i;
	uint8_t byte;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&config, 0, sizeof(config));
		config.offset = bad[i].offset;
		config.size = bad[i].size;
		CHECK_FAILS(self, VHA_GET_CONFIG, &config, -EINVAL);
		CHECK_FAILS(self, VHA_SET_CONFIG, &config, -EINVAL);
	}
	/* Only the write cache byte is the driver's to write. */
	for (i = 0; i < size; i++) {
		ASSERT_EQ(tvm_dev_config_get(self->dev, i, &byte, 1), 0);
		EXPECT_EQ(tvm_dev_config_set(self->dev, i, &byte, 1),
			  i == offsetof(struct virtio_blk_config, wce) ? 0 : -EINVAL);
	}
}

TEST_F(ioctl, reserved)
{
	struct vha_backend backend = { .index = 1, .fd = self->rig.disk.fd };
	struct vha_pin_memory pin = { .flags = 2 };
	struct vha_blk_params params = { .pad = 1 };
	int busy = variant->running ? -EBUSY : -EINVAL;
	int ret;

	ret = tvm_dev_ioctl(self->dev, VHA_SET_BACKEND, &backend);
	EXPECT_TRUE(ret == -EINVAL || ret == busy);
	backend.index = 0;
	backend.flags = 1ULL << 63;
	ret = tvm_dev_ioctl(self->dev, VHA_SET_BACKEND, &backend);
	EXPECT_TRUE(ret == -EINVAL || ret == busy);
	backend.flags = 0;
	backend.reserved[1] = 1;
	ret = tvm_dev_ioctl(self->dev, VHA_SET_BACKEND, &backend);
	EXPECT_TRUE(ret == -EINVAL || ret == busy);

	CHECK_FAILS(self, VHA_PIN_MEMORY, &pin, -EINVAL);
	pin.flags = 0;
	pin.reserved[2] = 1;
	CHECK_FAILS(self, VHA_PIN_MEMORY, &pin, -EINVAL);

	ret = tvm_dev_ioctl(self->dev, VHA_BLK_SET_PARAMS, &params);
	EXPECT_TRUE(ret == -EINVAL || ret == -EBUSY);
	check_alive(self, variant->running);
}

TEST_F(ioctl, backend_busy)
{
	struct vha_backend backend = { .fd = self->rig.disk.fd };

	if (!variant->running) {
		EXPECT_EQ(tvm_dev_ioctl(self->dev, VHA_SET_BACKEND, &backend), 0);
		return;
	}
	CHECK_FAILS(self, VHA_SET_BACKEND, &backend, -EBUSY);
	backend.fd = -1;
	CHECK_FAILS(self, VHA_SET_BACKEND, &backend, -EBUSY);
	check_alive(self, true);
}

/* Descriptors of every kind that none of the calls can use. */
static unsigned int strange_fds(int *fds, int own)
{
	unsigned int nr = 0;
	int pair[2];

	ASSERT_EQ(pipe(pair), 0);
	fds[nr++] = pair[0];
	fds[nr++] = pair[1];
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fds[nr++] = pair[0];
	fds[nr++] = socket(AF_INET, SOCK_DGRAM, 0);
	fds[nr++] = socket(AF_NETLINK, SOCK_RAW, 0);
	fds[nr++] = epoll_create1(0);
	fds[nr++] = timerfd_create(CLOCK_MONOTONIC, 0);
	fds[nr++] = open("/dev/null", O_RDWR);
	fds[nr++] = open("/dev/zero", O_RDWR);
	fds[nr++] = open("/proc/self/status", O_RDONLY);
	fds[nr++] = open("/", O_RDONLY | O_DIRECTORY);
	fds[nr++] = syscall(SYS_pidfd_open, getpid(), 0);
	fds[nr++] = own;
	return nr;
}

static void check_fd(struct ioctl_fixture *self, const struct known *known, int fd,
		     unsigned int kind)
{
	struct vhost_vring_file file = { .index = 0, .fd = fd };
	struct vha_backend backend = { .fd = fd };
	bool bare = _IOC_SIZE(known->cmd) == sizeof(int);
	void *arg = bare ? (void *)&fd : (void *)&file;
	int ret;

	if (known->cmd == VHA_SET_BACKEND)
		arg = &backend;
	state_read(self->dev, self->before);
	ret = tvm_dev_ioctl(self->dev, known->cmd, arg);
	EXPECT_MSG(ret < 0 && ret != -EFAULT, "%s took descriptor of kind %u: %d",
		   known->name, kind, ret);
	state_read(self->dev, self->after);
	EXPECT_MSG(!strcmp(self->before, self->after), "%s changed something", known->name);
}

TEST_F(ioctl, descriptor_kinds)
{
	static const struct known takers[] = {
		KNOWN(VHOST_SET_VRING_KICK, true, true),
		KNOWN(VHOST_SET_VRING_CALL, true, true),
		KNOWN(VHOST_SET_VRING_ERR, true, true),
		KNOWN(VHOST_SET_LOG_FD, true, false),
		KNOWN(VHA_SET_CONFIG_CALL, true, false),
		KNOWN(VHA_SET_BACKEND, true, false),
		KNOWN(VHOST_BLK_SET_BACKEND, true, false),
		KNOWN(VHOST_BLK_SET_BACKEND_2012, true, false),
		KNOWN(VHOST_BLK_SET_BACKEND_2018, true, false),
		KNOWN(VHOST_BLK_SET_BACKEND_2022_V1, true, false),
	};
	int fds[32], path = open("/dev/null", O_PATH), closed = dup(path);
	unsigned int i, j, nr = strange_fds(fds, self->dev->fd);

	close(closed);
	fds[nr++] = path;
	fds[nr++] = closed;
	fds[nr++] = -2;
	fds[nr++] = 1 << 30;
	for (i = 0; i < sizeof(takers) / sizeof(takers[0]); i++) {
		for (j = 0; j < nr; j++)
			check_fd(self, &takers[i], fds[j], j);
	}
	/* An eventfd is no disk, and a disk no eventfd. */
	check_fd(self, &takers[5], self->vq->kick_fd, 100);
	for (i = 0; i < 5; i++)
		check_fd(self, &takers[i], self->rig.disk.fd, 101);
	check_alive(self, variant->running);
}

/* A process that inherited the descriptor is not the owner. */
TEST_F(ioctl, other_process)
{
	uint32_t arg[80] = { 0 };
	unsigned int i;
	int status;
	pid_t pid;

	state_read(self->dev, self->before);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int bad = 0;

		for (i = 0; i < NR_KNOWN; i++) {
			if (!knowns[i].needs_owner || knowns[i].cmd == VHA_GET_STATS_FD ||
			    knowns[i].cmd == VHA_GET_CONFIG)
				continue;
			if (tvm_dev_ioctl(self->dev, knowns[i].cmd, arg) == -EPERM)
				continue;
			harness_note("%s works in another process", knowns[i].name);
			bad = 1;
		}
		fflush(stdout);
		_exit(bad);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	state_read(self->dev, self->after);
	EXPECT_EQ(strcmp(self->before, self->after), 0);
	check_alive(self, variant->running);
}

TEST(before_owner)
{
	uint32_t arg[80] = { 0 };
	struct tvm_dev dev;
	unsigned int i;
	int ret;

	ASSERT_EQ(tvm_dev_open(&dev, tvm_rig_node()), 0);
	for (i = 0; i < NR_KNOWN; i++) {
		if (!knowns[i].needs_owner || knowns[i].cmd == VHA_GET_STATS_FD ||
		    knowns[i].cmd == VHA_GET_CONFIG)
			continue;
		ret = tvm_dev_ioctl(&dev, knowns[i].cmd, arg);
		EXPECT_MSG(ret == -EPERM, "%s returned %d", knowns[i].name, ret);
	}
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_OWNER, NULL), 0);
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_OWNER, NULL), -EBUSY);
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_RESET_OWNER, NULL), 0);
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_OWNER, NULL), 0);
	tvm_dev_close(&dev);
}

TEST(info)
{
	static const uint64_t none[4];
	struct tvm_dev dev;

	ASSERT_EQ(tvm_dev_open(&dev, tvm_rig_node()), 0);
	EXPECT_EQ(dev.info.abi_version, (uint32_t)VHA_ABI_VERSION);
	EXPECT_EQ(dev.info.virtio_id, 2U);
	EXPECT_GE(dev.info.max_queues, 64U);
	EXPECT_EQ(dev.info.max_ring_size, 32768U);
	EXPECT_GE(dev.info.config_size, 60U);
	EXPECT_GE(dev.info.max_workers, 2U);
	EXPECT_EQ(memcmp(dev.info.reserved, none, sizeof(none)), 0);
	tvm_dev_close(&dev);
}

TEST(fork_from_owner)
{
	struct tvm_dev dev;
	uint8_t mode = 2;

	ASSERT_EQ(tvm_dev_open(&dev, tvm_rig_node()), 0);
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_FORK_FROM_OWNER, &mode), -EINVAL);
	for (mode = 0; mode < 2; mode++) {
		uint8_t now = 7;

		EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_FORK_FROM_OWNER, &mode), 0);
		EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_GET_FORK_FROM_OWNER, &now), 0);
		EXPECT_EQ(now, mode);
	}
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_OWNER, NULL), 0);
	mode = VHOST_FORK_OWNER_KTHREAD;
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_FORK_FROM_OWNER, &mode), -EBUSY);
	tvm_dev_close(&dev);
}

HARNESS_MAIN
