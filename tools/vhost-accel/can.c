// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device class can: a CAN controller
 */
#include <errno.h>
#include <linux/can.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "class.h"
#include "device.h"
#include "log.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/** define CAN_QUEUES - to the bus, from the bus, control */
#define CAN_QUEUES		3
/** define CAN_RECEIVE_BUFFER - bytes of the socket's receive buffer, by default
 *
 * Room for what a bus can send while the kernel is busy with other things.
 */
#define CAN_RECEIVE_BUFFER	(4U << 20)

/**
 * struct can_options - options of the class
 * @interface: name of the interface
 * @fd: descriptor of a bound socket, if @has_fd
 * @has_fd: a socket was inherited
 * @classic: no CAN FD
 * @late_tx_ack: offer confirmation by the bus
 * @bit_rate_switch: transmit CAN FD frames with bit rate switch
 * @tx_rate: frames per second, 0 without limit
 * @tx_burst: frames at once after a pause, 0 for the node's choice
 * @in_flight: frames waiting for confirmation, 0 for the node's choice
 * @confirm_ms: time they have for it, 0 for the node's choice
 * @receive_buffer: bytes of the socket's receive buffer, 0 for the default
 * @num_filters: how many filters there are
 * @filters: what the guest receives
 */
struct can_options {
	const char *interface;
	int fd;
	bool has_fd;
	bool classic;
	bool late_tx_ack;
	bool bit_rate_switch;
	unsigned int tx_rate;
	unsigned int tx_burst;
	unsigned int in_flight;
	unsigned int confirm_ms;
	unsigned int receive_buffer;
	unsigned int num_filters;
	struct can_filter filters[CAN_RAW_FILTER_MAX];
};

static int set_interface(void *options, const char *value)
{
	struct can_options *can = options;

	if (!*value || strlen(value) >= IF_NAMESIZE) {
		log_error("--interface: '%s' is no name of an interface", value);
		return -1;
	}
	can->interface = value;
	return 0;
}

static int set_fd(void *options, const char *value)
{
	struct can_options *can = options;
	unsigned long number;

	if (options_number("backing-fd", value, 1 << 20, &number))
		return -1;
	can->fd = number;
	can->has_fd = true;
	return 0;
}

static int set_classic(void *options, const char *value)
{
	(void)value;
	((struct can_options *)options)->classic = true;
	return 0;
}

static int set_late_tx_ack(void *options, const char *value)
{
	(void)value;
	((struct can_options *)options)->late_tx_ack = true;
	return 0;
}

static int set_bit_rate_switch(void *options, const char *value)
{
	(void)value;
	((struct can_options *)options)->bit_rate_switch = true;
	return 0;
}

/* A number of which zero has no meaning of its own. */
static int set_positive(const char *name, const char *value, unsigned long max,
			unsigned int *result)
{
	unsigned long number;

	if (options_number(name, value, max, &number))
		return -1;
	if (!number) {
		log_error("--%s: zero is not possible", name);
		return -1;
	}
	*result = number;
	return 0;
}

static int set_tx_rate(void *options, const char *value)
{
	struct can_options *can = options;

	return set_positive("tx-rate", value, VHA_CAN_RATE_MAX, &can->tx_rate);
}

static int set_tx_burst(void *options, const char *value)
{
	struct can_options *can = options;

	return set_positive("tx-burst", value, VHA_CAN_RATE_MAX, &can->tx_burst);
}

static int set_in_flight(void *options, const char *value)
{
	struct can_options *can = options;

	return set_positive("in-flight", value, VHA_CAN_IN_FLIGHT_MAX, &can->in_flight);
}

static int set_confirm_ms(void *options, const char *value)
{
	struct can_options *can = options;

	return set_positive("confirm-ms", value, VHA_CAN_CONFIRM_MS_MAX, &can->confirm_ms);
}

static int set_receive_buffer(void *options, const char *value)
{
	struct can_options *can = options;

	return set_positive("receive-buffer", value, 1 << 30, &can->receive_buffer);
}

/*
 * Hexadecimal, as candump has it: an identifier of eight digits is an extended
 * one, and a tilde instead of the colon means all others.
 */
static int parse_filter(const char *value, struct can_filter *filter)
{
	size_t digits = strspn(value, "0123456789abcdefABCDEF");
	const char *mask = value + digits + 1;

	if (!digits || digits > 8 || (value[digits] != ':' && value[digits] != '~'))
		return -1;
	if (!*mask || strlen(mask) > 8 ||
	    strspn(mask, "0123456789abcdefABCDEF") != strlen(mask))
		return -1;
	filter->can_id = strtoul(value, NULL, 16) & ~CAN_ERR_FLAG;
	filter->can_mask = strtoul(mask, NULL, 16) & ~CAN_ERR_FLAG;
	if (digits == 8)
		filter->can_id |= CAN_EFF_FLAG;
	if (value[digits] == '~')
		filter->can_id |= CAN_INV_FILTER;
	return 0;
}

static int set_filter(void *options, const char *value)
{
	struct can_options *can = options;

	if (can->num_filters == CAN_RAW_FILTER_MAX) {
		log_error("--filter: there can be %d at most", CAN_RAW_FILTER_MAX);
		return -1;
	}
	if (parse_filter(value, &can->filters[can->num_filters])) {
		log_error("--filter: '%s' is neither ID:MASK nor ID~MASK", value);
		return -1;
	}
	can->num_filters++;
	return 0;
}

