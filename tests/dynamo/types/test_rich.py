from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag
from typing import Any, Literal, NewType
from uuid import UUID

import pytest
from hypothesis import given
from typing_extensions import NotRequired, Required, TypedDict

from chalicelib.dynamo import Attr, Document, field
from chalicelib.dynamo.errors import AttributeValue, ConstraintViolated, Invalid, MissingAttribute, WrongType
from chalicelib.dynamo.types import type_of
from chalicelib.dynamo.types.rich import STORAGES
from tests.dynamo.everything import Circle, Colour, Everything, Level, Node, Square, nodes, times

UTC = timezone.utc
NOON = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
UUID_TEXT = "12345678-1234-5678-1234-567812345678"


class Wish(TypedDict, total=False):
    """Members that are required one by one."""

    what: Required[str]
    when: datetime


class Order(Wish):
    """Members of both kinds."""

    count: int
    note: NotRequired[str]


class Sides(Flag):
    """Values that are combined."""

    LEFT = 1
    RIGHT = 2


class Triangle(Document):
    """A shape whose kind is a member of an Enum, under another name."""

    kind: Attr[Literal[Colour.RED]] = field(name="k")
    base: Attr[int]


class Quadrangle(Document):
    """As ``Triangle``."""

    kind: Attr[Literal[Colour.GREEN]] = field(name="k")


class Disc(Document):
    """Claims a kind that is another's."""

    kind: Attr[Literal["disc"]]


SHAPE = Everything.shape.type


@pytest.mark.parametrize(
    ("storage", "encoded"),
    [
        ("iso", {"S": "2024-05-01T12:00:00.123456Z"}),
        ("seconds", {"N": "1714564800"}),
        ("milliseconds", {"N": "1714564800123"}),
    ],
)
def test_a_time_is_stored_in_utc_as_it_was_asked_for(storage: str, encoded: AttributeValue) -> None:
    type_ = type_of(datetime, storage=storage)
    assert type_.encode(NOON) == encoded
    assert type_.encode(NOON.astimezone(timezone(timedelta(hours=-5)))) == encoded


@given(times, times)
def test_times_sort_as_they_are_stored(one: datetime, other: datetime) -> None:
    text, number = type_of(datetime), type_of(datetime, storage="milliseconds")
    assert (text.encode(one)["S"] < text.encode(other)["S"]) == (one < other)
    assert (int(number.encode(one)["N"]) <= int(number.encode(other)["N"])) >= (one <= other)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-05-01T12:00:00Z", datetime(2024, 5, 1, 12, tzinfo=UTC)),
        ("2024-05-01T14:00:00+02:00", datetime(2024, 5, 1, 12, tzinfo=UTC)),
    ],
)
def test_times_that_others_stored_as_iso_texts_are_loaded(text: str, time: datetime) -> None:
    assert type_of(datetime).load({"S": text}) == time


def test_times_before_1970_are_negative_numbers() -> None:
    time = datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC)
    assert type_of(datetime, storage="milliseconds").encode(time) == {"N": "-500"}
    assert type_of(datetime, storage="milliseconds").load({"N": "-500"}) == time
    assert type_of(datetime, storage="seconds").encode(time) == {"N": "-1"}


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize(
    ("value", "error", "reason"),
    [
        (datetime(2024, 5, 1), ConstraintViolated, "is a time without a time zone"),  # noqa: DTZ001 - that is the point
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))), ConstraintViolated, "before the year 1 or after"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), ConstraintViolated, "before the year 1 or after"),
        (date(2024, 5, 1), WrongType, "is of the type date, not a time"),
        ("2024-05-01T12:00:00Z", WrongType, "is of the type str, not a time"),
        (0, WrongType, "is of the type int, not a time"),
    ],
)
def test_what_is_no_moment_is_refused(storage: str, value: Any, error: type[Invalid], reason: str) -> None:
    with pytest.raises(error, match=reason):
        type_of(datetime, storage=storage).encode(value)


@pytest.mark.parametrize(
    ("annotation", "storage", "stored"),
    [
        (datetime, "iso", {"S": "2024-05-01T12:00:00"}),
        (datetime, "iso", {"S": "noon"}),
        (datetime, "iso", {"N": "1"}),
        (datetime, "seconds", {"N": "1.5"}),
        (datetime, "seconds", {"N": "1E+20"}),
        (datetime, "milliseconds", {"S": "1"}),
        (date, None, {"S": "yesterday"}),
        (UUID, None, {"S": "a"}),
        (Colour, None, {"BOOL": True}),
        (Level, None, {"S": "1"}),
    ],
)
def test_what_is_stored_otherwise_is_of_the_wrong_type(
    annotation: Any, storage: str | None, stored: AttributeValue
) -> None:
    with pytest.raises(WrongType, match=f"is stored as {next(iter(stored))}, which is not a") as refused:
        type_of(list[annotation], storage=storage).load({"L": [stored]})
    assert refused.value.path == [0]


def test_there_are_three_ways_to_store_times() -> None:
    with pytest.raises(TypeError, match="storage is 'days', not one of iso, seconds, milliseconds"):
        type_of(datetime, storage="days")


