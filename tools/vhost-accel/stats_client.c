// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command "stats": asks a running "serve" for its statistics
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "commands.h"
#include "exit_status.h"
#include "log.h"

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

/**
 * stats_command() - the command "stats"
 * @argc: number of arguments, the command's name included
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int stats_command(int argc, char **argv)
{
	char buffer[4096];
	ssize_t count;
	int fd;

	if (argc != 2 || argv[1][0] == '-') {
		log_error("stats: the path given to serve's --stats-socket is needed");
		return STATUS_USAGE;
	}
	fd = connect_to(argv[1]);
	if (fd < 0) {
		log_error("%s: %s", argv[1], strerror(errno));
		return STATUS_ENVIRONMENT;
	}
	while ((count = read(fd, buffer, sizeof(buffer))) > 0)
		fwrite(buffer, 1, count, stdout);
	close(fd);
	if (count < 0 || fflush(stdout)) {
		log_error("%s: %s", argv[1], strerror(errno));
		return STATUS_ENVIRONMENT;
	}
	return STATUS_OK;
}
