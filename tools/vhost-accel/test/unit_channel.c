// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the back end asks of the front end
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "harness.h"
#include "vhost_user.h"

/* A channel whose socket is full holds one request back, and sends it later. */
TEST(channel_waits)
{
	struct vhost_iotlb_msg iotlb = { .iova = 7, .type = VHOST_IOTLB_MISS };
	struct channel channel;
	char received[4096];
	int pair[2];
	size_t sent = 0, got = 0;
	ssize_t count;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	channel_init(&channel);
	channel_open(&channel, pair[1]);
	while (!channel.pending) {
		ASSERT_EQ(channel_send_iotlb(&channel, &iotlb), 0);
		sent += sizeof(struct vhost_user_header) + sizeof(iotlb);
	}
	while ((count = recv(pair[0], received, sizeof(received), MSG_DONTWAIT)) > 0)
		got += count;
	EXPECT_LT(got, sent);
	ASSERT_EQ(channel_flush(&channel), 0);
	EXPECT_FALSE(channel.pending);
	while ((count = recv(pair[0], received, sizeof(received), MSG_DONTWAIT)) > 0)
		got += count;
	EXPECT_EQ(got, sent);
	close(pair[0]);
	EXPECT_NE(channel_send_config_change(&channel), 0);
	channel_close(&channel);
}

static size_t put_reply(char *to, uint32_t request, uint32_t flags, uint32_t size,
			uint64_t value)
{
	const struct vhost_user_header header = { request, flags, size };

	memcpy(to, &header, sizeof(header));
	memcpy(to + sizeof(header), &value, sizeof(value));
	return sizeof(header) + sizeof(value);
}

/* What is to be mapped goes with its file, and the reply may come in pieces. */
TEST(channel_maps)
{
	const struct vhost_user_map map = { .region_offset = 4096, .size = 8192, .flags = 1 };
	char received[4096], reply[64];
	struct channel channel;
	uint64_t value = 7;
	int pair[2], fd;
	size_t i, size;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	channel_init(&channel);
	channel_open(&channel, pair[1]);
	fd = open("/dev/null", O_RDONLY);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(channel_send_map(&channel, VHOST_USER_BACKEND_SHMEM_MAP, &map, fd), 0);
	EXPECT_TRUE(channel_busy(&channel));
	/* The descriptor was the channel's, and is on its way. */
	EXPECT_NE(fcntl(fd, F_GETFD), 0);
	ASSERT_EQ(recv(pair[0], received, sizeof(received), 0), 12 + 40);
	size = put_reply(reply, VHOST_USER_BACKEND_SHMEM_MAP, 5, 8, 1);
	for (i = 0; i < size; i++) {
		EXPECT_EQ(channel_receive(&channel, &value), -EAGAIN);
		ASSERT_EQ(send(pair[0], reply + i, 1, 0), 1);
	}
	ASSERT_EQ(channel_receive(&channel, &value), 0);
	EXPECT_EQ(value, 1UL);
	EXPECT_FALSE(channel_busy(&channel));
	channel_close(&channel);
	close(pair[0]);
}

TEST(channel_distrusts)
{
	static const uint32_t wrong[][3] = {
		{ 10, 5, 8 }, { 9, 1, 8 }, { 9, 13, 8 }, { 9, 5, 4 }, { 9, 5, 0xffffffff },
	};
	const struct vhost_user_map map = { .size = 4096 };
	struct channel channel;
	char reply[64];
	uint64_t value;
	unsigned int i;
	int pair[2];
	size_t size;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		channel_init(&channel);
		channel_open(&channel, pair[1]);
		ASSERT_EQ(channel_send_map(&channel, VHOST_USER_BACKEND_SHMEM_MAP, &map, -1), 0);
		size = put_reply(reply, wrong[i][0], wrong[i][1], wrong[i][2], 0);
		ASSERT_EQ(send(pair[0], reply, size, 0), (ssize_t)size);
		EXPECT_EQ(channel_receive(&channel, &value), -EPROTO);
		close(pair[0]);
		channel_close(&channel);
	}
	/* Nobody is there any more. */
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	channel_open(&channel, pair[1]);
	ASSERT_EQ(channel_send_map(&channel, VHOST_USER_BACKEND_SHMEM_UNMAP, &map, -1), 0);
	close(pair[0]);
	EXPECT_NE(channel_receive(&channel, &value), 0);
	channel_close(&channel);
}
