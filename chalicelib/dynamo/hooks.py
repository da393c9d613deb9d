"""Hooks: functions that are called around what models do, for one model, several or all.

``before`` may change what is about to happen, add to it (``event.write.also``) or refuse it by raising; ``after`` may
follow up. They run by ``order``; of the same order those of all models first, then those that a model inherits, then
those of its plugins and its own, as they were registered. What a function raises reaches the caller; after a write, the
write has happened. A write that has to be planned anew, because what its plan was made from has changed meanwhile,
calls ``before`` again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, overload

from chalicelib.dynamo.expressions import Condition, all_of
from chalicelib.dynamo.writing import Write

if TYPE_CHECKING:
    from chalicelib.dynamo.errors import Item
    from chalicelib.dynamo.model import Model
    from chalicelib.dynamo.plugins import Plugin
    from chalicelib.dynamo.reading import Reading
    from chalicelib.dynamo.updates import Update

M = TypeVar("M", bound="Model")
Kind = Literal["validate", "create", "update", "delete", "load", "query"]


class Event:
    """What happens, to which model."""

    def __init__(self, model: type[Model]) -> None:
        self.model = model


class Validation(Event):
    """``validate``: an object is about to be checked, or was. Before, ``item`` may be changed."""

    def __init__(self, item: Model) -> None:
        super().__init__(type(item))
        self.item: Any = item


class Creation(Event):
    """``create``: an object is about to be stored whole, or was. It ``replaces`` what is there, or has to be new.

    ``stored`` is what is written, known once every function before has run.
    """

    def __init__(self, item: Model, write: Write, *, replaces: bool) -> None:
        super().__init__(type(item))
        self.item: Any = item
        self.write, self.replaces = write, replaces
        self.stored: Item = {}


class Updating(Event):
    """``update``: an item is about to be updated, or was. Before, ``update`` may be added to.

    ``item`` is the object that is saved, if it is one; afterwards what the item has become, where DynamoDB told.
    """

    def __init__(self, update: Update[Any], write: Write) -> None:
        super().__init__(update.model)
        self.update, self.write = update, write
        self.item: Any = update.object


class Deletion(Event):
    """``delete``: an item is about to be deleted, or was. ``item`` is the object, afterwards what was there if any."""

    def __init__(self, write: Write) -> None:
        super().__init__(write.model)
        self.write = write
        self.item: Any = write.object


class Loading(Event):
    """``load``: a stored item is about to become an object, or has. Before, ``stored`` may be changed."""

    def __init__(self, model: type[Model], stored: Item) -> None:
        super().__init__(model)
        self.stored = stored
        self.item: Any = None


class Querying(Event):
    """``query``: a Query or Scan is about to be sent, or was answered.

    Before, ``request`` has its parameters and may be changed. Afterwards ``items`` are its objects, a list to change.
    """

    def __init__(self, reading: Reading[Any], request: dict[str, Any], items: list[Any]) -> None:
        super().__init__(reading.model)
        self.reading, self.request, self.items = reading, request, items


Function = Callable[[Any], None]


class Hooks:
    """The functions of one model. Those of the classes that it derives from are called too, but for their plugins'."""

    def __init__(self, model: type[Model]) -> None:
        self.model = model
        self._functions: dict[str, list[tuple[int, Function]]] = {}
        self._plugged: dict[str, list[tuple[int, Function]]] = {}
        self._ordered: dict[str, list[Function]] = {}
        """What ``functions`` has found so far."""
        self.plugins: list[Plugin] = []
        """Those of the model's own class statement."""
        self.given: dict[str, Plugin] = {}
        """The fields and methods that plugins gave the model."""
        self._admitting: list[tuple[Callable[[Any], bool], Callable[[], Condition | None]]] = []

    def add(self, name: str, function: Function, order: int = 0) -> None:
        """Call the function at ``before create`` and so on, for this model and those that derive from it."""
        self._functions.setdefault(name, []).append((order, function))
        self._found_anew()

    def plug(self, name: str, function: Function, order: int = 0) -> None:
        """As ``add``, for a plugin of this model; those that derive from it have it registered for themselves."""
        self._plugged.setdefault(name, []).append((order, function))
        self._ordered.clear()

    def remove(self, function: Function) -> None:
        """Call a function that was added no more."""
        for name, functions in self._functions.items():
            self._functions[name] = [entry for entry in functions if entry[1] != function]
        self._found_anew()

    def add_admission(self, admits: Callable[[Any], bool], condition: Callable[[], Condition | None]) -> None:
        """Treat objects that are not admitted as if they were not stored; the condition says the same of items."""
        self._admitting.append((admits, condition))

    def functions(self, name: str) -> list[Function]:
        """The functions to call, in their order."""
        found = self._ordered.get(name)
        if found is None:
            entries: list[tuple[int, Function]] = []
            for base in reversed(self.model.__mro__):
                if base is self.model:
                    entries += self._plugged.get(name, ())
                hooks = base.__dict__.get("hooks")
                if hooks is not None:
                    entries += hooks._functions.get(name, ())  # noqa: SLF001 - its like
            entries.sort(key=lambda entry: entry[0])
            found = self._ordered[name] = [function for _, function in entries]
        return found

    def _found_anew(self) -> None:
        """Forget what was found, for this model and those that derive from it."""
        models: list[type[Model]] = [self.model]
        for model in models:
            hooks_of(model)._ordered.clear()  # noqa: SLF001 - its like
            models += model.__subclasses__()

    def fire(self, name: str, event: Event) -> None:
        """Call the functions."""
        for function in self.functions(name):
            function(event)

    def admits(self, item: Model) -> bool:
        """Whether an object counts as stored."""
        return all(admits(item) for admits, _ in self._admitting)

    def filter(self) -> Condition | None:
        """The condition that an item counts as stored."""
        return all_of(condition() for _, condition in self._admitting)

    def absent(self, missing: Condition) -> Condition:
        """The condition that nothing is stored, or what does not count."""
        counts = self.filter()
        return missing if counts is None else missing | ~counts

    def present(self, exists: Condition) -> Condition:
        """The condition that something is stored, and counts."""
        counts = self.filter()
        return exists if counts is None else exists & counts

    def counts(self, item: Item | None) -> bool:
        """Whether something is stored, and counts; the same of what a failed condition answered."""
        return item is not None and (not self._admitting or self.admits(self.model.schema.load(item)))

    def load(self, model: type[M], item: Item, only: Collection[str] | None) -> M:
        """``Model.from_item`` with its functions."""
        changing = self.functions("before load")
        # What is stored stays known as it is, so that a later save writes what the functions changed.
        event = Loading(model, copy.deepcopy(item) if changing else item)
        self.fire("before load", event)
        made: M = model.schema.load(event.stored, only)
        made.stored = item
        event.item = made
        self.fire("after load", event)
        return made

    def validate(self, item: Model, *, partial: bool) -> Item:
        """``Model.to_item`` with its functions."""
        event = Validation(item)
        self.fire("before validate", event)
        made = item.item_of_fields(partial=partial)
        self.fire("after validate", event)
        return made

    def put(self, model: Model, write: Write, *, new: bool) -> Item:
        """What a planned put stores."""
        event = Creation(model, write, replaces=not new)
        self.fire("before create", event)
        event.stored = model.to_item()
        self.fire("planned create", event)
        write.done.append(lambda _: self.fire("after create", event))
        return event.stored

    def update(self, update: Update[Any], write: Write) -> None:
        """Complete a planned update."""
        event = Updating(update, write)
        self.fire("before update", event)
        self.fire("planned update", event)

        def after(answer: dict[str, Any]) -> None:
            if write.returning == "ALL_NEW" and answer.get("Attributes"):
                event.item = update.model.from_item(answer["Attributes"])
            self.fire("after update", event)

        if self.functions("after update"):
            write.done.append(after)

    def delete(self, write: Write) -> None:
        """Complete a planned deletion."""
        event = Deletion(write)
        self.fire("before delete", event)
        self.fire("planned delete", event)

        def after(answer: dict[str, Any]) -> None:
            found = answer.get("Attributes") or write.before
            if found:
                event.item = write.model.from_item(found)
            self.fire("after delete", event)

        if self.functions("after delete"):
            write.done.append(after)

    def query(self, reading: Reading[Any], request: dict[str, Any]) -> None:
        """Let functions change a request."""
        self.fire("before query", Querying(reading, request, []))

    def queried(self, reading: Reading[Any], items: list[Any]) -> None:
        """Let functions see and change what a request found."""
        self.fire("after query", Querying(reading, {}, items))


