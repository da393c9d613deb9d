"""Which key or index serves a query, and what of the query it cannot serve. Pure: a query in, a plan out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from chalicelib.dynamo.errors import AttributeValue, MissingAttribute, NoIndex
from chalicelib.dynamo.expressions import Comparison, Condition, Encoded, Expression, Junction, Part, Path, all_of
from chalicelib.dynamo.fields import Attr
from chalicelib.dynamo.keys import TYPE
from chalicelib.dynamo.ordering import HOLDS, LAST, next_above, next_below, rank

if TYPE_CHECKING:
    from chalicelib.dynamo.keys import Access, Template
    from chalicelib.dynamo.model import Model

_Limit: TypeAlias = "tuple[str, AttributeValue]"
"""An operator and the value of the sort key that it is compared with."""
_LOWER, _UPPER = (">", ">="), ("<", "<=")
_EMPTY: AttributeValue = {"S": ""}
"""No sort key is empty, and DynamoDB refuses to compare one with it."""
_LEAST: dict[str, AttributeValue] = {"S": {"S": "\0"}, "N": {"N": f"-{'9' * 38}E+88"}, "B": {"B": "AA=="}}
"""The least sort key of each type."""
_DIGITS = "0123456789.-"
"""What numbers in partition keys are written with. In sort keys they have an end; see ``ordering``."""
_FIXED_WIDTH = (bool, date, datetime, UUID)
_FULL, _BOUNDED, _WHOLE = 3, 2, 1


class Plan:
    """How a query is answered.

    ``access`` is the key or index, ``hash_value`` the partition, ``range`` the condition on the sort key and ``filter``
    the rest, which is applied to what was read. ``why`` says why this one, ``rejected`` why not the others.
    """

    __slots__ = ("access", "filter", "hash_value", "range", "rejected", "why")

    def __init__(
        self,
        access: Access,
        hash_value: AttributeValue,
        range_: Comparison | None,
        filter_: Condition | None,
        why: str,
        rejected: dict[str, str],
    ) -> None:
        self.access, self.hash_value, self.range, self.filter = access, hash_value, range_, filter_
        self.why, self.rejected = why, rejected

    @property
    def index(self) -> str | None:
        """The table's index that is read; None for the table itself."""
        return self.access.index

    @property
    def key_conditions(self) -> list[Condition]:
        """The partition's, and the sort key's if there is one."""
        partition = Path[Any](self.access.hash.attribute) == Encoded(self.hash_value)
        return [partition] if self.range is None else [partition, self.range]


class Terms:
    """What a query gives, by field: the values it has to equal, the comparisons, and all the rest."""

    def __init__(self, model: type[Model], values: Mapping[str, Any], condition: Condition | None) -> None:
        self.model = model
        self.conjuncts: list[Condition] = []
        self.comparisons: list[tuple[str, Comparison]] = []
        for name, value in values.items():
            if name not in model.schema.fields:
                raise NoIndex(f"{model.__name__} has no field {name}.")
            if value is None:
                raise MissingAttribute("is None; what lacks it is asked for with where", [name])
            field = model.schema.fields[name]
            self._take(field == field.transformed(value))
        for conjunct in conjuncts(condition):
            self._take(conjunct)
        self.equal = {name: term for name, term in self.comparisons if term.operator == "="}

    def _take(self, conjunct: Condition) -> None:
        self.conjuncts.append(conjunct)
        if isinstance(conjunct, Comparison) and isinstance(conjunct.path, Attr):
            own = self.model.schema.fields.get(conjunct.path.field)
            if conjunct.is_plain and own is not None and own.stored == conjunct.path.stored:
                self.comparisons.append((conjunct.path.field, conjunct))

    def settled(self, template: Template) -> list[Condition]:
        """Those that a partition takes over, so that they need no filter."""
        numbered = enumerate(template.parts)
        fields = [(number, name) for number, (name, is_field) in numbered if is_field]
        return [self.equal[name] for number, name in fields if _determines(template, number, self.kinds(name))]

    def without(self, used: Collection[Condition]) -> list[Condition]:
        """All but these."""
        return [term for term in self.conjuncts if not any(term is each for each in used)]

    def kinds(self, name: str) -> frozenset[str]:
        """What a field's values are stored as, where it has one."""
        kinds: frozenset[str] = self.model.schema.fields[name].type.kinds - {"NULL"}
        return kinds

    def on(self, name: str, operators: Iterable[str]) -> Iterator[Comparison]:
        """The comparisons of a field with one of these operators."""
        return (term for field, term in self.comparisons if field == name and term.operator in operators)


