from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.access import opaque

FORM = opaque.form("px", "[0-9a-f]{4}", "[0-9a-f]{2}")


def test_a_token_has_its_ids_in_it() -> None:
    assert opaque.ids_of(opaque.make("px", "0a1b", "2c"), FORM) == ("0a1b", "2c")
    assert opaque.ids_of(opaque.make("px"), opaque.form("px")) == ()


def test_no_two_tokens_are_the_same_unless_their_secret_is() -> None:
    assert opaque.make("px") != opaque.make("px")
    assert opaque.make("px", secret=b"s" * 32) == opaque.make("px", secret=b"s" * 32)


@given(st.integers(0, 61), st.characters(codec="utf-8"))
def test_one_wrong_character_is_noticed(place: int, wrong: str) -> None:
    text = opaque.make("px", "0a1b", "2c", secret=b"s" * 32)
    typed = text[:place] + wrong + text[place + 1 :]
    assert (opaque.ids_of(typed, FORM) is None) == (typed != text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "px",
        "x" * 5000,
        opaque.make("py", "0a1b", "2c", secret=b"s" * 32),
        opaque.make("px", "0a1b", secret=b"s" * 32),
    ],
)
def test_a_text_of_another_form_is_no_token(text: str) -> None:
    assert opaque.ids_of(text, FORM) is None


def test_what_is_stored_does_not_give_the_token_away() -> None:
    text = opaque.make("px")
    assert opaque.digest(text) not in text
    assert len(opaque.digest(text)) == 64
