from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chalice.app import Chalice
from chalice.test import Client as ChaliceClient

from chalicelib import settings
from chalicelib.access import keys
from chalicelib.collections import definitions, jobs
from chalicelib.dynamo import tables
from chalicelib.dynamo.session import Session
from chalicelib.errors import MEDIA_TYPE
from chalicelib.http.endpoints import ENDPOINTS
from tests.support.assertions import assert_problem
from tests.support.client import Client, administrator, records, the_app


@pytest.fixture
def client(table: str) -> Iterator[Client]:
    with administrator() as client:
        yield client


@pytest.fixture
def app(client: Client) -> Chalice:
    return the_app()


def test_the_routes_are_the_endpoints(app: Chalice) -> None:
    routes = {(method, path) for path, methods in app.routes.items() for method in methods}
    assert routes == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS.values()}


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_is_routed_as_the_table_says(app: Chalice, name: str) -> None:
    endpoint = ENDPOINTS[name]
    entry = app.routes[endpoint.path][endpoint.method]
    assert (entry.authorizer is None) == endpoint.public
    assert entry.content_types == [], "Chalice must not judge content types: it does so without our errors"
    assert entry.cors is not None
    described = {"service": "service_document"}.get(name, name)
    assert entry.view_function.__name__ == described


SECURED = [name for name, endpoint in ENDPOINTS.items() if not endpoint.public]


@pytest.mark.parametrize("name", SECURED)
@pytest.mark.parametrize("key", [None, "", "wrong", "pk_000000000000_" + "0" * 51])
def test_without_a_key_nobody_gets_in(client: Client, name: str, key: str | None) -> None:
    endpoint = ENDPOINTS[name]
    path = endpoint.path.format(collection="books", id="i")
    answer = Client(key).request(endpoint.method, path)
    assert answer.status == (401 if key is None else 403)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_stored_key_lets_in(client: Client, scheme: str) -> None:
    secret = keys.create().secret
    answer = Client(None).get("/v1/collections", authorization=f"{scheme} {secret}")
    assert answer.status == 200


@pytest.mark.parametrize("header", ["Basic {}", "{}", "Bearer", "Bearer {}x", "Bearer x{}", "Token {}", "Bearer ключ"])
def test_anything_but_a_bearer_key_does_not(client: Client, header: str) -> None:
    answer = Client(None).get("/v1/collections", authorization=header.format(keys.create().secret))
    assert answer.status == 403


def test_a_key_without_a_role_is_known_and_may_nothing(client: Client) -> None:
    client.define("books")
    nobody = Client(keys.create(roles=()).secret)
    for name in SECURED:
        endpoint = ENDPOINTS[name]
        if name in ("batch", "transaction", "read_usage", "who_am_i"):
            continue
        path = endpoint.path.format(collection="books", id="i")
        body: tuple[Any, ...] = ({},) if endpoint.body else ()
        media = {"content_type": endpoint.body.media[0]} if endpoint.body else {}
        assert_problem(nobody.request(endpoint.method, path, *body, **media), 403, "forbidden")
    listed = {"operations": [{"op": "create", "collection": "books", "body": {}}]}
    assert nobody.post("/v1/batch", listed).json()["results"][0]["problem"]["code"] == "forbidden"
    assert_problem(nobody.post("/v1/transactions", listed), 403, "transaction_canceled")


def test_the_authorizers_policy_is_for_all_routes_because_it_is_cached(app: Chalice) -> None:
    with ChaliceClient(app, "dev", ".") as chalice:
        event = {
            "type": "TOKEN",
            "authorizationToken": f"Bearer {keys.create().secret}",
            "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:abc/api/GET/v1/collections",
        }
        allowed = chalice.lambda_.invoke("authorizer", event).payload
        denied = chalice.lambda_.invoke("authorizer", {**event, "authorizationToken": "Bearer nobody"}).payload
    (statement,) = allowed["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"] == ["arn:aws:execute-api:eu-west-1:123456789012:abc/api/*/*"]
    assert all(isinstance(value, str) for value in allowed["context"].values())
    assert not any(each["Resource"] for each in denied["policyDocument"]["Statement"])


def test_public_endpoints_take_no_key(client: Client) -> None:
    for path in ("/", "/health", "/openapi.json"):
        assert Client(None).get(path).status == 200


def test_browsers_may_read_answers_and_problems(client: Client) -> None:
    client.define("books")
    client.make("books", {"id": "i"})
    for answer in (
        client.get("/"),
        client.get(records("books", "i")),
        client.get(records("books", "i"), if_none_match='"1"'),
        client.get(records("books", "nobody")),
        client.post(records("books"), b"{"),
        client.delete(records("books", "i")),
        client.request("PUT", records("books")),
    ):
        assert answer.headers["access-control-allow-origin"] == "*", answer
    exposed = client.get(records("books")).headers["access-control-expose-headers"]
    assert {"ETag", "Location", "Link", "Retry-After"} <= set(exposed.split(","))


def test_browsers_may_send_what_the_endpoints_take(client: Client) -> None:
    preflight = client.request("OPTIONS", records("books", "i"))
    allowed = {name.lower() for name in preflight.headers["access-control-allow-headers"].split(",")}
    sent = {header.lower() for endpoint in ENDPOINTS.values() for header in endpoint.headers}
    assert sent | {"content-type", "authorization"} <= allowed
    assert set(preflight.headers["access-control-allow-methods"].split(",")) == {
        "GET", "PUT", "PATCH", "DELETE", "OPTIONS",
    }  # fmt: skip


@pytest.mark.parametrize("path", sorted({endpoint.path for endpoint in ENDPOINTS.values()}))
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE"])
def test_another_method_is_a_problem_that_says_which_there_are(client: Client, path: str, method: str) -> None:
    there = {endpoint.method for endpoint in ENDPOINTS.values() if endpoint.path == path}
    if method in there:
        return
    answer = client.request(method, path.format(collection="books", id="i"))
    assert_problem(answer, 405, "method_not_allowed")
    assert {each.strip() for each in answer.headers["allow"].split(",")} == there


def test_the_schedule_goes_on_with_jobs(app: Chalice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "CACHE_SECONDS", -1.0)
    definitions.put("books", {"schema": {}})
    job = definitions.delete("books")
    with ChaliceClient(app, "dev", ".") as chalice:
        chalice.lambda_.invoke("run_jobs", chalice.events.generate_cw_event("aws.events", "Scheduled Event", {}, []))
    assert jobs.get(job.id).state == "done"


def test_health_is_of_the_store(client: Client) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    with settings.override(table="a-table-that-is-not-there"):
        answer = client.get("/health")
    assert_problem(answer, 503, "store_unavailable")
    assert answer.headers["retry-after"] == "1"


def test_nothing_answers_while_the_store_cannot_be_reached(
    client: Client, monkeypatch: pytest.MonkeyPatch, unreachable: Callable[[], Session]
) -> None:
    monkeypatch.setattr(tables.main, "_connect", unreachable)
    for path in ("/health", "/v1/collections", records("books", "i")):
        assert_problem(client.get(path), 503, "store_unavailable")
    assert_problem(client.post(records("books"), {}), 503, "store_unavailable")


def test_every_answer_says_what_it_is(client: Client) -> None:
    assert client.get("/").headers["content-type"] == "application/json"
    assert client.get(records("nobody")).headers["content-type"] == MEDIA_TYPE
