/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Device side of a virtqueue, split and packed
 *
 * The files behind this header (ring_split.c, ring_packed.c, ring.c, chain.c)
 * also compile in user space, where they are fuzzed and proved. They reach
 * guest memory only through vha_load16() and its kin, and through
 * vha_ring_read() and vha_ring_log(), which their environment supplies.
 */
#ifndef VHOST_ACCEL_RING_H
#define VHOST_ACCEL_RING_H

#include <linux/cache.h>
#include <linux/types.h>
#include <linux/virtio_ring.h>

/**
 * DOC: Ring contract
 *
 * A guest may write any byte of its rings at any moment. Whatever decides
 * something is therefore loaded once into kernel memory, checked there, and
 * only that copy is used. The layout of a ring (size, addresses, features)
 * does not change between vha_ring_init() and the next one.
 *
 * A ring has two sides, and each has one owner at a time:
 *
 * - the available side (vha_ring_fetch(), vha_ring_unfetch(),
 *   vha_ring_pending(), vha_ring_disable_kick(), vha_ring_enable_kick()),
 *   serialised by the queue mutex;
 * - the used side (vha_ring_stage(), vha_ring_stage_many(), vha_ring_publish(),
 *   vha_ring_need_signal()), serialised by the queue spinlock.
 *
 * The two sides share two things. In the in-order table fetch fills a slot's
 * @id and @ndescs before the buffer is handed out and stage alone writes @done,
 * so the hand-over of the buffer orders the accesses. And fetch compares with
 * @returned, which stage stores with release semantics once it is through with
 * the slot; a stale value only makes the ring look fuller than it is.
 *
 * Ordering with the driver:
 *
 * - fetch loads the available index (split) or the descriptor's flags
 *   (packed) before anything they make available; the read barrier pairs with
 *   the driver's write barrier before it stores them;
 * - publish stores used elements before the used index (split) or before the
 *   flags of the first staged descriptor (packed); the write barrier pairs
 *   with the driver's read barrier after it loads them;
 * - need_signal has a full barrier between that store and the load of the
 *   driver's suppression state; it pairs with the full barrier of a driver
 *   that enables notifications and then looks once more for used buffers;
 * - enable_kick has a full barrier between storing our suppression state and
 *   looking once more for available buffers; it pairs with the full barrier
 *   of a driver that makes a buffer available and then loads that state.
 */

/** define VHA_RING_MAX - largest ring size */
#define VHA_RING_MAX	32768

/**
 * enum vha_ring_error - why a ring was found to be broken
 * @VHA_RING_OK: it was not
 * @VHA_RING_AVAIL_INDEX: available index further ahead than the ring's size
 * @VHA_RING_HEAD: head index not below the ring's size
 * @VHA_RING_NEXT: next index not below the ring's size
 * @VHA_RING_LOOP: chain of more descriptors than the ring's size or, with an
 *	indirect table, than &vha_ring.chain_max
 * @VHA_RING_ORDER: device-readable descriptor after a device-writable one
 * @VHA_RING_LENGTH: descriptor lengths add up to more than 4 GiB
 * @VHA_RING_ADDRESS: descriptor's address plus length wraps
 * @VHA_RING_INDIRECT: indirect descriptor not negotiated, nested, not last,
 *	or with a table that is empty, too long or of a fractional length
 * @VHA_RING_UNMAPPED: indirect table lies outside the guest's memory
 * @VHA_RING_EXCESS: more chains in flight than the ring has descriptors
 * @VHA_RING_SEGMENTS: more segments than a chain can hold after translation
 * @VHA_RING_PARTIAL: packed chain whose later descriptors are not available
 * @VHA_RING_BUFFER_ID: packed buffer id not below the ring's size
 * @VHA_RING_CLASS: the device class found the device unable to go on
 * @VHA_RING_FAULT: the ring itself can not be reached
 * @VHA_RING_ERRORS: number of values
 */
enum vha_ring_error {
	VHA_RING_OK,
	VHA_RING_AVAIL_INDEX,
	VHA_RING_HEAD,
	VHA_RING_NEXT,
	VHA_RING_LOOP,
	VHA_RING_ORDER,
	VHA_RING_LENGTH,
	VHA_RING_ADDRESS,
	VHA_RING_INDIRECT,
	VHA_RING_UNMAPPED,
	VHA_RING_EXCESS,
	VHA_RING_SEGMENTS,
	VHA_RING_PARTIAL,
	VHA_RING_BUFFER_ID,
	VHA_RING_CLASS,
	VHA_RING_FAULT,
	VHA_RING_ERRORS,
};

/**
 * struct vha_seg - one piece of a buffer
 * @addr: address in the guest's memory
 * @len: length in bytes; zero is possible
 */
struct vha_seg {
	u64 addr;
	u32 len;
};

