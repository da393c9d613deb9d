from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from chalicelib.dynamo import batches, session
from chalicelib.dynamo.layout import Layout, SecondaryIndex
from chalicelib.dynamo.provisioning import Outcome, actual, delete, ensure, update, wait
from chalicelib.dynamo.provisioning.changes import CannotChange, Step, create_parameters
from chalicelib.dynamo.provisioning.differences import Difference, Found, compare
from chalicelib.dynamo.session import Session
from chalicelib.dynamo.tables import MAIN_LAYOUT, Table, main
from chalicelib.errors import StoreUnavailable
from tests.dynamo.wire import Stub, assert_valid, refusal

ONE = SecondaryIndex("one", "h", "r")
TWO = SecondaryIndex("two", "h2", projection=("a", "b"))
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/t"
OK: tuple[int, dict[str, Any]] = (200, {})
NOT_FOUND = refusal("ResourceNotFoundException")
BUSY = refusal("ResourceInUseException", "being changed")
UNKNOWN = refusal("UnknownOperationException")
DENIED = refusal("AccessDeniedException", "no")
LACKING_RECOVERY = Difference("recovery", declared=True, actual=None, change="lacking")


def described(layout: Layout | None = None, status: str = "ACTIVE", **indexes: str) -> tuple[int, dict[str, Any]]:
    """DescribeTable's answer; ``indexes`` are the states of the indexes of the layout that are there."""
    layout = layout or Layout()
    parameters = create_parameters(layout, "t")
    made = [
        {**index, "IndexStatus": indexes.get(index["IndexName"], "ACTIVE")}
        for index in parameters.pop("GlobalSecondaryIndexes", [])
        if not indexes or index["IndexName"] in indexes
    ]
    billing = {"BillingMode": parameters["BillingMode"]}
    table = {**parameters, "TableArn": ARN, "TableStatus": status, "BillingModeSummary": billing}
    return 200, {"Table": {**table, "GlobalSecondaryIndexes": made}}


def ttl(status: str = "DISABLED", attribute: str | None = None) -> tuple[int, dict[str, Any]]:
    named = {} if attribute is None else {"AttributeName": attribute}
    return 200, {"TimeToLiveDescription": {"TimeToLiveStatus": status, **named}}


def recovery(status: str = "DISABLED") -> tuple[int, dict[str, Any]]:
    state = {"PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": status}}
    return 200, {"ContinuousBackupsDescription": {"ContinuousBackupsStatus": "ENABLED", **state}}


def tagged(**tags: str) -> tuple[int, dict[str, Any]]:
    return 200, {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def there(layout: Layout | None = None, expiry: tuple[int, Any] | None = None) -> list[tuple[int, Any]]:
    """The answers with which ``actual`` learns of a table."""
    return [described(layout), recovery(), tagged(), expiry or ttl()]


class Scripted:
    """A table of which the calls are answered as listed, the last answer again and again, and a clock that counts."""

    def __init__(self, unconnected: Session, layout: Layout, *answers: tuple[int, Any]) -> None:
        self.stub = Stub(unconnected, *answers)
        self.pauses: list[float] = []
        self.table = Table("t", layout, lambda: unconnected, self.pauses.append)

    @property
    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """Operation and parameters of each call, which botocore would have sent."""
        made = []
        for request, body in zip(self.stub.sent, self.stub.bodies, strict=True):
            target = request.headers["X-Amz-Target"]
            operation = (target if isinstance(target, str) else target.decode()).partition(".")[2]
            parameters = orjson.loads(body)
            assert_valid(operation, parameters)
            made.append((operation, parameters))
        return made

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _ in self.calls]


Script = Callable[..., Scripted]


@pytest.fixture
def script(unconnected: Session) -> Script:
    def scripted(layout: Layout, *answers: tuple[int, Any]) -> Scripted:
        return Scripted(unconnected, layout, *answers)

    return scripted


def control() -> Any:
    return session.default().client


