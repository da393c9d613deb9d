"""How often something may be tried: counters in the table, each for a stretch of time, that end by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, NoReturn

from chalicelib.access import clock
from chalicelib.dynamo.errors import ConditionFailed
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main
from chalicelib.errors import TooManyAttempts

if TYPE_CHECKING:
    from chalicelib.dynamo.updates import Update


class Attempts(Model, table=main):
    """A stored counter of one stretch of time. ``what`` is a hash: people type passwords where addresses belong."""

    what: Attr[str]
    window: Attr[int]
    count: Attr[int]
    ends_at: Attr[int] = field(name="_ttl")
    key = Key(pk="attempts#{what}", sk="{window}")


@dataclass(frozen=True)
class Limit:
    """So many attempts in a stretch of so many seconds; stretches begin at multiples of their length."""

    name: str
    most: int
    seconds: int

    def key(self, subject: str) -> dict[str, Any]:
        """The key of the counter of this moment."""
        what = sha256(f"{self.name}\0{subject}".encode()).hexdigest()
        return {"what": what, "window": int(clock.now()) // self.seconds}

    def take(self, subject: str) -> None:
        """Count an attempt. One call.

        Raises:
            TooManyAttempts: there were too many already; this one is not counted (429).
        """
        try:
            self._counted(subject).when(Attempts.count.missing() | (Attempts.count < self.most)).run("none")
        except ConditionFailed:
            self._refuse()

    def note(self, subject: str) -> None:
        """Count an attempt that was let through. One call."""
        self._counted(subject).run("none")

    def check(self, counter: Attempts | None) -> None:
        """Refuse where a counter that was read says so.

        Raises:
            TooManyAttempts: 429.
        """
        if counter is not None and counter.count >= self.most:
            self._refuse()

    def _counted(self, subject: str) -> Update[Attempts]:
        end = (int(clock.now()) // self.seconds + 1) * self.seconds
        return Attempts.upsert(**self.key(subject)).add(Attempts.count, 1).set(Attempts.ends_at, end)

    def _refuse(self) -> NoReturn:
        raise TooManyAttempts(self.most, self.seconds - int(clock.now()) % self.seconds)


def network(address: str) -> str:
    """What counts as one caller: an IPv4 address, or the 64 bits of an IPv6 address that a household has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    mapped = getattr(parsed, "ipv4_mapped", None)
    if mapped is not None or parsed.version == 4:  # noqa: PLR2004
        return str(mapped or parsed)
    return str(ip_network((parsed, 64), strict=False))
