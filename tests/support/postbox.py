"""Where a test's deliveries go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from chalicelib.access.delivery import Message

_messages: list[Message] = []


def put(message: Message) -> None:
    _messages.append(message)


def fail(_: Message) -> NoReturn:
    raise ConnectionError("the post office is closed")


@contextmanager
def emptied() -> Iterator[list[Message]]:
    """The messages that were delivered within the block."""
    _messages.clear()
    yield _messages
    _messages.clear()
