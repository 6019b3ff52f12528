// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping a part of a front end's file. Nothing here or elsewhere in this
 * program reads or writes such a mapping: a front end that truncates its file
 * can not make it fault.
 */
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "log.h"
#include "mapping.h"

/* Huge page files are mapped in units of their page size. */
static uint64_t mapping_unit(int fd)
{
	struct statfs status;

	if (!fstatfs(fd, &status) && status.f_type == HUGETLBFS_MAGIC)
		return status.f_bsize;
	return sysconf(_SC_PAGESIZE);
}

/**
 * mapping_create() - map a part of a file, shared and writable
 * @mapping: receives the result
 * @fd: the file, which can be closed afterwards
 * @offset: first byte of the part
 * @size: its size
 * @status: receives the file's status
 *
 * Return: 0, or a negative errno after a message.
 */
int mapping_create(struct mapping *mapping, int fd, uint64_t offset, uint64_t size,
		   struct stat *status)
{
	uint64_t unit, start, end;

	if (fstat(fd, status)) {
		log_error("fstat: %s", strerror(errno));
		return -errno;
	}
	unit = mapping_unit(fd);
	start = offset & ~(unit - 1);
	if (!size || __builtin_add_overflow(offset, size, &end) ||
	    __builtin_add_overflow(end, unit - 1, &end) || end > INT64_MAX) {
		log_error("a mapping of %#llx bytes at offset %#llx is not possible",
			  (unsigned long long)size, (unsigned long long)offset);
		return -EINVAL;
	}
	end &= ~(unit - 1);
	if (S_ISREG(status->st_mode) && offset + size > (uint64_t)status->st_size) {
		log_error("the file has %lld bytes, the mapping would end at %#llx",
			  (long long)status->st_size, (unsigned long long)(offset + size));
		return -EINVAL;
	}
	mapping->map_size = end - start;
	mapping->map = mmap(NULL, mapping->map_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			    start);
	if (mapping->map == MAP_FAILED) {
		log_error("mmap: %s", strerror(errno));
		return -errno;
	}
	mapping->address = (uintptr_t)mapping->map + (offset - start);
	return 0;
}
