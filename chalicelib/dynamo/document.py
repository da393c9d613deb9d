"""Documents: classes of typed fields. A model is one that is an item; any other is nested in one, stored as a map."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from chalicelib.dynamo import codec
from chalicelib.dynamo.errors import Invalid, Item, MissingAttribute, WrongType
from chalicelib.dynamo.fields import MISSING, Alias, Attr, Options, combined, field, timestamp, version
from chalicelib.dynamo.schema import Schema, Unknown, made

if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform

    from chalicelib.dynamo.types.base import Type
else:  # what it does is the type checkers' business only, and Python 3.10 lacks it

    def dataclass_transform(**_: object) -> object:
        """Nothing, at run time."""
        return lambda cls: cls


_ANNOTATED = re.compile(r"([A-Za-z_]\w*\.)*Attr\[")


# To a checker ``expiry(...)`` is a plain default, because constructors may be given one; of the others it looks at
# ``default`` and ``init``.
@dataclass_transform(kw_only_default=True, field_specifiers=(field, combined, version, timestamp))
class Document:
    """The base of classes whose annotations ``Attr[...]`` are fields.

    For example::

        class Address(Document):
            street: Attr[str]
            city: Attr[str] = field(max_length=100)

    ``None`` is stored as an absent attribute. ``extra`` has the unknown attributes that the class keeps (see
    ``schema.Unknown``; unless told otherwise they are dropped).
    """

    __slots__ = ("__dict__", "extra", "stored")

    schema: ClassVar[Schema]
    extra: dict[str, Any]
    stored: Item | None
    """Of a model: the item as it was last loaded or written, None for an object that is new."""
    _fields: ClassVar[dict[str, Attr[Any]]] = {}

    def __init_subclass__(cls, *, unknown: Unknown | None = None) -> None:
        inherited: dict[str, Attr[Any]] = {}
        for base in reversed(cls.__mro__[1:]):
            inherited.update(base.__dict__.get("_fields", {}))
        own = {
            name: cls._declared(name, annotation)
            for name, annotation in inspect.get_annotations(cls).items()
            if getattr(annotation, "__origin__", None) is Attr or _ANNOTATED.match(str(annotation))
        }
        cls._fields = {**{name: attribute.again() for name, attribute in inherited.items()}, **own}
        cls.schema = Schema(cls, cls._fields, unknown or (cls.schema.unknown if hasattr(cls, "schema") else "drop"))
        cls.schema.overrides_loading = cls.loaded is not Document.loaded
        for name, attribute in cls._fields.items():
            setattr(cls, name, attribute)
            for alias in attribute.options.aliases:
                if alias in cls._fields:
                    raise TypeError(f"{cls.__name__}.{alias} is a field, and an alias of {name}")
                setattr(cls, alias, Alias(name))

    @classmethod
    def _declared(cls, name: str, annotation: Any) -> Attr[Any]:
        options = cls.__dict__.get(name, MISSING)
        if not isinstance(options, Options):
            options = Options(default=options)
        for taken in (name, *options.aliases):
            if any(hasattr(base, taken) or taken in inspect.get_annotations(base) for base in _plain_bases(cls)):
                raise TypeError(
                    f"{cls.__name__}.{taken}: models have a member of this name; give it with field(name=...)"
                )
        return Attr(cls, name, annotation, options)

    def __init__(self, **values: Any) -> None:
        own = self.__dict__
        schema = self.schema
        for name, attribute in schema.fields.items():
            if name in values:
                own[name] = values.pop(name)
            else:
                default = attribute.options.default
                if default is MISSING:
                    default = self._aliased(attribute, values)
                own[name] = made(default)
        for name in list(values):
            if name in schema.aliases:
                own[schema.aliases[name]] = values.pop(name)
        if values:
            raise TypeError(f"{type(self).__name__} has no {', '.join(values)}")
        if schema.unknown != "drop":
            self.extra = {}

    def _aliased(self, attribute: Attr[Any], values: dict[str, Any]) -> Any:
        for alias in attribute.options.aliases:
            if alias in values:
                return None
        raise TypeError(f"{type(self).__name__} needs {attribute.field}")

    @classmethod
    def of_values(cls, values: dict[str, Any]) -> Self:
        """An object that has exactly these values, not checked."""
        document = cls.__new__(cls)
        document.__dict__ = values
        return document

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """An object of untyped values by field or alias, such as a JSON document's: times may be texts, and so on.

        Raises:
            Invalid: a value is of the wrong type, an attribute is missing, or unknown where those are rejected.
        """
        schema = cls.schema
        named = {schema.aliases.get(name, name): value for name, value in document.items()}
        strange = {name: value for name, value in named.items() if name not in schema.fields}
        schema.admit(strange)
        values = {}
        for name, attribute in schema.fields.items():
            if name in named:
                try:
                    values[name] = parsed(attribute, named[name])
                except Invalid as error:
                    raise error.within(name) from None
        missing = [name for name, attribute in schema.fields.items() if attribute.required and name not in values]
        if missing:
            raise MissingAttribute("is required", missing[:1])
        made_ = cls(**values)
        if schema.unknown != "drop":
            made_.extra = {name: value for name, value in strange.items() if schema.keeps(name)}
        for name, value in values.items():
            keep = schema.kept_within(name)
            if keep:
                _keep(value, named[name], keep)
        return made_

    def loaded(self) -> None:
        """What a class does to an object that was just loaded. To be overridden."""

    def storing(self) -> None:
        """What a class does to an object that is about to be checked and stored. To be overridden."""

    def check(self) -> None:
        """What a class requires of an object as a whole. To be overridden; raises ``ConstraintViolated``."""

    @classmethod
    def nested_type(cls, keep: tuple[str, ...]) -> Type:
        """The type of a field that has such a document."""
        from chalicelib.dynamo.types.rich import document_type  # noqa: PLC0415 - few models nest them

        return document_type(cls, Schema(cls, cls._fields, keep) if keep else cls.schema)

    def __repr__(self) -> str:
        hidden = {name for name, attribute in self._fields.items() if attribute.options.hidden}
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items() if name not in hidden)
        return f"{type(self).__name__}({shown})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]


def _plain_bases(cls: type) -> list[type]:
    """The bases that declare no fields: those whose members a field must not hide."""
    return [base for base in cls.__mro__[1:] if base is not object and not base.__dict__.get("_fields")]


def _keep(value: Any, document: Any, patterns: tuple[str, ...]) -> None:
    """Give parsed nested documents the unknown attributes that an outer one keeps by path."""
    if isinstance(value, Document):
        schema = Schema(type(value), value.schema.fields, patterns)
        named = {schema.aliases.get(name, name): member for name, member in document.items()}
        kept = {name: member for name, member in named.items() if name not in schema.fields and schema.keeps(name)}
        value.extra = {**getattr(value, "extra", {}), **kept}
        for name in schema.fields.keys() & named.keys():
            _keep(value.__dict__[name], named[name], schema.kept_within(name))
    elif isinstance(value, (list, tuple)):
        for member, part in zip(value, document, strict=True):
            _keep(member, part, patterns)
    elif isinstance(value, dict):
        for name, member in value.items():
            _keep(member, document[name], patterns)


def parsed(attribute: Attr[Any], value: Any) -> Any:
    """A field's value, out of one that JSON has. None where the field may have none, whatever its type."""
    if value is None:
        if attribute.required:
            attribute.type.encode(None)  # an error, unless null is one of its values
        return None
    from chalicelib.dynamo.restoring import restored  # noqa: PLC0415 - most requests are not parsed by models

    type_ = attribute.type
    made_ = restored(attribute.resolved, value)
    try:
        # A copy, because storing changes nested documents (``set`` functions).
        type_.encode(copy.deepcopy(made_))
    except WrongType:
        try:
            return type_.load(codec.encode(made_))
        except Invalid:
            type_.encode(made_)
            raise
    return made_
