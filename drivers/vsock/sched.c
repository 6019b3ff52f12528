// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets on their way to the guest; see "DOC: Turns"
 */
#include <kunit/visibility.h>
#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "sched.h"

/* Of a connection that the host has ended. */
#define ENDED	(VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)

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
	flow->shutdown = 0;
	flow->memory = 0;
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
	__skb_queue_head_init(&sched->taken);
	__skb_queue_head_init(&sched->shared.packets);
	/* Whoever makes so many connections that there is no memory for flows. */
	sched->shared.shutdown = ENDED;
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

/* Of packets to one guest. */
static bool same_connection(const struct virtio_vsock_hdr *hdr,
			    const struct virtio_vsock_hdr *other)
{
	return hdr->src_cid == other->src_cid && hdr->src_port == other->src_port &&
	       hdr->dst_port == other->dst_port;
}

/* Whether a packet says all that another of its connection, without data, does. */
static bool supersedes(struct sk_buff *skb, struct sk_buff *old)
{
	const struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(skb);
	const struct virtio_vsock_hdr *last = virtio_vsock_hdr(old);

	return !is_data(hdr) && !skb->len && !old->len && hdr->op == last->op &&
	       hdr->type == last->type && hdr->flags == last->flags && skb->sk == old->sk &&
	       same_connection(hdr, last);
}

