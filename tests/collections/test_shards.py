from __future__ import annotations

from collections import Counter

import pytest

from chalicelib.collections import ids, shards


def uuid7(milliseconds: int, rest: int = 0) -> str:
    digits = f"{milliseconds << 80 | 7 << 76 | 2 << 62 | rest:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def test_one_shard_takes_everything() -> None:
    assert {shards.partition("c", ids.new_id(), [[0, 1]]) for _ in range(20)} == {"r#c#0"}


def test_ids_spread_evenly_over_shards() -> None:
    counts = Counter(shards.partition("c", ids.new_id(), [[0, 8]]) for _ in range(8000))
    assert set(counts) == set(shards.partitions("c", [[0, 8]]))
    assert min(counts.values()) > 800


@pytest.mark.parametrize("epochs", [[[0, 1], [1000, 4], [2000, 16]], [[0, 16], [1000, 2]]])
def test_a_uuid7_is_placed_by_the_epoch_of_its_own_time(epochs: shards.Epochs) -> None:
    for number, (since, count) in enumerate(epochs):
        until = epochs[number + 1][0] if number + 1 < len(epochs) else since + 500
        for moment in (since, until - 1):
            record_id = uuid7(moment)
            assert shards.partition("c", record_id, epochs) == shards.partition("c", record_id, [[0, count]])


def test_other_ids_stay_in_the_first_epochs_shards() -> None:
    epochs = [[0, 2], [1000, 64]]
    for number in range(100):
        assert shards.partition("c", f"own-{number}", epochs) == shards.partition("c", f"own-{number}", [[0, 2]])


def test_all_partitions_are_those_of_the_largest_epoch() -> None:
    assert shards.partitions("c", [[0, 1], [10, 3], [20, 2]]) == ["r#c#0", "r#c#1", "r#c#2"]


def test_an_epoch_begins_only_when_every_process_knows_of_it() -> None:
    assert shards.grown([[0, 1]], 4, 100_000) == [[0, 1], [100_000 + shards.EPOCH_DELAY_MS, 4]]
    assert shards.EPOCH_DELAY_MS > shards.MAX_CLOCK_SKEW_MS + 1000 * 4


def test_the_same_number_of_shards_is_no_new_epoch() -> None:
    assert shards.grown([[0, 1], [5, 4]], 4, 100_000) == [[0, 1], [5, 4]]
