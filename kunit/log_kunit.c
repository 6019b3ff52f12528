// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty log: which bits are set, and where
 */
#include <linux/random.h>
#include <linux/vhost.h>

#include "guest.h"

/* Guest pages of the table, and bytes of the bitmap: the last one is partial. */
#define PAGES		2003
#define BYTES		DIV_ROUND_UP(PAGES, 8)

#define GUEST_HVA	0x100000000UL

/*
 * @base: where the bitmap is; three pages, of which it takes a part
 * @expected: what all three pages should hold
 * @got: what they do
 */
struct fixture {
	struct guest *guest;
	unsigned long area;
	unsigned long base;
	struct vha_log *log;
	u8 expected[3 * PAGE_SIZE];
	u8 got[3 * PAGE_SIZE];
};

static void log_release(void *data)
{
	struct fixture *f = data;

	RCU_INIT_POINTER(f->guest->dev.log, NULL);
	vha_log_destroy(&f->guest->dev, f->log);
}

static void start(struct kunit *test, struct fixture *f, u32 offset)
{
	f->base = f->area + offset;
	f->log = vha_log_create(&f->guest->dev, f->base);
	KUNIT_ASSERT_FALSE(test, IS_ERR(f->log));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, log_release, f), 0);
	rcu_assign_pointer(f->guest->dev.log, f->log);
}

static struct fixture *fixture_create(struct kunit *test, u32 offset)
{
	const struct vhost_memory_region region = {
		.memory_size = (u64)PAGES * VHOST_PAGE_SIZE - 1, .userspace_addr = GUEST_HVA,
	};
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->guest = guest_create(test);
	f->area = guest_mmap(test, f->guest, 3 * PAGE_SIZE);
	guest_set_mem(test, f->guest, &region, 1);
	start(test, f, offset);
	return f;
}

static void expect_page(struct fixture *f, u64 page)
{
	f->expected[f->base - f->area + page / 8] |= 1 << page % 8;
}

/* One number says more than a dump of three pages. */
static long first_difference(const struct fixture *f)
{
	size_t i;

	for (i = 0; i < sizeof(f->got); i++)
		if (f->got[i] != f->expected[i])
			return i;
	return -1;
}

static void expect_bits(struct kunit *test, struct fixture *f)
{
	KUNIT_ASSERT_EQ(test, copy_from_user(f->got, (void __user *)f->area, sizeof(f->got)), 0);
	KUNIT_EXPECT_EQ(test, first_difference(f), -1);
}

static void log_and_expect(struct fixture *f, u64 gpa, u64 len)
{
	u64 page;

	vha_log_write(&f->guest->dev, gpa, len);
	for (page = gpa / VHOST_PAGE_SIZE; page < PAGES && page * VHOST_PAGE_SIZE < gpa + len;
	     page++)
		expect_page(f, page);
}

static void clear(struct kunit *test, struct fixture *f)
{
	KUNIT_ASSERT_EQ(test, clear_user((void __user *)f->area, sizeof(f->got)), 0);
	memset(f->expected, 0, sizeof(f->expected));
}

static void edges(struct kunit *test, struct fixture *f)
{
	static const struct {
		u64 gpa;
		u64 len;
	} writes[] = {
		{ 0, 1 }, { 4095, 1 }, { 4095, 2 }, { 4096, 4096 }, { 7 * 4096, 2 * 4096 },
		{ 7 * 4096 + 4095, 1 }, { 8 * 4096, 1 }, { 63 * 4096, 4097 }, { 64 * 4096, 1 },
		{ 0, 64 * 4096 }, { 1, 64 * 4096 }, { 100 * 4096, 1000 * 4096 + 1 },
		{ 0, PAGES * 4096ULL - 1 }, { (PAGES - 1) * 4096ULL, 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		clear(test, f);
		log_and_expect(f, writes[i].gpa, writes[i].len);
		expect_bits(test, f);
	}
}

static void bits(struct kunit *test)
{
	edges(test, fixture_create(test, 0));
}

/* The bitmap may begin at any byte, and reach into the next page. */
static void bits_of_odd_base(struct kunit *test)
{
	edges(test, fixture_create(test, 3));
}

static void bits_across_pages(struct kunit *test)
{
	edges(test, fixture_create(test, PAGE_SIZE - 21));
}

static void random_writes(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 2 * PAGE_SIZE - 101);
	unsigned int i;

	for (i = 0; i < 300; i++) {
		u64 gpa = get_random_u32_below(PAGES * 4096);

		if (!(i % 20))
			clear(test, f);
		log_and_expect(f, gpa, 1 + get_random_u32_below(20 * 4096));
		expect_bits(test, f);
	}
}

