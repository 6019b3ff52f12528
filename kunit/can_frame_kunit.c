// SPDX-License-Identifier: GPL-2.0-only
/*
 * CAN class: from the driver's messages to frames and back
 */
#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/module.h>
#include <linux/unaligned.h>

#include "../drivers/can/frame.h"

#define CLASSIC	BIT_ULL(0)
#define FD	BIT_ULL(1)
#define RTR	BIT_ULL(2)
#define ALL	(CLASSIC | FD | RTR)

/* Numbers of the specification, not of the header under test. */
#define EXTENDED_FLAG	0x8000
#define FD_FLAG		0x4000
#define RTR_FLAG	0x2000

struct parse_case {
	const char *name;
	u16 type;
	u16 len;
	u32 flags;
	u32 id;
	u64 features;
	bool valid;
	u32 can_id;
};

static const struct parse_case parse_cases[] = {
	{ "standard", 1, 8, 0, 0x123, CLASSIC, true, 0x123 },
	{ "standard, empty", 1, 0, 0, 0, CLASSIC, true, 0 },
	{ "standard, largest id", 1, 1, 0, 0x7ff, CLASSIC, true, 0x7ff },
	{ "standard, id too large", 1, 1, 0, 0x800, ALL, false },
	{ "extended", 1, 8, EXTENDED_FLAG, 0x123, CLASSIC, true, 0x80000123 },
	{ "extended, largest id", 1, 8, EXTENDED_FLAG, 0x1fffffff, CLASSIC, true, 0x9fffffff },
	{ "extended, id too large", 1, 8, EXTENDED_FLAG, 0x20000000, ALL, false },
	{ "extended, top bit", 1, 8, EXTENDED_FLAG, 0x80000000, ALL, false },
	{ "standard, top bit", 1, 8, 0, 0x40000000, ALL, false },
	{ "classic of 9", 1, 9, 0, 1, ALL, false },
	{ "classic of 65535", 1, 65535, 0, 1, ALL, false },
	{ "classic not negotiated", 1, 8, 0, 1, FD, false },
	{ "FD", 1, 64, FD_FLAG, 0x123, FD, true, 0x123 },
	{ "FD extended", 1, 12, FD_FLAG | EXTENDED_FLAG, 0x1234567, ALL, true, 0x81234567 },
	{ "FD not negotiated", 1, 8, FD_FLAG, 1, CLASSIC | RTR, false },
	{ "FD of 65", 1, 65, FD_FLAG, 1, ALL, false },
	{ "remote", 1, 5, RTR_FLAG, 0x123, CLASSIC | RTR, true, 0x40000123 },
	{ "remote, extended", 1, 0, RTR_FLAG | EXTENDED_FLAG, 1, ALL, true, 0xc0000001 },
	{ "remote of 9", 1, 9, RTR_FLAG, 1, ALL, false },
	{ "remote not negotiated", 1, 5, RTR_FLAG, 1, CLASSIC | FD, false },
	{ "remote FD", 1, 5, RTR_FLAG | FD_FLAG, 1, ALL, false },
	{ "remote without classic", 1, 5, RTR_FLAG, 1, FD | RTR, false },
	{ "unknown flag", 1, 8, 0x1000, 1, ALL, false },
	{ "unknown high flag", 1, 8, 0x10000, 1, ALL, false },
	{ "low flag", 1, 8, 1, 1, ALL, false },
	{ "type of a received one", 0x0101, 8, 0, 1, ALL, false },
	{ "type 0", 0, 8, 0, 1, ALL, false },
	{ "nothing negotiated", 1, 8, 0, 1, 0, false },
};

KUNIT_ARRAY_PARAM_DESC(parse, parse_cases, name);

/* Written bytewise, as a driver of either byte order does. */
static void header_fill(struct virtio_can_tx_out *header, u16 type, u16 len, u32 flags, u32 id)
{
	u8 *bytes = (u8 *)header;

	memset(bytes, 0xff, sizeof(*header));
	put_unaligned_le16(type, bytes);
	put_unaligned_le16(len, bytes + 2);
	put_unaligned_le32(flags, bytes + 8);
	put_unaligned_le32(id, bytes + 12);
}

