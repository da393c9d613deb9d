"""The commands as processes of their own, as their user starts them."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import urllib3

from portico.data import PROJECT

if TYPE_CHECKING:
    from typing_extensions import Self


def environment(data: Path, **changes: str) -> dict[str, str]:
    """A developer's environment with nothing in it of the tests'."""
    kept = ("PATH", "HOME", "LANG", "PORTICO_STORE_PYTHON", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "PORTICO_DATA": str(data),
        "PORTICO_PORT": "0",
        "PYTHONUNBUFFERED": "1",
        **changes,
    }


def portico(data: Path, *arguments: str, stdin: str | None = None, **changes: str) -> subprocess.CompletedProcess[str]:
    """A command from beginning to end."""
    return subprocess.run(
        [sys.executable, "-m", "portico", *arguments],
        cwd=PROJECT, env=environment(data, **changes), input=stdin, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


class Running:
    """A command that goes on; its output is read line by line."""

    def __init__(self, data: Path, *command: str, folder: Path = PROJECT, **changes: str) -> None:
        self.data = data
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, *command], cwd=folder, env=environment(data, **changes), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            for line in output:
                self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(20)
        self._reader.join(20)

    def wait_for(self, text: str, seconds: float = 30) -> str:
        """The next line with this text."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {text!r} in {self.lines}") from None
            if line is None:
                raise AssertionError(f"ended without {text!r}: {self.lines}")
            self.lines.append(line)
            if text in line:
                return line

    def stop(self, number: int = signal.SIGINT, seconds: float = 30) -> int:
        """Send a signal and answer the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(seconds)
        self._reader.join(seconds)
        while (line := self._queue.get(timeout=5)) is not None:
            self.lines.append(line)
        return code


class Server(Running):
    """``portico run``, when it answers."""

    def __init__(self, data: Path, **changes: str) -> None:
        super().__init__(data, "-m", "portico", "run", folder=PROJECT, **changes)
        try:
            self.url = self.wait_for("ready ").removeprefix("ready ")
        except BaseException:
            self.__exit__(None, None, None)
            raise

    @property
    def port(self) -> str:
        return self.url.rpartition(":")[2]

    @property
    def key(self) -> str:
        return (self.data / "admin-key").read_text().strip()

    @property
    def store_pid(self) -> int:
        return store_pid(self.data)

    def kill_store(self) -> None:
        pid = self.store_pid
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_running(pid))

    def request(self, method: str, path: str, document: Any = None, key: str | None = None) -> Any:
        """Status and JSON of an answer; it may take some seconds."""
        headers = {"Authorization": f"Bearer {key or self.key}", "Content-Type": "application/json"}
        body = None if document is None else json.dumps(document).encode()
        with urllib3.PoolManager(timeout=30, retries=False) as http:
            response = http.request(method, self.url + path, body=body, headers=headers)
        return response.status, (response.json() if response.data else None)


def store_pid(data: Path) -> int:
    return int(json.loads((data / "store" / "address.json").read_text())["pid"])


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether it runs; a zombie that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
