"""The nodes of the where language as terms of DynamoDB. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, TypeAlias

from chalicelib.dynamo.codec import MAX_DEPTH, MAX_ITEM_BYTES, MAX_NAME_BYTES
from chalicelib.dynamo.conditions import contents, terms
from chalicelib.dynamo.conditions.terms import UNKNOWN, Term, exact, joined, negated
from chalicelib.dynamo.expressions import Path
from chalicelib.where import ast, values
from chalicelib.where.ast import (
    And,
    Between,
    Compare,
    Constant,
    Contains,
    Has,
    In,
    Node,
    Not,
    Or,
    Reference,
    Size,
    StartsWith,
)
from chalicelib.where.evaluate import evaluate

Place: TypeAlias = "Callable[[tuple[str | int, ...]], Path[Any] | None]"
"""Where a property is stored. None: not to be asked here, as a filter may not name the keys of what it queries."""

_TURNED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_COMPARATORS: dict[str, ast.Comparator] = {"=": "==", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class _Sized(NamedTuple):
    path: Path[Any]


_Operand: TypeAlias = "Constant | Path[Any] | _Sized | Term"


def terms_in(place: Place) -> Callable[[Node], Term]:
    """What DynamoDB can say of conditions: a function of one, which gives the term.

    Raises:
        ValueError: something in it is not folded: a parameter, arithmetic, a reference to what is not the record.
    """
    return _Compiler(place).term


class _Compiler:
    def __init__(self, place: Place) -> None:
        self._place = place

    def term(self, node: Node) -> Term:
        return _FORMS[type(node)](self, node)

    def operand(self, node: Node) -> _Operand:
        """What an operand is to be asked by: a condition's truth is itself, what can never be stored is null."""
        if isinstance(node, Constant):
            return node
        if isinstance(node, Reference):
            root, names = node
            if root != "record":
                return self.unfolded(node)
            if not _is_storable(names):
                return ast.NULL
            path = self._place(names)
            return UNKNOWN if path is None else path
        if isinstance(node, Size):
            sized = self.operand(node.operand)
            if isinstance(sized, Constant):
                return Constant(values.size(sized.value))
            return _Sized(sized) if isinstance(sized, Path) else UNKNOWN
        return _FORMS[type(node)](self, node)

    def constant(self, node: Constant) -> Term:
        return exact(node.value is True)

    def reference(self, node: Reference) -> Term:
        return self.compare(Compare("==", node, ast.TRUE))

    def negation(self, node: Not) -> Term:
        return negated(self.term(node.operand))

    def conjunction(self, node: And) -> Term:
        return joined("AND", [self.term(operand) for operand in node.operands])

    def disjunction(self, node: Or) -> Term:
        return joined("OR", [self.term(operand) for operand in node.operands])

    def size(self, node: Size) -> Term:
        return self.compare(Compare("==", node, ast.TRUE))

    def compare(self, node: Compare) -> Term:
        operator, left, right = node
        return _compared(self.operand(left), "=" if operator == "==" else operator, self.operand(right))

    def within(self, node: In) -> Term:
        operand, options = self.operand(node.operand), self.operand(node.options)
        if isinstance(options, Constant):
            return _one_of(operand, options.value)
        if not isinstance(options, Path):
            return UNKNOWN
        if isinstance(operand, Constant):
            return contents.has_element(options, operand.value)
        return contents.has_element_path(options, operand) if isinstance(operand, Path) else UNKNOWN

    def between(self, node: Between) -> Term:
        operand, low, high = self.operand(node.operand), self.operand(node.low), self.operand(node.high)
        if isinstance(operand, Path) and isinstance(low, Constant) and isinstance(high, Constant):
            found = terms.between(operand, low.value, high.value)
            if found is not None:
                return found
        bounds = Compare("<=", node.low, node.operand), Compare("<=", node.operand, node.high)
        return joined("AND", map(self.compare, bounds))

    def has(self, node: Has) -> Term:
        return _compared(self.operand(node.operand), "!=", ast.NULL)

    def starts(self, node: StartsWith) -> Term:
        operand, prefix = self.operand(node.operand), self.operand(node.prefix)
        if isinstance(operand, Constant) and isinstance(prefix, Constant):
            return _known(StartsWith(operand, prefix))
        if isinstance(operand, Path):
            if isinstance(prefix, Constant):
                return contents.starts_with(operand, prefix.value)
            return contents.starts_with_path(operand, prefix) if isinstance(prefix, Path) else UNKNOWN
        if isinstance(operand, Constant) and isinstance(prefix, Path):
            return contents.is_prefix(prefix, operand.value)
        return UNKNOWN

    def contains(self, node: Contains) -> Term:
        operand, element = self.operand(node.operand), self.operand(node.element)
        if isinstance(operand, Constant):
            if isinstance(element, Constant):
                return _known(Contains(operand, element))
            if isinstance(operand.value, str):
                return Term(element.type_is("S"), must=False) if isinstance(element, Path) else UNKNOWN
            return _one_of(element, operand.value)
        if not isinstance(operand, Path):
            return UNKNOWN
        if isinstance(element, Constant):
            return contents.contains(operand, element.value)
        return contents.contains_path(operand, element) if isinstance(element, Path) else UNKNOWN

    def unfolded(self, node: Node) -> NoReturn:
        raise ValueError(f"{node} has to be folded before it is compiled")


