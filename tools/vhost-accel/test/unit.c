// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be said of vhost-accel without a kernel: which messages are well
 * formed, how they are received, where addresses lead, what options mean
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "class.h"
#include "dirty_log.h"
#include "endpoint.h"
#include "harness.h"
#include "memory.h"
#include "message.h"
#include "options.h"
#include "ring.h"
#include "vhost_user.h"

#define PAGE	4096UL

static const struct vhost_user_limits all_limits = {
	.protocol_features = ~0ULL,
	.num_rings = 4,
};

/**
 * struct shape - the one right shape of a request
 * @request: the request
 * @size: its payload
 * @least: fewest descriptors
 * @most: most descriptors
 * @feature: protocol feature it belongs to
 */
struct shape {
	uint32_t request;
	uint32_t size;
	unsigned int least;
	unsigned int most;
	uint64_t feature;
};

/* Written down from the specification, not from the table under test. */
static const struct shape shapes[] = {
	{ 1, 0, 0, 0, 0 }, { 2, 8, 0, 0, 0 }, { 3, 0, 0, 0, 0 }, { 4, 0, 0, 0, 0 },
	{ 6, 16, 1, 1, 1 << 1 }, { 7, 0, 1, 1, 0 }, { 8, 8, 0, 0, 0 }, { 9, 40, 0, 0, 0 },
	{ 10, 8, 0, 0, 0 }, { 11, 8, 0, 0, 0 }, { 15, 0, 0, 0, 0 }, { 16, 8, 0, 0, 0 },
	{ 17, 0, 0, 0, 0 }, { 18, 8, 0, 0, 0 }, { 21, 0, 1, 1, 1 << 5 },
	{ 34, 0, 0, 0, 1 << 13 }, { 36, 0, 0, 0, 1 << 15 }, { 37, 40, 1, 1, 1 << 15 },
	{ 38, 40, 0, 1, 1 << 15 }, { 39, 8, 0, 0, 1 << 16 }, { 40, 0, 0, 0, 1 << 16 },
	{ 44, 0, 0, 0, 1 << 20 },
};

TEST(shape_of_requests)
{
	union vhost_user_payload payload = { 0 };
	struct vhost_user_limits limits = all_limits;
	struct vhost_user_header header;
	const struct shape *shape;
	unsigned int i, fds;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		shape = &shapes[i];
		header = (struct vhost_user_header){ shape->request, 1, shape->size };
		EXPECT_MSG(!vhost_user_check_header(&header), "request %u", shape->request);
		limits.protocol_features = shape->feature;
		for (fds = 0; fds < 4; fds++)
			EXPECT_MSG(!vhost_user_check(&header, &payload, fds, &limits) ==
				   (fds >= shape->least && fds <= shape->most),
				   "request %u with %u descriptors", shape->request, fds);
		limits.protocol_features = ~shape->feature;
		EXPECT_MSG(!vhost_user_check(&header, &payload, shape->least, &limits) ==
			   !shape->feature, "request %u without its feature", shape->request);
		header.size = shape->size + 1;
		EXPECT_MSG(vhost_user_check_header(&header), "request %u longer",
			   shape->request);
		header.size = shape->size - 1;
		EXPECT_MSG(vhost_user_check_header(&header), "request %u shorter",
			   shape->request);
	}
}

TEST(unknown_requests)
{
	static const uint32_t known[] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 21, 22, 24, 25,
		34, 36, 37, 38, 39, 40, 44,
	};
	struct vhost_user_header header = { .flags = 1 };
	unsigned int i, at = 0;

	for (i = 0; i < 1000; i++) {
		header.request = i;
		header.size = 0;
		if (at < sizeof(known) / sizeof(known[0]) && known[at] == i) {
			EXPECT_MSG(strcmp(vhost_user_name(i), "unknown request"), "%u", i);
			at++;
			continue;
		}
		EXPECT_MSG(vhost_user_check_header(&header), "request %u", i);
	}
	EXPECT_EQ(at, sizeof(known) / sizeof(known[0]));
}

