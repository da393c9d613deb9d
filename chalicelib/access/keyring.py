"""What administrators do with API keys: make, change, rotate, revoke. Each is a transaction with its audit entry."""

from __future__ import annotations

from typing import Any

from chalicelib.access import audit, clock, keys, moments, opaque, plans, scopes
from chalicelib.access.audit import Action, Author
from chalicelib.access.keys import ApiKey
from chalicelib.collections import ids
from chalicelib.collections.preconditions import NONE, Preconditions
from chalicelib.dynamo.errors import TransactionFailed
from chalicelib.dynamo.transactions import Transaction
from chalicelib.errors import (
    Conflict,
    Failure,
    InvalidIdentifier,
    KeyNotFound,
    PlanNotFound,
    ValidationFailed,
    WriteContention,
)

MAX_OVERLAP, DEFAULT_OVERLAP = 30 * 24 * 3600, 24 * 3600
MAX_NAME, MAX_ROLES, MAX_ROLE, MAX_SCOPES = 200, 50, 64, 100
_ATTEMPTS = 5
_SERVER_SET = frozenset({"version", "created_at", "updated_at", "rotated_at", "previous_until", "last_used_at"})

SHAPE: dict[str, Any] = {
    "title": "Key",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "maxLength": MAX_NAME, "description": "For people."},
        "roles": {
            "type": "array",
            "maxItems": MAX_ROLES,
            "uniqueItems": True,
            "items": {"type": "string", "minLength": 1, "maxLength": MAX_ROLE},
            "description": "What access rules ask of; `admin` is above all rules.",
        },
        "scopes": {
            "type": ["array", "null"],
            "maxItems": MAX_SCOPES,
            "uniqueItems": True,
            "items": {"type": "string", "pattern": scopes.PATTERN},
            "description": "What it may do at most, as in `books:read` and `*:list`; null: all that rules allow.",
        },
        "plan": {"type": ["string", "null"], "description": "The id of its usage plan."},
        "expires_at": {"type": ["string", "null"], "format": "date-time"},
    },
}
"""The shape of a key, also shown in the OpenAPI document."""
ROTATION: dict[str, Any] = {
    "title": "KeyRotation",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "overlap": {
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_OVERLAP,
            "default": DEFAULT_OVERLAP,
            "description": "Seconds for which the secret of now stays good.",
        },
    },
}


def get(key_id: str) -> ApiKey:
    """A key by its id, as it is now.

    Raises:
        InvalidIdentifier: no key can have it (400). KeyNotFound: none has it (404).
    """
    stored = _load(key_id)
    if stored is None:
        raise KeyNotFound(f"There is no key {key_id!r}.")
    return stored


def page(limit: int, after: str | None) -> tuple[list[ApiKey], str | None]:
    """Keys by id, and the id to go on after when there are more."""
    found = ApiKey.query().consistent().limit(limit).after(after).run()
    return found.items, found.last


def create(document: Any, author: Author) -> tuple[ApiKey, str]:
    """Make a key under an id of the server's; the key, and its whole text.

    Raises:
        ValidationFailed: 422. WriteContention: 409.
    """
    members = _members(document, _SERVER_SET)
    for _ in range(_ATTEMPTS):
        made = _create(keys.new_id(), members, author)
        if made is not None:
            return made
    raise WriteContention


def put(key_id: str, document: Any, author: Author, preconditions: Preconditions = NONE) -> tuple[ApiKey, str | None]:
    """Make a key under this id, or change what it may do; the key, and its whole text if it is new.

    Raises:
        InvalidIdentifier: 400. ValidationFailed: 422. PreconditionFailed: 412. WriteContention: 409.
    """
    members = _members(document, {*_SERVER_SET, "id"})
    for _ in range(_ATTEMPTS):
        old = _load(key_id)
        preconditions.check(None if old is None else old.version)
        if old is None:
            made = _create(key_id, members, author)
            if made is not None:
                return made
        else:
            _check_plan(members, old.plan)
            changed = _change(old, members, author, "key.updated")
            if changed is not None:
                return changed, None
    raise WriteContention


def rotate(key_id: str, document: Any, author: Author, preconditions: Preconditions = NONE) -> tuple[ApiKey, str]:
    """Give a key another secret; the key, and its whole text. The secret before it is good for the overlap.

    Raises:
        InvalidIdentifier: 400. KeyNotFound: 404. ValidationFailed: 422. PreconditionFailed: 412.
        Conflict: it has expired, or another request rotates it at this moment; a repetition would end the secret that
            the callers have (409). WriteContention: 409.
    """
    from chalicelib.schema.compiled import checked  # noqa: PLC0415 - reading keys does without

    overlap = int(checked(ROTATION, document).get("overlap", DEFAULT_OVERLAP))
    seen: str | None = None
    for _ in range(_ATTEMPTS):
        old = get(key_id)
        preconditions.check(old.version)
        if old.has_expired:
            raise Conflict(f"The key {key_id!r} has expired, so a new secret would be good for nothing.")
        if seen not in (None, old.hash):
            raise Conflict(
                f"Another request has just rotated the key {key_id!r}. Rotating it again ends the secret from before."
            )
        seen = old.hash
        text = keys.new_secret(key_id)
        changes = {
            "hash": opaque.digest(text),
            "previous_hash": old.hash if overlap else None,
            "previous_ends_at": int(clock.now()) + overlap if overlap else None,
            "rotated_at": ids.timestamp(),
        }
        changed = _change(old, changes, author, "key.rotated")
        if changed is not None:
            return changed, text
    raise WriteContention


