"""The app, driven in process: what a client sends and what it gets back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import LocalGateway, LocalGatewayAuthorizer, LocalGatewayException

from chalicelib import settings
from chalicelib.access import keys
from chalicelib.access.principals import ANONYMOUS, Principal
from chalicelib.schema import json_text

ADMIN_KEY = "administrator"
_UNSENT: Any = object()


@dataclass(frozen=True)
class Answer:
    """A response. The names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        """The body's value; fails for a body that is not declared to be JSON."""
        assert "json" in self.headers["content-type"]
        return json_text.parse(self.text.encode())

    @property
    def etag(self) -> str:
        return self.headers["etag"]


class Client:
    """A caller with a key (None for one without)."""

    def __init__(self, key: str | None = ADMIN_KEY) -> None:
        self.key = key
        self.gateway = LocalGateway(the_app(), Config())

    @classmethod
    def as_principal(cls, principal: Principal) -> Client:
        """A caller whom the authorizer has found to be this principal, whatever made it so."""
        client = cls(None)
        client.gateway._authorizer = _Admitting(client.gateway._authorizer, principal)
        return client

    def request(
        self, method: str, path: str, body: Any = _UNSENT, *, query: Mapping[str, Any] | str = "", **headers: str
    ) -> Answer:
        """Send a request. A body of bytes goes as it is, any other as JSON; ``if_match`` is the header ``If-Match``."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            sent.setdefault("authorization", f"Bearer {self.key}")
        if body is not _UNSENT:
            sent.setdefault("content-type", "application/json")
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        if query:
            path = f"{path}?{query if isinstance(query, str) else urlencode(query)}"
        try:
            response = self.gateway.handle_request(method, path, sent, b"" if body is _UNSENT else body)
        except LocalGatewayException as refusal:
            return Answer(refusal.CODE, _lower(refusal.headers), (refusal.body or b"").decode())
        return Answer(response["statusCode"], _lower(response["headers"]), response["body"] or "")

    def get(self, path: str, *, query: Mapping[str, Any] | str = "", **headers: str) -> Answer:
        return self.request("GET", path, query=query, **headers)

    def put(self, path: str, body: Any = _UNSENT, *, query: Mapping[str, Any] | str = "", **headers: str) -> Answer:
        return self.request("PUT", path, body, query=query, **headers)

    def post(self, path: str, body: Any = _UNSENT, *, query: Mapping[str, Any] | str = "", **headers: str) -> Answer:
        return self.request("POST", path, body, query=query, **headers)

    def patch(self, path: str, body: Any = _UNSENT, *, query: Mapping[str, Any] | str = "", **headers: str) -> Answer:
        return self.request("PATCH", path, body, query=query, **headers)

    def delete(self, path: str, *, query: Mapping[str, Any] | str = "", **headers: str) -> Answer:
        return self.request("DELETE", path, query=query, **headers)

    def define(self, name: str, schema: Mapping[str, Any] | None = None, **members: Any) -> dict[str, Any]:
        """Make or replace a collection; its definition."""
        answer = self.put(f"/v1/collections/{name}", {"schema": schema or {}, **members})
        assert answer.status in (200, 201), answer
        made: dict[str, Any] = answer.json()
        return made

    def make(self, collection: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create a record; the record."""
        answer = self.post(records(collection), body)
        assert answer.status == 201, answer
        made: dict[str, Any] = answer.json()
        return made

    def pages(self, path: str, **query: Any) -> Iterator[list[dict[str, Any]]]:
        """The items of each page of a listing, to the end."""
        while True:
            page = self.get(path, query=query).json()
            yield page["items"]
            if page["next"] is None:
                return
            query["cursor"] = page["next"]

    def listed(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All items of a listing."""
        return [item for items in self.pages(path, **query) for item in items]

    def exported(self, collection: str, limit: int | None = None) -> list[dict[str, Any]]:
        """All records of a collection, by following the links of its export."""
        link = f"/v1/collections/{collection}/export" + (f"?limit={limit}" if limit else "")
        found: list[dict[str, Any]] = []
        while link:
            answer = self.get(link)
            assert answer.headers["content-type"] == "application/x-ndjson"
            found += [json.loads(line) for line in answer.text.split("\n")[:-1]]
            link = answer.headers.get("link", "").partition(">")[0][1:]
        return found


class _Admitting(LocalGatewayAuthorizer):
    """An authorizer that knows who calls; where none is asked, it is nobody in particular, as on API Gateway."""

    def __init__(self, asked: LocalGatewayAuthorizer, principal: Principal) -> None:
        super().__init__(asked._app_object)
        self.principal = principal

    def authorize(self, raw_path: str, lambda_event: Any, lambda_context: Any) -> tuple[Any, Any]:
        route = self._route_for_event(lambda_event)
        if route is not None and route.authorizer is not None and self.principal is not ANONYMOUS:
            told = {**self.principal.to_context(), "principalId": self.principal.id}
            lambda_event["requestContext"]["authorizer"] = told
        return lambda_event, lambda_context


def records(collection: str, record_id: str | None = None) -> str:
    """The path of a collection's records, or of one."""
    path = f"/v1/collections/{collection}/records"
    return path if record_id is None else f"{path}/{record_id}"


def the_app() -> Chalice:
    """The app. Imported late, because it reads the settings."""
    app = import_module("app").app
    assert isinstance(app, Chalice)
    return app


@contextmanager
def administrator() -> Iterator[Client]:
    """A client that may do everything, without a stored key."""
    with settings.override(admin_key=ADMIN_KEY):
        yield Client()


def another_administrator() -> Client:
    """A client that may do everything, with a key of its own."""
    return Client(keys.create().secret)


def _lower(headers: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in headers.items()}
