"""``portico run`` as its user sees it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from portico.data import PROJECT
from portico.embedded.process import interpreter
from portico.errors import CommandError
from portico.run import check_reachable

from .commands import Running, Server, is_running, portico, store_pid, wait_until

DEFINITION = {"schema": {"type": "object"}}
RECORDS = "/v1/collections/things/records"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_when_it_answers_and_leaves_nothing_behind(data: Path, number: int) -> None:
    with Server(data) as server:
        assert server.request("GET", "/health")[0] == 200
        store = server.store_pid
        assert server.stop(number) == 0
        assert not is_running(store)
    printed = "\n".join(server.lines)
    assert sum(line.startswith("ready ") for line in server.lines) == 1
    assert "Traceback" not in printed
    assert any(line.startswith("GET /health 200 ") for line in server.lines)
    for part in (f"{server.url}/openapi.json", f"{server.url}/health", str(data), server.key):
        assert part in printed


def test_data_and_key_are_there_at_the_next_start(data: Path) -> None:
    with Server(data) as server:
        key = server.key
        assert server.request("PUT", "/v1/collections/things", DEFINITION)[0] == 201
        created = server.request("POST", RECORDS, {"n": 9007199254740993})[1]
        assert server.stop() == 0
    with Server(data) as server:
        assert server.key == key
        assert server.request("GET", f"{RECORDS}/{created['id']}") == (200, created)
        server.stop()


def test_a_key_that_the_table_does_not_know_is_registered_again(data: Path) -> None:
    with Server(data) as server:
        key = server.key
        server.stop()
    (data / "store" / "state.json").unlink()
    with Server(data) as server:
        assert server.key == key
        assert server.request("GET", "/v1/collections")[0] == 200
        server.stop()


def test_the_users_own_key_is_honoured_and_not_stored(data: Path) -> None:
    chosen = "correct-horse~battery"
    with Server(data, PORTICO_ADMIN_KEY=chosen) as server:
        assert server.request("GET", "/v1/collections", key=chosen)[0] == 200
        assert server.request("GET", "/v1/collections", key=chosen + "x")[0] == 401
        server.stop()
    assert chosen in "\n".join(server.lines)
    assert not (data / "admin-key").exists()


def test_everything_acknowledged_survives_kill_9_of_the_gateway(data: Path) -> None:
    with Server(data) as server:
        server.request("PUT", "/v1/collections/things", DEFINITION)
        created = [server.request("POST", RECORDS, {"n": n})[1] for n in range(5)]
        store = server.store_pid
        server.stop(signal.SIGKILL)
    with Server(data) as server:
        for record in created:
            assert server.request("GET", f"{RECORDS}/{record['id']}") == (200, record)
        server.stop()
    wait_until(lambda: not is_running(store))


def test_a_store_left_alone_saves_and_ends(data: Path) -> None:
    with Server(data) as server:
        server.request("PUT", "/v1/collections/things", DEFINITION)
        store = server.store_pid
        server.stop(signal.SIGKILL)
    wait_until(lambda: not is_running(store))
    assert not (data / "store" / "address.json").exists()
    with Server(data) as server:
        assert server.request("GET", "/v1/collections/things")[0] == 200
        server.stop()


def test_the_store_is_started_again_when_it_is_killed(data: Path) -> None:
    with Server(data) as server:
        server.request("PUT", "/v1/collections/things", DEFINITION)
        created = server.request("POST", RECORDS, {"n": 1})[1]
        server.kill_store()
        server.wait_for("The embedded store ended; it was started again")
        assert server.request("GET", f"{RECORDS}/{created['id']}") == (200, created)
        assert server.stop() == 0


def test_both_killed_at_once_are_no_obstacle(data: Path) -> None:
    with Server(data) as server:
        server.request("PUT", "/v1/collections/things", DEFINITION)
        os.kill(server.process.pid, signal.SIGSTOP)
        server.kill_store()
        server.stop(signal.SIGKILL)
    with Server(data) as server:
        assert server.request("GET", "/v1/collections/things")[0] == 200
        server.stop()


def test_a_port_in_use_is_one_sentence_and_no_store_is_started(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = portico(data, "run", PORTICO_PORT=str(port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"portico: Port {port} is in use; ")
    assert done.stderr.count("\n") == 1
    assert not (data / "store").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"PORTICO_PORT": "many"}, "PORTICO_PORT is 'many'"),
        ({"PORTICO_ADMIN_KEY": "short"}, "PORTICO_ADMIN_KEY has to be"),
        ({"PORTICO_DYNAMODB": "somewhere"}, "PORTICO_DYNAMODB is 'somewhere'"),
        ({"PORTICO_STORE_PYTHON": "/nowhere/python"}, "PORTICO_STORE_PYTHON names /nowhere/python"),
        ({"PORTICO_DATA": "/dev/null/data"}, "The data directory /dev/null/data cannot be made"),
    ],
)
def test_an_environment_that_cannot_be_is_one_sentence(data: Path, changes: dict[str, str], sentence: str) -> None:
    done = portico(data, "run", **changes)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"portico: {sentence}")
    assert done.stderr.count("\n") == 1


def test_an_unreachable_store_is_one_sentence_at_once(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    started = time.monotonic()
    done = portico(data, "run", PORTICO_DYNAMODB=url)
    assert time.monotonic() - started < 10
    assert done.returncode == 1
    assert done.stderr == f"portico: Nothing answers at PORTICO_DYNAMODB ({url}): Connection refused.\n"


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    with pytest.raises(CommandError, match="Nothing answers at PORTICO_DYNAMODB"):
        check_reachable("http://nowhere.invalid")


def test_another_store_is_used_by_its_url(data: Path, tmp_path: Path) -> None:
    with Server(data) as first:
        url = next(line.split()[1] for line in first.lines if "DynamoDB " in line)
        with Server(tmp_path / "second", PORTICO_DYNAMODB=url, PORTICO_TABLE="other") as second:
            assert second.request("GET", "/v1/collections")[0] == 200
            assert second.request("GET", "/v1/collections", key=first.key)[0] == 401
            second.stop()
        assert not (tmp_path / "second" / "store").exists()
        first.stop()


def test_key_makes_another_key_while_portico_runs_and_while_it_does_not(data: Path) -> None:
    with Server(data) as server:
        one = portico(data, "key", "--name", "mine").stdout.strip()
        assert server.request("GET", "/v1/collections", key=one)[0] == 200
        server.stop()
    other = portico(data, "key").stdout.strip()
    with Server(data) as server:
        assert server.request("GET", "/v1/collections", key=other)[0] == 200
        assert len({one, other, server.key}) == 3
        server.stop()


@pytest.mark.parametrize("reload", ["--autoreload", "--no-autoreload"])
def test_chalice_local_alone_works_and_leaves_no_store(data: Path, reload: str) -> None:
    # A copy, because chalice local starts again whenever another test's file changes in the project.
    project = data.parent / "project"
    for part in ("chalicelib", "portico", ".chalice"):
        shutil.copytree(PROJECT / part, project / part, ignore=shutil.ignore_patterns("__pycache__", "deployed"))
    shutil.copy(PROJECT / "app.py", project)
    quiet = {"PYTHONDONTWRITEBYTECODE": "1", "PORTICO_STORE_PYTHON": str(interpreter())}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    chalice = str(Path(sys.executable).with_name("chalice"))
    command = [chalice, "local", "--stage", "local", "--port", str(port), reload]
    with Running(data, *command, folder=project, **quiet) as local:
        line = local.wait_for("Admin key: ")
        local.wait_for("Serving on ")
        store = store_pid(data)
        server = Server.__new__(Server)
        server.data, server.url = data, f"http://127.0.0.1:{port}"
        assert line == f"Admin key: {server.key}"
        wait_until(lambda: server.request("GET", "/v1/collections")[0] == 200)
        os.killpg(local.process.pid, signal.SIGINT)
        local.process.wait(30)
    wait_until(lambda: not is_running(store))
