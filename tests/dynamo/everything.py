"""A model with a field of every type, and values for each."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, Literal, NewType
from uuid import UUID

from hypothesis import strategies as st
from typing_extensions import NotRequired, TypedDict

from chalicelib.dynamo import Attr, Document, Key, Model, field, main

from .values import decimals, floats, integers, names

Isbn = NewType("Isbn", str)


class Colour(Enum):
    """Values of several types."""

    RED = "red"
    GREEN = 2


class Level(IntEnum):
    """Numbers with names."""

    LOW = 1
    HIGH = 2


class Point(TypedDict):
    """A map with typed members."""

    x: float
    label: NotRequired[str]


class Address(Document):
    """A nested document."""

    street: Attr[str]
    city: Attr[str | None] = field(default=None, name="town")


class Node(Document):
    """A document that nests itself."""

    name: Attr[str]
    children: Attr[list[Node]] = field(default=list)
    parent: Attr[Node | None] = field(default=None)


class Circle(Document):
    """One kind of shape."""

    kind: Attr[Literal["circle", "disc"]] = field(default="circle")
    radius: Attr[float]


class Square(Document):
    """Another kind of shape."""

    kind: Attr[Literal["square"]] = field(default="square")
    side: Attr[int]


class Everything(Model, table=main):
    """Every type that a field can have."""

    id: Attr[str] = field(name="sk")
    text: Attr[str | None] = field(default=None)
    isbn: Attr[Isbn | None] = field(default=None)
    whole: Attr[int | None] = field(default=None)
    real: Attr[float | None] = field(default=None)
    decimal: Attr[Decimal | None] = field(default=None)
    exact: Attr[int | Decimal | None] = field(default=None)
    number: Attr[int | float | None] = field(default=None)
    flag: Attr[bool | None] = field(default=None)
    raw: Attr[bytes | None] = field(default=None)
    time: Attr[datetime | None] = field(default=None)
    seconds: Attr[datetime | None] = field(default=None, storage="seconds")
    milliseconds: Attr[datetime | None] = field(default=None, storage="milliseconds")
    day: Attr[date | None] = field(default=None)
    uuid: Attr[UUID | None] = field(default=None)
    constant: Attr[Literal["a", 1, True, b"c"] | None] = field(default=None)
    colour: Attr[Colour | None] = field(default=None)
    level: Attr[Level | None] = field(default=None)
    texts: Attr[list[str] | None] = field(default=None)
    grid: Attr[list[list[int]] | None] = field(default=None)
    pair: Attr[tuple[str, int] | None] = field(default=None)
    triple: Attr[tuple[date, ...] | None] = field(default=None)
    counts: Attr[dict[str, int] | None] = field(default=None)
    point: Attr[Point | None] = field(default=None)
    address: Attr[Address | None] = field(default=None)
    addresses: Attr[dict[str, list[Address]] | None] = field(default=None)
    node: Attr[Node | None] = field(default=None)
    shape: Attr[Circle | Square | None] = field(default=None, discriminator="kind")
    shapes: Attr[list[Circle | Square] | None] = field(default=None, discriminator="kind")
    text_set: Attr[set[str] | None] = field(default=None)
    number_set: Attr[frozenset[int] | None] = field(default=None)
    bytes_set: Attr[set[bytes] | None] = field(default=None)
    either: Attr[str | int | bool | list[str] | Address | None] = field(default=None)
    plain_list: Attr[list[Any] | None] = field(default=None)
    plain_map: Attr[dict[str, Any] | None] = field(default=None)
    anything: Attr[Any] = field(default=None)
    nothing: Attr[None] = field(default=None)
    key = Key(pk="everything", sk="{id}")


def _whole(time: datetime, unit: timedelta) -> datetime:
    """The time without what is less than the unit."""
    return time - (time - datetime(1970, 1, 1, tzinfo=timezone.utc)) % unit


# A day from either end there are time zones in which the time has no year.
times = st.datetimes(timezones=st.just(timezone.utc)).filter(lambda time: 1 < time.year < 9999)
offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
addresses = st.builds(Address, street=st.text(), city=st.none() | st.text())
nodes = st.recursive(
    st.builds(Node, name=st.text()),
    lambda inner: st.builds(Node, name=st.text(), children=st.lists(inner, max_size=3), parent=st.none() | inner),
    max_leaves=6,
)
shapes: st.SearchStrategy[Any] = st.builds(Circle, kind=st.sampled_from(["circle", "disc"]), radius=floats) | st.builds(
    Square, side=integers
)
# Greater floats are integers to DynamoDB, and come back as such where their type is not declared.
fractions = st.floats(1e-130, 1e15) | st.floats(-1e15, -1e-130)
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | integers | fractions | st.text() | st.binary() | st.sets(st.text(), min_size=1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
points = st.fixed_dictionaries({"x": floats}, optional={"label": st.text()})

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(),
    "isbn": st.text(),
    "whole": integers,
    "real": floats,
    "decimal": decimals,
    "exact": integers | decimals,
    "number": integers | fractions,
    "flag": st.booleans(),
    "raw": st.binary(),
    "time": st.builds(datetime.astimezone, times, offsets),
    "seconds": times.map(lambda time: _whole(time, timedelta(seconds=1))),
    "milliseconds": times.map(lambda time: _whole(time, timedelta(milliseconds=1))),
    "day": st.dates(),
    "uuid": st.uuids(),
    "constant": st.sampled_from(["a", 1, True, b"c"]),
    "colour": st.sampled_from(Colour),
    "level": st.sampled_from(Level),
    "texts": st.lists(st.text()),
    "grid": st.lists(st.lists(integers)),
    "pair": st.tuples(st.text(), integers),
    "triple": st.lists(st.dates()).map(tuple),
    "counts": st.dictionaries(names, integers),
    "point": points,
    "address": addresses,
    "addresses": st.dictionaries(names, st.lists(addresses, max_size=2), max_size=3),
    "node": nodes,
    "shape": shapes,
    "shapes": st.lists(shapes, max_size=3),
    "text_set": st.sets(st.text(), min_size=1),
    "number_set": st.frozensets(integers, min_size=1),
    "bytes_set": st.sets(st.binary(), min_size=1),
    "either": st.text() | integers | st.booleans() | st.lists(st.text()) | addresses,
    "plain_list": st.lists(anything, max_size=3),
    "plain_map": st.dictionaries(names, anything, max_size=3),
    "anything": anything,
    "nothing": st.none(),
}
"""Values of each field but the key's."""

everything = st.fixed_dictionaries({}, optional=VALUES).map(lambda values: Everything(id="1", **values))
