"""The endpoints of built-in users: signing up, in and out, passwords, invitations, administration, public keys."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.access import access_tokens, passwords, refresh_tokens, signing_keys, users
from chalicelib.access.rules import authorize
from chalicelib.access.scopes import authorize_unbounded
from chalicelib.errors import Failure, Forbidden, ValidationFailed, pointer
from chalicelib.http import audit, cursors, requests, responses
from chalicelib.http.endpoint import endpoint
from chalicelib.schema.json_text import dump

if TYPE_CHECKING:
    from chalice.app import Request

    from chalicelib.access.principals import Principal
    from chalicelib.access.users import User

MAX_TEXT = 4096
MAX_ROLES, MAX_ROLE_CHARACTERS = 50, 64
_LISTING = "users"
_UNCACHED = {"Cache-Control": "no-store"}  # RFC 6749, 5.1
KEYS_CACHED = signing_keys.PUBLISHED_BEFORE


@endpoint("sign_up")
def sign_up(request: Request) -> Response:
    """POST /v1/auth/signup."""
    body = _body(request, ("email", "password"), ("invitation",))
    email = users.normal(body["email"])
    _refuse("email", "is not an e-mail address", unless=email is not None)
    _refuse("password", passwords.RULE, unless=passwords.is_admissible(body["password"]))
    user = users.sign_up(str(email), body["password"], body.get("invitation"), requests.address(request))
    return _tokens(user, refresh_tokens.begin(user), 201, {"Location": "/v1/auth/me"})


@endpoint("sign_in")
def sign_in(request: Request) -> Response:
    """POST /v1/auth/signin."""
    body = _body(request, ("email", "password"))
    user = users.sign_in(body["email"], body["password"], requests.address(request))
    return _tokens(user, refresh_tokens.begin(user))


@endpoint("refresh_tokens")
def refresh(request: Request) -> Response:
    """POST /v1/auth/refresh."""
    body = _body(request, ("refresh_token",))
    return _tokens(*refresh_tokens.rotate(body["refresh_token"]))


@endpoint("sign_out")
def sign_out(request: Request) -> Response:
    """POST /v1/auth/signout."""
    body = _body(request, ("refresh_token",), ("everywhere",))
    refresh_tokens.end(body["refresh_token"], everywhere=body.get("everywhere", False))
    return responses.nothing()


@endpoint("who_am_i")
def who_am_i(request: Request) -> Response:
    """GET /v1/auth/me."""
    principal = requests.principal(request)
    scopes = None if principal.scopes is None else sorted(principal.scopes)
    document = {**principal.auth, "roles": sorted(principal.roles), "scopes": scopes, "plan": principal.plan}
    if _is_built_in(principal):
        user = users.get(document["id"])
        document |= {"email": user.email, "verified": user.verified, "created_at": user.created_at}
    return responses.json(document, headers=_UNCACHED)


@endpoint("change_password")
def change_password(request: Request) -> Response:
    """POST /v1/auth/password."""
    principal = requests.principal(request)
    if not _is_built_in(principal):
        raise Forbidden("Only a user who signed in with a password here has one to change.")
    body = _body(request, ("password", "new_password"))
    _refuse("new_password", passwords.RULE, unless=passwords.is_admissible(body["new_password"]))
    own, caller = principal.auth["id"], requests.address(request)
    user = users.change_password(own, body["password"], body["new_password"], caller)
    return _tokens(user, refresh_tokens.begin(user))


@endpoint("request_password_reset")
def request_password_reset(request: Request) -> Response:
    """POST /v1/auth/password/reset: the same answer whether there is such a user or not."""
    users.request_reset(_body(request, ("email",))["email"], requests.address(request))
    return responses.nothing()


@endpoint("confirm_password_reset")
def confirm_password_reset(request: Request) -> Response:
    """POST /v1/auth/password/confirm."""
    body = _body(request, ("token", "password"))
    _refuse("password", passwords.RULE, unless=passwords.is_admissible(body["password"]))
    users.confirm_reset(body["token"], body["password"], requests.address(request))
    return responses.nothing()


@endpoint("create_invitation")
def create_invitation(request: Request) -> Response:
    """POST /v1/invitations."""
    authorize(requests.principal(request), "administer")
    body = _body(request, (), ("email", "roles"))
    if body.get("roles"):
        authorize_unbounded(requests.principal(request))
    email = users.normal(body["email"]) if "email" in body else None
    _refuse("email", "is not an e-mail address", unless=email is not None or "email" not in body)
    text, stored = users.invite(email, body.get("roles", []))
    audit.record(request, "invitation.created", f"invitation:{email or '*'}", None, {"roles": stored.roles})
    document = {
        "invitation": text,
        "email": stored.email,
        "roles": stored.roles,
        "expires_in": users.INVITATION_SECONDS,
    }
    return responses.json(document, headers=_UNCACHED)


@endpoint("list_users")
def list_users(request: Request) -> Response:
    """GET /v1/users."""
    principal = requests.principal(request)
    authorize(principal, "administer")
    after = cursors.load(requests.parameter(request, "cursor"), _LISTING, principal)
    found = users.page(requests.limit(request), after)
    items = [user.document() for user in found.items]
    return responses.json({"items": items, "next": cursors.dump(found.last, _LISTING, principal)})


@endpoint("read_user")
def read_user(request: Request, user_id: str) -> Response:
    """GET /v1/users/{id}."""
    authorize(requests.principal(request), "administer")
    return responses.json(users.get(user_id).document())


@endpoint("change_user")
def change_user(request: Request, user_id: str) -> Response:
    """PUT /v1/users/{id}: what is an administrator's to say of a user."""
    authorize(requests.principal(request), "administer")
    body = _body(request, ("roles", "disabled"))
    before = users.get(user_id)
    if not set(body["roles"]) <= set(before.roles):
        authorize_unbounded(requests.principal(request))
    user = users.change(user_id, body["roles"], disabled=body["disabled"])
    audit.record(request, "user.updated", f"user:{user.id}", _nameless(before), _nameless(user))
    return responses.json(user.document())


