// SPDX-License-Identifier: GPL-2.0-only
/*
 * net: the hash reported with received packets
 *
 * Addresses, ports and results are those that Microsoft published to verify
 * implementations of receive-side scaling with.
 */
#include <stdlib.h>

#include "tvm_inet.h"
#include "tvm_traffic.h"

#define WAIT_MS		5000
#define IPV4		(1U << 0)
#define TCPV4		(1U << 1)
#define UDPV4		(1U << 2)
#define IPV6		(1U << 3)
#define TCPV6		(1U << 4)
#define UDPV6		(1U << 5)

enum report { NONE, REPORT_IPV4, REPORT_TCPV4, REPORT_UDPV4, REPORT_IPV6, REPORT_TCPV6,
	      REPORT_UDPV6 };

static const uint8_t key[VHA_NET_HASH_KEY_BYTES] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const uint8_t ipv4[12] = { 66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6 };
static const uint8_t ipv6[36] = {
	0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 0x07,
	0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03, 0, 0, 0, 0, 0, 0, 0, 0x01,
	0x0a, 0xea, 0x06, 0xe6,
};

FIXTURE(hash) {
	struct tvm_net net;
	uint8_t frame[2048];
};

FIXTURE_VARIANT(hash) {
	struct tvm_net_options options;
};

#define OPTIONS(...)								\
	{ .options = { .features = TVM_BIT(VIRTIO_NET_F_HASH_REPORT), __VA_ARGS__ } }

FIXTURE_VARIANT_ADD(hash, split) OPTIONS(.mergeable = true, .rx_len = 200);
FIXTURE_VARIANT_ADD(hash, packed) OPTIONS(.cfg = { .packed = true });
FIXTURE_VARIANT_ADD(hash, packed_bare) OPTIONS(.cfg = { .packed = true }, .bare = true);

FIXTURE_SETUP(hash)
{
	tvm_net_create(&self->net, &variant->options);
}

FIXTURE_TEARDOWN(hash)
{
	tvm_net_destroy(&self->net);
}

static int set(struct hash_fixture *self, uint32_t types)
{
	struct vha_net_hash hash = { .types = types };

	memcpy(hash.key, key, sizeof(key));
	return tvm_dev_ioctl(&self->net.dev, VHA_NET_SET_HASH, &hash);
}

/* Sends a packet with the published addresses, and looks at what its header says. */
static void expect(struct hash_fixture *self, bool six, bool udp, uint16_t report,
		   uint32_t value)
{
	const struct tvm_inet inet = { .ipv6 = six, .udp = udp, .payload = 600 };
	struct tvm_net_packet packet;
	struct virtio_net_hdr header;
	uint16_t got_report, pad;
	uint32_t len, got_value;

	len = tvm_inet_build(&inet, self->frame, &header);
	if (six)
		memcpy(self->frame + 14 + 8, ipv6, sizeof(ipv6));
	else
		memcpy(self->frame + 14 + 12, ipv4, sizeof(ipv4));
	tvm_net_post(&self->net, 0, ~0U);
	tvm_queue_kick(tvm_net_rx(&self->net, 0));
	ASSERT_EQ(tvm_wire_send(&self->net.wire, &header, self->frame, len), 0);
	ASSERT_EQ(tvm_net_wait(&self->net, 0, &packet, harness_scaled(WAIT_MS)), 0);
	ASSERT_EQ(packet.len, len);
	EXPECT_TRUE(!memcmp(packet.frame, self->frame, len));
	memcpy(&got_value, packet.bytes + 12, 4);
	memcpy(&got_report, packet.bytes + 16, 2);
	memcpy(&pad, packet.bytes + 18, 2);
	EXPECT_EQ(got_report, report);
	EXPECT_EQ(got_value, value);
	EXPECT_EQ(pad, 0);
}

TEST_F(hash, published)
{
	expect(self, false, false, NONE, 0);
	ASSERT_EQ(set(self, IPV4 | TCPV4 | UDPV4 | IPV6 | TCPV6 | UDPV6), 0);
	expect(self, false, false, REPORT_TCPV4, 0x51ccc178);
	expect(self, false, true, REPORT_UDPV4, 0x51ccc178);
	expect(self, true, false, REPORT_TCPV6, 0x40207d3d);
	expect(self, true, true, REPORT_UDPV6, 0x40207d3d);
	ASSERT_EQ(set(self, IPV4 | IPV6), 0);
	expect(self, false, false, REPORT_IPV4, 0x323e8fc2);
	expect(self, true, true, REPORT_IPV6, 0x2cc18cd5);
	ASSERT_EQ(set(self, TCPV4 | IPV6), 0);
	expect(self, false, true, NONE, 0);
	expect(self, true, false, REPORT_IPV6, 0x2cc18cd5);
	ASSERT_EQ(set(self, 0), 0);
	expect(self, false, false, NONE, 0);
	EXPECT_TRUE(tvm_net_sound(&self->net));
}

TEST_F(hash, refused)
{
	struct vha_net_hash hash = { .types = TCPV4, .reserved = 1 };

	ASSERT_EQ(set(self, TCPV4), 0);
	EXPECT_EQ(tvm_dev_ioctl(&self->net.dev, VHA_NET_SET_HASH, &hash), -EINVAL);
	EXPECT_EQ(set(self, TCPV4 | 1U << 6), -EINVAL);
	EXPECT_EQ(set(self, ~0U), -EINVAL);
	EXPECT_EQ(tvm_dev_ioctl(&self->net.dev, VHA_NET_SET_HASH, (void *)8), -EFAULT);
	/* The last good one holds. */
	expect(self, false, false, REPORT_TCPV4, 0x51ccc178);
	ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHA_RESET, NULL), 0);
}

/* What no type is for has no hash. */
TEST_F(hash, other)
{
	struct tvm_traffic *traffic = calloc(1, sizeof(*traffic));

	ASSERT_TRUE(traffic);
	ASSERT_EQ(set(self, IPV4 | TCPV4 | UDPV4 | IPV6 | TCPV6 | UDPV6), 0);
	tvm_traffic_init(traffic, &self->net, 0);
	ASSERT_TRUE(tvm_traffic_run(traffic, 50, 50));
	tvm_traffic_check(traffic);
	free(traffic);
}

HARNESS_MAIN
