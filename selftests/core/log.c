// SPDX-License-Identifier: GPL-2.0-only
/*
 * core: the dirty log
 *
 * The oracle: between two looks, whatever page of the guest changed is in the
 * log. Pages that the driver itself writes are compared as they were when it
 * had written them.
 */
#include <stdlib.h>
#include <unistd.h>

#include "tvm_rig.h"

#define SEED		31
#define WAIT_MS		20000
#define BUFFERS		24
#define BUF_LEN		(3 * TVM_PAGE)
/* Of the disk, from where a whole buffer can be read. */
#define SECTORS		(8192 - BUF_LEN / 512)

FIXTURE(log) {
	struct tvm_rig rig;
	struct tvm_queue *vq;
	uint64_t features;
	uint64_t *bitmap;
	size_t words;
	char *shadow;
	uint64_t buffers[BUFFERS];
	struct tvm_blk_req reqs[BUFFERS];
	struct tvm_seg data[BUFFERS];
};

FIXTURE_VARIANT(log) {
	struct tvm_config cfg;
	bool pin;
};

FIXTURE_VARIANT_ADD(log, split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(log, split_order) { .cfg = { .in_order = true } };
FIXTURE_VARIANT_ADD(log, split_pinned) { .cfg = { .event_idx = true }, .pin = true };
FIXTURE_VARIANT_ADD(log, packed) { .cfg = { .packed = true, .event_idx = true } };
FIXTURE_VARIANT_ADD(log, packed_order) { .cfg = { .packed = true, .in_order = true } };
FIXTURE_VARIANT_ADD(log, packed_pinned)
	{ .cfg = { .packed = true, .event_idx = true }, .pin = true };

static const char *const irq_disk[] = {
	"memory_backed=1", "size=4", "irqmode=2", "completion_nsec=100000", NULL,
};

FIXTURE_SETUP(log)
{
	struct tvm_rig_options options = {
		.cfg = variant->cfg, .disk = irq_disk, .num = 128, .stopped = true,
		.small = true,
	};
	struct vha_pin_memory pin = { .flags = VHA_PIN_F_ENABLE };
	uint64_t pages, i;

	tvm_rig_create(&self->rig, &options);
	self->vq = &self->rig.vqs[0];
	self->features = self->rig.dev.features[0];
	pages = tvm_mem_end(&self->rig.mem) / TVM_PAGE;
	self->words = pages / 64 + 1;
	self->bitmap = calloc(self->words, sizeof(*self->bitmap));
	self->shadow = malloc(self->rig.mem.regions[2].size);
	ASSERT_TRUE(self->bitmap && self->shadow);
	tvm_rig_disk_fill(&self->rig, SEED);
	for (i = 0; i < BUFFERS; i++) {
		self->buffers[i] = tvm_mem_alloc(&self->rig.mem, BUF_LEN + TVM_PAGE, TVM_PAGE);
		tvm_blk_req_init(&self->reqs[i], &self->rig.mem);
		self->reqs[i].status = tvm_mem_alloc(&self->rig.mem, TVM_PAGE, TVM_PAGE);
		self->reqs[i].data = &self->data[i];
		self->reqs[i].nr = 1;
	}
	self->vq->log = true;
	if (variant->pin)
		ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_PIN_MEMORY, &pin), 0);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
}

FIXTURE_TEARDOWN(log)
{
	free(self->bitmap);
	free(self->shadow);
	tvm_rig_destroy(&self->rig);
}

static void log_base_set(struct log_fixture *self)
{
	uint64_t base = (uintptr_t)self->bitmap;

	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHOST_SET_LOG_BASE, &base), 0);
}

