// SPDX-License-Identifier: GPL-2.0-only
/*
 * core: the device IOTLB
 *
 * The guest's addresses are shifted by a constant and known to the device
 * only as far as messages told it. A thread answers misses as a VMM does.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tvm_rig.h"

#define SEED		51
#define SHIFT		(1ULL << 40)
#define WAIT_MS		20000
#define QUEUES		16U

FIXTURE(iotlb) {
	struct tvm_rig rig;
	struct tvm_dev *dev;
	struct tvm_queue *vq;
	pthread_t thread;
	bool threaded;
	volatile bool stop;
	volatile unsigned int misses;
	volatile bool ignore;
	volatile uint64_t read_only;
	volatile bool read_only_ring;
	uint64_t gpa;
};

FIXTURE_VARIANT(iotlb) {
	struct tvm_config cfg;
};

TVM_RIG_FORMATS(iotlb);

static int send_map(const struct iotlb_fixture *self, uint64_t gpa, uint64_t size,
		    uint8_t perm)
{
	struct vhost_iotlb_msg msg = {
		.type = VHOST_IOTLB_UPDATE, .iova = gpa + SHIFT, .size = size, .perm = perm,
		.uaddr = (uintptr_t)tvm_mem_ptr(&self->rig.mem, gpa, size),
	};

	return tvm_dev_iotlb_send(self->dev, &msg);
}

static int send_unmap(const struct iotlb_fixture *self, uint64_t gpa, uint64_t size)
{
	struct vhost_iotlb_msg msg = {
		.type = VHOST_IOTLB_INVALIDATE, .iova = gpa + SHIFT, .size = size,
	};

	return tvm_dev_iotlb_send(self->dev, &msg);
}

static int map_all(const struct iotlb_fixture *self)
{
	const struct tvm_region *last = &self->rig.mem.regions[2];

	return send_map(self, last->gpa, last->size, VHOST_ACCESS_RW);
}

static int unmap_all(const struct iotlb_fixture *self)
{
	const struct tvm_region *last = &self->rig.mem.regions[2];

	return send_unmap(self, last->gpa, last->size);
}

static uint64_t page_of(uint64_t gpa)
{
	return gpa & ~(TVM_PAGE - 1);
}

/* The parts of a ring the device only reads. */
static bool ring_read(const struct iotlb_fixture *self, uint64_t page)
{
	return page == page_of(self->vq->driver_gpa) ||
	       (page == page_of(self->vq->desc_gpa) && !self->vq->cfg.packed);
}

static uint8_t perm_of(const struct iotlb_fixture *self, uint64_t page)
{
	if (page == self->read_only || (self->read_only_ring && ring_read(self, page)))
		return VHOST_ACCESS_RO;
	return VHOST_ACCESS_RW;
}

/* Answers each miss with the one page that was missed. */
static void *answer(void *arg)
{
	struct iotlb_fixture *self = arg;
	struct pollfd pfd = { .fd = self->dev->fd, .events = POLLIN };
	struct vhost_msg_v2 msg;
	uint64_t page;

	while (!self->stop) {
		if (poll(&pfd, 1, 50) != 1)
			continue;
		if (read(self->dev->fd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		EXPECT_EQ(msg.type, (uint32_t)VHOST_IOTLB_MSG_V2);
		EXPECT_EQ(msg.iotlb.type, VHOST_IOTLB_MISS);
		self->misses++;
		if (self->ignore)
			continue;
		page = page_of(msg.iotlb.iova - SHIFT);
		EXPECT_EQ(send_map(self, page, TVM_PAGE, perm_of(self, page)), 0);
	}
	return NULL;
}

static void setup(struct iotlb_fixture *self, unsigned int queues, const struct tvm_config *cfg)
{
	struct tvm_rig_options options = {
		.cfg = *cfg, .stopped = true, .queues = queues,
		.features = TVM_BIT(VIRTIO_F_ACCESS_PLATFORM) | TVM_BIT(VIRTIO_BLK_F_MQ),
	};
	uint64_t backend = TVM_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2);

	tvm_rig_create(&self->rig, &options);
	self->dev = &self->rig.dev;
	self->vq = &self->rig.vqs[0];
	self->dev->iova_offset = SHIFT;
	self->gpa = tvm_mem_alloc(&self->rig.mem, 64 * TVM_PAGE, TVM_PAGE);
	tvm_rig_disk_fill(&self->rig, SEED);
	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHOST_SET_BACKEND_FEATURES, &backend), 0);
	ASSERT_EQ(fcntl(self->dev->fd, F_SETFL, O_NONBLOCK), 0);
}

