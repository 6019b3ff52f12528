// SPDX-License-Identifier: GPL-2.0-only
/*
 * vsock: a guest that lies
 *
 * Whatever it sends, its buffer comes back, nothing else breaks, and a packet
 * as it should be is served afterwards.
 */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_vsock.h"

#define LOCAL	1025

FIXTURE(hostile) {
	struct tvm_vsock vsock;
	struct tvm_vsock_conn conn;
	struct tvm_vsock_packet packet;
	uint8_t data[2 * TVM_VSOCK_PACKET_MAX];
	int listener;
	int fd;
};

FIXTURE_VARIANT(hostile) {
	struct tvm_config cfg;
};

TVM_RIG_TWO_FORMATS(hostile);

/* One connection is there, and has to be there at the end. */
FIXTURE_SETUP(hostile)
{
	const struct tvm_vsock_options options = { .cfg = variant->cfg };

	tvm_vsock_create(&self->vsock, &options);
	self->listener = tvm_vsock_listen(TVM_VSOCK_PORT, SOCK_STREAM);
	tvm_vsock_conn_init(&self->conn, &self->vsock, VIRTIO_VSOCK_TYPE_STREAM, LOCAL,
			    TVM_VSOCK_PORT);
	self->fd = tvm_vsock_conn_connect(&self->conn, self->listener);
}

FIXTURE_TEARDOWN(hostile)
{
	close(self->fd);
	close(self->listener);
	tvm_vsock_destroy(&self->vsock);
}

static int64_t stat(const struct hostile_fixture *self, unsigned int queue, const char *name)
{
	return tvm_dev_stat(&self->vsock.dev, queue, name);
}

static void expect_works(struct hostile_fixture *self)
{
	char word[5] = "";

	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RW, "ping", 4, 0);
	ASSERT_TRUE(tvm_vsock_ready(self->fd, POLLIN, TVM_VSOCK_WAIT_MS));
	ASSERT_EQ(recv(self->fd, word, 4, 0), 4);
	EXPECT_EQ(strcmp(word, "ping"), 0);
	self->conn.fwd_cnt += 4;
	ASSERT_EQ(send(self->fd, "pong", 4, 0), 4);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RW);
	EXPECT_EQ(self->packet.len, 4U);
	EXPECT_EQ(memcmp(self->packet.data, "pong", 4), 0);
}

/* The connection is over on both sides. */
static void expect_ended(struct hostile_fixture *self)
{
	char byte;

	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RST);
	EXPECT_EQ(self->packet.hdr.dst_port, (uint32_t)LOCAL);
	ASSERT_TRUE(tvm_vsock_ready(self->fd, POLLIN, TVM_VSOCK_WAIT_MS));
	EXPECT_LE(recv(self->fd, &byte, 1, MSG_DONTWAIT), 0);
	EXPECT_EQ(send(self->fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL), -1);
}

static void expect_none(struct hostile_fixture *self)
{
	EXPECT_EQ(tvm_vsock_take(&self->vsock, &self->packet, 200), -ETIMEDOUT);
}

/* A packet of the connection with another address in it. */
static void send_addressed(struct hostile_fixture *self, uint64_t src, uint64_t dst)
{
	struct virtio_vsock_hdr hdr;

	tvm_vsock_conn_header(&self->conn, &hdr, VIRTIO_VSOCK_OP_RW, 5);
	hdr.src_cid = src;
	hdr.dst_cid = dst;
	ASSERT_EQ(tvm_vsock_put(&self->vsock, &hdr, "wrong", 5), 0);
}

TEST_F(hostile, source)
{
	const uint64_t sources[] = {
		0, 1, 2, TVM_VSOCK_CID - 1, 0xffffffff, TVM_VSOCK_CID | 1ULL << 32, ~0ULL,
	};
	unsigned int i, n = sizeof(sources) / sizeof(sources[0]);

	for (i = 0; i < n; i++)
		send_addressed(self, sources[i], VMADDR_CID_HOST);
	EXPECT_EQ(stat(self, TVM_VSOCK_TX, "spoofed"), n);
	expect_none(self);
	expect_works(self);
}

