from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dynamo.bindings import MAX_EXPRESSION_BYTES, MAX_OPERATORS, Bindings, with_condition
from chalicelib.dynamo.codec import decode
from chalicelib.dynamo.errors import AttributeValue, ConditionFailed, LimitExceeded, Unstorable, WrongType
from chalicelib.dynamo.expressions import (
    MAX_IN_VALUES,
    Comparison,
    Condition,
    Encoded,
    Expression,
    Junction,
    Path,
    Value,
    all_of,
)
from chalicelib.dynamo.session import Recorder

from .books import Book, book
from .everything import Address, Colour, Everything, Level
from .values import meaning, values
from .wire import assert_valid

NOON = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
A: Path[Any] = Path("a")
B: Path[Any] = Path("doc", "b", 0)

CONDITIONS: dict[str, Callable[[Path[Any], Any], Condition]] = {
    "#0 = :0": lambda path, value: path == value,
    "#0 <> :0": lambda path, value: path != value,
    "#0 < :0": lambda path, value: path < value,
    "#0 <= :0": lambda path, value: path <= value,
    "#0 > :0": lambda path, value: path > value,
    "#0 >= :0": lambda path, value: path >= value,
    "#0 BETWEEN :0 AND :1": lambda path, value: path.between(value, value),
    "#0 IN (:0)": lambda path, value: path.is_in([value]),
    "#0 IN (:0, :1, :2)": lambda path, value: path.is_in([value] * 3),
    "contains(#0, :0)": lambda path, value: path.contains(value),
    "attribute_exists(#0)": lambda path, _: path.exists(),
    "attribute_not_exists(#0)": lambda path, _: path.missing(),
    "(#0 = :0 AND #0 = :1)": lambda path, value: (path == value) & (path == value),
    "(#0 = :0 OR attribute_exists(#0))": lambda path, value: (path == value) | path.exists(),
    "(NOT #0 = :0)": lambda path, value: ~(path == value),
    "begins_with(#0, :0)": lambda path, value: path.begins_with(str(value)),
    "attribute_type(#0, :0)": lambda path, _: path.type_is("S"),
    "size(#0) <= :0": lambda path, _: path.size() <= 3,
    "size(#0) = size(#0)": lambda path, _: path.size() == path.size(),
    "size(#0) <> :0": lambda path, _: path.size() != 0,
    "#0 >= #0": lambda path, _: path >= Path(*path.names),
}


def rendered(expression: Expression[Any] | Path[Any]) -> tuple[str, dict[str, Any]]:
    bindings = Bindings()
    return bindings.text(expression), bindings.into({})


@pytest.mark.parametrize("text", CONDITIONS)
def test_a_condition_is_text_of_placeholders(text: str) -> None:
    found, bound = rendered(CONDITIONS[text](A, 7))
    assert found == text
    assert bound["ExpressionAttributeNames"] == {"#0": "a"}
    assert len(bound.get("ExpressionAttributeValues", {})) == text.count(":")


@given(st.sampled_from(sorted(CONDITIONS)), st.text(min_size=1), values)
def test_no_name_and_no_value_becomes_text(text: str, name: str, value: Any) -> None:
    condition = CONDITIONS[text](Path(name), value)
    request = with_condition({"TableName": "table", "Key": {"pk": {"S": "a"}}}, condition)
    assert request["ConditionExpression"] == text
    assert list(request["ExpressionAttributeNames"].values()) == [name]
    assert_valid("DeleteItem", request)


@given(values)
def test_a_bound_value_is_the_encoded_value(value: Any) -> None:
    bound = rendered(Path("a") == value)[1]["ExpressionAttributeValues"]
    assert meaning(decode(bound[":0"])) == meaning(value)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=6))
def test_every_name_is_bound_once(names: list[str]) -> None:
    condition = all_of(Path(name, *names).exists() for name in names)
    assert condition is not None
    text, bound = rendered(condition)
    used = re.findall("#[0-9]+", text)
    assert sorted(bound["ExpressionAttributeNames"]) == sorted(set(used))
    assert [bound["ExpressionAttributeNames"][placeholder] for placeholder in used] == [
        part for name in names for part in (name, *names)
    ]


