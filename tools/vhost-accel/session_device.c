// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests of the front end about the device as a whole
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <string.h>

#include "log.h"
#include "session.h"

/*
 * What is offered beyond plain vhost-user. Not among them is tracking of
 * requests in flight: the kernel completes them or, when it is told to stop,
 * waits for them, so there is a hand-over but no record to recover from.
 */
static const uint64_t protocol_features_offered =
	VHOST_USER_PROTOCOL_MQ |
	VHOST_USER_PROTOCOL_LOG_SHMFD |
	VHOST_USER_PROTOCOL_REPLY_ACK |
	VHOST_USER_PROTOCOL_BACKEND_REQ |
	VHOST_USER_PROTOCOL_CONFIG |
	VHOST_USER_PROTOCOL_RESET_DEVICE |
	VHOST_USER_PROTOCOL_CONFIGURE_MEM_SLOTS |
	VHOST_USER_PROTOCOL_STATUS;

static uint64_t offered(const struct session *session)
{
	return protocol_features_offered |
	       (session->setup->device->window_size ? VHOST_USER_PROTOCOL_SHMEM : 0);
}

static int reply_u64(struct session *session, uint64_t value)
{
	session->message.payload.u64 = value;
	session->reply_size = sizeof(value);
	return 0;
}

/**
 * session_get_features() - GET_FEATURES
 * @session: the session
 *
 * The kernel may offer more than 64 features; the protocol has room for 64.
 *
 * Return: 0, or a negative errno after a message.
 */
int session_get_features(struct session *session)
{
	__u64 features;
	int result;

	result = DEVICE_CALL(session->setup->device, VHOST_GET_FEATURES, &features);
	if (result)
		return result;
	return reply_u64(session, features | VHOST_USER_F_PROTOCOL_FEATURES);
}

/* Without protocol features there is no request that enables a ring. */
static int enable_all(struct session *session)
{
	struct ring_context context;
	unsigned int i;
	int result;

	session_ring_context(session, &context);
	for (i = 0; i < session->setup->device->num_queues; i++) {
		result = ring_set_enabled(&session->rings[i], &context, true);
		if (result)
			return result;
	}
	return 0;
}

/**
 * session_set_features() - SET_FEATURES
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_set_features(struct session *session)
{
	uint64_t features = session->message.payload.u64;
	__u64 kernel = features & ~VHOST_USER_F_PROTOCOL_FEATURES;
	int result;

	result = DEVICE_CALL(session->setup->device, VHOST_SET_FEATURES, &kernel);
	session->features_failed = result;
	if (result) {
		log_error("SET_FEATURES: %#llx", (unsigned long long)kernel);
		return result;
	}
	session->features = features;
	if (features & VHOST_USER_F_PROTOCOL_FEATURES)
		return 0;
	return enable_all(session);
}

/**
 * session_get_protocol_features() - GET_PROTOCOL_FEATURES
 * @session: the session
 *
 * Return: 0.
 */
int session_get_protocol_features(struct session *session)
{
	return reply_u64(session, offered(session));
}

/**
 * session_set_protocol_features() - SET_PROTOCOL_FEATURES
 * @session: the session
 *
 * Return: 0, or -EINVAL after a message.
 */
int session_set_protocol_features(struct session *session)
{
	uint64_t features = session->message.payload.u64;

	if (features & ~offered(session)) {
		log_error("SET_PROTOCOL_FEATURES: %#llx were not offered",
			  (unsigned long long)(features & ~offered(session)));
		return -EINVAL;
	}
	session->protocol_features = features;
	return 0;
}

/**
 * session_get_queue_num() - GET_QUEUE_NUM
 * @session: the session
 *
 * Return: 0.
 */
int session_get_queue_num(struct session *session)
{
	return reply_u64(session, session->setup->device->num_queues);
}

/**
 * session_set_channel() - SET_BACKEND_REQ_FD
 * @session: the session
 *
 * A socket that is being waited for is not replaced: the front end may hold it
 * open, and so keep it being waited for after it was closed here.
 *
 * Return: 0, or -EBUSY after a message.
 */
int session_set_channel(struct session *session)
{
	if (channel_busy(&session->channel)) {
		log_error("SET_BACKEND_REQ_FD: a request still waits for the old one");
		return -EBUSY;
	}
	channel_open(&session->channel, message_take_fd(&session->message, 0));
	return 0;
}

/**
 * session_get_config() - GET_CONFIG
 * @session: the session
 *
 * A reply without payload tells the front end that it failed.
 *
 * Return: 0.
 */
int session_get_config(struct session *session)
{
	struct vhost_user_config *config = &session->message.payload.config;
	int result;

	result = device_read_config(session->setup->device, config->offset, config->size,
				    config->data);
	session->reply_size = result ? 0 : (int)session->message.header.size;
	return 0;
}

/* The writable part of a whole that a migration brings: the rest is the device's. */
static int migrate_config(struct session *session, const struct vhost_user_config *config)
{
	const struct device_class *class = session->setup->class;
	const struct config_span *span;
	size_t i;
	int result;

	for (i = 0; i < class->num_writable; i++) {
		span = &class->writable[i];
		if (span->offset < config->offset ||
		    span->offset + span->size > config->offset + config->size)
			continue;
		result = device_write_config(session->setup->device, span->offset, span->size,
					     config->data + span->offset - config->offset);
		if (result)
			return result;
	}
	return 0;
}

/**
 * session_set_config() - SET_CONFIG
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_set_config(struct session *session)
{
	const struct vhost_user_config *config = &session->message.payload.config;

	if (config->flags & VHOST_USER_CONFIG_MIGRATION)
		return migrate_config(session, config);
	return device_write_config(session->setup->device, config->offset, config->size,
				   config->data);
}

/**
 * session_get_status() - GET_STATUS
 * @session: the session
 *
 * Return: 0.
 */
int session_get_status(struct session *session)
{
	return reply_u64(session, session->status);
}

/**
 * session_set_status() - SET_STATUS
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_set_status(struct session *session)
{
	uint64_t status = session->message.payload.u64;

	if (status > UINT8_MAX) {
		log_error("SET_STATUS: %#llx is no device status", (unsigned long long)status);
		return -EINVAL;
	}
	if (!status)
		return session_reset(session);
	if (session->features_failed)
		status &= ~(uint64_t)VIRTIO_CONFIG_S_FEATURES_OK;
	session->status = status;
	return 0;
}

/**
 * session_get_shmem_config() - GET_SHMEM_CONFIG
 * @session: the session
 *
 * The window is region 0, and the only one.
 *
 * Return: 0.
 */
int session_get_shmem_config(struct session *session)
{
	struct vhost_user_shmem_config *shmem = &session->message.payload.shmem;

	memset(shmem, 0, sizeof(*shmem));
	shmem->num_regions = 1;
	shmem->sizes[0] = session->setup->device->window_size;
	session->reply_size = sizeof(*shmem);
	return 0;
}
