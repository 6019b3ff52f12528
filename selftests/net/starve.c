// SPDX-License-Identifier: GPL-2.0-only
/*
 * net: a queue that never runs dry
 *
 * It holds up neither the other queue of its device, nor another device, nor
 * the VMM that wants to stop it, nor the end of its process.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tvm_traffic.h"

#define NUM		256

FIXTURE(starve) {
	struct tvm_net net;
	struct tvm_traffic traffic;
	pthread_t thread;
	bool threaded;
	volatile bool stop;
};

FIXTURE_VARIANT(starve) {
	struct tvm_net_options options;
};

#define OPTIONS(...)	{ .options = { .mergeable = true, .num = NUM, __VA_ARGS__ } }

FIXTURE_VARIANT_ADD(starve, split) OPTIONS(.cfg = { .packed = false });
FIXTURE_VARIANT_ADD(starve, packed) OPTIONS(.cfg = { .packed = true });

/* One frame in all buffers: what is sent does not matter, nobody receives it. */
static void ring_fill(struct tvm_net *net)
{
	uint8_t frame[60];
	unsigned int i;

	tvm_frame_build(frame, 99, 0, sizeof(frame));
	net->options.tx_segs = 1;
	for (i = 0; i < NUM; i++)
		ASSERT_EQ(tvm_net_send(net, 0, NULL, frame, sizeof(frame)), 0);
}

/* The same heads again: the available index is always a whole ring ahead. */
static void refill_split(struct tvm_queue *vq)
{
	tvm_store16(&vq->avail->idx, tvm_load16(&vq->used->idx) + vq->num);
}

/* Whatever was used is available at once, in the next round. */
static void refill_packed(struct tvm_queue *vq)
{
	const uint16_t both = 1 << VRING_PACKED_DESC_F_AVAIL | 1 << VRING_PACKED_DESC_F_USED;
	struct vring_packed_desc *desc = &vq->pdesc[vq->used_next];
	uint16_t flags = tvm_load16(&desc->flags);

	if ((flags & both) != (vq->used_wrap ? both : 0))
		return;
	desc->len = 72;
	tvm_store16(&desc->flags, vq->used_wrap ? 1 << VRING_PACKED_DESC_F_USED :
			    1 << VRING_PACKED_DESC_F_AVAIL);
	if (++vq->used_next == vq->num) {
		vq->used_next = 0;
		vq->used_wrap = !vq->used_wrap;
	}
}

static void *refill_run(void *arg)
{
	struct starve_fixture *self = arg;
	struct tvm_queue *vq = tvm_net_tx(&self->net, 0);
	unsigned int i;

	for (i = 0; !self->stop; i++) {
		if (vq->cfg.packed)
			refill_packed(vq);
		else
			refill_split(vq);
		if (!(i % 1024))
			tvm_event_write(vq->kick_fd);
	}
	return NULL;
}

static void storm_start(struct starve_fixture *self)
{
	ring_fill(&self->net);
	ASSERT_EQ(pthread_create(&self->thread, NULL, refill_run, self), 0);
	self->threaded = true;
	tvm_queue_notify(tvm_net_tx(&self->net, 0));
}

static void storm_stop(struct starve_fixture *self)
{
	self->stop = true;
	if (self->threaded)
		pthread_join(self->thread, NULL);
	self->threaded = false;
}

FIXTURE_SETUP(starve)
{
	tvm_net_create(&self->net, &variant->options);
	tvm_traffic_init(&self->traffic, &self->net, 0);
	/* What the guest sends piles up nowhere. */
	close(self->net.wire.socket);
	self->net.wire.socket = tvm_wire_packet("lo", sizeof(struct virtio_net_hdr));
	ASSERT_GE(self->net.wire.socket, 0);
}

FIXTURE_TEARDOWN(starve)
{
	storm_stop(self);
	tvm_net_destroy(&self->net);
}

/* Replaces the wire's end by one that can send. */
static void far_end(struct starve_fixture *self)
{
	close(self->net.wire.socket);
	self->net.wire.socket = tvm_wire_packet("tap0", sizeof(struct virtio_net_hdr));
	ASSERT_GE(self->net.wire.socket, 0);
}

