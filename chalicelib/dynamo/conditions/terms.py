"""What DynamoDB can say of a condition, and what it says of equality and order. Pure.

The language is total and DynamoDB is not: it refuses operands of some types and knows no equality of what is missing.
What follows is exact on every record, or says that it is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import ROUND_DOWN, Context, Decimal
from typing import Any, NamedTuple, TypeAlias

from chalicelib.dynamo.codec import encode
from chalicelib.dynamo.errors import Unstorable
from chalicelib.dynamo.expressions import MAX_IN_VALUES, Condition, Encoded, Junction, Part, Path
from chalicelib.dynamo.ordering import SURROGATES
from chalicelib.where import values

Side: TypeAlias = "Condition | bool"

_TOWARDS_ZERO = Context(prec=38, Emax=125, Emin=-130, rounding=ROUND_DOWN, traps=[])
_SMALLEST = Decimal("1E-130")
NULL = Encoded({"NULL": True})
_new = tuple.__new__
"""Makes a named tuple of its fields' tuple, without the function that Python gives it, which takes half of the time."""


class Term(NamedTuple):
    """A condition as far as DynamoDB knows it: ``may`` holds whenever it does, ``must`` only when it does.

    The two are one object where DynamoDB decides exactly.
    """

    may: Side
    must: Side

    @property
    def exact(self) -> bool:
        """Whether nothing is left to decide."""
        return self.may is self.must


def exact(side: Side) -> Term:
    """What DynamoDB decides."""
    return _new(Term, (side, side))


UNKNOWN = Term(may=True, must=False)


def negated(term: Term) -> Term:
    """The negation: what must hold may not, and the other way round."""
    may, must = term
    return exact(_not(may)) if may is must else Term(_not(must), _not(may))


def joined(operator: str, terms: Iterable[Term]) -> Term:
    """All (``AND``) or any (``OR``) of the terms."""
    given = list(terms)
    may = _joined(operator, [term.may for term in given])
    return exact(may) if all(term.exact for term in given) else Term(may, _joined(operator, [t.must for t in given]))


def _not(side: Side) -> Side:
    return not side if isinstance(side, bool) else ~side


def _joined(operator: str, sides: list[Side]) -> Side:
    decisive = operator == "OR"
    if any(side is decisive for side in sides):
        return decisive
    conditions = tuple([side for side in sides if not isinstance(side, bool)])
    if len(conditions) > 1:
        return Junction(operator, conditions)
    return conditions[0] if conditions else not decisive


def stored(value: object) -> Encoded | None:
    """The value as an operand; None of one that no record can have."""
    if type(value) is str and value.isascii():
        return Encoded({"S": value})
    kind = type(value)
    try:
        encoded = encode(value)
    except Unstorable:
        return None
    return Encoded(encoded) if kind is int or kind is float or _is_unicode(value) else None


def _is_unicode(value: object) -> bool:
    if isinstance(value, str):
        return value.isascii() or not any(ord(character) in SURROGATES for character in value)
    if isinstance(value, dict):
        return all(_is_unicode(name) and _is_unicode(member) for name, member in value.items())
    return not isinstance(value, (list, tuple, set, frozenset)) or all(map(_is_unicode, value))


def is_null(path: Path[Any]) -> Condition:
    """That there is no value, or null."""
    return path.missing() | compared(path, "=", NULL)


def has(path: Path[Any]) -> Condition:
    """That there is a value other than null."""
    return path.exists() & compared(path, "<>", NULL)


def equals(path: Path[Any], value: object) -> Term:
    """That the value is this one."""
    if value is None:
        return exact(is_null(path))
    operand = stored(value)
    return exact(operand is not None and compared(path, "=", operand))


def differs(path: Path[Any], value: object) -> Term:
    """That the value is another, or missing: DynamoDB's ``<>`` as it is."""
    if value is None:
        return exact(has(path))
    operand = stored(value)
    return exact(operand is None or compared(path, "<>", operand))


def same(left: Path[Any], right: Path[Any]) -> Term:
    """That two values are equal, or both missing or null: DynamoDB finds nothing equal to what is missing."""
    if left.names == right.names:
        return exact(side=True)
    return exact(compared(left, "=", right) | (is_null(left) & is_null(right)))


def ordered(path: Path[Any], operator: str, value: object) -> Term:
    """That the value is of the same type and ordered so. Only numbers and strings are, others DynamoDB refuses."""
    if isinstance(value, str):
        operand = stored(value)
        return UNKNOWN if operand is None else exact(compared(path, operator, operand))
    if type(value) is int or type(value) is float:
        operand = stored(value)
        if operand is not None:
            return exact(compared(path, operator, operand))
    return exact(compared_number(path, operator, value))


def compared_number(left: Part, operator: str, value: object) -> Side:
    """That a number compares so with the value; false of a value that is none."""
    number = values.exact(value)
    if number is None:
        return False
    operand = stored(value)
    if operand is None:
        if operator == "=":
            return False
        # Between this number and the next one towards zero that can be stored, there is none.
        operand = Encoded({"N": str(_TOWARDS_ZERO.plus(number) if abs(number) >= _SMALLEST else 0)})
        operator = operator[0] + ("=" if (operator[0] == "<") == (number > 0) else "")
    return compared(left, operator, operand)


def ordered_paths(left: Path[Any], operator: str, right: Path[Any]) -> Term:
    """That two values are of one type and ordered so."""
    if left.names != right.names:
        return exact(compared(left, operator, right))
    return exact("=" in operator and left.type_is("S") | left.type_is("N"))


def between(path: Path[Any], low: object, high: object) -> Term | None:
    """That the value is of the bounds' type and between them; None where it takes two comparisons to say so."""
    numbers = values.exact(low), values.exact(high)
    if isinstance(low, str) and isinstance(high, str):
        empty = low > high
    elif numbers[0] is not None and numbers[1] is not None:
        empty = numbers[0] > numbers[1]
    else:
        return None
    if empty:  # DynamoDB refuses
        return exact(side=False)
    least, greatest = stored(low), stored(high)
    if least is None or greatest is None:
        return None
    return exact(Condition((path, " BETWEEN ", least, " AND ", greatest)))


def one_of(path: Path[Any], options: Collection[object]) -> Term:
    """That the value is one of these."""
    operands = [operand for value in options if value is not None and (operand := stored(value))]
    sides: list[Side] = [is_null(path)] if None in options else []
    for start in range(0, len(operands), MAX_IN_VALUES):
        listed: list[Part] = [path, " IN ("]
        for number, operand in enumerate(operands[start : start + MAX_IN_VALUES]):
            listed += [", ", operand] if number else [operand]
        sides.append(Condition((*listed, ")")))
    return exact(_joined("OR", sides))


def compared(left: Part, operator: str, right: Part) -> Condition:
    """DynamoDB's own comparison. Not a ``Comparison``, from which a query would take its key condition."""
    return Condition((left, f" {operator} ", right))
