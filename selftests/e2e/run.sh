#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh [TEST...]: KVM guests with stock QEMU on disks served by vhost-accel.
# Runs in a host VM of scripts/testbed, as root; the guest image is in guest/
# of the share.  Prints TAP.
set -u


HERE=$(dirname "$(readlink -f "$0")")
# shellcheck source=/dev/null
. "$HERE/lib.sh"

for need in /dev/vhost-accel/blk /dev/kvm /share/guest/run; do
	[ -e $need ] || { echo "Bail out! $need is missing"; exit 1; }
done
mkdir -p "$WORK"
chmod 1777 "$WORK"
cp -r /share/guest "$WORK"
[ $# -gt 0 ] || set -- verify queues durability reconnect
for part in verify durability reconnect vsock can; do
	# shellcheck source=/dev/null
	. "$HERE/$part.sh"
done
for name; do
	"test_$name"
done
echo "1..$NUMBER"
[ "$BAD" = 0 ]
