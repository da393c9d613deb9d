"""Importing newline-delimited JSON: one record a line, each created by itself, within a time budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from chalicelib.collections import records
from chalicelib.collections.preconditions import NONE
from chalicelib.dynamo.tables import main
from chalicelib.errors import Problem, RecordExists, StoreUnavailable
from chalicelib.schema import json_text

if TYPE_CHECKING:
    from chalicelib.access.rules import Grant
    from chalicelib.collections.idempotency import Once

MAX_BYTES = 5 * 1024 * 1024
SECONDS = 20.0
"""How long a request goes on before it answers how far it came; API Gateway ends one after 29 s."""
_SIDE_BY_SIDE = 64

Line: TypeAlias = tuple[int, bytes]


@dataclass
class Report:
    """What became of the lines. ``next`` is the number of the first line that was not looked at, None when all were."""

    created: int = 0
    existing: int = 0
    failed: list[tuple[int, Problem]] = field(default_factory=list)
    next: int | None = None


def run(grant: Callable[[], Grant], text: bytes, once: Once | None = None, *, seconds: float = SECONDS) -> Report:
    """Create a record of each line that is not blank. ``grant`` is asked for each: definitions and rules change.

    A line whose id is taken leaves the stored record as it is and counts as ``existing``, so that an import can be sent
    again. A line that fails does not stop the others. Lines are numbered from 1.

    Raises:
        StoreUnavailable: the store went away; what was created until then stays (503).
        CollectionNotFound: the collection is not there, or not any more (404).
    """
    report = Report()
    deadline = time.monotonic() + seconds
    lines = _lines(text)
    while chunk := list(islice(lines, _SIDE_BY_SIDE)):
        if time.monotonic() >= deadline:
            report.next = chunk[0][0]
            break
        for (number, _), problem in zip(
            chunk, main.session.pool.map(lambda line: _create(grant, line, once), chunk), strict=True
        ):
            if problem is None:
                report.created += 1
            elif isinstance(problem, RecordExists):
                report.existing += 1
            else:
                report.failed.append((number, problem))
    return report


def _lines(text: bytes) -> Iterator[Line]:
    for number, line in enumerate(text.split(b"\n"), start=1):
        if line.strip():
            yield number, line


def _create(grant: Callable[[], Grant], line: Line, once: Once | None) -> Problem | None:
    number, text = line
    leave = grant()
    try:
        records.create(leave, json_text.parse(text), NONE, once.part(number) if once is not None else None)
    except StoreUnavailable:
        raise
    except Problem as problem:
        return problem
    return None