F = TypeVar("F", bound=Function)


@overload
def before(
    kind: Literal["validate"], *models: type[Model], order: int = 0
) -> Callable[[Callable[[Validation], None]], Callable[[Validation], None]]: ...
@overload
def before(
    kind: Literal["create"], *models: type[Model], order: int = 0
) -> Callable[[Callable[[Creation], None]], Callable[[Creation], None]]: ...
@overload
def before(
    kind: Literal["update"], *models: type[Model], order: int = 0
) -> Callable[[Callable[[Updating], None]], Callable[[Updating], None]]: ...
@overload
def before(
    kind: Literal["delete"], *models: type[Model], order: int = 0
) -> Callable[[Callable[[Deletion], None]], Callable[[Deletion], None]]: ...
@overload
def before(
    kind: Literal["load"], *models: type[Model], order: int = 0
) -> Callable[[Callable[[Loading], None]], Callable[[Loading], None]]: ...
@overload
def before(
    kind: Literal["query"], *models: type[Model], order: int = 0
) -> Callable[[Callable[[Querying], None]], Callable[[Querying], None]]: ...
def before(kind: Kind, *models: type[Model], order: int = 0) -> Callable[[F], F]:
    """Decorate a function to be called before: ``@before("create", Book)``. Without models, of all."""
    return _registering("before", kind, models, order)


