/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ring, its guest and its honest driver, for the unit tests
 */
#ifndef SELFTESTS_RING_RIG_H
#define SELFTESTS_RING_RIG_H

#include <stdio.h>

#include "driver.h"
#include "guest.h"

enum {
	RIG_PACKED = 1,
	RIG_EVENT_IDX = 2,
	RIG_IN_ORDER = 4,
	RIG_LOG = 8,
	RIG_INDIRECT = 16,
	RIG_ALL = 32,
};

#define RIG_SEGS	256

struct rig {
	struct guest *guest;
	struct vha_ring *ring;
	struct vha_chain *chain;
	struct driver driver;
};

struct rig *rig_open(unsigned int flags, u16 num);
void rig_close(struct rig *rig);

/* One buffer of @out + @in segments, @indirect of them in a table. */
bool rig_add(struct rig *rig, unsigned int out, unsigned int in,
	     unsigned int indirect, unsigned long cookie);
u64 rig_addr(unsigned long cookie, unsigned int segment);
u32 rig_len(unsigned long cookie, unsigned int segment);

/* Whether @rig->chain is the buffer that rig_add() made of the same. */
bool rig_is(const struct rig *rig, unsigned int out, unsigned int in,
	    unsigned long cookie);
void rig_return(struct rig *rig, const struct vha_token *token, u32 len);

/* What a hostile driver stores. */
void rig_split_desc(struct rig *rig, u16 slot, u64 addr, u32 len, u16 flags,
		    u16 next);
void rig_split_avail(struct rig *rig, u16 index, u16 head);
void rig_split_index(struct rig *rig, u16 index);
void rig_packed_desc(struct rig *rig, u16 slot, u64 addr, u32 len, u16 id,
		     u16 flags);

struct test {
	const char *name;
	void (*run)(unsigned int flags);
	unsigned int variants;	/* of the flags, all combinations are run */
};

extern bool test_failed;

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition); \
			test_failed = true; \
		} \
	} while (0)

extern const struct test fetch_tests[];
extern const struct test error_tests[];
extern const struct test used_tests[];
extern const struct test notify_tests[];

#endif /* SELFTESTS_RING_RIG_H */
