"""A clock that a test sets."""

from __future__ import annotations

import time

import pytest

from chalicelib.access import clock


class Clock:
    """What the access modules take for the time: the real one, moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moved = 0.0
        self._stopped: float | None = None
        monkeypatch.setattr(clock, "now", self.now)

    def now(self) -> float:
        return (time.time() if self._stopped is None else self._stopped) + self.moved

    def stop(self) -> None:
        """Stand still, a moment after the full hour, when all stretches of time that attempts are counted in begin."""
        self._stopped = time.time() // 3600 * 3600 + 1

    def move(self, seconds: float) -> None:
        self.moved += seconds
