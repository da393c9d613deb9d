from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.client import Client, administrator


@pytest.fixture
def client(table: str) -> Iterator[Client]:
    with administrator() as client:
        yield client
