"""The embedded store's process: MiniStack's DynamoDB on a loopback port, with every write on disk before its answer.

It runs in the store's own virtual environment, so it imports nothing of Portico. ``process.py`` starts it.

Files in ``--data``: ``state.json`` (a snapshot), ``journal-<n>`` (each write request since that snapshot, in the order
in which they were carried out), ``lock`` (held for as long as the process lives; the kernel lets go of it when it is
killed) and ``address.json`` (where it listens). After ``kill -9`` the next start loads the snapshot and repeats the
journal's requests; a request whose line is torn had not been answered.

Whoever uses the store holds a connection to its lease port open. When the last one is gone, the store saves, waits a
little for a successor (``chalice local`` replaces its process at every change of a file) and exits; so it outlives
nobody, however they end.

It uses four names that MiniStack 1.5.33 does not document (``persistence._json_default``, ``_json_object_hook``,
``dynamodb._lock`` and that ``dynamodb`` copies its state with ``copy.deepcopy``), hence the exact pin.
"""

# ruff: noqa: PLC0415, SLF001 - MiniStack reads the environment when it is imported, and see above

import argparse
import asyncio
import contextlib
import copy
import fcntl
import json
import os
import signal
import socket
import sys
import types
from pathlib import Path

FORMAT = 1
OK = 200
LOCKED = 75
"""Exit code: another process has this data directory."""
UNREADABLE = 65
"""Exit code: the saved state cannot be read; the last line of the log says why."""

IDLE_SECONDS = 2.0
JOURNAL_REQUESTS = 4000
JOURNAL_BYTES = 16 << 20
"""A snapshot is taken after so much journal, or when nothing was written for a while: what a start has to repeat."""

DATA_OPERATIONS = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
READ_PREFIXES = ("Get", "Query", "Scan", "List", "Describe", "BatchGet", "TransactGet")


class Journal:
    """The write requests since the snapshot ``number``: a JSON array ``[target, credential, body]`` per line."""

    def __init__(self, directory, number):
        self.path = directory / f"journal-{number}"
        self.number = number
        self.requests = 0
        self.bytes = 0
        self._file = None

    def entries(self):
        """Read what a predecessor wrote. A torn last line was never answered and is left out."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                yield json.loads(line)

    def append(self, target, credential, body):
        """Write one request out to the operating system, which keeps it when this process is killed."""
        if self._file is None:
            self._file = self.path.open("ab", buffering=0)
        line = json.dumps([target, credential, body.decode()]).encode() + b"\n"
        self._file.write(line)
        self.requests += 1
        self.bytes += len(line)

    def close(self):
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Store:
    """MiniStack's DynamoDB with its snapshot and journal."""

    def __init__(self, directory, *, memory):
        import ministack.app
        from ministack.core import persistence
        from ministack.services import dynamodb

        self.app = ministack.app.app
        self._dynamodb = dynamodb
        self._persistence = persistence
        self._directory = directory
        self._memory = memory
        self._journal = Journal(directory, 0)
        self._last_write = 0.0

    async def load(self):
        """Read the snapshot and repeat the journal's requests."""
        if self._memory:
            return
        saved = self._directory / "state.json"
        if saved.exists():
            document = json.loads(saved.read_bytes(), object_hook=self._persistence._json_object_hook)
            if document["format"] != FORMAT:
                raise ValueError(f"it has format {document['format']}, this Portico knows {FORMAT}")
            self._dynamodb.load_persisted_state(document["state"])
            self._journal = Journal(self._directory, document["journal"])
        for target, credential, body in self._journal.entries():
            await self._repeat(target, credential, body.encode())
        if self._journal.path.exists():
            self.save()

    async def _repeat(self, target, credential, body):
        headers = {
            "host": "127.0.0.1",
            "content-type": "application/x-amz-json-1.0",
            "content-length": str(len(body)),
            "x-amz-target": target,
            "authorization": credential,
        }
        scope = {
            "type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "scheme": "http",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        }  # fmt: skip
        status = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            if message["type"] == "http.response.start":
                status.append(message["status"])

        await self.app(scope, receive, send)
        if status != [OK]:
            print(f"journal: {target} answered {status} when repeated", file=sys.stderr, flush=True)

    async def __call__(self, scope, receive, send):
        """ASGI: MiniStack's own application, with each successful write in the journal before it is answered.

        MiniStack carries out a DynamoDB request without suspending between its first effect and its answer, so the
        journal has the order of the effects, and no request is half done when a snapshot is taken.
        """
        if scope["type"] == "lifespan":
            # Not MiniStack's: it would look for its containers in Docker and start the schedulers of other services.
            await _lifespan(receive, send)
            return
        headers = dict(scope.get("headers", ()))
        target = headers.get(b"x-amz-target", b"").decode("latin-1")
        operation = target.rpartition(".")[2]
        if self._memory or not operation or operation.startswith(READ_PREFIXES):
            await self.app(scope, receive, send)
            return
        chunks = []

        async def listen():
            message = await receive()
            chunks.append(message.get("body", b""))
            return message

        async def record(message):
            if message["type"] == "http.response.start" and message["status"] == OK:
                self._written(operation, target, headers.get(b"authorization", b"").decode("latin-1"), chunks)
            await send(message)

        await self.app(scope, listen, record)

    def _written(self, operation, target, authorization, chunks):
        if operation in DATA_OPERATIONS:
            self._journal.append(target, authorization.partition(", SignedHeaders")[0], b"".join(chunks))
            self._last_write = asyncio.get_running_loop().time()
        else:
            # Tables have creation times and stream names, which a repetition would make anew.
            self.save()

    def save(self):
        """Write a snapshot and begin a new journal. Blocks: about 10 ms per MB."""
        if self._memory:
            return
        number = self._journal.number + 1
        document = {"format": FORMAT, "journal": number, "state": self._state()}
        text = json.dumps(document, default=self._persistence._json_default, check_circular=False)
        draft = self._directory / "state.json.draft"
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        successor = Journal(self._directory, number)
        successor.path.unlink(missing_ok=True)
        draft.replace(self._directory / "state.json")
        self._journal.close()
        self._journal.path.unlink(missing_ok=True)
        self._journal = successor

    def _state(self):
        # The state is serialised before anything else runs, so MiniStack's own deep copy, ten times the cost of the
        # serialisation, is not needed.
        with self._dynamodb._lock:
            self._dynamodb.copy = types.SimpleNamespace(copy=copy.copy, deepcopy=lambda value: value)
            try:
                return self._dynamodb.get_state()
            finally:
                self._dynamodb.copy = copy

    async def keep_saving(self):
        """Take snapshots, for as long as the process lives."""
        while True:
            await asyncio.sleep(IDLE_SECONDS / 4)
            journal = self._journal
            idle = asyncio.get_running_loop().time() - self._last_write >= IDLE_SECONDS
            large = journal.requests >= JOURNAL_REQUESTS or journal.bytes >= JOURNAL_BYTES
            if large or (idle and journal.requests):
                self.save()

    def close(self):
        """Save, at the end."""
        self.save()
        self._journal.close()


async def _lifespan(receive, send):
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


class Leases:
    """The connections of those who use the store; none left is the end of it.

    A holder reads one line of JSON (``data``, ``port``, ``pid``) and keeps the connection. One that writes ``bye``
    reads ``stopping`` or ``staying``, and no successor is waited for.
    """

    def __init__(self, greeting, *, linger, patience, abandoned):
        self.ended = asyncio.Event()
        self._greeting = json.dumps(greeting).encode() + b"\n"
        self._linger = linger
        self._abandoned = abandoned
        self._held = 0
        self._timer = asyncio.get_running_loop().call_later(patience, self.ended.set)

    async def hold(self, reader, writer):
        """One holder's connection, from beginning to end."""
        if self.ended.is_set():
            writer.close()
            return
        self._held += 1
        self._timer.cancel()
        farewell = False
        with contextlib.suppress(OSError):
            writer.write(self._greeting)
            farewell = await reader.readline() == b"bye\n"
        self._held -= 1
        if not self._held:
            self._last_one_left(farewell=farewell)
        with contextlib.suppress(OSError):
            if farewell:
                writer.write(b"stopping\n" if self.ended.is_set() else b"staying\n")
                await writer.drain()
            writer.close()

    def _last_one_left(self, *, farewell):
        if farewell:
            self.ended.set()
            return
        self._abandoned()
        self._timer = asyncio.get_running_loop().call_later(self._linger, self.ended.set)


def _listen(port):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    return listener


def _publish(path, document):
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(document))
    draft.replace(path)