def test_a_path_leads_through_maps_and_lists() -> None:
    text, bound = rendered(Path("doc")["tags"][0]["a.b"][12] == Path("x", 3))
    assert text == "#0.#1[0].#2[12] = #3[3]"
    assert bound == {"ExpressionAttributeNames": {"#0": "doc", "#1": "tags", "#2": "a.b", "#3": "x"}}
    assert repr(Path("doc", 0)) == "Path('doc', 0)"


@pytest.mark.parametrize("operand", [B, B.size(), B.or_else(1), Value(1), Encoded({"N": "1"})])
def test_a_comparison_is_plain_when_its_operands_are_python_values(operand: Any) -> None:
    path = Path[Any]("a")
    plain: list[Any] = [path < 1, path.between(1, 2), path.is_in([1, 2]), path.begins_with("b")]
    others: list[Any] = [path < operand, path.between(1, operand), path.is_in([1, operand])]
    assert [comparison.is_plain for comparison in plain + others] == [True] * 4 + [False] * 3


def test_paths_can_be_kept_in_sets_by_identity() -> None:
    assert {A: 1}[A] == 1
    assert hash(Path("a")) == hash(A)


@pytest.mark.parametrize("condition", [A == 1, A.exists(), (A == 1) & (B == 2)])
def test_a_condition_has_no_truth_value(condition: Condition) -> None:
    with pytest.raises(TypeError, match=r"combine with &, \| and ~"):
        bool(condition)
    with pytest.raises(TypeError):
        assert not condition


def test_chained_comparison_is_refused_rather_than_half_lost() -> None:
    with pytest.raises(TypeError):
        assert 1 < A < 3


@pytest.mark.parametrize("count", [0, MAX_IN_VALUES + 1])
def test_is_in_takes_1_to_100_values(count: int) -> None:
    with pytest.raises(LimitExceeded, match=f"IN takes 1 to 100 values, not {count}"):
        A.is_in(range(count))


def test_is_in_takes_100_values() -> None:
    bound = rendered(A.is_in(range(MAX_IN_VALUES)))[1]
    assert [decode(value) for value in bound["ExpressionAttributeValues"].values()] == list(range(100))


def test_all_of_leaves_out_what_is_none() -> None:
    assert all_of([]) is None
    assert all_of([None, None]) is None
    first, second = A.exists(), B.missing()
    assert all_of([None, first, None]) is first
    both = all_of([first, None, second])
    assert both is not None
    assert rendered(both)[0] == "(attribute_exists(#0) AND attribute_not_exists(#1.#2[0]))"


def test_expressions_of_one_request_share_their_names_and_no_values() -> None:
    bindings = Bindings()
    assert bindings.text(A.or_else(0) + 1) == "if_not_exists(#0, :0) + :1"
    assert bindings.text((A == 1) & (B == A)) == "(#0 = :2 AND #1.#2[0] = #0)"
    bound = bindings.into({})
    assert bound["ExpressionAttributeNames"] == {"#0": "a", "#1": "doc", "#2": "b"}
    assert [decode(value) for value in bound["ExpressionAttributeValues"].values()] == [0, 1, 1]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (A + 1, "#0 + :0"),
        (A - B, "#0 - #1.#2[0]"),
        (A.or_else(0) + 1, "if_not_exists(#0, :0) + :1"),
        (A.or_else(0) - B, "if_not_exists(#0, :0) - #1.#2[0]"),
        (A.or_else("x"), "if_not_exists(#0, :0)"),
        (A.followed_by([1, 2]), "list_append(if_not_exists(#0, :0), :1)"),
        (A.preceded_by([1, 2]), "list_append(:0, if_not_exists(#0, :1))"),
    ],
)
def test_what_an_update_computes_is_text_of_placeholders(expression: Expression[Any], text: str) -> None:
    assert rendered(expression)[0] == text


