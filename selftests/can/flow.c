// SPDX-License-Identifier: GPL-2.0-only
/*
 * CAN: many frames. Nothing is lost, duplicated or reordered, and where there is
 * more than fits, what is missing is counted.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "tvm_can.h"
#include "tvm_rig.h"

/* Frames of one test at full speed; quick, those of the first variant, and others. */
#define FRAMES		1000000U
#define FRAMES_MANY	200000U
#define FRAMES_QUICK	30000U
/* Ring size for those. */
#define RING		256

FIXTURE(flow) {
	struct tvm_can_bus bus;
	struct tvm_can can;
	int host;
};

FIXTURE_VARIANT(flow) {
	struct tvm_config cfg;
	uint64_t features;
	bool many;
};

FIXTURE_VARIANT_ADD(flow, split) { .cfg = { .event_idx = true }, .many = true };
FIXTURE_VARIANT_ADD(flow, packed_order)
	{ .cfg = { .packed = true, .event_idx = true, .in_order = true } };
FIXTURE_VARIANT_ADD(flow, late)
	{ .cfg = { .event_idx = true }, .features = TVM_CAN_F_USUAL | TVM_CAN_F_LATE };

/* However slow the machine, confirmations come in time. */
static const struct vha_can_params patient = { .confirm_ms = 10000 };

FIXTURE_SETUP(flow)
{
	struct tvm_can_options options = {
		.cfg = variant->cfg, .features = variant->features, .num = RING,
		.params = &patient,
	};

	tvm_can_bus_create(&self->bus, false);
	tvm_can_create(&self->can, self->bus.name, &options);
	self->host = tvm_can_socket(self->bus.name);
}

FIXTURE_TEARDOWN(flow)
{
	tvm_can_destroy(&self->can);
	tvm_can_bus_destroy(&self->bus);
}

static int64_t host_drops(struct flow_fixture *self)
{
	return tvm_can_socket_drops(self->host) + tvm_can_bus_drops(&self->bus);
}

/** struct listener - a program of the host that reads all there is */
struct listener {
	pthread_t thread;
	int fd;
	int64_t received;
	int64_t disorder;
	bool stop;
};

static void *listen_run(void *data)
{
	struct listener *listener = data;
	struct tvm_can_frame frames[TVM_CAN_MANY];
	unsigned int i, n;
	uint64_t next = 0;

	for (;;) {
		n = tvm_can_host_receive_many(listener->fd, frames, TVM_CAN_MANY);
		for (i = 0; i < n; i++) {
			if (tvm_can_number(&frames[i]) < next)
				listener->disorder++;
			next = tvm_can_number(&frames[i]) + 1;
		}
		__atomic_add_fetch(&listener->received, n, __ATOMIC_RELEASE);
		if (n)
			continue;
		if (__atomic_load_n(&listener->stop, __ATOMIC_ACQUIRE))
			return NULL;
		/* Longer than to wait for the next one, of which there are many. */
		usleep(2000);
	}
}

/* Until all frames have arrived or were dropped, and then for a while. */
static void listen_end(struct flow_fixture *self, struct listener *listener, int64_t frames)
{
	uint64_t end = tvm_clock_ns() + harness_scaled(10000) * 1000000ULL;

	while (__atomic_load_n(&listener->received, __ATOMIC_ACQUIRE) + host_drops(self) < frames &&
	       tvm_clock_ns() < end)
		usleep(5000);
	__atomic_store_n(&listener->stop, true, __ATOMIC_RELEASE);
	pthread_join(listener->thread, NULL);
}

static void transmit_all(struct flow_fixture *self, unsigned int frames)
{
	unsigned int sent = 0, done = 0;
	struct tvm_can_frame frame;

	while (done < frames) {
		while (sent < frames) {
			tvm_can_numbered(&frame, 0x100 + sent % 0x100, sent);
			if (tvm_can_submit(&self->can, &frame))
				break;
			sent++;
		}
		tvm_queue_kick(&self->can.vqs[TVM_CAN_TX]);
		ASSERT_EQ(tvm_can_result(&self->can, harness_scaled(10000)), TVM_CAN_OK);
		done++;
		while (done < sent && tvm_can_result(&self->can, 0) == TVM_CAN_OK)
			done++;
	}
}

