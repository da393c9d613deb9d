"""Rows of a file: JSON array, NDJSON or CSV, one at a time, their text untouched so that no number changes."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from portico.errors import CommandError

Format = Literal["json", "ndjson", "csv"]
BLOCK = 1 << 16
WHITESPACE = " \t\r\n"
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_decoder = json.JSONDecoder(parse_float=str, parse_int=str)
"""Numbers stay text: what is sent is the row's own text, and a long number must not be a reason to refuse it."""


@dataclass(frozen=True)
class Row:
    """One row. ``index`` is its place from 0, ``line`` what a person would look for: the line, or the element.

    ``text`` is the row's JSON on one line. ``value`` is what it says, its numbers as text; None when it is not JSON.
    """

    index: int
    line: int
    text: str
    value: Any

    def with_id(self, value: str) -> str:
        """The row's text with an ``id`` in front; the rest stays as it is."""
        rest = self.text[1:].lstrip(WHITESPACE)
        return f'{{"id":{json.dumps(value)}{"" if rest.startswith("}") else ","}{rest}'


def detect(path: Path, file: BinaryIO) -> Format:
    """The format of a file: by its name, or by its first character."""
    if path.suffix.lower() == ".csv":
        return "csv"
    if path.suffix.lower() in {".ndjson", ".jsonl"}:
        return "ndjson"
    file.seek(0)
    start = b""
    while not start:
        block = file.read(BLOCK)
        if not block:
            break
        start = block.removeprefix(b"\xef\xbb\xbf").lstrip()
    return "json" if start.startswith(b"[") else "ndjson"


def read(file: BinaryIO, form: Format) -> Iterator[Row]:
    """The rows of a seekable file, from its beginning. Blank lines are not rows.

    Raises:
        CommandError: the file is not what ``form`` says, at the point where that is seen. A line of NDJSON that is
            no JSON is a row nevertheless.
    """
    file.seek(0)
    # Detached at the end, because a text wrapper closes its file when it is collected.
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="" if form == "csv" else "\n")
    reader = {"json": _read_array, "ndjson": _read_lines, "csv": _read_csv}[form]
    try:
        yield from reader(text)
    except UnicodeDecodeError as error:
        raise CommandError(f"The file is not UTF-8 (byte {error.object[error.start]:#04x}).") from error
    finally:
        text.detach()


def _read_lines(text: io.TextIOWrapper) -> Iterator[Row]:
    index = 0
    for line, content in enumerate(text, 1):
        stripped = content.strip(WHITESPACE)
        if stripped:
            yield Row(index, line, stripped, _parse(stripped))
            index += 1


def _parse(text: str) -> Any:
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError):
        return None


def _read_array(text: io.TextIOWrapper) -> Iterator[Row]:
    buffer = _Buffer(text)
    if buffer.peek() != "[":
        raise CommandError("The file is not a JSON array.")
    buffer.skip()
    index = 0
    while buffer.peek() != "]":
        content, value = buffer.take_value(index)
        # Line ends are white space in JSON, wherever they may stand; in a string they are escaped.
        yield Row(index, index + 1, content.replace("\r", " ").replace("\n", " "), value)
        index += 1
        if buffer.peek() == ",":
            buffer.skip()
            if buffer.peek() == "]":
                raise CommandError(f"The JSON array has a comma after its last element, {index}.")
        elif buffer.peek() != "]":
            raise CommandError(f"The JSON array is broken after element {index}.")
    buffer.skip()
    if buffer.peek():
        raise CommandError("The file goes on after the end of its JSON array.")


class _Buffer:
    """The part of a JSON text that is being looked at."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._held = ""
        self._at = 0
        self._ended = False

    def peek(self) -> str:
        """The next character that is not white space, without taking it; empty at the end."""
        while True:
            while self._at < len(self._held):
                if self._held[self._at] not in WHITESPACE:
                    return self._held[self._at]
                self._at += 1
            if self._ended:
                return ""
            self._more(BLOCK)

    def skip(self) -> None:
        """Take the character that ``peek`` showed."""
        self._at += 1

    def take_value(self, index: int) -> tuple[str, Any]:
        """The next value: its text and what it says."""
        self.peek()
        size = BLOCK
        while True:
            try:
                value, end = _decoder.raw_decode(self._held, self._at)
            except (ValueError, RecursionError) as error:
                if self._ended:
                    raise CommandError(f"Element {index + 1} of the JSON array is not JSON: {error}.") from error
            else:
                # A number at the very end of what is held may go on.
                if end < len(self._held) or self._ended:
                    content = self._held[self._at : end]
                    self._at = end
                    return content, value
            self._more(size)
            size *= 2

    def _more(self, size: int) -> None:
        block = self._text.read(size)
        self._ended = not block
        self._held = self._held[self._at :] + block
        self._at = 0


def _read_csv(text: io.TextIOWrapper) -> Iterator[Row]:
    reader = csv.DictReader(text, strict=True)
    try:
        for index, cells in enumerate(reader):
            if None in cells or None in cells.values():
                raise CommandError(f"Line {reader.line_num} of the CSV file has not as many cells as its header.")
            members = ",".join(f"{json.dumps(name)}:{_cell(cell)}" for name, cell in cells.items() if cell)
            content = f"{{{members}}}"
            yield Row(index, reader.line_num, content, _parse(content))
    except csv.Error as error:
        raise CommandError(f"Line {reader.line_num} of the CSV file is broken: {error}.") from error


def _cell(cell: str) -> str:
    """A cell as JSON: what is written like a JSON number, true or false is that, everything else a string."""
    return cell if _NUMBER.fullmatch(cell) or cell in {"true", "false"} else json.dumps(cell)
