// SPDX-License-Identifier: GPL-2.0-only
/*
 * net: what is offered, what is accepted, and that it works
 */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tvm_traffic.h"

#define NOTIFICATION_DATA	38
#define TUN_F_TUNNEL_GSO	0x080

/* All that vhost-net has, and ours. */
static const unsigned int offered[] = {
	VIRTIO_NET_F_MRG_RXBUF, VIRTIO_F_NOTIFY_ON_EMPTY, VHOST_F_LOG_ALL,
	VHOST_NET_F_VIRTIO_NET_HDR, VIRTIO_RING_F_INDIRECT_DESC, VIRTIO_RING_F_EVENT_IDX,
	VIRTIO_F_VERSION_1, VIRTIO_F_ACCESS_PLATFORM, VIRTIO_F_IN_ORDER, VIRTIO_F_RING_RESET,
	VIRTIO_F_RING_PACKED, NOTIFICATION_DATA, VIRTIO_NET_F_HASH_REPORT,
};

FIXTURE(features) {
	struct tvm_net net;
};

FIXTURE_SETUP(features)
{
}

FIXTURE_TEARDOWN(features)
{
	if (self->net.pairs)
		tvm_net_destroy(&self->net);
}

static int set_features(struct tvm_net *net, uint64_t features)
{
	return tvm_dev_ioctl(&net->dev, VHOST_SET_FEATURES, &features);
}

static void create_stopped(struct features_fixture *self)
{
	struct tvm_net_options options = { .stopped = true };

	tvm_net_create(&self->net, &options);
}

TEST_F(features, offered)
{
	uint64_t features[2] = { 0, 0 };
	unsigned int i;
	int fd;

	create_stopped(self);
	if (self->net.peer)
		SKIP("the peer offers what it does");
	ASSERT_EQ(tvm_dev_features_get(&self->net.dev, features), 0);
	for (i = 0; i < sizeof(offered) / sizeof(offered[0]); i++)
		EXPECT_MSG(features[0] & TVM_BIT(offered[i]), "feature %u is not offered",
			   offered[i]);
	EXPECT_EQ(self->net.dev.info.virtio_id, 1U);
	EXPECT_EQ(self->net.dev.info.max_queues, 64U);
	EXPECT_EQ(self->net.dev.info.config_size, 0U);
	/* Segmentation in tunnels is where the tap can do it. */
	fd = self->net.wire.backends[0];
	EXPECT_EQ(!ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 |
			 TUN_F_TUNNEL_GSO), (features[1] & TVM_NET_TUNNEL) == TVM_NET_TUNNEL);
}

/* What is not offered is refused, and changes nothing. */
TEST_F(features, refused)
{
	uint64_t features[2] = { 0, 0 };
	unsigned int bit;

	create_stopped(self);
	ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_GET_FEATURES, &features[0]), 0);
	for (bit = 0; bit < 64; bit++) {
		if (features[0] & TVM_BIT(bit))
			continue;
		EXPECT_EQ(set_features(&self->net, TVM_BIT(VIRTIO_F_VERSION_1) | TVM_BIT(bit)),
			  -EOPNOTSUPP);
	}
	ASSERT_EQ(tvm_net_start(&self->net), 0);
}

static void run_some(struct features_fixture *self)
{
	struct tvm_traffic *traffic = calloc(1, sizeof(*traffic));

	ASSERT_TRUE(traffic);
	tvm_traffic_init(traffic, &self->net, 0);
	ASSERT_TRUE(tvm_traffic_run(traffic, 40, 40));
	tvm_traffic_check(traffic);
	EXPECT_TRUE(tvm_net_sound(&self->net));
	free(traffic);
}

static void run_options(struct features_fixture *self, const struct tvm_net_options *options)
{
	tvm_net_create(&self->net, options);
	run_some(self);
	tvm_net_destroy(&self->net);
	self->net.pairs = 0;
}

/* While queues run, features stay; the log alone may be switched. */
TEST_F(features, running)
{
	struct tvm_net_options options = { .mergeable = true };
	uint64_t features = tvm_net_features(&options), base;
	void *bitmap;

	tvm_net_create(&self->net, &options);
	EXPECT_EQ(set_features(&self->net, features), 0);
	if (!self->net.peer) {
		EXPECT_EQ(set_features(&self->net, features ^ TVM_BIT(VIRTIO_F_IN_ORDER)),
			  -EBUSY);
		EXPECT_EQ(set_features(&self->net, features ^
				       TVM_BIT(VIRTIO_NET_F_MRG_RXBUF)), -EBUSY);
		EXPECT_EQ(set_features(&self->net, features ^
				       TVM_BIT(VIRTIO_F_RING_PACKED)), -EBUSY);
	}
	bitmap = calloc(1, tvm_mem_end(&self->net.mem) / TVM_PAGE / 8 + 8);
	ASSERT_TRUE(bitmap);
	base = (uintptr_t)bitmap;
	ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_SET_LOG_BASE, &base), 0);
	EXPECT_EQ(set_features(&self->net, features | TVM_BIT(VHOST_F_LOG_ALL)), 0);
	run_some(self);
	EXPECT_EQ(set_features(&self->net, features), 0);
	run_some(self);
	tvm_dev_close(&self->net.dev);
	free(bitmap);
}

