# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Guest part of vsock.sh: the kernel's tests of AF_VSOCK, first as clients of the
# host's servers, then as servers. On the kernel command line "tests=" names them
# and "port=" is the first of their control ports.
tests=$(sed -n 's/.* tests=\([^ ]*\).*/\1/p' /proc/cmdline | tr , ' ')
port=$(sed -n 's/.* port=\([^ ]*\).*/\1/p' /proc/cmdline)
status=0

ifconfig lo up
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
route add default gw 10.0.2.2
echo "result packed $(cut -c 35 /sys/bus/virtio/drivers/vmw_vsock_virtio_transport/virtio*/features)"

# run_test ROLE TEST OPTION...
run_test() {
	role=$1 test=$2
	shift 2
	if "/run/vsock/$test" "$@" --mode="$role" --control-port="$port" --peer-cid=2; then
		echo "result $test $role"
	else
		echo "failed $test $role"
		status=1
	fi
	port=$((port + 1))
}

for test in $tests; do
	run_test client "$test" --control-host=10.0.2.2
done
for test in $tests; do
	run_test server "$test"
done
exit $status
