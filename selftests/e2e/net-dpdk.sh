# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2054,SC2153 # names of net.sh
# DPDK's virtio_user drives the node without a VM, on each of its ten paths: all
# that is sent into the taps comes back, in order, also after a restart.

# What makes DPDK take the path, in the order of its own test plan.
DPDK_PATHS=(
	packed_mergeable:packed_vq=1,mrg_rxbuf=1,in_order=0
	packed_plain:packed_vq=1,mrg_rxbuf=0,in_order=0
	packed_order_mergeable:packed_vq=1,mrg_rxbuf=1,in_order=1
	packed_order:packed_vq=1,mrg_rxbuf=0,in_order=1
	packed_vectorized:packed_vq=1,mrg_rxbuf=0,in_order=1,vectorized=1
	split_mergeable:mrg_rxbuf=1,in_order=0
	split_order_mergeable:mrg_rxbuf=1,in_order=1
	split_plain:mrg_rxbuf=0,in_order=0
	split_order:mrg_rxbuf=0,in_order=1
	split_vectorized:mrg_rxbuf=0,in_order=0,vectorized=1
)

# testpmd COMMAND: to the one that runs.
testpmd() {
	echo "$1" >&9
}

# testpmd_said TEXT TIMES: it printed it that often.
testpmd_said() {
	[ "$(grep -c -e "$1" "$WORK/testpmd.log")" -ge "$2" ]
}

# testpmd_start NODE PATH...: one port for each, named dp0 and on.
testpmd_start() {
	local node=$1 devices=() number=0 path

	shift
	for path; do
		devices+=("--vdev=net_virtio_user$number,path=$node,queues=1,queue_size=256,iface=dp$number,${path#*:}")
		number=$((number + 1))
	done
	echo 192 >/proc/sys/vm/nr_hugepages
	rm -f "$WORK/testpmd.in"
	mkfifo "$WORK/testpmd.in"
	exec 9<>"$WORK/testpmd.in"
	dpdk-testpmd -l 0,1 --no-pci --in-memory --no-telemetry -m 256 \
		-d librte_net_virtio.so -d librte_mempool_ring.so "${devices[@]}" -- \
		-i --forward-mode=io --port-topology=loop --total-num-mbufs=16384 \
		<"$WORK/testpmd.in" >"$WORK/testpmd.log" 2>&1 9>&- &
	TESTPMD=$!
	wait_for 120 testpmd_said '^testpmd>' 1 || { tail -n 20 "$WORK/testpmd.log"; return 1; }
	for number in $(seq 0 $((number - 1))); do
		ip link set "dp$number" up
	done
	testpmd start
	wait_for 60 testpmd_said '^io packet forwarding - ports' 1
}

testpmd_restart() {
	testpmd stop
	testpmd 'port stop all'
	testpmd 'port start all'
	testpmd start
	wait_for 60 testpmd_said '^io packet forwarding - ports' 2
}

testpmd_stop() {
	testpmd quit
	wait "$TESTPMD"
	exec 9>&-
	echo 0 >/proc/sys/vm/nr_hugepages
}

# echo_results NAME: a test for each path out of what net_wire said.
echo_results() {
	local number=0 path line

	for path in "${DPDK_PATHS[@]}"; do
		line=$(grep "^dp$number:" "$WORK/echo") || line="dp$number: nothing"
		case $line in
		"dp$number: sent=$FRAMES back=$FRAMES lost=0 late=0 bad=0 strange=0") test_result 0 "$1.${path%%:*}" ;;
		*) test_result 1 "$1.${path%%:*}"; echo "# $line" ;;
		esac
		number=$((number + 1))
	done
}

echo_all() {
	"$BENCH/net_wire" echo --frames "$FRAMES" --length 1514 dp{0..9} >"$WORK/echo" 2>&1
	sed 's/^/# /' "$WORK/echo" >&2
	echo_results "$1"
}

test_dpdk() {
	local FRAMES=2000

	check dpdk.start testpmd_start "$NODE" "${DPDK_PATHS[@]}"
	echo_all dpdk
	check dpdk.restart testpmd_restart
	echo_all dpdk.again
	check dpdk.stop testpmd_stop
}
