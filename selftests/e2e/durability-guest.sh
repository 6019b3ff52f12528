# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Guest part of durability.sh: record N in block N - 1, then a flush, then
# the number.  It goes on until it is killed.
number=0
while [ $number -lt 8000 ]; do
	number=$((number + 1))
	printf '%b' "$(printf '\\0%03o\\0%03o' $((number % 256)) $((number / 256)))" |
		dd of=/dev/vda bs=4096 seek=$((number - 1)) conv=sync,notrunc,fsync 2>/dev/null || exit 1
	echo "flushed $number"
done
