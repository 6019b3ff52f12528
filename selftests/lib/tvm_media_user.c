// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: memory of the driver for buffers (V4L2_MEMORY_USERPTR)
 *
 * A program in the guest sees one piece; where its pages are in the guest's memory is
 * for page tables to say, and here for mappings.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tvm_media.h"

/* Programs seldom have buffers that start with a page. */
#define IN_PAGE		0x240U

static struct tvm_media_user *add(struct tvm_media *media, const void *addr, unsigned int num)
{
	struct tvm_media_user *user = &media->users[media->num_users];

	ASSERT_LT(media->num_users++, (unsigned int)TVM_MEDIA_USERS);
	*user = (struct tvm_media_user){ .addr = (uintptr_t)addr, .num = num };
	user->sg = calloc(num + 1, sizeof(user->sg[0]));
	ASSERT_TRUE(user->sg);
	return user;
}

static void map_page(const struct tvm_mem *mem, char *addr, uint64_t gpa)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++) {
		const struct tvm_region *region = &mem->regions[i];

		if (gpa < region->gpa || gpa - region->gpa >= region->size)
			continue;
		ASSERT_TRUE(mmap(addr, TVM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
				 mem->fd, region->file_offset + (gpa - region->gpa)) == addr);
		return;
	}
	ASSERT_TRUE(false);
}

/**
 * tvm_media_user_alloc() - allocate memory for a buffer; a failure fails the test
 * @media: the device
 * @len: bytes
 * @scattered: no page follows the one before in the guest's memory
 *
 * Return: where a program has it.
 */
void *tvm_media_user_alloc(struct tvm_media *media, uint32_t len, bool scattered)
{
	unsigned int i, pages = (IN_PAGE + len + TVM_PAGE - 1) / TVM_PAGE;
	uint64_t base = tvm_mem_alloc(&media->mem, (uint64_t)pages * TVM_PAGE, TVM_PAGE);
	struct tvm_media_user *user;
	char *view;

	view = mmap(NULL, (uint64_t)pages * TVM_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	ASSERT_TRUE(view != MAP_FAILED);
	user = add(media, view + IN_PAGE, pages);
	user->view = view;
	user->view_len = (uint64_t)pages * TVM_PAGE;
	for (i = 0; i < pages; i++) {
		uint64_t page = base + (uint64_t)(scattered ? pages - 1 - i : i) * TVM_PAGE;

		map_page(&media->mem, view + (uint64_t)i * TVM_PAGE, page);
		user->sg[i][0] = page + (i ? 0 : IN_PAGE);
		user->sg[i][1] = TVM_PAGE - (i ? 0 : IN_PAGE);
	}
	return view + IN_PAGE;
}

/**
 * tvm_media_user_add() - say where a buffer is in the guest's memory
 * @media: the device
 * @addr: where a program has it, any address
 * @sg: its pieces
 * @num: how many
 *
 * What was said of the same address before is forgotten.
 */
void tvm_media_user_add(struct tvm_media *media, const void *addr,
			const uint64_t sg[][2], unsigned int num)
{
	unsigned int i;

	for (i = 0; i < media->num_users; i++)
		if (media->users[i].addr == (uintptr_t)addr)
			media->users[i].addr = 0;
	memcpy(add(media, addr, num)->sg, sg, num * sizeof(sg[0]));
}

/**
 * tvm_media_user_find() - where a buffer is in the guest's memory
 * @media: the device
 * @addr: where a program has it
 *
 * Return: what is known of it, or NULL.
 */
const struct tvm_media_user *tvm_media_user_find(const struct tvm_media *media,
						 unsigned long addr)
{
	unsigned int i;

	for (i = 0; i < media->num_users; i++)
		if (addr && media->users[i].addr == addr)
			return &media->users[i];
	return NULL;
}

/**
 * tvm_media_user_forget() - forget all of it
 * @media: the device
 */
void tvm_media_user_forget(struct tvm_media *media)
{
	while (media->num_users) {
		struct tvm_media_user *user = &media->users[--media->num_users];

		if (user->view)
			munmap(user->view, user->view_len);
		free(user->sg);
	}
}
