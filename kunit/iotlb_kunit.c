// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device IOTLB: translation of buffers and rings, misses, messages
 */
#include <linux/kthread.h>
#include <linux/uio.h>
#include <linux/vhost.h>

#include "guest.h"
#include "../drivers/core/iotlb.h"

/* The guest's memory: two regions that touch, and one elsewhere. */
#define HVA	0x100000000UL
#define LOW	0x10000UL
#define HIGH	0x40000000UL
#define SIZE	0x10000UL

#define IOVA	0x700000000ULL
#define SEGS	8

struct fixture {
	struct guest *guest;
	struct vha_iotlb *iotlb;
	struct vha_seg segs[SEGS];
	struct vha_chain chain;
};

static struct fixture *fixture_create(struct kunit *test)
{
	const struct vhost_memory_region regions[] = {
		{ .guest_phys_addr = LOW, .memory_size = SIZE, .userspace_addr = HVA },
		{ .guest_phys_addr = LOW + SIZE, .memory_size = SIZE,
		  .userspace_addr = HVA + SIZE },
		{ .guest_phys_addr = HIGH, .memory_size = SIZE, .userspace_addr = HVA + 4 * SIZE },
	};
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->guest = guest_create(test);
	f->iotlb = vha_iotlb_create();
	KUNIT_ASSERT_FALSE(test, IS_ERR(f->iotlb));
	f->guest->dev.iotlb = f->iotlb;
	vha_iotlb_enable(f->iotlb, true);
	guest_set_mem(test, f->guest, regions, ARRAY_SIZE(regions));
	return f;
}

static void map(struct kunit *test, struct fixture *f, u64 iova, u64 size, u64 hva, u8 perm)
{
	bool changed;

	KUNIT_ASSERT_EQ(test, vha_iotlb_insert(f->iotlb, iova, size, hva, perm, &changed), 0);
}

/* A chain of what is in @segs, translated. */
static int resolve(struct fixture *f, const struct vha_seg *segs, u16 out, u16 in, u32 max)
{
	int ret;

	memset(f->segs, 0xa5, sizeof(f->segs));
	memcpy(f->segs, segs, (out + in) * sizeof(*segs));
	f->chain = (struct vha_chain) {
		.segs = f->segs, .out_num = out, .in_num = in, .max = max,
	};
	mutex_lock(&f->guest->vq.mutex);
	ret = vha_iotlb_resolve(&f->guest->vq, &f->chain);
	mutex_unlock(&f->guest->vq.mutex);
	return ret;
}

static void expect_segs(struct kunit *test, struct fixture *f, const struct vha_seg *segs,
			u16 out, u16 in)
{
	u16 i;

	KUNIT_ASSERT_EQ(test, f->chain.out_num, out);
	KUNIT_ASSERT_EQ(test, f->chain.in_num, in);
	for (i = 0; i < out + in; i++) {
		KUNIT_EXPECT_EQ_MSG(test, f->segs[i].addr, segs[i].addr, "segment %u", i);
		KUNIT_EXPECT_EQ_MSG(test, f->segs[i].len, segs[i].len, "segment %u", i);
	}
}

static void expect_miss(struct kunit *test, struct fixture *f, u64 iova, u8 perm)
{
	struct vha_miss miss = {};

	KUNIT_EXPECT_TRUE(test, vha_iotlb_next_miss(f->iotlb, &miss));
	KUNIT_EXPECT_EQ(test, miss.iova, iova);
	KUNIT_EXPECT_EQ(test, miss.perm, perm);
}

static void expect_no_miss(struct kunit *test, struct fixture *f)
{
	struct vha_miss miss;

	KUNIT_EXPECT_FALSE(test, vha_iotlb_next_miss(f->iotlb, &miss));
}

