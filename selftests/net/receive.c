// SPDX-License-Identifier: GPL-2.0-only
/*
 * net: receive buffers of every size, few of them, none of them, useless ones
 *
 * A packet is delivered whole or not at all.
 */
#include <stdlib.h>

#include "tvm_traffic.h"

#define WAIT_MS		5000

FIXTURE(receive) {
	struct tvm_net net;
	struct tvm_queue *vq;
	struct tvm_flow flow;
	uint32_t seq;
	uint64_t dropped;
	uint8_t frame[TVM_FRAME_MAX + 1];
};

FIXTURE_VARIANT(receive) {
	struct tvm_net_options options;
};

#define OPTIONS(...)	{ .options = { __VA_ARGS__ } }

FIXTURE_VARIANT_ADD(receive, tap_split) OPTIONS(.cfg = { .event_idx = true });
FIXTURE_VARIANT_ADD_FULL(receive, tap_split_bare) OPTIONS(.bare = true);
FIXTURE_VARIANT_ADD(receive, tap_packed)
	OPTIONS(.cfg = { .packed = true, .event_idx = true });
FIXTURE_VARIANT_ADD(receive, packet_split) OPTIONS(.wire = TVM_WIRE_PACKET, .bare = true);
FIXTURE_VARIANT_ADD_FULL(receive, packet_packed)
	OPTIONS(.wire = TVM_WIRE_PACKET, .bare = true, .cfg = { .packed = true });
FIXTURE_VARIANT_ADD_FULL(receive, macvtap_packed_order)
	OPTIONS(.wire = TVM_WIRE_MACVTAP, .cfg = { .packed = true, .in_order = true });

/* The variant's device, with buffers of the test's. */
static void create(struct receive_fixture *self, const struct receive_variant *variant,
		   bool mergeable, unsigned int num, uint32_t rx_len)
{
	struct tvm_net_options options = variant->options;

	options.mergeable = mergeable;
	options.num = num;
	options.rx_len = rx_len;
	tvm_net_create(&self->net, &options);
	self->vq = tvm_net_rx(&self->net, 0);
	self->flow = (struct tvm_flow){ .id = 1 };
	self->seq = 0;
	self->dropped = 0;
}

FIXTURE_SETUP(receive)
{
}

FIXTURE_TEARDOWN(receive)
{
	if (self->net.num)
		tvm_net_destroy(&self->net);
}

static void post(struct receive_fixture *self, unsigned int nr)
{
	ASSERT_EQ(tvm_net_post(&self->net, 0, nr), nr);
	tvm_queue_kick(self->vq);
}

static void send(struct receive_fixture *self, uint32_t len)
{
	tvm_frame_build(self->frame, self->flow.id, self->seq++, len);
	ASSERT_EQ(tvm_wire_send(&self->net.wire, NULL, self->frame, len), 0);
}

/* The next packet is the next one sent. */
static struct tvm_net_packet expect(struct receive_fixture *self, uint32_t len)
{
	struct tvm_net_packet packet;

	ASSERT_EQ(tvm_net_wait(&self->net, 0, &packet, harness_scaled(WAIT_MS)), 0);
	EXPECT_EQ(packet.len, len);
	tvm_flow_take(&self->flow, packet.frame, packet.len);
	EXPECT_EQ(self->flow.lost + self->flow.late + self->flow.bad + self->flow.strange, 0UL);
	return packet;
}

static void check_end(struct receive_fixture *self)
{
	EXPECT_TRUE(tvm_net_sound(&self->net));
	EXPECT_EQ(tvm_net_stat(&self->net, 0, "malformed"), 0L);
	if (!self->net.peer)
		EXPECT_EQ(tvm_net_stat(&self->net, 0, "dropped"), (int64_t)self->dropped);
}

/* One byte too long is too long, and the buffer serves the next packet. */
TEST_F(receive, too_long)
{
	static const uint32_t rooms[] = { 60, 100, 1000, 4000, 4097 };
	unsigned int i;

	for (i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		create(self, variant, false, 8, 12 + rooms[i]);
		post(self, 4);
		send(self, rooms[i] - 1);
		expect(self, rooms[i] - 1);
		send(self, rooms[i]);
		expect(self, rooms[i]);
		send(self, rooms[i] + 1);
		send(self, 32);
		send(self, 9000);
		send(self, rooms[i]);
		self->flow.next++;
		expect(self, 32);
		self->flow.next++;
		expect(self, rooms[i]);
		self->dropped = 2;
		check_end(self);
		tvm_net_destroy(&self->net);
	}
	self->net.num = 0;
}

