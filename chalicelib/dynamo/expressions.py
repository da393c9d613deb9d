"""Paths, conditions and updates as values, and their rendering with every name and value bound.

An expression is a tuple of parts: text that this module writes, paths, values and further expressions. Nothing that a
caller gives ever becomes text. Pure: values in, values out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from chalicelib.dynamo.codec import encode
from chalicelib.dynamo.errors import AttributeValue

MAX_EXPRESSION_BYTES = 4096
MAX_IN_VALUES = 100


@dataclass(frozen=True)
class Value:
    """A Python value within an expression; bound, never written into the text."""

    content: Any


@dataclass(frozen=True)
class Expression:
    """A tree of parts that renders to DynamoDB's expression text."""

    parts: tuple[str | Path | Value | Expression, ...]

    def plus(self, amount: Any) -> Expression:
        """The sum, for an update: ``Path("stock").or_else(0).plus(-1)``."""
        return Expression((self, " + ", Value(amount)))


@dataclass(frozen=True)
class Condition(Expression):
    """An expression that holds or does not. Combine with ``&``, ``|`` and ``~``, never ``and``, ``or``, ``not``."""

    def __and__(self, other: Condition) -> Condition:
        return Condition(("(", self, " AND ", other, ")"))

    def __or__(self, other: Condition) -> Condition:
        return Condition(("(", self, " OR ", other, ")"))

    def __invert__(self) -> Condition:
        return Condition(("(NOT ", self, ")"))

    def __bool__(self) -> NoReturn:
        raise TypeError("a condition has no truth value: combine with &, | and ~ instead of and, or, not")


class Path:
    """A document path: attribute names and list indexes, ``Path("doc", "tags", 0)``.

    Comparison operators make conditions. The operand is a Python value or another path.
    """

    __slots__ = ("names",)

    def __init__(self, *names: str | int) -> None:
        self.names = names

    def __getitem__(self, name: str | int) -> Path:
        return Path(*self.names, name)

    def __repr__(self) -> str:
        return f"Path({', '.join(map(repr, self.names))})"

    def __hash__(self) -> int:
        return hash(self.names)

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        return Condition((self, " = ", _operand(other)))

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        return Condition((self, " <> ", _operand(other)))

    def __lt__(self, other: Any) -> Condition:
        return Condition((self, " < ", _operand(other)))

    def __le__(self, other: Any) -> Condition:
        return Condition((self, " <= ", _operand(other)))

    def __gt__(self, other: Any) -> Condition:
        return Condition((self, " > ", _operand(other)))

    def __ge__(self, other: Any) -> Condition:
        return Condition((self, " >= ", _operand(other)))

    def between(self, low: Any, high: Any) -> Condition:
        """``low <= path <= high``; false for a value of another type."""
        return Condition((self, " BETWEEN ", Value(low), " AND ", Value(high)))

    def is_in(self, values: Iterable[Any]) -> Condition:
        """The path's value is one of at most 100."""
        options = [Value(value) for value in values]
        if not 0 < len(options) <= MAX_IN_VALUES:
            raise ValueError(f"IN takes 1 to {MAX_IN_VALUES} values, not {len(options)}")
        listed: list[str | Path | Value | Expression] = [self, " IN (", options[0]]
        for option in options[1:]:
            listed += [", ", option]
        return Condition((*listed, ")"))

    def begins_with(self, prefix: str) -> Condition:
        """The path's string begins with the prefix."""
        return Condition(("begins_with(", self, ", ", Value(prefix), ")"))

    def contains(self, element: Any) -> Condition:
        """The path's list or set has the element, or its string the substring."""
        return Condition(("contains(", self, ", ", Value(element), ")"))

    def exists(self) -> Condition:
        """The item has the attribute (it may be NULL)."""
        return Condition(("attribute_exists(", self, ")"))

    def missing(self) -> Condition:
        """The item does not have the attribute."""
        return Condition(("attribute_not_exists(", self, ")"))

    def type_is(self, kind: str) -> Condition:
        """The attribute has this DynamoDB type: ``S``, ``N``, ``M``, ``L``, ``BOOL``, ``NULL``, ``SS`` and so on."""
        return Condition(("attribute_type(", self, ", ", Value(kind), ")"))

    def size_at_most(self, limit: int) -> Condition:
        """The attribute's size (characters, bytes or elements) is at most the limit."""
        return Condition(("size(", self, ") <= ", Value(limit)))

    def or_else(self, fallback: Any) -> Expression:
        """In an update: the stored value, or the fallback when there is none."""
        return Expression(("if_not_exists(", self, ", ", Value(fallback), ")"))

    def plus(self, amount: Any) -> Expression:
        """In an update: the stored number plus the amount."""
        return Expression((self, " + ", Value(amount)))

    def followed_by(self, elements: list[Any]) -> Expression:
        """In an update: the stored list, or an empty one, with the elements after its last."""
        return Expression(("list_append(", self.or_else([]), ", ", Value(elements), ")"))


def _operand(operand: Any) -> Path | Value | Expression:
    return operand if isinstance(operand, (Path, Expression)) else Value(operand)


def all_of(conditions: Iterable[Condition | None]) -> Condition | None:
    """The conjunction of those that are not None; None when there is none."""
    result: Condition | None = None
    for condition in conditions:
        if condition is not None:
            result = condition if result is None else result & condition
    return result


@dataclass
class Bindings:
    """The names and values that the expressions of one request have bound so far."""

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, AttributeValue] = field(default_factory=dict)

    def text(self, part: str | Path | Value | Expression) -> str:
        """The expression text of a part, with its names and values bound here."""
        if isinstance(part, str):
            return part
        if isinstance(part, Path):
            return self._path_text(part)
        if isinstance(part, Value):
            return self.bind(encode(part.content))
        return "".join([self.text(inner) for inner in part.parts])

    def bind(self, value: AttributeValue) -> str:
        """The placeholder of an attribute value."""
        placeholder = f":{len(self.values)}"
        self.values[placeholder] = value
        return placeholder

    def _path_text(self, path: Path) -> str:
        text = ""
        for name in path.names:
            if isinstance(name, int):
                text += f"[{name}]"
            else:
                placeholder = self.names.get(name)
                if placeholder is None:
                    placeholder = self.names[name] = f"#{len(self.names)}"
                text += f".{placeholder}" if text else placeholder
        return text

    def into(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Add what was bound to a request's parameters. Returns the same dictionary."""
        if self.names:
            parameters["ExpressionAttributeNames"] = {placeholder: name for name, placeholder in self.names.items()}
        if self.values:
            parameters["ExpressionAttributeValues"] = self.values
        return parameters


@dataclass
class UpdateActions:
    """The actions of one update: what is set and what is removed, in the order given."""

    assignments: list[tuple[Path, Any]] = field(default_factory=list)
    removals: list[Path] = field(default_factory=list)

    def text(self, bindings: Bindings) -> str:
        """The UpdateExpression."""
        clauses = []
        if self.assignments:
            sets = [f"{bindings.text(path)} = {bindings.text(_operand(value))}" for path, value in self.assignments]
            clauses.append("SET " + ", ".join(sets))
        if self.removals:
            clauses.append("REMOVE " + ", ".join([bindings.text(path) for path in self.removals]))
        return " ".join(clauses)
