// SPDX-License-Identifier: GPL-2.0-only
/*
 * core: what is the same for all ioctls: unknown numbers, bad pointers, indices
 * and descriptors, the wrong process
 *
 * A call that fails must change nothing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tvm_ioctl.h"

/** struct known - an ioctl of the ABI */
struct known {
	const char *name;
	unsigned long cmd;
	bool needs_owner;
	bool vring;
};

#define KNOWN(cmd, needs_owner, vring)	{ #cmd, cmd, needs_owner, vring }

static const struct known knowns[] = {
	KNOWN(VHOST_GET_FEATURES, false, false),
	KNOWN(VHOST_SET_FEATURES, false, false),
	KNOWN(VHOST_GET_FEATURES_ARRAY, false, false),
	KNOWN(VHOST_SET_FEATURES_ARRAY, false, false),
	KNOWN(VHOST_GET_BACKEND_FEATURES, false, false),
	KNOWN(VHOST_SET_BACKEND_FEATURES, false, false),
	KNOWN(VHOST_SET_FORK_FROM_OWNER, false, false),
	KNOWN(VHOST_GET_FORK_FROM_OWNER, false, false),
	KNOWN(VHOST_SET_OWNER, false, false),
	KNOWN(VHOST_RESET_OWNER, true, false),
	KNOWN(VHOST_SET_MEM_TABLE, true, false),
	KNOWN(VHOST_SET_LOG_BASE, true, false),
	KNOWN(VHOST_SET_LOG_FD, true, false),
	KNOWN(VHOST_NEW_WORKER, true, false),
	KNOWN(VHOST_FREE_WORKER, true, false),
	KNOWN(VHOST_ATTACH_VRING_WORKER, true, true),
	KNOWN(VHOST_GET_VRING_WORKER, true, true),
	KNOWN(VHOST_SET_VRING_NUM, true, true),
	KNOWN(VHOST_SET_VRING_ADDR, true, true),
	KNOWN(VHOST_SET_VRING_BASE, true, true),
	KNOWN(VHOST_GET_VRING_BASE, true, true),
	KNOWN(VHOST_SET_VRING_KICK, true, true),
	KNOWN(VHOST_SET_VRING_CALL, true, true),
	KNOWN(VHOST_SET_VRING_ERR, true, true),
	KNOWN(VHOST_SET_VRING_BUSYLOOP_TIMEOUT, true, true),
	KNOWN(VHOST_GET_VRING_BUSYLOOP_TIMEOUT, true, true),
	KNOWN(VHA_GET_INFO, false, false),
	KNOWN(VHA_GET_CONFIG, true, false),
	KNOWN(VHA_SET_CONFIG, true, false),
	KNOWN(VHA_SET_CONFIG_CALL, true, false),
	KNOWN(VHA_RESET, true, false),
	KNOWN(VHA_SUSPEND, true, false),
	KNOWN(VHA_RESUME, true, false),
	KNOWN(VHA_PIN_MEMORY, true, false),
	KNOWN(VHA_GET_STATS_FD, true, false),
	KNOWN(VHA_SET_BACKEND, true, false),
	KNOWN(VHA_SET_VRING_ENABLE, true, true),
	KNOWN(VHA_BLK_SET_PARAMS, true, false),
	KNOWN(VHOST_BLK_SET_BACKEND_2012, true, false),
	KNOWN(VHOST_BLK_SET_BACKEND_2018, true, false),
	KNOWN(VHOST_BLK_SET_BACKEND_2022_V1, true, false),
	KNOWN(VHOST_BLK_SET_BACKEND, true, false),
};

#define NR_KNOWN	(sizeof(knowns) / sizeof(knowns[0]))

FIXTURE(ioctl) {
	struct tvm_ioctl io;
};

FIXTURE_VARIANT(ioctl) {
	bool running;
};

FIXTURE_VARIANT_ADD(ioctl, stopped) { .running = false };
FIXTURE_VARIANT_ADD(ioctl, running) { .running = true };

FIXTURE_SETUP(ioctl)
{
	tvm_ioctl_create(&self->io, variant->running);
}

FIXTURE_TEARDOWN(ioctl)
{
	tvm_ioctl_destroy(&self->io);
}

static bool cmd_known(unsigned long cmd)
{
	unsigned int i;

	for (i = 0; i < NR_KNOWN; i++) {
		if (knowns[i].cmd == cmd)
			return true;
	}
	return false;
}

