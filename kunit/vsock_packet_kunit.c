// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket class: what becomes of packets, and how much may be on its way
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include "../drivers/vsock/packet.h"

#define GUEST	42

/* What becomes of a packet. */

struct packet_case {
	const char *name;
	u64 src;
	u64 dst;
	u16 type;
	u16 op;
	u32 len;
	u32 flags;
	u32 room;
	enum vha_vsock_verdict verdict;
};

#define STREAM		VIRTIO_VSOCK_TYPE_STREAM
#define SEQPACKET	VIRTIO_VSOCK_TYPE_SEQPACKET
#define RW		VIRTIO_VSOCK_OP_RW
#define REQUEST		VIRTIO_VSOCK_OP_REQUEST
#define EOM		VIRTIO_VSOCK_SEQ_EOM
#define PACKET_MAX	VIRTIO_VSOCK_MAX_PKT_BUF_SIZE

static const struct packet_case packet_cases[] = {
	{ "request", GUEST, 2, STREAM, REQUEST, 0, 0, 0, VHA_VSOCK_DELIVER },
	{ "request with data", GUEST, 2, STREAM, REQUEST, 9, 0, 9, VHA_VSOCK_DELIVER },
	{ "request that lies", GUEST, 2, STREAM, REQUEST, 9, 0, 0, VHA_VSOCK_DELIVER },
	{ "unknown type", GUEST, 2, 7, REQUEST, 0, 0, 0, VHA_VSOCK_DELIVER },
	{ "unknown operation", GUEST, 2, STREAM, 99, 0, 0, 0, VHA_VSOCK_DELIVER },
	{ "data", GUEST, 2, STREAM, RW, 1, 0, 1, VHA_VSOCK_DELIVER },
	{ "data and more", GUEST, 2, STREAM, RW, 1, 0, 100, VHA_VSOCK_DELIVER },
	{ "most data", GUEST, 2, STREAM, RW, PACKET_MAX, 0, PACKET_MAX, VHA_VSOCK_DELIVER },
	{ "too much data", GUEST, 2, STREAM, RW, PACKET_MAX + 1, 0, PACKET_MAX + 1,
	  VHA_VSOCK_RESET },
	{ "one byte short", GUEST, 2, STREAM, RW, 10, 0, 9, VHA_VSOCK_RESET },
	{ "all bytes short", GUEST, 2, STREAM, RW, 1, 0, 0, VHA_VSOCK_RESET },
	{ "largest length", GUEST, 2, STREAM, RW, U32_MAX, 0, 64, VHA_VSOCK_RESET },
	{ "no data", GUEST, 2, STREAM, RW, 0, 0, 0, VHA_VSOCK_IGNORE },
	{ "no data, end of message", GUEST, 2, STREAM, RW, 0, EOM, 0, VHA_VSOCK_IGNORE },
	{ "empty part", GUEST, 2, SEQPACKET, RW, 0, 0, 0, VHA_VSOCK_IGNORE },
	{ "empty message", GUEST, 2, SEQPACKET, RW, 0, EOM, 0, VHA_VSOCK_DELIVER },
	{ "other guest", GUEST + 1, 2, STREAM, RW, 1, 0, 1, VHA_VSOCK_SPOOFED },
	{ "the host itself", 2, 2, STREAM, RW, 1, 0, 1, VHA_VSOCK_SPOOFED },
	{ "source zero", 0, 2, STREAM, RW, 1, 0, 1, VHA_VSOCK_SPOOFED },
	{ "upper bits of source", GUEST | 1ULL << 32, 2, STREAM, RW, 1, 0, 1,
	  VHA_VSOCK_SPOOFED },
	{ "hypervisor", GUEST, 0, STREAM, REQUEST, 0, 0, 0, VHA_VSOCK_NOWHERE },
	{ "local", GUEST, 1, STREAM, REQUEST, 0, 0, 0, VHA_VSOCK_NOWHERE },
	{ "any", GUEST, U32_MAX, STREAM, REQUEST, 0, 0, 0, VHA_VSOCK_NOWHERE },
	{ "upper bits of host", GUEST, 2 | 1ULL << 32, STREAM, REQUEST, 0, 0, 0,
	  VHA_VSOCK_NOWHERE },
	{ "all bits", GUEST, U64_MAX, STREAM, REQUEST, 0, 0, 0, VHA_VSOCK_NOWHERE },
	{ "sibling", GUEST, 3, STREAM, REQUEST, 0, 0, 0, VHA_VSOCK_FORWARD },
	{ "last sibling", GUEST, U32_MAX - 1, STREAM, RW, 5, 0, 5, VHA_VSOCK_FORWARD },
	{ "lie to a sibling", GUEST, 3, STREAM, RW, 5, 0, 4, VHA_VSOCK_RESET },
	{ "upper bits of sibling", GUEST, 3 | 1ULL << 63, STREAM, RW, 5, 0, 5,
	  VHA_VSOCK_NOWHERE },
};

