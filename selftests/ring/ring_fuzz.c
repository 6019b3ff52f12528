// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring code against a driver made of fuzzer input
 *
 * The input is a ring's layout followed by steps of a driver, honest or not,
 * and of the device. While the guest does not change its memory during a call,
 * the reference says what each fetch has to find; while it does, what always
 * holds still has to hold.
 */
#include "fuzz.h"

/* By the name under which libFuzzer knows it. */
int fuzz_one(const u8 *data, size_t size) __asm__("LLVMFuzzerTestOneInput");

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
	guest->act = fuzz.mutate ? fuzz_act : NULL;
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

		entry = fuzz_part(GUEST_DESC, 16 * slot);
		REQUIRE(fuzz_get(entry + 8, 4) == flight->len);
		REQUIRE(fuzz_get(entry + 12, 2) == flight->token.id);
		if (flight->len)
			flags |= VRING_DESC_F_WRITE;
		if (fuzz.staged)
			REQUIRE(fuzz_get(entry + 14, 2) == flags);
		else
			REQUIRE(fuzz_get(entry + 14, 2) == flags_before);
	} else {
		entry = fuzz_part(GUEST_DEVICE, 4 + 8 * slot);
		REQUIRE(fuzz_get(entry, 4) == flight->token.id);
		REQUIRE(fuzz_get(entry + 4, 4) == flight->len);
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

static void stage(const struct flight *flight)
{
	const struct vha_used used = { .token = flight->token, .len = flight->len };

	if (fuzz_take(1) & 1)
		vha_ring_stage(fuzz.ring, &used.token, used.len);
	else
		vha_ring_stage_many(fuzz.ring, &used, 1);
}

static void complete(unsigned int index)
{
	struct flight *flight = &fuzz.flight[index];
	u16 flags_before = 0;

	if (flight->done)
		return;
	fuzz.can_unfetch = false;
	if (fuzz.ring->packed)
		flags_before = fuzz_get(fuzz_part(GUEST_DESC,
						  16 * (fuzz.used % fuzz.ring->num) + 14), 2);
	flight->len = fuzz_take(1) & 1 ? fuzz_take(4) : 0;
	flight->done = true;
	stage(flight);
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
		complete(fuzz_take(1) % fuzz.num_flight);
}

static void step_publish(void)
{
	u16 num = fuzz.ring->num;

	vha_ring_publish(fuzz.ring);
	if (!fuzz.staged)
		return;
	if (fuzz.ring->packed) {
		u16 flags = fuzz_get(fuzz_part(GUEST_DESC, 16 * (fuzz.first_staged % num) + 14), 2);

		REQUIRE((flags & 0x8080) == (fuzz.first_staged / num % 2 ? 0 : 0x8080));
	} else {
		REQUIRE(fuzz_get(fuzz_part(GUEST_DEVICE, 2), 2) == (u16)fuzz.used);
	}
	fuzz.staged = 0;
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
		if (fuzz_position(at) == event)
			return true;
	return false;
}

static bool wants_signal(void)
{
	const u8 *driver = fuzz_part(GUEST_DRIVER, 0);

	if (fuzz.used == fuzz.signalled)
		return false;
	if (fuzz.ring->packed) {
		u16 flags = driver[2] & 3;

		if (flags != VRING_PACKED_EVENT_FLAG_DESC || !fuzz.ring->event_idx)
			return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
		return event_passed(fuzz_get(driver, 2));
	}
	if (!fuzz.ring->event_idx)
		return !(driver[0] & VRING_AVAIL_F_NO_INTERRUPT);
	return event_passed(fuzz_get(driver + 4 + 2 * fuzz.ring->num, 2));
}

/* What to say of a slot that the ring does not have is left open. */
static bool event_exists(void)
{
	return !fuzz.ring->packed ||
	       (fuzz_get(fuzz_part(GUEST_DRIVER, 0), 2) & 0x7fff) < fuzz.ring->num;
}

static void step_signal(void)
{
	bool exists, expected, got;

	step_publish();
	exists = event_exists();
	expected = wants_signal();
	fuzz.guest->act = fuzz.mutate ? fuzz_act : NULL;
	got = vha_ring_need_signal(fuzz.ring);
	fuzz.guest->act = NULL;
	REQUIRE(fuzz.mutate || !exists || got == expected);
	if (fuzz.used != fuzz.signalled)
		fuzz.signalled_valid = true;
	fuzz.signalled = fuzz.used;
}

static void step_kicks(void)
{
	bool pending = vha_ring_pending(fuzz.ring);

	if (fuzz_take(1) & 1) {
		vha_ring_disable_kick(fuzz.ring);
		return;
	}
	REQUIRE(vha_ring_enable_kick(fuzz.ring) == pending);
	if (!fuzz.ring->event_idx)
		return;
	if (fuzz.ring->packed)
		REQUIRE(fuzz_get(fuzz_part(GUEST_DEVICE, 0), 2) ==
			fuzz_position(fuzz.reference.avail));
	else
		REQUIRE(fuzz_get(fuzz_part(GUEST_DEVICE, 4 + 8 * fuzz.ring->num), 2) ==
			(u16)fuzz.reference.avail);
}

static void step_read_error(void)
{
	static const int errors[] = { 0, 0, -EAGAIN, -EFAULT };

	fuzz.guest->read_error = errors[fuzz_take(1) % 4];
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
		fuzz.used = 0x10000 + fuzz_get(fuzz_part(GUEST_DEVICE, 2), 2);
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
	fuzz_step_post, fuzz_step_post, fuzz_step_post, step_fetch, step_fetch, step_fetch,
	step_complete, step_complete, step_publish, step_signal, step_unfetch,
	fuzz_step_suppress, step_kicks, fuzz_step_resync, fuzz_step_scribble, step_restart,
	step_read_error, step_mutate,
};

static void open_ring(void)
{
	static const u16 sizes[] = { 1, 2, 4, 8, 16, 32 };
	u8 flags = fuzz_take(1);
	struct vha_ring layout = {
		.packed = flags & 1,
		.event_idx = flags & 2,
		.in_order = flags & 4,
		.log = flags & 8,
		.indirect = flags & 0x30,
	};
	u8 size = fuzz_take(1);
	u8 max = fuzz_take(1);
	u32 base;

	layout.num = layout.packed ? 1 + size % MAX_NUM : sizes[size % 6];
	layout.chain_max = layout.num + (size >> 5);
	fuzz.guest = guest_open(&layout, max & 1 ? MAX_SEGS : 1 + max % 8);
	fuzz.ring = &fuzz.guest->ring;
	fuzz.mutate = flags & 0x40;
	base = fuzz_take(2);
	if (layout.packed)
		base = (base & 0x8000) | (base & 0x7fff) % layout.num |
		       (base & 0x4000) << 17 | (base >> 8 & 0x1f) % layout.num << 16;
	start(base);
	if (!layout.packed)
		fuzz_put(fuzz_part(GUEST_DRIVER, 2), base, 2);
}

int fuzz_one(const u8 *data, size_t size)
{
	memset(&fuzz, 0, sizeof(fuzz));
	fuzz.data = data;
	fuzz.left = size;
	open_ring();
	while (fuzz.left)
		steps[fuzz_take(1) % (sizeof(steps) / sizeof(steps[0]))]();
	drain();
	REQUIRE(!guest_check(fuzz.guest));
	guest_close(fuzz.guest);
	return 0;
}
