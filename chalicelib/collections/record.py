"""A record as it is stored and as it is shown, and the rules that make one out of a caller's document."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from chalicelib.collections import ids, indexes, shards
from chalicelib.collections.indexes import Keys
from chalicelib.dynamo.errors import Item, Unstorable
from chalicelib.dynamo.expressions import Condition
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main
from chalicelib.errors import Failure, ValidationFailed, pointer
from chalicelib.schema import structure
from chalicelib.schema.structure import SERVER_SET

if TYPE_CHECKING:
    from chalicelib.collections.definitions import Collection

_EPOCH_SECONDS_LIMIT = 253_402_300_800  # the year 10000
_DATE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?([Zz]|[-+][0-9]{2}:[0-9]{2})\Z"
)
"""RFC 3339, 5.6. ``fromisoformat`` takes more, and from Python 3.10 to 3.11 not the same."""


class Record(Model, table=main):
    """A stored record. Its properties are in one map, ``doc``, so that no name can collide with Portico's own."""

    __slots__ = ("_index_keys",)
    partition: Attr[str] = field(name="pk")
    id: Attr[str] = field(name="sk")
    version: Attr[int] = field(name="_version")
    created_at: Attr[str] = field(name="_created_at")
    updated_at: Attr[str] = field(name="_updated_at")
    expires_at: Attr[int | None] = field(name="_ttl", default=None)
    doc: Attr[dict[str, Any]]
    key = Key(pk="{partition}", sk="{id}")

    def item_of_fields(self, *, partial: bool) -> Item:
        """The item with the keys that it has in indexes."""
        item = super().item_of_fields(partial=partial)
        item.update((name, {"S": key}) for name, key in self.index_keys().items() if key is not None)
        return item

    def set_index_keys(self, keys: Callable[[], Keys]) -> None:
        """Say what gives the keys that it is to be stored with in the slots of indexes."""
        self._index_keys = keys

    def index_keys(self) -> Keys:
        """The keys that it is to be stored with; none for one that was read.

        Raises:
            Unstorable: a property that an index is of cannot be stored.
        """
        return self._index_keys() if hasattr(self, "_index_keys") else {}

    def document(self, fields: Iterable[str] | None = None) -> dict[str, Any]:
        """The record as the API shows it, server-set properties first; only ``id`` and ``fields`` when given."""
        values = self.__dict__
        shown = {
            "id": values["id"],
            "version": values["version"],
            "created_at": values["created_at"],
            "updated_at": values["updated_at"],
            **values["doc"],
        }
        if fields is None:
            return shown
        return {"id": shown["id"], **{name: shown[name] for name in fields if name in shown}}

    def is_gone(self, now: float) -> bool:
        """Whether its time to live is over, though DynamoDB has not deleted it yet."""
        expires = self.__dict__["expires_at"]
        return expires is not None and expires <= now


@dataclass(frozen=True)
class Outcome:
    """What a write did: the record's document after it (None after a deletion), and whether the record is new."""

    document: Mapping[str, Any] | None
    created: bool = False

    @property
    def version(self) -> int | None:
        """The record's version, for its ETag."""
        return None if self.document is None else self.document["version"]


def alive(collection: Collection) -> Condition:
    """That the record is stored and, where records end, has not ended."""
    condition = Record.id.exists()
    if collection.may_end:
        condition &= not_ended()
    return condition


def not_ended() -> Condition:
    """That what is stored has no end, or has not come to it."""
    return Record.expires_at.missing() | (Record.expires_at > int(time.time()))


def absent(collection: Collection) -> Condition:
    """That no record is stored under the id, or one that has ended."""
    condition = Record.id.missing()
    if collection.may_end:
        condition |= Record.expires_at <= int(time.time())
    return condition


def properties_of(body: Any) -> dict[str, Any]:
    """The caller's properties out of a body, without what the server sets.

    A body that was read from Portico can be sent back as it is. A server-set name with a value that the server never
    makes is refused rather than dropped.

    Raises:
        ValidationFailed: the body is no object, or means something else by a server-set name (422).
    """
    if not isinstance(body, dict):
        raise ValidationFailed([Failure(pointer="", detail="is not a JSON object")])
    if not any(name in body for name in SERVER_SET):
        return dict(body)
    strange = [name for name in SERVER_SET if name in body and not _is_servers(name, body[name])]
    if strange:
        detail = "is set by the server; give the property another name"
        raise ValidationFailed([Failure(pointer=pointer([name]), detail=detail) for name in strange])
    return {name: value for name, value in body.items() if name not in SERVER_SET}