/* Where one byte of the guest's I/O addresses is: 0 when nowhere. */
static u64 where(struct fixture *f, u64 iova)
{
	const struct vha_seg seg = { iova, 1 };
	struct vha_miss miss;
	int ret = resolve(f, &seg, 1, 0, 1);

	vha_iotlb_next_miss(f->iotlb, &miss);
	return ret ? 0 : f->segs[0].addr;
}

static void insert_refuses(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	bool changed;

	KUNIT_EXPECT_EQ(test, vha_iotlb_insert(f->iotlb, 0, 0, HVA, 3, &changed), -EINVAL);
	KUNIT_EXPECT_EQ(test, vha_iotlb_insert(f->iotlb, 0, 1, HVA, 0, &changed), -EINVAL);
	KUNIT_EXPECT_EQ(test, vha_iotlb_insert(f->iotlb, 0, 1, HVA, 4, &changed), -EINVAL);
	KUNIT_EXPECT_EQ(test, vha_iotlb_insert(f->iotlb, U64_MAX, 2, HVA, 3, &changed), -EINVAL);
	KUNIT_EXPECT_EQ(test, vha_iotlb_insert(f->iotlb, 1, U64_MAX, HVA, 3, &changed), -EINVAL);
	KUNIT_EXPECT_EQ(test, vha_iotlb_insert(f->iotlb, 0, 2, U64_MAX, 3, &changed), -EINVAL);
	KUNIT_EXPECT_EQ(test, vha_iotlb_insert(f->iotlb, 0, U64_MAX, 0, 3, &changed), -EFAULT);
	KUNIT_EXPECT_EQ(test, vha_iotlb_insert(f->iotlb, 0, 1, 1UL << 63, 3, &changed), -EFAULT);
	KUNIT_EXPECT_EQ(test, vha_iotlb_insert(f->iotlb, U64_MAX, 1, HVA, 3, &changed), 0);
	KUNIT_EXPECT_EQ(test, where(f, U64_MAX), LOW);
	vha_iotlb_enable(f->iotlb, false);
	KUNIT_EXPECT_EQ(test, vha_iotlb_insert(f->iotlb, 0, 1, HVA, 3, &changed), -EFAULT);
	vha_iotlb_enable(f->iotlb, true);
	KUNIT_EXPECT_EQ(test, where(f, U64_MAX), 0);
}

static void boundaries(struct kunit *test)
{
	struct fixture *f = fixture_create(test);

	map(test, f, IOVA, 0x1000, HVA, VHOST_ACCESS_RW);
	map(test, f, IOVA + 0x1000, 0x1000, HVA + 0x5000, VHOST_ACCESS_RW);
	map(test, f, IOVA + 0x3000, 1, HVA + 0x7000, VHOST_ACCESS_RW);
	KUNIT_EXPECT_EQ(test, where(f, IOVA - 1), 0);
	KUNIT_EXPECT_EQ(test, where(f, IOVA), LOW);
	KUNIT_EXPECT_EQ(test, where(f, IOVA + 0xfff), LOW + 0xfff);
	KUNIT_EXPECT_EQ(test, where(f, IOVA + 0x1000), LOW + 0x5000);
	KUNIT_EXPECT_EQ(test, where(f, IOVA + 0x1fff), LOW + 0x5fff);
	KUNIT_EXPECT_EQ(test, where(f, IOVA + 0x2000), 0);
	KUNIT_EXPECT_EQ(test, where(f, IOVA + 0x2fff), 0);
	KUNIT_EXPECT_EQ(test, where(f, IOVA + 0x3000), LOW + 0x7000);
	KUNIT_EXPECT_EQ(test, where(f, IOVA + 0x3001), 0);
}

