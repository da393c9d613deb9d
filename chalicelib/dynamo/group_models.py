"""Several models in the place of one, for queries of the partition that they share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from chalicelib.dynamo import planner
from chalicelib.dynamo.expressions import Condition, Junction, Path
from chalicelib.dynamo.hooks import Querying
from chalicelib.dynamo.keys import TYPE

if TYPE_CHECKING:
    from chalicelib.dynamo.hooks import Function
    from chalicelib.dynamo.model import Model
    from chalicelib.dynamo.reading import Reading


class Bare:
    """A model without its type and its hooks, so that a plan leaves those to the whole."""

    type_name = None
    hooks: CombinedHooks | None = None

    def __init__(self, model: type[Model]) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


class Combined(Bare):
    """Several models in the place of one: keys and fields are the first's, the hooks are everyone's."""

    def __init__(self, models: tuple[type[Model], ...]) -> None:
        super().__init__(models[0])
        self.hooks = CombinedHooks(models)
        self.__name__ = " or ".join(model.__name__ for model in models)


class CombinedHooks:
    """The hooks of several models, each function called once."""

    def __init__(self, models: tuple[type[Model], ...]) -> None:
        self.models = models

    def filter(self) -> Condition:
        """The condition that an item is one of the models', and counts as stored."""
        if all(model.hooks is None or model.hooks.filter() is None for model in self.models):
            return Path[str](TYPE).is_in([str(model.type_name) for model in self.models])
        conditions = [condition for condition in map(planner.visible, self.models) if condition is not None]
        return Junction("OR", tuple(conditions))

    def query(self, reading: Reading[Any], request: dict[str, Any]) -> None:
        """See ``Hooks``."""
        self._fire("before query", Querying(reading, request, []))

    def queried(self, reading: Reading[Any], items: list[Any]) -> None:
        """See ``Hooks``."""
        self._fire("after query", Querying(reading, {}, items))

    def _fire(self, name: str, event: Querying) -> None:
        functions: Iterator[Function] = (
            function for model in self.models if model.hooks is not None for function in model.hooks.functions(name)
        )
        for function in dict.fromkeys(functions):
            function(event)
