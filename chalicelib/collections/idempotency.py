"""Idempotency-Key: a write's outcome, kept in the same transaction as the write, and given again for 24 hours.

Source of the behaviour: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from chalicelib.collections.record import Outcome
from chalicelib.dynamo.expressions import Condition
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main
from chalicelib.errors import IdempotencyMismatch, ItemTooLarge
from chalicelib.schema import json_text

if TYPE_CHECKING:
    from chalicelib.dynamo.errors import Item

KEPT_SECONDS = 24 * 3600
MAX_OUTCOMES_BYTES = 390_000
"""An item has 400 KB; the rest is for its key and fingerprint."""


class StoredOutcomes(Model, table=main):
    """What a request with a key did. ``outcomes`` is JSON text: ``[{"document": …, "created": …}, …]``."""

    partition: Attr[str] = field(name="pk")
    fingerprint: Attr[str]
    outcomes: Attr[str]
    expires_at: Attr[int] = field(name="_ttl")
    key = Key(pk="{partition}", sk="-")


@dataclass(frozen=True)
class Once:
    """A request that is to happen once: who sent it, its key, and the hash of what it asks for."""

    principal: str
    key: str
    fingerprint: str

    @property
    def partition(self) -> str:
        """The partition key of its stored outcomes."""
        return f"once#{self.principal}#{self.key}"

    def part(self, number: int) -> Once:
        """One of several operations of the same request, each of which is to happen once.

        No caller's own key has a space, so no part has one's name.
        """
        return Once(self.principal, f"{self.key} {number}", self.fingerprint)

    def record(self, outcomes: list[Outcome]) -> StoredOutcomes:
        """What is to be stored beside the writes.

        Raises:
            ItemTooLarge: the outcomes do not fit into an item (422).
        """
        listed = json_text.dump([{"document": outcome.document, "created": outcome.created} for outcome in outcomes])
        if len(listed.encode()) > MAX_OUTCOMES_BYTES:
            raise ItemTooLarge(
                "The answer would be larger than what can be kept for the Idempotency-Key (390 KB); "
                "send less at once, or without the key."
            )
        return StoredOutcomes(
            partition=self.partition,
            fingerprint=self.fingerprint,
            outcomes=listed,
            expires_at=int(time.time()) + KEPT_SECONDS,
        )

    def replay(self, item: Item) -> list[Outcome] | None:
        """The outcomes of the first request, None when they have ended.

        Raises:
            IdempotencyMismatch: the key was used for another request (422).
        """
        stored = StoredOutcomes.from_item(item)
        if stored.expires_at <= time.time():
            return None
        if stored.fingerprint != self.fingerprint:
            raise IdempotencyMismatch
        return [Outcome(each["document"], each["created"]) for each in json_text.parse(stored.outcomes.encode())]


def unused() -> Condition:
    """That a key has not been used, or not within the last 24 hours."""
    return StoredOutcomes.partition.missing() | (StoredOutcomes.expires_at <= int(time.time()))


def once(principal: str, key: str, *request: bytes) -> Once:
    """The identity of a request with a key; ``request`` is all that a repetition must have in common with it."""
    return Once(principal, key, sha256(b"\0".join(request)).hexdigest())
