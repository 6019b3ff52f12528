// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory table: what is accepted, what is found, what is copied
 */
#include <linux/random.h>

#include "guest.h"

#define REGION(gpa, len, hva) {						\
	.guest_phys_addr = (gpa), .memory_size = (len), .userspace_addr = (hva),	\
}

/* Far from anything that exists: tables are made without looking at memory. */
#define HVA	0x100000000UL

struct refused {
	const char *name;
	struct vhost_memory_region regions[3];
	u32 nr;
	int error;
};

static const struct refused refused[] = {
	{ "empty region", { REGION(0, 0, HVA) }, 1, -EINVAL },
	{ "address 0 of the owner", { REGION(0, SZ_4K, 0) }, 1, -EINVAL },
	{ "guest address wraps", { REGION(U64_MAX - SZ_4K + 2, SZ_4K, HVA) }, 1, -EINVAL },
	{ "owner's address wraps", { REGION(0, SZ_4K, U64_MAX - SZ_4K + 2) }, 1, -EINVAL },
	{ "size of all addresses", { REGION(1, U64_MAX, HVA) }, 1, -EINVAL },
	{ "address of the kernel", { REGION(0, SZ_4K, 0xffff888000000000UL) }, 1, -EFAULT },
	{ "end in the kernel", { REGION(0, 1UL << 63, HVA) }, 1, -EFAULT },
	{ "same twice", { REGION(0, SZ_4K, HVA), REGION(0, SZ_4K, HVA) }, 2, -EINVAL },
	{ "one byte of overlap",
	  { REGION(0, SZ_4K + 1, HVA), REGION(SZ_4K, SZ_4K, HVA) }, 2, -EINVAL },
	{ "one byte of overlap, unsorted",
	  { REGION(SZ_4K, SZ_4K, HVA), REGION(0, SZ_4K + 1, HVA) }, 2, -EINVAL },
	{ "inside another",
	  { REGION(0, SZ_1M, HVA), REGION(SZ_4K, SZ_4K, HVA) }, 2, -EINVAL },
	{ "second is bad",
	  { REGION(0, SZ_4K, HVA), REGION(SZ_4K, 0, HVA), REGION(SZ_8K, SZ_4K, HVA) }, 3,
	  -EINVAL },
};

static void parse_refuses(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		struct vha_mem *mem = vha_mem_parse(refused[i].regions, refused[i].nr);

		KUNIT_EXPECT_TRUE_MSG(test, IS_ERR(mem), "%s", refused[i].name);
		if (IS_ERR(mem))
			KUNIT_EXPECT_EQ_MSG(test, PTR_ERR(mem), refused[i].error, "%s",
					    refused[i].name);
		else
			vha_mem_destroy(mem);
	}
}

static void parse_refuses_padding(struct kunit *test)
{
	struct vhost_memory_region region = REGION(0, SZ_4K, HVA);

	region.flags_padding = 1ULL << 63;
	KUNIT_EXPECT_EQ(test, PTR_ERR(vha_mem_parse(&region, 1)), -EINVAL);
}

static struct vhost_memory_region *many(struct kunit *test, u32 nr)
{
	struct vhost_memory_region *regions;
	u32 i;

	regions = kunit_kcalloc(test, nr, sizeof(*regions), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, regions);
	/* From the highest down; every other gap is a hole. */
	for (i = 0; i < nr; i++) {
		u64 place = nr - 1 - i;

		regions[i].guest_phys_addr = place * 2 * SZ_64K + (place & 1) * SZ_64K;
		regions[i].memory_size = SZ_64K;
		regions[i].userspace_addr = HVA + i * SZ_1M;
	}
	return regions;
}

