// SPDX-License-Identifier: GPL-2.0-only
/*
 * vsock: connections of one guest do not keep each other waiting
 *
 * Counted in packets and bytes, never in time: the guest makes receive buffers
 * available one by one, so the order in which they fill is the device's.
 */
#include <poll.h>
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_vsock.h"

#define TURN	16384U
#define BULKS	4U

FIXTURE(fair) {
	struct tvm_vsock vsock;
	struct tvm_vsock_conn small;
	struct tvm_vsock_conn bulk[BULKS];
	struct tvm_vsock_packet packet;
	uint8_t data[TVM_VSOCK_PACKET_MAX];
	int small_fd;
	int bulk_fd[BULKS];
};

FIXTURE_VARIANT(fair) {
	struct tvm_config cfg;
};

TVM_RIG_TWO_FORMATS(fair);

/* Connects the host to the guest with one buffer at a time. */
static int connect_one(struct tvm_vsock *vsock, struct tvm_vsock_conn *conn,
		       struct tvm_vsock_packet *packet)
{
	int fd = tvm_vsock_socket(SOCK_STREAM);

	ASSERT_EQ(tvm_vsock_connect(fd, TVM_VSOCK_CID, TVM_VSOCK_PORT), -EINPROGRESS);
	tvm_vsock_buffer_add(vsock);
	ASSERT_EQ(tvm_vsock_get(vsock, packet, TVM_VSOCK_WAIT_MS), 0);
	ASSERT_EQ(packet->hdr.op, VIRTIO_VSOCK_OP_REQUEST);
	tvm_vsock_conn_init(conn, vsock, VIRTIO_VSOCK_TYPE_STREAM, TVM_VSOCK_PORT,
			    packet->hdr.src_port);
	tvm_vsock_conn_send(conn, VIRTIO_VSOCK_OP_RESPONSE, NULL, 0, 0);
	ASSERT_EQ(tvm_vsock_socket_error(fd, TVM_VSOCK_WAIT_MS), 0);
	return fd;
}

FIXTURE_SETUP(fair)
{
	const struct tvm_vsock_options options = { .cfg = variant->cfg, .no_buffers = true };
	unsigned int i;

	tvm_vsock_create(&self->vsock, &options);
	self->small_fd = connect_one(&self->vsock, &self->small, &self->packet);
	for (i = 0; i < BULKS; i++)
		self->bulk_fd[i] = connect_one(&self->vsock, &self->bulk[i], &self->packet);
}

FIXTURE_TEARDOWN(fair)
{
	unsigned int i;

	close(self->small_fd);
	for (i = 0; i < BULKS; i++)
		close(self->bulk_fd[i]);
	tvm_vsock_destroy(&self->vsock);
}

static size_t fill(struct fair_fixture *self, unsigned int which)
{
	size_t sent = 0;
	ssize_t n;

	while ((n = send(self->bulk_fd[which], self->data, sizeof(self->data),
			 MSG_DONTWAIT)) > 0)
		sent += n;
	return sent;
}

/* The next packet; returns from which connection: BULKS for the small one. */
static unsigned int next(struct fair_fixture *self)
{
	unsigned int i;

	tvm_vsock_buffer_add(&self->vsock);
	ASSERT_EQ(tvm_vsock_get(&self->vsock, &self->packet, TVM_VSOCK_WAIT_MS), 0);
	for (i = 0; i < BULKS; i++)
		if (self->packet.hdr.src_port == self->bulk[i].remote)
			return i;
	ASSERT_EQ(self->packet.hdr.src_port, self->small.remote);
	return BULKS;
}

/* Bytes of others before what the small connection sends now. */
static uint32_t bytes_before_small(struct fair_fixture *self)
{
	uint32_t bytes = 0;

	ASSERT_EQ(send(self->small_fd, "small", 5, 0), 5);
	while (next(self) != BULKS)
		bytes += self->packet.len + TVM_VSOCK_HEADER;
	EXPECT_EQ(self->packet.len, 5U);
	return bytes;
}

/* One that has much to send, of which the guest has taken some. */
TEST_F(fair, beside_one)
{
	unsigned int i;

	ASSERT_GT(fill(self, 0), 4 * TURN);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(next(self), 0U);
	for (i = 0; i < 10; i++)
		EXPECT_LE(bytes_before_small(self), TURN + self->vsock.buffer);
}

/* One that had nothing to send for a turn of the others is next. */
TEST_F(fair, idle_is_next)
{
	unsigned int i, n;

	for (i = 0; i < BULKS; i++)
		ASSERT_GT(fill(self, i), 4 * TURN);
	for (n = 0; n < 2; n++) {
		for (i = 0; i < (BULKS + 1) * (TURN / 4096 + 1); i++)
			EXPECT_LT(next(self), BULKS);
		EXPECT_EQ(bytes_before_small(self), 0U);
	}
}

TEST_F(fair, beside_many)
{
	unsigned int i;

	for (i = 0; i < BULKS; i++)
		ASSERT_GT(fill(self, i), 4 * TURN);
	for (i = 0; i < 20; i++)
		next(self);
	for (i = 0; i < 5; i++)
		EXPECT_LE(bytes_before_small(self), BULKS * (TURN + self->vsock.buffer));
}

/* Those that have much to send share alike. */
TEST_F(fair, share)
{
	uint32_t bytes[BULKS + 1] = {};
	unsigned int i, which;

	for (i = 0; i < BULKS; i++)
		ASSERT_GT(fill(self, i), 8 * TURN);
	for (i = 0; i < 120; i++) {
		which = next(self);
		bytes[which] += self->packet.len;
	}
	for (i = 1; i < BULKS; i++) {
		EXPECT_LE(bytes[i], bytes[0] + 2 * TURN);
		EXPECT_GE(bytes[i] + 2 * TURN, bytes[0]);
	}
}

/* Data stays in order and whole, however it is interleaved. */
TEST_F(fair, order)
{
	size_t sent[BULKS], got[BULKS] = {};
	size_t left = 0;
	unsigned int i, which;

	tvm_pattern_fill(self->data, sizeof(self->data), 5);
	for (i = 0; i < BULKS; i++) {
		sent[i] = fill(self, i);
		left += sent[i];
	}
	while (left) {
		which = next(self);
		ASSERT_LT(which, BULKS);
		for (i = 0; i < self->packet.len; i++, got[which]++)
			ASSERT_EQ(self->packet.data[i],
				  self->data[got[which] % sizeof(self->data)]);
		left -= self->packet.len;
	}
	for (i = 0; i < BULKS; i++)
		EXPECT_EQ(got[i], sent[i]);
}

/* Nobody reads one socket of the host: the others get theirs. */
TEST_F(fair, standing_reader)
{
	char word[4];
	unsigned int i;

	for (i = 0; i < 3; i++)
		tvm_vsock_conn_send(&self->bulk[0], VIRTIO_VSOCK_OP_RW, self->data,
				    TVM_VSOCK_PACKET_MAX, 0);
	for (i = 0; i < 10; i++) {
		tvm_vsock_conn_send(&self->small, VIRTIO_VSOCK_OP_RW, "word", 4, 0);
		ASSERT_TRUE(tvm_vsock_ready(self->small_fd, POLLIN, TVM_VSOCK_WAIT_MS));
		ASSERT_EQ(recv(self->small_fd, word, 4, 0), 4);
	}
}

HARNESS_MAIN
