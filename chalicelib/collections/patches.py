"""PATCH documents: RFC 7396 merge patches with the operators ``$inc``, ``$append``, ``$remove`` and ``$unset``.

``apply`` is what a patch means. ``plan`` says the same as one conditional DynamoDB update, where one can say it.
"""

from __future__ import annotations

import decimal
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from chalicelib.dynamo.codec import MAX_DIGITS, MAX_NAME_BYTES, number, number_text
from chalicelib.dynamo.errors import Unstorable
from chalicelib.dynamo.expressions import Condition, Path
from chalicelib.errors import Failure, InvalidOperation, ValidationFailed, pointer
from chalicelib.schema import structure
from chalicelib.schema.compiled import ANNOTATIONS, is_local_object, property_schema

if TYPE_CHECKING:
    from chalicelib.schema.compiled import CompiledSchema

OPERATORS = ("$inc", "$append", "$remove", "$unset")
MAX_ACTIONS = 100
"""Changed properties that one update takes; its expression stays below DynamoDB's 4 KB."""
_ARITHMETIC = Context(prec=MAX_DIGITS)
_EXACTLY = Context(prec=MAX_DIGITS, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow])
_NUMBER = ANNOTATIONS | {"type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
_ARRAY = ANNOTATIONS | {"type", "items", "maxItems"}


def check(patch: Any) -> None:
    """Refuse what is no patch.

    Raises:
        ValidationFailed: no object, an unknown operator, or an operand that the operator does not take (422).
    """
    if not isinstance(patch, dict):
        raise ValidationFailed([Failure(pointer="", detail="is not a JSON object")])
    if structure.depth_exceeds(patch, structure.MAX_RECORD_DEPTH + 1):  # an operator is a level of its own
        detail = f"is nested deeper than the {structure.MAX_RECORD_DEPTH} levels that a record can have"
        raise ValidationFailed([Failure(pointer="", detail=detail)])
    failures: list[Failure] = []
    if any(name[:1] == "$" for name in patch):
        failures.append(Failure(pointer="", detail="has an operator where a property name belongs"))
    _check(patch, [], failures)
    if failures:
        raise ValidationFailed(failures)


def _check(patch: dict[str, Any], path: list[str], failures: list[Failure]) -> None:
    for name, value in patch.items():
        if not isinstance(value, dict):
            continue
        operators = [member for member in value if member[:1] == "$"]
        if not operators:
            _check(value, [*path, name], failures)
            continue
        reason = _operator_failure(value, operators[0])
        if reason:
            failures.append(Failure(pointer=pointer([*path, name]), detail=reason))


def _operator_failure(value: dict[str, Any], action: str) -> str | None:
    if action not in OPERATORS:
        return f"has the unknown operator {action[:40]!r}; there are {', '.join(OPERATORS)}"
    if len(value) > 1:
        return f"has {action!r} and something besides"
    operand = value[action]
    if action == "$inc":
        return _increment_failure(operand)
    if action in ("$append", "$remove") and not isinstance(operand, list):
        return f"takes an array for {action!r}"
    if action == "$unset" and operand is not True:
        return "takes true for '$unset'"
    return None


def _increment_failure(amount: Any) -> str | None:
    if isinstance(amount, bool) or not isinstance(amount, (int, float, Decimal)):
        return "takes a number for '$inc'"
    try:
        number_text(amount)
    except Unstorable as error:
        return f"has an operand for '$inc' that {error.reason}"
    return None


def operator_of(value: Any) -> str | None:
    """The operator that a property's value in a patch is, None for a plain value."""
    if isinstance(value, dict) and len(value) == 1:
        (name,) = value
        if name in OPERATORS:
            return str(name)
    return None


def apply(target: Any, patch: dict[str, Any], path: tuple[str, ...] = ()) -> dict[str, Any]:
    """The target after the patch; the target itself stays as it is.

    Raises:
        InvalidOperation: an operator does not fit the stored value (422).
    """
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        action = operator_of(value)
        if value is None or action == "$unset":
            result.pop(name, None)
        elif action is not None:
            _operate(result, name, action, value[action], (*path, name))
        elif isinstance(value, dict):
            result[name] = apply(result.get(name), value, (*path, name))
        else:
            result[name] = value
    return result


def _operate(result: dict[str, Any], name: str, action: str, operand: Any, path: tuple[str, ...]) -> None:
    stored = result.get(name)
    if action == "$inc":
        if stored is None:
            stored = 0
        if isinstance(stored, bool) or not isinstance(stored, (int, float, Decimal)):
            raise _misfit(path, "is not a number, so '$inc' cannot be applied")
        result[name] = _sum(stored, operand)
        return
    if stored is None:
        stored = []
    if not isinstance(stored, list):
        raise _misfit(path, f"is not an array, so {action!r} cannot be applied")
    if action == "$append":
        result[name] = [*stored, *operand]
    elif name in result:
        result[name] = [element for element in stored if not any(_same(element, gone) for gone in operand)]


def _same(one: Any, other: Any) -> bool:
    """JSON's equality: 1 is 1.0 and is not true."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _sum(stored: Any, amount: Any) -> Any:
    """The sum as DynamoDB makes it: decimal, with 38 digits."""
    return number(str(_ARITHMETIC.add(Decimal(str(stored)), Decimal(str(amount)))))


def _misfit(path: tuple[str, ...], detail: str) -> InvalidOperation:
    return InvalidOperation([Failure(pointer=pointer(path), detail=detail)])


@dataclass
class Plan:
    """A patch as one update of ``doc``.

    Its actions, the conditions under which they do what the patch means, and the part of the record that they write,
    for validation; ``failures`` are those that are known without it.
    """

    assignments: list[tuple[Path[Any], Any]] = field(default_factory=list)
    removals: list[Path[Any]] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    fragment: dict[str, Any] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)


def plan(patch: dict[str, Any], schema: CompiledSchema) -> Plan | None:
    """The update that a patch is; None when it takes the stored record to know what it does or whether it is valid."""
    if not schema.is_local:
        return None
    made = Plan()
    fits = _plan(patch, schema.schema, (), made.fragment, made)
    return made if fits and len(made.assignments) + len(made.removals) <= MAX_ACTIONS else None


def _plan(patch: dict[str, Any], schema: Any, path: tuple[str, ...], fragment: dict[str, Any], made: Plan) -> bool:
    required = schema.get("required", ()) if isinstance(schema, Mapping) else ()
    for name, value in patch.items():
        if not 0 < len(name.encode()) <= MAX_NAME_BYTES:
            return False  # no such property is ever stored; the record's own check says so
        part = property_schema(schema, name)
        place: Path[Any] = Path("doc", *path, name)
        action = operator_of(value)
        if value is None or action == "$unset":
            if name in required:
                made.failures.append(Failure(pointer=pointer([*path, name]), detail="is required"))
            made.removals.append(place)
        elif action is not None:
            if not _plan_operator(action, value[action], part, place, name, fragment, made):
                return False
        elif isinstance(value, dict):
            if part is not True and not is_local_object(part):
                return False
            made.conditions.append(place.type_is("M"))
            fragment[name] = {}
            if not _plan(value, part, (*path, name), fragment[name], made):
                return False
        else:
            made.assignments.append((place, value))
            fragment[name] = value
    return True


def _plan_operator(
    action: str, operand: Any, schema: Any, place: Path[Any], name: str, fragment: dict[str, Any], made: Plan
) -> bool:
    if action == "$inc":
        return _plan_increment(operand, schema, place, made)
    if action != "$append" or schema is False or not _says_only(schema, _ARRAY, ("array",)):
        return False
    listed = place.type_is("L")
    if isinstance(schema, Mapping) and "maxItems" in schema:
        listed &= place.size() <= max(schema["maxItems"] - len(operand), 0)
    made.conditions.append(place.missing() | listed)
    made.assignments.append((place, place.followed_by(operand)))
    fragment[name] = operand
    return True


def _plan_increment(amount: Any, schema: Any, place: Path[Any], made: Plan) -> bool:
    if schema is False or not _says_only(schema, _NUMBER, ("number", "integer")):
        return False
    limits: Mapping[str, Any] = schema if isinstance(schema, Mapping) else {}
    if limits.get("type") == "integer" and not (isinstance(amount, int) or amount == int(amount)):
        return False
    stored = place.type_is("N")
    for keyword, compare in _BOUNDS.items():
        if keyword in limits:
            bound = _difference(limits[keyword], amount)
            if bound is None:
                return False
            stored &= compare(place, bound)
    made.conditions.append(place.missing() | stored if _within(amount, limits) else stored)
    made.assignments.append((place, place.or_else(0) + amount))
    return True


def _difference(limit: Any, amount: Any) -> Any:
    """The limit less the amount; None when DynamoDB could not hold it exactly."""
    try:
        return number(number_text(_EXACTLY.subtract(Decimal(str(limit)), Decimal(str(amount)))))
    except (ArithmeticError, Unstorable):
        return None


_BOUNDS: dict[str, Callable[[Any, Any], Any]] = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}


def _within(amount: Any, limits: Mapping[str, Any]) -> bool:
    """Whether the amount itself, added to nothing, keeps to the limits."""
    return all(compare(amount, limits[keyword]) for keyword, compare in _BOUNDS.items() if keyword in limits)


def _says_only(schema: Any, keywords: frozenset[str], types: tuple[str, ...]) -> bool:
    """Whether a property's schema is of one of the types and has no other keywords than these."""
    if schema is True:
        return True
    return isinstance(schema, Mapping) and keywords.issuperset(schema) and schema.get("type", types[0]) in types
