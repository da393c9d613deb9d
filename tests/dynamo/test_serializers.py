from __future__ import annotations

import enum
import json
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, NewType, TypedDict
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dynamo.document import Document, parsed
from chalicelib.dynamo.errors import Invalid, MissingAttribute, UnknownAttribute, Unstorable, WrongType
from chalicelib.dynamo.fields import Attr, field, version
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.references import Ref
from chalicelib.dynamo.serializers import PLAIN, Serializer, plain
from chalicelib.dynamo.session import Recorder
from chalicelib.dynamo.tables import main

from .values import decimals, integers

Isbn = NewType("Isbn", str)


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1


class Size(TypedDict, total=False):
    width: int
    seen: datetime


class Address(Document):
    street: Attr[str]
    since: Attr[datetime] = field(storage="seconds")
    secret: Attr[str] = field(hidden=True, default="")


class Cat(Document):
    kind: Attr[Literal["cat"]] = field(default="cat")
    born: Attr[date]


class Dog(Document):
    kind: Attr[Literal["dog"]] = field(default="dog")
    tag: Attr[bytes]


class Author(Model, table=main, type="author"):
    id: Attr[str]
    key = Key(pk="author#{id}")


class Pen(Model, table=main, type="pen"):
    id: Attr[str]
    colour: Attr[str]
    width: Attr[int] = field(default=1)
    key = Key(pk="pen#{id}")


class Shelf(Model, table=main, type="shelf"):
    room: Attr[str]
    number: Attr[int]
    key = Key(pk="shelf#{room}", sk="{number}")


def shorter(shown: dict[str, Any], model: Any) -> dict[str, Any]:
    return {**shown, "label": f"{model.isbn}: {shown['name']}"}


class Book(
    Model,
    table=main,
    type="book",
    unknown="keep",
    serializers={
        "card": Serializer(include=["isbn", "title", "cost"]),
        "open": Serializer(exclude=["stock", "colour"]),
        "label": Serializer(include=("isbn", "title"), names={"title": "name"}, modify=shorter),
    },
):
    isbn: Attr[str]
    title: Attr[str] = field(aliases="name")
    stock: Attr[int] = field(default=0)
    cost: Attr[Decimal | None] = field(default=None, hidden=True)
    ver: Attr[int] = version()
    key = Key(pk="book#{isbn}")


class Everything(Model, table=main):
    """A field for each type that a document can say."""

    id: Attr[UUID] = field(name="pk")
    text: Attr[str]
    isbn: Attr[Isbn]
    whole: Attr[int]
    real: Attr[float]
    exact: Attr[Decimal]
    number: Attr[int | float | Decimal]
    flag: Attr[bool]
    data: Attr[bytes]
    at: Attr[datetime]
    ends: Attr[datetime] = field(storage="seconds")
    on: Attr[date]
    colour: Attr[Colour]
    level: Attr[Level | None]
    texts: Attr[set[str]]
    numbers: Attr[frozenset[int]]
    blobs: Attr[set[bytes]]
    times: Attr[list[datetime]] = field(storage="milliseconds")
    pair: Attr[tuple[int, bytes]]
    row: Attr[tuple[date, ...]]
    prices: Attr[dict[str, Decimal]]
    size: Attr[Size]
    home: Attr[Address]
    homes: Attr[dict[str, list[Address]]]
    pet: Attr[Cat | Dog] = field(discriminator="kind")
    either: Attr[bool | list[UUID] | None] = field(default=None)
    author: Attr[Ref[Author]]
    shelves: Attr[list[Ref[Shelf]]]
    marked: Attr[Annotated[str, "marked"]]
    anything: Attr[Any]
    absent: Attr[dict[str, Any]] = field(default=None)
    key = Key(pk="{id}")


moments = st.datetimes(timezones=st.sampled_from([timezone.utc, timezone(timedelta(hours=5, minutes=30))]))
moments = moments.filter(lambda at: 2 < at.year < 9998)
small = st.integers(-(2**70), 2**70)
json_texts = st.recursive(
    st.none() | st.booleans() | small | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)
