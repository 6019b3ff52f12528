# SPDX-License-Identifier: GPL-2.0-only
"""The net class in a KVM guest, against vhost-net.

One guest has a device on each contestant's node and talks to the host through
one after the other, round by round.
"""

import fcntl
import os
import shutil
import struct
import subprocess
import tempfile
from typing import NamedTuple

from case import Case, Failed, Pair, output_of
from net import OURS, PEER, PROGRAMS

GUEST = "/share/guest"
ROUND_SECONDS = 90
BOOT_SECONDS = 240
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000


class Nic(NamedTuple):
    """A contestant: its node and the options of the device."""

    name: str
    node: str
    options: str


NICS = (
    Nic("vhost-net", PEER, ""),
    Nic("split", OURS, ""),
    Nic("packed", OURS, ",packed=on"),
)

# Name: unit, what the guest runs, the ratio to reach.
CASES = {
    "net/guest/tcp": ("Mbit/s", "iperf3 -f m -c $host -t $seconds", 1.2),
    "net/guest/tcp reverse": ("Mbit/s", "iperf3 -f m -c $host -t $seconds -R", 1.2),
    "net/guest/tcp_rr": ("round trips/s", "/tmp/net_rr ask $host 5300 $seconds", 1.0),
}

SCRIPT = """cat /sys/firmware/qemu_fw_cfg/by_name/opt/net_rr/raw >/tmp/net_rr
chmod +x /tmp/net_rr
for dir in /sys/class/net/eth*; do
	number=$(cut -d : -f 6 $dir/address)
	ip addr add 10.77.${{number#0}}.2/24 dev ${{dir##*/}}
	ip link set ${{dir##*/}} up
done
seconds={seconds}
run() {{
	host=10.77.$2.1
	case $1 in
{commands}
	esac >/tmp/out 2>&1 || cat /tmp/out
	value=$(sed -n 's/^rate=//p; s/.* \\([0-9.]*\\) Mbits.sec.*receiver.*/\\1/p' /tmp/out)
	echo "value $1 $2 $value"
}}
"""


def cases():
    """As cases() of net; the contestants are not called, see measure()."""
    names = dict.fromkeys(nic.name for nic in NICS)
    return [Case(name, names, tuple(Pair(nic.name, NICS[0].name, aim) for nic in NICS[1:]), unit,
                 quick=True) for name, (unit, _, aim) in CASES.items()]


def guest_script(wanted, settings, rounds):
    """Every other round goes backwards: nobody always runs after the same other."""
    known = list(CASES)
    commands = "\n".join(f"\t{known.index(name)}) {CASES[name][1]} ;;" for name in known)
    lines = [SCRIPT.format(seconds=max(1, round(settings.seconds)), commands=commands)]
    jobs = [(known.index(case.name), number) for case in wanted
            for number in range(1, len(NICS) + 1)]
    for number in range(rounds):
        lines += [f"run {job} {nic}\n" for job, nic in (jobs if number % 2 == 0
                                                        else reversed(jobs))]
    return "".join(lines)


def open_tap(name):
    """A new tap with a virtio-net header."""
    fd = os.open("/dev/net/tun", os.O_RDWR)
    flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    return fd


def plug(number, nic):
    """Makes the host's end of a device; returns QEMU's arguments and the descriptors in them."""
    tap, node = open_tap(f"guest{number}"), os.open(nic.node, os.O_RDWR)
    output_of(["ip", "link", "set", f"guest{number}", "up"])
    output_of(["ip", "addr", "add", f"10.77.{number}.1/24", "dev", f"guest{number}"])
    return (tap, node), [
        "-netdev", f"tap,id=net{number},fd={tap},vhost=on,vhostfd={node}",
        "-device", f"virtio-net-pci,netdev=net{number},romfile=,mac=52:54:00:77:00:0{number}"
                   f"{nic.options}"]


def run_guest(directory, script, seconds):
    """Returns what the guest printed."""
    fds, arguments = [], []
    for number, nic in enumerate(NICS, 1):
        opened, more = plug(number, nic)
        fds += opened
        arguments += more
    servers = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in (
        ["iperf3", "-s"], [f"{PROGRAMS}/net_rr", "serve", "5300"])]
    try:
        done = subprocess.run(
            [f"{directory}/guest/run", "--timeout", str(seconds), script,
             "-fw_cfg", f"name=opt/net_rr,file={PROGRAMS}/net_rr", *arguments],
            pass_fds=fds, capture_output=True, text=True, timeout=seconds + 60, check=False)
    finally:
        for server in servers:
            server.terminate()
            server.wait()
        for fd in fds:
            os.close(fd)
    return done.stdout + done.stderr


def measure(wanted, settings, rounds):
    """Boots the guest; returns {case: {contestant: [value of each round]}}."""
    output_of(["modprobe", "-a", "tun", "vhost_net"])
    with tempfile.TemporaryDirectory() as directory:
        script = f"{directory}/script"
        with open(script, "w", encoding="ascii") as file:
            file.write(guest_script(wanted, settings, rounds))
        # QEMU reads the kernel from memory faster than from the share.
        shutil.copytree(GUEST, f"{directory}/guest")
        output = run_guest(directory, script, BOOT_SECONDS + rounds * ROUND_SECONDS)
    values = {case.name: {nic.name: [] for nic in NICS} for case in wanted}
    for line in output.splitlines():
        words = line.split()
        if len(words) == 4 and words[0] == "value":
            case = list(CASES)[int(words[1])]
            values[case][NICS[int(words[2]) - 1].name].append(float(words[3]))
    if any(len(one) != rounds for case in values.values() for one in case.values()):
        raise Failed(f"the guest did not finish:\n{output}")
    return values
