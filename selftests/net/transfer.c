// SPDX-License-Identifier: GPL-2.0-only
/*
 * net: every frame arrives once, whole and in order, or is counted
 */
#include <sys/socket.h>
#include <unistd.h>

#include "tvm_traffic.h"

FIXTURE(transfer) {
	struct tvm_net net;
	struct tvm_traffic traffic;
};

FIXTURE_VARIANT(transfer) {
	struct tvm_net_options options;
};

#define OPTIONS(...)	{ .options = { __VA_ARGS__ } }
#define SPLIT		.cfg = { .event_idx = true }
#define SPLIT_ORDER	.cfg = { .event_idx = true, .in_order = true }
#define PACKED		.cfg = { .packed = true, .event_idx = true }
#define PACKED_ORDER	.cfg = { .packed = true, .in_order = true }

FIXTURE_VARIANT_ADD_FULL(transfer, tap_split) OPTIONS(SPLIT);
FIXTURE_VARIANT_ADD(transfer, tap_split_mergeable) OPTIONS(SPLIT, .mergeable = true);
FIXTURE_VARIANT_ADD_FULL(transfer, tap_split_order)
	OPTIONS(SPLIT_ORDER, .mergeable = true, .rx_len = 400);
FIXTURE_VARIANT_ADD_FULL(transfer, tap_split_plain) { .options = { .mergeable = true } };
FIXTURE_VARIANT_ADD_FULL(transfer, tap_split_indirect)
	OPTIONS(SPLIT, .indirect = true, .tx_segs = 5, .rx_segs = 3);
FIXTURE_VARIANT_ADD(transfer, tap_split_iotlb) OPTIONS(SPLIT, .mergeable = true, .iotlb = true);
FIXTURE_VARIANT_ADD_FULL(transfer, tap_split_bare) OPTIONS(SPLIT, .mergeable = true, .bare = true);
FIXTURE_VARIANT_ADD_FULL(transfer, tap_packed) OPTIONS(PACKED);
FIXTURE_VARIANT_ADD(transfer, tap_packed_mergeable)
	OPTIONS(PACKED, .mergeable = true, .tx_segs = 1);
FIXTURE_VARIANT_ADD(transfer, tap_packed_order)
	OPTIONS(PACKED_ORDER, .mergeable = true, .rx_len = 400);
FIXTURE_VARIANT_ADD(transfer, tap_packed_indirect)
	OPTIONS(PACKED, .indirect = true, .tx_segs = 5, .rx_segs = 3);
FIXTURE_VARIANT_ADD_FULL(transfer, tap_packed_iotlb)
	OPTIONS(PACKED, .mergeable = true, .iotlb = true);
FIXTURE_VARIANT_ADD_FULL(transfer, tap_packed_bare)
	OPTIONS(PACKED, .mergeable = true, .bare = true);
FIXTURE_VARIANT_ADD_FULL(transfer, tap_packed_odd)
	OPTIONS(PACKED, .mergeable = true, .num = 67, .rx_len = 500);
FIXTURE_VARIANT_ADD(transfer, macvtap_split) OPTIONS(SPLIT, .wire = TVM_WIRE_MACVTAP);
FIXTURE_VARIANT_ADD_FULL(transfer, macvtap_split_mergeable)
	OPTIONS(SPLIT, .wire = TVM_WIRE_MACVTAP, .mergeable = true, .rx_len = 400);
FIXTURE_VARIANT_ADD(transfer, macvtap_packed)
	OPTIONS(PACKED, .wire = TVM_WIRE_MACVTAP, .mergeable = true, .rx_len = 400);
FIXTURE_VARIANT_ADD(transfer, packet_split)
	OPTIONS(SPLIT, .wire = TVM_WIRE_PACKET, .bare = true);
FIXTURE_VARIANT_ADD_FULL(transfer, packet_split_mergeable)
	OPTIONS(SPLIT, .wire = TVM_WIRE_PACKET, .bare = true, .mergeable = true, .rx_len = 400);
