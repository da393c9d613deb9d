from __future__ import annotations

from typing import Any

import pytest

from chalicelib.access import audit
from chalicelib.access.audit import Author
from chalicelib.access.principals import ADMIN, Principal
from chalicelib.http import responses
from tests.support.assertions import assert_problem
from tests.support.callers import Caller
from tests.support.client import Client, another_administrator
from tests.support.stores import stored

ANN = {"email": "ann@example.org", "password": "correct horse battery"}


def trail(client: Client, **query: Any) -> list[tuple[str, str]]:
    """What was done to what, the oldest first."""
    return [(entry["action"], entry["subject"]) for entry in client.listed("/v1/audit", **query)[::-1]]


def test_every_administrative_change_is_in_the_trail(client: Client) -> None:
    client.define("books")
    client.define("books", description="Books")
    client.delete("/v1/collections/books")
    client.put("/v1/plans/free", {"rate": 1, "burst": 1})
    client.put("/v1/plans/free", {"rate": 2, "burst": 1})
    client.delete("/v1/plans/free")
    client.put("/v1/keys/app", {})
    client.put("/v1/keys/app", {"name": "The app"})
    client.post("/v1/keys/app/rotate", {})
    client.delete("/v1/keys/app")
    client.post("/v1/invitations", {"roles": ["editor"]})
    client.post("/v1/auth/signup", ANN)
    user = client.get("/v1/users").json()["items"][0]["id"]
    client.put(f"/v1/users/{user}", {"roles": ["editor"], "disabled": False})
    client.delete(f"/v1/users/{user}")
    kid = client.post("/v1/signing-keys", {}).json()["kid"]
    assert trail(client) == [
        ("collection.created", "collection:books"),
        ("collection.updated", "collection:books"),
        ("collection.deleted", "collection:books"),
        ("plan.created", "plan:free"),
        ("plan.updated", "plan:free"),
        ("plan.deleted", "plan:free"),
        ("key.created", "key:app"),
        ("key.updated", "key:app"),
        ("key.rotated", "key:app"),
        ("key.revoked", "key:app"),
        ("invitation.created", "invitation:*"),
        ("user.updated", f"user:{user}"),
        ("user.deleted", f"user:{user}"),
        ("signing_key.rotated", f"signing-key:{kid}"),
    ]
    assert sorted(audit.ACTIONS) == sorted(action for action, _ in trail(client))
    assert "ann@example.org" not in repr(stored("audit"))


def test_before_and_after_are_what_the_api_showed(client: Client) -> None:
    one = client.define("books")
    two = client.define("books", description="Books")
    client.delete("/v1/collections/books")
    entries = client.get("/v1/audit").json()["items"][::-1]
    assert [(each["before"], each["after"]) for each in entries] == [(None, one), (one, two), (two, None)]
    client.put("/v1/plans/free", {"rate": 1, "burst": 1})
    plan = client.get("/v1/plans/free").json()
    client.delete("/v1/plans/free")
    entries = client.get("/v1/audit", query={"subject": "plan:free"}).json()["items"][::-1]
    assert [(each["before"], each["after"]) for each in entries] == [(None, plan), (plan, None)]


def test_what_is_refused_is_not_in_the_trail(client: Client) -> None:
    client.put("/v1/collections/books", {"schema": 5})
    client.put("/v1/plans/free", {"rate": -1})
    client.put("/v1/keys/app", {"scopes": ["x"]})
    client.put("/v1/keys/app", {}, if_match='"1"')
    client.delete("/v1/collections/books")
    client.delete("/v1/plans/free")
    client.delete("/v1/keys/app")
    client.delete("/v1/users/nobody")
    Client(None).put("/v1/keys/app", {})
    assert trail(client) == []


def test_records_are_not_in_the_trail(client: Client) -> None:
    client.define("books")
    client.make("books", {})
    assert trail(client) == [("collection.created", "collection:books")]


def test_an_entry_says_who_and_from_where(table: str) -> None:
    caller = Caller(Principal("user:ann", "user", frozenset({ADMIN})), "198.51.100.7")
    assert caller.call("put_key", {}, id="app").status == 201
    (entry,) = caller.call("list_audit").json()["items"]
    assert (entry["principal"], entry["ip"]) == ("user:ann", "198.51.100.7")


def test_the_trail_is_filtered_and_paged(client: Client) -> None:
    other = another_administrator()
    for each in (client, other, client):
        each.put("/v1/keys/app", {})
        each.put("/v1/keys/site", {})
    assert len(trail(client, limit=1)) == 6
    assert trail(client, limit=1, subject="key:app", principal="key:configured") == [
        ("key.created", "key:app"),
        ("key.updated", "key:app"),
    ]
    today = client.get("/v1/audit", query={"limit": 1}).json()["items"][0]["at"][:10]
    assert len(trail(client, **{"from": today})) in (6, 0)  # midnight may pass
    assert trail(client, to="2020-01-01") == trail(client, **{"from": "2999-01-01"}) == []


def test_a_cursor_is_that_of_its_question_and_caller(client: Client) -> None:
    client.put("/v1/keys/app", {})
    client.put("/v1/keys/app", {})
    cursor = client.get("/v1/audit", query={"limit": 1}).json()["next"]
    assert client.get("/v1/audit", query={"limit": 1, "cursor": cursor}).status == 200
    for query in ({"subject": "key:app"}, {"principal": "key:app"}, {"from": "2020-01-01"}, {"to": "2999-01-01"}):
        assert_problem(client.get("/v1/audit", query={**query, "cursor": cursor}), 400, "invalid_cursor")
    assert_problem(another_administrator().get("/v1/audit", query={"cursor": cursor}), 400, "invalid_cursor")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("from", "yesterday"),
        ("to", "2026-02-30"),
        ("from", ""),
        ("to", "1969-12-31"),
        ("principal", ""),
        ("subject", "x" * 1025),
        ("limit", "0"),
        ("strange", "1"),
    ],
)
def test_what_cannot_be_asked(client: Client, name: str, text: str) -> None:
    problem = assert_problem(client.get("/v1/audit", query={name: text}), 400, "invalid_parameter")
    assert problem["parameter"] == name


def test_entries_that_do_not_fit_in_an_answer_come_with_the_next(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        audit.record(Author("key:a"), "plan.created", f"plan:{number}", None, {"text": "x" * 1000})
    monkeypatch.setattr(responses, "MAX_BYTES", 3000)
    assert len(client.get("/v1/audit").json()["items"]) == 2
    assert [subject for _, subject in trail(client)] == [f"plan:{number}" for number in range(4)]
