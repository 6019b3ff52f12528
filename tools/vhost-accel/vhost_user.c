// SPDX-License-Identifier: GPL-2.0-only
/*
 * What makes a vhost-user message well formed: one table row per request. The
 * functions here have no state and make no system call.
 */
#include <stdbool.h>

#include "vhost_user.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/** define IOTLB_PACKED_SIZE - an IOTLB message sent without its tail padding */
#define IOTLB_PACKED_SIZE	(offsetof(struct vhost_iotlb_msg, type) + 1)

/** struct message_parts - a complete message, for the checks of its content */
struct message_parts {
	const union vhost_user_payload *payload;
	uint32_t size;
	unsigned int num_fds;
	unsigned int num_rings;
};

/**
 * struct request_rule - what a request has to look like
 * @name: as the specification calls it
 * @min_size: smallest payload
 * @max_size: largest payload
 * @min_fds: fewest descriptors
 * @max_fds: most descriptors
 * @protocol_feature: protocol feature it belongs to, zero for none
 * @check: checks the content, returns what is wrong with it; optional
 */
struct request_rule {
	const char *name;
	uint32_t min_size;
	uint32_t max_size;
	unsigned int min_fds;
	unsigned int max_fds;
	uint64_t protocol_feature;
	const char *(*check)(const struct message_parts *parts);
};

static const char *check_state(const struct message_parts *parts)
{
	if (parts->payload->state.index >= parts->num_rings)
		return "ring index out of range";
	return NULL;
}

static const char *check_enable(const struct message_parts *parts)
{
	if (parts->payload->state.num > 1)
		return "neither 0 nor 1";
	return check_state(parts);
}

static const char *check_address(const struct message_parts *parts)
{
	const struct vhost_vring_addr *address = &parts->payload->address;

	if (address->index >= parts->num_rings)
		return "ring index out of range";
	if (address->flags & ~(1U << VHOST_VRING_F_LOG))
		return "unknown ring flags";
	return NULL;
}

static const char *check_vring_fd(const struct message_parts *parts)
{
	uint64_t value = parts->payload->u64;
	bool no_fd = value & VHOST_USER_VRING_NO_FD;

	if (value & ~(VHOST_USER_VRING_INDEX | VHOST_USER_VRING_NO_FD))
		return "unknown bits beside the ring index";
	if ((value & VHOST_USER_VRING_INDEX) >= parts->num_rings)
		return "ring index out of range";
	if (no_fd && parts->num_fds)
		return "descriptor present though announced as absent";
	if (!no_fd && !parts->num_fds)
		return "descriptor missing";
	return NULL;
}

static const char *check_memory(const struct message_parts *parts)
{
	const struct vhost_user_memory *memory = &parts->payload->memory;

	if (memory->num_regions > VHOST_USER_MAX_REGIONS)
		return "too many regions";
	if (parts->size != offsetof(struct vhost_user_memory, regions) +
			   memory->num_regions * sizeof(memory->regions[0]))
		return "size does not fit the number of regions";
	if (parts->num_fds != memory->num_regions)
		return "not one descriptor per region";
	return NULL;
}

static const char *check_iotlb(const struct message_parts *parts)
{
	if (parts->size != IOTLB_PACKED_SIZE &&
	    parts->size != sizeof(struct vhost_iotlb_msg))
		return "wrong payload size";
	return NULL;
}

static const char *check_config(const struct message_parts *parts)
{
	const struct vhost_user_config *config = &parts->payload->config;

	if (!config->size || config->size > VHOST_USER_MAX_CONFIG ||
	    config->offset > VHOST_USER_MAX_CONFIG - config->size)
		return "access outside the configuration space";
	if (parts->size != offsetof(struct vhost_user_config, data) + config->size)
		return "size does not fit the access";
	if (config->flags & ~VHOST_USER_CONFIG_MIGRATION)
		return "unknown configuration flags";
	return NULL;
}

