// SPDX-License-Identifier: GPL-2.0-only
/*
 * Returning messages: with a result, and those whose result comes later
 *
 * The results of frames in flight become known wherever the socket is read or
 * the controller stops. They are written by the transmit queue's worker, which
 * has the guest's memory at hand and serialises with transmission.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/sched.h>

#include "can.h"
#include "trace.h"

/**
 * vha_can_answer() - write a result
 * @vq: the queue
 * @cursor: start of the message's device-writable part
 * @result: VIRTIO_CAN_RESULT_*
 *
 * Context: a worker, queue mutex held.
 * Return: bytes written; 0 when there is no room or it is not in the guest's
 * memory.
 */
u32 vha_can_answer(struct vha_queue *vq, struct vha_cursor cursor, u8 result)
{
	if (!vha_copy_to(vq, &cursor, &result, sizeof(result)))
		return sizeof(result);
	vha_can_count(vq, VHA_CAN_MALFORMED, 1);
	trace_vha_can_malformed(vq);
	return 0;
}

/**
 * vha_can_return() - write a result and return the message
 * @vq: the queue
 * @token: of the message
 * @cursor: start of its device-writable part
 * @result: VIRTIO_CAN_RESULT_*
 *
 * Context: a worker, queue mutex held.
 */
void vha_can_return(struct vha_queue *vq, const struct vha_token *token,
		    struct vha_cursor cursor, u8 result)
{
	vha_queue_used(vq, token, vha_can_answer(vq, cursor, result));
}

/**
 * vha_can_finish() - results have become known
 * @can: the controller
 *
 * Context: any.
 */
void vha_can_finish(struct vha_can *can)
{
	vha_queue_work(can_queue(can, VHA_CAN_TX), &can->finish_work);
}

/**
 * vha_can_confirm_timer() - a frame may have waited for too long
 * @timer: &vha_can.confirm
 */
void vha_can_confirm_timer(struct timer_list *timer)
{
	vha_can_finish(container_of(timer, struct vha_can, confirm));
}

static const struct {
	enum vha_can_stat stat;
	u8 result;
} outcomes[VHA_CAN_OUTCOMES] = {
	[VHA_CAN_CONFIRMED] = { VHA_CAN_TX_CONFIRMED, VIRTIO_CAN_RESULT_OK },
	[VHA_CAN_EXPIRED] = { VHA_CAN_TX_UNCONFIRMED, VIRTIO_CAN_RESULT_NOT_OK },
	[VHA_CAN_CANCELLED] = { VHA_CAN_TX_CANCELLED, VIRTIO_CAN_RESULT_NOT_OK },
};

static struct vha_can_entry *take(struct vha_can *can)
{
	struct vha_can_entry *entry;

	spin_lock(&can->lock);
	entry = vha_can_flight_take(&can->flight);
	spin_unlock(&can->lock);
	return entry;
}

static void return_done(struct vha_can *can, struct vha_queue *vq)
{
	struct vha_can_entry *entry;

	while ((entry = take(can))) {
		const struct vha_cursor cursor = { .seg = &entry->result_seg, .nr = 1 };

		trace_vha_can_settled(&can->dev, &entry->frame, entry->outcome);
		vha_can_count(vq, outcomes[entry->outcome].stat, 1);
		vha_can_return(vq, &entry->token, cursor, outcomes[entry->outcome].result);
		spin_lock(&can->lock);
		vha_can_flight_put(&can->flight, entry);
		spin_unlock(&can->lock);
	}
}

/* Gives up what has waited for too long, and sees to what may in future. */
static void expire(struct vha_can *can)
{
	u64 now = ktime_get_ns(), next;

	spin_lock(&can->lock);
	vha_can_flight_expire(&can->flight, now);
	next = vha_can_flight_deadline(&can->flight);
	spin_unlock(&can->lock);
	if (next != U64_MAX)
		mod_timer(&can->confirm, jiffies + nsecs_to_jiffies(next - now) + 1);
}

/*
 * The controller has stopped: what the driver made available before is not
 * transmitted. A ring holds no more than that.
 */
static void cancel_available(struct vha_queue *vq)
{
	u32 n;

	if (vq->state != VHA_QUEUE_RUNNING || current->mm != vq->dev->mm)
		return;
	for (n = 0; n < vq->num && vha_queue_fetch(vq, &vq->chain) > 0; n++) {
		vha_can_count(vq, VHA_CAN_TX_STOPPED, 1);
		vha_can_return(vq, &vq->chain.token, vha_chain_in(&vq->chain),
			       VIRTIO_CAN_RESULT_NOT_OK);
	}
}

/*
 * Goes on with control messages, the one that stopped the controller first. With
 * the queue's mutex held: whoever else gets here must find that this end was
 * reported, and not take another one for reported.
 */
static void end_cancelling(struct vha_can *can)
{
	struct vha_queue *vq = can_queue(can, VHA_CAN_CONTROL);
	struct vha_can_answer answer;
	bool stopping;

	lockdep_assert_held(&can_queue(can, VHA_CAN_TX)->mutex);
	spin_lock(&can->lock);
	can->cancelling = false;
	stopping = can->stopping;
	can->stopping = false;
	answer = can->stop_answer;
	spin_unlock(&can->lock);
	if (stopping)
		vha_queue_used(vq, &answer.token, answer.len);
	vha_queue_kick(vq);
}

/**
 * vha_can_finish_work() - return messages whose result has become known
 * @work: &vha_can.finish_work
 *
 * Runs without the owner's address space if the owner was killed; then messages
 * are returned without a result.
 */
void vha_can_finish_work(struct vha_work *work)
{
	struct vha_can *can = container_of(work, struct vha_can, finish_work);
	struct vha_queue *vq = can_queue(can, VHA_CAN_TX);
	bool cancelling;

	mutex_lock(&vq->mutex);
	cancelling = READ_ONCE(can->cancelling);
	vha_queue_batch_begin(vq);
	expire(can);
	return_done(can, vq);
	if (cancelling)
		cancel_available(vq);
	vha_queue_batch_end(vq);
	if (cancelling)
		end_cancelling(can);
	mutex_unlock(&vq->mutex);
	/* There is room for more. */
	vha_queue_kick(vq);
}