static int log_switch(struct log_fixture *self, bool on)
{
	uint64_t features = self->features | (on ? TVM_BIT(VHOST_F_LOG_ALL) : 0);
	int ret = tvm_dev_ioctl(&self->rig.dev, VHOST_SET_FEATURES, &features);

	return ret;
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

/* All that tests use is in the last region. */
static void shadow_take(struct log_fixture *self)
{
	memcpy(self->shadow, self->rig.mem.regions[2].hva, self->rig.mem.regions[2].size);
}

static unsigned int shadow_compare(struct log_fixture *self)
{
	const struct tvm_region *region = &self->rig.mem.regions[2];
	unsigned int changed = 0;
	uint64_t at;

	for (at = 0; at < region->size; at += TVM_PAGE) {
		if (!memcmp(self->shadow + at, region->hva + at, TVM_PAGE))
			continue;
		changed++;
		EXPECT_MSG(logged(self, region->gpa + at), "page %lx changed unnoticed",
			   region->gpa + at);
	}
	return changed;
}

/*
 * Reads of random places and sizes. The driver's writes come before @after is
 * called, the device's after it: a device may look at its ring unasked.
 */
static void run_batch(struct log_fixture *self, void (*after)(struct log_fixture *))
{
	unsigned int i, nr = 1 + rand() % BUFFERS;
	struct tvm_used used;

	if (after)
		ASSERT_EQ(tvm_queue_enable(self->vq, false), 0);
	for (i = 0; i < nr; i++) {
		struct tvm_blk_req *req = &self->reqs[i];

		self->data[i].gpa = self->buffers[i] + (rand() % 4096);
		self->data[i].len = 512 * (1 + rand() % (BUF_LEN / 512));
		req->type = rand() % 4 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT;
		req->data_in = req->type == VIRTIO_BLK_T_IN;
		req->sector = rand() % SECTORS;
		ASSERT_GE(tvm_blk_submit(self->vq, req, NULL,
					 rand() % 2 ? TVM_ADD_INDIRECT : 0), 0);
	}
	if (after) {
		after(self);
		ASSERT_EQ(tvm_queue_enable(self->vq, true), 0);
	}
	tvm_queue_notify(self->vq);
	for (i = 0; i < nr; i++) {
		while (!tvm_queue_poll(self->vq, &used))
			usleep(100);
		tvm_blk_finish(self->vq, used.cookie, &used);
	}
	for (i = 0; i < nr; i++)
		EXPECT_EQ(self->reqs[i].result, VIRTIO_BLK_S_OK);
}

TEST_F(log, needs_base)
{
	EXPECT_LT(log_switch(self, true), 0);
	log_base_set(self);
	EXPECT_EQ(log_switch(self, true), 0);
	EXPECT_EQ(log_switch(self, false), 0);
}

/* Several rounds without a stop between: logging is switched while running. */
TEST_F_TIMEOUT(log, oracle, 120)
{
	unsigned int i, rounds = harness_rounds(60, 5), changed = 0;

	srand(SEED);
	log_base_set(self);
	for (i = 0; i < rounds; i++) {
		run_batch(self, NULL);
		ASSERT_EQ(log_switch(self, true), 0);
		log_clear(self);
		run_batch(self, shadow_take);
		ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
		changed += shadow_compare(self);
		ASSERT_EQ(tvm_queue_start(self->vq), 0);
		ASSERT_EQ(log_switch(self, false), 0);
	}
	/* Each round returned buffers at least. */
	EXPECT_GE(changed, rounds);
}

/* The log is not all ones: what nobody wrote is not in it. */
TEST_F(log, precise)
{
	const struct tvm_region *region = &self->rig.mem.regions[2];
	uint64_t at, set = 0;

	log_base_set(self);
	ASSERT_EQ(log_switch(self, true), 0);
	log_clear(self);
	self->data[0] = (struct tvm_seg){ self->buffers[0], 4096 };
	self->reqs[0].type = VIRTIO_BLK_T_IN;
	self->reqs[0].data_in = true;
	EXPECT_EQ(tvm_blk_run(self->vq, &self->reqs[0], NULL, 0), VIRTIO_BLK_S_OK);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	EXPECT_TRUE(logged(self, self->buffers[0]));
	EXPECT_TRUE(logged(self, self->reqs[0].status));
	EXPECT_TRUE(logged(self, variant->cfg.packed ? self->vq->desc_gpa :
			   self->vq->device_gpa));
	for (at = 0; at < region->size; at += TVM_PAGE)
		set += logged(self, region->gpa + at);
	/* Data, status, ring; suppression state and the ring's second page. */
	EXPECT_LE(set, 5ULL);
	/* A write changes the status and the ring, but not its data. */
	log_clear(self);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	self->reqs[0].type = VIRTIO_BLK_T_OUT;
	self->reqs[0].data_in = false;
	EXPECT_EQ(tvm_blk_run(self->vq, &self->reqs[0], NULL, 0), VIRTIO_BLK_S_OK);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	EXPECT_FALSE(logged(self, self->buffers[0]));
	EXPECT_TRUE(logged(self, self->reqs[0].status));
}

/* A failed read may have written part of its data. */
TEST_F(log, error)
{
	log_base_set(self);
	ASSERT_EQ(log_switch(self, true), 0);
	log_clear(self);
	self->data[0] = (struct tvm_seg){ self->buffers[0], 4096 };
	self->reqs[0].type = VIRTIO_BLK_T_IN;
	self->reqs[0].data_in = true;
	self->reqs[0].sector = self->rig.disk.size / 512;
	ASSERT_EQ(tvm_queue_enable(self->vq, false), 0);
	ASSERT_GE(tvm_blk_submit(self->vq, &self->reqs[0], NULL, 0), 0);
	shadow_take(self);
	ASSERT_EQ(tvm_queue_enable(self->vq, true), 0);
	tvm_queue_notify(self->vq);
	while (!tvm_queue_poll(self->vq, &self->reqs[0].used))
		usleep(100);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	EXPECT_GE(shadow_compare(self), 2U);
}

/* The log eventfd tells of new bits. */
TEST_F(log, eventfd)
{
	int fd = tvm_event_create();

	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHOST_SET_LOG_FD, &fd), 0);
	log_base_set(self);
	run_batch(self, NULL);
	EXPECT_FALSE(tvm_event_wait(fd, 20));
	ASSERT_EQ(log_switch(self, true), 0);
	run_batch(self, NULL);
	EXPECT_TRUE(tvm_event_wait(fd, harness_scaled(1000)));
	close(fd);
}

