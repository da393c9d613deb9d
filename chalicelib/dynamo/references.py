"""References: fields that name an item of another model, or of the same, by its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from chalicelib.dynamo.errors import AttributeValue, Invalid, WrongType
from chalicelib.dynamo.types.base import Type, wrong

if TYPE_CHECKING:
    from chalicelib.dynamo.model import Model

M = TypeVar("M", bound="Model")
N = TypeVar("N", bound="Model")
_UNKNOWN: Any = object()


class Ref(Generic[M]):
    """A reference to the item of a model with this key, and to be populated with it.

    ::

        class Book(Model, table=main):
            author: Attr[Ref[Author]]
            editors: Attr[list[Ref[Author]]] = field(default=list)

        Book(author=Ref(Author, id="x"))
        Book.author == Ref(Author, id="x")

    Stored as the key's field where that is one and stored as a string, else as a map of the key's fields:
    ``{"S": "x"}``, ``{"M": {"shelf": {"S": "A"}, "isbn": {"S": "1"}}}``. Nothing keeps the item there.

    References to the same item are equal, and as good as each other in sets. ``key`` is not to be changed.

    Raises:
        Invalid: a part of the key is missing, unknown or of another type; ``path`` names it.
    """

    __slots__ = ("_item", "key", "model")

    def __init__(self, model: type[M], /, **key: Any) -> None:
        model.key.of(key)
        self.model = model
        self.key: dict[str, Any] = {name: key[name] for name in _parts(model)}
        self._item: Any = _UNKNOWN

    @staticmethod
    def to(item: N) -> Ref[N]:
        """A reference to the item of an object, which is its ``item`` from the beginning."""
        made = Ref(type(item), **item.key_values())
        made.fill(item)
        return made

    @property
    def loaded(self) -> bool:
        """Whether ``item`` is known."""
        return self._item is not _UNKNOWN

    @property
    def item(self) -> M | None:
        """The object, None when there is none, once ``populate`` or ``get`` has loaded it. Never makes a call.

        Raises:
            AttributeError: it was not loaded, as of any attribute that was not.
        """
        if self._item is _UNKNOWN:
            raise AttributeError(f"{self!r} was not loaded: populate it with others, or get() it alone")
        item: M | None = self._item
        return item

    def fill(self, item: M | None) -> None:
        """Take what was loaded: the object, or that there is none."""
        self._item = item

    def get(self, *, consistent: bool = False) -> M | None:
        """Load the object, again if it was: one GetItem. For the references of many objects use ``populate``."""
        self._item = self.model.get(consistent=consistent, **self.key)
        return self.item

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and self.model is other.model and self.key == other.key

    def __hash__(self) -> int:
        return hash((self.model, *self.key.values()))

    def __repr__(self) -> str:
        return f"Ref({', '.join([self.model.__name__, *[f'{name}={value!r}' for name, value in self.key.items()]])})"

    @staticmethod
    def reference_type(arguments: tuple[Any, ...]) -> Type:
        """The type of a field with such references.

        Raises:
            TypeError: the model is not given, or not yet made.
        """
        from chalicelib.dynamo.model import Model  # noqa: PLC0415 - types are for those who do without models

        target = arguments[0] if arguments else None
        if not (isinstance(target, type) and issubclass(target, Model) and hasattr(target, "table")):
            raise TypeError("a reference needs the model that it leads to: Ref[Author]")
        return _type_of(target)


def _parts(model: type[Model]) -> list[str]:
    """The fields of a model's key, in the key's order."""
    return list(dict.fromkeys([name for template in model.key.templates for name in template.fields]))


def _type_of(model: type[Model]) -> Type:
    name = f"a reference to {model.__name__}"
    types = {part: model.schema.fields[part].type for part in _parts(model)}
    only = next(iter(types)) if len(types) == 1 and all(type_.kinds == {"S"} for type_ in types.values()) else None

    def made(key: dict[str, Any]) -> Ref[Any]:
        # Its parts were checked when they were stored.
        reference = Ref.__new__(Ref)
        reference.model, reference.key, reference._item = model, key, _UNKNOWN  # noqa: SLF001 - its own class
        return reference

    def encoded(part: str, value: Any) -> AttributeValue:
        try:
            return types[part].encode(value)
        except Invalid as error:
            raise error.within(part) from None

    def encode(value: Any) -> AttributeValue:
        if not isinstance(value, Ref):
            raise wrong(name, value)
        if value.model is not model:
            raise WrongType(f"is a reference to {value.model.__name__}, not to {model.__name__}")
        if only is not None:
            return encoded(only, value.key[only])
        return {"M": {part: encoded(part, value.key[part]) for part in types}}

    def decode(value: AttributeValue) -> Ref[Any]:
        if only is not None:
            return made({only: types[only].decode(value)})
        parts = value["M"]
        return made({part: type_.decode(parts[part]) for part, type_ in types.items()})

    return Type(name, "M" if only is None else "S", encode, decode)
