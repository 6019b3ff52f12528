/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests of the back end to the front end
 */
#ifndef VHOST_ACCEL_CHANNEL_H
#define VHOST_ACCEL_CHANNEL_H

#include <stdbool.h>

#include "vhost_user.h"

/**
 * struct channel - the connection for requests of the back end
 * @fd: its socket, -1 before the front end gave one
 * @pending: @header and @iotlb wait for room in the socket
 * @header: header of the request that waits
 * @iotlb: its payload, if it has one
 */
struct channel {
	int fd;
	bool pending;
	struct vhost_user_header header;
	struct vhost_iotlb_msg iotlb;
};

void channel_init(struct channel *channel);
void channel_open(struct channel *channel, int fd);
void channel_close(struct channel *channel);
int channel_send_config_change(struct channel *channel);
int channel_send_iotlb(struct channel *channel, const struct vhost_iotlb_msg *iotlb);
int channel_flush(struct channel *channel);

#endif /* VHOST_ACCEL_CHANNEL_H */
