// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pins: which pages come back, and that none stays behind
 */
#include "guest.h"

#define PAGES	16

/*
 * @hva: memory of PAGES pages and as many after it that do not exist
 * @gpa: where the guest sees both
 */
struct pins {
	struct guest *guest;
	unsigned long hva;
	u64 gpa;
	struct bio_vec bv[PAGES + 2];
};

static struct pins *pins_create(struct kunit *test)
{
	struct pins *pins = kunit_kzalloc(test, sizeof(*pins), GFP_KERNEL);
	struct vhost_memory_region region;
	unsigned long base;

	KUNIT_ASSERT_NOT_NULL(test, pins);
	pins->guest = guest_create(test);
	base = guest_mmap(test, pins->guest, 2 * PAGES * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, vm_munmap(base + PAGES * PAGE_SIZE, PAGES * PAGE_SIZE), 0);
	pins->hva = base;
	pins->gpa = SZ_1G;
	guest_fill(test, base, PAGES * PAGE_SIZE);
	region = (struct vhost_memory_region) {
		.guest_phys_addr = pins->gpa,
		.memory_size = 2 * PAGES * PAGE_SIZE,
		.userspace_addr = base,
	};
	guest_set_mem(test, pins->guest, &region, 1);
	return pins;
}

/* How many pins a page has, beyond what it had at the beginning: none. */
static int page_pins(struct kunit *test, unsigned long hva)
{
	struct page *page;
	int refs;

	KUNIT_ASSERT_EQ(test, pin_user_pages_fast(hva, 1, 0, &page), 1);
	refs = folio_ref_count(page_folio(page)) / GUP_PIN_COUNTING_BIAS - 1;
	unpin_user_page(page);
	return refs;
}

static void expect_unpinned(struct kunit *test, struct pins *pins)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		KUNIT_EXPECT_EQ_MSG(test, page_pins(test, pins->hva + i * PAGE_SIZE), 0,
				    "page %u", i);
}

