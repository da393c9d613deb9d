"""JSON text to values and back, without losing a digit.

orjson reads and writes nearly everything. A number that a double would not hold exactly goes through the standard
library instead and is a ``Decimal`` or a long ``int`` from there on.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

import orjson

from chalicelib.errors import MalformedJson

_INEXACT = re.compile(rb"[0-9][0-9.]{15}|[0-9][eE][-+]?[0-9]{3}")
"""What a number looks like that may not survive as a double: 16 digits or more, or a three-digit exponent."""


def parse(text: bytes) -> Any:
    """The value of a JSON text (RFC 8259, UTF-8).

    Raises:
        MalformedJson: it is none. NaN, Infinity, lone surrogates and nesting beyond a thousand levels are not JSON
        here (400).
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if not _INEXACT.search(text):
            raise MalformedJson(f"The body is not valid JSON: {error}.") from None
        value = None
    if _INEXACT.search(text):
        return _parse_exactly(text)
    return value


def _parse_exactly(text: bytes) -> Any:
    import json  # noqa: PLC0415 - rarely needed, and it costs start-up time

    try:
        value = json.loads(text.decode(), parse_float=_decimal, parse_int=_integer, parse_constant=_no_constant)
        dump(value)
    except RecursionError:
        raise MalformedJson("The body is nested too deeply.") from None
    except (ValueError, TypeError) as error:
        raise MalformedJson(f"The body is not valid JSON: {error}.") from None
    return value


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < 19 else Decimal(digits)  # noqa: PLR2004 - what surely fits 64 bits


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation:  # beyond 1E+999999999999999999
        raise ValueError("a number has an exponent that is out of all reach") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def dump(value: Any) -> str:
    """The JSON text of a value; ``Decimal`` is written digit by digit."""
    return orjson.dumps(value, default=_exact_number).decode()


def canonical(value: Any) -> bytes:
    """One text for equal values: sorted names, no spaces."""
    return orjson.dumps(value, default=_exact_number, option=orjson.OPT_SORT_KEYS)


def _exact_number(value: Any) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}" if abs(value.adjusted()) < 40 else str(value))  # noqa: PLR2004
    raise TypeError
