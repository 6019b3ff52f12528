#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Break the ring code in small ways and see that its checks notice, as TAP.
#
#   mutate.sh [name...]
#
# OUT  where to build, default selftests/ring/build

set -u
cd "$(dirname "$0")" || exit 2
OUT=${OUT:-$PWD/build}
here=$PWD

# Name, who has to notice (test, fuzz or the name of a proof), file, sed script.
mutations() {
	cat <<-'EOF'
		head-unchecked|test|ring_split.c|s/head >= ring->num/head > ring->num/
		next-unchecked|split-fetch-bounds|ring_split.c|s/next >= ring->num/0/
		table-next-unchecked|fuzz|chain.c|s/next >= count/next > count/
		table-too-long|packed-fetch-bounds|chain.c|s/count > ring->chain_max/count > ring->chain_max + 1/
		table-of-ring-size|test|chain.c|s/count > ring->chain_max/count > ring->num/
		chain-too-long|chain-add|ring_access.h|s/nr >= max/nr > max/
		chain-beyond-ring|split-fetch-state|ring_split.c|s/chain, ring->num, seg.addr/chain, ring->chain_max, seg.addr/
		chain-out-of-room|chain-add|ring_access.h|s/nr >= chain->max/nr > chain->max/
		address-wraps|chain-add|ring_access.h|s/addr + len < addr/0/
		order-unchecked|fuzz|ring_access.h|s/!write \&\& chain->in_num/0/
		index-loaded-twice|test|ring_split.c|s/ring->avail_idx = idx;/ring->avail_idx = vha_load16(\&ring->avail->idx);/
		length-loaded-twice|test|ring_packed.c|s/num, addr, len, flags/num, addr, vha_load32(\&desc->len), flags/
		excess-unchecked|split-fetch-state|ring_access.h|s/return fetched - ring->returned_seen <= ring->num;/return true;/
		wrap-forgotten|packed-return|ring_packed.c|s/\*wrap = !\*wrap;//
		wrap-not-unwound|packed-fetch-state|ring_packed.c|s/ring->avail_wrap = !ring->avail_wrap;//
		head-visible-early|test|ring_packed.c|s/if (ring->staged) {/if (1) {/
		event-off-by-one|split-signal|ring_split.c|s/event - 1) < fresh/event - 1) <= fresh/
		event-wrap-ignored|packed-signal|ring_packed.c|s/slot -= ring->num;//
		held-back-not|in-order-return|ring.c|s/if (!order->done)/if (0)/
		stale-event-left|test|ring_packed.c|s/packed_set_event(ring, 0, VRING_PACKED_EVENT_FLAG_DISABLE);/if (!ring->event_idx) &/
		event-not-logged|test|ring_split.c|s/vha_ring_log(ring, event, sizeof(u16));/;/
		batch-half-logged|fuzz|ring_split.c|s/if (total > head)/if (0)/
		signal-barrier-gone|test|ring.c|s/virt_mb();//
		kick-barrier-gone|test|ring_packed.c|s/virt_mb();//
		fetch-barrier-gone|test|ring_split.c|s/virt_rmb();//
	EOF
}

build() # TARGET CFLAGS
{
	make -s "$OUT/mutant/$1" RING="$OUT/mutant" OUT="$OUT/mutant" CFLAGS="$2" \
		${3:+SANITIZE="$3"} >"$OUT/mutant.log" 2>&1
}

# Succeeds when the mutant is noticed; a mutant that does not build is not.
noticed() # BY
{
	case $1 in
	test)
		build ring_test "-O1 -Wno-error" "-fsanitize=undefined" || return 1
		! "$OUT/mutant/ring_test" >"$OUT/mutant.log" 2>&1
		;;
	fuzz)
		build ring_fuzz "-O1 -g -Wno-error" || return 1
		! "$OUT/mutant/ring_fuzz" -max_total_time=60 -max_len=2048 -verbosity=0 \
			-artifact_prefix="$OUT/mutant/" >"$OUT/mutant.log" 2>&1
		;;
	*)
		RING=$OUT/mutant cbmc/run.sh full "$1" >"$OUT/mutant.log" 2>&1
		# Refuted, not merely failed or out of time.
		grep -q '^# VERIFICATION FAILED' "$OUT/mutant.log"
		;;
	esac
}

echo "TAP version 13"
number=0
failed=0
mkdir -p "$OUT"
mutations >"$OUT/mutations"
while IFS='|' read -r name by file script; do
	if [ $# -gt 0 ]; then
		case " $* " in *" $name "*) ;; *) continue ;; esac
	fi
	number=$((number + 1))
	rm -rf "$OUT/mutant"
	mkdir -p "$OUT/mutant"
	cp ../../drivers/core/ring*.[ch] ../../drivers/core/chain.c "$OUT/mutant/"
	sed -i "$script" "$OUT/mutant/$file"
	if cmp -s "../../drivers/core/$file" "$OUT/mutant/$file"; then
		echo "# the mutation does not apply"
	elif (cd "$here" && noticed "$by"); then
		echo "ok $number - $name, noticed by $by"
		continue
	else
		tail -n 20 "$OUT/mutant.log" | sed 's/^/# /'
	fi
	echo "not ok $number - $name, noticed by $by"
	failed=$((failed + 1))
done <"$OUT/mutations"
rm -rf "$OUT/mutant"
echo "1..$number"
[ "$failed" -eq 0 ]
