/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the socket device class offer each other
 */
#ifndef VHOST_ACCEL_VSOCK_VSOCK_H
#define VHOST_ACCEL_VSOCK_VSOCK_H

#include <linux/atomic.h>
#include <linux/virtio_vsock.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

#include <vhost_accel/class.h>

#include "packet.h"
#include "sched.h"

/** define VHA_VSOCK_REPLIES - answers to a guest that may wait for its buffers
 *
 * With so many the guest's own packets wait.
 */
#define VHA_VSOCK_REPLIES	256
/** define VHA_VSOCK_SIBLING_BYTES - memory of packets from siblings that may wait */
#define VHA_VSOCK_SIBLING_BYTES	SZ_16M
/** define VHA_VSOCK_ENDED_BYTES - memory of packets of ended connections that may wait
 *
 * With so much the guest gets no new connections.
 */
#define VHA_VSOCK_ENDED_BYTES	SZ_16M
/** define VHA_VSOCK_JOIN - data worth a page of its own when it is appended to a packet */
#define VHA_VSOCK_JOIN		SZ_2K
/** define VHA_VSOCK_BATCH - buffers that are returned together */
#define VHA_VSOCK_BATCH		64

struct seq_file;

/**
 * enum vha_vsock_stat - counters of a queue; each has one writer, its worker
 * @VHA_VSOCK_PACKETS: packets moved
 * @VHA_VSOCK_BYTES: bytes of data in them
 * @VHA_VSOCK_SPLIT: receive queue: pieces that were not the end of their packet
 * @VHA_VSOCK_MALFORMED: buffers of the wrong form, returned unused
 * @VHA_VSOCK_SPOOFED_PACKETS: dropped for their source address
 * @VHA_VSOCK_UNROUTABLE: to an address that is nobody's or not allowed
 * @VHA_VSOCK_RESETS: connections closed because of what a packet said
 * @VHA_VSOCK_IGNORED: packets that said nothing
 * @VHA_VSOCK_FORWARDED: packets given to a sibling
 * @VHA_VSOCK_OVERFLOWS: connections closed because a sibling took nothing
 * @VHA_VSOCK_NO_MEMORY: times there was no memory and the packet had to wait
 * @VHA_VSOCK_THROTTLED: times the guest's packets waited for answers to leave
 * @VHA_VSOCK_REFUSED: connections refused because too much of ended ones waits
 * @VHA_VSOCK_JOINED: packets that shared the buffer, or the way, of the one before
 * @VHA_VSOCK_COUNTS: number of the counters a worker keeps
 * @VHA_VSOCK_MERGED: receive queue: packets that became part of another
 * @VHA_VSOCK_QUEUED: receive queue: packets that wait
 * @VHA_VSOCK_STATS: number of values
 */
enum vha_vsock_stat {
	VHA_VSOCK_PACKETS,
	VHA_VSOCK_BYTES,
	VHA_VSOCK_SPLIT,
	VHA_VSOCK_MALFORMED,
	VHA_VSOCK_SPOOFED_PACKETS,
	VHA_VSOCK_UNROUTABLE,
	VHA_VSOCK_RESETS,
	VHA_VSOCK_IGNORED,
	VHA_VSOCK_FORWARDED,
	VHA_VSOCK_OVERFLOWS,
	VHA_VSOCK_NO_MEMORY,
	VHA_VSOCK_THROTTLED,
	VHA_VSOCK_REFUSED,
	VHA_VSOCK_JOINED,
	VHA_VSOCK_COUNTS,
	VHA_VSOCK_MERGED = VHA_VSOCK_COUNTS,
	VHA_VSOCK_QUEUED,
	VHA_VSOCK_STATS,
};

/**
 * struct vha_vsock_peer - a sibling the guest may talk to
 * @cid: its CID
 * @tenure: &vha_vsock.tenure of the one that was met under this CID, or 0
 */
struct vha_vsock_peer {
	u32 cid;
	u64 tenure;
};

/**
 * struct vha_vsock_peers_list - siblings the guest may talk to
 * @rcu: for freeing
 * @count: how many
 * @peers: these
 */
struct vha_vsock_peers_list {
	struct rcu_head rcu;
	u32 count;
	struct vha_vsock_peer peers[] __counted_by(count);
};

/**
 * struct vha_vsock - a guest's socket device
 * @dev: the device
 * @net: network namespace of who opened it
 * @net_tracker: our reference to @net
 * @node: entry in the table of CIDs
 * @cid: the guest's CID, 0 for none; written with the table's mutex held
 * @tenure: when it got its CID, a number that no other guest had; written before it
 *	can be found
 * @running: the receive queue is started
 * @seqpacket: the driver knows SOCK_SEQPACKET
 * @reset_pending: the driver is to hear of a transport reset
 * @replies: answers to the guest in @sched
 * @sched: packets to the guest
 * @peers: siblings the guest may talk to, NULL for none; RCU
 * @retry: turns to the transmit queue when there may be memory again
 */
struct vha_vsock {
	struct vha_device dev;
	struct net *net;
	netns_tracker net_tracker;
	struct hlist_node node;
	u32 cid;
	u64 tenure;
	bool running;
	bool seqpacket;
	bool reset_pending;
	atomic_t replies;
	struct vha_vsock_sched sched;
	struct vha_vsock_peers_list __rcu *peers;
	struct delayed_work retry;
};

