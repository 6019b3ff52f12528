// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket class: packets that take turns
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include "../drivers/vsock/sched.h"

#define STREAM		VIRTIO_VSOCK_TYPE_STREAM
#define SEQPACKET	VIRTIO_VSOCK_TYPE_SEQPACKET
#define RW		VIRTIO_VSOCK_OP_RW
#define UPDATE		VIRTIO_VSOCK_OP_CREDIT_UPDATE
#define RST		VIRTIO_VSOCK_OP_RST

#define GUEST		42

struct bed {
	struct vha_vsock_sched sched;
	struct sock *sk[2];
};

static void bed_release(void *data)
{
	struct bed *bed = data;

	vha_vsock_sched_purge(&bed->sched);
}

static struct bed *bed_create(struct kunit *test)
{
	struct bed *bed = kunit_kzalloc(test, sizeof(*bed), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, bed);
	vha_vsock_sched_init(&bed->sched);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, bed_release, bed), 0);
	/* Nothing looks inside. */
	for (i = 0; i < ARRAY_SIZE(bed->sk); i++)
		bed->sk[i] = kunit_kzalloc(test, sizeof(struct sock), GFP_KERNEL);
	return bed;
}

static void socket_let_go(struct sk_buff *skb)
{
}

/* A packet from port @port with a number in its header and, twice, in its data. */
static struct sk_buff *packet(struct kunit *test, struct sock *sk, u32 port, u16 type, u16 op,
			      u32 len, u32 number)
{
	struct sk_buff *skb;

	skb = virtio_vsock_alloc_linear_skb(VIRTIO_VSOCK_SKB_HEADROOM + len, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	*virtio_vsock_hdr(skb) = (struct virtio_vsock_hdr) {
		.src_cid = cpu_to_le64(VMADDR_CID_HOST),
		.dst_cid = cpu_to_le64(GUEST),
		.src_port = cpu_to_le32(port),
		.dst_port = cpu_to_le32(1024),
		.len = cpu_to_le32(len),
		.type = cpu_to_le16(type),
		.op = cpu_to_le16(op),
		.fwd_cnt = cpu_to_le32(number),
	};
	if (len) {
		virtio_vsock_skb_put(skb, len);
		memset(skb->data, number, len);
	}
	if (sk) {
		skb->sk = sk;
		skb->destructor = socket_let_go;
	}
	return skb;
}

static unsigned int add(struct kunit *test, struct bed *bed, u32 port, u16 op, u32 len,
			u32 number)
{
	return vha_vsock_sched_add(&bed->sched,
				   packet(test, bed->sk[0], port, STREAM, op, len, number));
}

static u32 port_of(struct sk_buff *skb)
{
	return le32_to_cpu(virtio_vsock_hdr(skb)->src_port);
}

static u32 number_of(struct sk_buff *skb)
{
	return le32_to_cpu(virtio_vsock_hdr(skb)->fwd_cnt);
}

static void finish(struct bed *bed, struct sk_buff *skb)
{
	vha_vsock_sched_done(&bed->sched, skb, sizeof(struct virtio_vsock_hdr) + skb->len);
	consume_skb(skb);
}

static void expect_next(struct kunit *test, struct bed *bed, u32 port, u32 number)
{
	struct sk_buff *skb = vha_vsock_sched_take(&bed->sched);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_EXPECT_EQ(test, port_of(skb), port);
	KUNIT_EXPECT_EQ(test, number_of(skb), number);
	finish(bed, skb);
}

static void expect_empty(struct kunit *test, struct bed *bed)
{
	KUNIT_EXPECT_NULL(test, vha_vsock_sched_take(&bed->sched));
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 0);
	KUNIT_EXPECT_EQ(test, bed->sched.bytes, 0);
	KUNIT_EXPECT_TRUE(test, hash_empty(bed->sched.flows));
}

static void order_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	u32 i;

	expect_empty(test, bed);
	for (i = 0; i < 20; i++)
		add(test, bed, 1, RW, 1000, i);
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 20);
	for (i = 0; i < 20; i++)
		expect_next(test, bed, 1, i);
	expect_empty(test, bed);
}

