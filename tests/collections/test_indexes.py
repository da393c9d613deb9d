from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.collections.indexes import (
    ATTRIBUTES,
    FROM_CREATION,
    Index,
    assigned,
    changed_keys,
    from_creation,
    keys,
)
from chalicelib.collections.key_texts import identity, order
from chalicelib.dynamo.errors import Unstorable
from chalicelib.dynamo.tables import INDEX_SLOTS, MAIN_LAYOUT

from .test_key_texts import record_ids

BOTH = Index("by_author", "author", "year", 1, is_ready=True)
HASH = Index("of_author", "author", None, 2, is_ready=True)
RANGE = Index("by_year", None, "year", 3, is_ready=True)
NEWEST = Index("newest", None, "created_at", 4, is_ready=False)
ALL = (BOTH, HASH, RANGE, NEWEST)
RECORD = {"id": "x", "version": 3, "created_at": "2026-01-01T00:00:00.000Z", "author": "Jane", "year": 1815}

names = st.sampled_from(["a", "b", "c", "created_at"])
parts: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.fixed_dictionaries({"hash": names}),
    st.fixed_dictionaries({"range": names}),
    st.fixed_dictionaries({"hash": names, "range": names}),
)
declarations = st.dictionaries(st.sampled_from(["i", "j", "k", "l", "m", "n", "o"]), parts, max_size=INDEX_SLOTS)
some_values: st.SearchStrategy[Any] = st.sampled_from([None, True, 0, 1, 1.0, "", "x", "x" * 600, [1], {"a": None}])
properties = st.dictionaries(names, some_values)


def test_the_slots_are_the_tables_indexes() -> None:
    for index in ALL:
        assert MAIN_LAYOUT.keys(index.table_index)[:2] == index.attributes
    assert {Index("i", "a", None, slot, is_ready=True).attributes for slot in range(1, INDEX_SLOTS + 1)} == {
        MAIN_LAYOUT.keys(f"gsi{slot}")[:2] for slot in range(1, INDEX_SLOTS + 1)
    }
    assert len(ATTRIBUTES) == 2 * INDEX_SLOTS
    assert {*BOTH.attributes, *NEWEST.attributes} < ATTRIBUTES


def test_a_record_has_a_place_in_each_index() -> None:
    assert keys("books", ALL, "x", RECORD) == {
        "_i1h": "books#by_author#sJane",
        "_i1r": order(1815) + "x",
        "_i2h": "books#of_author#sJane",
        "_i2r": "x",
        "_i3h": "books#by_year#",
        "_i3r": order(1815) + "x",
        "_i4h": "books#newest#",
        "_i4r": order("2026-01-01T00:00:00.000Z") + "x",
    }


@pytest.mark.parametrize("record", [{}, {"author": None}, {"author": None, "year": None}])
def test_a_record_without_the_hash_property_is_not_in_the_index(record: dict[str, Any]) -> None:
    found = keys("books", ALL, "x", record)
    assert (found["_i1h"], found["_i2h"]) == (None, None)
    assert found["_i3h"] == "books#by_year#"


def test_a_record_without_the_range_property_is_first_in_the_index() -> None:
    found = keys("books", ALL, "x", {"author": "Jane"})
    assert found["_i1r"] == found["_i3r"] == order(None) + "x"
    assert str(found["_i1r"]) < str(keys("books", [BOTH], "a", {"author": "Jane", "year": False})["_i1r"])


@pytest.mark.parametrize("value", ["Jane", 1, True, ["a"], {"a": 1}, "x" * 600])
def test_the_partition_that_is_read_is_the_one_that_is_written(value: Any) -> None:
    assert keys("books", [BOTH], "x", {"author": value})["_i1h"] == BOTH.partition("books", value)


def test_partitions_of_collections_indexes_and_values_are_apart() -> None:
    partitions = {
        index.partition(collection, value)
        for collection in ("books", "books2", "Books")
        for index in (BOTH, HASH)
        for value in ("a", 1, "1", True, "", "a#by_author#sa")
    }
    assert len(partitions) == 3 * 2 * 6


