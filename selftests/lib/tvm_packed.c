// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: the guest driver's side of packed rings
 */
#include <errno.h>

#include "tvm.h"

#define AVAIL_BIT	(1U << VRING_PACKED_DESC_F_AVAIL)
#define USED_BIT	(1U << VRING_PACKED_DESC_F_USED)
#define WRAP_BIT	(1U << VRING_PACKED_EVENT_F_WRAP_CTR)

static size_t packed_desc_size(unsigned int num)
{
	return num * sizeof(struct vring_packed_desc);
}

static size_t packed_event_size(unsigned int num)
{
	(void)num;
	return sizeof(struct vring_packed_desc_event);
}

static void packed_reset(struct tvm_queue *vq)
{
	vq->avail_wrap = true;
	vq->used_wrap = true;
}

/* All buffers are back, so both positions are the driver's used position. */
static uint32_t packed_base(const struct tvm_queue *vq)
{
	uint32_t pos = vq->used_next | (vq->used_wrap ? WRAP_BIT : 0);

	return pos | pos << 16;
}

static uint16_t avail_flags(bool wrap)
{
	return wrap ? AVAIL_BIT : USED_BIT;
}

static void desc_write(struct tvm_queue *vq, const struct tvm_seg *seg, uint16_t id,
		       uint16_t flags, bool head)
{
	struct vring_packed_desc *desc = &vq->pdesc[vq->avail_next];

	desc->addr = seg->gpa + vq->dev->iova_offset;
	desc->len = seg->len;
	desc->id = id;
	if (!head)
		desc->flags = flags | avail_flags(vq->avail_wrap);
	if (++vq->avail_next == vq->num) {
		vq->avail_next = 0;
		vq->avail_wrap = !vq->avail_wrap;
	}
}

static uint16_t seg_flags(unsigned int i, unsigned int out, unsigned int nr)
{
	uint16_t flags = i >= out ? VRING_DESC_F_WRITE : 0;

	return i + 1 < nr ? flags | VRING_DESC_F_NEXT : flags;
}

static uint16_t add_indirect(struct tvm_queue *vq, uint16_t id, const struct tvm_seg *segs,
			     unsigned int out, unsigned int nr)
{
	struct vring_packed_desc *table;
	struct tvm_seg seg = {
		.gpa = tvm_slot_table(vq, id, nr),
		.len = nr * sizeof(*table),
	};
	unsigned int i;

	table = tvm_mem_ptr(vq->dev->mem, seg.gpa, seg.len);
	for (i = 0; i < nr; i++) {
		table[i].addr = segs[i].gpa + vq->dev->iova_offset;
		table[i].len = segs[i].len;
		table[i].id = 0;
		table[i].flags = i >= out ? VRING_DESC_F_WRITE : 0;
	}
	desc_write(vq, &seg, id, VRING_DESC_F_INDIRECT, true);
	return VRING_DESC_F_INDIRECT;
}

static uint16_t add_direct(struct tvm_queue *vq, uint16_t id, const struct tvm_seg *segs,
			   unsigned int out, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		desc_write(vq, &segs[i], id, seg_flags(i, out, nr), i == 0);
	return seg_flags(0, out, nr);
}

static int packed_add(struct tvm_queue *vq, const struct tvm_seg *segs, unsigned int out,
		      unsigned int in, void *cookie, unsigned int flags)
{
	unsigned int nr = out + in, need = flags & TVM_ADD_INDIRECT ? 1 : nr;
	struct vring_packed_desc *head = &vq->pdesc[vq->avail_next];
	uint16_t id = vq->free_head, head_flags;
	bool wrap = vq->avail_wrap;

	if (!nr)
		return -EINVAL;
	if (vq->num_free < need)
		return -ENOSPC;
	vq->free_head = vq->slots[id].next;
	if (flags & TVM_ADD_INDIRECT)
		head_flags = add_indirect(vq, id, segs, out, nr);
	else
		head_flags = add_direct(vq, id, segs, out, nr);
	tvm_slot_take(vq, id, need, cookie);
	tvm_store16(&head->flags, head_flags | avail_flags(wrap));
	return id;
}

static bool packed_kick_wanted(struct tvm_queue *vq)
{
	uint32_t both = __atomic_load_n((const uint32_t *)vq->device, __ATOMIC_ACQUIRE);
	uint16_t off_wrap = both, flags = (both >> 16) & 3;
	uint16_t event, old;

	if (flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	event = off_wrap & ~WRAP_BIT;
	if (!!(off_wrap & WRAP_BIT) != vq->avail_wrap)
		event -= vq->num;
	old = vq->avail_next - vq->num_added;
	return vring_need_event(event, vq->avail_next, old);
}

static bool packed_used_peek(struct tvm_queue *vq, uint16_t *id, uint32_t *len)
{
	const struct vring_packed_desc *desc = &vq->pdesc[vq->used_next];
	uint16_t flags = tvm_load16(&desc->flags);
	bool avail = flags & AVAIL_BIT, used = flags & USED_BIT;

	if (avail != used || used != vq->used_wrap)
		return false;
	*id = desc->id;
	*len = desc->len;
	return true;
}

static void packed_used_advance(struct tvm_queue *vq, uint16_t id)
{
	vq->used_next += vq->slots[id].ndescs;
	if (vq->used_next >= vq->num) {
		vq->used_next -= vq->num;
		vq->used_wrap = !vq->used_wrap;
	}
	vq->slots[id].next = vq->free_head;
	vq->free_head = id;
}

static void packed_call_disable(struct tvm_queue *vq)
{
	tvm_store16(&vq->driver->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
}

static void packed_call_enable(struct tvm_queue *vq)
{
	if (!vq->cfg.event_idx) {
		tvm_store16(&vq->driver->flags, VRING_PACKED_EVENT_FLAG_ENABLE);
		return;
	}
	vq->driver->off_wrap = vq->used_next | (vq->used_wrap ? WRAP_BIT : 0);
	tvm_store16(&vq->driver->flags, VRING_PACKED_EVENT_FLAG_DESC);
}

const struct tvm_ring_ops tvm_packed_ops = {
	.desc_size = packed_desc_size,
	.driver_size = packed_event_size,
	.device_size = packed_event_size,
	.reset = packed_reset,
	.base = packed_base,
	.add = packed_add,
	.kick_wanted = packed_kick_wanted,
	.used_peek = packed_used_peek,
	.used_advance = packed_used_advance,
	.call_disable = packed_call_disable,
	.call_enable = packed_call_enable,
};
