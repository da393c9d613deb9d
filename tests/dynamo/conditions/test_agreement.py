"""The evaluator and DynamoDB give the same answer on every record.

``AGREEMENT_PAIRS=100000`` asks for a longer run than the usual one; ``make test-truth`` asks AWS's own engine.
"""

from __future__ import annotations

import math
import os
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.dynamo import conditions
from chalicelib.dynamo.bindings import Bindings, with_condition
from chalicelib.dynamo.codec import decode_map, encode_map
from chalicelib.dynamo.conditions import Compiled
from chalicelib.dynamo.errors import ConditionFailed, Item
from chalicelib.dynamo.expressions import Path
from chalicelib.dynamo.tables import main
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
from chalicelib.where.evaluate import evaluate
from tests.dynamo.values import nested_lists

PAIRS = int(os.environ.get("AGREEMENT_PAIRS", "9600"))
RECORDS, EXPRESSIONS = 16, 12
WRITES = 240
SERVER_SET = {"id": "sk", "version": "_version"}

names = st.sampled_from(["a", "b", "c", "a.b", "é"])
numbers = st.sampled_from(
    [*range(-1, 4), 10, 1.5, 0.1, Decimal("0.1"), Decimal("1.00"), 10**37, 10**38 - 1, 2**64 + 1, Decimal("1E-130")]
) | st.sampled_from([f"-9.{'9' * 37}E+125", f"0.{'1' * 38}", f"-1.{'0' * 36}1"]).map(Decimal)
texts = st.sampled_from(
    [
        "",
        "a",
        "b",
        "ab",
        "abc",
        "aa",
        "A",
        "1",
        "true",
        "\0",
        "a\0",
        "é",
        "éa",
        "e\u0301",
        "a\ud7ff",
        "a\ue000",
        "\uffff",
    ]
) | st.sampled_from(["😀", "a😀", "ab\U0010ffff", "\U0010ffff"])
common: st.SearchStrategy[Any] = st.sampled_from([None, True, 1, 2, "", "a", "ab", [1], ["a"], {"a": 1}])
scalars: st.SearchStrategy[Any] = st.none() | st.booleans() | numbers | texts
lists: st.SearchStrategy[Any] = st.sampled_from(
    [[], [1], [None], ["a"], ["ab", 1], [[1]], [{}], [True], [1, "a", None]]
)
maps: st.SearchStrategy[Any] = st.sampled_from([{}, {"a": 1}, {"a": None}, {"a": "a", "b": [1]}, {"a": {"a": True}}])
near = lists | maps
values: st.SearchStrategy[Any] = st.recursive(
    scalars | near, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=4
)
documents = st.fixed_dictionaries({}, optional=dict.fromkeys(["a", "b", "c", "a.b", "é"], common | values))
unstorable_numbers = st.sampled_from(
    ["1E+200", "-1E+200", "1E-200", "-1E-131", f"1.{'0' * 40}1", f"-1.{'0' * 36}11", f"0.{'1' * 38}5", f"-{10**38 + 1}"]
).map(Decimal)
unstorable: st.SearchStrategy[Any] = unstorable_numbers | st.sampled_from(
    ["\ud800", "a\udfff", [10**38 + 1], {"": 1}, {"n" * 256: 1}, {"a": "\ud800"}, nested_lists(40)]
)
constants: st.SearchStrategy[Any] = common | common | values | scalars | unstorable
options = st.lists(constants, max_size=4).map(tuple) | st.integers(90, 230).map(lambda size: tuple(range(size)))
odd_paths: list[tuple[str | int, ...]] = [
    ("a",) * 31, ("a",) * 32, ("b", 10**9), ("b", -1), ("b", 400_000), ("",), ("n" * 256,), ("é" * 127,), ("\ud800",)
]  # fmt: skip
paths: st.SearchStrategy[tuple[str | int, ...]] = st.one_of(
    names.map(lambda name: (name,)),
    st.sampled_from([("a",), ("b",), ("c",)]),
    st.tuples(names, names | st.integers(0, 2)),
    st.tuples(names, names | st.integers(0, 2), names | st.integers(0, 1)) | st.sampled_from([("id",), ("version",)]),
)
references = st.builds(Reference, st.just("record"), paths | paths | st.sampled_from(odd_paths))
comparators: st.SearchStrategy[Any] = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


def operands(constant: st.SearchStrategy[Any] = constants) -> st.SearchStrategy[Any]:
    return references | references | references.map(Size) | constant.map(Constant)


