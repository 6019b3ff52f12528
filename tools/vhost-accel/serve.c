// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command "serve": a vhost-user back end whose data plane is in the kernel.
 *
 * This process translates requests of the front end into ioctls and owns the
 * mappings of the guest's memory that the kernel works on. It never looks at
 * that memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "exit_status.h"
#include "log.h"
#include "notify.h"
#include "serve.h"

/* Each ring needs up to two descriptors here, and the kernel holds more. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int spread_workers(struct serve *serve)
{
	unsigned int max = serve->device.info.max_workers;
	unsigned int workers = serve->options.workers;

	if (!workers)
		workers = max;
	if (workers > max) {
		log_error("--workers: the node has at most %u", max);
		return -EINVAL;
	}
	/* More workers than queues would have nothing to do. */
	if (workers > serve->device.num_queues)
		workers = serve->device.num_queues;
	return device_spread_workers(&serve->device, workers);
}

static int count_queues(struct serve *serve)
{
	struct device *device = &serve->device;
	int count = serve->class->num_queues(device, serve->class_options);

	if (count < 0)
		return count;
	if (count < 1 || count > (int)device->info.max_queues || count > SESSION_MAX_RINGS) {
		log_error("%s: %d queues can not be served", device->node, count);
		return -EPROTO;
	}
	device->num_queues = count;
	return 0;
}

static int prepare_device(struct serve *serve)
{
	struct device *device = &serve->device;
	int result;

	result = device_open(device, serve->options.node ? serve->options.node :
			     serve->class->node);
	if (!result)
		result = device_expect(device, serve->class->virtio_id);
	if (!result)
		result = DEVICE_CALL(device, VHOST_SET_OWNER, NULL);
	if (!result)
		result = serve->class->attach(device, serve->class_options);
	if (!result)
		result = count_queues(serve);
	if (!result)
		result = spread_workers(serve);
	if (!result)
		result = stats_open(&serve->stats, device);
	return result;
}

static int prepare_setup(struct serve *serve)
{
	serve->setup = (struct session_setup) {
		.device = &serve->device,
		.class = serve->class,
		.config_call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.poll_us = serve->options.poll_us,
		.pin_memory = serve->options.pin_memory,
	};
	if (serve->setup.config_call < 0) {
		log_error("eventfd: %s", strerror(errno));
		return -errno;
	}
	session_init(&serve->session, &serve->setup);
	return session_reset(&serve->session);
}

static int prepare_socket(struct serve *serve)
{
	const struct serve_options *options = &serve->options;
	int fd = options->fd;

	if (options->socket)
		return endpoint_create(&serve->endpoint, options->socket, options->socket_mode);
	if (fd < 0)
		fd = endpoint_activated();
	if (fd == -1)
		log_error("$LISTEN_FDS is not meant for this process, and there is no --socket");
	if (fd < 0)
		return -EINVAL;
	return endpoint_adopt(&serve->endpoint, fd);
}

/* A connection that was inherited is the only one there will be. */
static void take_connection(struct serve *serve)
{
	if (serve->endpoint.connection < 0)
		return;
	session_begin(&serve->session, serve->endpoint.connection);
	serve->endpoint.connection = -1;
	serve->options.one_shot = true;
}

static int prepare(struct serve *serve)
{
	int result;

	raise_descriptor_limit();
	result = prepare_device(serve);
	if (!result)
		result = prepare_setup(serve);
	if (!result)
		result = prepare_socket(serve);
	if (!result && serve->options.stats_socket)
		result = endpoint_create(&serve->stats_endpoint, serve->options.stats_socket,
					 -1);
	if (!result)
		result = serve_watch(serve);
	return result;
}

static int run(struct serve *serve)
{
	int status;

	log_set_verbose(serve->options.verbose);
	if (prepare(serve))
		return STATUS_ENVIRONMENT;
	take_connection(serve);
	notify_manager("READY=1");
	status = serve_loop(serve);
	notify_manager("STOPPING=1");
	return status;
}

/* The kernel stops the device before the socket goes, then the process ends. */
static void clean_up(struct serve *serve)
{
	device_close(&serve->device);
	endpoint_close(&serve->endpoint);
	endpoint_close(&serve->stats_endpoint);
	stats_close(&serve->stats);
	free(serve->class_options);
	free(serve);
}

static struct serve *create(const struct device_class *class)
{
	struct serve *serve = calloc(1, sizeof(*serve));

	if (!serve)
		return NULL;
	serve->class = class;
	serve->class_options = calloc(1, class->options_size);
	if (!serve->class_options) {
		free(serve);
		return NULL;
	}
	serve->device.fd = -1;
	serve->device.window_event = -1;
	serve->stats.fd = -1;
	endpoint_init(&serve->endpoint);
	endpoint_init(&serve->stats_endpoint);
	return serve;
}

/**
 * serve_class() - serve a device of a class
 * @class: the class
 * @argc: number of arguments, the first one not looked at
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int serve_class(const struct device_class *class, int argc, char **argv)
{
	struct serve *serve = create(class);
	int status = STATUS_OK;

	if (!serve) {
		log_error("out of memory");
		return STATUS_ENVIRONMENT;
	}
	if (serve_parse(serve, argc, argv))
		status = STATUS_USAGE;
	else if (serve->options.help)
		serve_help(class, stdout);
	else if (serve->options.capabilities)
		fputs(class->capabilities, stdout);
	else
		status = run(serve);
	clean_up(serve);
	return status;
}

/**
 * serve_command() - the command "serve"
 * @argc: number of arguments, the command's name included
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int serve_command(int argc, char **argv)
{
	const struct device_class *class;

	if (argc < 2 || !strcmp(argv[1], "--help")) {
		serve_help(NULL, argc < 2 ? stderr : stdout);
		return argc < 2 ? STATUS_USAGE : STATUS_OK;
	}
	class = class_find(argv[1]);
	if (!class) {
		log_error("serve: there is no class '%s'; see vhost-accel serve --help", argv[1]);
		return STATUS_USAGE;
	}
	return serve_class(class, argc - 1, argv + 1);
}
