"""Trying a rule: whether it would let somebody do something, and which of its terms decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.access.rules import Grant
from chalicelib.where.ast import And, Node, Not, Or
from chalicelib.where.evaluate import Environment, evaluate
from chalicelib.where.printer import to_text


@dataclass(frozen=True)
class Trial:
    """What a rule says. ``term`` is the part that decides: of several that have to hold the first that does not."""

    allowed: bool
    why: str
    rule: str | None = None
    left: str | None = None
    term: str | None = None

    def document(self) -> dict[str, Any]:
        """The trial as the API shows it."""
        return dict(self.__dict__)


def tried(grant: Grant, operation: str, record: Mapping[str, Any], new: Mapping[str, Any] | None) -> Trial:
    """What the rule of an operation says of a record's document, and of the one that is to be stored in its place."""
    text = grant.collection.definition.get("rules", {}).get(operation)
    rule = grant.rule(operation)
    if isinstance(rule, bool):
        return Trial(rule, _why(grant, operation, text), text)
    environment = grant.environment._replace(new=new)
    allowed, term = _deciding(rule, record, environment)
    verdict = None if operation in ("create", "update") else grant.over_record(operation)
    left = None if verdict is None or isinstance(verdict, bool) else to_text(verdict)
    why = "the term holds" if allowed else "the term does not hold"
    return Trial(allowed, why, text, left, to_text(term))


def _why(grant: Grant, operation: str, text: str | None) -> str:
    if not grant.principal.may(operation, grant.collection.name):
        return "the caller's scopes are against it"
    if grant.principal.is_admin:
        return "administrators are above all rules"
    return "there is no rule, so that only administrators get in" if text is None else "the rule is none"


def _deciding(node: Node, record: Mapping[str, Any], environment: Environment) -> tuple[bool, Node]:
    if isinstance(node, (And, Or)):
        decisive = isinstance(node, Or)
        for operand in node.operands:
            holds, term = _deciding(operand, record, environment)
            if holds is decisive:
                return holds, term
        return not decisive, node
    if isinstance(node, Not) and isinstance(node.operand, (And, Or)):
        holds, term = _deciding(node.operand, record, environment)
        return not holds, Not(term)
    return evaluate(node, record, environment), node
