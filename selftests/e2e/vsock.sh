# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # shared names
# The kernel tree's own tests of AF_VSOCK between the host and a guest of stock
# QEMU, all cases in both roles, split and packed. Control connections go through
# QEMU's user network.

VSOCK_CID=42
VSOCK_PORT=4100
VSOCK_TESTS="vsock_diag_test vsock_test vsock_uring_test"
# Of one case; one that does not work fails every time.
VSOCK_TRIES=5
ATTEMPT=0

vsock_program() {
	echo "$WORK/guest/vsock/$1"
}

# The kernel's tests tell each other by TCP what to do next, and several fail when
# that overtakes the packets of the device, as it may where processors are emulated:
# an address is in use still because the end of its connection is on its way. So TCP
# is slower. They also count sockets, and want a transport that is never missing.
prepare_vsock() {
	modprobe -a sch_netem vsock_loopback vsock_diag
	tc qdisc replace dev lo root netem delay 50ms
}

finish_vsock() {
	tc qdisc del dev lo root
	modprobe -r vsock_loopback
}

no_sockets() {
	[ -z "$(ss -H --vsock --all)" ]
}

# cases FILE: the numbers of those that did what they are for.
cases() {
	awk '/^[0-9]+ - / { number = $1; unused = 0 }
		/[Ss]kipped|unsupported|No transports/ { unused = 1 }
		/ok$/ && number != "" && !unused { print number; number = "" }' "$1"
}

# case_names TEST: a line for each, its number and its name.
case_names() {
	case $1 in
	# It can not list them.
	vsock_uring_test) printf '%s\n' "0 io_uring" "1 io_uring MSG_ZEROCOPY" ;;
	*) "$(vsock_program "$1")" --list 2>/dev/null | sed -n 's/^\([0-9]*\)\t/\1 /p' ;;
	esac
}

# guest_part NAME: what the guest printed in this attempt.
guest_part() {
	sed -n "/^begin $ATTEMPT\$/,/^end $ATTEMPT /p" "$WORK/$1"
}

guest_over() {
	grep -q "^end $ATTEMPT " "$WORK/$1"
}

# guest_listens NAME: the guest's server waits for its client.
guest_listens() {
	guest_part "$1" | grep -q '^Control socket listening'
}

host_listens() {
	grep -q '^Control socket listening' "$WORK/host-part"
}

# host_part TEST ROLE OPTION...: in the background.
host_part() {
	timeout -s KILL 400 "$(vsock_program "$1")" --mode="$2" --peer-cid=$VSOCK_CID \
		"${@:3}" >"$WORK/host-part" 2>&1 &
	HOST_PART=$!
}

# begin_parts NAME TEST ROLE OPTION...: the host's in ROLE, and the guest's; the server
# before the client. Ports are new ones, what became of those used before.
begin_parts() {
	local name=$1 test=$2 role=$3 port=$((VSOCK_PORT + ATTEMPT)) vsock=$((2000 + 10 * ATTEMPT))

	shift 3
	: >"$WORK/host-part"
	if [ "$role" = client ]; then
		echo "run $ATTEMPT $test server --control-port=$VSOCK_PORT --peer-port=$vsock" >&"$GUEST_INPUT"
		wait_for 120 guest_listens "$name"
		host_part "$test" client --control-host=127.0.0.1 --control-port=$VSOCK_PORT \
			--peer-port=$vsock "$@"
	else
		host_part "$test" server --control-port=$port --peer-port=$vsock "$@"
		wait_for 120 host_listens
		echo "run $ATTEMPT $test client --control-host=10.0.2.2 --control-port=$port --peer-port=$vsock" \
			>&"$GUEST_INPUT"
	fi
}

# end_parts NAME: waits for both. One that is alone ends by itself, or is ended.
end_parts() {
	local limit=$((SECONDS + 400)) running

	while [ $SECONDS -lt $limit ]; do
		running=2
		kill -0 "$HOST_PART" 2>/dev/null || running=$((running - 1))
		! guest_over "$1" || running=$((running - 1))
		[ $running != 0 ] || break
		[ $running = 2 ] || [ $limit -lt $((SECONDS + 30)) ] || limit=$((SECONDS + 30))
		sleep 0.2
	done
	guest_over "$1" || echo stop >&"$GUEST_INPUT"
	kill "$HOST_PART" 2>/dev/null
	wait "$HOST_PART"
	HOST_STATUS=$?
	wait_for 60 guest_over "$1"
	# What was closed without an answer lingers.
	wait_for 60 no_sockets
}

# attempt NAME TEST ROLE OPTION...: sets PASSED to the cases that both sides call ok;
# fails unless both came to their end.
attempt() {
	ATTEMPT=$((ATTEMPT + 1))
	begin_parts "$@"
	end_parts "$1"
	guest_part "$1" >"$WORK/guest-part"
	PASSED=$(sort <(cases "$WORK/host-part") <(cases "$WORK/guest-part") | uniq -d)
	[ $HOST_STATUS = 0 ] && grep -q "^end $ATTEMPT 0$" "$WORK/guest-part"
}

