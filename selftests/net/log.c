// SPDX-License-Identifier: GPL-2.0-only
/*
 * net: the dirty log
 *
 * Whatever page of the guest changed between two looks is in the log: packets,
 * their headers, the used ring. Pages that the driver itself writes are
 * compared as they were when it had written them.
 */
#include <stdlib.h>
#include <unistd.h>

#include "tvm_traffic.h"

#define NUM	128

FIXTURE(log) {
	struct tvm_net net;
	struct tvm_traffic traffic;
	uint64_t features;
	uint64_t *bitmap;
	size_t words;
	char *shadow;
};

FIXTURE_VARIANT(log) {
	struct tvm_net_options options;
};

#define OPTIONS(...)	{ .options = { .num = NUM, .stopped = true, __VA_ARGS__ } }

FIXTURE_VARIANT_ADD(log, split_mergeable)
	OPTIONS(.cfg = { .event_idx = true }, .mergeable = true, .rx_len = 1000);
FIXTURE_VARIANT_ADD(log, split_large) OPTIONS(.cfg = { .event_idx = true }, .rx_len = 20000);
FIXTURE_VARIANT_ADD_FULL(log, split_order)
	OPTIONS(.cfg = { .in_order = true }, .mergeable = true, .rx_len = 1000);
FIXTURE_VARIANT_ADD(log, split_iotlb)
	OPTIONS(.cfg = { .event_idx = true }, .mergeable = true, .rx_len = 1000, .iotlb = true);
FIXTURE_VARIANT_ADD(log, split_bare)
	OPTIONS(.cfg = { .event_idx = true }, .bare = true, .rx_len = 20000);
FIXTURE_VARIANT_ADD(log, packed_mergeable)
	OPTIONS(.cfg = { .packed = true, .event_idx = true }, .mergeable = true, .rx_len = 1000);
FIXTURE_VARIANT_ADD(log, packed_large) OPTIONS(.cfg = { .packed = true }, .rx_len = 20000);
FIXTURE_VARIANT_ADD(log, packed_order)
	OPTIONS(.cfg = { .packed = true, .in_order = true }, .mergeable = true, .rx_len = 1000);
FIXTURE_VARIANT_ADD_FULL(log, packed_packet)
	OPTIONS(.cfg = { .packed = true }, .wire = TVM_WIRE_PACKET, .bare = true,
		.mergeable = true, .rx_len = 1000);

FIXTURE_SETUP(log)
{
	uint64_t pages;

	tvm_net_create(&self->net, &variant->options);
	tvm_net_need(&self->net, TVM_BIT(VHOST_F_LOG_ALL), 0);
	tvm_traffic_init(&self->traffic, &self->net, 0);
	self->traffic.max_len = 15000;
	self->traffic.window = 8;
	self->features = self->net.dev.features[0];
	pages = tvm_mem_end(&self->net.mem) / TVM_PAGE;
	self->words = pages / 64 + 1;
	self->bitmap = calloc(self->words, sizeof(*self->bitmap));
	self->shadow = malloc(self->net.mem.regions[2].next);
	ASSERT_TRUE(self->bitmap && self->shadow);
	self->net.vqs[0].log = true;
	self->net.vqs[1].log = true;
	ASSERT_EQ(tvm_net_start(&self->net), 0);
}

FIXTURE_TEARDOWN(log)
{
	tvm_net_destroy(&self->net);
	free(self->bitmap);
	free(self->shadow);
}

static void log_base_set(struct log_fixture *self)
{
	uint64_t base = (uintptr_t)self->bitmap;

	ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_SET_LOG_BASE, &base), 0);
}

static void log_switch(struct log_fixture *self, bool on)
{
	uint64_t features = self->features | (on ? TVM_BIT(VHOST_F_LOG_ALL) : 0);

	ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_SET_FEATURES, &features), 0);
}

static bool logged(const struct log_fixture *self, uint64_t gpa)
{
	uint64_t page = gpa / TVM_PAGE;

	return self->bitmap[page / 64] & TVM_BIT(page % 64);
}

/* Takes the bitmap as a migrating VMM does, so that nothing is lost. */
static void log_clear(struct log_fixture *self)
{
	size_t i;

	for (i = 0; i < self->words; i++)
		__atomic_exchange_n(&self->bitmap[i], 0, __ATOMIC_ACQ_REL);
}

static void shadow_take(struct log_fixture *self)
{
	const struct tvm_region *region = &self->net.mem.regions[2];

	memcpy(self->shadow, region->hva, region->next);
}

static unsigned int shadow_compare(struct log_fixture *self)
{
	const struct tvm_region *region = &self->net.mem.regions[2];
	unsigned int changed = 0;
	uint64_t at, len;

	for (at = 0; at < region->next; at += TVM_PAGE) {
		len = region->next - at < TVM_PAGE ? region->next - at : TVM_PAGE;
		if (!memcmp(self->shadow + at, region->hva + at, len))
			continue;
		changed++;
		EXPECT_MSG(logged(self, region->gpa + at), "page %lx changed unnoticed",
			   region->gpa + at);
	}
	return changed;
}

