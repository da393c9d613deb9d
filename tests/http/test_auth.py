from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from chalicelib import settings
from chalicelib.access import keys, users
from chalicelib.access.delivery import Message
from chalicelib.dynamo.tables import main
from chalicelib.http.endpoints import ENDPOINTS
from tests.support import postbox
from tests.support.assertions import assert_problem, pointers
from tests.support.client import Answer, Client, records
from tests.support.issuer import LocalIssuer
from tests.support.stores import stored

ANN = {"email": "ann@example.org", "password": "correct horse battery"}
OTHER = "another long password"
SIGNUP, SIGNIN, REFRESH, SIGNOUT = (f"/v1/auth/{each}" for each in ("signup", "signin", "refresh", "signout"))


@pytest.fixture
def anyone(client: Client) -> Client:
    return Client(None)


@pytest.fixture
def messages(client: Client) -> Iterator[list[Message]]:
    with settings.override(delivery="tests.support.postbox:put"), postbox.emptied() as found:
        yield found


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    made = LocalIssuer()
    yield made
    made.close()


def tokens(answer: Answer, status: int = 200) -> dict[str, Any]:
    """The tokens of an answer, which is as RFC 6749, 5.1 has it."""
    assert answer.status == status, answer
    assert answer.headers["cache-control"] == "no-store"
    document: dict[str, Any] = answer.json()
    assert set(document) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (document["token_type"], document["expires_in"]) == ("Bearer", 900)
    return document


def signed_in(anyone: Client, **changes: str) -> Client:
    return Client(tokens(anyone.post(SIGNUP, {**ANN, **changes}), 201)["access_token"])


def test_signing_up_in_and_out(anyone: Client) -> None:
    made = anyone.post(SIGNUP, ANN)
    assert made.headers["location"] == "/v1/auth/me"
    tokens(made, 201)
    first = tokens(anyone.post(SIGNIN, ANN))
    me = Client(first["access_token"]).get("/v1/auth/me").json()
    assert (me["email"], me["kind"], me["roles"], me["verified"]) == ("ann@example.org", "user", [], False)
    second = tokens(anyone.post(REFRESH, {"refresh_token": first["refresh_token"]}))
    assert anyone.post(SIGNOUT, {"refresh_token": second["refresh_token"]}).status == 204
    assert_problem(anyone.post(REFRESH, {"refresh_token": second["refresh_token"]}), 401, "invalid_token")
    assert anyone.post(SIGNOUT, {"refresh_token": second["refresh_token"]}).status == 204


def test_a_wrong_password_and_an_unknown_address_have_one_answer(anyone: Client) -> None:
    anyone.post(SIGNUP, ANN)
    answers = [
        anyone.post(SIGNIN, {**ANN, "password": "wrong"}),
        anyone.post(SIGNIN, {**ANN, "email": "bob@example.org"}),
        anyone.post(SIGNIN, {**ANN, "email": "no address"}),
    ]
    for answer in answers:
        assert_problem(answer, 401, "invalid_credentials")
    assert len({(answer.text, json.dumps(dict(answer.headers))) for answer in answers}) == 1


def test_guessing_is_throttled_and_told_when_to_come_back(anyone: Client) -> None:
    for _ in range(users.GUESSES.most + 1):
        users.GUESSES.note("ann@example.org")
    answer = anyone.post(SIGNIN, ANN)
    problem = assert_problem(answer, 429, "too_many_attempts")
    assert 0 < int(answer.headers["retry-after"]) <= 900
    assert problem["limit"] == 20


def test_signing_out_everywhere(anyone: Client) -> None:
    texts = [tokens(anyone.post(SIGNUP, ANN), 201)["refresh_token"]]
    texts += [tokens(anyone.post(SIGNIN, ANN))["refresh_token"] for _ in range(2)]
    assert anyone.post(SIGNOUT, {"refresh_token": texts[1], "everywhere": True}).status == 204
    for text in texts:
        assert_problem(anyone.post(REFRESH, {"refresh_token": text}), 401, "invalid_token")
    assert_problem(anyone.post(SIGNOUT, {"refresh_token": texts[0], "everywhere": True}), 401, "invalid_token")


def test_a_used_refresh_token_ends_its_session(anyone: Client) -> None:
    first = tokens(anyone.post(SIGNUP, ANN), 201)["refresh_token"]
    second = tokens(anyone.post(REFRESH, {"refresh_token": first}))["refresh_token"]
    third = tokens(anyone.post(REFRESH, {"refresh_token": second}))["refresh_token"]
    for text in (first, third):
        assert_problem(anyone.post(REFRESH, {"refresh_token": text}), 401, "invalid_token")


