# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Guest part of can.sh: loads the modules, then runs what the host sends line by
# line, a number and a command, and says with which status it ended.
stty -F /dev/ttyS1 -echo
echo 4 >/proc/sys/kernel/printk
while read -r module; do
	insmod "/can/$module" || echo "cannot load $module"
done </can/order
# However slow a receiver is.
echo 16777216 >/proc/sys/net/core/rmem_default
driver=/sys/bus/virtio/drivers/virtio_can

# has NUMBER BIT: the driver of canNUMBER and the device agreed on a feature.
has() {
	[ "$(cut -c $(($2 + 1)) "/sys/class/net/can$1/device/features")" = 1 ]
}

# until_true COMMAND...: within half a minute.
until_true() {
	for _ in $(seq 300); do
		! "$@" || return 0
		usleep 100000
	done
	echo "gave up waiting for: $*"
	return 1
}

statistic() {
	cat "/sys/class/net/$1/statistics/$2"
}

# listens DEVICE: somebody receives from it.
listens() {
	cat /proc/net/can/rcvlist_all /proc/net/can/rcvlist_fil /proc/net/can/rcvlist_[es]ff |
		grep -q -w "$1.*raw"
}

# active DEVICE: the controller is started, and not off the bus.
active() {
	/usr/sbin/ip -d link show "$1" | grep -q ERROR-ACTIVE
}

# record DEVICE FRAMES FILE: in the background; returns once it listens.
record() {
	candump -L -r 16000000 -T 20000 -n "$2" "$1" >"$3" &
	until_true listens "$1"
}

# sum FILE: of what went over the bus.  Bit rate switch and error state of CAN FD
# frames do not go through the device.
sum() {
	sed 's/.* //; s/##./##/' "$1" | sha256sum | cut -d ' ' -f 1
}

# up NUMBER: with room for all that a test sends at once.
up() {
	/usr/sbin/ip link set "can$1" txqueuelen 20000
	/usr/sbin/ip link set "can$1" up
}

transmitted() {
	[ "$(statistic "$1" tx_packets)" -ge "$2" ]
}

# rebind ROUNDS: with frames on their way out.
rebind() {
	device=$(basename "$(readlink /sys/class/net/can0/device)")
	for round in $(seq "$1"); do
		case $((round % 2)) in
		0) cangen can0 -g 0 -i -n 50 2>/dev/null ;;
		esac
		echo "$device" >$driver/unbind || return 1
		echo "$device" >$driver/bind || return 1
		until_true test -e /sys/class/net/can0 || return 1
		up 0 || return 1
		cansend can0 7E0#11 && until_true transmitted can0 1 || return 1
	done
}

# flap ROUNDS: while a program transmits, as far as it can.
flap() {
	touch /tmp/generate
	while [ -e /tmp/generate ]; do cangen can0 -g 0 -i -n 200; done 2>/dev/null &
	generator=$!
	for _ in $(seq "$1"); do
		usleep 50000
		/usr/sbin/ip link set can0 down || return 1
		/usr/sbin/ip link set can0 up || return 1
	done
	rm /tmp/generate
	wait $generator
	return 0
}

echo ready
while read -r number command; do
	[ "$command" != quit ] || exit 0
	eval "$command"
	echo "result $number $?"
done </dev/ttyS1
