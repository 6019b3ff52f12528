// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests of the back end to the front end. No reply is asked for. One request
 * may wait for room in the socket; until it is sent, the caller makes no other.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "log.h"
#include "message.h"

/**
 * channel_init() - no channel yet
 * @channel: the channel
 */
void channel_init(struct channel *channel)
{
	memset(channel, 0, sizeof(*channel));
	channel->fd = -1;
}

/**
 * channel_close() - close it if it is open
 * @channel: the channel
 */
void channel_close(struct channel *channel)
{
	if (channel->fd >= 0)
		close(channel->fd);
	channel_init(channel);
}

/**
 * channel_open() - use a socket from now on
 * @channel: the channel
 * @fd: the socket, the channel's from now on
 */
void channel_open(struct channel *channel, int fd)
{
	channel_close(channel);
	channel->fd = fd;
}

/**
 * channel_flush() - send the request that waits
 * @channel: the channel
 *
 * Return: 0 if it was sent or still waits, a negative errno after a message if
 * the channel is unusable.
 */
int channel_flush(struct channel *channel)
{
	int result;

	result = message_send(channel->fd, &channel->header, &channel->iotlb);
	if (result == -EAGAIN)
		return 0;
	channel->pending = false;
	if (result)
		log_error("request to the front end: %s", strerror(-result));
	return result;
}

static int channel_send(struct channel *channel, uint32_t request, uint32_t size)
{
	channel->header = (struct vhost_user_header) {
		.request = request,
		.flags = VHOST_USER_VERSION,
		.size = size,
	};
	channel->pending = true;
	return channel_flush(channel);
}

/**
 * channel_send_config_change() - announce that configuration space changed
 * @channel: an open channel on which nothing waits
 *
 * Return: 0, or a negative errno after a message.
 */
int channel_send_config_change(struct channel *channel)
{
	return channel_send(channel, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, 0);
}

/**
 * channel_send_iotlb() - report a missing or refused translation
 * @channel: an open channel on which nothing waits
 * @iotlb: the report
 *
 * Return: 0, or a negative errno after a message.
 */
int channel_send_iotlb(struct channel *channel, const struct vhost_iotlb_msg *iotlb)
{
	channel->iotlb = *iotlb;
	return channel_send(channel, VHOST_USER_BACKEND_IOTLB_MSG, sizeof(*iotlb));
}
