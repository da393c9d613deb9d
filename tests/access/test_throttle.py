from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.access import plans, throttle
from chalicelib.access.leases import SECOND
from chalicelib.access.principals import ANONYMOUS, Principal
from chalicelib.access.throttle import UNLIMITED, Throttle
from chalicelib.access.usage import Counts, Meter
from chalicelib.dynamo.session import Session
from chalicelib.dynamo.tables import main
from chalicelib.errors import QuotaExceeded, RateLimited, StoreUnavailable, TooManyOperations, TooManyRequests
from tests.access.test_leases import assert_within_bound
from tests.support.stores import stored

KEY = Principal("key:a", "key", plan="p")
IP = "192.0.2.1"


class Clock:
    """A clock that a test moves."""

    def __init__(self, text: str = "2026-11-21T12:00:00") -> None:
        self.set(text)

    def set(self, text: str) -> None:
        since = datetime.fromisoformat(text).replace(tzinfo=timezone.utc) - datetime(1970, 1, 1, tzinfo=timezone.utc)
        self.now = since // timedelta(microseconds=1) * 1000

    def __call__(self) -> int:
        return self.now


@pytest.fixture(autouse=True)
def _patient(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "CACHE_SECONDS", 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def container(clock: Clock) -> Throttle:
    return Throttle(clock, Meter(clock))


def plan(rate: Any = None, burst: int | None = None, quota: int | None = None, period: str = "day") -> None:
    document: dict[str, Any] = {} if rate is None else {"rate": rate, "burst": burst}
    if quota is not None:
        document["quota"] = {"limit": quota, "period": period}
    plans.put("p", document)


def admitted(some: Throttle, tokens: int = 1, caller: Principal = KEY, ip: str = IP) -> bool:
    try:
        some.admit(caller, tokens, ip)
    except TooManyRequests:
        return False
    return True


def count(some: Throttle, requests: int, caller: Principal = KEY) -> int:
    return sum(admitted(some, 1, caller) for _ in range(requests))


def test_two_hundred_requests_of_a_hot_key_are_four_calls(clock: Clock) -> None:
    plan(5000, 5000)
    some = container(clock)
    with main.session.recording() as recorder:
        for _ in range(71):
            assert admitted(some)
            clock.now += SECOND // 1000
    assert recorder.operations == ["GetItem", "Query", *["UpdateItem"] * 4]
    with main.session.recording() as recorder:
        for _ in range(200):
            assert admitted(some)
            clock.now += SECOND // 1000
    assert recorder.operations == ["UpdateItem"] * 4


def test_a_caller_without_a_plan_costs_no_call(clock: Clock) -> None:
    with main.session.recording() as recorder:
        assert container(clock).admit(Principal("key:a", "key"), 1, IP) is UNLIMITED
    assert not recorder.calls


@pytest.mark.parametrize("document", [None, {}])
def test_a_plan_that_limits_nothing_or_is_not_there_lets_everything_pass(
    clock: Clock, document: dict[str, Any] | None
) -> None:
    if document is not None:
        plans.put("p", document)
    assert container(clock).admit(KEY, 10_000, IP) is UNLIMITED


def test_a_refusal_says_when_to_come_back(clock: Clock) -> None:
    plan(10, 5)
    some = container(clock)
    assert count(some, 5) == 5
    with main.session.recording() as recorder, pytest.raises(RateLimited) as refusal:
        some.admit(KEY, 1, IP)
    assert not recorder.calls
    members = {"limit": 5, "remaining": 0, "reset": 1, "violated-policies": ["burst"]}
    assert refusal.value.extensions == members
    assert refusal.value.headers == {
        "Retry-After": "1",
        "RateLimit-Policy": '"burst";q=5;w=1',
        "RateLimit": '"burst";r=0;t=1',
    }
    clock.now += SECOND
    assert admitted(some)


def test_the_headers_say_what_is_left(clock: Clock) -> None:
    plan(0.5, 4, 1000, "week")
    some = container(clock)
    headers = some.admit(KEY, 1, IP).headers
    assert headers["RateLimit-Policy"] == '"burst";q=4;w=8, "week";q=1000;w=604800'
    assert headers["RateLimit"] == '"burst";r=3;t=2, "week";r=999;t=129600'
    assert some.admit(KEY, 2, IP).headers["RateLimit"].startswith('"burst";r=1;t=2, "week";r=997')


def test_a_quota_that_is_used_up_ends_with_its_day(clock: Clock) -> None:
    plan(quota=7)
    some = container(clock)
    assert count(some, 10) == 7
    with pytest.raises(QuotaExceeded) as refusal:
        some.admit(KEY, 1, IP)
    assert refusal.value.extensions == {
        "limit": 7, "remaining": 0, "reset": 12 * 3600, "violated-policies": ["day"],
    }  # fmt: skip
    clock.set("2026-11-21T23:59:59")
    assert not admitted(some)
    clock.set("2026-11-22T00:00:00")
    assert count(some, 10) == 7


@pytest.mark.parametrize(
    ("period", "days", "next_period"),
    [
        ("week", ["2026-11-16", "2026-11-18", "2026-11-22"], "2026-11-23"),
        ("week", ["2026-12-28", "2026-12-31", "2027-01-01", "2027-01-03"], "2027-01-04"),
        ("month", ["2026-11-01", "2026-11-02", "2026-11-15", "2026-11-30"], "2026-12-01"),
        ("month", ["2028-02-01", "2028-02-29"], "2028-03-01"),
    ],
)
@pytest.mark.parametrize("is_new", [False, True], ids=["one process", "a process a day"])
def test_a_quota_of_several_days_is_the_sum_of_them(
    clock: Clock, period: str, days: list[str], next_period: str, is_new: bool
) -> None:
    plan(quota=5 * len(days) - 3, period=period)
    some = container(clock)
    counts = []
    for day in days:
        some = container(clock) if is_new else some
        clock.set(f"{day}T10:00:00")
        counts.append(sum(admitted(some, 5 if number == 0 and day != days[-1] else 1) for number in range(1)))
        if day == days[-1]:
            counts[-1] += count(some, 10)
    assert counts == [1] * (len(days) - 1) + [2]
    clock.set(f"{next_period}T00:00:00")
    assert count(some, 3) == 3


def test_what_is_left_of_a_lease_at_midnight_is_given_back_to_the_weeks_quota(clock: Clock) -> None:
    plan(quota=100, period="week")
    some = container(clock)
    clock.set("2026-11-17T23:59:59")
    assert count(some, 7) == 7
    assert stored("rate#")[0]["taken"] > 7
    clock.set("2026-11-18T00:00:00")
    assert admitted(some)
    assert [item["taken"] for item in stored("rate#")] == [7, 1]
    assert count(some, 200) == 92


def test_midnight_fills_no_bucket(clock: Clock) -> None:
    plan(0.01, 5)
    clock.set("2026-11-21T23:59:59")
    assert count(container(clock), 9) == 5
    clock.set("2026-11-22T00:00:00")
    assert count(container(clock), 9) == 0


def test_containers_share_a_bucket(clock: Clock) -> None:
    plan(0.001, 30)
    some = [container(clock) for _ in range(20)]
    assert sum(count(each, 5) for each in some) == 30


@pytest.mark.parametrize(("rate", "burst", "quota", "seed"), [(20, 30, None, 1), (200, 100, None, 2), (50, 50, 250, 3)])
def test_twenty_containers_on_the_store_keep_to_the_bound(
    clock: Clock, rate: int, burst: int, quota: int | None, seed: int
) -> None:
    plan(rate, burst, quota)
    chance = random.Random(seed)
    some = [container(clock) for _ in range(20)]
    start = clock.now
    passed: list[tuple[int, int]] = []
    for _ in range(600):
        clock.now += int(chance.expovariate(rate * 2) * SECOND)
        tokens = chance.choice([1, 1, 1, 5])
        if admitted(chance.choice(some), tokens):
            passed.append((clock.now - start, tokens))
    found = plans.get("p").limits
    assert_within_bound(found, [(at + 1_800_000_000 * SECOND, tokens) for at, tokens in passed])
    total = sum(tokens for _, tokens in passed)
    assert total <= (quota or total)
    assert total >= 0.7 * min(quota or total, burst + (clock.now - start) / found.interval)


@pytest.mark.parametrize("containers", [1, 5])
def test_of_many_threads_as_many_requests_pass_as_the_bucket_has(clock: Clock, containers: int) -> None:
    plan(0.001, 40)
    some = [container(clock) for _ in range(containers)]
    with ThreadPoolExecutor(16) as pool:
        passed = list(pool.map(lambda number: admitted(some[number % containers]), range(100)))
    assert sum(passed) == 40


def test_a_request_takes_as_many_tokens_as_it_has_operations(clock: Clock) -> None:
    plan(0.001, 50)
    some = container(clock)
    assert admitted(some, 30)
    assert not admitted(some, 30)
    assert admitted(some, 20)
    assert not admitted(some)


def test_more_operations_than_a_plan_ever_allows_are_no_matter_of_time(clock: Clock) -> None:
    plan(10, 50)
    with main.session.recording() as recorder, pytest.raises(TooManyOperations) as refusal:
        container(clock).admit(KEY, 51, IP)
    assert recorder.operations == ["GetItem"]
    assert refusal.value.extensions == {"operations": 51, "limit": 50}


def test_callers_do_not_share_buckets(clock: Clock) -> None:
    plan(0.001, 1)
    some = container(clock)
    for name in ("key:a", "key:b", "user:a"):
        assert count(some, 2, Principal(name, "key", plan="p")) == 1


def test_nobody_in_particular_is_limited_by_address(clock: Clock) -> None:
    plans.put("public", {"rate": 0.001, "burst": 1})
    some = container(clock)
    for ip in ("192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1"):
        assert admitted(some, 1, ANONYMOUS, ip)
    for ip in ("192.0.2.1", "2001:db8:0:1:ffff::", "::ffff:192.0.2.2"):
        assert not admitted(some, 1, ANONYMOUS, ip)


@pytest.mark.parametrize("ip", ["unknown", "", "1:2:3", "192.0.2.1"])
def test_what_is_no_address_stands_for_itself(ip: str) -> None:
    assert throttle.network(ip) == ip


def test_another_plan_holds_at_once_where_it_is_known(clock: Clock) -> None:
    plan(0.001, 1)
    some = container(clock)
    assert count(some, 3) == 1
    plan(0.001, 1, 10)
    assert count(some, 3) == 0
    plan(quota=10)
    assert count(some, 20) == 10
    plan(quota=15, period="week")
    assert count(some, 20) == 5


def test_a_plan_that_is_written_again_as_it_was_changes_nothing(clock: Clock) -> None:
    plan(0.001, 3)
    some = container(clock)
    assert admitted(some)
    plan(0.001, 3)
    plans.of(KEY)
    with main.session.recording() as recorder:
        assert count(some, 5) == 2
    assert "Query" not in recorder.operations


def test_leases_write_the_usage_of_the_requests_before(clock: Clock) -> None:
    plan(1000, 1000)
    meter = Meter(clock)
    some = Throttle(clock, meter)
    for _ in range(6):
        some.admit(KEY, 1, IP)
        meter.count(KEY.id, Counts(calls=1, bytes_out=10))
    (item,) = stored("rate#")
    assert (item["calls"], item["bytes_out"]) == (5, 50)
    assert [each["sk"] for each in stored("usage#")] == ["key:a"]


def test_usage_that_could_not_be_written_is_not_lost(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, unreachable: Callable[[], Session]
) -> None:
    plan(1000, 1000)
    meter = Meter(clock)
    some = Throttle(clock, meter)
    some.admit(KEY, 1, IP)
    meter.count(KEY.id, Counts(calls=1))
    with monkeypatch.context() as without_store:
        without_store.setattr(main, "_connect", unreachable)
        with pytest.raises(StoreUnavailable):
            some.admit(KEY, 1, IP)
    some.admit(KEY, 1, IP)
    assert stored("rate#")[0]["calls"] == 1


def test_items_end(clock: Clock) -> None:
    plan(1, 1)
    plans.put("public", {"rate": 1, "burst": 1})
    some = container(clock)
    some.admit(KEY, 1, IP)
    some.admit(ANONYMOUS, 1, IP)
    today = clock.now // SECOND // 86400 * 86400
    ends = {item["pk"]: (item["_ttl"] - today) / 86400 for item in stored("rate#")}
    assert ends == {"rate#key:a": 91, "rate#ip:192.0.2.1": 2}


def test_a_process_forgets_buckets_that_are_long_unused(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MAX_BUCKETS", 2)
    plan(0.001, 2)
    some = container(clock)
    callers = [Principal(f"key:{name}", "key", plan="p") for name in "abc"]
    for caller in callers:
        assert admitted(some, 1, caller)
    assert len(some._accounts) == 2
    assert count(some, 5, callers[0]) == 1
