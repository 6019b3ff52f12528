// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring code against a driver made of fuzzer input
 *
 * The input is a ring's layout followed by steps of a driver, honest or not,
 * and of the device. While the guest does not change its memory during a call,
 * the reference says what each fetch has to find; while it does, what always
 * holds still has to hold.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

#define MAX_SEGS	40
#define MAX_NUM		32

#define REQUIRE(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
				__LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* By the name under which libFuzzer knows it. */
int fuzz_one(const u8 *data, size_t size) __asm__("LLVMFuzzerTestOneInput");

struct flight {
	struct vha_token token;
	u32 len;
	bool done;
};

struct fuzz {
	const u8 *data;
	size_t left;
	struct guest *guest;
	struct vha_ring *ring;
	struct reference reference;
	bool mutate;
	bool can_unfetch;

	/* where the driver puts the next buffer */
	u64 driver_next;

	/* in the order in which they were fetched */
	struct flight flight[MAX_NUM];
	unsigned int num_flight;

	/* what the used side has to look like; positions count from the start */
	u64 used;
	u64 signalled;
	bool signalled_valid;
	u64 first_staged;
	unsigned int staged;
};

static struct fuzz fuzz;

static u32 take(unsigned int bytes)
{
	u32 value = 0;

	while (bytes-- && fuzz.left) {
		value = value << 8 | *fuzz.data++;
		fuzz.left--;
	}
	return value;
}

static void put(u8 *to, u64 value, unsigned int bytes)
{
	while (bytes--) {
		*to++ = value;
		value >>= 8;
	}
}

static u64 get(const u8 *from, unsigned int bytes)
{
	u64 value = 0;

	while (bytes--)
		value = value << 8 | from[bytes];
	return value;
}

static u8 *part(enum guest_part which, size_t offset)
{
	return fuzz.guest->part[which].bytes + offset;
}

/* The guest changes something near what is about to be loaded. */
static void act(struct guest *guest, const void *from, size_t size)
{
	u8 what = take(1);
	u8 *near = (u8 *)from + (what >> 3) % (size + 16) - 8;
	unsigned int i;

	if (!(what & 1))
		return;
	if ((uintptr_t)near - (uintptr_t)guest->ram < GUEST_RAM_SIZE)
		*near = take(1);
	for (i = 0; i < GUEST_PARTS; i++) {
		struct guest_range *range = &guest->part[i];

		if ((uintptr_t)near - (uintptr_t)range->bytes < range->size)
			*near = take(1);
	}
}

static u64 some_address(void)
{
	u8 kind = take(1);

	if (kind < 200)
		return 0x100000 + kind * 4096;
	if (kind < 230)
		return GUEST_RAM_BASE + take(2);
	return (u64)take(4) << 32 | take(4) | (kind & 1 ? 0xfffff000ull << 32 : 0);
}

static u32 some_length(void)
{
	u8 kind = take(1);

	return kind < 220 ? kind : kind < 240 ? take(4) : -(u32)take(1);
}

/* Bits the driver is allowed to use, mostly. */
static u16 some_flags(void)
{
	u16 bits = take(1);

	return bits < 248 ? bits & VRING_DESC_F_WRITE : take(2);
}

static void fill_table(u8 *table, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++, table += 16) {
		u16 flags = some_flags();

		put(table, some_address(), 8);
		put(table + 8, some_length(), 4);
		if (fuzz.ring->packed) {
			put(table + 12, 0, 2);
			put(table + 14, flags, 2);
		} else {
			if (i + 1 < count)
				flags |= VRING_DESC_F_NEXT;
			put(table + 12, flags, 2);
			put(table + 14, flags & 0x100 ? take(2) : i + 1, 2);
		}
	}
}