/* Every format with every kind of header. */
TEST_F_TIMEOUT(features, matrix, 300)
{
	unsigned int i, step = harness_rounds(1, 11);

	for (i = 0; i < 64; i += step) {
		struct tvm_net_options options = {
			.cfg = {
				.packed = i & 1, .event_idx = i & 2, .in_order = i & 4,
			},
			.mergeable = i & 8, .bare = i & 16, .indirect = i & 32,
		};
		uint64_t need = tvm_net_features(&options), offer;
		int fd = open(tvm_net_node(), O_RDWR | O_CLOEXEC);

		ASSERT_EQ(ioctl(fd, VHOST_GET_FEATURES, &offer), 0);
		close(fd);
		/* Of a peer, what it has; ours has all. */
		if (getenv("VHA_NET_NODE") && (need & ~offer))
			continue;
		run_options(self, &options);
	}
}

/* Drivers from before version 1.0 have a shorter header. */
TEST_F(features, legacy)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct tvm_net_options options = {
			.cfg = { .event_idx = i & 1 }, .legacy = true, .mergeable = i & 2,
		};

		run_options(self, &options);
	}
}

/* Longer headers are all zero where nobody asked for more. */
TEST_F(features, hash_header)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct tvm_net_options options = {
			.cfg = { .packed = i & 1 }, .bare = i & 2, .mergeable = true,
			.features = TVM_BIT(VIRTIO_NET_F_HASH_REPORT), .rx_len = 300,
		};

		run_options(self, &options);
	}
}

TEST_F(features, tunnel_header)
{
	struct tvm_net_options options = { .mergeable = true, .tunnel = true, .rx_len = 300 };

	create_stopped(self);
	if (ioctl(self->net.wire.backends[0], TUNSETOFFLOAD,
		  TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TUNNEL_GSO))
		SKIP("taps of this kernel do not segment in tunnels");
	tvm_net_destroy(&self->net);
	run_options(self, &options);
	options.cfg.packed = !getenv("VHA_NET_NODE");
	run_options(self, &options);
}

TEST_F(features, notification_data)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct tvm_net_options options = {
			.cfg = { .packed = i, .event_idx = true }, .mergeable = true,
			.features = TVM_BIT(NOTIFICATION_DATA),
		};

		run_options(self, &options);
	}
}

/* VMMs that know 16 bits of a packed ring's base mean both positions by it. */
TEST_F(features, short_base)
{
	struct tvm_net_options options = {
		.cfg = { .packed = true }, .mergeable = true, .stopped = true,
	};
	struct vhost_vring_state base = { .num = 1 << 15 };

	tvm_net_create(&self->net, &options);
	for (base.index = 0; base.index < 2; base.index++) {
		struct tvm_queue *vq = &self->net.vqs[base.index];

		ASSERT_EQ(tvm_queue_configure(vq), 0);
		ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_SET_VRING_BASE, &base), 0);
		ASSERT_EQ(tvm_net_backend(&self->net, base.index, self->net.wire.backends[0]), 0);
	}
	run_some(self);
}

/* Used twice, the same open file serves with other features the second time. */
TEST_F(features, reset)
{
	struct tvm_net_options options = { .mergeable = true };
	struct tvm_net *net = &self->net;
	unsigned int i;

	tvm_net_create(net, &options);
	if (net->peer)
		SKIP("the peer forgets its owner as well");
	run_some(self);
	ASSERT_EQ(tvm_dev_ioctl(&net->dev, VHA_RESET, NULL), 0);
	options.cfg.packed = true;
	for (i = 0; i < 2; i++) {
		tvm_queue_destroy(&net->vqs[i]);
		ASSERT_EQ(tvm_queue_init(&net->vqs[i], &net->dev, i, net->num, &options.cfg), 0);
		free(net->pools[i].bufs);
		net->pools[i].free = NULL;
	}
	ASSERT_EQ(tvm_dev_features_set(&net->dev, tvm_net_features(&options), 0), 0);
	for (i = 0; i < 2; i++) {
		struct tvm_net_pool *pool = &net->pools[i];
		unsigned int k;

		pool->bufs = calloc(net->num, sizeof(*pool->bufs));
		ASSERT_TRUE(pool->bufs);
		for (k = 0; k < net->num; k++) {
			pool->bufs[k] = (struct tvm_net_buf){
				tvm_mem_alloc(&net->mem, 2049, 64), 2048, pool->free,
			};
			pool->free = &pool->bufs[k];
		}
	}
	ASSERT_EQ(tvm_net_start(net), 0);
	run_some(self);
}

HARNESS_MAIN
