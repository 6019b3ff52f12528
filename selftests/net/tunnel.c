// SPDX-License-Identifier: GPL-2.0-only
/*
 * net: segmentation in UDP tunnels: what one guest leaves undone goes over a bridge to
 * another, who gets it as it is or done
 */
#include <arpa/inet.h>
#include <assert.h>
#include <linux/if_tun.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tvm_inet.h"
#include "tvm_net.h"

#ifndef TUN_F_UDP_TUNNEL_GSO
#define TUN_F_UDP_TUNNEL_GSO	0x080
#endif

#define WAIT_MS		10000
#define GSO_TUNNEL_IPV4	0x20
#define VXLAN_PORT	4789
#define VXLAN_BYTES	8U
#define ETH_BYTES	14U
/* Bytes before the inner frame. */
#define OUTER		(ETH_BYTES + sizeof(struct iphdr) + sizeof(struct udphdr) + VXLAN_BYTES)
#define FROM		0U
#define TO		1U

/** struct tunnel_header - the virtio-net header of such a packet, little-endian */
struct tunnel_header {
	struct virtio_net_hdr_v1 base;
	uint32_t hash_value;
	uint16_t hash_report;
	uint16_t padding;
	uint16_t outer_th_offset;
	uint16_t inner_nh_offset;
};

static_assert(sizeof(struct tunnel_header) == TVM_NET_HEADER_MAX, "header");

FIXTURE(tunnel) {
	struct tvm_net net;
	int taps[2];
	struct tunnel_header header;
	uint8_t sent[TVM_FRAME_MAX + 1];
	uint32_t len;
};

FIXTURE_VARIANT(tunnel) {
	struct tvm_net_options options;
};

#define OPTIONS(...)								\
	{ .options = { .pairs = 2, .mergeable = true, .tunnel = true, .stopped = true,	\
		       __VA_ARGS__ } }

FIXTURE_VARIANT_ADD(tunnel, split) OPTIONS(.cfg = { .event_idx = true });
FIXTURE_VARIANT_ADD(tunnel, packed) OPTIONS(.cfg = { .packed = true });

/* What the guest behind a tap can take, beside checksums and plain segments. */
static int take(int tap, unsigned int more)
{
	return ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | more);
}

static void need_tunnels(void)
{
	int tap = tvm_wire_tap("probe", TVM_NET_HEADER_MAX, false), ret;

	ASSERT_GE(tap, 0);
	ret = take(tap, TUN_F_UDP_TUNNEL_GSO);
	close(tap);
	if (ret)
		SKIP("taps of this kernel do not segment in tunnels");
}

FIXTURE_SETUP(tunnel)
{
	static const char * const names[2] = { "from", "to" };
	unsigned int i;

	self->taps[FROM] = -1;
	self->taps[TO] = -1;
	self->net.dev.fd = -1;
	need_tunnels();
	tvm_net_create(&self->net, &variant->options);
	tvm_wire_ip("link add bridge0 mtu 9000 type bridge mcast_snooping 0\n"
		    "link set bridge0 up\n");
	for (i = 0; i < 2; i++) {
		self->taps[i] = tvm_wire_tap(names[i], TVM_NET_HEADER_MAX, false);
		ASSERT_GE(self->taps[i], 0);
		tvm_wire_ip("link set %s mtu 9000 master bridge0 up\n", names[i]);
	}
	for (i = 0; i < 4; i++)
		ASSERT_EQ(tvm_queue_configure(&self->net.vqs[i]), 0);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(tvm_net_backend(&self->net, i, self->taps[i / 2]), 0);
	tvm_net_post(&self->net, TO, ~0U);
	tvm_queue_kick(tvm_net_rx(&self->net, TO));
}

FIXTURE_TEARDOWN(tunnel)
{
	unsigned int i;

	if (self->net.pairs)
		tvm_net_destroy(&self->net);
	for (i = 0; i < 2; i++) {
		if (self->taps[i] >= 0)
			close(self->taps[i]);
	}
}

