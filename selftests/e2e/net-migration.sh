# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # names of net.sh and lib.sh
# A guest moves to another QEMU while iperf3 and files with checksums go through
# two devices, one of each ring format: nothing stalls beyond the switch-over.

# What the network may need after the switch-over, in milliseconds: the sender
# waits longer and longer before it tries again.
MIGRATION_GRACE=15000
MIGRATION_NICS="split packed"

# migration_host: a bridge for each device with both QEMUs' taps on it.
migration_host() {
	local number=0 name side

	for name in $MIGRATION_NICS; do
		number=$((number + 1))
		ip link add "bridge-$name" type bridge || return
		ip link set "bridge-$name" up
		ip addr add "10.77.$number.1/24" dev "bridge-$name"
		for side in from to; do
			ip tuntap add "$name-$side" mode tap vnet_hdr || return
			ip link set "$name-$side" master "bridge-$name" up
		done
	done
}

# migration_guest SIDE [QEMU-ARGUMENT...]: one of the two QEMUs.
migration_guest() {
	local side=$1 number=0 name

	shift
	WRAPPER=() QEMU_ARGUMENTS=()
	for name in $MIGRATION_NICS; do
		number=$((number + 1))
		if [ "$name" = packed ]; then
			nic $number "$name-$side" 1 packed=on
		else
			nic $number "$name-$side" 1
		fi
	done
	guest "$side" --mem 256M --timeout 900 "$E2E/net-migration-guest.sh" "${QEMU_ARGUMENTS[@]}" \
		-monitor "unix:$WORK/$side.monitor,server=on,wait=off" "$@"
	WRAPPER=()
}

# monitor SIDE COMMAND
monitor() {
	echo "$2" | socat -t 2 - "UNIX-CONNECT:$WORK/$1.monitor"
}

migrated() {
	monitor from 'info migrate' | tr -d '\r' >"$WORK/migrate"
	grep -q -i 'status:[[:space:]]*completed' "$WORK/migrate"
}

# downtime: of the migration, in milliseconds.
downtime() {
	sed -n 's/.*[ ,]down=\([0-9]*\).*/\1/p; s/^downtime: \([0-9]*\).*/\1/p' "$WORK/migrate"
}

# watch_bridge NAME: how much came through it so far, again and again.
watch_bridge() {
	local bytes

	while read -r bytes <"/sys/class/net/bridge-$1/statistics/rx_bytes"; do
		echo "${EPOCHREALTIME/[.,]/} $bytes"
		sleep 0.1
	done >"$WORK/watch-$1" 2>/dev/null
}

# longest_stall NAME: milliseconds in which nothing came, between the first and
# the last byte of iperf3.
longest_stall() {
	awk '{ if ($2 - bytes >= 5000) { if (last && $1 - last > stall) stall = $1 - last; last = $1 }
		bytes = $2 }
		END { printf "%d\n", stall / 1000 }' "$WORK/watch-$1"
}

# no_stall NAME DOWNTIME
no_stall() {
	local stall

	stall=$(longest_stall "$1")
	echo "longest stall $stall ms, downtime $2 ms"
	[ -n "$2" ] && [ "$stall" -gt 0 ] && [ "$stall" -le $(($2 + MIGRATION_GRACE)) ]
}

test_migration() {
	local name number=0 watchers=() from to rounds

	check migration.host migration_host
	start_servers
	migration_guest to -incoming "unix:$WORK/migration.sock"
	to=$GUEST
	migration_guest from
	from=$GUEST
	check migration.begun wait_for 300 said from 'begun'
	for name in $MIGRATION_NICS; do
		watch_bridge "$name" &
		watchers+=($!)
	done
	sleep 2
	monitor from 'migrate_set_parameter downtime-limit 1000' >/dev/null
	monitor from 'migrate_set_parameter max-bandwidth 1g' >/dev/null
	monitor from "migrate -d unix:$WORK/migration.sock" >/dev/null
	check migration.completed wait_for 300 migrated
	grep -v qemu "$WORK/migrate" | sed 's/^/# /'
	monitor from quit >/dev/null
	wait "$from"
	check migration.finished wait_for 300 said to 'finished'
	kill "${watchers[@]}"
	wait "$to"
	test_result $? migration.guest
	for name in $MIGRATION_NICS; do
		number=$((number + 1))
		check "migration.$name.iperf" said to "result iperf $number 0"
		check "migration.$name.stall" no_stall "$name" "$(downtime)"
		echo "# $name: $(no_stall "$name" "$(downtime)")"
		rounds=$(sed -n "s/^result rounds $number \([0-9]*\) 0\$/\1/p" "$WORK/to")
		check "migration.$name.sums" test "${rounds:-0}" -gt 0
	done
	GUEST_NAME=to explain to
	stop_servers
}
