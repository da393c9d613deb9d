"""Where expressions of callers over records: read, with problems that show the place, and compiled."""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from chalicelib.collections.record import Record
from chalicelib.dynamo import conditions
from chalicelib.dynamo.conditions import Compiled
from chalicelib.dynamo.expressions import Path
from chalicelib.errors import Failure, InvalidWhere, PreconditionFailed, pointer
from chalicelib.where import json_form, parser
from chalicelib.where.ast import Node, references
from chalicelib.where.errors import InvalidExpression, InvalidForm, InvalidText, UnboundParameter
from chalicelib.where.evaluate import evaluate
from chalicelib.where.fold import bind, fold
from chalicelib.where.lexer import tokens

_SERVER_SET: dict[str | int, Path[Any]] = {
    "version": Record.version,
    "created_at": Record.created_at,
    "updated_at": Record.updated_at,
}


def place(path: tuple[str | int, ...]) -> Path[Any]:
    """Where a property of a record is stored, for a condition of a write."""
    return Record.id if path == ("id",) else _place(path)


def place_in_filter(path: tuple[str | int, ...]) -> Path[Any] | None:
    """Where a property of a record is stored, for a filter, which cannot name the key."""
    return None if path[0] == "id" else _place(path)


def _place(path: tuple[str | int, ...]) -> Path[Any]:
    own = _SERVER_SET.get(path[0])
    if own is None:
        return Path("doc", *path) if path[0] != "id" else Path(*Record.id.names, *path[1:])
    return own if len(path) == 1 else Path(*own.names, *path[1:])


def parse(text: str, parameter: str, hidden: Container[str] = ()) -> Node:
    """The expression of a query parameter, over a record alone.

    Raises:
        InvalidWhere: it is none; the problem draws the place (400).
    """
    return load(text, parameter, hidden=hidden)


def load(form: Any, parameter: str, values: Mapping[str, Any] | None = None, hidden: Container[str] = ()) -> Node:
    """The expression of a member of a JSON body: a text, or the JSON form; with the parameters that it has bound.

    Raises:
        InvalidWhere: it is none, one of its parameters has no value or one that cannot be compared, or it asks of a
            property that is hidden from the caller (400).
    """
    try:
        given = {name: json_form.literal(value, (name,)) for name, value in (values or {}).items()}
    except InvalidForm as error:
        raise _invalid(error, "params") from None
    try:
        node = read(form, given)
    except InvalidExpression as error:
        raise _invalid(error, parameter) from None
    check_seen(node, parameter, hidden)
    return node


def check_seen(node: Node, parameter: str, hidden: Container[str]) -> None:
    """Refuse an expression that asks of a property that the caller may not see.

    Raises:
        InvalidWhere: 400.
    """
    name = unseen(node, hidden)
    if name is not None:
        raise InvalidWhere(f"In {parameter!r}: {name!r} is hidden from this caller.", parameter)


def unseen(node: Node, hidden: Container[str]) -> str | None:
    """A hidden property that an expression asks of, if there is one."""
    return next((str(each.path[0]) for each in references(node) if each.path[0] in hidden), None)


def read(form: Any, values: Mapping[str, object] = MappingProxyType({})) -> Node:
    """The expression that a text or a JSON form says, its parameters bound to the values.

    Raises:
        InvalidExpression: it says none, or has a parameter without a value. ``failure`` tells it.
    """
    node = parser.parse(form, roots=()) if isinstance(form, str) else json_form.load(form, roots=())
    try:
        return bind(node, values)
    except UnboundParameter as error:
        if not isinstance(form, str):
            raise
        offset = next(token.start for token in tokens(form) if (token.kind, token.value) == ("parameter", error.name))
        raise InvalidText(error.detail, form, offset) from None


def failure(error: InvalidExpression, place: str) -> Failure:
    """What is wrong with an expression, as a failed check of a body that has it at ``place`` (a JSON Pointer)."""
    if isinstance(error, InvalidText):
        return Failure(pointer=place, detail=f"line {error.line}, column {error.column}: {error.detail}")
    return Failure(pointer=place + getattr(error, "pointer", ""), detail=error.detail)


def _invalid(error: InvalidExpression, parameter: str) -> InvalidWhere:
    if isinstance(error, InvalidText):
        place = {"offset": error.offset, "line": error.line, "column": error.column, "excerpt": error.excerpt}
        detail = f"In {parameter!r}, line {error.line}, column {error.column}: {error.detail}."
        return InvalidWhere(detail, parameter, **place)
    failed = failure(error, pointer([parameter]))
    return InvalidWhere(f"{failed['pointer']}: {failed['detail']}.", parameter, pointer=failed["pointer"])


class Requirement:
    """What the stored record has to meet for a write to happen: ``?if=``. Of no record, all properties are null."""

    def __init__(self, node: Node) -> None:
        self.node = fold(node)

    @cached_property
    def compiled(self) -> Compiled:
        """What DynamoDB can decide of it."""
        return conditions.compile(self.node, place)

    @property
    def is_decidable(self) -> bool:
        """Whether DynamoDB can decide all of it, in the write itself."""
        return self.compiled.rest is None and not self.compiled.never

    def check(self, record: Record | None) -> None:
        """Hold the stored record against it, None when there is none.

        Raises:
            PreconditionFailed: it does not hold (412).
        """
        if not evaluate(self.node, {} if record is None else record.document()):
            stored = "no record is stored" if record is None else f"version {record.version} is stored"
            raise PreconditionFailed(f"The condition 'if' does not hold: {stored}. Read it again and decide again.")
