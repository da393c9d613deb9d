from __future__ import annotations

from collections.abc import Iterator

import pytest
from chalice.app import Chalice
from chalice.config import Config

from portico.gateway import GatewayApplication, RestGateway

from .small import Running, make_app, render


@pytest.fixture(scope="session")
def gateway() -> Iterator[Running]:
    rest = RestGateway(make_app(), Config.create(lambda_timeout=29), render=render, cors_origin="https://web.test")
    running = Running(GatewayApplication(rest))
    yield running
    running.close()


@pytest.fixture
def small_app() -> Chalice:
    return make_app()