@overload
def after(
    kind: Literal["validate"], *models: type[Model], order: int = 0
) -> Callable[[Callable[[Validation], None]], Callable[[Validation], None]]: ...
@overload
def after(
    kind: Literal["create"], *models: type[Model], order: int = 0
) -> Callable[[Callable[[Creation], None]], Callable[[Creation], None]]: ...
@overload
def after(
    kind: Literal["update"], *models: type[Model], order: int = 0
) -> Callable[[Callable[[Updating], None]], Callable[[Updating], None]]: ...
@overload
def after(
    kind: Literal["delete"], *models: type[Model], order: int = 0
) -> Callable[[Callable[[Deletion], None]], Callable[[Deletion], None]]: ...
@overload
def after(
    kind: Literal["load"], *models: type[Model], order: int = 0
) -> Callable[[Callable[[Loading], None]], Callable[[Loading], None]]: ...
@overload
def after(
    kind: Literal["query"], *models: type[Model], order: int = 0
) -> Callable[[Callable[[Querying], None]], Callable[[Querying], None]]: ...
def after(kind: Kind, *models: type[Model], order: int = 0) -> Callable[[F], F]:
    """Decorate a function to be called afterwards: ``@after("create", Book)``. Without models, of all."""
    return _registering("after", kind, models, order)


def remove(function: Function, *models: type[Model]) -> None:
    """Undo ``before`` and ``after``: call the function no more for these models. Without models, of all."""
    for hooks in _of(models):
        hooks.remove(function)


def _registering(when: str, kind: Kind, models: tuple[type[Model], ...], order: int) -> Callable[[F], F]:
    if kind not in get_args(Kind):
        raise TypeError(f"models do not {kind}; they {', '.join(get_args(Kind))}")

    def register(function: F) -> F:
        for hooks in _of(models):
            hooks.add(f"{when} {kind}", function, order)
        return function

    return register


def _of(models: tuple[type[Model], ...]) -> list[Hooks]:
    if models:
        return [hooks_of(model) for model in models]
    from chalicelib.dynamo.model import Model  # noqa: PLC0415 - it leads back here

    return [hooks_of(Model)]


def hooks_of(model: type[Model]) -> Hooks:
    """A model's own hooks, made if it has none yet. Models that derive from one that has hooks have their own."""
    own: Hooks | None = model.__dict__.get("hooks")
    if own is None:
        own = model.hooks = Hooks(model)
        for derived in model.__subclasses__():
            hooks_of(derived)
    return own
