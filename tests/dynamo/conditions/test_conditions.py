from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dynamo import conditions
from chalicelib.dynamo.bindings import MAX_EXPRESSION_BYTES, MAX_OPERATORS, Bindings, with_condition
from chalicelib.dynamo.conditions import Compiled
from chalicelib.dynamo.expressions import Comparison, Path
from chalicelib.where import ast
from chalicelib.where.ast import (
    And,
    Between,
    Compare,
    Constant,
    Contains,
    Has,
    In,
    Node,
    Not,
    Or,
    Reference,
    Size,
    StartsWith,
)
from tests.dynamo.conditions.test_agreement import expressions, place_in_filter
from tests.dynamo.values import nested_lists
from tests.dynamo.wire import assert_valid

A, B = Reference("record", ("a",)), Reference("record", ("b",))
DEEP = Reference("record", ("b", 0, "c.d"))
KEY = Reference("record", ("id",))
NULL = "(attribute_not_exists({0}) OR {0} = {1})"
SIZED = "(attribute_type(#0, :0) OR attribute_type(#0, :1) OR attribute_type(#0, :2))"
HUGE, TINY = Decimal("1E+200"), Decimal("-1E-200")


def place(path: tuple[str | int, ...]) -> Path[Any] | None:
    return None if path == KEY.path else Path(*path)


def compiled(node: Node) -> Compiled:
    """What the compiler makes, which has to be a request that botocore would send."""
    result = conditions.compile(node, place)
    request = with_condition({"TableName": "table", "Key": {"pk": {"S": "a"}}}, result.condition)
    assert_valid("DeleteItem", request)
    return result


def rendered(node: Node) -> tuple[str, list[Any]]:
    """The text of a condition that leaves nothing, and its values as they are on the wire."""
    result = compiled(node)
    assert result.condition is not None
    assert result == Compiled(result.condition)
    bindings = Bindings()
    return bindings.expression(result.condition), [next(iter(value.values())) for value in bindings.values.values()]


def equal(left: Node, value: object) -> Node:
    return Compare("==", left, Constant(value))


