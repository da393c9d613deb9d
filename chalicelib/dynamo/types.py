"""Types of fields: what an annotation says of a value, compiled to an encoder and a decoder.

An encoder checks what it encodes; a decoder checks what was stored. Neither converts silently: ``True`` is no ``int``
and ``"1"`` no number, but an ``int`` is a ``float``, as everywhere in Python's typing (PEP 484).
"""

from __future__ import annotations

import collections.abc
import types
import typing
from base64 import b64decode, b64encode
from collections.abc import Callable
from decimal import Decimal
from operator import itemgetter
from typing import Any, Literal, Union, get_args, get_origin

from chalicelib.dynamo import codec
from chalicelib.dynamo.errors import (
    AttributeValue,
    ConstraintViolated,
    Invalid,
    MissingAttribute,
    UnknownAttribute,
    Unstorable,
    WrongType,
)

_PLAIN_INT = 10**18

Encode = Callable[[Any], AttributeValue]
Decode = Callable[[AttributeValue], Any]
FAILURES = (Invalid, KeyError, ValueError, TypeError, ArithmeticError)


class Type:
    """One type: its ``name`` for messages, the wire ``kinds`` that it is stored as, and both directions.

    ``element`` is the type of a list's, set's or map's elements; ``plain`` says that it is a ``list`` or ``dict`` and
    nothing else. ``schema`` is that of a nested document. A decoder may raise any of ``FAILURES`` for what is stored
    otherwise; use ``load``, which says it properly.
    """

    __slots__ = ("decode", "element", "encode", "kinds", "name", "nullable", "plain", "schema")

    def __init__(
        self,
        name: str,
        kinds: str,
        encode: Encode,
        decode: Decode,
        *,
        element: Type | None = None,
        schema: Any = None,
        nullable: bool = False,
        plain: bool = False,
    ) -> None:
        self.name, self.kinds, self.encode, self.decode = name, frozenset(kinds.split()), encode, decode
        self.element, self.schema, self.nullable, self.plain = element, schema, nullable, plain

    def load(self, value: AttributeValue) -> Any:
        """The Python value of a stored one.

        Raises:
            WrongType: it was stored as something else.
        """
        try:
            return self.decode(value)
        except Invalid:
            raise
        except FAILURES as error:
            raise WrongType(f"is stored as {next(iter(value))}, which is not {self.name}") from error


def wrong(expected: str, value: Any) -> WrongType:
    """The error for a value of another type. It names the value's type, never the value, which may be a secret."""
    return WrongType(f"is of the type {type(value).__name__}, not {expected}")


def _encode_text(value: Any) -> AttributeValue:
    if type(value) is str:
        return {"S": value}
    if isinstance(value, str):
        return {"S": str.__str__(value)}
    raise wrong("a string", value)


def _encode_int(value: Any) -> AttributeValue:
    if type(value) is int:
        return {"N": str(value) if -_PLAIN_INT < value < _PLAIN_INT else codec.number_text(value)}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"N": codec.number_text(int(value))}
    raise wrong("a whole number", value)


def _encode_number(value: Any) -> AttributeValue:
    if type(value) in _NUMBERS:
        return {"N": codec.number_text(value)}
    if isinstance(value, float):  # a subclass; as a Decimal it would have all the digits of the nearest binary number
        return {"N": codec.number_text(float(value))}
    return _encode_decimal(value)


def _encode_float(value: Any) -> AttributeValue:
    if isinstance(value, Decimal):
        raise wrong("a float, which could not keep its digits", value)
    return _encode_number(value)


def _encode_decimal(value: Any) -> AttributeValue:
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return {"N": codec.number_text(Decimal(value))}
    raise wrong("a number", value)


def _encode_bool(value: Any) -> AttributeValue:
    if value is True or value is False:
        return {"BOOL": value}
    raise wrong("a boolean", value)


