"""Deleting all that a collection has."""

from __future__ import annotations

import time
from collections.abc import Iterator

from chalicelib.collections import definitions, unique
from chalicelib.collections.jobs import Job, Step, began
from chalicelib.collections.record import Record
from chalicelib.dynamo import batches
from chalicelib.dynamo.tables import main

PAGE = 250


def delete_records(job: Job) -> Iterator[Step]:
    """Delete a collection's records and unique markers, then its definition; yields how many after each step.

    Can be begun again at any point. It ends only when no process can still write by the definition of before, so that a
    record written at the last moment goes too.
    """
    collection = definitions.being_deleted(job.collection)
    if collection is None:
        return
    while True:
        yield from _sweep(collection)
        remaining = definitions.settled(began(job))
        if remaining <= 0:
            break
        time.sleep(min(remaining, 1.0))
        yield Step({})
    yield from _sweep(collection)
    definitions.finish_deletion(job.collection)


def _sweep(collection: definitions.Collection) -> Iterator[Step]:
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
                yield Step({"deleted": len(page.items)})
