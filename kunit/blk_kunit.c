// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block class: framing, range checks, stability, status, configuration space
 */
#include <kunit/test.h>
#include <linux/blkzoned.h>
#include <linux/module.h>
#include <linux/unaligned.h>

#include "../drivers/blk/blk.h"
#include "../drivers/blk/config.h"
#include "../drivers/blk/range.h"
#include "../drivers/blk/zoned.h"

#define HEADER	sizeof(struct virtio_blk_outhdr)

/* Framing. */

/*
 * A chain from lists of segment lengths that end in a negative number. Each
 * segment starts in a page of its own, so that an address says which it is.
 */
struct frame {
	struct vha_seg segs[16];
	struct vha_chain chain;
};

static void frame_make(struct frame *f, const int *out, const int *in)
{
	unsigned int n = 0;

	memset(f, 0, sizeof(*f));
	for (; *out >= 0; out++, n++) {
		f->segs[n] = (struct vha_seg) { .addr = n * PAGE_SIZE, .len = *out };
		f->chain.out_len += *out;
		f->chain.out_num++;
	}
	for (; *in >= 0; in++, n++) {
		f->segs[n] = (struct vha_seg) { .addr = n * PAGE_SIZE, .len = *in };
		f->chain.in_len += *in;
		f->chain.in_num++;
	}
	f->chain.segs = f->segs;
}

static u64 at(const struct vha_cursor *cursor)
{
	return cursor->seg->addr + cursor->offset;
}

struct frame_case {
	const char *name;
	int out[8];
	int in[8];
	bool valid;
	u64 data;
	u64 status;
};

