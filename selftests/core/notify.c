// SPDX-License-Identifier: GPL-2.0-only
/*
 * core: notifications are neither lost nor sent in vain
 *
 * The driver sleeps on the call eventfd only, and notifies only when the
 * device asked for it: a single lost notification in either direction ends
 * in a timeout.
 */
#include <pthread.h>
#include <unistd.h>

#include "tvm_rig.h"

#define WAIT_MS		20000

FIXTURE(notify) {
	struct tvm_rig rig;
	struct tvm_queue *vq;
};

FIXTURE_VARIANT(notify) {
	struct tvm_config cfg;
};

TVM_RIG_FORMATS(notify);

FIXTURE_SETUP(notify)
{
	struct tvm_rig_options options = { .cfg = variant->cfg, .queues = 4, .num = 32 };

	tvm_rig_create(&self->rig, &options);
	self->vq = &self->rig.vqs[0];
}

FIXTURE_TEARDOWN(notify)
{
	tvm_rig_destroy(&self->rig);
}

/** struct pinger - a driver that keeps some requests in flight */
struct pinger {
	struct tvm_queue *vq;
	struct tvm_blk_req reqs[8];
	struct tvm_seg data[8];
	unsigned int depth;
	unsigned int rounds;
	unsigned int failures;
};

static void pinger_init(struct pinger *p, struct tvm_queue *vq, unsigned int depth,
			unsigned int rounds)
{
	unsigned int i;

	p->vq = vq;
	p->depth = depth;
	p->rounds = rounds;
	p->failures = 0;
	for (i = 0; i < depth; i++) {
		tvm_blk_req_init(&p->reqs[i], vq->dev->mem);
		p->data[i] = (struct tvm_seg){ tvm_mem_alloc(vq->dev->mem, 512, 512), 512 };
		p->reqs[i].type = VIRTIO_BLK_T_IN;
		p->reqs[i].data = &p->data[i];
		p->reqs[i].nr = 1;
		p->reqs[i].data_in = true;
	}
}

static bool pinger_send(struct pinger *p, struct tvm_blk_req *req)
{
	struct virtio_blk_outhdr header = { .type = req->type };
	struct tvm_seg segs[3] = {
		{ req->header, 16 }, req->data[0], { req->status, 1 },
	};

	tvm_mem_write(p->vq->dev->mem, req->header, &header, sizeof(header));
	return tvm_queue_add(p->vq, segs, 1, 2, req, 0) >= 0;
}

static void *pinger_run(void *arg)
{
	struct pinger *p = arg;
	unsigned int i, sent = 0, got = 0;
	struct tvm_used used;

	for (i = 0; i < p->depth && sent < p->rounds; i++, sent++)
		p->failures += !pinger_send(p, &p->reqs[i]);
	tvm_queue_kick(p->vq);
	while (got < p->rounds) {
		if (tvm_queue_wait(p->vq, &used, harness_scaled(WAIT_MS))) {
			harness_note("queue %u: nothing after %u of %u", p->vq->index, got,
				     p->rounds);
			p->failures++;
			return NULL;
		}
		got++;
		if (sent == p->rounds)
			continue;
		p->failures += !pinger_send(p, used.cookie);
		tvm_queue_kick(p->vq);
		sent++;
	}
	return NULL;
}

static unsigned int rounds(void)
{
	return harness_rounds(100000, 2000);
}

TEST_F_TIMEOUT(notify, ping, 120)
{
	struct pinger p;

	pinger_init(&p, self->vq, 1, rounds());
	pinger_run(&p);
	EXPECT_EQ(p.failures, 0U);
	/* One request at a time: at most one notification each, either way. */
	EXPECT_LE(self->vq->kicks, rounds());
	EXPECT_LE(self->vq->calls, rounds());
}

TEST_F_TIMEOUT(notify, ping_deep, 120)
{
	struct pinger p;

	pinger_init(&p, self->vq, 8, rounds());
	pinger_run(&p);
	EXPECT_EQ(p.failures, 0U);
	EXPECT_LE(self->vq->kicks, rounds());
	EXPECT_LE(self->vq->calls, rounds());
}

TEST_F_TIMEOUT(notify, ping_queues, 240)
{
	struct pinger pingers[4];
	pthread_t threads[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		pinger_init(&pingers[i], &self->rig.vqs[i], 1 + 2 * i, rounds() / 2);
	for (i = 0; i < 4; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, pinger_run, &pingers[i]), 0);
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(pingers[i].failures, 0U);
	}
}

/* As above, while the worker polls before it asks for notifications. */
TEST_F_TIMEOUT(notify, ping_busyloop, 120)
{
	struct vhost_vring_state loop = { .index = 0, .num = 200 };
	struct pinger p;

	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &loop), 0);
	pinger_init(&p, self->vq, 4, rounds());
	pinger_run(&p);
	EXPECT_EQ(p.failures, 0U);
}