FIXTURE_VARIANT_ADD_FULL(transfer, packet_split_header)
	OPTIONS(SPLIT, .wire = TVM_WIRE_PACKET, .mergeable = true);
FIXTURE_VARIANT_ADD_FULL(transfer, packet_packed)
	OPTIONS(PACKED, .wire = TVM_WIRE_PACKET, .bare = true, .mergeable = true, .rx_len = 400);
FIXTURE_VARIANT_ADD_FULL(transfer, packet_packed_header)
	OPTIONS(PACKED, .wire = TVM_WIRE_PACKET, .mergeable = true);

FIXTURE_SETUP(transfer)
{
	tvm_net_create(&self->net, &variant->options);
	tvm_traffic_init(&self->traffic, &self->net, 0);
}

FIXTURE_TEARDOWN(transfer)
{
	tvm_net_destroy(&self->net);
}

static unsigned int frames(void)
{
	return harness_rounds(50000, 600);
}

/* What the node counted is what went through. */
static void check_counters(struct transfer_fixture *self)
{
	const struct tvm_traffic *traffic = &self->traffic;
	struct tvm_net *net = &self->net;

	if (net->peer)
		return;
	EXPECT_EQ(tvm_net_stat(net, 0, "packets"), (int64_t)traffic->rx_seq);
	EXPECT_EQ(tvm_net_stat(net, 0, "bytes"), (int64_t)traffic->rx_bytes);
	EXPECT_EQ(tvm_net_stat(net, 0, "merged"), (int64_t)traffic->rx_merged);
	EXPECT_EQ(tvm_net_stat(net, 0, "dropped"), 0L);
	EXPECT_EQ(tvm_net_stat(net, 0, "malformed"), 0L);
	EXPECT_EQ(tvm_net_stat(net, 1, "packets"), (int64_t)traffic->tx_seq);
	EXPECT_EQ(tvm_net_stat(net, 1, "bytes"), (int64_t)traffic->tx_bytes);
	EXPECT_EQ(tvm_net_stat(net, 1, "dropped"), 0L);
	EXPECT_EQ(tvm_net_stat(net, 1, "malformed"), 0L);
	EXPECT_EQ(tvm_net_stat(net, 1, "used"), (int64_t)traffic->tx_seq);
	EXPECT_LE(tvm_net_stat(net, 1, "batches"), (int64_t)traffic->tx_seq);
}

static void run(struct transfer_fixture *self, uint32_t tx, uint32_t rx)
{
	ASSERT_TRUE(tvm_traffic_run(&self->traffic, tx, rx));
	tvm_traffic_quiet(&self->traffic);
	tvm_traffic_check(&self->traffic);
	check_counters(self);
	EXPECT_TRUE(tvm_net_sound(&self->net));
	EXPECT_EQ(tvm_wire_overrun(&self->net.wire), 0UL);
	EXPECT_EQ(tvm_wire_refused(&self->net.wire), 0UL);
}

TEST_F_TIMEOUT(transfer, from_guest, 120)
{
	run(self, frames(), 0);
}

TEST_F_TIMEOUT(transfer, to_guest, 120)
{
	run(self, 0, frames());
}

TEST_F_TIMEOUT(transfer, both, 240)
{
	run(self, frames(), frames());
}

/* Larger than a page, larger than what a batch can take; the smallest; the usual. */
TEST_F_TIMEOUT(transfer, sizes, 120)
{
	static const uint32_t sizes[] = {
		TVM_FRAME_MIN, 60, 1514, 3700, 4096, 9014, 20000, 65000,
	};
	uint32_t each = variant->options.rx_len ? variant->options.rx_len : 2048;
	uint32_t room = (variant->options.mergeable ? each * self->net.num : each) -
			self->net.header;
	uint32_t rx;
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		/* What all buffers together hold, or one, if they can not be merged. */
		rx = sizes[i] <= room ? 100 : 0;
		self->traffic.min_len = sizes[i];
		self->traffic.max_len = sizes[i];
		self->traffic.window = sizes[i] > 2000 ? 8 : 128;
		if (variant->options.rx_len && sizes[i] > 30000)
			self->traffic.window = 1;
		ASSERT_TRUE(tvm_traffic_run(&self->traffic, 100, rx));
	}
	run(self, 0, 0);
}