FIXTURE_SETUP(iotlb)
{
	setup(self, 1, &variant->cfg);
}

static void start_thread(struct iotlb_fixture *self)
{
	ASSERT_EQ(pthread_create(&self->thread, NULL, answer, self), 0);
	self->threaded = true;
}

static void stop_thread(struct iotlb_fixture *self)
{
	self->stop = true;
	if (self->threaded)
		pthread_join(self->thread, NULL);
	self->threaded = false;
	self->stop = false;
}

FIXTURE_TEARDOWN(iotlb)
{
	stop_thread(self);
	tvm_rig_destroy(&self->rig);
}

static void check_read(struct iotlb_fixture *self, uint64_t gpa, uint32_t len)
{
	tvm_mem_fill(&self->rig.mem, gpa, 0, len);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, gpa, len), VIRTIO_BLK_S_OK);
	EXPECT_TRUE(tvm_pattern_check(tvm_mem_ptr(&self->rig.mem, gpa, len), len, SEED));
}

static void read_prepare(struct iotlb_fixture *self, struct tvm_blk_req *req,
			 const struct tvm_seg *data)
{
	tvm_blk_req_init(req, &self->rig.mem);
	req->type = VIRTIO_BLK_T_IN;
	req->data = data;
	req->nr = 1;
	req->data_in = true;
}

/* Everything is missed once, the ring included. */
TEST_F(iotlb, misses)
{
	start_thread(self);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	check_read(self, self->gpa, 4096);
	EXPECT_GE(self->misses, 4U);
	check_read(self, self->gpa + 8192 + 100, 16384);
	unmap_all(self);
	check_read(self, self->gpa + 8192 + 100, 16384);
}

/* Told everything beforehand, the device asks for nothing. */
TEST_F(iotlb, told)
{
	struct pollfd pfd = { .fd = self->dev->fd, .events = POLLIN };

	ASSERT_EQ(map_all(self), 0);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	check_read(self, self->gpa, 65536);
	EXPECT_EQ(poll(&pfd, 1, 50), 0);
	/* Queues that were not started have no use for translations. */
	EXPECT_EQ(tvm_dev_stat(self->dev, 1, "runs"), 0);
}

/* Data that is not contiguous behind the IOTLB. */
TEST_F(iotlb, scattered)
{
	struct vhost_iotlb_msg msg = {
		.type = VHOST_IOTLB_UPDATE, .size = TVM_PAGE, .perm = VHOST_ACCESS_RW,
	};
	char page[TVM_PAGE], expect[16 * TVM_PAGE];
	unsigned int i;

	start_thread(self);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	/* An update takes all it overlaps with it: the rest is missed again. */
	start_thread(self);
	/* Sixteen pages, in reverse. */
	for (i = 0; i < 16; i++) {
		msg.iova = self->gpa + SHIFT + i * TVM_PAGE;
		msg.uaddr = (uintptr_t)tvm_mem_ptr(&self->rig.mem,
						   self->gpa + (15 - i) * TVM_PAGE, TVM_PAGE);
		ASSERT_EQ(tvm_dev_iotlb_send(self->dev, &msg), 0);
	}
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, self->gpa, 16 * TVM_PAGE),
		  VIRTIO_BLK_S_OK);
	tvm_pattern_fill(expect, sizeof(expect), SEED);
	for (i = 0; i < 16; i++) {
		tvm_mem_read(&self->rig.mem, self->gpa + (15 - i) * TVM_PAGE, page, TVM_PAGE);
		EXPECT_EQ(memcmp(page, expect + i * TVM_PAGE, TVM_PAGE), 0);
	}
}

