#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests of the command that need no kernel module and no privileges, as KTAP:
# unit tests under the sanitizers, then the fuzzer for the message parser.
#
#   run.sh [--quick]
#
# O          where to build, default a temporary directory
# FUZZ_TIME  seconds of fuzzing, default 20, with --quick 5
set -u
cd "$(dirname "$0")/.." || exit 2

case ${1-} in
--quick) seconds=${FUZZ_TIME:-5} ;;
'') seconds=${FUZZ_TIME:-20} ;;
*)
	echo "usage: $0 [--quick]" >&2
	exit 2
	;;
esac

if [ -z "${O-}" ]; then
	O=$(mktemp -d)
	trap 'rm -rf "$O"' EXIT
fi
failed=0

# report STATUS NUMBER NAME LOG
report() {
	if [ "$1" = 0 ]; then
		echo "ok $2 $3"
	else
		sed 's/^/# /' "$4" | tail -n 40
		echo "not ok $2 $3"
		failed=1
	fi
}

# With other objects than those of an installation.
make_quietly() {
	make -s -j2 O="$O" "$@" >"$O/log" 2>&1
}

mkdir -p "$O"
echo "KTAP version 1"
echo "1..2"
make_quietly CFLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all" "$O/unit" &&
	"$O/unit" >"$O/log" 2>"$O/messages"
status=$?
sed 's/^/    /' "$O/log"
report $status 1 unit "$O/messages"
make_quietly CC=clang FUZZ_TIME="$seconds" fuzz
report $? 2 fuzz_message "$O/log"
exit $failed
