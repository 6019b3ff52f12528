# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Guest part of durability.sh: record N in block N - 1 of both disks, then a flush
# of the first, then the number.  It goes on until it is killed.

# record DISK [CONVERSION]: writes what is on standard input.
record() {
	dd of="$1" bs=4096 seek=$((number - 1)) conv=sync,notrunc"${2:-}" 2>/dev/null
}

number=0
while [ $number -lt 8000 ]; do
	number=$((number + 1))
	text=$(printf '\\0%03o\\0%03o' $((number % 256)) $((number / 256)))
	printf '%b' "$text" | record /dev/vdb || exit 1
	printf '%b' "$text" | record /dev/vda ,fsync || exit 1
	echo "flushed $number"
done
