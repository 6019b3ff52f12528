// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket class: packets that take turns
 */
#include <linux/module.h>
#include <linux/prandom.h>

#include "vsock_bed.h"

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

/*
 * Connections that come and go, and one that is busy with packets of @len bytes: the
 * others are ahead by no more than agreed, and a packet.
 */
static void beside_newcomers(struct kunit *test, u32 len)
{
	struct bed *bed = bed_create(test);
	u32 i, port = 100, busy = 0;
	s64 ahead = 0, worst = 0;

	for (i = 0; i < 2; i++)
		add(test, bed, 1, RW, len, busy++);
	/* Into the list of those that take turns. */
	while (list_empty(&bed->sched.turns)) {
		finish(bed, vha_vsock_sched_take(&bed->sched));
		add(test, bed, 1, RW, len, busy++);
	}
	for (i = 0; i < 1000; i++) {
		struct sk_buff *skb;
		s64 sent;

		/* Always both. */
		add(test, bed, port++, RW, 1000, 0);
		add(test, bed, 1, RW, len, busy++);
		skb = vha_vsock_sched_take(&bed->sched);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		sent = sizeof(struct virtio_vsock_hdr) + skb->len;
		ahead = port_of(skb) == 1 ? max_t(s64, ahead - sent, 0) : ahead + sent;
		worst = max(worst, ahead);
		finish(bed, skb);
	}
	KUNIT_EXPECT_LE(test, worst, VHA_VSOCK_LEAD + len + 1100);
	KUNIT_EXPECT_GT(test, worst, VHA_VSOCK_LEAD / 2);
}

/* Connections that come and go do not keep a busy one from its turn. */
static void newcomers_test(struct kunit *test)
{
	beside_newcomers(test, SZ_4K);
}

/* Nor one whose packets are small. */
static void newcomers_small_test(struct kunit *test)
{
	beside_newcomers(test, VHA_VSOCK_MERGE + 1);
}

/* What was sent while nobody was waiting is no debt. */
static void lead_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	u32 i;

	for (i = 0; i < 100; i++) {
		add(test, bed, 10 + i, RW, SZ_4K, 0);
		expect_next(test, bed, 10 + i, 0);
	}
	for (i = 0; i < 20; i++)
		add(test, bed, 1, RW, SZ_4K, i);
	for (i = 0; i < 6; i++)
		expect_next(test, bed, 1, i);
	for (i = 0; i < 3; i++)
		add(test, bed, 200 + i, RW, SZ_4K, 0);
	for (i = 0; i < 3; i++)
		expect_next(test, bed, 200 + i, 0);
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
	put_back(bed, SZ_4K);
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 2);
	skb = vha_vsock_sched_take(&bed->sched);
	KUNIT_EXPECT_PTR_EQ(test, skb, first);
	/* Its turn is over. */
	put_back(bed, SZ_16K);
	add(test, bed, 2, RW, 200, 7);
	expect_next(test, bed, 2, 7);
	skb = vha_vsock_sched_take(&bed->sched);
	KUNIT_EXPECT_PTR_EQ(test, skb, first);
	/* A buffer that was of no use costs nothing. */
	put_back(bed, 0);
	skb = vha_vsock_sched_take(&bed->sched);
	KUNIT_EXPECT_PTR_EQ(test, skb, first);
	finish(bed, skb);
	expect_next(test, bed, 1, 1);
	expect_empty(test, bed);
}

/* What follows in a stream may share the buffer, and all of it may come back. */
static void more_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	struct sk_buff *skb;
	u32 i;

	for (i = 0; i < 4; i++)
		add(test, bed, 1, RW, 1000, i);
	skb = vha_vsock_sched_take(&bed->sched);
	for (i = 1; i < 4; i++) {
		skb = vha_vsock_sched_more(&bed->sched);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		KUNIT_EXPECT_EQ(test, number_of(skb), i);
	}
	KUNIT_EXPECT_NULL(test, vha_vsock_sched_more(&bed->sched));
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 0);
	add(test, bed, 1, RW, 1000, 4);
	/* The first two are sent. */
	skb = skb_peek(&bed->sched.taken);
	for (i = 0; i < 2; i++, skb = skb_peek_next(skb, &bed->sched.taken))
		vha_vsock_cb(skb)->over = true;
	KUNIT_EXPECT_EQ(test, end_taken(bed, 2000), 2);
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 3);
	for (i = 2; i < 5; i++)
		expect_next(test, bed, 1, i);
	expect_empty(test, bed);
}

/* Of all that was taken nobody wants what was dropped meanwhile. */
static void more_dropped_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	u32 i;

	for (i = 0; i < 3; i++)
		add(test, bed, 1, RW, 1000, i);
	vha_vsock_sched_take(&bed->sched);
	KUNIT_EXPECT_NOT_NULL(test, vha_vsock_sched_more(&bed->sched));
	KUNIT_EXPECT_EQ(test, drop(test, bed, 1, true), 1);
	KUNIT_EXPECT_FALSE(test, vha_vsock_sched_keep(&bed->sched, 100));
	KUNIT_EXPECT_EQ(test, end_taken(bed, 100), 2);
	expect_empty(test, bed);
}

