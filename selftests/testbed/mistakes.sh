#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# mistakes.sh WHAT...: in the debug kernel, makes these mistakes one after the
# other and leaves what the kernel said of each in /share/WHAT.
set -eu

log() {
	busybox dmesg -r -s 16000000
}

for what; do
	before=$(log | wc -l)
	modprobe mistake what="$what"
	rmmod mistake
	log | tail -n +$((before + 1)) >"/share/$what"
done
# In nobody's log, but what the machine has to be looked through for at the end.
modprobe mistake what=leak
