"""Wrong secrets of one id: after some, what is stored is kept for a second, so that guessing costs next to no calls.

Nobody is locked out: the right secret is good at any time, however many others were tried. Counted a process; a guess
has one chance in 2^256, so what has to be bounded is its cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from chalicelib.access import clock

T = TypeVar("T")
MOST = 20
"""Wrong secrets of an id that are each looked up, in a stretch of ``SECONDS``."""
SECONDS = 900
KEPT_SECONDS = 1.0
_MAX_IDS = 10_000


@dataclass
class _Wrong(Generic[T]):
    """The wrong secrets of an id since a moment, and what was stored when it was last looked at."""

    since: float
    count: int = 0
    stored: T | None = None
    read_at: float | None = None


class Guesses(Generic[T]):
    """The ids of one kind of secret, by which stored objects of one type are found."""

    def __init__(self) -> None:
        self._wrong: dict[tuple[str, str], _Wrong[T]] = {}

    def stored(self, place: tuple[str, str], read: Callable[[], T | None]) -> T | None:
        """What is stored under an id; at most a second old where there were many wrong secrets."""
        wrong = self._current(place)
        if wrong is None or wrong.count < MOST:
            return read()
        now = clock.now()
        if wrong.read_at is None or now - wrong.read_at >= KEPT_SECONDS:
            wrong.stored, wrong.read_at = read(), now
        return wrong.stored

    def note(self, place: tuple[str, str]) -> bool:
        """A wrong secret was tried. Whether it was one of those that are each looked up."""
        wrong = self._current(place)
        if wrong is None:
            if len(self._wrong) >= _MAX_IDS:
                self._wrong.clear()
            wrong = self._wrong[place] = _Wrong(clock.now())
        wrong.count += 1
        return wrong.count <= MOST

    def _current(self, place: tuple[str, str]) -> _Wrong[T] | None:
        wrong = self._wrong.get(place)
        return None if wrong is None or clock.now() - wrong.since >= SECONDS else wrong
