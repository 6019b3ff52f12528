# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2046 # lists of words
#
# Guest part of verify.sh.  On the kernel command line "names=" lists the serial
# numbers of the disks, and "resize=" is the one that will grow.
names=$(sed -n 's/.* names=\([^ ]*\).*/\1/p' /proc/cmdline | tr , ' ')
resize=$(sed -n 's/.* resize=\([^ ]*\).*/\1/p' /proc/cmdline)

# by_serial SERIAL: sysfs directory of the disk.
by_serial() {
	for dir in /sys/block/vd*; do
		[ "$(cat "$dir/serial")" != "$1" ] || { echo "$dir"; return; }
	done
	echo "no disk with serial $1" >&2
	return 1
}

# job SERIAL: options of fio for the disk, one writer for each of its queues.
job() {
	dir=$(by_serial "$1") || return
	block=$(cat "$dir/queue/logical_block_size")
	set -- "$1" "$dir"/mq/*
	echo "--name=$1 --filename=/dev/${dir##*/} --numjobs=$(($# - 1))"
	echo "--bsrange=$block-32k --blockalign=$block"
}

for name in $names; do
	dir=$(by_serial "$name") || continue
	set -- "$dir"/mq/*
	echo "result queues $name $#"
	echo "result packed $name $(cut -c 35 "$dir/device/features")"
done

# In fio's terse lines field 3 is the job, field 5 its errno.
fio --rw=randwrite --size=2m --offset_increment=2m --iodepth=16 --ioengine=libaio --direct=1 \
	--verify=crc32c --verify_fatal=1 --end_fsync=1 --minimal \
	$(for name in $names; do job "$name"; done) >/tmp/fio 2>&1
status=$?
grep -v '^3;' /tmp/fio
awk -F ';' '/^3;/ { if ($5) bad[$3] = 1; seen[$3] = 1 }
	END { for (job in seen) if (!bad[job]) print "result verify " job }' /tmp/fio

if [ -n "$resize" ]; then
	dir=$(by_serial "$resize")
	old=$(cat "$dir/size")
	echo "ready for resize"
	for _ in $(seq 300); do
		[ "$(cat "$dir/size")" = "$old" ] || break
		usleep 100000
	done
	echo "result resize $(cat "$dir/size")"
fi
exit $status
