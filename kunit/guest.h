/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device with guest memory, for suites that need one
 */
#ifndef VHA_KUNIT_GUEST_H
#define VHA_KUNIT_GUEST_H

#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "../drivers/core/core.h"

/**
 * struct guest - a device without a node and one queue of it
 * @class: a class that can do nothing
 * @dev: the device
 * @vq: the queue
 */
struct guest {
	struct vha_class class;
	struct vha_device dev;
	struct vha_queue vq;
};

static inline void guest_release(void *data)
{
	struct guest *guest = data;

	mutex_destroy(&guest->vq.mutex);
	mutex_destroy(&guest->dev.mutex);
	vha_mem_unpin(guest->dev.mem, guest->dev.mm);
	vha_mem_destroy(guest->dev.mem);
	if (guest->dev.iotlb)
		vha_iotlb_destroy(guest->dev.iotlb);
}

static inline struct guest *guest_create(struct kunit *test)
{
	struct guest *guest = kunit_kzalloc(test, sizeof(*guest), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, guest);
	guest->dev.class = &guest->class;
	guest->vq.dev = &guest->dev;
	mutex_init(&guest->dev.mutex);
	mutex_init(&guest->vq.mutex);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, guest_release, guest), 0);
	return guest;
}

/* Anonymous memory of the test's own address space, which becomes the owner. */
static inline unsigned long guest_mmap(struct kunit *test, struct guest *guest, size_t size)
{
	unsigned long hva = kunit_vm_mmap(test, NULL, 0, size, PROT_READ | PROT_WRITE,
					  MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_NE(test, hva, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(hva));
	guest->dev.mm = current->mm;
	return hva;
}

static inline void guest_set_mem(struct kunit *test, struct guest *guest,
				 const struct vhost_memory_region *regions, u32 nr)
{
	struct vha_mem *mem = vha_mem_parse(regions, nr);

	KUNIT_ASSERT_FALSE(test, IS_ERR(mem));
	vha_mem_unpin(guest->dev.mem, guest->dev.mm);
	vha_mem_destroy(guest->dev.mem);
	guest->dev.mem = mem;
}

/* Every byte of the guest's memory says where it is. */
static inline u8 guest_pattern(unsigned long hva)
{
	return hva * 31 + (hva >> PAGE_SHIFT) * 7;
}

static inline void guest_fill(struct kunit *test, unsigned long hva, size_t size)
{
	u8 *page = kunit_kmalloc(test, PAGE_SIZE, GFP_KERNEL);
	size_t done, i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	for (done = 0; done < size; done += PAGE_SIZE) {
		for (i = 0; i < PAGE_SIZE; i++)
			page[i] = guest_pattern(hva + done + i);
		KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)(hva + done), page, PAGE_SIZE),
				0);
	}
	kunit_kfree(test, page);
}

/* Bytes of @buf that are not what guest_fill() put at @hva. */
static inline size_t guest_differs(const u8 *buf, unsigned long hva, size_t len)
{
	size_t i, bad = 0;

	for (i = 0; i < len; i++)
		bad += buf[i] != guest_pattern(hva + i);
	return bad;
}

static inline struct vha_cursor guest_cursor(const struct vha_seg *segs, u32 nr)
{
	return (struct vha_cursor) { .seg = segs, .nr = nr };
}

/* What the worker calls with the queue mutex held. */

static inline int guest_copy_from(struct guest *guest, struct vha_cursor *cursor, void *dst,
				  u32 len)
{
	int ret;

	mutex_lock(&guest->vq.mutex);
	ret = vha_copy_from(&guest->vq, cursor, dst, len);
	mutex_unlock(&guest->vq.mutex);
	return ret;
}

static inline int guest_copy_to(struct guest *guest, struct vha_cursor *cursor,
				const void *src, u32 len)
{
	int ret;

	mutex_lock(&guest->vq.mutex);
	ret = vha_copy_to(&guest->vq, cursor, src, len);
	mutex_unlock(&guest->vq.mutex);
	return ret;
}

static inline int guest_pin(struct guest *guest, struct vha_cursor *cursor, u32 len,
			    bool write, struct bio_vec *bv, unsigned int max)
{
	int ret;

	mutex_lock(&guest->vq.mutex);
	ret = vha_pin(&guest->vq, cursor, len, write, bv, max);
	mutex_unlock(&guest->vq.mutex);
	return ret;
}

#endif /* VHA_KUNIT_GUEST_H */
