"""Writes that take more than one call to say: read, decide, write on the version that was read, together or not at all.

A ``Change`` is one record's old and new state. ``commit`` writes changes, their unique markers and an idempotency
record in one transaction (or one plain call when there is only a record), and says whether they have to be decided
anew.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib.collections import idempotency, unique
from chalicelib.collections.record import Outcome, Record, absent, alive, unstorable
from chalicelib.dynamo.errors import ConditionFailed, Item, Rejected, TransactionFailed, Unstorable
from chalicelib.dynamo.expressions import Condition
from chalicelib.dynamo.tables import main
from chalicelib.dynamo.transactions import MAX_ACTIONS, Transaction
from chalicelib.errors import (
    Failure,
    IdempotencyInFlight,
    UniqueViolation,
    Unprocessable,
    ValidationFailed,
    WriteContention,
)

if TYPE_CHECKING:
    from chalicelib.collections.definitions import Collection
    from chalicelib.collections.idempotency import Once

ATTEMPTS = 12
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.32


@dataclass(frozen=True)
class Change:
    """One record before and after: ``old`` is None when there was none, ``new`` is None for a deletion.

    With ``new is old`` nothing is written and the record only has to be still the same.
    """

    collection: Collection
    id: str
    old: Record | None
    new: Record | None

    def outcome(self) -> Outcome:
        """What the change does, for its answer."""
        document = self.new.document() if self.new is not None else None
        return Outcome(document, created=self.old is None and self.new is not None)

    def check_storable(self) -> None:
        """Refuse a value that DynamoDB has no place for, before the change is one of many.

        Raises:
            ValidationFailed: 422.
        """
        if self.new is not None and self.new is not self.old:
            try:
                self.new.to_item()
            except Unstorable as error:
                raise unstorable(error) from None

    def unchanged(self) -> Condition:
        """That the stored record is still the one that the change was decided on."""
        if self.old is None:
            return absent(self.collection)
        # A record that was deleted and made again counts its versions from 1 again, so the version alone does not tell.
        same = (Record.version == self.old.version) & (Record.created_at == self.old.created_at)
        kept = unique.kept(self.collection, self.old.doc)
        return alive(self.collection) & (same if kept is None else same & kept)


class Stale(Exception):
    """What a change was decided on is no longer so; nothing was written."""


class Replayed(Exception):
    """The request was carried out before; ``outcomes`` are those of the first time."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        super().__init__("carried out before")
        self.outcomes = outcomes


@dataclass
class _Commit:
    """The actions of one transaction, each with what its failure means."""

    once: Once | None
    transaction: Transaction = field(default_factory=Transaction)
    meanings: list[tuple[str, str, int]] = field(default_factory=list)

    def add_record(self, change: Change, number: int) -> None:
        key = {"partition": change.collection.partition(change.id), "id": change.id}
        if change.new is change.old:
            self.transaction.check(Record, change.unchanged(), **key)
        elif change.new is None:
            self.transaction.delete(Record, when=change.unchanged(), **key)
        else:
            self.transaction.put(change.new, change.unchanged())
        self.meanings.append(("record", change.id, number))

    def add_markers(self, changes: Sequence[Change]) -> None:
        """Claim the values that records now have, give back those that they had.

        A value that goes from one record to another within the same transaction is claimed from that one.
        """
        now = int(time.time())
        claimed: dict[str, tuple[Change, str, int]] = {}
        released: dict[str, Change] = {}
        for number, change in enumerate(changes):
            before = unique.claims(change.collection, change.old.doc if change.old is not None else None)
            after = unique.claims(change.collection, change.new.doc if change.new is not None else None)
            for partition, name in after.items():
                if partition in claimed:
                    raise UniqueViolation([name], change=number)
                if partition not in before or _expiry_moved(change):
                    claimed[partition] = (change, name, number)
            released.update({partition: change for partition in before if partition not in after})
        for partition, (change, name, number) in claimed.items():
            holder = released.pop(partition, change)
            marker = unique.Marker(
                partition=partition, record=change.id, expires_at=change.new.expires_at if change.new else None
            )
            self.transaction.put(marker, unique.free_for(holder.id, now))
            self.meanings.append(("claim", name, number))
        for partition, change in released.items():
            self.transaction.delete(unique.Marker, when=unique.held_by(change.id), partition=partition)
            self.meanings.append(("release", partition, 0))

    def add_once(self, outcomes: list[Outcome]) -> None:
        if self.once is not None:
            self.transaction.put(self.once.record(outcomes), idempotency.unused())
            self.meanings.append(("once", self.once.key, 0))

    def run(self) -> None:
        if len(self.meanings) > MAX_ACTIONS:
            raise Unprocessable(
                f"With unique values and the Idempotency-Key the transaction would take {len(self.meanings)} actions; "
                f"DynamoDB takes {MAX_ACTIONS}. Use fewer operations."
            )
        try:
            self.transaction.run()
        except TransactionFailed as error:
            self._explain(error)
        except Rejected as error:
            raise _refused(str(error)) from error

    def _explain(self, error: TransactionFailed) -> None:
        """Raise what a canceled transaction means: carried out before, a taken value, or to be decided anew."""
        failed = [
            (meaning, reason)
            for meaning, reason in zip(self.meanings, error.reasons, strict=False)
            if reason.code == "ConditionalCheckFailed"
        ]
        for (kind, _, _), reason in failed:
            if kind == "once" and self.once is not None and reason.item is not None:
                outcomes = self.once.replay(reason.item)
                if outcomes is not None:
                    raise Replayed(outcomes)
        if any(kind == "record" for (kind, _, _), _ in failed):
            raise Stale
        taken = [(number, name) for (kind, name, number), _ in failed if kind == "claim"]
        if taken:
            first = min(number for number, _ in taken)
            raise UniqueViolation([name for number, name in taken if number == first], change=first)
        if not failed and not error.contended:
            raise _refused(", ".join(reason.message for reason in error.reasons if reason.failed))
        raise Stale


