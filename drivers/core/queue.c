// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtqueues: fetching, returning, and the life cycle around them
 *
 * A queue moves between the states of &enum vha_queue_state like this:
 *
 *	STOPPED -- start --> RUNNING, or WAITING for a translation of the ring
 *	WAITING -- IOTLB update --> RUNNING -- IOTLB invalidation --> WAITING
 *	RUNNING, WAITING -- pause --> PAUSED -- resume --> RUNNING, WAITING
 *	RUNNING -- hostile ring --> BROKEN
 *	WAITING -- a ring that can not be mapped --> BROKEN
 *	any -- stop --> STOPPED
 *
 * The worker finds a ring hostile; all else happens with the device mutex held.
 */
#include <kunit/visibility.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/slab.h>

#include "core.h"
#include "trace.h"

/**
 * vha_queue_kick() - have the queue's worker serve the queue
 * @vq: the queue
 *
 * Context: any.
 */
void vha_queue_kick(struct vha_queue *vq)
{
	/* For polling to learn from. */
	if (READ_ONCE(vq->busyloop_us) && !READ_ONCE(vq->called))
		WRITE_ONCE(vq->called, ktime_get_ns());
	vha_queue_work(vq, &vq->work);
}
EXPORT_SYMBOL_GPL(vha_queue_kick);

/**
 * vha_queue_break() - stop a queue for good
 * @vq: the queue
 * @error: why
 *
 * Nothing is fetched any more; what is in flight is still returned. The VMM
 * learns of it through the error eventfd, once.
 */
void vha_queue_break(struct vha_queue *vq, enum vha_ring_error error)
{
	lockdep_assert_held(&vq->mutex);
	if (vq->state == VHA_QUEUE_BROKEN)
		return;
	vq->state = VHA_QUEUE_BROKEN;
	vha_stat_add(vq, VHA_STAT_BROKEN, 1);
	WRITE_ONCE(vq->stats[VHA_STAT_ERROR], error);
	trace_vha_error(vq, error);
	vha_event_signal(&vq->err);
}
EXPORT_SYMBOL_GPL(vha_queue_break);

/* Returns as vha_ring_fetch() does for a buffer whose addresses count. */
static int resolve(struct vha_queue *vq, struct vha_chain *chain)
{
	int ret;

	if (!vha_queue_feature(vq, VIRTIO_F_ACCESS_PLATFORM))
		return 1;
	ret = vha_iotlb_resolve(vq, chain);
	if (!ret)
		return 1;
	vha_ring_unfetch(&vq->ring, &chain->token);
	if (ret == -EAGAIN)
		return ret;
	vq->ring.error = ret == -EFAULT ? VHA_RING_UNMAPPED : VHA_RING_SEGMENTS;
	return -EINVAL;
}

/**
 * vha_queue_fetch() - take the next available buffer
 * @vq: the queue
 * @chain: filled in; usually &vq->chain
 *
 * Return: 1 when there is one, 0 when there is none, -EAGAIN when one waits
 * for a translation (the worker turns to the queue again when it comes),
 * -EINVAL when the queue is broken now.
 */
int vha_queue_fetch(struct vha_queue *vq, struct vha_chain *chain)
{
	int ret;

	lockdep_assert_held(&vq->mutex);
	ret = vha_ring_fetch(&vq->ring, chain);
	if (ret > 0)
		ret = resolve(vq, chain);
	if (ret > 0) {
		/* Read without the mutex by whoever waits for buffers. */
		WRITE_ONCE(vq->taken, vq->taken + 1);
		vha_stat_add(vq, VHA_STAT_CHAINS, 1);
		trace_vha_request_begin(vq, chain);
	} else if (ret == -EAGAIN) {
		/* As if it had been taken and put back. */
		vha_stat_add(vq, VHA_STAT_CHAINS, 1);
		vha_stat_add(vq, VHA_STAT_RETRIES, 1);
	} else if (ret < 0) {
		vha_queue_break(vq, vq->ring.error);
	}
	return ret;
}
EXPORT_SYMBOL_GPL(vha_queue_fetch);

