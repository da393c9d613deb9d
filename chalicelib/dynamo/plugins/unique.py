"""Unique fields: a marker item for each value that an item holds, written in the same transaction.

A marker's key is ``unique#{model's type}#{field}#{value's type}#{value}``, and its ``_holder`` is the
key of the item that holds the value. It ends when its item does, so that what has ended and is not deleted yet does not
block a value.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from chalicelib.dynamo.errors import AttributeValue, Contended, DynamoError, Item, Rejected, UniqueTaken
from chalicelib.dynamo.expressions import Condition, Encoded, Path, Value
from chalicelib.dynamo.keys import HOLDER
from chalicelib.dynamo.ordering import canonical
from chalicelib.dynamo.writing import Write

if TYPE_CHECKING:
    from chalicelib.dynamo.fields import Attr
    from chalicelib.dynamo.hooks import Creation, Deletion, Updating
    from chalicelib.dynamo.model import Model
    from chalicelib.dynamo.plugins import Registry
    from chalicelib.dynamo.updates import Update

_MAX_PLAIN = 512
"""Bytes of a value that are kept readable in the marker's key; a longer one is hashed."""


class Unique:
    """Keeps markers in step with the items. None claims nothing.

    A write that may change a value reads the item first, and requires that its values are still what was read.
    """

    def __init__(self, fields: Sequence[Attr[Any]]) -> None:
        self.fields = fields
        self.ttl: str | None = None
        """The attribute with the end of an item, where the model has one."""
        self.clock: Callable[[], float] = time.time

    def register(self, registry: Registry) -> None:
        """See ``Plugin``.

        Raises:
            TypeError: the table's keys cannot hold markers.
        """
        model = registry.model
        layout, self.clock = model.table.layout, model.table.clock
        if any(layout.type_of(attribute) != "S" for attribute in layout.keys(None)):
            raise TypeError(f"{model.__name__} has unique fields; its table's keys have to be strings")
        if any(field.stored == layout.ttl for field in model.schema.fields.values()):
            self.ttl = layout.ttl
        registry.planned("create", self.create)
        registry.planned("update", self.update)
        registry.planned("delete", self.delete)

    def create(self, event: Creation) -> None:
        """Claim the values of the object, and give back those of what it replaces."""
        write, stored = event.write, event.stored
        write.key = {name: stored[name] for name in event.model.table.layout.keys(None)}
        if event.replaces:
            self._read(write, [field.stored for field in self.fields])
        self._change(write, write.before or {}, stored)

    def update(self, event: Updating) -> None:
        """Claim the values that are set, and give back those that were there."""
        # Of what is changed within an attribute, its path stands for a value that is not known.
        changes = event.update.changes()
        touched = {str(path.names[0]): path if path.names[1:] else value for path, value in changes}
        if event.update.upsert:
            self._set_first(event.update, touched)
        concerned = [field.stored for field in self.fields if field.stored in touched]
        if self.ttl is not None and self.ttl in touched:
            concerned = [field.stored for field in self.fields]
        if not concerned:
            return
        before = self._read(event.write, concerned)
        after = {**self._initial_end(event.update), **(before or {})}
        for name in [*concerned, self.ttl]:
            if name in touched:
                _put(after, name, touched[name])
        self._change(event.write, before or {}, after)

    def _set_first(self, update: Update[Any], touched: dict[str, Any]) -> None:
        """Set what an upsert would else set where there is nothing, so that it is known what it sets."""
        missing = {field: update.first(field) for field in self.fields if field.stored not in touched}
        if all(value is None for value in missing.values()):
            return
        there = _stored(update.model, update.key) or {}
        for field, value in missing.items():
            if value is not None and field.stored not in there:
                update.assign(field, value)
                touched[field.stored] = Encoded(update.model.schema.encode_field(field.field, value))

    def _initial_end(self, update: Update[Any]) -> Item:
        """When an item that an upsert makes ends, if it sets no time itself."""
        made: Item = {}
        if update.upsert and self.ttl is not None:
            for name, field in update.model.schema.fields.items():
                value = update.first(field) if field.stored == self.ttl else None
                if value is not None:
                    made[field.stored] = update.model.schema.encode_field(name, value)
        return made

    def delete(self, event: Deletion) -> None:
        """Give back the values of the item."""
        before = self._read(event.write, [field.stored for field in self.fields])
        self._change(event.write, before or {}, {})

    def _read(self, write: Write, concerned: Sequence[str]) -> Item | None:
        """What is stored, of which these attributes have to be the same when the write happens."""
        before = write.before = _stored(write.model, write.key)
        for name in [*concerned, *([] if self.ttl is None else [self.ttl])]:
            path, old = Path[Any](name), (before or {}).get(name)
            write.require(path.missing() if old is None else path == Encoded(old), _changed(name, old))
        return before

    def _change(self, write: Write, before: Item, after: Mapping[str, AttributeValue]) -> None:
        now, ended, ends = int(self.clock()), before.get(self.ttl or ""), after.get(self.ttl or "")
        # The markers of what has ended end by themselves, and may be others' by now.
        held = {} if ended is not None and int(ended["N"]) <= now else before
        for field in self.fields:
            old, new = held.get(field.stored), after.get(field.stored)
            if new is not None and (old != new or ended != ends):
                write.also.add(self._claim(write, field, new, ends))
            if old is not None and old != new:
                write.also.add(self._release(write, field, old))

    def _claim(self, write: Write, field: Attr[Any], value: AttributeValue, ends: AttributeValue | None) -> Write:
        key = _key(write.model, field, value)
        marker = {**key, HOLDER: {"M": write.key}, **({} if ends is None or self.ttl is None else {self.ttl: ends})}
        free = _free_or_of(key, write.key)
        if self.ttl is not None:
            free |= Path[Any](self.ttl) <= Encoded({"N": str(int(self.clock()))})
        claim = Write("Put", write.model, key, free, lambda: {"Item": marker})
        claim.failures.append(lambda _: UniqueTaken([field.field]))
        return claim

    def _release(self, write: Write, field: Attr[Any], value: AttributeValue) -> Write:
        key = _key(write.model, field, value)
        release = Write("Delete", write.model, key, _free_or_of(key, write.key), lambda: {"Key": key})
        release.failures.append(lambda item: Contended(item, "the item has ended and another has its value"))
        return release


