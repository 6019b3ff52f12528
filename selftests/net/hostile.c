// SPDX-License-Identifier: GPL-2.0-only
/*
 * net: what no honest driver would send
 *
 * A buffer that can not be sent comes back, is counted, and stands in nobody's
 * way. A ring that makes no sense stops its queue and not the other one.
 */
#include <pthread.h>
#include <stdlib.h>

#include "tvm_inet.h"
#include "tvm_traffic.h"

#define WAIT_MS		5000
#define NUM		64

/* As enum vha_ring_error of the core. */
enum ring_error { RING_HEAD = 2, RING_LOOP = 4, RING_ORDER = 5, RING_INDIRECT = 8 };

FIXTURE(hostile) {
	struct tvm_net net;
	struct tvm_traffic traffic;
	struct tvm_queue *vq;
	uint64_t gpa;
	int64_t malformed;
	uint32_t good;
};

FIXTURE_VARIANT(hostile) {
	struct tvm_net_options options;
};

#define OPTIONS(...)	{ .options = { __VA_ARGS__ } }

FIXTURE_VARIANT_ADD(hostile, split) OPTIONS(.cfg = { .event_idx = true }, .mergeable = true);
FIXTURE_VARIANT_ADD(hostile, packed) OPTIONS(.cfg = { .packed = true }, .mergeable = true);
FIXTURE_VARIANT_ADD_FULL(hostile, split_packet)
	OPTIONS(.wire = TVM_WIRE_PACKET, .mergeable = true);
FIXTURE_VARIANT_ADD_FULL(hostile, packed_bare)
	OPTIONS(.cfg = { .packed = true }, .bare = true);

FIXTURE_SETUP(hostile)
{
	struct tvm_net_options options = variant->options;

	options.num = NUM;
	tvm_net_create(&self->net, &options);
	tvm_traffic_init(&self->traffic, &self->net, 0);
	self->vq = tvm_net_tx(&self->net, 0);
	self->gpa = tvm_mem_alloc(&self->net.mem, 1 << 20, TVM_PAGE);
}

FIXTURE_TEARDOWN(hostile)
{
	tvm_net_destroy(&self->net);
}

/* Makes a buffer available as it is and waits for it. */
static void submit(struct hostile_fixture *self, const struct tvm_seg *segs, unsigned int out,
		   unsigned int in, unsigned int flags)
{
	struct tvm_used used;

	ASSERT_GE(tvm_queue_add(self->vq, segs, out, in, NULL, flags), 0);
	tvm_queue_kick(self->vq);
	ASSERT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
	EXPECT_EQ(used.len, 0U);
}

static void expect_malformed(struct hostile_fixture *self, const char *what)
{
	int64_t counted = tvm_net_stat(&self->net, 1, "malformed");

	self->malformed++;
	EXPECT_MSG(self->net.peer || counted == self->malformed, "%s: %ld malformed, not %ld",
		   what, counted, self->malformed);
	self->malformed = counted;
}

/* Nothing but good frames has left, and those still do. */
static void check_good(struct hostile_fixture *self)
{
	ASSERT_TRUE(tvm_traffic_run(&self->traffic, 20, 20));
	tvm_traffic_quiet(&self->traffic);
	tvm_traffic_check(&self->traffic);
	EXPECT_TRUE(tvm_net_sound(&self->net));
	if (self->net.peer)
		return;
	EXPECT_EQ(tvm_net_stat(&self->net, 1, "packets") +
		  tvm_net_stat(&self->net, 1, "dropped") +
		  tvm_net_stat(&self->net, 1, "malformed"), tvm_net_stat(&self->net, 1, "used"));
}

/* Too short for a header, or with one and hardly anything else. */
TEST_F(hostile, truncated)
{
	struct tvm_seg segs[2] = { { self->gpa, 0 }, { self->gpa + 4096, 0 } };
	uint32_t len;

	if (self->net.peer)
		SKIP("the peer breaks off the queue");
	for (len = 0; len < 12 + 14; len++) {
		segs[0].len = len;
		submit(self, segs, 1, 0, 0);
		expect_malformed(self, "one piece");
		segs[0].len = len / 2;
		segs[1].len = len - len / 2;
		submit(self, segs, 2, 0, len % 2 ? TVM_ADD_INDIRECT : 0);
		expect_malformed(self, "two pieces");
	}
	check_good(self);
}

TEST_F(hostile, writable)
{
	struct tvm_seg segs[3] = { { self->gpa, 12 }, { self->gpa + 64, 500 },
				   { self->gpa + 1024, 500 } };

	if (self->net.peer)
		SKIP("the peer breaks off the queue");
	submit(self, segs, 2, 1, 0);
	expect_malformed(self, "writable end");
	submit(self, segs, 0, 3, 0);
	expect_malformed(self, "all writable");
	submit(self, segs, 1, 2, TVM_ADD_INDIRECT);
	expect_malformed(self, "writable frame");
	check_good(self);
}

