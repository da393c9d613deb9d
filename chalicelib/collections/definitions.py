"""Collections: their stored definitions, and those loaded and compiled for use."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from chalicelib import settings
from chalicelib.collections import ids, shards
from chalicelib.collections.indexes import Index, assigned
from chalicelib.collections.preconditions import NONE, Preconditions
from chalicelib.dynamo.errors import ConditionFailed, TransactionFailed
from chalicelib.dynamo.expressions import Condition
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main
from chalicelib.errors import (
    CollectionNotFound,
    DefinitionConflict,
    Failure,
    InvalidDefinition,
    InvalidIdentifier,
    WriteContention,
)
from chalicelib.schema import json_text

if TYPE_CHECKING:
    from chalicelib.collections.jobs import Job
    from chalicelib.schema.compiled import CompiledSchema
    from chalicelib.where.ast import Node

CACHE_SECONDS = 5.0
"""How long a process may use a definition without looking whether it changed."""
ACTIVE, DELETING = "active", "deleting"
_ATTEMPTS = 5


Slots: TypeAlias = dict[str, dict[str, Any]]
"""``{"by_author": {"slot": 1, "ready": True, "since": 1}}``."""


class Definition(Model, table=main):
    """A stored definition. ``document`` is JSON text, because a schema may nest deeper than an item can.

    ``reindexing`` is the id of the job that gives the records the keys in indexes, and the ends, that follow from this
    definition and did not from the one before.
    """

    name: Attr[str] = field(name="sk")
    version: Attr[int] = field(name="_version")
    created_at: Attr[str] = field(name="_created_at")
    updated_at: Attr[str] = field(name="_updated_at")
    document: Attr[str]
    epochs: Attr[shards.Epochs]
    state: Attr[str] = field(default=ACTIVE)
    job: Attr[str | None] = field(default=None)
    slots: Attr[Slots] = field(default=dict)
    reindexing: Attr[str | None] = field(default=None)
    key = Key(pk="collection", sk="{name}")


@dataclass(frozen=True)
class Collection:
    """A collection as the other modules use it: its definition, loaded."""

    name: str
    version: int
    created_at: str
    updated_at: str
    definition: Mapping[str, Any]
    epochs: shards.Epochs
    indexes: tuple[Index, ...] = ()
    reindexing: str | None = None

    @cached_property
    def schema(self) -> CompiledSchema:
        """The records' schema."""
        from chalicelib.schema.compiled import CompiledSchema  # noqa: PLC0415 - reads do without

        return CompiledSchema(self.definition["schema"])

    @cached_property
    def rules(self) -> Mapping[str, Node]:
        """The access rules by operation."""
        from chalicelib.schema.rules import parsed  # noqa: PLC0415 - administrators have no rules

        return parsed(self.definition.get("rules", {}))

    @cached_property
    def hidden(self) -> frozenset[str]:
        """The properties that only administrators see."""
        return frozenset(self.definition.get("hidden", ()))

    @cached_property
    def unique(self) -> tuple[str, ...]:
        """The properties that no two records may share a value of."""
        return tuple(self.definition.get("unique", ()))

    @cached_property
    def ttl(self) -> str | None:
        """The property that says when a record ends."""
        return self.definition.get("ttl")

    @property
    def may_end(self) -> bool:
        """Whether a stored record may have an end: one of before ``ttl`` was dropped has it until a job has been by."""
        return self.ttl is not None or self.reindexing is not None

    @cached_property
    def requires_preconditions(self) -> bool:
        """Whether unconditional writes are refused."""
        return bool(self.definition.get("require_preconditions", False))

    def partition(self, record_id: str) -> str:
        """The partition key of a record."""
        return shards.partition(self.name, record_id, self.epochs)

    @property
    def partitions(self) -> list[str]:
        """The partition keys of all records."""
        return shards.partitions(self.name, self.epochs)

    def document(self) -> dict[str, Any]:
        """The definition as the API shows it."""
        return {
            "name": self.name,
            "version": self.version,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            **self.definition,
            **({"index_states": self._index_states()} if self.indexes else {}),
        }

    def _index_states(self) -> dict[str, dict[str, str]]:
        building = {"state": "building", "job": str(self.reindexing)}
        return {index.name: {"state": "ready"} if index.is_ready else building for index in self.indexes}


_cache: dict[tuple[str, str], tuple[float, Collection]] = {}