/* Returns the flags of the descriptor. */
static u16 fill_desc(u8 *desc, bool last)
{
	u16 flags = some_flags();
	u64 addr = some_address();
	u32 len = some_length();

	if (last && (take(1) & 1)) {
		unsigned int count = 1 + take(1) % (fuzz.ring->chain_max + 1);
		unsigned int offset = take(1) * 16;
		u8 odd = take(1);

		if (offset + count * 16 <= GUEST_RAM_SIZE)
			fill_table(fuzz.guest->ram + offset, count);
		addr = GUEST_RAM_BASE + offset;
		len = count * 16 + (odd > 250);
		flags |= VRING_DESC_F_INDIRECT;
	}
	if (!last)
		flags |= VRING_DESC_F_NEXT;
	put(desc, addr, 8);
	put(desc + 8, len, 4);
	return flags;
}

static void post_split(void)
{
	u16 num = fuzz.ring->num;
	unsigned int count = 1 + take(1) % 5;
	u16 head = take(1);
	u16 slot = head % num;
	unsigned int i;

	for (i = 0; i < count; i++) {
		u8 *desc = part(GUEST_DESC, 16 * slot);
		u16 flags = fill_desc(desc, i + 1 == count);

		slot = (slot + 1) % num;
		put(desc + 12, flags, 2);
		put(desc + 14, flags & 0x200 ? take(2) : slot, 2);
	}
	put(part(GUEST_DRIVER, 4 + 2 * (fuzz.driver_next % num)),
	    head > 250 ? take(2) : head % num, 2);
	fuzz.driver_next++;
	put(part(GUEST_DRIVER, 2), fuzz.driver_next, 2);
}

static void post_packed(void)
{
	u16 num = fuzz.ring->num;
	unsigned int count = 1 + take(1) % 5;
	unsigned int i;

	for (i = 0; i < count; i++) {
		u8 *desc = part(GUEST_DESC, 16 * (fuzz.driver_next % num));
		u16 flags = fill_desc(desc, i + 1 == count);
		u8 id = take(1);

		flags ^= fuzz.driver_next / num % 2 ? 0x8000 : 0x80;
		put(desc + 12, id > 250 ? take(2) : id % num, 2);
		put(desc + 14, flags, 2);
		fuzz.driver_next++;
	}
}

static void step_post(void)
{
	if (fuzz.ring->packed)
		post_packed();
	else
		post_split();
}

/* The driver forgets what it did and goes on where the device is. */
static void step_resync(void)
{
	fuzz.driver_next = fuzz.reference.avail;
	if (!fuzz.ring->packed)
		put(part(GUEST_DRIVER, 2), fuzz.driver_next + take(1) % 4, 2);
}

static void step_scribble(void)
{
	struct guest_range *range = &fuzz.guest->part[take(1) % GUEST_PARTS];
	size_t offset = take(2) % range->size;
	unsigned int count = 1 + take(1) % 8;

	while (count-- && offset < range->size)
		range->bytes[offset++] = take(1);
}

static u32 in_flight(void)
{
	u32 sum = 0;
	unsigned int i;

	for (i = 0; i < fuzz.num_flight; i++)
		sum += fuzz.flight[i].token.ndescs;
	return sum;
}

static void check_chain(void)
{
	const struct vha_chain *chain = &fuzz.guest->chain;
	unsigned int count = chain->out_num + chain->in_num;
	u64 len[2] = { 0, 0 };
	unsigned int i;

	REQUIRE(count && count <= chain->max);
	REQUIRE(count <= (fuzz.guest->reads ? fuzz.ring->chain_max : fuzz.ring->num));
	for (i = 0; i < count; i++) {
		const struct vha_seg *seg = &chain->segs[i];

		REQUIRE(seg->addr + seg->len >= seg->addr);
		len[i >= chain->out_num] += seg->len;
	}
	REQUIRE(len[0] == chain->out_len && len[1] == chain->in_len);
	REQUIRE(len[0] + len[1] <= U32_MAX);
	REQUIRE(chain->token.id < fuzz.ring->num);
	REQUIRE(chain->token.ndescs && chain->token.ndescs <= fuzz.ring->num);
}