static void replaced(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	bool changed;

	map(test, f, IOVA, 0x3000, HVA, VHOST_ACCESS_RW);
	/* The same once more, and a larger one that agrees: no change. */
	vha_iotlb_insert(f->iotlb, IOVA, 0x3000, HVA, VHOST_ACCESS_RW, &changed);
	KUNIT_EXPECT_FALSE(test, changed);
	vha_iotlb_insert(f->iotlb, IOVA - 0x1000, 0x5000, HVA - 0x1000, VHOST_ACCESS_RW, &changed);
	KUNIT_EXPECT_FALSE(test, changed);
	KUNIT_EXPECT_EQ(test, f->iotlb->nr, 1);
	/* Another permission, another place, and a part of what there was. */
	vha_iotlb_insert(f->iotlb, IOVA - 0x1000, 0x5000, HVA - 0x1000, VHOST_ACCESS_RO, &changed);
	KUNIT_EXPECT_TRUE(test, changed);
	vha_iotlb_insert(f->iotlb, IOVA - 0x1000, 0x5000, HVA, VHOST_ACCESS_RO, &changed);
	KUNIT_EXPECT_TRUE(test, changed);
	vha_iotlb_insert(f->iotlb, IOVA, 0x1000, HVA + 0x1000, VHOST_ACCESS_RO, &changed);
	KUNIT_EXPECT_TRUE(test, changed);
	KUNIT_EXPECT_EQ(test, f->iotlb->nr, 1);
	KUNIT_EXPECT_EQ(test, where(f, IOVA), LOW + 0x1000);
	KUNIT_EXPECT_EQ(test, where(f, IOVA + 0x1000), 0);
}

static void removed(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	unsigned int i;

	for (i = 0; i < 8; i++)
		map(test, f, IOVA + i * 0x1000, 0x1000, HVA + i * 0x1000, VHOST_ACCESS_RW);
	vha_iotlb_remove(f->iotlb, IOVA + 0x1fff, IOVA + 0x3000);
	KUNIT_EXPECT_EQ(test, f->iotlb->nr, 5);
	KUNIT_EXPECT_NE(test, where(f, IOVA + 0xfff), 0);
	KUNIT_EXPECT_EQ(test, where(f, IOVA + 0x1000), 0);
	KUNIT_EXPECT_EQ(test, where(f, IOVA + 0x3fff), 0);
	KUNIT_EXPECT_NE(test, where(f, IOVA + 0x4000), 0);
	vha_iotlb_remove(f->iotlb, 0, IOVA - 1);
	vha_iotlb_remove(f->iotlb, IOVA + 0x8000, U64_MAX);
	KUNIT_EXPECT_EQ(test, f->iotlb->nr, 5);
	vha_iotlb_remove(f->iotlb, 0, U64_MAX);
	KUNIT_EXPECT_EQ(test, f->iotlb->nr, 0);
}

static void oldest_goes(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	u32 i;

	for (i = 0; i < VHA_IOTLB_ENTRIES_MAX; i++)
		map(test, f, IOVA + i * 0x1000, 0x1000, HVA, VHOST_ACCESS_RW);
	KUNIT_EXPECT_NE(test, where(f, IOVA), 0);
	map(test, f, 0, 0x1000, HVA, VHOST_ACCESS_RW);
	KUNIT_EXPECT_EQ(test, f->iotlb->nr, VHA_IOTLB_ENTRIES_MAX);
	KUNIT_EXPECT_EQ(test, where(f, IOVA), 0);
	KUNIT_EXPECT_NE(test, where(f, IOVA + 0x1000), 0);
	KUNIT_EXPECT_NE(test, where(f, 0), 0);
}

static void splits(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	const struct vha_seg in[] = { { IOVA + 0x800, 0x1000 }, { IOVA, 0 }, { IOVA + 0x1fff, 2 } };
	const struct vha_seg out[] = {
		{ LOW + 0x800, 0x800 }, { HIGH, 0x800 }, { HIGH + 0xfff, 1 }, { LOW + 0x3000, 1 },
	};

	map(test, f, IOVA, 0x1000, HVA, VHOST_ACCESS_RW);
	map(test, f, IOVA + 0x1000, 0x1000, HVA + 4 * SIZE, VHOST_ACCESS_RW);
	map(test, f, IOVA + 0x2000, 0x1000, HVA + 0x3000, VHOST_ACCESS_RW);
	KUNIT_ASSERT_EQ(test, resolve(f, in, 2, 1, SEGS), 0);
	expect_segs(test, f, out, 2, 2);
	expect_no_miss(test, f);
}

