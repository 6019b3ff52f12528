// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer: bytes of a front end through receiving and checking of messages.
 * The first byte says how many descriptors come with the second piece, the
 * second where the bytes are cut in two.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message.h"

static const struct vhost_user_limits limits = { .protocol_features = ~0ULL, .num_rings = 8 };

static void send_piece(int fd, const uint8_t *data, size_t size, unsigned int fds)
{
	char control[CMSG_SPACE(255 * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec part = { (void *)data, size };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *header = (struct cmsghdr *)control;

	if (!size)
		return;
	if (fds) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(fds * sizeof(int));
	}
	if (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

/* A message that passes has nothing a handler could stumble over. */
static void check(struct message *message)
{
	const union vhost_user_payload *payload = &message->payload;

	if (vhost_user_check(&message->header, payload, message->num_fds, &limits))
		return;
	switch (message->header.request) {
	case VHOST_USER_SET_MEM_TABLE:
		assert(payload->memory.num_regions <= VHOST_USER_MAX_REGIONS);
		assert(payload->memory.num_regions == message->num_fds);
		break;
	case VHOST_USER_GET_CONFIG:
	case VHOST_USER_SET_CONFIG:
		assert(payload->config.size <= VHOST_USER_MAX_CONFIG);
		assert(payload->config.offset + payload->config.size <= VHOST_USER_MAX_CONFIG);
		break;
	case VHOST_USER_SET_VRING_KICK:
	case VHOST_USER_SET_VRING_CALL:
	case VHOST_USER_SET_VRING_ERR:
		assert((payload->u64 & VHOST_USER_VRING_INDEX) < limits.num_rings);
		assert(message->num_fds == !(payload->u64 & VHOST_USER_VRING_NO_FD));
		break;
	case VHOST_USER_SET_VRING_NUM:
	case VHOST_USER_SET_VRING_ADDR:
	case VHOST_USER_SET_VRING_BASE:
	case VHOST_USER_GET_VRING_BASE:
	case VHOST_USER_SET_VRING_ENABLE:
		assert(payload->state.index < limits.num_rings);
		break;
	}
}

int fuzz_one(const uint8_t *data, size_t size) __asm__("LLVMFuzzerTestOneInput");

int fuzz_one(const uint8_t *data, size_t size)
{
	struct message message;
	int pair[2], lowest;
	size_t cut;

	if (size < 2 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 0;
	cut = 2 + data[1] * (size - 2) / 256;
	send_piece(pair[0], data + 2, cut - 2, 0);
	send_piece(pair[0], data + cut, size - cut, data[0] % 64);
	shutdown(pair[0], SHUT_WR);
	message_init(&message);
	while (message_receive(&message, pair[1]) == MESSAGE_COMPLETE) {
		check(&message);
		message_release(&message);
	}
	message_release(&message);
	close(pair[1]);
	close(pair[0]);
	/* Whatever came was closed. */
	lowest = dup(0);
	assert(lowest == pair[0] || lowest == pair[1]);
	close(lowest);
	return 0;
}
