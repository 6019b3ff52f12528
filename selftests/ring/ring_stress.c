// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring code and an honest driver, each on threads of their own
 *
 * The driver makes buffers available and sleeps when it has nothing to do; a
 * worker fetches and sleeps likewise; a completer, as an interrupt would,
 * returns buffers in any order. Each buffer has to come back once, with its
 * length, in order if so negotiated, and nobody may sleep for ever.
 *
 * usage: ring_stress [buffers per variant]
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vhost_accel/ring.h>

#include "driver.h"

#define TABLES_ADDR	0x40000000ull
#define PATIENCE_MS	10000
#define SEGS		3

struct variant {
	u16 num;
	bool packed;
	bool event_idx;
	bool in_order;
	bool indirect;
};

struct stress {
	struct variant variant;
	unsigned long total;
	struct vha_ring ring;
	struct driver driver;
	void *tables;
	size_t tables_size;
	int kick;
	int call;

	/* from the worker to the completer */
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct vha_token *tokens;
	unsigned int num_tokens;
	bool stop;

	unsigned long kicks;
	unsigned long calls;
	const char *failure;
};

static struct stress *current_stress;

int vha_ring_read(struct vha_ring *ring, u64 addr, void *dst, u32 len)
{
	struct stress *s = current_stress;

	if (ring != &s->ring || addr < TABLES_ADDR ||
	    addr - TABLES_ADDR + len > s->tables_size)
		return -EFAULT;
	memcpy(dst, (char *)s->tables + (addr - TABLES_ADDR), len);
	return 0;
}

void vha_ring_log(struct vha_ring *ring, const void *addr, u32 len)
{
	(void)ring;
	(void)addr;
	(void)len;
	abort();
}

static u32 expected_len(unsigned long n)
{
	return n * 2654435761u;
}

static bool failed(const struct stress *s)
{
	return __atomic_load_n(&s->failure, __ATOMIC_RELAXED);
}

static void fail(struct stress *s, const char *reason)
{
	__atomic_store_n(&s->failure, reason, __ATOMIC_RELAXED);
	eventfd_write(s->kick, 1);
	eventfd_write(s->call, 1);
}

/* Returns false when nothing came for so long that @more tells of a loss. */
static bool sleep_on(struct stress *s, int fd, bool (*more)(struct stress *s))
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	eventfd_t value;

	while (!poll(&poll_fd, 1, PATIENCE_MS))
		if (more(s) || failed(s))
			return false;
	eventfd_read(fd, &value);
	return true;
}

static bool more_used(struct stress *s)
{
	return driver_more(&s->driver);
}

static bool more_available(struct stress *s)
{
	return vha_ring_pending(&s->ring);
}

/* Worker */

static void hand_over(struct stress *s, const struct vha_chain *chain)
{
	pthread_mutex_lock(&s->lock);
	s->tokens[s->num_tokens++] = chain->token;
	pthread_cond_signal(&s->filled);
	pthread_mutex_unlock(&s->lock);
}

static void *work(void *arg)
{
	struct stress *s = arg;
	struct vha_seg segs[SEGS];
	struct vha_chain chain = { .max = SEGS, .segs = segs };
	unsigned long next = 0;

	while (next < s->total && !failed(s)) {
		int result = vha_ring_fetch(&s->ring, &chain);

		if (result < 0) {
			fail(s, "fetch found an honest driver's ring broken");
		} else if (result) {
			if (segs[0].addr != next || chain.out_num + chain.in_num != 1 + next % SEGS)
				fail(s, "fetch returned another buffer than the next");
			hand_over(s, &chain);
			next++;
		} else if (!vha_ring_enable_kick(&s->ring)) {
			if (!sleep_on(s, s->kick, more_available))
				fail(s, "a notification of the device was lost");
			vha_ring_disable_kick(&s->ring);
		}
	}
	return NULL;
}

/* Completer */

static bool wait_tokens(struct stress *s, struct vha_token *tokens, unsigned int *count)
{
	bool stop;

	pthread_mutex_lock(&s->lock);
	while (!s->num_tokens && !s->stop)
		pthread_cond_wait(&s->filled, &s->lock);
	*count = s->num_tokens;
	stop = s->stop;
	memcpy(tokens, s->tokens, *count * sizeof(*tokens));
	s->num_tokens = 0;
	pthread_mutex_unlock(&s->lock);
	return *count || !stop;
}

static void flush(struct stress *s)
{
	vha_ring_publish(&s->ring);
	if (vha_ring_need_signal(&s->ring)) {
		s->calls++;
		eventfd_write(s->call, 1);
	}
}

static void *complete(void *arg)
{
	struct stress *s = arg;
	struct vha_token tokens[DRIVER_RING_MAX];
	unsigned int count, seed = 1;

	while (wait_tokens(s, tokens, &count)) {
		while (count) {
			unsigned int pick = rand_r(&seed) % count;
			u16 id = tokens[pick].id;
			/* The id's present owner; stable while in flight. */
			unsigned long n = (unsigned long)s->driver.slots[id].cookie;

			vha_ring_stage(&s->ring, &tokens[pick], expected_len(n));
			tokens[pick] = tokens[--count];
			if (!count || !(rand_r(&seed) % 4))
				flush(s);
		}
	}
	return NULL;
}

/* Driver */

static bool add(struct stress *s, unsigned long n)
{
	unsigned int count = 1 + n % SEGS;
	struct driver_seg segs[SEGS];
	unsigned int i;

	for (i = 0; i < SEGS; i++)
		segs[i] = (struct driver_seg) { .addr = n + i, .len = 16 };
	return driver_add(&s->driver, segs, 1, count - 1,
			  s->variant.indirect && n % 2 ? count : 0, (void *)n);
}

