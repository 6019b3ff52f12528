// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets on their way to the guest; see "DOC: Turns"
 */
#include <kunit/visibility.h>
#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "sched.h"

/* How far flows that were idle may get ahead of those that take turns. */
#define LEAD_MAX	(4 * VHA_VSOCK_TURN)

static u32 flow_hash(const struct vha_vsock_sched *sched, const struct virtio_vsock_hdr *hdr)
{
	return jhash_3words(le32_to_cpu(hdr->src_port), le32_to_cpu(hdr->dst_port),
			    le64_to_cpu(hdr->src_cid), sched->seed);
}

static void flow_init(struct vha_vsock_flow *flow, const struct virtio_vsock_hdr *hdr)
{
	__skb_queue_head_init(&flow->packets);
	flow->src_cid = le64_to_cpu(hdr->src_cid);
	flow->src_port = le32_to_cpu(hdr->src_port);
	flow->dst_port = le32_to_cpu(hdr->dst_port);
	flow->listed = false;
}

/**
 * vha_vsock_sched_init() - make a scheduler
 * @sched: zeroed
 */
void vha_vsock_sched_init(struct vha_vsock_sched *sched)
{
	spin_lock_init(&sched->lock);
	hash_init(sched->flows);
	sched->seed = get_random_u32();
	INIT_LIST_HEAD(&sched->fresh);
	INIT_LIST_HEAD(&sched->turns);
	INIT_LIST_HEAD(&sched->kept);
	__skb_queue_head_init(&sched->shared.packets);
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_sched_init);

static struct vha_vsock_flow *flow_find(struct vha_vsock_sched *sched,
					const struct virtio_vsock_hdr *hdr)
{
	u64 src_cid = le64_to_cpu(hdr->src_cid);
	u32 src_port = le32_to_cpu(hdr->src_port);
	u32 dst_port = le32_to_cpu(hdr->dst_port);
	struct vha_vsock_flow *flow;

	lockdep_assert_held(&sched->lock);
	hash_for_each_possible(sched->flows, flow, node, flow_hash(sched, hdr))
		if (flow->src_port == src_port && flow->dst_port == dst_port &&
		    flow->src_cid == src_cid)
			return flow;
	return NULL;
}

static struct vha_vsock_flow *flow_create(struct vha_vsock_sched *sched,
					  const struct virtio_vsock_hdr *hdr)
{
	struct vha_vsock_flow *flow;

	flow = list_first_entry_or_null(&sched->kept, struct vha_vsock_flow, turn);
	if (flow) {
		list_del(&flow->turn);
		sched->nr_kept--;
	} else {
		flow = kmalloc(sizeof(*flow), GFP_ATOMIC | __GFP_ACCOUNT | __GFP_NOWARN);
		if (!flow)
			return NULL;
	}
	flow_init(flow, hdr);
	hash_add(sched->flows, &flow->node, flow_hash(sched, hdr));
	return flow;
}

static struct vha_vsock_flow *flow_of(struct vha_vsock_sched *sched,
				      const struct virtio_vsock_hdr *hdr)
{
	struct vha_vsock_flow *flow = flow_find(sched, hdr);

	if (flow)
		return flow;
	/* The packet taken from it last may be put back. */
	if (!skb_queue_empty(&sched->shared.packets) || sched->serving == &sched->shared)
		return &sched->shared;
	return flow_create(sched, hdr) ?: &sched->shared;
}

/* An empty flow leaves its list. */
static void flow_destroy(struct vha_vsock_sched *sched, struct vha_vsock_flow *flow)
{
	flow->listed = false;
	if (flow == &sched->shared)
		return;
	hash_del(&flow->node);
	if (sched->nr_kept < VHA_VSOCK_FLOWS_KEPT) {
		list_add(&flow->turn, &sched->kept);
		sched->nr_kept++;
	} else {
		kfree(flow);
	}
}

static bool is_data(const struct virtio_vsock_hdr *hdr)
{
	return hdr->op == cpu_to_le16(VIRTIO_VSOCK_OP_RW);
}

/* Whether a packet says all that another of its connection, without data, does. */
static bool supersedes(struct sk_buff *skb, struct sk_buff *old)
{
	const struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(skb);
	const struct virtio_vsock_hdr *last = virtio_vsock_hdr(old);

	return !is_data(hdr) && !skb->len && !old->len && hdr->op == last->op &&
	       hdr->type == last->type && hdr->flags == last->flags && skb->sk == old->sk &&
	       hdr->src_cid == last->src_cid && hdr->src_port == last->src_port &&
	       hdr->dst_port == last->dst_port;
}

static bool can_append(struct sk_buff *skb, struct sk_buff *last)
{
	const struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(skb);
	const struct virtio_vsock_hdr *old = virtio_vsock_hdr(last);

	return is_data(hdr) && is_data(old) && skb->sk == last->sk && skb->len &&
	       skb->len <= VHA_VSOCK_MERGE &&
	       hdr->type == cpu_to_le16(VIRTIO_VSOCK_TYPE_STREAM) && hdr->type == old->type &&
	       hdr->src_cid == old->src_cid && hdr->src_port == old->src_port &&
	       hdr->dst_port == old->dst_port &&
	       !skb_is_nonlinear(skb) && !skb_is_nonlinear(last) &&
	       !skb_zcopy(skb) && !skb_zcopy(last) && skb_tailroom(last) >= skb->len;
}

