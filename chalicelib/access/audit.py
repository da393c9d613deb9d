"""The audit trail: who changed what of the deployment, when, from where; an entry for every administrative change.

An entry is written in the transaction of its change (``entry``), or right after it (``record``). Records of collections
are not in it: their changes are the change log's.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from chalicelib.access import clock
from chalicelib.collections import ids
from chalicelib.dynamo.errors import DynamoError
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main
from chalicelib.errors import StoreUnavailable
from chalicelib.schema import json_text

if TYPE_CHECKING:
    from chalicelib.dynamo.query import Page

log = logging.getLogger(__name__)

KEPT_DAYS = 400
"""How long an entry is kept: a year, and time to look at it."""
MAX_BYTES = 150_000
"""The most of a document that an entry has; two of them and the rest fit in an item (400 KB)."""
Action = Literal[
    "collection.created",
    "collection.updated",
    "collection.deleted",
    "key.created",
    "key.updated",
    "key.rotated",
    "key.revoked",
    "plan.created",
    "plan.updated",
    "plan.deleted",
    "user.updated",
    "user.deleted",
    "invitation.created",
    "signing_key.rotated",
]
ACTIONS: tuple[str, ...] = get_args(Action)
NEVER = frozenset({"secret", "hash", "password", "token", "private"})
"""Members that are left out, should a caller ever give one; documents are given as the API shows them."""


class Entry(Model, table=main):
    """A stored entry. Its id is a UUIDv7: entries are in the order of time. ``before`` and ``after`` are JSON texts."""

    id: Attr[str] = field(name="sk")
    at: Attr[str]
    principal: Attr[str]
    action: Attr[str]
    subject: Attr[str]
    before: Attr[str | None] = field(default=None)
    after: Attr[str | None] = field(default=None)
    ip: Attr[str | None] = field(default=None)
    request_id: Attr[str | None] = field(default=None)
    ends_at: Attr[int] = field(name="_ttl")
    key = Key(pk="audit", sk="{id}")

    def document(self) -> dict[str, Any]:
        """The entry as the API shows it."""
        shown = ("id", "at", "principal", "action", "subject", "ip", "request_id")
        changed = {name: _loaded(getattr(self, name)) for name in ("before", "after")}
        return {**{name: getattr(self, name) for name in shown}, **changed}


@dataclass(frozen=True)
class Author:
    """Who makes a change: the principal's id, and the request that it is made with."""

    principal: str
    ip: str | None = None
    request_id: str | None = None


Document = Mapping[str, Any] | None
"""What the API shows of a subject; None where there was nothing, or is nothing any more."""


def entry(author: Author, action: Action, subject: str, before: Document = None, after: Document = None) -> Entry:
    """An entry that is not stored yet, for the transaction of the change itself.

    subject: what was changed, ``kind:id``.
    """
    kept_before, kept_after = _kept(before, after)
    return Entry(
        id=ids.new_id(),
        at=ids.timestamp(),
        principal=author.principal,
        action=action,
        subject=subject,
        before=kept_before,
        after=kept_after,
        ip=author.ip,
        request_id=author.request_id,
        ends_at=int(clock.now()) + KEPT_DAYS * 24 * 3600,
    )


def record(author: Author, action: Action, subject: str, before: Document = None, after: Document = None) -> None:
    """Write an entry of a change that has just been made. One call.

    The change has happened, so its request does not fail if this does: the log has the entry then.
    """
    made = entry(author, action, subject, before, after)
    try:
        made.create()
    except (DynamoError, StoreUnavailable):
        log.exception("an entry of the audit trail is not stored: %s", json_text.dump(made.document()))


def page(
    limit: int,
    after: str | None,
    *,
    first: int | None = None,
    last: int | None = None,
    principal: str | None = None,
    subject: str | None = None,
) -> Page[Entry]:
    """Entries, the newest first, of some UTC days, by one principal, about one subject.

    after: the id of the entry that the page begins after. A page can have fewer than ``limit`` though there are more.
    """
    bounds = [_beginning(last + 1)] if last is not None else []
    bounds += [after] if after is not None else []
    query = Entry.query().descending().consistent()
    if bounds:
        query = query.where(Entry.id < min(bounds))
    if first is not None:
        query = query.where(Entry.id >= _beginning(first))
    if principal is not None:
        query = query.where(Entry.principal == principal)
    if subject is not None:
        query = query.where(Entry.subject == subject)
    return query.page(limit)


def _beginning(day: int) -> str:
    """What every UUIDv7 of a UTC day, and of all later ones, is greater than."""
    digits = f"{day * 24 * 3600 * 1000:012x}"
    return f"{digits[:8]}-{digits[8:]}"


def _kept(before: Document, after: Document) -> tuple[str | None, str | None]:
    """The texts of two documents: of ones that are too long, what differs between them."""
    texts = _text(before), _text(after)
    if all(_fits(text) for text in texts):
        return texts
    if before is not None and after is not None:
        same = {name for name, value in before.items() if name in after and after[name] == value}
        texts = _text(_without(before, same)), _text(_without(after, same))
    return _fitted(texts[0]), _fitted(texts[1])


def _without(document: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}


def _text(document: Document) -> str | None:
    return None if document is None else json_text.dump(_without(document, set(NEVER)))


def _fits(text: str | None) -> bool:
    return text is None or len(text.encode()) <= MAX_BYTES


def _fitted(text: str | None) -> str | None:
    return text if text is None or _fits(text) else json_text.dump({"omitted": len(text.encode())})


def _loaded(text: str | None) -> Any:
    return None if text is None else json_text.parse(text.encode())