static void packet_desc(const struct packet_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(packet, packet_cases, packet_desc);

static void packet_header(const struct packet_case *c, struct virtio_vsock_hdr *hdr)
{
	*hdr = (struct virtio_vsock_hdr) {
		.src_cid = cpu_to_le64(c->src),
		.dst_cid = cpu_to_le64(c->dst),
		.src_port = cpu_to_le32(1000),
		.dst_port = cpu_to_le32(2000),
		.len = cpu_to_le32(c->len),
		.type = cpu_to_le16(c->type),
		.op = cpu_to_le16(c->op),
		.flags = cpu_to_le32(c->flags),
	};
}

static void packet_test(struct kunit *test)
{
	const struct packet_case *c = test->param_value;
	struct virtio_vsock_hdr hdr;

	packet_header(c, &hdr);
	KUNIT_EXPECT_EQ(test, vha_vsock_check(&hdr, GUEST, c->room), c->verdict);
	KUNIT_EXPECT_EQ(test, vha_vsock_payload(&hdr), c->op == RW ? c->len : 0);
	/* Without a CID a guest can not be who it says. */
	KUNIT_EXPECT_EQ(test, vha_vsock_check(&hdr, 0, c->room), VHA_VSOCK_SPOOFED);
}

/* Whatever the header says, what is delivered fits the buffer. */
static void packet_random_test(struct kunit *test)
{
	struct virtio_vsock_hdr hdr;
	struct rnd_state random;
	unsigned int i;

	prandom_seed_state(&random, 0x5eed);
	for (i = 0; i < 100000; i++) {
		enum vha_vsock_verdict verdict;
		u32 room;

		prandom_bytes_state(&random, &hdr, sizeof(hdr));
		room = prandom_u32_state(&random) >> (prandom_u32_state(&random) % 32);
		if (i & 1)
			hdr.src_cid = cpu_to_le64(GUEST);
		if (i & 2)
			hdr.dst_cid = cpu_to_le64(i & 4 ? VMADDR_CID_HOST : 77);
		if (i & 8)
			hdr.op = cpu_to_le16(RW);
		verdict = vha_vsock_check(&hdr, GUEST, room);
		if (verdict != VHA_VSOCK_DELIVER && verdict != VHA_VSOCK_FORWARD)
			continue;
		KUNIT_ASSERT_LE(test, vha_vsock_payload(&hdr), room);
		KUNIT_ASSERT_LE(test, vha_vsock_payload(&hdr), PACKET_MAX);
		KUNIT_ASSERT_EQ(test, le64_to_cpu(hdr.src_cid), GUEST);
		KUNIT_ASSERT_LT(test, le64_to_cpu(hdr.dst_cid), U32_MAX);
	}
}

static void cid_test(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, vha_vsock_cid_valid(0));
	KUNIT_EXPECT_FALSE(test, vha_vsock_cid_valid(1));
	KUNIT_EXPECT_FALSE(test, vha_vsock_cid_valid(2));
	KUNIT_EXPECT_TRUE(test, vha_vsock_cid_valid(3));
	KUNIT_EXPECT_TRUE(test, vha_vsock_cid_valid(U32_MAX - 1));
	KUNIT_EXPECT_FALSE(test, vha_vsock_cid_valid(U32_MAX));
	KUNIT_EXPECT_FALSE(test, vha_vsock_cid_valid(1ULL << 32));
	KUNIT_EXPECT_FALSE(test, vha_vsock_cid_valid((1ULL << 32) + 3));
	KUNIT_EXPECT_FALSE(test, vha_vsock_cid_valid(U64_MAX));
}

