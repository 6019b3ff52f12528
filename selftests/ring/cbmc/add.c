// SPDX-License-Identifier: GPL-2.0-only
/*
 * One segment added to any chain, or made a chain of its own
 *
 * vha_chain_add() alone writes to a chain, and starts from an empty one, but for
 * vha_chain_single(). What they keep therefore holds of every chain, of rings of
 * all sizes and chains of all lengths.
 */
#include "proof.h"

#include RING_ACCESS

static bool sound(const struct vha_chain *chain, unsigned int max)
{
	unsigned int count = chain->out_num + chain->in_num;

	return count <= max && count <= chain->max &&
	       (u64)chain->out_len + chain->in_len <= U32_MAX;
}

/* As of an empty chain, whatever the chain was before. */
static void prove_single(struct vha_chain *chain)
{
	u64 addr = nondet_u64();
	u32 len = nondet_u32();
	bool write = nondet_bool();
	struct vha_seg other;
	unsigned int another = nondet_u16();
	int result;

	chain->out_num = nondet_u16();
	chain->in_num = nondet_u16();
	chain->out_len = nondet_u32();
	chain->in_len = nondet_u32();
	ASSUME(another >= 1 && another < SEGS);
	other = proof_segs[another];

	result = vha_chain_single(&proof.ring, chain, addr, len, write);

	PROVE(proof_segs[another].addr == other.addr && proof_segs[another].len == other.len);
	PROVE(result == (!chain->max || addr + len < addr ? -EINVAL : 0));
	if (result) {
		PROVE(proof.ring.error == (chain->max ? VHA_RING_ADDRESS : VHA_RING_SEGMENTS));
		return;
	}
	PROVE(proof_segs[0].addr == addr && proof_segs[0].len == len);
	PROVE(chain->out_num == !write && chain->in_num == write);
	PROVE(chain->out_len == (write ? 0 : len) && chain->in_len == (write ? len : 0));
}

int main(void)
{
	struct vha_chain *chain = &proof.chain;
	struct vha_chain before;
	struct vha_seg other;
	u64 addr = nondet_u64();
	u32 len = nondet_u32();
	bool write = nondet_bool();
	unsigned int count, another = nondet_u16(), max = nondet_u16();
	int result;

	proof_layout(nondet_bool());
	ASSUME(max >= 1 && max <= VHA_RING_MAX);
	if (nondet_bool()) {
		__CPROVER_havoc_object(proof_segs);
		prove_single(chain);
		return 0;
	}
	chain->out_num = nondet_u16();
	chain->in_num = nondet_u16();
	chain->out_len = nondet_u32();
	chain->in_len = nondet_u32();
	__CPROVER_havoc_object(proof_segs);
	ASSUME(sound(chain, max));
	before = *chain;
	count = before.out_num + before.in_num;
	ASSUME(another < SEGS && another != count);
	other = proof_segs[another];

	result = vha_chain_add(&proof.ring, chain, max, addr, len, write);

	PROVE(sound(chain, max));
	PROVE(result == 0 || result == -EINVAL);
	PROVE(proof_segs[another].addr == other.addr);
	PROVE(proof_segs[another].len == other.len);
	PROVE(result == 0 ||
	      (proof.ring.error > VHA_RING_OK && proof.ring.error < VHA_RING_ERRORS));
	if (result) {
		PROVE(chain->out_num == before.out_num && chain->in_num == before.in_num);
		return 0;
	}
	PROVE(proof_segs[count].addr == addr && proof_segs[count].len == len);
	PROVE(addr + len >= addr);
	PROVE(chain->out_num == before.out_num + !write);
	PROVE(chain->in_num == before.in_num + write);
	PROVE(chain->out_len == before.out_len + (write ? 0 : len));
	PROVE(chain->in_len == before.in_len + (write ? len : 0));
	/* All segments to read come before all to write. */
	PROVE(write || !before.in_num);
	return 0;
}
