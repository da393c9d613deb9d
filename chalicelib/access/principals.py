"""Who calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ADMIN = "admin"


@dataclass(frozen=True)
class Principal:
    """A caller: an API key or, without one, nobody in particular.

    ``id`` is unique over all kinds (``key:k_…``). It is what cursors and idempotency records are bound to.
    """

    id: str
    kind: str
    roles: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        """Whether every operation is open to this caller."""
        return ADMIN in self.roles

    def to_context(self) -> dict[str, str]:
        """The authorizer's context: strings only, because API Gateway passes nothing else."""
        return {"kind": self.kind, "roles": " ".join(sorted(self.roles))}

    @classmethod
    def from_context(cls, context: Mapping[str, str] | None) -> Principal:
        """The principal that the authorizer resolved; anonymous when the endpoint has no authorizer."""
        if not context:
            return ANONYMOUS
        return cls(context["principalId"], context.get("kind", "key"), frozenset(context.get("roles", "").split()))


ANONYMOUS = Principal("anonymous", "anonymous")