/* Invalidated memory is out of reach when the write returns. */
TEST_F(iotlb, invalidate)
{
	unsigned int i, before;

	start_thread(self);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	for (i = 0; i < 20; i++) {
		check_read(self, self->gpa, 4096);
		ASSERT_EQ(send_unmap(self, self->gpa, TVM_PAGE), 0);
		before = self->misses;
		check_read(self, self->gpa, 4096);
		EXPECT_GT(self->misses, before);
	}
	/* The rings as well. */
	ASSERT_EQ(send_unmap(self, self->vq->desc_gpa, TVM_PAGE), 0);
	ASSERT_EQ(send_unmap(self, self->vq->device_gpa, TVM_PAGE), 0);
	check_read(self, self->gpa, 4096);
	EXPECT_EQ(tvm_event_read(self->vq->err_fd), 0ULL);
}

/** struct sender - a thread that sends one message */
struct sender {
	struct iotlb_fixture *self;
	bool map;
	int ret;
};

static void *sender_run(void *arg)
{
	struct sender *sender = arg;
	struct iotlb_fixture *self = sender->self;

	sender->ret = sender->map ? map_all(self) :
		send_unmap(self, page_of(self->vq->device_gpa), TVM_PAGE);
	return NULL;
}

/* A translation that goes while the ring is being mapped takes the ring along. */
TEST_F(iotlb, invalidate_while_mapping)
{
	void *page = tvm_mem_ptr(&self->rig.mem, page_of(self->vq->device_gpa), TVM_PAGE);
	struct sender map = { self, true, -1 }, unmap = { self, false, -1 };
	pthread_t threads[2];
	int fd;

	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	EXPECT_TRUE(tvm_dev_shows(self->dev, "state waiting"));
	fd = tvm_stall(page, TVM_PAGE);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(pthread_create(&threads[0], NULL, sender_run, &map), 0);
	ASSERT_TRUE(tvm_stall_wait(fd, harness_scaled(WAIT_MS)));
	ASSERT_EQ(pthread_create(&threads[1], NULL, sender_run, &unmap), 0);
	usleep(300000);
	tvm_stall_end(fd);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	EXPECT_EQ(map.ret, 0);
	EXPECT_EQ(unmap.ret, 0);
	usleep(100000);
	EXPECT_TRUE(tvm_dev_shows(self->dev, "state waiting"));
	start_thread(self);
	check_read(self, self->gpa, 4096);
}

/* It is the owner's limit that counts, not that of whoever serves the queue. */
TEST_F(iotlb, locked_limit)
{
	struct rlimit limit = { 0 };

	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	ASSERT_EQ(seteuid(65534), 0);
	EXPECT_EQ(map_all(self), 0);
	ASSERT_EQ(seteuid(0), 0);
	EXPECT_TRUE(tvm_event_wait(self->vq->err_fd, harness_scaled(WAIT_MS)));
	EXPECT_TRUE(tvm_dev_shows(self->dev, "state broken"));
	EXPECT_EQ(tvm_queue_stop(self->vq, NULL), 0);
}