#define FIXED(type)		.min_size = sizeof(type), .max_size = sizeof(type)
#define DESCRIPTORS(least, most) .min_fds = (least), .max_fds = (most)
#define NEEDS(feature)		.protocol_feature = VHOST_USER_PROTOCOL_##feature

static const struct request_rule request_rules[VHOST_USER_REQUESTS] = {
	[VHOST_USER_GET_FEATURES] = { .name = "GET_FEATURES" },
	[VHOST_USER_SET_FEATURES] = { .name = "SET_FEATURES", FIXED(uint64_t), },
	[VHOST_USER_SET_OWNER] = { .name = "SET_OWNER" },
	[VHOST_USER_RESET_OWNER] = { .name = "RESET_OWNER" },
	[VHOST_USER_SET_MEM_TABLE] = {
		.name = "SET_MEM_TABLE",
		.min_size = offsetof(struct vhost_user_memory, regions),
		.max_size = sizeof(struct vhost_user_memory),
		DESCRIPTORS(0, VHOST_USER_MAX_REGIONS), .check = check_memory,
	},
	[VHOST_USER_SET_LOG_BASE] = {
		.name = "SET_LOG_BASE", FIXED(struct vhost_user_log),
		DESCRIPTORS(1, 1), NEEDS(LOG_SHMFD),
	},
	[VHOST_USER_SET_LOG_FD] = { .name = "SET_LOG_FD", DESCRIPTORS(1, 1) },
	[VHOST_USER_SET_VRING_NUM] = {
		.name = "SET_VRING_NUM", FIXED(struct vhost_vring_state), .check = check_state,
	},
	[VHOST_USER_SET_VRING_ADDR] = {
		.name = "SET_VRING_ADDR", FIXED(struct vhost_vring_addr), .check = check_address,
	},
	[VHOST_USER_SET_VRING_BASE] = {
		.name = "SET_VRING_BASE", FIXED(struct vhost_vring_state), .check = check_state,
	},
	[VHOST_USER_GET_VRING_BASE] = {
		.name = "GET_VRING_BASE", FIXED(struct vhost_vring_state), .check = check_state,
	},
	[VHOST_USER_SET_VRING_KICK] = {
		.name = "SET_VRING_KICK", FIXED(uint64_t),
		DESCRIPTORS(0, 1), .check = check_vring_fd,
	},
	[VHOST_USER_SET_VRING_CALL] = {
		.name = "SET_VRING_CALL", FIXED(uint64_t),
		DESCRIPTORS(0, 1), .check = check_vring_fd,
	},
	[VHOST_USER_SET_VRING_ERR] = {
		.name = "SET_VRING_ERR", FIXED(uint64_t),
		DESCRIPTORS(0, 1), .check = check_vring_fd,
	},
	[VHOST_USER_GET_PROTOCOL_FEATURES] = { .name = "GET_PROTOCOL_FEATURES" },
	[VHOST_USER_SET_PROTOCOL_FEATURES] = { .name = "SET_PROTOCOL_FEATURES", FIXED(uint64_t), },
	/* A front end asks for this one because MQ is offered, not acknowledged. */
	[VHOST_USER_GET_QUEUE_NUM] = { .name = "GET_QUEUE_NUM" },
	[VHOST_USER_SET_VRING_ENABLE] = {
		.name = "SET_VRING_ENABLE", FIXED(struct vhost_vring_state), .check = check_enable,
	},
	[VHOST_USER_SET_BACKEND_REQ_FD] = {
		.name = "SET_BACKEND_REQ_FD", DESCRIPTORS(1, 1), NEEDS(BACKEND_REQ),
	},
	[VHOST_USER_IOTLB_MSG] = {
		.name = "IOTLB_MSG", .min_size = IOTLB_PACKED_SIZE,
		.max_size = sizeof(struct vhost_iotlb_msg), .check = check_iotlb,
	},
	[VHOST_USER_GET_CONFIG] = {
		.name = "GET_CONFIG", .min_size = offsetof(struct vhost_user_config, data) + 1,
		.max_size = sizeof(struct vhost_user_config), NEEDS(CONFIG),
		.check = check_config,
	},
	[VHOST_USER_SET_CONFIG] = {
		.name = "SET_CONFIG", .min_size = offsetof(struct vhost_user_config, data) + 1,
		.max_size = sizeof(struct vhost_user_config), NEEDS(CONFIG),
		.check = check_config,
	},
	[VHOST_USER_RESET_DEVICE] = { .name = "RESET_DEVICE", NEEDS(RESET_DEVICE) },
	[VHOST_USER_GET_MAX_MEM_SLOTS] = {
		.name = "GET_MAX_MEM_SLOTS", NEEDS(CONFIGURE_MEM_SLOTS),
	},
	[VHOST_USER_ADD_MEM_REG] = {
		.name = "ADD_MEM_REG", FIXED(struct vhost_user_single_region), DESCRIPTORS(1, 1),
		NEEDS(CONFIGURE_MEM_SLOTS),
	},
	/* Some front ends attach the region's descriptor, which is not needed. */
	[VHOST_USER_REM_MEM_REG] = {
		.name = "REM_MEM_REG", FIXED(struct vhost_user_single_region), DESCRIPTORS(0, 1),
		NEEDS(CONFIGURE_MEM_SLOTS),
	},
	[VHOST_USER_SET_STATUS] = { .name = "SET_STATUS", FIXED(uint64_t), NEEDS(STATUS) },
	[VHOST_USER_GET_STATUS] = { .name = "GET_STATUS", NEEDS(STATUS) },
	[VHOST_USER_GET_SHMEM_CONFIG] = { .name = "GET_SHMEM_CONFIG", NEEDS(SHMEM) },
};

