/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mapping a part of a front end's file
 */
#ifndef VHOST_ACCEL_MAPPING_H
#define VHOST_ACCEL_MAPPING_H

#include <stddef.h>
#include <stdint.h>

struct stat;

/**
 * struct mapping - a shared mapping
 * @map: start of the mapping, page aligned
 * @map_size: its size
 * @address: where in it the wanted part starts
 */
struct mapping {
	void *map;
	size_t map_size;
	uint64_t address;
};

int mapping_create(struct mapping *mapping, int fd, uint64_t offset, uint64_t size,
		   struct stat *status);

#endif /* VHOST_ACCEL_MAPPING_H */