@pytest.mark.parametrize(
    ("condition", "encoded"),
    [
        (Everything.seconds > NOON, [{"N": "1714564800"}]),
        (Everything.time == NOON, [{"S": "2024-05-01T12:00:00.000000Z"}]),
        (Everything.seconds.between(NOON, NOON + timedelta(seconds=1)), [{"N": "1714564800"}, {"N": "1714564801"}]),
        (Everything.colour.is_in([Colour.RED, Colour.GREEN]), [{"S": "red"}, {"N": "2"}]),
        (Everything.address == Address(street="a"), [{"M": {"street": {"S": "a"}}}]),
        (Everything.address[Address.city] == "b", [{"S": "b"}]),
        (Everything.address[Address.city].size() > 3, [{"N": "3"}]),
        (Everything.counts["a"] < 2, [{"N": "2"}]),
        (Everything.triple.contains(NOON.date()), [{"S": "2024-05-01"}]),
        (Everything.number_set.contains(2), [{"N": "2"}]),
        (Everything.text.contains("sub"), [{"S": "sub"}]),
        (Everything.text.begins_with("pre"), [{"S": "pre"}]),
        (Everything.time == Everything.seconds, []),
        (Everything.level == Value("1"), [{"S": "1"}]),
        (Everything.level == Encoded({"S": "1"}), [{"S": "1"}]),
        (Path[Any]("old")[Everything.seconds] == NOON, [{"N": "1714564800"}]),
    ],
)
def test_an_operand_is_written_as_its_field_is_stored(condition: Condition, encoded: list[AttributeValue]) -> None:
    request = with_condition({"TableName": "table", "Key": {"pk": {"S": "a"}}}, condition)
    assert list(request.get("ExpressionAttributeValues", {}).values()) == encoded
    assert_valid("DeleteItem", request)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (Everything.seconds.or_else(NOON), {"N": "1714564800"}),
        (Everything.level.or_else(Level.LOW), {"N": "1"}),
        (Everything.triple.or_else((NOON.date(),)), {"L": [{"S": "2024-05-01"}]}),
        (Path[int]("n") + 1, {"N": "1"}),
    ],
)
def test_what_is_stored_is_written_as_its_field_is(expression: Expression[Any], value: AttributeValue) -> None:
    assert list(rendered(expression)[1]["ExpressionAttributeValues"].values()) == [value]


@pytest.mark.parametrize(
    "condition",
    [
        Book.stock == "1",
        Book.stock == True,  # noqa: E712 - which is no number
        Book.title.is_in(["a", 1]),  # type: ignore[list-item]
        Book.stock.between(1, "2"),  # type: ignore[arg-type]
        Everything.texts.contains(1),  # type: ignore[arg-type]
        Everything.address[Address.street] == 1,
        Everything.grid[0][1] == "a",
    ],
)
def test_an_operand_of_another_type_than_its_field_is_refused(condition: Condition) -> None:
    with pytest.raises(WrongType):
        rendered(condition)


def test_a_comparison_says_what_it_compares() -> None:
    condition = Book.stock.between(1, 2)
    assert isinstance(condition, Comparison)
    assert (condition.path, condition.operator, condition.operands) == (Book.stock, "BETWEEN", (1, 2))


def junction(operator: str, left: tuple[Condition, Any], right: tuple[Condition, Any]) -> tuple[Condition, Any]:
    if operator == "AND":
        return left[0] & right[0], left[1] and right[1]
    return left[0] | right[0], left[1] or right[1]


trees: st.SearchStrategy[tuple[Condition, bool]] = st.recursive(
    st.sampled_from([(A.exists(), True), (A.missing(), False)]),
    lambda inner: (
        st.builds(junction, st.sampled_from(["AND", "OR"]), inner, inner)
        | inner.map(lambda tree: (~tree[0], not tree[1]))
    ),
    max_leaves=20,
)


@given(trees)
def test_flattening_keeps_the_meaning(tree: tuple[Condition, bool]) -> None:
    text = rendered(tree[0])[0]
    words = {"attribute_exists(#0)": "True", "attribute_not_exists(#0)": "False", "AND": "and", "OR": "or"}
    for word, meant in {**words, "NOT": "not"}.items():
        text = text.replace(word, meant)
    assert eval(text) is tree[1]