TEST_F_TIMEOUT(flow, to_bus, 300)
{
	/* That many in any case. */
	unsigned int frames = variant->many ? FRAMES : harness_rounds(FRAMES, FRAMES_QUICK);
	struct listener listener = { .fd = self->host };
	int64_t lost;

	ASSERT_EQ(pthread_create(&listener.thread, NULL, listen_run, &listener), 0);
	transmit_all(self, frames);
	listen_end(self, &listener, frames);
	lost = host_drops(self);
	EXPECT_EQ(listener.received + lost, frames);
	EXPECT_EQ(listener.disorder, 0);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_frames"), frames);
	if (variant->features & TVM_CAN_F_LATE)
		EXPECT_EQ(tvm_can_stat(&self->can, "tx_confirmed"), frames);
	harness_note("%lld of %u frames lost by the host", (long long)lost, frames);
}

/**
 * struct talker - a program of the host that writes numbered frames
 * @end: when they must have arrived; zero until it has written all
 */
struct talker {
	pthread_t thread;
	int fd;
	unsigned int frames;
	int error;
	uint64_t end;
};

static void *talk_run(void *data)
{
	struct talker *talker = data;
	struct tvm_can_frame frame;
	unsigned int i;

	for (i = 0; i < talker->frames && !talker->error; i++) {
		tvm_can_numbered(&frame, 0x200 + i % 0x100, i);
		talker->error = tvm_can_host_send(talker->fd, &frame);
	}
	__atomic_store_n(&talker->end, tvm_clock_ns() + harness_scaled(10000) * 1000000ULL,
			 __ATOMIC_RELEASE);
	return NULL;
}

static int64_t guest_drops(struct flow_fixture *self)
{
	return tvm_can_stat(&self->can, "rx_dropped") + tvm_can_stat(&self->can, "rx_overruns");
}

static int64_t frames_dropped(struct flow_fixture *self)
{
	return guest_drops(self) + tvm_can_bus_drops(&self->bus);
}

/* Nothing arrived for a while: whether nothing will. */
static bool talk_over(struct flow_fixture *self, struct talker *talker, int64_t received)
{
	uint64_t end = __atomic_load_n(&talker->end, __ATOMIC_ACQUIRE);

	return end && (received + frames_dropped(self) >= talker->frames || tvm_clock_ns() > end);
}

TEST_F_TIMEOUT(flow, from_bus, 300)
{
	struct talker talker = {
		.fd = self->host,
		.frames = harness_rounds(FRAMES, variant->many ? FRAMES_MANY : FRAMES_QUICK),
	};
	int64_t received = 0, disorder = 0, dropped;
	uint64_t next = 0;
	struct tvm_can_frame frame;

	ASSERT_EQ(pthread_create(&talker.thread, NULL, talk_run, &talker), 0);
	for (;;) {
		if (tvm_can_receive(&self->can, &frame, 500)) {
			if (talk_over(self, &talker, received))
				break;
			continue;
		}
		disorder += tvm_can_number(&frame) < next;
		next = tvm_can_number(&frame) + 1;
		received++;
	}
	pthread_join(talker.thread, NULL);
	EXPECT_EQ(talker.error, 0);
	EXPECT_EQ(disorder, 0);
	EXPECT_EQ(tvm_can_stat(&self->can, "rx_frames"), received);
	dropped = frames_dropped(self);
	EXPECT_EQ(received + dropped, talker.frames);
	harness_note("%lld of %u frames dropped", (long long)dropped, talker.frames);
}

/* Below saturation nothing is lost, and each frame finds its way both ways. */
TEST_F_TIMEOUT(flow, in_steps, 120)
{
	unsigned int round, rounds = harness_rounds(2000, 200), i;
	struct tvm_can_frame frame, seen;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < 32; i++) {
			tvm_can_numbered(&frame, 0x100, round * 32 + i);
			ASSERT_EQ(tvm_can_submit(&self->can, &frame), 0);
			tvm_can_numbered(&frame, 0x200, round * 32 + i);
			ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
		}
		tvm_queue_kick(&self->can.vqs[TVM_CAN_TX]);
		for (i = 0; i < 32; i++) {
			ASSERT_EQ(tvm_can_result(&self->can, harness_scaled(5000)), TVM_CAN_OK);
			ASSERT_EQ(tvm_can_host_receive(self->host, &seen, harness_scaled(5000)), 0);
			ASSERT_EQ(tvm_can_number(&seen), round * 32ULL + i);
			ASSERT_EQ(tvm_can_receive(&self->can, &seen, harness_scaled(5000)), 0);
			ASSERT_EQ(tvm_can_number(&seen), round * 32ULL + i);
			ASSERT_EQ(seen.id, 0x200U);
		}
	}
	EXPECT_TRUE(tvm_can_host_silent(self->host, 100));
}

