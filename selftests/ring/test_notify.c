// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests: notifications and the order of memory accesses
 */
#include "rig.h"

#include <endian.h>

#define NUM	4

static void use_one(struct rig *rig)
{
	void *cookie;
	u32 len;

	CHECK(rig_add(rig, 1, 0, 0, 0));
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	rig_return(rig, &rig->chain->token, 0);
	CHECK(driver_get(&rig->driver, &cookie, &len) == 1);
}

static void signal_flags(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);

	CHECK(!vha_ring_need_signal(rig->ring));
	use_one(rig);
	CHECK(vha_ring_need_signal(rig->ring));
	CHECK(!vha_ring_need_signal(rig->ring));
	driver_disable_call(&rig->driver);
	use_one(rig);
	CHECK(!vha_ring_need_signal(rig->ring));
	driver_enable_call(&rig->driver, 0);
	CHECK(!vha_ring_need_signal(rig->ring));
	use_one(rig);
	CHECK(vha_ring_need_signal(rig->ring));
	rig_close(rig);
}

/* With in-order return, a buffer held back is no reason to signal. */
static void signal_held_back(unsigned int flags)
{
	struct rig *rig = rig_open(flags | RIG_IN_ORDER, NUM);
	struct vha_token first;

	CHECK(rig_add(rig, 1, 0, 0, 0) && rig_add(rig, 1, 0, 0, 1));
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	first = rig->chain->token;
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	rig_return(rig, &rig->chain->token, 0);
	CHECK(!vha_ring_need_signal(rig->ring));
	rig_return(rig, &first, 0);
	CHECK(vha_ring_need_signal(rig->ring));
	rig_close(rig);
}

/* Whatever the driver's event says, nobody knows what it was told before. */
static void signal_first(unsigned int flags)
{
	unsigned int ahead;

	for (ahead = 0; ahead < NUM; ahead++) {
		struct rig *rig = rig_open(flags | RIG_EVENT_IDX, NUM);

		driver_enable_call(&rig->driver, ahead);
		use_one(rig);
		CHECK(vha_ring_need_signal(rig->ring));
		rig_close(rig);
	}
}

/* Every event near every batch, against the meaning of an event. */
static void signal_event_split(unsigned int flags)
{
	struct rig *rig = rig_open(flags | RIG_EVENT_IDX, NUM);
	struct vring_avail *avail = rig->driver.avail;
	u16 next, ago;
	u32 fresh;

	for (next = 0xfff0; next != 0x20; next++)
		for (fresh = 1; fresh <= NUM; fresh++)
			for (ago = 0xffe0; ago != 0x20; ago++) {
				/* The event was passed @ago buffers before the last. */
				bool passed = ago < fresh;

				avail->ring[NUM] = htole16(next - 1 - ago);
				rig->ring->used_next = next;
				rig->ring->returned = 1000 + fresh;
				rig->ring->signalled = 1000;
				rig->ring->signalled_valid = true;
				CHECK(vha_ring_need_signal(rig->ring) == passed);
			}
	rig_close(rig);
}

static u16 wrapped(u32 position, u16 num)
{
	return position % num | (position / num % 2 ? 0 : 0x8000);
}

static void signal_event_packed(unsigned int flags)
{
	u16 num;

	for (num = 1; num <= 6; num++) {
		struct rig *rig = rig_open(flags | RIG_PACKED | RIG_EVENT_IDX, num);
		struct vring_packed_desc_event *driver = rig->driver.avail;
		u32 next, fresh, event;

		driver->flags = htole16(VRING_PACKED_EVENT_FLAG_DESC);
		for (next = 2 * num; next < 6 * num; next++)
			for (fresh = 1; fresh <= num; fresh++)
				for (event = next - num; event < next + num; event++) {
					bool passed = event < next && event >= next - fresh;

					driver->off_wrap = htole16(wrapped(event, num));
					rig->ring->used_next = next % num;
					rig->ring->used_wrap = !(next / num % 2);
					rig->ring->returned = 1000 + fresh;
					rig->ring->signalled = 1000;
					rig->ring->signalled_valid = true;
					CHECK(vha_ring_need_signal(rig->ring) == passed);
				}
		rig_close(rig);
	}
}

