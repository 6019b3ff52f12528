# SPDX-License-Identifier: GPL-2.0-only
"""What a class of devices describes its measurements with.

A case is measured in rounds. In each round every contestant runs once, one
right after the other, and what counts is the ratio of two values of the same
round: what disturbs the machine meanwhile disturbs both.
"""

import re
import subprocess
from typing import Callable, NamedTuple, Optional

RATE = "requests/s"
COUNT = "instructions/request"
CPU_TIME = "us of processor time"
# Units of which less is better.
COSTS = (COUNT, CPU_TIME)


class Pair(NamedTuple):
    """Whom to compare, and the ratio to reach."""

    ours: str
    peer: str
    aim: Optional[float] = None


class Case(NamedTuple):
    """Contestants are functions of the settings and return a value."""

    name: str
    contestants: dict[str, Callable]
    pairs: tuple[Pair, ...]
    unit: str = RATE
    quick: bool = False


class Settings(NamedTuple):
    """How long one value is measured, and after which time no round begins; 0: any."""

    seconds: float
    requests: int
    limit: float


class Failed(Exception):
    """A contestant did not run."""


def output_of(command, seconds=120):
    """Runs a command and returns what it printed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds,
                              check=False)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{' '.join(command)}: not done after {seconds} s") from error
    if done.returncode:
        raise Failed(f"{' '.join(command)}: exit status {done.returncode}\n"
                     f"{done.stdout}{done.stderr}")
    return done.stdout


def value_of(output, name):
    """A number out of name=value."""
    found = re.search(rf"\b{name}=(\d+)", output)
    if not found:
        raise Failed(f"no {name} in: {output}")
    return float(found[1])