counts = st.sampled_from([0, 1, 2, 3, 4, -1, 0.5, 1.5, Decimal("2.5")]).map(Constant)
plain: st.SearchStrategy[Node] = st.one_of(
    references,
    references.map(Has),
    st.builds(Compare, comparators, references, common.map(Constant)),
    st.builds(Compare, comparators, references, scalars.map(Constant)),
    st.builds(Compare, comparators, references, references),
    st.builds(Compare, comparators, references.map(Size), counts),
    st.builds(In, references, st.lists(common, max_size=4).map(tuple).map(Constant)),
    st.builds(In, common.map(Constant), references),
    st.builds(
        Between, references, st.sampled_from([-1, 0, 1]).map(Constant), st.sampled_from([1, 2, 1.5]).map(Constant)
    ),
    st.builds(Between, references, st.sampled_from(["", "a"]).map(Constant), texts.map(Constant)),
    st.builds(StartsWith, references, st.sampled_from(["", "a", "ab", "1", "😀"]).map(Constant)),
    st.builds(Contains, references, common.map(Constant)),
    st.builds(Contains, references, references),
)
odd: st.SearchStrategy[Node] = st.one_of(
    st.builds(Compare, comparators, operands(), operands()),
    st.builds(Compare, comparators, references.map(Size), constants.map(Constant)),
    st.builds(In, operands(), options.map(Constant) | references | constants.map(Constant)),
    st.builds(Between, operands(), operands(numbers), operands(numbers)),
    st.builds(Between, references, constants.map(Constant), constants.map(Constant)),
    st.builds(StartsWith, operands(texts), operands(texts)),
    st.builds(Contains, operands(), operands()),
    st.sampled_from([Constant(True), Constant(False), Constant(None), Constant("true")]),
)
# Not one_of, which makes one choice of all: most of the odd ones are alike for every record.
terms = st.integers(0, 3).flatmap(lambda kind: plain if kind else odd)
expressions: st.SearchStrategy[Node] = st.recursive(
    terms,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=4).map(lambda operands: And(tuple(operands))),
        st.lists(inner, min_size=2, max_size=4).map(lambda operands: Or(tuple(operands))),
        st.builds(Compare, st.sampled_from(["==", "!="]), inner, st.sampled_from([Constant(True), Constant(False)])),
    ),
    max_leaves=6,
)


def place(path: tuple[str | int, ...]) -> Path[Any]:
    """Where a condition finds a property."""
    own = SERVER_SET.get(path[0]) if isinstance(path[0], str) else None
    return Path("doc", *path) if own is None else Path(own, *path[1:])


def place_in_filter(path: tuple[str | int, ...]) -> Path[Any] | None:
    """As ``place``; a filter cannot name the keys."""
    return None if path[0] == "id" else place(path)


def items(records: list[dict[str, Any]]) -> tuple[str, list[Item]]:
    """The partition of a round, and its items: a record each."""
    pk = f"agreement#{uuid.uuid4().hex}"
    return pk, [
        encode_map({"pk": pk, "sk": f"{number:04}", "_version": number, "doc": document})
        for number, document in enumerate(records)
    ]


def shown(item: Item) -> dict[str, Any]:
    """The record as the language sees it."""
    decoded = decode_map(item)
    return {**decoded["doc"], **{name: decoded[own] for name, own in SERVER_SET.items()}}


def holds(node: Node | None, record: dict[str, Any]) -> bool:
    return node is None or evaluate(node, record)


def matching(pk: str, compiled: Compiled) -> set[str]:
    """The sort keys of the items for which DynamoDB says that the condition holds."""
    if compiled.never:
        return set()
    bindings = Bindings()
    parameters = {
        "KeyConditionExpression": bindings.expression(Path[Any]("pk") == pk),
        "ConsistentRead": True,
        "ProjectionExpression": "sk",
    }
    if compiled.condition is not None:
        parameters["FilterExpression"] = bindings.expression(compiled.condition)
    return {item["sk"]["S"] for item in main.call("Query", bindings.into(parameters))["Items"]}


def assert_agreement(node: Node, compiled: Compiled, record: dict[str, Any], *, found: bool) -> None:
    expected = holds(node, record)
    assert found or not expected, f"DynamoDB leaves out {record} for {node}"
    assert (found and holds(compiled.rest, record)) == expected, f"DynamoDB has {record} for {node}"


