"""Whether a caller may call now: the leases of this process, and the calls of the store that they take."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from chalicelib.access import counters, plans, usage, windows
from chalicelib.access.leases import BURST, SECOND, Purse, Refusal, Seen
from chalicelib.access.plans import Plan
from chalicelib.access.principals import ANONYMOUS_ID, Principal
from chalicelib.access.usage import Meter
from chalicelib.dynamo.errors import ConditionFailed
from chalicelib.dynamo.tables import main
from chalicelib.errors import QuotaExceeded, RateLimited, TooManyOperations, TooManyRequests

MAX_BUCKETS = 10_000
"""Buckets that a process knows of; the one that was not used for the longest time is forgotten."""


@dataclass(frozen=True)
class Admission:
    """A request may go on. ``headers`` tell its caller how many more may."""

    headers: Mapping[str, str]


UNLIMITED = Admission({})


@dataclass
class _Account:
    """A bucket as this process knows it. ``caller`` is whose usage is written with its leases, None for nobody's."""

    bucket: str
    caller: str | None
    lock: threading.Lock = field(default_factory=threading.Lock)
    plan: Plan | None = None
    day: int = -1
    purse: Purse | None = None


class Throttle:
    """The leases of a process. Safe to share between threads: those of one bucket wait for each other."""

    def __init__(self, clock: Callable[[], int] = time.time_ns, meter: Meter = usage.METER) -> None:
        self._clock, self._meter = clock, meter
        self._lock = threading.Lock()
        self._accounts: OrderedDict[tuple[str, str], _Account] = OrderedDict()

    def admit(self, principal: Principal, tokens: int, ip: str) -> Admission:
        """Let a request of so many operations pass, or refuse it. No call as long as the lease does.

        Raises:
            RateLimited, QuotaExceeded: not now (429). TooManyOperations: never so many at once (422).
        """
        plan = plans.of(principal)
        if plan is None or plan.limits.is_unlimited:
            return UNLIMITED
        most = plan.limits.largest
        if most is not None and tokens > most:
            raise TooManyOperations(tokens, most)
        account = self._account(principal, ip)
        with account.lock:
            now = self._clock()
            purse = self._purse(account, plan, now)
            if not purse.spend(tokens, now):
                refusal = self._lease(account, purse, tokens, now)
                if refusal is not None:
                    raise _problem(account, plan, purse, refusal, tokens, now)
            return Admission(_headers(plan, purse, account.day, now))

    def _account(self, principal: Principal, ip: str) -> _Account:
        anonymous = principal.kind == ANONYMOUS_ID
        bucket = f"ip:{network(ip)}" if anonymous else principal.id
        key = (main.name, bucket)
        with self._lock:
            account = self._accounts.get(key)
            if account is None:
                account = self._accounts[key] = _Account(bucket, None if anonymous else bucket)
                if len(self._accounts) > MAX_BUCKETS:
                    self._accounts.popitem(last=False)
            else:
                self._accounts.move_to_end(key)
            return account

    def _purse(self, account: _Account, plan: Plan, now: int) -> Purse:
        """The account's purse of today under this plan; one read when there is none yet, or the plan has changed."""
        day = windows.day_of(now)
        purse = account.purse
        if purse is not None and account.day == day:
            if account.plan is plan:
                return purse
            if account.plan is not None and (account.plan.limits, account.plan.period) == (plan.limits, plan.period):
                account.plan = plan
                return purse
        if account.day != day:
            self._settle(account)
        seen = _seen_of_days(account.bucket, plan, day, now)
        quota_end = windows.end(plan.period, day) * windows.DAY
        if purse is None or account.day != day:
            purse = Purse(plan.limits, seen, (day + 1) * windows.DAY, quota_end)
        else:
            purse.change(plan.limits, seen, quota_end)
        account.plan, account.day, account.purse = plan, day, purse
        return purse

    def _settle(self, account: _Account) -> None:
        """Give back what is left over from a day that has ended, where its quota has not."""
        purse, plan = account.purse, account.plan
        if purse is None or plan is None or plan.limits.quota is None or not purse.returned():
            return
        if windows.end(plan.period, account.day) > account.day + 1:
            counters.add(account.bucket, account.day, None, purse.returned(), _kept(account, plan))
            purse.left = purse.leftover = 0

    def _lease(self, account: _Account, purse: Purse, tokens: int, now: int) -> Refusal | None:
        """Take a lease for a request of so many tokens."""
        assert account.plan is not None  # noqa: S101 - it has a purse
        kept = _kept(account, account.plan)
        attempt = 0
        while True:
            ask = purse.ask(tokens, now, attempt)
            if isinstance(ask, Refusal):
                return ask
            counts = None if account.caller is None else self._meter.take(account.caller, account.day)
            try:
                stored = counters.take(account.bucket, account.day, ask, counts, kept)
            except BaseException as error:
                if account.caller is not None:
                    self._meter.give_back(account.caller, account.day, counts)
                if not isinstance(error, ConditionFailed):
                    purse.lose()
                    raise
                purse.denied(ask, _seen(counters.Day.from_item(error.item) if error.item else None, purse.seen, now))
                attempt += 1
            else:
                purse.granted(ask, _seen(stored, purse.seen, now), tokens)
                return None


