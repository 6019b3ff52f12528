#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the test programs on the machine it is started on, which has the modules
# loaded: the host VM of scripts/testbed, or any other where root may make and
# remove block devices and network interfaces.  Prints KTAP, one subtest per program.
set -u

HERE=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
BUILD=$HERE/build
QUICK=

usage() {
	cat <<END
Usage: selftests/run.sh [--quick|--full] [--build DIR] [PROGRAM[:TEST]...]

  --quick      fewer rounds of what is random or long
  --full       all of it (default)
  --build DIR  where make put the programs (default selftests/build)
  PROGRAM      as core/ioctl; TEST is a pattern of names as PROGRAM -l prints

HARNESS_SLOW multiplies time limits; without it a guess is made.
VHA_NODE and VHA_NET_NODE are other nodes to test than ours.
END
}

while [ $# -gt 0 ]; do
	case $1 in
	--quick) QUICK=1 ;;
	--full) QUICK= ;;
	--build) BUILD=$(cd "$2" && pwd) || exit 2; shift ;;
	-h | --help) usage; exit 0 ;;
	-*) usage >&2; exit 2 ;;
	*) break ;;
	esac
	shift
done

mounted() {
	grep -q " $1 " /proc/mounts
}

prepare() {
	local module

	modprobe null_blk nr_devices=0 2>/dev/null
	for module in dm_mod dm_log_writes loop tun macvtap veth; do
		modprobe "$module" 2>/dev/null
	done
	mounted /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
	mounted /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
	ulimit -n 8192
}

# Emulated machines and kernels with checks are slow.
slowness() {
	if grep -qw kasan_report /proc/kallsyms; then
		echo 10
	elif grep -qw hypervisor /proc/cpuinfo; then
		echo 4
	else
		echo 1
	fi
}

PASSED=0 FAILED=0 SKIPPED=0 NUMBER=0 BAD=0

# counts LOG: passed, failed and skipped.  A program's last words may still be on
# their way when it has ended, and their end need not come: a test that hangs holds
# the pipe open.
counts() {
	local _ found

	for _ in {1..50}; do
		found=$(sed -n 's/^# \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' \
			"$1" | tail -1)
		[ -z "$found" ] || break
		sleep 0.1
	done
	echo "$found"
}

# run_program NAME [PATTERN]
run_program() {
	local log status counts passed failed skipped word=ok before=$SECONDS

	log=$(mktemp)
	"$BUILD/$1" ${2+"$2"} > >(tee "$log" | sed -u 's/^/    /') 2>&1
	status=$?
	counts=$(counts "$log")
	rm -f "$log"
	if [ -z "$counts" ]; then
		echo "# $1 ended early, exit status $status"
		counts="0 1 0"
	fi
	read -r passed failed skipped <<<"$counts"
	PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed)) SKIPPED=$((SKIPPED + skipped))
	NUMBER=$((NUMBER + 1))
	if [ "$failed" -gt 0 ] || { [ "$status" -ne 0 ] && [ "$status" -ne 4 ]; }; then
		word="not ok" BAD=1
	fi
	echo "# $1: $((SECONDS - before)) s"
	echo "$word $NUMBER $1"
}

if [ "$(id -u)" -ne 0 ]; then
	echo "Bail out! selftests/run.sh needs root: it makes block devices"
	exit 1
fi
for class in blk net vsock can video; do
	if [ ! -e /dev/vhost-accel/$class ]; then
		echo "Bail out! /dev/vhost-accel/$class is not there: load vhost_accel_$class"
		exit 1
	fi
done
if [ $# -eq 0 ]; then
	for program in "$BUILD"/core/* "$BUILD"/blk/* "$BUILD"/net/* "$BUILD"/vsock/* \
			"$BUILD"/can/* "$BUILD"/video/*; do
		[ -x "$program" ] && set -- "$@" "${program#"$BUILD"/}"
	done
fi
prepare
export HARNESS_SLOW=${HARNESS_SLOW:-$(slowness)}
export HARNESS_QUICK=$QUICK

echo "KTAP version 1"
echo "1..$#"
for arg in "$@"; do
	case $arg in
	*:*) run_program "${arg%%:*}" "${arg#*:}" ;;
	*) run_program "$arg" ;;
	esac
done
echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
exit $BAD