static void parse_test(struct kunit *test)
{
	const struct parse_case *c = test->param_value;
	struct virtio_can_tx_out header;
	struct vha_can_frame frame;

	header_fill(&header, c->type, c->len, c->flags, c->id);
	KUNIT_ASSERT_EQ(test, vha_can_frame_parse(&frame, &header, c->features), c->valid);
	if (!c->valid)
		return;
	KUNIT_EXPECT_EQ(test, frame.cf.can_id, c->can_id);
	KUNIT_EXPECT_EQ(test, frame.cf.len, c->len);
	KUNIT_EXPECT_EQ(test, frame.cf.flags, 0);
	KUNIT_EXPECT_EQ(test, frame.fd, !!(c->flags & FD_FLAG));
	KUNIT_EXPECT_EQ(test, vha_can_frame_payload(&frame), c->flags & RTR_FLAG ? 0 : c->len);
	KUNIT_EXPECT_EQ(test, vha_can_frame_size(&frame), frame.fd ? 72 : 16);
}

static void parse_lengths_test(struct kunit *test)
{
	static const u8 fd_lengths[] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64,
	};
	struct virtio_can_tx_out header;
	struct vha_can_frame frame;
	unsigned int len;

	for (len = 0; len < 3000; len++) {
		bool fd = len < 65 && memchr(fd_lengths, len, sizeof(fd_lengths));

		header_fill(&header, 1, len, 0, 1);
		KUNIT_EXPECT_EQ_MSG(test, vha_can_frame_parse(&frame, &header, ALL), len <= 8,
				    "classic of %u", len);
		header_fill(&header, 1, len, FD_FLAG, 1);
		KUNIT_EXPECT_EQ_MSG(test, vha_can_frame_parse(&frame, &header, ALL), fd,
				    "FD of %u", len);
	}
}

/* Nothing of what a driver put into the header's unused bytes gets anywhere. */
static void parse_clean_test(struct kunit *test)
{
	struct virtio_can_tx_out header;
	struct vha_can_frame frame;
	unsigned int i;

	header_fill(&header, 1, 8, 0, 0x123);
	memset(&frame, 0xaa, sizeof(frame));
	KUNIT_ASSERT_TRUE(test, vha_can_frame_parse(&frame, &header, ALL));
	KUNIT_EXPECT_EQ(test, frame.cf.__res0, 0);
	KUNIT_EXPECT_EQ(test, frame.cf.__res1, 0);
	for (i = 0; i < CANFD_MAX_DLEN; i++)
		KUNIT_EXPECT_EQ(test, frame.cf.data[i], 0);
}

static void frame_fill(struct vha_can_frame *frame, u32 can_id, u8 len, bool fd)
{
	unsigned int i;

	memset(frame, 0, sizeof(*frame));
	frame->cf.can_id = can_id;
	frame->cf.len = len;
	frame->fd = fd;
	for (i = 0; i < CANFD_MAX_DLEN; i++)
		frame->cf.data[i] = i + 1;
}

struct build_case {
	const char *name;
	u32 can_id;
	u8 len;
	bool fd;
	u32 flags;
	u32 id;
};

static const struct build_case build_cases[] = {
	{ "standard", 0x7ff, 8, false, 0, 0x7ff },
	{ "extended", 0x9fffffff, 3, false, EXTENDED_FLAG, 0x1fffffff },
	{ "FD", 0x123, 64, true, FD_FLAG, 0x123 },
	{ "FD extended, empty", 0x80000123, 0, true, FD_FLAG | EXTENDED_FLAG, 0x123 },
	{ "remote", 0x40000001, 8, false, RTR_FLAG, 1 },
	{ "remote extended", 0xc0000001, 5, false, RTR_FLAG | EXTENDED_FLAG, 1 },
};

KUNIT_ARRAY_PARAM_DESC(build, build_cases, name);

static void build_test(struct kunit *test)
{
	const struct build_case *c = test->param_value;
	bool remote = c->flags & RTR_FLAG;
	u8 message[VHA_CAN_MESSAGE_MAX];
	struct vha_can_frame frame;
	unsigned int i;

	frame_fill(&frame, c->can_id, c->len, c->fd);
	memset(message, 0xee, sizeof(message));
	/* Drivers expect as many bytes as a remote frame asks for. */
	KUNIT_EXPECT_EQ(test, vha_can_frame_build(&frame, message), 16 + c->len);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(message), 0x0101);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(message + 2), c->len);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(message + 4), 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(message + 8), c->flags);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(message + 12), c->id);
	for (i = 0; i < c->len; i++)
		KUNIT_EXPECT_EQ(test, message[16 + i], remote ? 0 : i + 1);
}

