// SPDX-License-Identifier: GPL-2.0-only
/*
 * Split rings
 */
#include <linux/minmax.h>
#include <linux/nospec.h>

#include "ring_access.h"

static u16 split_slot(const struct vha_ring *ring, u16 index)
{
	return index & (ring->num - 1);
}

/* The driver's and our event index lie behind the other side's ring. */
static const void *split_used_event(const struct vha_ring *ring)
{
	return &ring->avail->ring[ring->num];
}

static void *split_avail_event(const struct vha_ring *ring)
{
	return &ring->used->ring[ring->num];
}

static int split_available(struct vha_ring *ring)
{
	u16 idx;

	if (ring->avail_idx != ring->avail_next)
		return 1;

	idx = vha_load16(&ring->avail->idx);
	if (idx == ring->avail_next)
		return 0;
	if (unlikely((u16)(idx - ring->avail_next) > ring->num))
		return vha_ring_fail(ring, VHA_RING_AVAIL_INDEX);

	ring->avail_idx = idx;
	/*
	 * The index before what it makes available; pairs with the driver's
	 * write barrier before it stores the index.
	 */
	virt_rmb();
	return 1;
}

static const struct vring_desc *split_load(const struct vha_ring *ring, u16 index,
					   struct vha_seg *seg, u16 *flags)
{
	const struct vring_desc *desc = &ring->desc[array_index_nospec(index, ring->num)];

	seg->addr = vha_load64(&desc->addr);
	seg->len = vha_load32(&desc->len);
	*flags = vha_load16(&desc->flags);
	return desc;
}

static int split_walk(struct vha_ring *ring, struct vha_chain *chain, u16 head)
{
	const struct vring_desc *desc;
	struct vha_seg seg;
	u16 flags, next;
	int err;

	desc = split_load(ring, head, &seg, &flags);
	if (likely(!(flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT))))
		return vha_chain_single(ring, chain, seg.addr, seg.len,
					flags & VRING_DESC_F_WRITE);

	vha_chain_reset(chain);
	/* Ends at the latest when the chain has as many segments as the ring. */
	for (;;) {
		if (flags & VRING_DESC_F_INDIRECT)
			return vha_chain_indirect(ring, chain, seg.addr, seg.len, flags);
		err = vha_chain_add(ring, chain, ring->num, seg.addr, seg.len,
				    flags & VRING_DESC_F_WRITE);
		if (err || !(flags & VRING_DESC_F_NEXT))
			return err;

		next = vha_load16(&desc->next);
		if (unlikely(next >= ring->num))
			return vha_ring_fail(ring, VHA_RING_NEXT);
		desc = split_load(ring, next, &seg, &flags);
	}
}

/* The contracts of the following stand at the dispatchers in ring.h. */

int vha_split_fetch(struct vha_ring *ring, struct vha_chain *chain)
{
	u16 head;
	int err;

	err = split_available(ring);
	if (err <= 0)
		return err;
	if (unlikely(!vha_ring_room(ring, 1)))
		return vha_ring_fail(ring, VHA_RING_EXCESS);

	head = vha_load16(&ring->avail->ring[split_slot(ring, ring->avail_next)]);
	if (unlikely(head >= ring->num))
		return vha_ring_fail(ring, VHA_RING_HEAD);

	err = split_walk(ring, chain, head);
	if (unlikely(err))
		return err;

	ring->avail_next++;
	vha_ring_take(ring, &chain->token, head, 1);
	return 1;
}

void vha_split_unfetch(struct vha_ring *ring, const struct vha_token *token)
{
	ring->avail_next--;
	vha_ring_untake(ring, token);
}

bool vha_split_pending(struct vha_ring *ring)
{
	return ring->avail_idx != ring->avail_next ||
	       vha_load16(&ring->avail->idx) != ring->avail_next;
}

static void split_set_flags(struct vha_ring *ring, u16 flags)
{
	vha_store16(&ring->used->flags, flags);
	if (ring->log)
		vha_ring_log(ring, &ring->used->flags, sizeof(flags));
}

void vha_split_disable_kick(struct vha_ring *ring)
{
	/* A stale event index lets a driver notify once in 65536 buffers. */
	if (!ring->event_idx)
		split_set_flags(ring, VRING_USED_F_NO_NOTIFY);
}

void vha_split_enable_kick(struct vha_ring *ring)
{
	if (ring->event_idx) {
		void *event = split_avail_event(ring);

		vha_store16(event, ring->avail_next);
		if (ring->log)
			vha_ring_log(ring, event, sizeof(u16));
	} else {
		split_set_flags(ring, 0);
	}
	/*
	 * Before the available index is looked at once more; pairs with the
	 * driver's full barrier between storing it and loading the above.
	 */
	virt_mb();
}

void vha_split_stage(struct vha_ring *ring, u16 id, u32 len)
{
	struct vring_used_elem *elem =
		&ring->used->ring[split_slot(ring, ring->used_next)];

	vha_store32(&elem->id, id);
	vha_store32(&elem->len, len);
	ring->used_next++;
	ring->staged++;
}

void vha_split_stage_many(struct vha_ring *ring, const struct vha_used *used,
			  unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		vha_split_stage(ring, used[i].token.id, used[i].len);
	vha_ring_returned(ring, nr);
}

/* The staged elements are in sequence, except where the ring ends. */
static void split_log_staged(struct vha_ring *ring)
{
	u16 first = split_slot(ring, ring->used_next - ring->staged);
	u32 total = min_t(u32, ring->staged, ring->num);
	u32 head = min_t(u32, total, ring->num - first);
	const struct vring_used_elem *elem = ring->used->ring;

	vha_ring_log(ring, &elem[first], head * sizeof(*elem));
	if (total > head)
		vha_ring_log(ring, elem, (total - head) * sizeof(*elem));
}

void vha_split_publish(struct vha_ring *ring)
{
	if (ring->log)
		split_log_staged(ring);
	vha_store16_release(&ring->used->idx, ring->used_next);
	if (ring->log)
		vha_ring_log(ring, &ring->used->idx, sizeof(ring->used->idx));
}

bool vha_split_need_signal(struct vha_ring *ring, u32 fresh)
{
	u16 event;

	if (!ring->event_idx)
		return !(vha_load16(&ring->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);

	/* The driver's event is among the last @fresh that were published. */
	event = vha_load16(split_used_event(ring));
	return (u16)(ring->used_next - event - 1) < fresh;
}
