// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network class: headers and hashes
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "../drivers/net/net.h"

static void ack(struct vha_device *dev, unsigned int bit)
{
	dev->acked[bit / 64] |= BIT_ULL(bit % 64);
}

static const struct size_case {
	const char *name;
	int bits[3];
	u32 size;
} size_cases[] = {
	{ "legacy", { -1 }, 10 },
	{ "legacy, mergeable", { VIRTIO_NET_F_MRG_RXBUF, -1 }, 12 },
	{ "modern", { VIRTIO_F_VERSION_1, -1 }, 12 },
	{ "hash", { VIRTIO_F_VERSION_1, VIRTIO_NET_F_HASH_REPORT, -1 }, 20 },
	{ "tunnels out", { VIRTIO_F_VERSION_1, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO, -1 }, 24 },
	{ "tunnels in", { VIRTIO_F_VERSION_1, VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO, -1 }, 24 },
	{ "hash and tunnels",
	  { VIRTIO_NET_F_HASH_REPORT, VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO, -1 }, 24 },
};

KUNIT_ARRAY_PARAM_DESC(size, size_cases, name);

static void size_test(struct kunit *test)
{
	const struct size_case *c = test->param_value;
	struct vha_device *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, dev);
	for (i = 0; i < ARRAY_SIZE(c->bits) && c->bits[i] >= 0; i++)
		ack(dev, c->bits[i]);
	KUNIT_EXPECT_EQ(test, vha_net_header_size(dev), c->size);
}

#define CSUM	VIRTIO_NET_HDR_F_NEEDS_CSUM
#define TCP4	VIRTIO_NET_HDR_GSO_TCPV4
#define TUN4	VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4
#define TUN6	VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6
#define ECN	VIRTIO_NET_HDR_GSO_ECN