TEST_F(hostile, destination)
{
	static const uint64_t nowhere[] = {
		0, 1, 0xffffffff, 2 | 1ULL << 32, 3 | 1ULL << 32, ~0ULL,
	};
	unsigned int i, n = sizeof(nowhere) / sizeof(nowhere[0]);

	for (i = 0; i < n; i++)
		send_addressed(self, TVM_VSOCK_CID, nowhere[i]);
	EXPECT_EQ(stat(self, TVM_VSOCK_TX, "unroutable"), n);
	expect_none(self);
	/* Where somebody could be, but nobody is, the guest is told. */
	send_addressed(self, TVM_VSOCK_CID, 3);
	ASSERT_EQ(tvm_vsock_take(&self->vsock, &self->packet, TVM_VSOCK_WAIT_MS), 0);
	EXPECT_EQ(self->packet.hdr.op, VIRTIO_VSOCK_OP_RST);
	EXPECT_EQ(self->packet.hdr.src_cid, 3U);
	expect_works(self);
}

/* Says more than it brings. */
TEST_F(hostile, long_length)
{
	struct virtio_vsock_hdr hdr;

	tvm_vsock_conn_header(&self->conn, &hdr, VIRTIO_VSOCK_OP_RW, 100);
	ASSERT_EQ(tvm_vsock_put(&self->vsock, &hdr, self->data, 99), 0);
	expect_ended(self);
	EXPECT_EQ(stat(self, TVM_VSOCK_TX, "malformed"), 1);
	EXPECT_EQ(stat(self, TVM_VSOCK_TX, "resets"), 1);
}

TEST_F(hostile, huge_length)
{
	struct virtio_vsock_hdr hdr;

	tvm_vsock_conn_header(&self->conn, &hdr, VIRTIO_VSOCK_OP_RW, 0xffffffff);
	ASSERT_EQ(tvm_vsock_put(&self->vsock, &hdr, self->data, 10), 0);
	expect_ended(self);
}

TEST_F(hostile, large_packet)
{
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RW, self->data,
			    TVM_VSOCK_PACKET_MAX + 1, 0);
	expect_ended(self);
}

/* Brings more than it says: what is said counts. */
TEST_F(hostile, short_length)
{
	struct virtio_vsock_hdr hdr;

	tvm_vsock_conn_header(&self->conn, &hdr, VIRTIO_VSOCK_OP_RW, 4);
	ASSERT_EQ(tvm_vsock_put(&self->vsock, &hdr, "1234567890", 10), 0);
	ASSERT_TRUE(tvm_vsock_ready(self->fd, POLLIN, TVM_VSOCK_WAIT_MS));
	EXPECT_EQ(recv(self->fd, self->data, 100, 0), 4);
	expect_works(self);
}

TEST_F(hostile, empty_data)
{
	unsigned int i;

	for (i = 0; i < 1000; i++)
		tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RW, NULL, 0, 0);
	EXPECT_EQ(stat(self, TVM_VSOCK_TX, "ignored"), 1000);
	expect_works(self);
}

TEST_F(hostile, unknown_type)
{
	static const uint16_t types[] = { 0, 3, 0x100, 0xffff };
	struct virtio_vsock_hdr hdr;
	unsigned int i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		tvm_vsock_conn_header(&self->conn, &hdr, VIRTIO_VSOCK_OP_REQUEST, 0);
		hdr.type = types[i];
		hdr.src_port = 5000 + i;
		ASSERT_EQ(tvm_vsock_put(&self->vsock, &hdr, NULL, 0), 0);
		tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RST);
		EXPECT_EQ(self->packet.hdr.type, types[i]);
		EXPECT_EQ(self->packet.hdr.dst_port, 5000 + i);
	}
	expect_works(self);
}

/* A socket of the other type listens there. */
TEST_F(hostile, wrong_type)
{
	struct virtio_vsock_hdr hdr;

	tvm_vsock_conn_header(&self->conn, &hdr, VIRTIO_VSOCK_OP_REQUEST, 0);
	hdr.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
	hdr.src_port = 5000;
	ASSERT_EQ(tvm_vsock_put(&self->vsock, &hdr, NULL, 0), 0);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RST);
	expect_works(self);
}

