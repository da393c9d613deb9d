"""Reading records: one by its id, or a collection's page by page, over all its shards."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.collections import shards
from chalicelib.collections.record import Record
from chalicelib.dynamo.tables import main
from chalicelib.errors import RecordNotFound

if TYPE_CHECKING:
    from chalicelib.collections.definitions import Collection
    from chalicelib.dynamo.query import Page, Query


@dataclass(frozen=True)
class RecordPage:
    """Records in order, and the id to go on after when there may be more, even if the page is short or empty."""

    records: Sequence[Record]
    next: str | None


def read(collection: Collection, record_id: str, *, consistent: bool = False) -> Record:
    """One record. One call: half a unit per 4 KB, a whole one when ``consistent``.

    Raises:
        RecordNotFound: there is none, or its time is over (404).
    """
    record = Record.get(consistent=consistent, partition=collection.partition(record_id), id=record_id)
    if record is None or record.is_gone(time.time()):
        raise RecordNotFound(collection.name, record_id)
    return record


def page(collection: Collection, limit: int, after: str | None, *, newest_first: bool = True) -> RecordPage:
    """At most ``limit`` records after an id, by id: with Portico's own ids, by time of creation.

    One consistent Query a shard, side by side. Units: by the size read, which is at most 1 MB a shard. Of many shards
    each is read about twice its share of the page, so that a page costs little more than its size though it may be
    short.
    """
    partitions = collection.partitions
    share = min(limit, 2 * -(-limit // len(partitions)) + 2)
    queries = [_query(pk, share, after, newest_first=newest_first) for pk in partitions]
    if len(queries) == 1:
        only = queries[0].run()
        return RecordPage(_live(only.items), only.last)
    pages: list[Page[Record]] = list(main.session.pool.map(lambda query: query.run(), queries))
    order, following = shards.merge(
        [([record.id for record in each.items], each.last) for each in pages], limit, descending=newest_first
    )
    by_id = {record.id: record for each in pages for record in each.items}
    return RecordPage(_live([by_id[record_id] for record_id in order]), following)


def _query(pk: str, limit: int, after: str | None, *, newest_first: bool) -> Query[Record]:
    query: Query[Record] = Record.query(partition=pk).consistent().limit(limit)
    return (query.descending() if newest_first else query).after(after)


def _live(records: Sequence[Record]) -> Sequence[Record]:
    now = time.time()
    if not any(record.is_gone(now) for record in records):
        return records
    return [record for record in records if not record.is_gone(now)]
