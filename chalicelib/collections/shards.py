"""Which partition of the table a record lives in. Pure arithmetic.

A collection has shard epochs, ``[[since, shards], …]`` in Unix milliseconds, the first since 0. A UUIDv7 is placed by
the epoch of its own time, every other id by the first epoch; so shards can grow and no record ever moves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias
from zlib import crc32

from chalicelib.collections.ids import time_of

Epochs: TypeAlias = list[list[int]]

EPOCH_DELAY_MS = 10_000
"""How long after its definition an epoch begins: every process has read the definition by then (they keep it 5 s)."""
MAX_CLOCK_SKEW_MS = 5_000
"""How far ahead of now a caller's UUIDv7 may be, so that none is in an epoch that is not yet known."""


def partition(collection: str, record_id: str, epochs: Epochs) -> str:
    """The partition key of a record."""
    return f"r#{collection}#{_shard(record_id, epochs)}"


def partitions(collection: str, epochs: Epochs) -> list[str]:
    """The partition keys of all of a collection's records."""
    return [f"r#{collection}#{shard}" for shard in range(max(shards for _, shards in epochs))]


def _shard(record_id: str, epochs: Epochs) -> int:
    shards = epochs[0][1]
    if len(epochs) > 1:
        moment = time_of(record_id)
        if moment is not None:
            shards = next(count for since, count in reversed(epochs) if since <= moment)
    return crc32(record_id.encode()) % shards if shards > 1 else 0


def grown(epochs: Epochs, shards: int, now_ms: int) -> Epochs:
    """The epochs after the definition asks for so many shards."""
    if epochs[-1][1] == shards:
        return epochs
    return [*epochs, [now_ms + EPOCH_DELAY_MS, shards]]


def merge(
    pages: Sequence[tuple[Sequence[str], str | None]], limit: int, *, descending: bool
) -> tuple[list[str], str | None]:
    """One page out of one page per shard.

    Each page is its ids in order and, when the shard has more, the last id that was read. Nothing beyond the nearest of
    these is taken, because a shard that was cut short may have ids before it. Answers the ids and, when there is
    more, the id to go on after.
    """
    boundaries = [last for _, last in pages if last is not None]
    boundary = (max if descending else min)(boundaries) if boundaries else None
    merged = sorted((i for ids, _ in pages for i in _within(ids, boundary, descending=descending)), reverse=descending)
    if len(merged) > limit:
        return merged[:limit], merged[limit - 1]
    return merged, boundary


def _within(ids: Iterable[str], boundary: str | None, *, descending: bool) -> Iterable[str]:
    if boundary is None:
        return ids
    return (i for i in ids if (i >= boundary if descending else i <= boundary))