/* One entry over two regions: whole again where guest addresses continue. */
static void merges(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	const struct vha_seg in[] = {
		{ IOVA + SIZE - 0x10, 0x20 },
		{ IOVA + SIZE + 0x10, 0x10 },
		{ IOVA + SIZE + 0x20, 0x10 },
		{ IOVA + SIZE + 0x40, 0x10 },
	};
	const struct vha_seg out[] = {
		{ LOW + SIZE - 0x10, 0x30 },
		{ LOW + SIZE + 0x20, 0x10 },
		{ LOW + SIZE + 0x40, 0x10 },
	};

	map(test, f, IOVA, 2 * SIZE, HVA, VHOST_ACCESS_RW);
	KUNIT_ASSERT_EQ(test, resolve(f, in, 2, 2, SEGS), 0);
	/* What is read and what is written stay apart. */
	expect_segs(test, f, out, 1, 2);
}

static void capacity(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	const struct vha_seg in[] = { { IOVA, 4 * 0x1000 }, { IOVA + 8 * 0x1000, 1 } };
	unsigned int i;
	u32 max;

	/* No two pages of the guest's I/O addresses touch in its memory. */
	for (i = 0; i < 16; i++)
		map(test, f, IOVA + i * 0x1000, 0x1000, HVA + (15 - i) * 0x1000, VHOST_ACCESS_RW);
	for (max = 2; max < 5; max++)
		KUNIT_EXPECT_EQ(test, resolve(f, in, 1, 1, max), -EINVAL);
	KUNIT_EXPECT_EQ(test, resolve(f, in, 1, 1, 5), 0);
	KUNIT_EXPECT_EQ(test, f->chain.out_num, 4);
	KUNIT_EXPECT_EQ(test, f->chain.in_num, 1);
	KUNIT_EXPECT_EQ(test, f->segs[4].addr, LOW + 7 * 0x1000);
	/* Nothing beyond the capacity was touched. */
	KUNIT_EXPECT_EQ(test, f->segs[5].len, 0xa5a5a5a5);
}

