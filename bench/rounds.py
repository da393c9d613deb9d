"""Measuring several sides in turn, so that what else the machine does meets all of them alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

ROUNDS = 21
MICROSECONDS = 1e6


class Spent(NamedTuple):
    """Microseconds of one operation: of the process's processor time, and of the clock."""

    cpu: float
    wall: float


Round = Callable[[int], Spent]
"""Carries out so many operations, and says what one of them took."""


def here(operation: Callable[[], Any]) -> Round:
    """Rounds of an operation of this process."""

    def carry_out(count: int) -> Spent:
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(count):
            operation()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        return Spent(cpu / count * MICROSECONDS, wall / count * MICROSECONDS)

    return carry_out


def medians(sides: Mapping[str, Round], count: int, rounds: int = ROUNDS) -> dict[str, Spent]:
    """What an operation takes, by side: the median of its rounds. Each round begins with another side."""
    spent: dict[str, list[Spent]] = {name: [] for name in sides}
    for carry_out in sides.values():
        carry_out(count)
    names = list(sides)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            spent[name].append(sides[name](count))
    return {
        name: Spent(statistics.median(one.cpu for one in all_), statistics.median(one.wall for one in all_))
        for name, all_ in spent.items()
    }