def conjuncts(condition: Condition | None) -> tuple[Condition, ...]:
    """The conditions that all have to hold; the counterpart of ``all_of``."""
    if isinstance(condition, Junction) and condition.operator == "AND":
        return condition.conditions
    return () if condition is None else (condition,)


def plan(
    model: type[Model],
    values: Mapping[str, Any],
    condition: Condition | None,
    *,
    using: Access | None = None,
    sort: str | None = None,
    consistent: bool = False,
    wanted: Collection[str] | None = None,
) -> Plan:
    """The way that leaves least to the filter; of equal ones the table's own key, then indexes as they are declared.

    An index that lacks items, or attributes of them that are ``wanted`` (None: all), serves only who is ``using`` it.

    Raises:
        NoIndex: no partition is determined by what is given, or none that serves the order or the consistency.
        Invalid: a value is not of its field's type.
    """
    terms = Terms(model, values, condition)
    best: tuple[int, Plan] | None = None
    rejected: dict[str, str] = {}
    candidates = [model.key, *model.indexes.values()] if using is None else [using]
    for access in candidates:
        judged = _judge(access, terms, sort, consistent=consistent)
        if using is None and not isinstance(judged, str):
            judged = _lacking(access, terms, wanted) or judged
        if isinstance(judged, str):
            rejected[access.name] = judged
        elif best is None or judged[0] > best[0]:
            if best is not None:
                rejected[best[1].access.name] = f"{access.name} reads less"
            best = judged
        else:
            rejected[access.name] = f"{best[1].access.name} reads no more"
    if best is None:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in rejected.items())
        raise NoIndex(f"Nothing serves this query of {model.__name__} ({reasons}). Give what is missing, or scan.")
    best[1].rejected = rejected
    return best[1]


def _judge(access: Access, terms: Terms, sort: str | None, *, consistent: bool) -> tuple[int, Plan] | str:
    """How well the access serves and its plan, or why it does not serve."""
    missing = [name for name in access.hash.fields if name not in terms.equal]
    if missing:
        return f"{', '.join(missing)} is not given"
    if consistent and access.index is not None:
        return "an index cannot be read consistently"
    equal = {name: term.operands[0] for name, term in terms.equal.items()}
    used = terms.settled(access.hash)
    score, range_, why, sorts_by = _WHOLE, None, f"{_listed(access.hash.fields)} given", None
    if access.range is not None:
        bounds = _Bounds(access.range, terms, equal)
        score, range_, used, sorts_by = bounds.score, bounds.condition, used + bounds.used, bounds.sorts_by
        why += bounds.why
    if sort is not None and sort not in equal and sort != sorts_by:
        return f"it is not sorted by {sort}"
    rest = terms.without(used)
    filter_ = all_of([*rest, visible(terms.model)])
    if (lacking := not_held(terms.model, access.index, filter_)) is not None:
        return f"it does not hold {lacking}, which has to be filtered by"
    keys = {template.attribute for template in access.templates}
    unfilterable = [path for term in rest for path in paths_of(term) if path.names[0] in keys]
    if unfilterable:
        return f"{unfilterable[0].names[0]} is its key, and what is asked of that can only be filtered"
    return score, Plan(access, access.hash.value(equal), range_, filter_, why, {})


