// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost-user messages on a socket. Receiving never blocks, so that a front end
 * that sends half a message holds up nothing but itself.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "message.h"

/** define SCM_LIMIT - descriptors the kernel puts into one control message */
#define SCM_LIMIT	253

/**
 * message_init() - prepare for the next request
 * @message: an unused one, or one that message_release() was called on
 */
void message_init(struct message *message)
{
	memset(message, 0, sizeof(*message));
}

/**
 * message_release() - close the descriptors nobody took
 * @message: may be received in part only
 */
void message_release(struct message *message)
{
	unsigned int i;

	for (i = 0; i < message->num_fds; i++)
		if (message->fds[i] >= 0)
			close(message->fds[i]);
	message_init(message);
}

/**
 * message_take_fd() - take a descriptor out of a message
 * @message: a complete message
 * @index: which of its descriptors
 *
 * Return: the descriptor, which is the caller's from now on; -1 if there is none.
 */
int message_take_fd(struct message *message, unsigned int index)
{
	int fd;

	if (index >= message->num_fds)
		return -1;
	fd = message->fds[index];
	message->fds[index] = -1;
	return fd;
}

/* Every descriptor that arrives is kept or closed; false if one had no place. */
static bool collect_fds(struct message *message, struct msghdr *msg)
{
	struct cmsghdr *control;
	bool fit = !(msg->msg_flags & MSG_CTRUNC);
	size_t i, count;
	int fd;

	for (control = CMSG_FIRSTHDR(msg); control; control = CMSG_NXTHDR(msg, control)) {
		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
			continue;
		count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < count; i++) {
			memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
			if (message->num_fds < VHOST_USER_MAX_REGIONS) {
				message->fds[message->num_fds++] = fd;
			} else {
				close(fd);
				fit = false;
			}
		}
	}
	return fit;
}

/* Where the next bytes belong, and how many are missing there. */
static struct iovec next_part(struct message *message)
{
	size_t have = message->received;
	struct iovec part;

	if (have < sizeof(message->header)) {
		part.iov_base = (char *)&message->header + have;
		part.iov_len = sizeof(message->header) - have;
	} else {
		have -= sizeof(message->header);
		part.iov_base = (char *)&message->payload + have;
		part.iov_len = message->header.size - have;
	}
	return part;
}

static enum message_state receive_part(struct message *message, int fd)
{
	union {
		char bytes[CMSG_SPACE(SCM_LIMIT * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = next_part(message);
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t count;

	do {
		count = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (count < 0 && errno == EINTR);
	if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return MESSAGE_PARTIAL;
	if (count < 0 && errno == ECONNRESET && !message->received)
		return MESSAGE_END;
	if (count < 0) {
		log_error("receive: %s", strerror(errno));
		return MESSAGE_BROKEN;
	}
	if (!count && !message->received)
		return MESSAGE_END;
	if (!count) {
		log_error("connection closed in the middle of a message");
		return MESSAGE_BROKEN;
	}
	message->received += count;
	if (!collect_fds(message, &msg)) {
		log_error("a message with more than %d descriptors", VHOST_USER_MAX_REGIONS);
		return MESSAGE_BROKEN;
	}
	return MESSAGE_COMPLETE;
}

/**
 * message_receive() - receive as much of a request as there is
 * @message: the request, as message_init() or the last call left it
 * @fd: the connection
 *
 * Return: see &enum message_state. The header of a complete message has passed
 * vhost_user_check_header(), its content is unchecked.
 */
enum message_state message_receive(struct message *message, int fd)
{
	const size_t header_size = sizeof(message->header);
	enum message_state state;
	const char *wrong;

	while (message->received < header_size ||
	       message->received < header_size + message->header.size) {
		state = receive_part(message, fd);
		if (state != MESSAGE_COMPLETE)
			return state;
		if (message->received != header_size)
			continue;
		wrong = vhost_user_check_header(&message->header);
		if (wrong) {
			log_error("%s (%u): %s (flags %#x, %u bytes)",
				  vhost_user_name(message->header.request),
				  message->header.request, wrong,
				  message->header.flags, message->header.size);
			return MESSAGE_BROKEN;
		}
	}
	return MESSAGE_COMPLETE;
}

/**
 * message_send() - send a message
 * @fd: the connection
 * @header: its header
 * @payload: as many bytes as the header says
 * @attached: a descriptor that goes with it, -1 for none
 *
 * Does not block: a peer that has room for no more messages does not read them.
 *
 * Return: 0, or a negative errno and nothing was sent.
 */
int message_send(int fd, const struct vhost_user_header *header, const void *payload,
		 int attached)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { 0 };
	struct iovec parts[] = {
		{ .iov_base = (void *)header, .iov_len = sizeof(*header) },
		{ .iov_base = (void *)payload, .iov_len = header->size },
	};
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };
	size_t size = sizeof(*header) + header->size;
	ssize_t count;

	if (attached >= 0) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &attached, sizeof(int));
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
	}
	do {
		count = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	return (size_t)count == size ? 0 : -EIO;
}
