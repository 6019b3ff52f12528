// SPDX-License-Identifier: GPL-2.0-only
/*
 * How messages are received
 */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "message.h"
#include "vhost_user.h"

static void send_fds(int fd, const void *data, size_t size, const int *fds, unsigned int nr)
{
	char control[CMSG_SPACE(64 * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec part = { (void *)data, size };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *header = (struct cmsghdr *)control;

	if (nr) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(nr * sizeof(int));
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(nr * sizeof(int));
		memcpy(CMSG_DATA(header), fds, nr * sizeof(int));
	}
	ASSERT_EQ(sendmsg(fd, &msg, 0), (ssize_t)size);
}

/* The lowest descriptor that is free: moves when one is kept open. */
static int lowest_free(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

FIXTURE(receive) {
	int pair[2];
	struct message message;
	struct {
		struct vhost_user_header header;
		uint64_t payload;
	} __attribute__((packed)) sent;
	int fds[40];
};

FIXTURE_SETUP(receive)
{
	unsigned int i;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, self->pair), 0);
	message_init(&self->message);
	self->sent.header = (struct vhost_user_header){ VHOST_USER_SET_VRING_KICK, 1, 8 };
	self->sent.payload = 3;
	for (i = 0; i < 40; i++)
		self->fds[i] = self->pair[0];
}

FIXTURE_TEARDOWN(receive)
{
	message_release(&self->message);
	close(self->pair[0]);
	close(self->pair[1]);
}

static int receive_state(struct receive_fixture *self)
{
	return message_receive(&self->message, self->pair[1]);
}

TEST_F(receive, byte_by_byte)
{
	const char *bytes = (const char *)&self->sent;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		EXPECT_EQ(receive_state(self), MESSAGE_PARTIAL);
		send_fds(self->pair[0], bytes + i, 1, self->fds, i == 0);
	}
	ASSERT_EQ(receive_state(self), MESSAGE_COMPLETE);
	EXPECT_EQ(self->message.payload.u64, 3ULL);
	EXPECT_EQ(self->message.num_fds, 1U);
}

TEST_F(receive, two_at_once)
{
	char both[40];

	memcpy(both, &self->sent, 20);
	memcpy(both + 20, &self->sent, 20);
	send_fds(self->pair[0], both, 40, self->fds, 1);
	ASSERT_EQ(receive_state(self), MESSAGE_COMPLETE);
	EXPECT_EQ(self->message.num_fds, 1U);
	message_release(&self->message);
	ASSERT_EQ(receive_state(self), MESSAGE_COMPLETE);
	EXPECT_EQ(self->message.num_fds, 0U);
	message_release(&self->message);
	EXPECT_EQ(receive_state(self), MESSAGE_PARTIAL);
	shutdown(self->pair[0], SHUT_WR);
	EXPECT_EQ(receive_state(self), MESSAGE_END);
}

TEST_F(receive, cut_off)
{
	send_fds(self->pair[0], &self->sent, 19, self->fds, 0);
	shutdown(self->pair[0], SHUT_WR);
	EXPECT_EQ(receive_state(self), MESSAGE_BROKEN);
}

TEST_F(receive, wrong_header_before_its_payload)
{
	self->sent.header.size = ~0U;
	send_fds(self->pair[0], &self->sent, 12, self->fds, 0);
	EXPECT_EQ(receive_state(self), MESSAGE_BROKEN);
}

TEST_F(receive, descriptors_are_closed)
{
	int before = lowest_free(), taken;

	send_fds(self->pair[0], &self->sent, 20, self->fds, 40);
	EXPECT_EQ(receive_state(self), MESSAGE_BROKEN);
	message_release(&self->message);
	EXPECT_EQ(lowest_free(), before);
	recv(self->pair[1], &self->sent, 8, 0);
	self->sent.header = (struct vhost_user_header){ VHOST_USER_SET_VRING_KICK, 1, 8 };
	send_fds(self->pair[0], &self->sent, 20, self->fds, 3);
	EXPECT_EQ(receive_state(self), MESSAGE_COMPLETE);
	taken = message_take_fd(&self->message, 1);
	EXPECT_EQ(message_take_fd(&self->message, 1), -1);
	EXPECT_EQ(message_take_fd(&self->message, 3), -1);
	message_release(&self->message);
	EXPECT_EQ(fcntl(taken, F_GETFD), FD_CLOEXEC);
	close(taken);
	EXPECT_EQ(lowest_free(), before);
}
