"""Nodes to the JSON form and back, so that programs build expressions without putting text together.

An operation is an array, a property is a string in the syntax of the text, a parameter is ``{"$": "name"}``, and a
string, list or map that is meant as such is ``{"value": …}``. Other JSON values stand for themselves::

    ["and", [">=", "year", 1970], ["==", "author", {"value": "Ursula K. Le Guin"}], ["has", "address.city"]]
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NoReturn

from chalicelib.where import ast, building
from chalicelib.where.ast import Node
from chalicelib.where.building import MAX_DEPTH, MAX_TERMS, Misuse
from chalicelib.where.errors import InvalidForm, InvalidText
from chalicelib.where.lexer import MAX_CHARACTERS, NAME
from chalicelib.where.parser import ROOTS, parse_reference
from chalicelib.where.printer import path_text, to_text
from chalicelib.where.values import MAX_DIGITS, canonical, exact, is_storable

_Path = tuple[str | int, ...]

_OPERATIONS: dict[str, tuple[Callable[..., Node], int]] = {
    "not": (building.negation, 1),
    "in": (building.membership, 2),
    "between": (building.between, 3),
    **building.CALLS,
}
"""An operation's name, what makes its node, and how many operands it has."""
_LOGIC = {"and": building.conjunction, "or": building.disjunction}
_NAMES = {ast.Not: "not", ast.In: "in", ast.Between: "between", ast.Has: "has", ast.Size: "size", ast.And: "and"}
_NAMES |= {ast.Or: "or", ast.StartsWith: "startsWith", ast.Contains: "contains"}


def dump(node: Node) -> Any:
    """The JSON form of a node; its numbers are the node's, ``Decimal`` among them."""
    if isinstance(node, ast.Constant):
        value = node.value
        return value if value is None or isinstance(value, (bool, int, float, Decimal)) else {"value": _plain(value)}
    if isinstance(node, ast.Reference):
        return path_text(node)
    if isinstance(node, ast.Parameter):
        return {"$": node.name}
    if isinstance(node, (ast.Compare, ast.Arithmetic)):
        return [node.operator, dump(node.left), dump(node.right)]
    return [_NAMES[type(node)], *map(dump, ast.children(node))]


def _plain(value: object) -> object:
    if isinstance(value, (list, tuple)):
        return [_plain(element) for element in value]
    return {name: _plain(member) for name, member in value.items()} if isinstance(value, dict) else value


def load(form: Any, roots: tuple[ast.Root, ...] = ROOTS) -> Node:
    """The node of a JSON form, as a JSON parser gives it, in a place where these roots are known.

    Raises:
        InvalidForm: it is none, has a root that is not known, is deeper or has more terms than is allowed, or a text
            longer than is allowed.
    """
    loader = _Loader(roots)
    node = loader.node(form, ())
    loader.built(building.check_condition, [()], node)
    if len(to_text(node)) > MAX_CHARACTERS:
        _fail(f"as text, the expression has more than {MAX_CHARACTERS:,} characters", ())
    return node


def literal(value: Any, path: _Path = ()) -> object:
    """A JSON value as a literal, for a parameter; a list is a tuple.

    Raises:
        InvalidForm: the language has no such literal. Its pointer begins with ``path``.
    """
    return _Loader(()).literal(value, path, 1)


def _fail(detail: str, path: _Path) -> NoReturn:
    raise InvalidForm(detail, path) from None


class _Loader:
    def __init__(self, roots: tuple[ast.Root, ...]) -> None:
        self.roots = roots
        self.terms = 0

    def built(self, maker: Callable[..., Any], paths: list[_Path], *parts: object) -> Any:
        try:
            return maker(*parts)
        except Misuse as misuse:
            _fail(misuse.detail, paths[misuse.part])

    def term(self, path: _Path) -> None:
        self.terms += 1
        if self.terms > MAX_TERMS:
            _fail(f"the expression has more than {MAX_TERMS} terms", path)

    def node(self, form: Any, path: _Path, depth: int = 1) -> Node:
        if depth > MAX_DEPTH:
            _fail(f"the expression is nested deeper than {MAX_DEPTH} levels", path)
        if isinstance(form, list):
            return self.operation(form, path, depth)
        if isinstance(form, dict):
            return self.marked(form, path, depth)
        if not isinstance(form, str):
            return ast.Constant(self.literal(form, path, depth))
        self.term(path)
        try:
            return parse_reference(form, self.roots)
        except InvalidText as error:
            _fail(f'{error.detail}; a string that is meant as such is {{"value": "…"}}', path)

    def marked(self, form: dict[str, Any], path: _Path, depth: int) -> Node:
        if form.keys() == {"value"}:
            return ast.Constant(self.literal(form["value"], (*path, "value"), depth))
        if form.keys() != {"$"}:
            _fail('expected an object with one member, "value" or "$"', path)
        name = form["$"]
        if not isinstance(name, str) or not NAME.fullmatch(name):
            _fail("the name of a parameter is letters, digits and underscores", (*path, "$"))
        self.term(path)
        return ast.Parameter(name)

    def operation(self, form: list[Any], path: _Path, depth: int) -> Node:
        if not form or not isinstance(form[0], str):
            _fail("expected the name of an operation first", (*path, 0) if form else path)
        name = form[0]
        logic = _LOGIC.get(name)
        symbol = name in building.COMPARATORS or name in building.OPERATORS
        maker, count = _OPERATIONS.get(name, (None, 2))
        if maker is None and logic is None and not symbol:
            _fail(f"there is no operation {name[:40]!r}", (*path, 0))
        given = len(form) - 1
        if given < count or (logic is None and given > count):
            least = " or more" if logic else ""
            _fail(f"{name} takes {count}{least} operands, not {given}", path)
        paths: list[_Path] = [(*path, index) for index in range(1, len(form))]
        operands = [self.node(part, where, depth + 1) for part, where in zip(form[1:], paths, strict=True)]
        if logic:
            return self.built(logic, paths, operands)  # type: ignore[no-any-return]
        if maker:
            return self.built(maker, paths, *operands)  # type: ignore[no-any-return]
        symbolic = building.comparison if name in building.COMPARATORS else building.arithmetic
        return self.built(symbolic, paths, name, *operands)  # type: ignore[no-any-return]

    def literal(self, value: Any, path: _Path, depth: int) -> object:
        if depth > MAX_DEPTH:
            _fail(f"the expression is nested deeper than {MAX_DEPTH} levels", path)
        if isinstance(value, list):
            return tuple(self.literal(element, (*path, index), depth + 1) for index, element in enumerate(value))
        if isinstance(value, dict):
            return {
                self.string(name, path): self.literal(member, (*path, name), depth + 1)
                for name, member in value.items()
            }
        self.term(path)
        if isinstance(value, str):
            return self.string(value, path)
        return value if value is None or isinstance(value, bool) else _number(value, path)

    def string(self, value: Any, path: _Path) -> str:
        if not isinstance(value, str) or len(value) > MAX_CHARACTERS:
            _fail(f"expected a string of at most {MAX_CHARACTERS:,} characters", path)
        if any("\ud800" <= character <= "\udfff" for character in value):
            _fail("this string has half of a surrogate pair", path)
        return value


def _number(value: object, path: _Path) -> object:
    number = exact(value)
    if number is None:
        _fail("expected a JSON value, with finite numbers", path)
    if not is_storable(number):
        _fail(f"this number has more than {MAX_DIGITS} digits or is out of the range 1E-130 to 9.9E+125", path)
    return canonical(number) if isinstance(value, Decimal) else value
