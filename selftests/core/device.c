// SPDX-License-Identifier: GPL-2.0-only
/*
 * core: the ioctls about features, memory, workers, configuration and backing
 * object with every kind of wrong argument
 *
 * A call that fails must change nothing.
 */
#include <stdlib.h>

#include "tvm_ioctl.h"

FIXTURE(device) {
	struct tvm_ioctl io;
};

FIXTURE_VARIANT(device) {
	bool running;
};

FIXTURE_VARIANT_ADD(device, stopped) { .running = false };
FIXTURE_VARIANT_ADD(device, running) { .running = true };

FIXTURE_SETUP(device)
{
	tvm_ioctl_create(&self->io, variant->running);
}

FIXTURE_TEARDOWN(device)
{
	tvm_ioctl_destroy(&self->io);
}

TEST_F(device, owner)
{
	/* In-tree vhost says so as well. */
	TVM_IOCTL_FAILS(&self->io, VHOST_SET_OWNER, NULL, -EBUSY);
	tvm_ioctl_alive(&self->io, variant->running);
}

TEST_F(device, features)
{
	uint64_t offered[2], bits;
	unsigned int i;

	ASSERT_EQ(tvm_dev_features_get(self->io.dev, offered), 0);
	ASSERT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_GET_FEATURES, &bits), 0);
	EXPECT_EQ(bits, offered[0]);
	for (i = 0; i < 64; i++) {
		bits = self->io.dev->features[0] | TVM_BIT(i);
		if (!(offered[0] & TVM_BIT(i)))
			TVM_IOCTL_FAILS(&self->io, VHOST_SET_FEATURES, &bits, -EOPNOTSUPP);
	}
	bits = self->io.dev->features[0] ^ TVM_BIT(VIRTIO_RING_F_EVENT_IDX);
	if (variant->running)
		TVM_IOCTL_FAILS(&self->io, VHOST_SET_FEATURES, &bits, -EBUSY);
	else
		EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_SET_FEATURES, &bits), 0);
	/* There is no log: neither that feature nor the others change. */
	bits = (offered[0] & (TVM_BIT(VHOST_F_LOG_ALL) | TVM_BIT(VIRTIO_F_VERSION_1) |
			      TVM_BIT(VIRTIO_F_ACCESS_PLATFORM)));
	TVM_IOCTL_FAILS(&self->io, VHOST_SET_FEATURES, &bits, variant->running ? -EBUSY : -EFAULT);
	/* A packed ring is for drivers of version 1 only. */
	bits = TVM_BIT(VIRTIO_F_RING_PACKED);
	TVM_IOCTL_FAILS(&self->io, VHOST_SET_FEATURES, &bits, -EINVAL);
}

TEST_F(device, features_array)
{
	uint64_t array[] = { 4, self->io.dev->features[0], 0, 0, 0 };

	EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_SET_FEATURES_ARRAY, array), 0);
	array[4] = 1;
	TVM_IOCTL_FAILS(&self->io, VHOST_SET_FEATURES_ARRAY, array, -EOPNOTSUPP);
	array[4] = 0;
	array[2] = 1ULL << 63;
	TVM_IOCTL_FAILS(&self->io, VHOST_SET_FEATURES_ARRAY, array, -EOPNOTSUPP);

	/* Words that the device does not know read as zero. */
	memset(array, 0xff, sizeof(array));
	array[0] = 4;
	EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_GET_FEATURES_ARRAY, array), 0);
	EXPECT_EQ(array[3] | array[4], 0ULL);
	array[1] = 0;
	array[2] = 77;
	array[0] = 1;
	EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_GET_FEATURES_ARRAY, array), 0);
	EXPECT_NE(array[1], 0ULL);
	EXPECT_EQ(array[2], 77ULL);
	array[0] = ~0ULL;
	TVM_IOCTL_FAILS(&self->io, VHOST_SET_FEATURES_ARRAY, array, -EOPNOTSUPP);
	TVM_IOCTL_FAILS(&self->io, VHOST_GET_FEATURES_ARRAY, array, -E2BIG);
	array[0] = 513;
	TVM_IOCTL_FAILS(&self->io, VHOST_GET_FEATURES_ARRAY, array, -E2BIG);
}

