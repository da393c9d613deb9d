from __future__ import annotations

from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.access.principals import ANONYMOUS, Principal
from chalicelib.errors import InvalidCursor
from chalicelib.http import cursors
from tests.support.stores import law

CALLER = Principal("key:a", "key")


@law(60)
@given(st.text(min_size=1, max_size=40), st.text(max_size=10))
def test_a_cursor_leads_to_its_position(table: str, position: str, listing: str) -> None:
    cursor = cursors.dump(position, listing, CALLER)
    assert cursor is not None
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert cursors.load(cursor, listing, CALLER) == position


def test_the_end_has_no_cursor_and_no_cursor_is_the_beginning(table: str) -> None:
    assert cursors.dump(None, "l", CALLER) is None
    assert cursors.load(None, "l", CALLER) is None


def test_a_cursor_is_bound_to_its_listing_and_its_caller(table: str) -> None:
    cursor = cursors.dump("p", "list", CALLER)
    for listing, caller in (("list/", CALLER), ("", CALLER), ("list", ANONYMOUS), ("list", Principal("key:b", "key"))):
        with pytest.raises(InvalidCursor):
            cursors.load(cursor, listing, caller)


@law(150)
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.hex()))
def test_what_nobody_made_is_no_cursor(table: str, text: str) -> None:
    with pytest.raises(InvalidCursor):
        cursors.load(text, "l", CALLER)


def test_no_bit_of_a_cursor_can_be_changed(table: str) -> None:
    cursor = cursors.dump("position", "l", CALLER) or ""
    whole = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for index in range(len(cursor)):
        changed = cursor[:index] + ("A" if cursor[index] != "A" else "B") + cursor[index + 1 :]
        if urlsafe_b64decode(changed + "=" * (-len(changed) % 4)) != whole:
            with pytest.raises(InvalidCursor):
                cursors.load(changed, "l", CALLER)


@law(100)
@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_a_position_cannot_be_read_from_a_cursor(table: str, position: str, other: str) -> None:
    raw = _raw(cursors.dump(position, "l", CALLER))
    assert len(raw) == 16 + len(position.encode())
    assert position.encode() not in raw or len(position.encode()) < 3
    if position != other:
        size = min(len(position.encode()), len(other.encode()))
        streams = [
            bytes(a ^ b for a, b in zip(_raw(cursors.dump(each, "l", CALLER))[16:], each.encode(), strict=True))
            for each in (position, other)
        ]
        assert size < 4 or streams[0][:size] != streams[1][:size]  # what is known of one cursor opens no other


def test_alike_positions_have_unlike_cursors(table: str) -> None:
    made = [_raw(cursors.dump(f"record{number}", "l", CALLER)) for number in range(50)]
    for place in range(len(made[0])):
        assert len({raw[place] for raw in made}) > 10
    bob = Principal("key:b", "key")
    assert _raw(cursors.dump("record1", "l", bob)) != made[1] != _raw(cursors.dump("record1", "m", CALLER))


def test_cursors_of_the_form_of_before_are_none(table: str) -> None:
    """They had the position as it is, and were not encrypted."""
    for text in ("W251bGwsbnVsbCxudWxsLCJraW5kcmVj9I-_vyJdhyu8alqKrsvmHq9G28tbpw", "YWJj", "A" * 22, "", "é"):
        with pytest.raises(InvalidCursor):
            cursors.load(text, "l", CALLER)


def _raw(cursor: str | None) -> bytes:
    text = cursor or ""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
