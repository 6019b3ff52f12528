/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the proofs share
 *
 * Whatever the ring code loads from guest memory is any value at all, each
 * time anew. A guest that changes its memory at any moment can do no more, so
 * what is proved holds against it.
 */
#ifndef SELFTESTS_RING_PROOF_H
#define SELFTESTS_RING_PROOF_H

#include <errno.h>

#include <linux/limits.h>

#include <vhost_accel/ring.h>

#include "../include/shim.h"

/* Largest ring; all sizes up to it are covered. */
#ifndef NUM
#define NUM	4
#endif
/* Largest number of segments a chain may have, and has room for; likewise. */
#define SEGS	(NUM + 1)

bool nondet_bool(void);
u16 nondet_u16(void);
u32 nondet_u32(void);
u64 nondet_u64(void);
int nondet_int(void);

struct proof {
	struct vha_ring ring;
	struct vha_chain chain;

	unsigned int loads;
	unsigned int reads;
	unsigned int releases;
	unsigned int barriers;
	/* The last loads of 16 bits, latest first. */
	u16 loaded[2];
};

extern struct proof proof;

extern struct vha_seg proof_segs[SEGS];
extern struct vring_desc proof_table[SEGS];
extern struct vha_order proof_order[NUM];

/* The guest's memory, with room for the largest ring. */
extern u8 proof_desc[16 * NUM];
extern u8 proof_driver[4 + 2 * NUM + 2];
extern u8 proof_device[4 + 8 * NUM + 2];

/* A ring of any size and features, in no state in particular. */
void proof_layout(bool packed);

/* In any state that a ring can be in. */
void proof_any_state(void);

/* Whether it is in such a state. */
bool proof_state(void);

#define ASSUME(condition)	__CPROVER_assume(condition)
#define PROVE(condition)	__CPROVER_assert(condition, #condition)

#endif /* SELFTESTS_RING_PROOF_H */
