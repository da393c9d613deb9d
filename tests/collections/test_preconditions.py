from __future__ import annotations

import pytest

from chalicelib.collections.preconditions import ANY, NONE, Preconditions
from chalicelib.collections.record import Record
from chalicelib.dynamo.errors import ConditionFailed
from chalicelib.errors import PreconditionFailed, PreconditionRequired

HOLDS = [
    # (If-Match, If-None-Match), stored version (None: nothing is), whether they hold
    ((None, None), None, True),
    ((None, None), 3, True),
    (({3}, None), 3, True),
    (({2}, None), 3, False),
    (({1, 2, 3}, None), 3, True),
    (({3}, None), None, False),
    ((ANY, None), 3, True),
    ((ANY, None), None, False),
    ((None, {3}), 3, False),
    ((None, {2}), 3, True),
    ((None, {1, 3}), 3, False),
    ((None, {3}), None, True),
    ((None, ANY), 3, False),
    ((None, ANY), None, True),
    (({3}, {2}), 3, True),
    (({3}, {3}), 3, False),
    (({3}, ANY), 3, False),
    ((ANY, ANY), None, False),
]


def preconditions(pair: tuple[set[int] | frozenset[int] | None, ...]) -> Preconditions:
    return Preconditions(*(each if each is None or each is ANY else frozenset(each) for each in pair))


@pytest.mark.parametrize(("pair", "version", "holds"), HOLDS)
def test_preconditions_hold_as_rfc_9110_says(
    pair: tuple[set[int] | None, ...], version: int | None, holds: bool
) -> None:
    given = preconditions(pair)
    if holds:
        given.check(version)
    else:
        with pytest.raises(PreconditionFailed):
            given.check(version)


@pytest.mark.parametrize(("pair", "version", "holds"), HOLDS)
def test_dynamodb_decides_the_same(
    table: str, pair: tuple[set[int] | None, ...], version: int | None, holds: bool
) -> None:
    if version is not None:
        Record(partition="p", id="i", version=version, created_at="", updated_at="", doc={}).put()
    new = Record(partition="p", id="i", version=9, created_at="", updated_at="", doc={})
    condition = preconditions(pair).condition(Record.version)
    if holds:
        new.put(condition)
    else:
        with pytest.raises(ConditionFailed):
            new.put(condition)


def test_no_preconditions_are_no_condition() -> None:
    assert NONE.condition(Record.version) is None
    assert not NONE.given


def test_required_preconditions_are_insisted_on() -> None:
    with pytest.raises(PreconditionRequired):
        NONE.require()
    Preconditions(match=ANY).require()
