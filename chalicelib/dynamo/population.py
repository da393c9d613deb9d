"""Loading what references lead to, for many objects at once."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from chalicelib.dynamo import batches
from chalicelib.dynamo.document import Document
from chalicelib.dynamo.errors import UnknownAttribute, WrongType
from chalicelib.dynamo.references import Ref

if TYPE_CHECKING:
    from chalicelib.dynamo.fields import Attr
    from chalicelib.dynamo.model import Model


def populate(items: Iterable[Model | None], *paths: str, consistent: bool = False) -> None:
    """Load the items that references at the paths lead to, so that their ``item`` is known.

    A path's names are fields of the objects, of documents nested in them, and of what references lead to:
    ``populate(books, "author.publisher", "reviews.user")``. Of lists, sets and maps every element is followed. All
    references of one level, of all objects and paths, are loaded together: a BatchGetItem for 100 different items,
    whatever models and tables they are of. References to the same item have the same object; a reference that is
    loaded already is not loaded again. Where there is no item it is None. None among the objects is passed over.

    Raises:
        UnknownAttribute, WrongType: a path names what is no field, or does not lead to references. No call was made.
        BatchIncomplete: ``remaining`` are the models and keys that were not looked for, and all of that level, and of
            those below it, are as they were.
    """
    objects = [item for item in items if item is not None]
    steps = [tuple(path.split(".")) for path in paths]
    for model in {type(item): None for item in objects}:
        for path in steps:
            _check(model, path)
    known: dict[Ref[Any], Model | None] = {}
    waiting: list[tuple[Document, tuple[str, ...]]] = [(item, path) for item in objects for path in steps]
    while waiting:
        level = [reference for item, path in waiting for reference in _references(item, path)]
        _load([reference for reference, _ in level], known, consistent=consistent)
        following = {(id(reference.item), rest): (reference.item, rest) for reference, rest in level if rest}
        waiting = [(item, rest) for item, rest in following.values() if item is not None]


def _references(value: Any, path: tuple[str, ...]) -> Iterator[tuple[Ref[Any], tuple[str, ...]]]:
    """The next references on the way, each with the rest of the path."""
    if isinstance(value, Ref):
        yield value, path
    elif isinstance(value, Document):
        if path:
            name = value.schema.aliases.get(path[0], path[0])
            yield from _references(value.__dict__.get(name), path[1:])
    elif isinstance(value, (list, tuple, set, frozenset, dict)):
        for element in value.values() if isinstance(value, dict) else value:
            yield from _references(element, path)


def _load(references: list[Ref[Any]], known: dict[Ref[Any], Model | None], *, consistent: bool) -> None:
    for reference in references:
        if reference.loaded:
            known.setdefault(reference, reference.item)
    missing = list(dict.fromkeys([reference for reference in references if reference not in known]))
    wanted = [(reference.model, reference.key) for reference in missing]
    known.update(zip(missing, batches.get_together(wanted, consistent=consistent), strict=True))
    for reference in references:
        if not reference.loaded:
            reference.fill(known[reference])


def _check(model: type[Document], path: tuple[str, ...]) -> None:
    """Refuse a path that cannot lead to references, whatever the objects have.

    Raises:
        UnknownAttribute, WrongType: it cannot, as far as the error's ``path``.
    """
    owners: list[type[Document]] = [model]
    for number, name in enumerate(path, 1):
        fields = [field for owner in owners for field in _fields(owner, name)]
        if not fields:
            raise UnknownAttribute(f"is no field of {' or '.join([o.__name__ for o in owners])}", path[:number])
        leaves = [leaf for field in fields for leaf in _leaves(field.resolved)]
        references = [typing.get_args(leaf)[0] for leaf in leaves if typing.get_origin(leaf) is Ref]
        documents = [leaf for leaf in leaves if typing.get_origin(leaf) is None]
        owners = [*references, *documents]
        if not references and (number == len(path) or not documents):
            raise WrongType("is no reference", path[:number])


def _fields(owner: type[Document], name: str) -> Iterator[Attr[Any]]:
    schema = owner.schema
    field = schema.fields.get(schema.aliases.get(name, name))
    if field is not None:
        yield field


def _leaves(annotation: Any) -> Iterator[Any]:
    """The references and nested documents that a field can have, in whatever lists, maps and unions."""
    if typing.get_origin(annotation) is Ref:
        yield annotation
    elif typing.get_origin(annotation) is None and isinstance(annotation, type):
        if issubclass(annotation, Document):
            yield annotation
    elif hasattr(annotation, "__supertype__"):
        yield from _leaves(annotation.__supertype__)
    else:
        for part in typing.get_args(annotation):
            yield from _leaves(part)
