// SPDX-License-Identifier: GPL-2.0-only
/*
 * core: what the node holds and does for a VM is charged to the VMM's cgroup
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tvm_rig.h"

#define ROOT		"/sys/fs/cgroup"
#define GROUP		ROOT "/vhatest"
#define MIB		(1024 * 1024LL)
/* Charges lag behind what they are for; each CPU holds some back. */
#define SLACK		(MIB / 2)
#define WAIT_MS		30000

#define QUEUES		8
#define ENTRIES		32768
#define READS		16
#define READ_LEN	(256 * 1024)

static const char *const disk_attrs[] = {
	"memory_backed=1", "size=32", "discard=1", NULL,
};

FIXTURE(cgroup) {
	struct tvm_rig rig;
	int64_t before;
};

FIXTURE_VARIANT(cgroup) {
	bool kernel_thread;
};

FIXTURE_VARIANT_ADD(cgroup, own_thread) { .kernel_thread = false };
FIXTURE_VARIANT_ADD(cgroup, kernel_thread) { .kernel_thread = true };

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* The number after a word of a file, on the line that begins with @line. */
static int64_t number(const char *path, const char *line, const char *word)
{
	FILE *file = fopen(path, "re");
	char text[512], *at;
	int64_t value = -1;

	while (file && fgets(text, sizeof(text), file)) {
		if (strncmp(text, line, strlen(line)))
			continue;
		at = strstr(text, word);
		if (at)
			value = atoll(at + strlen(word));
	}
	if (file)
		fclose(file);
	return value;
}

/* Memory of the kernel that is charged to the cgroup. */
static int64_t charged(void)
{
	return number(GROUP "/memory.stat", "kernel ", "kernel ");
}

/* What the machine's kernel has taken in the ways that the driver takes it. */
static int64_t taken(void)
{
	return 1024 * (number("/proc/meminfo", "Slab:", "Slab:") +
		       number("/proc/meminfo", "VmallocUsed:", "VmallocUsed:"));
}

/* The kernel updates these numbers every two seconds. */
static int64_t charged_at_least(int64_t bytes)
{
	uint64_t end = tvm_clock_ns() + harness_scaled(WAIT_MS) * 1000000ULL;
	int64_t now;

	while ((now = charged()) < bytes && tvm_clock_ns() < end)
		usleep(100000);
	return now;
}

static int64_t charged_at_most(int64_t bytes)
{
	uint64_t end = tvm_clock_ns() + harness_scaled(WAIT_MS) * 1000000ULL;
	int64_t now;

	while ((now = charged()) > bytes && tvm_clock_ns() < end)
		usleep(100000);
	return now;
}

static void group_leave(void)
{
	unsigned int i;

	put(ROOT "/cgroup.procs", "0");
	/* Those who ended are in it until they are reaped. */
	for (i = 0; i < 100 && rmdir(GROUP) && errno == EBUSY; i++)
		usleep(100000);
}

FIXTURE_SETUP(cgroup)
{
	memset(&self->rig, 0, sizeof(self->rig));
	self->rig.dev.fd = -1;
	if (!put(ROOT "/cgroup.subtree_control", "+memory") ||
	    !put(ROOT "/cgroup.subtree_control", "+io"))
		SKIP("no cgroup2 with memory and io at %s", ROOT);
	rmdir(GROUP);
	ASSERT_EQ(mkdir(GROUP, 0755), 0);
	ASSERT_TRUE(put(GROUP "/cgroup.procs", "0"));
}

FIXTURE_TEARDOWN(cgroup)
{
	tvm_rig_destroy(&self->rig);
	group_leave();
}

/* As tvm_rig_create(), but with the worker of the variant and queues not started. */
static void create(struct cgroup_fixture *self, const struct cgroup_variant *variant,
		   unsigned int queues, unsigned int num, uint64_t features)
{
	struct tvm_rig *rig = &self->rig;
	const struct tvm_rig_options options = {
		.queues = queues, .num = num, .features = features, .stopped = true,
	};
	uint8_t own_thread = !variant->kernel_thread;

	rig->queues = queues;
	tvm_mem_create_default(&rig->mem);
	ASSERT_EQ(tvm_disk_create(&rig->disk, disk_attrs), 0);
	ASSERT_EQ(tvm_dev_open(&rig->dev, tvm_rig_node()), 0);
	ASSERT_EQ(tvm_dev_ioctl(&rig->dev, VHOST_SET_FORK_FROM_OWNER, &own_thread), 0);
	ASSERT_EQ(tvm_dev_ioctl(&rig->dev, VHOST_SET_OWNER, NULL), 0);
	ASSERT_EQ(tvm_dev_mem_set(&rig->dev, &rig->mem), 0);
	ASSERT_EQ(tvm_dev_backend_set(&rig->dev, rig->disk.fd, 0), 0);
	ASSERT_EQ(tvm_rig_start(rig, &options), 0);
}

