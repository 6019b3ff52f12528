// SPDX-License-Identifier: GPL-2.0-only
/*
 * vsock: resets, events, the dirty log, VMMs that die, and races of all these
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_vsock.h"

FIXTURE(life) {
	struct tvm_vsock vsock;
	struct tvm_vsock_conn conn;
	struct tvm_vsock_packet packet;
	struct tvm_vsock_options options;
	uint64_t *bitmap;
	volatile bool stop;
};

FIXTURE_VARIANT(life) {
	struct tvm_config cfg;
};

TVM_RIG_TWO_FORMATS(life);

FIXTURE_SETUP(life)
{
	self->options = (struct tvm_vsock_options) {
		.cfg = variant->cfg, .cid = TVM_VSOCK_CID, .event = true,
	};
	self->vsock.dev.fd = -1;
}

FIXTURE_TEARDOWN(life)
{
	if (self->vsock.nr)
		tvm_vsock_destroy(&self->vsock);
	free(self->bitmap);
}

static void event_buffer_add(struct tvm_vsock *vsock, uint64_t gpa)
{
	struct tvm_seg seg = { gpa, sizeof(struct virtio_vsock_event) };

	ASSERT_GE(tvm_queue_add(&vsock->vqs[TVM_VSOCK_EVENT], &seg, 0, 1, NULL, 0), 0);
	tvm_queue_kick(&vsock->vqs[TVM_VSOCK_EVENT]);
}

/* The event waits: for the queue, for a buffer, and comes once. */
TEST_F(life, transport_reset)
{
	struct tvm_vsock *vsock = &self->vsock;
	struct tvm_used used;
	uint32_t id = ~0U;
	uint64_t gpa;

	self->options.stopped = true;
	tvm_vsock_create(vsock, &self->options);
	gpa = tvm_mem_alloc(&vsock->mem, 64, 64);
	tvm_mem_write(&vsock->mem, gpa, &id, sizeof(id));
	ASSERT_EQ(tvm_dev_ioctl(&vsock->dev, VHA_VSOCK_TRANSPORT_RESET, NULL), 0);
	ASSERT_EQ(tvm_vsock_run(vsock, 1), 0);
	usleep(100000);
	EXPECT_FALSE(tvm_queue_poll(&vsock->vqs[TVM_VSOCK_EVENT], &used));
	event_buffer_add(vsock, gpa);
	ASSERT_EQ(tvm_queue_wait(&vsock->vqs[TVM_VSOCK_EVENT], &used, TVM_VSOCK_WAIT_MS), 0);
	EXPECT_EQ(used.len, sizeof(id));
	tvm_mem_read(&vsock->mem, gpa, &id, sizeof(id));
	EXPECT_EQ(id, (uint32_t)VIRTIO_VSOCK_EVENT_TRANSPORT_RESET);
	event_buffer_add(vsock, gpa);
	EXPECT_EQ(tvm_queue_wait(&vsock->vqs[TVM_VSOCK_EVENT], &used, 200), -ETIMEDOUT);
	ASSERT_EQ(tvm_dev_ioctl(&vsock->dev, VHA_VSOCK_TRANSPORT_RESET, NULL), 0);
	EXPECT_EQ(tvm_queue_wait(&vsock->vqs[TVM_VSOCK_EVENT], &used, TVM_VSOCK_WAIT_MS), 0);
}

/* A buffer that does not take it does not lose it. */
TEST_F(life, transport_reset_short_buffer)
{
	struct tvm_vsock *vsock = &self->vsock;
	struct tvm_queue *vq = &vsock->vqs[TVM_VSOCK_EVENT];
	struct tvm_seg seg = { .len = sizeof(uint32_t) - 1 };
	struct tvm_used used;

	tvm_vsock_create(vsock, &self->options);
	seg.gpa = tvm_mem_alloc(&vsock->mem, 64, 64);
	ASSERT_EQ(tvm_dev_ioctl(&vsock->dev, VHA_VSOCK_TRANSPORT_RESET, NULL), 0);
	ASSERT_GE(tvm_queue_add(vq, &seg, 0, 1, NULL, 0), 0);
	tvm_queue_kick(vq);
	ASSERT_EQ(tvm_queue_wait(vq, &used, TVM_VSOCK_WAIT_MS), 0);
	EXPECT_EQ(used.len, 0U);
	EXPECT_EQ(tvm_dev_stat(&vsock->dev, TVM_VSOCK_EVENT, "malformed"), 1);
	event_buffer_add(vsock, seg.gpa);
	ASSERT_EQ(tvm_queue_wait(vq, &used, TVM_VSOCK_WAIT_MS), 0);
	EXPECT_EQ(used.len, sizeof(uint32_t));
}