def _refused(said: str) -> ValidationFailed:
    return ValidationFailed([Failure(pointer="", detail=f"was refused by the store: {said}")])


def _expiry_moved(change: Change) -> bool:
    old, new = change.old, change.new
    return old is not None and new is not None and old.expires_at != new.expires_at


def commit(changes: Sequence[Change], outcomes: list[Outcome], once: Once | None) -> None:
    """Write the changes, all or none.

    Raises:
        Stale: a record is not what its change was decided on.
        Replayed: the request was carried out before.
        UniqueViolation: another record has a value (409).
        ValidationFailed: a value cannot be stored (422).
    """
    made = _Commit(once)
    try:
        for number, change in enumerate(changes):
            made.add_record(change, number)
        made.add_markers(changes)
        made.add_once(outcomes)
        if len(made.meanings) == 1:
            _write_alone(changes[0])
        else:
            made.run()
    except Unstorable as error:
        raise unstorable(error) from error


def _write_alone(change: Change) -> None:
    try:
        if change.new is not None:
            change.new.put(change.unchanged())
        else:
            Record.delete(when=change.unchanged(), partition=change.collection.partition(change.id), id=change.id)
    except ConditionFailed:
        raise Stale from None
    except Rejected as error:
        raise _refused(str(error)) from error


def read_together(places: Sequence[tuple[Collection, str]], once: Once | None) -> list[Record | None]:
    """The live records at these places, in order, as they are now.

    Raises:
        Replayed, IdempotencyMismatch: as ``commit``.
    """
    keys = [Record.key.item({"partition": c.partition(record_id), "id": record_id}) for c, record_id in places]
    if once is None and len(keys) == 1:
        item = main.read(keys[0])
        found = [item] if item else []
    else:
        from chalicelib.dynamo import batches  # noqa: PLC0415 - most reads are of one record

        wanted = [*keys, idempotency.StoredOutcomes.key.item({"partition": once.partition})] if once else keys
        found = batches.get_items(main, wanted)
    by_key: dict[tuple[str, str], Item] = {(item["pk"]["S"], item["sk"]["S"]): item for item in found}
    if once is not None and (once.partition, "-") in by_key:
        outcomes = once.replay(by_key[once.partition, "-"])
        if outcomes is not None:
            raise Replayed(outcomes)
    now = time.time()
    return [live(by_key.get((key["pk"]["S"], key["sk"]["S"])), now) for key in keys]


def live(item: Item | None, now: float) -> Record | None:
    """The record of a stored item, None when there is none or its time is over."""
    record = Record.from_item(item) if item is not None else None
    return None if record is None or record.is_gone(now) else record


def until_committed(attempt: Callable[[], list[Outcome]], once: Once | None = None) -> list[Outcome]:
    """Call ``attempt`` until what it decided on held; the outcomes of that, or of the request's first time.

    Raises:
        WriteContention: others kept changing the same records (409).
        IdempotencyInFlight: the same request kept being in the way (409).
    """
    pause = _FIRST_PAUSE
    for _ in range(ATTEMPTS):
        try:
            return attempt()
        except Replayed as replayed:
            return replayed.outcomes
        except Stale:
            time.sleep(random.uniform(0, pause))  # noqa: S311 - spreads writers, keeps no secret
            pause = min(pause * 2, _LONGEST_PAUSE)
    raise IdempotencyInFlight if once is not None else WriteContention


UNSEEN: Item = {}
"""In place of a stored item: it has not been read."""


def change_one(
    collection: Collection,
    record_id: str,
    decide: Callable[[Record | None], Record | None],
    once: Once | None = None,
    *,
    seen: Item | None = UNSEEN,
) -> Outcome:
    """Read a record, decide what it becomes, write it; again when it changed in between.

    ``decide`` gets the live record or None, and gives the new one, or None to delete it. What it raises ends it.
    ``seen`` is the stored item as a refused write has just shown it, which spares the first reading.
    """
    unread = [seen] if seen is not UNSEEN else []

    def attempt() -> list[Outcome]:
        if unread:
            old = live(unread.pop(), time.time())
        else:
            (old,) = read_together([(collection, record_id)], once)
        change = Change(collection, record_id, old, decide(old))
        outcomes = [change.outcome()]
        commit([change], outcomes, once)
        return outcomes

    return until_committed(attempt, once)[0]
