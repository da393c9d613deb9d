from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from chalicelib.where import ast, values
from chalicelib.where.ast import Constant, Node, Reference
from chalicelib.where.evaluate import Environment, evaluate
from chalicelib.where.fold import fold
from chalicelib.where.parser import parse
from chalicelib.where.printer import to_text
from chalicelib.where.substitution import substituted

from .nodes import environments, expressions, records


@given(expressions)
def test_what_is_put_in_its_own_place_changes_nothing(node: Node) -> None:
    assert substituted(node, lambda reference: reference) == node


@given(expressions, records, environments)
def test_values_in_the_place_of_what_they_are_the_values_of_keep_the_meaning(
    node: Node, record: dict[str, Any], environment: Environment
) -> None:
    def constant(reference: Reference) -> Node:
        if reference.root != "new":
            return reference
        return Constant(values.path_value(environment.new, reference.path))

    known = substituted(node, constant)
    assert all(reference.root != "new" for reference in ast.references(known))
    assert evaluate(known, record, environment) is evaluate(node, record, environment)
    assert evaluate(fold(known, environment), record) is evaluate(node, record, environment)


@given(expressions, records, environments)
def test_of_what_a_record_keeps_the_stored_property_is_asked(
    node: Node, record: dict[str, Any], environment: Environment
) -> None:
    kept = substituted(node, lambda each: each._replace(root="record") if each.root == "new" else each)
    assert evaluate(kept, record, environment) is evaluate(node, record, environment._replace(new=record))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("new.owner == auth.id and new.price <= price", "5 == auth.id and 5 <= price"),
        ("has(new.owner)", "5 != null"),
        ("not has(new.owner) or has(owner)", "not 5 != null or has(owner)"),
        ("size(new.tags) < size(tags)", "size(5) < size(tags)"),
        ("new.price + 1 > price", "5 + 1 > price"),
        ("owner in new.readers and $p == 1", "owner in 5 and $p == 1"),
        ("new.price between low and new.high", "5 between low and 5"),
    ],
)
def test_it_goes_into_every_operation(text: str, expected: str) -> None:
    replaced = substituted(parse(text), lambda each: Constant(5) if each.root == "new" else each)
    assert to_text(replaced) == expected
