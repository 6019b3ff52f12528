# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2046,SC2154 # lists of words, shared names
# No write that the guest was told is on the disk gets lost, whatever dies.
#
# The guest writes numbered records and flushes after each.  dm-log-writes
# records what reached the device before each flush, and nothing else.  At a
# random moment server and guest are killed; the record is then replayed to an
# empty device, which has to hold every record that the guest had reported.
#
# Each record goes to a second disk as well, which is never flushed: there it must
# be missing, or it was not the flush that kept it on the first one.

# make_logged_disk NAME: /dev/mapper/e2eNAME.
make_logged_disk() {
	memory_disk "e2e$1" 32 cache_size=1
	memory_disk "e2e$1log" 128
	echo "0 65536 log-writes /dev/e2e$1 /dev/e2e$1log" | dmsetup create "e2e$1"
}

remove_logged_disk() {
	remove_memory_disk "e2e$1"
	remove_memory_disk "e2e$1log"
}

# replay NAME MARK: to /dev/e2ereplay, which is empty before.
replay() {
	memory_disk e2ereplay 32
	"$E2E/replay-log" "/dev/e2e$1log" /dev/e2ereplay "$2"
}

# How many records there are from the first on.  The first 8 bytes of each block
# of 4 KiB are the record's number.
count_records() {
	head -c $(($1 * 4096)) /dev/e2ereplay | od -A n -t u8 -w4096 -v |
		awk '$1 != NR { exit } { good = NR } END { print good + 0 }'
}

check_records() {
	local last=$1 found

	replay flushed killed || return 1
	found=$(count_records "$last")
	remove_memory_disk e2ereplay
	echo "reported: $last, on the device: $found"
	[ "$last" -gt 0 ] && [ "$found" = "$last" ]
}

# Written they were, but in the device's cache.
check_forgotten() {
	local last=$1 found cached

	replay forgotten killed || return 1
	found=$(count_records "$last")
	remove_memory_disk e2ereplay
	replay forgotten dm-log-writes-end || return 1
	cached=$(count_records "$last")
	remove_memory_disk e2ereplay
	echo "reported: $last, on the device: $found, with its cache: $cached"
	[ "$found" -lt "$last" ] && [ "$cached" = "$last" ]
}

durability_round() {
	local name=$1 options=$2 last disk

	for disk in flushed forgotten; do
		make_logged_disk $disk
		check "durability.$name.serve-$disk" serve $disk --device "/dev/mapper/e2e$disk"
	done
	guest "$name" --timeout 500 "$E2E/durability-guest.sh" \
		$(disk flushed "num-queues=1$options") \
		$(disk forgotten "num-queues=1$options")
	check "durability.$name.begun" wait_for 300 said "$name" 'flushed 20'
	sleep "$((RANDOM % 3)).$((RANDOM % 10))"
	for disk in flushed forgotten; do
		stop_serve $disk KILL 2>/dev/null
	done
	kill -KILL "$(cat "$WORK/$name.guest")"
	wait "$GUEST" 2>/dev/null
	last=$(sed -n 's/^flushed //p' "$WORK/$name" | tail -n 1)

	for disk in flushed forgotten; do
		dmsetup message "e2e$disk" 0 mark killed
		dmsetup remove --retry "e2e$disk"
	done
	check "durability.$name.records" check_records "${last:-0}"
	check "durability.$name.forgotten" check_forgotten "${last:-0}"
	explain "$name"
	remove_logged_disk flushed
	remove_logged_disk forgotten
}

test_durability() {
	modprobe -a dm-mod dm-log-writes
	durability_round flush-split ''
	durability_round flush-packed ,packed=on
}
