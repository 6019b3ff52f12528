# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2046,SC2154 # lists of words, shared names
# No write that the guest was told is on the disk gets lost, whatever dies.
#
# The guest writes numbered records and flushes after each.  dm-log-writes
# records what reached the device before each flush, and nothing else.  At a
# random moment server and guest are killed; the record is then replayed to an
# empty device, which has to hold every record that the guest had reported.

make_logged_disk() {
	modprobe -a dm-mod dm-log-writes
	memory_disk e2edata 32 cache_size=1
	memory_disk e2elog 128
	echo "0 65536 log-writes /dev/e2edata /dev/e2elog" | dmsetup create e2elogged
}

# The first 8 bytes of each block of 4 KiB are the record's number.
check_records() {
	local last=$1 found

	found=$(head -c $((last * 4096)) "$2" | od -A n -t u8 -w4096 -v |
		awk '$1 != NR { exit } { good = NR } END { print good + 0 }')
	echo "reported: $last, on the device: $found"
	[ "$last" -gt 0 ] && [ "$found" = "$last" ]
}

durability_round() {
	local name=$1 options=$2 last

	make_logged_disk
	check "durability.$name.serve" serve "$name" --device /dev/mapper/e2elogged
	guest "$name" --timeout 200 "$E2E/durability-guest.sh" $(disk "$name" "num-queues=1$options")
	check "durability.$name.begun" wait_for 120 said "$name" 'flushed 20'
	sleep "$((RANDOM % 3)).$((RANDOM % 10))"
	stop_serve "$name" KILL 2>/dev/null
	kill -KILL "$(cat "$WORK/$name.guest")"
	wait "$GUEST" 2>/dev/null
	last=$(sed -n 's/^flushed //p' "$WORK/$name" | tail -n 1)

	dmsetup message e2elogged 0 mark killed
	dmsetup remove --retry e2elogged
	memory_disk e2ereplay 32
	check "durability.$name.replay" "$E2E/replay-log" /dev/e2elog /dev/e2ereplay killed
	check "durability.$name.records" check_records "${last:-0}" /dev/e2ereplay
	explain "$name"
	for disk in e2edata e2elog e2ereplay; do
		remove_memory_disk $disk
	done
}

test_durability() {
	durability_round flush-split ''
	durability_round flush-packed ,packed=on
}
