"""Scalars: strings, numbers, booleans, bytes and null, and whatever DynamoDB can hold."""

from __future__ import annotations

from base64 import b64decode, b64encode
from decimal import Decimal
from operator import itemgetter
from typing import Any

from chalicelib.dynamo import codec
from chalicelib.dynamo.errors import AttributeValue
from chalicelib.dynamo.types.base import Type, wrong

_PLAIN_INT = 10**18


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
EXACT = Type("a number", "N", _encode_decimal, _decode_exact)
SCALARS: dict[Any, Type] = {
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
NUMERIC = frozenset({NUMBER, EXACT, SCALARS[int], SCALARS[float], SCALARS[Decimal]})
