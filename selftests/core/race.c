// SPDX-License-Identifier: GPL-2.0-only
/*
 * core: many threads, one device, no order
 *
 * Nothing is asserted about single calls: each may fail as the state of the
 * moment demands. The device must survive, answer every request that it took,
 * and work again after a reset. Kernels with checks see the rest.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tvm_rig.h"

#define WAIT_MS		20000
#define QUEUES		3
#define THREADS		3

FIXTURE(race) {
	struct tvm_rig rig;
	struct tvm_mem other;
	struct vhost_worker_state workers[2];
	volatile bool stop;
	uint64_t log[65536];
};

FIXTURE_VARIANT(race) {
	struct tvm_config cfg;
	const char *irqmode;
};

FIXTURE_VARIANT_ADD(race, split) { .cfg = { .event_idx = true }, .irqmode = "irqmode=2" };
FIXTURE_VARIANT_ADD(race, split_inline) { .irqmode = "irqmode=0" };
FIXTURE_VARIANT_ADD(race, packed)
	{ .cfg = { .packed = true, .event_idx = true }, .irqmode = "irqmode=2" };

FIXTURE_SETUP(race)
{
	const char *const disk[] = {
		"memory_backed=1", "size=32", variant->irqmode, "completion_nsec=200000", NULL,
	};
	struct tvm_rig_options options = {
		.cfg = variant->cfg, .disk = disk, .queues = QUEUES, .num = 64,
		.features = TVM_BIT(VIRTIO_BLK_F_FLUSH),
	};
	unsigned int i;

	tvm_rig_create(&self->rig, &options);
	tvm_mem_create_default(&self->other);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHOST_NEW_WORKER, &self->workers[i]), 0);
}

FIXTURE_TEARDOWN(race)
{
	tvm_rig_destroy(&self->rig);
	tvm_mem_destroy(&self->other);
}

static void call_fd(struct race_fixture *self, unsigned int *seed, unsigned long cmd)
{
	struct tvm_queue *vq = &self->rig.vqs[rand_r(seed) % QUEUES];
	int fd = rand_r(seed) % 4 ? tvm_event_create() : -1;

	tvm_queue_fd_set(vq, cmd, fd);
	if (fd >= 0)
		close(fd);
}

static void call_vring(struct race_fixture *self, unsigned int *seed, unsigned long cmd)
{
	struct vhost_vring_state state = {
		.index = rand_r(seed) % QUEUES, .num = rand_r(seed) % 2,
	};

	if (cmd == VHOST_SET_VRING_NUM)
		state.num = 64;
	if (cmd == VHOST_SET_VRING_BUSYLOOP_TIMEOUT)
		state.num = rand_r(seed) % 100;
	tvm_dev_ioctl(&self->rig.dev, cmd, &state);
}

static void call_worker(struct race_fixture *self, unsigned int *seed)
{
	struct vhost_vring_worker vring = {
		.index = rand_r(seed) % QUEUES,
		.worker_id = self->workers[rand_r(seed) % 2].worker_id,
	};

	tvm_dev_ioctl(&self->rig.dev, VHOST_ATTACH_VRING_WORKER, &vring);
}

static void call_log(struct race_fixture *self, unsigned int *seed)
{
	uint64_t base = (uintptr_t)self->log, features = self->rig.dev.features[0];

	if (rand_r(seed) % 2)
		features |= TVM_BIT(VHOST_F_LOG_ALL);
	tvm_dev_ioctl(&self->rig.dev, VHOST_SET_LOG_BASE, &base);
	tvm_dev_ioctl(&self->rig.dev, VHOST_SET_FEATURES, &features);
}

static void call_memory(struct race_fixture *self, unsigned int *seed)
{
	struct vha_pin_memory pin = { .flags = rand_r(seed) % 2 };
	struct tvm_dev copy = self->rig.dev;

	if (rand_r(seed) % 2)
		tvm_dev_mem_set(&copy, rand_r(seed) % 4 ? &self->rig.mem : &self->other);
	else
		tvm_dev_ioctl(&copy, VHA_PIN_MEMORY, &pin);
}

static void call_any(struct race_fixture *self, unsigned int *seed)
{
	static const unsigned long vring[] = {
		VHA_SET_VRING_ENABLE, VHA_SET_VRING_ENABLE, VHOST_GET_VRING_BASE,
		VHOST_SET_VRING_NUM, VHOST_SET_VRING_BUSYLOOP_TIMEOUT,
	};
	static const unsigned long fds[] = {
		VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL, VHOST_SET_VRING_ERR,
	};
	uint8_t config[60];

	switch (rand_r(seed) % 12) {
	case 0:
		call_fd(self, seed, fds[rand_r(seed) % 3]);
		break;
	case 1:
		call_worker(self, seed);
		break;
	case 2:
		call_log(self, seed);
		break;
	case 3:
		call_memory(self, seed);
		break;
	case 4:
		tvm_dev_ioctl(&self->rig.dev, VHA_SUSPEND, NULL);
		break;
	case 5:
		tvm_dev_ioctl(&self->rig.dev, VHA_RESUME, NULL);
		break;
	case 6:
		tvm_dev_backend_set(&self->rig.dev, self->rig.disk.fd, rand_r(seed) % 2);
		break;
	case 7:
		tvm_dev_config_get(&self->rig.dev, 0, config, sizeof(config));
		break;
	case 8:
		tvm_dev_stat(&self->rig.dev, rand_r(seed) % QUEUES, "used");
		break;
	default:
		call_vring(self, seed, vring[rand_r(seed) % 5]);
	}
}

static void *control(void *arg)
{
	struct race_fixture *self = arg;
	unsigned int seed = tvm_clock_ns();

	while (!self->stop)
		call_any(self, &seed);
	return NULL;
}

/* The driver takes all descriptors for free, whatever the device does. */
static void forget_buffers(struct tvm_queue *vq)
{
	unsigned int i;

	for (i = 0; i < vq->num; i++)
		vq->slots[i].next = i + 1;
	vq->free_head = 0;
	vq->num_free = vq->num;
	vq->order_count = 0;
}

