#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""report.py OUT RESULT...: puts what bench.py left together in OUT, prints a table."""

import json
import statistics
import sys

from case import COSTS

TEXT = {
    "timed": "Requests per second through the tiny VMM and in the host itself; {0} rounds",
    "guest": "Requests per second in a KVM guest, by fio and io_uring; {0} rounds",
    "counted": "Instructions per request, of driver or fio and everything below; {0} rounds",
    "polled": "Instructions per request where nobody sleeps; {0} rounds",
}
NOTES = {
    "timed": """split, packed: the ring's format. fio: io_uring with direct I/O. "tuned" has
pinned buffers and registered files, and submits and reaps many at once. "pinned": guest
memory is pinned beforehand as well. "polling": worker and driver both poll.
The storage daemon serves the same driver by vhost-user, split.
net: vhost-net is the kernel's own.
can: "two programs" of the host talk to each other on the same bus; otherwise one of them is
the driver of a guest. "the bus": what it can carry, while other processes load all processors.
"cpu": us of processor time for 1000 frames, of both ends and all between; the ratio is the peer's
by ours.
video: an encoder of the kernel, by the same program in the guest and on the host's node;
"cpu": by the time of all processors.""",
    "guest": """All disks are in the same guest, on equal devices of the host.""",
    "counted": """One emulated processor that never idles, on a device that completes inline;
what N requests more cost in user space and kernel, switches between tasks included. Interrupts
are in there, the storage daemon's threads as well, other tasks are not. Exact: the ratio is the peer's count by ours.""",
    "polled": """Two emulated processors that take turns: what passes on their common clock from
one request to the next, the looks at the ring of who waits included. Exact as well.""",
}
HEAD = ("case", "ours", "", "peer", "", "ratio", "low", "high", "aim", "")
FORMAT = "{:<26} {:<19} {:>7}  {:<15} {:>7}  {:>5}  {:>5} {:>5}  {:>4}  {}"


def ratios(case, pair):
    """Of each round; more is better for us."""
    both = zip(case["values"][pair["ours"]], case["values"][pair["peer"]])
    if case["unit"] in COSTS:
        return [peer / ours for ours, peer in both]
    return [ours / peer for ours, peer in both]


def judge(case, pair):
    """Adds to a pair what was measured."""
    values = ratios(case, pair)
    quartiles = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 \
        else values * 3
    pair["ratio"] = {
        "values": values, "median": statistics.median(values), "low": min(values),
        "high": max(values), "quartiles": [quartiles[0], quartiles[2]],
    }
    if pair["aim"]:
        pair["met"] = pair["ratio"]["median"] >= pair["aim"]


def verdict(pair):
    """Whether the aim was met, and whether every round says so."""
    if not pair["aim"]:
        return ""
    low, high = pair["ratio"]["low"], pair["ratio"]["high"]
    word = "met" if pair["met"] else "missed"
    if pair["ratio"]["median"] < 1 <= pair["aim"]:
        word += ", slower"
    return word + (", within the noise" if low < pair["aim"] <= high else "")


def row(case, pair):
    ratio = pair["ratio"]
    medians = {name: statistics.median(values) for name, values in case["values"].items()}
    return FORMAT.format(
        case["name"], pair["ours"], f"{medians[pair['ours']]:.0f}",
        pair["peer"], f"{medians[pair['peer']]:.0f}",
        *(f"{ratio[name]:.2f}" for name in ("median", "low", "high")),
        f"{pair['aim']:g}" if pair["aim"] else "", verdict(pair)).rstrip()


def lone_row(case):
    """Of a case that nobody else runs."""
    (name, values), = case["values"].items()
    return f"{case['name']:<26} {name:<19} {statistics.median(values):>7.0f}  {case['unit']}"


def table(result):
    print(f"\n{TEXT[result['phase']].format(result['rounds'])}\n{NOTES[result['phase']]}\n")
    print(FORMAT.format(*HEAD).rstrip())
    for case in result["cases"]:
        for pair in case["pairs"]:
            print(row(case, pair))
        if not case["pairs"]:
            print(lone_row(case))


def main():
    out, *files = sys.argv[1:]
    results = []
    for name in files:
        with open(name, encoding="ascii") as file:
            results.append(json.load(file))
    for result in results:
        for case in result["cases"]:
            for pair in case["pairs"]:
                judge(case, pair)
        if result["cases"]:
            table(result)
    pairs = [pair for result in results for case in result["cases"] for pair in case["pairs"]
             if pair["aim"]]
    print(f"\n{sum(pair['met'] for pair in pairs)} of {len(pairs)} aims met")
    with open(out, "w", encoding="ascii") as file:
        json.dump({"results": results}, file, indent=1)


if __name__ == "__main__":
    main()
