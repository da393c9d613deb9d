"""What is stored of a caller's day, in one item: its bucket, what it took of its quota, and its usage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.access import windows
from chalicelib.dynamo.expressions import all_of
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main

if TYPE_CHECKING:
    from chalicelib.access.leases import Ask
    from chalicelib.access.usage import Counts
    from chalicelib.dynamo.expressions import Condition
    from chalicelib.dynamo.updates import Update

KEPT_DAYS = 90


class Day(Model, table=main):
    """A caller's day. What was never counted is None; ``tat`` and ``taken`` are for ``leases``."""

    caller: Attr[str]
    day: Attr[str] = field(name="sk")
    tat: Attr[int | None] = field(default=None)
    taken: Attr[int | None] = field(default=None)
    calls: Attr[int | None] = field(default=None)
    rejected: Attr[int | None] = field(default=None)
    bytes_in: Attr[int | None] = field(default=None)
    bytes_out: Attr[int | None] = field(default=None)
    read_units: Attr[float | None] = field(default=None)
    write_units: Attr[float | None] = field(default=None)
    expires_at: Attr[int] = field(name="_ttl")
    key = Key(pk="rate#{caller}", sk="{day}")


class Active(Model, table=main):
    """That a caller has usage on a day, for those who ask about all callers."""

    day: Attr[str]
    caller: Attr[str] = field(name="sk")
    expires_at: Attr[int] = field(name="_ttl")
    key = Key(pk="usage#{day}", sk="{caller}")


def expiry(day: int, kept: int = KEPT_DAYS) -> int:
    """When the item of a day ends, in Unix seconds."""
    return (day + 1 + kept) * 24 * 3600


def read(caller: str, first: int, last: int) -> list[Day]:
    """The stored ones of some days of a caller. One Query, consistent."""
    days = Day.query(caller=caller).where(Day.day.between(windows.text(first), windows.text(last)))
    return days.consistent().all()


def take(caller: str, day: int, ask: Ask, counts: Counts | None, kept: int) -> Day:
    """Do what is asked, and count; the caller's day as it is then. One UpdateItem.

    Raises:
        ConditionFailed: what is stored does not allow it.
    """
    update = _update(caller, day, counts, kept).when(_condition(ask))
    if ask.start is not None:
        update.set(Day.tat, ask.start)
    elif ask.push is not None:
        update.add(Day.tat, ask.push)
    if ask.most_taken is not None:
        update.add(Day.taken, ask.cost)
    return update.run()


def add(caller: str, day: int, counts: Counts | None, returned: int = 0, kept: int = KEPT_DAYS) -> None:
    """Count, and give back to the quota what was left over. One UpdateItem."""
    update = _update(caller, day, counts, kept)
    if returned:
        update.add(Day.taken, -returned)
    update.run("none")


def announce(caller: str, day: int) -> None:
    """Let it be found that a caller has usage on a day. One PutItem; to repeat it changes nothing."""
    Active(day=windows.text(day), caller=caller, expires_at=expiry(day)).put()


def _update(caller: str, day: int, counts: Counts | None, kept: int) -> Update[Day]:
    update = Day.upsert(caller=caller, day=windows.text(day)).set(Day.expires_at, expiry(day, kept))
    if counts is not None:
        for name, amount in counts.items():
            if amount:
                update.add(getattr(Day, name), amount)
    return update


def _condition(ask: Ask) -> Condition | None:
    conditions: list[Condition] = []
    if ask.start is not None:
        absent = Day.tat.missing()
        conditions.append(absent if ask.low is None else absent | (Day.tat < ask.low))
    elif ask.low is not None and ask.high is not None:
        conditions.append(Day.tat.between(ask.low, ask.high))
    if ask.most_taken is not None:
        within = Day.taken <= ask.most_taken
        conditions.append(within if ask.most_taken < 0 else Day.taken.missing() | within)
    return all_of(conditions)