/* Two busy flows: none sends more than a turn, and the packet it ends in. */
static void turns_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	u32 i, run = 0, last = 0, count[3] = {};
	struct sk_buff *skb;

	for (i = 0; i < 40; i++) {
		add(test, bed, 1, RW, SZ_4K, i);
		add(test, bed, 2, RW, SZ_4K, i);
	}
	while ((skb = vha_vsock_sched_take(&bed->sched))) {
		u32 port = port_of(skb);

		run = port == last ? run + skb->len : skb->len;
		last = port;
		KUNIT_EXPECT_EQ(test, number_of(skb), count[port]++);
		/* At the end there is nobody else left. */
		if (count[1] < 40 && count[2] < 40)
			KUNIT_EXPECT_LE(test, run, VHA_VSOCK_TURN + SZ_4K);
		finish(bed, skb);
	}
	KUNIT_EXPECT_EQ(test, count[1], 40);
	KUNIT_EXPECT_EQ(test, count[2], 40);
	expect_empty(test, bed);
}

/* What was idle comes next, though others have much to send. */
static void idle_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	u32 i;

	for (i = 0; i < 30; i++)
		add(test, bed, 1, RW, SZ_4K, i);
	for (i = 0; i < 10; i++)
		expect_next(test, bed, 1, i);
	add(test, bed, 2, RW, 100, 0);
	expect_next(test, bed, 2, 0);
	expect_next(test, bed, 1, 10);
	/* Again, after it had a turn of its own. */
	for (i = 11; i < 20; i++)
		expect_next(test, bed, 1, i);
	add(test, bed, 2, RW, 100, 1);
	expect_next(test, bed, 2, 1);
}

/* Connections that come and go do not keep a busy one from its turn. */
static void newcomers_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	u32 i, port = 100, ahead = 0, worst = 0;

	for (i = 0; i < 30; i++)
		add(test, bed, 1, RW, SZ_4K, i);
	/* Into the list of those that take turns. */
	for (i = 0; i < 5; i++)
		expect_next(test, bed, 1, i);
	for (i = 0; i < 1000; i++) {
		struct sk_buff *skb;

		add(test, bed, port++, RW, 1000, 0);
		add(test, bed, port++, RW, 1000, 0);
		skb = vha_vsock_sched_take(&bed->sched);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		ahead = port_of(skb) == 1 ? 0 : ahead + skb->len;
		worst = max(worst, ahead);
		finish(bed, skb);
	}
	KUNIT_EXPECT_LE(test, worst, 5 * VHA_VSOCK_TURN);
}

/* A packet that goes in pieces lets others in between, and keeps its place. */
static void pieces_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	struct sk_buff *skb, *first;

	add(test, bed, 1, RW, SZ_32K, 0);
	add(test, bed, 1, RW, 200, 1);
	first = vha_vsock_sched_take(&bed->sched);
	KUNIT_ASSERT_NOT_NULL(test, first);
	vha_vsock_sched_put(&bed->sched, first, SZ_4K);
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 2);
	skb = vha_vsock_sched_take(&bed->sched);
	KUNIT_EXPECT_PTR_EQ(test, skb, first);
	/* Its turn is over. */
	vha_vsock_sched_put(&bed->sched, first, SZ_16K);
	add(test, bed, 2, RW, 200, 7);
	expect_next(test, bed, 2, 7);
	skb = vha_vsock_sched_take(&bed->sched);
	KUNIT_EXPECT_PTR_EQ(test, skb, first);
	/* A buffer that was of no use costs nothing. */
	vha_vsock_sched_put(&bed->sched, first, 0);
	skb = vha_vsock_sched_take(&bed->sched);
	KUNIT_EXPECT_PTR_EQ(test, skb, first);
	finish(bed, skb);
	expect_next(test, bed, 1, 1);
	expect_empty(test, bed);
}

/* What only tells a state takes the place of what told an older one. */
static void update_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	u32 i;

	for (i = 0; i < 1000; i++)
		add(test, bed, 1, UPDATE, 0, i);
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 1);
	add(test, bed, 1, RW, 500, 2000);
	add(test, bed, 1, UPDATE, 0, 2001);
	add(test, bed, 1, UPDATE, 0, 2002);
	/* Others are not touched. */
	add(test, bed, 2, UPDATE, 0, 5);
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 4);
	KUNIT_EXPECT_EQ(test, bed->sched.merged, 1000);
	expect_next(test, bed, 1, 999);
	expect_next(test, bed, 1, 2000);
	expect_next(test, bed, 1, 2002);
	expect_next(test, bed, 2, 5);
	expect_empty(test, bed);
}

static unsigned int add_reply(struct kunit *test, struct bed *bed, u32 port, u32 flags)
{
	struct sk_buff *skb = packet(test, NULL, port, STREAM, RST, 0, 0);

	virtio_vsock_hdr(skb)->flags = cpu_to_le32(flags);
	virtio_vsock_skb_set_reply(skb);
	return vha_vsock_sched_add(&bed->sched, skb);
}

