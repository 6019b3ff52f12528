// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests: returning buffers
 */
#include "rig.h"

#include <endian.h>

#define NUM	8

/* Descriptors of buffer @i; they cross the ring's end in ever new ways. */
static unsigned int shape(unsigned int i)
{
	return 1 + i % 3;
}

static unsigned int fetch_all(struct rig *rig, unsigned int first,
			      struct vha_token *tokens)
{
	unsigned int n = 0;

	while (rig_add(rig, shape(first + n), 0, 0, first + n)) {
		CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
		tokens[n++] = rig->chain->token;
	}
	return n;
}

static bool returned_is(struct rig *rig, unsigned long cookie, u32 len)
{
	void *got;
	u32 got_len;

	return driver_get(&rig->driver, &got, &got_len) == 1 &&
	       got == (void *)cookie && got_len == len;
}

/* A batch becomes visible as a whole and only when it is published. */
static void batches(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);
	struct vha_token tokens[NUM];
	unsigned int first = 0;
	unsigned int round, i;

	for (round = 0; round < 50; round++) {
		unsigned int n = fetch_all(rig, first, tokens);

		CHECK(n);
		for (i = 0; i < n; i++) {
			vha_ring_stage(rig->ring, &tokens[i], first + i);
			CHECK(!driver_more(&rig->driver));
			CHECK(rig->ring->staged == i + 1);
		}
		vha_ring_publish(rig->ring);
		CHECK(!rig->ring->staged);
		for (i = 0; i < n; i++)
			CHECK(returned_is(rig, first + i, first + i));
		CHECK(!driver_more(&rig->driver));
		first += n;
	}
	rig_close(rig);
}

/* All at once is as one after the other, for the log as well. */
static void batch_together(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);
	struct vha_token tokens[NUM];
	struct vha_used used[NUM];
	unsigned int round, i, first = 0;

	for (round = 0; round < 50; round++) {
		unsigned int n = fetch_all(rig, first, tokens);

		for (i = 0; i < n; i++)
			used[i] = (struct vha_used){ .token = tokens[i], .len = first + i };
		/* Some alone before and after, the others together. */
		vha_ring_stage(rig->ring, &tokens[0], first);
		vha_ring_stage_many(rig->ring, used + 1, round % n);
		vha_ring_stage_many(rig->ring, used + 1 + round % n, n - 1 - round % n);
		CHECK(rig->ring->staged == n);
		CHECK(!driver_more(&rig->driver));
		vha_ring_publish(rig->ring);
		for (i = 0; i < n; i++)
			CHECK(returned_is(rig, first + i, first + i));
		CHECK(!driver_more(&rig->driver));
		first += n;
	}
	rig_close(rig);
}

static void publish_nothing(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);

	guest_mark(rig->guest);
	vha_ring_publish(rig->ring);
	CHECK(!rig->guest->num_events);
	rig_close(rig);
}

static void out_of_order(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);
	struct vha_token tokens[NUM];
	unsigned int first = 0;
	unsigned int round;
	int i;

	for (round = 0; round < 50; round++) {
		int n = fetch_all(rig, first, tokens);

		for (i = n - 1; i >= 0; i--) {
			rig_return(rig, &tokens[i], 100 + i);
			CHECK(returned_is(rig, first + i, 100 + i));
		}
		first += n;
	}
	rig_close(rig);
}

/* Every order in which four buffers can complete, at every place in the ring. */
static void in_order(unsigned int flags)
{
	struct rig *rig = rig_open(flags | RIG_IN_ORDER, NUM);
	unsigned int first = 0;
	unsigned int order, i;

	for (order = 0; order < 256; order++) {
		unsigned int pick[4] = { order % 4, order / 4 % 4, order / 16 % 4, order / 64 };
		struct vha_token tokens[4];
		unsigned int done = 0;
		unsigned int out = 0;

		for (i = 0; i < 4; i++)
			done |= 1 << pick[i];
		if (done != 15)
			continue;
		for (i = 0; i < 4; i++) {
			CHECK(rig_add(rig, 1 + i % 2, 0, 0, first + i));
			CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
			tokens[i] = rig->chain->token;
		}
		done = 0;
		for (i = 0; i < 4; i++) {
			rig_return(rig, &tokens[pick[i]], pick[i] + 5);
			done |= 1 << pick[i];
			for (; done & 1 << out; out++)
				CHECK(returned_is(rig, first + out, out + 5));
			CHECK(!driver_more(&rig->driver));
		}
		CHECK(out == 4);
		first += 4;
	}
	rig_close(rig);
}

