// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transmitting: buffers of the driver go to the back end as packets
 *
 * There are three ways, and the order of packets is kept between them: copied
 * into a batch, which a tap takes at once; one by one, for other back ends and
 * packets too long for a batch; and one by one from the guest's memory. Only
 * of the last the buffer is returned later than at the end of the batch.
 */
#include <linux/if_tun.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "net.h"
#include "trace.h"

/**
 * vha_net_tx_create() - what a transmit queue needs to run
 *
 * Return: it, or NULL.
 */
struct vha_net_tx *vha_net_tx_create(void)
{
	struct vha_net_tx *tx = kvzalloc(sizeof(*tx), GFP_KERNEL_ACCOUNT);

	if (tx && vha_net_zerocopy_create(&tx->zerocopy)) {
		kvfree(tx);
		return NULL;
	}
	return tx;
}

/**
 * vha_net_tx_destroy() - undo vha_net_tx_create()
 * @tx: what it returned, or NULL
 */
void vha_net_tx_destroy(struct vha_net_tx *tx)
{
	if (!tx)
		return;
	vha_net_zerocopy_destroy(&tx->zerocopy);
	page_frag_cache_drain(&tx->frags);
	kvfree(tx);
}

/* The buffer is returned when the batch ends. */
static void done(struct vha_net_queue *q, const struct vha_token *token)
{
	struct vha_net_tx *tx = q->tx;

	tx->used[tx->nr_used].token = *token;
	tx->used[tx->nr_used].len = 0;
	tx->nr_used++;
}

static void malformed(struct vha_net_queue *q, enum vha_net_drop reason, int error)
{
	vha_net_count(q, VHA_NET_MALFORMED, 1);
	trace_vha_net_drop(&q->vq, reason, 1, error);
}

static void count_single(struct vha_net_queue *q, int error, u32 bytes)
{
	if (error >= 0) {
		vha_net_count(q, VHA_NET_PACKETS, 1);
		vha_net_count(q, VHA_NET_BYTES, bytes);
		vha_net_count(q, VHA_NET_SINGLE, 1);
		trace_vha_net_transmit(&q->vq, 1, bytes);
	} else if (error == -EINVAL) {
		/* The back end looks at the header. */
		malformed(q, VHA_NET_DROP_HEADER, error);
	} else {
		vha_net_count(q, VHA_NET_DROPPED, 1);
		trace_vha_net_drop(&q->vq, VHA_NET_DROP_REFUSED, 1, error);
	}
}

/* Waits for room; who would tell us may have done so already. */
static int wait_for_room(struct vha_net_queue *q)
{
	vha_net_count(q, VHA_NET_AGAIN, 1);
	vha_net_wait_begin(q);
	if (sock_writeable(q->backend.sock->sk))
		vha_queue_kick(&q->vq);
	return -EAGAIN;
}

static int send_copied(struct vha_net_queue *q, struct msghdr *msg, size_t len)
{
	struct socket *sock = q->backend.sock;

	return sock->ops->sendmsg(sock, msg, len);
}

/* Returns as sendmsg(); sets @kept when the buffer is returned later. */
static int send_pinned(struct vha_net_queue *q, struct msghdr *msg, size_t len,
		       struct vha_net_zerocopy_slot *slot, const struct vha_token *token,
		       bool *kept)
{
	struct tun_msg_ctl ctl = { .type = TUN_MSG_UBUF, .ptr = &slot->ubuf };
	int ret;

	slot->token = *token;
	msg->msg_control = &ctl;
	msg->msg_controllen = sizeof(ctl);
	ret = send_copied(q, msg, len);
	*kept = vha_net_zerocopy_put(slot, token, ret >= 0);
	return ret;
}

static int transmit_single(struct vha_net_queue *q, const struct vha_chain *chain,
			   struct vha_cursor *cursor, u32 len)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct vha_net_zerocopy_slot *slot;
	struct vha_net_tx *tx = q->tx;
	bool kept = false;
	int ret;

	vha_net_batch_send(q);
	ret = vha_cursor_iov(&q->vq, cursor, len, tx->iov, VHA_NET_SEGS);
	if (ret < 0) {
		malformed(q, VHA_NET_DROP_BUFFER, ret);
		done(q, &chain->token);
		return 0;
	}
	if (ret == 1)
		iov_iter_ubuf(&msg.msg_iter, ITER_SOURCE, tx->iov[0].iov_base, len);
	else
		iov_iter_init(&msg.msg_iter, ITER_SOURCE, tx->iov, ret, len);
	slot = vha_net_zerocopy_get(q, len);
	if (slot)
		ret = send_pinned(q, &msg, len, slot, &chain->token, &kept);
	else
		ret = send_copied(q, &msg, len);
	if (ret == -EAGAIN && !kept)
		return wait_for_room(q);
	count_single(q, ret, len - net_of(q)->vnet);
	if (!kept)
		done(q, &chain->token);
	return 0;
}

static bool chain_sane(const struct vha_net *net, const struct vha_chain *chain)
{
	return !chain->in_num && chain->out_len >= net->header + ETH_HLEN &&
	       chain->out_len <= VHA_NET_PACKET_MAX;
}

/* As &vha_chain_fn. */
static int transmit(struct vha_queue *vq, struct vha_chain *chain)
{
	struct vha_net_queue *q = to_net_queue(vq);
	struct vha_cursor cursor = vha_chain_out(chain);
	struct vha_net *net = net_of(q);
	u32 own = net->header - net->vnet;
	u32 len = chain->out_len - own;
	struct vha_net_layout layout;
	int ret;

	if (!chain_sane(net, chain)) {
		malformed(q, VHA_NET_DROP_BUFFER, -EINVAL);
		done(q, &chain->token);
		return 0;
	}
	vha_cursor_skip(&cursor, own);
	if (!vha_net_batch_takes(q, len, &layout))
		return transmit_single(q, chain, &cursor, len);
	ret = vha_net_batch_add(q, &cursor, len, &layout);
	if (ret == -ENOMEM)
		return transmit_single(q, chain, &cursor, len);
	if (ret)
		malformed(q, ret == -EINVAL ? VHA_NET_DROP_HEADER : VHA_NET_DROP_BUFFER, ret);
	done(q, &chain->token);
	return 0;
}

/**
 * vha_net_transmit() - a turn of a transmit queue
 * @q: the queue
 */
void vha_net_transmit(struct vha_net_queue *q)
{
	vha_net_wait_end(q);
	vha_queue_drain(&q->vq, transmit);
}

/**
 * vha_net_transmitted() - the batch is over
 * @q: the queue
 */
void vha_net_transmitted(struct vha_net_queue *q)
{
	struct vha_net_tx *tx = q->tx;

	vha_net_batch_send(q);
	vha_queue_used_many(&q->vq, tx->used, tx->nr_used);
	tx->nr_used = 0;
}
