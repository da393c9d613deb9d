"""Which partition of the table a record lives in. Pure arithmetic.

A collection has shard epochs, ``[[since, shards], …]`` in Unix milliseconds, the first since 0. A UUIDv7 is placed by
the epoch of its own time, every other id by the first epoch; so shards can grow and no record ever moves.
"""

from __future__ import annotations

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
