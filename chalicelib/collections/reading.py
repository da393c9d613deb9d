"""Reading one record by its id."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chalicelib.collections.record import Record
from chalicelib.errors import RecordNotFound

if TYPE_CHECKING:
    from chalicelib.access.rules import Grant


def read(grant: Grant, record_id: str, *, consistent: bool = False) -> Record:
    """One record. One call: half a unit per 4 KB, a whole one when ``consistent``.

    Raises:
        RecordNotFound: there is none, its time is over, or the caller may not read it (404).
    """
    collection = grant.collection
    record = Record.get(consistent=consistent, partition=collection.partition(record_id), id=record_id)
    if record is None or record.is_gone(time.time()):
        raise RecordNotFound(collection.name, record_id)
    grant.check_read(record)
    return record
