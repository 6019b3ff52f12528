// SPDX-License-Identifier: GPL-2.0-only
/*
 * core: VMMs that die, fork, exec or close with requests in flight
 *
 * Afterwards no page is pinned, no memory is charged as locked, and the disk
 * can be removed.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tvm_rig.h"

#define SEED		41
#define IN_FLIGHT	32
#define WAIT_MS		20000
#define DIE_MS		5000

static const char *const slow_disk[] = {
	"memory_backed=1", "size=32", "irqmode=2", "completion_nsec=20000000", NULL,
};

FIXTURE(lifetime) {
	struct tvm_rig rig;
	struct tvm_queue *vq;
	int64_t pinned;
};

FIXTURE_VARIANT(lifetime) {
	struct tvm_config cfg;
	bool pin;
};

FIXTURE_VARIANT_ADD(lifetime, split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(lifetime, packed) { .cfg = { .packed = true, .event_idx = true } };
FIXTURE_VARIANT_ADD(lifetime, pinned) { .cfg = { .event_idx = true }, .pin = true };

static int64_t machine_count(const char *name)
{
	char line[128], key[64];
	int64_t value, found = -1;
	FILE *file = fopen("/proc/vmstat", "re");

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %ld", key, &value) == 2 && !strcmp(key, name))
			found = value;
	}
	if (file)
		fclose(file);
	return found;
}

/* Each CPU keeps some counts to itself for a while, unless asked for them. */
static void fold_counts(void)
{
	FILE *file = fopen("/proc/sys/vm/stat_refresh", "w");

	ASSERT_TRUE(!!file);
	fputs("1\n", file);
	fclose(file);
}

/* Pages pinned now in the whole machine. */
static int64_t pins(void)
{
	fold_counts();
	return machine_count("nr_foll_pin_acquired") - machine_count("nr_foll_pin_released");
}

/* Others may hold pins for a moment: what we leaked stays. */
static bool pins_return(int64_t to)
{
	unsigned int i;

	for (i = 0; i < 200; i++) {
		if (pins() <= to)
			return true;
		usleep(10000);
	}
	harness_note("%ld pages are still pinned", pins() - to);
	return false;
}

FIXTURE_SETUP(lifetime)
{
	struct tvm_rig_options options = {
		.cfg = variant->cfg, .disk = slow_disk, .queues = 2, .num = 64,
		.small = true,
	};

	self->pinned = pins();
	ASSERT_GE(machine_count("nr_foll_pin_acquired"), 0);
	tvm_rig_create(&self->rig, &options);
	self->vq = &self->rig.vqs[0];
}

FIXTURE_TEARDOWN(lifetime)
{
	tvm_rig_destroy(&self->rig);
	EXPECT_TRUE(pins_return(self->pinned));
}

static void pin_if(const struct tvm_dev *dev, bool pin)
{
	struct vha_pin_memory arg = { .flags = VHA_PIN_F_ENABLE };

	if (pin)
		ASSERT_EQ(tvm_dev_ioctl(dev, VHA_PIN_MEMORY, &arg), 0);
}

/* Requests of all kinds, more than one batch of them, without waiting. */
static void send_load(struct tvm_queue *vq, unsigned int nr)
{
	struct tvm_mem *mem = vq->dev->mem;
	struct tvm_blk_req *reqs = calloc(nr, sizeof(*reqs));
	struct tvm_seg *data = calloc(nr, sizeof(*data));
	unsigned int i;

	for (i = 0; i < nr; i++) {
		tvm_blk_req_init(&reqs[i], mem);
		data[i].gpa = tvm_mem_alloc(mem, 8192, 512) + (i % 3);
		data[i].len = 4096;
		reqs[i].type = i % 2 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
		reqs[i].data_in = !(i % 2);
		reqs[i].data = &data[i];
		reqs[i].nr = 1;
		reqs[i].sector = 8 * i;
		if (tvm_blk_submit(vq, &reqs[i], NULL, TVM_ADD_INDIRECT) < 0)
			break;
	}
	tvm_queue_notify(vq);
}

/* A VMM of its own that works until it is killed. */
static void __attribute__((noreturn)) vmm_main(struct lifetime_fixture *self,
					       const struct lifetime_variant *variant,
					       int ready)
{
	static struct tvm_rig rig;
	struct tvm_rig_options options = { .cfg = variant->cfg };
	struct tvm_used used;
	unsigned int i;

	tvm_mem_create_small(&rig.mem);
	if (tvm_dev_setup(&rig.dev, tvm_rig_node(), &rig.mem, self->rig.disk.fd,
			  tvm_config_features(&options.cfg)))
		_exit(1);
	pin_if(&rig.dev, variant->pin);
	for (i = 0; i < 2; i++) {
		if (tvm_queue_init(&rig.vqs[i], &rig.dev, i, 64, &options.cfg) ||
		    tvm_queue_start(&rig.vqs[i]))
			_exit(1);
	}
	if (write(ready, "x", 1) != 1)
		_exit(1);
	for (;;) {
		send_load(&rig.vqs[rand() % 2], 16);
		for (i = 0; i < 2; i++) {
			while (tvm_queue_poll(&rig.vqs[i], &used))
				;
		}
		/* Memory is never given back: start over before it runs out. */
		if (rig.mem.regions[2].next > rig.mem.regions[2].size / 2)
			_exit(2);
		usleep(rand() % 3000);
	}
}