def get(name: str) -> Collection:
    """The collection, as it was at most five seconds ago.

    Raises:
        InvalidIdentifier: no collection can have this name (400).
        CollectionNotFound: none has it, or it is being deleted (404).
    """
    key = (main.name, name)
    cached = _cache.get(key)
    now = time.monotonic()
    if cached is not None and now - cached[0] < CACHE_SECONDS:
        return cached[1]
    stored = _load(name)
    if stored is None or stored.state != ACTIVE:
        _cache.pop(key, None)
        raise CollectionNotFound(name)
    if cached is not None and (cached[1].version, cached[1].created_at) == (stored.version, stored.created_at):
        collection = cached[1]
    else:
        collection = _collection(stored)
    _cache[key] = (now, collection)
    return collection


def current(name: str) -> Collection:
    """The collection as it is now, read anew.

    Raises:
        InvalidIdentifier, CollectionNotFound: as ``get``.
    """
    _forget(name)
    return get(name)


def page(limit: int, after: str | None) -> tuple[list[Collection], str | None]:
    """Collections by name, and the name to go on after when there are more."""
    query = Definition.query().consistent().limit(limit)
    result = query.after(after).run()
    return [_collection(stored) for stored in result.items if stored.state == ACTIVE], result.last


def put(name: str, document: Any, preconditions: Preconditions = NONE) -> tuple[Collection, bool]:
    """Create or replace a definition; the collection, and whether it is new.

    Raises:
        InvalidDefinition: the document is none (422).
        PreconditionFailed: 412.
        DefinitionConflict: the stored collection does not allow this change now (409).
    """
    from chalicelib.schema import definition  # noqa: PLC0415 - only changes of definitions need it

    if isinstance(document, dict):
        document = {member: value for member, value in document.items() if member not in _SERVER_SET}
    try:
        definition.check(document)
    except ValueError:
        detail = "has a number of so many digits that it cannot be validated"
        raise InvalidDefinition([Failure(pointer="", detail=detail)]) from None
    for _ in range(_ATTEMPTS):
        old = _load(name)
        if old is not None and old.state == DELETING:
            raise DefinitionConflict(
                f"The collection {name!r} is being deleted; GET /v1/jobs/{old.job} tells how far it is.",
                headers={"Retry-After": "2"},
            )
        preconditions.check(old.version if old is not None else None)
        new = _replacement(name, document, old)
        if old is not None:
            _refuse_unique_change(_collection(old), _collection(new))
        try:
            _store(new, old)
        except (ConditionFailed, TransactionFailed):
            continue
        _forget(name)
        return _collection(new), old is None
    raise WriteContention


_SERVER_SET = frozenset({"name", "version", "created_at", "updated_at", "index_states"})


def _store(new: Definition, old: Definition | None) -> None:
    """Write the definition, and a job for its records when other keys in indexes, or other ends, follow from it."""
    condition = _unchanged(old) if old is not None else Definition.name.missing()
    if old is None or (_derived(old) == _derived(new) and not _has_failed(old)):
        new.put(condition)
        return
    from chalicelib.collections import jobs  # noqa: PLC0415 - few changes need one
    from chalicelib.dynamo.transactions import Transaction  # noqa: PLC0415

    job = jobs.new("reindex", new.name)
    new.reindexing = job.id
    transaction = Transaction()
    transaction.put(new, condition)
    transaction.put(job)
    transaction.run()


def _has_failed(stored: Definition) -> bool:
    """Whether the job for its records could not go on."""
    if stored.reindexing is None:
        return False
    from chalicelib.collections import jobs  # noqa: PLC0415 - few definitions have one

    return jobs.has_failed(stored.reindexing)


def _derived(stored: Definition) -> tuple[object, ...]:
    """What the keys of its records in indexes and their ends follow from."""
    collection = _collection(stored)
    return collection.ttl, {index._replace(is_ready=True) for index in collection.indexes}


def _unchanged(old: Definition) -> Condition:
    """That the stored definition is still this one, and its deletion has not begun (which is no new version)."""
    same = (Definition.version == old.version) & (Definition.created_at == old.created_at)
    return same & (Definition.state == ACTIVE)


