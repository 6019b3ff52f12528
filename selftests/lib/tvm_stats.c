// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: reading statistics by name
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tvm.h"

static int64_t stat_read(int fd, unsigned int queue, const char *name)
{
	struct vha_stats_header header;
	struct vha_stats_desc desc;
	uint64_t value;
	unsigned int i;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return -EIO;
	if (queue >= header.num_queues)
		return -EINVAL;
	for (i = 0; i < header.num_desc; i++) {
		off_t at = header.desc_offset + i * sizeof(desc);

		if (pread(fd, &desc, sizeof(desc), at) != sizeof(desc))
			return -EIO;
		if (strncmp(desc.name, name, sizeof(desc.name)))
			continue;
		at = header.data_offset + queue * header.num_desc * sizeof(value) + desc.offset;
		return pread(fd, &value, sizeof(value), at) == sizeof(value) ?
		       (int64_t)value : -EIO;
	}
	return -ENOENT;
}

/**
 * tvm_dev_stat() - one statistic of a queue
 * @dev: the device
 * @queue: index of the queue
 * @name: name of the statistic
 *
 * Return: its value, or a negative errno.
 */
int64_t tvm_dev_stat(const struct tvm_dev *dev, unsigned int queue, const char *name)
{
	int fd = tvm_dev_ioctl(dev, VHA_GET_STATS_FD, NULL);
	int64_t value;

	if (fd < 0)
		return fd;
	value = stat_read(fd, queue, name);
	close(fd);
	return value;
}
