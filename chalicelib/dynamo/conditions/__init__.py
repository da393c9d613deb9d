"""Expressions of the where language, compiled to conditions: as much as DynamoDB can decide, and the rest. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from chalicelib.dynamo.bindings import MAX_EXPRESSION_BYTES, MAX_OPERATORS, Bindings
from chalicelib.dynamo.conditions.compiler import Place, term
from chalicelib.dynamo.expressions import Condition, all_of
from chalicelib.where.ast import And, Node, Not, Or

_BYTES, _OPERATORS = MAX_EXPRESSION_BYTES - 512, MAX_OPERATORS - 20
"""A request's expression has other conditions too, on the key, on what has ended or on the version."""


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
    conjuncts = list(_conjuncts(node))
    found = [term(conjunct, place) for conjunct in conjuncts]
    if any(each.may is False for each in found):
        return Compiled(never=True)
    asked = {number: each.may for number, each in enumerate(found) if not isinstance(each.may, bool)}
    undecided = {number for number, each in enumerate(found) if not each.exact} | _taken_out(asked)
    rest = tuple([conjuncts[number] for number in sorted(undecided)])
    return Compiled(all_of(asked.values()), And(rest) if len(rest) > 1 else rest[0] if rest else None)


def _conjuncts(node: Node) -> Iterator[Node]:
    if isinstance(node, And):
        for operand in node.operands:
            yield from _conjuncts(operand)
    elif isinstance(node, Not) and isinstance(node.operand, Or):
        for operand in node.operand.operands:
            yield from _conjuncts(Not(operand))
    elif isinstance(node, Not) and isinstance(node.operand, Not):
        yield from _conjuncts(node.operand.operand)
    else:
        yield node


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
