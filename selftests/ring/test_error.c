// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests: what a hostile driver makes available
 */
#include "rig.h"

#include <endian.h>

#define NUM	4
/* As rig_open() sets it. */
#define CHAIN_MAX	(2 * NUM)

enum {
	N = VRING_DESC_F_NEXT,
	W = VRING_DESC_F_WRITE,
	I = VRING_DESC_F_INDIRECT,
	A = 1 << VRING_PACKED_DESC_F_AVAIL,
	U = 1 << VRING_PACKED_DESC_F_USED,
};

/* Next of a split descriptor, id of a packed one. */
struct entry {
	u64 addr;
	u32 len;
	u16 flags;
	u16 link;
};

/*
 * The head is descriptor 0. The table lies where indirect descriptors point,
 * GUEST_RAM_BASE.
 */
struct hostile {
	const char *name;
	enum vha_ring_error error;
	struct entry desc[NUM];
	struct entry table[CHAIN_MAX];
	unsigned int max;	/* segments the chain has room for, if not zero */
};

#define TABLE	GUEST_RAM_BASE

static const struct hostile split_cases[] = {
	{ "next beyond the ring", VHA_RING_NEXT, { { 1, 1, N, NUM } } },
	{ "next far beyond the ring", VHA_RING_NEXT, { { 1, 1, N, 0xffff } } },
	{ "chain to itself", VHA_RING_LOOP, { { 1, 1, N, 0 } } },
	{ "circle", VHA_RING_LOOP, { { 1, 1, N, 1 }, { 1, 1, N, 2 }, { 1, 1, N, 1 } } },
	{ "readable after writable", VHA_RING_ORDER, { { 1, 1, N | W, 1 }, { 1, 1, 0, 0 } } },
	{ "empty readable after writable", VHA_RING_ORDER,
	  { { 1, 0, N | W, 1 }, { 1, 0, 0, 0 } } },
	{ "4 GiB", VHA_RING_LENGTH, { { 1, U32_MAX, N, 1 }, { 1, 1, 0, 0 } } },
	{ "4 GiB in both directions", VHA_RING_LENGTH,
	  { { 1, 1, N, 1 }, { 1, U32_MAX, W, 0 } } },
	{ "address wraps", VHA_RING_ADDRESS, { { -4096ull, 8192, 0, 0 } } },
	{ "address wraps to zero", VHA_RING_ADDRESS, { { -4096ull, 4096, 0, 0 } } },
	{ "table address wraps", VHA_RING_ADDRESS, { { -16ull, 16, I, 0 } } },
	{ "table of no bytes", VHA_RING_INDIRECT, { { TABLE, 0, I, 0 } } },
	{ "table of 17 bytes", VHA_RING_INDIRECT, { { TABLE, 17, I, 0 } } },
	{ "table of 8 bytes", VHA_RING_INDIRECT, { { TABLE, 8, I, 0 } } },
	{ "table longer than a chain may be", VHA_RING_INDIRECT,
	  { { TABLE, 16 * (CHAIN_MAX + 1), I, 0 } } },
	{ "table of 4 GiB less 16", VHA_RING_INDIRECT, { { TABLE, -16u, I, 0 } } },
	{ "table and next", VHA_RING_INDIRECT,
	  { { TABLE, 16, I | N, 1 }, { 1, 1, 0, 0 } }, { { 1, 1, 0, 0 } } },
	{ "table in a table", VHA_RING_INDIRECT, { { TABLE, 16, I, 0 } },
	  { { TABLE, 16, I, 0 } } },
	{ "table outside of memory", VHA_RING_UNMAPPED, { { TABLE - 1, 16, I, 0 } } },
	{ "table over the end of memory", VHA_RING_UNMAPPED,
	  { { TABLE + GUEST_RAM_SIZE - 16, 32, I, 0 } } },
	{ "next beyond the table", VHA_RING_NEXT, { { TABLE, 32, I, 0 } },
	  { { 1, 1, N, 2 } } },
	{ "circle in a table", VHA_RING_LOOP, { { TABLE, 32, I, 0 } },
	  { { 1, 1, N, 1 }, { 1, 1, N, 0 } } },
	{ "ring and table longer than a chain may be", VHA_RING_LOOP,
	  { { 1, 1, N, 1 }, { TABLE, 16 * CHAIN_MAX, I, 0 } },
	  { { 1, 1, N, 1 }, { 1, 1, N, 2 }, { 1, 1, N, 3 }, { 1, 1, N, 4 },
	    { 1, 1, N, 5 }, { 1, 1, N, 6 }, { 1, 1, N, 7 }, { 1, 1, 0, 0 } } },
	{ "circle in the ring before a table", VHA_RING_LOOP,
	  { { 1, 1, N, 1 }, { 1, 1, N, 0 }, { TABLE, 16, I, 0 } } },
	{ "readable in a table after writable", VHA_RING_ORDER,
	  { { 1, 1, N | W, 1 }, { TABLE, 16, I | W, 0 } }, { { 1, 1, 0, 0 } } },
	{ "more segments than room", VHA_RING_SEGMENTS,
	  { { 1, 1, N, 1 }, { 1, 1, N, 2 }, { 1, 1, 0, 0 } }, { }, 2 },
	{ "more segments in a table than room", VHA_RING_SEGMENTS,
	  { { TABLE, 32, I, 0 } }, { { 1, 1, N, 1 }, { 1, 1, 0, 0 } }, 1 },
	{ }
};