def test_a_password_is_changed_and_other_sessions_end(anyone: Client) -> None:
    before = tokens(anyone.post(SIGNUP, ANN), 201)
    me = Client(before["access_token"])
    wrong = me.post("/v1/auth/password", {"password": "wrong", "new_password": OTHER})
    assert_problem(wrong, 401, "invalid_credentials")
    now = tokens(me.post("/v1/auth/password", {"password": ANN["password"], "new_password": OTHER}))
    assert_problem(anyone.post(REFRESH, {"refresh_token": before["refresh_token"]}), 401, "invalid_token")
    tokens(anyone.post(REFRESH, {"refresh_token": now["refresh_token"]}))
    tokens(anyone.post(SIGNIN, {**ANN, "password": OTHER}))


def test_only_users_of_portico_have_a_password_to_change(client: Client, issuer: LocalIssuer) -> None:
    body = {"password": ANN["password"], "new_password": OTHER}
    assert_problem(client.post("/v1/auth/password", body), 403, "forbidden")
    with issuer.admitted():
        assert_problem(Client(issuer.token()).post("/v1/auth/password", body), 403, "forbidden")


def test_a_forgotten_password_is_reset_and_the_token_is_in_no_answer(anyone: Client, messages: list[Message]) -> None:
    session = tokens(anyone.post(SIGNUP, ANN), 201)["refresh_token"]
    asked = [anyone.post("/v1/auth/password/reset", {"email": each}) for each in ("Ann@example.org", "bob@x.org", "-")]
    assert {(answer.status, answer.text, json.dumps(dict(answer.headers))) for answer in asked} == {
        (204, "", json.dumps(dict(asked[0].headers)))
    }
    (message,) = messages
    confirmation = {"token": message.token, "password": OTHER}
    assert anyone.post("/v1/auth/password/confirm", confirmation).status == 204
    assert_problem(anyone.post("/v1/auth/password/confirm", confirmation), 401, "invalid_token")
    assert_problem(anyone.post(REFRESH, {"refresh_token": session}), 401, "invalid_token")
    access = tokens(anyone.post(SIGNIN, {**ANN, "password": OTHER}))["access_token"]
    assert Client(access).get("/v1/auth/me").json()["verified"] is True


@pytest.mark.parametrize("mode", ["invite", "closed"])
def test_where_sign_up_is_not_open_nobody_signs_up_alone(anyone: Client, mode: str) -> None:
    with settings.override(signup=mode):
        assert_problem(anyone.post(SIGNUP, ANN), 403, "signup_closed")


def test_an_administrator_invites(client: Client, anyone: Client) -> None:
    with settings.override(signup="invite"):
        invited = client.post("/v1/invitations", {"email": "Ann@example.org", "roles": ["editor"]})
        assert invited.status == 200
        document = invited.json()
        assert (document["email"], document["roles"], document["expires_in"]) == ("ann@example.org", ["editor"], 604800)
        me = signed_in(anyone, invitation=document["invitation"])
        assert me.get("/v1/auth/me").json()["roles"] == ["editor"]
        again = anyone.post(SIGNUP, {**ANN, "email": "bob@x.org", "invitation": document["invitation"]})
        assert_problem(again, 401, "invalid_token")
    assert client.post("/v1/invitations", {}).json()["email"] is None
    assert_problem(anyone.post(SIGNUP, ANN), 409, "email_taken")


def test_users_are_administered(client: Client, anyone: Client) -> None:
    access = [tokens(anyone.post(SIGNUP, {**ANN, "email": f"{name}@x.org"}), 201) for name in "abc"]
    listed = client.listed("/v1/users", limit=2)
    assert sorted(user["email"] for user in listed) == ["a@x.org", "b@x.org", "c@x.org"]
    (ann,) = [user for user in listed if user["email"] == "a@x.org"]
    path = f"/v1/users/{ann['id']}"
    assert client.get(path).json() == ann
    changed = client.put(path, {"roles": ["admin"], "disabled": False})
    assert (changed.status, changed.json()["roles"]) == (200, ["admin"])
    refreshed = tokens(anyone.post(REFRESH, {"refresh_token": access[0]["refresh_token"]}))
    assert Client(access[0]["access_token"]).get("/v1/users").status == 403
    assert Client(refreshed["access_token"]).get("/v1/users").status == 200
    client.put(path, {"roles": [], "disabled": True})
    assert_problem(anyone.post(REFRESH, {"refresh_token": refreshed["refresh_token"]}), 401, "invalid_token")
    assert_problem(anyone.post(SIGNIN, {**ANN, "email": "a@x.org"}), 401, "invalid_credentials")
    assert client.delete(path).status == 204
    for answer in (client.get(path), client.delete(path), client.put(path, {"roles": [], "disabled": False})):
        assert_problem(answer, 404, "user_not_found")
    assert_problem(Client(access[0]["access_token"]).get("/v1/auth/me"), 404, "user_not_found")