/* The headers around an inner frame of so many bytes. */
static void build_outer(uint8_t *frame, uint32_t inner)
{
	struct udphdr udp = {
		.source = htons(50000), .dest = htons(VXLAN_PORT),
		.len = htons(sizeof(udp) + VXLAN_BYTES + inner),
	};
	struct iphdr ip = {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
		.tot_len = htons(sizeof(ip) + sizeof(udp) + VXLAN_BYTES + inner),
		.saddr = htonl(0x0a4e0001), .daddr = htonl(0x0a4e0002),
	};
	static const uint8_t vxlan[VXLAN_BYTES] = { 0x08, 0, 0, 0, 0, 0, 7, 0 };

	/* As the inner frame's: addresses of no interface here. */
	memcpy(frame, frame + OUTER, ETH_BYTES);
	frame[12] = 0x08;
	frame[13] = 0x00;
	memcpy(frame + ETH_BYTES, &ip, sizeof(ip));
	memcpy(frame + ETH_BYTES + sizeof(ip), &udp, sizeof(udp));
	memcpy(frame + OUTER - VXLAN_BYTES, vxlan, VXLAN_BYTES);
}

/* Sends a packet to be cut in a tunnel from one guest to the other. */
static void send_packet(struct tunnel_fixture *self, const struct tvm_inet *inet)
{
	struct virtio_net_hdr inner;
	uint32_t len = tvm_inet_build(inet, self->sent + OUTER, &inner);

	build_outer(self->sent, len);
	self->len = OUTER + len;
	self->header = (struct tunnel_header){
		.base = {
			.flags = inner.flags, .gso_type = inner.gso_type | GSO_TUNNEL_IPV4,
			.gso_size = inner.gso_size, .hdr_len = OUTER + inner.hdr_len,
			.csum_start = OUTER + inner.csum_start,
			.csum_offset = inner.csum_offset,
		},
		.outer_th_offset = ETH_BYTES + sizeof(struct iphdr),
		.inner_nh_offset = OUTER + ETH_BYTES,
	};
	ASSERT_EQ(tvm_net_send(&self->net, FROM, &self->header, self->sent, self->len), 0);
	tvm_queue_kick(tvm_net_tx(&self->net, FROM));
}

/* The next packet of the other guest; the bridge may have some of its own to send. */
static void receive(struct tunnel_fixture *self, struct tvm_net_packet *packet)
{
	do {
		tvm_net_post(&self->net, TO, ~0U);
		tvm_queue_kick(tvm_net_rx(&self->net, TO));
		ASSERT_EQ(tvm_net_wait(&self->net, TO, packet, harness_scaled(WAIT_MS)), 0);
	} while (packet->len < ETH_BYTES || memcmp(packet->frame, self->sent, ETH_BYTES));
}

static const struct tvm_inet packets[] = {
	{ .payload = 4000, .partial = true, .gso_size = 1400 },
	{ .payload = 60000, .partial = true, .gso_size = 1300 },
	{ .payload = 20000, .partial = true, .gso_size = 1000, .ipv6 = true },
};

#define PACKETS	(sizeof(packets) / sizeof(packets[0]))

