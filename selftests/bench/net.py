# SPDX-License-Identifier: GPL-2.0-only
"""The net class against the kernel's own vhost-net, through the tiny VMM and
DPDK's virtio_user."""

import net_dpdk
from case import COUNT, Case, Pair, output_of, value_of

PROGRAMS = "/usr/lib/vhost-accel/selftests/bench"
OURS = "/dev/vhost-accel/net"
PEER = "/dev/vhost-net"
VHOST_NET = "vhost-net"
PPS = "packets/s"
TRIPS = "round trips/s"
LENGTHS = (60, 1514)
# Contestants: the node, and the options of the tiny VMM.
NODES = {
    "split": (OURS, ()),
    VHOST_NET: (PEER, ()),
    "packed": (OURS, ("--packed",)),
}


def prepare():
    """Loads the peer."""
    output_of(["modprobe", "-a", "vhost_net", "tun"])


def pairs(aim):
    return (Pair("split", VHOST_NET, aim), Pair("packed", VHOST_NET, aim))


def run_tiny(node, *options):
    return output_of(["env", f"VHA_NET_NODE={node}", f"{PROGRAMS}/net_bench", *options])


def tiny_case(mode, length, unit, aim, quick):
    """Through the tiny VMM; packets or round trips per second."""
    def rate(node, options):
        return lambda settings: value_of(run_tiny(
            node, mode, "--length", str(length), "--seconds", str(settings.seconds), *options),
                                         "pps")
    return Case(f"net/{mode}/{length}",
                {name: rate(node, options) for name, (node, options) in NODES.items()},
                pairs(aim), unit, quick=quick)


def dpdk_case(mode, length):
    """Through virtio_user, with what DPDK asks for on its own."""
    def rate(node, options):
        extra = ",packed_vq=1" if "--packed" in options else ""
        if mode == "txonly":
            return net_dpdk.send_rate(node, length, extra)
        return net_dpdk.receive_rate(PROGRAMS, node, length, extra)
    return Case(f"net/testpmd/{mode}/{length}",
                {name: rate(node, options) for name, (node, options) in NODES.items()},
                pairs(1.5), PPS)


def timed():
    """Cases measured by the clock."""
    return [tiny_case(mode, length, PPS, 1.5, length == LENGTHS[0])
            for mode in ("transmit", "receive") for length in LENGTHS] + \
        [tiny_case("echo", 60, TRIPS, 1, True)] + \
        [dpdk_case(mode, length) for mode in ("txonly", "rxonly") for length in (64, 1500)]


def cost(mode, node, length, options):
    """Instructions per packet, as blk.cost()."""
    def measure(settings):
        spent = [value_of(run_tiny(node, mode, "--length", str(length), "--frames", str(frames),
                                   *options), "cpu_us")
                 for frames in (1, settings.requests, 2 * settings.requests)]
        return (spent[2] - spent[1]) * 1000 / settings.requests
    return measure


def counted():
    """Cases measured by the emulator's count."""
    return [Case(f"net/count/{mode}/{length}",
                 {name: cost(mode, node, length, options)
                  for name, (node, options) in NODES.items()},
                 pairs(None), COUNT, quick=mode != "echo")
            for mode, length in (("transmit", 60), ("transmit", 1514), ("receive", 60),
                                 ("receive", 1514), ("echo", 60))]
