"""Expressions of the where language, compiled to conditions: as much as DynamoDB can decide, and the rest. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from chalicelib.dynamo.bindings import MAX_EXPRESSION_BYTES, MAX_OPERATORS, Bindings
from chalicelib.dynamo.codec import MAX_ITEM_BYTES
from chalicelib.dynamo.conditions.compiler import Place, terms_in
from chalicelib.dynamo.expressions import Condition, Expression, Part, Path, all_of
from chalicelib.where.ast import And, Node, Not, Or

_BYTES, _OPERATORS = MAX_EXPRESSION_BYTES - 512, MAX_OPERATORS - 20
"""A request's expression has other conditions too, on the key, on what has ended or on the version."""
_JOINING = frozenset({And, Not})
_MAX_STEP_BYTES = len(f"[{MAX_ITEM_BYTES}]")
"""The most that a name's or a value's placeholder, or an index, takes with a dot before it."""
_SMALL_BYTES = min(_BYTES, 6 * _OPERATORS)
"""An operator takes six bytes at least, those of ``(NOT`` and its parenthesis; so this is within both limits."""


class Compiled(NamedTuple):
    """An expression as what DynamoDB decides and what is left.

    A record matches when ``condition`` holds (None: there is nothing to ask) and ``rest`` does (None: nothing is left).
    ``never``: no record does, and neither is given.
    """

    condition: Condition | None = None
    rest: Node | None = None
    never: bool = False


def compile(node: Node, place: Place) -> Compiled:  # noqa: A001 - what it does
    """The condition that is implied by an expression, within DynamoDB's limits, and the conjuncts it does not decide.

    Raises:
        ValueError: the expression has a parameter, arithmetic, or a reference to something else than the record.
    """
    term = terms_in(place)
    conjuncts = _conjuncts(node) if type(node) in _JOINING else [node]
    asked: dict[int, Condition] = {}
    undecided: set[int] = set()
    never = False
    for number, conjunct in enumerate(conjuncts):
        may, must = term(conjunct)
        if not isinstance(may, bool):
            asked[number] = may
        never = never or may is False
        if may is not must:
            undecided.add(number)
    if never:
        return Compiled(never=True)
    if not _are_small(asked.values()):
        undecided |= _taken_out(asked)
    rest = tuple([conjuncts[number] for number in sorted(undecided)])
    return Compiled(all_of(asked.values()), And(rest) if len(rest) > 1 else rest[0] if rest else None)


def _conjuncts(node: Node) -> list[Node]:
    """What has to hold, all of it, in the order of the text."""
    found: list[Node] = []
    pending = [node]
    while pending:
        node = pending.pop()
        if isinstance(node, And):
            pending.extend(reversed(node.operands))
        elif isinstance(node, Not) and isinstance(node.operand, Or):
            pending.extend(map(Not, reversed(node.operand.operands)))
        elif isinstance(node, Not) and isinstance(node.operand, Not):
            pending.append(node.operand.operand)
        else:
            found.append(node)
    return found


def _are_small(conditions: Iterable[Condition]) -> bool:
    """Whether they are surely within the limits, and need not be written down to be measured."""
    left = _SMALL_BYTES
    pending: list[Part] = list(conditions)
    for part in pending:
        if type(part) is str:
            left -= len(part)
        elif isinstance(part, Path):
            left -= _MAX_STEP_BYTES * len(part.names)
        elif isinstance(part, Expression):
            pending += part.parts
            left -= len(" AND ")
        else:
            left -= _MAX_STEP_BYTES
        if left < 0:
            return False
    return True


def _taken_out(asked: dict[int, Condition]) -> set[int]:
    """Take the largest conditions out until the others are within the limits. Returns which they were."""
    bindings = Bindings()
    shares = {number: _shares(condition, bindings) for number, condition in asked.items()}
    taken = set()
    while any(sum(share) > 1 for share in zip(*shares.values(), strict=True)):
        largest = max(shares, key=lambda number: max(shares[number]))
        del shares[largest], asked[largest]
        taken.add(largest)
    return taken


def _shares(condition: Condition, bindings: Bindings) -> tuple[float, float]:
    """How much of the bytes and of the operators of an expression a condition takes, with the AND after it."""
    before = bindings.operators
    length = len(bindings.text(condition)) + len(" AND ")
    return length / _BYTES, (bindings.operators - before + 1) / _OPERATORS
