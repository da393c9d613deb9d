"""The meaning of an expression over a record, as docs/where.md says it. Total: nothing raises, whatever the record.

A node is compiled to a closure once and called for every record.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from chalicelib.where import ast, values
from chalicelib.where.ast import Node


class Environment(NamedTuple):
    """What is known before the table is asked: the values of ``auth``, ``request``, ``new`` and ``now``."""

    auth: object = None
    request: object = None
    new: object = None
    now: object = None


EMPTY = Environment()
Condition = Callable[[Mapping[str, Any], Environment], bool]
Value = Callable[[Any, Environment], object]

_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def evaluate(node: Node, record: Mapping[str, Any], environment: Environment = EMPTY) -> bool:
    """Whether the condition holds for the record. A parameter that is not bound is null."""
    return compiled(node)(record, environment)


def compiled(node: Node) -> Condition:
    """The condition as a function of a record and an environment."""
    maker = _CONDITIONS.get(type(node))
    if maker is not None:
        return maker(node)
    value = compiled_value(node)
    return lambda record, environment: value(record, environment) is True


def compiled_value(node: Node) -> Value:
    """The value of a node as a function of a record and an environment; a condition's is true or false."""
    if isinstance(node, ast.Constant):
        constant = node.value
        return lambda _record, _environment: constant
    if isinstance(node, ast.Reference):
        return _reference(node)
    if isinstance(node, ast.Size):
        operand = compiled_value(node.operand)
        return lambda record, environment: values.size(operand(record, environment))
    if isinstance(node, ast.Arithmetic):
        symbol, left, right = node.operator, compiled_value(node.left), compiled_value(node.right)
        return lambda record, environment: values.compute(symbol, left(record, environment), right(record, environment))
    if isinstance(node, ast.Parameter):
        return lambda _record, _environment: None
    return compiled(node)


def _reference(node: ast.Reference) -> Value:
    path = node.path
    if node.root != "record":
        root = Environment._fields.index(node.root)
        return lambda _record, environment: values.path_value(environment[root], path)
    if len(path) == 1 and isinstance(path[0], str):
        name = path[0]
        return lambda record, _environment: record.get(name)
    return lambda record, _environment: values.path_value(record, path)


def _not(node: ast.Not) -> Condition:
    operand = compiled(node.operand)
    return lambda record, environment: not operand(record, environment)


def _and(node: ast.And) -> Condition:
    operands = tuple(map(compiled, node.operands))
    if len(operands) == 2:  # noqa: PLR2004 - the common case, without a loop
        one, other = operands
        return lambda record, environment: one(record, environment) and other(record, environment)
    return lambda record, environment: all(operand(record, environment) for operand in operands)


def _or(node: ast.Or) -> Condition:
    operands = tuple(map(compiled, node.operands))
    if len(operands) == 2:  # noqa: PLR2004 - as above
        one, other = operands
        return lambda record, environment: one(record, environment) or other(record, environment)
    return lambda record, environment: any(operand(record, environment) for operand in operands)


def _compare(node: ast.Compare) -> Condition:
    left, right = compiled_value(node.left), compiled_value(node.right)
    ordering = _ORDERINGS.get(node.operator)
    if ordering is None:
        return _equality(node, left, right)
    ordered = values.ordered
    if isinstance(node.right, ast.Constant) and type(node.right.value) in (str, int):
        constant, kind = node.right.value, type(node.right.value)

        def against_constant(record: Mapping[str, Any], environment: Environment) -> bool:
            value = left(record, environment)
            if type(value) is kind:
                return ordering(value, constant)
            return ordered(ordering, value, constant)

        return against_constant
    return lambda record, environment: ordered(ordering, left(record, environment), right(record, environment))


def _equality(node: ast.Compare, left: Value, right: Value) -> Condition:
    equal = values.equal
    if isinstance(node.right, ast.Constant) and (node.right.value is None or isinstance(node.right.value, str)):
        # Python's equality is ours where one side is null or a string.
        constant = node.right.value
        if node.operator == "==":
            return lambda record, environment: left(record, environment) == constant
        return lambda record, environment: left(record, environment) != constant
    if node.operator == "==":
        return lambda record, environment: equal(left(record, environment), right(record, environment))
    return lambda record, environment: not equal(left(record, environment), right(record, environment))


def _in(node: ast.In) -> Condition:
    operand, options = compiled_value(node.operand), compiled_value(node.options)
    return lambda record, environment: values.is_element(operand(record, environment), options(record, environment))


def _between(node: ast.Between) -> Condition:
    operand, low, high = map(compiled_value, node)
    ordered, at_most = values.ordered, operator.le

    def within(record: Mapping[str, Any], environment: Environment) -> bool:
        value = operand(record, environment)
        return ordered(at_most, low(record, environment), value) and ordered(at_most, value, high(record, environment))

    return within


def _has(node: ast.Has) -> Condition:
    operand = compiled_value(node.operand)
    return lambda record, environment: operand(record, environment) is not None


def _starts_with(node: ast.StartsWith) -> Condition:
    operand, prefix = compiled_value(node.operand), compiled_value(node.prefix)
    return lambda record, environment: values.starts_with(operand(record, environment), prefix(record, environment))


def _contains(node: ast.Contains) -> Condition:
    operand, element = compiled_value(node.operand), compiled_value(node.element)
    return lambda record, environment: values.contains(operand(record, environment), element(record, environment))


_CONDITIONS: dict[type[Node], Callable[[Any], Condition]] = {
    ast.Not: _not,
    ast.And: _and,
    ast.Or: _or,
    ast.Compare: _compare,
    ast.In: _in,
    ast.Between: _between,
    ast.Has: _has,
    ast.StartsWith: _starts_with,
    ast.Contains: _contains,
}
"""How the nodes that are true or false are compiled."""