/*
 * A guest that notifies and makes buffers available again and again, in rings
 * that start and stop under it: most of what the device sees is nonsense.
 */
static void *guest(void *arg)
{
	struct race_fixture *self = arg;
	uint64_t header = tvm_mem_alloc(&self->rig.mem, 64, 64);
	struct tvm_seg segs[3] = {
		{ header, 16 }, { tvm_mem_alloc(&self->rig.mem, 4096, 512), 4096 },
		{ header + 32, 1 },
	};
	unsigned int seed = 1;

	while (!self->stop) {
		struct tvm_queue *vq = &self->rig.vqs[rand_r(&seed) % QUEUES];

		if (vq->num_free < 3)
			forget_buffers(vq);
		tvm_queue_add(vq, segs, 1, 2, self, rand_r(&seed) % 2 ? TVM_ADD_INDIRECT : 0);
		tvm_event_write(vq->kick_fd);
		if (rand_r(&seed) % 8 == 0)
			usleep(500);
	}
	return NULL;
}

static void drain(int fd)
{
	tvm_event_read(fd);
}

static void check_after(struct race_fixture *self, const struct tvm_config *cfg)
{
	uint64_t gpa = tvm_mem_alloc(&self->rig.mem, 4096, 4096);
	unsigned int i;

	ASSERT_EQ(tvm_dev_ioctl(&self->rig.dev, VHA_RESET, NULL), 0);
	ASSERT_EQ(tvm_dev_mem_set(&self->rig.dev, &self->rig.mem), 0);
	ASSERT_EQ(tvm_dev_backend_set(&self->rig.dev, self->rig.disk.fd, 0), 0);
	ASSERT_EQ(tvm_dev_features_set(&self->rig.dev, tvm_config_features(cfg), 0), 0);
	for (i = 0; i < QUEUES; i++) {
		struct tvm_queue *vq = &self->rig.vqs[i];

		tvm_queue_reset(vq);
		drain(vq->kick_fd);
		drain(vq->call_fd);
		drain(vq->err_fd);
		ASSERT_EQ(tvm_queue_start(vq), 0);
		EXPECT_EQ(tvm_blk_io(vq, VIRTIO_BLK_T_IN, 0, gpa, 4096), VIRTIO_BLK_S_OK);
	}
}

