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

/* What is left of a packet stays, if somebody still wants it. */
static void packet_put(struct vha_vsock *vsock, struct sk_buff *skb, u32 sent)
{
	if (!vha_vsock_sched_put(&vsock->sched, skb, sent))
		packet_over(vsock, skb);
}

/* The guest's buffer is of no use. */
static int discard(struct vha_queue *vq, const struct vha_chain *chain, struct sk_buff *skb)
{
	packet_put(to_vsock(vq->dev), skb, 0);
	vha_vsock_count(vq, VHA_VSOCK_MALFORMED, 1);
	trace_vha_vsock_discard(vq, &chain->token, VHA_VSOCK_MALFORMED);
	vha_queue_used(vq, &chain->token, 0);
	return 0;
}

static void packet_done(struct vha_vsock *vsock, struct sk_buff *skb, u32 sent)
{
	vha_vsock_sched_done(&vsock->sched, skb, sent);
	packet_over(vsock, skb);
}

/* Returns bytes of data copied, or -EFAULT. */
static int copy_piece(struct vha_queue *vq, const struct vha_chain *chain, struct sk_buff *skb)
{
	u32 offset = VIRTIO_VSOCK_SKB_CB(skb)->offset;
	struct vha_cursor cursor = vha_chain_in(chain);
	struct virtio_vsock_hdr *hdr = virtio_vsock_hdr(skb);
	u32 len;
	int ret;

	len = vha_vsock_piece(hdr, skb->len - offset, chain->in_len - sizeof(*hdr));
	ret = vha_copy_to(vq, &cursor, hdr, sizeof(*hdr));
	if (!ret)
		ret = vha_vsock_copy_to(vq, &cursor, skb, offset, len);
	return ret ?: len;
}

static void piece_sent(struct vha_queue *vq, struct sk_buff *skb, u32 len, __le32 flags)
{
	struct vha_vsock *vsock = to_vsock(vq->dev);

	virtio_transport_deliver_tap_pkt(skb);
	VIRTIO_VSOCK_SKB_CB(skb)->offset += len;
	if (VIRTIO_VSOCK_SKB_CB(skb)->offset < skb->len) {
		virtio_vsock_hdr(skb)->flags = flags;
		virtio_vsock_skb_clear_tap_delivered(skb);
		vha_vsock_count(vq, VHA_VSOCK_SPLIT, 1);
		packet_put(vsock, skb, sizeof(struct virtio_vsock_hdr) + len);
	} else {
		packet_done(vsock, skb, sizeof(struct virtio_vsock_hdr) + len);
	}
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
	struct sk_buff *skb = vha_vsock_sched_take(&to_vsock(vq->dev)->sched);
	u32 left, need;
	__le32 flags;
	int len;

	if (!skb)
		return -EAGAIN;
	left = skb->len - VIRTIO_VSOCK_SKB_CB(skb)->offset;
	need = sizeof(struct virtio_vsock_hdr) + (left ? 1 : 0);
	if (chain->out_num || chain->in_len < need)
		return discard(vq, chain, skb);
	flags = virtio_vsock_hdr(skb)->flags;
	len = copy_piece(vq, chain, skb);
	if (len < 0) {
		virtio_vsock_hdr(skb)->flags = flags;
		return discard(vq, chain, skb);
	}
	trace_vha_vsock_packet(vq, virtio_vsock_hdr(skb), len);
	vha_vsock_count(vq, VHA_VSOCK_BYTES, len);
	vha_vsock_count(vq, VHA_VSOCK_PACKETS, 1);
	vha_queue_used(vq, &chain->token, sizeof(struct virtio_vsock_hdr) + len);
	piece_sent(vq, skb, len, flags);
	return 0;
}