static void receive_some(struct starve_fixture *self, unsigned int count)
{
	struct tvm_traffic *traffic = &self->traffic;
	struct tvm_net_packet packet;
	unsigned int i;

	for (i = 0; i < count; i++) {
		tvm_net_post(&self->net, 0, ~0U);
		tvm_queue_kick(tvm_net_rx(&self->net, 0));
		ASSERT_EQ(tvm_traffic_rx_fill(traffic, 1), 1U);
		ASSERT_EQ(tvm_net_wait(&self->net, 0, &packet, harness_scaled(5000)), 0);
		tvm_flow_take(&traffic->rx, packet.frame, packet.len);
	}
	EXPECT_EQ(traffic->rx.frames, (uint64_t)traffic->rx_seq);
	EXPECT_EQ(traffic->rx.lost + traffic->rx.late + traffic->rx.bad, 0UL);
}

TEST_F_TIMEOUT(starve, other_queue, 120)
{
	storm_start(self);
	far_end(self);
	receive_some(self, harness_rounds(200, 20));
	EXPECT_FALSE(tvm_event_wait(self->net.vqs[0].err_fd, 0));
}

/* With both queues polling. */
TEST_F_TIMEOUT(starve, polling, 120)
{
	struct vhost_vring_state loop = { .num = 1000 };

	for (loop.index = 0; loop.index < 2; loop.index++)
		ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_SET_VRING_BUSYLOOP_TIMEOUT,
					&loop), 0);
	storm_start(self);
	far_end(self);
	receive_some(self, harness_rounds(200, 20));
}

TEST_F_TIMEOUT(starve, other_device, 120)
{
	struct tvm_net_options options = variant->options;
	struct tvm_traffic traffic;
	struct tvm_net good;

	storm_start(self);
	tvm_net_create(&good, &options);
	tvm_traffic_init(&traffic, &good, 0);
	EXPECT_TRUE(tvm_traffic_run(&traffic, 200, 200));
	tvm_traffic_check(&traffic);
	tvm_net_destroy(&good);
}

/* As VMMs stop; afterwards nothing of the ring changes. */
TEST_F_TIMEOUT(starve, stop, 120)
{
	struct tvm_queue *vq = tvm_net_tx(&self->net, 0);
	uint32_t before, after;

	storm_start(self);
	usleep(20000);
	ASSERT_EQ(tvm_net_stop(&self->net), 0);
	ASSERT_EQ(tvm_queue_stop(vq, &before), 0);
	usleep(20000);
	ASSERT_EQ(tvm_queue_stop(vq, &after), 0);
	EXPECT_EQ(before, after);
	storm_stop(self);
}

TEST_F_TIMEOUT(starve, reset, 120)
{
	storm_start(self);
	usleep(20000);
	if (self->net.peer)
		ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_RESET_OWNER, NULL), 0);
	else
		ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHA_RESET, NULL), 0);
}

TEST_F_TIMEOUT(starve, close, 120)
{
	storm_start(self);
	usleep(20000);
	tvm_dev_close(&self->net.dev);
}

/* Runs in a process that only a signal ends. */
static void victim(const struct starve_variant *variant, int ready)
{
	struct starve_fixture *self = calloc(1, sizeof(*self));

	if (!self)
		_exit(1);
	tvm_net_create(&self->net, &variant->options);
	storm_start(self);
	usleep(20000);
	if (write(ready, "r", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

TEST_F_TIMEOUT(starve, killed, 240)
{
	unsigned int i, rounds = harness_rounds(20, 3);
	int ready[2], status;
	char byte;
	pid_t pid;

	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(pipe(ready), 0);
		pid = fork();
		if (!pid)
			victim(variant, ready[1]);
		close(ready[1]);
		ASSERT_EQ(read(ready[0], &byte, 1), 1L);
		close(ready[0]);
		kill(pid, SIGKILL);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		tvm_net_post(&self->net, 0, ~0U);
		far_end(self);
		receive_some(self, 2);
	}
}

HARNESS_MAIN
