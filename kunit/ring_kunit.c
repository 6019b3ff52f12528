// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings, as compiled for the kernel
 *
 * The ring files know nothing of the rest of the core and are simply built in
 * here. That they are right is a matter of selftests/ring; this is to show that
 * they still are with the kernel's compiler, barriers and sanitizers.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "../drivers/core/chain.c"
#include "../drivers/core/ring.c"
#include "../drivers/core/ring_packed.c"
#include "../drivers/core/ring_split.c"

#define NUM		4
#define CHAIN_MAX	6
#define SEGS		8
#define TABLE_ADDR	0x10000
#define AVAIL		BIT(VRING_PACKED_DESC_F_AVAIL)
#define USED		BIT(VRING_PACKED_DESC_F_USED)

/* A ring in memory of its own, and a driver with no more than it takes. */
struct rig {
	struct vha_ring ring;
	struct vha_chain chain;
	struct vha_seg segs[SEGS];
	struct vha_order order[NUM];
	struct vring_desc table[CHAIN_MAX];	/* the ring's scratch */
	struct vring_desc guest_table[NUM];
	void *part[3];
	u32 posted;			/* buffers (split), descriptors (packed) */
	int read_error;
	u32 logged;
};

int vha_ring_read(struct vha_ring *ring, u64 addr, void *dst, u32 len)
{
	struct rig *rig = container_of(ring, struct rig, ring);
	u64 offset = addr - TABLE_ADDR;

	if (rig->read_error)
		return rig->read_error;
	if (addr < TABLE_ADDR || offset + len > sizeof(rig->guest_table))
		return -EFAULT;
	memcpy(dst, (void *)rig->guest_table + offset, len);
	return 0;
}

void vha_ring_log(struct vha_ring *ring, const void *addr, u32 len)
{
	container_of(ring, struct rig, ring)->logged += len;
}

static const struct format {
	const char *name;
	bool packed;
} formats[] = {
	{ "split", false }, { "packed", true },
};

static void format_name(const struct format *format, char *name)
{
	strscpy(name, format->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(format, formats, format_name);

static struct rig *rig_open(struct kunit *test, bool packed)
{
	struct rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);
	const size_t sizes[3] = {
		sizeof(struct vring_desc) * NUM,
		packed ? sizeof(struct vring_packed_desc_event) :
			 sizeof(struct vring_avail) + (NUM + 1) * sizeof(u16),
		packed ? sizeof(struct vring_packed_desc_event) :
			 sizeof(struct vring_used) + sizeof(u16) +
			 sizeof(struct vring_used_elem) * NUM,
	};
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, rig);
	for (i = 0; i < 3; i++) {
		rig->part[i] = kunit_kzalloc(test, sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, rig->part[i]);
	}
	rig->ring.num = NUM;
	rig->ring.packed = packed;
	rig->ring.indirect = true;
	rig->ring.desc = rig->part[0];
	rig->ring.avail = rig->part[1];
	rig->ring.used = rig->part[2];
	rig->ring.chain_max = CHAIN_MAX;
	rig->ring.table = rig->table;
	rig->ring.order = rig->order;
	rig->chain.segs = rig->segs;
	rig->chain.max = SEGS;
	KUNIT_ASSERT_EQ(test, vha_ring_init(&rig->ring, packed ? 0x80008000 : 0), 0);
	return rig;
}

static struct rig *rig_param(struct kunit *test)
{
	const struct format *format = test->param_value;

	return rig_open(test, format->packed);
}

static void put_split(struct vring_desc *desc, u64 addr, u32 len, u16 flags, u16 next)
{
	desc->addr = (__force __virtio64)cpu_to_le64(addr);
	desc->len = (__force __virtio32)cpu_to_le32(len);
	desc->flags = (__force __virtio16)cpu_to_le16(flags);
	desc->next = (__force __virtio16)cpu_to_le16(next);
}

static void put_packed(struct rig *rig, u32 position, u64 addr, u32 len, u16 flags)
{
	struct vring_packed_desc *desc = rig->part[0];
	u16 slot = position % NUM;

	desc[slot].addr = cpu_to_le64(addr);
	desc[slot].len = cpu_to_le32(len);
	desc[slot].id = cpu_to_le16(slot);
	desc[slot].flags = cpu_to_le16(flags | (position / NUM % 2 ? USED : AVAIL));
}

