"""The record that everything is measured with, and requests for it as API Gateway hands them to Lambda."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.access.principals import ADMIN, Principal

_CALLER = Principal("key:0123456789ab", "key", frozenset({ADMIN}))

COLLECTION = "books"
LISTED = 100
"""Records of a list page."""

BOOK: dict[str, Any] = {
    "title": "The Left Hand of Darkness",
    "author": "Ursula K. Le Guin",
    "isbn": "978-0-441-47812-5",
    "publisher": "Ace Books",
    "language": "en",
    "summary": "A lone envoy comes to a winter world whose people are of no fixed sex, to ask that it join the others.",
    "year": 1969,
    "pages": 286,
    "stock": 12,
    "price": 14.95,
    "available": True,
    "tags": ["science fiction", "hugo", "nebula"],
}
"""Twelve attributes: six texts, three whole numbers, a fraction, a truth value, a list."""

DEFINITION: dict[str, Any] = {
    "schema": {
        "type": "object",
        "required": ["title", "author"],
        "additionalProperties": False,
        "properties": {
            "title": {"type": "string", "maxLength": 200},
            "author": {"type": "string"},
            "isbn": {"type": "string"},
            "publisher": {"type": "string"},
            "language": {"type": "string"},
            "summary": {"type": "string"},
            "year": {"type": "integer"},
            "pages": {"type": "integer", "minimum": 1},
            "stock": {"type": "integer", "minimum": 0, "default": 0},
            "price": {"type": "number"},
            "available": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    }
}


def event(
    method: str,
    resource: str,
    parameters: Mapping[str, str] | None = None,
    *,
    query: Mapping[str, str] | None = None,
    body: str | None = None,
) -> dict[str, Any]:
    """A Lambda proxy integration's event, called by an administrator whom the authorizer has let in."""
    path = resource.format_map(parameters or {})
    headers = {
        "Accept": "*/*",
        "Accept-Encoding": "gzip, deflate",
        "Authorization": "Bearer pk_0123456789ab_" + "A" * 51,
        "Host": "abcdefghij.execute-api.eu-north-1.amazonaws.com",
        "User-Agent": "bench/1",
        "X-Amzn-Trace-Id": "Root=1-65f00000-0123456789abcdef01234567",
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }
    if body is not None:
        headers["Content-Type"] = "application/json"
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": dict(parameters) if parameters else None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdefghij",
            "authorizer": {**_CALLER.to_context(), "roles": ADMIN, "principalId": _CALLER.id, "integrationLatency": 0},
            "domainName": "abcdefghij.execute-api.eu-north-1.amazonaws.com",
            "extendedRequestId": "Abcdefghijklmno=",
            "httpMethod": method,
            "identity": {"sourceIp": "192.0.2.1", "userAgent": "bench/1"},
            "path": f"/api{path}",
            "protocol": "HTTP/1.1",
            "requestId": "00000000-0000-4000-8000-000000000000",
            "requestTimeEpoch": 1_700_000_000_000,
            "resourceId": "abc123",
            "resourcePath": resource,
            "stage": "api",
        },
        "body": body,
        "isBase64Encoded": False,
    }
