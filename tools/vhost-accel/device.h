/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An open node
 */
#ifndef VHOST_ACCEL_DEVICE_NODE_H
#define VHOST_ACCEL_DEVICE_NODE_H

#include <stdint.h>

#include "kernel.h"

/**
 * struct device - an open node
 * @fd: the node, -1 when it is not open
 * @node: its path
 * @info: what it offers
 * @num_queues: queues the device has, at most @info.max_queues
 * @window_size: bytes of the window the front end is to have, 0 for none
 * @window_event: eventfd the kernel signals when something is to be done to it
 */
struct device {
	int fd;
	const char *node;
	struct vha_info info;
	unsigned int num_queues;
	uint64_t window_size;
	int window_event;
};

int device_open(struct device *device, const char *node);
void device_close(struct device *device);
int device_expect(const struct device *device, uint32_t virtio_id);
int device_call(const struct device *device, unsigned long request, const char *name,
		void *argument);
int device_call_ring(const struct device *device, unsigned long request, const char *name,
		     unsigned int index, unsigned int number);
int device_call_ring_fd(const struct device *device, unsigned long request,
			const char *name, unsigned int index, int fd);
int device_read_config(const struct device *device, uint32_t offset, uint32_t size,
		       void *data);
int device_write_config(const struct device *device, uint32_t offset, uint32_t size,
			const void *data);
int device_spread_workers(const struct device *device, unsigned int num_workers);
int device_set_poll(const struct device *device, unsigned int microseconds);

/** DEVICE_CALL() - issue an ioctl that takes a pointer, with a message on failure */
#define DEVICE_CALL(device, request, argument) \
	device_call(device, request, #request, argument)
/** DEVICE_CALL_RING() - issue an ioctl that takes a struct vhost_vring_state */
#define DEVICE_CALL_RING(device, request, index, number) \
	device_call_ring(device, request, #request, index, number)
/** DEVICE_CALL_RING_FD() - issue an ioctl that takes a struct vhost_vring_file */
#define DEVICE_CALL_RING_FD(device, request, index, fd) \
	device_call_ring_fd(device, request, #request, index, fd)

#endif /* VHOST_ACCEL_DEVICE_NODE_H */