def ttl_of(name: str) -> dict[str, Any]:
    state: dict[str, Any] = control().describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return state


def found(table: Table) -> Found:
    there = actual(table)
    assert there is not None
    return there


def test_ensure_makes_the_declared_table(table: str) -> None:
    made = control().describe_table(TableName=table)["Table"]
    declared = create_parameters(MAIN_LAYOUT, table)
    assert made["TableStatus"] == "ACTIVE"
    assert made["KeySchema"] == declared["KeySchema"]
    assert made["StreamSpecification"] == declared["StreamSpecification"]
    assert {index["IndexName"]: index["KeySchema"] for index in made["GlobalSecondaryIndexes"]} == {
        index["IndexName"]: index["KeySchema"] for index in declared["GlobalSecondaryIndexes"]
    }
    assert ttl_of(table) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "_ttl"}


def test_a_table_that_was_made_is_as_declared(table: str) -> None:
    there = found(main)
    assert [one for one in compare(MAIN_LAYOUT, there) if one.what not in there.lacks] == []


def test_ensure_enables_point_in_time_recovery(table: str) -> None:
    backups = control().describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert found(main).layout == MAIN_LAYOUT


def test_ensure_leaves_a_table_with_its_items(table: str) -> None:
    key = {"pk": {"S": "p"}, "sk": {"S": "s"}}
    main.call("PutItem", {"Item": key})
    assert ensure(main) == ()
    assert batches.get_items(main, [key]) == [key]


def test_ensure_completes_a_table_that_was_left_half_made(table: str) -> None:
    half = Table(f"{table}-half", MAIN_LAYOUT)
    control().create_table(**create_parameters(MAIN_LAYOUT, half.name))
    assert ttl_of(half.name)["TimeToLiveStatus"] == "DISABLED"
    ensure(half)
    assert ttl_of(half.name) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "_ttl"}


def test_processes_can_ensure_the_same_table_together(table: str) -> None:
    raced = Table(f"{table}-raced", MAIN_LAYOUT)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ensure, [raced] * 4))
    assert ttl_of(raced.name)["TimeToLiveStatus"] == "ENABLED"


def test_ensure_says_that_a_table_cannot_be_made(table: str) -> None:
    with pytest.raises(StoreUnavailable, match="The table 'a b' cannot be made"):
        ensure(Table("a b"))


def test_ensure_waits_until_the_table_is_ready(script: Script) -> None:
    scripted = script(Layout(), OK, NOT_FOUND, described(status="CREATING"), described())
    assert ensure(scripted.table) == ()
    assert scripted.operations == ["CreateTable", "DescribeTable", "DescribeTable", "DescribeTable"]
    assert scripted.pauses == [0.5, 1.0]


@pytest.mark.parametrize("code", ["UnknownOperationException", "ValidationException"])
def test_an_engine_may_lack_point_in_time_recovery(script: Script, code: str) -> None:
    scripted = script(Layout(recovery=True), OK, described(), refusal(code))
    assert ensure(scripted.table) == (LACKING_RECOVERY,)
    assert scripted.operations == ["CreateTable", "DescribeTable", "UpdateContinuousBackups"]


def test_point_in_time_recovery_may_not_be_refused(script: Script) -> None:
    scripted = script(Layout(recovery=True), OK, described(), DENIED)
    with pytest.raises(StoreUnavailable, match=r"The table 't' cannot be made: .*AccessDeniedException.* no\.$"):
        ensure(scripted.table)


def test_point_in_time_recovery_is_enabled_when_a_new_table_has_backups(script: Script) -> None:
    early = refusal("ContinuousBackupsUnavailableException")
    scripted = script(Layout(recovery=True), OK, described(), early, described(), OK)
    assert ensure(scripted.table) == ()
    assert scripted.operations[-3:] == ["UpdateContinuousBackups", "DescribeTable", "UpdateContinuousBackups"]
    assert scripted.pauses == [1.0]


