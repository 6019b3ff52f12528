# SPDX-License-Identifier: GPL-2.0-only
"""The vsock class through the tiny VMM, against vhost_vsock in the same boot; one
module at a time can serve, so they change places within each round."""

import os
import subprocess
import time

from case import COUNT, Case, Failed, Pair, output_of, value_of

PROGRAM = "/usr/lib/vhost-accel/selftests/bench/vsock_bench"
OURS, THEIRS = "vhost_accel_vsock", "vhost_vsock"
NODES = {OURS: "/dev/vhost-accel/vsock", THEIRS: "/dev/vhost-vsock"}
UNLOAD_SECONDS = 60
SIZES = {"4k": 4096, "64k": 65536, "1m": 1048576}


def unload(module):
    """Sockets that were closed without an answer keep it for some seconds."""
    end = time.monotonic() + UNLOAD_SECONDS
    while os.path.exists(f"/sys/module/{module}"):
        if subprocess.run(["modprobe", "-r", "-q", module], capture_output=True,
                          check=False).returncode == 0:
            continue
        if time.monotonic() > end:
            raise Failed(f"{module} stays in use")
        time.sleep(0.2)


def use(module):
    """Has this one serve guests."""
    unload(THEIRS if module == OURS else OURS)
    output_of(["modprobe", module])


def command(module, mode, *options):
    return [PROGRAM, "--node", NODES[module], "--mode", mode, *options]


def rate(module, mode, *options):
    def measure(settings):
        use(module)
        return value_of(output_of(command(module, mode, "--seconds", str(settings.seconds),
                                          *options)), "rate")
    return measure


def cost(module, mode, *options):
    """Instructions per call: what twice the calls take beyond once."""
    def measure(settings):
        use(module)
        calls = max(settings.requests // 8, 100)
        spent = [value_of(output_of(command(module, mode, "--requests", str(n), *options),
                                    None), "cpu_us")
                 for n in (1, calls, 2 * calls)]
        return (spent[2] - spent[1]) * 1000 / calls
    return measure


def latency(module, mode, *options):
    """Time of a round trip where the clock counts instructions, of all that run."""
    def measure(settings):
        use(module)
        trips = max(settings.requests // 40, 50)
        output = output_of(command(module, mode, "--requests", str(trips), *options), None)
        return value_of(output, "ns") / trips
    return measure


def case_of(name, function, mode, aim, *options, **more):
    """Ours in both formats and theirs, which has one."""
    return Case(name, {
        "split": function(OURS, mode, *options),
        "packed": function(OURS, mode, "--packed", *options),
        THEIRS: function(THEIRS, mode, *options),
    }, (Pair("split", THEIRS, aim), Pair("packed", THEIRS, aim)), **more)


def timed():
    """Cases measured by the clock."""
    cases = [case_of(f"vsock/{mode}/{name}", rate, mode, 1.5, "--size", str(size),
                     quick=name == "64k")
             for mode in ("to-guest", "from-guest") for name, size in SIZES.items()]
    return cases + [case_of("vsock/ping", rate, "ping", 1),
                    case_of("vsock/mixed", rate, "mixed", 2, quick=True)]


def counted():
    """Cases measured by the emulator's count."""
    cases = [case_of(f"vsock/count/{mode}/{name}", cost, mode, None, "--size", str(size),
                     unit=COUNT, quick=name == "64k")
             for mode in ("to-guest", "from-guest") for name, size in SIZES.items()]
    return cases + [case_of("vsock/count/ping", cost, "ping", None, unit=COUNT),
                    case_of("vsock/count/mixed", latency, "mixed", None, unit=COUNT)]
