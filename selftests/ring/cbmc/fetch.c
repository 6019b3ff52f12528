// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fetch from any ring in any state, and unfetch
 *
 * PACKED: 0 or 1. PROPERTY: BOUNDS, that nothing outside of the ring is
 * accessed, or STATE, what is left behind. That a chain's segments are sound
 * is proved in add.c.
 */
#include "proof.h"

enum { BOUNDS, STATE };

static void prove_token(void)
{
	const struct vha_chain *chain = &proof.chain;
	const struct vha_token *token = &chain->token;
	unsigned int count = chain->out_num + chain->in_num;

	PROVE(count >= 1 && count <= chain->max);
	PROVE(count <= (proof.reads ? proof.ring.chain_max : proof.ring.num));
	PROVE(token->id < proof.ring.num);
	PROVE(token->ndescs >= 1 && token->ndescs <= proof.ring.num);
	PROVE(PACKED || token->ndescs == 1);
	PROVE(token->slot < proof.ring.num);
}

static void prove_state(const struct vha_ring *before, int result)
{
	const struct vha_ring *ring = &proof.ring;
	u32 base;

	PROVE(proof_state());
	PROVE(ring->returned == before->returned);
	PROVE(ring->used_next == before->used_next);
	if (result == 1) {
		PROVE(ring->fetched - ring->returned <= ring->num);
		PROVE(ring->fetched == before->fetched + proof.chain.token.ndescs);
		vha_ring_unfetch(&proof.ring, &proof.chain.token);
	} else if (result == -EINVAL) {
		PROVE(ring->error > VHA_RING_OK && ring->error < VHA_RING_ERRORS);
	}
	/* Either nothing was taken, or it was given back. */
	base = vha_ring_base(ring);
	PROVE(base == vha_ring_base(before));
	PROVE(ring->fetched == before->fetched);
	PROVE(ring->order_fill == before->order_fill);
	PROVE(proof_state());
}

int main(void)
{
	struct vha_ring before;
	int result;

	proof_layout(PACKED);
	proof_any_state();
	before = proof.ring;

	result = vha_ring_fetch(&proof.ring, &proof.chain);

	PROVE(result == 1 || result == 0 || result == -EAGAIN || result == -EINVAL);
	PROVE(proof.reads <= 1);
	PROVE(proof.loads <= 5 * (proof.ring.num + 1) + 2);
	if (PROPERTY == STATE) {
		if (result == 1)
			prove_token();
		prove_state(&before, result);
	}
	return 0;
}
