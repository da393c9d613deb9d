from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.access.leases import (
    ATTEMPTS,
    BURST,
    LONGEST,
    MOST,
    QUOTA,
    RECHECK,
    SECOND,
    SHORTEST,
    Ask,
    Limits,
    Purse,
    Refusal,
    Seen,
)

START = 1_800_000_000 * SECOND
FOREVER = START * 2


@dataclass
class Item:
    """What the store has of a bucket, and what it does when it is asked."""

    tat: int | None = None
    taken: int = 0
    calls: int = 0

    def seen(self, at: int) -> Seen:
        return Seen(self.tat or 0, self.tat is not None, self.taken, 0, at)

    def take(self, ask: Ask) -> bool:
        self.calls += 1
        if not self._allows(ask):
            return False
        if ask.start is not None:
            self.tat = ask.start
        elif ask.push is not None:
            assert self.tat is not None
            self.tat += ask.push
        if ask.most_taken is not None:
            self.taken += ask.cost
        return True

    def _allows(self, ask: Ask) -> bool:
        if ask.most_taken is not None and self.taken > ask.most_taken:
            return False
        if ask.start is not None:
            return self.tat is None or (ask.low is not None and self.tat < ask.low)
        return ask.push is None or (self.tat is not None and (ask.low or 0) <= self.tat <= (ask.high or 0))


@dataclass
class Container:
    """A process that may be interrupted before and after each of its calls."""

    item: Item
    purse: Purse
    pending: tuple[int, int, int, Ask] | None = None
    admitted: list[tuple[int, int]] = field(default_factory=list)
    refused: int = 0

    def step(self, tokens: int, now: int) -> None:
        """Begin with a request, or make the call that the one before takes."""
        if self.pending is None:
            if self.purse.spend(tokens, now):
                self.admitted.append((now, tokens))
            else:
                self._ask(tokens, now, 0)
            return
        wanted, at, attempt, ask = self.pending
        self.pending = None
        if self.item.take(ask):
            self.purse.granted(ask, self.item.seen(at), wanted)
            self.admitted.append((at, wanted))
        else:
            self.purse.denied(ask, self.item.seen(at))
            self._ask(wanted, at, attempt + 1)

    def request(self, tokens: int, now: int) -> bool:
        """A request from its beginning to its end."""
        before = len(self.admitted)
        self.step(tokens, now)
        while self.pending is not None:
            self.step(tokens, now)
        return len(self.admitted) > before

    def _ask(self, tokens: int, now: int, attempt: int) -> None:
        asked = self.purse.ask(tokens, now, attempt)
        if isinstance(asked, Refusal):
            self.refused += 1
        else:
            self.pending = (tokens, now, attempt, asked)


def containers(count: int, limits: Limits, item: Item | None = None) -> list[Container]:
    item = item or Item()
    return [Container(item, Purse(limits, item.seen(START), FOREVER, FOREVER)) for _ in range(count)]


def assert_within_bound(limits: Limits, admitted: Sequence[tuple[int, int]]) -> None:
    """Of no interval more than burst + rate · (its length + two leases)."""
    lowest = 0
    total = 0
    for at, tokens in sorted(admitted):
        # With the sum before a moment less what was earned until then, every interval is a difference of two.
        earned = total * limits.interval - (at - START)
        lowest = min(lowest, earned)
        total += tokens
        assert total * limits.interval - (at - START) - lowest <= limits.burst * limits.interval + 2 * limits.lease


rates = st.decimals(Decimal("0.01"), Decimal(5000), places=2).filter(bool)
bursts = st.integers(1, 300)


@settings(max_examples=150)
@given(
    rates,
    bursts,
    st.lists(st.tuples(st.integers(0, 19), st.integers(1, 8), st.integers(0, 3 * SECOND)), max_size=300),
    st.booleans(),
)
def test_never_more_are_admitted_than_stated_whatever_the_interleaving(
    rate: Decimal, burst: int, steps: list[tuple[int, int, int]], slowly: bool
) -> None:
    limits = Limits.of(rate, burst, None)
    some = containers(20, limits)
    now = START
    for number, tokens, pause in steps:
        now += pause if slowly else pause // 300
        some[number].step(min(tokens, burst), now)
    assert_within_bound(limits, [each for container in some for each in container.admitted])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("rate", "burst", "demand", "most_calls"),
    [
        (10, 50, 3, 0.6),
        (10, 50, 0.5, 1.2),
        (10, 50, 0.9, 1),
        (100, 100, 4, 1 / 8),
        (1000, 200, 1.2, 1 / 8),
        (5000, 5000, 0.9, 1 / 48),
    ],
)
def test_twenty_containers_under_load_keep_to_the_bound_and_get_their_rate(
    rate: int, burst: int, demand: float, most_calls: float, seed: int
) -> None:
    """``most_calls`` for each request: those that send little to each container ask for nearly every one."""
    chance = random.Random(seed)
    limits = Limits.of(Decimal(rate), burst, None)
    some = containers(20, limits)
    now, asked, seconds = START, 0, 30
    while now < START + seconds * SECOND:
        now += int(chance.expovariate(rate * demand) * SECOND)
        chance.choice(some).request(1, now)
        asked += 1
    admitted = [each for container in some for each in container.admitted]
    assert_within_bound(limits, admitted)
    assert len(admitted) >= 0.8 * min(asked, rate * seconds)
    assert some[0].item.calls <= most_calls * asked


