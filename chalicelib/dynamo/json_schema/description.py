"""The JSON Schema of a model's documents, as ``to_dict`` gives them and ``parse`` takes them."""

from __future__ import annotations

import copy
import enum
import inspect
import re
import types
import typing
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from chalicelib.dynamo.fields import MISSING
from chalicelib.dynamo.serializers import plain

if TYPE_CHECKING:
    from chalicelib.dynamo.document import Document
    from chalicelib.dynamo.fields import Attr

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Decimal: {"type": ["number", "string"]},
    bool: {"type": "boolean"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    type(None): {"type": "null"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    UUID: {"type": "string", "format": "uuid"},
    list: {"type": "array"},
    dict: {"type": "object"},
}
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_LENGTHS = {"string": "Length", "array": "Items", "object": "Properties"}
_MANAGED = {"version", "timestamps"}
"""Plugins that set their fields themselves."""


def schema_of(model: type[Document]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the class's documents.

    It has types, ``required``, defaults that are values, bounds, lengths, choices and patterns (as Python writes them).
    Hidden fields are ``writeOnly``, those that the layer sets ``readOnly``. It says nothing of functions that validate,
    of the length of bytes, nor of types that it does not know, such as references. Nested documents are ``$defs``. Of a
    model that was made from a schema it is that schema.
    """
    contract = getattr(model, "contract", None)
    if contract is not None:
        return copy.deepcopy(dict(contract.schema))
    description = _Description()
    schema = {"$schema": DIALECT, **description.object(model)}
    if description.definitions:
        schema["$defs"] = description.definitions
    return schema


class _Description:
    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}
        self._names: dict[Any, str] = {}

    def object(self, model: type[Document]) -> dict[str, Any]:
        fields = model.schema.fields
        schema: dict[str, Any] = {"title": model.__name__}
        if model.__dict__.get("__doc__"):
            schema["description"] = inspect.cleandoc(str(model.__doc__))
        schema["type"] = "object"
        schema["properties"] = {name: self._property(attribute) for name, attribute in fields.items()}
        required = [name for name, attribute in fields.items() if attribute.required]
        if required:
            schema["required"] = required
        if model.schema.unknown == "reject":
            schema["additionalProperties"] = False
        return schema

    def _property(self, attribute: Attr[Any]) -> dict[str, Any]:
        type_ = attribute.type  # asking for it evaluates the annotation
        options, schema = attribute.options, self.of(attribute.annotation)
        constraints = _constraints(schema, options.checks)
        if "enum" in constraints:
            schema = {}
        schema = {**schema, **constraints}
        if options.default is None and not type_.nullable:
            schema = _or_null(schema)
        elif options.default not in (MISSING, None) and not callable(options.default):
            schema["default"] = plain(options.default)
        if options.hidden:
            schema["writeOnly"] = True
        if options.combined is not None or options.plugin[0] in _MANAGED:
            schema["readOnly"] = True
        return schema

    def of(self, hint: Any) -> dict[str, Any]:
        """The schema of an annotation's values; that of anything where it is not known."""
        if isinstance(hint, type) and hint in _SCALARS:
            return dict(_SCALARS[hint])
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Annotated:
            return self.of(arguments[0])
        if origin in (typing.Union, types.UnionType):
            return self._union(arguments)
        if origin is typing.Literal:
            return {"enum": [plain(value) for value in arguments]}
        if hasattr(origin, "reference_type"):
            return {}
        if isinstance(origin, type):
            return self._container(origin, arguments)
        if hasattr(hint, "__supertype__"):
            return self.of(hint.__supertype__)
        return self._class(hint) if isinstance(hint, type) else {}

    def _class(self, hint: Any) -> dict[str, Any]:
        if issubclass(hint, enum.Enum):
            return {"enum": [plain(member.value) for member in hint]}
        if typing.is_typeddict(hint):
            members = {name: self.of(member) for name, member in typing.get_type_hints(hint).items()}
            required = [name for name in members if name in hint.__required_keys__]
            schema = {"type": "object", "properties": members, "additionalProperties": False}
            return {**schema, "required": required} if required else schema
        return self._reference(hint) if hasattr(hint, "schema") and hasattr(hint, "parse") else {}

    def _reference(self, hint: Any) -> dict[str, Any]:
        if hint not in self._names:
            name: str = hint.__name__
            while name in self.definitions:
                name += "_"
            self._names[hint] = name
            self.definitions[name] = {}  # holds the place while what it refers to is described, itself perhaps
            self.definitions[name] = self.object(hint)
        return {"$ref": f"#/$defs/{self._names[hint]}"}

    def _container(self, origin: type, arguments: Sequence[Any]) -> dict[str, Any]:
        if issubclass(origin, Mapping):
            members = self.of(arguments[1])
            return {"type": "object", "additionalProperties": members} if members else {"type": "object"}
        if origin is tuple and arguments[-1] is not ...:
            count = len(arguments)
            parts = [self.of(part) for part in arguments]
            return {"type": "array", "prefixItems": parts, "minItems": count, "maxItems": count}
        elements = self.of(arguments[0])
        schema: dict[str, Any] = {"type": "array", "items": elements} if elements else {"type": "array"}
        return {**schema, "uniqueItems": True} if issubclass(origin, typing.AbstractSet) else schema

    def _union(self, arguments: Sequence[Any]) -> dict[str, Any]:
        parts = [self.of(hint) for hint in arguments if hint is not type(None)]
        if {} in parts:
            return {}
        if all(part.keys() == {"type"} for part in parts):
            kinds = dict.fromkeys(kind for part in parts for kind in _listed(part["type"]))
            merged: dict[str, Any] = {"type": next(iter(kinds)) if len(kinds) == 1 else list(kinds)}
        else:
            merged = parts[0] if len(parts) == 1 else {"anyOf": parts}
        return _or_null(merged) if len(parts) < len(arguments) else merged


def _listed(kinds: Any) -> list[str]:
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of these values and null."""
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], *([] if None in schema["enum"] else [None])]}
    if "type" in schema:
        kinds = _listed(schema["type"])
        return schema if "null" in kinds else {**schema, "type": [*kinds, "null"]}
    if not schema or schema.get("anyOf", [{}])[-1] == {"type": "null"}:
        return schema
    return {"anyOf": [*(schema["anyOf"] if schema.keys() == {"anyOf"} else [schema]), {"type": "null"}]}


def _constraints(schema: Mapping[str, Any], checks: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    numeric = {"integer", "number"} & set(_listed(schema.get("type", [])))
    for name, bound in checks.items():
        if name in _BOUNDS and numeric:
            made[_BOUNDS[name]] = plain(bound)
        elif name in ("min_length", "max_length") and "contentEncoding" not in schema:
            limit = name.removesuffix("_length")
            kinds = set(_listed(schema.get("type", []))) & _LENGTHS.keys()
            made.update({f"{limit}{_LENGTHS[kind]}": bound for kind in sorted(kinds)})
        elif name == "choices":
            made["enum"] = [plain(option) for option in bound]
        elif name == "pattern":
            made["pattern"] = f"^(?:{bound})$"
        elif name == "validate" and isinstance(bound, re.Pattern):
            made["allOf"] = [{"pattern": bound.pattern}]
        elif name == "validate" and not callable(bound):
            made["const"] = plain(bound)
    return made
