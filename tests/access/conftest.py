from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clocks import Clock
from tests.support.issuer import LocalIssuer


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    made = LocalIssuer()
    yield made
    made.close()
