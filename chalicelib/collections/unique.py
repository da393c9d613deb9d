"""Unique properties: one marker item for each value that a record holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.collections.key_texts import identity
from chalicelib.dynamo.expressions import Condition, Path, all_of
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main

if TYPE_CHECKING:
    from chalicelib.collections.definitions import Collection


class Marker(Model, table=main):
    """That a record holds a value. It ends when its record does."""

    partition: Attr[str] = field(name="pk")
    record: Attr[str] = field(name="_id")
    expires_at: Attr[int | None] = field(name="_ttl", default=None)
    key = Key(pk="{partition}", sk="-")


def claims(collection: Collection, document: Mapping[str, Any] | None) -> dict[str, str]:
    """The markers that a record with these properties holds: property by the marker's partition key.

    A missing or null value claims nothing.
    """
    if document is None:
        return {}
    return {
        f"u#{collection.name}#{name.replace('#', '##')}#{identity(document[name])}": name
        for name in collection.unique
        if document.get(name) is not None
    }


def partitions(collection: Collection, document: Mapping[str, Any]) -> list[str]:
    """The partition keys of a record's markers."""
    return list(claims(collection, document))


def kept(collection: Collection, document: Mapping[str, Any]) -> Condition | None:
    """That a stored record has the unique values of this document; None where nothing is unique."""
    return all_of(_holds(Path("doc", name), document.get(name)) for name in collection.unique)


def _holds(place: Path[Any], value: Any) -> Condition:
    return place.is_none() if value is None else place == value


def free_for(record_id: str, now: int) -> Condition:
    """That a marker is not there, is this record's own, or has ended."""
    return Marker.partition.missing() | (Marker.record == record_id) | (Marker.expires_at <= now)


def held_by(record_id: str) -> Condition:
    """That a marker is this record's, or was removed already."""
    return Marker.partition.missing() | (Marker.record == record_id)
