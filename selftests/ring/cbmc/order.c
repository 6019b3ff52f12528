// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-order return: any number of buffers at any place of the table, completed
 * in any order
 *
 * The formats are stood in for by a record of what is emitted.
 */
#include "proof.h"

static struct vha_order emitted[NUM + 1];
static unsigned int num_emitted;

void vha_split_stage(struct vha_ring *ring, u16 id, u32 len)
{
	vha_packed_stage(ring, id, 1, len);
}

void vha_packed_stage(struct vha_ring *ring, u16 id, u16 ndescs, u32 len)
{
	PROVE(ring == &proof.ring && num_emitted < NUM);
	emitted[num_emitted].id = id;
	emitted[num_emitted].ndescs = ndescs;
	emitted[num_emitted].len = len;
	num_emitted++;
}

/* In order they are emitted one by one. */
void vha_split_stage_many(struct vha_ring *ring, const struct vha_used *used, unsigned int nr)
{
	PROVE(0);
}

void vha_packed_stage_many(struct vha_ring *ring, const struct vha_used *used, unsigned int nr)
{
	PROVE(0);
}

void vha_order_fill(struct vha_ring *ring, struct vha_token *token);

int main(void)
{
	struct vha_token tokens[NUM];
	u32 lens[NUM];
	bool done[NUM];
	unsigned int count = nondet_u16();
	unsigned int i, n, expected = 0;

	proof_layout(nondet_bool());
	ASSUME(proof.ring.in_order);
	proof_any_state();
	/* All buffers were returned: the table is empty and both ends meet. */
	ASSUME(proof.ring.fetched == proof.ring.returned);
	ASSUME(proof.ring.order_fill == proof.ring.order_next);
	ASSUME(count <= proof.ring.num);

	for (i = 0; i < count; i++) {
		tokens[i].id = nondet_u16();
		tokens[i].ndescs = 1;
		vha_order_fill(&proof.ring, &tokens[i]);
		PROVE(tokens[i].slot < proof.ring.num);
		lens[i] = nondet_u32();
		done[i] = 0;
	}
	for (n = 0; n < count; n++) {
		unsigned int pick = nondet_u16();

		ASSUME(pick < count && !done[pick]);
		done[pick] = 1;
		vha_ring_stage(&proof.ring, &tokens[pick], lens[pick]);
		while (expected < count && done[expected])
			expected++;
		/* Out are those up to the first that is not done, no more. */
		PROVE(num_emitted == expected);
	}
	for (i = 0; i < count; i++) {
		PROVE(emitted[i].id == tokens[i].id);
		PROVE(emitted[i].len == lens[i]);
	}
	PROVE(proof.ring.order_fill == proof.ring.order_next);
	for (i = 0; i < proof.ring.num; i++)
		PROVE(!proof_order[i].done);
	return 0;
}