static void append(struct sk_buff *skb, struct sk_buff *last)
{
	const struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(skb);
	struct virtio_vsock_hdr *old = virtio_vsock_hdr(last);

	skb_put_data(last, skb->data, skb->len);
	old->fwd_cnt = hdr->fwd_cnt;
	old->buf_alloc = hdr->buf_alloc;
}

static void packet_link(struct vha_vsock_sched *sched, struct vha_vsock_flow *flow,
			struct sk_buff *skb)
{
	__skb_queue_tail(&flow->packets, skb);
	WRITE_ONCE(sched->packets, sched->packets + 1);
	WRITE_ONCE(sched->bytes, sched->bytes + vha_vsock_cb(skb)->sibling);
}

static void packet_unlink(struct vha_vsock_sched *sched, struct vha_vsock_flow *flow,
			  struct sk_buff *skb)
{
	__skb_unlink(skb, &flow->packets);
	WRITE_ONCE(sched->packets, sched->packets - 1);
	WRITE_ONCE(sched->bytes, sched->bytes - vha_vsock_cb(skb)->sibling);
}

/* Returns the packet that is not needed any more, or NULL. */
static struct sk_buff *flow_add(struct vha_vsock_sched *sched, struct vha_vsock_flow *flow,
				struct sk_buff *skb)
{
	struct sk_buff *last = skb_peek_tail(&flow->packets);

	if (last && can_append(skb, last)) {
		append(skb, last);
		WRITE_ONCE(sched->merged, sched->merged + 1);
		return skb;
	}
	if (last && supersedes(skb, last)) {
		packet_unlink(sched, flow, last);
		WRITE_ONCE(sched->merged, sched->merged + 1);
	} else {
		last = NULL;
	}
	packet_link(sched, flow, skb);
	if (!flow->listed) {
		flow->listed = true;
		flow->credit = VHA_VSOCK_TURN;
		list_add_tail(&flow->turn, &sched->fresh);
	}
	return last;
}

/**
 * vha_vsock_sched_add() - queue a packet
 * @sched: the scheduler
 * @skb: the packet, which is no longer the caller's
 *
 * Context: process.
 * Return: how many replies were taken out of the queue for it, 0 or 1.
 */
unsigned int vha_vsock_sched_add(struct vha_vsock_sched *sched, struct sk_buff *skb)
{
	unsigned int replies = 0;
	struct sk_buff *old;

	spin_lock_bh(&sched->lock);
	old = flow_add(sched, flow_of(sched, virtio_vsock_hdr(skb)), skb);
	spin_unlock_bh(&sched->lock);
	if (old) {
		replies = virtio_vsock_skb_reply(old);
		/* Data that was appended is not sent yet and stays accounted. */
		consume_skb(old);
	}
	return replies;
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_sched_add);

/* The flow whose turn it is, or NULL when all are empty. */
static struct vha_vsock_flow *flow_next(struct vha_vsock_sched *sched)
{
	struct vha_vsock_flow *flow;
	bool fresh;

	lockdep_assert_held(&sched->lock);
	for (;;) {
		fresh = !list_empty(&sched->fresh) &&
			(sched->lead < LEAD_MAX || list_empty(&sched->turns));
		flow = list_first_entry_or_null(fresh ? &sched->fresh : &sched->turns,
						struct vha_vsock_flow, turn);
		if (!flow)
			return NULL;
		if (skb_queue_empty(&flow->packets)) {
			/* It is not fresh again before the others had a turn. */
			if (fresh && !list_empty(&sched->turns)) {
				list_move_tail(&flow->turn, &sched->turns);
				continue;
			}
			list_del(&flow->turn);
			flow_destroy(sched, flow);
			continue;
		}
		if (flow->credit > 0) {
			sched->ahead = fresh;
			return flow;
		}
		flow->credit += VHA_VSOCK_TURN;
		list_move_tail(&flow->turn, &sched->turns);
	}
}

/**
 * vha_vsock_sched_take() - the packet to send next
 * @sched: the scheduler
 *
 * Ends with vha_vsock_sched_put() or vha_vsock_sched_done(), before the next
 * one is taken.
 *
 * Context: callers serialise.
 * Return: the packet, now the caller's, or NULL.
 */
struct sk_buff *vha_vsock_sched_take(struct vha_vsock_sched *sched)
{
	struct vha_vsock_flow *flow;
	struct sk_buff *skb = NULL;

	spin_lock_bh(&sched->lock);
	flow = flow_next(sched);
	if (flow) {
		skb = skb_peek(&flow->packets);
		packet_unlink(sched, flow, skb);
		/* Memory of a packet that is being sent still counts. */
		WRITE_ONCE(sched->bytes, sched->bytes + vha_vsock_cb(skb)->sibling);
		sched->serving = flow;
	}
	spin_unlock_bh(&sched->lock);
	return skb;
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_sched_take);

