from __future__ import annotations

from typing import Any

import pytest

from chalicelib.dynamo.layout import Layout, SecondaryIndex
from chalicelib.dynamo.provisioning.differences import Difference, Found, compare, found

GSI = SecondaryIndex("gsi1", "h", "r")
NO_TTL = {"TimeToLiveStatus": "DISABLED"}
DESCRIBED: dict[str, Any] = {
    "TableName": "t",
    "TableArn": "arn",
    "TableStatus": "ACTIVE",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "B"}],
    "ProvisionedThroughput": {"ReadCapacityUnits": 3, "WriteCapacityUnits": 2, "NumberOfDecreasesToday": 0},
}
"""A table that was made provisioned: then there is no BillingModeSummary."""


def read(ttl: dict[str, str] = NO_TTL, **described: Any) -> Layout:
    return found({**DESCRIBED, **described}, ttl, recovery=False, tags={}).layout


def index(*key: tuple[str, str], **projection: Any) -> dict[str, Any]:
    return {
        "IndexName": "gsi1",
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in key],
        "Projection": projection,
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 4},
    }


def differing(declared: Layout, actual: Layout, **there: Any) -> list[Difference]:
    return compare(declared, Found("t", "arn", actual, **there))


def test_a_description_is_read_as_a_layout() -> None:
    assert read() == Layout("pk", None, types={"pk": "B"}, throughput=(3, 2))


def test_every_setting_is_read() -> None:
    described = {
        **DESCRIBED,
        "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
        "GlobalSecondaryIndexes": [index(("h", "HASH"), ("r", "RANGE"), ProjectionType="KEYS_ONLY")],
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "h", "AttributeType": "N"},
            {"AttributeName": "r", "AttributeType": "S"},
        ],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "OLD_IMAGE"},
        "DeletionProtectionEnabled": True,
        "TableClassSummary": {"TableClass": "STANDARD_INFREQUENT_ACCESS"},
    }
    ttl = {"TimeToLiveStatus": "ENABLING", "AttributeName": "e"}
    assert found(described, ttl, recovery=True, tags={"a": "b"}) == Found(
        "t",
        "arn",
        Layout(
            "pk",
            None,
            indexes=[SecondaryIndex("gsi1", "h", "r", "KEYS_ONLY")],
            types={"h": "N"},
            ttl="e",
            stream="OLD_IMAGE",
            recovery=True,
            deletion_protection=True,
            tags={"a": "b"},
            table_class="STANDARD_INFREQUENT_ACCESS",
        ),
    )


def test_projected_attributes_and_throughput_of_an_index_are_read() -> None:
    described = index(("h", "HASH"), ProjectionType="INCLUDE", NonKeyAttributes=["b", "a"])
    assert read(GlobalSecondaryIndexes=[described]).indexes == (
        SecondaryIndex("gsi1", "h", None, ("b", "a"), throughput=(5, 4)),
    )


def test_a_disabled_stream_or_time_to_live_is_none() -> None:
    disabling = {"TimeToLiveStatus": "DISABLING", "AttributeName": "e"}
    assert read(disabling, StreamSpecification={"StreamEnabled": False}) == read()


def test_what_the_engine_does_not_have_is_known() -> None:
    assert found(DESCRIBED, NO_TTL, recovery=None, tags=None).lacks == {"recovery", "tags"}
    assert found(DESCRIBED, NO_TTL, recovery=False, tags={}).lacks == set()


def test_a_table_may_be_what_cannot_be_declared() -> None:
    several = index(("a", "HASH"), ("b", "HASH"), ("c", "RANGE"), ("d", "RANGE"), ProjectionType="ALL")
    indexes = [{**several, "IndexName": f"gsi{number}"} for number in range(21)]
    there = found(
        {**DESCRIBED, "GlobalSecondaryIndexes": indexes, "LocalSecondaryIndexes": [{"IndexName": "local"}]},
        NO_TTL,
        recovery=False,
        tags={},
    )
    assert there.layout.keys("gsi20") == ("a, b", "c, d")
    assert there.local_indexes == ("local",)


def test_nothing_differs_from_itself() -> None:
    layout = Layout(indexes=[GSI], ttl="e", stream="NEW_IMAGE", recovery=True, tags={"a": "b"}, throughput=(1, 1))
    assert differing(layout, layout) == []


def test_the_order_of_indexes_tags_and_projected_attributes_does_not_matter() -> None:
    one = SecondaryIndex("one", "h", projection=("a", "b"))
    assert differing(
        Layout(indexes=[GSI, one], tags={"a": "1", "b": "2"}),
        Layout(indexes=[one._replace(projection=("b", "a")), GSI], tags={"b": "2", "a": "1"}),
    ) == []  # fmt: skip


