# SPDX-License-Identifier: GPL-2.0-only
"""DPDK's virtio_user on the net class and on vhost-net, each with a tap of its own:
testpmd only sends, or only receives what net_wire floods the tap with."""

import contextlib
import os
import re
import subprocess
import tempfile
import time

from case import Failed, output_of

TAP = "dpbench"
HUGE_PAGES = "/proc/sys/vm/nr_hugepages"
WAIT_SECONDS = 120
# Time for the first packets, after which counting begins.
WARM_SECONDS = 0.3


class Testpmd:
    """One that runs, with one port."""

    def __init__(self, process, log):
        self.process, self.log = process, log

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def wait_for(self, pattern, times=1):
        """What the pattern found last, once it is there as often."""
        end = time.monotonic() + WAIT_SECONDS
        while True:
            found = re.findall(pattern, self.said(), re.MULTILINE)
            if len(found) >= times:
                return found[-1]
            if time.monotonic() > end or self.process.poll() is not None:
                raise Failed(f"testpmd: no {pattern} in:\n{self.said()}")
            time.sleep(0.01)

    def order(self, command):
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def packets(self, direction, number):
        """Of the port so far, asked for the number-th time, and when that was."""
        self.order("show port stats 0")
        count = self.wait_for(rf"{direction}-packets: +(\d+)", number)
        return int(count), time.monotonic()


def set_huge_pages(number):
    with open(HUGE_PAGES, "w", encoding="ascii") as file:
        file.write(str(number))


@contextlib.contextmanager
def testpmd(node, forward, length, options):
    """Runs it, its tap up."""
    set_huge_pages(192)
    command = ["stdbuf", "-oL", "dpdk-testpmd", "-l", "0,1", "--no-pci", "--in-memory",
               "--no-telemetry", "-m", "256", "-d", "librte_net_virtio.so",
               "-d", "librte_mempool_ring.so",
               f"--vdev=net_virtio_user0,path={node},queues=1,queue_size=1024,iface={TAP}{options}",
               "--", "-i", f"--forward-mode={forward}", "--total-num-mbufs=16384",
               f"--txpkts={length}"]
    with tempfile.TemporaryFile("w+") as log, \
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log,
                             stderr=subprocess.STDOUT, text=True) as process:
        try:
            running = Testpmd(process, log)
            running.wait_for("^testpmd>")
            output_of(["ip", "link", "set", TAP, "up"])
            running.order("start")
            running.wait_for(f"^ *{forward} packet forwarding - ports")
            yield running
            running.order("quit")
            process.wait(WAIT_SECONDS)
        finally:
            process.kill()
            process.wait()
            set_huge_pages(0)


def measured(running, direction, seconds):
    """Packets per second, from the port's own counters."""
    time.sleep(WARM_SECONDS)
    before, begin = running.packets(direction, 1)
    time.sleep(seconds)
    after, end = running.packets(direction, 2)
    if after == before:
        raise Failed(f"testpmd: no {direction} packets in:\n{running.said()}")
    return (after - before) / (end - begin)


def send_rate(node, length, options):
    def measure(settings):
        with testpmd(node, "txonly", length, options) as running:
            return measured(running, "TX", settings.seconds)
    return measure


def receive_rate(programs, node, length, options):
    """The flood lasts longer than what is counted."""
    def measure(settings):
        with testpmd(node, "rxonly", length, options) as running:
            flood = [os.path.join(programs, "net_wire"), "flood", "--length", str(length),
                     "--seconds", str(settings.seconds + 10 * WARM_SECONDS), TAP]
            with subprocess.Popen(flood, stdout=subprocess.DEVNULL) as process:
                try:
                    return measured(running, "RX", settings.seconds)
                finally:
                    process.kill()
    return measure
