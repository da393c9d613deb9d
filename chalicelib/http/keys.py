"""The endpoints of API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.access import keyring
from chalicelib.access.rules import authorize
from chalicelib.access.scopes import authorize_unbounded
from chalicelib.http import audit, cursors, requests, responses
from chalicelib.http.endpoint import endpoint

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.access.keys import ApiKey

_LISTING = "keys"
_UNCACHED = {"Cache-Control": "no-store"}


@endpoint("list_keys")
def list_page(request: Request) -> Response:
    """GET /v1/keys."""
    principal = requests.principal(request)
    authorize(principal, "administer")
    after = cursors.load(requests.parameter(request, "cursor"), _LISTING, principal)
    found, following = keyring.page(requests.limit(request), after)
    items = [key.document() for key in found]
    return responses.json({"items": items, "next": cursors.dump(following, _LISTING, principal)})


@endpoint("read_key")
def read(request: Request, key_id: str) -> Response:
    """GET /v1/keys/{id}."""
    authorize(requests.principal(request), "administer")
    preconditions = requests.preconditions(request)
    key = keyring.get(requests.record_id(key_id))
    if preconditions.not_modified(key.version):
        return responses.not_modified(key.version)
    return responses.versioned(key.document())


@endpoint("create_key")
def create(request: Request) -> Response:
    """POST /v1/keys."""
    authorize_unbounded(requests.principal(request))
    key, secret = keyring.create(requests.json(request), audit.author(request))
    return _issued(key, secret, 201)


@endpoint("put_key")
def put(request: Request, key_id: str) -> Response:
    """PUT /v1/keys/{id}."""
    authorize_unbounded(requests.principal(request))
    key, secret = keyring.put(
        requests.record_id(key_id), requests.json(request), audit.author(request), requests.preconditions(request)
    )
    return responses.versioned(key.document()) if secret is None else _issued(key, secret, 201)


@endpoint("rotate_key")
def rotate(request: Request, key_id: str) -> Response:
    """POST /v1/keys/{id}/rotate."""
    authorize_unbounded(requests.principal(request))
    key, secret = keyring.rotate(
        requests.record_id(key_id), requests.json(request), audit.author(request), requests.preconditions(request)
    )
    return _issued(key, secret, 200)


@endpoint("revoke_key")
def revoke(request: Request, key_id: str) -> Response:
    """DELETE /v1/keys/{id}."""
    authorize_unbounded(requests.principal(request))
    keyring.revoke(requests.record_id(key_id), audit.author(request), requests.preconditions(request))
    return responses.nothing()


def _issued(key: ApiKey, secret: str, status: int) -> Response:
    """A key with its whole text, which is in this answer and nowhere else."""
    headers = {**_UNCACHED, "Location": f"/v1/keys/{key.id}"} if status == 201 else _UNCACHED  # noqa: PLR2004
    return responses.versioned({**key.document(), "secret": secret}, status, headers)