def test_point_in_time_recovery_of_a_table_that_is_there_is_not_touched(script: Script) -> None:
    scripted = script(Layout(recovery=True), BUSY, described())
    ensure(scripted.table)
    assert scripted.operations == ["CreateTable", "DescribeTable"]


def test_time_to_live_may_be_enabled_by_another_process_first(script: Script) -> None:
    refused = refusal("ValidationException", "TimeToLive is already enabled")
    scripted = script(Layout(ttl="e"), BUSY, described(), ttl(), refused, ttl("ENABLING", "e"))
    assert ensure(scripted.table) == ()


def test_time_to_live_may_not_be_refused_while_it_is_off(script: Script) -> None:
    scripted = script(Layout(ttl="e"), BUSY, described(), ttl(), DENIED, ttl())
    with pytest.raises(StoreUnavailable, match="cannot be made"):
        ensure(scripted.table)


def test_a_table_that_is_not_there_is_none(store: str) -> None:
    assert actual(Table("nowhere")) is None


@pytest.mark.parametrize("allowed", [0, 1, 2, 3])
def test_a_table_that_may_not_be_described_is_unavailable(script: Script, allowed: int) -> None:
    scripted = script(Layout(), *there()[:allowed], DENIED)
    with pytest.raises(StoreUnavailable, match=r"The table 't' cannot be described: .*AccessDenied"):
        actual(scripted.table)


def test_tags_are_read_to_the_last_page_without_those_of_aws(script: Script) -> None:
    first = {"Tags": [{"Key": "aws:stack", "Value": "s"}, {"Key": "a", "Value": "1"}], "NextToken": "more"}
    scripted = script(Layout(), described(), recovery("ENABLED"), (200, first), tagged(b="2"), ttl())
    assert found(scripted.table) == Found("t", ARN, Layout(recovery=True, tags={"a": "1", "b": "2"}))
    assert scripted.calls[3] == ("ListTagsOfResource", {"ResourceArn": ARN, "NextToken": "more"})


def test_what_the_engine_lacks_is_not_an_error(script: Script) -> None:
    scripted = script(Layout(), described(), UNKNOWN, UNKNOWN, ttl())
    assert found(scripted.table) == Found("t", ARN, Layout(), frozenset({"recovery", "tags"}))


def test_a_table_is_ready_when_its_indexes_are(script: Script) -> None:
    layout = Layout(indexes=[ONE])
    scripted = script(layout, described(status="UPDATING"), described(layout, one="CREATING"), described(layout))
    wait(scripted.table)
    assert scripted.pauses == [0.5, 1.0]


def test_waiting_ends_when_the_table_does_not_become_ready(script: Script) -> None:
    scripted = script(Layout(), described(status="CREATING"))
    with pytest.raises(StoreUnavailable, match=r"The table 't' is not ready after 60 s\."):
        wait(scripted.table)
    assert scripted.pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 8.5]


def test_update_changes_a_table_into_the_declared_one(table: str) -> None:
    name = f"{table}-changed"
    ensure(Table(name, Layout(indexes=[SecondaryIndex("old", "o")], ttl="e")))
    item = {"pk": {"S": "p"}, "sk": {"S": "s"}, "h": {"S": "x"}, "r": {"N": "1"}}
    plain = Table(name)
    plain.call("PutItem", {"Item": item})
    declared = Table(
        name,
        Layout(indexes=[ONE, TWO], types={"r": "N"}, ttl="e", stream="NEW_IMAGE"),
    )
    told: list[tuple[str, int, int]] = []
    outcome = update(
        declared, seconds=60.0, progress=lambda step, number, count: told.append((str(step), number, count))
    )
    assert told == [
        ("CreateIndex one", 1, 3),
        ("CreateIndex two", 2, 3),
        ("SetStream NEW_IMAGE", 3, 3),
    ]
    assert [str(step) for step in outcome.done] == [line for line, _, _ in told]
    assert [one.what for one in outcome.left] == ["index old"]
    assert batches.get_items(plain, [{"pk": item["pk"], "sk": item["sk"]}]) == [item]
    again = update(declared, prune=True)
    assert [str(step) for step in again.done] == ["DeleteIndex old"]
    assert update(declared, prune=True) == Outcome((), ())
    assert compare(declared.layout, found(declared)) == []


