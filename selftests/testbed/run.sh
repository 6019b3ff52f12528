#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Whether "scripts/testbed run" fails when the kernel complains, as TAP: with logs
# that were recorded, with mistakes that a module makes in two host VMs with the
# debug kernel, and with one in Debian's.  And what is said on a machine where nothing
# of all this is possible.
set -u

SRC=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
for part in common vm; do
	# shellcheck source=/dev/null
	. "$SRC/scripts/lib/$part.sh"
done
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
NUMBER=0 FAILED=0

# result STATUS NAME [OUTPUT]
result() {
	NUMBER=$((NUMBER + 1))
	if [ "$1" = 0 ]; then
		echo "ok $NUMBER - $2"
	else
		echo "not ok $NUMBER - $2"
		[ -z "${3:-}" ] || sed 's/^/# /' "$3"
		FAILED=1
	fi
}

# judge: what testbed makes of the log in $RUN.
judge() {
	# shellcheck disable=SC2034 # for no_splats
	local ALLOW_SPLATS=

	no_splats 2>"$WORK/said"
}

# recorded NAME: as on standard input, after the kernel's first line.
recorded() {
	RUN=$WORK/recorded/$1
	mkdir -p "$RUN"
	{
		echo '<5>[    0.000000] Linux version 7.3.4-vha-debug (gcc) #1 SMP PREEMPT'
		cat
	} >"$RUN/dmesg"
}

# good NAME, bad NAME: the log on standard input is as it should be, or not.
good() {
	recorded "$1"
	judge
	result $? "recorded.$1" "$WORK/said"
}

bad() {
	recorded "$1"
	! judge
	result $? "recorded.$1" "$RUN/dmesg"
}

# What a healthy kernel, programs and udev say.
good_logs() {
	good ordinary <<-'END'
		<6>[    0.180000] Spectre V2 : Mitigation: Retpolines
		<6>[    0.412340] kmemleak: Kernel memory leak detector initialized (mem pool available: 15804)
		<6>[    0.512340] [Firmware Bug]: TSC ADJUST: CPU0: 0 force to 0
		<6>[    2.112340] ODE: not an object
		<4>[    9.412340] vhost_accel: loading out-of-tree module taints kernel.
		<3>[   60.001000] I/O error, dev nullb0, sector 8 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2
		<6>[   99.000100] INFO: 2 lines of text
	END
	good shortage <<-'END'
		<4>[  164.446900] fault: vmalloc error: size 16384, failed to allocate pages, mode:0xdc2(GFP_KERNEL|__GFP_HIGHMEM|__GFP_ZERO), nodemask=(null),cpuset=/,mems_allowed=0
		<4>[  164.446950] CPU: 1 UID: 0 PID: 512 Comm: fault Tainted: G           O        7.3.4-vha-debug #1 PREEMPT
		<4>[  164.446994] Call Trace:
		<4>[  164.447138]  <TASK>
		<4>[  164.447314]  dump_stack_lvl+0x5f/0x80
		<4>[  164.450090]  </TASK>
		<4>[  164.460090] Mem-Info:
	END
	good programs <<-'END'
		<14>[   20.001000] testbed: BUG: WARNING: Call Trace: KASAN: kmemleak: 7 new leaks
		<30>[   21.001000] udevd[77]: WARNING: BUG: Oops: INFO: task x blocked
		<12>[   22.001000] not ok 7 - UBSAN: ODEBUG: rcu: INFO
	END
}

