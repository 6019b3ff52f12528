// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks on image files, so that two guests do not write to one image, or one
 * write what another takes for constant. They are understood by QEMU, which
 * keeps read locks on single bytes: from 100 on for what it does with an image,
 * from 200 on for what it wants nobody else to do. The second byte of each
 * group stands for writing.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "image_lock.h"

#define FIRST_BYTE	100
#define LAST_BYTE	299
#define WRITES		101
#define NO_WRITERS	201

/* These locks belong to the open file, and so to the kernel once it has it. */
static int set_lock(int fd, short type, off_t first, off_t last)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = first,
		.l_len = last - first + 1,
	};

	return fcntl(fd, F_OFD_SETLK, &lock) ? -errno : 0;
}

static bool is_locked(int fd, off_t byte)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1,
	};

	return !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

/**
 * image_lock() - lock an image for as long as its file is open
 * @fd: the image
 * @read_only: it is only read
 *
 * Return: 0, also where the file system has no locks; -EAGAIN if somebody has
 * the image who can not share it.
 */
int image_lock(int fd, bool read_only)
{
	int result;

	if (read_only)
		result = set_lock(fd, F_RDLCK, NO_WRITERS, NO_WRITERS);
	else
		result = set_lock(fd, F_WRLCK, FIRST_BYTE, LAST_BYTE);
	if (!result && read_only && is_locked(fd, WRITES))
		result = -EAGAIN;
	if (result == -EACCES)
		result = -EAGAIN;
	return result == -EAGAIN ? result : 0;
}
