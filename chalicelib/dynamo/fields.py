"""Fields: what a model declares of an attribute, and the descriptor that it becomes.

On the class a field is a typed path that makes conditions, on an instance it is its value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from string import Formatter
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from chalicelib.dynamo.expressions import Condition, Path

if TYPE_CHECKING:
    import re
    from datetime import timedelta

    from typing_extensions import Self

    from chalicelib.dynamo.errors import AttributeValue
    from chalicelib.dynamo.types.base import Type

T = TypeVar("T")
MISSING: Any = object()
"""The default of a field that has none, and so is required."""


class Options:
    """What ``field`` was given. Those of plugins are in ``plugin``: the plugin's name and its own options.

    ``managed`` are fields that a plugin sets at every write, whatever the object has.
    """

    __slots__ = (
        "aliases",
        "checks",
        "combined",
        "default",
        "discriminator",
        "forced",
        "get",
        "hidden",
        "managed",
        "name",
        "plugin",
        "read_only",
        "set",
        "storage",
        "unique",
    )

    def __init__(self, **given: Any) -> None:
        self.default = MISSING
        self.aliases: tuple[str, ...] = ()
        self.checks: dict[str, Any] = {}
        self.forced = self.hidden = self.managed = self.read_only = self.unique = False
        self.name: str | None = None
        self.combined: str | None = None
        self.discriminator: str | None = None
        self.storage: str | None = None
        self.get: Callable[[Any], Any] | None = None
        self.set: Callable[[Any], Any] | None = None
        self.plugin: tuple[str, dict[str, Any]] = ("", {})
        for option, value in given.items():
            setattr(self, option, value)

    @property
    def is_version(self) -> bool:
        """Whether it counts the writes of its item."""
        return self.plugin[0] == "version"


def field(
    *,
    name: str | None = None,
    default: Any = MISSING,
    forced: bool = False,
    get: Callable[[Any], Any] | None = None,
    set: Callable[[Any], Any] | None = None,  # noqa: A002 - a field's get and set, as everyone calls them
    validate: Callable[[Any], bool] | re.Pattern[str] | str | float | None = None,
    choices: Iterable[Any] | None = None,
    pattern: str | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    ge: Any = None,
    gt: Any = None,
    le: Any = None,
    lt: Any = None,
    aliases: str | tuple[str, ...] = (),
    hidden: bool = False,
    read_only: bool = False,
    unique: bool = False,
    storage: Literal["iso", "seconds", "milliseconds"] | None = None,
    discriminator: str | None = None,
) -> Any:
    """Options of a field.

    Args:
        name: the attribute's stored name, if it is not the field's. A key attribute's name makes the field that key.
        default: the value of a new object that is given none, or a function that makes it. Without one the field is
            required.
        forced: every write stores the default, whatever the object has.
        get: applied to the stored value when an item is loaded.
        set: applied to the value before it is checked and stored. Applied again at the next write.
        validate: a value that it has to be, a pattern found in it, or a function that says whether it is valid.
        choices: the values that it may have.
        pattern: a regular expression that the whole text matches.
        min_length: the least number of characters, bytes or elements.
        max_length: the greatest number of them.
        ge: the least value.
        gt: a value that all are greater than.
        le: the greatest value.
        lt: a value that all are less than.
        aliases: other names by which a constructor, a document or an attribute access may call it. Type checkers know
            none of them, and would take one named ``alias`` for the only name that a constructor knows.
        hidden: left out of documents and of ``repr``.
        read_only: set when the object is created, and never again.
        unique: no two items of the model have the same value. Writes become transactions with a marker item.
        storage: how times are stored: ``iso`` text in UTC (unless told otherwise), or whole ``seconds`` or
            ``milliseconds`` since 1970.
        discriminator: the field that tells nested documents of a union apart.
    """
    if forced and default is MISSING:
        raise TypeError("a field can only be forced to a default, and has none")
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt, "min_length": min_length, "max_length": max_length}
    given = {**bounds, "pattern": pattern, "choices": None if choices is None else tuple(choices), "validate": validate}
    return Options(
        name=name,
        default=default,
        forced=forced,
        get=get,
        set=set,
        checks={check: bound for check, bound in given.items() if bound is not None},
        aliases=(aliases,) if isinstance(aliases, str) else aliases,
        hidden=hidden,
        read_only=read_only,
        unique=unique,
        storage=storage,
        discriminator=discriminator,
    )


def combined(template: str, *, name: str | None = None, init: Literal[False] = False) -> Any:  # noqa: ARG001
    """A field composed of others, ``combined("{last}, {first}")``; it follows them at every write."""
    return Options(name=name, combined=template, default=None)


def version(*, name: str | None = None, init: Literal[False] = False) -> Any:  # noqa: ARG001 - for type checkers
    """A counter of writes, from 1. Writing a loaded object requires that nobody else has written it since.

    Raises (the write):
        StaleVersion: somebody has.
    """
    return Options(name=name, default=None, managed=True, plugin=("version", {}))


def timestamp(
    *,
    on: Literal["create", "update"],
    name: str | None = None,
    storage: Literal["iso", "seconds", "milliseconds"] = "iso",
    init: Literal[False] = False,  # noqa: ARG001 - for type checkers
) -> Any:
    """The time of creation, or of the last write. A model may have several, each with a storage of its own."""
    plugin = ("timestamps", {"on": on})
    return Options(name=name, default=None, storage=storage, managed=on == "update", plugin=plugin)


def expiry(
    *,
    after: timedelta | None = None,
    name: str | None = None,
    default: Any = None,
) -> Any:
    """When the item ends: the table's time-to-live attribute, in whole seconds. Ended items are not loaded.

    ``after`` sets it at creation where no time was given.
    """
    return Options(name=name, default=default, storage="seconds", plugin=("expiry", {"after": after}))


class TypedPath(Path[T]):
    """A path whose type is known, so that what it is compared with is checked and stored as it is."""

    __slots__ = ("_type",)

    def __init__(self, type_: Type, *names: str | int) -> None:
        super().__init__(*names)
        self._type: Type | None = type_

    @property
    def type(self) -> Type:
        """The type of what is at the path."""
        if self._type is None:
            self._type = self._resolved()
        return self._type

    def _resolved(self) -> Type:
        raise NotImplementedError

    def encode(self, value: Any) -> AttributeValue:
        """The attribute value; see ``Path.encode``."""
        return self.type.encode(value)

    def encode_element(self, value: Any) -> AttributeValue:
        """The attribute value of an element; see ``Path.encode_element``."""
        element = self.type.element
        return super().encode_element(value) if element is None else element.encode(value)

    def member(self, name: str | int) -> Path[Any]:
        """The path of a member; see ``Path.member``."""
        schema, element = self.type.schema, self.type.element
        if schema is not None and name in schema.fields:
            field = schema.fields[name]
            return TypedPath(field.type, *self.names, field.stored)
        if element is not None:
            return TypedPath(element, *self.names, name)
        return Path(*self.names, name)

    def within(self, outer: Path[Any]) -> TypedPath[T]:
        """See ``Path.within``."""
        return TypedPath(self.type, *outer.names, *self.names)


class Attr(TypedPath[T], Generic[T]):
    """A field of a model or of a nested document."""

    __slots__ = ("annotation", "field", "options", "owner", "parts")

    def __init__(self, owner: Any, field_name: str, annotation: Any, options: Options) -> None:
        self.owner, self.field, self.options = owner, field_name, options
        self.annotation = annotation
        template = options.combined
        self.parts = frozenset() if template is None else frozenset(_places(template))
        """The fields that a combined one is made of."""
        Path.__init__(self, options.name or field_name)
        self._type = None

    def combine(self, values: Mapping[str, Any]) -> str | None:
        """A combined field's value; None when one of its parts is."""
        known = all(values[name] is not None for name in self.parts)
        return (self.options.combined or "").format_map(values) if known else None

    def _compared(self, operator: str, other: Any) -> Condition:
        if other is not None or operator not in ("=", "<>"):
            return super()._compared(operator, other)
        return self.is_none() if operator == "=" else ~self.is_none()

    def transformed(self, value: Any) -> Any:
        """A value after the field's ``set`` function."""
        transform = self.options.set
        return value if transform is None or value is None else transform(value)

    def again(self) -> Attr[T]:
        """The same field, for a class that inherits it."""
        return Attr(self.owner, self.field, self.annotation, self.options)

    @property
    def labels(self) -> tuple[str | int, ...]:
        """What errors call it; see ``Path.labels``."""
        return (self.field,)

    @property
    def stored(self) -> str:
        """The attribute's name in the table."""
        return str(self.names[0])

    @property
    def resolved(self) -> Any:
        """The annotation's type, evaluated."""
        self.type  # noqa: B018 - it evaluates
        return self.annotation

    @property
    def required(self) -> bool:
        """Whether an item cannot be stored without it."""
        return self.options.default is MISSING

    def _resolved(self) -> Type:
        made: Type = self.owner.schema.type_of(self)
        return made

    def __hash__(self) -> int:
        return hash(self.names)

    @overload
    def __get__(self, instance: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: Any) -> T: ...
    def __get__(self, instance: Any, owner: Any) -> Any:
        """The path on the class. On an instance only what was not loaded comes here.

        Raises:
            AttributeError: the item was loaded without this attribute.
        """
        if instance is None:
            return self
        raise AttributeError(f"{owner.__name__}.{self.field} was not loaded")

    if TYPE_CHECKING:  # at run time an instance's dictionary comes first, which is faster

        def __set__(self, instance: object, value: T) -> None: ...


def _places(template: str) -> Iterable[str]:
    return (name for _, name, _, _ in Formatter().parse(template) if name)


class Alias:
    """Another name of a field."""

    __slots__ = ("field",)

    def __init__(self, field_name: str) -> None:
        self.field = field_name

    def __get__(self, instance: Any, owner: Any) -> Any:
        return getattr(owner if instance is None else instance, self.field)

    def __set__(self, instance: Any, value: Any) -> None:
        setattr(instance, self.field, value)
