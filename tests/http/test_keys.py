from __future__ import annotations

from typing import Any

import pytest

from chalicelib.access import keys
from chalicelib.dynamo.tables import main
from tests.support.assertions import assert_problem, pointers
from tests.support.client import Client, another_administrator
from tests.support.stores import stored

APP = "/v1/keys/mobile-app"
SERVER_SET = {"id", "version", "created_at", "updated_at", "rotated_at", "previous_until", "last_used_at"}
READER = {"name": "The app", "roles": [], "scopes": ["*:list"], "plan": None, "expires_at": None}


def bounded(*scopes: str) -> Client:
    """An administrator who may do these things only."""
    return Client(keys.create(scopes=scopes).secret)


def is_nobodys(secret: str) -> bool:
    return Client(secret).get("/v1/collections").status in {401, 403}


def test_a_key_is_made_read_changed_and_revoked(client: Client) -> None:
    made = client.put(APP, {"name": "The app", "roles": ["admin"], "scopes": ["*:administer"]})
    assert (made.status, made.etag, made.headers["location"]) == (201, '"1"', APP)
    assert made.headers["cache-control"] == "no-store"
    secret = made.json()["secret"]
    assert secret.startswith("pk_mobile-app_")
    app = Client(secret)
    assert app.get("/v1/collections").status == 200
    read = client.get(APP)
    assert (read.status, read.etag) == (200, '"1"')
    assert set(read.json()) == SERVER_SET | set(READER)
    assert read.json()["last_used_at"] is not None
    changed = client.put(APP, READER, if_match='"1"')
    assert (changed.status, changed.etag, "secret" in changed.json()) == (200, '"2"', False)
    assert "location" not in changed.headers
    assert_problem(app.get("/v1/collections"), 403, "forbidden")
    assert client.delete(APP).status == 204
    assert is_nobodys(secret)
    assert_problem(client.get(APP), 404, "key_not_found")
    assert_problem(client.delete(APP), 404, "key_not_found")
    assert_problem(client.post(f"{APP}/rotate", {}), 404, "key_not_found")


def test_a_key_under_an_id_of_the_servers(client: Client) -> None:
    made = client.post("/v1/keys", {"roles": ["admin"]})
    assert (made.status, made.headers["location"]) == (201, f"/v1/keys/{made.json()['id']}")
    assert Client(made.json()["secret"]).get("/v1/collections").status == 200
    problem = assert_problem(client.post("/v1/keys", {"id": "mobile-app"}), 422, "validation_failed")
    assert pointers(problem) == ["/id"]


def test_a_rotated_key_has_two_secrets_and_then_one(client: Client) -> None:
    first = client.put(APP, {"roles": ["admin"]}).json()["secret"]
    rotated = client.post(f"{APP}/rotate", {"overlap": 3600})
    assert (rotated.status, rotated.etag, rotated.headers["cache-control"]) == (200, '"2"', "no-store")
    second = rotated.json()["secret"]
    assert [is_nobodys(each) for each in (first, second)] == [False, False]
    third = client.post(f"{APP}/rotate", {"overlap": 0}, if_match='"2"').json()["secret"]
    assert [is_nobodys(each) for each in (first, second, third)] == [True, True, False]
    assert_problem(client.post(f"{APP}/rotate", {}, if_match='"2"'), 412, "precondition_failed")


def test_no_secret_is_shown_again(client: Client) -> None:
    text = client.put(APP, {}).json()["secret"]
    answers = [client.get(APP), client.get("/v1/keys"), client.put(APP, {}), client.get("/v1/audit")]
    for answer in answers:
        assert answer.status == 200
        assert "secret" not in answer.text
        assert text[-51:] not in answer.text
        assert keys.ApiKey.get(id="mobile-app").hash not in answer.text  # type: ignore[union-attr]
    assert text[-51:] not in repr(stored())


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_keys_are_listed_by_id(client: Client, limit: int) -> None:
    for name in ("b", "c", "a"):
        client.put(f"/v1/keys/{name}", READER)
    assert [each["id"] for each in client.listed("/v1/keys", limit=limit)] == ["a", "b", "c"]


def test_a_cursor_is_its_callers(client: Client) -> None:
    for name in ("a", "b"):
        client.put(f"/v1/keys/{name}", READER)
    cursor = client.get("/v1/keys", query={"limit": 1}).json()["next"]
    assert_problem(another_administrator().get("/v1/keys", query={"cursor": cursor}), 400, "invalid_cursor")


@pytest.mark.parametrize(
    ("method", "headers", "there", "status"),
    [
        ("GET", {"if_none_match": '"1"'}, True, 304),
        ("GET", {"if_none_match": '"2"'}, True, 200),
        ("PUT", {"if_match": '"1"'}, True, 200),
        ("PUT", {"if_match": '"2"'}, True, 412),
        ("PUT", {"if_match": '"1"'}, False, 412),
        ("PUT", {"if_none_match": "*"}, True, 412),
        ("PUT", {"if_none_match": "*"}, False, 201),
        ("DELETE", {"if_match": '"1"'}, True, 204),
        ("DELETE", {"if_match": '"2"'}, True, 412),
        ("DELETE", {"if_match": '"1"'}, False, 404),
    ],
)
def test_preconditions_by_method(
    client: Client, method: str, headers: dict[str, str], there: bool, status: int
) -> None:
    if there:
        client.put(APP, {})
    body: tuple[Any, ...] = ({},) if method == "PUT" else ()
    assert client.request(method, APP, *body, **headers).status == status


