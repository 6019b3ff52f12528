// SPDX-License-Identifier: GPL-2.0-only
/*
 * vsock: guests that talk to each other
 */
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_vsock.h"

#define A_CID	4301U
#define B_CID	4302U
#define A_PORT	2001
#define B_PORT	2002

FIXTURE(sibling) {
	struct tvm_vsock a;
	struct tvm_vsock b;
	struct tvm_vsock_conn from_a;
	struct tvm_vsock_conn from_b;
	struct tvm_vsock_packet packet;
	uint8_t data[TVM_VSOCK_PACKET_MAX];
};

FIXTURE_VARIANT(sibling) {
	struct tvm_config cfg;
};

TVM_RIG_TWO_FORMATS(sibling);

FIXTURE_SETUP(sibling)
{
	struct tvm_vsock_options options = { .cfg = variant->cfg, .cid = A_CID };

	tvm_vsock_create(&self->a, &options);
	options.cid = B_CID;
	tvm_vsock_create(&self->b, &options);
	tvm_vsock_conn_init(&self->from_a, &self->a, VIRTIO_VSOCK_TYPE_STREAM, A_PORT, B_PORT);
	tvm_vsock_conn_init(&self->from_b, &self->b, VIRTIO_VSOCK_TYPE_STREAM, B_PORT, A_PORT);
	self->from_a.peer = B_CID;
	self->from_b.peer = A_CID;
	tvm_pattern_fill(self->data, sizeof(self->data), 9);
}

FIXTURE_TEARDOWN(sibling)
{
	tvm_vsock_destroy(&self->a);
	tvm_vsock_destroy(&self->b);
}

static void allow(struct sibling_fixture *self)
{
	const uint32_t a[] = { 9, A_CID }, b[] = { B_CID };

	ASSERT_EQ(tvm_vsock_peers_set(&self->a, 1, b), 0);
	ASSERT_EQ(tvm_vsock_peers_set(&self->b, 2, a), 0);
}

static void expect_refused(struct sibling_fixture *self)
{
	tvm_vsock_conn_send(&self->from_a, VIRTIO_VSOCK_OP_REQUEST, NULL, 0, 0);
	tvm_vsock_expect(&self->a, &self->packet, VIRTIO_VSOCK_OP_RST);
	EXPECT_EQ(self->packet.hdr.src_cid, B_CID);
	EXPECT_EQ(self->packet.hdr.src_port, (uint32_t)B_PORT);
	EXPECT_EQ(tvm_vsock_take(&self->b, &self->packet, 100), -ETIMEDOUT);
}

/* A packet from A arrives at B as it was sent. */
static void expect_passed(struct sibling_fixture *self, uint16_t op, uint32_t len)
{
	tvm_vsock_conn_send(&self->from_a, op, self->data, len, 0);
	tvm_vsock_expect(&self->b, &self->packet, op);
	EXPECT_EQ(self->packet.hdr.src_cid, A_CID);
	EXPECT_EQ(self->packet.hdr.src_port, (uint32_t)A_PORT);
	EXPECT_EQ(self->packet.hdr.buf_alloc, self->from_a.buf_alloc);
	EXPECT_EQ(self->packet.len, len);
	EXPECT_EQ(memcmp(self->packet.data, self->data, len), 0);
}

TEST_F(sibling, off_by_default)
{
	expect_refused(self);
}

TEST_F(sibling, both_have_to_want_it)
{
	const uint32_t a = A_CID, b = B_CID;

	ASSERT_EQ(tvm_vsock_peers_set(&self->a, 1, &b), 0);
	expect_refused(self);
	ASSERT_EQ(tvm_vsock_peers_set(&self->a, 0, NULL), 0);
	ASSERT_EQ(tvm_vsock_peers_set(&self->b, 1, &a), 0);
	expect_refused(self);
	allow(self);
	expect_passed(self, VIRTIO_VSOCK_OP_REQUEST, 0);
	ASSERT_EQ(tvm_vsock_peers_set(&self->b, 0, NULL), 0);
	expect_refused(self);
}

