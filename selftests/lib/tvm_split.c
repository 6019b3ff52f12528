// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: the guest driver's side of split rings
 */
#include <errno.h>

#include "tvm.h"

static size_t split_desc_size(unsigned int num)
{
	return num * sizeof(struct vring_desc);
}

static size_t split_driver_size(unsigned int num)
{
	return 2 * (3 + num);
}

static size_t split_device_size(unsigned int num)
{
	return 2 * 3 + num * sizeof(struct vring_used_elem);
}

static uint16_t *used_event(struct tvm_queue *vq)
{
	return &vq->avail->ring[vq->num];
}

static const uint16_t *avail_event(struct tvm_queue *vq)
{
	return (const uint16_t *)&vq->used->ring[vq->num];
}

static void split_reset(struct tvm_queue *vq)
{
	unsigned int i;

	if (!vq->cfg.in_order)
		return;
	/* The specification wants consecutive descriptors linked beforehand. */
	for (i = 0; i < vq->num; i++)
		vq->desc[i].next = (i + 1) % vq->num;
}

static uint32_t split_base(const struct tvm_queue *vq)
{
	return vq->used_next;
}

static void desc_write(struct vring_desc *desc, const struct tvm_seg *seg, uint16_t flags,
		       uint16_t next, uint64_t offset)
{
	desc->addr = seg->gpa + offset;
	desc->len = seg->len;
	desc->flags = flags;
	desc->next = next;
}

static void table_write(struct tvm_queue *vq, struct vring_desc *table,
			const struct tvm_seg *segs, unsigned int out, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		uint16_t flags = i >= out ? VRING_DESC_F_WRITE : 0;

		if (i + 1 < nr)
			flags |= VRING_DESC_F_NEXT;
		desc_write(&table[i], &segs[i], flags, i + 1, vq->dev->iova_offset);
	}
}

static void add_indirect(struct tvm_queue *vq, uint16_t head, const struct tvm_seg *segs,
			 unsigned int out, unsigned int nr)
{
	struct tvm_seg table = {
		.gpa = tvm_slot_table(vq, head, nr),
		.len = nr * sizeof(struct vring_desc),
	};

	table_write(vq, tvm_mem_ptr(vq->dev->mem, table.gpa, table.len), segs, out, nr);
	desc_write(&vq->desc[head], &table, VRING_DESC_F_INDIRECT, vq->desc[head].next,
		   vq->dev->iova_offset);
	vq->slots[head].last = head;
	vq->free_head = vq->slots[head].next;
}

static void add_direct(struct tvm_queue *vq, uint16_t head, const struct tvm_seg *segs,
		       unsigned int out, unsigned int nr)
{
	uint16_t at = head, next;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		uint16_t flags = i >= out ? VRING_DESC_F_WRITE : 0;

		next = vq->slots[at].next % vq->num;
		if (i + 1 < nr)
			flags |= VRING_DESC_F_NEXT;
		desc_write(&vq->desc[at], &segs[i], flags, next, vq->dev->iova_offset);
		vq->slots[head].last = at;
		at = next;
	}
	vq->free_head = vq->slots[vq->slots[head].last].next;
}

/*
 * Free descriptors are linked through the slots. In order, the links never
 * change and the free ones are simply those that follow.
 */
static int split_add(struct tvm_queue *vq, const struct tvm_seg *segs, unsigned int out,
		     unsigned int in, void *cookie, unsigned int flags)
{
	unsigned int nr = out + in, need = flags & TVM_ADD_INDIRECT ? 1 : nr;
	uint16_t head = vq->free_head % vq->num;

	if (!nr)
		return -EINVAL;
	if (vq->num_free < need)
		return -ENOSPC;
	if (flags & TVM_ADD_INDIRECT)
		add_indirect(vq, head, segs, out, nr);
	else
		add_direct(vq, head, segs, out, nr);
	tvm_slot_take(vq, head, need, cookie);
	vq->avail->ring[vq->avail_next % vq->num] = head;
	vq->avail_next++;
	tvm_store16(&vq->avail->idx, vq->avail_next);
	return head;
}

static bool split_kick_wanted(struct tvm_queue *vq)
{
	uint16_t old = vq->avail_next - vq->num_added;

	if (vq->cfg.event_idx)
		return vring_need_event(tvm_load16(avail_event(vq)), vq->avail_next, old);
	return !(tvm_load16(&vq->used->flags) & VRING_USED_F_NO_NOTIFY);
}

static bool split_used_peek(struct tvm_queue *vq, uint16_t *id, uint32_t *len)
{
	const struct vring_used_elem *elem = &vq->used->ring[vq->used_next % vq->num];

	if (tvm_load16(&vq->used->idx) == vq->used_next)
		return false;
	*id = elem->id;
	*len = elem->len;
	return true;
}

static void split_used_advance(struct tvm_queue *vq, uint16_t id)
{
	vq->used_next++;
	if (vq->cfg.in_order)
		return;
	vq->slots[vq->slots[id].last].next = vq->free_head;
	vq->free_head = id;
}

static void split_call_disable(struct tvm_queue *vq)
{
	/* With event index: an event in the past comes again after a wrap only. */
	if (vq->cfg.event_idx)
		tvm_store16(used_event(vq), vq->used_next - 1);
	else
		tvm_store16(&vq->avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
}

static void split_call_enable(struct tvm_queue *vq)
{
	if (vq->cfg.event_idx)
		tvm_store16(used_event(vq), vq->used_next);
	else
		tvm_store16(&vq->avail->flags, 0);
}

const struct tvm_ring_ops tvm_split_ops = {
	.desc_size = split_desc_size,
	.driver_size = split_driver_size,
	.device_size = split_device_size,
	.reset = split_reset,
	.base = split_base,
	.add = split_add,
	.kick_wanted = split_kick_wanted,
	.used_peek = split_used_peek,
	.used_advance = split_used_advance,
	.call_disable = split_call_disable,
	.call_enable = split_call_enable,
};
