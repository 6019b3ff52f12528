# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # variables shared between the parts
# Boots a host VM, runs a command in it and comes back with its status.

# What Debian's kernels have as modules and the way to the root needs.
BOOT_MODULES="9p 9pnet_virtio overlay"

make_initramfs() {
	local out=$1

	mkdir -p "$out/tree/bin" "$out/tree/modules"
	cp "$SRC/scripts/vm/initramfs-init" "$out/tree/init"
	# shellcheck disable=SC2016,SC2086 # expanded in there; a list
	logged initramfs in_root --bind "$out:/build" "${KERNEL_LOWER[@]}" "$ROOT" -- sh -e -c '
		cd /build/tree
		cp /usr/bin/busybox bin
		release=$1
		shift
		modprobe -S "$release" -D -a "$@" | sed -n "s/^insmod //p" | while read -r file _; do
			name=$(basename "$file" .xz)
			grep -q -x -s "$name" modules/order && continue
			case $file in
			*.xz) xz -dc "$file" ;;
			*) cat "$file" ;;
			esac >"modules/$name"
			echo "$name" >>modules/order
		done
		: >>modules/order
		find . | cpio -o -H newc --quiet >/build/initramfs
		rm -r /build/tree' sh "$RELEASE" $BOOT_MODULES || exit 1
}

want_initramfs() {
	INITRAMFS=$CACHE/initramfs-$1-$({
		echo "$ROOT_ID $KERNEL_ID $RELEASE $BOOT_MODULES"
		cat "$SRC/scripts/vm/initramfs-init"
	} | hash_text)
	cached "$INITRAMFS" make_initramfs
	prune 3 "initramfs-$1-*"
}

# kvm_usable: hardware virtualisation that the guests inside can use as well.
kvm_usable() {
	local nested

	true 2>/dev/null <>/dev/kvm || return 1
	nested=$(cat /sys/module/kvm_amd/parameters/nested /sys/module/kvm_intel/parameters/nested 2>/dev/null)
	case $nested in
	1 | Y) ;;
	*) return 1 ;;
	esac
	echo quit | in_root "$ROOT" -- timeout 20 qemu-system-x86_64 -M none -accel kvm \
		-display none -monitor stdio >/dev/null 2>&1
}

# The processor model is part of the choice: emulated cores know svm only.
machine_options() {
	if [ -n "$ACCEL" ]; then
		case $ACCEL in
		kvm*) echo "-accel $ACCEL -cpu host" ;;
		*) echo "-accel $ACCEL -cpu EPYC,+svm,+npt" ;;
		esac
	elif kvm_usable; then
		echo "-accel kvm -cpu host"
	else
		echo "-accel tcg,thread=multi -cpu EPYC,+svm,+npt"
	fi
}

# Timer checks and calibration by loops go wrong on a busy machine, where an
# emulated core may not run for a while, and at worst hang.  Nor is it a lockup or
# a stall when it does not run for half a minute.
kernel_command_line() {
	local line="console=ttyS0 panic=-1 oops=panic mitigations=off random.trust_cpu=on net.ifnames=0"

	line="$line no_timer_check tsc=reliable lpj=20000000 log_buf_len=1M"
	line="$line rcupdate.rcu_cpu_stall_timeout=120 watchdog_thresh=60"
	line="$line sysctl.kernel.hung_task_timeout_secs=180"
	if [ "$KERNEL" = debug ]; then
		line="$line loglevel=7 thash_entries=2048 uhash_entries=1024"
		# Without the allocator's own checks its arrays of free objects go on
		# naming those that were handed out, and kmemleak finds no leak.
		line="$line slab_debug=F"
		# As Debian has it: tests keep disks open that they mount.
		line="$line bdev_allow_write_mounted=1"
		[ -n "$ALLOW_SPLATS" ] || line="$line panic_on_warn=1"
	else
		# Devices come and go in tests, and most of that is waiting for grace
		# periods; the debug kernel has them as they are.
		line="$line loglevel=5 rcupdate.rcu_expedited=1"
	fi
	echo "$line${APPEND:+ $APPEND}"
}