@settings(max_examples=100)
@given(
    st.integers(1, 500),
    st.lists(st.tuples(st.integers(0, 19), st.integers(1, 8), st.integers(0, 20 * SECOND)), max_size=400),
    st.none() | rates,
)
def test_a_quota_is_never_exceeded(quota: int, steps: list[tuple[int, int, int]], rate: Decimal | None) -> None:
    limits = Limits.of(rate, 100 if rate else None, quota)
    some = containers(20, limits)
    now = START
    for number, tokens, pause in steps:
        now += pause
        some[number].step(min(tokens, quota), now)
    assert sum(tokens for container in some for _, tokens in container.admitted) <= quota
    assert some[0].item.taken <= quota


def test_a_quota_is_used_to_its_end_by_one_process() -> None:
    (only,) = containers(1, Limits.of(None, None, 1000))
    assert [only.request(1, START + n) for n in range(1200)] == [True] * 1000 + [False] * 200
    assert only.item.calls < 45


def test_what_a_lease_has_left_is_given_back_to_the_quota() -> None:
    item = Item()
    first, second = containers(2, Limits.of(None, None, 20), item)
    now = START
    for _ in range(6):
        assert first.request(1, now)
    assert item.taken > 6
    now += 2 * LONGEST
    first.request(1, now)
    assert item.taken == 7
    now += 2 * LONGEST
    assert sum(second.request(1, now) for _ in range(20)) == 13


def test_a_used_up_quota_is_looked_at_once_a_minute() -> None:
    item = Item(taken=5)
    (only,) = containers(1, Limits.of(None, None, 5), item)
    assert not any(only.request(1, START + n) for n in range(100))
    assert item.calls == 0
    item.taken = 4  # somebody has given one back
    assert only.request(1, START + RECHECK)
    assert item.calls == 1
    assert not only.request(1, START + 2 * RECHECK)


@pytest.mark.parametrize(("rate", "burst"), [(10, 50), (0.5, 3), (1000, 1000), (3, 1)])
def test_a_burst_goes_through_at_once_and_not_one_more(rate: float, burst: int) -> None:
    (only,) = containers(1, Limits.of(Decimal(str(rate)), burst, None))
    assert all(only.request(1, START) for _ in range(burst))
    assert not only.request(1, START)


@pytest.mark.parametrize(("rate", "burst"), [(10, 50), (0.5, 3), (1000, 100), (3, 1)])
def test_who_keeps_to_the_rate_is_never_refused(rate: float, burst: int) -> None:
    limits = Limits.of(Decimal(str(rate)), burst, None)
    (only,) = containers(1, limits)
    assert all(only.request(1, START + n * limits.interval) for n in range(2000))


def test_a_first_request_is_never_refused_while_others_only_hold_leases() -> None:
    item = Item()
    some = containers(20, Limits.of(Decimal(10), 50, None), item)
    assert all(each.request(1, START) for each in some)