TEST_F(life, transport_reset_ends_connections)
{
	int fd;

	tvm_vsock_create(&self->vsock, &self->options);
	fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	ASSERT_EQ(tvm_dev_ioctl(&self->vsock.dev, VHA_VSOCK_TRANSPORT_RESET, NULL), 0);
	EXPECT_EQ(tvm_vsock_socket_error(fd, TVM_VSOCK_WAIT_MS), ECONNRESET);
	close(fd);
	/* The host's socket knows of no more than a reset. */
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RST);
	fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	close(fd);
}

/* The driver starts anew in the middle: its new connections work. */
TEST_F(life, guest_reset)
{
	uint64_t features;
	int fd, other;

	tvm_vsock_create(&self->vsock, &self->options);
	features = self->vsock.dev.features[0];
	fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	ASSERT_EQ(send(fd, "lost", 4, 0), 4);
	ASSERT_EQ(tvm_dev_ioctl(&self->vsock.dev, VHA_RESET, NULL), 0);
	ASSERT_EQ(send(fd, "late", 4, 0), 4);
	ASSERT_EQ(tvm_dev_features_set(&self->vsock.dev, features, 0), 0);
	tvm_queue_reset(&self->vsock.vqs[TVM_VSOCK_RX]);
	tvm_queue_reset(&self->vsock.vqs[TVM_VSOCK_TX]);
	tvm_vsock_buffer_add(&self->vsock);
	tvm_vsock_buffer_add(&self->vsock);
	ASSERT_EQ(tvm_queue_configure(&self->vsock.vqs[TVM_VSOCK_RX]), 0);
	ASSERT_EQ(tvm_queue_configure(&self->vsock.vqs[TVM_VSOCK_TX]), 0);
	ASSERT_EQ(tvm_vsock_run(&self->vsock, 1), 0);
	/* What the new driver knows nothing of it resets. */
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RW);
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RST, NULL, 0, 0);
	EXPECT_TRUE(tvm_vsock_ready(fd, POLLIN, TVM_VSOCK_WAIT_MS));
	while (!tvm_vsock_take(&self->vsock, &self->packet, 100))
		;
	other = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	close(other);
	close(fd);
}

/* A connection ends when the VMM closes the device. */
TEST_F(life, close)
{
	char byte;
	int fd;

	tvm_vsock_create(&self->vsock, &self->options);
	fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	tvm_dev_close(&self->vsock.dev);
	EXPECT_EQ(tvm_vsock_socket_error(fd, TVM_VSOCK_WAIT_MS), ECONNRESET);
	EXPECT_LE(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	EXPECT_EQ(send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT), -1);
	close(fd);
}

/* A VMM that is killed with packets under way to it and from it. */
TEST_F(life, killed)
{
	int fd = tvm_vsock_socket(SOCK_STREAM);
	int ready[2], status;
	char byte;
	pid_t pid;

	ASSERT_EQ(pipe(ready), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		tvm_vsock_create(&self->vsock, &self->options);
		ASSERT_EQ(write(ready[1], "r", 1), 1);
		tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_REQUEST);
		tvm_vsock_conn_init(&self->conn, &self->vsock, VIRTIO_VSOCK_TYPE_STREAM,
				    TVM_VSOCK_PORT, self->packet.hdr.src_port);
		tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RESPONSE, NULL, 0, 0);
		for (;;)
			tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_CREDIT_REQUEST, NULL,
					    0, 0);
	}
	/* What fails in the child ends the test here. */
	close(ready[1]);
	ASSERT_EQ(read(ready[0], &byte, 1), 1);
	ASSERT_EQ(tvm_vsock_connect(fd, TVM_VSOCK_CID, TVM_VSOCK_PORT), -EINPROGRESS);
	ASSERT_EQ(tvm_vsock_socket_error(fd, TVM_VSOCK_WAIT_MS), 0);
	while (send(fd, self->packet.data, sizeof(self->packet.data), MSG_DONTWAIT) > 0)
		;
	usleep(50000);
	ASSERT_EQ(kill(pid, SIGKILL), 0);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(WTERMSIG(status), SIGKILL);
	EXPECT_TRUE(tvm_vsock_ready(fd, POLLHUP, TVM_VSOCK_WAIT_MS));
	close(fd);
	/* The CID is free again. */
	tvm_vsock_create(&self->vsock, &self->options);
}

#define HEIRS	64

