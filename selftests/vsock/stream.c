// SPDX-License-Identifier: GPL-2.0-only
/*
 * vsock: connections both ways, data both ways, and how they end
 */
#include <fcntl.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tvm_rig.h"
#include "tvm_vsock.h"

#define BYTES		(1U << 20)

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY	60
#endif

FIXTURE(stream) {
	struct tvm_vsock vsock;
	struct tvm_vsock_conn conn;
	struct tvm_vsock_packet packet;
	uint8_t data[BYTES];
	uint8_t back[BYTES];
};

FIXTURE_VARIANT(stream) {
	struct tvm_config cfg;
};

TVM_RIG_FORMATS(stream);

FIXTURE_SETUP(stream)
{
	const struct tvm_vsock_options options = { .cfg = variant->cfg };

	tvm_pattern_fill(self->data, BYTES, 77);
	tvm_vsock_create(&self->vsock, &options);
}

FIXTURE_TEARDOWN(stream)
{
	tvm_vsock_destroy(&self->vsock);
}

TEST_F(stream, connect_to_guest)
{
	int fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);

	EXPECT_EQ(self->conn.type, VIRTIO_VSOCK_TYPE_STREAM);
	close(fd);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_SHUTDOWN);
	EXPECT_EQ(self->packet.hdr.flags, 3U);
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RST, NULL, 0, 0);
}

TEST_F(stream, connect_to_host)
{
	int listener = tvm_vsock_listen(TVM_VSOCK_PORT, SOCK_STREAM);
	struct sockaddr_vm addr;
	socklen_t len = sizeof(addr);
	int fd;

	tvm_vsock_conn_init(&self->conn, &self->vsock, VIRTIO_VSOCK_TYPE_STREAM, 1025,
			    TVM_VSOCK_PORT);
	fd = tvm_vsock_conn_connect(&self->conn, listener);
	ASSERT_EQ(getpeername(fd, (struct sockaddr *)&addr, &len), 0);
	EXPECT_EQ(addr.svm_cid, TVM_VSOCK_CID);
	EXPECT_EQ(addr.svm_port, 1025U);
	close(fd);
	close(listener);
}

TEST_F(stream, refused_by_guest)
{
	int fd = tvm_vsock_socket(SOCK_STREAM);

	ASSERT_EQ(tvm_vsock_connect(fd, TVM_VSOCK_CID, 9), -EINPROGRESS);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_REQUEST);
	tvm_vsock_conn_init(&self->conn, &self->vsock, VIRTIO_VSOCK_TYPE_STREAM, 9,
			    self->packet.hdr.src_port);
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RST, NULL, 0, 0);
	EXPECT_EQ(tvm_vsock_socket_error(fd, TVM_VSOCK_WAIT_MS), ECONNRESET);
	close(fd);
}

TEST_F(stream, refused_by_host)
{
	tvm_vsock_conn_init(&self->conn, &self->vsock, VIRTIO_VSOCK_TYPE_STREAM, 1025, 9);
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_REQUEST, NULL, 0, 0);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RST);
	EXPECT_EQ(self->packet.hdr.dst_port, 1025U);
	EXPECT_EQ(self->packet.hdr.src_port, 9U);
}

/* Sends all of the data to the guest, whose buffers are much smaller. */
TEST_F(stream, host_to_guest)
{
	int fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	size_t sent = 0, got = 0;

	while (got < BYTES) {
		ssize_t n = send(fd, self->data + sent, BYTES - sent, MSG_DONTWAIT);

		if (n > 0)
			sent += n;
		else if (sent < BYTES)
			ASSERT_EQ(errno, EAGAIN);
		if (tvm_vsock_take(&self->vsock, &self->packet, n > 0 ? 0 : 100))
			continue;
		if (self->packet.hdr.op != VIRTIO_VSOCK_OP_RW)
			continue;
		ASSERT_LE(got + self->packet.len, BYTES);
		memcpy(self->back + got, self->packet.data, self->packet.len);
		got += self->packet.len;
		self->conn.fwd_cnt += self->packet.len;
		/* Never more on its way than the guest said it takes. */
		ASSERT_LE(sent - got, self->conn.buf_alloc);
		if (got % (64 << 10) < self->packet.len)
			tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_CREDIT_UPDATE, NULL, 0,
					    0);
	}
	EXPECT_EQ(memcmp(self->data, self->back, BYTES), 0);
	EXPECT_GT(tvm_dev_stat(&self->vsock.dev, TVM_VSOCK_RX, "split"), 0);
	EXPECT_EQ(tvm_dev_stat(&self->vsock.dev, TVM_VSOCK_RX, "bytes"), BYTES);
	close(fd);
}

/* Reads what there is; returns bytes. */
static size_t host_read(int fd, uint8_t *to, size_t max)
{
	size_t got = 0;

	while (got < max) {
		ssize_t n = recv(fd, to + got, max - got, MSG_DONTWAIT);

		if (n <= 0)
			break;
		got += n;
	}
	return got;
}