def test_update_sets_protection_class_recovery_and_tags(table: str) -> None:
    name = f"{table}-tagged"
    ensure(Table(name, Layout(tags={"a": "0", "b": "0"})))
    layout = Layout(tags={"a": "1"}, recovery=True, deletion_protection=True, table_class="STANDARD_INFREQUENT_ACCESS")
    declared = Table(name, layout)
    assert [step.name for step in update(declared).done] == [
        "SetDeletionProtection",
        "SetTableClass",
        "SetRecovery",
        "SetTags",
    ]
    assert found(declared).layout.tags == {"a": "1", "b": "0"}
    update(declared, prune=True)
    assert found(declared).layout == declared.layout


def test_update_makes_a_table_provisioned_and_on_demand_again(table: str) -> None:
    name = f"{table}-billed"
    on_demand = Table(name, Layout(indexes=[ONE]))
    provisioned = Table(name, Layout(indexes=[ONE._replace(throughput=(3, 2)), TWO], throughput=(2, 1)))
    ensure(on_demand)
    assert [step.name for step in update(provisioned).done] == ["SetBilling", "CreateIndex"]
    layout = found(provisioned).layout
    assert (layout.throughput, [index.throughput for index in layout.indexes]) == ((2, 1), [(3, 2), (2, 1)])
    assert [step.name for step in update(on_demand, prune=True).done] == ["SetBilling", "DeleteIndex"]
    assert compare(on_demand.layout, found(on_demand)) == []


def test_a_table_with_another_key_is_not_changed(script: Script) -> None:
    scripted = script(Layout(range=None, ttl="e"), *there(), described(), *there())
    with pytest.raises(CannotChange, match="key: declared is"):
        update(scripted.table)
    assert not [operation for operation in scripted.operations if not operation.startswith(("Describe", "List"))]


def test_a_table_that_is_not_there_cannot_be_changed(store: str) -> None:
    with pytest.raises(StoreUnavailable, match="There is no table 'nowhere' to be changed"):
        update(Table("nowhere"))


def test_a_table_may_vanish_before_it_is_changed(script: Script) -> None:
    with pytest.raises(StoreUnavailable, match="The table 't' was deleted while it was to be changed"):
        update(script(Layout(), *there(), described(), NOT_FOUND).table)


def changing(script: Script, layout: Layout, *answers: tuple[int, Any], before: Layout | None = None) -> Scripted:
    """A table about to be changed from ``before`` into ``layout``, the calls of its first step answered as listed."""
    return script(layout, *there(before), described(before), *there(before), *answers)


READING = 9
"""How many calls it takes to know what is there."""


def test_an_index_is_made_when_it_is_seen_to_be_ready(script: Script) -> None:
    layout = Layout(indexes=[ONE])
    outdated, filling = described(), described(layout, "UPDATING", one="CREATING")
    scripted = changing(script, layout, OK, outdated, filling, described(layout))
    outcome = update(scripted.table)
    assert [str(step) for step in outcome.done] == ["CreateIndex one"]
    assert scripted.operations[READING:] == ["UpdateTable", *["DescribeTable"] * 3]


def test_an_index_is_deleted_when_it_is_seen_to_be_gone(script: Script) -> None:
    before = Layout(indexes=[ONE])
    deleting = described(before, "UPDATING", one="DELETING")
    scripted = changing(script, Layout(), OK, described(before), deleting, described(), before=before)
    update(scripted.table, prune=True)
    assert scripted.operations[READING:] == ["UpdateTable", *["DescribeTable"] * 3]