static bool can_append(struct sk_buff *skb, struct sk_buff *last)
{
	const struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(skb);
	const struct virtio_vsock_hdr *old = virtio_vsock_hdr(last);

	return is_data(hdr) && is_data(old) && skb->sk == last->sk && skb->len &&
	       skb->len <= VHA_VSOCK_MERGE &&
	       hdr->type == cpu_to_le16(VIRTIO_VSOCK_TYPE_STREAM) && hdr->type == old->type &&
	       same_connection(hdr, old) &&
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

/* Counts the memory of a packet of a flow, or no longer. */
static void packet_count(struct vha_vsock_sched *sched, struct vha_vsock_flow *flow,
			 struct sk_buff *skb, bool more)
{
	u32 sibling = vha_vsock_cb(skb)->sibling;
	s64 own = sibling ? 0 : skb->truesize;

	if (!more)
		own = -own;
	flow->memory += own;
	if (flow->shutdown == ENDED)
		WRITE_ONCE(sched->ended, sched->ended + own);
	WRITE_ONCE(sched->packets, sched->packets + (more ? 1 : -1));
	WRITE_ONCE(sched->bytes, sched->bytes + (more ? (s64)sibling : -(s64)sibling));
}

static void packet_link(struct vha_vsock_sched *sched, struct vha_vsock_flow *flow,
			struct sk_buff *skb)
{
	__skb_queue_tail(&flow->packets, skb);
	packet_count(sched, flow, skb, true);
}

static void packet_unlink(struct vha_vsock_sched *sched, struct vha_vsock_flow *flow,
			  struct sk_buff *skb)
{
	__skb_unlink(skb, &flow->packets);
	packet_count(sched, flow, skb, false);
}

/* What a packet to the guest says of the connection's end. */
static void flow_shutdown(struct vha_vsock_sched *sched, struct vha_vsock_flow *flow,
			  const struct virtio_vsock_hdr *hdr)
{
	u32 flags = 0;

	if (hdr->op == cpu_to_le16(VIRTIO_VSOCK_OP_RST))
		flags = ENDED;
	else if (hdr->op == cpu_to_le16(VIRTIO_VSOCK_OP_SHUTDOWN))
		flags = le32_to_cpu(hdr->flags) & ENDED;
	flags |= flow->shutdown;
	if (flags == ENDED && flow->shutdown != ENDED)
		WRITE_ONCE(sched->ended, sched->ended + flow->memory);
	flow->shutdown = flags;
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
	flow_shutdown(sched, flow, virtio_vsock_hdr(skb));
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

/**
 * vha_vsock_sched_add_sibling() - queue a packet from a sibling machine
 * @sched: the scheduler
 * @skb: the packet, no longer the caller's if it is queued
 * @limit: for the memory of all such packets
 * @replies: set to how many replies were taken out of the queue for it
 *
 * Context: process.
 * Return: whether it is queued; not if that were more than @limit.
 */
bool vha_vsock_sched_add_sibling(struct vha_vsock_sched *sched, struct sk_buff *skb,
				 u64 limit, unsigned int *replies)
{
	struct sk_buff *old = NULL;
	bool fits;

	*replies = 0;
	vha_vsock_cb(skb)->sibling = skb->truesize;
	spin_lock_bh(&sched->lock);
	fits = sched->bytes + skb->truesize <= limit;
	if (fits)
		old = flow_add(sched, flow_of(sched, virtio_vsock_hdr(skb)), skb);
	spin_unlock_bh(&sched->lock);
	if (old) {
		*replies = virtio_vsock_skb_reply(old);
		consume_skb(old);
	}
	return fits;
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_sched_add_sibling);

/* The flow whose turn it is, or NULL when all are empty. */
static struct vha_vsock_flow *flow_next(struct vha_vsock_sched *sched)
{
	struct vha_vsock_flow *flow;
	bool fresh;

	lockdep_assert_held(&sched->lock);
	for (;;) {
		fresh = !list_empty(&sched->fresh) &&
			(sched->lead < VHA_VSOCK_LEAD || list_empty(&sched->turns));
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

/* Memory of a packet that is being sent still counts, if it came from a sibling. */
static void packet_take(struct vha_vsock_sched *sched, struct vha_vsock_flow *flow,
			struct sk_buff *skb)
{
	packet_unlink(sched, flow, skb);
	WRITE_ONCE(sched->bytes, sched->bytes + vha_vsock_cb(skb)->sibling);
	vha_vsock_cb(skb)->over = false;
	__skb_queue_tail(&sched->taken, skb);
}

/**
 * vha_vsock_sched_take() - the packet to send next
 * @sched: the scheduler
 *
 * Ends with vha_vsock_sched_finish(), before the next one is taken.
 *
 * Context: callers serialise.
 * Return: the packet, the one that was kept or the caller's from now on, or NULL.
 */
struct sk_buff *vha_vsock_sched_take(struct vha_vsock_sched *sched)
{
	struct sk_buff *skb = skb_peek(&sched->taken);
	struct vha_vsock_flow *flow;

	if (skb)
		return skb;
	spin_lock_bh(&sched->lock);
	flow = flow_next(sched);
	if (flow) {
		skb = skb_peek(&flow->packets);
		packet_take(sched, flow, skb);
		sched->serving = flow;
	}
	spin_unlock_bh(&sched->lock);
	return skb;
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_sched_take);

/* Whether the guest can not tell where one of them ends and the other begins. */
static bool can_share(struct sk_buff *skb, struct sk_buff *last)
{
	const struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(skb);
	const struct virtio_vsock_hdr *old = virtio_vsock_hdr(last);

	return is_data(hdr) && hdr->type == cpu_to_le16(VIRTIO_VSOCK_TYPE_STREAM) &&
	       is_data(old) && hdr->type == old->type &&
	       !hdr->flags && !old->flags && same_connection(hdr, old);
}

/**
 * vha_vsock_sched_more() - one more packet, for the same buffer
 * @sched: the scheduler, of which at least one packet is taken
 *
 * Context: callers serialise.
 * Return: the packet that comes after those taken, now one of them, or NULL when
 * there is none or it needs a buffer of its own.
 */
struct sk_buff *vha_vsock_sched_more(struct vha_vsock_sched *sched)
{
	struct sk_buff *skb, *last = skb_peek_tail(&sched->taken);
	struct vha_vsock_flow *flow = sched->serving;

	/* Whoever adds one now is late, and nothing is lost by that. */
	if (!is_data(virtio_vsock_hdr(last)) || skb_queue_empty_lockless(&flow->packets))
		return NULL;
	spin_lock_bh(&sched->lock);
	skb = skb_peek(&flow->packets);
	if (skb && can_share(skb, last))
		packet_take(sched, flow, skb);
	else
		skb = NULL;
	spin_unlock_bh(&sched->lock);
	return skb;
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_sched_more);

/*
 * Charges the flow of what is taken with what was sent of it. Credit and lead are
 * those of who takes packets.
 */
static void flow_charge(struct vha_vsock_sched *sched, u32 sent)
{
	sched->serving->credit -= sent;
	if (list_empty(&sched->turns))
		sched->lead = 0;
	else if (sched->ahead)
		sched->lead += sent;
	else
		sched->lead -= min(sched->lead, sent);
}

/* Whether the flow that is being served would be next with @sent more bytes sent. */
static bool flow_stays(const struct vha_vsock_sched *sched, u32 sent)
{
	if (sched->serving->credit <= (s64)sent)
		return false;
	if (sched->ahead)
		return sched->lead + sent < VHA_VSOCK_LEAD || list_empty(&sched->turns);
	/* Who comes after this look has come too late by no more than a piece. */
	return list_empty(&sched->fresh);
}

/**
 * vha_vsock_sched_keep() - keep a packet of which a piece was sent
 * @sched: the scheduler
 * @sent: bytes sent of all that is taken; counted only if the packet is kept
 *
 * Without the lock.
 *
 * Context: callers serialise.
 * Return: whether vha_vsock_sched_take() returns it again; if not, what is taken
 * is to be finished.
 */
bool vha_vsock_sched_keep(struct vha_vsock_sched *sched, u32 sent)
{
	struct sk_buff *skb = skb_peek(&sched->taken);

	if (skb_queue_len(&sched->taken) != 1 || READ_ONCE(vha_vsock_cb(skb)->over) ||
	    !flow_stays(sched, sent))
		return false;
	flow_charge(sched, sent);
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_sched_keep);

/**
 * vha_vsock_sched_finish() - what was taken is sent, or not, or in part
 * @sched: the scheduler
 * @sent: bytes sent, that were not counted before
 * @list: where to put the packets that are over, which are the caller's then
 *
 * All others go back to where they came from. Over are those the caller said so
 * of, and those whose connection's packets were dropped meanwhile.
 *
 * Context: callers serialise.
 */
void vha_vsock_sched_finish(struct vha_vsock_sched *sched, u32 sent, struct sk_buff_head *list)
{
	struct vha_vsock_flow *flow = sched->serving;
	struct sk_buff *skb;

	if (!flow)
		return;
	spin_lock_bh(&sched->lock);
	flow_charge(sched, sent);
	while ((skb = __skb_dequeue_tail(&sched->taken))) {
		/* It counted all the time. */
		WRITE_ONCE(sched->bytes, sched->bytes - vha_vsock_cb(skb)->sibling);
		if (vha_vsock_cb(skb)->over) {
			__skb_queue_head(list, skb);
			continue;
		}
		__skb_queue_head(&flow->packets, skb);
		packet_count(sched, flow, skb, true);
	}
	sched->serving = NULL;
	spin_unlock_bh(&sched->lock);
}
EXPORT_SYMBOL_IF_KUNIT(vha_vsock_sched_finish);

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

/* Packets nobody wants any more: those with all of what is set. */
struct unwanted {
	const struct sock *sk;
	const struct virtio_vsock_hdr *hdr;
	bool data;
};

static bool is_unwanted(struct sk_buff *skb, const struct unwanted *unwanted)
{
	const struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(skb);

	return (!unwanted->sk || skb->sk == unwanted->sk) &&
	       (!unwanted->hdr || same_connection(hdr, unwanted->hdr)) &&
	       (!unwanted->data || is_data(hdr));
}

static void flow_cancel(struct vha_vsock_sched *sched, struct vha_vsock_flow *flow,
			const struct unwanted *unwanted, struct sk_buff_head *list)
{
	struct sk_buff *skb, *next;

	skb_queue_walk_safe(&flow->packets, skb, next) {
		if (!is_unwanted(skb, unwanted))
			continue;
		packet_unlink(sched, flow, skb);
		__skb_queue_tail(list, skb);
	}
	if (sched->serving != flow)
		return;
	skb_queue_walk(&sched->taken, skb)
		if (is_unwanted(skb, unwanted))
			WRITE_ONCE(vha_vsock_cb(skb)->over, true);
}

static void flows_cancel(struct vha_vsock_sched *sched, const struct sock *sk,
			 struct sk_buff_head *list)
{
	const struct unwanted unwanted = { .sk = sk };
	struct vha_vsock_flow *flow;
	unsigned int bucket;

	hash_for_each(sched->flows, bucket, flow, node)
		flow_cancel(sched, flow, &unwanted, list);
	flow_cancel(sched, &sched->shared, &unwanted, list);
}

/**
 * vha_vsock_sched_cancel() - drop the packets of a socket
 * @sched: the scheduler
 * @sk: the socket, NULL for all packets
 *
 * One that was taken is not put back.
 *
 * Return: how many of the others were replies.
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
 * vha_vsock_sched_drop() - take the packets of a connection out of the queue
 * @sched: the scheduler
 * @hdr: has its addresses, as seen by the guest
 * @data: only those with data
 * @list: where to put them
 *
 * One that was taken is not put back.
 */
void vha_vsock_sched_drop(struct vha_vsock_sched *sched, const struct virtio_vsock_hdr *hdr,
			  bool data, struct sk_buff_head *list)
{
	const struct unwanted unwanted = { .hdr = hdr, .data = data };
	struct vha_vsock_flow *flow;

	spin_lock_bh(&sched->lock);
	flow = flow_find(sched, hdr);
	if (flow)
		flow_cancel(sched, flow, &unwanted, list);
	flow_cancel(sched, &sched->shared, &unwanted, list);
	spin_unlock_bh(&sched->lock);
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
