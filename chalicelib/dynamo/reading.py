"""What queries and scans have in common: a chain of steps, answered in pages."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from chalicelib.dynamo.bindings import Bindings
from chalicelib.dynamo.errors import InvalidCursor, NotOne
from chalicelib.dynamo.expressions import Condition, Path
from chalicelib.dynamo.fields import Attr

if TYPE_CHECKING:
    from typing_extensions import Self

    from chalicelib.dynamo.errors import AttributeValue, Item
    from chalicelib.dynamo.futures import Pending
    from chalicelib.dynamo.model import Model

M = TypeVar("M", bound="Model")
M_co = TypeVar("M_co", covariant=True)

CALLS_A_PAGE = 20
"""Calls that a page may take before it is given out short, with a cursor: a filter may leave little of what is read."""
_FILTERED_AT_LEAST, _FILTERED_FACTOR = 100, 4


class Page(Generic[M_co]):
    """One answer: its objects in order. ``cursor`` leads on, None at the end; a page may be short and yet have one."""

    __slots__ = ("_index", "_next", "_range", "items")

    def __init__(self, items: list[M_co], next_key: Item | None, index: str | None, range_name: str) -> None:
        self.items: list[M_co] = items
        self._next, self._index, self._range = next_key, index, range_name

    @property
    def cursor(self) -> str | None:
        """Where the next page begins, for ``page`` of the same query. Opaque, and not signed."""
        from chalicelib.dynamo import cursors  # noqa: PLC0415 - most pages are the last

        return None if self._next is None else cursors.dump(self._index, self._next)

    @property
    def last(self) -> str | None:
        """The sort key of the last item read, where the table's is a text and there is more."""
        return None if self._next is None else str(self._next[self._range]["S"])


