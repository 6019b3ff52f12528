// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers for one received packet
 *
 * Gathers as many as the packet needs before it is received, and returns none
 * before it is complete, so that the driver never sees a part of a packet. Of
 * a buffer only as much is looked at as the packet needs.
 */
#include "net.h"

static bool chain_writable(const struct vha_chain *chain)
{
	return !chain->out_num && chain->in_len;
}

/* As take_segs(), of a buffer that is one piece of memory; false when it is not. */
static bool take_seg(struct vha_net_queue *q, const struct vha_chain *chain, u32 len)
{
	struct vha_net_rx *rx = q->rx;
	unsigned int at = rx->nr_segs;

	if (chain->in_num != 1 || at >= VHA_NET_SEGS || rx->nr_iov >= VHA_NET_SEGS)
		return false;
	if (!vha_seg_iov(&q->vq, chain->segs, len, &rx->iov[rx->nr_iov]))
		return false;
	rx->segs[at] = (struct vha_seg) { .addr = chain->segs->addr, .len = len };
	rx->nr_segs++;
	rx->nr_iov++;
	return true;
}

/* Notes where the buffer's first @len bytes are; returns their number. */
static int take_segs(struct vha_net_queue *q, const struct vha_chain *chain, u32 len)
{
	struct vha_net_rx *rx = q->rx;
	struct vha_cursor cursor = vha_chain_in(chain);
	struct vha_cursor start;
	u32 left = len;
	unsigned int nr = 0;
	int ret;

	for (vha_cursor_skip(&cursor, 0); left; nr++) {
		u32 piece = min(left, cursor.seg->len);

		if (rx->nr_segs + nr == VHA_NET_SEGS)
			return -EMSGSIZE;
		rx->segs[rx->nr_segs + nr] = (struct vha_seg) {
			.addr = cursor.seg->addr, .len = piece,
		};
		left -= piece;
		vha_cursor_skip(&cursor, piece);
	}
	start = (struct vha_cursor) { .seg = rx->segs + rx->nr_segs, .nr = nr };
	ret = vha_cursor_iov(&q->vq, &start, len, rx->iov + rx->nr_iov,
			     VHA_NET_SEGS - rx->nr_iov);
	if (ret < 0)
		return ret;
	rx->nr_segs += nr;
	rx->nr_iov += ret;
	return len;
}

/*
 * Returns the bytes that go into the buffer, zero when it makes no sense, or
 * -EMSGSIZE when there are too many pieces.
 */
static int take_chain(struct vha_net_queue *q, const struct vha_chain *chain, u32 len)
{
	int ret = -EINVAL;

	if (chain_writable(chain)) {
		len = min(len, chain->in_len);
		ret = take_seg(q, chain, len) ? len : take_segs(q, chain, len);
	}
	if (ret >= 0 || ret == -EMSGSIZE)
		return ret;
	q->rx->nr_bad++;
	return 0;
}

/*
 * Takes one more buffer. Returns the bytes that go into it, or: -EAGAIN when
 * there is none, or none yet; -EMSGSIZE when there can not be enough of them;
 * -EBADMSG when it was the first and makes no sense; -EINVAL with the queue
 * broken.
 */
static int take_buffer(struct vha_net_queue *q, u32 len)
{
	struct vha_chain *chain = &q->vq.chain;
	struct vha_net_rx *rx = q->rx;
	struct vha_used *used = &rx->used[rx->nr_used + rx->nr_heads];
	int ret;

	if (rx->nr_heads == (net_of(q)->mergeable ? VHA_NET_BUFFERS : 1))
		return -EMSGSIZE;
	ret = vha_queue_fetch(&q->vq, chain);
	if (ret < 0)
		return ret;
	if (!ret)
		return vha_queue_exhausted(&q->vq) && !rx->nr_used ? -EMSGSIZE : -ENOBUFS;
	used->token = chain->token;
	rx->nr_heads++;
	ret = take_chain(q, chain, len);
	used->len = max(ret, 0);
	/* The header has to be somewhere: such a buffer can not be the first. */
	return !ret && rx->nr_heads == 1 ? -EBADMSG : ret;
}

/**
 * vha_net_merge_undo() - put what was gathered back
 * @q: the queue
 */
void vha_net_merge_undo(struct vha_net_queue *q)
{
	struct vha_net_rx *rx = q->rx;

	/* The one fetched last goes back first. */
	while (rx->nr_heads)
		vha_queue_unfetch(&q->vq, &rx->used[rx->nr_used + --rx->nr_heads].token);
	rx->nr_bad = 0;
	rx->nr_segs = 0;
	rx->nr_iov = 0;
}

/**
 * vha_net_merge_gather() - gather buffers for a packet
 * @q: the queue; filled in: from &vha_net_rx.nr_heads on
 * @len: bytes of the packet, header included; not zero
 *
 * A buffer that makes no sense is a part of the packet with no bytes in it.
 *
 * Return: 0. Or, with all of them put back: -ENOBUFS when the driver has to
 * give more, -EAGAIN when a translation is needed, -EMSGSIZE when the packet
 * will never fit, -EINVAL when the queue is broken now. Or -EBADMSG: the first
 * buffer makes no sense; it alone was gathered.
 */
int vha_net_merge_gather(struct vha_net_queue *q, u32 len)
{
	struct vha_net_rx *rx = q->rx;
	int ret;

	lockdep_assert_held(&q->vq.mutex);
	rx->nr_heads = 0;
	rx->nr_bad = 0;
	rx->nr_segs = 0;
	rx->nr_iov = 0;
	while (len) {
		ret = take_buffer(q, len);
		if (ret == -EBADMSG)
			return ret;
		if (ret < 0) {
			vha_net_merge_undo(q);
			return ret;
		}
		len -= ret;
	}
	return 0;
}
