from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.access.attempts import Attempts, Limit, network
from chalicelib.dynamo.tables import main
from chalicelib.errors import TooManyAttempts
from tests.support.clocks import Clock
from tests.support.stores import stored

LIMIT = Limit("test", 3, 600)


@pytest.fixture(autouse=True)
def _stopped(clock: Clock) -> None:
    clock.stop()


def test_attempts_are_let_through_up_to_the_limit_at_one_call_each(table: str) -> None:
    with main.session.recording() as recorder:
        for _ in range(3):
            LIMIT.take("ann")
        with pytest.raises(TooManyAttempts) as refused:
            LIMIT.take("ann")
    assert recorder.operations == ["UpdateItem"] * 4
    assert refused.value.headers["Retry-After"] == "599"
    LIMIT.take("bob")
    Limit("another", 3, 600).take("ann")


def test_the_next_stretch_of_time_begins_at_nothing(table: str, clock: Clock) -> None:
    for _ in range(3):
        LIMIT.take("ann")
    clock.move(600)
    LIMIT.take("ann")


def test_a_thousand_at_once_are_let_through_no_more_often(table: str) -> None:
    together = threading.Barrier(8)

    def tries(_: int) -> int:
        together.wait(10)
        passed = 0
        for _ in range(125):
            try:
                LIMIT.take("ann")
            except TooManyAttempts:
                continue
            passed += 1
        return passed

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(tries, range(8))) == 3
    assert [counter.count for counter in Attempts.scan().all()] == [3]


def test_what_was_noted_is_what_a_check_refuses(table: str) -> None:
    for _ in range(3):
        LIMIT.check(Attempts.get(consistent=True, **LIMIT.key("ann")))
        LIMIT.note("ann")
    with pytest.raises(TooManyAttempts):
        LIMIT.check(Attempts.get(consistent=True, **LIMIT.key("ann")))


def test_a_counter_ends_by_itself_and_does_not_say_whose_it_is(table: str, clock: Clock) -> None:
    LIMIT.take("ann@example.org")
    (item,) = stored("attempts#")
    assert "ann" not in str(item)
    assert item["_ttl"] % 600 == 0


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("nowhere", "nowhere"),
        ("", ""),
    ],
)
def test_a_household_is_one_caller(address: str, same: str) -> None:
    assert network(address) == same
