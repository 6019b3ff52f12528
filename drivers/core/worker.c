// SPDX-License-Identifier: GPL-2.0-only
/*
 * Workers: the threads that serve queues
 *
 * A worker is a thread of the VMM (vhost_task), so that its cgroup, limits and
 * scheduling apply, or, when VHOST_SET_FORK_FROM_OWNER asks for it, a kernel
 * thread that borrows the VMM's address space and joins its cgroups.
 *
 * Queueing work needs no lock and is safe in any context. A thread of the VMM
 * dies with the VMM, possibly while buffers are in flight whose completion
 * needs a worker: from then on the worker's list is served by a workqueue,
 * without an address space.
 */
#include <linux/cgroup.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
#include <linux/mmu_context.h>
#include <linux/nospec.h>
#include <linux/sched/mm.h>
#include <linux/sched/vhost_task.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "core.h"
#include "worker.h"

#define WORK_QUEUED	0

/* Serves the workers of killed owners. */
static struct workqueue_struct *orphanage;

/**
 * vha_worker_init() - what all workers share
 *
 * Return: 0 or -ENOMEM.
 */
int vha_worker_init(void)
{
	/* Which of the kernel's own workqueues to use changes with its version. */
	orphanage = alloc_workqueue("vhost_accel", WQ_UNBOUND, 0);
	return orphanage ? 0 : -ENOMEM;
}

/**
 * vha_worker_exit() - undo vha_worker_init()
 */
void vha_worker_exit(void)
{
	destroy_workqueue(orphanage);
}

/**
 * struct vha_worker_ops - the two kinds of threads
 * @create: create and start the thread
 * @wake: make it look at its list; any context
 * @stop: wait until the thread has ended
 */
struct vha_worker_ops {
	int (*create)(struct vha_worker *worker);
	void (*wake)(struct vha_worker *worker);
	void (*stop)(struct vha_worker *worker);
};

/**
 * struct vha_worker - one worker
 * @works: what there is to do; any context adds
 * @killed: the thread has ended though nobody stopped it
 * @ops: kind of thread
 * @task: the thread, if it is a vhost_task
 * @kthread: the thread, if it is a kernel thread
 * @memcg: what a kernel thread charges memory to
 * @uid: for whom a kernel thread is counted
 * @orphans: serves @works once @killed
 * @dev: the device
 * @id: id in &vha_workers.workers
 * @attached: queues it serves; device mutex
 */
struct vha_worker {
	struct llist_head works;
	bool killed;
	const struct vha_worker_ops *ops;
	struct vhost_task *task;
	struct task_struct *kthread;
	struct mem_cgroup *memcg;
	kuid_t uid;
	struct work_struct orphans;
	struct vha_device *dev;
	u32 id;
	unsigned int attached;
};

static void serve_list(struct vha_worker *worker)
{
	struct llist_node *list = llist_reverse_order(llist_del_all(&worker->works));
	struct vha_work *work, *next;

	llist_for_each_entry_safe(work, next, list, node) {
		clear_bit(WORK_QUEUED, &work->flags);
		/*
		 * Whoever finds the bit still set relies on us to see what it
		 * stored before; pairs with test_and_set_bit() in
		 * queue_work_on_worker().
		 */
		smp_mb__after_atomic();
		work->fn(work);
		cond_resched();
	}
}

static void serve_orphans(struct work_struct *orphans)
{
	serve_list(container_of(orphans, struct vha_worker, orphans));
}

static void queue_work_on_worker(struct vha_worker *worker, struct vha_work *work)
{
	if (test_and_set_bit(WORK_QUEUED, &work->flags))
		return;
	/* Only who adds the first finds the worker possibly asleep. */
	if (!llist_add(&work->node, &worker->works))
		return;
	/*
	 * llist_add() is a full barrier: either we see killed, or the
	 * worker's last look at the list, which comes after the full barrier
	 * in task_killed(), sees the work.
	 */
	if (unlikely(READ_ONCE(worker->killed)))
		queue_work(orphanage, &worker->orphans);
	else
		worker->ops->wake(worker);
}

/* A thread of the VMM. */

static bool task_run(void *data)
{
	struct vha_worker *worker = data;

	if (llist_empty(&worker->works))
		return false;
	/* Entered in TASK_INTERRUPTIBLE, see kernel/vhost_task.c. */
	__set_current_state(TASK_RUNNING);
	serve_list(worker);
	return true;
}

static void task_killed(void *data)
{
	struct vha_worker *worker = data;

	WRITE_ONCE(worker->killed, true);
	/* Pairs with llist_add() in queue_work_on_worker(). */
	smp_mb();
	queue_work(orphanage, &worker->orphans);
}

static int task_create(struct vha_worker *worker)
{
	char name[TASK_COMM_LEN];
	struct vhost_task *task;

	snprintf(name, sizeof(name), "vhost-%d", task_tgid_nr(current));
	task = vhost_task_create(task_run, task_killed, worker, name);
	if (IS_ERR(task))
		return PTR_ERR(task);
	worker->task = task;
	vhost_task_start(task);
	return 0;
}

