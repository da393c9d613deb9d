from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dynamo.codec import decode
from chalicelib.dynamo.errors import ConditionFailed, Unstorable
from chalicelib.dynamo.expressions import MAX_IN_VALUES, Bindings, Condition, Expression, Path, UpdateActions, all_of
from chalicelib.dynamo.model import Update, with_condition
from chalicelib.dynamo.session import Recorder

from .books import Book, book
from .values import meaning, values
from .wire import assert_valid

A, B = Path("a"), Path("doc", "b", 0)

CONDITIONS: dict[str, Callable[[Path, Any], Condition]] = {
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
    "size(#0) <= :0": lambda path, _: path.size_at_most(3),
}


def rendered(expression: Expression | Path) -> tuple[str, dict[str, Any]]:
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
    with pytest.raises(ValueError, match=f"IN takes 1 to 100 values, not {count}"):
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


def test_an_expression_of_several_parts_shares_its_names() -> None:
    bindings = Bindings()
    actions = UpdateActions([(A, A.or_else(0).plus(1)), (B, "x")], [Path("c")])
    assert actions.text(bindings) == "SET #0 = if_not_exists(#0, :0) + :1, #1.#2[0] = :2 REMOVE #3"
    assert bindings.text(A == 1) == "#0 = :3"
    bound = bindings.into({})
    assert bound["ExpressionAttributeNames"] == {"#0": "a", "#1": "doc", "#2": "b", "#3": "c"}
    assert [decode(value) for value in bound["ExpressionAttributeValues"].values()] == [0, 1, "x", 1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "SET #0 = :0"),
        (B, "SET #0 = #1.#2[0]"),
        (A.plus(-1), "SET #0 = #0 + :0"),
        (A.or_else("x"), "SET #0 = if_not_exists(#0, :0)"),
        (A.followed_by([1, 2]), "SET #0 = list_append(if_not_exists(#0, :0), :1)"),
    ],
)
def test_an_update_sets_values_paths_and_expressions(value: Any, text: str) -> None:
    update: Update[Book] = Book.update(shelf="A", isbn="1").set(A, value)
    assert update.parameters()["UpdateExpression"] == text
    assert_valid("UpdateItem", {"TableName": "table", **update.parameters()})


def test_an_update_can_only_remove() -> None:
    assert UpdateActions([], [A, B]).text(Bindings()) == "REMOVE #0, #1.#2[0]"


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
    at_name = Path("_doc", name)
    updated = Book.update(shelf="A", isbn="1").set(at_name, 1).when(at_name.missing()).run()
    assert updated.doc == {name: 1}
    assert Book.update(shelf="A", isbn="1").remove(at_name).when(at_name == 1).run().doc == {}
