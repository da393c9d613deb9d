from __future__ import annotations

from datetime import date, datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.access import windows

days = st.integers(0, 40_000)


def day(text: str) -> int:
    found = windows.parse(text)
    assert found is not None
    return found


@given(days)
def test_a_day_is_its_text(number: int) -> None:
    assert windows.parse(windows.text(number)) == number


@given(days, days)
def test_texts_sort_as_days_do(one: int, other: int) -> None:
    assert (windows.text(one) < windows.text(other)) == (one < other)


@pytest.mark.parametrize("text", ["", "2026-2-1", "2026-02-30", "20260201", "2026-W01-1", "tomorrow", "2026-02-01T00"])
def test_anything_else_is_none(text: str) -> None:
    assert windows.parse(text) is None


def test_a_day_ends_at_midnight_utc() -> None:
    midnight = int(datetime(2026, 11, 21, tzinfo=timezone.utc).timestamp()) * 1_000_000_000
    assert windows.text(windows.day_of(midnight)) == "2026-11-21"
    assert windows.text(windows.day_of(midnight - 1)) == "2026-11-20"


@pytest.mark.parametrize(
    ("period", "of", "first", "end"),
    [
        ("day", "2026-11-21", "2026-11-21", "2026-11-22"),
        ("week", "2026-11-21", "2026-11-16", "2026-11-23"),
        ("week", "2026-11-16", "2026-11-16", "2026-11-23"),
        ("week", "2026-11-22", "2026-11-16", "2026-11-23"),
        ("week", "2027-01-01", "2026-12-28", "2027-01-04"),
        ("month", "2026-12-31", "2026-12-01", "2027-01-01"),
        ("month", "2028-02-29", "2028-02-01", "2028-03-01"),
        ("month", "2027-02-01", "2027-02-01", "2027-03-01"),
    ],
)
def test_a_period_is_that_of_the_calendar(period: str, of: str, first: str, end: str) -> None:
    assert windows.text(windows.first(period, day(of))) == first
    assert windows.text(windows.end(period, day(of))) == end


@given(st.sampled_from(windows.PERIODS), days)
def test_periods_follow_each_other_without_a_gap(period: str, number: int) -> None:
    first, end = windows.first(period, number), windows.end(period, number)
    assert first <= number < end
    assert windows.first(period, end) == end
    assert windows.first(period, end - 1) == first


@given(days)
def test_a_week_begins_on_a_monday(number: int) -> None:
    assert date.fromisoformat(windows.text(windows.first("week", number))).isoweekday() == 1
