/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fuzzed ring: what its driver and its device share
 */
#ifndef SELFTESTS_RING_FUZZ_H
#define SELFTESTS_RING_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

#define MAX_SEGS	40
#define MAX_NUM		32

#define REQUIRE(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
				__LINE__, #condition); \
			abort(); \
		} \
	} while (0)

struct flight {
	struct vha_token token;
	u32 len;
	bool done;
};

struct fuzz {
	const u8 *data;
	size_t left;
	struct guest *guest;
	struct vha_ring *ring;
	struct reference reference;
	bool mutate;
	bool can_unfetch;

	/* where the driver puts the next buffer */
	u64 driver_next;

	/* in the order in which they were fetched */
	struct flight flight[MAX_NUM];
	unsigned int num_flight;

	/* what the used side has to look like; positions count from the start */
	u64 used;
	u64 signalled;
	bool signalled_valid;
	u64 first_staged;
	unsigned int staged;
};

extern struct fuzz fuzz;

/* fuzz_input.c: the fuzzer's input, and numbers in guest memory */

u32 fuzz_take(unsigned int bytes);
void fuzz_put(u8 *to, u64 value, unsigned int bytes);
u64 fuzz_get(const u8 *from, unsigned int bytes);
u8 *fuzz_part(enum guest_part which, size_t offset);
u16 fuzz_position(u64 at);

/* fuzz_driver.c: steps of the driver; the guest that acts before a load */

void fuzz_act(struct guest *guest, const void *from, size_t size);
void fuzz_step_post(void);
void fuzz_step_resync(void);
void fuzz_step_scribble(void);
void fuzz_step_suppress(void);

#endif /* SELFTESTS_RING_FUZZ_H */
