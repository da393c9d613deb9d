"""Callers of whatever plan, from whatever address: what API Gateway hands to Lambda after the authorizer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from chalicelib.access.principals import ADMIN, Principal
from chalicelib.http.endpoints import ENDPOINTS

from .client import Answer, the_app


def keyed(name: str, plan: str | None = None, *roles: str) -> Principal:
    """A key's principal, an administrator's unless other roles are given."""
    return Principal(f"key:{name}", "key", frozenset(roles or {ADMIN}), plan=plan)


class Caller:
    """Somebody who calls endpoints by their names; None is nobody in particular."""

    def __init__(self, principal: Principal | None, ip: str = "192.0.2.1") -> None:
        self.principal, self.ip = principal, ip

    def call(
        self,
        name: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **path: str,
    ) -> Answer:
        """Send a request. A body of bytes goes as it is, any other as JSON."""
        endpoint = ENDPOINTS[name]
        sent = {"content-type": endpoint.body.media[0]} if endpoint.body is not None else {}
        text = body.decode() if isinstance(body, bytes) else None if body is None else json.dumps(body)
        context: dict[str, Any] = {
            "httpMethod": endpoint.method,
            "resourcePath": endpoint.path,
            "path": endpoint.path.format_map({each: quote(value) for each, value in path.items()}),
            "identity": {"sourceIp": self.ip},
        }
        if self.principal is not None:
            context["authorizer"] = {**self.principal.to_context(), "principalId": self.principal.id}
        event = {
            "resource": endpoint.path,
            "path": context["path"],
            "httpMethod": endpoint.method,
            "headers": {**sent, **(headers or {})},
            "multiValueHeaders": {each: [value] for each, value in {**sent, **(headers or {})}.items()},
            "multiValueQueryStringParameters": {each: [value] for each, value in (query or {}).items()} or None,
            "pathParameters": dict(path) or None,
            "stageVariables": None,
            "requestContext": context,
            "body": text,
            "isBase64Encoded": False,
        }
        answer = the_app()(event, None)
        lower = {each.lower(): str(value) for each, value in answer["headers"].items()}
        return Answer(answer["statusCode"], lower, answer["body"] or "")
