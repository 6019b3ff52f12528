// SPDX-License-Identifier: GPL-2.0-only
/*
 * A queue between the moments that no user space can hit: a driver that acts
 * inside a turn, a stop inside a batch
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>

#include "guest.h"

#define NUM	4
#define AVAIL	BIT(VRING_PACKED_DESC_F_AVAIL)
/* Where a driver that keeps the device in a turn gives up. */
#define ENOUGH	2000

struct fixture {
	struct kunit *test;
	struct guest *guest;
	struct vha_queue *vq;
	struct completion staged;
	unsigned int batches;
	bool ended;
};

static struct fixture *now;

static const char *const formats[] = { "split", "packed" };

static void format_to_desc(const char *const *format, char *desc)
{
	strscpy(desc, *format, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(format, formats, format_to_desc);

static void fixture_release(void *data)
{
	struct fixture *f = data;

	mutex_lock(&f->guest->dev.mutex);
	vha_queue_stop(f->vq);
	mutex_unlock(&f->guest->dev.mutex);
	vha_queue_destroy(f->vq);
}

/* A started queue, whose ring is the test's own memory. */
static struct fixture *fixture_create(struct kunit *test)
{
	const char *const *format = test->param_value;
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	unsigned long hva;
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->guest = guest_create(test);
	init_completion(&f->staged);
	/* Tests without this parameter take a split ring. */
	if (format == &formats[1])
		f->guest->dev.acked[0] = BIT_ULL(VIRTIO_F_RING_PACKED);
	hva = guest_mmap(test, f->guest, 3 * PAGE_SIZE);
	f->vq = vha_queue_create(&f->guest->dev, 0);
	KUNIT_ASSERT_NOT_NULL(test, f->vq);
	f->vq->num = NUM;
	f->vq->addr = (struct vhost_vring_addr) {
		.desc_user_addr = hva, .avail_user_addr = hva + PAGE_SIZE,
		.used_user_addr = hva + 2 * PAGE_SIZE,
	};
	f->vq->addr_set = true;
	mutex_lock(&f->guest->dev.mutex);
	ret = vha_queue_start(f->vq);
	mutex_unlock(&f->guest->dev.mutex);
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fixture_release, f), 0);
	now = f;
	return f;
}

/* The driver makes the first descriptor available, or takes that back. */
static void offer(struct fixture *f, bool available)
{
	struct vha_ring *ring = &f->vq->ring;
	struct vring_avail *avail = (struct vring_avail *)ring->avail;

	if (ring->packed)
		WRITE_ONCE(ring->pdesc[0].flags, cpu_to_le16(available ? AVAIL : 0));
	else
		WRITE_ONCE(avail->idx, (__force __virtio16)cpu_to_le16(available));
}

/* Whether the driver sees the first descriptor used. */
static bool used(const struct fixture *f)
{
	const struct vha_ring *ring = &f->vq->ring;

	if (ring->packed)
		return le16_to_cpu(READ_ONCE(ring->pdesc[0].flags)) & BIT(VRING_PACKED_DESC_F_USED);
	return le16_to_cpu((__force __le16)READ_ONCE(ring->used->idx)) == 1;
}

static void take_back(struct vha_queue *vq)
{
	offer(now, false);
	now->batches++;
}

static void offer_again(struct vha_queue *vq)
{
	offer(now, now->batches < ENOUGH);
}

static int never(struct vha_queue *vq, struct vha_chain *chain)
{
	KUNIT_FAIL(now->test, "a buffer that was taken back was served");
	return -EINVAL;
}

/*
 * A driver that has a buffer whenever the device looks for more, and none when
 * it fetches, does not hold up its worker.
 */
static void turn_ends(struct kunit *test)
{
	struct fixture *f = fixture_create(test);

	f->guest->class.batch_begin = take_back;
	f->guest->class.batch_end = offer_again;
	mutex_lock(&f->vq->mutex);
	vha_queue_drain(f->vq, never);
	mutex_unlock(&f->vq->mutex);
	KUNIT_EXPECT_GT(test, f->batches, 1);
	KUNIT_EXPECT_LE(test, f->batches, 256);
	KUNIT_EXPECT_EQ(test, f->vq->state, VHA_QUEUE_RUNNING);
}

/* A worker that has returned all buffers, but did not yet say so. */
static int slow_batch(void *data)
{
	struct fixture *f = data;
	struct vha_queue *vq = f->vq;

	mutex_lock(&vq->mutex);
	vha_queue_batch_begin(vq);
	if (vha_queue_fetch(vq, &vq->chain) == 1)
		vha_queue_used(vq, &vq->chain.token, 0);
	complete(&f->staged);
	msleep(200);
	WRITE_ONCE(f->ended, true);
	vha_queue_batch_end(vq);
	mutex_unlock(&vq->mutex);
	return 0;
}

