from __future__ import annotations

from typing import Any

import pytest

from chalicelib.dynamo.layout import Layout, SecondaryIndex
from chalicelib.dynamo.provisioning.changes import ORDER, CannotChange, Plan, Step, create_parameters, plan
from chalicelib.dynamo.provisioning.differences import Found
from chalicelib.dynamo.tables import MAIN_LAYOUT
from tests.dynamo.wire import assert_valid

ONE = SecondaryIndex("one", "h", "r")
TWO = SecondaryIndex("two", "h2", projection=("a", "b"))


def planned(declared: Layout, actual: Layout, *, prune: bool = False, **there: Any) -> Plan:
    """A plan of which each request is one that botocore would send."""
    made = plan(declared, Found("t", "arn", actual, **there), prune=prune)
    for step in made.steps:
        assert_valid(step.operation, step.parameters)
    return made


def steps(declared: Layout, actual: Layout, *, prune: bool = False) -> list[Step]:
    made = planned(declared, actual, prune=prune)
    assert made.left == ()
    return list(made.steps)


def update(name: Any, subject: str, **parameters: Any) -> Step:
    return Step(name, subject, "UpdateTable", {"TableName": "t", **parameters})


def ttl(subject: str, attribute: str, *, enabled: bool) -> Step:
    specification = {"Enabled": enabled, "AttributeName": attribute}
    return Step("SetTtl", subject, "UpdateTimeToLive", {"TableName": "t", "TimeToLiveSpecification": specification})


def units(read: int, write: int) -> dict[str, int]:
    return {"ReadCapacityUnits": read, "WriteCapacityUnits": write}


def test_the_main_table_is_made_on_demand_with_a_stream_and_five_indexes() -> None:
    made = create_parameters(MAIN_LAYOUT, "portico")
    assert_valid("CreateTable", made)
    assert made["BillingMode"] == "PAY_PER_REQUEST"
    assert made["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    indexes = made["GlobalSecondaryIndexes"]
    assert [index["IndexName"] for index in indexes] == ["gsi1", "gsi2", "gsi3", "gsi4", "gsi5"]
    assert all(index["Projection"] == {"ProjectionType": "ALL"} for index in indexes)


def test_every_key_attribute_is_defined_and_no_other() -> None:
    made = create_parameters(MAIN_LAYOUT, "portico")
    schemas = [made["KeySchema"], *(index["KeySchema"] for index in made["GlobalSecondaryIndexes"])]
    used = [part["AttributeName"] for schema in schemas for part in schema]
    assert used == [definition["AttributeName"] for definition in made["AttributeDefinitions"]]
    assert used[:4] == ["pk", "sk", "_i1h", "_i1r"]
    assert all([part["KeyType"] for part in schema] == ["HASH", "RANGE"] for schema in schemas)


def test_a_plain_table_is_made_with_no_more_than_its_key() -> None:
    assert create_parameters(Layout("n", None, types={"n": "N"}), "t") == {
        "TableName": "t",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "n", "AttributeType": "N"}],
        "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
    }


def test_a_table_is_made_with_all_that_creating_takes() -> None:
    layout = Layout(
        indexes=[ONE, TWO._replace(throughput=(9, 8))],
        throughput=(2, 1),
        deletion_protection=True,
        tags={"a": "b"},
        table_class="STANDARD_INFREQUENT_ACCESS",
    )
    made = create_parameters(layout, "t")
    assert_valid("CreateTable", made)
    assert (made["BillingMode"], made["ProvisionedThroughput"]) == ("PROVISIONED", units(2, 1))
    assert [index["ProvisionedThroughput"] for index in made["GlobalSecondaryIndexes"]] == [units(2, 1), units(9, 8)]
    assert made["GlobalSecondaryIndexes"][1]["Projection"] == {
        "ProjectionType": "INCLUDE",
        "NonKeyAttributes": ["a", "b"],
    }
    assert made["DeletionProtectionEnabled"] is True
    assert made["Tags"] == [{"Key": "a", "Value": "b"}]
    assert made["TableClass"] == "STANDARD_INFREQUENT_ACCESS"


