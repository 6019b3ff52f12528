// SPDX-License-Identifier: GPL-2.0-only
/*
 * net: several pairs of queues, workers, resets of one queue
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tvm_traffic.h"

#define WAIT_MS		5000

FIXTURE(queues) {
	struct tvm_net net;
	struct tvm_wire wires[TVM_NET_PAIRS];
	struct tvm_traffic *traffic[TVM_NET_PAIRS];
};

FIXTURE_VARIANT(queues) {
	struct tvm_net_options options;
};

#define OPTIONS(...)	{ .options = { .mergeable = true, .num = 128, __VA_ARGS__ } }

FIXTURE_VARIANT_ADD(queues, split) OPTIONS(.cfg = { .event_idx = true });
FIXTURE_VARIANT_ADD(queues, packed) OPTIONS(.cfg = { .packed = true, .event_idx = true });

static void create(struct queues_fixture *self, const struct queues_variant *variant,
		   unsigned int pairs, bool stopped)
{
	struct tvm_net_options options = variant->options;
	unsigned int i;

	options.pairs = pairs;
	options.stopped = stopped;
	tvm_net_create(&self->net, &options);
	for (i = 0; i < pairs; i++) {
		self->traffic[i] = calloc(1, sizeof(*self->traffic[i]));
		ASSERT_TRUE(self->traffic[i]);
		tvm_traffic_init(self->traffic[i], &self->net, i);
	}
}

FIXTURE_SETUP(queues)
{
}

FIXTURE_TEARDOWN(queues)
{
	unsigned int i;

	if (self->net.pairs)
		tvm_net_destroy(&self->net);
	for (i = 0; i < TVM_NET_PAIRS; i++) {
		tvm_wire_destroy(&self->wires[i]);
		free(self->traffic[i]);
	}
}

/* A tap for each pair, in place of the queues of one. */
static void own_wires(struct queues_fixture *self)
{
	unsigned int i;
	char name[16];

	for (i = 0; i < self->net.pairs; i++) {
		struct tvm_wire *wire = &self->wires[i];

		*wire = (struct tvm_wire){
			.kind = TVM_WIRE_TAP, .queues = 1, .backends = { -1, -1, -1, -1 },
		};
		snprintf(name, sizeof(name), "own%u", i);
		tvm_wire_name(wire, name, name);
		wire->backends[0] = tvm_wire_tap(wire->near, self->net.header, false);
		ASSERT_GE(wire->backends[0], 0);
		tvm_wire_ip("link set %s up mtu 9000\n", wire->near);
		wire->socket = tvm_wire_packet(wire->far, sizeof(struct virtio_net_hdr));
		ASSERT_GE(wire->socket, 0);
		self->traffic[i]->wire = wire;
	}
}

static void start_own(struct queues_fixture *self)
{
	unsigned int i;

	for (i = 0; i < 2 * self->net.pairs; i++)
		ASSERT_EQ(tvm_queue_configure(&self->net.vqs[i]), 0);
	for (i = 0; i < 2 * self->net.pairs; i++)
		ASSERT_EQ(tvm_net_backend(&self->net, i, self->wires[i / 2].backends[0]), 0);
}

/** struct job - a thread that sends through one pair */
struct job {
	struct tvm_traffic *traffic;
	uint32_t tx;
	uint32_t rx;
	bool good;
};

static void *job_run(void *arg)
{
	struct job *job = arg;

	job->good = tvm_traffic_run(job->traffic, job->tx, job->rx);
	return NULL;
}

/* A back end of its own for each pair, all at once. */
TEST_F_TIMEOUT(queues, own_backends, 120)
{
	struct job jobs[TVM_NET_PAIRS];
	pthread_t threads[TVM_NET_PAIRS];
	unsigned int i, count = harness_rounds(20000, 400);

	create(self, variant, 4, true);
	own_wires(self);
	start_own(self);
	for (i = 0; i < 4; i++) {
		jobs[i] = (struct job){ self->traffic[i], count, count, false };
		ASSERT_EQ(pthread_create(&threads[i], NULL, job_run, &jobs[i]), 0);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_TRUE(jobs[i].good);
		tvm_traffic_check(self->traffic[i]);
		EXPECT_EQ(tvm_net_stat(&self->net, 2 * i, "packets"), (int64_t)count);
		EXPECT_EQ(tvm_net_stat(&self->net, 2 * i + 1, "packets"), (int64_t)count);
	}
	EXPECT_TRUE(tvm_net_sound(&self->net));
}

static unsigned int drain_shared(struct queues_fixture *self, struct tvm_flow *flows)
{
	static uint8_t frame[TVM_FRAME_MAX + 1];
	unsigned int nr = 0;
	int len, flow;

	while ((len = tvm_wire_recv(&self->net.wire, NULL, frame, sizeof(frame))) > 0) {
		flow = tvm_frame_flow(frame, len);
		if (flow < 0 || flow / 2 >= (int)self->net.pairs)
			flow = 0;
		tvm_flow_take(&flows[flow / 2], frame, len);
		nr++;
	}
	return nr;
}

