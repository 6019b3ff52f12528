# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Guest part of net-guest.sh.  On the kernel command line "nics=" is how many
# network devices there are; the last digit of the address is the number.
nics=$(sed -n 's/.* nics=\([^ ]*\).*/\1/p' /proc/cmdline)
ip link set lo up

for dir in /sys/class/net/eth*; do
	number=$(cut -d : -f 6 "$dir/address")
	number=${number#0}
	ip addr add "10.77.$number.2/24" dev "${dir##*/}"
	ip link set "${dir##*/}" up
	set -- "$dir"/queues/rx-*
	echo "result queues $number $#"
	echo "result packed $number $(cut -c 35 "$dir/device/features")"
done
echo begun

dd if=/dev/urandom of=/tmp/sent bs=1M count=8 2>/dev/null
echo "result sent $(sha256sum </tmp/sent | cut -d ' ' -f 1)"
for number in $(seq "$nics"); do
	host=10.77.$number.1
	nc "$host" 5000 </tmp/sent
	nc "$host" 5001 </dev/null >/tmp/received
	echo "result received $number $(sha256sum </tmp/received | cut -d ' ' -f 1)"
	iperf3 -c "$host" -t 1 >/tmp/tcp 2>&1
	tcp=$?
	iperf3 -c "$host" -t 1 -R >/tmp/reverse 2>&1
	reverse=$?
	iperf3 -c "$host" -t 1 -u -b 20M >/tmp/udp 2>&1
	udp=$?
	grep -h -E 'error|sender|receiver' /tmp/tcp /tmp/reverse /tmp/udp
	echo "result iperf $number $tcp $reverse $udp"
done

# The host deletes the taps of the first two meanwhile.
for number in 1 2; do
	iperf3 -c "10.77.$number.1" -p "520$number" -t 4 -u -b 20M >/dev/null 2>&1 &
done
sleep 1
echo storm
sleep 2
ping -c 3 -i 0.2 10.77.3.1 >/dev/null
echo "result survived $?"