TEST_F(device, backend_features)
{
	uint64_t bits;

	ASSERT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_GET_BACKEND_FEATURES, &bits), 0);
	EXPECT_TRUE(bits & TVM_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2));
	EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_SET_BACKEND_FEATURES, &bits), 0);
	bits = ~bits;
	TVM_IOCTL_FAILS(&self->io, VHOST_SET_BACKEND_FEATURES, &bits, -EOPNOTSUPP);
}

static void check_mem(struct device_fixture *self, uint32_t nr, uint64_t gpa, uint64_t size,
		      uint64_t hva, int expected)
{
	struct vhost_memory *table = calloc(1, sizeof(*table) + 2 * sizeof(table->regions[0]));

	table->nregions = nr;
	table->regions[0].guest_phys_addr = gpa;
	table->regions[0].memory_size = size;
	table->regions[0].userspace_addr = hva;
	TVM_IOCTL_FAILS(&self->io, VHOST_SET_MEM_TABLE, table, expected);
	free(table);
}

TEST_F(device, mem_table)
{
	const struct tvm_region *region = &self->io.rig.mem.regions[0];
	const uint64_t hva = (uintptr_t)region->hva;
	struct {
		struct vhost_memory table;
		struct vhost_memory_region regions[2];
	} two = { .table.nregions = 2 };

	check_mem(self, self->io.dev->info.max_mem_regions + 1, 0, 0x1000, hva, -E2BIG);
	check_mem(self, ~0U, 0, 0x1000, hva, -E2BIG);
	check_mem(self, 1, 1ULL << 63, 1ULL << 63 | 0x1000, hva, -EINVAL);
	check_mem(self, 1, -0x1000ULL, 0x2000, hva, -EINVAL);
	check_mem(self, 1, 0, 0x1000, -0x1000ULL, -EFAULT);
	check_mem(self, 1, 0, 1ULL << 63, hva, -EFAULT);

	two.table.padding = 1;
	TVM_IOCTL_FAILS(&self->io, VHOST_SET_MEM_TABLE, &two, -EOPNOTSUPP);
	two.table.padding = 0;
	two.regions[0] = (struct vhost_memory_region){ 0, 0x2000, hva, 0 };
	two.regions[1] = (struct vhost_memory_region){ 0x1000, 0x2000, hva, 0 };
	TVM_IOCTL_FAILS(&self->io, VHOST_SET_MEM_TABLE, &two, -EINVAL);
	EXPECT_EQ(tvm_dev_mem_set(self->io.dev, &self->io.rig.mem), 0);
	tvm_ioctl_alive(&self->io, variant->running);
}

TEST_F(device, mem_regions_max)
{
	const uint32_t nr = self->io.dev->info.max_mem_regions;
	const struct tvm_region *region = &self->io.rig.mem.regions[2];
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
	EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_SET_MEM_TABLE, table), 0);
	free(table);
	tvm_ioctl_alive(&self->io, variant->running);
}