static unsigned int drain_pairs(struct queues_fixture *self, struct tvm_flow *flow)
{
	struct tvm_net_packet packet;
	unsigned int i, nr = 0;

	for (i = 0; i < self->net.pairs; i++) {
		while (tvm_net_poll(&self->net, i, &packet)) {
			tvm_flow_take(flow, packet.frame, packet.len);
			nr++;
		}
		if (tvm_net_post(&self->net, i, ~0U))
			tvm_queue_kick(tvm_net_rx(&self->net, i));
	}
	return nr;
}

/* All pairs on the queues of one tap. */
TEST_F_TIMEOUT(queues, one_tap, 120)
{
	struct tvm_flow flows[TVM_NET_PAIRS], back = { .id = 1 };
	unsigned int i, round, rounds = harness_rounds(500, 10), sent;
	uint64_t end;

	create(self, variant, 4, false);
	for (i = 0; i < 4; i++)
		flows[i] = (struct tvm_flow){ .id = 2 * i };
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < 4; i++) {
			ASSERT_EQ(tvm_traffic_tx_fill(self->traffic[i], 20 + i), 20 + i);
			ASSERT_TRUE(tvm_net_settle(&self->net, i, harness_scaled(WAIT_MS)));
		}
		drain_shared(self, flows);
	}
	while (tvm_wire_wait(&self->net.wire, 20))
		drain_shared(self, flows);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(flows[i].frames, (uint64_t)self->traffic[i]->tx_seq);
		EXPECT_EQ(flows[i].lost + flows[i].late + flows[i].bad + flows[i].strange, 0UL);
	}
	/* The tap sends a flow to the queue it came from last. */
	for (sent = 0; sent < rounds * 10; sent += 50) {
		self->traffic[0]->rx.frames = self->traffic[0]->rx_seq;
		drain_pairs(self, &back);
		ASSERT_EQ(tvm_traffic_rx_fill(self->traffic[0], 50), 50U);
		end = tvm_clock_ns() + harness_scaled(WAIT_MS) * 1000000ULL;
		while (back.frames < sent + 50 && tvm_clock_ns() < end) {
			if (!drain_pairs(self, &back))
				usleep(200);
		}
		ASSERT_EQ(back.frames, sent + 50UL);
	}
	EXPECT_EQ(back.lost + back.late + back.bad + back.strange, 0UL);
	EXPECT_TRUE(tvm_net_sound(&self->net));
}

static void new_worker(struct queues_fixture *self, unsigned int queue)
{
	struct vhost_worker_state worker = { 0 };
	struct vhost_vring_worker attach = { .index = queue };

	ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_NEW_WORKER, &worker), 0);
	attach.worker_id = worker.worker_id;
	ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_ATTACH_VRING_WORKER, &attach), 0);
}

/* Workers are handed out while frames fly. */
TEST_F_TIMEOUT(queues, workers, 120)
{
	struct job job = { .tx = harness_rounds(50000, 800), .rx = harness_rounds(50000, 800) };
	struct vhost_vring_worker first = { 0 };
	pthread_t thread;
	unsigned int i;

	create(self, variant, 1, false);
	if (self->net.peer)
		SKIP("the peer has one worker");
	job.traffic = self->traffic[0];
	ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_GET_VRING_WORKER, &first), 0);
	ASSERT_EQ(pthread_create(&thread, NULL, job_run, &job), 0);
	for (i = 0; i < 10; i++) {
		new_worker(self, i % 2);
		usleep(2000);
		first.index = i % 2;
		ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_ATTACH_VRING_WORKER, &first), 0);
		usleep(2000);
		new_worker(self, i % 2);
	}
	pthread_join(thread, NULL);
	EXPECT_TRUE(job.good);
	tvm_traffic_check(self->traffic[0]);
	EXPECT_TRUE(tvm_net_sound(&self->net));
}

TEST_F_TIMEOUT(queues, polling, 120)
{
	struct vhost_vring_state loop = { .num = 100 };

	create(self, variant, 1, false);
	for (loop.index = 0; loop.index < 2; loop.index++)
		ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHOST_SET_VRING_BUSYLOOP_TIMEOUT,
					&loop), 0);
	ASSERT_TRUE(tvm_traffic_run(self->traffic[0], harness_rounds(20000, 400),
				    harness_rounds(20000, 400)));
	tvm_traffic_check(self->traffic[0]);
	EXPECT_TRUE(tvm_net_sound(&self->net));
}

/* Empties a queue that is stopped, as the driver does after a reset of it. */
static void forget(struct tvm_net *net, unsigned int queue)
{
	unsigned int i, nr = queue % 2 ? 128 : net->num;
	struct tvm_net_pool *pool = &net->pools[queue];

	pool->free = NULL;
	for (i = 0; i < nr; i++) {
		pool->bufs[i].next = pool->free;
		pool->free = &pool->bufs[i];
	}
	tvm_queue_reset(&net->vqs[queue]);
}

