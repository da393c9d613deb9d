"""The endpoints that are about the service itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib import settings
from chalicelib.access import authentication
from chalicelib.collections import definitions
from chalicelib.dynamo.tables import main
from chalicelib.errors import Unauthenticated
from chalicelib.http import requests, responses
from chalicelib.http.endpoint import endpoint

if TYPE_CHECKING:
    from chalice.app import Request, Response

    from chalicelib.collections.definitions import Collection


@endpoint("service")
def document(_: Request) -> Response:
    """GET /."""
    return responses.json(
        {
            "name": "Portico",
            "version": settings.VERSION,
            "stage": settings.current().stage,
            "links": {"openapi": "/openapi.json", "health": "/health", "collections": "/v1/collections"},
        }
    )


@endpoint("health")
def health(_: Request) -> Response:
    """GET /health: one read, of an item that need not be there."""
    main.call("GetItem", {"Key": {"pk": {"S": "health"}, "sk": {"S": "-"}}})
    return responses.json({"status": "ok"})


@endpoint("openapi")
def openapi(request: Request) -> Response:
    """GET /openapi.json: with the live definitions for an administrator, without them for anyone else."""
    from chalicelib.http.openapi import document as describe  # noqa: PLC0415 - large, and only needed here

    return responses.json(describe(_visible_collections(request)))


def _visible_collections(request: Request) -> list[Collection]:
    """The collections that the caller may know of. The endpoint has no authorizer, so the token is looked up here."""
    header = request.headers.get("authorization")
    if header is None:
        return []
    principal = authentication.of_header(header)
    if principal is None:
        raise Unauthenticated
    if not principal.is_admin:
        return []
    collections: list[Collection] = []
    after: str | None = None
    while True:
        found, after = definitions.page(requests.MAX_LIMIT, after)
        collections += found
        if after is None:
            return collections
