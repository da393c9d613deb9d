"""Types beyond JSON's and DynamoDB's own: times, identifiers, choices, typed maps, nested documents and references."""

from __future__ import annotations

import collections.abc
import enum
import typing
from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import Any
from uuid import UUID

from chalicelib.dynamo import types
from chalicelib.dynamo.errors import AttributeValue, ConstraintViolated, MissingAttribute
from chalicelib.dynamo.types.base import Type, wrong
from chalicelib.dynamo.types.containers import record

STORAGES = ("iso", "seconds", "milliseconds")
_ISO = "%Y-%m-%dT%H:%M:%S.%fZ"
"""Of fixed width and in UTC, so that texts sort as the times do."""


def type_of(annotation: Any, storage: str | None, keep: tuple[str, ...]) -> Type | None:
    """The type that an annotation says, None when it is none of this module's."""
    if annotation is datetime:
        return _time(storage or "iso")
    if annotation is date:
        return _textual("a date", date, date.isoformat, date.fromisoformat)
    if annotation is UUID:
        return _textual("a UUID", UUID, str, UUID)
    reference = getattr(annotation, "reference_type", None) or getattr(
        typing.get_origin(annotation), "reference_type", None
    )
    if reference is not None:
        made: Type = reference(typing.get_args(annotation))
        return made
    if hasattr(annotation, "__supertype__"):
        return types.type_of(annotation.__supertype__, storage=storage, keep=keep)
    if not isinstance(annotation, type):
        return None
    if issubclass(annotation, enum.Enum):
        return _enumeration(annotation)
    if hasattr(annotation, "__required_keys__"):  # a TypedDict, of typing or of typing_extensions
        return _record(annotation, storage, keep)
    nested = getattr(annotation, "nested_type", None)
    return None if nested is None else nested(keep)


def _record(annotation: Any, storage: str | None, keep: tuple[str, ...]) -> Type:
    members: dict[str, Type] = {}
    required: set[str] = set()
    for name, hint in typing.get_type_hints(annotation, include_extras=True).items():
        # Postponed annotations are qualified only once they are evaluated: __required_keys__ has not seen it.
        qualifier = str(typing.get_origin(hint)).rpartition(".")[2]
        qualified = qualifier in ("Required", "NotRequired")
        members[name] = types.type_of(typing.get_args(hint)[0] if qualified else hint, storage=storage, keep=keep)
        if qualifier == "Required" or (not qualified and name in annotation.__required_keys__):
            required.add(name)
    return record(f"a map as {annotation.__name__}", members, frozenset(required))


def _time(storage: str) -> Type:
    if storage not in STORAGES:
        raise TypeError(f"storage is {storage!r}, not one of {', '.join(STORAGES)}")
    units = {"seconds": 1, "milliseconds": 1000}.get(storage)

    def encode_text(value: Any) -> AttributeValue:
        return {"S": _in_utc(value).strftime(_ISO).rjust(27, "0")}

    def decode_text(value: AttributeValue) -> datetime:
        time = datetime.fromisoformat(value["S"].replace("Z", "+00:00"))
        if time.tzinfo is None:
            raise ValueError("the text has no time zone")
        return time

    if units is None:
        return Type("a time", "S", encode_text, decode_text)

    def encode_number(value: Any) -> AttributeValue:
        since = _in_utc(value) - datetime(1970, 1, 1, tzinfo=timezone.utc)
        seconds = since.days * 86_400 + since.seconds
        return {"N": str(seconds if units == 1 else seconds * 1000 + since.microseconds // 1000)}

    def decode_number(value: AttributeValue) -> datetime:
        whole, part = divmod(int(value["N"]), units)
        return datetime.fromtimestamp(whole, tz=timezone.utc).replace(microsecond=part * 1000)

    return Type("a time", "N", encode_number, decode_number)


def _in_utc(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise wrong("a time", value)
    if value.tzinfo is None:
        raise ConstraintViolated("is a time without a time zone")
    try:
        return value.astimezone(timezone.utc)
    except OverflowError:
        raise ConstraintViolated("is a time before the year 1 or after 9999 in UTC") from None


def _textual(name: str, kind: type, dump: Callable[[Any], str], load: Callable[[str], Any]) -> Type:
    def encode(value: Any) -> AttributeValue:
        if not isinstance(value, kind) or isinstance(value, datetime):
            raise wrong(name, value)
        return {"S": dump(value)}

    def decode(value: AttributeValue) -> Any:
        return load(value["S"])

    return Type(name, "S", encode, decode)


def _enumeration(kind: type[enum.Enum]) -> Type:
    kinds = dict.fromkeys([type(member.value) for member in kind])
    if not kinds:
        raise TypeError(f"{kind.__name__} has no members")
    plain = types.type_of(typing.Union[tuple(kinds)])  # noqa: UP007 - of types known at run time only

    def encode(value: Any) -> AttributeValue:
        if not isinstance(value, kind):
            raise wrong(f"a {kind.__name__}", value)
        return plain.encode(value.value)

    def decode(value: AttributeValue) -> enum.Enum:
        stored = plain.decode(value)
        try:
            return kind(stored)
        except ValueError:
            raise ConstraintViolated(f"is stored with a value that {kind.__name__} does not have") from None

    return Type(f"a {kind.__name__}", " ".join(plain.kinds), encode, decode)


def discriminated(members: list[Type], discriminator: str) -> Type:
    """One of several nested documents, told apart by a field that each gives other constants."""
    by_constant: dict[tuple[str, Any], Type] = {}
    stored_name = discriminator
    for member in members:
        field = member.schema.fields.get(discriminator)
        if field is None or typing.get_origin(field.resolved) is not typing.Literal:
            raise TypeError(f"{member.name} has no field {discriminator} with a Literal type")
        stored_name = field.stored
        for constant in typing.get_args(field.resolved):
            ((kind, content),) = field.type.encode(constant).items()
            if by_constant.setdefault((kind, content), member) is not member:
                raise TypeError(f"{member.name} has the {discriminator} of {by_constant[kind, content].name}")
    name = " or ".join(member.name for member in members)
    by_class = {member.schema.owner: member for member in members}

    def encode(value: Any) -> AttributeValue:
        member = by_class.get(type(value))
        if member is None:
            raise wrong(name, value)
        return member.encode(value)

    def decode(value: AttributeValue) -> Any:
        told = value["M"].get(stored_name)
        if told is None:
            raise MissingAttribute("tells the kind and is not stored", [discriminator])
        ((kind, content),) = told.items()
        member = by_constant.get((kind, content)) if isinstance(content, collections.abc.Hashable) else None
        if member is None:
            raise ConstraintViolated("tells of no kind that is declared", [discriminator])
        return member.decode(value)

    return Type(name, "M", encode, decode)


def document_type(owner: type[Any], schema: Any) -> Type:
    """A nested document, stored as a map."""
    name = f"a {owner.__name__}"

    def encode(value: Any) -> AttributeValue:
        if type(value) is not owner:
            raise wrong(name, value)
        return {"M": schema.item(value)}

    def decode(value: AttributeValue) -> Any:
        return schema.load(value["M"])

    return Type(name, "M", encode, decode, schema=schema)
