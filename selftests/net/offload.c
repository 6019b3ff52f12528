// SPDX-License-Identifier: GPL-2.0-only
/*
 * net: work that one side leaves to the other: checksums and segmentation
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tvm_inet.h"
#include "tvm_traffic.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4	0x20
#define TUN_F_USO6	0x40
#endif

#define WAIT_MS		5000
#define EVERYTHING	(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | \
			 TUN_F_USO4 | TUN_F_USO6)

FIXTURE(offload) {
	struct tvm_net net;
	uint8_t sent[TVM_FRAME_MAX + 1];
	uint8_t got[TVM_FRAME_MAX + 1];
};

FIXTURE_VARIANT(offload) {
	struct tvm_net_options options;
};

#define OPTIONS(...)	{ .options = { __VA_ARGS__ } }

FIXTURE_VARIANT_ADD(offload, tap_split)
	OPTIONS(.cfg = { .event_idx = true }, .rx_len = 65600);
FIXTURE_VARIANT_ADD(offload, tap_split_mergeable)
	OPTIONS(.cfg = { .event_idx = true }, .mergeable = true, .tx_segs = 5);
FIXTURE_VARIANT_ADD(offload, tap_packed)
	OPTIONS(.cfg = { .packed = true }, .rx_len = 65600, .tx_segs = 1);
FIXTURE_VARIANT_ADD(offload, tap_packed_mergeable)
	OPTIONS(.cfg = { .packed = true, .in_order = true }, .mergeable = true);
FIXTURE_VARIANT_ADD(offload, macvtap_split)
	OPTIONS(.wire = TVM_WIRE_MACVTAP, .mergeable = true);
FIXTURE_VARIANT_ADD(offload, macvtap_packed)
	OPTIONS(.wire = TVM_WIRE_MACVTAP, .cfg = { .packed = true }, .mergeable = true);
FIXTURE_VARIANT_ADD(offload, packet_split)
	OPTIONS(.wire = TVM_WIRE_PACKET, .mergeable = true);
FIXTURE_VARIANT_ADD(offload, packet_packed)
	OPTIONS(.wire = TVM_WIRE_PACKET, .cfg = { .packed = true }, .mergeable = true);

FIXTURE_SETUP(offload)
{
	struct tvm_net_options options = variant->options;

	options.num = 256;
	tvm_net_create(&self->net, &options);
}

FIXTURE_TEARDOWN(offload)
{
	tvm_net_destroy(&self->net);
}

static const struct tvm_inet valid[] = {
	{ .payload = 100 },
	{ .payload = 1400, .partial = true },
	{ .payload = 1400, .partial = true, .ipv6 = true },
	{ .payload = 1000, .udp = true },
	{ .payload = 1000, .udp = true, .partial = true },
	{ .payload = 1000, .udp = true, .partial = true, .ipv6 = true },
	{ .payload = 2900, .partial = true, .gso_size = 1448 },
	{ .payload = 60000, .partial = true, .gso_size = 1448 },
	{ .payload = 65000, .partial = true, .gso_size = 1000, .ecn = true },
	{ .payload = 60000, .partial = true, .gso_size = 1428, .ipv6 = true },
	{ .payload = 9000, .partial = true, .gso_size = 536, .ipv6 = true, .ecn = true },
	{ .payload = 30000, .partial = true, .gso_size = 1200, .udp = true },
	{ .payload = 40000, .partial = true, .gso_size = 1200, .udp = true, .ipv6 = true },
};

#define VALID	(sizeof(valid) / sizeof(valid[0]))

static int send_one(struct tvm_net *net, const struct virtio_net_hdr *header, const void *frame,
		    uint32_t len)
{
	uint8_t bytes[TVM_NET_HEADER_MAX] = { 0 };
	int ret;

	memcpy(bytes, header, sizeof(*header));
	ret = tvm_net_send(net, 0, bytes, frame, len);
	tvm_queue_kick(tvm_net_tx(net, 0));
	return ret;
}

static int recv_far(struct offload_fixture *self, struct virtio_net_hdr *header)
{
	if (!tvm_wire_wait(&self->net.wire, harness_scaled(WAIT_MS)))
		return -1;
	return tvm_wire_recv(&self->net.wire, header, self->got, sizeof(self->got));
}

/* Of headers that two kernels made; only they know the length of theirs. */
static void same_work(const struct virtio_net_hdr *a, const struct virtio_net_hdr *b)
{
	EXPECT_EQ(a->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, b->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM);
	EXPECT_EQ(a->gso_type, b->gso_type);
	EXPECT_EQ(a->gso_size, b->gso_size);
	if (!(a->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return;
	EXPECT_EQ(a->csum_start, b->csum_start);
	EXPECT_EQ(a->csum_offset, b->csum_offset);
}

TEST_F(offload, from_guest)
{
	struct virtio_net_hdr sent, got;
	unsigned int i;
	uint32_t len;

	for (i = 0; i < VALID; i++) {
		len = tvm_inet_build(&valid[i], self->sent, &sent);
		ASSERT_EQ(send_one(&self->net, &sent, self->sent, len), 0);
		ASSERT_EQ(recv_far(self, &got), (int)len);
		EXPECT_TRUE(!memcmp(self->got, self->sent, len));
		same_work(&sent, &got);
	}
	EXPECT_TRUE(tvm_net_settle(&self->net, 0, harness_scaled(WAIT_MS)));
	EXPECT_EQ(tvm_net_stat(&self->net, 1, "malformed"), 0L);
	EXPECT_EQ(tvm_net_stat(&self->net, 1, "dropped"), 0L);
	if (!self->net.peer)
		EXPECT_EQ(tvm_net_stat(&self->net, 1, "packets"), (int64_t)VALID);
	EXPECT_TRUE(tvm_net_sound(&self->net));
}

static void check_received(struct offload_fixture *self, const struct tvm_net_packet *packet,
			   const struct virtio_net_hdr *sent, uint32_t len)
{
	uint32_t each = self->net.options.rx_len ? self->net.options.rx_len : 2048;
	const struct virtio_net_hdr_v1 *got = &packet->header;

	EXPECT_EQ(packet->len, len);
	EXPECT_TRUE(packet->len == len && !memcmp(packet->frame, self->sent, len));
	same_work(sent, (const struct virtio_net_hdr *)got);
	EXPECT_EQ(got->flags & ~(VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID), 0);
	if (sent->gso_type) {
		EXPECT_GT(got->hdr_len, 0);
		EXPECT_LE(got->hdr_len, len);
	} else {
		EXPECT_EQ(got->hdr_len, 0);
		EXPECT_EQ(got->gso_size, 0);
	}
	EXPECT_EQ(got->num_buffers, (len + self->net.header + each - 1) / each);
	EXPECT_EQ(packet->buffers, (unsigned int)got->num_buffers);
}

/*
 * Whether a packet stays whole on its way to the back end. Some kernels cut what
 * goes to a macvtap all the same: one who reads there himself sees it.
 */
static bool stays_whole(struct offload_fixture *self, const struct tvm_inet *inet,
			const struct virtio_net_hdr *header, uint32_t len)
{
	struct pollfd pfd = { .fd = self->net.wire.backends[0], .events = POLLIN };
	static uint8_t bytes[TVM_FRAME_MAX + TVM_NET_HEADER_MAX];
	uint32_t before = self->net.header + tvm_inet_headers(inet);
	uint32_t rest = len - tvm_inet_headers(inet);
	unsigned int pieces = 0;
	ssize_t ret;

	ASSERT_EQ(tvm_net_backend(&self->net, 0, -1), 0);
	ASSERT_EQ(tvm_wire_send(&self->net.wire, header, self->sent, len), 0);
	while (rest) {
		ASSERT_EQ(poll(&pfd, 1, harness_scaled(WAIT_MS)), 1);
		ret = read(pfd.fd, bytes, sizeof(bytes));
		ASSERT_TRUE(ret > before && ret - before <= rest);
		rest -= ret - before;
		pieces++;
	}
	ASSERT_EQ(tvm_net_backend(&self->net, 0, pfd.fd), 0);
	return pieces == 1;
}

/* Takes a packet that was cut: all of its payload. Returns how many pieces it is in. */
static unsigned int receive_cut(struct offload_fixture *self, const struct tvm_inet *inet,
				uint32_t len, uint8_t flags)
{
	uint32_t at = tvm_inet_headers(inet), rest;
	struct tvm_net_packet packet;
	unsigned int nr = 0;

	for (rest = len - at; rest; rest -= packet.len - at) {
		tvm_net_post(&self->net, 0, ~0U);
		tvm_queue_kick(tvm_net_rx(&self->net, 0));
		ASSERT_EQ(tvm_net_wait(&self->net, 0, &packet, harness_scaled(WAIT_MS)), 0);
		ASSERT_TRUE(packet.len > at && packet.len - at <= rest);
		EXPECT_EQ(packet.header.gso_type, 0);
		EXPECT_EQ(packet.header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM & ~flags, 0);
		if (!(packet.header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
			EXPECT_TRUE(tvm_inet_sums_right(packet.frame, packet.len));
		EXPECT_TRUE(!memcmp(packet.frame + at, self->sent + len - rest, packet.len - at));
		nr++;
	}
	return nr;
}

/* What the guest can take it gets, the header says what is left to do. */
TEST_F(offload, to_guest)
{
	bool macvtap = variant->options.wire == TVM_WIRE_MACVTAP;
	struct tvm_net_packet packet;
	struct virtio_net_hdr sent;
	unsigned int i, nr = 0;
	uint32_t len;

	if (variant->options.wire != TVM_WIRE_PACKET)
		ASSERT_EQ(tvm_wire_offloads(&self->net.wire, EVERYTHING), 0);
	for (i = 0; i < VALID; i++) {
		len = tvm_inet_build(&valid[i], self->sent, &sent);
		if (macvtap && !stays_whole(self, &valid[i], &sent, len)) {
			ASSERT_EQ(tvm_wire_send(&self->net.wire, &sent, self->sent, len), 0);
			nr += receive_cut(self, &valid[i], len, sent.flags);
			continue;
		}
		tvm_net_post(&self->net, 0, ~0U);
		tvm_queue_kick(tvm_net_rx(&self->net, 0));
		ASSERT_EQ(tvm_wire_send(&self->net.wire, &sent, self->sent, len), 0);
		ASSERT_EQ(tvm_net_wait(&self->net, 0, &packet, harness_scaled(WAIT_MS)), 0);
		check_received(self, &packet, &sent, len);
		nr++;
	}
	EXPECT_TRUE(tvm_net_sound(&self->net));
	if (!self->net.peer)
		EXPECT_EQ(tvm_net_stat(&self->net, 0, "packets"), (int64_t)nr);
}

/* What it can not take is cut and summed before: all of the payload, nothing to do. */
TEST_F(offload, software)
{
	struct virtio_net_hdr sent;
	unsigned int i;
	uint32_t len;

	if (variant->options.wire != TVM_WIRE_TAP)
		SKIP("the far end of a veth pair leaves it undone for others to see");
	ASSERT_EQ(tvm_wire_offloads(&self->net.wire, 0), 0);
	for (i = 0; i < VALID; i++) {
		len = tvm_inet_build(&valid[i], self->sent, &sent);
		tvm_net_post(&self->net, 0, ~0U);
		tvm_queue_kick(tvm_net_rx(&self->net, 0));
		ASSERT_EQ(tvm_wire_send(&self->net.wire, &sent, self->sent, len), 0);
		receive_cut(self, &valid[i], len, 0);
	}
}

/* A header that makes no sense, in front of a TCP packet of 1000 bytes of payload. */
static const struct virtio_net_hdr senseless[] = {
	{ .flags = 1, .csum_start = 1054, .csum_offset = 0 },
	{ .flags = 1, .csum_start = 1052, .csum_offset = 1 },
	{ .flags = 1, .csum_start = 34, .csum_offset = 1019 },
	{ .flags = 1, .csum_start = 0xffff, .csum_offset = 0xffff },
	{ .flags = 1, .csum_start = 0xfff0, .csum_offset = 0x10 },
	{ .flags = 1, .csum_start = 34, .csum_offset = 0xfffe },
	{ .flags = 1, .csum_start = 34, .csum_offset = 16, .gso_type = 1, .gso_size = 0,
	  .hdr_len = 54 },
	{ .flags = 1, .csum_start = 34, .csum_offset = 16, .gso_type = 2, .gso_size = 100,
	  .hdr_len = 54 },
	{ .flags = 1, .csum_start = 34, .csum_offset = 16, .gso_type = 6, .gso_size = 100,
	  .hdr_len = 54 },
	{ .flags = 1, .csum_start = 34, .csum_offset = 16, .gso_type = 0x7f, .gso_size = 100,
	  .hdr_len = 54 },
	{ .flags = 1, .csum_start = 1060, .csum_offset = 16, .gso_type = 1, .gso_size = 100,
	  .hdr_len = 54 },
	{ .gso_type = 2, .gso_size = 100 },
	{ .gso_type = 1, .gso_size = 0 },
};

#define SENSELESS	(sizeof(senseless) / sizeof(senseless[0]))

/* Not one of them leaves, and the good ones around them do, in order. */
TEST_F(offload, senseless)
{
	const struct tvm_inet good = { .payload = 1000, .partial = true };
	struct virtio_net_hdr header, got;
	struct tvm_inet each = good;
	unsigned int i;
	uint32_t len;

	for (i = 0; i < SENSELESS; i++) {
		each.flow = i;
		len = tvm_inet_build(&each, self->sent, &header);
		ASSERT_EQ(len, 1054U);
		ASSERT_EQ(tvm_net_send(&self->net, 0, NULL, self->sent, len), 0);
		self->sent[20] ^= 1;
		ASSERT_EQ(send_one(&self->net, &senseless[i], self->sent, len), 0);
	}
	for (i = 0; i < SENSELESS; i++) {
		each.flow = i;
		len = tvm_inet_build(&each, self->sent, &header);
		ASSERT_EQ(recv_far(self, &got), (int)len);
		EXPECT_MSG(!memcmp(self->got, self->sent, len), "not the frame before header %u",
			   i);
	}
	EXPECT_TRUE(tvm_net_settle(&self->net, 0, harness_scaled(WAIT_MS)));
	EXPECT_FALSE(tvm_wire_wait(&self->net.wire, harness_scaled(20)));
	EXPECT_TRUE(tvm_net_sound(&self->net));
	if (self->net.peer)
		return;
	EXPECT_EQ(tvm_net_stat(&self->net, 1, "packets"), (int64_t)SENSELESS);
	EXPECT_EQ(tvm_net_stat(&self->net, 1, "malformed"), (int64_t)SENSELESS);
	EXPECT_EQ(tvm_net_stat(&self->net, 1, "dropped"), 0L);
}

static void scribble(struct virtio_net_hdr *header)
{
	uint8_t *bytes = (uint8_t *)header;
	unsigned int i, nr = 1 + rand() % 4;

	for (i = 0; i < nr; i++)
		bytes[rand() % sizeof(*header)] = rand() % 3 ? rand() % 64 : rand();
}

/* Takes all that arrived, returns how many frames that is. */
static unsigned int count_far(struct offload_fixture *self)
{
	unsigned int nr;
	int len;

	for (nr = 0;; nr++) {
		len = tvm_wire_recv(&self->net.wire, NULL, self->got, sizeof(self->got));
		/* Work of a kind that a socket has no words for. */
		if (len <= 0 && len != -EINVAL)
			return nr;
	}
}

/* Another tap, for what a tap says of a header to whoever writes one. */
static int judge_create(struct offload_fixture *self)
{
	int fd = tvm_wire_tap("judge", self->net.header, false);

	ASSERT_GE(fd, 0);
	tvm_wire_ip("link set judge up mtu 65521\n");
	return fd;
}

/* Of the length of the headers it asks more than of the rest: none is given. */
static bool judge_takes(struct offload_fixture *self, int judge,
			const struct virtio_net_hdr *header, uint32_t len)
{
	uint8_t bytes[TVM_NET_HEADER_MAX] = { 0 };
	struct virtio_net_hdr copy = *header;
	struct iovec iov[2] = { { bytes, self->net.header }, { self->sent, len } };
	ssize_t ret;

	copy.hdr_len = 0;
	memcpy(bytes, &copy, sizeof(copy));
	ret = writev(judge, iov, 2);
	ASSERT_TRUE(ret > 0 || errno == EINVAL);
	return ret > 0;
}

/*
 * Random headers: each packet is counted as one thing or the other. A tap that
 * refuses some of a batch says so nowhere, but it takes what any tap takes.
 */
TEST_F_TIMEOUT(offload, random, 120)
{
	unsigned int i, rounds = harness_rounds(20000, 600), arrived = 0, good = 0;
	bool tap = variant->options.wire == TVM_WIRE_TAP;
	int judge = tap ? judge_create(self) : -1;
	struct virtio_net_hdr header;
	uint64_t counted;
	uint32_t len;

	srand(61);
	for (i = 0; i < rounds; i++) {
		struct tvm_inet inet = valid[rand() % VALID];

		if (inet.payload > 1400)
			inet.payload = 1400;
		len = tvm_inet_build(&inet, self->sent, &header);
		scribble(&header);
		good += tap && judge_takes(self, judge, &header, len);
		while (send_one(&self->net, &header, self->sent, len)) {
			ASSERT_TRUE(tvm_net_settle(&self->net, 0, harness_scaled(WAIT_MS)));
			arrived += count_far(self);
		}
		/* The far socket has room for some hundreds only. */
		if (i % 64 == 63)
			arrived += count_far(self);
	}
	ASSERT_TRUE(tvm_net_settle(&self->net, 0, harness_scaled(WAIT_MS)));
	usleep(20000);
	arrived += count_far(self);
	EXPECT_GT(arrived, 0U);
	EXPECT_LT(arrived, rounds);
	EXPECT_EQ(tvm_wire_overrun(&self->net.wire), 0UL);
	EXPECT_TRUE(tvm_net_sound(&self->net));
	if (tap) {
		EXPECT_EQ(arrived, good);
		close(judge);
	}
	if (self->net.peer)
		return;
	counted = tvm_net_stat(&self->net, 1, "packets");
	EXPECT_EQ(counted + tvm_net_stat(&self->net, 1, "dropped") +
		  tvm_net_stat(&self->net, 1, "malformed"), (uint64_t)rounds);
	if (variant->options.wire == TVM_WIRE_PACKET)
		EXPECT_EQ(counted, (uint64_t)arrived);
	else
		EXPECT_GE(counted, (uint64_t)arrived);
}

HARNESS_MAIN
