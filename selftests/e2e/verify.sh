# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2046,SC2154,SC2207 # shared names, lists of words
# Guests write to disks of every kind and read back what they wrote: both ring
# formats, one and four queues, an unprivileged server, an image file, and
# backing devices of all sorts.  The image grows under the guest.

BACKINGS="zram loop dm nbd nvme"

# Devices, each left in the shell variable of its name.
make_zram() {
	modprobe zram num_devices=1
	echo 64M >/sys/block/zram0/disksize
	zram=/dev/zram0
}

make_loop() {
	loop=$(losetup -f --show --direct-io=on "$(image_file loop.img 64)")
}

make_dm() {
	memory_disk e2edm 64
	modprobe dm-mod
	echo "0 65536 linear /dev/e2edm 65536
65536 65536 linear /dev/e2edm 0" | dmsetup create e2e
	dm=/dev/mapper/e2e
}

make_nbd() {
	modprobe nbd nbds_max=1
	printf '[generic]\n[disk]\nexportname = %s\nflush = true\nfua = true\n' \
		"$(image_file nbd.img 64)" >"$WORK/nbd.conf"
	nbd-server -C "$WORK/nbd.conf" || return 1
	wait_for 20 nbd-client 127.0.0.1 -N disk /dev/nbd0
	nbd=/dev/nbd0
}

make_nvme() {
	local subsystem=/sys/kernel/config/nvmet/subsystems/e2e port=/sys/kernel/config/nvmet/ports/1

	modprobe -a nvmet nvmet-tcp nvme-tcp
	memory_disk e2envme 64
	mkdir -p $subsystem/namespaces/1 $port
	echo 1 >$subsystem/attr_allow_any_host
	echo /dev/e2envme >$subsystem/namespaces/1/device_path
	echo 1 >$subsystem/namespaces/1/enable
	echo tcp >$port/addr_trtype
	echo ipv4 >$port/addr_adrfam
	echo 127.0.0.1 >$port/addr_traddr
	echo 4420 >$port/addr_trsvcid
	ln -s $subsystem $port/subsystems/e2e
	nvme connect -t tcp -a 127.0.0.1 -s 4420 -n e2e -i 2 >/dev/null || return 1
	wait_for 20 test -b /dev/nvme0n1
	nvme=/dev/nvme0n1
}

serve_memory() {
	memory_disk "e2e$1" 64 && serve "$1" --device "/dev/e2e$1"
}

serve_backing() {
	"make_$1" && serve "$1" --device "${!1}"
}

serve_unprivileged() {
	local image

	image=$(image_file unprivileged.img 64)
	chown nobody "$image"
	SERVE_AS=nobody
	serve unprivileged --image "$image"
}

# end_guest NAMES: the guest's own verdict, and the end of what served it.
end_guest() {
	local name

	wait "$GUEST"
	test_result $? "$GUEST_NAME.guest"
	for name in $1; do
		check "$GUEST_NAME.$name.verify" said "$GUEST_NAME" "result verify $name"
	done
	explain "$GUEST_NAME"
	for name in $1; do
		stop_serve "$name" 2>/dev/null
	done
}

test_verify() {
	local name disks=() names="split1 packed1 unprivileged $BACKINGS"

	check verify.split1.serve serve_memory split1
	check verify.packed1.serve serve_memory packed1
	check verify.unprivileged.serve serve_unprivileged
	SERVE_AS=
	for name in $BACKINGS; do
		check "verify.$name.serve" serve_backing "$name"
	done
	for name in $names; do
		case $name in
		packed1) disks+=($(disk "$name" num-queues=1,packed=on)) ;;
		*) disks+=($(disk "$name" num-queues=1)) ;;
		esac
	done
	guest verify --timeout 300 --append "names=${names// /,} resize=unprivileged" \
		"$E2E/verify-guest.sh" "${disks[@]}"
	if wait_for 250 said verify 'ready for resize'; then
		truncate -s 96M "$WORK/images/unprivileged.img"
	fi
	end_guest "$names"
	check verify.packed1.negotiated said verify 'result packed packed1 1'
	check verify.split1.negotiated said verify 'result packed split1 0'
	check verify.resize said verify 'result resize 196608'
}

# Queues are no more than processors, and those are slow when emulated.
test_queues() {
	check queues.split4.serve serve_memory split4
	check queues.packed4.serve serve_memory packed4
	guest queues --smp 4 --timeout 300 --append names=split4,packed4 "$E2E/verify-guest.sh" \
		$(disk split4 num-queues=4) $(disk packed4 num-queues=4,packed=on)
	end_guest "split4 packed4"
	check queues.split4.number said queues 'result queues split4 4'
	check queues.packed4.number said queues 'result queues packed4 4'
	check queues.packed4.negotiated said queues 'result packed packed4 1'
}
