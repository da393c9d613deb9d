"""The document that describes a collection: its shape, as JSON Schema, and what a schema cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from chalicelib.dynamo.codec import MAX_NAME_BYTES
from chalicelib.errors import Failure, InvalidDefinition, pointer
from chalicelib.schema import rules
from chalicelib.schema.compiled import DIALECT, CompiledSchema, failures_of, is_local_object, validator_of
from chalicelib.schema.json_text import dump
from chalicelib.schema.structure import SERVER_SET, depth_exceeds
from chalicelib.where.lexer import MAX_CHARACTERS

if TYPE_CHECKING:
    import jsonschema_rs

MAX_INDEXES = 5
MAX_SHARDS = 64
MAX_UNIQUE = 10
MAX_DEPTH = 64
MAX_BYTES = 300_000

_PROPERTY = {"type": "string", "minLength": 1, "maxLength": MAX_NAME_BYTES, "pattern": r"^[^$]"}
_RULE = {"type": "string", "maxLength": MAX_CHARACTERS}

SHAPE: dict[str, Any] = {
    "$schema": DIALECT,
    "title": "Definition",
    "type": "object",
    "required": ["schema"],
    "additionalProperties": False,
    "properties": {
        "description": {"type": "string", "maxLength": 10_000},
        "schema": {"type": "object", "description": "JSON Schema 2020-12 of the records."},
        "indexes": {
            "type": "object",
            "maxProperties": MAX_INDEXES,
            "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,62}$"},
            "additionalProperties": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": False,
                "properties": {"hash": _PROPERTY, "range": _PROPERTY},
            },
        },
        "unique": {"type": "array", "items": _PROPERTY, "uniqueItems": True, "maxItems": MAX_UNIQUE},
        "rules": {
            "type": "object",
            "additionalProperties": False,
            "properties": dict.fromkeys(rules.ROOTS, _RULE),
        },
        "hidden": {"type": "array", "items": _PROPERTY, "uniqueItems": True, "maxItems": 100},
        "ttl": {**_PROPERTY, "description": "The property that says when a record ends: RFC 3339, or Unix seconds."},
        "changes": {"type": "string", "pattern": "^[1-9][0-9]{0,3}[mhd]$"},
        "shards": {"type": "integer", "minimum": 1, "maximum": MAX_SHARDS, "default": 1},
        "require_preconditions": {"type": "boolean", "default": False},
    },
}
"""The shape of a definition, also shown in the OpenAPI document."""


@cache
def _shape() -> jsonschema_rs.Draft202012Validator:
    return validator_of(SHAPE)


@cache
def _metaschema() -> jsonschema_rs.Draft202012Validator:
    return validator_of({"$ref": DIALECT})


def check(document: Any) -> None:
    """Refuse what is not a definition.

    Raises:
        InvalidDefinition: with every failure that was found, each with its pointer into the definition (422).
    """
    if depth_exceeds(document, MAX_DEPTH):
        raise InvalidDefinition([Failure(pointer="", detail=f"is nested deeper than {MAX_DEPTH} levels")])
    if len(dump(document)) > MAX_BYTES:
        raise InvalidDefinition([Failure(pointer="", detail=f"is larger than {MAX_BYTES} bytes")])
    found = failures_of(_shape(), document)
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, dict):
        found += _schema_failures(schema)
    found = found or [
        *_reference_failures(document),
        *_hidden_unique_failures(document),
        *rules.failures(document.get("rules", {})),
    ]
    if found:
        raise InvalidDefinition(found)


def _schema_failures(schema: Mapping[str, Any]) -> Iterator[Failure]:
    if schema.get("$schema", DIALECT) not in (DIALECT, DIALECT + "#"):
        yield Failure(pointer="/schema/$schema", detail=f"is not {DIALECT}")
    if schema.get("type", "object") != "object":
        yield Failure(pointer="/schema/type", detail="is not 'object': records are JSON objects")
    broken = False
    for failure in failures_of(_metaschema(), schema):
        broken = True
        yield Failure(pointer="/schema" + failure["pointer"], detail=failure["detail"])
    if broken:
        return
    failure_of_compilation = _compile_failure(schema)
    if failure_of_compilation:
        yield failure_of_compilation
        return
    yield from _name_failures(schema)
    yield from _default_failures(schema)


def _compile_failure(schema: Mapping[str, Any]) -> Failure | None:
    import jsonschema_rs  # noqa: PLC0415

    try:
        validator_of({**schema, "type": "object"})
    except jsonschema_rs.ValidationError as error:
        where = list(error.instance_path) or _place_of_reference(schema, error.message)
        return Failure(pointer=pointer(["schema", *where]), detail=_compile_detail(error))
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        where = _place_of_reference(schema, str(error))
        return Failure(pointer=pointer(["schema", *where]), detail=f"cannot be compiled: {error}")
    return None


def _compile_detail(error: jsonschema_rs.ValidationError) -> str:
    if "regex" in error.message:
        return "is not a regular expression that Portico takes (no look-around, no back-references)"
    if error.instance_path:
        return error.message
    return "is a reference that leads nowhere within this schema (remote schemas are not fetched)"


def _place_of_reference(schema: Any, message: str) -> list[str | int]:
    """The path of the ``$ref`` that the message is about, as far as it can be told."""
    for path, reference in _references(schema, []):
        if reference.lstrip("#") in message:
            return [*path, "$ref"]
    return []


def _references(schema: Any, path: list[str | int]) -> Iterator[tuple[list[str | int], str]]:
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str):
            yield path, schema["$ref"]
        for name, part in schema.items():
            yield from _references(part, [*path, name])
    elif isinstance(schema, list):
        for index, part in enumerate(schema):
            yield from _references(part, [*path, index])


def _name_failures(schema: Mapping[str, Any]) -> Iterator[Failure]:
    for name in schema.get("properties", {}):
        if name in SERVER_SET:
            yield Failure(
                pointer=pointer(["schema", "properties", name]), detail="is set by the server and cannot be declared"
            )
        elif not name or name[0] == "$":
            yield Failure(
                pointer=pointer(["schema", "properties", name]), detail="is not a name that a property can have"
            )
    for index, name in enumerate(schema.get("required", ())):
        if name in SERVER_SET:
            yield Failure(pointer=pointer(["schema", "required", index]), detail=f"{name!r} is set by the server")


def _default_failures(schema: Mapping[str, Any]) -> Iterator[Failure]:
    """Defaults that would fail their own property's schema."""
    compiled = CompiledSchema(schema)
    if not compiled.is_local:
        return
    for names, default in _defaults(schema, []):
        fragment = default
        for name in reversed(names):
            fragment = {name: fragment}
        place = [part for name in names for part in ("properties", name)]
        for failure in failures_of(compiled.fragments, fragment):
            yield Failure(pointer=pointer(["schema", *place, "default"]), detail=failure["detail"])


