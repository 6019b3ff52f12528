/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ring as the front end sees it
 */
#ifndef VHOST_ACCEL_RING_H
#define VHOST_ACCEL_RING_H

#include <stdbool.h>

#include "vhost_user.h"

struct device;
struct memory;

/**
 * struct ring - a ring as the front end sees it
 * @index: its index
 * @size: number of descriptors, 0 before it is known
 * @address: addresses in the front end's terms
 * @has_address: they are known
 * @has_kick: the kernel has its kick eventfd
 * @enabled: the front end enabled it
 * @running: the kernel serves it
 * @call: eventfd to signal used buffers, or -1; kept because a reset makes the
 *	kernel forget it while front ends take it for lasting
 * @error: eventfd to signal an error, or -1; kept for the same reason
 */
struct ring {
	unsigned int index;
	unsigned int size;
	struct vhost_vring_addr address;
	bool has_address;
	bool has_kick;
	bool enabled;
	bool running;
	int call;
	int error;
};

/**
 * struct ring_context - what all rings of a session share
 * @device: the node
 * @memory: the memory table
 * @packed: the front end acknowledged packed rings
 * @iova: it acknowledged that addresses are I/O virtual ones
 */
struct ring_context {
	const struct device *device;
	const struct memory *memory;
	bool packed;
	bool iova;
};

void ring_init(struct ring *ring, unsigned int index);
void ring_release(struct ring *ring);
void ring_forget(struct ring *ring);
int ring_set_size(struct ring *ring, const struct ring_context *context, unsigned int size);
int ring_set_address(struct ring *ring, const struct ring_context *context,
		     const struct vhost_vring_addr *address);
int ring_set_base(struct ring *ring, const struct ring_context *context, unsigned int base);
int ring_get_base(struct ring *ring, const struct ring_context *context, unsigned int *base);
int ring_set_kick(struct ring *ring, const struct ring_context *context, int fd);
int ring_set_call(struct ring *ring, const struct ring_context *context, int fd);
int ring_set_error(struct ring *ring, const struct ring_context *context, int fd);
int ring_set_enabled(struct ring *ring, const struct ring_context *context, bool enabled);

#endif /* VHOST_ACCEL_RING_H */
