// SPDX-License-Identifier: GPL-2.0-only
/*
 * core: starting, stopping, suspending and resetting queues with requests in
 * flight; memory tables, pinned memory, workers, statistics
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tvm_rig.h"

#define SEED		23
#define WAIT_MS		20000
#define IN_FLIGHT	16
/* Long enough that requests are in flight when the next call is made. */
#define SLOW_NS		"200000000"

static const char *const slow_disk[] = {
	"memory_backed=1", "size=32", "irqmode=2", "completion_nsec=" SLOW_NS, NULL,
};

FIXTURE(queue) {
	struct tvm_rig rig;
	struct tvm_queue *vq;
	struct tvm_blk_req reqs[IN_FLIGHT];
	struct tvm_seg data[IN_FLIGHT];
	unsigned int sent;
};

FIXTURE_VARIANT(queue) {
	struct tvm_config cfg;
};

TVM_RIG_FORMATS(queue);

FIXTURE_SETUP(queue)
{
	struct tvm_rig_options options = {
		.cfg = variant->cfg, .disk = slow_disk, .queues = 2, .small = true,
	};
	unsigned int i;

	tvm_rig_create(&self->rig, &options);
	self->vq = &self->rig.vqs[0];
	for (i = 0; i < IN_FLIGHT; i++) {
		tvm_blk_req_init(&self->reqs[i], &self->rig.mem);
		self->data[i].gpa = tvm_mem_alloc(&self->rig.mem, TVM_PAGE, TVM_PAGE);
		self->data[i].len = TVM_PAGE;
		self->reqs[i].data = &self->data[i];
		self->reqs[i].nr = 1;
		self->reqs[i].sector = i * 8;
	}
}

FIXTURE_TEARDOWN(queue)
{
	tvm_rig_destroy(&self->rig);
}

static void *data_ptr(struct queue_fixture *self, unsigned int i)
{
	return tvm_mem_ptr(&self->rig.mem, self->data[i].gpa, TVM_PAGE);
}

/* Puts writes in flight, and returns once the device has taken all of them. */
static void send_writes(struct queue_fixture *self, uint64_t seed)
{
	int64_t before = tvm_dev_stat(&self->rig.dev, 0, "chains");
	unsigned int i;

	for (i = 0; i < IN_FLIGHT; i++) {
		tvm_pattern_fill(data_ptr(self, i), TVM_PAGE, seed + i);
		self->reqs[i].type = VIRTIO_BLK_T_OUT;
		self->reqs[i].data_in = false;
		ASSERT_GE(tvm_blk_submit(self->vq, &self->reqs[i], NULL, 0), 0);
	}
	tvm_queue_notify(self->vq);
	for (i = 0; i < harness_scaled(WAIT_MS); i++) {
		if (tvm_dev_stat(&self->rig.dev, 0, "chains") == before + IN_FLIGHT)
			return;
		usleep(1000);
	}
	ASSERT_TRUE(!"the device takes the requests");
}

/* All came back, without waiting: whoever calls knows that they must have. */
static void check_returned(struct queue_fixture *self)
{
	struct tvm_used used;
	unsigned int i;

	for (i = 0; i < IN_FLIGHT; i++) {
		ASSERT_TRUE(tvm_queue_poll(self->vq, &used));
		tvm_blk_finish(self->vq, used.cookie, &used);
	}
	EXPECT_FALSE(tvm_queue_poll(self->vq, &used));
	for (i = 0; i < IN_FLIGHT; i++)
		EXPECT_EQ(self->reqs[i].result, VIRTIO_BLK_S_OK);
}

/* In one request: the disk is slow. */
static void check_disk(struct queue_fixture *self, uint64_t seed)
{
	char *buf = aligned_alloc(TVM_PAGE, IN_FLIGHT * TVM_PAGE);
	unsigned int i;

	ASSERT_EQ(pread(self->rig.disk.fd, buf, IN_FLIGHT * TVM_PAGE, 0),
		  (ssize_t)(IN_FLIGHT * TVM_PAGE));
	for (i = 0; i < IN_FLIGHT; i++)
		EXPECT_TRUE(tvm_pattern_check(buf + i * TVM_PAGE, TVM_PAGE, seed + i));
	free(buf);
}

