// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any ring started at any base, or refused; kicks switched in any state
 *
 * PACKED: 0 or 1.
 */
#include "proof.h"

static void prove_init(void)
{
	u32 base = nondet_u32();
	int result = vha_ring_init(&proof.ring, base);
	u16 avail = base, used = base >> 16;
	bool valid;

	if (PACKED)
		valid = (avail & 0x7fff) < proof.ring.num &&
			(used & 0x7fff) < proof.ring.num;
	else
		valid = base <= U16_MAX;
	PROVE(result == (valid ? 0 : -EINVAL));
	if (result)
		return;
	proof.ring.first_next = 0;
	PROVE(proof_state());
	PROVE(vha_ring_base(&proof.ring) == base);
	PROVE(proof.ring.fetched == proof.ring.returned && !proof.ring.staged);
}

static void prove_kicks(void)
{
	u32 base;
	bool more;

	proof_any_state();
	base = vha_ring_base(&proof.ring);
	vha_ring_disable_kick(&proof.ring);
	PROVE(!proof.ring.kick_enabled);
	more = vha_ring_enable_kick(&proof.ring);
	PROVE(proof.ring.kick_enabled && proof.barriers == 1);
	PROVE(PACKED || more || proof.loaded[0] == proof.ring.avail_next);
	PROVE(vha_ring_base(&proof.ring) == base && proof_state());
	if (PACKED && proof.ring.event_idx)
		PROVE((proof_device[0] | proof_device[1] << 8) == (u16)base);
}

int main(void)
{
	proof_layout(PACKED);
	if (nondet_bool())
		prove_init();
	else
		prove_kicks();
	return 0;
}
