// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets to the guest
 */
#include "trace.h"
#include "vsock.h"

/**
 * vha_vsock_replies_gone() - answers to the guest have left
 * @vsock: the guest's device
 * @nr: how many; zero is possible
 *
 * Context: process, also under RCU.
 */
void vha_vsock_replies_gone(struct vha_vsock *vsock, unsigned int nr)
{
	int left;

	if (!nr)
		return;
	/* A full barrier: who sees too many of them before is turned to after. */
	left = atomic_sub_return(nr, &vsock->replies);
	if (left < VHA_VSOCK_REPLIES && left + (int)nr >= VHA_VSOCK_REPLIES)
		vha_queue_kick(vsock->dev.vqs[VSOCK_VQ_TX]);
}

/**
 * vha_vsock_queue_packet() - send a packet to the guest when its turn comes
 * @vsock: the guest's device
 * @skb: the packet, no longer the caller's
 *
 * Context: process, also under RCU.
 */
void vha_vsock_queue_packet(struct vha_vsock *vsock, struct sk_buff *skb)
{
	if (virtio_vsock_skb_reply(skb))
		atomic_inc(&vsock->replies);
	vha_vsock_replies_gone(vsock, vha_vsock_sched_add(&vsock->sched, skb));
	vha_queue_kick(vsock->dev.vqs[VSOCK_VQ_RX]);
}

/**
 * vha_vsock_queue_sibling() - send a packet of a sibling to the guest
 * @vsock: the guest's device
 * @skb: the packet, no longer the caller's if it is queued
 *
 * Context: process, also under RCU.
 * Return: whether it is queued, which it is not when too much waits.
 */
bool vha_vsock_queue_sibling(struct vha_vsock *vsock, struct sk_buff *skb)
{
	unsigned int replies;

	if (!vha_vsock_sched_add_sibling(&vsock->sched, skb, VHA_VSOCK_SIBLING_BYTES,
					 &replies))
		return false;
	vha_vsock_replies_gone(vsock, replies);
	vha_queue_kick(vsock->dev.vqs[VSOCK_VQ_RX]);
	return true;
}

/* A packet that is in no queue any more. */
static void packet_over(struct vha_vsock *vsock, struct sk_buff *skb)
{
	bool reply = virtio_vsock_skb_reply(skb);

	virtio_transport_consume_skb_sent(skb, true);
	vha_vsock_replies_gone(vsock, reply);
}

/**
 * vha_vsock_drop() - drop packets of a connection
 * @vsock: the guest's device
 * @hdr: has its addresses, as seen by the guest
 * @data: only those with data
 *
 * Context: process, also under RCU.
 * Return: how many.
 */
unsigned int vha_vsock_drop(struct vha_vsock *vsock, const struct virtio_vsock_hdr *hdr,
			    bool data)
{
	struct sk_buff_head list;
	unsigned int dropped;
	struct sk_buff *skb;

	__skb_queue_head_init(&list);
	vha_vsock_sched_drop(&vsock->sched, hdr, data, &list);
	dropped = skb_queue_len(&list);
	while ((skb = __skb_dequeue(&list)))
		packet_over(vsock, skb);
	return dropped;
}

/* What was taken is sent as far as it says, and the rest stays if it is wanted. */
static void finish(struct vha_vsock *vsock, u32 sent)
{
	struct sk_buff_head list;
	struct sk_buff *skb;

	__skb_queue_head_init(&list);
	vha_vsock_sched_finish(&vsock->sched, sent, &list);
	while ((skb = __skb_dequeue(&list)))
		packet_over(vsock, skb);
}

/**
 * vha_vsock_send_end() - no more buffers for now: nothing is kept
 * @vq: the receive queue
 */
void vha_vsock_send_end(struct vha_queue *vq)
{
	finish(to_vsock(vq->dev), 0);
}

/* The guest's buffer is of no use. */
static int discard(struct vha_queue *vq, const struct vha_chain *chain)
{
	finish(to_vsock(vq->dev), 0);
	vha_vsock_count(vq, VHA_VSOCK_MALFORMED, 1);
	trace_vha_vsock_discard(vq, &chain->token, VHA_VSOCK_MALFORMED);
	vha_vsock_used(vq, &chain->token, 0);
	return 0;
}

/* What was kept is given up when nobody wants it any more. */
static struct sk_buff *next_packet(struct vha_vsock *vsock)
{
	struct sk_buff *skb = vha_vsock_sched_take(&vsock->sched);

	if (!skb || !READ_ONCE(vha_vsock_cb(skb)->over))
		return skb;
	finish(vsock, 0);
	return vha_vsock_sched_take(&vsock->sched);
}

/* Bytes of a packet that are not sent yet. */
static u32 left_of(struct sk_buff *skb)
{
	return skb->len - VIRTIO_VSOCK_SKB_CB(skb)->offset;
}

/*
 * Takes as many packets as fill the buffer. The header of each then tells how much of
 * it goes there. Returns bytes of data.
 */
static u32 gather(struct vha_vsock_sched *sched, struct sk_buff *skb, u32 room)
{
	u32 total = 0;

	do {
		total += vha_vsock_piece(virtio_vsock_hdr(skb), left_of(skb), room - total);
		skb = total < room ? vha_vsock_sched_more(sched) : NULL;
	} while (skb);
	return total;
}

