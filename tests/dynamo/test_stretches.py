from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dynamo.bindings import MAX_EXPRESSION_BYTES
from chalicelib.dynamo.codec import encode_map
from chalicelib.dynamo.expressions import Path
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.stretches import Answer, Stretch, explained, read, request
from chalicelib.dynamo.tables import main

from .wire import assert_valid

BASE = Stretch(None, "p", "b", "d")
INDEXED = Stretch("gsi2", "p", "b", "d")
EVEN = Path[Any]("even") == True  # noqa: E712 - a condition

texts = st.text(min_size=1, max_size=3)
ends = texts | st.none()


@given(ends, ends, ends, ends, texts)
def test_the_part_between_two_keys_has_the_keys_that_are_in_both(
    first: str | None, last: str | None, low: str | None, high: str | None, key: str
) -> None:
    whole, other = Stretch(None, "p", first, last), Stretch(None, "p", low, high)
    part = whole.between(low, high)
    for each in filter(None, (key, first, last, low, high)):
        assert (part is not None and holds(part, each)) == (holds(whole, each) and holds(other, each))


def holds(stretch: Stretch, key: str) -> bool:
    """Whether a key lies in a stretch; None is an open end."""
    return (stretch.low is None or stretch.low <= key) and (stretch.high is None or key <= stretch.high)


def test_the_part_of_a_stretch_is_of_the_same_partition() -> None:
    assert INDEXED.between(low="c") == Stretch("gsi2", "p", "c", "d")
    assert INDEXED.between(high="b") == Stretch("gsi2", "p", "b", "b")
    assert INDEXED.between("a", "e") == INDEXED
    assert INDEXED.between(low="d\0") is None
    assert Stretch("gsi2", "p").between() == Stretch("gsi2", "p", None, None)


