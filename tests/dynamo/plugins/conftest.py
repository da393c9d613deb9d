from __future__ import annotations

from collections.abc import Iterator

import pytest

from .clocks import NOW, Clock, clock


@pytest.fixture
def time() -> Iterator[Clock]:
    """The clock of ``clocks.timed``."""
    yield clock
    clock.now = NOW