TEST_F(queue, base_drains)
{
	uint32_t base;

	send_writes(self, SEED);
	ASSERT_EQ(tvm_queue_stop(self->vq, &base), 0);
	check_returned(self);
	EXPECT_EQ(base, tvm_queue_base(self->vq));
	check_disk(self, SEED);
}

TEST_F(queue, disable_drains)
{
	send_writes(self, SEED);
	ASSERT_EQ(tvm_queue_enable(self->vq, false), 0);
	check_returned(self);
	/* Buffers made available meanwhile wait until the queue starts again. */
	ASSERT_GE(tvm_blk_submit(self->vq, &self->reqs[0], NULL, 0), 0);
	tvm_queue_notify(self->vq);
	EXPECT_FALSE(tvm_event_wait(self->vq->call_fd, 50) &&
		     tvm_queue_poll(self->vq, &self->reqs[0].used));
	ASSERT_EQ(tvm_queue_enable(self->vq, true), 0);
	ASSERT_EQ(tvm_queue_wait(self->vq, &self->reqs[0].used, harness_scaled(WAIT_MS)), 0);
}

TEST_F(queue, reset_drains)
{
	uint64_t features = self->rig.dev.features[0];

	send_writes(self, SEED);
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_RESET, NULL), 0);
	check_returned(self);
	check_disk(self, SEED);
	/* Owner, memory and backing object stay; all else is to do again. */
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHOST_SET_OWNER, NULL), -EBUSY);
	tvm_queue_reset(self->vq);
	ASSERT_EQ(tvm_dev_features_set(&self->rig.dev, features, 0), 0);
	EXPECT_LT(tvm_queue_enable(self->vq, true), 0);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, self->data[0].gpa, 4096),
		  VIRTIO_BLK_S_OK);
}

TEST_F(queue, reset_owner_drains)
{
	uint64_t features = self->rig.dev.features[0];

	send_writes(self, SEED);
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHOST_RESET_OWNER, NULL), 0);
	check_returned(self);
	check_disk(self, SEED);
	EXPECT_EQ(tvm_queue_enable(self->vq, true), -EPERM);
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHOST_SET_OWNER, NULL), 0);
	EXPECT_LT(tvm_queue_enable(self->vq, true), 0);
	ASSERT_EQ(tvm_dev_mem_set(&self->rig.dev, &self->rig.mem), 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, self->rig.disk.fd, 0), 0);
	ASSERT_EQ(tvm_dev_features_set(&self->rig.dev, features, 0), 0);
	tvm_queue_reset(self->vq);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, self->data[0].gpa, 4096),
		  VIRTIO_BLK_S_OK);
}

TEST_F(queue, suspend)
{
	size_t size = self->vq->num * 16;
	char *before = malloc(size);

	send_writes(self, SEED);
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_SUSPEND, NULL), 0);
	check_returned(self);
	tvm_event_read(self->vq->call_fd);
	EXPECT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_SUSPEND, NULL), 0);

	/* A suspended device touches nothing and says nothing. */
	ASSERT_GE(tvm_blk_submit(self->vq, &self->reqs[0], NULL, 0), 0);
	memcpy(before, self->vq->desc, size);
	tvm_queue_notify(self->vq);
	EXPECT_FALSE(tvm_event_wait(self->vq->call_fd, 500));
	EXPECT_EQ(memcmp(before, self->vq->desc, size), 0);
	EXPECT_EQ(tvm_event_read(self->vq->err_fd), 0ULL);

	/* The notification of that time is not lost. */
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_RESUME, NULL), 0);
	ASSERT_EQ(tvm_queue_wait(self->vq, &self->reqs[0].used, harness_scaled(WAIT_MS)), 0);
	EXPECT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_RESUME, NULL), 0);
	free(before);
}

