# SPDX-License-Identifier: GPL-2.0-only
"""The blk class in a KVM guest, against what else could serve its disks.

One guest has a disk from each contestant, all equal null_blk devices of the
host, and runs fio on one after the other, round by round.
"""

import os
import shutil
import subprocess
import tempfile
import time
from typing import NamedTuple

from blk import DEPTHS, load_null_blk, null_blk
from case import Case, Failed, Pair, output_of

GUEST = "/share/guest"
QUEUE = "num-queues=1,queue-size=256"
FIRST_SLOT = 0x10
SERVER_SECONDS = 30
ROUND_SECONDS = 60
BOOT_SECONDS = 180


class Disk(NamedTuple):
    """A contestant: what serves it, and QEMU's arguments; {} are filled in."""

    name: str
    server: tuple[str, ...]
    arguments: tuple[str, ...]


def vhost_accel(name, device_options=""):
    return Disk(name, ("vhost-accel", "serve", "blk", "--socket", "{socket}",
                       "--device", "{disk}"), (
        "-chardev", "socket,id={id},path={socket}",
        "-device", f"vhost-user-blk-pci,chardev={{id}},addr={{slot}},{QUEUE}{device_options}"))


def qemu(name, device_options=""):
    return Disk(name, (), (
        "-object", "iothread,id={id}-thread",
        "-blockdev", "driver=host_device,node-name={id},filename={disk},aio=io_uring,"
                     "cache.direct=on",
        "-device", "virtio-blk-pci,drive={id},iothread={id}-thread,addr={slot},"
                   f"{QUEUE}{device_options}"))


def storage_daemon(name):
    return Disk(name, (
        "qemu-storage-daemon", "--object", "iothread,id=thread",
        "--blockdev", "driver=host_device,node-name=disk,filename={disk},aio=io_uring,"
                      "cache.direct=on",
        "--export", "type=vhost-user-blk,id=export,node-name=disk,writable=on,"
                    "iothread=thread,addr.type=unix,addr.path={socket}"), (
        "-chardev", "socket,id={id},path={socket}",
        "-device", f"vhost-user-blk-pci,chardev={{id}},addr={{slot}},{QUEUE}"))


# The daemon has no packed rings.
DISKS = (
    vhost_accel("vhost-accel"),
    qemu("QEMU"),
    storage_daemon("storage daemon"),
    vhost_accel("vhost-accel, packed", ",packed=on"),
    qemu("QEMU, packed", ",packed=on"),
)

PAIRS = (
    Pair("vhost-accel", "QEMU", 5),
    Pair("vhost-accel", "storage daemon", 2),
    Pair("vhost-accel, packed", "QEMU, packed", 5),
)

SCRIPT = """set -e
disk() {
	for name in /sys/block/vd*; do
		case $(readlink -f $name/device) in
		*/0000:00:$1.0/*) echo /dev/${name##*/}; return ;;
		esac
	done
	echo "no disk in slot $1"
	return 1
}
"""

FIO = ("fio --minimal --thread --ioengine=io_uring --fixedbufs --registerfiles --direct=1 "
       "--norandommap --gtod_reduce=1 --rw=randread --bs=4k --time_based --runtime={}ms")


def cases():
    """As timed() of blk; the contestants are not called, see measure()."""
    names = dict.fromkeys(disk.name for disk in DISKS)
    return [Case(f"blk/guest/d{depth}", names, PAIRS, quick=depth == 16) for depth in DEPTHS]


def values(disk, index, directory):
    """What the {} of a disk stand for."""
    return {
        "id": f"disk{index}",
        "disk": f"/dev/guest{index}",
        "slot": f"{FIRST_SLOT + index:#x}",
        "socket": f"{directory}/disk{index}.sock",
    }


def guest_script(depths, settings, rounds):
    """Every other round goes backwards: nobody always runs after the same other."""
    lines = [SCRIPT]
    jobs = [(depth, index) for depth in depths for index in range(len(DISKS))]
    for number in range(rounds):
        command = [FIO.format(int(settings.seconds * 1000))]
        for depth, index in jobs if number % 2 == 0 else reversed(jobs):
            command.append(f"--stonewall --name=d{depth}.{index} --iodepth={depth} "
                           f"--filename=$(disk {FIRST_SLOT + index:02x})")
        lines.append(f"echo round {number}; {' '.join(command)}\n")
    return "".join(lines)


def serve(directory):
    """Starts all servers; returns them and what QEMU needs."""
    servers, arguments = [], []
    load_null_blk()
    for index, disk in enumerate(DISKS):
        known = values(disk, index, directory)
        null_blk(f"guest{index}", 0)
        output_of(["udevadm", "settle"])
        if disk.server:
            log = open(f"{directory}/disk{index}.log", "w", encoding="utf-8")
            servers.append(subprocess.Popen([word.format(**known) for word in disk.server],
                                            stdout=log, stderr=log))
            wait_for(known["socket"], servers[-1], log.name)
        arguments += [word.format(**known) for word in disk.arguments]
    return servers, arguments


def wait_for(path, server, log):
    end = time.monotonic() + SERVER_SECONDS
    while not os.path.exists(path):
        if server.poll() is not None or time.monotonic() > end:
            with open(log, encoding="utf-8") as file:
                raise Failed(f"{path} did not appear:\n{file.read()}")
        time.sleep(0.05)


def parse(lines):
    """One dictionary a round: what each job achieved."""
    rounds = []
    for line in lines:
        fields = line.strip().split(";")
        if line.startswith("round "):
            rounds.append({})
        elif len(fields) > 7 and rounds:
            rounds[-1][fields[2]] = float(fields[7])
    return rounds


def measure(wanted, settings, rounds):
    """Boots the guest; returns {case: {contestant: [value of each round]}}."""
    depths = [depth for depth in DEPTHS if any(case.name.endswith(f"/d{depth}")
                                               for case in wanted)]
    with tempfile.TemporaryDirectory() as directory:
        script = f"{directory}/script"
        with open(script, "w", encoding="ascii") as file:
            file.write(guest_script(depths, settings, rounds))
        servers, arguments = serve(directory)
        try:
            # QEMU reads the kernel from memory faster than from the share.
            shutil.copytree(GUEST, f"{directory}/guest")
            output = output_of([f"{directory}/guest/run", "--timeout",
                                str(BOOT_SECONDS + rounds * ROUND_SECONDS), script, *arguments],
                               BOOT_SECONDS + (rounds + 1) * ROUND_SECONDS)
        finally:
            for server in servers:
                server.terminate()
                server.wait()
    achieved = parse(output.splitlines())
    if len(achieved) != rounds or any(len(one) != len(depths) * len(DISKS) for one in achieved):
        raise Failed(f"the guest did not finish:\n{output}")
    return {f"blk/guest/d{depth}": {
        disk.name: [one[f"d{depth}.{index}"] for one in achieved]
        for index, disk in enumerate(DISKS)} for depth in depths}