TEST_F_TIMEOUT(race, ioctls, 120)
{
	unsigned int i, seconds = harness_rounds(20, 3);
	pthread_t threads[THREADS + 1];

	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, control, self), 0);
	ASSERT_EQ(pthread_create(&threads[i], NULL, guest, self), 0);
	sleep(seconds);
	self->stop = true;
	for (i = 0; i <= THREADS; i++)
		pthread_join(threads[i], NULL);
	check_after(self, &variant->cfg);
}

static void *closer(void *arg)
{
	struct tvm_dev *dev = arg;

	usleep(rand() % 2000);
	tvm_dev_close(dev);
	return NULL;
}

static void *backend_switcher(void *arg)
{
	struct tvm_dev copy = *(struct tvm_dev *)arg;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		struct vhost_vring_file file = { .index = 0, .fd = i % 2 ? -1 : (int)i + 3 };
		struct vha_backend backend = { .fd = file.fd };

		tvm_dev_ioctl(&copy, VHA_SET_BACKEND, &backend);
		tvm_dev_ioctl(&copy, VHOST_BLK_SET_BACKEND, &file);
		tvm_dev_ioctl(&copy, VHOST_SET_VRING_KICK, &file);
	}
	return NULL;
}

/* Descriptors that are closed and reused while they are being handed over. */
TEST_F(race, descriptors)
{
	unsigned int i, rounds = harness_rounds(200, 10);

	for (i = 0; i < rounds; i++) {
		pthread_t close_thread, switch_thread;
		struct tvm_dev dev;

		ASSERT_EQ(tvm_dev_open(&dev, tvm_rig_node()), 0);
		tvm_dev_ioctl(&dev, VHOST_SET_OWNER, NULL);
		pthread_create(&switch_thread, NULL, backend_switcher, &dev);
		pthread_create(&close_thread, NULL, closer, &dev);
		pthread_join(switch_thread, NULL);
		pthread_join(close_thread, NULL);
	}
	check_after(self, &variant->cfg);
}

/* A queue that never runs dry leaves the other, on the same worker, its share. */
static void *flood(void *arg)
{
	struct race_fixture *self = arg;
	struct tvm_queue *vq = &self->rig.vqs[0];
	uint64_t header = tvm_mem_alloc(&self->rig.mem, 64, 64);
	struct tvm_seg segs[2] = { { header, 16 }, { header + 32, 1 } };
	struct virtio_blk_outhdr type = { .type = 0xffff };
	struct tvm_used used;

	tvm_mem_write(&self->rig.mem, header, &type, sizeof(type));
	while (!self->stop) {
		while (tvm_queue_add(vq, segs, 1, 1, self, 0) >= 0)
			;
		tvm_event_write(vq->kick_fd);
		while (tvm_queue_poll(vq, &used))
			;
	}
	return NULL;
}

TEST_F(race, never_dry)
{
	uint64_t gpa = tvm_mem_alloc(&self->rig.mem, 4096, 4096), start;
	unsigned int i, rounds = 100;
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, flood, self), 0);
	start = tvm_clock_ns();
	for (i = 0; i < rounds; i++)
		EXPECT_EQ(tvm_blk_io(&self->rig.vqs[1], VIRTIO_BLK_T_IN, 0, gpa, 4096),
			  VIRTIO_BLK_S_OK);
	/* A turn of the other queue is bounded, so is the wait for it. */
	EXPECT_LT((tvm_clock_ns() - start) / rounds, 100000000ULL * harness_scaled(1));
	ASSERT_EQ(tvm_queue_stop(&self->rig.vqs[0], NULL), 0);
	self->stop = true;
	pthread_join(thread, NULL);
}

HARNESS_MAIN
