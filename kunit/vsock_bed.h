/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets to a guest that there is not, in a scheduler of the socket class
 */
#ifndef VHA_KUNIT_VSOCK_BED_H
#define VHA_KUNIT_VSOCK_BED_H

#include <kunit/test.h>
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

static inline void bed_release(void *data)
{
	struct bed *bed = data;

	vha_vsock_sched_purge(&bed->sched);
}

static inline struct bed *bed_create(struct kunit *test)
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

static inline void socket_let_go(struct sk_buff *skb)
{
}

/* A packet from port @port with a number in its header and, twice, in its data. */
static inline struct sk_buff *packet(struct kunit *test, struct sock *sk, u32 port, u16 type,
				     u16 op, u32 len, u32 number)
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

static inline unsigned int add(struct kunit *test, struct bed *bed, u32 port, u16 op, u32 len,
			       u32 number)
{
	return vha_vsock_sched_add(&bed->sched,
				   packet(test, bed->sk[0], port, STREAM, op, len, number));
}

static inline u32 port_of(struct sk_buff *skb)
{
	return le32_to_cpu(virtio_vsock_hdr(skb)->src_port);
}

static inline u32 number_of(struct sk_buff *skb)
{
	return le32_to_cpu(virtio_vsock_hdr(skb)->fwd_cnt);
}

/* Ends what was taken; returns how many packets were over, and are freed. */
static inline unsigned int end_taken(struct bed *bed, u32 sent)
{
	struct sk_buff_head list;
	unsigned int over;

	__skb_queue_head_init(&list);
	vha_vsock_sched_finish(&bed->sched, sent, &list);
	over = skb_queue_len(&list);
	__skb_queue_purge(&list);
	return over;
}

/* Of one packet that was taken something is left; returns whether it is wanted. */
static inline bool put_back(struct bed *bed, u32 sent)
{
	return !end_taken(bed, sent);
}

static inline void finish(struct bed *bed, struct sk_buff *skb)
{
	vha_vsock_cb(skb)->over = true;
	end_taken(bed, sizeof(struct virtio_vsock_hdr) + skb->len);
}

static inline void expect_next(struct kunit *test, struct bed *bed, u32 port, u32 number)
{
	struct sk_buff *skb = vha_vsock_sched_take(&bed->sched);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_EXPECT_EQ(test, port_of(skb), port);
	KUNIT_EXPECT_EQ(test, number_of(skb), number);
	finish(bed, skb);
}

static inline void expect_empty(struct kunit *test, struct bed *bed)
{
	KUNIT_EXPECT_NULL(test, vha_vsock_sched_take(&bed->sched));
	KUNIT_EXPECT_EQ(test, bed->sched.packets, 0);
	KUNIT_EXPECT_EQ(test, bed->sched.bytes, 0);
	KUNIT_EXPECT_EQ(test, bed->sched.ended, 0);
	KUNIT_EXPECT_TRUE(test, hash_empty(bed->sched.flows));
}

/* Drops what waits from port @port; returns how many packets. */
static inline unsigned int drop(struct kunit *test, struct bed *bed, u32 port, bool data)
{
	struct sk_buff *skb = packet(test, NULL, port, STREAM, RST, 0, 0);
	struct sk_buff_head list;
	unsigned int dropped;

	__skb_queue_head_init(&list);
	vha_vsock_sched_drop(&bed->sched, virtio_vsock_hdr(skb), data, &list);
	dropped = skb_queue_len(&list);
	__skb_queue_purge(&list);
	kfree_skb(skb);
	return dropped;
}

#endif /* VHA_KUNIT_VSOCK_BED_H */
