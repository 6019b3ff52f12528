// SPDX-License-Identifier: GPL-2.0-only
/*
 * An honest driver for one virtqueue, split or packed
 */
#include "driver.h"

#include <endian.h>
#include <string.h>

#include <linux/virtio_ring.h>

#define PACKED_AVAIL	(1U << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED	(1U << VRING_PACKED_DESC_F_USED)

#define LOAD(p)		__atomic_load_n(p, __ATOMIC_RELAXED)
#define LOAD_ACQUIRE(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define STORE(p, v)	__atomic_store_n(p, v, __ATOMIC_RELAXED)
#define STORE_RELEASE(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define FULL_BARRIER()	__atomic_thread_fence(__ATOMIC_SEQ_CST)

static struct vring_desc *split_desc(const struct driver *driver)
{
	return driver->desc;
}

static struct vring_avail *split_avail(const struct driver *driver)
{
	return driver->avail;
}

static struct vring_used *split_used(const struct driver *driver)
{
	return driver->used;
}

static uint16_t *split_used_event(const struct driver *driver)
{
	return &split_avail(driver)->ring[driver->num];
}

static uint16_t *split_avail_event(const struct driver *driver)
{
	return (uint16_t *)&split_used(driver)->ring[driver->num];
}

static struct vring_packed_desc *packed_desc(const struct driver *driver)
{
	return driver->desc;
}

size_t driver_desc_size(uint16_t num)
{
	return num * sizeof(struct vring_desc);
}

size_t driver_avail_size(uint16_t num, bool packed)
{
	return packed ? sizeof(struct vring_packed_desc_event) :
			sizeof(struct vring_avail) + (num + 1) * sizeof(uint16_t);
}

size_t driver_used_size(uint16_t num, bool packed)
{
	return packed ? sizeof(struct vring_packed_desc_event) :
			sizeof(struct vring_used) + sizeof(uint16_t) +
			num * sizeof(struct vring_used_elem);
}

void driver_init(struct driver *driver)
{
	unsigned int i;

	memset(driver->slots, 0, sizeof(driver->slots));
	for (i = 0; i < driver->num; i++)
		driver->slots[i].next = i + 1;
	driver->num_free = driver->num;
	driver->free_head = 0;
	driver->avail_next = 0;
	driver->used_next = 0;
	driver->added = 0;
	driver->avail_wrap = true;
	driver->used_wrap = true;
}

/* One descriptor's worth of segment, as either format lays it out. */
struct entry {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
};

static struct entry segment(const struct driver_seg *segs, unsigned int i,
			    unsigned int out)
{
	return (struct entry) {
		.addr = segs[i].addr,
		.len = segs[i].len,
		.flags = i < out ? 0 : VRING_DESC_F_WRITE,
	};
}

/* Fill the indirect table that belongs to @id with segments @from to @total. */
static struct entry table(struct driver *driver, uint16_t id,
			  const struct driver_seg *segs, unsigned int from,
			  unsigned int out, unsigned int total)
{
	size_t offset = (size_t)id * driver->table_len * sizeof(struct vring_desc);
	void *room = (char *)driver->tables + offset;
	struct vring_packed_desc *packed = room;
	struct vring_desc *split = room;
	unsigned int i;

	for (i = from; i < total; i++) {
		struct entry entry = segment(segs, i, out);
		unsigned int n = i - from;

		if (driver->packed) {
			packed[n].addr = htole64(entry.addr);
			packed[n].len = htole32(entry.len);
			packed[n].id = 0;
			packed[n].flags = htole16(entry.flags);
			continue;
		}
		if (i + 1 < total)
			entry.flags |= VRING_DESC_F_NEXT;
		split[n].addr = htole64(entry.addr);
		split[n].len = htole32(entry.len);
		split[n].flags = htole16(entry.flags);
		split[n].next = htole16(n + 1);
	}
	return (struct entry) {
		.addr = driver->tables_addr + offset,
		.len = (total - from) * sizeof(struct vring_desc),
		.flags = VRING_DESC_F_INDIRECT,
	};
}

