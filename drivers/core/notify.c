// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notifications: the driver's kicks in, our calls out
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "core.h"
#include "trace.h"

/**
 * vha_event_get() - take a reference to an eventfd for signalling
 * @fd: its descriptor, -1 for none
 *
 * Return: the event, NULL for -1, or an ERR_PTR(): -EBADF, -EINVAL when it is
 * not an eventfd, -ENOMEM.
 */
struct vha_event *vha_event_get(int fd)
{
	struct eventfd_ctx *ctx;
	struct vha_event *event;

	if (fd == VHOST_FILE_UNBIND)
		return NULL;
	ctx = eventfd_ctx_fdget(fd);
	if (IS_ERR(ctx))
		return ERR_CAST(ctx);
	event = kmalloc(sizeof(*event), VHA_GFP_SETUP);
	if (!event) {
		eventfd_ctx_put(ctx);
		return ERR_PTR(-ENOMEM);
	}
	event->ctx = ctx;
	return event;
}

/**
 * vha_event_put() - drop an event that was never published
 * @event: the event, or NULL
 */
void vha_event_put(struct vha_event *event)
{
	if (!event)
		return;
	eventfd_ctx_put(event->ctx);
	kfree(event);
}

static void event_free_rcu(struct rcu_head *rcu)
{
	vha_event_put(container_of(rcu, struct vha_event, rcu));
}

/**
 * vha_event_set() - replace an event under the eyes of those who signal it
 * @slot: where it is published
 * @event: the new one, or NULL
 *
 * Context: callers of one slot are serialised by the device mutex.
 */
void vha_event_set(struct vha_event __rcu **slot, struct vha_event *event)
{
	struct vha_event *old = rcu_replace_pointer(*slot, event, true);

	if (old)
		call_rcu(&old->rcu, event_free_rcu);
}

/**
 * vha_event_signal() - signal an event, if there is one
 * @slot: where it is published
 *
 * Context: any but a wake-up callback of another eventfd.
 */
void vha_event_signal(struct vha_event __rcu **slot)
{
	struct vha_event *event;

	rcu_read_lock();
	event = rcu_dereference(*slot);
	if (event)
		eventfd_signal(event->ctx);
	rcu_read_unlock();
}

/*
 * Runs with the eventfd's wait queue lock held and possibly inside the VM
 * exit of a guest's notification: only hands over to the worker. The counter
 * of the eventfd is never read; each signal wakes us, and a saturated counter
 * does so as well.
 */
static int kick_wake(wait_queue_entry_t *entry, unsigned int mode, int sync, void *key)
{
	struct vha_queue *vq = container_of(entry, struct vha_queue, kick_poll);

	if (key_to_poll(key) & EPOLLIN) {
		trace_vha_kick(vq);
		vha_stat_add(vq, VHA_STAT_KICKS, 1);
		vha_queue_kick(vq);
	}
	return 0;
}

static void kick_attach(struct file *file, wait_queue_head_t *wqh, poll_table *table)
{
	struct vha_queue *vq = container_of(table, struct vha_queue, kick_table);

	vq->kick_wqh = wqh;
	add_wait_queue(wqh, &vq->kick_poll);
}

/**
 * vha_kick_init() - prepare a queue for kicks
 * @vq: the queue
 */
void vha_kick_init(struct vha_queue *vq)
{
	init_waitqueue_func_entry(&vq->kick_poll, kick_wake);
	init_poll_funcptr(&vq->kick_table, kick_attach);
}

/**
 * vha_kick_start() - listen to the kick eventfd
 * @vq: the queue, started
 */
void vha_kick_start(struct vha_queue *vq)
{
	lockdep_assert_held(&vq->dev->mutex);
	if (vq->kick && !vq->kick_wqh)
		vfs_poll(vq->kick, &vq->kick_table);
	/* What was made available before we listened brings no kick. */
	vha_queue_kick(vq);
}

/**
 * vha_kick_stop() - no longer listen
 * @vq: the queue
 */
void vha_kick_stop(struct vha_queue *vq)
{
	lockdep_assert_held(&vq->dev->mutex);
	if (!vq->kick_wqh)
		return;
	remove_wait_queue(vq->kick_wqh, &vq->kick_poll);
	vq->kick_wqh = NULL;
}

/**
 * vha_kick_clear() - stop listening and forget the kick eventfd
 * @vq: the queue
 */
void vha_kick_clear(struct vha_queue *vq)
{
	vha_kick_stop(vq);
	if (vq->kick)
		fput(vq->kick);
	vq->kick = NULL;
}

/**
 * vha_kick_set() - replace the kick eventfd, of a running queue as well
 * @vq: the queue
 * @fd: descriptor of the eventfd, -1 for none
 *
 * Return: 0, -EBADF, or -EINVAL when it is not an eventfd.
 */
int vha_kick_set(struct vha_queue *vq, int fd)
{
	struct file *file = NULL;

	if (fd != VHOST_FILE_UNBIND) {
		file = eventfd_fget(fd);
		if (IS_ERR(file))
			return PTR_ERR(file);
	}
	vha_kick_clear(vq);
	vq->kick = file;
	if (vq->started)
		vha_kick_start(vq);
	return 0;
}
