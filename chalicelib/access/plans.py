"""Usage plans: how much the callers that are under them may call."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from chalicelib.access.leases import Limits
from chalicelib.access.principals import ANONYMOUS_ID, Principal
from chalicelib.collections import ids
from chalicelib.collections.preconditions import NONE, Preconditions
from chalicelib.dynamo.errors import ConditionFailed
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main
from chalicelib.errors import PlanNotFound, WriteContention

CACHE_SECONDS = 5.0
"""How long a process may use a plan without looking whether it changed."""
PUBLIC = "public"
"""The plan of callers without credentials, each IP address by itself."""
MAX_RATE, MAX_BURST, MAX_QUOTA = 10_000, 100_000, 1_000_000_000_000
MIN_RATE = 0.001
_ATTEMPTS = 5
_SERVER_SET = frozenset({"id", "version", "created_at", "updated_at"})

SHAPE: dict[str, Any] = {
    "title": "Plan",
    "type": "object",
    "additionalProperties": False,
    "dependentRequired": {"rate": ["burst"], "burst": ["rate"]},
    "properties": {
        "description": {"type": "string", "maxLength": 10_000},
        "rate": {"type": "number", "minimum": MIN_RATE, "maximum": MAX_RATE, "description": "Requests a second."},
        "burst": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_BURST,
            "description": "Requests at once, after a time without any.",
        },
        "quota": {
            "type": "object",
            "required": ["limit", "period"],
            "additionalProperties": False,
            "properties": {
                "limit": {"type": "integer", "minimum": 1, "maximum": MAX_QUOTA},
                "period": {"enum": ["day", "week", "month"]},
            },
        },
    },
}
"""The shape of a plan, also shown in the OpenAPI document."""


class StoredPlan(Model, table=main):
    """A stored plan."""

    id: Attr[str] = field(name="sk")
    version: Attr[int] = field(name="_version")
    created_at: Attr[str] = field(name="_created_at")
    updated_at: Attr[str] = field(name="_updated_at")
    document: Attr[dict[str, Any]]
    key = Key(pk="plan", sk="{id}")


@dataclass(frozen=True)
class Plan:
    """A plan as the other modules use it."""

    id: str
    version: int
    created_at: str
    updated_at: str
    members: Mapping[str, Any]

    @property
    def period(self) -> str:
        """The quota's period; a day if there is no quota."""
        return str(self.members.get("quota", {}).get("period", "day"))

    @cached_property
    def limits(self) -> Limits:
        """What it allows, for the arithmetic."""
        rate, burst = self.members.get("rate"), self.members.get("burst")
        quota = self.members.get("quota", {}).get("limit")
        return Limits.of(
            None if rate is None else Decimal(str(rate)),
            None if burst is None else int(burst),
            None if quota is None else int(quota),
        )

    def document(self) -> dict[str, Any]:
        """The plan as the API shows it."""
        own = {"id": self.id, "version": self.version, "created_at": self.created_at, "updated_at": self.updated_at}
        return {**own, **self.members}


_cache: dict[tuple[str, str], tuple[float, Plan | None]] = {}


def of(principal: Principal) -> Plan | None:
    """The plan that a caller is under, as it was at most five seconds ago; None when there is none, or not any more."""
    name = PUBLIC if principal.kind == ANONYMOUS_ID else principal.plan
    if name is None:
        return None
    key, now = (main.name, name), time.monotonic()
    cached = _cache.get(key)
    if cached is not None and now - cached[0] < CACHE_SECONDS:
        return cached[1]
    found = _load(name)
    plan = None if found is None else _plan(found)
    _cache[key] = (now, cached[1] if cached is not None and cached[1] == plan else plan)
    return _cache[key][1]


def get(plan_id: str) -> Plan:
    """The plan as it is now, read anew.

    Raises:
        PlanNotFound: there is none (404).
    """
    stored = _load(plan_id)
    if stored is None:
        raise PlanNotFound(plan_id)
    return _plan(stored)


def page(limit: int, after: str | None) -> tuple[list[Plan], str | None]:
    """Plans by id, and the id to go on after when there are more."""
    found = StoredPlan.query().consistent().limit(limit).after(after).run()
    return [_plan(stored) for stored in found.items], found.last


def put(plan_id: str, document: Any, preconditions: Preconditions = NONE) -> tuple[Plan, bool]:
    """Create or replace a plan; the plan, and whether it is new.

    Raises:
        ValidationFailed: the document is none (422).
        PreconditionFailed: 412.
    """
    members = _checked(document)
    for _ in range(_ATTEMPTS):
        old = _load(plan_id)
        preconditions.check(None if old is None else old.version)
        now = ids.timestamp()
        new = StoredPlan(
            id=plan_id,
            version=1 if old is None else old.version + 1,
            created_at=now if old is None else old.created_at,
            updated_at=now,
            document=members,
        )
        try:
            new.put(StoredPlan.id.missing() if old is None else _unchanged(old))
        except ConditionFailed:
            continue
        _cache.pop((main.name, plan_id), None)
        return _plan(new), old is None
    raise WriteContention


def delete(plan_id: str, preconditions: Preconditions = NONE) -> None:
    """Delete a plan; callers that are under it are not limited any more.

    Raises:
        PlanNotFound: there is none (404).
        PreconditionFailed: 412.
    """
    for _ in range(_ATTEMPTS):
        old = _load(plan_id)
        if old is None:
            raise PlanNotFound(plan_id)
        preconditions.check(old.version)
        try:
            StoredPlan.delete(id=plan_id, when=_unchanged(old))
        except ConditionFailed:
            continue
        _cache.pop((main.name, plan_id), None)
        return
    raise WriteContention


def _unchanged(old: StoredPlan) -> Any:
    return (StoredPlan.version == old.version) & (StoredPlan.created_at == old.created_at)


def _checked(document: Any) -> dict[str, Any]:
    """The members of a plan's document, without those that the server sets.

    Raises:
        ValidationFailed: with everything that is wrong (422).
    """
    from chalicelib.schema.compiled import checked  # noqa: PLC0415 - only changes of plans need it

    if isinstance(document, dict):
        document = {name: value for name, value in document.items() if name not in _SERVER_SET}
    return checked(SHAPE, document)


def _load(plan_id: str) -> StoredPlan | None:
    return StoredPlan.get(consistent=True, id=plan_id)


def _plan(stored: StoredPlan) -> Plan:
    return Plan(stored.id, stored.version, stored.created_at, stored.updated_at, stored.document)