/* What the header of a packet says of it, from where that is to be sent. */
static int copy_part(struct vha_queue *vq, struct vha_cursor *cursor, struct sk_buff *skb)
{
	return vha_vsock_copy_to(vq, cursor, skb, VIRTIO_VSOCK_SKB_CB(skb)->offset,
				 le32_to_cpu(virtio_vsock_hdr(skb)->len));
}

/* One header for all that was taken: the last one, which has the latest credit. */
static int copy_all(struct vha_queue *vq, const struct vha_chain *chain, u32 total)
{
	struct sk_buff_head *taken = &to_vsock(vq->dev)->sched.taken;
	struct virtio_vsock_hdr hdr = *virtio_vsock_hdr(skb_peek_tail(taken));
	struct vha_cursor cursor = vha_chain_in(chain);
	struct sk_buff *skb;
	int ret;

	hdr.len = cpu_to_le32(total);
	ret = vha_copy_to(vq, &cursor, &hdr, sizeof(hdr));
	skb_queue_walk(taken, skb) {
		if (ret)
			break;
		ret = copy_part(vq, &cursor, skb);
	}
	return ret;
}

/* The header and what follows it, where it follows it in memory. */
static int copy_one(struct vha_queue *vq, const struct vha_chain *chain, struct sk_buff *skb,
		    u32 len)
{
	struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(skb);
	struct vha_cursor cursor = vha_chain_in(chain);

	return vha_copy_to(vq, &cursor, hdr, sizeof(*hdr) + len);
}

static bool is_one(const struct vha_vsock_sched *sched, struct sk_buff *skb)
{
	return skb_queue_len(&sched->taken) == 1 && !skb_is_nonlinear(skb) &&
	       !VIRTIO_VSOCK_SKB_CB(skb)->offset &&
	       skb_headroom(skb) == sizeof(struct virtio_vsock_hdr);
}

/* Returns bytes of data copied, or -EFAULT. */
static int copy_taken(struct vha_queue *vq, const struct vha_chain *chain, struct sk_buff *skb)
{
	struct vha_vsock_sched *sched = &to_vsock(vq->dev)->sched;
	u32 total = gather(sched, skb, chain->in_len - sizeof(struct virtio_vsock_hdr));
	int ret;

	if (is_one(sched, skb))
		ret = copy_one(vq, chain, skb, total);
	else
		ret = copy_all(vq, chain, total);
	return ret ?: total;
}

static void part_sent(struct vha_queue *vq, struct sk_buff *skb)
{
	virtio_transport_deliver_tap_pkt(skb);
	VIRTIO_VSOCK_SKB_CB(skb)->offset += le32_to_cpu(virtio_vsock_hdr(skb)->len);
	if (!left_of(skb)) {
		WRITE_ONCE(vha_vsock_cb(skb)->over, true);
		return;
	}
	virtio_vsock_skb_clear_tap_delivered(skb);
	vha_vsock_count(vq, VHA_VSOCK_SPLIT, 1);
}

static void taken_sent(struct vha_queue *vq, u32 len, __le32 flags)
{
	struct vha_vsock *vsock = to_vsock(vq->dev);
	u32 sent = sizeof(struct virtio_vsock_hdr) + len;
	struct sk_buff *skb;

	vha_vsock_count(vq, VHA_VSOCK_BYTES, len);
	vha_vsock_count(vq, VHA_VSOCK_PACKETS, 1);
	vha_vsock_count(vq, VHA_VSOCK_JOINED, skb_queue_len(&vsock->sched.taken) - 1);
	skb_queue_walk(&vsock->sched.taken, skb)
		part_sent(vq, skb);
	virtio_vsock_hdr(skb_peek(&vsock->sched.taken))->flags = flags;
	if (!vha_vsock_sched_keep(&vsock->sched, sent))
		finish(vsock, sent);
}

/**
 * vha_vsock_send() - serve a buffer of the receive queue
 * @vq: the queue
 * @chain: the buffer
 *
 * Return: as &typedef vha_chain_fn.
 */
int vha_vsock_send(struct vha_queue *vq, struct vha_chain *chain)
{
	struct sk_buff *skb = next_packet(to_vsock(vq->dev));
	__le32 flags;
	u32 need;
	int len;

	if (!skb)
		return -EAGAIN;
	need = sizeof(struct virtio_vsock_hdr) + (left_of(skb) ? 1 : 0);
	if (chain->out_num || chain->in_len < need)
		return discard(vq, chain);
	/* What is not the end of a message does not say so, this time. */
	flags = virtio_vsock_hdr(skb)->flags;
	len = copy_taken(vq, chain, skb);
	if (len < 0) {
		virtio_vsock_hdr(skb)->flags = flags;
		return discard(vq, chain);
	}
	trace_vha_vsock_packet(vq, virtio_vsock_hdr(skb), len);
	vha_vsock_used(vq, &chain->token, sizeof(struct virtio_vsock_hdr) + len);
	taken_sent(vq, len, flags);
	return 0;
}
