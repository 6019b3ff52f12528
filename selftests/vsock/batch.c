// SPDX-License-Identifier: GPL-2.0-only
/*
 * vsock: packets that share a buffer on their way to the guest, or the way to a
 * socket of the host
 */
#include <poll.h>
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_vsock.h"

#define LOCAL	1025
#define ROOM	(1U << 20)

FIXTURE(batch) {
	struct tvm_vsock vsock;
	struct tvm_vsock_conn conn;
	struct tvm_vsock_conn other;
	struct tvm_vsock_packet packet;
	uint8_t data[ROOM];
	uint8_t back[ROOM];
	uint64_t memory;
	uint32_t filled;
	int listener;
	int fd;
	int other_fd;
};

FIXTURE_VARIANT(batch) {
	struct tvm_config cfg;
};

TVM_RIG_TWO_FORMATS(batch);

FIXTURE_SETUP(batch)
{
	const struct tvm_vsock_options options = { .cfg = variant->cfg };

	tvm_pattern_fill(self->data, ROOM, 3);
	tvm_vsock_create(&self->vsock, &options);
	self->memory = tvm_mem_alloc(&self->vsock.mem, ROOM, 64);
	self->listener = tvm_vsock_listen(TVM_VSOCK_PORT, SOCK_STREAM);
	tvm_vsock_conn_init(&self->conn, &self->vsock, VIRTIO_VSOCK_TYPE_STREAM, LOCAL,
			    TVM_VSOCK_PORT);
	self->fd = tvm_vsock_conn_connect(&self->conn, self->listener);
	tvm_vsock_conn_init(&self->other, &self->vsock, VIRTIO_VSOCK_TYPE_STREAM, LOCAL + 1,
			    TVM_VSOCK_PORT);
	self->other_fd = tvm_vsock_conn_connect(&self->other, self->listener);
}

FIXTURE_TEARDOWN(batch)
{
	close(self->fd);
	close(self->other_fd);
	close(self->listener);
	tvm_vsock_destroy(&self->vsock);
}

static int64_t stat(const struct batch_fixture *self, unsigned int queue, const char *name)
{
	return tvm_dev_stat(&self->vsock.dev, queue, name);
}

/* Makes a packet available; the device does not hear of it yet. */
static void add_at(struct batch_fixture *self, struct tvm_vsock_conn *conn, const uint8_t *data,
		   uint32_t len, uint64_t gpa)
{
	uint64_t head = self->memory + self->filled;
	struct tvm_seg segs[] = { { head, TVM_VSOCK_HEADER }, { gpa, len } };
	struct virtio_vsock_hdr hdr;

	ASSERT_LE(self->filled + 64 + len, ROOM);
	if (!gpa) {
		segs[1].gpa = head + TVM_VSOCK_HEADER;
		tvm_mem_write(&self->vsock.mem, segs[1].gpa, data, len);
	}
	tvm_vsock_conn_header(conn, &hdr, VIRTIO_VSOCK_OP_RW, len);
	tvm_mem_write(&self->vsock.mem, head, &hdr, sizeof(hdr));
	ASSERT_GE(tvm_queue_add(&self->vsock.vqs[TVM_VSOCK_TX], segs, 2, 0, NULL, 0), 0);
	self->filled += 64 + len;
}

static void add(struct batch_fixture *self, struct tvm_vsock_conn *conn, const uint8_t *data,
		uint32_t len)
{
	add_at(self, conn, data, len, 0);
}

/* Now it hears of all of them, and returns them. */
static void kick(struct batch_fixture *self, unsigned int nr)
{
	struct tvm_queue *vq = &self->vsock.vqs[TVM_VSOCK_TX];
	struct tvm_used used;

	tvm_queue_kick(vq);
	while (nr--) {
		ASSERT_EQ(tvm_queue_wait(vq, &used, TVM_VSOCK_WAIT_MS), 0);
		EXPECT_EQ(used.len, 0U);
	}
	self->filled = 0;
}

/* Reads until there is nothing more; returns bytes. */
static size_t read_all(struct batch_fixture *self, int fd)
{
	size_t got = 0;
	ssize_t n;

	while ((n = recv(fd, self->back + got, ROOM - got, MSG_DONTWAIT)) > 0)
		got += n;
	return got;
}

/* Of every size, where packets end and pages do not. */
TEST_F(batch, from_guest)
{
	static const uint32_t sizes[] = {
		4096, 4096, 2048, 3000, 64, 1, 5000, 2047, 128, 129, 100, 1, 4096, 8192, 20000,
		65536, 4096, 3000, 40000, 2048, 2048, 10000,
	};
	unsigned int i, n = sizeof(sizes) / sizeof(sizes[0]);
	size_t sent = 0;

	for (i = 0; i < n; i++) {
		add(self, &self->conn, self->data + sent, sizes[i]);
		sent += sizes[i];
	}
	kick(self, n);
	EXPECT_EQ(read_all(self, self->fd), sent);
	EXPECT_EQ(memcmp(self->back, self->data, sent), 0);
	EXPECT_GT(stat(self, TVM_VSOCK_TX, "joined"), 8);
	EXPECT_EQ(stat(self, TVM_VSOCK_TX, "bytes"), (int64_t)sent);
	/* All of it counts for the guest's credit. */
	ASSERT_EQ(send(self->fd, "x", 1, 0), 1);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RW);
	EXPECT_EQ(self->packet.hdr.fwd_cnt, sent);
}

