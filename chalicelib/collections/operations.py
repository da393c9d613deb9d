"""Several operations at once: a batch, each by itself, and a transaction, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from chalicelib.access.rules import Grant, grant
from chalicelib.collections import definitions, ids, reading, records, writes
from chalicelib.collections.preconditions import ANY, Preconditions
from chalicelib.collections.record import Outcome, Record
from chalicelib.dynamo.tables import main
from chalicelib.errors import (
    Failure,
    IdempotencyMismatch,
    Problem,
    RecordNotFound,
    TransactionCanceled,
    UniqueViolation,
    ValidationFailed,
    pointer,
)
from chalicelib.where.errors import InvalidExpression

if TYPE_CHECKING:
    from chalicelib.access.principals import Principal
    from chalicelib.collections.conditions import Requirement
    from chalicelib.collections.idempotency import Once

MAX_OPERATIONS = 100
NEEDS_BODY = frozenset({"create", "replace", "patch"})
BATCH = frozenset({"create", "replace", "patch", "delete", "read"})
TRANSACTION = frozenset({"create", "replace", "patch", "delete", "check"})
_RULES_OF = {
    "create": ("create",),
    "replace": ("update", "create"),
    "patch": ("update",),
    "delete": ("delete",),
    "read": ("read",),
    "check": ("read",),
}
_MEMBERS = frozenset({"op", "collection", "id", "body", "if_match", "if_none_match", "if"})

Decision: TypeAlias = Callable[[Record | None], Record | None]


class Caller(NamedTuple):
    """Who asks, and what rules know as ``request``."""

    principal: Principal
    request: Callable[[], Mapping[str, Any]] | None = None

    def granted(self, operation: Operation) -> Grant:
        """The leave to carry out an operation.

        Raises:
            Forbidden: 403. CollectionNotFound: 404. ValidationFailed: its ``if`` asks of what is hidden (422).
        """
        collection = definitions.get(operation.collection)
        leave = grant(self.principal, collection, *_RULES_OF[operation.op], request=self.request)
        where = operation.preconditions.where
        if where is not None and leave.hidden:
            from chalicelib.collections.conditions import unseen  # noqa: PLC0415 - few operations have one

            name = unseen(where.node, leave.hidden)
            if name is not None:
                raise ValidationFailed([Failure(pointer="/if", detail=f"{name!r} is hidden from this caller")])
        return leave


@dataclass(frozen=True)
class Operation:
    """One operation as the caller gave it, its shape checked."""

    op: str
    collection: str
    id: str | None
    body: Any
    preconditions: Preconditions


def parse(body: Any, allowed: frozenset[str]) -> list[Operation]:
    """The operations of a request body ``{"operations": [...]}``.

    Raises:
        ValidationFailed: with everything that is wrong with any of them (422).
    """
    listed = body.get("operations") if isinstance(body, dict) else None
    if not isinstance(listed, list) or set(body) != {"operations"}:
        raise ValidationFailed([Failure(pointer="", detail='is not an object {"operations": [...]}')])
    if not 1 <= len(listed) <= MAX_OPERATIONS:
        detail = f"has {len(listed)} operations; a request takes 1 to {MAX_OPERATIONS}"
        raise ValidationFailed([Failure(pointer="/operations", detail=detail)])
    parsed: list[Operation] = []
    failures: list[Failure] = []
    for number, each in enumerate(listed):
        place = pointer(["operations", number])
        wrong = [Failure(pointer=place + pointer(path), detail=detail) for path, detail in _shape(each, allowed)]
        where, unread = _requirement(each, f"{place}/if")
        if not wrong and not unread:
            parsed.append(_operation(each, where))
        failures += [*wrong, *unread]
    if failures:
        raise ValidationFailed(failures)
    return parsed


def _operation(given: dict[str, Any], where: Requirement | None) -> Operation:
    return Operation(
        op=given["op"],
        collection=given["collection"],
        id=given.get("id"),
        body=given.get("body"),
        preconditions=Preconditions(_versions(given.get("if_match")), _versions(given.get("if_none_match")), where),
    )


def _requirement(operation: Any, place: str) -> tuple[Requirement | None, list[Failure]]:
    """What an operation's ``if`` says, None when there is none, and what is wrong with it."""
    form = operation.get("if") if isinstance(operation, dict) else None
    if not isinstance(form, (str, list)):
        return None, []
    from chalicelib.collections import conditions  # noqa: PLC0415 - few operations have one

    try:
        return conditions.Requirement(conditions.read(form)), []
    except InvalidExpression as error:
        return None, [conditions.failure(error, place)]


