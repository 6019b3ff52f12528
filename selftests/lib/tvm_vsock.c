// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: a socket device, the guest's side of connections, and sockets of the
 * host
 */
#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "tvm_vsock.h"

/** tvm_vsock_node() - path of the node to test */
const char *tvm_vsock_node(void)
{
	const char *path = getenv("VHA_VSOCK_NODE");

	return path ? path : "/dev/vhost-accel/vsock";
}

/**
 * tvm_vsock_cid() - a CID, and three after it, that no test before had
 *
 * Sockets of the host that were closed and got no answer linger for some
 * seconds; they would answer a guest that comes again.
 */
uint32_t tvm_vsock_cid(void)
{
	static uint32_t cid;

	/* A child of the test means the same guest. */
	if (!cid)
		cid = 5000 + 4 * (uint32_t)getpid();
	return cid;
}

/**
 * tvm_vsock_cid_set() - give the guest a CID
 * @dev: the device
 * @cid: the CID
 */
int tvm_vsock_cid_set(const struct tvm_dev *dev, uint64_t cid)
{
	return tvm_dev_ioctl(dev, VHOST_VSOCK_SET_GUEST_CID, &cid);
}

/**
 * tvm_vsock_run() - start or stop the device
 * @vsock: the guest
 * @on: what to do
 */
int tvm_vsock_run(const struct tvm_vsock *vsock, int on)
{
	return tvm_dev_ioctl(&vsock->dev, VHOST_VSOCK_SET_RUNNING, &on);
}

/**
 * tvm_vsock_peers_set() - name the siblings the guest may talk to
 * @vsock: the guest
 * @nr: how many
 * @cids: their CIDs
 */
int tvm_vsock_peers_set(const struct tvm_vsock *vsock, unsigned int nr, const uint32_t *cids)
{
	struct vha_vsock_peers peers = { .count = nr };

	if (nr)
		memcpy(peers.cids, cids, nr * sizeof(*cids));
	return tvm_dev_ioctl(&vsock->dev, VHA_VSOCK_SET_PEERS, &peers);
}

static void buffer_queue(struct tvm_vsock *vsock, uint64_t gpa)
{
	struct tvm_seg seg = { .gpa = gpa, .len = vsock->buffer };

	ASSERT_GE(tvm_queue_add(&vsock->vqs[TVM_VSOCK_RX], &seg, 0, 1, (void *)(uintptr_t)gpa, 0),
		  0);
}

/**
 * tvm_vsock_buffer_add() - make one more receive buffer available
 * @vsock: the guest
 */
void tvm_vsock_buffer_add(struct tvm_vsock *vsock)
{
	uint64_t gpa;

	if (vsock->nr_spare)
		gpa = vsock->spare[--vsock->nr_spare];
	else
		gpa = tvm_mem_alloc(&vsock->mem, vsock->buffer, 64);
	buffer_queue(vsock, gpa);
	tvm_queue_kick(&vsock->vqs[TVM_VSOCK_RX]);
}

static void queues_create(struct tvm_vsock *vsock, const struct tvm_vsock_options *options)
{
	unsigned int num = options->num ? options->num : 64;
	unsigned int i;

	vsock->nr = options->event ? 3 : 2;
	for (i = 0; i < vsock->nr; i++) {
		ASSERT_EQ(tvm_queue_init(&vsock->vqs[i], &vsock->dev, i, num, &options->cfg), 0);
		ASSERT_EQ(tvm_queue_configure(&vsock->vqs[i]), 0);
	}
	for (i = 0; i < num && !options->no_buffers; i++)
		buffer_queue(vsock, tvm_mem_alloc(&vsock->mem, vsock->buffer, 64));
}

/**
 * tvm_vsock_create() - set all up; a failure fails the test
 * @vsock: filled in
 * @options: how
 */
