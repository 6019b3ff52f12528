// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connected front end: receives its requests, has them handled and answered.
 *
 * A request that is not well formed ends the connection. One that is, but fails,
 * is answered as failed if the front end asked for an answer, and ends the
 * connection otherwise: nothing fails silently.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "session.h"

typedef int (*request_handler)(struct session *session);

/* Marks the beginning, and has no effect: the node has an owner from the start. */
static int session_set_owner(struct session *session)
{
	(void)session;
	return 0;
}

/* Deprecated, and what it was meant to do was never agreed upon. */
static int session_reset_owner(struct session *session)
{
	(void)session;
	return 0;
}

static const request_handler handlers[VHOST_USER_REQUESTS] = {
	[VHOST_USER_GET_FEATURES] = session_get_features,
	[VHOST_USER_SET_FEATURES] = session_set_features,
	[VHOST_USER_SET_OWNER] = session_set_owner,
	[VHOST_USER_RESET_OWNER] = session_reset_owner,
	[VHOST_USER_SET_MEM_TABLE] = session_set_memory,
	[VHOST_USER_SET_LOG_BASE] = session_set_log_base,
	[VHOST_USER_SET_LOG_FD] = session_set_log_fd,
	[VHOST_USER_SET_VRING_NUM] = session_set_ring_size,
	[VHOST_USER_SET_VRING_ADDR] = session_set_ring_address,
	[VHOST_USER_SET_VRING_BASE] = session_set_ring_base,
	[VHOST_USER_GET_VRING_BASE] = session_get_ring_base,
	[VHOST_USER_SET_VRING_KICK] = session_set_ring_kick,
	[VHOST_USER_SET_VRING_CALL] = session_set_ring_call,
	[VHOST_USER_SET_VRING_ERR] = session_set_ring_error,
	[VHOST_USER_GET_PROTOCOL_FEATURES] = session_get_protocol_features,
	[VHOST_USER_SET_PROTOCOL_FEATURES] = session_set_protocol_features,
	[VHOST_USER_GET_QUEUE_NUM] = session_get_queue_num,
	[VHOST_USER_SET_VRING_ENABLE] = session_set_ring_enabled,
	[VHOST_USER_SET_BACKEND_REQ_FD] = session_set_channel,
	[VHOST_USER_IOTLB_MSG] = session_iotlb,
	[VHOST_USER_GET_CONFIG] = session_get_config,
	[VHOST_USER_SET_CONFIG] = session_set_config,
	[VHOST_USER_RESET_DEVICE] = session_reset,
	[VHOST_USER_GET_MAX_MEM_SLOTS] = session_max_regions,
	[VHOST_USER_ADD_MEM_REG] = session_add_region,
	[VHOST_USER_REM_MEM_REG] = session_remove_region,
	[VHOST_USER_SET_STATUS] = session_set_status,
	[VHOST_USER_GET_STATUS] = session_get_status,
	[VHOST_USER_GET_SHMEM_CONFIG] = session_get_shmem_config,
};

/**
 * session_init() - no front end is connected
 * @session: the session
 * @setup: what does not change from front end to front end
 */
void session_init(struct session *session, const struct session_setup *setup)
{
	unsigned int i;

	memset(session, 0, sizeof(*session));
	session->setup = setup;
	session->fd = -1;
	channel_init(&session->channel);
	for (i = 0; i < SESSION_MAX_RINGS; i++)
		ring_init(&session->rings[i], i);
}

/**
 * session_ring_context() - what the rings need to know
 * @session: the session
 * @context: receives it
 */
void session_ring_context(const struct session *session, struct ring_context *context)
{
	context->device = session->setup->device;
	context->memory = &session->memory;
	context->packed = session->features & (1ULL << VIRTIO_F_RING_PACKED);
	context->iova = session->features & (1ULL << VIRTIO_F_ACCESS_PLATFORM);
}

/**
 * session_begin() - a front end has connected
 * @session: a session without a front end
 * @fd: the connection, the session's from now on
 */
void session_begin(struct session *session, int fd)
{
	session->fd = fd;
	session->stopped = false;
	session->restored = false;
}

