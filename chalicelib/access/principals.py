"""Who calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import orjson

ADMIN = "admin"
ANONYMOUS_ID = "anonymous"


@dataclass(frozen=True)
class Principal:
    """A caller: an API key, a user, or nobody in particular.

    id: unique over all kinds (``key:0f3c…``, ``user:…``). It is what cursors and idempotency records are bound to.
    kind: ``key``, ``user`` or ``anonymous``.
    roles: what access rules ask of; ``admin`` is above all rules.
    scopes: what the caller may do at most, ``collection:operation`` each, either of which may be ``*``. None: whatever
        the rules allow.
    plan: the id of the usage plan that it is under.
    claims: what its token says besides, for rules: ``email`` say.
    """

    id: str
    kind: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    plan: str | None = None
    claims: tuple[tuple[str, Any], ...] = ()

    @property
    def is_admin(self) -> bool:
        """Whether every operation is open to this caller, as far as its scopes go."""
        return ADMIN in self.roles

    def may(self, operation: str, collection: str | None) -> bool:
        """Whether the scopes let an operation pass."""
        if self.scopes is None:
            return True
        names = ("*", collection) if collection is not None else ("*",)
        return any(f"{name}:{each}" in self.scopes for name in names for each in (operation, "*"))

    @cached_property
    def auth(self) -> Mapping[str, Any]:
        """What expressions know as ``auth``; of nobody in particular ``auth.id`` is null."""
        if self.kind == ANONYMOUS_ID:
            return {"id": None, "kind": self.kind, "roles": ()}
        own = self.id.partition(":")[2]
        return {**dict(self.claims), "id": own, "kind": self.kind, "roles": tuple(sorted(self.roles))}

    def to_context(self) -> dict[str, str]:
        """The authorizer's context: strings only, because API Gateway passes nothing else."""
        told = {name: value for name, value in asdict(self).items() if value}
        if self.scopes is not None:
            told["scopes"] = sorted(self.scopes)
        return {"principal": orjson.dumps({**told, "roles": sorted(self.roles), "claims": dict(self.claims)}).decode()}

    @classmethod
    def from_context(cls, context: Mapping[str, str] | None) -> Principal:
        """The principal that the authorizer resolved; anonymous when the endpoint has no authorizer."""
        if not context or "principal" not in context:
            return ANONYMOUS
        told = orjson.loads(context["principal"])
        scopes = told.get("scopes")
        return cls(
            told["id"],
            told["kind"],
            frozenset(told["roles"]),
            None if scopes is None else frozenset(scopes),
            told.get("plan"),
            tuple(told["claims"].items()),
        )


ANONYMOUS = Principal(ANONYMOUS_ID, ANONYMOUS_ID)