def sent(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters, held against botocore's model."""
    assert_valid("Query", {"TableName": "t", **parameters})
    return parameters


def test_the_base_is_asked_consistently_for_keys_between_two() -> None:
    assert sent(request(main, BASE)) == {
        "KeyConditionExpression": "#0 = :0 AND #1 BETWEEN :1 AND :2",
        "ExpressionAttributeNames": {"#0": "pk", "#1": "sk"},
        "ExpressionAttributeValues": {":0": {"S": "p"}, ":1": {"S": "b"}, ":2": {"S": "d"}},
        "ScanIndexForward": True,
        "ReturnConsumedCapacity": "TOTAL",
        "ConsistentRead": True,
    }


def test_an_index_is_asked_by_its_own_keys() -> None:
    parameters = sent(request(main, INDEXED))
    assert parameters["IndexName"] == "gsi2"
    assert set(parameters["ExpressionAttributeNames"].values()) == {"_i2h", "_i2r"}
    assert "ConsistentRead" not in parameters


def test_a_single_key_is_asked_for_as_such() -> None:
    parameters = sent(request(main, BASE._replace(high="b")))
    assert parameters["KeyConditionExpression"].endswith(" = :1")
    assert len(parameters["ExpressionAttributeValues"]) == 2


@pytest.mark.parametrize(
    ("low", "high", "condition"),
    [(None, None, "#0 = :0"), ("b", None, "#0 = :0 AND #1 >= :1"), (None, "d", "#0 = :0 AND #1 <= :1")],
)
def test_an_open_end_is_not_asked_about(low: str | None, high: str | None, condition: str) -> None:
    parameters = sent(request(main, Stretch("gsi1", "p", low, high)))
    assert parameters["KeyConditionExpression"] == condition
    assert len(parameters["ExpressionAttributeNames"]) == len(parameters["ExpressionAttributeValues"])


@pytest.mark.parametrize(
    ("low", "high", "is_point"),
    [("b", "b", True), ("b", "c", False), (None, None, False), ("b", None, False), (None, "b", False)],
)
def test_a_point_is_one_key(low: str | None, high: str | None, is_point: bool) -> None:
    assert Stretch(None, "p", low, high).is_point is is_point


def test_what_else_is_asked_is_in_the_request() -> None:
    parameters = sent(request(main, BASE, EVEN, forward=False, limit=7, count=True))
    assert parameters["FilterExpression"]
    assert (parameters["ScanIndexForward"], parameters["Limit"], parameters["Select"]) == (False, 7, "COUNT")


def test_a_request_is_explained_with_names_and_values_in_place() -> None:
    assert explained(request(main, BASE, EVEN)) == {
        "key_condition": "pk = 'p' AND sk BETWEEN 'b' AND 'd'",
        "filter": "even = true",
    }
    assert explained(request(main, INDEXED._replace(high="b"))) == {
        "key_condition": "_i2h = 'p' AND _i2r = 'b'",
        "filter": None,
    }


def test_a_key_condition_is_short_whatever_the_keys() -> None:
    parameters = sent(request(main, Stretch("gsi1", "p" * 2048, "a" * 1024, "b" * 1024)))
    assert len(parameters["KeyConditionExpression"]) < MAX_EXPRESSION_BYTES


@pytest.fixture
def letters(recorder: Recorder) -> Recorder:
    """Items a to e of the partition p, every second even; in the second index in the reverse order; and another's."""
    for number, letter in enumerate("abcde"):
        key = {"pk": "p", "sk": letter, "_i2h": "p", "_i2r": f"{9 - number}"}
        main.call("PutItem", {"Item": encode_map({**key, "even": number % 2 == 0})})
    main.call("PutItem", {"Item": encode_map({"pk": "q", "sk": "c"})})
    recorder.calls.clear()
    return recorder


def asked(stretch: Stretch, *arguments: Any, **options: Any) -> Answer:
    return read(main, stretch, request(main, stretch, *arguments, **options))


def found(answer: Answer) -> str:
    return "".join(item["sk"]["S"] for item in answer.items)


def test_both_ends_are_in_a_stretch_and_other_partitions_are_not(letters: Recorder) -> None:
    answer = asked(BASE)
    assert (found(answer), answer.matches, answer.scanned, answer.last) == ("bcd", 3, 3, None)
    assert answer.units > 0
    assert len(letters.calls) == 1


@pytest.mark.parametrize(
    ("low", "high", "letters_"), [(None, None, "abcde"), ("c", None, "cde"), (None, "c", "abc"), ("c", "c", "c")]
)
def test_an_open_end_is_the_partitions(letters: Recorder, low: str | None, high: str | None, letters_: str) -> None:
    assert found(asked(Stretch(None, "p", low, high))) == letters_


def test_a_stretch_of_an_index_is_in_the_indexs_order(letters: Recorder) -> None:
    stretch = Stretch("gsi2", "p", "6", "8")
    assert found(asked(stretch)) == "dcb"
    assert found(asked(stretch, forward=False)) == "bcd"
    assert asked(stretch, limit=1).last == "6"


def test_a_limited_answer_says_after_which_sort_key_to_go_on(letters: Recorder) -> None:
    first = asked(BASE, limit=2)
    assert (found(first), first.last) == ("bc", "c")
    last = asked(BASE, limit=2, forward=False)
    assert (found(last), last.last) == ("dc", "c")


def test_what_the_filter_leaves_out_counts_as_scanned(letters: Recorder) -> None:
    answer = asked(BASE, EVEN)
    assert (found(answer), answer.matches, answer.scanned) == ("c", 1, 3)


def test_a_count_has_no_items(letters: Recorder) -> None:
    answer = asked(BASE, EVEN, count=True)
    assert (answer.items, answer.matches, answer.scanned) == ([], 1, 3)


def test_a_stretch_without_items_is_an_empty_answer(letters: Recorder) -> None:
    answer = asked(Stretch(None, "p", "bb", "bc"))
    assert (answer.items, answer.matches, answer.scanned, answer.last) == ([], 0, 0, None)
