// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that sleep: run by a workqueue, in the name of the VMM
 */
#include <linux/blk-cgroup.h>
#include <linux/cgroup.h>
#include <linux/kthread.h>
#include <linux/workqueue.h>

#include "blk.h"

/**
 * vha_blk_slow_create() - get ready for requests that sleep
 * @blk: the disk
 *
 * Each disk has its own workqueue, so that one that hangs keeps nobody else
 * waiting.
 *
 * Return: 0 or -ENOMEM.
 */
int vha_blk_slow_create(struct vha_blk *blk)
{
	if (!blk->workqueue)
		blk->workqueue = alloc_workqueue("vhost_accel_blk",
						 WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return blk->workqueue ? 0 : -ENOMEM;
}

/**
 * vha_blk_slow_destroy() - undo vha_blk_slow_create()
 * @blk: the disk, without a request in flight
 */
void vha_blk_slow_destroy(struct vha_blk *blk)
{
	if (blk->workqueue)
		destroy_workqueue(blk->workqueue);
}

/**
 * vha_blk_css_get() - remember in whose name a request does I/O
 * @rq: the request
 *
 * Context: the queue's worker, which is in the VMM's cgroup.
 */
void vha_blk_css_get(struct vha_blk_request *rq)
{
#ifdef CONFIG_BLK_CGROUP
	if (!rq->css)
		rq->css = task_get_css(current, io_cgrp_id);
#endif
}

/**
 * vha_blk_css_put() - forget it
 * @rq: the request
 *
 * Context: any.
 */
void vha_blk_css_put(struct vha_blk_request *rq)
{
#ifdef CONFIG_BLK_CGROUP
	if (rq->css)
		css_put(rq->css);
	rq->css = NULL;
#endif
}

static void slow_work(struct work_struct *work)
{
	struct vha_blk_request *rq = container_of(work, struct vha_blk_request, work);
	const struct cred *cred = get_cred(rq_blk(rq)->object.file->f_cred);
	const struct cred *old = override_creds(cred);

	/* The function ends the request, and with it our hold on file and cgroup. */
	kthread_associate_blkcg(rq->css);
	rq->slow(rq);
	kthread_associate_blkcg(NULL);
	revert_creds(old);
	put_cred(cred);
}

/**
 * vha_blk_slow() - run part of a request where it may sleep
 * @rq: the request; if it does I/O, vha_blk_css_get() was called for it
 * @fn: ends in vha_blk_request_done()
 *
 * Context: any.
 */
void vha_blk_slow(struct vha_blk_request *rq, void (*fn)(struct vha_blk_request *rq))
{
	rq->slow = fn;
	INIT_WORK(&rq->work, slow_work);
	queue_work(rq_blk(rq)->workqueue, &rq->work);
}
