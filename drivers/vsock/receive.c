// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets from the guest
 */
#include "trace.h"
#include "vsock.h"

/* Until there may be memory again. */
#define RETRY_MS	10

/**
 * vha_vsock_retry_work() - see whether there is memory now
 * @work: &vha_vsock.retry
 */
void vha_vsock_retry_work(struct work_struct *work)
{
	struct vha_vsock *vsock = container_of(to_delayed_work(work), struct vha_vsock, retry);

	vha_queue_kick(vsock->dev.vqs[VSOCK_VQ_TX]);
}

/* The packet stays in the ring: one that is lost would be missed for ever. */
static int wait_for_memory(struct vha_queue *vq)
{
	vha_vsock_count(vq, VHA_VSOCK_NO_MEMORY, 1);
	schedule_delayed_work(&to_vsock(vq->dev)->retry, msecs_to_jiffies(RETRY_MS));
	return -EAGAIN;
}

static int discard(struct vha_queue *vq, const struct vha_chain *chain, enum vha_vsock_stat why)
{
	vha_vsock_count(vq, why, 1);
	trace_vha_vsock_discard(vq, &chain->token, why);
	vha_vsock_used(vq, &chain->token, 0);
	return 0;
}

static struct sk_buff *packet_alloc(const struct virtio_vsock_hdr *hdr)
{
	u32 len = vha_vsock_payload(hdr);
	bool roomy = len && len <= VHA_VSOCK_MERGE &&
		     hdr->type == cpu_to_le16(VIRTIO_VSOCK_TYPE_STREAM);
	struct sk_buff *skb = vha_vsock_alloc(len, roomy);

	if (!skb)
		return NULL;
	*virtio_vsock_hdr(skb) = *hdr;
	virtio_vsock_hdr(skb)->len = cpu_to_le32(len);
	return skb;
}

/**
 * vha_vsock_reset_alloc() - make an answer that closes a connection
 * @hdr: header of the packet from the guest
 *
 * Return: the answer, or NULL.
 */
struct sk_buff *vha_vsock_reset_alloc(const struct virtio_vsock_hdr *hdr)
{
	struct sk_buff *skb = vha_vsock_alloc(0, false);

	if (!skb)
		return NULL;
	vha_vsock_make_reset(virtio_vsock_hdr(skb), hdr);
	virtio_vsock_skb_set_reply(skb);
	return skb;
}

/* Returns 0, or -EAGAIN without memory; the packet is gone in any case. */
static int pass_on(struct vha_queue *vq, struct sk_buff *skb)
{
	if (virtio_vsock_hdr(skb)->dst_cid != cpu_to_le64(VMADDR_CID_HOST))
		return vha_vsock_forward(vq, skb);
	vha_vsock_deliver(to_vsock(vq->dev), skb);
	return 0;
}

/* What the guest will not take, after whoever would send more has heard of it. */
static void drop_unwanted(struct vha_vsock *vsock, const struct virtio_vsock_hdr *hdr)
{
	bool shutdown = hdr->op == cpu_to_le16(VIRTIO_VSOCK_OP_SHUTDOWN) &&
			hdr->flags & cpu_to_le32(VIRTIO_VSOCK_SHUTDOWN_RCV);
	struct virtio_vsock_hdr answer;

	if (!shutdown && hdr->op != cpu_to_le16(VIRTIO_VSOCK_OP_RST))
		return;
	vha_vsock_make_reset(&answer, hdr);
	vha_vsock_drop(vsock, &answer, shutdown);
}

/*
 * A packet that can not be had whole leaves a hole in its connection, so that
 * has to end, on both sides.
 */
static int end_connection(struct vha_queue *vq, const struct vha_chain *chain,
			  struct virtio_vsock_hdr *hdr, enum vha_vsock_stat why)
{
	struct sk_buff *answer = vha_vsock_reset_alloc(hdr);
	struct sk_buff *skb = NULL;

