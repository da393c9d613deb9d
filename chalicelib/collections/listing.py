"""Answering a listing by its plan: the stretches read a piece at a time, merged in order, within a page's budget."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from chalicelib.collections.intervals import FIRST
from chalicelib.collections.record import Record, not_ended
from chalicelib.dynamo import stretches
from chalicelib.dynamo.expressions import all_of
from chalicelib.dynamo.ordering import LAST, next_below
from chalicelib.dynamo.tables import main
from chalicelib.errors import CountTooLarge
from chalicelib.where.evaluate import EMPTY, compiled

if TYPE_CHECKING:
    from chalicelib.collections.definitions import Collection
    from chalicelib.collections.planning import Plan
    from chalicelib.dynamo.expressions import Condition
    from chalicelib.dynamo.stretches import Answer, Stretch

MAX_SCANNED = 2000
"""Records that a page may look at to find those that match."""
MAX_CALLS = 128
"""Calls after which a page ends: of many ids that are given, none may be stored."""
MAX_COUNT_CALLS = 100
"""Calls that a count may take besides the first of each stretch, 1 MB each."""
_FILTERED_AT_LEAST, _FILTERED_FACTOR = 100, 4
_SIDE_BY_SIDE = 16


@dataclass
class Cost:
    """What reading took: calls, records looked at, and read units as DynamoDB counts them."""

    calls: int = 0
    scanned: int = 0
    units: float = 0.0

    def add(self, answer: Answer) -> None:
        """Count a call."""
        self.calls += 1
        self.scanned += answer.scanned
        self.units += answer.units

    def document(self) -> dict[str, Any]:
        """The cost as the API shows it."""
        return {"calls": self.calls, "scanned": self.scanned, "units": self.units}


@dataclass(frozen=True)
class RecordPage:
    """Records in order, and the sort key from which the next page goes on, which may be empty.

    ``places`` has for each record the sort key from which a page would go on after it.
    """

    records: Sequence[Record]
    next: str | None
    places: Callable[[Record], str]
    cost: Cost = field(default_factory=Cost)


class _Reader:
    """A stretch: what was read of it and not given out, and what is still unread."""

    __slots__ = ("buffer", "unread")

    def __init__(self, unread: Stretch) -> None:
        self.unread: Stretch | None = unread
        self.buffer: list[Record] = []


class _Pages:
    """One page in the making."""

    def __init__(self, collection: Collection, plan: Plan, limit: int, start: str | None) -> None:
        self.plan, self.limit, self.forward = plan, limit, plan.forward
        self.condition = plan.compiled.condition
        self.rest = None if plan.compiled.rest is None else compiled(plan.compiled.rest)
        self.ends = collection.may_end
        self.filters = self.condition is not None or self.rest is not None
        self.cost = Cost()
        self.is_cut = False
        self.piece = _FILTERED_AT_LEAST
        parts = map(self._from(start), plan.stretches)
        self.readers = [_Reader(part) for part in parts if part is not None]
        self.sort_key = _sort_key_of(plan)

    def _from(self, start: str | None) -> Callable[[Stretch], Stretch | None]:
        forward = self.forward
        return lambda stretch: stretch.between(low=start) if forward else stretch.between(high=start)

    def page(self) -> RecordPage:
        found: list[Record] = []
        while True:
            self._read(self.limit - len(found))
            boundary = self._boundary()
            found += self._merged(boundary, self.limit - len(found))
            if len(found) >= self.limit and (boundary is not None or any(reader.buffer for reader in self.readers)):
                return RecordPage(found, self.after(found[-1]), self.after, self.cost)
            if boundary is None or self.is_cut or self.cost.scanned >= MAX_SCANNED or self.cost.calls >= MAX_CALLS:
                return RecordPage(found, boundary, self.after, self.cost)

    def after(self, record: Record) -> str:
        """Where a page goes on after a record."""
        return _beyond(self.sort_key(record), forward=self.forward)

    def _read(self, wanted: int) -> None:
        """Read the next piece of those stretches from which the next records can come."""
        hungry = self._nearest(
            [(each, each.unread) for each in self.readers if each.unread and not each.buffer], wanted
        )
        share = wanted if len(hungry) < 2 else min(wanted, 2 * -(-wanted // len(hungry)) + 2)  # noqa: PLR2004
        if self.filters:
            share = max(self.piece, share * _FILTERED_FACTOR)
            self.piece *= 2  # little was found: look at more at once
        budget = MAX_SCANNED - self.cost.scanned
        hungry = hungry[:budget]
        size = min(share, budget // max(len(hungry), 1))
        answers = _side_by_side(partial(self._piece, size), [stretch for _, stretch in hungry])
        for (reader, stretch), answer in zip(hungry, answers, strict=True):
            self.cost.add(answer)
            rest = None if answer.last is None else self._from(_beyond(answer.last, forward=self.forward))(stretch)
            self.is_cut |= rest is not None and answer.scanned < size
            reader.unread, reader.buffer = rest, matching(answer, self.rest, ends=self.ends)

    def _nearest(self, hungry: list[tuple[_Reader, Stretch]], wanted: int) -> list[tuple[_Reader, Stretch]]:
        """Those of which the stretches overlap the nearest one; of single records, as many as are wanted."""
        if len(hungry) < 2:  # noqa: PLR2004 - nothing to choose from
            return hungry
        forward = self.forward
        hungry.sort(key=lambda pair: self._start(pair[1]), reverse=not forward)
        nearest = hungry[0][1]
        chosen: list[tuple[_Reader, Stretch]] = []
        for reader, unread in hungry:
            overlaps = _low(unread) <= _high(nearest) if forward else _high(unread) >= _low(nearest)
            if not overlaps and (not unread.is_point or len(chosen) >= min(wanted, _SIDE_BY_SIDE)):
                break
            chosen.append((reader, unread))
        return chosen

    def _start(self, stretch: Stretch) -> str:
        return _low(stretch) if self.forward else _high(stretch)

    def _piece(self, size: int, stretch: Stretch) -> Answer:
        parameters = stretches.request(main, stretch, self.condition, forward=self.forward, limit=size)
        return stretches.read(main, stretch, parameters)

    def _boundary(self) -> str | None:
        """Where the unread begins; None when everything was read."""
        starts = [self._start(reader.unread) for reader in self.readers if reader.unread is not None]
        if not starts:
            return None
        return min(starts) if self.forward else max(starts)

    def _merged(self, boundary: str | None, wanted: int) -> list[Record]:
        """The next records out of the buffers, none from beyond the boundary."""
        if len(self.readers) == 1:
            reader = self.readers[0]
            taken, reader.buffer = reader.buffer[:wanted], reader.buffer[wanted:]
            return taken
        key, forward = self.sort_key, self.forward
        keyed = [(key(record), record, reader) for reader in self.readers for record in reader.buffer]
        if boundary is not None:
            keyed = [each for each in keyed if (each[0] < boundary if forward else each[0] > boundary)]
        keyed.sort(key=itemgetter(0), reverse=not forward)
        counts = Counter(id(reader) for _, _, reader in keyed[:wanted])
        for reader in self.readers:
            reader.buffer = reader.buffer[counts[id(reader)] :]
        return [record for _, record, _ in keyed[:wanted]]


def _sort_key_of(plan: Plan) -> Callable[[Record], str]:
    if plan.index is None:
        return lambda record: record.id
    attribute = plan.index.attributes[1]
    return lambda record: (record.stored or {})[attribute]["S"]


def _low(stretch: Stretch) -> str:
    return FIRST if stretch.low is None else stretch.low


def _high(stretch: Stretch) -> str:
    return LAST if stretch.high is None else stretch.high


def _beyond(key: str, *, forward: bool) -> str:
    """The next sort key that there may be. No key goes on after another's end with a character below ``FIRST``."""
    if forward:
        return key + FIRST
    below = next_below({"S": key})
    return FIRST if below is None else below["S"]


