/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bitmap in which the kernel records the guest pages it wrote
 */
#ifndef VHOST_ACCEL_DIRTY_LOG_H
#define VHOST_ACCEL_DIRTY_LOG_H

#include <stdbool.h>

#include "mapping.h"

struct device;

/**
 * struct dirty_log - the bitmap
 * @mapping: where it is mapped
 * @size: its size in bytes, 0 when there is none
 */
struct dirty_log {
	struct mapping mapping;
	uint64_t size;
};

int dirty_log_map(struct dirty_log *log, int fd, uint64_t offset, uint64_t size);
int dirty_log_install(const struct dirty_log *log, const struct device *device);
void dirty_log_release(struct dirty_log *log);
bool dirty_log_covers(const struct dirty_log *log, uint64_t guest_address);

#endif /* VHOST_ACCEL_DIRTY_LOG_H */
