// SPDX-License-Identifier: GPL-2.0-only
/*
 * core: the ioctls about one queue with every kind of wrong argument
 *
 * A call that fails must change nothing.
 */
#include <sys/mman.h>

#include "tvm_ioctl.h"

FIXTURE(vring) {
	struct tvm_ioctl io;
};

FIXTURE_VARIANT(vring) {
	bool running;
};

FIXTURE_VARIANT_ADD(vring, stopped) { .running = false };
FIXTURE_VARIANT_ADD(vring, running) { .running = true };

FIXTURE_SETUP(vring)
{
	tvm_ioctl_create(&self->io, variant->running);
}

FIXTURE_TEARDOWN(vring)
{
	tvm_ioctl_destroy(&self->io);
}

TEST_F(vring, vring_num)
{
	static const uint32_t bad[] = { 0, 3, 63, 65, 32769, 65536, 1U << 31, ~0U };
	struct vhost_vring_state state = { .index = 1 };
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		state.num = bad[i];
		TVM_IOCTL_FAILS(&self->io, VHOST_SET_VRING_NUM, &state,
				variant->running ? -EBUSY : -EINVAL);
	}
	state.num = self->io.dev->info.max_ring_size;
	if (variant->running)
		TVM_IOCTL_FAILS(&self->io, VHOST_SET_VRING_NUM, &state, -EBUSY);
	else
		EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_SET_VRING_NUM, &state), 0);
	tvm_ioctl_alive(&self->io, variant->running);
}

TEST_F(vring, vring_base)
{
	struct vhost_vring_state state = { .index = 1, .num = 0x10000 };

	TVM_IOCTL_FAILS(&self->io, VHOST_SET_VRING_BASE, &state,
			variant->running ? -EBUSY : -EINVAL);
	state.num = 0xfffe;
	if (variant->running) {
		TVM_IOCTL_FAILS(&self->io, VHOST_SET_VRING_BASE, &state, -EBUSY);
		return;
	}
	EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_SET_VRING_BASE, &state), 0);
	state.num = 0;
	EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_GET_VRING_BASE, &state), 0);
	EXPECT_EQ(state.num, 0xfffeU);
}

TEST_F(vring, vring_addr)
{
	struct vhost_vring_addr addr = {
		.index = 0, .flags = 2,
		.desc_user_addr = (uintptr_t)self->io.vq->desc,
		.avail_user_addr = (uintptr_t)self->io.vq->avail,
		.used_user_addr = (uintptr_t)self->io.vq->used,
	};

	TVM_IOCTL_FAILS(&self->io, VHOST_SET_VRING_ADDR, &addr, -EOPNOTSUPP);
	addr.flags = 0;
	/* The same addresses again only switch logging, at any time. */
	EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_SET_VRING_ADDR, &addr), 0);
	if (variant->running) {
		addr.desc_user_addr += 4096;
		TVM_IOCTL_FAILS(&self->io, VHOST_SET_VRING_ADDR, &addr, -EBUSY);
	}
	tvm_ioctl_alive(&self->io, variant->running);
}

/* Starting with addresses that can not be, one part at a time. */
TEST_F(vring, start_bad_addr)
{
	char *hole = mmap(NULL, 2 * TVM_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uint64_t bad[] = {
		(uintptr_t)hole, 0, ~0ULL & ~15, 1ULL << 63, 0xffff888000000000ULL,
	};
	struct vhost_vring_state num = { .index = 0, .num = 64 };
	struct vhost_vring_state on = { .index = 0, .num = 1 };
	const struct tvm_queue *vq = self->io.vq;
	unsigned int i, part;
	int ret;

	if (variant->running)
		ASSERT_EQ(tvm_queue_stop(self->io.vq, NULL), 0);
	ASSERT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_SET_VRING_NUM, &num), 0);
	for (part = 0; part < 3; part++) {
		for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			struct vhost_vring_addr addr = {
				.desc_user_addr = part == 0 ? bad[i] : (uintptr_t)vq->desc,
				.avail_user_addr = part == 1 ? bad[i] : (uintptr_t)vq->avail,
				.used_user_addr = part == 2 ? bad[i] : (uintptr_t)vq->used,
			};

			ret = tvm_dev_ioctl(self->io.dev, VHOST_SET_VRING_ADDR, &addr);
			if (!ret)
				ret = tvm_dev_ioctl(self->io.dev, VHA_SET_VRING_ENABLE, &on);
			EXPECT_MSG(ret == -EFAULT || ret == -EINVAL,
				   "part %u at %lx: %d", part, bad[i], ret);
		}
	}
	tvm_queue_reset(self->io.vq);
	EXPECT_EQ(tvm_queue_start(self->io.vq), 0);
	tvm_ioctl_alive(&self->io, true);
}