# show_parts: the end of what they said.
show_parts() {
	tail -n 4 "$WORK/host-part" | sed 's/^/#   host: /'
	tail -n 5 "$WORK/guest-part" | sed 's/^/#   guest: /'
}

# run_group NAME TEST ROLE: all cases with the host in ROLE, each a test of its own.
# The first case that fails ends both sides; they start again with that one.
run_group() {
	local group=$1.$2.host_$3 complete number title options=()
	local -A passed=() failures=()

	while :; do
		complete=''
		! attempt "$@" "${options[@]}" || complete=y
		for number in $PASSED; do
			passed[$number]=y
			[ "$2" = vsock_uring_test ] || options+=("--skip=$number")
		done
		number=$(case_names "$2" | while read -r number _; do
			[ -n "${passed[$number]:-}" ] || { echo "$number"; break; }
		done)
		[ -n "$number" ] || [ -z "$complete" ] || break
		number=${number:-end}
		failures[$number]=$((${failures[$number]:-0} + 1))
		echo "# $group: case $number failed, ${failures[$number]} of $VSOCK_TRIES times"
		show_parts
		[ "${failures[$number]}" -lt $VSOCK_TRIES ] || break
	done
	while read -r number title; do
		check "$group.$number $title" test -n "${passed[$number]:-}"
	done < <(case_names "$2")
	check "$group.end" test -n "$complete"
}

# run_vsock NAME TESTS DEVICE-ARGUMENT...: a guest and these tests with it.
run_vsock() {
	local name=$1 tests=$2 test

	shift 2
	rm -f "$WORK/commands"
	mkfifo "$WORK/commands"
	exec {GUEST_INPUT}<>"$WORK/commands"
	guest "$name" --timeout 1800 --input "$WORK/commands" "$E2E/vsock-guest.sh" \
		-netdev "user,id=net,hostfwd=tcp:127.0.0.1:$VSOCK_PORT-:$VSOCK_PORT" \
		-device virtio-net-pci,netdev=net,romfile= "$@"
	check "$name.ready" wait_for 400 said "$name" ready
	wait_for 60 no_sockets
	if said "$name" ready; then
		for test in $tests; do
			run_group "$name" "$test" client
			run_group "$name" "$test" server
		done
		echo end >&"$GUEST_INPUT"
	else
		kill "$(cat "$WORK/$name.guest")"
	fi
	wait "$GUEST"
	test_result $? "$name.guest"
	explain "$name"
	exec {GUEST_INPUT}>&-
}

# run_vsock_fd NAME DEVICE-OPTIONS: QEMU gets a descriptor and nothing else.
run_vsock_fd() {
	local device

	exec {device}<>/dev/vhost-accel/vsock
	run_vsock "$1" "$VSOCK_TESTS" \
		-device "vhost-vsock-pci,guest-cid=$VSOCK_CID,vhostfd=$device$2"
	exec {device}>&-
}

test_vsock() {
	prepare_vsock
	run_vsock_fd vsock ''
	check vsock.split said vsock 'result packed 0'
	run_vsock_fd vsock-packed ,packed=on
	check vsock.packed said vsock-packed 'result packed 1'
	finish_vsock
}

# The same device through a vhost-user server.
test_vsock_serve() {
	prepare_vsock
	vhost-accel serve vsock --socket "$WORK/vsock.sock" --cid $VSOCK_CID \
		>"$WORK/serve-vsock.log" 2>&1 &
	echo $! >"$WORK/vsock.pid"
	check vsock_serve.socket wait_for 60 test -S "$WORK/vsock.sock"
	run_vsock vsock-serve vsock_uring_test -chardev "socket,id=vsock,path=$WORK/vsock.sock" \
		-device vhost-user-vsock-pci,chardev=vsock
	stop_serve vsock 2>/dev/null
	test_result $? vsock_serve.server
	finish_vsock
}

vsock_loaded() {
	grep -q "^$1 " /proc/modules
}

# can_not_load MODULE: there is another one, and the kernel log says what to do.
can_not_load() {
	! modprobe "$1" 2>/dev/null || { echo "$1 could be loaded"; return 1; }
	! vsock_loaded "$1"
}

one_line() {
	[ "$(dmesg | grep -c 'vhost_accel_vsock: .*unload vhost_vsock')" = 1 ]
}

# The two modules that can serve guests exclude each other, whichever came first.
test_vsock_switch() {
	check vsock_switch.ours_first can_not_load vhost_vsock
	# Sockets that were closed without an answer keep it for some seconds.
	check vsock_switch.unload wait_for 30 modprobe -r vhost_accel_vsock
	check vsock_switch.theirs modprobe vhost_vsock
	check vsock_switch.theirs_first can_not_load vhost_accel_vsock
	check vsock_switch.log one_line
	check vsock_switch.back modprobe -r vhost_vsock
	check vsock_switch.ours modprobe vhost_accel_vsock
	cp /usr/share/vhost-accel/modprobe-vsock.conf /etc/modprobe.d/vhost-accel-vsock.conf
	check vsock_switch.example can_not_load vhost_vsock
	rm /etc/modprobe.d/vhost-accel-vsock.conf
}
