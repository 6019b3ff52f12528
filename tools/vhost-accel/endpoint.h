/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The UNIX socket front ends come through
 */
#ifndef VHOST_ACCEL_ENDPOINT_H
#define VHOST_ACCEL_ENDPOINT_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct endpoint - the UNIX socket front ends come through
 * @listener: listening socket, or -1
 * @connection: a connection that was inherited, or -1
 * @path: path of a socket created here, to be removed at the end; NULL for none
 * @device: device number of that path
 * @inode: inode number of that path
 */
struct endpoint {
	int listener;
	int connection;
	const char *path;
	dev_t device;
	ino_t inode;
};

void endpoint_init(struct endpoint *endpoint);
int endpoint_create(struct endpoint *endpoint, const char *path, int mode);
int endpoint_adopt(struct endpoint *endpoint, int fd);
int endpoint_activated(void);
int endpoint_accept(const struct endpoint *endpoint);
void endpoint_close(struct endpoint *endpoint);

#endif /* VHOST_ACCEL_ENDPOINT_H */
