// SPDX-License-Identifier: GPL-2.0-only
/*
 * core: every allocation and every access to user memory fails once
 *
 * The kernel's fault injection counts the places where a call can fail and
 * lets the Nth fail. Each call is repeated with N from 1 until it passes with
 * no failure left to inject. A failure must be reported or harmless, and the
 * next call must find everything as if it had not been made.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tvm_rig.h"

#define STEPS_MAX	2000

FIXTURE(fault) {
	struct tvm_rig rig;
	struct tvm_dev *dev;
	struct tvm_queue *vq;
	int nth_fd;
};

FIXTURE_VARIANT(fault) {
	struct tvm_config cfg;
	uint64_t features;
};

FIXTURE_VARIANT_ADD(fault, split) { .cfg = { .event_idx = true, .in_order = true } };
FIXTURE_VARIANT_ADD(fault, packed) { .cfg = { .packed = true } };

static void knob(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		SKIP("the kernel has no fault injection (%s)", name);
	EXPECT_GT(write(fd, value, strlen(value)), 0);
	close(fd);
}

FIXTURE_SETUP(fault)
{
	struct tvm_rig_options options = { .cfg = variant->cfg, .stopped = true };

	self->rig.dev.fd = -1;
	knob("failslab/ignore-gfp-wait", "N");
	knob("fail_page_alloc/ignore-gfp-wait", "N");
	knob("fail_page_alloc/min-order", "0");
	/* A stack trace per failure is what a bug would leave in the log. */
	knob("failslab/verbose", "0");
	knob("fail_page_alloc/verbose", "0");
	knob("fail_make_request/verbose", "0");
	knob("fail_usercopy/verbose", "0");
	tvm_rig_create(&self->rig, &options);
	self->dev = &self->rig.dev;
	self->vq = &self->rig.vqs[0];
	self->nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (self->nth_fd < 0)
		SKIP("the kernel has no systematic fault injection");
}

FIXTURE_TEARDOWN(fault)
{
	tvm_rig_destroy(&self->rig);
}

static void nth_set(struct fault_fixture *self, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	/* What the call left over may hit this write as well, once. */
	if (pwrite(self->nth_fd, text, len, 0) != len)
		ASSERT_EQ(pwrite(self->nth_fd, text, len, 0), (ssize_t)len);
}

/* Whether the failure set last has happened. */
static bool nth_happened(struct fault_fixture *self)
{
	char text[16] = "";

	/* What the call left over hits this read, which then is what failed. */
	if (pread(self->nth_fd, text, sizeof(text) - 1, 0) <= 0)
		return false;
	return atoi(text) == 0;
}

/** struct step - a call, and how to get back to the state before it */
struct step {
	const char *name;
	int (*call)(struct fault_fixture *self);
	void (*undo)(struct fault_fixture *self);
};

static int call_mem(struct fault_fixture *self)
{
	return tvm_dev_mem_set(self->dev, &self->rig.mem);
}

static int call_start(struct fault_fixture *self)
{
	return tvm_queue_enable(self->vq, true);
}

static void undo_start(struct fault_fixture *self)
{
	EXPECT_EQ(tvm_queue_stop(self->vq, NULL), 0);
}

static int call_pin(struct fault_fixture *self)
{
	struct vha_pin_memory pin = { .flags = VHA_PIN_F_ENABLE };

	return tvm_dev_ioctl(self->dev, VHA_PIN_MEMORY, &pin);
}

static void undo_pin(struct fault_fixture *self)
{
	struct vha_pin_memory pin = { .flags = 0 };

	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHA_PIN_MEMORY, &pin), 0);
}

static int call_backend(struct fault_fixture *self)
{
	return tvm_dev_backend_set(self->dev, self->rig.disk.fd, 0);
}

static struct vhost_worker_state worker;

static int call_worker(struct fault_fixture *self)
{
	return tvm_dev_ioctl(self->dev, VHOST_NEW_WORKER, &worker);
}

static void undo_worker(struct fault_fixture *self)
{
	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_FREE_WORKER, &worker), 0);
}

static int stats_fd;

static int call_stats(struct fault_fixture *self)
{
	stats_fd = tvm_dev_ioctl(self->dev, VHA_GET_STATS_FD, NULL);
	return stats_fd < 0 ? stats_fd : 0;
}

static void undo_stats(struct fault_fixture *self)
{
	(void)self;
	close(stats_fd);
}

static uint64_t bitmap[65536];

static int call_log(struct fault_fixture *self)
{
	uint64_t features = self->dev->features[0] | TVM_BIT(VHOST_F_LOG_ALL);

	return tvm_dev_ioctl(self->dev, VHOST_SET_FEATURES, &features);
}

static void undo_log(struct fault_fixture *self)
{
	EXPECT_EQ(tvm_dev_ioctl(self->dev, VHOST_SET_FEATURES, &self->dev->features[0]), 0);
}

static int call_kick(struct fault_fixture *self)
{
	return tvm_queue_fd_set(self->vq, VHOST_SET_VRING_KICK, self->vq->kick_fd);
}

static int call_call(struct fault_fixture *self)
{
	return tvm_queue_fd_set(self->vq, VHOST_SET_VRING_CALL, self->vq->call_fd);
}

static int call_config(struct fault_fixture *self)
{
	uint8_t config[60];

	return tvm_dev_config_get(self->dev, 0, config, sizeof(config));
}

static struct tvm_dev second;

static int call_open(struct fault_fixture *self)
{
	(void)self;
	return tvm_dev_open(&second, tvm_rig_node());
}

