# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Guest part of net-migration.sh: iperf3 through both devices, and a file taken
# from the host again and again, for as long as that lasts.
ip link set lo up
for dir in /sys/class/net/eth*; do
	number=$(cut -d : -f 6 "$dir/address")
	number=${number#0}
	ip addr add "10.77.$number.2/24" dev "${dir##*/}"
	ip link set "${dir##*/}" up
done

# files NUMBER: until iperf3 has ended.
files() {
	rounds=0 bad=0 first=
	while [ ! -e "/tmp/iperf$1" ]; do
		sum=$(nc "10.77.$1.1" 5001 </dev/null | sha256sum)
		[ "$sum" = "${first:-$sum}" ] || bad=$((bad + 1))
		first=${first:-$sum} rounds=$((rounds + 1))
	done
	echo "result rounds $1 $rounds $bad"
}

for number in 1 2; do
	(
		iperf3 -c "10.77.$number.1" -p "520$number" -t 25 >"/tmp/log$number" 2>&1
		echo $? >"/tmp/iperf$number"
	) &
	files $number &
done
echo begun
wait
for number in 1 2; do
	grep -E 'error|sender|receiver' "/tmp/log$number"
	echo "result iperf $number $(cat "/tmp/iperf$number")"
done
echo finished
