// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: the front end of a vhost-user connection
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "tvm_front.h"

#define WAIT_MS		10000
#define FDS_MAX		253
/* A socket can be there some time before anyone listens on it. */
#define CONNECT_TRIES	100

/**
 * tvm_front_connect() - connect to a server
 * @front: filled in
 * @path: of its socket
 */
int tvm_front_connect(struct tvm_front *front, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	unsigned int tries;
	int ret = 0;

	memset(front, 0, sizeof(*front));
	front->dev.fd = -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	for (tries = 0; tries < CONNECT_TRIES; tries++) {
		front->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (front->fd < 0)
			return -errno;
		if (!connect(front->fd, (struct sockaddr *)&address, sizeof(address)))
			return 0;
		ret = -errno;
		tvm_front_close(front);
		usleep(10000);
	}
	return ret;
}

/**
 * tvm_front_close() - disconnect
 * @front: the front end; closing twice does nothing
 */
void tvm_front_close(struct tvm_front *front)
{
	if (front->fd > 0)
		close(front->fd);
	front->fd = -1;
}

/**
 * tvm_front_raw() - send bytes and descriptors
 * @fd: connection
 * @data: the bytes
 * @size: how many
 * @fds: descriptors that go with the first of them
 * @nr: how many
 */
int tvm_front_raw(int fd, const void *data, size_t size, const int *fds, unsigned int nr)
{
	union {
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { .iov_base = (void *)data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *header;
	ssize_t sent;

	if (nr) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(nr * sizeof(int));
		header = CMSG_FIRSTHDR(&msg);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(nr * sizeof(int));
		memcpy(CMSG_DATA(header), fds, nr * sizeof(int));
	}
	sent = sendmsg(fd, &msg, MSG_NOSIGNAL);
	if (sent < 0)
		return -errno;
	return (size_t)sent == size ? 0 : -EIO;
}

/**
 * tvm_front_send() - send a message
 * @front: the front end
 * @request: its request
 * @flags: flags beside the version
 * @payload: its payload
 * @size: bytes of it
 * @fds: its descriptors
 * @nr: how many
 */
int tvm_front_send(const struct tvm_front *front, uint32_t request, uint32_t flags,
		   const void *payload, uint32_t size, const int *fds, unsigned int nr)
{
	struct tvm_user_header header = { request, TVM_USER_VERSION | flags, size };
	char data[sizeof(header) + sizeof(struct tvm_user_table)];

	if (size > sizeof(struct tvm_user_table))
		return -E2BIG;
	memcpy(data, &header, sizeof(header));
	if (size)
		memcpy(data + sizeof(header), payload, size);
	return tvm_front_raw(front->fd, data, sizeof(header) + size, fds, nr);
}

static int receive_part(int fd, void *data, size_t size)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	size_t have = 0;
	ssize_t count;

	while (have < size) {
		if (poll(&wait, 1, harness_scaled(WAIT_MS)) != 1)
			return -ETIMEDOUT;
		count = recv(fd, (char *)data + have, size - have, 0);
		if (count < 0)
			return -errno;
		if (!count)
			return -ECONNRESET;
		have += count;
	}
	return 0;
}

/**
 * tvm_front_receive() - receive a message
 * @fd: connection
 * @header: filled in
 * @payload: filled in
 * @size: room there
 *
 * Return: 0, -ECONNRESET at the end of the connection, -ETIMEDOUT, -EMSGSIZE.
 */
int tvm_front_receive(int fd, struct tvm_user_header *header, void *payload, uint32_t size)
{
	int ret = receive_part(fd, header, sizeof(*header));

	if (ret)
		return ret;
	if (header->size > size)
		return -EMSGSIZE;
	return receive_part(fd, payload, header->size);
}

static int receive_u64(const struct tvm_front *front, uint32_t request, uint64_t *value)
{
	struct tvm_user_header header;
	int ret = tvm_front_receive(front->fd, &header, value, sizeof(*value));

	if (ret)
		return ret;
	if (header.request != request || header.size != sizeof(*value) ||
	    header.flags != (TVM_USER_VERSION | TVM_USER_REPLY))
		return -EPROTO;
	return 0;
}

/**
 * tvm_front_get() - ask for a number
 * @front: the front end
 * @request: the question
 * @value: filled in
 */
int tvm_front_get(const struct tvm_front *front, uint32_t request, uint64_t *value)
{
	int ret = tvm_front_send(front, request, 0, NULL, 0, NULL, 0);

	return ret ? ret : receive_u64(front, request, value);
}

