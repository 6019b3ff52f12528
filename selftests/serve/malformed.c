// SPDX-License-Identifier: GPL-2.0-only
/*
 * serve: front ends that break the protocol. Each mistake ends its connection
 * with a line in the log; the next front end is served, and no descriptor and
 * no mapping stays behind.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tvm_serve.h"

#define CLOSE_MS	10000

FIXTURE(malformed) {
	struct tvm_serve serve;
	struct tvm_front *front;
	int fds;
	int maps;
};

FIXTURE_SETUP(malformed)
{
	self->front = &self->serve.front;
	tvm_serve_create(&self->serve, NULL);
	tvm_serve_reconnect(&self->serve);
	self->fds = tvm_server_fds(&self->serve.server);
	self->maps = tvm_server_maps(&self->serve.server);
}

FIXTURE_TEARDOWN(malformed)
{
	tvm_serve_destroy(&self->serve);
}

/* Nothing stayed behind, and the server serves. */
static void check_alive(struct malformed_fixture *self, const char *name)
{
	tvm_serve_reconnect(&self->serve);
	EXPECT_MSG(tvm_server_fds(&self->serve.server) == self->fds,
		   "%s: %d descriptors, before it were %d", name,
		   tvm_server_fds(&self->serve.server), self->fds);
	EXPECT_MSG(tvm_server_maps(&self->serve.server) == self->maps,
		   "%s: mappings stayed behind", name);
}

/* The connection ends, for a reason that is in the log. */
static void check_refused(struct malformed_fixture *self, const char *name,
			  unsigned int errors)
{
	EXPECT_MSG(tvm_front_closed(self->front, CLOSE_MS), "%s: still connected", name);
	EXPECT_MSG(tvm_server_logged(&self->serve.server, "error: ") > errors,
		   "%s: nothing in the log", name);
	check_alive(self, name);
}

/**
 * struct wrong_header - a header and what comes with it
 * @name: for messages
 * @header: the header
 * @payload: bytes of payload sent, whatever the header says
 * @fds: descriptors sent
 */
struct wrong_header {
	const char *name;
	struct tvm_user_header header;
	unsigned int payload;
	unsigned int fds;
};

static const struct wrong_header wrong_headers[] = {
	{ "request 0", { 0, 1, 0 }, 0, 0 },
	{ "request 19", { 19, 1, 8 }, 8, 0 },
	{ "request 41", { 41, 1, 0 }, 0, 0 },
	{ "request ~0", { ~0U, 1, 0 }, 0, 0 },
	{ "version 0", { TVM_USER_GET_FEATURES, 0, 0 }, 0, 0 },
	{ "version 2", { TVM_USER_GET_FEATURES, 2, 0 }, 0, 0 },
	{ "reply", { TVM_USER_GET_FEATURES, 5, 0 }, 0, 0 },
	{ "unknown flag", { TVM_USER_GET_FEATURES, 17, 0 }, 0, 0 },
	{ "payload not wanted", { TVM_USER_GET_FEATURES, 1, 8 }, 8, 0 },
	{ "payload missing", { TVM_USER_SET_FEATURES, 1, 0 }, 0, 0 },
	{ "payload short", { TVM_USER_SET_FEATURES, 1, 4 }, 4, 0 },
	{ "payload long", { TVM_USER_SET_FEATURES, 1, 16 }, 16, 0 },
	{ "payload endless", { TVM_USER_SET_MEM_TABLE, 1, ~0U }, 64, 0 },
	{ "descriptor not wanted", { TVM_USER_GET_FEATURES, 1, 0 }, 0, 1 },
	{ "many descriptors", { TVM_USER_GET_FEATURES, 1, 0 }, 0, 33 },
	{ "most descriptors", { TVM_USER_GET_FEATURES, 1, 0 }, 0, 253 },
	{ "descriptors and wrong header", { 0, 0, ~0U }, 0, 8 },
	{ "channel without descriptor", { TVM_USER_SET_BACKEND_REQ_FD, 1, 0 }, 0, 0 },
	{ "log eventfd without descriptor", { TVM_USER_SET_LOG_FD, 1, 0 }, 0, 0 },
	{ "two log eventfds", { TVM_USER_SET_LOG_FD, 1, 0 }, 0, 2 },
	{ "log without descriptor", { TVM_USER_SET_LOG_BASE, 1, 16 }, 16, 0 },
	{ "slot without descriptor", { TVM_USER_ADD_MEM_REG, 1, 40 }, 40, 0 },
	{ "slot with two descriptors", { TVM_USER_ADD_MEM_REG, 1, 40 }, 40, 2 },
	{ "slot removed with two descriptors", { TVM_USER_REM_MEM_REG, 1, 40 }, 40, 2 },
	{ "ring without descriptor", { TVM_USER_SET_VRING_CALL, 1, 8 }, 8, 0 },
	{ "ring with two descriptors", { TVM_USER_SET_VRING_CALL, 1, 8 }, 8, 2 },
	{ "translation cut off", { TVM_USER_IOTLB_MSG, 1, 25 }, 25, 0 },
	{ "configuration without size", { TVM_USER_GET_CONFIG, 1, 12 }, 12, 0 },
};

