# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # names of net.sh and lib.sh
# Two guests on a bridge of the host: a split ring talks to a packed one.

# bridge_guest NAME NUMBER [DEVICE-OPTIONS]: 10.78.0.NUMBER, in the background.
bridge_guest() {
	WRAPPER=() QEMU_ARGUMENTS=()
	ip tuntap add "$1" mode tap vnet_hdr &&
		ip link set "$1" master bridge0 up || return 1
	nic "$2" "$1" 1 "${3:-}"
	guest "$1" --mem 384M --timeout 600 --append "role=$1" "$E2E/net-bridge-guest.sh" "${QEMU_ARGUMENTS[@]}"
	WRAPPER=()
}

test_bridge() {
	local server client sent

	ip link add bridge0 type bridge
	ip link set bridge0 up
	check bridge.server bridge_guest server 1
	server=$GUEST
	check bridge.client bridge_guest client 2 packed=on
	client=$GUEST
	wait "$client"
	test_result $? bridge.client.guest
	wait "$server"
	test_result $? bridge.server.guest
	sent=$(sed -n 's/^result sent //p' "$WORK/client")
	check bridge.sums said server "result received ${sent:-nothing}"
	check bridge.iperf said client 'result iperf 0 0'
	GUEST_NAME=client explain client
	explain server
	ip link del bridge0
	ip link del server
	ip link del client
}