/**
 * tvm_front_do() - send a message and have it acknowledged
 * @front: the front end, which negotiated REPLY_ACK
 * @request: its request
 * @payload: its payload
 * @size: bytes of it
 * @fds: its descriptors
 * @nr: how many
 *
 * Return: 0, -EREMOTEIO if it failed over there, or as tvm_front_receive().
 */
int tvm_front_do(const struct tvm_front *front, uint32_t request, const void *payload,
		 uint32_t size, const int *fds, unsigned int nr)
{
	uint64_t value;
	int ret;

	ret = tvm_front_send(front, request, TVM_USER_NEED_REPLY, payload, size, fds, nr);
	if (!ret)
		ret = receive_u64(front, request, &value);
	if (ret)
		return ret;
	return value ? -EREMOTEIO : 0;
}

/**
 * tvm_front_do_u64() - send a number and have it acknowledged
 * @front: the front end
 * @request: the request
 * @value: the number
 */
int tvm_front_do_u64(const struct tvm_front *front, uint32_t request, uint64_t value)
{
	return tvm_front_do(front, request, &value, sizeof(value), NULL, 0);
}

/**
 * tvm_front_do_ring() - send a number for a ring and have it acknowledged
 * @front: the front end
 * @request: the request
 * @index: the ring
 * @value: the number
 */
int tvm_front_do_ring(const struct tvm_front *front, uint32_t request, uint32_t index,
		      uint32_t value)
{
	struct vhost_vring_state state = { .index = index, .num = value };

	return tvm_front_do(front, request, &state, sizeof(state), NULL, 0);
}

/**
 * tvm_front_do_ring_fd() - send an eventfd for a ring and have it acknowledged
 * @front: the front end
 * @request: the request
 * @index: the ring
 * @fd: the eventfd, -1 for none
 */
int tvm_front_do_ring_fd(const struct tvm_front *front, uint32_t request, uint32_t index,
			 int fd)
{
	uint64_t value = index | (fd < 0 ? TVM_USER_NO_FD : 0);

	return tvm_front_do(front, request, &value, sizeof(value), &fd, fd >= 0);
}

/**
 * tvm_front_closed() - wait for the other side to end the connection
 * @front: the front end
 * @timeout_ms: how long to wait
 *
 * What it sends meanwhile is dropped.
 */
bool tvm_front_closed(const struct tvm_front *front, unsigned int timeout_ms)
{
	struct pollfd wait = { .fd = front->fd, .events = POLLIN };
	char dropped[512];
	ssize_t count;

	while (poll(&wait, 1, harness_scaled(timeout_ms)) == 1) {
		count = recv(front->fd, dropped, sizeof(dropped), 0);
		if (count <= 0)
			return !count || errno == ECONNRESET;
	}
	return false;
}

/**
 * tvm_front_region() - describe a region
 * @mem: guest memory
 * @index: the region
 * @region: filled in
 */
void tvm_front_region(const struct tvm_mem *mem, unsigned int index,
		      struct tvm_user_region *region)
{
	region->gpa = mem->regions[index].gpa;
	region->size = mem->regions[index].size;
	region->user = (uintptr_t)mem->regions[index].hva;
	region->offset = mem->regions[index].file_offset;
}

/**
 * tvm_front_mem_set() - pass the memory table
 * @front: the front end
 * @mem: guest memory
 */
int tvm_front_mem_set(struct tvm_front *front, struct tvm_mem *mem)
{
	struct tvm_user_table table = { .nr = mem->nr };
	int fds[TVM_REGIONS_MAX];
	unsigned int i;
	int ret;

	for (i = 0; i < mem->nr; i++) {
		tvm_front_region(mem, i, &table.regions[i]);
		fds[i] = mem->fd;
	}
	ret = tvm_front_do(front, TVM_USER_SET_MEM_TABLE, &table,
			   8 + mem->nr * sizeof(table.regions[0]), fds, mem->nr);
	if (!ret)
		front->dev.mem = mem;
	return ret;
}

/**
 * tvm_front_slot() - add or remove a region
 * @front: the front end
 * @request: TVM_USER_ADD_MEM_REG or TVM_USER_REM_MEM_REG
 * @mem: guest memory
 * @index: the region
 */
