// SPDX-License-Identifier: GPL-2.0-only
/*
 * vsock: a guest that takes nothing
 *
 * What waits for it has limits, and nothing is lost when it goes on.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_vsock.h"

FIXTURE(stalled) {
	struct tvm_vsock vsock;
	struct tvm_vsock_conn conn;
	struct tvm_vsock_packet packet;
	uint8_t data[TVM_VSOCK_PACKET_MAX];
	int fd;
};

FIXTURE_VARIANT(stalled) {
	struct tvm_config cfg;
};

TVM_RIG_TWO_FORMATS(stalled);

static int64_t stat(const struct stalled_fixture *self, unsigned int queue, const char *name)
{
	return tvm_dev_stat(&self->vsock.dev, queue, name);
}

/* The next packet, for which the guest makes a buffer available. */
static void take(struct stalled_fixture *self)
{
	tvm_vsock_buffer_add(&self->vsock);
	ASSERT_EQ(tvm_vsock_get(&self->vsock, &self->packet, TVM_VSOCK_WAIT_MS), 0);
}

/* A socket of the host that is connected with the guest. */
static int connect_host(struct stalled_fixture *self, int type)
{
	int fd = tvm_vsock_socket(type);

	ASSERT_EQ(tvm_vsock_connect(fd, TVM_VSOCK_CID, TVM_VSOCK_PORT), -EINPROGRESS);
	take(self);
	ASSERT_EQ(self->packet.hdr.op, VIRTIO_VSOCK_OP_REQUEST);
	tvm_vsock_conn_init(&self->conn, &self->vsock, self->packet.hdr.type, TVM_VSOCK_PORT,
			    self->packet.hdr.src_port);
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RESPONSE, NULL, 0, 0);
	ASSERT_EQ(tvm_vsock_socket_error(fd, TVM_VSOCK_WAIT_MS), 0);
	return fd;
}

/* A guest with one connection, and from then on without receive buffers. */
FIXTURE_SETUP(stalled)
{
	const struct tvm_vsock_options options = {
		.cfg = variant->cfg, .no_buffers = true, .buffer = 32768,
	};

	tvm_vsock_create(&self->vsock, &options);
	self->fd = connect_host(self, SOCK_STREAM);
}

FIXTURE_TEARDOWN(stalled)
{
	close(self->fd);
	tvm_vsock_destroy(&self->vsock);
}

/* Asks for its credit again and again, and takes no answer. */
TEST_F(stalled, credit_requests)
{
	unsigned int i, rounds = harness_rounds(20000, 1000);

	for (i = 0; i < rounds; i++)
		tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_CREDIT_REQUEST, NULL, 0, 0);
	EXPECT_LE(stat(self, TVM_VSOCK_RX, "queued"), 2);
	take(self);
	EXPECT_EQ(self->packet.hdr.op, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
}

/* Each read of the host says how much room there is now. */
TEST_F(stalled, reads)
{
	unsigned int i, rounds = harness_rounds(20000, 1000);

	for (i = 0; i < rounds; i++) {
		tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RW, self->data, 1, 0);
		ASSERT_EQ(recv(self->fd, self->data, 100, 0), 1);
	}
	EXPECT_LE(stat(self, TVM_VSOCK_RX, "queued"), 2);
}

/* Answers that it does not take stop it, and no longer than that. */
TEST_F(stalled, answers)
{
	struct tvm_queue *vq = &self->vsock.vqs[TVM_VSOCK_TX];
	struct tvm_seg seg = { self->vsock.tx, TVM_VSOCK_HEADER };
	struct virtio_vsock_hdr hdr;
	unsigned int i, sent = 0, gone = 0;
	struct tvm_used used;

	while (sent < 2000) {
		tvm_vsock_conn_header(&self->conn, &hdr, VIRTIO_VSOCK_OP_REQUEST, 0);
		hdr.src_port = 10000 + sent;
		hdr.dst_port = 9;
		tvm_mem_write(&self->vsock.mem, seg.gpa, &hdr, sizeof(hdr));
		if (tvm_queue_add(vq, &seg, 1, 0, NULL, 0) < 0)
			break;
		tvm_queue_kick(vq);
		sent++;
		if (tvm_queue_wait(vq, &used, 300))
			break;
		gone++;
	}
	EXPECT_GE(gone, 200U);
	EXPECT_LE(gone, 300U);
	EXPECT_GT(stat(self, TVM_VSOCK_TX, "throttled"), 0);
	for (i = 0; i < sent; i++) {
		take(self);
		EXPECT_EQ(self->packet.hdr.op, VIRTIO_VSOCK_OP_RST);
	}
	if (gone < sent)
		EXPECT_EQ(tvm_queue_wait(vq, &used, TVM_VSOCK_WAIT_MS), 0);
}

