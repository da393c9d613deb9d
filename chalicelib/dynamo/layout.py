"""What a table is made of: its keys, its global secondary indexes and its settings. Values, known without a call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

KeyType = Literal["S", "N", "B"]
StreamView = Literal["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]
TableClass = Literal["STANDARD", "STANDARD_INFREQUENT_ACCESS"]
Throughput = tuple[int, int]
"""Read and write capacity units."""

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Projection.html
MAX_INDEXES = 20
MAX_NAME = 255
MIN_INDEX_NAME = 3
MAX_PROJECTED, MAX_PROJECTED_IN_ALL = 20, 100
MAX_TAGS, MAX_TAG_KEY, MAX_TAG_VALUE = 50, 128, 256
INDEX_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


class SecondaryIndex(NamedTuple):
    """A global secondary index: the attributes that are its key, and what of an item it holds.

    projection: everything, the keys of table and index, or besides those the attributes named.
    throughput: of a provisioned table; without it the index has as much as the table.
    """

    name: str
    hash: str
    range: str | None = None
    projection: Literal["ALL", "KEYS_ONLY"] | tuple[str, ...] = "ALL"
    throughput: Throughput | None = None


class Layout:
    """How a table is declared. Not to be changed once made.

    types: of the key attributes, of table and indexes, that are no strings; once made it has them all, in order.
    ttl: the attribute with the time, in seconds since 1970, after which DynamoDB deletes an item.
    stream: what a record of the stream has; None is no stream.
    recovery: to any second of the last 35 days.
    throughput: None is on demand.

    Raises:
        ValueError: DynamoDB has no such tables.
    """

    __slots__ = (
        "_keys", "deletion_protection", "hash", "indexes", "range", "recovery", "stream", "table_class", "tags",
        "throughput", "ttl", "types",
    )  # fmt: skip

    def __init__(
        self,
        hash: str = "pk",  # noqa: A002 - DynamoDB's words
        range: str | None = "sk",  # noqa: A002
        *,
        indexes: Sequence[SecondaryIndex] = (),
        types: Mapping[str, KeyType] | None = None,
        ttl: str | None = None,
        stream: StreamView | None = None,
        recovery: bool = False,
        deletion_protection: bool = False,
        tags: Mapping[str, str] | None = None,
        throughput: Throughput | None = None,
        table_class: TableClass = "STANDARD",
    ) -> None:
        self.hash = hash
        self.range = range
        self.indexes = tuple(indexes)
        self.ttl = ttl
        self.stream = stream
        self.recovery = recovery
        self.deletion_protection = deletion_protection
        self.tags: Mapping[str, str] = MappingProxyType(dict(tags or {}))
        self.throughput = throughput
        self.table_class = table_class
        self._keys: dict[str | None, tuple[str, ...]] = {None: _key(hash, range)}
        self._keys.update((index.name, _key(index.hash, index.range)) for index in self.indexes)
        given = types or {}
        self.types: Mapping[str, KeyType] = MappingProxyType(
            {attribute: given.get(attribute, "S") for key in self._keys.values() for attribute in key}
        )
        self._check(given)

    def keys(self, index: str | None = None) -> tuple[str, ...]:
        """The attributes that are the key of the table, or of an index: partition, then sort key if there is one.

        Raises:
            KeyError: there is no such index.
        """
        return self._keys[index]

    def held(self, index: str | None) -> frozenset[str] | None:
        """The attributes that an index has of an item; None for all of them, which the table has.

        Raises:
            KeyError: there is no such index.
        """
        if index is None:
            return None
        projection = {declared.name: declared.projection for declared in self.indexes}[index]
        if projection == "ALL":
            return None
        named = () if projection == "KEYS_ONLY" else projection
        return frozenset([*self.keys(), *self.keys(index), *named])

    def type_of(self, attribute: str) -> KeyType:
        """The DynamoDB type of a key attribute.

        Raises:
            KeyError: the attribute is in no key.
        """
        return self.types[attribute]

    def throughput_of(self, index: SecondaryIndex) -> Throughput | None:
        """An index's read and write capacity units; None is on demand."""
        return index.throughput or self.throughput

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and dict(self._declared()) == dict(other._declared())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        plain = dict(_PLAIN._declared())
        said = (f"{name}={value!r}" for name, value in self._declared() if value != plain[name])
        return f"Layout({', '.join(said)})"

    def _declared(self) -> Iterator[tuple[str, object]]:
        for name in Layout.__slots__:
            value = getattr(self, name)
            if name == "types":
                yield name, {attribute: kind for attribute, kind in value.items() if kind != "S"}
            elif name != "_keys":
                yield name, dict(value) if name == "tags" else value

    def _check(self, given_types: Mapping[str, KeyType]) -> None:
        for sentence in chain(_wrong_keys(self, given_types), _wrong_indexes(self), _wrong_settings(self)):
            raise ValueError(sentence)


