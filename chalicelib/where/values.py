"""What the operators do with values. Total: whatever the operands are, there is an answer and no exception.

Values are those of JSON, and sets and bytes, which DynamoDB has besides. A tuple is a list. Numbers are decimals: a
float is the shortest decimal that reads back as it, so that ``0.1`` is a tenth.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

MAX_DIGITS = 38
"""Significant digits of a number; and its largest and smallest exponent:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
MIN_EXPONENT, MAX_EXPONENT = -130, 125

_SAFE = 2.0**53
"""Up to here an int and a float compare as their decimals do."""
_ARITHMETIC = Context(prec=MAX_DIGITS, traps=[])
_LISTS = (list, tuple)
_SETS = (set, frozenset)


def exact(value: object) -> Decimal | None:
    """The decimal of a number; None of anything else, of booleans, and of what is not finite."""
    if isinstance(value, int):
        return None if isinstance(value, bool) else Decimal(value)
    if isinstance(value, float):
        number = Decimal(repr(value))
    elif isinstance(value, Decimal):
        number = value
    else:
        return None
    return number if number.is_finite() else None


def canonical(number: Decimal) -> int | float | Decimal:
    """A number as a literal has it: an int if it has neither fraction nor exponent, else as ``fractional``."""
    return int(number) if number.as_tuple().exponent == 0 else fractional(number)


def fractional(number: Decimal) -> int | float | Decimal:
    """A number that is written with a fraction or an exponent: a float if that loses no digit."""
    approximate = float(number)
    if exact(approximate) == number:
        return approximate
    return int(number) if number.as_tuple().exponent == 0 else number


def is_storable(number: Decimal) -> bool:
    """Whether DynamoDB has the number: 38 significant digits, 1E-130 to 9.9…E+125."""
    if not number:
        return True
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    return len(digits) <= MAX_DIGITS and MIN_EXPONENT <= number.adjusted() <= MAX_EXPONENT


def equal(left: object, right: object) -> bool:
    """``==``: the same type and the same content, all the way down."""
    pending = [(left, right)]
    while pending:
        one, other = pending.pop()
        kind = type(one)
        if kind is type(other) and kind in (str, int, bool):
            if one != other:
                return False
        elif isinstance(one, _LISTS) and isinstance(other, _LISTS):
            if len(one) != len(other):
                return False
            pending.extend(zip(one, other, strict=True))
        elif isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            pending.extend((member, other[name]) for name, member in one.items())
        elif not _equal_scalars(one, other):
            return False
    return True


def _equal_scalars(one: object, other: object) -> bool:
    if one is None or other is None:
        return one is other
    if isinstance(one, bytes):
        return isinstance(other, bytes) and one == other
    if isinstance(one, _SETS):
        return isinstance(other, _SETS) and _elements(one) == _elements(other)
    number = exact(one)
    return number is not None and number == exact(other)


def _elements(values: set[Any] | frozenset[Any]) -> set[object]:
    return {value if (number := exact(value)) is None else number for value in values}


def ordered(operator: Callable[[Any, Any], bool], left: object, right: object) -> bool:
    """Two strings, two numbers or two bytes compared by one of Python's operators; false for anything else.

    Strings compare by code points, which is the order of their UTF-8 bytes.
    """
    kind, other = type(left), type(right)
    if kind is other and kind in (str, int, bytes):
        return operator(left, right)
    if kind in (int, float) and other in (int, float) and _is_safe(left) and _is_safe(right):
        return operator(left, right)
    one = exact(left)
    if one is None:
        return False
    two = exact(right)
    return two is not None and operator(one, two)


def _is_safe(value: Any) -> bool:
    return bool(-_SAFE <= value <= _SAFE)


def is_orderable(value: object) -> bool:
    """Whether any ordering with the value can be true."""
    return isinstance(value, (str, bytes)) or exact(value) is not None


def contains(container: object, element: object) -> bool:
    """Whether a list or set has an equal element, or a string has the substring."""
    if isinstance(container, str):
        return isinstance(element, str) and element in container
    return is_element(element, container)


def is_element(element: object, options: object) -> bool:
    """``in``: whether a list or set has an element that is equal."""
    return isinstance(options, (*_LISTS, *_SETS)) and any(equal(element, option) for option in options)


def starts_with(value: object, prefix: object) -> bool:
    """Whether both are strings and one begins with the other."""
    return isinstance(value, str) and isinstance(prefix, str) and value.startswith(prefix)


def size(value: object) -> int | None:
    """The UTF-16 code units of a string (as DynamoDB Local counts), the bytes of bytes, the elements of the others.

    None of null, booleans and numbers.
    """
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-16-le", "surrogatepass")) // 2
    if isinstance(value, (*_LISTS, *_SETS, dict, bytes)):
        return len(value)
    return None


_OPERATIONS: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": _ARITHMETIC.add,
    "-": _ARITHMETIC.subtract,
    "*": _ARITHMETIC.multiply,
    "/": _ARITHMETIC.divide,
}


def compute(operator: str, left: object, right: object) -> int | float | Decimal | None:
    """The result of arithmetic, rounded to 38 digits (half to even).

    None if an operand is no number, for a division by zero, and out of DynamoDB's range.
    """
    one, two = exact(left), exact(right)
    if one is None or two is None:
        return None
    result = _OPERATIONS[operator](one, two)
    if not result.is_finite() or not is_storable(result):
        return None
    whole = result.to_integral_value()
    return int(whole) if whole == result and whole.adjusted() < MAX_DIGITS else canonical(result)


def path_value(value: object, path: tuple[str | int, ...]) -> object:
    """What a path leads to; None where it leads nowhere."""
    for part in path:
        if isinstance(part, str):
            if not isinstance(value, dict):
                return None
            value = value.get(part)
        elif isinstance(value, _LISTS) and 0 <= part < len(value):
            value = value[part]
        else:
            return None
    return value