def _lacking(access: Access, terms: Terms, wanted: Collection[str] | None) -> str | None:
    """What an index may not have that the query could find, if there is such."""
    held = terms.model.table.layout.held(access.index)
    if held is not None and (wanted is None or not held.issuperset(wanted)):
        return "it holds only parts of the items"
    asked = {name for name, term in terms.comparisons if term.operator != "<>"}
    absent = [name for name in sorted(access.fields - asked) if _may_be_absent(terms.model.schema.fields[name])]
    if access.index is not None and absent:
        return f"items without {absent[0]} are not in it"
    return None


def _may_be_absent(field: Attr[Any]) -> bool:
    options = field.options
    return field.type.nullable or (options.default is None and not options.managed)


def visible(model: type[Model]) -> Condition | None:
    """The condition that an item is one of the model's, and counts as stored."""
    kind = None if model.type_name is None else Path[str](TYPE) == model.type_name
    return all_of([kind, None if model.hooks is None else model.hooks.filter()])


def not_held(model: type[Model], index: str | None, condition: Condition | None) -> str | None:
    """An attribute that a condition names and an index does not have."""
    held = model.table.layout.held(index)
    if held is None or condition is None:
        return None
    return next((str(path.names[0]) for path in paths_of(condition) if path.names[0] not in held), None)


def _listed(names: Iterable[str]) -> str:
    given = list(names)
    return f"{', '.join(given)} {'are' if len(given) > 1 else 'is'}" if given else "one partition is"


class _Bounds:
    """What of the terms a sort key takes over: ``condition`` is its, and ``used`` need no filter any more."""

    def __init__(self, template: Template, terms: Terms, equal: Mapping[str, Any]) -> None:
        self.template, self.terms = template, terms
        self.path: Path[Any] = Path(template.attribute)
        self.used: list[Condition] = []
        self.condition: Comparison | None = None
        self.score, self.why = _WHOLE, ""
        self.sorts_by: str | None = None
        prefix = ""
        for number, (part, is_field) in enumerate(template.parts):
            if is_field and part not in equal:
                self.sorts_by = part if _in_order(template, number, terms.kinds(part)) else None
                self._bound(part, prefix, last=number == len(template.parts) - 1)
                return
            if is_field and _determines(template, number, terms.kinds(part)):
                self.used.append(terms.equal[part])
            if template.kind == "S":
                prefix += template.part(part, equal[part]) if is_field else part
        self.condition = _compared(self.path, "=", template.value(equal))
        self.score, self.why = _FULL, ", and the whole sort key"

    def _bound(self, name: str, prefix: str, *, last: bool) -> None:
        """Use what is asked of the first field that is not given."""
        kinds = self.terms.kinds(name)
        text = next(self.terms.on(name, ["begins_with"]), None)
        if text is not None and self.template.kind == "S":
            self._begin(prefix + text.operands[0])
            self._take([text] if last and kinds == {"S"} else [], f", and {name} begins with a text")
            return
        lower, upper, terms = self._limits(name, prefix) if last else (None, None, [])
        if terms:
            self._limit(prefix, lower, upper)
            exact = len(kinds) == 1 or self.template.is_field
            self._take(terms if exact else [], f", and {name} bounds the sort key")
        elif prefix:
            self._begin(prefix)
            self._take([], ", and the beginning of the sort key")

    def _begin(self, text: str) -> None:
        """The condition that the sort key begins with a text. Every one begins with an empty one."""
        if text:
            self.template.check(text)
            self.condition = _compared(self.path, "begins_with", {"S": text})

    def _limits(self, name: str, prefix: str) -> tuple[_Limit | None, _Limit | None, list[Comparison]]:
        """The first lower and upper bound, and the terms that they come from."""
        between = next(self.terms.on(name, ["BETWEEN"]), None)
        if between is not None:
            low, high = [self._value(name, prefix, operand) for operand in between.operands]
            return (">=", low), ("<=", high), [between]
        lower, upper = next(self.terms.on(name, _LOWER), None), next(self.terms.on(name, _UPPER), None)
        return (
            None if lower is None else (lower.operator, self._value(name, prefix, lower.operands[0])),
            None if upper is None else (upper.operator, self._value(name, prefix, upper.operands[0])),
            [term for term in (lower, upper) if term is not None],
        )

    def _value(self, name: str, prefix: str, value: Any) -> AttributeValue:
        if self.template.kind != "S":
            return self.template.encoded(name, value)
        text = prefix + self.template.part(name, value)
        if text:
            self.template.check(text)
        return {"S": text}

    def _limit(self, prefix: str, lower: _Limit | None, upper: _Limit | None) -> None:
        """The condition on the sort key. It can be only one, so two bounds are put inclusively."""
        if lower is not None and lower[1] == _EMPTY:
            lower = None
        if not prefix and (lower is None or upper is None):
            limit = lower or upper
            if limit is not None:
                self.condition = self._nothing() if limit[1] == _EMPTY else _compared(self.path, *limit)
            return
        low: AttributeValue | None = {"S": prefix}
        high: AttributeValue | None = {"S": prefix + LAST}
        if lower is not None:
            low = lower[1] if lower[0] == ">=" else next_above(lower[1])
        if upper is not None:
            high = upper[1] if upper[0] == "<=" else next_below(upper[1])
        if low is None or high is None or rank(low) > rank(high):
            self.condition = self._nothing()
        else:
            self.condition = _compared(self.path, "BETWEEN", low, high)

    def _nothing(self) -> Comparison:
        """A condition that no sort key meets, in the place of one that DynamoDB refuses: an interval from b to a."""
        return _compared(self.path, "<", _LEAST[self.template.kind])

    def _take(self, terms: list[Comparison], why: str) -> None:
        self.used += terms
        self.score, self.why = _BOUNDED, why


