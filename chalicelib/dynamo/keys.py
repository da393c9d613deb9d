"""Keys: how fields compose the attributes that items are found by, of the table and of its indexes."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from chalicelib.dynamo.errors import (
    AttributeValue,
    Invalid,
    Item,
    KeyTooLong,
    MissingAttribute,
    UnknownAttribute,
    WrongType,
)
from chalicelib.dynamo.ordering import canonical, sortable

if TYPE_CHECKING:
    from typing_extensions import Self

    from chalicelib.dynamo.model import Model
    from chalicelib.dynamo.query import Query

M = TypeVar("M", bound="Model")

TYPE = "_type"
"""The attribute that tells the items of a table apart, where their models have a ``type``."""
HOLDER = "_holder"
"""The attribute of a marker of a unique value that has the key of the item with that value."""
MAX_HASH_BYTES, MAX_RANGE_BYTES = 2048, 1024
_PLACE = re.compile(r"\{(\w+)\}")


class Template:
    """Text with places for fields, ``BOOK#{isbn}``: one key attribute.

    In a partition key numbers are as everyone writes them; in a sort key as texts that sort like them.
    """

    __slots__ = ("attribute", "fields", "is_field", "kind", "limit", "model", "parts", "sorts", "text")

    def __init__(self, text: str, *, sorts: bool) -> None:
        self.text, self.sorts = text, sorts
        self.limit = MAX_RANGE_BYTES if sorts else MAX_HASH_BYTES
        self.parts = tuple([(part, number % 2 == 1) for number, part in enumerate(_PLACE.split(text)) if part])
        """Texts and fields in turn: each part is (text, is it a field)."""
        self.fields = tuple([part for part, is_field in self.parts if is_field])

    def bind(self, model: type[Model], attribute: str, kind: str) -> None:
        """Say whose fields these are, and which attribute of which type the template is for.

        Raises:
            TypeError: there is no such field, or a number or binary key is composed.
        """
        self.model, self.attribute, self.kind = model, attribute, kind
        for name in self.fields:
            if name not in model.schema.fields:
                raise TypeError(f"{model.__name__} has no field {name}, which its key {self.text!r} names")
        if kind != "S" and (len(self.parts) != 1 or not self.fields):
            raise TypeError(f"{attribute} has the type {kind}, so {self.text!r} can only be one field")
        alone = len(self.parts) == 1 and bool(self.fields)
        self.is_field = alone and self._field(self.fields[0]).stored == attribute
        """Whether the attribute is the very attribute that one of the fields is stored in."""
        for name, field in model.schema.fields.items():
            if field.stored == attribute and not (self.is_field and name == self.fields[0]):
                raise TypeError(
                    f"{model.__name__}.{name} is stored as {attribute!r}, which is composed as {self.text!r}"
                )

    def _field(self, name: str) -> Any:
        return self.model.schema.fields[name]

    def part(self, name: str, value: Any) -> str:
        """A field's value as text.

        Raises:
            Invalid: it is not of the field's type.
        """
        encoded = self.encoded(name, value)
        if "S" in encoded:
            return str(encoded["S"])
        return sortable(encoded) if self.sorts else canonical(encoded)

    def encoded(self, name: str, value: Any) -> AttributeValue:
        """A field's value as it is stored.

        Raises:
            Invalid: it is not of the field's type.
        """
        if value is None:
            raise MissingAttribute("is part of a key and required", [name])
        try:
            encoded: AttributeValue = self._field(name).type.encode(value)
        except Invalid as error:
            raise error.within(name) from None
        return encoded

    def value(self, values: Mapping[str, Any]) -> AttributeValue:
        """The key attribute's value.

        Raises:
            MissingAttribute, WrongType: a field has no value, or one of another type.
            KeyTooLong: it is empty, or longer than DynamoDB's keys can be.
        """
        if self.is_field or self.kind != "S":
            return self._stored(self.fields[0], values.get(self.fields[0]))
        if len(self.parts) == 1 and self.fields:
            text = self.part(self.fields[0], values.get(self.fields[0]))
        else:
            text = "".join([self.part(part, values.get(part)) if is_field else part for part, is_field in self.parts])
        self.check(text)
        return {"S": text}

    def _stored(self, name: str, value: Any) -> AttributeValue:
        """The value of an attribute that is one field's, as that is stored."""
        encoded = self.encoded(name, value)
        ((kind, content),) = encoded.items()
        if kind != self.kind:
            raise WrongType(f"is stored as {kind}, and is the key {self.attribute}, which is {self.kind}", [name])
        if kind == "S":
            self.check(content)
        elif kind == "B":
            self.check(b64decode(content))
        return encoded

    def check(self, content: str | bytes) -> None:
        """Refuse what cannot be a key.

        Raises:
            KeyTooLong: it is empty, or longer than DynamoDB's keys can be.
        """
        if not content:
            raise KeyTooLong("is part of a key, which cannot be empty", self.fields)
        if len(content) * 4 <= self.limit:
            return
        if len(content.encode() if isinstance(content, str) else content) > self.limit:
            raise KeyTooLong(f"makes a key longer than {self.limit} bytes", self.fields[:1])


