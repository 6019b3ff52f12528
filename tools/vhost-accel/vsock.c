// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device class vsock: the host's end of AF_VSOCK
 */
#include <errno.h>
#include <string.h>

#include "class.h"
#include "device.h"
#include "log.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/** define VSOCK_QUEUES - receive, transmit, event */
#define VSOCK_QUEUES	3

/** struct vsock_options - options of the class */
struct vsock_options {
	__u64 cid;
};

static int set_cid(void *options, const char *value)
{
	struct vsock_options *vsock = options;
	unsigned long number;

	if (options_number("cid", value, 0xfffffffe, &number))
		return -1;
	if (number < 3) {
		log_error("--cid: 0, 1 and 2 are reserved");
		return -1;
	}
	vsock->cid = number;
	return 0;
}

static const struct option_rule vsock_rules[] = {
	{ "cid", "N", "CID of the guest, from 3 on", set_cid },
};

static int check_options(const void *options)
{
	const struct vsock_options *vsock = options;

	if (vsock->cid)
		return 0;
	log_error("serve vsock: --cid is needed");
	return -1;
}

static int attach(struct device *device, const void *options)
{
	const struct vsock_options *vsock = options;
	__u64 cid = vsock->cid;
	int result = DEVICE_CALL(device, VHOST_VSOCK_SET_GUEST_CID, &cid);

	if (result == -EADDRINUSE)
		log_error("--cid %llu: another guest has it", (unsigned long long)cid);
	return result;
}

static int num_queues(struct device *device, const void *options)
{
	(void)device;
	(void)options;
	return VSOCK_QUEUES;
}

/* Connections do not move: the driver has to hear that they are gone. */
static int restored(struct device *device)
{
	return DEVICE_CALL(device, VHA_VSOCK_TRANSPORT_RESET, NULL);
}

const struct device_class vsock_class = {
	.name = "vsock",
	.summary = "sockets of the host: AF_VSOCK",
	.virtio_id = 19,
	.node = "/dev/vhost-accel/vsock",
	.capabilities = "{\n  \"type\": \"vsock\",\n  \"features\": [ ]\n}\n",
	.options = vsock_rules,
	.num_options = ARRAY_SIZE(vsock_rules),
	.options_size = sizeof(struct vsock_options),
	.check = check_options,
	.attach = attach,
	.num_queues = num_queues,
	.restored = restored,
};
