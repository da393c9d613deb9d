from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from chalicelib.where import ast
from chalicelib.where.ast import Node
from chalicelib.where.evaluate import EMPTY, Environment, compiled, compiled_value, evaluate
from chalicelib.where.parser import parse

from .nodes import environments, expressions, records


@given(expressions, records, environments)
def test_every_expression_is_true_or_false_of_every_record(
    node: Node, record: dict[str, Any], environment: Environment
) -> None:
    holds = evaluate(node, record, environment)
    assert isinstance(holds, bool)
    assert evaluate(ast.Not(node), record, environment) is not holds


@given(expressions, expressions, records, environments)
def test_logic_is_two_valued(one: Node, other: Node, record: dict[str, Any], environment: Environment) -> None:
    left, right = (evaluate(node, record, environment) for node in (one, other))
    assert evaluate(ast.And((one, other)), record, environment) is (left and right)
    assert evaluate(ast.Or((one, other, one)), record, environment) is (left or right)
    assert evaluate(ast.And((other, one, one)), record, environment) is (left and right)


def test_a_condition_is_compiled_once_and_asked_of_every_record() -> None:
    condition = compiled(parse("stock > 0 and owner == auth.id"))
    me, you = Environment(auth={"id": "me"}), Environment(auth={"id": "you"})
    assert condition({"stock": 1, "owner": "me"}, me)
    assert not condition({"stock": 0, "owner": "me"}, me)
    assert not condition({"stock": 1, "owner": "me"}, you)
    assert not condition({}, EMPTY)


def test_a_value_is_compiled_too() -> None:
    assert compiled_value(ast.Size(ast.Reference("record", ("a",))))({"a": "xyz"}, EMPTY) == 3
    assert compiled_value(parse("a == 1"))({"a": 1}, EMPTY) is True


def test_a_parameter_that_is_not_bound_is_null() -> None:
    assert evaluate(parse("$a == null"), {})


@pytest.mark.parametrize("text", ["tags.contains('a')", "'a' in tags", "size(tags) == 2"])
@pytest.mark.parametrize("tags", [{"a", "b"}, frozenset({"a", "b"}), ["a", "b"], ("a", "b")])
def test_sets_are_looked_into_like_lists(text: str, tags: object) -> None:
    assert evaluate(parse(text), {"tags": tags})