/*
 * An interface that takes ten frames and no more: the others wait in the ring,
 * and go on in order as soon as there is room.
 */
TEST_F(flow, back_pressure)
{
	struct tvm_can_frame frame, seen;
	unsigned int i;

	ASSERT_EQ(tvm_can_command("tc qdisc add dev %s root netem delay 1000s limit 10",
				  self->bus.name), 0);
	for (i = 0; i < 64; i++) {
		tvm_can_numbered(&frame, 0x100, i);
		ASSERT_EQ(tvm_can_submit(&self->can, &frame), 0);
	}
	tvm_queue_kick(&self->can.vqs[TVM_CAN_TX]);
	for (i = 0; i < 10; i++)
		ASSERT_EQ(tvm_can_result(&self->can, harness_scaled(5000)), TVM_CAN_OK);
	EXPECT_EQ(tvm_can_result(&self->can, 200), -ETIMEDOUT);
	EXPECT_GT(tvm_can_stat(&self->can, "tx_held"), 0);
	EXPECT_EQ(tvm_can_stat(&self->can, "tx_frames"), 10);
	ASSERT_EQ(tvm_can_command("tc qdisc del dev %s root", self->bus.name), 0);
	for (i = 10; i < 64; i++)
		ASSERT_EQ(tvm_can_result(&self->can, harness_scaled(5000)), TVM_CAN_OK);
	for (i = 0; i < 64; i++) {
		ASSERT_EQ(tvm_can_host_receive(self->host, &seen, harness_scaled(5000)), 0);
		ASSERT_EQ(tvm_can_number(&seen), i);
	}
	EXPECT_TRUE(tvm_can_host_silent(self->host, 100));
	EXPECT_EQ(tvm_can_status(&self->can), 0);
}

/* Likewise a socket that may not send more before the interface has. */
TEST_F(flow, send_buffer)
{
	struct tvm_can_frame frame, seen;
	unsigned int i, done = 0;
	int smallest = 1;

	ASSERT_EQ(setsockopt(self->can.socket, SOL_SOCKET, SO_SNDBUF, &smallest,
			     sizeof(smallest)), 0);
	/* Unlike netem it leaves frames that wait to their socket. */
	ASSERT_EQ(tvm_can_command("tc qdisc add dev %s root tbf rate 8bit burst 20b limit 10000b",
				  self->bus.name), 0);
	for (i = 0; i < 64; i++) {
		tvm_can_numbered(&frame, 0x100, i);
		ASSERT_EQ(tvm_can_submit(&self->can, &frame), 0);
	}
	tvm_queue_kick(&self->can.vqs[TVM_CAN_TX]);
	while (tvm_can_result(&self->can, 200) == TVM_CAN_OK)
		done++;
	EXPECT_GT(tvm_can_stat(&self->can, "tx_held"), 0);
	EXPECT_LT(tvm_can_stat(&self->can, "tx_frames"), 64);
	ASSERT_EQ(tvm_can_command("tc qdisc del dev %s root", self->bus.name), 0);
	for (i = done; i < 64; i++)
		ASSERT_EQ(tvm_can_result(&self->can, harness_scaled(5000)), TVM_CAN_OK);
	for (i = 0; i < 64; i++) {
		ASSERT_EQ(tvm_can_host_receive(self->host, &seen, harness_scaled(5000)), 0);
		ASSERT_EQ(tvm_can_number(&seen), i);
	}
}

/* A slow bus: the guest gets no more onto it than it takes, and loses nothing. */
TEST_F_TIMEOUT(flow, slow_bus, 120)
{
	struct listener listener = { .fd = self->host };
	unsigned int frames = 2000;

	ASSERT_EQ(tvm_can_command("tc qdisc add dev %s root netem rate 256kbit limit 10",
				  self->bus.name), 0);
	ASSERT_EQ(pthread_create(&listener.thread, NULL, listen_run, &listener), 0);
	transmit_all(self, frames);
	listen_end(self, &listener, frames);
	EXPECT_EQ(listener.received, frames);
	EXPECT_EQ(listener.disorder, 0);
	EXPECT_GT(tvm_can_stat(&self->can, "tx_held"), 0);
}