static void split_write(struct driver *driver, uint16_t slot, struct entry entry,
			bool last)
{
	struct vring_desc *desc = &split_desc(driver)[slot];

	if (!last)
		entry.flags |= VRING_DESC_F_NEXT;
	STORE(&desc->addr, htole64(entry.addr));
	STORE(&desc->len, htole32(entry.len));
	STORE(&desc->flags, htole16(entry.flags));
	STORE(&desc->next, htole16(driver->slots[slot].next));
}

static void split_expose(struct driver *driver, uint16_t head)
{
	struct vring_avail *avail = split_avail(driver);

	STORE(&avail->ring[driver->avail_next % driver->num], htole16(head));
	driver->avail_next++;
	driver->added++;
	STORE_RELEASE(&avail->idx, htole16(driver->avail_next));
}

static void packed_step(const struct driver *driver, uint16_t *slot, bool *wrap)
{
	if (++*slot < driver->num)
		return;
	*slot = 0;
	*wrap = !*wrap;
}

/* Returns the flags; storing those of the head makes the buffer available. */
static uint16_t packed_write(struct driver *driver, uint16_t id, struct entry entry,
			     bool first, bool last)
{
	struct vring_packed_desc *desc = &packed_desc(driver)[driver->avail_next];
	uint16_t flags = entry.flags;

	if (!last)
		flags |= VRING_DESC_F_NEXT;
	flags |= driver->avail_wrap ? PACKED_AVAIL : PACKED_USED;
	STORE(&desc->addr, htole64(entry.addr));
	STORE(&desc->len, htole32(entry.len));
	STORE(&desc->id, htole16(id));
	if (!first)
		STORE(&desc->flags, htole16(flags));
	packed_step(driver, &driver->avail_next, &driver->avail_wrap);
	driver->added++;
	return flags;
}

bool driver_add(struct driver *driver, const struct driver_seg *segs,
		unsigned int out, unsigned int in, unsigned int indirect,
		void *cookie)
{
	unsigned int total = out + in;
	unsigned int direct = total - indirect;
	unsigned int count = direct + !!indirect;
	uint16_t id = driver->free_head;
	uint16_t head_slot = driver->avail_next;
	uint16_t head_flags = 0;
	uint16_t slot = id;
	unsigned int i;

	if (!count || driver->num_free < count)
		return false;

	for (i = 0; i < count; i++) {
		struct entry entry;
		uint16_t flags;

		if (i < direct)
			entry = segment(segs, i, out);
		else
			entry = table(driver, id, segs, direct, out, total);
		if (driver->packed) {
			flags = packed_write(driver, id, entry, !i, i + 1 == count);
			if (!i)
				head_flags = flags;
		} else {
			split_write(driver, slot, entry, i + 1 == count);
			slot = driver->slots[slot].next;
		}
	}

	driver->free_head = driver->packed ? driver->slots[id].next : slot;
	driver->num_free -= count;
	driver->slots[id].cookie = cookie;
	driver->slots[id].ndescs = count;
	driver->slots[id].busy = true;
	if (driver->packed)
		STORE_RELEASE(&packed_desc(driver)[head_slot].flags,
			      htole16(head_flags));
	else
		split_expose(driver, id);
	return true;
}

static bool split_kick(struct driver *driver)
{
	uint16_t event;

	if (!driver->event_idx)
		return !(le16toh(LOAD(&split_used(driver)->flags)) &
			 VRING_USED_F_NO_NOTIFY);
	event = le16toh(LOAD(split_avail_event(driver)));
	return vring_need_event(event, driver->avail_next,
				driver->avail_next - driver->added);
}