/* One queue is reset and starts anew, in another size, while the others work. */
TEST_F_TIMEOUT(queues, reset_one, 120)
{
	static const uint16_t sizes[] = { 128, 64, 32, 16 };
	struct job job = { .tx = harness_rounds(20000, 500), .rx = harness_rounds(20000, 500) };
	struct tvm_traffic *traffic;
	pthread_t thread;
	unsigned int i, queue;

	create(self, variant, 2, true);
	own_wires(self);
	start_own(self);
	tvm_net_need(&self->net, TVM_BIT(VIRTIO_F_RING_RESET), 0);
	job.traffic = self->traffic[1];
	traffic = self->traffic[0];
	ASSERT_EQ(pthread_create(&thread, NULL, job_run, &job), 0);
	for (i = 0; i < 16; i++) {
		ASSERT_TRUE(tvm_traffic_run(traffic, 50, 50));
		tvm_traffic_quiet(traffic);
		queue = i % 2;
		ASSERT_EQ(tvm_net_backend(&self->net, queue, -1), 0);
		ASSERT_EQ(tvm_queue_stop(&self->net.vqs[queue], NULL), 0);
		self->net.vqs[queue].num = sizes[i / 2 % 4];
		forget(&self->net, queue);
		ASSERT_EQ(tvm_queue_configure(&self->net.vqs[queue]), 0);
		ASSERT_EQ(tvm_net_backend(&self->net, queue, self->wires[0].backends[0]), 0);
		/* Fewer buffers take fewer frames at once. */
		traffic->window = 8;
	}
	ASSERT_TRUE(tvm_traffic_run(traffic, 50, 50));
	tvm_traffic_check(traffic);
	pthread_join(thread, NULL);
	EXPECT_TRUE(job.good);
	tvm_traffic_check(self->traffic[1]);
	EXPECT_TRUE(tvm_net_sound(&self->net));
}

/* Attached first and started later: the other way to do it. */
TEST_F_TIMEOUT(queues, enable, 120)
{
	struct vha_backend backend = { .index = 1 };
	unsigned int i;

	create(self, variant, 2, true);
	if (self->net.peer)
		SKIP("the peer knows one way only");
	for (i = 0; i < 4; i++)
		ASSERT_EQ(tvm_queue_configure(&self->net.vqs[i]), 0);
	EXPECT_EQ(tvm_queue_enable(&self->net.vqs[2], true), -ENODEV);
	backend.fd = self->net.wire.backends[1];
	ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHA_SET_BACKEND, &backend), 0);
	EXPECT_EQ(tvm_queue_enable(&self->net.vqs[0], true), -ENOTCONN);
	ASSERT_EQ(tvm_queue_enable(&self->net.vqs[2], true), 0);
	ASSERT_EQ(tvm_queue_enable(&self->net.vqs[3], true), 0);
	EXPECT_EQ(tvm_dev_ioctl(&self->net.dev, VHA_SET_BACKEND, &backend), -EBUSY);
	ASSERT_TRUE(tvm_traffic_run(self->traffic[1], 100, 0));
	EXPECT_EQ(self->traffic[1]->tx.lost + self->traffic[1]->tx.bad, 0UL);
	ASSERT_EQ(tvm_queue_enable(&self->net.vqs[2], false), 0);
	ASSERT_EQ(tvm_queue_enable(&self->net.vqs[3], false), 0);
	backend.index = 32;
	EXPECT_EQ(tvm_dev_ioctl(&self->net.dev, VHA_SET_BACKEND, &backend), -EINVAL);
	backend.index = 1;
	backend.flags = 1ULL << 63;
	EXPECT_EQ(tvm_dev_ioctl(&self->net.dev, VHA_SET_BACKEND, &backend), -EINVAL);
	backend.flags = 0;
	backend.reserved[1] = 1;
	EXPECT_EQ(tvm_dev_ioctl(&self->net.dev, VHA_SET_BACKEND, &backend), -EINVAL);
	backend.reserved[1] = 0;
	backend.fd = -1;
	EXPECT_EQ(tvm_dev_ioctl(&self->net.dev, VHA_SET_BACKEND, &backend), 0);
	EXPECT_EQ(tvm_queue_enable(&self->net.vqs[2], true), -ENODEV);
}

/* While it is suspended a device does nothing; nothing is lost by it. */
TEST_F_TIMEOUT(queues, suspend, 120)
{
	struct tvm_traffic *traffic;
	unsigned int i;

	create(self, variant, 1, false);
	if (self->net.peer)
		SKIP("the peer can not be suspended");
	traffic = self->traffic[0];
	for (i = 0; i < 10; i++) {
		ASSERT_TRUE(tvm_traffic_run(traffic, 50, 50));
		ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHA_SUSPEND, NULL), 0);
		ASSERT_EQ(tvm_traffic_tx_fill(traffic, 20), 20U);
		tvm_traffic_rx_fill(traffic, 20);
		usleep(10000);
		EXPECT_EQ(tvm_net_reap(&self->net, 0), 0U);
		EXPECT_FALSE(tvm_wire_wait(traffic->wire, 0));
		ASSERT_EQ(tvm_dev_ioctl(&self->net.dev, VHA_RESUME, NULL), 0);
	}
	ASSERT_TRUE(tvm_traffic_run(traffic, 50, 50));
	tvm_traffic_check(traffic);
}

HARNESS_MAIN