addresses = st.builds(Address, street=st.text(), since=moments)
everything = st.builds(
    Everything,
    id=st.uuids(),
    text=st.text(),
    isbn=st.text(),
    whole=integers,
    real=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e100, max_value=1e100).filter(
        lambda real: real == 0 or abs(real) > 1e-130
    ),
    exact=decimals,
    number=small,
    flag=st.booleans(),
    data=st.binary(),
    at=moments,
    ends=moments,
    on=st.dates(),
    colour=st.sampled_from(Colour),
    level=st.none() | st.sampled_from(Level),
    texts=st.sets(st.text(), min_size=1),
    numbers=st.frozensets(small, min_size=1),
    blobs=st.sets(st.binary(), min_size=1),
    times=st.lists(moments),
    pair=st.tuples(small, st.binary()),
    row=st.lists(st.dates()).map(tuple),
    prices=st.dictionaries(st.text(min_size=1, max_size=60), decimals),
    size=st.fixed_dictionaries({}, optional={"width": small, "seen": moments}),
    home=addresses,
    homes=st.dictionaries(st.text(min_size=1, max_size=60), st.lists(addresses, max_size=2), max_size=2),
    pet=st.builds(Cat, born=st.dates()) | st.builds(Dog, tag=st.binary()),
    either=st.none() | st.booleans() | st.lists(st.uuids()),
    author=st.text(min_size=1, max_size=10).map(lambda name: Ref(Author, id=name)),
    shelves=st.lists(st.builds(lambda room, number: Ref(Shelf, room=room, number=number), st.text(), small)),
    marked=st.text(),
    anything=st.none() | st.booleans() | small | st.text() | st.lists(st.text()),
)


def book(**values: Any) -> Book:
    return Book(**{"isbn": "1", "title": "Emma", **values})


@given(everything)
def test_what_to_dict_gives_is_json_and_parses_to_an_equal_object(before: Everything) -> None:
    assert Everything.parse(json.loads(json.dumps(before.to_dict()))) == before


@given(decimals)
def test_a_decimal_keeps_its_exact_value(value: Decimal) -> None:
    text = json.dumps(plain(value)).strip('"')
    assert Decimal(text) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2))), "2024-05-01T10:00:00Z"),
        (datetime(2024, 5, 1, 12, 0, 0, 5, tzinfo=timezone.utc), "2024-05-01T12:00:00.000005Z"),
        (date(2024, 5, 1), "2024-05-01"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "red"),
        (Level.LOW, 1),
        (Decimal("19.90"), 19.9),
        (Decimal("1E+3"), 1000),
        (Decimal(2**63), str(2**63)),
        (Decimal("0.1234567890123456789"), "0.1234567890123456789"),
        (Decimal("NaN"), "NaN"),
        (b"\x00\xff", "AP8="),
        ({"b", "a"}, ["a", "b"]),
        ({2, Decimal("0.1234567890123456789"), 1.5}, [1.5, 2, "0.1234567890123456789"]),
        ((1, (2,)), [1, [2]]),
        (Ref(Author, id="x"), "x"),
        (Ref(Shelf, room="a", number=1), {"room": "a", "number": 1}),
        (Ref.to(Author(id="x")), "x"),
        (None, None),
    ],
)
def test_a_value_is_shown_as_json_has_it(value: Any, shown: Any) -> None:
    assert plain(value) == shown
    assert type(plain(value)) is type(shown)


@pytest.mark.parametrize("key", [{"room": "a"}, {"room": "a", "number": "1"}, {"x": 1}, "a"])
def test_what_is_no_key_is_parsed_to_no_reference(key: Any) -> None:
    with pytest.raises(Invalid) as error:
        Reader.parse({"shelf": key})
    assert error.value.path[0] == "shelf"


def test_what_no_field_has_cannot_be_shown() -> None:
    with pytest.raises(Unstorable, match="is of the type object"):
        plain([object()])


def test_hidden_fields_are_not_shown_unless_they_are_included() -> None:
    one = book(cost=Decimal(5))
    assert one.to_dict() == {"isbn": "1", "title": "Emma", "stock": 0, "ver": None}
    assert one.serialize("card") == {"isbn": "1", "title": "Emma", "cost": 5}


def test_nested_documents_are_shown_without_their_hidden_fields() -> None:
    home = Address(street="A", since=datetime(2024, 1, 1, tzinfo=timezone.utc), secret="x")
    assert plain([home]) == [{"street": "A", "since": "2024-01-01T00:00:00Z"}]


def test_a_form_excludes_renames_and_modifies() -> None:
    assert book().serialize("open") == {"isbn": "1", "title": "Emma", "ver": None}
    assert book().serialize("label") == {"isbn": "1", "name": "Emma", "label": "1: Emma"}


def test_a_model_has_no_form_of_another_name() -> None:
    with pytest.raises(KeyError):
        book().serialize("other")


