// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backing object: a bound CAN_RAW socket
 *
 * Nothing of the CAN modules is called but through the socket's operations, so
 * this works on a kernel without them, where nobody can have such a socket.
 */
#include <linux/can/raw.h>
#include <linux/file.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/sockptr.h>
#include <linux/uio.h>
#include <net/sch_generic.h>
#include <net/sock.h>

#include "socket.h"

/* Of the protocols of its family the raw one alone has this type. */
static bool is_can_raw(const struct sock *sk)
{
	return sk && sk->sk_family == AF_CAN && sk->sk_type == SOCK_RAW;
}

/* Returns 0 or 1, or an errno. */
static int option_get(struct socket *sock, int name)
{
	int value = 0, len = sizeof(value);
	int ret;

	ret = do_sock_getsockopt(sock, false, SOL_CAN_RAW, name, KERNEL_SOCKPTR(&value),
				 KERNEL_SOCKPTR(&len));
	return ret ?: !!value;
}

static bool interface_fd(const struct vha_can_socket *socket)
{
	const struct net_device *dev;
	bool fd;

	rcu_read_lock();
	dev = dev_get_by_index_rcu(sock_net(socket->sock->sk), socket->ifindex);
	fd = dev && READ_ONCE(dev->mtu) >= CANFD_MTU;
	rcu_read_unlock();
	return fd;
}

static int read_options(struct vha_can_socket *socket)
{
	int fd_frames, loopback, own_frames;

	fd_frames = option_get(socket->sock, CAN_RAW_FD_FRAMES);
	if (fd_frames < 0)
		return fd_frames;
	loopback = option_get(socket->sock, CAN_RAW_LOOPBACK);
	if (loopback < 0)
		return loopback;
	own_frames = option_get(socket->sock, CAN_RAW_RECV_OWN_MSGS);
	if (own_frames < 0)
		return own_frames;
	socket->fd = fd_frames && interface_fd(socket);
	/* What is not looped back at all can not come back to us. */
	socket->own_frames = loopback && own_frames;
	return 0;
}

static int get_interface(struct vha_can_socket *socket)
{
	struct sockaddr_storage storage = {};
	struct sockaddr_can *addr = (struct sockaddr_can *)&storage;
	int ret;

	ret = kernel_getsockname(socket->sock, (struct sockaddr *)&storage);
	if (ret < 0)
		return ret;
	/* Bound to none, or to all of them. */
	if (!addr->can_ifindex)
		return -EDESTADDRREQ;
	socket->ifindex = addr->can_ifindex;
	return 0;
}

/**
 * vha_can_socket_open() - use a socket
 * @socket: filled in
 * @file: its file
 *
 * Context: process, in the address space of whoever has the file.
 * Return: 0; -ENOTSOCK, -ESOCKTNOSUPPORT for a socket that is not CAN_RAW,
 * -EDESTADDRREQ for one that is not bound to an interface, or what asking for
 * its options returns.
 */
int vha_can_socket_open(struct vha_can_socket *socket, struct file *file)
{
	int ret;

	memset(socket, 0, sizeof(*socket));
	socket->sock = sock_from_file(file);
	if (!socket->sock)
		return -ENOTSOCK;
	if (!is_can_raw(socket->sock->sk))
		return -ESOCKTNOSUPPORT;
	ret = get_interface(socket);
	if (!ret)
		ret = read_options(socket);
	if (!ret)
		socket->file = get_file(file);
	return ret;
}

/**
 * vha_can_socket_close() - undo vha_can_socket_open()
 * @socket: a socket nobody listens to; zeroed if there is none
 */
void vha_can_socket_close(struct vha_can_socket *socket)
{
	if (socket->file)
		fput(socket->file);
	memset(socket, 0, sizeof(*socket));
}

static int socket_wake(wait_queue_entry_t *entry, unsigned int mode, int sync, void *key)
{
	struct vha_can_socket *socket = container_of(entry, struct vha_can_socket, entry);

	socket->wake(socket, key_to_poll(key));
	return 0;
}

static void socket_attach(struct file *file, wait_queue_head_t *wqh, poll_table *table)
{
	struct vha_can_socket *socket = container_of(table, struct vha_can_socket, table);

	/* An error queue or the like would be a second one. */
	if (socket->wqh)
		return;
	socket->wqh = wqh;
	add_wait_queue(wqh, &socket->entry);
}

/**
 * vha_can_socket_listen() - be told what happens
 * @socket: the socket; stays where it is in memory
 * @wake: who is told
 */
