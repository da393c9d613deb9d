from __future__ import annotations

import json
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import urllib3

from chalicelib import errors
from portico.gateway.rest import MAX_REQUEST_BYTES

if TYPE_CHECKING:
    from .small import Running


def assert_problem(response: urllib3.BaseHTTPResponse, problem: type[errors.Problem]) -> None:
    assert response.headers["content-type"] == errors.MEDIA_TYPE
    assert response.headers["access-control-allow-origin"] == "https://web.test"
    assert response.status == problem.status
    assert response.json()["code"] == problem.code


def test_an_answer_has_what_the_application_gave(gateway: Running) -> None:
    response = gateway.request("GET", "/")
    assert (response.status, response.json()) == (200, {"hello": "you"})
    assert response.headers["etag"] == '"1"'
    assert response.headers.getlist("content-length") == ["15"]
    assert response.headers.getlist("content-type") == ["application/json"]


def test_head_is_get_without_a_body(gateway: Running) -> None:
    response = gateway.request("HEAD", "/")
    assert (response.status, response.data) == (200, b"")
    assert response.headers["content-length"] == "15"


def test_a_connection_is_kept_for_any_answer(gateway: Running) -> None:
    pool = urllib3.HTTPConnectionPool("127.0.0.1", gateway.port, maxsize=1, timeout=20, retries=False)
    for method, path in [("GET", "/"), ("HEAD", "/"), ("GET", "/status/204"), ("GET", "/status/304"), ("GET", "/no"),
                         ("GET", "/mine"), ("OPTIONS", "/mine"), ("POST", "/"), ("GET", "/status/200")]:  # fmt: skip
        pool.request(method, path)
    assert (pool.num_connections, pool.num_requests) == (1, 9)
    pool.close()


@pytest.mark.parametrize("code", [204, 304])
def test_an_answer_without_content_says_nothing_of_it(gateway: Running, code: int) -> None:
    response = gateway.request("GET", f"/status/{code}")
    assert response.status == code
    assert not {"content-length", "content-type", "transfer-encoding"} & {name.lower() for name in response.headers}


def test_repeated_request_headers_are_joined(gateway: Running) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), 20) as connection:
        connection.sendall(b"GET /echo/a HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["headers"]["x-a"] == "1, 2"


def test_repeated_answer_headers_stay_apart(gateway: Running) -> None:
    assert gateway.request("GET", "/cookies").headers.getlist("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("target", "name"), [("/echo/a;b=1", "a%3Bb=1"), ("/echo/a%2Fb", "a%2Fb"), ("/echo/%F0%9F%93%9A", "%F0%9F%93%9A")]
)
def test_a_path_segment_reaches_the_application_whole(gateway: Running, target: str, name: str) -> None:
    assert gateway.request("GET", target).json()["name"] == name


def test_a_query_reaches_the_application_whole(gateway: Running) -> None:
    query = gateway.request("GET", '/echo/a?where=a%3D%3D"x"&where=é&empty=').json()["query"]
    assert query == {"where": ['a=="x"', "é"], "empty": [""]}


def test_cors_preflight_is_chalices(gateway: Running) -> None:
    response = gateway.request("OPTIONS", "/echo/a", {"Origin": "https://web.test"})
    assert response.status == 200
    assert response.headers["access-control-allow-origin"] == "*"
    assert set(response.headers["access-control-allow-methods"].split(",")) == {"GET", "PUT", "OPTIONS"}


@pytest.mark.parametrize("path", ["/nowhere", "//echo/a", "/echo", "/echo/a/b", "//[", "/%2e%2e/echo"])
def test_an_unknown_path_is_a_404_with_and_without_a_key(gateway: Running, path: str) -> None:
    assert_problem(gateway.request("GET", path), errors.RouteNotFound)
    assert_problem(gateway.request("GET", path, {"Authorization": "Bearer x"}), errors.RouteNotFound)


def test_another_method_is_a_405_that_names_the_methods(gateway: Running) -> None:
    response = gateway.request("DELETE", "/echo/a")
    assert_problem(response, errors.MethodNotAllowed)
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, PUT"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nobody"}, {"Authorization": "Bearer guest"}])
def test_no_credentials_or_nobodys_are_a_401(gateway: Running, headers: dict[str, str]) -> None:
    response = gateway.request("GET", "/mine", headers)
    assert_problem(response, errors.Unauthenticated)
    assert response.headers["www-authenticate"].startswith("Bearer")


def test_the_principal_reaches_the_application(gateway: Running) -> None:
    assert gateway.request("GET", "/mine", {"Authorization": "Bearer admin"}).json() == "somebody"


def test_what_nobody_foresaw_is_a_500_and_in_the_log(gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "local.gateway"):
        assert_problem(gateway.request("GET", "/mine", {"Authorization": "Bearer broken"}), errors.InternalError)
    assert "the authorizer is broken" in caplog.text


@pytest.mark.parametrize("name", [b"Authorization", b"X-Anything"])
def test_a_header_beyond_ascii_is_a_400(gateway: Running, name: bytes) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), 20) as connection:
        connection.sendall(b"GET /mine HTTP/1.1\r\nHost: h\r\n" + name + b": \xff\xfe\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "bad_request"


def test_the_largest_body_arrives(gateway: Running) -> None:
    body = b"x" * MAX_REQUEST_BYTES
    assert gateway.request("PUT", "/echo/a", {"Content-Type": "text/plain"}, body).json()["size"] == MAX_REQUEST_BYTES


def test_a_body_that_announces_too_much_is_refused_unread(gateway: Running) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), 20) as connection:
        connection.sendall(b"PUT /echo/a HTTP/1.1\r\nHost: h\r\nContent-Length: 10000001\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_grows_too_large_is_refused(gateway: Running) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), 20) as connection:
        connection.sendall(b"PUT /echo/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(11):
            connection.sendall(b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_an_answer_that_lambda_could_not_give_is_a_500(gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    assert len(gateway.request("GET", f"/size/{6 * 1024 * 1024}").data) == 6 * 1024 * 1024
    with caplog.at_level(logging.ERROR, "local.gateway"):
        assert_problem(gateway.request("GET", f"/size/{6 * 1024 * 1024 + 1}"), errors.InternalError)
    assert "6 MB" in caplog.text


def test_simultaneous_requests_keep_their_own_request_and_context(gateway: Running) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda name: gateway.request("GET", f"/together/{name}").json(), "ab"))
    assert [answer["name"] for answer in answers] == ["a", "b"]
    assert answers[0]["context"] != answers[1]["context"]
