// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be said of vhost-accel without a kernel: which messages are well
 * formed, where rings lie, what tables and configuration space may be
 */
#include <fcntl.h>

#include "harness.h"
#include "ring.h"
#include "vhost_user.h"

#define PAGE	4096UL

static const struct vhost_user_limits all_limits = {
	.protocol_features = ~0ULL,
	.num_rings = 4,
};

/**
 * struct shape - the one right shape of a request
 * @request: the request
 * @size: its payload
 * @least: fewest descriptors
 * @most: most descriptors
 * @feature: protocol feature it belongs to
 */
struct shape {
	uint32_t request;
	uint32_t size;
	unsigned int least;
	unsigned int most;
	uint64_t feature;
};

/* Written down from the specification, not from the table under test. */
static const struct shape shapes[] = {
	{ 1, 0, 0, 0, 0 }, { 2, 8, 0, 0, 0 }, { 3, 0, 0, 0, 0 }, { 4, 0, 0, 0, 0 },
	{ 6, 16, 1, 1, 1 << 1 }, { 7, 0, 1, 1, 0 }, { 8, 8, 0, 0, 0 }, { 9, 40, 0, 0, 0 },
	{ 10, 8, 0, 0, 0 }, { 11, 8, 0, 0, 0 }, { 15, 0, 0, 0, 0 }, { 16, 8, 0, 0, 0 },
	{ 17, 0, 0, 0, 0 }, { 18, 8, 0, 0, 0 }, { 21, 0, 1, 1, 1 << 5 },
	{ 34, 0, 0, 0, 1 << 13 }, { 36, 0, 0, 0, 1 << 15 }, { 37, 40, 1, 1, 1 << 15 },
	{ 38, 40, 0, 1, 1 << 15 }, { 39, 8, 0, 0, 1 << 16 }, { 40, 0, 0, 0, 1 << 16 },
	{ 44, 0, 0, 0, 1 << 20 },
};

TEST(shape_of_requests)
{
	union vhost_user_payload payload = { 0 };
	struct vhost_user_limits limits = all_limits;
	struct vhost_user_header header;
	const struct shape *shape;
	unsigned int i, fds;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		shape = &shapes[i];
		header = (struct vhost_user_header){ shape->request, 1, shape->size };
		EXPECT_MSG(!vhost_user_check_header(&header), "request %u", shape->request);
		limits.protocol_features = shape->feature;
		for (fds = 0; fds < 4; fds++)
			EXPECT_MSG(!vhost_user_check(&header, &payload, fds, &limits) ==
				   (fds >= shape->least && fds <= shape->most),
				   "request %u with %u descriptors", shape->request, fds);
		limits.protocol_features = ~shape->feature;
		EXPECT_MSG(!vhost_user_check(&header, &payload, shape->least, &limits) ==
			   !shape->feature, "request %u without its feature", shape->request);
		header.size = shape->size + 1;
		EXPECT_MSG(vhost_user_check_header(&header), "request %u longer",
			   shape->request);
		header.size = shape->size - 1;
		EXPECT_MSG(vhost_user_check_header(&header), "request %u shorter",
			   shape->request);
	}
}

TEST(unknown_requests)
{
	static const uint32_t known[] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 21, 22, 24, 25,
		34, 36, 37, 38, 39, 40, 44,
	};
	struct vhost_user_header header = { .flags = 1 };
	unsigned int i, at = 0;

	for (i = 0; i < 1000; i++) {
		header.request = i;
		header.size = 0;
		if (at < sizeof(known) / sizeof(known[0]) && known[at] == i) {
			EXPECT_MSG(strcmp(vhost_user_name(i), "unknown request"), "%u", i);
			at++;
			continue;
		}
		EXPECT_MSG(vhost_user_check_header(&header), "request %u", i);
	}
	EXPECT_EQ(at, sizeof(known) / sizeof(known[0]));
}

TEST(flags)
{
	struct vhost_user_header header = { .request = VHOST_USER_GET_FEATURES };

	for (header.flags = 0; header.flags < 64; header.flags++)
		EXPECT_MSG(!vhost_user_check_header(&header) ==
			   (header.flags == 1 || header.flags == 9), "flags %u", header.flags);
	header.flags = 0x80000001;
	EXPECT_TRUE(vhost_user_check_header(&header));
}

static const char *check(uint32_t request, uint32_t size, unsigned int fds,
			 const union vhost_user_payload *payload)
{
	struct vhost_user_header header = { request, 1, size };
	const char *wrong = vhost_user_check_header(&header);

	return wrong ? wrong : vhost_user_check(&header, payload, fds, &all_limits);
}

