"""Text to nodes: a Pratt parser. docs/where.md has the grammar."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NoReturn, cast

from chalicelib.where import ast, building
from chalicelib.where.ast import Node
from chalicelib.where.building import CALLS, FUNCTIONS, MAX_DEPTH, MAX_TERMS, METHODS, Misuse
from chalicelib.where.errors import InvalidText
from chalicelib.where.lexer import KEYWORDS, Token, tokens

OR, AND, NOT, COMPARISON, SUM, PRODUCT, SIGN, CALL = range(1, 9)
"""How tightly operators bind."""
ROOTS: tuple[ast.Root, ...] = ("auth", "request", "now", "new")

_POWERS = {
    "or": OR,
    "and": AND,
    **dict.fromkeys((*building.COMPARATORS, "in", "not", "between"), COMPARISON),
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
    ".": CALL,
}
_NAMED = {"null": None, "true": True, "false": False}
_LITERALS = {"string", "number", "null", "true", "false", "[", "{"}
_MAX_OPEN = 2 * MAX_DEPTH + 2
"""Every level of nodes opens at most two of the parser's: one as an operand, one for its parentheses."""


def parse(text: str) -> Node:
    """The condition that a text says.

    Raises:
        InvalidText: it says none, or is longer, deeper or has more terms than is allowed.
    """
    parser = _Parser(text)
    node = parser.expression(0)
    parser.expect("end", "an operator or the end")
    parser.build(building.check_condition, [0], node)
    if building.depth(node) > MAX_DEPTH:
        parser.fail(f"the expression is nested deeper than {MAX_DEPTH} levels", 0)
    return node


