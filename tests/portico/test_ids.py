from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from portico.ids import row_id

times = st.integers(0, 2**47)
places = st.integers(0, 10**9)


@given(times, places, st.binary())
def test_a_row_id_is_a_uuid_of_version_7_with_the_files_time(base_ms: int, index: int, content: bytes) -> None:
    value = uuid.UUID(row_id(base_ms, index, content))
    assert (value.version, value.variant) == (7, uuid.RFC_4122)
    assert value.int >> 80 == base_ms + index // 4096
    assert row_id(base_ms, index, content) == str(value)


@given(times, places, places, st.binary(), st.binary())
def test_ids_are_in_the_order_of_the_rows(base_ms: int, one: int, other: int, first: bytes, second: bytes) -> None:
    if one != other:
        assert (row_id(base_ms, one, first) < row_id(base_ms, other, second)) == (one < other)


@given(times, places, st.binary(), st.binary())
def test_other_content_has_another_id(base_ms: int, index: int, one: bytes, other: bytes) -> None:
    assert (row_id(base_ms, index, one) == row_id(base_ms, index, other)) == (one == other)
