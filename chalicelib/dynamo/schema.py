"""A model's or nested document's fields, compiled: values to an item and back, in one documented order.

Storing: ``storing`` and the hooks before validation; forced defaults; ``set`` functions; combined fields; types,
constraints and what is required, field by field; unknown attributes; ``check`` and the hooks after validation; then the
key and the item's size. Defaults are given when an object is made. Loading: types; ``get`` functions; static defaults
of what is absent, unless it was not asked for; unknown attributes; ``loaded`` and the hooks after loading.
"""

from __future__ import annotations

import copy
import fnmatch
import sys
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from chalicelib.dynamo import codec
from chalicelib.dynamo.errors import AttributeValue, Invalid, Item, MissingAttribute, UnknownAttribute
from chalicelib.dynamo.fields import MISSING, Attr
from chalicelib.dynamo.types import type_of
from chalicelib.dynamo.types.base import FAILURES, Type

if TYPE_CHECKING:
    from chalicelib.dynamo.document import Document

_IMMUTABLE = frozenset({type(None), bool, int, float, str, bytes})
USES_UNTIL_SPECIALISED = 50
"""Making a codec for one schema takes about a millisecond, so a container's first requests do without."""

Unknown: TypeAlias = Literal["drop", "keep", "reject"] | tuple[str, ...]
"""What becomes of attributes that are no fields: a tuple names those to keep, by path, ``*`` standing for any text."""