def test_there_is_nothing_to_do_to_a_table_that_is_as_declared() -> None:
    assert planned(MAIN_LAYOUT, MAIN_LAYOUT, prune=True) == Plan((), ())


def test_indexes_are_made_one_a_step_with_their_attributes() -> None:
    create_one = {
        "IndexName": "one",
        "KeySchema": [{"AttributeName": "h", "KeyType": "HASH"}, {"AttributeName": "r", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    create_two = {
        "IndexName": "two",
        "KeySchema": [{"AttributeName": "h2", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["a", "b"]},
    }
    assert steps(Layout(indexes=[ONE, TWO], types={"r": "N"}), Layout()) == [
        update(
            "CreateIndex",
            "one",
            AttributeDefinitions=[
                {"AttributeName": "h", "AttributeType": "S"},
                {"AttributeName": "r", "AttributeType": "N"},
            ],
            GlobalSecondaryIndexUpdates=[{"Create": create_one}],
        ),
        update(
            "CreateIndex",
            "two",
            AttributeDefinitions=[{"AttributeName": "h2", "AttributeType": "S"}],
            GlobalSecondaryIndexUpdates=[{"Create": create_two}],
        ),
    ]


def test_an_index_of_a_provisioned_table_is_made_with_a_throughput() -> None:
    (step,) = steps(Layout(indexes=[ONE], throughput=(2, 1)), Layout(throughput=(2, 1)))
    assert step.parameters["GlobalSecondaryIndexUpdates"][0]["Create"]["ProvisionedThroughput"] == units(2, 1)


def test_everything_is_enabled_in_one_plan() -> None:
    declared = Layout(
        ttl="e",
        stream="KEYS_ONLY",
        recovery=True,
        deletion_protection=True,
        tags={"a": "b"},
        table_class="STANDARD_INFREQUENT_ACCESS",
    )
    assert steps(declared, Layout()) == [
        update("SetDeletionProtection", "on", DeletionProtectionEnabled=True),
        update("SetTableClass", "STANDARD_INFREQUENT_ACCESS", TableClass="STANDARD_INFREQUENT_ACCESS"),
        update(
            "SetStream", "KEYS_ONLY", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
        ),
        Step(
            "SetRecovery",
            "on",
            "UpdateContinuousBackups",
            {"TableName": "t", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}},
        ),
        Step("SetTags", "a", "TagResource", {"ResourceArn": "arn", "Tags": [{"Key": "a", "Value": "b"}]}),
        ttl("e", "e", enabled=True),
    ]  # fmt: skip


CLUTTERED = Layout(
    indexes=[ONE], ttl="e", stream="KEYS_ONLY", recovery=True, deletion_protection=True, tags={"a": "b", "c": "d"}
)


def test_nothing_is_removed_unasked() -> None:
    made = planned(Layout(), CLUTTERED)
    assert made.steps == ()
    assert [one.what for one in made.left] == ["index one", "stream", "ttl", "recovery", "deletion_protection", "tags"]


def test_pruning_removes_what_is_not_declared() -> None:
    assert steps(Layout(), CLUTTERED, prune=True) == [
        update("SetDeletionProtection", "off", DeletionProtectionEnabled=False),
        update("DeleteIndex", "one", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "one"}}]),
        update("SetStream", "off", StreamSpecification={"StreamEnabled": False}),
        Step(
            "SetRecovery",
            "off",
            "UpdateContinuousBackups",
            {"TableName": "t", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False}},
        ),
        Step("RemoveTags", "a, c", "UntagResource", {"ResourceArn": "arn", "TagKeys": ["a", "c"]}),
        ttl("off", "e", enabled=False),
    ]


def test_what_is_replaced_is_removed_before_it_is_made() -> None:
    declared = Layout(indexes=[ONE, TWO], ttl="f", stream="NEW_IMAGE")
    actual = Layout(indexes=[ONE._replace(range=None), TWO._replace(projection="ALL")], ttl="e", stream="KEYS_ONLY")
    assert planned(declared, actual).steps == ()
    assert [str(step) for step in steps(declared, actual, prune=True)] == [
        "DeleteIndex one",
        "DeleteIndex two",
        "CreateIndex one",
        "CreateIndex two",
        "SetStream off",
        "SetStream NEW_IMAGE",
        "SetTtl off",
        "SetTtl f",
    ]


