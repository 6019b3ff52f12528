// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the proofs share
 */
#include "proof.h"

struct proof proof;

struct vha_seg proof_segs[SEGS];
struct vring_desc proof_table[SEGS];
struct vha_order proof_order[NUM];

u8 proof_desc[16 * NUM] __attribute__((aligned(16)));
u8 proof_driver[4 + 2 * NUM + 2] __attribute__((aligned(4)));
u8 proof_device[4 + 8 * NUM + 2] __attribute__((aligned(4)));

static size_t size_of_driver(void)
{
	return proof.ring.packed ? 4 : 4 + 2 * proof.ring.num + 2;
}

static size_t size_of_device(void)
{
	return proof.ring.packed ? 4 : 4 + 8 * proof.ring.num + 2;
}

/* Offset in a part of @size bytes, or @size if the address is not in there. */
static size_t inside(const volatile void *addr, const u8 *part, size_t size)
{
	const void *plain = (const void *)addr;
	size_t offset;

	if (!__CPROVER_same_object(plain, part))
		return size;
	offset = __CPROVER_POINTER_OFFSET(plain);
	return offset < size ? offset : size;
}

static bool fits(const volatile void *addr, const u8 *part, size_t size, size_t access)
{
	size_t offset = inside(addr, part, size);

	return offset < size && access <= size - offset;
}

uint64_t shim_load(const volatile void *from, size_t size)
{
	u64 value = nondet_u64();

	PROVE(fits(from, proof_desc, 16 * proof.ring.num, size) ||
	      fits(from, proof_driver, size_of_driver(), size) ||
	      fits(from, proof_device, size_of_device(), size));
	proof.loads++;
	if (size == sizeof(u64))
		return value;
	if (size == sizeof(u32))
		return (u32)value;
	proof.loaded[1] = proof.loaded[0];
	proof.loaded[0] = value;
	return (u16)value;
}

void shim_store(volatile void *to, uint64_t value, size_t size)
{
	size_t offset = inside(to, proof_desc, 16 * proof.ring.num);
	u8 *bytes = (u8 *)to;
	size_t i;

	/* Of the descriptors, only of packed ones length, id and flags. */
	PROVE(fits(to, proof_device, size_of_device(), size) ||
	      (proof.ring.packed && offset % 16 >= 8 &&
	       fits(to, proof_desc, 16 * proof.ring.num, size)));
	for (i = 0; i < size; i++)
		bytes[i] = value >> (8 * i);
}

void shim_barrier(enum shim_event event)
{
	if (event == SHIM_RELEASE)
		proof.releases++;
	else
		proof.barriers++;
}

void vha_ring_log(struct vha_ring *ring, const void *addr, u32 len)
{
	PROVE(ring == &proof.ring && ring->log && len);
	PROVE(fits(addr, proof_device, size_of_device(), len) ||
	      (ring->packed && fits(addr, proof_desc, 16 * ring->num, len)));
}

int vha_ring_read(struct vha_ring *ring, u64 addr, void *dst, u32 len)
{
	int result = nondet_int();

	PROVE(ring == &proof.ring && dst == ring->table);
	PROVE(len && len % 16 == 0 && len <= 16 * ring->chain_max);
	PROVE(addr + len >= addr);
	proof.reads++;
	__CPROVER_havoc_object(proof_table);
	ASSUME(result == 0 || result == -EFAULT || result == -EAGAIN);
	return result;
}

void proof_layout(bool packed)
{
	struct vha_ring *ring = &proof.ring;

	ring->num = nondet_u16();
	ring->chain_max = nondet_u16();
	ring->packed = packed;
	ring->event_idx = nondet_bool();
	ring->indirect = nondet_bool();
	ring->in_order = nondet_bool();
	ring->log = nondet_bool();
	ring->desc = (void *)proof_desc;
	ring->avail = (void *)proof_driver;
	ring->used = (void *)proof_device;
	ring->table = proof_table;
	ring->order = ring->in_order ? proof_order : NULL;
	proof.chain.segs = proof_segs;
	proof.chain.max = nondet_u32();
	ASSUME(ring->num >= 1 && ring->num <= NUM);
	ASSUME(packed || ring->num != 3);
	ASSUME(ring->chain_max >= ring->num && ring->chain_max <= SEGS);
	ASSUME(proof.chain.max <= SEGS);
}

void proof_any_state(void)
{
	struct vha_ring *ring = &proof.ring;

	ring->fetched = nondet_u32();
	ring->returned_seen = nondet_u32();
	ring->returned = nondet_u32();
	ring->avail_idx = nondet_u16();
	ring->avail_next = nondet_u16();
	ring->avail_wrap = nondet_bool();
	ring->order_fill = nondet_u16();
	ring->order_next = nondet_u16();
	ring->kick_enabled = nondet_bool();
	ring->staged = nondet_u32();
	ring->used_next = nondet_u16();
	ring->used_wrap = nondet_bool();
	ring->first_next = nondet_u16();
	ring->first_flags = nondet_u16();
	ring->signalled = nondet_u32();
	ring->signalled_valid = nondet_bool();
	ASSUME(proof_state());
}

bool proof_state(void)
{
	const struct vha_ring *ring = &proof.ring;
	u32 in_flight = ring->fetched - ring->returned;
	u32 seen = ring->fetched - ring->returned_seen;

	if (seen > ring->num || in_flight > seen)
		return 0;
	if (ring->order_fill >= ring->num || ring->order_next >= ring->num)
		return 0;
	if (!ring->packed)
		return (u16)(ring->avail_idx - ring->avail_next) <= ring->num;
	return ring->avail_next < ring->num && ring->used_next < ring->num &&
	       ring->first_next < ring->num;
}
