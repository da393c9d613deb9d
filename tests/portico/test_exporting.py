from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import errors
from portico import exporting
from portico.client import Client
from portico.errors import CommandError, ServerUnreachable

from .gateway.small import Running
from .shelf import Shelf

NUMBERS = ["9007199254740993", "0.10000000000000000555", "1.50", "-0.0", "123456789012345678901234567890"]


def fill(shelf: Shelf, count: int) -> list[str]:
    things = shelf.make("things")
    lines = [f'{{"n":{number},"x":{NUMBERS[number % 5]},"s":"é\\u0001"}}' for number in range(count)]
    for number, line in enumerate(lines):
        things[f"{number:05}"] = f'{{"id":"{number:05}",{line[1:]}'.encode()
    return lines


def run(client: Client, output: Path | None, **options: bool) -> int:
    chosen = {"resume": False, "strip": True, "quiet": True, **options}
    return exporting.run(client, "things", output, **chosen)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 50])
def test_a_bare_export_is_what_was_imported(shelf: Shelf, client: Client, tmp_path: Path, count: int) -> None:
    lines = fill(shelf, count)
    assert run(client, tmp_path / "out") == count
    assert (tmp_path / "out").read_text() == "".join(f"{line}\n" for line in lines)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_export_has_the_records_whole(shelf: Shelf, client: Client, capfdbinary: Any) -> None:
    fill(shelf, 9)
    assert run(client, None, strip=False) == 9
    records = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [record["id"] for record in records] == [f"{number:05}" for number in range(9)]
    assert records[0]["version"] == 1


def test_an_export_that_was_broken_off_goes_on_and_is_exact(shelf: Shelf, server: Running, tmp_path: Path) -> None:
    lines, output, pages = fill(shelf, 50), tmp_path / "out", 0

    def give_up_after_three() -> None:
        nonlocal pages
        pages += 1
        if pages > 3:
            raise errors.StoreUnavailable("gone")

    shelf.trouble = give_up_after_three
    with Client(server.url, "k", wait=0.1) as client, pytest.raises(ServerUnreachable):
        run(client, output)
    with output.open("a") as file:
        file.write('{"n": tor')
    shelf.trouble = lambda: None
    with Client(server.url, "k") as client:
        assert run(client, output, resume=True) == 50 - 21
        assert output.read_text() == "".join(f"{line}\n" for line in lines)
        assert run(client, output, resume=True) == 50
        assert output.read_text() == "".join(f"{line}\n" for line in lines)


def test_a_file_is_not_continued_with_something_else(shelf: Shelf, client: Client, tmp_path: Path) -> None:
    fill(shelf, 1)
    note = tmp_path / "out.cursor"
    note.write_text(json.dumps({"offset": 0, "link": "/v1/collections/others/export?cursor=7", "of": "others"}))
    with pytest.raises(CommandError, match="belongs to an export of others"):
        run(client, tmp_path / "out", resume=True)
    note.write_text("{")
    with pytest.raises(CommandError, match="cannot be read"):
        run(client, tmp_path / "out", resume=True)


def test_a_file_that_cannot_be_written_is_one_sentence(client: Client, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written: Is a directory"):
        run(client, tmp_path)


names = st.text(st.characters(codec="utf-8"))


@given(st.dictionaries(names, st.integers() | names | st.none() | st.lists(st.booleans()), max_size=5))
def test_bare_leaves_everything_but_what_the_server_sets(record: dict[str, Any]) -> None:
    line = json.dumps({"id": "a", "version": 1, **record, "updated_at": "t"}).encode()
    kept = {name: value for name, value in record.items() if name not in exporting.SERVER_SET}
    assert json.loads(exporting.bare(line)) == kept