static void check_reference(int result)
{
	const struct reference *r = &fuzz.reference;
	const struct vha_chain *chain = &fuzz.guest->chain;
	unsigned int i;

	REQUIRE(result == r->result);
	if (result == -EINVAL)
		REQUIRE(fuzz.ring->error == r->error);
	if (result != 1)
		return;
	REQUIRE(chain->token.id == r->id && chain->token.ndescs == r->ndescs);
	REQUIRE(chain->out_num + chain->in_num == r->num_segs);
	for (i = 0; i < r->num_segs; i++) {
		REQUIRE(chain->segs[i].addr == r->segs[i].addr);
		REQUIRE(chain->segs[i].len == r->segs[i].len);
		REQUIRE((i >= chain->out_num) == r->segs[i].write);
	}
	/* Nothing the guest could have changed was looked at twice. */
	REQUIRE(guest_most_loads(fuzz.guest) <= 1);
}

static void step_fetch(void)
{
	struct guest *guest = fuzz.guest;
	struct vha_ring *ring = fuzz.ring;
	u32 base = vha_ring_base(ring);
	int result;

	fuzz.reference.in_flight = in_flight();
	if (!fuzz.mutate)
		reference_fetch(&fuzz.reference, guest);
	guest_mark(guest);
	guest->act = fuzz.mutate ? act : NULL;
	result = vha_ring_fetch(ring, &guest->chain);
	guest->act = NULL;

	REQUIRE(guest->loads <= 5 * (ring->num + 2) && guest->reads <= 1);
	REQUIRE(result == 1 || !result || result == -EINVAL || result == -EAGAIN);
	if (!fuzz.mutate)
		check_reference(result);
	fuzz.reference.cached = ring->avail_idx;
	fuzz.can_unfetch = result == 1;
	if (result != 1) {
		REQUIRE(vha_ring_base(ring) == base);
		REQUIRE(result != -EINVAL ||
			(ring->error && ring->error < VHA_RING_ERRORS));
		return;
	}
	check_chain();
	REQUIRE(fuzz.num_flight < ring->num);
	fuzz.flight[fuzz.num_flight++] = (struct flight) { .token = guest->chain.token };
	REQUIRE(in_flight() <= ring->num);
	fuzz.reference.avail += guest->chain.token.ndescs;
}

static void step_unfetch(void)
{
	struct vha_token token;

	if (!fuzz.can_unfetch)
		return;
	fuzz.can_unfetch = false;
	token = fuzz.flight[--fuzz.num_flight].token;
	vha_ring_unfetch(fuzz.ring, &token);
	fuzz.reference.avail -= token.ndescs;
}

/* The used entry of a buffer, written and - unless the first - marked. */
static void check_staged(const struct flight *flight, u16 flags_before)
{
	u16 num = fuzz.ring->num;
	u16 slot = fuzz.used % num;
	const u8 *entry;

	if (fuzz.ring->packed) {
		u16 flags = fuzz.used / num % 2 ? 0 : 0x8080;

		entry = part(GUEST_DESC, 16 * slot);
		REQUIRE(get(entry + 8, 4) == flight->len);
		REQUIRE(get(entry + 12, 2) == flight->token.id);
		if (flight->len)
			flags |= VRING_DESC_F_WRITE;
		if (fuzz.staged)
			REQUIRE(get(entry + 14, 2) == flags);
		else
			REQUIRE(get(entry + 14, 2) == flags_before);
	} else {
		entry = part(GUEST_DEVICE, 4 + 8 * slot);
		REQUIRE(get(entry, 4) == flight->token.id);
		REQUIRE(get(entry + 4, 4) == flight->len);
	}
	if (!fuzz.staged++)
		fuzz.first_staged = fuzz.used;
	fuzz.used += flight->token.ndescs;
}

static void forget(unsigned int index)
{
	fuzz.num_flight--;
	memmove(&fuzz.flight[index], &fuzz.flight[index + 1],
		(fuzz.num_flight - index) * sizeof(fuzz.flight[0]));
}