TEST(flags)
{
	struct vhost_user_header header = { .request = VHOST_USER_GET_FEATURES };

	for (header.flags = 0; header.flags < 64; header.flags++)
		EXPECT_MSG(!vhost_user_check_header(&header) ==
			   (header.flags == 1 || header.flags == 9), "flags %u", header.flags);
	header.flags = 0x80000001;
	EXPECT_TRUE(vhost_user_check_header(&header));
}

static const char *check(uint32_t request, uint32_t size, unsigned int fds,
			 const union vhost_user_payload *payload)
{
	struct vhost_user_header header = { request, 1, size };
	const char *wrong = vhost_user_check_header(&header);

	return wrong ? wrong : vhost_user_check(&header, payload, fds, &all_limits);
}

TEST(ring_index)
{
	static const uint32_t requests[] = {
		VHOST_USER_SET_VRING_NUM, VHOST_USER_SET_VRING_BASE, VHOST_USER_GET_VRING_BASE,
		VHOST_USER_SET_VRING_ENABLE, VHOST_USER_SET_VRING_ADDR,
	};
	union vhost_user_payload payload = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		uint32_t size = requests[i] == VHOST_USER_SET_VRING_ADDR ? 40 : 8;

		payload.state.index = 3;
		EXPECT_FALSE(check(requests[i], size, 0, &payload));
		payload.state.index = 4;
		EXPECT_TRUE(check(requests[i], size, 0, &payload));
		payload.state.index = ~0U;
		EXPECT_TRUE(check(requests[i], size, 0, &payload));
	}
}

TEST(ring_descriptor)
{
	static const uint32_t requests[] = {
		VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_CALL, VHOST_USER_SET_VRING_ERR,
	};
	union vhost_user_payload payload = { 0 };
	unsigned int i, fds, bit;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		for (fds = 0; fds < 3; fds++) {
			payload.u64 = 3;
			EXPECT_EQ(!check(requests[i], 8, fds, &payload), fds == 1);
			payload.u64 = 3 | VHOST_USER_VRING_NO_FD;
			EXPECT_EQ(!check(requests[i], 8, fds, &payload), fds == 0);
		}
		for (bit = 9; bit < 64; bit++) {
			payload.u64 = 1ULL << bit;
			EXPECT_TRUE(check(requests[i], 8, 1, &payload));
		}
		payload.u64 = 4;
		EXPECT_TRUE(check(requests[i], 8, 1, &payload));
	}
}

TEST(enable_is_a_bit)
{
	union vhost_user_payload payload = { .state = { 0, 1 } };

	EXPECT_FALSE(check(VHOST_USER_SET_VRING_ENABLE, 8, 0, &payload));
	payload.state.num = 2;
	EXPECT_TRUE(check(VHOST_USER_SET_VRING_ENABLE, 8, 0, &payload));
}

TEST(ring_flags)
{
	union vhost_user_payload payload = { .address = { .flags = 1 } };

	EXPECT_FALSE(check(VHOST_USER_SET_VRING_ADDR, 40, 0, &payload));
	payload.address.flags = 2;
	EXPECT_TRUE(check(VHOST_USER_SET_VRING_ADDR, 40, 0, &payload));
}

TEST(table_size)
{
	union vhost_user_payload payload = { 0 };
	unsigned int nr, sent;

	for (nr = 0; nr < 40; nr++) {
		for (sent = 0; sent <= 32; sent++) {
			payload.memory.num_regions = nr;
			EXPECT_MSG(!check(VHOST_USER_SET_MEM_TABLE, 8 + sent * 32, nr, &payload) ==
				   (nr == sent && nr <= 32), "%u regions, %u sent", nr, sent);
		}
		EXPECT_TRUE(check(VHOST_USER_SET_MEM_TABLE, 8 + nr * 32, nr + 1, &payload));
	}
	payload.memory.num_regions = 0x08000001;
	EXPECT_TRUE(check(VHOST_USER_SET_MEM_TABLE, 8 + 32, 1, &payload));
}

