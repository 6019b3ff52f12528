// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done to all queues of a device: starting, stopping, pausing, following
 * the IOTLB
 *
 * Each step is taken for all queues before the next, so that they wait for
 * their buffers side by side and one grace period serves all.
 */
#include "core.h"

/* The first started queue from @index on, or NULL. */
static struct vha_queue *started_from(struct vha_device *dev, unsigned int index)
{
	lockdep_assert_held(&dev->mutex);
	for (; index < dev->class->max_queues; index++)
		if (dev->vqs[index]->started)
			return dev->vqs[index];
	return NULL;
}

static void apply_started(struct vha_device *dev, void (*fn)(struct vha_queue *vq))
{
	struct vha_queue *vq;

	for (vq = started_from(dev, 0); vq; vq = started_from(dev, vq->index + 1))
		fn(vq);
}

/**
 * vha_device_running() - whether any queue was started
 * @dev: the device
 *
 * Return: whether one was, even if it is suspended or broken now.
 */
bool vha_device_running(struct vha_device *dev)
{
	return started_from(dev, 0);
}

/**
 * vha_device_quiesce() - have no buffer in flight and fetch none
 * @dev: the device
 *
 * Afterwards nobody but the caller uses the memory table, and no eventfd is
 * signalled.
 */
void vha_device_quiesce(struct vha_device *dev)
{
	if (!vha_device_running(dev))
		return;
	apply_started(dev, vha_queue_pause);
	apply_started(dev, vha_queue_wait);
	/* A signal may still be on its way, see vha_queue_used(). */
	synchronize_rcu();
}

/**
 * vha_device_unquiesce() - undo vha_device_quiesce()
 * @dev: the device
 */
void vha_device_unquiesce(struct vha_device *dev)
{
	if (!dev->suspended)
		apply_started(dev, vha_queue_resume);
}

/**
 * vha_device_stop_all() - stop all queues
 * @dev: the device
 */
void vha_device_stop_all(struct vha_device *dev)
{
	if (!vha_device_running(dev))
		return;
	apply_started(dev, vha_queue_halt);
	apply_started(dev, vha_queue_wait);
	/* As in vha_device_quiesce(). */
	synchronize_rcu();
	apply_started(dev, vha_queue_finish);
}
EXPORT_SYMBOL_GPL(vha_device_stop_all);

/**
 * vha_device_start_all() - start all queues the VMM has set up
 * @dev: the device
 *
 * Return: 0, or what vha_queue_start() returned; then none is started.
 */
int vha_device_start_all(struct vha_device *dev)
{
	unsigned int i;
	int ret;

	lockdep_assert_held(&dev->mutex);
	for (i = 0; i < dev->class->max_queues; i++) {
		if (!dev->vqs[i]->addr_set)
			continue;
		ret = vha_queue_start(dev->vqs[i]);
		if (ret)
			goto err_stop;
	}
	return 0;

err_stop:
	vha_device_stop_all(dev);
	return ret;
}
EXPORT_SYMBOL_GPL(vha_device_start_all);

static void log_ring(struct vha_queue *vq)
{
	mutex_lock(&vq->mutex);
	spin_lock_irq(&vq->lock);
	vq->ring.log = vha_vring_logged(vq);
	spin_unlock_irq(&vq->lock);
	mutex_unlock(&vq->mutex);
}

/**
 * vha_device_log_rings() - let all rings know whether they are logged
 * @dev: the device
 */
void vha_device_log_rings(struct vha_device *dev)
{
	apply_started(dev, log_ring);
}

/**
 * vha_device_log_valid() - whether a memory table has what started queues log by
 * address
 * @dev: the device
 * @mem: the table
 */
bool vha_device_log_valid(struct vha_device *dev, const struct vha_mem *mem)
{
	struct vha_queue *vq;

	for (vq = started_from(dev, 0); vq; vq = started_from(dev, vq->index + 1))
		if (vq->log_used && !vha_vring_log_valid(vq, mem, vq->addr.log_guest_addr))
			return false;
	return true;
}

/**
 * vha_device_iotlb_updated() - there are new translations
 * @dev: the device
 * @iova: first address
 * @last: last address
 *
 * Context: the owner.
 */
void vha_device_iotlb_updated(struct vha_device *dev, u64 iova, u64 last)
{
	struct vha_queue *vq;

	for (vq = started_from(dev, 0); vq; vq = started_from(dev, vq->index + 1))
		if (vha_iotlb_answered(vq, iova, last))
			vha_queue_translated(vq);
}

/* Returns whether there is any. */
static bool apply_overlapping(struct vha_device *dev, u64 iova, u64 last,
			      void (*fn)(struct vha_queue *vq))
{
	struct vha_queue *vq;
	bool any = false;

	for (vq = started_from(dev, 0); vq; vq = started_from(dev, vq->index + 1)) {
		if (!vha_vring_overlaps(vq, iova, last))
			continue;
		fn(vq);
		any = true;
	}
	return any;
}

/**
 * vha_device_iotlb_invalidated() - translations are gone
 * @dev: the device
 * @iova: first address
 * @last: last address
 *
 * A ring in the range is let go before this returns. Data buffers in flight
 * keep the pages they were given.
 *
 * Context: the owner.
 */
void vha_device_iotlb_invalidated(struct vha_device *dev, u64 iova, u64 last)
{
	if (!apply_overlapping(dev, iova, last, vha_queue_pause))
		return;
	apply_overlapping(dev, iova, last, vha_queue_wait);
	/* As in vha_device_quiesce(). */
	synchronize_rcu();
	apply_overlapping(dev, iova, last, vha_queue_unmap);
	vha_device_unquiesce(dev);
}