static void collect(struct stress *s, unsigned long *done, u8 *seen)
{
	void *cookie;
	u32 len;
	int result;

	while ((result = driver_get(&s->driver, &cookie, &len)) == 1) {
		unsigned long n = (unsigned long)cookie;

		if (s->variant.in_order && n != *done)
			fail(s, "a buffer was returned out of order");
		if (seen[n]++)
			fail(s, "a buffer was returned twice");
		if (len != expected_len(n))
			fail(s, "a buffer was returned with a wrong length");
		++*done;
	}
	if (result < 0)
		fail(s, "a buffer was returned that is not in flight");
}

static void drive(struct stress *s)
{
	u8 *seen = calloc(1, s->total);
	unsigned long next = 0, done = 0;
	unsigned int seed = 2;

	if (!seen)
		abort();
	while (done < s->total && !failed(s)) {
		unsigned int burst = 1 + rand_r(&seed) % s->variant.num;
		u16 ahead = 0;

		while (burst-- && next < s->total && add(s, next))
			next++;
		if (driver_kick(&s->driver)) {
			s->kicks++;
			eventfd_write(s->kick, 1);
		}
		collect(s, &done, seen);
		if (done == next || (s->driver.num_free >= SEGS && next < s->total &&
				     rand_r(&seed) % 2))
			continue;
		/* Far ahead only as long as so much is in flight. */
		if (next - done > 2 && !(rand_r(&seed) % 4))
			ahead = 1 + rand_r(&seed) % 2;
		if (!driver_enable_call(&s->driver, ahead) &&
		    !sleep_on(s, s->call, more_used))
			fail(s, "a notification of the driver was lost");
		driver_disable_call(&s->driver);
	}
	free(seen);
}

static void *allocate(size_t size)
{
	void *memory = aligned_alloc(4096, (size + 4095) / 4096 * 4096);

	if (!memory)
		abort();
	return memset(memory, 0, size);
}

static void stress_open(struct stress *s)
{
	const struct variant *v = &s->variant;
	struct driver *d = &s->driver;
	struct vha_ring *r = &s->ring;

	r->num = v->num;
	d->num = v->num;
	r->packed = v->packed;
	d->packed = v->packed;
	r->event_idx = v->event_idx;
	d->event_idx = v->event_idx;
	r->in_order = v->in_order;
	r->indirect = v->indirect;
	d->desc = allocate(driver_desc_size(v->num));
	d->avail = allocate(driver_avail_size(v->num, v->packed));
	d->used = allocate(driver_used_size(v->num, v->packed));
	s->tables_size = (size_t)v->num * SEGS * sizeof(struct vring_desc);
	s->tables = allocate(s->tables_size);
	d->tables = s->tables;
	d->tables_addr = TABLES_ADDR;
	d->table_len = SEGS;
	r->desc = d->desc;
	r->avail = d->avail;
	r->used = d->used;
	r->chain_max = v->num;
	r->table = allocate(v->num * sizeof(*r->table));
	r->order = allocate(v->num * sizeof(*r->order));
	s->tokens = allocate(v->num * sizeof(*s->tokens));
	s->kick = eventfd(0, EFD_NONBLOCK);
	s->call = eventfd(0, EFD_NONBLOCK);
	if (s->kick < 0 || s->call < 0)
		abort();
	driver_init(d);
	if (vha_ring_init(r, v->packed ? 0x80008000 : 0))
		abort();
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->filled, NULL);
	current_stress = s;
}

static void stress_close(struct stress *s)
{
	free(s->driver.desc);
	free(s->driver.avail);
	free(s->driver.used);
	free(s->tables);
	free(s->ring.table);
	free(s->ring.order);
	free(s->tokens);
	close(s->kick);
	close(s->call);
}

static bool run(const struct variant *variant, unsigned long total, unsigned int number)
{
	static struct stress s;
	pthread_t worker, completer;

	memset(&s, 0, sizeof(s));
	s.variant = *variant;
	s.total = total;
	stress_open(&s);
	if (pthread_create(&worker, NULL, work, &s) ||
	    pthread_create(&completer, NULL, complete, &s))
		abort();
	drive(&s);
	pthread_join(worker, NULL);
	pthread_mutex_lock(&s.lock);
	s.stop = true;
	pthread_cond_signal(&s.filled);
	pthread_mutex_unlock(&s.lock);
	pthread_join(completer, NULL);

	printf("# kicks %lu, calls %lu, buffers %lu\n", s.kicks, s.calls, total);
	if (s.failure)
		printf("# %s\n", s.failure);
	printf("%sok %u - stress %s, size %u%s%s%s\n", s.failure ? "not " : "", number,
	       variant->packed ? "packed" : "split", variant->num,
	       variant->event_idx ? ", event index" : "",
	       variant->in_order ? ", in order" : "",
	       variant->indirect ? ", indirect" : "");
	fflush(stdout);
	stress_close(&s);
	return !s.failure;
}

int main(int argc, char **argv)
{
	static const u16 split_sizes[] = { 4, 256 };
	static const u16 packed_sizes[] = { 5, 200 };
	unsigned long total = argc > 1 ? strtoul(argv[1], NULL, 0) : 100000;
	unsigned int i, failures = 0;

	printf("TAP version 13\n1..32\n");
	for (i = 0; i < 32; i++) {
		struct variant variant = {
			.packed = i & 1,
			.event_idx = i & 2,
			.in_order = i & 4,
			.indirect = i & 8,
		};

		variant.num = variant.packed ? packed_sizes[i / 16] : split_sizes[i / 16];
		failures += !run(&variant, total, i + 1);
	}
	return failures != 0;
}