/* What is built from a received frame is, but for its type, what parse takes. */
static void round_trip_test(struct kunit *test)
{
	const struct build_case *c = test->param_value;
	struct vha_can_frame frame, again;
	u8 message[VHA_CAN_MESSAGE_MAX];
	struct virtio_can_tx_out header;

	frame_fill(&frame, c->can_id, c->len, c->fd);
	vha_can_frame_build(&frame, message);
	put_unaligned_le16(1, message);
	memcpy(&header, message, sizeof(header));
	KUNIT_ASSERT_TRUE(test, vha_can_frame_parse(&again, &header, ALL));
	memcpy(again.cf.data, message + sizeof(header), vha_can_frame_payload(&again));
	KUNIT_EXPECT_TRUE(test, vha_can_frame_equal(&frame, &again));
}

static void socket_test(struct kunit *test)
{
	struct vha_can_frame frame;
	int size;

	for (size = 0; size <= 2100; size++) {
		frame_fill(&frame, 1, 8, size != 72);
		KUNIT_EXPECT_EQ(test, vha_can_frame_from_socket(&frame, size),
				size == 16 || size == 72);
		if (size == 16 || size == 72)
			KUNIT_EXPECT_EQ(test, frame.fd, size == 72);
	}
	frame_fill(&frame, 1, 9, false);
	KUNIT_EXPECT_FALSE(test, vha_can_frame_from_socket(&frame, 16));
	KUNIT_EXPECT_TRUE(test, vha_can_frame_from_socket(&frame, 72));
	frame_fill(&frame, 1, 65, false);
	KUNIT_EXPECT_FALSE(test, vha_can_frame_from_socket(&frame, 72));
}

static void wanted_test(struct kunit *test)
{
	struct vha_can_frame classic, fd, remote, neither;
	u64 features;

	frame_fill(&classic, 1, 8, false);
	frame_fill(&fd, 1, 8, true);
	frame_fill(&remote, CAN_RTR_FLAG | 1, 8, false);
	frame_fill(&neither, CAN_RTR_FLAG | 1, 8, true);
	for (features = 0; features <= ALL; features++) {
		KUNIT_EXPECT_FALSE(test, vha_can_frame_wanted(&neither, features));
		KUNIT_EXPECT_EQ(test, vha_can_frame_wanted(&classic, features),
				!!(features & CLASSIC));
		KUNIT_EXPECT_EQ(test, vha_can_frame_wanted(&fd, features), !!(features & FD));
		KUNIT_EXPECT_EQ(test, vha_can_frame_wanted(&remote, features),
				(features & (CLASSIC | RTR)) == (CLASSIC | RTR));
	}
}

static void equal_test(struct kunit *test)
{
	struct vha_can_frame a, b;

	frame_fill(&a, 0x123, 8, true);
	b = a;
	b.cf.flags = CANFD_BRS | CANFD_ESI | CANFD_FDF;
	b.cf.data[8]++;
	KUNIT_EXPECT_TRUE(test, vha_can_frame_equal(&a, &b));
	b.cf.data[7]++;
	KUNIT_EXPECT_FALSE(test, vha_can_frame_equal(&a, &b));
	b = a;
	b.fd = false;
	KUNIT_EXPECT_FALSE(test, vha_can_frame_equal(&a, &b));
	b = a;
	b.cf.len--;
	KUNIT_EXPECT_FALSE(test, vha_can_frame_equal(&a, &b));
	b = a;
	b.cf.can_id |= CAN_EFF_FLAG;
	KUNIT_EXPECT_FALSE(test, vha_can_frame_equal(&a, &b));
	/* Remote frames have no data that could differ. */
	frame_fill(&a, CAN_RTR_FLAG | 1, 8, false);
	b = a;
	b.cf.data[0]++;
	KUNIT_EXPECT_TRUE(test, vha_can_frame_equal(&a, &b));
}

static struct kunit_case can_frame_cases[] = {
	KUNIT_CASE_PARAM(parse_test, parse_gen_params),
	KUNIT_CASE(parse_lengths_test),
	KUNIT_CASE(parse_clean_test),
	KUNIT_CASE_PARAM(build_test, build_gen_params),
	KUNIT_CASE_PARAM(round_trip_test, build_gen_params),
	KUNIT_CASE(socket_test),
	KUNIT_CASE(wanted_test),
	KUNIT_CASE(equal_test),
	{}
};

static struct kunit_suite can_frame_suite = {
	.name = "vha_can_frame",
	.test_cases = can_frame_cases,
};

kunit_test_suite(can_frame_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of CAN frames");
MODULE_LICENSE("GPL");
