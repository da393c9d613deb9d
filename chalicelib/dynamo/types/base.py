"""A type of values: its encoder, its decoder, and what is said of a value that it has no place for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.dynamo.errors import AttributeValue, Invalid, WrongType

Encode = Callable[[Any], AttributeValue]
Decode = Callable[[AttributeValue], Any]
FAILURES = (Invalid, KeyError, ValueError, TypeError, ArithmeticError)


class Type:
    """One type: its ``name`` for messages, the wire ``kinds`` that it is stored as, and both directions.

    ``element`` is the type of a list's, set's or map's elements; ``plain`` says that it is a ``list`` or ``dict`` and
    nothing else. ``schema`` is that of a nested document. A decoder may raise any of ``FAILURES`` for what is stored
    otherwise; use ``load``, which says it properly.
    """

    __slots__ = ("decode", "element", "encode", "kinds", "name", "nullable", "plain", "schema")

    def __init__(
        self,
        name: str,
        kinds: str,
        encode: Encode,
        decode: Decode,
        *,
        element: Type | None = None,
        schema: Any = None,
        nullable: bool = False,
        plain: bool = False,
    ) -> None:
        self.name, self.kinds, self.encode, self.decode = name, frozenset(kinds.split()), encode, decode
        self.element, self.schema, self.nullable, self.plain = element, schema, nullable, plain

    def load(self, value: AttributeValue) -> Any:
        """The Python value of a stored one.

        Raises:
            WrongType: it was stored as something else.
        """
        try:
            return self.decode(value)
        except Invalid:
            raise
        except FAILURES as error:
            raise WrongType(f"is stored as {next(iter(value))}, which is not {self.name}") from error


def wrong(expected: str, value: Any) -> WrongType:
    """The error for a value of another type. It names the value's type, never the value, which may be a secret."""
    return WrongType(f"is of the type {type(value).__name__}, not {expected}")