@pytest.mark.parametrize(
    ("annotation", "value", "encoded"),
    [
        (date, date(2024, 5, 1), {"S": "2024-05-01"}),
        (UUID, UUID(UUID_TEXT), {"S": UUID_TEXT}),
        (Colour, Colour.GREEN, {"N": "2"}),
        (Level, Level.HIGH, {"N": "2"}),
        (Sides, Sides.LEFT | Sides.RIGHT, {"N": "3"}),
        (set[UUID], {UUID(UUID_TEXT)}, {"SS": [UUID_TEXT]}),
        (set[Level], {Level.LOW}, {"NS": ["1"]}),
        (NewType("Day", date), date(2024, 5, 1), {"S": "2024-05-01"}),
        (NewType("Count", int), 1, {"N": "1"}),
    ],
)
def test_a_rich_value_is_stored_as_a_scalar(annotation: Any, value: Any, encoded: AttributeValue) -> None:
    type_ = type_of(annotation)
    assert type_.encode(value) == encoded
    assert type_.load(encoded) == value


def test_times_of_one_second_are_one_element_of_a_set() -> None:
    type_ = type_of(set[datetime], storage="seconds")
    assert type_.encode({NOON, NOON + timedelta(milliseconds=1)}) == {"NS": ["1714564800"]}


@pytest.mark.parametrize(
    ("annotation", "value", "reason"),
    [
        (date, NOON, "is of the type datetime, not a date"),
        (date, "2024-05-01", "is of the type str, not a date"),
        (UUID, UUID_TEXT, "is of the type str, not a UUID"),
        (Colour, "red", "is of the type str, not a Colour"),
        (Level, 1, "is of the type int, not a Level"),
        (Node, Square(side=1), "is of the type Square, not a Node"),
    ],
)
def test_a_rich_value_of_another_type_is_refused(annotation: Any, value: Any, reason: str) -> None:
    with pytest.raises(WrongType, match=reason):
        type_of(annotation).encode(value)


def test_a_stored_value_that_an_enum_does_not_have_is_refused() -> None:
    with pytest.raises(ConstraintViolated, match="stored with a value that Level does not have"):
        type_of(Level).load({"N": "3"})


@pytest.mark.parametrize("values", [{}, {"A": ("a", "b")}, {"A": None, "B": 1j}])
def test_an_enum_has_members_with_values_that_dynamodb_has(values: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        type_of(Enum("Strange", values))


def test_members_of_a_typed_map_are_required_as_they_are_declared() -> None:
    type_ = type_of(Order)
    value = {"what": "tea", "count": 1}
    assert type_.load(type_.encode(value)) == value
    full = {**value, "when": NOON, "note": "hot"}
    assert type_.load(type_.encode(full)) == full
    for required in value:
        with pytest.raises(MissingAttribute) as refused:
            type_.encode({name: part for name, part in full.items() if name != required})
        assert refused.value.path == [required]


def test_the_times_of_a_typed_map_are_stored_as_its_field_says() -> None:
    encoded = type_of(Order, storage="seconds").encode({"what": "tea", "count": 1, "when": NOON})
    assert encoded["M"]["when"] == {"N": "1714564800"}


@given(nodes)
def test_a_document_may_nest_itself(node: Node) -> None:
    type_ = type_of(Node)
    assert type_.load(type_.encode(node)) == node


def test_what_is_wrong_deep_within_a_document_has_its_path() -> None:
    tree = Node(name="a", children=[Node(name="b"), Node(name="c", children=[Node(name=1)])])  # type: ignore[arg-type]
    with pytest.raises(WrongType) as refused:
        type_of(Node).encode(tree)
    assert refused.value.path == ["children", 1, "children", 0, "name"]


def test_nested_documents_are_told_apart_by_a_constant() -> None:
    assert SHAPE.encode(Square(side=2)) == {"M": {"kind": {"S": "square"}, "side": {"N": "2"}}}
    assert SHAPE.load({"M": {"kind": {"S": "disc"}, "radius": {"N": "2"}}}) == Circle(kind="disc", radius=2)
    assert SHAPE.load({"NULL": True}) is None


def test_the_constant_may_be_of_an_enum_and_stored_under_another_name() -> None:
    type_ = type_of(Triangle | Quadrangle, discriminator="kind")
    assert type_.encode(Triangle(kind=Colour.RED, base=1)) == {"M": {"k": {"S": "red"}, "base": {"N": "1"}}}
    assert type_.load({"M": {"k": {"N": "2"}}}) == Quadrangle(kind=Colour.GREEN)


@pytest.mark.parametrize(
    ("stored", "error", "path"),
    [
        ({"M": {"side": {"N": "1"}}}, MissingAttribute, ["kind"]),
        ({"M": {"kind": {"S": "cube"}}}, ConstraintViolated, ["kind"]),
        ({"M": {"kind": {"L": []}}}, ConstraintViolated, ["kind"]),
        ({"M": {"kind": {"S": "square"}, "side": {"S": "1"}}}, WrongType, ["side"]),
        ({"S": "square"}, WrongType, []),
    ],
)
def test_a_stored_document_of_no_declared_kind_is_refused(
    stored: AttributeValue, error: type[Invalid], path: list[str]
) -> None:
    with pytest.raises(error) as refused:
        SHAPE.load(stored)
    assert refused.value.path == path


@pytest.mark.parametrize("value", [Node(name="a"), {"kind": "square"}, Decimal(1)])
def test_a_value_of_no_declared_kind_is_refused(value: Any) -> None:
    with pytest.raises(WrongType, match="not a Circle or a Square"):
        SHAPE.encode(value)


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (Circle | Node, "a Node has no field kind with a Literal type"),
        (Circle | Disc, "a Disc has the kind of a Circle"),
    ],
)
def test_documents_that_nothing_tells_apart_are_refused(annotation: Any, reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        type_of(annotation, discriminator="kind")


def test_documents_without_a_discriminator_are_stored_alike() -> None:
    with pytest.raises(TypeError, match="a Circle and a Square are stored alike: give a discriminator"):
        type_of(Circle | Square)