FORMS: list[tuple[Node, str, list[Any]]] = [
    (equal(A, "x"), "#0 = :0", ["x"]),
    (equal(DEEP, 1), "#0[0].#1 = :0", ["1"]),
    (equal(A, [1, {"a": None}]), "#0 = :0", [[{"N": "1"}, {"M": {"a": {"NULL": True}}}]]),
    (equal(A, None), NULL.format("#0", ":0"), [True]),
    (Compare("!=", A, Constant(1)), "#0 <> :0", ["1"]),
    (Compare("!=", A, Constant(None)), "(attribute_exists(#0) AND #0 <> :0)", [True]),
    (Has(A), "(attribute_exists(#0) AND #0 <> :0)", [True]),
    (Compare("<", A, Constant(1970)), "#0 < :0", ["1970"]),
    (Compare("<", Constant(1), A), "#0 > :0", ["1"]),
    (Compare(">=", A, B), "#0 >= #1", []),
    (Compare("<=", A, A), "(attribute_type(#0, :0) OR attribute_type(#0, :1))", ["S", "N"]),
    (
        Compare("==", A, B),
        f"(#0 = #1 OR ({NULL.format('#0', ':0')} AND {NULL.format('#1', ':1')}))",
        [True, True],
    ),
    (A, "#0 = :0", [True]),
    (Not(A), "(NOT #0 = :0)", [True]),
    (Or((A, equal(B, 1))), "(#0 = :0 OR #1 = :1)", [True, "1"]),
    (And((A, Or((B, Not(A))))), "(#0 = :0 AND (#1 = :1 OR (NOT #0 = :2)))", [True, True, True]),
    (Not(Or((A, Not(B)))), "((NOT #0 = :0) AND #1 = :1)", [True, True]),
    (Between(A, Constant(1), Constant(1.5)), "#0 BETWEEN :0 AND :1", ["1", "1.5"]),
    (Between(A, Constant("a"), Constant("b")), "#0 BETWEEN :0 AND :1", ["a", "b"]),
    (Between(A, B, Constant(3)), "(#0 <= #1 AND #1 <= :0)", ["3"]),
    (In(A, Constant((1, "x", True))), "#0 IN (:0, :1, :2)", ["1", "x", True]),
    (
        In(A, Constant((1, None, 10**40 + 1))),
        "(attribute_not_exists(#0) OR #0 = :0 OR #0 IN (:1))",
        [True, "1"],
    ),
    (In(Constant("x"), A), "(attribute_type(#0, :0) AND contains(#0, :1))", ["L", "x"]),
    (In(Constant(1), A), "contains(#0, :0)", ["1"]),
    (Contains(A, Constant("x")), "contains(#0, :0)", ["x"]),
    (Contains(A, B), f"(contains(#0, #1) OR ({NULL.format('#1', ':0')} AND contains(#0, :1)))", [True, True]),
    (Contains(A, A), "attribute_type(#0, :0)", ["S"]),
    (Contains(Constant((1, 2)), A), "#0 IN (:0, :1)", ["1", "2"]),
    (StartsWith(A, Constant("ab")), "(#0 >= :0 AND #0 < :1)", ["ab", "ac"]),
    (StartsWith(A, Constant("a\ud7ff")), "(#0 >= :0 AND #0 < :1)", ["a\ud7ff", "a\ue000"]),
    (StartsWith(A, Constant("a\U0010ffff")), "(#0 >= :0 AND #0 < :1)", ["a\U0010ffff", "b"]),
    (StartsWith(A, Constant("\U0010ffff")), "#0 >= :0", ["\U0010ffff"]),
    (StartsWith(A, Constant("")), "attribute_type(#0, :0)", ["S"]),
    (StartsWith(A, A), "attribute_type(#0, :0)", ["S"]),
    (StartsWith(Constant("ab"), A), "#0 IN (:0, :1, :2)", ["", "a", "ab"]),
    (Compare(">", Size(A), Constant(2)), "size(#0) > :0", ["2"]),
    (Compare("<=", Size(A), Constant(2)), f"({SIZED} AND size(#0) <= :3)", ["S", "L", "M", "2"]),
    (equal(Size(A), None), f"(NOT {SIZED})", ["S", "L", "M"]),
    (Compare("<", A, Constant(HUGE)), "#0 <= :0", ["9.9999999999999999999999999999999999999E+125"]),
    (Compare(">=", A, Constant(-HUGE)), "#0 >= :0", ["-9.9999999999999999999999999999999999999E+125"]),
    (Compare("<=", A, Constant(TINY)), "#0 < :0", ["0"]),
    (equal(equal(A, 1), value=False), "(NOT #0 = :0)", ["1"]),
]


@pytest.mark.parametrize(("node", "text", "bound"), FORMS)
def test_what_dynamodb_can_decide_is_left_to_it(node: Node, text: str, bound: list[Any]) -> None:
    assert rendered(node) == (text, bound)


@pytest.mark.parametrize(
    "node",
    [
        Constant(value=False),
        Constant("true"),
        equal(A, HUGE),
        equal(A, nested_lists(40)),
        equal(A, "\ud800"),
        equal(A, {"": 1}),
        Compare("<", A, Constant(value=True)),
        Compare("<", A, Constant(None)),
        Compare("<", A, Constant((1,))),
        Compare("<", A, A),
        Between(A, Constant(2), Constant(1)),
        Between(A, Constant("b"), Constant("a")),
        In(A, Constant(())),
        In(A, Constant("text")),
        In(A, Constant((HUGE,))),
        In(Constant(HUGE), A),
        StartsWith(A, Constant(1)),
        Contains(A, Constant(HUGE)),
        Contains(Constant(1), A),
        equal(Size(A), "a"),
        equal(Size(A), HUGE),
        And((B, KEY, Has(Reference("record", ("a",) * 32)))),
        equal(Reference("record", ("a", -1)), 1),
        equal(Reference("record", ("a", 10**12)), 1),
        equal(Reference("record", ("",)), 1),
        Has(Reference("record", ("é" * 128,))),
    ],
)
def test_what_no_record_can_be_is_not_asked(node: Node) -> None:
    assert compiled(node) == Compiled(never=True)
    assert compiled(Not(node)) == Compiled()


