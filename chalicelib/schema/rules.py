"""The access rules of a definition: which operations have one, and what each may ask of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from chalicelib.errors import Failure, pointer
from chalicelib.where import ast, parser
from chalicelib.where.errors import InvalidText

if TYPE_CHECKING:
    from chalicelib.where.ast import Node, Root

KNOWN: tuple[Root, ...] = ("auth", "request", "now")
ROOTS: dict[str, tuple[Root, ...]] = {
    "list": KNOWN,
    "read": KNOWN,
    "create": (*KNOWN, "new"),
    "update": (*KNOWN, "new"),
    "delete": KNOWN,
}
"""The operations, and what a rule for each knows besides the record: ``new`` is what is to be stored."""


def failures(rules: Mapping[str, str], path: tuple[str | int, ...] = ("rules",)) -> Iterator[Failure]:
    """What is wrong with the rules of a definition."""
    for operation, text in rules.items():
        try:
            node = parser.parse(text, roots=ROOTS[operation])
        except InvalidText as error:
            detail = f"line {error.line}, column {error.column}: {error.detail}"
            yield Failure(pointer=pointer([*path, operation]), detail=detail)
        else:
            if names := ast.parameters(node):
                detail = f"has the parameter ${min(names)}, and a rule has none"
                yield Failure(pointer=pointer([*path, operation]), detail=detail)


def parsed(rules: Mapping[str, str]) -> dict[str, Node]:
    """The rules of a definition that has been checked. One that is none after all lets nobody in."""
    found: dict[str, Node] = {}
    for operation, text in rules.items():
        try:
            found[operation] = guarded(parser.parse(text, roots=ROOTS[operation]))
        except InvalidText:
            found[operation] = ast.FALSE
    return found


def guarded(node: Node) -> Node:
    """The rule with what is null in ``auth`` equal to no property: ``owner == auth.id`` lets nobody in particular in.

    A property that is missing is null, and so is ``auth.id`` where nobody is signed in; a rule that compares the two
    never means that records without an owner are everybody's. Compared with a literal, null is null.
    """
    if isinstance(node, (ast.And, ast.Or)):
        return type(node)(tuple(map(guarded, node.operands)))
    if isinstance(node, ast.Not):
        return ast.Not(guarded(node.operand))
    if isinstance(node, ast.Compare) and node.operator in ("==", "!="):
        return _guarded_comparison(node._replace(left=guarded(node.left), right=guarded(node.right)))
    if isinstance(node, ast.In) and _is_of_caller(node.operand) and not isinstance(node.options, ast.Constant):
        return ast.And((ast.Compare("!=", node.operand, ast.NULL), node))
    if isinstance(node, ast.Contains) and _is_of_caller(node.element) and not isinstance(node.operand, ast.Constant):
        return ast.And((ast.Compare("!=", node.element, ast.NULL), node))
    return node


def _guarded_comparison(node: ast.Compare) -> Node:
    for one, other in ((node.left, node.right), (node.right, node.left)):
        if _is_of_caller(one) and not isinstance(other, ast.Constant):
            same = ast.And((ast.Compare("!=", one, ast.NULL), node._replace(operator="==")))
            return same if node.operator == "==" else ast.Not(same)
    return node


def _is_of_caller(node: Node) -> bool:
    return isinstance(node, ast.Reference) and node.root == "auth"