/* Two connections take turns: nothing goes where it does not belong. */
TEST_F(batch, from_guest_two)
{
	const uint8_t *other = self->data + 3;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		add(self, &self->conn, self->data + i * 8192, 4096);
		add(self, &self->conn, self->data + i * 8192 + 4096, 4096);
		add(self, &self->other, other + i * 8192, 4096);
		add(self, &self->other, other + i * 8192 + 4096, 4096);
	}
	kick(self, 12);
	EXPECT_EQ(stat(self, TVM_VSOCK_TX, "joined"), 6);
	EXPECT_EQ(read_all(self, self->fd), 3 * 8192U);
	EXPECT_EQ(memcmp(self->back, self->data, 3 * 8192), 0);
	EXPECT_EQ(read_all(self, self->other_fd), 3 * 8192U);
	EXPECT_EQ(memcmp(self->back, other, 3 * 8192), 0);
}

/*
 * A small buffer, of which the program takes one half and waits for more than the other:
 * the guest hears that it has room.
 */
TEST_F(batch, from_guest_small_buffer)
{
	uint64_t size = 8192;
	int lowat = 8000;

	ASSERT_EQ(setsockopt(self->fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size, sizeof(size)),
		  0);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	EXPECT_EQ(self->packet.hdr.buf_alloc, size);
	add(self, &self->conn, self->data, 4096);
	add(self, &self->conn, self->data + 4096, 4096);
	kick(self, 2);
	ASSERT_EQ(recv(self->fd, self->back, 4096, 0), 4096);
	ASSERT_EQ(setsockopt(self->fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat)), 0);
	do {
		tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	} while (self->packet.hdr.fwd_cnt != 4096);
	add(self, &self->conn, self->data + 8192, 4096);
	kick(self, 1);
	ASSERT_EQ(recv(self->fd, self->back + 4096, 8192, 0), 8192);
	EXPECT_EQ(memcmp(self->back, self->data, 3 * 4096), 0);
}

/* What came before the data that is not there arrives, and nothing after it. */
TEST_F(batch, from_guest_hole)
{
	add(self, &self->conn, self->data, 4096);
	add(self, &self->conn, self->data + 4096, 3000);
	add_at(self, &self->conn, NULL, 4096, 1ULL << 40);
	add(self, &self->conn, self->data + 7096, 4096);
	kick(self, 4);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RST);
	EXPECT_EQ(self->packet.hdr.dst_port, (uint32_t)LOCAL);
	EXPECT_EQ(read_all(self, self->fd), 7096U);
	EXPECT_EQ(memcmp(self->back, self->data, 7096), 0);
	EXPECT_EQ(stat(self, TVM_VSOCK_TX, "malformed"), 1);
	EXPECT_EQ(send(self->fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL), -1);
}

/* A part of it is in the guest's memory: none of it arrives. */
TEST_F(batch, from_guest_half)
{
	const struct tvm_mem *mem = &self->vsock.mem;
	uint64_t end = mem->regions[mem->nr - 1].gpa + mem->regions[mem->nr - 1].size;

	add(self, &self->conn, self->data, 4096);
	add_at(self, &self->conn, NULL, 8192, end - 5000);
	kick(self, 2);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RST);
	EXPECT_EQ(read_all(self, self->fd), 4096U);
	EXPECT_EQ(memcmp(self->back, self->data, 4096), 0);
}

/* More than the host's socket has room for is no more than that by coming together. */
TEST_F(batch, from_guest_overrun)
{
	unsigned int i;

	for (i = 0; i < 5; i++)
		add(self, &self->conn, self->data, TVM_VSOCK_PACKET_MAX);
	kick(self, 5);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RST);
	EXPECT_LE(read_all(self, self->fd), 4 * TVM_VSOCK_PACKET_MAX);
}

/* The end of a connection does not overtake its data. */
TEST_F(batch, from_guest_end)
{
	struct virtio_vsock_hdr hdr;
	struct tvm_seg seg;

	add(self, &self->conn, self->data, 4096);
	add(self, &self->conn, self->data + 4096, 4096);
	tvm_vsock_conn_header(&self->conn, &hdr, VIRTIO_VSOCK_OP_RST, 0);
	seg = (struct tvm_seg){ self->memory + self->filled, TVM_VSOCK_HEADER };
	tvm_mem_write(&self->vsock.mem, seg.gpa, &hdr, sizeof(hdr));
	ASSERT_GE(tvm_queue_add(&self->vsock.vqs[TVM_VSOCK_TX], &seg, 1, 0, NULL, 0), 0);
	kick(self, 3);
	EXPECT_EQ(read_all(self, self->fd), 8192U);
	EXPECT_EQ(memcmp(self->back, self->data, 8192), 0);
	EXPECT_EQ(send(self->fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL), -1);
}

