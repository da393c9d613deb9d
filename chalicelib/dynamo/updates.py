"""Updates of one item, built step by step."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from copy import copy
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar, overload

from chalicelib.dynamo.bindings import Bindings
from chalicelib.dynamo.errors import (
    AttributeValue,
    DependsOnStored,
    Item,
    KeyChange,
    MissingAttribute,
    NotStored,
    OverlappingPaths,
    ReadOnly,
    Rejected,
    UnknownAttribute,
    WrongType,
)
from chalicelib.dynamo.expressions import Condition, Encoded, Expression, Path, Value
from chalicelib.dynamo.fields import Attr
from chalicelib.dynamo.foresight import Foresight, Names, Unforeseeable, found_at
from chalicelib.dynamo.keys import TYPE
from chalicelib.dynamo.schema import made
from chalicelib.dynamo.writing import Write, run

if TYPE_CHECKING:
    from chalicelib.dynamo.futures import Pending
    from chalicelib.dynamo.keys import Index, Template
    from chalicelib.dynamo.model import Model

M = TypeVar("M", bound="Model")
T = TypeVar("T")
E = TypeVar("E")
N = TypeVar("N", int, float, Decimal)
SetPath: TypeAlias = (
    "Path[builtins.set[E]] | Path[builtins.set[E] | None] | Path[frozenset[E]] | Path[frozenset[E] | None]"
)
Returned = Literal["new", "old", "none"]
_WIRE = {"new": "ALL_NEW", "old": "ALL_OLD", "none": "NONE"}


class Update(Generic[M]):
    """One UpdateItem in the making. ``run`` sends it; a transaction takes it as one of its actions."""

    def __init__(self, model: type[M], key: Mapping[str, Any], *, upsert: bool = False) -> None:
        self.model, self.values, self.upsert = model, dict(key), upsert
        self.key = model.key.of(key)
        self.condition: Condition | None = None
        self.object: M | None = None
        """The object that is being saved, where it is one."""
        self.initial: dict[str, Any] = {}
        """What fields of an item that an upsert makes have, besides their defaults."""
        self.seen: Item | None = None
        """What is stored, where it takes that to know what follows for an index."""
        self._planned = False
        self._relied: dict[Names, AttributeValue | None] = {}
        self._set: list[tuple[Path[Any], Value | Path[Any] | Expression[Any]]] = []
        self._remove: list[Path[Any]] = []
        self._add: list[tuple[Path[Any], Value]] = []
        self._delete: list[tuple[Path[Any], Value]] = []

    @overload
    def set(self, path: Path[T], value: T | Path[T] | Expression[T]) -> Update[M]: ...
    @overload
    def set(self, path: Path[T | None], value: Path[T] | Expression[T]) -> Update[M]: ...
    def set(self, path: Path[Any], value: Any) -> Update[M]:
        """Set the attribute at the path to a value, or to what an expression of stored values gives.

        A whole field's value goes through the field's ``set`` function and constraints. None removes a field.

        Raises:
            KeyChange, ReadOnly: the field is part of the key, or set once. Invalid: it is no such value.
        """
        self._admit(path)
        return self.assign(path, value)

    def assign(self, path: Path[Any], value: Any) -> Update[M]:
        """As ``set``, for fields that only plugins set."""
        if isinstance(value, (Path, Expression)):
            self.place(path, value)
        elif not isinstance(path, Attr):
            self.place(path, Value(value, path))
        elif value is None and not path.required:
            self._remove.append(path)
        else:
            self.place(path, Encoded(self.model.schema.encode_field(path.field, value)))
        return self

    def place(self, path: Path[Any], value: Value | Path[Any] | Expression[Any]) -> None:
        """Set the attribute at the path, whatever it is."""
        self._set.append((path, value))

    def discard(self, path: Path[Any]) -> None:
        """Remove the attribute at the path, whatever it is."""
        self._remove.append(path)

    def if_not_exists(self, path: Path[T], value: T) -> Update[M]:
        """Set the attribute at the path, unless there is one."""
        self._admit(path, once=True)
        if isinstance(path, Attr):
            self._place_if_missing(path, self.model.schema.encode_field(path.field, value))
        else:
            self.place(path, path.or_else(value))
        return self

    @overload
    def add(self, path: Path[N] | Path[N | None], amount: N) -> Update[M]: ...
    @overload
    def add(self, path: SetPath[E], amount: AbstractSet[E]) -> Update[M]: ...
    def add(self, path: Path[Any], amount: Any) -> Update[M]:
        """Add a number to the one stored (0 if there is none), or elements to the stored set. Top-level fields only."""
        self._admit(path)
        self._add.append((path, _operand(path, amount, "N SS NS BS", "neither a number nor a set")))
        return self

    def delete(self, path: SetPath[E], elements: AbstractSet[E]) -> Update[M]:
        """Remove elements from the stored set; the attribute goes with the last. Top-level fields only."""
        self._admit(path)
        self._delete.append((path, _operand(path, elements, "SS NS BS", "no set")))
        return self

    def append(self, path: Path[list[E]] | Path[list[E] | None], *elements: E) -> Update[M]:
        """Put elements after the last of the stored list, which is made if there is none."""
        return self.set(path, path.followed_by(list(elements)))

    def prepend(self, path: Path[list[E]] | Path[list[E] | None], *elements: E) -> Update[M]:
        """Put elements before the first of the stored list, which is made if there is none."""
        return self.set(path, path.preceded_by(list(elements)))

    def remove(self, *paths: Path[Any]) -> Update[M]:
        """Remove the attributes at the paths; no error where there is none.

        Raises:
            KeyChange, ReadOnly: as ``set``. MissingAttribute: the field is required.
        """
        for path in paths:
            self._admit(path)
            if isinstance(path, Attr) and path.required:
                raise MissingAttribute("is required", [path.field])
            self._remove.append(path)
        return self

    def when(self, condition: Condition | None) -> Update[M]:
        """Only when this holds too."""
        if condition is not None:
            self.condition = condition if self.condition is None else self.condition & condition
        return self

    def _admit(self, path: Path[Any], *, once: bool = False) -> None:
        """Refuse what an update may not touch."""
        field = self._field(path.names[0])
        if field is None and isinstance(path, Attr):
            raise UnknownAttribute(f"is no field of {self.model.__name__}", [path.field])
        if path.names[0] in self.key or (field is not None and field.field in self.model.key.fields):
            raise KeyChange("is part of the key; an item's key never changes", path.labels)
        if field is not None and field.options.read_only and not once:
            raise ReadOnly("is set once, when the item is created", path.labels)

    def _field(self, stored: str | int) -> Attr[Any] | None:
        """The field that is stored in this attribute."""
        return self.model.schema.by_stored.get(str(stored))

    def request(self, condition: Condition | None) -> dict[str, Any]:
        """The request, but for the table.

        Raises:
            OverlappingPaths: two actions are about the same attribute. LimitExceeded: it is too long.
        """
        self._check_overlaps()
        bindings = Bindings()
        parameters: dict[str, Any] = {"Key": self.key}
        text = self._text(bindings)
        if text:
            parameters["UpdateExpression"] = bindings.checked(text, bindings.operators)
        if condition is not None:
            parameters["ConditionExpression"] = bindings.expression(condition)
            parameters["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return bindings.into(parameters)

    def _text(self, bindings: Bindings) -> str:
        text = bindings.text
        clauses = [
            ("SET ", [f"{text(path)} = {text(value)}" for path, value in self._set]),
            ("REMOVE ", [text(path) for path in self._remove]),
            ("ADD ", [f"{text(path)} {text(amount)}" for path, amount in self._add]),
            ("DELETE ", [f"{text(path)} {text(elements)}" for path, elements in self._delete]),
        ]
        return " ".join([keyword + ", ".join(actions) for keyword, actions in clauses if actions])

    def complete(self) -> list[Condition]:
        """Add what follows from the rest: index attributes, and what an item that is made has besides.

        Returns what has to be as it was read for that to be right.

        Raises:
            DependsOnStored: an index's attribute depends on what is stored, and nothing was read.
        """
        foresight = Foresight(self._actions(), self.seen, self._missing)
        touched = {name for name, field in self.model.schema.fields.items() if field.stored in foresight.changes}
        given = touched | self.values.keys() if self.upsert else touched
        for field in self.model.schema.fields.values():
            if not given.isdisjoint(field.parts) and self.object is None:
                self._combine(field, foresight)
                touched.add(field.field)
        for index in self.model.indexes.values():
            for template in index.templates:
                if not template.is_field and not touched.isdisjoint(template.fields):
                    self._follow(index, template, foresight)
        self._relied = foresight.relied
        if self.upsert:
            self._fill()
        return foresight.requirements

    def _actions(self) -> dict[str, tuple[str, Any]]:
        """What is done with each whole attribute that is changed."""
        clauses: dict[str, Sequence[tuple[Path[Any], Any]]]
        clauses = {"SET": self._set, "ADD": self._add, "DELETE": self._delete}
        changed = [(path, (action, value)) for action, entries in clauses.items() for path, value in entries]
        changed += [(path, ("REMOVE", None)) for path in self._remove]
        return {str(path.names[0]): change for path, change in changed if len(path.names) == 1}

    def _missing(self, stored: str) -> AttributeValue | None:
        """What an upsert makes of an attribute that is not stored."""
        field = self._field(stored) if self.upsert else None
        value = None if field is None else self.first(field)
        return None if field is None or value is None else self.model.schema.encode_field(field.field, value)

    def _touched(self) -> list[Path[Any]]:
        return [path for path, _ in self.changes()]

    def changes(self) -> list[tuple[Path[Any], Any]]:
        """The paths that it changes, each with the value or expression that it sets; None for what it removes."""
        made: list[tuple[Path[Any], Any]] = [*self._set, *[(path, None) for path in self._remove]]
        return made + [(path, Expression((value,))) for path, value in (*self._add, *self._delete)]

    def _follow(self, index: Index, template: Template, foresight: Foresight) -> None:
        """Keep an index's attribute in step with the fields that it is composed of."""
        values = self._foreseen(template.fields, foresight, f"where the item is in the index {index.name}")
        self._replace(Path(template.attribute), None if None in values.values() else template.value(values))

    def _combine(self, field: Attr[Any], foresight: Foresight) -> None:
        """Keep a combined field in step with its parts."""
        values = self._foreseen(field.parts, foresight, f"what {field.field} is")
        text = field.combine(values)
        value = None if text is None else self.model.schema.encode_field(field.field, text)
        self._replace(field, value)
        foresight.changes[field.stored] = ("REMOVE", None) if value is None else ("SET", Encoded(value))

    def _foreseen(self, names: Iterable[str], foresight: Foresight, decided: str) -> dict[str, Any]:
        """The values that fields will have.

        Raises:
            DependsOnStored: that takes what is stored, and nothing was read.
        """
        values: dict[str, Any] = {}
        for name in names:
            field = self.model.schema.fields[name]
            if name in self.values:
                values[name] = self.values[name]
                continue
            try:
                value = foresight.value(field.stored)
            except Unforeseeable:
                raise DependsOnStored(f"decides {decided}: set it to a value", [name]) from None
            values[name] = None if value in (None, {"NULL": True}) else field.type.load(value)
        return values

    def _replace(self, path: Path[Any], value: AttributeValue | None) -> None:
        """Set the attribute, or remove it, and forget what else was to be done with it."""
        self._set = [entry for entry in self._set if entry[0].names != path.names]
        self._remove = [other for other in self._remove if other.names != path.names]
        if value is None:
            self._remove.append(path)
        else:
            self.place(path, Encoded(value))

    def _fill(self) -> None:
        """Give an item that may have to be made its key's fields, its type, its defaults, and its place in indexes."""
        schema = self.model.schema
        taken = {path.names[0] for path in self._touched()}
        known = dict(self.values)
        for name, value in self.values.items():
            field = schema.fields[name]
            if field.stored not in self.key and field.stored not in taken:
                self.place(field, Encoded(schema.encode_field(name, value)))
        if self.model.type_name is not None:
            self.place(Path(TYPE), Encoded({"S": self.model.type_name}))
        for name, field in schema.fields.items():
            value = None if field.stored in taken or name in known else self.first(field)
            if value is not None:
                known[name] = value
                self._place_if_missing(field, schema.encode_field(name, value))
        for index in self.model.indexes.values():
            for template in index.templates:
                if template.attribute not in taken and not template.is_field and known.keys() >= set(template.fields):
                    self._place_if_missing(Path(template.attribute), template.value(known))

    def first(self, field: Attr[Any]) -> Any:
        """The value that the field has in an item that an upsert makes, as far as it does not set it; or None."""
        given = {**self.values, **self.initial}
        if field.field in given:
            return given[field.field]
        return None if field.required else made(field.options.default)

    def _place_if_missing(self, path: Path[Any], value: AttributeValue) -> None:
        self.place(path, Expression(("if_not_exists(", path, ", ", Encoded(value), ")")))

    def _check_overlaps(self) -> None:
        seen: set[tuple[str | int, ...]] = set()
        for path in sorted([path.names for path in self._touched()], key=len):
            if any(path[:length] in seen for length in range(1, len(path) + 1)):
                raise OverlappingPaths(f"{'.'.join(map(str, path))} is changed twice in one update.")
            seen.add(path)

    def copy(self) -> Update[M]:
        """The same, to which more can be added without changing this one."""
        made = copy(self)
        for name in ("_set", "_remove", "_add", "_delete"):
            setattr(made, name, list(getattr(self, name)))
        made.initial = dict(self.initial)
        return made

    def plan(self) -> Write:
        """The update as a plan; where it takes what is stored to make one, that is read, and at each plan anew."""
        self._check_overlaps()
        first, self._planned = not self._planned, True
        if first or self.seen is None:
            try:
                return Write.update(self)
            except DependsOnStored:
                pass
        self.seen = self._read()
        return Write.update(self)

    def _read(self) -> Item:
        item = self.model.table.read(self.key)
        if item is None and not self.upsert:
            raise NotStored(None, "there is no such item")
        return item or {}

    def differs(self, item: Item | None) -> bool:
        """Whether what was read for the update has changed since."""
        return any(found_at(item or {}, names) != value for names, value in self._relied.items())

    @overload
    def run(self, returning: Literal["new"] = "new") -> M: ...
    @overload
    def run(self, returning: Literal["none"]) -> None: ...
    @overload
    def run(self, returning: Returned) -> M | None: ...
    def run(self, returning: Returned = "new") -> M | None:
        """Send it; the object as it is after the update, or as it was before, or None when neither was asked for.

        Raises:
            NotStored: there is no such item (``Model.update``).
            ConditionFailed: a condition does not hold; the error has the stored item.
            Rejected: the update cannot be applied to what is stored (a path into what is not a map, say).
        """
        answer = run(self.plan, _WIRE[returning])
        attributes = answer.get("Attributes")
        if returning == "new" and attributes is None:  # it became a transaction, which answers nothing
            attributes = self._read()
        return self.model.from_item(attributes) if attributes else None

    def submit(self) -> Pending[M]:
        """``run`` on the pool; see ``futures.submit``."""
        from chalicelib.dynamo.futures import submit  # noqa: PLC0415 - most calls wait

        return submit(self.run)


def _operand(path: Path[Any], operand: Any, kinds: str, otherwise: str) -> Encoded:
    """What is added to a whole attribute or deleted from it."""
    if len(path.names) > 1:
        raise Rejected("DynamoDB adds to, and deletes from, whole attributes only; set what is within one.")
    value = Value(operand, path).encoded()
    if not value.keys() <= set(kinds.split()):
        raise WrongType(f"is {otherwise}", path.labels)
    return Encoded(value)
