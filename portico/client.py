"""Requests to a Portico, repeated while it is away or asks to be called later."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import urllib3

from portico.errors import CommandError, ServerRefused, ServerUnreachable

if TYPE_CHECKING:
    from typing_extensions import Self

ANSWER_SECONDS = 35.0
"""API Gateway gives up after 29 seconds; https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html."""
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
AWAY = frozenset({502, 503, 504})
LATER = frozenset({429})
_NEXT_LINK = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')


@dataclass(frozen=True)
class Reply:
    """A response. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            CommandError: it is not, so the URL is not a Portico's.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise CommandError("The answer is not JSON; is this the URL of a Portico?") from error

    @property
    def next_link(self) -> str | None:
        """The target of ``Link: <...>; rel="next"`` (RFC 8288)."""
        match = _NEXT_LINK.search(self.headers.get("link", ""))
        return match[1] if match else None


class Client:
    """A Portico at a URL, called with a key.

    ``wait`` is how many seconds it may be away before a request fails. ``interruptions`` counts the times that it
    was, so that a caller can send again what may have been lost with it.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        wait: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc:
            raise CommandError(f"{url!r} is not a URL; it has to look like http://127.0.0.1:8000.")
        if not key.isascii() or not key.isprintable():
            raise CommandError("The key has characters that cannot be sent; keys are visible ASCII.")
        self.url = url.rstrip("/")
        self.interruptions = 0
        self._headers = {"Authorization": f"Bearer {key}", "User-Agent": "portico"}
        self._wait = wait
        self._sleep = sleep
        self._clock = clock
        self._pool = urllib3.PoolManager(timeout=ANSWER_SECONDS, retries=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.clear()

    def request(
        self, method: str, path: str, body: bytes | None = None, *, content_type: str = "application/json"
    ) -> Reply:
        """Answer the response, whatever its status, unless it says to come again. ``path`` may be a link.

        The request is repeated with growing pauses, so it has to be one that may be.

        Raises:
            ServerUnreachable: it was away for longer than ``wait``.
        """
        headers = {**self._headers, "Content-Type": content_type} if body is not None else self._headers
        deadline = self._clock() + self._wait
        pause = FIRST_PAUSE_SECONDS
        while True:
            reply, trouble = self._try(method, path, body, headers)
            if reply is not None and not trouble:
                return reply
            pause_now = max(pause, _retry_after(reply))
            if self._clock() + pause_now > deadline:
                raise ServerUnreachable(f"{self.url} {trouble}; given up after {self._wait:.0f} seconds.")
            self._sleep(pause_now)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def demand(
        self, method: str, path: str, body: bytes | None = None, *, content_type: str = "application/json"
    ) -> Reply:
        """Answer the response if it is a success.

        Raises:
            ServerRefused: it is not.
            ServerUnreachable: it was away for longer than ``wait``.
        """
        reply = self.request(method, path, body, content_type=content_type)
        if not 200 <= reply.status < 300:  # noqa: PLR2004 - the successes
            raise refusal(reply)
        return reply

    def _try(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[Reply | None, str]:
        """One attempt: the reply, and what is the trouble with it if trying again can help."""
        try:
            response = self._pool.request(
                method, _absolute(self.url, path), body=body, headers=headers, redirect=False, preload_content=True
            )
        except urllib3.exceptions.HTTPError as error:
            self.interruptions += 1
            return None, f"cannot be reached ({_reason(error)})"
        reply = Reply(response.status, {name.lower(): value for name, value in response.headers.items()}, response.data)
        if reply.status in AWAY:
            if _document(reply).get("code") != "store_throttled":
                self.interruptions += 1
            return reply, f"answers {reply.status}"
        return reply, f"answers {reply.status}" if reply.status in LATER else ""


def refusal(reply: Reply) -> ServerRefused:
    """The error that an answer is, in one sentence."""
    document = _document(reply)
    detail = document.get("detail") or document.get("title") or "It gives no reason."
    return ServerRefused(reply.status, str(document.get("code", "")), f"Portico answered {reply.status}: {detail}")


def _document(reply: Reply) -> dict[str, Any]:
    try:
        document = json.loads(reply.body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _absolute(url: str, path: str) -> str:
    """The URL of a path below ``url``; a path that is a whole URL has to be of the same server."""
    if urlsplit(path).netloc:
        if urlsplit(path).netloc != urlsplit(url).netloc:
            raise CommandError(f"The answer of {url} refers to another server, {path}.")
        return path
    # API Gateway has its stage in front of every path, which a link from the service may have or not have.
    prefix = urlsplit(url).path
    return urljoin(url + "/", path) if prefix and path.startswith(prefix + "/") else url + path


def _retry_after(reply: Reply | None) -> float:
    value = reply.headers.get("retry-after", "") if reply is not None else ""
    return float(value) if value.isascii() and value.isdigit() else 0.0


def _reason(error: Exception) -> str:
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "the connection is refused" if "refused" in str(error) else "there is no connection"
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "it does not answer in time"
    return "the connection broke"