/* The largest ring, where slots fill all bits but the wrap counter. */
static void signal_event_largest(unsigned int flags)
{
	struct vha_ring layout = {
		.num = VHA_RING_MAX, .packed = true, .event_idx = true,
		.in_order = flags & RIG_IN_ORDER,
	};
	struct guest *guest = guest_open(&layout, 1);
	struct vring_packed_desc_event *driver = (void *)guest->part[GUEST_DRIVER].bytes;
	static const u32 steps[] = { 1, 2, 32766, 32767, 32768 };
	unsigned int i;
	u32 next, ago;

	driver->flags = htole16(VRING_PACKED_EVENT_FLAG_DESC);
	for (next = 3 * VHA_RING_MAX - 2; next < 3 * VHA_RING_MAX + 3; next++)
		for (i = 0; i < 5; i++)
			for (ago = 1; ago <= VHA_RING_MAX; ago += ago < 9 ? 1 : 8191) {
				u16 event = wrapped(next - ago, VHA_RING_MAX);

				CHECK(!vha_ring_init(&guest->ring, 0));
				driver->off_wrap = htole16(event);
				guest->ring.used_next = next % VHA_RING_MAX;
				guest->ring.used_wrap = !(next / VHA_RING_MAX % 2);
				guest->ring.returned = steps[i];
				guest->ring.signalled_valid = true;
				CHECK(vha_ring_need_signal(&guest->ring) == (ago <= steps[i]));
			}
	guest_close(guest);
}

/* More than a ring's worth since the last decision: always signal. */
static void signal_long_ago(unsigned int flags)
{
	struct rig *rig = rig_open(flags | RIG_EVENT_IDX, NUM);
	u32 fresh;

	driver_enable_call(&rig->driver, 0);
	use_one(rig);
	CHECK(vha_ring_need_signal(rig->ring));
	for (fresh = 0x10000; fresh; fresh <<= 1) {
		rig->ring->returned += fresh;
		CHECK(vha_ring_need_signal(rig->ring));
	}
	rig_close(rig);
}

static void packed_flags(unsigned int flags)
{
	static const bool plain[] = { true, false, true, true };
	struct rig *rig = rig_open(flags | RIG_PACKED, NUM);
	struct vring_packed_desc_event *driver = rig->driver.avail;
	unsigned int i;

	use_one(rig);
	vha_ring_need_signal(rig->ring);
	driver->off_wrap = htole16(0x8003);
	for (i = 0; i < 4; i++) {
		bool expected = plain[i];

		/* The event at slot 3 is passed by the fourth buffer. */
		if (i == VRING_PACKED_EVENT_FLAG_DESC && flags & RIG_EVENT_IDX)
			expected = false;
		driver->flags = htole16(i | 0xfffc);
		use_one(rig);
		if (i == 2)
			CHECK(vha_ring_need_signal(rig->ring) ==
			      (flags & RIG_EVENT_IDX ? true : expected));
		else
			CHECK(vha_ring_need_signal(rig->ring) == expected);
	}
	rig_close(rig);
}

static void kick(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);
	unsigned int i;

	for (i = 0; i < 100; i++) {
		unsigned int more = i % 3;
		struct vha_token token;
		void *cookie;
		u32 len;

		CHECK(!vha_ring_enable_kick(rig->ring));
		CHECK(rig->ring->kick_enabled);
		CHECK(rig_add(rig, 1, 0, 0, i));
		CHECK(driver_kick(&rig->driver));
		CHECK(vha_ring_enable_kick(rig->ring));
		vha_ring_disable_kick(rig->ring);
		CHECK(!rig->ring->kick_enabled);
		CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
		token = rig->chain->token;
		if (more) {
			CHECK(rig_add(rig, 1, 0, 0, i));
			/* A hint, for which the event index of a split ring has no words. */
			if (flags & RIG_PACKED || !(flags & RIG_EVENT_IDX))
				CHECK(!driver_kick(&rig->driver));
			driver_kick(&rig->driver);
			CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
		}
		rig_return(rig, &token, 0);
		if (more)
			rig_return(rig, &rig->chain->token, 0);
		while (driver_get(&rig->driver, &cookie, &len) == 1)
			;
	}
	rig_close(rig);
}

