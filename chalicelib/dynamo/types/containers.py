"""Lists, tuples, maps and sets of other types."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from chalicelib.dynamo import codec
from chalicelib.dynamo.errors import AttributeValue, Invalid, MissingAttribute, UnknownAttribute, Unstorable
from chalicelib.dynamo.types.base import FAILURES, Encode, Type, wrong
from chalicelib.dynamo.types.scalars import ANYTHING, SCALARS


def list_of(element: Type, make: Callable[[list[Any]], Any]) -> Type:
    """A list of elements of one type, of any length; ``make`` is what it is loaded as."""
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


def tuple_of(members: list[Type]) -> Type:
    """A list of so many elements, each of its own type."""
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


def map_of(element: Type) -> Type:
    """A map of any names to values of one type."""
    if element is ANYTHING:
        return SCALARS[dict]
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


def _located(encode: Encode, members: Iterable[tuple[str | int, Any]]) -> Invalid:
    """The first error among members, with its place; found again, so that right values need not remember theirs."""
    for place, member in members:
        try:
            encode(member)
        except Invalid as error:
            return error.within(place)
    raise AssertionError("the members changed while they were encoded")  # pragma: no cover


def _misplaced(members: Iterable[tuple[str | int, Type, AttributeValue]]) -> Invalid:
    """The first error among stored members, with its place, as ``_located``."""
    for place, type_, member in members:
        try:
            type_.load(member)
        except Invalid as error:
            return error.within(place)
    raise AssertionError("the members changed while they were decoded")  # pragma: no cover


def set_of(element: Type, make: Callable[[Iterable[Any]], Any]) -> Type:
    """A set of strings, of numbers or of bytes; ``make`` is what it is loaded as."""
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