static void task_wake(struct vha_worker *worker)
{
	vhost_task_wake(worker->task);
}

static void task_stop(struct vha_worker *worker)
{
	vhost_task_stop(worker->task);
}

static const struct vha_worker_ops task_ops = {
	.create = task_create,
	.wake = task_wake,
	.stop = task_stop,
};

/* A kernel thread in the VMM's address space. */

static int kthread_run_worker_fn(void *data)
{
	struct vha_worker *worker = data;

	kthread_use_mm(worker->dev->mm);
	/* Whatever cgroup a kernel thread is in, it allocates for nobody but by this. */
	set_active_memcg(worker->memcg);
	for (;;) {
		/* Pairs with the barrier in wake_up_process(). */
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		if (llist_empty(&worker->works)) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		serve_list(worker);
	}
	__set_current_state(TASK_RUNNING);
	set_active_memcg(NULL);
	kthread_unuse_mm(worker->dev->mm);
	return 0;
}

static int kernel_create(struct vha_worker *worker)
{
	struct task_struct *thread;
	int ret;

	ret = vha_nproc_take(&worker->uid);
	if (ret)
		return ret;
	thread = kthread_create(kthread_run_worker_fn, worker, "vhost-%d",
				task_tgid_nr(current));
	if (IS_ERR(thread)) {
		ret = PTR_ERR(thread);
		goto err_give;
	}
	ret = cgroup_attach_task_all(current, thread);
	if (ret)
		goto err_stop;
	worker->memcg = get_mem_cgroup_from_mm(worker->dev->mm);
	/* Wakers may outlive the thread until kernel_stop() returns. */
	get_task_struct(thread);
	worker->kthread = thread;
	wake_up_process(thread);
	return 0;

err_stop:
	kthread_stop(thread);
err_give:
	vha_nproc_give(worker->uid);
	return ret;
}

static void kernel_wake(struct vha_worker *worker)
{
	wake_up_process(worker->kthread);
}

static void kernel_stop(struct vha_worker *worker)
{
	kthread_stop(worker->kthread);
	put_task_struct(worker->kthread);
	mem_cgroup_put(worker->memcg);
	vha_nproc_give(worker->uid);
}

static const struct vha_worker_ops kernel_ops = {
	.create = kernel_create,
	.wake = kernel_wake,
	.stop = kernel_stop,
};

static struct vha_worker *worker_create(struct vha_device *dev)
{
	struct vha_workers *workers = dev->workers;
	struct vha_worker *worker;
	int ret;

	worker = kzalloc(sizeof(*worker), VHA_GFP_SETUP);
	if (!worker)
		return ERR_PTR(-ENOMEM);
	init_llist_head(&worker->works);
	INIT_WORK(&worker->orphans, serve_orphans);
	worker->dev = dev;
	worker->ops = workers->fork_owner ? &task_ops : &kernel_ops;
	ret = xa_alloc(&workers->workers, &worker->id, worker,
		       XA_LIMIT(0, dev->class->max_workers - 1), VHA_GFP_SETUP);
	if (ret)
		goto err_free;
	ret = worker->ops->create(worker);
	if (ret)
		goto err_erase;
	return worker;

err_erase:
	xa_erase(&workers->workers, worker->id);
err_free:
	kfree(worker);
	return ERR_PTR(ret);
}

/*
 * Nobody can queue work any more. What still is in the list was queued by
 * somebody who had to, and is served here.
 */
static void worker_destroy(struct vha_worker *worker)
{
	xa_erase(&worker->dev->workers->workers, worker->id);
	worker->ops->stop(worker);
	cancel_work_sync(&worker->orphans);
	serve_list(worker);
	kfree(worker);
}

/* A worker that the queue no longer has may go on with the work it got before. */
static void worker_attach(struct vha_queue *vq, struct vha_worker *worker)
{
	struct vha_worker *old;

	old = rcu_replace_pointer(vq->worker, worker, lockdep_is_held(&vq->dev->mutex));
	if (worker)
		worker->attached++;
	if (old)
		old->attached--;
}

/**
 * vha_workers_create() - give a device its first worker, which serves all queues
 * @dev: the device, whose owner is the caller
 *
 * Return: 0, -ENOMEM, or what creating a thread returns: -EAGAIN beyond
 * RLIMIT_NPROC.
 */
int vha_workers_create(struct vha_device *dev)
{
	struct vha_worker *worker;
	unsigned int i;

	lockdep_assert_held(&dev->mutex);
	worker = worker_create(dev);
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	for (i = 0; i < dev->class->max_queues; i++)
		worker_attach(dev->vqs[i], worker);
	return 0;
}

/**
 * vha_workers_destroy() - end all workers
 * @dev: the device; all queues are stopped
 */
void vha_workers_destroy(struct vha_device *dev)
{
	struct vha_worker *worker;
	unsigned long id;
	unsigned int i;

	lockdep_assert_held(&dev->mutex);
	if (xa_empty(&dev->workers->workers))
		return;
	for (i = 0; i < dev->class->max_queues; i++)
		worker_attach(dev->vqs[i], NULL);
	synchronize_rcu();
	xa_for_each(&dev->workers->workers, id, worker)
		worker_destroy(worker);
}