static void kick_event(unsigned int flags)
{
	struct rig *rig = rig_open(flags | RIG_EVENT_IDX, NUM);
	struct vring_packed_desc_event *device = rig->driver.used;
	struct vring_used *used = rig->driver.used;
	unsigned int i;

	for (i = 0; i < 30; i++) {
		vha_ring_enable_kick(rig->ring);
		if (flags & RIG_PACKED) {
			CHECK(le16toh(device->off_wrap) == wrapped(i, NUM));
			CHECK(le16toh(device->flags) == VRING_PACKED_EVENT_FLAG_DESC);
		} else {
			CHECK(le16toh(*(__le16 *)&used->ring[NUM]) == i);
			CHECK(!used->flags);
		}
		use_one(rig);
	}
	rig_close(rig);
}

/* What stands there at first asks for kicks; an event of long ago is no event. */
static void kick_stale(unsigned int flags)
{
	struct rig *rig = rig_open(flags | RIG_PACKED | RIG_EVENT_IDX, NUM);
	unsigned int round, i;
	void *cookie;
	u32 len;

	for (round = 0; round < 3; round++) {
		vha_ring_disable_kick(rig->ring);
		for (i = 0; i < 5 * NUM + round; i++) {
			CHECK(rig_add(rig, 1, 0, 0, i));
			CHECK(!driver_kick(&rig->driver));
			CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
			rig_return(rig, &rig->chain->token, 0);
			CHECK(driver_get(&rig->driver, &cookie, &len) == 1);
		}
		CHECK(!vha_ring_enable_kick(rig->ring));
	}
	CHECK(rig_add(rig, 1, 0, 0, i));
	CHECK(driver_kick(&rig->driver));
	rig_close(rig);
}

/* Disabling twice is not worth a second store to a shared cache line. */
static void disable_twice(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);

	guest_mark(rig->guest);
	vha_ring_disable_kick(rig->ring);
	CHECK((guest_find(rig->guest, 0, SHIM_STORE, NULL) >= 0) ==
	      (flags & RIG_PACKED || !(flags & RIG_EVENT_IDX)));
	guest_mark(rig->guest);
	vha_ring_disable_kick(rig->ring);
	CHECK(!rig->guest->num_events);
	rig_close(rig);
}

/* The word with which the driver makes the first buffer available. */
static const void *doorstep(const struct rig *rig)
{
	const struct vring_packed_desc *desc = rig->driver.desc;
	const struct vring_avail *avail = rig->driver.avail;

	return rig->ring->packed ? (const void *)&desc->flags : &avail->idx;
}

static void fetch_order(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);
	struct guest *guest = rig->guest;

	CHECK(rig_add(rig, 2, 1, 0, 0));
	guest_mark(guest);
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	CHECK(guest->events[0].event == SHIM_LOAD);
	CHECK(guest->events[0].addr == doorstep(rig));
	CHECK(guest->events[1].event == SHIM_RMB);
	CHECK(guest_find(guest, 1, SHIM_LOAD, doorstep(rig)) < 0);
	rig_close(rig);
}

