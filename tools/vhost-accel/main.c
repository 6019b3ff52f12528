// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command vhost-accel
 */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "exit_status.h"
#include "log.h"
#include "serve.h"

/**
 * struct command - a command
 * @name: its name
 * @arguments: its arguments, for the help
 * @summary: what it does, for the help
 * @run: runs it, and returns the exit status
 */
struct command {
	const char *name;
	const char *arguments;
	const char *summary;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "serve", "CLASS [OPTION]...", "offer a device to a vhost-user front end",
	  serve_command },
	{ "list", "", "list the device nodes that are present", list_command },
	{ "info", "CLASS|NODE", "print what a device node offers", info_command },
	{ "stats", "PATH", "print the statistics of a running serve", stats_command },
};

#define NUM_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *stream)
{
	char left[64];
	size_t i;

	fputs("Usage: vhost-accel COMMAND [ARGUMENT]...\n\nCommands:\n", stream);
	for (i = 0; i < NUM_COMMANDS; i++) {
		snprintf(left, sizeof(left), "%s %s", commands[i].name,
			 commands[i].arguments);
		fprintf(stream, "  %-26s  %s\n", left, commands[i].summary);
	}
	fputs("\n  --help                      this list\n"
	      "  --version                   version of this program\n", stream);
	fputs("\nSee vhost-accel(1), or vhost-accel serve CLASS --help.\n", stream);
}

/* Called vhost-accel-CLASS, as management software does, it is serve CLASS. */
static const struct device_class *class_of_program(const char *path)
{
	static const char prefix[] = "vhost-accel-";
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	if (strncmp(name, prefix, sizeof(prefix) - 1))
		return NULL;
	return class_find(name + sizeof(prefix) - 1);
}

int main(int argc, char **argv)
{
	const struct device_class *class = argc ? class_of_program(argv[0]) : NULL;
	size_t i;

	if (class)
		return serve_class(class, argc, argv);
	if (argc < 2) {
		print_help(stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help")) {
		print_help(stdout);
		return STATUS_OK;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("vhost-accel " VERSION);
		return STATUS_OK;
	}
	for (i = 0; i < NUM_COMMANDS; i++)
		if (!strcmp(commands[i].name, argv[1]))
			return commands[i].run(argc - 1, argv + 1);
	log_error("there is no command '%s'; see vhost-accel --help", argv[1]);
	return STATUS_USAGE;
}
