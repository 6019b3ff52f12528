// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames from the bus: from the socket to the driver
 *
 * The socket is read whenever it has something, whether or not the driver has
 * buffers: confirmations of transmitted frames come the same way and must not
 * wait behind frames nobody takes. So frames go through a queue of our own, and
 * what finds that full is counted and gone, as in a controller of hardware.
 */
#include <linux/can/error.h>

#include "can.h"
#include "trace.h"

/* Frames read before others get their turn. */
#define READ_BATCH	64

static void drop(struct vha_can *can, const struct vha_can_frame *frame,
		 enum vha_can_stat stat)
{
	vha_can_count(can_queue(can, VHA_CAN_RX), stat, 1);
	trace_vha_can_drop(&can->dev, frame, stat);
}

/* A frame of ours was seen on the bus. The driver never receives those. */
static void got_own(struct vha_can *can, const struct vha_can_frame *frame)
{
	struct vha_queue *vq = can_queue(can, VHA_CAN_TX);
	bool found;

	if (!vha_device_feature(&can->dev, VIRTIO_CAN_F_LATE_TX_ACK))
		return;
	spin_lock(&can->lock);
	found = vha_can_flight_confirm(&can->flight, frame);
	spin_unlock(&can->lock);
	if (found)
		vha_can_finish(can);
	else
		vha_can_count(vq, VHA_CAN_TX_STRAYS, 1);
}

/* Of all errors the driver can be told of one. */
static void got_error(struct vha_can *can, const struct vha_can_frame *frame)
{
	vha_can_count(can_queue(can, VHA_CAN_RX), VHA_CAN_ERROR_FRAMES, 1);
	if (frame->cf.can_id & CAN_ERR_BUSOFF)
		vha_can_lost(can);
}

static void got_frame(struct vha_can *can, const struct vha_can_frame *frame)
{
	bool room;

	if (!vha_can_started(can)) {
		drop(can, frame, VHA_CAN_RX_STALE);
		return;
	}
	if (!vha_can_frame_wanted(frame, can->dev.acked[0])) {
		drop(can, frame, VHA_CAN_RX_FILTERED);
		return;
	}
	spin_lock(&can->lock);
	room = vha_can_fifo_put(&can->fifo, frame);
	spin_unlock(&can->lock);
	if (room)
		vha_queue_kick(can_queue(can, VHA_CAN_RX));
	else
		drop(can, frame, VHA_CAN_RX_DROPPED);
}

static void dispatch(struct vha_can *can, const struct vha_can_frame *frame, bool own)
{
	if (frame->cf.can_id & CAN_ERR_FLAG)
		got_error(can, frame);
	else if (own)
		got_own(can, frame);
	else
		got_frame(can, frame);
}

static void count_overruns(struct vha_can *can)
{
	int drops = vha_can_socket_drops(&can->socket);

	lockdep_assert_held(&can->read_mutex);
	vha_can_count(can_queue(can, VHA_CAN_RX), VHA_CAN_RX_OVERRUNS,
		      (u32)drops - (u32)can->drops);
	can->drops = drops;
}

/* Returns whether to go on. */
static bool read_one(struct vha_can *can)
{
	struct vha_can_frame frame;
	bool own;

	switch (vha_can_socket_receive(&can->socket, &frame, &own)) {
	case 0:
		dispatch(can, &frame, own);
		return true;
	case -EAGAIN:
		return false;
	case -EBADMSG:
		drop(can, &frame, VHA_CAN_RX_FILTERED);
		return true;
	case -ENETDOWN:
	case -ENODEV:
		/* Frames from before may follow. */
		vha_can_lost(can);
		return true;
	default:
		vha_can_lost(can);
		return false;
	}
}

/**
 * vha_can_read() - read the socket until it is empty, or for a while
 * @can: the controller, with a socket
 *
 * Context: process, &vha_can.read_mutex held.
 * Return: whether there may be more.
 */
bool vha_can_read(struct vha_can *can)
{
	unsigned int n = 0;

	lockdep_assert_held(&can->read_mutex);
	while (n < READ_BATCH && read_one(can))
		n++;
	count_overruns(can);
	return n == READ_BATCH;
}

/**
 * vha_can_read_work() - the socket has something
 * @work: &vha_can.read_work
 *
 * May run when the queue it is named after is stopped, and later than the
 * socket is there.
 */
void vha_can_read_work(struct vha_work *work)
{
	struct vha_can *can = container_of(work, struct vha_can, read_work);
	bool more = false;

	mutex_lock(&can->read_mutex);
	if (can->socket.sock)
		more = vha_can_read(can);
	mutex_unlock(&can->read_mutex);
	if (more)
		vha_queue_work(can_queue(can, VHA_CAN_RX), &can->read_work);
}

