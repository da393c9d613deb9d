"""Nodes from their parts, refusing what can never be meant. The text and the JSON form both build with these.

The parts' types are known only for literals; of references and parameters everything is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from chalicelib.where import ast
from chalicelib.where.ast import Node, Operator

MAX_DEPTH = 32
"""Levels of nodes, and of lists and maps within a literal."""
MAX_TERMS = 200
"""References, parameters and literals, the elements of lists and maps included."""
COMPARATORS: tuple[ast.Comparator, ...] = ("==", "!=", "<", "<=", ">", ">=")
OPERATORS: tuple[Operator, ...] = ("+", "-", "*", "/")

_CONDITIONS = frozenset(ast.CONDITIONS)
_ORDERED = frozenset({int, float, str})


class Misuse(Exception):
    """A part that can never be meant: its number among the parts, and why."""

    def __init__(self, part: int, detail: str) -> None:
        super().__init__(detail)
        self.part = part
        self.detail = detail


def type_name(value: object) -> str:
    """The type of a literal, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, (int, float, Decimal)):
        return "a number"
    return "a map" if isinstance(value, dict) else "a list"


def check_condition(node: Node, part: int = 0) -> None:
    """Refuse what is never true: a literal that is no boolean, a size, arithmetic."""
    if type(node) in _CONDITIONS:
        return
    if isinstance(node, ast.Constant) and not isinstance(node.value, bool):
        raise Misuse(part, f"{type_name(node.value)} is no condition; compare it with something")
    if isinstance(node, (ast.Size, ast.Arithmetic)):
        raise Misuse(part, "a number is no condition; compare it with something")


def _check_conditions(operands: Sequence[Node]) -> None:
    for part, operand in enumerate(operands):
        if type(operand) not in _CONDITIONS:
            check_condition(operand, part)


def conjunction(operands: Sequence[Node]) -> Node:
    """All hold."""
    _check_conditions(operands)
    return ast.And(tuple(operands))


def disjunction(operands: Sequence[Node]) -> Node:
    """Any holds."""
    _check_conditions(operands)
    return ast.Or(tuple(operands))


def negation(operand: Node) -> Node:
    """It does not hold."""
    check_condition(operand)
    return ast.Not(operand)


def comparison(operator: ast.Comparator, left: Node, right: Node) -> Node:
    """One of the six comparisons."""
    # Most orderings are of a property and a number or a string, and nothing else need be looked at.
    usual = type(left) is ast.Reference and type(right) is ast.Constant and type(right.value) in _ORDERED
    if operator not in {"==", "!="} and not usual:
        for part, operand in enumerate((left, right)):
            _check_literal(operand, part, f"{operator} orders numbers and strings", ("a number", "a string"))
            if isinstance(operand, ast.CONDITIONS):
                raise Misuse(part, f"{operator} orders numbers and strings, and this is a condition")
    return ast.Compare(operator, left, right)


def membership(operand: Node, options: Node) -> Node:
    """``operand in options``."""
    _check_literal(options, 1, "in looks into a list", ("a list",))
    return ast.In(operand, options)


def between(operand: Node, low: Node, high: Node) -> Node:
    """``operand between low and high``."""
    for part, bound in enumerate((operand, low, high)):
        _check_literal(bound, part, "between orders numbers and strings", ("a number", "a string"))
    return ast.Between(operand, low, high)


def presence(operand: Node) -> Node:
    """``has(path)``."""
    if not isinstance(operand, ast.Reference):
        raise Misuse(0, "has takes the path of a property")
    return ast.Has(operand)


def size(operand: Node) -> Node:
    """``size(operand)``."""
    _check_literal(operand, 0, "size counts strings, lists and maps", ("a string", "a list", "a map"))
    return ast.Size(operand)


def prefix(operand: Node, start: Node) -> Node:
    """``operand.startsWith(start)``."""
    for part, value in enumerate((operand, start)):
        _check_literal(value, part, "startsWith compares strings", ("a string",))
    return ast.StartsWith(operand, start)


def containment(operand: Node, element: Node) -> Node:
    """``operand.contains(element)``."""
    _check_literal(operand, 0, "contains looks into a list or a string", ("a list", "a string"))
    return ast.Contains(operand, element)


def arithmetic(operator: Operator, left: Node, right: Node) -> Node:
    """A number, computed before the table is asked."""
    for part, operand in enumerate((left, right)):
        _check_literal(operand, part, f"{operator} computes with numbers", ("a number",))
        # The operands of arithmetic have been looked at already.
        if not isinstance(operand, ast.Arithmetic) and any(found.root == "record" for found in ast.references(operand)):
            raise Misuse(
                part,
                f"{operator} cannot compute with a property of the record: the table compares, but does not compute"
                + (" (a name with a hyphen is written in backquotes)" if operator == "-" else ""),
            )
    return ast.Arithmetic(operator, left, right)


def _check_literal(node: Node, part: int, purpose: str, allowed: tuple[str, ...]) -> None:
    if isinstance(node, ast.Constant) and type_name(node.value) not in allowed:
        raise Misuse(part, f"{purpose}, and this is {type_name(node.value)}")


def depth(node: Node) -> int:
    """The levels of a node; a reference, a parameter and a literal that is neither list nor map are one."""
    if isinstance(node, ast.Constant):
        return _literal_depth(node.value)
    return 1 + max((depth(child) for child in ast.children(node)), default=0)


def _literal_depth(value: object) -> int:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return 1 + max(map(_literal_depth, members), default=0)


CALLS: dict[str, tuple[Callable[..., Node], int]] = {
    "has": (presence, 1),
    "size": (size, 1),
    "startsWith": (prefix, 2),
    "contains": (containment, 2),
}
"""What is called by name, and of how many parts it is made. The first part of a method stands before the dot."""
METHODS = ("startsWith", "contains")
FUNCTIONS = ("has", "size")