static void parse_counts(struct kunit *test)
{
	struct vhost_memory_region *regions = many(test, VHA_MEM_REGIONS_MAX + 1);
	struct vha_mem *mem;

	mem = vha_mem_parse(regions, VHA_MEM_REGIONS_MAX + 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(mem), -E2BIG);
	mem = vha_mem_parse(regions, VHA_MEM_REGIONS_MAX);
	KUNIT_ASSERT_FALSE(test, IS_ERR(mem));
	KUNIT_EXPECT_EQ(test, mem->nr, VHA_MEM_REGIONS_MAX);
	vha_mem_destroy(mem);
	mem = vha_mem_parse(regions, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(mem));
	KUNIT_EXPECT_EQ(test, vha_mem_end(mem), 0);
	KUNIT_EXPECT_NULL(test, vha_mem_find(mem, 0));
	vha_mem_destroy(mem);
	KUNIT_EXPECT_EQ(test, vha_mem_end(NULL), 0);
}

static void expect_at(struct kunit *test, const struct vha_mem *mem, u64 gpa,
		      unsigned long hva, u64 left)
{
	u64 len = 0;

	KUNIT_EXPECT_EQ_MSG(test, vha_mem_lookup(mem, gpa, &len), hva, "address %#llx", gpa);
	if (hva)
		KUNIT_EXPECT_EQ_MSG(test, len, left, "address %#llx", gpa);
}

static void lookup_boundaries(struct kunit *test)
{
	static const struct vhost_memory_region regions[] = {
		REGION(0x1000, 0x1000, HVA),
		REGION(0x2000, 0x3000, HVA + SZ_1M),
		REGION(0x8000, 1, HVA + SZ_2M),
		REGION(U64_MAX - 0xfff, 0x1000, HVA + SZ_4M),
	};
	struct vha_mem *mem = vha_mem_parse(regions, ARRAY_SIZE(regions));

	KUNIT_ASSERT_FALSE(test, IS_ERR(mem));
	expect_at(test, mem, 0, 0, 0);
	expect_at(test, mem, 0xfff, 0, 0);
	expect_at(test, mem, 0x1000, HVA, 0x1000);
	expect_at(test, mem, 0x1fff, HVA + 0xfff, 1);
	expect_at(test, mem, 0x2000, HVA + SZ_1M, 0x3000);
	expect_at(test, mem, 0x4fff, HVA + SZ_1M + 0x2fff, 1);
	expect_at(test, mem, 0x5000, 0, 0);
	expect_at(test, mem, 0x7fff, 0, 0);
	expect_at(test, mem, 0x8000, HVA + SZ_2M, 1);
	expect_at(test, mem, 0x8001, 0, 0);
	expect_at(test, mem, U64_MAX - 0x1000, 0, 0);
	expect_at(test, mem, U64_MAX - 0xfff, HVA + SZ_4M, 0x1000);
	expect_at(test, mem, U64_MAX, HVA + SZ_4M + 0xfff, 1);
	expect_at(test, mem, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, vha_mem_end(mem), U64_MAX);
	vha_mem_destroy(mem);
}

/* A range may cross into a region that touches, over no hole, and not wrap. */
static void contains(struct kunit *test)
{
	static const struct vhost_memory_region regions[] = {
		REGION(0, 0x1000, HVA + SZ_8M),
		REGION(0x1000, 0x1000, HVA),
		REGION(0x2001, 0x1000, HVA + SZ_1M),
		REGION(U64_MAX - 0xfff, 0x1000, HVA + SZ_4M),
	};
	struct vha_mem *mem = vha_mem_parse(regions, ARRAY_SIZE(regions));

	KUNIT_ASSERT_FALSE(test, IS_ERR(mem));
	KUNIT_EXPECT_TRUE(test, vha_mem_contains(mem, 0, 0x2000));
	KUNIT_EXPECT_FALSE(test, vha_mem_contains(mem, 0, 0x2001));
	KUNIT_EXPECT_FALSE(test, vha_mem_contains(mem, 0x1fff, 3));
	KUNIT_EXPECT_FALSE(test, vha_mem_contains(mem, 0x2000, 1));
	KUNIT_EXPECT_TRUE(test, vha_mem_contains(mem, 0x3000, 1));
	KUNIT_EXPECT_FALSE(test, vha_mem_contains(mem, 0x3000, 2));
	KUNIT_EXPECT_TRUE(test, vha_mem_contains(mem, U64_MAX - 0xfff, 0x1000));
	KUNIT_EXPECT_FALSE(test, vha_mem_contains(mem, U64_MAX - 0xfff, 0x1001));
	KUNIT_EXPECT_FALSE(test, vha_mem_contains(mem, U64_MAX, U64_MAX));
	vha_mem_destroy(mem);
	KUNIT_EXPECT_FALSE(test, vha_mem_contains(NULL, 0, 1));
}

