#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Measures, inside the host VM: bench.py OPTIONS PHASE...; see selftests/bench/run.

Every class adds its cases to PHASES.
"""

import argparse
import fnmatch
import json
import math
import os
import sys
import time
from typing import NamedTuple

import blk
import blk_guest
import can
import net
import video
import vsock
from case import Failed, Settings


class Defaults(NamedTuple):
    """How often, for how long what is measured by the clock, and after how many
    seconds no other round begins, for machines slower than expected."""

    rounds: int
    seconds: float
    limit: float


class Phase(NamedTuple):
    """Classes: (preparation, cases, what measures all of them at once, if anything)."""

    full: Defaults
    quick: Defaults
    classes: tuple


PHASES = {
    "timed": Phase(Defaults(5, 0.8, 420), Defaults(3, 0.5, 50),
                   ((blk.prepare, blk.timed, None), (can.prepare, can.timed, None),
                    (net.prepare, net.timed, None), (None, video.timed, None),
                    (None, vsock.timed, None))),
    "guest": Phase(Defaults(5, 1.0, 600), Defaults(3, 1.0, 0),
                   ((None, blk_guest.cases, blk_guest.measure),)),
    "counted": Phase(Defaults(3, 0, 120), Defaults(2, 0, 30),
                     ((blk.prepare, blk.counted, None), (can.prepare, can.counted, None),
                      (net.prepare, net.counted, None), (None, vsock.counted, None))),
    "polled": Phase(Defaults(3, 0, 120), Defaults(2, 0, 30),
                    ((blk.prepare, blk.polled, None),)),
}


def selected(cases, options):
    """Cases whose name matches, or all that are quick."""
    if options.only:
        return [case for case in cases if fnmatch.fnmatch(case.name, f"*{options.only}*")]
    return [case for case in cases if case.quick or not options.quick]


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def one_round(case, settings, number, values):
    """Every other round goes backwards: nobody always runs after the same other."""
    names = list(case.contestants)
    for name in names if number % 2 == 0 else reversed(names):
        values[name].append(case.contestants[name](settings))


def by_rounds(cases, settings, rounds):
    """As measure() of a class: {case: {contestant: [value of each round]}}."""
    values = {case.name: {name: [] for name in case.contestants} for case in cases}
    end = time.monotonic() + settings.limit if settings.limit else math.inf
    for number in range(rounds):
        if time.monotonic() > end:
            say(f"out of time after {number} of {rounds} rounds")
            break
        say(f"round {number + 1} of {rounds}, {len(cases)} cases")
        for case in cases:
            one_round(case, settings, number, values[case.name])
    return values


def run_class(entry, options, settings, rounds):
    prepare, list_cases, measure = entry
    cases = selected(list_cases(), options)
    if not cases:
        return []
    if prepare:
        prepare()
    values = (measure or by_rounds)(cases, settings, rounds)
    return [{"name": case.name, "unit": case.unit, "values": values[case.name],
             "pairs": [pair._asdict() for pair in case.pairs]} for case in cases]


def measured_rounds(cases):
    """How many all contestants have run."""
    return min((len(values) for case in cases for values in case["values"].values()), default=0)


def run_phase(name, options):
    """Measures and leaves the results in a file."""
    phase = PHASES[name]
    defaults = phase.quick if options.quick else phase.full
    rounds = options.rounds or defaults.rounds
    settings = Settings(options.seconds or defaults.seconds, options.requests,
                        0 if options.rounds else defaults.limit)
    start = time.monotonic()
    cases = []
    for entry in phase.classes:
        cases += run_class(entry, options, settings, rounds)
    result = {
        "phase": name, "kernel": os.uname().release, "processors": os.cpu_count(),
        "rounds": measured_rounds(cases), "seconds": time.monotonic() - start,
        "cases": cases,
    }
    with open(f"{options.out}/{name}.json", "w", encoding="ascii") as file:
        json.dump(result, file, indent=1)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("phases", choices=PHASES, nargs="+")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--requests", type=int, default=8000)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--out", default=".")
    return parser.parse_args()


def main():
    options = arguments()
    if options.list:
        entries = [entry for name in options.phases for entry in PHASES[name].classes]
        for entry in entries:
            for case in selected(entry[1](), options):
                print(case.name)
        return 0
    try:
        for name in options.phases:
            run_phase(name, options)
    except (Failed, OSError) as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
