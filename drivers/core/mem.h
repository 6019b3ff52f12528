/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory: the memory table, pins, the device IOTLB and the dirty log
 */
#ifndef VHOST_ACCEL_CORE_MEM_H
#define VHOST_ACCEL_CORE_MEM_H

#include <linux/mm_types.h>
#include <linux/poll.h>
#include <linux/uio.h>

#include <vhost_accel/class.h>

/** define VHA_MEM_REGIONS_MAX - regions a memory table can have */
#define VHA_MEM_REGIONS_MAX	509

/**
 * struct vha_region - guest addresses that are contiguous in the owner's
 * @gpa: first guest physical address
 * @size: bytes, not zero
 * @hva: first address in the owner's address space, not zero
 * @chunks: pin_long.c: the pages, when the table is pinned
 */
struct vha_region {
	u64 gpa;
	u64 size;
	unsigned long hva;
	unsigned long *chunks;
};

/**
 * struct vha_mem - a memory table
 *
 * Immutable once in use, but for pinning, which happens with every queue
 * quiesced, and for the hint, which may be stale without harm.
 *
 * @nr: number of regions
 * @hint: index of the region found last, when there are many
 * @aliased: some byte of the owner's memory appears at several guest addresses
 * @pinned: vha_mem_pin() succeeded
 * @charged: pages charged to the owner's locked memory for it
 * @regions: sorted by guest address, disjoint there
 */
struct vha_mem {
	u32 nr;
	u32 hint;
	bool aliased;
	bool pinned;
	unsigned long charged;
	struct vha_region regions[] __counted_by(nr);
};

/* mem.c: the memory table, a sorted array of regions */

struct vha_mem *vha_mem_create(const struct vhost_memory __user *argp);
struct vha_mem *vha_mem_parse(const struct vhost_memory_region *regions, u32 nr);
void vha_mem_destroy(struct vha_mem *mem);
const struct vha_region *vha_mem_find(const struct vha_mem *mem, u64 gpa);
unsigned long vha_mem_lookup(const struct vha_mem *mem, u64 gpa, u64 *len);
bool vha_mem_reverse(const struct vha_mem *mem, unsigned long hva, u64 *gpa, u64 *len);
bool vha_mem_contains(const struct vha_mem *mem, u64 gpa, u64 len);
u64 vha_mem_end(const struct vha_mem *mem);
int vha_mem_read(struct vha_device *dev, u64 gpa, void *dst, u32 len);

/* pin_long.c: pinning ring parts and the whole table; pin.c: data buffers */

int vha_mem_pin(struct vha_mem *mem, struct mm_struct *mm, const struct vha_mem *old);
void vha_mem_take_charge(struct vha_mem *mem, struct vha_mem *old);
void vha_mem_unpin(struct vha_mem *mem, struct mm_struct *mm);
struct page *vha_mem_page(const struct vha_region *region, unsigned long hva,
			  unsigned long *len);
int vha_ring_map(struct vha_ring_map *map, struct mm_struct *mm, unsigned long hva,
		 size_t size, bool write);
int vha_ring_map_pages(struct vha_ring_map *map, struct mm_struct *mm,
		       unsigned long *hvas, unsigned int nr, bool write);
void vha_ring_unmap(struct vha_ring_map *map, struct mm_struct *mm);

/* iotlb.c: the device IOTLB */

/** define VHA_IOTLB_ENTRIES_MAX - entries the device IOTLB holds */
#define VHA_IOTLB_ENTRIES_MAX	2048

/** define VHA_IOTLB_MISSES_MAX - misses that wait to be read by the VMM */
#define VHA_IOTLB_MISSES_MAX	256

struct vha_iotlb *vha_iotlb_create(void);
void vha_iotlb_destroy(struct vha_iotlb *iotlb);
void vha_iotlb_enable(struct vha_iotlb *iotlb, bool enable);
bool vha_iotlb_enabled(const struct vha_device *dev);
int vha_iotlb_insert(struct vha_iotlb *iotlb, u64 iova, u64 size, u64 hva, u8 perm,
		     bool *changed);
void vha_iotlb_remove(struct vha_iotlb *iotlb, u64 iova, u64 last);
int vha_iotlb_resolve(struct vha_queue *vq, struct vha_chain *chain);
bool vha_iotlb_answered(struct vha_queue *vq, u64 first, u64 last);
int vha_iotlb_read_guest(struct vha_queue *vq, u64 iova, void *dst, u32 len);
int vha_iotlb_map_ring(struct vha_queue *vq, struct vha_ring_map *map, u64 iova,
		       u32 size, bool write);

/* iotlb_msg.c: its messages to and from the VMM */

ssize_t vha_iotlb_write(struct vha_device *dev, struct iov_iter *from);
ssize_t vha_iotlb_read(struct vha_device *dev, struct iov_iter *to, bool nonblock);
__poll_t vha_iotlb_poll(struct vha_device *dev, struct file *file, poll_table *wait);

/* log.c: the dirty log */

struct vha_log *vha_log_create(struct vha_device *dev, u64 base);
void vha_log_destroy(struct vha_device *dev, struct vha_log *log);
u64 vha_log_size(const struct vha_log *log);
void vha_log_write(struct vha_device *dev, u64 gpa, u64 len);
void vha_log_ring(struct vha_device *dev, const struct vha_ring_map *map, u32 offset,
		  u32 len);

#endif /* VHOST_ACCEL_CORE_MEM_H */
