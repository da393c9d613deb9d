from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.access import counters, usage, windows
from chalicelib.access.usage import PAUSE, WAIT, Counts, Meter
from chalicelib.dynamo.session import Session
from chalicelib.dynamo.tables import main
from tests.access.test_throttle import Clock
from tests.support.stores import stored

DAY = "2026-11-21"


@pytest.fixture
def clock() -> Clock:
    return Clock(f"{DAY}T12:00:00")


@pytest.fixture
def meter(table: str, clock: Clock) -> Meter:
    return Meter(clock)


def number(day: str) -> int:
    found = windows.parse(day)
    assert found is not None
    return found


def written() -> dict[tuple[str, str], int]:
    return {(item["caller"], item["sk"]): int(item["calls"]) for item in stored("rate#")}


def test_counts_wait_and_are_written_with_a_later_request(meter: Meter, clock: Clock) -> None:
    with main.session.recording() as recorder:
        for _ in range(100):
            meter.count("key:a", Counts(calls=1, bytes_in=2, read_units=0.5))
        assert not recorder.calls
        clock.now += WAIT
        meter.count("key:a", Counts(calls=1))
    assert recorder.operations == ["PutItem", "UpdateItem"]
    (item,) = stored("rate#")
    assert (item["calls"], item["bytes_in"], item["read_units"]) == (100, 200, 50)
    assert "bytes_out" not in item
    with main.session.recording() as recorder:
        clock.now += WAIT
        meter.count("key:a", Counts(calls=1))
    assert recorder.operations == ["UpdateItem"]
    assert written() == {("key:a", DAY): 101}


def test_whoever_comes_next_writes_what_others_left_one_caller_a_second(meter: Meter, clock: Clock) -> None:
    for name in "abc":
        meter.count(f"key:{name}", Counts(calls=1))
    clock.now += WAIT
    meter.count("key:d", Counts(calls=1))
    meter.count("key:d", Counts(calls=1))
    assert written() == {("key:a", DAY): 1}
    clock.now += PAUSE
    meter.count("key:d", Counts(calls=1))
    assert written() == {("key:a", DAY): 1, ("key:b", DAY): 1}


def test_what_was_done_before_midnight_is_of_that_day(meter: Meter, clock: Clock) -> None:
    clock.set("2026-11-21T23:59:59")
    meter.count("key:a", Counts(calls=1))
    clock.set("2026-11-22T00:00:00")
    meter.count("key:a", Counts(calls=5))
    assert meter.take("key:a", number("2026-11-21")) is None
    meter.flush()
    assert written() == {("key:a", "2026-11-21"): 1, ("key:a", "2026-11-22"): 5}


def test_processes_add_up(table: str, clock: Clock) -> None:
    for _ in range(3):
        each = Meter(clock)
        each.count("key:a", Counts(calls=2))
        each.flush("key:a")
    assert written() == {("key:a", DAY): 6}


def test_no_request_of_many_threads_is_lost(meter: Meter, clock: Clock) -> None:
    def count(turn: int) -> None:
        meter.count(f"key:{turn % 3}", Counts(calls=1))
        if turn % 7 == 0:
            meter.give_back("key:0", number(DAY), meter.take("key:0", number(DAY)))
        if turn % 11 == 0:
            meter.flush("key:1")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(300)))
    meter.flush()
    assert written() == {(f"key:{each}", DAY): 100 for each in range(3)}


def test_counts_wait_while_the_store_does_not_answer(
    meter: Meter, monkeypatch: pytest.MonkeyPatch, unreachable: Callable[[], Session], caplog: pytest.LogCaptureFixture
) -> None:
    meter.count("key:a", Counts(calls=1))
    with monkeypatch.context() as without_store, caplog.at_level(logging.WARNING):
        without_store.setattr(main, "_connect", unreachable)
        meter.flush("key:a")
    assert "key:a waits" in caplog.text
    meter.count("key:a", Counts(calls=1))
    meter.flush()
    assert written() == {("key:a", DAY): 2}


def test_a_process_keeps_no_more_callers_than_it_can(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "MAX_WAITING", 2)
    for name in "abcd":
        meter.count(f"key:{name}", Counts(calls=1))
    assert written() == {("key:a", DAY): 1, ("key:b", DAY): 1}
    meter.flush()
    assert len(written()) == 4
    assert len(meter._announced) == 2


def test_another_table_has_other_counts(meter: Meter) -> None:
    from chalicelib import settings  # noqa: PLC0415

    meter.count("key:a", Counts(calls=1))
    with settings.override(table="another"):
        assert meter.take("key:a", number(DAY)) is None
    assert meter.take("key:a", number(DAY)) is None


def test_usage_is_kept_for_ninety_days(meter: Meter) -> None:
    meter.count("key:a", Counts(calls=1))
    meter.flush()
    for item in (*stored("rate#"), *stored("usage#")):
        assert item["_ttl"] == (number(DAY) + 91) * 86400


def listed(caller: str | None, first: str, last: str, limit: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    after: str | None = None
    while True:
        items, after = usage.page(caller, number(first), number(last), limit, after)
        assert len(items) <= limit
        found += [(item["day"], item["key"]) for item in items]
        if after is None:
            return found


@pytest.fixture
def days(meter: Meter, clock: Clock) -> list[tuple[str, str]]:
    """Three callers on some days, and a bucket without usage."""
    made = []
    for day in ("2026-11-01", "2026-11-02", "2026-11-30", "2027-01-05"):
        clock.set(f"{day}T12:00:00")
        for caller in ("anonymous", "key:a", "user:b"):
            meter.count(caller, Counts(calls=1))
            made.append((day, caller))
        meter.flush()
    counters.add("key:a", number("2026-11-15"), None, returned=5)
    return made


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_the_usage_of_all_is_listed_by_day_and_caller(days: list[tuple[str, str]], limit: int) -> None:
    assert listed(None, "2026-11-01", "2027-01-05", limit) == days
    assert listed(None, "2026-11-02", "2026-11-30", limit) == days[3:9]
    assert listed(None, "2027-01-01", "2026-01-01", limit) == []


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_the_usage_of_one_is_listed_by_day(days: list[tuple[str, str]], limit: int) -> None:
    own = [each for each in days if each[1] == "key:a"]
    assert listed("key:a", "2026-01-01", "2027-12-31", limit) == own
    assert listed("key:a", "2026-11-02", "2026-11-30", limit) == own[1:3]
    assert listed("key:nobody", "2026-01-01", "2027-12-31", limit) == []


def test_a_page_looks_at_a_month_at_most(days: list[tuple[str, str]]) -> None:
    with main.session.recording() as recorder:
        found, after = usage.page(None, number("2020-01-01"), number("2030-01-01"), 100, None)
    assert (found, recorder.operations) == ([], ["Query"] * 31)
    assert after is not None
