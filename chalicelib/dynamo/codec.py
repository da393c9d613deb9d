"""Python values to DynamoDB's attribute values and back.

``encode`` refuses what DynamoDB has no place for, before the call; ``decode`` gives what ``encode`` was given, but for
tuples (lists), ``1.0`` (``1``: DynamoDB keeps numbers, not their spelling) and numbers that neither a 64-bit integer
nor a float holds exactly, which come as ``Decimal``. Limits:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from chalicelib.dynamo.errors import AttributeValue, Item, Unstorable

MAX_DEPTH = 32
"""Levels of lists and maps within an attribute's value."""
MAX_ITEM_BYTES = 400 * 1024
MAX_NAME_BYTES = 255
MAX_DIGITS = 38

_SMALLEST, _LARGEST = 1e-130, 1e126
_NORMAL = Context(prec=MAX_DIGITS, Emax=125, Emin=-130)
_INT_LIMIT = 10**MAX_DIGITS
_EXACT_FLOAT_DIGITS = 15
_INT_DIGITS = 19
"""The first length at which digits may be more than a 64-bit integer."""
_INT64_MIN, _UINT64_MAX = -(2**63), 2**64 - 1


def encode(value: Any, depth: int = 0) -> AttributeValue:  # noqa: C901 - one branch a type
    """The attribute value of a Python value.

    Raises:
        Unstorable: the value (at ``path``) is too deep, too long a number, empty-named, or of no type DynamoDB has.
    """
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is bool:
        return {"BOOL": value}
    if kind is int or kind is float or kind is Decimal:
        return {"N": number_text(value)}
    if value is None:
        return {"NULL": True}
    if kind is dict:
        return {"M": encode_map(value, depth)}
    if kind is list or kind is tuple:
        if depth >= MAX_DEPTH - 1:
            raise Unstorable(f"is nested deeper than {MAX_DEPTH - 1} levels")
        encoded: list[AttributeValue] = []
        for index, element in enumerate(value):
            try:
                encoded.append(encode(element, depth + 1))
            except Unstorable as error:
                raise error.within(index) from None
        return {"L": encoded}
    if kind is bytes:
        return {"B": b64encode(value).decode()}
    if kind in (set, frozenset):
        return _encode_set(value)
    raise Unstorable(f"is of the type {kind.__name__}, which DynamoDB does not have")


def encode_map(value: Mapping[str, Any], depth: int = 0) -> Item:
    """The attribute values of a mapping's values, by name.

    Raises:
        Unstorable: as ``encode``; or a name is empty or longer than 255 bytes.
    """
    if depth >= MAX_DEPTH - 1:
        raise Unstorable(f"is nested deeper than {MAX_DEPTH - 1} levels")
    encoded: Item = {}
    for name, element in value.items():
        if type(element) is str:
            encoded[name] = {"S": element}
        else:
            try:
                encoded[name] = encode(element, depth + 1)
            except Unstorable as error:
                raise error.within(name) from None
        if type(name) is not str or not name or len(name) > MAX_NAME_BYTES // 4:
            check_name(name)
    return encoded


def check_name(name: str) -> None:
    """Refuse what cannot be an attribute's name.

    Raises:
        Unstorable: it is no string, empty, or longer than 255 bytes.
    """
    if type(name) is not str:
        raise Unstorable(f"has a property of which the name is of the type {type(name).__name__}, not a string")
    if not name:
        raise Unstorable("has a property with an empty name")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise Unstorable(f"has a property name longer than {MAX_NAME_BYTES} bytes")


def number_text(value: float | Decimal) -> str:
    """The digits of a number as DynamoDB takes them.

    Raises:
        Unstorable: more than 38 significant digits, or a magnitude outside 1E-130 to 9.9…E+125.
    """
    if type(value) is int:
        if -_INT_LIMIT < value < _INT_LIMIT:
            return str(value)
        return _decimal_text(Decimal(value))
    if type(value) is float:
        if value == 0:
            return "0"
        if _SMALLEST <= abs(value) < _LARGEST:
            return repr(value)
        raise Unstorable("is a number outside 1E-130 to 9.9E+125, the range that can be stored")
    return _decimal_text(Decimal(value))


def _decimal_text(value: Decimal) -> str:
    if not value.is_finite():
        raise Unstorable("is not a finite number")
    if not value:
        return "0"
    digits = "".join(map(str, value.as_tuple().digits)).strip("0")
    if len(digits) > MAX_DIGITS:
        raise Unstorable(f"is a number of {len(digits)} digits; at most {MAX_DIGITS} can be stored")
    if not -130 <= value.adjusted() <= 125:  # noqa: PLR2004 - DynamoDB's range of exponents
        raise Unstorable("is a number outside 1E-130 to 9.9E+125, the range that can be stored")
    return str(_NORMAL.normalize(value))


def _encode_set(value: frozenset[Any]) -> AttributeValue:
    elements = list(value)
    if elements and all(type(element) is str for element in elements):
        return {"SS": sorted(elements)}
    if elements and all(type(element) is bytes for element in elements):
        return {"BS": [b64encode(element).decode() for element in sorted(elements)]}
    if elements and all(type(element) in (int, float, Decimal) for element in elements):
        return {"NS": [number_text(element) for element in sorted(elements)]}
    raise Unstorable("is a set that is empty or not all strings, all numbers or all bytes")


def decode(value: AttributeValue) -> Any:
    """The Python value of an attribute value."""
    ((kind, content),) = value.items()
    if kind == "S" or kind == "BOOL":  # noqa: PLR1714 - twice as fast as a set
        return content
    if kind == "N":
        return number(content)
    if kind == "NULL":
        return None
    if kind == "M":
        return decode_map(content)
    if kind == "L":
        return [decode(element) for element in content]
    if kind == "B":
        return b64decode(content)
    if kind == "SS":
        return set(content)
    if kind == "NS":
        return {number(element) for element in content}
    return {b64decode(element) for element in content}


def decode_map(item: Mapping[str, AttributeValue]) -> dict[str, Any]:
    """The Python values of an item's or a map's attribute values, by name."""
    decoded: dict[str, Any] = {}
    for name, value in item.items():
        if "S" in value:
            decoded[name] = value["S"]
        elif "N" in value:
            digits = value["N"]
            decoded[name] = int(digits) if len(digits) < _INT_DIGITS and digits.isdigit() else number(digits)
        else:
            decoded[name] = decode(value)
    return decoded


def number(text: str) -> int | float | Decimal:
    """The number of DynamoDB's text: an int of at most 64 bits, else a float if it holds it exactly, else a Decimal."""
    try:
        whole = int(text)
    except ValueError:
        pass
    else:
        return whole if _INT64_MIN <= whole <= _UINT64_MAX else Decimal(text)
    approximate = float(text)
    if len(text) <= _EXACT_FLOAT_DIGITS:
        return approximate
    try:
        exact = Decimal(text)
    except InvalidOperation:  # pragma: no cover - DynamoDB stores no such text
        return approximate
    return approximate if Decimal(repr(approximate)) == exact else exact


def item_size(item: Mapping[str, AttributeValue]) -> int:
    """The stored size of an item in bytes, as DynamoDB counts it for its limit and its capacity units.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: AttributeValue) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return len(content.strip("-0.")) // 2 + 2
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "B":
        return len(content.rstrip("=")) * 3 // 4
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value_size(member) for name, member in content.items())
    if kind == "L":
        return 3 + sum(1 + _value_size(element) for element in content)
    return sum(_value_size({kind[0]: element}) for element in content)
