from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.collections import ids
from chalicelib.collections.intervals import ALL, BY_ID, BY_RANGE, FIRST, Bounds, Interval, Order, both, bounds, equals
from chalicelib.collections.key_texts import AFTER, LAST, order
from chalicelib.where import values as meaning
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
    Parameter,
    Reference,
    Size,
    StartsWith,
    walk,
)
from chalicelib.where.evaluate import evaluate
from chalicelib.where.fold import bind
from chalicelib.where.parser import parse

from .test_key_texts import TAILS, long, numbers, record_ids, strings, values

COMPARATORS: list[Any] = ["==", "<", "<=", ">", ">="]
POOL = 12
"""Values that the terms and the records of one case have in common."""


def frozen(value: Any) -> Any:
    """The value as a literal has it."""
    if isinstance(value, list):
        return tuple(map(frozen, value))
    return {name: frozen(member) for name, member in value.items()} if isinstance(value, dict) else value


def family(value: Any, tail: str) -> list[Any]:
    """Six values: this one, and what is next to it in the order."""
    if not isinstance(value, str):
        return [value, value, [value], str(value), None, tail]
    return [value, value + tail, value[:-1] + tail, value[:220], value[:219] + tail, value[:-1]]


def pools(some: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    families = st.builds(family, some, st.sampled_from(TAILS))
    return st.builds(list.__add__, families, families)


def terms(property_: Reference) -> st.SearchStrategy[Node]:
    """Terms that are about nothing but the property; their parameters are those of ``bound``."""
    itself = st.just(property_)
    one = st.integers(0, POOL - 1).map(lambda number: Parameter(f"_{number}"))
    some = st.integers(0, POOL - 1).map(lambda number: Parameter(f"from{number}"))
    simple: st.SearchStrategy[Node] = st.one_of(
        st.builds(Compare, st.sampled_from(COMPARATORS), itself, one),
        st.builds(Compare, st.sampled_from(COMPARATORS), one, itself),
        st.builds(Between, itself, one, one),
        st.builds(In, itself, some),
        st.builds(StartsWith, itself, one),
        st.sampled_from([Has(property_), Not(Has(property_)), Compare("!=", property_, Constant(None))]),
    )
    return st.recursive(
        simple,
        lambda inner: st.builds(
            lambda kind, operands: kind(tuple(operands)),
            st.sampled_from([And, Or]),
            st.lists(inner, min_size=2, max_size=3),
        ),
        max_leaves=4,
    )


def bound(term: Node, pool: Sequence[Any]) -> Node:
    """The term with values of the pool for its parameters, and every third of them for its lists."""
    given_values = [frozen(value) for value in pool]
    ones = {f"_{number}": value for number, value in enumerate(given_values)}
    return bind(term, ones | {f"from{number}": tuple(given_values[number::3]) for number in range(POOL)})


A, ID = Reference("record", ("a",)), Reference("record", ("id",))
range_terms, id_terms = terms(A), terms(ID)
range_pools = pools(values | strings | long | numbers)
id_pools = pools(record_ids | record_ids | record_ids | values | long)


def is_id(value: Any) -> bool:
    return isinstance(value, str) and ids.ID.match(value) is not None


def is_text(node: Node) -> bool:
    return isinstance(node, Constant) and isinstance(node.value, str)


def holding(found: Bounds, key: str) -> list[Interval]:
    return [each for each in found.intervals if each.low.encode() <= key.encode() <= each.high.encode()]


def assert_well_formed(found: Bounds) -> None:
    """The intervals are ascending, apart, not empty, and DynamoDB takes their ends."""
    ends = [end for interval in found.intervals for end in interval]
    encoded = [end.encode() for end in ends]
    assert all(0 < len(end) <= 1024 for end in encoded)
    assert encoded == sorted(encoded)
    highs, lows = encoded[1:-1:2], encoded[2::2]
    assert all(high < low for high, low in zip(highs, lows, strict=True))


def assert_holds(found: Bounds, key: str, *, matches: bool) -> None:
    within = holding(found, key)
    assert len(within) == 1 or not matches, f"{key!r} is in none of {found}"
    assert matches or not within or not found.exact, f"{key!r} is in {within}, which are said to be exact"


def assert_range_bounds(term: Node, values_: Iterable[Any], record_id: str) -> None:
    found = bounds(term, "a", BY_RANGE)
    if found is None:
        assert any(isinstance(node, StartsWith) and not is_text(node.prefix) for node in walk(term))
        return
    assert_well_formed(found)
    for value in values_:
        assert_holds(found, order(value) + record_id, matches=evaluate(term, {"a": value}))


def assert_id_bounds(term: Node, found_ids: Iterable[str]) -> None:
    found = bounds(term, "id", BY_ID)
    if found is not None:
        assert_well_formed(found)
        for record_id in found_ids:
            assert_holds(found, record_id, matches=evaluate(term, {"id": record_id}))


@settings(max_examples=1000)
@given(range_terms, range_pools, values, record_ids)
def test_every_key_for_which_a_term_is_true_lies_in_its_bounds(
    term: Node, pool: list[Any], other: Any, record_id: str
) -> None:
    assert_range_bounds(bound(term, pool), [*pool, other, None], record_id)


@pytest.mark.parametrize(
    ("term", "values_"),
    [
        (StartsWith(A, Constant("")), [LAST, LAST + "a", "", "a" * 300, LAST * 300, 1]),
        (StartsWith(A, Constant("a")), ["a" + LAST, "a" + LAST * 2, "b", "a", "a" + LAST * 300, "b" * 300]),
        (StartsWith(A, Constant(LAST)), [LAST, LAST * 2, LAST * 300, "\uffff", [], ""]),
        (StartsWith(A, Constant(LAST * 220)), [LAST * 220, LAST * 221, LAST * 219, []]),
        (StartsWith(A, Constant(LAST * 221)), [LAST * 220, LAST * 221, LAST * 219, []]),
        (StartsWith(A, Constant("\ud7ff")), ["\ud7ff", "\ud7ff" + LAST, "\ue000"]),
        (StartsWith(A, Constant("\0")), ["\0", "\0\1", "\1", "\0" * 200, "\0" + LAST]),
        (Compare("==", A, Constant(("a",))), [["a"], ["b"], {}]),
        (Compare("<", A, Constant("a" * 221)), ["a" * 220, "a" * 221, "a" * 220 + "A", "a" * 219 + "b"]),
        (Compare(">", A, Constant("a" * 220)), ["a" * 220, "a" * 221, "a" * 220 + "\0", "a" * 219 + "b"]),
        (Compare(">", A, Constant(LAST * 300)), [LAST * 300, LAST * 301, LAST * 220]),
        (Compare(">=", A, Constant(0)), [0, -0.0, -1, Decimal("1E-130"), "", 10**38 - 1]),
    ],
)
def test_the_bounds_hold_at_the_ends_of_the_order(term: Node, values_: list[Any]) -> None:
    for record_id in ("+", "~" * 128):
        assert_range_bounds(term, values_, record_id)


@settings(max_examples=600)
@given(id_terms, id_pools, record_ids)
def test_every_id_for_which_a_term_is_true_lies_in_its_bounds(term: Node, pool: list[Any], record_id: str) -> None:
    assert_id_bounds(bound(term, pool), [record_id, *filter(is_id, pool)])


@pytest.mark.parametrize(
    ("term", "found_ids"),
    [
        (Compare(">", ID, Constant("a")), ["a", "a+", "b", "A"]),
        (Compare("<", ID, Constant("a")), ["a", "Z~", "b", "A"]),
        (Compare("<", ID, Constant("a+")), ["a", "a+", "a,", "A"]),
        (Compare("<", ID, Constant("a" * 201)), ["a" * 128, "b", "a"]),
        (Compare("<", ID, Constant("a\0")), ["a", "a+"]),
        (Compare(">", ID, Constant(LAST * 300)), ["a", "~"]),
        (Compare("<", ID, Constant(LAST * 300)), ["a", "~" * 128]),
        (StartsWith(ID, Constant("~" * 128)), ["~" * 128, "~" * 127]),
        (StartsWith(ID, Constant("~" * 300)), ["~" * 128]),
        (StartsWith(ID, Constant("")), ["a", "~" * 128]),
    ],
)
def test_the_bounds_hold_at_the_ends_of_the_ids(term: Node, found_ids: list[str]) -> None:
    assert_id_bounds(term, found_ids)


@settings(max_examples=300)
@given(range_terms, range_pools)
def test_a_property_that_has_to_equal_one_of_some_values_does(term: Node, pool: list[Any]) -> None:
    term = bound(term, pool)
    options = equals(term, "a")
    for value in pool:
        if options is not None and evaluate(term, {"a": value}):
            assert any(meaning.equal(value, option) for option in options)


@pytest.mark.parametrize(
    "text",
    [
        "a != 1", "a == b", "b == 1", "a.b == 1", "a[0] == 1", "size(a) == 1", "a.contains('b')", "1 in a", "a in b",
        "'ab'.startsWith(a)", "a.startsWith(b)", "a between b and 2", "a between 1 and b", "not (a == 1)", "has(a.b)",
        "not has(b)", "a == 1 or b == 1", "a == 1 and b == 1", "'a' == 'a'", "(a == 1) == b",
    ],
)  # fmt: skip
@pytest.mark.parametrize("order_", [BY_RANGE, BY_ID])
def test_what_is_not_about_the_property_alone_sets_no_bounds(text: str, order_: Order) -> None:
    assert bounds(parse(text), "a", order_) is None


@pytest.mark.parametrize("text", ["has(id)", "not has(id)", "id != null", "id != 'a'"])
def test_an_id_is_not_bounded_by_being_there(text: str) -> None:
    assert bounds(parse(text), "id", BY_ID) is None


def kept(text: str) -> str:
    return order(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a == 'x'", [(kept("x"), kept("x") + AFTER)]),
        ("a >= 'x'", [(kept("x"), "4")]),
        ("a > 'x'", [(kept("x") + AFTER, "4")]),
        ("a < 'x'", [("3", kept("x"))]),
        ("a <= 'x'", [("3", kept("x") + AFTER)]),
        ("'x' >= a", [("3", kept("x") + AFTER)]),
        ("a < 0", [("2", "21")]),
        ("a between 0 and 0.0", [("21", "21" + AFTER)]),
        ("has(a)", [("1", LAST)]),
        ("not has(a)", [("0", "1")]),
        ("a == null", [("0", "0" + AFTER)]),
        ("a == null or a == true", [("0", "0" + AFTER), ("11", "11" + AFTER)]),
        ("a in [2, 1, 1.0]", [("221301!", "221301!" + AFTER), ("221302!", "221302!" + AFTER)]),
        ("a < 1 and a > 2", []),
        ("a == 1 and a == 2", []),
        ("a == 1 and a == '1'", []),
        ("a in []", []),
    ],
)
def test_the_bounds_of_a_range_are_the_least_that_hold_its_keys(text: str, expected: list[tuple[str, str]]) -> None:
    assert bounds(parse(text), "a", BY_RANGE) == Bounds(tuple(Interval(*each) for each in expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id == 'x'", [("x", "x")]),
        ("id in ['y', 'x', 'x', 5, null]", [("x", "x"), ("y", "y")]),
        ("id >= 'x'", [("x", LAST)]),
        ("id > 'x'", [("x" + FIRST, LAST)]),
        ("id <= 'x'", [(FIRST, "x")]),
        ("id < 'x'", [(FIRST, "w" + LAST)]),
        ("id < ''", []),
        ("id > ''", [(FIRST, LAST)]),
        ("id.startsWith('x')", [("x", "x" + LAST)]),
        ("id.startsWith('')", [(FIRST, LAST)]),
        ("id > 'b' and id < 'a'", []),
        ("id == null", []),
        ("id == ''", []),
        ("id < 5", []),
        ("id >= 'x' and id <= 'x'", [("x", "x")]),
    ],
)
def test_the_bounds_of_ids(text: str, expected: list[tuple[str, str]]) -> None:
    assert bounds(parse(text), "id", BY_ID) == Bounds(tuple(Interval(*each) for each in expected))