_FORMS: dict[type, Callable[[_Compiler, Any], Term]] = {
    Constant: _Compiler.constant,
    Reference: _Compiler.reference,
    Size: _Compiler.size,
    Not: _Compiler.negation,
    And: _Compiler.conjunction,
    Or: _Compiler.disjunction,
    Compare: _Compiler.compare,
    In: _Compiler.within,
    Between: _Compiler.between,
    Has: _Compiler.has,
    StartsWith: _Compiler.starts,
    Contains: _Compiler.contains,
    ast.Parameter: _Compiler.unfolded,
    ast.Arithmetic: _Compiler.unfolded,
}


def _known(node: Node) -> Term:
    return exact(evaluate(node, {}))


def _compared(left: _Operand, operator: str, right: _Operand) -> Term:
    if isinstance(left, Path) and isinstance(right, Constant):
        return _compared_path(left, operator, right.value)
    if operator == "!=":
        return negated(_compared(left, "=", right))
    if isinstance(left, Term) or isinstance(right, Term):
        return _truth_is(left, right) if operator == "=" else UNKNOWN
    if isinstance(right, Constant):
        return _compared_with(left, operator, right)
    if isinstance(left, Constant):
        return _compared(right, _TURNED[operator], left)
    if isinstance(left, _Sized):
        sized = contents.sized_alike if isinstance(right, _Sized) else contents.sized_as
        return sized(left.path, operator, right.path if isinstance(right, _Sized) else right)
    if isinstance(right, _Sized):
        return contents.sized_as(right.path, _TURNED[operator], left)
    return terms.same(left, right) if operator == "=" else terms.ordered_paths(left, operator, right)


def _compared_with(left: Constant | Path[Any] | _Sized, operator: str, right: Constant) -> Term:
    if isinstance(left, Constant):
        return _known(Compare(_COMPARATORS[operator], left, right))
    if isinstance(left, _Sized):
        return contents.sized(left.path, operator, right.value)
    return _compared_path(left, operator, right.value)


def _compared_path(path: Path[Any], operator: str, value: object) -> Term:
    if operator == "=":
        return terms.equals(path, value)
    return terms.differs(path, value) if operator == "!=" else terms.ordered(path, operator, value)


def _truth_is(left: _Operand, right: _Operand) -> Term:
    term, other = (left, right) if isinstance(left, Term) else (right, left)
    if not isinstance(term, Term) or not isinstance(other, Constant) or term is UNKNOWN:
        return UNKNOWN
    if not isinstance(other.value, bool):
        return exact(side=False)
    return term if other.value else negated(term)


def _one_of(operand: _Operand, options: object) -> Term:
    if not isinstance(options, (list, tuple, set, frozenset)):
        return exact(side=False)
    if isinstance(operand, Path):
        return terms.one_of(operand, options)
    return joined("OR", [_compared(operand, "=", Constant(option)) for option in options])


def _is_storable(path: tuple[str | int, ...]) -> bool:
    return len(path) < MAX_DEPTH and all(map(_can_lead_on, path))


def _can_lead_on(step: str | int) -> bool:
    if isinstance(step, int):
        return 0 <= step < MAX_ITEM_BYTES
    if step.isascii():
        return 0 < len(step) <= MAX_NAME_BYTES
    return 0 < len(step.encode(errors="surrogatepass")) <= MAX_NAME_BYTES and terms.stored(step) is not None
