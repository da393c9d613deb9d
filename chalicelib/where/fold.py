"""Partial evaluation: what does not depend on the record is computed, and what remains asks of the record alone.

``fold`` keeps the meaning: the folded condition holds for the same records. It also drops what can never be true, so
that no consumer sees an ordering with a list or a range that is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.where import ast, values
from chalicelib.where.ast import FALSE, TRUE, Node
from chalicelib.where.errors import UnboundParameter
from chalicelib.where.evaluate import EMPTY, Environment, compiled_value

_CONDITIONS = frozenset(ast.CONDITIONS)
_EQUALITY = frozenset({"==", "!="})


def fold(node: Node, environment: Environment = EMPTY, parameters: Mapping[str, object] | None = None) -> Node:
    """The condition with everything but the record's properties computed; ``TRUE`` or ``FALSE`` if nothing is left.

    A property that stands as a condition becomes ``property == true``.

    Raises:
        UnboundParameter: the expression has a parameter that ``parameters`` has not.
    """
    return _Folder(environment, parameters or {}).condition(node)


def bind(node: Node, parameters: Mapping[str, object]) -> Node:
    """The expression with the parameters' values in their places, and nothing else changed.

    Raises:
        UnboundParameter: the expression has a parameter that ``parameters`` has not.
    """
    if isinstance(node, ast.Parameter):
        return _bound(node, parameters)
    if isinstance(node, ast.And):
        return ast.And(tuple(bind(operand, parameters) for operand in node.operands))
    if isinstance(node, ast.Or):
        return ast.Or(tuple(bind(operand, parameters) for operand in node.operands))
    if isinstance(node, (ast.Constant, ast.Reference)):
        return node
    return _rebuilt(node, [bind(part, parameters) if isinstance(part, ast.KINDS) else part for part in node])


def _bound(node: ast.Parameter, parameters: Mapping[str, object]) -> Node:
    if node.name not in parameters:
        raise UnboundParameter(node.name)
    return _constant(parameters[node.name])


class _Folder:
    """Gives back the same node where there is nothing to compute, so that no node is made in vain."""

    __slots__ = ("environment", "parameters")

    def __init__(self, environment: Environment, parameters: Mapping[str, object]) -> None:
        self.environment = environment
        self.parameters = parameters

    def condition(self, node: Node) -> Node:
        """``TRUE`` or ``FALSE``, the objects, if nothing is left."""
        node = _FOLDS[type(node)](self, node)
        kind = type(node)
        if kind in _CONDITIONS:
            return node
        if isinstance(node, ast.Constant):
            return TRUE if node.value is True else FALSE
        return ast.Compare("==", node, TRUE) if kind is ast.Reference else FALSE

    def constant(self, node: ast.Constant) -> Node:
        return node

    def parameter(self, node: ast.Parameter) -> Node:
        return _bound(node, self.parameters)

    def reference(self, node: ast.Reference) -> Node:
        return node if node.root == "record" else self.computed(node)

    def negation(self, node: ast.Not) -> Node:
        operand = self.condition(node.operand)
        if operand is node.operand and type(operand) not in {ast.Not, ast.Constant}:
            return node
        return negated(operand)

    def compare(self, node: ast.Compare) -> Node:
        operator, left, right = node
        if type(left) is ast.Reference and left.root == "record" and type(right) is ast.Constant:
            # What most comparisons are: there is nothing to compute, and no condition to be compared.
            return node if operator in _EQUALITY or values.is_orderable(right.value) else FALSE
        return self.operation(node)

    def operation(self, node: Node) -> Node:
        constant = same = True
        parts: list[Any] = []
        part: Any
        for part in node:
            folded, kind = part, type(part)
            if kind is ast.Reference and part.root == "record":
                constant = False
            elif kind is not ast.Constant and kind in _FOLDS:
                folded = _FOLDS[kind](self, part)
                constant = constant and type(folded) is ast.Constant
                same = same and folded is part
            parts.append(folded)
        rebuilt = node if same else _rebuilt(node, parts)
        if constant:
            return self.computed(rebuilt)
        simplify = _SIMPLIFICATIONS.get(type(rebuilt))
        return simplify(rebuilt) if simplify else rebuilt

    def computed(self, node: Node) -> Node:
        return _constant(compiled_value(node)({}, self.environment))

    def junction(self, node: ast.And | ast.Or) -> Node:
        kind = type(node)
        decisive = FALSE if kind is ast.And else TRUE
        remaining: list[Node] = []
        same, decided = True, False
        for operand in node.operands:
            folded = self.condition(operand)
            if folded is TRUE or folded is FALSE:
                decided = decided or folded is decisive
                same = False
            elif isinstance(folded, kind):
                remaining.extend(folded.operands)
                same = False
            else:
                remaining.append(folded)
                same = same and folded is operand
        if decided:
            return decisive
        return node if same else _joined(kind, remaining)


def _joined(kind: type[ast.And | ast.Or], operands: Sequence[Node]) -> Node:
    if len(operands) > 1:
        return kind(tuple(operands))
    return operands[0] if operands else TRUE if kind is ast.And else FALSE


def negated(condition: Node) -> Node:
    """The negation of a folded condition; a double one is none."""
    if isinstance(condition, ast.Constant):
        return FALSE if condition.value is True else TRUE
    return condition.operand if isinstance(condition, ast.Not) else ast.Not(condition)


def _rebuilt(node: Node, parts: Sequence[Any]) -> Node:
    kind: Callable[..., Node] = type(node)
    return kind(*parts)


def _constant(value: object) -> Node:
    return ast.Constant(tuple(value) if isinstance(value, list) else value)


def _compare(node: ast.Compare) -> Node:
    if node.operator not in {"==", "!="}:
        return FALSE if _unordered(node.left) or _unordered(node.right) else node
    condition, constant = (node.left, node.right) if isinstance(node.right, ast.Constant) else (node.right, node.left)
    if not isinstance(condition, ast.CONDITIONS) or not isinstance(constant, ast.Constant):
        return node
    if not isinstance(constant.value, bool):
        return FALSE if node.operator == "==" else TRUE
    return condition if constant.value is (node.operator == "==") else negated(condition)


def _unordered(node: Node) -> bool:
    if isinstance(node, ast.Constant):
        return not values.is_orderable(node.value)
    return isinstance(node, ast.CONDITIONS)


def _between(node: ast.Between) -> Node:
    if any(map(_unordered, node)):
        return FALSE
    if isinstance(node.low, ast.Constant) and isinstance(node.high, ast.Constant):
        bounds = ast.Compare("<=", node.low, node.high)
        return node if compiled_value(bounds)({}, EMPTY) else FALSE
    return node


def _in(node: ast.In) -> Node:
    if isinstance(node.options, ast.Constant):
        options = node.options.value
        return node if isinstance(options, (tuple, list, set, frozenset)) and options else FALSE
    return FALSE if isinstance(node.options, (ast.Size, *ast.CONDITIONS)) else node


def _starts_with(node: ast.StartsWith) -> Node:
    return FALSE if _never(node.operand, str) or _never(node.prefix, str) else node


def _contains(node: ast.Contains) -> Node:
    return FALSE if _never(node.operand, str, tuple, list, set, frozenset) else node


def _never(node: Node, *kinds: type) -> bool:
    """Whether the value is surely of none of the types."""
    if isinstance(node, ast.Constant):
        return not isinstance(node.value, kinds)
    return isinstance(node, (ast.Size, *ast.CONDITIONS))


def _size(node: ast.Size) -> Node:
    return ast.NULL if isinstance(node.operand, (ast.Size, *ast.CONDITIONS)) else node


_FOLDS: dict[type, Callable[[_Folder, Any], Node]] = {
    **dict.fromkeys(ast.KINDS, _Folder.operation),
    ast.Constant: _Folder.constant,
    ast.Reference: _Folder.reference,
    ast.Parameter: _Folder.parameter,
    ast.Not: _Folder.negation,
    ast.And: _Folder.junction,
    ast.Or: _Folder.junction,
    ast.Compare: _Folder.compare,
}
_SIMPLIFICATIONS: dict[type[Node], Callable[[Any], Node]] = {
    ast.Compare: _compare,
    ast.Between: _between,
    ast.In: _in,
    ast.StartsWith: _starts_with,
    ast.Contains: _contains,
    ast.Size: _size,
}
