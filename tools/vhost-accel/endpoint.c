// SPDX-License-Identifier: GPL-2.0-only
/*
 * The UNIX socket front ends come through: created here, or inherited
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "endpoint.h"
#include "log.h"

/** define FIRST_ACTIVATED_FD - where systemd's socket activation starts */
#define FIRST_ACTIVATED_FD	3

/**
 * endpoint_init() - no socket yet
 * @endpoint: the endpoint
 */
void endpoint_init(struct endpoint *endpoint)
{
	memset(endpoint, 0, sizeof(*endpoint));
	endpoint->listener = -1;
	endpoint->connection = -1;
}

/* Whether nobody listens on the socket any more, so that it can be replaced. */
static bool is_stale(const struct sockaddr_un *address)
{
	struct stat status;
	bool stale;
	int fd;

	if (lstat(address->sun_path, &status) || !S_ISSOCK(status.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)address, sizeof(*address)) &&
		errno == ECONNREFUSED;
	close(fd);
	return stale;
}

/* With the file mode in force from the first moment on. */
static int bind_with_mode(int fd, const struct sockaddr_un *address, int mode)
{
	mode_t mask = 0;
	int result;

	if (mode >= 0)
		mask = umask(0777 & ~mode);
	result = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;
	if (mode >= 0)
		umask(mask);
	return result;
}

static int bind_or_replace(int fd, const struct sockaddr_un *address, int mode)
{
	int result;

	result = bind_with_mode(fd, address, mode);
	if (result != -EADDRINUSE || !is_stale(address))
		return result;
	if (unlink(address->sun_path))
		return -errno;
	return bind_with_mode(fd, address, mode);
}

/**
 * endpoint_create() - listen on a new socket
 * @endpoint: receives it
 * @path: its path; a socket nobody listens on is replaced
 * @mode: its file mode, negative for the one the umask gives
 *
 * Return: 0, or a negative errno after a message.
 */
int endpoint_create(struct endpoint *endpoint, const char *path, int mode)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat status;
	int result;

	if (strlen(path) >= sizeof(address.sun_path)) {
		log_error("%s: longer than the %zu bytes a socket's path can have", path,
			  sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	endpoint->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (endpoint->listener < 0) {
		log_error("socket: %s", strerror(errno));
		return -errno;
	}
	result = bind_or_replace(endpoint->listener, &address, mode);
	if (!result && !lstat(path, &status)) {
		endpoint->path = path;
		endpoint->device = status.st_dev;
		endpoint->inode = status.st_ino;
	}
	if (!result && listen(endpoint->listener, 1))
		result = -errno;
	if (result) {
		log_error("%s: %s", path, strerror(-result));
		endpoint_close(endpoint);
	}
	return result;
}

/**
 * endpoint_activated() - find a socket passed by systemd
 *
 * Return: its descriptor, -1 if there is none, -2 after a message if there is
 * more than one.
 */
int endpoint_activated(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");
	int fd = -1;

	if (!pid || !count || strtol(pid, NULL, 10) != getpid())
		return -1;
	if (strtol(count, NULL, 10) == 1) {
		fd = FIRST_ACTIVATED_FD;
	} else {
		log_error("LISTEN_FDS=%s: exactly one socket is needed", count);
		fd = -2;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return fd;
}

static int socket_option(int fd, int name)
{
	socklen_t size = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, name, &value, &size) ? -errno : value;
}

/**
 * endpoint_adopt() - use an inherited socket
 * @endpoint: receives it
 * @fd: a UNIX stream socket that listens or is connected
 *
 * Return: 0, or a negative errno after a message.
 */
int endpoint_adopt(struct endpoint *endpoint, int fd)
{
	int listening = socket_option(fd, SO_ACCEPTCONN);

	if (listening < 0) {
		log_error("descriptor %d: %s", fd, strerror(-listening));
		return listening;
	}
	if (socket_option(fd, SO_DOMAIN) != AF_UNIX ||
	    socket_option(fd, SO_TYPE) != SOCK_STREAM) {
		log_error("descriptor %d: not a UNIX stream socket", fd);
		return -EINVAL;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (listening) {
		endpoint->listener = fd;
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	} else {
		endpoint->connection = fd;
	}
	return 0;
}

/**
 * endpoint_accept() - accept a front end
 * @endpoint: a listening endpoint
 *
 * Return: the connection; -1 if there is none, after a message if that is an
 * error.
 */
int endpoint_accept(const struct endpoint *endpoint)
{
	int fd;

	fd = accept4(endpoint->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		log_error("accept: %s", strerror(errno));
	return fd;
}

/**
 * endpoint_close() - close the socket, and remove it if it was created here
 * @endpoint: the endpoint
 */
void endpoint_close(struct endpoint *endpoint)
{
	struct stat status;

	if (endpoint->path && !lstat(endpoint->path, &status) &&
	    status.st_dev == endpoint->device && status.st_ino == endpoint->inode)
		unlink(endpoint->path);
	if (endpoint->listener >= 0)
		close(endpoint->listener);
	if (endpoint->connection >= 0)
		close(endpoint->connection);
	endpoint_init(endpoint);
}
