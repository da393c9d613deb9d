"""Texts for index keys: one that equal values share, and one that sorts as values do. Pure."""

from __future__ import annotations

from decimal import Context, Decimal
from hashlib import sha256
from typing import Any

from chalicelib.dynamo.codec import MAX_DIGITS, encode, number_text
from chalicelib.dynamo.ordering import LAST, sortable
from chalicelib.schema.json_text import canonical

MAX_PLAIN = 512
"""Bytes of a value that are kept readable in a partition key (2,048 bytes in all); a longer one is hashed."""
MAX_SORTED = 220
"""Characters of a string that a sort key (1,024 bytes in all) keeps; strings that differ only after them sort by id.

Not bytes: a character of which some bytes are cut off would sort before what it follows.
"""
NULL, BOOLEAN, NUMBER, STRING, OTHER = "01234"
"""What the text of a value begins with; ``OTHER`` are lists and maps, which have no order."""
AFTER = "\x7f"
"""Sorts after everything that an id has."""
_END = "\x01"
_ESCAPED = str.maketrans({"\x00": "\x02\x01", "\x01": "\x02\x02", "\x02": "\x02\x03"})
_EXACT = Context(prec=MAX_DIGITS)

__all__ = ["AFTER", "LAST", "identity", "order"]


def identity(value: Any) -> str:
    """A text that two values share exactly when JSON Schema holds them equal: 1 and 1.0 do, 1 and "1" do not."""
    text = _numbers_as_one(value)
    if isinstance(text, str) and len(text.encode()) <= MAX_PLAIN:
        return "s" + text
    return "h" + sha256(canonical(text)).hexdigest()


def _numbers_as_one(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {name: _numbers_as_one(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_numbers_as_one(element) for element in value]
    return _EXACT.normalize(Decimal(number_text(value)))


def order(value: Any) -> str:
    """A text that sorts as the value does: null, false, true, numbers, strings, then lists and maps, all alike.

    No text is the beginning of another's, but that of a string of more than 220 characters, which is cut.
    """
    if value is None:
        return NULL
    if isinstance(value, bool):
        return BOOLEAN + ("1" if value else "0")
    if isinstance(value, str):
        return beginning(value) + ("" if is_cut(value) else _END)
    if isinstance(value, (dict, list, tuple)):
        return OTHER
    return NUMBER + sortable(encode(value))


def beginning(prefix: str) -> str:
    """What the texts of all strings with this prefix begin with, or with as much of it as a sort key keeps."""
    return STRING + prefix[:MAX_SORTED].translate(_ESCAPED)[:MAX_SORTED]


def is_cut(value: str) -> bool:
    """Whether the text does not say all of the string."""
    return len(value) * 2 > MAX_SORTED and len(value.translate(_ESCAPED)) > MAX_SORTED