/* Pieces of every size add up, and the last one alone ends the message. */
static void piece_test(struct kunit *test)
{
	const u32 flags = VIRTIO_VSOCK_SEQ_EOM | VIRTIO_VSOCK_SEQ_EOR;
	u32 total, room;

	for (total = 0; total < 40; total++) {
		for (room = 1; room < 45; room++) {
			u32 left = total;

			do {
				struct virtio_vsock_hdr hdr = { .flags = cpu_to_le32(flags) };
				u32 len = vha_vsock_piece(&hdr, left, room);

				KUNIT_ASSERT_EQ(test, len, min(left, room));
				KUNIT_ASSERT_EQ(test, le32_to_cpu(hdr.len), len);
				left -= len;
				KUNIT_ASSERT_EQ(test, le32_to_cpu(hdr.flags), left ? 0 : flags);
			} while (left);
		}
	}
}

static void reset_test(struct kunit *test)
{
	struct virtio_vsock_hdr hdr, reset;
	struct packet_case c = { .src = GUEST, .dst = 3, .type = SEQPACKET, .op = RW, .len = 8 };

	packet_header(&c, &hdr);
	hdr.buf_alloc = cpu_to_le32(1);
	memset(&reset, 0xff, sizeof(reset));
	vha_vsock_make_reset(&reset, &hdr);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(reset.src_cid), 3);
	KUNIT_EXPECT_EQ(test, le64_to_cpu(reset.dst_cid), GUEST);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(reset.src_port), 2000);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(reset.dst_port), 1000);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(reset.type), SEQPACKET);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(reset.op), VIRTIO_VSOCK_OP_RST);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(reset.len), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(reset.flags), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(reset.buf_alloc), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(reset.fwd_cnt), 0);
}

/* Credit: a model of a peer that says anything, against the kernel's own code. */

#define CREDIT_VALUES	5

static const u32 credit_values[CREDIT_VALUES] = {
	0, 1, 100, 1U << 31, U32_MAX,
};

struct credit {
	struct vsock_sock *vsk;
	struct virtio_vsock_sock vvs;
	u32 granted;
	u64 unsent;
};

static void credit_init(struct kunit *test, struct credit *credit)
{
	memset(credit, 0, sizeof(*credit));
	spin_lock_init(&credit->vvs.tx_lock);
	spin_lock_init(&credit->vvs.rx_lock);
	credit->vsk = kunit_kzalloc(test, sizeof(*credit->vsk), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, credit->vsk);
	credit->vsk->trans = &credit->vvs;
}

static void credit_restart(struct credit *credit)
{
	struct virtio_vsock_sock *vvs = &credit->vvs;

	vvs->tx_cnt = 0;
	vvs->peer_fwd_cnt = 0;
	vvs->peer_buf_alloc = 0;
	vvs->buf_alloc = 0;
	vvs->bytes_unsent = 0;
	credit->granted = 0;
	credit->unsent = 0;
}

static void credit_grant(struct kunit *test, struct credit *credit, u32 want)
{
	struct virtio_vsock_sock *vvs = &credit->vvs;
	u32 limit = min(vvs->buf_alloc, vvs->peer_buf_alloc);
	u32 before = vvs->tx_cnt - vvs->peer_fwd_cnt;
	s64 space = virtio_transport_stream_has_space(credit->vsk);
	u32 got = virtio_transport_get_credit(vvs, want);
	u32 flight = vvs->tx_cnt - vvs->peer_fwd_cnt;

	credit->granted = got;
	credit->unsent += got;
	KUNIT_ASSERT_GE(test, space, 0);
	KUNIT_ASSERT_LE(test, got, want);
	KUNIT_ASSERT_LE(test, got, space);
	KUNIT_ASSERT_EQ(test, (u64)flight, (u64)before + got);
	if (before >= limit)
		KUNIT_ASSERT_EQ(test, got, 0);
	else
		KUNIT_ASSERT_LE(test, flight, limit);
	/* What a socket may send is never more than its credit. */
	KUNIT_ASSERT_LE(test, vha_vsock_space(space, credit->unsent, vvs->buf_alloc), space);
}