TEST_F(device, workers)
{
	const uint32_t max = self->io.dev->info.max_workers;
	struct vhost_worker_state worker, first = { 0 };
	struct vhost_vring_worker vring = { .index = 1 };
	unsigned int i;

	for (i = 1; i < max; i++) {
		ASSERT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_NEW_WORKER, &worker), 0);
		if (i == 1)
			first = worker;
	}
	EXPECT_LT(tvm_dev_ioctl(self->io.dev, VHOST_NEW_WORKER, &worker), 0);

	vring.worker_id = ~0U;
	TVM_IOCTL_FAILS(&self->io, VHOST_ATTACH_VRING_WORKER, &vring, -ENODEV);
	vring.worker_id = first.worker_id;
	ASSERT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_ATTACH_VRING_WORKER, &vring), 0);
	vring.worker_id = 0;
	ASSERT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_GET_VRING_WORKER, &vring), 0);
	EXPECT_EQ(vring.worker_id, first.worker_id);
	TVM_IOCTL_FAILS(&self->io, VHOST_FREE_WORKER, &first, -EBUSY);
	tvm_ioctl_alive(&self->io, variant->running);

	vring.index = 0;
	ASSERT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_GET_VRING_WORKER, &vring), 0);
	vring.index = 1;
	ASSERT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_ATTACH_VRING_WORKER, &vring), 0);
	EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_FREE_WORKER, &first), 0);
	TVM_IOCTL_FAILS(&self->io, VHOST_FREE_WORKER, &first, -ENODEV);
	EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_NEW_WORKER, &worker), 0);
	tvm_ioctl_alive(&self->io, variant->running);
}

TEST_F(device, config)
{
	const uint32_t size = self->io.dev->info.config_size;
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
		TVM_IOCTL_FAILS(&self->io, VHA_GET_CONFIG, &config, -EINVAL);
		TVM_IOCTL_FAILS(&self->io, VHA_SET_CONFIG, &config, -EINVAL);
	}
	/* Only the write cache byte is the driver's to write. */
	for (i = 0; i < size; i++) {
		ASSERT_EQ(tvm_dev_config_get(self->io.dev, i, &byte, 1), 0);
		EXPECT_EQ(tvm_dev_config_set(self->io.dev, i, &byte, 1),
			  i == offsetof(struct virtio_blk_config, wce) ? 0 : -EINVAL);
	}
}

TEST_F(device, reserved)
{
	struct vha_backend backend = { .index = 1, .fd = self->io.rig.disk.fd };
	struct vha_pin_memory pin = { .flags = 2 };
	struct vha_blk_params params = { .pad = 1 };
	int busy = variant->running ? -EBUSY : -EINVAL;
	int ret;

	ret = tvm_dev_ioctl(self->io.dev, VHA_SET_BACKEND, &backend);
	EXPECT_TRUE(ret == -EINVAL || ret == busy);
	backend.index = 0;
	backend.flags = 1ULL << 63;
	ret = tvm_dev_ioctl(self->io.dev, VHA_SET_BACKEND, &backend);
	EXPECT_TRUE(ret == -EINVAL || ret == busy);
	backend.flags = 0;
	backend.reserved[1] = 1;
	ret = tvm_dev_ioctl(self->io.dev, VHA_SET_BACKEND, &backend);
	EXPECT_TRUE(ret == -EINVAL || ret == busy);

	TVM_IOCTL_FAILS(&self->io, VHA_PIN_MEMORY, &pin, -EINVAL);
	pin.flags = 0;
	pin.reserved[2] = 1;
	TVM_IOCTL_FAILS(&self->io, VHA_PIN_MEMORY, &pin, -EINVAL);

	ret = tvm_dev_ioctl(self->io.dev, VHA_BLK_SET_PARAMS, &params);
	EXPECT_TRUE(ret == -EINVAL || ret == -EBUSY);
	tvm_ioctl_alive(&self->io, variant->running);
}

TEST_F(device, backend_busy)
{
	struct vha_backend backend = { .fd = self->io.rig.disk.fd };

	if (!variant->running) {
		EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHA_SET_BACKEND, &backend), 0);
		return;
	}
	TVM_IOCTL_FAILS(&self->io, VHA_SET_BACKEND, &backend, -EBUSY);
	backend.fd = -1;
	TVM_IOCTL_FAILS(&self->io, VHA_SET_BACKEND, &backend, -EBUSY);
	tvm_ioctl_alive(&self->io, true);
}

HARNESS_MAIN