static void beyond(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 5);

	KUNIT_EXPECT_EQ(test, vha_log_size(f->log), BYTES);
	vha_log_write(&f->guest->dev, 0, 0);
	vha_log_write(&f->guest->dev, PAGES * 4096ULL, 1);
	vha_log_write(&f->guest->dev, PAGES * 4096ULL + 5 * 4096, 4096);
	vha_log_write(&f->guest->dev, U64_MAX, 1);
	vha_log_write(&f->guest->dev, U64_MAX - 1, U64_MAX);
	vha_log_write(&f->guest->dev, U64_MAX, 0);
	expect_bits(test, f);
	vha_log_write(&f->guest->dev, (PAGES - 1) * 4096ULL, U64_MAX);
	expect_page(f, PAGES - 1);
	expect_bits(test, f);
}

static void without_log(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 0);

	KUNIT_EXPECT_TRUE(test, vha_log_enabled(&f->guest->vq));
	RCU_INIT_POINTER(f->guest->dev.log, NULL);
	KUNIT_EXPECT_FALSE(test, vha_log_enabled(&f->guest->vq));
	vha_log_write(&f->guest->dev, 0, 4096);
	expect_bits(test, f);
}

static void create_fails(struct kunit *test)
{
	struct vhost_memory_region region = {
		.guest_phys_addr = SZ_64T, .memory_size = 1, .userspace_addr = GUEST_HVA,
	};
	struct fixture *f = fixture_create(test, 0);
	struct vha_device *dev = &f->guest->dev;
	unsigned long locked = dev->mm->locked_vm;

	KUNIT_EXPECT_EQ(test, PTR_ERR(vha_log_create(dev, f->area + 3 * PAGE_SIZE - 1)), -EFAULT);
	KUNIT_EXPECT_EQ(test, PTR_ERR(vha_log_create(dev, 1ULL << 63)), -EFAULT);
	KUNIT_EXPECT_EQ(test, PTR_ERR(vha_log_create(dev, U64_MAX)), -EINVAL);
	guest_set_mem(test, f->guest, &region, 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(vha_log_create(dev, f->base)), -E2BIG);
	guest_set_mem(test, f->guest, &region, 0);
	KUNIT_EXPECT_EQ(test, PTR_ERR(vha_log_create(dev, f->base)), -EINVAL);
	KUNIT_EXPECT_EQ(test, dev->mm->locked_vm, locked);
}

static void cursor(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 0);
	const struct vha_seg segs[] = {
		{ 4096 * 5 + 4000, 200 }, { 4096 * 9, 0 }, { 4096 * 11, 50 }, { 4096 * 20, 50 },
	};
	struct vha_cursor cursor = guest_cursor(segs, ARRAY_SIZE(segs));

	vha_log_cursor(&f->guest->vq, &cursor, 96);
	expect_page(f, 5);
	expect_bits(test, f);
	vha_log_cursor(&f->guest->vq, &cursor, 105);
	expect_page(f, 6);
	expect_page(f, 11);
	expect_bits(test, f);
	vha_log_cursor(&f->guest->vq, &cursor, 1000);
	expect_page(f, 20);
	expect_bits(test, f);
	KUNIT_EXPECT_EQ(test, cursor.nr, 0);
}

static void copy_is_logged(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 0);
	unsigned long hva = guest_mmap(test, f->guest, 2 * PAGE_SIZE);
	const struct vhost_memory_region region = {
		.guest_phys_addr = 32 * 4096, .memory_size = 2 * PAGE_SIZE, .userspace_addr = hva,
	};
	const struct vha_seg seg = { 33 * 4096 - 1, 2 };
	struct vha_cursor cursor = guest_cursor(&seg, 1);

	guest_set_mem(test, f->guest, &region, 1);
	KUNIT_EXPECT_EQ(test, guest_copy_from(f->guest, &cursor, f->got, 2), 0);
	expect_bits(test, f);
	cursor = guest_cursor(&seg, 1);
	KUNIT_EXPECT_EQ(test, guest_copy_to(f->guest, &cursor, f->got, 1), 0);
	expect_page(f, 32);
	expect_bits(test, f);
	KUNIT_EXPECT_EQ(test, guest_copy_to(f->guest, &cursor, f->got, 1), 0);
	expect_page(f, 33);
	expect_bits(test, f);
}

