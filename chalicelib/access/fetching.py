"""Fetching a JSON document of an issuer's: over TLS, in little time, of little size, from where it was asked for."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import orjson

MAX_BYTES = 256 * 1024
SECONDS = 5.0
"""For a whole document. A step of it (connecting, waiting for more) may take ``STEP_SECONDS``."""
STEP_SECONDS = 2.5
_CHUNK = 16 * 1024
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class FetchFailed(Exception):
    """There is no such document to be had now; the text says why."""


def is_admissible(url: Any, *, loopback: bool) -> bool:
    """Whether a document may be fetched from there: https, or with ``loopback`` http on this machine."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (loopback and parts.scheme == "http" and host in _LOOPBACK)


def fetch(url: str) -> Any:
    """The JSON value at a URL. Redirects are not followed.

    Raises:
        FetchFailed: it answers something else, too much, too slowly or not at all.
    """
    import urllib3  # noqa: PLC0415 - botocore's; most tokens need no fetching

    deadline = time.monotonic() + SECONDS
    timeout = urllib3.Timeout(connect=STEP_SECONDS, read=STEP_SECONDS)
    try:
        with urllib3.PoolManager(timeout=timeout, retries=False) as pool:
            response = pool.request(
                "GET", url, headers={"Accept": "application/json"}, redirect=False, preload_content=False
            )
            try:
                content = _read(response, deadline)
            finally:
                response.close()
    except urllib3.exceptions.HTTPError as error:
        raise FetchFailed(f"{url}: {error}") from error
    if response.status != 200:  # noqa: PLR2004
        raise FetchFailed(f"{url} answered {response.status}")
    try:
        return orjson.loads(content)
    except ValueError:
        raise FetchFailed(f"{url} answered something else than JSON") from None


def _read(response: Any, deadline: float) -> bytes:
    content = bytearray()
    while chunk := response.read1(_CHUNK):
        content += chunk
        if len(content) > MAX_BYTES:
            raise FetchFailed(f"{response.url} has more than {MAX_BYTES} bytes")
        if time.monotonic() > deadline:
            raise FetchFailed(f"{response.url} took longer than {SECONDS:.0f} s")
    return bytes(content)