TEST_F(sibling, talk)
{
	allow(self);
	expect_passed(self, VIRTIO_VSOCK_OP_REQUEST, 0);
	tvm_vsock_conn_send(&self->from_b, VIRTIO_VSOCK_OP_RESPONSE, NULL, 0, 0);
	tvm_vsock_expect(&self->a, &self->packet, VIRTIO_VSOCK_OP_RESPONSE);
	EXPECT_EQ(self->packet.hdr.src_cid, B_CID);
	expect_passed(self, VIRTIO_VSOCK_OP_RW, 1);
	expect_passed(self, VIRTIO_VSOCK_OP_RW, 4000);
	expect_passed(self, VIRTIO_VSOCK_OP_SHUTDOWN, 0);
	EXPECT_EQ(tvm_dev_stat(&self->a.dev, TVM_VSOCK_TX, "forwarded"), 4);
	EXPECT_EQ(tvm_dev_stat(&self->b.dev, TVM_VSOCK_TX, "forwarded"), 1);
}

TEST_F(sibling, large_packets)
{
	uint32_t got = 0;

	allow(self);
	tvm_vsock_conn_send(&self->from_a, VIRTIO_VSOCK_OP_RW, self->data,
			    TVM_VSOCK_PACKET_MAX, 0);
	while (got < TVM_VSOCK_PACKET_MAX) {
		tvm_vsock_expect(&self->b, &self->packet, VIRTIO_VSOCK_OP_RW);
		EXPECT_EQ(memcmp(self->packet.data, self->data + got, self->packet.len), 0);
		got += self->packet.len;
	}
	EXPECT_EQ(got, TVM_VSOCK_PACKET_MAX);
}

/* Nobody can speak for another guest. */
TEST_F(sibling, spoofed)
{
	struct virtio_vsock_hdr hdr;

	allow(self);
	tvm_vsock_conn_header(&self->from_a, &hdr, VIRTIO_VSOCK_OP_REQUEST, 0);
	hdr.src_cid = 9;
	ASSERT_EQ(tvm_vsock_put(&self->a, &hdr, NULL, 0), 0);
	hdr.src_cid = VMADDR_CID_HOST;
	ASSERT_EQ(tvm_vsock_put(&self->a, &hdr, NULL, 0), 0);
	EXPECT_EQ(tvm_dev_stat(&self->a.dev, TVM_VSOCK_TX, "spoofed"), 2);
	EXPECT_EQ(tvm_vsock_take(&self->b, &self->packet, 100), -ETIMEDOUT);
}

TEST_F(sibling, lie)
{
	struct virtio_vsock_hdr hdr;

	allow(self);
	tvm_vsock_conn_header(&self->from_a, &hdr, VIRTIO_VSOCK_OP_RW, 100);
	ASSERT_EQ(tvm_vsock_put(&self->a, &hdr, self->data, 10), 0);
	tvm_vsock_expect(&self->a, &self->packet, VIRTIO_VSOCK_OP_RST);
	tvm_vsock_expect(&self->b, &self->packet, VIRTIO_VSOCK_OP_RST);
	EXPECT_EQ(self->packet.hdr.src_cid, A_CID);
}

/* B takes nothing: what waits for it is bounded, and then the connection ends. */
TEST_F(sibling, overflow)
{
	unsigned int i, packets = 0, resets = 0;

	allow(self);
	/* All of B's buffers, and then 1024 packets of 64 KiB. */
	for (i = 0; i < 1024; i++) {
		tvm_vsock_conn_send(&self->from_a, VIRTIO_VSOCK_OP_RW, self->data,
				    TVM_VSOCK_PACKET_MAX, 0);
		if (!tvm_vsock_take(&self->a, &self->packet, 0))
			break;
	}
	EXPECT_GE(i, 100U);
	EXPECT_LT(i, 300U);
	EXPECT_EQ(self->packet.hdr.op, VIRTIO_VSOCK_OP_RST);
	EXPECT_GE(tvm_dev_stat(&self->a.dev, TVM_VSOCK_TX, "overflows"), 1);
	while (!tvm_vsock_take(&self->b, &self->packet, 300)) {
		packets++;
		resets += self->packet.hdr.op == VIRTIO_VSOCK_OP_RST;
	}
	EXPECT_GE(resets, 1U);
	EXPECT_LT(packets, 200U);
	expect_passed(self, VIRTIO_VSOCK_OP_REQUEST, 0);
}

