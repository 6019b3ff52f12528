// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests: taking what an honest driver makes available
 */
#include "rig.h"

#include <string.h>

static void nothing_there(unsigned int flags)
{
	struct rig *rig = rig_open(flags, 4);

	CHECK(!vha_ring_pending(rig->ring));
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 0);
	rig_close(rig);
}

static void plain_chain(unsigned int flags)
{
	struct rig *rig = rig_open(flags, 8);

	CHECK(rig_add(rig, 2, 1, 0, 42));
	CHECK(vha_ring_pending(rig->ring));
	guest_mark(rig->guest);
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	CHECK(guest_most_loads(rig->guest) == 1);
	CHECK(rig_is(rig, 2, 1, 42));
	CHECK(rig->chain->token.id == 0);
	CHECK(rig->chain->token.ndescs == (flags & RIG_PACKED ? 3 : 1));
	CHECK(!vha_ring_pending(rig->ring));
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 0);
	rig_close(rig);
}

/* Every split into out, in, direct and indirect segments that a ring of 8 takes. */
static void all_shapes(unsigned int flags)
{
	unsigned int out, in, indirect;

	for (out = 0; out <= 8; out++)
		for (in = !out; in <= 8 - out; in++)
			for (indirect = 0; indirect <= out + in; indirect++) {
				struct rig *rig = rig_open(flags | RIG_INDIRECT, 8);

				CHECK(rig_add(rig, out, in, indirect, 5));
				guest_mark(rig->guest);
				CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
				CHECK(rig_is(rig, out, in, 5));
				CHECK(guest_most_loads(rig->guest) == 1);
				CHECK(rig->guest->reads == !!indirect);
				rig_close(rig);
			}
}

/* A table may be longer than the ring, with segments of the ring before it too. */
static void long_tables(unsigned int flags)
{
	unsigned int segs, indirect;

	for (segs = 5; segs <= 8; segs++)
		for (indirect = segs - 3; indirect <= segs; indirect++) {
			struct rig *rig = rig_open(flags | RIG_INDIRECT, 4);

			CHECK(rig_add(rig, 2, segs - 2, indirect, 6));
			CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
			CHECK(rig_is(rig, 2, segs - 2, 6));
			CHECK(rig->guest->reads == 1);
			rig_close(rig);
		}
}

static void zero_length(unsigned int flags)
{
	struct driver_seg segs[3] = { { 1, 0 }, { ~0ull, 0 }, { 3, 0 } };
	struct rig *rig = rig_open(flags, 4);

	CHECK(driver_add(&rig->driver, segs, 1, 2, 0, NULL));
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	CHECK(rig->chain->out_num == 1 && rig->chain->in_num == 2);
	CHECK(!rig->chain->out_len && !rig->chain->in_len);
	CHECK(rig->chain->segs[1].addr == ~0ull && !rig->chain->segs[1].len);
	rig_close(rig);
}

static void longest(unsigned int flags)
{
	struct driver_seg segs[2] = {
		{ 0, U32_MAX }, { (u64)-1 - U32_MAX, 0 },
	};
	struct rig *rig = rig_open(flags, 4);

	CHECK(driver_add(&rig->driver, segs, 1, 1, 0, NULL));
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	CHECK(rig->chain->out_len == U32_MAX && !rig->chain->in_len);
	segs[0].len = 0;
	segs[1].len = U32_MAX;
	CHECK(driver_add(&rig->driver, segs, 1, 1, 0, NULL));
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	CHECK(!rig->chain->out_len && rig->chain->in_len == U32_MAX);
	rig_close(rig);
}

static void indirect_ignores_write(unsigned int flags)
{
	struct rig *rig = rig_open(flags | RIG_INDIRECT, 4);

	CHECK(rig_add(rig, 2, 0, 2, 9));
	if (flags & RIG_PACKED) {
		struct vring_packed_desc *desc = rig->driver.desc;

		desc->flags |= VRING_DESC_F_WRITE;
	} else {
		struct vring_desc *desc = rig->driver.desc;

		desc->flags |= VRING_DESC_F_WRITE;
	}
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	CHECK(rig_is(rig, 2, 0, 9));
	rig_close(rig);
}

/* In a packed ring's table no flag but WRITE means anything. */
static void packed_table_flags(unsigned int flags)
{
	struct rig *rig = rig_open(flags | RIG_PACKED | RIG_INDIRECT, 4);
	struct vring_packed_desc *table = rig->driver.tables;

	CHECK(rig_add(rig, 1, 1, 2, 9));
	table[0].flags |= VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT;
	table[1].flags |= VRING_DESC_F_NEXT;
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	CHECK(rig_is(rig, 1, 1, 9));
	rig_close(rig);
}