void vha_can_socket_listen(struct vha_can_socket *socket, vha_can_wake_fn wake)
{
	socket->wake = wake;
	init_waitqueue_func_entry(&socket->entry, socket_wake);
	init_poll_funcptr(&socket->table, socket_attach);
	vfs_poll(socket->file, &socket->table);
}

/**
 * vha_can_socket_unlisten() - undo vha_can_socket_listen()
 * @socket: the socket
 */
void vha_can_socket_unlisten(struct vha_can_socket *socket)
{
	if (socket->wqh)
		remove_wait_queue(socket->wqh, &socket->entry);
	socket->wqh = NULL;
}

/* Until the kernel notices that the carrier is back everything is thrown away. */
static bool takes_frames(const struct net_device *dev)
{
	return READ_ONCE(dev->flags) & IFF_UP && netif_carrier_ok(dev) && !qdisc_tx_is_noop(dev);
}

/**
 * vha_can_socket_link() - the interface's state
 * @socket: the socket
 *
 * An interface whose controller is off the bus has no carrier. What is given to
 * it disappears without an error, so somebody has to look before.
 */
enum vha_can_link vha_can_socket_link(const struct vha_can_socket *socket)
{
	enum vha_can_link link = VHA_CAN_LINK_GONE;
	const struct net_device *dev;

	rcu_read_lock();
	dev = dev_get_by_index_rcu(sock_net(socket->sock->sk), socket->ifindex);
	if (dev)
		link = takes_frames(dev) ? VHA_CAN_LINK_UP : VHA_CAN_LINK_DOWN;
	rcu_read_unlock();
	return link;
}

/**
 * vha_can_socket_send() - give a frame to the interface
 * @socket: the socket
 * @frame: the frame
 *
 * Context: process.
 * Return: 0; -EAGAIN, -ENOBUFS or -ENOMEM when there is no room at the moment,
 * -ENETDOWN, -ENODEV or -ENXIO when the interface is down or gone, another
 * errno when it does not take such a frame.
 */
int vha_can_socket_send(struct vha_can_socket *socket, const struct vha_can_frame *frame)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct kvec vec = {
		.iov_base = (void *)&frame->cf,
		.iov_len = vha_can_frame_size(frame),
	};
	int ret;

	ret = kernel_sendmsg(socket->sock, &msg, &vec, 1, vec.iov_len);
	return min(ret, 0);
}

/**
 * vha_can_socket_receive() - take a frame from the bus
 * @socket: the socket
 * @frame: filled in
 * @own: set to whether it was sent through this very socket
 *
 * Context: process; calls are serialised by the caller.
 * Return: 0; -EAGAIN when there is none, -EBADMSG for one that is neither a
 * classic frame nor one of CAN FD, -ENETDOWN or -ENODEV when the interface went
 * down or was removed, another errno that a security module has.
 */
int vha_can_socket_receive(struct vha_can_socket *socket, struct vha_can_frame *frame,
			   bool *own)
{
	struct msghdr msg = {};
	struct kvec vec = { .iov_base = &frame->cf, .iov_len = sizeof(frame->cf) };
	int ret;

	memset(frame, 0, sizeof(*frame));
	ret = kernel_recvmsg(socket->sock, &msg, &vec, 1, sizeof(frame->cf), MSG_DONTWAIT);
	if (ret < 0)
		return ret;
	*own = msg.msg_flags & MSG_CONFIRM;
	if (msg.msg_flags & MSG_TRUNC || !vha_can_frame_from_socket(frame, ret))
		return -EBADMSG;
	return 0;
}

/**
 * vha_can_socket_forgive() - forget that the interface was down
 * @socket: the socket
 */
void vha_can_socket_forgive(struct vha_can_socket *socket)
{
	sock_error(socket->sock->sk);
}

/**
 * vha_can_socket_pending() - whether there is something to receive
 * @socket: the socket
 *
 * A hint, as of skb_queue_empty_lockless().
 */
bool vha_can_socket_pending(const struct vha_can_socket *socket)
{
	return !skb_queue_empty_lockless(&socket->sock->sk->sk_receive_queue);
}

/**
 * vha_can_socket_queued() - how many frames wait to be received
 * @socket: the socket
 */
u32 vha_can_socket_queued(const struct vha_can_socket *socket)
{
	return skb_queue_len_lockless(&socket->sock->sk->sk_receive_queue);
}

/**
 * vha_can_socket_drops() - frames the socket had no room for
 * @socket: the socket
 *
 * Return: a counter that wraps.
 */
int vha_can_socket_drops(const struct vha_can_socket *socket)
{
	return sk_drops_read(socket->sock->sk);
}
