"""The OpenAPI 3.1 document: the endpoint table, the problems, and the live definitions put together.

Every live collection has its record endpoints spelled out with its own schema, next to the general ones with
``{collection}`` in their paths; a tool takes the concrete path first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib import settings
from chalicelib.collections.definitions import Collection
from chalicelib.errors import MEDIA_TYPE, Problem, TransactionCanceled, Unauthenticated
from chalicelib.http import schemas
from chalicelib.http.endpoints import CANCELED_STATUSES, ENDPOINTS, NDJSON, Endpoint

_PREFIX = "#/components/schemas/"
_SPECIALISED = frozenset({"Record", "RecordPage", "NewRecord", "Selection"})


def document(collections: Sequence[Collection]) -> dict[str, Any]:
    """The document for a caller who may know of these collections."""
    paths: dict[str, dict[str, Any]] = {}
    for name, endpoint in ENDPOINTS.items():
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(name, endpoint, None)
    components = schemas.general()
    components.update({f"problem.{cls.code}": schemas.problem(cls) for cls in _problems()})
    for collection in collections:
        components.update(schemas.of_collection(collection))
        for name, endpoint in ENDPOINTS.items():
            if _is_of_records(endpoint):
                path = endpoint.path.replace("{collection}", collection.name)
                paths.setdefault(path, {})[endpoint.method.lower()] = _operation(name, endpoint, collection.name)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Portico",
            "version": settings.VERSION,
            "description": "Collections of JSON records: validated, conditional, transactional.",
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "paths": paths,
        "components": {
            "schemas": components,
            "parameters": schemas.PARAMETERS,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key or an access token."}
            },
        },
    }


def _problems() -> list[type[Problem]]:
    return list({cls.code: cls for endpoint in ENDPOINTS.values() for cls in endpoint.every_problem()}.values())


def _is_of_records(endpoint: Endpoint) -> bool:
    return "/records" in endpoint.path or endpoint.path.endswith("/query")


def _operation(name: str, endpoint: Endpoint, collection: str | None) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{name}.{collection}" if collection else name,
        "summary": endpoint.summary,
        "tags": [collection or endpoint.tag],
        "parameters": [
            {"$ref": f"#/components/parameters/{parameter}"} for parameter in _parameters(endpoint, collection)
        ],
        "responses": _responses(name, endpoint, collection),
        "security": [*([{}] if endpoint.public else []), *([{"key": []}] if _takes_key(endpoint) else [])],
    }
    if endpoint.body is not None:
        schema = _schema(endpoint.body.schema, collection)
        operation["requestBody"] = {
            "required": True,
            "content": {media: {"schema": schema} for media in endpoint.body.media},
        }
    return operation


def _takes_key(endpoint: Endpoint) -> bool:
    return Unauthenticated in endpoint.every_problem()


def _parameters(endpoint: Endpoint, collection: str | None) -> list[str]:
    in_path = [name for name in ("collection", "id") if f"{{{name}}}" in endpoint.path]
    if collection is not None:
        in_path.remove("collection")
    return [*in_path, *endpoint.query, *endpoint.headers]


def _responses(name: str, endpoint: Endpoint, collection: str | None) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, schema in endpoint.answers.items():
        answer: dict[str, Any] = {"description": _DESCRIPTIONS[status]}
        if schema is not None:
            answer["content"] = {endpoint.media: {"schema": _schema(_shown(endpoint, schema), collection)}}
        answer["headers"] = _headers(endpoint, status)
        answer["links"] = _links(name, status, collection)
        responses[str(status)] = {member: value for member, value in answer.items() if value}
    by_status: dict[int, list[str]] = {}
    for cls in endpoint.every_problem():
        for status in CANCELED_STATUSES if cls is TransactionCanceled else (cls.status,):
            codes = by_status.setdefault(status, [])
            if cls.code not in codes:
                codes.append(cls.code)
    for status, codes in sorted(by_status.items()):
        references = [{"$ref": f"{_PREFIX}problem.{code}"} for code in codes]
        responses[str(status)] = {
            "description": ", ".join(codes),
            "content": {MEDIA_TYPE: {"schema": references[0] if len(references) == 1 else {"anyOf": references}}},
        }
    for answer in responses.values():
        if endpoint.limited:
            answer["headers"] = {**answer.get("headers", {}), **_RATE_LIMITS}
    return responses


def _shown(endpoint: Endpoint, schema: str) -> str:
    """With ``fields`` a record shows only some of its properties."""
    return "Selection" if schema == "Record" and "fields" in endpoint.query else schema


_VERSIONED = ("Record", "Collection", "StoredPlan", "StoredKey", "IssuedKey")
"""What has an entity tag."""


def _headers(endpoint: Endpoint, status: int) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if endpoint.answers.get(status) in _VERSIONED or status == 304:  # noqa: PLR2004
        headers["ETag"] = {"schema": {"type": "string", "pattern": '^"[0-9]+"$'}, "required": True}
    if status in (201, 202):
        headers["Location"] = {"schema": {"type": "string"}, "required": True}
    if endpoint.media == NDJSON and "cursor" in endpoint.query:
        headers["Link"] = {"schema": {"type": "string"}, "description": 'The next page, rel="next"; absent at the end.'}
    return headers


_AFTER: dict[tuple[str, int], tuple[str, ...]] = {
    ("put_collection", 201): (
        "read_collection",
        "create_record",
        "list_records",
        "import_records",
        "delete_collection",
    ),
    ("delete_collection", 202): ("read_job",),
    ("create_record", 201): ("read_record", "patch_record", "replace_record", "delete_record"),
    ("replace_record", 201): ("read_record", "patch_record", "delete_record"),
}
"""What can be done next with what an answer names."""


def _links(name: str, status: int, collection: str | None) -> dict[str, Any]:
    links = {}
    for target in _AFTER.get((name, status), ()):
        path = ENDPOINTS[target].path
        parameters = {}
        if "{collection}" in path and collection is None:
            parameters["collection"] = "$request.path.collection"
        if "{id}" in path:
            parameters["id"] = "$response.body#/id"
        operation = f"{target}.{collection}" if collection is not None else target
        links[target] = {"operationId": operation, "parameters": parameters}
    return links


def _schema(name: str, collection: str | None) -> Mapping[str, Any]:
    if collection is not None and name in _SPECIALISED:
        name = f"{collection}.{name}"
    return {"$ref": _PREFIX + name}


_RATE_LIMITS = {
    name: {"schema": {"type": "string"}, "description": f"{what}, for a caller with a plan."}
    for name, what in (("RateLimit-Policy", "What is allowed"), ("RateLimit", "How much of it is left"))
}
"""draft-ietf-httpapi-ratelimit-headers-10."""

_DESCRIPTIONS = {
    200: "As asked.",
    201: "Created.",
    202: "Begun; the job tells how far it is.",
    204: "Done.",
    304: "The caller has this version.",
}
