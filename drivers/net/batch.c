// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copied packets for a tap
 *
 * A tap takes an array of packets, each in memory that becomes the packet's
 * own in the network stack: the header at the start, then room, then the
 * packet, then what the stack wants behind it.
 */
#include <kunit/visibility.h>
#include <linux/gfp.h>
#include <linux/if_tun.h>
#include <net/sock.h>

#include "net.h"
#include "trace.h"

/* Room before a packet for headers others may put there. */
#define ROOM		(NET_IP_ALIGN + NET_SKB_PAD)
/* The most memory for a packet: pages that allocators still have at hand. */
#define SIZE_MAX_MEMORY	(PAGE_SIZE << PAGE_ALLOC_COSTLY_ORDER)

#define MEMORY_FLAGS	(GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

/**
 * vha_net_batch_layout() - where things are in the memory of a copied packet
 * @vnet: bytes of header before it
 * @len: bytes of the packet
 * @xdp: a program may look at it, which wants more room before it
 *
 * Return: the layout.
 */
struct vha_net_layout vha_net_batch_layout(u32 vnet, u32 len, bool xdp)
{
	u32 pad = SKB_DATA_ALIGN(ROOM + (xdp ? XDP_PACKET_HEADROOM : 0) + vnet);

	return (struct vha_net_layout) {
		.pad = pad,
		.size = SKB_DATA_ALIGN(pad + len) +
			SKB_DATA_ALIGN(sizeof(struct skb_shared_info)),
	};
}
EXPORT_SYMBOL_IF_KUNIT(vha_net_batch_layout);

static bool wants_xdp(const struct vha_net_queue *q)
{
	return sock_flag(q->backend.sock->sk, SOCK_XDP);
}

/**
 * vha_net_batch_takes() - whether a packet can be sent in a batch
 * @q: the queue
 * @len: bytes of the packet, the back end's header included
 * @layout: filled in when it can
 *
 * A back end that limits what is on its way has to be asked for each packet.
 *
 * Return: whether it can.
 */
bool vha_net_batch_takes(struct vha_net_queue *q, u32 len, struct vha_net_layout *layout)
{
	bool xdp = wants_xdp(q);
	u32 vnet = net_of(q)->vnet;

	if (!q->backend.tap || READ_ONCE(q->backend.sock->sk->sk_sndbuf) != INT_MAX)
		return false;
	if (len > SIZE_MAX_MEMORY)
		return false;
	*layout = vha_net_batch_layout(vnet, len - vnet, xdp);
	/* Programs are shown packets of a page at most. */
	return layout->size <= (xdp ? PAGE_SIZE : SIZE_MAX_MEMORY);
}
EXPORT_SYMBOL_IF_KUNIT(vha_net_batch_takes);

/* Pieces of pages; what is larger has pages of its own, and all of them. */
static void *memory_alloc(struct vha_net_tx *tx, u32 *size)
{
	unsigned int order = get_order(*size);
	struct page *page;

	if (!order)
		return page_frag_alloc_align(&tx->frags, *size, MEMORY_FLAGS, SMP_CACHE_BYTES);
	page = alloc_pages(MEMORY_FLAGS | __GFP_NORETRY | __GFP_COMP, order);
	if (!page)
		return NULL;
	*size = PAGE_SIZE << order;
	return page_address(page);
}

static bool tunnels(struct vha_net_queue *q)
{
	return vha_queue_feature(&q->vq, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO);
}

/*
 * The memory is pages: what else a range could be a part of, and how long that is,
 * has not to be found out as for any other copy from user space.
 */
static int copy_packet(struct vha_net_queue *q, struct vha_cursor *cursor, void *to, u32 len)
{
	struct iovec *iov = q->tx->iov;
	struct iov_iter iter;
	int nr;

	nr = vha_cursor_iov(&q->vq, cursor, len, iov, VHA_NET_SEGS);
	if (nr < 0)
		return nr;
	if (likely(nr == 1))
		iov_iter_ubuf(&iter, ITER_SOURCE, iov->iov_base, len);
	else
		iov_iter_init(&iter, ITER_SOURCE, iov, nr, len);
	if (copy_page_from_iter(virt_to_page(to), offset_in_page(to), len, &iter) != len)
		return -EFAULT;
	return 0;
}

