"""A collection's JSON Schema, compiled: validation with every failure and its pointer, and defaults.

The validator is jsonschema-rs with its linear-time regular expressions (patterns come from users) and without
fetching of remote references.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.errors import Failure, ValidationFailed, pointer

if TYPE_CHECKING:
    import jsonschema_rs

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MASK = "the value"
"""What stands for the offending value in messages, so that none repeats a long or a secret one."""
MAX_FAILURES = 100
"""Failures reported of one document."""

ANNOTATIONS = frozenset(
    {
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "$comment",
        "$schema",
        "$defs",
    }
)
"""Keywords that say nothing about a value."""
_OBJECT = ANNOTATIONS | {"type", "properties", "required", "additionalProperties"}


class CompiledSchema:
    """The schema of one definition version. Building it is free; each part is compiled when first needed."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema

    @cached_property
    def validator(self) -> jsonschema_rs.Draft202012Validator:
        """The validator of whole records."""
        return validator_of({**self.schema, "type": "object"})

    @cached_property
    def fragments(self) -> jsonschema_rs.Draft202012Validator:
        """The validator of parts of a record: the schema with nothing required in objects that ``is_local``."""
        return validator_of({**_relaxed(self.schema), "type": "object"})

    @cached_property
    def is_local(self) -> bool:
        """Whether a property can be validated without knowing the others, at the top level."""
        return is_local_object(self.schema) and not _refers_to_itself(self.schema)

    @cached_property
    def _defaults(self) -> list[tuple[str, Any, Any]]:
        return _default_plan(self.schema)

    def failures(self, document: Any) -> list[Failure]:
        """Every failed check of a record; empty when it is valid."""
        if self.validator.is_valid(document):
            return []
        return failures_of(self.validator, document)

    def fragment_failures(self, fragment: Any) -> list[Failure]:
        """Every failed check of a part of a record, of which nothing is required."""
        return [] if self.fragments.is_valid(fragment) else failures_of(self.fragments, fragment)

    def fill_defaults(self, document: dict[str, Any]) -> None:
        """Give absent properties their ``default``, in nested objects that are present too."""
        _fill(document, self._defaults)


def validator_of(schema: Mapping[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Compile a schema; raises ``jsonschema_rs.ValidationError`` when it is none."""
    import jsonschema_rs  # noqa: PLC0415 - reads do not validate

    return jsonschema_rs.Draft202012Validator(
        dict(schema),
        validate_formats=True,
        pattern_options=jsonschema_rs.RegexOptions(),
        offline=True,
        mask=_MASK,
    )


def failures_of(validator: jsonschema_rs.Draft202012Validator, document: Any) -> list[Failure]:
    """Every failed check, at most 100, a missing or unexpected property at its own pointer."""
    failures: list[Failure] = []
    for error in validator.iter_errors(document):
        # Schemas that are joined by allOf or references often say the same thing.
        failures += [failure for failure in _failures_of_error(error) if failure not in failures]
        if len(failures) >= MAX_FAILURES:
            break
    return failures[:MAX_FAILURES]


def checked(shape: Mapping[str, Any], document: Any) -> dict[str, Any]:
    """The document, if it has the shape: that of a plan or a key say, of which there are too few to keep a validator.

    Raises:
        ValidationFailed: with everything that is wrong (422).
    """
    try:
        failures = failures_of(validator_of(shape), document)
    except ValueError:
        raise ValidationFailed([Failure(pointer="", detail="has a number of too many digits")]) from None
    if failures:
        raise ValidationFailed(failures)
    found: dict[str, Any] = document
    return found


def _failures_of_error(error: jsonschema_rs.ValidationError) -> list[Failure]:
    kind: Any = error.kind
    path = error.instance_path
    if kind.name == "required":
        return [Failure(pointer=pointer([*path, kind.property]), detail="is required")]
    if kind.name in ("additionalProperties", "unevaluatedProperties"):
        return [
            Failure(pointer=pointer([*path, name]), detail="is not a property of the schema")
            for name in kind.unexpected
        ]
    return [Failure(pointer=pointer(path), detail=error.message.removeprefix(f"{_MASK} "))]


def is_local_object(schema: Any) -> bool:
    """Whether a schema is of objects whose properties can each be validated by themselves."""
    return isinstance(schema, Mapping) and _OBJECT.issuperset(schema) and schema.get("type", "object") == "object"


def property_schema(schema: Any, name: str) -> Any:
    """The schema of a property within a local object schema: a mapping, or True (anything) or False (nothing)."""
    if schema is True or not isinstance(schema, Mapping):
        return True
    declared = schema.get("properties", {})
    return declared[name] if name in declared else schema.get("additionalProperties", True)


def _relaxed(schema: Any) -> Any:
    if not is_local_object(schema):
        return schema
    relaxed = {keyword: value for keyword, value in schema.items() if keyword != "required"}
    if "properties" in relaxed:
        relaxed["properties"] = {name: _relaxed(part) for name, part in relaxed["properties"].items()}
    if "additionalProperties" in relaxed:
        relaxed["additionalProperties"] = _relaxed(relaxed["additionalProperties"])
    return relaxed


def _refers_to_itself(schema: Any) -> bool:
    """Whether a reference leads anywhere but into ``$defs``: to a part that relaxing would change."""
    if isinstance(schema, Mapping):
        for keyword, value in schema.items():
            if keyword in ("$dynamicRef", "$anchor", "$dynamicAnchor", "$id"):
                return True
            if keyword == "$ref" and not str(value).startswith("#/$defs/"):
                return True
            if _refers_to_itself(value):
                return True
        return False
    return isinstance(schema, list) and any(_refers_to_itself(part) for part in schema)


def _default_plan(schema: Any) -> list[tuple[str, Any, Any]]:
    """For each property that has a default or holds some deeper: its name, its default if any, its own plan."""
    plan = []
    for name, part in (schema.get("properties") or {}).items() if isinstance(schema, Mapping) else ():
        if isinstance(part, Mapping):
            inner = _default_plan(part)
            if inner or "default" in part:
                plan.append((name, part.get("default", _NONE), inner))
    return plan


_NONE: Any = object()


def _fill(document: dict[str, Any], plan: list[tuple[str, Any, Any]]) -> None:
    for name, default, inner in plan:
        if name not in document and default is not _NONE:
            document[name] = copy.deepcopy(default)
        if inner and isinstance(document.get(name), dict):
            _fill(document[name], inner)
