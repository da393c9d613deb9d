"""Saving a loaded object: an update of what changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.dynamo.errors import KeyChange, MissingAttribute, ReadOnly
from chalicelib.dynamo.expressions import Encoded, Path
from chalicelib.dynamo.reading import Part
from chalicelib.dynamo.updates import Update
from chalicelib.dynamo.writing import Write, run

if TYPE_CHECKING:
    from chalicelib.dynamo.errors import AttributeValue, Item
    from chalicelib.dynamo.expressions import Condition
    from chalicelib.dynamo.model import Model


def save(model: Model, when: Condition | None) -> None:
    """``Model.save`` of an object that was loaded.

    What changed is found by comparing what would be stored with what was: changes within lists and maps count.
    """
    kind = type(model)
    before = model.stored or {}
    after = model.to_item(partial=True)
    changes = changed(model, before, after)
    if not changes:
        return
    update = Update(kind, model.key_values()).when(when)
    update.object = model
    if not isinstance(before, Part):
        update.seen = before
    fields = kind.schema.by_stored
    for name, value in changes.items():
        path = fields.get(name, Path[Any](name))
        if value is None:
            update.discard(path)
        else:
            update.place(path, Encoded(value))

    def take(answer: dict[str, Any]) -> None:
        """Make the object what is stored."""
        stored = answer.get("Attributes")
        if stored is None:  # it became a transaction, which answers nothing
            read = kind.table.read(update.key)
            stored = after if read is None else read
        if not isinstance(before, Part):
            model.__dict__ = dict(kind.from_item(stored).__dict__)
            model.stored = stored
        else:  # a part stays a part
            known = {name: value for name, value in stored.items() if name in before or name in after}
            part = kind.from_item(known, set(model.__dict__))
            model.__dict__.update(part.__dict__)
            model.stored = part.stored

    def plan() -> Write:
        write = update.plan()
        write.done.insert(0, take)
        return write

    run(plan, "ALL_NEW")


def changed(model: Model, before: Item, after: Item) -> dict[str, AttributeValue | None]:
    """The attributes that differ, None for those that are gone.

    Raises:
        KeyChange, ReadOnly: one of them cannot change. MissingAttribute: only a part of one was loaded.
    """
    fields = model.schema.by_stored
    differing = [name for name, value in after.items() if before.get(name) != value]
    changes: dict[str, AttributeValue | None] = {name: after[name] for name in differing}
    for name in before:
        known = name in fields and fields[name].field in model.__dict__
        if name not in after and (known or name in _index_attributes(model) or _kept(model, name)):
            changes[name] = None
    managed = [name for name in changes if name in fields and fields[name].options.managed]
    for name in managed:  # an object may have one that a write would have made, had it not failed
        del changes[name]
    if isinstance(before, Part):  # what is of no field may be there and was not asked for
        changes = {name: value for name, value in changes.items() if name in fields or name in before}
    for name in changes:
        if name in model.table.layout.keys(None):
            raise KeyChange("is part of the key; an item's key never changes", [name])
        if name in fields and fields[name].options.read_only and name in before:
            raise ReadOnly("is set once, when the item is created", [fields[name].field])
        if isinstance(before, Part) and name in before and name in fields and fields[name].field not in before.only:
            raise MissingAttribute("was loaded in part; update what is to change instead", [fields[name].field])
    return changes


def _kept(model: Model, name: str) -> bool:
    """Whether the object would have this attribute, which is no field, if nobody had removed it."""
    schema = model.schema
    return name not in schema.ignored and name not in schema.by_stored and schema.keeps(name)


def _index_attributes(model: Model) -> set[str]:
    """The attributes of indexes of which every field was loaded."""
    templates = [template for index in model.indexes.values() for template in index.templates]
    return {template.attribute for template in templates if set(template.fields) <= model.__dict__.keys()}
