#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# net.sh [TEST...]: other people's programs on the net class: DPDK, KVM guests
# with stock QEMU; dpdk, guest and bridge unless named, and migration if named.
# Runs in a host VM of scripts/testbed, as root; the guest image is in guest/ of
# the share.  Prints TAP.
# NODE is the node to test.
set -u

HERE=$(dirname "$(readlink -f "$0")")
# shellcheck source=/dev/null
. "$HERE/lib.sh"
NODE=${NODE:-/dev/vhost-accel/net}
# shellcheck disable=SC2034 # used by the parts
BENCH=${BENCH:-/usr/lib/vhost-accel/selftests/bench}

for need in "$NODE" /dev/kvm /share/guest/run; do
	[ -e "$need" ] || { echo "Bail out! $need is missing"; exit 1; }
done
mkdir -p "$WORK"
cp -r /share/guest "$WORK"
modprobe -a tun macvtap veth bridge
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
[ $# -gt 0 ] || set -- dpdk guest bridge
for part in dpdk guest bridge migration; do
	# shellcheck source=/dev/null
	. "$HERE/net-$part.sh"
done
for name; do
	"test_$name"
done
echo "1..$NUMBER"
[ "$BAD" = 0 ]