def _free_or_of(marker: Item, holder: Item) -> Condition:
    held: Condition = Path[Any](HOLDER) == Encoded({"M": holder})
    return Path[Any](next(iter(marker))).missing() | held


def _put(after: dict[str, AttributeValue], name: str, value: Any) -> None:
    if value is None:
        after.pop(name, None)
    elif isinstance(value, Value):
        after[name] = value.encoded()
    else:
        raise Rejected(f"{name} is about unique values: set it to a value, not to an expression.")


def _changed(name: str, old: AttributeValue | None) -> Callable[[Item | None], DynamoError | None]:
    def meaning(item: Item | None) -> DynamoError | None:
        return None if (item or {}).get(name) == old else Contended(item, f"{name} has changed")

    return meaning


def _key(model: type[Model], field: Attr[Any], value: AttributeValue) -> Item:
    # The type of the value tells "1" from 1, and a hash from a text that reads like one.
    kind, text = next(iter(value)), canonical(value)
    if len(text.encode()) > _MAX_PLAIN:
        kind, text = f"{kind}-sha256", sha256(text.encode()).hexdigest()
    owner = (model.type_name or model.__name__).replace("%", "%25").replace("#", "%23")
    first, *others = model.table.layout.keys(None)
    return {first: {"S": f"unique#{owner}#{field.field}#{kind}#{text}"}, **{name: {"S": "-"} for name in others}}


def _stored(model: type[Model], key: Item) -> Item | None:
    item: Item | None = model.table.call("GetItem", {"Key": key, "ConsistentRead": True}).get("Item")
    return item
