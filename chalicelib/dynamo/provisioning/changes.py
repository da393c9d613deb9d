"""What is to be done to a table, as data: its creation, and the steps from what it is to what it is declared to be.

``provisioning`` carries it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from chalicelib.dynamo.layout import Layout, SecondaryIndex, Throughput
from chalicelib.dynamo.provisioning.differences import Difference, Found, compare

StepName = Literal[
    "SetDeletionProtection", "SetBilling", "SetTableClass", "DeleteIndex", "CreateIndex", "SetStream", "SetRecovery",
    "RemoveTags", "SetTags", "SetTtl",
]  # fmt: skip
ORDER: tuple[StepName, ...] = (
    "SetDeletionProtection", "SetBilling", "SetTableClass", "DeleteIndex", "CreateIndex", "SetStream", "SetRecovery",
    "RemoveTags", "SetTags", "SetTtl",
)  # fmt: skip
"""Billing comes before new indexes, which need a throughput or may not have one; time to live, which may take an hour
to change, comes last."""


class Step(NamedTuple):
    """One call: what it does to what, and its request."""

    name: StepName
    subject: str
    operation: str
    parameters: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.name} {self.subject}".strip()


class Plan(NamedTuple):
    """The steps in their order, and the differences that they leave."""

    steps: tuple[Step, ...]
    left: tuple[Difference, ...]


class CannotChange(ValueError):
    """The table has to be made anew to be as declared: ``differences`` are those that no call can end."""

    def __init__(self, table: str, differences: Sequence[Difference]) -> None:
        super().__init__(table, differences)
        self.table = table
        self.differences = tuple(differences)

    def __str__(self) -> str:
        listed = "; ".join(map(str, self.differences))
        return f"The table {self.table!r} cannot be changed into the declared one ({listed})."


def create_parameters(layout: Layout, name: str) -> dict[str, Any]:
    """The parameters of CreateTable. Time to live and point-in-time recovery are calls of their own."""
    parameters = {
        "TableName": name,
        **_billing_parameters(layout.throughput),
        "AttributeDefinitions": _definitions(layout, layout.types),
        "KeySchema": _key_schema(layout.keys(None)),
    }
    if layout.indexes:
        parameters["GlobalSecondaryIndexes"] = [_index_parameters(layout, index) for index in layout.indexes]
    if layout.stream is not None:
        parameters["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": layout.stream}
    if layout.deletion_protection:
        parameters["DeletionProtectionEnabled"] = True
    if layout.tags:
        parameters["Tags"] = _tag_list(layout.tags)
    if layout.table_class != "STANDARD":
        parameters["TableClass"] = layout.table_class
    return parameters


def plan(declared: Layout, found: Found, *, prune: bool = False) -> Plan:
    """The steps from what is there to what is declared. One step is one call, with at most one index in it.

    Args:
        declared: what the table shall be.
        found: what it is.
        prune: also remove, disable and replace: whatever is not declared goes, and an index that differs is deleted
            and made anew, during which queries of it fail.

    Raises:
        CannotChange: only a new table can be as declared.
    """
    differences = compare(declared, found)
    wanted = [one for one in differences if one.change == "in place" or (prune and one.change == "by removal")]
    impossible = [one for one in differences if one.change == "never" and one.declared is not None]
    impossible += _clashes(declared, found, prune=prune)
    if impossible:
        raise CannotChange(found.name, impossible)
    steps = [step for one in wanted for step in _steps(one, declared, found)]
    if any(one.what.startswith("billing") for one in wanted):
        steps.append(_billing_step(declared, found))
    steps.sort(key=lambda step: ORDER.index(step.name))
    return Plan(tuple(steps), tuple(one for one in differences if one not in wanted))


def _clashes(declared: Layout, found: Found, *, prune: bool) -> Iterator[Difference]:
    """New indexes on attributes that the table has, in an index that stays, with another type.

    DynamoDB would make them, with the type that is there already.
    """
    if prune:
        return  # no index stays that has another type
    there = {index.name for index in found.layout.indexes}
    for index in declared.indexes:
        for attribute in declared.keys(index.name) if index.name not in there else ():
            wanted, actual = declared.type_of(attribute), found.layout.types.get(attribute)
            if actual not in (None, wanted):
                yield Difference(f"type of {attribute}", wanted, actual, "by removal")


def _steps(difference: Difference, declared: Layout, found: Found) -> Iterator[Step]:
    kind, _, name = difference.what.partition(" ")
    if kind == "index":
        yield from _index_steps(name, difference, declared, found)
    elif kind == "tags":
        yield _tag_step(difference, found)
    elif kind != "billing":
        yield from _SETTING_STEPS[kind](difference, found)


def _index_steps(name: str, difference: Difference, declared: Layout, found: Found) -> Iterator[Step]:
    if difference.actual is not None:
        yield _table_step("DeleteIndex", name, found, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": name}}])
    if isinstance(difference.declared, SecondaryIndex):
        yield _table_step(
            "CreateIndex",
            name,
            found,
            AttributeDefinitions=_definitions(declared, declared.keys(name)),
            GlobalSecondaryIndexUpdates=[{"Create": _index_parameters(declared, difference.declared)}],
        )


def _stream_steps(difference: Difference, found: Found) -> Iterator[Step]:
    if difference.actual is not None:
        yield _table_step("SetStream", "off", found, StreamSpecification={"StreamEnabled": False})
    if difference.declared is not None:
        specification = {"StreamEnabled": True, "StreamViewType": difference.declared}
        yield _table_step("SetStream", str(difference.declared), found, StreamSpecification=specification)


def _ttl_steps(difference: Difference, found: Found) -> Iterator[Step]:
    for attribute, enabled in ((difference.actual, False), (difference.declared, True)):
        if attribute is not None:
            specification = {"Enabled": enabled, "AttributeName": attribute}
            yield Step(
                "SetTtl",
                str(attribute) if enabled else "off",
                "UpdateTimeToLive",
                {"TableName": found.name, "TimeToLiveSpecification": specification},
            )


def _recovery_steps(difference: Difference, found: Found) -> Iterator[Step]:
    specification = {"PointInTimeRecoveryEnabled": difference.declared}
    parameters = {"TableName": found.name, "PointInTimeRecoverySpecification": specification}
    yield Step("SetRecovery", _on(difference.declared), "UpdateContinuousBackups", parameters)


def _protection_steps(difference: Difference, found: Found) -> Iterator[Step]:
    enabled = difference.declared
    yield _table_step("SetDeletionProtection", _on(enabled), found, DeletionProtectionEnabled=enabled)


def _class_steps(difference: Difference, found: Found) -> Iterator[Step]:
    yield _table_step("SetTableClass", str(difference.declared), found, TableClass=difference.declared)


_SETTING_STEPS = {
    "stream": _stream_steps,
    "ttl": _ttl_steps,
    "recovery": _recovery_steps,
    "deletion_protection": _protection_steps,
    "table_class": _class_steps,
}


def _tag_step(difference: Difference, found: Found) -> Step:
    tags = difference.declared
    if isinstance(tags, dict) and tags:
        return Step("SetTags", ", ".join(tags), "TagResource", {"ResourceArn": found.arn, "Tags": _tag_list(tags)})
    keys = list(difference.actual) if isinstance(difference.actual, dict) else []
    return Step("RemoveTags", ", ".join(keys), "UntagResource", {"ResourceArn": found.arn, "TagKeys": keys})


def _billing_step(declared: Layout, found: Found) -> Step:
    """Billing and throughputs in one call, which DynamoDB refuses to take if it says what is so already."""
    throughput, before = declared.throughput, found.layout.throughput
    if throughput is None:
        return _table_step("SetBilling", "on demand", found, **_billing_parameters(None))
    parameters: dict[str, Any] = {}
    if throughput != before:
        parameters = (
            _billing_parameters(throughput) if before is None else {"ProvisionedThroughput": _units(throughput)}
        )
    names = {index.name: index for index in declared.indexes}
    updates = []
    for index in found.layout.indexes:
        wanted = declared.throughput_of(names[index.name]) if index.name in names else throughput
        kept = before is not None and (index.name not in names or found.layout.throughput_of(index) == wanted)
        if wanted is not None and not kept:
            updates.append({"Update": {"IndexName": index.name, "ProvisionedThroughput": _units(wanted)}})
    if updates:
        parameters["GlobalSecondaryIndexUpdates"] = updates
    return _table_step("SetBilling", "provisioned", found, **parameters)


def _table_step(name: StepName, subject: str, found: Found, /, **parameters: Any) -> Step:
    return Step(name, subject, "UpdateTable", {"TableName": found.name, **parameters})


def _on(enabled: object) -> str:
    return "on" if enabled else "off"


def _key_schema(key: Sequence[str]) -> list[dict[str, str]]:
    return [
        {"AttributeName": attribute, "KeyType": kind} for attribute, kind in zip(key, ("HASH", "RANGE"), strict=False)
    ]


def _definitions(layout: Layout, attributes: Iterable[str]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": layout.type_of(name)} for name in attributes]


def _index_parameters(layout: Layout, index: SecondaryIndex) -> dict[str, Any]:
    projection: dict[str, Any] = (
        {"ProjectionType": index.projection}
        if isinstance(index.projection, str)
        else {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.projection)}
    )
    parameters = {"IndexName": index.name, "KeySchema": _key_schema(layout.keys(index.name)), "Projection": projection}
    throughput = layout.throughput_of(index)
    return parameters if throughput is None else {**parameters, "ProvisionedThroughput": _units(throughput)}


def _billing_parameters(throughput: Throughput | None) -> dict[str, Any]:
    if throughput is None:
        return {"BillingMode": "PAY_PER_REQUEST"}
    return {"BillingMode": "PROVISIONED", "ProvisionedThroughput": _units(throughput)}


def _units(throughput: Throughput) -> dict[str, int]:
    return {"ReadCapacityUnits": throughput[0], "WriteCapacityUnits": throughput[1]}


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
