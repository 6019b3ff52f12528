# SPDX-License-Identifier: GPL-2.0-only
"""The blk class in a KVM guest, against what else could serve its disks.

A guest has disks from each contestant, all equal devices of the host, and runs
fio on one after the other, round by round. Guests differ in the queues of their
disks and have as many processors. At the start of each round the host's own fio
shows what its devices can do; the guest waits meanwhile.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from typing import NamedTuple

import blk
from case import Case, Failed, Pair, output_of

GUEST = "/share/guest"
FIRST_SLOT = 0x8
ROUND_SECONDS = 150
BOOT_SECONDS = 180
QUEUE_SIZE = 256
# As long as QEMU's iothreads poll unless told otherwise.
POLL_US = 32


class Guest(NamedTuple):
    """What one boot measures: (device, depth) of its jobs."""

    queues: int
    jobs: tuple[tuple[str, int], ...]


GUESTS = (
    Guest(1, tuple(itertools.product(("inline", "zram"), blk.DEPTHS))),
    Guest(2, (("inline", 128), ("zram", 128))),
    Guest(4, (("inline", 128), ("zram", 128))),
)


class Disk(NamedTuple):
    """A contestant: what serves its disks, and QEMU's arguments for one."""

    name: str
    server: callable
    arguments: callable


class Place(NamedTuple):
    """A disk of a guest."""

    disk: Disk
    device: str
    index: int
    queues: int
    directory: str

    @property
    def name(self):
        return f"disk{self.index}"

    @property
    def path(self):
        """The device in the host."""
        return f"/dev/{'zram' if self.device == 'zram' else 'guest'}{self.index}"

    @property
    def socket(self):
        return f"{self.directory}/{self.name}.sock"


def device_option(place, **properties):
    """The device as the guest sees it; the slot tells the script which it is."""
    return "-device", json.dumps({
        "addr": f"{FIRST_SLOT + place.index:#x}", "num-queues": place.queues,
        "queue-size": QUEUE_SIZE, **properties})


def vhost_user(place, **properties):
    return ("-chardev", f"socket,id={place.name},path={place.socket}",
            *device_option(place, driver="vhost-user-blk-pci", chardev=place.name,
                           **properties))


def vhost_accel(name, *server_options, **properties):
    def server(place):
        return ("vhost-accel", "serve", "blk", "--socket", place.socket, "--device", place.path,
                "--workers", str(place.queues), *server_options)

    return Disk(name, server, lambda place: vhost_user(place, **properties))


def qemu(name, **properties):
    def arguments(place):
        threads = [f"{place.name}-thread{queue}" for queue in range(place.queues)]
        if place.queues == 1:
            serving = {"iothread": threads[0]}
        else:
            serving = {"iothread-vq-mapping": [{"iothread": thread} for thread in threads]}
        objects = itertools.chain(*(("-object", f"iothread,id={thread}") for thread in threads))
        return (*objects, "-blockdev",
                f"driver=host_device,node-name={place.name},filename={place.path},"
                "aio=io_uring,cache.direct=on",
                *device_option(place, driver="virtio-blk-pci", drive=place.name, **serving,
                               **properties))

    return Disk(name, None, arguments)


def storage_daemon(name):
    def server(place):
        return blk.storage_daemon(place.socket, place.path, place.queues)

    return Disk(name, server, vhost_user)


# The daemon has no packed rings, and one thread for all queues of a disk.
DISKS = (
    vhost_accel("vhost-accel"),
    qemu("QEMU"),
    storage_daemon("storage daemon"),
    vhost_accel("vhost-accel, packed", packed=True),
    qemu("QEMU, packed", packed=True),
    vhost_accel("vhost-accel, polling", "--poll-us", str(POLL_US)),
)

HOST = "host's fio"

PAIRS = (
    Pair("vhost-accel", "QEMU", 5),
    Pair("vhost-accel", "storage daemon", 2),
    Pair("vhost-accel, packed", "QEMU, packed", 5),
    Pair("vhost-accel, polling", "QEMU", 5),
    Pair("vhost-accel, polling", "storage daemon", 2),
    Pair("vhost-accel", HOST),
)

FIO_OPTIONS = ("--fixedbufs", "--registerfiles", "--norandommap", "--gtod_reduce=1")

# Answers each "forward" and "backward" with the results of one round.
SCRIPT = """set -e
stty -F /dev/ttyS1 -echo
disk() {{
	for name in /sys/block/vd*; do
		case $(readlink -f $name/device) in
		*/0000:00:$1.0/*) echo /dev/${{name##*/}}; return ;;
		esac
	done
	echo "no disk in slot $1"
	return 1
}}
exec 3</dev/ttyS1
echo round over
while read -r order <&3; do
	case $order in
	forward) {forward} ;;
	backward) {backward} ;;
	*) break ;;
	esac
	echo round over
done
"""

FIO = ("fio --minimal --thread --group_reporting --ioengine=io_uring --direct=1 "
       "--rw=randread --bs=4k --time_based --runtime={}ms " + " ".join(FIO_OPTIONS))


def case_name(guest, device, depth):
    return f"blk/guest/{device}/q{guest.queues}/d{depth}"


def cases():
    """As timed() of blk; the contestants are not called, see measure()."""
    names = dict.fromkeys([disk.name for disk in DISKS] + [HOST])
    return [Case(case_name(guest, *job), names, PAIRS, quick=job == ("inline", 16))
            for guest in GUESTS for job in guest.jobs]