class Access:
    """A way to items: the table's key or an index's, as a hash and perhaps a range template."""

    def __init__(self, index: str | None, hash_text: str, range_text: str | None) -> None:
        self.index = index
        """The index's name in the table; None for the table itself."""
        self.hash = Template(hash_text, sorts=False)
        self.range = None if range_text is None else Template(range_text, sorts=True)
        self.name = "key"
        """What the model calls it."""

    def copy(self) -> Self:
        """The same, not yet bound: each model that inherits it has its own."""
        made = copy(self)
        made.__dict__.pop("fields", None)
        made.hash = Template(self.hash.text, sorts=False)
        made.range = None if self.range is None else Template(self.range.text, sorts=True)
        return made

    def bind(self, model: type[Model], name: str) -> None:
        """Say whose it is.

        Raises:
            TypeError: it does not fit the model's fields or its table's keys.
        """
        self.name = name
        layout = model.table.layout
        try:
            attributes = layout.keys(self.index)
        except KeyError:
            raise TypeError(f"{model.__name__}.{name}: its table has no index {self.index!r}") from None
        if self.range is not None and len(attributes) == 1:
            if self.index is not None or self.range.fields:
                raise TypeError(f"{model.__name__}.{name} has a sort key; its table or index does not")
            self.range = None
        templates = [self.hash] if self.range is None else [self.hash, self.range]
        if len(templates) < len(attributes):
            raise TypeError(f"{model.__name__}.{name} needs a sort key, as its table or index does")
        for template, attribute in zip(templates, attributes, strict=True):
            template.bind(model, attribute, layout.type_of(attribute))

    @property
    def templates(self) -> tuple[Template, ...]:
        """The hash and, if there is one, the range."""
        return (self.hash,) if self.range is None else (self.hash, self.range)

    @cached_property
    def fields(self) -> frozenset[str]:
        """The fields that it is composed of."""
        return frozenset(name for template in self.templates for name in template.fields)

    def given(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """A caller's values for its fields, as their ``set`` functions make them."""
        fields = self.hash.model.schema.fields
        if not any(name in fields and fields[name].options.set is not None for name in values):
            return values
        return {name: fields[name].transformed(value) if name in fields else value for name, value in values.items()}


class Key(Access):
    """The table's key: ``Key(pk="BOOK#{isbn}")``, ``Key(pk="shelf#{shelf}", sk="{isbn}")``."""

    def __init__(self, pk: str, sk: str = "-") -> None:
        super().__init__(None, pk, sk)

    def item(self, values: Mapping[str, Any]) -> Item:
        """The key's attribute values.

        Raises:
            MissingAttribute, WrongType, KeyTooLong: as ``Template.value``.
        """
        hash_, range_ = self.hash, self.range
        if range_ is None:
            return {hash_.attribute: hash_.value(values)}
        return {hash_.attribute: hash_.value(values), range_.attribute: range_.value(values)}

    def of(self, given: Mapping[str, Any]) -> Item:
        """The key's attribute values from a caller's keywords, which have to be its fields and no others.

        Raises:
            UnknownAttribute: one is not. MissingAttribute, WrongType, KeyTooLong: as ``Template.value``.
        """
        if len(given) > len(self.fields):
            strange = sorted(set(given) - self.fields)
            raise UnknownAttribute("is not part of the key", strange[:1])
        return self.item(self.given(given))


class BoundIndex(Generic[M]):
    """An index as the model's class shows it."""

    def __init__(self, index: Index, model: type[M]) -> None:
        self.index, self.model = index, model

    def query(self, **values: Any) -> Query[M]:
        """A query of this index and no other. Values are of its fields; what they leave open ``where`` may say."""
        return self.model.query(**values).using(self.index)


class Index(Access):
    """An index of the table: ``by_shelf = Index("gsi1", hash="{shelf}", range="{stock}")``.

    Its attributes are written with the item. It is sparse: an item of which a field is None is not in it.
    """

    def __init__(self, index: str, *, hash: str, range: str | None = None) -> None:  # noqa: A002 - DynamoDB's words
        super().__init__(index, hash, range)

    def __get__(self, instance: Any, owner: type[M]) -> BoundIndex[M]:
        return BoundIndex(self, owner)

    def item(self, values: Mapping[str, Any]) -> Item:
        """The index's attribute values, without one of which a field is None or absent: so it is not in the index.

        The other is there all the same, so that an update of that field need not know the rest.

        Raises:
            WrongType, KeyTooLong: as ``Template.value``.
        """
        return {
            template.attribute: template.value(values)
            for template in self.templates
            if all(values.get(name) is not None for name in template.fields)
        }
