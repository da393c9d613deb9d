"""A model with indexes for the tests: one by a single field, one by several."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from chalicelib.dynamo.errors import Item
from chalicelib.dynamo.fields import Attr, field
from chalicelib.dynamo.keys import Index, Key
from chalicelib.dynamo.model import Model
from chalicelib.dynamo.tables import main


class Product(Model, table=main, type="product"):
    """Something on a shelf of a shop."""

    shop: Attr[str]
    id: Attr[str]
    name: Attr[str]
    stock: Attr[int] = field(default=0, le=1000)
    price: Attr[Decimal | None] = field(default=None, name="p")
    shelf: Attr[str | None] = field(default=None, set=str.strip)
    tags: Attr[set[str] | None] = field(default=None)
    log: Attr[list[str] | None] = field(default=None)
    doc: Attr[dict[str, Any] | None] = field(default=None)
    origin: Attr[str | None] = field(default=None, read_only=True)
    parts: Attr[dict[str, Any] | None] = field(default=None, read_only=True)
    key = Key(pk="product#{shop}", sk="{id}")
    by_stock = Index("gsi1", hash="{shop}", range="{stock}")
    by_shelf = Index("gsi2", hash="shelf#{shelf}", range="{name}#{stock}")
    by_price = Index("gsi3", hash="priced", range="{price}")


KEY = {"shop": "A", "id": "1"}


def product(**values: Any) -> Product:
    """A product that is not stored."""
    return Product(**{**KEY, "name": "Pen", **values})


def stored() -> Product:
    """The product as it is stored, of which the index attributes are those of its fields."""
    found = Product.get(consistent=True, shop="A", id="1")
    assert found is not None
    assert found.stored is not None
    assert placed(found.stored) == placed(found.to_item())
    return found


def placed(item: Item) -> Item:
    """The index attributes of an item."""
    return {name: value for name, value in item.items() if name.startswith("_i")}
