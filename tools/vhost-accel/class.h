/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is particular to a device class: one const row per class
 */
#ifndef VHOST_ACCEL_DEVICE_CLASS_H
#define VHOST_ACCEL_DEVICE_CLASS_H

#include <stddef.h>
#include <stdint.h>

#include "options.h"

struct device;

/** struct config_span - bytes of configuration space a driver may write */
struct config_span {
	uint32_t offset;
	uint32_t size;
};

/**
 * struct device_class - a device class
 * @name: as in /dev/vhost-accel/NAME and on the command line
 * @summary: one line for people
 * @virtio_id: virtio device id
 * @node: default device node
 * @capabilities: answer to --print-capabilities
 * @options: options of its own
 * @num_options: how many
 * @options_size: bytes of the structure they are stored in, which starts out
 *	zeroed
 * @writable: what a driver may write
 * @num_writable: how many
 * @check: check the options against each other; 0 or -1 after a message
 * @attach: give the node its parameters and its backing object; 0 or a negative
 *	errno after a message
 * @num_queues: queues the attached device has; a number or a negative errno
 * @restored: the guest has used such a device before, elsewhere or of a server
 *	before this one, and no ring runs yet; 0 or a negative errno after a message.
 *	Optional
 */
struct device_class {
	const char *name;
	const char *summary;
	uint32_t virtio_id;
	const char *node;
	const char *capabilities;
	const struct option_rule *options;
	size_t num_options;
	size_t options_size;
	const struct config_span *writable;
	size_t num_writable;
	int (*check)(const void *options);
	int (*attach)(struct device *device, const void *options);
	int (*num_queues)(struct device *device, const void *options);
	int (*restored)(struct device *device);
};

extern const struct device_class blk_class;
extern const struct device_class can_class;
extern const struct device_class video_class;
extern const struct device_class vsock_class;

const struct device_class *class_find(const char *name);
const struct device_class *class_at(size_t index);

#endif /* VHOST_ACCEL_DEVICE_CLASS_H */