/* Switched off, no notification comes; switched on, the next one does. */
TEST_F(notify, call_suppressed)
{
	struct pinger p;
	struct tvm_used used;
	unsigned int i;

	/* After a start the device knows of no event and may notify once. */
	pinger_init(&p, self->vq, 1, 1);
	pinger_run(&p);
	pinger_init(&p, self->vq, 8, 0);
	tvm_event_read(self->vq->call_fd);
	for (i = 0; i < 8; i++) {
		tvm_queue_call_disable(self->vq);
		ASSERT_TRUE(pinger_send(&p, &p.reqs[i]));
		tvm_queue_notify(self->vq);
		while (!tvm_queue_poll(self->vq, &used))
			usleep(100);
		/* The signal would come right after the used buffer. */
		EXPECT_FALSE(tvm_event_wait(self->vq->call_fd, 20));
	}
	EXPECT_EQ(tvm_queue_call_enable(self->vq), false);
	ASSERT_TRUE(pinger_send(&p, &p.reqs[0]));
	tvm_queue_notify(self->vq);
	EXPECT_TRUE(tvm_event_wait(self->vq->call_fd, harness_scaled(WAIT_MS)));
	EXPECT_EQ(tvm_event_read(self->vq->call_fd), 1ULL);
}

/* An event index further ahead asks for one notification after several. */
TEST_F(notify, event_delayed)
{
	struct pinger p;
	struct tvm_used used;
	unsigned int i;

	if (!variant->cfg.event_idx || variant->cfg.packed)
		return;
	pinger_init(&p, self->vq, 1, 1);
	pinger_run(&p);
	tvm_event_read(self->vq->call_fd);
	pinger_init(&p, self->vq, 8, 0);
	self->vq->avail->ring[self->vq->num] = self->vq->used_next + 3;
	for (i = 0; i < 4; i++) {
		ASSERT_TRUE(pinger_send(&p, &p.reqs[i]));
		tvm_queue_notify(self->vq);
		while (!tvm_queue_poll(self->vq, &used))
			usleep(100);
		EXPECT_EQ(tvm_event_wait(self->vq->call_fd, i < 3 ? 20 :
					 harness_scaled(WAIT_MS)), i == 3);
	}
}

/* Notifications without buffers, and a flood of them, change nothing. */
TEST_F(notify, spurious)
{
	struct pinger p;
	unsigned int i;

	for (i = 0; i < 20000; i++)
		tvm_event_write(self->vq->kick_fd);
	pinger_init(&p, self->vq, 4, 200);
	pinger_run(&p);
	EXPECT_EQ(p.failures, 0U);
	EXPECT_EQ(tvm_event_read(self->vq->err_fd), 0ULL);
}

/** struct flipper - a packed driver that takes back what it makes available */
struct flipper {
	struct tvm_queue *vq;
	volatile bool stop;
};

static void flip_flags(struct tvm_queue *vq, uint16_t flags)
{
	unsigned int i;

	for (i = 0; i < vq->num; i++)
		tvm_store16(&vq->pdesc[i].flags, flags);
}

/* Available for a moment, in this round of the ring or in the next, then not for long. */
static void *flipper_run(void *arg)
{
	static const uint16_t rounds[] = {
		1U << VRING_PACKED_DESC_F_AVAIL, 1U << VRING_PACKED_DESC_F_USED,
	};
	struct flipper *flipper = arg;
	volatile unsigned int pause;
	unsigned int i;

	for (i = 0; !flipper->stop; i++) {
		flip_flags(flipper->vq, rounds[i % 2]);
		flip_flags(flipper->vq, 0);
		for (pause = 0; pause < 2000; pause++)
			;
		if (i % 256 == 0)
			tvm_event_write(flipper->vq->kick_fd);
	}
	return NULL;
}

/* What the device did for a queue, in buffers and looks for more. */
static int64_t effort(const struct tvm_dev *dev)
{
	return tvm_dev_stat(dev, 0, "chains") + tvm_dev_stat(dev, 0, "poll_hit") +
	       tvm_dev_stat(dev, 0, "poll_miss");
}

/*
 * However often the device sees a buffer and then finds it gone, its turns end:
 * it can be suspended, is quiet then, and other queues have their share.
 */