void tvm_vsock_create(struct tvm_vsock *vsock, const struct tvm_vsock_options *options)
{
	uint64_t features = tvm_config_features(&options->cfg) | options->features;
	unsigned int i;

	if (!options->no_messages)
		features |= TVM_BIT(VIRTIO_VSOCK_F_SEQPACKET);
	memset(vsock, 0, sizeof(*vsock));
	vsock->dev.fd = -1;
	vsock->cid = options->cid ? options->cid : TVM_VSOCK_CID;
	vsock->buffer = options->buffer ? options->buffer : 4096;
	tvm_mem_create_default(&vsock->mem);
	ASSERT_EQ(tvm_dev_setup(&vsock->dev, tvm_vsock_node(), &vsock->mem, -1, features), 0);
	ASSERT_EQ(tvm_vsock_cid_set(&vsock->dev, vsock->cid), 0);
	vsock->tx = tvm_mem_alloc(&vsock->mem, TVM_VSOCK_HEADER + 2 * TVM_VSOCK_PACKET_MAX, 64);
	queues_create(vsock, options);
	if (options->stopped)
		return;
	ASSERT_EQ(tvm_vsock_run(vsock, 1), 0);
	for (i = 0; i < vsock->nr; i++)
		vsock->vqs[i].running = true;
}

/**
 * tvm_vsock_destroy() - undo tvm_vsock_create(), as far as it got
 * @vsock: the guest
 */
void tvm_vsock_destroy(struct tvm_vsock *vsock)
{
	unsigned int i;

	tvm_dev_close(&vsock->dev);
	for (i = 0; i < vsock->nr; i++)
		tvm_queue_destroy(&vsock->vqs[i]);
	tvm_mem_destroy(&vsock->mem);
}

/**
 * tvm_vsock_put() - send a packet and wait until its buffer is back
 * @vsock: the guest
 * @hdr: its header, sent as it is
 * @data: what follows
 * @len: how much
 *
 * Return: 0, -EPROTO when the device says it wrote something, -ETIMEDOUT.
 */
int tvm_vsock_put(struct tvm_vsock *vsock, const struct virtio_vsock_hdr *hdr,
		  const void *data, uint32_t len)
{
	struct tvm_queue *vq = &vsock->vqs[TVM_VSOCK_TX];
	struct tvm_seg segs[] = {
		{ vsock->tx, TVM_VSOCK_HEADER }, { vsock->tx + TVM_VSOCK_HEADER, len },
	};
	struct tvm_used used;
	int ret;

	tvm_mem_write(&vsock->mem, segs[0].gpa, hdr, TVM_VSOCK_HEADER);
	if (len)
		tvm_mem_write(&vsock->mem, segs[1].gpa, data, len);
	ret = tvm_queue_add(vq, segs, len ? 2 : 1, 0, NULL, 0);
	if (ret < 0)
		return ret;
	tvm_queue_kick(vq);
	ret = tvm_queue_wait(vq, &used, TVM_VSOCK_WAIT_MS);
	return ret ? ret : used.len && used.len_known ? -EPROTO : 0;
}

/**
 * tvm_vsock_get() - receive a packet, and keep its buffer
 * @vsock: the guest
 * @packet: filled in
 * @timeout_ms: how long to wait
 *
 * Return: 0, -ETIMEDOUT.
 */
int tvm_vsock_get(struct tvm_vsock *vsock, struct tvm_vsock_packet *packet,
		  unsigned int timeout_ms)
{
	struct tvm_queue *vq = &vsock->vqs[TVM_VSOCK_RX];
	struct tvm_used used;
	uint64_t gpa;
	int ret = tvm_queue_wait(vq, &used, timeout_ms);

	if (ret)
		return ret;
	gpa = (uintptr_t)used.cookie;
	if (vsock->nr_spare < TVM_VSOCK_BUFFERS)
		vsock->spare[vsock->nr_spare++] = gpa;
	tvm_mem_read(&vsock->mem, gpa, &packet->hdr, TVM_VSOCK_HEADER);
	packet->len = le32toh(packet->hdr.len);
	ASSERT_LE(packet->len + TVM_VSOCK_HEADER, vsock->buffer);
	if (used.len_known)
		ASSERT_EQ(used.len, packet->len + TVM_VSOCK_HEADER);
	tvm_mem_read(&vsock->mem, gpa + TVM_VSOCK_HEADER, packet->data, packet->len);
	ASSERT_EQ(le64toh(packet->hdr.dst_cid), vsock->cid);
	return 0;
}

