from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.collections import ids, key_texts
from chalicelib.collections.indexes import Index
from chalicelib.collections.key_texts import AFTER, LAST, beginning, identity, is_cut, order
from chalicelib.where import values as meaning
from tests.dynamo import values as stored

ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~:@=+,-"
LONGEST_IDS = ["+" * 128, "~" * 128]
TAILS = "\0\1\2\3\4 !+09Az~\x7f\x80é\ud7ff\ue000\uffff\U00010000😀\U0010ffff"

characters = st.sampled_from(TAILS)
short = st.text(characters, max_size=5)
long = st.builds(
    lambda head, times, tail: (head * times)[:times] + tail,
    st.sampled_from(["a", "\0", "\1a", "\2", "😀", LAST, "a\0"]),
    st.sampled_from([108, 109, 110, 111, 217, 218, 219, 220, 221, 300]),
    short,
)
strings: st.SearchStrategy[str] = short | long | st.text(max_size=5)
numbers: st.SearchStrategy[Any] = st.one_of(
    stored.numbers,
    st.sampled_from([0, -0.0, 1, 1.0, Decimal("1.00"), -1, 10, 0.1, -0.1, 10**38 - 1, 1 - 10**38]),
    st.sampled_from(["1E-130", "-1E-130", f"9.{'9' * 37}E+125", f"-9.{'9' * 37}E+125", "0E+5"]).map(Decimal),
)
scalars: st.SearchStrategy[Any] = st.none() | st.booleans() | numbers | strings
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(short, inner, max_size=3), max_leaves=4
)
record_ids = (st.text(ALPHABET, min_size=1, max_size=3) | st.sampled_from(LONGEST_IDS)).filter(
    lambda text: ids.ID.match(text) is not None
)

Place: TypeAlias = tuple[int, Any]


def place(value: Any) -> Place:
    """Where a value stands among all values; lists and maps are alike."""
    if value is None:
        return 0, 0
    if isinstance(value, bool):
        return 1, value
    if isinstance(value, str):
        return 3, value.encode()
    return (4, 0) if isinstance(value, (list, tuple, dict)) else (2, meaning.exact(value))


def key(value: Any, record_id: str) -> bytes:
    return (order(value) + record_id).encode()


def cut(value: Any) -> bool:
    return isinstance(value, str) and is_cut(value)


def test_the_alphabet_is_that_of_ids() -> None:
    assert {chr(code) for code in range(0x300) if ids.ID.match("a" + chr(code))} == set(ALPHABET)
    assert max(ALPHABET) < AFTER < LAST


@settings(max_examples=500)
@given(st.tuples(values, record_ids), st.tuples(values, record_ids))
@example(("", "~"), ("\0", "+"))
@example(("a" * 220, "~"), ("a" * 221, "+"))
@example(("a" * 219 + "\2", "~"), ("a" * 219 + "\2", "+"))
@example((1, "~"), (15, "+"))
@example((-1, "+"), (-15, "~"))
@example((1, "b"), (1.0, "a"))
def test_keys_sort_by_value_and_then_by_id(one: tuple[Any, str], other: tuple[Any, str]) -> None:
    if cut(one[0]) and cut(other[0]):
        return
    expected = (place(one[0]), one[1]), (place(other[0]), other[1])
    assert (key(*one) < key(*other)) == (expected[0] < expected[1])
    assert (key(*one) == key(*other)) == (expected[0] == expected[1])


@settings(max_examples=300)
@given(st.tuples(scalars, scalars), record_ids, record_ids)
def test_the_keys_of_one_value_lie_together(pair: tuple[Any, Any], one: str, other: str) -> None:
    value, between = pair
    low, high = sorted([key(value, one), key(value, other)])
    if place(value) != place(between) and not (cut(value) and cut(between)):
        assert not low <= key(between, "a") <= high