/* Waits until the guest's driver has all, without letting it write anything. */
static void wait_used(struct log_fixture *self, unsigned int rx)
{
	struct tvm_traffic *traffic = &self->traffic;
	struct tvm_net_packet packet;
	unsigned int got = 0;

	while (got < rx) {
		if (!tvm_net_poll(&self->net, 0, &packet)) {
			usleep(100);
			continue;
		}
		tvm_flow_take(&traffic->rx, packet.frame, packet.len);
		got++;
	}
	while (tvm_net_tx(&self->net, 0)->num_free < NUM) {
		if (!tvm_net_reap(&self->net, 0))
			usleep(100);
	}
}

/*
 * The driver has posted and filled what it will, then memory is copied, and
 * from there on only the device writes.
 */
static void one_round(struct log_fixture *self, bool compare)
{
	unsigned int i, tx = 1 + rand() % 20, rx = 1 + rand() % 8;
	struct tvm_traffic *traffic = &self->traffic;
	uint32_t len;

	tvm_net_post(&self->net, 0, ~0U);
	for (i = 0; i < tx; i++) {
		tvm_frame_build(traffic->frame, traffic->tx.id, traffic->tx_seq++, 100);
		ASSERT_EQ(tvm_net_send(&self->net, 0, NULL, traffic->frame, 100), 0);
	}
	if (compare)
		shadow_take(self);
	tvm_queue_notify(tvm_net_rx(&self->net, 0));
	tvm_queue_notify(tvm_net_tx(&self->net, 0));
	for (i = 0; i < rx; i++) {
		len = 32 + rand() % 15000;
		tvm_frame_build(traffic->frame, traffic->rx.id, traffic->rx_seq++, len);
		ASSERT_EQ(tvm_wire_send(&self->net.wire, NULL, traffic->frame, len), 0);
	}
	wait_used(self, rx);
}

/* Logging is switched on while the queues run, and looked at when they are stopped. */
TEST_F_TIMEOUT(log, oracle, 240)
{
	unsigned int i, rounds = harness_rounds(100, 3), changed = 0;

	srand(81);
	log_base_set(self);
	for (i = 0; i < rounds; i++) {
		one_round(self, false);
		log_switch(self, true);
		log_clear(self);
		one_round(self, true);
		ASSERT_EQ(tvm_net_stop(&self->net), 0);
		changed += shadow_compare(self);
		ASSERT_EQ(tvm_net_start(&self->net), 0);
		log_switch(self, false);
	}
	/* Both used rings and one packet at least. */
	EXPECT_GE(changed, 3 * rounds);
	EXPECT_EQ(self->traffic.rx.lost + self->traffic.rx.bad + self->traffic.rx.late, 0UL);
}

/* What nobody wrote is not in the log. */
TEST_F(log, precise)
{
	const struct tvm_region *region = &self->net.mem.regions[2];
	unsigned int set = 0;
	uint64_t at;

	srand(82);
	log_base_set(self);
	log_switch(self, true);
	log_clear(self);
	one_round(self, false);
	ASSERT_EQ(tvm_net_stop(&self->net), 0);
	for (at = 0; at < region->next; at += TVM_PAGE)
		set += logged(self, region->gpa + at);
	EXPECT_GE(set, 3U);
	/* Eight packets of at most six pages, and the rings. */
	EXPECT_LE(set, 8U * 6 + 8);
	for (at = 0; at < NUM; at++)
		EXPECT_FALSE(logged(self, self->net.pools[1].bufs[at].gpa + TVM_PAGE));
}

/* Switching and clearing while frames pass; once it is off nobody writes to it. */
TEST_F_TIMEOUT(log, toggle, 120)
{
	unsigned int i, rounds = harness_rounds(300, 10);
	size_t word;

	srand(83);
	log_base_set(self);
	self->traffic.max_len = 2000;
	if (!variant->options.mergeable)
		self->traffic.max_len = 1500;
	for (i = 0; i < rounds; i++) {
		log_switch(self, i % 2);
		ASSERT_TRUE(tvm_traffic_run(&self->traffic, 10, 10));
		log_clear(self);
	}
	log_switch(self, false);
	log_clear(self);
	ASSERT_TRUE(tvm_traffic_run(&self->traffic, 50, 50));
	ASSERT_EQ(tvm_net_stop(&self->net), 0);
	for (word = 0; word < self->words; word++)
		EXPECT_EQ(self->bitmap[word], 0UL);
	tvm_traffic_check(&self->traffic);
}

/* The log eventfd tells of new bits. */
TEST_F(log, eventfd)
{
	int fd = tvm_event_create();

	ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_SET_LOG_FD, &fd), 0);
	log_base_set(self);
	srand(84);
	one_round(self, false);
	EXPECT_FALSE(tvm_event_wait(fd, 20));
	log_switch(self, true);
	one_round(self, false);
	EXPECT_TRUE(tvm_event_wait(fd, harness_scaled(1000)));
	close(fd);
}

HARNESS_MAIN