static void permissions(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	const struct vha_seg ro = { IOVA, 1 }, wo = { IOVA + 0x1000, 1 };

	map(test, f, IOVA, 0x1000, HVA, VHOST_ACCESS_RO);
	map(test, f, IOVA + 0x1000, 0x1000, HVA, VHOST_ACCESS_WO);
	KUNIT_EXPECT_EQ(test, resolve(f, &ro, 1, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, resolve(f, &ro, 0, 1, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, resolve(f, &wo, 1, 0, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, resolve(f, &wo, 0, 1, 1), 0);
	expect_no_miss(test, f);
}

static void outside(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	const struct vha_seg seg = { IOVA, 2 };

	/* The second byte is memory of the owner, but not of the guest. */
	map(test, f, IOVA, 0x1000, HVA + 2 * SIZE - 1, VHOST_ACCESS_RW);
	KUNIT_EXPECT_EQ(test, resolve(f, &seg, 1, 0, SEGS), -EFAULT);
}

static void misses(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	const struct vha_seg seg = { IOVA + 0xff0, 0x20 };
	unsigned int i;

	map(test, f, IOVA, 0x1000, HVA, VHOST_ACCESS_RW);
	/* The first address that is missing, asked for once. */
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, resolve(f, &seg, 1, 0, SEGS), -EAGAIN);
	KUNIT_EXPECT_EQ(test, resolve(f, &seg, 0, 1, SEGS), -EAGAIN);
	expect_miss(test, f, IOVA + 0x1000, VHOST_ACCESS_RO);
	expect_miss(test, f, IOVA + 0x1000, VHOST_ACCESS_WO);
	expect_no_miss(test, f);
	KUNIT_EXPECT_EQ(test, resolve(f, &seg, 1, 0, SEGS), -EAGAIN);
	expect_miss(test, f, IOVA + 0x1000, VHOST_ACCESS_RO);
	expect_no_miss(test, f);
}

static void misses_bounded(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	u32 i;

	for (i = 0; i < VHA_IOTLB_MISSES_MAX + 10; i++) {
		const struct vha_seg seg = { IOVA + i * 0x1000, 1 };

		KUNIT_EXPECT_EQ(test, resolve(f, &seg, 1, 0, 1), -EAGAIN);
	}
	for (i = 0; i < VHA_IOTLB_MISSES_MAX; i++)
		expect_miss(test, f, IOVA + i * 0x1000, VHOST_ACCESS_RO);
	expect_no_miss(test, f);
	KUNIT_EXPECT_EQ(test, where(f, 0), 0);
	vha_iotlb_enable(f->iotlb, true);
	expect_no_miss(test, f);
}

/* A queue goes on when its own question is answered, or was never asked. */
static void answers(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	struct vha_queue *vq = &f->guest->vq;
	struct vha_seg seg = { IOVA, 0x20 };
	u32 i;

	KUNIT_EXPECT_FALSE(test, vha_iotlb_answered(vq, 0, U64_MAX));
	KUNIT_EXPECT_EQ(test, resolve(f, &seg, 1, 0, SEGS), -EAGAIN);
	KUNIT_EXPECT_FALSE(test, vha_iotlb_answered(vq, 0, IOVA - 1));
	KUNIT_EXPECT_FALSE(test, vha_iotlb_answered(vq, IOVA + 1, U64_MAX));
	KUNIT_EXPECT_TRUE(test, vha_iotlb_answered(vq, IOVA, IOVA));
	KUNIT_EXPECT_FALSE(test, vha_iotlb_answered(vq, IOVA, IOVA));
	for (i = 0; i <= VHA_IOTLB_MISSES_MAX; i++) {
		seg.addr = IOVA + i * 0x1000;
		KUNIT_EXPECT_EQ(test, resolve(f, &seg, 1, 0, SEGS), -EAGAIN);
	}
	KUNIT_EXPECT_TRUE(test, vha_iotlb_answered(vq, 0, 0));
}

static ssize_t write_msg(struct fixture *f, const void *msg, size_t len)
{
	struct kvec vec = { .iov_base = (void *)msg, .iov_len = len };
	struct iov_iter from;
	ssize_t ret;

	iov_iter_kvec(&from, ITER_SOURCE, &vec, 1, len);
	mutex_lock(&f->guest->dev.mutex);
	ret = vha_iotlb_write(&f->guest->dev, &from);
	mutex_unlock(&f->guest->dev.mutex);
	return ret;
}

static void writes(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	struct vhost_msg_v2 v2 = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = {
			.type = VHOST_IOTLB_UPDATE, .iova = IOVA, .size = 0x1000, .uaddr = HVA,
			.perm = VHOST_ACCESS_RW,
		},
	};
	struct vhost_msg v1 = { .type = VHOST_IOTLB_MSG, .iotlb = v2.iotlb };

	KUNIT_EXPECT_EQ(test, write_msg(f, &v2, sizeof(v2)), sizeof(v2));
	KUNIT_EXPECT_EQ(test, where(f, IOVA), LOW);
	v1.iotlb.iova += 0x1000;
	KUNIT_EXPECT_EQ(test, write_msg(f, &v1, sizeof(v1)), sizeof(v1));
	KUNIT_EXPECT_EQ(test, where(f, IOVA + 0x1000), LOW);
	v1.iotlb.type = VHOST_IOTLB_INVALIDATE;
	KUNIT_EXPECT_EQ(test, write_msg(f, &v1, sizeof(v1)), sizeof(v1));
	KUNIT_EXPECT_EQ(test, where(f, IOVA + 0x1000), 0);
	KUNIT_EXPECT_EQ(test, where(f, IOVA), LOW);
	/* Everything. */
	v1.iotlb.iova = 0;
	v1.iotlb.size = 0;
	KUNIT_EXPECT_EQ(test, write_msg(f, &v1, sizeof(v1)), sizeof(v1));
	KUNIT_EXPECT_EQ(test, where(f, IOVA), 0);
}

static void expect_refused(struct kunit *test, struct fixture *f, u32 type, u32 asid,
			   struct vhost_iotlb_msg iotlb, ssize_t error)
{
	struct vhost_msg_v2 msg = { .type = type, .asid = asid, .iotlb = iotlb };

	KUNIT_EXPECT_EQ(test, write_msg(f, &msg, sizeof(msg)), error);
	KUNIT_EXPECT_EQ(test, f->iotlb->nr, 0);
}

static void writes_refused(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	struct vhost_iotlb_msg good = {
		.type = VHOST_IOTLB_UPDATE, .iova = IOVA, .size = 0x1000, .uaddr = HVA,
		.perm = VHOST_ACCESS_RW,
	};
	struct vhost_iotlb_msg bad = good;
	u8 type;

	expect_refused(test, f, 0, 0, good, -EINVAL);
	expect_refused(test, f, 3, 0, good, -EINVAL);
	expect_refused(test, f, VHOST_IOTLB_MSG_V2, 1, good, -EINVAL);
	for (type = 0; type < 10; type++) {
		if (type == VHOST_IOTLB_UPDATE || type == VHOST_IOTLB_INVALIDATE)
			continue;
		bad.type = type;
		expect_refused(test, f, VHOST_IOTLB_MSG, 0, bad, -EINVAL);
	}
	bad = good;
	bad.size = 0;
	expect_refused(test, f, VHOST_IOTLB_MSG, 0, bad, -EINVAL);
	bad.type = VHOST_IOTLB_INVALIDATE;
	expect_refused(test, f, VHOST_IOTLB_MSG, 0, bad, -EINVAL);
	bad.size = U64_MAX;
	expect_refused(test, f, VHOST_IOTLB_MSG, 0, bad, -EINVAL);
	KUNIT_EXPECT_EQ(test, write_msg(f, &good, sizeof(struct vhost_msg) - 1), -EINVAL);
	vha_iotlb_enable(f->iotlb, false);
	expect_refused(test, f, VHOST_IOTLB_MSG, 0, good, -EFAULT);
	good.type = VHOST_IOTLB_INVALIDATE;
	expect_refused(test, f, VHOST_IOTLB_MSG, 0, good, -EFAULT);
}

static ssize_t read_msg(struct fixture *f, void *msg, size_t len, bool nonblock)
{
	struct kvec vec = { .iov_base = msg, .iov_len = len };
	struct iov_iter to;

	iov_iter_kvec(&to, ITER_DEST, &vec, 1, len);
	return vha_iotlb_read(&f->guest->dev, &to, nonblock);
}

static void reads(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	const struct vha_seg seg = { IOVA + 5, 1 };
	const struct vhost_msg_v2 zero = {};
	struct vhost_msg_v2 msg;

	KUNIT_EXPECT_EQ(test, read_msg(f, &msg, sizeof(msg), true), -EAGAIN);
	KUNIT_EXPECT_EQ(test, resolve(f, &seg, 0, 1, 1), -EAGAIN);
	KUNIT_EXPECT_EQ(test, read_msg(f, &msg, sizeof(msg) - 1, false), 0);
	memset(&msg, 0xff, sizeof(msg));
	KUNIT_EXPECT_EQ(test, read_msg(f, &msg, sizeof(msg), false), sizeof(msg));
	KUNIT_EXPECT_EQ(test, msg.type, VHOST_IOTLB_MSG);
	KUNIT_EXPECT_EQ(test, msg.iotlb.type, VHOST_IOTLB_MISS);
	KUNIT_EXPECT_EQ(test, msg.iotlb.iova, IOVA + 5);
	KUNIT_EXPECT_EQ(test, msg.iotlb.perm, VHOST_ACCESS_WO);
	msg.type = 0;
	msg.iotlb.type = 0;
	msg.iotlb.iova = 0;
	msg.iotlb.perm = 0;
	KUNIT_EXPECT_MEMEQ(test, &msg, &zero, sizeof(msg));
	f->guest->dev.backend_features = BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2);
	resolve(f, &seg, 0, 1, 1);
	KUNIT_EXPECT_EQ(test, read_msg(f, &msg, sizeof(msg), true), sizeof(msg));
	KUNIT_EXPECT_EQ(test, msg.type, VHOST_IOTLB_MSG_V2);
	vha_iotlb_enable(f->iotlb, false);
	KUNIT_EXPECT_EQ(test, read_msg(f, &msg, sizeof(msg), false), -EBADFD);
}

