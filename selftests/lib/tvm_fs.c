// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file system on a disk of the host, for backing objects that are files
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tvm_fs.h"

/**
 * tvm_fs_create_with() - make an ext4 file system of a kind and mount it
 * @fs: filled in
 * @disk: where; all it holds is lost
 * @make: options of mkfs.ext4
 * @data: options of the mount, or NULL
 */
int tvm_fs_create_with(struct tvm_fs *fs, const struct tvm_disk *disk, const char *make,
		       const char *data)
{
	char command[128];
	int ret;

	snprintf(fs->dir, sizeof(fs->dir), "/run/%s", disk->name);
	snprintf(command, sizeof(command), "mkfs.ext4 -q -F %s %s", make, disk->path);
	if (system(command))
		return -EIO;
	if (mkdir(fs->dir, 0700))
		return -errno;
	if (!mount(disk->path, fs->dir, "ext4", 0, data))
		return 0;
	ret = -errno;
	rmdir(fs->dir);
	return ret;
}

/**
 * tvm_fs_create() - make an ext4 file system and mount it
 * @fs: filled in
 * @disk: where; all it holds is lost
 */
int tvm_fs_create(struct tvm_fs *fs, const struct tvm_disk *disk)
{
	return tvm_fs_create_with(fs, disk, "-O ^has_journal", NULL);
}

/**
 * tvm_fs_destroy() - unmount it
 * @fs: the file system
 *
 * Return: 0, or -EBUSY when one of its files is still in use.
 */
int tvm_fs_destroy(struct tvm_fs *fs)
{
	if (umount(fs->dir))
		return -errno;
	return rmdir(fs->dir) ? -errno : 0;
}

/**
 * tvm_fs_open() - make a file for direct I/O
 * @fs: the file system
 * @name: of the file
 * @size: in bytes, none of them allocated
 *
 * Return: a descriptor or a negative errno.
 */
int tvm_fs_open(const struct tvm_fs *fs, const char *name, uint64_t size)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", fs->dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (!ftruncate(fd, size))
		return fd;
	close(fd);
	return -EIO;
}
