// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk: in which context requests complete, seen in the module's tracepoints
 */
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_trace.h"

#define ROUNDS		32
#define WAIT_MS		20000

FIXTURE(context) {
	struct tvm_rig rig;
	struct tvm_trace trace;
	struct tvm_queue *vq;
};

FIXTURE_VARIANT(context) {
	struct tvm_config cfg;
	const char *irqmode;
	bool worker;
};

FIXTURE_VARIANT_ADD(context, inline_split) { .irqmode = "irqmode=0" };
FIXTURE_VARIANT_ADD(context, inline_packed)
	{ .irqmode = "irqmode=0", .cfg = { .packed = true } };
FIXTURE_VARIANT_ADD(context, timer_split) { .irqmode = "irqmode=2" };
FIXTURE_VARIANT_ADD(context, timer_packed)
	{ .irqmode = "irqmode=2", .cfg = { .packed = true } };
FIXTURE_VARIANT_ADD(context, timer_worker) { .irqmode = "irqmode=2", .worker = true };

FIXTURE_SETUP(context)
{
	const char *const disk[] = {
		"memory_backed=1", "size=8", variant->irqmode, "completion_nsec=100000", NULL,
	};
	struct tvm_rig_options options = {
		.cfg = variant->cfg, .disk = disk, .num = 128,
		.backend_flags = variant->worker ? VHA_BACKEND_F_WORKER_COMPLETION : 0,
	};

	tvm_rig_create(&self->rig, &options);
	self->vq = &self->rig.vqs[0];
	ASSERT_EQ(tvm_trace_open(&self->trace, "vhost_accel_blk", "vha_blk_request_end"), 0);
}

FIXTURE_TEARDOWN(context)
{
	tvm_trace_close(&self->trace);
	tvm_rig_destroy(&self->rig);
}

static void run_batch(struct context_fixture *self, uint32_t type)
{
	static struct tvm_blk_req reqs[ROUNDS];
	static struct tvm_seg data[ROUNDS];
	struct tvm_used used;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		tvm_blk_req_init(&reqs[i], &self->rig.mem);
		data[i] = (struct tvm_seg){ tvm_mem_alloc(&self->rig.mem, 4096, 4096), 4096 };
		reqs[i].type = type;
		reqs[i].data_in = type == VIRTIO_BLK_T_IN;
		reqs[i].data = &data[i];
		reqs[i].nr = 1;
		reqs[i].sector = 8 * i;
		ASSERT_GE(tvm_blk_submit(self->vq, &reqs[i], NULL, 0), 0);
	}
	tvm_queue_notify(self->vq);
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
		tvm_blk_finish(self->vq, used.cookie, &used);
	}
	for (i = 0; i < ROUNDS; i++)
		EXPECT_EQ(reqs[i].result, VIRTIO_BLK_S_OK);
}

/* The tracepoint knows: in an interrupt, or by whoever submitted. */
static void check_context(struct context_fixture *self, bool irq, bool submitter)
{
	unsigned int all = tvm_trace_count(&self->trace, "vha_blk_request_end:");

	EXPECT_EQ(all, (unsigned int)ROUNDS);
	EXPECT_EQ(tvm_trace_count(&self->trace, "irq=1"), irq ? all : 0);
	EXPECT_EQ(tvm_trace_count(&self->trace, "submitter=1"), submitter ? all : 0);
}

TEST_F(context, aligned)
{
	static const uint32_t types[] = { VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_IN };
	bool timer = variant->irqmode[8] == '2';
	int64_t irq, inlined, worker;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		irq = tvm_dev_stat(&self->rig.dev, 0, "irq_completions");
		inlined = tvm_dev_stat(&self->rig.dev, 0, "inline_completions");
		worker = tvm_dev_stat(&self->rig.dev, 0, "worker_completions");
		tvm_trace_clear(&self->trace);
		run_batch(self, types[i]);
		check_context(self, timer && !variant->worker, !timer);
		irq = tvm_dev_stat(&self->rig.dev, 0, "irq_completions") - irq;
		inlined = tvm_dev_stat(&self->rig.dev, 0, "inline_completions") - inlined;
		worker = tvm_dev_stat(&self->rig.dev, 0, "worker_completions") - worker;
		EXPECT_EQ(irq, timer && !variant->worker ? ROUNDS : 0);
		EXPECT_EQ(inlined, timer ? 0 : ROUNDS);
		EXPECT_EQ(worker, variant->worker ? ROUNDS : 0);
	}
}