static const struct request_rule *find_rule(uint32_t request)
{
	if (request >= ARRAY_SIZE(request_rules) || !request_rules[request].name)
		return NULL;
	return &request_rules[request];
}

/**
 * vhost_user_name() - what the specification calls a request
 * @request: its number
 *
 * Return: the name; "unknown request" for one that is not served.
 */
const char *vhost_user_name(uint32_t request)
{
	const struct request_rule *rule = find_rule(request);

	return rule ? rule->name : "unknown request";
}

/**
 * vhost_user_check_header() - check what is known before the payload arrives
 * @header: the message's header
 *
 * A header that passes announces a payload that fits &union vhost_user_payload.
 *
 * Return: NULL, or what is wrong with it.
 */
const char *vhost_user_check_header(const struct vhost_user_header *header)
{
	const struct request_rule *rule = find_rule(header->request);
	uint32_t version = header->flags & VHOST_USER_FLAG_VERSION_MASK;

	if (!rule)
		return "not a request served here";
	if (version != VHOST_USER_VERSION)
		return "wrong protocol version";
	if (header->flags & ~(VHOST_USER_FLAG_VERSION_MASK | VHOST_USER_FLAG_NEED_REPLY))
		return "flags not allowed in a request";
	if (header->size < rule->min_size || header->size > rule->max_size)
		return "wrong payload size";
	return NULL;
}

/**
 * vhost_user_check() - check a complete message
 * @header: its header, which has passed vhost_user_check_header()
 * @payload: its payload, zero beyond the announced size
 * @num_fds: descriptors that came with it
 * @limits: what the front end and the device agreed on
 *
 * Return: NULL, or what is wrong with it.
 */
const char *vhost_user_check(const struct vhost_user_header *header,
			     const union vhost_user_payload *payload,
			     unsigned int num_fds,
			     const struct vhost_user_limits *limits)
{
	const struct request_rule *rule = find_rule(header->request);
	struct message_parts parts = {
		.payload = payload,
		.size = header->size,
		.num_fds = num_fds,
		.num_rings = limits->num_rings,
	};

	if (rule->protocol_feature & ~limits->protocol_features)
		return "its protocol feature is not negotiated";
	if (num_fds < rule->min_fds)
		return "descriptor missing";
	if (num_fds > rule->max_fds)
		return "too many descriptors";
	return rule->check ? rule->check(&parts) : NULL;
}
