# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # used by those who source it
# Disks, servers, guests and TAP.  Sourced by run.sh in the host VM.

E2E=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
WORK=/tmp/e2e
NUMBER=0 BAD=0
WRAPPER=()

# test_result STATUS NAME
test_result() {
	NUMBER=$((NUMBER + 1))
	if [ "$1" = 0 ]; then
		echo "ok $NUMBER - $2"
	else
		echo "not ok $NUMBER - $2"
		BAD=$((BAD + 1))
	fi
}

# check NAME COMMAND...: a test that is one command.
check() {
	local name=$1 status=0

	shift
	"$@" >"$WORK/check" 2>&1 || status=$?
	test_result $status "$name"
	[ $status = 0 ] || sed 's/^/# /' "$WORK/check"
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	local end=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { echo "gave up waiting for: $*"; return 1; }
		sleep 0.1
	done
}

# memory_disk NAME MIB [ATTRIBUTE=VALUE...]: a null_blk device that keeps what
# is written.
memory_disk() {
	local dir=/sys/kernel/config/nullb/$1 attribute

	mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
	modprobe null_blk nr_devices=0
	mkdir "$dir"
	echo "$2" >"$dir/size"
	for attribute in memory_backed=1 "${@:3}"; do
		echo "${attribute#*=}" >"$dir/${attribute%%=*}"
	done
	echo 1 >"$dir/power"
}

remove_memory_disk() {
	echo 0 >"/sys/kernel/config/nullb/$1/power"
	rmdir "/sys/kernel/config/nullb/$1"
}

# image_file NAME MIB: on a file system that does direct I/O, in memory.
image_file() {
	if ! mountpoint -q "$WORK/images"; then
		modprobe loop
		modprobe brd rd_nr=1 rd_size=$((320 * 1024))
		mkfs.ext4 -q /dev/ram0
		mkdir -p "$WORK/images"
		mount /dev/ram0 "$WORK/images"
	fi
	truncate -s "$2M" "$WORK/images/$1"
	echo "$WORK/images/$1"
}

# serve NAME OPTION...: in the background, with a socket of that name, as user
# SERVE_AS if that is set.
serve() {
	local as=()

	[ -z "${SERVE_AS:-}" ] || as=(setpriv --reuid "$SERVE_AS" --regid kvm --clear-groups)
	rm -f "$WORK/$1.sock"
	"${as[@]}" vhost-accel serve blk --socket "$WORK/$1.sock" --serial "$1" "${@:2}" \
		>"$WORK/serve-$1.log" 2>&1 &
	echo $! >"$WORK/$1.pid"
	wait_for 20 test -S "$WORK/$1.sock" || { cat "$WORK/serve-$1.log"; return 1; }
}

# stop_serve NAME [SIGNAL]
stop_serve() {
	local pid

	pid=$(cat "$WORK/$1.pid")
	kill "-${2:-TERM}" "$pid"
	wait "$pid"
}

# disk NAME [DEVICE-OPTION] [CHARDEV-OPTION]: QEMU's arguments for what is served.
disk() {
	echo "-chardev socket,id=$1,path=$WORK/$1.sock${3:+,$3}"
	echo "-device vhost-user-blk-pci,chardev=$1${2:+,$2}"
}

# guest NAME [OPTION...] SCRIPT [QEMU-ARGUMENT...]: in the background, its output
# in $WORK/NAME; WRAPPER is what starts it.
guest() {
	local name=$1

	shift
	GUEST_NAME=$name BAD_BEFORE=$BAD
	"${WRAPPER[@]}" "$WORK/guest/run" --console "$WORK/$name.console" --pidfile "$WORK/$name.guest" "$@" \
		>"$WORK/$name" 2>&1 &
	GUEST=$!
}

# said NAME LINE: the guest printed it.
said() {
	grep -q -x -e "$2" "$WORK/$1"
}

# explain NAME: if a test failed since the guest was started, what it said.
explain() {
	[ "$BAD" != "$BAD_BEFORE" ] || return 0
	sed 's/^/# guest: /' "$WORK/$1"
	tail -n 20 "$WORK/$1.console" | tr -d '\r' | sed 's/^/# console: /'
	tail -n 5 "$WORK"/serve-*.log | sed 's/^/# /'
}
