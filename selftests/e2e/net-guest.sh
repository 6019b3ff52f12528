# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154,SC2054,SC2153 # names of net.sh and lib.sh
# A guest with a network device of every kind: files both ways, with checksums,
# and iperf3; ring formats, one and two pairs of queues, tap and macvtap.

# NAME:PAIRS:DEVICE-OPTIONS; the number of a device is its place here from 1 on.
NICS=(
	split1:1:
	packed1:1:packed=on
	split2:2:mq=on,vectors=6
	packed2:2:mq=on,vectors=6,packed=on
	macvtap1:1:packed=on
)

# nic NUMBER NAME PAIRS [DEVICE-OPTIONS]: QEMU's arguments into QEMU_ARGUMENTS, and what opens the
# descriptors into WRAPPER.  The interface is of the same name.  Guests notify by
# ports: emulated processors report interrupts that were delivered long ago with
# a write to memory, and KVM then stops the guest (internal error, suberror 3).
nic() {
	local fd=$((10 + 8 * $1)) fds='' vhostfds='' pair

	for pair in $(seq 0 $(($3 - 1))); do
		fds="${fds:+$fds:}$((fd + pair))"
		vhostfds="${vhostfds:+$vhostfds:}$((fd + $3 + pair))"
	done
	WRAPPER+=("$E2E/net-tap" "$2" "$3" "$NODE" "$fd")
	if [ "$3" = 1 ]; then
		QEMU_ARGUMENTS+=(-netdev "tap,id=$2,fd=$fds,vhost=on,vhostfd=$vhostfds")
	else
		QEMU_ARGUMENTS+=(-netdev "tap,id=$2,fds=$fds,vhost=on,vhostfds=$vhostfds")
	fi
	QEMU_ARGUMENTS+=(-device "virtio-net-pci,netdev=$2,romfile=,modern-pio-notify=on,mac=52:54:00:77:00:0$1${4:+,$4}")
}

# host_nic NUMBER NAME PAIRS: the host's end, 10.77.NUMBER.1.
host_nic() {
	case $2 in
	macvtap*)
		ip link add "$2-a" type veth peer name "$2-b"
		ip link set "$2-a" up
		ip link set "$2-b" up
		ip link add link "$2-a" name "$2" address "52:54:00:77:00:0$1" type macvtap mode passthru
		ip link set "$2" up
		# The usual one drops what waits for 5 ms, which an emulated host needs.
		tc qdisc replace dev "$2" root pfifo
		ip addr add "10.77.$1.1/24" dev "$2-b"
		wait_for 20 test -c "/dev/tap$(cat "/sys/class/net/$2/ifindex")"
		;;
	*)
		if [ "$3" = 1 ]; then
			ip tuntap add "$2" mode tap vnet_hdr
		else
			ip tuntap add "$2" mode tap vnet_hdr multi_queue
		fi
		ip link set "$2" up
		ip addr add "10.77.$1.1/24" dev "$2"
		;;
	esac
}

# Whoever connects to port 5000 leaves a file named by the address it came to; at
# port 5001 there is one to take.
start_servers() {
	local port

	dd if=/dev/urandom of="$WORK/back" bs=1M count=8 2>/dev/null
	BACK_SUM=$(sha256sum <"$WORK/back" | cut -d ' ' -f 1)
	socat -u TCP-LISTEN:5000,reuseaddr,fork "SYSTEM:cat >$WORK/recv.\$SOCAT_SOCKADDR" &
	SERVERS=$!
	socat -U TCP-LISTEN:5001,reuseaddr,fork "FILE:$WORK/back" &
	SERVERS="$SERVERS $!"
	for port in 5201 5202; do
		iperf3 -s -p $port >"$WORK/iperf3-$port.log" 2>&1 &
		SERVERS="$SERVERS $!"
	done
}

stop_servers() {
	# shellcheck disable=SC2086 # a list of numbers
	kill $SERVERS
	# shellcheck disable=SC2086
	wait $SERVERS 2>/dev/null
}

# sums_match NUMBER: what the guest sent is what arrived, both ways.
sums_match() {
	local sent received

	sent=$(sed -n 's/^result sent //p' "$WORK/$GUEST_NAME")
	received=$(sha256sum <"$WORK/recv.10.77.$1.1" | cut -d ' ' -f 1)
	[ -n "$sent" ] && [ "$sent" = "$received" ] && said "$GUEST_NAME" "result received $1 $BACK_SUM"
}

# uses_node COUNT: QEMU has the node open that often.
uses_node() {
	[ "$(find "/proc/$(cat "$WORK/$GUEST_NAME.guest")/fd" -lname "$NODE" | wc -l)" = "$1" ]
}

# said_or_gone NAME LINE: waiting for more is in vain.
said_or_gone() {
	said "$1" "$2" || ! kill -0 "$GUEST"
}

# guest_says LINE: within the time that takes.
guest_says() {
	wait_for 300 said_or_gone nics "$1" && said nics "$1"
}

# delete_taps: under what the guest sends there.
delete_taps() {
	guest_says storm && ip link del split1 && ip link del packed1
}

# processor_failed: KVM gave the guest up over what an emulated processor told it.
processor_failed() {
	grep -q 'KVM internal error' "$WORK/$GUEST_NAME"
}

# try_guest NUMBER TOTAL: how it went is in RESULTS, which are judged when it is known
# that the processor did not fail.
try_guest() {
	local status

	RESULTS=()
	guest nics --smp 2 --timeout 600 --append "nics=$1" "$E2E/net-guest-guest.sh" "${QEMU_ARGUMENTS[@]}"
	guest_says begun
	RESULTS+=($?)
	uses_node "$2"
	RESULTS+=($?)
	delete_taps
	RESULTS+=($?)
	wait "$GUEST"
	status=$?
	RESULTS+=("$status")
	[ $status = 0 ] || ! processor_failed
}

# host_nics: those that are missing.
host_nics() {
	local entry number=0 name pairs

	for entry in "${NICS[@]}"; do
		number=$((number + 1))
		IFS=: read -r name pairs _ <<<"$entry"
		[ -e "/sys/class/net/$name" ] || check "guest.$name.interface" host_nic $number "$name" "$pairs"
	done
}

test_guest() {
	local entry number=0 name pairs options total=0 result

	WRAPPER=() QEMU_ARGUMENTS=()
	for entry in "${NICS[@]}"; do
		number=$((number + 1)) total=$((total + $(cut -d : -f 2 <<<"$entry")))
		IFS=: read -r name pairs options <<<"$entry"
		nic $number "$name" "$pairs" "$options"
	done
	host_nics
	start_servers
	try_guest $number $total || {
		echo "# the emulated processor failed; once more:"
		sed 's/^/# guest: /' "$WORK/nics"
		host_nics
		try_guest $number $total
	}
	for result in begun node deleted guest; do
		test_result "${RESULTS[0]}" "guest.$result"
		RESULTS=("${RESULTS[@]:1}")
	done
	check guest.survived said nics 'result survived 0'
	number=0
	for entry in "${NICS[@]}"; do
		number=$((number + 1))
		IFS=: read -r name pairs options <<<"$entry"
		check "guest.$name.queues" said nics "result queues $number $pairs"
		case $options in
		*packed=on*) check "guest.$name.packed" said nics "result packed $number 1" ;;
		*) check "guest.$name.packed" said nics "result packed $number 0" ;;
		esac
		check "guest.$name.sums" sums_match $number
		check "guest.$name.iperf" said nics "result iperf $number 0 0 0"
	done
	explain nics
	stop_servers
	WRAPPER=()
}
