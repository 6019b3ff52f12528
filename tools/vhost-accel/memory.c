// SPDX-License-Identifier: GPL-2.0-only
/*
 * The front end's memory. A change is prepared in a second table, which shares
 * the mappings that stay with the first; the kernel is given the second table
 * in one call; then the mappings only the first one has are removed. Rings and
 * requests that use a region that stays never see it change its place.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "device.h"
#include "log.h"
#include "memory.h"

static bool ranges_overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

static bool range_wraps(uint64_t start, uint64_t size)
{
	uint64_t end;

	return !size || __builtin_add_overflow(start, size, &end);
}

static int check_region(const struct memory *memory, const struct vhost_user_region *front)
{
	const struct vhost_user_region *other;
	unsigned int i;

	if (range_wraps(front->guest_address, front->size) ||
	    range_wraps(front->user_address, front->size)) {
		log_error("a region of %#llx bytes at guest address %#llx is not possible",
			  (unsigned long long)front->size,
			  (unsigned long long)front->guest_address);
		return -EINVAL;
	}
	if (memory->num_regions == MEMORY_MAX_REGIONS) {
		log_error("more than %d memory regions", MEMORY_MAX_REGIONS);
		return -E2BIG;
	}
	for (i = 0; i < memory->num_regions; i++) {
		other = &memory->regions[i].front;
		if (ranges_overlap(front->guest_address, front->size,
				   other->guest_address, other->size) ||
		    ranges_overlap(front->user_address, front->size,
				   other->user_address, other->size)) {
			log_error("two memory regions overlap at guest address %#llx",
				  (unsigned long long)front->guest_address);
			return -EINVAL;
		}
	}
	return 0;
}

static bool same_region(const struct vhost_user_region *a, const struct vhost_user_region *b)
{
	return a->guest_address == b->guest_address && a->size == b->size &&
	       a->user_address == b->user_address;
}

/* The region of @old that @fd and @front describe once more, if there is one. */
static const struct memory_region *find_again(const struct memory *old,
					      const struct vhost_user_region *front, int fd)
{
	const struct memory_region *region;
	struct stat status;
	unsigned int i;

	if (fstat(fd, &status))
		return NULL;
	for (i = 0; i < old->num_regions; i++) {
		region = &old->regions[i];
		if (same_region(&region->front, front) &&
		    region->front.mmap_offset == front->mmap_offset &&
		    region->device == status.st_dev && region->inode == status.st_ino)
			return region;
	}
	return NULL;
}

/**
 * memory_add() - add a region to a table
 * @memory: the table
 * @old: a table whose mapping is shared if it has the same region
 * @front: the region as the front end describes it
 * @fd: the file to map
 *
 * Return: 0, or a negative errno after a message.
 */
int memory_add(struct memory *memory, const struct memory *old,
	       const struct vhost_user_region *front, int fd)
{
	struct memory_region *region = &memory->regions[memory->num_regions];
	const struct memory_region *again;
	struct stat status;
	int result;

	result = check_region(memory, front);
	if (result)
		return result;
	again = find_again(old, front, fd);
	if (again) {
		*region = *again;
	} else {
		result = mapping_create(&region->mapping, fd, front->mmap_offset, front->size,
					&status);
		if (result)
			return result;
		region->front = *front;
		region->device = status.st_dev;
		region->inode = status.st_ino;
	}
	memory->num_regions++;
	return 0;
}

/**
 * memory_remove() - take a region out of a table, without unmapping it
 * @memory: the table
 * @front: the region; its offset is ignored
 *
 * Return: 0, or -ENOENT after a message.
 */
int memory_remove(struct memory *memory, const struct vhost_user_region *front)
{
	unsigned int i;

	for (i = 0; i < memory->num_regions; i++) {
		if (!same_region(&memory->regions[i].front, front))
			continue;
		memory->regions[i] = memory->regions[--memory->num_regions];
		return 0;
	}
	log_error("no memory region at guest address %#llx with %#llx bytes",
		  (unsigned long long)front->guest_address, (unsigned long long)front->size);
	return -ENOENT;
}

static bool has_mapping(const struct memory *memory, const void *map)
{
	unsigned int i;

	for (i = 0; i < memory->num_regions; i++)
		if (memory->regions[i].mapping.map == map)
			return true;
	return false;
}

/**
 * memory_release() - empty a table
 * @memory: the table
 * @kept: a table that goes on using the mappings it shares with @memory, or NULL
 *
 * Return: whether anything was unmapped.
 */
bool memory_release(struct memory *memory, const struct memory *kept)
{
	bool unmapped = false;
	unsigned int i;

	for (i = 0; i < memory->num_regions; i++) {
		struct mapping *mapping = &memory->regions[i].mapping;

		if (kept && has_mapping(kept, mapping->map))
			continue;
		munmap(mapping->map, mapping->map_size);
		unmapped = true;
	}
	memory->num_regions = 0;
	return unmapped;
}

/**
 * memory_install() - give the kernel a table in one call
 * @memory: the table
 * @device: the node
 *
 * Return: 0, or a negative errno after a message.
 */
int memory_install(const struct memory *memory, const struct device *device)
{
	struct vhost_memory *table;
	unsigned int i;
	int result;

	table = calloc(1, sizeof(*table) + memory->num_regions * sizeof(table->regions[0]));
	if (!table)
		return -ENOMEM;
	table->nregions = memory->num_regions;
	for (i = 0; i < memory->num_regions; i++) {
		const struct memory_region *region = &memory->regions[i];

		table->regions[i].guest_phys_addr = region->front.guest_address;
		table->regions[i].memory_size = region->front.size;
		table->regions[i].userspace_addr = region->mapping.address;
	}
	result = DEVICE_CALL(device, VHOST_SET_MEM_TABLE, table);
	free(table);
	return result;
}

static const struct memory_region *find_region(const struct memory *memory,
					       uint64_t user_address)
{
	const struct vhost_user_region *front;
	unsigned int i;

	for (i = 0; i < memory->num_regions; i++) {
		front = &memory->regions[i].front;
		if (user_address >= front->user_address &&
		    user_address - front->user_address < front->size)
			return &memory->regions[i];
	}
	return NULL;
}

/**
 * memory_contiguous() - how much of one region follows an address
 * @memory: the table
 * @user_address: address in the front end's address space
 *
 * Return: bytes from there to the end of its region, 0 outside all regions.
 */
uint64_t memory_contiguous(const struct memory *memory, uint64_t user_address)
{
	const struct memory_region *region = find_region(memory, user_address);

	return region ? region->front.size - (user_address - region->front.user_address) : 0;
}

/**
 * memory_translate() - from the front end's address space to this one
 * @memory: the table
 * @user_address: address in the front end's address space
 * @size: bytes that have to lie in one region
 *
 * Return: the address here, or 0 if they do not.
 */
uint64_t memory_translate(const struct memory *memory, uint64_t user_address, uint64_t size)
{
	const struct memory_region *region = find_region(memory, user_address);

	if (!region || memory_contiguous(memory, user_address) < size)
		return 0;
	return region->mapping.address + (user_address - region->front.user_address);
}

/**
 * memory_last_guest_address() - the last guest address there is
 * @memory: the table
 *
 * Return: the address, 0 without a region.
 */
uint64_t memory_last_guest_address(const struct memory *memory)
{
	uint64_t end, last = 0;
	unsigned int i;

	for (i = 0; i < memory->num_regions; i++) {
		end = memory->regions[i].front.guest_address + memory->regions[i].front.size - 1;
		if (end > last)
			last = end;
	}
	return last;
}