def parse_reference(text: str) -> ast.Reference:
    """The property that a path names, such as ``address.city`` or ``auth.id``.

    Raises:
        InvalidText: it is no path.
    """
    parser = _Parser(text)
    token = parser.next()
    if token.kind not in {"name", "quoted"}:
        parser.unexpected(token, "the path of a property")
    reference = parser.reference(token)
    parser.expect("end", "the end of the path")
    return reference


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.at = 0
        self.open = 0
        self.terms = 0

    def next(self) -> Token:
        token = self.tokens[self.at]
        self.at += token.kind != "end"
        return token

    @property
    def kind(self) -> str:
        return self.tokens[self.at].kind

    def expect(self, kind: str, expected: str) -> Token:
        token = self.next()
        if token.kind != kind:
            self.unexpected(token, expected)
        return token

    def fail(self, detail: str, offset: int, expected: str | None = None) -> NoReturn:
        raise InvalidText(detail, self.text, offset, expected=expected) from None

    def unexpected(self, token: Token, expected: str) -> NoReturn:
        found = "the end" if token.kind == "end" else f"'{self.text[token.start : token.end][:40]}'"
        self.fail(f"expected {expected}, found {found}", token.start, expected)

    def build(self, maker: Callable[..., Any], starts: list[int], *parts: object) -> Any:
        try:
            return maker(*parts)
        except Misuse as misuse:
            self.fail(misuse.detail, starts[misuse.part])

    def term(self, token: Token) -> None:
        self.terms += 1
        if self.terms > MAX_TERMS:
            self.fail(f"the expression has more than {MAX_TERMS} terms", token.start)

    def descend(self, token: Token) -> None:
        self.open += 1
        if self.open > _MAX_OPEN:
            self.fail(f"the expression is nested deeper than {MAX_DEPTH} levels", token.start)

    def expression(self, power: int) -> Node:
        """An expression of operators that bind at least as tightly."""
        first = self.tokens[self.at]
        self.descend(first)
        node = self.operand(power)
        while (binding := _POWERS.get(self.kind, -1)) >= power:
            node = self.infix(node, first.start, binding)
        self.open -= 1
        return node

    def operand(self, power: int) -> Node:
        if self.kind in _LITERALS:
            return ast.Constant(self.literal())
        token = self.next()
        if token.kind in {"name", "quoted"}:
            return self.call(token) if token.kind == "name" and self.kind == "(" else self.reference(token)
        if token.kind == "(":
            node = self.expression(0)
            self.expect(")", "an operator or ')'")
            return node
        if token.kind in {"not", "!"}:
            return self.negation(token, power)
        if token.kind == "-":
            return self.minus()
        if token.kind != "parameter":
            self.unexpected(token, "a value")
        self.term(token)
        return ast.Parameter(token.value)

    def negation(self, token: Token, power: int) -> Node:
        if token.kind == "not" and power > NOT:
            self.fail("a condition that is an operand is put in parentheses", token.start)
        start = self.tokens[self.at].start
        operand = self.expression(NOT if token.kind == "not" else SIGN)
        if token.kind == "!" and COMPARISON <= _POWERS.get(self.kind, 0) < SIGN:
            self.fail("what ! negates is put in parentheses: !(a == b)", token.start)
        return cast(Node, self.build(building.negation, [start], operand))

    def minus(self) -> Node:
        start = self.tokens[self.at].start
        if self.kind == "number":
            return ast.Constant(self.negative())
        operand = self.expression(SIGN)
        if isinstance(operand, ast.Constant) and building.type_name(operand.value) == "a number":
            return ast.Constant(-cast("int | float | Decimal", operand.value))
        zero = ast.Constant(0)
        return cast(Node, self.build(building.arithmetic, [start, start], "-", zero, operand))

    def negative(self) -> object:
        token = self.next()
        self.term(token)
        return -token.value if token.value else token.value

    def literal(self) -> object:
        """A literal; of a list or map, everything in it."""
        token = self.next()
        if token.kind == "-" and self.kind == "number":
            return self.negative()
        if token.kind not in _LITERALS:
            self.unexpected(token, "a literal (null, true, false, a number, a string, a list or a map)")
        if token.kind in {"[", "{"}:
            self.descend(token)
            value = self.elements() if token.kind == "[" else self.members()
            self.open -= 1
            return value
        self.term(token)
        return _NAMED.get(token.kind, token.value)

    def elements(self) -> object:
        elements: list[object] = []
        while self.kind != "]":
            elements.append(self.literal())
            if self.kind != ",":
                break
            self.next()
        self.expect("]", "',' or ']'")
        return tuple(elements)

    def members(self) -> object:
        members: dict[str, object] = {}
        while self.kind != "}":
            name = self.expect("string", "a name in quotes")
            if name.value in members:
                self.fail("the map has this name already", name.start)
            self.expect(":", "':'")
            members[name.value] = self.literal()
            if self.kind != ",":
                break
            self.next()
        self.expect("}", "',' or '}'")
        return members

    def reference(self, token: Token) -> ast.Reference:
        """A path, up to a method's dot."""
        self.term(token)
        root: ast.Root = "record"
        path: list[str | int] = []
        if token.kind == "name" and token.value in ROOTS:
            root = token.value
        else:
            path.append(token.value)
        while self.kind == "[" or (
            self.kind == "." and self.tokens[min(self.at + 2, len(self.tokens) - 1)].kind != "("
        ):
            if self.next().kind == "[":
                index = self.next()
                if type(index.value) is not int:
                    self.unexpected(index, "the number of an element, from 0")
                path.append(index.value)
                self.expect("]", "']'")
            else:
                name = self.next()
                if name.kind not in {"name", "quoted", *KEYWORDS}:
                    self.unexpected(name, "the name of a property")
                path.append(name.value)
        return ast.Reference(root, tuple(path))

    def arguments(self) -> tuple[list[Node], list[int]]:
        self.expect("(", "'('")
        found: list[Node] = []
        starts: list[int] = []
        while self.kind != ")":
            starts.append(self.tokens[self.at].start)
            found.append(self.expression(0))
            if self.kind != ",":
                break
            self.next()
        self.expect(")", "',' or ')'")
        return found, starts

    def call(self, name: Token) -> Node:
        if name.value not in FUNCTIONS:
            hint = f"; write value.{name.value}(…)" if name.value in METHODS else ""
            self.fail(f"there is no function {name.value}; there are has and size{hint}", name.start)
        return self.made(name, [], [])

    def method(self, receiver: Node, start: int) -> Node:
        name = self.next()
        if name.value not in METHODS:
            hint = f"; write {name.value}(value)" if name.value in FUNCTIONS else ""
            if name.kind != "name" or self.kind != "(":
                self.unexpected(name, "a method")
            self.fail(f"there is no method {name.value}; there are startsWith and contains{hint}", name.start)
        return self.made(name, [receiver], [start])

    def made(self, name: Token, parts: list[Node], starts: list[int]) -> Node:
        maker, count = CALLS[name.value]
        arguments, offsets = self.arguments()
        if len(parts) + len(arguments) != count:
            self.fail(f"{name.value} takes one argument, not {len(arguments)}", name.start)
        return cast(Node, self.build(maker, [*starts, *offsets], *parts, *arguments))

    def infix(self, left: Node, start: int, binding: int) -> Node:
        """The node of the operator that comes next, and of what stands on both sides of it."""
        token = self.next()
        starts = [start]
        parts = [left]

        def operand(power: int) -> None:
            starts.append(self.tokens[self.at].start)
            parts.append(self.expression(power))

        if token.kind == ".":
            return self.method(left, start)
        if token.kind in {"and", "or"}:
            operand(binding + 1)
            while self.kind == token.kind:
                self.next()
                operand(binding + 1)
            maker = building.conjunction if token.kind == "and" else building.disjunction
            return cast(Node, self.build(maker, starts, parts))
        if binding != COMPARISON:
            operand(binding + 1)
            return cast(Node, self.build(building.arithmetic, starts, token.kind, *parts))
        node = self.comparison(token, operand, starts, parts)
        if _POWERS.get(self.kind) == COMPARISON:
            self.fail("comparisons do not chain; join two with and", self.tokens[self.at].start)
        return node

    def comparison(self, token: Token, operand: Callable[[int], None], starts: list[int], parts: list[Node]) -> Node:
        if token.kind == "not":
            self.expect("in", "'in' after 'not'")
        operand(SUM)
        if token.kind == "between":
            self.expect("and", "'and' and the upper bound")
            operand(SUM)
            return cast(Node, self.build(building.between, starts, *parts))
        if token.kind in {"in", "not"}:
            node = self.build(building.membership, starts, *parts)
            return ast.Not(node) if token.kind == "not" else cast(Node, node)
        return cast(Node, self.build(building.comparison, starts, token.kind, *parts))
