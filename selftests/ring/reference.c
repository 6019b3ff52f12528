// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a fetch has to find, worked out a second time and in another way
 *
 * Decodes the whole chain into a list first, byte by byte from a ring that
 * nobody changes, and judges the list afterwards, in the order in which the
 * ring code comes upon things.
 */
#include "reference.h"

#include <string.h>

enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

struct item {
	u64 addr;
	u32 len;
	u16 flags;
	u16 link;	/* next (split) or buffer id (packed) */
};

static u64 number(const u8 *bytes, unsigned int count)
{
	u64 value = 0;

	while (count--)
		value = value << 8 | bytes[count];
	return value;
}

static struct item decode(const u8 *bytes, bool packed)
{
	return (struct item) {
		.addr = number(bytes, 8),
		.len = number(bytes + 8, 4),
		.flags = number(bytes + (packed ? 14 : 12), 2),
		.link = number(bytes + (packed ? 12 : 14), 2),
	};
}

static bool broken(struct reference *r, enum vha_ring_error error)
{
	r->result = -EINVAL;
	r->error = error;
	return false;
}

static bool add_segment(struct reference *r, const struct guest *guest,
			unsigned int most, const struct item *item)
{
	unsigned int n = r->num_segs;
	bool write = item->flags & WRITE;
	u64 sum = item->len;
	unsigned int i;

	if (n >= most)
		return broken(r, VHA_RING_LOOP);
	if (n == guest->chain.max)
		return broken(r, VHA_RING_SEGMENTS);
	if (item->addr > UINT64_MAX - item->len)
		return broken(r, VHA_RING_ADDRESS);
	for (i = 0; i < n; i++)
		sum += r->segs[i].len;
	if (sum >> 32)
		return broken(r, VHA_RING_LENGTH);
	if (n && r->segs[n - 1].write && !write)
		return broken(r, VHA_RING_ORDER);

	r->segs[n].addr = item->addr;
	r->segs[n].len = item->len;
	r->segs[n].write = write;
	r->num_segs++;
	return true;
}

static bool add_table(struct reference *r, const struct guest *guest,
		      const struct item *pointer)
{
	u64 start = pointer->addr;
	u64 count = pointer->len / 16;
	bool packed = guest->ring.packed;
	u64 i = 0;

	if (!guest->ring.indirect || (pointer->flags & NEXT))
		return broken(r, VHA_RING_INDIRECT);
	if (pointer->len % 16 || count < 1 || count > guest->ring.chain_max)
		return broken(r, VHA_RING_INDIRECT);
	if (start > UINT64_MAX - pointer->len)
		return broken(r, VHA_RING_ADDRESS);
	if (guest->read_error == -EAGAIN) {
		r->result = -EAGAIN;
		return false;
	}
	if (guest->read_error || start < GUEST_RAM_BASE ||
	    start + pointer->len > GUEST_RAM_BASE + GUEST_RAM_SIZE)
		return broken(r, VHA_RING_UNMAPPED);

	while (packed ? i < count : true) {
		const u8 *bytes = guest->ram + (start - GUEST_RAM_BASE) + 16 * i;
		struct item item = decode(bytes, packed);

		if (!packed && (item.flags & INDIRECT))
			return broken(r, VHA_RING_INDIRECT);
		if (!add_segment(r, guest, guest->ring.chain_max, &item))
			return false;
		if (packed) {
			i++;
			continue;
		}
		if (!(item.flags & NEXT))
			break;
		i = item.link;
		if (i >= count)
			return broken(r, VHA_RING_NEXT);
	}
	return true;
}

static void reference_split(struct reference *r, const struct guest *guest)
{
	const u8 *avail = guest->part[GUEST_DRIVER].bytes;
	const u8 *desc = guest->part[GUEST_DESC].bytes;
	u16 num = guest->ring.num;
	u16 at = r->avail;
	u16 slot;

	if (r->cached == at) {
		u16 idx = number(avail + 2, 2);

		if (idx == at)
			return;
		if ((u16)(idx - at) > num) {
			broken(r, VHA_RING_AVAIL_INDEX);
			return;
		}
		r->cached = idx;
	}
	if (r->in_flight + 1 > num) {
		broken(r, VHA_RING_EXCESS);
		return;
	}
	slot = number(avail + 4 + 2 * (at % num), 2);
	if (slot >= num) {
		broken(r, VHA_RING_HEAD);
		return;
	}
	r->id = slot;
	r->ndescs = 1;
	for (;;) {
		struct item item = decode(desc + 16 * slot, false);

		if (item.flags & INDIRECT) {
			if (!add_table(r, guest, &item))
				return;
			break;
		}
		if (!add_segment(r, guest, num, &item))
			return;
		if (!(item.flags & NEXT))
			break;
		slot = item.link;
		if (slot >= num) {
			broken(r, VHA_RING_NEXT);
			return;
		}
	}
	r->result = 1;
}

/* The driver's marks on the descriptor at a position counted from the start. */
static bool marked(const struct item *item, u64 position, u16 num)
{
	bool odd = (position / num) % 2;
	bool avail = item->flags & 0x80;
	bool used = item->flags & 0x8000;

	return avail == !odd && used == odd;
}

static void reference_packed(struct reference *r, const struct guest *guest)
{
	const u8 *desc = guest->part[GUEST_DESC].bytes;
	u16 num = guest->ring.num;
	u64 at = r->avail;
	struct item item = decode(desc + 16 * (at % num), true);

	if (!marked(&item, at, num))
		return;
	for (;;) {
		if (item.flags & INDIRECT ? !add_table(r, guest, &item) :
					    !add_segment(r, guest, num, &item))
			return;
		at++;
		if (!(item.flags & NEXT))
			break;
		if (at - r->avail == num) {
			broken(r, VHA_RING_LOOP);
			return;
		}
		item = decode(desc + 16 * (at % num), true);
		if (!marked(&item, at, num)) {
			broken(r, VHA_RING_PARTIAL);
			return;
		}
	}
	r->id = item.link;
	r->ndescs = at - r->avail;
	if (r->id >= num) {
		broken(r, VHA_RING_BUFFER_ID);
		return;
	}
	if (r->in_flight + r->ndescs > num) {
		broken(r, VHA_RING_EXCESS);
		return;
	}
	r->result = 1;
}

void reference_fetch(struct reference *reference, const struct guest *guest)
{
	reference->result = 0;
	reference->error = VHA_RING_OK;
	reference->num_segs = 0;
	if (guest->ring.packed)
		reference_packed(reference, guest);
	else
		reference_split(reference, guest);
}
