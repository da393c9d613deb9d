"""Objects of several models from one query of the partition that they share: a book with its reviews."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from chalicelib.dynamo import planner
from chalicelib.dynamo.bindings import Bindings
from chalicelib.dynamo.errors import NoIndex, Rejected, UnknownAttribute
from chalicelib.dynamo.expressions import Condition, Path, all_of
from chalicelib.dynamo.group_models import Bare, Combined
from chalicelib.dynamo.keys import TYPE, BoundIndex
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.planner import Plan
from chalicelib.dynamo.query import Query
from chalicelib.dynamo.reading import asked_for

if TYPE_CHECKING:
    from typing_extensions import Self

    from chalicelib.dynamo.errors import Item
    from chalicelib.dynamo.keys import Access

M = TypeVar("M", bound=Model)
M1 = TypeVar("M1", bound=Model)
M2 = TypeVar("M2", bound=Model)
M3 = TypeVar("M3", bound=Model)
M4 = TypeVar("M4", bound=Model)
M5 = TypeVar("M5", bound=Model)


class Group(Generic[M]):
    """Models whose objects are queried together."""

    def __init__(self, models: tuple[type[M], ...]) -> None:
        self.models = models
        names = " and ".join(model.__name__ for model in models)
        if len({model.table.name for model in models}) > 1:
            raise TypeError(f"{names} are not in one table")
        kinds = [model.type_name for model in models]
        if None in kinds or len(set(kinds)) < len(models):
            raise TypeError(f"{names} cannot be told apart: each needs a type of its own")

    def query(self, **values: Any) -> Together[M]:
        """A query for the objects of all these models with these values.

        The first model chooses the table's key or an index, as ``Model.query`` does; the others follow.
        """
        return Together(self.models, values)


@overload
def together(a: type[M1], b: type[M2], /) -> Group[M1 | M2]: ...
@overload
def together(a: type[M1], b: type[M2], c: type[M3], /) -> Group[M1 | M2 | M3]: ...
@overload
def together(a: type[M1], b: type[M2], c: type[M3], d: type[M4], /) -> Group[M1 | M2 | M3 | M4]: ...
@overload
def together(a: type[M1], b: type[M2], c: type[M3], d: type[M4], e: type[M5], /) -> Group[M1 | M2 | M3 | M4 | M5]: ...
def together(*models: type[Model]) -> Group[Any]:
    """Two to five models whose objects share partitions.

    ::

        found = together(Book, Review).query(isbn="1").all()  # list[Book | Review]
        books, reviews = by_model(found)[Book], by_model(found)[Review]

    Raises:
        TypeError: they are not in one table, or have no ``type`` of their own each.
    """
    return Group(models)


class Together(Query[M]):
    """A query for objects of several models, in the order of the sort key; see ``Query``.

    Every model has to give the same partition key for the values. The sort key narrows what is read where all models
    compose it alike; else the whole partition is read and the rest filtered. What ``where`` says holds for objects of
    every model, and an attribute that an object does not have fails it.
    """

    def __init__(self, models: tuple[type[M], ...], values: dict[str, Any]) -> None:
        self.models = models
        super().__init__(cast("type[M]", Combined(models)), values)

    def using(self, access: Access | BoundIndex[Any]) -> Self:
        """By this key or index of one of the models, and the others' of the same index: ``using(Book.by_shelf)``."""
        index = (access.index if isinstance(access, BoundIndex) else access).index
        return super().using(_access(self.models[0], index))

    def fields(self, *paths: Path[Any]) -> Self:
        """See ``Reading``; the keys of every model are loaded besides."""
        keys = [model.schema.fields[name] for model in self.models for name in sorted(model.key.fields)]
        return super().fields(*paths, *keys, Path[str](TYPE))

    def populate(self, *paths: str) -> Self:
        """See ``Reading``. A path is followed from the models that have it.

        Raises:
            UnknownAttribute: none of them has.
        """
        for path in paths:
            if not any(_begins(model, path) for model in self.models):
                raise UnknownAttribute(f"is no field of {self.model.__name__}", [path.split(".")[0]])
        return super().populate(*paths)

    def after(self, sk: str | None) -> Self:
        """See ``Query``.

        Raises:
            Rejected: whatever is given; several models have no one field that is the sort key. ``page`` goes on.
        """
        if sk is None:
            return self
        raise Rejected("A query of several models goes on with page(size, cursor).")

    @cached_property
    def plan(self) -> Plan:
        """How it is answered.

        Raises:
            NoIndex: nothing serves it, or the models do not have the values in one partition.
            Invalid: a value is not of its field's type.
        """
        first = self._plan(self.models[0], self.access)
        plans = [first, *[self._plan(model, _access(model, first.index)) for model in self.models[1:]]]
        for model, plan in zip(self.models, plans, strict=True):
            if plan.hash_value != first.hash_value:
                here, there = next(iter(first.hash_value.values())), next(iter(plan.hash_value.values()))
                raise NoIndex(f"{model.__name__} has these values in another partition: {there!r}, not {here!r}.")
            self._check_values(model, first.access)
        if len({_text(plan.range) for plan in plans}) == 1:
            range_, filter_ = first.range, first.filter
        elif self.order is not None:
            raise NoIndex(f"The models do not compose the sort key alike, so it is not the order of {self.order}.")
        else:
            range_, filter_ = None, self._whole_partition(first.access)
        kinds = planner.visible(self.model)
        return Plan(first.access, first.hash_value, range_, all_of([filter_, kinds]), first.why, first.rejected)

    def _plan(self, model: type[M], access: Access | None) -> Plan:
        bare = cast("type[M]", Bare(model))
        return planner.plan(bare, self.values, self.condition, using=access, sort=self.order, consistent=self.strong)

    def _check_values(self, model: type[M], access: Access) -> None:
        """Values that do not make the partition are filtered by one attribute, so all models have to store it alike."""
        for name in self.values.keys() - access.hash.fields:
            if model.schema.fields[name].stored != self.models[0].schema.fields[name].stored:
                raise NoIndex(f"{model.__name__} stores {name} as another attribute; say what you want with where.")

    def _whole_partition(self, access: Access) -> Condition | None:
        """What is left to the filter when the sort key takes over nothing. The plans have refused what cannot be."""
        terms = planner.Terms(self.models[0], self.values, self.condition)
        return all_of(terms.without(terms.settled(access.hash)))

    def build(self, items: list[Item]) -> list[M]:
        """The objects of stored items, each of its model."""
        by_type = {model.type_name: model for model in self.models}
        only = asked_for(self.wanted) if self.wanted else None
        made: list[M] = []
        for item in items:
            model = by_type.get(item.get(TYPE, {}).get("S"))
            loaded = None if model is None else model.from_item(item, only)
            if model is not None and loaded is not None and (only is not None or model.admitted(loaded) is not None):
                made.append(loaded)
        self._populate(made)
        if self.model.hooks is not None:
            self.model.hooks.queried(self, made)
        return made

    def _populate(self, found: list[M]) -> None:
        if self.populated:
            from chalicelib.dynamo.population import populate  # noqa: PLC0415 - few queries do

            for model, items in by_model(found).items():
                populate(items, *[path for path in self.populated if _begins(model, path)], consistent=self.strong)


class ByModel(dict["type[Any]", "list[Any]"]):
    """Objects by their model, in their order; an empty list for a model that has none."""

    def __getitem__(self, model: type[M]) -> list[M]:
        found: list[M] = self.get(model, [])
        return found


def by_model(items: Iterable[Model]) -> ByModel:
    """Objects of several models, split: ``by_model(page.items)[Book]`` is a ``list[Book]``."""
    made = ByModel()
    for item in items:
        made.setdefault(type(item), []).append(item)
    return made


def _begins(model: type[Model], path: str) -> bool:
    name = path.split(".", maxsplit=1)[0]
    return name in model.schema.fields or name in model.schema.aliases


def _access(model: type[Model], index: str | None) -> Access:
    """The model's key, or its index of this name in the table."""
    for access in (model.key, *model.indexes.values()):
        if access.index == index:
            return access
    raise NoIndex(f"{model.__name__} is not in the index {index}.")


def _text(condition: Condition | None) -> str:
    bindings = Bindings()
    text = "" if condition is None else bindings.expression(condition)
    return repr((text, bindings.names, bindings.values))
