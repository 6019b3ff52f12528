// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel reports is passed on to the front end
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "session.h"

/**
 * session_wants_iotlb() - whether to look for translations the kernel asks for
 * @session: the session
 *
 * Without a channel to pass them on they wait in the kernel.
 *
 * Return: true if the device's addresses are I/O virtual ones and the front end
 * can be asked for them.
 */
bool session_wants_iotlb(const struct session *session)
{
	struct ring_context context;

	session_ring_context(session, &context);
	return context.iova && session->channel.fd >= 0 && !channel_busy(&session->channel);
}

/**
 * session_config_changed() - the kernel announced new configuration
 * @session: the session, with a channel on which nothing waits
 *
 * A front end without a channel reads configuration space when it wants to.
 *
 * Return: 0, or a negative errno after a message.
 */
int session_config_changed(struct session *session)
{
	if (session->channel.fd < 0 ||
	    !(session->protocol_features & VHOST_USER_PROTOCOL_CONFIG))
		return 0;
	log_debug("configuration changed, the front end is told");
	return channel_send_config_change(&session->channel);
}

/**
 * session_forward_iotlb() - the kernel asks for a translation
 * @session: the session, with a channel on which nothing waits
 *
 * Return: 0, or a negative errno after a message.
 */
int session_forward_iotlb(struct session *session)
{
	struct vhost_msg_v2 message;
	ssize_t count;

	count = read(session->setup->device->fd, &message, sizeof(message));
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (count < 0) {
		log_error("IOTLB message: %s", strerror(errno));
		return -errno;
	}
	if (count != sizeof(message) || message.type != VHOST_IOTLB_MSG_V2) {
		log_error("IOTLB message of an unknown form");
		return -EPROTO;
	}
	return channel_send_iotlb(&session->channel, &message.iotlb);
}
