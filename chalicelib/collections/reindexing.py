"""Giving the records of a collection what follows from a changed definition, in the background: keys and ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from chalicelib.collections import definitions, writes
from chalicelib.collections.definitions import Collection
from chalicelib.collections.indexes import ATTRIBUTES
from chalicelib.collections.jobs import Job, JobFailed, Step, began
from chalicelib.collections.record import Record, remade
from chalicelib.dynamo.errors import ConditionFailed
from chalicelib.dynamo.tables import main
from chalicelib.errors import ItemTooLarge, ValidationFailed, WriteContention

PAGE = 100


def rewrite_keys(job: Job) -> Iterator[Step]:
    """Make each record's keys in indexes and its end those of the definition, then let the indexes be used.

    It begins when no process can still write by the definition of before: from then on every writer gives a record the
    right keys, and each record that was written earlier comes by here. One call a page, and one for each record of
    which the keys are wrong. It stops when a later change of the definition has a job of its own.
    """
    while (remaining := definitions.settled(began(job))) > 0:
        time.sleep(min(remaining, 1.0))
        yield Step({}, job.position)
    collection = definitions.reindexed_by(job.id, job.collection)
    if collection is None:
        return
    partitions = collection.partitions
    first, after = (job.position[0], job.position[1] or None) if job.position else (partitions[0], None)
    for partition in partitions[partitions.index(first) :]:
        more = True
        while more:
            found = Record.query(partition=partition).consistent().limit(PAGE).after(after).run()
            written = sum(main.session.pool.map(partial(_rewrite, collection), found.items))
            if definitions.reindexed_by(job.id, job.collection) is None:
                return
            more = found.last is not None
            after = found.items[-1].id if found.items else after
            yield Step({"read": len(found.items), "written": written}, [partition, after or ""])
        after = None
    definitions.finish_reindexing(job.id, job.collection)


def _rewrite(collection: Collection, record: Record | None) -> bool:
    """Whether the record had to be changed, and nobody else did it.

    Raises:
        WriteContention: others kept writing it; the step is to be done again.
        JobFailed: the record is too large for its keys.
    """
    for _ in range(writes.ATTEMPTS):
        if record is None or _is_right(collection, record):
            return False
        try:
            _write(collection, record)
        except (ItemTooLarge, ValidationFailed) as error:
            raise JobFailed(
                f"The record {record.id!r} cannot be stored with its keys in the indexes: {error.detail} "
                "Change or delete it, and PUT the definition again."
            ) from None
        except (ConditionFailed, writes.Stale):
            record = Record.get(consistent=True, partition=record.partition, id=record.id)
        else:
            return True
    raise WriteContention


def _is_right(collection: Collection, record: Record) -> bool:
    if record.is_gone(time.time()):
        return False  # with another end it would be there again
    new = remade(collection, record)
    stored = record.stored or {}
    found = {name: stored[name]["S"] for name in ATTRIBUTES if name in stored}
    right = {name: key for name, key in new.index_keys().items() if key is not None}
    return found == right and new.expires_at == record.expires_at


def _write(collection: Collection, record: Record) -> None:
    if record.is_gone(time.time()):
        same = (Record.version == record.version) & (Record.created_at == record.created_at)
        Record.delete(when=same, partition=record.partition, id=record.id)
    else:
        writes.commit([writes.Change(collection, record.id, record, remade(collection, record))], [], None)
