// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory as the ring files see it, watched
 */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

/* The ring files know no context; one guest at a time is enough. */
static struct guest *current_guest;

static void *allocate(size_t size)
{
	void *memory = calloc(1, size ? size : 1);

	if (!memory)
		abort();
	return memory;
}

static void range_open(struct guest_range *range, size_t size)
{
	range->size = size;
	range->bytes = allocate(size);
	range->loads = allocate(size);
	range->written = allocate(size);
	range->logged = allocate(size);
}

static void range_close(struct guest_range *range)
{
	free(range->bytes);
	free(range->loads);
	free(range->written);
	free(range->logged);
}

struct guest *guest_open(const struct vha_ring *layout, unsigned int max_segs)
{
	struct guest *guest = allocate(sizeof(*guest));
	struct vha_ring *ring = &guest->ring;

	*ring = *layout;
	range_open(&guest->part[GUEST_DESC], driver_desc_size(ring->num));
	range_open(&guest->part[GUEST_DRIVER],
		   driver_avail_size(ring->num, ring->packed));
	range_open(&guest->part[GUEST_DEVICE],
		   driver_used_size(ring->num, ring->packed));
	guest->ram = allocate(GUEST_RAM_SIZE);

	ring->desc = (void *)guest->part[GUEST_DESC].bytes;
	ring->avail = (void *)guest->part[GUEST_DRIVER].bytes;
	ring->used = (void *)guest->part[GUEST_DEVICE].bytes;
	ring->table = allocate(ring->chain_max * sizeof(*ring->table));
	ring->order = ring->in_order ? allocate(ring->num * sizeof(*ring->order)) : NULL;
	guest->chain.max = max_segs;
	guest->chain.segs = allocate(max_segs * sizeof(*guest->chain.segs));
	current_guest = guest;
	return guest;
}

void guest_close(struct guest *guest)
{
	unsigned int i;

	for (i = 0; i < GUEST_PARTS; i++)
		range_close(&guest->part[i]);
	free(guest->ram);
	free(guest->ring.table);
	free(guest->ring.order);
	free(guest->chain.segs);
	free(guest);
	current_guest = NULL;
}

void guest_mark(struct guest *guest)
{
	unsigned int i;

	for (i = 0; i < GUEST_PARTS; i++)
		memset(guest->part[i].loads, 0, guest->part[i].size);
	guest->loads = 0;
	guest->reads = 0;
	guest->num_events = 0;
}

static void fail(const char *reason)
{
	fprintf(stderr, "ring code: %s\n", reason);
	abort();
}

static struct guest_range *find_range(struct guest *guest, const void *addr,
				      size_t size, size_t *offset)
{
	unsigned int i;

	for (i = 0; i < GUEST_PARTS; i++) {
		struct guest_range *range = &guest->part[i];
		size_t at = (uintptr_t)addr - (uintptr_t)range->bytes;

		if (at < range->size && size <= range->size - at) {
			*offset = at;
			return range;
		}
	}
	fail("an access outside of the ring");
	return NULL;
}

static void note(struct guest *guest, enum shim_event event, const void *addr,
		 u64 value)
{
	if (guest->num_events == GUEST_TRACE)
		return;
	guest->events[guest->num_events++] = (struct guest_event) {
		.event = event, .addr = addr, .value = value,
	};
}

static void range_loaded(struct guest_range *range, size_t offset, size_t size)
{
	size_t i;

	for (i = offset; i < offset + size; i++)
		if (range->loads[i] < UINT8_MAX)
			range->loads[i]++;
}

uint64_t shim_load(const volatile void *from, size_t size)
{
	struct guest *guest = current_guest;
	const void *addr = (const void *)from;
	size_t offset;
	struct guest_range *range = find_range(guest, addr, size, &offset);
	u64 value = 0;

	if (guest->act)
		guest->act(guest, addr, size);
	guest->loads++;
	range_loaded(range, offset, size);
	/* Aligned to its size, or the processor may load it in pieces. */
	if (offset % size)
		fail("a misaligned load");
	memcpy(&value, addr, size);
	note(guest, SHIM_LOAD, addr, value);
	return value;
}

/* Of a packed descriptor the device writes length, id and flags. */
static bool may_store(const struct guest *guest, const struct guest_range *range,
		      size_t offset)
{
	if (range == &guest->part[GUEST_DEVICE])
		return true;
	return guest->ring.packed && range == &guest->part[GUEST_DESC] &&
	       offset % sizeof(struct vring_packed_desc) >=
	       offsetof(struct vring_packed_desc, len);
}

void shim_store(volatile void *to, uint64_t value, size_t size)
{
	struct guest *guest = current_guest;
	void *addr = (void *)to;
	size_t offset;
	struct guest_range *range = find_range(guest, addr, size, &offset);
	size_t i;

	if (!may_store(guest, range, offset))
		fail("a store to what belongs to the driver");
	if (offset % size && size == sizeof(u16))
		fail("a misaligned store");
	for (i = offset; i < offset + size; i++) {
		range->written[i] = true;
		range->logged[i] = false;
	}
	memcpy(addr, &value, size);
	note(guest, SHIM_STORE, addr, value);
}

void shim_barrier(enum shim_event event)
{
	note(current_guest, event, NULL, 0);
}

void vha_ring_log(struct vha_ring *ring, const void *addr, u32 len)
{
	struct guest *guest = current_guest;
	struct guest_range *range;
	size_t offset;

	if (ring != &guest->ring || !ring->log || !len)
		fail("a report to the dirty log out of place");
	range = find_range(guest, addr, len, &offset);
	if (range == &guest->part[GUEST_DRIVER])
		fail("a log of what the driver writes");
	memset(range->logged + offset, true, len);
	note(guest, SHIM_LOG, addr, len);
}

int vha_ring_read(struct vha_ring *ring, u64 addr, void *dst, u32 len)
{
	struct guest *guest = current_guest;
	u64 offset = addr - GUEST_RAM_BASE;
	u32 i;

	if (ring != &guest->ring)
		fail("a read for another ring");
	guest->reads++;
	note(guest, SHIM_READ, NULL, addr);
	if (guest->read_error)
		return guest->read_error;
	if (addr < GUEST_RAM_BASE || offset > GUEST_RAM_SIZE ||
	    len > GUEST_RAM_SIZE - offset)
		return -EFAULT;
	for (i = 0; i < len; i++) {
		if (guest->act && i % 8 == 0)
			guest->act(guest, guest->ram + offset + i, 8);
		((u8 *)dst)[i] = guest->ram[offset + i];
	}
	return 0;
}

const char *guest_check(const struct guest *guest)
{
	unsigned int i;
	size_t n;

	if (!guest->ring.log)
		return NULL;
	for (i = 0; i < GUEST_PARTS; i++) {
		const struct guest_range *range = &guest->part[i];

		for (n = 0; n < range->size; n++)
			if (range->written[n] && !range->logged[n])
				return "a byte was written after it was logged last";
	}
	return NULL;
}

unsigned int guest_most_loads(const struct guest *guest)
{
	unsigned int most = 0;
	unsigned int i;
	size_t n;

	for (i = GUEST_DESC; i <= GUEST_DRIVER; i++)
		for (n = 0; n < guest->part[i].size; n++)
			if (guest->part[i].loads[n] > most)
				most = guest->part[i].loads[n];
	return most;
}

int guest_find(const struct guest *guest, int from, enum shim_event event,
	       const void *addr)
{
	unsigned int i;

	for (i = from; i < guest->num_events; i++)
		if (guest->events[i].event == event &&
		    (!addr || guest->events[i].addr == addr))
			return i;
	return -1;
}
