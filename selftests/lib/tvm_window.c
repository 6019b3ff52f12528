// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: shared memory of a front end, where the back end has files mapped
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "tvm_front.h"

static void *map_nothing(struct tvm_window *window, uint64_t offset, uint64_t len)
{
	return mmap(window->base + offset, len, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
}

static bool map(struct tvm_window *window, const struct tvm_user_map *what, int fd)
{
	int prot = PROT_READ | (what->flags & 1 ? PROT_WRITE : 0);

	window->maps++;
	if (fd < 0 || what->flags > 1)
		return false;
	return mmap(window->base + what->offset, what->len, prot, MAP_SHARED | MAP_FIXED, fd,
		    what->fd_offset) != MAP_FAILED;
}

static bool unmap(struct tvm_window *window, const struct tvm_user_map *what, int fd)
{
	window->unmaps++;
	return fd < 0 && map_nothing(window, what->offset, what->len) != MAP_FAILED;
}

static bool serve(struct tvm_window *window, uint32_t request,
		  const struct tvm_user_map *what, int fd)
{
	if (what->region || what->offset % TVM_PAGE || what->len % TVM_PAGE || !what->len ||
	    what->offset > window->size || what->len > window->size - what->offset)
		return false;
	switch (request) {
	case TVM_USER_SHMEM_MAP:
		return map(window, what, fd);
	case TVM_USER_SHMEM_UNMAP:
		return unmap(window, what, fd);
	default:
		return false;
	}
}

/** struct packet - a request of the back end */
struct packet {
	struct tvm_user_header header;
	struct tvm_user_map map;
} __attribute__((packed));

static bool receive(int socket, struct packet *packet, int *fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = { 0 };
	struct iovec part = { packet, sizeof(*packet) };
	struct msghdr msg = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
	};

	*fd = -1;
	if (recvmsg(socket, &msg, MSG_WAITALL | MSG_CMSG_CLOEXEC) != sizeof(*packet))
		return false;
	if (msg.msg_controllen && control.header.cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(&control.header), sizeof(int));
	return true;
}

static void *wait_for_requests(void *argument)
{
	struct tvm_window *window = argument;
	struct packet packet;
	int fd;

	while (receive(window->fd, &packet, &fd)) {
		struct {
			struct tvm_user_header header;
			uint64_t failed;
		} __attribute__((packed)) reply = {
			{ packet.header.request, TVM_USER_VERSION | TVM_USER_REPLY, 8 }, 0,
		};
		const struct tvm_user_map what = packet.map;

		if (packet.header.flags != (TVM_USER_VERSION | TVM_USER_NEED_REPLY) ||
		    packet.header.size != sizeof(packet.map))
			window->wrong++;
		if (window->refuse) {
			reply.failed = 1;
		} else if (!serve(window, packet.header.request, &what, fd)) {
			window->wrong++;
			reply.failed = 1;
		}
		if (fd >= 0)
			close(fd);
		if (!window->silent)
			tvm_front_raw(window->fd, &reply, sizeof(reply), NULL, 0);
		__atomic_add_fetch(&window->requests, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/**
 * tvm_window_open() - make shared memory, and wait for requests; a failure fails the
 * test
 * @window: filled in
 * @size: bytes
 */
void tvm_window_open(struct tvm_window *window, uint64_t size)
{
	int pair[2];

	memset(window, 0, sizeof(*window));
	window->size = size;
	window->base = mmap(NULL, size, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_TRUE(window->base != MAP_FAILED);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	window->fd = pair[0];
	window->theirs = pair[1];
	ASSERT_EQ(pthread_create(&window->thread, NULL, wait_for_requests, window), 0);
}

/**
 * tvm_window_offer() - pass the channel to the back end
 * @window: the window
 * @front: the front end
 */
int tvm_window_offer(struct tvm_window *window, struct tvm_front *front)
{
	int ret = tvm_front_do(front, TVM_USER_SET_BACKEND_REQ_FD, NULL, 0, &window->theirs, 1);

	close(window->theirs);
	window->theirs = -1;
	return ret;
}

/**
 * tvm_window_clear() - unmap all, as front ends do in a reset
 * @window: the window
 */
void tvm_window_clear(struct tvm_window *window)
{
	ASSERT_TRUE(map_nothing(window, 0, window->size) != MAP_FAILED);
}

/**
 * tvm_window_close() - undo tvm_window_open(), if it was called
 * @window: the window
 */
void tvm_window_close(struct tvm_window *window)
{
	if (!window->base)
		return;
	shutdown(window->fd, SHUT_RDWR);
	pthread_join(window->thread, NULL);
	close(window->fd);
	if (window->theirs >= 0)
		close(window->theirs);
	munmap(window->base, window->size);
	window->base = NULL;
}
