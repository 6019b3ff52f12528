// SPDX-License-Identifier: GPL-2.0-only
/*
 * core: rings that no honest driver would write
 *
 * Each must stop its own queue and nothing else: the error eventfd is
 * signalled once, statistics say why, the other queue goes on, and after stop
 * and start so does this one.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tvm_rig.h"

#define NUM		16
/* Descriptors the device takes in a buffer, whatever the size of the ring. */
#define CHAIN_MAX	1024
#define WAIT_MS		5000

/* As enum vha_ring_error of the core; statistics carry the number. */
enum ring_error {
	RING_AVAIL_INDEX = 1, RING_HEAD, RING_NEXT, RING_LOOP, RING_ORDER, RING_LENGTH,
	RING_ADDRESS, RING_INDIRECT, RING_UNMAPPED, RING_EXCESS, RING_SEGMENTS,
	RING_PARTIAL, RING_BUFFER_ID, RING_CLASS, RING_FAULT,
};

#define WRITE	VRING_DESC_F_WRITE
#define NEXT	VRING_DESC_F_NEXT
#define INDIR	VRING_DESC_F_INDIRECT

/* Format-independent: chain element as the test wants it. */
struct element {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

FIXTURE(hostile) {
	struct tvm_rig rig;
	struct tvm_queue *vq;
	struct tvm_queue *good;
	uint64_t gpa;
	void *header;
	int64_t broken;
};

FIXTURE_VARIANT(hostile) {
	struct tvm_config cfg;
};

TVM_RIG_FORMATS(hostile);

static void hostile_create(struct hostile_fixture *self, const struct tvm_config *cfg,
			   const char *const *disk)
{
	struct tvm_rig_options options = {
		.cfg = *cfg, .queues = 2, .num = NUM, .disk = disk,
	};

	tvm_rig_create(&self->rig, &options);
	self->vq = &self->rig.vqs[0];
	self->good = &self->rig.vqs[1];
	self->gpa = tvm_mem_alloc(&self->rig.mem, 16 * TVM_PAGE, TVM_PAGE);
}

FIXTURE_SETUP(hostile)
{
	hostile_create(self, &variant->cfg, NULL);
}

FIXTURE_TEARDOWN(hostile)
{
	tvm_rig_destroy(&self->rig);
}

static void check_alive(struct hostile_fixture *self, struct tvm_queue *vq)
{
	EXPECT_EQ(tvm_blk_io(vq, VIRTIO_BLK_T_IN, 8, self->gpa, 4096), VIRTIO_BLK_S_OK);
}

/* The queue works again after stop and start, at any new position. */
static void revive(struct hostile_fixture *self)
{
	uint32_t base;

	ASSERT_EQ(tvm_queue_stop(self->vq, &base), 0);
	EXPECT_EQ(tvm_event_read(self->vq->err_fd), 0ULL);
	tvm_queue_reset(self->vq);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	check_alive(self, self->vq);
	check_alive(self, self->good);
}

static void expect_broken(struct hostile_fixture *self, enum ring_error error)
{
	/* A worker that still polls may have noticed without being notified. */
	self->broken++;
	tvm_queue_notify(self->vq);
	EXPECT_TRUE(tvm_event_wait(self->vq->err_fd, harness_scaled(WAIT_MS)));
	EXPECT_EQ(tvm_event_read(self->vq->err_fd), 1ULL);
	EXPECT_EQ(tvm_dev_stat(&self->rig.dev, 0, "broken"), self->broken);
	EXPECT_EQ(tvm_dev_stat(&self->rig.dev, 0, "error"), (int64_t)error);
	/* Once broken it stays so, in silence, and the other does not care. */
	tvm_queue_notify(self->vq);
	check_alive(self, self->good);
	EXPECT_EQ(tvm_event_read(self->vq->err_fd), 0ULL);
	EXPECT_EQ(tvm_dev_stat(&self->rig.dev, 0, "broken"), self->broken);
	revive(self);
}

static void write_split(struct tvm_queue *vq, const struct element *chain, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr && i < vq->num; i++)
		vq->desc[i] = (struct vring_desc){
			chain[i].addr, chain[i].len, chain[i].flags, chain[i].next,
		};
	vq->avail->ring[vq->avail_next % vq->num] = 0;
	tvm_store16(&vq->avail->idx, vq->avail_next + 1);
}

