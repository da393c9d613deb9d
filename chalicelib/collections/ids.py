"""Record ids and collection names: what they may be, and making new ones."""

from __future__ import annotations

import os
import re
import threading
import time
from datetime import datetime, timezone

ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._~:@=+,-]{1,128}\Z")
"""Ids are made of characters that mean the same whether or not a path is percent-encoded once more."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
ID_RULE = "An id is 1 to 128 of the characters A-Z a-z 0-9 . _ ~ : @ = + , - and neither '.' nor '..'."
NAME_RULE = "A collection name is a letter, then up to 63 letters, digits, '_' and '-'."

_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """A UUIDv7 (RFC 9562, 5.7) later than every earlier one of this process.

    48 bits of Unix milliseconds, 12 bits of the fraction of the millisecond, 62 random bits.
    """
    global _last  # noqa: PLW0603 - the clock of a process
    with _lock:
        moment = max((time.time_ns() << 12) // 1_000_000, _last + 1)
        _last = moment
    milliseconds, fraction = moment >> 12, moment & 0xFFF
    random = int.from_bytes(os.urandom(8), "big") >> 2
    digits = f"{milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | random:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def time_of(record_id: str) -> int | None:
    """The Unix milliseconds within a UUIDv7, None for any other id."""
    if _UUID7.match(record_id) is None:
        return None
    return int(record_id[:8] + record_id[9:13], 16)


def timestamp() -> str:
    """Now, as records have it: RFC 3339 in UTC with milliseconds."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"