static void expose(struct rig *rig, u16 head)
{
	struct vring_avail *avail = rig->part[1];

	avail->ring[rig->posted % NUM] = (__force __virtio16)cpu_to_le16(head);
	rig->posted++;
	avail->idx = (__force __virtio16)cpu_to_le16(rig->posted);
}

/* A buffer of one segment to read and one to write. */
static void post(struct rig *rig, u64 addr)
{
	const u16 in = VRING_DESC_F_WRITE, more = VRING_DESC_F_NEXT;
	struct vring_desc *desc = rig->part[0];

	if (rig->ring.packed) {
		put_packed(rig, rig->posted + 1, addr + 1, 200, in);
		put_packed(rig, rig->posted, addr, 100, more);
		rig->posted += 2;
	} else {
		u16 head = rig->posted * 2 % NUM;

		put_split(&desc[head], addr, 100, more, head + 1);
		put_split(&desc[head + 1], addr + 1, 200, in, 0);
		expose(rig, head);
	}
}

/* How many used buffers the driver sees that it did not see before. */
static unsigned int seen(struct rig *rig, u32 *position)
{
	const struct vring_packed_desc *desc = rig->part[0];
	const struct vring_used *used = rig->part[2];
	unsigned int count = 0;

	if (!rig->ring.packed) {
		u16 idx = le16_to_cpu((__force __le16)used->idx);

		count = (u16)(idx - *position);
		*position = idx;
		return count;
	}
	for (;;) {
		u16 flags = le16_to_cpu(desc[*position % NUM].flags);

		if ((flags & (AVAIL | USED)) != (*position / NUM % 2 ? 0 : AVAIL | USED))
			return count;
		*position += 2;
		count++;
	}
}

static void fetch_and_return(struct kunit *test)
{
	struct rig *rig = rig_param(test);
	struct vha_token tokens[2];
	u32 position = 0;
	unsigned int round, i;

	for (round = 0; round < 5 * NUM; round++) {
		KUNIT_EXPECT_EQ(test, vha_ring_fetch(&rig->ring, &rig->chain), 0);
		for (i = 0; i < 2; i++) {
			post(rig, 1000 * round + i);
			KUNIT_EXPECT_TRUE(test, vha_ring_pending(&rig->ring));
			KUNIT_ASSERT_EQ(test, vha_ring_fetch(&rig->ring, &rig->chain), 1);
			KUNIT_EXPECT_EQ(test, rig->chain.out_num, 1);
			KUNIT_EXPECT_EQ(test, rig->chain.in_num, 1);
			KUNIT_EXPECT_EQ(test, rig->chain.out_len, 100);
			KUNIT_EXPECT_EQ(test, rig->chain.in_len, 200);
			KUNIT_EXPECT_EQ(test, rig->segs[0].addr, 1000 * round + i);
			KUNIT_EXPECT_EQ(test, rig->segs[1].addr, 1000 * round + i + 1);
			tokens[i] = rig->chain.token;
		}
		for (i = 0; i < 2; i++)
			vha_ring_stage(&rig->ring, &tokens[i], i);
		KUNIT_EXPECT_EQ(test, seen(rig, &position), 0);
		vha_ring_publish(&rig->ring);
		KUNIT_EXPECT_EQ(test, seen(rig, &position), 2);
	}
}

static void unfetch(struct kunit *test)
{
	struct rig *rig = rig_param(test);
	struct vha_token token;
	u32 base = vha_ring_base(&rig->ring);

	post(rig, 1);
	KUNIT_ASSERT_EQ(test, vha_ring_fetch(&rig->ring, &rig->chain), 1);
	token = rig->chain.token;
	KUNIT_EXPECT_NE(test, vha_ring_base(&rig->ring), base);
	vha_ring_unfetch(&rig->ring, &token);
	KUNIT_EXPECT_EQ(test, vha_ring_base(&rig->ring), base);
	KUNIT_EXPECT_EQ(test, vha_ring_fetch(&rig->ring, &rig->chain), 1);
	KUNIT_EXPECT_EQ(test, rig->chain.token.id, token.id);
}

