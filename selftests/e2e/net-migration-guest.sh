# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Guest part of net-migration.sh: until the host listens at port 5003, iperf3
# through both devices, and a file taken from the host again and again.
ip link set lo up
for dir in /sys/class/net/eth*; do
	number=$(cut -d : -f 6 "$dir/address")
	number=${number#0}
	ip addr add "10.77.$number.2/24" dev "${dir##*/}"
	ip link set "${dir##*/}" up
done

# files NUMBER: what came is left unread for a while, so that there always is
# data in receive buffers that only the device has written, also when the guest
# moves.
files() {
	rounds=0 bad=0 first=
	until [ -e /tmp/over ]; do
		sum=$(nc "10.77.$1.1" 5001 </dev/null | { sleep 1; sha256sum; })
		[ "$sum" = "${first:-$sum}" ] || bad=$((bad + 1))
		first=${first:-$sum} rounds=$((rounds + 1))
	done
	echo "result rounds $1 $rounds $bad ${first%% *}"
}

for number in 1 2; do
	iperf3 -c "10.77.$number.1" -p "520$number" -t 3600 >"/tmp/log$number" 2>&1 &
	echo $! >"/tmp/iperf$number"
	files $number &
done
echo begun
until nc 10.77.1.1 5003 </dev/null >/dev/null 2>&1; do
	sleep 1
done
# It has an hour to go: if it is not there, something went wrong.
for number in 1 2; do
	kill "$(cat "/tmp/iperf$number")"
	echo "result iperf $number $?"
done
touch /tmp/over
wait
cat /tmp/log1 /tmp/log2
echo finished