def _defaults(schema: Mapping[str, Any], names: list[str]) -> Iterator[tuple[list[str], Any]]:
    """Each default with the names that lead to its property, through local objects."""
    for name, part in schema.get("properties", {}).items():
        if isinstance(part, Mapping):
            if "default" in part:
                yield [*names, name], part["default"]
            if is_local_object(part):
                yield from _defaults(part, [*names, name])


def _reference_failures(document: Mapping[str, Any]) -> Iterator[Failure]:
    """Properties that the definition names and that its schema cannot have."""
    schema = document["schema"]
    for path, name in _named_properties(document):
        if name == "version" and path[0] == "indexes":
            yield Failure(pointer=pointer(path), detail="'version' changes with every write and can be in no index")
        elif name in SERVER_SET:
            yield Failure(pointer=pointer(path), detail=f"{name!r} is set by the server and is always there")
        elif schema.get("additionalProperties") is False and name not in schema.get("properties", {}):
            yield Failure(pointer=pointer(path), detail=f"{name!r} is not a property of the schema")


def _hidden_unique_failures(document: Mapping[str, Any]) -> Iterator[Failure]:
    """A value that is taken would be found out by trying to take it."""
    for position, name in enumerate(document.get("hidden", ())):
        if name in document.get("unique", ()):
            detail = f"{name!r} is unique, so that who may not see it could find out its values by trying them"
            yield Failure(pointer=pointer(["hidden", position]), detail=detail)


def _named_properties(document: Mapping[str, Any]) -> Iterator[tuple[list[str | int], str]]:
    for index_name, index in document.get("indexes", {}).items():
        for part, name in index.items():
            if name not in SERVER_SET or name == "version":  # created_at and updated_at make good range properties
                yield ["indexes", index_name, part], name
    for member in ("unique", "hidden"):
        for position, name in enumerate(document.get(member, ())):
            yield [member, position], name
    if "ttl" in document:
        yield ["ttl"], document["ttl"]
