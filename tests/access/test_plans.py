from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.access import plans
from chalicelib.access.leases import SECOND, Limits
from chalicelib.access.principals import ANONYMOUS, Principal
from chalicelib.collections.preconditions import Preconditions
from chalicelib.dynamo.tables import main
from chalicelib.errors import PlanNotFound, PreconditionFailed, ValidationFailed

FREE: dict[str, Any] = {"rate": 10, "burst": 50, "quota": {"limit": 100_000, "period": "day"}}


def under(plan: str | None) -> Principal:
    return Principal("key:a", "key", plan=plan)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "CACHE_SECONDS", -1.0)


@pytest.mark.usefixtures("table")
def test_a_plan_is_made_replaced_read_and_deleted() -> None:
    made, created = plans.put("free", FREE)
    assert (made.version, created) == (1, True)
    assert plans.get("free").document() == {**made.document(), **FREE}
    replaced, created = plans.put("free", {"rate": 0.5, "burst": 1})
    assert (replaced.version, created, replaced.created_at) == (2, False, made.created_at)
    assert "quota" not in plans.get("free").members
    plans.delete("free")
    with pytest.raises(PlanNotFound):
        plans.get("free")
    with pytest.raises(PlanNotFound):
        plans.delete("free")


@pytest.mark.usefixtures("table")
def test_what_was_read_can_be_sent_back() -> None:
    plans.put("free", FREE)
    assert plans.put("free", plans.get("free").document())[0].members == FREE


@pytest.mark.usefixtures("table")
def test_preconditions_hold() -> None:
    plans.put("free", FREE)
    for change in (lambda p: plans.put("free", FREE, p), lambda p: plans.delete("free", p)):
        typed: Callable[[Preconditions], object] = change
        with pytest.raises(PreconditionFailed):
            typed(Preconditions(match=frozenset({7})))
    plans.put("free", FREE, Preconditions(match=frozenset({1})))
    plans.delete("free", Preconditions(match=frozenset({2})))


@pytest.mark.usefixtures("table")
def test_plans_are_listed_by_id() -> None:
    for name in ("c", "a", "b"):
        plans.put(name, {})
    found, following = plans.page(2, None)
    assert [plan.id for plan in found] == ["a", "b"]
    rest, end = plans.page(2, following)
    assert ([plan.id for plan in rest], end) == (["c"], None)


@pytest.mark.parametrize(
    ("document", "wrong"),
    [
        ([], {""}),
        ({"rate": 10}, {"/burst", ""}),
        ({"burst": 10}, {"/rate", ""}),
        ({"rate": 0, "burst": 1}, {"/rate"}),
        ({"rate": -1, "burst": 0}, {"/rate", "/burst"}),
        ({"rate": "10", "burst": 1.5}, {"/rate", "/burst"}),
        ({"rate": 10_001, "burst": 100_001}, {"/rate", "/burst"}),
        ({"quota": {"limit": 0, "period": "year"}}, {"/quota/limit", "/quota/period"}),
        ({"quota": {"limit": 1}}, {"/quota/period"}),
        ({"quota": None}, {"/quota"}),
        ({"limit": 1}, {"/limit"}),
    ],
)
def test_what_is_no_plan_is_refused_with_everything_that_is_wrong(document: Any, wrong: set[str]) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        plans.put("free", document)
    assert {failure["pointer"] for failure in refusal.value.failures} <= wrong


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("document", "limits", "period"),
    [
        ({}, Limits(), "day"),
        ({"rate": 10, "burst": 50}, Limits(SECOND // 10, 50), "day"),
        ({"rate": 0.1, "burst": 1.0}, Limits(10 * SECOND, 1), "day"),
        ({"rate": Decimal("0.001"), "burst": 1}, Limits(1000 * SECOND, 1), "day"),
        ({"quota": {"limit": 5, "period": "week"}}, Limits(quota=5), "week"),
    ],
)
def test_its_limits_are_those_of_the_document(document: Any, limits: Limits, period: str) -> None:
    plans.put("free", document)
    plan = plans.get("free")
    assert (plan.limits, plan.period) == (limits, period)


@pytest.mark.usefixtures("table")
def test_a_callers_plan_is_kept_for_a_while() -> None:
    plans.put("free", FREE)
    with main.session.recording() as recorder:
        found = plans.of(under("free"))
        assert found is not None
        assert found.members == FREE
        assert plans.of(under("free")) is found
        assert plans.of(under("nobody")) is plans.of(under("nobody")) is None
    assert len(recorder.calls) == 2


@pytest.mark.usefixtures("table", "impatient")
def test_a_change_is_seen_and_a_plan_that_did_not_change_stays_the_same_object() -> None:
    plans.put("free", FREE)
    found = plans.of(under("free"))
    assert plans.of(under("free")) is found
    plans.put("free", {})
    changed = plans.of(under("free"))
    assert changed is not None
    assert changed.members == {}
    plans.delete("free")
    assert plans.of(under("free")) is None


@pytest.mark.usefixtures("table")
def test_without_a_plan_nothing_is_read() -> None:
    with main.session.recording() as recorder:
        assert plans.of(under(None)) is None
    assert not recorder.calls


@pytest.mark.usefixtures("table")
def test_nobody_in_particular_is_under_the_public_plan() -> None:
    assert plans.of(ANONYMOUS) is None
    plans.put("public", {"rate": 1, "burst": 1})
    found = plans.of(ANONYMOUS)
    assert found is not None
    assert found.id == "public"
