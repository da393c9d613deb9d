"""JSON Schemas as models use them: documents and parts of them validated, with this layer's errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.dynamo.errors import ConstraintViolated, Invalid, MissingAttribute, UnknownAttribute, WrongType

if TYPE_CHECKING:
    from chalicelib.schema.compiled import CompiledSchema

Place = list[str | int]


class InvalidDocument(Invalid):
    """A document fails its schema. It is a ``WrongType``, ``MissingAttribute``, … by the first of its ``failures``.

    Each of these, at most 100, is a path and what is wrong there.
    """

    failures: list[tuple[Place, str]]


class _WrongType(InvalidDocument, WrongType):
    """A value is not of its property's type."""


class _Missing(InvalidDocument, MissingAttribute):
    """A required property has no value."""


class _Unknown(InvalidDocument, UnknownAttribute):
    """There is no such property."""


class _Violated(InvalidDocument, ConstraintViolated):
    """A value is not one that its property admits."""


_ERRORS: dict[str, type[InvalidDocument]] = {
    "type": _WrongType,
    "required": _Missing,
    "additionalProperties": _Unknown,
    "unevaluatedProperties": _Unknown,
}
"""By keyword; any other is ``ConstraintViolated``."""
_OF_PROPERTIES = {"properties", "patternProperties", "additionalProperties"}


class Contract:
    """A JSON Schema as models use it: ``fields`` are the fields of its properties, ``names`` the reverse."""

    def __init__(self, schema: Mapping[str, Any], fields: Mapping[str, str]) -> None:
        self.schema = schema
        self.fields = dict(fields)
        self.names = {name: prop for prop, name in fields.items()}
        self.nested = [name for name, part in schema.get("properties", {}).items() if _has_defaults(part)]
        """Properties with defaults somewhere within."""
        self.nulls: set[str] = set()
        """Properties whose None is null; that of others is absence."""

    @cached_property
    def whole(self) -> CompiledSchema:
        """What validates whole documents."""
        from chalicelib.schema.compiled import CompiledSchema  # noqa: PLC0415 - reads do not validate

        return CompiledSchema(self.schema)

    @cached_property
    def parts(self) -> CompiledSchema:
        """What validates some properties, each as a whole. References into the rest of the schema lead on."""
        from chalicelib.schema.compiled import CompiledSchema  # noqa: PLC0415 - reads do not validate

        kept = {word: part for word, part in self.schema.items() if word in _OF_PROPERTIES or word.startswith("$")}
        return CompiledSchema(kept)

    def document(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The properties of fields' values."""
        named = {self.names.get(name, name): value for name, value in values.items()}
        return {prop: value for prop, value in named.items() if value is not None or prop in self.nulls}

    def validate(self, values: Mapping[str, Any]) -> None:
        """Check the fields' values of an object, or some of them: ``Schema.validator``.

        Raises:
            InvalidDocument: they are none of a document of this schema.
        """
        self.check(self.document(values), partial=len(values) < len(self.fields))

    def check(self, document: Mapping[str, Any], *, partial: bool = False) -> None:
        """Check a document, or some properties of one.

        Raises:
            InvalidDocument: it fails the schema.
        """
        compiled = self.parts if partial else self.whole
        try:
            found = compiled.failures(document)
        except ValueError:  # the validator takes nothing but JSON
            strange = list(_strange(document, []))
            if not strange:
                raise
            raise _error(_WrongType, strange) from None
        if found:
            kind: Any = next(iter(compiled.validator.iter_errors(document))).kind
            failures = [(_place(failure["pointer"], document), failure["detail"]) for failure in found]
            raise _error(_ERRORS.get(kind.name, _Violated), failures)


def _error(kind: type[InvalidDocument], failures: list[tuple[Place, str]]) -> InvalidDocument:
    path, reason = failures[0]
    error = kind(reason, path)
    error.failures = failures
    return error


def _strange(value: Any, path: Place) -> Iterator[tuple[Place, str]]:
    """The values that JSON does not have."""
    if isinstance(value, (Mapping, list, tuple)):
        members: Any = value.items() if isinstance(value, Mapping) else enumerate(value)
        for place, member in members:
            yield from _strange(member, [*path, place])
    elif value is not None and not isinstance(value, (str, int, float, Decimal)):
        yield path, f"is of the type {type(value).__name__}, which JSON does not have"


def _place(pointer: str, document: Any) -> Place:
    """The path of a JSON Pointer into the document."""
    path: Place = []
    for part in pointer.split("/")[1:]:
        listed = isinstance(document, (list, tuple))
        path.append(int(part) if listed else part.replace("~1", "/").replace("~0", "~"))
        document = document[path[-1]] if listed or path[-1] in (document or {}) else None
    return path


def _has_defaults(schema: Any) -> bool:
    parts = schema.get("properties", {}).values() if isinstance(schema, Mapping) else ()
    return any(isinstance(part, Mapping) and ("default" in part or _has_defaults(part)) for part in parts)