def test_several_objects_are_shown_in_their_order() -> None:
    assert Serializer(["isbn"]).dump_many([book(isbn="2"), book()]) == [{"isbn": "2"}, {"isbn": "1"}]


def test_unknown_attributes_that_were_kept_are_shown(recorder: Recorder) -> None:
    one = Book.parse({"isbn": "1", "title": "Emma", "colour": "red", "sizes": [1.5]})
    one.create()
    found = Book.get(isbn="1")
    assert found is not None
    assert found.to_dict() == {"isbn": "1", "title": "Emma", "stock": 0, "ver": 1, "colour": "red", "sizes": [1.5]}
    assert found.serialize("open") == {"isbn": "1", "title": "Emma", "ver": 1, "sizes": [1.5]}
    assert found.serialize("card") == {"isbn": "1", "title": "Emma", "cost": None}


def test_an_object_that_was_loaded_in_part_shows_what_it_has(recorder: Recorder) -> None:
    Pen(id="1", colour="red").create()
    (part,) = Pen.query(id="1").fields(Pen.colour).all()
    assert part.to_dict() == {"id": "1", "colour": "red"}


def test_a_form_of_what_is_no_field_is_an_error() -> None:
    with pytest.raises(UnknownAttribute, match="titel is no field of Author"):
        Serializer(exclude=["titel"]).dump(Author(id="1"))


def test_null_is_no_value_of_a_field_that_needs_none() -> None:
    assert Everything.schema.fields["absent"].required is False
    assert Book.parse({"isbn": "1", "title": "Emma", "stock": None}).stock is None
    with pytest.raises(WrongType, match="title is of the type NoneType"):
        Book.parse({"isbn": "1", "title": None})


def test_parsing_goes_by_aliases_and_takes_values_as_they_are() -> None:
    at = datetime(2024, 1, 1, tzinfo=timezone.utc)
    assert Book.parse({"isbn": "1", "name": "Emma"}) == book()
    assert Address.parse({"street": "A", "since": at}) == Address(street="A", since=at)
    assert Address.parse({"street": "A", "since": 1704067200}) == Address(street="A", since=at)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"street": "A", "since": "yesterday"}, ["since"]),
        ({"street": "A", "since": "2024-01-01T00:00:00"}, ["since"]),
        ({"street": 1, "since": 0}, ["street"]),
    ],
)
def test_what_cannot_be_parsed_is_said_with_its_path(document: dict[str, Any], path: list[str]) -> None:
    with pytest.raises(Invalid) as error:
        Address.parse(document)
    assert error.value.path == path


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("texts", [["a"]]),
        ("texts", "a"),
        ("pair", [1]),
        ("either", "x"),
        ("either", ["x"]),
        ("exact", "one"),
        ("exact", True),
        ("data", "?"),
        ("colour", "blue"),
        ("size", {"height": 1}),
        ("pet", {"kind": "cow"}),
        ("home", 5),
    ],
)
def test_what_json_has_nothing_of_the_type_for_is_refused(name: str, value: Any) -> None:
    with pytest.raises(Invalid) as error:
        parsed(Everything.schema.fields[name], value)
    assert error.value.reason


def test_a_list_is_no_reference() -> None:
    with pytest.raises(WrongType):
        parsed(Everything.schema.fields["author"], [{"id": "x"}])


def test_a_number_is_an_exact_one_digit_by_digit() -> None:
    assert parsed(Everything.schema.fields["exact"], 0.1) == Decimal("0.1")


def test_an_error_within_lists_and_maps_has_its_whole_path() -> None:
    class Town(Document):
        streets: Attr[dict[str, list[Address]]]

    Town.schema.fields["streets"].annotation = dict[str, list[Address]]  # a local class cannot name a global by text
    with pytest.raises(MissingAttribute) as error:
        Town.parse({"streets": {"a": [{"street": "A"}]}})
    assert error.value.path == ["streets", "a", 0, "since"]


def test_parsing_does_not_apply_set_functions() -> None:
    parsed = Wrapped.parse({"inner": {"word": "x"}})
    assert parsed.inner.word == "x"
    assert Wrapped.schema.item(parsed) == {"inner": {"M": {"word": {"S": "x!"}}}}


class Reader(Document):
    shelf: Attr[Ref[Shelf]]


class Inner(Document):
    word: Attr[str] = field(set=lambda word: word + "!")


class Wrapped(Document):
    inner: Attr[Inner]


def test_the_default_form_is_shared() -> None:
    assert PLAIN.dump(book()) == book().to_dict()