/* Rings of the largest size make the kernel hold the most. */
TEST_F(cgroup, queues)
{
	int64_t took, got, least = QUEUES * ENTRIES * (sizeof(struct vring_desc) + 16LL);
	unsigned int i;

	create(self, variant, QUEUES, ENTRIES, 0);
	self->before = charged();
	took = taken();
	for (i = 0; i < QUEUES; i++)
		ASSERT_EQ(tvm_queue_start(&self->rig.vqs[i]), 0);
	took = taken() - took;
	EXPECT_GE(took, least);
	/* All but what others took meanwhile. */
	least = took - took / 16 - SLACK;
	got = charged_at_least(self->before + least) - self->before;
	EXPECT_GE(got, least);
	harness_note("%lld KiB taken, %lld KiB charged", (long long)took / 1024,
		     (long long)got / 1024);

	tvm_dev_close(&self->rig.dev);
	EXPECT_LE(charged_at_most(self->before + SLACK), self->before + SLACK);
}

static int map_page(const struct tvm_dev *dev, unsigned int page, void *hva)
{
	const struct vhost_iotlb_msg msg = {
		.iova = 2ULL * page * TVM_PAGE, .size = TVM_PAGE,
		.uaddr = (uintptr_t)hva, .perm = VHOST_ACCESS_RW,
		.type = VHOST_IOTLB_UPDATE,
	};

	return tvm_dev_iotlb_send(dev, &msg);
}

/* A device that translates has a table, which the VMM fills. */
TEST_F(cgroup, iotlb)
{
	uint64_t backend = TVM_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2);
	struct tvm_dev devs[8];
	unsigned int i, page;
	int64_t least = 0;

	create(self, variant, 1, 64, 0);
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(tvm_dev_open(&devs[i], tvm_rig_node()), 0);
		ASSERT_EQ(tvm_dev_ioctl(&devs[i], VHOST_SET_OWNER, NULL), 0);
		ASSERT_EQ(tvm_dev_ioctl(&devs[i], VHOST_SET_BACKEND_FEATURES, &backend), 0);
		ASSERT_EQ(tvm_dev_features_set(&devs[i], TVM_BIT(VIRTIO_F_VERSION_1) |
					       TVM_BIT(VIRTIO_F_ACCESS_PLATFORM), 0), 0);
	}
	/* Devices are larger than what they translate with: let the number settle. */
	sleep(5);
	self->before = charged();
	for (i = 0; i < 8; i++) {
		for (page = 0; page < devs[i].info.max_iotlb_entries; page++)
			ASSERT_EQ(map_page(&devs[i], page, self->rig.mem.regions[0].hva), 0);
		least += devs[i].info.max_iotlb_entries * 64LL;
	}
	EXPECT_GE(charged_at_least(self->before + least) - self->before, least);
	for (i = 0; i < 8; i++)
		tvm_dev_close(&devs[i]);
	EXPECT_LE(charged_at_most(self->before + SLACK), self->before + SLACK);
}

static void throttle(const struct cgroup_fixture *self, const char *rate)
{
	struct stat st;
	char text[64];

	ASSERT_EQ(fstat(self->rig.disk.fd, &st), 0);
	snprintf(text, sizeof(text), "%u:%u rbps=%s", major(st.st_rdev), minor(st.st_rdev), rate);
	ASSERT_TRUE(put(GROUP "/io.max", text));
}

static int64_t io_stat(const struct cgroup_fixture *self, const char *word)
{
	struct stat st;
	char line[32];

	ASSERT_EQ(fstat(self->rig.disk.fd, &st), 0);
	snprintf(line, sizeof(line), "%u:%u ", major(st.st_rdev), minor(st.st_rdev));
	return number(GROUP "/io.stat", line, word);
}

/*
 * Reads to where the disk can not put them are bounced by the worker. They are held
 * up by the cgroup's own limit, so that what they hold can be seen.
 */
