"""``python -m bench.http``: CPU of a warm request, and requests a second through the local gateway."""

from __future__ import annotations

import gc
import statistics
import sys
import time
from typing import Any

from bench import gateway, sides
from bench.sides import Handler, Side
from bench.table import Figure, report

ROUNDS = 21
MICROSECONDS = 1e6
REQUESTS = (
    ("get", "GET, warm", 150, 1.2),
    ("create", "create, warm", 100, 1.2),
    ("list_100", "list 100, warm", 12, 0.5),
)
"""The side's event, the figure's name, requests a round, the most that the ratio may be."""


def figures() -> list[Figure]:
    """All figures of this module."""
    return [*handler_figures(), *gateway.figures()]


def handler_figures() -> list[Figure]:
    """CPU from API Gateway's event to the response, DynamoDB's answers canned."""
    ours, peer = sides.ours(), sides.peer()
    return [
        Figure(f"{name}: CPU", *compare(ours, peer, event, count), "us", at_most=at_most)
        for event, name, count, at_most in REQUESTS
    ]


def compare(ours: Side, peer: Side, event: str, count: int) -> tuple[float, float]:
    """Median microseconds of CPU a request, ours and the peer's, of rounds in turn."""
    pair = [(side.handler, getattr(side, event)) for side in (ours, peer)]
    for handler, request in pair:
        _round(handler, request, count)
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS):
        for which in (0, 1) if number % 2 else (1, 0):
            times[which].append(_round(*pair[which], count))
    return statistics.median(times[0]), statistics.median(times[1])


def _round(handler: Handler, request: dict[str, Any], count: int) -> float:
    gc.collect()
    start = time.process_time()
    for _ in range(count):
        handler(request, None)
    return (time.process_time() - start) / count * MICROSECONDS


if __name__ == "__main__":
    sys.exit(report(figures()))