static void send_wrong_header(struct malformed_fixture *self, const struct wrong_header *wrong)
{
	char data[sizeof(wrong->header) + 64] = { 0 };
	int fds[253];
	unsigned int i;

	for (i = 0; i < wrong->fds; i++)
		fds[i] = self->serve.mem.fd;
	memcpy(data, &wrong->header, sizeof(wrong->header));
	ASSERT_EQ(tvm_front_raw(self->front->fd, data, sizeof(wrong->header) + wrong->payload,
				fds, wrong->fds), 0);
}

TEST_F(malformed, headers)
{
	unsigned int i, errors;

	for (i = 0; i < sizeof(wrong_headers) / sizeof(wrong_headers[0]); i++) {
		ASSERT_EQ(tvm_front_handshake(self->front, 0), 0);
		errors = tvm_server_logged(&self->serve.server, "error: ");
		send_wrong_header(self, &wrong_headers[i]);
		check_refused(self, wrong_headers[i].name, errors);
	}
}

/* What belongs to a protocol feature that was not negotiated. */
TEST_F(malformed, not_negotiated)
{
	static const struct wrong_header requests[] = {
		{ "log", { TVM_USER_SET_LOG_BASE, 1, 16 }, 16, 1 },
		{ "channel", { TVM_USER_SET_BACKEND_REQ_FD, 1, 0 }, 0, 1 },
		{ "configuration", { TVM_USER_GET_CONFIG, 1, 16 }, 16, 0 },
		{ "reset", { TVM_USER_RESET_DEVICE, 1, 0 }, 0, 0 },
		{ "slots", { TVM_USER_GET_MAX_MEM_SLOTS, 1, 0 }, 0, 0 },
		{ "slot", { TVM_USER_ADD_MEM_REG, 1, 40 }, 40, 1 },
		{ "status", { TVM_USER_GET_STATUS, 1, 0 }, 0, 0 },
	};
	unsigned int i, errors;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		errors = tvm_server_logged(&self->serve.server, "not negotiated");
		send_wrong_header(self, &requests[i]);
		check_refused(self, requests[i].name, errors);
		EXPECT_GT(tvm_server_logged(&self->serve.server, "not negotiated"), errors);
	}
}

/* Every number of bytes a front end can send before it goes away. */
TEST_F(malformed, cut_off)
{
	struct {
		struct tvm_user_header header;
		uint64_t payload;
	} __attribute__((packed)) message = { { TVM_USER_SET_VRING_KICK, 1, 8 }, 0 };
	unsigned int size;

	for (size = 1; size < 20; size++) {
		ASSERT_EQ(tvm_front_raw(self->front->fd, &message, size, &self->serve.mem.fd,
					1), 0);
		check_alive(self, "cut off");
	}
	EXPECT_EQ(tvm_server_logged(&self->serve.server, "in the middle"), 19U);
}

