"""Tables whose time the test says."""

from __future__ import annotations

from chalicelib import settings
from chalicelib.dynamo.tables import MAIN_LAYOUT, Table

NOW = 1_700_000_000


class Clock:
    """A time that stands still until it is set."""

    def __init__(self) -> None:
        self.now: float = NOW

    def __call__(self) -> float:
        return self.now


clock = Clock()
timed = Table(lambda: settings.current().table, MAIN_LAYOUT, clock=clock)
"""The test's table, by ``clock``."""