/* Operation @op of the model; there are CREDIT_VALUES of each of four kinds. */
static void credit_step(struct kunit *test, struct credit *credit, unsigned int op)
{
	struct virtio_vsock_sock *vvs = &credit->vvs;
	u32 value = credit_values[op % CREDIT_VALUES];

	switch (op / CREDIT_VALUES) {
	case 0:
		vvs->peer_buf_alloc = value;
		break;
	case 1:
		vvs->peer_fwd_cnt += value;
		break;
	case 2:
		vvs->buf_alloc = value;
		break;
	case 3:
		credit_grant(test, credit, value);
		break;
	default:
		virtio_transport_put_credit(vvs, credit->granted);
		credit->unsent -= credit->granted;
		credit->granted = 0;
		break;
	}
	KUNIT_ASSERT_EQ(test, vvs->bytes_unsent, credit->unsent);
}

#define CREDIT_OPS	(4 * CREDIT_VALUES + 1)

/* All sequences of four operations. */
static void credit_model_test(struct kunit *test)
{
	struct credit *credit = kunit_kzalloc(test, sizeof(*credit), GFP_KERNEL);
	unsigned int sequence, rest, i;

	KUNIT_ASSERT_NOT_NULL(test, credit);
	credit_init(test, credit);
	for (sequence = 0; sequence < CREDIT_OPS * CREDIT_OPS * CREDIT_OPS * CREDIT_OPS;
	     sequence++) {
		credit_restart(credit);
		for (i = 0, rest = sequence; i < 4; i++, rest /= CREDIT_OPS)
			credit_step(test, credit, rest % CREDIT_OPS);
		/* Whatever happened, one more grant keeps to the rule. */
		credit_grant(test, credit, U32_MAX);
		cond_resched();
	}
}

/* Long ones, with any numbers. */
static void credit_random_test(struct kunit *test)
{
	struct credit *credit = kunit_kzalloc(test, sizeof(*credit), GFP_KERNEL);
	struct rnd_state random;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, credit);
	credit_init(test, credit);
	prandom_seed_state(&random, 0xc4ed17);
	for (i = 0; i < 200000; i++) {
		u32 value = prandom_u32_state(&random) >> (prandom_u32_state(&random) % 32);

		switch (prandom_u32_state(&random) % 4) {
		case 0:
			credit->vvs.peer_buf_alloc = value;
			break;
		case 1:
			credit->vvs.peer_fwd_cnt = credit->vvs.tx_cnt - value;
			break;
		case 2:
			credit->vvs.buf_alloc = value;
			break;
		default:
			credit_grant(test, credit, value);
			break;
		}
		if (!(i % 1000))
			credit_restart(credit);
	}
}

static void space_test(struct kunit *test)
{
	const u64 buffer = 256 * 1024;
	const u64 limit = 2 * buffer + PACKET_MAX;

	KUNIT_EXPECT_EQ(test, vha_vsock_space(5, 0, buffer), 5);
	KUNIT_EXPECT_EQ(test, vha_vsock_space(0, 0, buffer), 0);
	KUNIT_EXPECT_EQ(test, vha_vsock_space(5, limit - 1, buffer), 5);
	KUNIT_EXPECT_EQ(test, vha_vsock_space(5, limit, buffer), 0);
	KUNIT_EXPECT_EQ(test, vha_vsock_space(5, U64_MAX, buffer), 0);
	KUNIT_EXPECT_EQ(test, vha_vsock_space(5, 0, 0), 5);
	KUNIT_EXPECT_EQ(test, vha_vsock_space(U32_MAX, 1ULL << 31, U32_MAX), U32_MAX);
}

static struct kunit_case packet_kunit_cases[] = {
	KUNIT_CASE_PARAM(packet_test, packet_gen_params),
	KUNIT_CASE(packet_random_test),
	KUNIT_CASE(cid_test),
	KUNIT_CASE(piece_test),
	KUNIT_CASE(reset_test),
	KUNIT_CASE_SLOW(credit_model_test),
	KUNIT_CASE(credit_random_test),
	KUNIT_CASE(space_test),
	{}
};

static struct kunit_suite packet_suite = {
	.name = "vha_vsock_packet",
	.test_cases = packet_kunit_cases,
};

kunit_test_suite(packet_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the socket device class: packets and credit");
MODULE_LICENSE("GPL");