/* Buffers that hold no packet are returned, and the packet waits for one that does. */
TEST_F(stalled, bad_buffers)
{
	struct tvm_queue *vq = &self->vsock.vqs[TVM_VSOCK_RX];
	uint64_t gpa = tvm_mem_alloc(&self->vsock.mem, 4096, 64);
	const struct {
		struct tvm_seg segs[2];
		unsigned int out;
		unsigned int in;
	} cases[] = {
		{ { { gpa, TVM_VSOCK_HEADER - 1 } }, 0, 1 },
		{ { { gpa, TVM_VSOCK_HEADER } }, 0, 1 },
		{ { { gpa, 4096 } }, 1, 0 },
		{ { { gpa, 64 }, { gpa + 64, 1024 } }, 1, 1 },
		{ { { 1ULL << 40, 4096 } }, 0, 1 },
		{ { { gpa, 64 }, { 1ULL << 40, 4096 } }, 0, 2 },
	};
	unsigned int i, n = sizeof(cases) / sizeof(cases[0]);
	struct tvm_used used;

	ASSERT_EQ(send(self->fd, "a message of more than 20 bytes", 31, 0), 31);
	for (i = 0; i < n; i++) {
		ASSERT_GE(tvm_queue_add(vq, cases[i].segs, cases[i].out, cases[i].in, NULL, 0),
			  0);
		tvm_queue_kick(vq);
		ASSERT_EQ(tvm_queue_wait(vq, &used, TVM_VSOCK_WAIT_MS), 0);
		EXPECT_EQ(used.len, 0U);
	}
	EXPECT_EQ(stat(self, TVM_VSOCK_RX, "malformed"), n);
	take(self);
	EXPECT_EQ(self->packet.len, 31U);
	EXPECT_EQ(memcmp(self->packet.data, "a message of more than 20 bytes", 31), 0);
}

/* Writes of the host until it has to wait; returns bytes. */
static size_t fill_up(int fd, const void *data, size_t len, unsigned int *writes)
{
	size_t sent = 0;

	for (*writes = 0; *writes < 2000000; ++*writes) {
		ssize_t n = send(fd, data, len, MSG_DONTWAIT);

		if (n < 0)
			break;
		sent += n;
	}
	return sent;
}

/* As much data as the guest takes and memory for two of it, in drops or not. */
TEST_F(stalled, drops)
{
	unsigned long long buffer = 16384;
	unsigned int writes;
	size_t sent;

	ASSERT_EQ(setsockopt(self->fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &buffer,
			     sizeof(buffer)), 0);
	sent = fill_up(self->fd, self->data, 1, &writes);
	EXPECT_LE(sent, buffer);
	EXPECT_GE(sent, 4096U);
	EXPECT_LE(stat(self, TVM_VSOCK_RX, "queued"), 250);
	EXPECT_GT(stat(self, TVM_VSOCK_RX, "merged"), 0);
}

TEST_F(stalled, bulk)
{
	unsigned int writes;
	size_t sent = fill_up(self->fd, self->data, sizeof(self->data), &writes);

	EXPECT_EQ(sent, self->conn.buf_alloc);
}

/* A peer that says it takes everything gets what the host's socket may hold. */
TEST_F(stalled, endless_credit)
{
	unsigned int writes;
	size_t sent;

	self->conn.buf_alloc = 0xffffffff;
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_CREDIT_UPDATE, NULL, 0, 0);
	sent = fill_up(self->fd, self->data, sizeof(self->data), &writes);
	EXPECT_LE(sent, 1U << 20);
}

/* Messages can not be put together: each costs what it costs. */
TEST_F(stalled, small_messages)
{
	unsigned int writes;
	int fd = connect_host(self, SOCK_SEQPACKET);

	fill_up(fd, self->data, 1, &writes);
	EXPECT_GE(writes, 100U);
	EXPECT_LE(writes, 2000U);
	/* When the guest takes them, the writer goes on. */
	while (writes--)
		take(self);
	EXPECT_TRUE(tvm_vsock_ready(fd, POLLOUT, TVM_VSOCK_WAIT_MS));
	EXPECT_EQ(send(fd, self->data, 1, MSG_DONTWAIT), 1);
	close(fd);
}

/* The host closes what the guest has ended, and connects anew. */
static void reconnect(struct stalled_fixture *self)
{
	close(self->fd);
	/* No more than what tells the guest so. */
	EXPECT_LE(stat(self, TVM_VSOCK_RX, "queued"), 1);
	while (stat(self, TVM_VSOCK_RX, "queued"))
		take(self);
	self->fd = connect_host(self, SOCK_STREAM);
}