/* One at a time: no frame waits for another, none costs two notifications. */
TEST_F_TIMEOUT(transfer, one_by_one, 120)
{
	unsigned int i, rounds = harness_rounds(5000, 60);
	struct tvm_queue *vqs = self->net.vqs;
	uint64_t kicks = vqs[1].kicks;

	for (i = 0; i < rounds; i++) {
		ASSERT_TRUE(tvm_traffic_run(&self->traffic, 1, 0));
		ASSERT_TRUE(tvm_traffic_run(&self->traffic, 0, 1));
	}
	run(self, 0, 0);
	EXPECT_LE(vqs[1].kicks - kicks, (uint64_t)rounds);
	EXPECT_LE(vqs[1].calls, (uint64_t)rounds + 1);
	EXPECT_LE(vqs[0].calls, (uint64_t)rounds + 1);
}

/* The guest takes nothing for a while: what had no room was counted, the rest comes. */
TEST_F_TIMEOUT(transfer, overload, 120)
{
	struct tvm_traffic *traffic = &self->traffic;
	uint64_t refused = 0, sent = 0, room = 0;
	unsigned int i;

	if (variant->options.wire == TVM_WIRE_MACVTAP)
		SKIP("what a veth pair drops on its way is not told apart");
	ASSERT_TRUE(tvm_traffic_run(traffic, 0, 100));
	if (variant->options.wire == TVM_WIRE_PACKET) {
		int small = 200000;

		ASSERT_EQ(setsockopt(self->net.wire.backends[0], SOL_SOCKET, SO_RCVBUF, &small,
				     sizeof(small)), 0);
	}
	traffic->window = 100000;
	for (i = 0; i < 40; i++) {
		tvm_traffic_rx_fill(traffic, 64);
		usleep(1000);
	}
	sent = traffic->rx_seq;
	while (tvm_traffic_quiet(traffic) && traffic->rx.frames > room)
		room = traffic->rx.frames;
	refused = tvm_wire_refused(&self->net.wire);
	EXPECT_GT(refused, 0UL);
	EXPECT_EQ(traffic->rx.frames + refused, sent);
	EXPECT_EQ(traffic->rx.lost + traffic->rx_seq - traffic->rx.next, refused);
	EXPECT_EQ(traffic->rx.late + traffic->rx.bad + traffic->rx.strange, 0UL);
	EXPECT_EQ(tvm_net_stat(&self->net, 0, "dropped"), 0L);
	if (!self->net.peer)
		EXPECT_EQ(tvm_net_stat(&self->net, 0, "packets"), (int64_t)traffic->rx.frames);
	/* And it goes on as if nothing had happened. */
	traffic->window = 128;
	traffic->rx.next = traffic->rx_seq;
	traffic->rx.frames = traffic->rx_seq;
	ASSERT_TRUE(tvm_traffic_run(traffic, 100, 100));
	EXPECT_EQ(tvm_wire_refused(&self->net.wire), variant->options.wire == TVM_WIRE_TAP ?
		  refused : 0UL);
}

/* Stopped and started again, the queues go on where they were. */
TEST_F_TIMEOUT(transfer, restart, 120)
{
	unsigned int i, rounds = harness_rounds(100, 3);

	if (self->net.peer && variant->options.cfg.in_order)
		SKIP("the peer forgets where chains of several descriptors begin");
	for (i = 0; i < rounds; i++) {
		ASSERT_TRUE(tvm_traffic_run(&self->traffic, 50 + i, 50 + i));
		tvm_traffic_quiet(&self->traffic);
		ASSERT_EQ(tvm_net_stop(&self->net), 0);
		/* The node gives back receive buffers by forgetting them. */
		ASSERT_EQ(tvm_net_start(&self->net), 0);
	}
	run(self, 0, 0);
}

HARNESS_MAIN