/* A turn is bounded in bytes: large buffers leave others their share as well. */
TEST_F(queue, turn_bytes)
{
	uint64_t header = tvm_mem_alloc(&self->rig.mem, 64, 64);
	struct tvm_seg segs[] = {
		{ header, 16 }, { tvm_mem_alloc(&self->rig.mem, 4 << 20, TVM_PAGE), 4 << 20 },
		{ header + 32, 1 },
	};
	struct virtio_blk_outhdr unknown = { .type = 0xffff };
	struct tvm_used used;
	unsigned int i;
	int64_t runs;

	tvm_mem_write(&self->rig.mem, header, &unknown, sizeof(unknown));
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_SUSPEND, NULL), 0);
	for (i = 0; i < 20; i++)
		ASSERT_GE(tvm_queue_add(self->vq, segs, 2, 1, self, 0), 0);
	tvm_queue_notify(self->vq);
	runs = tvm_dev_stat(&self->rig.dev, 0, "runs");
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_RESUME, NULL), 0);
	for (i = 0; i < 20; i++)
		ASSERT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
	/* 80 MiB in turns of 8. */
	EXPECT_GE(tvm_dev_stat(&self->rig.dev, 0, "runs") - runs, 10);
}

/* Starting and stopping while suspended, as migration does. */
TEST_F(queue, suspend_stop)
{
	struct tvm_used used;

	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_SUSPEND, NULL), 0);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	ASSERT_EQ(tvm_queue_enable(self->vq, true), 0);
	ASSERT_GE(tvm_blk_submit(self->vq, &self->reqs[0], NULL, 0), 0);
	tvm_queue_notify(self->vq);
	usleep(100000);
	EXPECT_FALSE(tvm_queue_poll(self->vq, &used));
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_RESUME, NULL), 0);
	EXPECT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
}

/* Handing over to another node in the middle, as a live update does. */
TEST_F(queue, hand_over)
{
	struct tvm_dev old = self->rig.dev;
	uint64_t features = old.features[0];
	uint32_t base;

	send_writes(self, SEED);
	ASSERT_EQ(tvm_queue_stop(self->vq, &base), 0);
	tvm_dev_close(&old);
	ASSERT_EQ(tvm_dev_setup(&self->rig.dev, tvm_rig_node(), &self->rig.mem,
				self->rig.disk.fd, features), 0);
	check_returned(self);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	send_writes(self, SEED + 100);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	check_returned(self);
	check_disk(self, SEED + 100);
}

/* What was read under a memory table lands where that table said. */
TEST_F(queue, mem_table_swap)
{
	struct tvm_mem other;
	unsigned int i;

	send_writes(self, SEED);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	check_returned(self);
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	for (i = 0; i < IN_FLIGHT; i++) {
		self->reqs[i].type = VIRTIO_BLK_T_IN;
		self->reqs[i].data_in = true;
		memset(data_ptr(self, i), 0, TVM_PAGE);
		ASSERT_GE(tvm_blk_submit(self->vq, &self->reqs[i], NULL, 0), 0);
	}
	tvm_queue_notify(self->vq);
	usleep(20000);

	tvm_mem_create_default(&other);
	ASSERT_EQ(tvm_dev_mem_set(&self->rig.dev, &other), 0);
	self->rig.dev.mem = &self->rig.mem;
	/* The old table may go now: nothing refers to it. */
	for (i = 0; i < IN_FLIGHT; i++) {
		ASSERT_EQ(tvm_queue_wait(self->vq, &self->reqs[i].used,
					 harness_scaled(WAIT_MS)), 0);
		tvm_blk_finish(self->vq, self->reqs[i].used.cookie, &self->reqs[i].used);
	}
	for (i = 0; i < IN_FLIGHT; i++) {
		char *late = tvm_mem_ptr(&other, self->data[i].gpa, TVM_PAGE);
		bool old = tvm_pattern_check(data_ptr(self, i), TVM_PAGE, SEED + i);
		bool new = tvm_pattern_check(late, TVM_PAGE, SEED + i);

		EXPECT_TRUE(old || new || self->reqs[i].result == VIRTIO_BLK_S_IOERR ||
			    self->reqs[i].result == TVM_BLK_NO_STATUS);
	}
	tvm_dev_close(&self->rig.dev);
	tvm_mem_destroy(&other);
}