/* Charges the flow of the packet taken last with what was sent of it. */
static struct vha_vsock_flow *flow_charge(struct vha_vsock_sched *sched, u32 sent)
{
	struct vha_vsock_flow *flow = sched->serving;

	flow->credit -= sent;
	sched->lead = sched->ahead ? sched->lead + sent : 0;
	sched->serving = NULL;
	return flow;
}

/**
 * vha_vsock_sched_put() - part of a packet was sent
 * @sched: the scheduler
 * @skb: the packet, as taken; no longer the caller's
 * @sent: bytes sent, 0 when that was not possible
 */
void vha_vsock_sched_put(struct vha_vsock_sched *sched, struct sk_buff *skb, u32 sent)
{
	struct vha_vsock_flow *flow;

	spin_lock_bh(&sched->lock);
	flow = flow_charge(sched, sent);
	__skb_queue_head(&flow->packets, skb);
	WRITE_ONCE(sched->packets, sched->packets + 1);
	spin_unlock_bh(&sched->lock);
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_sched_put);

/**
 * vha_vsock_sched_done() - all of a packet was sent
 * @sched: the scheduler
 * @skb: the packet, as taken; stays the caller's
 * @sent: bytes sent this time
 */
void vha_vsock_sched_done(struct vha_vsock_sched *sched, struct sk_buff *skb, u32 sent)
{
	spin_lock_bh(&sched->lock);
	flow_charge(sched, sent);
	WRITE_ONCE(sched->bytes, sched->bytes - vha_vsock_cb(skb)->sibling);
	spin_unlock_bh(&sched->lock);
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_sched_done);

/* Frees packets that are in no queue; returns how many of them are replies. */
static unsigned int packets_free(struct sk_buff_head *list)
{
	unsigned int replies = 0;
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(list))) {
		replies += virtio_vsock_skb_reply(skb);
		kfree_skb(skb);
	}
	return replies;
}

static void flow_cancel(struct vha_vsock_sched *sched, struct vha_vsock_flow *flow,
			const struct sock *sk, struct sk_buff_head *list)
{
	struct sk_buff *skb, *next;

	skb_queue_walk_safe(&flow->packets, skb, next) {
		if (sk && skb->sk != sk)
			continue;
		packet_unlink(sched, flow, skb);
		__skb_queue_tail(list, skb);
	}
}

static void flows_cancel(struct vha_vsock_sched *sched, const struct sock *sk,
			 struct sk_buff_head *list)
{
	struct vha_vsock_flow *flow;
	unsigned int bucket;

	hash_for_each(sched->flows, bucket, flow, node)
		flow_cancel(sched, flow, sk, list);
	flow_cancel(sched, &sched->shared, sk, list);
}

/**
 * vha_vsock_sched_cancel() - drop the packets of a socket
 * @sched: the scheduler
 * @sk: the socket, NULL for all packets
 *
 * A packet that was taken is not dropped.
 *
 * Return: how many of them were replies.
 */
unsigned int vha_vsock_sched_cancel(struct vha_vsock_sched *sched, const struct sock *sk)
{
	struct sk_buff_head list;

	__skb_queue_head_init(&list);
	spin_lock_bh(&sched->lock);
	flows_cancel(sched, sk, &list);
	spin_unlock_bh(&sched->lock);
	return packets_free(&list);
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_sched_cancel);

/**
 * vha_vsock_sched_drop() - drop the packets of a connection
 * @sched: the scheduler
 * @hdr: has its addresses, as seen by the guest
 * @replies: set to how many of them were replies
 *
 * Return: whether there were any.
 */
bool vha_vsock_sched_drop(struct vha_vsock_sched *sched, const struct virtio_vsock_hdr *hdr,
			  unsigned int *replies)
{
	struct vha_vsock_flow *flow;
	struct sk_buff_head list;
	bool any;

	__skb_queue_head_init(&list);
	spin_lock_bh(&sched->lock);
	flow = flow_find(sched, hdr);
	if (flow)
		flow_cancel(sched, flow, NULL, &list);
	spin_unlock_bh(&sched->lock);
	any = !skb_queue_empty(&list);
	*replies = packets_free(&list);
	return any;
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_sched_drop);

/**
 * vha_vsock_sched_purge() - drop all packets, and free what is empty then
 * @sched: the scheduler, with nobody taking packets
 *
 * Return: how many of them were replies.
 */
unsigned int vha_vsock_sched_purge(struct vha_vsock_sched *sched)
{
	struct vha_vsock_flow *flow, *next;
	struct sk_buff_head list;

	__skb_queue_head_init(&list);
	spin_lock_bh(&sched->lock);
	flows_cancel(sched, NULL, &list);
	flow_next(sched);
	list_for_each_entry_safe(flow, next, &sched->kept, turn)
		kfree(flow);
	INIT_LIST_HEAD(&sched->kept);
	sched->nr_kept = 0;
	spin_unlock_bh(&sched->lock);
	return packets_free(&list);
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_sched_purge);
