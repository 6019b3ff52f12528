// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: an open node
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tvm.h"

/**
 * tvm_dev_ioctl() - ioctl(2) on the node
 * @dev: the device
 * @cmd: number
 * @arg: argument
 *
 * Return: its result, or a negative errno.
 */
int tvm_dev_ioctl(const struct tvm_dev *dev, unsigned long cmd, void *arg)
{
	int ret = ioctl(dev->fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

/**
 * tvm_dev_open() - open a node
 * @dev: filled in
 * @path: of the node
 */
int tvm_dev_open(struct tvm_dev *dev, const char *path)
{
	int ret;

	memset(dev, 0, sizeof(*dev));
	dev->fd = open(path, O_RDWR | O_CLOEXEC);
	if (dev->fd < 0)
		return -errno;
	ret = tvm_dev_ioctl(dev, VHA_GET_INFO, &dev->info);
	if (ret)
		tvm_dev_close(dev);
	return ret;
}

/**
 * tvm_dev_close() - close the node
 * @dev: the device; closing twice does nothing
 */
void tvm_dev_close(struct tvm_dev *dev)
{
	if (dev->fd > 0)
		close(dev->fd);
	dev->fd = -1;
}

/**
 * tvm_dev_mem_set() - pass the memory table
 * @dev: the device
 * @mem: guest memory
 */
int tvm_dev_mem_set(struct tvm_dev *dev, struct tvm_mem *mem)
{
	struct vhost_memory *table;
	unsigned int i;
	int ret;

	table = calloc(1, sizeof(*table) + mem->nr * sizeof(table->regions[0]));
	if (!table)
		return -ENOMEM;
	table->nregions = mem->nr;
	for (i = 0; i < mem->nr; i++) {
		table->regions[i].guest_phys_addr = mem->regions[i].gpa;
		table->regions[i].memory_size = mem->regions[i].size;
		table->regions[i].userspace_addr = (uintptr_t)mem->regions[i].hva;
	}
	ret = tvm_dev_ioctl(dev, VHOST_SET_MEM_TABLE, table);
	free(table);
	if (!ret)
		dev->mem = mem;
	return ret;
}

/**
 * tvm_dev_backend_set() - attach or detach the backing object
 * @dev: the device
 * @fd: its descriptor, or -1
 * @flags: VHA_BACKEND_F_*
 */
int tvm_dev_backend_set(struct tvm_dev *dev, int fd, uint64_t flags)
{
	struct vha_backend backend = { .fd = fd, .flags = flags };

	return tvm_dev_ioctl(dev, VHA_SET_BACKEND, &backend);
}

/* vhost_features_array with room for all words we know. */
struct features_array {
	uint64_t count;
	uint64_t features[2];
};

/**
 * tvm_dev_features_get() - what the device offers
 * @dev: the device
 * @features: filled in
 */
int tvm_dev_features_get(struct tvm_dev *dev, uint64_t features[2])
{
	struct features_array array = { .count = 2 };
	int ret = tvm_dev_ioctl(dev, VHOST_GET_FEATURES_ARRAY, &array);

	features[0] = array.features[0];
	features[1] = array.features[1];
	return ret;
}

/**
 * tvm_dev_features_set() - acknowledge features
 * @dev: the device
 * @low: bits 0 to 63
 * @high: bits 64 to 127
 */
int tvm_dev_features_set(struct tvm_dev *dev, uint64_t low, uint64_t high)
{
	struct features_array array = { .count = 2, .features = { low, high } };
	int ret;

	if (high)
		ret = tvm_dev_ioctl(dev, VHOST_SET_FEATURES_ARRAY, &array);
	else
		ret = tvm_dev_ioctl(dev, VHOST_SET_FEATURES, &low);
	if (!ret) {
		dev->features[0] = low;
		dev->features[1] = high;
	}
	return ret;
}

/**
 * tvm_dev_setup() - open a node and do all that comes before queues
 * @dev: filled in
 * @path: of the node
 * @mem: guest memory
 * @backend: descriptor of the backing object, -1 for none yet
 * @features: features to acknowledge
 */
int tvm_dev_setup(struct tvm_dev *dev, const char *path, struct tvm_mem *mem, int backend,
		  uint64_t features)
{
	int ret = tvm_dev_open(dev, path);

	if (ret)
		return ret;
	ret = tvm_dev_ioctl(dev, VHOST_SET_OWNER, NULL);
	if (!ret)
		ret = tvm_dev_mem_set(dev, mem);
	if (!ret && backend >= 0)
		ret = tvm_dev_backend_set(dev, backend, 0);
	if (!ret)
		ret = tvm_dev_features_set(dev, features, 0);
	if (ret)
		tvm_dev_close(dev);
	return ret;
}

/**
 * tvm_dev_config_get() - read configuration space
 * @dev: the device
 * @offset: first byte
 * @data: filled in
 * @len: bytes
 */
int tvm_dev_config_get(const struct tvm_dev *dev, uint32_t offset, void *data, uint32_t len)
{
	struct vha_config config = { .offset = offset, .size = len };
	int ret = tvm_dev_ioctl(dev, VHA_GET_CONFIG, &config);

	if (!ret)
		memcpy(data, config.data, len);
	return ret;
}

/**
 * tvm_dev_config_set() - write configuration space
 * @dev: the device
 * @offset: first byte
 * @data: what
 * @len: bytes
 */
int tvm_dev_config_set(const struct tvm_dev *dev, uint32_t offset, const void *data,
		       uint32_t len)
{
	struct vha_config config = { .offset = offset, .size = len };

	memcpy(config.data, data, len);
	return tvm_dev_ioctl(dev, VHA_SET_CONFIG, &config);
}

/**
 * tvm_dev_iotlb_send() - write one IOTLB message, version 2
 * @dev: the device
 * @msg: the message
 */
int tvm_dev_iotlb_send(const struct tvm_dev *dev, const struct vhost_iotlb_msg *msg)
{
	struct vhost_msg_v2 v2 = { .type = VHOST_IOTLB_MSG_V2, .iotlb = *msg };
	ssize_t ret = write(dev->fd, &v2, sizeof(v2));

	if (ret < 0)
		return -errno;
	return ret == sizeof(v2) ? 0 : -EIO;
}

static void fdinfo_read(const struct tvm_dev *dev, char *info, size_t size)
{
	ssize_t len = -1;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", dev->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, info, size - 1);
		close(fd);
	}
	info[len > 0 ? len : 0] = '\0';
}

/**
 * tvm_dev_shows() - look for something in the node's fdinfo
 * @dev: the device
 * @text: what
 */
bool tvm_dev_shows(const struct tvm_dev *dev, const char *text)
{
	char info[16384];

	fdinfo_read(dev, info, sizeof(info));
	return strstr(info, text);
}

/**
 * tvm_dev_fdinfo() - a number in the node's fdinfo
 * @dev: the device
 * @name: what is before its colon
 *
 * Return: the number, -1 if it is not there.
 */
int64_t tvm_dev_fdinfo(const struct tvm_dev *dev, const char *name)
{
	char info[16384], label[64];
	const char *at;

	fdinfo_read(dev, info, sizeof(info));
	snprintf(label, sizeof(label), "\n%s:\t", name);
	at = strstr(info, label);
	return at ? strtoll(at + strlen(label), NULL, 10) : -1;
}