TEST_F(hostile, outside)
{
	const uint64_t nowhere[] = {
		tvm_mem_end(&self->net.mem) - 8, tvm_mem_end(&self->net.mem), 0x7000000000ULL,
		0xfff00000000ULL, ~0ULL - 0x10000,
	};
	unsigned int i;

	if (self->net.peer)
		SKIP("the peer breaks off the queue");
	for (i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		struct tvm_seg segs[2] = { { self->gpa, 12 }, { nowhere[i], 200 } };

		submit(self, segs, 2, 0, 0);
		expect_malformed(self, "frame outside");
		segs[0].gpa = nowhere[i];
		segs[1].gpa = self->gpa;
		submit(self, segs, 2, 0, TVM_ADD_INDIRECT);
		expect_malformed(self, "header outside");
	}
	check_good(self);
}

/* Frames that no back end takes. */
TEST_F(hostile, oversized)
{
	struct tvm_seg segs[3] = {
		{ self->gpa, 12 }, { self->gpa + 64, 65536 }, { self->gpa + 128, 65536 },
	};
	int64_t sum;

	memset(tvm_mem_ptr(&self->net.mem, self->gpa, 1 << 20), 0, 1 << 20);
	submit(self, segs, 2, 0, 0);
	submit(self, segs, 3, 0, 0);
	segs[1].len = 1 << 19;
	submit(self, segs, 2, 0, 0);
	sum = tvm_net_stat(&self->net, 1, "dropped") + tvm_net_stat(&self->net, 1, "malformed");
	/* The limit is the back end's, and a frame of zeros is nobody's. */
	EXPECT_LE(sum, 3L);
	self->traffic.tx.strange = 0;
	tvm_traffic_quiet(&self->traffic);
	EXPECT_LE(self->traffic.tx.strange, 3UL - sum);
	self->traffic.tx.strange = 0;
	check_good(self);
}

/* Unusual but not wrong: pieces of one byte, pieces of none, a header in pieces. */
TEST_F(hostile, pieces)
{
	struct tvm_seg segs[NUM];
	uint8_t frame[NUM];
	unsigned int i, way, nr;
	int len;

	for (way = 0; way < 4; way++) {
		uint64_t at = self->gpa + way * 8192;

		tvm_frame_build(frame, self->traffic.tx.id, self->traffic.tx_seq++, 44);
		tvm_mem_fill(&self->net.mem, at, 0, 12);
		tvm_mem_write(&self->net.mem, at + 12, frame, 44);
		for (i = 0, nr = 0; i < 56; i += segs[nr++].len) {
			bool none = way % 2 && nr % 3 == 1 && nr < 20;

			segs[nr].gpa = at + i;
			segs[nr].len = none ? 0 : way % 2 ? 4 : 1;
		}
		ASSERT_LE(nr, (unsigned int)NUM);
		submit(self, segs, nr, 0, way / 2 ? TVM_ADD_INDIRECT : 0);
		ASSERT_TRUE(tvm_wire_wait(&self->net.wire, harness_scaled(WAIT_MS)));
		len = tvm_wire_recv(&self->net.wire, NULL, self->traffic.frame, 200);
		EXPECT_EQ(len, 44);
		tvm_flow_take(&self->traffic.tx, self->traffic.frame, len);
	}
	tvm_traffic_check(&self->traffic);
	EXPECT_EQ(tvm_net_stat(&self->net, 1, "malformed"), 0L);
	check_good(self);
}

/* A chain that leads back to itself. */
static void write_loop(struct hostile_fixture *self, uint32_t len)
{
	const uint16_t flags = VRING_DESC_F_NEXT | 1 << VRING_PACKED_DESC_F_AVAIL;
	struct tvm_queue *vq = self->vq;
	unsigned int i;

	if (vq->cfg.packed) {
		/*
		 * As long as the ring, and not at its end: there is no other loop.
		 * The device may look already, so where it begins comes last.
		 */
		for (i = vq->num; i--;) {
			vq->pdesc[i] = (struct vring_packed_desc){
				.addr = self->gpa, .len = len,
				.flags = i ? flags : 0,
			};
		}
		tvm_store16(&vq->pdesc[0].flags, flags);
		return;
	}
	for (i = 0; i < vq->num; i++)
		vq->desc[i] = (struct vring_desc){
			self->gpa, len, VRING_DESC_F_NEXT, i ? i - 1 : vq->num - 1U,
		};
	vq->avail->ring[0] = 0;
	tvm_store16(&vq->avail->idx, 1);
}

/* The queue begins anew, at its start. */
static void restart(struct hostile_fixture *self)
{
	ASSERT_EQ(tvm_net_backend(&self->net, 1, -1), 0);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	tvm_queue_reset(self->vq);
	ASSERT_EQ(tvm_queue_configure(self->vq), 0);
	ASSERT_EQ(tvm_net_backend(&self->net, 1, self->net.wire.backends[0]), 0);
}