class Schema:
    """The fields of one class. Building it is free; it is compiled when first used.

    ``encode`` and ``values`` are the codec alone, ``ready`` and ``load`` the whole pipeline of an object.
    """

    def __init__(self, owner: type[Document], fields: dict[str, Attr[Any]], unknown: Unknown) -> None:
        self.owner, self.fields, self.unknown = owner, fields, unknown
        self.aliases = {alias: name for name, field in fields.items() for alias in field.options.aliases}
        self.ignored: frozenset[str] = frozenset()
        """Attributes that are no fields and not unknown: keys and the like."""
        self.validator: Callable[[dict[str, Any]], None] | None = None
        """A check of all values together, besides the fields' own. It raises ``Invalid``."""
        self.overrides_loading = True
        """Whether the class does something of its own with what was loaded."""
        self._encoders: list[tuple[str, str, Callable[[Any], AttributeValue], bool, Type]] | None = None
        self._uses = 0
        self._decoders: dict[str, tuple[str, Callable[[AttributeValue], Any], Type]] = {}
        self._absent: list[tuple[str, Any]] = []
        self._get: list[tuple[str, Callable[[Any], Any]]] = []
        self._steps: list[Callable[[dict[str, Any]], None]] = []

    @cached_property
    def by_stored(self) -> dict[str, Attr[Any]]:
        """The fields by the attributes that they are stored in. To be asked for when the class is complete."""
        return {field.stored: field for field in self.fields.values()}

    def type_of(self, field: Attr[Any]) -> Type:
        """A field's type.

        Raises:
            TypeError: its annotation cannot be evaluated, or is of a type that DynamoDB has nothing for.
        """
        field.annotation = _resolved(field)
        options = field.options
        keep = self.kept_within(field.field)
        try:
            return type_of(field.annotation, storage=options.storage, discriminator=options.discriminator, keep=keep)
        except (TypeError, NameError) as error:
            raise TypeError(f"{self.owner.__name__}.{field.field}: {error}") from None

    def compile(self) -> list[tuple[str, str, Callable[[Any], AttributeValue], bool, Type]]:
        """Make the codec, unless it is made."""
        if self._encoders is None:
            # Threads may do so at the same time: nothing is added to what another one uses.
            encoders, decoders, getters, absent = [], {}, [], []
            for name, field in self.fields.items():
                options = field.options
                # A nested document's own schema does not know which of its unknown attributes this one keeps.
                type_ = self.type_of(field) if isinstance(self.unknown, tuple) else field.type
                encode = type_.encode
                if options.checks:
                    from chalicelib.dynamo.checks import constrained  # noqa: PLC0415 - few models have them

                    encode = constrained(encode, options.checks)
                encoders.append((name, field.stored, encode, field.required, type_))
                decoders[field.stored] = (name, type_.decode, type_)
                if options.get is not None:
                    getters.append((name, options.get))
                if options.default is not MISSING and not callable(options.default):
                    absent.append((name, options.default))
            self._decoders, self._get, self._absent = decoders, getters, absent
            self._steps = [*self._forced(), *self._transforms(), *self._combinations()]
            self._encoders = encoders
        return self._encoders

    def _forced(self) -> list[Callable[[dict[str, Any]], None]]:
        def step(name: str, default: Any) -> Callable[[dict[str, Any]], None]:
            return lambda values: values.__setitem__(name, made(default))

        return [step(name, field.options.default) for name, field in self.fields.items() if field.options.forced]

    def _transforms(self) -> list[Callable[[dict[str, Any]], None]]:
        def step(name: str, field: Attr[Any]) -> Callable[[dict[str, Any]], None]:
            def apply(values: dict[str, Any]) -> None:
                if name in values:
                    values[name] = field.transformed(values[name])

            return apply

        return [step(name, field) for name, field in self.fields.items() if field.options.set is not None]

    def _combinations(self) -> list[Callable[[dict[str, Any]], None]]:
        def step(name: str, field: Attr[Any]) -> Callable[[dict[str, Any]], None]:
            strange = sorted(field.parts - self.fields.keys())
            if strange:
                raise TypeError(f"{self.owner.__name__} has no field {', '.join(strange)}, of which {name} is combined")

            def combine(values: dict[str, Any]) -> None:
                if field.parts <= values.keys():
                    values[name] = field.combine(values)

            return combine

        fields = self.fields.items()
        return [step(name, field) for name, field in fields if field.options.combined is not None]

    def encode(self, values: Mapping[str, Any]) -> Item:
        """The attribute values of the fields' values; None is left out.

        Raises:
            Invalid: a value is not of its field's type, violates a constraint, or is required and missing.
        """
        self._count()
        return self.encode_partly(values, partial=False)

    def _count(self) -> None:
        """Once they are used often, replace ``encode`` and ``values`` by a codec that is made for the fields."""
        self._uses += 1
        if self._uses >= USES_UNTIL_SPECIALISED:  # threads may count past it
            from chalicelib.dynamo import specialised  # noqa: PLC0415 - a first request does without

            fields = self.compile()
            self.encode = specialised.encoder(fields, self.encode_partly)  # type: ignore[method-assign, assignment]
            self.values = specialised.decoder(fields, self._values)  # type: ignore[method-assign, assignment]

    def encode_partly(self, values: Mapping[str, Any], *, partial: bool = False) -> Item:
        """``encode``; ``partial``: what is not there may be required."""
        item: Item = {}
        get = values.get
        for name, stored, encode, required, _ in self._encoders or self.compile():
            value = get(name)
            if value is not None:
                try:
                    item[stored] = encode(value)
                except Invalid as error:
                    raise error.within(name) from None
            elif required and not (partial and name not in values):
                self._encode_none(name, stored, encode, item)
        return item

    def _encode_none(self, name: str, stored: str, encode: Callable[[Any], AttributeValue], item: Item) -> None:
        """What is required may be None only where null is one of its type's values."""
        if not self.fields[name].type.nullable:
            raise MissingAttribute("is required", [name])
        item[stored] = encode(None)

    def encode_field(self, name: str, value: Any) -> AttributeValue:
        """One field's attribute value for storing, after its ``set`` function and with its constraints.

        Raises:
            Invalid: as ``encode``.
        """
        for field, _, encode, _, type_ in self.compile():
            if field == name:
                if value is None and not type_.nullable:
                    raise MissingAttribute("is required", [name])
                try:
                    return encode(self.fields[name].transformed(value))
                except Invalid as error:
                    raise error.within(name) from None
        raise UnknownAttribute("is no field", [name])

    def values(self, item: Mapping[str, AttributeValue]) -> dict[str, Any]:
        """The fields' values of stored attribute values, but for those that are absent.

        Raises:
            WrongType: an attribute was stored as something else than its field's type.
        """
        self._count()
        return self._values(item)

    def _values(self, item: Mapping[str, AttributeValue]) -> dict[str, Any]:
        if self._encoders is None:
            self.compile()
        values: dict[str, Any] = {}
        decoders = self._decoders
        for stored, value in item.items():
            found = decoders.get(stored)
            if found is not None:
                try:
                    values[found[0]] = found[1](value)
                except FAILURES:
                    values[found[0]] = _load(found[0], found[2], value)
        return values

    def ready(self, document: Document) -> dict[str, Any]:
        """An object's values as they are to be stored; the object has them from now on.

        Raises:
            Invalid: ``validator`` finds something wrong.
        """
        self.compile()
        document.storing()
        values = document.__dict__
        for step in self._steps:
            step(values)
        if self.validator is not None:
            self.validator(values)
        return values

    def item(self, document: Document, *, partial: bool = False) -> Item:
        """An object's attribute values for storing, unknown ones that it keeps among them.

        Raises:
            Invalid: a value cannot be stored.
        """
        values = self.ready(document)
        item = self.encode_partly(values, partial=True) if partial else self.encode(values)
        if self.unknown != "drop":
            # A nested document that was not loaded may have none, if it is the outer one that keeps them.
            for name, value in getattr(document, "extra", {}).items():
                if self._is_unknown(name):
                    item[name] = _encode_unknown(name, value)
        document.check()
        return item

    def load(self, item: Mapping[str, AttributeValue], only: Collection[str] | None = None) -> Any:
        """The object of a stored item, or of the part of it that was asked for: the fields ``only``.

        Raises:
            WrongType: an attribute was stored as something else than its field's type.
            UnknownAttribute: an attribute is no field, and the class rejects those.
        """
        values = self.values(item)
        for name, transform in self._get:
            if values.get(name) is not None:
                values[name] = transform(values[name])
        if len(values) < len(self.fields):
            self._fill_absent(values, only)
        document = self.owner.__new__(self.owner)
        document.__dict__ = values
        if self.unknown != "drop":
            document.extra = self._unknown(item)
        document.loaded()
        return document

    def load_all(self, items: Sequence[Item]) -> list[Any]:
        """The objects of stored items, as ``load`` makes them; each remembers its item.

        Raises:
            WrongType, UnknownAttribute: as ``load``.
        """
        self.compile()
        if self._get or self.unknown != "drop" or self.overrides_loading:
            documents = [self.load(item) for item in items]
            for document, item in zip(documents, items, strict=True):
                document.stored = item
            return documents
        owner, decode, whole = self.owner, self.values, len(self.fields)
        documents = []
        for item in items:
            values = decode(item)
            if len(values) < whole:
                self._fill_absent(values, None)
            document = owner.__new__(owner)
            document.__dict__ = values
            document.stored = item
            documents.append(document)
        return documents

    def _fill_absent(self, values: dict[str, Any], only: Collection[str] | None) -> None:
        for name, default in self._absent:
            if name not in values and (only is None or name in only):
                values[name] = made(default)

    def _is_unknown(self, stored: str) -> bool:
        return stored not in self._decoders and stored not in self.ignored

    def _unknown(self, item: Mapping[str, AttributeValue]) -> dict[str, Any]:
        strange = {name: value for name, value in item.items() if self._is_unknown(name)}
        self.admit(strange)
        return {name: codec.decode(value) for name, value in strange.items() if self.keeps(name)}

    def admit(self, names: Collection[str]) -> None:
        """Refuse unknown attributes where the class rejects them.

        Raises:
            UnknownAttribute: it does, and there are some.
        """
        if self.unknown == "reject" and names:
            raise UnknownAttribute("is not declared", [next(iter(names))])

    def kept_within(self, field: str) -> tuple[str, ...]:
        """The paths within a field of which unknown attributes are kept, whatever the class of what is nested says."""
        patterns = self.unknown if isinstance(self.unknown, tuple) else ()
        split = [pattern.partition(".") for pattern in patterns]
        return tuple([rest for head, _, rest in split if rest and fnmatch.fnmatchcase(field, head)])

    def keeps(self, name: str) -> bool:
        """Whether an unknown attribute of this name is kept."""
        if isinstance(self.unknown, tuple):
            return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.unknown)
        return self.unknown == "keep"