/**
 * struct vha_vsock_queue - a queue of it
 *
 * All but the counters is only in use while a batch is served.
 *
 * @vq: the queue
 * @count: counters
 * @joint: transmit queue: data on its way to a socket of the host, to which more of
 *	the same connection is appended, or NULL
 * @joint_max: bytes it may become, 0 when that is not known yet
 * @nr_used: buffers to return
 * @used: these
 */
struct vha_vsock_queue {
	struct vha_queue vq;
	u64 count[VHA_VSOCK_COUNTS];
	struct sk_buff *joint;
	u32 joint_max;
	unsigned int nr_used;
	struct vha_used used[VHA_VSOCK_BATCH];
};

static inline struct vha_vsock *to_vsock(struct vha_device *dev)
{
	return container_of(dev, struct vha_vsock, dev);
}

static inline struct vha_vsock_queue *to_vsock_queue(struct vha_queue *vq)
{
	return container_of(vq, struct vha_vsock_queue, vq);
}

static inline void vha_vsock_count(struct vha_queue *vq, enum vha_vsock_stat stat, u64 value)
{
	u64 *count = &to_vsock_queue(vq)->count[stat];

	WRITE_ONCE(*count, *count + value);
}

/* device.c */

#define VHA_VSOCK_IOCTLS	4
extern const struct vha_ioctl vha_vsock_ioctls[VHA_VSOCK_IOCTLS];
int vha_vsock_open(struct vha_device *dev);
void vha_vsock_release(struct vha_device *dev);
void vha_vsock_features(struct vha_device *dev, u64 *features);
int vha_vsock_acked(struct vha_device *dev);
int vha_vsock_set_backend(struct vha_device *dev, const struct vha_backend *backend,
			  struct file *file);
int vha_vsock_start(struct vha_queue *vq);
void vha_vsock_stop(struct vha_queue *vq);
void vha_vsock_run(struct vha_queue *vq);
void vha_vsock_batch_end(struct vha_queue *vq);
void vha_vsock_used(struct vha_queue *vq, const struct vha_token *token, u32 len);
void vha_vsock_get_config(struct vha_device *dev, void *config);
void vha_vsock_show(struct vha_device *dev, struct seq_file *m);

/* table.c: who has which CID */

struct vha_vsock *vha_vsock_find(u64 cid, struct net *net);
int vha_vsock_set_cid(struct vha_vsock *vsock, u64 cid);
void vha_vsock_clear_cid(struct vha_vsock *vsock);
void vha_vsock_disconnect(struct vha_vsock *vsock);

/* transport.c: towards the sockets of the host */

int vha_vsock_transport_register(void);
void vha_vsock_transport_unregister(void);
void vha_vsock_deliver(struct vha_vsock *vsock, struct sk_buff *skb);
u32 vha_vsock_joint_max(struct vha_vsock *vsock, const struct virtio_vsock_hdr *hdr);
void vha_vsock_reset_orphans(void);

/* data.c: between packets and guest memory */

struct sk_buff *vha_vsock_alloc(u32 len, bool roomy);
int vha_vsock_copy_from(struct vha_queue *vq, struct vha_cursor *cursor, struct sk_buff *skb,
			u32 len);
int vha_vsock_copy_to(struct vha_queue *vq, struct vha_cursor *cursor, struct sk_buff *skb,
		      u32 offset, u32 len);
int vha_vsock_append(struct vha_queue *vq, struct vha_cursor *cursor, struct sk_buff *skb,
		     u32 len);

/* receive.c: from the guest */

int vha_vsock_receive(struct vha_queue *vq, struct vha_chain *chain);
void vha_vsock_receive_end(struct vha_queue *vq);
void vha_vsock_retry_work(struct work_struct *work);
struct sk_buff *vha_vsock_reset_alloc(const struct virtio_vsock_hdr *hdr);

/* send.c: to the guest */

int vha_vsock_send(struct vha_queue *vq, struct vha_chain *chain);
void vha_vsock_send_end(struct vha_queue *vq);
void vha_vsock_queue_packet(struct vha_vsock *vsock, struct sk_buff *skb);
bool vha_vsock_queue_sibling(struct vha_vsock *vsock, struct sk_buff *skb);
unsigned int vha_vsock_drop(struct vha_vsock *vsock, const struct virtio_vsock_hdr *hdr,
			    bool data);
void vha_vsock_replies_gone(struct vha_vsock *vsock, unsigned int nr);

/* sibling.c: from guest to guest */

int vha_vsock_set_peers(struct vha_vsock *vsock, const struct vha_vsock_peers *peers);
void vha_vsock_free_peers(struct vha_vsock *vsock);
int vha_vsock_forward(struct vha_queue *vq, struct sk_buff *skb);

/* event.c */

int vha_vsock_event(struct vha_queue *vq, struct vha_chain *chain);
void vha_vsock_transport_reset(struct vha_vsock *vsock);

/* stats.c */

extern const struct vha_stat_desc vha_vsock_stat_descs[VHA_VSOCK_STATS];
void vha_vsock_queue_stats(struct vha_queue *vq, u64 *values);

#endif /* VHOST_ACCEL_VSOCK_VSOCK_H */