static bool packed_kick(struct driver *driver)
{
	const uint32_t *device = driver->used;
	uint32_t value = le32toh(LOAD(device));
	uint16_t flags = value >> 16;
	uint16_t event = value & 0x7fff;

	if (flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	if (!!(value & 0x8000) != driver->avail_wrap)
		event -= driver->num;
	return vring_need_event(event, driver->avail_next,
				driver->avail_next - driver->added);
}

bool driver_kick(struct driver *driver)
{
	bool kick;

	if (!driver->added)
		return false;
	/* Pairs with the device's barrier when it enables notifications. */
	FULL_BARRIER();
	kick = driver->packed ? packed_kick(driver) : split_kick(driver);
	driver->added = 0;
	return kick;
}

bool driver_more(const struct driver *driver)
{
	uint16_t flags;

	if (!driver->packed)
		return le16toh(LOAD_ACQUIRE(&split_used(driver)->idx)) !=
		       driver->used_next;
	flags = le16toh(LOAD_ACQUIRE(&packed_desc(driver)[driver->used_next].flags));
	return !!(flags & PACKED_AVAIL) == driver->used_wrap &&
	       !!(flags & PACKED_USED) == driver->used_wrap;
}

/* Give the descriptors (split) or the id (packed) of a buffer back. */
static void release(struct driver *driver, uint16_t id)
{
	struct driver_slot *slot = &driver->slots[id];
	uint16_t last = id;
	unsigned int i;

	for (i = 1; i < slot->ndescs && !driver->packed; i++)
		last = driver->slots[last].next;
	driver->slots[last].next = driver->free_head;
	driver->free_head = id;
	driver->num_free += slot->ndescs;
	slot->busy = false;
}

int driver_get(struct driver *driver, void **cookie, uint32_t *len)
{
	uint32_t id;
	unsigned int i;

	if (!driver_more(driver))
		return 0;
	if (driver->packed) {
		const struct vring_packed_desc *desc =
			&packed_desc(driver)[driver->used_next];

		id = le16toh(LOAD(&desc->id));
		*len = le32toh(LOAD(&desc->len));
	} else {
		const struct vring_used_elem *elem =
			&split_used(driver)->ring[driver->used_next % driver->num];

		id = le32toh(LOAD(&elem->id));
		*len = le32toh(LOAD(&elem->len));
		driver->used_next++;
	}
	if (id >= driver->num || !driver->slots[id].busy)
		return -1;

	for (i = 0; driver->packed && i < driver->slots[id].ndescs; i++)
		packed_step(driver, &driver->used_next, &driver->used_wrap);
	*cookie = driver->slots[id].cookie;
	release(driver, id);
	return 1;
}

void driver_disable_call(struct driver *driver)
{
	struct vring_packed_desc_event *event = driver->avail;

	if (driver->packed)
		STORE(&event->flags, htole16(VRING_PACKED_EVENT_FLAG_DISABLE));
	else if (!driver->event_idx)
		STORE(&split_avail(driver)->flags, htole16(VRING_AVAIL_F_NO_INTERRUPT));
}

static void packed_enable_call(struct driver *driver, uint16_t ahead)
{
	struct vring_packed_desc_event *event = driver->avail;
	uint16_t flags = VRING_PACKED_EVENT_FLAG_ENABLE;
	unsigned int slot = driver->used_next + ahead;
	bool wrap = driver->used_wrap;

	if (driver->event_idx) {
		if (slot >= driver->num) {
			slot -= driver->num;
			wrap = !wrap;
		}
		STORE(&event->off_wrap, htole16(slot | wrap << 15));
		flags = VRING_PACKED_EVENT_FLAG_DESC;
	}
	STORE_RELEASE(&event->flags, htole16(flags));
}

bool driver_enable_call(struct driver *driver, uint16_t ahead)
{
	if (driver->packed)
		packed_enable_call(driver, ahead);
	else if (driver->event_idx)
		STORE(split_used_event(driver), htole16(driver->used_next + ahead));
	else
		STORE(&split_avail(driver)->flags, 0);
	/* Pairs with the device's barrier between publishing and this. */
	FULL_BARRIER();
	return driver_more(driver);
}
