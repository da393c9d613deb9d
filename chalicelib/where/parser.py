"""Text to nodes: a Pratt parser. docs/where.md has the grammar."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NoReturn, cast

from chalicelib.where import ast, building, lexer
from chalicelib.where.ast import Constant, Node, Reference
from chalicelib.where.building import CALLS, FUNCTIONS, MAX_DEPTH, METHODS, Misuse
from chalicelib.where.errors import InvalidText
from chalicelib.where.lexer import END
from chalicelib.where.reader import DIGITS, MAX_OPEN, QUOTES, TOO_DEEP, WORDS, Reader

OR, AND, NOT, COMPARISON, SUM, PRODUCT, SIGN, CALL = range(1, 9)
"""How tightly operators bind."""
ROOTS: tuple[ast.Root, ...] = ("auth", "request", "now", "new")
"""Names that are no properties of the record. Not every place knows them; nowhere do they mean anything else."""

_POWERS = {
    "or": OR,
    "||": OR,
    "and": AND,
    "&&": AND,
    **dict.fromkeys((*building.COMPARATORS, "in", "not", "between"), COMPARISON),
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
    ".": CALL,
}
_CONTINUING = frozenset("([.")
"""What makes more of a name than a property."""
_new = tuple.__new__
"""Makes a named tuple of its fields' tuple, without the function that Python gives it, which takes half of the time."""


def parse(text: str, roots: tuple[ast.Root, ...] = ROOTS) -> Node:
    """The condition that a text says, in a place where these roots are known.

    Raises:
        InvalidText: it says none, has a root that is not known, or is longer, deeper or has more terms than is allowed.
    """
    parser = _Parser(text, roots)
    node = parser.expression(0, 1)
    if parser.pieces[parser.at] != END:
        parser.unexpected(parser.at, "an operator or the end")
    try:
        building.check_condition(node)
    except Misuse as misuse:
        raise InvalidText(misuse.detail, text, 0) from None
    # Every level has a token of its own.
    if len(parser.pieces) > MAX_DEPTH and building.depth(node) > MAX_DEPTH:
        raise InvalidText(TOO_DEEP, text, 0)
    return node


def parse_reference(text: str, roots: tuple[ast.Root, ...] = ROOTS) -> Reference:
    """The property that a path names, such as ``address.city`` or ``auth.id``.

    Raises:
        InvalidText: it is no path, or begins with a root that is not known.
    """
    parser = _Parser(text, roots)
    first = parser.next()
    if first in _OPERANDS or not _is_name(first):
        parser.unexpected(0, "the path of a property")
    reference = parser.reference(first)
    parser.expect(END, "the end of the path")
    return reference


def _is_name(piece: str) -> bool:
    return piece.isidentifier() or piece[:1] == "`"