static void in_order(struct kunit *test)
{
	struct rig *rig = rig_param(test);
	struct vha_token tokens[2];
	u32 position = 0;
	unsigned int round, i;

	rig->ring.in_order = true;
	for (round = 0; round < 3 * NUM; round++) {
		for (i = 0; i < 2; i++) {
			post(rig, i);
			KUNIT_ASSERT_EQ(test, vha_ring_fetch(&rig->ring, &rig->chain), 1);
			tokens[i] = rig->chain.token;
		}
		vha_ring_stage(&rig->ring, &tokens[1], 1);
		vha_ring_publish(&rig->ring);
		KUNIT_EXPECT_EQ(test, seen(rig, &position), 0);
		vha_ring_stage(&rig->ring, &tokens[0], 1);
		vha_ring_publish(&rig->ring);
		KUNIT_EXPECT_EQ(test, seen(rig, &position), 2);
	}
}

static void post_table(struct rig *rig, u64 addr, u32 len)
{
	struct vring_desc *desc = rig->part[0];

	put_split(&rig->guest_table[0], 1, 10, VRING_DESC_F_NEXT, 1);
	put_split(&rig->guest_table[1], 2, 20, 0, 0);
	if (rig->ring.packed) {
		/* The same place has id and flags in a packed descriptor. */
		put_split(&rig->guest_table[0], 1, 10, 0, 0);
		put_packed(rig, rig->posted++, addr, len, VRING_DESC_F_INDIRECT);
	} else {
		put_split(&desc[0], addr, len, VRING_DESC_F_INDIRECT, 0);
		expose(rig, 0);
	}
}

static void indirect(struct kunit *test)
{
	struct rig *rig = rig_param(test);

	post_table(rig, TABLE_ADDR, 32);
	rig->read_error = -EAGAIN;
	KUNIT_EXPECT_EQ(test, vha_ring_fetch(&rig->ring, &rig->chain), -EAGAIN);
	rig->read_error = 0;
	KUNIT_EXPECT_EQ(test, vha_ring_fetch(&rig->ring, &rig->chain), 1);
	KUNIT_EXPECT_EQ(test, rig->chain.out_num, 2);
	KUNIT_EXPECT_EQ(test, rig->chain.out_len, 30);
}

static void hostile_tables(struct kunit *test)
{
	static const struct {
		u64 addr;
		u32 len;
		enum vha_ring_error error;
	} cases[] = {
		{ TABLE_ADDR, 0, VHA_RING_INDIRECT },
		{ TABLE_ADDR, 24, VHA_RING_INDIRECT },
		{ TABLE_ADDR, 16 * (CHAIN_MAX + 1), VHA_RING_INDIRECT },
		{ TABLE_ADDR, 0xfffffff0, VHA_RING_INDIRECT },
		{ TABLE_ADDR - 16, 32, VHA_RING_UNMAPPED },
		{ TABLE_ADDR + 16 * NUM, 32, VHA_RING_UNMAPPED },
		{ 0xfffffffffffffff0, 32, VHA_RING_ADDRESS },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig *rig = rig_param(test);

		post_table(rig, cases[i].addr, cases[i].len);
		KUNIT_EXPECT_EQ(test, vha_ring_fetch(&rig->ring, &rig->chain), -EINVAL);
		KUNIT_EXPECT_EQ(test, rig->ring.error, cases[i].error);
	}
}

