"""Usage: what callers did, counted in the process and written from time to time.

A caller's counts are written with the next lease of its plan, which costs nothing, or when they have waited for half a
minute, at the next request of anybody. ``docs/limits.md`` says what a process that ends takes with it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from chalicelib.access import windows
from chalicelib.dynamo.tables import main
from chalicelib.errors import StoreUnavailable

if TYPE_CHECKING:
    from chalicelib.access.counters import Day

log = logging.getLogger(__name__)

SECOND = 1_000_000_000
WAIT = 30 * SECOND
"""How long counts wait in the process for a lease to take them along."""
PAUSE = SECOND
"""Time between two writes of counts of others than who calls."""
MAX_WAITING = 10_000
"""Callers whose counts wait in a process."""
MAX_FLUSHED = 100
MAX_DAYS_A_PAGE = 31


@dataclass(slots=True)
class Counts:
    """What was done. Units are the capacity units of DynamoDB, as far as it said."""

    calls: int = 0
    rejected: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    read_units: float = 0.0
    write_units: float = 0.0

    def add(self, other: Counts) -> None:
        """Count what another has counted."""
        self.calls += other.calls
        self.rejected += other.rejected
        self.bytes_in += other.bytes_in
        self.bytes_out += other.bytes_out
        self.read_units += other.read_units
        self.write_units += other.write_units

    def items(self) -> Iterable[tuple[str, int | float]]:
        """Each count with its name."""
        return [(name, getattr(self, name)) for name in NAMES]


NAMES = tuple(each.name for each in fields(Counts))


@dataclass
class _Waiting:
    day: int
    since: int
    counts: Counts = field(default_factory=Counts)


class Meter:
    """The counts of a process that are not written yet. Safe to share between threads."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._table = ""
        self._swept = 0
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        """By caller, those that have waited longest first."""
        self._announced: OrderedDict[str, int] = OrderedDict()
        """The last day on which this process has announced a caller."""

    def count(self, caller: str, counts: Counts) -> None:
        """Count what a caller did, and write what has waited long enough: at most two callers' counts."""
        now = self._clock()
        with self._lock:
            self._follow_table()
            due = self._due(caller, now)
            waiting = self._waiting.get(caller)
            if waiting is None:
                waiting = self._waiting[caller] = _Waiting(windows.day_of(now), now)
            waiting.counts.add(counts)
        for each, entry in due:
            self._write(each, entry)

    def take(self, caller: str, day: int) -> Counts | None:
        """The counts of a caller's day, for somebody who writes them with something else; None if there are none."""
        with self._lock:
            self._follow_table()
            waiting = self._waiting.get(caller)
        if waiting is None or waiting.day != day:
            return None
        self._announce(caller, day)
        with self._lock:
            taken = self._waiting.pop(caller, None)
        return None if taken is None else taken.counts

    def give_back(self, caller: str, day: int, counts: Counts | None) -> None:
        """Count again what could not be written."""
        if counts is None:
            return
        with self._lock:
            waiting = self._waiting.get(caller)
            if waiting is None:
                self._waiting[caller] = _Waiting(day, self._clock(), counts)
            elif waiting.day == day:
                waiting.counts.add(counts)

    def flush(self, caller: str | None = None) -> None:
        """Write what waits, of one caller or of the hundred that have waited longest."""
        with self._lock:
            self._follow_table()
            names = [caller] if caller is not None else list(self._waiting)[:MAX_FLUSHED]
            due = [(name, self._waiting.pop(name)) for name in names if name in self._waiting]
        if len(due) > 1:
            list(main.session.pool.map(lambda each: self._write(*each), due))
        else:
            for each in due:
                self._write(*each)

    def _follow_table(self) -> None:
        if self._table != main.name:
            self._table = main.name
            self._waiting.clear()
            self._announced.clear()

    def _due(self, caller: str, now: int) -> list[tuple[str, _Waiting]]:
        """What is to be written now, taken out: the caller's if they are of another day or old, and the oldest."""
        due = []
        own = self._waiting.get(caller)
        if own is not None and (own.day != windows.day_of(now) or now - own.since >= WAIT):
            due.append((caller, self._waiting.pop(caller)))
        if self._waiting:
            oldest = next(iter(self._waiting))
            is_old = now - self._waiting[oldest].since >= WAIT and now - self._swept >= PAUSE
            if is_old or len(self._waiting) >= MAX_WAITING:
                self._swept = now
                due.append((oldest, self._waiting.pop(oldest)))
        return due

    def _write(self, caller: str, waiting: _Waiting) -> None:
        from chalicelib.access import counters  # noqa: PLC0415 - few requests write

        try:
            self._announce(caller, waiting.day)
            counters.add(caller, waiting.day, waiting.counts)
        except StoreUnavailable as problem:
            log.warning("the usage of %s waits: %s", caller, problem)
            self.give_back(caller, waiting.day, waiting.counts)
        except Exception:
            log.exception("the usage of %s is lost", caller)

    def _announce(self, caller: str, day: int) -> None:
        """Let the day be found, once a process; before its first count, so that none is ever hidden."""
        from chalicelib.access import counters  # noqa: PLC0415 - few requests write

        if self._announced.get(caller) == day:
            return
        counters.announce(caller, day)
        with self._lock:
            self._announced[caller] = day
            self._announced.move_to_end(caller)
            if len(self._announced) > MAX_WAITING:
                self._announced.popitem(last=False)


METER = Meter()
"""The process's."""


def page(
    caller: str | None, first: int, last: int, limit: int, after: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """The usage of one caller or of all on some days, by day and caller; and the position to go on after.

    Counts that wait in this process are written before; those of other processes come with their next lease.
    """
    METER.flush(caller)
    return _of_all(first, last, limit, after) if caller is None else _of_one(caller, first, last, limit, after)


def _of_one(
    caller: str, first: int, last: int, limit: int, after: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    from chalicelib.access import counters  # noqa: PLC0415 - few requests ask

    begin = first if after is None else (windows.parse(after) or 0) + 1
    found = [day for day in counters.read(caller, begin, last) if day.calls or day.rejected] if begin <= last else []
    return [document(each) for each in found[:limit]], found[limit - 1].day if len(found) > limit else None


def _of_all(first: int, last: int, limit: int, after: str | None) -> tuple[list[dict[str, Any]], str | None]:
    from chalicelib.access import counters  # noqa: PLC0415 - few requests ask

    text, _, caller = (after or "").partition(" ")
    begin = windows.parse(text) if after else first
    day = first if begin is None else begin
    found: list[Day] = []
    for _ in range(MAX_DAYS_A_PAGE):
        if day > last:
            return [document(each) for each in found], None
        query = counters.Active.query(day=windows.text(day)).consistent().limit(limit - len(found))
        active = query.after(caller or None).run()
        keys = [{"caller": each.caller, "day": each.day} for each in active.items]
        found += [each for each in counters.Day.get_many(keys, consistent=True) if each is not None]
        if active.last is not None:
            return [document(each) for each in found], f"{windows.text(day)} {active.last}"
        day, caller = day + 1, ""
        if len(found) >= limit:
            break
    position = f"{windows.text(day)} " if day <= last else None
    return [document(each) for each in found], position


def document(day: Day) -> dict[str, Any]:
    """A caller's day as the API shows it."""
    return {"key": day.caller, "day": day.day, **{name: getattr(day, name) or 0 for name in NAMES}}
