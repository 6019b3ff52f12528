// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network class: copied packets in batches, and when to send without a copy
 */
#include <linux/module.h>
#include <net/sock.h>

#include "guest.h"

#include "../drivers/net/net.h"

#define MEMORY	SZ_128K

/* A transmit queue whose back end is a socket that nobody sends to. */
struct rig {
	struct vha_net net;
	struct vha_net_queue q;
	struct vha_net_tx tx;
	struct socket sock;
	struct sock sk;
	unsigned long hva;
};

static void rig_close(void *data)
{
	struct rig *rig = data;
	unsigned int i;

	for (i = 0; i < rig->tx.nr_xdp; i++)
		page_frag_free(rig->tx.xdp[i].data_hard_start);
	page_frag_cache_drain(&rig->tx.frags);
	vha_mem_destroy(rig->net.dev.mem);
}

static struct rig *rig_open(struct kunit *test, u32 vnet)
{
	struct rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);
	struct vhost_memory_region region = { .memory_size = MEMORY };

	KUNIT_ASSERT_NOT_NULL(test, rig);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, rig_close, rig), 0);
	rig->hva = kunit_vm_mmap(test, NULL, 0, MEMORY, PROT_READ | PROT_WRITE,
				 MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, rig->hva, 0);
	guest_fill(test, rig->hva, MEMORY);
	region.userspace_addr = rig->hva;
	rig->net.dev.mem = vha_mem_parse(&region, 1);
	KUNIT_ASSERT_FALSE(test, IS_ERR(rig->net.dev.mem));
	rig->net.dev.mm = current->mm;
	rig->net.header = max(vnet, 12U);
	rig->net.vnet = vnet;
	rig->q.vq.dev = &rig->net.dev;
	rig->q.vq.index = 1;
	mutex_init(&rig->q.vq.mutex);
	rig->q.tx = &rig->tx;
	rig->q.backend.sock = &rig->sock;
	rig->q.backend.tap = true;
	rig->sock.sk = &rig->sk;
	rig->sk.sk_sndbuf = INT_MAX;
	return rig;
}

static int add(struct rig *rig, u64 addr, u32 len)
{
	const struct vha_seg seg = { .addr = addr, .len = len };
	struct vha_cursor cursor = { .seg = &seg, .nr = 1 };
	struct vha_net_layout layout =
		vha_net_batch_layout(rig->net.vnet, len - rig->net.vnet, false);
	int ret;

	mutex_lock(&rig->q.vq.mutex);
	ret = vha_net_batch_add(&rig->q, &cursor, len, &layout);
	mutex_unlock(&rig->q.vq.mutex);
	return ret;
}

/* A header of zeroes, so that what follows decides. */
static void clear_header(struct kunit *test, struct rig *rig, u64 addr)
{
	KUNIT_ASSERT_EQ(test, clear_user((void __user *)(rig->hva + addr), 24), 0);
}

static void layout_test(struct kunit *test)
{
	static const u32 lens[] = { 14, 60, 64, 1514, 4000, 9000, 32000 };
	static const u32 vnets[] = { 0, 10, 12, 20, 24 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lens) * ARRAY_SIZE(vnets) * 2; i++) {
		u32 vnet = vnets[i / 2 % ARRAY_SIZE(vnets)];
		u32 len = lens[i / 2 / ARRAY_SIZE(vnets)];
		struct vha_net_layout layout = vha_net_batch_layout(vnet, len, i % 2);
		u32 room = layout.pad - vnet;

		/* The header's copy at the start reaches not into the header. */
		KUNIT_EXPECT_GE(test, room, VHA_NET_HEADER_MAX);
		KUNIT_EXPECT_GE(test, room, NET_SKB_PAD + (i % 2 ? XDP_PACKET_HEADROOM : 0));
		KUNIT_EXPECT_GE(test, layout.size, layout.pad + len +
				SKB_DATA_ALIGN(sizeof(struct skb_shared_info)));
		KUNIT_EXPECT_EQ(test, layout.size % SMP_CACHE_BYTES, 0);
	}
}

static bool takes(struct rig *rig, u32 len)
{
	struct vha_net_layout layout;

	return vha_net_batch_takes(&rig->q, len, &layout);
}

static void takes_test(struct kunit *test)
{
	struct rig *rig = rig_open(test, 12);

	KUNIT_EXPECT_TRUE(test, takes(rig, 12 + 14));
	KUNIT_EXPECT_TRUE(test, takes(rig, 12 + 1514));
	KUNIT_EXPECT_TRUE(test, takes(rig, 12 + 9014));
	KUNIT_EXPECT_FALSE(test, takes(rig, PAGE_SIZE << PAGE_ALLOC_COSTLY_ORDER));
	KUNIT_EXPECT_FALSE(test, takes(rig, VHA_NET_PACKET_MAX));
	/* A program is shown a page. */
	sock_set_flag(&rig->sk, SOCK_XDP);
	KUNIT_EXPECT_TRUE(test, takes(rig, 12 + 1514));
	KUNIT_EXPECT_FALSE(test, takes(rig, 12 + PAGE_SIZE));
	sock_reset_flag(&rig->sk, SOCK_XDP);
	/* A limit, or no tap: one by one. */
	rig->sk.sk_sndbuf = SZ_1M;
	KUNIT_EXPECT_FALSE(test, takes(rig, 12 + 60));
	rig->sk.sk_sndbuf = INT_MAX;
	rig->q.backend.tap = false;
	KUNIT_EXPECT_FALSE(test, takes(rig, 12 + 60));
}