@pytest.mark.parametrize("value", [Decimal("1E+200"), 10**39 + 1, 1e-140])
@pytest.mark.parametrize("name", ["author", "year"])
def test_a_number_that_cannot_be_stored_is_refused_with_the_propertys_name(name: str, value: Any) -> None:
    for index in (BOTH, Index("other", "year", "author", 5, is_ready=True)):
        with pytest.raises(Unstorable) as caught:
            keys("books", [index], "x", {"author": "a", "year": 1, name: value})
        assert caught.value.path == [name]
        with pytest.raises(Unstorable):
            changed_keys("books", [index], "x", {name: value})


@settings(max_examples=300)
@given(declarations, record_ids, properties, properties)
def test_changed_keys_are_those_that_a_record_has_after_the_change(
    declared: dict[str, dict[str, str]], record_id: str, before: dict[str, Any], changes: dict[str, Any]
) -> None:
    indexes = assigned(declared, (), filled=True)
    first = keys("c", indexes, record_id, before)
    changed = changed_keys("c", indexes, record_id, changes)
    assert {**first, **changed} == keys("c", indexes, record_id, {**before, **changes})


@settings(max_examples=200)
@given(declarations, record_ids, properties, properties)
def test_what_is_from_creation_no_later_write_changes(
    declared: dict[str, dict[str, str]], record_id: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    indexes = assigned(declared, (), filled=True)
    after = {**after, "created_at": before.get("created_at")}
    one, other = keys("c", indexes, record_id, before), keys("c", indexes, record_id, after)
    lasting = from_creation(indexes)
    assert lasting <= set(one)
    assert all(one[attribute] == other[attribute] for attribute in lasting)
    assert not lasting & set(changed_keys("c", indexes, record_id, dict.fromkeys(set(after) - FROM_CREATION, 1)))


def test_an_index_that_stays_as_it_is_keeps_its_slot_and_stays_ready() -> None:
    declared = {"new": {"hash": "title"}, "by_author": {"hash": "author", "range": "year"}}
    assert assigned(declared, ALL, filled=False) == [Index("new", "title", None, 2, is_ready=False), BOTH]


def test_an_index_of_other_properties_is_built_anew_in_its_slot() -> None:
    declared = {"by_author": {"hash": "author"}, "of_author": {"hash": "author"}}
    changed = Index("by_author", "author", None, 1, is_ready=False)
    assert assigned(declared, [BOTH, HASH], filled=False) == [changed, HASH]


@pytest.mark.parametrize("filled", [True, False])
def test_a_new_index_is_ready_at_once_only_if_there_are_no_records(filled: bool) -> None:
    assert [index.is_ready for index in assigned({"i": {"hash": "a"}, "j": {"range": "b"}}, (), filled=filled)] == [
        filled,
        filled,
    ]


@settings(max_examples=300)
@given(st.lists(declarations, min_size=1, max_size=5))
def test_however_a_definition_changes_its_indexes_have_slots_of_their_own(
    declarations_: Sequence[Mapping[str, Mapping[str, str]]],
) -> None:
    history: list[list[Index]] = [[]]
    for declared in declarations_:
        history.append(assigned(declared, history[-1], filled=False))
        found = history[-1]
        assert [index.name for index in found] == list(declared)
        assert all(index.serves_as(declared[index.name]) for index in found)
        assert len({index.slot for index in found} & set(range(1, INDEX_SLOTS + 1))) == len(found)
    for before, after in pairwise(history):
        slots = {index.name: index.slot for index in before}
        assert all(slots.get(index.name, index.slot) == index.slot for index in after)


def test_an_index_depends_on_its_properties() -> None:
    assert [index.properties for index in ALL] == [("author", "year"), ("author",), ("year",), ("created_at",)]


def test_a_hash_key_ends_with_the_identity_of_the_value() -> None:
    assert BOTH.partition("books", 1.0) == BOTH.partition("books", 1) == "books#by_author#" + identity(1)


def test_what_is_from_creation_are_constant_keys_the_id_and_the_time_of_creation() -> None:
    assert from_creation([BOTH]) == set()
    assert from_creation([HASH]) == {"_i2r"}
    assert from_creation([RANGE]) == {"_i3h"}
    assert from_creation(ALL) == {"_i2r", "_i3h", "_i4h", "_i4r"}
