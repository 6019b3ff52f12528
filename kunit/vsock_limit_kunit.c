// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket class: what may wait for a guest that takes nothing
 */
#include <linux/module.h>

#include "vsock_bed.h"

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

	KUNIT_EXPECT_EQ(test, add_reply(test, bed, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, add_reply(test, bed, 1, 0), 1);
	KUNIT_EXPECT_EQ(test, add_reply(test, bed, 1, 1), 0);
	KUNIT_EXPECT_EQ(test, add_reply(test, bed, 2, 0), 0);
	KUNIT_EXPECT_EQ(test, add(test, bed, 2, RW, 10, 0), 0);
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 4);
	KUNIT_EXPECT_EQ(test, drop(test, bed, 1, false), 2);
	KUNIT_EXPECT_EQ(test, drop(test, bed, 1, false), 0);
	KUNIT_EXPECT_EQ(test, vha_vsock_sched_cancel(&bed->sched, bed->sk[0]), 0);
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 1);
	KUNIT_EXPECT_EQ(test, vha_vsock_sched_cancel(&bed->sched, NULL), 1);
	expect_empty(test, bed);
	KUNIT_EXPECT_EQ(test, add_reply(test, bed, 3, 0), 0);
	KUNIT_EXPECT_EQ(test, vha_vsock_sched_purge(&bed->sched), 1);
	expect_empty(test, bed);
}

static u64 memory_of(struct kunit *test, u32 len)
{
	struct sk_buff *skb = packet(test, NULL, 1, STREAM, RW, len, 0);
	u64 memory = skb->truesize;

	kfree_skb(skb);
	return memory;
}

static void add_shutdown(struct kunit *test, struct bed *bed, u32 port, u32 flags)
{
	struct sk_buff *skb = packet(test, bed->sk[0], port, STREAM, VIRTIO_VSOCK_OP_SHUTDOWN,
				     0, 0);

	virtio_vsock_hdr(skb)->flags = cpu_to_le32(flags);
	vha_vsock_sched_add(&bed->sched, skb);
}

/* Memory of what the host has ended counts until it is taken, and nothing else does. */
static void ended_test(struct kunit *test)
{
	const u64 data = memory_of(test, SZ_4K), empty = memory_of(test, 0);
	struct bed *bed = bed_create(test);
	struct sk_buff *skb;
	u32 i;

	for (i = 0; i < 4; i++)
		add(test, bed, 1 + i, RW, SZ_4K, i);
	KUNIT_EXPECT_EQ(test, bed->sched.ended, 0);
	add(test, bed, 1, RST, 0, 9);
	KUNIT_EXPECT_EQ(test, bed->sched.ended, data + empty);
	/* At once, and in two steps. */
	add_shutdown(test, bed, 2, 3);
	KUNIT_EXPECT_EQ(test, bed->sched.ended, 2 * (data + empty));
	add_shutdown(test, bed, 3, 1);
	KUNIT_EXPECT_EQ(test, bed->sched.ended, 2 * (data + empty));
	add_shutdown(test, bed, 3, 2);
	KUNIT_EXPECT_EQ(test, bed->sched.ended, 3 * (data + empty) + empty);
	/* More of the same, and that of a sibling. */
	add(test, bed, 1, RW, SZ_4K, 10);
	KUNIT_EXPECT_EQ(test, bed->sched.ended, 4 * (data + empty));
	skb = packet(test, NULL, 7, STREAM, RST, 0, 0);
	vha_vsock_cb(skb)->sibling = 4000;
	vha_vsock_sched_add(&bed->sched, skb);
	KUNIT_EXPECT_EQ(test, bed->sched.ended, 4 * (data + empty));
	KUNIT_EXPECT_EQ(test, drop(test, bed, 2, false), 2);
	KUNIT_EXPECT_EQ(test, bed->sched.ended, 3 * (data + empty));
	skb = vha_vsock_sched_take(&bed->sched);
	KUNIT_EXPECT_EQ(test, bed->sched.ended, 2 * data + 3 * empty);
	KUNIT_EXPECT_TRUE(test, put_back(bed, 100));
	KUNIT_EXPECT_EQ(test, bed->sched.ended, 3 * (data + empty));
	while ((skb = vha_vsock_sched_take(&bed->sched)))
		finish(bed, skb);
	expect_empty(test, bed);
}