/* A reader that waits, until it has an answer and is stopped. */
struct reader {
	struct fixture *f;
	struct completion done;
	ssize_t ret;
	struct vhost_msg_v2 msg;
};

static int reader_main(void *data)
{
	struct reader *reader = data;

	reader->ret = read_msg(reader->f, &reader->msg, sizeof(reader->msg), false);
	complete(&reader->done);
	while (!kthread_should_stop())
		schedule_timeout_idle(1);
	return 0;
}

static ssize_t read_in_thread(struct kunit *test, struct reader *reader, bool disable)
{
	const struct vha_seg seg = { IOVA, 1 };
	struct task_struct *task;
	unsigned long left;

	init_completion(&reader->done);
	task = kthread_run(reader_main, reader, "vha-reader");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&reader->done, HZ / 20), 0);
	if (disable)
		vha_iotlb_enable(reader->f->iotlb, false);
	else
		resolve(reader->f, &seg, 1, 0, 1);
	left = wait_for_completion_timeout(&reader->done, 60 * HZ);
	KUNIT_EXPECT_NE(test, left, 0);
	kthread_stop(task);
	return reader->ret;
}

static void read_waits(struct kunit *test)
{
	struct reader *reader = kunit_kzalloc(test, sizeof(*reader), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, reader);
	reader->f = fixture_create(test);
	KUNIT_EXPECT_EQ(test, read_in_thread(test, reader, false), sizeof(reader->msg));
	KUNIT_EXPECT_EQ(test, reader->msg.iotlb.iova, IOVA);
	KUNIT_EXPECT_EQ(test, read_in_thread(test, reader, true), -EBADFD);
}