TEST_F(ioctl, unknown_number)
{
	static const unsigned int sizes[] = { 0, 1, 4, 8, 40, 264, 16383 };
	unsigned int nr, dir, i;
	unsigned long cmd;

	for (nr = 0; nr < 256; nr++) {
		for (dir = 0; dir < 4; dir++) {
			for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
				cmd = _IOC(dir, VHOST_VIRTIO, nr, sizes[i]);
				if (cmd_known(cmd))
					continue;
				EXPECT_MSG(tvm_dev_ioctl(self->io.dev, cmd, (void *)1) == -ENOTTY,
					   "ioctl %lx is not unknown", cmd);
			}
		}
	}
	EXPECT_EQ(tvm_dev_ioctl(self->io.dev, FIONBIO + 1, NULL), -ENOTTY);
	tvm_ioctl_alive(&self->io, variant->running);
}

/* What can not be done at all is refused before the argument is read. */
static int pointer_errno(unsigned long cmd)
{
	return cmd == VHOST_SET_FORK_FROM_OWNER ? -EBUSY : -EFAULT;
}

TEST_F(ioctl, bad_pointer)
{
	char *hole = mmap(NULL, 2 * TVM_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *bad[] = { NULL, (void *)8, hole, (void *)(~0UL << 12), (void *)-8L };
	unsigned int i, j;

	for (i = 0; i < NR_KNOWN; i++) {
		if (!_IOC_SIZE(knowns[i].cmd))
			continue;
		for (j = 0; j < sizeof(bad) / sizeof(bad[0]); j++)
			tvm_ioctl_fails(&self->io, knowns[i].name, knowns[i].cmd, bad[j],
					pointer_errno(knowns[i].cmd));
	}
	tvm_ioctl_alive(&self->io, variant->running);
}

/* The argument ends where memory ends: one byte less than it needs. */
TEST_F(ioctl, short_pointer)
{
	char *area = mmap(NULL, 2 * TVM_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i, size;

	ASSERT_EQ(mprotect(area + TVM_PAGE, TVM_PAGE, PROT_NONE), 0);
	for (i = 0; i < NR_KNOWN; i++) {
		size = _IOC_SIZE(knowns[i].cmd);
		/* Only as much of a configuration access is read as it says. */
		if (size < 2 || knowns[i].cmd == VHA_GET_CONFIG)
			continue;
		tvm_ioctl_fails(&self->io, knowns[i].name, knowns[i].cmd,
				area + TVM_PAGE - (size - 1), -EFAULT);
	}
	tvm_ioctl_alive(&self->io, variant->running);
}

/* Results can not be stored: what was done for them is undone or not done. */
TEST_F(ioctl, readonly_pointer)
{
	void *area = mmap(NULL, TVM_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vhost_worker_state worker;
	unsigned int i;

	for (i = 0; i < NR_KNOWN; i++) {
		if (!(_IOC_DIR(knowns[i].cmd) & _IOC_READ) || knowns[i].cmd == VHA_GET_CONFIG)
			continue;
		tvm_ioctl_fails(&self->io, knowns[i].name, knowns[i].cmd, area,
				knowns[i].cmd == VHOST_GET_FEATURES_ARRAY ? 0 : -EFAULT);
	}
	for (i = 1; i < self->io.dev->info.max_workers; i++)
		EXPECT_EQ(tvm_dev_ioctl(self->io.dev, VHOST_NEW_WORKER, &worker), 0);
	tvm_ioctl_alive(&self->io, variant->running);
}

TEST_F(ioctl, index_range)
{
	const uint32_t max = self->io.dev->info.max_queues;
	const uint32_t indices[] = { max, max + 1, 0x10000, 0x80000000, ~0U };
	uint32_t arg[16] = { 0 };
	unsigned int i, j;

	for (i = 0; i < NR_KNOWN; i++) {
		if (!knowns[i].vring)
			continue;
		for (j = 0; j < sizeof(indices) / sizeof(indices[0]); j++) {
			arg[0] = indices[j];
			tvm_ioctl_fails(&self->io, knowns[i].name, knowns[i].cmd, arg, -ENOBUFS);
		}
	}
	tvm_ioctl_alive(&self->io, variant->running);
}

/* Descriptors of every kind that none of the calls can use. */
static unsigned int strange_fds(int *fds, int own)
{
	unsigned int nr = 0;
	int pair[2];

	ASSERT_EQ(pipe(pair), 0);
	fds[nr++] = pair[0];
	fds[nr++] = pair[1];
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fds[nr++] = pair[0];
	fds[nr++] = socket(AF_INET, SOCK_DGRAM, 0);
	fds[nr++] = socket(AF_NETLINK, SOCK_RAW, 0);
	fds[nr++] = epoll_create1(0);
	fds[nr++] = timerfd_create(CLOCK_MONOTONIC, 0);
	fds[nr++] = open("/dev/null", O_RDWR);
	fds[nr++] = open("/dev/zero", O_RDWR);
	fds[nr++] = open("/proc/self/status", O_RDONLY);
	fds[nr++] = open("/", O_RDONLY | O_DIRECTORY);
	fds[nr++] = syscall(SYS_pidfd_open, getpid(), 0);
	fds[nr++] = own;
	return nr;
}

static void check_fd(struct ioctl_fixture *self, const struct known *known, int fd,
		     unsigned int kind)
{
	struct vhost_vring_file file = { .index = 0, .fd = fd };
	struct vha_backend backend = { .fd = fd };
	bool bare = _IOC_SIZE(known->cmd) == sizeof(int);
	void *arg = bare ? (void *)&fd : (void *)&file;
	int ret;

	if (known->cmd == VHA_SET_BACKEND)
		arg = &backend;
	tvm_ioctl_state(&self->io, self->io.before);
	ret = tvm_dev_ioctl(self->io.dev, known->cmd, arg);
	EXPECT_MSG(ret < 0 && ret != -EFAULT, "%s took descriptor of kind %u: %d",
		   known->name, kind, ret);
	tvm_ioctl_state(&self->io, self->io.after);
	EXPECT_MSG(!strcmp(self->io.before, self->io.after), "%s changed something", known->name);
}

TEST_F(ioctl, descriptor_kinds)
{
	static const struct known takers[] = {
		KNOWN(VHOST_SET_VRING_KICK, true, true),
		KNOWN(VHOST_SET_VRING_CALL, true, true),
		KNOWN(VHOST_SET_VRING_ERR, true, true),
		KNOWN(VHOST_SET_LOG_FD, true, false),
		KNOWN(VHA_SET_CONFIG_CALL, true, false),
		KNOWN(VHA_SET_BACKEND, true, false),
		KNOWN(VHOST_BLK_SET_BACKEND, true, false),
		KNOWN(VHOST_BLK_SET_BACKEND_2012, true, false),
		KNOWN(VHOST_BLK_SET_BACKEND_2018, true, false),
		KNOWN(VHOST_BLK_SET_BACKEND_2022_V1, true, false),
	};
	int fds[32], path = open("/dev/null", O_PATH), closed = dup(path);
	unsigned int i, j, nr = strange_fds(fds, self->io.dev->fd);

	close(closed);
	fds[nr++] = path;
	fds[nr++] = closed;
	fds[nr++] = -2;
	fds[nr++] = 1 << 30;
	for (i = 0; i < sizeof(takers) / sizeof(takers[0]); i++) {
		for (j = 0; j < nr; j++)
			check_fd(self, &takers[i], fds[j], j);
	}
	/* An eventfd is no disk, and a disk no eventfd. */
	check_fd(self, &takers[5], self->io.vq->kick_fd, 100);
	for (i = 0; i < 5; i++)
		check_fd(self, &takers[i], self->io.rig.disk.fd, 101);
	tvm_ioctl_alive(&self->io, variant->running);
}

/* A process that inherited the descriptor is not the owner. */
TEST_F(ioctl, other_process)
{
	uint32_t arg[80] = { 0 };
	unsigned int i;
	int status;
	pid_t pid;

	tvm_ioctl_state(&self->io, self->io.before);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int bad = 0;

		for (i = 0; i < NR_KNOWN; i++) {
			if (!knowns[i].needs_owner || knowns[i].cmd == VHA_GET_STATS_FD ||
			    knowns[i].cmd == VHA_GET_CONFIG)
				continue;
			if (tvm_dev_ioctl(self->io.dev, knowns[i].cmd, arg) == -EPERM)
				continue;
			harness_note("%s works in another process", knowns[i].name);
			bad = 1;
		}
		fflush(stdout);
		_exit(bad);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	tvm_ioctl_state(&self->io, self->io.after);
	EXPECT_EQ(strcmp(self->io.before, self->io.after), 0);
	tvm_ioctl_alive(&self->io, variant->running);
}

TEST(before_owner)
{
	uint32_t arg[80] = { 0 };
	struct tvm_dev dev;
	unsigned int i;
	int ret;

	ASSERT_EQ(tvm_dev_open(&dev, tvm_rig_node()), 0);
	for (i = 0; i < NR_KNOWN; i++) {
		if (!knowns[i].needs_owner || knowns[i].cmd == VHA_GET_STATS_FD ||
		    knowns[i].cmd == VHA_GET_CONFIG)
			continue;
		ret = tvm_dev_ioctl(&dev, knowns[i].cmd, arg);
		EXPECT_MSG(ret == -EPERM, "%s returned %d", knowns[i].name, ret);
	}
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_OWNER, NULL), 0);
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_OWNER, NULL), -EBUSY);
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_RESET_OWNER, NULL), 0);
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_OWNER, NULL), 0);
	tvm_dev_close(&dev);
}

