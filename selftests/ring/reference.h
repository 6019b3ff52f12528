/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a fetch has to find, worked out a second time and in another way
 */
#ifndef SELFTESTS_RING_REFERENCE_H
#define SELFTESTS_RING_REFERENCE_H

#include "guest.h"

#define REFERENCE_SEGS	1024

struct reference {
	/* where the ring stands, kept by the reference's user */
	u64 avail;		/* buffers (split) or descriptors (packed) taken */
	u32 cached;		/* split: available index when last looked at */
	u32 in_flight;		/* buffers (split) or descriptors (packed) */

	/* the answer */
	int result;
	enum vha_ring_error error;
	u16 id;
	u16 ndescs;
	unsigned int num_segs;
	struct { u64 addr; u64 len; bool write; } segs[REFERENCE_SEGS];
};

/*
 * Predict the next vha_ring_fetch(), given that nothing changes meanwhile.
 * Start @avail of a packed ring at 0 for a base of zero with both wrap
 * counters set; in general at slot, plus the ring's size if the wrap counter
 * is clear.
 */
void reference_fetch(struct reference *reference, const struct guest *guest);

#endif /* SELFTESTS_RING_REFERENCE_H */
