"""Constraints of fields: bounds, lengths, patterns, choices and functions, made into one check of a value."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from chalicelib.dynamo.errors import AttributeValue, ConstraintViolated

Check = Callable[[Any], "str | None"]
"""What is wrong with a value, None when nothing is."""

_BOUNDS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "ge": (operator.ge, "is less than {}"),
    "gt": (operator.gt, "is not greater than {}"),
    "le": (operator.le, "is greater than {}"),
    "lt": (operator.lt, "is not less than {}"),
}


def constrained(encode: Callable[[Any], AttributeValue], checks: dict[str, Any]) -> Callable[[Any], AttributeValue]:
    """An encoder that also makes these checks, of values of the right type."""
    made = [_check(name, bound) for name, bound in checks.items()]

    def checked(value: Any) -> AttributeValue:
        encoded = encode(value)
        if value is not None:
            for check in made:
                reason = check(value)
                if reason is not None:
                    raise ConstraintViolated(reason)
        return encoded

    return checked


def _check(name: str, bound: Any) -> Check:
    if name in _BOUNDS:
        holds, reason = _BOUNDS[name]
        return lambda value: None if holds(value, bound) else reason.format(bound)
    if name == "min_length":
        return lambda value: f"is shorter than {bound}" if len(value) < bound else None
    if name == "max_length":
        return lambda value: f"is longer than {bound}" if len(value) > bound else None
    if name == "pattern":
        matches = re.compile(bound).fullmatch
        return lambda value: None if matches(value) else f"does not match {bound}"
    if name == "choices":
        return lambda value: None if value in bound else f"is not one of {', '.join(map(repr, bound))}"
    return _validation(bound)


def _validation(rule: Any) -> Check:
    if isinstance(rule, re.Pattern):
        return lambda value: None if rule.search(value) else f"does not match {rule.pattern}"
    if callable(rule):
        return lambda value: None if rule(value) else "is not valid"
    return lambda value: None if value == rule else f"is not {rule!r}"