async def _serve(arguments, listener):
    import uvicorn

    port = listener.getsockname()[1]
    store = Store(arguments.data, memory=arguments.memory)
    try:
        await store.load()
    except (ValueError, KeyError, OSError) as error:
        print(f"The saved state in {arguments.data} cannot be read ({error}); move it away to start empty.",
              file=sys.stderr, flush=True)  # fmt: skip
        return UNREADABLE
    greeting = {"data": str(arguments.data), "port": port, "pid": os.getpid()}
    leases = Leases(greeting, linger=arguments.linger, patience=arguments.patience, abandoned=store.save)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leases.ended.set)
    saving = asyncio.create_task(store.keep_saving())
    lease_listener = await asyncio.start_server(leases.hold, sock=_listen(0))
    address = arguments.data / "address.json"
    _publish(address, {**greeting, "lease": lease_listener.sockets[0].getsockname()[1]})

    config = uvicorn.Config(
        store,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # they are for the leases, above
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await leases.ended.wait()
    server.should_exit = True
    await serving
    lease_listener.close()
    saving.cancel()
    address.unlink(missing_ok=True)
    store.close()
    return 0


def _configure(arguments, port):
    """Tell MiniStack what to be. It reads the environment when it is imported."""
    os.environ.update(
        GATEWAY_PORT=str(port),
        BIND_HOST="127.0.0.1",
        SERVICES="dynamodb,dynamodbstreams",
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        PERSIST_STATE="0",
        STATE_DIR=str(arguments.data / "ministack"),
        LOG_LEVEL="WARNING",
    )


def main():
    """Take the data directory's lock, serve until nobody holds a lease, save."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the store's own directory")
    parser.add_argument("--port", type=int, default=0, help="the port; any free one unless given")
    parser.add_argument("--memory", action="store_true", help="keep nothing on disk")
    parser.add_argument("--linger", type=float, default=3.0, help="seconds to wait for a successor")
    parser.add_argument("--patience", type=float, default=15.0, help="seconds to wait for the first lease")
    arguments = parser.parse_args()
    arguments.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    arguments.data = arguments.data.resolve()
    with (arguments.data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return LOCKED
        listener = _listen(arguments.port)
        _configure(arguments, listener.getsockname()[1])
        import uvloop

        return uvloop.run(_serve(arguments, listener))


if __name__ == "__main__":
    sys.exit(main())
