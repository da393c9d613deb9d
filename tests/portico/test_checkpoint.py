from __future__ import annotations

from pathlib import Path

import pytest

from portico.checkpoint import OVERLAP_SECONDS, Checkpoint, Progress, base_time, location


def at(rows: int) -> Progress:
    return Progress(rows, rows, 0, 0)


def test_an_import_goes_on_a_little_before_its_last_acknowledgement(tmp_path: Path) -> None:
    checkpoint = Checkpoint.load(tmp_path / "c.json", 5)
    for second in range(60):
        checkpoint.acknowledge(1000.0 + second, at(second * 10))
    checkpoint.save()
    again = Checkpoint.load(tmp_path / "c.json", 7)
    assert again.safe == at(590 - int(OVERLAP_SECONDS) * 10)
    assert again.base_ms == 5


def test_an_import_of_a_few_seconds_begins_again(tmp_path: Path) -> None:
    checkpoint = Checkpoint.load(tmp_path / "c.json", 5)
    for second in range(9):
        checkpoint.acknowledge(1000.0 + second, at(second))
    assert checkpoint.safe == Progress()


def test_a_second_interruption_does_not_skip_what_the_first_may_have_lost(tmp_path: Path) -> None:
    checkpoint = Checkpoint.load(tmp_path / "c.json", 5)
    for second in range(60):
        checkpoint.acknowledge(1000.0 + second, at(second * 10))
    checkpoint.save()
    again = Checkpoint.load(tmp_path / "c.json", 5)
    start = again.safe
    again.acknowledge(2000.0, at(start.rows + 1))
    assert again.safe == start


@pytest.mark.parametrize("content", ["", "{", "[]", '{"base_ms": 1}', '{"base_ms": 1, "safe": {"x": 1}}'])
def test_a_broken_checkpoint_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "c.json").write_text(content)
    assert Checkpoint.load(tmp_path / "c.json", 5).safe == Progress()


def test_another_file_collection_or_server_has_another_checkpoint(tmp_path: Path) -> None:
    cases = [("a", "b", "c"), ("x", "b", "c"), ("a", "x", "c"), ("a", "b", "x")]
    assert len({location(tmp_path, *case) for case in cases}) == 4


def test_the_first_time_under_any_name_is_kept(tmp_path: Path) -> None:
    assert base_time(tmp_path, ["content", "path"], 5) == 5
    assert base_time(tmp_path, ["other content", "path"], 6) == 5
    assert base_time(tmp_path, ["other content", "other path"], 7) == 5
    assert base_time(tmp_path, ["new"], 8) == 8
