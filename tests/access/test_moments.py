from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.access import moments


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-21T18:00:00Z", 1795284000),
        ("2026-11-21t18:00:00.999z", 1795284000),
        ("2026-11-21 18:00:00.123456789+00:00", 1795284000),
        ("2026-11-21T19:30:00+01:30", 1795284000),
        ("2026-11-20T18:01:00-23:59", 1795284000),
        ("9999-12-31T23:59:59Z", 253402300799),
    ],
)
def test_a_date_time_is_a_second(text: str, seconds: int) -> None:
    assert moments.parse(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2026-11-21",
        "2026-11-21T18:00:00",
        "2026-11-21T18:00Z",
        "2026-11-21T18:00:00Z\n",
        "2026-02-30T18:00:00Z",
        "2026-11-21T18:00:60Z",
        "2026-11-21T18:00:00+24:00",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59-00:01",
        "٢٠٢٦-11-21T18:00:00Z",
    ],
)
def test_anything_else_is_no_moment(text: str) -> None:
    assert moments.parse(text) is None


@given(st.integers(0, 253402300799))
def test_a_text_is_read_back(seconds: int) -> None:
    assert moments.parse(moments.text(seconds)) == seconds
    assert moments.shown(seconds) == moments.text(seconds)


def test_no_moment_is_shown_as_none() -> None:
    assert moments.shown(None) is None