/* Memory that exists, at I/O addresses in another order. */
static unsigned long real_memory(struct kunit *test, struct fixture *f)
{
	unsigned long hva = guest_mmap(test, f->guest, 4 * PAGE_SIZE);
	const struct vhost_memory_region region = {
		.guest_phys_addr = SZ_1M, .memory_size = 4 * PAGE_SIZE, .userspace_addr = hva,
	};

	guest_fill(test, hva, 4 * PAGE_SIZE);
	guest_set_mem(test, f->guest, &region, 1);
	map(test, f, IOVA, PAGE_SIZE, hva + 2 * PAGE_SIZE, VHOST_ACCESS_RW);
	map(test, f, IOVA + PAGE_SIZE, PAGE_SIZE, hva, VHOST_ACCESS_RO);
	map(test, f, IOVA + 3 * PAGE_SIZE, PAGE_SIZE, hva + 4 * PAGE_SIZE, VHOST_ACCESS_RW);
	map(test, f, IOVA + 8 * PAGE_SIZE, PAGE_SIZE, hva + 64, VHOST_ACCESS_RW);
	return hva;
}

static void read_guest(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	unsigned long hva = real_memory(test, f);
	struct vha_queue *vq = &f->guest->vq;
	u8 buf[32];

	KUNIT_EXPECT_EQ(test, vha_iotlb_read_guest(vq, IOVA + PAGE_SIZE - 10, buf, 32), 0);
	KUNIT_EXPECT_EQ(test, guest_differs(buf, hva + 3 * PAGE_SIZE - 10, 10), 0);
	KUNIT_EXPECT_EQ(test, guest_differs(buf + 10, hva, 22), 0);
	KUNIT_EXPECT_EQ(test, vha_iotlb_read_guest(vq, IOVA + 2 * PAGE_SIZE - 1, buf, 2), -EAGAIN);
	expect_miss(test, f, IOVA + 2 * PAGE_SIZE, VHOST_ACCESS_RO);
	KUNIT_EXPECT_EQ(test, vha_iotlb_read_guest(vq, IOVA + 3 * PAGE_SIZE, buf, 1), -EFAULT);
}