static uint64_t locked_kib(void)
{
	char line[128];
	uint64_t kib = 0, value;
	FILE *file = fopen("/proc/self/status", "re");

	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "VmPin: %lu", &value) == 1 ||
		    sscanf(line, "VmLck: %lu", &value) == 1)
			kib += value;
	}
	fclose(file);
	return kib;
}

TEST_F(queue, pin_memory)
{
	struct vha_pin_memory pin = { .flags = VHA_PIN_F_ENABLE };
	uint64_t before = locked_kib(), size = 0;
	unsigned int i;

	for (i = 0; i < self->rig.mem.nr; i++)
		size += self->rig.mem.regions[i].size / 1024;
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_PIN_MEMORY, &pin), 0);
	EXPECT_EQ(locked_kib(), before + size);
	EXPECT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_PIN_MEMORY, &pin), 0);
	EXPECT_EQ(locked_kib(), before + size);
	send_writes(self, SEED);
	/* Unpinning waits for whoever uses the pins. */
	pin.flags = 0;
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_PIN_MEMORY, &pin), 0);
	EXPECT_EQ(locked_kib(), before);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	check_returned(self);
	check_disk(self, SEED);
}

/* Pinned tables follow SET_MEM_TABLE, and all is given back in the end. */
TEST_F(queue, pin_memory_swap)
{
	struct vha_pin_memory pin = { .flags = VHA_PIN_F_ENABLE };
	uint64_t before = locked_kib(), pinned;
	struct tvm_mem small;
	struct tvm_layout layout = { 0x100000000, 0x1000000 };

	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_PIN_MEMORY, &pin), 0);
	pinned = locked_kib();
	tvm_mem_create(&small, &layout, 1);
	ASSERT_EQ(tvm_dev_mem_set(&self->rig.dev, &small), 0);
	EXPECT_EQ(locked_kib(), pinned - 0x1000000 / 1024);
	tvm_dev_close(&self->rig.dev);
	EXPECT_LE(locked_kib(), before);
	tvm_mem_destroy(&small);
}

/* A table is replaced within a limit that has room for one. */
TEST_F(queue, pin_memory_swap_limit)
{
	struct vha_pin_memory pin = { .flags = VHA_PIN_F_ENABLE };
	struct rlimit limit;
	uint64_t pinned;

	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_PIN_MEMORY, &pin), 0);
	pinned = locked_kib();
	limit = (struct rlimit){ pinned * 1024, pinned * 1024 };
	ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	ASSERT_EQ(seteuid(65534), 0);
	EXPECT_EQ(tvm_dev_mem_set(&self->rig.dev, &self->rig.mem), 0);
	EXPECT_EQ(tvm_dev_mem_set(&self->rig.dev, &self->rig.mem), 0);
	ASSERT_EQ(seteuid(0), 0);
	EXPECT_EQ(locked_kib(), pinned);
	pin.flags = 0;
	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_PIN_MEMORY, &pin), 0);
	EXPECT_LT(locked_kib(), pinned);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	tvm_dev_close(&self->rig.dev);
	EXPECT_EQ(locked_kib(), 0ULL);
}

