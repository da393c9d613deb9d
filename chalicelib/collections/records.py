"""Writing one record: create, replace, patch, delete.

Each write is one call that carries its own conditions. What one call cannot say (unique values, an Idempotency-Key,
constraints across properties, an ``?if=`` that DynamoDB cannot decide) goes through ``writes``, which reads, decides
and writes on the version that it read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.collections import ids, patches, permissions, unique, writes
from chalicelib.collections.indexes import changed_keys, from_creation
from chalicelib.collections.preconditions import NONE, Preconditions
from chalicelib.collections.record import (
    Outcome,
    Record,
    absent,
    alive,
    checked_id,
    expiry,
    fragment_failures,
    made,
    not_ended,
    properties_of,
    unstorable,
    validate,
)
from chalicelib.dynamo.errors import ConditionFailed, LimitExceeded, Rejected, Unstorable
from chalicelib.dynamo.expressions import Condition, Path, Value, all_of
from chalicelib.errors import Failure, PreconditionFailed, RecordExists, RecordNotFound, ValidationFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from chalicelib.access.rules import Grant
    from chalicelib.collections.definitions import Collection
    from chalicelib.collections.idempotency import Once
    from chalicelib.collections.indexes import Keys
    from chalicelib.dynamo.errors import Item
    from chalicelib.dynamo.updates import Update


def create(
    grant: Grant,
    body: Any,
    preconditions: Preconditions = NONE,
    once: Once | None = None,
    *,
    record_id: str | None = None,
) -> Outcome:
    """A new record under its own id, the body's ``id``, or a new UUIDv7. One call; a transaction with unique values.

    Raises:
        ValidationFailed: 422, with every failure.
        RecordExists: the id is taken (409); PreconditionFailed instead when ``If-None-Match: *`` was sent (412).
        UniqueViolation: 409. Forbidden: its rule does not let the caller create it (403).
    """
    collection = grant.collection
    decide = creation(grant, body, preconditions, record_id)
    new = decide(None)
    if collection.unique or once is not None:
        return _create_together(collection, new, decide, once)
    try:
        new.put(absent(collection))
    except ConditionFailed:
        raise _exists(collection, new.id, preconditions) from None
    except Unstorable as error:
        raise unstorable(error) from None
    return Outcome(new.document(), created=True)


def creation(
    grant: Grant, body: Any, preconditions: Preconditions, record_id: str | None
) -> Callable[[Record | None], Record]:
    """The decision that a creation is: from no record to the new one. Validates at once; keeps the id it made."""
    collection = grant.collection
    properties = properties_of(body)
    if record_id is not None and body.get("id", record_id) != record_id:
        raise ValidationFailed([Failure(pointer="/id", detail="is not the id that the operation names")])
    given = record_id if record_id is not None else body.get("id")
    record_id = checked_id(given) if given is not None else ids.new_id()
    preconditions.check_record(None)
    new = _validated(collection, record_id, properties, None)
    grant.check_write(None, new)

    def decide(old: Record | None) -> Record:
        if old is not None:
            raise _exists(collection, record_id, preconditions)
        return new

    return decide


def _create_together(
    collection: Collection, new: Record, decide: Callable[[Record | None], Record], once: Once | None
) -> Outcome:
    outcome = Outcome(new.document(), created=True)

    def attempt() -> list[Outcome]:
        try:
            writes.commit([writes.Change(collection, new.id, None, new)], [outcome], once)
        except writes.Stale:
            decide(writes.read_together([(collection, new.id)], once)[0])
            raise
        return [outcome]

    return writes.until_committed(attempt, once)[0]


def _exists(collection: Collection, record_id: str, preconditions: Preconditions) -> Exception:
    if preconditions.only_create:
        return PreconditionFailed(f"If-None-Match does not hold: a record {record_id!r} is stored.")
    return RecordExists(f"The collection {collection.name!r} has a record {record_id!r} already; PUT replaces it.")


def replace(
    grant: Grant,
    record_id: str,
    body: Any,
    preconditions: Preconditions = NONE,
    once: Once | None = None,
) -> Outcome:
    """The record with these properties and no others, made if it is not there. One call.

    Raises:
        ValidationFailed: 422. PreconditionFailed: 412. PreconditionRequired: 428. UniqueViolation: 409.
        Forbidden, RecordNotFound: a rule is against it (403), and against knowing of the record (404).
    """
    collection = grant.collection
    decide = replacement(grant, record_id, body, preconditions)
    if once is None and preconditions.only_create:
        return create(grant, body, preconditions, record_id=record_id)
    if once is not None or not preconditions.is_decidable or grant.hidden:
        return writes.change_one(collection, record_id, decide, once)
    seen: Item | None = writes.UNSEEN
    fresh = _validated(collection, record_id, properties_of(body), None)
    allowed = permissions.of_replacement(grant, fresh, asks=preconditions.where is not None)
    if allowed is None:
        return writes.change_one(collection, record_id, decide, once)
    place = {"partition": collection.partition(record_id), "id": record_id}
    try:
        update = _touched(Record.upsert(**place), fresh.updated_at).set(Record.doc, fresh.doc)
        update.if_not_exists(Record.created_at, fresh.created_at)
        _set_expiry(update, collection, fresh.expires_at)
        if collection.indexes:
            _set_keys(update, fresh.index_keys(), from_creation(collection.indexes))
        required = [_replaceable(collection, fresh), preconditions.condition(Record.version), allowed.condition]
        update.when(all_of(required))
        stored = update.run()
    except ConditionFailed as error:
        seen = error.item
    except LimitExceeded:
        pass  # all its conditions together are more than a call takes
    except Unstorable as error:
        raise unstorable(error) from None
    else:
        return Outcome(stored.document(), created=stored.version == 1)
    return writes.change_one(collection, record_id, decide, seen=seen)


def replacement(
    grant: Grant, record_id: str, body: Any, preconditions: Preconditions
) -> Callable[[Record | None], Record]:
    """The decision that a replacement is. What the caller may not see stays as it is, unless the body has it."""
    collection = grant.collection
    if collection.requires_preconditions:
        preconditions.require()
    properties = properties_of(body)
    if body.get("id", record_id) != record_id:
        raise ValidationFailed([Failure(pointer="/id", detail="is not the id in the path")])
    checked_id(record_id)

    def decide(old: Record | None) -> Record:
        kept = {} if old is None else {name: old.doc[name] for name in grant.hidden if name in old.doc}
        try:
            with permissions.unseen(grant, old, preconditions):
                preconditions.check_record(old)
                new = _validated(collection, record_id, {**kept, **properties}, old)
            grant.check_write(old, new)
        except RecordNotFound:
            decide(None)  # what would stand in the way if there were nothing is all that may be told
            raise
        return new

    return decide


def _replaceable(collection: Collection, fresh: Record) -> Condition | None:
    """That a blind replacement does all there is to do: no ended record is revived, no unique value changes hands."""
    conditions: list[Condition] = []
    if collection.may_end:
        conditions.append(not_ended())
    kept = unique.kept(collection, fresh.doc)
    if kept is not None:
        conditions.append(Record.id.exists() & kept)
        if collection.may_end:
            ends = Record.expires_at
            conditions.append(ends.missing() if fresh.expires_at is None else ends == fresh.expires_at)
    return all_of(conditions)


def patch(
    grant: Grant,
    record_id: str,
    document: Any,
    preconditions: Preconditions = NONE,
    once: Once | None = None,
) -> Outcome:
    """The record with a merge patch applied. One call when the patch can be judged without the record; else two.

    Raises:
        RecordNotFound: 404. ValidationFailed, InvalidOperation: 422. PreconditionFailed: 412. PreconditionRequired:
        428. Forbidden: the rule is against it (403), unless that of reading is too (404).
    """
    decide = modification(grant, record_id, document, preconditions)
    seen: Item | None = writes.UNSEEN
    blind = once is None and preconditions.is_decidable
    update = _update_of_patch(grant, record_id, document, preconditions) if blind else None
    if update is not None:
        try:
            return Outcome(update.run().document())
        except ConditionFailed as error:
            seen = error.item
        except (Rejected, Unstorable):
            pass  # what it cannot be applied to, or where the value is, is told better by applying it here
    return writes.change_one(grant.collection, record_id, decide, once, seen=seen)


def modification(
    grant: Grant, record_id: str, document: Any, preconditions: Preconditions
) -> Callable[[Record | None], Record]:
    """The decision that a patch is."""
    collection = grant.collection
    if collection.requires_preconditions:
        preconditions.require()
    properties = properties_of(document)
    if document.get("id", record_id) != record_id:
        raise ValidationFailed([Failure(pointer="/id", detail="is not the id in the path")])
    patches.check(properties)
    permissions.check_patch(grant, properties)

    def decide(old: Record | None) -> Record:
        if old is None:
            raise RecordNotFound(collection.name, record_id)
        with permissions.unseen(grant, old, preconditions):
            preconditions.check_record(old)
            patched = patches.apply(old.doc, properties)
            validate(collection, patched)
        new = made(collection, record_id, patched, old)
        grant.check_write(old, new)
        return new

    return decide


def _update_of_patch(
    grant: Grant, record_id: str, document: dict[str, Any], preconditions: Preconditions
) -> Update[Record] | None:
    """The patch as one conditional update; None when it takes the record to know what the patch does.

    Raises:
        ValidationFailed: whatever the record is, the patch makes it invalid.
    """
    collection = grant.collection
    properties = properties_of(document)
    if any(name in properties for name in collection.unique) or _moves_unseen(collection, properties):
        return None
    plan = patches.plan(properties, collection.schema)
    ends = collection.ttl
    if plan is None or (ends in properties and (collection.unique or isinstance(properties[ends], dict))):
        return None  # the markers of unique values end when the record does
    failures = [*fragment_failures(collection, plan.fragment), *plan.failures]
    if failures:
        raise ValidationFailed(failures)
    now = ids.timestamp()
    allowed = permissions.of_patch(grant, record_id, properties, now, asks=preconditions.where is not None)
    if allowed is None:
        return None
    update = _touched(Record.update(partition=collection.partition(record_id), id=record_id), now)
    if collection.indexes:
        try:
            keys = changed_keys(collection.name, collection.indexes, record_id, {**properties, "updated_at": now})
        except Unstorable:
            return None
        _set_keys(update, keys)
    for path, value in plan.assignments:
        update.set(path, value)
    for path in plan.removals:
        update.remove(path)
    if ends in properties:
        _set_expiry(update, collection, expiry(collection, properties))
    required = [alive(collection), preconditions.condition(Record.version), allowed.condition, *plan.conditions]
    return update.when(all_of(required))


def delete(grant: Grant, record_id: str, preconditions: Preconditions = NONE, once: Once | None = None) -> Outcome:
    """Delete the record. One call; with unique values a read and a transaction.

    Raises:
        RecordNotFound: 404. PreconditionFailed: 412. PreconditionRequired: 428. Forbidden: as ``patch`` (403).
    """
    collection = grant.collection
    decide = deletion(grant, record_id, preconditions)
    seen: Item | None = writes.UNSEEN
    allowed = permissions.of_deletion(grant, asks=preconditions.where is not None)
    if not collection.unique and once is None and preconditions.is_decidable and allowed is not None:
        condition = all_of([alive(collection), preconditions.condition(Record.version), allowed.condition])
        try:
            Record.delete(when=condition, partition=collection.partition(record_id), id=record_id)
        except ConditionFailed as error:
            seen = error.item
        except LimitExceeded:
            pass  # as above
        else:
            return Outcome(None)
    return writes.change_one(collection, record_id, decide, once, seen=seen)


def deletion(grant: Grant, record_id: str, preconditions: Preconditions) -> Callable[[Record | None], None]:
    """The decision that a deletion is."""
    collection = grant.collection
    if collection.requires_preconditions:
        preconditions.require()

    def decide(old: Record | None) -> None:
        if old is None:
            raise RecordNotFound(collection.name, record_id)
        with permissions.unseen(grant, old, preconditions):
            preconditions.check_record(old)
        grant.check_write(old, None)

    return decide


def _validated(collection: Collection, record_id: str, properties: dict[str, Any], old: Record | None) -> Record:
    collection.schema.fill_defaults(properties)
    validate(collection, properties)
    return made(collection, record_id, properties, old)


def _moves_unseen(collection: Collection, patch: Mapping[str, Any]) -> bool:
    """Whether an index's property gets a value that follows from the stored one."""
    return any(isinstance(patch.get(name), dict) for index in collection.indexes for name in index.properties)


def _touched(update: Update[Record], now: str) -> Update[Record]:
    return update.set(Record.version, Record.version.or_else(0) + 1).set(Record.updated_at, now)


def _set_keys(update: Update[Record], keys: Keys, fixed: Container[str] = ()) -> None:
    """Give the record these keys in indexes; those from its creation only if it has none."""
    for name, key in keys.items():
        path: Path[str] = Path(name)
        if key is None:
            update.discard(path)
        else:
            update.place(path, path.or_else(key) if name in fixed else Value(key))


def _set_expiry(update: Update[Record], collection: Collection, expires_at: int | None) -> None:
    if not collection.may_end:
        return
    if expires_at is None:
        update.remove(Record.expires_at)
    else:
        update.set(Record.expires_at, expires_at)