@pytest.mark.parametrize("value", [["x"], [], {"x": 1}, "x" * 221])
def test_an_equality_with_what_a_sort_key_does_not_hold_is_not_exact(value: Any) -> None:
    found = bounds(Compare("==", A, Constant(frozen(value))), "a", BY_RANGE)
    assert found is not None
    assert not found.exact


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">=", "=="])
def test_a_comparison_with_a_string_that_is_cut_is_not_exact(operator: Any) -> None:
    found = bounds(Compare(operator, A, Constant("x" * 221)), "a", BY_RANGE)
    assert found is not None
    assert not found.exact


@pytest.mark.parametrize("kind", [And, Or])
def test_a_junction_is_exact_when_all_its_parts_are(kind: type[And | Or]) -> None:
    exact, vague = Compare("==", A, Constant(1)), Compare("==", A, Constant(()))
    for operands in ((exact, exact), (exact, vague), (vague, exact)):
        found = bounds(kind(operands), "a", BY_RANGE)
        assert found is not None
        assert found.exact is (vague not in operands)


def test_what_is_in_both_takes_steps_as_many_as_there_are_intervals() -> None:
    compared = 0

    class Counted(str):
        __slots__ = ()

        def __lt__(self, other: str) -> bool:
            nonlocal compared
            compared += 1
            return str.__lt__(self, other)

        def __gt__(self, other: str) -> bool:
            nonlocal compared
            compared += 1
            return str.__gt__(self, other)

    one = Bounds(tuple(Interval(Counted(f"{number:04}"), Counted(f"{number:04}~")) for number in range(1000)))
    assert both(one, one) == one
    assert compared < 20_000