static const struct hostile packed_cases[] = {
	{ "id beyond the ring", VHA_RING_BUFFER_ID, { { 1, 1, A, NUM } } },
	{ "id of the last far beyond the ring", VHA_RING_BUFFER_ID,
	  { { 1, 1, A | N, 0 }, { 1, 1, A, 0xffff } } },
	{ "next not available", VHA_RING_PARTIAL, { { 1, 1, A | N, 0 }, { 1, 1, U, 0 } } },
	{ "next used", VHA_RING_PARTIAL, { { 1, 1, A | N, 0 }, { 1, 1, A | U, 0 } } },
	{ "next with the head's wrap counter over the end", VHA_RING_LOOP,
	  { { 1, 1, A | N, 0 }, { 1, 1, A | N, 0 }, { 1, 1, A | N, 0 }, { 1, 1, A | N, 0 } } },
	{ "readable after writable", VHA_RING_ORDER,
	  { { 1, 1, A | N | W, 0 }, { 1, 1, A, 0 } } },
	{ "4 GiB", VHA_RING_LENGTH, { { 1, U32_MAX, A | N, 0 }, { 1, 1, A, 0 } } },
	{ "address wraps", VHA_RING_ADDRESS, { { -4096ull, 8192, A, 0 } } },
	{ "table address wraps", VHA_RING_ADDRESS, { { -16ull, 16, A | I, 0 } } },
	{ "table of no bytes", VHA_RING_INDIRECT, { { TABLE, 0, A | I, 0 } } },
	{ "table of 17 bytes", VHA_RING_INDIRECT, { { TABLE, 17, A | I, 0 } } },
	{ "table longer than a chain may be", VHA_RING_INDIRECT,
	  { { TABLE, 16 * (CHAIN_MAX + 1), A | I, 0 } } },
	{ "table and next", VHA_RING_INDIRECT,
	  { { TABLE, 16, A | I | N, 0 }, { 1, 1, A, 0 } } },
	{ "table outside of memory", VHA_RING_UNMAPPED, { { TABLE - 16, 16, A | I, 0 } } },
	{ "ring and table longer than a chain may be", VHA_RING_LOOP,
	  { { 1, 1, A | N, 0 }, { TABLE, 16 * CHAIN_MAX, A | I, 0 } } },
	{ "readable in a table after writable", VHA_RING_ORDER,
	  { { 1, 1, A | N | W, 0 }, { TABLE, 16, A | I | W, 0 } } },
	{ "more segments than room", VHA_RING_SEGMENTS,
	  { { 1, 1, A | N, 0 }, { 1, 1, A | N, 0 }, { 1, 1, A, 0 } }, { }, 2 },
	{ }
};

static void build(struct rig *rig, const struct hostile *hostile)
{
	struct vring_desc *table = rig->driver.tables;
	unsigned int i;

	for (i = 0; i < NUM; i++) {
		const struct entry *e = &hostile->desc[i];

		if (rig->ring->packed)
			rig_packed_desc(rig, i, e->addr, e->len, e->link, e->flags);
		else
			rig_split_desc(rig, i, e->addr, e->len, e->flags, e->link);
	}
	/* A table of zeros is right for a packed ring. */
	for (i = 0; i < CHAIN_MAX; i++) {
		const struct entry *e = &hostile->table[i];

		table[i].addr = htole64(e->addr);
		table[i].len = htole32(e->len);
		table[i].flags = htole16(e->flags);
		table[i].next = htole16(e->link);
	}
	if (!rig->ring->packed)
		rig_split_avail(rig, 0, 0);
	if (hostile->max)
		rig->chain->max = hostile->max;
}

static void refused(struct rig *rig, enum vha_ring_error error)
{
	u32 base = vha_ring_base(rig->ring);
	u32 fetched = rig->ring->fetched;
	u16 slot = rig->ring->order_fill;

	CHECK(vha_ring_fetch(rig->ring, rig->chain) == -EINVAL);
	CHECK(rig->ring->error == error);
	CHECK(vha_ring_base(rig->ring) == base);
	CHECK(rig->ring->fetched == fetched);
	CHECK(rig->ring->order_fill == slot);
	CHECK(rig->guest->loads < 8 * NUM);
}

static void hostile_chains(unsigned int flags)
{
	const struct hostile *hostile = flags & RIG_PACKED ? packed_cases : split_cases;

	for (; hostile->name; hostile++) {
		struct rig *rig = rig_open(flags | RIG_INDIRECT, NUM);
		bool failed = test_failed;

		test_failed = false;
		build(rig, hostile);
		guest_mark(rig->guest);
		refused(rig, hostile->error);
		if (test_failed)
			printf("# case: %s\n", hostile->name);
		test_failed |= failed;
		rig_close(rig);
	}
}

