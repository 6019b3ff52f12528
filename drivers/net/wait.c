// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for the back end: for packets to receive, or for room to transmit
 *
 * While a queue is busy it is not in the wait queue of its socket, so that
 * whoever brings packets pays nothing. The worker enters it before its last
 * look and leaves it when it turns to the queue again.
 */
#include <net/sock.h>

#include "net.h"

/* Runs with the wait queue's lock held, often in a soft interrupt. */
static int wake(wait_queue_entry_t *entry, unsigned int mode, int sync, void *key)
{
	struct vha_net_queue *q = container_of(entry, struct vha_net_queue, wait);
	__poll_t wanted = vha_net_transmits(&q->vq) ? EPOLLOUT : EPOLLIN;

	if (!key || key_to_poll(key) & (wanted | EPOLLERR | EPOLLHUP))
		vha_queue_kick(&q->vq);
	return 0;
}

/**
 * vha_net_wait_init() - prepare a queue for waiting
 * @q: the queue
 */
void vha_net_wait_init(struct vha_net_queue *q)
{
	init_waitqueue_func_entry(&q->wait, wake);
}

/**
 * vha_net_wait_begin() - have the worker turn to the queue when there is news
 * @q: the queue
 *
 * The caller looks once more afterwards.
 */
void vha_net_wait_begin(struct vha_net_queue *q)
{
	struct socket *sock = q->backend.sock;

	lockdep_assert_held(&q->vq.mutex);
	if (!q->listening) {
		add_wait_queue(sk_sleep(sock->sk), &q->wait);
		q->listening = true;
	}
	if (vha_net_transmits(&q->vq)) {
		/* Without these nobody says that there is room. */
		set_bit(SOCKWQ_ASYNC_NOSPACE, &sock->flags);
		set_bit(SOCK_NOSPACE, &sock->flags);
	}
	/*
	 * Before the last look; pairs with the barrier in skwq_has_sleeper()
	 * between what is waited for and the look at the wait queue.
	 */
	smp_mb();
}

/**
 * vha_net_wait_end() - undo vha_net_wait_begin()
 * @q: the queue; it need not wait
 */
void vha_net_wait_end(struct vha_net_queue *q)
{
	lockdep_assert_held(&q->vq.mutex);
	if (!q->listening)
		return;
	remove_wait_queue(sk_sleep(q->backend.sock->sk), &q->wait);
	q->listening = false;
}