static const struct option_rule can_rules[] = {
	{ "interface", "NAME", "bus is the one of this interface", set_interface },
	{ "backing-fd", "N", "bus is that of the bound CAN_RAW socket N", set_fd },
	{ "classic", NULL, "no CAN FD", set_classic },
	{ "filter", "ID:MASK", "receive what matches; repeatable, ID~MASK is all else",
	  set_filter },
	{ "late-tx-ack", NULL, "offer that frames are done when the bus confirms them",
	  set_late_tx_ack },
	{ "in-flight", "N", "frames that may wait for that (default: 128)", set_in_flight },
	{ "confirm-ms", "N", "milliseconds they may wait (default: 500)", set_confirm_ms },
	{ "bit-rate-switch", NULL, "transmit CAN FD frames with bit rate switch",
	  set_bit_rate_switch },
	{ "tx-rate", "N", "frames per second to the bus (default: no limit)", set_tx_rate },
	{ "tx-burst", "N", "frames at once after a pause (default: 1)", set_tx_burst },
	{ "receive-buffer", "BYTES", "of the socket (default: 4194304)", set_receive_buffer },
};

static int check_options(const void *options)
{
	const struct can_options *can = options;

	if (!can->interface && !can->has_fd) {
		log_error("serve can: one of --interface and --backing-fd is needed");
		return -1;
	}
	if (can->interface && can->has_fd) {
		log_error("--interface and --backing-fd exclude each other");
		return -1;
	}
	if (can->has_fd && (can->classic || can->late_tx_ack || can->num_filters ||
			    can->receive_buffer)) {
		log_error("--backing-fd: the options of the socket are those it has");
		return -1;
	}
	/* A confirmation is the frame itself, received. */
	if (can->late_tx_ack && can->num_filters) {
		log_error("--late-tx-ack and --filter exclude each other: what is filtered "
			  "would not be confirmed");
		return -1;
	}
	if (can->tx_burst && !can->tx_rate) {
		log_error("--tx-burst needs --tx-rate");
		return -1;
	}
	return 0;
}

static int set_option(int fd, int name, const void *value, socklen_t size)
{
	if (!setsockopt(fd, SOL_CAN_RAW, name, value, size))
		return 0;
	log_error("CAN socket: option %d: %s", name, strerror(errno));
	return -errno;
}

/* Beyond the limit for everybody if that is allowed, else up to it. */
static void set_buffer(int fd, unsigned int bytes)
{
	int half = bytes / 2;

	/* The kernel doubles it, for its own needs. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &half, sizeof(half)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &half, sizeof(half));
}

static int set_up_socket(int fd, const struct can_options *can)
{
	can_err_mask_t errors = CAN_ERR_BUSOFF | CAN_ERR_RESTARTED;
	int on = 1, result;

	set_buffer(fd, can->receive_buffer ? can->receive_buffer : CAN_RECEIVE_BUFFER);
	result = set_option(fd, CAN_RAW_ERR_FILTER, &errors, sizeof(errors));
	if (!result && !can->classic)
		result = set_option(fd, CAN_RAW_FD_FRAMES, &on, sizeof(on));
	if (!result && can->late_tx_ack)
		result = set_option(fd, CAN_RAW_RECV_OWN_MSGS, &on, sizeof(on));
	if (!result && can->num_filters)
		result = set_option(fd, CAN_RAW_FILTER, can->filters,
				    can->num_filters * sizeof(can->filters[0]));
	return result;
}

static int bind_socket(int fd, const char *interface)
{
	struct sockaddr_can address = { .can_family = AF_CAN };

	address.can_ifindex = if_nametoindex(interface);
	if (!address.can_ifindex || bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		log_error("%s: %s", interface,
			  address.can_ifindex && errno == ENODEV ? "not a CAN interface" :
			  strerror(errno));
		return -errno;
	}
	return 0;
}

static int open_socket(const struct can_options *can)
{
	int fd, result;

	if (can->has_fd)
		return can->fd;
	fd = socket(PF_CAN, SOCK_RAW | SOCK_CLOEXEC, CAN_RAW);
	if (fd < 0) {
		result = -errno;
		log_error("CAN socket: %s", strerror(errno));
		return result;
	}
	result = set_up_socket(fd, can);
	if (!result)
		result = bind_socket(fd, can->interface);
	if (result) {
		close(fd);
		return result;
	}
	return fd;
}

static int attach(struct device *device, const void *options)
{
	const struct can_options *can = options;
	struct vha_backend backend = { 0 };
	struct vha_can_params params = {
		.flags = can->bit_rate_switch ? VHA_CAN_F_BRS : 0,
		.tx_rate = can->tx_rate,
		.tx_burst = can->tx_burst,
		.in_flight = can->in_flight,
		.confirm_ms = can->confirm_ms,
	};
	int result;

	backend.fd = open_socket(can);
	if (backend.fd < 0)
		return backend.fd;
	result = DEVICE_CALL(device, VHA_CAN_SET_PARAMS, &params);
	if (!result)
		result = DEVICE_CALL(device, VHA_SET_BACKEND, &backend);
	if (result)
		log_error("%s: the kernel refuses it with these options",
			  can->interface ? can->interface : "backing descriptor");
	/* The kernel holds its own reference. */
	close(backend.fd);
	return result;
}

static int num_queues(struct device *device, const void *options)
{
	(void)device;
	(void)options;
	return CAN_QUEUES;
}

const struct device_class can_class = {
	.name = "can",
	.summary = "a CAN controller on an interface of the host",
	.virtio_id = 36,
	.node = "/dev/vhost-accel/can",
	.capabilities = "{\n  \"type\": \"can\",\n  \"features\": []\n}\n",
	.options = can_rules,
	.num_options = ARRAY_SIZE(can_rules),
	.options_size = sizeof(struct can_options),
	.check = check_options,
	.attach = attach,
	.num_queues = num_queues,
};