SOMEBODY = f"/v1/users/{'0' * 24}"
ADMINISTRATION = [
    *[("GET", "/v1/users"), ("POST", "/v1/invitations"), ("POST", "/v1/signing-keys")],
    *[(method, SOMEBODY) for method in ("GET", "PUT", "DELETE")],
]


@pytest.mark.parametrize(("method", "path"), ADMINISTRATION)
def test_only_administrators_administer(anyone: Client, method: str, path: str) -> None:
    body: tuple[Any, ...] = ({},) if method in ("PUT", "POST") else ()
    assert_problem(signed_in(anyone).request(method, path, *body), 403, "forbidden")


def test_who_calls_is_told_of_keys_and_of_users_of_others_too(client: Client, issuer: LocalIssuer) -> None:
    made = keys.create(roles=("editor",))
    me = Client(made.secret).get("/v1/auth/me").json()
    assert (me["id"], me["kind"], me["roles"]) == (made.id, "key", ["editor"])
    with issuer.admitted():
        me = Client(issuer.token(email="a@b", email_verified=True)).get("/v1/auth/me").json()
    assert (me["id"], me["kind"], me["email"]) == ("local|ann", "user", "a@b")


def test_a_user_with_the_role_is_an_administrator_everywhere(client: Client, anyone: Client) -> None:
    invitation = client.post("/v1/invitations", {"roles": ["admin"]}).json()["invitation"]
    me = signed_in(anyone, invitation=invitation)
    me.define("books")
    assert me.post(records("books"), {}).status == 201
    assert "/v1/collections/books/records" in me.get("/openapi.json").json()["paths"]
    assert_problem(Client("nobody").get("/openapi.json"), 401, "unauthenticated")


def test_keys_are_published_and_replaced(client: Client, anyone: Client) -> None:
    answer = anyone.get("/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    (old,) = answer.json()["keys"]
    made = client.post("/v1/signing-keys", {})
    assert (made.status, made.headers["location"]) == (201, "/.well-known/jwks.json")
    kids = [key["kid"] for key in anyone.get("/.well-known/jwks.json").json()["keys"]]
    assert kids == [made.json()["kid"], old["kid"]]
    access = tokens(anyone.post(SIGNUP, ANN), 201)["access_token"]
    assert jwt.get_unverified_header(access)["kid"] == old["kid"]
    client.post("/v1/signing-keys", {"revoke": True})
    assert Client(access).get("/v1/auth/me").status == 403
    assert len(anyone.get("/.well-known/jwks.json").json()["keys"]) == 1


BODIES: dict[str, dict[str, Any]] = {
    "sign_up": ANN,
    "sign_in": ANN,
    "refresh_tokens": {"refresh_token": "x"},
    "sign_out": {"refresh_token": "x"},
    "request_password_reset": {"email": "ann@example.org"},
    "confirm_password_reset": {"token": "x", "password": OTHER},
    "create_invitation": {},
    "change_user": {"roles": [], "disabled": False},
    "rotate_signing_key": {},
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_of_another_shape_is_refused_without_a_call(client: Client, name: str) -> None:
    endpoint = ENDPOINTS[name]
    path = endpoint.path.format(id="0" * 24)
    wrong: list[Any] = [None, [], "x", 5, {**BODIES[name], "strange": 1}]
    values: list[Any] = [None, 5, {}, "", "x" * 5000, [[]], [""]]
    for member in BODIES[name]:
        wrong += [{**BODIES[name], member: value} for value in values]
        wrong.append({other: value for other, value in BODIES[name].items() if other != member})
    client.request(endpoint.method, path, None)  # the plan of nobody in particular is known from here on
    for body in wrong:
        with main.session.recording() as recorder:
            problem = assert_problem(client.request(endpoint.method, path, body), 422, "validation_failed")
        assert recorder.operations == [], body
        assert problem["errors"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"email": "no address"}, "/email"),
        ({"email": "a@b@c"}, "/email"),
        ({"password": "short"}, "/password"),
        ({"password": "x" * 257}, "/password"),
        ({"invitation": 5}, "/invitation"),
        ({"roles": ["admin"]}, "/roles"),
        ({"id": "x"}, "/id"),
    ],
)
def test_what_is_wrong_with_a_sign_up_is_named(anyone: Client, change: dict[str, Any], pointer: str) -> None:
    assert pointers(assert_problem(anyone.post(SIGNUP, {**ANN, **change}), 422, "validation_failed")) == [pointer]
    assert stored("user") == []


def test_the_caller_is_counted_by_where_it_is_and_not_by_what_it_says(anyone: Client) -> None:
    for _ in range(users.FAILURES.most + 1):
        users.FAILURES.note("127.0.0.1")
    spoofed = anyone.post(SIGNIN, ANN, x_forwarded_for="192.0.2.7", forwarded="for=192.0.2.7")
    assert_problem(spoofed, 429, "too_many_attempts")