static void publish_order(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);
	struct vring_packed_desc *desc = rig->driver.desc;
	struct vring_used *used = rig->driver.used;
	const void *visible = flags & RIG_PACKED ? (void *)&desc->flags : &used->idx;
	struct guest *guest = rig->guest;
	struct vha_token token;
	int barrier, store;

	CHECK(rig_add(rig, 1, 0, 0, 0) && rig_add(rig, 1, 0, 0, 1));
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	token = rig->chain->token;
	CHECK(vha_ring_fetch(rig->ring, rig->chain) == 1);
	guest_mark(guest);
	vha_ring_stage(rig->ring, &token, 1);
	vha_ring_stage(rig->ring, &rig->chain->token, 2);
	CHECK(guest_find(guest, 0, SHIM_STORE, visible) < 0);
	vha_ring_publish(rig->ring);
	barrier = guest_find(guest, 0, SHIM_RELEASE, NULL);
	store = guest_find(guest, 0, SHIM_STORE, visible);
	CHECK(barrier >= 0 && store == barrier + 1);
	CHECK(guest_find(guest, store + 1, SHIM_STORE, NULL) < 0);
	rig_close(rig);
}

static void signal_order(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);
	struct guest *guest = rig->guest;

	use_one(rig);
	guest_mark(guest);
	vha_ring_need_signal(rig->ring);
	CHECK(guest->num_events >= 2);
	CHECK(guest->events[0].event == SHIM_MB);
	CHECK(guest->events[1].event == SHIM_LOAD);
	/* Flags and event of a packed ring are two loads, in this order. */
	if (flags & RIG_PACKED) {
		struct vring_packed_desc_event *driver = rig->driver.avail;

		driver_enable_call(&rig->driver, 1);
		use_one(rig);
		guest_mark(guest);
		vha_ring_need_signal(rig->ring);
		CHECK(guest->events[1].addr == &driver->flags);
		if (flags & RIG_EVENT_IDX) {
			CHECK(guest->events[2].event == SHIM_RMB);
			CHECK(guest->events[3].addr == &driver->off_wrap);
		}
	}
	rig_close(rig);
}

static void enable_order(unsigned int flags)
{
	struct rig *rig = rig_open(flags, NUM);
	struct guest *guest = rig->guest;
	int store, barrier, load;

	vha_ring_disable_kick(rig->ring);
	guest_mark(guest);
	vha_ring_enable_kick(rig->ring);
	store = guest_find(guest, 0, SHIM_STORE, NULL);
	barrier = guest_find(guest, 0, SHIM_MB, NULL);
	load = guest_find(guest, 0, SHIM_LOAD, NULL);
	CHECK(store >= 0 && store < barrier && barrier < load);
	CHECK(guest->events[load].addr == doorstep(rig));
	/* One store, so that no driver sees a new event with old flags. */
	CHECK(guest_find(guest, store + 1, SHIM_STORE, NULL) < 0);
	rig_close(rig);
}

const struct test notify_tests[] = {
	{ "signal by flags", signal_flags, RIG_PACKED },
	{ "no signal for a buffer held back", signal_held_back, RIG_PACKED },
	{ "first signal after init", signal_first, RIG_PACKED },
	{ "signal by event index, split", signal_event_split, 0 },
	{ "signal by event index, packed", signal_event_packed, 0 },
	{ "signal by event index, largest ring", signal_event_largest, RIG_IN_ORDER },
	{ "signal after a long silence", signal_long_ago, RIG_PACKED },
	{ "flags of a packed driver", packed_flags, RIG_EVENT_IDX },
	{ "kick", kick, RIG_PACKED | RIG_EVENT_IDX | RIG_LOG },
	{ "event index for kicks", kick_event, RIG_PACKED | RIG_LOG },
	{ "no kick by a stale event", kick_stale, RIG_IN_ORDER | RIG_LOG },
	{ "disabling kicks twice", disable_twice, RIG_PACKED | RIG_EVENT_IDX },
	{ "order of loads in fetch", fetch_order, RIG_PACKED | RIG_EVENT_IDX },
	{ "order of stores in publish", publish_order, RIG_PACKED | RIG_IN_ORDER },
	{ "order in need_signal", signal_order, RIG_PACKED | RIG_EVENT_IDX },
	{ "order in enable_kick", enable_order, RIG_PACKED | RIG_EVENT_IDX },
	{ }
};