/* A guest that takes nothing keeps nobody from transmitting, itself included. */
TEST_F(flow, no_buffers)
{
	struct tvm_can_options options = {
		.cfg = variant->cfg, .features = variant->features, .num = RING, .rx = -1,
		.params = &patient,
	};
	struct tvm_can_frame frame, seen;
	unsigned int i, received = 0;
	uint64_t next = 0, end;
	int64_t dropped;

	tvm_can_destroy(&self->can);
	tvm_can_create(&self->can, self->bus.name, &options);
	for (i = 0; i < 3000; i++) {
		tvm_can_numbered(&frame, 0x200, i);
		ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
		if (i % 100)
			continue;
		tvm_can_numbered(&frame, 0x100, i);
		ASSERT_EQ(tvm_can_send(&self->can, &frame), TVM_CAN_OK);
		ASSERT_EQ(tvm_can_host_receive(self->host, &seen, harness_scaled(5000)), 0);
	}
	/* Those that came first were kept. */
	tvm_can_post(&self->can, RING);
	end = tvm_clock_ns() + harness_scaled(5000) * 1000000ULL;
	for (;;) {
		if (tvm_can_receive(&self->can, &seen, 100)) {
			if (received + guest_drops(self) >= 3000 || tvm_clock_ns() > end)
				break;
			continue;
		}
		/* Behind them may come what still waited in the socket. */
		if (received < 1024)
			ASSERT_EQ(tvm_can_number(&seen), received);
		ASSERT_GE(tvm_can_number(&seen), next);
		next = tvm_can_number(&seen) + 1;
		received++;
	}
	dropped = guest_drops(self);
	EXPECT_GE(received, 1024U);
	EXPECT_EQ(received + dropped, 3000);
	/* And now it is as if nothing had been. */
	tvm_can_numbered(&frame, 0x200, 4711);
	ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
	ASSERT_EQ(tvm_can_receive(&self->can, &seen, harness_scaled(5000)), 0);
	EXPECT_EQ(tvm_can_number(&seen), 4711ULL);
}

TEST_F(flow, rate_limit)
{
	struct vha_can_params params = {
		.tx_rate = 100, .tx_burst = 5, .confirm_ms = 10000,
	};
	struct tvm_can_frame frame;
	uint64_t start;
	unsigned int i;

	ASSERT_EQ(tvm_dev_ioctl(&self->can.dev, VHA_CAN_SET_PARAMS, &params), 0);
	start = tvm_clock_ns();
	for (i = 0; i < 25; i++) {
		tvm_can_numbered(&frame, 1, i);
		ASSERT_EQ(tvm_can_submit(&self->can, &frame), 0);
	}
	tvm_queue_kick(&self->can.vqs[TVM_CAN_TX]);
	for (i = 0; i < 25; i++)
		ASSERT_EQ(tvm_can_result(&self->can, harness_scaled(5000)), TVM_CAN_OK);
	/* Five at once, and the others ten milliseconds apart. */
	EXPECT_GE(tvm_clock_ns() - start, 200000000ULL);
	params = patient;
	ASSERT_EQ(tvm_dev_ioctl(&self->can.dev, VHA_CAN_SET_PARAMS, &params), 0);
	ASSERT_EQ(tvm_can_send(&self->can, &frame), TVM_CAN_OK);
}

/* One of those who share a bus, and what it has seen of the others. */
struct party {
	struct tvm_can *can;
	int host;
	uint32_t id;
	uint64_t next[3];
};

static void expect_others(struct party *parties, unsigned int self, unsigned int frames)
{
	struct party *party = &parties[self];
	struct tvm_can_frame seen;
	unsigned int i, from;

	for (i = 0; i < 2 * frames; i++) {
		if (party->can)
			ASSERT_EQ(tvm_can_receive(party->can, &seen, harness_scaled(5000)), 0);
		else
			ASSERT_EQ(tvm_can_host_receive(party->host, &seen, harness_scaled(5000)),
				  0);
		ASSERT_GE(seen.id, 1U);
		ASSERT_LE(seen.id, 3U);
		from = seen.id - 1;
		ASSERT_NE(from, self);
		ASSERT_EQ(tvm_can_number(&seen), party->next[from]);
		party->next[from]++;
	}
}

