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

/*
 * @at is at the start of the buffers. The back end has written its own header,
 * but for the part that only we know, or none at all.
 */
static bool write_header(struct vha_net_queue *q, struct iov_iter *at,
			 const struct vha_net_hash_value *hash)
{
	struct vha_net *net = net_of(q);
	u8 header[VHA_NET_HEADER_MAX] = {};
	size_t from = 0, to = net->header;

	if (net->num_buffers)
		vha_net_header_tail(header + VHA_NET_TAIL_OFFSET, q->rx->nr_heads, hash);
	if (net->vnet) {
		if (!net->num_buffers)
			return true;
		from = VHA_NET_TAIL_OFFSET;
		to = vha_device_feature(&net->dev, VIRTIO_NET_F_HASH_REPORT) ?
			from + VHA_NET_TAIL_BYTES : sizeof(struct virtio_net_hdr_v1);
	}
	iov_iter_advance(at, from);
	return copy_to_iter(header + from, to - from, at) == to - from;
}

/* Has the back end write the packet to the gathered buffers. */
static int write_packet(struct vha_net_queue *q, u32 len)
{
	struct vha_net *net = net_of(q);
	struct socket *sock = q->backend.sock;
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct vha_net_hash_value hash = {};
	struct vha_net_rx *rx = q->rx;
	u32 own = net->header - net->vnet;
	struct iov_iter start;
	int ret;

	iov_iter_init(&msg.msg_iter, ITER_DEST, rx->iov, rx->nr_iov, len);
	start = msg.msg_iter;
	iov_iter_advance(&msg.msg_iter, own);
	msg.msg_control = vha_net_source_take(q);
	if (msg.msg_control)
		vha_net_hash_packet(q, msg.msg_control, &hash);
	ret = sock->ops->recvmsg(sock, &msg, len - own, MSG_DONTWAIT | MSG_TRUNC);
	if (ret < 0)
		return ret;
	/* The VMM could have taken a packet from its socket meanwhile. */
	if (ret != len - own)
		return -EPROTO;
	return write_header(q, &start, &hash) ? 0 : -EFAULT;
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

	vha_queue_begin_turn(&q->vq);
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