TEST(ring_index)
{
	static const uint32_t requests[] = {
		VHOST_USER_SET_VRING_NUM, VHOST_USER_SET_VRING_BASE, VHOST_USER_GET_VRING_BASE,
		VHOST_USER_SET_VRING_ENABLE, VHOST_USER_SET_VRING_ADDR,
	};
	union vhost_user_payload payload = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		uint32_t size = requests[i] == VHOST_USER_SET_VRING_ADDR ? 40 : 8;

		payload.state.index = 3;
		EXPECT_FALSE(check(requests[i], size, 0, &payload));
		payload.state.index = 4;
		EXPECT_TRUE(check(requests[i], size, 0, &payload));
		payload.state.index = ~0U;
		EXPECT_TRUE(check(requests[i], size, 0, &payload));
	}
}

TEST(ring_descriptor)
{
	static const uint32_t requests[] = {
		VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_CALL, VHOST_USER_SET_VRING_ERR,
	};
	union vhost_user_payload payload = { 0 };
	unsigned int i, fds, bit;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		for (fds = 0; fds < 3; fds++) {
			payload.u64 = 3;
			EXPECT_EQ(!check(requests[i], 8, fds, &payload), fds == 1);
			payload.u64 = 3 | VHOST_USER_VRING_NO_FD;
			EXPECT_EQ(!check(requests[i], 8, fds, &payload), fds == 0);
		}
		for (bit = 9; bit < 64; bit++) {
			payload.u64 = 1ULL << bit;
			EXPECT_TRUE(check(requests[i], 8, 1, &payload));
		}
		payload.u64 = 4;
		EXPECT_TRUE(check(requests[i], 8, 1, &payload));
	}
}

TEST(enable_is_a_bit)
{
	union vhost_user_payload payload = { .state = { 0, 1 } };

	EXPECT_FALSE(check(VHOST_USER_SET_VRING_ENABLE, 8, 0, &payload));
	payload.state.num = 2;
	EXPECT_TRUE(check(VHOST_USER_SET_VRING_ENABLE, 8, 0, &payload));
}

TEST(ring_flags)
{
	union vhost_user_payload payload = { .address = { .flags = 1 } };

	EXPECT_FALSE(check(VHOST_USER_SET_VRING_ADDR, 40, 0, &payload));
	payload.address.flags = 2;
	EXPECT_TRUE(check(VHOST_USER_SET_VRING_ADDR, 40, 0, &payload));
}

TEST(table_size)
{
	union vhost_user_payload payload = { 0 };
	unsigned int nr, sent;

	for (nr = 0; nr < 40; nr++) {
		for (sent = 0; sent <= 32; sent++) {
			payload.memory.num_regions = nr;
			EXPECT_MSG(!check(VHOST_USER_SET_MEM_TABLE, 8 + sent * 32, nr, &payload) ==
				   (nr == sent && nr <= 32), "%u regions, %u sent", nr, sent);
		}
		EXPECT_TRUE(check(VHOST_USER_SET_MEM_TABLE, 8 + nr * 32, nr + 1, &payload));
	}
	payload.memory.num_regions = 0x08000001;
	EXPECT_TRUE(check(VHOST_USER_SET_MEM_TABLE, 8 + 32, 1, &payload));
}

TEST(config_access)
{
	union vhost_user_payload payload = { 0 };

	payload.config.size = 8;
	EXPECT_FALSE(check(VHOST_USER_GET_CONFIG, 20, 0, &payload));
	EXPECT_TRUE(check(VHOST_USER_GET_CONFIG, 21, 0, &payload));
	payload.config.offset = 248;
	EXPECT_FALSE(check(VHOST_USER_SET_CONFIG, 20, 0, &payload));
	payload.config.offset = 249;
	EXPECT_TRUE(check(VHOST_USER_SET_CONFIG, 20, 0, &payload));
	payload.config.offset = ~0U - 3;
	EXPECT_TRUE(check(VHOST_USER_SET_CONFIG, 20, 0, &payload));
	payload.config.offset = 0;
	payload.config.flags = 2;
	EXPECT_TRUE(check(VHOST_USER_SET_CONFIG, 20, 0, &payload));
	payload.config.flags = 0;
	payload.config.size = 0;
	EXPECT_TRUE(check(VHOST_USER_GET_CONFIG, 13, 0, &payload));
	payload.config.size = 257;
	EXPECT_TRUE(check(VHOST_USER_GET_CONFIG, 268, 0, &payload));
}

TEST(translation_size)
{
	union vhost_user_payload payload = { 0 };
	unsigned int size;

	for (size = 0; size < 40; size++)
		EXPECT_EQ(!check(VHOST_USER_IOTLB_MSG, size, 0, &payload),
			  size == 26 || size == 32);
}

HARNESS_MAIN
