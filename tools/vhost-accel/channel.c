// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests of the back end to the front end. A reply is asked for only where what it
 * says is needed. One request may wait for room in the socket, or for its reply;
 * until then the caller makes no other.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
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
	channel->attached = -1;
}

static void release_attached(struct channel *channel)
{
	if (channel->attached >= 0)
		close(channel->attached);
	channel->attached = -1;
}

/**
 * channel_close() - close it if it is open
 * @channel: the channel
 */
void channel_close(struct channel *channel)
{
	release_attached(channel);
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

	result = message_send(channel->fd, &channel->header, &channel->payload,
			      channel->attached);
	if (result == -EAGAIN)
		return 0;
	channel->pending = false;
	release_attached(channel);
	if (result)
		log_error("request to the front end: %s", strerror(-result));
	return result;
}

static int channel_send(struct channel *channel, uint32_t request, uint32_t flags,
			uint32_t size)
{
	channel->header = (struct vhost_user_header) {
		.request = request,
		.flags = VHOST_USER_VERSION | flags,
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
	return channel_send(channel, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, 0, 0);
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
	channel->payload.iotlb = *iotlb;
	return channel_send(channel, VHOST_USER_BACKEND_IOTLB_MSG, 0, sizeof(*iotlb));
}

/**
 * channel_send_map() - have something mapped or unmapped, and wait for the reply
 * @channel: an open channel on which nothing waits
 * @request: VHOST_USER_BACKEND_SHMEM_MAP or VHOST_USER_BACKEND_SHMEM_UNMAP
 * @map: what
 * @fd: the file to map, the channel's from now on; -1 for none
 *
 * Return: 0, or a negative errno after a message.
 */
int channel_send_map(struct channel *channel, uint32_t request,
		     const struct vhost_user_map *map, int fd)
{
	channel->payload.map = *map;
	channel->attached = fd;
	channel->waiting = request;
	channel->received = 0;
	return channel_send(channel, request, VHOST_USER_FLAG_NEED_REPLY, sizeof(*map));
}

/* Bytes of the reply that are there, but not more than belong to it. */
static ssize_t receive_part(struct channel *channel)
{
	const size_t header = sizeof(channel->header);
	size_t have = channel->received;
	char *to = have < header ? (char *)&channel->header + have :
		   (char *)&channel->payload.u64 + have - header;
	size_t size = have < header ? header - have : header + sizeof(uint64_t) - have;
	ssize_t count;

	do {
		count = recv(channel->fd, to, size, MSG_DONTWAIT);
	} while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	return count ? count : -ECONNRESET;
}

/**
 * channel_receive() - receive the reply that is waited for
 * @channel: a channel on which a request waits for its reply
 * @value: receives what it says
 *
 * Return: 0, -EAGAIN if not all of it is there, another negative errno after a
 * message.
 */
int channel_receive(struct channel *channel, uint64_t *value)
{
	const size_t size = sizeof(channel->header) + sizeof(*value);
	ssize_t count;

	while (channel->received < size) {
		count = receive_part(channel);
		if (count == -EAGAIN)
			return -EAGAIN;
		if (count < 0) {
			log_error("reply of the front end: %s", strerror(-count));
			return count;
		}
		channel->received += count;
	}
	if (channel->header.request != channel->waiting ||
	    channel->header.flags != (VHOST_USER_VERSION | VHOST_USER_FLAG_REPLY) ||
	    channel->header.size != sizeof(*value)) {
		log_error("reply of the front end: not what was asked for (%u, %#x, %u bytes)",
			  channel->header.request, channel->header.flags, channel->header.size);
		return -EPROTO;
	}
	channel->waiting = 0;
	*value = channel->payload.u64;
	return 0;
}
