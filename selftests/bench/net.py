# SPDX-License-Identifier: GPL-2.0-only
"""The net class under DPDK's virtio_user, against vhost-net.

One testpmd has a port on each contestant; one after the other works, round by
round, while the others' queues stay empty.
"""

import re
import subprocess
import threading
import time
from typing import NamedTuple

from case import Case, Failed, Pair, output_of

PROGRAMS = "/usr/lib/vhost-accel/selftests/bench"
OURS, PEER = "/dev/vhost-accel/net", "/dev/vhost-net"
RATE = "packets/s"
LENGTHS = (64, 1500)
START_SECONDS = 180


class Port(NamedTuple):
    """A contestant: its node and how the queues are laid out."""

    name: str
    node: str
    options: str


PORTS = (
    Port("vhost-net", PEER, "in_order=0"),
    Port("split", OURS, "in_order=0"),
    Port("packed", OURS, "packed_vq=1,in_order=0"),
    Port("packed, in order", OURS, "packed_vq=1,in_order=1"),
)
PAIRS = (Pair("split", "vhost-net", 1.5), Pair("packed", "vhost-net", 1.5),
         Pair("packed, in order", "vhost-net", 1.5))


class Testpmd:
    """The one that runs, or None."""

    running = None

    def __init__(self):
        devices = [f"--vdev=net_virtio_user{number},path={port.node},queues=1,queue_size=256,"
                   f"iface=bench{number},mrg_rxbuf=1,{port.options}"
                   for number, port in enumerate(PORTS)]
        self.process = subprocess.Popen(
            ["dpdk-testpmd", "-l", "0,1", "--no-pci", "--in-memory", "--no-telemetry", "-m", "256",
             "-d", "librte_net_virtio.so", "-d", "librte_mempool_ring.so", *devices, "--", "-i",
             "--total-num-mbufs=16384"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.text = ""
        threading.Thread(target=self.read, daemon=True).start()
        self.answer("", START_SECONDS)
        for number in range(len(PORTS)):
            output_of(["ip", "link", "set", f"bench{number}", "up", "mtu", "9000"])

    def read(self):
        """Collects the output, which has prompts without a new line."""
        while True:
            byte = self.process.stdout.read(1)
            if not byte:
                return
            self.text += byte

    def answer(self, command, seconds=30):
        """Gives a command and returns what comes up to the next prompt."""
        begin = len(self.text)
        if command:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        end = time.monotonic() + seconds
        while "testpmd> " not in self.text[begin:]:
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failed(f"testpmd did not answer {command!r}:\n{self.text[-2000:]}")
            time.sleep(0.01)
        return self.text[begin:]

    def packets(self, port, direction):
        """RX or TX packets of a port so far."""
        found = re.search(rf"{direction}-packets:\s*(\d+)", self.answer(f"show port stats {port}"))
        if not found:
            raise Failed(f"no {direction} packets of port {port}:\n{self.text[-2000:]}")
        return int(found[1])

    def forward(self, port, mode, length):
        """Lets one port work, until stop()."""
        self.answer(f"set portlist {port}")
        self.answer(f"set fwd {mode}")
        self.answer(f"set txpkts {length}")
        self.answer("start")

    def stop(self):
        self.answer("stop")


def testpmd():
    if not Testpmd.running:
        Testpmd.running = Testpmd()
    return Testpmd.running


def tap_packets(port):
    """What has come out of a port's tap."""
    with open(f"/sys/class/net/bench{port}/statistics/rx_packets", encoding="ascii") as file:
        return int(file.read())


def sampled(count, seconds):
    """How much more it is a second."""
    begin, start = count(), time.monotonic()
    time.sleep(seconds)
    return (count() - begin) / (time.monotonic() - start)


def transmitted(port, length):
    def measure(settings):
        testpmd().forward(port, "txonly", length)
        time.sleep(0.2)
        rate = sampled(lambda: tap_packets(port), settings.seconds)
        testpmd().stop()
        return rate
    return measure


def received(port, length):
    def measure(settings):
        tester = testpmd()
        tester.forward(port, "rxonly", 64)
        flood = subprocess.Popen([f"{PROGRAMS}/net_wire", "flood", "--length", str(length),
                                  "--seconds", str(settings.seconds + 0.5), f"bench{port}"],
                                 stdout=subprocess.DEVNULL)
        time.sleep(0.2)
        rate = sampled(lambda: tester.packets(port, "RX"), settings.seconds)
        flood.wait()
        tester.stop()
        return rate
    return measure


def prepare():
    """Everything but testpmd, which starts with the first measurement."""
    output_of(["modprobe", "-a", "tun", "vhost_net"])
    for path, value in (("/proc/sys/vm/nr_hugepages", "192"),
                        ("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"),
                        ("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")):
        with open(path, "w", encoding="ascii") as file:
            file.write(value)


def cases():
    """Packets a second, out of the guest's place and into it."""
    found = []
    for direction, measure in (("tx", transmitted), ("rx", received)):
        for length in LENGTHS:
            contestants = {port.name: measure(number, length) for number, port in enumerate(PORTS)}
            found.append(Case(f"net/{direction}only/{length}", contestants, PAIRS, RATE,
                              quick=length == 64))
    return found