static bool child_ends(pid_t pid, unsigned int timeout_ms)
{
	int status;
	unsigned int i;

	for (i = 0; i < timeout_ms; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return true;
		usleep(1000);
	}
	return false;
}

TEST_F_TIMEOUT(lifetime, kill, 180)
{
	unsigned int i, rounds = harness_rounds(60, 6);
	int ready[2];
	pid_t pid;
	char c;

	ASSERT_EQ(pipe(ready), 0);
	for (i = 0; i < rounds; i++) {
		fflush(stdout);
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			srand(i);
			vmm_main(self, variant, ready[1]);
		}
		/* Early rounds strike while it sets up. */
		if (i % 4 == 3)
			usleep(rand() % 20000);
		else
			ASSERT_EQ(read(ready[0], &c, 1), 1);
		usleep(rand() % 60000);
		kill(pid, SIGKILL);
		ASSERT_TRUE(child_ends(pid, harness_scaled(DIE_MS)));
	}
	/* Whoever is left still works. */
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0,
			     tvm_mem_alloc(&self->rig.mem, 4096, 4096), 4096),
		  VIRTIO_BLK_S_OK);
}

TEST_F(lifetime, close_in_flight)
{
	unsigned int i;

	pin_if(&self->rig.dev, variant->pin);
	for (i = 0; i < 2; i++)
		send_load(&self->rig.vqs[i], IN_FLIGHT);
	usleep(2000);
	tvm_dev_close(&self->rig.dev);
	/* close() waited: nothing may refer to the guest's memory any more. */
	EXPECT_TRUE(pins_return(self->pinned));
}

/* The last reference goes with munmap and exit, not with close. */
TEST_F(lifetime, unmap_in_flight)
{
	unsigned int i;

	pin_if(&self->rig.dev, variant->pin);
	send_load(self->vq, IN_FLIGHT);
	for (i = 0; i < self->rig.mem.nr; i++)
		ASSERT_EQ(munmap(self->rig.mem.regions[i].hva, self->rig.mem.regions[i].size),
			  0);
	self->rig.mem.nr = 0;
	usleep(50000);
	tvm_dev_close(&self->rig.dev);
	EXPECT_TRUE(pins_return(self->pinned));
}

/* A child holds the node when the owner dies: still no page stays pinned. */
TEST_F(lifetime, owner_dies_child_lives)
{
	int hold[2], ready[2], status;
	pid_t owner;
	char c;

	ASSERT_EQ(pipe(hold), 0);
	ASSERT_EQ(pipe(ready), 0);
	fflush(stdout);
	owner = fork();
	ASSERT_GE(owner, 0);
	if (!owner) {
		static struct tvm_rig rig;

		tvm_mem_create_small(&rig.mem);
		if (tvm_dev_setup(&rig.dev, tvm_rig_node(), &rig.mem, self->rig.disk.fd,
				  tvm_config_features(&variant->cfg)))
			_exit(1);
		pin_if(&rig.dev, variant->pin);
		if (tvm_queue_init(&rig.vqs[0], &rig.dev, 0, 64, &variant->cfg) ||
		    tvm_queue_start(&rig.vqs[0]))
			_exit(1);
		if (!fork()) {
			struct tvm_dev copy = rig.dev;
			bool bad;

			close(hold[1]);
			(void)!read(hold[0], &c, 1);
			/* Not its address space, so not its device. */
			bad = tvm_queue_stop(&rig.vqs[0], NULL) != -EPERM ||
			      tvm_dev_ioctl(&copy, VHA_RESET, NULL) != -EPERM;
			(void)!write(ready[1], bad ? "b" : "g", 1);
			_exit(0);
		}
		send_load(&rig.vqs[0], IN_FLIGHT);
		(void)!write(ready[1], "x", 1);
		pause();
	}
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	ASSERT_EQ(c, 'x');
	kill(owner, SIGKILL);
	ASSERT_EQ(waitpid(owner, &status, 0), owner);
	close(hold[0]);
	close(hold[1]);
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	EXPECT_EQ(c, 'g');
}

/* The node is closed on exec; what replaces the program has no worker. */
TEST_F(lifetime, exec_in_flight)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		static struct tvm_rig rig;

		tvm_mem_create_small(&rig.mem);
		if (tvm_dev_setup(&rig.dev, tvm_rig_node(), &rig.mem, self->rig.disk.fd,
				  tvm_config_features(&variant->cfg)) ||
		    tvm_queue_init(&rig.vqs[0], &rig.dev, 0, 64, &variant->cfg) ||
		    tvm_queue_start(&rig.vqs[0]))
			_exit(1);
		pin_if(&rig.dev, variant->pin);
		send_load(&rig.vqs[0], IN_FLIGHT);
		execl("/bin/sh", "sh", "-c", "exit $(($(ls /proc/$$/task | wc -l) - 1))",
		      NULL);
		_exit(1);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0,
			     tvm_mem_alloc(&self->rig.mem, 4096, 4096), 4096),
		  VIRTIO_BLK_S_OK);
}

