// SPDX-License-Identifier: GPL-2.0-only
/*
 * net: packets from the kernel's packet generator, which waits for nobody
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tvm_net.h"

#define WAIT_MS		10000

FIXTURE(pktgen) {
	struct tvm_net net;
};

FIXTURE_VARIANT(pktgen) {
	struct tvm_net_options options;
};

#define OPTIONS(...)	{ .options = { .mergeable = true, __VA_ARGS__ } }

FIXTURE_VARIANT_ADD(pktgen, split) OPTIONS(.cfg = { .event_idx = true });
FIXTURE_VARIANT_ADD(pktgen, packed) OPTIONS(.cfg = { .packed = true, .event_idx = true });

FIXTURE_SETUP(pktgen)
{
	self->net.dev.fd = -1;
	if (system("modprobe -q pktgen"))
		SKIP("this kernel has no pktgen");
	tvm_net_create(&self->net, &variant->options);
}

FIXTURE_TEARDOWN(pktgen)
{
	if (self->net.pairs)
		tvm_net_destroy(&self->net);
}

static void say(const char *file, const char *fmt, unsigned int value)
{
	char path[64], text[64];
	int fd, len;

	snprintf(path, sizeof(path), "/proc/net/pktgen/%s", file);
	len = snprintf(text, sizeof(text), fmt, value);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(write(fd, text, len), (ssize_t)len);
	close(fd);
}

/* Returns when all are on their way, or lost. */
static void *generate(void *done)
{
	say("pgctrl", "start\n", 0);
	__atomic_store_n((bool *)done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Packets the generator has handed to the tap, those it was refused among them. */
static uint64_t generated(const struct tvm_net *net)
{
	uint64_t sent = 0, refused = 0;
	char path[64], line[256];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/net/pktgen/%s", net->wire.near);
	file = fopen(path, "r");
	ASSERT_TRUE(file);
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, " pkts-sofar: %lu errors: %lu", &sent, &refused) == 2;
	fclose(file);
	ASSERT_TRUE(found);
	return sent + refused;
}

/* All that came, each of so many bytes. */
static unsigned int take(struct tvm_net *net, uint32_t len, unsigned int timeout_ms)
{
	struct tvm_net_packet packet;
	unsigned int n;

	for (n = 0; !tvm_net_wait(net, 0, &packet, timeout_ms); n++) {
		EXPECT_EQ(packet.len, len);
		EXPECT_EQ(packet.buffers, 1U);
		tvm_net_post(net, 0, ~0U);
		tvm_queue_kick(tvm_net_rx(net, 0));
		timeout_ms = 0;
	}
	return n;
}

/* What the tap had no room for it counted; all else comes. */
static void flood(struct tvm_net *net, unsigned int count, uint32_t len)
{
	uint64_t refused = tvm_wire_refused(&net->wire);
	uint64_t came = 0, more, all;
	bool done = false;
	pthread_t thread;

	say(net->wire.near, "count %u\n", count);
	say(net->wire.near, "pkt_size %u\n", len);
	ASSERT_EQ(pthread_create(&thread, NULL, generate, &done), 0);
	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE))
		came += take(net, len, 10);
	pthread_join(thread, NULL);
	refused = tvm_wire_refused(&net->wire) - refused;
	all = generated(net);
	while (came + refused < all) {
		more = take(net, len, harness_scaled(WAIT_MS));
		ASSERT_GT(more, 0UL);
		came += more;
	}
	EXPECT_EQ(came + refused, all);
	EXPECT_GE(all, (uint64_t)count);
	EXPECT_GT(came, 0UL);
}

TEST_F_TIMEOUT(pktgen, flood, 120)
{
	struct tvm_net *net = &self->net;
	unsigned int count = harness_rounds(50000, 5000);

	tvm_net_post(net, 0, ~0U);
	tvm_queue_kick(tvm_net_rx(net, 0));
	say("kpktgend_0", "add_device tap0\n", 0);
	say(net->wire.near, "delay 0\n", 0);
	say(net->wire.near, "dst_mac 02:76:68:61:00:01\n", 0);
	flood(net, count, 60);
	flood(net, count, 1514);
	EXPECT_EQ(take(net, 60, 100), 0U);
	EXPECT_TRUE(tvm_net_sound(net));
	EXPECT_EQ(tvm_net_stat(net, 0, "dropped"), 0L);
	say("kpktgend_0", "rem_device_all\n", 0);
}

HARNESS_MAIN
