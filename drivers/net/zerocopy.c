// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets sent from the guest's memory
 *
 * The network stack holds the pages of such a packet until the network card is
 * through with them, and tells us then, in any context. The driver gets each
 * buffer back by itself, in whatever order they come, and a packet for which
 * there is no slot is copied: nobody waits for a slow receiver.
 *
 * Only a macvtap is sent such packets: they go to the card below it. What enters
 * the host by a tap may lie in a socket here for as long as its reader likes,
 * and the guest could still change it.
 *
 * A packet that another device on this host receives is copied by the stack
 * after all, which costs more than our copy would have. We learn of it at once
 * and copy the next ones ourselves, more of them each time it happens.
 */
#include <kunit/visibility.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "net.h"

/* Shorter packets are cheaper to copy than to pin. */
#define BYTES_MIN	(10U << 10)
/* Packets to copy after one that the stack copied: at first, and at most. */
#define PENALTY_MIN	64U
#define PENALTY_MAX	65536U
/* By such a part it falls with each attempt. */
#define PENALTY_SHIFT	4

/* The stack's reference and ours; who drops the last returns the buffer. */
#define REFERENCES	2

static void slot_free(struct vha_net_zerocopy_slot *slot)
{
	struct vha_net_zerocopy *zerocopy = &slot->q->tx->zerocopy;

	/* Pairs with test_and_set_bit_lock() in vha_net_zerocopy_get(). */
	clear_bit_unlock(slot - zerocopy->slots, zerocopy->busy);
}

/*
 * The last thing done here with the queue is to return the buffer: when that
 * was the last one the queue may stop, and slots go away. RCU, which the end of
 * the module waits for, is for the way out of this function.
 */
static void slot_put(struct vha_net_zerocopy_slot *slot)
{
	struct vha_queue *vq = &slot->q->vq;
	struct vha_token token = slot->token;

	rcu_read_lock();
	if (refcount_dec_and_test(&slot->ubuf.refcnt)) {
		slot_free(slot);
		vha_queue_used(vq, &token, 0);
	}
	rcu_read_unlock();
}

static void packet_complete(struct sk_buff *skb, struct ubuf_info *ubuf, bool success)
{
	struct vha_net_zerocopy_slot *slot =
		container_of(ubuf, struct vha_net_zerocopy_slot, ubuf);

	if (!success)
		atomic64_inc(&slot->q->copied);
	slot_put(slot);
}

static const struct ubuf_info_ops slot_ops = {
	.complete = packet_complete,
};

/**
 * vha_net_zerocopy_create() - allocate the slots
 * @zerocopy: zeroed
 *
 * Return: 0 or -ENOMEM.
 */
int vha_net_zerocopy_create(struct vha_net_zerocopy *zerocopy)
{
	zerocopy->slots = kvcalloc(VHA_NET_ZEROCOPY_SLOTS, sizeof(*zerocopy->slots),
				   GFP_KERNEL_ACCOUNT);
	return zerocopy->slots ? 0 : -ENOMEM;
}

/**
 * vha_net_zerocopy_destroy() - free the slots
 * @zerocopy: none is in use
 */
void vha_net_zerocopy_destroy(struct vha_net_zerocopy *zerocopy)
{
	kvfree(zerocopy->slots);
}

/**
 * vha_net_zerocopy_worthwhile() - whether to try it with the next packet
 * @zerocopy: the state
 * @copied: packets so far for which it was in vain
 *
 * Return: whether to try.
 */
bool vha_net_zerocopy_worthwhile(struct vha_net_zerocopy *zerocopy, u64 copied)
{
	if (copied != zerocopy->copied_seen) {
		zerocopy->copied_seen = copied;
		zerocopy->penalty = clamp(zerocopy->penalty * 2, PENALTY_MIN, PENALTY_MAX);
		zerocopy->skip = zerocopy->penalty;
	}
	if (zerocopy->skip) {
		zerocopy->skip--;
		return false;
	}
	zerocopy->penalty -= zerocopy->penalty >> PENALTY_SHIFT;
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(vha_net_zerocopy_worthwhile);

/*
 * Drivers that want buffers back in order would have to wait for the slowest
 * receiver.
 */
static bool possible(struct vha_net_queue *q, u32 len)
{
	return q->backend.macvtap && len >= BYTES_MIN &&
	       sock_flag(q->backend.sock->sk, SOCK_ZEROCOPY) &&
	       !vha_queue_feature(&q->vq, VIRTIO_F_IN_ORDER);
}

/* A part of the ring stays for packets that go on. */
static unsigned int slot_limit(const struct vha_net_queue *q)
{
	return min_t(unsigned int, VHA_NET_ZEROCOPY_SLOTS, q->vq.num / 4);
}

/**
 * vha_net_zerocopy_get() - get a slot for sending a packet without a copy
 * @q: the queue
 * @len: bytes of the packet
 *
 * Return: a slot, for vha_net_zerocopy_put(); NULL when the packet is to be
 * copied.
 */
struct vha_net_zerocopy_slot *vha_net_zerocopy_get(struct vha_net_queue *q, u32 len)
{
	struct vha_net_zerocopy *zerocopy = &q->tx->zerocopy;
	struct vha_net_zerocopy_slot *slot;
	unsigned int i;

	lockdep_assert_held(&q->vq.mutex);
	if (!possible(q, len) ||
	    !vha_net_zerocopy_worthwhile(zerocopy, atomic64_read(&q->copied)))
		return NULL;
	i = find_first_zero_bit(zerocopy->busy, slot_limit(q));
	if (i >= slot_limit(q))
		return NULL;
	/* Pairs with clear_bit_unlock() in slot_free(); nobody else sets bits. */
	if (test_and_set_bit_lock(i, zerocopy->busy))
		return NULL;
	slot = &zerocopy->slots[i];
	slot->q = q;
	slot->ubuf.ops = &slot_ops;
	slot->ubuf.flags = SKBFL_ZEROCOPY_FRAG;
	refcount_set(&slot->ubuf.refcnt, REFERENCES);
	return slot;
}

/**
 * vha_net_zerocopy_put() - the back end was given the packet
 * @slot: the slot
 * @token: of the buffer
 * @sent: the back end took it
 *
 * Return: false when the back end did not keep the packet, so that the buffer
 * is still the caller's; true when it is or was returned from here.
 */
bool vha_net_zerocopy_put(struct vha_net_zerocopy_slot *slot,
			  const struct vha_token *token, bool sent)
{
	/* Before it is refused nobody but us knows the slot. */
	if (!sent && refcount_read(&slot->ubuf.refcnt) == REFERENCES) {
		slot_free(slot);
		return false;
	}
	vha_net_count(slot->q, VHA_NET_ZEROCOPY, 1);
	slot_put(slot);
	return true;
}
