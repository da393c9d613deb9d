"""Moments: Unix seconds in the table, RFC 3339 in the API."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_FORM = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?([Zz]|[-+][0-9]{2}:[0-9]{2})"
)
"""RFC 3339, 5.6."""
_END = 253_402_300_800  # the year 10000


def parse(text: str) -> int | None:
    """The second of a date-time with its offset; None if it is none, or not between the years 1970 and 9999."""
    parts = _FORM.fullmatch(text)
    if parts is None:
        return None
    date, clock, offset = parts.groups()
    try:
        found = datetime.fromisoformat(f"{date}T{clock}{'+00:00' if offset in 'Zz' else offset}").timestamp()
    except ValueError:
        return None
    return int(found) if 0 <= found < _END else None


def text(seconds: int) -> str:
    """A second as records' moments are written, in UTC with milliseconds."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"


def shown(seconds: int | None) -> str | None:
    """The same for a moment that there may not be."""
    return None if seconds is None else text(seconds)