static const struct frame_case frame_cases[] = {
	{ "apart", { 16, 512, -1 }, { 1, -1 }, true, 1 * PAGE_SIZE, 2 * PAGE_SIZE },
	{ "header in halves", { 8, 8, 512, -1 }, { 1, -1 }, true, 2 * PAGE_SIZE,
	  3 * PAGE_SIZE },
	{ "header by bytes of four", { 4, 4, 4, 4, 512, -1 }, { 1, -1 }, true,
	  4 * PAGE_SIZE, 5 * PAGE_SIZE },
	{ "header with data", { 528, -1 }, { 1, -1 }, true, 16, 1 * PAGE_SIZE },
	{ "header cut within data", { 10, 6 + 100, 412, -1 }, { 1, -1 }, true,
	  1 * PAGE_SIZE + 6, 3 * PAGE_SIZE },
	{ "status with data", { 16, 512, -1 }, { 513, -1 }, true, 1 * PAGE_SIZE,
	  2 * PAGE_SIZE + 512 },
	{ "status at the end of more", { 16, 512, -1 }, { 4, 4, -1 }, true, 1 * PAGE_SIZE,
	  3 * PAGE_SIZE + 3 },
	{ "empty segments", { 0, 16, 0, 512, -1 }, { 0, 1, 0, -1 }, true, 3 * PAGE_SIZE,
	  5 * PAGE_SIZE },
	{ "no status", { 16, 512, -1 }, { -1 }, false, 0, 0 },
	{ "empty status", { 16, 512, -1 }, { 0, -1 }, false, 0, 0 },
	{ "short header", { 15, -1 }, { 1, -1 }, false, 0, 0 },
	{ "no header", { -1 }, { 512, 1, -1 }, false, 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(frame, frame_cases, name);

static void frame_test(struct kunit *test)
{
	const struct frame_case *c = test->param_value;
	struct vha_cursor cursor;
	struct frame f;

	frame_make(&f, c->out, c->in);
	KUNIT_ASSERT_EQ(test, vha_blk_chain_valid(&f.chain), c->valid);
	if (!c->valid)
		return;
	vha_blk_chain_data(&f.chain, &cursor);
	KUNIT_EXPECT_EQ(test, at(&cursor), c->data);
	vha_blk_chain_tail(&f.chain, 1, &cursor);
	KUNIT_EXPECT_EQ(test, at(&cursor), c->status);
}

/* The reply of a zone append stands before the status byte, however both are cut. */
static void frame_reply_test(struct kunit *test)
{
	const int out[] = { 16, 4096, -1 };
	const int in[] = { 100, 3, 5, 1, -1 };
	struct vha_cursor cursor;
	struct frame f;

	frame_make(&f, out, in);
	vha_blk_chain_tail(&f.chain, 9, &cursor);
	KUNIT_EXPECT_EQ(test, at(&cursor), 3 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, cursor.nr, 3);
	vha_blk_chain_tail(&f.chain, f.chain.in_len, &cursor);
	KUNIT_EXPECT_EQ(test, at(&cursor), 2 * PAGE_SIZE);
}

static void frame_aligned_test(struct kunit *test)
{
	const int out[] = { 16, 4096, 512, 1024, -1 };
	const int odd[] = { 16 + 512, 511, 513, -1 };
	const int in[] = { 1, -1 };
	struct vha_cursor data;
	struct frame f;

	frame_make(&f, out, in);
	vha_blk_chain_data(&f.chain, &data);
	KUNIT_EXPECT_TRUE(test, vha_blk_segs_aligned(data, 5632, 511));
	KUNIT_EXPECT_FALSE(test, vha_blk_segs_aligned(data, 5632, 4095));
	/* What lies behind the data does not matter. */
	KUNIT_EXPECT_TRUE(test, vha_blk_segs_aligned(data, 4096, 4095));
	frame_make(&f, odd, in);
	vha_blk_chain_data(&f.chain, &data);
	KUNIT_EXPECT_TRUE(test, vha_blk_segs_aligned(data, 512, 511));
	KUNIT_EXPECT_FALSE(test, vha_blk_segs_aligned(data, 1536, 511));
}

static void frame_bvecs_test(struct kunit *test)
{
	const int out[] = { 16, 4096, 0, 1, -1 };
	const int in[] = { 1, -1 };
	struct vha_cursor data;
	struct frame f;

	frame_make(&f, out, in);
	vha_blk_chain_data(&f.chain, &data);
	KUNIT_EXPECT_EQ(test, vha_blk_count_bvecs(data, 4097, 0), 2);
	KUNIT_EXPECT_EQ(test, vha_blk_count_bvecs(data, 4097, 1), 4);
	f.segs[1].addr += 1;
	KUNIT_EXPECT_EQ(test, vha_blk_count_bvecs(data, 4096, 0), 2);
	f.segs[1].len = U32_MAX;
	KUNIT_EXPECT_EQ(test, vha_blk_count_bvecs(data, U32_MAX, 0), 1048576);
}

/* Where a request goes. */

struct rw_case {
	const char *name;
	u64 sector;
	u32 len;
	u32 block_size;
	u64 capacity;
	u8 status;
};

static const struct rw_case rw_cases[] = {
	{ "first", 0, 512, 512, 8, VIRTIO_BLK_S_OK },
	{ "last", 7, 512, 512, 8, VIRTIO_BLK_S_OK },
	{ "all", 0, 4096, 512, 8, VIRTIO_BLK_S_OK },
	{ "none at the end", 8, 0, 512, 8, VIRTIO_BLK_S_OK },
	{ "none behind the end", 9, 0, 512, 8, VIRTIO_BLK_S_IOERR },
	{ "one too many", 1, 4096, 512, 8, VIRTIO_BLK_S_IOERR },
	{ "behind the end", 8, 512, 512, 8, VIRTIO_BLK_S_IOERR },
	{ "wraps to zero", U64_MAX, 512, 512, U64_MAX, VIRTIO_BLK_S_IOERR },
	{ "wraps", U64_MAX - 1, 4096, 512, 8, VIRTIO_BLK_S_IOERR },
	{ "bytes would wrap", 1ULL << 55, 512, 512, 8, VIRTIO_BLK_S_IOERR },
	{ "half a sector", 0, 256, 512, 8, VIRTIO_BLK_S_IOERR },
	{ "a byte more", 0, 513, 512, 8, VIRTIO_BLK_S_IOERR },
	{ "large block", 8, 4096, 4096, 16, VIRTIO_BLK_S_OK },
	{ "cuts a large block", 0, 512, 4096, 16, VIRTIO_BLK_S_IOERR },
	{ "inside a large block", 1, 4096, 4096, 16, VIRTIO_BLK_S_IOERR },
	{ "empty disk", 0, 512, 512, 0, VIRTIO_BLK_S_IOERR },
};

KUNIT_ARRAY_PARAM_DESC(rw, rw_cases, name);

static void rw_test(struct kunit *test)
{
	const struct rw_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, vha_blk_rw_status(c->sector, c->len, c->block_size, c->capacity),
			c->status);
}

/* Every combination, against the specification's three cases spelled out. */
static void stable_test(struct kunit *test)
{
	unsigned int bits;

	for (bits = 0; bits < 16; bits++) {
		bool flush = bits & 1, wce = bits & 2, writeback = bits & 4;
		bool write_through = bits & 8;
		bool neither = !flush && !wce;
		bool mode = wce && !writeback;
		bool asked = !wce && write_through;

		KUNIT_EXPECT_EQ(test, vha_blk_is_stable(flush, wce, writeback, write_through),
				neither || mode || asked);
	}
}

struct status_case {
	int error;
	u8 status;
};

static void status_test(struct kunit *test)
{
	static const struct status_case cases[] = {
		{ 0, VIRTIO_BLK_S_OK },
		{ -EIO, VIRTIO_BLK_S_IOERR },
		{ -EFAULT, VIRTIO_BLK_S_IOERR },
		{ -ENOMEM, VIRTIO_BLK_S_IOERR },
		{ -E2BIG, VIRTIO_BLK_S_IOERR },
		{ -ENOSPC, VIRTIO_BLK_S_IOERR },
		{ -ENODATA, VIRTIO_BLK_S_IOERR },
		{ -EREMOTEIO, VIRTIO_BLK_S_IOERR },
		{ -EOPNOTSUPP, VIRTIO_BLK_S_UNSUPP },
		{ -ETOOMANYREFS, VIRTIO_BLK_S_ZONE_OPEN_RESOURCE },
		{ -EOVERFLOW, VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ(test, vha_blk_errno_status(cases[i].error), cases[i].status);
	for (i = 1; i <= MAX_ERRNO; i++)
		KUNIT_EXPECT_NE(test, vha_blk_errno_status(-(int)i), VIRTIO_BLK_S_OK);
}

/* Which numbers are request types: only those of the specification. */
static void type_test(struct kunit *test)
{
	static const u8 known[] = { 0, 1, 4, 8, 11, 13, 14, 15, 16, 18, 20, 22, 24, 26 };
	static const u32 unknown[] = { U32_MAX, 0x80000000, 0x80000001, 256, 65536 };
	unsigned int i, n = 0;

	for (i = 0; i < 64; i++) {
		bool is = n < ARRAY_SIZE(known) && known[n] == i;

		KUNIT_EXPECT_EQ(test, !!vha_blk_op(i), is);
		n += is;
	}
	for (i = 0; i < ARRAY_SIZE(unknown); i++)
		KUNIT_EXPECT_NULL(test, vha_blk_op(unknown[i]));
}

/* Ranges. */

struct range_case {
	const char *name;
	u64 sector;
	u32 sectors;
	u32 flags;
	u32 allowed;
	u32 block_size;
	u8 status;
};

static const struct range_case range_cases[] = {
	{ "all", 0, 64, 0, 0, 512, VIRTIO_BLK_S_OK },
	{ "none", 64, 0, 0, 0, 512, VIRTIO_BLK_S_OK },
	{ "behind the end", 64, 1, 0, 0, 512, VIRTIO_BLK_S_IOERR },
	{ "over the end", 60, 5, 0, 0, 512, VIRTIO_BLK_S_IOERR },
	{ "wraps", U64_MAX, 1, 0, 0, 512, VIRTIO_BLK_S_IOERR },
	{ "too long", 0, 65, 0, 0, 512, VIRTIO_BLK_S_IOERR },
	{ "unmap", 0, 8, 1, 1, 512, VIRTIO_BLK_S_OK },
	{ "no unmap", 0, 8, 1, 0, 512, VIRTIO_BLK_S_UNSUPP },
	{ "unknown flag", 0, 8, 2, 1, 512, VIRTIO_BLK_S_UNSUPP },
	{ "highest flag", 0, 8, 1U << 31, 1, 512, VIRTIO_BLK_S_UNSUPP },
	{ "flag and range", 999, 8, 2, 1, 512, VIRTIO_BLK_S_UNSUPP },
	{ "block", 8, 8, 0, 0, 4096, VIRTIO_BLK_S_OK },
	{ "part of a block", 8, 4, 0, 0, 4096, VIRTIO_BLK_S_IOERR },
	{ "inside a block", 4, 8, 0, 0, 4096, VIRTIO_BLK_S_IOERR },
};

KUNIT_ARRAY_PARAM_DESC(range, range_cases, name);

static void range_test(struct kunit *test)
{
	const struct range_case *c = test->param_value;
	const struct vha_blk_range_rule rule = {
		.max_sectors = 64, .flags = c->allowed, .block_size = c->block_size,
	};
	const struct virtio_blk_discard_write_zeroes range = {
		.sector = cpu_to_le64(c->sector),
		.num_sectors = cpu_to_le32(c->sectors),
		.flags = cpu_to_le32(c->flags),
	};

	KUNIT_EXPECT_EQ(test, vha_blk_range_status(&range, &rule, 64), c->status);
}

static void ranges_count_test(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, vha_blk_ranges_count(0), 0);
	KUNIT_EXPECT_EQ(test, vha_blk_ranges_count(15), 0);
	KUNIT_EXPECT_EQ(test, vha_blk_ranges_count(16), 1);
	KUNIT_EXPECT_EQ(test, vha_blk_ranges_count(17), 0);
	KUNIT_EXPECT_EQ(test, vha_blk_ranges_count(VHA_BLK_RANGES * 16), VHA_BLK_RANGES);
	KUNIT_EXPECT_EQ(test, vha_blk_ranges_count((VHA_BLK_RANGES + 1) * 16), 0);
	KUNIT_EXPECT_EQ(test, vha_blk_ranges_count(U32_MAX - 15), 0);
}

/* Configuration space, by the offsets of the specification. */

static u32 get32(const u8 *config, unsigned int offset)
{
	return get_unaligned_le32(config + offset);
}

static const struct vha_blk_limits config_limits = {
	.block_size = 512,
	.physical_size = 4096,
	.alignment_offset = 1024,
	.io_min = 8192,
	.io_opt = 65536,
	.discard_sectors = 0x11223344,
	.discard_alignment = 16,
	.zeroes_sectors = 0x22334455,
	.zeroes_unmap = true,
	.erase_sectors = 0x33445566,
	.erase_alignment = 32,
	.zone_sectors = 0x80000,
	.max_open_zones = 14,
	.max_active_zones = 15,
	.append_sectors = 256,
	.write_granularity = 4096,
};

static void config_fill(u8 *config, u64 features)
{
	const struct vha_blk_config from = {
		.limits = &config_limits,
		.features = features,
		.capacity = 0x123456789abcdefULL,
		.block_size = 512,
		.seg_max = 254,
		.num_queues = 0x0140,
		.writeback = true,
	};

	memset(config, 0, sizeof(struct virtio_blk_config));
	vha_blk_config_fill((struct virtio_blk_config *)config, &from);
}

static void config_base_test(struct kunit *test)
{
	u8 config[sizeof(struct virtio_blk_config)];
	unsigned int i;

	config_fill(config, 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(config), 0x123456789abcdefULL);
	KUNIT_EXPECT_EQ(test, get32(config, 8), vha_blk_size_max(254));
	KUNIT_EXPECT_EQ(test, get32(config, 12), 254);
	KUNIT_EXPECT_EQ(test, get32(config, 16), 0);
	KUNIT_EXPECT_EQ(test, get32(config, 20), 512);
	KUNIT_EXPECT_EQ(test, config[24], 3);
	KUNIT_EXPECT_EQ(test, config[25], 2);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(config + 26), 16);
	KUNIT_EXPECT_EQ(test, get32(config, 28), 128);
	KUNIT_EXPECT_EQ(test, config[32], 1);
	/* What is not offered is zero, and so is padding. */
	for (i = 33; i < sizeof(config); i++)
		KUNIT_EXPECT_EQ(test, config[i], 0);
}

static void config_features_test(struct kunit *test)
{
	u8 config[sizeof(struct virtio_blk_config)];

	config_fill(config, BIT_ULL(VIRTIO_BLK_F_MQ) | BIT_ULL(VIRTIO_BLK_F_DISCARD) |
			    BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES) |
			    BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE) |
			    BIT_ULL(VIRTIO_BLK_F_ZONED));
	KUNIT_EXPECT_EQ(test, config[33], 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(config + 34), 0x0140);
	KUNIT_EXPECT_EQ(test, get32(config, 36), 0x11223344);
	KUNIT_EXPECT_EQ(test, get32(config, 40), VHA_BLK_RANGES);
	KUNIT_EXPECT_EQ(test, get32(config, 44), 16);
	KUNIT_EXPECT_EQ(test, get32(config, 48), 0x22334455);
	KUNIT_EXPECT_EQ(test, get32(config, 52), VHA_BLK_RANGES);
	KUNIT_EXPECT_EQ(test, get32(config, 56), 1);
	KUNIT_EXPECT_EQ(test, get32(config, 60), 0x33445566);
	KUNIT_EXPECT_EQ(test, get32(config, 64), VHA_BLK_RANGES);
	KUNIT_EXPECT_EQ(test, get32(config, 68), 32);
	KUNIT_EXPECT_EQ(test, get32(config, 72), 0x80000);
	KUNIT_EXPECT_EQ(test, get32(config, 76), 14);
	KUNIT_EXPECT_EQ(test, get32(config, 80), 15);
	KUNIT_EXPECT_EQ(test, get32(config, 84), 256);
	KUNIT_EXPECT_EQ(test, get32(config, 88), 4096);
	KUNIT_EXPECT_EQ(test, get32(config, 92), VIRTIO_BLK_Z_HM);
}

