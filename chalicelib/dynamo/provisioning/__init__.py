"""Making tables, changing them into what their layout says, and deleting them.

What is to be done is decided in ``changes``; here it is done, over the control plane. Serving records never loads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.dynamo.provisioning.changes import Step, create_parameters, plan
from chalicelib.dynamo.provisioning.differences import Difference, Found, found
from chalicelib.errors import StoreUnavailable

if TYPE_CHECKING:
    from chalicelib.dynamo.tables import Table

Progress = Callable[[Step, int, int], None]
"""Told of each step before it is made: the step, its number from 1, and how many there are."""

MAKING_SECONDS = 60.0
CHANGING_SECONDS = 6 * 3600.0
"""How long one step may take: to fill a new index takes as long as reading the table does."""
LONGEST_PAUSE_SECONDS = 20.0

LACKING = frozenset({"UnknownOperationException", "ValidationException"})
"""What engines answer to an operation that they do not have (DynamoDB Local, ScyllaDB)."""
BUSY = frozenset({"ResourceInUseException", "LimitExceededException", "ContinuousBackupsUnavailableException"})
"""Answers to what is right and too early: the table is being changed, also by others, or was made a moment ago.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html#API_UpdateTable_Errors"""
BUSY_PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""In seconds, besides the time in which the table is seen to change. There is an end to them because the same answers
say that a quota is used up."""


class Outcome(NamedTuple):
    """The steps that were made, and in what the table still is not as declared."""

    done: tuple[Step, ...]
    left: tuple[Difference, ...]


def ensure(table: Table) -> tuple[Difference, ...]:
    """Make the table with its indexes, stream, TTL and point-in-time recovery, unless it is there.

    It is usable when this returns, also when it is another process that makes it, or one that did not finish. Of a
    table that exists only the time to live is completed; ``update`` changes it into what is declared.

    Returns:
        What the engine does not have of that which was asked of it.

    Raises:
        StoreUnavailable: DynamoDB cannot be reached or refuses.
    """
    name, layout = table.name, table.layout
    with _refusals(f"The table {name!r} cannot be made"):
        made = _create(table)
        wait(table)
        if layout.ttl is not None and _ttl(table)["TimeToLiveStatus"] == "DISABLED":
            _enable_ttl(table, {"TimeToLiveSpecification": {"Enabled": True, "AttributeName": layout.ttl}})
        if made and layout.recovery:  # whether an existing table has it is its owner's decision
            parameters = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
            if not _set_recovery(table, parameters, MAKING_SECONDS):
                return (Difference("recovery", declared=True, actual=None, change="lacking"),)
    return ()


def actual(table: Table) -> Found | None:
    """The table as it is, or None where there is none. Settings on their way (a time to live) count as arrived.

    Raises:
        StoreUnavailable: DynamoDB cannot be reached or refuses.
    """
    with _refusals(f"The table {table.name!r} cannot be described"):
        described = _describe(table)
        if described is None:
            return None
        recovery, tags = _unless_lacking(lambda: _recovery(table)), _unless_lacking(lambda: _tags(table, described))
        return found(described, _ttl(table), recovery=recovery, tags=tags)


def update(
    table: Table, *, prune: bool = False, progress: Progress | None = None, seconds: float = CHANGING_SECONDS
) -> Outcome:
    """Change a table into what its layout says, step by step; each has taken effect before the next is made.

    After a failure the steps before it stand, and calling this again goes on from there.

    Args:
        table: one that exists.
        prune: also remove, disable and replace; see ``plan``. Without it such differences are left.
        progress: told of each step.
        seconds: how long to wait for any one step. Disabling the time to live, where another follows, may take an hour.

    Raises:
        CannotChange: only a new table can be as declared; nothing was changed.
        StoreUnavailable: there is no such table, or DynamoDB cannot be reached, refuses or takes too long.
    """
    if actual(table) is None:
        raise StoreUnavailable(f"There is no table {table.name!r} to be changed.")
    wait(table, seconds=seconds)
    there = actual(table)
    if there is None:
        raise StoreUnavailable(f"The table {table.name!r} was deleted while it was to be changed.")
    steps, left = plan(table.layout, there, prune=prune)
    done, lacking = [], []
    for number, step in enumerate(steps, 1):
        if progress is not None:
            progress(step, number, len(steps))
        with _refusals(f"The table {table.name!r} cannot be changed ({step}, step {number} of {len(steps)})"):
            if _carry_out(table, step, seconds):
                done.append(step)
            else:
                lacking.append(Difference("recovery", declared=True, actual=None, change="lacking"))
    return Outcome(tuple(done), (*left, *lacking))


def wait(table: Table, *, seconds: float = MAKING_SECONDS) -> None:
    """Return when table and indexes are there and ready.

    Raises:
        StoreUnavailable: they are not so after these seconds, or DynamoDB cannot be reached or refuses.
    """
    with _refusals(f"The table {table.name!r} cannot be described"):
        _poll(table, lambda: _ready(_describe(table)), seconds, "is not ready")


def delete(table: Table, *, seconds: float = MAKING_SECONDS) -> bool:
    """Delete the table with all that it holds, and return when it is gone: whether it was there.

    Raises:
        StoreUnavailable: it is protected against deletion, or DynamoDB cannot be reached, refuses or takes too long.
    """
    with _refusals(f"The table {table.name!r} cannot be deleted"):
        try:
            _send(table, "DeleteTable", {"TableName": table.name}, seconds)
        except ClientError as error:
            if _code(error) == "ResourceNotFoundException":
                return False
            raise
        _poll(table, lambda: _describe(table) is None, seconds, "is not gone")
    return True


@contextmanager
def _refusals(what: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise StoreUnavailable(f"{what}: {str(error).rstrip('.')}.") from error


def _call(table: Table, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = getattr(table.session.client, xform_name(operation))(**parameters)
    return answer


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _poll(table: Table, done: Callable[[], bool], seconds: float, what: str) -> None:
    """Ask until it is done, at intervals that double."""
    waited, pause = 0.0, 0.5
    while not done():
        if waited >= seconds:
            raise StoreUnavailable(f"The table {table.name!r} {what} after {seconds:.0f} s.")
        pause = min(pause, seconds - waited)
        table.pause(pause)
        waited += pause
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _send(table: Table, operation: str, parameters: dict[str, Any], seconds: float) -> None:
    """Make a change; where another is under way, when that is done."""
    for pause in BUSY_PAUSES:
        try:
            _call(table, operation, parameters)
        except ClientError as error:
            if _code(error) not in BUSY:
                raise
        else:
            return
        table.pause(pause)
        wait(table, seconds=seconds)
    _call(table, operation, parameters)


def _create(table: Table) -> bool:
    """Whether the table was not there and is being made."""
    try:
        _call(table, "CreateTable", create_parameters(table.layout, table.name))
    except ClientError as error:
        if _code(error) != "ResourceInUseException":
            raise
        return False
    return True


def _carry_out(table: Table, step: Step, seconds: float) -> bool:
    """Make a step and wait until it has taken effect; False if the engine does not have what it asks for."""
    if step.name == "SetRecovery":
        return _set_recovery(table, step.parameters, seconds)
    if step.name == "SetTtl" and step.parameters["TimeToLiveSpecification"]["Enabled"]:
        _poll(
            table,
            lambda: _ttl(table)["TimeToLiveStatus"] != "DISABLING",
            seconds,
            "is still disabling its former time to live",
        )
        _enable_ttl(table, step.parameters)
        return True
    _send(table, step.operation, step.parameters, seconds)
    if step.operation == "UpdateTable":
        _poll(table, lambda: _arrived(step, _describe(table)), seconds, f"has not finished {step}")
    return True


def _arrived(step: Step, described: dict[str, Any] | None) -> bool:
    """Whether a change of the table is done. A description may be older than the call before it."""
    names = {index["IndexName"] for index in (described or {}).get("GlobalSecondaryIndexes", ())}
    outdated = (step.name == "CreateIndex" and step.subject not in names) or (
        step.name == "DeleteIndex" and step.subject in names
    )
    return _ready(described) and not outdated


def _enable_ttl(table: Table, parameters: dict[str, Any]) -> None:
    """DynamoDB refuses to enable it twice, also when another process was first."""
    try:
        _call(table, "UpdateTimeToLive", {"TableName": table.name, **parameters})
    except ClientError:
        if _ttl(table)["TimeToLiveStatus"] == "DISABLED":
            raise


def _set_recovery(table: Table, parameters: dict[str, Any], seconds: float) -> bool:
    """Whether the engine has point-in-time recovery (DynamoDB Local and ScyllaDB do not)."""
    try:
        _send(table, "UpdateContinuousBackups", {"TableName": table.name, **parameters}, seconds)
    except ClientError as error:
        if _code(error) in LACKING:
            return False
        raise
    return True


def _describe(table: Table) -> dict[str, Any] | None:
    try:
        described: dict[str, Any] = _call(table, "DescribeTable", {"TableName": table.name})["Table"]
    except ClientError as error:
        if _code(error) == "ResourceNotFoundException":
            return None
        raise
    return described


def _ready(described: dict[str, Any] | None) -> bool:
    if described is None:
        return False
    statuses = {index.get("IndexStatus", "ACTIVE") for index in described.get("GlobalSecondaryIndexes", ())}
    return statuses <= {"ACTIVE"} and bool(described["TableStatus"] == "ACTIVE")


def _ttl(table: Table) -> dict[str, str]:
    described: dict[str, str] = _call(table, "DescribeTimeToLive", {"TableName": table.name})["TimeToLiveDescription"]
    return described


def _recovery(table: Table) -> bool:
    described = _call(table, "DescribeContinuousBackups", {"TableName": table.name})["ContinuousBackupsDescription"]
    recovery = described.get("PointInTimeRecoveryDescription", {})
    return bool(recovery.get("PointInTimeRecoveryStatus") == "ENABLED")


def _tags(table: Table, described: dict[str, Any]) -> dict[str, str]:
    """A table's tags without AWS's own, which nobody can change."""
    tags: dict[str, str] = {}
    parameters = {"ResourceArn": described["TableArn"]}
    while True:
        answer = _call(table, "ListTagsOfResource", parameters)
        tags.update((tag["Key"], tag["Value"]) for tag in answer.get("Tags", ()))
        if not answer.get("NextToken"):
            return {key: value for key, value in tags.items() if not key.lower().startswith("aws:")}
        parameters = {**parameters, "NextToken": answer["NextToken"]}


def _unless_lacking(read: Callable[[], Any]) -> Any:
    """What is read, or None if the engine does not have it."""
    try:
        return read()
    except ClientError as error:
        if _code(error) in LACKING:
            return None
        raise
