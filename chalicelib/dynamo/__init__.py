"""The data-access layer: models, conditions, updates, queries and transactions on DynamoDB.

The only place that knows DynamoDB's wire; ``docs/data-layer.md`` is its guide. Typical use::

    class Book(Model, table=main, type="book"):
        isbn: Attr[str]
        shelf: Attr[str]
        title: Attr[str] = field(max_length=200)
        stock: Attr[int] = field(default=0, ge=0)
        version: Attr[int] = version()
        key = Key(pk="BOOK#{isbn}")
        by_shelf = Index("gsi1", hash="{shelf}", range="{title}")

    Book(isbn="1", shelf="A", title="Emma", stock=3).create()
    Book.update(isbn="1").add(Book.stock, -1).when(Book.stock >= 1).run()
    for book in Book.query(shelf="A").where(Book.stock > 0): ...

``session``, ``client`` and ``provisioning`` are the modules that touch botocore.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chalicelib.dynamo.document import Document as Document
    from chalicelib.dynamo.expressions import Condition as Condition
    from chalicelib.dynamo.expressions import Path as Path
    from chalicelib.dynamo.fields import Attr as Attr
    from chalicelib.dynamo.fields import combined as combined
    from chalicelib.dynamo.fields import expiry as expiry
    from chalicelib.dynamo.fields import field as field
    from chalicelib.dynamo.fields import timestamp as timestamp
    from chalicelib.dynamo.fields import version as version
    from chalicelib.dynamo.futures import submit as submit
    from chalicelib.dynamo.groups import together as together
    from chalicelib.dynamo.hooks import after as after
    from chalicelib.dynamo.hooks import before as before
    from chalicelib.dynamo.keys import Index as Index
    from chalicelib.dynamo.keys import Key as Key
    from chalicelib.dynamo.model import Model as Model
    from chalicelib.dynamo.population import populate as populate
    from chalicelib.dynamo.references import Ref as Ref
    from chalicelib.dynamo.serializers import Serializer as Serializer
    from chalicelib.dynamo.tables import main as main
    from chalicelib.dynamo.transactions import transaction as transaction

_HOME = {
    "Attr": "fields",
    "Condition": "expressions",
    "Document": "document",
    "Index": "keys",
    "Key": "keys",
    "Model": "model",
    "Path": "expressions",
    "Ref": "references",
    "Serializer": "serializers",
    "after": "hooks",
    "before": "hooks",
    "combined": "fields",
    "expiry": "fields",
    "field": "fields",
    "main": "tables",
    "populate": "population",
    "submit": "futures",
    "timestamp": "fields",
    "together": "groups",
    "transaction": "transactions",
    "version": "fields",
}
"""The module of each name, loaded when it is first asked for (PEP 562): few requests need them all."""


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