/* The hint of one answer must not change the next one. */
static void lookup_random(struct kunit *test)
{
	const u32 nr = VHA_MEM_REGIONS_MAX;
	struct vhost_memory_region *regions = many(test, nr);
	struct vha_mem *mem = vha_mem_parse(regions, nr);
	u32 i, j;

	KUNIT_ASSERT_FALSE(test, IS_ERR(mem));
	for (i = 0; i < 2000; i++) {
		u64 gpa = get_random_u32_below((nr + 1) * 2 * SZ_64K), left = 0;
		unsigned long hva = 0;

		for (j = 0; j < nr; j++) {
			u64 offset = gpa - regions[j].guest_phys_addr;

			if (offset >= regions[j].memory_size)
				continue;
			hva = regions[j].userspace_addr + offset;
			left = regions[j].memory_size - offset;
		}
		expect_at(test, mem, gpa, hva, left);
	}
	vha_mem_destroy(mem);
}

static void expect_reverse(struct kunit *test, const struct vha_mem *mem, unsigned long hva,
			   u64 gpa, u64 left)
{
	u64 found, len;

	KUNIT_ASSERT_TRUE_MSG(test, vha_mem_reverse(mem, hva, &found, &len), "%#lx", hva);
	KUNIT_EXPECT_EQ(test, found, gpa);
	KUNIT_EXPECT_EQ(test, len, left);
}

static void reverse(struct kunit *test)
{
	static const struct vhost_memory_region regions[] = {
		REGION(SZ_1G, SZ_8K, HVA),
		REGION(0, SZ_4K, HVA + SZ_1M),
		/* The second page of the first region once more. */
		REGION(SZ_2M, SZ_4K, HVA + SZ_4K),
	};
	struct vha_mem *mem = vha_mem_parse(regions, ARRAY_SIZE(regions));
	u64 gpa, len;

	KUNIT_ASSERT_FALSE(test, IS_ERR(mem));
	KUNIT_EXPECT_TRUE(test, mem->aliased);
	KUNIT_EXPECT_FALSE(test, vha_mem_reverse(mem, HVA - 1, &gpa, &len));
	expect_reverse(test, mem, HVA, SZ_1G, SZ_8K);
	expect_reverse(test, mem, HVA + SZ_4K - 1, SZ_1G + SZ_4K - 1, SZ_4K + 1);
	expect_reverse(test, mem, HVA + SZ_4K, SZ_2M, SZ_4K);
	expect_reverse(test, mem, HVA + SZ_8K - 1, SZ_2M + SZ_4K - 1, 1);
	KUNIT_EXPECT_FALSE(test, vha_mem_reverse(mem, HVA + SZ_8K, &gpa, &len));
	expect_reverse(test, mem, HVA + SZ_1M, 0, SZ_4K);
	KUNIT_EXPECT_FALSE(test, vha_mem_reverse(mem, HVA + SZ_1M + SZ_4K, &gpa, &len));
	vha_mem_destroy(mem);
	mem = vha_mem_parse(regions, 2);
	KUNIT_ASSERT_FALSE(test, IS_ERR(mem));
	KUNIT_EXPECT_FALSE(test, mem->aliased);
	vha_mem_destroy(mem);
}

struct argument {
	struct vhost_memory head;
	struct vhost_memory_region regions[2];
};