static uint16_t packed_avail(bool wrap)
{
	return wrap ? 1U << VRING_PACKED_DESC_F_AVAIL : 1U << VRING_PACKED_DESC_F_USED;
}

static void write_packed(struct tvm_queue *vq, const struct element *chain, unsigned int nr)
{
	struct vring_packed_desc *desc;
	bool wrap = vq->avail_wrap;
	uint16_t at = vq->avail_next;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		desc = &vq->pdesc[at];
		desc->addr = chain[i].addr;
		desc->len = chain[i].len;
		desc->id = chain[i].next;
		if (i)
			desc->flags = chain[i].flags | packed_avail(wrap);
		if (++at == vq->num) {
			at = 0;
			wrap = !wrap;
		}
	}
	tvm_store16(&vq->pdesc[vq->avail_next].flags,
		    chain[0].flags | packed_avail(vq->avail_wrap));
}

/* Makes one chain available: for packed rings "next" is the buffer id. */
static void write_chain(struct tvm_queue *vq, const struct element *chain, unsigned int nr)
{
	if (vq->cfg.packed)
		write_packed(vq, chain, nr);
	else
		write_split(vq, chain, nr);
}

/* "next" of a good chain: link or id. */
static uint16_t link_to(const struct tvm_queue *vq, unsigned int i)
{
	return vq->cfg.packed ? 0 : i + 1;
}

TEST_F(hostile, avail_index_ahead)
{
	static const uint16_t jumps[] = { NUM + 1, 2 * NUM, 0x8000, 0xffff };
	unsigned int i;

	if (variant->cfg.packed)
		return;
	for (i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		tvm_store16(&self->vq->avail->idx, self->vq->avail_next + jumps[i]);
		expect_broken(self, RING_AVAIL_INDEX);
	}
}

TEST_F(hostile, head_range)
{
	static const uint16_t heads[] = { NUM, NUM + 1, 0x8000, 0xffff };
	struct element chain = { self->gpa, 16, 0, 0 };
	unsigned int i;

	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		if (variant->cfg.packed) {
			chain.next = heads[i];
			write_chain(self->vq, &chain, 1);
			expect_broken(self, RING_BUFFER_ID);
			continue;
		}
		self->vq->avail->ring[self->vq->avail_next % NUM] = heads[i];
		tvm_store16(&self->vq->avail->idx, self->vq->avail_next + 1);
		expect_broken(self, RING_HEAD);
	}
}

TEST_F(hostile, next_range)
{
	static const uint16_t nexts[] = { NUM, 0x7fff, 0xffff };
	struct element chain = { self->gpa, 16, NEXT, 0 };
	unsigned int i;

	if (variant->cfg.packed)
		return;
	for (i = 0; i < sizeof(nexts) / sizeof(nexts[0]); i++) {
		chain.next = nexts[i];
		write_chain(self->vq, &chain, 1);
		expect_broken(self, RING_NEXT);
	}
}

/* Loops of one, two and all descriptors; with and without bytes in them. */
TEST_F(hostile, loop)
{
	static const unsigned int sizes[] = { 1, 2, NUM };
	struct element chain[NUM];
	unsigned int i, j, empty;

	for (i = 0; i < 3; i++) {
		for (empty = 0; empty < 2; empty++) {
			unsigned int size = variant->cfg.packed ? NUM : sizes[i];

			for (j = 0; j < size; j++)
				chain[j] = (struct element){
					self->gpa, empty ? 0 : 16, NEXT,
					variant->cfg.packed ? 0 : (j + 1) % size,
				};
			write_chain(self->vq, chain, size);
			expect_broken(self, RING_LOOP);
		}
	}
}

TEST_F(hostile, order)
{
	struct element chain[] = {
		{ self->gpa, 16, NEXT | WRITE, link_to(self->vq, 0) },
		{ self->gpa, 16, 0, 0 },
	};

	write_chain(self->vq, chain, 2);
	expect_broken(self, RING_ORDER);
}

TEST_F(hostile, length)
{
	struct element chain[] = {
		{ 0, 0xffffffff, NEXT, link_to(self->vq, 0) },
		{ 0, 0xffffffff, NEXT, link_to(self->vq, 1) },
		{ self->gpa, 1, WRITE, 0 },
	};

	write_chain(self->vq, chain, 3);
	expect_broken(self, RING_LENGTH);
}