/**
 * tvm_vsock_take() - receive a packet, and make a buffer available again
 * @vsock: the guest
 * @packet: filled in
 * @timeout_ms: how long to wait
 *
 * Return: 0, -ETIMEDOUT.
 */
int tvm_vsock_take(struct tvm_vsock *vsock, struct tvm_vsock_packet *packet,
		   unsigned int timeout_ms)
{
	int ret = tvm_vsock_get(vsock, packet, timeout_ms);

	if (!ret)
		tvm_vsock_buffer_add(vsock);
	return ret;
}

/**
 * tvm_vsock_expect() - receive a packet of a kind; anything else fails the test
 * @vsock: the guest
 * @packet: filled in
 * @op: VIRTIO_VSOCK_OP_*; updates of credit before it do not count
 */
void tvm_vsock_expect(struct tvm_vsock *vsock, struct tvm_vsock_packet *packet, uint16_t op)
{
	uint16_t got;

	do {
		ASSERT_EQ(tvm_vsock_take(vsock, packet, TVM_VSOCK_WAIT_MS), 0);
		got = le16toh(packet->hdr.op);
	} while (got == VIRTIO_VSOCK_OP_CREDIT_UPDATE && op != got);
	ASSERT_EQ(got, op);
}

/**
 * tvm_vsock_conn_init() - prepare a connection with a socket of the host
 * @conn: filled in
 * @vsock: the guest
 * @type: VIRTIO_VSOCK_TYPE_*
 * @local: the guest's port
 * @remote: the host's port
 */
void tvm_vsock_conn_init(struct tvm_vsock_conn *conn, struct tvm_vsock *vsock, uint16_t type,
			 uint32_t local, uint32_t remote)
{
	*conn = (struct tvm_vsock_conn) {
		.vsock = vsock, .type = type, .local = local, .remote = remote,
		.peer = VMADDR_CID_HOST, .buf_alloc = 262144,
	};
}

/**
 * tvm_vsock_conn_header() - header of a packet as it should be
 * @conn: the connection
 * @hdr: filled in
 * @op: VIRTIO_VSOCK_OP_*
 * @len: bytes of data
 */
void tvm_vsock_conn_header(const struct tvm_vsock_conn *conn, struct virtio_vsock_hdr *hdr,
			   uint16_t op, uint32_t len)
{
	*hdr = (struct virtio_vsock_hdr) {
		.src_cid = htole64(conn->vsock->cid),
		.dst_cid = htole64(conn->peer),
		.src_port = htole32(conn->local),
		.dst_port = htole32(conn->remote),
		.len = htole32(len),
		.type = htole16(conn->type),
		.op = htole16(op),
		.buf_alloc = htole32(conn->buf_alloc),
		.fwd_cnt = htole32(conn->fwd_cnt),
	};
}

/**
 * tvm_vsock_conn_send() - send a packet of a connection
 * @conn: the connection
 * @op: VIRTIO_VSOCK_OP_*
 * @data: its data
 * @len: how much
 * @flags: of the header
 */
void tvm_vsock_conn_send(const struct tvm_vsock_conn *conn, uint16_t op, const void *data,
			 uint32_t len, uint32_t flags)
{
	struct virtio_vsock_hdr hdr;

	tvm_vsock_conn_header(conn, &hdr, op, len);
	hdr.flags = htole32(flags);
	ASSERT_EQ(tvm_vsock_put(conn->vsock, &hdr, data, len), 0);
}

/**
 * tvm_vsock_conn_connect() - connect to a listening socket of the host
 * @conn: the connection, initialised
 * @listener: the socket
 *
 * Return: the host's socket of the connection.
 */