TEST_F(hostile, unknown_operation)
{
	static const uint16_t ops[] = { 0, 8, 99, 0xffff };
	unsigned int i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		tvm_vsock_conn_send(&self->conn, ops[i], NULL, 0, 0);
	expect_works(self);
}

/* Buffers of the wrong form, one after the other; returns how many. */
static unsigned int send_misshapen(struct hostile_fixture *self)
{
	struct tvm_queue *vq = &self->vsock.vqs[TVM_VSOCK_TX];
	uint64_t tx = self->vsock.tx, outside = 1ULL << 40;
	const struct {
		struct tvm_seg segs[2];
		unsigned int out;
		unsigned int in;
	} cases[] = {
		{ { { tx, TVM_VSOCK_HEADER - 1 } }, 1, 0 },
		{ { { tx, 1 } }, 1, 0 },
		{ { { tx, TVM_VSOCK_HEADER } }, 0, 1 },
		{ { { tx, TVM_VSOCK_HEADER }, { tx + 64, 64 } }, 1, 1 },
		{ { { outside, TVM_VSOCK_HEADER } }, 1, 0 },
		{ { { outside - 8, TVM_VSOCK_HEADER } }, 1, 0 },
	};
	unsigned int i, n = sizeof(cases) / sizeof(cases[0]);
	struct virtio_vsock_hdr hdr;
	struct tvm_used used;

	tvm_vsock_conn_header(&self->conn, &hdr, VIRTIO_VSOCK_OP_RW, 0);
	tvm_mem_write(&self->vsock.mem, tx, &hdr, sizeof(hdr));
	for (i = 0; i < n; i++) {
		ASSERT_GE(tvm_queue_add(vq, cases[i].segs, cases[i].out, cases[i].in, NULL, 0),
			  0);
		tvm_queue_kick(vq);
		ASSERT_EQ(tvm_queue_wait(vq, &used, TVM_VSOCK_WAIT_MS), 0);
		EXPECT_EQ(used.len, 0U);
	}
	return n;
}

TEST_F(hostile, misshapen)
{
	unsigned int n = send_misshapen(self);

	EXPECT_EQ(stat(self, TVM_VSOCK_TX, "malformed"), n);
	EXPECT_EQ(stat(self, TVM_VSOCK_TX, "broken"), 0);
	expect_works(self);
}

/* The header is there, the data is not. */
TEST_F(hostile, data_outside)
{
	struct tvm_queue *vq = &self->vsock.vqs[TVM_VSOCK_TX];
	struct tvm_seg segs[] = {
		{ self->vsock.tx, TVM_VSOCK_HEADER }, { 1ULL << 40, 100 },
	};
	struct virtio_vsock_hdr hdr;
	struct tvm_used used;

	tvm_vsock_conn_header(&self->conn, &hdr, VIRTIO_VSOCK_OP_RW, 100);
	tvm_mem_write(&self->vsock.mem, self->vsock.tx, &hdr, sizeof(hdr));
	ASSERT_GE(tvm_queue_add(vq, segs, 2, 0, NULL, 0), 0);
	tvm_queue_kick(vq);
	ASSERT_EQ(tvm_queue_wait(vq, &used, TVM_VSOCK_WAIT_MS), 0);
	expect_ended(self);
}

/* Credit that goes backwards, is nothing, or is all there is. */
TEST_F(hostile, credit)
{
	static const uint32_t values[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff };
	unsigned int n = sizeof(values) / sizeof(values[0]), i, j;

	for (i = 0; i < n; i++) {
		for (j = 0; j < n; j++) {
			self->conn.buf_alloc = values[i];
			self->conn.fwd_cnt = values[j];
			tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_CREDIT_UPDATE, NULL, 0,
					    0);
			/* As much as it takes, or nothing. */
			send(self->fd, self->data, 10, MSG_DONTWAIT);
		}
	}
	self->conn.buf_alloc = 262144;
	for (;;) {
		if (tvm_vsock_take(&self->vsock, &self->packet, 200))
			break;
		ASSERT_EQ(self->packet.hdr.op, VIRTIO_VSOCK_OP_RW);
	}
	/* All that was sent has arrived, says the guest, and is right. */
	self->conn.fwd_cnt = stat(self, TVM_VSOCK_RX, "bytes");
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_CREDIT_UPDATE, NULL, 0, 0);
	expect_works(self);
}

