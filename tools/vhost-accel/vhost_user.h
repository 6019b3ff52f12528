/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vhost-user protocol: wire format and what makes a message well formed
 */
#ifndef VHOST_ACCEL_VHOST_USER_H
#define VHOST_ACCEL_VHOST_USER_H

#include <stddef.h>
#include <stdint.h>

#include <linux/vhost.h>

#define VHOST_USER_VERSION		1U
#define VHOST_USER_FLAG_VERSION_MASK	0x3U
#define VHOST_USER_FLAG_REPLY		(1U << 2)
#define VHOST_USER_FLAG_NEED_REPLY	(1U << 3)

/** define VHOST_USER_F_PROTOCOL_FEATURES - feature bit of the protocol's own */
#define VHOST_USER_F_PROTOCOL_FEATURES	(1ULL << 30)

#define VHOST_USER_PROTOCOL_MQ			(1ULL << 0)
#define VHOST_USER_PROTOCOL_LOG_SHMFD		(1ULL << 1)
#define VHOST_USER_PROTOCOL_REPLY_ACK		(1ULL << 3)
#define VHOST_USER_PROTOCOL_BACKEND_REQ		(1ULL << 5)
#define VHOST_USER_PROTOCOL_CONFIG		(1ULL << 9)
#define VHOST_USER_PROTOCOL_RESET_DEVICE	(1ULL << 13)
#define VHOST_USER_PROTOCOL_CONFIGURE_MEM_SLOTS	(1ULL << 15)
#define VHOST_USER_PROTOCOL_STATUS		(1ULL << 16)
#define VHOST_USER_PROTOCOL_SHMEM		(1ULL << 20)

/** enum vhost_user_request - requests of a front end, those served here */
enum vhost_user_request {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_RESET_OWNER = 4,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_LOG_BASE = 6,
	VHOST_USER_SET_LOG_FD = 7,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_SET_VRING_ERR = 14,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_SET_BACKEND_REQ_FD = 21,
	VHOST_USER_IOTLB_MSG = 22,
	VHOST_USER_GET_CONFIG = 24,
	VHOST_USER_SET_CONFIG = 25,
	VHOST_USER_RESET_DEVICE = 34,
	VHOST_USER_GET_MAX_MEM_SLOTS = 36,
	VHOST_USER_ADD_MEM_REG = 37,
	VHOST_USER_REM_MEM_REG = 38,
	VHOST_USER_SET_STATUS = 39,
	VHOST_USER_GET_STATUS = 40,
	VHOST_USER_GET_SHMEM_CONFIG = 44,
	VHOST_USER_REQUESTS
};

/** enum vhost_user_backend_request - requests of a back end, those sent here */
enum vhost_user_backend_request {
	VHOST_USER_BACKEND_IOTLB_MSG = 1,
	VHOST_USER_BACKEND_CONFIG_CHANGE_MSG = 2,
	VHOST_USER_BACKEND_SHMEM_MAP = 9,
	VHOST_USER_BACKEND_SHMEM_UNMAP = 10,
};

/** define VHOST_USER_MAX_REGIONS - regions, and so descriptors, in one message */
#define VHOST_USER_MAX_REGIONS		32
/** define VHOST_USER_MAX_CONFIG - bytes of configuration space in one message */
#define VHOST_USER_MAX_CONFIG		256
/** define VHOST_USER_VRING_INDEX - ring index in a message about its eventfd */
#define VHOST_USER_VRING_INDEX		0xffULL
/** define VHOST_USER_VRING_NO_FD - no eventfd comes with the message */
#define VHOST_USER_VRING_NO_FD		(1ULL << 8)
/** define VHOST_USER_CONFIG_MIGRATION - configuration comes from a migration */
#define VHOST_USER_CONFIG_MIGRATION	1U
/** define VHOST_USER_SHMEM_REGIONS - shared memory regions a device can have */
#define VHOST_USER_SHMEM_REGIONS	256
/** define VHOST_USER_MAP_WRITE - map for reading and writing */
#define VHOST_USER_MAP_WRITE		1U

struct vhost_user_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};

struct vhost_user_region {
	uint64_t guest_address;
	uint64_t size;
	uint64_t user_address;
	uint64_t mmap_offset;
};

struct vhost_user_memory {
	uint32_t num_regions;
	uint32_t padding;
	struct vhost_user_region regions[VHOST_USER_MAX_REGIONS];
};

struct vhost_user_single_region {
	uint64_t padding;
	struct vhost_user_region region;
};

struct vhost_user_log {
	uint64_t size;
	uint64_t offset;
};

struct vhost_user_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t data[VHOST_USER_MAX_CONFIG];
};

/* Of all regions there can be; those without a size are not there. */
struct vhost_user_shmem_config {
	uint32_t num_regions;
	uint32_t padding;
	uint64_t sizes[VHOST_USER_SHMEM_REGIONS];
};

struct vhost_user_map {
	uint8_t region;
	uint8_t padding[7];
	uint64_t fd_offset;
	uint64_t region_offset;
	uint64_t size;
	uint64_t flags;
};

union vhost_user_payload {
	uint64_t u64;
	struct vhost_vring_state state;
	struct vhost_vring_addr address;
	struct vhost_user_memory memory;
	struct vhost_user_single_region region;
	struct vhost_user_log log;
	struct vhost_iotlb_msg iotlb;
	struct vhost_user_config config;
	struct vhost_user_shmem_config shmem;
};

/**
 * struct vhost_user_limits - what a message is checked against
 * @protocol_features: protocol features the front end has acknowledged
 * @num_rings: rings the device has
 */
struct vhost_user_limits {
	uint64_t protocol_features;
	unsigned int num_rings;
};

const char *vhost_user_name(uint32_t request);
const char *vhost_user_check_header(const struct vhost_user_header *header);
const char *vhost_user_check(const struct vhost_user_header *header,
			     const union vhost_user_payload *payload,
			     unsigned int num_fds,
			     const struct vhost_user_limits *limits);

#endif /* VHOST_ACCEL_VHOST_USER_H */
