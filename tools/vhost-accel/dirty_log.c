// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bitmap in which the kernel records the guest pages it wrote. The kernel
 * knows where it starts but not where it ends: it takes it to be as large as the
 * memory table needs it. That it is, is checked here.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include "device.h"
#include "dirty_log.h"

/** define DIRTY_LOG_PAGE - bytes of guest memory that one bit stands for */
#define DIRTY_LOG_PAGE	0x1000ULL

/**
 * dirty_log_map() - map a bitmap
 * @log: receives the result
 * @fd: its file
 * @offset: where in the file it starts
 * @size: its size in bytes
 *
 * Return: 0, or a negative errno after a message.
 */
int dirty_log_map(struct dirty_log *log, int fd, uint64_t offset, uint64_t size)
{
	struct stat status;
	int result;

	result = mapping_create(&log->mapping, fd, offset, size, &status);
	if (!result)
		log->size = size;
	return result;
}

/**
 * dirty_log_install() - have the kernel use a bitmap
 * @log: the bitmap
 * @device: the node
 *
 * Return: 0, or a negative errno after a message.
 */
int dirty_log_install(const struct dirty_log *log, const struct device *device)
{
	__u64 address = log->mapping.address;

	return DEVICE_CALL(device, VHOST_SET_LOG_BASE, &address);
}

/**
 * dirty_log_release() - unmap a bitmap that the kernel no longer uses
 * @log: the bitmap; may be none
 */
void dirty_log_release(struct dirty_log *log)
{
	if (log->size)
		munmap(log->mapping.map, log->mapping.map_size);
	log->size = 0;
}

/**
 * dirty_log_covers() - whether a guest address has a bit
 * @log: the bitmap
 * @guest_address: the address
 *
 * Return: true if it has.
 */
bool dirty_log_covers(const struct dirty_log *log, uint64_t guest_address)
{
	return guest_address / DIRTY_LOG_PAGE / 8 < log->size;
}