/* Who can take it gets it whole, and all of the header with it. */
TEST_F(tunnel, whole)
{
	struct tvm_net_packet packet;
	struct tunnel_header got;
	unsigned int i;

	ASSERT_EQ(take(self->taps[TO], TUN_F_UDP_TUNNEL_GSO), 0);
	for (i = 0; i < PACKETS; i++) {
		send_packet(self, &packets[i]);
		receive(self, &packet);
		EXPECT_EQ(packet.len, self->len);
		EXPECT_TRUE(packet.len == self->len &&
			    !memcmp(packet.frame, self->sent, self->len));
		memcpy(&got, packet.bytes, sizeof(got));
		EXPECT_EQ(got.base.flags, self->header.base.flags);
		EXPECT_EQ(got.base.gso_type, self->header.base.gso_type);
		EXPECT_EQ(got.base.gso_size, self->header.base.gso_size);
		EXPECT_EQ(got.base.csum_start, self->header.base.csum_start);
		EXPECT_EQ(got.base.csum_offset, self->header.base.csum_offset);
		EXPECT_EQ(got.outer_th_offset, self->header.outer_th_offset);
		EXPECT_EQ(got.inner_nh_offset, self->header.inner_nh_offset);
		EXPECT_EQ(got.hash_report, 0);
		EXPECT_EQ(got.base.num_buffers, packet.buffers);
	}
	EXPECT_TRUE(tvm_net_sound(&self->net));
	EXPECT_EQ(tvm_net_stat(&self->net, 2 * FROM + 1, "malformed"), 0L);
}

/* Each piece is a tunnel's packet of its own, with all sums right. */
static void check_piece(struct tunnel_fixture *self, const struct tvm_net_packet *packet,
			uint32_t before)
{
	struct iphdr ip;

	memcpy(&ip, packet->frame + ETH_BYTES, sizeof(ip));
	EXPECT_EQ(ntohs(ip.tot_len) + ETH_BYTES, packet->len);
	EXPECT_EQ(packet->header.gso_type, 0);
	EXPECT_EQ(packet->header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, 0);
	EXPECT_TRUE(!memcmp(packet->frame + OUTER - VXLAN_BYTES, self->sent + OUTER - VXLAN_BYTES,
			    VXLAN_BYTES));
	EXPECT_LE(packet->len - before, self->header.base.gso_size);
	EXPECT_TRUE(tvm_inet_sums_right(packet->frame + OUTER, packet->len - OUTER));
}

/* Who can not take it gets it cut. */
TEST_F(tunnel, cut)
{
	struct tvm_net_packet packet;
	uint32_t before, rest;
	unsigned int i;

	ASSERT_EQ(ioctl(self->taps[TO], TUNSETOFFLOAD, 0), 0);
	for (i = 0; i < PACKETS; i++) {
		send_packet(self, &packets[i]);
		before = OUTER + tvm_inet_headers(&packets[i]);
		for (rest = self->len - before; rest; rest -= packet.len - before) {
			receive(self, &packet);
			ASSERT_TRUE(packet.len > before && packet.len - before <= rest);
			check_piece(self, &packet, before);
			EXPECT_TRUE(!memcmp(packet.frame + before, self->sent + self->len - rest,
					    packet.len - before));
		}
	}
	EXPECT_TRUE(tvm_net_sound(&self->net));
}

/* Offsets that make no sense: none of them leaves, the next good packet does. */
TEST_F(tunnel, senseless)
{
	static const uint16_t offsets[][2] = {
		{ 0, OUTER + ETH_BYTES }, { 33, OUTER + ETH_BYTES }, { 34, 41 },
		{ 34, OUTER + ETH_BYTES + 1 }, { 0xffff, 0xffff }, { OUTER, 34 },
	};
	struct tvm_net_packet packet;
	unsigned int i;

	ASSERT_EQ(take(self->taps[TO], TUN_F_UDP_TUNNEL_GSO), 0);
	send_packet(self, &packets[0]);
	receive(self, &packet);
	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		struct tunnel_header bad = self->header;

		bad.outer_th_offset = offsets[i][0];
		bad.inner_nh_offset = offsets[i][1];
		ASSERT_EQ(tvm_net_send(&self->net, FROM, &bad, self->sent, self->len), 0);
		tvm_queue_kick(tvm_net_tx(&self->net, FROM));
	}
	send_packet(self, &packets[1]);
	receive(self, &packet);
	EXPECT_EQ(packet.len, self->len);
	EXPECT_TRUE(tvm_net_settle(&self->net, FROM, harness_scaled(WAIT_MS)));
	EXPECT_TRUE(tvm_net_sound(&self->net));
}

HARNESS_MAIN
