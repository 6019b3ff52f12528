/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connected front end
 */
#ifndef VHOST_ACCEL_SESSION_H
#define VHOST_ACCEL_SESSION_H

#include "channel.h"
#include "class.h"
#include "device.h"
#include "dirty_log.h"
#include "memory.h"
#include "message.h"
#include "ring.h"

/** define SESSION_MAX_RINGS - rings every request of the protocol can address */
#define SESSION_MAX_RINGS	256

/**
 * struct session_setup - what does not change from front end to front end
 * @device: the node, with owner, parameters and backing object
 * @class: its class
 * @config_call: eventfd the kernel signals when configuration space changed
 * @poll_us: how long workers poll, in microseconds
 * @pin_memory: pin the memory table
 */
struct session_setup {
	struct device *device;
	const struct device_class *class;
	int config_call;
	unsigned int poll_us;
	bool pin_memory;
};

/**
 * struct session - a connected front end
 * @setup: see there
 * @fd: the connection, -1 when there is none
 * @message: the request being received or handled
 * @reply_size: size of the reply in @message.payload, negative for none
 * @channel: connection for requests of this side
 * @memory: the memory table
 * @next_memory: the table being prepared
 * @log: the dirty log
 * @features: virtio features the front end acknowledged
 * @protocol_features: protocol features it acknowledged
 * @features_failed: the last attempt to acknowledge features failed
 * @status: virtio device status
 * @stopped: a ring was stopped, so that its position is our own when it comes back
 * @restored: the class was told that the guest used the device elsewhere
 * @window_request: number of what the front end is doing to the window
 * @rings: the rings, as many as the device has queues
 */
struct session {
	const struct session_setup *setup;
	int fd;
	struct message message;
	int reply_size;
	struct channel channel;
	struct memory memory;
	struct memory next_memory;
	struct dirty_log log;
	uint64_t features;
	uint64_t protocol_features;
	bool features_failed;
	uint8_t status;
	bool stopped;
	bool restored;
	uint32_t window_request;
	struct ring rings[SESSION_MAX_RINGS];
};

/* session.c: life of a session */
void session_init(struct session *session, const struct session_setup *setup);
void session_begin(struct session *session, int fd);
int session_end(struct session *session);
int session_reset(struct session *session);
int session_receive(struct session *session);
void session_ring_context(const struct session *session, struct ring_context *context);

/* session_event.c: what the kernel reports */
bool session_wants_iotlb(const struct session *session);
int session_config_changed(struct session *session);
int session_forward_iotlb(struct session *session);

/* session_memory.c: requests about memory */
int session_set_memory(struct session *session);
int session_add_region(struct session *session);
int session_remove_region(struct session *session);
int session_max_regions(struct session *session);
int session_iotlb(struct session *session);

/* session_log.c: requests about the dirty log */
int session_set_log_base(struct session *session);
int session_set_log_fd(struct session *session);
int session_check_log(const struct dirty_log *log, const struct memory *memory);

/* session_ring.c: requests about rings */
int session_set_ring_size(struct session *session);
int session_set_ring_address(struct session *session);
int session_set_ring_base(struct session *session);
int session_get_ring_base(struct session *session);
int session_set_ring_kick(struct session *session);
int session_set_ring_call(struct session *session);
int session_set_ring_error(struct session *session);
int session_set_ring_enabled(struct session *session);

/* session_device.c: requests about the device as a whole */
int session_get_features(struct session *session);
int session_set_features(struct session *session);
int session_get_protocol_features(struct session *session);
int session_set_protocol_features(struct session *session);
int session_get_queue_num(struct session *session);
int session_set_channel(struct session *session);
int session_get_config(struct session *session);
int session_set_config(struct session *session);
int session_get_status(struct session *session);
int session_set_status(struct session *session);
int session_get_shmem_config(struct session *session);

/* session_window.c: what the kernel wants done to the window */
int session_window_request(struct session *session);
int session_window_reply(struct session *session);

#endif /* VHOST_ACCEL_SESSION_H */
