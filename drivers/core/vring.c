// SPDX-License-Identifier: GPL-2.0-only
/*
 * From what the VMM said about a ring to a mapped one, and back
 */
#include <linux/align.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "core.h"

/**
 * enum - indices into &vha_queue.map
 * @PART_DESC: descriptor table or descriptor ring
 * @PART_DRIVER: available ring or driver event suppression
 * @PART_DEVICE: used ring or device event suppression
 */
enum {
	PART_DESC,
	PART_DRIVER,
	PART_DEVICE,
};

/**
 * struct part - where a part of a ring is said to be
 * @addr: address in the VMM, or I/O virtual address behind an IOTLB
 * @size: bytes
 * @align: alignment the specification demands (2.7, 2.8.10)
 * @write: the device writes to it; the guest's IOMMU may forbid that of others
 */
struct part {
	u64 addr;
	size_t size;
	size_t align;
	bool write;
};

static void vring_parts(const struct vha_queue *vq, struct part *parts)
{
	bool packed = vha_queue_feature(vq, VIRTIO_F_RING_PACKED);
	size_t event = vha_queue_feature(vq, VIRTIO_RING_F_EVENT_IDX) ? sizeof(__virtio16) : 0;
	size_t num = vq->num;

	parts[PART_DESC] = (struct part) {
		.addr = vq->addr.desc_user_addr,
		.size = num * sizeof(struct vring_desc),
		.align = VRING_DESC_ALIGN_SIZE,
		.write = packed,
	};
	parts[PART_DRIVER] = (struct part) {
		.addr = vq->addr.avail_user_addr,
		.size = packed ? sizeof(struct vring_packed_desc_event) :
			sizeof(struct vring_avail) + num * sizeof(__virtio16) + event,
		.align = packed ? 4 : VRING_AVAIL_ALIGN_SIZE,
	};
	parts[PART_DEVICE] = (struct part) {
		.addr = vq->addr.used_user_addr,
		.size = packed ? sizeof(struct vring_packed_desc_event) :
			sizeof(struct vring_used) + num * sizeof(struct vring_used_elem) + event,
		.align = VRING_USED_ALIGN_SIZE,
		.write = true,
	};
}

static int part_map(struct vha_queue *vq, struct vha_ring_map *map, const struct part *part)
{
	if (!IS_ALIGNED(part->addr, part->align))
		return -EINVAL;
	map->size = part->size;
	if (vha_queue_feature(vq, VIRTIO_F_ACCESS_PLATFORM))
		return vha_iotlb_map_ring(vq, map, part->addr, part->size, part->write);
	if (part->addr > ULONG_MAX - part->size ||
	    !access_ok(u64_to_user_ptr(part->addr), part->size))
		return -EFAULT;
	return vha_ring_map(map, vq->dev->mm, part->addr, part->size, part->write);
}

static void ring_layout(struct vha_queue *vq)
{
	struct vha_ring *ring = &vq->ring;

	ring->num = vq->num;
	ring->packed = vha_queue_feature(vq, VIRTIO_F_RING_PACKED);
	ring->event_idx = vha_queue_feature(vq, VIRTIO_RING_F_EVENT_IDX);
	ring->indirect = vha_queue_feature(vq, VIRTIO_RING_F_INDIRECT_DESC);
	ring->in_order = vha_queue_feature(vq, VIRTIO_F_IN_ORDER);
	ring->log = vha_vring_logged(vq);
	/* The members of each union have one type or the other. */
	ring->desc = vq->map[PART_DESC].addr;
	ring->avail = vq->map[PART_DRIVER].addr;
	ring->used = vq->map[PART_DEVICE].addr;
}

/**
 * vha_vring_logged() - whether writes of the ring go to the dirty log
 * @vq: the queue
 *
 * Return: whether they do.
 */
bool vha_vring_logged(const struct vha_queue *vq)
{
	return vha_queue_feature(vq, VHOST_F_LOG_ALL) && vq->log_used;
}

/*
 * For a split ring without an IOTLB the VMM names the guest physical address
 * of the used ring; all else is looked up.
 */
static bool log_by_name(const struct vha_queue *vq)
{
	return !vha_queue_feature(vq, VIRTIO_F_RING_PACKED) &&
	       !vha_queue_feature(vq, VIRTIO_F_ACCESS_PLATFORM);
}

/**
 * vha_vring_log_valid() - whether the used ring can be logged where the VMM says
 * @vq: the queue
 * @mem: memory table that says what is memory of the guest, or NULL
 * @addr: as &vhost_vring_addr.log_guest_addr
 *
 * Return: whether all of it is memory of the guest, or its address is not used.
 */
bool vha_vring_log_valid(const struct vha_queue *vq, const struct vha_mem *mem, u64 addr)
{
	struct part parts[VHA_RING_PARTS];

	if (!log_by_name(vq))
		return true;
	vring_parts(vq, parts);
	return vha_mem_contains(mem, addr, parts[PART_DEVICE].size);
}

/**
 * vha_vring_base() - where a stopped queue begins when it is started
 * @vq: the queue
 *
 * Return: as of vha_ring_base().
 */
u32 vha_vring_base(const struct vha_queue *vq)
{
	if (vq->base_set)
		return vq->base;
	/* Both wrap counters of a fresh packed ring are 1 (2.8.1). */
	return vha_queue_feature(vq, VIRTIO_F_RING_PACKED) ? 0x80008000 : 0;
}