def _determines(template: Template, number: int, kinds: frozenset[str]) -> bool:
    """Whether the key's text says which value this part of it has, those before it being known.

    Of ``{a}#{b}`` it does not: "x" and "y#z" make the text that "x#y" and "z" make. Then the filter has to.
    """
    if template.is_field:
        return True
    if len(kinds) > 1:
        return False
    following = template.parts[number + 1 :]
    if not any(is_field for _, is_field in following) or _fixed_width(template, number):
        return True
    text, is_field = following[0]
    return kinds == {"N"} and (template.sorts or not (is_field or text[0] in _DIGITS))


def _in_order(template: Template, number: int, kinds: frozenset[str]) -> bool:
    """Whether keys that are alike up to this part sort by it. Of texts it is taken that no separator is in them."""
    following = template.parts[number + 1 :]
    return not following or kinds == {"N"} or not following[0][1] or _fixed_width(template, number)


def _fixed_width(template: Template, number: int) -> bool:
    field = template.model.schema.fields[template.parts[number][0]]
    return field.resolved in _FIXED_WIDTH


def _compared(path: Path[Any], operator: str, *values: AttributeValue) -> Comparison:
    """A comparison with attribute values."""
    first, last = Encoded(values[0]), Encoded(values[-1])
    parts: tuple[Part, ...] = (path, f" {operator} ", first)
    if operator == "BETWEEN":
        parts = (*parts, " AND ", last)
    elif operator == "begins_with":
        parts = ("begins_with(", path, ", ", first, ")")
    return Comparison(path, operator, values, parts)


def within(condition: Comparison, value: AttributeValue) -> bool:
    """Whether a sort key's value meets a plan's condition on it."""
    if condition.operator == "begins_with":
        return str(value["S"]).startswith(condition.operands[0]["S"])
    of_key, bounds = rank(value), [rank(bound) for bound in condition.operands]
    if condition.operator == "BETWEEN":
        return bool(bounds[0] <= of_key <= bounds[1])
    return HOLDS[condition.operator](of_key, bounds[0])


def paths_of(part: Part) -> Iterator[Path[Any]]:
    """Every path that an expression names."""
    if isinstance(part, Path):
        yield part
    elif isinstance(part, Expression):
        for inner in part.parts:
            yield from paths_of(inner)
