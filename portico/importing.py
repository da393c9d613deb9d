"""``portico import``: the rows of a file, into a collection, each exactly once however often it is interrupted."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO, cast
from urllib.parse import quote

from tqdm import tqdm

from portico import rows
from portico.checkpoint import Checkpoint, Progress, base_time, location
from portico.client import Client, refusal
from portico.data import DataDirectory
from portico.errors import CommandError, ServerRefused
from portico.ids import row_id
from portico.rows import Row

CHUNK_ROWS = 500
CHUNK_BYTES = 1_000_000
MAX_ROW_BYTES = 5_000_000
"""What the import endpoint takes as one body."""
SHOWN_FAILURES = 20
NDJSON = "application/x-ndjson"
NOT_FOUND = 404


@dataclass(frozen=True)
class Options:
    """What the user asked for. ``id_property`` names the property whose value is the id."""

    collection: str
    create: bool = False
    id_property: str | None = None
    restart: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Failure:
    """A row that is not in the collection now, and why."""

    line: int
    detail: str
    pointer: str = ""

    def __str__(self) -> str:
        where = f"{self.pointer}: " if self.pointer else ""
        return f"line {self.line}: {where}{self.detail}"


@dataclass
class Outcome:
    """What became of the rows."""

    progress: Progress
    failures: list[Failure] = field(default_factory=list)

    def __str__(self) -> str:
        done = self.progress
        return f"{done.rows} rows: {done.created} created, {done.existing} already there, {done.failed} failed"


@dataclass
class Chunk:
    """Consecutive rows that are sent together, and those among them that cannot be sent."""

    rows: list[Row] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    refused: list[Failure] = field(default_factory=list)
    size: int = 0

    @property
    def end(self) -> int:
        """The number of rows from the file's beginning to this chunk's end."""
        return self._end

    _end: int = 0

    def add(self, row: Row, line: bytes) -> None:
        """Take a row that is sent as ``line``."""
        self.rows.append(row)
        self.lines.append(line)
        self.size += len(line) + 1
        self._end = row.index + 1

    def refuse(self, row: Row, detail: str) -> None:
        """Take a row that is not sent."""
        self.refused.append(Failure(row.line, detail))
        self._end = row.index + 1

    def full(self, more: int) -> bool:
        """Whether a line of ``more`` bytes belongs into the next chunk."""
        return bool(self.lines) and (len(self.lines) >= CHUNK_ROWS or self.size + more > CHUNK_BYTES)


class Import:
    """One import of one file."""

    def __init__(self, client: Client, file: BinaryIO, form: rows.Format, checkpoint: Checkpoint, options: Options):
        self._client = client
        self._file = file
        self._form = form
        self._checkpoint = checkpoint
        self._options = options
        self._path = f"/v1/collections/{quote(options.collection, safe='')}"
        self._outcome = Outcome(checkpoint.safe)

    def run(self, bar: tqdm[Any]) -> Outcome:
        """Send every row that the checkpoint does not count as done.

        After an interruption the rows of the last seconds are sent again, because the store may have lost them.

        Raises:
            ServerUnreachable: it stayed away; the checkpoint says where to go on.
            ServerRefused: the collection cannot be imported into.
        """
        self._ensure_collection()
        start = self._outcome.progress
        try:
            while not self._send_from(start.rows, bar):
                start = self._checkpoint.safe
        except BaseException:
            self._checkpoint.save()
            raise
        self._checkpoint.remove()
        return self._outcome

    def _ensure_collection(self) -> None:
        reply = self._client.request("GET", self._path)
        if reply.status == NOT_FOUND and self._options.create:
            self._client.demand("PUT", self._path, json.dumps({"schema": {"type": "object"}}).encode())
        elif reply.status >= 400:  # noqa: PLR2004 - the errors
            raise refusal(reply)

    def _send_from(self, start: int, bar: tqdm[Any]) -> bool:
        """Send the rows from ``start`` on; False when there was an interruption, so that some have to be sent again."""
        for chunk in self._chunks(start):
            interruptions = self._client.interruptions
            created, existing, failures, failed = self._send(chunk)
            done = self._outcome.progress
            if chunk.end > done.rows:
                count = len(chunk.rows) + len(chunk.refused)
                self._outcome.progress = done.plus(count, created, existing, failed)
                self._outcome.failures += failures
                self._checkpoint.acknowledge(time.time(), self._outcome.progress)
                bar.update(chunk.size)
                bar.set_postfix_str(f"{self._outcome.progress.rows} rows")
            if self._client.interruptions != interruptions and self._checkpoint.safe.rows < chunk.end:
                return False
        return True

    def _chunks(self, start: int) -> Iterator[Chunk]:
        """The rows from ``start`` on; no chunk has both rows that were answered before and rows that were not."""
        border = self._outcome.progress.rows
        chunk = Chunk()
        for row in rows.read(self._file, self._form):
            if row.index < start:
                continue
            line, reason = self._line(row)
            if chunk.full(len(line)) or (row.index == border and chunk.end):
                yield chunk
                chunk = Chunk()
            if reason:
                chunk.refuse(row, reason)
            else:
                chunk.add(row, line)
        if chunk.end:
            yield chunk

    def _line(self, row: Row) -> tuple[bytes, str]:
        """What is sent for a row, or why it cannot be."""
        text, reason = row.text, ""
        if isinstance(row.value, dict) and "id" not in row.value:
            name = self._options.id_property
            if name is None:
                text = row.with_id(row_id(self._checkpoint.base_ms, row.index, row.text.encode("utf-8", "replace")))
            elif isinstance(row.value.get(name), str) and row.value[name]:
                text = row.with_id(row.value[name])
            else:
                reason = f"the property {name!r}, which is to be the id, is missing or neither a string nor a number"
        line = text.encode("utf-8", "replace")
        if len(line) > MAX_ROW_BYTES:
            reason = "the row is larger than 5 MB"
        return line, reason

    def _send(self, chunk: Chunk) -> tuple[int, int, list[Failure], int]:
        """Send a chunk, in as many requests as the service takes: created, existing, failures shown, failures."""
        created = existing = 0
        failures, failed, sent = list(chunk.refused), len(chunk.refused), 0
        while sent < len(chunk.lines):
            body = b"\n".join(chunk.lines[sent:]) + b"\n"
            answer = self._client.demand("POST", f"{self._path}/import", body, content_type=NDJSON).json()
            created += answer["created"]
            existing += answer["existing"]
            failed += answer["failed"]
            failures += [failure for error in answer["errors"] for failure in _failures(chunk.rows[sent:], error)]
            following = answer.get("next")
            if following is not None and following <= 1:
                raise CommandError("The server took none of the rows in its time; try again.")
            sent = len(chunk.lines) if following is None else sent + following - 1
        return created, existing, failures, failed


def _failures(sent: list[Row], error: dict[str, Any]) -> Iterator[Failure]:
    line = sent[error["line"] - 1].line
    causes = error.get("errors") or [{"detail": error.get("detail", "refused")}]
    for cause in causes:
        yield Failure(line, cause["detail"], cause.get("pointer", ""))


def run(client: Client, source: str, data: DataDirectory, options: Options) -> Outcome:
    """Import a file, ``-`` for standard input, and print the failures and the summary.

    Raises:
        CommandError: the file cannot be read, or the import cannot go on; running the same command again does.
    """
    with ExitStack() as stack:
        file, path = _open(source, stack)
        form = rows.detect(path, file)
        digest, size = _digest(file)
        changed = time.time() if source == "-" else min(path.stat().st_mtime, time.time())
        target = f"{client.url}\n{options.collection}"
        names = [f"{name}\n{target}" for name in ([digest] if source == "-" else [digest, path.resolve()])]
        base_ms = base_time(data.imports, names, int(changed * 1000))
        place = location(data.imports, digest, options.collection, client.url)
        if options.restart:
            place.unlink(missing_ok=True)
        checkpoint = Checkpoint.load(place, base_ms)
        task = Import(client, file, form, checkpoint, options)
        resumed = checkpoint.safe.rows
        if resumed and not options.quiet:
            print(f"going on after row {resumed} of an interrupted import", file=sys.stderr)
        bar = stack.enter_context(
            tqdm(total=size, unit="B", unit_scale=True, desc=options.collection, disable=options.quiet or None)
        )
        try:
            outcome = task.run(bar)
        except ServerRefused as error:
            if error.status == NOT_FOUND and not options.create:
                raise CommandError(f"{error} (--create makes it.)") from error
            raise
    _report(outcome)
    return outcome


def _report(outcome: Outcome) -> None:
    for failure in outcome.failures[:SHOWN_FAILURES]:
        print(failure, file=sys.stderr)
    if len(outcome.failures) > SHOWN_FAILURES:
        print(f"… and {len(outcome.failures) - SHOWN_FAILURES} more", file=sys.stderr)
    print(outcome)


def _open(source: str, stack: ExitStack) -> tuple[BinaryIO, Path]:
    """The file, so that it can be read several times; standard input is copied for that."""
    if source == "-":
        spooled = cast("IO[bytes]", stack.enter_context(tempfile.TemporaryFile()))  # noqa: SIM115 - the stack closes it
        shutil.copyfileobj(sys.stdin.buffer, spooled)
        return cast("BinaryIO", spooled), Path("-")
    try:
        return stack.enter_context(Path(source).open("rb")), Path(source)
    except OSError as error:
        raise CommandError(f"{source} cannot be read: {error.strerror}.") from error


def _digest(file: BinaryIO) -> tuple[str, int]:
    """SHA-256 and size of the content."""
    file.seek(0)
    sha = hashlib.sha256()
    while block := file.read(1 << 20):
        sha.update(block)
    return sha.hexdigest(), file.tell()
