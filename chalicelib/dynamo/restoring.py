"""Values of a type out of what JSON has: the reverse of ``serializers.plain``, by a field's annotation."""

from __future__ import annotations

import types
import typing
from base64 import b64decode
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from chalicelib.dynamo.errors import Invalid
from chalicelib.dynamo.serializers import plain
from chalicelib.dynamo.types import type_of

_TEXTUAL: dict[Any, Callable[[str], Any]] = {
    datetime: lambda text: datetime.fromisoformat(text.replace("Z", "+00:00")),
    date: date.fromisoformat,
    UUID: UUID,
    bytes: lambda text: b64decode(text, validate=True),
    Decimal: Decimal,
}


def restored(hint: Any, value: Any) -> Any:
    """The value of an annotated type that JSON has as ``value``; the value itself where it is none.

    Raises:
        Invalid: a nested document cannot be parsed.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return restored(arguments[0], value)
    if origin in (typing.Union, types.UnionType):
        return _member(arguments, value)
    if isinstance(value, list):
        return _elements(origin, arguments, value)
    if isinstance(value, Mapping):
        return _members(hint, origin, arguments, value)
    if hasattr(hint, "__supertype__"):
        return restored(hint.__supertype__, value)
    return _scalar(hint, value)


def _scalar(hint: Any, value: Any) -> Any:
    try:
        if isinstance(value, str) and hint in _TEXTUAL:
            return _TEXTUAL[hint](value)
        if hint is Decimal and isinstance(value, float):
            return Decimal(repr(value))
    except (ValueError, ArithmeticError):
        return value
    if isinstance(hint, type) and issubclass(hint, Enum) and not isinstance(value, Enum):
        found = [member for member in hint if plain(member.value) == value]
        return found[0] if found else value
    return value


def _elements(origin: Any, arguments: tuple[Any, ...], value: list[Any]) -> Any:
    if not isinstance(origin, type) or not arguments or hasattr(origin, "reference_type"):
        return value
    if origin is tuple and arguments[-1] is not ...:
        hints: list[Any] = list(arguments) if len(arguments) == len(value) else [Any] * len(value)
    else:
        hints = [arguments[0]] * len(value)
    elements = [_within(place, hint, element) for place, (hint, element) in enumerate(zip(hints, value, strict=True))]
    if origin is tuple:
        return tuple(elements)
    if issubclass(origin, (set, frozenset, typing.AbstractSet)):
        try:
            return set(elements)
        except TypeError:
            return value
    return elements


def _members(hint: Any, origin: Any, arguments: tuple[Any, ...], value: Mapping[str, Any]) -> Any:
    if hasattr(hint, "parse") and hasattr(hint, "schema"):
        return hint.parse(value)
    if hasattr(origin, "reference_type"):
        fields = arguments[0].schema.fields
        if not value.keys() <= fields.keys():
            return value
        return origin(
            arguments[0], **{name: _within(name, fields[name].resolved, part) for name, part in value.items()}
        )
    hints = typing.get_type_hints(hint) if hasattr(hint, "__required_keys__") else {}
    rest = arguments[1] if isinstance(origin, type) and issubclass(origin, Mapping) else Any
    return {name: _within(name, hints.get(name, rest), member) for name, member in value.items()}


def _member(arguments: tuple[Any, ...], value: Any) -> Any:
    """The value of the first type of a union that it is one of."""
    if value is None:
        return None
    hints = [hint for hint in arguments if hint is not type(None)]
    if len(hints) == 1:
        return restored(hints[0], value)
    for hint in hints:
        try:
            made = restored(hint, value)
            type_of(hint).encode(deepcopy(made))
        except Invalid:
            continue
        return made
    return value


def _within(place: str | int, hint: Any, value: Any) -> Any:
    try:
        return restored(hint, value)
    except Invalid as error:
        raise error.within(place) from None