/**
 * struct vha_token - what is needed to return a buffer to the driver
 * @id: head index (split) or buffer id (packed)
 * @ndescs: descriptors the buffer takes in the ring itself; 1 when split
 * @slot: slot in the in-order table
 */
struct vha_token {
	u16 id;
	u16 ndescs;
	u16 slot;
};

/**
 * struct vha_used - a buffer to be returned to the driver
 * @token: of the buffer
 * @len: bytes written into it
 */
struct vha_used {
	struct vha_token token;
	u32 len;
};

/**
 * struct vha_chain - a buffer made available by the driver
 * @token: for returning it
 * @out_num: device-readable segments, first in @segs
 * @in_num: device-writable segments, after them
 * @max: segments @segs has room for, set by the owner of the chain
 * @out_len: bytes to read
 * @in_len: bytes that may be written
 * @segs: the segments
 */
struct vha_chain {
	struct vha_token token;
	u16 out_num;
	u16 in_num;
	u32 max;
	u32 out_len;
	u32 in_len;
	struct vha_seg *segs;
};

/**
 * struct vha_order - one slot of the in-order table
 * @len: bytes written, once @done
 * @id: as in &struct vha_token
 * @ndescs: as in &struct vha_token
 * @done: staged, but an earlier buffer is not
 */
struct vha_order {
	u32 len;
	u16 id;
	u16 ndescs;
	bool done;
};

/**
 * struct vha_ring - device side of one virtqueue
 * @num: ring size in descriptors; a power of two when split
 * @chain_max: descriptors a chain may have that ends in an indirect table; not
 *	below @num
 * @packed: VIRTIO_F_RING_PACKED
 * @event_idx: VIRTIO_RING_F_EVENT_IDX
 * @indirect: VIRTIO_RING_F_INDIRECT_DESC
 * @in_order: VIRTIO_F_IN_ORDER
 * @log: used writes are reported to vha_ring_log()
 * @desc: split descriptor table
 * @avail: split available ring
 * @used: split used ring
 * @pdesc: packed descriptor ring
 * @driver: packed driver event suppression, written by the driver
 * @device: packed device event suppression, written by us
 * @table: scratch for one indirect table, @chain_max entries; NULL unless
 *	@indirect
 * @order: in-order table, @num slots; NULL unless @in_order
 * @fetched: buffers (split) or descriptors (packed) fetched so far, free
 *	running; available side
 * @returned_seen: last loaded copy of @returned; available side
 * @avail_idx: split: last loaded copy of the available index; available side
 * @avail_next: next available entry: free running (split) or slot (packed);
 *	available side
 * @avail_wrap: packed: wrap counter of @avail_next; available side
 * @order_fill: in-order slot filled next; available side
 * @kick_enabled: the driver was told to notify; available side
 * @error: why the last fetch failed; available side
 * @returned: as @fetched, for those staged so far; used side
 * @staged: used entries written and not yet published; used side
 * @used_next: next used entry, published ones and staged ones: free running
 *	(split) or slot (packed); used side
 * @used_wrap: packed: wrap counter of @used_next; used side
 * @first_next: packed: slot of the first staged entry; used side
 * @first_flags: packed: flags withheld from the first staged entry; used side
 * @order_next: in-order slot returned next; used side
 * @signalled: @returned at the last need_signal; used side
 * @signalled_valid: @signalled means something; used side
 */
struct vha_ring {
	u16 num;
	u16 chain_max;
	bool packed;
	bool event_idx;
	bool indirect;
	bool in_order;
	bool log;
	union {
		const struct vring_desc *desc;
		struct vring_packed_desc *pdesc;
	};
	union {
		const struct vring_avail *avail;
		const struct vring_packed_desc_event *driver;
	};
	union {
		struct vring_used *used;
		struct vring_packed_desc_event *device;
	};
	struct vring_desc *table;
	struct vha_order *order;

	u32 fetched;
	u32 returned_seen;
	u16 avail_idx;
	u16 avail_next;
	u16 order_fill;
	bool avail_wrap;
	bool kick_enabled;
	u8 error;

	u32 returned ____cacheline_aligned_in_smp;
	u32 signalled;
	u32 staged;
	u16 used_next;
	bool used_wrap;
	u16 first_next;
	u16 first_flags;
	u16 order_next;
	bool signalled_valid;
};

/* Supplied by the environment: drivers/core/queue.c or the test harness. */

/**
 * vha_ring_read() - copy guest memory, once
 * @ring: the ring on whose behalf
 * @addr: guest address
 * @dst: where to
 * @len: bytes
 *
 * Return: 0, -EFAULT when any byte is not in the guest's memory, -EAGAIN when
 * the address can not be translated yet.
 */
int vha_ring_read(struct vha_ring *ring, u64 addr, void *dst, u32 len);

/**
 * vha_ring_log() - note that a part of a ring was written
 * @ring: the ring
 * @addr: first byte written, inside @ring->used (split), or inside
 *	@ring->pdesc or @ring->device (packed)
 * @len: bytes written
 *
 * Called only when @ring->log, after the store, by the owner of whichever side
 * writes. A bit set before the store could be cleared too early.
 */
