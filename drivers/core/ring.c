// SPDX-License-Identifier: GPL-2.0-only
/*
 * What split and packed rings share
 */
#include <linux/log2.h>
#include <linux/string.h>

#include "ring_access.h"

/* The two halves of a packed ring's base: slot and wrap counter. */
#define BASE_SLOT	0x7fff
#define BASE_WRAP	0x8000

static int split_init(struct vha_ring *ring, u32 base)
{
	if (base > U16_MAX || !is_power_of_2(ring->num))
		return -EINVAL;

	ring->avail_idx = base;
	ring->avail_next = base;
	/*
	 * The device's own variable, but kept in the guest's memory while
	 * nobody serves the ring. Any value will do: it counts modulo 2^16.
	 */
	ring->used_next = vha_load16(&ring->used->idx);
	return 0;
}

static int packed_init(struct vha_ring *ring, u32 base)
{
	u16 avail = base;
	u16 used = base >> 16;

	if ((avail & BASE_SLOT) >= ring->num || (used & BASE_SLOT) >= ring->num)
		return -EINVAL;

	ring->avail_next = avail & BASE_SLOT;
	ring->avail_wrap = avail & BASE_WRAP;
	ring->used_next = used & BASE_SLOT;
	ring->used_wrap = used & BASE_WRAP;
	return 0;
}

/**
 * vha_ring_init() - get ready to serve a ring
 * @ring: the ring; all members up to @order are set, the rest does not matter
 * @base: where to go on, as from vha_ring_base(). Of a split ring: the next
 *	available index; the used index is taken from the used ring. Of a packed
 *	ring: the next available slot and, from bit 16 on, the next used slot,
 *	each with its wrap counter in bit 15.
 *
 * No buffer is in flight, so an in-order ring needs no more than that.
 *
 * Context: both sides.
 * Return: 0, or -EINVAL when size or base make no sense.
 */
int vha_ring_init(struct vha_ring *ring, u32 base)
{
	if (!ring->num || ring->num > VHA_RING_MAX)
		return -EINVAL;

	ring->fetched = 0;
	ring->returned_seen = 0;
	ring->order_fill = 0;
	/* Not known, but then the first disable_kick tells the driver. */
	ring->kick_enabled = true;
	ring->error = VHA_RING_OK;
	ring->returned = 0;
	ring->signalled = 0;
	ring->signalled_valid = false;
	ring->staged = 0;
	ring->order_next = 0;
	if (ring->in_order)
		memset(ring->order, 0, ring->num * sizeof(*ring->order));

	return ring->packed ? packed_init(ring, base) : split_init(ring, base);
}

/**
 * vha_ring_base() - where to go on after a stop
 * @ring: the ring; no buffer is in flight and nothing is staged
 *
 * Context: both sides.
 * Return: the base for vha_ring_init().
 */
u32 vha_ring_base(const struct vha_ring *ring)
{
	u16 avail = ring->avail_next;
	u16 used = ring->used_next;

	if (!ring->packed)
		return avail;
	if (ring->avail_wrap)
		avail |= BASE_WRAP;
	if (ring->used_wrap)
		used |= BASE_WRAP;
	return avail | (u32)used << 16;
}

static u16 order_after(const struct vha_ring *ring, u16 slot)
{
	return slot + 1 == ring->num ? 0 : slot + 1;
}

/**
 * vha_order_fill() - enter a fetched buffer in the in-order table
 * @ring: the ring, with room for it: its slot was emptied
 * @token: the buffer; its slot is filled in
 *
 * Leaves @done alone, which the used side may be looking at.
 *
 * Context: available side.
 */
void vha_order_fill(struct vha_ring *ring, struct vha_token *token)
{
	struct vha_order *order = &ring->order[ring->order_fill];

	token->slot = ring->order_fill;
	order->id = token->id;
	order->ndescs = token->ndescs;
	ring->order_fill = order_after(ring, ring->order_fill);
}

static void stage(struct vha_ring *ring, u16 id, u16 ndescs, u32 len)
{
	if (ring->packed)
		vha_packed_stage(ring, id, ndescs, len);
	else
		vha_split_stage(ring, id, len);
	vha_ring_returned(ring, ndescs);
}

static void stage_in_order(struct vha_ring *ring, u16 slot, u32 len)
{
	struct vha_order *order = &ring->order[slot];

	order->len = len;
	order->done = true;
	for (;;) {
		order = &ring->order[ring->order_next];
		if (!order->done)
			break;
		order->done = false;
		ring->order_next = order_after(ring, ring->order_next);
		stage(ring, order->id, order->ndescs, order->len);
	}
}

/**
 * vha_ring_stage() - return a buffer to the driver with the next publish
 * @ring: the ring
 * @token: the buffer
 * @len: bytes written to it
 *
 * Of an in-order ring, a buffer fetched after one that is still in flight is
 * held back until that one is staged.
 *
 * Context: used side, any context.
 */
void vha_ring_stage(struct vha_ring *ring, const struct vha_token *token, u32 len)
{
	if (ring->in_order)
		stage_in_order(ring, token->slot, len);
	else
		stage(ring, token->id, token->ndescs, len);
}

/**
 * vha_ring_stage_many() - return buffers to the driver with the next publish
 * @ring: the ring
 * @used: the buffers
 * @nr: how many; zero is possible
 *
 * As vha_ring_stage() of one after the other, at less cost.
 *
 * Context: used side, any context.
 */
void vha_ring_stage_many(struct vha_ring *ring, const struct vha_used *used, unsigned int nr)
{
	unsigned int i;

	if (ring->in_order) {
		for (i = 0; i < nr; i++)
			stage_in_order(ring, used[i].token.slot, used[i].len);
	} else if (ring->packed) {
		vha_packed_stage_many(ring, used, nr);
	} else {
		vha_split_stage_many(ring, used, nr);
	}
}

/**
 * vha_ring_need_signal() - whether the driver wants to hear of what was
 * published since it was asked last
 * @ring: the ring; nothing is staged
 *
 * Context: used side, any context.
 */
bool vha_ring_need_signal(struct vha_ring *ring)
{
	u32 fresh = ring->returned - ring->signalled;

	if (!fresh)
		return false;
	/* Nobody knows what the driver was told before this ring was started. */
	if (!ring->signalled_valid)
		fresh = U32_MAX;
	ring->signalled = ring->returned;
	ring->signalled_valid = true;

	/*
	 * Between publishing and loading the suppression state; pairs with the
	 * full barrier of a driver between enabling notifications and its last
	 * look for used buffers.
	 */
	virt_mb();
	return ring->packed ? vha_packed_need_signal(ring, fresh) :
			      vha_split_need_signal(ring, fresh);
}