/* Pages 100..107 are pages 10..17 once more, and page 200 is page 12. */
static void aliases(struct kunit *test)
{
	const struct vhost_memory_region regions[] = {
		{ .memory_size = 32 * 4096, .userspace_addr = GUEST_HVA },
		{ .guest_phys_addr = 100 * 4096, .memory_size = 8 * 4096,
		  .userspace_addr = GUEST_HVA + 10 * 4096 },
		{ .guest_phys_addr = 200 * 4096, .memory_size = 4096,
		  .userspace_addr = GUEST_HVA + 12 * 4096 },
	};
	struct fixture *f = fixture_create(test, 0);
	u64 page;

	guest_set_mem(test, f->guest, regions, ARRAY_SIZE(regions));
	vha_log_write(&f->guest->dev, 200 * 4096, 1);
	expect_page(f, 12);
	expect_page(f, 102);
	expect_page(f, 200);
	expect_bits(test, f);
	vha_log_write(&f->guest->dev, 17 * 4096 + 4095, 2);
	expect_page(f, 17);
	expect_page(f, 18);
	expect_page(f, 107);
	expect_bits(test, f);
	vha_log_write(&f->guest->dev, 100 * 4096, 8 * 4096);
	for (page = 0; page < 8; page++) {
		expect_page(f, 10 + page);
		expect_page(f, 100 + page);
	}
	expect_bits(test, f);
}

static void ring(struct kunit *test)
{
	struct fixture *f = fixture_create(test, 0);
	unsigned long hvas[] = {
		GUEST_HVA + 3 * PAGE_SIZE + 64, GUEST_HVA + 9 * PAGE_SIZE, GUEST_HVA + SZ_1G,
		GUEST_HVA + 5 * PAGE_SIZE,
	};
	struct vha_ring_map map = { .addr = (void *)64, .hva = hvas[0] };
	struct vha_device *dev = &f->guest->dev;

	vha_log_ring(dev, &map, PAGE_SIZE - 65, 1);
	expect_page(f, 3 * PAGE_SIZE / 4096);
	expect_bits(test, f);
	vha_log_ring(dev, &map, PAGE_SIZE - 65, 2);
	expect_page(f, 4 * PAGE_SIZE / 4096);
	expect_bits(test, f);
	clear(test, f);
	map.hvas = hvas;
	vha_log_ring(dev, &map, PAGE_SIZE - 65, 2);
	expect_page(f, 3 * PAGE_SIZE / 4096);
	expect_page(f, 9 * PAGE_SIZE / 4096);
	expect_bits(test, f);
	/* A page that is not the guest's. */
	vha_log_ring(dev, &map, 2 * PAGE_SIZE - 64, 8);
	expect_bits(test, f);
	/* One that is comes after it. */
	vha_log_ring(dev, &map, 2 * PAGE_SIZE - 64, PAGE_SIZE + 1);
	expect_page(f, 5 * PAGE_SIZE / 4096);
	expect_bits(test, f);
}

static struct kunit_case log_cases[] = {
	KUNIT_CASE(bits),
	KUNIT_CASE(bits_of_odd_base),
	KUNIT_CASE(bits_across_pages),
	KUNIT_CASE(random_writes),
	KUNIT_CASE(beyond),
	KUNIT_CASE(without_log),
	KUNIT_CASE(create_fails),
	KUNIT_CASE(cursor),
	KUNIT_CASE(copy_is_logged),
	KUNIT_CASE(aliases),
	KUNIT_CASE(ring),
	{}
};

static struct kunit_suite log_suite = {
	.name = "vha_log",
	.test_cases = log_cases,
};

kunit_test_suite(log_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the dirty log");
MODULE_LICENSE("GPL");
