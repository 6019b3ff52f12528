// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the device side costs per buffer, alone and with a warm cache
 *
 * usage: ring_bench [rounds]
 *
 * Prints one JSON object. Instructions are null where the machine does not
 * count them.
 */
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <vhost_accel/ring.h>

#include "driver.h"

#define NUM		256
#define SEGS		3
#define BATCH		32
#define TABLES_ADDR	0x40000000ull
#define SAMPLES		9

static char tables[NUM * SEGS * sizeof(struct vring_desc)]
	__attribute__((aligned(16)));

int vha_ring_read(struct vha_ring *ring, u64 addr, void *dst, u32 len)
{
	(void)ring;
	memcpy(dst, tables + (addr - TABLES_ADDR), len);
	return 0;
}

void vha_ring_log(struct vha_ring *ring, const void *addr, u32 len)
{
	(void)ring;
	(void)addr;
	(void)len;
}

struct bench {
	const char *name;
	bool packed;
	bool event_idx;
	bool in_order;
	bool indirect;
	unsigned int batch;	/* buffers per publish */
};

static const struct bench benches[] = {
	{ "split", false, false, false, false, BATCH },
	{ "split_event_idx", false, true, false, false, BATCH },
	{ "split_unbatched", false, true, false, false, 1 },
	{ "split_indirect", false, true, false, true, BATCH },
	{ "split_in_order", false, true, true, false, BATCH },
	{ "packed", true, false, false, false, BATCH },
	{ "packed_event_idx", true, true, false, false, BATCH },
	{ "packed_unbatched", true, true, false, false, 1 },
	{ "packed_indirect", true, true, false, true, BATCH },
	{ "packed_in_order", true, true, true, false, BATCH },
};

struct sample {
	double ns;
	double instructions;
};

static int counter = -1;

static void open_counter(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	counter = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static u64 instructions(void)
{
	u64 value = 0;

	if (counter >= 0 && read(counter, &value, sizeof(value)) != sizeof(value))
		value = 0;
	return value;
}

static u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void *allocate(size_t size)
{
	void *memory = aligned_alloc(4096, (size + 4095) / 4096 * 4096);

	if (!memory)
		abort();
	return memset(memory, 0, size);
}

static void open_ring(const struct bench *b, struct vha_ring *r, struct driver *d)
{
	memset(r, 0, sizeof(*r));
	r->num = NUM;
	d->num = NUM;
	r->packed = b->packed;
	d->packed = b->packed;
	r->event_idx = b->event_idx;
	d->event_idx = b->event_idx;
	r->in_order = b->in_order;
	r->indirect = b->indirect;
	d->desc = allocate(driver_desc_size(NUM));
	d->avail = allocate(driver_avail_size(NUM, b->packed));
	d->used = allocate(driver_used_size(NUM, b->packed));
	d->tables = tables;
	d->tables_addr = TABLES_ADDR;
	d->table_len = SEGS;
	r->desc = d->desc;
	r->avail = d->avail;
	r->used = d->used;
	r->chain_max = NUM;
	r->table = allocate(NUM * sizeof(*r->table));
	r->order = allocate(NUM * sizeof(*r->order));
	driver_init(d);
	if (vha_ring_init(r, b->packed ? 0x80008000 : 0))
		abort();
}

static void close_ring(struct vha_ring *r, struct driver *d)
{
	free(d->desc);
	free(d->avail);
	free(d->used);
	free(r->table);
	free(r->order);
}

static void refill(const struct bench *b, struct driver *d)
{
	static const struct driver_seg segs[SEGS] = {
		{ 0x1000, 16 }, { 0x2000, 4096 }, { 0x3000, 1 },
	};
	unsigned int i;
	void *cookie;
	u32 len;

	while (driver_get(d, &cookie, &len) == 1)
		;
	for (i = 0; i < BATCH; i++)
		if (!driver_add(d, segs, 1, SEGS - 1, b->indirect ? SEGS : 0, NULL))
			abort();
	driver_kick(d);
}

static void serve(const struct bench *b, struct vha_ring *r)
{
	struct vha_seg segs[SEGS];
	struct vha_chain chain = { .max = SEGS, .segs = segs };
	struct vha_token tokens[BATCH];
	unsigned int i, n = 0;

	while (n < BATCH && vha_ring_fetch(r, &chain) == 1)
		tokens[n++] = chain.token;
	if (n != BATCH)
		abort();
	for (i = 0; i < n; i++) {
		vha_ring_stage(r, &tokens[i], 4097);
		if ((i + 1) % b->batch)
			continue;
		vha_ring_publish(r);
		vha_ring_need_signal(r);
	}
}

static struct sample measure(const struct bench *b, unsigned long rounds)
{
	struct sample sample = { 0, 0 };
	struct driver driver;
	struct vha_ring ring;
	unsigned long i;

	open_ring(b, &ring, &driver);
	for (i = 0; i < rounds; i++) {
		u64 start, before;

		refill(b, &driver);
		before = instructions();
		start = now();
		serve(b, &ring);
		sample.ns += now() - start;
		sample.instructions += instructions() - before;
	}
	close_ring(&ring, &driver);
	sample.ns /= rounds * BATCH;
	sample.instructions /= rounds * BATCH;
	return sample;
}

static int compare(const void *left, const void *right)
{
	const struct sample *a = left, *b = right;

	return (a->ns > b->ns) - (a->ns < b->ns);
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : 20000;
	unsigned int count = sizeof(benches) / sizeof(benches[0]);
	unsigned int i, n;

	if (!rounds)
		return 2;
	open_counter();
	printf("{\"segments\": %u, \"samples\": %u, \"results\": [", SEGS, SAMPLES);
	for (i = 0; i < count; i++) {
		struct sample samples[SAMPLES];

		for (n = 0; n < SAMPLES; n++)
			samples[n] = measure(&benches[i], rounds / SAMPLES + 1);
		qsort(samples, SAMPLES, sizeof(samples[0]), compare);
		printf("%s\n {\"name\": \"%s\", \"ns\": %.2f, \"ns_min\": %.2f, \"ns_max\": %.2f",
		       i ? "," : "", benches[i].name, samples[SAMPLES / 2].ns,
		       samples[0].ns, samples[SAMPLES - 1].ns);
		if (counter < 0)
			printf(", \"instructions\": null}");
		else
			printf(", \"instructions\": %.1f}", samples[SAMPLES / 2].instructions);
	}
	printf("\n]}\n");
	return 0;
}
