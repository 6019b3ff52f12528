// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packed rings
 */
#include <linux/bits.h>
#include <linux/stddef.h>

#include "ring_access.h"

#define PACKED_AVAIL	BIT(VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED	BIT(VRING_PACKED_DESC_F_USED)

/* In an event suppression structure. */
#define EVENT_WRAP	BIT(VRING_PACKED_EVENT_F_WRAP_CTR)
#define EVENT_FLAGS	0x3

static bool packed_available(u16 flags, bool wrap)
{
	return (flags & (PACKED_AVAIL | PACKED_USED)) ==
	       (wrap ? PACKED_AVAIL : PACKED_USED);
}

/* @count is at most the ring's size; with all of it only the wrap counter turns. */
static void packed_advance(const struct vha_ring *ring, u16 *slot, bool *wrap,
			   u16 count)
{
	u32 next = *slot + count;

	if (next >= ring->num) {
		next -= ring->num;
		*wrap = !*wrap;
	}
	*slot = next;
}

static int packed_add(struct vha_ring *ring, struct vha_chain *chain,
		      const struct vring_packed_desc *desc, u16 flags)
{
	u64 addr = vha_load64(&desc->addr);
	u32 len = vha_load32(&desc->len);

	if (flags & VRING_DESC_F_INDIRECT)
		return vha_chain_indirect(ring, chain, addr, len, flags);
	return vha_chain_add(ring, chain, ring->num, addr, len, flags & VRING_DESC_F_WRITE);
}

/* Returns the number of descriptors walked, of which the last has the id. */
static int packed_walk(struct vha_ring *ring, struct vha_chain *chain, u16 flags)
{
	u16 slot = ring->avail_next;
	bool wrap = ring->avail_wrap;
	u16 count;

	vha_chain_reset(chain);
	for (count = 1; ; count++) {
		int err = packed_add(ring, chain, &ring->pdesc[slot], flags);

		if (err)
			return err;
		if (!(flags & VRING_DESC_F_NEXT)) {
			chain->token.id = vha_load16(&ring->pdesc[slot].id);
			return count;
		}

		if (unlikely(count == ring->num))
			return vha_ring_fail(ring, VHA_RING_LOOP);
		packed_advance(ring, &slot, &wrap, 1);
		/* The driver stored the head's flags after all these. */
		flags = vha_load16(&ring->pdesc[slot].flags);
		if (unlikely(!packed_available(flags, wrap)))
			return vha_ring_fail(ring, VHA_RING_PARTIAL);
	}
}

/* As packed_walk(), of a buffer that is one descriptor. */
static int packed_single(struct vha_ring *ring, struct vha_chain *chain, u16 flags)
{
	const struct vring_packed_desc *desc = &ring->pdesc[ring->avail_next];
	u64 addr = vha_load64(&desc->addr);
	u32 len = vha_load32(&desc->len);

	chain->token.id = vha_load16(&desc->id);
	return vha_chain_single(ring, chain, addr, len, flags & VRING_DESC_F_WRITE) ?: 1;
}

/* The contracts of the following stand at the dispatchers in ring.h. */

int vha_packed_fetch(struct vha_ring *ring, struct vha_chain *chain)
{
	u16 flags;
	int count;

	flags = vha_load16(&ring->pdesc[ring->avail_next].flags);
	if (!packed_available(flags, ring->avail_wrap))
		return 0;
	/*
	 * The head's flags before all else of the chain; pairs with the driver's
	 * write barrier before it stores them.
	 */
	virt_rmb();

	if (likely(!(flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT))))
		count = packed_single(ring, chain, flags);
	else
		count = packed_walk(ring, chain, flags);
	if (unlikely(count < 0))
		return count;
	if (unlikely(chain->token.id >= ring->num))
		return vha_ring_fail(ring, VHA_RING_BUFFER_ID);
	if (unlikely(!vha_ring_room(ring, count)))
		return vha_ring_fail(ring, VHA_RING_EXCESS);

	packed_advance(ring, &ring->avail_next, &ring->avail_wrap, count);
	vha_ring_take(ring, &chain->token, chain->token.id, count);
	return 1;
}