/* Answers are counted by the caller, who hears of each that is gone. */
static void replies_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	struct virtio_vsock_hdr hdr;
	unsigned int replies = 9;
	struct sk_buff *skb;

	KUNIT_EXPECT_EQ(test, add_reply(test, bed, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, add_reply(test, bed, 1, 0), 1);
	KUNIT_EXPECT_EQ(test, add_reply(test, bed, 1, 1), 0);
	KUNIT_EXPECT_EQ(test, add_reply(test, bed, 2, 0), 0);
	KUNIT_EXPECT_EQ(test, add(test, bed, 2, RW, 10, 0), 0);
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 4);
	skb = packet(test, NULL, 1, STREAM, RST, 0, 0);
	hdr = *virtio_vsock_hdr(skb);
	kfree_skb(skb);
	KUNIT_EXPECT_TRUE(test, vha_vsock_sched_drop(&bed->sched, &hdr, &replies));
	KUNIT_EXPECT_EQ(test, replies, 2);
	KUNIT_EXPECT_FALSE(test, vha_vsock_sched_drop(&bed->sched, &hdr, &replies));
	KUNIT_EXPECT_EQ(test, replies, 0);
	KUNIT_EXPECT_EQ(test, vha_vsock_sched_cancel(&bed->sched, bed->sk[0]), 0);
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 1);
	KUNIT_EXPECT_EQ(test, vha_vsock_sched_cancel(&bed->sched, NULL), 1);
	expect_empty(test, bed);
	KUNIT_EXPECT_EQ(test, add_reply(test, bed, 3, 0), 0);
	KUNIT_EXPECT_EQ(test, vha_vsock_sched_purge(&bed->sched), 1);
	expect_empty(test, bed);
}

/* Data of a stream that came in drops leaves in buckets. */
static void append_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	u32 i, bytes = 0, packets = 0;
	struct sk_buff *skb;

	for (i = 0; i < 1000; i++)
		add(test, bed, 1, RW, 1, i & 0xff);
	KUNIT_EXPECT_LT(test, bed->sched.packets, 100);
	while ((skb = vha_vsock_sched_take(&bed->sched))) {
		for (i = 0; i < skb->len; i++, bytes++)
			KUNIT_EXPECT_EQ(test, skb->data[i], bytes & 0xff);
		/* The credit it carries is the latest. */
		KUNIT_EXPECT_EQ(test, number_of(skb), (bytes - 1) & 0xff);
		packets++;
		finish(bed, skb);
	}
	KUNIT_EXPECT_EQ(test, bytes, 1000);
	KUNIT_EXPECT_EQ(test, packets + bed->sched.merged, 1000);
	expect_empty(test, bed);
}

/* What has a boundary, another owner or another path stays by itself. */
static void append_not_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	struct sk_buff *skb;
	u32 i;

	for (i = 0; i < 4; i++)
		vha_vsock_sched_add(&bed->sched, packet(test, bed->sk[0], 1, SEQPACKET, RW, 1, i));
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 4);
	add(test, bed, 2, RW, 1, 0);
	vha_vsock_sched_add(&bed->sched, packet(test, bed->sk[1], 2, STREAM, RW, 1, 1));
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 6);
	add(test, bed, 3, RW, 1, 0);
	add(test, bed, 3, RW, VHA_VSOCK_MERGE + 1, 0);
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 8);
	/* Data that is in pages, as large and pinned data is. */
	skb = virtio_vsock_alloc_skb(SZ_64K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	*virtio_vsock_hdr(skb) = (struct virtio_vsock_hdr) {
		.src_cid = cpu_to_le64(VMADDR_CID_HOST),
		.src_port = cpu_to_le32(4),
		.dst_port = cpu_to_le32(1024),
		.type = cpu_to_le16(STREAM),
		.op = cpu_to_le16(RW),
	};
	virtio_vsock_skb_put(skb, SZ_64K - VIRTIO_VSOCK_SKB_HEADROOM);
	skb->sk = bed->sk[0];
	skb->destructor = socket_let_go;
	vha_vsock_sched_add(&bed->sched, skb);
	add(test, bed, 4, RW, 1, 0);
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 10);
	KUNIT_EXPECT_EQ(test, bed->sched.merged, 0);
}