static void expect_packet(struct kunit *test, struct rig *rig, unsigned int i, u64 addr, u32 len)
{
	const struct xdp_buff *xdp = &rig->tx.xdp[i];

	KUNIT_ASSERT_EQ(test, xdp->data_end - xdp->data, len);
	KUNIT_EXPECT_EQ(test, guest_differs(xdp->data, rig->hva + addr, len), 0);
	KUNIT_EXPECT_TRUE(test, xdp->data_hard_start + xdp->frame_sz >=
			  xdp->data_end + SKB_DATA_ALIGN(sizeof(struct skb_shared_info)));
}

static void add_test(struct kunit *test)
{
	const u8 zeroes[VHA_NET_HEADER_MAX] = {};
	struct rig *rig = rig_open(test, 12);
	unsigned int i;

	/* Of all lengths, so that memory is used anew, at odd addresses, too. */
	for (i = 0; i < VHA_NET_BATCH; i++) {
		clear_header(test, rig, i);
		KUNIT_ASSERT_EQ(test, add(rig, i, 12 + 64 * (i + 1)), 0);
		KUNIT_EXPECT_MEMEQ(test, rig->tx.xdp[i].data_hard_start, zeroes, sizeof(zeroes));
		guest_fill(test, rig->hva, MEMORY);
	}
	KUNIT_ASSERT_EQ(test, rig->tx.nr_xdp, VHA_NET_BATCH);
	KUNIT_EXPECT_EQ(test, rig->tx.xdp_bytes, 64 * VHA_NET_BATCH * (VHA_NET_BATCH + 1) / 2);
	/* What follows the 24 bytes that were zero is as the guest has it. */
	for (i = 0; i < VHA_NET_BATCH; i++) {
		rig->tx.xdp[i].data += 12;
		expect_packet(test, rig, i, i + 24, 64 * (i + 1) - 12);
		rig->tx.xdp[i].data -= 12;
	}
}

/* A short header, or none: what the back end reads beyond it is zero. */
static void add_header_test(struct kunit *test)
{
	const u8 zeroes[VHA_NET_HEADER_MAX] = {};
	struct rig *rig = rig_open(test, 0);

	KUNIT_ASSERT_EQ(test, add(rig, 0, 1514), 0);
	KUNIT_EXPECT_MEMEQ(test, rig->tx.xdp[0].data_hard_start, zeroes, sizeof(zeroes));
	expect_packet(test, rig, 0, 0, 1514);
}

/* Longer than a page, again and again: each finds memory. */
static void add_large_test(struct kunit *test)
{
	static const u32 lens[] = { 4096, 5000, 9014, 30000 };
	struct rig *rig = rig_open(test, 0);
	unsigned int i;

	for (i = 0; i < VHA_NET_BATCH; i++) {
		u32 len = lens[i % ARRAY_SIZE(lens)];

		KUNIT_ASSERT_TRUE(test, takes(rig, len));
		KUNIT_ASSERT_EQ(test, add(rig, i, len), 0);
		expect_packet(test, rig, i, i, len);
	}
}

static void add_bad_test(struct kunit *test)
{
	struct rig *rig = rig_open(test, 12);
	struct virtio_net_hdr header = { .gso_type = 0x1f };

	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)rig->hva, &header, sizeof(header)), 0);
	KUNIT_EXPECT_EQ(test, add(rig, 0, 1526), -EINVAL);
	KUNIT_EXPECT_EQ(test, add(rig, MEMORY - 100, 101), -EFAULT);
	KUNIT_EXPECT_EQ(test, add(rig, MEMORY, 100), -EFAULT);
	KUNIT_EXPECT_EQ(test, rig->tx.nr_xdp, 0);
	KUNIT_EXPECT_EQ(test, rig->tx.xdp_bytes, 0);
}

/* In vain, it is tried ever less often; when it works, more often again. */
static void worthwhile_test(struct kunit *test)
{
	struct vha_net_zerocopy zerocopy = {};
	u64 tries, copied = 0;
	unsigned int i, round;
	u32 penalty;

	KUNIT_EXPECT_TRUE(test, vha_net_zerocopy_worthwhile(&zerocopy, copied));
	for (round = 0; round < 20; round++) {
		penalty = zerocopy.penalty;
		copied++;
		for (i = 0; !vha_net_zerocopy_worthwhile(&zerocopy, copied); i++)
			;
		KUNIT_EXPECT_GE(test, i, 64);
		KUNIT_EXPECT_LE(test, i, 65536);
		KUNIT_EXPECT_TRUE(test, i > penalty || i == 65536);
	}
	for (tries = 0; tries < 1000; tries++)
		KUNIT_EXPECT_TRUE(test, vha_net_zerocopy_worthwhile(&zerocopy, copied));
	KUNIT_EXPECT_LT(test, zerocopy.penalty, 64);
}

static struct kunit_case batch_cases[] = {
	KUNIT_CASE(layout_test),
	KUNIT_CASE(takes_test),
	KUNIT_CASE(add_test),
	KUNIT_CASE(add_header_test),
	KUNIT_CASE(add_large_test),
	KUNIT_CASE(add_bad_test),
	KUNIT_CASE(worthwhile_test),
	{}
};

static struct kunit_suite batch_suite = {
	.name = "vha_net_batch",
	.test_cases = batch_cases,
};

kunit_test_suite(batch_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the network class: batches");
MODULE_LICENSE("GPL");
