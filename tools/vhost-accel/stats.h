/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statistics of an open node
 */
#ifndef VHOST_ACCEL_STATS_H
#define VHOST_ACCEL_STATS_H

#include <stddef.h>

#include "kernel.h"

struct device;

/**
 * struct stats - an open statistics file
 * @fd: the file, -1 when it is not open
 * @header: its header
 * @descriptors: what the values mean, @header.num_desc of them
 */
struct stats {
	int fd;
	struct vha_stats_header header;
	struct vha_stats_desc *descriptors;
};

int stats_open(struct stats *stats, const struct device *device);
void stats_close(struct stats *stats);
int stats_format(const struct stats *stats, char **text, size_t *size);

#endif /* VHOST_ACCEL_STATS_H */