/* The extents hold @len bytes from @hva on. */
static void expect_extents(struct kunit *test, struct pins *pins, int nr, unsigned long hva,
			   u32 len)
{
	size_t bad = 0, done = 0;
	int i;

	for (i = 0; i < nr; i++) {
		struct bio_vec *bv = &pins->bv[i];

		bad += guest_differs(page_address(bv->bv_page) + bv->bv_offset, hva + done,
				     bv->bv_len);
		done += bv->bv_len;
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
	KUNIT_EXPECT_EQ(test, done, len);
}

static void pin_range(struct kunit *test, struct pins *pins, u32 offset, u32 len, bool write)
{
	const struct vha_seg seg = { pins->gpa + offset, len };
	struct vha_cursor cursor = guest_cursor(&seg, 1);
	int nr;

	nr = guest_pin(pins->guest, &cursor, len, write, pins->bv, ARRAY_SIZE(pins->bv));
	KUNIT_ASSERT_GT(test, nr, 0);
	KUNIT_EXPECT_EQ(test, cursor.nr, 0);
	expect_extents(test, pins, nr, pins->hva + offset, len);
	if (!vha_mem_pinned(&pins->guest->vq)) {
		KUNIT_EXPECT_EQ(test, page_pins(test, (pins->hva + offset) & PAGE_MASK), 1);
		vha_unpin(pins->bv, nr);
	}
}

static void pin_ranges(struct kunit *test, struct pins *pins)
{
	pin_range(test, pins, 0, PAGE_SIZE, false);
	pin_range(test, pins, 0, PAGE_SIZE, true);
	pin_range(test, pins, 0, 1, false);
	pin_range(test, pins, PAGE_SIZE - 1, 1, true);
	pin_range(test, pins, PAGE_SIZE - 1, 2, true);
	pin_range(test, pins, 512, 512, false);
	pin_range(test, pins, 3 * PAGE_SIZE + 7, 5 * PAGE_SIZE, true);
	pin_range(test, pins, 0, PAGES * PAGE_SIZE, true);
	pin_range(test, pins, (PAGES - 1) * PAGE_SIZE, PAGE_SIZE, false);
}

static void pin_each_time(struct kunit *test)
{
	struct pins *pins = pins_create(test);

	pin_ranges(test, pins);
	expect_unpinned(test, pins);
}

/* Segments inside one page have a pin each, and give each back. */
static void pin_shares_pages(struct kunit *test)
{
	struct pins *pins = pins_create(test);
	const struct vha_seg segs[] = {
		{ pins->gpa, 16 }, { 0, 0 }, { pins->gpa + 16, 512 }, { pins->gpa + 528, 1 },
		{ pins->gpa + 100, PAGE_SIZE }, { pins->gpa + PAGE_SIZE + 100, 1 },
	};
	struct vha_cursor cursor = guest_cursor(segs, ARRAY_SIZE(segs));
	int nr;

	nr = guest_pin(pins->guest, &cursor, 530 + PAGE_SIZE, true, pins->bv,
		       ARRAY_SIZE(pins->bv));
	KUNIT_ASSERT_GT(test, nr, 0);
	KUNIT_EXPECT_EQ(test, page_pins(test, pins->hva), 4);
	vha_unpin(pins->bv, nr);
	expect_unpinned(test, pins);
}

static void pin_in_pieces(struct kunit *test)
{
	struct pins *pins = pins_create(test);
	const struct vha_seg segs[] = { { pins->gpa, 600 }, { pins->gpa + 600, 424 } };
	struct vha_cursor cursor = guest_cursor(segs, ARRAY_SIZE(segs));
	u32 done;
	int nr;

	for (done = 0; done < 1024; done += 512) {
		nr = guest_pin(pins->guest, &cursor, 512, false, pins->bv,
			       ARRAY_SIZE(pins->bv));
		KUNIT_ASSERT_GT(test, nr, 0);
		expect_extents(test, pins, nr, pins->hva + done, 512);
		vha_unpin(pins->bv, nr);
	}
	KUNIT_EXPECT_EQ(test, cursor.nr, 0);
	expect_unpinned(test, pins);
}

/* A pin that fails leaves neither pins nor a moved cursor. */
static void expect_failure(struct kunit *test, struct pins *pins, const struct vha_seg *seg,
			   u32 len, unsigned int max, int error)
{
	struct vha_cursor cursor = guest_cursor(seg, 1);

	KUNIT_EXPECT_EQ(test, guest_pin(pins->guest, &cursor, len, true, pins->bv, max),
			error);
	KUNIT_EXPECT_PTR_EQ(test, cursor.seg, seg);
	KUNIT_EXPECT_EQ(test, cursor.nr, 1);
	KUNIT_EXPECT_EQ(test, cursor.offset, 0);
}

static void pin_fails(struct kunit *test)
{
	struct pins *pins = pins_create(test);
	const struct vha_seg all = { pins->gpa, PAGES * PAGE_SIZE };
	const struct vha_seg hole = { pins->gpa + (PAGES - 1) * PAGE_SIZE, 2 * PAGE_SIZE };
	const struct vha_seg outside = { pins->gpa - 1, 2 };
	const struct vha_seg end = { pins->gpa + 2 * PAGES * PAGE_SIZE - 1, 2 };

	expect_failure(test, pins, &all, PAGES * PAGE_SIZE, 0, -ENOSPC);
	expect_failure(test, pins, &all, PAGES * PAGE_SIZE + 1, PAGES, -EFAULT);
	expect_failure(test, pins, &hole, 2 * PAGE_SIZE, PAGES, -EFAULT);
	expect_failure(test, pins, &outside, 2, PAGES, -EFAULT);
	expect_failure(test, pins, &end, 2, PAGES, -EFAULT);
	pins->guest->dev.mm = NULL;
	expect_failure(test, pins, &all, 1, PAGES, -EFAULT);
	expect_unpinned(test, pins);
}

/* Too few extents by one, for memory that is surely not contiguous. */
static void pin_needs_space(struct kunit *test)
{
	struct pins *pins = pins_create(test);
	const struct vha_seg segs[] = {
		{ pins->gpa, 1 }, { pins->gpa + PAGE_SIZE + 1, 1 }, { pins->gpa, 1 },
	};
	struct vha_cursor cursor = guest_cursor(segs, ARRAY_SIZE(segs));

	KUNIT_EXPECT_EQ(test, guest_pin(pins->guest, &cursor, 3, false, pins->bv, 2), -ENOSPC);
	KUNIT_EXPECT_PTR_EQ(test, cursor.seg, &segs[0]);
	expect_unpinned(test, pins);
	KUNIT_EXPECT_EQ(test, guest_pin(pins->guest, &cursor, 3, false, pins->bv, 3), 3);
	vha_unpin(pins->bv, 3);
	expect_unpinned(test, pins);
}

static void pin_makes_dirty(struct kunit *test)
{
	struct pins *pins = pins_create(test);
	const struct vha_seg seg = { pins->gpa, 1 };
	struct vha_cursor cursor = guest_cursor(&seg, 1);

	KUNIT_ASSERT_EQ(test, guest_pin(pins->guest, &cursor, 1, true, pins->bv, 1), 1);
	KUNIT_EXPECT_TRUE(test, folio_test_dirty(page_folio(pins->bv[0].bv_page)));
	vha_unpin(pins->bv, 1);
}

/* The table of a guest whose memory exists, beginning off a page's start. */
static void table_of(struct kunit *test, struct pins *pins, u32 offset, u32 len)
{
	const struct vhost_memory_region regions[] = { {
		.guest_phys_addr = pins->gpa + offset,
		.memory_size = len,
		.userspace_addr = pins->hva + offset,
	} };

	guest_set_mem(test, pins->guest, regions, ARRAY_SIZE(regions));
}

static void pin_all(struct kunit *test)
{
	struct pins *pins = pins_create(test);
	struct mm_struct *mm = pins->guest->dev.mm;
	unsigned long locked = mm->locked_vm;
	struct vha_mem *mem;

	table_of(test, pins, 0, PAGES * PAGE_SIZE);
	mem = pins->guest->dev.mem;
	KUNIT_EXPECT_FALSE(test, vha_mem_pinned(&pins->guest->vq));
	KUNIT_ASSERT_EQ(test, vha_mem_pin(mem, mm, NULL), 0);
	KUNIT_EXPECT_EQ(test, vha_mem_pin(mem, mm, NULL), 0);
	KUNIT_EXPECT_TRUE(test, vha_mem_pinned(&pins->guest->vq));
	KUNIT_EXPECT_EQ(test, mm->locked_vm, locked + PAGES);
	KUNIT_EXPECT_EQ(test, page_pins(test, pins->hva), 1);
	pin_ranges(test, pins);
	vha_mem_unpin(mem, mm);
	KUNIT_EXPECT_EQ(test, mm->locked_vm, locked);
	KUNIT_EXPECT_FALSE(test, vha_mem_pinned(&pins->guest->vq));
	expect_unpinned(test, pins);
	vha_mem_unpin(mem, mm);
	vha_mem_unpin(NULL, mm);
}

static void pin_all_undone(struct kunit *test)
{
	struct pins *pins = pins_create(test);
	struct mm_struct *mm = pins->guest->dev.mm;
	unsigned long locked = mm->locked_vm;

	/* The second half of the table is not there. */
	KUNIT_EXPECT_EQ(test, vha_mem_pin(pins->guest->dev.mem, mm, NULL), -EFAULT);
	KUNIT_EXPECT_FALSE(test, pins->guest->dev.mem->pinned);
	KUNIT_EXPECT_EQ(test, mm->locked_vm, locked);
	expect_unpinned(test, pins);
	KUNIT_EXPECT_EQ(test, vha_mem_pin(pins->guest->dev.mem, NULL, NULL), -EFAULT);
}

/* Every page of a region that starts and ends inside a chunk, over several. */
static void pin_all_chunks(struct kunit *test)
{
	const unsigned long size = 3 * SZ_2M, skip = SZ_1M + 3 * PAGE_SIZE + 5;
	struct guest *guest = guest_create(test);
	unsigned long base = guest_mmap(test, guest, size + SZ_2M), hva, at, run;
	struct vhost_memory_region region;
	unsigned int bad = 0;

	hva = ALIGN(base, SZ_2M) + skip;
	region = (struct vhost_memory_region) {
		.guest_phys_addr = 12345, .memory_size = size - skip - 7, .userspace_addr = hva,
	};
	guest_set_mem(test, guest, &region, 1);
	KUNIT_ASSERT_EQ(test, vha_mem_pin(guest->dev.mem, guest->dev.mm, NULL), 0);
	for (at = hva; at < hva + region.memory_size; at += PAGE_SIZE) {
		struct page *page = vha_mem_page(&guest->dev.mem->regions[0], at, &run), *own;

		KUNIT_ASSERT_EQ(test, pin_user_pages_fast(at & PAGE_MASK, 1, 0, &own), 1);
		unpin_user_page(own);
		bad += page != own || !run || run > SZ_2M;
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
}

#define MADE_PAGES	8
#define MADE_ORDER	3

static void made_release(void *data)
{
	__free_pages(data, MADE_ORDER);
}

/* A pinned table of one region whose page map was made by hand. */
static void expect_made(struct kunit *test, struct guest *guest, struct page *pages,
			const u8 *order, u32 offset, u32 len)
{
	struct vha_seg segs[] = { { SZ_1M + offset, len / 2 }, { SZ_1M + offset + len / 2 } };
	struct vha_cursor cursor = guest_cursor(segs, 2);
	struct bio_vec bv[MADE_PAGES];
	u32 at = offset, used = 0;
	int nr, i;

	segs[1].len = len - len / 2;
	nr = guest_pin(guest, &cursor, len, true, bv, ARRAY_SIZE(bv));
	KUNIT_ASSERT_GT(test, nr, 0);
	for (i = 0; i < nr; i++) {
		phys_addr_t phys = bvec_phys(&bv[i]);
		u32 done;

		/* As long as it can be, and where it should be. */
		if (i)
			KUNIT_EXPECT_NE(test, phys, bvec_phys(&bv[i - 1]) + bv[i - 1].bv_len);
		for (done = 0; done < bv[i].bv_len; done++, at++)
			used += phys + done != page_to_phys(pages + order[at / PAGE_SIZE]) +
					       at % PAGE_SIZE;
	}
	KUNIT_EXPECT_EQ(test, used, 0);
	KUNIT_EXPECT_EQ(test, at, offset + len);
}

static void pin_merges(struct kunit *test)
{
	static const u8 scattered[] = { 0, 1, 2, 5, 6, 3, 4, 7 };
	static const u8 straight[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	const struct vhost_memory_region region = {
		.guest_phys_addr = SZ_1M, .memory_size = MADE_PAGES * PAGE_SIZE,
		.userspace_addr = SZ_4G,
	};
	struct guest *guest = guest_create(test);
	struct page *pages = alloc_pages(GFP_KERNEL, MADE_ORDER), *map[MADE_PAGES];
	unsigned long chunk = (unsigned long)map;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, made_release, pages), 0);
	for (i = 0; i < MADE_PAGES; i++)
		map[i] = pages + scattered[i];
	guest_set_mem(test, guest, &region, 1);
	guest->dev.mem->pinned = true;
	guest->dev.mem->regions[0].chunks = &chunk;
	for (i = 0; i < MADE_PAGES - 1; i++) {
		expect_made(test, guest, pages, scattered, i * PAGE_SIZE, PAGE_SIZE);
		expect_made(test, guest, pages, scattered, i * PAGE_SIZE + 77, PAGE_SIZE);
	}
	expect_made(test, guest, pages, scattered, 0, MADE_PAGES * PAGE_SIZE);
	chunk = (unsigned long)pages | 1;
	expect_made(test, guest, pages, straight, 0, MADE_PAGES * PAGE_SIZE);
	expect_made(test, guest, pages, straight, 123, MADE_PAGES * PAGE_SIZE - 200);
	guest->dev.mem->pinned = false;
	guest->dev.mem->regions[0].chunks = NULL;
}

static void ring_map_one(struct kunit *test, struct pins *pins, u32 offset, size_t size)
{
	struct mm_struct *mm = pins->guest->dev.mm;
	unsigned long locked = mm->locked_vm, hva = pins->hva + offset;
	struct vha_ring_map map = {};
	u8 byte = ~guest_pattern(hva);
	unsigned int nr = PFN_UP(offset + size) - PFN_DOWN(offset);
	u8 got;

	KUNIT_ASSERT_EQ(test, vha_ring_map(&map, mm, hva, size, true), 0);
	KUNIT_EXPECT_EQ(test, map.hva, hva);
	KUNIT_EXPECT_EQ(test, map.nr, nr);
	KUNIT_EXPECT_EQ(test, mm->locked_vm, locked + nr);
	KUNIT_EXPECT_EQ(test, guest_differs(map.addr, hva, size), 0);
	*(u8 *)map.addr = byte;
	KUNIT_EXPECT_EQ(test, get_user(got, (u8 __user *)hva), 0);
	KUNIT_EXPECT_EQ(test, got, byte);
	*(u8 *)map.addr = ~byte;
	vha_ring_unmap(&map, mm);
	KUNIT_EXPECT_NULL(test, map.addr);
	KUNIT_EXPECT_EQ(test, mm->locked_vm, locked);
	vha_ring_unmap(&map, mm);
}

static void ring_map(struct kunit *test)
{
	struct pins *pins = pins_create(test);

	ring_map_one(test, pins, 0, PAGE_SIZE);
	ring_map_one(test, pins, 16, 1);
	ring_map_one(test, pins, PAGE_SIZE - 2, 4);
	ring_map_one(test, pins, 0, PAGES * PAGE_SIZE);
	ring_map_one(test, pins, 24, PAGES * PAGE_SIZE - 24);
	expect_unpinned(test, pins);
}

/* Memory nobody touched yet is the owner's page from the start, not a shared zero. */
static void ring_map_read_only(struct kunit *test)
{
	struct pins *pins = pins_create(test);
	struct mm_struct *mm = pins->guest->dev.mm;
	struct vha_ring_map map = {};
	unsigned long hva = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
					  MAP_ANONYMOUS | MAP_PRIVATE, 0);
	unsigned long constant = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ,
					       MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_EQ(test, vha_ring_map(&map, mm, hva, PAGE_SIZE, false), 0);
	KUNIT_EXPECT_EQ(test, put_user((u8)7, (u8 __user *)hva), 0);
	KUNIT_EXPECT_EQ(test, READ_ONCE(*(u8 *)map.addr), 7);
	vha_ring_unmap(&map, mm);
	KUNIT_EXPECT_EQ(test, vha_ring_map(&map, mm, constant, PAGE_SIZE, true), -EFAULT);
	KUNIT_ASSERT_EQ(test, vha_ring_map(&map, mm, constant, PAGE_SIZE, false), 0);
	vha_ring_unmap(&map, mm);
	expect_unpinned(test, pins);
}

