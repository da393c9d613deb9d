"""Plugins: objects that give models hooks, fields and methods. What models have built in is written as plugins too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Literal, Protocol

from chalicelib.dynamo.fields import MISSING, Attr, Options
from chalicelib.dynamo.hooks import Hooks, Kind, hooks_of

if TYPE_CHECKING:
    from chalicelib.dynamo.expressions import Condition
    from chalicelib.dynamo.model import Model


class Plugin(Protocol):
    """What ``class Book(Model, plugins=[...])`` takes. Models that derive from ``Book`` have it too."""

    def register(self, registry: Registry) -> None:
        """Give the model what the plugin has for it. Called once for each model with a table, when its class is made.

        For every model of its own, so what concerns a field is to be had from ``registry.model``.
        """


class Registry:
    """Where a plugin puts what it gives ``model``."""

    def __init__(self, model: type[Model], hooks: Hooks, plugin: Plugin) -> None:
        self.model = model
        self._hooks, self._plugin = hooks, plugin

    def before(self, kind: Kind, function: Callable[[Any], None], order: int = 0) -> None:
        """Call the function before; see ``hooks``."""
        self._hooks.plug(f"before {kind}", function, order)

    def planned(self, kind: Literal["create", "update", "delete"], function: Callable[[Any], None]) -> None:
        """Call the function when every one before has run: what it adds to the write is by what is really written."""
        self._hooks.plug(f"planned {kind}", function)

    def after(self, kind: Kind, function: Callable[[Any], None], order: int = 0) -> None:
        """Call the function afterwards; see ``hooks``."""
        self._hooks.plug(f"after {kind}", function, order)

    def field(self, name: str, annotation: Any, options: Options | None = None) -> Attr[Any]:
        """A further field, of the type that the annotation says. It needs a default: constructors do not name it.

        Raises:
            TypeError: it has none, or the model has a member of this name already.
        """
        model = self.model
        given = Options(default=None) if options is None else options
        if given.default is MISSING:
            raise TypeError(f"{model.__name__}.{name}: a plugin's field needs a default")
        if not self._inherited(name):
            model.schema.fields[name] = Attr(model, name, annotation, given)
            setattr(model, name, model.schema.fields[name])
        return model.schema.fields[name]

    def method(self, name: str, function: Callable[..., Any] | classmethod[Any, Any, Any] | property) -> None:
        """A further method, or with a ``classmethod`` or ``property`` what that is.

        Raises:
            TypeError: the model has a member of this name already.
        """
        if not self._inherited(name):
            setattr(self.model, name, function)

    def admit(self, admits: Callable[[Any], bool], condition: Callable[[], Condition | None]) -> None:
        """Treat objects that are not admitted as if they were not stored; the condition says the same of items."""
        self._hooks.add_admission(admits, condition)

    def _inherited(self, name: str) -> bool:
        """Whether a class that the model derives from has it already, from the same plugin."""
        self._hooks.given[name] = self._plugin
        if not hasattr(self.model, name):
            return False
        for hooks in _lineage(self.model)[:-1]:
            if hooks.given.get(name) is self._plugin:
                return True
        raise TypeError(f"{self.model.__name__} has a member {name} already")


def install(model: type[Model], plugins: Iterable[Plugin]) -> None:
    """Register a model's plugins and those that it inherits, then what its fields ask for."""
    hooks = hooks_of(model)
    hooks.plugins = list(plugins)
    if not hasattr(model, "table"):
        return
    for plugin in {id(plugin): plugin for each in _lineage(model) for plugin in each.plugins}.values():
        plugin.register(Registry(model, hooks, plugin))
    asking: dict[str, list[Attr[Any]]] = {}
    for attribute in model.schema.fields.values():
        name = attribute.options.plugin[0] or ("unique" if attribute.options.unique else "")
        if name:
            asking.setdefault(name, []).append(attribute)
    for name, fields in asking.items():
        built_in = _built_in(name, fields)
        built_in.register(Registry(model, hooks, built_in))


def _lineage(model: type[Model]) -> list[Hooks]:
    """The hooks of the classes that a model derives from, and at last its own."""
    return [base.__dict__["hooks"] for base in reversed(model.__mro__) if base.__dict__.get("hooks") is not None]


def _built_in(name: str, fields: list[Attr[Any]]) -> Plugin:
    if name == "timestamps":
        from chalicelib.dynamo.plugins.timestamps import Timestamps  # noqa: PLC0415 - only for models that have it

        return Timestamps(fields)
    if name == "unique":
        from chalicelib.dynamo.plugins.unique import Unique  # noqa: PLC0415 - only for models that have it

        return Unique(fields)
    if len(fields) > 1:
        raise TypeError(f"{fields[1].owner.__name__}.{fields[1].field} is a second {name}; a model has one")
    if name == "version":
        from chalicelib.dynamo.plugins.version import Version  # noqa: PLC0415 - only for models that have it

        return Version(fields[0])
    from chalicelib.dynamo.plugins.expiry import Expiry  # noqa: PLC0415 - only for models that have it

    return Expiry(fields[0])