/**
 * vha_queue_unfetch() - put the buffer fetched last back
 * @vq: the queue
 * @token: of the buffer
 */
void vha_queue_unfetch(struct vha_queue *vq, const struct vha_token *token)
{
	lockdep_assert_held(&vq->mutex);
	vha_ring_unfetch(&vq->ring, token);
	WRITE_ONCE(vq->taken, vq->taken - 1);
	vha_stat_add(vq, VHA_STAT_RETRIES, 1);
}
EXPORT_SYMBOL_GPL(vha_queue_unfetch);

/* Drivers of old want to hear when they have nothing more available. */
static bool notify_on_empty(struct vha_queue *vq)
{
	if (!vha_queue_feature(vq, VIRTIO_F_NOTIFY_ON_EMPTY))
		return false;
	/*
	 * The other side may be fetching at the moment. What it takes last is
	 * returned later, and then this is true.
	 */
	return !data_race(vha_ring_pending(&vq->ring));
}

static bool publish(struct vha_queue *vq)
{
	bool signal;

	lockdep_assert_held(&vq->lock);
	if (!vq->ring.staged)
		return false;
	vha_ring_publish(&vq->ring);
	signal = vha_ring_need_signal(&vq->ring) || notify_on_empty(vq);
	vha_stat_add(vq, signal ? VHA_STAT_SIGNALS : VHA_STAT_SUPPRESSED, 1);
	return signal;
}

static void signal_driver(struct vha_queue *vq)
{
	trace_vha_signal(vq);
	vha_event_signal(&vq->call);
}

/**
 * vha_queue_used() - return a buffer to the driver
 * @vq: the queue
 * @token: of the buffer
 * @len: bytes written into it
 *
 * What was written must have been logged. The last access of the class to
 * anything that goes away when the queue stops.
 *
 * Context: any. Between vha_queue_batch_begin() and vha_queue_batch_end() the
 * task that called these only stages the buffer.
 */
void vha_queue_used(struct vha_queue *vq, const struct vha_token *token, u32 len)
{
	const struct vha_used used = { .token = *token, .len = len };

	vha_queue_used_many(vq, &used, 1);
}
EXPORT_SYMBOL_GPL(vha_queue_used);

/**
 * vha_queue_used_many() - return buffers to the driver, all at once
 * @vq: the queue
 * @used: the buffers
 * @nr: how many; zero is possible
 *
 * The driver sees all of them or none. Otherwise as vha_queue_used().
 */