/* Without the privilege the limit holds, and nothing is left charged. */
TEST_F(queue, pin_memory_limit)
{
	struct rlimit limit = { .rlim_cur = 4 << 20, .rlim_max = 4 << 20 };
	struct vha_pin_memory pin = { .flags = VHA_PIN_F_ENABLE };
	uint64_t before = locked_kib();

	ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	ASSERT_EQ(seteuid(65534), 0);
	EXPECT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_PIN_MEMORY, &pin), -ENOMEM);
	EXPECT_EQ(locked_kib(), before);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	limit.rlim_cur = 0;
	ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	EXPECT_EQ(tvm_queue_start(self->vq), -ENOMEM);
	limit.rlim_cur = 4 << 20;
	ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	EXPECT_EQ(tvm_queue_start(self->vq), 0);
	ASSERT_EQ(seteuid(0), 0);
	send_writes(self, SEED);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	check_returned(self);
}

/* Moving a queue between workers while it works. */
TEST_F(queue, worker_move)
{
	struct vhost_worker_state workers[2];
	struct vhost_vring_worker vring = { .index = 0 };
	unsigned int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHOST_NEW_WORKER, &workers[i]), 0);
	for (i = 0; i < 6; i++) {
		send_writes(self, SEED + i);
		vring.worker_id = workers[i % 2].worker_id;
		ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHOST_ATTACH_VRING_WORKER, &vring), 0);
		ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
		check_returned(self);
		ASSERT_EQ(tvm_queue_start(self->vq), 0);
	}
	check_disk(self, SEED + 5);
}

TEST_F(queue, statistics)
{
	int fd = tvm_dev_ioctl(&self->rig.dev, VHA_GET_STATS_FD, NULL);
	struct vha_stats_header header;
	struct vha_stats_desc desc;
	unsigned int i;
	uint64_t value;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(pread(fd, &header, sizeof(header), 0), (ssize_t)sizeof(header));
	EXPECT_EQ(header.flags, 0U);
	EXPECT_EQ(header.name_size, (uint32_t)VHA_STATS_NAME_SIZE);
	EXPECT_EQ(header.num_queues, self->rig.dev.info.max_queues);
	EXPECT_GE(header.desc_offset, sizeof(header));
	EXPECT_GE(header.data_offset, header.desc_offset + header.num_desc * sizeof(desc));
	for (i = 0; i < header.num_desc; i++) {
		ASSERT_EQ(pread(fd, &desc, sizeof(desc), header.desc_offset + i * sizeof(desc)),
			  (ssize_t)sizeof(desc));
		EXPECT_EQ(desc.offset, i * sizeof(value));
		EXPECT_TRUE(desc.name[0] && !desc.name[VHA_STATS_NAME_SIZE - 1]);
		EXPECT_LE(desc.type, VHA_STATS_INSTANT);
		EXPECT_LE(desc.unit, VHA_STATS_UNIT_NANOSECONDS);
	}
	EXPECT_EQ(pread(fd, &value, 8, header.data_offset + 8ULL * header.num_queues *
			header.num_desc), 0);
	EXPECT_LT(write(fd, &value, 8), 0);
	send_writes(self, SEED);
	ASSERT_EQ(tvm_queue_stop(self->vq, NULL), 0);
	EXPECT_EQ(tvm_dev_stat(&self->rig.dev, 0, "used"), (int64_t)IN_FLIGHT);
	EXPECT_EQ(tvm_dev_stat(&self->rig.dev, 1, "used"), 0);
	/* The file outlives the device and then has nothing to say. */
	tvm_dev_close(&self->rig.dev);
	EXPECT_LT(pread(fd, &header, sizeof(header), 0), 0);
	close(fd);
}

/** struct reader - a thread that reads statistics */
struct reader {
	int fd;
	void *to;
	ssize_t got;
};

static void *reader_run(void *arg)
{
	struct reader *reader = arg;

	reader->got = pread(reader->fd, reader->to, TVM_PAGE, 0);
	return NULL;
}