static void unfetch(unsigned int flags)
{
	struct rig *rig = rig_open(flags, 4);
	unsigned int i;

	for (i = 0; i < 40; i++) {
		unsigned int out = 1 + i % 3;
		struct vha_token token;
		void *cookie;
		u32 base, len;

		CHECK(rig_add(rig, out, 1, 0, i));
		base = vha_ring_base(rig->ring);
		CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
		CHECK(rig_is(rig, out, 1, i));
		token = rig->chain->token;
		vha_ring_unfetch(rig->ring, &token);
		CHECK(vha_ring_base(rig->ring) == base);
		CHECK(vha_ring_pending(rig->ring));
		CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
		CHECK(rig_is(rig, out, 1, i));
		CHECK(!memcmp(&token, &rig->chain->token, sizeof(token)));
		rig_return(rig, &token, i);
		CHECK(driver_get(&rig->driver, &cookie, &len) == 1);
		CHECK(cookie == (void *)(unsigned long)i && len == i);
	}
	rig_close(rig);
}

static void retry_after_fault(unsigned int flags)
{
	struct rig *rig = rig_open(flags | RIG_INDIRECT, 4);
	u32 base = vha_ring_base(rig->ring);

	CHECK(rig_add(rig, 2, 1, 2, 3));
	rig->guest->read_error = -EAGAIN;
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == -EAGAIN);
	CHECK(vha_ring_base(rig->ring) == base);
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == -EAGAIN);
	rig->guest->read_error = 0;
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	CHECK(rig_is(rig, 2, 1, 3));
	rig_close(rig);
}

/* The available index is shared with another processor: load it seldom. */
static void index_loaded_once(unsigned int flags)
{
	struct rig *rig = rig_open(flags, 8);
	struct vring_avail *avail = rig->driver.avail;
	unsigned int i;
	int first;

	for (i = 0; i < 5; i++)
		CHECK(rig_add(rig, 1, 0, 0, i));
	guest_mark(rig->guest);
	for (i = 0; i < 5; i++)
		CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	first = guest_find(rig->guest, 0, SHIM_LOAD, &avail->idx);
	CHECK(first >= 0);
	CHECK(guest_find(rig->guest, first + 1, SHIM_LOAD, &avail->idx) < 0);
	rig_close(rig);
}

/* Whatever is in flight, positions and wrap counters stay in step. */
static void long_run(unsigned int flags)
{
	static const u16 packed_sizes[] = { 1, 2, 3, 7, 8 };
	static const u16 split_sizes[] = { 1, 2, 4, 16, 8 };
	unsigned int size, i;

	for (size = 0; size < 5; size++) {
		u16 num = flags & RIG_PACKED ? packed_sizes[size] : split_sizes[size];
		struct rig *rig = rig_open(flags, num);

		for (i = 0; i < 70000; i++) {
			unsigned int segs = 1 + i % num;
			void *cookie;
			u32 len;

			if (!rig_add(rig, segs, 0, flags & RIG_INDIRECT ? segs : 0, i))
				break;
			if (vha_ring_fetch(rig->ring, rig->chain) != 1 ||
			    !rig_is(rig, segs, 0, i))
				break;
			rig_return(rig, &rig->chain->token, i);
			if (driver_get(&rig->driver, &cookie, &len) != 1 ||
			    cookie != (void *)(unsigned long)i || len != i)
				break;
			rig->guest->num_events = 0;
		}
		CHECK(i == 70000);
		rig_close(rig);
	}
}

const struct test fetch_tests[] = {
	{ "nothing available", nothing_there, RIG_PACKED },
	{ "plain chain, each field loaded once", plain_chain, RIG_PACKED | RIG_IN_ORDER },
	{ "all shapes of chains", all_shapes, RIG_PACKED },
	{ "tables longer than the ring", long_tables, RIG_PACKED },
	{ "descriptors of length zero", zero_length, RIG_PACKED },
	{ "lengths of 4 GiB less one", longest, RIG_PACKED },
	{ "WRITE is ignored on an indirect descriptor", indirect_ignores_write,
	  RIG_PACKED },
	{ "flags in a packed table", packed_table_flags, RIG_IN_ORDER },
	{ "unfetch", unfetch, RIG_PACKED | RIG_IN_ORDER },
	{ "a table not translated yet", retry_after_fault, RIG_PACKED },
	{ "available index is cached", index_loaded_once, RIG_EVENT_IDX },
	{ "long run over all wraps", long_run,
	  RIG_PACKED | RIG_IN_ORDER | RIG_INDIRECT },
	{ }
};
