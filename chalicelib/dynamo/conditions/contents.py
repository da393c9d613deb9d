"""What DynamoDB says of the elements, the substrings and the size of a value, as terms. Pure."""

from __future__ import annotations

from typing import Any

from chalicelib.dynamo.conditions.terms import (
    NULL,
    Term,
    compared,
    compared_number,
    exact,
    is_null,
    joined,
    one_of,
    stored,
)
from chalicelib.dynamo.expressions import MAX_IN_VALUES, Condition, Encoded, Expression, Part, Path
from chalicelib.dynamo.ordering import HOLDS, LAST, SURROGATES
from chalicelib.where import values


def has_element(path: Path[Any], value: object) -> Term:
    """That the value is a list with the element. DynamoDB's ``contains`` of a string holds in strings too."""
    term = contains(path, value)
    return joined("AND", [exact(path.type_is("L")), term]) if isinstance(value, str) else term


def contains(path: Path[Any], value: object) -> Term:
    """That the value is a list with the element, or a string with the substring."""
    operand = stored(value)
    return exact(operand is not None and _contains(path, operand))


def contains_path(path: Path[Any], element: Path[Any]) -> Term:
    """That the value is a list with the other as an element, which may be missing, or a string with it within."""
    if path.names == element.names:
        return exact(path.type_is("S"))
    return exact(_contains(path, element) | (is_null(element) & _contains(path, NULL)))


def has_element_path(path: Path[Any], element: Path[Any]) -> Term:
    """That the value is a list with the other as an element, which may be missing."""
    return joined("AND", [exact(path.type_is("L")), contains_path(path, element)])


def starts_with(path: Path[Any], prefix: object) -> Term:
    """That the value is a string that begins so.

    It is an interval, the same by the order of strings' bytes: MiniStack fails where ``begins_with`` meets a number.
    """
    if not isinstance(prefix, str):
        return exact(side=False)
    operand = stored(prefix)
    if operand is None or not prefix:
        return exact(operand is not None and path.type_is("S"))
    condition = compared(path, ">=", operand)
    stem = prefix.rstrip(LAST)
    if stem:
        place = ord(stem[-1]) + 1
        after = stem[:-1] + chr(SURROGATES.stop if place in SURROGATES else place)
        condition &= compared(path, "<", Encoded({"S": after}))
    return exact(condition)


def starts_with_path(path: Path[Any], prefix: Path[Any]) -> Term:
    """That the value is a string that begins with the other; it is not less then, and MiniStack knows no more."""
    if path.names == prefix.names:
        return exact(path.type_is("S"))
    return Term(prefix.type_is("S") & compared(path, ">=", prefix), must=False)


def is_prefix(path: Path[Any], text: object) -> Term:
    """That the value is a string that this one begins with."""
    if not isinstance(text, str):
        return exact(side=False)
    if len(text) < MAX_IN_VALUES:
        return one_of(path, [text[:length] for length in range(len(text) + 1)])
    return Term(path.type_is("S"), must=False)


def sized(path: Path[Any], operator: str, value: object) -> Term:
    """That the size compares so with the value. A string's is counted in UTF-16 code units, as DynamoDB Local does."""
    if value is None and operator == "=":
        return exact(~_has_size(path))
    number = values.exact(value)
    if number is None:
        return exact(side=False)
    term = exact(compared_number(_size(path), operator, value))
    if HOLDS[operator](0, number):  # MiniStack: the size of a number is zero
        return joined("AND", [exact(_has_size(path)), term])
    return term


def sized_as(path: Path[Any], operator: str, other: Path[Any]) -> Term:
    """That the size compares so with the other value."""
    so = _has_size(path) & compared(_size(path), operator, other)
    return exact(so | (~_has_size(path) & is_null(other)) if operator == "=" else so)


def sized_alike(left: Path[Any], operator: str, right: Path[Any]) -> Term:
    """That the sizes of two values compare so."""
    if left.names == right.names:
        return exact(operator == "=" or ("=" in operator and _has_size(left)))
    so = _has_size(left) & _has_size(right) & compared(_size(left), operator, _size(right))
    return exact(so | ~(_has_size(left) | _has_size(right)) if operator == "=" else so)


def _has_size(path: Path[Any]) -> Condition:
    return path.type_is("S") | path.type_is("L") | path.type_is("M")


def _size(path: Path[Any]) -> Expression[int]:
    return Expression(("size(", path, ")"))


def _contains(path: Path[Any], element: Part) -> Condition:
    return Condition(("contains(", path, ", ", element, ")"))
