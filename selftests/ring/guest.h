/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory as the ring files see it, watched
 *
 * Each part of the ring is an allocation of its own, so that AddressSanitizer
 * sees the first byte beyond it. What the ring code does to the parts is
 * counted, checked and recorded.
 */
#ifndef SELFTESTS_RING_GUEST_H
#define SELFTESTS_RING_GUEST_H

#include <errno.h>

#include <linux/limits.h>

#include <vhost_accel/ring.h>

#include "include/shim.h"

/* Guest addresses of the memory in which indirect tables can lie. */
#define GUEST_RAM_BASE	0x10000
#define GUEST_RAM_SIZE	0x2000
#define GUEST_TRACE	512

enum guest_part {
	GUEST_DESC,
	GUEST_DRIVER,
	GUEST_DEVICE,
	GUEST_PARTS,
};

struct guest_range {
	u8 *bytes;
	size_t size;
	u8 *loads;	/* how often each byte was loaded since guest_mark() */
	bool *written;	/* by the ring code, since guest_open() */
	bool *logged;
};

struct guest_event {
	enum shim_event event;
	const void *addr;
	u64 value;
};

struct guest {
	struct vha_ring ring;
	struct vha_chain chain;
	struct guest_range part[GUEST_PARTS];
	u8 *ram;

	/* since guest_mark() */
	unsigned int loads;
	unsigned int reads;
	unsigned int num_events;
	struct guest_event events[GUEST_TRACE];

	/* the guest acts before a load */
	void (*act)(struct guest *guest, const void *from, size_t size);
	/* what vha_ring_read() returns instead, if not zero */
	int read_error;
};

/* The ring's layout: all members of struct vha_ring up to @log. */
struct guest *guest_open(const struct vha_ring *layout, unsigned int max_segs);
void guest_close(struct guest *guest);
void guest_mark(struct guest *guest);

/* NULL, or why what the ring code wrote is wrong. */
const char *guest_check(const struct guest *guest);

/* Most often that a byte of the descriptors or the driver's part was loaded. */
unsigned int guest_most_loads(const struct guest *guest);

/* Index of the first such event from @from on, or -1; NULL is any address. */
int guest_find(const struct guest *guest, int from, enum shim_event event,
	       const void *addr);

#endif /* SELFTESTS_RING_GUEST_H */