static const struct check_case {
	const char *name;
	u8 flags;
	u8 gso_type;
	u16 hdr_len;
	u16 gso_size;
	u16 csum_start;
	u16 csum_offset;
	u32 len;
	bool tunnels;
	int ret;
	u16 hdr_len_after;
} check_cases[] = {
	{ "nothing", 0, 0, 0, 0, 0, 0, 60, false, 0, 0 },
	{ "nothing, but numbers", 0, 0, 0xffff, 0xffff, 0xffff, 0xffff, 60, false, 0, 0xffff },
	{ "checksum", CSUM, 0, 0, 0, 34, 16, 60, false, 0, 52 },
	{ "checksum in a longer header", CSUM, 0, 54, 0, 34, 16, 60, false, 0, 54 },
	{ "checksum at the very end", CSUM, 0, 0, 0, 42, 16, 60, false, 0, 60 },
	{ "checksum half beyond the end", CSUM, 0, 0, 0, 43, 16, 60, false, -EINVAL },
	{ "checksum starts beyond", CSUM, 0, 0, 0, 60, 0, 60, false, -EINVAL },
	{ "checksum wraps 16 bits", CSUM, 0, 0, 0, 0xfff0, 0x20, 60, false, -EINVAL },
	{ "checksum of a long packet", CSUM, 0, 0, 0, 0xfff0, 0x20, 0x20000, false, 0, 0xffff },
	{ "segments", CSUM, TCP4, 54, 1448, 34, 16, 9000, false, 0, 54 },
	{ "segments with ECN", CSUM, TCP4 | ECN, 54, 1448, 34, 16, 9000, false, 0, 54 },
	{ "segments of no size", CSUM, TCP4, 54, 0, 34, 16, 9000, false, -EINVAL },
	{ "ECN alone", 0, ECN, 0, 1448, 0, 0, 9000, false, -EINVAL },
	{ "unknown type", 0, 2, 0, 1448, 0, 0, 9000, false, -EINVAL },
	{ "another unknown type", 0, 0x1f, 0, 1448, 0, 0, 9000, false, -EINVAL },
	{ "tunnel not offered", CSUM, TCP4 | TUN4, 104, 1400, 84, 16, 9000, false, -EINVAL },
	{ "tunnel", CSUM, TCP4 | TUN4, 104, 1400, 84, 16, 9000, true, 0, 104 },
	{ "tunnel of both", CSUM, TCP4 | TUN4 | TUN6, 104, 1400, 84, 16, 9000, true, -EINVAL },
	{ "tunnel of nothing", 0, TUN4, 0, 1400, 0, 0, 9000, true, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(check, check_cases, name);

static __virtio16 le(u16 value)
{
	return (__force __virtio16)cpu_to_le16(value);
}

static void check_test(struct kunit *test)
{
	const struct check_case *c = test->param_value;
	struct virtio_net_hdr header = {
		.flags = c->flags,
		.gso_type = c->gso_type,
		.hdr_len = le(c->hdr_len),
		.gso_size = le(c->gso_size),
		.csum_start = le(c->csum_start),
		.csum_offset = le(c->csum_offset),
	};

	KUNIT_ASSERT_EQ(test, vha_net_header_check(&header, c->len, c->tunnels), c->ret);
	if (c->ret)
		return;
	KUNIT_EXPECT_EQ(test, (__force u16)header.hdr_len, (__force u16)le(c->hdr_len_after));
	KUNIT_EXPECT_EQ(test, header.gso_type, c->gso_type);
	KUNIT_EXPECT_EQ(test, (__force u16)header.csum_start, (__force u16)le(c->csum_start));
}

/* Every byte is written, and none beyond. */
static void tail_test(struct kunit *test)
{
	const u8 expected[] = { 0x02, 0x01, 0x06, 0x05, 0x04, 0x03, 0x08, 0x07, 0, 0, 0xaa };
	const struct vha_net_hash_value hash = { .value = 0x03040506, .report = 0x0708 };
	u8 tail[VHA_NET_TAIL_BYTES + 1];

	KUNIT_ASSERT_EQ(test, sizeof(tail), sizeof(expected));
	KUNIT_EXPECT_EQ(test, VHA_NET_TAIL_OFFSET, 10);
	memset(tail, 0xaa, sizeof(tail));
	vha_net_header_tail(tail, 0x0102, &hash);
	KUNIT_EXPECT_MEMEQ(test, tail, expected, sizeof(tail));
}

/* The key and the packets every description of this hash is verified with. */
static const u8 hash_key[VHA_NET_HASH_KEY_BYTES] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct hash_case {
	const char *name;
	u8 input[12];
	u32 addresses;
	u32 ports;
} hash_cases[] = {
	{ "66.9.149.187:2794 to 161.142.100.80:1766",
	  { 66, 9, 149, 187, 161, 142, 100, 80, 2794 >> 8, 2794 & 0xff, 1766 >> 8, 1766 & 0xff },
	  0x323e8fc2, 0x51ccc178 },
	{ "199.92.111.2:14230 to 65.69.140.83:4739",
	  { 199, 92, 111, 2, 65, 69, 140, 83, 14230 >> 8, 14230 & 0xff, 4739 >> 8, 4739 & 0xff },
	  0xd718262a, 0xc626b0ea },
	{ "24.19.198.95:12898 to 12.22.207.184:38024",
	  { 24, 19, 198, 95, 12, 22, 207, 184, 12898 >> 8, 12898 & 0xff, 38024 >> 8,
	    38024 & 0xff }, 0xd2d0a5de, 0x5c2b394a },
};

KUNIT_ARRAY_PARAM_DESC(hash, hash_cases, name);

static void hash_test(struct kunit *test)
{
	const struct hash_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, vha_net_hash_toeplitz(hash_key, c->input, 8), c->addresses);
	KUNIT_EXPECT_EQ(test, vha_net_hash_toeplitz(hash_key, c->input, 12), c->ports);
}

static struct kunit_case header_cases[] = {
	KUNIT_CASE_PARAM(size_test, size_gen_params),
	KUNIT_CASE_PARAM(check_test, check_gen_params),
	KUNIT_CASE(tail_test),
	KUNIT_CASE_PARAM(hash_test, hash_gen_params),
	{}
};

static struct kunit_suite header_suite = {
	.name = "vha_net_header",
	.test_cases = header_cases,
};

kunit_test_suite(header_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the network class: headers and hashes");
MODULE_LICENSE("GPL");