TEST(info)
{
	static const uint64_t none[4];
	struct tvm_dev dev;

	ASSERT_EQ(tvm_dev_open(&dev, tvm_rig_node()), 0);
	EXPECT_EQ(dev.info.abi_version, (uint32_t)VHA_ABI_VERSION);
	EXPECT_EQ(dev.info.virtio_id, 2U);
	EXPECT_GE(dev.info.max_queues, 64U);
	EXPECT_EQ(dev.info.max_ring_size, 32768U);
	EXPECT_GE(dev.info.config_size, 60U);
	EXPECT_GE(dev.info.max_workers, 2U);
	EXPECT_EQ(memcmp(dev.info.reserved, none, sizeof(none)), 0);
	tvm_dev_close(&dev);
}

/* A worker is a thread of the VMM: beyond its limit there is none, and no owner. */
TEST(no_thread_left)
{
	struct rlimit none = { 0 };
	struct tvm_dev dev;
	int status;
	pid_t pid;

	ASSERT_EQ(tvm_dev_open(&dev, tvm_rig_node()), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		if (setrlimit(RLIMIT_NPROC, &none) || setresuid(65534, 65534, 65534))
			_exit(1);
		if (tvm_dev_ioctl(&dev, VHOST_SET_OWNER, NULL) != -EAGAIN)
			_exit(2);
		_exit(tvm_dev_ioctl(&dev, VHOST_RESET_OWNER, NULL) == -EPERM ? 0 : 3);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_OWNER, NULL), 0);
	tvm_dev_close(&dev);
}

