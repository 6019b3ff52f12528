// SPDX-License-Identifier: GPL-2.0-only
/*
 * Telling the service manager: a datagram to the socket in $NOTIFY_SOCKET, as
 * sd_notify(3) describes it
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "notify.h"

/**
 * notify_manager() - tell the service manager, if there is one
 * @state: what, for example "READY=1"
 */
void notify_manager(const char *state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length;
	int fd;

	if (!path || (*path != '/' && *path != '@'))
		return;
	length = strlen(path);
	if (length >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, length);
	/* The leading @ stands for the NUL of an abstract address. */
	if (*path == '@')
		address.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
		   offsetof(struct sockaddr_un, sun_path) + length) < 0)
		log_info("the service manager at %s can not be reached", path);
	close(fd);
}