/* Completions that come inline are published as a batch: few signals. */
TEST_F(context, batched)
{
	int64_t before = tvm_dev_stat(&self->rig.dev, 0, "signals");

	if (variant->irqmode[8] == '2')
		return;
	run_batch(self, VIRTIO_BLK_T_IN);
	EXPECT_LE(tvm_dev_stat(&self->rig.dev, 0, "signals") - before, ROUNDS / 4);
}

/* A disk with queues for polling: the worker looks for completions itself. */
TEST(polled)
{
	static const char *const attrs[] = {
		"memory_backed=1", "size=8", "submit_queues=1", "poll_queues=1", "irqmode=2",
		"completion_nsec=1000000", NULL,
	};
	static const struct vha_blk_params params = { .flags = VHA_BLK_F_POLL };
	struct tvm_rig_options options = { .disk = attrs, .params = &params, .num = 128 };
	struct vhost_vring_state loop = { .index = 0, .num = 1000 };
	struct context_fixture self;
	unsigned int i;

	tvm_rig_create(&self.rig, &options);
	self.vq = &self.rig.vqs[0];
	tvm_rig_disk_fill(&self.rig, 1);
	run_batch(&self, VIRTIO_BLK_T_OUT);
	EXPECT_EQ(tvm_dev_stat(&self.rig.dev, 0, "irq_completions"), 0);
	/* With and without the worker spinning for requests as well. */
	ASSERT_EQ(tvm_dev_ioctl(&self.rig.dev, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &loop), 0);
	for (i = 0; i < 4; i++)
		run_batch(&self, VIRTIO_BLK_T_IN);
	EXPECT_EQ(tvm_dev_stat(&self.rig.dev, 0, "irq_completions"), 0);
	EXPECT_EQ(tvm_dev_stat(&self.rig.dev, 0, "used"), 5 * ROUNDS);
	ASSERT_EQ(tvm_queue_stop(self.vq, NULL), 0);
	tvm_rig_destroy(&self.rig);
}

/* What can not be polled for, as it must be split, is done all the same. */
TEST(polled_split)
{
	static const char *const attrs[] = {
		"memory_backed=1", "size=8", "submit_queues=1", "poll_queues=1", "irqmode=2",
		"completion_nsec=100000", "max_sectors=64", NULL,
	};
	static const struct vha_blk_params params = { .flags = VHA_BLK_F_POLL };
	struct tvm_rig_options options = { .disk = attrs, .params = &params };
	const uint32_t len = 1U << 20;
	struct tvm_rig rig;
	uint64_t gpa;

	tvm_rig_create(&rig, &options);
	gpa = tvm_mem_alloc(&rig.mem, len, TVM_PAGE);
	tvm_rig_disk_fill(&rig, 5);
	EXPECT_EQ(tvm_blk_io(&rig.vqs[0], VIRTIO_BLK_T_IN, 2048, gpa, len), VIRTIO_BLK_S_OK);
	EXPECT_TRUE(tvm_pattern_check(tvm_mem_ptr(&rig.mem, gpa, len), len, 6));
	EXPECT_EQ(tvm_blk_io(&rig.vqs[0], VIRTIO_BLK_T_OUT, 4096, gpa, len), VIRTIO_BLK_S_OK);
	tvm_mem_fill(&rig.mem, gpa, 0, len);
	EXPECT_EQ(tvm_blk_io(&rig.vqs[0], VIRTIO_BLK_T_IN, 4096, gpa, len), VIRTIO_BLK_S_OK);
	EXPECT_TRUE(tvm_pattern_check(tvm_mem_ptr(&rig.mem, gpa, len), len, 6));
	tvm_rig_destroy(&rig);
}

HARNESS_MAIN
