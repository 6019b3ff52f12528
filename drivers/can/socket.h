/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The backing object: a bound CAN_RAW socket
 */
#ifndef VHOST_ACCEL_CAN_SOCKET_H
#define VHOST_ACCEL_CAN_SOCKET_H

#include <linux/poll.h>
#include <linux/wait.h>

#include "frame.h"

struct file;
struct socket;
struct vha_can_socket;

/**
 * enum vha_can_link - what the interface is up to
 * @VHA_CAN_LINK_UP: it takes frames
 * @VHA_CAN_LINK_DOWN: it is down, or its controller is off the bus
 * @VHA_CAN_LINK_GONE: there is no such interface any more
 */
enum vha_can_link {
	VHA_CAN_LINK_UP,
	VHA_CAN_LINK_DOWN,
	VHA_CAN_LINK_GONE,
};

/**
 * typedef vha_can_wake_fn - something happened to a socket
 * @socket: the socket
 * @events: EPOLLIN and others
 *
 * Context: any, with the lock of the socket's wait queue held.
 */
typedef void (*vha_can_wake_fn)(struct vha_can_socket *socket, __poll_t events);

/**
 * struct vha_can_socket - a socket in use
 * @file: one reference, NULL for none
 * @sock: the socket
 * @ifindex: the interface it is bound to
 * @fd: it and the interface have frames of CAN FD; what the interface had when
 *	it was opened
 * @own_frames: it receives the frames that were sent through it
 * @wake: who wants to know what happens
 * @entry: entry in the socket's wait queue
 * @wqh: that wait queue, NULL while nobody listens
 * @table: how vfs_poll() gives us @wqh
 */
struct vha_can_socket {
	struct file *file;
	struct socket *sock;
	int ifindex;
	bool fd;
	bool own_frames;
	vha_can_wake_fn wake;
	wait_queue_entry_t entry;
	wait_queue_head_t *wqh;
	poll_table table;
};

int vha_can_socket_open(struct vha_can_socket *socket, struct file *file);
void vha_can_socket_close(struct vha_can_socket *socket);
void vha_can_socket_listen(struct vha_can_socket *socket, vha_can_wake_fn wake);
void vha_can_socket_unlisten(struct vha_can_socket *socket);
enum vha_can_link vha_can_socket_link(const struct vha_can_socket *socket);
int vha_can_socket_send(struct vha_can_socket *socket, const struct vha_can_frame *frame);
int vha_can_socket_receive(struct vha_can_socket *socket, struct vha_can_frame *frame,
			   bool *own);
void vha_can_socket_forgive(struct vha_can_socket *socket);
bool vha_can_socket_pending(const struct vha_can_socket *socket);
u32 vha_can_socket_queued(const struct vha_can_socket *socket);
int vha_can_socket_drops(const struct vha_can_socket *socket);

#endif /* VHOST_ACCEL_CAN_SOCKET_H */