/* A request as long as announced never has more pieces than it may have. */
static void config_size_max_test(struct kunit *test)
{
	u32 seg_max;

	for (seg_max = 1; seg_max <= VHA_BLK_SEG_MAX_LIMIT; seg_max++) {
		u32 size = vha_blk_size_max(seg_max);

		KUNIT_EXPECT_GE(test, size, PAGE_SIZE);
		KUNIT_EXPECT_LE(test, (u64)seg_max * (size / PAGE_SIZE + 1), VHA_BLK_BVECS);
	}
}

/* Zones. */

struct zone_case {
	const char *name;
	u8 type;
	u8 cond;
	u64 wp;
	u64 sector;
	u32 sectors;
	bool append;
	u8 status;
};

#define SWR	BLK_ZONE_TYPE_SEQWRITE_REQ
#define CONV	BLK_ZONE_TYPE_CONVENTIONAL

/* A zone of 256 sectors from 1024 on, of which 192 can be written. */
static const struct zone_case zone_cases[] = {
	{ "at the pointer", SWR, BLK_ZONE_COND_IMP_OPEN, 1032, 1032, 8, false,
	  VIRTIO_BLK_S_IOERR },
	{ "behind the pointer", SWR, BLK_ZONE_COND_IMP_OPEN, 1032, 1040, 8, false,
	  VIRTIO_BLK_S_ZONE_UNALIGNED_WP },
	{ "before the pointer", SWR, BLK_ZONE_COND_IMP_OPEN, 1032, 1024, 8, false,
	  VIRTIO_BLK_S_ZONE_UNALIGNED_WP },
	{ "over the capacity", SWR, BLK_ZONE_COND_IMP_OPEN, 1208, 1208, 16, false,
	  VIRTIO_BLK_S_ZONE_INVALID_CMD },
	{ "full", SWR, BLK_ZONE_COND_FULL, 1280, 1024, 8, false,
	  VIRTIO_BLK_S_ZONE_INVALID_CMD },
	{ "append over the capacity", SWR, BLK_ZONE_COND_IMP_OPEN, 1208, 1024, 16, true,
	  VIRTIO_BLK_S_ZONE_INVALID_CMD },
	{ "append that fits", SWR, BLK_ZONE_COND_IMP_OPEN, 1208, 1024, 8, true,
	  VIRTIO_BLK_S_IOERR },
	{ "append to conventional", CONV, BLK_ZONE_COND_NOT_WP, U64_MAX, 1024, 8, true,
	  VIRTIO_BLK_S_ZONE_INVALID_CMD },
	{ "conventional", CONV, BLK_ZONE_COND_NOT_WP, U64_MAX, 1024, 8, false,
	  VIRTIO_BLK_S_IOERR },
	{ "offline", SWR, BLK_ZONE_COND_OFFLINE, 1032, 1040, 8, false, VIRTIO_BLK_S_IOERR },
	{ "read-only", SWR, BLK_ZONE_COND_READONLY, 1032, 1040, 8, false,
	  VIRTIO_BLK_S_IOERR },
};

