# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Guest part of vsock.sh: the kernel's tests of AF_VSOCK, one at a time as the host
# asks for them.
references=/sys/module/vmw_vsock_virtio_transport/refcnt
idle=$(cat $references)

ifconfig lo up
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
route add default gw 10.0.2.2
exec </dev/ttyS1
stty -echo
echo "result packed $(cut -c 35 /sys/bus/virtio/drivers/vmw_vsock_virtio_transport/virtio*/features)"
echo ready

# What was closed without an answer lingers.
wait_idle() {
	for _ in $(seq 600); do
		[ "$(cat $references)" != "$idle" ] || return
		sleep 0.1
	done
}

# run_test ID TEST ROLE OPTION...
run_test() {
	local id=$1 test=$2 role=$3 status

	shift 3
	wait_idle
	echo "begin $id"
	"/run/vsock/$test" --mode="$role" --peer-cid=2 "$@"
	status=$?
	# On a line of its own, whatever was said last.
	echo
	echo "end $id $status"
}

# shellcheck disable=SC2086 # the options are a list of words
while read -r command id test role options; do
	case $command in
	run) run_test "$id" "$test" "$role" $options & ;;
	stop) killall -9 vsock_test vsock_diag_test vsock_uring_test ;;
	end) break ;;
	esac
done
exit 0
