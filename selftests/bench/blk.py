# SPDX-License-Identifier: GPL-2.0-only
"""The blk class through the tiny VMM, against the host's own fio, and against
qemu-storage-daemon that serves the same driver by vhost-user."""

import atexit
import os
import subprocess
import tempfile
import time

from case import COUNT, Case, Failed, Pair, output_of, value_of

PROGRAMS = "/usr/lib/vhost-accel/selftests/bench"
DEPTHS = (1, 16, 128)
POLL_US = 200
SERVER_QUEUES = 4
SERVER_SECONDS = 30

# null_blk completing inline, or by a timer 20 us later.
NULL_BLK = {"size": "1024", "hw_queue_depth": "1024", "completion_nsec": "20000"}
IRQMODES = {"inline": 0, "timer": 2}
ZRAM_MIB = 32


def read_file(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def write_file(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def null_blk(name, irqmode):
    """Makes /dev/NAME."""
    directory = f"/sys/kernel/config/nullb/{name}"
    if os.path.isdir(directory):
        return
    os.mkdir(directory)
    for attribute, value in NULL_BLK.items():
        write_file(f"{directory}/{attribute}", value)
    write_file(f"{directory}/submit_queues", str(os.cpu_count()))
    write_file(f"{directory}/irqmode", str(irqmode))
    write_file(f"{directory}/power", "1")


def zram_fill(name):
    """Makes a disk of a zram device, full of what can not be compressed."""
    write_file(f"/sys/block/{name}/disksize", f"{ZRAM_MIB}M")
    output_of(["dd", "if=/dev/urandom", f"of=/dev/{name}", "bs=1M", f"count={ZRAM_MIB}",
               "oflag=direct"])


def load_null_blk():
    output_of(["modprobe", "null_blk", "nr_devices=0"])
    if not os.path.ismount("/sys/kernel/config"):
        output_of(["mount", "-t", "configfs", "configfs", "/sys/kernel/config"])


def prepare():
    """Makes all disks, but those of the guest."""
    load_null_blk()
    for name, irqmode in IRQMODES.items():
        null_blk(name, irqmode)
    if not os.path.exists("/dev/zram0"):
        output_of(["modprobe", "zram"])
        zram_fill("zram0")
    # The nodes are udev's work.
    output_of(["udevadm", "settle"])


def fio_command(disk, depth, queues, *options):
    """Random reads by io_uring."""
    return ["fio", "--minimal", "--thread", "--group_reporting", "--ioengine=io_uring",
            "--direct=1", "--rw=randread", "--bs=4k", f"--iodepth={depth}",
            f"--numjobs={queues}", f"--filename={disk}", "--name=bench", *options]


def tuned(depth):
    """All that makes fio faster: memory pinned beforehand, several requests a call."""
    options = ["--fixedbufs", "--registerfiles", "--norandommap", "--gtod_reduce=1"]
    if depth > 1:
        options += [f"--iodepth_batch_submit={depth // 2}",
                    f"--iodepth_batch_complete_max={depth}"]
    return options


def fio_rate(disk, depth, queues, *options):
    def measure(settings):
        # The eighth field of the terse format: reads per second.
        line = output_of(fio_command(disk, depth, queues, "--time_based",
                                     f"--runtime={int(settings.seconds * 1000)}ms", *options))
        return float(line.split(";")[7])
    return measure


def our_command(disk, depth, queues, *options):
    return [f"{PROGRAMS}/blk_bench", "--depth", str(depth), "--queues", str(queues),
            *options, disk]


def our_rate(disk, depth, queues, *options):
    def measure(settings):
        return value_of(output_of(our_command(disk, depth, queues, "--seconds",
                                              str(settings.seconds), *options)), "iops")
    return measure


def storage_daemon(socket, disk, queues):
    """The command; one thread serves all queues of a disk."""
    return ("qemu-storage-daemon", "--object", "iothread,id=thread", "--blockdev",
            f"driver=host_device,node-name=disk,filename={disk},aio=io_uring,"
            "cache.direct=on",
            "--export", "type=vhost-user-blk,id=export,node-name=disk,writable=on,"
                        f"iothread=thread,num-queues={queues},addr.type=unix,"
                        f"addr.path={socket}")


def start_server(command, socket):
    """Returns the process once its socket is there; what it says is kept beside it."""
    path = f"{socket}.log"
    with open(path, "w", encoding="utf-8") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    end = time.monotonic() + SERVER_SECONDS
    while not os.path.exists(socket):
        if server.poll() is not None or time.monotonic() > end:
            with open(path, encoding="utf-8") as log:
                raise Failed(f"{socket} did not appear:\n{log.read()}")
        time.sleep(0.05)
    return server


class Daemons:
    """A storage daemon for each disk that is measured, as long as this program runs."""

    def __init__(self):
        self.directory = None
        self.running = {}

    def command(self, disk, depth, queues, *options):
        """As our_command(), of the same driver with the daemon's disk."""
        if not self.directory:
            self.directory = tempfile.TemporaryDirectory()
            atexit.register(self.stop)
        socket = f"{self.directory.name}/{os.path.basename(disk)}"
        if disk not in self.running:
            self.running[disk] = start_server(storage_daemon(socket, disk, SERVER_QUEUES),
                                              socket)
        return our_command(disk, depth, queues, "--vhost-user", socket,
                           "--server", str(self.running[disk].pid), *options)

    def stop(self):
        for server in self.running.values():
            server.terminate()
            server.wait()
        self.directory.cleanup()


DAEMONS = Daemons()


def daemon_rate(disk, depth, queues):
    def measure(settings):
        return value_of(output_of(DAEMONS.command(disk, depth, queues, "--seconds",
                                                  str(settings.seconds))), "iops")
    return measure


def one_queue(device, depth):
    disk = f"/dev/{device}"
    aim = 1.5 if depth > 1 else None
    contestants = {
        "split": our_rate(disk, depth, 1),
        "fio": fio_rate(disk, depth, 1),
        "packed": our_rate(disk, depth, 1, "--packed"),
        "storage daemon": daemon_rate(disk, depth, 1),
    }
    pairs = [Pair("split", "fio", aim), Pair("packed", "fio", aim),
             Pair("split", "storage daemon", 2)]
    if depth > 1:
        contestants["fio, tuned"] = fio_rate(disk, depth, 1, *tuned(depth))
        contestants["split, pinned"] = our_rate(disk, depth, 1, "--pin-memory")
        pairs.append(Pair("split, pinned", "fio, tuned"))
    else:
        polling = ("--poll-us", str(POLL_US), "--spin")
        contestants["split, polling"] = our_rate(disk, depth, 1, *polling)
        contestants["packed, polling"] = our_rate(disk, depth, 1, "--packed", *polling)
        pairs += [Pair("split, polling", "fio", 0.5), Pair("packed, polling", "fio", 0.5)]
    return Case(f"blk/{device}/q1/d{depth}", contestants, tuple(pairs),
                quick=device == "inline")


def more_queues(device, queues):
    disk, depth = f"/dev/{device}", 128
    return Case(f"blk/{device}/q{queues}/d{depth}", {
        "split": our_rate(disk, depth, queues),
        "packed": our_rate(disk, depth, queues, "--packed"),
        "fio": fio_rate(disk, depth, queues),
        "storage daemon": daemon_rate(disk, depth, queues),
    }, (Pair("split", "fio", 1.5), Pair("packed", "fio", 1.5),
        Pair("split", "storage daemon", 2)))


def completion(depth):
    """In the interrupt itself, or handed to the worker."""
    disk = "/dev/timer"
    ours = {"split": (), "packed": ("--packed",)}
    contestants, pairs = {}, []
    for name, options in ours.items():
        contestants[f"{name}, interrupt"] = our_rate(disk, depth, 1, *options)
        contestants[f"{name}, worker"] = our_rate(disk, depth, 1, "--worker-completion",
                                                  *options)
        pairs.append(Pair(f"{name}, interrupt", f"{name}, worker", 1.5))
    return Case(f"blk/timer/completion/d{depth}", contestants, tuple(pairs), quick=depth == 16)


def timed():
    """Cases measured by the clock."""
    cases = []
    for device in ("inline", "timer", "zram0"):
        cases += [one_queue(device, depth) for depth in DEPTHS]
        cases += [more_queues(device, queues) for queues in (2, 4)]
    return cases + [completion(depth) for depth in DEPTHS]


def cost(command):
    """Instructions per request: what twice the requests take beyond once.

    No time limit: while the processor waits for the host's files the clock jumps.
    """
    def measure(settings):
        spent = [value_of(output_of(command(n), None), "cpu_us")
                 for n in (1, settings.requests, 2 * settings.requests)]
        return (spent[2] - spent[1]) * 1000 / settings.requests
    return measure


def polling_cost(disk, depth, *options):
    """By the clock, which counts the instructions of both processors.

    Driver and worker are never at work at once, and nobody sleeps."""
    def measure(settings):
        spent = [value_of(output_of(our_command(disk, depth, 1, "--requests", str(n), "--spin",
                                                "--poll-us", str(POLL_US), *options), None),
                          "ns")
                 for n in (1, settings.requests, 2 * settings.requests)]
        return (spent[2] - spent[1]) / settings.requests
    return measure


def our_cost(disk, depth, *options):
    return cost(lambda n: our_command(disk, depth, 1, "--requests", str(n), *options))


def fio_cost(disk, depth, *options):
    return cost(lambda n: [f"{PROGRAMS}/cputime",
                           *fio_command(disk, depth, 1, f"--number_ios={n}",
                                        "--output=/dev/null", *options)])


def daemon_cost(disk, depth):
    return cost(lambda n: DAEMONS.command(disk, depth, 1, "--requests", str(n)))


def count_case(depth):
    disk = "/dev/inline"
    return Case(f"blk/count/inline/d{depth}", {
        "split": our_cost(disk, depth),
        "packed": our_cost(disk, depth, "--packed"),
        "fio": fio_cost(disk, depth),
        "split, pinned": our_cost(disk, depth, "--pin-memory"),
        "fio, tuned": fio_cost(disk, depth, *tuned(depth)),
        "storage daemon": daemon_cost(disk, depth),
    }, (Pair("split", "fio"), Pair("packed", "fio"), Pair("split, pinned", "fio, tuned"),
        Pair("split", "storage daemon")),
                COUNT, quick=depth == 128)


def counted():
    """Cases measured by the emulator's count, on one processor that never idles."""
    return [count_case(depth) for depth in DEPTHS]


def polled():
    """The same on two processors that take turns, driver and worker polling."""
    disk, depth = "/dev/inline", 1
    return [Case(f"blk/count/polling/d{depth}", {
        "split, polling": polling_cost(disk, depth),
        "fio": fio_cost(disk, depth),
        "packed, polling": polling_cost(disk, depth, "--packed"),
    }, (Pair("split, polling", "fio", 0.5), Pair("packed, polling", "fio", 0.5)),
                 COUNT, quick=True)]