static void packed_marks(unsigned int flags)
{
	struct rig *rig = rig_open(flags | RIG_PACKED, 3);
	struct vring_packed_desc *desc = rig->driver.desc;
	unsigned int i;

	for (i = 0; i < 12; i++) {
		u16 mark = i / 3 % 2 ? 0 : 0x8080;
		u32 len = i % 2;
		void *cookie;

		CHECK(rig_add(rig, 0, 1, 0, i));
		CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
		rig_return(rig, &rig->chain->token, len);
		CHECK(le16toh(desc[i % 3].flags) == (mark | (len ? VRING_DESC_F_WRITE : 0)));
		CHECK(le64toh(desc[i % 3].addr) == rig_addr(i, 0));
		CHECK(driver_get(&rig->driver, &cookie, &len) == 1);
	}
	rig_close(rig);
}

/* Stop and go on, as over a migration, at every place of the ring. */
static void resume(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);
	struct vha_token tokens[NUM];
	unsigned int first = 0;
	unsigned int round, i;

	for (round = 0; round < 40; round++) {
		unsigned int n = fetch_all(rig, first, tokens);
		u32 base;

		for (i = 0; i < n; i++)
			rig_return(rig, &tokens[i], i);
		base = vha_ring_base(rig->ring);
		CHECK(!vha_ring_init(rig->ring, base));
		CHECK(vha_ring_base(rig->ring) == base);
		for (i = 0; i < n; i++)
			CHECK(returned_is(rig, first + i, i));
		first += n;
	}
	rig_close(rig);
}

static void resume_split_index(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);
	struct vring_used *used = rig->driver.used;

	used->idx = htole16(0x1234);
	CHECK(!vha_ring_init(rig->ring, 0xfffe));
	CHECK(vha_ring_base(rig->ring) == 0xfffe);
	CHECK(rig->ring->used_next == 0x1234);
	rig_close(rig);
}

/*
 * A driver that makes buffers available again before it can know that they
 * were returned: the batch grows beyond the ring.
 */
static void batch_beyond_ring(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);
	struct vring_used *used = rig->driver.used;
	unsigned int i;

	for (i = 0; i < NUM + 3; i++) {
		rig_split_avail(rig, i, i % NUM);
		CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
		vha_ring_stage(rig->ring, &rig->chain->token, i);
	}
	CHECK(!used->idx);
	vha_ring_publish(rig->ring);
	CHECK(le16toh(used->idx) == NUM + 3);
	CHECK(le32toh(used->ring[2].len) == NUM + 2);
	CHECK(le32toh(used->ring[3].len) == 3);
	rig_close(rig);
}

/* The report of a published batch reaches neither too far nor too short. */
static void log_exact(unsigned int flags)
{
	struct rig *rig = rig_open(flags | RIG_LOG, NUM);
	struct vha_token tokens[NUM];
	unsigned int first = 0;
	unsigned int round, part, i;
	size_t byte;

	for (round = 0; round < 30; round++) {
		unsigned int n = fetch_all(rig, first, tokens);

		if (round % 3 == 0)
			vha_ring_disable_kick(rig->ring);
		for (i = 0; i < n; i++)
			vha_ring_stage(rig->ring, &tokens[i], 1);
		vha_ring_publish(rig->ring);
		if (round % 4 == 0)
			vha_ring_enable_kick(rig->ring);
		for (part = 0; part < GUEST_PARTS; part++) {
			struct guest_range *range = &rig->guest->part[part];

			for (byte = 0; byte < range->size; byte++) {
				CHECK(range->written[byte] == range->logged[byte]);
				range->written[byte] = false;
				range->logged[byte] = false;
			}
		}
		for (i = 0; i < n; i++)
			CHECK(returned_is(rig, first + i, 1));
		first += n;
	}
	rig_close(rig);
}

const struct test used_tests[] = {
	{ "batches", batches, RIG_PACKED | RIG_IN_ORDER | RIG_LOG },
	{ "batches staged together", batch_together, RIG_PACKED | RIG_IN_ORDER | RIG_LOG },
	{ "publishing nothing", publish_nothing, RIG_PACKED | RIG_IN_ORDER | RIG_LOG },
	{ "completion out of order", out_of_order, RIG_PACKED | RIG_LOG },
	{ "in-order return in every order of completion", in_order, RIG_PACKED | RIG_LOG },
	{ "marks of used packed descriptors", packed_marks, RIG_IN_ORDER },
	{ "stop and resume", resume, RIG_PACKED | RIG_IN_ORDER },
	{ "used index of a resumed split ring", resume_split_index, RIG_IN_ORDER },
	{ "batch beyond the ring", batch_beyond_ring, RIG_IN_ORDER | RIG_LOG },
	{ "dirty log is exact", log_exact, RIG_PACKED | RIG_EVENT_IDX | RIG_IN_ORDER },
	{ }
};