KUNIT_ARRAY_PARAM_DESC(zone, zone_cases, name);

static void zone_test(struct kunit *test)
{
	const struct zone_case *c = test->param_value;
	const struct blk_zone zone = {
		.start = 1024, .len = 256, .capacity = 192, .wp = c->wp,
		.type = c->type, .cond = c->cond,
	};

	KUNIT_EXPECT_EQ(test, vha_blk_zone_write_status(&zone, c->sector, c->sectors, c->append),
			c->status);
}

static void zone_descriptor_test(struct kunit *test)
{
	const struct blk_zone zone = {
		.start = 0x1122334455667788, .len = 256, .capacity = 0x0102030405060708,
		.wp = 0x1112131415161718, .type = SWR, .cond = BLK_ZONE_COND_CLOSED,
	};
	struct virtio_blk_zone_descriptor descriptor = {};
	const u8 *bytes = (const u8 *)&descriptor;
	unsigned int i;

	vha_blk_zone_descriptor_fill(&descriptor, &zone);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(bytes), 0x0102030405060708);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(bytes + 8), 0x1122334455667788);
	KUNIT_EXPECT_EQ(test, get_unaligned_le64(bytes + 16), 0x1112131415161718);
	KUNIT_EXPECT_EQ(test, bytes[24], VIRTIO_BLK_ZT_SWR);
	KUNIT_EXPECT_EQ(test, bytes[25], VIRTIO_BLK_ZS_CLOSED);
	for (i = 26; i < sizeof(descriptor); i++)
		KUNIT_EXPECT_EQ(test, bytes[i], 0);
}

static struct kunit_case blk_cases[] = {
	KUNIT_CASE_PARAM(frame_test, frame_gen_params),
	KUNIT_CASE(frame_reply_test),
	KUNIT_CASE(frame_aligned_test),
	KUNIT_CASE(frame_bvecs_test),
	KUNIT_CASE_PARAM(rw_test, rw_gen_params),
	KUNIT_CASE(stable_test),
	KUNIT_CASE(status_test),
	KUNIT_CASE(type_test),
	KUNIT_CASE_PARAM(range_test, range_gen_params),
	KUNIT_CASE(ranges_count_test),
	KUNIT_CASE(config_base_test),
	KUNIT_CASE(config_features_test),
	KUNIT_CASE(config_size_max_test),
	KUNIT_CASE_PARAM(zone_test, zone_gen_params),
	KUNIT_CASE(zone_descriptor_test),
	{}
};

static struct kunit_suite blk_suite = {
	.name = "vha_blk",
	.test_cases = blk_cases,
};

kunit_test_suite(blk_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the block device class");
MODULE_LICENSE("GPL");