@pytest.mark.parametrize(
    "node",
    [Constant(value=True), Compare("==", A, A), Compare("!=", A, Constant(HUGE)), Or((KEY, Constant(value=True)))],
)
def test_of_what_every_record_is_nothing_is_asked(node: Node) -> None:
    assert compiled(node) == Compiled()
    assert compiled(Not(node)) == Compiled(never=True)


@pytest.mark.parametrize(
    ("node", "asked"),
    [
        (KEY, None),
        (Has(KEY), None),
        (equal(Size(KEY), 1), None),
        (Not(equal(KEY, 1)), None),
        (In(KEY, Constant((1, 2))), None),
        (Or((A, KEY)), None),
        (StartsWith(A, B), "(attribute_type(#0, :0) AND #1 >= #0)"),
        (Not(StartsWith(A, B)), None),
        (StartsWith(Constant("a" * 100), A), "attribute_type(#0, :0)"),
        (Contains(Constant("abc"), A), "attribute_type(#0, :0)"),
        (Contains(A, Size(B)), None),
        (Compare("<", A, Constant("\ud800")), None),
    ],
)
def test_what_dynamodb_cannot_decide_is_left_and_only_narrowed_down(node: Node, asked: str | None) -> None:
    condition, rest, never = compiled(node)
    assert (rest, never) == (node, False)
    assert (None if condition is None else Bindings().expression(condition)) == asked


def test_conjuncts_are_decided_each_where_it_can_be() -> None:
    node = And((A, Not(Or((KEY, equal(B, 1)))), StartsWith(A, B)))
    condition, rest, _ = compiled(node)
    assert condition is not None
    text = "(#0 = :0 AND (NOT #1 = :1) AND attribute_type(#1, :2) AND #0 >= #1)"
    assert Bindings().expression(condition) == text
    assert rest == And((Not(KEY), StartsWith(A, B)))


def test_more_options_than_one_in_takes_are_several() -> None:
    text, bound = rendered(In(A, Constant(tuple(range(250)))))
    assert text.count(" IN (") == 3
    assert len(bound) == 250


def test_the_largest_conjuncts_are_left_until_the_others_are_within_the_limits() -> None:
    large = In(A, Constant(tuple(range(400))))
    larger = In(B, Constant(tuple(range(500))))
    small = equal(A, 1)
    condition, rest, _ = compiled(And((larger, small, large)))
    assert condition is not None
    assert rest == larger
    assert len(Bindings().expression(condition)) < MAX_EXPRESSION_BYTES


@pytest.mark.parametrize("count", [100, 140, 200, 1000])
def test_a_condition_is_within_the_limits_whatever_is_asked(count: int) -> None:
    terms = tuple([Compare("<", A, Constant(number)) for number in range(count)])
    for node in (And(terms), Or(terms), Not(And(terms)), And((Or(terms), B))):
        condition, rest, never = compiled(node)
        assert condition is not None or rest == node
        assert not never
        if condition is not None:
            bindings = Bindings()
            assert len(bindings.expression(condition)) < MAX_EXPRESSION_BYTES
            assert bindings.operators < MAX_OPERATORS


@given(st.lists(expressions, min_size=1, max_size=40))
def test_what_is_taken_for_small_is_within_the_limits(nodes: list[Node]) -> None:
    compiled = conditions.compile(And((*nodes, *nodes)), place_in_filter)
    if compiled.condition is not None and conditions._are_small([compiled.condition]):
        bindings = Bindings()
        assert len(bindings.expression(compiled.condition)) <= conditions._BYTES
        assert bindings.operators <= conditions._OPERATORS


def test_a_condition_never_becomes_a_key_condition_by_itself() -> None:
    """Its operands are attribute values, not what the query's planner compares."""
    assert not isinstance(compiled(equal(A, 1)).condition, Comparison)


@pytest.mark.parametrize(
    "node",
    [
        ast.Parameter("p"),
        ast.Arithmetic("+", Constant(1), Constant(2)),
        Reference("auth", ("id",)),
        Reference("now", ()),
    ],
)
def test_what_is_not_folded_is_refused(node: Node) -> None:
    for outer in (equal(node, 1), And((A, Compare("<", A, node))), In(node, A)):
        with pytest.raises(ValueError, match="has to be folded"):
            compiled(outer)
