// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block devices of the host to serve, made of null_blk through configfs
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>

#include "tvm_disk.h"

#define NULLB		"/sys/kernel/config/nullb"
#define PREFIX		"vhatest"

static int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/**
 * tvm_disk_attr() - set an attribute of the disk's configfs directory
 * @disk: the disk
 * @attr: name
 * @value: new value
 */
int tvm_disk_attr(const struct tvm_disk *disk, const char *attr, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), NULLB "/%s/%s", disk->name, attr);
	return file_write(path, value);
}

static void disk_remove(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), NULLB "/%s/power", name);
	file_write(path, "0");
	snprintf(path, sizeof(path), NULLB "/%s", name);
	rmdir(path);
}

/* Removes what tests left behind that were killed. */
static void disks_sweep(void)
{
	DIR *dir = opendir(NULLB);
	struct dirent *entry;
	int pid;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (sscanf(entry->d_name, PREFIX "%d", &pid) == 1 &&
		    kill(pid, 0) && errno == ESRCH)
			disk_remove(entry->d_name);
	}
	closedir(dir);
}

static int attrs_write(const struct tvm_disk *disk, const char *const *attrs)
{
	char name[64];
	int ret;

	for (; *attrs; attrs++) {
		const char *sep = strchr(*attrs, '=');

		snprintf(name, sizeof(name), "%.*s", (int)(sep - *attrs), *attrs);
		ret = tvm_disk_attr(disk, name, sep + 1);
		if (ret)
			return ret;
	}
	return 0;
}

static int disk_open(struct tvm_disk *disk)
{
	disk->fd = open(disk->path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (disk->fd < 0)
		return -errno;
	return ioctl(disk->fd, BLKGETSIZE64, &disk->size) ? -errno : 0;
}

/**
 * tvm_disk_create() - make a null_blk device
 * @disk: filled in
 * @attrs: "name=value" of the configfs directory, NULL at the end
 *
 * Return: 0 or a negative errno; -ENOENT when the kernel's null_blk lacks an
 * attribute.
 */
int tvm_disk_create(struct tvm_disk *disk, const char *const *attrs)
{
	static unsigned int count;
	char path[128];
	int ret;

	if (!count)
		disks_sweep();
	snprintf(disk->name, sizeof(disk->name), PREFIX "%d-%u", getpid(), count++);
	snprintf(disk->path, sizeof(disk->path), "/dev/%s", disk->name);
	snprintf(path, sizeof(path), NULLB "/%s", disk->name);
	disk->fd = -1;
	if (mkdir(path, 0755)) {
		ret = -errno;
		disk->name[0] = 0;
		return ret == -ENOENT ? -ENODEV : ret;
	}
	ret = attrs_write(disk, attrs);
	if (!ret)
		ret = tvm_disk_attr(disk, "power", "1");
	if (!ret)
		ret = disk_open(disk);
	if (ret)
		tvm_disk_destroy(disk);
	return ret;
}

/**
 * tvm_disk_destroy() - close and remove a null_blk device
 * @disk: the disk; destroying twice does nothing
 */
void tvm_disk_destroy(struct tvm_disk *disk)
{
	if (!disk->name[0])
		return;
	if (disk->fd >= 0)
		close(disk->fd);
	disk->fd = -1;
	disk_remove(disk->name);
	disk->name[0] = 0;
}

/**
 * tvm_disk_stat() - one column of the disk's statistics
 * @disk: the disk
 * @column: which
 */
int64_t tvm_disk_stat(const struct tvm_disk *disk, enum tvm_disk_stat column)
{
	char path[128];
	int64_t value = -EIO;
	unsigned int i;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/block/%s/stat", disk->name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	for (i = 0; i <= column; i++) {
		if (fscanf(file, "%ld", &value) != 1)
			value = -EIO;
	}
	fclose(file);
	return value;
}

/**
 * tvm_disk_limit() - a number from the disk's queue directory
 * @disk: the disk
 * @name: of the file
 */
int64_t tvm_disk_limit(const struct tvm_disk *disk, const char *name)
{
	char path[128];
	int64_t value;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/block/%s/queue/%s", disk->name, name);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	if (fscanf(file, "%ld", &value) != 1)
		value = -EIO;
	fclose(file);
	return value;
}

/* Eight bytes that depend on their place and on the seed. */
static uint64_t pattern_word(uint64_t index, uint64_t seed)
{
	uint64_t x = (index + 1) * 0x9e3779b97f4a7c15ULL ^ seed * 0xbf58476d1ce4e5b9ULL;

	return x ^ (x >> 29);
}

/**
 * tvm_pattern_fill() - fill memory with bytes that tests recognise
 * @buf: the memory
 * @len: bytes
 * @seed: another one gives other bytes
 */
void tvm_pattern_fill(void *buf, uint64_t len, uint64_t seed)
{
	uint64_t i, word, words = len / sizeof(word);
	char *to = buf;

	for (i = 0; i < words; i++, to += sizeof(word)) {
		word = pattern_word(i, seed);
		memcpy(to, &word, sizeof(word));
	}
	word = pattern_word(words, seed);
	memcpy(to, &word, len % sizeof(word));
}

/**
 * tvm_pattern_check() - whether memory holds what tvm_pattern_fill() wrote
 * @buf: the memory
 * @len: bytes
 * @seed: as then
 */
bool tvm_pattern_check(const void *buf, uint64_t len, uint64_t seed)
{
	uint64_t i, word, found, words = len / sizeof(word);
	const char *at = buf;

	for (i = 0; i < words; i++, at += sizeof(word)) {
		memcpy(&found, at, sizeof(word));
		if (found != pattern_word(i, seed))
			return false;
	}
	word = pattern_word(words, seed);
	return !memcmp(at, &word, len % sizeof(word));
}
