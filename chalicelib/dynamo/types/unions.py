"""Unions and literals: one of several types, one of several values, null too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.dynamo.errors import AttributeValue, ConstraintViolated, WrongType
from chalicelib.dynamo.types.base import Type, wrong
from chalicelib.dynamo.types.scalars import EXACT, NUMBER, NUMERIC, SCALARS


def union_of(arguments: tuple[Any, ...], inner: Callable[[Any], Type], discriminator: str | None) -> Type:
    """One of several types; ``inner`` makes them."""
    members = [inner(part) for part in arguments if part is not type(None)]
    if discriminator is not None and all(member.schema is not None for member in members):
        from chalicelib.dynamo.types import rich  # noqa: PLC0415 - few models have them

        merged = rich.discriminated(members, discriminator)
    else:
        merged = _either(members)
    return merged if len(members) == len(arguments) else _nullable(merged)


def _by_kind(members: list[Type]) -> dict[str, Type]:
    by_kind: dict[str, Type] = {}
    for member in members:
        for kind in member.kinds:
            if by_kind.setdefault(kind, member) is not member:
                raise TypeError(f"{by_kind[kind].name} and {member.name} are stored alike: give a discriminator")
    return by_kind


def literal_of(values: tuple[Any, ...], inner: Callable[[Any], Type]) -> Type:
    """Constants, told apart by their types first: ``1`` and ``True`` are equal, and not the same."""
    kinds = dict.fromkeys([type(value) for value in values if value is not None])
    members = [_choice(tuple([value for value in values if type(value) is kind]), inner(kind)) for kind in kinds]
    if None not in values:
        return _either(members)
    return _nullable(_either(members)) if members else SCALARS[type(None)]


def _nullable(member: Type) -> Type:
    encode_member, decode_member = member.encode, member.decode

    def encode(value: Any) -> AttributeValue:
        return {"NULL": True} if value is None else encode_member(value)

    def decode(value: AttributeValue) -> Any:
        return None if "NULL" in value else decode_member(value)

    return Type(
        f"{member.name} or null",
        " ".join(["NULL", *member.kinds]),
        encode,
        decode,
        element=member.element,
        schema=member.schema,
        nullable=True,
    )


def _either(members: list[Type]) -> Type:
    if len(members) == 1:
        return members[0]
    if NUMERIC.issuperset(members):
        exact = NUMERIC - {NUMBER, SCALARS[float]}
        return EXACT if exact.issuperset(members) else NUMBER
    by_kind = _by_kind(members)
    name = " or ".join(member.name for member in members)

    def encode(value: Any) -> AttributeValue:
        for member in members:
            try:
                return member.encode(value)
            except WrongType as error:
                if error.path:  # no other member has such containers
                    raise
        raise wrong(name, value)

    def decode(value: AttributeValue) -> Any:
        return by_kind[next(iter(value))].decode(value)

    return Type(name, " ".join(by_kind), encode, decode)


def _choice(values: tuple[Any, ...], plain: Type) -> Type:
    name = f"one of {', '.join(map(repr, values))}" if len(values) > 1 else repr(values[0])

    def encode(value: Any) -> AttributeValue:
        encoded = plain.encode(value)
        if value not in values:
            raise ConstraintViolated(f"is not {name}")
        return encoded

    def decode(value: AttributeValue) -> Any:
        decoded = plain.decode(value)
        if decoded not in values:
            raise ConstraintViolated(f"is stored with a value that is not {name}")
        return decoded

    return Type(name, " ".join(plain.kinds), encode, decode)
