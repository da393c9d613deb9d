"""Transactions: up to 100 writes and checks that all happen or none, or up to 100 reads of one moment."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from chalicelib.dynamo.errors import ConditionFailed, DuplicateItem, LimitExceeded, Rejected, TransactionFailed
from chalicelib.dynamo.writing import Write, key_text

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from chalicelib.dynamo.errors import Item
    from chalicelib.dynamo.expressions import Condition
    from chalicelib.dynamo.futures import Pending
    from chalicelib.dynamo.model import Model
    from chalicelib.dynamo.updates import Update

M = TypeVar("M", bound="Model")

MAX_ACTIONS = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""


class Fetched(Generic[M]):
    """What a transaction's ``get`` will find: ``value`` is the object, or None, once the transaction has run."""

    __slots__ = ("_value", "key", "model", "ran")

    def __init__(self, model: type[M], key: Item) -> None:
        self.model, self.key = model, key
        self._value: M | None = None
        self.ran = False

    def __str__(self) -> str:
        return f"Get {self.model.__name__} {key_text(self.key)}"

    @property
    def request(self) -> dict[str, Any]:
        """Its part of the request."""
        return {"Get": {"TableName": self.model.table.name, "Key": self.key}}

    @property
    def value(self) -> M | None:
        """The object, or None.

        Raises:
            Rejected: the transaction has not run.
        """
        if not self.ran:
            raise Rejected("The transaction has not run yet.")
        return self._value

    def fill(self, item: Any) -> None:
        """Take what was found."""
        self._value = self.model.admitted(self.model.from_item(item)) if item else None
        self.ran = True


class Transaction:
    """A TransactWriteItems, or with ``get`` a TransactGetItems, in the making; of one table or several.

    As a context manager it runs when its block ends, and does not when the block raises::

        with transaction() as t:
            t.put(book)
            t.check(Shop, id="1", when=Shop.open == True)
    """

    def __init__(self, token: str | None = None) -> None:
        self.token = token
        self.writes: list[Write] = []
        self.reads: list[Fetched[Any]] = []

    def create(self, model: Model, when: Condition | None = None) -> None:
        """Store an object, which has to be new."""
        self.add(Write.create(model, when))

    def put(self, model: Model, when: Condition | None = None) -> None:
        """Store an object."""
        self.add(Write.put(model, when))

    def update(self, update: Update[Any]) -> None:
        """Carry out an update."""
        self.add(Write.update(update))

    def delete(self, model: type[Model], *, when: Condition | None = None, **key: Any) -> None:
        """Delete the item with this key."""
        self.add(Write.delete(model, key, when, None))

    def check(self, model: type[Model], when: Condition, **key: Any) -> None:
        """Write nothing, and require that the condition holds for the item with this key."""
        self.add(Write.check(model, key, when))

    def get(self, model: type[M], **key: Any) -> Fetched[M]:
        """Read the item with this key, together with the others. Reads and writes do not go together."""
        fetched = Fetched(model, model.key.of(key))
        self.reads.append(fetched)
        return fetched

    def add(self, write: Write) -> None:
        """Carry out a planned write, and what goes with it."""
        self.writes += [write, *write.companions]

    def requests(self) -> list[dict[str, Any]]:
        """The actions, as DynamoDB takes them.

        Raises:
            LimitExceeded: more than 100. DuplicateItem: two are about the same item. Invalid, Rejected: one is wrong.
        """
        if self.reads and self.writes:
            raise Rejected("A transaction reads or writes, not both.")
        made = [read.request for read in self.reads] or [_action(write) for write in self.writes]
        if len(made) > MAX_ACTIONS:
            raise LimitExceeded(f"The transaction has {len(made)} actions; DynamoDB takes {MAX_ACTIONS}.")
        self._check_duplicates()
        return made

    def _check_duplicates(self) -> None:
        seen: set[tuple[Any, ...]] = set()
        for action, model, key in (
            *((write, write.model, write.key) for write in self.writes),
            *((read, read.model, read.key) for read in self.reads),
        ):
            item = model.table.identity(key)
            if item in seen:
                raise DuplicateItem(f"The transaction has two actions on one item: {action}.")
            seen.add(item)

    def run(self) -> None:
        """Send it; nothing is sent for nothing.

        Raises:
            TransactionFailed: nothing was written; its reasons are in the order of the actions, and say of each that
                failed which it was and what that means.
            LimitExceeded, DuplicateItem, Invalid: it cannot be sent.
        """
        requests = self.requests()
        if self.reads:
            answer = self.reads[0].model.table.session.call("TransactGetItems", {"TransactItems": requests})
            for read, found in zip(self.reads, answer["Responses"], strict=True):
                read.fill(found.get("Item"))
        elif self.writes:
            self._write(requests)

    def _write(self, requests: list[dict[str, Any]]) -> None:
        # One token a run: a repetition by botocore, after an answer that was lost, is the same transaction to DynamoDB.
        parameters = {"TransactItems": requests, "ClientRequestToken": self.token or secrets.token_hex(16)}
        try:
            self.writes[0].model.table.session.call("TransactWriteItems", parameters)
        except TransactionFailed as error:
            self._explain(error)
            raise
        for write in self.writes:
            for follow in write.done:
                follow({})

    def _explain(self, error: TransactionFailed) -> None:
        """Say of each reason which action it is of, and what its failure means."""
        if len(error.reasons) != len(self.writes):
            return
        for write, reason in zip(self.writes, error.reasons, strict=True):
            reason.action = str(write)
            if reason.code == "ConditionalCheckFailed":
                reason.error = write.failure(ConditionFailed(reason.item))

    def submit(self) -> Pending[None]:
        """``run`` on the pool; see ``futures.submit``."""
        from chalicelib.dynamo.futures import submit  # noqa: PLC0415 - most calls wait

        return submit(self.run)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.run()


def _action(write: Write) -> dict[str, Any]:
    """A write as DynamoDB takes it. An update that changes nothing is there for its condition."""
    request = write.request()
    unchanging = write.action == "Update" and "UpdateExpression" not in request
    if unchanging and "ConditionExpression" not in request:
        raise Rejected(f"An update in a transaction changes something or has a condition: {write}.")
    action = "ConditionCheck" if unchanging else write.action
    return {action: {"TableName": write.model.table.name, **request}}


def transaction(token: str | None = None) -> Transaction:
    """A new transaction. Two with the same ``token`` within ten minutes are one to DynamoDB, if they say the same.

    Raises (``run``):
        Rejected: the token was used for other actions.
    """
    return Transaction(token)