def _key(hash_name: str, range_name: str | None) -> tuple[str, ...]:
    return (hash_name,) if range_name is None else (hash_name, range_name)


def _wrong_keys(layout: Layout, given_types: Mapping[str, KeyType]) -> Iterator[str]:
    for index, key in layout._keys.items():  # noqa: SLF001 - its own module
        where = "The table" if index is None else f"The index {index!r}"
        if len(set(key)) < len(key):
            yield f"{where} has the attribute {key[0]!r} twice in its key."
        for attribute in key:
            if not 1 <= len(attribute.encode()) <= MAX_NAME:
                yield f"{where} has a key attribute of which the name is not 1 to {MAX_NAME} bytes long: {attribute!r}."
    for attribute, kind in given_types.items():
        if attribute not in layout.types:
            yield f"The attribute {attribute!r} has a type and is in no key."
        if kind not in get_args(KeyType):
            yield f"The key attribute {attribute!r} is of the type {kind!r}, and can be S, N or B."


def _wrong_indexes(layout: Layout) -> Iterator[str]:
    names = [index.name for index in layout.indexes]
    if len(names) > MAX_INDEXES:
        yield f"A table has at most {MAX_INDEXES} indexes, not {len(names)}."
    for name in names:
        if not MIN_INDEX_NAME <= len(name) <= MAX_NAME or not INDEX_NAME_CHARACTERS.issuperset(name):
            yield f"An index has a name of {MIN_INDEX_NAME} to {MAX_NAME} of a-z, A-Z, 0-9, _, . and -, not {name!r}."
        if names.count(name) > 1:
            yield f"There are two indexes {name!r}."
    for index in layout.indexes:
        if index.throughput is not None and layout.throughput is None:
            yield f"The index {index.name!r} has a throughput and its table is on demand."
        yield from _wrong_projection(index)
    named = sum(len(index.projection) for index in layout.indexes if not isinstance(index.projection, str))
    if named > MAX_PROJECTED_IN_ALL:
        yield f"The indexes together name {named} attributes to project, and can name {MAX_PROJECTED_IN_ALL}."


def _wrong_projection(index: SecondaryIndex) -> Iterator[str]:
    projection = index.projection
    if isinstance(projection, str):
        if projection not in ("ALL", "KEYS_ONLY"):
            yield f"The index {index.name!r} projects {projection!r}, not ALL, KEYS_ONLY or a tuple of names."
    elif not 1 <= len(projection) <= MAX_PROJECTED:
        yield f"The index {index.name!r} names {len(projection)} attributes to project, not 1 to {MAX_PROJECTED}."


def _wrong_settings(layout: Layout) -> Iterator[str]:
    if layout.ttl is not None and not 1 <= len(layout.ttl.encode()) <= MAX_NAME:
        yield f"The time to live's attribute has a name of 1 to {MAX_NAME} bytes, not {layout.ttl!r}."
    if layout.stream is not None and layout.stream not in get_args(StreamView):
        yield f"A stream has {', '.join(get_args(StreamView))}, not {layout.stream!r}."
    if layout.table_class not in get_args(TableClass):
        yield f"A table's class is {' or '.join(get_args(TableClass))}, not {layout.table_class!r}."
    for throughput in (layout.throughput, *(index.throughput for index in layout.indexes)):
        if throughput is not None and min(throughput) < 1:
            yield f"A throughput is at least one unit to read and one to write, not {throughput!r}."
    if len(layout.tags) > MAX_TAGS:
        yield f"A table has at most {MAX_TAGS} tags, not {len(layout.tags)}."
    for key, value in layout.tags.items():
        if not 1 <= len(key) <= MAX_TAG_KEY or len(value) > MAX_TAG_VALUE:
            yield f"A tag's key has 1 to {MAX_TAG_KEY} characters and its value at most {MAX_TAG_VALUE}: {key!r}."
        if key.lower().startswith("aws:"):
            yield f"Tags that begin with 'aws:' are AWS's own: {key!r}."


_PLAIN = Layout()