/* Half a message holds up neither signals nor the other half. */
TEST_F(malformed, in_pieces)
{
	struct tvm_user_header header = { TVM_USER_GET_FEATURES, 1, 0 };
	struct tvm_user_header reply;
	const char *bytes = (const char *)&header;
	uint64_t features;
	unsigned int i;

	for (i = 0; i < sizeof(header); i++) {
		ASSERT_EQ(tvm_front_raw(self->front->fd, bytes + i, 1, NULL, 0), 0);
		usleep(2000);
	}
	ASSERT_EQ(tvm_front_receive(self->front->fd, &reply, &features, sizeof(features)), 0);
	EXPECT_EQ(reply.request, (uint32_t)TVM_USER_GET_FEATURES);
}

/** struct wrong_number - a number for a ring that can not be */
struct wrong_number {
	uint32_t request;
	uint32_t index;
	uint32_t value;
};

TEST_F(malformed, ring_numbers)
{
	static const struct wrong_number numbers[] = {
		{ TVM_USER_SET_VRING_NUM, 1000, 64 },
		{ TVM_USER_SET_VRING_NUM, ~0U, 64 },
		{ TVM_USER_SET_VRING_BASE, 256, 0 },
		{ TVM_USER_GET_VRING_BASE, 512, 0 },
		{ TVM_USER_SET_VRING_ENABLE, 1000, 1 },
		{ TVM_USER_SET_VRING_ENABLE, 0, 2 },
	};
	unsigned int i, errors;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		ASSERT_EQ(tvm_front_handshake(self->front, 0), 0);
		errors = tvm_server_logged(&self->serve.server, "error: ");
		EXPECT_EQ(tvm_front_do_ring(self->front, numbers[i].request,
					    numbers[i].index, numbers[i].value), -ECONNRESET);
		check_refused(self, "ring number", errors);
	}
}

/* Well formed, but the kernel says no; the front end is told and goes on. */
TEST_F(malformed, ring_sizes)
{
	ASSERT_EQ(tvm_front_handshake(self->front, 0), 0);
	EXPECT_EQ(tvm_front_do_ring(self->front, TVM_USER_SET_VRING_NUM, 0, 0), -EREMOTEIO);
	EXPECT_EQ(tvm_front_do_ring(self->front, TVM_USER_SET_VRING_NUM, 0, 65536), -EREMOTEIO);
	EXPECT_EQ(tvm_front_do_ring(self->front, TVM_USER_SET_VRING_NUM, 0, 3), -EREMOTEIO);
	EXPECT_EQ(tvm_front_do_ring(self->front, TVM_USER_SET_VRING_NUM, 0, 64), 0);
	check_alive(self, "ring sizes");
}

TEST_F(malformed, ring_descriptors)
{
	static const uint32_t requests[] = {
		TVM_USER_SET_VRING_KICK, TVM_USER_SET_VRING_CALL, TVM_USER_SET_VRING_ERR,
	};
	static const uint64_t values[] = { 0x200, 0xff, 1ULL << 63, 0x1ff, TVM_USER_NO_FD };
	unsigned int i, j, errors;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		for (j = 0; j < sizeof(values) / sizeof(values[0]); j++) {
			errors = tvm_server_logged(&self->serve.server, "error: ");
			ASSERT_EQ(tvm_front_send(self->front, requests[i], 0, &values[j], 8,
						 &self->serve.mem.fd, 1), 0);
			check_refused(self, "ring descriptor", errors);
		}
	}
}

/* Descriptors of the wrong kind, without asking for an answer and with. */
TEST_F(malformed, not_an_eventfd)
{
	unsigned int errors = tvm_server_logged(&self->serve.server, "error: ");
	uint64_t index = 0;

	ASSERT_EQ(tvm_front_send(self->front, TVM_USER_SET_VRING_KICK, 0, &index,
				 sizeof(index), &self->serve.mem.fd, 1), 0);
	check_refused(self, "kick", errors);
	ASSERT_EQ(tvm_front_handshake(self->front, 0), 0);
	EXPECT_EQ(tvm_front_do_ring_fd(self->front, TVM_USER_SET_VRING_KICK, 0,
				       self->serve.mem.fd), -EREMOTEIO);
	EXPECT_EQ(tvm_front_do_ring_fd(self->front, TVM_USER_SET_VRING_CALL, 0,
				       self->serve.mem.fd), -EREMOTEIO);
	EXPECT_EQ(tvm_front_do_ring_fd(self->front, TVM_USER_SET_VRING_ERR, 0,
				       self->serve.mem.fd), -EREMOTEIO);
	check_alive(self, "not an eventfd");
}