static long create_error(struct kunit *test, unsigned long hva, const struct argument *arg)
{
	struct vha_mem *mem;

	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)hva, arg, sizeof(*arg)), 0);
	mem = vha_mem_create((void __user *)hva);
	if (IS_ERR(mem))
		return PTR_ERR(mem);
	vha_mem_destroy(mem);
	return 0;
}

static void create_from_user(struct kunit *test)
{
	struct guest *guest = guest_create(test);
	unsigned long hva = guest_mmap(test, guest, PAGE_SIZE);
	/* So near to the end that only the header can be read. */
	unsigned long edge = hva + PAGE_SIZE - sizeof(struct vhost_memory);
	struct argument arg = {
		.head.nregions = 2,
		.regions = { REGION(0, SZ_4K, HVA), REGION(SZ_4K, SZ_4K, HVA) },
	};

	KUNIT_EXPECT_EQ(test, create_error(test, hva, &arg), 0);
	arg.head.padding = 1;
	KUNIT_EXPECT_EQ(test, create_error(test, hva, &arg), -EOPNOTSUPP);
	arg.head.padding = 0;
	arg.head.nregions = U32_MAX;
	KUNIT_EXPECT_EQ(test, create_error(test, hva, &arg), -E2BIG);
	arg.head.nregions = 1;
	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)edge, &arg, sizeof(arg.head)), 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR(vha_mem_create((void __user *)edge)), -EFAULT);
	KUNIT_EXPECT_EQ(test, PTR_ERR(vha_mem_create((void __user *)(hva + PAGE_SIZE))),
			-EFAULT);
}

static void expect_cursor(struct kunit *test, const struct vha_cursor *cursor,
			  const struct vha_seg *seg, u32 nr, u32 offset)
{
	KUNIT_EXPECT_PTR_EQ(test, cursor->seg, seg);
	KUNIT_EXPECT_EQ(test, cursor->nr, nr);
	KUNIT_EXPECT_EQ(test, cursor->offset, offset);
}

static void cursor_skip(struct kunit *test)
{
	const struct vha_seg segs[] = {
		{ 0, 0 }, { 0, 10 }, { 0, 0 }, { 0, 0 }, { 0, 1 }, { 0, 0 },
	};
	struct vha_cursor cursor = guest_cursor(segs, ARRAY_SIZE(segs));

	vha_cursor_skip(&cursor, 0);
	expect_cursor(test, &cursor, &segs[1], 5, 0);
	vha_cursor_skip(&cursor, 9);
	expect_cursor(test, &cursor, &segs[1], 5, 9);
	vha_cursor_skip(&cursor, 1);
	expect_cursor(test, &cursor, &segs[4], 2, 0);
	vha_cursor_skip(&cursor, 1);
	expect_cursor(test, &cursor, &segs[6], 0, 0);
	vha_cursor_skip(&cursor, U32_MAX);
	expect_cursor(test, &cursor, &segs[6], 0, 0);
}

/* Two regions that touch in guest addresses but not in the owner's. */
static unsigned long two_regions(struct kunit *test, struct guest *guest)
{
	unsigned long hva = guest_mmap(test, guest, 8 * PAGE_SIZE);
	const struct vhost_memory_region regions[] = {
		REGION(SZ_1M, 2 * PAGE_SIZE, hva + 4 * PAGE_SIZE),
		REGION(SZ_1M + 2 * PAGE_SIZE, 2 * PAGE_SIZE, hva),
	};

	guest_fill(test, hva, 8 * PAGE_SIZE);
	guest_set_mem(test, guest, regions, ARRAY_SIZE(regions));
	return hva;
}

