/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tiny VMM: the front end of a vhost-user connection, and the program serving it
 */
#ifndef TVM_FRONT_H
#define TVM_FRONT_H

#include <pthread.h>
#include <sys/types.h>

#include "tvm.h"

#define TVM_USER_GET_FEATURES		1
#define TVM_USER_SET_FEATURES		2
#define TVM_USER_SET_OWNER		3
#define TVM_USER_RESET_OWNER		4
#define TVM_USER_SET_MEM_TABLE		5
#define TVM_USER_SET_LOG_BASE		6
#define TVM_USER_SET_LOG_FD		7
#define TVM_USER_SET_VRING_NUM		8
#define TVM_USER_SET_VRING_ADDR		9
#define TVM_USER_SET_VRING_BASE		10
#define TVM_USER_GET_VRING_BASE		11
#define TVM_USER_SET_VRING_KICK		12
#define TVM_USER_SET_VRING_CALL		13
#define TVM_USER_SET_VRING_ERR		14
#define TVM_USER_GET_PROTOCOL_FEATURES	15
#define TVM_USER_SET_PROTOCOL_FEATURES	16
#define TVM_USER_GET_QUEUE_NUM		17
#define TVM_USER_SET_VRING_ENABLE	18
#define TVM_USER_SET_BACKEND_REQ_FD	21
#define TVM_USER_IOTLB_MSG		22
#define TVM_USER_GET_CONFIG		24
#define TVM_USER_SET_CONFIG		25
#define TVM_USER_RESET_DEVICE		34
#define TVM_USER_GET_MAX_MEM_SLOTS	36
#define TVM_USER_ADD_MEM_REG		37
#define TVM_USER_REM_MEM_REG		38
#define TVM_USER_SET_STATUS		39
#define TVM_USER_GET_STATUS		40
#define TVM_USER_GET_SHMEM_CONFIG	44

#define TVM_USER_SHMEM_MAP		9
#define TVM_USER_SHMEM_UNMAP		10

#define TVM_USER_F_PROTOCOL		TVM_BIT(30)
#define TVM_USER_PROTOCOL_ALL		(TVM_BIT(0) | TVM_BIT(1) | TVM_BIT(3) | TVM_BIT(5) | \
					 TVM_BIT(9) | TVM_BIT(13) | TVM_BIT(15) | TVM_BIT(16))
/* Of devices with shared memory only. */
#define TVM_USER_PROTOCOL_SHMEM		TVM_BIT(20)

#define TVM_USER_VERSION		1U
#define TVM_USER_REPLY			4U
#define TVM_USER_NEED_REPLY		8U
#define TVM_USER_NO_FD			0x100U

/** struct tvm_user_header - header of a message */
struct tvm_user_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};

/** struct tvm_user_region - a memory region in a message */
struct tvm_user_region {
	uint64_t gpa;
	uint64_t size;
	uint64_t user;
	uint64_t offset;
};

/** struct tvm_user_table - payload of SET_MEM_TABLE */
struct tvm_user_table {
	uint32_t nr;
	uint32_t padding;
	struct tvm_user_region regions[64];
};

/** struct tvm_user_slot - payload of ADD_MEM_REG and REM_MEM_REG */
struct tvm_user_slot {
	uint64_t padding;
	struct tvm_user_region region;
};

/** struct tvm_user_config - payload of GET_CONFIG and SET_CONFIG */
struct tvm_user_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t data[256];
};

/** struct tvm_user_log - payload of SET_LOG_BASE */
struct tvm_user_log {
	uint64_t size;
	uint64_t offset;
};

/** struct tvm_user_shmem - reply to GET_SHMEM_CONFIG */
struct tvm_user_shmem {
	uint32_t nr;
	uint32_t padding;
	uint64_t sizes[256];
};

/** struct tvm_user_map - payload of SHMEM_MAP and SHMEM_UNMAP */
struct tvm_user_map {
	uint8_t region;
	uint8_t padding[7];
	uint64_t fd_offset;
	uint64_t offset;
	uint64_t len;
	uint64_t flags;
};

