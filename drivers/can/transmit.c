// SPDX-License-Identifier: GPL-2.0-only
/*
 * The transmit queue: frames from the driver to the bus
 *
 * A frame that the interface does not take just now stays in the ring, and with
 * it those behind it: nothing is lost, and nothing overtakes. What ends the wait
 * is the socket, or a timer, for an interface may make room without saying so.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>

#include "can.h"
#include "trace.h"

/* When to try again if nobody says that there is room. */
#define RETRY_NS	NSEC_PER_MSEC
/* When to see whether an interface came up or its controller back to the bus. */
#define LINK_NS		(20 * NSEC_PER_MSEC)

/**
 * vha_can_retry_timer() - try again
 * @timer: &vha_can.retry
 */
enum hrtimer_restart vha_can_retry_timer(struct hrtimer *timer)
{
	struct vha_can *can = container_of(timer, struct vha_can, retry);

	vha_queue_kick(can_queue(can, VHA_CAN_TX));
	return HRTIMER_NORESTART;
}

/* The frame stays in the ring. */
static int hold(struct vha_queue *vq, u64 ns)
{
	struct vha_can *can = to_can(vq->dev);

	vha_can_count(vq, VHA_CAN_TX_HELD, 1);
	WRITE_ONCE(can->held, true);
	if (ns)
		hrtimer_start(&can->retry, ns_to_ktime(ns), HRTIMER_MODE_REL);
	return -EAGAIN;
}

static int reject(struct vha_queue *vq, const struct vha_chain *chain, enum vha_can_stat stat)
{
	vha_can_count(vq, stat, 1);
	trace_vha_can_reject(vq, chain, stat);
	vha_can_return(vq, &chain->token, vha_chain_in(chain), VIRTIO_CAN_RESULT_NOT_OK);
	return 0;
}

/* The socket did not take the frame. */
static int refused(struct vha_queue *vq, const struct vha_chain *chain, int error)
{
	switch (error) {
	case -EAGAIN:
	case -ENOBUFS:
	case -ENOMEM:
		return hold(vq, RETRY_NS);
	case -ENETDOWN:
	case -ENODEV:
	case -ENXIO:
		vha_can_lost(to_can(vq->dev));
		return reject(vq, chain, VHA_CAN_TX_STOPPED);
	default:
		return reject(vq, chain, VHA_CAN_TX_ERRORS);
	}
}

/* Returns 0 when a frame can be sent, -EAGAIN after hold(), or -ENODEV. */
static int may_send(struct vha_queue *vq)
{
	struct vha_can *can = to_can(vq->dev);
	enum vha_can_link link = vha_can_socket_link(&can->socket);
	u64 delay;

	if (link == VHA_CAN_LINK_GONE)
		return -ENODEV;
	if (link == VHA_CAN_LINK_DOWN)
		return hold(vq, LINK_NS);
	if (!can->rate.interval)
		return 0;
	delay = vha_can_rate_delay(&can->rate, ktime_get_ns());
	return delay ? hold(vq, delay) : 0;
}

static int send(struct vha_queue *vq, const struct vha_can_frame *frame)
{
	struct vha_can *can = to_can(vq->dev);
	int ret = vha_can_socket_send(&can->socket, frame);

	trace_vha_can_transmit(vq->dev, frame, ret);
	if (ret)
		return ret;
	vha_can_count(vq, VHA_CAN_TX_FRAMES, 1);
	if (can->rate.interval)
		vha_can_rate_charge(&can->rate, ktime_get_ns());
	return 0;
}

/* Returned as soon as the socket has the frame. */
static int transmit_early(struct vha_queue *vq, const struct vha_chain *chain,
			  const struct vha_can_frame *frame)
{
	int ret = send(vq, frame);

	if (ret)
		return refused(vq, chain, ret);
	vha_can_return(vq, &chain->token, vha_chain_in(chain), VIRTIO_CAN_RESULT_OK);
	return 0;
}

/* Where the result goes is needed longer than the chain is valid. */
static void get_result_seg(const struct vha_chain *chain, struct vha_seg *seg)
{
	struct vha_cursor cursor = vha_chain_in(chain);

	/* Past empty segments. */
	vha_cursor_skip(&cursor, 0);
	*seg = (struct vha_seg) { .addr = cursor.seg->addr, .len = 1 };
}