def _encode_bytes(value: Any) -> AttributeValue:
    if isinstance(value, (bytes, bytearray)):
        return {"B": b64encode(value).decode()}
    raise wrong("bytes", value)


def _encode_null(value: Any) -> AttributeValue:
    if value is None:
        return {"NULL": True}
    raise wrong("null", value)


def _decode_null(value: AttributeValue) -> None:
    value["NULL"]


def _decode_int(value: AttributeValue) -> int:
    digits = value["N"]
    try:
        return int(digits)
    except ValueError:
        exact = Decimal(digits)
        if exact != exact.to_integral_value():
            raise
        return int(exact)


def _decode_float(value: AttributeValue) -> float:
    return float(value["N"])


def _decode_number(value: AttributeValue) -> int | float | Decimal:
    return codec.number(value["N"])


def _decode_decimal(value: AttributeValue) -> Decimal:
    return Decimal(value["N"])


def _decode_exact(value: AttributeValue) -> int | Decimal:
    exact = Decimal(value["N"])
    return int(exact) if exact == exact.to_integral_value() else exact


def _decode_bytes(value: AttributeValue) -> bytes:
    return b64decode(value["B"])


def _encode_any_list(value: Any) -> AttributeValue:
    if type(value) is list or type(value) is tuple:
        return codec.encode(value)
    raise wrong("a list", value)


def _decode_any_list(value: AttributeValue) -> list[Any]:
    return [codec.decode(element) for element in value["L"]]


def _encode_any_map(value: Any) -> AttributeValue:
    if type(value) is dict:
        return {"M": codec.encode_map(value)}
    raise wrong("a map", value)


def _decode_any_map(value: AttributeValue) -> dict[str, Any]:
    return codec.decode_map(value["M"])


_NUMBERS = frozenset({int, float, Decimal})
ANYTHING = Type("anything", "S N B BOOL NULL M L SS NS BS", codec.encode, codec.decode, nullable=True)
TEXT = Type("a string", "S", _encode_text, itemgetter("S"))
NUMBER = Type("a number", "N", _encode_number, _decode_number)
_EXACT = Type("a number", "N", _encode_decimal, _decode_exact)
_SCALARS: dict[Any, Type] = {
    object: ANYTHING,
    str: TEXT,
    int: Type("a whole number", "N", _encode_int, _decode_int),
    float: Type("a number", "N", _encode_float, _decode_float),
    Decimal: Type("a number", "N", _encode_decimal, _decode_decimal),
    bool: Type("a boolean", "BOOL", _encode_bool, itemgetter("BOOL")),
    bytes: Type("bytes", "B", _encode_bytes, _decode_bytes),
    type(None): Type("null", "NULL", _encode_null, _decode_null, nullable=True),
    list: Type("a list", "L", _encode_any_list, _decode_any_list, element=ANYTHING),
    dict: Type("a map", "M", _encode_any_map, _decode_any_map, element=ANYTHING, plain=True),
}
_NUMERIC = frozenset({NUMBER, _EXACT, _SCALARS[int], _SCALARS[float], _SCALARS[Decimal]})
_LISTS = (list, collections.abc.Sequence, collections.abc.Iterable)
_MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_SETS = (set, frozenset, collections.abc.Set, collections.abc.MutableSet)


def type_of(
    annotation: Any, *, storage: str | None = None, discriminator: str | None = None, keep: tuple[str, ...] = ()
) -> Type:
    """The type that an annotation says.

    ``storage`` is how times are stored (``iso``, ``seconds``, ``milliseconds``), ``discriminator`` the field that tells
    the nested documents of a union apart, ``keep`` the unknown attributes that nested documents keep.

    Raises:
        TypeError: DynamoDB has nothing to store such values as.
    """
    if isinstance(annotation, type) and annotation in _SCALARS:
        return _SCALARS[annotation]
    if annotation is Any:
        return ANYTHING
    origin, arguments = get_origin(annotation), get_args(annotation)

    def inner(part: Any) -> Type:
        return type_of(part, storage=storage, discriminator=discriminator, keep=keep)

    if origin is typing.Annotated:
        return inner(arguments[0])
    if origin in (Union, types.UnionType):
        return _union(arguments, inner, discriminator)
    if origin is Literal:
        return _literal(arguments)
    collected = _collection(origin, arguments, inner)
    if collected is not None:
        return collected
    from chalicelib.dynamo import rich_types  # noqa: PLC0415 - few models have them

    rich = rich_types.type_of(annotation, storage, keep)
    if rich is None:
        raise TypeError(f"DynamoDB has no type for {annotation!r}")
    return rich


