from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from chalicelib.where import ast
from chalicelib.where.ast import FALSE, TRUE, Node
from chalicelib.where.errors import UnboundParameter
from chalicelib.where.evaluate import Environment, evaluate
from chalicelib.where.fold import bind, fold
from chalicelib.where.parser import parse
from chalicelib.where.printer import to_text

from .nodes import environments, expressions, records

ENVIRONMENT = Environment(auth={"id": "me", "roles": ["editor"]}, new={"price": 5}, now=1000)


@given(expressions, records, environments)
def test_folding_keeps_the_meaning(node: Node, record: dict[str, Any], environment: Environment) -> None:
    assert evaluate(fold(node, environment), record) is evaluate(node, record, environment)


@given(expressions, environments)
def test_what_is_folded_asks_of_the_record_alone(node: Node, environment: Environment) -> None:
    folded = fold(node, environment)
    assert all(reference.root == "record" for reference in ast.references(folded))
    assert not any(isinstance(found, (ast.Arithmetic, ast.Parameter)) for found in ast.walk(folded))
    assert folded in {TRUE, FALSE} or not any(found in {TRUE, FALSE} for found in _conditions(folded))


def _conditions(node: Node) -> list[Node]:
    """The operands of the logic that a condition is made of."""
    if not isinstance(node, (ast.And, ast.Or, ast.Not)):
        return []
    operands = ast.children(node)
    return [*operands, *(found for operand in operands for found in _conditions(operand))]


def test_what_has_nothing_to_compute_is_the_same_node() -> None:
    node = parse("a == 1 and not (b < 'x' or c in [1]) and has(d.e) and size(f) > 1 and g.contains(h)")
    assert fold(node, ENVIRONMENT) is node


@given(expressions, environments)
def test_folding_twice_changes_nothing_more(node: Node, environment: Environment) -> None:
    folded = fold(node, environment)
    assert fold(folded) == folded


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("owner == auth.id", 'owner == "me"'),
        ("'editor' in auth.roles or owner == auth.id", "true"),
        ("'admin' in auth.roles and owner == auth.id", "false"),
        ("'admin' in auth.roles or owner == auth.id", 'owner == "me"'),
        ("role in auth.roles", 'role in ["editor"]'),
        ("new.price <= price", "5 <= price"),
        ("until > now - 60 * 2", "until > 880"),
        ("active", "active == true"),
        ("not not active", "active == true"),
        ("not true", "false"),
        ("a == 1 and (b == 1 and c == 1)", "a == 1 and b == 1 and c == 1"),
        ("not (a and auth.id == 'you')", "true"),
        ("a and (b and auth.id == 'me') and true", "a == true and b == true"),
        ("a == 1 and (b == 1 or false)", "a == 1 and b == 1"),
        ("(a == 1) == true", "a == 1"),
        ("(a == 1) != true", "not a == 1"),
        ("(a == 1) == 1", "false"),
        ("a < auth.roles", "false"),
        ("a in auth.id", "false"),
        ("a in []", "false"),
        ("a between 2 and 1", "false"),
        ("a between 1 and 'x'", "false"),
        ("a.startsWith(now)", "false"),
        ("auth.contains(a)", "false"),
        ("size(a) == 1", "size(a) == 1"),
        ("(a.contains(1) and true) == b", "a.contains(1) == b"),
        ("(a and true) == b", "(a == true) == b"),
    ],
)
def test_what_is_known_is_computed(text: str, folded: str) -> None:
    assert to_text(fold(parse(text), ENVIRONMENT)) == folded


def test_parameters_are_bound_to_their_values() -> None:
    node = parse("a in $list and b > $low + 1")
    values = {"list": [1, "x"], "low": 2, "unused": 3}
    assert to_text(fold(node, parameters=values)) == 'a in [1, "x"] and b > 3'
    assert to_text(bind(node, values)) == 'a in [1, "x"] and b > 2 + 1'
    for missing in (fold, bind):
        with pytest.raises(UnboundParameter, match=r"\$low"):
            missing(node, parameters={"list": []})


@given(expressions)
def test_binding_leaves_the_rest_as_it_is(node: Node) -> None:
    assert bind(node, {}) == node
