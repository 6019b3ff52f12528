// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests of the front end about rings. Indices have been checked.
 */
#include <errno.h>

#include "log.h"
#include "session.h"

static struct ring *state_ring(struct session *session, struct ring_context *context)
{
	session_ring_context(session, context);
	return &session->rings[session->message.payload.state.index];
}

static struct ring *fd_ring(struct session *session, struct ring_context *context)
{
	session_ring_context(session, context);
	return &session->rings[session->message.payload.u64 & VHOST_USER_VRING_INDEX];
}

/**
 * session_set_ring_size() - SET_VRING_NUM
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_set_ring_size(struct session *session)
{
	struct ring_context context;
	struct ring *ring = state_ring(session, &context);

	return ring_set_size(ring, &context, session->message.payload.state.num);
}

/**
 * session_set_ring_address() - SET_VRING_ADDR
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_set_ring_address(struct session *session)
{
	const struct vhost_vring_addr *address = &session->message.payload.address;
	struct ring_context context;

	session_ring_context(session, &context);
	return ring_set_address(&session->rings[address->index], &context, address);
}

/* A ring that begins in the middle was used before; packed ones have wrap counters. */
static int note_base(struct session *session, unsigned int base)
{
	const struct device_class *class = session->setup->class;

	if (session->stopped || session->restored || !(base & 0x7fff7fff) || !class->restored)
		return 0;
	session->restored = true;
	return class->restored(session->setup->device);
}

/**
 * session_set_ring_base() - SET_VRING_BASE
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_set_ring_base(struct session *session)
{
	struct ring_context context;
	struct ring *ring = state_ring(session, &context);

	int result = note_base(session, session->message.payload.state.num);

	return result ? result :
	       ring_set_base(ring, &context, session->message.payload.state.num);
}

/**
 * session_get_ring_base() - GET_VRING_BASE
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_get_ring_base(struct session *session)
{
	struct ring_context context;
	struct ring *ring = state_ring(session, &context);

	session->stopped = true;
	session->reply_size = sizeof(session->message.payload.state);
	return ring_get_base(ring, &context, &session->message.payload.state.num);
}

/**
 * session_set_ring_kick() - SET_VRING_KICK
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_set_ring_kick(struct session *session)
{
	struct ring_context context;
	struct ring *ring = fd_ring(session, &context);

	if (session->message.payload.u64 & VHOST_USER_VRING_NO_FD) {
		log_error("SET_VRING_KICK: ring %u has no eventfd, and polled rings are not served",
			  ring->index);
		return -EOPNOTSUPP;
	}
	return ring_set_kick(ring, &context, session->message.fds[0]);
}

/**
 * session_set_ring_call() - SET_VRING_CALL
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_set_ring_call(struct session *session)
{
	struct ring_context context;
	struct ring *ring = fd_ring(session, &context);

	return ring_set_call(ring, &context, message_take_fd(&session->message, 0));
}

/**
 * session_set_ring_error() - SET_VRING_ERR
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_set_ring_error(struct session *session)
{
	struct ring_context context;
	struct ring *ring = fd_ring(session, &context);

	return ring_set_error(ring, &context, message_take_fd(&session->message, 0));
}

/**
 * session_set_ring_enabled() - SET_VRING_ENABLE
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_set_ring_enabled(struct session *session)
{
	struct ring_context context;
	struct ring *ring = state_ring(session, &context);

	return ring_set_enabled(ring, &context, session->message.payload.state.num);
}