/* Memory of packets from siblings counts until they are sent. */
static void sibling_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	struct sk_buff *skb = packet(test, NULL, 1, STREAM, RW, 1000, 0);

	vha_vsock_cb(skb)->sibling = 4000;
	vha_vsock_sched_add(&bed->sched, skb);
	add(test, bed, 2, RW, 100, 0);
	KUNIT_EXPECT_EQ(test, bed->sched.bytes, 4000);
	skb = vha_vsock_sched_take(&bed->sched);
	KUNIT_EXPECT_EQ(test, bed->sched.bytes, 4000);
	vha_vsock_sched_put(&bed->sched, skb, 10);
	KUNIT_EXPECT_EQ(test, bed->sched.bytes, 4000);
	skb = vha_vsock_sched_take(&bed->sched);
	finish(bed, skb);
	KUNIT_EXPECT_EQ(test, bed->sched.bytes, 0);
	skb = packet(test, NULL, 1, STREAM, RW, 1000, 0);
	vha_vsock_cb(skb)->sibling = 500;
	vha_vsock_sched_add(&bed->sched, skb);
	KUNIT_EXPECT_EQ(test, bed->sched.bytes, 500);
	vha_vsock_sched_cancel(&bed->sched, NULL);
	expect_empty(test, bed);
}

/* Without memory for flows all share one queue, and nothing overtakes. */
static void shared_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	struct sk_buff *skb;
	u32 i;

	/* As if there had been no memory for this one. */
	skb = packet(test, bed->sk[0], 1, STREAM, RW, 1000, 0);
	spin_lock_bh(&bed->sched.lock);
	__skb_queue_tail(&bed->sched.shared.packets, skb);
	bed->sched.packets++;
	bed->sched.shared.listed = true;
	bed->sched.shared.credit = VHA_VSOCK_TURN;
	list_add_tail(&bed->sched.shared.turn, &bed->sched.fresh);
	spin_unlock_bh(&bed->sched.lock);
	for (i = 1; i < 4; i++)
		add(test, bed, 1, RW, 1000, i);
	KUNIT_EXPECT_TRUE(test, hash_empty(bed->sched.flows));
	expect_next(test, bed, 1, 0);
	/* While the last one is being sent, it may still come back. */
	expect_next(test, bed, 1, 1);
	expect_next(test, bed, 1, 2);
	skb = vha_vsock_sched_take(&bed->sched);
	add(test, bed, 1, RW, 1000, 4);
	vha_vsock_sched_put(&bed->sched, skb, 500);
	expect_next(test, bed, 1, 3);
	expect_next(test, bed, 1, 4);
	expect_empty(test, bed);
	add(test, bed, 1, RW, 1000, 5);
	KUNIT_EXPECT_FALSE(test, hash_empty(bed->sched.flows));
	expect_next(test, bed, 1, 5);
	expect_empty(test, bed);
}

#define RANDOM_FLOWS	20

/* Anything in any order: all comes out, each flow in order. */
static void random_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	u32 sent[RANDOM_FLOWS] = {}, got[RANDOM_FLOWS] = {};
	struct rnd_state random;
	struct sk_buff *skb;
	unsigned int i;

	prandom_seed_state(&random, 0x10ad);
	for (i = 0; i < 20000; i++) {
		u32 dice = prandom_u32_state(&random), flow = dice % RANDOM_FLOWS;

		if (dice & BIT(20)) {
			add(test, bed, flow, RW, 200 + dice % 3000, sent[flow]++);
			continue;
		}
		skb = vha_vsock_sched_take(&bed->sched);
		if (!skb)
			continue;
		flow = port_of(skb);
		KUNIT_ASSERT_EQ(test, number_of(skb), got[flow]);
		if (dice & BIT(21)) {
			vha_vsock_sched_put(&bed->sched, skb, dice & BIT(22) ? 0 : 100);
			continue;
		}
		got[flow]++;
		finish(bed, skb);
	}
	while ((skb = vha_vsock_sched_take(&bed->sched))) {
		KUNIT_ASSERT_EQ(test, number_of(skb), got[port_of(skb)]++);
		finish(bed, skb);
	}
	KUNIT_EXPECT_MEMEQ(test, sent, got, sizeof(sent));
	expect_empty(test, bed);
}

static struct kunit_case sched_cases[] = {
	KUNIT_CASE(order_test),
	KUNIT_CASE(turns_test),
	KUNIT_CASE(idle_test),
	KUNIT_CASE(newcomers_test),
	KUNIT_CASE(pieces_test),
	KUNIT_CASE(update_test),
	KUNIT_CASE(replies_test),
	KUNIT_CASE(append_test),
	KUNIT_CASE(append_not_test),
	KUNIT_CASE(sibling_test),
	KUNIT_CASE(shared_test),
	KUNIT_CASE(random_test),
	{}
};

static struct kunit_suite sched_suite = {
	.name = "vha_vsock_sched",
	.test_cases = sched_cases,
};

kunit_test_suite(sched_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the socket device class: turns");
MODULE_LICENSE("GPL");
