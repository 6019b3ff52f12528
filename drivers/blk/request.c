// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of a request
 *
 * vha_blk_run() takes buffers from the ring; each becomes a request that holds
 * everything its completion will need. Whoever completes it calls
 * vha_blk_request_done(), which returns the buffer there and then, in
 * interrupt context too, unless something is left to do that may sleep or the
 * VMM asked for completion by the worker: then the request goes through
 * vha_blk_done_work().
 *
 * A request becomes free before its buffer is returned, so that there are
 * always as many requests as there can be buffers.
 */
#include <linux/slab.h>
#include <linux/virtio_byteorder.h>

#include "blk.h"
#include "trace.h"

/* Larger arrays are not kept for the next request. */
#define KEEP_PIECES		512
/* Drivers before version 1 may flush by this number as well. */
#define LEGACY_FLUSH_OUT	5

static void request_init(struct vha_blk_queue *q, struct vha_blk_request *rq)
{
	rq->q = q;
	rq->bv = rq->inline_bv;
	rq->max_bv = VHA_BLK_BVECS_INLINE;
	rq->segs = rq->inline_segs;
	rq->max_segs = VHA_BLK_SEGS_INLINE;
	INIT_LIST_HEAD(&rq->poll_entry);
	llist_add(&rq->node, &q->freed);
}

/**
 * vha_blk_requests_alloc() - allocate the requests of a queue
 * @q: the queue, about to start
 * @num: how many
 *
 * Return: 0 or -ENOMEM.
 */
int vha_blk_requests_alloc(struct vha_blk_queue *q, u32 num)
{
	u32 i;

	if (vha_blk_pages_alloc(q, num))
		return -ENOMEM;
	q->requests = kvcalloc(num, sizeof(*q->requests), VHA_GFP_SETUP);
	if (!q->requests) {
		vha_blk_pages_free(q);
		return -ENOMEM;
	}
	q->free = NULL;
	q->pieces = 0;
	q->starved = false;
	init_llist_head(&q->freed);
	init_llist_head(&q->done);
	for (i = 0; i < num; i++)
		request_init(q, &q->requests[i]);
	return 0;
}

/**
 * vha_blk_requests_free() - free the requests of a queue
 * @q: the queue, stopped and idle
 * @num: how many
 */
void vha_blk_requests_free(struct vha_blk_queue *q, u32 num)
{
	u32 i;

	for (i = 0; i < num; i++)
		vha_blk_data_trim(&q->requests[i], 0);
	kvfree(q->requests);
	q->requests = NULL;
	vha_blk_pages_free(q);
}

/**
 * vha_blk_requests_trim() - let go of all arrays of requests that are over
 * @q: the queue
 */
void vha_blk_requests_trim(struct vha_blk_queue *q)
{
	struct llist_node *node, *next;

	lockdep_assert_held(&q->vq.mutex);
	llist_for_each_safe(node, next, llist_del_all(&q->freed)) {
		node->next = q->free;
		q->free = node;
	}
	for (node = q->free; node; node = node->next)
		vha_blk_data_trim(llist_entry(node, struct vha_blk_request, node), 0);
}

static struct vha_blk_request *request_get(struct vha_blk_queue *q)
{
	struct vha_blk_request *rq;

	lockdep_assert_held(&q->vq.mutex);
	if (!q->free)
		q->free = llist_del_all(&q->freed);
	if (!q->free)
		return NULL;
	rq = llist_entry(q->free, struct vha_blk_request, node);
	q->free = q->free->next;
	vha_blk_data_trim(rq, KEEP_PIECES);
	return rq;
}

/* The consumer changed its mind before anybody else knew of the request. */
static void request_put(struct vha_blk_request *rq)
{
	struct vha_blk_queue *q = rq->q;

	lockdep_assert_held(&q->vq.mutex);
	rq->node.next = q->free;
	q->free = &rq->node;
}

static enum vha_blk_stat context(const struct vha_blk_queue *q)
{
	if (!in_task())
		return VHA_BLK_IRQ;
	return READ_ONCE(q->submitter) == current ? VHA_BLK_INLINE : VHA_BLK_TASK;
}