/**
 * vha_can_wake() - something happened to the socket
 * @socket: the socket
 * @events: what
 *
 * Context: any. While the controller is stopped nobody reads: what comes in
 * meanwhile is of no use, and starting it discards that.
 */
void vha_can_wake(struct vha_can_socket *socket, __poll_t events)
{
	struct vha_can *can = container_of(socket, struct vha_can, socket);

	if (events & (EPOLLIN | EPOLLERR) && vha_can_started(can))
		vha_queue_work(can_queue(can, VHA_CAN_RX), &can->read_work);
	if (events & (EPOLLOUT | EPOLLERR) && READ_ONCE(can->held))
		vha_queue_kick(can_queue(can, VHA_CAN_TX));
}

/**
 * vha_can_poll() - as &vha_class.poll
 * @vq: the queue that is polled
 */
bool vha_can_poll(struct vha_queue *vq)
{
	struct vha_can *can = to_can(vq->dev);

	if (!vha_can_started(can) || !vha_can_socket_pending(&can->socket) ||
	    !mutex_trylock(&can->read_mutex))
		return false;
	vha_can_read(can);
	mutex_unlock(&can->read_mutex);
	return true;
}

/**
 * vha_can_flush() - discard what was received so far
 * @can: the controller
 * @queued: frames that waited in the socket then
 *
 * Context: process, &vha_can.read_mutex held.
 * Return: 0, or the errno of an interface that went down or was removed since.
 */
int vha_can_flush(struct vha_can *can, u32 queued)
{
	struct vha_can_frame frame;
	int ret, error = 0;
	u32 stale;
	bool own;

	lockdep_assert_held(&can->read_mutex);
	spin_lock(&can->lock);
	stale = vha_can_fifo_clear(&can->fifo);
	spin_unlock(&can->lock);
	while (queued) {
		ret = vha_can_socket_receive(&can->socket, &frame, &own);
		if (ret && ret != -EBADMSG) {
			/* An interface says so once, and then the frames come. */
			if (ret == -EAGAIN || error)
				break;
			error = ret;
			continue;
		}
		if (ret || (!own && !(frame.cf.can_id & CAN_ERR_FLAG)))
			stale++;
		queued--;
	}
	count_overruns(can);
	vha_can_count(can_queue(can, VHA_CAN_RX), VHA_CAN_RX_STALE, stale);
	return error;
}

/* Copies the message; the frame is gone unless that fails. */
static int deliver(struct vha_queue *vq, struct vha_chain *chain,
		   const struct vha_can_frame *frame, u32 at)
{
	struct vha_cursor cursor = vha_chain_in(chain);
	struct vha_can *can = to_can(vq->dev);
	u8 message[VHA_CAN_MESSAGE_MAX];
	u32 len = vha_can_frame_build(frame, message);

	if (vha_copy_to(vq, &cursor, message, len))
		return -EFAULT;
	spin_lock(&can->lock);
	vha_can_fifo_drop(&can->fifo, at);
	spin_unlock(&can->lock);
	vha_can_count(vq, VHA_CAN_RX_FRAMES, 1);
	trace_vha_can_receive(vq->dev, frame, 0);
	vha_queue_used(vq, &chain->token, len);
	return 0;
}

/* The first frame that fits into a buffer of @len bytes. */
static bool next_frame(struct vha_can *can, u32 len, struct vha_can_frame *frame, u32 *at)
{
	bool found;

	spin_lock(&can->lock);
	while ((found = vha_can_fifo_peek(&can->fifo, frame, at))) {
		if (sizeof(struct virtio_can_rx) + frame->cf.len <= len)
			break;
		vha_can_fifo_drop(&can->fifo, *at);
		drop(can, frame, VHA_CAN_RX_SHORT);
	}
	spin_unlock(&can->lock);
	return found;
}

static int malformed(struct vha_queue *vq, const struct vha_chain *chain)
{
	vha_can_count(vq, VHA_CAN_MALFORMED, 1);
	trace_vha_can_malformed(vq);
	vha_queue_used(vq, &chain->token, 0);
	return 0;
}

static int serve(struct vha_queue *vq, struct vha_chain *chain)
{
	struct vha_can *can = to_can(vq->dev);
	struct vha_can_frame frame;
	u32 at;

	if (chain->in_len < sizeof(struct virtio_can_rx))
		return malformed(vq, chain);
	/* Whoever brings the next frame has us called again. */
	if (!vha_can_started(can) || !next_frame(can, chain->in_len, &frame, &at))
		return -EAGAIN;
	return deliver(vq, chain, &frame, at) ? malformed(vq, chain) : 0;
}

/**
 * vha_can_receive_run() - serve the receive queue
 * @vq: the queue
 */
void vha_can_receive_run(struct vha_queue *vq)
{
	vha_queue_drain(vq, serve);
}
