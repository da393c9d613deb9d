"""Days, and the periods of quotas: UTC days, ISO weeks (from Monday) and months of the calendar.

A day is its number since 1970-01-01; moments are nanoseconds since then.
"""

from __future__ import annotations

from datetime import date, timedelta

DAY = 24 * 3600 * 1_000_000_000
"""Nanoseconds."""
PERIODS = ("day", "week", "month")
_EPOCH = date(1970, 1, 1).toordinal()


def day_of(moment: int) -> int:
    """The UTC day of a moment."""
    return moment // DAY


def text(day: int) -> str:
    """A day as ``2026-11-21``, which sorts as days do."""
    return _date(day).isoformat()


def parse(day: str) -> int | None:
    """The day of such a text; None if it is none."""
    try:
        found = date.fromisoformat(day)
    except ValueError:
        return None
    return found.toordinal() - _EPOCH if found.isoformat() == day else None


def first(period: str, day: int) -> int:
    """The first day of the period that a day is in."""
    if period == "week":
        return day - _date(day).weekday()
    return day if period == "day" else day - _date(day).day + 1


def end(period: str, day: int) -> int:
    """The first day after the period that a day is in."""
    if period == "month":
        return first("month", first("month", day) + 31)
    return first(period, day) + (7 if period == "week" else 1)


def _date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=day)