TEST_F(hostile, address)
{
	struct element chain[] = {
		{ self->gpa, 16, NEXT, link_to(self->vq, 0) },
		{ ~0ULL - 511, 1024, NEXT | WRITE, link_to(self->vq, 1) },
		{ self->gpa, 1, WRITE, 0 },
	};

	write_chain(self->vq, chain, 3);
	expect_broken(self, RING_ADDRESS);
}

static void table_write(struct hostile_fixture *self, uint64_t gpa, uint16_t flags)
{
	if (self->vq->cfg.packed) {
		struct vring_packed_desc desc = { self->gpa, 16, 0, flags };

		tvm_mem_write(&self->rig.mem, gpa, &desc, sizeof(desc));
	} else {
		struct vring_desc desc = { self->gpa, 16, flags, 0 };

		tvm_mem_write(&self->rig.mem, gpa, &desc, sizeof(desc));
	}
}

/* Points the table of the buffer added last, not yet notified, elsewhere. */
static void ring_head_move(struct tvm_queue *vq, uint64_t gpa)
{
	unsigned int i;

	for (i = 0; i < vq->num; i++) {
		if (vq->desc[i].addr == vq->slots[0].table)
			vq->desc[i].addr = gpa;
	}
}

TEST_F(hostile, indirect)
{
	const uint64_t table = self->gpa + TVM_PAGE;
	const struct element bad[] = {
		{ table, 0, INDIR, 0 },
		{ table, 15, INDIR, 0 },
		{ table, 24, INDIR, 0 },
		{ table, 16 * (CHAIN_MAX + 1), INDIR, 0 },
		{ table, 0xfffffff0, INDIR, 0 },
		{ table, 16, INDIR | NEXT, 0 },
	};
	struct element chain = { table, 16, INDIR, 0 };
	unsigned int i;

	table_write(self, table, 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_chain(self->vq, &bad[i], 1);
		expect_broken(self, RING_INDIRECT);
	}
	/* A table in a table; in packed tables the flag means nothing. */
	if (variant->cfg.packed)
		return;
	table_write(self, table, INDIR);
	write_chain(self->vq, &chain, 1);
	expect_broken(self, RING_INDIRECT);
}

TEST_F(hostile, indirect_loop)
{
	const uint64_t table = self->gpa + TVM_PAGE;
	struct element chain = { table, 16, INDIR, 0 };

	/* Packed tables have no links to go round in. */
	if (variant->cfg.packed)
		return;
	table_write(self, table, NEXT);
	write_chain(self->vq, &chain, 1);
	expect_broken(self, RING_LOOP);
}

TEST_F(hostile, indirect_unmapped)
{
	const uint64_t end = tvm_mem_end(&self->rig.mem);
	const uint64_t bad[] = { end, end - 16, 0x200000000000ULL, 0xf00000000ULL };
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct element chain = { bad[i], 32, INDIR, 0 };

		write_chain(self->vq, &chain, 1);
		expect_broken(self, RING_UNMAPPED);
	}
}

/* A table may lie in two regions that touch in guest addresses. */
TEST_F(hostile, indirect_across_regions)
{
	const uint64_t seam = self->rig.mem.regions[1].gpa;
	struct virtio_blk_outhdr header = { .type = 0x12345678 };
	struct tvm_seg segs[2] = { { self->gpa, 16 }, { self->gpa + 32, 1 } };
	struct tvm_used used;
	unsigned int shift, i;

	tvm_mem_write(&self->rig.mem, self->gpa, &header, sizeof(header));
	for (shift = 16; shift <= 32; shift += 16) {
		char table[32];

		/* Lay it out somewhere whole, then move it over the seam. */
		for (i = 0; i < NUM; i++) {
			self->vq->slots[i].table = self->gpa + TVM_PAGE;
			self->vq->slots[i].table_size = 2;
		}
		tvm_queue_call_disable(self->vq);
		tvm_mem_fill(&self->rig.mem, self->gpa + 32, TVM_BLK_NO_STATUS, 1);
		ASSERT_GE(tvm_queue_add(self->vq, segs, 1, 1, self, TVM_ADD_INDIRECT), 0);
		tvm_mem_read(&self->rig.mem, self->gpa + TVM_PAGE, table, sizeof(table));
		tvm_mem_write(&self->rig.mem, seam - shift, table, sizeof(table));
		ring_head_move(self->vq, seam - shift);
		tvm_queue_notify(self->vq);
		ASSERT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
		EXPECT_EQ(*(uint8_t *)tvm_mem_ptr(&self->rig.mem, self->gpa + 32, 1),
			  VIRTIO_BLK_S_UNSUPP);
	}
}

