/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests of the back end to the front end
 */
#ifndef VHOST_ACCEL_CHANNEL_H
#define VHOST_ACCEL_CHANNEL_H

#include <stdbool.h>

#include "vhost_user.h"

/** union channel_payload - payload of a request, or of a reply */
union channel_payload {
	struct vhost_iotlb_msg iotlb;
	struct vhost_user_map map;
	uint64_t u64;
};

/**
 * struct channel - the connection for requests of the back end
 * @fd: its socket, -1 before the front end gave one
 * @pending: @header and @payload wait for room in the socket
 * @waiting: the front end has not replied yet; number of the request, or 0
 * @received: bytes of the reply that came
 * @attached: descriptor that goes with the request, -1 for none
 * @header: header of the request that waits, or of the reply
 * @payload: its payload, if it has one
 */
struct channel {
	int fd;
	bool pending;
	uint32_t waiting;
	size_t received;
	int attached;
	struct vhost_user_header header;
	union channel_payload payload;
};

/**
 * channel_busy() - whether another request has to wait
 * @channel: the channel
 */
static inline bool channel_busy(const struct channel *channel)
{
	return channel->pending || channel->waiting;
}

void channel_init(struct channel *channel);
void channel_open(struct channel *channel, int fd);
void channel_close(struct channel *channel);
int channel_send_config_change(struct channel *channel);
int channel_send_iotlb(struct channel *channel, const struct vhost_iotlb_msg *iotlb);
int channel_send_map(struct channel *channel, uint32_t request,
		     const struct vhost_user_map *map, int fd);
int channel_flush(struct channel *channel);
int channel_receive(struct channel *channel, uint64_t *value);

#endif /* VHOST_ACCEL_CHANNEL_H */