void vha_queue_used_many(struct vha_queue *vq, const struct vha_used *used, unsigned int nr)
{
	bool batched, signal = false;
	unsigned long flags;
	unsigned int i;

	/*
	 * The queue may be stopped as soon as the lock is released; RCU keeps
	 * it in memory until the signal is out, see vha_queue_wait().
	 */
	rcu_read_lock();
	spin_lock_irqsave(&vq->lock, flags);
	batched = in_task() && vq->batch == current;
	for (i = 0; trace_vha_request_end_enabled() && i < nr; i++)
		trace_vha_request_end(vq, &used[i].token, used[i].len, batched);
	vha_ring_stage_many(&vq->ring, used, nr);
	WRITE_ONCE(vq->returned, vq->returned + nr);
	vha_stat_add(vq, VHA_STAT_USED, nr);
	if (!in_task())
		vha_stat_add(vq, VHA_STAT_USED_IRQ, nr);
	if (!batched)
		signal = publish(vq);
	/* Those who wait enter the wait queue with the lock held. */
	if (waitqueue_active(&vq->drain))
		wake_up(&vq->drain);
	spin_unlock_irqrestore(&vq->lock, flags);
	if (signal)
		signal_driver(vq);
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(vha_queue_used_many);

/**
 * vha_queue_batch_begin() - stage what this task returns from now on
 * @vq: the queue
 */
void vha_queue_batch_begin(struct vha_queue *vq)
{
	lockdep_assert_held(&vq->mutex);
	spin_lock_irq(&vq->lock);
	vq->batch = current;
	spin_unlock_irq(&vq->lock);
}
EXPORT_SYMBOL_GPL(vha_queue_batch_begin);

/**
 * vha_queue_batch_end() - publish what was staged, with one signal at most
 * @vq: the queue
 */
void vha_queue_batch_end(struct vha_queue *vq)
{
	bool signal;

	lockdep_assert_held(&vq->mutex);
	spin_lock_irq(&vq->lock);
	vq->batch = NULL;
	signal = publish(vq);
	spin_unlock_irq(&vq->lock);
	if (signal)
		signal_driver(vq);
}
EXPORT_SYMBOL_GPL(vha_queue_batch_end);

/**
 * vha_queue_exhausted() - whether the driver can not make more available
 * @vq: the queue
 *
 * Return: whether every descriptor of the ring is with the device.
 */
bool vha_queue_exhausted(const struct vha_queue *vq)
{
	lockdep_assert_held(&vq->mutex);
	return vq->ring.fetched - READ_ONCE(vq->ring.returned) >= vq->ring.num;
}
EXPORT_SYMBOL_GPL(vha_queue_exhausted);

/**
 * vha_queue_disable_kick() - ask the driver not to notify
 * @vq: the queue
 */
void vha_queue_disable_kick(struct vha_queue *vq)
{
	lockdep_assert_held(&vq->mutex);
	vha_ring_disable_kick(&vq->ring);
}
EXPORT_SYMBOL_GPL(vha_queue_disable_kick);

/**
 * vha_queue_enable_kick() - ask the driver to notify
 * @vq: the queue
 *
 * Return: true when a buffer was made available in the meantime, for which no
 * notification may come.
 */
bool vha_queue_enable_kick(struct vha_queue *vq)
{
	lockdep_assert_held(&vq->mutex);
	return vha_ring_enable_kick(&vq->ring);
}
EXPORT_SYMBOL_GPL(vha_queue_enable_kick);

static void queue_run(struct vha_work *work)
{
	struct vha_queue *vq = container_of(work, struct vha_queue, work);

	/* After the owner was killed there is no guest memory to work on. */
	if (current->mm != vq->dev->mm)
		return;
	mutex_lock(&vq->mutex);
	if (vq->state == VHA_QUEUE_RUNNING) {
		vha_stat_add(vq, VHA_STAT_RUNS, 1);
		vq->dev->class->run(vq);
	}
	mutex_unlock(&vq->mutex);
}

/* Whoever waits for buffers does not wait for what may never come. */
static void cancel(struct vha_queue *vq)
{
	if (vq->dev->class->cancel)
		vq->dev->class->cancel(vq);
}

/**
 * vha_queue_pause() - fetch nothing from now on
 * @vq: the queue
 */
void vha_queue_pause(struct vha_queue *vq)
{
	lockdep_assert_held(&vq->dev->mutex);
	mutex_lock(&vq->mutex);
	if (vq->state == VHA_QUEUE_RUNNING || vq->state == VHA_QUEUE_WAITING)
		vq->state = VHA_QUEUE_PAUSED;
	mutex_unlock(&vq->mutex);
	cancel(vq);
}

static bool queue_idle(struct vha_queue *vq)
{
	return READ_ONCE(vq->taken) == vq->returned;
}

/*
 * Who is killed while waiting will look at no result, as little as who closes the
 * device: what takes long can be given up.
 */
static void wait_killed(struct vha_queue *vq)
{
	struct vha_device *dev = vq->dev;
	bool closing = dev->closing;

	WRITE_ONCE(dev->closing, true);
	wait_event_lock_irq(vq->drain, queue_idle(vq), vq->lock);
	WRITE_ONCE(dev->closing, closing);
}

/**
 * vha_queue_wait() - wait until every buffer was returned
 * @vq: the queue, not running
 *
 * Afterwards nothing the class or the core started for the queue runs any
 * more, in whatever context.
 */
void vha_queue_wait(struct vha_queue *vq)
{
	int ret;

	lockdep_assert_held(&vq->dev->mutex);
	spin_lock_irq(&vq->lock);
	ret = ___wait_event(vq->drain, queue_idle(vq), TASK_KILLABLE, 0, 0,
			    spin_unlock_irq(&vq->lock);
			    schedule();
			    spin_lock_irq(&vq->lock));
	if (ret)
		wait_killed(vq);
	spin_unlock_irq(&vq->lock);
	/*
	 * A batch counts its buffers before it publishes them, with the mutex
	 * held: what it has left to publish and signal is done after this.
	 */
	mutex_lock(&vq->mutex);
	mutex_unlock(&vq->mutex);
}
EXPORT_SYMBOL_IF_KUNIT(vha_queue_wait);

/*
 * The ring is mapped by the owner, whose limit of locked memory counts, and
 * with the device mutex held: no translation goes away meanwhile.
 */
static void run_when_mapped(struct vha_queue *vq)
{
	int ret = vq->map[0].addr ? 0 : vha_vring_map(vq);

	vq->state = ret ? VHA_QUEUE_WAITING : VHA_QUEUE_RUNNING;
	if (ret && ret != -EAGAIN)
		vha_queue_break(vq, VHA_RING_FAULT);
}

/**
 * vha_queue_resume() - undo vha_queue_pause()
 * @vq: the queue
 *
 * Context: the owner.
 */
void vha_queue_resume(struct vha_queue *vq)
{
	lockdep_assert_held(&vq->dev->mutex);
	mutex_lock(&vq->mutex);
	if (vq->state == VHA_QUEUE_PAUSED)
		run_when_mapped(vq);
	mutex_unlock(&vq->mutex);
	vha_queue_kick(vq);
}

/**
 * vha_queue_translated() - there is the translation that was missing: go on
 * @vq: the queue, started
 *
 * Context: the owner.
 */
void vha_queue_translated(struct vha_queue *vq)
{
	lockdep_assert_held(&vq->dev->mutex);
	/* Nobody leaves or enters this state without the device mutex. */
	if (READ_ONCE(vq->state) == VHA_QUEUE_WAITING) {
		mutex_lock(&vq->mutex);
		run_when_mapped(vq);
		mutex_unlock(&vq->mutex);
	}
	vha_queue_kick(vq);
}

/**
 * vha_queue_unmap() - let go of the ring until it can be translated anew
 * @vq: the queue, paused and idle
 */
void vha_queue_unmap(struct vha_queue *vq)
{
	lockdep_assert_held(&vq->dev->mutex);
	mutex_lock(&vq->mutex);
	vha_vring_unmap(vq);
	mutex_unlock(&vq->mutex);
}

/**
 * vha_queue_start() - start a queue
 * @vq: the queue
 *
 * Return: 0, also when it runs already; -EINVAL without a size or addresses,
 * with a misaligned ring or an impossible base; -EFAULT when a part can not be
 * read or written, or is to be logged where the guest has no memory; -ENOMEM,
 * also beyond RLIMIT_MEMLOCK; what the class returns.
 */
int vha_queue_start(struct vha_queue *vq)
{
	const struct vha_class *class = vq->dev->class;
	int ret;

	lockdep_assert_held(&vq->dev->mutex);
	if (vq->started)
		return 0;
	if (!vq->num || !vq->addr_set)
		return -EINVAL;
	/* Features may have changed since the size was set. */
	if (!vha_queue_feature(vq, VIRTIO_F_RING_PACKED) && !is_power_of_2(vq->num))
		return -EINVAL;
	if (vq->log_used && !vha_vring_log_valid(vq, vq->dev->mem, vq->addr.log_guest_addr))
		return -EFAULT;
	ret = vha_vring_alloc(vq);
	if (ret)
		return ret;
	mutex_lock(&vq->mutex);
	ret = vha_vring_map(vq);
	mutex_unlock(&vq->mutex);
	if (ret && ret != -EAGAIN)
		goto err_free;
	ret = class->start ? class->start(vq) : 0;
	if (ret)
		goto err_unmap;
	vq->started = true;
	mutex_lock(&vq->mutex);
	vq->poll_ns = 0;
	vq->idle_since = 0;
	if (vq->dev->suspended)
		vq->state = VHA_QUEUE_PAUSED;
	else
		vq->state = vq->map[0].addr ? VHA_QUEUE_RUNNING : VHA_QUEUE_WAITING;
	mutex_unlock(&vq->mutex);
	vha_kick_start(vq);
	return 0;

err_unmap:
	vha_queue_unmap(vq);
err_free:
	vha_vring_free(vq);
	return ret;
}
EXPORT_SYMBOL_GPL(vha_queue_start);

/**
 * vha_queue_halt() - first half of stopping: fetch nothing from now on
 * @vq: the queue, started
 */
void vha_queue_halt(struct vha_queue *vq)
{
	lockdep_assert_held(&vq->dev->mutex);
	vha_kick_stop(vq);
	mutex_lock(&vq->mutex);
	vq->state = VHA_QUEUE_PAUSED;
	mutex_unlock(&vq->mutex);
	cancel(vq);
}

/**
 * vha_queue_finish() - second half of stopping: let go of everything
 * @vq: the queue, halted and idle, and an RCU grace period later
 *
 * Afterwards no page of the guest is referenced on behalf of the queue, and
 * &vq->base says where to go on.
 */
void vha_queue_finish(struct vha_queue *vq)
{
	lockdep_assert_held(&vq->dev->mutex);
	if (vq->dev->class->stop)
		vq->dev->class->stop(vq);
	mutex_lock(&vq->mutex);
	vha_vring_unmap(vq);
	vq->state = VHA_QUEUE_STOPPED;
	mutex_unlock(&vq->mutex);
	vha_vring_free(vq);
	vq->started = false;
}

/**
 * vha_queue_stop() - stop a queue and wait for its buffers
 * @vq: the queue; stopping a stopped queue does nothing
 */
void vha_queue_stop(struct vha_queue *vq)
{
	if (!vq->started)
		return;
	vha_queue_halt(vq);
	vha_queue_wait(vq);
	/* A signal may still be on its way, see vha_queue_used(). */
	synchronize_rcu();
	vha_queue_finish(vq);
}
EXPORT_SYMBOL_GPL(vha_queue_stop);

/**
 * vha_queue_reset() - stop a queue and forget what the VMM said about it
 * @vq: the queue
 */
void vha_queue_reset(struct vha_queue *vq)
{
	vha_queue_stop(vq);
	vha_kick_clear(vq);
	vha_event_set(&vq->call, NULL);
	vha_event_set(&vq->err, NULL);
	vq->num = 0;
	vq->base = 0;
	vq->base_set = false;
	vq->addr_set = false;
	vq->log_used = false;
	vq->busyloop_us = 0;
	memset(&vq->addr, 0, sizeof(vq->addr));
}

/**
 * vha_queue_create() - allocate a queue
 * @dev: its device
 * @index: its index
 *
 * Return: the queue, or NULL.
 */
struct vha_queue *vha_queue_create(struct vha_device *dev, u16 index)
{
	struct vha_queue *vq;

	vq = kvzalloc(max(dev->class->queue_size, sizeof(*vq)), VHA_GFP_SETUP);
	if (!vq)
		return NULL;
	vq->dev = dev;
	vq->index = index;
	mutex_init(&vq->mutex);
	spin_lock_init(&vq->lock);
	init_waitqueue_head(&vq->drain);
	vha_work_init(&vq->work, queue_run);
	vha_kick_init(vq);
	return vq;
}
EXPORT_SYMBOL_IF_KUNIT(vha_queue_create);

/**
 * vha_queue_destroy() - free a queue that was reset and has no worker
 * @vq: the queue, or NULL
 */
void vha_queue_destroy(struct vha_queue *vq)
{
	kvfree(vq);
}
EXPORT_SYMBOL_IF_KUNIT(vha_queue_destroy);
