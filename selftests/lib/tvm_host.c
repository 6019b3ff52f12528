// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block devices of the host that are more than null_blk
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tvm_host.h"

/* What every "make" prints is the device; every "undo" gets it as $1. */
const struct tvm_host_kind tvm_host_kinds[] = {
	{
		.name = "loop",
		.module = "loop",
		.make = "f=/var/tmp/vhatest-loop && truncate -s 32M $f && losetup -f --show $f",
		.undo = "losetup -d $1 && rm -f /var/tmp/vhatest-loop",
	},
	{
		.name = "brd",
		.module = "brd",
		.make = "for i in $(seq 50); do modprobe -r brd && break; sleep .1; done; "
			"modprobe brd rd_nr=1 rd_size=32768 && echo /dev/ram0",
		.undo = "for i in $(seq 50); do modprobe -r brd && exit 0; sleep .1; done; "
			"exit 1",
	},
	{
		.name = "zram",
		.module = "zram",
		.make = "n=$(cat /sys/class/zram-control/hot_add) && "
			"echo 32M >/sys/block/zram$n/disksize && echo /dev/zram$n",
		.undo = "for i in $(seq 50); do "
			"(echo ${1#/dev/zram} >/sys/class/zram-control/hot_remove) && exit 0; "
			"sleep .1; done; exit 1",
	},
	{
		.name = "nbd",
		.module = "nbd",
		.make = "f=/var/tmp/vhatest-nbd && truncate -s 32M $f && "
			"nbd-server -C /dev/null -p /run/vhatest-nbd.pid 127.0.0.1:10899 $f "
			">/dev/null 2>&1 && for i in $(seq 100); do "
			"nbd-client 127.0.0.1 10899 /dev/nbd0 >/dev/null 2>&1 && "
			"echo /dev/nbd0 && break; sleep .1; done",
		.undo = "nbd-client -d $1; kill $(cat /run/vhatest-nbd.pid); "
			"rm -f /var/tmp/vhatest-nbd /run/vhatest-nbd.pid",
	},
	{
		.name = "nvme-tcp",
		.module = "nvmet-tcp",
		.make = "modprobe nvme-tcp && f=/var/tmp/vhatest-nvme && "
			"truncate -s 32M $f && l=$(losetup -f --show $f) && "
			"c=/sys/kernel/config/nvmet && s=$c/subsystems/vhatest && "
			"mkdir -p $s/namespaces/1 $c/ports/77 && "
			"echo 1 >$s/attr_allow_any_host && "
			"echo $l >$s/namespaces/1/device_path && "
			"echo 1 >$s/namespaces/1/enable && "
			"echo tcp >$c/ports/77/addr_trtype && "
			"echo ipv4 >$c/ports/77/addr_adrfam && "
			"echo 127.0.0.1 >$c/ports/77/addr_traddr && "
			"echo 10898 >$c/ports/77/addr_trsvcid && "
			"ln -s $s $c/ports/77/subsystems/ && ip link set lo up && "
			"nvme connect -t tcp -a 127.0.0.1 -s 10898 -n vhatest >/dev/null 2>&1 && "
			"for i in $(seq 100); do "
			"d=$(grep -l vhatest /sys/class/nvme/nvme*/subsysnqn | head -1); "
			"d=/dev/$(basename $(dirname $d))n1; [ -b $d ] && break; sleep .1; done && "
			"echo $d",
		.undo = "nvme disconnect -n vhatest; c=/sys/kernel/config/nvmet; "
			"rm -f $c/ports/77/subsystems/vhatest; rmdir $c/ports/77; "
			"s=$c/subsystems/vhatest; echo 0 >$s/namespaces/1/enable; "
			"l=$(cat $s/namespaces/1/device_path); "
			"rmdir $s/namespaces/1 $s; losetup -d $l; rm -f /var/tmp/vhatest-nvme",
	},
};

const unsigned int tvm_host_kinds_nr = sizeof(tvm_host_kinds) / sizeof(tvm_host_kinds[0]);

/**
 * tvm_host_make() - make a block device
 * @kind: of this kind
 * @path: filled in with its node
 * @size: bytes of @path
 *
 * Return: 0, -ENODEV when the kernel has no such kind, -EIO.
 */
int tvm_host_make(const struct tvm_host_kind *kind, char *path, unsigned int size)
{
	char command[64];
	FILE *pipe;
	int ret;

	snprintf(command, sizeof(command), "modprobe %s 2>/dev/null", kind->module);
	if (system(command))
		return -ENODEV;
	pipe = popen(kind->make, "r");
	if (!pipe)
		return -EIO;
	path[0] = 0;
	if (!fgets(path, size, pipe))
		path[0] = 0;
	path[strcspn(path, "\n")] = 0;
	ret = pclose(pipe);
	return ret || !path[0] ? -EIO : 0;
}

/**
 * tvm_host_undo() - remove a block device
 * @kind: of this kind
 * @path: as tvm_host_make() said
 */
int tvm_host_undo(const struct tvm_host_kind *kind, const char *path)
{
	char command[1024];

	/* Whoever watches for new devices may have it open for a moment. */
	snprintf(command, sizeof(command), "exec 2>/dev/null; set -- %s; %s", path, kind->undo);
	return system(command) ? -EIO : 0;
}
