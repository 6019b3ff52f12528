/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the network device class offer each other
 */
#ifndef VHOST_ACCEL_NET_H
#define VHOST_ACCEL_NET_H

#include <linux/atomic.h>
#include <linux/if_ether.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/uio.h>
#include <linux/virtio_net.h>
#include <linux/wait.h>
#include <net/xdp.h>

#include <vhost_accel/class.h>

/** define VHA_NET_PAIRS - pairs of queues of a device */
#define VHA_NET_PAIRS		32
/** define VHA_NET_QUEUES - queues of a device: of pair i, 2i receives and 2i + 1 transmits */
#define VHA_NET_QUEUES		(2 * VHA_NET_PAIRS)
/** define VHA_NET_BATCH - packets that go to or come from a back end at once */
#define VHA_NET_BATCH		64
/** define VHA_NET_BUFFERS - most buffers one received packet is spread over */
#define VHA_NET_BUFFERS		1024
/** define VHA_NET_SEGS - most pieces of guest memory one packet is spread over */
#define VHA_NET_SEGS		1024
/** define VHA_NET_PACKET_MAX - bytes of a packet to transmit, header included */
#define VHA_NET_PACKET_MAX	SZ_1M
/** define VHA_NET_ZEROCOPY_SLOTS - packets of a queue sent without a copy at once */
#define VHA_NET_ZEROCOPY_SLOTS	128
/** define VHA_NET_TURN_BYTES - bytes of a queue's turn */
#define VHA_NET_TURN_BYTES	SZ_512K
/** define VHA_NET_HEADER_MAX - bytes of the longest header */
#define VHA_NET_HEADER_MAX	sizeof(struct virtio_net_hdr_v1_hash_tunnel)

struct ptr_ring;
struct vha_net_queue;

/**
 * enum vha_net_stat - counters of a queue
 * @VHA_NET_PACKETS: packets handed to the back end, or to the driver; consumer,
 *	as all but the last
 * @VHA_NET_BYTES: bytes of them, without headers of virtio
 * @VHA_NET_BATCHES: times several went to, or came from, the back end at once
 * @VHA_NET_SINGLE: packets handed to the back end one by one
 * @VHA_NET_DROPPED: packets lost here: the back end refused it, or no buffer of
 *	the driver can ever hold it
 * @VHA_NET_MALFORMED: buffers or headers of the driver that make no sense
 * @VHA_NET_NO_BUFFERS: times packets waited for the driver to give buffers
 * @VHA_NET_AGAIN: times packets waited for the back end to have room
 * @VHA_NET_MERGED: received packets in more than one buffer
 * @VHA_NET_ZEROCOPY: packets handed to the back end without a copy
 * @VHA_NET_ZEROCOPY_COPIED: of those, copied after all; any context
 * @VHA_NET_STATS: number of values
 */
enum vha_net_stat {
	VHA_NET_PACKETS,
	VHA_NET_BYTES,
	VHA_NET_BATCHES,
	VHA_NET_SINGLE,
	VHA_NET_DROPPED,
	VHA_NET_MALFORMED,
	VHA_NET_NO_BUFFERS,
	VHA_NET_AGAIN,
	VHA_NET_MERGED,
	VHA_NET_ZEROCOPY,
	VHA_NET_ZEROCOPY_COPIED,
	VHA_NET_STATS,
};

/**
 * enum vha_net_drop - why a packet or a buffer was dropped, for the tracepoint
 * @VHA_NET_DROP_BUFFER: the driver's buffer makes no sense
 * @VHA_NET_DROP_HEADER: the header the driver wrote makes no sense
 * @VHA_NET_DROP_REFUSED: the back end refused the packet
 * @VHA_NET_DROP_TOO_BIG: all the buffers the driver can offer are too small
 * @VHA_NET_DROP_VANISHED: the packet was not there, or not as long, when it was
 *	taken from the back end
 */
enum vha_net_drop {
	VHA_NET_DROP_BUFFER,
	VHA_NET_DROP_HEADER,
	VHA_NET_DROP_REFUSED,
	VHA_NET_DROP_TOO_BIG,
	VHA_NET_DROP_VANISHED,
};

/**
 * struct vha_net_backend - what packets of a queue go to or come from
 * @file: holds the reference; NULL when there is none
 * @sock: its socket
 * @ring: packets for us, when @file is a tap or macvtap
 * @tap: it is a tap or macvtap
 * @macvtap: it is a macvtap
 */
struct vha_net_backend {
	struct file *file;
	struct socket *sock;
	struct ptr_ring *ring;
	bool tap;
	bool macvtap;
};

/**
 * struct vha_net_hash_config - what hash to report
 * @rcu: for freeing after the last reader
 * @config: as the VMM set it
 */
struct vha_net_hash_config {
	struct rcu_head rcu;
	struct vha_net_hash config;
};

/**
 * struct vha_net_hash_value - a reported hash
 * @value: the hash
 * @report: VIRTIO_NET_HASH_REPORT_*
 */