/* One descriptor of the chain was not made available. */
TEST_F(hostile, partial)
{
	struct vring_packed_desc *desc = self->vq->pdesc;

	if (!variant->cfg.packed)
		return;
	desc[0].addr = self->gpa;
	desc[0].len = 16;
	desc[0].id = 0;
	desc[1].flags = 0;
	tvm_store16(&desc[0].flags, NEXT | packed_avail(true));
	expect_broken(self, RING_PARTIAL);
}

/* Used index and suppression fields hold anything at start. */
TEST_F(hostile, used_preset)
{
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	tvm_queue_reset(self->vq);
	if (variant->cfg.packed) {
		self->vq->device->off_wrap = 0xffff;
		self->vq->device->flags = 0xffff;
	} else {
		self->vq->used->idx = 0;
		self->vq->used->flags = 0xffff;
		memset(self->vq->used->ring, 0xff, NUM * 8 + 2);
	}
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	check_alive(self, self->vq);
}

/* The free running index of a split ring wraps while requests pass. */
TEST_F(hostile, base_wrap)
{
	static const uint16_t bases[] = { 1, 0x7fff, 0xfffd, 0xffff };
	unsigned int i, j;

	if (variant->cfg.packed)
		return;
	for (i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		uint32_t base;

		ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
		tvm_queue_reset(self->vq);
		self->vq->avail_next = bases[i];
		self->vq->used_next = bases[i];
		self->vq->avail->idx = bases[i];
		self->vq->used->idx = bases[i];
		ASSERT_EQ(tvm_queue_start(self->vq), 0);
		for (j = 0; j < 2 * NUM; j++)
			check_alive(self, self->vq);
		ASSERT_EQ(tvm_queue_stop(self->vq, &base), 0);
		EXPECT_EQ(base, (bases[i] + 2U * NUM) & 0xffff);
		ASSERT_EQ(tvm_queue_start(self->vq), 0);
	}
}

/* Positions of packed rings that do not exist are refused at start. */
TEST_F(hostile, base_range)
{
	static const uint32_t bad[] = { NUM, 0x8000 | NUM, NUM << 16, 0x7fff, 0x7fff0000 };
	struct vhost_vring_state state = { .index = 0 };
	unsigned int i;
	int ret;

	if (!variant->cfg.packed)
		return;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
		state.num = bad[i];
		ret = tvm_dev_ioctl(&self->rig.dev, VHOST_SET_VRING_BASE, &state);
		if (!ret)
			ret = tvm_queue_enable(self->vq, true);
		EXPECT_EQ(ret, -EINVAL);
	}
	tvm_queue_reset(self->vq);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	check_alive(self, self->vq);
}

/* Heads given again while they are in flight: more chains than descriptors. */
TEST_F(hostile, excess)
{
	static const char *const slow[] = {
		"memory_backed=1", "size=32", "irqmode=2", "completion_nsec=1000000000", NULL,
	};
	struct tvm_seg segs[3] = {
		{ self->gpa, 16 }, { self->gpa + 4096, 512 }, { self->gpa + 64, 1 },
	};
	struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_IN };
	int64_t chains = 0;
	unsigned int i;

	tvm_rig_destroy(&self->rig);
	hostile_create(self, &variant->cfg, slow);
	tvm_mem_write(&self->rig.mem, self->gpa, &header, sizeof(header));
	segs[0].gpa = self->gpa;
	segs[1].gpa = self->gpa + 4096;
	segs[2].gpa = self->gpa + 64;
	for (i = 0; i < NUM; i++)
		ASSERT_GE(tvm_queue_add(self->vq, segs, 1, 2, NULL, TVM_ADD_INDIRECT), 0);
	tvm_queue_notify(self->vq);
	for (i = 0; i < harness_scaled(1000); i++) {
		chains = tvm_dev_stat(&self->rig.dev, 0, "chains");
		if (chains == NUM)
			break;
		usleep(1000);
	}
	ASSERT_EQ(chains, (int64_t)NUM);
	if (variant->cfg.packed) {
		/* As the driver would after all of them came back. */
		for (i = 0; i < NUM; i++)
			self->vq->pdesc[i].flags = INDIR | packed_avail(false);
	} else {
		tvm_store16(&self->vq->avail->idx, self->vq->avail_next + 1);
	}
	tvm_queue_notify(self->vq);
	EXPECT_TRUE(tvm_event_wait(self->vq->err_fd, harness_scaled(WAIT_MS)));
	EXPECT_EQ(tvm_dev_stat(&self->rig.dev, 0, "error"), (int64_t)RING_EXCESS);
	EXPECT_EQ(tvm_event_read(self->vq->err_fd), 1ULL);
	/* Stopping waits for those in flight. */
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	EXPECT_EQ(tvm_dev_stat(&self->rig.dev, 0, "used"), chains);
}