# What can not be had in a few seconds.
bad_logs() {
	bad hung_task <<-'END'
		<3>[  361.412340] INFO: task fio:512 blocked for more than 180 seconds.
	END
	bad rcu_stall <<-'END'
		<3>[  161.412340] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
	END
	bad soft_lockup <<-'END'
		<0>[  161.412340] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [vhost-512:514]
	END
	bad wait_context <<-'END'
		<4>[   61.412340] [ BUG: Invalid wait context ]
	END
	bad stock_warning <<-'END'
		<4>[   61.412340] ------------[ cut here ]------------
		<4>[   61.412350] refcount_t: underflow; use-after-free.
		<4>[   61.412360] WARNING: CPU: 1 PID: 512 at lib/refcount.c:28 refcount_warn_saturate+0xbe/0x110
	END
	bad stock_oops <<-'END'
		<1>[   61.412340] BUG: kernel NULL pointer dereference, address: 0000000000000008
		<4>[   61.412350] Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI
	END
	bad slab_poison <<-'END'
		<3>[   61.412340] BUG kmalloc-64 (Tainted: G           O       ): Poison overwritten
	END
	bad slab_remains <<-'END'
		<3>[   61.412340] BUG vha_request (Tainted: G           O       ): Objects remaining on __kmem_cache_shutdown()
	END
	bad page_state <<-'END'
		<1>[   61.412340] BUG: Bad page state in process vhost-512  pfn:11a2b
	END
	bad lock_tables_full <<-'END'
		<3>[   61.412340] BUG: MAX_LOCKDEP_CHAINS too low!
		<3>[   61.412350] turning off the locking correctness validator.
	END
	bad objects_off <<-'END'
		<4>[   61.412340] ODEBUG: Out of memory. ODEBUG disabled
	END
	bad leak_counted <<-'END'
		<6>[   61.412340] kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
	END
	bad leaks_off <<-'END'
		<6>[   61.412340] kmemleak: Kernel memory leak detector disabled
	END
	bad stack_alone <<-'END'
		<3>[   61.412340] INFO: trying to register non-static key.
		<4>[   61.412350] CPU: 0 UID: 0 PID: 512 Comm: fio
		<4>[   61.412360] Call Trace:
	END
	bad after_shortage <<-'END'
		<4>[  164.446900] fault: vmalloc error: size 16384, failed to allocate pages, mode:0xdc2(GFP_KERNEL|__GFP_HIGHMEM|__GFP_ZERO), nodemask=(null),cpuset=/,mems_allowed=0
		<4>[  164.446994] Call Trace:
		<4>[  164.447138]  <TASK>
		<4>[  164.447314]  dump_stack_lvl+0x5f/0x80
		<4>[  164.450090] BUG: sleeping function called from invalid context at mm/slub.c:77
	END
	bad second_trace <<-'END'
		<4>[  164.446900] fault: vmalloc error: size 16384, failed to allocate pages, mode:0xdc2(GFP_KERNEL|__GFP_HIGHMEM|__GFP_ZERO), nodemask=(null),cpuset=/,mems_allowed=0
		<4>[  164.446994] Call Trace:
		<4>[  164.450090]  </TASK>
		<4>[  164.450190] Call Trace:
	END
	bad later_line <<-'END'
		<6>[   61.412340] nothing
		<14>[   62.412340] testbed: exit status 0
		<4>[   63.412340] WARNING: drivers/core/queue.c:77 at vha_queue_create+0x1/0x2, CPU#0: fio/512
	END
}

# What is not in the log at all.
other_signs() {
	recorded leaks </dev/null
	echo 'unreferenced object 0xffff888100000000 (size 64):' >"$RUN/leaks"
	! judge
	result $? recorded.leaks

	recorded lost </dev/null
	echo '<6>[   61.412340] the oldest line there is' >"$RUN/dmesg"
	! judge
	result $? recorded.lost

	recorded missing </dev/null
	rm "$RUN/dmesg"
	! judge
	result $? recorded.missing
}

# What the kernel says of each mistake that it survives.  Lockdep stops after what
# it finds, and when memory was damaged: it comes first.
MISTAKES='
no_read_lock       suspicious RCU usage
lock_order         possible circular locking dependency
sleep_in_atomic    sleeping function called from invalid context
use_after_free     KASAN: slab-use-after-free in use_after_free
out_of_bounds      KASAN: slab-out-of-bounds in out_of_bounds
free_active_timer  ODEBUG: free active
wide_shift         UBSAN: shift-out-of-bounds
warn               made on purpose
'