@pytest.mark.parametrize("actual", [Layout("pk", None), Layout("sk", "pk"), Layout(types={"sk": "N"})])
def test_another_key_can_never_be_changed(actual: Layout) -> None:
    (difference,) = differing(Layout(), actual)
    assert (difference.what, difference.change, difference.in_place) == ("key", "never", False)


@pytest.mark.parametrize(
    ("setting", "what", "value"),
    [
        ("ttl", "ttl", "e"),
        ("stream", "stream", "NEW_IMAGE"),
        ("recovery", "recovery", True),
        ("deletion_protection", "deletion_protection", True),
    ],
)
def test_a_setting_is_enabled_in_place_and_disabled_by_removal(setting: str, what: str, value: Any) -> None:
    with_it, without = Layout(**{setting: value}), Layout()
    nothing = getattr(without, setting)
    assert differing(with_it, without) == [Difference(what, value, nothing, "in place")]
    assert differing(without, with_it) == [Difference(what, nothing, value, "by removal")]


@pytest.mark.parametrize(("setting", "values"), [("ttl", ("a", "b")), ("stream", ("NEW_IMAGE", "OLD_IMAGE"))])
def test_what_has_to_be_disabled_first_is_changed_by_removal(setting: str, values: tuple[str, str]) -> None:
    declared, actual = (Layout(**{setting: value}) for value in values)  # type: ignore[arg-type]
    assert differing(declared, actual) == [Difference(setting, *values, "by removal")]


def test_billing_and_class_are_changed_in_place() -> None:
    declared, actual = Layout(throughput=(2, 1)), Layout(table_class="STANDARD_INFREQUENT_ACCESS")
    assert differing(declared, actual) == [
        Difference("billing", (2, 1), None, "in place"),
        Difference("table_class", "STANDARD", "STANDARD_INFREQUENT_ACCESS", "in place"),
    ]


def test_the_throughput_of_an_index_differs_by_itself() -> None:
    declared = Layout(indexes=[GSI._replace(throughput=(9, 9))], throughput=(1, 1))
    actual = Layout(indexes=[GSI], throughput=(1, 1))
    assert differing(declared, actual) == [Difference("billing gsi1", (9, 9), (1, 1), "in place")]
    assert differing(declared, Layout(indexes=[GSI])) == [Difference("billing", (1, 1), None, "in place")]


def test_an_index_is_added_in_place_and_deleted_or_replaced_by_removal() -> None:
    other = GSI._replace(range=None)
    assert differing(Layout(indexes=[GSI]), Layout()) == [Difference("index gsi1", GSI, None, "in place")]
    assert differing(Layout(), Layout(indexes=[GSI])) == [Difference("index gsi1", None, GSI, "by removal")]
    assert differing(Layout(indexes=[GSI]), Layout(indexes=[other])) == [
        Difference("index gsi1", GSI, other, "by removal")
    ]


def test_another_type_or_projection_is_another_index() -> None:
    plain = Layout(indexes=[GSI])
    for declared in (
        Layout(indexes=[GSI], types={"r": "N"}),
        Layout(indexes=[GSI._replace(projection="KEYS_ONLY")]),
        Layout(indexes=[GSI._replace(projection=("a",))]),
    ):
        (difference,) = differing(declared, plain)
        assert (difference.what, difference.change) == ("index gsi1", "by removal")


def test_tags_that_are_wrong_and_tags_too_many_differ_apart() -> None:
    declared, actual = Layout(tags={"a": "1", "b": "2", "c": "3"}), Layout(tags={"a": "1", "b": "0", "d": "4"})
    assert differing(declared, actual) == [
        Difference("tags", {"b": "2", "c": "3"}, {"b": "0"}, "in place"),
        Difference("tags", {}, {"d": "4"}, "by removal"),
    ]


def test_what_the_engine_lacks_differs_only_if_it_is_declared() -> None:
    lacks = frozenset({"recovery", "tags"})
    assert differing(Layout(recovery=True, tags={"a": "b"}), Layout(), lacks=lacks) == [
        Difference("recovery", declared=True, actual=None, change="lacking"),
        Difference("tags", {"a": "b"}, None, "lacking"),
    ]
    assert differing(Layout(), Layout(), lacks=lacks) == []


def test_a_local_index_can_never_be_removed() -> None:
    assert differing(Layout(), Layout(), local_indexes=("l",)) == [Difference("local index l", None, "l", "never")]


def test_a_difference_says_what_is_declared_and_what_is_there() -> None:
    assert str(Difference("ttl", "a", None, "in place")) == "ttl: declared is 'a', actual is None"
