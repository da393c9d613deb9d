"""Text to tokens.

A parser needs the tokens' texts alone as long as nothing is wrong, which ``pieces`` gives in one go. ``tokens`` knows
where they stand and says what is none; it is asked when something is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from chalicelib.where.errors import InvalidText
from chalicelib.where.values import MAX_DIGITS, fractional, is_storable

MAX_CHARACTERS = 4096
KEYWORDS = frozenset({"null", "true", "false", "and", "or", "not", "in", "between"})
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_SPELLINGS = {"&&": "and", "||": "or"}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\", "/": "/"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTENT = {
    '"': r'"[^"\\\x00-\x1f]*(?:\\[^\x00-\x1f][^"\\\x00-\x1f]*)*',
    "'": r"'[^'\\\x00-\x1f]*(?:\\[^\x00-\x1f][^'\\\x00-\x1f]*)*",
}
"""A string from its opening quote up to the closing one. Written so that no character is tried twice."""
_KINDS = {
    "name": NAME.pattern,
    "number": r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?",
    "operator": r"&&|\|\||==|!=|<=|>=|[-+*/<>!()\[\]{},.:]",
    "string": rf"""{_CONTENT['"']}"|{_CONTENT["'"]}'""",
    "quoted": "`[^`]*(?:``[^`]*)*`",
    "parameter": rf"\${NAME.pattern}",
}
_BLANK = " \t\r\n"
_TOKEN = re.compile(f"[{_BLANK}]*(?:{'|'.join(f'(?P<{kind}>{text})' for kind, text in _KINDS.items())}|(?P<end>\\Z))")
_PIECE = re.compile(f"[{_BLANK}]*(?:({'|'.join(_KINDS.values())})|.+)", re.DOTALL)
"""What is no token is the empty string, and the rest of the text."""
_FLOAT_DIGITS = 15
"""So many a float holds without losing one."""
END = "\n"
"""What no token's text can be."""


class Token(NamedTuple):
    """A piece of the text.

    ``kind`` is ``name``, ``quoted``, ``string``, ``number``, ``parameter`` or ``end``; or a keyword or operator itself,
    with ``and`` and ``or`` for their other spellings.
    """

    kind: str
    value: Any
    start: int
    end: int


def pieces(text: str) -> list[str]:
    """The texts of all tokens, and two ends. What is no token is empty, and the last but for the ends.

    Whether numbers, escapes and names in backquotes are right is seen by who takes the value of one.
    """
    found: list[str] = _PIECE.findall(text.rstrip(_BLANK)) if len(text) <= MAX_CHARACTERS else [""]
    if not text.isascii() and _SURROGATE.search(text):
        found = [""]
    found += (END, END)
    return found


def tokens(text: str) -> list[Token]:
    """All tokens of a text, the last of the kind ``end``.

    Raises:
        InvalidText: it is longer than 4,096 characters, or has something that is no token.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidText(
            f"the expression has {len(text):,} characters; at most {MAX_CHARACTERS:,} are allowed", text, MAX_CHARACTERS
        )
    if half := _SURROGATE.search(text):
        raise InvalidText("half of a surrogate pair is no character", text, half.start())
    found: list[Token] = []
    offset = 0
    while True:
        match = _TOKEN.match(text, offset)
        if match is None:
            raise _no_token(text, offset)
        kind = match.lastgroup or ""
        start, offset = match.span(kind)
        value: object = match[kind]
        if kind == "name":
            kind = match[kind] if value in KEYWORDS else kind
        elif kind == "operator":
            kind = _SPELLINGS.get(match[kind], match[kind])
        elif kind != "end":
            value = _VALUES[kind](text, start, match[kind])
        found.append(Token(kind, value, start, offset))
        if kind == "end":
            return found


def number(text: str, start: int, digits: str) -> int | float | Decimal:
    """The value of a number's token.

    Raises:
        InvalidText: it has too many digits, or is out of range.
    """
    if len(digits) < MAX_DIGITS // 2 and digits.isdigit():
        return int(digits)
    if len(digits) <= _FLOAT_DIGITS and "e" not in digits and "E" not in digits:
        return float(digits)
    # An exponent of more digits than these is out of range, and may be out of Decimal's.
    mantissa, _, exponent = digits.lower().partition("e")
    exact = Decimal(digits) if len(exponent.lstrip("+-0")) < 5 else None  # noqa: PLR2004
    if exact is None and not mantissa.strip("0."):
        return 0.0
    if exact is None or not is_storable(exact):
        raise InvalidText(
            f"this number has more than {MAX_DIGITS} digits or is out of the range 1E-130 to 9.9E+125", text, start
        )
    return int(digits) if digits.isdigit() else fractional(exact)


def string(text: str, start: int, quoted: str) -> str:
    """The value of a string's token.

    Raises:
        InvalidText: it has an escape that is none, or half of a surrogate pair.
    """
    content = quoted[1:-1]
    if "\\" in content:
        content = _ESCAPE.sub(lambda match: _unescaped(match, text, start), content)
        if _SURROGATE.search(content):
            try:
                return content.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
            except UnicodeDecodeError:
                raise InvalidText("this string has half of a surrogate pair", text, start) from None
    return content


def _unescaped(match: re.Match[str], text: str, start: int) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    if match[2] not in _ESCAPES:
        known = r"\" \' \\ \/ \b \f \n \r \t \uXXXX"
        raise InvalidText(f"{match[0]} is no escape; there are {known}", text, start + 1 + match.start())
    return _ESCAPES[match[2]]


def quoted_name(text: str, start: int, quoted: str) -> str:
    """The value of the token of a name in backquotes.

    Raises:
        InvalidText: it is empty.
    """
    if len(quoted) == 2:  # noqa: PLR2004 - the two backquotes
        raise InvalidText("a property has a name of one character or more", text, start)
    return quoted[1:-1].replace("``", "`")


_VALUES: dict[str, Callable[[str, int, str], object]] = {
    "number": number,
    "string": string,
    "quoted": quoted_name,
    "parameter": lambda _text, _start, name: name[1:],
}


def _no_token(text: str, offset: int) -> InvalidText:
    offset += len(text[offset:]) - len(text[offset:].lstrip(_BLANK))
    character = text[offset]
    if character in _CONTENT:
        content = re.compile(_CONTENT[character]).match(text, offset)
        stopped = content.end() if content else offset
        if stopped < len(text) and text[stopped] != "\\":
            return InvalidText("a control character in a string is written as an escape, such as \\n", text, stopped)
        return InvalidText("this string has no closing quote", text, offset, expected=f"a closing {character}")
    if character == "`":
        return InvalidText("this name has no closing backquote", text, offset, expected="a closing `")
    if character == "$":
        return InvalidText("a parameter is written $name", text, offset, expected="a name")
    hint = {"=": "; equality is ==", "&": "; write and, or &&", "|": "; write or, or ||"}.get(character, "")
    if character.isalpha():
        hint = "; a name with such letters is written in backquotes"
    return InvalidText(f"{character!r} has no meaning here{hint}", text, offset)