/* fork() must not make the child's copy what the device writes to. */
TEST_F(lifetime, fork_in_flight)
{
	struct tvm_seg data = { tvm_mem_alloc(&self->rig.mem, 4096, 4096), 4096 };
	struct tvm_blk_req req;
	struct tvm_used used;
	pid_t pid;

	tvm_rig_disk_fill(&self->rig, SEED);
	tvm_blk_req_init(&req, &self->rig.mem);
	req.type = VIRTIO_BLK_T_IN;
	req.data = &data;
	req.nr = 1;
	req.data_in = true;
	ASSERT_GE(tvm_blk_submit(self->vq, &req, NULL, 0), 0);
	tvm_queue_notify(self->vq);
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(0);
	ASSERT_EQ(tvm_queue_wait(self->vq, &used, harness_scaled(WAIT_MS)), 0);
	EXPECT_TRUE(tvm_pattern_check(tvm_mem_ptr(&self->rig.mem, data.gpa, 4096), 4096, SEED));
	waitpid(pid, NULL, 0);
}

/* Everything that was charged is given back, however it ends. */
TEST_F(lifetime, repeat)
{
	unsigned int i, rounds = harness_rounds(100, 10);

	for (i = 0; i < rounds; i++) {
		struct tvm_mem mem;
		struct tvm_queue vq;
		struct tvm_dev dev;

		tvm_mem_create_small(&mem);
		ASSERT_EQ(tvm_dev_setup(&dev, tvm_rig_node(), &mem, self->rig.disk.fd,
					tvm_config_features(&variant->cfg)), 0);
		ASSERT_EQ(tvm_queue_init(&vq, &dev, 0, 256, &variant->cfg), 0);
		ASSERT_EQ(tvm_queue_start(&vq), 0);
		send_load(&vq, i % IN_FLIGHT);
		if (i % 2)
			tvm_queue_stop(&vq, NULL);
		tvm_dev_close(&dev);
		tvm_queue_destroy(&vq);
		tvm_mem_destroy(&mem);
	}
	tvm_dev_close(&self->rig.dev);
	EXPECT_TRUE(pins_return(self->pinned));
}

/* Guest memory that never answers holds up its own VMM and nobody else. */
TEST_F(lifetime, stalled_page)
{
	int ready[2];
	pid_t pid;
	char c;

	ASSERT_EQ(pipe(ready), 0);
	fflush(stdout);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		static struct tvm_rig rig;
		uint64_t gpa;

		tvm_mem_create_small(&rig.mem);
		gpa = tvm_mem_alloc(&rig.mem, 16 * TVM_PAGE, TVM_PAGE);
		if (tvm_stall(tvm_mem_ptr(&rig.mem, gpa, TVM_PAGE), 16 * TVM_PAGE) < 0)
			_exit(1);
		if (tvm_dev_setup(&rig.dev, tvm_rig_node(), &rig.mem, self->rig.disk.fd,
				  tvm_config_features(&variant->cfg)) ||
		    tvm_queue_init(&rig.vqs[0], &rig.dev, 0, 64, &variant->cfg) ||
		    tvm_queue_start(&rig.vqs[0]))
			_exit(1);
		(void)!write(ready[1], "x", 1);
		tvm_blk_io(&rig.vqs[0], VIRTIO_BLK_T_IN, 0, gpa, 4096);
		_exit(0);
	}
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	usleep(200000);
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0,
			     tvm_mem_alloc(&self->rig.mem, 4096, 4096), 4096),
		  VIRTIO_BLK_S_OK);
	kill(pid, SIGKILL);
	EXPECT_TRUE(child_ends(pid, harness_scaled(DIE_MS)));
}

/* Opening until something runs out, then all works again. */
TEST_F(lifetime, many_open)
{
	unsigned int i, nr = harness_rounds(300, 30);
	struct tvm_dev *devs = calloc(nr, sizeof(*devs));

	for (i = 0; i < nr; i++) {
		ASSERT_EQ(tvm_dev_open(&devs[i], tvm_rig_node()), 0);
		ASSERT_EQ(tvm_dev_ioctl(&devs[i], VHOST_SET_OWNER, NULL), 0);
	}
	EXPECT_EQ(tvm_blk_io(self->vq, VIRTIO_BLK_T_IN, 0,
			     tvm_mem_alloc(&self->rig.mem, 4096, 4096), 4096),
		  VIRTIO_BLK_S_OK);
	for (i = 0; i < nr; i++)
		tvm_dev_close(&devs[i]);
	free(devs);
}

HARNESS_MAIN
