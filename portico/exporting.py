"""``portico export``: the records of a collection as NDJSON, oldest first, resumable to the byte."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import orjson
from tqdm import tqdm

from portico.client import Client
from portico.errors import CommandError, ServerRefused

SERVER_SET = frozenset({"id", "version", "created_at", "updated_at"})


@dataclass(frozen=True)
class Position:
    """How far an export into a file is: ``offset`` bytes of it are right, ``link`` is the next page.

    ``of`` says what is exported, so that a file is not continued with something else.
    """

    offset: int
    link: str
    of: str


class _Number:
    """A number as it was written. Python would round it, or lose that it was 1.0."""

    def __init__(self, text: str) -> None:
        self.text = text


def bare(line: bytes) -> bytes:
    """A record's line without the properties that the server has set; numbers stay as they are written."""
    record = json.loads(line, parse_float=_Number, parse_int=_Number)
    kept = {name: value for name, value in record.items() if name not in SERVER_SET}
    return orjson.dumps(kept, default=lambda number: orjson.Fragment(number.text))


def run(client: Client, collection: str, output: Path | None, *, resume: bool, strip: bool, quiet: bool) -> int:
    """Export a collection into a file, or to standard output, and answer the number of records of this run.

    While a file is written, ``<file>.cursor`` beside it says how far it is; it goes when the export is complete.

    Raises:
        CommandError: the file cannot be written, or the service refuses.
    """
    first = f"/v1/collections/{quote(collection, safe='')}/export"
    bar = tqdm(unit=" records", desc=collection, disable=quiet or None)
    with bar:
        if output is None:
            with suppress(BrokenPipeError):
                return _pages(client, first, sys.stdout.buffer, bar, strip=strip, turned=lambda _: None)
            # Whoever read has seen enough. Python would complain when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return int(bar.n)
        what = f"{client.url}{first}{'#bare' if strip else ''}"
        return _into_file(client, first, output, what, bar, resume=resume, strip=strip)


def _into_file(
    client: Client, first: str, output: Path, what: str, bar: tqdm[Any], *, resume: bool, strip: bool
) -> int:
    note = output.with_name(output.name + ".cursor")
    position = _load(note, what) if resume else None
    try:
        file = output.open("r+b" if position else "wb")
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
    with file:
        if position:
            file.truncate(position.offset)
            file.seek(position.offset)

        def turned(link: str) -> None:
            file.flush()
            os.fsync(file.fileno())
            _save(note, Position(file.tell(), link, what))

        if position is None:
            note.unlink(missing_ok=True)
        try:
            count = _pages(client, position.link if position else first, file, bar, strip=strip, turned=turned)
        except ServerRefused as error:
            if position and error.code == "invalid_cursor":
                raise CommandError(
                    f"The position in {note} is not accepted any more; export without --resume."
                ) from error
            raise
    note.unlink(missing_ok=True)
    return count


def _pages(
    client: Client, link: str | None, file: BinaryIO, bar: tqdm[Any], *, strip: bool, turned: Callable[[str], None]
) -> int:
    """Write page after page; ``turned`` is told the link of the next one when a page is written."""
    count = 0
    while link is not None:
        reply = client.demand("GET", link)
        lines = reply.body.splitlines()
        file.writelines((bare(line) if strip else line) + b"\n" for line in lines)
        count += len(lines)
        bar.update(len(lines))
        link = reply.next_link
        if link is not None:
            turned(link)
    file.flush()
    return count


def _load(note: Path, what: str) -> Position | None:
    """The position of an unfinished export of the same records; None when there is none.

    Raises:
        CommandError: it belongs to another export.
    """
    try:
        position = Position(**json.loads(note.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise CommandError(f"{note} cannot be read; export without --resume.") from error
    if position.of != what:
        raise CommandError(f"{note} belongs to an export of {position.of}; export without --resume.")
    return position


def _save(note: Path, position: Position) -> None:
    draft = note.with_name(note.name + ".draft")
    draft.write_text(json.dumps(asdict(position)), encoding="utf-8")
    draft.replace(note)
