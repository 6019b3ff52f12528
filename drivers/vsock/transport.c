// SPDX-License-Identifier: GPL-2.0-only
/*
 * The transport of AF_VSOCK that the host's sockets use for guests
 */
#include "vsock.h"

static u32 get_local_cid(void)
{
	return VMADDR_CID_HOST;
}

/* Kernels without namespaces for these sockets give none. */
static struct net *socket_net(struct vsock_sock *vsk)
{
	return vsk ? sock_net(sk_vsock(vsk)) : NULL;
}

static bool __maybe_unused has_remote_cid(struct vsock_sock *vsk, u32 cid)
{
	bool found;

	rcu_read_lock();
	found = vha_vsock_find(cid, socket_net(vsk));
	rcu_read_unlock();
	return found;
}

static bool stream_allow(struct vsock_sock *vsk, u32 cid, u32 port)
{
	return true;
}

static bool seqpacket_allow(struct vsock_sock *vsk, u32 cid)
{
	struct vha_vsock *vsock;
	bool allowed;

	rcu_read_lock();
	vsock = vha_vsock_find(cid, socket_net(vsk));
	allowed = vsock && READ_ONCE(vsock->seqpacket);
	rcu_read_unlock();
	return allowed;
}

static bool msgzerocopy_allow(void)
{
	/* Pages of the sender are copied to the guest, and nowhere before. */
	return true;
}

static s64 stream_has_space(struct vsock_sock *vsk)
{
	return vha_vsock_space(virtio_transport_stream_has_space(vsk),
			       sk_wmem_alloc_get(sk_vsock(vsk)), vsk->buffer_size);
}

/* Whoever wants to connect need not wait for a guest that is not there. */
static bool can_not_connect(const struct vha_vsock *vsock, struct sk_buff *skb)
{
	return !READ_ONCE(vsock->running) &&
	       virtio_vsock_hdr(skb)->op == cpu_to_le16(VIRTIO_VSOCK_OP_REQUEST);
}

static int send_pkt(struct sk_buff *skb, struct net *net)
{
	int ret = skb->len;
	struct vha_vsock *vsock;

	rcu_read_lock();
	vsock = vha_vsock_find(le64_to_cpu(virtio_vsock_hdr(skb)->dst_cid), net);
	if (!vsock)
		ret = -ENODEV;
	else if (can_not_connect(vsock, skb))
		ret = -EHOSTUNREACH;
	if (ret < 0)
		kfree_skb(skb);
	else
		vha_vsock_queue_packet(vsock, skb);
	rcu_read_unlock();
	return ret;
}

static int cancel_pkt(struct vsock_sock *vsk)
{
	struct vha_vsock *vsock;
	unsigned int replies;
	int ret = -ENODEV;

	rcu_read_lock();
	vsock = vha_vsock_find(vsk->remote_addr.svm_cid, socket_net(vsk));
	if (vsock) {
		replies = vha_vsock_sched_cancel(&vsock->sched, sk_vsock(vsk));
		vha_vsock_replies_gone(vsock, replies);
		ret = 0;
	}
	rcu_read_unlock();
	return ret;
}

VSOCK_COMPAT_OPS(stream_allow, seqpacket_allow)
VIRTIO_VSOCK_COMPAT_SEND(send_pkt)

