from __future__ import annotations

from collections.abc import Iterator

import pytest

from portico.client import Client

from .gateway.small import Running
from .shelf import Shelf


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def server(shelf: Shelf) -> Iterator[Running]:
    running = shelf.serve()
    yield running
    running.close()


@pytest.fixture
def client(server: Running) -> Iterator[Client]:
    with Client(server.url, "pk_test", wait=20) as opened:
        yield opened