static struct vha_can_entry *begin_flight(struct vha_can *can, const struct vha_chain *chain,
					  const struct vha_can_frame *frame, bool *started)
{
	struct vha_can_entry *entry = NULL;

	spin_lock(&can->lock);
	*started = vha_can_started(can);
	if (*started)
		entry = vha_can_flight_begin(&can->flight, vha_can_in_flight(can), frame);
	if (entry) {
		entry->token = chain->token;
		get_result_seg(chain, &entry->result_seg);
	}
	spin_unlock(&can->lock);
	return entry;
}

static void end_flight(struct vha_can *can, struct vha_can_entry *entry)
{
	u32 ms = vha_can_confirm_ms(can);
	bool settled;

	spin_lock(&can->lock);
	settled = vha_can_flight_sent(&can->flight, entry,
				      ktime_get_ns() + (u64)ms * NSEC_PER_MSEC);
	spin_unlock(&can->lock);
	/* It may be set to a later time, from before confirm_ms was changed. */
	if (settled)
		vha_can_finish(can);
	else
		timer_reduce(&can->confirm, jiffies + msecs_to_jiffies(ms) + 1);
}

static void abort_flight(struct vha_can *can, struct vha_can_entry *entry)
{
	bool stray;

	spin_lock(&can->lock);
	stray = vha_can_flight_abort(&can->flight, entry);
	spin_unlock(&can->lock);
	if (stray)
		vha_can_count(can_queue(can, VHA_CAN_TX), VHA_CAN_TX_STRAYS, 1);
}

/* Returned by vha_can_finish_work() when the frame was seen on the bus. */
static int transmit_late(struct vha_queue *vq, const struct vha_chain *chain,
			 const struct vha_can_frame *frame)
{
	struct vha_can *can = to_can(vq->dev);
	struct vha_can_entry *entry;
	bool started;
	int ret;

	entry = begin_flight(can, chain, frame, &started);
	if (!started)
		return reject(vq, chain, VHA_CAN_TX_STOPPED);
	/* vha_can_finish_work() has us called again. */
	if (!entry)
		return hold(vq, 0);
	ret = send(vq, frame);
	if (ret) {
		abort_flight(can, entry);
		return refused(vq, chain, ret);
	}
	end_flight(can, entry);
	return 0;
}

static int read_frame(struct vha_queue *vq, const struct vha_chain *chain,
		      struct vha_can_frame *frame)
{
	struct vha_cursor cursor = vha_chain_out(chain);
	struct virtio_can_tx_out header;
	int ret;

	ret = vha_copy_from(vq, &cursor, &header, sizeof(header));
	if (ret)
		return ret;
	if (!vha_can_frame_parse(frame, &header, vq->dev->acked[0]))
		return -EINVAL;
	if (frame->fd && to_can(vq->dev)->params.flags & VHA_CAN_F_BRS)
		frame->cf.flags |= CANFD_BRS;
	return vha_copy_from(vq, &cursor, frame->cf.data, vha_can_frame_payload(frame));
}

static int transmit(struct vha_queue *vq, const struct vha_chain *chain,
		    const struct vha_can_frame *frame)
{
	int ret = may_send(vq);

	if (ret == -EAGAIN)
		return ret;
	if (ret)
		return refused(vq, chain, ret);
	if (vha_queue_feature(vq, VIRTIO_CAN_F_LATE_TX_ACK))
		return transmit_late(vq, chain, frame);
	return transmit_early(vq, chain, frame);
}

static int serve(struct vha_queue *vq, struct vha_chain *chain)
{
	struct vha_can_frame frame;

	/* Without room for a result there is nothing to say. */
	if (!chain->in_len) {
		vha_can_return(vq, &chain->token, vha_chain_in(chain),
			       VIRTIO_CAN_RESULT_NOT_OK);
		return 0;
	}
	if (read_frame(vq, chain, &frame))
		return reject(vq, chain, VHA_CAN_TX_REJECTED);
	/* After that, for which the guest's memory can make us wait. */
	if (!vha_can_started(to_can(vq->dev)))
		return reject(vq, chain, VHA_CAN_TX_STOPPED);
	return transmit(vq, chain, &frame);
}

/**
 * vha_can_transmit_run() - serve the transmit queue
 * @vq: the queue
 */
void vha_can_transmit_run(struct vha_queue *vq)
{
	WRITE_ONCE(to_can(vq->dev)->held, false);
	vha_queue_drain(vq, serve);
}
