"""In what a table is not as its layout says: what DynamoDB describes, read as a layout, and compared with one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from chalicelib.dynamo.layout import KeyType, Layout, SecondaryIndex, Throughput

Change = Literal["in place", "by removal", "never", "lacking"]
"""How a difference can be ended: by adding or setting something; only by removing, disabling or replacing something;
not at all; not on this engine, which does not have it."""


class Found(NamedTuple):
    """A table as it is.

    layout: what a layout of it would be; not one that could be declared if the table has what layouts do not.
    lacks: what the engine does not have, of ``"recovery"`` and ``"tags"``.
    local_indexes: names of local secondary indexes, which layouts do not have.
    """

    name: str
    arn: str
    layout: Layout
    lacks: frozenset[str] = frozenset()
    local_indexes: tuple[str, ...] = ()


class Difference(NamedTuple):
    """Something that is not as declared.

    what: ``"key"``, ``"index gsi2"``, ``"local index l"``, ``"billing"`` (of the table), ``"billing gsi2"``,
    ``"stream"``, ``"ttl"``, ``"recovery"``, ``"deletion_protection"``, ``"table_class"`` or ``"tags"`` (those that are
    wanting or wrong, and apart from them those that are too many).
    """

    what: str
    declared: object
    actual: object
    change: Change

    @property
    def in_place(self) -> bool:
        """Whether it can be ended without removing anything."""
        return self.change == "in place"

    def __str__(self) -> str:
        return f"{self.what}: declared is {self.declared!r}, actual is {self.actual!r}"


class _AsFound(Layout):
    """The layout of a table that exists, whether or not it could be declared."""

    __slots__ = ()

    def _check(self, given_types: Any) -> None:
        pass


def found(
    described: Mapping[str, Any], ttl: Mapping[str, Any], *, recovery: bool | None, tags: Mapping[str, str] | None
) -> Found:
    """What the control plane's answers say of a table.

    Args:
        described: the ``Table`` of DescribeTable.
        ttl: the ``TimeToLiveDescription`` of DescribeTimeToLive.
        recovery: whether it has point-in-time recovery; None if the engine has none.
        tags: its tags; None if the engine has none.
    """
    lacks = {what for what, value in (("recovery", recovery), ("tags", tags)) if value is None}
    return Found(
        described["TableName"],
        described["TableArn"],
        _layout(described, ttl, recovery=bool(recovery), tags=tags or {}),
        frozenset(lacks),
        tuple(index["IndexName"] for index in described.get("LocalSecondaryIndexes", ())),
    )


def compare(declared: Layout, found: Found) -> list[Difference]:
    """Everything in which a table is not as declared; empty when it is."""
    return [
        *_differing_key(declared, found),
        *_differing_indexes(declared, found),
        *_differing_settings(declared, found),
        *_differing_tags(declared, found),
    ]


def _typed(layout: Layout, key: Iterable[str]) -> dict[str, str]:
    return {attribute: layout.type_of(attribute) for attribute in key}


def _differing_key(declared: Layout, found: Found) -> Iterator[Difference]:
    wanted, actual = _typed(declared, declared.keys()), _typed(found.layout, found.layout.keys(None))
    if list(wanted.items()) != list(actual.items()):
        yield Difference("key", wanted, actual, "never")


def _differing_indexes(declared: Layout, found: Found) -> Iterator[Difference]:
    wanted = {index.name: index for index in declared.indexes}
    actual = {index.name: index for index in found.layout.indexes}
    for name in {**wanted, **actual}:
        want, have = wanted.get(name), actual.get(name)
        if want is None or have is None:
            yield Difference(f"index {name}", want, have, "in place" if have is None else "by removal")
        elif _shape(declared, want) != _shape(found.layout, have):
            yield Difference(f"index {name}", want, have, "by removal")
        elif declared.throughput is not None and found.layout.throughput is not None:
            throughputs = declared.throughput_of(want), found.layout.throughput_of(have)
            if throughputs[0] != throughputs[1]:
                yield Difference(f"billing {name}", *throughputs, "in place")
    for name in found.local_indexes:
        yield Difference(f"local index {name}", None, name, "never")


def _shape(layout: Layout, index: SecondaryIndex) -> object:
    """What two indexes have in common if neither has to be replaced. Projected names have no order."""
    projection = index.projection if isinstance(index.projection, str) else frozenset(index.projection)
    return list(_typed(layout, layout.keys(index.name)).items()), projection


def _differing_settings(declared: Layout, found: Found) -> Iterator[Difference]:
    for what in ("throughput", "table_class"):
        wanted, actual = getattr(declared, what), getattr(found.layout, what)
        if wanted != actual:
            yield Difference("billing" if what == "throughput" else what, wanted, actual, "in place")
    for what in ("stream", "ttl", "recovery", "deletion_protection"):
        wanted, actual = getattr(declared, what), getattr(found.layout, what)
        if wanted and what in found.lacks:
            yield Difference(what, wanted, None, "lacking")
        elif wanted != actual:
            # A stream of another view or the expiry by another attribute has to be disabled before it is enabled.
            yield Difference(what, wanted, actual, "by removal" if actual else "in place")


def _differing_tags(declared: Layout, found: Found) -> Iterator[Difference]:
    wanted, actual = declared.tags, found.layout.tags
    if "tags" in found.lacks:
        if wanted:
            yield Difference("tags", dict(wanted), None, "lacking")
        return
    wrong = {key: value for key, value in wanted.items() if actual.get(key) != value}
    if wrong:
        yield Difference("tags", wrong, {key: actual[key] for key in wrong if key in actual}, "in place")
    extra = {key: value for key, value in actual.items() if key not in wanted}
    if extra:
        yield Difference("tags", {}, extra, "by removal")


def _layout(described: Mapping[str, Any], ttl: Mapping[str, Any], *, recovery: bool, tags: Mapping[str, str]) -> Layout:
    on_demand = described.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST"
    stream = described.get("StreamSpecification") or {}
    types: dict[str, KeyType] = {
        definition["AttributeName"]: definition["AttributeType"] for definition in described["AttributeDefinitions"]
    }
    hash_name, range_name = _key(described)
    return _AsFound(
        hash_name,
        range_name,
        indexes=[_index(index, on_demand=on_demand) for index in described.get("GlobalSecondaryIndexes", ())],
        types=types,
        ttl=ttl.get("AttributeName") if ttl["TimeToLiveStatus"] in ("ENABLED", "ENABLING") else None,
        stream=stream.get("StreamViewType") if stream.get("StreamEnabled") else None,
        recovery=recovery,
        deletion_protection=described.get("DeletionProtectionEnabled", False),
        tags=tags,
        throughput=None if on_demand else _throughput(described),
        table_class=described.get("TableClassSummary", {}).get("TableClass", "STANDARD"),
    )


def _index(described: Mapping[str, Any], *, on_demand: bool) -> SecondaryIndex:
    projection = described["Projection"]
    kind = projection["ProjectionType"]
    return SecondaryIndex(
        described["IndexName"],
        *_key(described),
        projection=tuple(projection["NonKeyAttributes"]) if kind == "INCLUDE" else kind,
        throughput=None if on_demand else _throughput(described),
    )


def _key(described: Mapping[str, Any]) -> tuple[str, str | None]:
    """Partition and sort key; several attributes in one of them, which a layout cannot have, with commas."""
    parts = {
        kind: ", ".join(part["AttributeName"] for part in described["KeySchema"] if part["KeyType"] == kind)
        for kind in ("HASH", "RANGE")
    }
    return parts["HASH"], parts["RANGE"] or None


def _throughput(described: Mapping[str, Any]) -> Throughput:
    units = described["ProvisionedThroughput"]
    return units["ReadCapacityUnits"], units["WriteCapacityUnits"]