def revoke(key_id: str, author: Author, preconditions: Preconditions = NONE) -> None:
    """Delete a key: from now on nobody is told that it is anybody's.

    Raises:
        InvalidIdentifier: 400. KeyNotFound: 404. PreconditionFailed: 412. WriteContention: 409.
    """
    for _ in range(_ATTEMPTS):
        old = get(key_id)
        preconditions.check(old.version)
        transaction = Transaction()
        transaction.delete(ApiKey, when=_unchanged(old), id=key_id)
        if _run(transaction, author, "key.revoked", old, None):
            return
    raise WriteContention


def _create(key_id: str, members: dict[str, Any], author: Author) -> tuple[ApiKey, str] | None:
    """The new key and its text; None if there is one with this id by now."""
    _check_plan(members, None)
    if members["expires_at"] is not None and members["expires_at"] <= clock.now():
        raise ValidationFailed([Failure(pointer="/expires_at", detail="is in the past")])
    text, now = keys.new_secret(key_id), ids.timestamp()
    made = ApiKey(id=key_id, hash=opaque.digest(text), created_at=now, updated_at=now, **members)
    transaction = Transaction()
    transaction.create(made)
    return (made, text) if _run(transaction, author, "key.created", None, made) else None


def _change(old: ApiKey, changes: dict[str, Any], author: Author, action: Action) -> ApiKey | None:
    """The key with these changes; None if it has been changed meanwhile."""
    changes = {**changes, "version": old.version + 1, "updated_at": ids.timestamp()}
    update = ApiKey.update(id=old.id).when(_unchanged(old))
    for name, value in changes.items():
        update.set(getattr(ApiKey, name), value)
    new = ApiKey(**{**old.__dict__, **changes})
    transaction = Transaction()
    transaction.update(update)
    return new if _run(transaction, author, action, old, new) else None


def _run(transaction: Transaction, author: Author, action: Action, old: ApiKey | None, new: ApiKey | None) -> bool:
    """Make a change together with its audit entry; whether it was possible."""
    subject = f"key:{(new or old).id}"  # type: ignore[union-attr]
    before, after = (None if each is None else each.document() for each in (old, new))
    transaction.create(audit.entry(author, action, subject, before, after))
    try:
        transaction.run()
    except TransactionFailed:
        return False
    return True


def _unchanged(old: ApiKey) -> Any:
    same = ApiKey.version == old.version
    if old.version == 1:
        same |= ApiKey.version.missing()  # a key of before they had versions
    return same & (ApiKey.hash == old.hash)


def _members(document: Any, ignored: set[str] | frozenset[str]) -> dict[str, Any]:
    """The fields that a key's document gives.

    Raises:
        ValidationFailed: with everything that is wrong (422).
    """
    from chalicelib.schema.compiled import checked  # noqa: PLC0415 - as above

    if isinstance(document, dict):
        document = {name: value for name, value in document.items() if name not in ignored}
    given = checked(SHAPE, document)
    ends = given.get("expires_at")
    expires_at = None if ends is None else moments.parse(ends)
    if ends is not None and expires_at is None:
        raise ValidationFailed([Failure(pointer="/expires_at", detail="is no moment of the years 1970 to 9999")])
    return {
        "name": given.get("name", ""),
        "roles": given.get("roles", []),
        "scopes": given.get("scopes"),
        "plan": given.get("plan"),
        "expires_at": expires_at,
    }


def _check_plan(members: dict[str, Any], stored: str | None) -> None:
    """Refuse a plan that is not there: a misspelt one would limit nothing. One that the key has already may be gone.

    Raises:
        ValidationFailed: 422.
    """
    plan = members["plan"]
    if plan in (None, stored):
        return
    try:
        if ids.ID.match(plan) is not None:
            plans.get(plan)
            return
    except PlanNotFound:
        pass
    raise ValidationFailed([Failure(pointer="/plan", detail="is no plan; PUT /v1/plans/{id} makes one")])


def _load(key_id: str) -> ApiKey | None:
    if keys.ID.fullmatch(key_id) is None:
        raise InvalidIdentifier(f"{key_id[:80]!r} cannot be the id of a key. {keys.ID_RULE}")
    if key_id == keys.CONFIGURED:
        raise InvalidIdentifier(f"{key_id!r} is what PORTICO_ADMIN_KEY goes by; choose another id.")
    return ApiKey.get(consistent=True, id=key_id)