static void expect_map_failure(struct kunit *test, struct pins *pins, unsigned long hva,
			       size_t size, int error)
{
	struct vha_ring_map map = {};
	unsigned long locked = current->mm->locked_vm;

	KUNIT_EXPECT_EQ(test, vha_ring_map(&map, pins->guest->dev.mm, hva, size, true), error);
	KUNIT_EXPECT_NULL(test, map.addr);
	KUNIT_EXPECT_NULL(test, map.pages);
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, locked);
}

static void ring_map_fails(struct kunit *test)
{
	struct pins *pins = pins_create(test);

	expect_map_failure(test, pins, pins->hva, 0, -EINVAL);
	expect_map_failure(test, pins, ULONG_MAX, 2, -EINVAL);
	expect_map_failure(test, pins, pins->hva, SZ_4G + 1, -EINVAL);
	expect_map_failure(test, pins, pins->hva + PAGE_SIZE, PAGES * PAGE_SIZE, -EFAULT);
	expect_map_failure(test, pins, pins->hva + PAGES * PAGE_SIZE, 1, -EFAULT);
	expect_unpinned(test, pins);
	pins->guest->dev.mm = NULL;
	expect_map_failure(test, pins, pins->hva, 1, -EFAULT);
}

static void ring_map_scattered(struct kunit *test)
{
	struct pins *pins = pins_create(test);
	struct mm_struct *mm = pins->guest->dev.mm;
	struct vha_ring_map map = {};
	unsigned long *hvas = kvmalloc_array(3, sizeof(*hvas), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, hvas);
	hvas[0] = pins->hva + 5 * PAGE_SIZE + 64;
	hvas[1] = pins->hva + 2 * PAGE_SIZE;
	hvas[2] = pins->hva + 9 * PAGE_SIZE;
	KUNIT_ASSERT_EQ(test, vha_ring_map_pages(&map, mm, hvas, 3, true), 0);
	KUNIT_EXPECT_EQ(test, guest_differs(map.addr, hvas[0], PAGE_SIZE - 64), 0);
	KUNIT_EXPECT_EQ(test, guest_differs(map.addr + PAGE_SIZE - 64, hvas[1], PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, guest_differs(map.addr + 2 * PAGE_SIZE - 64, hvas[2], PAGE_SIZE),
			0);
	vha_ring_unmap(&map, mm);
	expect_unpinned(test, pins);
}

static struct kunit_case pin_cases[] = {
	KUNIT_CASE(pin_each_time),
	KUNIT_CASE(pin_shares_pages),
	KUNIT_CASE(pin_in_pieces),
	KUNIT_CASE(pin_fails),
	KUNIT_CASE(pin_needs_space),
	KUNIT_CASE(pin_makes_dirty),
	KUNIT_CASE(pin_all),
	KUNIT_CASE(pin_all_undone),
	KUNIT_CASE(pin_all_chunks),
	KUNIT_CASE(pin_merges),
	KUNIT_CASE(ring_map),
	KUNIT_CASE(ring_map_read_only),
	KUNIT_CASE(ring_map_fails),
	KUNIT_CASE(ring_map_scattered),
	{}
};

static struct kunit_suite pin_suite = {
	.name = "vha_pin",
	.test_cases = pin_cases,
};

kunit_test_suite(pin_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of pins");
MODULE_LICENSE("GPL");