/* Everything but returning the buffer. */
static void request_finish(struct vha_blk_request *rq, enum vha_blk_stat where)
{
	struct vha_blk_queue *q = rq->q;

	if (rq->bounce)
		vha_blk_bounce_done(rq);
	if (rq->css)
		vha_blk_css_put(rq);
	if (rq->nr_ranges)
		kfree(rq->ranges);
	if (rq->status != VIRTIO_BLK_S_OK)
		rq->written = 0;
	else if (rq->nr_reply)
		vha_blk_put_reply(rq);
	vha_blk_put_status(rq);
	if (vha_log_enabled(&q->vq))
		vha_blk_log(rq);
	vha_blk_unpin(rq);
	vha_blk_count_any(q, where);
	if (rq->status == VIRTIO_BLK_S_UNSUPP)
		vha_blk_count_any(q, VHA_BLK_UNSUPPORTED);
	else if (rq->status != VIRTIO_BLK_S_OK)
		vha_blk_count_any(q, VHA_BLK_ERRORS);
	trace_vha_blk_request_end(rq);
}

static void request_return(struct vha_blk_request *rq, enum vha_blk_stat where)
{
	struct vha_blk_queue *q = rq->q;
	struct vha_token token;
	u32 len;

	request_finish(rq, where);
	token = rq->token;
	len = rq->written + 1;
	llist_add(&rq->node, &q->freed);
	/* Pairs with the barrier of vha_blk_starve(). */
	smp_mb__after_atomic();
	if (unlikely(READ_ONCE(q->starved)) && xchg(&q->starved, false))
		vha_queue_kick(&q->vq);
	/* From here on the queue may stop and all requests go away. */
	vha_queue_used(&q->vq, &token, len);
}

static bool must_defer(const struct vha_blk_request *rq, enum vha_blk_stat where)
{
	/* The worker is here already, but what it called may forbid sleeping. */
	if (!vha_blk_data_dirty(rq))
		return true;
	if (where == VHA_BLK_INLINE)
		return false;
	if (rq_blk(rq)->object.backend_flags & VHA_BACKEND_F_WORKER_COMPLETION)
		return true;
	/* Copying takes too long for an interrupt. */
	return rq->bounce && rq->to_guest;
}

/**
 * vha_blk_request_done() - the outcome of a request is known
 * @rq: the request, which no longer belongs to the caller
 * @status: VIRTIO_BLK_S_*
 *
 * Context: any.
 */
void vha_blk_request_done(struct vha_blk_request *rq, u8 status)
{
	struct vha_blk_queue *q = rq->q;
	enum vha_blk_stat where = context(q);

	rq->status = status;
	if (likely(!must_defer(rq, where))) {
		request_return(rq, where);
		return;
	}
	/*
	 * The queue can not stop before the request was returned, and RCU
	 * keeps it in memory while we are still busy with the work.
	 */
	rcu_read_lock();
	llist_add(&rq->node, &q->done);
	vha_queue_work(&q->vq, &q->done_work);
	rcu_read_unlock();
}

/**
 * vha_blk_done_work() - return requests that were left to the worker
 * @work: &vha_blk_queue.done_work
 *
 * Runs without the owner's address space if the owner was killed: everything
 * that is needed was pinned.
 */
void vha_blk_done_work(struct vha_work *work)
{
	struct vha_blk_queue *q = container_of(work, struct vha_blk_queue, done_work);
	struct vha_blk_request *rq, *next;
	struct llist_node *list;

	mutex_lock(&q->vq.mutex);
	vha_queue_batch_begin(&q->vq);
	list = llist_reverse_order(llist_del_all(&q->done));
	llist_for_each_entry_safe(rq, next, list, node) {
		if (!vha_blk_data_dirty(rq))
			vha_blk_data_set_dirty(rq);
		request_return(rq, VHA_BLK_WORKER);
	}
	vha_queue_batch_end(&q->vq);
	mutex_unlock(&q->vq.mutex);
}

static int malformed(struct vha_blk_queue *q, const struct vha_chain *chain)
{
	vha_blk_count(q, VHA_BLK_MALFORMED, 1);
	trace_vha_blk_malformed(&q->vq, chain);
	vha_queue_used(&q->vq, &chain->token, 0);
	return 0;
}

static void request_reset(struct vha_blk_request *rq, const struct vha_chain *chain)
{
	struct vha_queue *vq = &rq->q->vq;

	rq->op = NULL;
	rq->token = chain->token;
	rq->type = U32_MAX;
	rq->sector = 0;
	rq->len = 0;
	rq->written = 0;
	rq->to_guest = false;
	rq->stable = READ_ONCE(rq_blk(rq)->stable);
	rq->whole = false;
	rq->pinned = !vha_mem_pinned(vq);
	rq->nr_bv = 0;
	rq->nr_reply = 0;
	rq->nr_segs = 0;
	rq->nr_bounce = 0;
	rq->bounce = NULL;
	rq->css = NULL;
	rq->ranges = NULL;
	rq->nr_ranges = 0;
}