TEST_F(vring, start_misaligned)
{
	struct vhost_vring_state on = { .index = 0, .num = 1 };
	unsigned int part;

	if (variant->running)
		ASSERT_EQ(tvm_queue_stop(self->io.vq, NULL), 0);
	for (part = 0; part < 3; part++) {
		struct vhost_vring_addr addr = {
			.desc_user_addr = (uintptr_t)self->io.vq->desc + (part == 0 ? 8 : 0),
			.avail_user_addr = (uintptr_t)self->io.vq->avail + (part == 1 ? 1 : 0),
			.used_user_addr = (uintptr_t)self->io.vq->used + (part == 2 ? 2 : 0),
		};
		int ret = tvm_queue_configure(self->io.vq);

		ASSERT_EQ(ret, 0);
		ret = tvm_dev_ioctl(self->io.dev, VHOST_SET_VRING_ADDR, &addr);
		if (!ret)
			ret = tvm_dev_ioctl(self->io.dev, VHA_SET_VRING_ENABLE, &on);
		EXPECT_EQ(ret, -EINVAL);
	}
}

/* What the device only reads may be where the VMM itself can not write. */
TEST_F(vring, start_read_only)
{
	const struct tvm_region *region = &self->io.rig.mem.regions[2];
	struct tvm_queue *vq = self->io.vq;
	char *alias = mmap(NULL, region->size, PROT_READ, MAP_SHARED, self->io.rig.mem.fd,
			   region->file_offset);
	struct vhost_vring_addr addr = {
		.desc_user_addr = (uintptr_t)alias + (vq->desc_gpa - region->gpa),
		.avail_user_addr = (uintptr_t)alias + (vq->driver_gpa - region->gpa),
		.used_user_addr = (uintptr_t)vq->used,
	};

	if (variant->running)
		ASSERT_EQ(tvm_queue_stop(vq, NULL), 0);
	tvm_queue_reset(vq);
	ASSERT_EQ(tvm_queue_configure(vq), 0);
	ASSERT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_SET_VRING_ADDR, &addr), 0);
	ASSERT_EQ(tvm_queue_enable(vq, true), 0);
	tvm_ioctl_alive(&self->io, true);
	ASSERT_EQ(tvm_queue_stop(vq, NULL), 0);
	addr.used_user_addr = (uintptr_t)alias + (vq->device_gpa - region->gpa);
	ASSERT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_SET_VRING_ADDR, &addr), 0);
	EXPECT_EQ(tvm_queue_enable(vq, true), -EFAULT);
}

/* Memory nobody touched before the start is not taken for another's zeroes. */
TEST_F(vring, start_untouched)
{
	struct tvm_queue *vq = self->io.vq;
	char *fresh = mmap(NULL, 2 * TVM_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (variant->running)
		ASSERT_EQ(tvm_queue_stop(vq, NULL), 0);
	tvm_queue_reset(vq);
	vq->desc = (void *)fresh;
	vq->avail = (void *)(fresh + TVM_PAGE);
	ASSERT_EQ(tvm_queue_start(vq), 0);
	tvm_ioctl_alive(&self->io, true);
}

/* Both wrap counters of a packed ring are 1 at first, though nobody said so. */
TEST_F(vring, packed_base)
{
	struct vhost_vring_state state = { .index = 1 };

	if (variant->running)
		return;
	ASSERT_EQ(tvm_dev_features_set(self->io.dev, TVM_BIT(VIRTIO_F_VERSION_1) |
				       TVM_BIT(VIRTIO_F_RING_PACKED), 0), 0);
	ASSERT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_GET_VRING_BASE, &state), 0);
	EXPECT_EQ(state.num, 0x80008000U);
}

TEST_F(vring, enable)
{
	struct vhost_vring_state state = { .index = 0, .num = 2 };

	TVM_IOCTL_FAILS(&self->io, VHA_SET_VRING_ENABLE, &state, -EINVAL);
	state.num = ~0U;
	TVM_IOCTL_FAILS(&self->io, VHA_SET_VRING_ENABLE, &state, -EINVAL);
	if (!variant->running) {
		/* Neither size nor addresses were set. */
		state.num = 1;
		EXPECT_LT(tvm_dev_ioctl(self->io.dev, VHA_SET_VRING_ENABLE, &state), 0);
		ASSERT_EQ(tvm_queue_start(self->io.vq), 0);
	}
	/* Twice is no error, neither way. */
	EXPECT_EQ(tvm_queue_enable(self->io.vq, true), 0);
	tvm_ioctl_alive(&self->io, true);
	EXPECT_EQ(tvm_queue_enable(self->io.vq, false), 0);
	EXPECT_EQ(tvm_queue_enable(self->io.vq, false), 0);
	EXPECT_EQ(tvm_queue_enable(self->io.vq, true), 0);
	tvm_ioctl_alive(&self->io, true);
}

TEST_F(vring, busyloop)
{
	struct vhost_vring_state state = { .index = 1, .num = 50 };

	EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &state), 0);
	state.num = 0;
	EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_GET_VRING_BUSYLOOP_TIMEOUT, &state), 0);
	EXPECT_EQ(state.num, 50U);
	state.num = ~0U;
	TVM_IOCTL_FAILS(&self->io, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &state, -EINVAL);
	tvm_ioctl_alive(&self->io, variant->running);
}

HARNESS_MAIN
