// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving: packets of the back end go into buffers of the driver
 *
 * The worker turns to a receive queue when the back end has packets, and when
 * the driver gave buffers for which packets wait. Buffers without packets are
 * never taken, so there is nothing to give back when the queue stops.
 */
#include <linux/sched/signal.h>
#include <net/sock.h>

#include "net.h"
#include "trace.h"

/**
 * vha_net_received() - let the driver have what was received so far
 * @q: the queue
 */
void vha_net_received(struct vha_net_queue *q)
{
	struct vha_net_rx *rx = q->rx;

	if (!rx->nr_used)
		return;
	vha_queue_used_many(&q->vq, rx->used, rx->nr_used);
	rx->nr_used = 0;
}

static void drop(struct vha_net_queue *q, enum vha_net_drop reason, int error)
{
	vha_net_count(q, VHA_NET_DROPPED, 1);
	trace_vha_net_drop(&q->vq, reason, 1, error);
}

/* One piece of memory, as most packets have, is the cheaper one to walk through. */
static void buffers_iter(const struct vha_net_rx *rx, struct iov_iter *iter, u32 len)
{
	if (likely(rx->nr_iov == 1))
		iov_iter_ubuf(iter, ITER_DEST, rx->iov[0].iov_base, len);
	else
		iov_iter_init(iter, ITER_DEST, rx->iov, rx->nr_iov, len);
}

/* What only we know of the header, or all of it: see &struct vha_net. */
static bool write_header(struct vha_net_queue *q, u32 len,
			 const struct vha_net_hash_value *hash)
{
	u8 header[VHA_NET_HEADER_MAX] = {};
	struct vha_net *net = net_of(q);
	struct iov_iter at;

	if (net->num_buffers)
		vha_net_header_tail(header + VHA_NET_TAIL_OFFSET, q->rx->nr_heads, hash);
	buffers_iter(q->rx, &at, len);
	iov_iter_advance(&at, net->own_at);
	return copy_to_iter(header + net->own_at, net->own_len, &at) == net->own_len;
}

/*
 * The back end has written the rest. Mostly this is the number of buffers alone,
 * and in one place.
 */
static bool complete_header(struct vha_net_queue *q, u32 len,
			    const struct vha_net_hash_value *hash)
{
	const struct iovec *first = &q->rx->iov[0];
	struct vha_net *net = net_of(q);

	if (net->own_len == sizeof(__le16) &&
	    first->iov_len >= VHA_NET_TAIL_OFFSET + sizeof(__le16))
		return !put_user(cpu_to_le16(q->rx->nr_heads),
				 (__le16 __user *)(first->iov_base + VHA_NET_TAIL_OFFSET));
	return !net->own_len || write_header(q, len, hash);
}

/* Has the back end write the packet to the gathered buffers. */
static int write_packet(struct vha_net_queue *q, u32 len)
{
	struct vha_net *net = net_of(q);
	struct socket *sock = q->backend.sock;
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct vha_net_hash_value hash = {};
	u32 own = net->header - net->vnet;
	int ret;

	buffers_iter(q->rx, &msg.msg_iter, len);
	if (own)
		iov_iter_advance(&msg.msg_iter, own);
	msg.msg_control = vha_net_source_take(q);
	/* Most drivers want no hash. */
	if (rcu_access_pointer(net->hash) && msg.msg_control)
		vha_net_hash_packet(q, msg.msg_control, &hash);
	ret = sock->ops->recvmsg(sock, &msg, len - own, MSG_DONTWAIT | MSG_TRUNC);
	if (ret < 0)
		return ret;
	/* The VMM could have taken a packet from its socket meanwhile. */
	if (ret != len - own)
		return -EPROTO;
	return complete_header(q, len, &hash) ? 0 : -EFAULT;
}

static void log_packet(struct vha_net_queue *q, u32 len)
{
	struct vha_cursor cursor = { .seg = q->rx->segs, .nr = q->rx->nr_segs };

	if (vha_log_enabled(&q->vq))
		vha_log_cursor(&q->vq, &cursor, len);
}