def network(ip: str) -> str:
    """What an address is limited by: itself, or of IPv6 the /64 that one site has."""
    if ":" not in ip:
        return ip
    from ipaddress import IPv6Address, IPv6Network  # noqa: PLC0415 - few addresses are

    try:
        address = IPv6Address(ip)
    except ValueError:
        return ip
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, 64), strict=False))


def _seen_of_days(bucket: str, plan: Plan, day: int, now: int) -> Seen:
    first = windows.first(plan.period, day) if plan.limits.quota is not None else day
    today = windows.text(day)
    days = counters.read(bucket, min(first, day - 1), day)
    stored = next((each for each in days if each.day == today), None)
    earlier = sum(each.taken or 0 for each in days if windows.text(first) <= each.day < today)
    return _seen(stored, Seen(max((each.tat or 0 for each in days), default=0), earlier=earlier), now)


def _seen(stored: counters.Day | None, before: Seen, now: int) -> Seen:
    if stored is None:
        return Seen(before.tat, False, 0, before.earlier, now)
    return Seen(max(before.tat, stored.tat or 0), stored.tat is not None, stored.taken or 0, before.earlier, now)


def _kept(account: _Account, plan: Plan) -> int:
    """Days that the item is kept: for usage, or until the quota's period is over."""
    return counters.KEPT_DAYS if account.caller is not None else windows.end(plan.period, account.day) - account.day


def _problem(account: _Account, plan: Plan, purse: Purse, refusal: Refusal, tokens: int, now: int) -> TooManyRequests:
    reset = max(1, -((now - refusal.until) // SECOND))
    limits = plan.limits
    if refusal.policy == BURST:
        allowed = f"{plan.members['rate']} requests a second, and {limits.burst} at once"
        kind: type[TooManyRequests] = RateLimited
        policy, limit, remaining = BURST, limits.burst, purse.remaining(now)
    else:
        allowed, kind = f"{limits.quota} requests a {plan.period}", QuotaExceeded
        policy, limit, remaining = plan.period, limits.quota or 0, purse.remaining_quota()
    problem = kind(
        f"The plan {plan.id!r} allows {allowed}. Try again in {reset} s.",
        policy,
        limit=limit,
        remaining=min(remaining, tokens - 1),
        reset=reset,
    )
    problem.headers.update(_headers(plan, purse, account.day, now, problem))
    return problem


def _headers(plan: Plan, purse: Purse, day: int, now: int, refused: TooManyRequests | None = None) -> dict[str, str]:
    """``RateLimit-Policy`` and ``RateLimit``; of the limit that stands in the way as the problem has it."""
    limits = plan.limits
    policies, states = [], {}
    if limits.interval:
        remaining = purse.remaining(now)
        until_more = 0 if remaining >= limits.burst else -(-limits.interval // SECOND)
        policies.append(f'"{BURST}";q={limits.burst};w={-(-limits.interval * limits.burst // SECOND)}')
        states[BURST] = (remaining, until_more)
    if limits.quota is not None:
        first, end = windows.first(plan.period, day), windows.end(plan.period, day)
        policies.append(f'"{plan.period}";q={limits.quota};w={(end - first) * windows.DAY // SECOND}')
        states[plan.period] = (purse.remaining_quota(), max(0, -((now - end * windows.DAY) // SECOND)))
    if refused is not None:
        states[refused.extensions["violated-policies"][0]] = (
            refused.extensions["remaining"],
            refused.extensions["reset"],
        )
    shown = [f'"{name}";r={remaining};t={until}' for name, (remaining, until) in states.items()]
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(shown)}


_default = Throttle()
admit = _default.admit
"""The process's."""
