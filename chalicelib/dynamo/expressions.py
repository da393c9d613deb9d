"""Paths, conditions and what updates compute, as values.

An expression is a tuple of parts: text that this module writes, paths, values and further expressions. Nothing that a
caller gives ever becomes text; ``bindings`` renders it. Pure: values in, values out.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeAlias, TypeVar, overload

from chalicelib.dynamo.codec import encode
from chalicelib.dynamo.errors import AttributeValue, Invalid, LimitExceeded

if TYPE_CHECKING:
    from chalicelib.dynamo.document import Document

MAX_IN_VALUES = 100

T = TypeVar("T")
E = TypeVar("E")
V = TypeVar("V")
N = TypeVar("N", int, float, Decimal)
D = TypeVar("D", bound="Document")


class Value:
    """A Python value within an expression; bound, never written into the text.

    ``like`` is the path whose attribute it is compared with or stored at, and so says how it is written.
    """

    __slots__ = ("content", "like")

    def __init__(self, content: Any, like: Path[Any] | None = None) -> None:
        self.content, self.like = content, like

    def encoded(self) -> AttributeValue:
        """The attribute value.

        Raises:
            Invalid: there is none; with the path.
        """
        if self.like is None:
            return encode(self.content)
        try:
            return self._encoded_like(self.like)
        except Invalid as error:
            for label in reversed(self.like.labels):
                error.within(label)
            raise

    def _encoded_like(self, path: Path[Any]) -> AttributeValue:
        return path.encode(self.content)


class Encoded(Value):
    """An attribute value as DynamoDB has it."""

    __slots__ = ()

    def encoded(self) -> AttributeValue:
        """The attribute value."""
        value: AttributeValue = self.content
        return value


Part: TypeAlias = "str | Path[Any] | Value | Expression[Any]"


class Expression(Generic[T]):
    """A tree of parts that renders to DynamoDB's expression text."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[Part, ...]) -> None:
        self.parts = parts


class Fallback(Expression[T]):
    """A stored value, or another where there is none. It may be one side of a sum; a sum may not, says DynamoDB."""

    __slots__ = ()

    def __add__(self: Fallback[N], amount: N | Path[N] | Fallback[N]) -> Expression[N]:
        return Expression((self, " + ", _operand(amount, None)))

    def __sub__(self: Fallback[N], amount: N | Path[N] | Fallback[N]) -> Expression[N]:
        return Expression((self, " - ", _operand(amount, None)))


class Condition(Expression[bool]):
    """An expression that holds or does not. Combine with ``&``, ``|`` and ``~``, never ``and``, ``or``, ``not``."""

    __slots__ = ()

    def __and__(self, other: Condition) -> Condition:
        return Junction("AND", (self, other))

    def __or__(self, other: Condition) -> Condition:
        return Junction("OR", (self, other))

    def __invert__(self) -> Condition:
        return Condition(("(NOT ", self, ")"))

    def __bool__(self) -> NoReturn:
        raise TypeError("a condition has no truth value: combine with &, | and ~ instead of and, or, not")


class Comparison(Condition):
    """A condition on one path, whose meaning a query plan can use: ``operator`` and its Python operands.

    Operators: ``=``, ``<>``, ``<``, ``<=``, ``>``, ``>=``, ``BETWEEN``, ``IN`` and ``begins_with``.
    """

    __slots__ = ("operands", "operator", "path")

    def __init__(self, path: Path[Any], operator: str, operands: tuple[Any, ...], parts: tuple[Part, ...]) -> None:
        super().__init__(parts)
        self.path, self.operator, self.operands = path, operator, operands

    @property
    def is_plain(self) -> bool:
        """Whether its operands are Python values, not paths or expressions."""
        return not any(isinstance(operand, (Path, Expression, Size, Value)) for operand in self.operands)


class Junction(Condition):
    """Conditions of which all (``AND``) or any (``OR``) have to hold. Of its own kind it takes in the members."""

    __slots__ = ("conditions", "operator")

    def __init__(self, operator: str, conditions: tuple[Condition, ...]) -> None:
        self.operator = operator
        self.conditions: tuple[Condition, ...] = ()
        for condition in conditions:
            same = isinstance(condition, Junction) and condition.operator == operator
            self.conditions += condition.conditions if isinstance(condition, Junction) and same else (condition,)
        parts: list[Part] = ["("]
        for number, condition in enumerate(self.conditions):
            parts += [f" {operator} ", condition] if number else [condition]
        super().__init__((*parts, ")"))