/* The gathered buffers go back to the driver. */
static void keep_buffers(struct vha_net_queue *q)
{
	struct vha_net_rx *rx = q->rx;

	if (rx->nr_bad) {
		vha_net_count(q, VHA_NET_MALFORMED, rx->nr_bad);
		trace_vha_net_drop(&q->vq, VHA_NET_DROP_BUFFER, rx->nr_bad, -EINVAL);
	}
	rx->nr_used += rx->nr_heads;
	rx->nr_heads = 0;
	if (rx->nr_used >= VHA_NET_BATCH)
		vha_net_received(q);
}

static void finish_packet(struct vha_net_queue *q, u32 len)
{
	struct vha_net_rx *rx = q->rx;

	trace_vha_net_receive(&q->vq, len, rx->nr_heads);
	vha_net_count(q, VHA_NET_PACKETS, 1);
	vha_net_count(q, VHA_NET_BYTES, len - net_of(q)->header);
	if (rx->nr_heads > 1)
		vha_net_count(q, VHA_NET_MERGED, 1);
	keep_buffers(q);
}

/*
 * Returns 0 when there may be more to do, also after a packet that was dropped,
 * or as vha_net_merge_gather().
 */
static int receive_packet(struct vha_net_queue *q, u32 len)
{
	int ret = vha_net_merge_gather(q, len);

	if (ret == -EBADMSG) {
		keep_buffers(q);
		return 0;
	}
	if (ret == -EMSGSIZE) {
		vha_net_source_drop(q);
		drop(q, VHA_NET_DROP_TOO_BIG, ret);
		return 0;
	}
	if (ret)
		return ret;
	ret = write_packet(q, len);
	/* Of a packet that was not written a part may have been. */
	log_packet(q, len);
	if (ret) {
		vha_net_merge_undo(q);
		/* Nothing was taken: the socket only said that its device went down. */
		if (ret != -ENETDOWN || q->backend.ring)
			drop(q, VHA_NET_DROP_VANISHED, ret);
		return 0;
	}
	finish_packet(q, len);
	return 0;
}

static bool packet_waits(struct vha_queue *vq)
{
	return vha_net_source_peek(to_net_queue(vq)) >= 0;
}

/* Returns whether there is a packet after all. */
static bool wait_for_packet(struct vha_net_queue *q)
{
	vha_net_received(q);
	if (vha_queue_poll(&q->vq, packet_waits))
		return true;
	vha_net_wait_begin(q);
	if (!packet_waits(&q->vq))
		return false;
	vha_queue_end_idle(&q->vq);
	vha_net_wait_end(q);
	return true;
}

/* Returns whether there are buffers after all. */
static bool wait_for_buffers(struct vha_net_queue *q)
{
	vha_net_received(q);
	vha_net_count(q, VHA_NET_NO_BUFFERS, 1);
	if (!vha_queue_enable_kick(&q->vq))
		return false;
	vha_queue_disable_kick(&q->vq);
	return true;
}

/* Returns bytes moved, or a negative number when there is nothing left to do. */
static int receive_next(struct vha_net_queue *q)
{
	int len = vha_net_source_peek(q);
	int ret;

	if (len < 0)
		return wait_for_packet(q) ? 0 : -EAGAIN;
	len += net_of(q)->header;
	ret = receive_packet(q, len);
	if (ret == -ENOBUFS)
		return wait_for_buffers(q) ? 0 : -EAGAIN;
	return ret ?: len;
}

/**
 * vha_net_receive() - a turn of a receive queue
 * @q: the queue
 */
void vha_net_receive(struct vha_net_queue *q)
{
	unsigned int packets = 0;
	u64 bytes = 0;
	int ret;

	vha_queue_end_idle(&q->vq);
	vha_net_wait_end(q);
	do {
		ret = receive_next(q);
		if (ret < 0)
			break;
		bytes += ret;
	} while (!vha_queue_turn_over(&q->vq, ++packets, bytes));
	vha_net_received(q);
	if (ret >= 0)
		vha_queue_kick(&q->vq);
}
