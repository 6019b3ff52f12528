/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tiny VMM: a socket device, the guest's side of connections, and sockets of the
 * host
 *
 * All of it lives in one process: sockets of the host do not block where the
 * guest has to act first.
 */
#ifndef TVM_VSOCK_H
#define TVM_VSOCK_H

#include <sys/socket.h>

#include <linux/virtio_vsock.h>
#include <linux/vm_sockets.h>

#include "harness.h"
#include "tvm.h"

#define TVM_VSOCK_RX		0
#define TVM_VSOCK_TX		1
#define TVM_VSOCK_EVENT		2

#define TVM_VSOCK_CID		tvm_vsock_cid()
#define TVM_VSOCK_PORT		7000U
#define TVM_VSOCK_HEADER	sizeof(struct virtio_vsock_hdr)
#define TVM_VSOCK_BUFFERS	1024
#define TVM_VSOCK_PACKET_MAX	65536U
#define TVM_VSOCK_WAIT_MS	harness_scaled(5000)

/**
 * struct tvm_vsock_options - what a device shall be like; zero is the usual
 * @cfg: layout of the queues
 * @cid: the guest's CID, 0 for TVM_VSOCK_CID
 * @num: ring size, 0 for 64
 * @buffer: bytes of a receive buffer, header included, 0 for 4096
 * @no_buffers: the driver makes no receive buffers available
 * @features: features beyond those of @cfg and SOCK_SEQPACKET
 * @no_messages: the driver does not know SOCK_SEQPACKET
 * @event: with the event queue
 * @stopped: do not start the queues
 */
struct tvm_vsock_options {
	struct tvm_config cfg;
	uint64_t cid;
	unsigned int num;
	uint32_t buffer;
	bool no_buffers;
	uint64_t features;
	bool no_messages;
	bool event;
	bool stopped;
};

/**
 * struct tvm_vsock - a guest with a socket device
 * @mem: its memory
 * @dev: the device
 * @vqs: the queues, by TVM_VSOCK_*
 * @nr: how many are in use
 * @cid: its CID
 * @buffer: bytes of a receive buffer
 * @tx: memory of the packet to send
 * @spare: receive buffers that are not available
 * @nr_spare: how many
 */
struct tvm_vsock {
	struct tvm_mem mem;
	struct tvm_dev dev;
	struct tvm_queue vqs[3];
	unsigned int nr;
	uint64_t cid;
	uint32_t buffer;
	uint64_t tx;
	uint64_t spare[TVM_VSOCK_BUFFERS];
	unsigned int nr_spare;
};

/**
 * struct tvm_vsock_packet - a packet that the guest received
 * @hdr: its header
 * @len: bytes of data that came with it
 * @data: the data
 */
struct tvm_vsock_packet {
	struct virtio_vsock_hdr hdr;
	uint32_t len;
	uint8_t data[TVM_VSOCK_PACKET_MAX];
};

/**
 * struct tvm_vsock_conn - the guest's end of a connection
 * @vsock: the guest
 * @type: VIRTIO_VSOCK_TYPE_*
 * @local: the guest's port
 * @remote: the other one's
 * @peer: the other one's CID
 * @buf_alloc: what the guest says
 * @fwd_cnt: likewise
 */
struct tvm_vsock_conn {
	struct tvm_vsock *vsock;
	uint16_t type;
	uint32_t local;
	uint32_t remote;
	uint64_t peer;
	uint32_t buf_alloc;
	uint32_t fwd_cnt;
};

uint32_t tvm_vsock_cid(void);
const char *tvm_vsock_node(void);
void tvm_vsock_create(struct tvm_vsock *vsock, const struct tvm_vsock_options *options);
void tvm_vsock_destroy(struct tvm_vsock *vsock);
int tvm_vsock_cid_set(const struct tvm_dev *dev, uint64_t cid);
int tvm_vsock_run(const struct tvm_vsock *vsock, int on);
int tvm_vsock_peers_set(const struct tvm_vsock *vsock, unsigned int nr, const uint32_t *cids);

void tvm_vsock_buffer_add(struct tvm_vsock *vsock);
int tvm_vsock_put(struct tvm_vsock *vsock, const struct virtio_vsock_hdr *hdr,
		  const void *data, uint32_t len);
int tvm_vsock_get(struct tvm_vsock *vsock, struct tvm_vsock_packet *packet,
		  unsigned int timeout_ms);
int tvm_vsock_take(struct tvm_vsock *vsock, struct tvm_vsock_packet *packet,
		   unsigned int timeout_ms);
void tvm_vsock_expect(struct tvm_vsock *vsock, struct tvm_vsock_packet *packet, uint16_t op);

void tvm_vsock_conn_init(struct tvm_vsock_conn *conn, struct tvm_vsock *vsock, uint16_t type,
			 uint32_t local, uint32_t remote);
void tvm_vsock_conn_header(const struct tvm_vsock_conn *conn, struct virtio_vsock_hdr *hdr,
			   uint16_t op, uint32_t len);
void tvm_vsock_conn_send(const struct tvm_vsock_conn *conn, uint16_t op, const void *data,
			 uint32_t len, uint32_t flags);
int tvm_vsock_conn_connect(struct tvm_vsock_conn *conn, int listener);
int tvm_vsock_conn_accept(struct tvm_vsock_conn *conn, struct tvm_vsock *vsock, int type);

int tvm_vsock_socket_type(uint16_t type);
int tvm_vsock_listen(uint32_t port, int type);
int tvm_vsock_socket(int type);
int tvm_vsock_connect(int fd, uint32_t cid, uint32_t port);
int tvm_vsock_socket_error(int fd, unsigned int timeout_ms);
bool tvm_vsock_ready(int fd, short events, unsigned int timeout_ms);

#endif /* TVM_VSOCK_H */