static void map_ring(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	unsigned long hva = real_memory(test, f);
	struct vha_queue *vq = &f->guest->vq;
	struct vha_ring_map ring = {};

	KUNIT_ASSERT_EQ(test, vha_iotlb_map_ring(vq, &ring, IOVA + 16, 2 * PAGE_SIZE - 16, false),
			0);
	KUNIT_EXPECT_EQ(test, guest_differs(ring.addr, hva + 2 * PAGE_SIZE + 16, PAGE_SIZE - 16),
			0);
	KUNIT_EXPECT_EQ(test, guest_differs(ring.addr + PAGE_SIZE - 16, hva, PAGE_SIZE), 0);
	vha_ring_unmap(&ring, vq->dev->mm);
	KUNIT_EXPECT_EQ(test, vha_iotlb_map_ring(vq, &ring, IOVA, 2 * PAGE_SIZE, true), -EFAULT);
	KUNIT_EXPECT_EQ(test, vha_iotlb_map_ring(vq, &ring, IOVA, 2 * PAGE_SIZE + 1, false),
			-EAGAIN);
	expect_miss(test, f, IOVA + 2 * PAGE_SIZE, VHOST_ACCESS_RO);
	/* Not memory of the guest; not at the same place in a page. */
	KUNIT_EXPECT_EQ(test, vha_iotlb_map_ring(vq, &ring, IOVA + 3 * PAGE_SIZE, 1, false),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, vha_iotlb_map_ring(vq, &ring, IOVA + 8 * PAGE_SIZE, 1, false),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, vha_iotlb_map_ring(vq, &ring, U64_MAX, 2, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, vha_iotlb_map_ring(vq, &ring, IOVA, 0, false), -EINVAL);
	KUNIT_EXPECT_NULL(test, ring.addr);
}

static struct kunit_case iotlb_cases[] = {
	KUNIT_CASE(insert_refuses),
	KUNIT_CASE(boundaries),
	KUNIT_CASE(replaced),
	KUNIT_CASE(removed),
	KUNIT_CASE_SLOW(oldest_goes),
	KUNIT_CASE(splits),
	KUNIT_CASE(merges),
	KUNIT_CASE(capacity),
	KUNIT_CASE(permissions),
	KUNIT_CASE(outside),
	KUNIT_CASE(misses),
	KUNIT_CASE(misses_bounded),
	KUNIT_CASE(answers),
	KUNIT_CASE(writes),
	KUNIT_CASE(writes_refused),
	KUNIT_CASE(reads),
	KUNIT_CASE(read_waits),
	KUNIT_CASE(read_guest),
	KUNIT_CASE(map_ring),
	{}
};

static struct kunit_suite iotlb_suite = {
	.name = "vha_iotlb",
	.test_cases = iotlb_cases,
};

kunit_test_suite(iotlb_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the device IOTLB");
MODULE_LICENSE("GPL");