	hdr->op = cpu_to_le16(VIRTIO_VSOCK_OP_RST);
	hdr->flags = 0;
	if (answer)
		skb = packet_alloc(hdr);
	if (!skb || pass_on(vq, skb)) {
		kfree_skb(answer);
		return wait_for_memory(vq);
	}
	drop_unwanted(to_vsock(vq->dev), hdr);
	vha_vsock_queue_packet(to_vsock(vq->dev), answer);
	vha_vsock_count(vq, VHA_VSOCK_RESETS, 1);
	return discard(vq, chain, why);
}

/*
 * Whoever lets packets of ended connections pile up gets no new ones, and is told
 * so. Holding up all its packets instead could hold up what it takes ours with.
 */
static bool is_refused(const struct vha_vsock *vsock, const struct virtio_vsock_hdr *hdr)
{
	return hdr->op == cpu_to_le16(VIRTIO_VSOCK_OP_REQUEST) &&
	       hdr->dst_cid == cpu_to_le64(VMADDR_CID_HOST) &&
	       READ_ONCE(vsock->sched.ended) >= VHA_VSOCK_ENDED_BYTES;
}

static int refuse(struct vha_queue *vq, const struct vha_chain *chain,
		  const struct virtio_vsock_hdr *hdr)
{
	struct sk_buff *answer = vha_vsock_reset_alloc(hdr);

	if (!answer)
		return wait_for_memory(vq);
	vha_vsock_queue_packet(to_vsock(vq->dev), answer);
	return discard(vq, chain, VHA_VSOCK_REFUSED);
}

/* A buffer was served as it should be. */
static int accepted(struct vha_queue *vq, const struct vha_chain *chain,
		    const struct virtio_vsock_hdr *hdr, u32 len)
{
	trace_vha_vsock_packet(vq, hdr, len);
	vha_vsock_count(vq, VHA_VSOCK_PACKETS, 1);
	vha_vsock_count(vq, VHA_VSOCK_BYTES, len);
	vha_vsock_used(vq, &chain->token, 0);
	return 0;
}

/* Of a stream, so that nobody can tell where packets begin, and for the host. */
static bool is_joinable(const struct virtio_vsock_hdr *hdr)
{
	return hdr->op == cpu_to_le16(VIRTIO_VSOCK_OP_RW) &&
	       hdr->type == cpu_to_le16(VIRTIO_VSOCK_TYPE_STREAM) && !hdr->flags &&
	       hdr->dst_cid == cpu_to_le64(VMADDR_CID_HOST);
}

/* Data is appended where that takes no more memory than a packet of its own. */
static bool has_room(struct sk_buff *joint, u32 len)
{
	unsigned int left = MAX_SKB_FRAGS - skb_shinfo(joint)->nr_frags;

	if (len <= VHA_VSOCK_MERGE)
		return skb_tailroom(joint) >= len;
	return len >= VHA_VSOCK_JOIN && DIV_ROUND_UP(len, PAGE_SIZE) <= left;
}

static bool joins(struct vha_queue *vq, const struct virtio_vsock_hdr *hdr, u32 len)
{
	struct vha_vsock_queue *q = to_vsock_queue(vq);
	const struct virtio_vsock_hdr *first = virtio_vsock_hdr(q->joint);

	if (!is_joinable(hdr) || hdr->src_port != first->src_port ||
	    hdr->dst_port != first->dst_port || !has_room(q->joint, len))
		return false;
	if (!q->joint_max)
		q->joint_max = vha_vsock_joint_max(to_vsock(vq->dev), first);
	return q->joint->len + len <= q->joint_max;
}

/* Returns whether the data could be appended to the packet before it. */
static bool join(struct vha_queue *vq, struct vha_cursor *cursor,
		 const struct virtio_vsock_hdr *hdr, u32 len)
{
	struct sk_buff *joint = to_vsock_queue(vq)->joint;
	struct vha_cursor at = *cursor;

	/* Whatever goes wrong does so again, with the data on its own. */
	if (!joins(vq, hdr, len) || vha_vsock_append(vq, &at, joint, len))
		return false;
	virtio_vsock_hdr(joint)->len = cpu_to_le32(joint->len);
	virtio_vsock_hdr(joint)->fwd_cnt = hdr->fwd_cnt;
	virtio_vsock_hdr(joint)->buf_alloc = hdr->buf_alloc;
	vha_vsock_count(vq, VHA_VSOCK_JOINED, 1);
	return true;
}