static volatile bool flip_stop;

/* Rewrites ring memory as fast as it can, mostly with plausible values. */
static void *flipper(void *arg)
{
	struct hostile_fixture *self = arg;
	struct tvm_queue *vq = self->vq;
	volatile uint16_t *ring = (volatile uint16_t *)vq->desc;
	volatile uint32_t *header = (volatile uint32_t *)self->header;
	const unsigned int words = vq->num * 8;
	uint32_t x = 12345;
	uint16_t saved;

	while (!flip_stop) {
		x = x * 1664525 + 1013904223;
		saved = ring[(x >> 16) % words];
		ring[(x >> 16) % words] = x >> 8;
		header[x % 4] = x >> 28;
		ring[(x >> 16) % words] = saved;
		header[x % 4] = 0;
	}
	return NULL;
}

static void flip_round(struct hostile_fixture *self)
{
	struct tvm_seg segs[4] = {
		{ self->gpa, 16 }, { self->gpa + 4096, 4096 }, { self->gpa + 12288, 512 },
		{ self->gpa + 64, 1 },
	};
	unsigned int i;

	for (i = 0; i < NUM / 4; i++)
		tvm_queue_add(self->vq, segs, 1, 3, NULL, 0);
	tvm_queue_notify(self->vq);
	usleep(500);
	/* Whatever came back of it is not for an honest driver to read. */
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	tvm_queue_reset(self->vq);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
}

/*
 * A rewritten descriptor makes the device write anywhere in the memory that
 * differs from it in 16 bits of the address. That is the guest's own fault, but
 * the other queue shall not be there.
 */
static void move_good(struct hostile_fixture *self, const struct tvm_config *cfg)
{
	struct tvm_mem *mem = &self->rig.mem;

	ASSERT_EQ(tvm_queue_stop(self->good, NULL), 0);
	tvm_queue_destroy(self->good);
	mem->from = 1;
	tvm_mem_alloc(mem, 8 << 20, TVM_PAGE);
	ASSERT_EQ(tvm_queue_init(self->good, &self->rig.dev, 1, NUM, cfg), 0);
	ASSERT_EQ(tvm_queue_start(self->good), 0);
}

TEST_F(hostile, double_fetch)
{
	unsigned int rounds = harness_rounds(200, 8);
	uint64_t victim = self->gpa, good;
	unsigned int i;
	pthread_t thread;

	move_good(self, &variant->cfg);
	good = tvm_mem_alloc(&self->rig.mem, TVM_PAGE, TVM_PAGE);
	self->header = tvm_mem_ptr(&self->rig.mem, victim, 16);
	flip_stop = false;
	ASSERT_EQ(pthread_create(&thread, NULL, flipper, self), 0);
	for (i = 0; i < rounds; i++) {
		flip_round(self);
		if (i % 16)
			continue;
		self->gpa = good;
		check_alive(self, self->good);
		self->gpa = victim;
	}
	flip_stop = true;
	pthread_join(thread, NULL);
	self->gpa = good;
	tvm_event_read(self->vq->err_fd);
	tvm_event_read(self->vq->call_fd);
	revive(self);
}

/* INDIRECT without having negotiated it. */
TEST_F(hostile, indirect_not_negotiated)
{
	struct element chain = { self->gpa + TVM_PAGE, 16, INDIR, 0 };
	uint64_t features = tvm_config_features(&variant->cfg);

	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	ASSERT_EQ(tvm_queue_stop(self->good, NULL), 0);
	features &= ~TVM_BIT(VIRTIO_RING_F_INDIRECT_DESC);
	ASSERT_EQ(tvm_dev_features_set(&self->rig.dev, features, 0), 0);
	tvm_queue_reset(self->vq);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	ASSERT_EQ(tvm_queue_start(self->good), 0);
	write_chain(self->vq, &chain, 1);
	expect_broken(self, RING_INDIRECT);
}

HARNESS_MAIN
