# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # names of net.sh and lib.sh
# A guest moves to another QEMU while iperf3 and files with checksums go through
# two devices, one of each ring format: nothing is lost but what was on its way
# at the switch-over, and all goes on after it.
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

# migration_guest SIDE [QEMU-ARGUMENT...]: one of the two QEMUs.  A guest that clears
# its receive buffers would make them dirty itself.
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
	guest "$side" --mem 256M --timeout 900 --append init_on_alloc=0 \
		"$E2E/net-migration-guest.sh" "${QEMU_ARGUMENTS[@]}" \
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

# watch_ping NUMBER NAME: one packet a second to the guest, until it is stopped.
watch_ping() {
	exec busybox ping "10.77.$1.2" >"$WORK/ping-$2" 2>&1
}

# replies NAME
replies() {
	grep -c ' seq=' "$WORK/ping-$1"
}

replies_beyond() {
	[ "$(replies "$1")" -gt "$2" ]
}

# one_gap NAME BEFORE: those packets that got no reply were sent one right after
# the other: while the guest moved, and at no other time.  BEFORE replies had come
# when that began, and some have to come after it.
one_gap() {
	sed -n 's/.* seq=\([0-9]*\) .*/\1/p' "$WORK/ping-$1" | sort -n | awk -v before="$2" '
		NR > 1 && $1 == last { twice++ }
		NR > 1 && $1 > last + 1 { gaps++; lost += $1 - last - 1; at = NR - 1 }
		{ last = $1 }
		END {
			printf "%d replies, %d lost in %d gaps, %d twice\n", NR, lost, gaps, twice
			exit !(NR > before && gaps <= 1 && !twice && (!gaps || at >= before))
		}'
}

# received NAME: bytes out of the guest so far.
received() {
	cat "/sys/class/net/bridge-$1/statistics/rx_bytes"
}

received_beyond() {
	[ "$(received "$1")" -gt "$2" ]
}

# goes_on NAME: iperf3 sends on, and pings are answered.
goes_on() {
	wait_for 300 received_beyond "$1" $(($(received "$1") + 1000000)) &&
		wait_for 300 replies_beyond "$1" $(($(replies "$1") + 1))
}

test_migration() {
	local name number=0 pings=() from to over
	local -A before

	check migration.host migration_host
	start_servers
	migration_guest to -incoming "unix:$WORK/migration.sock"
	to=$GUEST
	migration_guest from
	from=$GUEST
	check migration.begun wait_for 300 said from 'begun'
	check migration.node uses_node 2
	for name in $MIGRATION_NICS; do
		number=$((number + 1))
		watch_ping $number "$name" &
		pings+=($!)
	done
	for name in $MIGRATION_NICS; do
		check "migration.$name.before" goes_on "$name"
		before[$name]=$(replies "$name")
	done
	monitor from 'migrate_set_parameter downtime-limit 1000' >/dev/null
	monitor from 'migrate_set_parameter max-bandwidth 1g' >/dev/null
	monitor from "migrate -d unix:$WORK/migration.sock" >/dev/null
	# A machine too slow for that may take longer.
	wait_for 60 migrated || monitor from 'migrate_set_parameter downtime-limit 30000' >/dev/null
	check migration.completed wait_for 300 migrated
	grep -v qemu "$WORK/migrate" | sed 's/^/# /'
	monitor from quit >/dev/null
	wait "$from"
	for name in $MIGRATION_NICS; do
		check "migration.$name.after" goes_on "$name"
	done
	kill "${pings[@]}"
	socat -U TCP-LISTEN:5003,reuseaddr,fork OPEN:/dev/null &
	over=$!
	check migration.finished wait_for 300 said to 'finished'
	wait "$to"
	test_result $? migration.guest
	kill "$over"
	number=0
	for name in $MIGRATION_NICS; do
		number=$((number + 1))
		check "migration.$name.iperf" said to "result iperf $number 0"
		check "migration.$name.gap" one_gap "$name" "${before[$name]}"
		echo "# $name: $(one_gap "$name" "${before[$name]}")"
		check "migration.$name.sums" said to "result rounds $number [1-9][0-9]* 0 $BACK_SUM"
	done
	GUEST_NAME=to explain to
	stop_servers
}