def _shape(operation: Any, allowed: frozenset[str]) -> list[tuple[list[str], str]]:
    """What is wrong with the shape of an operation, and where in it."""
    if not isinstance(operation, dict):
        return [([], "is not a JSON object")]
    failures: list[tuple[list[str], str]] = [
        ([name], "is not known here") for name in operation if name not in _MEMBERS
    ]
    op, collection, record_id = operation.get("op"), operation.get("collection"), operation.get("id")
    if not isinstance(op, str) or op not in allowed:
        failures.append((["op"], f"is none of {', '.join(sorted(allowed))}"))
    elif (op in NEEDS_BODY) != ("body" in operation):
        failures.append((["body"], "is required" if op in NEEDS_BODY else "is not taken by this operation"))
    if not isinstance(collection, str) or not ids.NAME.match(collection):
        failures.append((["collection"], f"is not a collection's name. {ids.NAME_RULE}"))
    if (record_id is not None or op != "create") and (not isinstance(record_id, str) or not ids.ID.match(record_id)):
        failures.append((["id"], f"is not an id. {ids.ID_RULE}"))
    if "if" in operation and op == "create":
        failures.append((["if"], "is not taken by this operation, before which nothing is stored"))
    elif not isinstance(operation.get("if", ""), (str, list)):
        failures.append((["if"], "is neither a where expression's text nor its JSON form, an array"))
    failures += [
        ([name], 'is neither a version like "7" nor "*"')
        for name in ("if_match", "if_none_match")
        if name in operation and _versions(operation[name]) is None
    ]
    return failures


def _versions(text: Any) -> frozenset[int] | None:
    if text == "*":
        return ANY
    digits = text.strip('"') if isinstance(text, str) else ""
    return frozenset({int(digits)}) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None  # noqa: PLR2004


def run_batch(caller: Caller, operations: Sequence[Operation], once: Once | None) -> list[Outcome | Problem]:
    """Carry out each operation by itself, several side by side; the outcome or the problem of each, in order.

    Raises:
        IdempotencyMismatch: the key was used for another request (422).
    """

    def run(numbered: tuple[int, Operation]) -> Outcome | Problem:
        number, operation = numbered
        try:
            return _run_one(caller, operation, once.part(number) if once is not None else None)
        except Problem as problem:
            return problem

    results = list(main.session.pool.map(run, enumerate(operations)))
    if any(isinstance(result, IdempotencyMismatch) for result in results):
        raise IdempotencyMismatch
    return results


def _run_one(caller: Caller, operation: Operation, once: Once | None) -> Outcome:
    leave = caller.granted(operation)
    return _shown(leave, _carried_out(leave, operation, once))


def _shown(leave: Grant, outcome: Outcome) -> Outcome:
    """The outcome without what the caller may not see."""
    return outcome if outcome.document is None else replace(outcome, document=leave.answered(outcome.document))


def _carried_out(leave: Grant, operation: Operation, once: Once | None) -> Outcome:
    if operation.op == "create":
        return records.create(leave, operation.body, operation.preconditions, once, record_id=operation.id)
    record_id = operation.id or ""
    if operation.op == "read":
        record = reading.read(leave, record_id)
        operation.preconditions.check_record(record)
        return Outcome(record.document())
    if operation.op == "delete":
        return records.delete(leave, record_id, operation.preconditions, once)
    change = records.replace if operation.op == "replace" else records.patch
    return change(leave, record_id, operation.body, operation.preconditions, once)