/* Takes the CID as soon as it can be had. */
static void *inherit(void *arg)
{
	struct life_fixture *self = arg;
	uint64_t cid = TVM_VSOCK_CID;
	int fd = open(tvm_vsock_node(), O_RDWR | O_CLOEXEC);

	while (!self->stop && ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &cid))
		;
	return (void *)(intptr_t)fd;
}

/* Connections end with the guest they were made with, whoever has its CID next. */
TEST_F_TIMEOUT(life, next_owner, 240)
{
	unsigned int round, rounds = harness_rounds(40, 10), i;
	int fds[HEIRS];
	pthread_t heir;
	void *fd;

	for (round = 0; round < rounds; round++) {
		tvm_vsock_create(&self->vsock, &self->options);
		for (i = 0; i < HEIRS; i++)
			fds[i] = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
		ASSERT_EQ(pthread_create(&heir, NULL, inherit, self), 0);
		usleep(1000 * (round % 4));
		tvm_vsock_destroy(&self->vsock);
		self->vsock.nr = 0;
		ASSERT_EQ(pthread_join(heir, &fd), 0);
		for (i = 0; i < HEIRS; i++) {
			EXPECT_EQ(tvm_vsock_socket_error(fds[i], 0), ECONNRESET);
			close(fds[i]);
		}
		close((int)(intptr_t)fd);
	}
}

/* A program of the host in the middle of a call. */
struct caller {
	pthread_t thread;
	const struct tvm_vsock *vsock;
	int fd;
	void *data;
	uint64_t cid;
	int result;
	volatile bool done;
};

static void *call_send(void *arg)
{
	struct caller *caller = arg;

	caller->result = send(caller->fd, caller->data, 64, MSG_NOSIGNAL);
	caller->done = true;
	return NULL;
}

static void *call_cid_set(void *arg)
{
	struct caller *caller = arg;

	caller->result = tvm_vsock_cid_set(&caller->vsock->dev, caller->cid);
	caller->done = true;
	return NULL;
}

/* A packet that the device took and can not deliver yet, as a program has the socket. */
static void packet_under_way(struct life_fixture *self, int64_t chains)
{
	struct tvm_queue *vq = &self->vsock.vqs[TVM_VSOCK_TX];
	struct tvm_seg seg = { self->vsock.tx, TVM_VSOCK_HEADER };
	struct virtio_vsock_hdr hdr;

	tvm_vsock_conn_header(&self->conn, &hdr, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0);
	tvm_mem_write(&self->vsock.mem, seg.gpa, &hdr, sizeof(hdr));
	ASSERT_GE(tvm_queue_add(vq, &seg, 1, 0, NULL, 0), 0);
	tvm_queue_kick(vq);
	while (tvm_dev_stat(&self->vsock.dev, TVM_VSOCK_TX, "chains") == chains)
		usleep(1000);
}