/* A ring that leaves the region it starts in. */
TEST_F(malformed, ring_addresses)
{
	const struct tvm_region *last = &self->serve.mem.regions[self->serve.mem.nr - 1];
	uint64_t start = (uintptr_t)last->hva, end = start + last->size;
	const struct vhost_vring_addr wrong[] = {
		{ 0, 0, end - 16 * 64 + 1, start, start, 0 },
		{ 0, 0, start, end - 8 * 64 - 5, start, 0 },
		{ 0, 0, start, start, end - 2 * 64 - 5, 0 },
		{ 0, 0, end, start, start, 0 },
		{ 0, 0, 0, start, start, 0 },
		{ 0, 0, ~0ULL - 8, start, start, 0 },
	};
	const struct vhost_vring_addr right = {
		0, 0, end - 16 * 64, end - 8 * 64 - 6, end - 2 * 64 - 6, 0,
	};
	unsigned int i;

	ASSERT_EQ(tvm_front_handshake(self->front, 0), 0);
	ASSERT_EQ(tvm_front_mem_set(self->front, &self->serve.mem), 0);
	ASSERT_EQ(tvm_front_do_ring(self->front, TVM_USER_SET_VRING_NUM, 0, 64), 0);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		EXPECT_EQ(tvm_front_do(self->front, TVM_USER_SET_VRING_ADDR, &wrong[i],
				       sizeof(wrong[i]), NULL, 0), -EREMOTEIO);
	EXPECT_EQ(tvm_server_logged(&self->serve.server, "not in the memory table"), i);
	EXPECT_EQ(tvm_front_do(self->front, TVM_USER_SET_VRING_ADDR, &right, sizeof(right),
			       NULL, 0), 0);
	check_alive(self, "ring addresses");
}

static int table_send(struct malformed_fixture *self, const struct tvm_user_region *regions,
		      unsigned int nr, unsigned int nr_fds)
{
	struct tvm_user_table table = { .nr = nr };
	int fds[64];
	unsigned int i;

	memcpy(table.regions, regions, nr * sizeof(*regions));
	for (i = 0; i < nr_fds; i++)
		fds[i] = self->serve.mem.fd;
	return tvm_front_do(self->front, TVM_USER_SET_MEM_TABLE, &table, 8 + nr * 32, fds,
			    nr_fds);
}

TEST_F(malformed, memory_tables)
{
	struct tvm_user_region regions[64];
	unsigned int i, errors;

	for (i = 0; i < 64; i++)
		regions[i] = (struct tvm_user_region){ i * 4096, 4096, (i + 1) * 4096, 0 };
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(tvm_front_handshake(self->front, 0), 0);
		errors = tvm_server_logged(&self->serve.server, "error: ");
		/* Fewer and more descriptors than regions, more regions than allowed. */
		EXPECT_EQ(table_send(self, regions, i == 2 ? 33 : 4, i == 2 ? 33 : 3 + 2 * i),
			  -ECONNRESET);
		check_refused(self, "memory table", errors);
	}
	ASSERT_EQ(tvm_front_handshake(self->front, 0), 0);
	EXPECT_EQ(table_send(self, regions, 32, 32), 0);
	EXPECT_EQ(tvm_server_maps(&self->serve.server), self->maps + 32);
	check_alive(self, "memory table");
}