void vha_ring_log(struct vha_ring *ring, const void *addr, u32 len);

/* ring.c: what both formats share */

int vha_ring_init(struct vha_ring *ring, u32 base);
u32 vha_ring_base(const struct vha_ring *ring);

/* ring_split.c, ring_packed.c; the contracts stand below at the dispatchers */

int vha_split_fetch(struct vha_ring *ring, struct vha_chain *chain);
void vha_split_unfetch(struct vha_ring *ring, const struct vha_token *token);
bool vha_split_pending(struct vha_ring *ring);
void vha_split_disable_kick(struct vha_ring *ring);
void vha_split_enable_kick(struct vha_ring *ring);
void vha_split_stage(struct vha_ring *ring, u16 id, u32 len);
void vha_split_stage_many(struct vha_ring *ring, const struct vha_used *used,
			  unsigned int nr);
void vha_split_publish(struct vha_ring *ring);
bool vha_split_need_signal(struct vha_ring *ring, u32 fresh);

int vha_packed_fetch(struct vha_ring *ring, struct vha_chain *chain);
void vha_packed_unfetch(struct vha_ring *ring, const struct vha_token *token);
bool vha_packed_pending(struct vha_ring *ring);
void vha_packed_disable_kick(struct vha_ring *ring);
void vha_packed_enable_kick(struct vha_ring *ring);
void vha_packed_stage(struct vha_ring *ring, u16 id, u16 ndescs, u32 len);
void vha_packed_stage_many(struct vha_ring *ring, const struct vha_used *used,
			   unsigned int nr);
void vha_packed_publish(struct vha_ring *ring);
bool vha_packed_need_signal(struct vha_ring *ring, u32 fresh);

/**
 * vha_ring_fetch() - take the next available buffer
 * @ring: the ring
 * @chain: filled in; @chain->segs and @chain->max are the caller's
 *
 * Context: available side.
 * Return: 1 when @chain holds a buffer, 0 when none is available, -EAGAIN
 * when an address can not be translated yet (nothing was taken), -EINVAL when
 * the ring is broken: @ring->error says why, nothing was taken, and the
 * caller must not fetch again.
 */
static inline int vha_ring_fetch(struct vha_ring *ring, struct vha_chain *chain)
{
	return ring->packed ? vha_packed_fetch(ring, chain) :
			      vha_split_fetch(ring, chain);
}

/**
 * vha_ring_unfetch() - give back the buffer fetched last
 * @ring: the ring
 * @token: of that buffer
 *
 * The next fetch returns the same buffer, read anew.
 *
 * Context: available side.
 */
static inline void vha_ring_unfetch(struct vha_ring *ring,
				    const struct vha_token *token)
{
	if (ring->packed)
		vha_packed_unfetch(ring, token);
	else
		vha_split_unfetch(ring, token);
}

/**
 * vha_ring_pending() - whether the driver has made more buffers available
 * @ring: the ring
 *
 * Context: available side.
 */
static inline bool vha_ring_pending(struct vha_ring *ring)
{
	return ring->packed ? vha_packed_pending(ring) :
			      vha_split_pending(ring);
}

/**
 * vha_ring_disable_kick() - ask the driver not to notify
 * @ring: the ring
 *
 * A hint: notifications may still come.
 *
 * Context: available side.
 */
static inline void vha_ring_disable_kick(struct vha_ring *ring)
{
	if (!ring->kick_enabled)
		return;
	ring->kick_enabled = false;
	if (ring->packed)
		vha_packed_disable_kick(ring);
	else
		vha_split_disable_kick(ring);
}

/**
 * vha_ring_enable_kick() - ask the driver to notify, and look once more
 * @ring: the ring
 *
 * Context: available side.
 * Return: true when a buffer was made available in the meantime, for which no
 * notification may come.
 */
static inline bool vha_ring_enable_kick(struct vha_ring *ring)
{
	ring->kick_enabled = true;
	if (ring->packed)
		vha_packed_enable_kick(ring);
	else
		vha_split_enable_kick(ring);
	return vha_ring_pending(ring);
}

void vha_ring_stage(struct vha_ring *ring, const struct vha_token *token, u32 len);
void vha_ring_stage_many(struct vha_ring *ring, const struct vha_used *used,
			 unsigned int nr);

/**
 * vha_ring_publish() - let the driver see all staged buffers
 * @ring: the ring
 *
 * Context: used side, any context.
 */
static inline void vha_ring_publish(struct vha_ring *ring)
{
	if (!ring->staged)
		return;
	if (ring->packed)
		vha_packed_publish(ring);
	else
		vha_split_publish(ring);
	ring->staged = 0;
}

bool vha_ring_need_signal(struct vha_ring *ring);

#endif /* VHOST_ACCEL_RING_H */
