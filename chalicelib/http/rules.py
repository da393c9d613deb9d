"""The endpoint that tries access rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.access.principals import ANONYMOUS, Principal
from chalicelib.access.rules import Grant, authorize, grant
from chalicelib.access.trial import tried
from chalicelib.collections import definitions, reading
from chalicelib.errors import Failure, ValidationFailed, pointer
from chalicelib.http import requests, responses
from chalicelib.http.endpoint import endpoint
from chalicelib.schema.rules import ROOTS

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.collections.definitions import Collection

_SHAPE: dict[str, tuple[type, ...]] = {
    "operation": (str,),
    "principal": (dict, type(None)),
    "id": (str,),
    "record": (dict, type(None)),
    "new": (dict, type(None)),
    "request": (dict,),
}
_PRINCIPAL: dict[str, tuple[type, ...]] = {
    "id": (str,),
    "kind": (str,),
    "roles": (list,),
    "scopes": (list,),
    "claims": (dict,),
}


@endpoint("test_rule")
def test(request: Request, name: str) -> Response:
    """POST …/rules/test."""
    authorize(requests.principal(request), "administer")
    collection = definitions.current(requests.collection_name(name))
    body = _checked(requests.json(request))
    operation = body["operation"]
    leave = _leave(collection, body)
    record = body.get("record") or {}
    if "id" in body:
        own = grant(requests.principal(request), collection, "read")
        stored = reading.read(own, requests.record_id(body["id"]), consistent=True)
        record = stored.document()
    return responses.json(tried(leave, operation, record, body.get("new")).document())


def _checked(body: Any) -> dict[str, Any]:
    """The body, of the right shape.

    Raises:
        ValidationFailed: 422.
    """
    if not isinstance(body, dict):
        raise ValidationFailed([Failure(pointer="", detail="is not a JSON object")])
    failures = [*_failures(body, _SHAPE, []), *_failures(body.get("principal"), _PRINCIPAL, ["principal"])]
    if body.get("operation") not in ROOTS:
        failures.append(Failure(pointer="/operation", detail=f"is none of {', '.join(ROOTS)}"))
    if "id" in body and body.get("record") is not None:
        failures.append(Failure(pointer="/record", detail="is given, and the id of a stored one too"))
    if failures:
        raise ValidationFailed(failures)
    return body


def _failures(value: Any, shape: dict[str, tuple[type, ...]], path: list[str]) -> list[Failure]:
    if not isinstance(value, dict):
        return []
    return [
        Failure(
            pointer=pointer([*path, name]),
            detail="is of the wrong type" if name in shape else "is not known here",
        )
        for name, member in value.items()
        if name not in shape or not isinstance(member, shape[name])
    ]


def _leave(collection: Collection, body: dict[str, Any]) -> Grant:
    told = body.get("principal")
    if told is None:
        principal = ANONYMOUS
    else:
        kind = str(told.get("kind", "user"))
        scopes = told.get("scopes")
        principal = Principal(
            f"{kind}:{told.get('id', '')}",
            kind,
            frozenset(map(str, told.get("roles", ()))),
            None if scopes is None else frozenset(map(str, scopes)),
            claims=tuple(told.get("claims", {}).items()),
        )
    return Grant(principal, collection, lambda: body.get("request", {}))
