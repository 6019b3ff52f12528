# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # shared names
# Linux' virtio-can driver in a guest of stock QEMU on two controllers, the second
# with late confirmation. can-utils on both sides, frame by frame.

# The driver puts each frame of these kinds onto the bus as cangen makes it.
CAN_KINDS=(
	classic:
	extended:-e
	remote:-R
	fd:-f
	extended_fd:-f\ -e
)
CAN_FRAMES=400

can_statistic() {
	vhost-accel stats "$WORK/can$1.stats" | awk -v name="$2" \
		'$1 == "all" && $2 == name { print $3 }'
}

# can_serve NUMBER [OPTION...]: on vcanNUMBER.
can_serve() {
	local number=$1

	shift
	# Where an interface has CAN XL as well, cangen knows nothing of its CAN FD.
	ip link add "vcan$number" mtu 72 type vcan && ip link set "vcan$number" up || return 1
	vhost-accel serve can --socket "$WORK/can$number.sock" --interface "vcan$number" \
		--stats-socket "$WORK/can$number.stats" "$@" >"$WORK/serve-can$number.log" 2>&1 &
	echo $! >"$WORK/can$number.pid"
	wait_for 20 test -S "$WORK/can$number.sock"
}

# can_device NUMBER: QEMU's arguments.
can_device() {
	echo "-chardev socket,id=can$1,path=$WORK/can$1.sock"
	echo "-device vhost-user-test-device-pci,chardev=can$1,virtio-id=36,num_vqs=3,config_size=2,vq_size=256,romfile=,addr=1$1"
}

# guest_said PATTERN: it printed such a line, or it is no more.
guest_said() {
	grep -q "$1" "$WORK/can" || ! kill -0 "$GUEST" 2>/dev/null
}

