"""Transactions: up to 100 writes and checks that all happen or none."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.dynamo.model import with_condition

if TYPE_CHECKING:
    from chalicelib.dynamo.expressions import Condition
    from chalicelib.dynamo.model import Model, Update
    from chalicelib.dynamo.tables import Table

MAX_ACTIONS = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""


@dataclass
class Transaction:
    """A TransactWriteItems in the making. Each item may occur once. ``run`` sends it."""

    table: Table
    actions: list[dict[str, Any]] = field(default_factory=list)

    def put(self, model: Model, when: Condition | None = None) -> None:
        """Store an object."""
        self._add("Put", with_condition({"Item": model.to_item()}, when))

    def update(self, update: Update[Any]) -> None:
        """Carry out an update."""
        self._add("Update", update.parameters())

    def delete(self, model: type[Model], *, when: Condition | None = None, **key: Any) -> None:
        """Delete the item with this key."""
        self._add("Delete", with_condition({"Key": model.key.item(key)}, when))

    def check(self, model: type[Model], when: Condition, **key: Any) -> None:
        """Write nothing, and require that the condition holds for the item with this key."""
        self._add("ConditionCheck", with_condition({"Key": model.key.item(key)}, when))

    def _add(self, action: str, parameters: dict[str, Any]) -> None:
        self.actions.append({action: {"TableName": self.table.name, **parameters}})

    def run(self) -> None:
        """Send it.

        Raises:
            TransactionFailed: nothing was written; its reasons are in the order of the actions.
        """
        # One token a run: a repetition by botocore, after an answer that was lost, is the same transaction to DynamoDB.
        token = secrets.token_hex(16)
        self.table.session.call("TransactWriteItems", {"TransactItems": self.actions, "ClientRequestToken": token})