/* The guest ends a connection by itself: what it did not take is nobody's. */
TEST_F(stalled, guest_resets)
{
	unsigned int i, writes, rounds = harness_rounds(400, 40);

	for (i = 0; i < rounds; i++) {
		ASSERT_GE(fill_up(self->fd, self->data, sizeof(self->data), &writes), 1U << 17);
		tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RST, NULL, 0, 0);
		EXPECT_EQ(stat(self, TVM_VSOCK_RX, "queued"), 0);
		reconnect(self);
	}
}

/* The same in good manner: it wants to hear of the end and of nothing else. */
TEST_F(stalled, guest_closes)
{
	unsigned int writes;

	ASSERT_GE(fill_up(self->fd, self->data, sizeof(self->data), &writes), 1U << 17);
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_SHUTDOWN, NULL, 0,
			    VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND);
	EXPECT_EQ(stat(self, TVM_VSOCK_RX, "queued"), 1);
	take(self);
	EXPECT_EQ(self->packet.hdr.op, VIRTIO_VSOCK_OP_RST);
	reconnect(self);
}

/* A connection that still sends is not touched. */
TEST_F(stalled, guest_stops_sending)
{
	unsigned int writes, got = 0;
	size_t sent = fill_up(self->fd, self->data, sizeof(self->data), &writes);

	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_SHUTDOWN, NULL, 0,
			    VIRTIO_VSOCK_SHUTDOWN_SEND);
	while (got < sent) {
		take(self);
		got += self->packet.len;
	}
	EXPECT_EQ(got, sent);
}

/* The host has closed what the guest then accepts: it hears so. */
TEST_F(stalled, closed_while_connecting)
{
	int fd = tvm_vsock_socket(SOCK_STREAM);

	ASSERT_EQ(tvm_vsock_connect(fd, TVM_VSOCK_CID, TVM_VSOCK_PORT), -EINPROGRESS);
	close(fd);
	take(self);
	ASSERT_EQ(self->packet.hdr.op, VIRTIO_VSOCK_OP_REQUEST);
	self->conn.remote = self->packet.hdr.src_port;
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RESPONSE, NULL, 0, 0);
	take(self);
	EXPECT_EQ(self->packet.hdr.op, VIRTIO_VSOCK_OP_RST);
	EXPECT_EQ(self->packet.hdr.src_port, self->conn.remote);
	EXPECT_EQ(stat(self, TVM_VSOCK_RX, "queued"), 0);
}

/* Who gives up waiting leaves nothing behind. */
TEST_F(stalled, timeout_while_connecting)
{
	struct timeval timeout = { .tv_usec = 50000 };
	int fd = tvm_vsock_socket(SOCK_STREAM);

	ASSERT_EQ(fcntl(fd, F_SETFL, 0), 0);
	ASSERT_EQ(setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &timeout,
			     sizeof(timeout)), 0);
	EXPECT_EQ(tvm_vsock_connect(fd, TVM_VSOCK_CID, TVM_VSOCK_PORT), -ETIMEDOUT);
	EXPECT_EQ(stat(self, TVM_VSOCK_RX, "queued"), 0);
	close(fd);
}

#define ENDED_MAX	(16U << 20)

/* The host's answer to a connection from @port; the guest takes nothing else. */
static uint16_t answer_to(struct stalled_fixture *self, uint32_t port)
{
	tvm_vsock_conn_init(&self->conn, &self->vsock, VIRTIO_VSOCK_TYPE_STREAM, port,
			    TVM_VSOCK_PORT);
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_REQUEST, NULL, 0, 0);
	for (;;) {
		take(self);
		if (self->packet.hdr.dst_port == port &&
		    self->packet.hdr.op != VIRTIO_VSOCK_OP_RW)
			return self->packet.hdr.op;
	}
}

/*
 * A service of the host sends and closes, and the guest takes nothing but the answers
 * to new connections, until it gets none; and again when it has taken the rest.
 */
TEST_F_TIMEOUT(stalled, host_closes, 240)
{
	int listener = tvm_vsock_listen(TVM_VSOCK_PORT, SOCK_STREAM);
	unsigned int i, writes;
	size_t sent = 0;

	for (i = 0; answer_to(self, 20000 + i) == VIRTIO_VSOCK_OP_RESPONSE; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		ASSERT_GE(fd, 0);
		sent += fill_up(fd, self->data, sizeof(self->data), &writes);
		close(fd);
		ASSERT_LE(sent, 2 * ENDED_MAX);
	}
	EXPECT_EQ(self->packet.hdr.op, VIRTIO_VSOCK_OP_RST);
	EXPECT_GE(sent, ENDED_MAX / 2);
	EXPECT_EQ(stat(self, TVM_VSOCK_TX, "refused"), 1);
	while (stat(self, TVM_VSOCK_RX, "queued") > 100)
		take(self);
	EXPECT_EQ(answer_to(self, 30000), VIRTIO_VSOCK_OP_RESPONSE);
	close(listener);
}

HARNESS_MAIN
