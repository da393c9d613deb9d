from __future__ import annotations

import pickle
from decimal import Decimal

import pytest
from hypothesis import given

from chalicelib.where import ast
from chalicelib.where.ast import And, Constant, Has, Node, Not, Or, Parameter, Reference

from .nodes import expressions

A, B = Reference("record", ("a",)), Reference("auth", ("b", 0))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (And((A, B)), Or((A, B))),
        (Has(A), Not(A)),
        (Constant(True), Constant(1)),
        (Constant(1), Constant(1.0)),
        (Constant(1), Constant(Decimal(1))),
        (Constant((1, "a")), Constant((True, "a"))),
        (Constant({"a": 1}), Constant({"a": 1.0})),
        (Constant({"a": 1}), Constant((1,))),
        (Not(Constant(0)), Not(Constant(False))),
        (Reference("record", ("new",)), Reference("new", ())),
        (Parameter("a"), Constant("a")),
    ],
)
def test_nodes_that_say_different_things_differ(one: Node, other: Node) -> None:
    assert one != other
    assert not one == other  # noqa: SIM201 - both operators are ours
    assert len({one, other}) == 2


def test_a_node_is_not_the_tuple_of_its_fields() -> None:
    assert Constant(1) != (1,)
    assert Parameter("a") != ("a",)


@given(expressions)
def test_a_copy_is_equal_and_hashes_alike(node: Node) -> None:
    copy = pickle.loads(pickle.dumps(node))
    assert copy == node
    assert not copy != node  # noqa: SIM202 - as above
    assert hash(copy) == hash(node)


def test_lists_and_sets_that_folding_met_are_hashed() -> None:
    assert Constant([1, {"a": [2]}]) == Constant((1, {"a": (2,)}))
    assert hash(Constant({1, 2})) == hash(Constant({2, 1}))


def test_references_and_parameters_are_found_in_the_order_of_the_text() -> None:
    node = And((Not(Has(A)), ast.Between(B, Parameter("low"), ast.Size(A))))
    assert list(ast.references(node)) == [A, B, A]
    assert ast.parameters(node) == {"low"}
