# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # shared names
# The kernel tree's own tests of AF_VSOCK between the host and a guest of stock
# QEMU, all cases in both roles, split and packed. Control connections go through
# QEMU's user network.

VSOCK_CID=42
VSOCK_PORT=4100
VSOCK_TESTS="vsock_diag_test vsock_test vsock_uring_test"

vsock_program() {
	echo "$WORK/guest/vsock/$1"
}

# host_server NAME TEST PORT: in the background.
host_server() {
	"$(vsock_program "$2")" --mode=server --control-port="$3" --peer-cid=$VSOCK_CID \
		>"$WORK/$1-$2-server" 2>&1 &
	SERVERS+=($!)
}

# guest_listens NAME PORT: the guest's server waits for its client.
guest_listens() {
	grep -q "^Control socket listening on 0.0.0.0:$2" "$WORK/$1"
}

# host_client NAME TEST PORT: once the guest's server is there.
host_client() {
	wait_for 200 guest_listens "$1" "$3" || return 1
	"$(vsock_program "$2")" --mode=client --control-host=127.0.0.1 --control-port="$3" \
		--peer-cid=$VSOCK_CID >"$WORK/$1-$2-client" 2>&1
}

# all_ok FILE TEST: each case was run and is ok; a skipped one is not.
all_ok() {
	local listed run passed

	listed=$("$(vsock_program "$2")" --list 2>/dev/null | grep -c '^[0-9]')
	run=$(grep -c '^[0-9]* - ' "$1")
	# After what a case says itself, which may be on a line of its own.
	passed=$(grep -v '^All tests' "$1" | grep -c 'ok$')
	# Not all of the programs can list their cases.
	[ "$listed" -gt 0 ] || listed=$run
	[ "$run" -gt 0 ] && [ "$run" = "$listed" ] && [ "$passed" = "$run" ] &&
		grep -q '^All tests have been executed. Waiting other peer...ok$' "$1" && return
	echo "$2: $passed of $listed cases are ok"
	tail -n 5 "$1"
	return 1
}

# attempts N FUNCTION ARGUMENT...: a group of tests; what counts is the last try.
# The kernel's tests tell each other by TCP what to do next. In an emulated guest
# that may overtake the packets of the device: an address is in use still, or a
# connect(2) that io_uring interrupted is answered twice.
attempts() {
	local left=$1 number bad

	shift
	while :; do
		number=$NUMBER bad=$BAD left=$((left - 1))
		"$@" >"$WORK/attempt"
		[ "$BAD" != "$bad" ] && [ "$left" -gt 0 ] || break
		grep '^not ok' "$WORK/attempt" | sed 's/^/# tried again: /'
		NUMBER=$number BAD=$bad
		# Sockets that got no answer linger.
		sleep 10
	done
	cat "$WORK/attempt"
}

# run_vsock NAME TESTS DEVICE-ARGUMENT...: a guest and these tests with it.
run_vsock() {
	local name=$1 VSOCK_TESTS=$2 port=$VSOCK_PORT test forward='' clients SERVERS=()

	shift 2
	for test in $VSOCK_TESTS; do
		host_server "$name" "$test" $port
		port=$((port + 1))
	done
	clients=$port
	for test in $VSOCK_TESTS; do
		forward="$forward,hostfwd=tcp:127.0.0.1:$port-:$port"
		port=$((port + 1))
	done
	guest "$name" --timeout 300 --append "tests=${VSOCK_TESTS// /,} port=$VSOCK_PORT" \
		"$E2E/vsock-guest.sh" -netdev "user,id=net$forward" \
		-device virtio-net-pci,netdev=net,romfile= "$@"
	port=$clients
	for test in $VSOCK_TESTS; do
		check "$name.$test.host_client" host_client "$name" "$test" $port
		check "$name.$test.host_client.cases" all_ok "$WORK/$name-$test-client" "$test"
		port=$((port + 1))
	done
	# What waits for a client that has given up waits for ever.
	[ "$BAD" = "$BAD_BEFORE" ] || kill "$(cat "$WORK/$name.guest")"
	wait "$GUEST"
	test_result $? "$name.guest"
	for test in $VSOCK_TESTS; do
		check "$name.$test.guest_client" said "$name" "result $test client"
		check "$name.$test.guest_server" said "$name" "result $test server"
		check "$name.$test.host_server.cases" all_ok "$WORK/$name-$test-server" "$test"
	done
	explain "$name"
	kill "${SERVERS[@]}" 2>/dev/null
	wait "${SERVERS[@]}"
	return 0
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
	attempts 3 run_vsock_fd vsock ''
	check vsock.split said vsock 'result packed 0'
	attempts 3 run_vsock_fd vsock-packed ,packed=on
	check vsock.packed said vsock-packed 'result packed 1'
}

run_vsock_serve() {
	vhost-accel serve vsock --socket "$WORK/vsock.sock" --cid $VSOCK_CID \
		>"$WORK/serve-vsock.log" 2>&1 &
	echo $! >"$WORK/vsock.pid"
	check vsock_serve.socket wait_for 20 test -S "$WORK/vsock.sock"
	run_vsock vsock-serve vsock_uring_test -chardev "socket,id=vsock,path=$WORK/vsock.sock" \
		-device vhost-user-vsock-pci,chardev=vsock
	stop_serve vsock 2>/dev/null
	test_result $? vsock_serve.server
}

# The same device through a vhost-user server.
test_vsock_serve() {
	attempts 3 run_vsock_serve
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
