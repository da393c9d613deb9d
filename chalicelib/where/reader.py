"""Tokens in their order, and the literals among them.

Only the tokens' texts are read. Where they stand, and which is none, is looked up when something is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NoReturn, cast

from chalicelib.where import ast, lexer
from chalicelib.where.building import MAX_DEPTH, MAX_TERMS, Misuse
from chalicelib.where.errors import InvalidText
from chalicelib.where.lexer import END

MAX_OPEN = 2 * MAX_DEPTH + 2
"""Every level of nodes opens at most two of the parser's: one as an operand, one for its parentheses."""
TOO_DEEP = f"the expression is nested deeper than {MAX_DEPTH} levels"
WORDS = {"null": ast.NULL, "true": ast.TRUE, "false": ast.FALSE}
QUOTES, DIGITS = frozenset("\"'"), frozenset("0123456789")
_SHORT = 15
"""Digits that are surely no more than a number may have."""


class Reader:
    """The tokens' texts, and how far they are read. Tokens are referred to by their numbers."""

    __slots__ = ("at", "pieces", "terms", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.pieces = lexer.pieces(text)
        self.at = 0
        self.terms = 0

    def next(self) -> str:
        """The token that is next, which is read."""
        piece = self.pieces[self.at]
        self.at += 1
        return piece

    def expect(self, piece: str, expected: str) -> None:
        """Read a token that has to be this one."""
        if self.pieces[self.at] != piece:
            self.unexpected(self.at, expected)
        self.at += 1

    def fail(self, detail: str, at: int, expected: str | None = None) -> NoReturn:
        """Refuse the token, unless there is something in the text that is none: that is said first."""
        offset = lexer.tokens(self.text)[at].start
        raise InvalidText(detail, self.text, offset, expected=expected) from None

    def unexpected(self, at: int, expected: str) -> NoReturn:
        """Refuse the token, in the place of which something else was expected."""
        piece = self.pieces[at]
        found = "the end" if piece == END else f"'{piece[:40]}'"
        self.fail(f"expected {expected}, found {found}", at, expected)

    def misused(self, misuse: Misuse, *parts: int) -> NoReturn:
        """Refuse the part that is meant, of those that begin at these tokens."""
        self.fail(misuse.detail, parts[misuse.part])

    def term(self, at: int) -> None:
        """Count a term, which begins at the token."""
        self.terms += 1
        if self.terms > MAX_TERMS:
            self.fail(f"the expression has more than {MAX_TERMS} terms", at)

    def checked(self, read: Callable[[str, int, str], object], piece: str) -> object:
        """The value of the token that has been read, as the lexer reads it."""
        try:
            return read(piece, 0, piece)
        except InvalidText as error:
            self.fail(error.detail, self.at - 1)

    def number(self, piece: str) -> int | float | Decimal:
        """The value of a number, which has been read."""
        if len(piece) <= _SHORT and piece.isdigit():
            return int(piece)
        return cast("int | float | Decimal", self.checked(lexer.number, piece))

    def value(self, piece: str) -> object:
        """The value of a number or a string, which has been read."""
        if piece[0] in DIGITS:
            value: object = self.number(piece)
        else:
            value = piece[1:-1] if "\\" not in piece else self.checked(lexer.string, piece)
        self.term(self.at - 1)
        return value

    def negative(self) -> object:
        """The value of a number behind a minus, which has been read."""
        number = self.number(self.next())
        self.term(self.at - 1)
        return -number if number else number

    def literal(self, depth: int) -> object:
        """A literal; of a list or map, everything in it."""
        start = self.at
        piece = self.next()
        if piece in {"[", "{"}:
            if depth >= MAX_OPEN:
                self.fail(TOO_DEEP, start)
            return self._elements(depth + 1) if piece == "[" else self._members(depth + 1)
        if piece in WORDS:
            self.term(start)
            return WORDS[piece].value
        if piece == "-" and self.pieces[self.at][:1] in DIGITS:
            return self.negative()
        if piece[:1] not in DIGITS and piece[:1] not in QUOTES:
            self.unexpected(start, "a literal (null, true, false, a number, a string, a list or a map)")
        return self.value(piece)

    def _elements(self, depth: int) -> tuple[object, ...]:
        pieces = self.pieces
        elements: list[object] = []
        while pieces[self.at] != "]":
            elements.append(self.literal(depth))
            if pieces[self.at] != ",":
                break
            self.at += 1
        self.expect("]", "',' or ']'")
        return tuple(elements)

    def _members(self, depth: int) -> dict[str, object]:
        members: dict[str, object] = {}
        while self.pieces[self.at] != "}":
            start = self.at
            piece = self.next()
            if piece[:1] not in QUOTES:
                self.unexpected(start, "a name in quotes")
            name = cast(str, self.checked(lexer.string, piece))
            if name in members:
                self.fail("the map has this name already", start)
            self.expect(":", "':'")
            members[name] = self.literal(depth)
            if self.pieces[self.at] != ",":
                break
            self.at += 1
        self.expect("}", "',' or '}'")
        return members
