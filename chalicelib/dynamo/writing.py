"""One write as a plan: what it does, what it requires, what goes with it, and what its failure means.

Hooks and plugins work on the plan before anything is sent. Alone it is a PutItem, UpdateItem or DeleteItem; with
others, or with ``also``, it is an action of a transaction.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.dynamo.bindings import with_condition
from chalicelib.dynamo.errors import (
    AlreadyExists,
    ConditionFailed,
    Contended,
    DynamoError,
    Item,
    NotStored,
    TransactionFailed,
)
from chalicelib.dynamo.expressions import Condition, Path, all_of

if TYPE_CHECKING:
    from chalicelib.dynamo.hooks import Hooks
    from chalicelib.dynamo.model import Model
    from chalicelib.dynamo.transactions import Transaction
    from chalicelib.dynamo.updates import Update

OPERATIONS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}
ATTEMPTS = 8
"""How often a write is planned, when what it was planned on has changed meanwhile or a transaction is in its way."""
PAUSE = 0.05
"""Seconds until the second try of a write that had a transaction in its way. They double, 6 s in all."""

Failure = Callable[["Item | None"], "DynamoError | None"]
"""What a failed condition means, by the stored item; None when it is not this requirement that failed."""


class Write:
    """A write of one item, to be run alone or in a transaction. Made by models; see the module."""

    __slots__ = (
        "_also",
        "action",
        "before",
        "condition",
        "done",
        "failures",
        "key",
        "model",
        "object",
        "parts",
        "returning",
    )

    def __init__(
        self,
        action: str,
        model: type[Model],
        key: Item,
        when: Condition | None,
        parts: Callable[[], dict[str, Any]],
        object_: Model | None = None,
    ) -> None:
        self.action, self.model, self.key, self.condition, self.object = action, model, key, when, object_
        self.parts = parts
        """The request, but for condition and table."""
        self.failures: list[Failure] = []
        self.done: list[Callable[[dict[str, Any]], None]] = []
        """What follows once it is written, given the answer."""
        self.returning = "NONE"
        """What DynamoDB was asked to answer."""
        self.before: Item | None = None
        """What is there before, where a plugin has read it."""
        self._also: Transaction | None = None

    @property
    def also(self) -> Transaction:
        """Further writes that happen with this one or not at all. Asking for it makes a transaction of the write."""
        if self._also is None:
            from chalicelib.dynamo.transactions import Transaction  # noqa: PLC0415 - most writes are alone

            self._also = Transaction()
        return self._also

    @property
    def companions(self) -> list[Write]:
        """The further writes."""
        return [] if self._also is None else self._also.writes

    def require(self, condition: Condition, failure: Failure | None = None) -> None:
        """Write only if this holds too."""
        self.condition = condition if self.condition is None else self.condition & condition
        if failure is not None:
            self.failures.append(failure)

    def request(self) -> dict[str, Any]:
        """The request, but for the table.

        Raises:
            Invalid, Rejected: it cannot be one.
        """
        parameters = self.parts()
        if self.action == "Update":
            return parameters
        return with_condition(parameters, self.condition)

    def failure(self, error: ConditionFailed) -> DynamoError:
        """What it means that the condition does not hold."""
        for meaning in self.failures:
            found = meaning(error.item)
            if found is not None:
                return found
        return error

    def __str__(self) -> str:
        return f"{self.action} {self.model.__name__} {key_text(self.key)}"

    @classmethod
    def create(cls, model: Model, when: Condition | None = None) -> Write:
        """The plan of ``Model.create``."""
        write = cls.put(model, when, new=True)
        hooks = model.hooks
        absent: Condition = Path(model.key.hash.attribute).missing()

        def there(item: Item | None) -> DynamoError | None:
            return AlreadyExists(item, "it is stored already") if _counts(hooks, item) else None

        write.require(absent if hooks is None else hooks.absent(absent), there)
        return write

    @classmethod
    def put(cls, model: Model, when: Condition | None = None, *, new: bool = False) -> Write:
        """The plan of ``Model.put``."""
        kind = type(model)
        write = cls("Put", kind, {}, when, lambda: {"Item": item}, model)
        write.done.append(lambda _: _remember(model, item))
        item = model.to_item() if kind.hooks is None else kind.hooks.put(model, write, new=new)
        write.key = {name: item[name] for name in kind.table.layout.keys(None)}
        return write

    @classmethod
    def delete(cls, model: type[Model], key: Mapping[str, Any], when: Condition | None, object_: Model | None) -> Write:
        """The plan of ``Model.delete`` and ``Model.destroy``."""
        stored = model.key.of(key)
        write = cls("Delete", model, stored, when, lambda: {"Key": stored}, object_)
        if object_ is not None:
            write.done.append(lambda _: _remember(object_, None))
        if model.hooks is not None:
            model.hooks.delete(write)
        return write

    @classmethod
    def check(cls, model: type[Model], key: Mapping[str, Any], when: Condition) -> Write:
        """A condition on an item that is not written, for a transaction."""
        stored = model.key.of(key)
        return cls("ConditionCheck", model, stored, when, lambda: {"Key": stored})

    @classmethod
    def update(cls, update: Update[Any]) -> Write:
        """The plan of ``Update.run``."""
        update = update.copy()
        write = cls("Update", update.model, update.key, None, dict, update.object)
        write.parts = lambda: update.request(write.condition)
        hooks = update.model.hooks
        if not update.upsert:
            exists: Condition = Path(update.model.key.hash.attribute).exists()

            def gone(item: Item | None) -> DynamoError | None:
                return None if _counts(hooks, item) else NotStored(item, "there is no such item")

            write.require(exists if hooks is None else hooks.present(exists), gone)
        if hooks is not None:
            hooks.update(update, write)
        for condition in update.complete():
            write.require(condition)
        # What functions add to the update's own condition counts too.
        write.condition = all_of([update.condition, write.condition])
        write.failures.append(lambda item: Contended(item, "it has changed") if update.differs(item) else None)
        return write


def key_text(key: Item) -> str:
    """A key for people to read: ``pk=book#A sk=1``."""
    return " ".join(f"{name}={next(iter(value.values()))}" for name, value in key.items())