/* No answer: the request waits, the device can be stopped all the same. */
TEST_F(iotlb, no_answer)
{
	struct tvm_seg data = { self->gpa, 4096 };
	struct tvm_blk_req req;
	struct tvm_used used;

	start_thread(self);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	check_read(self, self->gpa + 65536, 4096);
	self->ignore = true;
	read_prepare(self, &req, &data);
	ASSERT_GE(tvm_blk_submit(self->vq, &req, NULL, 0), 0);
	tvm_queue_notify(self->vq);
	usleep(100000);
	EXPECT_FALSE(tvm_queue_poll(self->vq, &used));
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	EXPECT_FALSE(tvm_queue_poll(self->vq, &used));
	self->ignore = false;
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	ASSERT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
	tvm_blk_finish(self->vq, &req, &used);
	EXPECT_EQ(req.result, VIRTIO_BLK_S_OK);
}

/* What the guest's IOMMU forbids stops the queue and leaves the memory alone. */
TEST_F(iotlb, permission)
{
	uint64_t ro = self->gpa + 32 * TVM_PAGE;
	struct tvm_seg data = { ro, 4096 };
	struct tvm_blk_req req;

	self->read_only = ro;
	start_thread(self);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_OUT, 0, ro, 4096), VIRTIO_BLK_S_OK);
	tvm_mem_fill(&self->rig.mem, ro, 0x77, 4096);
	read_prepare(self, &req, &data);
	ASSERT_GE(tvm_blk_submit(self->vq, &req, NULL, 0), 0);
	tvm_queue_notify(self->vq);
	EXPECT_TRUE(tvm_event_wait(self->vq->err_fd, harness_scaled(WAIT_MS)));
	EXPECT_EQ(tvm_dev_stat(self->dev, 0, "broken"), 1);
	EXPECT_EQ(*(uint8_t *)tvm_mem_ptr(&self->rig.mem, ro, 1), 0x77);
}

/* What the device only reads of a ring needs no more permission. */
TEST_F(iotlb, read_only_ring)
{
	self->read_only_ring = true;
	start_thread(self);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	check_read(self, self->gpa, 4096);
	EXPECT_EQ(tvm_event_read(self->vq->err_fd), 0ULL);
}

/* What it writes does. */
TEST_F(iotlb, read_only_used)
{
	self->read_only = page_of(self->vq->device_gpa);
	start_thread(self);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	EXPECT_TRUE(tvm_event_wait(self->vq->err_fd, harness_scaled(WAIT_MS)));
	EXPECT_EQ(tvm_dev_stat(self->dev, 0, "broken"), 1);
}

TEST_F(iotlb, malformed)
{
	const uint64_t hva = (uintptr_t)self->rig.mem.regions[2].hva;
	const struct vhost_iotlb_msg bad[] = {
		{ .type = 0 },
		{ .type = VHOST_IOTLB_MISS, .size = TVM_PAGE },
		{ .type = VHOST_IOTLB_ACCESS_FAIL, .size = TVM_PAGE },
		{ .type = 7 },
		{ .type = 255 },
		{ .type = VHOST_IOTLB_UPDATE, .size = 0, .uaddr = hva, .perm = 3 },
		{ .type = VHOST_IOTLB_UPDATE, .iova = ~0ULL - 4095, .size = 8192, .uaddr = hva,
		  .perm = 3 },
		{ .type = VHOST_IOTLB_UPDATE, .size = 4096, .uaddr = ~0ULL - 4095, .perm = 3 },
		{ .type = VHOST_IOTLB_UPDATE, .size = 4096, .uaddr = 1ULL << 63, .perm = 3 },
		{ .type = VHOST_IOTLB_UPDATE, .size = 4096, .uaddr = hva, .perm = 0 },
		{ .type = VHOST_IOTLB_UPDATE, .size = 4096, .uaddr = hva, .perm = 4 },
		{ .type = VHOST_IOTLB_INVALIDATE, .iova = 4096, .size = 0 },
		{ .type = VHOST_IOTLB_INVALIDATE, .iova = ~0ULL, .size = 2 },
	};
	struct vhost_msg_v2 msg = { .type = VHOST_IOTLB_MSG_V2 };
	void *volatile bad_address = (void *)8;
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_MSG(tvm_dev_iotlb_send(self->dev, &bad[i]) < 0, "message %u taken", i);
	EXPECT_LT(write(self->dev->fd, &msg, sizeof(msg) - 1), 0);
	EXPECT_LT(write(self->dev->fd, &msg, 0), 1);
	EXPECT_LT(write(self->dev->fd, bad_address, sizeof(msg)), 0);
	msg.type = 3;
	EXPECT_LT(write(self->dev->fd, &msg, sizeof(msg)), 0);
	msg.type = VHOST_IOTLB_MSG_V2;
	msg.asid = 1;
	msg.iotlb = (struct vhost_iotlb_msg){
		.type = VHOST_IOTLB_UPDATE, .size = 4096, .uaddr = hva, .perm = 3,
	};
	EXPECT_LT(write(self->dev->fd, &msg, sizeof(msg)), 0);
	start_thread(self);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	check_read(self, self->gpa, 4096);
}