void vha_packed_unfetch(struct vha_ring *ring, const struct vha_token *token)
{
	int slot = ring->avail_next - token->ndescs;

	if (slot < 0) {
		slot += ring->num;
		ring->avail_wrap = !ring->avail_wrap;
	}
	ring->avail_next = slot;
	vha_ring_untake(ring, token);
}

bool vha_packed_pending(struct vha_ring *ring)
{
	return packed_available(vha_load16(&ring->pdesc[ring->avail_next].flags),
				ring->avail_wrap);
}

/*
 * Both halves of our event suppression structure at once, so that no driver
 * sees them apart.
 */
static void packed_set_event(struct vha_ring *ring, u16 off_wrap, u16 flags)
{
	vha_store32(ring->device, off_wrap | (u32)flags << 16);
	if (ring->log)
		vha_ring_log(ring, ring->device, sizeof(*ring->device));
}

void vha_packed_disable_kick(struct vha_ring *ring)
{
	/*
	 * With events as well: what stands there before we first wait asks for
	 * each notification, and later a stale event lets a driver notify once in
	 * two rounds of the ring.
	 */
	packed_set_event(ring, 0, VRING_PACKED_EVENT_FLAG_DISABLE);
}

void vha_packed_enable_kick(struct vha_ring *ring)
{
	u16 off_wrap = ring->avail_next;

	if (ring->avail_wrap)
		off_wrap |= EVENT_WRAP;
	if (ring->event_idx)
		packed_set_event(ring, off_wrap, VRING_PACKED_EVENT_FLAG_DESC);
	else
		packed_set_event(ring, 0, VRING_PACKED_EVENT_FLAG_ENABLE);
	/*
	 * Before the next descriptor is looked at once more; pairs with the
	 * driver's full barrier between storing its flags and loading the above.
	 */
	virt_mb();
}

void vha_packed_stage(struct vha_ring *ring, u16 id, u16 ndescs, u32 len)
{
	u16 slot = ring->used_next;
	struct vring_packed_desc *desc = &ring->pdesc[slot];
	u16 flags = ring->used_wrap ? PACKED_AVAIL | PACKED_USED : 0;

	if (len)
		flags |= VRING_DESC_F_WRITE;
	vha_store32(&desc->len, len);
	vha_store16(&desc->id, id);
	if (ring->staged) {
		/* Not looked at before the first staged one is published. */
		vha_store16(&desc->flags, flags);
	} else {
		ring->first_next = slot;
		ring->first_flags = flags;
	}
	packed_advance(ring, &ring->used_next, &ring->used_wrap, ndescs);
	ring->staged++;
	if (ring->log)
		vha_ring_log(ring, &desc->len,
			     sizeof(*desc) - offsetof(typeof(*desc), len));
}

void vha_packed_stage_many(struct vha_ring *ring, const struct vha_used *used,
			   unsigned int nr)
{
	unsigned int i;
	u32 count = 0;

	for (i = 0; i < nr; i++) {
		const struct vha_token *token = &used[i].token;

		vha_packed_stage(ring, token->id, token->ndescs, used[i].len);
		count += token->ndescs;
	}
	vha_ring_returned(ring, count);
}

void vha_packed_publish(struct vha_ring *ring)
{
	struct vring_packed_desc *desc = &ring->pdesc[ring->first_next];

	vha_store16_release(&desc->flags, ring->first_flags);
	if (ring->log)
		vha_ring_log(ring, &desc->flags, sizeof(desc->flags));
}

bool vha_packed_need_signal(struct vha_ring *ring, u32 fresh)
{
	u16 flags = vha_load16(&ring->driver->flags) & EVENT_FLAGS;
	u16 event, slot;

	if (flags == VRING_PACKED_EVENT_FLAG_DISABLE)
		return false;
	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !ring->event_idx)
		return true;
	/* More than a whole round since the last decision passed every event. */
	if (fresh > ring->num)
		return true;

	/*
	 * The flags before the event; pairs with the driver's write barrier
	 * between storing the event and the flags.
	 */
	virt_rmb();
	event = vha_load16(&ring->driver->off_wrap);
	slot = event & ~EVENT_WRAP;
	/* An event of the other round counts as of the one before this. */
	if (!!(event & EVENT_WRAP) != ring->used_wrap)
		slot -= ring->num;
	return (u16)(ring->used_next - slot - 1) < fresh;
}
