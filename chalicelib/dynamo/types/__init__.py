"""Types of fields: what an annotation says of a value, compiled to an encoder and a decoder.

An encoder checks what it encodes; a decoder checks what was stored. Neither converts silently: ``True`` is no ``int``
and ``"1"`` no number, but an ``int`` is a ``float``, as everywhere in Python's typing (PEP 484).
"""

from __future__ import annotations

import collections.abc
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, Union, get_args, get_origin

from chalicelib.dynamo.types.base import Type
from chalicelib.dynamo.types.containers import list_of, map_of, set_of, tuple_of
from chalicelib.dynamo.types.scalars import ANYTHING, SCALARS
from chalicelib.dynamo.types.unions import literal_of, union_of

_LISTS = (list, collections.abc.Sequence, collections.abc.Iterable)
_MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_SETS = (set, frozenset, collections.abc.Set, collections.abc.MutableSet)


def type_of(
    annotation: Any, *, storage: str | None = None, discriminator: str | None = None, keep: tuple[str, ...] = ()
) -> Type:
    """The type that an annotation says.

    ``storage`` is how times are stored (``iso``, ``seconds``, ``milliseconds``), ``discriminator`` the field that tells
    the nested documents of a union apart, ``keep`` the unknown attributes that nested documents keep.

    Raises:
        TypeError: DynamoDB has nothing to store such values as.
    """
    if isinstance(annotation, type) and annotation in SCALARS:
        return SCALARS[annotation]
    if annotation is Any:
        return ANYTHING
    origin, arguments = get_origin(annotation), get_args(annotation)

    def inner(part: Any) -> Type:
        return type_of(part, storage=storage, discriminator=discriminator, keep=keep)

    if origin is typing.Annotated:
        return inner(arguments[0])
    if origin in (Union, types.UnionType):
        return union_of(arguments, inner, discriminator)
    if origin is Literal:
        return literal_of(arguments, inner)
    collected = _collection(origin, arguments, inner)
    if collected is not None:
        return collected
    from chalicelib.dynamo.types import rich  # noqa: PLC0415 - few models have them

    made = rich.type_of(annotation, storage, keep)
    if made is None:
        raise TypeError(f"DynamoDB has no type for {annotation!r}")
    return made


def _collection(origin: Any, arguments: tuple[Any, ...], inner: Callable[[Any], Type]) -> Type | None:
    if not arguments:
        return SCALARS.get(origin)
    if origin is tuple and arguments[1:] == (...,):
        return list_of(inner(arguments[0]), tuple)
    if origin is tuple:
        return tuple_of([inner(part) for part in arguments])
    if origin in _LISTS:
        return SCALARS[list] if arguments[0] is Any else list_of(inner(arguments[0]), list)
    if origin in _MAPS:
        if "S" not in inner(arguments[0]).kinds:
            raise TypeError(f"the names in a map are strings, not {arguments[0]!r}")
        return map_of(inner(arguments[1]))
    return set_of(inner(arguments[0]), frozenset if origin is frozenset else set) if origin in _SETS else None
