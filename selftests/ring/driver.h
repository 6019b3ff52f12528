/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An honest driver for one virtqueue, split or packed
 *
 * Knows nothing of where it runs: it is given plain pointers to the parts of
 * the ring and guest addresses for the buffers.
 */
#ifndef SELFTESTS_RING_DRIVER_H
#define SELFTESTS_RING_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRIVER_RING_MAX		1024

struct driver_seg {
	uint64_t addr;
	uint32_t len;
};

/* What the driver remembers of a buffer id, or of a descriptor when split. */
struct driver_slot {
	void *cookie;
	uint16_t ndescs;
	uint16_t next;
	bool busy;
};

struct driver {
	/* set before driver_init() */
	uint16_t num;
	bool packed;
	bool event_idx;
	void *desc;		/* descriptors */
	void *avail;		/* available ring, or driver event suppression */
	void *used;		/* used ring, or device event suppression */
	void *tables;		/* room for @num indirect tables, or NULL */
	uint64_t tables_addr;	/* their guest address */
	unsigned int table_len;	/* entries of each */

	/* the driver's own */
	uint16_t num_free;
	uint16_t free_head;
	uint16_t avail_next;
	uint16_t used_next;
	uint16_t added;		/* since the last driver_kick() */
	bool avail_wrap;
	bool used_wrap;
	struct driver_slot slots[DRIVER_RING_MAX];
};

/* Sizes in bytes of the three parts of a ring. */
size_t driver_desc_size(uint16_t num);
size_t driver_avail_size(uint16_t num, bool packed);
size_t driver_used_size(uint16_t num, bool packed);

/* The memory of the ring is zero. */
void driver_init(struct driver *driver);

/*
 * Make a buffer available: @out segments for the device to read, then @in for
 * it to write. Of the segments, the last @indirect go to an indirect table.
 * Returns false when the ring has not enough free descriptors.
 */
bool driver_add(struct driver *driver, const struct driver_seg *segs,
		unsigned int out, unsigned int in, unsigned int indirect,
		void *cookie);

/* Whether the device wants to be notified of what was added since the last call. */
bool driver_kick(struct driver *driver);

/* Returns 1 and a used buffer, 0 when there is none, -1 when the device erred. */
int driver_get(struct driver *driver, void **cookie, uint32_t *len);
bool driver_more(const struct driver *driver);

void driver_disable_call(struct driver *driver);
/*
 * Ask to be notified when @ahead more buffers (packed: descriptors) than one
 * were used. Returns true when one is there now, for which no notification
 * may come.
 */
bool driver_enable_call(struct driver *driver, uint16_t ahead);

#endif /* SELFTESTS_RING_DRIVER_H */