/* A CID changes: not before what came in under the old one is where it belongs. */
TEST_F(life, cid_under_way)
{
	void *page = mmap(NULL, TVM_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	struct tvm_vsock *vsock = &self->vsock;
	struct caller sender = { .data = page };
	struct caller changer = { .vsock = vsock, .cid = TVM_VSOCK_CID + 1 };
	struct tvm_used used;
	int stall;

	ASSERT_NE(page, MAP_FAILED);
	stall = tvm_stall(page, TVM_PAGE);
	ASSERT_GE(stall, 0);
	tvm_vsock_create(vsock, &self->options);
	sender.fd = tvm_vsock_conn_accept(&self->conn, vsock, SOCK_STREAM);
	ASSERT_EQ(pthread_create(&sender.thread, NULL, call_send, &sender), 0);
	ASSERT_TRUE(tvm_stall_wait(stall, TVM_VSOCK_WAIT_MS));
	packet_under_way(self, tvm_dev_stat(&vsock->dev, TVM_VSOCK_TX, "chains"));
	ASSERT_EQ(pthread_create(&changer.thread, NULL, call_cid_set, &changer), 0);
	usleep(300000);
	EXPECT_FALSE(changer.done);
	tvm_stall_end(stall);
	pthread_join(sender.thread, NULL);
	pthread_join(changer.thread, NULL);
	EXPECT_EQ(changer.result, 0);
	ASSERT_EQ(tvm_queue_wait(&vsock->vqs[TVM_VSOCK_TX], &used, TVM_VSOCK_WAIT_MS), 0);
	EXPECT_EQ(tvm_vsock_socket_error(sender.fd, TVM_VSOCK_WAIT_MS), ECONNRESET);
	close(sender.fd);
	munmap(page, TVM_PAGE);
}

/* Each page of the guest that data is written to is in the log. */
TEST_F(life, dirty_log)
{
	struct tvm_vsock *vsock = &self->vsock;
	uint64_t base, features, gpa, page;
	int fd;

	tvm_vsock_create(vsock, &self->options);
	self->bitmap = calloc(tvm_mem_end(&vsock->mem) / TVM_PAGE / 64 + 1, 8);
	ASSERT_TRUE(self->bitmap);
	base = (uintptr_t)self->bitmap;
	fd = tvm_vsock_conn_accept(&self->conn, vsock, SOCK_STREAM);
	ASSERT_EQ(tvm_dev_ioctl(&vsock->dev, VHOST_SET_LOG_BASE, &base), 0);
	features = vsock->dev.features[0] | TVM_BIT(VHOST_F_LOG_ALL);
	ASSERT_EQ(tvm_dev_ioctl(&vsock->dev, VHOST_SET_FEATURES, &features), 0);
	ASSERT_EQ(send(fd, self->packet.data, 20000, 0), 20000);
	for (base = 0; base < 20000; base += self->packet.len) {
		ASSERT_EQ(tvm_vsock_get(vsock, &self->packet, TVM_VSOCK_WAIT_MS), 0);
		gpa = vsock->spare[vsock->nr_spare - 1];
		for (page = gpa / TVM_PAGE;
		     page <= (gpa + TVM_VSOCK_HEADER + self->packet.len - 1) / TVM_PAGE; page++)
			EXPECT_MSG(self->bitmap[page / 64] & TVM_BIT(page % 64),
				   "page %llx is not in the log", (unsigned long long)page);
	}
	features &= ~TVM_BIT(VHOST_F_LOG_ALL);
	ASSERT_EQ(tvm_dev_ioctl(&vsock->dev, VHOST_SET_FEATURES, &features), 0);
	close(fd);
}

/* Who connects while devices come and go. */
static void *connect_storm(void *arg)
{
	struct life_fixture *self = arg;
	unsigned int i = 0;
	char byte = 0;

	while (!self->stop) {
		int type = i++ & 1 ? SOCK_STREAM : SOCK_SEQPACKET;
		int fd = socket(AF_VSOCK, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		if (fd < 0)
			continue;
		tvm_vsock_connect(fd, TVM_VSOCK_CID + i % 3, TVM_VSOCK_PORT);
		if (i % 4 == 0)
			tvm_vsock_ready(fd, POLLOUT, 1);
		if (send(fd, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && i % 5 == 0)
			tvm_vsock_connect(fd, TVM_VSOCK_CID, TVM_VSOCK_PORT);
		close(fd);
	}
	return NULL;
}

static void storm_round(struct life_fixture *self, unsigned int i)
{
	struct tvm_vsock *vsock = &self->vsock;
	unsigned int n;

	self->options.cid = TVM_VSOCK_CID + i % 3;
	tvm_vsock_create(vsock, &self->options);
	for (n = 0; n < i % 20; n++) {
		if (tvm_vsock_take(vsock, &self->packet, 5))
			break;
		if (self->packet.hdr.op != VIRTIO_VSOCK_OP_REQUEST)
			continue;
		tvm_vsock_conn_init(&self->conn, vsock, self->packet.hdr.type,
				    self->packet.hdr.dst_port, self->packet.hdr.src_port);
		tvm_vsock_conn_send(&self->conn, i & 1 ? VIRTIO_VSOCK_OP_RESPONSE :
				    VIRTIO_VSOCK_OP_RST, NULL, 0, 0);
	}
	if (i % 7 == 0)
		tvm_vsock_cid_set(&vsock->dev, TVM_VSOCK_CID + (i + 1) % 3);
	if (i % 5 == 0)
		tvm_vsock_run(vsock, 0);
	tvm_vsock_destroy(vsock);
	vsock->nr = 0;
}

/* Devices that open, take a CID, serve and close against all of that. */
TEST_F_TIMEOUT(life, storm, 240)
{
	unsigned int i, rounds = harness_rounds(500, 60);
	pthread_t threads[3];
	int fd;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, connect_storm, self), 0);
	for (i = 0; i < rounds; i++)
		storm_round(self, i);
	self->stop = true;
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	self->options.cid = 0;
	tvm_vsock_create(&self->vsock, &self->options);
	while (!tvm_vsock_take(&self->vsock, &self->packet, 200))
		;
	fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	close(fd);
}

HARNESS_MAIN