/**
 * vha_vsock_receive_end() - no more buffers for now: data that waited for more is
 * delivered
 * @vq: the transmit queue
 */
void vha_vsock_receive_end(struct vha_queue *vq)
{
	struct vha_vsock_queue *q = to_vsock_queue(vq);

	if (q->joint)
		vha_vsock_deliver(to_vsock(vq->dev), q->joint);
	q->joint = NULL;
	q->joint_max = 0;
}

static int accept(struct vha_queue *vq, const struct vha_chain *chain,
		  struct vha_cursor *cursor, struct virtio_vsock_hdr *hdr)
{
	u32 len = vha_vsock_payload(hdr);
	struct sk_buff *skb;

	if (is_refused(to_vsock(vq->dev), hdr))
		return refuse(vq, chain, hdr);
	skb = packet_alloc(hdr);
	if (!skb)
		return wait_for_memory(vq);
	if (len && vha_vsock_copy_from(vq, cursor, skb, len)) {
		kfree_skb(skb);
		return end_connection(vq, chain, hdr, VHA_VSOCK_MALFORMED);
	}
	if (is_joinable(hdr))
		to_vsock_queue(vq)->joint = skb;
	else if (pass_on(vq, skb))
		return wait_for_memory(vq);
	drop_unwanted(to_vsock(vq->dev), hdr);
	return accepted(vq, chain, hdr, len);
}

/* The packet's header was found to be as it should be. */
static int take_packet(struct vha_queue *vq, const struct vha_chain *chain,
		       struct vha_cursor *cursor, struct virtio_vsock_hdr *hdr)
{
	u32 len = vha_vsock_payload(hdr);

	if (to_vsock_queue(vq)->joint && join(vq, cursor, hdr, len))
		return accepted(vq, chain, hdr, len);
	vha_vsock_receive_end(vq);
	return accept(vq, chain, cursor, hdr);
}

/**
 * vha_vsock_receive() - serve a buffer of the transmit queue
 * @vq: the queue
 * @chain: the buffer
 *
 * Return: as &typedef vha_chain_fn.
 */
int vha_vsock_receive(struct vha_queue *vq, struct vha_chain *chain)
{
	struct vha_cursor cursor = vha_chain_out(chain);
	struct vha_vsock *vsock = to_vsock(vq->dev);
	struct virtio_vsock_hdr hdr;

	/* vha_vsock_replies_gone() turns to us again. */
	if (atomic_read(&vsock->replies) >= VHA_VSOCK_REPLIES) {
		vha_vsock_count(vq, VHA_VSOCK_THROTTLED, 1);
		return -EAGAIN;
	}
	if (chain->in_num || chain->out_len < sizeof(hdr) ||
	    vha_copy_from(vq, &cursor, &hdr, sizeof(hdr)))
		return discard(vq, chain, VHA_VSOCK_MALFORMED);
	switch (vha_vsock_check(&hdr, READ_ONCE(vsock->cid), chain->out_len - sizeof(hdr))) {
	case VHA_VSOCK_DELIVER:
	case VHA_VSOCK_FORWARD:
		return take_packet(vq, chain, &cursor, &hdr);
	case VHA_VSOCK_RESET:
		vha_vsock_receive_end(vq);
		return end_connection(vq, chain, &hdr, VHA_VSOCK_MALFORMED);
	case VHA_VSOCK_IGNORE:
		return discard(vq, chain, VHA_VSOCK_IGNORED);
	case VHA_VSOCK_SPOOFED:
		return discard(vq, chain, VHA_VSOCK_SPOOFED_PACKETS);
	case VHA_VSOCK_NOWHERE:
		return discard(vq, chain, VHA_VSOCK_UNROUTABLE);
	}
	return -EINVAL;
}