in_debug_vm() {
	"$SRC/scripts/testbed" run --kernel debug --share "$WORK/share" --timeout 600 "$@" \
		>"$WORK/output" 2>&1 </dev/null
}

# Each is judged alone.  The run as a whole fails at the leak, which comes first.
survived_mistakes() {
	local status what text names

	mkdir -p "$WORK/share"
	cp "$SRC/selftests/testbed/mistakes.sh" "$WORK/share"
	names=$(awk '{ print $1 }' <<<"$MISTAKES")
	# shellcheck disable=SC2086 # a list of words
	in_debug_vm --append "panic_on_warn=0 kasan_multi_shot" -- /share/mistakes.sh $names
	status=$?
	while read -r what text; do
		[ -n "$what" ] || continue
		recorded "$what" <"$WORK/share/$what"
		! judge && grep -q -F "$text" "$RUN/dmesg"
		result $? "mistake.$what" "$RUN/dmesg"
	done <<<"$MISTAKES"
	[ $status = 125 ] && grep -q 'kmemleak found leaks' "$WORK/output" &&
		grep -q 'leak+0x.*\[mistake\]' "$WORK/output"
	result $? mistake.leak "$WORK/output"
}

# Left as it is by default, the debug kernel stops at the first warning.
deadly_mistake() {
	in_debug_vm -- modprobe mistake what=warn
	[ $? = 125 ] && grep -q 'the host VM died' "$WORK/output" &&
		grep -q 'made on purpose' "$WORK/output"
	result $? mistake.deadly "$WORK/output"
}

# Debian's kernel goes on, and so does the command, which knows of nothing.
stock_mistake() {
	# shellcheck disable=SC2016 # expanded in there
	"$SRC/scripts/testbed" chroot --bind "$WORK/share:/run/module" -- sh -e -c '
		cp kunit/mistake.c /run/module
		echo "obj-m := mistake.o" >/run/module/Kbuild
		make -s -C /lib/modules/7.3.*/build M=/run/module modules' >"$WORK/output" 2>&1 &&
		"$SRC/scripts/testbed" run --kernel 7.3 --modules none --share "$WORK/share" \
			-- sh -c 'insmod mistake.ko what=warn && echo unharmed' \
			>"$WORK/output" 2>&1 </dev/null
	[ $? = 125 ] && grep -q -x unharmed "$WORK/output" &&
		grep -q 'the kernel complained' "$WORK/output" &&
		grep -q 'made on purpose' "$WORK/output"
	result $? mistake.stock "$WORK/output"
}

# refuses NAME WHY COMMAND...: it fails, and says why in its last line; at most what
# it was about to do comes before.
refuses() {
	local name=$1 why=$2

	shift 2
	! "$@" >/dev/null 2>"$WORK/said" </dev/null &&
		tail -n 1 "$WORK/said" | grep -q "^testbed: error: .*$why" &&
		[ "$(wc -l <"$WORK/said")" -le 2 ]
	result $? "refuses.$name" "$WORK/said"
}

refusals() {
	local scratch=$CACHE/refused-$$ script

	chmod 755 "$WORK"
	copy_sources "$WORK/tree" scripts
	mkdir -p "$WORK/small" "$scratch"
	for script in "$WORK/tree/scripts/demo" "$WORK/tree/scripts/test"; do
		refuses "${script##*/}.privileges" 'needs root' \
			setpriv --reuid 65534 --regid 65534 --clear-groups "$script"
		# shellcheck disable=SC2016 # expanded in there
		refuses "${script##*/}.space" 'GiB free' unshare --mount sh -c '
			mount -t tmpfs -o size=64m none "$0" && VHOST_ACCEL_CACHE=$0 "$1"' \
			"$WORK/small" "$script"
		refuses "${script##*/}.network" 'cannot be reached' \
			env VHOST_ACCEL_CACHE="$scratch" unshare --net "$script"
	done
	rm -rf "$scratch"
}

echo TAP version 13
refusals
good_logs
bad_logs
other_signs
survived_mistakes
deadly_mistake
stock_mistake
echo "1..$NUMBER"
exit $FAILED