/**
 * vha_vring_map() - pin and map the ring and make it usable
 * @vq: the queue, allocated
 *
 * Context: the owner.
 * Return: 0, -EAGAIN when a part has no translation yet, -EINVAL for a
 * misaligned part or an impossible base, -EFAULT when a part can not be read
 * or, where the device has to, written, -ENOMEM.
 */
int vha_vring_map(struct vha_queue *vq)
{
	struct part parts[VHA_RING_PARTS];
	unsigned int i;
	int ret;

	lockdep_assert_held(&vq->dev->mutex);
	lockdep_assert_held(&vq->mutex);
	vring_parts(vq, parts);
	for (i = 0; i < VHA_RING_PARTS; i++) {
		ret = part_map(vq, &vq->map[i], &parts[i]);
		if (ret)
			goto err_unmap;
	}
	ring_layout(vq);
	ret = vha_ring_init(&vq->ring, vha_vring_base(vq));
	if (ret)
		goto err_unmap;
	return 0;

err_unmap:
	while (i--)
		vha_ring_unmap(&vq->map[i], vq->dev->mm);
	return ret;
}

/**
 * vha_vring_unmap() - unpin the ring and remember where to go on
 * @vq: the queue, with no buffer in flight
 */
void vha_vring_unmap(struct vha_queue *vq)
{
	unsigned int i;

	lockdep_assert_held(&vq->dev->mutex);
	lockdep_assert_held(&vq->mutex);
	if (!vq->map[0].addr)
		return;
	vq->base = vha_ring_base(&vq->ring);
	vq->base_set = true;
	for (i = 0; i < VHA_RING_PARTS; i++)
		vha_ring_unmap(&vq->map[i], vq->dev->mm);
}

/**
 * vha_vring_overlaps() - whether a mapped ring lies in a range of addresses
 * @vq: the queue
 * @start: first address, as the device sees it
 * @last: last address
 *
 * Return: whether any part does, which the device mutex keeps so.
 */
bool vha_vring_overlaps(const struct vha_queue *vq, u64 start, u64 last)
{
	struct part parts[VHA_RING_PARTS];
	unsigned int i;

	lockdep_assert_held(&vq->dev->mutex);
	if (!vq->map[0].addr)
		return false;
	vring_parts(vq, parts);
	for (i = 0; i < VHA_RING_PARTS; i++)
		if (parts[i].addr <= last && parts[i].addr + parts[i].size - 1 >= start)
			return true;
	return false;
}

/* Every device takes so many descriptors in an indirect table, as its peers do. */
#define CHAIN_MAX	1024U

static u16 chain_max(const struct vha_queue *vq)
{
	if (!vha_queue_feature(vq, VIRTIO_RING_F_INDIRECT_DESC))
		return vq->num;
	return max3(vq->num, vq->dev->chain_max, CHAIN_MAX);
}

/**
 * vha_vring_alloc() - allocate what a ring of the queue's size needs
 * @vq: the queue
 *
 * Return: 0 or -ENOMEM.
 */
int vha_vring_alloc(struct vha_queue *vq)
{
	bool indirect = vha_queue_feature(vq, VIRTIO_RING_F_INDIRECT_DESC);
	bool in_order = vha_queue_feature(vq, VIRTIO_F_IN_ORDER);
	u32 segs = chain_max(vq);

	vq->ring.chain_max = segs;
	if (vha_queue_feature(vq, VIRTIO_F_ACCESS_PLATFORM))
		segs += VHA_RESOLVE_SEGS;
	vq->chain.max = segs;
	vq->chain.segs = kvcalloc(segs, sizeof(*vq->chain.segs), VHA_GFP_SETUP);
	if (indirect)
		vq->ring.table = kvcalloc(vq->ring.chain_max, sizeof(*vq->ring.table),
					  VHA_GFP_SETUP);
	if (in_order)
		vq->ring.order = kvcalloc(vq->num, sizeof(*vq->ring.order), VHA_GFP_SETUP);
	if (vq->chain.segs && (vq->ring.table || !indirect) && (vq->ring.order || !in_order))
		return 0;
	vha_vring_free(vq);
	return -ENOMEM;
}

/**
 * vha_vring_free() - undo vha_vring_alloc()
 * @vq: the queue
 */
void vha_vring_free(struct vha_queue *vq)
{
	kvfree(vq->chain.segs);
	kvfree(vq->ring.table);
	kvfree(vq->ring.order);
	vq->chain.segs = NULL;
	vq->ring.table = NULL;
	vq->ring.order = NULL;
}

/* What the ring code asks of its environment. */

int vha_ring_read(struct vha_ring *ring, u64 addr, void *dst, u32 len)
{
	struct vha_queue *vq = container_of(ring, struct vha_queue, ring);

	if (vha_queue_feature(vq, VIRTIO_F_ACCESS_PLATFORM))
		return vha_iotlb_read_guest(vq, addr, dst, len);
	return vha_mem_read(vq->dev, addr, dst, len);
}

void vha_ring_log(struct vha_ring *ring, const void *addr, u32 len)
{
	struct vha_queue *vq = container_of(ring, struct vha_queue, ring);
	const struct vha_ring_map *desc = &vq->map[PART_DESC];
	const struct vha_ring_map *device = &vq->map[PART_DEVICE];

	/* Of the other parts only a packed descriptor ring is ever written. */
	if (addr < device->addr || addr >= device->addr + device->size)
		vha_log_ring(vq->dev, desc, addr - desc->addr, len);
	else if (log_by_name(vq))
		vha_log_write(vq->dev, vq->addr.log_guest_addr + (addr - device->addr), len);
	else
		vha_log_ring(vq->dev, device, addr - device->addr, len);
}
