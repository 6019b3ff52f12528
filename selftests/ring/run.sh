#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# All checks of the ring code in user space, as TAP.
#
#   run.sh [quick|full]
#
# OUT        where to build, default selftests/ring/build
# FUZZ_TIME  seconds of fuzzing, default 20 (quick) or 120 (full)
# STRESS     buffers per stress variant, default 10000 or 100000

set -u
cd "$(dirname "$0")" || exit 2

mode=${1:-full}
mode=${mode#--}
OUT=${OUT:-$PWD/build}
case $mode in
quick)
	FUZZ_TIME=${FUZZ_TIME:-20}
	STRESS=${STRESS:-10000}
	;;
full)
	FUZZ_TIME=${FUZZ_TIME:-120}
	STRESS=${STRESS:-100000}
	;;
*)
	echo "usage: $0 [quick|full]" >&2
	exit 2
	;;
esac
export OUT

number=0
failed=0

report() # STATUS NAME
{
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		failed=$((failed + 1))
	fi
}

# Pass the lines of a TAP producer on under our own numbers. One that ends
# early or with an error though all its lines are good is a failure, too.
adopt() # NAME COMMAND...
{
	name=$1
	shift
	bad=0
	good=0
	plan=
	"$@" >"$OUT/log" 2>&1
	status=$?
	while IFS= read -r line; do
		case $line in
		"ok "*)
			good=$((good + 1))
			report 0 "$name: ${line#*- }"
			;;
		"not ok "*)
			bad=$((bad + 1))
			report 1 "$name: ${line#*- }"
			;;
		1..*) plan=${line#1..} ;;
		"TAP version"*) ;;
		"#"*) echo "$line" ;;
		*) echo "# $line" ;;
		esac
	done <"$OUT/log"
	if [ "$((good + bad))" -ne "${plan:-0}" ] ||
	   { [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; }; then
		report 1 "$name: ran to its end (exit status $status)"
	fi
}

# One command, one result; its output is shown when it fails.
single() # NAME COMMAND...
{
	name=$1
	shift
	"$@" >"$OUT/log" 2>&1
	status=$?
	[ "$status" -eq 0 ] || sed 's/^/# /' "$OUT/log"
	report "$status" "$name"
}

fuzz()
{
	rm -rf "$OUT/corpus"
	mkdir -p "$OUT/corpus"
	"$OUT/ring_fuzz" -max_total_time="$FUZZ_TIME" -max_len=2048 -timeout=10 \
		-print_final_stats=1 -artifact_prefix="$OUT/" "$OUT/corpus"
}

bench()
{
	"$OUT/ring_bench" 2000 >"$OUT/bench.json" &&
		python3 -m json.tool "$OUT/bench.json"
}

echo "TAP version 13"
mkdir -p "$OUT"
single "build" make -s OUT="$OUT"
adopt "unit" "$OUT/ring_test"
adopt "stress" "$OUT/ring_stress" "$STRESS"
single "fuzzing for $FUZZ_TIME s" fuzz
single "benchmark runs" bench
adopt "proof" cbmc/run.sh "$mode"
[ "$mode" = quick ] || adopt "mutation" ./mutate.sh
echo "1..$number"
[ "$failed" -eq 0 ]