TEST_F(malformed, memory_regions)
{
	const struct tvm_region *last = &self->serve.mem.regions[self->serve.mem.nr - 1];
	uint64_t end = last->file_offset + last->size;
	const struct tvm_user_region wrong[][2] = {
		{ { 0, 0, 0x10000, 0 }, { 0x1000, 0x1000, 0x20000, 0 } },
		{ { 0x1000, 0x2000, 0x10000, 0 }, { 0x2000, 0x1000, 0x20000, 0 } },
		{ { 0x1000, 0x2000, 0x10000, 0 }, { 0x3000, 0x1000, 0x11000, 0 } },
		{ { 0x1000, ~0ULL, 0x10000, 0 }, { 0, 0x1000, 0x20000, 0 } },
		{ { 0x1000, 0x1000, ~0ULL, 0 }, { 0, 0x1000, 0x20000, 0 } },
		{ { 0x1000, 0x1000, 0x10000, ~0ULL }, { 0, 0x1000, 0x20000, 0 } },
		{ { 0x1000, 0x1000, 0x10000, end }, { 0, 0x1000, 0x20000, 0 } },
		{ { 0x1000, end + 0x1000, 0x10000, 0 }, { 0, 0x1000, 0x8000, 0 } },
	};
	unsigned int i;

	ASSERT_EQ(tvm_front_handshake(self->front, 0), 0);
	ASSERT_EQ(tvm_front_mem_set(self->front, &self->serve.mem), 0);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		EXPECT_MSG(table_send(self, wrong[i], 2, 2) == -EREMOTEIO, "table %u", i);
	/* The good table is still there. */
	EXPECT_EQ(tvm_server_maps(&self->serve.server),
		  self->maps + (int)self->serve.mem.nr);
	ASSERT_EQ(tvm_queue_init(&self->serve.vq, &self->front->dev, 0, 64,
				 &(struct tvm_config){ 0 }), 0);
	ASSERT_EQ(tvm_front_do_u64(self->front, TVM_USER_SET_FEATURES, TVM_USER_F_PROTOCOL |
				   tvm_config_features(&self->serve.vq.cfg)), 0);
	ASSERT_EQ(tvm_front_queue_start(self->front, &self->serve.vq), 0);
	tvm_serve_io(&self->serve, 0, 1);
	check_alive(self, "memory regions");
}

/* A channel that nobody reads, is no socket, or is replaced. */
TEST_F(malformed, channels)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	ASSERT_EQ(tvm_front_handshake(self->front, 0), 0);
	ASSERT_EQ(tvm_front_do(self->front, TVM_USER_SET_BACKEND_REQ_FD, NULL, 0, &fd, 1), 0);
	ASSERT_EQ(tvm_front_do(self->front, TVM_USER_SET_BACKEND_REQ_FD, NULL, 0,
			       &self->serve.mem.fd, 1), 0);
	check_alive(self, "channel");
	close(fd);
}

/* Requests without end and no look at the answers. */
TEST_F(malformed, never_reads)
{
	struct tvm_user_header header = { TVM_USER_GET_FEATURES, 1, 0 };
	unsigned int errors = tvm_server_logged(&self->serve.server, "error: ");
	unsigned int i;

	for (i = 0; i < 1000000; i++)
		if (tvm_front_raw(self->front->fd, &header, sizeof(header), NULL, 0))
			break;
	EXPECT_LT(i, 1000000U);
	EXPECT_GT(tvm_server_logged(&self->serve.server, "error: "), errors);
	check_alive(self, "never reads");
}

/* The same seed gives the same messages. */
static uint32_t random_next(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 33;
}

static void send_random(struct malformed_fixture *self, uint64_t *state)
{
	uint32_t request = random_next(state) % 42;
	uint32_t sizes[] = { 0, 8, 8, 16, 40, 72, 13, random_next(state) % 300 };
	uint32_t size = sizes[random_next(state) % 8];
	unsigned int i, nr = random_next(state) % 4;
	uint8_t payload[300];
	int fds[3];

	for (i = 0; i < 3; i++)
		fds[i] = random_next(state) % 2 ? self->serve.mem.fd : self->front->fd;
	for (i = 0; i < sizeof(payload); i++)
		payload[i] = random_next(state) % 3 ? 0 : random_next(state);
	tvm_front_send(self->front, request, random_next(state) % 2 * TVM_USER_NEED_REPLY,
		       payload, size, fds, nr ? nr - 1 : 0);
}

TEST_F_TIMEOUT(malformed, random, 300)
{
	unsigned int round, i, rounds = harness_rounds(300, 100);
	uint64_t state = 1;

	for (round = 0; round < rounds; round++) {
		if (round % 2)
			ASSERT_EQ(tvm_front_handshake(self->front, 0), 0);
		for (i = 0; i < 20; i++)
			send_random(self, &state);
		check_alive(self, "random");
	}
}

HARNESS_MAIN
