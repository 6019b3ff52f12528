// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver made of fuzzer input: honest mostly, hostile at times
 */
#include "fuzz.h"

/* The guest changes something near what is about to be loaded. */
void fuzz_act(struct guest *guest, const void *from, size_t size)
{
	u8 what = fuzz_take(1);
	u8 *near = (u8 *)from + (what >> 3) % (size + 16) - 8;
	unsigned int i;

	if (!(what & 1))
		return;
	if ((uintptr_t)near - (uintptr_t)guest->ram < GUEST_RAM_SIZE)
		*near = fuzz_take(1);
	for (i = 0; i < GUEST_PARTS; i++) {
		struct guest_range *range = &guest->part[i];

		if ((uintptr_t)near - (uintptr_t)range->bytes < range->size)
			*near = fuzz_take(1);
	}
}

static u64 some_address(void)
{
	u8 kind = fuzz_take(1);

	if (kind < 200)
		return 0x100000 + kind * 4096;
	if (kind < 230)
		return GUEST_RAM_BASE + fuzz_take(2);
	return (u64)fuzz_take(4) << 32 | fuzz_take(4) | (kind & 1 ? 0xfffff000ull << 32 : 0);
}

static u32 some_length(void)
{
	u8 kind = fuzz_take(1);

	return kind < 220 ? kind : kind < 240 ? fuzz_take(4) : -(u32)fuzz_take(1);
}

/* Bits the driver is allowed to use, mostly. */
static u16 some_flags(void)
{
	u16 bits = fuzz_take(1);

	return bits < 248 ? bits & VRING_DESC_F_WRITE : fuzz_take(2);
}

static void fill_table(u8 *table, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++, table += 16) {
		u16 flags = some_flags();

		fuzz_put(table, some_address(), 8);
		fuzz_put(table + 8, some_length(), 4);
		if (fuzz.ring->packed) {
			fuzz_put(table + 12, 0, 2);
			fuzz_put(table + 14, flags, 2);
		} else {
			if (i + 1 < count)
				flags |= VRING_DESC_F_NEXT;
			fuzz_put(table + 12, flags, 2);
			fuzz_put(table + 14, flags & 0x100 ? fuzz_take(2) : i + 1, 2);
		}
	}
}

/* Returns the flags of the descriptor. */
static u16 fill_desc(u8 *desc, bool last)
{
	u16 flags = some_flags();
	u64 addr = some_address();
	u32 len = some_length();

	if (last && (fuzz_take(1) & 1)) {
		unsigned int count = 1 + fuzz_take(1) % (fuzz.ring->chain_max + 1);
		unsigned int offset = fuzz_take(1) * 16;
		u8 odd = fuzz_take(1);

		if (offset + count * 16 <= GUEST_RAM_SIZE)
			fill_table(fuzz.guest->ram + offset, count);
		addr = GUEST_RAM_BASE + offset;
		len = count * 16 + (odd > 250);
		flags |= VRING_DESC_F_INDIRECT;
	}
	if (!last)
		flags |= VRING_DESC_F_NEXT;
	fuzz_put(desc, addr, 8);
	fuzz_put(desc + 8, len, 4);
	return flags;
}

static void post_split(void)
{
	u16 num = fuzz.ring->num;
	unsigned int count = 1 + fuzz_take(1) % 5;
	u16 head = fuzz_take(1);
	u16 slot = head % num;
	unsigned int i;

	for (i = 0; i < count; i++) {
		u8 *desc = fuzz_part(GUEST_DESC, 16 * slot);
		u16 flags = fill_desc(desc, i + 1 == count);

		slot = (slot + 1) % num;
		fuzz_put(desc + 12, flags, 2);
		fuzz_put(desc + 14, flags & 0x200 ? fuzz_take(2) : slot, 2);
	}
	fuzz_put(fuzz_part(GUEST_DRIVER, 4 + 2 * (fuzz.driver_next % num)),
		 head > 250 ? fuzz_take(2) : head % num, 2);
	fuzz.driver_next++;
	fuzz_put(fuzz_part(GUEST_DRIVER, 2), fuzz.driver_next, 2);
}

static void post_packed(void)
{
	u16 num = fuzz.ring->num;
	unsigned int count = 1 + fuzz_take(1) % 5;
	unsigned int i;

	for (i = 0; i < count; i++) {
		u8 *desc = fuzz_part(GUEST_DESC, 16 * (fuzz.driver_next % num));
		u16 flags = fill_desc(desc, i + 1 == count);
		u8 id = fuzz_take(1);

		flags ^= fuzz.driver_next / num % 2 ? 0x8000 : 0x80;
		fuzz_put(desc + 12, id > 250 ? fuzz_take(2) : id % num, 2);
		fuzz_put(desc + 14, flags, 2);
		fuzz.driver_next++;
	}
}

void fuzz_step_post(void)
{
	if (fuzz.ring->packed)
		post_packed();
	else
		post_split();
}

/* The driver forgets what it did and goes on where the device is. */
void fuzz_step_resync(void)
{
	fuzz.driver_next = fuzz.reference.avail;
	if (!fuzz.ring->packed)
		fuzz_put(fuzz_part(GUEST_DRIVER, 2), fuzz.driver_next + fuzz_take(1) % 4, 2);
}

void fuzz_step_scribble(void)
{
	struct guest_range *range = &fuzz.guest->part[fuzz_take(1) % GUEST_PARTS];
	size_t offset = fuzz_take(2) % range->size;
	unsigned int count = 1 + fuzz_take(1) % 8;

	while (count-- && offset < range->size)
		range->bytes[offset++] = fuzz_take(1);
}

/* The driver wants to hear of something near where the device is. */
void fuzz_step_suppress(void)
{
	u64 at = fuzz.used + (fuzz_take(1) % (2 * fuzz.ring->num)) - fuzz.ring->num;

	if (fuzz.ring->packed) {
		fuzz_put(fuzz_part(GUEST_DRIVER, 0), fuzz_position(at), 2);
		fuzz_put(fuzz_part(GUEST_DRIVER, 2), fuzz_take(1) & 3, 2);
	} else {
		fuzz_put(fuzz_part(GUEST_DRIVER, 4 + 2 * fuzz.ring->num), at, 2);
		fuzz_put(fuzz_part(GUEST_DRIVER, 0), fuzz_take(1) & 1, 2);
	}
}
