from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from chalicelib.dynamo import Attr, Index, Key, Model, field, main
from chalicelib.dynamo.errors import Invalid, KeyTooLong, MissingAttribute, UnknownAttribute, WrongType
from chalicelib.dynamo.keys import MAX_HASH_BYTES, MAX_RANGE_BYTES, Template
from chalicelib.dynamo.layout import Layout, SecondaryIndex
from chalicelib.dynamo.tables import Table

from .books import Book
from .values import numbers
from .wire import assert_valid

NOON = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
TYPED = Table("typed", Layout("id", "at", types={"id": "B", "at": "N"}))
FLAT = Table("flat", Layout("id", None, indexes=[SecondaryIndex("by-owner", "owner"), SecondaryIndex("all", "k", "n")]))


class Seat(Model, table=main):
    """A key of several fields, numbers among them, and two indexes."""

    hall: Attr[int]
    row: Attr[float] = field(name="r")
    number: Attr[int]
    guest: Attr[str | None] = field(default=None)
    since: Attr[datetime | None] = field(default=None, storage="seconds")
    taken: Attr[bool | None] = field(default=None)
    key = Key(pk="hall#{hall}", sk="{row}:{number}")
    by_guest = Index("gsi1", hash="GUEST#{guest}", range="{since}")
    by_state = Index("gsi2", hash="{taken}", range="{number}")


class Reading(Model, table=TYPED):
    """The key is a binary and a number."""

    device: Attr[bytes] = field(name="id")
    time: Attr[datetime] = field(name="at", storage="milliseconds")


class Note(Model, table=FLAT):
    """No sort key, and indexes by fields themselves."""

    id: Attr[str]
    owner: Attr[str | None] = field(default=None)
    kind: Attr[str | None] = field(default=None, name="k")
    n: Attr[str | None] = field(default=None)
    by_owner = Index("by-owner", hash="{owner}")
    by_kind = Index("all", hash="{kind}", range="{n}")


class Wrong(Model, table=main):
    """The fields are the key, and of another type than it."""

    part: Attr[int | str] = field(name="pk")
    sort: Attr[int | str] = field(name="sk")


def test_a_key_is_text_with_places_for_fields() -> None:
    assert Seat(hall=7, row=2.5, number=12).to_item() == {
        "pk": {"S": "hall#7"},
        "sk": {"S": "213025!:213112!"},
        "hall": {"N": "7"},
        "r": {"N": "2.5"},
        "number": {"N": "12"},
        "_i2r": {"S": "213112!"},
    }
    assert Book.key.of({"shelf": "{isbn}", "isbn": "0-1"}) == {"pk": {"S": "book#{isbn}"}, "sk": {"S": "0-1"}}


def test_a_key_may_be_the_same_text_for_all() -> None:
    template = Template("settings", sorts=False)
    template.bind(Book, "pk", "S")
    assert template.value({}) == {"S": "settings"}
    assert not template.is_field


@pytest.mark.parametrize("hall", [3.0, Decimal("3.00"), True, "3"])
def test_a_part_of_another_type_is_refused(hall: Any) -> None:
    with pytest.raises(WrongType, match=r"hall is of the type .*, not a whole number") as refused:
        Seat.key.of({"hall": hall, "row": 1, "number": 1})
    assert refused.value.path == ["hall"]


rows = numbers.map(float).filter(lambda row: abs(row) < 1e126)  # a decimal's float may be the one above the range


@given(rows, rows)
def test_seats_sort_by_row_then_number(one: float, other: float) -> None:
    texts = [
        Seat.key.of({"hall": 1, "row": row, "number": 15 - place})["sk"]["S"] for place, row in enumerate([one, other])
    ]
    assert (texts[0] < texts[1]) == (one < other)


