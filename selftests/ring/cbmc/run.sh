#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Prove with CBMC what holds of the ring code whatever a guest does, as TAP.
#
#   cbmc/run.sh [quick|full] [name...]
#
# RING   directory with the ring code, default drivers/core
# LIMIT  seconds for one proof, default 900

set -u
cd "$(dirname "$0")" || exit 2

mode=${1:-full}
[ $# -gt 0 ] && shift
RING=${RING:-../../../drivers/core}
LIMIT=${LIMIT:-900}

# Name, time (0: also in a quick run), source, ring code, rounds of loops,
# definitions.
proofs() {
	cat <<-EOF
		chain-add 0 add.c none 7 PACKED=0
		split-init-and-kick 0 base.c all 7 PACKED=0
		packed-init-and-kick 0 base.c all 7 PACKED=1
		split-signal 0 notify.c all 7 PACKED=0
		packed-signal 0 notify.c all 7 PACKED=1
		split-return 0 used.c all 7 PACKED=0
		packed-return 0 used.c all 7 PACKED=1
		in-order-return 1 order.c ring 5 NUM=3
		split-fetch-bounds 1 fetch.c all 7 PACKED=0,PROPERTY=BOUNDS
		packed-fetch-bounds 1 fetch.c all 7 PACKED=1,PROPERTY=BOUNDS
		split-fetch-state 1 fetch.c all 7 PACKED=0,PROPERTY=STATE
		packed-fetch-state 1 fetch.c all 7 PACKED=1,PROPERTY=STATE
	EOF
}

prove() # SOURCE CODE ROUNDS DEFINITIONS
{
	checks=
	case $2 in
	all) code="$RING/ring.c $RING/ring_split.c $RING/ring_packed.c $RING/chain.c" ;;
	ring) code=$RING/ring.c ;;
	none) code= ;;
	esac
	# The standard checks of these are made by their twins.
	case $4 in
	*STATE*) checks=--no-standard-checks ;;
	esac
	# shellcheck disable=SC2046,SC2086
	timeout "$LIMIT" cbmc $(printf ' -D%s' $(echo "$4" | tr , ' ')) -DSHIM_HOOKS \
		-DRING_ACCESS="\"$RING/ring_access.h\"" -D_GNU_SOURCE \
		-I ../include -I ../../../include "$1" proof.c $code \
		--slice-formula --unwind "$3" --unwinding-assertions --drop-unused-functions \
		$checks --sat-solver cadical --stop-on-fail --compact-trace --verbosity 4
}

echo "TAP version 13"
number=0
failed=0
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
proofs >"$log.list"
while read -r name slow source code rounds definitions; do
	if [ $# -gt 0 ]; then
		case " $* " in *" $name "*) ;; *) continue ;; esac
	elif [ "$mode" = quick ] && [ "$slow" -ne 0 ]; then
		continue
	fi
	number=$((number + 1))
	begin=$(date +%s)
	if prove "$source" "$code" "$rounds" "$definitions" >"$log" 2>&1 &&
	   grep -q '^VERIFICATION SUCCESSFUL' "$log"; then
		echo "ok $number - $name"
	else
		tail -n 60 "$log" | sed 's/^/# /'
		echo "not ok $number - $name"
		failed=$((failed + 1))
	fi
	echo "# $(($(date +%s) - begin)) s"
done <"$log.list"
rm -f "$log.list"
echo "1..$number"
[ "$failed" -eq 0 ]
