// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets from the back end
 *
 * A tap keeps them in a ring, from which we take many at once. The tap then
 * writes each to guest memory; until then it is ours. A packet socket keeps
 * them in its receive queue, where they stay until they are received.
 */
#include <linux/if_tun.h>
#include <linux/skb_array.h>
#include <net/sock.h>

#include "net.h"

static int packet_len(void *packet)
{
	if (tun_is_xdp_frame(packet))
		return tun_ptr_to_xdp(packet)->len;
	return __skb_array_len_with_tag(packet);
}

static bool ring_refill(struct vha_net_queue *q)
{
	struct ptr_ring *ring = q->backend.ring;
	struct vha_net_rx *rx = q->rx;

	rx->head = 0;
	spin_lock(&ring->consumer_lock);
	rx->tail = __ptr_ring_consume_batched(ring, rx->packets, VHA_NET_BATCH);
	if (rx->tail)
		tun_wake_queue(q->backend.file, rx->tail);
	spin_unlock(&ring->consumer_lock);
	if (rx->tail > 1)
		vha_net_count(q, VHA_NET_BATCHES, 1);
	return rx->tail;
}

static int ring_peek(struct vha_net_queue *q)
{
	struct vha_net_rx *rx = q->rx;

	if (rx->head == rx->tail && !ring_refill(q))
		return -EAGAIN;
	return packet_len(rx->packets[rx->head]);
}

/*
 * A tag the network card removed would have to be put back; receiving such a
 * packet gives fewer bytes than this says, so it is dropped.
 */
static int queue_peek(struct sock *sk)
{
	struct sk_buff *skb;
	unsigned long flags;
	int len = -EAGAIN;

	spin_lock_irqsave(&sk->sk_receive_queue.lock, flags);
	skb = skb_peek(&sk->sk_receive_queue);
	if (skb)
		len = __skb_array_len_with_tag(skb);
	spin_unlock_irqrestore(&sk->sk_receive_queue.lock, flags);
	return len;
}

/**
 * vha_net_source_peek() - how long the next packet is
 * @q: the queue
 *
 * Return: bytes, without a header of virtio, or -EAGAIN when there is none.
 */
int vha_net_source_peek(struct vha_net_queue *q)
{
	lockdep_assert_held(&q->vq.mutex);
	return q->backend.ring ? ring_peek(q) : queue_peek(q->backend.sock->sk);
}

/**
 * vha_net_source_take() - take the packet that was peeked at
 * @q: the queue
 *
 * Return: the packet, for the msg_control of the recvmsg() that is to write it,
 * which takes it over; NULL when that knows by itself where it is.
 */
void *vha_net_source_take(struct vha_net_queue *q)
{
	struct vha_net_rx *rx = q->rx;

	return q->backend.ring ? rx->packets[rx->head++] : NULL;
}

/**
 * vha_net_source_drop() - drop the packet that was peeked at
 * @q: the queue
 */
void vha_net_source_drop(struct vha_net_queue *q)
{
	struct socket *sock = q->backend.sock;
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };

	if (q->backend.ring) {
		tun_ptr_free(vha_net_source_take(q));
		return;
	}
	iov_iter_kvec(&msg.msg_iter, ITER_DEST, NULL, 0, 0);
	/* Of this nothing but the removal is wanted. */
	sock->ops->recvmsg(sock, &msg, 0, MSG_DONTWAIT | MSG_TRUNC);
}

/**
 * vha_net_source_restore() - give packets that were not received back
 * @q: the queue, about to stop
 */
void vha_net_source_restore(struct vha_net_queue *q)
{
	struct vha_net_rx *rx = q->rx;

	if (rx->head != rx->tail)
		ptr_ring_unconsume(q->backend.ring, rx->packets + rx->head,
				   rx->tail - rx->head, tun_ptr_free);
	rx->head = 0;
	rx->tail = 0;
}