static int set_up_device(const struct session_setup *setup)
{
	int config_call = setup->config_call;
	__u64 features = 1ULL << VHOST_BACKEND_F_IOTLB_MSG_V2;
	int result;

	result = DEVICE_CALL(setup->device, VHA_SET_CONFIG_CALL, &config_call);
	if (!result)
		result = DEVICE_CALL(setup->device, VHOST_SET_BACKEND_FEATURES, &features);
	if (!result)
		result = device_set_poll(setup->device, setup->poll_us);
	return result;
}

/**
 * session_reset() - return the device to the state after its creation
 * @session: the session
 *
 * The memory table stays, and so do the eventfds for used buffers and errors:
 * they are the front end's, not the virtio device's.
 *
 * Return: 0, or a negative errno after a message.
 */
int session_reset(struct session *session)
{
	unsigned int i;
	int result;

	result = DEVICE_CALL(session->setup->device, VHA_RESET, NULL);
	if (result)
		return result;
	for (i = 0; i < session->setup->device->num_queues; i++)
		ring_forget(&session->rings[i]);
	dirty_log_release(&session->log);
	session->features = 0;
	session->features_failed = false;
	session->status = 0;
	return set_up_device(session->setup);
}

/**
 * session_end() - the front end is gone or is not wanted any more
 * @session: the session
 *
 * Afterwards the device holds nothing of the front end's.
 *
 * Return: 0, or a negative errno after a message if the device is unusable.
 */
int session_end(struct session *session)
{
	unsigned int i;
	int result;

	result = session_reset(session);
	if (result)
		return result;
	session->next_memory.num_regions = 0;
	result = memory_install(&session->next_memory, session->setup->device);
	if (result)
		return result;
	memory_release(&session->memory, NULL);
	for (i = 0; i < session->setup->device->num_queues; i++)
		ring_release(&session->rings[i]);
	channel_close(&session->channel);
	message_release(&session->message);
	if (session->fd >= 0)
		close(session->fd);
	session->fd = -1;
	session->protocol_features = 0;
	return 0;
}

static int send_reply(struct session *session, uint32_t size)
{
	struct message *message = &session->message;
	int result;

	message->header.flags = VHOST_USER_VERSION | VHOST_USER_FLAG_REPLY;
	message->header.size = size;
	result = message_send(session->fd, &message->header, &message->payload, -1);
	if (result)
		log_error("%s: reply: %s", vhost_user_name(message->header.request),
			  strerror(-result));
	return result;
}

/* Answer a request that was handled with @result. */
static int answer(struct session *session, int result)
{
	struct message *message = &session->message;
	bool acknowledge = (message->header.flags & VHOST_USER_FLAG_NEED_REPLY) &&
			   (session->protocol_features & VHOST_USER_PROTOCOL_REPLY_ACK);

	if (!result && session->reply_size >= 0)
		return send_reply(session, session->reply_size);
	if (!acknowledge)
		return result;
	if (result)
		log_debug("%s failed, the front end is told",
			  vhost_user_name(message->header.request));
	message->payload.u64 = !!result;
	return send_reply(session, sizeof(message->payload.u64));
}

static int handle(struct session *session)
{
	struct message *message = &session->message;
	const char *name = vhost_user_name(message->header.request);
	struct vhost_user_limits limits = {
		.protocol_features = session->protocol_features,
		.num_rings = session->setup->device->num_queues,
	};
	const char *wrong;
	int result;

	wrong = vhost_user_check(&message->header, &message->payload, message->num_fds,
				 &limits);
	if (wrong) {
		log_error("%s: %s (%u bytes, %u descriptors)", name, wrong,
			  message->header.size, message->num_fds);
		return -EPROTO;
	}
	log_debug("%s", name);
	session->reply_size = -1;
	result = handlers[message->header.request](session);
	return answer(session, result);
}

/**
 * session_receive() - receive and handle what the front end has sent
 * @session: a session with a front end
 *
 * At most one request is handled, so that nobody else has to wait long.
 *
 * Return: 0; 1 if the front end has closed the connection; a negative errno
 * after a message if the connection has to be closed.
 */
int session_receive(struct session *session)
{
	int result;

	switch (message_receive(&session->message, session->fd)) {
	case MESSAGE_PARTIAL:
		return 0;
	case MESSAGE_END:
		return 1;
	case MESSAGE_BROKEN:
		return -EPROTO;
	case MESSAGE_COMPLETE:
		break;
	}
	result = handle(session);
	message_release(&session->message);
	return result;
}