def _collection(origin: Any, arguments: tuple[Any, ...], inner: Callable[[Any], Type]) -> Type | None:
    if not arguments:
        return _SCALARS.get(origin)
    if origin is tuple and arguments[1:] == (...,):
        return _list(inner(arguments[0]), tuple)
    if origin is tuple:
        return _tuple([inner(part) for part in arguments])
    if origin in _LISTS:
        return _SCALARS[list] if arguments[0] is Any else _list(inner(arguments[0]), list)
    if origin in _MAPS:
        if "S" not in inner(arguments[0]).kinds:
            raise TypeError(f"the names in a map are strings, not {arguments[0]!r}")
        return _map(inner(arguments[1]))
    return _set(inner(arguments[0]), frozenset if origin is frozenset else set) if origin in _SETS else None


def _union(arguments: tuple[Any, ...], inner: Callable[[Any], Type], discriminator: str | None) -> Type:
    members = [inner(part) for part in arguments if part is not type(None)]
    if discriminator is not None and all(member.schema is not None for member in members):
        from chalicelib.dynamo import rich_types  # noqa: PLC0415 - few models have them

        merged = rich_types.discriminated(members, discriminator)
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


def _literal(values: tuple[Any, ...]) -> Type:
    """Constants, told apart by their types first: ``1`` and ``True`` are equal, and not the same."""
    kinds = dict.fromkeys([type(value) for value in values if value is not None])
    members = [_choice(tuple([value for value in values if type(value) is kind])) for kind in kinds]
    if None not in values:
        return _either(members)
    return _nullable(_either(members)) if members else _SCALARS[type(None)]


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
    if _NUMERIC.issuperset(members):
        exact = _NUMERIC - {NUMBER, _SCALARS[float]}
        return _EXACT if exact.issuperset(members) else NUMBER
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


def _choice(values: tuple[Any, ...]) -> Type:
    name = f"one of {', '.join(map(repr, values))}" if len(values) > 1 else repr(values[0])
    plain = type_of(type(values[0]))

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


def _list(element: Type, make: Callable[[list[Any]], Any]) -> Type:
    encode_element, decode_element = element.encode, element.decode

    def encode(value: Any) -> AttributeValue:
        if type(value) is not list and type(value) is not tuple:
            raise wrong("a list", value)
        try:
            return {"L": [encode_element(member) for member in value]}
        except Invalid:
            raise _located(encode_element, enumerate(value)) from None

    def decode(value: AttributeValue) -> Any:
        members = value["L"]
        try:
            elements = [decode_element(member) for member in members]
        except FAILURES:
            raise _misplaced((place, element, member) for place, member in enumerate(members)) from None
        return elements if make is list else make(elements)

    return Type(f"a list of {element.name}", "L", encode, decode, element=element, plain=make is list)


def _tuple(members: list[Type]) -> Type:
    name = f"a list of {len(members)}"

    def encode(value: Any) -> AttributeValue:
        if not isinstance(value, (list, tuple)) or len(value) != len(members):
            raise wrong(name, value)
        encoded = []
        for index, (member, element) in enumerate(zip(members, value, strict=True)):
            try:
                encoded.append(member.encode(element))
            except Invalid as error:
                raise error.within(index) from None
        return {"L": encoded}

    def decode(value: AttributeValue) -> Any:
        stored = list(zip(members, value["L"], strict=True))
        try:
            return tuple([member.decode(element) for member, element in stored])
        except FAILURES:
            raise _misplaced((place, *each) for place, each in enumerate(stored)) from None

    return Type(name, "L", encode, decode, element=ANYTHING)