/**
 * vha_queue_work() - have a queue's worker do something
 * @vq: the queue
 * @work: what; a work that is queued already stays queued once
 *
 * Context: any. Without an owner there is no worker, and nothing happens.
 */
void vha_queue_work(struct vha_queue *vq, struct vha_work *work)
{
	struct vha_worker *worker;

	rcu_read_lock();
	worker = rcu_dereference(vq->worker);
	if (worker)
		queue_work_on_worker(worker, work);
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(vha_queue_work);

/**
 * vha_work_init() - initialise a work
 * @work: the work
 * @fn: what to call
 */
void vha_work_init(struct vha_work *work, void (*fn)(struct vha_work *work))
{
	work->flags = 0;
	work->fn = fn;
}
EXPORT_SYMBOL_GPL(vha_work_init);

/**
 * vha_worker_busy() - whether the queue's worker has other things to do
 * @vq: the queue, served by the caller
 */
bool vha_worker_busy(struct vha_queue *vq)
{
	struct vha_worker *worker;
	bool busy;

	rcu_read_lock();
	worker = rcu_dereference(vq->worker);
	busy = !worker || !llist_empty(&worker->works);
	rcu_read_unlock();
	return busy;
}

/* The ioctls. */

static long new_worker(struct vha_device *dev, void __user *argp)
{
	struct vhost_worker_state state = {};
	struct vha_worker *worker;

	worker = worker_create(dev);
	if (IS_ERR(worker))
		return PTR_ERR(worker) == -EBUSY ? -ENOSPC : PTR_ERR(worker);
	state.worker_id = worker->id;
	if (copy_to_user(argp, &state, sizeof(state))) {
		worker_destroy(worker);
		return -EFAULT;
	}
	return 0;
}

static long free_worker(struct vha_device *dev, void __user *argp)
{
	struct vhost_worker_state state;
	struct vha_worker *worker;

	if (copy_from_user(&state, argp, sizeof(state)))
		return -EFAULT;
	worker = xa_load(&dev->workers->workers, state.worker_id);
	if (!worker)
		return -ENODEV;
	if (worker->attached)
		return -EBUSY;
	/* Those who queue work may still have seen it as a queue's worker. */
	synchronize_rcu();
	worker_destroy(worker);
	return 0;
}

static struct vha_queue *worker_queue(struct vha_device *dev, void __user *argp,
				      struct vhost_vring_worker *arg)
{
	if (copy_from_user(arg, argp, sizeof(*arg)))
		return ERR_PTR(-EFAULT);
	if (arg->index >= dev->class->max_queues)
		return ERR_PTR(-ENOBUFS);
	return dev->vqs[array_index_nospec(arg->index, dev->class->max_queues)];
}

static long attach_worker(struct vha_device *dev, void __user *argp)
{
	struct vhost_vring_worker arg;
	struct vha_worker *worker;
	struct vha_queue *vq;

	vq = worker_queue(dev, argp, &arg);
	if (IS_ERR(vq))
		return PTR_ERR(vq);
	worker = xa_load(&dev->workers->workers, arg.worker_id);
	if (!worker)
		return -ENODEV;
	worker_attach(vq, worker);
	/* A kick on its way may have found nothing to do on the old worker. */
	vha_queue_kick(vq);
	return 0;
}

static long get_worker(struct vha_device *dev, void __user *argp)
{
	struct vhost_vring_worker arg;
	struct vha_worker *worker;
	struct vha_queue *vq;

	vq = worker_queue(dev, argp, &arg);
	if (IS_ERR(vq))
		return PTR_ERR(vq);
	worker = rcu_dereference_protected(vq->worker, lockdep_is_held(&dev->mutex));
	arg.worker_id = worker->id;
	return copy_to_user(argp, &arg, sizeof(arg)) ? -EFAULT : 0;
}

/**
 * vha_worker_ioctl() - the worker ioctls of <linux/vhost.h>
 * @dev: the device, with an owner
 * @cmd: the ioctl's number
 * @argp: its argument
 *
 * Return: 0, -EFAULT, -ENOMEM, -EAGAIN for a worker beyond RLIMIT_NPROC, -ENOSPC
 * with all workers created, -ENODEV for an unknown worker, -ENOBUFS for an unknown
 * queue, -EBUSY for freeing a worker that serves a queue, -ENOIOCTLCMD for any
 * other @cmd.
 */
long vha_worker_ioctl(struct vha_device *dev, unsigned int cmd, void __user *argp)
{
	lockdep_assert_held(&dev->mutex);
	switch (cmd) {
	case VHOST_NEW_WORKER:
		return new_worker(dev, argp);
	case VHOST_FREE_WORKER:
		return free_worker(dev, argp);
	case VHOST_ATTACH_VRING_WORKER:
		return attach_worker(dev, argp);
	case VHOST_GET_VRING_WORKER:
		return get_worker(dev, argp);
	default:
		return -ENOIOCTLCMD;
	}
}