/* Two guests and a program of the host: each sees the two others, all of it. */
TEST_F_TIMEOUT(flow, shared_bus, 120)
{
	struct tvm_can_options options = {
		.cfg = variant->cfg, .features = variant->features, .num = RING,
		.params = &patient,
	};
	unsigned int round, rounds = harness_rounds(500, 100), p, i;
	static struct tvm_can other;
	struct party parties[3] = {
		{ .can = &self->can, .id = 1 }, { .can = &other, .id = 2 },
		{ .host = self->host, .id = 3 },
	};
	struct tvm_can_frame frame;

	tvm_can_create(&other, self->bus.name, &options);
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < 20; i++) {
			for (p = 0; p < 3; p++) {
				tvm_can_numbered(&frame, p + 1, round * 20 + i);
				if (parties[p].can)
					ASSERT_EQ(tvm_can_submit(parties[p].can, &frame), 0);
				else
					ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
			}
		}
		tvm_queue_kick(&self->can.vqs[TVM_CAN_TX]);
		tvm_queue_kick(&other.vqs[TVM_CAN_TX]);
		for (i = 0; i < 20; i++) {
			ASSERT_EQ(tvm_can_result(&self->can, harness_scaled(5000)), TVM_CAN_OK);
			ASSERT_EQ(tvm_can_result(&other, harness_scaled(5000)), TVM_CAN_OK);
		}
		for (p = 0; p < 3; p++)
			expect_others(parties, p, 20);
	}
	tvm_can_destroy(&other);
}

/* A frame of the host arrives, once the kernel has noticed that the interface is up. */
static void wait_for_carrier(struct flow_fixture *self)
{
	struct tvm_can_frame frame, seen;
	unsigned int i;

	tvm_can_frame_fill(&frame, 0x7ff, 0, 0, 0);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
		if (!tvm_can_receive(&self->can, &seen, 200))
			break;
	}
	while (!tvm_can_receive(&self->can, &seen, harness_scaled(200)))
		;
}

/* Two interfaces, each of which receives what the other transmits. */
TEST_F(flow, vxcan)
{
	struct tvm_can_options options = {
		.cfg = variant->cfg, .features = variant->features, .num = RING,
		.params = &patient,
	};
	struct tvm_can_frame frame, seen;
	unsigned int i;

	tvm_can_destroy(&self->can);
	tvm_can_bus_destroy(&self->bus);
	close(self->host);
	tvm_can_bus_create(&self->bus, true);
	tvm_can_create(&self->can, self->bus.name, &options);
	self->host = tvm_can_socket(self->bus.peer);
	wait_for_carrier(self);
	for (i = 0; i < 200; i++) {
		tvm_can_numbered(&frame, 0x100, i);
		ASSERT_EQ(tvm_can_send(&self->can, &frame), TVM_CAN_OK);
		ASSERT_EQ(tvm_can_host_receive(self->host, &seen, harness_scaled(5000)), 0);
		EXPECT_TRUE(tvm_can_frame_equal(&frame, &seen));
		ASSERT_EQ(tvm_can_host_send(self->host, &frame), 0);
		ASSERT_EQ(tvm_can_receive(&self->can, &seen, harness_scaled(5000)), 0);
		EXPECT_TRUE(tvm_can_frame_equal(&frame, &seen));
	}
	/* A peer that is down has no carrier: frames wait instead of vanishing. */
	ASSERT_EQ(tvm_can_command("ip link set %s down", self->bus.peer), 0);
	ASSERT_EQ(tvm_can_submit(&self->can, &frame), 0);
	tvm_queue_kick(&self->can.vqs[TVM_CAN_TX]);
	EXPECT_EQ(tvm_can_result(&self->can, 200), -ETIMEDOUT);
	EXPECT_EQ(tvm_can_host_receive(self->host, &seen, 0), -ENETDOWN);
	ASSERT_EQ(tvm_can_command("ip link set %s up", self->bus.peer), 0);
	EXPECT_EQ(tvm_can_result(&self->can, harness_scaled(5000)), TVM_CAN_OK);
	ASSERT_EQ(tvm_can_host_receive(self->host, &seen, harness_scaled(5000)), 0);
	EXPECT_TRUE(tvm_can_frame_equal(&frame, &seen));
}

HARNESS_MAIN
