/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets on their way to the guest, in queues that take turns
 */
#ifndef VHOST_ACCEL_VSOCK_SCHED_H
#define VHOST_ACCEL_VSOCK_SCHED_H

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/virtio_vsock.h>

/** define VHA_VSOCK_TURN - bytes of a connection before others have their turn */
#define VHA_VSOCK_TURN		SZ_16K
/** define VHA_VSOCK_LEAD - bytes that flows which were idle may be ahead of the others */
#define VHA_VSOCK_LEAD		VHA_VSOCK_TURN
/** define VHA_VSOCK_FLOWS_KEPT - flows kept for reuse when they are empty */
#define VHA_VSOCK_FLOWS_KEPT	16
/** define VHA_VSOCK_MERGE - payload of a packet that is appended to another's */
#define VHA_VSOCK_MERGE		128

/**
 * DOC: Turns
 *
 * The packets of one connection form a flow and keep their order. Flows that
 * were idle come first, once; then they queue up with the others, of which
 * each sends %VHA_VSOCK_TURN bytes before the next one does. So what a
 * connection has waits for the rest of one packet when it was idle, and for
 * one turn of each other busy connection when it was not. All that come and go
 * together can be ahead of the busy ones by %VHA_VSOCK_LEAD bytes; from then on
 * they send as many bytes as those do. A packet larger than the guest's buffer
 * goes in pieces, with others in between.
 *
 * What carries no data only tells the latest state, so that a packet equal to
 * the last one of its flow takes its place; small data is appended to the last
 * packet. That bounds what a guest that takes no packets can make pile up in one
 * connection. Of connections that the host has ended the packets stay until the
 * guest takes them, and their memory is counted; what the guest has ended it does
 * not want, and that is dropped.
 *
 * What was taken to be sent is out of its flow and goes back there if it is not
 * sent, or not whole. Packets of a stream that follow each other may be taken
 * together, to share the guest's buffer. One that is sent in pieces is kept in
 * between while it would be the next one anyway.
 *
 * A flow is allocated for its first packet. Without memory for it the packet
 * goes into a queue that all such connections share, and while it is not
 * empty no flow is made, so that packets of a connection stay in order.
 */

/**
 * struct vha_vsock_flow - packets of one connection to the guest
 * @node: entry in &vha_vsock_sched.flows
 * @turn: entry in one of the lists of flows
 * @packets: the packets, linked by the scheduler's lock alone
 * @src_cid: whose packets
 * @src_port: from which port
 * @dst_port: to which port of the guest
 * @credit: bytes left of its turn
 * @memory: of @packets, without those from siblings
 * @shutdown: what of the connection the host has closed, VIRTIO_VSOCK_SHUTDOWN_*
 * @listed: in a list, or being served
 */
struct vha_vsock_flow {
	struct hlist_node node;
	struct list_head turn;
	struct sk_buff_head packets;
	u64 src_cid;
	u32 src_port;
	u32 dst_port;
	s32 credit;
	u32 shutdown;
	u64 memory;
	bool listed;
};

/**
 * struct vha_vsock_sched - all packets on their way to a guest
 * @lock: protects all of this
 * @flows: by addresses; all but @shared
 * @seed: of the hash
 * @fresh: flows that were idle
 * @turns: flows that take turns
 * @shared: for connections there was no memory for
 * @serving: flow of @taken, or NULL
 * @taken: packets that are being sent; only who takes packets changes the list
 * @ahead: @serving is in @fresh
 * @lead: bytes that @fresh is ahead of @turns
 * @kept: empty flows
 * @nr_kept: how many
 * @packets: packets in all flows
 * @bytes: memory of those that came from sibling machines
 * @ended: memory of the others in flows that the host has ended, and in @shared
 * @merged: packets that became part of another or took its place
 */
struct vha_vsock_sched {
	spinlock_t lock;
	DECLARE_HASHTABLE(flows, 9);
	u32 seed;
	struct list_head fresh;
	struct list_head turns;
	struct vha_vsock_flow shared;
	struct vha_vsock_flow *serving;
	struct sk_buff_head taken;
	bool ahead;
	u32 lead;
	struct list_head kept;
	unsigned int nr_kept;
	unsigned int packets;
	u64 bytes;
	u64 ended;
	u64 merged;
};

/**
 * struct vha_vsock_cb - what we remember of a packet
 * @common: of the transports' common code
 * @sibling: memory of a packet that came from a sibling, else 0
 * @over: of a packet that was taken: it is sent, or nobody wants it any more
 */
struct vha_vsock_cb {
	struct virtio_vsock_skb_cb common;
	u32 sibling;
	bool over;
};

static inline struct vha_vsock_cb *vha_vsock_cb(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct vha_vsock_cb) > sizeof(skb->cb));
	return (struct vha_vsock_cb *)skb->cb;
}

void vha_vsock_sched_init(struct vha_vsock_sched *sched);
unsigned int vha_vsock_sched_add(struct vha_vsock_sched *sched, struct sk_buff *skb);
bool vha_vsock_sched_add_sibling(struct vha_vsock_sched *sched, struct sk_buff *skb,
				 u64 limit, unsigned int *replies);
struct sk_buff *vha_vsock_sched_take(struct vha_vsock_sched *sched);
struct sk_buff *vha_vsock_sched_more(struct vha_vsock_sched *sched);
bool vha_vsock_sched_keep(struct vha_vsock_sched *sched, u32 sent);
void vha_vsock_sched_finish(struct vha_vsock_sched *sched, u32 sent, struct sk_buff_head *list);
unsigned int vha_vsock_sched_cancel(struct vha_vsock_sched *sched, const struct sock *sk);
void vha_vsock_sched_drop(struct vha_vsock_sched *sched, const struct virtio_vsock_hdr *hdr,
			  bool data, struct sk_buff_head *list);
unsigned int vha_vsock_sched_purge(struct vha_vsock_sched *sched);

#endif /* VHOST_ACCEL_VSOCK_SCHED_H */