/**
 * struct tvm_window - shared memory of a front end, and who maps things there
 * @fd: our end of the back end's channel
 * @theirs: the end the back end gets
 * @base: where the memory is
 * @size: bytes
 * @refuse: answer that it can not be done
 * @silent: do not answer
 * @requests: how many came
 * @maps: how many of them map something
 * @unmaps: how many unmap something
 * @wrong: how many can not be done
 * @thread: who waits for them
 */
struct tvm_window {
	int fd;
	int theirs;
	char *base;
	uint64_t size;
	bool refuse;
	bool silent;
	unsigned int requests;
	unsigned int maps;
	unsigned int unmaps;
	unsigned int wrong;
	pthread_t thread;
};

/**
 * struct tvm_front - a front end
 * @fd: connection
 * @dev: stands for a node in queues; only memory and features are used
 */
struct tvm_front {
	int fd;
	struct tvm_dev dev;
};

/**
 * struct tvm_server - a running "vhost-accel serve"
 * @class: device class, NULL for blk
 * @pid: its process
 * @dir: directory of its own, with all of the following
 * @socket: path of its socket
 * @image: path of its disk
 * @log: path of what it printed
 */
struct tvm_server {
	const char *class;
	pid_t pid;
	char dir[32];
	char socket[48];
	char image[48];
	char log[48];
};

#define TVM_SERVER_DISK_SIZE	(32ULL << 20)

/** define TVM_SERVER_ARGS - arguments a server can get besides the usual */
#define TVM_SERVER_ARGS	16

int tvm_server_prepare(struct tvm_server *server);
int tvm_server_launch(struct tvm_server *server, const char *const *args, uid_t uid);
int tvm_server_start(struct tvm_server *server, const char *const *args);
int tvm_server_stop(struct tvm_server *server, int signal);
void tvm_server_remove(struct tvm_server *server);
int tvm_server_fds(const struct tvm_server *server);
int tvm_server_maps(const struct tvm_server *server);
unsigned int tvm_server_logged(const struct tvm_server *server, const char *text);

int tvm_front_connect(struct tvm_front *front, const char *path);
void tvm_front_close(struct tvm_front *front);
int tvm_front_raw(int fd, const void *data, size_t size, const int *fds, unsigned int nr);
int tvm_front_send(const struct tvm_front *front, uint32_t request, uint32_t flags,
		   const void *payload, uint32_t size, const int *fds, unsigned int nr);
int tvm_front_receive(int fd, struct tvm_user_header *header, void *payload,
		      uint32_t size);
int tvm_front_get(const struct tvm_front *front, uint32_t request, uint64_t *value);
int tvm_front_do(const struct tvm_front *front, uint32_t request, const void *payload,
		 uint32_t size, const int *fds, unsigned int nr);
int tvm_front_do_u64(const struct tvm_front *front, uint32_t request, uint64_t value);
int tvm_front_do_ring(const struct tvm_front *front, uint32_t request, uint32_t index,
		      uint32_t value);
int tvm_front_do_ring_fd(const struct tvm_front *front, uint32_t request, uint32_t index,
			 int fd);
bool tvm_front_closed(const struct tvm_front *front, unsigned int timeout_ms);
void tvm_front_region(const struct tvm_mem *mem, unsigned int index,
		      struct tvm_user_region *region);
int tvm_front_mem_set(struct tvm_front *front, struct tvm_mem *mem);
int tvm_front_slot(struct tvm_front *front, uint32_t request, struct tvm_mem *mem,
		   unsigned int index);
int tvm_front_handshake(struct tvm_front *front, uint64_t features);
int tvm_front_addr_set(struct tvm_front *front, struct tvm_queue *vq);
int tvm_front_queue_start(struct tvm_front *front, struct tvm_queue *vq);
int tvm_front_queue_stop(struct tvm_front *front, struct tvm_queue *vq, uint32_t *base);

void tvm_window_open(struct tvm_window *window, uint64_t size);
void tvm_window_close(struct tvm_window *window);
int tvm_window_offer(struct tvm_window *window, struct tvm_front *front);
void tvm_window_clear(struct tvm_window *window);

#endif /* TVM_FRONT_H */