static int read_header(struct vha_blk_request *rq, const struct vha_chain *chain)
{
	struct vha_cursor cursor = vha_chain_out(chain);
	struct vha_queue *vq = &rq->q->vq;
	struct virtio_blk_outhdr header;
	bool little;
	int ret;

	/* Often the header is in the page of the status byte. */
	if (!vha_blk_page_read(rq->page, chain->segs, &header, sizeof(header))) {
		ret = vha_copy_from(vq, &cursor, &header, sizeof(header));
		if (ret)
			return ret;
	}
	little = vha_queue_feature(vq, VIRTIO_F_VERSION_1) ||
		 virtio_legacy_is_little_endian();
	rq->type = __virtio32_to_cpu(little, header.type);
	if (rq->type == LEGACY_FLUSH_OUT && !vha_queue_feature(vq, VIRTIO_F_VERSION_1))
		rq->type = VIRTIO_BLK_T_FLUSH;
	rq->sector = __virtio64_to_cpu(little, header.sector);
	return 0;
}

static void set_length(struct vha_blk_request *rq, const struct vha_chain *chain)
{
	u32 tail = rq->op->reply + 1;

	switch (rq->op->data) {
	case VHA_BLK_DATA_NONE:
		break;
	case VHA_BLK_DATA_OUT:
		rq->len = chain->out_len - sizeof(struct virtio_blk_outhdr);
		break;
	case VHA_BLK_DATA_IN:
		rq->to_guest = true;
		rq->len = chain->in_len - min(tail, chain->in_len);
		break;
	}
}

static int check(const struct vha_blk_request *rq)
{
	const struct vha_blk_op *op = rq->op;
	const struct vha_blk *blk = rq_blk(rq);

	if (!op || (op->feature && !vha_queue_feature(&rq->q->vq, op->feature)))
		return VIRTIO_BLK_S_UNSUPP;
	if (op->write && !vha_blk_writable(blk))
		return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}

/* Returns what &vha_blk_op.fn returns. */
static int execute(struct vha_blk_request *rq, const struct vha_chain *chain)
{
	struct vha_blk_queue *q = rq->q;
	const struct vha_blk_op *op;
	int ret;

	ret = read_header(rq, chain);
	if (ret)
		return ret;
	rq->op = vha_blk_op(rq->type);
	if (rq->op)
		set_length(rq, chain);
	trace_vha_blk_request_begin(rq);
	ret = check(rq);
	if (ret != VIRTIO_BLK_S_OK)
		return ret;
	/* When fn returns the request may be over already, and free. */
	op = rq->op;
	ret = op->fn(rq, chain);
	if (ret != -EAGAIN)
		vha_blk_count(q, op->stat, 1);
	return ret;
}

static int serve(struct vha_queue *vq, struct vha_chain *chain)
{
	struct vha_blk_queue *q = to_blk_queue(vq);
	struct vha_blk_request *rq;
	int ret;

	if (!vha_blk_chain_valid(chain))
		return malformed(q, chain);
	rq = request_get(q);
	if (!rq)
		return -EINVAL;
	request_reset(rq, chain);
	if (vha_blk_pin_status(rq, chain)) {
		request_put(rq);
		return malformed(q, chain);
	}
	ret = execute(rq, chain);
	if (ret == -EINPROGRESS)
		return 0;
	if (ret == -EAGAIN) {
		vha_blk_unpin(rq);
		request_put(rq);
		return ret;
	}
	vha_blk_request_done(rq, ret < 0 ? vha_blk_errno_status(ret) : ret);
	return 0;
}

/**
 * vha_blk_run() - as &vha_class.run
 * @vq: the queue
 */
void vha_blk_run(struct vha_queue *vq)
{
	vha_queue_drain(vq, serve);
	if (to_blk(vq->dev)->object.poll)
		vha_blk_poll_more(vq);
}

/**
 * vha_blk_batch_begin() - as &vha_class.batch_begin
 * @vq: the queue
 */
void vha_blk_batch_begin(struct vha_queue *vq)
{
	struct vha_blk_queue *q = to_blk_queue(vq);

	vha_blk_check_capacity(to_blk(vq->dev));
	WRITE_ONCE(q->submitter, current);
	vha_blk_bdev_plug(q);
}

/**
 * vha_blk_batch_end() - as &vha_class.batch_end
 * @vq: the queue
 */
void vha_blk_batch_end(struct vha_queue *vq)
{
	struct vha_blk_queue *q = to_blk_queue(vq);

	vha_blk_pages_put(q);
	vha_blk_bdev_unplug(q);
	WRITE_ONCE(q->submitter, NULL);
}
