from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from chalicelib import errors
from portico import importing
from portico.client import Client
from portico.data import DataDirectory
from portico.errors import CommandError, ServerUnreachable
from portico.importing import Options

from .gateway.small import Running
from .shelf import Shelf

QUIET = Options("things", create=True, quiet=True)


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory.at(tmp_path / "data")


def rows(count: int) -> list[dict[str, Any]]:
    return [{"n": number, "text": "x" * 50} for number in range(count)]


def write(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_rows_arrive_in_order_and_a_second_time_they_are_there(
    shelf: Shelf, client: Client, data: DataDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "rows.ndjson", rows(1203))
    importing.run(client, str(source), data, QUIET)
    importing.run(client, str(source), data, QUIET)
    assert capsys.readouterr().out.splitlines() == [
        "1203 rows: 1203 created, 0 already there, 0 failed",
        "1203 rows: 0 created, 1203 already there, 0 failed",
    ]
    assert [body["n"] for body in shelf.bodies("things")] == list(range(1203))
    assert max(shelf.batches) <= importing.CHUNK_ROWS
    assert shelf.definitions["things"] == {"schema": {"type": "object"}}


def test_a_json_array_and_its_lines_are_the_same_import(
    shelf: Shelf, client: Client, data: DataDirectory, tmp_path: Path
) -> None:
    lines = write(tmp_path / "rows.ndjson", rows(10))
    array = tmp_path / "rows.json"
    array.write_text("[" + ",\n".join(lines.read_text().splitlines()) + "]")
    for path in (lines, array):
        os.utime(path, (1_700_000_000, 1_700_000_000))
        outcome = importing.run(client, str(path), data, QUIET)
    assert outcome.progress.existing == 10


def test_chunks_are_small_enough_in_bytes_too(
    shelf: Shelf, client: Client, data: DataDirectory, tmp_path: Path
) -> None:
    source = write(tmp_path / "rows.ndjson", [{"n": number, "text": "x" * 300_000} for number in range(7)])
    assert importing.run(client, str(source), data, QUIET).progress.created == 7
    assert shelf.batches == [3, 3, 1]


def test_what_the_server_did_not_come_to_is_sent_again(
    shelf: Shelf, client: Client, data: DataDirectory, tmp_path: Path
) -> None:
    shelf.lines_per_request = 200
    source = write(tmp_path / "rows.ndjson", rows(700))
    assert importing.run(client, str(source), data, QUIET).progress.created == 700
    assert shelf.batches == [500, 300, 100, 200]


def test_rows_that_fail_are_listed_by_the_line_of_the_file(
    shelf: Shelf, client: Client, data: DataDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "rows.ndjson"
    source.write_text('{"n":1}\n\n{"n":\n{"id":7}\n[1]\n{"n":2}\n' + '{"id":[]}\n' * 20)
    outcome = importing.run(client, str(source), data, QUIET)
    output = capsys.readouterr()
    assert output.out == "25 rows: 2 created, 0 already there, 23 failed\n"
    shown = output.err.splitlines()
    assert shown[:3] == [f"line {line}: /id: is not usable" for line in (3, 4, 5)]
    assert len(shown) == importing.SHOWN_FAILURES + 1
    assert shown[-1] == "… and 3 more"
    assert outcome.progress.failed == 23


def test_a_property_can_be_the_id(shelf: Shelf, client: Client, data: DataDirectory, tmp_path: Path) -> None:
    source = write(tmp_path / "rows.ndjson", [{"isbn": "a"}, {"isbn": 12345678901234567890}, {"isbn": None}, {"x": 1}])
    outcome = importing.run(client, str(source), data, Options("things", create=True, id_property="isbn", quiet=True))
    assert set(shelf.collections["things"]) == {"a", "12345678901234567890"}
    assert [failure.line for failure in outcome.failures] == [3, 4]


def test_a_rows_own_id_stays(shelf: Shelf, client: Client, data: DataDirectory, tmp_path: Path) -> None:
    importing.run(client, str(write(tmp_path / "rows.ndjson", [{"id": "mine"}])), data, QUIET)
    assert set(shelf.collections["things"]) == {"mine"}


def test_after_an_interruption_the_last_seconds_are_sent_again_and_counted_once(
    shelf: Shelf, client: Client, data: DataDirectory, tmp_path: Path
) -> None:
    lost = False

    def lose_the_last_writes() -> None:
        nonlocal lost
        if len(shelf.batches) == 3 and not lost:
            lost = True
            things = shelf.collections["things"]
            for key in sorted(things)[700:]:
                del things[key]
            raise errors.StoreUnavailable("gone for a moment")

    shelf.trouble = lose_the_last_writes
    outcome = importing.run(client, str(write(tmp_path / "rows.ndjson", rows(2600))), data, QUIET)
    assert [body["n"] for body in shelf.bodies("things")] == list(range(2600))
    assert str(outcome) == "2600 rows: 2600 created, 0 already there, 0 failed"


def test_an_import_that_was_broken_off_goes_on(
    shelf: Shelf, server: Running, data: DataDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def give_up() -> None:
        if len(shelf.batches) == 2:
            raise errors.StoreUnavailable("gone")

    shelf.trouble = give_up
    source = str(write(tmp_path / "rows.ndjson", rows(1700)))
    with Client(server.url, "k", wait=0.3) as client, pytest.raises(ServerUnreachable, match="answers 503"):
        importing.run(client, source, data, QUIET)
    (note,) = data.imports.glob("*.json")
    document = json.loads(note.read_text())
    assert document["safe"]["rows"] == 0
    document["safe"] = {"rows": 500, "created": 500, "existing": 0, "failed": 0}
    note.write_text(json.dumps(document))
    shelf.trouble = lambda: None
    os.utime(source, (1_700_000_000, 1_700_000_000))
    with Client(server.url, "k") as client:
        outcome = importing.run(client, source, data, Options("things"))
    assert "going on after row 500 of an interrupted import" in capsys.readouterr().err
    assert str(outcome) == "1700 rows: 1200 created, 500 already there, 0 failed"
    assert [body["n"] for body in shelf.bodies("things")] == list(range(1700))
    assert not list(data.imports.glob("*.json"))


def test_a_file_that_was_corrected_adds_only_what_is_new(
    shelf: Shelf, client: Client, data: DataDirectory, tmp_path: Path
) -> None:
    source, copy = tmp_path / "rows.ndjson", tmp_path / "copy.ndjson"
    for text, summary in [
        ('{"n":1}\n{"n":\n{"n":3}\n', "3 rows: 2 created, 0 already there, 1 failed"),
        ('{"n":1}\n{"n":2}\n{"n":3}\n{"n":4}\n', "4 rows: 2 created, 2 already there, 0 failed"),
    ]:
        source.write_text(text)
        os.utime(source, (len(text), len(text)))
        assert str(importing.run(client, str(source), data, QUIET)) == summary
    copy.write_bytes(source.read_bytes())
    assert importing.run(client, str(copy), data, QUIET).progress.existing == 4
    assert [body["n"] for body in shelf.bodies("things")] == [1, 2, 3, 4]


def test_a_missing_collection_names_the_option(client: Client, data: DataDirectory, tmp_path: Path) -> None:
    source = write(tmp_path / "rows.ndjson", rows(1))
    with pytest.raises(CommandError, match=r"no collection 'things'.*--create makes it"):
        importing.run(client, str(source), data, Options("things", quiet=True))


def test_a_missing_file_is_one_sentence(client: Client, data: DataDirectory) -> None:
    with pytest.raises(CommandError, match="/nowhere cannot be read: No such file"):
        importing.run(client, "/nowhere", data, QUIET)