TEST_F(notify, flags_flipped)
{
	struct vhost_vring_state loop = { .index = 0, .num = 50000 };
	uint64_t gpa = tvm_mem_alloc(&self->rig.mem, TVM_PAGE, TVM_PAGE);
	struct flipper flipper = { .vq = self->vq };
	unsigned int i, nr = harness_rounds(40, 8);
	int64_t before;
	pthread_t thread;

	if (!variant->cfg.packed)
		return;
	for (i = 0; i < self->vq->num; i++) {
		self->vq->pdesc[i].addr = gpa;
		self->vq->pdesc[i].len = 16;
	}
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &loop), 0);
	ASSERT_EQ(pthread_create(&thread, NULL, flipper_run, &flipper), 0);
	for (i = 0; i < nr; i++) {
		usleep(50000);
		EXPECT_EQ(tvm_blk_io(&self->rig.vqs[1], VIRTIO_BLK_T_IN, 0, gpa, 512),
			  VIRTIO_BLK_S_OK);
		ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_SUSPEND, NULL), 0);
		before = effort(&self->rig.dev);
		usleep(20000);
		EXPECT_EQ(effort(&self->rig.dev), before);
		ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_RESUME, NULL), 0);
	}
	flipper.stop = true;
	pthread_join(thread, NULL);
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_SUSPEND, NULL), 0);
	EXPECT_GT(effort(&self->rig.dev), 0);
	/* A turn is 256 of either, and what a last batch of 64 took beyond that. */
	EXPECT_LE(effort(&self->rig.dev), tvm_dev_stat(&self->rig.dev, 0, "runs") * (256 + 64));
	EXPECT_EQ(tvm_dev_stat(&self->rig.dev, 0, "broken"), 0);
}

/* A full call eventfd must not stop the device. */
TEST_F(notify, saturated)
{
	uint64_t full = ~0ULL - 1;
	struct tvm_used used;
	struct pinger p;
	unsigned int i;

	pinger_init(&p, self->vq, 8, 0);
	ASSERT_EQ(write(self->vq->call_fd, &full, sizeof(full)), (ssize_t)sizeof(full));
	for (i = 0; i < 8; i++) {
		ASSERT_TRUE(pinger_send(&p, &p.reqs[i]));
		tvm_queue_notify(self->vq);
		while (!tvm_queue_poll(self->vq, &used))
			usleep(100);
	}
	tvm_event_read(self->vq->call_fd);
	pinger_init(&p, self->vq, 2, 50);
	pinger_run(&p);
	EXPECT_EQ(p.failures, 0U);
}

/* Call and kick on one eventfd: each return of a buffer notifies the device. */
TEST_F(notify, same_eventfd)
{
	struct tvm_used used;
	struct pinger p;
	unsigned int i;

	ASSERT_EQ(tvm_queue_fd_set(self->vq, VHOST_SET_VRING_CALL, self->vq->kick_fd), 0);
	pinger_init(&p, self->vq, 8, 0);
	for (i = 0; i < 8; i++) {
		ASSERT_TRUE(pinger_send(&p, &p.reqs[i]));
		tvm_queue_notify(self->vq);
		while (!tvm_queue_poll(self->vq, &used))
			usleep(100);
	}
}

/* New eventfds while the queue runs; the old ones are not signalled again. */
TEST_F(notify, eventfd_swap)
{
	struct pinger p;
	int old, fresh;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		pinger_init(&p, self->vq, 2, 20);
		pinger_run(&p);
		ASSERT_EQ(p.failures, 0U);
		fresh = tvm_event_create();
		ASSERT_EQ(tvm_queue_fd_set(self->vq, VHOST_SET_VRING_CALL, fresh), 0);
		old = self->vq->call_fd;
		tvm_event_read(old);
		self->vq->call_fd = fresh;
		fresh = tvm_event_create();
		ASSERT_EQ(tvm_queue_fd_set(self->vq, VHOST_SET_VRING_KICK, fresh), 0);
		close(self->vq->kick_fd);
		self->vq->kick_fd = fresh;
		pinger_init(&p, self->vq, 2, 20);
		pinger_run(&p);
		ASSERT_EQ(p.failures, 0U);
		EXPECT_EQ(tvm_event_read(old), 0ULL);
		close(old);
	}
}

/* A notification from before the eventfd was set counts. */
TEST_F(notify, kick_before_set)
{
	struct tvm_used used;
	struct pinger p;
	int fresh = tvm_event_create();

	ASSERT_EQ(tvm_queue_fd_set(self->vq, VHOST_SET_VRING_KICK, -1), 0);
	usleep(50000);
	pinger_init(&p, self->vq, 1, 0);
	ASSERT_TRUE(pinger_send(&p, &p.reqs[0]));
	tvm_event_write(fresh);
	ASSERT_EQ(tvm_queue_fd_set(self->vq, VHOST_SET_VRING_KICK, fresh), 0);
	EXPECT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
	close(fresh);
}

HARNESS_MAIN
