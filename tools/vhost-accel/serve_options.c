// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command "serve": its command line
 */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "serve.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

static int set_help(void *options, const char *value)
{
	(void)value;
	((struct serve_options *)options)->help = true;
	return 0;
}

static int set_capabilities(void *options, const char *value)
{
	(void)value;
	((struct serve_options *)options)->capabilities = true;
	return 0;
}

static int set_verbose(void *options, const char *value)
{
	(void)value;
	((struct serve_options *)options)->verbose = true;
	return 0;
}

static int set_one_shot(void *options, const char *value)
{
	(void)value;
	((struct serve_options *)options)->one_shot = true;
	return 0;
}

static int set_pin_memory(void *options, const char *value)
{
	(void)value;
	((struct serve_options *)options)->pin_memory = true;
	return 0;
}

static int set_socket(void *options, const char *value)
{
	((struct serve_options *)options)->socket = value;
	return 0;
}

static int set_node(void *options, const char *value)
{
	((struct serve_options *)options)->node = value;
	return 0;
}

static int set_stats_socket(void *options, const char *value)
{
	((struct serve_options *)options)->stats_socket = value;
	return 0;
}

static int set_socket_mode(void *options, const char *value)
{
	struct serve_options *serve = options;
	char *end;
	long mode;

	mode = strtol(value, &end, 8);
	if (end == value || *end || mode < 0 || mode > 0777) {
		log_error("--socket-mode: '%s' is not an octal file mode", value);
		return -1;
	}
	serve->socket_mode = mode;
	return 0;
}

static int set_fd(void *options, const char *value)
{
	struct serve_options *serve = options;
	unsigned long number;

	if (options_number("fd", value, 1 << 20, &number))
		return -1;
	serve->fd = number;
	return 0;
}

static int set_workers(void *options, const char *value)
{
	struct serve_options *serve = options;
	unsigned long number;

	if (!strcmp(value, "auto")) {
		serve->workers = 0;
		return 0;
	}
	if (options_number("workers", value, 1024, &number))
		return -1;
	if (!number) {
		log_error("--workers: at least one worker is needed");
		return -1;
	}
	serve->workers = number;
	return 0;
}

static int set_poll_us(void *options, const char *value)
{
	struct serve_options *serve = options;
	unsigned long number;

	if (options_number("poll-us", value, 1000000, &number))
		return -1;
	serve->poll_us = number;
	return 0;
}

static int set_stats_interval(void *options, const char *value)
{
	struct serve_options *serve = options;
	unsigned long number;

	if (options_number("stats-interval", value, 86400, &number))
		return -1;
	serve->stats_interval = number;
	return 0;
}

static const struct option_rule serve_rules[] = {
	{ "socket", "PATH", "listen on a new UNIX socket", set_socket },
	{ "socket-path", "PATH", NULL, set_socket },
	{ "socket-mode", "MODE", "its file mode, octal (default: as the umask says)",
	  set_socket_mode },
	{ "fd", "N", "use inherited socket N, listening or connected", set_fd },
	{ "one-shot", NULL, "exit when the first front end has gone", set_one_shot },
	{ "node", "PATH", "device node", set_node },
	{ "workers", "N|auto", "kernel threads; auto is one per queue (default: 1)",
	  set_workers },
	{ "poll-us", "N", "microseconds threads poll before they sleep (default: 0)",
	  set_poll_us },
	{ "pin-memory", NULL, "pin all guest memory while it is in use", set_pin_memory },
	{ "stats-socket", "PATH", "answer 'vhost-accel stats PATH'", set_stats_socket },
	{ "stats-interval", "N", "print statistics every N seconds", set_stats_interval },
	{ "print-capabilities", NULL, "print capabilities in JSON and exit",
	  set_capabilities },
	{ "verbose", NULL, "log every request", set_verbose },
	{ "help", NULL, "this list", set_help },
};

/**
 * serve_help() - what the command can do
 * @class: the class, or NULL for a list of classes
 * @stream: where to print
 */
void serve_help(const struct device_class *class, FILE *stream)
{
	size_t i;

	if (!class) {
		fputs("Usage: vhost-accel serve CLASS [OPTION]...\n\nClasses:\n", stream);
		for (i = 0; (class = class_at(i)); i++)
			fprintf(stream, "  %-8s  %s\n", class->name, class->summary);
		return;
	}
	fprintf(stream, "Usage: vhost-accel serve %s [OPTION]...\n\n", class->name);
	fprintf(stream, "Offer a vhost-user front end %s.\n\nThe device:\n", class->summary);
	options_help(stream, class->options, class->num_options);
	fputs("\nThe service:\n", stream);
	options_help(stream, serve_rules, ARRAY_SIZE(serve_rules));
}

/* Of --print-capabilities other options must not matter, not even wrong ones. */
static bool asks_for_capabilities(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--print-capabilities"))
			return true;
	return false;
}

static int check_options(const struct serve *serve)
{
	const struct serve_options *options = &serve->options;

	if (options->socket && options->fd >= 0) {
		log_error("--socket and --fd exclude each other");
		return -1;
	}
	if (!options->socket && options->fd < 0 && !getenv("LISTEN_FDS")) {
		log_error("one of --socket and --fd is needed");
		return -1;
	}
	if (options->socket_mode >= 0 && !options->socket) {
		log_error("--socket-mode needs --socket");
		return -1;
	}
	return serve->class->check(serve->class_options);
}

/**
 * serve_parse() - read the command line
 * @serve: @serve->class is set; receives the options
 * @argc: number of arguments, the first one not looked at
 * @argv: the arguments
 *
 * Return: 0, or -1 after a message.
 */
int serve_parse(struct serve *serve, int argc, char **argv)
{
	const struct device_class *class = serve->class;
	struct option_set sets[] = {
		{ serve_rules, ARRAY_SIZE(serve_rules), &serve->options },
		{ class->options, class->num_options, serve->class_options },
	};
	int index;

	serve->options = (struct serve_options) { .socket_mode = -1, .fd = -1, .workers = 1 };
	if (asks_for_capabilities(argc, argv)) {
		serve->options.capabilities = true;
		return 0;
	}
	index = options_parse(argc, argv, sets, ARRAY_SIZE(sets));
	if (index < 0)
		return -1;
	if (serve->options.help)
		return 0;
	if (index < argc) {
		log_error("'%s' is not an option", argv[index]);
		return -1;
	}
	return check_options(serve);
}