/* A kernel thread counts like a thread of the user it works for. */
TEST(kernel_threads_limited)
{
	const struct rlimit four = { 4, 4 };
	struct vhost_worker_state worker = { 0 };
	uint8_t mode = VHOST_FORK_OWNER_KTHREAD;
	struct tvm_dev devs[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(tvm_dev_open(&devs[i], tvm_rig_node()), 0);
		ASSERT_EQ(tvm_dev_ioctl(&devs[i], VHOST_SET_FORK_FROM_OWNER, &mode), 0);
	}
	/* A user that has nothing but this process. */
	ASSERT_EQ(setrlimit(RLIMIT_NPROC, &four), 0);
	ASSERT_EQ(setresuid(54321, 54321, 54321), 0);
	EXPECT_EQ(tvm_dev_ioctl(&devs[0], VHOST_SET_OWNER, NULL), 0);
	EXPECT_EQ(tvm_dev_ioctl(&devs[0], VHOST_NEW_WORKER, &worker), 0);
	EXPECT_EQ(tvm_dev_ioctl(&devs[0], VHOST_NEW_WORKER, &worker), 0);
	EXPECT_EQ(tvm_dev_ioctl(&devs[0], VHOST_NEW_WORKER, &worker), -EAGAIN);
	EXPECT_EQ(tvm_dev_ioctl(&devs[1], VHOST_SET_OWNER, NULL), -EAGAIN);
	EXPECT_EQ(tvm_dev_ioctl(&devs[1], VHOST_RESET_OWNER, NULL), -EPERM);
	/* Those that end are counted no more. */
	EXPECT_EQ(tvm_dev_ioctl(&devs[0], VHOST_FREE_WORKER, &worker), 0);
	EXPECT_EQ(tvm_dev_ioctl(&devs[1], VHOST_SET_OWNER, NULL), 0);
	EXPECT_EQ(tvm_dev_ioctl(&devs[1], VHOST_NEW_WORKER, &worker), -EAGAIN);
	tvm_dev_close(&devs[0]);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(tvm_dev_ioctl(&devs[1], VHOST_NEW_WORKER, &worker), 0);
	EXPECT_EQ(tvm_dev_ioctl(&devs[1], VHOST_NEW_WORKER, &worker), -EAGAIN);
	tvm_dev_close(&devs[1]);
}

TEST(fork_from_owner)
{
	struct tvm_dev dev;
	uint8_t mode = 2;

	ASSERT_EQ(tvm_dev_open(&dev, tvm_rig_node()), 0);
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_FORK_FROM_OWNER, &mode), -EINVAL);
	for (mode = 0; mode < 2; mode++) {
		uint8_t now = 7;

		EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_FORK_FROM_OWNER, &mode), 0);
		EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_GET_FORK_FROM_OWNER, &now), 0);
		EXPECT_EQ(now, mode);
	}
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_OWNER, NULL), 0);
	mode = VHOST_FORK_OWNER_KTHREAD;
	EXPECT_EQ(tvm_dev_ioctl(&dev, VHOST_SET_FORK_FROM_OWNER, &mode), -EBUSY);
	tvm_dev_close(&dev);
}

HARNESS_MAIN
