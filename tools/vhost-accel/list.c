// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command "list": nodes that are present
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "exit_status.h"
#include "log.h"

/** define NODE_DIRECTORY - where the nodes are */
#define NODE_DIRECTORY	"/dev/vhost-accel"

static void print_node(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", NODE_DIRECTORY, name);
	printf("%s %s\n", path, access(path, R_OK | W_OK) ? "denied" : "usable");
}

/**
 * list_command() - the command "list"
 * @argc: number of arguments, the command's name included
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int list_command(int argc, char **argv)
{
	struct dirent **entries;
	int i, count;

	if (argc > 1) {
		log_error("list: '%s': there are no arguments", argv[1]);
		return STATUS_USAGE;
	}
	count = scandir(NODE_DIRECTORY, &entries, NULL, alphasort);
	if (count < 0) {
		log_error("%s: %s (is a module loaded?)", NODE_DIRECTORY, strerror(errno));
		return STATUS_ENVIRONMENT;
	}
	for (i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.')
			print_node(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return STATUS_OK;
}
