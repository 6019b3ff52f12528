// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer's input, and numbers in guest memory
 */
#include "fuzz.h"

struct fuzz fuzz;

u32 fuzz_take(unsigned int bytes)
{
	u32 value = 0;

	while (bytes-- && fuzz.left) {
		value = value << 8 | *fuzz.data++;
		fuzz.left--;
	}
	return value;
}

void fuzz_put(u8 *to, u64 value, unsigned int bytes)
{
	while (bytes--) {
		*to++ = value;
		value >>= 8;
	}
}

u64 fuzz_get(const u8 *from, unsigned int bytes)
{
	u64 value = 0;

	while (bytes--)
		value = value << 8 | from[bytes];
	return value;
}

u8 *fuzz_part(enum guest_part which, size_t offset)
{
	return fuzz.guest->part[which].bytes + offset;
}

u16 fuzz_position(u64 at)
{
	u16 num = fuzz.ring->num;

	if (!fuzz.ring->packed)
		return at;
	return at % num | (at / num % 2 ? 0 : 0x8000);
}
