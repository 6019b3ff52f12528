// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where addresses of the front end lead, and what a dirty log covers
 */
#include <sys/mman.h>
#include <unistd.h>

#include "dirty_log.h"
#include "harness.h"
#include "memory.h"
#include "vhost_user.h"

#define PAGE	4096UL

FIXTURE(memory) {
	struct memory table;
	struct memory empty;
	int fd;
};

FIXTURE_SETUP(memory)
{
	self->fd = memfd_create("guest", 0);
	ASSERT_EQ(ftruncate(self->fd, 16 * PAGE), 0);
}

FIXTURE_TEARDOWN(memory)
{
	memory_release(&self->table, NULL);
	close(self->fd);
}

static int add(struct memory_fixture *self, uint64_t guest, uint64_t size, uint64_t user,
	       uint64_t offset)
{
	const struct vhost_user_region front = { guest, size, user, offset };

	return memory_add(&self->table, &self->empty, &front, self->fd);
}

TEST_F(memory, translation)
{
	uint64_t address;

	ASSERT_EQ(add(self, 0, 2 * PAGE, 0x100000, 3 * PAGE), 0);
	ASSERT_EQ(add(self, 8 * PAGE, PAGE, 0x100000 + 2 * PAGE, 8), 0);
	ASSERT_EQ(pwrite(self->fd, "marker", 6, 4 * PAGE + 5), 6);
	address = memory_translate(&self->table, 0x100000 + PAGE + 5, 6);
	ASSERT_NE(address, 0ULL);
	EXPECT_EQ(memcmp((void *)(uintptr_t)address, "marker", 6), 0);
	EXPECT_NE(memory_translate(&self->table, 0x100000, 2 * PAGE), 0ULL);
	/* The second region follows for the front end, but not here. */
	EXPECT_EQ(memory_translate(&self->table, 0x100000, 2 * PAGE + 1), 0ULL);
	EXPECT_EQ(memory_contiguous(&self->table, 0x100000 + 5), 2 * PAGE - 5);
	EXPECT_EQ(memory_translate(&self->table, 0x100000 - 1, 1), 0ULL);
	EXPECT_EQ(memory_translate(&self->table, 0x100000 + 3 * PAGE, 1), 0ULL);
	EXPECT_EQ(memory_translate(&self->table, 0x100000, ~0ULL), 0ULL);
	EXPECT_EQ(memory_contiguous(&self->table, 0), 0ULL);
	EXPECT_EQ(memory_last_guest_address(&self->table), 9 * PAGE - 1);
}

TEST_F(memory, regions_that_can_not_be)
{
	EXPECT_NE(add(self, 0, 0, PAGE, 0), 0);
	EXPECT_NE(add(self, ~0ULL - 8, PAGE, PAGE, 0), 0);
	EXPECT_NE(add(self, 0, PAGE, ~0ULL - 8, 0), 0);
	EXPECT_NE(add(self, 0, 17 * PAGE, PAGE, 0), 0);
	EXPECT_NE(add(self, 0, PAGE, PAGE, 16 * PAGE), 0);
	EXPECT_NE(add(self, 0, PAGE, PAGE, ~0ULL - 8), 0);
	EXPECT_NE(add(self, 0, ~0ULL - PAGE, PAGE, 0), 0);
	EXPECT_EQ(add(self, PAGE, 2 * PAGE, PAGE, 0), 0);
	EXPECT_NE(add(self, 2 * PAGE, PAGE, 8 * PAGE, 0), 0);
	EXPECT_NE(add(self, 8 * PAGE, PAGE, 2 * PAGE, 0), 0);
	EXPECT_EQ(add(self, 3 * PAGE, PAGE, 3 * PAGE, 0), 0);
	EXPECT_EQ(self->table.num_regions, 2U);
}

TEST_F(memory, limit)
{
	unsigned int i;

	for (i = 0; i < MEMORY_MAX_REGIONS; i++)
		ASSERT_EQ(add(self, i * PAGE, PAGE, (i + 1) * PAGE, 0), 0);
	EXPECT_NE(add(self, i * PAGE, PAGE, (i + 1) * PAGE, 0), 0);
}

/* What stays keeps its place, what goes is unmapped, and only that. */
TEST_F(memory, tables_share)
{
	static struct memory next;
	const struct vhost_user_region stays = { 0, PAGE, PAGE, 0 };
	const struct vhost_user_region moved = { PAGE, PAGE, 2 * PAGE, 2 * PAGE };
	void *kept, *gone;

	ASSERT_EQ(add(self, 0, PAGE, PAGE, 0), 0);
	ASSERT_EQ(add(self, PAGE, PAGE, 2 * PAGE, PAGE), 0);
	kept = self->table.regions[0].mapping.map;
	gone = self->table.regions[1].mapping.map;
	next.num_regions = 0;
	ASSERT_EQ(memory_add(&next, &self->table, &stays, self->fd), 0);
	/* The same place of the front end, but another page of the file. */
	ASSERT_EQ(memory_add(&next, &self->table, &moved, self->fd), 0);
	EXPECT_TRUE(next.regions[0].mapping.map == kept);
	EXPECT_TRUE(next.regions[1].mapping.map != gone);
	EXPECT_TRUE(memory_release(&self->table, &next));
	EXPECT_EQ(msync(kept, PAGE, MS_ASYNC), 0);
	EXPECT_NE(msync(gone, PAGE, MS_ASYNC), 0);
	self->table = next;
	EXPECT_FALSE(memory_release(&self->table, &next));
	self->table = next;
}

TEST_F(memory, removal)
{
	struct vhost_user_region front = { 0, PAGE, PAGE, 0 };

	ASSERT_EQ(add(self, 0, PAGE, PAGE, 0), 0);
	front.size = 2 * PAGE;
	EXPECT_NE(memory_remove(&self->table, &front), 0);
	front.size = PAGE;
	front.user_address = 2 * PAGE;
	EXPECT_NE(memory_remove(&self->table, &front), 0);
	front.user_address = PAGE;
	/* The offset does not identify a region. */
	front.mmap_offset = 12345;
	self->empty = self->table;
	EXPECT_EQ(memory_remove(&self->table, &front), 0);
	EXPECT_EQ(self->table.num_regions, 0U);
	memory_release(&self->empty, NULL);
}

TEST(log_coverage)
{
	struct dirty_log log = { .size = 1 };

	EXPECT_TRUE(dirty_log_covers(&log, 0));
	EXPECT_TRUE(dirty_log_covers(&log, 8 * PAGE - 1));
	EXPECT_FALSE(dirty_log_covers(&log, 8 * PAGE));
	EXPECT_FALSE(dirty_log_covers(&log, ~0ULL));
}
