"""The arithmetic of throttling: a bucket that many processes share, and what each takes from it in advance.

The bucket is a leaky one as a meter (GCRA): a single moment, the *theoretical arrival time* (TAT), by which all that
was taken will have been earned at the plan's rate. A process takes some tokens at once, its *lease*, and spends them
by itself until the lease ends. ``docs/limits.md`` derives from it what callers can get at most.

Pure: moments are nanoseconds since 1970 and are given. Calls of the store are values too: an ``Ask`` says what has to
hold of the stored numbers and what becomes of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from functools import cached_property

SECOND = 1_000_000_000
MOST = 50
"""Tokens that a process takes at once at most, beyond what a request of its own needs."""
SHORTEST, LONGEST = SECOND, 10 * SECOND
"""How long a lease lasts: as long as half the bucket takes to fill, within these."""
GROWTH = 4
"""How many times more a process takes at most that has spent its lease before the end."""
RECHECK = 60 * SECOND
"""How long a used up quota is taken for used up without looking: what others had left over is given back to it."""
ATTEMPTS = 8
"""How often a process asks for one request, when others were faster each time."""
BURST, QUOTA = "burst", "quota"


@dataclass(frozen=True)
class Limits:
    """What a plan allows: tokens ``interval`` nanoseconds apart, ``burst`` at once, ``quota`` within its period.

    An interval of 0 is no limit of the rate, a quota of None none of the sum.
    """

    interval: int = 0
    burst: int = 0
    quota: int | None = None

    @classmethod
    def of(cls, rate: Decimal | None, burst: int | None, quota: int | None) -> Limits:
        """The limits of so many tokens a second; the interval is rounded up, so that never more are allowed."""
        if rate is None or burst is None:
            return cls(quota=quota)
        return cls(int((SECOND / rate).to_integral_value(ROUND_CEILING)), burst, quota)

    @property
    def is_unlimited(self) -> bool:
        """Whether nothing is limited."""
        return not self.interval and self.quota is None

    @cached_property
    def lease(self) -> int:
        """How long a lease lasts. A bucket that was used within such a time may also be so much fuller than full."""
        return min(max(self.interval * self.burst // 2, SHORTEST), LONGEST) if self.interval else LONGEST

    @cached_property
    def most(self) -> int:
        """Tokens that a process takes in advance: what is lost when it does not come back is soon earned again."""
        return max(1, min(MOST, self.burst, self.lease // self.interval)) if self.interval else MOST

    @cached_property
    def largest(self) -> int | None:
        """Tokens that one request can have; None when there is no end."""
        ends = [self.burst] if self.interval else []
        return min([*ends, *([self.quota] if self.quota is not None else [])], default=None)

    def base(self, tat: int, now: int) -> int:
        """The moment from which on tokens are counted that are taken now."""
        return tat if tat >= now - self.lease else now

    def there(self, tat: int, now: int) -> int:
        """Tokens that the bucket has. Of an older TAT that is used it can only be more than there are."""
        return (now + self.burst * self.interval - self.base(tat, now)) // self.interval

    def when(self, tat: int, tokens: int) -> int:
        """When the bucket has so many tokens, if nobody takes any."""
        return tat + (tokens - self.burst) * self.interval


@dataclass(frozen=True)
class Seen:
    """What a process has last seen of the stored numbers.

    tat: the theoretical arrival time, 0 if there is none. is_stored: whether it is in the item of this day, or an
        earlier day's. taken: of the quota on this day, and ``earlier`` within the quota's period. at: the moment.
    """

    tat: int = 0
    is_stored: bool = False
    taken: int = 0
    earlier: int = 0
    at: int = 0


@dataclass(frozen=True)
class Ask:
    """A call of the store, which does it all or nothing.

    The stored TAT has to be from ``low`` to ``high`` and becomes greater by ``push``; or, with ``start``, missing, or
    less than ``low`` if that is given, and becomes ``start``. What is taken has to be at most ``most_taken`` and
    becomes greater by ``cost``. None: not looked at, and not changed.
    """

    tokens: int
    at: int
    cost: int
    low: int | None = None
    high: int | None = None
    push: int | None = None
    start: int | None = None
    most_taken: int | None = None


@dataclass(frozen=True)
class Refusal:
    """Nothing for this request. ``until`` is when it is worth to try again; ``policy`` is what stands in the way."""

    policy: str
    until: int


class Purse:
    """What one process has of one bucket on one day, which ends with ``day_end``. For one thread at a time.

    A request is ``spend``, and if that does not do, ``ask`` until it is ``granted`` or a ``Refusal``.
    """

    def __init__(self, limits: Limits, seen: Seen, day_end: int, quota_end: int = 0) -> None:
        self.limits, self.seen, self.day_end, self.quota_end = limits, seen, day_end, quota_end
        self.left = 0
        self.leftover = 0
        """Of leases that have ended, for the quota to be given back."""
        self._began = self._ends = self._taken = 0
        self._size = 1
        self._wanted = 1
        self._short = 0
        """How often in a row the bucket had less than was wanted."""
        self._shared = False
        """Whether others used the bucket when this process thought that nobody had."""
        self._refusal: tuple[int, Refusal] | None = None

    def spend(self, tokens: int, now: int) -> bool:
        """Whether the lease has so many; they are spent then."""
        if now >= self._ends or self.left < tokens:
            return False
        self.left -= tokens
        return True

    def ask(self, tokens: int, now: int, attempt: int = 0) -> Ask | Refusal:
        """What to ask the store for a request of so many tokens that the lease does not have, or that it is in vain."""
        self._end_lease(now)
        need = tokens - self.left
        if self._refusal is not None and now < self._refusal[1].until and need >= self._refusal[0]:
            return self._refusal[1]
        there = self.limits.there(self.seen.tat, now) if self.limits.interval else need + MOST
        if attempt == ATTEMPTS:
            return Refusal(BURST if self.limits.interval else QUOTA, now + SECOND)
        if there < need:
            return self._refuse_burst(need, now)
        self._wanted = max(need, self._size)
        room = self._room()
        if room is None:
            return self._asking(max(need, min(self._size >> attempt, there)), now, attempt)
        if room >= need:
            return self._asking(max(need, min(self._size >> attempt, there, room // GROWTH)), now, attempt)
        if now < self.seen.at + RECHECK:
            return Refusal(QUOTA, self.quota_end)
        return self._asking(need, now, attempt)

    def granted(self, ask: Ask, seen: Seen, tokens: int) -> None:
        """The store did as asked, for a request of so many tokens."""
        self.seen = seen
        self._refusal = None
        self.left += ask.tokens - tokens
        self._taken, self._began = ask.tokens, ask.at
        self._ends = min(ask.at + self.limits.lease, self.day_end)
        self.leftover = 0
        if self.limits.interval and self.limits.there(seen.tat, ask.at) < self._wanted - ask.tokens:
            self._refuse_burst(1, ask.at)
        else:
            self._short = 0

    def denied(self, ask: Ask, seen: Seen) -> None:
        """The store did nothing, because it has other numbers than those that were expected."""
        if ask.start is not None or (ask.low is not None and seen.tat < ask.low):
            self._shared = ask.start is not None
        self.seen = seen

    def change(self, limits: Limits, seen: Seen, quota_end: int) -> None:
        """Go on under other limits, with what the lease has left unless it counts for a quota only now."""
        if self.limits.quota is None:
            self.left = 0
        self.limits, self.seen, self.quota_end = limits, seen, quota_end
        self._refusal = None
        self._size = 1

    def remaining(self, now: int) -> int:
        """Tokens that the lease and, as far as is known, the bucket have; never more than the burst."""
        held = self.left if now < self._ends else 0
        return min(self.limits.burst, held + max(0, self.limits.there(self.seen.tat, now)))

    def remaining_quota(self) -> int:
        """What, as far as is known, is left of the quota."""
        return max(0, self._room() or 0) + self.left

    def lose(self) -> None:
        """Nobody knows whether the store did as asked: what was to be given back may have been."""
        self.leftover = 0

    def returned(self) -> int:
        """What is to be given back to the quota when the day is over."""
        return self.leftover + self.left

    def _end_lease(self, now: int) -> None:
        """Give up what an ended lease has left, and choose how much to take next: as the last one was used."""
        if now >= self._ends:
            self.leftover += self.left
            if self._taken:
                self._size = max(1, min(self._taken - self.left, self.limits.most))
            self.left = 0
        elif self._taken:
            in_half_a_lease = self._taken * self.limits.lease // (2 * max(1, now - self._began))
            self._size = max(1, min(in_half_a_lease, self._size * GROWTH, self.limits.most))
        self._taken = 0

    def _room(self) -> int | None:
        if self.limits.quota is None:
            return None
        return self.limits.quota - self.seen.earlier - self.seen.taken + self.leftover

    def _asking(self, tokens: int, now: int, attempt: int) -> Ask:
        limits, seen, cost = self.limits, self.seen, tokens - self.leftover
        most_taken = None if limits.quota is None else limits.quota - seen.earlier - cost
        if not limits.interval:
            return Ask(tokens, now, cost, most_taken=most_taken)
        push, low = tokens * limits.interval, now - limits.lease
        if seen.tat < low and not (self._shared and seen.is_stored and attempt == 0):
            return Ask(tokens, now, cost, low=low, start=now + push, most_taken=most_taken)
        if not seen.is_stored:
            return Ask(tokens, now, cost, start=seen.tat + push, most_taken=most_taken)
        high = now + limits.burst * limits.interval - push
        return Ask(tokens, now, cost, low=low, high=high, push=push, most_taken=most_taken)

    def _refuse_burst(self, need: int, now: int) -> Refusal:
        """Nothing more until there can be enough to be worth a call, the later the more often there was not.

        Enough is what is taken at once, or what is earned in a second; at the latest it is asked after a lease's time.
        """
        limits = self.limits
        enough = max(need, min(limits.most, SECOND // limits.interval))
        pause = max(enough * limits.interval, min(enough * limits.interval << self._short, limits.lease))
        until = max(limits.when(self.seen.tat, enough), min(now + pause, limits.when(self.seen.tat, limits.burst)))
        self._short = min(self._short + 1, ATTEMPTS)
        refusal = Refusal(BURST, max(until, now + 1))
        self._refusal = (need, refusal)
        return refusal