class Comparable(Generic[T]):
    """What has a value to compare: a path, or the size of what is at one. The operand is a value or another path."""

    __slots__ = ()

    def __eq__(self, other: T | Comparable[T]) -> Condition:  # type: ignore[override]
        return self._compared("=", other)

    def __ne__(self, other: T | Comparable[T]) -> Condition:  # type: ignore[override]
        return self._compared("<>", other)

    def __lt__(self, other: T | Comparable[T]) -> Condition:
        return self._compared("<", other)

    def __le__(self, other: T | Comparable[T]) -> Condition:
        return self._compared("<=", other)

    def __gt__(self, other: T | Comparable[T]) -> Condition:
        return self._compared(">", other)

    def __ge__(self, other: T | Comparable[T]) -> Condition:
        return self._compared(">=", other)

    def __hash__(self) -> int:
        return id(self)

    def _compared(self, operator: str, other: Any) -> Condition:
        raise NotImplementedError


class Path(Comparable[T]):
    """A document path: attribute names and list indexes, ``Path("doc", "tags", 0)``."""

    __slots__ = ("names",)

    def __init__(self, *names: str | int) -> None:
        self.names = names

    @property
    def labels(self) -> tuple[str | int, ...]:
        """What errors call it."""
        return self.names

    def encode(self, value: Any) -> AttributeValue:
        """The attribute value of a Python value at this path.

        Raises:
            Invalid: DynamoDB, or a field's declaration, has no place for it.
        """
        return encode(value)

    def encode_element(self, value: Any) -> AttributeValue:
        """The attribute value of an element of the list or set at this path."""
        return encode(value)

    @overload
    def __getitem__(self, name: Path[E]) -> Path[E]: ...
    @overload
    def __getitem__(self: Path[list[E]], name: int) -> Path[E]: ...
    @overload
    def __getitem__(self: Path[list[E] | None], name: int) -> Path[E]: ...
    @overload
    def __getitem__(self: Path[tuple[E, ...]], name: int) -> Path[E]: ...
    @overload
    def __getitem__(self: Path[dict[str, V]], name: str) -> Path[V]: ...
    @overload
    def __getitem__(self: Path[dict[str, V] | None], name: str) -> Path[V]: ...
    @overload
    def __getitem__(self: Path[D], name: str) -> Path[Any]: ...
    @overload
    def __getitem__(self: Path[D | None], name: str) -> Path[Any]: ...
    def __getitem__(self: Path[Any], name: Any) -> Path[Any]:
        """The path of a member: a list's by its index, a map's by its name, a nested document's by its field."""
        return name.within(self) if isinstance(name, Path) else self.member(name)

    def member(self, name: str | int) -> Path[Any]:
        """The path of a member by its name or index, whatever this is the path of."""
        return Path(*self.names, name)

    def within(self, outer: Path[Any]) -> Path[T]:
        """The same path, from the item of which this one's begins at the outer one."""
        return Path(*outer.names, *self.names)

    def __repr__(self) -> str:
        return f"Path({', '.join(map(repr, self.names))})"

    def __hash__(self) -> int:
        return hash(self.names)

    def _compared(self, operator: str, other: Any) -> Condition:
        return Comparison(self, operator, (other,), (self, f" {operator} ", _operand(other, self)))

    def between(self, low: T, high: T) -> Condition:
        """``low <= path <= high``; false for a value of another type."""
        parts = (self, " BETWEEN ", _operand(low, self), " AND ", _operand(high, self))
        return Comparison(self, "BETWEEN", (low, high), parts)

    def is_in(self, values: Iterable[T]) -> Condition:
        """The path's value is one of at most 100.

        Raises:
            LimitExceeded: none or more than 100 values.
        """
        options = tuple(values)
        if not 0 < len(options) <= MAX_IN_VALUES:
            raise LimitExceeded(f"IN takes 1 to {MAX_IN_VALUES} values, not {len(options)}.")
        listed: list[Part] = [self, " IN ("]
        for number, option in enumerate(options):
            listed += [", ", _operand(option, self)] if number else [_operand(option, self)]
        return Comparison(self, "IN", options, (*listed, ")"))

    def begins_with(self: Path[str] | Path[str | None], prefix: str) -> Condition:
        """The path's string begins with the prefix."""
        return Comparison(self, "begins_with", (prefix,), ("begins_with(", self, ", ", Value(prefix), ")"))

    # Not as unions, of which mypy does not learn the type of the elements.
    @overload
    def contains(self: Path[str] | Path[str | None], element: str) -> Condition: ...
    @overload
    def contains(self: Path[list[E]], element: E) -> Condition: ...
    @overload
    def contains(self: Path[list[E] | None], element: E) -> Condition: ...
    @overload
    def contains(self: Path[set[E]], element: E) -> Condition: ...
    @overload
    def contains(self: Path[set[E] | None], element: E) -> Condition: ...
    @overload
    def contains(self: Path[frozenset[E]], element: E) -> Condition: ...
    @overload
    def contains(self: Path[frozenset[E] | None], element: E) -> Condition: ...
    @overload
    def contains(self: Path[tuple[E, ...]], element: E) -> Condition: ...
    @overload
    def contains(self: Path[tuple[E, ...] | None], element: E) -> Condition: ...
    def contains(self: Path[Any], element: Any) -> Condition:
        """The path's list or set has the element, or its string the substring."""
        return Condition(("contains(", self, ", ", _Element(element, self), ")"))

    def exists(self) -> Condition:
        """The item has the attribute (it may be NULL)."""
        return Condition(("attribute_exists(", self, ")"))

    def missing(self) -> Condition:
        """The item does not have the attribute."""
        return Condition(("attribute_not_exists(", self, ")"))

    def is_none(self) -> Condition:
        """The item does not have the attribute, or it is NULL."""
        return self.missing() | self.type_is("NULL")

    def type_is(self, kind: str) -> Condition:
        """The attribute has this DynamoDB type: ``S``, ``N``, ``M``, ``L``, ``BOOL``, ``NULL``, ``SS`` and so on."""
        return Condition(("attribute_type(", self, ", ", Value(kind), ")"))

    def size(self) -> Size:
        """The attribute's size, to compare: a string's characters, a binary's bytes, a collection's elements."""
        return Size(self)

    @overload
    def or_else(self: Path[V | None], fallback: V) -> Fallback[V]: ...
    @overload
    def or_else(self, fallback: T) -> Fallback[T]: ...
    def or_else(self, fallback: Any) -> Fallback[Any]:
        """In an update: the stored value, or the fallback when there is none."""
        return Fallback(("if_not_exists(", self, ", ", Value(fallback, self), ")"))

    @overload
    def __add__(self: Path[N], amount: N | Path[N] | Fallback[N]) -> Expression[N]: ...
    @overload
    def __add__(self: Path[N | None], amount: N | Path[N] | Fallback[N]) -> Expression[N]: ...
    def __add__(self: Path[Any], amount: Any) -> Expression[Any]:
        return Expression((self, " + ", _operand(amount, self)))

    @overload
    def __sub__(self: Path[N], amount: N | Path[N] | Fallback[N]) -> Expression[N]: ...
    @overload
    def __sub__(self: Path[N | None], amount: N | Path[N] | Fallback[N]) -> Expression[N]: ...
    def __sub__(self: Path[Any], amount: Any) -> Expression[Any]:
        return Expression((self, " - ", _operand(amount, self)))

    @overload
    def followed_by(self: Path[list[E]], elements: list[E]) -> Expression[list[E]]: ...
    @overload
    def followed_by(self: Path[list[E] | None], elements: list[E]) -> Expression[list[E]]: ...
    def followed_by(self: Path[Any], elements: Any) -> Expression[Any]:
        """In an update: the stored list, or an empty one, with the elements after its last."""
        return Expression(("list_append(", self.or_else([]), ", ", Value(elements, self), ")"))

    @overload
    def preceded_by(self: Path[list[E]], elements: list[E]) -> Expression[list[E]]: ...
    @overload
    def preceded_by(self: Path[list[E] | None], elements: list[E]) -> Expression[list[E]]: ...
    def preceded_by(self: Path[Any], elements: Any) -> Expression[Any]:
        """In an update: the stored list, or an empty one, with the elements before its first."""
        return Expression(("list_append(", Value(elements, self), ", ", self.or_else([]), ")"))


class Size(Comparable[int]):
    """The size of what is at a path."""

    __slots__ = ("path",)

    def __init__(self, path: Path[Any]) -> None:
        self.path = path

    def _compared(self, operator: str, other: Any) -> Condition:
        right = _size_text(other) if isinstance(other, Size) else _operand(other, None)
        return Condition((_size_text(self), f" {operator} ", right))


def _size_text(size: Size) -> Expression[int]:
    return Expression(("size(", size.path, ")"))


class _Element(Value):
    """A value that is compared with the elements of what is at its path."""

    __slots__ = ()

    def _encoded_like(self, path: Path[Any]) -> AttributeValue:
        return path.encode_element(self.content)


def _operand(operand: Any, like: Path[Any] | None) -> Path[Any] | Value | Expression[Any]:
    if isinstance(operand, (Path, Expression, Value)):
        return operand
    return _size_text(operand) if isinstance(operand, Size) else Value(operand, like)


def all_of(conditions: Iterable[Condition | None]) -> Condition | None:
    """The conjunction of those that are not None; None when there is none."""
    given = tuple([condition for condition in conditions if condition is not None])
    if len(given) < 2:  # noqa: PLR2004 - one needs no AND
        return given[0] if given else None
    return Junction("AND", given)