def test_a_wrong_tag_is_set_and_an_extra_one_left() -> None:
    made = planned(Layout(tags={"a": "1"}), Layout(tags={"a": "0", "b": "2"}))
    assert [step.parameters for step in made.steps] == [{"ResourceArn": "arn", "Tags": [{"Key": "a", "Value": "1"}]}]
    assert [one.actual for one in made.left] == [{"b": "2"}]


def test_a_table_becomes_provisioned_together_with_its_indexes_and_before_new_ones() -> None:
    undeclared = SecondaryIndex("old", "o")
    declared = Layout(indexes=[ONE._replace(throughput=(9, 9)), TWO], throughput=(2, 1))
    billing, create = planned(declared, Layout(indexes=[ONE, undeclared])).steps
    assert create.name == "CreateIndex"
    assert billing == update(
        "SetBilling",
        "provisioned",
        BillingMode="PROVISIONED",
        ProvisionedThroughput=units(2, 1),
        GlobalSecondaryIndexUpdates=[
            {"Update": {"IndexName": "one", "ProvisionedThroughput": units(9, 9)}},
            {"Update": {"IndexName": "old", "ProvisionedThroughput": units(2, 1)}},
        ],
    )


def test_a_table_comes_to_be_on_demand() -> None:
    declared, actual = Layout(indexes=[ONE]), Layout(indexes=[ONE], throughput=(2, 1))
    assert steps(declared, actual) == [update("SetBilling", "on demand", BillingMode="PAY_PER_REQUEST")]


def test_only_throughputs_that_change_are_set() -> None:
    old = SecondaryIndex("old", "o", throughput=(3, 3))
    declared = Layout(indexes=[ONE._replace(throughput=(9, 9)), TWO._replace(throughput=(2, 1))], throughput=(2, 1))
    actual = Layout(indexes=[ONE, TWO, old], throughput=(2, 1))
    index = {"Update": {"IndexName": "one", "ProvisionedThroughput": units(9, 9)}}
    assert planned(declared, actual).steps == (
        update("SetBilling", "provisioned", GlobalSecondaryIndexUpdates=[index]),
    )
    assert steps(Layout(throughput=(3, 1)), Layout(throughput=(2, 1))) == [
        update("SetBilling", "provisioned", ProvisionedThroughput=units(3, 1))
    ]


@pytest.mark.parametrize("prune", [False, True])
def test_another_key_is_refused_and_nothing_is_planned(prune: bool) -> None:
    with pytest.raises(CannotChange, match=r"The table 't' cannot .*key: declared is .*'sk': 'N'") as caught:
        plan(Layout(types={"sk": "N"}, ttl="e"), Found("t", "arn", Layout()), prune=prune)
    assert [one.what for one in caught.value.differences] == ["key"]


def test_an_index_on_an_attribute_of_another_type_needs_the_other_index_removed() -> None:
    declared = Layout(indexes=[SecondaryIndex("new", "r")], types={"r": "N"})
    actual = Layout(indexes=[ONE])
    with pytest.raises(CannotChange, match="type of r: declared is 'N', actual is 'S'"):
        planned(declared, actual)
    assert [str(step) for step in steps(declared, actual, prune=True)] == ["DeleteIndex one", "CreateIndex new"]


def test_what_the_engine_lacks_and_a_local_index_are_left() -> None:
    made = planned(
        Layout(recovery=True, tags={"a": "b"}),
        Layout(),
        prune=True,
        lacks=frozenset({"recovery", "tags"}),
        local_indexes=("l",),
    )
    assert made.steps == ()
    assert [(one.what, one.change) for one in made.left] == [
        ("local index l", "never"),
        ("recovery", "lacking"),
        ("tags", "lacking"),
    ]


def test_every_step_has_its_place_in_the_order() -> None:
    assert len(set(ORDER)) == len(ORDER) == 10