def _replacement(name: str, document: dict[str, Any], old: Definition | None) -> Definition:
    now = ids.timestamp()
    wanted = int(document.get("shards", 1))  # 2.0 is an integer too
    before = _collection(old).indexes if old is not None else ()
    version = old.version + 1 if old is not None else 1
    indexes = assigned(document.get("indexes", {}), before, filled=old is None, version=version)
    return Definition(
        name=name,
        version=version,
        created_at=old.created_at if old is not None else now,
        updated_at=now,
        document=json_text.dump(document),
        epochs=shards.grown(old.epochs, wanted, time.time_ns() // 1_000_000) if old is not None else [[0, wanted]],
        slots={index.name: {"slot": index.slot, "ready": index.is_ready, "since": index.since} for index in indexes},
        reindexing=old.reindexing if old is not None else None,
    )


def _refuse_unique_change(old: Collection, new: Collection) -> None:
    if set(old.unique) == set(new.unique):
        return
    from chalicelib.collections.record import Record  # noqa: PLC0415 - only changed definitions need it

    for pk in old.partitions:
        if Record.query(partition=pk).consistent().limit(1).run().items:
            raise DefinitionConflict(
                "What is unique can only be changed while the collection has no records; "
                "export them, make a new collection and import them there."
            )


def delete(name: str, preconditions: Preconditions = NONE) -> Job:
    """Begin to delete a collection; its name answers 404 from now on, its records go in the background.

    Raises:
        CollectionNotFound: there is none (404).
        PreconditionFailed: 412.
    """
    from chalicelib.collections import jobs  # noqa: PLC0415 - only deletions need them
    from chalicelib.dynamo.transactions import Transaction  # noqa: PLC0415

    for _ in range(_ATTEMPTS):
        old = _load(name)
        if old is None or old.state == DELETING:
            raise CollectionNotFound(name)
        preconditions.check(old.version)
        job = jobs.new("delete_collection", name)
        transaction = Transaction()
        transaction.update(
            Definition.update(name=name)
            .set(Definition.state, DELETING)
            .set(Definition.job, job.id)
            .when(_unchanged(old))
        )
        transaction.put(job)
        try:
            transaction.run()
        except TransactionFailed:
            continue
        _forget(name)
        return job
    raise WriteContention


def reindexed_by(job_id: str, name: str) -> Collection | None:
    """The collection as it is now, of which the records' keys are this job's to bring up to date; None if not."""
    stored = _load(name)
    if stored is None or stored.state != ACTIVE or stored.reindexing != job_id:
        return None
    return _collection(stored)


def finish_reindexing(job_id: str, name: str) -> None:
    """Let all indexes of the collection be used, unless another job has taken over. It is a new version."""
    for _ in range(_ATTEMPTS):
        stored = _load(name)
        if stored is None or stored.reindexing != job_id:
            return
        ready = {index: {**slot, "ready": True} for index, slot in stored.slots.items()}
        update = Definition.update(name=name).set(Definition.slots, ready).set(Definition.reindexing, None)
        update.set(Definition.version, Definition.version + 1).set(Definition.updated_at, ids.timestamp())
        try:
            update.when(_unchanged(stored)).run()
        except ConditionFailed:
            continue
        _forget(name)
        return
    raise WriteContention


def settled(since: float) -> float:
    """Seconds until no process can still write by a definition that was replaced at a time, in Unix seconds."""
    return since + CACHE_SECONDS + settings.current().longest_write - time.time()


def being_deleted(name: str) -> Collection | None:
    """The collection whose deletion has begun and not ended, for the job that does it."""
    stored = _load(name)
    return _collection(stored) if stored is not None and stored.state == DELETING else None


def finish_deletion(name: str) -> None:
    """Let the name be used again."""
    Definition.delete(name=name)


def _load(name: str) -> Definition | None:
    if not ids.NAME.match(name):
        raise InvalidIdentifier(f"{name[:80]!r} cannot be a collection's name. {ids.NAME_RULE}")
    return Definition.get(consistent=True, name=name)


def _collection(stored: Definition) -> Collection:
    document = json_text.parse(stored.document.encode())
    return Collection(
        name=stored.name,
        version=stored.version,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
        definition=document,
        epochs=stored.epochs,
        indexes=tuple(
            Index(name, parts.get("hash"), parts.get("range"), slot["slot"], slot["ready"], slot["since"])
            for name, parts in document.get("indexes", {}).items()
            if (slot := stored.slots.get(name)) is not None  # a definition of before Portico had indexes has none
        ),
        reindexing=stored.reindexing,
    )


def _forget(name: str) -> None:
    _cache.pop((main.name, name), None)