# stream FILE: until QEMU is gone, and then to the end of it.
stream() {
	tail -q -c +1 -s 0.1 -f --pid="$QEMU_PID" "$1" 2>/dev/null
}

# What a kernel's log must not show: complaints, and the end of a check of the debug
# kernel, after which silence means nothing.
SPLAT='WARNING:|BUG:|BUG [^ ]+ \(|Oops:|KASAN:|UBSAN:|ODEBUG:|Call Trace:|Kernel panic'
SPLAT="$SPLAT|kmemleak: [1-9]|kmemleak: .*disabled|INFO: task .* blocked|rcu: INFO"

# The kernel's last words, from where the trouble started.
show_console() {
	if grep -q -E "$SPLAT" "$RUN/console" 2>/dev/null; then
		say "the console, from the first complaint:"
		tr -d '\r' <"$RUN/console" | grep -m 1 -E -B 3 -A 100 "$SPLAT" >&2
	elif [ -s "$RUN/console" ]; then
		say "the end of the console:"
		tr -d '\r' <"$RUN/console" | tail -n 60 >&2
	else
		say "the console stayed empty"
	fi
}

# messages: the kernel's own lines of its log.  What programs write to /dev/kmsg
# has another facility, and may say what it likes.  An allocation that failed shows
# where, and where failures are injected it has to: that trace is no complaint.
messages() {
	sed -n 's/^<[0-7]>//p' "$RUN/dmesg" | awk '
		/ mode:0x[0-9a-f]+\(.*\), nodemask=/ { shortage = NR + 10 }
		/Call Trace:/ && NR <= shortage { sub("Call Trace:", "trace of it:"); shortage = 0 }
		{ print }'
}

# no_splats: judges the log of a kernel that survived.
no_splats() {
	[ -z "$ALLOW_SPLATS" ] || return 0
	if [ -s "$RUN/leaks" ]; then
		say "kmemleak found leaks:"
		head -n 60 "$RUN/leaks" >&2
		return 1
	fi
	if messages | grep -E -B 2 -A 25 "$SPLAT" >"$RUN/complaints"; then
		say "the kernel complained:"
		head -n 80 "$RUN/complaints" >&2
		return 1
	fi
	if ! messages | grep -q -F 'Linux version '; then
		say "error: the beginning of the kernel log is lost, and what was said there"
		return 1
	fi
}

# watch_start LIMIT: nothing of ours runs before the marker appears, so a machine
# that gets stuck on the way there is the emulator's fault and started again.
watch_start() {
	local limit=$((SECONDS + $1))

	while [ ! -e "$RUN/started" ] && kill -0 "$QEMU_PID" 2>/dev/null; do
		if [ $SECONDS -ge $limit ]; then
			: >"$RUN/stuck"
			kill "$QEMU_PID"
			return
		fi
		sleep 1
	done
}

# verdict QEMU-STATUS: returns what "testbed run" exits with.
verdict() {
	local status word words

	words=$(tail -n 3 "$RUN/qemu" 2>/dev/null | tr '\n' ' ')
	if [ -e "$RUN/status" ]; then
		read -r status word <"$RUN/status"
		if [ "$word" != ok ]; then
			say "error: $word"
			show_console
			return "$status"
		fi
		no_splats || return 125
		return "$status"
	fi
	if [ "$1" = 124 ] || [ "$1" = 137 ]; then
		say "error: timeout after $TIMEOUT seconds"
		show_console
		return 124
	fi
	say "error: the host VM died (QEMU status $1)${words:+; QEMU says: $words}"
	show_console
	return 125
}

