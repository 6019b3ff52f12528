// SPDX-License-Identifier: GPL-2.0-only
/*
 * serve vsock: a socket device through a vhost-user socket
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "tvm_front.h"
#include "tvm_vsock.h"

#define QUEUES	3

FIXTURE(serve_vsock) {
	struct tvm_server server;
	struct tvm_front front;
	struct tvm_vsock vsock;
	struct tvm_vsock_conn conn;
	struct tvm_vsock_packet packet;
	uint64_t event;
	uint32_t base[QUEUES];
	int fd;
};

FIXTURE_VARIANT(serve_vsock) {
	struct tvm_config cfg;
};

FIXTURE_VARIANT_ADD(serve_vsock, split) { .cfg = { .event_idx = true } };
FIXTURE_VARIANT_ADD(serve_vsock, packed) { .cfg = { .packed = true, .event_idx = true } };

FIXTURE_SETUP(serve_vsock)
{
	self->front.fd = -1;
	self->fd = -1;
	self->vsock.cid = TVM_VSOCK_CID;
	self->vsock.buffer = 4096;
	tvm_mem_create_default(&self->vsock.mem);
	self->vsock.tx = tvm_mem_alloc(&self->vsock.mem, TVM_PAGE, 64);
	self->event = tvm_mem_alloc(&self->vsock.mem, 64, 64);
	ASSERT_EQ(tvm_server_prepare(&self->server), 0);
	self->server.class = "vsock";
}

FIXTURE_TEARDOWN(serve_vsock)
{
	unsigned int i;

	close(self->fd);
	tvm_front_close(&self->front);
	for (i = 0; i < self->vsock.nr; i++)
		tvm_queue_destroy(&self->vsock.vqs[i]);
	tvm_server_remove(&self->server);
	tvm_mem_destroy(&self->vsock.mem);
}

static void queue_start(struct serve_vsock_fixture *self, unsigned int index)
{
	struct tvm_queue *vq = &self->vsock.vqs[index];
	struct tvm_front *front = &self->front;

	ASSERT_EQ(tvm_front_do_ring(front, TVM_USER_SET_VRING_NUM, index, vq->num), 0);
	ASSERT_EQ(tvm_front_do_ring(front, TVM_USER_SET_VRING_BASE, index, self->base[index]), 0);
	ASSERT_EQ(tvm_front_addr_set(front, vq), 0);
	ASSERT_EQ(tvm_front_do_ring_fd(front, TVM_USER_SET_VRING_KICK, index, vq->kick_fd), 0);
	ASSERT_EQ(tvm_front_do_ring_fd(front, TVM_USER_SET_VRING_CALL, index, vq->call_fd), 0);
	ASSERT_EQ(tvm_front_do_ring(front, TVM_USER_SET_VRING_ENABLE, index, 1), 0);
}

/* A server and a connection to it, with the queues where they are. */
static void start(struct serve_vsock_fixture *self, const struct tvm_config *cfg)
{
	char cid[16];
	unsigned int i;

	snprintf(cid, sizeof(cid), "%u", (unsigned int)self->vsock.cid);
	ASSERT_EQ(tvm_server_launch(&self->server, (const char *const []){
			"--socket", self->server.socket, "--cid", cid, NULL }, 0), 0);
	ASSERT_EQ(tvm_front_connect(&self->front, self->server.socket), 0);
	ASSERT_EQ(tvm_front_handshake(&self->front, tvm_config_features(cfg)), 0);
	ASSERT_EQ(tvm_front_mem_set(&self->front, &self->vsock.mem), 0);
	for (i = 0; i < QUEUES; i++) {
		struct tvm_queue *vq = &self->vsock.vqs[i];

		if (i == self->vsock.nr) {
			ASSERT_EQ(tvm_queue_init(vq, &self->front.dev, i, 64, cfg), 0);
			self->base[i] = tvm_queue_base(vq);
			self->vsock.nr++;
		}
		queue_start(self, i);
	}
}

/* The guest is paused, and the server is gone. */
static void stop(struct serve_vsock_fixture *self)
{
	unsigned int i;

	for (i = 0; i < QUEUES; i++)
		ASSERT_EQ(tvm_front_queue_stop(&self->front, &self->vsock.vqs[i],
					       &self->base[i]), 0);
	tvm_front_close(&self->front);
	tvm_server_stop(&self->server, SIGKILL);
}

/* Between a socket of the host and the guest, both ways. */
static void expect_works(struct serve_vsock_fixture *self)
{
	char word[4];

	self->fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	ASSERT_EQ(send(self->fd, "ping", 4, 0), 4);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RW);
	EXPECT_EQ(self->packet.len, 4U);
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RW, "pong", 4, 0);
	ASSERT_TRUE(tvm_vsock_ready(self->fd, POLLIN, TVM_VSOCK_WAIT_MS));
	EXPECT_EQ(recv(self->fd, word, 4, 0), 4);
}

static void event_buffer_add(struct serve_vsock_fixture *self)
{
	struct tvm_seg seg = { .gpa = self->event, .len = sizeof(struct virtio_vsock_event) };
	struct tvm_queue *vq = &self->vsock.vqs[TVM_VSOCK_EVENT];

	ASSERT_GE(tvm_queue_add(vq, &seg, 0, 1, NULL, 0), 0);
	tvm_queue_kick(vq);
}

/* The next server knows nothing of connections, and the driver has to hear so. */
TEST_F(serve_vsock, next_server)
{
	struct tvm_queue *events = &self->vsock.vqs[TVM_VSOCK_EVENT];
	struct tvm_used used;
	uint32_t id = ~0U;
	unsigned int i;

	start(self, &variant->cfg);
	for (i = 0; i < 8; i++)
		tvm_vsock_buffer_add(&self->vsock);
	expect_works(self);
	EXPECT_FALSE(tvm_queue_poll(events, &used));
	stop(self);
	EXPECT_EQ(tvm_vsock_socket_error(self->fd, TVM_VSOCK_WAIT_MS), ECONNRESET);
	close(self->fd);
	start(self, &variant->cfg);
	/* There is no buffer for it yet. */
	EXPECT_EQ(tvm_queue_wait(events, &used, 200), -ETIMEDOUT);
	tvm_mem_write(&self->vsock.mem, self->event, &id, sizeof(id));
	event_buffer_add(self);
	ASSERT_EQ(tvm_queue_wait(events, &used, TVM_VSOCK_WAIT_MS), 0);
	tvm_mem_read(&self->vsock.mem, self->event, &id, sizeof(id));
	EXPECT_EQ(id, (uint32_t)VIRTIO_VSOCK_EVENT_TRANSPORT_RESET);
	expect_works(self);
	event_buffer_add(self);
	EXPECT_EQ(tvm_queue_wait(events, &used, 200), -ETIMEDOUT);
}

HARNESS_MAIN
