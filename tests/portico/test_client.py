from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from portico.client import Client
from portico.errors import CommandError, ServerRefused, ServerUnreachable

from .gateway.small import Running
from .shelf import Shelf


class Time:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.naps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds


def answering(*answers: str) -> list[bytes]:
    return [answer.replace("\n", "\r\n").encode() for answer in answers]


@contextmanager
def scripted(answers: list[bytes]) -> Iterator[str]:
    """A server that gives each connection one answer, as it stands, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


OK = "HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close\n\n{}"
AWAY = "HTTP/1.1 503 Away\nContent-Length: 0\nConnection: close\n\n"
LATER = "HTTP/1.1 429 Later\nRetry-After: 3\nContent-Length: 0\nConnection: close\n\n"
THROTTLED = 'HTTP/1.1 503 x\nContent-Length: 26\nConnection: close\n\n{"code":"store_throttled"}'


def test_a_request_is_repeated_while_the_server_is_away() -> None:
    time = Time()
    with (
        scripted(answering("", AWAY, OK)) as url,
        Client(url, "k", sleep=time.sleep, clock=lambda: time.now) as client,
    ):
        assert client.request("GET", "/").json() == {}
        assert client.interruptions == 2
    assert time.naps == [0.2, 0.4]


def test_retry_after_is_waited_and_is_no_interruption() -> None:
    time = Time()
    with (
        scripted(answering(LATER, THROTTLED, OK)) as url,
        Client(url, "k", sleep=time.sleep, clock=lambda: time.now) as client,
    ):
        assert client.request("GET", "/").status == 200
        assert client.interruptions == 0
    assert time.naps == [3.0, 0.4]


def test_a_server_that_stays_away_is_one_sentence() -> None:
    time = Time()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (
        Client(f"http://127.0.0.1:{port}", "k", sleep=time.sleep, clock=lambda: time.now) as client,
        pytest.raises(ServerUnreachable, match=r"cannot be reached \(the connection is refused\); given up after 30"),
    ):
        client.request("GET", "/")
    assert 20 < time.now <= 30


def test_a_refusal_has_the_problems_detail(client: Client) -> None:
    with pytest.raises(ServerRefused, match="Portico answered 404: There is no collection 'x'") as caught:
        client.demand("GET", "/v1/collections/x")
    assert (caught.value.status, caught.value.code) == (404, "collection_not_found")


def test_a_next_link_is_followed_below_the_servers_own_path() -> None:
    time = Time()
    page = 'HTTP/1.1 200 OK\nLink: </v1/x?cursor=a>; rel="prev", </v1/x?cursor=b,c>; rel="next"\nContent-Length: 0\n\n'
    with scripted(answering(page)) as url, Client(url + "/api", "k", sleep=time.sleep) as client:
        assert client.demand("GET", "/v1/x").next_link == "/v1/x?cursor=b,c"


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://x", "http://"])
def test_what_is_no_url_is_one_sentence(url: str) -> None:
    with pytest.raises(CommandError, match="is not a URL"):
        Client(url, "k")


@pytest.mark.parametrize("key", ["é", "a\nb"])
def test_a_key_that_cannot_be_sent_is_one_sentence(key: str) -> None:
    with pytest.raises(CommandError, match="cannot be sent"):
        Client("http://127.0.0.1", key)


def test_a_key_is_not_sent_to_another_server(server: Running, shelf: Shelf) -> None:
    with Client(server.url, "k") as client, pytest.raises(CommandError, match="another server"):
        client.request("GET", "http://example.test/v1")
