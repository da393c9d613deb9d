"""A collection's indexes: which slot of the table each one has, and the keys that a record has in them. Pure.

A slot is a global secondary index of the table, shared by all collections. Its two attributes depend on one property
each, so that a patch of one property never has to know another: the hash key is ``{collection}#{index}#{value}``, the
range key the value's place in the order and the record's id, which makes it unique.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.collections.key_texts import identity, order
from chalicelib.dynamo.errors import Unstorable
from chalicelib.dynamo.tables import INDEX_SLOTS

Keys = Mapping[str, "str | None"]
"""Key attributes of slots, None for one that the record does not have."""


class Index(NamedTuple):
    """An access path. Without ``hash`` it has all records of the collection, else those that have the property.

    ``is_ready``: whether every record has its keys, so that it can be read. ``since`` is the version of the definition
    that declared it so: keys of an index that was another before, under the same name, are in other partitions.
    """

    name: str
    hash: str | None
    range: str | None
    slot: int
    is_ready: bool
    since: int = 1

    @property
    def table_index(self) -> str:
        """The name of the table's index."""
        return f"gsi{self.slot}"

    @property
    def attributes(self) -> tuple[str, str]:
        """The hash and the range key attribute."""
        return f"_i{self.slot}h", f"_i{self.slot}r"

    @property
    def properties(self) -> tuple[str, ...]:
        """What it depends on."""
        return tuple([name for name in (self.hash, self.range) if name is not None])

    def serves_as(self, declared: Mapping[str, str]) -> bool:
        """Whether this is what a definition declares."""
        return (self.hash, self.range) == (declared.get("hash"), declared.get("range"))

    def partition(self, collection: str, value: Any = None) -> str:
        """The hash key of the records that have this value of the hash property."""
        name = self.name if self.since == 1 else f"{self.name}:{self.since}"
        return f"{collection}#{name}#" + ("" if self.hash is None else identity(value))


def assigned(
    declared: Mapping[str, Mapping[str, str]], before: Sequence[Index], *, filled: bool, version: int = 1
) -> list[Index]:
    """The indexes of a version of a definition. One that stays as it was keeps its slot; any other gets a free one.

    ``filled``: whether new ones are ready at once, because there are no records.
    """
    kept = {index.name: index for index in before if index.name in declared}
    free = (slot for slot in range(1, INDEX_SLOTS + 1) if slot not in {index.slot for index in kept.values()})
    return [
        kept[name]
        if name in kept and kept[name].serves_as(parts)
        else Index(
            name,
            parts.get("hash"),
            parts.get("range"),
            kept[name].slot if name in kept else next(free),
            filled,
            version,
        )
        for name, parts in declared.items()
    ]


FROM_CREATION = frozenset({"id", "created_at"})
"""What a record keeps for as long as it lives."""


def keys(collection: str, indexes: Iterable[Index], record_id: str, properties: Mapping[str, Any]) -> Keys:
    """All key attributes of a record with these properties, the server-set ones among them.

    Raises:
        Unstorable: a number is none that can be stored; with the name of the property.
    """
    found: dict[str, str | None] = {}
    for index in indexes:
        hash_attribute, range_attribute = index.attributes
        found[hash_attribute] = _hash_key(collection, index, properties)
        found[range_attribute] = _range_key(index, record_id, properties)
    return found


def changed_keys(collection: str, indexes: Iterable[Index], record_id: str, changes: Mapping[str, Any]) -> Keys:
    """The key attributes that follow from these properties' new values; None stands for a property that goes.

    Raises:
        Unstorable: as ``keys``.
    """
    found: dict[str, str | None] = {}
    for index in indexes:
        hash_attribute, range_attribute = index.attributes
        if index.hash in changes:
            found[hash_attribute] = _hash_key(collection, index, changes)
        if index.range in changes:
            found[range_attribute] = _range_key(index, record_id, changes)
    return found


def from_creation(indexes: Iterable[Index]) -> set[str]:
    """The key attributes that stay as they are while a record lives, whatever is written."""
    return {
        attribute
        for index in indexes
        for attribute, name in zip(index.attributes, (index.hash, index.range), strict=True)
        if name is None or name in FROM_CREATION
    }


def _hash_key(collection: str, index: Index, properties: Mapping[str, Any]) -> str | None:
    if index.hash is None:
        return index.partition(collection)
    value = properties.get(index.hash)
    if value is None:
        return None
    try:
        return index.partition(collection, value)
    except Unstorable as error:
        raise error.within(index.hash) from None


def _range_key(index: Index, record_id: str, properties: Mapping[str, Any]) -> str:
    if index.range is None:
        return record_id
    try:
        return order(properties.get(index.range)) + record_id
    except Unstorable as error:
        raise error.within(index.range) from None


ATTRIBUTES = frozenset(f"_i{slot}{part}" for slot in range(1, INDEX_SLOTS + 1) for part in "hr")
"""The key attributes of all slots."""