@pytest.mark.usefixtures("table")
@settings(max_examples=math.ceil(PAIRS / (RECORDS * EXPRESSIONS)), suppress_health_check=list(HealthCheck))
@given(
    st.lists(documents, min_size=RECORDS, max_size=RECORDS),
    st.lists(expressions, min_size=EXPRESSIONS, max_size=EXPRESSIONS),
)
def test_a_filter_has_the_records_that_the_evaluator_has(records: list[dict[str, Any]], nodes: list[Node]) -> None:
    pk, stored = items(records)
    main.session.call(
        "BatchWriteItem", {"RequestItems": {main.name: [{"PutRequest": {"Item": item}} for item in stored]}}
    )
    for node in nodes:
        compiled = conditions.compile(node, place_in_filter)
        found = matching(pk, compiled)
        for item in stored:
            assert_agreement(node, compiled, shown(item), found=item["sk"]["S"] in found)


@pytest.mark.usefixtures("table")
@settings(max_examples=WRITES, suppress_health_check=list(HealthCheck))
@given(documents, expressions)
def test_a_write_is_carried_out_for_the_records_that_the_evaluator_has(record: dict[str, Any], node: Node) -> None:
    _, (item,) = items([record])
    main.call("PutItem", {"Item": item})
    compiled = conditions.compile(node, place)
    try:
        main.call("PutItem", with_condition({"Item": item}, compiled.condition))
    except ConditionFailed:
        carried_out = False
    else:
        carried_out = not compiled.never
    assert_agreement(node, compiled, shown(item), found=carried_out)


@pytest.mark.usefixtures("table")
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(st.lists(documents, min_size=5, max_size=5), st.lists(expressions, min_size=40, max_size=120), st.booleans())
def test_an_expression_of_many_terms_is_within_the_limits(
    records: list[dict[str, Any]], nodes: list[Node], conjunction: bool
) -> None:
    pk, stored = items(records)
    main.session.call("BatchWriteItem", {"RequestItems": {main.name: [{"PutRequest": {"Item": i}} for i in stored]}})
    node = Not(Or(tuple(map(Not, nodes)))) if conjunction else Or(tuple(nodes))
    compiled = conditions.compile(node, place_in_filter)
    found = matching(pk, compiled)
    for item in stored:
        assert_agreement(node, compiled, shown(item), found=item["sk"]["S"] in found)


A, B = Reference("record", ("a",)), Reference("record", ("b",))
MISSING = object()
EACH: list[Any] = [
    MISSING,
    None,
    True,
    False,
    0,
    1,
    2,
    Decimal("1." + "0" * 36 + "1"),
    "",
    "a",
    "ab",
    "b",
    "a\ue000",
    "a😀",
]
EACH += [[], [1], [None], ["ab"], [[1]], {}, {"a": 1}, {"a": None}]
OPERANDS = [Constant(value) for value in EACH[1:]] + [
    Constant(value) for value in [1.5, Decimal("1E+200"), Decimal("-1E-200"), Decimal("1." + "0" * 40 + "1"), "a\ud7ff"]
]
BOTH: list[Node] = [A, Has(A), Contains(A, B), In(A, B), StartsWith(A, B), Between(A, B, Constant(1)), Between(A, A, B)]
BOTH += [Compare(operator, *sides) for operator in ("==", "!=", "<", ">=") for sides in ((A, B), (Size(A), B), (A, A))]
BOTH += [Compare(operator, Size(A), Size(B)) for operator in ("==", "!=", "<", ">=")]
ALONE: list[Node] = []
for operand in OPERANDS:
    ALONE += [Compare(operator, A, operand) for operator in ("==", "!=", "<", "<=", ">", ">=")]
    ALONE += [Compare(operator, Size(A), operand) for operator in ("==", "<", "<=", ">=")]
    ALONE += [Contains(A, operand), Contains(operand, A), StartsWith(A, operand), StartsWith(operand, A)]
    ALONE += [Compare(">=", operand, A), In(operand, A), In(A, operand), In(A, Constant((operand.value, 2, None)))]
    ALONE += [Between(A, operand, Constant(2)), Between(A, Constant("a"), operand)]


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(("nodes", "others"), [(ALONE, [MISSING]), (BOTH, EACH)])
def test_every_form_agrees_on_values_of_every_type(nodes: list[Node], others: list[Any]) -> None:
    records = [
        {name: value for name, value in (("a", one), ("b", other)) if value is not MISSING}
        for one in EACH
        for other in others
    ]
    pk, stored = items(records)
    for item in stored:
        main.call("PutItem", {"Item": item})
    for node in nodes:
        for expression in (node, Not(node)):
            compiled = conditions.compile(expression, place)
            found = matching(pk, compiled)
            for item in stored:
                assert_agreement(expression, compiled, shown(item), found=item["sk"]["S"] in found)