def _is_servers(name: str, value: Any) -> bool:
    if name == "version":
        return type(value) is int and value > 0
    if name == "id":
        return isinstance(value, str)
    return isinstance(value, str) and _unix_seconds(value) is not None


def checked_id(record_id: Any) -> str:
    """An id that a caller gave in a body.

    Raises:
        ValidationFailed: no id can be this (422).
    """
    if not isinstance(record_id, str) or not ids.ID.match(record_id):
        raise ValidationFailed([Failure(pointer="/id", detail=f"is not an id. {ids.ID_RULE}")])
    moment = ids.time_of(record_id)
    if moment is not None and moment > time.time() * 1000 + shards.MAX_CLOCK_SKEW_MS:
        raise ValidationFailed([Failure(pointer="/id", detail="is a UUIDv7 of a time to come")])
    return record_id


def validate(collection: Collection, properties: dict[str, Any]) -> None:
    """Hold a whole record's properties against what can be stored and against the schema.

    Raises:
        ValidationFailed: with every failure (422).
    """
    failures = _failures(properties, collection.schema.failures)
    if failures:
        raise ValidationFailed(failures)


def fragment_failures(collection: Collection, fragment: dict[str, Any]) -> list[Failure]:
    """Every failure of a part of a record, of which nothing is required."""
    return _failures(fragment, collection.schema.fragment_failures)


def _failures(properties: dict[str, Any], by_schema: Callable[[Any], list[Failure]]) -> list[Failure]:
    if structure.depth_exceeds(properties, structure.MAX_RECORD_DEPTH):
        return list(structure.failures(properties))
    try:
        failures = by_schema(properties)
    except ValueError:  # a number of so many digits that the validator cannot even say so
        return list(structure.failures(properties))
    if failures or structure.has_reserved_name(properties):
        return [*structure.failures(properties), *failures]
    return failures


def unstorable(error: Unstorable) -> ValidationFailed:
    """The problem of a value that DynamoDB has no place for, found while it was being encoded."""
    path = error.path[1:] if error.path[:1] == [Record.doc.field] else error.path
    return ValidationFailed([Failure(pointer=pointer(path), detail=error.reason)])


def expiry(collection: Collection, properties: Mapping[str, Any]) -> int | None:
    """When the record ends, in Unix seconds; None when it does not.

    Raises:
        ValidationFailed: the property is neither an RFC 3339 date-time nor Unix seconds (422).
    """
    name = collection.ttl
    if name is None or properties.get(name) is None:
        return None
    value = properties[name]
    seconds = _unix_seconds(value)
    if seconds is None:
        detail = "says when the record ends: an RFC 3339 date-time, or Unix seconds"
        raise ValidationFailed([Failure(pointer=pointer([name]), detail=detail)])
    return seconds


def _unix_seconds(value: Any) -> int | None:
    if isinstance(value, str):
        parts = _DATE_TIME.match(value)
        if parts is None:
            return None
        date, clock, offset = parts.groups()
        try:
            moment = datetime.fromisoformat(f"{date}T{clock}{'+00:00' if offset in 'Zz' else offset}")
        except ValueError:
            return None
        return int(moment.timestamp())
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _EPOCH_SECONDS_LIMIT:
        return None
    return int(value)


def made(collection: Collection, record_id: str, properties: dict[str, Any], old: Record | None) -> Record:
    """The record that is to be stored under an id, the successor of ``old``."""
    now = ids.timestamp()
    record = Record(
        partition=collection.partition(record_id),
        id=record_id,
        version=old.version + 1 if old is not None else 1,
        created_at=old.created_at if old is not None else now,
        updated_at=now,
        expires_at=expiry(collection, properties),
        doc=properties,
    )
    _give_keys(collection, record)
    return record


def remade(collection: Collection, old: Record) -> Record:
    """The record with the keys and the end that follow from the collection's definition, unchanged otherwise."""
    try:
        ends = expiry(collection, old.doc)
    except ValidationFailed:  # what now says when records end was another property when it was written
        ends = None
    values = {name: value for name, value in old.__dict__.items() if name != "expires_at"}
    record = Record(**values, expires_at=ends)
    _give_keys(collection, record)
    return record


def _give_keys(collection: Collection, record: Record) -> None:
    if collection.indexes:
        shown = record.document()
        record.set_index_keys(partial(indexes.keys, collection.name, collection.indexes, record.id, shown))