#define LIMIT	(16LL << 20)
#define FLOWS	48U

/*
 * The ends of connections stand in the place of what they end: many that have little
 * to say, which all end because of one more packet, need no more than before.
 */
TEST_F(sibling, ends_are_small)
{
	unsigned int i;

	allow(self);
	for (i = 0; i < FLOWS; i++) {
		self->from_a.local = A_PORT + 1 + i;
		tvm_vsock_conn_send(&self->from_a, VIRTIO_VSOCK_OP_RW, self->data, 8, 0);
	}
	/* B's buffers are full by then, and so is what may wait. */
	self->from_a.local = A_PORT;
	ASSERT_GE(tvm_dev_fdinfo(&self->b.dev, "siblings"), 0);
	do {
		ASSERT_LE(tvm_dev_fdinfo(&self->b.dev, "siblings"), LIMIT);
		tvm_vsock_conn_send(&self->from_a, VIRTIO_VSOCK_OP_RW, self->data, 60000, 0);
	} while (tvm_dev_fdinfo(&self->b.dev, "siblings") < LIMIT - 70000);
	for (i = 0; i < FLOWS; i++) {
		self->from_a.local = A_PORT + 1 + i;
		tvm_vsock_conn_send(&self->from_a, VIRTIO_VSOCK_OP_RW, self->data,
				    TVM_VSOCK_PACKET_MAX, 0);
		EXPECT_LE(tvm_dev_fdinfo(&self->b.dev, "siblings"), LIMIT);
	}
	EXPECT_GE(tvm_dev_stat(&self->a.dev, TVM_VSOCK_TX, "overflows"), 1);
}

TEST_F(sibling, gone)
{
	allow(self);
	expect_passed(self, VIRTIO_VSOCK_OP_REQUEST, 0);
	ASSERT_EQ(tvm_vsock_run(&self->b, 0), 0);
	tvm_vsock_conn_send(&self->from_a, VIRTIO_VSOCK_OP_RW, self->data, 10, 0);
	tvm_vsock_expect(&self->a, &self->packet, VIRTIO_VSOCK_OP_RST);
	tvm_dev_close(&self->b.dev);
	tvm_vsock_conn_send(&self->from_a, VIRTIO_VSOCK_OP_RW, self->data, 10, 0);
	tvm_vsock_expect(&self->a, &self->packet, VIRTIO_VSOCK_OP_RST);
}

/* Who has A's CID next can not go on with what B has with A, before B's VMM says so. */
TEST_F(sibling, next_owner)
{
	const struct tvm_vsock_options options = { .cfg = variant->cfg, .cid = A_CID };
	const uint32_t a = A_CID, b = B_CID;

	allow(self);
	expect_passed(self, VIRTIO_VSOCK_OP_REQUEST, 0);
	/* Not by what does not change who it is. */
	ASSERT_EQ(tvm_vsock_run(&self->a, 0), 0);
	ASSERT_EQ(tvm_vsock_run(&self->a, 1), 0);
	ASSERT_EQ(tvm_dev_ioctl(&self->a.dev, VHA_VSOCK_TRANSPORT_RESET, NULL), 0);
	expect_passed(self, VIRTIO_VSOCK_OP_REQUEST, 0);
	tvm_vsock_destroy(&self->a);
	tvm_vsock_create(&self->a, &options);
	ASSERT_EQ(tvm_vsock_peers_set(&self->a, 1, &b), 0);
	expect_refused(self);
	tvm_vsock_conn_send(&self->from_b, VIRTIO_VSOCK_OP_RW, self->data, 10, 0);
	tvm_vsock_expect(&self->b, &self->packet, VIRTIO_VSOCK_OP_RST);
	EXPECT_EQ(tvm_vsock_take(&self->a, &self->packet, 100), -ETIMEDOUT);
	ASSERT_EQ(tvm_vsock_peers_set(&self->b, 1, &a), 0);
	expect_passed(self, VIRTIO_VSOCK_OP_REQUEST, 0);
}

HARNESS_MAIN