/* Stops the guest while the host sends @nr times @len bytes, or messages. */
static size_t send_while_stopped(struct batch_fixture *self, int fd, unsigned int nr, size_t len)
{
	unsigned int i;

	ASSERT_EQ(tvm_vsock_run(&self->vsock, 0), 0);
	for (i = 0; i < nr; i++)
		ASSERT_EQ(send(fd, self->data + i * len, len, MSG_DONTWAIT), (ssize_t)len);
	return nr * len;
}

/* Receives data from where it is until there are @bytes; returns in how many packets. */
static unsigned int receive(struct batch_fixture *self, size_t got, size_t bytes)
{
	unsigned int packets = 0;

	while (got < bytes) {
		tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RW);
		ASSERT_LE(got + self->packet.len, bytes);
		EXPECT_EQ(memcmp(self->packet.data, self->data + got, self->packet.len), 0);
		got += self->packet.len;
		packets++;
	}
	return packets;
}

TEST_F(batch, to_guest)
{
	const size_t room = self->vsock.buffer - TVM_VSOCK_HEADER;
	size_t bytes = send_while_stopped(self, self->fd, 40, 1001);

	ASSERT_EQ(tvm_vsock_run(&self->vsock, 1), 0);
	EXPECT_EQ(receive(self, 0, bytes), (bytes + room - 1) / room);
	EXPECT_GT(stat(self, TVM_VSOCK_RX, "joined"), 20);
	EXPECT_EQ(stat(self, TVM_VSOCK_RX, "bytes"), (int64_t)bytes);
	EXPECT_EQ(stat(self, TVM_VSOCK_RX, "queued"), 0);
}

/* With packets larger than the buffer before and after. */
TEST_F(batch, to_guest_large)
{
	const size_t room = self->vsock.buffer - TVM_VSOCK_HEADER;
	size_t bytes = send_while_stopped(self, self->fd, 3, 65000);

	ASSERT_EQ(tvm_vsock_run(&self->vsock, 1), 0);
	EXPECT_EQ(receive(self, 0, bytes), (bytes + room - 1) / room);
}

/* A buffer that is not there: what was to share it comes in the next ones. */
TEST_F(batch, to_guest_fault)
{
	const struct tvm_vsock_options options = {
		.cfg = variant->cfg, .cid = self->vsock.cid + 1, .no_buffers = true,
	};
	struct tvm_queue *vq = &self->vsock.vqs[TVM_VSOCK_RX];
	struct tvm_seg segs[] = { { 0, 2000 }, { 1ULL << 40, 2000 } };
	struct tvm_used used;
	unsigned int i;
	size_t bytes;

	/* Anew, with a buffer at a time. */
	close(self->fd);
	tvm_vsock_destroy(&self->vsock);
	tvm_vsock_create(&self->vsock, &options);
	tvm_vsock_buffer_add(&self->vsock);
	self->fd = tvm_vsock_conn_connect(&self->conn, self->listener);
	bytes = send_while_stopped(self, self->fd, 10, 1001);
	segs[0].gpa = tvm_mem_alloc(&self->vsock.mem, 2000, 64);
	ASSERT_GE(tvm_queue_add(vq, segs, 0, 2, NULL, 0), 0);
	ASSERT_EQ(tvm_vsock_run(&self->vsock, 1), 0);
	ASSERT_EQ(tvm_vsock_get(&self->vsock, &self->packet, TVM_VSOCK_WAIT_MS), 0);
	EXPECT_EQ(memcmp(self->packet.data, self->data, self->packet.len), 0);
	ASSERT_EQ(tvm_queue_wait(vq, &used, TVM_VSOCK_WAIT_MS), 0);
	EXPECT_EQ(used.len, 0U);
	EXPECT_EQ(stat(self, TVM_VSOCK_RX, "malformed"), 1);
	for (i = 0; i < 4; i++)
		tvm_vsock_buffer_add(&self->vsock);
	receive(self, self->packet.len, bytes);
}

/* Messages keep their bounds. */
TEST_F(batch, messages)
{
	int fd = tvm_vsock_conn_accept(&self->other, &self->vsock, SOCK_SEQPACKET);
	unsigned int i;
	size_t bytes;

	for (i = 0; i < 5; i++) {
		add(self, &self->other, self->data + i * 4096, 4096);
		kick(self, 1);
		EXPECT_EQ(recv(fd, self->back, ROOM, MSG_DONTWAIT), -1);
	}
	bytes = send_while_stopped(self, fd, 10, 100);
	ASSERT_EQ(tvm_vsock_run(&self->vsock, 1), 0);
	EXPECT_EQ(receive(self, 0, bytes), 10U);
	EXPECT_EQ(stat(self, TVM_VSOCK_RX, "joined"), 0);
	EXPECT_EQ(stat(self, TVM_VSOCK_TX, "joined"), 0);
	close(fd);
}

HARNESS_MAIN
