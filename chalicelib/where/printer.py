"""Nodes to their canonical text: words for the logic, double quotes, and parentheses only where they are needed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from chalicelib.where import ast
from chalicelib.where.ast import Node
from chalicelib.where.lexer import KEYWORDS, NAME
from chalicelib.where.parser import AND, CALL, COMPARISON, NOT, OR, PRODUCT, ROOTS, SUM

_ESCAPED = re.compile('["\\\\\x00-\x1f\ud800-\udfff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def to_text(node: Node) -> str:
    """The text that parses to the node.

    Raises:
        TypeError: it has a constant that the language has no literal for (folding makes them of sets and bytes).
    """
    return _text(node, 0)


def path_text(reference: ast.Reference) -> str:
    """The path as the text has it, such as ``address.city``, ``tags[0]`` or ``auth.id``."""
    text: str = "" if reference.root == "record" else reference.root
    for part in reference.path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not text:
            reserved = part in KEYWORDS or part in ROOTS
            text = _quoted(part) if reserved else _name(part)
        else:
            text += "." + _name(part)
    return text


def _name(name: str) -> str:
    return name if NAME.fullmatch(name) else _quoted(name)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def literal_text(value: object) -> str:
    """The text of a literal.

    Raises:
        TypeError: the language has no literal for it.
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    if isinstance(value, str):
        return '"' + _ESCAPED.sub(lambda match: _SHORT.get(match[0]) or f"\\u{ord(match[0]):04x}", value) + '"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(literal_text, value)) + "]"
    if isinstance(value, Mapping):
        members = (f"{literal_text(name)}: {literal_text(member)}" for name, member in value.items())
        return "{" + ", ".join(members) + "}"
    raise TypeError(f"no literal is of the type {type(value).__name__}")


def _text(node: Node, power: int) -> str:
    """The text, in parentheses if it binds less tightly than what it is put into."""
    if isinstance(node, ast.Constant):
        return literal_text(node.value)
    if isinstance(node, ast.Reference):
        return path_text(node)
    if isinstance(node, ast.Parameter):
        return "$" + node.name
    if isinstance(node, (ast.Has, ast.Size)):
        return f"{'has' if isinstance(node, ast.Has) else 'size'}({_text(node.operand, 0)})"
    text, own = _operation(node)
    return text if own >= power else f"({text})"


def _operation(node: Node) -> tuple[str, int]:
    """The text and how tightly it binds."""
    if isinstance(node, ast.And):
        return " and ".join(_text(operand, NOT) for operand in node.operands), AND
    if isinstance(node, ast.Or):
        return " or ".join(_text(operand, AND) for operand in node.operands), OR
    if isinstance(node, ast.Not):
        if isinstance(node.operand, ast.In):
            return _infix("not in", node.operand.operand, node.operand.options, COMPARISON)
        return f"not {_text(node.operand, NOT)}", NOT
    if isinstance(node, ast.Compare):
        return _infix(node.operator, node.left, node.right, COMPARISON)
    if isinstance(node, ast.In):
        return _infix("in", node.operand, node.options, COMPARISON)
    if isinstance(node, ast.Between):
        operand, low, high = (_text(part, SUM) for part in node)
        return f"{operand} between {low} and {high}", COMPARISON
    if isinstance(node, ast.Arithmetic):
        binding = SUM if node.operator in {"+", "-"} else PRODUCT
        return f"{_text(node.left, binding)} {node.operator} {_text(node.right, binding + 1)}", binding
    return _call(node)


def _infix(operator: str, left: Node, right: Node, binding: int) -> tuple[str, int]:
    return f"{_text(left, binding + 1)} {operator} {_text(right, binding + 1)}", binding


def _call(node: Node) -> tuple[str, int]:
    if isinstance(node, ast.StartsWith):
        return f"{_text(node.operand, CALL)}.startsWith({_text(node.prefix, 0)})", CALL
    if isinstance(node, ast.Contains):
        return f"{_text(node.operand, CALL)}.contains({_text(node.element, 0)})", CALL
    raise TypeError(f"{type(node).__name__} is no node")
