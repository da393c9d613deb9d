"""What access rules make of a write: a condition of the write itself, where what is to be stored is known before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.dynamo.expressions import Condition
from chalicelib.errors import Failure, Problem, ValidationFailed, pointer

if TYPE_CHECKING:
    from chalicelib.access.rules import Grant, NewValue, Verdict
    from chalicelib.collections.preconditions import Preconditions
    from chalicelib.collections.record import Record
    from chalicelib.where.ast import Node, Reference


class Allowed(NamedTuple):
    """The condition under which a write is allowed; None: in any case."""

    condition: Condition | None = None


_ANYWAY = Allowed()


class _Unknown(Exception):
    """What is to be stored there follows from what is stored."""


def of_deletion(grant: Grant, *, asks: bool) -> Allowed | None:
    """When the record may be deleted; None when that takes reading it.

    asks: the request has an ``?if=``, which tells of the record, so that its caller has to be one who may read it.
    """
    return _ANYWAY if grant.is_unbounded else _over_record(grant, "delete", None, asks=asks)


def of_patch(grant: Grant, record_id: str, patch: Mapping[str, Any], now: str, *, asks: bool) -> Allowed | None:
    """When a merge patch may be applied; None when that takes reading the record.

    What the patch leaves alone is the stored record's own. ``asks``: as ``of_deletion``.
    """
    if grant.is_unbounded:
        return _ANYWAY
    known = {"id": record_id, "updated_at": now}

    def new(reference: Reference) -> Node:
        name, *rest = reference.path or ("version",)
        if name == "version":
            raise _Unknown
        if name in known:
            return _constant(known[str(name)], rest)
        if name not in patch or name == "created_at":
            return reference._replace(root="record")
        if isinstance(patch[str(name)], dict):
            raise _Unknown
        return _constant(patch[str(name)], rest)

    return _over_record(grant, "update", new, asks=asks)


def of_replacement(grant: Grant, fresh: Record, *, asks: bool) -> Allowed | None:
    """When a record may be replaced by another, or created as that; None when that takes reading it.

    asks: as ``of_deletion``.
    """
    if grant.is_unbounded:
        return _ANYWAY
    document = fresh.document()

    def new(reference: Reference) -> Node:
        name, *rest = reference.path or ("version",)
        if name == "version":
            raise _Unknown
        return reference._replace(root="record") if name == "created_at" else _constant(document, [name, *rest])

    update = _over_record(grant, "update", new, asks=asks)
    if update is None:
        return None
    from chalicelib.collections.record import Record as Stored  # noqa: PLC0415 - administrators have no rules

    if not grant.holds("create", {}, document):
        return Allowed(Stored.id.exists() if update.condition is None else Stored.id.exists() & update.condition)
    return update if update.condition is None else Allowed(Stored.id.missing() | update.condition)


def _over_record(grant: Grant, operation: str, new: NewValue | None, *, asks: bool) -> Allowed | None:
    try:
        verdict = grant.over_record(operation, new)
    except _Unknown:
        return None
    if asks:
        verdict = _both(verdict, grant.over_record("read"))
    if isinstance(verdict, bool):
        return _ANYWAY if verdict else None
    from chalicelib.collections.conditions import place  # noqa: PLC0415 - as above
    from chalicelib.dynamo import conditions  # noqa: PLC0415
    from chalicelib.where import ast  # noqa: PLC0415

    if any(isinstance(node, ast.Arithmetic) for node in ast.walk(verdict)):
        return None  # with a property that the write leaves alone, which DynamoDB does not compute with
    compiled = conditions.compile(verdict, place)
    return None if compiled.never or compiled.rest is not None else Allowed(compiled.condition)


def _both(one: Verdict, other: Verdict) -> Verdict:
    if isinstance(one, bool):
        return other if one else False
    if isinstance(other, bool):
        return one if other else False
    from chalicelib.where.ast import And  # noqa: PLC0415 - as above

    return one if one == other else And((one, other))


def _constant(value: Any, rest: list[str | int]) -> Node:
    from chalicelib.where import ast, values  # noqa: PLC0415 - as above

    return ast.Constant(values.path_value(value, tuple(rest)))


def check_patch(grant: Grant, patch: Mapping[str, Any]) -> None:
    """Refuse to change what the caller may not see by what it is: the outcome would tell.

    Raises:
        ValidationFailed: 422.
    """
    detail = "is hidden from this caller, who can only give it a value, and not change the one that it has"
    failures = [
        Failure(pointer=pointer([name]), detail=detail) for name in grant.hidden if isinstance(patch.get(name), dict)
    ]
    if failures:
        raise ValidationFailed(failures)


@contextmanager
def unseen(grant: Grant, old: Record | None, preconditions: Preconditions) -> Iterator[None]:
    """Within the block, what is wrong with a change of a record is told only to who may read it.

    Raises:
        RecordNotFound: in the place of any other problem, and for an ``?if=``, which would tell in either case (404).
    """
    if old is not None and preconditions.where is not None:
        grant.check_read(old)
    try:
        yield
    except Problem:
        if old is not None:
            grant.check_read(old)
        raise
