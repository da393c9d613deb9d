"""The endpoints that are about the service itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib import settings
from chalicelib.dynamo.tables import main
from chalicelib.http import responses
from chalicelib.http.endpoint import endpoint

if TYPE_CHECKING:
    from chalice.app import Request, Response


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
def openapi(_: Request) -> Response:
    """GET /openapi.json."""
    from chalicelib.http.openapi import document as describe  # noqa: PLC0415 - large, and only needed here

    return responses.json(describe())
