# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Guest part of net-bridge.sh: "role=" on the kernel command line.
role=$(sed -n 's/.* role=\([^ ]*\).*/\1/p' /proc/cmdline)
ip link set lo up
ip link set eth0 up

serve() {
	ip addr add 10.78.0.1/24 dev eth0
	iperf3 -s -1 >/tmp/iperf3 2>&1 &
	# Without anything to send it would close its side, and the other stop.
	mkfifo /tmp/nothing
	nc -l -p 5000 <>/tmp/nothing >/tmp/received
	echo "result received $(sha256sum </tmp/received | cut -d ' ' -f 1)"
	wait
	iperf3 -s -1 >/tmp/iperf3 2>&1
}

# again COMMAND...: the other guest may not be there yet.
again() {
	for _ in $(seq 100); do
		"$@" >/tmp/again 2>&1 && return
		sleep 1
	done
	cat /tmp/again
	return 1
}

ask() {
	ip addr add 10.78.0.2/24 dev eth0
	again ping -c 1 -W 1 10.78.0.1 || return
	dd if=/dev/urandom of=/tmp/sent bs=1M count=8 2>/dev/null
	echo "result sent $(sha256sum </tmp/sent | cut -d ' ' -f 1)"
	again sh -c 'nc 10.78.0.1 5000 </tmp/sent'
	again iperf3 -c 10.78.0.1 -t 1
	tcp=$?
	again iperf3 -c 10.78.0.1 -t 1 -R
	echo "result iperf $tcp $?"
}

case $role in
server) serve ;;
client) ask ;;
esac