struct vha_net_hash_value {
	u32 value;
	u16 report;
};

/**
 * struct vha_net - a network device
 * @dev: the device
 * @header: bytes of header in the driver's buffers; changes only while no queue
 *	runs, as those that follow
 * @vnet: of those, bytes the back end knows as its own header: all or none
 * @mergeable: a received packet may be spread over several buffers
 * @num_buffers: the header of a received packet says over how many
 * @own_at: where the part of its header begins that the back end does not write
 * @own_len: bytes of that part, which may be none
 * @hash: the hash to report, NULL for none; RCU, written with the device mutex
 */
struct vha_net {
	struct vha_device dev;
	u32 header;
	u32 vnet;
	bool mergeable;
	bool num_buffers;
	u32 own_at;
	u32 own_len;
	struct vha_net_hash_config __rcu *hash;
};

/**
 * struct vha_net_zerocopy_slot - a packet that is sent from the guest's memory
 * @ubuf: what the network stack tells us by when it is through
 * @q: the queue
 * @token: the buffer
 */
struct vha_net_zerocopy_slot {
	struct ubuf_info ubuf;
	struct vha_net_queue *q;
	struct vha_token token;
};

/**
 * struct vha_net_zerocopy - sending without a copy
 * @slots: VHA_NET_ZEROCOPY_SLOTS of them
 * @busy: slots in use; set by the consumer, cleared in any context
 * @copied_seen: VHA_NET_ZEROCOPY_COPIED at the last decision; consumer
 * @penalty: packets to copy after one for which it was in vain; consumer
 * @skip: packets left to copy before the next attempt; consumer
 */
struct vha_net_zerocopy {
	struct vha_net_zerocopy_slot *slots;
	DECLARE_BITMAP(busy, VHA_NET_ZEROCOPY_SLOTS);
	u64 copied_seen;
	u32 penalty;
	u32 skip;
};

/**
 * struct vha_net_tx - what a running transmit queue needs
 * @frags: memory for copied packets
 * @xdp: copied packets that wait to be sent
 * @nr_xdp: how many
 * @xdp_bytes: bytes of them
 * @used: buffers to return when the batch ends
 * @nr_used: how many
 * @zerocopy: see there
 * @iov: scratch for one packet
 */
struct vha_net_tx {
	struct page_frag_cache frags;
	struct xdp_buff xdp[VHA_NET_BATCH];
	unsigned int nr_xdp;
	u32 xdp_bytes;
	struct vha_used used[VHA_NET_BATCH];
	unsigned int nr_used;
	struct vha_net_zerocopy zerocopy;
	struct iovec iov[VHA_NET_SEGS];
};

/**
 * struct vha_net_rx - what a running receive queue needs
 * @packets: packets taken from the back end's ring
 * @head: the first of them that was not received
 * @tail: the end of them
 * @nr_used: buffers to return, at the start of @used
 * @nr_heads: buffers of the packet being received, after them
 * @nr_bad: of these, such that make no sense
 * @nr_segs: pieces of guest memory of that packet
 * @used: buffers
 * @segs: the pieces as the guest sees them
 * @iov: the pieces as the owner sees them
 * @nr_iov: how many
 */
struct vha_net_rx {
	void *packets[VHA_NET_BATCH];
	unsigned int head;
	unsigned int tail;
	unsigned int nr_used;
	unsigned int nr_heads;
	unsigned int nr_bad;
	unsigned int nr_segs;
	unsigned int nr_iov;
	struct vha_used used[VHA_NET_BATCH + VHA_NET_BUFFERS];
	struct vha_seg segs[VHA_NET_SEGS];
	struct iovec iov[VHA_NET_SEGS];
};

/**
 * struct vha_net_queue - one queue
 * @vq: the virtqueue
 * @backend: changes only while the queue is stopped
 * @tx: when a transmit queue was started
 * @rx: when a receive queue was started
 * @wait: entry in the wait queue of the back end's socket
 * @listening: @wait is in there; queue mutex
 * @count: values of &enum vha_net_stat but the last
 * @copied: the last
 */
struct vha_net_queue {
	struct vha_queue vq;
	struct vha_net_backend backend;
	struct vha_net_tx *tx;
	struct vha_net_rx *rx;
	wait_queue_entry_t wait;
	bool listening;
	u64 count[VHA_NET_ZEROCOPY_COPIED];
	atomic64_t copied;
};

static inline struct vha_net *to_net(struct vha_device *dev)
{
	return container_of(dev, struct vha_net, dev);
}

static inline struct vha_net_queue *to_net_queue(struct vha_queue *vq)
{
	return container_of(vq, struct vha_net_queue, vq);
}

static inline struct vha_net *net_of(struct vha_net_queue *q)
{
	return to_net(q->vq.dev);
}

static inline bool vha_net_transmits(const struct vha_queue *vq)
{
	return vq->index & 1;
}