int tvm_front_slot(struct tvm_front *front, uint32_t request, struct tvm_mem *mem,
		   unsigned int index)
{
	struct tvm_user_slot slot = { 0 };

	tvm_front_region(mem, index, &slot.region);
	front->dev.mem = mem;
	return tvm_front_do(front, request, &slot, sizeof(slot), &mem->fd,
			    request == TVM_USER_ADD_MEM_REG);
}

/**
 * tvm_front_handshake() - begin as VMMs do
 * @front: the front end
 * @features: features to acknowledge, besides that of the protocol
 */
int tvm_front_handshake(struct tvm_front *front, uint64_t features)
{
	uint64_t offered, protocol = 0;
	int ret;

	ret = tvm_front_get(front, TVM_USER_GET_FEATURES, &offered);
	if (!ret)
		ret = tvm_front_get(front, TVM_USER_GET_PROTOCOL_FEATURES, &protocol);
	protocol &= TVM_USER_PROTOCOL_ALL | TVM_USER_PROTOCOL_SHMEM;
	if (!ret)
		ret = tvm_front_send(front, TVM_USER_SET_PROTOCOL_FEATURES, 0, &protocol,
				     sizeof(protocol), NULL, 0);
	if (!ret)
		ret = tvm_front_do(front, TVM_USER_SET_OWNER, NULL, 0, NULL, 0);
	if (!ret)
		ret = tvm_front_do_u64(front, TVM_USER_SET_FEATURES,
				       features | TVM_USER_F_PROTOCOL);
	front->dev.features[0] = features;
	return ret;
}

/**
 * tvm_front_addr_set() - pass the ring's addresses
 * @front: the front end
 * @vq: the queue
 */
int tvm_front_addr_set(struct tvm_front *front, struct tvm_queue *vq)
{
	bool platform = front->dev.features[0] & TVM_BIT(VIRTIO_F_ACCESS_PLATFORM);
	struct vhost_vring_addr addr = {
		.index = vq->index,
		.flags = vq->log ? 1U << VHOST_VRING_F_LOG : 0,
		.desc_user_addr = platform ? vq->desc_gpa : (uintptr_t)vq->desc,
		.avail_user_addr = platform ? vq->driver_gpa : (uintptr_t)vq->avail,
		.used_user_addr = platform ? vq->device_gpa : (uintptr_t)vq->used,
		.log_guest_addr = vq->cfg.packed ? vq->desc_gpa : vq->device_gpa,
	};

	return tvm_front_do(front, TVM_USER_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
}

/**
 * tvm_front_queue_start() - pass a queue and enable it
 * @front: the front end
 * @vq: the queue
 */
int tvm_front_queue_start(struct tvm_front *front, struct tvm_queue *vq)
{
	int ret = tvm_front_do_ring(front, TVM_USER_SET_VRING_NUM, vq->index, vq->num);

	if (!ret)
		ret = tvm_front_do_ring(front, TVM_USER_SET_VRING_BASE, vq->index,
					tvm_queue_base(vq));
	if (!ret)
		ret = tvm_front_addr_set(front, vq);
	if (!ret)
		ret = tvm_front_do_ring_fd(front, TVM_USER_SET_VRING_KICK, vq->index,
					   vq->kick_fd);
	if (!ret)
		ret = tvm_front_do_ring_fd(front, TVM_USER_SET_VRING_CALL, vq->index,
					   vq->call_fd);
	if (!ret)
		ret = tvm_front_do_ring_fd(front, TVM_USER_SET_VRING_ERR, vq->index,
					   vq->err_fd);
	if (!ret)
		ret = tvm_front_do_ring(front, TVM_USER_SET_VRING_ENABLE, vq->index, 1);
	return ret;
}

/**
 * tvm_front_queue_stop() - stop a queue and learn where it stopped
 * @front: the front end
 * @vq: the queue
 * @base: filled in
 */
int tvm_front_queue_stop(struct tvm_front *front, struct tvm_queue *vq, uint32_t *base)
{
	struct vhost_vring_state state = { .index = vq->index };
	struct tvm_user_header header;
	int ret;

	ret = tvm_front_send(front, TVM_USER_GET_VRING_BASE, 0, &state, sizeof(state), NULL,
			     0);
	if (!ret)
		ret = tvm_front_receive(front->fd, &header, &state, sizeof(state));
	if (!ret && (header.request != TVM_USER_GET_VRING_BASE || state.index != vq->index))
		ret = -EPROTO;
	if (!ret)
		*base = state.num;
	return ret;
}