def test_a_hot_bucket_takes_a_call_for_each_fifty_requests() -> None:
    (only,) = containers(1, Limits.of(Decimal(5000), 5000, None))
    for n in range(71):
        assert only.request(1, START + n)
    assert only.item.calls == 4
    for n in range(200):
        assert only.request(1, START + SECOND // 2 + n)
    assert only.item.calls == 8


def test_who_is_refused_is_refused_without_calls_until_it_is_worth_to_ask() -> None:
    (only,) = containers(1, Limits.of(Decimal(10), 50, None))
    while only.request(1, START):
        pass
    calls = only.item.calls
    assert not any(only.request(1, START + n * SECOND // 100) for n in range(99))
    assert only.item.calls == calls
    assert [only.request(1, START + SECOND) for _ in range(11)] == [True] * 10 + [False]


def test_a_large_request_that_is_refused_does_not_stop_small_ones() -> None:
    (only,) = containers(1, Limits.of(Decimal(1), 50, None))
    assert only.request(45, START)
    assert not only.request(10, START)
    assert only.request(3, START)
    assert not only.request(10, START)


def test_a_lease_ends() -> None:
    limits = Limits.of(Decimal(100), 500, None)
    (only,) = containers(1, limits)
    for _ in range(10):
        only.request(1, START)
    assert only.purse.left
    assert not only.purse.spend(1, START + limits.lease)
    assert only.purse.spend(1, START + limits.lease - 1)


def test_a_lease_does_not_go_on_into_the_next_day() -> None:
    purse = Purse(Limits.of(Decimal(100), 500, None), Seen(at=START), START + 5)
    for now in (START, START):
        ask = purse.ask(1, now)
        assert isinstance(ask, Ask)
        purse.granted(ask, Seen(), 1)
    assert purse.left
    assert not purse.spend(1, START + 5)


def test_idle_processes_take_one_token_and_busy_ones_take_more() -> None:
    limits = Limits.of(Decimal(1000), 1000, None)
    (only,) = containers(1, limits)
    for n in range(10):
        assert only.request(1, START + n * 2 * limits.lease)
    assert only.item.calls == 10


@pytest.mark.parametrize(
    ("rate", "burst", "lease", "most"),
    [(10, 50, 2.5, 25), (1000, 1000, 1, 50), (Decimal("0.01"), 10, 10, 1), (100, 10, 1, 10), (100, 1000, 5, 50)],
)
def test_leases_last_as_long_as_half_the_bucket_takes_to_fill(
    rate: Decimal, burst: int, lease: float, most: int
) -> None:
    limits = Limits.of(Decimal(rate), burst, None)
    assert limits.lease == lease * SECOND
    assert limits.most == most
    assert SHORTEST <= limits.lease <= LONGEST
    assert limits.most <= MOST


@given(rates, bursts)
def test_no_rate_is_rounded_in_the_callers_favour(rate: Decimal, burst: int) -> None:
    limits = Limits.of(rate, burst, None)
    assert limits.interval * rate >= SECOND
    assert (limits.interval - 1) * rate < SECOND


def test_a_plan_without_limits_is_none() -> None:
    assert Limits.of(None, None, None).is_unlimited
    assert Limits.of(None, None, None).largest is None
    assert not Limits.of(Decimal(1), 1, None).is_unlimited
    assert not Limits.of(None, None, 1).is_unlimited
    assert Limits.of(Decimal(1), 50, 20).largest == 20


def test_a_refusal_says_what_stands_in_the_way_and_until_when() -> None:
    item = Item()
    (only,) = containers(1, Limits.of(Decimal("0.1"), 1, 5), item)
    assert only.request(1, START)
    refused = only.purse.ask(1, START)
    assert refused == Refusal(BURST, START + 10 * SECOND)
    item.taken = 5
    (late,) = containers(1, Limits.of(Decimal(1000), 1, 5), item)
    refused = late.purse.ask(1, START + 60 * SECOND - 1)
    assert refused == Refusal(QUOTA, FOREVER)


@pytest.mark.parametrize(("rate", "policy"), [(Decimal(100), BURST), (None, QUOTA)])
def test_who_is_always_too_slow_gives_up(rate: Decimal | None, policy: str) -> None:
    purse = Purse(Limits.of(rate, 100, 100), Seen(at=START), FOREVER, FOREVER)
    attempt = 0
    while isinstance(ask := purse.ask(1, START, attempt), Ask):
        purse.denied(ask, Seen(START, rate is not None, 0, 0, START))
        attempt += 1
    assert ask == Refusal(policy, START + SECOND)
    assert attempt == ATTEMPTS


def test_what_is_left_of_a_lease_that_counted_for_no_quota_is_not_given_back_to_one() -> None:
    (only,) = containers(1, Limits.of(Decimal(1000), 1000, None))
    for _ in range(6):
        only.request(1, START)
    assert only.purse.left
    only.purse.change(Limits.of(None, None, 10), only.item.seen(START), FOREVER)
    assert sum(only.request(1, START + n * LONGEST) for n in range(50)) == 10


def test_what_may_have_been_given_back_is_not_given_back_again() -> None:
    (only,) = containers(1, Limits.of(None, None, 100))
    for _ in range(6):
        only.request(1, START)
    only.purse.ask(1, START + LONGEST)
    assert only.purse.returned()
    only.purse.lose()
    assert only.purse.returned() == 0


def test_other_limits_hold_from_the_next_lease_on() -> None:
    (only,) = containers(1, Limits.of(Decimal(1), 1, None))
    assert only.request(1, START)
    assert not only.request(1, START)
    only.purse.change(Limits.of(Decimal(1), 10, None), only.item.seen(START), FOREVER)
    assert sum(only.request(1, START) for _ in range(20)) == 9