static void hostile_split(struct kunit *test)
{
	static const struct {
		u16 idx, head, flags, next;
		u64 addr;
		enum vha_ring_error error;
	} cases[] = {
		{ NUM + 1, 0, 0, 0, 0, VHA_RING_AVAIL_INDEX },
		{ 0xffff, 0, 0, 0, 0, VHA_RING_AVAIL_INDEX },
		{ 1, NUM, 0, 0, 0, VHA_RING_HEAD },
		{ 1, 0xffff, 0, 0, 0, VHA_RING_HEAD },
		{ 1, 0, VRING_DESC_F_NEXT, NUM, 0, VHA_RING_NEXT },
		{ 1, 0, VRING_DESC_F_NEXT, 0xffff, 0, VHA_RING_NEXT },
		{ 1, 0, VRING_DESC_F_NEXT, 0, 0, VHA_RING_LOOP },
		{ 1, 0, 0, 0, 0xffffffffffffffff, VHA_RING_ADDRESS },
		{ 1, 0, VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT, 0, 0, VHA_RING_INDIRECT },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rig *rig = rig_open(test, false);
		struct vring_avail *avail = rig->part[1];

		put_split(rig->part[0], cases[i].addr, 16, cases[i].flags, cases[i].next);
		avail->ring[0] = (__force __virtio16)cpu_to_le16(cases[i].head);
		avail->idx = (__force __virtio16)cpu_to_le16(cases[i].idx);
		KUNIT_EXPECT_EQ(test, vha_ring_fetch(&rig->ring, &rig->chain), -EINVAL);
		KUNIT_EXPECT_EQ(test, rig->ring.error, cases[i].error);
		KUNIT_EXPECT_EQ(test, vha_ring_base(&rig->ring), 0);
	}
}

static void hostile_packed(struct kunit *test)
{
	struct rig *rig = rig_open(test, true);
	struct vring_packed_desc *desc = rig->part[0];
	unsigned int i;

	put_packed(rig, 0, 1, 1, VRING_DESC_F_NEXT);
	KUNIT_EXPECT_EQ(test, vha_ring_fetch(&rig->ring, &rig->chain), -EINVAL);
	KUNIT_EXPECT_EQ(test, rig->ring.error, VHA_RING_PARTIAL);

	for (i = 0; i < NUM; i++)
		put_packed(rig, i, 1, 1, VRING_DESC_F_NEXT);
	KUNIT_EXPECT_EQ(test, vha_ring_fetch(&rig->ring, &rig->chain), -EINVAL);
	KUNIT_EXPECT_EQ(test, rig->ring.error, VHA_RING_LOOP);

	put_packed(rig, 0, 1, 1, 0);
	desc[0].id = cpu_to_le16(NUM);
	KUNIT_EXPECT_EQ(test, vha_ring_fetch(&rig->ring, &rig->chain), -EINVAL);
	KUNIT_EXPECT_EQ(test, rig->ring.error, VHA_RING_BUFFER_ID);

	KUNIT_EXPECT_EQ(test, vha_ring_init(&rig->ring, 0x80008000 | NUM), -EINVAL);
	KUNIT_EXPECT_EQ(test, vha_ring_init(&rig->ring, 0x80008000 | NUM << 16), -EINVAL);
}

static void too_many_in_flight(struct kunit *test)
{
	struct rig *rig = rig_param(test);
	unsigned int most = rig->ring.packed ? NUM / 2 : NUM;
	struct vha_token token;
	unsigned int i;

	for (i = 0; i < most; i++) {
		post(rig, i);
		KUNIT_ASSERT_EQ(test, vha_ring_fetch(&rig->ring, &rig->chain), 1);
	}
	token = rig->chain.token;
	post(rig, i);
	KUNIT_EXPECT_EQ(test, vha_ring_fetch(&rig->ring, &rig->chain), -EINVAL);
	KUNIT_EXPECT_EQ(test, rig->ring.error, VHA_RING_EXCESS);
	vha_ring_stage(&rig->ring, &token, 0);
	post(rig, i);
	KUNIT_EXPECT_EQ(test, vha_ring_fetch(&rig->ring, &rig->chain), 1);
}

static void use_one(struct rig *rig)
{
	post(rig, 0);
	if (vha_ring_fetch(&rig->ring, &rig->chain) != 1)
		return;
	vha_ring_stage(&rig->ring, &rig->chain.token, 1);
	vha_ring_publish(&rig->ring);
}

static void signal_by_flags(struct kunit *test)
{
	struct rig *rig = rig_param(test);
	struct vring_packed_desc_event *event = rig->part[1];
	struct vring_avail *avail = rig->part[1];

	KUNIT_EXPECT_FALSE(test, vha_ring_need_signal(&rig->ring));
	use_one(rig);
	KUNIT_EXPECT_TRUE(test, vha_ring_need_signal(&rig->ring));
	KUNIT_EXPECT_FALSE(test, vha_ring_need_signal(&rig->ring));
	if (rig->ring.packed)
		event->flags = cpu_to_le16(VRING_PACKED_EVENT_FLAG_DISABLE);
	else
		avail->flags = (__force __virtio16)cpu_to_le16(VRING_AVAIL_F_NO_INTERRUPT);
	use_one(rig);
	KUNIT_EXPECT_FALSE(test, vha_ring_need_signal(&rig->ring));
}