TEST_F_TIMEOUT(cgroup, requests, 120)
{
	static struct tvm_blk_req reqs[READS];
	static struct tvm_seg data[READS];
	int64_t least = READS * READ_LEN - SLACK;
	struct tvm_queue *vq = &self->rig.vqs[0];
	struct tvm_used used;
	unsigned int i;

	create(self, variant, 1, 64, 0);
	ASSERT_EQ(tvm_queue_start(vq), 0);
	/* The least that every kernel takes. */
	throttle(self, "2");
	self->before = charged();
	for (i = 0; i < READS; i++) {
		tvm_blk_req_init(&reqs[i], &self->rig.mem);
		data[i].gpa = tvm_mem_alloc(&self->rig.mem, READ_LEN + TVM_PAGE, TVM_PAGE) + 1;
		data[i].len = READ_LEN;
		reqs[i].type = VIRTIO_BLK_T_IN;
		reqs[i].data_in = true;
		reqs[i].data = &data[i];
		reqs[i].nr = 1;
		reqs[i].sector = i * READ_LEN / TVM_BLK_SECTOR;
		ASSERT_GE(tvm_blk_submit(vq, &reqs[i], NULL, 0), 0);
	}
	tvm_queue_notify(vq);
	EXPECT_GE(charged_at_least(self->before + least) - self->before, least);
	EXPECT_FALSE(tvm_queue_poll(vq, &used));

	throttle(self, "max");
	for (i = 0; i < READS; i++) {
		ASSERT_EQ(tvm_queue_wait(vq, &used, harness_scaled(WAIT_MS)), 0);
		tvm_blk_finish(vq, used.cookie, &used);
	}
	for (i = 0; i < READS; i++)
		EXPECT_EQ(reqs[i].result, VIRTIO_BLK_S_OK);
	EXPECT_EQ(tvm_dev_stat(&self->rig.dev, 0, "bounced"), READS);
	EXPECT_GE(io_stat(self, "rbytes="), READS * READ_LEN);
	EXPECT_LE(charged_at_most(self->before + SLACK), self->before + SLACK);
}

/* Requests that sleep are run by a workqueue, which belongs to nobody. */
TEST_F(cgroup, discards)
{
	struct tvm_queue *vq = &self->rig.vqs[0];
	struct virtio_blk_discard_write_zeroes range = { .sector = 0, .num_sectors = 2048 };
	struct tvm_blk_req req;
	struct tvm_seg data;

	create(self, variant, 1, 64, TVM_BIT(VIRTIO_BLK_F_DISCARD));
	ASSERT_EQ(tvm_queue_start(vq), 0);
	tvm_blk_req_init(&req, &self->rig.mem);
	data.gpa = tvm_mem_alloc(&self->rig.mem, sizeof(range), 16);
	data.len = sizeof(range);
	tvm_mem_write(&self->rig.mem, data.gpa, &range, sizeof(range));
	req.type = VIRTIO_BLK_T_DISCARD;
	req.data = &data;
	req.nr = 1;
	EXPECT_EQ(tvm_blk_run(vq, &req, NULL, 0), VIRTIO_BLK_S_OK);
	EXPECT_EQ(io_stat(self, "dbytes="), 2048 * TVM_BLK_SECTOR);
}

/* Starts queues until the cgroup is full; the exit status is the errno. */
static int start_all(struct cgroup_fixture *self)
{
	unsigned int i;
	int ret = 0;

	raise(SIGSTOP);
	for (i = 0; i < QUEUES && !ret; i++)
		ret = tvm_queue_start(&self->rig.vqs[i]);
	tvm_rig_destroy(&self->rig);
	return -ret;
}

/* Who may hold little gets an error for it, and nobody is killed. */
TEST_F_TIMEOUT(cgroup, limit, 120)
{
	char text[32];
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		create(self, variant, QUEUES, ENTRIES, 0);
		_exit(start_all(self));
	}
	put(ROOT "/cgroup.procs", "0");
	ASSERT_EQ(waitpid(pid, &status, WUNTRACED), pid);
	ASSERT_TRUE(WIFSTOPPED(status));
	snprintf(text, sizeof(text), "%lld",
		 (long long)number(GROUP "/memory.current", "", "") + 4 * MIB);
	ASSERT_TRUE(put(GROUP "/memory.max", text));
	ASSERT_EQ(kill(pid, SIGCONT), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(WEXITSTATUS(status), ENOMEM);
	EXPECT_EQ(number(GROUP "/memory.events", "oom_kill ", "oom_kill "), 0);
	EXPECT_GT(number(GROUP "/memory.events", "max ", "max "), 0);
}

HARNESS_MAIN
