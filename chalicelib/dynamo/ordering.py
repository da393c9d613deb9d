"""Texts that sort as the values do: how values other than strings become part of a key. Pure.

A number is a sign, the place of its first digit, its digits and an end that sorts before all digits: ``42`` is ``2``
``131`` ``42`` ``!``. Of a negative number all digits are complemented to nine, and its end is ``~``, which sorts after
them. Exact for all of DynamoDB's numbers, and whatever follows in the key.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from decimal import Context, Decimal
from operator import eq, ge, gt, le, lt
from typing import Any

from chalicelib.dynamo.errors import AttributeValue

LAST = "\U0010ffff"
"""A text that sorts after every other: DynamoDB compares strings by their UTF-8 bytes."""
SURROGATES = range(0xD800, 0xE000)
"""The halves of pairs, which are no characters: no text has them, and the order of texts leaves them out."""
HOLDS: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}
"""What DynamoDB's operators say of two ranks or two numbers."""
_BIAS = 130
_NEGATIVE, _ZERO, _POSITIVE = "0", "1", "2"
_COMPLEMENT = str.maketrans("0123456789", "9876543210")
_EXACT = Context(prec=38)
_STORED = Context(prec=38, Emax=125, Emin=-130, traps=[])
_TINIEST = Decimal("1E-130")
_KEY_BYTES = 1024


def sortable(value: AttributeValue) -> str:
    """A text that sorts among those of its type as the value does.

    Raises:
        TypeError: values of this type have no order (lists, maps, sets) or none as text (binaries).
    """
    ((kind, content),) = value.items()
    if kind == "S":
        return str(content)
    if kind == "N":
        return _sortable_number(Decimal(content))
    if kind == "BOOL":
        return "1" if content else "0"
    raise TypeError(f"values of the type {kind} cannot be a part of a key")


def canonical(value: AttributeValue) -> str:
    """A readable text that two values share when they are equal: ``1`` and ``1.0`` do.

    Raises:
        TypeError: as ``sortable``.
    """
    if "N" not in value:
        return sortable(value)
    digits: str = value["N"]
    return digits if digits.isdigit() else format(_EXACT.normalize(Decimal(digits)), "f")


def _sortable_number(number: Decimal) -> str:
    if not number:
        return _ZERO
    digits = "".join(map(str, number.as_tuple().digits)).rstrip("0")
    text = f"{number.adjusted() + _BIAS:03}{digits.lstrip('0')}"
    return _POSITIVE + text + "!" if number > 0 else _NEGATIVE + text.translate(_COMPLEMENT) + "~"


def rank(value: AttributeValue) -> Any:
    """What a key attribute's value is compared by: strings by their UTF-8 bytes, numbers as such, binaries by bytes."""
    ((kind, content),) = value.items()
    if kind == "N":
        return Decimal(content)
    return b64decode(content) if kind == "B" else content.encode()


def next_above(value: AttributeValue) -> AttributeValue | None:
    """The least value of a sort key that is greater; None when there is none."""
    ((kind, content),) = value.items()
    if kind == "S":
        return {"S": content + "\0"}
    if kind == "B":
        return {"B": b64encode(b64decode(content) + b"\0").decode()}
    number = Decimal(content)
    above = _STORED.next_plus(number) if number else _TINIEST
    return {"N": str(above)} if above.is_finite() else None


def next_below(value: AttributeValue) -> AttributeValue | None:
    """The greatest value of a sort key that is less; None when there is none. Texts do not go on after ``LAST``."""
    ((kind, content),) = value.items()
    if kind == "S":
        if content[-1:] in ("", "\0"):
            return {"S": content[:-1]} if content[:-1] else None
        place = ord(content[-1]) - 1
        return {"S": content[:-1] + chr(SURROGATES.start - 1 if place in SURROGATES else place) + LAST}
    if kind == "B":
        raw = b64decode(content)
        if raw[-1:] in (b"", b"\0"):
            return {"B": b64encode(raw[:-1]).decode()} if raw[:-1] else None
        shorter = raw[:-1] + bytes([raw[-1] - 1])
        return {"B": b64encode(shorter.ljust(_KEY_BYTES, b"\xff")).decode()}
    number = Decimal(content)
    below = _STORED.next_minus(number) if number else -_TINIEST
    return {"N": str(below)} if below.is_finite() else None
