# SPDX-License-Identifier: GPL-2.0-only
"""The video class through the tiny VMM, against the same program on the host's node."""

from case import Case, Pair, output_of, value_of

BENCH = "/usr/lib/vhost-accel/selftests/bench/video_bench"
NODE = "host node"
FPS = "frames/s"
PER_CPU = "frames/s of processor time"

# Of an encoder, whose work is done by the host's processors: what it takes itself is
# most of it for large frames, and least for small ones.
FRAMES = {
    "grey-360p": ("--pixels", "GREY"),
    "nv12-720p": ("--pixels", "NV12", "--width", "1280", "--height", "720"),
}


def value(name, *options):
    """Out of what a run prints."""
    def measure(settings):
        line = output_of([BENCH, *options, "--seconds", str(settings.seconds)])
        found = value_of(line, name)
        return found if name == "fps" else 1e6 / max(found, 1)
    return measure


def encode(name, unit, title, quick):
    """The same frames, in the guest and on the node."""
    options = FRAMES[name]
    return Case(f"video/{name}{title}", {
        "split": value(unit, *options),
        NODE: value(unit, "--host", *options),
        "packed": value(unit, "--packed", *options),
    }, (Pair("split", NODE, 0.97), Pair("packed", NODE, 0.97)),
        FPS if unit == "fps" else PER_CPU, quick=quick)


def timed():
    """Cases measured by the clock."""
    return [encode(name, "fps", "", name == "grey-360p") for name in FRAMES] + \
        [encode(name, "cpu_us", "/cpu", False) for name in FRAMES]