/* Sends on though the host's socket has no room: it ends, and only it. */
TEST_F(hostile, overrun)
{
	unsigned int i;

	for (i = 0; i < 20; i++)
		tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RW, self->data,
				    TVM_VSOCK_PACKET_MAX, 0);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RST);
	/* So are the packets that came after the end, and what nobody read is given up. */
	close(self->fd);
	while (!tvm_vsock_take(&self->vsock, &self->packet, harness_scaled(200)))
		EXPECT_EQ(self->packet.hdr.op, VIRTIO_VSOCK_OP_RST);
	self->conn.local++;
	self->fd = tvm_vsock_conn_connect(&self->conn, self->listener);
	expect_works(self);
}

#define BATCH	32

/* Requests from BATCH ports at once. */
static void request_batch(struct hostile_fixture *self, uint64_t headers, uint32_t port)
{
	struct tvm_queue *vq = &self->vsock.vqs[TVM_VSOCK_TX];
	struct tvm_vsock_conn conn;
	struct virtio_vsock_hdr hdr;
	struct tvm_used used;
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		struct tvm_seg seg = { headers + i * 64, TVM_VSOCK_HEADER };

		tvm_vsock_conn_init(&conn, &self->vsock, VIRTIO_VSOCK_TYPE_STREAM, port + i, 9);
		tvm_vsock_conn_header(&conn, &hdr, VIRTIO_VSOCK_OP_REQUEST, 0);
		tvm_mem_write(&self->vsock.mem, seg.gpa, &hdr, sizeof(hdr));
		ASSERT_GE(tvm_queue_add(vq, &seg, 1, 0, NULL, 0), 0);
	}
	tvm_queue_kick(vq);
	for (i = 0; i < BATCH; i++)
		ASSERT_EQ(tvm_queue_wait(vq, &used, TVM_VSOCK_WAIT_MS), 0);
}

/* Many connections that nobody wants, and one that somebody does. */
TEST_F_TIMEOUT(hostile, refused, 240)
{
	unsigned int i, done, rounds = harness_rounds(1000000, 4000);
	uint64_t headers = tvm_mem_alloc(&self->vsock.mem, BATCH * 64, 64);

	for (done = 0; done < rounds; done += BATCH) {
		uint32_t sum = 0;

		request_batch(self, headers, 10000 + done);
		for (i = 0; i < BATCH; i++) {
			tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RST);
			sum += self->packet.hdr.dst_port - 10000 - done;
		}
		/* Each once, in any order. */
		ASSERT_EQ(sum, BATCH * (BATCH - 1) / 2U);
	}
	EXPECT_EQ(stat(self, TVM_VSOCK_RX, "queued"), 0);
	expect_works(self);
}

/* The same with a listener, and guests that change their mind. */
TEST_F_TIMEOUT(hostile, aborted, 240)
{
	unsigned int i, rounds = harness_rounds(20000, 300);
	struct tvm_vsock_conn conn;
	int fd;

	for (i = 0; i < rounds; i++) {
		tvm_vsock_conn_init(&conn, &self->vsock, VIRTIO_VSOCK_TYPE_STREAM, 10000 + i,
				    TVM_VSOCK_PORT);
		tvm_vsock_conn_send(&conn, VIRTIO_VSOCK_OP_REQUEST, NULL, 0, 0);
		tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RESPONSE);
		tvm_vsock_conn_send(&conn, VIRTIO_VSOCK_OP_RST, NULL, 0, 0);
		fd = accept(self->listener, NULL, NULL);
		ASSERT_GE(fd, 0);
		close(fd);
		tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RST);
		ASSERT_EQ(self->packet.hdr.dst_port, conn.local);
	}
	expect_works(self);
}

HARNESS_MAIN