/* Messages of the first version. */
TEST_F(iotlb, version_1)
{
	const struct tvm_region *last = &self->rig.mem.regions[2];
	struct vhost_msg msg = {
		.type = VHOST_IOTLB_MSG,
		.iotlb = {
			.type = VHOST_IOTLB_UPDATE, .iova = last->gpa + SHIFT,
			.size = last->size, .uaddr = (uintptr_t)last->hva,
			.perm = VHOST_ACCESS_RW,
		},
	};
	struct pollfd pfd = { .fd = self->dev->fd, .events = POLLIN };
	struct tvm_seg data = { self->gpa, 4096 };
	struct tvm_blk_req req;
	uint64_t none = 0;

	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHOST_SET_BACKEND_FEATURES, &none), 0);
	ASSERT_EQ(write(self->dev->fd, &msg, sizeof(msg)), (ssize_t)sizeof(msg));
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	check_read(self, self->gpa, 4096);
	ASSERT_EQ(send_unmap(self, self->gpa, TVM_PAGE), 0);

	/* The miss comes in the first version too. */
	read_prepare(self, &req, &data);
	ASSERT_GE(tvm_blk_submit(self->vq, &req, NULL, 0), 0);
	tvm_queue_notify(self->vq);
	ASSERT_EQ(poll(&pfd, 1, harness_scaled(WAIT_MS)), 1);
	ASSERT_EQ(read(self->dev->fd, &msg, sizeof(msg)), (ssize_t)sizeof(msg));
	EXPECT_EQ(msg.type, VHOST_IOTLB_MSG);
	EXPECT_EQ(msg.iotlb.type, VHOST_IOTLB_MISS);
	/* Invalidating a part took the whole translation. */
	EXPECT_GE(msg.iotlb.iova, last->gpa + SHIFT);
	EXPECT_LT(msg.iotlb.iova, last->gpa + last->size + SHIFT);
}

/* More translations than the device keeps: old ones go, nothing breaks. */
TEST_F(iotlb, overflow)
{
	unsigned int i, max = self->dev->info.max_iotlb_entries;
	struct vhost_iotlb_msg msg = {
		.type = VHOST_IOTLB_UPDATE, .size = TVM_PAGE, .perm = VHOST_ACCESS_RW,
		.uaddr = (uintptr_t)self->rig.mem.regions[0].hva,
	};
	int ret = 0;

	start_thread(self);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	check_read(self, self->gpa, 4096);
	for (i = 0; i < max + 100 && !ret; i++) {
		msg.iova = (1ULL << 50) + 2 * i * TVM_PAGE;
		ret = tvm_dev_iotlb_send(self->dev, &msg);
	}
	EXPECT_EQ(ret, 0);
	check_read(self, self->gpa, 4096);
	check_read(self, self->gpa + 65536, 16384);
}

/* Takes the misses there are; returns how many. */
static unsigned int take_misses(const struct iotlb_fixture *self)
{
	struct vhost_msg_v2 msg;
	unsigned int nr = 0;

	while (read(self->dev->fd, &msg, sizeof(msg)) == sizeof(msg))
		nr++;
	return nr;
}

