"""What a request says, checked: parameters, preconditions, bodies. A refusal names the parameter and what it takes."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from chalicelib.access.principals import Principal
from chalicelib.collections import ids
from chalicelib.collections.preconditions import ANY, NONE, Preconditions
from chalicelib.errors import InvalidIdentifier, InvalidParameter, PayloadTooLarge, UnsupportedMediaType
from chalicelib.schema import json_text

if TYPE_CHECKING:
    from chalice.app import Request

    from chalicelib.collections.conditions import Requirement
    from chalicelib.collections.idempotency import Once
    from chalicelib.http.endpoints import Body, Endpoint

DEFAULT_LIMIT = 20
MAX_LIMIT = 1000
MAX_FIELDS = 100
MAX_DAY = 400_000
"""A day of the year 3065: what is asked for lies within datetime's years."""
_ETAGS = re.compile(r'\s*(?:W/)?"([^"]*)"\s*(?:,|$)')
_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z")
_VERSION = re.compile(r"[0-9]{1,15}\Z")


def check(request: Request, endpoint: Endpoint) -> None:
    """Refuse parameters that the endpoint does not know, and a body that it does not take.

    Raises:
        InvalidParameter: 400. PayloadTooLarge: 413. UnsupportedMediaType: 415.
    """
    for name in request.query_params or ():
        if name not in endpoint.query:
            known = ", ".join(endpoint.query) or "none"
            raise InvalidParameter(name[:80], f"There is no query parameter {name[:80]!r} here; there are: {known}.")
        if len(request.query_params.getlist(name)) > 1:  # type: ignore[union-attr]
            raise InvalidParameter(name, f"The query parameter {name!r} is given more than once.")
    if endpoint.body is not None:
        _check_body(request, endpoint.body)


def _check_body(request: Request, expected: Body) -> None:
    media = str(request.headers.get("content-type", expected.media[-1])).split(";")[0].strip().lower()
    if media not in expected.media:
        raise UnsupportedMediaType(
            f"The body is {media[:80]!r}; send {' or '.join(expected.media)} as its Content-Type.",
            headers={"Accept-Patch" if request.method == "PATCH" else "Accept": ", ".join(expected.media)},
        )
    size = len(request.raw_body)
    if size > expected.limit:
        raise PayloadTooLarge(f"The body has {size} bytes; this endpoint takes {expected.limit}.")


def principal(request: Request) -> Principal:
    """Who calls, as the authorizer found out."""
    known: Principal | None = request.__dict__.get("caller")
    if known is None:
        known = request.__dict__["caller"] = Principal.from_context(request.context.get("authorizer"))
    return known


def address(request: Request) -> str:
    """The IP address that the request came from."""
    identity = request.context.get("identity") or {}
    return str(identity.get("sourceIp") or "unknown")


def seen_by_rules(request: Request) -> dict[str, Any]:
    """What access rules know as ``request``. Names of headers are in lower case."""
    identity = request.context.get("identity") or {}
    return {
        "method": request.method,
        "ip": identity.get("sourceIp"),
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "query": dict(request.query_params or {}),
    }


def body(request: Request) -> bytes:
    """The body's bytes."""
    raw = request.raw_body
    return raw if isinstance(raw, bytes) else raw.encode()


def json(request: Request) -> Any:
    """The body's value.

    Raises:
        MalformedJson: 400.
    """
    return json_text.parse(body(request))


def parameter(request: Request, name: str) -> str | None:
    """A query parameter's text, None when it is not given."""
    parameters = request.query_params
    return None if parameters is None else parameters.get(name)


def limit(request: Request, default: int = DEFAULT_LIMIT) -> int:
    """The page size, 1 to 1,000."""
    text = parameter(request, "limit")
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= MAX_LIMIT):  # noqa: PLR2004
        raise InvalidParameter("limit", f"'limit' is a whole number from 1 to {MAX_LIMIT}.")
    return int(text)


