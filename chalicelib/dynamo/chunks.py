"""How batches are sent: entries in chunks that a call takes, side by side, and again what a call hands back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.errors import StoreThrottled

if TYPE_CHECKING:
    from chalicelib.dynamo.errors import Item
    from chalicelib.dynamo.tables import Identity, Table

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
MAX_GETS, MAX_WRITES = 100, 25
MAX_REQUEST_BYTES = 16_000_000
"""DynamoDB takes 16 MB; the names around the items need some."""
TRIES = 8
"""Calls that may take nothing before a batch is given up. The pauses between them double, 6 s in all."""
FIRST_PAUSE = 0.05


class Entry(NamedTuple):
    """One item's part of a batch: what is sent of it, a key or a request to write, in so many bytes."""

    table: Table
    name: str
    identity: Identity
    content: dict[str, Any]
    size: int = 0


Send = Callable[[list[Entry]], list[Entry]]
"""One call; gives back what DynamoDB did not take."""


def entry_of(table: Table, key: Item, content: dict[str, Any] | None = None, size: int = 0) -> Entry:
    """The entry of a key: to get it, unless something else is to be sent."""
    return Entry(table, table.name, table.identity(key), key if content is None else content, size)


def different(entries: Iterable[Entry]) -> list[Entry]:
    """The first entry of each item."""
    first: dict[Identity, Entry] = {}
    for entry in entries:
        first.setdefault(entry.identity, entry)
    return list(first.values())


def carry_out(entries: list[Entry], most: int, send: Send) -> tuple[set[Identity], Exception | None]:
    """Send entries in chunks, side by side if there are several.

    Gives what was not carried out and why: the first failure, after which nothing more is sent.
    """
    chunks = _chunks(entries, most)
    stopped = threading.Event()
    sources = [partial(_outcome, chunk, send, stopped) for chunk in chunks]
    outcomes: Iterable[tuple[list[Entry], Exception | None]]
    if len(chunks) > 1:
        from chalicelib.dynamo.futures import side_by_side  # noqa: PLC0415 - most batches are one call

        outcomes = side_by_side(entries[0].table.session, sources)
    else:
        outcomes = [outcome for source in sources for outcome in source()]
    left: set[Identity] = set()
    cause: Exception | None = None
    for remaining, error in outcomes:
        left.update([entry.identity for entry in remaining])
        cause = cause or error
    return left, cause


def _chunks(entries: list[Entry], most: int) -> list[list[Entry]]:
    """Entries in their order, each chunk of one session's tables and within what a call takes."""
    chunks: list[list[Entry]] = []
    filling: dict[int, tuple[list[Entry], int]] = {}
    for entry in entries:
        session = id(entry.table.session)
        chunk, size = filling.get(session, ([], 0))
        if not chunk or len(chunk) == most or size + entry.size > MAX_REQUEST_BYTES:
            chunk, size = [], 0
            chunks.append(chunk)
        chunk.append(entry)
        filling[session] = chunk, size + entry.size
    return chunks


def _outcome(
    chunk: list[Entry], send: Send, stopped: threading.Event
) -> Iterator[tuple[list[Entry], Exception | None]]:
    """Send a chunk, and again what is handed back; what then remains, and the failure if it was this chunk's.

    A try that had a part taken is not held against the batch: of one partition DynamoDB reads 1 MB a call, and hands
    back the rest though nothing is throttled.
    """
    fruitless = 0
    while not stopped.is_set():
        try:
            left = send(chunk)
        except Exception as error:  # noqa: BLE001 - whatever it is, what it leaves undone has to be told
            stopped.set()
            yield chunk, error
            return
        fruitless += len(left) == len(chunk)
        chunk = left
        if not chunk:
            return
        if fruitless == TRIES:
            stopped.set()
            yield chunk, StoreThrottled("DynamoDB keeps handing items of a batch back; try again shortly.")
            return
        chunk[0].table.pause(FIRST_PAUSE * 2 ** max(fruitless - 1, 0))
    yield chunk, None


def send_gets(entries: list[Entry], *, consistent: bool, found: dict[Identity, Item]) -> list[Entry]:
    """One BatchGetItem, whose items go to ``found``."""
    tables = {entry.name: entry.table for entry in entries}
    requests: dict[str, Any] = {name: {"Keys": [], "ConsistentRead": consistent} for name in tables}
    for entry in entries:
        requests[entry.name]["Keys"].append(entry.content)
    answer = entries[0].table.session.call("BatchGetItem", {"RequestItems": requests})
    for name, items in answer["Responses"].items():
        for item in items:
            found[tables[name].identity(item)] = item
    unprocessed = answer.get("UnprocessedKeys", {}).items()
    return _handed_back(entries, [(name, key) for name, part in unprocessed for key in part["Keys"]])


def send_writes(entries: list[Entry]) -> list[Entry]:
    """One BatchWriteItem."""
    requests: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        requests.setdefault(entry.name, []).append(entry.content)
    answer = entries[0].table.session.call("BatchWriteItem", {"RequestItems": requests})
    unprocessed = answer.get("UnprocessedItems", {}).items()
    contents = [(name, content) for name, part in unprocessed for request in part for content in request.values()]
    return _handed_back(entries, [(name, content.get("Item") or content["Key"]) for name, content in contents])


def _handed_back(entries: list[Entry], items: list[tuple[str, Item]]) -> list[Entry]:
    tables = {entry.name: entry.table for entry in entries}
    identities = {tables[name].identity(item) for name, item in items}
    return [entry for entry in entries if entry.identity in identities]