def run_transaction(caller: Caller, operations: Sequence[Operation], once: Once | None) -> list[Outcome]:
    """Carry out all operations or none; their outcomes, in order.

    Raises:
        TransactionCanceled: what stood in the way, operation by operation (the first one's status).
        ValidationFailed: two operations are on the same record (422).
        WriteContention: 409.
    """
    decisions: list[tuple[Grant, str, Decision]] = _each(
        operations, lambda _, operation: _decision(caller.granted(operation), operation)
    )
    places = [(leave.collection, record_id) for leave, record_id, _ in decisions]
    _refuse_repeated([(collection.name, record_id) for collection, record_id in places])
    blind = {number for number, operation in enumerate(operations) if operation.op == "create"}

    def attempt() -> list[Outcome]:
        read = [place for number, place in enumerate(places) if number not in blind]
        found = iter(writes.read_together(read, once)) if read or not blind else iter(())
        olds = [None if number in blind else next(found) for number in range(len(places))]
        blind.clear()
        changes = _each(operations, lambda number, _: _change(*decisions[number], olds[number]))
        outcomes = [change.outcome() for change in changes]
        try:
            writes.commit(changes, outcomes, once)
        except UniqueViolation as problem:
            raise _canceled(len(operations), {problem.change: problem}) from None
        return outcomes

    outcomes = writes.until_committed(attempt, once)
    return [_shown(leave, outcome) for (leave, _, _), outcome in zip(decisions, outcomes, strict=True)]


def _change(leave: Grant, record_id: str, decide: Decision, old: Record | None) -> writes.Change:
    change = writes.Change(leave.collection, record_id, old, decide(old))
    change.check_storable()
    return change


def _decision(leave: Grant, operation: Operation) -> tuple[Grant, str, Decision]:
    body, preconditions = operation.body, operation.preconditions
    if operation.op == "create":
        record_id = operation.id or (body.get("id") if isinstance(body, dict) else None) or ids.new_id()
        return leave, record_id, records.creation(leave, body, preconditions, record_id)
    record_id = operation.id or ""
    if operation.op == "replace":
        return leave, record_id, records.replacement(leave, record_id, body, preconditions)
    if operation.op == "patch":
        return leave, record_id, records.modification(leave, record_id, body, preconditions)
    if operation.op == "delete":
        return leave, record_id, records.deletion(leave, record_id, preconditions)
    return leave, record_id, _check(leave, operation)


def _check(leave: Grant, operation: Operation) -> Decision:
    """The decision that changes nothing and insists on the preconditions, and that a record is there to be seen.

    Only ``if_none_match`` is met by no record; there ``if`` sees properties that are all null, as in a replacement.
    """

    def decide(old: Record | None) -> Record | None:
        seen = old if old is not None and leave.is_readable(old) else None
        if seen is None and operation.preconditions.none_match is None:
            raise RecordNotFound(operation.collection, operation.id or "")
        operation.preconditions.check_record(seen)
        return old

    return decide


def _refuse_repeated(places: Sequence[tuple[str, str]]) -> None:
    detail = "is on a record that an earlier operation is on; a transaction has one operation a record"
    failures = [
        Failure(pointer=pointer(["operations", number]), detail=detail)
        for number, place in enumerate(places)
        if place in places[:number]
    ]
    if failures:
        raise ValidationFailed(failures)


def _each(operations: Sequence[Operation], make: Callable[[int, Operation], Any]) -> list[Any]:
    """What ``make`` makes of each operation; every problem it meets goes into one cancellation."""
    made, problems = [], {}
    for number, operation in enumerate(operations):
        try:
            made.append(make(number, operation))
        except Problem as problem:
            problems[number] = problem
    if problems:
        raise _canceled(len(operations), problems)
    return made


def _canceled(count: int, problems: dict[int, Problem]) -> TransactionCanceled:
    results: list[dict[str, Any]] = [
        {"status": problems[number].document()["status"], "problem": problems[number].document()}
        if number in problems
        else {"status": 424}  # RFC 4918, 11.4: failed dependency
        for number in range(count)
    ]
    return TransactionCanceled(results, problems[min(problems)])
