"""Requests a second on one kept-alive connection: ``portico run`` against ``chalice local``, the same app on both."""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import sample
from bench.table import Figure

PROJECT = Path(__file__).resolve().parent.parent
KEY = "bench-administrator"
HEADERS = {"Authorization": f"Bearer {KEY}"}
START_SECONDS = 60
ROUNDS, ROUND_SECONDS = 5, 1.0
AT_LEAST = 20
CHALICE = "from chalice.cli import main; main()"
OTHERS, STORE = ("PORTICO_", "AWS_"), "PORTICO_STORE_PYTHON"
"""Settings that whoever measures may have; only where the embedded store is has to stay."""


def figures() -> list[Figure]:
    """The service document; a record, where the embedded store is most of the work and the ratio says less."""
    with (
        tempfile.TemporaryDirectory(prefix="portico-bench-", ignore_cleanup_errors=True) as folder,
        _portico(Path(folder, "ours")) as ours,
        _chalice_local(Path(folder, "peer")) as peer,
    ):
        connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for port in (ours, peer)]
        records = [_stock(connection) for connection in connections]
        return [
            _figure("GET /, one connection", connections, ["/", "/"], at_least=AT_LEAST),
            _figure("GET a record, one connection", connections, records),
        ]


def _figure(
    name: str, connections: list[http.client.HTTPConnection], paths: list[str], at_least: float | None = None
) -> Figure:
    rates: tuple[list[float], list[float]] = ([], [])
    for connection, path in zip(connections, paths, strict=True):
        _rate(connection, path)
    for _ in range(ROUNDS):
        for which, (connection, path) in enumerate(zip(connections, paths, strict=True)):
            rates[which].append(_rate(connection, path))
    return Figure(name, statistics.median(rates[0]), statistics.median(rates[1]), "req/s", at_least=at_least)


def _rate(connection: http.client.HTTPConnection, path: str) -> float:
    start = time.perf_counter()
    count = 0
    while time.perf_counter() - start < ROUND_SECONDS:
        _call(connection, "GET", path)
        count += 1
    return count / (time.perf_counter() - start)


def _stock(connection: http.client.HTTPConnection) -> str:
    """Define the collection and create a record; the record's path."""
    collection = f"/v1/collections/{sample.COLLECTION}"
    _call(connection, "PUT", collection, sample.DEFINITION)
    record = json.loads(_call(connection, "POST", f"{collection}/records", sample.BOOK))
    return f"{collection}/records/{record['id']}"


def _call(connection: http.client.HTTPConnection, method: str, path: str, document: Any = None) -> bytes:
    body = None if document is None else json.dumps(document)
    headers = HEADERS if body is None else {**HEADERS, "Content-Type": "application/json"}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    content = response.read()
    if response.status >= 300:
        raise RuntimeError(f"{method} {path} answered {response.status}: {content[:200]!r}")
    return content


@contextmanager
def _portico(data: Path) -> Iterator[int]:
    port = _free_port()
    with _serving(["-m", "portico", "run"], data, port, {"PORTICO_PORT": str(port)}):
        yield port


@contextmanager
def _chalice_local(data: Path) -> Iterator[int]:
    port = _free_port()
    # No reloading: whoever edits a file meanwhile should not be measured.
    command = ["-c", CHALICE, "local", "--stage", "local", "--port", str(port), "--no-autoreload"]
    with _serving(command, data, port, {}):
        yield port


@contextmanager
def _serving(arguments: list[str], data: Path, port: int, settings: dict[str, str]) -> Iterator[None]:
    data.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS) or name == STORE}
    environment |= {"PORTICO_DATA": str(data / "data"), "PORTICO_ADMIN_KEY": KEY, **settings}
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait(lambda: _accepts(port) or process.poll() is not None)
            if process.poll() is not None:
                raise RuntimeError(f"{' '.join(arguments)} ended:\n{(data / 'log').read_text()}")
            yield
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def _accepts(port: int) -> bool:
    """Whether something answers there, rather than has merely bound the port."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _wait(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not happened():
        if time.monotonic() > deadline:
            raise RuntimeError(f"the server does not answer within {START_SECONDS} seconds")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