def fields(request: Request) -> list[str] | None:
    """The properties asked for, None for all."""
    text = parameter(request, "fields")
    if text is None:
        return None
    names = text.split(",")
    if not all(names) or len(names) > MAX_FIELDS:
        raise InvalidParameter("fields", "'fields' is a list of 1 to 100 property names with commas between them.")
    return names


def day(request: Request, name: str) -> int | None:
    """A parameter that is a UTC day, as its number since 1970-01-01."""
    text = parameter(request, name)
    if text is None:
        return None
    from chalicelib.access import windows  # noqa: PLC0415 - few requests have one

    number = windows.parse(text)
    if number is None or not 0 <= number < MAX_DAY:
        raise InvalidParameter(name, f"{name!r} is a UTC day, as in 2026-11-21.")
    return number


def flag(request: Request, name: str) -> bool:
    """A parameter that is ``true`` or ``false``."""
    text = parameter(request, name)
    if text not in (None, "true", "false"):
        raise InvalidParameter(name, f"{name!r} is 'true' or 'false'.")
    return text == "true"


def record_id(text: str) -> str:
    """The record id in a path, which local and deployed gateways hand over encoded or not.

    Raises:
        InvalidIdentifier: no record can have it (400).
    """
    if ids.ID.match(text):
        return text
    decoded = unquote(text)
    if not ids.ID.match(decoded):
        raise InvalidIdentifier(f"{decoded[:80]!r} cannot be an id. {ids.ID_RULE}")
    return decoded


def collection_name(text: str) -> str:
    """The collection's name in a path; whether it can be one is for the collections to say."""
    return unquote(text)


def preconditions(request: Request, hidden: Container[str] = ()) -> Preconditions:
    """If-Match, If-None-Match and ``?if=``, which cannot ask of what is hidden.

    Raises:
        InvalidParameter, InvalidWhere: 400.
    """
    headers = request.headers
    match, none_match, where = headers.get("if-match"), headers.get("if-none-match"), parameter(request, "if")
    if match is None and none_match is None and where is None:
        return NONE
    return Preconditions(
        _versions("If-Match", match), _versions("If-None-Match", none_match), _requirement(where, hidden)
    )


def _requirement(text: str | None, hidden: Container[str]) -> Requirement | None:
    if text is None:
        return None
    from chalicelib.collections import conditions  # noqa: PLC0415 - few requests have one

    return conditions.Requirement(conditions.parse(text, "if", hidden))


def _versions(name: str, text: str | None) -> frozenset[int] | None:
    """The versions of a list of entity tags. A tag that Portico does not make matches nothing, so it is version 0."""
    tags = entity_tags(name, text)
    if tags is None or tags is ANY:
        return tags
    return frozenset(int(tag) if _VERSION.match(tag) else 0 for tag in tags)


def entity_tags(name: str, text: str | None) -> Any:
    """The opaque parts of a header's list of entity tags (RFC 9110, 8.8.3); ``ANY`` for ``*``, None without the header.

    Raises:
        InvalidParameter: it is no such list (400).
    """
    if text is None:
        return None
    if text.strip() == "*":
        return ANY
    position, tags = 0, set()
    while position < len(text):
        tag = _ETAGS.match(text, position)
        if tag is None:
            raise InvalidParameter(name, f'{name} is * or a list of entity tags, as in {name}: "7".')
        tags.add(tag[1])
        position = tag.end()
    if not tags or len(tags) > 50:  # noqa: PLR2004
        raise InvalidParameter(name, f"{name} has 1 to 50 entity tags.")
    return frozenset(tags)


def once(request: Request) -> Once | None:
    """The identity of a request that is to happen once, None without an Idempotency-Key."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    key = key.strip('"')
    if not _KEY.match(key):
        raise InvalidParameter("Idempotency-Key", "An Idempotency-Key is 1 to 255 visible ASCII characters.")
    asked = [request.method, str(request.uri_params), request.path, parameter(request, "if") or ""]
    from chalicelib.collections import idempotency  # noqa: PLC0415 - few requests have a key

    return idempotency.once(principal(request).id, key, *map(str.encode, asked), body(request))