static void undo_open(struct fault_fixture *self)
{
	(void)self;
	tvm_dev_close(&second);
}

static const struct step steps[] = {
	{ "open", call_open, undo_open },
	{ "VHOST_SET_MEM_TABLE", call_mem, NULL },
	{ "VHA_SET_BACKEND", call_backend, NULL },
	{ "VHOST_NEW_WORKER", call_worker, undo_worker },
	{ "VHA_GET_STATS_FD", call_stats, undo_stats },
	{ "VHA_GET_CONFIG", call_config, NULL },
	{ "VHOST_SET_VRING_KICK", call_kick, NULL },
	{ "VHOST_SET_VRING_CALL", call_call, NULL },
	{ "VHA_PIN_MEMORY", call_pin, undo_pin },
	{ "VHOST_F_LOG_ALL", call_log, undo_log },
	{ "start", call_start, undo_start },
};

/* Returns how many failures there were to inject. */
static unsigned int step_run(struct fault_fixture *self, const struct step *step)
{
	unsigned int nth;
	bool happened;
	int ret;

	for (nth = 1; nth < STEPS_MAX; nth++) {
		nth_set(self, nth);
		ret = step->call(self);
		happened = nth_happened(self);
		nth_set(self, 0);
		if (!ret && step->undo)
			step->undo(self);
		if (!happened) {
			EXPECT_MSG(!ret, "%s: %d without a failure", step->name, ret);
			return nth - 1;
		}
		EXPECT_MSG(ret == 0 || ret == -ENOMEM || ret == -EFAULT || ret == -EAGAIN,
			   "%s: %d at failure %u", step->name, ret, nth);
	}
	EXPECT_MSG(false, "%s never passes", step->name);
	return nth;
}

static void log_prepare(struct fault_fixture *self)
{
	uint64_t base = (uintptr_t)bitmap;

	ASSERT_EQ(tvm_dev_ioctl(self->dev, VHOST_SET_LOG_BASE, &base), 0);
}

TEST_F_TIMEOUT(fault, ioctls, 120)
{
	unsigned int i, failures;

	log_prepare(self);
	ASSERT_EQ(tvm_queue_configure(self->vq), 0);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		failures = step_run(self, &steps[i]);
		harness_note("%s: %u places", steps[i].name, failures);
	}
	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0,
			     tvm_mem_alloc(&self->rig.mem, 4096, 4096), 4096),
		  VIRTIO_BLK_S_OK);
}

TEST_F_TIMEOUT(fault, owner, 120)
{
	unsigned int nth = 0;

	/* After a failed VHOST_SET_OWNER there is no owner to give up. */
	for (;;) {
		int ret = tvm_dev_ioctl(self->dev, VHOST_RESET_OWNER, NULL);
		bool happened;

		EXPECT_TRUE(ret == 0 || ret == -EPERM);
		nth_set(self, ++nth);
		ret = tvm_dev_ioctl(self->dev, VHOST_SET_OWNER, NULL);
		happened = nth_happened(self);
		nth_set(self, 0);
		EXPECT_TRUE(ret == 0 || happened);
		if (!happened)
			break;
		ASSERT_LT(nth, (unsigned int)STEPS_MAX);
	}
}

/* Writing to a knob allocates as well, and has to get through in the end. */
static void rate_set(int fd, const char *percent)
{
	unsigned int i;

	for (i = 0; i < 10000; i++)
		if (write(fd, percent, strlen(percent)) > 0)
			return;
	EXPECT_EQ(i, 0U);
}

/*
 * Only the workers, which are threads of the owner: where the allocations of
 * file systems fail as well, there is soon no program left to run.
 */
static unsigned int workers_fail(void)
{
	struct dirent *entry;
	unsigned int nr = 0;
	char path[300];
	DIR *tasks = opendir("/proc/self/task");
	int fd;

	ASSERT_NE(tasks, NULL);
	while ((entry = readdir(tasks))) {
		if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/make-it-fail", entry->d_name);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		ASSERT_GE(fd, 0);
		EXPECT_EQ(write(fd, "1", 1), (ssize_t)1);
		close(fd);
		nr++;
	}
	closedir(tasks);
	return nr;
}

/* Requests while the worker's allocations fail: answered all the same. */
TEST_F_TIMEOUT(fault, requests, 120)
{
	uint64_t gpa = tvm_mem_alloc(&self->rig.mem, 1 << 20, 4096);
	unsigned int i, rounds = harness_rounds(400, 50), failed = 0;
	int rate, status;

	ASSERT_EQ(tvm_queue_start(self->vq), 0);
	ASSERT_GT(workers_fail(), 0U);
	knob("failslab/task-filter", "Y");
	knob("failslab/interval", "1");
	knob("failslab/times", "-1");
	rate = open("/sys/kernel/debug/failslab/probability", O_WRONLY | O_CLOEXEC);
	ASSERT_GE(rate, 0);
	rate_set(rate, "5");
	for (i = 0; i < rounds; i++) {
		status = tvm_blk_io(self->vq, i % 2 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, 0,
				    gpa + i % 3, 4096 * (1 + i % 64));
		if (status != VIRTIO_BLK_S_OK)
			failed++;
		if (status != VIRTIO_BLK_S_OK && status != VIRTIO_BLK_S_IOERR)
			break;
	}
	rate_set(rate, "0");
	close(rate);
	EXPECT_EQ(i, rounds);
	harness_note("%u of %u requests failed", failed, rounds);
	EXPECT_EQ(tvm_event_read(self->vq->err_fd), 0ULL);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0, gpa, 4096), VIRTIO_BLK_S_OK);
}

HARNESS_MAIN
