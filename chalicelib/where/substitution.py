"""Expressions with other nodes in the place of some of their references. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.where import ast
from chalicelib.where.ast import Node, Reference


def substituted(node: Node, replacement: Callable[[Reference], Node]) -> Node:
    """The expression with what ``replacement`` gives for each reference in its place; ``has`` takes what was given.

    ``has`` of a constant is a comparison with null, because it takes no constants.
    """
    if isinstance(node, Reference):
        return replacement(node)
    if isinstance(node, ast.Has):
        found = replacement(node.operand)
        return ast.Has(found) if isinstance(found, Reference) else ast.Compare("!=", found, ast.NULL)
    if isinstance(node, (ast.And, ast.Or)):
        return type(node)(tuple([substituted(operand, replacement) for operand in node.operands]))
    if isinstance(node, (ast.Constant, ast.Parameter)):
        return node
    parts: list[Any] = [substituted(part, replacement) if isinstance(part, ast.KINDS) else part for part in node]
    kind: Callable[..., Node] = type(node)
    return kind(*parts)