def _map(element: Type) -> Type:
    if element is ANYTHING:
        return _SCALARS[dict]
    encode_element, decode_element = element.encode, element.decode

    def encode(value: Any) -> AttributeValue:
        if type(value) is not dict:
            raise wrong("a map", value)
        for name in value:
            check_name(name)
        try:
            return {"M": {name: encode_element(member) for name, member in value.items()}}
        except Invalid:
            raise _located(encode_element, value.items()) from None

    def decode(value: AttributeValue) -> Any:
        members = value["M"]
        try:
            return {name: decode_element(member) for name, member in members.items()}
        except FAILURES:
            raise _misplaced((name, element, member) for name, member in members.items()) from None

    return Type(f"a map of {element.name}", "M", encode, decode, element=element)


def check_name(name: Any) -> None:
    """Refuse what cannot be the name of an attribute.

    Raises:
        WrongType, Unstorable: no string, empty, or longer than 255 bytes.
    """
    if type(name) is not str:
        raise wrong("the name of an attribute", name)
    codec.check_name(name)


def _located(encode: Encode, members: collections.abc.Iterable[tuple[str | int, Any]]) -> Invalid:
    """The first error among members, with its place; found again, so that right values need not remember theirs."""
    for place, member in members:
        try:
            encode(member)
        except Invalid as error:
            return error.within(place)
    raise AssertionError("the members changed while they were encoded")  # pragma: no cover


def _misplaced(members: collections.abc.Iterable[tuple[str | int, Type, AttributeValue]]) -> Invalid:
    """The first error among stored members, with its place, as ``_located``."""
    for place, type_, member in members:
        try:
            type_.load(member)
        except Invalid as error:
            return error.within(place)
    raise AssertionError("the members changed while they were decoded")  # pragma: no cover


def _set(element: Type, make: Callable[[collections.abc.Iterable[Any]], Any]) -> Type:
    if len(element.kinds) != 1 or not element.kinds <= {"S", "N", "B"}:
        raise TypeError(f"DynamoDB has no set of {element.name}; its sets are of strings, of numbers or of bytes")
    (kind,) = element.kinds
    name = f"a set of {element.name}"

    def encode(value: Any) -> AttributeValue:
        if not isinstance(value, (set, frozenset)):
            raise wrong(name, value)
        if not value:
            raise Unstorable("is an empty set, which DynamoDB does not have; use None")
        # Different values may be stored alike, such as times of one second, and DynamoDB refuses duplicates.
        return {f"{kind}S": sorted({element.encode(member)[kind] for member in value})}

    def decode(value: AttributeValue) -> Any:
        return make([element.decode({kind: member}) for member in value[f"{kind}S"]])

    return Type(name, f"{kind}S", encode, decode, element=element)


def record(name: str, members: dict[str, Type], required: frozenset[str]) -> Type:
    """A map with these members, as a TypedDict has them."""

    def encode(value: Any) -> AttributeValue:
        if type(value) is not dict:
            raise wrong(name, value)
        encoded = {}
        for member, content in value.items():
            if member not in members:
                raise UnknownAttribute("is not declared", [member])
            try:
                encoded[member] = members[member].encode(content)
            except Invalid as error:
                raise error.within(member) from None
        for member in required:
            if member not in value:
                raise MissingAttribute("is required", [member])
        return {"M": encoded}

    def decode(value: AttributeValue) -> Any:
        stored = {member: content for member, content in value["M"].items() if member in members}
        try:
            return {member: members[member].decode(content) for member, content in stored.items()}
        except FAILURES:
            raise _misplaced((member, members[member], content) for member, content in stored.items()) from None

    return Type(name, "M", encode, decode)