@pytest.mark.parametrize(
    ("given_", "error", "path"),
    [
        ({"shelf": "A"}, MissingAttribute, ["isbn"]),
        ({"shelf": None, "isbn": "1"}, MissingAttribute, ["shelf"]),
        ({}, MissingAttribute, ["shelf"]),
        ({"shelf": "A", "isbn": "1", "title": "x"}, UnknownAttribute, ["title"]),
        ({"shelf": "A", "isbn": "1", "b": 1, "a": 1}, UnknownAttribute, ["a"]),
        ({"shelf": "A", "isbn": 1}, WrongType, ["isbn"]),
        ({"shelf": "A", "isbn": ""}, KeyTooLong, ["isbn"]),
        ({"shelf": "A", "isbn": "a" * (MAX_RANGE_BYTES + 1)}, KeyTooLong, ["isbn"]),
        ({"shelf": "A", "isbn": "é" * (MAX_RANGE_BYTES // 2 + 1)}, KeyTooLong, ["isbn"]),
        ({"shelf": "a" * (MAX_HASH_BYTES - 4), "isbn": "1"}, KeyTooLong, ["shelf"]),
        ({"shelf": "\U0001f600" * (MAX_HASH_BYTES // 4), "isbn": "1"}, KeyTooLong, ["shelf"]),
    ],
)
def test_what_is_wrong_with_a_key_has_its_path(given_: dict[str, Any], error: type[Invalid], path: list[str]) -> None:
    with pytest.raises(error) as refused:
        Book.key.of(given_)
    assert refused.value.path == path


@pytest.mark.parametrize(
    ("shelf", "isbn"),
    [
        ("a" * (MAX_HASH_BYTES - 5), "a" * MAX_RANGE_BYTES),
        ("é" * ((MAX_HASH_BYTES - 5) // 2), "\U0001f600" * (MAX_RANGE_BYTES // 4)),
        ("", "-"),
    ],
)
def test_a_key_may_be_as_long_as_dynamodbs(table: str, shelf: str, isbn: str) -> None:
    Book(shelf=shelf, isbn=isbn, title="x").create()
    assert Book.get(shelf=shelf, isbn=isbn) is not None


def test_binary_and_numeric_keys_are_fields_as_they_are_stored() -> None:
    reading = Reading(device=b"\x00", time=NOON)
    item = reading.to_item()
    assert item == {"id": {"B": "AA=="}, "at": {"N": "1714564800000"}}
    assert_valid("PutItem", {"TableName": "table", "Item": item})
    assert Reading.key.of({"device": b"\x00", "time": NOON}) == item
    assert Reading.from_item(item) == reading


@pytest.mark.parametrize("device", [b"", b"a" * (MAX_HASH_BYTES + 1)])
def test_a_binary_key_has_its_limits_too(device: bytes) -> None:
    Reading.key.of({"device": b"a" * MAX_HASH_BYTES, "time": NOON})
    with pytest.raises(KeyTooLong) as refused:
        Reading.key.of({"device": device, "time": NOON})
    assert refused.value.path == ["device"]


@pytest.mark.parametrize(("values", "path"), [({"part": 1, "sort": "a"}, "part"), ({"part": "a", "sort": 1}, "sort")])
def test_a_field_that_is_a_key_has_to_be_stored_as_the_key_is(values: dict[str, Any], path: str) -> None:
    assert Wrong.key.of({"part": "a", "sort": "b"}) == {"pk": {"S": "a"}, "sk": {"S": "b"}}
    with pytest.raises(WrongType, match=r"is stored as N, and is the key .k, which is S") as refused:
        Wrong.key.of(values)
    assert refused.value.path == [path]


def test_a_table_may_have_no_sort_key() -> None:
    assert Note(id="1").to_item() == {"id": {"S": "1"}}
    assert Note.key.of({"id": "1"}) == {"id": {"S": "1"}}


def test_an_item_without_a_field_of_an_index_is_not_in_it() -> None:
    seat = Seat(hall=1, row=1, number=1, guest="Ann")
    item = seat.to_item()
    assert [name for name in ("_i1h", "_i1r", "_i2h", "_i2r") if name in item] == ["_i1h", "_i2r"]
    seat.since, seat.taken = NOON, False
    item = seat.to_item()
    assert (item["_i1h"], item["_i1r"]) == ({"S": "GUEST#Ann"}, {"S": "213917145648!"})
    assert (item["_i2h"], item["_i2r"]) == ({"S": "0"}, {"S": "21301!"})
    assert Seat.from_item(item) == seat


def test_an_index_may_be_of_the_fields_themselves() -> None:
    assert Note(id="1", owner="Ann", kind="memo").to_item() == {
        "id": {"S": "1"},
        "owner": {"S": "Ann"},
        "k": {"S": "memo"},
    }


@pytest.mark.parametrize("values", [{"owner": ""}, {"kind": "a", "n": "n" * (MAX_RANGE_BYTES + 1)}])
def test_an_index_key_has_the_limits_of_keys(values: dict[str, Any]) -> None:
    with pytest.raises(KeyTooLong) as refused:
        Note(id="1", **values).to_item()
    assert refused.value.path == [list(values)[-1]]


def test_what_a_model_inherits_is_bound_to_its_own_fields() -> None:
    class Other(Seat):
        guest: Attr[str | None] = field(default=None, name="g")

    assert Other.key is not Seat.key
    assert Other.indexes["by_guest"] is not Seat.indexes["by_guest"]
    assert Other.indexes["by_guest"].hash.model is Other
    assert Seat.indexes["by_guest"].hash.model is Seat


def test_a_layout_says_which_model_a_key_is_for() -> None:
    layouts: list[tuple[Table, dict[str, Any], str]] = [
        (main, {}, "needs a key: key = Key"),
        (main, {"key": Key(pk="{b}")}, "has no field b, which its key '{b}' names"),
        (FLAT, {"key": Key(pk="{a}", sk="{a}")}, r"key has a sort key; its table or index does not"),
        (FLAT, {"key": Key(pk="x"), "i": Index("all", hash="{a}")}, r"i needs a sort key, as its table or index does"),
        (FLAT, {"key": Key(pk="x"), "i": Index("by-owner", hash="{a}", range="r")}, "i has a sort key; its table or"),
        (FLAT, {"key": Key(pk="x"), "i": Index("by-age", hash="{a}")}, "i: its table has no index 'by-age'"),
        (TYPED, {"key": Key(pk="{a}", sk="{a}#")}, "at has the type N, so '{a}#' can only be one field"),
        (TYPED, {"key": Key(pk="x", sk="{a}")}, "id has the type B, so 'x' can only be one field"),
    ]
    for table, members, reason in layouts:
        with pytest.raises(TypeError, match=reason):
            type("Misplaced", (Model,), {"__annotations__": {"a": Attr[str]}, **members}, table=table)


def test_a_key_is_looked_up_as_its_fields_set_function_stores_it(table: str) -> None:
    class Account(Model, table=main):
        email: Attr[str] = field(set=str.lower)
        key = Key(pk="account#{email}")

    Account(email="Jane@Example.org").create()
    assert Account.get(email="JANE@example.org") is not None
    assert Account.query(email="JANE@example.org").count() == 1


def test_a_field_in_the_place_of_a_composed_key_is_refused() -> None:
    with pytest.raises(TypeError, match=r"isbn is stored as 'pk', which is composed as 'book#\{isbn\}'"):

        class Misplaced(Model, table=main):
            isbn: Attr[str] = field(name="pk")
            key = Key(pk="book#{isbn}")
