"""Expressions of the where language as values: what the parser makes, and evaluator, folding and compilers read.

Nodes are immutable and compare by what they say: ``a and b`` is not ``a or b``, and ``1`` is neither ``true`` nor
``1.0``. The text and the JSON form of an expression are the same nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal as OneOf
from typing import NamedTuple, TypeAlias

Root: TypeAlias = OneOf["record", "new", "auth", "request", "now"]
"""What a reference begins at. Only ``record`` is known to the table; the others are known before it is asked."""
Comparator: TypeAlias = OneOf["==", "!=", "<", "<=", ">", ">="]
Operator: TypeAlias = OneOf["+", "-", "*", "/"]


class Constant(NamedTuple):
    """A literal: null, a boolean, a number (int, float or Decimal), a string, or a list (tuple) or map (dict) of those.

    Folding makes constants of whatever the environment has.
    """

    value: object


class Reference(NamedTuple):
    """A property by its path; list indexes are ints. ``owner`` is ``Reference("record", ("owner",))``."""

    root: Root
    path: tuple[str | int, ...]


class Parameter(NamedTuple):
    """A value to be bound before the expression is used, ``$name``."""

    name: str


class Not(NamedTuple):
    """The negation."""

    operand: Node


class And(NamedTuple):
    """All of two or more hold."""

    operands: tuple[Node, ...]


class Or(NamedTuple):
    """Any of two or more holds."""

    operands: tuple[Node, ...]


class Compare(NamedTuple):
    """A comparison of two values."""

    operator: Comparator
    left: Node
    right: Node


class In(NamedTuple):
    """The value is an element of the list."""

    operand: Node
    options: Node


class Between(NamedTuple):
    """``low <= operand <= high``."""

    operand: Node
    low: Node
    high: Node


class Has(NamedTuple):
    """The property is there and is not null."""

    operand: Reference


class Size(NamedTuple):
    """The number of UTF-16 code units of a string, or of elements of a list, map or set; null of anything else."""

    operand: Node


class StartsWith(NamedTuple):
    """The value is a string that begins with the prefix."""

    operand: Node
    prefix: Node


class Contains(NamedTuple):
    """The value is a list with the element, or a string with the substring."""

    operand: Node
    element: Node


class Arithmetic(NamedTuple):
    """A number computed from values that are known before the table is asked."""

    operator: Operator
    left: Node
    right: Node


Node: TypeAlias = (
    "Constant | Reference | Parameter | Not | And | Or | Compare | In | Between | Has | Size | StartsWith | Contains"
    " | Arithmetic"
)
KINDS: tuple[type[Node], ...] = (
    *(Constant, Reference, Parameter, Not, And, Or, Compare, In, Between, Has, Size, StartsWith, Contains),
    Arithmetic,
)
CONDITIONS: tuple[type[Node], ...] = (Not, And, Or, Compare, In, Between, Has, StartsWith, Contains)
"""The nodes that are true or false."""


def _content(value: object) -> object:
    """What tells values apart that Python takes for equal: ``1``, ``1.0`` and ``True``."""
    if isinstance(value, (list, tuple)):
        return list, tuple(map(_content, value))
    if isinstance(value, dict):
        return dict, frozenset((name, _content(member)) for name, member in value.items())
    return type(value), frozenset(value) if isinstance(value, set) else value


def _equal(self: Node, other: object) -> bool:
    if type(self) is not type(other):
        return False
    if isinstance(self, Constant) and isinstance(other, Constant):
        return _content(self.value) == _content(other.value)
    return tuple.__eq__(self, other)


def _unequal(self: Node, other: object) -> bool:
    return not _equal(self, other)


def _hash(self: Node) -> int:
    if isinstance(self, Constant):
        return hash((Constant, _content(self.value)))
    return hash((type(self), tuple.__hash__(self)))


# A named tuple takes no base class that could have these, and would equal any tuple with the same elements.
for _kind in KINDS:
    for _name, _method in {"__eq__": _equal, "__ne__": _unequal, "__hash__": _hash}.items():
        setattr(_kind, _name, _method)

TRUE, FALSE, NULL = Constant(True), Constant(False), Constant(None)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes that a node is made of, in the order of its text."""
    if isinstance(node, (And, Or)):
        return node.operands
    if isinstance(node, (Constant, Reference, Parameter)):
        return ()
    return tuple(part for part in node if isinstance(part, KINDS))


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(children(node)))


def references(node: Node) -> Iterator[Reference]:
    """Every reference, in the order of the text, with repetitions."""
    return (found for found in walk(node) if isinstance(found, Reference))


def parameters(node: Node) -> set[str]:
    """The names of the parameters that have to be bound."""
    return {found.name for found in walk(node) if isinstance(found, Parameter)}
