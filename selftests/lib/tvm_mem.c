// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: guest memory
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tvm.h"

static void __attribute__((noreturn)) die(const char *what)
{
	printf("# tiny VMM: %s\n", what);
	fflush(stdout);
	abort();
}

/* A page without access on either side catches strays and keeps regions apart. */
static char *region_map(int fd, uint64_t size, uint64_t offset)
{
	char *area;

	area = mmap(NULL, size + 2 * TVM_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		die("no address space for guest memory");
	area = mmap(area + TVM_PAGE, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		    fd, offset);
	if (area == MAP_FAILED)
		die("can not map guest memory");
	return area;
}

/**
 * tvm_mem_create() - make guest memory
 * @mem: filled in
 * @layout: regions in ascending order of address
 * @nr: how many
 */
void tvm_mem_create(struct tvm_mem *mem, const struct tvm_layout *layout, unsigned int nr)
{
	uint64_t offset = 0;
	unsigned int i;

	memset(mem, 0, sizeof(*mem));
	mem->fd = memfd_create("guest", MFD_CLOEXEC);
	for (i = 0; i < nr; i++)
		offset += layout[i].size;
	if (nr > TVM_REGIONS_MAX || mem->fd < 0 || ftruncate(mem->fd, offset))
		die("can not create guest memory");

	offset = 0;
	for (i = 0; i < nr; i++) {
		struct tvm_region *region = &mem->regions[i];

		region->gpa = layout[i].gpa;
		region->size = layout[i].size;
		region->file_offset = offset;
		region->hva = region_map(mem->fd, region->size, offset);
		offset += region->size;
	}
	mem->nr = nr;
	mem->from = nr - 1;
}

/**
 * tvm_mem_create_default() - make guest memory as most tests want it
 * @mem: filled in
 *
 * Two regions that touch, the second at guest address 1 MiB, then one above
 * 4 GiB. tvm_mem_alloc() uses the last unless told otherwise.
 */
void tvm_mem_create_default(struct tvm_mem *mem)
{
	static const struct tvm_layout layout[] = {
		{ 0x0, 0x100000 },
		{ 0x100000, 0xf00000 },
		{ 0x100000000, 0x6000000 },
	};

	tvm_mem_create(mem, layout, 3);
}

/**
 * tvm_mem_create_small() - as tvm_mem_create_default(), but less of it
 * @mem: filled in
 *
 * For tests that touch all of it.
 */
void tvm_mem_create_small(struct tvm_mem *mem)
{
	static const struct tvm_layout layout[] = {
		{ 0x0, 0x100000 },
		{ 0x100000, 0xf00000 },
		{ 0x100000000, 0x1000000 },
	};

	tvm_mem_create(mem, layout, 3);
}

/**
 * tvm_mem_destroy() - unmap and close guest memory
 * @mem: the memory
 */
void tvm_mem_destroy(struct tvm_mem *mem)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++)
		munmap(mem->regions[i].hva - TVM_PAGE, mem->regions[i].size + 2 * TVM_PAGE);
	if (mem->nr)
		close(mem->fd);
	mem->nr = 0;
}

/**
 * tvm_mem_alloc_from() - take memory of one region, for good
 * @mem: the memory
 * @region: index of the region
 * @size: bytes
 * @align: of the guest physical address
 *
 * Return: guest physical address.
 */
uint64_t tvm_mem_alloc_from(struct tvm_mem *mem, unsigned int region, uint64_t size,
			    uint64_t align)
{
	struct tvm_region *r = &mem->regions[region];
	uint64_t start = (r->gpa + r->next + align - 1) / align * align;

	if (start + size > r->gpa + r->size)
		die("out of guest memory");
	r->next = start + size - r->gpa;
	return start;
}

/**
 * tvm_mem_alloc() - take memory of the usual region, for good
 * @mem: the memory
 * @size: bytes
 * @align: of the guest physical address
 *
 * Return: guest physical address.
 */
uint64_t tvm_mem_alloc(struct tvm_mem *mem, uint64_t size, uint64_t align)
{
	return tvm_mem_alloc_from(mem, mem->from, size, align);
}

/**
 * tvm_mem_ptr() - our address of guest memory
 * @mem: the memory
 * @gpa: guest physical address
 * @len: bytes, all in one region
 */
void *tvm_mem_ptr(const struct tvm_mem *mem, uint64_t gpa, uint64_t len)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++) {
		const struct tvm_region *region = &mem->regions[i];

		if (gpa >= region->gpa && gpa - region->gpa + len <= region->size)
			return region->hva + (gpa - region->gpa);
	}
	die("address outside of guest memory");
}

/* Bytes from @gpa to the end of its region, at most @len. */
static uint64_t contiguous(const struct tvm_mem *mem, uint64_t gpa, uint64_t len)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++) {
		const struct tvm_region *region = &mem->regions[i];
		uint64_t left = region->gpa + region->size - gpa;

		if (gpa >= region->gpa && gpa < region->gpa + region->size)
			return left < len ? left : len;
	}
	die("address outside of guest memory");
}

/**
 * tvm_mem_write() - copy to guest memory, across regions
 * @mem: the memory
 * @gpa: guest physical address
 * @src: what
 * @len: bytes
 */
void tvm_mem_write(const struct tvm_mem *mem, uint64_t gpa, const void *src, uint64_t len)
{
	while (len) {
		uint64_t part = contiguous(mem, gpa, len);

		memcpy(tvm_mem_ptr(mem, gpa, part), src, part);
		src = (const char *)src + part;
		gpa += part;
		len -= part;
	}
}

/**
 * tvm_mem_read() - copy from guest memory, across regions
 * @mem: the memory
 * @gpa: guest physical address
 * @dst: where to
 * @len: bytes
 */
void tvm_mem_read(const struct tvm_mem *mem, uint64_t gpa, void *dst, uint64_t len)
{
	while (len) {
		uint64_t part = contiguous(mem, gpa, len);

		memcpy(dst, tvm_mem_ptr(mem, gpa, part), part);
		dst = (char *)dst + part;
		gpa += part;
		len -= part;
	}
}

/**
 * tvm_mem_fill() - set bytes of guest memory, across regions
 * @mem: the memory
 * @gpa: guest physical address
 * @byte: value
 * @len: bytes
 */
void tvm_mem_fill(const struct tvm_mem *mem, uint64_t gpa, int byte, uint64_t len)
{
	while (len) {
		uint64_t part = contiguous(mem, gpa, len);

		memset(tvm_mem_ptr(mem, gpa, part), byte, part);
		gpa += part;
		len -= part;
	}
}

/**
 * tvm_mem_end() - first guest physical address behind all memory
 * @mem: the memory
 */
uint64_t tvm_mem_end(const struct tvm_mem *mem)
{
	const struct tvm_region *last = &mem->regions[mem->nr - 1];

	return last->gpa + last->size;
}