/*
 * Copies header and packet at once, then the header to where the back end wants
 * it. That may look at more of a header than the driver has, which is zero.
 */
static int fill(struct vha_net_queue *q, struct vha_cursor *cursor, void *mem, u32 size,
		const struct vha_net_layout *layout, u32 len)
{
	u32 vnet = net_of(q)->vnet;
	void *header = mem + layout->pad - vnet;
	void *copy = tun_xdp_header(mem, size);
	int ret;

	ret = copy_packet(q, cursor, header, len);
	if (ret)
		return ret;
	memset(copy, 0, VHA_NET_HEADER_MAX);
	/* Nearly every driver's is of this length, which then needs no call. */
	if (likely(vnet == sizeof(struct virtio_net_hdr_v1)))
		memcpy(copy, header, sizeof(struct virtio_net_hdr_v1));
	else
		memcpy(copy, header, vnet);
	return vnet ? vha_net_header_check(copy, len - vnet, tunnels(q)) : 0;
}

/**
 * vha_net_batch_add() - copy a packet, to be sent with the batch
 * @q: the queue
 * @cursor: where in the driver's buffer
 * @len: bytes of the packet, the back end's header included
 * @layout: from vha_net_batch_takes()
 *
 * Return: 0; -ENOMEM; -EFAULT when it can not be read, -EMSGSIZE when it is in too
 * many pieces; -EINVAL for a header that makes no sense. The caller returns the
 * buffer in any case.
 */
int vha_net_batch_add(struct vha_net_queue *q, struct vha_cursor *cursor, u32 len,
		      const struct vha_net_layout *layout)
{
	struct vha_net_tx *tx = q->tx;
	struct xdp_buff *xdp = &tx->xdp[tx->nr_xdp];
	u32 vnet = net_of(q)->vnet;
	u32 size = layout->size;
	void *mem;
	int ret;

	mem = memory_alloc(tx, &size);
	if (!mem)
		return -ENOMEM;
	ret = fill(q, cursor, mem, size, layout, len);
	if (ret) {
		page_frag_free(mem);
		return ret;
	}
	xdp_init_buff(xdp, size, NULL);
	xdp_prepare_buff(xdp, mem, layout->pad, len - vnet, true);
	tx->nr_xdp++;
	tx->xdp_bytes += len - vnet;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_net_batch_add);

static void batch_refused(struct vha_net_queue *q, int error)
{
	struct vha_net_tx *tx = q->tx;
	unsigned int i;

	for (i = 0; i < tx->nr_xdp; i++)
		page_frag_free(tx->xdp[i].data_hard_start);
	vha_net_count(q, VHA_NET_DROPPED, tx->nr_xdp);
	trace_vha_net_drop(&q->vq, VHA_NET_DROP_REFUSED, tx->nr_xdp, error);
}

static void batch_sent(struct vha_net_queue *q)
{
	struct vha_net_tx *tx = q->tx;

	vha_net_count(q, VHA_NET_PACKETS, tx->nr_xdp);
	vha_net_count(q, VHA_NET_BYTES, tx->xdp_bytes);
	vha_net_count(q, VHA_NET_BATCHES, tx->nr_xdp > 1);
	trace_vha_net_transmit(&q->vq, tx->nr_xdp, tx->xdp_bytes);
}

/**
 * vha_net_batch_send() - hand the copied packets to the back end
 * @q: the queue; there may be none
 */
void vha_net_batch_send(struct vha_net_queue *q)
{
	struct socket *sock = q->backend.sock;
	struct vha_net_tx *tx = q->tx;
	struct tun_msg_ctl ctl = {
		.type = TUN_MSG_PTR,
		.num = tx->nr_xdp,
		.ptr = tx->xdp,
	};
	struct msghdr msg = {
		.msg_control = &ctl,
		.msg_controllen = sizeof(ctl),
		.msg_flags = MSG_DONTWAIT,
	};
	int ret;

	if (!tx->nr_xdp)
		return;
	ret = sock->ops->sendmsg(sock, &msg, 0);
	/* Either it has taken all of them or none. */
	if (ret < 0)
		batch_refused(q, ret);
	else
		batch_sent(q);
	tx->nr_xdp = 0;
	tx->xdp_bytes = 0;
}
