// SPDX-License-Identifier: GPL-2.0-only
/*
 * A queue's turn on its worker: batches, polling, and when it is over
 */
#include <linux/ktime.h>
#include <linux/sched/signal.h>

#include "core.h"
#include "trace.h"

/* A turn ends after so many buffers or bytes, then other queues have theirs. */
#define TURN_CHAINS	256
#define TURN_BYTES	(8U << 20)
/* Returned buffers become visible, and are signalled, once per batch. */
#define BATCH_CHAINS	64
/* Where the adaptive polling budget starts to grow from. */
#define POLL_START_NS	4000

static u32 turn_bytes(const struct vha_queue *vq)
{
	return vq->dev->class->turn_bytes ?: TURN_BYTES;
}

/**
 * vha_queue_turn_over() - whether it is time to let other queues have a turn
 * @vq: the queue
 * @chains: buffers served in this turn
 * @bytes: bytes moved in this turn
 *
 * Return: whether it is; the caller then queues itself with vha_queue_kick()
 * and returns.
 */
bool vha_queue_turn_over(const struct vha_queue *vq, unsigned int chains, u64 bytes)
{
	return chains >= TURN_CHAINS || bytes >= turn_bytes(vq) || signal_pending(current);
}
EXPORT_SYMBOL_GPL(vha_queue_turn_over);

/* Returns how a batch ended: as vha_queue_fetch(), or 1 when there may be more. */
static int serve_batch(struct vha_queue *vq, vha_chain_fn fn, unsigned int *chains, u64 *bytes)
{
	struct vha_chain *chain = &vq->chain;
	unsigned int n;
	int ret = 1;

	/* A few large buffers are a turn as well. */
	for (n = 0; n < BATCH_CHAINS && *bytes < turn_bytes(vq); n++) {
		ret = vha_queue_fetch(vq, chain);
		if (ret <= 0)
			break;
		*bytes += (u64)chain->out_len + chain->in_len;
		ret = fn(vq, chain);
		if (unlikely(ret)) {
			vha_queue_unfetch(vq, &chain->token);
			if (ret != -EAGAIN)
				vha_queue_break(vq, VHA_RING_CLASS);
			break;
		}
		ret = 1;
	}
	*chains += n;
	return ret;
}

static int batch(struct vha_queue *vq, vha_chain_fn fn, unsigned int *chains, u64 *bytes)
{
	const struct vha_class *class = vq->dev->class;
	int ret;

	vha_queue_batch_begin(vq);
	if (class->batch_begin)
		class->batch_begin(vq);
	ret = serve_batch(vq, fn, chains, bytes);
	if (class->batch_end)
		class->batch_end(vq);
	vha_queue_batch_end(vq);
	return ret;
}

static bool poll_once(struct vha_queue *vq)
{
	const struct vha_class *class = vq->dev->class;

	if (class->poll)
		class->poll(vq);
	return vha_ring_pending(&vq->ring);
}

/*
 * The budget follows what polling could have gained: it doubles when there was
 * something to do within the VMM's limit after we gave up, else it halves. How
 * long the worker then took to wake up is no part of that, but what polling saves.
 */
static void poll_adapt(struct vha_queue *vq)
{
	u64 limit = (u64)READ_ONCE(vq->busyloop_us) * NSEC_PER_USEC;
	u64 until = READ_ONCE(vq->called);

	if (!limit || !vq->idle_since)
		return;
	/* Nobody had to call: it was found by looking once more. */
	if (!until)
		until = vq->idle_since;
	if (until <= vq->idle_since + limit)
		vq->poll_ns = min_t(u64, limit, max_t(u64, vq->poll_ns * 2, POLL_START_NS));
	else
		vq->poll_ns = vq->poll_ns >= 2 * POLL_START_NS ? vq->poll_ns / 2 : 0;
	vq->idle_since = 0;
}

/**
 * vha_queue_end_idle() - there may be something to do
 * @vq: the queue
 *
 * What a turn starts with, and goes on with when something was found after
 * polling had been given up. Learns from how long the queue was idle, and asks the
 * driver not to notify.
 */
void vha_queue_end_idle(struct vha_queue *vq)
{
	lockdep_assert_held(&vq->mutex);
	poll_adapt(vq);
	vha_ring_disable_kick(&vq->ring);
}
EXPORT_SYMBOL_GPL(vha_queue_end_idle);

/**
 * vha_queue_poll() - spin for a while, before a notification is asked for
 * @vq: the queue
 * @ready: what is waited for
 *
 * For as long as the VMM allows and recent waits have been worth it, and the
 * worker has nothing else to do.
 *
 * Return: whether @ready was true.
 */
bool vha_queue_poll(struct vha_queue *vq, vha_ready_fn ready)
{
	u64 start, now, budget = vq->poll_ns;
	bool hit;

	lockdep_assert_held(&vq->mutex);
	if (!READ_ONCE(vq->busyloop_us))
		return false;
	start = ktime_get_ns();
	for (;;) {
		hit = ready(vq);
		now = ktime_get_ns();
		if (hit || now - start >= budget || need_resched() ||
		    signal_pending(current) || vha_worker_busy(vq))
			break;
		cpu_relax();
	}
	if (!hit) {
		vq->idle_since = now;
		WRITE_ONCE(vq->called, 0);
	}
	vha_stat_add(vq, hit ? VHA_STAT_POLL_HIT : VHA_STAT_POLL_MISS, 1);
	vha_stat_add(vq, VHA_STAT_POLL_NS, now - start);
	trace_vha_poll(vq, hit, now - start);
	return hit;
}
EXPORT_SYMBOL_GPL(vha_queue_poll);

/**
 * vha_queue_drain() - serve a queue until it is empty or its turn is over
 * @vq: the queue
 * @fn: serves one buffer
 *
 * Returned buffers are published in batches. When the ring is empty, polls it
 * for a while if the VMM wants that, then asks the driver to notify.
 */
void vha_queue_drain(struct vha_queue *vq, vha_chain_fn fn)
{
	unsigned int chains = 0;
	u64 bytes = 0;
	int ret;

	lockdep_assert_held(&vq->mutex);
	vha_queue_end_idle(vq);
	for (;;) {
		ret = batch(vq, fn, &chains, &bytes);
		if (ret < 0)
			return;
		if (ret == 0 && !vha_queue_poll(vq, poll_once)) {
			if (!vha_ring_enable_kick(&vq->ring))
				return;
			vha_queue_end_idle(vq);
		}
		/* A guest that takes back what it offers gets no longer turn. */
		if (ret == 0)
			chains++;
		if (vha_queue_turn_over(vq, chains, bytes)) {
			vha_queue_kick(vq);
			return;
		}
	}
}
EXPORT_SYMBOL_GPL(vha_queue_drain);