@settings(max_examples=500)
@given(long, long, record_ids, record_ids)
@example("a" * 221, "a" * 222, "b", "a")
def test_strings_that_are_cut_sort_by_what_is_kept_and_then_by_id(one: str, other: str, id_: str, id_2: str) -> None:
    if not (is_cut(one) and is_cut(other)):
        return
    if order(one) == order(other):
        assert (key(one, id_) < key(other, id_2)) == (id_ < id_2)
    else:
        assert (key(one, id_) < key(other, id_2)) == (one.encode() < other.encode())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a" * 220, False),
        ("a" * 221, True),
        ("😀" * 220, False),
        ("\0" * 110, False),
        ("\0" * 111, True),
        ("a" * 219 + "\0", True),
        ("", False),
    ],
)
def test_a_string_is_cut_after_220_characters_of_its_text(value: str, expected: bool) -> None:
    assert is_cut(value) is expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "0"),
        (False, "10"),
        (True, "11"),
        (0, "21"),
        (42, "2213142!"),
        ("", "3\1"),
        ("Emma", "3Emma\1"),
        ("\0\1\2\3", "3\2\1\2\2\2\3\3\1"),
        ("a" * 221, "3" + "a" * 220),
        ([], "4"),
        ({"a": 1}, "4"),
    ],
)
def test_the_order_text_begins_with_the_type(value: Any, text: str) -> None:
    assert order(value) == text


@settings(max_examples=500)
@given(values | st.builds(lambda character, size: character * size, st.characters(codec="utf-8"), st.just(400)))
@example(LAST * 300)
@example(LAST * 220)
@example(Decimal(f"-9.{'9' * 37}E+125"))
def test_a_sort_key_is_within_dynamodbs_limit(value: Any) -> None:
    text = order(value)
    assert text
    assert len((text + LONGEST_IDS[0]).encode()) <= 1024
    assert len((text + AFTER).encode()) <= 1024


@settings(max_examples=500)
@given(strings, strings, record_ids)
@example("", "", "a")
@example("a\0", "a\0\1", "a")
@example("a" * 220, "a" * 219 + "b", "a")
@example(LAST, LAST + LAST, "a")
@example("a" * 219 + "\0", "a" * 219 + "\1", "a")
def test_what_begins_with_a_prefix_has_a_key_that_does(prefix: str, value: str, record_id: str) -> None:
    begins = (order(value) + record_id).startswith(beginning(prefix))
    assert begins or not value.startswith(prefix)
    assert is_cut(prefix) or begins == value.startswith(prefix)
    assert (order(prefix + value) + record_id).startswith(beginning(prefix))


@settings(max_examples=500)
@given(values, values)
@example(1, 1.0)
@example(1, True)
@example(0, False)
@example(0, -0.0)
@example(10**22, 1e22)
@example(Decimal("1E+60"), 10**60)
@example(1, "1")
@example(None, "null")
@example([1, {"a": 2}], [Decimal("1.0"), {"a": 2.0}])
@example({"a": 1, "b": 2}, {"b": 2, "a": 1})
@example({"a": None}, {})
@example(["a" * 600], "a" * 600)
@example((1, (2,)), [1.0, [2]])
def test_two_values_share_an_identity_exactly_when_they_are_equal(one: Any, other: Any) -> None:
    assert (identity(one) == identity(other)) == meaning.equal(one, other)


def respelled(value: Any) -> Any:
    """An equal value, written another way."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return meaning.exact(value)
    if isinstance(value, list):
        return tuple(map(respelled, value))
    if isinstance(value, dict):
        return {name: respelled(member) for name, member in reversed(value.items())}
    return value


@settings(max_examples=300)
@given(values)
def test_equal_values_share_their_texts_however_they_are_written(value: Any) -> None:
    assert identity(value) == identity(respelled(value))
    assert order(value) == order(respelled(value))


@settings(max_examples=300)
@given(values | st.builds(lambda character, size: character * size, characters, st.integers(120, 600)))
@example("a" * 512)
@example("a" * 513)
@example(LAST * 128)
@example(LAST * 129)
def test_a_partition_key_is_within_dynamodbs_limit_with_the_longest_names(value: Any) -> None:
    index = Index("n" * 63, "p", None, 1, is_ready=True)
    assert len(index.partition("c" * 64, value).encode()) <= 2048


@pytest.mark.parametrize("value", ["Emma", "", "a#b", "a" * key_texts.MAX_PLAIN, "é" * 256])
def test_a_string_of_at_most_512_bytes_is_readable_in_its_identity(value: str) -> None:
    assert identity(value) == "s" + value


@pytest.mark.parametrize("value", ["a" * 513, "é" * 257, 1, True, None, [], {}, ["a"]])
def test_what_is_longer_or_no_string_is_hashed(value: Any) -> None:
    text = identity(value)
    assert text[0] == "h"
    assert len(text) == 65