/* Packets of every size from one byte to the largest. */
TEST_F(stream, guest_to_host)
{
	int listener = tvm_vsock_listen(TVM_VSOCK_PORT, SOCK_STREAM);
	size_t sent = 0, got = 0;
	uint32_t len = 1;
	int fd;

	tvm_vsock_conn_init(&self->conn, &self->vsock, VIRTIO_VSOCK_TYPE_STREAM, 1025,
			    TVM_VSOCK_PORT);
	fd = tvm_vsock_conn_connect(&self->conn, listener);
	while (sent < BYTES) {
		if (len > BYTES - sent)
			len = BYTES - sent;
		tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RW, self->data + sent, len, 0);
		sent += len;
		got += host_read(fd, self->back + got, sent - got);
		ASSERT_EQ(got, sent);
		len = len >= TVM_VSOCK_PACKET_MAX ? 1 : len * 3 + 1;
		if (len > TVM_VSOCK_PACKET_MAX)
			len = TVM_VSOCK_PACKET_MAX;
	}
	EXPECT_EQ(memcmp(self->data, self->back, BYTES), 0);
	EXPECT_EQ(tvm_dev_stat(&self->vsock.dev, TVM_VSOCK_TX, "bytes"), BYTES);
	EXPECT_EQ(tvm_dev_stat(&self->vsock.dev, TVM_VSOCK_TX, "malformed"), 0);
	close(fd);
	close(listener);
}

TEST_F(stream, shutdown_by_host)
{
	int fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);

	ASSERT_EQ(shutdown(fd, SHUT_WR), 0);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_SHUTDOWN);
	EXPECT_EQ(self->packet.hdr.flags, (uint32_t)VIRTIO_VSOCK_SHUTDOWN_SEND);
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RW, self->data, 10, 0);
	EXPECT_EQ(host_read(fd, self->back, 10), 10U);
	close(fd);
}

TEST_F(stream, shutdown_by_guest)
{
	int fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	char byte;

	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_SHUTDOWN, NULL, 0,
			    VIRTIO_VSOCK_SHUTDOWN_SEND);
	EXPECT_EQ(recv(fd, &byte, 1, 0), 0);
	ASSERT_EQ(send(fd, "x", 1, 0), 1);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RW);
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_SHUTDOWN, NULL, 0, 3);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RST);
	EXPECT_EQ(send(fd, "x", 1, MSG_NOSIGNAL), -1);
	EXPECT_EQ(errno, EPIPE);
	close(fd);
}

TEST_F(stream, reset_by_guest)
{
	int fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	char byte;

	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RST, NULL, 0, 0);
	EXPECT_TRUE(tvm_vsock_ready(fd, POLLIN, TVM_VSOCK_WAIT_MS));
	EXPECT_EQ(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

/* Messages keep their bounds however they are cut for the guest's buffers. */
TEST_F(stream, messages_to_guest)
{
	static const uint32_t sizes[] = { 1, 100, 4052, 4053, 8104, 20000, 65536, 100000 };
	int fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_SEQPACKET);
	unsigned int i;

	ASSERT_EQ(self->conn.type, VIRTIO_VSOCK_TYPE_SEQPACKET);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int flags = i & 1 ? MSG_EOR : 0;
		uint32_t got = 0;

		ASSERT_EQ(send(fd, self->data + i, sizes[i], flags), (ssize_t)sizes[i]);
		do {
			ASSERT_LT(got, sizes[i]);
			tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RW);
			memcpy(self->back + got, self->packet.data, self->packet.len);
			got += self->packet.len;
		} while (!(self->packet.hdr.flags & VIRTIO_VSOCK_SEQ_EOM));
		EXPECT_EQ(got, sizes[i]);
		EXPECT_EQ(!!(self->packet.hdr.flags & VIRTIO_VSOCK_SEQ_EOR), !!flags);
		EXPECT_EQ(memcmp(self->data + i, self->back, got), 0);
		self->conn.fwd_cnt += got;
		tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_CREDIT_UPDATE, NULL, 0, 0);
	}
	close(fd);
}

TEST_F(stream, messages_to_host)
{
	int fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_SEQPACKET);

	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RW, self->data, 100, 0);
	EXPECT_EQ(recv(fd, self->back, BYTES, MSG_DONTWAIT), -1);
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RW, self->data + 100, 50,
			    VIRTIO_VSOCK_SEQ_EOM);
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RW, self->data, 7,
			    VIRTIO_VSOCK_SEQ_EOM);
	EXPECT_EQ(recv(fd, self->back, BYTES, MSG_DONTWAIT), 150);
	EXPECT_EQ(memcmp(self->back, self->data, 150), 0);
	EXPECT_EQ(recv(fd, self->back, BYTES, MSG_DONTWAIT), 7);
	close(fd);
}

/* A driver that knows nothing of messages gets no connection for them. */
TEST_F(stream, no_messages)
{
	const struct tvm_vsock_options options = { .cfg = variant->cfg, .no_messages = true };
	int fd = tvm_vsock_socket(SOCK_SEQPACKET);

	tvm_vsock_destroy(&self->vsock);
	tvm_vsock_create(&self->vsock, &options);
	EXPECT_EQ(tvm_vsock_connect(fd, TVM_VSOCK_CID, TVM_VSOCK_PORT), -ESOCKTNOSUPPORT);
	close(fd);
	fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	close(fd);
}

