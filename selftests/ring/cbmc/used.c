// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stage any number of buffers at any place of the ring, and publish
 *
 * PACKED: 0 or 1. Neither in order; order.c has that.
 */
#include "proof.h"

#define BATCH	3

static u32 word(const u8 *bytes, unsigned int count)
{
	u32 value = 0;

	while (count--)
		value = value << 8 | bytes[count];
	return value;
}

/* Where a packed buffer's used descriptor has to be, and how marked. */
struct place {
	u16 slot;
	u16 flags;
};

static void step(struct place *place, u16 count)
{
	place->slot += count;
	if (place->slot >= proof.ring.num) {
		place->slot -= proof.ring.num;
		place->flags ^= 0x8080;
	}
}

static void prove_packed(const struct vha_token *tokens, const u32 *lens,
			 unsigned int count, struct place place, bool published)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		const u8 *desc = &proof_desc[16 * place.slot];
		u16 flags = place.flags | (lens[i] ? VRING_DESC_F_WRITE : 0);

		PROVE(word(desc + 8, 4) == lens[i]);
		PROVE(word(desc + 12, 2) == tokens[i].id);
		PROVE((i == 0 && !published) || word(desc + 14, 2) == flags);
		step(&place, tokens[i].ndescs);
	}
	PROVE(place.slot == proof.ring.used_next);
	PROVE(!!place.flags == proof.ring.used_wrap);
}

static void prove_split(const struct vha_token *tokens, const u32 *lens,
			unsigned int count, u16 start)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		u16 slot = (u16)(start + i) % proof.ring.num;

		PROVE(word(&proof_device[4 + 8 * slot], 4) == tokens[i].id);
		PROVE(word(&proof_device[8 + 8 * slot], 4) == lens[i]);
	}
}

static void stage(const struct vha_token *tokens, const u32 *lens, unsigned int count,
		  bool together)
{
	struct vha_used used[BATCH];
	unsigned int i;

	for (i = 0; i < count; i++) {
		used[i].token = tokens[i];
		used[i].len = lens[i];
		if (!together)
			vha_ring_stage(&proof.ring, &tokens[i], lens[i]);
	}
	if (together)
		vha_ring_stage_many(&proof.ring, used, count);
}

int main(void)
{
	struct vha_token tokens[BATCH];
	u32 lens[BATCH];
	unsigned int count = nondet_u16();
	unsigned int total = 0, i;
	struct place place;
	u16 head_flags, index_before;
	u32 returned;

	proof_layout(PACKED);
	ASSUME(!proof.ring.in_order);
	proof_any_state();
	__CPROVER_havoc_object(proof_desc);
	__CPROVER_havoc_object(proof_device);
	ASSUME(proof.ring.staged == 0 && count >= 1 && count <= BATCH);
	for (i = 0; i < count; i++) {
		tokens[i].id = nondet_u16();
		tokens[i].ndescs = PACKED ? nondet_u16() : 1;
		tokens[i].slot = 0;
		lens[i] = nondet_u32();
		ASSUME(tokens[i].id < proof.ring.num && tokens[i].ndescs >= 1);
		ASSUME(tokens[i].ndescs <= proof.ring.num);
		total += tokens[i].ndescs;
	}
	/* No more is in flight than the ring holds. */
	ASSUME(total <= proof.ring.fetched - proof.ring.returned);

	place.slot = proof.ring.used_next;
	place.flags = proof.ring.used_wrap ? 0x8080 : 0;
	returned = proof.ring.returned;
	index_before = word(&proof_device[2], 2);
	head_flags = PACKED ? word(&proof_desc[16 * place.slot + 14], 2) : 0;
	stage(tokens, lens, count, nondet_bool());

	/* Written, but not to be seen. */
	PROVE(proof.ring.returned == returned + total && proof.ring.staged == count);
	PROVE(proof.releases == 0 && proof_state());
	if (PACKED) {
		prove_packed(tokens, lens, count, place, 0);
		PROVE(word(&proof_desc[16 * place.slot + 14], 2) == head_flags);
	} else {
		prove_split(tokens, lens, count, place.slot);
		PROVE(word(&proof_device[2], 2) == index_before);
	}

	vha_ring_publish(&proof.ring);
	PROVE(proof.releases == 1 && proof.ring.staged == 0);
	if (PACKED) {
		prove_packed(tokens, lens, count, place, 1);
	} else {
		prove_split(tokens, lens, count, place.slot);
		PROVE(word(&proof_device[2], 2) == (u16)(place.slot + count));
	}
	return 0;
}