static void complete(unsigned int index)
{
	struct flight *flight = &fuzz.flight[index];
	u16 flags_before = 0;

	if (flight->done)
		return;
	fuzz.can_unfetch = false;
	if (fuzz.ring->packed)
		flags_before = get(part(GUEST_DESC, 16 * (fuzz.used % fuzz.ring->num) + 14), 2);
	flight->len = take(1) & 1 ? take(4) : 0;
	flight->done = true;
	vha_ring_stage(fuzz.ring, &flight->token, flight->len);
	if (!fuzz.ring->in_order) {
		check_staged(flight, flags_before);
		forget(index);
	}
	while (fuzz.ring->in_order && fuzz.num_flight && fuzz.flight[0].done) {
		check_staged(&fuzz.flight[0], flags_before);
		forget(0);
	}
	REQUIRE(fuzz.ring->staged == fuzz.staged);
}

static void step_complete(void)
{
	if (fuzz.num_flight)
		complete(take(1) % fuzz.num_flight);
}

static void step_publish(void)
{
	u16 num = fuzz.ring->num;

	vha_ring_publish(fuzz.ring);
	if (!fuzz.staged)
		return;
	if (fuzz.ring->packed) {
		u16 flags = get(part(GUEST_DESC, 16 * (fuzz.first_staged % num) + 14), 2);

		REQUIRE((flags & 0x8080) == (fuzz.first_staged / num % 2 ? 0 : 0x8080));
	} else {
		REQUIRE(get(part(GUEST_DEVICE, 2), 2) == (u16)fuzz.used);
	}
	fuzz.staged = 0;
}

static u16 position(u64 at)
{
	u16 num = fuzz.ring->num;

	if (!fuzz.ring->packed)
		return at;
	return at % num | (at / num % 2 ? 0 : 0x8000);
}

/* Whether the driver's event is among what was published since last asked. */
static bool event_passed(u16 event)
{
	u64 at;

	if (!fuzz.signalled_valid)
		return true;
	if (fuzz.used - fuzz.signalled > (fuzz.ring->packed ? fuzz.ring->num : 0xffff))
		return true;
	for (at = fuzz.signalled; at != fuzz.used; at++)
		if (position(at) == event)
			return true;
	return false;
}

static bool wants_signal(void)
{
	const u8 *driver = part(GUEST_DRIVER, 0);

	if (fuzz.used == fuzz.signalled)
		return false;
	if (fuzz.ring->packed) {
		u16 flags = driver[2] & 3;

		if (flags != VRING_PACKED_EVENT_FLAG_DESC || !fuzz.ring->event_idx)
			return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
		return event_passed(get(driver, 2));
	}
	if (!fuzz.ring->event_idx)
		return !(driver[0] & VRING_AVAIL_F_NO_INTERRUPT);
	return event_passed(get(driver + 4 + 2 * fuzz.ring->num, 2));
}

/* What to say of a slot that the ring does not have is left open. */
static bool event_exists(void)
{
	return !fuzz.ring->packed ||
	       (get(part(GUEST_DRIVER, 0), 2) & 0x7fff) < fuzz.ring->num;
}

static void step_signal(void)
{
	bool exists, expected, got;

	step_publish();
	exists = event_exists();
	expected = wants_signal();
	fuzz.guest->act = fuzz.mutate ? act : NULL;
	got = vha_ring_need_signal(fuzz.ring);
	fuzz.guest->act = NULL;
	REQUIRE(fuzz.mutate || !exists || got == expected);
	if (fuzz.used != fuzz.signalled)
		fuzz.signalled_valid = true;
	fuzz.signalled = fuzz.used;
}

/* The driver wants to hear of something near where the device is. */
static void step_suppress(void)
{
	u64 at = fuzz.used + (take(1) % (2 * fuzz.ring->num)) - fuzz.ring->num;

	if (fuzz.ring->packed) {
		put(part(GUEST_DRIVER, 0), position(at), 2);
		put(part(GUEST_DRIVER, 2), take(1) & 3, 2);
	} else {
		put(part(GUEST_DRIVER, 4 + 2 * fuzz.ring->num), at, 2);
		put(part(GUEST_DRIVER, 0), take(1) & 1, 2);
	}
}

