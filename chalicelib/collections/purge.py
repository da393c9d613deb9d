"""Deleting all that a collection has."""

from __future__ import annotations

import time
from collections.abc import Iterator

from chalicelib.collections import definitions, unique
from chalicelib.collections.record import Record
from chalicelib.dynamo import batches
from chalicelib.dynamo.tables import main

PAGE = 250


def delete_records(name: str, since: float) -> Iterator[int]:
    """Delete a collection's records and unique markers, then its definition; yields how many after each step.

    Can be begun again at any point. ``since`` is when the deletion was asked for, in Unix seconds: it ends only when no
    process can still have the definition of before in its cache, so that a record written at the last moment goes too.
    """
    collection = definitions.being_deleted(name)
    if collection is None:
        return
    while True:
        yield from _sweep(collection)
        remaining = since + definitions.CACHE_SECONDS + 1 - time.time()
        if remaining <= 0:
            break
        time.sleep(min(remaining, 1.0))
        yield 0
    yield from _sweep(collection)
    definitions.finish_deletion(name)


def _sweep(collection: definitions.Collection) -> Iterator[int]:
    for pk in collection.partitions:
        for page in Record.query(partition=pk).consistent().limit(PAGE).pages():
            # A record that has ended and its successor may both have had a value: each marker once.
            markers = {p for record in page.items for p in unique.partitions(collection, record.doc)}
            batches.delete_items(
                main,
                [Record.key.item({"partition": pk, "id": record.id}) for record in page.items]
                + [unique.Marker.key.item({"partition": p}) for p in markers],
            )
            if page.items:  # a step is work done: however short the runs of the job, each gets further
                yield len(page.items)