def test_junctions_of_one_kind_are_one() -> None:
    assert rendered((A == 1) & ((A == 2) & (A == 3)) & ((A == 4) | (A == 5) | (A == 6)))[0] == (
        "(#0 = :0 AND #0 = :1 AND #0 = :2 AND (#0 = :3 OR #0 = :4 OR #0 = :5))"
    )


def any_of(count: int) -> Condition:
    return Junction("OR", tuple([A.exists() for _ in range(count)]))


def test_an_expression_has_at_most_300_operators() -> None:
    most = MAX_OPERATORS // 2
    request = with_condition({}, any_of(most))
    assert request["ConditionExpression"].count("attribute_exists") == most
    with pytest.raises(LimitExceeded, match="The expression has 301 operators; DynamoDB takes 300"):
        with_condition({}, any_of(most + 1))


def test_the_operators_of_each_expression_count_alone() -> None:
    bindings = Bindings()
    for _ in range(2):
        bindings.expression(any_of(MAX_OPERATORS // 2))


def test_an_expression_has_at_most_4_kb() -> None:
    deep = "a" * 10
    path: Path[Any] = Path(*[f"{deep}{number}" for number in range(700)])
    fits = with_condition({}, path.exists())["ConditionExpression"]
    assert len(fits) < MAX_EXPRESSION_BYTES
    with pytest.raises(LimitExceeded, match=r"The expression has \d+ bytes; DynamoDB takes 4096"):
        with_condition({}, path.exists() & path.missing())


def test_a_limit_is_found_before_the_call(recorder: Recorder) -> None:
    with pytest.raises(LimitExceeded):
        book().put(any_of(MAX_OPERATORS))
    assert recorder.calls == []


def test_without_a_condition_a_request_stays_as_it_is() -> None:
    assert with_condition({"TableName": "table"}, None) == {"TableName": "table"}


def test_nothing_is_bound_where_nothing_is_to_bind() -> None:
    assert Bindings().into({"TableName": "table"}) == {"TableName": "table"}


def test_a_value_that_cannot_be_stored_is_refused_when_it_is_bound() -> None:
    with pytest.raises(Unstorable):
        rendered(A == 1e200)


@pytest.mark.parametrize("text", CONDITIONS)
def test_the_store_understands_every_condition(recorder: Recorder, text: str) -> None:
    stored = book(title="7")
    stored.put()
    condition = CONDITIONS[text](Path("title"), "7")
    expected = not text.startswith(("attribute_not", "(NOT", "#0 <>", "#0 < ", "#0 > "))
    try:
        stored.put(condition)
    except ConditionFailed:
        assert not expected
    else:
        assert expected


@pytest.mark.parametrize("name", ["a.b", "size", "#0", ":0", "a b", "`", "a[0]", "SET", "\u00e9", "\n", "'\"\\"])
def test_the_store_takes_any_name(recorder: Recorder, name: str) -> None:
    book(doc={}).put()
    at_name: Path[Any] = Path("_doc", name)
    updated = Book.update(shelf="A", isbn="1").set(at_name, 1).when(at_name.missing()).run()
    assert updated.doc == {name: 1}
    assert Book.update(shelf="A", isbn="1").remove(at_name).when(at_name == 1).run().doc == {}


def test_a_sum_is_no_side_of_another_as_dynamodb_has_none_such() -> None:
    both = Path[int]("a").or_else(0) + Path[int]("b")
    assert rendered(both)[0] == "if_not_exists(#0, :0) + #1"
    with pytest.raises(TypeError):
        both + 1  # type: ignore[operator]


def test_a_field_that_is_none_is_absent_or_null(table: str) -> None:
    for isbn, note in (("1", None), ("2", "read")):
        book(isbn, note=note).create()
    Book.table.call("PutItem", {"Item": {**book("3").to_item(), "note": {"NULL": True}}})
    without, others = Book.note == None, Book.note != None  # noqa: E711 - that is what is tested
    assert [each.isbn for each in Book.query(shelf="A").where(without)] == ["1", "3"]
    assert [each.isbn for each in Book.query(shelf="A").where(others)] == ["2"]