/* The number of buffers is right to the byte. */
TEST_F(receive, merged)
{
	const uint32_t room = 300;
	unsigned int k, merged = 0;
	int d;

	create(self, variant, true, 64, room);
	post(self, 64);
	for (k = 1; k <= 8; k++) {
		for (d = -1; d <= 1; d++) {
			struct tvm_net_packet packet;

			send(self, k * room - 12 + d);
			packet = expect(self, k * room - 12 + d);
			EXPECT_EQ(packet.header.num_buffers, k + (d > 0));
			EXPECT_EQ(packet.buffers, k + (d > 0));
			merged += packet.buffers > 1;
			post(self, packet.buffers);
		}
	}
	check_end(self);
	if (!self->net.peer)
		EXPECT_EQ(tvm_net_stat(&self->net, 0, "merged"), (int64_t)merged);
}

/* Without buffers packets wait, and come in order once there are some. */
TEST_F(receive, none)
{
	unsigned int i;

	create(self, variant, true, 128, 2048);
	for (i = 0; i < 100; i++)
		send(self, 100 + i);
	EXPECT_TRUE(tvm_net_counted(&self->net, 0, "no_buffers", 1));
	EXPECT_EQ(tvm_net_stat(&self->net, 0, "packets"), 0L);
	for (i = 0; i < 100; i++) {
		post(self, 1);
		expect(self, 100 + i);
	}
	check_end(self);
}

/* A packet waits for all its buffers; none comes back before. */
TEST_F(receive, few)
{
	struct tvm_net_packet packet;
	unsigned int i;

	create(self, variant, true, 64, 500);
	send(self, 4488);
	for (i = 1; i <= 8; i++) {
		post(self, 1);
		EXPECT_EQ(tvm_net_wait(&self->net, 0, &packet, 20), -ETIMEDOUT);
	}
	post(self, 1);
	packet = expect(self, 4488);
	EXPECT_EQ(packet.buffers, 9U);
	check_end(self);
}

/* Takes used buffers, however short, and puts together what is in them. */
static uint32_t gather(struct receive_fixture *self, uint32_t want, unsigned int *buffers)
{
	struct tvm_used used;
	uint32_t len = 0, part;

	*buffers = 0;
	while (len < want) {
		struct tvm_net_buf *buf;

		if (tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)))
			break;
		buf = used.cookie;
		part = used.len_known ? used.len : buf->len;
		EXPECT_LE(part, buf->len);
		tvm_mem_read(&self->net.mem, buf->gpa, self->net.scratch[0] + len, part);
		len += part;
		(*buffers)++;
	}
	return len;
}

/* Buffers shorter than the header: the packet is whole all the same. */
TEST_F(receive, tiny)
{
	static const uint32_t rooms[] = { 1, 2, 5, 7, 11, 12, 13, 25 };
	struct virtio_net_hdr_v1 header;
	unsigned int i, buffers;

	for (i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		create(self, variant, true, 128, rooms[i]);
		post(self, 128);
		send(self, 64);
		ASSERT_EQ(gather(self, 76, &buffers), 76U);
		memcpy(&header, self->net.scratch[0], sizeof(header));
		EXPECT_EQ(header.num_buffers, buffers);
		EXPECT_EQ(header.num_buffers, (76 + rooms[i] - 1) / rooms[i]);
		EXPECT_EQ(header.gso_type | header.gso_size | header.hdr_len, 0);
		tvm_flow_take(&self->flow, self->net.scratch[0] + 12, 64);
		EXPECT_EQ(self->flow.lost + self->flow.bad + self->flow.strange, 0UL);
		check_end(self);
		tvm_net_destroy(&self->net);
	}
	self->net.num = 0;
}

/* What does not fit in all buffers there can be does not stand in the way. */
TEST_F(receive, hopeless)
{
	create(self, variant, true, 4, 100);
	if (self->net.peer)
		SKIP("the peer waits for buffers for ever");
	post(self, 4);
	send(self, 388);
	expect(self, 388);
	post(self, 4);
	send(self, 389);
	send(self, 60);
	self->flow.next++;
	expect(self, 60);
	self->dropped++;
	check_end(self);
}