@pytest.mark.parametrize("key_id", ["A", "a_b", "a.b", "-a", "a" * 41, "configured", "%00", "a%2Fb", "x" * 2000])
def test_what_cannot_be_a_keys_id(client: Client, key_id: str) -> None:
    for method, path, *body in (
        ("GET", f"/v1/keys/{key_id}"),
        ("PUT", f"/v1/keys/{key_id}", {}),
        ("DELETE", f"/v1/keys/{key_id}"),
        ("POST", f"/v1/keys/{key_id}/rotate", {}),
    ):
        assert_problem(client.request(str(method), str(path), *body), 400, "invalid_identifier")


def test_everything_wrong_with_a_key_is_named(client: Client) -> None:
    wrong = {"name": 1, "roles": [""], "scopes": ["books:write"], "plan": 5, "expires_at": "soon", "secret": "mine"}
    for answer in (client.put(APP, wrong), client.post("/v1/keys", wrong)):
        problem = assert_problem(answer, 422, "validation_failed")
        named = {"/name", "/roles/0", "/scopes/0", "/plan", "/expires_at", "/secret"}
        assert set(pointers(problem)) == named


@pytest.mark.parametrize("body", [b"", b"{", b'{"name":"\\ud800"}', b"[" * 2000])
@pytest.mark.parametrize(("method", "path"), [("PUT", APP), ("POST", "/v1/keys"), ("POST", f"{APP}/rotate")])
def test_what_is_no_json(client: Client, method: str, path: str, body: bytes) -> None:
    assert_problem(client.request(method, path, body), 400, "malformed_json")


@pytest.mark.parametrize("number", [b"1e400", b"1" * 5000, b"-1", b"1e999999999"])
def test_an_overlap_of_any_number(client: Client, number: bytes) -> None:
    client.put(APP, {})
    assert_problem(client.post(f"{APP}/rotate", b'{"overlap":' + number + b"}"), 422, "validation_failed")


@pytest.mark.parametrize(
    "scopes", [["*:administer"], [f"*:{each}" for each in ("list", "read", "create", "update")], []]
)
def test_who_is_bounded_makes_no_keys(client: Client, scopes: list[str]) -> None:
    client.put(APP, READER)
    own = keys.create(scopes=tuple(scopes))
    caller = Client(own.secret)
    for answer in (
        caller.put("/v1/keys/other", {"roles": ["admin"]}),
        caller.post("/v1/keys", {"roles": ["admin"]}),
        caller.put(f"/v1/keys/{own.id}", {"roles": ["admin"]}),
        caller.put(APP, {"roles": ["admin"]}),
        caller.post(f"{APP}/rotate", {}),
        caller.delete(APP),
    ):
        assert_problem(answer, 403, "forbidden")
    assert client.get(APP).etag == '"1"'


def test_who_is_bounded_gives_no_roles(client: Client) -> None:
    caller = bounded("*:administer")
    assert_problem(caller.post("/v1/invitations", {"roles": ["admin"]}), 403, "forbidden")
    assert caller.post("/v1/invitations", {}).status == 200
    client.post("/v1/auth/signup", {"email": "ann@example.org", "password": "correct horse battery"})
    (ann,) = client.get("/v1/users").json()["items"]
    path = f"/v1/users/{ann['id']}"
    assert_problem(caller.put(path, {"roles": ["admin"], "disabled": False}), 403, "forbidden")
    assert client.put(path, {"roles": ["editor"], "disabled": False}).status == 200
    assert caller.put(path, {"roles": ["editor"], "disabled": True}).status == 200
    assert caller.put(path, {"roles": [], "disabled": False}).status == 200


def test_an_administrator_who_may_do_everything_makes_keys(client: Client) -> None:
    assert bounded("*:*").put(APP, READER).status == 201
    assert another_administrator().put(APP, READER).status == 200


def test_who_may_administer_sees_keys(client: Client) -> None:
    client.put(APP, READER)
    assert bounded("*:administer").get("/v1/keys").status == 200
    assert bounded("*:administer").get(APP).status == 200
    assert_problem(bounded("*:read").get("/v1/keys"), 403, "forbidden")


def test_scopes_bind_an_administrators_key(client: Client) -> None:
    client.define("books")
    client.define("notes")
    caller = Client(client.put(APP, {"roles": ["admin"], "scopes": ["books:read", "books:list"]}).json()["secret"])
    made = client.make("books", {})
    assert caller.get(f"/v1/collections/books/records/{made['id']}").status == 200
    assert caller.get("/v1/collections/books/records").status == 200
    assert_problem(caller.post("/v1/collections/books/records", {}), 403, "forbidden")
    assert_problem(caller.get("/v1/collections/notes/records"), 403, "forbidden")
    assert_problem(caller.get("/v1/collections"), 403, "forbidden")


def test_a_key_is_under_its_plan(client: Client) -> None:
    client.put("/v1/plans/free", {"rate": 1, "burst": 2})
    caller = Client(client.put(APP, {"roles": ["admin"], "plan": "free"}).json()["secret"])
    assert caller.get("/v1/auth/me").json()["plan"] == "free"
    assert "ratelimit" in caller.get("/v1/collections").headers


def test_the_calls_of_a_request(client: Client) -> None:
    caller = Client(keys.create().secret)
    caller.get(APP)
    with main.session.recording() as recorder:
        caller.put(APP, {})
    assert recorder.operations == ["GetItem", "GetItem", "TransactWriteItems"]