int tvm_vsock_conn_connect(struct tvm_vsock_conn *conn, int listener)
{
	struct tvm_vsock_packet *packet = malloc(sizeof(*packet));
	int fd;

	ASSERT_TRUE(packet);
	tvm_vsock_conn_send(conn, VIRTIO_VSOCK_OP_REQUEST, NULL, 0, 0);
	tvm_vsock_expect(conn->vsock, packet, VIRTIO_VSOCK_OP_RESPONSE);
	ASSERT_EQ(le32toh(packet->hdr.dst_port), conn->local);
	ASSERT_EQ(le32toh(packet->hdr.src_port), conn->remote);
	free(packet);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_GE(fd, 0);
	return fd;
}

/**
 * tvm_vsock_conn_accept() - connect the host to the guest
 * @conn: filled in
 * @vsock: the guest, listening on port TVM_VSOCK_PORT
 * @type: SOCK_*
 *
 * Return: the host's socket of the connection.
 */
int tvm_vsock_conn_accept(struct tvm_vsock_conn *conn, struct tvm_vsock *vsock, int type)
{
	struct tvm_vsock_packet *packet = malloc(sizeof(*packet));
	int fd = tvm_vsock_socket(type);

	ASSERT_TRUE(packet);
	ASSERT_EQ(tvm_vsock_connect(fd, vsock->cid, TVM_VSOCK_PORT), -EINPROGRESS);
	tvm_vsock_expect(vsock, packet, VIRTIO_VSOCK_OP_REQUEST);
	ASSERT_EQ(le64toh(packet->hdr.src_cid), (uint64_t)VMADDR_CID_HOST);
	ASSERT_EQ(le32toh(packet->hdr.dst_port), TVM_VSOCK_PORT);
	tvm_vsock_conn_init(conn, vsock, le16toh(packet->hdr.type), TVM_VSOCK_PORT,
			    le32toh(packet->hdr.src_port));
	free(packet);
	tvm_vsock_conn_send(conn, VIRTIO_VSOCK_OP_RESPONSE, NULL, 0, 0);
	ASSERT_EQ(tvm_vsock_socket_error(fd, TVM_VSOCK_WAIT_MS), 0);
	return fd;
}

/**
 * tvm_vsock_socket_type() - SOCK_* for VIRTIO_VSOCK_TYPE_*
 * @type: of the device
 */
int tvm_vsock_socket_type(uint16_t type)
{
	return type == VIRTIO_VSOCK_TYPE_STREAM ? SOCK_STREAM : SOCK_SEQPACKET;
}

/**
 * tvm_vsock_listen() - a socket of the host that listens
 * @port: the port
 * @type: SOCK_*
 *
 * Return: the socket.
 */
int tvm_vsock_listen(uint32_t port, int type)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port,
	};
	int fd = socket(AF_VSOCK, type | SOCK_CLOEXEC, 0);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ASSERT_EQ(listen(fd, 128), 0);
	return fd;
}

/**
 * tvm_vsock_socket() - a socket of the host that does not block
 * @type: SOCK_*
 *
 * Return: the socket.
 */
int tvm_vsock_socket(int type)
{
	int fd = socket(AF_VSOCK, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ASSERT_GE(fd, 0);
	return fd;
}

/**
 * tvm_vsock_connect() - connect(2)
 * @fd: socket of the host
 * @cid: of the guest
 * @port: of the guest
 *
 * Return: 0 or a negative errno.
 */
int tvm_vsock_connect(int fd, uint32_t cid, uint32_t port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port,
	};

	return connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
}

/**
 * tvm_vsock_ready() - poll(2) for one socket
 * @fd: the socket
 * @events: what for
 * @timeout_ms: how long
 */
bool tvm_vsock_ready(int fd, short events, unsigned int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, timeout_ms) == 1;
}

/**
 * tvm_vsock_socket_error() - wait until a socket is connected or has failed
 * @fd: the socket
 * @timeout_ms: how long
 *
 * Return: its error, 0 for none, or -ETIMEDOUT.
 */
int tvm_vsock_socket_error(int fd, unsigned int timeout_ms)
{
	socklen_t len = sizeof(int);
	int error;

	if (!tvm_vsock_ready(fd, POLLOUT, timeout_ms))
		return -ETIMEDOUT;
	ASSERT_EQ(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0);
	return error;
}