/* Whoever reads statistics into memory that does not answer holds up nobody. */
TEST_F(queue, statistics_stalled)
{
	struct reader reader = {
		.fd = tvm_dev_ioctl(&self->rig.dev, VHA_GET_STATS_FD, NULL),
		.to = data_ptr(self, 0),
	};
	int stall = tvm_stall(reader.to, TVM_PAGE);
	pthread_t thread;

	ASSERT_GE(reader.fd, 0);
	ASSERT_GE(stall, 0);
	ASSERT_EQ(pthread_create(&thread, NULL, reader_run, &reader), 0);
	ASSERT_TRUE(tvm_stall_wait(stall, harness_scaled(WAIT_MS)));
	EXPECT_EQ(tvm_dev_stat(&self->rig.dev, 0, "broken"), 0);
	tvm_dev_close(&self->rig.dev);
	tvm_stall_end(stall);
	pthread_join(thread, NULL);
	EXPECT_EQ(reader.got, (ssize_t)TVM_PAGE);
	close(reader.fd);
}

/* Only misses of the IOTLB can be read; there are none. */
TEST_F(queue, poll_and_read)
{
	struct pollfd pfd = { .fd = self->rig.dev.fd, .events = POLLIN | POLLOUT };
	struct vhost_msg_v2 msg;

	ASSERT_EQ(fcntl(self->rig.dev.fd, F_SETFL, O_NONBLOCK), 0);
	poll(&pfd, 1, 0);
	EXPECT_FALSE(pfd.revents & POLLIN);
	EXPECT_LT(read(self->rig.dev.fd, &msg, sizeof(msg)), 0);
}

/* All queues of the node, each with a driver of its own. */
struct lane {
	struct tvm_queue *vq;
	uint64_t gpa;
	unsigned int failures;
};

static void *lane_run(void *arg)
{
	struct lane *lane = arg;
	unsigned int i, rounds = harness_rounds(64, 4);
	struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_IN };
	struct tvm_seg segs[3] = {
		{ lane->gpa, 16 }, { lane->gpa + 512, 512 }, { lane->gpa + 64, 1 },
	};
	struct tvm_used used;

	for (i = 0; i < rounds; i++) {
		header.sector = i;
		tvm_mem_write(lane->vq->dev->mem, lane->gpa, &header, sizeof(header));
		if (tvm_queue_add(lane->vq, segs, 1, 2, lane, 0) < 0)
			lane->failures++;
		tvm_queue_kick(lane->vq);
		if (tvm_queue_wait(lane->vq, &used, harness_scaled(WAIT_MS)) || used.len != 513)
			lane->failures++;
	}
	return NULL;
}

static void many_queues(unsigned int queues, bool workers, const struct tvm_config *cfg)
{
	struct tvm_rig_options options = {
		.cfg = *cfg, .queues = queues, .num = 16,
		.features = TVM_BIT(VIRTIO_BLK_F_MQ),
	};
	struct vhost_worker_state worker;
	struct lane lanes[TVM_RIG_QUEUES];
	pthread_t threads[TVM_RIG_QUEUES];
	struct tvm_rig rig;
	unsigned int i;

	tvm_rig_create(&rig, &options);
	for (i = 0; i < queues; i++) {
		lanes[i] = (struct lane){
			&rig.vqs[i], tvm_mem_alloc(&rig.mem, 1024, 512), 0,
		};
		if (workers && i && i < rig.dev.info.max_workers) {
			struct vhost_vring_worker vring = { .index = i };

			ASSERT_EQ(tvm_dev_ioctl(&rig.dev, VHOST_NEW_WORKER, &worker), 0);
			vring.worker_id = worker.worker_id;
			ASSERT_EQ(tvm_dev_ioctl(&rig.dev, VHOST_ATTACH_VRING_WORKER, &vring),
				  0);
		}
	}
	for (i = 0; i < queues; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, lane_run, &lanes[i]), 0);
	for (i = 0; i < queues; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(lanes[i].failures, 0U);
	}
	tvm_rig_destroy(&rig);
}

TEST_F(queue, four_queues)
{
	many_queues(4, true, &variant->cfg);
}

TEST_F(queue, all_queues)
{
	many_queues(64, false, &variant->cfg);
	many_queues(64, true, &variant->cfg);
}

HARNESS_MAIN