# in_guest COMMAND: one line for the guest's shell, whatever it is here; returns as that
# did.
in_guest() {
	COMMANDS=$((COMMANDS + 1))
	echo "$COMMANDS ${1//$'\n'/ }" >&"$TO_GUEST"
	wait_for 200 guest_said "^result $COMMANDS " || return 1
	[ "$(sed -n "s/^result $COMMANDS //p" "$WORK/can")" = 0 ]
}

# ask_guest COMMAND: sets ANSWER to the last line it printed. A command that a subshell
# counts is one whose number the next one has, too.
ask_guest() {
	ANSWER=''
	in_guest "$1" || return 1
	ANSWER=$(sed -n "/^result $COMMANDS /q; p" "$WORK/can" | tail -n 1)
}

can_listeners() {
	[ "$(cat /proc/net/can/rcvlist_{all,fil,sff,eff} | grep -c -w "$1.*raw")" -ge "$2" ]
}

# can_record NUMBER FRAMES FILE: in the background, beside the server.
can_record() {
	candump -L -r 16000000 -T 20000 -n "$2" "vcan$1" >"$3" &
	RECORDER=$!
	wait_for 20 can_listeners "vcan$1" 2
}

# As sum() of can-guest.sh.
can_sum() {
	sed 's/.* //; s/##./##/' "$1" | sha256sum | cut -d ' ' -f 1
}

can_same() {
	[ "$(wc -l <"$1")" = "$CAN_FRAMES" ] || { echo "$(wc -l <"$1") frames"; return 1; }
	[ "$(can_sum "$1")" = "$2" ] || { echo "$(can_sum "$1") is not $2"; tail -n 3 "$1"; return 1; }
}

# can_to_host NUMBER OPTIONS: what the guest's own programs saw is what the host's did.
can_to_host() {
	can_record "$1" "$CAN_FRAMES" "$WORK/can.record" &&
		in_guest "record can$1 $CAN_FRAMES /tmp/sent &&
			cangen can$1 -g 0 -n $CAN_FRAMES -p 10000 $2; wait" || return 1
	wait "$RECORDER"
	ask_guest 'sum /tmp/sent' && can_same "$WORK/can.record" "$ANSWER"
}

can_from_host() {
	in_guest "record can$1 $CAN_FRAMES /tmp/received" &&
		can_record "$1" "$CAN_FRAMES" "$WORK/can.record" || return 1
	# shellcheck disable=SC2086 # a list of words
	cangen "vcan$1" -g 0 -n "$CAN_FRAMES" $2 || return 1
	wait "$RECORDER"
	in_guest wait && ask_guest 'sum /tmp/received' && can_same "$WORK/can.record" "$ANSWER"
}

# can_sequence_to_host NUMBER: the receiver fails when a frame is missing.
can_sequence_to_host() {
	local receiver frames=3000

	timeout 100 cansequence -r --quit=1 --loop=$frames "vcan$1" &
	receiver=$!
	wait_for 20 can_listeners "vcan$1" 2 && in_guest "cansequence can$1 -p --loop=$frames" || return 1
	wait $receiver
}

can_counted() {
	[ "$(can_statistic "$1" "$2")" = "$3" ]
}

can_sequence_from_host() {
	local before

	before=$(can_statistic "$1" rx_frames)
	in_guest "timeout 100 cansequence -r --quit=1 --loop=$((20 * 256)) can$1 & receiver=\$!;
		until_true listens can$1" || return 1
	# No more at once than the device keeps for a guest that is busy.
	for _ in {1..20}; do
		cansequence "vcan$1" -p --loop=256 || return 1
		before=$((before + 256))
		wait_for 60 can_counted "$1" rx_frames $before || return 1
	done
	# shellcheck disable=SC2016 # expanded in there
	in_guest 'wait $receiver'
}

# can_transmitted NUMBER: frames of the device and of programs alike.
can_transmitted() {
	cat "/sys/class/net/vcan$1/statistics/tx_packets"
}

# can_answered NUMBER ALL DEVICE: since there were so many, half of them is the device's.
can_answered() {
	[ $(($(can_transmitted "$1") - $2)) = $((2 * ($(can_statistic "$1" tx_frames) - $3))) ]
}

# can_ping NUMBER OPTIONS [FRAMES]: the guest sends back, changed, what the host generates
# and checks. In a guest the generator would find fault with Linux' driver, which may
# show a program the answer to its frame before the frame. The generator may end early
# without failing, but then there were fewer.
can_ping() {
	local status=0 frames=${3:-500} all device

	all=$(can_transmitted "$1")
	device=$(can_statistic "$1" tx_frames)
	in_guest "canfdtest $2 can$1 >/tmp/fdtest 2>&1 & receiver=\$!; until_true listens can$1" || return 1
	# shellcheck disable=SC2086 # a list of words
	timeout 100 canfdtest -g $2 -f 20 -l "$frames" "vcan$1" | tee "$WORK/can.fdtest"
	grep -q "sent and received: $frames\$" "$WORK/can.fdtest" || status=1
	# The last ones are on their way when the generator ends.
	wait_for 20 can_answered "$1" "$all" "$device" || status=1
	# shellcheck disable=SC2016 # expanded in there
	in_guest 'kill $receiver; wait $receiver; cat /tmp/fdtest;
		! grep -i -e unexpected -e inconsistent /tmp/fdtest' || status=1
	return $status
}

# can_flood NUMBER: more than the guest takes. What it did not get was counted.
can_flood() {
	local before frames=20000

	before=$(can_received "$1")
	cangen "vcan$1" -g 0 -L 8 -n $frames || return 1
	wait_for 100 can_accounted "$1" $((before + frames)) ||
		{ echo "$(($(can_received "$1") - before)) of $frames"; return 1; }
	# And what the device delivered the guest has.
	in_guest "until_true test \$(statistic can$1 rx_packets) = $(can_statistic "$1" rx_frames)"
}

can_ticks() {
	awk '{ print $14 + $15 }' "/proc/$(cat "$WORK/can$1.pid")/stat"
}

# can_idle NUMBER: where nothing happens the server, and its worker, do nothing.
can_idle() {
	local before

	before=$(can_ticks "$1")
	sleep 2
	[ "$(can_ticks "$1")" = "$before" ] || { echo "$before, then $(can_ticks "$1") ticks"; return 1; }
}

# What became of all frames that came to the interface.
can_received() {
	local sum=0 name

	for name in rx_frames rx_dropped rx_overruns rx_stale; do
		sum=$((sum + $(can_statistic "$1" $name)))
	done
	echo $((sum + $(cat "/sys/class/net/vcan$1/statistics/rx_dropped")))
}

can_accounted() {
	[ "$(can_received "$1")" = "$2" ]
}

# can_flap_guest: each frame the device put onto the bus is there, once.
can_flap_guest() {
	local before

	before=$(can_statistic 0 tx_frames)
	stdbuf -oL candump -L -r 64000000 vcan0 >"$WORK/can.record" 2>/dev/null &
	RECORDER=$!
	wait_for 20 can_listeners vcan0 2 && in_guest 'flap 20' || return 1
	can_recorded "$before"
}

# can_recorded BEFORE: as many as the device put onto the bus since.
can_recorded() {
	local status=0

	wait_for 30 can_lines "$1" || { status=1; wc -l "$WORK/can.record"; can_statistic 0 tx_frames; }
	kill "$RECORDER"
	wait "$RECORDER"
	return $status
}

can_lines() {
	[ "$(wc -l <"$WORK/can.record")" = $(($(can_statistic 0 tx_frames) - $1)) ] &&
		[ -s "$WORK/can.record" ]
}

can_restarted() {
	[ "$(can_statistic "$1" starts)" -gt "$2" ]
}

# can_flap_host: the guest is told, starts again, and finds the bus when it is back.
can_flap_host() {
	local starts

	in_guest '/usr/sbin/ip link set can0 down; /usr/sbin/ip link set can0 type can restart-ms 100;
		/usr/sbin/ip link set can0 up' || return 1
	for _ in {1..5}; do
		starts=$(can_statistic 0 starts)
		ip link set vcan0 down || return 1
		in_guest 'until_true sh -c "dmesg | grep -q bus-off" && dmesg -c >/dev/null' || return 1
		ip link set vcan0 up || return 1
		wait_for 60 can_restarted 0 "$starts" && in_guest 'until_true active can0' || return 1
		can_ping 0 '' 50 || return 1
	done
}

can_rebind() {
	local before

	before=$(can_statistic 0 tx_frames)
	stdbuf -oL candump -L -r 64000000 vcan0 >"$WORK/can.record" 2>/dev/null &
	RECORDER=$!
	wait_for 20 can_listeners vcan0 2 && in_guest 'rebind 100' || return 1
	can_recorded "$before" || return 1
	[ "$(grep -c ' 7E0#11$' "$WORK/can.record")" = 100 ]
}

can_pair() {
	local kind

	for kind in "${CAN_KINDS[@]}"; do
		check "can$1.to_host.${kind%%:*}" can_to_host "$1" "${kind#*:}"
		check "can$1.from_host.${kind%%:*}" can_from_host "$1" "${kind#*:}"
	done
	check "can$1.sequence.to_host" can_sequence_to_host "$1"
	check "can$1.sequence.from_host" can_sequence_from_host "$1"
	check "can$1.fdtest" can_ping "$1" ''
	check "can$1.fdtest.fd" can_ping "$1" -d
	check "can$1.flood" can_flood "$1"
}

test_can() {
	local COMMANDS=0 ANSWER TO_GUEST RECORDER number

	modprobe -a can-raw vcan
	# However slow a receiver is.
	echo 16777216 >/proc/sys/net/core/rmem_default
	cat "$WORK/guest/can" >>"$WORK/guest/initramfs"
	mkfifo "$WORK/can.input"
	exec {TO_GUEST}<>"$WORK/can.input"
	check can.serve0 can_serve 0
	check can.serve1 can_serve 1 --late-tx-ack --confirm-ms 10000
	# shellcheck disable=SC2046 # a list of words
	guest can --timeout 1500 --input "$WORK/can.input" "$E2E/can-guest.sh" \
		$(can_device 0) $(can_device 1)
	wait_for 400 guest_said '^ready$'
	check can.ready said can ready
	# Without a guest there is nothing to wait for.
	if [ "$BAD" != "$BAD_BEFORE" ]; then
		kill "$(cat "$WORK/can.guest")" 2>/dev/null
		explain can
		return
	fi
	for number in 0 1; do
		check "can$number.up" in_guest "up $number"
	done
	check can0.features in_guest 'has 0 0 && has 0 1 && has 0 2 && ! has 0 3'
	check can1.features in_guest 'has 1 0 && has 1 1 && has 1 2 && has 1 3'
	check can0.idle can_idle 0
	can_pair 0
	can_pair 1
	check can0.flap_guest can_flap_guest
	check can0.flap_guest.works can_ping 0 ''
	check can0.flap_host can_flap_host
	check can0.rebind can_rebind
	check can0.rebind.works can_ping 0 ''
	check can0.rebind.idle can_idle 0
	check can1.still_works can_ping 1 -d
	echo "0 quit" >&"$TO_GUEST"
	wait "$GUEST"
	test_result $? can.guest
	for number in 0 1; do
		stop_serve can$number
		test_result $? can.server$number
		ip link del vcan$number
	done
	explain can
	exec {TO_GUEST}>&-
}