/* Switching, clearing and looking while requests pass. */
TEST_F_TIMEOUT(log, toggle, 120)
{
	unsigned int i, rounds = harness_rounds(200, 10);

	srand(SEED + 1);
	log_base_set(self);
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(log_switch(self, i % 2), 0);
		run_batch(self, NULL);
		log_clear(self);
	}
	ASSERT_EQ(log_switch(self, false), 0);
	run_batch(self, NULL);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	log_clear(self);
	/* Nobody writes the log once it is off: its memory may go. */
	for (i = 0; i < self->words; i++)
		EXPECT_EQ(self->bitmap[i], 0ULL);
}

static int used_log(const struct log_fixture *self, uint64_t gpa)
{
	struct vhost_vring_addr addr = {
		.index = 0, .flags = 1U << VHOST_VRING_F_LOG, .log_guest_addr = gpa,
		.desc_user_addr = (uintptr_t)self->vq->desc,
		.avail_user_addr = (uintptr_t)self->vq->driver,
		.used_user_addr = (uintptr_t)self->vq->device,
	};

	return tvm_dev_ioctl(&self->rig.dev, VHOST_SET_VRING_ADDR, &addr);
}

/* A used ring that is logged where the guest has no memory, all or in part. */
TEST_F(log, bad_used_address)
{
	const uint64_t end = tvm_mem_end(&self->rig.mem);
	const uint64_t bad[] = { end, end - 8, 0x80000000, 0x1000000 - 8, ~0ULL - 7, 1ULL << 63 };
	int expected = variant->cfg.packed ? 0 : -EFAULT;
	unsigned int i;

	log_base_set(self);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ASSERT_EQ(used_log(self, self->vq->device_gpa), 0);
		EXPECT_EQ(used_log(self, bad[i]), expected);
		ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
		ASSERT_EQ(used_log(self, bad[i]), 0);
		EXPECT_EQ(tvm_queue_enable(self->vq, true), expected);
		ASSERT_EQ(used_log(self, self->vq->device_gpa), 0);
		ASSERT_EQ(tvm_queue_enable(self->vq, true), 0);
	}
	/* Across two regions that touch there is memory. */
	EXPECT_EQ(used_log(self, 0x100000 - 8), 0);
	ASSERT_EQ(used_log(self, self->vq->device_gpa), 0);
	ASSERT_EQ(log_switch(self, true), 0);
	run_batch(self, NULL);
	EXPECT_TRUE(logged(self, variant->cfg.packed ? self->vq->desc_gpa :
			   self->vq->device_gpa));
}

/* A memory table without the address of a used ring that is logged. */
TEST_F(log, mem_without_used)
{
	const struct tvm_layout layout = { 0, 0x1000000 };
	struct tvm_dev copy = self->rig.dev;
	struct tvm_mem low;

	tvm_mem_create(&low, &layout, 1);
	EXPECT_EQ(tvm_dev_mem_set(&copy, &low), variant->cfg.packed ? 0 : -EFAULT);
	ASSERT_EQ(tvm_dev_mem_set(&copy, &self->rig.mem), 0);
	run_batch(self, NULL);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	EXPECT_EQ(tvm_dev_mem_set(&copy, &low), 0);
	tvm_dev_close(&self->rig.dev);
	tvm_mem_destroy(&low);
}

TEST_F(log, bad_base)
{
	uint64_t bad[] = { 1ULL << 63, 0xffff888000000000ULL, ~0ULL };
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int ret = tvm_dev_ioctl(&self->rig.dev, VHOST_SET_LOG_BASE, &bad[i]);

		EXPECT_TRUE(ret < 0 || log_switch(self, true) < 0);
	}
	run_batch(self, NULL);
}

HARNESS_MAIN