TEST(config_access)
{
	union vhost_user_payload payload = { 0 };

	payload.config.size = 8;
	EXPECT_FALSE(check(VHOST_USER_GET_CONFIG, 20, 0, &payload));
	EXPECT_TRUE(check(VHOST_USER_GET_CONFIG, 21, 0, &payload));
	payload.config.offset = 248;
	EXPECT_FALSE(check(VHOST_USER_SET_CONFIG, 20, 0, &payload));
	payload.config.offset = 249;
	EXPECT_TRUE(check(VHOST_USER_SET_CONFIG, 20, 0, &payload));
	payload.config.offset = ~0U - 3;
	EXPECT_TRUE(check(VHOST_USER_SET_CONFIG, 20, 0, &payload));
	payload.config.offset = 0;
	payload.config.flags = 2;
	EXPECT_TRUE(check(VHOST_USER_SET_CONFIG, 20, 0, &payload));
	payload.config.flags = 0;
	payload.config.size = 0;
	EXPECT_TRUE(check(VHOST_USER_GET_CONFIG, 13, 0, &payload));
	payload.config.size = 257;
	EXPECT_TRUE(check(VHOST_USER_GET_CONFIG, 268, 0, &payload));
}

TEST(translation_size)
{
	union vhost_user_payload payload = { 0 };
	unsigned int size;

	for (size = 0; size < 40; size++)
		EXPECT_EQ(!check(VHOST_USER_IOTLB_MSG, size, 0, &payload),
			  size == 26 || size == 32);
}

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

FIXTURE(memory) {
	struct memory table;
	struct memory empty;
	int fd;
};

FIXTURE_SETUP(memory)
{
	self->fd = memfd_create("guest", 0);
	ASSERT_EQ(ftruncate(self->fd, 16 * PAGE), 0);
}

FIXTURE_TEARDOWN(memory)
{
	memory_release(&self->table, NULL);
	close(self->fd);
}

static int add(struct memory_fixture *self, uint64_t guest, uint64_t size, uint64_t user,
	       uint64_t offset)
{
	const struct vhost_user_region front = { guest, size, user, offset };

	return memory_add(&self->table, &self->empty, &front, self->fd);
}

TEST_F(memory, translation)
{
	uint64_t address;

	ASSERT_EQ(add(self, 0, 2 * PAGE, 0x100000, 3 * PAGE), 0);
	ASSERT_EQ(add(self, 8 * PAGE, PAGE, 0x100000 + 2 * PAGE, 8), 0);
	ASSERT_EQ(pwrite(self->fd, "marker", 6, 4 * PAGE + 5), 6);
	address = memory_translate(&self->table, 0x100000 + PAGE + 5, 6);
	ASSERT_NE(address, 0ULL);
	EXPECT_EQ(memcmp((void *)(uintptr_t)address, "marker", 6), 0);
	EXPECT_NE(memory_translate(&self->table, 0x100000, 2 * PAGE), 0ULL);
	/* The second region follows for the front end, but not here. */
	EXPECT_EQ(memory_translate(&self->table, 0x100000, 2 * PAGE + 1), 0ULL);
	EXPECT_EQ(memory_contiguous(&self->table, 0x100000 + 5), 2 * PAGE - 5);
	EXPECT_EQ(memory_translate(&self->table, 0x100000 - 1, 1), 0ULL);
	EXPECT_EQ(memory_translate(&self->table, 0x100000 + 3 * PAGE, 1), 0ULL);
	EXPECT_EQ(memory_translate(&self->table, 0x100000, ~0ULL), 0ULL);
	EXPECT_EQ(memory_contiguous(&self->table, 0), 0ULL);
	EXPECT_EQ(memory_last_guest_address(&self->table), 9 * PAGE - 1);
}

TEST_F(memory, regions_that_can_not_be)
{
	EXPECT_NE(add(self, 0, 0, PAGE, 0), 0);
	EXPECT_NE(add(self, ~0ULL - 8, PAGE, PAGE, 0), 0);
	EXPECT_NE(add(self, 0, PAGE, ~0ULL - 8, 0), 0);
	EXPECT_NE(add(self, 0, 17 * PAGE, PAGE, 0), 0);
	EXPECT_NE(add(self, 0, PAGE, PAGE, 16 * PAGE), 0);
	EXPECT_NE(add(self, 0, PAGE, PAGE, ~0ULL - 8), 0);
	EXPECT_NE(add(self, 0, ~0ULL - PAGE, PAGE, 0), 0);
	EXPECT_EQ(add(self, PAGE, 2 * PAGE, PAGE, 0), 0);
	EXPECT_NE(add(self, 2 * PAGE, PAGE, 8 * PAGE, 0), 0);
	EXPECT_NE(add(self, 8 * PAGE, PAGE, 2 * PAGE, 0), 0);
	EXPECT_EQ(add(self, 3 * PAGE, PAGE, 3 * PAGE, 0), 0);
	EXPECT_EQ(self->table.num_regions, 2U);
}