def _remember(model: Model, item: Item | None) -> None:
    model.stored = item


def _counts(hooks: Hooks | None, item: Item | None) -> bool:
    """Whether an item is stored, as far as plugins hold."""
    return item is not None if hooks is None else hooks.counts(item)


def run(plan: Callable[[], Write], returning: str = "ALL_OLD") -> dict[str, Any]:
    """Plan a write and send it; DynamoDB's answer, of a transaction what plugins had read.

    Raises:
        ConditionFailed: a condition does not hold; a subclass where a model or plugin knows what that means.
        TransactionFailed: it became a transaction that was canceled for another reason.
        Invalid, Rejected: it cannot be sent, or DynamoDB finds that it cannot.
    """
    for attempt in range(ATTEMPTS - 1):
        write = plan()
        try:
            return _run_once(write, returning)
        except Contended:
            # Two that were planned together would meet again.
            write.model.table.pause(random.uniform(0, PAUSE / 10 * 2**attempt))  # noqa: S311 - it is no secret
        except TransactionFailed as error:
            if not error.contended:
                raise
            write.model.table.pause(PAUSE * 2**attempt)
    return _run_once(plan(), returning)


def _run_once(write: Write, returning: str) -> dict[str, Any]:
    if write.companions:
        from chalicelib.dynamo.transactions import Transaction  # noqa: PLC0415 - most writes are alone

        transaction = Transaction()
        transaction.add(write)
        try:
            transaction.run()
        except TransactionFailed as error:
            meanings = [reason.error for reason in error.reasons if reason.error is not None]
            if meanings:
                raise meanings[0] from error
            raise
        return {} if returning != "ALL_OLD" or write.before is None else {"Attributes": write.before}
    request = write.request()
    write.returning = returning
    if returning != "NONE":
        request["ReturnValues"] = returning
    try:
        answer = write.model.table.call(OPERATIONS[write.action], request)
    except ConditionFailed as error:
        meaning = write.failure(error)
        if meaning is error:
            raise
        raise meaning from error
    for follow in write.done:
        follow(answer)
    return answer