@endpoint("delete_user")
def delete_user(request: Request, user_id: str) -> Response:
    """DELETE /v1/users/{id}."""
    authorize(requests.principal(request), "administer")
    before = users.get(user_id)
    users.delete(user_id)
    audit.record(request, "user.deleted", f"user:{before.id}", _nameless(before))
    return responses.nothing()


@endpoint("public_keys")
def public_keys(_: Request) -> Response:
    """GET /.well-known/jwks.json."""
    headers = {"Cache-Control": f"public, max-age={KEYS_CACHED}"}
    return responses.json({"keys": signing_keys.published()}, headers=headers)


@endpoint("rotate_signing_key")
def rotate_signing_key(request: Request) -> Response:
    """POST /v1/signing-keys."""
    authorize(requests.principal(request), "administer")
    revoke = _body(request, (), ("revoke",)).get("revoke", False)
    key = signing_keys.rotate(revoke=revoke)
    document = {"kid": key.kid, "signs_from": key.signs_from, "created_at": key.created_at}
    audit.record(request, "signing_key.rotated", f"signing-key:{key.kid}", None, {**document, "revoke": revoke})
    return responses.json(document, 201, {"Location": "/.well-known/jwks.json"})


def _tokens(user: User, refresh_token: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """RFC 6749, 5.1."""
    document = {
        "access_token": access_tokens.issue(user),
        "token_type": "Bearer",
        "expires_in": signing_keys.TOKEN_SECONDS,
        "refresh_token": refresh_token,
    }
    return Response(dump(document), {"Content-Type": "application/json", **_UNCACHED, **(headers or {})}, status)


def _nameless(user: User) -> dict[str, Any]:
    """A user for the audit trail, which is kept when they are gone: without their address."""
    return {name: value for name, value in user.document().items() if name != "email"}


def _is_built_in(principal: Principal) -> bool:
    """Whether this is one of Portico's own users; those of other issuers have the issuer's name in their id."""
    return principal.kind == "user" and users.ID.fullmatch(principal.auth["id"]) is not None


def _body(request: Request, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Any]:
    """The members of a body.

    Raises:
        ValidationFailed: it is no object of these members (422).
    """
    body = requests.json(request)
    if not isinstance(body, dict):
        raise ValidationFailed([Failure(pointer="", detail="is not a JSON object")])
    failures = [Failure(pointer=pointer([name]), detail="is missing") for name in required if name not in body]
    for name, value in body.items():
        if name not in required and name not in optional:
            failures.append(Failure(pointer=pointer([name]), detail="is not known here"))
        elif not _MEMBERS[name][0](value):
            failures.append(Failure(pointer=pointer([name]), detail=_MEMBERS[name][1]))
    if failures:
        raise ValidationFailed(failures)
    return body


def _refuse(name: str, detail: str, *, unless: bool) -> None:
    if not unless:
        raise ValidationFailed([Failure(pointer=pointer([name]), detail=detail)])


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT


def _is_roles(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_ROLES
        and all(isinstance(each, str) and 0 < len(each) <= MAX_ROLE_CHARACTERS for each in value)
    )


_TEXT = (_is_text, f"is not a text of 1 to {MAX_TEXT} characters")
_BOOLEAN = (lambda value: isinstance(value, bool), "is not a boolean")
_MEMBERS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "email": _TEXT,
    "password": _TEXT,
    "new_password": _TEXT,
    "invitation": _TEXT,
    "refresh_token": _TEXT,
    "token": _TEXT,
    "everywhere": _BOOLEAN,
    "disabled": _BOOLEAN,
    "revoke": _BOOLEAN,
    "roles": (
        _is_roles,
        f"is not an array of at most {MAX_ROLES} texts of 1 to {MAX_ROLE_CHARACTERS} characters",
    ),
}
"""What the members of bodies may be, and what is said when they are not."""