/* The kernel's own tests and other tools look for a transport of this name. */
static struct virtio_transport vhost_transport = {
	.transport = {
		.module = THIS_MODULE,
		.init = virtio_transport_do_socket_init,
		.destruct = virtio_transport_destruct,
		.release = virtio_transport_release,
		.cancel_pkt = cancel_pkt,
		.connect = virtio_transport_connect,
		.shutdown = virtio_transport_shutdown,
		.get_local_cid = get_local_cid,
		VSOCK_OP_HAS_REMOTE_CID(has_remote_cid)
		.dgram_bind = virtio_transport_dgram_bind,
		.dgram_dequeue = virtio_transport_dgram_dequeue,
		.dgram_enqueue = virtio_transport_dgram_enqueue,
		.dgram_allow = virtio_transport_dgram_allow,
		.stream_dequeue = virtio_transport_stream_dequeue,
		.stream_enqueue = virtio_transport_stream_enqueue,
		.stream_has_data = virtio_transport_stream_has_data,
		.stream_has_space = stream_has_space,
		.stream_rcvhiwat = virtio_transport_stream_rcvhiwat,
		.stream_is_active = virtio_transport_stream_is_active,
		.stream_allow = vsock_op(stream_allow),
		.seqpacket_dequeue = virtio_transport_seqpacket_dequeue,
		.seqpacket_enqueue = virtio_transport_seqpacket_enqueue,
		.seqpacket_allow = vsock_op(seqpacket_allow),
		.seqpacket_has_data = virtio_transport_seqpacket_has_data,
		.notify_poll_in = virtio_transport_notify_poll_in,
		.notify_poll_out = virtio_transport_notify_poll_out,
		.notify_recv_init = virtio_transport_notify_recv_init,
		.notify_recv_pre_block = virtio_transport_notify_recv_pre_block,
		.notify_recv_pre_dequeue = virtio_transport_notify_recv_pre_dequeue,
		.notify_recv_post_dequeue = virtio_transport_notify_recv_post_dequeue,
		.notify_send_init = virtio_transport_notify_send_init,
		.notify_send_pre_block = virtio_transport_notify_send_pre_block,
		.notify_send_pre_enqueue = virtio_transport_notify_send_pre_enqueue,
		.notify_send_post_enqueue = virtio_transport_notify_send_post_enqueue,
		.notify_buffer_size = virtio_transport_notify_buffer_size,
		.notify_set_rcvlowat = virtio_transport_notify_set_rcvlowat,
		.unsent_bytes = virtio_transport_unsent_bytes,
		.read_skb = virtio_transport_read_skb,
		.msgzerocopy_allow = msgzerocopy_allow,
	},
	.send_pkt = vsock_op(send_pkt),
};

/**
 * vha_vsock_transport_register() - become the way to guests
 *
 * Return: 0, or -EBUSY when another module is it.
 */
int vha_vsock_transport_register(void)
{
	return vsock_core_register(&vhost_transport.transport, VSOCK_TRANSPORT_F_H2G);
}

/**
 * vha_vsock_transport_unregister() - undo vha_vsock_transport_register()
 */
void vha_vsock_transport_unregister(void)
{
	vsock_core_unregister(&vhost_transport.transport);
}

/**
 * vha_vsock_deliver() - give a packet of the guest to the socket it is for
 * @vsock: the guest's device
 * @skb: the packet, checked; no longer the caller's
 *
 * Context: process, may sleep until the socket's user lets go of it.
 */
void vha_vsock_deliver(struct vha_vsock *vsock, struct sk_buff *skb)
{
	virtio_transport_deliver_tap_pkt(skb);
	virtio_transport_recv_pkt(&vhost_transport, skb, vsock->net);
}

/**
 * vha_vsock_joint_max() - how much data to put into one packet for a socket
 * @vsock: the guest's device
 * @hdr: header of a packet that is for the socket
 *
 * The guest gets credit for a packet when all of it was read, so that one should be a
 * small part of what the socket takes.
 *
 * Return: bytes.
 */
u32 vha_vsock_joint_max(struct vha_vsock *vsock, const struct virtio_vsock_hdr *hdr)
{
	struct sockaddr_vm src, dst;
	struct sock *sk;
	u64 size;

	vsock_addr_init(&src, le64_to_cpu(hdr->src_cid), le32_to_cpu(hdr->src_port));
	vsock_addr_init(&dst, le64_to_cpu(hdr->dst_cid), le32_to_cpu(hdr->dst_port));
	sk = vsock_find_connected_socket_net(&src, &dst, vsock->net);
	if (!sk)
		return 0;
	size = READ_ONCE(vsock_sk(sk)->buffer_size);
	sock_put(sk);
	return min_t(u64, size / 4, VIRTIO_VSOCK_MAX_PKT_BUF_SIZE);
}

/* Called with the lock of all sockets' table held, which keeps the socket. */
static void reset_orphan(struct sock *sk)
{
	struct vsock_sock *vsk = vsock_sk(sk);
	bool orphan;

	rcu_read_lock();
	orphan = !vha_vsock_find(vsk->remote_addr.svm_cid, socket_net(vsk));
	rcu_read_unlock();
	/* A socket that is being closed has a timer that sees to it. */
	if (!orphan || vsk->close_work_scheduled)
		return;
	sock_set_flag(sk, SOCK_DONE);
	WRITE_ONCE(vsk->peer_shutdown, SHUTDOWN_MASK);
	sk->sk_err = ECONNRESET;
	sk_error_report(sk);
}

/**
 * vha_vsock_reset_orphans() - close the connections to guests that are gone
 */
void vha_vsock_reset_orphans(void)
{
	vsock_for_each_connected_socket(&vhost_transport.transport, reset_orphan);
}
