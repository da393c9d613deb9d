from __future__ import annotations

from itertools import count

import pytest

from chalicelib.access import clock, guesses, keys
from chalicelib.access.guesses import Guesses
from chalicelib.dynamo.tables import main

PLACE = ("table", "id")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [1000.0]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    return moment


def test_a_thousand_guesses_in_a_second_are_looked_up_some_twenty_times(now: list[float]) -> None:
    reads = count()
    tried: Guesses[int] = Guesses()
    for _ in range(1000):
        tried.stored(PLACE, lambda: next(reads))
        tried.note(PLACE)
    assert next(reads) == guesses.MOST + 1


def test_what_is_stored_is_seen_anew_every_second_and_always_once_the_guessing_was_long_ago(now: list[float]) -> None:
    tried: Guesses[int] = Guesses()
    for _ in range(guesses.MOST):
        tried.note(PLACE)
    assert [tried.stored(PLACE, lambda: 1), tried.stored(PLACE, lambda: 2)] == [1, 1]
    now[0] += guesses.KEPT_SECONDS
    assert tried.stored(PLACE, lambda: 3) == 3
    now[0] += guesses.SECONDS
    assert [tried.stored(PLACE, lambda: 4), tried.stored(PLACE, lambda: 5)] == [4, 5]


def test_other_ids_are_not_concerned(now: list[float]) -> None:
    tried: Guesses[int] = Guesses()
    for _ in range(guesses.MOST):
        tried.note(PLACE)
    other = ("table", "other")
    assert [tried.stored(other, lambda: 1), tried.stored(other, lambda: 2)] == [1, 2]


def test_a_key_that_is_guessed_at_stays_good_and_costs_next_to_no_calls(table: str) -> None:
    made = keys.create()
    with main.session.recording() as recorder:
        for _ in range(1000):
            assert keys.authenticate(keys.new_secret(made.id)) is None
    assert len(recorder.operations) < 40
    assert keys.authenticate(made.secret) is not None
