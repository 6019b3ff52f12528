// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decision to signal, against the meaning of the driver's event
 *
 * PACKED: 0 or 1.
 */
#include "proof.h"

static bool among_split(u16 event, u32 fresh)
{
	u32 i;

	for (i = 1; i <= fresh; i++)
		if ((u16)(proof.ring.used_next - i) == event)
			return 1;
	return 0;
}

static bool among_packed(u16 event, u32 fresh)
{
	u16 slot = proof.ring.used_next;
	bool wrap = proof.ring.used_wrap;
	u32 i;

	for (i = 0; i < fresh; i++) {
		if (slot == 0) {
			slot = proof.ring.num;
			wrap = !wrap;
		}
		slot--;
		if (event == (slot | (wrap ? 0x8000 : 0)))
			return 1;
	}
	return 0;
}

static void prove_split(bool result, u32 fresh, bool valid)
{
	u16 loaded = proof.loaded[0];

	if (!proof.ring.event_idx) {
		PROVE(result == !(loaded & VRING_AVAIL_F_NO_INTERRUPT));
		return;
	}
	PROVE(valid || result);
	if (!valid)
		return;
	/* As the helper of the interface says, and as it is meant. */
	PROVE(fresh > U16_MAX ? result :
	      result == !!vring_need_event(loaded, proof.ring.used_next,
					   proof.ring.used_next - fresh));
	PROVE(fresh > NUM || result == among_split(loaded, fresh));
}

static void prove_packed(bool result, u32 fresh, bool valid)
{
	u16 flags = proof.loads == 2 ? proof.loaded[1] : proof.loaded[0];
	u16 event = proof.loaded[0];

	flags &= 3;
	if (flags == VRING_PACKED_EVENT_FLAG_DISABLE) {
		PROVE(!result);
	} else if (flags != VRING_PACKED_EVENT_FLAG_DESC || !proof.ring.event_idx ||
		   !valid || fresh > proof.ring.num) {
		PROVE(result);
	} else {
		PROVE(proof.loads == 2);
		/* What of a slot that does not exist is left open. */
		if ((event & 0x7fff) < proof.ring.num)
			PROVE(result == among_packed(event, fresh));
	}
}

int main(void)
{
	struct vha_ring before;
	u32 fresh;
	bool result;

	proof_layout(PACKED);
	proof_any_state();
	before = proof.ring;
	fresh = before.returned - before.signalled;

	result = vha_ring_need_signal(&proof.ring);

	if (!fresh) {
		PROVE(!result && !proof.loads);
		PROVE(proof.ring.signalled_valid == before.signalled_valid);
		return 0;
	}
	PROVE(proof.ring.signalled_valid);
	PROVE(proof.ring.signalled == before.returned);
	PROVE(proof.barriers >= 1);
	if (PACKED)
		prove_packed(result, fresh, before.signalled_valid);
	else
		prove_split(result, fresh, before.signalled_valid);
	return 0;
}