TEST_F(memory, limit)
{
	unsigned int i;

	for (i = 0; i < MEMORY_MAX_REGIONS; i++)
		ASSERT_EQ(add(self, i * PAGE, PAGE, (i + 1) * PAGE, 0), 0);
	EXPECT_NE(add(self, i * PAGE, PAGE, (i + 1) * PAGE, 0), 0);
}

/* What stays keeps its place, what goes is unmapped, and only that. */
TEST_F(memory, tables_share)
{
	static struct memory next;
	const struct vhost_user_region stays = { 0, PAGE, PAGE, 0 };
	const struct vhost_user_region moved = { PAGE, PAGE, 2 * PAGE, 2 * PAGE };
	void *kept, *gone;

	ASSERT_EQ(add(self, 0, PAGE, PAGE, 0), 0);
	ASSERT_EQ(add(self, PAGE, PAGE, 2 * PAGE, PAGE), 0);
	kept = self->table.regions[0].mapping.map;
	gone = self->table.regions[1].mapping.map;
	next.num_regions = 0;
	ASSERT_EQ(memory_add(&next, &self->table, &stays, self->fd), 0);
	/* The same place of the front end, but another page of the file. */
	ASSERT_EQ(memory_add(&next, &self->table, &moved, self->fd), 0);
	EXPECT_TRUE(next.regions[0].mapping.map == kept);
	EXPECT_TRUE(next.regions[1].mapping.map != gone);
	EXPECT_TRUE(memory_release(&self->table, &next));
	EXPECT_EQ(msync(kept, PAGE, MS_ASYNC), 0);
	EXPECT_NE(msync(gone, PAGE, MS_ASYNC), 0);
	self->table = next;
	EXPECT_FALSE(memory_release(&self->table, &next));
	self->table = next;
}

TEST_F(memory, removal)
{
	struct vhost_user_region front = { 0, PAGE, PAGE, 0 };

	ASSERT_EQ(add(self, 0, PAGE, PAGE, 0), 0);
	front.size = 2 * PAGE;
	EXPECT_NE(memory_remove(&self->table, &front), 0);
	front.size = PAGE;
	front.user_address = 2 * PAGE;
	EXPECT_NE(memory_remove(&self->table, &front), 0);
	front.user_address = PAGE;
	/* The offset does not identify a region. */
	front.mmap_offset = 12345;
	self->empty = self->table;
	EXPECT_EQ(memory_remove(&self->table, &front), 0);
	EXPECT_EQ(self->table.num_regions, 0U);
	memory_release(&self->empty, NULL);
}

TEST(log_coverage)
{
	struct dirty_log log = { .size = 1 };

	EXPECT_TRUE(dirty_log_covers(&log, 0));
	EXPECT_TRUE(dirty_log_covers(&log, 8 * PAGE - 1));
	EXPECT_FALSE(dirty_log_covers(&log, 8 * PAGE));
	EXPECT_FALSE(dirty_log_covers(&log, ~0ULL));
}

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

TEST(numbers_in_options)
{
	unsigned long value;

	EXPECT_EQ(options_number("n", "100", 100, &value), 0);
	EXPECT_EQ(value, 100UL);
	EXPECT_EQ(options_number("n", "0x10", 100, &value), 0);
	EXPECT_EQ(value, 16UL);
	EXPECT_NE(options_number("n", "101", 100, &value), 0);
	EXPECT_NE(options_number("n", "-1", 100, &value), 0);
	EXPECT_NE(options_number("n", "", 100, &value), 0);
	EXPECT_NE(options_number("n", "1x", 100, &value), 0);
	EXPECT_NE(options_number("n", "99999999999999999999", ~0UL, &value), 0);
}