static void check_broken(struct hostile_fixture *self, int64_t error)
{
	struct tvm_queue *vq = self->vq;

	tvm_queue_notify(vq);
	EXPECT_TRUE(tvm_event_wait(vq->err_fd, harness_scaled(WAIT_MS)));
	if (!self->net.peer)
		EXPECT_EQ(tvm_net_stat(&self->net, 1, "error"), error);
	/* What the other queue does is its own affair. */
	ASSERT_TRUE(tvm_traffic_run(&self->traffic, 0, 20));
	tvm_event_read(vq->err_fd);
	restart(self);
	check_good(self);
}

TEST_F(hostile, loop)
{
	uint32_t len;

	for (len = 0; len < 2; len++) {
		restart(self);
		write_loop(self, len);
		check_broken(self, RING_LOOP);
	}
}

TEST_F(hostile, indirect)
{
	struct tvm_queue *vq = self->vq;
	struct vring_desc *table = tvm_mem_ptr(&self->net.mem, self->gpa, 4096);

	table[0] = (struct vring_desc){ self->gpa, 16, VRING_DESC_F_INDIRECT, 0 };
	if (vq->cfg.packed) {
		/* In packed rings only WRITE means anything inside a table. */
		vq->pdesc[0] = (struct vring_packed_desc){
			.addr = self->gpa, .len = 15,
			.flags = VRING_DESC_F_INDIRECT | 1 << VRING_PACKED_DESC_F_AVAIL,
		};
	} else {
		vq->desc[0] = (struct vring_desc){
			self->gpa, 16, VRING_DESC_F_INDIRECT, 0,
		};
		vq->avail->ring[0] = 0;
		tvm_store16(&vq->avail->idx, 1);
	}
	check_broken(self, RING_INDIRECT);
}

/** struct liar - changes headers and lengths while they are looked at */
struct liar {
	struct tvm_net *net;
	volatile bool stop;
};

static void *liar_run(void *arg)
{
	struct liar *liar = arg;
	unsigned int state = 1;

	while (!liar->stop) {
		struct tvm_net_buf *buf;
		uint8_t *header;

		state = state * 1103515245 + 12345;
		buf = &liar->net->pools[1].bufs[(state >> 8) % NUM];
		header = tvm_mem_ptr(&liar->net->mem, buf->gpa, 12);
		header[(state >> 16) % 12] = state >> 24;
	}
	return NULL;
}

/* Takes all that arrived, some of it work that a socket has no words for. */
static unsigned int count_far(struct hostile_fixture *self)
{
	unsigned int nr;
	int len;

	for (nr = 0;; nr++) {
		len = tvm_wire_recv(&self->net.wire, NULL, self->traffic.frame, 65535);
		if (len <= 0 && len != -EINVAL)
			return nr;
	}
}

/* Each is sent or counted, whatever the header says by the time. */
TEST_F_TIMEOUT(hostile, liar, 120)
{
	unsigned int i, rounds = harness_rounds(100000, 1500), arrived = 0;
	const struct tvm_inet inet = { .payload = 1400, .partial = true, .gso_size = 700 };
	struct liar liar = { .net = &self->net };
	uint8_t frame[2048], bytes[TVM_NET_HEADER_MAX] = { 0 };
	struct virtio_net_hdr header;
	pthread_t thread;
	uint32_t len;

	len = tvm_inet_build(&inet, frame, &header);
	memcpy(bytes, &header, sizeof(header));
	ASSERT_EQ(pthread_create(&thread, NULL, liar_run, &liar), 0);
	for (i = 0; i < rounds; i++) {
		while (tvm_net_send(&self->net, 0, bytes, frame, len)) {
			tvm_queue_kick(self->vq);
			ASSERT_TRUE(tvm_net_settle(&self->net, 0, harness_scaled(WAIT_MS)));
		}
		arrived += count_far(self);
	}
	tvm_queue_kick(self->vq);
	ASSERT_TRUE(tvm_net_settle(&self->net, 0, harness_scaled(WAIT_MS)));
	liar.stop = true;
	pthread_join(thread, NULL);
	while (tvm_wire_wait(&self->net.wire, 20))
		arrived += count_far(self);
	EXPECT_LE(arrived, rounds);
	EXPECT_TRUE(tvm_net_sound(&self->net));
	if (self->net.peer)
		return;
	EXPECT_EQ(tvm_net_stat(&self->net, 1, "packets") +
		  tvm_net_stat(&self->net, 1, "dropped") +
		  tvm_net_stat(&self->net, 1, "malformed"), (int64_t)rounds);
	EXPECT_EQ(tvm_net_stat(&self->net, 1, "used"), (int64_t)rounds);
	EXPECT_GE(tvm_net_stat(&self->net, 1, "packets"), (int64_t)arrived);
}

HARNESS_MAIN