/* What has a boundary, or no data, has a buffer of its own. */
static void more_not_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	struct sk_buff *skb;
	u32 i;

	for (i = 0; i < 2; i++)
		vha_vsock_sched_add(&bed->sched,
				    packet(test, bed->sk[0], 1, SEQPACKET, RW, 1000, i));
	add(test, bed, 2, RW, 1000, 0);
	add(test, bed, 2, UPDATE, 0, 1);
	add(test, bed, 2, RW, 1000, 2);
	skb = packet(test, bed->sk[0], 2, STREAM, RW, 1000, 3);
	virtio_vsock_hdr(skb)->flags = cpu_to_le32(1);
	vha_vsock_sched_add(&bed->sched, skb);
	add(test, bed, 2, RW, 1000, 4);
	for (i = 0; i < 7; i++) {
		skb = vha_vsock_sched_take(&bed->sched);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		KUNIT_EXPECT_NULL(test, vha_vsock_sched_more(&bed->sched));
		finish(bed, skb);
	}
	expect_empty(test, bed);
}

/* A packet is kept while it is its flow's turn, and nobody has come. */
static void keep_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	struct sk_buff *skb;

	add(test, bed, 1, RW, SZ_64K, 0);
	skb = vha_vsock_sched_take(&bed->sched);
	KUNIT_EXPECT_TRUE(test, vha_vsock_sched_keep(&bed->sched, SZ_8K));
	KUNIT_EXPECT_PTR_EQ(test, vha_vsock_sched_take(&bed->sched), skb);
	/* Its turn is over. */
	KUNIT_EXPECT_FALSE(test, vha_vsock_sched_keep(&bed->sched, SZ_8K));
	KUNIT_EXPECT_TRUE(test, put_back(bed, SZ_8K));
	KUNIT_EXPECT_PTR_EQ(test, vha_vsock_sched_take(&bed->sched), skb);
	KUNIT_EXPECT_TRUE(test, vha_vsock_sched_keep(&bed->sched, SZ_4K));
	/* An idle one is next. */
	add(test, bed, 2, RW, 100, 7);
	KUNIT_EXPECT_PTR_EQ(test, vha_vsock_sched_take(&bed->sched), skb);
	KUNIT_EXPECT_FALSE(test, vha_vsock_sched_keep(&bed->sched, SZ_4K));
	KUNIT_EXPECT_TRUE(test, put_back(bed, SZ_4K));
	expect_next(test, bed, 2, 7);
	KUNIT_EXPECT_PTR_EQ(test, vha_vsock_sched_take(&bed->sched), skb);
	/* Nobody wants it. */
	KUNIT_EXPECT_EQ(test, drop(test, bed, 1, true), 0);
	KUNIT_EXPECT_FALSE(test, vha_vsock_sched_keep(&bed->sched, 1));
	KUNIT_EXPECT_FALSE(test, put_back(bed, 1));
	expect_empty(test, bed);
}

/* By that, those that were idle do not get further ahead of a busy one. */
static void keep_ahead_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	u32 i, pieces = 0, ahead = 0;
	struct sk_buff *skb;

	for (i = 0; i < 20; i++)
		add(test, bed, 1, RW, SZ_4K, i);
	for (i = 0; i < 6; i++)
		expect_next(test, bed, 1, i);
	for (i = 0; i < 4; i++)
		add(test, bed, 10 + i, RW, SZ_16K, 0);
	while (port_of(skb = vha_vsock_sched_take(&bed->sched)) != 1) {
		ahead += 1000;
		if (++pieces % 10 == 0)
			vha_vsock_cb(skb)->over = true;
		if (!vha_vsock_sched_keep(&bed->sched, 1000))
			end_taken(bed, 1000);
	}
	put_back(bed, 0);
	KUNIT_EXPECT_GE(test, ahead, VHA_VSOCK_LEAD);
	KUNIT_EXPECT_LE(test, ahead, VHA_VSOCK_LEAD + 1000);
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
	bed->sched.shared.memory = skb->truesize;
	bed->sched.ended = skb->truesize;
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
	put_back(bed, 500);
	expect_next(test, bed, 1, 3);
	expect_next(test, bed, 1, 4);
	expect_empty(test, bed);
	/* In there, too, what is dropped is of one connection. */
	bed->sched.serving = &bed->sched.shared;
	add(test, bed, 1, RW, 1000, 5);
	add(test, bed, 2, RW, 1000, 6);
	bed->sched.serving = NULL;
	KUNIT_EXPECT_EQ(test, drop(test, bed, 1, true), 1);
	expect_next(test, bed, 2, 6);
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
			put_back(bed, dice & BIT(22) ? 0 : 100);
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
	KUNIT_CASE(newcomers_small_test),
	KUNIT_CASE(lead_test),
	KUNIT_CASE(pieces_test),
	KUNIT_CASE(more_test),
	KUNIT_CASE(more_dropped_test),
	KUNIT_CASE(more_not_test),
	KUNIT_CASE(keep_test),
	KUNIT_CASE(keep_ahead_test),
	KUNIT_CASE(append_test),
	KUNIT_CASE(append_not_test),
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