class Reading(Generic[M]):
    """A query or scan in the making. Every step gives a new one; nothing is sent until it is asked for an answer."""

    operation = "Query"

    def __init__(self, model: type[M]) -> None:
        self.model = model
        self.condition: Condition | None = None
        self.size: int | None = None
        self.strong = False
        self.wanted: tuple[Path[Any], ...] = ()
        self.populated: tuple[str, ...] = ()

    def with_(self, **changes: Any) -> Self:
        """The same with other attributes."""
        made = copy.copy(self)
        made.__dict__.update(changes)
        return made

    def where(self, condition: Condition | None) -> Self:
        """Only what this holds for too. None is no condition."""
        if condition is None:
            return self
        return self.with_(condition=condition if self.condition is None else self.condition & condition)

    def limit(self, size: int) -> Self:
        """``run`` and ``pages``: at most so many items read a call. ``all`` and iteration: a call's, not the whole."""
        return self.with_(size=size)

    def consistent(self) -> Self:
        """See every write that was acknowledged before, at twice the cost. Indexes cannot."""
        return self.with_(strong=True)

    def fields(self, *paths: Path[Any]) -> Self:
        """Load these attributes only. What was not asked for is not there; touching it is an AttributeError.

        It saves transfer and time, not capacity.
        """
        return self.with_(wanted=paths)

    def populate(self, *paths: str) -> Self:
        """Load what references lead to as well, ``"author"`` or ``"author.publisher"``: a BatchGetItem a level."""
        return self.with_(populated=(*self.populated, *paths))

    def request(self, bindings: Bindings, *, count: bool) -> dict[str, Any]:
        """The request, but for the table, names and values."""
        parameters: dict[str, Any] = {}
        if self.strong:
            parameters["ConsistentRead"] = True
        if count:
            parameters["Select"] = "COUNT"
        elif self.wanted:
            parameters["ProjectionExpression"] = projection(self.model, self.wanted, bindings, self.index_attributes())
        return parameters

    def index_attributes(self) -> tuple[str, ...]:
        """The key attributes of the index that is read."""
        return ()

    @property
    def index(self) -> str | None:
        """The index that is read; None for the table."""
        return None

    def filtered(self) -> bool:
        """Whether some of what is read may not be answered."""
        raise NotImplementedError

    def call(self, start: Item | None, size: int | None, *, count: bool = False) -> dict[str, Any]:
        """One call; the answer as it came."""
        bindings = Bindings()
        parameters = self.request(bindings, count=count)
        if size is not None:
            parameters["Limit"] = size
        if start is not None:
            parameters["ExclusiveStartKey"] = start
        request = bindings.into(parameters)
        if self.model.hooks is not None:
            self.model.hooks.query(self, request)
        return self.model.table.call(self.operation, request)

    def build(self, items: list[Item]) -> list[M]:
        """The objects of stored items."""
        model = self.model
        made = model.from_items(items, self.only())
        if model.hooks is not None:
            made = [each for each in made if model.admitted(each) is not None]
        if self.populated:
            from chalicelib.dynamo.population import populate  # noqa: PLC0415 - few queries do

            populate(made, *self.populated, consistent=self.strong)
        if model.hooks is not None:
            model.hooks.queried(self, made)
        return made

    def only(self) -> set[str] | None:
        """The fields that are loaded; None for all."""
        if self.wanted:
            return asked_for(self.wanted)
        held = self.model.table.layout.held(self.index)
        return (
            None if held is None else {name for name, each in self.model.schema.fields.items() if each.stored in held}
        )

    def run(self) -> Page[M]:
        """One call: at most 1 MB and ``limit`` items before the filter, so perhaps few though there are more."""
        return next(self.pages())

    def page_of(self, items: list[Item], next_key: Item | None) -> Page[M]:
        """A page of stored items."""
        return Page(self.build(items), next_key, self.index, self.model.table.layout.keys(None)[-1])

    def pages(self) -> Iterator[Page[M]]:
        """Every page from here to the end, a call each."""
        for answer in self._answers(self.size):
            yield self.page_of(answer["Items"], answer.get("LastEvaluatedKey"))

    def _answers(self, size: int | None, *, count: bool = False) -> Iterator[dict[str, Any]]:
        """The answers of as many calls as there are."""
        start: Item | None = None
        while True:
            answer = self.call(start, size, count=count)
            yield answer
            start = answer.get("LastEvaluatedKey")
            if start is None:
                return

    def page(self, size: int, cursor: str | None = None) -> Page[M]:
        """At most ``size`` objects from the cursor on: so many if there are, unless 20 calls do not find them.

        Raises:
            InvalidCursor: the cursor is not of this query.
        """
        items: list[Item] = []
        start = None if cursor is None else self._start(cursor)
        for _ in range(CALLS_A_PAGE):
            missing = size - len(items)
            limit = max(_FILTERED_AT_LEAST, missing * _FILTERED_FACTOR) if self.filtered() else missing
            answer = self.call(start, limit)
            items += answer["Items"]
            start = answer.get("LastEvaluatedKey")
            if start is None or len(items) >= size:
                break
        if len(items) > size:
            items = items[:size]
            start = {name: items[-1][name] for name in (*self.model.table.layout.keys(None), *self.index_attributes())}
        return self.page_of(items, start)

    def _start(self, cursor: str) -> Item:
        from chalicelib.dynamo import cursors  # noqa: PLC0415 - first pages have none

        layout = self.model.table.layout
        kinds = {name: layout.type_of(name) for name in (*layout.keys(None), *self.index_attributes())}
        start = cursors.load(cursor, self.index, kinds)
        if not self.covers(start):
            raise InvalidCursor("This cursor was made by another query.")
        return start

    def covers(self, key: Item) -> bool:  # noqa: ARG002 - a scan covers everything
        """Whether what is read has a place for an item with this key."""
        return True

    def all(self) -> list[M]:
        """Every object, in order: as many calls as it takes, 1 MB each."""
        return [item for page in self.pages() for item in page.items]

    def __iter__(self) -> Iterator[M]:
        for page in self.pages():
            yield from page.items

    def first(self) -> M | None:
        """The first object, or None."""
        found = self._at_most(1)
        return found[0] if found else None

    def one(self) -> M:
        """The only object.

        Raises:
            NotOne: there is none, or more than one.
        """
        found = self._at_most(2)
        if len(found) != 1:
            raise NotOne(f"{'several' if found else 'no'} {self.model.__name__} where one is expected")
        return found[0]

    def _at_most(self, size: int) -> list[M]:
        found: list[M] = []
        cursor = None
        while len(found) < size:
            page = self.page(size - len(found), cursor)
            found += page.items
            cursor = page.cursor
            if cursor is None:
                break
        return found

    def count(self) -> int:
        """How many there are. It costs what reading them costs, but for the transfer."""
        return sum(int(answer["Count"]) for answer in self._answers(None, count=True))

    def submit(self) -> Pending[list[M]]:
        """``all`` on the pool; see ``futures.submit``."""
        from chalicelib.dynamo.futures import submit  # noqa: PLC0415 - most calls wait

        return submit(self.all)


def projection(model: type[Model], paths: Sequence[Path[Any]], bindings: Bindings, keys: tuple[str, ...] = ()) -> str:
    """The ProjectionExpression of these paths, of the fields of the key, of the version, and of the key attributes."""
    always = [Path[Any](name) for name in (*model.table.layout.keys(None), *keys)]
    named = model.key.fields
    kept = [each for name, each in model.schema.fields.items() if name in named or each.options.is_version]
    wanted = [*paths, *kept, *always]
    return bindings.checked(", ".join(dict.fromkeys([bindings.text(path) for path in wanted])), 0)


class Part(dict[str, "AttributeValue"]):
    """What was loaded of an item of which only these fields were asked for whole."""

    def __init__(self, item: Item, only: Collection[str]) -> None:
        super().__init__(item)
        self.only = frozenset(only)


def asked_for(paths: Sequence[Path[Any]]) -> set[str]:
    """The fields that paths name whole."""
    return {path.field for path in paths if isinstance(path, Attr)}
