/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the ring files share among themselves
 *
 * Guest memory is loaded with READ_ONCE() and stored with WRITE_ONCE() or
 * virt_store_release(), and these are used for nothing else: the user-space
 * harness hooks them to let the guest act between any two accesses.
 */
#ifndef VHOST_ACCEL_CORE_RING_ACCESS_H
#define VHOST_ACCEL_CORE_RING_ACCESS_H

#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/types.h>

#include <asm/barrier.h>
#include <asm/byteorder.h>

#include <vhost_accel/ring.h>

static inline u16 vha_load16(const void *from)
{
	return le16_to_cpu(READ_ONCE(*(const __le16 *)from));
}

static inline u32 vha_load32(const void *from)
{
	return le32_to_cpu(READ_ONCE(*(const __le32 *)from));
}

static inline u64 vha_load64(const void *from)
{
	return le64_to_cpu(READ_ONCE(*(const __le64 *)from));
}

static inline void vha_store16(void *to, u16 value)
{
	WRITE_ONCE(*(__le16 *)to, cpu_to_le16(value));
}

static inline void vha_store32(void *to, u32 value)
{
	WRITE_ONCE(*(__le32 *)to, cpu_to_le32(value));
}

static inline void vha_store16_release(void *to, u16 value)
{
	/*
	 * Publishes all that was stored, and ends all that was loaded, before;
	 * pairs with the driver's read barrier after it loads this.
	 */
	virt_store_release((__le16 *)to, cpu_to_le16(value));
}

/**
 * vha_ring_fail() - note why the ring is broken
 * @ring: the ring
 * @error: why
 *
 * Return: -EINVAL, for the caller to pass on.
 */
static inline int vha_ring_fail(struct vha_ring *ring, enum vha_ring_error error)
{
	ring->error = error;
	return -EINVAL;
}

/**
 * vha_ring_room() - whether more may be in flight
 * @ring: the ring
 * @count: how many more: buffers (split) or descriptors (packed)
 *
 * A driver has no more than the ring's size in flight; only a hostile one
 * makes descriptors available again before they were returned.
 */
static inline bool vha_ring_room(struct vha_ring *ring, u16 count)
{
	u32 fetched = ring->fetched + count;

	if (likely(fetched - ring->returned_seen <= ring->num))
		return true;

	/*
	 * Pairs with vha_ring_returned(). That the driver made the descriptor
	 * available again was seen before, and it followed our return of it;
	 * so an honest driver is never found to have exceeded its ring.
	 */
	ring->returned_seen = smp_load_acquire(&ring->returned);
	return fetched - ring->returned_seen <= ring->num;
}

/**
 * vha_ring_returned() - count what was staged
 * @ring: the ring
 * @count: how much: buffers (split) or descriptors (packed)
 */
static inline void vha_ring_returned(struct vha_ring *ring, u32 count)
{
	/* Pairs with vha_ring_room(): the in-order slot was read before. */
	smp_store_release(&ring->returned, ring->returned + count);
}

void vha_order_fill(struct vha_ring *ring, struct vha_token *token);

/**
 * vha_ring_take() - count a buffer as fetched and make out its token
 * @ring: the ring
 * @token: filled in
 * @id: head index (split) or buffer id (packed)
 * @ndescs: descriptors it takes in the ring
 */
static inline void vha_ring_take(struct vha_ring *ring, struct vha_token *token,
				 u16 id, u16 ndescs)
{
	token->id = id;
	token->ndescs = ndescs;
	token->slot = 0;
	ring->fetched += ndescs;
	if (ring->in_order)
		vha_order_fill(ring, token);
}

/**
 * vha_ring_untake() - reverse vha_ring_take() for the buffer fetched last
 * @ring: the ring
 * @token: of that buffer
 */
static inline void vha_ring_untake(struct vha_ring *ring,
				   const struct vha_token *token)
{
	ring->fetched -= token->ndescs;
	if (ring->in_order)
		ring->order_fill = token->slot;
}

/**
 * vha_chain_add() - append a segment to a chain
 * @ring: the ring
 * @chain: the chain
 * @max: segments it may have: @ring->num as long as it is in the ring itself
 * @addr: as the descriptor has it
 * @len: likewise
 * @write: the device writes to it
 *
 * Return: 0, or -EINVAL with the reason in @ring->error.
 */
static inline int vha_chain_add(struct vha_ring *ring, struct vha_chain *chain,
				unsigned int max, u64 addr, u32 len, bool write)
{
	unsigned int nr = chain->out_num + chain->in_num;

	if (unlikely(nr >= max))
		return vha_ring_fail(ring, VHA_RING_LOOP);
	if (unlikely(nr >= chain->max))
		return vha_ring_fail(ring, VHA_RING_SEGMENTS);
	if (unlikely(addr + len < addr))
		return vha_ring_fail(ring, VHA_RING_ADDRESS);
	if (unlikely((u64)chain->out_len + chain->in_len + len > U32_MAX))
		return vha_ring_fail(ring, VHA_RING_LENGTH);

	if (unlikely(!write && chain->in_num))
		return vha_ring_fail(ring, VHA_RING_ORDER);

	if (write) {
		chain->in_num++;
		chain->in_len += len;
	} else {
		chain->out_num++;
		chain->out_len += len;
	}
	chain->segs[nr].addr = addr;
	chain->segs[nr].len = len;
	return 0;
}

/**
 * vha_chain_single() - make a chain of one segment
 * @ring: the ring
 * @chain: the chain, whatever is in it
 * @addr: as the descriptor has it
 * @len: likewise
 * @write: the device writes to it
 *
 * What vha_chain_reset() and vha_chain_add() do for most buffers there are, at less
 * cost.
 *
 * Return: 0, or -EINVAL with the reason in @ring->error.
 */
static inline int vha_chain_single(struct vha_ring *ring, struct vha_chain *chain,
				   u64 addr, u32 len, bool write)
{
	if (unlikely(!chain->max))
		return vha_ring_fail(ring, VHA_RING_SEGMENTS);
	if (unlikely(addr + len < addr))
		return vha_ring_fail(ring, VHA_RING_ADDRESS);

	chain->out_num = !write;
	chain->in_num = write;
	chain->out_len = write ? 0 : len;
	chain->in_len = write ? len : 0;
	chain->segs[0].addr = addr;
	chain->segs[0].len = len;
	return 0;
}

/**
 * vha_chain_reset() - empty a chain
 * @chain: the chain
 */
static inline void vha_chain_reset(struct vha_chain *chain)
{
	chain->out_num = 0;
	chain->in_num = 0;
	chain->out_len = 0;
	chain->in_len = 0;
}

int vha_chain_indirect(struct vha_ring *ring, struct vha_chain *chain, u64 addr,
		       u32 len, u16 flags);

#endif /* VHOST_ACCEL_CORE_RING_ACCESS_H */
