"""Import and export against the real service, with kill -9 in the middle."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from .commands import Running, Server, portico, wait_until

COUNT = 2000
IMPORT = ("import", "--collection", "things", "--create")
EXPORT = ("export", "--collection", "things", "--bare")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """NDJSON with numbers that a float would change, written as the service writes it."""
    path = tmp_path / "rows.ndjson"
    path.write_text("".join(f'{{"n":{number},"large":{2**53 + number},"text":"é"}}\n' for number in range(COUNT)))
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def exported(data: Path, server: Server, path: Path) -> str:
    done = portico(data, *EXPORT, "-o", str(path), PORTICO_PORT=server.port)
    assert (done.returncode, done.stderr) == (0, f"{COUNT} records\n")
    return path.read_text()


def unfinished(data: Path) -> bool:
    """Whether an import is under way that has had rows acknowledged."""
    return any((data / "imports").glob("*.json"))


def test_what_goes_in_comes_out(data: Path, source: Path, tmp_path: Path) -> None:
    with Server(data) as server:
        for summary in (f"{COUNT} created, 0 already there", f"0 created, {COUNT} already there"):
            done = portico(data, *IMPORT, str(source), PORTICO_PORT=server.port)
            assert (done.returncode, done.stdout, done.stderr) == (0, f"{COUNT} rows: {summary}, 0 failed\n", "")
        assert exported(data, server, tmp_path / "out") == source.read_text()
        piped = portico(data, *EXPORT, "--quiet", PORTICO_PORT=server.port)
        assert piped.stdout == source.read_text()
        again = portico(
            data, "import", "-", "--collection", "copy", "--create", PORTICO_PORT=server.port, stdin=piped.stdout
        )
        assert again.stdout == f"{COUNT} rows: {COUNT} created, 0 already there, 0 failed\n"
        server.stop()


def test_an_import_goes_through_kill_9_of_the_store(data: Path, source: Path, tmp_path: Path) -> None:
    with Server(data) as server:
        with Running(data, "-m", "portico", *IMPORT, str(source), PORTICO_PORT=server.port) as load:
            for _ in range(2):
                wait_until(lambda: unfinished(data))
                time.sleep(0.2)
                server.kill_store()
                server.wait_for("The embedded store ended; it was started again")
            load.wait_for(f"{COUNT} rows: ", 60)
            assert load.process.wait(60) == 0, load.lines
        assert exported(data, server, tmp_path / "out") == source.read_text()
        server.stop()


def test_an_import_goes_through_kill_9_of_the_gateway(data: Path, source: Path, tmp_path: Path) -> None:
    with (
        Server(data) as server,
        Running(data, "-m", "portico", *IMPORT, str(source), PORTICO_PORT=server.port) as load,
    ):
        wait_until(lambda: unfinished(data))
        server.stop(signal.SIGKILL)
        with Server(data, PORTICO_PORT=server.port) as successor:
            assert load.process.wait(60) == 0
            load.wait_for(f"{COUNT} rows: ")
            assert exported(data, successor, tmp_path / "out") == source.read_text()
            successor.stop()


def test_an_import_that_was_killed_is_completed_by_the_next(data: Path, source: Path, tmp_path: Path) -> None:
    with Server(data) as server:
        with Running(data, "-m", "portico", *IMPORT, str(source), PORTICO_PORT=server.port) as load:
            wait_until(lambda: unfinished(data))
            load.process.kill()
        done = portico(data, *IMPORT, str(source), PORTICO_PORT=server.port)
        assert done.returncode == 0
        assert done.stdout.startswith(f"{COUNT} rows: ")
        assert not unfinished(data)
        assert exported(data, server, tmp_path / "out") == source.read_text()
        server.stop()


def test_an_export_that_was_killed_is_completed_to_the_byte(data: Path, source: Path, tmp_path: Path) -> None:
    output, note = tmp_path / "out", tmp_path / "out.cursor"
    with Server(data) as server:
        portico(data, *IMPORT, str(source), PORTICO_PORT=server.port)
        with Running(data, "-m", "portico", *EXPORT, "-o", str(output), PORTICO_PORT=server.port) as dump:
            wait_until(note.exists)
            dump.process.kill()
        offset = json.loads(note.read_text())["offset"]
        with output.open("ab") as file:
            file.write(b'{"torn')
        done = portico(data, *EXPORT, "-o", str(output), "--resume", PORTICO_PORT=server.port)
        assert 0 < int(done.stderr.split()[0]) < COUNT
        assert 0 < offset < len(source.read_bytes())
        assert output.read_text() == source.read_text()
        assert not note.exists()
        server.stop()


def test_a_refused_row_is_named_and_the_others_are_there(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("isbn,year\na,1969\n,1970\nb,1971\n")
    with Server(data) as server:
        done = portico(data, *IMPORT, str(path), "--id", "isbn", PORTICO_PORT=server.port)
        assert done.returncode == 1
        assert done.stdout == "3 rows: 2 created, 0 already there, 1 failed\n"
        assert done.stderr.startswith("line 3: the property 'isbn'")
        assert server.request("GET", "/v1/collections/things/records/b")[1]["year"] == 1971
        server.stop()


def test_a_wrong_key_is_one_sentence(data: Path, source: Path) -> None:
    with Server(data) as server:
        done = portico(data, *IMPORT, str(source), "--key", "wrong", PORTICO_PORT=server.port)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("portico: Portico answered 401: ")
        server.stop()


def test_nobody_there_is_one_sentence(data: Path, source: Path) -> None:
    done = portico(data, *IMPORT, str(source), "--key", "k", "--wait", "0.1", "--url", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert done.stderr.startswith("portico: http://127.0.0.1:9 cannot be reached (the connection is refused)")


def test_without_a_key_the_sentence_says_where_one_comes_from(data: Path, source: Path) -> None:
    done = portico(data, *IMPORT, str(source))
    assert done.returncode == 1
    assert "start Portico once with `make run`" in done.stderr


def test_help_names_every_environment_variable(data: Path) -> None:
    done = portico(data, "--help")
    assert done.returncode == 0
    for name in ("PORT", "DATA", "ADMIN_KEY", "DYNAMODB", "TABLE", "STORE_PYTHON"):
        assert f"PORTICO_{name} " in done.stdout