/* More buffers than a packet may have. */
TEST_F(receive, too_many)
{
	create(self, variant, true, 4096, 16);
	post(self, 4096);
	send(self, 20000);
	send(self, 60);
	self->flow.next++;
	expect(self, 60);
	self->dropped++;
	check_end(self);
}

/* Makes one buffer available as it is. */
static void post_raw(struct receive_fixture *self, const struct tvm_seg *segs, unsigned int out,
		     unsigned int in)
{
	ASSERT_GE(tvm_queue_add(self->vq, segs, out, in, NULL, 0), 0);
	tvm_queue_kick(self->vq);
}

/* A useless buffer comes back empty, the packet goes to the next. */
TEST_F(receive, useless)
{
	struct tvm_used used;
	unsigned int i;

	create(self, variant, false, 16, 2048);
	if (self->net.peer)
		SKIP("the peer gives up on the queue");
	for (i = 0; i < 3; i++) {
		uint64_t gpa = tvm_mem_alloc(&self->net.mem, 4096, 4096);
		const struct tvm_seg useless[3][2] = {
			{ { gpa, 12 }, { gpa + 64, 2048 } },
			{ { gpa, 0 } },
			{ { 0x7000000000ULL, 2048 } },
		};

		send(self, 500);
		post_raw(self, useless[i], i == 0, 1);
		ASSERT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
		EXPECT_TRUE(!used.cookie);
		EXPECT_EQ(used.len, 0U);
		EXPECT_EQ(tvm_net_stat(&self->net, 0, "malformed"), i + 1L);
		post(self, 1);
		expect(self, 500);
	}
	EXPECT_TRUE(tvm_net_sound(&self->net));
	EXPECT_EQ(tvm_net_stat(&self->net, 0, "dropped"), 0L);
	EXPECT_EQ(tvm_net_stat(&self->net, 0, "packets"), 3L);
}

/* In the middle of a packet it is a part of it without bytes. */
TEST_F(receive, useless_between)
{
	const struct tvm_seg useless = { 0x7000000000ULL, 2048 };
	struct tvm_used used;
	uint32_t len = 0;
	unsigned int i, nr = 0;
	uint16_t buffers;

	create(self, variant, true, 16, 300);
	if (self->net.peer)
		SKIP("the peer gives up on the queue");
	post(self, 1);
	post_raw(self, &useless, 0, 1);
	post(self, 2);
	send(self, 600);
	for (i = 0; i < 4 && len < 612; i++) {
		ASSERT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
		EXPECT_EQ(!used.cookie, nr == 1);
		if (used.cookie) {
			struct tvm_net_buf *buf = used.cookie;
			uint32_t part = used.len_known ? used.len : buf->len;

			tvm_mem_read(&self->net.mem, buf->gpa, self->net.scratch[0] + len, part);
			len += part;
		} else if (used.len_known) {
			EXPECT_EQ(used.len, 0U);
		}
		nr++;
	}
	ASSERT_EQ(len, 612U);
	memcpy(&buffers, self->net.scratch[0] + 10, 2);
	EXPECT_EQ(buffers, nr);
	tvm_flow_take(&self->flow, self->net.scratch[0] + 12, 600);
	EXPECT_EQ(self->flow.bad + self->flow.lost + self->flow.strange, 0UL);
	EXPECT_EQ(tvm_net_stat(&self->net, 0, "malformed"), 1L);
	EXPECT_TRUE(tvm_net_sound(&self->net));
}

/* A buffer of a random size under random packets: whole, or dropped and counted. */
TEST_F_TIMEOUT(receive, random, 120)
{
	unsigned int i, rounds = harness_rounds(20000, 150), delivered = 0;
	struct tvm_net_pool *pool;
	uint32_t room, len;

	create(self, variant, false, 64, 2100);
	srand(71);
	pool = &self->net.pools[0];
	for (i = 0; i < rounds; i++) {
		room = 32 + rand() % 2050;
		pool->free->len = 12 + room;
		post(self, 1);
		len = 32 + rand() % 2100;
		send(self, len);
		if (len > room) {
			self->flow.next++;
			self->dropped++;
			len = 32;
			send(self, len);
		}
		expect(self, len);
		delivered++;
	}
	check_end(self);
	EXPECT_EQ(self->flow.frames, (uint64_t)delivered);
	if (!self->net.peer)
		EXPECT_EQ(tvm_net_stat(&self->net, 0, "packets"), (int64_t)delivered);
}

HARNESS_MAIN