static void signal_by_event(struct kunit *test)
{
	struct rig *rig = rig_param(test);
	struct vring_packed_desc_event *event = rig->part[1];
	struct vring_avail *avail = rig->part[1];
	unsigned int i;

	rig->ring.event_idx = true;
	event->flags = cpu_to_le16(rig->ring.packed ? VRING_PACKED_EVENT_FLAG_DESC : 0);
	use_one(rig);
	KUNIT_EXPECT_TRUE(test, vha_ring_need_signal(&rig->ring));
	for (i = 1; i < 3 * NUM; i++) {
		/* The driver waits for the buffer after the next. */
		u32 wanted = rig->ring.packed ? 2 * i + 2 : i + 1;

		if (rig->ring.packed)
			event->off_wrap = cpu_to_le16(wanted % NUM |
						      (wanted / NUM % 2 ? 0 : 0x8000));
		else
			avail->ring[NUM] = (__force __virtio16)cpu_to_le16(wanted);
		use_one(rig);
		KUNIT_EXPECT_FALSE(test, vha_ring_need_signal(&rig->ring));
		use_one(rig);
		KUNIT_EXPECT_TRUE(test, vha_ring_need_signal(&rig->ring));
		i++;
	}
}

static void kicks(struct kunit *test)
{
	struct rig *rig = rig_param(test);
	struct vring_packed_desc_event *event = rig->part[2];
	struct vring_used *used = rig->part[2];

	vha_ring_disable_kick(&rig->ring);
	if (rig->ring.packed)
		KUNIT_EXPECT_EQ(test, le16_to_cpu(event->flags),
				VRING_PACKED_EVENT_FLAG_DISABLE);
	else
		KUNIT_EXPECT_EQ(test, le16_to_cpu((__force __le16)used->flags),
				VRING_USED_F_NO_NOTIFY);
	KUNIT_EXPECT_FALSE(test, vha_ring_enable_kick(&rig->ring));
	KUNIT_EXPECT_EQ(test, *(u32 *)rig->part[2], 0);
	post(rig, 0);
	KUNIT_EXPECT_TRUE(test, vha_ring_enable_kick(&rig->ring));
}

static void log_counts(struct kunit *test)
{
	struct rig *rig = rig_param(test);

	use_one(rig);
	KUNIT_EXPECT_EQ(test, rig->logged, 0);
	rig->ring.log = true;
	use_one(rig);
	/* An element and the index, or length, id and flags and flags again. */
	KUNIT_EXPECT_EQ(test, rig->logged, 8 + 2);
	rig->logged = 0;
	vha_ring_disable_kick(&rig->ring);
	KUNIT_EXPECT_EQ(test, rig->logged, rig->ring.packed ? 4 : 2);
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE_PARAM(fetch_and_return, format_gen_params),
	KUNIT_CASE_PARAM(unfetch, format_gen_params),
	KUNIT_CASE_PARAM(in_order, format_gen_params),
	KUNIT_CASE_PARAM(indirect, format_gen_params),
	KUNIT_CASE_PARAM(hostile_tables, format_gen_params),
	KUNIT_CASE(hostile_split),
	KUNIT_CASE(hostile_packed),
	KUNIT_CASE_PARAM(too_many_in_flight, format_gen_params),
	KUNIT_CASE_PARAM(signal_by_flags, format_gen_params),
	KUNIT_CASE_PARAM(signal_by_event, format_gen_params),
	KUNIT_CASE_PARAM(kicks, format_gen_params),
	KUNIT_CASE_PARAM(log_counts, format_gen_params),
	{ }
};

static struct kunit_suite ring_suite = {
	.name = "vha_ring",
	.test_cases = ring_cases,
};

kunit_test_suite(ring_suite);

MODULE_DESCRIPTION("KUnit tests of the rings");
MODULE_LICENSE("GPL");