def matching(answer: Answer, rest: Any, *, ends: bool) -> list[Record]:
    """The records of an answer that have not ended and meet what DynamoDB does not decide."""
    records = Record.from_items(answer.items)
    if ends:
        now = time.time()
        records = [record for record in records if not record.is_gone(now)]
    return records if rest is None else [record for record in records if rest(record.document(), EMPTY)]


def _side_by_side(read: Callable[[Stretch], Answer], pieces: list[Stretch]) -> list[Answer]:
    return [read(pieces[0])] if len(pieces) == 1 else list(main.session.pool.map(read, pieces))


def page(collection: Collection, plan: Plan, limit: int, start: str | None = None) -> RecordPage:
    """The first records of a plan from a sort key on: ``limit`` if there are so many within the page's budget.

    A page may be short, or empty, and yet have a ``next``: when it has looked at 2,000 records, has taken 128 calls, or
    when DynamoDB ended a call at 1 MB. A call for each stretch that it needs; units by the size of what was looked at.
    """
    return _Pages(collection, plan, limit, start).page()


def count(collection: Collection, plan: Plan) -> tuple[int, Cost]:
    """How many records a plan finds, exactly, and what it took: as much as reading them all.

    Raises:
        CountTooLarge: it takes more than 100 calls, 1 MB each (422).
    """
    condition = all_of([plan.compiled.condition, not_ended() if collection.may_end else None])
    rest = None if plan.compiled.rest is None else compiled(plan.compiled.rest)
    total, cost = 0, Cost()
    pending = list(plan.stretches)
    most = MAX_COUNT_CALLS + len(pending)
    while pending:
        if cost.calls + len(pending) > most:
            raise CountTooLarge(
                f"Counting these records would take reading more than {MAX_COUNT_CALLS} MB. Ask for fewer with 'where'."
            )
        answers = _side_by_side(partial(_counted, condition, whole=rest is not None), pending)
        following = []
        for stretch, answer in zip(pending, answers, strict=True):
            cost.add(answer)
            total += answer.matches if rest is None else len(matching(answer, rest, ends=False))
            part = None if answer.last is None else stretch.between(low=answer.last + FIRST)
            following += [] if part is None else [part]
        pending = following
    return total, cost


def _counted(condition: Condition | None, stretch: Stretch, *, whole: bool) -> Answer:
    parameters = stretches.request(main, stretch, condition, count=not whole)
    return stretches.read(main, stretch, parameters)
