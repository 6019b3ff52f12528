/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The front end's memory: which regions there are and where they are mapped
 */
#ifndef VHOST_ACCEL_MEMORY_H
#define VHOST_ACCEL_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "mapping.h"
#include "vhost_user.h"

struct device;

/** define MEMORY_MAX_REGIONS - regions held at most; the kernel may take fewer */
#define MEMORY_MAX_REGIONS	509

/**
 * struct memory_region - a mapped region
 * @front: as the front end describes it
 * @mapping: where it is mapped
 * @device: device number of the mapped file
 * @inode: inode number of the mapped file
 */
struct memory_region {
	struct vhost_user_region front;
	struct mapping mapping;
	dev_t device;
	ino_t inode;
};

/**
 * struct memory - a memory table
 * @regions: the regions
 * @num_regions: how many
 */
struct memory {
	struct memory_region regions[MEMORY_MAX_REGIONS];
	unsigned int num_regions;
};

int memory_add(struct memory *memory, const struct memory *old,
	       const struct vhost_user_region *front, int fd);
int memory_remove(struct memory *memory, const struct vhost_user_region *front);
bool memory_release(struct memory *memory, const struct memory *kept);
int memory_install(const struct memory *memory, const struct device *device);
uint64_t memory_translate(const struct memory *memory, uint64_t user_address,
			  uint64_t size);
uint64_t memory_contiguous(const struct memory *memory, uint64_t user_address);
uint64_t memory_last_guest_address(const struct memory *memory);

#endif /* VHOST_ACCEL_MEMORY_H */