# boot LIMIT: for the start of the kernel; the rest has $TIMEOUT.
boot() {
	local options=() status tails=()

	rm -f "$RUN/stuck" "$RUN/started" "$RUN/console"
	# shellcheck disable=SC2207 # a list of words
	options=($(machine_options))
	[ -z "$SHARE" ] || options+=(-virtfs "local,path=/run/share,mount_tag=share,security_model=none,multidevs=remap")
	: >"$RUN/stdout"
	: >"$RUN/stderr"
	timeout --foreground -k 5 "$TIMEOUT" unshare --mount --pid --fork --kill-child --propagation private \
		"$SRC/scripts/lib/enter" \
		"${KERNEL_LOWER[@]}" ${DRIVERS:+--lower "$DRIVERS/tree"} ${TOOLS:+--lower "$TOOLS/tree"} ${MODULES:+--lower "$MODULES/tree"} \
		--merged /run/root --bind "$RUN:/run/control" ${SHARE:+--bind "$SHARE:/run/share"} \
		--ro-bind "$(dirname "$VMLINUZ"):/run/kernel" --ro-bind "$INITRAMFS:/run/initramfs" "$ROOT" -- \
		qemu-system-x86_64 -M q35 "${options[@]}" -smp "$SMP" -m "$MEM" \
		-nodefaults -display none -no-reboot -serial file:/run/control/console \
		-kernel "/run/kernel/${VMLINUZ##*/}" -initrd /run/initramfs/initramfs \
		-append "$(kernel_command_line)" -device virtio-rng-pci \
		-virtfs local,path=/run/root,mount_tag=root,security_model=none,multidevs=remap,readonly=on \
		-virtfs local,path=/run/control,mount_tag=control,security_model=none,multidevs=remap \
		"${QEMU_ARGS[@]}" >"$RUN/qemu" 2>&1 </dev/null &
	QEMU_PID=$!
	watch_start "$1" &
	stream "$RUN/stdout" &
	tails+=($!)
	stream "$RUN/stderr" >&2 &
	tails+=($!)
	status=0
	wait "$QEMU_PID" || status=$?
	QEMU_PID=
	wait "${tails[@]}"
	return $status
}

end_run() {
	[ -z "${QEMU_PID:-}" ] || kill "$QEMU_PID" 2>/dev/null
	[ -z "${KEEP_LOG:-}" ] || cp "$RUN/console" "$KEEP_LOG" 2>/dev/null
	rm -rf "$RUN"
}

# A host VM keeps its processors busy, since it emulates them.  No more than the
# machine has run at a time; the others wait here in turn, before their time
# starts.
take_slot() {
	local slot turn

	exec {turn}>"$CACHE/run/turn"
	flock "$turn"
	while :; do
		for slot in $(seq "$(nproc)"); do
			exec {SLOT}>"$CACHE/run/slot-$slot"
			if flock -n "$SLOT"; then
				exec {turn}>&-
				return
			fi
			exec {SLOT}>&-
		done
		sleep 1
	done
}

# run_vm COMMAND...
run_vm() {
	local status=0 limit=90 word quote="'\\''"

	# Ten times what an otherwise idle machine needs.
	[ "$KERNEL" != debug ] || limit=400

	want_rootfs
	want_kernel "$KERNEL"
	MODULES='' TOOLS=''
	[ "$LOAD" = none ] || want_modules "$KERNEL"
	want_drivers "$KERNEL"
	want_tools
	want_initramfs "$KERNEL"
	mkdir -p "$CACHE/run"
	find "$CACHE/run" -mindepth 1 -maxdepth 1 -type d -mtime +1 -exec rm -rf {} +
	RUN=$(mktemp -d "$CACHE/run/XXXXXX")
	trap end_run EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	cp "$SRC/scripts/vm/init" "$RUN/init"
	{
		printf 'exec'
		for word; do
			printf " '%s'" "${word//\'/$quote}"
		done
		echo
	} >"$RUN/command"
	printf '%s\n' "share=${SHARE:+y}" "load=$LOAD" \
		"debug=$([ "$KERNEL" != debug ] || echo y)" >"$RUN/parameters"
	take_slot
	for _ in 1 2 3; do
		status=0
		boot $limit || status=$?
		[ -e "$RUN/stuck" ] || break
		say "the kernel did not start within $limit seconds; trying again"
	done
	verdict $status
}