/* Pages of the sender go to the guest, and it hears when that is over. */
TEST_F(stream, zerocopy)
{
	int fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	size_t len = 16 * TVM_PAGE, got = 0;
	uint8_t *pages = mmap(NULL, len, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	union {
		char space[CMSG_SPACE(sizeof(struct sock_extended_err))];
		struct cmsghdr align;
	} control;
	struct msghdr msg = { .msg_control = &control, .msg_controllen = sizeof(control) };
	struct sock_extended_err *error;
	int on = 1;

	ASSERT_TRUE(pages != MAP_FAILED);
	memcpy(pages, self->data, len);
	ASSERT_EQ(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)), 0);
	ASSERT_EQ(send(fd, pages, len, MSG_ZEROCOPY), (ssize_t)len);
	while (got < len) {
		tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RW);
		memcpy(self->back + got, self->packet.data, self->packet.len);
		got += self->packet.len;
	}
	EXPECT_EQ(memcmp(self->back, self->data, len), 0);
	ASSERT_TRUE(tvm_vsock_ready(fd, 0, TVM_VSOCK_WAIT_MS));
	ASSERT_GE(recvmsg(fd, &msg, MSG_ERRQUEUE), 0);
	error = (struct sock_extended_err *)CMSG_DATA(CMSG_FIRSTHDR(&msg));
	EXPECT_EQ(error->ee_origin, SO_EE_ORIGIN_ZEROCOPY);
	EXPECT_EQ(error->ee_code & SO_EE_CODE_ZEROCOPY_COPIED, 0);
	munmap(pages, len);
	close(fd);
}

/* A paused guest loses nothing; meanwhile nobody waits for a connection. */
TEST_F(stream, pause)
{
	int fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	int other = tvm_vsock_socket(SOCK_STREAM);

	ASSERT_EQ(send(fd, "one", 3, 0), 3);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RW);
	ASSERT_EQ(tvm_vsock_run(&self->vsock, 0), 0);
	EXPECT_EQ(send(fd, "two", 3, 0), 3);
	EXPECT_EQ(tvm_vsock_connect(other, TVM_VSOCK_CID, TVM_VSOCK_PORT), -EHOSTUNREACH);
	EXPECT_EQ(tvm_vsock_take(&self->vsock, &self->packet, 100), -ETIMEDOUT);
	ASSERT_EQ(tvm_vsock_run(&self->vsock, 1), 0);
	tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RW);
	EXPECT_EQ(memcmp(self->packet.data, "two", 3), 0);
	tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RW, "three", 5, 0);
	EXPECT_EQ(host_read(fd, self->back, 5), 5U);
	close(other);
	close(fd);
}

TEST_F(stream, nobody)
{
	int fd = tvm_vsock_socket(SOCK_STREAM);
	int ret = tvm_vsock_connect(fd, TVM_VSOCK_CID + 1, TVM_VSOCK_PORT);

	EXPECT_MSG(ret == -ENODEV || ret == -ENETUNREACH || ret == -EHOSTUNREACH, "%d", ret);
	close(fd);
}

/* Each direction with a worker of its own, which polls. */
TEST_F(stream, workers)
{
	struct vhost_worker_state worker = {};
	struct vhost_vring_worker attach = { .index = TVM_VSOCK_TX };
	struct vhost_vring_state busy = { .num = 50 };
	int fd, i;

	ASSERT_EQ(tvm_dev_ioctl(&self->vsock.dev, VHOST_NEW_WORKER, &worker), 0);
	attach.worker_id = worker.worker_id;
	ASSERT_EQ(tvm_dev_ioctl(&self->vsock.dev, VHOST_ATTACH_VRING_WORKER, &attach), 0);
	for (busy.index = 0; busy.index < 2; busy.index++)
		ASSERT_EQ(tvm_dev_ioctl(&self->vsock.dev, VHOST_SET_VRING_BUSYLOOP_TIMEOUT,
					&busy), 0);
	fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(send(fd, self->data, 64, 0), 64);
		tvm_vsock_expect(&self->vsock, &self->packet, VIRTIO_VSOCK_OP_RW);
		tvm_vsock_conn_send(&self->conn, VIRTIO_VSOCK_OP_RW, self->packet.data, 64, 0);
		ASSERT_EQ(recv(fd, self->back, 64, 0), 64);
	}
	close(fd);
}

/* What came from one CID is not taken for what comes from the next. */
TEST_F(stream, cid_changes)
{
	int fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	char byte;

	ASSERT_EQ(tvm_vsock_cid_set(&self->vsock.dev, TVM_VSOCK_CID + 1), 0);
	EXPECT_EQ(tvm_vsock_socket_error(fd, TVM_VSOCK_WAIT_MS), ECONNRESET);
	EXPECT_LE(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	self->vsock.cid++;
	close(fd);
	fd = tvm_vsock_conn_accept(&self->conn, &self->vsock, SOCK_STREAM);
	close(fd);
}

HARNESS_MAIN
