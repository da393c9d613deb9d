from __future__ import annotations

import socket
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest

from chalicelib.access import fetching
from chalicelib.access.fetching import FetchFailed, fetch, is_admissible
from tests.support.issuer import LocalIssuer


@pytest.mark.parametrize(
    ("url", "here", "elsewhere"),
    [
        ("https://login.example.org/realms/shop", True, True),
        ("https://login.example.org:8443/", True, True),
        ("http://127.0.0.1:8080/keys", True, False),
        ("http://localhost/keys", True, False),
        ("http://[::1]:80/keys", True, False),
        ("http://login.example.org/", False, False),
        ("http://127.0.0.1.example.org/", False, False),
        ("http://127.0.0.1@example.org/", False, False),
        ("https://user:password@example.org/", False, False),
        ("https://example.org/#fragment", False, False),
        ("https://", False, False),
        ("https://example.org:port/", False, False),
        ("https://[example.org/", False, False),
        ("file:///etc/passwd", False, False),
        ("ftp://example.org/", False, False),
        ("//example.org/", False, False),
        ("example.org", False, False),
        ("", False, False),
        (None, False, False),
        (5, False, False),
        (["https://example.org"], False, False),
    ],
)
def test_documents_are_fetched_over_tls_but_from_this_machine(url: Any, here: bool, elsewhere: bool) -> None:
    assert is_admissible(url, loopback=True) is here
    assert is_admissible(url, loopback=False) is elsewhere


def test_a_document_is_its_value(issuer: LocalIssuer) -> None:
    issuer.answers["/x"] = (200, {"Content-Type": "application/json"}, {"a": [1]})
    assert fetch(f"{issuer.url}/x") == {"a": [1]}


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (404, {}, b"{}"),
        (500, {}, b"{}"),
        (301, {"Location": "/keys"}, b"{}"),
        (302, {"Location": "http://169.254.169.254/latest/meta-data"}, b"{}"),
        (307, {"Location": "/keys"}, b"{}"),
        (204, {}, b""),
        (200, {}, b""),
        (200, {}, b"<html>"),
        (200, {}, b"\xff\xfe"),
        (200, {}, b"[" * 100_000),
        (200, {}, b'"' + b"x" * fetching.MAX_BYTES + b'"'),
        (200, {"Content-Encoding": "gzip"}, b"{}"),
    ],
)
def test_nothing_else_is_one_and_redirects_are_not_followed(
    issuer: LocalIssuer, status: int, headers: dict[str, str], body: bytes
) -> None:
    issuer.answers["/x"] = (status, headers, body)
    with pytest.raises(FetchFailed):
        fetch(f"{issuer.url}/x")
    assert issuer.asked == ["/x"]


def test_nobody_listens() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        with pytest.raises(FetchFailed):
            fetch(f"http://127.0.0.1:{reserved.getsockname()[1]}/x")


@pytest.fixture
def dripping(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that never comes to an end, though it says something all the time."""
    monkeypatch.setattr(fetching, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
                    while True:
                        connection.sendall(b" ")
                except OSError:
                    return

        thread = Thread(target=drip)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x"
        thread.join(10)


def test_one_that_takes_its_time_is_given_up(dripping: str) -> None:
    with pytest.raises(FetchFailed, match="took longer"):
        fetch(dripping)


def test_one_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "STEP_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(FetchFailed):
        fetch(f"http://127.0.0.1:{server.getsockname()[1]}/x")
