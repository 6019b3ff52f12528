/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vhost-user messages on a socket
 */
#ifndef VHOST_ACCEL_MESSAGE_H
#define VHOST_ACCEL_MESSAGE_H

#include "vhost_user.h"

/**
 * struct message - a request being received, or a reply being built
 * @header: protocol header
 * @payload: zero beyond the bytes received
 * @fds: descriptors that came with it; -1 where one was taken out
 * @num_fds: how many came
 * @received: bytes of header and payload received so far
 */
struct message {
	struct vhost_user_header header;
	union vhost_user_payload payload;
	int fds[VHOST_USER_MAX_REGIONS];
	unsigned int num_fds;
	size_t received;
};

/**
 * enum message_state - outcome of message_receive()
 * @MESSAGE_PARTIAL: there is more to come
 * @MESSAGE_COMPLETE: all of it is there, descriptors included
 * @MESSAGE_END: the peer closed the connection between two messages
 * @MESSAGE_BROKEN: it can not be a message, or receiving failed
 */
enum message_state {
	MESSAGE_PARTIAL,
	MESSAGE_COMPLETE,
	MESSAGE_END,
	MESSAGE_BROKEN,
};

void message_init(struct message *message);
void message_release(struct message *message);
enum message_state message_receive(struct message *message, int fd);
int message_take_fd(struct message *message, unsigned int index);
int message_send(int fd, const struct vhost_user_header *header, const void *payload,
		 int attached);

#endif /* VHOST_ACCEL_MESSAGE_H */