/* What the guest does not want goes, also if it is being sent; all else stays. */
static void drop_test(struct kunit *test)
{
	struct bed *bed = bed_create(test);
	struct sk_buff *skb;
	u32 i;

	for (i = 0; i < 3; i++)
		add(test, bed, 1, RW, SZ_4K, i);
	add_shutdown(test, bed, 1, 3);
	add(test, bed, 2, RW, SZ_4K, 7);
	skb = vha_vsock_sched_take(&bed->sched);
	KUNIT_EXPECT_EQ(test, drop(test, bed, 1, true), 2);
	KUNIT_EXPECT_FALSE(test, put_back(bed, 100));
	/* Its end is no data. */
	skb = vha_vsock_sched_take(&bed->sched);
	KUNIT_EXPECT_EQ(test, port_of(skb), 1);
	KUNIT_EXPECT_EQ(test, drop(test, bed, 1, true), 0);
	KUNIT_EXPECT_TRUE(test, put_back(bed, 0));
	KUNIT_EXPECT_EQ(test, drop(test, bed, 1, false), 1);
	skb = vha_vsock_sched_take(&bed->sched);
	KUNIT_EXPECT_EQ(test, number_of(skb), 7);
	KUNIT_EXPECT_EQ(test, drop(test, bed, 1, false), 0);
	KUNIT_EXPECT_TRUE(test, put_back(bed, 100));
	skb = vha_vsock_sched_take(&bed->sched);
	KUNIT_EXPECT_EQ(test, vha_vsock_sched_cancel(&bed->sched, bed->sk[1]), 0);
	KUNIT_EXPECT_TRUE(test, put_back(bed, 100));
	skb = vha_vsock_sched_take(&bed->sched);
	KUNIT_EXPECT_EQ(test, vha_vsock_sched_cancel(&bed->sched, bed->sk[0]), 0);
	KUNIT_EXPECT_FALSE(test, put_back(bed, 100));
	expect_empty(test, bed);
}

/* No more than may wait, and an end takes no more than what it stands for. */
static void sibling_limit_test(struct kunit *test)
{
	const u64 limit = 4 * memory_of(test, 1000);
	struct bed *bed = bed_create(test);
	unsigned int replies = 9;
	struct sk_buff *skb;
	u32 i;

	for (i = 0; i < 4; i++) {
		skb = packet(test, NULL, i, STREAM, RW, 1000, i);
		KUNIT_ASSERT_TRUE(test, vha_vsock_sched_add_sibling(&bed->sched, skb, limit,
								    &replies));
		KUNIT_EXPECT_EQ(test, replies, 0);
	}
	KUNIT_EXPECT_EQ(test, bed->sched.bytes, limit);
	skb = packet(test, NULL, 1, STREAM, RST, 0, 0);
	KUNIT_EXPECT_FALSE(test, vha_vsock_sched_add_sibling(&bed->sched, skb, limit, &replies));
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 4);
	KUNIT_EXPECT_EQ(test, drop(test, bed, 1, false), 1);
	KUNIT_EXPECT_TRUE(test, vha_vsock_sched_add_sibling(&bed->sched, skb, limit, &replies));
	KUNIT_EXPECT_LE(test, bed->sched.bytes, limit);
	while ((skb = vha_vsock_sched_take(&bed->sched)))
		finish(bed, skb);
	expect_empty(test, bed);
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
	put_back(bed, 10);
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

static struct kunit_case limit_cases[] = {
	KUNIT_CASE(update_test),
	KUNIT_CASE(replies_test),
	KUNIT_CASE(ended_test),
	KUNIT_CASE(drop_test),
	KUNIT_CASE(sibling_limit_test),
	KUNIT_CASE(sibling_test),
	{}
};

static struct kunit_suite limit_suite = {
	.name = "vha_vsock_limit",
	.test_cases = limit_cases,
};

kunit_test_suite(limit_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the socket device class: limits");
MODULE_LICENSE("GPL");