def test_a_step_that_takes_too_long_is_named(script: Script) -> None:
    scripted = changing(script, Layout(indexes=[ONE]), OK, described())
    with pytest.raises(StoreUnavailable, match=r"The table 't' has not finished CreateIndex one after 5 s\."):
        update(scripted.table, seconds=5.0)


def test_a_change_is_made_again_when_another_is_over(script: Script) -> None:
    layout = Layout(stream="KEYS_ONLY")
    scripted = changing(script, layout, BUSY, described(status="UPDATING"), described(), OK, described(layout))
    update(scripted.table)
    assert scripted.operations[READING:] == [
        "UpdateTable",
        "DescribeTable",
        "DescribeTable",
        "UpdateTable",
        "DescribeTable",
    ]
    assert scripted.pauses == [1.0, 0.5]


def test_a_quota_that_is_used_up_is_said_after_a_minute(script: Script) -> None:
    used_up = refusal("LimitExceededException", "Too many changes of billing today")
    answers = [answer for _ in range(6) for answer in (used_up, described())]
    scripted = changing(script, Layout(throughput=(1, 1)), *answers, used_up)
    expected = r"cannot be changed \(SetBilling provisioned, step 1 of 1\): .* Too many changes of billing today\."
    with pytest.raises(StoreUnavailable, match=expected):
        update(scripted.table)
    assert scripted.pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]


def test_a_refused_change_ends_the_update(script: Script) -> None:
    layout = Layout(stream="KEYS_ONLY", ttl="e")
    scripted = changing(script, layout, OK, described(layout), ttl(), DENIED, ttl())
    told: list[Step] = []
    with pytest.raises(StoreUnavailable, match=r"cannot be changed \(SetTtl e, step 2 of 2\): .*AccessDenied"):
        update(scripted.table, progress=lambda step, _number, _count: told.append(step))
    assert [step.name for step in told] == ["SetStream", "SetTtl"]


def test_time_to_live_is_enabled_when_the_former_is_off(script: Script) -> None:
    disabling = ttl("DISABLING", "d")
    expiring = there(expiry=ttl("ENABLED", "d"))
    scripted = script(Layout(ttl="e"), *expiring, described(), *expiring, OK, disabling, disabling, ttl(), OK)
    outcome = update(scripted.table, prune=True)
    assert [str(step) for step in outcome.done] == ["SetTtl off", "SetTtl e"]
    specification = {"Enabled": True, "AttributeName": "e"}
    assert scripted.calls[-1] == ("UpdateTimeToLive", {"TableName": "t", "TimeToLiveSpecification": specification})
    assert scripted.pauses == [0.5, 1.0]


def test_update_reports_what_the_engine_turns_out_to_lack(script: Script) -> None:
    scripted = changing(script, Layout(recovery=True), UNKNOWN)
    assert update(scripted.table) == Outcome((), (LACKING_RECOVERY,))


def test_delete_deletes_a_table_and_says_whether_it_was_there(table: str) -> None:
    doomed = Table(f"{table}-doomed")
    ensure(doomed)
    assert delete(doomed) is True
    assert actual(doomed) is None
    assert delete(doomed) is False


def test_a_protected_table_is_not_deleted(table: str) -> None:
    protected = Table(f"{table}-protected", Layout(deletion_protection=True))
    ensure(protected)
    with pytest.raises(StoreUnavailable, match=r"-protected' cannot be deleted: .*protect"):
        delete(protected)
    assert found(protected).layout == protected.layout


def test_delete_returns_when_the_table_is_gone(script: Script) -> None:
    scripted = script(Layout(), OK, described(status="DELETING"), NOT_FOUND)
    assert delete(scripted.table) is True
    assert scripted.pauses == [0.5]


def test_a_store_that_is_not_reached_is_unavailable(unconnected: Session) -> None:
    with pytest.raises(StoreUnavailable, match="The table 't' cannot be described: Could not connect"):
        actual(Table("t", connect=lambda: unconnected))