def round_command(jobs, places, seconds):
    """One fio for all jobs of a round, which start one after the other."""
    words = [FIO.format(int(seconds * 1000))]
    for device, depth, index in jobs:
        place = places[device][index]
        words.append(f"--stonewall --name={device}.{depth}.{index} --iodepth={depth} "
                     f"--numjobs={place.queues} "
                     f"--filename=$(disk {FIRST_SLOT + place.index:02x})")
    return " ".join(words)


def guest_script(guest, places, settings):
    """Every other round goes backwards: nobody always runs after the same other."""
    jobs = [(*job, index) for job in guest.jobs for index in range(len(DISKS))]
    return SCRIPT.format(forward=round_command(jobs, places, settings.seconds),
                         backward=round_command(reversed(jobs), places, settings.seconds))


def zram_device(index):
    """Makes /dev/zramINDEX; they can only be added in sequence."""
    output_of(["modprobe", "zram"])
    while not os.path.exists(f"/sys/block/zram{index}"):
        with open("/sys/class/zram-control/hot_add", encoding="ascii") as file:
            file.read()
    if not int(blk.read_file(f"/sys/block/zram{index}/disksize")):
        blk.zram_fill(f"zram{index}")


def prepare(place):
    if place.device == "zram":
        zram_device(place.index)
    else:
        blk.load_null_blk()
        blk.null_blk(f"guest{place.index}", blk.IRQMODES[place.device])


def start_server(place):
    """Returns the process, None where QEMU itself serves the disk."""
    return blk.start_server(place.disk.server(place), place.socket) if place.disk.server \
        else None


def read_round(output):
    """Reads what the guest prints until a round is over: what each job achieved."""
    achieved, lines = {}, []
    for line in output:
        fields = line.strip().split(";")
        if fields[0] == "round over":
            return achieved
        if len(fields) > 7:
            achieved[fields[2]] = float(fields[7])
        lines.append(line)
    raise Failed("the guest died:\n" + "".join(lines))


def host_rates(guest, settings):
    return {f"{device}.{depth}.{HOST}": blk.fio_rate(
        f"/dev/{'zram0' if device == 'zram' else device}", depth, guest.queues,
        *FIO_OPTIONS)(settings) for device, depth in guest.jobs}


def run_rounds(guest, process, settings, rounds):
    """Returns one dictionary a round."""
    done = []
    end = time.monotonic() + settings.limit / len(GUESTS) if settings.limit else 0
    read_round(process.stdout)
    for number in range(rounds):
        if end and time.monotonic() > end:
            break
        achieved = host_rates(guest, settings)
        process.stdin.write("forward\n" if number % 2 == 0 else "backward\n")
        process.stdin.flush()
        achieved.update(read_round(process.stdout))
        if len(achieved) != len(guest.jobs) * (len(DISKS) + 1):
            raise Failed(f"some jobs did not run in the guest; those that did: {achieved}")
        done.append(achieved)
    process.stdin.write("end\n")
    process.stdin.close()
    return done


def run_guest(guest, directory, settings, rounds):
    """Boots a guest, and returns one dictionary a round."""
    devices = dict.fromkeys(device for device, _ in guest.jobs)
    # zram0 is the host's.
    numbers = itertools.count(1)
    places = {device: [Place(disk, device, next(numbers), guest.queues, directory)
                       for disk in DISKS] for device in devices}
    everywhere = list(itertools.chain(*places.values()))
    for place in everywhere:
        prepare(place)
    output_of(["udevadm", "settle"])
    script = f"{directory}/script"
    with open(script, "w", encoding="ascii") as file:
        file.write(guest_script(guest, places, settings))
    servers = []
    try:
        for place in everywhere:
            servers.append(start_server(place))
        command = [f"{directory}/guest/run", "--timeout",
                   str(BOOT_SECONDS + rounds * ROUND_SECONDS), "--smp", str(guest.queues),
                   "--input", "/dev/stdin", script,
                   *itertools.chain(*(place.disk.arguments(place) for place in everywhere))]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, start_new_session=True) as process:
            try:
                return run_rounds(guest, process, settings, rounds)
            except BaseException:
                os.killpg(process.pid, signal.SIGTERM)
                raise
    finally:
        for server in filter(None, servers):
            server.terminate()
            server.wait()


def wanted_of(guest, wanted):
    """The guest with those of its jobs that are wanted."""
    names = {case.name for case in wanted}
    return guest._replace(jobs=tuple(job for job in guest.jobs
                                     if case_name(guest, *job) in names))


def measure(wanted, settings, rounds):
    """Boots the guests; returns {case: {contestant: [value of each round]}}."""
    values = {}
    blk.prepare()
    with tempfile.TemporaryDirectory() as directory:
        # QEMU reads the kernel from memory faster than from the share.
        shutil.copytree(GUEST, f"{directory}/guest")
        for guest in (wanted_of(guest, wanted) for guest in GUESTS):
            if not guest.jobs:
                continue
            work = tempfile.mkdtemp(dir=directory)
            os.symlink(f"{directory}/guest", f"{work}/guest")
            achieved = run_guest(guest, work, settings, rounds)
            for device, depth in guest.jobs:
                values[case_name(guest, device, depth)] = {
                    name: [one[f"{device}.{depth}.{key}"] for one in achieved]
                    for key, name in [*enumerate(disk.name for disk in DISKS), (HOST, HOST)]}
    return values