/* device.c */

int vha_net_open(struct vha_device *dev);
void vha_net_release(struct vha_device *dev);
void vha_net_features(struct vha_device *dev, u64 *features);
int vha_net_acked(struct vha_device *dev);
int vha_net_start(struct vha_queue *vq);
void vha_net_stop(struct vha_queue *vq);
void vha_net_run(struct vha_queue *vq);
void vha_net_batch_end(struct vha_queue *vq);
void vha_net_get_config(struct vha_device *dev, void *config);
void vha_net_show(struct vha_device *dev, struct seq_file *m);

/* backend.c: descriptors that packets go to and come from */

long vha_net_ioctl_backend(struct vha_device *dev, void __user *argp);
int vha_net_set_backend(struct vha_device *dev, const struct vha_backend *backend,
			struct file *file);
void vha_net_detach(struct vha_device *dev);

/* header.c: the header of virtio before each packet */

u32 vha_net_header_size(const struct vha_device *dev);
int vha_net_header_check(struct virtio_net_hdr *header, u32 len, bool tunnels);
void vha_net_header_tail(u8 *tail, u16 num_buffers, const struct vha_net_hash_value *hash);

/** define VHA_NET_TAIL_OFFSET - where the part of a header is that only we know */
#define VHA_NET_TAIL_OFFSET	offsetof(struct virtio_net_hdr_v1, num_buffers)
/** define VHA_NET_TAIL_BYTES - bytes of that part: number of buffers, and hash */
#define VHA_NET_TAIL_BYTES	(sizeof(struct virtio_net_hdr_v1_hash) - VHA_NET_TAIL_OFFSET)

/* transmit.c */

struct vha_net_tx *vha_net_tx_create(void);
void vha_net_tx_destroy(struct vha_net_tx *tx);
void vha_net_transmit(struct vha_net_queue *q);
void vha_net_transmitted(struct vha_net_queue *q);

/* batch.c: copied packets for a tap */

/**
 * struct vha_net_layout - where things are in the memory of a copied packet
 * @pad: bytes before the packet: copy of the header, and room for more headers
 * @size: bytes altogether
 */
struct vha_net_layout {
	u32 pad;
	u32 size;
};

struct vha_net_layout vha_net_batch_layout(u32 vnet, u32 len, bool xdp);
bool vha_net_batch_takes(struct vha_net_queue *q, u32 len, struct vha_net_layout *layout);
int vha_net_batch_add(struct vha_net_queue *q, struct vha_cursor *cursor, u32 len,
		      const struct vha_net_layout *layout);
void vha_net_batch_send(struct vha_net_queue *q);

/* zerocopy.c: packets sent from the guest's memory */

int vha_net_zerocopy_create(struct vha_net_zerocopy *zerocopy);
void vha_net_zerocopy_destroy(struct vha_net_zerocopy *zerocopy);
struct vha_net_zerocopy_slot *vha_net_zerocopy_get(struct vha_net_queue *q, u32 len);
bool vha_net_zerocopy_put(struct vha_net_zerocopy_slot *slot,
			  const struct vha_token *token, bool sent);
bool vha_net_zerocopy_worthwhile(struct vha_net_zerocopy *zerocopy, u64 copied);

/* receive.c */

void vha_net_receive(struct vha_net_queue *q);
void vha_net_received(struct vha_net_queue *q);

/* merge.c: buffers for one received packet */

int vha_net_merge_gather(struct vha_net_queue *q, u32 len);
void vha_net_merge_undo(struct vha_net_queue *q);

/* source.c: packets from the back end */

int vha_net_source_peek(struct vha_net_queue *q);
void *vha_net_source_take(struct vha_net_queue *q);
void vha_net_source_drop(struct vha_net_queue *q);
void vha_net_source_restore(struct vha_net_queue *q);

/* hash.c: the hash reported with a received packet */

long vha_net_ioctl_hash(struct vha_device *dev, void __user *argp);
void vha_net_hash_forget(struct vha_net *net);
u32 vha_net_hash_toeplitz(const u8 *key, const u8 *data, unsigned int len);
void vha_net_hash_packet(struct vha_net_queue *q, void *packet,
			 struct vha_net_hash_value *hash);

/* wait.c: waiting for the back end */

void vha_net_wait_init(struct vha_net_queue *q);
void vha_net_wait_begin(struct vha_net_queue *q);
void vha_net_wait_end(struct vha_net_queue *q);

/* stats.c */

extern const struct vha_stat_desc vha_net_stat_descs[VHA_NET_STATS];

void vha_net_queue_stats(struct vha_queue *vq, u64 *values);

static inline void vha_net_count(struct vha_net_queue *q, enum vha_net_stat stat, u64 n)
{
	/* One writer; readers of statistics want no torn values. */
	WRITE_ONCE(q->count[stat], q->count[stat] + n);
}

#endif /* VHOST_ACCEL_NET_H */
