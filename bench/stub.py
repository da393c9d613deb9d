"""``python -m bench.stub``: a DynamoDB over HTTP that answers what ``bench.canned`` has, on a port that it prints.

It reads as much of a request as it takes to know the operation and the end, keeps connections, and ends with its
standard input.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import uvloop

from bench import canned, wire

PROJECT = Path(__file__).resolve().parent.parent
_TARGET = re.compile(rb"x-amz-target: *DynamoDB_20120810\.(\w+)", re.IGNORECASE)
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def _message(content: bytes) -> bytes:
    lines = ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in wire.headers(content).items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


MESSAGES = {operation.encode(): _message(content) for operation, content in canned.ANSWERS.items()}


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (head := self._received.find(b"\r\n\r\n")) >= 0:
            target, length = _TARGET.search(self._received, 0, head), _LENGTH.search(self._received, 0, head)
            if target is None or length is None or target[1] not in MESSAGES:
                self._transport.close()
                return
            end = head + 4 + int(length[1])
            if len(self._received) < end:
                return
            self._received = self._received[end:]
            self._transport.write(MESSAGES[target[1]])


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@contextmanager
def serving() -> Iterator[str]:
    """The URL of a stub in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.stub"], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"


if __name__ == "__main__":
    uvloop.run(_serve())