static void copy_reads(struct kunit *test, struct guest *guest, unsigned long hva)
{
	const struct vha_seg segs[] = {
		{ SZ_1M + 100, 0 },
		{ SZ_1M + 2 * PAGE_SIZE - 10, 30 },
		{ SZ_1M + 1, 7 },
	};
	struct vha_cursor cursor = guest_cursor(segs, ARRAY_SIZE(segs));
	u8 buf[37];

	KUNIT_EXPECT_EQ(test, guest_copy_from(guest, &cursor, buf, 3), 0);
	KUNIT_EXPECT_EQ(test, guest_copy_from(guest, &cursor, buf + 3, 34), 0);
	KUNIT_EXPECT_EQ(test, guest_differs(buf, hva + 6 * PAGE_SIZE - 10, 10), 0);
	KUNIT_EXPECT_EQ(test, guest_differs(buf + 10, hva, 20), 0);
	KUNIT_EXPECT_EQ(test, guest_differs(buf + 30, hva + 4 * PAGE_SIZE + 1, 7), 0);
	KUNIT_EXPECT_EQ(test, guest_copy_from(guest, &cursor, buf, 0), 0);
	KUNIT_EXPECT_EQ(test, guest_copy_from(guest, &cursor, buf, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, vha_mem_read(&guest->dev, SZ_1M - 1, buf, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, vha_mem_read(&guest->dev, SZ_1M + 4 * PAGE_SIZE - 1, buf, 2),
			-EFAULT);
}

static void copy_from(struct kunit *test)
{
	struct guest *guest = guest_create(test);
	unsigned long hva = two_regions(test, guest);

	copy_reads(test, guest, hva);
	guest->dev.mm = NULL;
	KUNIT_EXPECT_EQ(test, vha_mem_read(&guest->dev, SZ_1M, &hva, 1), -EFAULT);
}

/* Pinned memory needs nobody's address space. */
static void copy_from_pinned(struct kunit *test)
{
	struct guest *guest = guest_create(test);
	unsigned long hva = two_regions(test, guest);
	struct mm_struct *mm = guest->dev.mm;

	KUNIT_ASSERT_EQ(test, vha_mem_pin(guest->dev.mem, mm, NULL), 0);
	guest->dev.mm = NULL;
	copy_reads(test, guest, hva);
	guest->dev.mm = mm;
}

static void copy_to(struct kunit *test)
{
	struct guest *guest = guest_create(test);
	unsigned long hva = two_regions(test, guest);
	const struct vha_seg seg = { SZ_1M + 2 * PAGE_SIZE - 2, 4 };
	struct vha_cursor cursor = guest_cursor(&seg, 1);
	const u8 data[] = { 1, 2, 3, 4 };
	u8 got[6];

	KUNIT_EXPECT_EQ(test, guest_copy_to(guest, &cursor, data, 4), 0);
	expect_cursor(test, &cursor, &seg + 1, 0, 0);
	KUNIT_EXPECT_EQ(test, vha_mem_read(&guest->dev, seg.addr - 1, got, 6), 0);
	KUNIT_EXPECT_MEMEQ(test, got + 1, data, 4);
	KUNIT_EXPECT_EQ(test, guest_differs(got, hva + 6 * PAGE_SIZE - 3, 1), 0);
	KUNIT_EXPECT_EQ(test, guest_differs(got + 5, hva + 2, 1), 0);
}

static struct kunit_case mem_cases[] = {
	KUNIT_CASE(parse_refuses),
	KUNIT_CASE(parse_refuses_padding),
	KUNIT_CASE(parse_counts),
	KUNIT_CASE(lookup_boundaries),
	KUNIT_CASE(contains),
	KUNIT_CASE(lookup_random),
	KUNIT_CASE(reverse),
	KUNIT_CASE(create_from_user),
	KUNIT_CASE(cursor_skip),
	KUNIT_CASE(copy_from),
	KUNIT_CASE(copy_from_pinned),
	KUNIT_CASE(copy_to),
	{}
};

static struct kunit_suite mem_suite = {
	.name = "vha_mem",
	.test_cases = mem_cases,
};

kunit_test_suite(mem_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the memory table");
MODULE_LICENSE("GPL");