static const struct option_rule *rule_of(const struct device_class *class, const char *name)
{
	size_t i;

	for (i = 0; i < class->num_options; i++)
		if (!strcmp(class->options[i].name, name))
			return &class->options[i];
	return NULL;
}

TEST(can_filters)
{
	static const char *const good[] = { "123:7ff", "12345678~1FFFFFFF", "0:0", "7DF~7F8" };
	static const char *const bad[] = {
		"", ":", "123", "123:", ":7ff", "123:7ff:", "123;7ff", "123456789:1", "1:123456789",
		"0x1:2", "g:1", "1:g", " 1:1", "-1:1",
	};
	const struct device_class *class = class_find("can");
	void *options = calloc(1, class->options_size);
	const struct option_rule *rule = rule_of(class, "filter");
	unsigned int i;

	ASSERT_TRUE(rule && options);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		EXPECT_MSG(!rule->set(options, good[i]), "%s", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_MSG(rule->set(options, bad[i]), "'%s'", bad[i]);
	/* As many as a socket takes, and no more. */
	for (i = sizeof(good) / sizeof(good[0]); i < 512; i++)
		ASSERT_EQ(rule->set(options, "1:1"), 0);
	EXPECT_NE(rule->set(options, "1:1"), 0);
	free(options);
}

/* What excludes what, and what needs what. */
TEST(can_options)
{
	static const struct {
		const char *name[3];
		const char *value[3];
		int result;
	} cases[] = {
		{ { NULL }, { NULL }, -1 },
		{ { "interface" }, { "can0" }, 0 },
		{ { "backing-fd" }, { "5" }, 0 },
		{ { "interface", "backing-fd" }, { "can0", "5" }, -1 },
		{ { "backing-fd", "classic" }, { "5" }, -1 },
		{ { "backing-fd", "late-tx-ack" }, { "5" }, -1 },
		{ { "backing-fd", "filter" }, { "5", "1:1" }, -1 },
		{ { "backing-fd", "bit-rate-switch" }, { "5" }, 0 },
		{ { "interface", "tx-burst" }, { "can0", "5" }, -1 },
		{ { "interface", "tx-burst", "tx-rate" }, { "can0", "5", "100" }, 0 },
	};
	const struct device_class *class = class_find("can");
	const struct option_rule *rule;
	unsigned int i, k;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		void *options = calloc(1, class->options_size);

		for (k = 0; k < 3 && cases[i].name[k]; k++) {
			rule = rule_of(class, cases[i].name[k]);
			ASSERT_TRUE(rule);
			ASSERT_EQ(rule->set(options, cases[i].value[k]), 0);
		}
		EXPECT_MSG(class->check(options) == cases[i].result, "case %u", i);
		free(options);
	}
}

TEST(video_options)
{
	static const struct {
		const char *name[2];
		const char *value[2];
		int result;
	} cases[] = {
		{ { NULL }, { NULL }, -1 },
		{ { "device" }, { "/dev/video0" }, 0 },
		{ { "backing-fd" }, { "5" }, 0 },
		{ { "device", "backing-fd" }, { "/dev/video0", "5" }, -1 },
		{ { "device", "protocol" }, { "/dev/video0", "media" }, 0 },
		{ { "device", "window-mib" }, { "/dev/video0", "64" }, 0 },
	};
	const struct device_class *class = class_find("video");
	const struct option_rule *rule;
	unsigned int i, k;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		void *options = calloc(1, class->options_size);

		for (k = 0; k < 2 && cases[i].name[k]; k++) {
			rule = rule_of(class, cases[i].name[k]);
			ASSERT_TRUE(rule);
			ASSERT_EQ(rule->set(options, cases[i].value[k]), 0);
		}
		EXPECT_MSG(class->check(options) == cases[i].result, "case %u", i);
		free(options);
	}
}

TEST(classes)
{
	const struct device_class *class;
	size_t i;

	for (i = 0; (class = class_at(i)); i++)
		EXPECT_TRUE(class_find(class->name) == class);
	EXPECT_GT(i, 0UL);
	EXPECT_FALSE(class_find("none"));
}

HARNESS_MAIN
