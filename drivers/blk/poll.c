// SPDX-License-Identifier: GPL-2.0-only
/*
 * Polling the block device for completions
 *
 * A polled request raises no interrupt: somebody has to ask the device. While
 * the worker serves the queue it asks whenever it looks at the ring; when it
 * is about to go on to something else with requests outstanding, a work that
 * queues itself takes over until there are none.
 *
 * A bio is part of its request, and requests stay in memory until the queue
 * stops, which the queue mutex keeps from happening while we look: polling one
 * that is over, or in flight again, does no harm.
 */
#include "blk.h"

/**
 * vha_blk_poll_add() - note a request that has to be polled for
 * @rq: the request, about to be submitted
 */
void vha_blk_poll_add(struct vha_blk_request *rq)
{
	struct vha_blk_queue *q = rq->q;

	spin_lock_irq(&q->poll_lock);
	list_add_tail(&rq->poll_entry, &q->polled);
	spin_unlock_irq(&q->poll_lock);
}

/**
 * vha_blk_poll_del() - the request is over
 * @rq: the request
 *
 * Context: any.
 */
void vha_blk_poll_del(struct vha_blk_request *rq)
{
	struct vha_blk_queue *q = rq->q;
	unsigned long flags;

	spin_lock_irqsave(&q->poll_lock, flags);
	list_del_init(&rq->poll_entry);
	spin_unlock_irqrestore(&q->poll_lock, flags);
}

static struct vha_blk_request *poll_first(struct vha_blk_queue *q)
{
	struct vha_blk_request *rq;

	/* Only the holder of the queue mutex adds, and that is the caller. */
	lockdep_assert_held(&q->vq.mutex);
	if (list_empty(&q->polled))
		return NULL;
	spin_lock_irq(&q->poll_lock);
	rq = list_first_entry_or_null(&q->polled, struct vha_blk_request, poll_entry);
	spin_unlock_irq(&q->poll_lock);
	return rq;
}

/**
 * vha_blk_poll() - as &vha_class.poll
 * @vq: the queue
 */
bool vha_blk_poll(struct vha_queue *vq)
{
	struct vha_blk_queue *q = to_blk_queue(vq);
	struct vha_blk_request *rq;
	bool found;

	rq = poll_first(q);
	if (!rq)
		return false;
	vha_queue_batch_begin(vq);
	WRITE_ONCE(q->submitter, current);
	found = bio_poll(&rq->bio, NULL, 0) > 0;
	WRITE_ONCE(q->submitter, NULL);
	vha_queue_batch_end(vq);
	return found;
}

/**
 * vha_blk_poll_more() - see to what is left when the worker goes on
 * @vq: the queue
 */
void vha_blk_poll_more(struct vha_queue *vq)
{
	struct vha_blk_queue *q = to_blk_queue(vq);

	if (poll_first(q))
		vha_queue_work(vq, &q->poll_work);
}

/**
 * vha_blk_poll_work() - poll once, and again later if there is need
 * @work: &vha_blk_queue.poll_work
 */
void vha_blk_poll_work(struct vha_work *work)
{
	struct vha_blk_queue *q = container_of(work, struct vha_blk_queue, poll_work);
	struct vha_queue *vq = &q->vq;

	mutex_lock(&vq->mutex);
	vha_blk_poll(vq);
	vha_blk_poll_more(vq);
	mutex_unlock(&vq->mutex);
}