/* Many queues that miss something each: an answer is for the one that asked. */
TEST(answers)
{
	struct iotlb_fixture all = { 0 }, *self = &all;
	struct tvm_blk_req reqs[QUEUES];
	struct tvm_seg data[QUEUES];
	unsigned int i, asked = 0;
	struct tvm_used used;
	uint64_t start, end;

	setup(self, QUEUES, &(struct tvm_config){ 0 });
	/* All but the pages of data is known. */
	start = self->rig.mem.regions[2].gpa;
	end = start + self->rig.mem.regions[2].size;
	for (i = 0; i < QUEUES; i++)
		read_prepare(self, &reqs[i], &data[i]);
	ASSERT_EQ(send_map(self, start, self->gpa - start, VHOST_ACCESS_RW), 0);
	start = self->gpa + QUEUES * TVM_PAGE;
	ASSERT_EQ(send_map(self, start, end - start, VHOST_ACCESS_RW), 0);
	for (i = 0; i < QUEUES; i++) {
		ASSERT_EQ(tvm_queue_start(&self->rig.vqs[i]), 0);
		data[i] = (struct tvm_seg){ self->gpa + i * TVM_PAGE, TVM_PAGE };
		ASSERT_GE(tvm_blk_submit(&self->rig.vqs[i], &reqs[i], NULL, 0), 0);
		tvm_queue_notify(&self->rig.vqs[i]);
	}
	for (i = 0; i < QUEUES; i++)
		while (!tvm_dev_stat(self->dev, i, "retries"))
			usleep(1000);
	for (i = 0; i < QUEUES; i++) {
		asked += take_misses(self);
		ASSERT_EQ(send_map(self, data[i].gpa, TVM_PAGE, VHOST_ACCESS_RW), 0);
		ASSERT_EQ(tvm_queue_wait(&self->rig.vqs[i], &used, harness_scaled(WAIT_MS)), 0);
		tvm_blk_finish(&self->rig.vqs[i], &reqs[i], &used);
		EXPECT_EQ(reqs[i].result, VIRTIO_BLK_S_OK);
	}
	asked += take_misses(self);
	EXPECT_GE(asked, QUEUES);
	/* A queue that is started looks once more than one that is told. */
	EXPECT_LE(asked, 2 * QUEUES);
	tvm_rig_destroy(&self->rig);
}

/* Invalidating everything again and again while requests pass. */
TEST_F_TIMEOUT(iotlb, storm, 120)
{
	unsigned int i, rounds = harness_rounds(300, 20);
	struct vhost_iotlb_msg all = { .type = VHOST_IOTLB_INVALIDATE };

	start_thread(self);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	for (i = 0; i < rounds; i++) {
		struct tvm_seg data = { self->gpa + (i % 16) * 2048, 8192 };
		struct tvm_blk_req req;
		struct tvm_used used;

		read_prepare(self, &req, &data);
		ASSERT_GE(tvm_blk_submit(self->vq, &req, NULL, i % 2 ? TVM_ADD_INDIRECT : 0),
			  0);
		tvm_queue_notify(self->vq);
		ASSERT_EQ(tvm_dev_iotlb_send(self->dev, &all), 0);
		ASSERT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
		tvm_blk_finish(self->vq, &req, &used);
		ASSERT_EQ(req.result, VIRTIO_BLK_S_OK);
	}
	EXPECT_EQ(tvm_event_read(self->vq->err_fd), 0ULL);
	/* What was fetched came back or was put back. */
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	EXPECT_GT(tvm_dev_stat(self->dev, 0, "retries"), 0);
	EXPECT_EQ(tvm_dev_stat(self->dev, 0, "chains") - tvm_dev_stat(self->dev, 0, "retries"),
		  tvm_dev_stat(self->dev, 0, "used"));
}

HARNESS_MAIN
