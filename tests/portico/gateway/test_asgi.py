from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import pytest
from chalice.app import Chalice
from chalice.config import Config

from portico.gateway import GatewayApplication, RestGateway

from .small import Recorder, Running, render

if TYPE_CHECKING:
    from portico.gateway.asgi import Message


def make(app: Chalice, services: tuple[Recorder, ...] = ()) -> GatewayApplication:
    return GatewayApplication(RestGateway(app, Config.create(), render=render, cors_origin=""), services)


def test_services_start_before_the_first_request_and_stop_after_the_last(small_app: Chalice) -> None:
    first, second = Recorder(), Recorder()
    second.events = first.events
    running = Running(make(small_app, (first, second)))
    assert first.events == ["start", "start"]
    assert "access-control-allow-origin" not in running.request("GET", "/no").headers
    running.close()
    assert first.events == ["start", "start", "stop", "stop"]


def test_every_request_is_one_line_in_the_log(gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "local.access"):
        gateway.request("GET", "/echo/a?secret=1")
        gateway.request("GET", "/no%0Awhere")
    lines = [record.getMessage() for record in caplog.records if record.name == "local.access"]
    assert [re.sub(r"[0-9.]+ ms", "n ms", line) for line in lines] == [
        "GET /echo/a 200 n ms",
        "GET /no%0Awhere 404 n ms",
    ]


def test_a_websocket_is_refused(small_app: Chalice) -> None:
    sent: list[Message] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(make(small_app)({"type": "websocket"}, receive, send))
    assert [(message["type"], message["code"]) for message in sent] == [("websocket.close", 1011)]


def test_a_client_that_goes_away_is_not_answered(small_app: Chalice) -> None:
    sent: list[Message] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "raw_path": b"/", "query_string": b"", "headers": []}
    asyncio.run(make(small_app)(scope, receive, send))
    assert sent == []