/* Who waits for a queue waits for the last batch to be seen and signalled. */
static void wait_for_batch(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	struct task_struct *worker;

	offer(f, true);
	worker = kthread_run(slow_batch, f, "vha_kunit");
	KUNIT_ASSERT_FALSE(test, IS_ERR(worker));
	get_task_struct(worker);
	wait_for_completion(&f->staged);
	KUNIT_EXPECT_FALSE(test, used(f));
	mutex_lock(&f->guest->dev.mutex);
	vha_queue_wait(f->vq);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(f->ended));
	KUNIT_EXPECT_TRUE(test, used(f));
	KUNIT_EXPECT_EQ(test, READ_ONCE(f->vq->stats[VHA_STAT_SIGNALS]), 1);
	mutex_unlock(&f->guest->dev.mutex);
	kthread_stop(worker);
	put_task_struct(worker);
}

struct idle_case {
	u64 since;
	u64 called;
	u32 budget;
	u32 expected;
	const char *desc;
};

#define LIMIT_US	100
#define LIMIT		(LIMIT_US * NSEC_PER_USEC)
#define SINCE		(5 * NSEC_PER_SEC)

static const struct idle_case idle_cases[] = {
	{ SINCE, SINCE + 1, 0, 4000, "called at once" },
	{ SINCE, SINCE + LIMIT, 8000, 16000, "called in time" },
	{ SINCE, SINCE + LIMIT + 1, 16000, 8000, "called too late" },
	{ SINCE, SINCE + LIMIT + 1, 4000, 0, "called too late again" },
	{ SINCE, SINCE - 1, 8000, 16000, "called while giving up" },
	{ SINCE, 0, 8000, 16000, "found by looking once more" },
	{ SINCE, SINCE + 1, 60000, LIMIT, "at the limit" },
	{ 0, SINCE, 8000, 8000, "was not idle" },
};

KUNIT_ARRAY_PARAM_DESC(idle, idle_cases, desc);

/* What counts is when the worker was called, not when it comes. */
static void idle_teaches(struct kunit *test)
{
	const struct idle_case *c = test->param_value;
	struct fixture *f = fixture_create(test);
	struct vha_queue *vq = f->vq;

	mutex_lock(&vq->mutex);
	WRITE_ONCE(vq->busyloop_us, LIMIT_US);
	vq->idle_since = c->since;
	vq->called = c->called;
	vq->poll_ns = c->budget;
	vha_queue_end_idle(vq);
	KUNIT_EXPECT_EQ(test, vq->poll_ns, c->expected);
	/* Once for each time it was idle. */
	vha_queue_end_idle(vq);
	KUNIT_EXPECT_EQ(test, vq->poll_ns, c->expected);
	mutex_unlock(&vq->mutex);
}

static bool nothing(struct vha_queue *vq)
{
	return false;
}

/* The first call after polling was given up is the one that is remembered. */
static void first_call(struct kunit *test)
{
	struct fixture *f = fixture_create(test);
	struct vha_queue *vq = f->vq;
	u64 called;

	mutex_lock(&vq->mutex);
	vha_queue_kick(vq);
	KUNIT_EXPECT_EQ(test, vq->called, 0);
	WRITE_ONCE(vq->busyloop_us, LIMIT_US);
	vha_queue_kick(vq);
	KUNIT_EXPECT_FALSE(test, vha_queue_poll(vq, nothing));
	KUNIT_EXPECT_EQ(test, vq->called, 0);
	vha_queue_kick(vq);
	called = vq->called;
	KUNIT_EXPECT_GE(test, called, vq->idle_since);
	ndelay(1000);
	vha_queue_kick(vq);
	KUNIT_EXPECT_EQ(test, vq->called, called);
	mutex_unlock(&vq->mutex);
}

static struct kunit_case queue_cases[] = {
	KUNIT_CASE_PARAM(turn_ends, format_gen_params),
	KUNIT_CASE_PARAM(wait_for_batch, format_gen_params),
	KUNIT_CASE_PARAM(idle_teaches, idle_gen_params),
	KUNIT_CASE(first_call),
	{}
};

static struct kunit_suite queue_suite = {
	.name = "vha_queue",
	.test_cases = queue_cases,
};

kunit_test_suite(queue_suite);

/* As MODULE_IMPORT_NS(), whose argument is not the same in all kernels. */
MODULE_INFO(import_ns, "EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of queues");
MODULE_LICENSE("GPL");
