"""Random expressions, records and environments. Values come from a small pool, so that they meet."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from chalicelib.where import ast, building
from chalicelib.where.building import MAX_DEPTH, MAX_TERMS, Misuse
from chalicelib.where.evaluate import Environment
from chalicelib.where.printer import to_text
from chalicelib.where.values import exact, is_storable

NAMES = ["a", "b", "auth", "in", "US Gross", "x`y", "size", "é"]

_characters = st.characters(codec="utf-8")
_decimals = [Decimal("0.1000000000000000000001"), Decimal("-12345678901234567890.5")]
scalars: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([None, True, False, 0, 1, -1, 1.0, 0.1, 2**53, 2.0**53, 2**53 + 1, 10**20, 1e20, *_decimals]),
    st.integers(-(10**37), 10**37),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: is_storable(exact(value) or Decimal(0))),
    st.sampled_from(["", "a", "ab", "b", "é", "\uffff", "\U0001f600", "'\"\\\n"]),
    st.text(_characters, max_size=5),
)
lists = st.lists(scalars | st.lists(scalars, max_size=2), max_size=3)
maps = st.dictionaries(st.sampled_from(NAMES), scalars | lists, max_size=3)
values: st.SearchStrategy[Any] = scalars | lists | maps
records = st.dictionaries(st.sampled_from(NAMES), values, max_size=6)
environments = st.builds(Environment, records, maps, records, scalars)


def _frozen(value: Any) -> Any:
    """A value as a literal of the language has it."""
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return {name: _frozen(member) for name, member in value.items()} if isinstance(value, dict) else value


def _path(root: ast.Root, parts: list[str | int]) -> ast.Reference:
    return ast.Reference(root, tuple(parts))


_parts = st.sampled_from(NAMES) | st.integers(0, 3)
_of_the_record = st.builds(
    lambda name, parts: _path("record", [name, *parts]), st.sampled_from(NAMES), st.lists(_parts, max_size=2)
)
_roots: st.SearchStrategy[ast.Root] = st.sampled_from(["auth", "request", "new", "now"])
_of_the_environment = st.builds(_path, _roots, st.lists(_parts, max_size=2))
_constants = st.builds(lambda value: ast.Constant(_frozen(value)), values)
_numbers = st.builds(ast.Constant, scalars)


def _attempt(maker: Callable[..., ast.Node], fallback: ast.Node) -> Callable[..., ast.Node]:
    def made(*parts: Any) -> ast.Node:
        try:
            return maker(*parts)
        except Misuse:
            return fallback

    return made


def _condition(maker: Callable[..., ast.Node]) -> Callable[..., ast.Node]:
    return _attempt(maker, ast.FALSE)


_known: st.SearchStrategy[ast.Node] = st.deferred(
    lambda: (
        _of_the_environment
        | _numbers
        | st.builds(_attempt(building.arithmetic, ast.Constant(1)), st.sampled_from(building.OPERATORS), _known, _known)
    )
)
_operands: st.SearchStrategy[ast.Node] = st.deferred(
    lambda: (
        _of_the_record
        | _of_the_record
        | _constants
        | _known
        | st.builds(_attempt(building.size, ast.Constant(1)), _operands)
        | conditions
    )
)
_any_condition: st.SearchStrategy[ast.Node] = st.deferred(
    lambda: (
        st.sampled_from([ast.TRUE, ast.FALSE])
        | _of_the_record
        | st.builds(ast.Has, _of_the_record | _of_the_environment)
        | st.builds(_condition(building.comparison), st.sampled_from(building.COMPARATORS), _operands, _operands)
        | st.builds(_condition(building.membership), _operands, _operands)
        | st.builds(_condition(building.between), _operands, _operands, _operands)
        | st.builds(_condition(building.prefix), _operands, _operands)
        | st.builds(_condition(building.containment), _operands, _operands)
        | st.builds(_condition(building.negation), conditions)
        | st.builds(_condition(building.conjunction), st.lists(conditions, min_size=2, max_size=3))
        | st.builds(_condition(building.disjunction), st.lists(conditions, min_size=2, max_size=3))
    )
)
conditions: st.SearchStrategy[ast.Node] = _any_condition


def _is_allowed(node: ast.Node) -> bool:
    return building.depth(node) <= MAX_DEPTH and len(to_text(node)) <= 2 * MAX_TERMS


expressions = conditions.filter(_is_allowed)
"""Conditions that are within the limits."""