static void step_kicks(void)
{
	bool pending = vha_ring_pending(fuzz.ring);

	if (take(1) & 1) {
		vha_ring_disable_kick(fuzz.ring);
		return;
	}
	REQUIRE(vha_ring_enable_kick(fuzz.ring) == pending);
	if (!fuzz.ring->event_idx)
		return;
	if (fuzz.ring->packed)
		REQUIRE(get(part(GUEST_DEVICE, 0), 2) == position(fuzz.reference.avail));
	else
		REQUIRE(get(part(GUEST_DEVICE, 4 + 8 * fuzz.ring->num), 2) ==
			(u16)fuzz.reference.avail);
}

static void step_read_error(void)
{
	static const int errors[] = { 0, 0, -EAGAIN, -EFAULT };

	fuzz.guest->read_error = errors[take(1) % 4];
}

static void step_mutate(void)
{
	fuzz.mutate = !fuzz.mutate;
}

static void drain(void)
{
	while (fuzz.num_flight) {
		unsigned int i = 0;

		while (fuzz.flight[i].done)
			i++;
		complete(i);
	}
	step_publish();
	REQUIRE(fuzz.ring->fetched == fuzz.ring->returned);
}

static void start(u32 base)
{
	struct vha_ring *ring = fuzz.ring;
	u16 num = ring->num;

	REQUIRE(!vha_ring_init(ring, base));
	REQUIRE(vha_ring_base(ring) == base);
	fuzz.can_unfetch = false;
	fuzz.signalled_valid = false;
	if (ring->packed) {
		fuzz.reference.avail = (base & 0x7fff) + (base & 0x8000 ? 0 : num);
		fuzz.used = (base >> 16 & 0x7fff) + (base >> 31 ? 0 : num);
		/* Room for looking backwards. */
		fuzz.reference.avail += 4 * num;
		fuzz.used += 4 * num;
	} else {
		fuzz.reference.avail = base;
		fuzz.reference.cached = base;
		fuzz.used = 0x10000 + get(part(GUEST_DEVICE, 2), 2);
	}
	fuzz.signalled = fuzz.used;
	fuzz.driver_next = fuzz.reference.avail;
}

static void step_restart(void)
{
	drain();
	start(vha_ring_base(fuzz.ring));
}

static void (*const steps[])(void) = {
	step_post, step_post, step_post, step_fetch, step_fetch, step_fetch,
	step_complete, step_complete, step_publish, step_signal, step_unfetch,
	step_suppress, step_kicks, step_resync, step_scribble, step_restart,
	step_read_error, step_mutate,
};

static void open_ring(void)
{
	static const u16 sizes[] = { 1, 2, 4, 8, 16, 32 };
	u8 flags = take(1);
	struct vha_ring layout = {
		.packed = flags & 1,
		.event_idx = flags & 2,
		.in_order = flags & 4,
		.log = flags & 8,
		.indirect = flags & 0x30,
	};
	u8 size = take(1);
	u8 max = take(1);
	u32 base;

	layout.num = layout.packed ? 1 + size % MAX_NUM : sizes[size % 6];
	layout.chain_max = layout.num + (size >> 5);
	fuzz.guest = guest_open(&layout, max & 1 ? MAX_SEGS : 1 + max % 8);
	fuzz.ring = &fuzz.guest->ring;
	fuzz.mutate = flags & 0x40;
	base = take(2);
	if (layout.packed)
		base = (base & 0x8000) | (base & 0x7fff) % layout.num |
		       (base & 0x4000) << 17 | (base >> 8 & 0x1f) % layout.num << 16;
	start(base);
	if (!layout.packed)
		put(part(GUEST_DRIVER, 2), base, 2);
}

int fuzz_one(const u8 *data, size_t size)
{
	memset(&fuzz, 0, sizeof(fuzz));
	fuzz.data = data;
	fuzz.left = size;
	open_ring();
	while (fuzz.left)
		steps[take(1) % (sizeof(steps) / sizeof(steps[0]))]();
	drain();
	REQUIRE(!guest_check(fuzz.guest));
	guest_close(fuzz.guest);
	return 0;
}
