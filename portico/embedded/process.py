"""Start the embedded store, attach to one that runs already, keep it running, let it go.

The store's directory has at most one process (it holds a lock there) and ``address.json``, which says where it
listens. A process uses the store for as long as it holds a connection to its lease port; see ``server.py``.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from portico.data import PROJECT
from portico.errors import StoreFailed

if TYPE_CHECKING:
    from typing_extensions import Self

SERVER = Path(__file__).with_name("server.py")
LOCKED = 75
START_SECONDS = 60.0
"""How long a start may take: a predecessor may be writing a large snapshot, and this one has to read it."""
GREETING_SECONDS = 10.0
POLL_SECONDS = 0.05

log = logging.getLogger("local.store")


@dataclass(frozen=True)
class Lease:
    """An open connection to the lease port of a running store, and what the store said of itself."""

    connection: socket.socket
    port: int
    pid: int

    @classmethod
    def take(cls, directory: Path) -> Lease | None:
        """Hold on to the store that serves this directory; None when none does."""
        try:
            address = json.loads((directory / "address.json").read_bytes())
            os.kill(address["pid"], 0)
            connection = socket.create_connection(("127.0.0.1", address["lease"]), timeout=GREETING_SECONDS)
        except (OSError, ValueError, KeyError):
            return None
        try:
            greeting = json.loads(_read_line(connection))
            lease = cls(connection, greeting["port"], greeting["pid"])
            ours = greeting["data"] == str(directory)
        except (OSError, ValueError, KeyError, TypeError):
            ours = False
        if not ours:
            connection.close()
            return None
        connection.settimeout(None)
        return lease


class EmbeddedStore:
    """A store that this process uses. It is started again when it dies, on the same port, with what it had saved.

    ``started`` says whether this object's process began it. ``starts`` counts the stores seen: 1, and one more for
    each that had to be started again.
    """

    def __init__(self, directory: Path, *, python: Path | None = None, memory: bool = False) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory.resolve()
        self._python = python or interpreter()
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = threading.Event()
        self._farewell = b""
        self.starts = 0
        self.started = False
        self._lease = self._obtain(port=0)
        self._guard = threading.Thread(target=self._keep_running, name="portico-store", daemon=True)
        self._guard.start()

    @property
    def url(self) -> str:
        """The endpoint of its DynamoDB."""
        return f"http://127.0.0.1:{self._lease.port}"

    @property
    def pid(self) -> int:
        """The process that serves now."""
        return self._lease.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self, seconds: float = 60.0) -> None:
        """Let the store go. If nobody else uses it, it saves and ends, and this waits until it has."""
        if self._closing.is_set():
            return
        self._closing.set()
        with suppress(OSError):
            self._lease.connection.sendall(b"bye\n")
        self._guard.join(seconds)
        self._lease.connection.close()
        if self._process is not None and self._farewell != b"staying\n":
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)

    def _obtain(self, port: int) -> Lease:
        """Attach to the directory's store, or start one.

        Raises:
            StoreFailed: it does not start.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            lease = Lease.take(self._directory) or self._launch(port, deadline)
            if lease is not None:
                self.starts += 1
                return lease
            time.sleep(POLL_SECONDS)
        raise StoreFailed(f"The embedded store did not start within {START_SECONDS:.0f} seconds; see {self._log_file}.")

    def _launch(self, port: int, deadline: float) -> Lease | None:
        """Start a process and wait for it; None when another process was faster or is still ending."""
        process = self._spawn(port)
        while time.monotonic() < deadline:
            lease = Lease.take(self._directory)
            if lease is not None and lease.pid == process.pid:
                self._process = process
                self.started = True
                return lease
            if lease is not None:
                process.wait()
                return lease
            if process.poll() is not None:
                if process.returncode == LOCKED:
                    return None
                raise StoreFailed(f"The embedded store did not start: {self._last_words(process.returncode)}")
            time.sleep(POLL_SECONDS)
        process.kill()
        process.wait()
        return None

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        command = [str(self._python), str(SERVER), "--data", str(self._directory), "--port", str(port)]
        with self._log_file.open("ab") as output:
            try:
                # A session of its own: Ctrl-C is for the gateway, which lets the store go when it has answered.
                return subprocess.Popen(
                    [*command, "--memory"] if self._memory else command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    env={name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ},
                )
            except OSError as error:
                raise StoreFailed(f"{self._python} cannot be run ({error.strerror}); run `make setup`.") from error

    @property
    def _log_file(self) -> Path:
        return self._directory / "log"

    def _last_words(self, code: int) -> str:
        lines = self._log_file.read_text(errors="replace").splitlines()
        return lines[-1] if lines else f"exit code {code}."

    def _keep_running(self) -> None:
        while True:
            self._farewell = _read_line(self._lease.connection)
            if self._closing.is_set():
                return
            if not self._start_again():
                return

    def _start_again(self) -> bool:
        self._lease.connection.close()
        if self._process is not None:
            self._process.wait()
        try:
            self._lease = self._obtain(self._lease.port)
        except StoreFailed as error:
            log.error("The embedded store ended, and cannot be started again. %s", error)  # noqa: TRY400 - a sentence
            return False
        log.warning("The embedded store ended; it was started again with everything that it had saved.")
        return True


def interpreter(environ: Mapping[str, str] = os.environ, project: Path = PROJECT) -> Path:
    """The Python of the store's own virtual environment: ``PORTICO_STORE_PYTHON``, or that of ``.venv-store``.

    Raises:
        StoreFailed: it is not there.
    """
    chosen = environ.get("PORTICO_STORE_PYTHON")
    path = Path(chosen) if chosen else project / ".venv-store" / "bin" / "python"
    if path.exists():
        return path
    if chosen:
        raise StoreFailed(f"PORTICO_STORE_PYTHON names {path}, which does not exist.")
    raise StoreFailed("The embedded store is not installed; run `make setup`.")


def _read_line(connection: socket.socket) -> bytes:
    """What the store says next, with its line end; nothing when the connection has ended."""
    line = bytearray()
    with suppress(OSError):
        while not line.endswith(b"\n"):
            received = connection.recv(4096)
            if not received:
                break
            line += received
    return bytes(line)
