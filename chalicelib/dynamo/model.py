"""Models: an item's attributes as a class, its conditions as expressions, its operations as methods.

Single-table: a model says how its fields compose ``pk`` and ``sk``; a field whose stored name is a key attribute is
that key itself. On the class a field is a path that makes conditions, on an instance it is its value.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, overload

from chalicelib.dynamo import codec
from chalicelib.dynamo.errors import AttributeValue, Item
from chalicelib.dynamo.expressions import Bindings, Condition, Path, UpdateActions
from chalicelib.dynamo.query import Query
from chalicelib.dynamo.tables import Table

if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform
else:  # what it does is the type checkers' business only, and Python 3.10 lacks it

    def dataclass_transform(**_: object) -> object:
        """Nothing, at run time."""
        return lambda cls: cls


T = TypeVar("T")
M = TypeVar("M", bound="Model")
_MISSING: Any = object()


@dataclass(frozen=True)
class _Field:
    name: str | None = None
    default: Any = _MISSING


def field(*, name: str | None = None, default: Any = _MISSING) -> Any:
    """Options of a field: the attribute's stored name, and the value that a new object has when none is given."""
    return _Field(name, default)


class Attr(Path, Generic[T]):
    """A field: a typed path on the class, its value on an instance."""

    __slots__ = ("default", "field", "stored")

    def __init__(self, field_name: str, options: _Field) -> None:
        self.field = field_name
        self.stored = options.name or field_name
        self.default = options.default
        super().__init__(self.stored)

    @overload
    def __get__(self, instance: None, owner: type) -> Attr[T]: ...
    @overload
    def __get__(self, instance: Model, owner: type) -> T: ...
    def __get__(self, instance: Model | None, owner: type) -> Attr[T] | T:
        """The path on the class, the value on an instance.

        Raises:
            AttributeError: the item was loaded without this attribute.
        """
        if instance is None:
            return self
        try:
            value: T = instance.__dict__[self.field]
        except KeyError:
            raise AttributeError(f"{owner.__name__}.{self.field} was not loaded") from None
        return value

    def __set__(self, instance: Model, value: T) -> None:
        instance.__dict__[self.field] = value