class _Parser(Reader):
    __slots__ = ("roots",)

    def __init__(self, text: str, roots: tuple[ast.Root, ...]) -> None:
        super().__init__(text)
        self.roots = roots

    def expression(self, power: int, depth: int) -> Node:
        """An expression of operators that bind at least as tightly, which is within so many others."""
        start = self.at
        if depth > MAX_OPEN:
            self.fail(TOO_DEEP, start)
        pieces = self.pieces
        piece = pieces[start]
        self.at = start + 1
        operand = _OPERANDS.get(piece)
        if operand is not None:
            node = operand(self, piece, power, depth)
        elif not piece.isidentifier():
            node = self.scalar(piece)
        elif piece in ROOTS or pieces[start + 1] in _CONTINUING:
            node = self.name(piece, depth)
        else:
            self.term(start)
            node = _new(Reference, ("record", (piece,)))
        binding = _POWERS.get(pieces[self.at], -1)
        while binding >= power:
            if binding == COMPARISON:
                node = self.comparison(node, start, depth)
            elif binding == CALL:
                node = self.method(node, start, depth)
            elif binding <= AND:
                node = self.junction(node, start, binding, depth)
            else:
                node = self.arithmetic(node, start, binding, depth)
            binding = _POWERS.get(pieces[self.at], -1)
        return node

    def name(self, piece: str, depth: int) -> Node:
        return self.call(piece, depth) if self.pieces[self.at] == "(" else self.reference(piece)

    def scalar(self, piece: str) -> Node:
        """What begins with no word, sign or name of the language: a number, a string, or a marked name."""
        first = piece[:1]
        if first == "`":
            return self.reference(piece)
        at = self.at - 1
        if first == "$":
            self.term(at)
            return ast.Parameter(piece[1:])
        if first not in QUOTES and first not in DIGITS:
            self.unexpected(at, "a value")
        return _new(Constant, (self.value(piece),))

    def word(self, piece: str, _power: int, _depth: int) -> Node:
        self.term(self.at - 1)
        return WORDS[piece]

    def group(self, _piece: str, _power: int, depth: int) -> Node:
        node = self.expression(0, depth + 1)
        self.expect(")", "an operator or ')'")
        return node

    def negation(self, piece: str, power: int, depth: int) -> Node:
        start = self.at
        if piece == "not" and power > NOT:
            self.fail("a condition that is an operand is put in parentheses", start - 1)
        operand = self.expression(NOT if piece == "not" else SIGN, depth + 1)
        if piece == "!" and COMPARISON <= _POWERS.get(self.pieces[self.at], 0) < SIGN:
            self.fail("what ! negates is put in parentheses: !(a == b)", start - 1)
        try:
            return building.negation(operand)
        except Misuse as misuse:
            self.misused(misuse, start)

    def minus(self, _piece: str, _power: int, depth: int) -> Node:
        start = self.at
        if self.pieces[start][:1] in DIGITS:
            return Constant(self.negative())
        operand = self.expression(SIGN, depth + 1)
        if isinstance(operand, Constant) and building.type_name(operand.value) == "a number":
            return Constant(-cast("int | float | Decimal", operand.value))
        try:
            return building.arithmetic("-", Constant(0), operand)
        except Misuse as misuse:
            self.misused(misuse, start, start)

    def collection(self, _piece: str, _power: int, depth: int) -> Node:
        self.at -= 1
        return _new(Constant, (self.literal(depth),))

    def reference(self, piece: str) -> Reference:
        """A path of which the first name has been read, up to a method's dot."""
        self.term(self.at - 1)
        root: ast.Root = "record"
        path: list[str | int] = []
        if piece in ROOTS:
            root = piece
            if root not in self.roots:
                self.unknown(root)
        else:
            path.append(self.member(piece))
        pieces = self.pieces
        while pieces[self.at] == "[" or (pieces[self.at] == "." and pieces[self.at + 2] != "("):
            bracket = self.next() == "["
            piece = self.next()
            if bracket:
                index = self.number(piece) if piece[:1] in DIGITS else None
                if not isinstance(index, int):
                    self.unexpected(self.at - 1, "the number of an element, from 0")
                path.append(index)
                self.expect("]", "']'")
            elif _is_name(piece):
                path.append(self.member(piece))
            else:
                self.unexpected(self.at - 1, "the name of a property")
        return _new(Reference, (root, tuple(path)))

    def member(self, piece: str) -> str:
        return cast(str, self.checked(lexer.quoted_name, piece)) if piece[0] == "`" else piece

    def unknown(self, root: ast.Root) -> NoReturn:
        where = "access rules on writes" if root == "new" else "access rules"
        detail = f"{root} is known in {where} only; a property of this name is written in backquotes"
        self.fail(detail, self.at - 1)

    def call(self, name: str, depth: int) -> Node:
        if name not in FUNCTIONS:
            hint = f"; write value.{name}(…)" if name in METHODS else ""
            self.fail(f"there is no function {name}; there are has and size{hint}", self.at - 1)
        return self.made(name, [], [], depth)

    def method(self, receiver: Node, start: int, depth: int) -> Node:
        self.at += 1
        name = self.next()
        if name not in METHODS:
            at = self.at - 1
            hint = f"; write {name}(value)" if name in FUNCTIONS else ""
            if name in lexer.KEYWORDS or not name.isidentifier() or self.pieces[self.at] != "(":
                self.unexpected(at, "a method")
            self.fail(f"there is no method {name}; there are startsWith and contains{hint}", at)
        return self.made(name, [receiver], [start], depth)

    def made(self, name: str, parts: list[Node], starts: list[int], depth: int) -> Node:
        at = self.at - 1
        maker, count = CALLS[name]
        given = len(parts)
        self.expect("(", "'('")
        while self.pieces[self.at] != ")":
            starts.append(self.at)
            parts.append(self.expression(0, depth + 1))
            if self.pieces[self.at] != ",":
                break
            self.at += 1
        self.expect(")", "',' or ')'")
        if len(parts) != count:
            self.fail(f"{name} takes one argument, not {len(parts) - given}", at)
        try:
            return maker(*parts)
        except Misuse as misuse:
            self.misused(misuse, *starts)

    def junction(self, left: Node, start: int, binding: int, depth: int) -> Node:
        parts, starts = [left], [start]
        pieces = self.pieces
        while _POWERS.get(pieces[self.at]) == binding:
            self.at += 1
            starts.append(self.at)
            parts.append(self.expression(binding + 1, depth + 1))
        try:
            return building.conjunction(parts) if binding == AND else building.disjunction(parts)
        except Misuse as misuse:
            self.misused(misuse, *starts)

    def arithmetic(self, left: Node, start: int, binding: int, depth: int) -> Node:
        symbol = cast(ast.Operator, self.next())
        second = self.at
        right = self.expression(binding + 1, depth + 1)
        try:
            return building.arithmetic(symbol, left, right)
        except Misuse as misuse:
            self.misused(misuse, start, second)

    def comparison(self, left: Node, start: int, depth: int) -> Node:
        operator = self.next()
        if operator == "not":
            self.expect("in", "'in' after 'not'")
        second = third = self.at
        right = self.expression(SUM, depth + 1)
        try:
            if operator == "between":
                if _POWERS.get(self.pieces[self.at]) != AND:
                    self.unexpected(self.at, "'and' and the upper bound")
                self.at = third = self.at + 1
                node = building.between(left, right, self.expression(SUM, depth + 1))
            elif operator == "in":
                node = building.membership(left, right)
            elif operator == "not":
                node = ast.Not(building.membership(left, right))
            else:
                node = building.comparison(cast(ast.Comparator, operator), left, right)
        except Misuse as misuse:
            self.misused(misuse, start, second, third)
        if _POWERS.get(self.pieces[self.at]) == COMPARISON:
            self.fail("comparisons do not chain; join two with and", self.at)
        return node


def _nothing(parser: _Parser, _piece: str, _power: int, _depth: int) -> NoReturn:
    parser.unexpected(parser.at - 1, "a value")


_OPERANDS: dict[str, Callable[[_Parser, str, int, int], Node]] = {
    **dict.fromkeys(WORDS, _Parser.word),
    **dict.fromkeys(("[", "{"), _Parser.collection),
    **dict.fromkeys(("not", "!"), _Parser.negation),
    **dict.fromkeys(("and", "or", "in", "between"), _nothing),
    "(": _Parser.group,
    "-": _Parser.minus,
}
"""What reads an operand that begins with a word or a sign of the language."""
