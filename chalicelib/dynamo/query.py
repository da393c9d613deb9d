"""Queries: a partition of the table or of an index, from one end of its sort key to the other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from chalicelib.dynamo.bindings import Bindings
from chalicelib.dynamo.errors import Rejected
from chalicelib.dynamo.keys import BoundIndex
from chalicelib.dynamo.planner import Plan, plan, within
from chalicelib.dynamo.reading import Page, Reading

if TYPE_CHECKING:
    from typing_extensions import Self

    from chalicelib.dynamo.errors import AttributeValue, Item
    from chalicelib.dynamo.fields import Attr
    from chalicelib.dynamo.keys import Access
    from chalicelib.dynamo.model import Model

M = TypeVar("M", bound="Model")

__all__ = ["Page", "Query"]


class Query(Reading[M]):
    """A query in the making; see ``Reading`` for the steps and answers that it shares with scans.

    It chooses the table's key or an index by the values given and by what ``where`` says of fields; ``explain`` tells.
    """

    def __init__(self, model: type[M], values: Mapping[str, Any]) -> None:
        super().__init__(model)
        self.values = dict(values)
        self.access: Access | None = None
        self.order: str | None = None
        self.forward = True

    def with_(self, **changes: Any) -> Self:
        """The same with other attributes."""
        made = super().with_(**changes)
        made.__dict__.pop("plan", None)
        return made

    def using(self, access: Access | BoundIndex[M]) -> Self:
        """By this key or index and no other: ``Book.key``, ``Book.by_shelf``."""
        return self.with_(access=access.index if isinstance(access, BoundIndex) else access)

    def sort(self, field: Attr[Any], *, descending: bool = False) -> Self:
        """In the order of this field; a key or index has to have it first of what its sort key leaves open."""
        return self.with_(order=field.field, forward=not descending)

    def descending(self) -> Self:
        """The greatest sort key first."""
        return self.with_(forward=False)

    def after(self, sk: str | None) -> Self:
        """Only sort keys of the table that come after this one in the query's direction; None for all.

        Call it after ``descending``.

        Raises:
            Rejected: the table's sort key is no field that is a text. Use ``page`` and its cursors.
        """
        if sk is None:
            return self
        field = self.model.schema.fields.get(self.model.key.templates[-1].text[1:-1])
        if field is None or field.type.kinds != {"S"}:
            name = self.model.__name__
            raise Rejected(f"{name} has no field that is its sort key and a text; use page and its cursors.")
        return self.where(field > sk if self.forward else field < sk)

    @cached_property
    def plan(self) -> Plan:
        """How it is answered.

        Raises:
            NoIndex: nothing serves it. Invalid: a value is not of its field's type.
        """
        return plan(
            self.model,
            self.values,
            self.condition,
            using=self.access,
            sort=self.order,
            consistent=self.strong,
            wanted=[str(path.names[0]) for path in self.wanted] or None,
        )

    def explain(self) -> dict[str, Any]:
        """What would be sent, and why so: ``index`` (None is the table), ``why``, ``rejected``, the expressions' texts.

        No call is made.
        """
        bindings = Bindings()
        request = bindings.into(self.request(bindings, count=False))
        named = ("KeyConditionExpression", "FilterExpression", "ProjectionExpression")
        return {
            "index": self.plan.index,
            "why": self.plan.why,
            "rejected": self.plan.rejected,
            "key_condition": readable(request, named[0]),
            "filter": readable(request, named[1]),
            "request": request,
        }

    def request(self, bindings: Bindings, *, count: bool) -> dict[str, Any]:
        """The request, but for the table, names and values."""
        plan = self.plan
        parameters: dict[str, Any] = {
            "KeyConditionExpression": " AND ".join([bindings.text(part) for part in plan.key_conditions]),
            "ScanIndexForward": self.forward,
        }
        if plan.index is not None:
            parameters["IndexName"] = plan.index
        if plan.filter is not None:
            parameters["FilterExpression"] = bindings.expression(plan.filter)
        parameters.update(super().request(bindings, count=count))
        return parameters

    def filtered(self) -> bool:
        """Whether some of what is read may not be answered."""
        return self.plan.filter is not None

    def index_attributes(self) -> tuple[str, ...]:
        """The key attributes of the index that is read."""
        index = self.plan.index
        return () if index is None else self.model.table.layout.keys(index)

    @property
    def index(self) -> str | None:
        """The index that is read; None for the table."""
        return self.plan.index

    def covers(self, key: Item) -> bool:
        """Whether what is read has a place for an item with this key."""
        access, range_ = self.plan.access, self.plan.range
        here: bool = key[access.hash.attribute] == self.plan.hash_value
        return here and (range_ is None or access.range is None or within(range_, key[access.range.attribute]))


def readable(request: Mapping[str, Any], expression: str) -> str | None:
    """An expression's text with its names and values in place, for people. None when the request has none."""
    text = request.get(expression)
    if text is None:
        return None
    values = request.get("ExpressionAttributeValues", {})
    meanings = {placeholder: _value_text(value) for placeholder, value in values.items()}
    names = request.get("ExpressionAttributeNames", {})
    meanings.update((name, text if text.isidentifier() else f"`{text}`") for name, text in names.items())
    return re.sub(r"[#:]\d+", lambda placeholder: meanings[placeholder[0]], text)


def _value_text(value: AttributeValue) -> str:
    """A value in a form that tells its type: texts, and bytes in Base64, in quotes, the others as JSON has them."""
    ((kind, content),) = value.items()
    if kind == "N":
        return str(content)
    if kind in ("S", "B"):
        return repr(content)
    if kind == "L":
        return f"[{', '.join(map(_value_text, content))}]"
    if kind == "M":
        members = (f"{name!r}: {_value_text(member)}" for name, member in content.items())
        return f"{{{', '.join(members)}}}"
    return orjson.dumps(None if kind == "NULL" else content).decode()
