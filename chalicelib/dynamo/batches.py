"""Batches: many reads or unconditional writes of items by their keys, in as few calls as DynamoDB takes them.

What a call hands back is asked for again; calls run side by side. A batch is no transaction: part of it may happen,
and ``BatchIncomplete`` says which part did not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from chalicelib.dynamo import codec
from chalicelib.dynamo.chunks import (
    MAX_GETS,
    MAX_WRITES,
    Entry,
    carry_out,
    different,
    entry_of,
    send_gets,
    send_writes,
)
from chalicelib.dynamo.errors import BatchIncomplete, DuplicateItem, Item, Rejected
from chalicelib.dynamo.writing import Write
from chalicelib.errors import ItemTooLarge

if TYPE_CHECKING:
    from chalicelib.dynamo.model import Model
    from chalicelib.dynamo.tables import Identity, Table

M = TypeVar("M", bound="Model")


def get_many(model: type[M], keys: Sequence[Mapping[str, Any]], *, consistent: bool = False) -> list[M | None]:
    """See ``Model.get_many``. The same key twice is one object at two places."""
    return _read([(model, key) for key in keys], keys, consistent=consistent)


def get_together(
    wanted: Sequence[tuple[type[Model], Mapping[str, Any]]], *, consistent: bool = False
) -> list[Model | None]:
    """The objects of several models and tables, in order, None where there is none: a call for 100 different items.

    ``get_together([(Book, {"isbn": "1"}), (Shop, {"id": "2"})])``

    Raises:
        Invalid: a key is not its model's. No call was made.
        BatchIncomplete: ``remaining`` are the pairs that were not looked for.
    """
    return _read(wanted, wanted, consistent=consistent)


def _read(
    wanted: Sequence[tuple[type[Any], Mapping[str, Any]]], given: Sequence[Any], *, consistent: bool
) -> list[Any]:
    entries = [entry_of(model.table, model.key.of(key)) for model, key in wanted]
    found: dict[Identity, Item] = {}
    left, cause = carry_out(different(entries), MAX_GETS, partial(send_gets, consistent=consistent, found=found))
    objects: dict[tuple[Any, Identity], Any] = {}
    places = [(model, entry.identity) for (model, _), entry in zip(wanted, entries, strict=True)]
    for model, identity in places:
        if identity in found and (model, identity) not in objects:
            objects[model, identity] = model.admitted(model.from_item(found[identity]))
    answer = [objects.get(place) for place in places]
    if cause is not None:
        raise _incomplete(given, entries, left, answer) from cause
    return answer


def put_many(model: type[M], models: Sequence[M]) -> None:
    """See ``Model.put_many``. Hooks run as for ``put``: all before the first call, those after it for what was stored.

    Raises:
        Rejected: a model has unique fields or a version, or a hook adds a condition or a further write. No call was
            made, as with DuplicateItem, Invalid and ItemTooLarge.
    """
    for kind in {model, *map(type, models)}:
        _refuse_guarded(kind, version=True)
    _write_planned([Write.put(one) for one in models], "PutRequest", models)


def delete_many(model: type[Model], keys: Sequence[Mapping[str, Any]]) -> None:
    """See ``Model.delete_many``. Hooks as in ``put_many``; they are not told what was there.

    Raises:
        Rejected: the model has unique fields, or a hook adds a condition or a further write. No call was made, as with
            DuplicateItem and Invalid.
    """
    _refuse_guarded(model, version=False)
    _write_planned([Write.delete(model, key, None, None) for key in keys], "DeleteRequest", keys)


def _refuse_guarded(model: type[Model], *, version: bool) -> None:
    """Refuse models whose writes are more than one unconditional request, before any hook does something for them.

    A deletion by key is of any version.
    """
    for field in model.schema.fields.values():
        if field.options.unique or (version and field.options.is_version):
            what = "unique" if field.options.unique else "a version"
            raise Rejected(f"{model.__name__}.{field.field} is {what}, which a batch cannot keep: write one by one.")


def _write_planned(writes: list[Write], request: str, given: Sequence[Any]) -> None:
    entries = [_of_write(write, request, number) for number, write in enumerate(writes)]
    seen: set[Identity] = set()
    for write, entry in zip(writes, entries, strict=True):
        if entry.identity in seen:
            raise DuplicateItem(f"The batch writes one item twice: {write}.")
        seen.add(entry.identity)
    left, cause = carry_out(entries, MAX_WRITES, send_writes)
    failed: Exception | None = None
    for write, entry in zip(writes, entries, strict=True):
        if entry.identity not in left:
            try:
                for follow in write.done:
                    follow({})
            except Exception as error:  # noqa: BLE001 - a hook's; first all that was written is followed up
                failed = failed or error
    if cause is not None:
        raise _incomplete(given, entries, left) from cause
    if failed is not None:
        raise failed


def _of_write(write: Write, request: str, number: int) -> Entry:
    if write.condition is not None or write.companions:
        raise Rejected(f"{write} has a condition or a further write, which a batch cannot have: write one by one.")
    content = write.request()
    size = len(orjson.dumps(content))
    # An item's size as DynamoDB counts it takes longer to find, and is never more than that of its JSON.
    if size > codec.MAX_ITEM_BYTES and codec.item_size(content.get("Item", {})) > codec.MAX_ITEM_BYTES:
        raise ItemTooLarge(f"The item at {number} of the batch would be larger than 400 KB, the most that one can be.")
    return entry_of(write.model.table, write.key, {request: content}, size)


def get_items(table: Table, keys: Iterable[Item]) -> list[Item]:
    """The items that are there, in no order, as they are now: a call for 100.

    Raises:
        StoreThrottled: DynamoDB kept handing keys back. Others as ``Session.call``.
    """
    found: dict[Identity, Item] = {}
    entries = different([entry_of(table, key) for key in keys])
    _, cause = carry_out(entries, MAX_GETS, partial(send_gets, consistent=True, found=found))
    if cause is not None:
        raise cause
    return list(found.values())


def delete_items(table: Table, keys: Iterable[Item]) -> None:
    """Delete items unconditionally, and without hooks: a call for 25.

    Raises:
        StoreThrottled: DynamoDB kept handing items back; what was not deleted is still there. Others as
            ``Session.call``.
    """
    entries = [entry_of(table, key, {"DeleteRequest": {"Key": key}}) for key in keys]
    _, cause = carry_out(different(entries), MAX_WRITES, send_writes)
    if cause is not None:
        raise cause


def _incomplete(
    given: Sequence[Any], entries: list[Entry], left: set[Identity], found: Sequence[Any] = ()
) -> BatchIncomplete:
    remaining = [one for one, entry in zip(given, entries, strict=True) if entry.identity in left]
    return BatchIncomplete(remaining, len(given) - len(remaining), found)
