// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets from guest to guest, for those that are allowed to
 */
#include <linux/slab.h>

#include "trace.h"
#include "vsock.h"

/**
 * vha_vsock_set_peers() - name the siblings a guest may talk to
 * @vsock: the guest's device
 * @peers: the siblings
 *
 * Return: 0, -EINVAL for a CID that can not be a guest's or for reserved members
 * that are not zero, -ENOMEM.
 */
int vha_vsock_set_peers(struct vha_vsock *vsock, const struct vha_vsock_peers *peers)
{
	struct vha_vsock_peers_list *list = NULL, *old;
	u32 i;

	lockdep_assert_held(&vsock->dev.mutex);
	if (peers->count > VHA_VSOCK_PEERS_MAX ||
	    memchr_inv(peers->reserved, 0, sizeof(peers->reserved)))
		return -EINVAL;
	for (i = 0; i < VHA_VSOCK_PEERS_MAX; i++)
		if (i < peers->count ? !vha_vsock_cid_valid(peers->cids[i]) : peers->cids[i])
			return -EINVAL;
	if (peers->count) {
		list = kzalloc(struct_size(list, peers, peers->count), VHA_GFP_SETUP);
		if (!list)
			return -ENOMEM;
		list->count = peers->count;
		for (i = 0; i < peers->count; i++)
			list->peers[i].cid = peers->cids[i];
	}
	old = rcu_replace_pointer(vsock->peers, list, lockdep_is_held(&vsock->dev.mutex));
	if (old)
		kfree_rcu(old, rcu);
	return 0;
}

/**
 * vha_vsock_free_peers() - forget the siblings
 * @vsock: the device, which nobody can find any more
 */
void vha_vsock_free_peers(struct vha_vsock *vsock)
{
	kfree(rcu_replace_pointer(vsock->peers, NULL, true));
}

static struct vha_vsock_peer *find_peer(const struct vha_vsock *vsock, u32 cid)
{
	struct vha_vsock_peers_list *list = rcu_dereference(vsock->peers);
	u32 i;

	if (!list)
		return NULL;
	for (i = 0; i < list->count; i++)
		if (list->peers[i].cid == cid)
			return &list->peers[i];
	return NULL;
}

/*
 * A guest knows its sibling by CID alone. Whoever has that CID next finds sockets
 * that were connected with the one before, so that it has to be named anew.
 */
static bool is_the_same(struct vha_vsock_peer *peer, const struct vha_vsock *sibling)
{
	u64 met = READ_ONCE(peer->tenure);

	if (!met)
		met = cmpxchg64(&peer->tenure, 0, sibling->tenure) ?: sibling->tenure;
	return met == sibling->tenure;
}

/* Both have to want it. Under RCU, which keeps the sibling. */
static struct vha_vsock *find_sibling(struct vha_vsock *vsock, u64 cid)
{
	struct vha_vsock_peer *there = find_peer(vsock, cid), *back;
	struct vha_vsock *sibling;

	if (!there)
		return NULL;
	sibling = vha_vsock_find(cid, vsock->net);
	if (!sibling || sibling == vsock || !READ_ONCE(sibling->running))
		return NULL;
	back = find_peer(sibling, READ_ONCE(vsock->cid));
	if (!back || !is_the_same(there, sibling) || !is_the_same(back, vsock))
		return NULL;
	return sibling;
}

enum outcome {
	PASSED,
	REFUSED,
	OVERFLOWED,
};

/* Unless PASSED the packet is still the caller's. */
static enum outcome pass(struct vha_vsock *vsock, struct sk_buff *skb)
{
	enum outcome outcome = REFUSED;
	struct vha_vsock *sibling;

	rcu_read_lock();
	sibling = find_sibling(vsock, le64_to_cpu(virtio_vsock_hdr(skb)->dst_cid));
	if (sibling)
		outcome = vha_vsock_queue_sibling(sibling, skb) ? PASSED : OVERFLOWED;
	rcu_read_unlock();
	return outcome;
}

/*
 * The sibling takes nothing: instead of the data it will find the end of the
 * connection, if it has taken part in it. That is never more memory than before,
 * as no packet needs less than @end.
 */
static void give_up(struct vha_vsock *vsock, struct sk_buff *end)
{
	struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(end);
	struct vha_vsock *sibling;
	bool queued = false;

	rcu_read_lock();
	sibling = find_sibling(vsock, le64_to_cpu(hdr->dst_cid));
	if (sibling && vha_vsock_drop(sibling, hdr, false))
		queued = vha_vsock_queue_sibling(sibling, end);
	rcu_read_unlock();
	if (!queued)
		kfree_skb(end);
}

/* A packet that ends the connection, from the guest to its sibling. */
static struct sk_buff *end_alloc(const struct virtio_vsock_hdr *hdr)
{
	struct sk_buff *end = vha_vsock_alloc(0, false);

	if (!end)
		return NULL;
	*virtio_vsock_hdr(end) = *hdr;
	virtio_vsock_hdr(end)->op = cpu_to_le16(VIRTIO_VSOCK_OP_RST);
	virtio_vsock_hdr(end)->len = 0;
	virtio_vsock_hdr(end)->flags = 0;
	return end;
}

/**
 * vha_vsock_forward() - give a packet to the sibling it is for
 * @vq: the transmit queue it comes from
 * @skb: the packet, checked; no longer the caller's
 *
 * The guest is told when the sibling can not be reached.
 *
 * Return: 0, or -EAGAIN without memory for telling the guest, nothing having
 * happened.
 */
int vha_vsock_forward(struct vha_queue *vq, struct sk_buff *skb)
{
	struct vha_vsock *vsock = to_vsock(vq->dev);
	struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(skb);
	enum outcome outcome = pass(vsock, skb);
	bool silent = hdr->op == cpu_to_le16(VIRTIO_VSOCK_OP_RST);
	struct sk_buff *answer, *end;

	if (outcome == PASSED) {
		vha_vsock_count(vq, VHA_VSOCK_FORWARDED, 1);
		return 0;
	}
	answer = silent ? NULL : vha_vsock_reset_alloc(hdr);
	end = outcome == OVERFLOWED ? end_alloc(hdr) : NULL;
	kfree_skb(skb);
	if ((!silent && !answer) || (outcome == OVERFLOWED && !end)) {
		kfree_skb(answer);
		kfree_skb(end);
		return -EAGAIN;
	}
	vha_vsock_count(vq, end ? VHA_VSOCK_OVERFLOWS : VHA_VSOCK_UNROUTABLE, 1);
	if (end)
		give_up(vsock, end);
	if (answer)
		vha_vsock_queue_packet(vsock, answer);
	return 0;
}
