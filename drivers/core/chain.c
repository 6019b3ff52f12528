// SPDX-License-Identifier: GPL-2.0-only
/*
 * Indirect descriptor tables
 */
#include <linux/nospec.h>

#include "ring_access.h"

/*
 * @ring->table is the kernel's own copy, so its entries can be looked at as
 * often as it takes.
 */
static int table_walk_split(struct vha_ring *ring, struct vha_chain *chain,
			    unsigned int count)
{
	unsigned int next = 0;

	/* Ends at the latest when the chain has as many segments as it may. */
	for (;;) {
		const struct vring_desc *desc = &ring->table[next];
		u16 flags = le16_to_cpu((__force __le16)desc->flags);
		int err;

		if (flags & VRING_DESC_F_INDIRECT)
			return vha_ring_fail(ring, VHA_RING_INDIRECT);
		err = vha_chain_add(ring, chain, ring->chain_max,
				    le64_to_cpu((__force __le64)desc->addr),
				    le32_to_cpu((__force __le32)desc->len),
				    flags & VRING_DESC_F_WRITE);
		if (err || !(flags & VRING_DESC_F_NEXT))
			return err;

		next = le16_to_cpu((__force __le16)desc->next);
		if (next >= count)
			return vha_ring_fail(ring, VHA_RING_NEXT);
		next = array_index_nospec(next, count);
	}
}

/* All entries in sequence; of their flags only WRITE has a meaning. */
static int table_walk_packed(struct vha_ring *ring, struct vha_chain *chain,
			     unsigned int count)
{
	const struct vring_packed_desc *table = (const void *)ring->table;
	unsigned int i;

	for (i = 0; i < count; i++) {
		u16 flags = le16_to_cpu(table[i].flags);
		int err;

		err = vha_chain_add(ring, chain, ring->chain_max,
				    le64_to_cpu(table[i].addr),
				    le32_to_cpu(table[i].len),
				    flags & VRING_DESC_F_WRITE);
		if (err)
			return err;
	}
	return 0;
}

/**
 * vha_chain_indirect() - append the segments of an indirect table
 * @ring: the ring
 * @chain: the chain
 * @addr: of the table
 * @len: of the table in bytes
 * @flags: of the descriptor that points to the table; WRITE has no meaning
 *
 * The descriptor itself is no segment and does not count as one. The table may
 * be longer than the ring: the specification forbids that (2.7.5.3.1), but
 * Linux's virtio_blk builds requests of as many segments as were announced,
 * whatever the size of the ring.
 *
 * Context: available side.
 * Return: 0, -EAGAIN as vha_ring_read(), or -EINVAL with the reason in
 * @ring->error.
 */
int vha_chain_indirect(struct vha_ring *ring, struct vha_chain *chain, u64 addr,
		       u32 len, u16 flags)
{
	unsigned int count = len / sizeof(*ring->table);
	int err;

	if (!ring->indirect || (flags & VRING_DESC_F_NEXT))
		return vha_ring_fail(ring, VHA_RING_INDIRECT);
	if (!count || count > ring->chain_max || len % sizeof(*ring->table))
		return vha_ring_fail(ring, VHA_RING_INDIRECT);
	if (addr + len < addr)
		return vha_ring_fail(ring, VHA_RING_ADDRESS);

	err = vha_ring_read(ring, addr, ring->table, len);
	if (err == -EAGAIN)
		return err;
	if (err)
		return vha_ring_fail(ring, VHA_RING_UNMAPPED);

	return ring->packed ? table_walk_packed(ring, chain, count) :
			      table_walk_split(ring, chain, count);
}