def test_all_keys_lie_within_all() -> None:
    for key in ("+", "~" * 128, order(None) + "+", order([]) + "~", order(LAST * 300) + "~" * 128):
        assert ALL.low.encode() < key.encode() < ALL.high.encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a == 1", (1,)),
        ("1 == a", (1,)),
        ("a == null", (None,)),
        ("a in [1, 'x', null]", (1, "x", None)),
        ("a == 1 or a in [2, 3] or (a == 4 or 5 == a)", (1, 2, 3, 4, 5)),
        ("a in []", ()),
        ("a == 1 or b == 1", None),
        ("a == 1 and a == 2", None),
        ("a != 1", None),
        ("a > 1", None),
        ("a == b", None),
        ("1 in a", None),
        ("a in b", None),
        ("has(a)", None),
        ("not (a == 1)", None),
        ("a.b == 1", None),
    ],
)
def test_the_values_that_a_property_has_to_have_one_of(text: str, expected: tuple[Any, ...] | None) -> None:
    assert equals(parse(text), "a") == expected


@pytest.mark.parametrize("options", [frozenset({1}), {1}])
def test_the_elements_of_a_set_are_values_too(options: Any) -> None:
    term = In(A, Constant(options))
    found = bounds(term, "a", BY_RANGE)
    assert evaluate(term, {"a": 1})
    assert equals(term, "a") == (1,)
    assert found is not None
    assert holding(found, order(1) + "x")


@pytest.mark.parametrize("options", ["ab", {"a": 1}, 1, None])
def test_nothing_is_in_what_is_no_list(options: Any) -> None:
    assert bounds(In(A, Constant(options)), "a", BY_RANGE) == Bounds(())
    assert equals(In(A, Constant(options)), "a") == ()


def test_other_roots_of_the_same_name_are_not_the_property() -> None:
    other: Any = Reference("auth", ("a",))
    for term in (Compare("==", other, Constant(1)), In(other, Constant((1,))), Has(other)):
        assert bounds(term, "a", BY_RANGE) is None
        assert equals(term, "a") is None


def test_what_the_operators_make_of_other_nodes_is_not_the_property() -> None:
    for node in (Size(A), Contains(A, Constant(1)), Constant(Decimal(1))):
        assert bounds(Compare("==", node, Constant(1)), "a", BY_RANGE) is None
