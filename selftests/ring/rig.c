// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring, its guest and its honest driver, for the unit tests
 */
#include "rig.h"

#include <endian.h>
#include <stdlib.h>

struct rig *rig_open(unsigned int flags, u16 num)
{
	struct vha_ring layout = {
		.num = num,
		.chain_max = 2 * num,
		.packed = flags & RIG_PACKED,
		.event_idx = flags & RIG_EVENT_IDX,
		.indirect = flags & RIG_INDIRECT,
		.in_order = flags & RIG_IN_ORDER,
		.log = flags & RIG_LOG,
	};
	struct rig *rig = calloc(1, sizeof(*rig));
	struct driver *driver;

	if (!rig)
		abort();
	rig->guest = guest_open(&layout, RIG_SEGS);
	rig->ring = &rig->guest->ring;
	rig->chain = &rig->guest->chain;
	driver = &rig->driver;
	driver->num = num;
	driver->packed = layout.packed;
	driver->event_idx = layout.event_idx;
	driver->desc = rig->guest->part[GUEST_DESC].bytes;
	driver->avail = rig->guest->part[GUEST_DRIVER].bytes;
	driver->used = rig->guest->part[GUEST_DEVICE].bytes;
	driver->tables = rig->guest->ram;
	driver->tables_addr = GUEST_RAM_BASE;
	driver->table_len = layout.chain_max;
	driver_init(driver);
	CHECK(!vha_ring_init(rig->ring, layout.packed ? 0x80008000 : 0));
	return rig;
}

void rig_close(struct rig *rig)
{
	const char *reason = guest_check(rig->guest);

	if (reason)
		printf("# %s\n", reason);
	CHECK(!reason);
	guest_close(rig->guest);
	free(rig);
}

u64 rig_addr(unsigned long cookie, unsigned int segment)
{
	return 0x123456789000ull * (cookie + 1) + 0x1000 * segment;
}

u32 rig_len(unsigned long cookie, unsigned int segment)
{
	return (cookie * 7 + segment * 13) % 4096;
}

bool rig_add(struct rig *rig, unsigned int out, unsigned int in,
	     unsigned int indirect, unsigned long cookie)
{
	struct driver_seg segs[RIG_SEGS];
	unsigned int i;

	for (i = 0; i < out + in; i++) {
		segs[i].addr = rig_addr(cookie, i);
		segs[i].len = rig_len(cookie, i);
	}
	return driver_add(&rig->driver, segs, out, in, indirect, (void *)cookie);
}

bool rig_is(const struct rig *rig, unsigned int out, unsigned int in,
	    unsigned long cookie)
{
	const struct vha_chain *chain = rig->chain;
	u32 len[2] = { 0, 0 };
	unsigned int i;

	if (chain->out_num != out || chain->in_num != in)
		return false;
	for (i = 0; i < out + in; i++) {
		if (chain->segs[i].addr != rig_addr(cookie, i) ||
		    chain->segs[i].len != rig_len(cookie, i))
			return false;
		len[i >= out] += chain->segs[i].len;
	}
	return chain->out_len == len[0] && chain->in_len == len[1];
}

void rig_return(struct rig *rig, const struct vha_token *token, u32 len)
{
	vha_ring_stage(rig->ring, token, len);
	vha_ring_publish(rig->ring);
}

void rig_split_desc(struct rig *rig, u16 slot, u64 addr, u32 len, u16 flags,
		    u16 next)
{
	struct vring_desc *desc = rig->driver.desc;

	desc[slot].addr = htole64(addr);
	desc[slot].len = htole32(len);
	desc[slot].flags = htole16(flags);
	desc[slot].next = htole16(next);
}

void rig_split_avail(struct rig *rig, u16 index, u16 head)
{
	struct vring_avail *avail = rig->driver.avail;

	avail->ring[index % rig->driver.num] = htole16(head);
	rig_split_index(rig, index + 1);
}

void rig_split_index(struct rig *rig, u16 index)
{
	struct vring_avail *avail = rig->driver.avail;

	avail->idx = htole16(index);
}

void rig_packed_desc(struct rig *rig, u16 slot, u64 addr, u32 len, u16 id,
		     u16 flags)
{
	struct vring_packed_desc *desc = rig->driver.desc;

	desc[slot].addr = htole64(addr);
	desc[slot].len = htole32(len);
	desc[slot].id = htole16(id);
	desc[slot].flags = htole16(flags);
}
