# SPDX-License-Identifier: GPL-2.0-only
"""The can class through the tiny VMM, with a program of the host on the other side
of the bus, against two programs of the host on the same bus."""

import contextlib
import os
import subprocess

from case import COUNT, CPU_TIME, Case, Pair, output_of, value_of

BENCH = "/usr/lib/vhost-accel/selftests/bench/can_bench"
BUS = "vhabench"
POLL_US = 200
PAIR = "two programs"
FPS = "frames/s"
TRIPS = "round trips/s"

# Frames per second of a bus that is never idle: a classic frame with 8 bytes and the
# gap behind it has 111 bits without stuff bits; one of CAN FD with 64 bytes has 30 of
# them at 1 Mbit/s and 560 at 8 Mbit/s.
BUSES = {
    "1M": (9009, ("--length", "8")),
    "8M": (10000, ("--length", "64")),
}


def prepare():
    """Makes the bus."""
    if os.path.exists(f"/sys/class/net/{BUS}"):
        return
    output_of(["modprobe", "-a", "can-raw", "vcan"])
    output_of(["ip", "link", "add", BUS, "type", "vcan"])
    output_of(["ip", "link", "set", BUS, "up"])


def command(mode, *options):
    return [BENCH, *options, mode, BUS]


def rate(mode, *options):
    """Frames that arrived per second."""
    def measure(settings):
        return value_of(output_of(command(mode, "--seconds", str(settings.seconds), *options)),
                        "fps")
    return measure


def trips(*options):
    """Round trips per second."""
    def measure(settings):
        line = output_of(command("echo", "--seconds", str(settings.seconds), *options))
        return 1e9 / value_of(line, "rtt_ns")
    return measure


def full_rate(mode):
    return Case(f"can/{mode}", {
        "split": rate(mode),
        PAIR: rate(mode, "--pair"),
        "packed": rate(mode, "--packed"),
    }, (Pair("split", PAIR, 0.9), Pair("packed", PAIR, 0.9)), FPS, quick=True)


def round_trip():
    """The aim is a time, 1.3 times the pair's at most."""
    return Case("can/echo", {
        "split": trips(),
        PAIR: trips("--pair"),
        "packed": trips("--packed"),
        "split, polling": trips("--poll-us", str(POLL_US)),
    }, (Pair("split", PAIR, 0.77), Pair("packed", PAIR, 0.77),
        Pair("split, polling", PAIR, 0.77)), TRIPS, quick=True)


@contextlib.contextmanager
def busy():
    """A process for each processor that wants all of its time."""
    processes = [subprocess.Popen(["sh", "-c", "while :; do :; done"])
                 for _ in range(os.cpu_count())]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def full_bus(name, mode):
    """What arrives of what a bus can carry, while other processes want all processors."""
    frames, options = BUSES[name]

    def arrived(settings):
        with busy():
            line = output_of(command(mode, "--rate", str(frames), "--seconds",
                                     str(settings.seconds), *options))
        return value_of(line, "received") / settings.seconds
    return Case(f"can/bus-{name}/{mode}", {
        "split": arrived,
        "the bus": lambda settings: int(frames * settings.seconds) / settings.seconds,
    }, (Pair("split", "the bus", 1),), FPS)


def cpu(mode):
    """Processor time for 1000 frames of a bus that is full, of both ends."""
    frames, options = BUSES["1M"]

    def measure(*more):
        def spent(settings):
            line = output_of(command(mode, "--rate", str(frames), "--seconds",
                                     str(settings.seconds), *options, *more))
            return value_of(line, "cpu_us") * 1000 / value_of(line, "received")
        return spent
    return Case(f"can/cpu/{mode}", {
        "split": measure(),
        PAIR: measure("--pair"),
        "packed": measure("--packed"),
    }, (Pair("split", PAIR), Pair("packed", PAIR)), CPU_TIME)


def idle():
    """Of a controller that is started, on a bus where nothing happens."""
    def measure(settings):
        line = output_of(command("idle", "--seconds", str(settings.seconds)))
        return value_of(line, "idle_us") / settings.seconds
    return Case("can/idle", {"split": measure}, (), "us of processor time/s", quick=True)


def timed():
    """Cases measured by the clock."""
    return [idle(), full_rate("to-bus"), full_rate("from-bus"), round_trip(),
            cpu("to-bus"), cpu("from-bus")] + \
        [full_bus(name, mode) for name in BUSES for mode in ("to-bus", "from-bus")]


def cost(mode, *options):
    """Instructions per frame, of all processes: as blk.cost()."""
    def measure(settings):
        spent = [value_of(output_of(command(mode, "--frames", str(n), *options), None), "cpu_us")
                 for n in (1, settings.requests, 2 * settings.requests)]
        return (spent[2] - spent[1]) * 1000 / settings.requests
    return measure


def counted():
    """Cases measured by the emulator's count."""
    return [Case(f"can/count/{mode}", {
        "split": cost(mode),
        PAIR: cost(mode, "--pair"),
        "packed": cost(mode, "--packed"),
    }, (Pair("split", PAIR), Pair("packed", PAIR)), COUNT, quick=mode != "echo")
            for mode in ("to-bus", "from-bus", "echo")]