static void indirect_not_negotiated(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);

	CHECK(rig_add(rig, 1, 1, 2, 1));
	refused(rig, VHA_RING_INDIRECT);
	CHECK(!rig->guest->reads);
	rig_close(rig);
}

static void unreadable_table(unsigned int flags)
{
	struct rig *rig = rig_open(flags | RIG_INDIRECT, NUM);

	CHECK(rig_add(rig, 1, 1, 2, 1));
	rig->guest->read_error = -EFAULT;
	refused(rig, VHA_RING_UNMAPPED);
	rig_close(rig);
}

static void available_index(unsigned int flags)
{
	u16 base;

	for (base = 0xfffa; base != 3; base++) {
		unsigned int ahead;

		for (ahead = 1; ahead <= 0xffff; ahead += ahead < 16 ? 1 : 1021) {
			struct rig *rig = rig_open(flags, NUM);

			CHECK(!vha_ring_init(rig->ring, base));
			rig_split_index(rig, base + ahead);
			CHECK(vha_ring_pending(rig->ring));
			if (ahead > NUM)
				refused(rig, VHA_RING_AVAIL_INDEX);
			else
				CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
			rig_close(rig);
		}
	}
}

static void head(unsigned int flags)
{
	unsigned int i;

	for (i = 0; i <= 0xffff; i += i < 8 ? 1 : 4093) {
		struct rig *rig = rig_open(flags, NUM);

		rig_split_avail(rig, 0, i);
		if (i >= NUM)
			refused(rig, VHA_RING_HEAD);
		else
			CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
		rig_close(rig);
	}
}

/* The same descriptors again and again, none of them returned. */
static void excess_split(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);
	struct vha_token tokens[NUM];
	unsigned int i;

	for (i = 0; i < NUM; i++) {
		rig_split_avail(rig, i, 1);
		CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
		tokens[i] = rig->chain->token;
	}
	rig_split_avail(rig, NUM, 1);
	refused(rig, VHA_RING_EXCESS);
	rig_return(rig, &tokens[0], 0);
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	rig_split_avail(rig, NUM + 1, 1);
	refused(rig, VHA_RING_EXCESS);
	rig_close(rig);
}

static void excess_packed(unsigned int flags)
{
	struct rig *rig = rig_open(flags | RIG_PACKED, NUM);
	struct vha_token tokens[2];
	unsigned int i;

	rig_packed_desc(rig, 0, 1, 1, 0, A | N);
	rig_packed_desc(rig, 1, 1, 1, 1, A);
	rig_packed_desc(rig, 2, 1, 1, 2, A);
	for (i = 0; i < 2; i++) {
		CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
		tokens[i] = rig->chain->token;
	}
	/* One is free, two are asked for: one of them a second time. */
	rig_packed_desc(rig, 3, 1, 1, 0, A | N);
	rig_packed_desc(rig, 0, 1, 1, 3, U);
	refused(rig, VHA_RING_EXCESS);
	rig_return(rig, &tokens[0], 0);
	rig_packed_desc(rig, 0, 1, 1, 3, U);
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	CHECK(rig->chain->token.ndescs == 2 && rig->chain->token.id == 3);
	rig_close(rig);
}

static void init_refuses(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);
	struct vha_ring *ring = rig->ring;

	if (flags & RIG_PACKED) {
		CHECK(vha_ring_init(ring, NUM) == -EINVAL);
		CHECK(vha_ring_init(ring, 0x8000 | NUM) == -EINVAL);
		CHECK(vha_ring_init(ring, NUM << 16) == -EINVAL);
		CHECK(vha_ring_init(ring, (0x8000u | NUM) << 16) == -EINVAL);
		CHECK(!vha_ring_init(ring, (NUM - 1) << 16 | 0x8000 | (NUM - 1)));
	} else {
		CHECK(vha_ring_init(ring, 0x10000) == -EINVAL);
		CHECK(!vha_ring_init(ring, 0xffff));
		ring->num = 3;
		CHECK(vha_ring_init(ring, 0) == -EINVAL);
	}
	ring->num = 0;
	CHECK(vha_ring_init(ring, 0) == -EINVAL);
	ring->num = VHA_RING_MAX + 1;
	CHECK(vha_ring_init(ring, 0) == -EINVAL);
	ring->num = NUM;
	rig_close(rig);
}

const struct test error_tests[] = {
	{ "hostile chains", hostile_chains, RIG_PACKED | RIG_IN_ORDER },
	{ "indirect not negotiated", indirect_not_negotiated, RIG_PACKED },
	{ "table that can not be read", unreadable_table, RIG_PACKED },
	{ "available index", available_index, 0 },
	{ "head", head, 0 },
	{ "too many in flight, split", excess_split, RIG_IN_ORDER },
	{ "too many in flight, packed", excess_packed, RIG_IN_ORDER },
	{ "init refuses what makes no sense", init_refuses, RIG_PACKED },
	{ }
};