def made(default: Any) -> Any:
    """The value of a default: what its function makes, or a copy of what is mutable."""
    if callable(default):
        return default()
    return default if type(default) in _IMMUTABLE else copy.deepcopy(default)


def _encode_unknown(name: str, value: Any) -> AttributeValue:
    try:
        return codec.encode(value)
    except Invalid as error:
        raise error.within(name) from None


def _load(name: str, type_: Type, value: AttributeValue) -> Any:
    if "NULL" in value and not type_.nullable:  # stored by others, as nothing
        return None
    try:
        return type_.load(value)
    except Invalid as error:
        raise error.within(name) from None


def _resolved(field: Attr[Any]) -> Any:
    """The type within ``Attr[...]``, evaluated where the class was written."""
    owner = field.owner
    annotated = SimpleNamespace(__annotations__={field.field: field.annotation})
    module = sys.modules.get(owner.__module__)
    names = {"Attr": Attr, owner.__name__: owner}
    try:
        hints = typing.get_type_hints(annotated, vars(module) if module else {}, names, include_extras=True)
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise TypeError(
            f"{owner.__name__}.{field.field}: {error}; what a field's annotation names has to be imported at run time "
            "and at the module's top level"
        ) from None
    evaluated = hints[field.field]
    return typing.get_args(evaluated)[0] if typing.get_origin(evaluated) is Attr else evaluated