class Key:
    """How fields compose the key: templates with ``{field}`` places, ``Key(pk="r#{collection}", sk="{id}")``."""

    def __init__(self, pk: str, sk: str) -> None:
        self.pk, self.sk = pk, sk

    def item(self, values: dict[str, Any]) -> Item:
        """The key's attribute values."""
        return {"pk": {"S": self.pk.format_map(values)}, "sk": {"S": self.sk.format_map(values)}}


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
class Model:
    """The base of every model; see the package for an example.

    Subclasses give ``table`` and ``key`` and annotate their fields with ``Attr``. ``None`` is stored as an absent
    attribute.
    """

    table: ClassVar[Table]
    key: ClassVar[Key]
    _fields: ClassVar[dict[str, Attr[Any]]] = {}
    _by_stored: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, *, table: Table) -> None:
        cls.table = table
        cls._fields = {}
        for name, annotation in inspect.get_annotations(cls).items():
            if getattr(annotation, "__origin__", None) is Attr or str(annotation).startswith("Attr["):
                options = cls.__dict__.get(name)
                attribute: Attr[Any] = Attr(name, options if isinstance(options, _Field) else _Field())
                setattr(cls, name, attribute)
                cls._fields[name] = attribute
        cls._by_stored = {attribute.stored: name for name, attribute in cls._fields.items()}

    def __init__(self, **values: Any) -> None:
        for name, attribute in self._fields.items():
            value = values.pop(name, attribute.default)
            if value is _MISSING:
                raise TypeError(f"{type(self).__name__} needs {name}")
            self.__dict__[name] = value
        if values:
            raise TypeError(f"{type(self).__name__} has no {', '.join(values)}")

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({shown})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def from_item(cls, item: Item) -> Self:
        """An object of a stored item. An attribute that the item lacks has its field's default, or is not there."""
        model = cls.__new__(cls)
        values = model.__dict__
        fields = cls._by_stored
        for stored, value in codec.decode_map(item).items():
            name = fields.get(stored)
            if name is not None:
                values[name] = value
        if len(values) < len(cls._fields):
            for name, attribute in cls._fields.items():
                if name not in values and attribute.default is not _MISSING:
                    values[name] = attribute.default
        return model

    def to_item(self) -> Item:
        """The item to store: the key and every field that is not None."""
        item = self.key.item(self.__dict__)
        for name, attribute in self._fields.items():
            value = self.__dict__[name]
            if value is not None:
                item[attribute.stored] = codec.encode(value)
        return item

    @classmethod
    def get(cls, *, consistent: bool = False, **key: Any) -> Self | None:
        """The object with this key, or None. One GetItem: half a unit per 4 KB, a whole one when ``consistent``."""
        answer = cls.table.call("GetItem", {"Key": cls.key.item(key), "ConsistentRead": consistent})
        item = answer.get("Item")
        return None if item is None else cls.from_item(item)

    def put(self, when: Condition | None = None) -> None:
        """Store the object, replacing what is there.

        Raises:
            ConditionFailed: ``when`` does not hold; the error has the stored item.
        """
        self.table.call("PutItem", with_condition({"Item": self.to_item()}, when))

    @classmethod
    def update(cls, **key: Any) -> Update[Self]:
        """An update of the item with this key, to be completed and ``run``."""
        return Update(cls, cls.key.item(key))

    @classmethod
    def delete(cls, *, when: Condition | None = None, **key: Any) -> Self | None:
        """Delete the item with this key; the object that was there, or None.

        Raises:
            ConditionFailed: ``when`` does not hold.
        """
        parameters = with_condition({"Key": cls.key.item(key), "ReturnValues": "ALL_OLD"}, when)
        item = cls.table.call("DeleteItem", parameters).get("Attributes")
        return cls.from_item(item) if item else None

    @classmethod
    def query(cls, pk: str) -> Query[Self]:
        """A query of one partition, to be completed and ``run``."""
        return Query(cls.table, cls.from_item, pk)


class Update(Generic[M]):
    """One UpdateItem in the making. ``run`` sends it; in a transaction it becomes one of its actions."""

    def __init__(self, model: type[M], key: Item) -> None:
        self.model, self.key = model, key
        self.actions = UpdateActions()
        self.condition: Condition | None = None

    def set(self, path: Path, value: Any) -> Update[M]:
        """Set the attribute at the path to a value or to what an expression of stored values gives."""
        self.actions.assignments.append((path, value))
        return self

    def remove(self, path: Path) -> Update[M]:
        """Remove the attribute at the path; no error when it is not there."""
        self.actions.removals.append(path)
        return self

    def when(self, condition: Condition | None) -> Update[M]:
        """Only when this holds too."""
        if condition is not None:
            self.condition = condition if self.condition is None else self.condition & condition
        return self

    def parameters(self) -> dict[str, Any]:
        """The request, but for the table."""
        bindings = Bindings()
        parameters: dict[str, Any] = {"Key": self.key, "UpdateExpression": self.actions.text(bindings)}
        if self.condition is not None:
            parameters["ConditionExpression"] = bindings.text(self.condition)
            parameters["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return bindings.into(parameters)

    def run(self) -> M:
        """Send it; the object as it is after the update.

        Raises:
            ConditionFailed: a condition does not hold; the error has the stored item.
            Rejected: the update cannot be applied to what is stored (a path into what is not a map, say).
        """
        answer = self.model.table.call("UpdateItem", {**self.parameters(), "ReturnValues": "ALL_NEW"})
        attributes: dict[str, AttributeValue] = answer["Attributes"]
        return self.model.from_item(attributes)


def with_condition(parameters: dict[str, Any], when: Condition | None) -> dict[str, Any]:
    """Add a condition to a request that has no other expression; asks for the stored item when it fails."""
    if when is None:
        return parameters
    bindings = Bindings()
    parameters["ConditionExpression"] = bindings.text(when)
    parameters["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return bindings.into(parameters)
