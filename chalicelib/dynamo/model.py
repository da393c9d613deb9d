"""Models: an item's attributes as a class, its conditions as expressions, its operations as methods.

Single-table: a model says how its fields compose the keys of its table and indexes; a field whose stored name is a
key attribute is that key itself. Modules that few requests need are imported where they are used.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from chalicelib.dynamo.bindings import Bindings
from chalicelib.dynamo.document import Document
from chalicelib.dynamo.errors import Invalid, Item, MissingAttribute, WrongType
from chalicelib.dynamo.keys import TYPE, Index, Key
from chalicelib.dynamo.query import Query
from chalicelib.dynamo.reading import Part, asked_for, projection
from chalicelib.dynamo.writing import Write, run

if TYPE_CHECKING:
    from typing_extensions import Self

    from chalicelib.dynamo.expressions import Condition, Path
    from chalicelib.dynamo.hooks import Hooks
    from chalicelib.dynamo.plugins import Plugin
    from chalicelib.dynamo.scan import Scan
    from chalicelib.dynamo.schema import Unknown
    from chalicelib.dynamo.serializers import Serializer
    from chalicelib.dynamo.tables import Table
    from chalicelib.dynamo.updates import Update


class Model(Document):
    """The base of every model; see the package for an example.

    Subclasses give ``table`` and ``key`` and annotate their fields with ``Attr``. Keywords of the class:

    - ``table``: where its items are. A model without one is for others to inherit from.
    - ``type``: what its items are called in a table that has several kinds; loading one of another kind is an error.
    - ``unknown``: what becomes of attributes that are no fields.
    - ``plugins``: further behaviour.
    - ``serializers``: named forms for ``serialize``.
    """

    __slots__ = ()

    table: ClassVar[Table]
    key: ClassVar[Key]
    type_name: ClassVar[str | None] = None
    indexes: ClassVar[dict[str, Index]] = {}
    serializers: ClassVar[Mapping[str, Serializer]] = {}
    hooks: ClassVar[Hooks | None] = None

    def __init_subclass__(
        cls,
        *,
        table: Table | None = None,
        type: str | None = None,  # noqa: A002 - as the class statement reads
        unknown: Unknown | None = None,
        plugins: Iterable[Plugin] = (),
        serializers: Mapping[str, Serializer] | None = None,
    ) -> None:
        super().__init_subclass__(unknown=unknown)
        if table is not None:
            cls.table = table
        if type is not None:
            cls.type_name = type
        if serializers is not None:
            cls.serializers = {**cls.serializers, **serializers}
        if hasattr(cls, "table"):
            cls._bind()
        special = any(attribute.options.plugin[0] or attribute.options.unique for attribute in cls._fields.values())
        if special or plugins or cls.hooks is not None:
            from chalicelib.dynamo.plugins import install  # noqa: PLC0415 - few models have them

            install(cls, plugins)

    @classmethod
    def _bind(cls) -> None:
        """Tie the key and the indexes to the table's."""
        own = {name: value for base in reversed(cls.__mro__) for name, value in vars(base).items()}
        layout = cls.table.layout
        if "key" not in own:
            by_stored = {attribute.stored: name for name, attribute in cls._fields.items()}
            names = [by_stored.get(attribute) for attribute in layout.keys(None)]
            if None in names:
                raise TypeError(f"{cls.__name__} needs a key: key = Key(pk=..., sk=...)")
            cls.key = Key(*[f"{{{name}}}" for name in names])
        else:
            cls.key = own["key"].copy()
        cls.key.bind(cls, "key")
        cls.indexes = {name: value.copy() for name, value in own.items() if isinstance(value, Index)}
        for name, index in cls.indexes.items():
            index.bind(cls, name)
            setattr(cls, name, index)
        attributes = [t.attribute for access in (cls.key, *cls.indexes.values()) for t in access.templates]
        cls.schema.ignored = frozenset([*attributes, TYPE])

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.stored = None

    @classmethod
    def from_item(cls, item: Item, only: Collection[str] | None = None) -> Self:
        """An object of a stored item, or of the part of one that has the fields ``only``.

        An attribute that the item lacks has its field's default if that is a value; else it is not there, and
        touching it is an AttributeError. Of a part, nothing is made up that was not asked for.

        Raises:
            WrongType: the item is of another model, or has an attribute of another type.
        """
        if cls.type_name is not None and only is None and item.get(TYPE) != {"S": cls.type_name}:
            raise WrongType(f"is {next(iter(item.get(TYPE, {'': None}).values()))!r}, not {cls.type_name!r}", [TYPE])
        if only is not None:
            item = Part(item, only)
        if cls.hooks is not None:
            return cls.hooks.load(cls, item, only)
        model: Self = cls.schema.load(item, only)
        model.stored = item
        return model

    @classmethod
    def from_items(cls, items: Sequence[Item], only: Collection[str] | None = None) -> list[Self]:
        """The objects of stored items, each as ``from_item`` makes it."""
        if cls.hooks is not None or only is not None:
            return [cls.from_item(item, only) for item in items]
        if cls.type_name is not None:
            kind = {"S": cls.type_name}
            for item in items:
                if item.get(TYPE) != kind:
                    cls.from_item(item)
        return cls.schema.load_all(items)

    def to_item(self, *, partial: bool = False) -> Item:
        """The item to store: the key, the indexes, and every field that is not None; ``partial``: that was loaded.

        Raises:
            Invalid: a value cannot be stored, or an attribute was not loaded.
        """
        if self.hooks is not None:
            return self.hooks.validate(self, partial=partial)
        return self.item_of_fields(partial=partial)

    def item_of_fields(self, *, partial: bool) -> Item:
        """What ``to_item`` does between the hooks of validation."""
        if not partial and not self.__dict__.keys() >= self._fields.keys():
            missing = [name for name in self._fields if name not in self.__dict__]
            raise MissingAttribute("was not loaded; update what is to change instead", missing[:1])
        fields = self.schema.item(self, partial=partial)
        item = self.key.item(self.__dict__)
        item.update(fields)
        for index in self.indexes.values():
            item.update(index.item(self.__dict__))
        if self.type_name is not None:
            item[TYPE] = {"S": self.type_name}
        return item

    def key_values(self) -> dict[str, Any]:
        """The values of the fields that are its key, as ``get`` and ``update`` take them."""
        return {name: self.__dict__[name] for name in self.key.fields}

    def validate(self) -> None:
        """Check the object as a write would, without one.

        Raises:
            Invalid: what a write would raise.
        """
        self.to_item()

    def original(self) -> Self | None:
        """The object as it was last loaded or written; None of one that is new."""
        return None if self.stored is None else type(self).from_item(self.stored, set(self.__dict__))

    @classmethod
    def get(cls, *, consistent: bool = False, fields: Sequence[Path[Any]] = (), **key: Any) -> Self | None:
        """The object with this key, or None. One GetItem: half a unit per 4 KB, a whole one when ``consistent``.

        With ``fields`` only those are loaded, as ``Query.fields`` does.

        Raises:
            Invalid: a part of the key is missing, unknown or of another type.
        """
        parameters: dict[str, Any] = {"Key": cls.key.of(key), "ConsistentRead": consistent}
        if fields:
            bindings = Bindings()
            parameters["ProjectionExpression"] = projection(cls, fields, bindings)
            bindings.into(parameters)
        item = cls.table.call("GetItem", parameters).get("Item")
        if item is None:
            return None
        return cls.admitted(cls.from_item(item, asked_for(fields) if fields else None))

    @classmethod
    def admitted(cls, model: Self) -> Self | None:
        """The object, or None when a plugin holds that it is not there (its time is over, say)."""
        return model if cls.hooks is None or cls.hooks.admits(model) else None

    @classmethod
    def get_many(cls, keys: Sequence[Mapping[str, Any]], *, consistent: bool = False) -> list[Self | None]:
        """The objects with these keys, in their order, None where there is none. A call for each 100 different keys.

        Raises:
            BatchIncomplete: DynamoDB kept handing keys back; ``remaining`` are theirs.
        """
        from chalicelib.dynamo import batches  # noqa: PLC0415 - few requests have them

        return batches.get_many(cls, keys, consistent=consistent)

    @classmethod
    def put_many(cls, models: Sequence[Self]) -> None:
        """Store objects unconditionally, a call for each 25, until DynamoDB has taken every one.

        Raises:
            DuplicateItem: two have the same key. Nothing was written.
            BatchIncomplete: ``remaining`` are the objects that were not stored.
        """
        from chalicelib.dynamo import batches  # noqa: PLC0415 - few requests have them

        batches.put_many(cls, models)

    @classmethod
    def delete_many(cls, keys: Sequence[Mapping[str, Any]]) -> None:
        """Delete the items with these keys, a call for each 25; those that are not there are no error.

        Raises:
            BatchIncomplete: ``remaining`` are the keys of those that were not deleted.
        """
        from chalicelib.dynamo import batches  # noqa: PLC0415 - few requests have them

        batches.delete_many(cls, keys)

    def create(self, when: Condition | None = None) -> None:
        """Store the object, which has to be new.

        Raises:
            AlreadyExists: an item with this key is stored.
            ConditionFailed: ``when`` does not hold. Invalid: a value cannot be stored.
        """
        run(lambda: Write.create(self, when))

    def put(self, when: Condition | None = None) -> Self | None:
        """Store the object, replacing what is there; the object that was there, None if there was none of this model.

        Raises:
            ConditionFailed: ``when`` does not hold; the error has the stored item.
            StaleVersion: the model has a version, and the stored one is not that of this object.
        """
        return self._replaced(run(lambda: Write.put(self, when)).get("Attributes"))

    def save(self, when: Condition | None = None) -> None:
        """Store what changed since the object was loaded: one UpdateItem of those attributes, no call if there is none.

        An object that is new is created. Afterwards the object is what is stored.

        Raises:
            NotStored: the item is no longer there. StaleVersion: somebody else has written it (models with a version).
            KeyChange, ReadOnly: what changed cannot. Invalid: a value cannot be stored.
        """
        if self.stored is None:
            self.create(when)
            return
        from chalicelib.dynamo.saving import save  # noqa: PLC0415 - few requests do

        save(self, when)

    def destroy(self, when: Condition | None = None) -> None:
        """Delete the object's item. With a version, only if it is still the one that was loaded.

        Raises:
            StaleVersion: somebody else has written it. ConditionFailed: ``when`` does not hold.
        """
        run(lambda: Write.delete(type(self), self.key_values(), when, self))

    @classmethod
    def update(cls, **key: Any) -> Update[Self]:
        """An update of the item with this key, which has to be there, to be completed and ``run``."""
        from chalicelib.dynamo.updates import Update  # noqa: PLC0415 - reads do without

        return Update(cls, key)

    @classmethod
    def upsert(cls, **key: Any) -> Update[Self]:
        """An update of the item with this key, made if it is not there, to be completed and ``run``.

        What is made has the key and what the update sets, and defaults where they are values.
        """
        from chalicelib.dynamo.updates import Update  # noqa: PLC0415 - reads do without

        return Update(cls, key, upsert=True)

    @classmethod
    def delete(cls, *, when: Condition | None = None, **key: Any) -> Self | None:
        """Delete the item with this key; the object that was there, or None.

        Raises:
            ConditionFailed: ``when`` does not hold.
        """
        return cls._replaced(run(lambda: Write.delete(cls, key, when, None)).get("Attributes"))

    @classmethod
    def _replaced(cls, old: Item | None) -> Self | None:
        """The object that was there before a write. What the model cannot load is no error: the write has happened."""
        try:
            return cls.admitted(cls.from_item(old)) if old else None
        except Invalid:
            return None

    @classmethod
    def query(cls, **values: Any) -> Query[Self]:
        """A query for the items with these values, by the table's key or an index that they determine."""
        return Query(cls, values)

    @classmethod
    def scan(cls) -> Scan[Self]:
        """A scan of the whole table for items of this model, to be completed and run. It costs what it reads: all."""
        from chalicelib.dynamo.scan import Scan  # noqa: PLC0415 - few requests do

        return Scan(cls)

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it, without hidden fields; see ``serializers.Serializer``."""
        from chalicelib.dynamo.serializers import PLAIN  # noqa: PLC0415 - few requests do

        return PLAIN.dump(self)

    def serialize(self, name: str) -> dict[str, Any]:
        """The object in one of its model's named forms.

        Raises:
            KeyError: the model has no serializer of this name.
        """
        return self.serializers[name].dump(self)

    @classmethod
    def from_schema(
        cls,
        schema: Mapping[str, Any],
        *,
        table: Table,
        key: Key,
        name: str = "Runtime",
        type: str | None = None,  # noqa: A002 - as the class statement reads
        indexes: Mapping[str, Index] | None = None,
    ) -> type[Model]:
        """A model made from a JSON Schema document (2020-12) of an object: a field for each property.

        Raises:
            TypeError: the schema is none of an object, or a key names what is no property.
        """
        from chalicelib.dynamo.json_schema import model_of  # noqa: PLC0415 - few programs do

        return model_of(schema, table=table, key=key, name=name, type_name=type, indexes=indexes or {})
