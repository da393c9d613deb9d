"""The gateway as an ASGI application: HTTP to the REST gateway, the background services with its lifespan.

WebSocket connections are refused until there is something that answers them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote_from_bytes

from chalicelib import errors
from portico.background import Service
from portico.gateway.rest import BODILESS, MAX_REQUEST_BYTES, Answer, Request, RestGateway

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

THREADS = 32
# What a target may have besides letters and digits (RFC 3986, 3.3 and 3.4). Chalice would take ``;`` and ``#`` in a
# path for the beginning of something else; API Gateway does not.
PATH_CHARACTERS = "/%:@!$&'()*+,=-._~"
QUERY_CHARACTERS = PATH_CHARACTERS + ';?[]{}|^`\\"<>'

access_log = logging.getLogger("local.access")


class Disconnected(Exception):
    """The client went away before its request was complete."""


class GatewayApplication:
    """The ASGI application. ``services`` are started before the first request and stopped after the last."""

    def __init__(self, rest: RestGateway, services: Sequence[Service] = ()) -> None:
        self._rest = rest
        self._services = services
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="portico-request")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection of the server's."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await _refuse_websocket(receive, send)
        else:
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        for service in self._services:
            service.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for service in reversed(self._services):
            await asyncio.to_thread(service.stop)
        self._threads.shutdown()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        try:
            answer = await self._answer(scope, receive)
        except Disconnected:
            return
        elapsed = (time.perf_counter() - started) * 1000
        path = scope["raw_path"].decode("ascii", "replace")
        access_log.info("%s %s %d %.1f ms", scope["method"], path, answer.status, elapsed)
        await _send(scope["method"], answer, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        try:
            headers = _join_headers(scope["headers"])
            body = await _read_body(headers, receive)
        except errors.Problem as problem:
            return self._rest.problem(problem)
        request = Request(scope["method"], _target(scope), headers, body)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._rest.answer, request)


def _target(scope: Scope) -> str:
    """Path and query as ASCII; what the client left unencoded is encoded."""
    path = quote_from_bytes(scope["raw_path"], safe=PATH_CHARACTERS)
    query = quote_from_bytes(scope["query_string"], safe=QUERY_CHARACTERS)
    return f"{path}?{query}" if query else path


def _join_headers(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """One value per name; repeated ones are joined (RFC 9110, 5.3)."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


async def _read_body(headers: MutableMapping[str, str], receive: Receive) -> bytes:
    """The request's body.

    Raises:
        PayloadTooLarge: it is, or announces itself as, larger than API Gateway takes; the rest is not read.
        Disconnected: the client went away.
    """
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced) > MAX_REQUEST_BYTES:
        raise _too_large()
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_REQUEST_BYTES:
            raise _too_large()
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def _too_large() -> errors.PayloadTooLarge:
    return errors.PayloadTooLarge("A request body can have at most 10 MB.")


async def _send(method: str, answer: Answer, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in answer.headers]
    if answer.status not in BODILESS:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})


async def _refuse_websocket(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 1011, "reason": "There is no WebSocket API yet."})
