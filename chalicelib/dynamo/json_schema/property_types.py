"""Annotations for the properties of a JSON Schema: how values are stored. What they may be, the validator says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Union

from chalicelib.dynamo.errors import AttributeValue, Invalid, UnknownAttribute
from chalicelib.dynamo.fields import TypedPath
from chalicelib.dynamo.types import type_of
from chalicelib.dynamo.types.base import Type, wrong
from chalicelib.dynamo.types.containers import check_name
from chalicelib.dynamo.types.scalars import ANYTHING, NUMBER

MAX_REFERENCES = 16
"""References followed within each other, so that a schema that contains itself has an end."""
_PLAIN: dict[str, Any] = {
    "string": str,
    "boolean": bool,
    "null": None,
    "array": list[Any],
    "object": dict[str, Any],
}


def annotation_of(schema: Any, definitions: Mapping[str, Any], depth: int = 0) -> Any:
    """The annotation of a field that has such values, ``Any`` where the schema does not say one that it can have.

    ``definitions`` are the schema's ``$defs``. By ``type``, else by the values of ``enum`` and ``const``; lists by
    ``items``, objects by ``properties`` and ``additionalProperties``. ``allOf`` and the like are left to the validator.

    Raises:
        TypeError: there is no such ``type``.
    """
    if not isinstance(schema, Mapping) or depth > MAX_REFERENCES:
        return Any
    reference = schema.get("$ref")
    if reference is not None:
        name = str(reference).removeprefix("#/$defs/")
        return annotation_of(definitions.get(name), definitions, depth + 1)
    kinds = schema.get("type") or _kinds_of_values(schema)
    names = [kinds] if isinstance(kinds, str) else list(kinds)
    if "number" in names and "integer" in names:
        names.remove("integer")
    strange = [name for name in names if name not in _PLAIN and name not in _NUMBERS]
    if strange:
        raise TypeError(f"JSON Schema has no type {strange[0]!r}")
    hints = [_annotation(name, schema, definitions, depth + 1) for name in names]
    return Union[tuple(hints)] if hints else Any  # noqa: UP007 - of hints known at run time only


def _annotation(kind: str, schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int) -> Any:
    if kind in _NUMBERS:
        return _NUMBERS[kind]
    if kind == "array" and "items" in schema and "prefixItems" not in schema:
        return list[annotation_of(schema["items"], definitions, depth)]  # type: ignore[misc]
    if kind == "object":
        return _object(schema, definitions, depth)
    return _PLAIN[kind]


def _kinds_of_values(schema: Mapping[str, Any]) -> list[str]:
    """The types of the only values that a schema admits."""
    values = [schema["const"]] if "const" in schema else schema.get("enum", [])
    return list(dict.fromkeys([_kind(value) for value in values]))


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, (str, list)):
        return "string" if isinstance(value, str) else "array"
    return "object" if isinstance(value, Mapping) else "number"


def _object(schema: Mapping[str, Any], definitions: Mapping[str, Any], depth: int) -> Any:
    properties = schema.get("properties", {})
    rest = True if "patternProperties" in schema else schema.get("additionalProperties", True)
    if not properties:
        return dict[str, Any] if rest is False else dict[str, annotation_of(rest, definitions, depth)]  # type: ignore[misc]
    hints = {name: annotation_of(part, definitions, depth) for name, part in properties.items()}
    others = None if rest is False else annotation_of(rest, definitions, depth)

    def nested_type(_: type, keep: tuple[str, ...]) -> Type:  # noqa: ARG001 - the schema says what it keeps
        members = {name: type_of(hint) for name, hint in hints.items()}
        return object_type(members, None if others is None else type_of(others))

    return type("Object", (), {"nested_type": classmethod(nested_type)})


def _encode_whole(value: Any) -> AttributeValue:
    encoded = NUMBER.encode(value)
    if value != int(value):
        raise wrong("a whole number", value)
    return encoded


_WHOLE = Type("a whole number", "N", _encode_whole, NUMBER.decode)


class Number:
    """The annotation of numbers. It is no union, which would not be itself within another one."""

    stored_as: ClassVar[Type] = NUMBER

    @classmethod
    def nested_type(cls, keep: tuple[str, ...]) -> Type:  # noqa: ARG003 - it holds nothing
        """The type of such a field."""
        return cls.stored_as


class Whole(Number):
    """The annotation of whole numbers as JSON Schema has them: 2.0 is one too."""

    stored_as = _WHOLE


_NUMBERS = {"number": Number, "integer": Whole}


class Members:
    """The members of an object, for paths into it: ``Dynamic.address["city"]``."""

    def __init__(self, types: Mapping[str, Type]) -> None:
        self.fields = {name: _Member(type_, name) for name, type_ in types.items()}


class _Member(TypedPath[Any]):
    __slots__ = ()

    @property
    def stored(self) -> str:
        return str(self.names[0])


def object_type(members: Mapping[str, Type], others: Type | None) -> Type:
    """Dictionaries with these members, of which none is required; ``others`` is the type of further ones, if any."""

    def encode(value: Any) -> AttributeValue:
        if type(value) is not dict:
            raise wrong("an object", value)
        encoded = {}
        for name, content in value.items():
            check_name(name)
            type_ = members.get(name, others)
            if type_ is None:
                raise UnknownAttribute("is not declared", [name])
            try:
                encoded[name] = type_.encode(content)
            except Invalid as error:
                raise error.within(name) from None
        return {"M": encoded}

    def decode(value: AttributeValue) -> dict[str, Any]:
        return {name: members.get(name, others or ANYTHING).decode(member) for name, member in value["M"].items()}

    return Type("an object", "M", encode, decode, schema=Members(members))
